//! The decoder for the kinds of JPEG that the fast one gets wrong: components in scans of their own, odd sampling.

use std::io::Cursor;

use image::RgbImage;
use jpeg_decoder::{Decoder, Error, PixelFormat};

/// Why it was not decoded.
#[derive(Debug)]
pub(in super::super) enum Refusal {
    /// A kind that is not known here either.
    NotSupported,
    /// The content makes no sense.
    Damaged,
}

/// The pixels as they are stored, and the colour profile.
pub(in super::super) fn decode(bytes: &[u8]) -> Result<(RgbImage, Option<Vec<u8>>), Refusal> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    let pixels = decoder.decode().map_err(|error| match error {
        Error::Unsupported(_) => Refusal::NotSupported,
        _ => Refusal::Damaged,
    })?;
    let info = decoder.info().ok_or(Refusal::Damaged)?;
    let pixels = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.iter().flat_map(|&level| [level; 3]).collect(),
        PixelFormat::CMYK32 => pixels.chunks_exact(4).flat_map(light_of).collect(),
        PixelFormat::L16 => return Err(Refusal::NotSupported),
    };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let picture = RgbImage::from_raw(width, height, pixels).ok_or(Refusal::Damaged)?;
    Ok((picture, decoder.icc_profile()))
}

/// Red, green and blue of four inks: what cyan, magenta and yellow let through, darkened by black.
fn light_of(inks: &[u8]) -> [u8; 3] {
    let through = |ink: u8| (u16::from(255 - ink) * u16::from(255 - inks[3]) / 255) as u8;
    [through(inks[0]), through(inks[1]), through(inks[2])]
}
