//! From the bytes of a file to upright RGB pixels.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, RgbImage};

use super::{Limits, Note, PictureError, jpeg};

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
/// Bytes a decoded pixel takes at most: four channels of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;
/// What a decoder may allocate beside the pixels (rows, tables, metadata).
const WORKING_MEMORY: u64 = 64 << 20;

type Decoded = (RgbImage, Vec<Note>);

/// Decodes a picture of any supported format; `name` is for the errors.
pub(super) fn decode(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty { name: name.to_owned() });
    }
    guarded(name, || match image::guess_format(bytes).ok() {
        Some(ImageFormat::Jpeg) => decode_jpeg(name, bytes, limits),
        Some(ImageFormat::Png) => decode_png(name, bytes, limits),
        Some(ImageFormat::WebP) => decode_webp(name, bytes, limits),
        Some(ImageFormat::Gif) => decode_gif(name, bytes, limits),
        Some(ImageFormat::Bmp) => {
            let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(name, e))?;
            Ok((pixels(name, decoder, limits)?, Vec::new()))
        }
        _ => Err(unknown(name, bytes)),
    })
}

fn decode_jpeg(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(name, e))?;
    let pixels = pixels(name, decoder, limits)?;
    Ok((pixels, note_if(jpeg::ends_early(bytes), Note::Truncated)))
}

fn decode_png(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let decoder =
        PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).map_err(|e| refusal(name, e))?;
    let animated = decoder.is_apng().unwrap_or(false);
    Ok((pixels(name, decoder, limits)?, note_if(animated, Note::FirstFrame)))
}

fn decode_webp(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(name, e))?;
    let animated = decoder.has_animation();
    Ok((pixels(name, decoder, limits)?, note_if(animated, Note::FirstFrame)))
}

fn decode_gif(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let open = || GifDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(name, e));
    let first = pixels(name, open()?, limits)?;
    // A GIF does not say how many frames it has; that a second one begins is enough.
    let mut again = open()?;
    again.set_limits(decoder_limits(limits)).map_err(|e| refusal(name, e))?;
    let animated = again.into_frames().nth(1).is_some();
    Ok((first, note_if(animated, Note::FirstFrame)))
}

/// The upright RGB pixels of a decoder, once the size in its header has been held against the
/// limits.
fn pixels(name: &str, mut decoder: impl ImageDecoder, limits: &Limits) -> Result<RgbImage, PictureError> {
    let (w, h) = decoder.dimensions();
    let count = u64::from(w) * u64::from(h);
    if count == 0 {
        return Err(PictureError::Empty { name: name.to_owned() });
    }
    if count > limits.max_pixels {
        return Err(PictureError::TooLarge { name: name.to_owned(), w, h, limit: limits.max_pixels });
    }
    decoder.set_limits(decoder_limits(limits)).map_err(|e| refusal(name, e))?;
    // A picture with unreadable EXIF is still a picture: it is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| refusal(name, e))?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

fn note_if(holds: bool, note: Note) -> Vec<Note> {
    if holds { vec![note] } else { Vec::new() }
}

/// The limits in the form the decoders know them, against allocations that the size of the
/// picture does not show (a frame larger than its screen, compressed metadata).
fn decoder_limits(limits: &Limits) -> image::Limits {
    let pixels = limits.max_pixels.saturating_mul(BYTES_PER_PIXEL);
    let mut known = image::Limits::no_limits();
    known.max_alloc = Some(pixels.saturating_add(WORKING_MEMORY));
    known
}

/// A decoder that panics on a malformed file must not take the program with it.
fn guarded<T>(name: &str, decode: impl FnOnce() -> Result<T, PictureError>) -> Result<T, PictureError> {
    // Nothing is shared with the closure but bytes that are only read.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        let why = "the decoder could not make sense of it".to_owned();
        Err(PictureError::Damaged { name: name.to_owned(), why })
    })
}

/// What a decoder's error means to the user.
fn refusal(name: &str, error: ImageError) -> PictureError {
    let name = name.to_owned();
    match error {
        ImageError::Unsupported(error) => PictureError::Unsupported { name, format: error.to_string() },
        error => PictureError::Damaged { name, why: error.to_string() },
    }
}

/// The refusal of bytes that are no supported format.
fn unknown(name: &str, bytes: &[u8]) -> PictureError {
    let name = name.to_owned();
    let holds =
        |&&(at, mark, _): &&(usize, &[u8], &str)| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark));
    match UNSUPPORTED.iter().find(holds) {
        Some((_, _, format)) => PictureError::Unsupported { name, format: (*format).to_owned() },
        None => PictureError::NotAPicture { name },
    }
}

#[cfg(test)]
mod tests {
    use super::super::formula;
    use super::*;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        formula::picture(61, 43).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    const LOSSLESS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp];

    #[test]
    fn lossless_formats_come_back_exactly() {
        for format in LOSSLESS {
            let (pixels, notes) = decode("a", &encoded(format), &Limits::default()).unwrap();
            assert!(pixels == formula::picture(61, 43), "{format:?}");
            assert!(notes.is_empty(), "{format:?}");
        }
    }

    #[test]
    fn every_format_is_held_to_the_limit_before_decoding() {
        let limits = Limits { max_pixels: 61 * 43 - 1, ..Limits::default() };
        for format in [&LOSSLESS[..], &[ImageFormat::Jpeg, ImageFormat::Gif]].concat() {
            let refused = decode("a", &encoded(format), &limits);
            let is_right = matches!(refused, Err(PictureError::TooLarge { w: 61, h: 43, .. }));
            assert!(is_right, "{format:?}: {refused:?}");
        }
    }

    #[test]
    fn every_cut_of_every_format_is_an_error_or_a_note() {
        for format in [&LOSSLESS[..], &[ImageFormat::Jpeg, ImageFormat::Gif]].concat() {
            let whole = encoded(format);
            for tenths in 1..10 {
                let cut = &whole[..whole.len() * tenths / 10];
                if let Ok((_, notes)) = decode("a", cut, &Limits::default()) {
                    assert_eq!(format, ImageFormat::Jpeg, "cut to {tenths}/10");
                    assert_eq!(notes, [Note::Truncated], "cut to {tenths}/10");
                }
            }
        }
    }

    #[test]
    fn formats_that_are_not_decoded_are_named() {
        let check = |bytes: &[u8], expected: &str| {
            let message = decode("a.jpg", bytes, &Limits::default()).unwrap_err().to_string();
            assert_eq!(message, expected);
        };
        let not_supported =
            |format| format!("a.jpg: {format} pictures are not supported; save it as JPEG or PNG");
        check(b"\0\0\0\x20ftypavif\0\0\0\0", &not_supported("AVIF"));
        check(b"\0\0\0\x18ftypheic\0\0\0\0", &not_supported("HEIC"));
        check(b"II*\0\x08\0\0\0", &not_supported("TIFF"));
        let not_a_picture = "a.jpg is not a picture; open a JPEG, PNG, WebP, BMP or GIF file";
        check(b"just some text, longer than any mark", not_a_picture);
        check(b"P6 is a street", not_a_picture);
    }

    #[test]
    fn a_panicking_decoder_is_a_damaged_picture() {
        let caught = guarded::<()>("a.webp", || panic!("as a decoder might"));
        assert!(matches!(caught, Err(PictureError::Damaged { .. })));
    }
}
