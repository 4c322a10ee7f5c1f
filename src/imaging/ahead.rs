//! Decoding many files while a model works on the ones before.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;

use super::{Limits, Picture, PictureError};

/// Decoded pictures that may wait for the model, so that memory stays flat over any number of files.
const AHEAD: usize = 4;

/// Decodes `files` on all cores, a few ahead, and hands them to `each` in their order.
///
/// # Errors
/// The first error of `each`, which ends the work.
pub fn decode_ahead<P: AsRef<Path> + Sync, E>(
    files: &[P],
    mut each: impl FnMut((PathBuf, Result<Picture, PictureError>)) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<_>>(1);
        scope.spawn(move || {
            for chunk in files.chunks(AHEAD) {
                let decode = |file: &P| {
                    let file = file.as_ref();
                    (file.to_owned(), Picture::open(file, &Limits::default()))
                };
                if sender.send(chunk.par_iter().map(decode).collect()).is_err() {
                    return;
                }
            }
        });
        receiver.into_iter().flatten().try_for_each(&mut each)
    })
}
