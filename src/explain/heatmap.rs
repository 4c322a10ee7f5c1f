//! What an explanation gives: a small grid of values and where it lies on the picture.

use serde::Serialize;

use crate::imaging::Picture;
use crate::model::Manifest;

/// How a heatmap was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Windows hidden one after the other.
    Occlusion,
    /// Attention followed through all blocks.
    Attention,
}

/// A heatmap of one guess.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heatmap {
    /// The model.
    pub model: String,
    /// How it was made.
    pub method: Method,
    /// The country explained, ISO 3166-1 alpha-2. Attention is about the picture, whatever the country.
    pub country: String,
    /// Calibrated probability of that country on the whole picture.
    pub p: f32,
    /// Rows of the grid.
    pub rows: usize,
    /// Columns of the grid.
    pub columns: usize,
    /// Row by row. Occlusion: by how much hiding the window around the cell lowers the natural logarithm of the
    /// country's probability; below zero, hiding raises it. Attention: the cell's share, all sum to 1.
    pub values: Vec<f32>,
    /// The part of the picture that the grid covers: left, top, width, height, in the picture's pixels.
    pub area: [f64; 4],
}

impl Heatmap {
    /// Values from 0 to 1 for colours: zero and below are 0, the largest is 1. All 0 where nothing is above zero.
    #[must_use]
    pub fn shades(&self) -> Vec<f32> {
        let top = self.values.iter().copied().fold(0.0, f32::max);
        let shade = |value: &f32| if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        self.values.iter().map(shade).collect()
    }

    /// The picture with the map over it, as it is written by `explain --out`: dark where the map is low, the picture's
    /// own colours where it is high, what the model does not see darkest.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn over(&self, picture: &Picture) -> image::RgbImage {
        let (shades, [left, top, width, height]) = (self.shades(), self.area);
        let mut shown = (*picture.pixels).clone();
        for (x, y, pixel) in shown.enumerate_pixels_mut() {
            let (across, down) = ((f64::from(x) + 0.5 - left) / width, (f64::from(y) + 0.5 - top) / height);
            let inside = (0.0..1.0).contains(&across) && (0.0..1.0).contains(&down);
            let light = if inside { 0.25 + 0.75 * self.smooth(&shades, across, down) } else { 0.1 };
            pixel.0 = pixel.0.map(|level| (f32::from(level) * light) as u8);
        }
        shown
    }

    /// The value between the centres of the cells, bilinear; `across` and `down` from 0 to 1.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn smooth(&self, shades: &[f32], across: f64, down: f64) -> f32 {
        let split = |share: f64, cells: usize| {
            let at = (share * cells as f64 - 0.5).clamp(0.0, cells as f64 - 1.0);
            let low = at.floor() as usize;
            (low, (low + 1).min(cells - 1), (at - at.floor()) as f32)
        };
        let ((left, right, dx), (up, low, dy)) = (split(across, self.columns), split(down, self.rows));
        let row = |y: usize| {
            let at = |x: usize| shades[y * self.columns + x];
            at(left) * (1.0 - dx) + at(right) * dx
        };
        row(up) * (1.0 - dy) + row(low) * dy
    }
}

/// The part of the picture that a model sees, in the picture's pixels.
#[must_use]
pub fn area(manifest: &Manifest, picture: &Picture) -> [f64; 4] {
    manifest.preprocess.resize.seen_part(picture.pixels.width(), picture.pixels.height())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f32], area: [f64; 4]) -> Heatmap {
        Heatmap {
            model: "m".into(),
            method: Method::Occlusion,
            country: "AU".into(),
            p: 0.5,
            rows: 2,
            columns: 2,
            values: values.to_vec(),
            area,
        }
    }

    #[test]
    fn shades_are_shares_of_the_largest_value() {
        assert_eq!(map(&[-1.0, 0.0, 1.0, 2.0], [0.0; 4]).shades(), [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(map(&[-1.0, -2.0, 0.0, -1.0], [0.0; 4]).shades(), [0.0; 4]);
    }

    #[test]
    fn the_map_lies_on_the_part_that_the_model_sees() {
        let picture = Picture::from_rgb("white", image::RgbImage::from_pixel(40, 20, image::Rgb([200; 3])));
        // The centred square of 40 × 20, its top left cell marked.
        let shown = map(&[1.0, 0.0, 0.0, 0.0], [10.0, 0.0, 20.0, 20.0]).over(&picture);
        let level = |x, y| shown.get_pixel(x, y).0[0];
        assert_eq!((level(2, 10), level(38, 3)), (20, 20));
        assert!(level(12, 2) > 190 && level(28, 18) < 60, "{} {}", level(12, 2), level(28, 18));
    }
}
