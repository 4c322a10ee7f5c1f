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

/// Refuses to write to `out` where that is one of the files that are read, under whatever name.
///
/// # Errors
/// [`StoreError::WouldOverwrite`], before anything is written.
pub fn keep_apart<P: AsRef<Path>>(out: &Path, inputs: impl IntoIterator<Item = P>) -> Result<(), StoreError> {
    // What is not there yet is nothing that is read.
    let Ok(real) = out.canonicalize() else { return Ok(()) };
    let is_out = |input: P| input.as_ref().canonicalize().is_ok_and(|input| input == real);
    match inputs.into_iter().any(is_out) {
        true => Err(StoreError::WouldOverwrite { path: out.to_owned() }),
        false => Ok(()),
    }
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
    fn an_output_that_is_an_input_is_refused_under_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.png");
        std::fs::write(&path, b"x").unwrap();
        let check = |out: &Path, expected: bool| {
            let said = keep_apart(out, [folder.path().join("other.png"), path.clone()]);
            assert_eq!(said.is_err(), expected, "{}", out.display());
        };
        check(&path, true);
        check(&folder.path().join("./photo.png"), true);
        check(&folder.path().join("heat.png"), false);
        #[cfg(unix)]
        {
            let link = folder.path().join("link.png");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            check(&link, true);
        }
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
