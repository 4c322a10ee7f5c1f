//! Sound pictures of rare kinds are read rightly or refused by name, damaged ones carry a warning (fault 32).

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, Frame, GrayImage, ImageEncoder as _, ImageFormat, RgbImage};
use streetwise::imaging::{Note, PictureError};

use super::pictures::{assert_close, chunk, encoded, formula, jpeg, open};

/// A smooth picture, so that colour at half the size loses next to nothing.
fn smooth(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let level = |value: u32, of: u32| u8::try_from(40 + 170 * value / of).unwrap();
        image::Rgb([level(x, width), level(y, height), level(width - x, width)])
    })
}

/// Lightness, blueness and redness of a picture (JFIF), each a grey picture at one `shrink`-th of the size.
fn planes(picture: &RgbImage, shrink: [u32; 3]) -> [GrayImage; 3] {
    let parts = [
        [0.299, 0.587, 0.114, 0.0],
        [-0.168_736, -0.331_264, 0.5, 128.0],
        [0.5, -0.418_688, -0.081_312, 128.0],
    ];
    [0, 1, 2].map(|number| {
        let (by, part) = (shrink[number], parts[number]);
        GrayImage::from_fn(picture.width() / by, picture.height() / by, |x, y| {
            let mut sum = 0.0;
            for (dx, dy) in (0..by).flat_map(|dx| (0..by).map(move |dy| (dx, dy))) {
                let [r, g, b] = picture.get_pixel(x * by + dx, y * by + dy).0.map(f64::from);
                sum += part[0] * r + part[1] * g + part[2] * b + part[3];
            }
            image::Luma([(sum / f64::from(by * by)).round() as u8])
        })
    })
}

/// Segments of a JPEG: marker, body, and for a scan its data.
fn segments(file: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let (mut at, mut found) = (2, Vec::new());
    while file[at + 1] != 0xD9 {
        let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        let end = at + 2 + length;
        let data = file[end..].windows(2).position(|two| two[0] == 0xFF && two[1] != 0).unwrap();
        found.push((file[at + 1], &file[at + 4..end], &file[end..end + data]));
        at = end + data;
    }
    found
}

/// A baseline JPEG whose components come in scans of their own, in the given order: three grey JPEGs put into one file.
/// `shrink` is by how much each component is smaller than the picture.
fn one_scan_a_component(picture: &RgbImage, shrink: [u32; 3], order: [usize; 3]) -> Vec<u8> {
    let greys = planes(picture, shrink).map(|plane| {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&plane).unwrap();
        bytes
    });
    let most = shrink.iter().max().unwrap();
    let mut file = vec![0xFF, 0xD8];
    let mut put = |marker: u8, body: &[u8], data: &[u8]| {
        file.extend([0xFF, marker]);
        file.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
        file.extend([body, data].concat());
    };
    for (marker, body, _) in segments(&greys[0]).iter().filter(|part| matches!(part.0, 0xDB | 0xC4)) {
        put(*marker, body, &[]);
    }
    let side = |pixels: u32| u16::try_from(pixels).unwrap().to_be_bytes();
    let mut frame = [&[8][..], &side(picture.height()), &side(picture.width()), &[3]].concat();
    for (id, by) in (1..).zip(shrink) {
        let factor = u8::try_from(most / by).unwrap();
        frame.extend([id, factor << 4 | factor, 0]);
    }
    put(0xC0, &frame, &[]);
    for number in order {
        let scan = segments(&greys[number]).into_iter().find(|part| part.0 == 0xDA).unwrap();
        let mut body = scan.1.to_vec();
        body[1] = u8::try_from(number + 1).unwrap();
        put(0xDA, &body, scan.2);
    }
    file.extend([0xFF, 0xD9]);
    file
}

#[test]
fn components_in_scans_of_their_own_and_odd_sampling_are_the_same_picture() {
    let street = smooth(96, 64);
    for (name, shrink, order) in [
        ("4:4:4", [1, 1, 1], [0, 1, 2]),
        ("4:2:0", [1, 2, 2], [0, 1, 2]),
        ("4:2:0, chroma first", [1, 2, 2], [1, 2, 0]),
        ("odd sampling", [2, 1, 2], [0, 1, 2]),
        ("4:1:0", [1, 4, 4], [2, 0, 1]),
    ] {
        let picture = open("odd.jpg", &one_scan_a_component(&street, shrink, order)).unwrap();
        assert_close(name, &picture.pixels, &street, (12, 2.0));
        assert!(picture.notes.is_empty(), "{name}: {:?}", picture.notes);
    }
}

