//! From a decoder's pixels to 8-bit RGB, within the memory they lie in where that is enough.

use image::{ColorType, RgbImage};

/// Bytes of a pixel that are needed at once: as the decoder hands it out, and where that is narrower than RGB, as RGB.
pub(super) fn bytes_per_pixel(kind: ColorType) -> u64 {
    let own = u64::from(kind.bytes_per_pixel());
    if own < 3 { own + 3 } else { own }
}

/// The pixels of `raw`, which a decoder wrote as `kind`; none where its length is not that of the size, or the kind is
/// one that no decoder here writes. Alpha is dropped, not blended, as Pillow's `convert("RGB")` does; 16-bit samples
/// are rounded.
pub(super) fn to_rgb(mut raw: Vec<u8>, kind: ColorType, (width, height): (u32, u32)) -> Option<RgbImage> {
    let pixels = match kind {
        ColorType::Rgb8 => raw,
        ColorType::L8 => raw.iter().flat_map(|&level| [level; 3]).collect(),
        ColorType::La8 => raw.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect(),
        ColorType::L16 => raw.chunks_exact(2).flat_map(|pixel| [rounded(pixel); 3]).collect(),
        ColorType::La16 => raw.chunks_exact(4).flat_map(|pixel| [rounded(&pixel[..2]); 3]).collect(),
        ColorType::Rgba8 => {
            narrow(&mut raw, 4, |pixel| [pixel[0], pixel[1], pixel[2]]);
            raw
        }
        ColorType::Rgb16 | ColorType::Rgba16 => {
            let width = usize::from(kind.bytes_per_pixel());
            narrow(&mut raw, width, |pixel| [0, 2, 4].map(|at| rounded(&pixel[at..at + 2])));
            raw
        }
        _ => return None,
    };
    RgbImage::from_raw(width, height, pixels)
}

/// Writes every pixel of `width` bytes as three, from the front, and gives the rest back.
fn narrow(raw: &mut Vec<u8>, width: usize, rgb: impl Fn(&[u8]) -> [u8; 3]) {
    let count = raw.len() / width;
    for pixel in 0..count {
        let three = rgb(&raw[pixel * width..][..width]);
        raw[pixel * 3..][..3].copy_from_slice(&three);
    }
    raw.truncate(count * 3);
    raw.shrink_to_fit();
}

/// The nearest of 256 levels to a 16-bit sample in the machine's byte order.
fn rounded(sample: &[u8]) -> u8 {
    let value = u32::from(u16::from_ne_bytes([sample[0], sample[1]]));
    u8::try_from((value + 128) / 257).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::DynamicImage;

    use super::super::formula;
    use super::*;

    #[test]
    fn every_kind_becomes_the_rgb_that_the_image_crate_makes_of_it() {
        let street = DynamicImage::ImageRgb8(formula::picture(31, 17));
        let mut deep = street.to_rgba16();
        for (number, sample) in deep.iter_mut().enumerate() {
            *sample = sample.wrapping_add(u16::try_from(number % 300).unwrap());
        }
        let deep = DynamicImage::ImageRgba16(deep);
        for picture in [
            DynamicImage::ImageLuma8(street.to_luma8()),
            DynamicImage::ImageLumaA8(street.to_luma_alpha8()),
            DynamicImage::ImageRgba8(street.to_rgba8()),
            DynamicImage::ImageLuma16(deep.to_luma16()),
            DynamicImage::ImageLumaA16(deep.to_luma_alpha16()),
            DynamicImage::ImageRgb16(deep.to_rgb16()),
            deep,
            street,
        ] {
            let kind = picture.color();
            let found = to_rgb(picture.as_bytes().to_vec(), kind, (31, 17)).unwrap();
            assert!(found == picture.to_rgb8(), "{kind:?}");
        }
        assert!(to_rgb(vec![0; 5], ColorType::Rgb8, (31, 17)).is_none());
    }
}
