//! The folders of the app, following the platform's conventions.

use std::path::PathBuf;

use super::StoreError;

/// Folders and files of one user on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Models the user added and runtimes the user installed.
    pub data: PathBuf,
    /// The settings file.
    pub config: PathBuf,
}

impl Paths {
    /// The platform's folders, or `STREETWISE_DATA` for both when it is set (portable use, tests).
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when neither is known.
    pub fn of_user() -> Result<Self, StoreError> {
        if let Some(root) = std::env::var_os("STREETWISE_DATA") {
            return Ok(Self::under(root.into()));
        }
        let known = directories::ProjectDirs::from("", "", "streetwise").ok_or(StoreError::NoHome)?;
        Ok(Self { data: known.data_dir().to_owned(), config: known.config_dir().to_owned() })
    }

    /// Everything below one folder.
    #[must_use]
    pub fn under(root: PathBuf) -> Self {
        Self { config: root.clone(), data: root }
    }

    /// Models that the user added.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.data.join("models")
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
        self.data.join("training-cache")
    }

    /// The settings file.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }
}

/// The folders models ship in: `models/` beside the executable (or up to three levels above it, as under
/// `target/release`), beside the sources while developing, then in the working directory.
#[must_use]
pub fn shipped_models() -> Vec<PathBuf> {
    let exe = std::env::current_exe().ok();
    let above = exe.iter().flat_map(|path| path.ancestors().skip(1).take(4)).map(|dir| dir.join("models"));
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut found: Vec<PathBuf> = above.chain([sources]).filter(|dir| dir.is_dir()).collect();
    found.dedup();
    found.truncate(1);
    found
}
