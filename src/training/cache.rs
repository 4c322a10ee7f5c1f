//! The training cache: prepared pixels and features that runs share. It may be emptied at any time but while a run goes
//! on; the next run makes anew what it needs.

use std::path::{Path, PathBuf};

use super::queue;
use super::runs::{RunError, RunStore};
use crate::store::Paths;

/// Why the cache was not emptied.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A run reads and writes it.
    #[error("a run goes on and uses the training cache; wait for its end or stop it, then empty the cache")]
    InUse,
    /// Whether a run goes on cannot be told.
    #[error(transparent)]
    Queue(#[from] RunError),
    /// The disk refused.
    #[error("{} could not be deleted ({source}); check the folder's permissions", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The trainer's own files in the folder. It may be one that the user chose, with other files in it; those are none.
fn files(folder: &Path) -> Vec<walkdir::DirEntry> {
    let entries = walkdir::WalkDir::new(folder).max_depth(2).into_iter().filter_map(Result::ok);
    let own = |entry: &walkdir::DirEntry| {
        let (name, path) = (entry.file_name().to_string_lossy(), entry.path());
        let ends = |endings: &[&str]| path.extension().is_some_and(|end| endings.iter().any(|e| end == *e));
        match entry.depth() {
            1 => {
                name.starts_with("scan.sqlite")
                    || name.starts_with("pixels-") && ends(&["u8", "index", "lock"])
            }
            _ => path.parent() == Some(&folder.join("features")) && ends(&["f16", "keys", "lock"]),
        }
    };
    entries.filter(|entry| entry.file_type().is_file() && own(entry)).collect()
}

/// Bytes that emptying frees; none where there is no such folder. Reads the disk.
#[must_use]
pub fn size(folder: &Path) -> Option<u64> {
    let bytes = |file: &walkdir::DirEntry| file.metadata().map_or(0, |about| about.len());
    folder.is_dir().then(|| files(folder).iter().map(bytes).sum())
}

/// Deletes the trainer's files in the cache, while no run can start; the bytes that were freed.
///
/// # Errors
/// [`CacheError::InUse`] while a run goes on, in this program or another; and when the disk refuses.
pub fn empty(paths: &Paths) -> Result<u64, CacheError> {
    let store = RunStore::open(paths);
    let _turn = queue::wait(&store, &mut || false)?.ok_or(CacheError::InUse)?;
    let folder = paths.training_cache();
    let mut freed = 0;
    for file in files(&folder) {
        let bytes = file.metadata().map_or(0, |about| about.len());
        std::fs::remove_file(file.path())
            .map_err(|source| CacheError::Disk { path: file.path().to_owned(), source })?;
        freed += bytes;
    }
    // Stays where something else is in it.
    let _ = std::fs::remove_dir(folder.join("features"));
    Ok(freed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(root: &Path) -> Paths {
        let paths = Paths { cache: Some(root.join("pictures")), ..Paths::under(root.join("data")) };
        std::fs::create_dir_all(paths.training_cache().join("features/mine")).unwrap();
        for (name, bytes) in [
            ("scan.sqlite", 10),
            ("scan.sqlite-wal", 5),
            ("pixels-256.u8", 1000),
            ("pixels-256.index", 65),
            ("pixels-256.lock", 0),
            ("features/resnet18-0011.f16", 2000),
            ("features/resnet18-0011.keys", 20),
            ("pixels-of-home.png", 7),
            ("features/notes.txt", 7),
            ("features/mine/a.f16", 7),
            ("street.jpg", 7),
        ] {
            std::fs::write(paths.training_cache().join(name), vec![0; bytes]).unwrap();
        }
        paths
    }

    #[test]
    fn emptying_deletes_what_the_trainer_wrote_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let paths = filled(root.path());
        let cache = paths.training_cache();
        assert_eq!(size(&cache), Some(3100));
        assert_eq!(empty(&paths).unwrap(), 3100);
        assert_eq!(size(&cache), Some(0));
        for name in ["pixels-of-home.png", "features/notes.txt", "features/mine/a.f16", "street.jpg"] {
            assert!(cache.join(name).exists(), "{name}");
        }
        assert_eq!(size(&root.path().join("none")), None);
    }

    #[test]
    fn a_run_that_goes_on_keeps_the_cache() {
        let root = tempfile::tempdir().unwrap();
        let paths = filled(root.path());
        let turn = queue::wait(&RunStore::open(&paths), &mut || false).unwrap();
        assert!(matches!(empty(&paths), Err(CacheError::InUse)));
        assert_eq!(size(&paths.training_cache()), Some(3100));
        drop(turn);
        assert_eq!(empty(&paths).unwrap(), 3100);
    }
}
