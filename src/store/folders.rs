//! The folders that the app fills: their names, their size, and whether a folder that the user chose can be one.

use std::path::{Path, PathBuf};

use super::Paths;

/// What the app keeps in a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    /// Models that the user added.
    Models,
    /// Training runs.
    Runs,
    /// Prepared pixels and features that runs share.
    Cache,
    /// The trainer's environment.
    Trainer,
    /// Installed inference engines.
    Runtimes,
}

impl Folder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Models, Self::Runs, Self::Cache, Self::Trainer, Self::Runtimes];

    /// Its name for a person.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Models => "Your models",
            Self::Runs => "Training runs",
            Self::Cache => "Training cache",
            Self::Trainer => "Trainer",
            Self::Runtimes => "Runtimes",
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(self, paths: &Paths) -> PathBuf {
        match self {
            Self::Models => paths.models(),
            Self::Runs => paths.runs(),
            Self::Cache => paths.training_cache(),
            Self::Trainer => paths.trainer(),
            Self::Runtimes => paths.runtimes(),
        }
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It depends on where the program was started.
    #[error("“{}” is no full path; give the folder from the root on", .0.display())]
    Relative(PathBuf),
    /// It is not there.
    #[error("the folder {} is not there; make it, connect its disk or choose another", .0.display())]
    Missing(PathBuf),
    /// It is a file, cannot be made, or cannot be written to.
    #[error("the folder {} cannot be used ({why}); choose another or check its permissions", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
}

/// Checks that files can be written in the folder.
///
/// # Errors
/// When it is not there, no folder, or not to be written to.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    if !folder.is_absolute() {
        return Err(FolderError::Relative(folder.to_owned()));
    }
    if let Err(missing) = folder.metadata()
        && missing.kind() == std::io::ErrorKind::NotFound
    {
        return Err(FolderError::Missing(folder.to_owned()));
    }
    // Permissions do not tell everything; a file does.
    tempfile::tempfile_in(folder)
        .map(drop)
        .map_err(|why| FolderError::Unusable { path: folder.to_owned(), why })
}

/// Makes the folder where it is not there, and checks that files can be written in it.
///
/// # Errors
/// When it cannot be made or not be written to.
pub fn make(folder: &Path) -> Result<(), FolderError> {
    if !folder.is_absolute() {
        return Err(FolderError::Relative(folder.to_owned()));
    }
    std::fs::create_dir_all(folder).map_err(|why| FolderError::Unusable { path: folder.to_owned(), why })?;
    check(folder)
}

/// Bytes of all files below the folder; none where it is not there. Links are not followed, and what cannot be read is
/// not counted. May take its time.
#[must_use]
pub fn size(folder: &Path) -> Option<u64> {
    if !folder.is_dir() {
        return None;
    }
    let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file());
    Some(files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_made_or_refused_with_a_sentence() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::fs::create_dir(at("there")).unwrap();
        for (folder, checked, made) in [
            (at("there"), Ok(()), Ok(())),
            (at("new/below"), Err("is not there; make it"), Ok(())),
            (at("file"), Err("cannot be used"), Err("cannot be used")),
            (at("file/below"), Err("cannot be used"), Err("cannot be used")),
            ("some/folder".into(), Err("is no full path"), Err("is no full path")),
        ] {
            for (result, expected) in [(check(&folder), checked), (make(&folder), made)] {
                match (result, expected) {
                    (Ok(()), Ok(())) => {}
                    (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                    (result, _) => panic!("{}: {result:?}, not {expected:?}", folder.display()),
                }
            }
        }
    }

    #[test]
    fn the_size_is_that_of_all_files() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("a/one"), [0; 700]).unwrap();
        std::fs::write(root.path().join("a/b/two"), [0; 300]).unwrap();
        assert_eq!(size(root.path()), Some(1000));
        assert_eq!(size(&root.path().join("none")), None);
    }

    #[test]
    fn every_folder_lies_where_the_paths_say() {
        let paths = Paths::under("/data".into());
        let mut found: Vec<PathBuf> = Folder::ALL.iter().map(|folder| folder.path(&paths)).collect();
        found.dedup();
        assert_eq!(found.len(), Folder::ALL.len());
        assert!(found.iter().all(|path| path.starts_with("/data")));
    }
}
