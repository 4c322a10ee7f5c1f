//! The settings file: read with defaults for what is missing, kept aside when it cannot be read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StoreError, write_whole};

/// Light, dark, or as the system says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Follow the system.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// What the user chose. Unknown keys are ignored, missing ones take the default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Scale of all text, 1 is the system's.
    pub text_scale: f32,
    /// The model that the user chose last, by its identifier; kept once it was loaded.
    pub model: Option<String>,
    /// Device asked for: `auto`, `cpu` or `cuda`.
    pub device: crate::base::Device,
    /// Path of an ONNX Runtime library that the user chose.
    pub runtime: Option<PathBuf>,
    /// Threads for one inference; none means as many as there are cores.
    pub threads: Option<usize>,
    /// The folder of everything but the settings; none for the platform's.
    pub data_folder: Option<PathBuf>,
    /// The folder of the training cache; none for the one in the data folder.
    pub training_cache: Option<PathBuf>,
    /// Whether the note on fair play was read.
    pub fair_play_read: bool,
    /// Whether the tour of a first start was seen, or skipped.
    pub tour_done: bool,
    /// Coach mode: the ranking stays covered until the user made a guess or asks for it.
    pub coach: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            text_scale: 1.0,
            model: None,
            device: crate::base::Device::Auto,
            runtime: None,
            threads: None,
            data_folder: None,
            training_cache: None,
            fair_play_read: false,
            tour_done: false,
            coach: true,
        }
    }
}

/// Keys of which it matters whether a file has them.
#[derive(Deserialize)]
struct Named {
    tour_done: Option<bool>,
}

/// Settings as read, and a sentence for the user when the file was damaged.
#[derive(Debug)]
pub struct Loaded {
    /// The settings to use.
    pub settings: Settings,
    /// What to tell the user, if anything.
    pub notice: Option<String>,
}

impl Settings {
    /// Reads the file; a missing one gives the defaults, a damaged one is renamed to `….bad` and told.
    #[must_use]
    pub fn load(path: &Path) -> Loaded {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                return Loaded { settings: Self::default(), notice: None };
            }
            Err(other) => return Self::kept_aside(path, &other.to_string()),
        };
        match Self::parse(&text) {
            Ok(settings) => Loaded { settings, notice: None },
            Err(damaged) => Self::kept_aside(path, &damaged.to_string()),
        }
    }

    fn parse(text: &str) -> serde_json::Result<Self> {
        let mut settings: Self = serde_json::from_str(text)?;
        let named: Named = serde_json::from_str(text)?;
        // A file from before there was a tour: who had read the note on fair play has found the way already.
        settings.tour_done = named.tour_done.unwrap_or(settings.fair_play_read);
        Ok(settings)
    }

    /// Writes the file whole.
    ///
    /// # Errors
    /// [`StoreError::Write`]; the old file is unchanged.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| StoreError::Write { path: path.to_owned(), source: source.into() })?;
        write_whole(path, text.as_bytes())
    }

    fn kept_aside(path: &Path, why: &str) -> Loaded {
        let bad = path.with_extension("json.bad");
        let kept = match std::fs::rename(path, &bad) {
            Ok(()) => format!("it is kept as {}", bad.display()),
            Err(failed) => format!("it could not be kept aside ({failed})"),
        };
        let notice = format!(
            "The settings in {} could not be read ({why}); {kept}, defaults are used.",
            path.display()
        );
        Loaded { settings: Self::default(), notice: Some(notice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let chosen =
            Settings { theme: Theme::Dark, model: Some("a".into()), coach: false, ..Settings::default() };
        chosen.save(&path).unwrap();
        let loaded = Settings::load(&path);
        assert_eq!(loaded.settings, chosen);
        assert_eq!(loaded.notice, None);
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(&path, "{\"theme\": 12").unwrap();
        let loaded = Settings::load(&path);
        assert_eq!(loaded.settings, Settings::default());
        assert!(loaded.notice.unwrap().contains("settings.json.bad"));
        assert_eq!(
            std::fs::read_to_string(folder.path().join("settings.json.bad")).unwrap(),
            "{\"theme\": 12"
        );
    }

    #[test]
    fn who_knew_the_window_before_there_was_a_tour_gets_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        for (text, done) in [
            ("{}", false),
            (r#"{"fair_play_read": false}"#, false),
            (r#"{"fair_play_read": true}"#, true),
            (r#"{"fair_play_read": true, "tour_done": false}"#, false),
            (r#"{"fair_play_read": false, "tour_done": true}"#, true),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Settings::load(&path).settings.tour_done, done, "{text}");
        }
    }

    #[test]
    fn missing_and_unknown_keys_are_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(&path, r#"{"text_scale": 1.5, "future": true}"#).unwrap();
        let loaded = Settings::load(&path);
        assert!((loaded.settings.text_scale - 1.5).abs() < f32::EPSILON);
        assert!(loaded.settings.coach);
        assert_eq!(Settings::load(&folder.path().join("none.json")).settings, Settings::default());
    }
}
