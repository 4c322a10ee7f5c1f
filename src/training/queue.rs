//! One run at a time on a machine, over all processes: training two at once takes longer than one after the other.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::runs::{RunError, RunStore, is_locked};

/// How often a waiting process looks whether it is its turn.
const POLL: Duration = Duration::from_millis(250);

/// The turn to train; given up when dropped, and by the system when the process dies.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

/// Whether some process has the turn: it drives a run, or changes what runs need.
#[must_use]
pub fn is_taken(store: &RunStore) -> bool {
    is_locked(&lock_of(store))
}

fn lock_of(store: &RunStore) -> PathBuf {
    store.root().join("queue.lock")
}

/// Waits for the turn. `waiting` is called while another run has it, and may give up by returning `false`; then
/// there is no turn.
///
/// # Errors
/// When the lock file cannot be made.
pub fn wait(store: &RunStore, waiting: &mut dyn FnMut() -> bool) -> Result<Option<Turn>, RunError> {
    let path = lock_of(store);
    let disk = |path: &PathBuf, source| RunError::Disk { path: path.clone(), source };
    std::fs::create_dir_all(store.root()).map_err(|source| disk(&path, source))?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| disk(&path, source))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(Turn { _lock: lock })),
            Err(TryLockError::WouldBlock) if waiting() => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(disk(&path, source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Paths;

    #[test]
    fn a_second_turn_waits_for_the_end_of_the_first_or_gives_up() {
        let root = tempfile::tempdir().unwrap();
        let store = RunStore::open(&Paths::under(root.path().to_owned()));
        assert!(!is_taken(&store));
        let first = wait(&store, &mut || false).unwrap();
        assert!(first.is_some() && is_taken(&store));
        assert!(wait(&store, &mut || false).unwrap().is_none());
        let mut first = first;
        let mut asked = 0;
        let second = wait(&store, &mut || {
            asked += 1;
            first = None;
            true
        });
        assert!(second.unwrap().is_some());
        assert_eq!(asked, 1);
    }
}
