//! Whether a folder that the user chose can be used.

use std::path::{Path, PathBuf};

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
}
