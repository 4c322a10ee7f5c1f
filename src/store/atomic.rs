//! Files written whole (temporary file beside it, fsync, rename) or not at all.

use std::io::Write as _;
use std::path::Path;

use super::StoreError;

/// Writes `bytes` to `path`, making its folder where needed; the old file stays until the new one is whole.
///
/// # Errors
/// [`StoreError::Write`] when the disk is full or the folder cannot be written; the old file is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let attempt = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)?;
        Ok(())
    };
    attempt().map_err(|source| StoreError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error_that_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), b"x").unwrap();
        let failed = write_whole(&folder.path().join("file/inside"), b"y").unwrap_err();
        assert!(failed.to_string().contains("inside"), "{failed}");
        assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"x");
    }
}
