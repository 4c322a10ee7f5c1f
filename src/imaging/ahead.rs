//! Decoding many files while a model works on the ones before.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::{Budget, Share};
use super::picture::read;
use super::{Limits, Picture, PictureError, decode};

/// Files that may be read, decoded or waiting for the model at one time.
const AHEAD: usize = 8;
/// Decoders at work at one time, at most.
const DECODERS: usize = 4;
/// What all of them may take together, files and pictures: one picture of the largest size, or many ordinary ones.
const TOGETHER: u64 = 1 << 30;

/// What comes of a file.
type Found = (Result<Picture, PictureError>, Option<Share>);

/// A file that was read and given its share of the memory, and where the picture goes.
struct Job<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    share: Share,
    to: SyncSender<Found>,
}

/// Decodes `files` on all cores, a few ahead, and hands them to `each` in their order.
///
/// Whatever the number and the sizes of the files, what is held of them stays within 1 GiB, pictures counted until
/// `each` has returned.
///
/// # Errors
/// The first error of `each`, which ends the work.
pub fn decode_ahead<P: AsRef<Path> + Sync, E>(
    files: &[P],
    mut each: impl FnMut((PathBuf, Result<Picture, PictureError>)) -> Result<(), E>,
) -> Result<(), E> {
    let budget = Budget::new(TOGETHER);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let (in_order, found) = sync_channel::<Receiver<Found>>(AHEAD);
        let (jobs, work) = channel::<Job<'_>>();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..cores.min(DECODERS).min(files.len()) {
            let work = Arc::clone(&work);
            scope.spawn(move || decode_all(&work));
        }
        // Shares are taken in the order of the files, so that the one that is waited for always has its own.
        scope.spawn(move || {
            for file in files {
                let (to, from) = sync_channel(1);
                if in_order.send(from).is_err() {
                    return;
                }
                // Both fail only when nobody waits for pictures any more.
                let _ = match admit(file.as_ref(), &budget) {
                    Ok((bytes, share)) => jobs.send(Job { path: file.as_ref(), bytes, share, to }).is_ok(),
                    Err(error) => to.send((Err(error), None)).is_ok(),
                };
            }
        });
        for (file, found) in files.iter().zip(found) {
            // A decoder thread answers every job: what panics in it is caught there.
            let Ok((picture, share)) = found.recv() else { continue };
            each((file.as_ref().to_owned(), picture))?;
            drop(share);
        }
        Ok(())
    })
}

/// Reads a file once there is memory for it, and takes the memory for its picture.
fn admit(file: &Path, budget: &Arc<Budget>) -> Result<(Vec<u8>, Share), PictureError> {
    let limits = Limits::default();
    // How long a file is that cannot be asked is said by reading it.
    let length = std::fs::metadata(file).map_or(0, |known| known.len()).min(limits.max_bytes);
    let mut share = budget.take(length);
    let bytes = read(file, &limits)?;
    let picture = decode::memory(&file.display().to_string(), &bytes, &limits)?;
    share.join(budget.take(picture));
    Ok((bytes, share))
}

fn decode_all(work: &Mutex<Receiver<Job<'_>>>) {
    loop {
        let job = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { path, bytes, mut share, to }) = job else { return };
        let picture = Picture::from_bytes(&path.display().to_string(), &bytes, &Limits::default())
            .map(|picture| picture.named_after(path));
        drop(bytes);
        share.shrink(picture.as_ref().map_or(0, |picture| picture.pixels.as_raw().len() as u64));
        // Nobody may wait for it any more.
        let _ = to.send((picture, Some(share)));
    }
}
