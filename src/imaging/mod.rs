//! Pictures: read with limits, turned upright, and made into the tensor a model takes.
//!
//! [`Picture::open`] looks at what a file *is* (never at its extension), refuses what would not
//! fit in memory before it is decoded, applies the EXIF orientation and says what it could not
//! show ([`Note`]). [`preprocess()`] then does what Pillow and `numpy` do in the trainer, so that a
//! model sees the same numbers here as where it was trained. [`is_blank`] tells a black capture
//! from a picture, and [`picture_files`] lists the pictures of files and folders.
//!
//! [`Picture::open`]: crate::imaging::Picture::open
//! [`Note`]: crate::imaging::Note
//! [`preprocess()`]: crate::imaging::preprocess()
//! [`is_blank`]: crate::imaging::is_blank
//! [`picture_files`]: crate::imaging::picture_files

mod ahead;
mod blank;
mod colour;
mod convert;
mod decode;
mod error;
mod files;
mod formats;
mod gif;
mod jpeg;
mod limits;
mod orientation;
mod picture;
mod preprocess;
mod refusal;

pub use ahead::decode_ahead;
pub use blank::is_blank;
pub use error::PictureError;
pub use files::{Listing, picture_files};
pub use formats::{NotRead, is_picture_name, picture_extensions, picture_formats};
pub use limits::Limits;
pub use picture::{Note, Picture};
pub use preprocess::{Interpolation, Prepared, Preprocess, ResizeMode, preprocess};

#[cfg(test)]
#[path = "../../tests/golden/preprocess/formula.rs"]
mod formula;
