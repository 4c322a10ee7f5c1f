//! What a decoder's error means to the person whose picture it is. A decoder's own words are for programmers.

use std::error::Error;

use image::ImageError;
use image::error::ImageFormatHint;

use super::PictureError;

/// Formats that are recognised only to be named in the refusal: where the mark is, and the mark.
const UNSUPPORTED: [(usize, &[u8], &str); 13] = [
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftyphevc", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypmsf1", "HEIF"),
    (0, b"\0\0\0\x0CJXL ", "JPEG XL"),
    (0, b"\xFF\x0A", "JPEG XL"),
    (0, b"\0\0\0\x0CjP  ", "JPEG 2000"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"8BPS", "Photoshop"),
];

/// What a decoder's error means to the user.
pub(super) fn refusal(name: &str, error: ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(error) => {
            let format = match error.format_hint() {
                ImageFormatHint::Exact(format) => format!("unusual {format:?}"),
                _ => "such".to_owned(),
            };
            PictureError::Unsupported { name: name.to_owned(), format }
        }
        ImageError::Limits(_) => damaged(name, "it asks for more memory than a picture of its size takes"),
        error => damaged(name, why(&error)),
    }
}

/// The refusal of a file whose content no decoder understands.
pub(super) fn nonsense(name: &str) -> PictureError {
    damaged(name, "its content makes no sense")
}

fn damaged(name: &str, why: &str) -> PictureError {
    PictureError::Damaged { name: name.to_owned(), why: why.to_owned() }
}

/// The one thing to say of a decoder's error and all that caused it.
fn why(error: &ImageError) -> &'static str {
    let (mut said, mut cause) = (String::new(), Some(error as &dyn Error));
    while let Some(one) = cause {
        said += &format!("{one}; ").to_lowercase();
        cause = one.source();
    }
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["crc", "checksum"]) {
        "a checksum in it is wrong"
    } else if has(&[
        "eof",
        "end of file",
        "unexpected end",
        "fill whole buffer",
        "truncated",
        "no more data",
        "not enough",
    ]) {
        "it ends early"
    } else {
        "its content makes no sense"
    }
}

/// The refusal of bytes that are no supported format.
pub(super) fn unknown(name: &str, bytes: &[u8]) -> PictureError {
    let name = name.to_owned();
    let holds =
        |&&(at, mark, _): &&(usize, &[u8], &str)| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark));
    match UNSUPPORTED.iter().find(holds) {
        Some((_, _, format)) => PictureError::Unsupported { name, format: (*format).to_owned() },
        None => PictureError::NotAPicture { name },
    }
}