#[test]
fn damage_inside_a_jpeg_is_said_whatever_its_kind() {
    let street = formula::picture(320, 240);
    let many_scans = one_scan_a_component(&street, [1, 2, 2], [0, 1, 2]);
    for (kind, whole) in [("one scan", jpeg(&street)), ("many scans", many_scans)] {
        assert!(open("whole.jpg", &whole).unwrap().notes.is_empty(), "{kind}");
        let (from, to) = (whole.len() / 2, whole.len() / 2 + whole.len() / 20);
        let missing = [&whole[..from], &whole[to..]].concat();
        let mut zeros = whole.clone();
        zeros[from..to].fill(0);
        let mut noise = whole.clone();
        noise[from..to].iter_mut().zip(0_u32..).for_each(|(byte, n)| *byte = (n * 97 % 251) as u8);
        let cut = [&whole[..from], b"\xff\xd9"].concat();
        for (damage, file) in
            [("missing", missing), ("zeros", zeros), ("noise", noise), ("cut, with an end", cut)]
        {
            match open("damaged.jpg", &file) {
                Ok(picture) => assert_eq!(picture.notes, [Note::Damaged], "{kind}, {damage}"),
                Err(error) => {
                    assert!(matches!(error, PictureError::Damaged { .. }), "{kind}, {damage}: {error}");
                }
            }
        }
    }
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_named() {
    let whole = jpeg(&formula::picture(64, 48));
    let frame = whole.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
    let check = |marker: u8, precision: u8, expected: &str| {
        let mut file = whole.clone();
        file[frame + 1] = marker;
        file[frame + 4] = precision;
        let said = open("rare.jpg", &file).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("rare.jpg: {expected} pictures are not supported; save it as an ordinary JPEG or PNG")
        );
    };
    check(0xC9, 8, "arithmetic-coded JPEG");
    check(0xCA, 8, "arithmetic-coded JPEG");
    check(0xC1, 12, "12-bit JPEG");
    check(0xC3, 8, "lossless JPEG");
}

/// Little-endian EXIF data with nothing but the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat()
}

fn webp(picture: &RgbImage, exif: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).unwrap();
    bytes
}

#[test]
fn exif_at_odd_places_turns_the_picture() {
    let upright = formula::picture(60, 36);
    let stored = image::imageops::rotate270(&upright);
    let png = encoded(&stored, ImageFormat::Png);
    let late = [&png[..png.len() - 12], &chunk(*b"eXIf", &exif(6)), &png[png.len() - 12..]].concat();
    let prefixed = [b"Exif\0\0".to_vec(), exif(6)].concat();
    for (name, file) in [
        ("WebP", webp(&stored, exif(6))),
        ("WebP, as JPEG writes it", webp(&stored, prefixed)),
        ("PNG, behind the pixels", late),
    ] {
        assert!(*open("turned", &file).unwrap().pixels == upright, "{name}");
    }
}

#[test]
fn a_damaged_png_is_refused_in_one_plain_sentence() {
    let whole = encoded(&formula::picture(60, 36), ImageFormat::Png);
    let data = whole.windows(4).position(|four| four == b"IDAT").unwrap();
    let mut checksum = whole.clone();
    let end = data + 4 + u32::from_be_bytes(whole[data - 4..data].try_into().unwrap()) as usize;
    checksum[end] ^= 1;
    let check = |name: &str, file: &[u8], expected: &str| {
        let said = open(name, file).unwrap_err().to_string();
        assert_eq!(said, format!("{name} is damaged ({expected}); save or download it again"));
    };
    check("checksum.png", &checksum, "a checksum in it is wrong");
    check("cut.png", &whole[..end - 20], "it ends early");
}

#[test]
fn a_png_without_its_end_mark_is_a_picture_or_one_sentence() {
    let whole = encoded(&formula::picture(60, 36), ImageFormat::Png);
    match open("open.png", &whole[..whole.len() - 12]) {
        Ok(picture) => assert!(*picture.pixels == formula::picture(60, 36)),
        Err(error) => assert!(error.to_string().contains("it ends early"), "{error}"),
    }
}

#[test]
fn a_gif_without_a_trailer_is_a_still_picture() {
    let street = formula::picture(60, 36);
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    encoder.encode_frame(Frame::new(image::DynamicImage::ImageRgb8(street).into_rgba8())).unwrap();
    drop(encoder);
    assert_eq!(file.pop(), Some(0x3B));
    let picture = open("still.gif", &file).unwrap();
    assert!(picture.notes.is_empty(), "{:?}", picture.notes);
}

#[test]
fn no_error_speaks_of_the_program() {
    let whole = [
        jpeg(&formula::picture(60, 36)),
        encoded(&formula::picture(60, 36), ImageFormat::Png),
        encoded(&formula::picture(60, 36), ImageFormat::WebP),
        encoded(&formula::picture(60, 36), ImageFormat::Gif),
        encoded(&formula::picture(60, 36), ImageFormat::Bmp),
    ];
    let mut said = 0;
    for file in &whole {
        for at in 2..file.len().min(120) {
            let mut bad = file.clone();
            bad[at] ^= 0x55;
            let Err(error) = open("a.picture", &bad) else { continue };
            let text = error.to_string();
            said += 1;
            assert!(text.starts_with("a.picture") && text.contains("; "), "{text}");
            assert!(!text.contains(['{', '}', '_', '"']) && !text.contains("::"), "{text}");
        }
    }
    assert!(said > 50, "{said}");
}
