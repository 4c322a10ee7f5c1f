//! From the bytes of a file to upright RGB pixels.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, RgbImage};

use super::jpeg::{self, Kind, Structure};
use super::limits::Memory;
use super::refusal::{nonsense, refusal, unknown};
use super::{Limits, Note, PictureError, colour, convert, gif, orientation};
use crate::base::guard;

/// A smaller JPEG is looked through after its decoding: a thread would take longer to start.
const ALONE: usize = 64 << 10;

type Decoded = (RgbImage, Vec<Note>);

/// Decodes a picture of any supported format; `name` is for the errors.
pub(super) fn decode(name: &str, bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    guarded(name, || Opened::new(name, bytes, limits)?.decode())
}

/// Bytes that decoding takes at most, told from the header; `name` is for the errors.
pub(super) fn memory(name: &str, bytes: &[u8], limits: &Limits) -> Result<u64, PictureError> {
    guarded(name, || Ok(Opened::new(name, bytes, limits)?.memory.bytes()))
}

/// A picture whose header was read and held against the limits.
struct Opened<'a> {
    name: &'a str,
    bytes: &'a [u8],
    memory: Memory,
    limits: &'a Limits,
    upright: Orientation,
    note: Option<Note>,
    how: How<'a>,
}

/// How it is decoded.
enum How<'a> {
    /// By the decoder that was made for the header.
    Decoder(Box<dyn ImageDecoder + 'a>),
    /// The same, its colour profile passed over: Pillow knows none of GIF and BMP.
    Unprofiled(Box<dyn ImageDecoder + 'a>),
    /// By the fast decoder of JPEG, made when it is needed: it copies the file.
    Jpeg,
    /// By the other one.
    UnusualJpeg,
}

impl<'a> Opened<'a> {
    fn new(name: &'a str, bytes: &'a [u8], limits: &'a Limits) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty { name: name.to_owned() });
        }
        let failed = |error| refusal(name, error);
        let with = |decoder, beside, exif| Self::by_decoder(name, bytes, limits, decoder, beside, exif);
        let opened = match image::guess_format(bytes).ok() {
            Some(ImageFormat::Jpeg) => Self::jpeg(name, bytes, limits)?,
            Some(ImageFormat::Png) => {
                let decoder =
                    PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).map_err(failed)?;
                let animated = decoder.is_apng().unwrap_or(false);
                with(Box::new(decoder), 0, orientation::exif_of_png(bytes)).noted(animated)
            }
            Some(ImageFormat::WebP) => {
                let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
                let animated = decoder.has_animation();
                // Lossless and animated pictures are drawn on a canvas with alpha first, lossy ones in planes of YUV 4:2:0.
                let lossy = bytes.get(12..16) == Some(b"VP8 ");
                let beside = if animated {
                    8
                } else if lossy {
                    2
                } else {
                    4
                };
                with(Box::new(decoder), beside, None).noted(animated)
            }
            Some(ImageFormat::Gif) => {
                let decoder = GifDecoder::new(Cursor::new(bytes)).map_err(failed)?;
                // A frame smaller than the screen is decoded beside it.
                with(Box::new(decoder), 4, None).noted(gif::is_animated(bytes)).unprofiled()
            }
            Some(ImageFormat::Bmp) => {
                with(Box::new(BmpDecoder::new(Cursor::new(bytes)).map_err(failed)?), 0, None).unprofiled()
            }
            _ => return Err(unknown(name, bytes)),
        };
        opened.memory.check(name, limits)?;
        Ok(opened)
    }

    fn noted(self, animated: bool) -> Self {
        Self { note: animated.then_some(Note::FirstFrame), ..self }
    }

    fn unprofiled(self) -> Self {
        let how = match self.how {
            How::Decoder(decoder) => How::Unprofiled(decoder),
            other => other,
        };
        Self { how, ..self }
    }

    /// `beside` are bytes a pixel that the decoder holds for itself; `exif` replaces what it says of EXIF.
    fn by_decoder(
        name: &'a str,
        bytes: &'a [u8],
        limits: &'a Limits,
        mut decoder: Box<dyn ImageDecoder + 'a>,
        beside: u64,
        exif: Option<&[u8]>,
    ) -> Self {
        let own = decoder.exif_metadata().ok().flatten();
        let upright = orientation::of_exif(exif.or(own.as_deref()));
        let per_pixel = convert::bytes_per_pixel(decoder.color_type()) + beside;
        let memory =
            Memory { size: decoder.dimensions(), per_pixel: with_turn(per_pixel, upright), beside: 0 };
        Self { name, bytes, memory, limits, upright, note: None, how: How::Decoder(decoder) }
    }

    fn jpeg(name: &'a str, bytes: &'a [u8], limits: &'a Limits) -> Result<Self, PictureError> {
        let structure = Structure::read(bytes).ok_or_else(|| nonsense(name))?;
        let how = match structure.kind() {
            Kind::Usual => How::Jpeg,
            Kind::Unusual => How::UnusualJpeg,
            Kind::NotSupported(format) => {
                return Err(PictureError::Unsupported { name: name.to_owned(), format: format.to_owned() });
            }
        };
        let upright = orientation::of_exif(structure.exif(bytes));
        let memory = Memory {
            size: structure.dimensions(),
            per_pixel: with_turn(structure.bytes_per_pixel(), upright),
            beside: structure.held_beside(),
        };
        Ok(Self { name, bytes, memory, limits, upright, note: None, how })
    }

    /// The upright pixels.
    fn decode(self) -> Result<Decoded, PictureError> {
        let (name, bytes) = (self.name, self.bytes);
        let (pixels, damage) = match self.how {
            How::Decoder(mut decoder) => {
                // A picture with an unreadable profile is still a picture: it is shown as it is stored.
                let profile = decoder.icc_profile().ok().flatten();
                (pixels(name, decoder, profile.as_deref(), self.limits)?, None)
            }
            How::Unprofiled(decoder) => (pixels(name, decoder, None, self.limits)?, None),
            How::Jpeg => beside(bytes, || {
                let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(name, e))?;
                let profile = decoder.icc_profile().ok().flatten();
                pixels(name, Box::new(decoder), profile.as_deref(), self.limits)
            })?,
            How::UnusualJpeg => beside(bytes, || unusual(name, bytes))?,
        };
        let mut picture = DynamicImage::ImageRgb8(pixels);
        picture.apply_orientation(self.upright);
        Ok((picture.into_rgb8(), self.note.into_iter().chain(damage).collect()))
    }
}

