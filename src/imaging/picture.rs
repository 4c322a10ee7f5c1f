//! A decoded picture, and the ways to get one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage, RgbaImage};
use serde::{Deserialize, Serialize};

use super::{Limits, PictureError, decode};

/// A picture in memory: upright, 8-bit RGB, in sRGB where the file has a profile of another colour space, else in the
/// values of its file (as Pillow's `convert("RGB")` leaves them: alpha is dropped).
#[derive(Clone, Debug)]
pub struct Picture {
    /// What to call it: the file's name, or what the source called it.
    pub name: String,
    /// The pixels; shared, so that a clone costs nothing.
    pub pixels: Arc<RgbImage>,
    /// What the user should know about how it was read.
    pub notes: Vec<Note>,
    /// Time from the bytes in memory to upright RGB pixels (reading the disk not counted);
    /// zero for a picture that never was a file.
    pub decode: Duration,
}

/// Something about a picture that belongs beside its guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The file is animated; only its first frame is looked at.
    FirstFrame,
    /// The file ends early or is damaged inside; what is missing is shown as flat or wrong colour.
    Damaged,
    /// It was drawn by this program as a sample, not photographed.
    Drawn,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Note::FirstFrame => "This picture is animated: only its first frame is looked at.",
            Note::Damaged => {
                "This file is cut short or damaged: part of the picture is missing or wrong, so the guess may be wrong."
            }
            Note::Drawn => "This sample is a drawing, so the model does well to doubt it; give it a photograph.",
        })
    }
}

impl Picture {
    /// Reads and decodes a file.
    ///
    /// # Errors
    /// [`PictureError::NotFound`] or [`PictureError::Unreadable`] when there is nothing to read,
    /// else as [`Picture::from_bytes`].
    pub fn open(path: &Path, limits: &Limits) -> Result<Picture, PictureError> {
        let shown = path.display().to_string();
        let bytes = read(path, limits)?;
        Self::from_bytes(&shown, &bytes, limits).map(|picture| picture.named_after(path))
    }

    /// The same picture, called as the file at `path` is.
    pub(super) fn named_after(mut self, path: &Path) -> Picture {
        if let Some(name) = path.file_name() {
            self.name = name.to_string_lossy().into_owned();
        }
        self
    }

    /// Decodes the bytes of a file. The format is told from the content, not from `name`.
    ///
    /// # Errors
    /// Empty, too long, taking too much memory, not a picture, of a format that is not supported, or damaged: see
    /// [`PictureError`]. A JPEG that ends early or is damaged inside is not an error but carries [`Note::Damaged`]; every
    /// other format that is so is refused.
    pub fn from_bytes(name: &str, bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
        let start = Instant::now();
        let length = bytes.len() as u64;
        if length > limits.max_bytes {
            let name = name.to_owned();
            return Err(PictureError::TooManyBytes { name, bytes: length, limit: limits.max_bytes });
        }
        let (pixels, notes) = decode::decode(name, bytes, limits)?;
        Ok(Picture { name: name.to_owned(), pixels: Arc::new(pixels), notes, decode: start.elapsed() })
    }

    /// A picture that is already in memory: the clipboard's or a capture's.
    ///
    /// Alpha is dropped, not blended, as Pillow's `convert("RGB")` does; captures and screenshots
    /// carry no meaning in it, and some leave it at zero.
    pub fn from_rgba(name: &str, rgba: RgbaImage) -> Picture {
        Self::from_rgb(name, DynamicImage::ImageRgba8(rgba).into_rgb8())
    }

    /// A picture that is already in memory and has no alpha.
    pub fn from_rgb(name: &str, pixels: impl Into<Arc<RgbImage>>) -> Picture {
        let pixels = pixels.into();
        Picture { name: name.to_owned(), pixels, notes: Vec::new(), decode: Duration::ZERO }
    }
}

/// Reads a whole file, at most `limits.max_bytes` of it.
pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, PictureError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => PictureError::NotFound { path: path.to_owned() },
        _ => PictureError::Unreadable { path: path.to_owned(), source },
    };
    // A pipe or a device is refused before it is opened: opening a pipe can wait for ever.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        std::fs::read_dir(path).map_err(failed)?;
    }
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let too_long = |bytes| PictureError::TooManyBytes {
        name: path.display().to_string(),
        bytes,
        limit: limits.max_bytes,
    };
    if metadata.len() > limits.max_bytes {
        return Err(too_long(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    let mut file = File::open(path).map_err(failed)?.take(limits.max_bytes.saturating_add(1));
    let length = file.read_to_end(&mut bytes).map_err(failed)? as u64;
    // Only a file that grew since it was measured comes here.
    if length > limits.max_bytes { Err(too_long(length)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::super::formula;
    use super::*;

    #[test]
    fn a_file_is_named_without_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("street.picture");
        let pixels = formula::picture(20, 10);
        pixels.save_with_format(&path, image::ImageFormat::Png).unwrap();
        let picture = Picture::open(&path, &Limits::default()).unwrap();
        assert_eq!(picture.name, "street.picture");
        assert_eq!(*picture.pixels, pixels);
        assert!(picture.notes.is_empty());
        assert!(picture.decode > Duration::ZERO);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("gone.jpg");
        let long = folder.path().join("long.jpg");
        std::fs::write(&long, [0; 101]).unwrap();
        let limits = Limits { max_bytes: 100, ..Limits::default() };
        let check = |path: &Path, expected: &str| {
            let message = Picture::open(path, &limits).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains(&path.display().to_string()), "{message}");
        };
        check(&missing, "there is no file");
        check(folder.path(), "it is not a file");
        check(&long, "more than the limit");
    }

    #[test]
    fn alpha_is_dropped_not_blended() {
        let rgba = RgbaImage::from_pixel(3, 2, image::Rgba([10, 20, 30, 0]));
        let picture = Picture::from_rgba("clipboard", rgba);
        assert_eq!(*picture.pixels, RgbImage::from_pixel(3, 2, image::Rgb([10, 20, 30])));
    }

    #[test]
    fn bytes_over_the_limit_are_refused() {
        let limits = Limits { max_bytes: 10, ..Limits::default() };
        let refused = Picture::from_bytes("a.png", &[0; 11], &limits);
        assert!(matches!(refused, Err(PictureError::TooManyBytes { bytes: 11, limit: 10, .. })));
    }
}
