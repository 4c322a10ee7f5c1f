//! What can be wrong with a picture.

use std::io;
use std::path::PathBuf;

use fast_image_resize::ResizeError;

/// Why a picture was refused. Each message says what happened, to which picture, and what to do.
///
/// `name` is the path when the picture was opened from a file, else the name it was given.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// There is no such file.
    #[error(
        "there is no file {}; check the spelling, or whether it was moved",
        path.display()
    )]
    NotFound {
        /// The path as asked for.
        path: PathBuf,
    },
    /// The file or folder is there, but the system does not let it be read.
    #[error("{} cannot be read: {source}; check that you may open it", path.display())]
    Unreadable {
        /// The path as asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content is no picture format known here, whatever the file is called.
    #[error("{name} is not a picture; open a JPEG, PNG, WebP, BMP or GIF file")]
    NotAPicture {
        /// Which picture.
        name: String,
    },
    /// A picture of a known format that is not decoded here.
    #[error("{name}: {format} pictures are not supported; save it as an ordinary JPEG or PNG")]
    Unsupported {
        /// Which picture.
        name: String,
        /// The format, as people call it, or the rare variant of a supported one.
        format: String,
    },
    /// Decoding would take more memory than [`Limits::max_memory`](super::Limits::max_memory).
    #[error(
        "{name} says it is {w} × {h} pixels, which take {} MB to read, more than the limit of {} MB; \
         save a smaller copy and open that",
        bytes.div_ceil(1 << 20),
        limit >> 20
    )]
    TooLarge {
        /// Which picture.
        name: String,
        /// Width the file claims, in pixels.
        w: u32,
        /// Height the file claims, in pixels.
        h: u32,
        /// What decoding would take, in bytes.
        bytes: u64,
        /// The limit that was broken, in bytes.
        limit: u64,
    },
    /// The file is longer than [`Limits::max_bytes`](super::Limits::max_bytes).
    #[error(
        "{name} is {} MB, more than the limit of {} MB; save a smaller copy and open that",
        bytes.div_ceil(1_000_000),
        limit / 1_000_000
    )]
    TooManyBytes {
        /// Which picture.
        name: String,
        /// Length of the file, or as much of it as was read before it was refused.
        bytes: u64,
        /// The limit that was broken, in bytes.
        limit: u64,
    },
    /// The format is right but the content is cut or corrupt.
    #[error("{name} is damaged ({why}); save or download it again")]
    Damaged {
        /// Which picture.
        name: String,
        /// What is wrong, in plain words.
        why: String,
    },
    /// No bytes, or no pixels.
    #[error("{name} is empty; save or download it again")]
    Empty {
        /// Which picture.
        name: String,
    },
    /// The picture could not be brought to the size the model takes.
    #[error(
        "the picture cannot be resized to {size} × {size} pixels: {source}; \
         check the input size in the model's model.json"
    )]
    Resize {
        /// The side asked for, in pixels.
        size: u32,
        /// What the resizer said.
        source: ResizeError,
    },
    /// The model asks for an input without pixels.
    #[error("the model asks for a picture of 0 × 0 pixels; check the input size in its model.json")]
    NoSize,
}
