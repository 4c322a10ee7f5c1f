//! One run at a time on a machine, over all processes: training two at once takes longer than one after the other.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::runs::{RunError, RunStore};

/// How often a waiting process looks whether it is its turn.
const POLL: Duration = Duration::from_millis(250);

/// The turn to train; given up when dropped, and by the system when the process dies.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

/// Waits for the turn. `waiting` is called while another run has it, and may give up by returning `false`; then
/// there is no turn.
///
/// # Errors
/// When the lock file cannot be made.
pub fn wait(store: &RunStore, waiting: &mut dyn FnMut() -> bool) -> Result<Option<Turn>, RunError> {
    let path = store.root().join("queue.lock");
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
        let first = wait(&store, &mut || false).unwrap();
        assert!(first.is_some());
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
