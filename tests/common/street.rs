//! A street drawn by code: for tests, and for `cargo xtask bench` to time.

use image::{Rgb, RgbImage};

/// A drawn view: sky, hills, a road with a dashed line; `shift` moves the vanishing point.
pub fn street(width: u32, height: u32, shift: i64) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y, w, h) = (i64::from(x), i64::from(y), i64::from(width), i64::from(height));
        let horizon = h * 45 / 100 + (x * 7 % (w / 5 + 1)) * h / (w * 4 + 1);
        if y < horizon {
            let fade = u8::try_from(90 + y * 110 / h).unwrap_or(200);
            return Rgb([fade, fade.saturating_add(25), 240]);
        }
        let centre = w / 2 + shift;
        let half = (y - horizon) * w / h;
        let off = (x - centre).abs();
        if off < half / 24 && y * 12 / h % 2 == 0 {
            Rgb([235, 205, 60])
        } else if off < half {
            Rgb([92, 92, 96])
        } else {
            Rgb([70, u8::try_from(110 + (x * 13 + y * 7) % 40).unwrap_or(120), 48])
        }
    })
}
