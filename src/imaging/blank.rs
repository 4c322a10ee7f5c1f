//! Telling a failed capture from a picture.

use image::RgbImage;

/// Colours this many levels apart still count as one: video compression and dithering move
/// a flat colour by two or three levels.
const NOISE_LEVELS: usize = 8;
/// This share of the samples (one in …) may be something else: a mouse pointer on a black frame
/// covers one pixel in 2000 of a 1080p screen.
const OUTLIERS_ONE_IN: u32 = 200;
/// Samples taken along each side.
const SAMPLES: u32 = 64;

/// Whether the picture is of one colour, as a failed capture is: black, or any other flat fill.
///
/// At most 64 × 64 pixels are looked at, so this takes microseconds whatever the size. A picture
/// without pixels is blank.
pub fn is_blank(pixels: &RgbImage) -> bool {
    let (width, height) = pixels.dimensions();
    if width == 0 || height == 0 {
        return true;
    }
    let mut histograms = [[0_u32; 256]; 3];
    for y in sampled(height) {
        for x in sampled(width) {
            let pixel = pixels.get_pixel(x, y);
            for (histogram, &level) in histograms.iter_mut().zip(&pixel.0) {
                histogram[usize::from(level)] += 1;
            }
        }
    }
    histograms.iter().all(one_level)
}

/// Positions along a side: the middles of equal parts of it.
fn sampled(side: u32) -> impl Iterator<Item = u32> {
    let parts = side.min(SAMPLES);
    let middle = move |part: u32| (2 * u64::from(part) + 1) * u64::from(side) / (2 * u64::from(parts));
    (0..parts).map(move |part| u32::try_from(middle(part)).expect("less than the side"))
}

/// Whether nearly all samples lie within [`NOISE_LEVELS`] of each other.
fn one_level(histogram: &[u32; 256]) -> bool {
    let total: u32 = histogram.iter().sum();
    let most =
        histogram.windows(NOISE_LEVELS + 1).map(|window| window.iter().sum::<u32>()).max().unwrap_or(0);
    total - most <= total / OUTLIERS_ONE_IN
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::super::formula;
    use super::*;

    fn check(pixels: &RgbImage, expected: bool, case: &str) {
        assert_eq!(is_blank(pixels), expected, "{case}");
    }

    #[test]
    fn flat_frames_are_blank() {
        check(&RgbImage::new(0, 0), true, "no pixels");
        check(&RgbImage::new(1, 1), true, "one pixel");
        check(&RgbImage::new(1920, 1080), true, "black");
        check(&RgbImage::from_pixel(300, 200, Rgb([40, 90, 200])), true, "blue");
        let noisy = RgbImage::from_fn(640, 480, |x, y| {
            let noise = u8::try_from((x * 7 + y * 13) % 5).unwrap();
            Rgb([noise, 2, 4 - noise])
        });
        check(&noisy, true, "black with noise");
        let mut pointer = RgbImage::new(1920, 1080);
        for (x, y) in (0..24_u32).flat_map(|x| (0..24_u32).map(move |y| (x, y))) {
            pointer.put_pixel(900 + x, 500 + y, Rgb([255; 3]));
        }
        check(&pointer, true, "black with a mouse pointer");
    }

    #[test]
    fn pictures_are_not_blank() {
        check(&formula::picture(640, 360), false, "a picture");
        check(&formula::picture(7, 5), false, "a tiny picture");
        let fog = RgbImage::from_fn(640, 480, |_, y| Rgb([190 + u8::try_from(y / 30).unwrap(); 3]));
        check(&fog, false, "fog: 16 levels from top to bottom");
        let night = RgbImage::from_fn(640, 480, |x, y| {
            if y > 440 && x % 8 < 4 { Rgb([60, 50, 20]) } else { Rgb([2, 2, 4]) }
        });
        check(&night, false, "a dark picture with some light");
    }
}
