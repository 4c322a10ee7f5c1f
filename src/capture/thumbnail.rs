//! Small copies of frames, for lists.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A copy of `frame` whose longer side is at most `max` pixels, its proportions kept.
///
/// A frame that is small enough, or has no pixels, comes back as it is. `max` counts as at least 1.
pub fn thumbnail(frame: &RgbImage, max: u32) -> RgbImage {
    let (width, height) = frame.dimensions();
    let (longer, max) = (width.max(height), max.max(1));
    if longer <= max || width == 0 || height == 0 {
        return frame.clone();
    }
    let shrunk = |side: u32| {
        let side = (u64::from(side) * u64::from(max) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(side).unwrap_or(max).max(1)
    };
    let source = ImageRef::new(width, height, frame.as_raw(), PixelType::U8x3)
        .expect("a picture's buffer is as long as its size says");
    let mut small = Image::new(shrunk(width), shrunk(height), PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize(&source, &mut small, &options)
        .expect("both pictures are 8-bit RGB and have pixels");
    let (width, height) = (small.width(), small.height());
    RgbImage::from_raw(width, height, small.into_vec()).expect("the buffer was made for this size")
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn thumbnails_keep_their_proportions() {
        let check = |size: (u32, u32), max: u32, expected: (u32, u32)| {
            assert_eq!(
                thumbnail(&RgbImage::new(size.0, size.1), max).dimensions(),
                expected,
                "{size:?} to {max}"
            );
        };
        check((1920, 1080), 320, (320, 180));
        check((1080, 1920), 320, (180, 320));
        check((100, 50), 320, (100, 50));
        check((5000, 1), 100, (100, 1));
        check((0, 7), 3, (0, 7));
        check((10, 10), 0, (1, 1));
    }

    #[test]
    fn a_thumbnail_shows_the_same_picture() {
        let halves =
            RgbImage::from_fn(400, 200, |x, _| if x < 200 { Rgb([250, 10, 20]) } else { Rgb([5, 240, 30]) });
        let small = thumbnail(&halves, 40);
        assert_eq!(small.get_pixel(5, 10), &Rgb([250, 10, 20]));
        assert_eq!(small.get_pixel(35, 10), &Rgb([5, 240, 30]));
    }
}
