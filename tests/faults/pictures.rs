//! Bad and unusual pictures: too large, cut, misnamed, turned, or of rare kinds (faults 10 to 14).

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Frame, ImageFormat, RgbImage, Rgba, RgbaImage};
use streetwise::imaging::{Limits, Note, Picture, PictureError};

#[path = "../golden/preprocess/formula.rs"]
pub mod formula;

/// The most that a colour may be off after a JPEG of good quality, and on average, in levels.
pub const JPEG_TOLERANCE: (u8, f64) = (8, 1.0);

pub fn open(name: &str, bytes: &[u8]) -> Result<Picture, PictureError> {
    Picture::from_bytes(name, bytes, &Limits::default())
}

pub fn encoded(pixels: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn jpeg(pixels: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(pixels).unwrap();
    bytes
}

/// The largest and the mean difference of two pictures of one size, in 8-bit levels.
pub fn difference(a: &RgbImage, b: &RgbImage) -> (u8, f64) {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = || a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b));
    let sum: f64 = pairs().map(f64::from).sum();
    (pairs().max().unwrap(), sum / a.as_raw().len() as f64)
}

pub fn assert_close(name: &str, picture: &RgbImage, expected: &RgbImage, tolerance: (u8, f64)) {
    let (most, mean) = difference(picture, expected);
    println!("{name}: at most {most} levels off, {mean:.2} on average");
    assert!(most <= tolerance.0 && mean <= tolerance.1, "{name}: {most} at most, {mean} on average");
}

// 10. A picture that claims to be huge.

/// A PNG of 74 bytes that claims `side` × `side` pixels.
pub fn huge_png(side: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(side.to_be_bytes());
    header.extend(side.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]); // 8 bits, RGB
    // A stored deflate block of six zeros, with its Adler-32.
    let data = [0x78, 0x01, 1, 6, 0, 0xF9, 0xFF, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];
    let chunks = [chunk(*b"IHDR", &header), chunk(*b"IDAT", &data), chunk(*b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

pub fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &body, &crc32(&body).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_refused() {
    let bytes = huge_png(30_000);
    assert_eq!(bytes.len(), 74);
    let error = open("bomb.png", &bytes).unwrap_err();
    assert!(matches!(error, PictureError::TooLarge { w: 30_000, h: 30_000, .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("bomb.png") && message.contains("30000 × 30000"), "{message}");
    // The same file, of an honest size, gets as far as the decoder: the refusal is the size's.
    assert!(matches!(open("small.png", &huge_png(30)), Err(PictureError::Damaged { .. })));
}

// 11. A file that ends early.

#[test]
fn a_jpeg_cut_in_half_carries_a_warning() {
    let whole = jpeg(&formula::picture(160, 120));
    assert!(open("whole.jpg", &whole).unwrap().notes.is_empty());
    let cut = open("cut.jpg", &whole[..whole.len() / 2]).unwrap();
    assert_eq!(cut.notes, [Note::Damaged]);
    assert!(cut.notes[0].to_string().contains("cut short or damaged"));
    // A download that was given its full length at once and then stopped.
    let mut hollow = whole.clone();
    hollow[whole.len() / 2..].fill(0);
    assert_eq!(open("hollow.jpg", &hollow).unwrap().notes, [Note::Damaged]);
    // What cameras put after the picture is no cut.
    assert!(open("trailer.jpg", &[&whole[..], b"trailer"].concat()).unwrap().notes.is_empty());
}

#[test]
fn every_other_format_cut_in_half_is_refused() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif] {
        let whole = encoded(&formula::picture(160, 120), format);
        assert!(open("whole", &whole).is_ok(), "{format:?}");
        let error = open("cut.picture", &whole[..whole.len() / 2]).unwrap_err();
        assert!(matches!(error, PictureError::Damaged { .. }), "{format:?}: {error}");
        assert!(error.to_string().contains("cut.picture is damaged"), "{error}");
    }
}

// 12. Files that are not what they are called.

#[test]
fn content_decides_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let read = Picture::open(&path, &Limits::default());
        read.map_err(|error| {
            let message = error.to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
            message
        })
    };
    let empty = check("empty.jpg", b"").unwrap_err();
    assert!(empty.contains("is empty"), "{empty}");
    let text = check("text.jpg", b"Bonjour, this is a text file.\n").unwrap_err();
    assert!(text.contains("is not a picture; open a JPEG"), "{text}");
    let avif = check("photo.jpg", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1").unwrap_err();
    assert!(avif.contains("AVIF pictures are not supported; save it as an ordinary JPEG or PNG"), "{avif}");
    let street = formula::picture(40, 30);
    let png = check("street.jpg", &encoded(&street, ImageFormat::Png)).unwrap();
    assert!(*png.pixels == street);
    let jpeg = check("no extension", &jpeg(&street)).unwrap();
    assert_close("JPEG without extension", &jpeg.pixels, &street, JPEG_TOLERANCE);
}

// 13. EXIF orientation.

/// The picture as a camera stores it when its EXIF orientation is `orientation`: where each
/// stored pixel lies in the upright picture (EXIF 2.32, tag 0x0112).
fn stored(upright: &RgbImage, orientation: u8) -> RgbImage {
    let (w, h) = upright.dimensions();
    let (sw, sh) = if orientation >= 5 { (h, w) } else { (w, h) };
    RgbImage::from_fn(sw, sh, |column, row| {
        let (x, y) = match orientation {
            1 => (column, row),                 // row 0 is the top, column 0 the left side
            2 => (w - 1 - column, row),         // top, right
            3 => (w - 1 - column, h - 1 - row), // bottom, right
            4 => (column, h - 1 - row),         // bottom, left
            5 => (row, column),                 // left, top
            6 => (w - 1 - row, column),         // right, top
            7 => (w - 1 - row, h - 1 - column), // right, bottom
            _ => (row, h - 1 - column),         // left, bottom
        };
        *upright.get_pixel(x, y)
    })
}

/// A JPEG with an APP1 segment that holds nothing but the orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01".to_vec(); // big-endian TIFF, one entry
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]); // tag, SHORT, count 1, value
    exif.extend([0; 4]); // no further directory
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xFF\xE1", &length, &exif, &jpeg[2..]].concat()
}

