// The picture that preprocessing and decoding are tested with. make.py beside this file holds
// the same formula; it uses whole numbers only, so both make the same pixels. It has slopes,
// edges and fine detail, so that a wrong filter, a shifted pixel or swapped channels show.

use image::{Rgb, RgbImage};

/// The test picture at a size.
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let edges = ((x / 8 + y / 8) % 2) * 120;
        Rgb([wave(3 * x + y), wave(x * x / 32 + 2 * y), byte(edges + u32::from(wave(x + 2 * y)) / 2)])
    })
}

/// A triangle wave between 0 and 255, of period 510.
fn wave(at: u32) -> u8 {
    byte((at % 510).abs_diff(255))
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).expect("the formula stays under 256")
}
