//! The folders of the app: those that the user chose, else those of the platform's conventions.
//!
//! Window and command line both begin with [`Paths::and_settings`], so they follow the same choice.

use std::path::{Path, PathBuf};

use super::{Loaded, Settings, StoreError, folders};

/// Folders and files of one user on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Models the user added, runtimes the user installed, training.
    pub data: PathBuf,
    /// The settings file.
    pub config: PathBuf,
    /// The training cache, where it does not lie in `data`.
    pub cache: Option<PathBuf>,
    /// Whether `STREETWISE_DATA` said where `data` is; then the settings do not.
    pub by_variable: bool,
}

impl Paths {
    /// The platform's folders, or `STREETWISE_DATA` for both when it is set (portable use, tests).
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when neither is known.
    pub fn of_user() -> Result<Self, StoreError> {
        if let Some(root) = std::env::var_os("STREETWISE_DATA") {
            return Ok(Self { by_variable: true, ..Self::under(root.into()) });
        }
        let known = directories::ProjectDirs::from("", "", "streetwise").ok_or(StoreError::NoHome)?;
        let (data, config) = (known.data_dir().to_owned(), known.config_dir().to_owned());
        Ok(Self { data, config, cache: None, by_variable: false })
    }

    /// The folders to use, and the settings, whose file stays in the platform's folder. What is to be told of either
    /// is in the notice.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when no folder is known.
    pub fn and_settings() -> Result<(Self, Loaded), StoreError> {
        let mut paths = Self::of_user()?;
        let mut loaded = Settings::load(&paths.settings());
        let said = loaded.notice.take().into_iter().chain(paths.follow(&loaded.settings));
        let said: Vec<String> = said.collect();
        loaded.notice = (!said.is_empty()).then(|| said.join(" "));
        Ok((paths, loaded))
    }

    /// Takes the folders of the settings. One that cannot be used is left out, with a sentence to tell: the app starts
    /// anyway. A chosen data folder is not made here, since one that is gone may lie on a disk that is not connected.
    pub fn follow(&mut self, settings: &Settings) -> Vec<String> {
        let mut said: Vec<String> = Vec::new();
        if let Some(data) = settings.data_folder.as_ref().filter(|_| !self.by_variable) {
            match folders::check(data) {
                Ok(()) => self.data.clone_from(data),
                Err(why) => said.push(format!("Your data is looked for in {}: {why}.", self.data.display())),
            }
        }
        if let Some(cache) = &settings.training_cache {
            match folders::make(cache) {
                Ok(()) => self.cache = Some(cache.clone()),
                Err(why) => {
                    let used = self.training_cache();
                    said.push(format!("The training cache is {}: {why}.", used.display()));
                }
            }
        }
        said
    }

    /// Everything below one folder.
    #[must_use]
    pub fn under(root: PathBuf) -> Self {
        Self { config: root.clone(), data: root, cache: None, by_variable: false }
    }

    /// Models that the user added.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.data.join("models")
    }

    /// What became of models that were first loaded in a process of their own; may be deleted at any time.
    #[must_use]
    pub fn tried_models(&self) -> PathBuf {
        self.data.join("tried-models.json")
    }

    /// Runtimes installed by `streetwise runtime install`, a folder each.
    #[must_use]
    pub fn runtimes(&self) -> PathBuf {
        self.data.join("runtimes")
    }

    /// The trainer's own Python environment.
    #[must_use]
    pub fn trainer(&self) -> PathBuf {
        self.data.join("trainer")
    }

    /// Training runs, a folder each.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// Prepared pixels and features that training runs share; may be deleted at any time.
    #[must_use]
    pub fn training_cache(&self) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| self.data.join("training-cache"))
    }

    /// The settings file.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }
}