#[test]
fn every_exif_orientation_comes_out_upright() {
    let upright = formula::picture(96, 56);
    for orientation in 1..=8 {
        let file = with_orientation(&jpeg(&stored(&upright, orientation)), orientation);
        let picture = open("camera.jpg", &file).unwrap();
        assert!(picture.notes.is_empty());
        let name = format!("orientation {orientation}");
        assert_close(&name, &picture.pixels, &upright, JPEG_TOLERANCE);
        // Without the tag, all but the first would be another picture.
        let flat = open("flat.jpg", &jpeg(&stored(&upright, orientation))).unwrap();
        if flat.pixels.dimensions() == upright.dimensions() && orientation != 1 {
            assert!(difference(&flat.pixels, &upright).1 > 10.0 * JPEG_TOLERANCE.1);
        }
    }
}

// 14. Unusual kinds of pixels.

fn golden(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/preprocess/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn unusual_kinds_of_pixels_become_the_same_rgb() {
    let street = DynamicImage::ImageRgb8(formula::picture(64, 48));
    let rgb = street.to_rgb8();
    let grey = DynamicImage::ImageLuma8(street.to_luma8());
    let mut see_through = street.to_rgba8();
    see_through.pixels_mut().for_each(|pixel| pixel.0[3] = pixel.0[0]);
    let mut grey_jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut grey_jpeg, 95).encode_image(&street.to_luma8()).unwrap();
    let deep = |of: &DynamicImage| png(&DynamicImage::ImageRgb16(of.to_rgb16()));
    for (name, file, expected, tolerance) in [
        ("16-bit PNG", deep(&street), &rgb, (1, 0.5)),
        ("grey PNG", png(&grey), &grey.to_rgb8(), (0, 0.0)),
        ("16-bit grey PNG", png(&DynamicImage::ImageLuma16(grey.to_luma16())), &grey.to_rgb8(), (1, 0.5)),
        ("PNG with alpha", png(&DynamicImage::ImageRgba8(see_through)), &rgb, (0, 0.0)),
        ("grey JPEG", grey_jpeg, &grey.to_rgb8(), JPEG_TOLERANCE),
        ("CMYK JPEG", golden("cmyk.jpg"), &rgb, JPEG_TOLERANCE),
    ] {
        let picture = open(name, &file).unwrap();
        assert_close(name, &picture.pixels, expected, tolerance);
        assert!(picture.notes.is_empty(), "{name}");
    }
}

#[test]
fn the_first_frame_of_an_animation_is_taken_and_said_so() {
    let street = formula::picture(64, 48);
    let webp = open("animated.webp", &golden("animated.webp")).unwrap();
    assert_eq!(webp.notes, [Note::FirstFrame]);
    assert!(*webp.pixels == street);

    let gif = open("animated.gif", &gif(&street, 2)).unwrap();
    assert_eq!(gif.notes, [Note::FirstFrame]);
    // A GIF has 256 colours.
    assert_close("animated GIF", &gif.pixels, &street, (30, 5.0));
    assert!(gif.notes[0].to_string().contains("first frame"));
}

#[test]
fn a_gif_of_one_frame_is_not_called_animated() {
    assert!(open("still.gif", &gif(&formula::picture(64, 48), 1)).unwrap().notes.is_empty());
}

/// The picture as a GIF, followed by frames of plain red.
fn gif(first: &RgbImage, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    let red = RgbaImage::from_pixel(first.width(), first.height(), Rgba([255, 0, 0, 255]));
    let first = DynamicImage::ImageRgb8(first.clone()).into_rgba8();
    for pixels in std::iter::once(first).chain(std::iter::repeat(red)).take(frames) {
        encoder.encode_frame(Frame::new(pixels)).unwrap();
    }
    drop(encoder);
    bytes
}
