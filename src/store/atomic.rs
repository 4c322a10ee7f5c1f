//! Files written whole (temporary file beside it, fsync, rename) or not at all.

use std::io::Write as _;
use std::path::Path;

use super::StoreError;

/// Writes `bytes` to `path`, making its folder where needed; the old file stays until the new one is whole. A new file is
/// readable as the user's umask says, as any other program's; one that was there keeps its permissions.
///
/// # Errors
/// [`StoreError::Write`] when the disk is full or the folder cannot be written; the old file is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let attempt = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = temporary(folder, path)?;
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

/// A temporary file that may become `path`. `tempfile` makes it readable for its owner alone unless told otherwise.
#[cfg(unix)]
fn temporary(folder: &Path, path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    // The system takes the umask away from what is asked for here.
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    if let Ok(old) = path.metadata() {
        file.as_file().set_permissions(old.permissions())?;
    }
    Ok(file)
}

#[cfg(not(unix))]
fn temporary(folder: &Path, _: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_new_file_follows_the_umask_and_an_old_one_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        // What the umask gives to a file that is made the ordinary way.
        std::fs::write(folder.path().join("ordinary"), b"x").unwrap();
        write_whole(&folder.path().join("new"), b"x").unwrap();
        assert_eq!(format!("{:o}", mode("new")), format!("{:o}", mode("ordinary")));
        let secret = folder.path().join("secret");
        std::fs::write(&secret, b"x").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        write_whole(&secret, b"y").unwrap();
        assert_eq!(format!("{:o}", mode("secret")), "600");
    }

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