/// Bytes a pixel where turning the picture makes a second copy of it: flips and half turns do not.
fn with_turn(per_pixel: u64, upright: Orientation) -> u64 {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    match upright {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => per_pixel.max(6),
        _ => per_pixel,
    }
}

/// Decodes a JPEG, and finds out beside that whether the file is whole.
fn beside(
    bytes: &[u8],
    decode: impl FnOnce() -> Result<RgbImage, PictureError>,
) -> Result<(RgbImage, Option<Note>), PictureError> {
    let note = |whole: bool| (!whole).then_some(Note::Damaged);
    if bytes.len() < ALONE {
        return decode().map(|pixels| (pixels, note(jpeg::is_whole(bytes))));
    }
    std::thread::scope(|scope| {
        let look = scope.spawn(|| jpeg::is_whole(bytes));
        let pixels = decode()?;
        Ok((pixels, note(look.join().unwrap_or(false))))
    })
}

/// The RGB pixels of a decoder, not turned yet, in sRGB.
fn pixels(
    name: &str,
    mut decoder: Box<dyn ImageDecoder + '_>,
    profile: Option<&[u8]>,
    limits: &Limits,
) -> Result<RgbImage, PictureError> {
    decoder.set_limits(decoder_limits(limits)).map_err(|e| refusal(name, e))?;
    let (size, kind) = (decoder.dimensions(), decoder.color_type());
    let mut raw = vec![0; usize::try_from(decoder.total_bytes()).map_err(|_| nonsense(name))?];
    decoder.read_image_boxed(&mut raw).map_err(|e| refusal(name, e))?;
    let mut pixels = convert::to_rgb(raw, kind, size).ok_or_else(|| nonsense(name))?;
    if let Some(profile) = profile.filter(|_| kind.has_color()) {
        colour::to_srgb(&mut pixels, profile);
    }
    Ok(pixels)
}

fn unusual(name: &str, bytes: &[u8]) -> Result<RgbImage, PictureError> {
    let (mut pixels, profile) = jpeg::decode_unusual(bytes).map_err(|refusal| match refusal {
        jpeg::Refusal::NotSupported => {
            PictureError::Unsupported { name: name.to_owned(), format: "unusual JPEG".to_owned() }
        }
        jpeg::Refusal::Damaged => nonsense(name),
    })?;
    if let Some(profile) = profile {
        colour::to_srgb(&mut pixels, &profile);
    }
    Ok(pixels)
}

/// The limits in the form the decoders know them, against allocations that the size of the
/// picture does not show (a frame larger than its screen, compressed metadata).
fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut known = image::Limits::no_limits();
    known.max_alloc = Some(limits.max_memory);
    known
}

/// A decoder that panics on a malformed file must not take the program with it.
fn guarded<T>(name: &str, decode: impl FnOnce() -> Result<T, PictureError>) -> Result<T, PictureError> {
    // Nothing is shared with the closure but bytes that are only read.
    guard::attempt(decode).unwrap_or_else(|_| Err(nonsense(name)))
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
        for format in [&LOSSLESS[..], &[ImageFormat::Jpeg, ImageFormat::Gif]].concat() {
            let bytes = encoded(format);
            let max_memory = memory("a", &bytes, &Limits::default()).unwrap();
            assert!(max_memory >= 3 * 61 * 43, "{format:?}: {max_memory}");
            let refused = decode("a", &bytes, &Limits { max_memory: max_memory - 1, ..Limits::default() });
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
                    assert_eq!(notes, [Note::Damaged], "cut to {tenths}/10");
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
        let not_supported = |format| {
            format!("a.jpg: {format} pictures are not supported; save it as an ordinary JPEG or PNG")
        };
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