/// The folder models ship in: `models/` beside the executable, in the checkout that the executable was built in (as under
/// `target/release`, also where that was moved), or beside the sources. Empty where there is none.
///
/// A shipped model is trusted to be what the engine was tested with, so no folder counts that merely has the name: it must
/// hold models, and above the executable's own folder it must belong to a checkout.
#[must_use]
pub fn shipped_models() -> Vec<PathBuf> {
    let exe = std::env::current_exe().ok();
    shipped_from(exe.as_deref(), Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn shipped_from(exe: Option<&Path>, sources: &Path) -> Vec<PathBuf> {
    let above = exe.iter().flat_map(|path| path.ancestors().skip(1).take(4)).enumerate();
    let ours = above.filter(|(level, folder)| *level == 0 || folder.join("Cargo.toml").is_file());
    let folders = ours.map(|(_, folder)| folder).chain([sources]).map(|folder| folder.join("models"));
    folders.into_iter().find(|folder| holds_models(folder)).into_iter().collect()
}

/// Whether a folder in it has a manifest.
fn holds_models(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.into_iter().any(|entry| entry.path().join("model.json").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is set, what is there, and what follows.
    #[test]
    fn the_settings_are_followed_where_the_variable_says_nothing_and_the_folder_can_be_used() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("mine")).unwrap();
        std::fs::write(at("file"), "x").unwrap();
        let (usual, mine) = (at("usual"), at("mine"));
        let usual_cache = usual.join("training-cache");
        for (by_variable, data, cache, expected, expected_cache, told) in [
            (false, None, None, &usual, usual_cache.clone(), 0),
            (false, Some("mine"), None, &mine, mine.join("training-cache"), 0),
            (false, None, Some("new/cache"), &usual, at("new/cache"), 0),
            (false, Some("mine"), Some("new/cache"), &mine, at("new/cache"), 0),
            (true, Some("mine"), None, &usual, usual_cache.clone(), 0),
            (true, Some("mine"), Some("new/cache"), &usual, at("new/cache"), 0),
            (false, Some("gone"), None, &usual, usual_cache.clone(), 1),
            (false, Some("file"), None, &usual, usual_cache.clone(), 1),
            (false, Some("gone"), Some("file/cache"), &usual, usual_cache.clone(), 2),
        ] {
            let settings =
                Settings { data_folder: data.map(at), training_cache: cache.map(at), ..Settings::default() };
            let mut paths = Paths { by_variable, ..Paths::under(at("usual")) };
            let said = paths.follow(&settings);
            let found = (&paths.data, paths.training_cache(), said.len());
            assert_eq!(found, (expected, expected_cache, told), "{data:?} {cache:?} {said:?}");
            assert_eq!(paths.config, at("usual"), "the settings stay where they are");
        }
        assert!(!at("gone").exists(), "a data folder that is gone is not made anew");
    }

    /// Which folders hold models, where the executable is, and which folder ships.
    #[test]
    fn a_folder_that_is_merely_called_models_ships_nothing() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let holds = |folder: &str| {
            std::fs::create_dir_all(at(folder).join("models/some")).unwrap();
            std::fs::write(at(folder).join("models/some/model.json"), "{}").unwrap();
        };
        // A user's models for another program, and for this one, above where `cargo install` puts the executable.
        std::fs::create_dir_all(at("home/models/llama")).unwrap();
        std::fs::create_dir_all(at("release/models/llama")).unwrap();
        holds("other");
        holds("checkout");
        std::fs::write(at("checkout/Cargo.toml"), "").unwrap();
        holds("sources");
        holds("archive");
        for (exe, expected) in [
            ("home/.cargo/bin/streetwise", "sources"),
            ("other/.cargo/bin/streetwise", "sources"),
            ("release/streetwise", "sources"),
            ("archive/streetwise", "archive"),
            ("checkout/target/release/streetwise", "checkout"),
            ("checkout/target/release/deps/streetwise", "checkout"),
        ] {
            let found = shipped_from(Some(&at(exe)), &at("sources"));
            assert_eq!(found, [at(expected).join("models")], "{exe}");
        }
        assert_eq!(shipped_from(None, &at("nowhere")), Vec::<PathBuf>::new());
    }
}
