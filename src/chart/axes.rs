//! Title, legend, axes and their ticks; numbers to pixels.

use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use super::canvas::{Canvas, Held};
use super::{Axis, PALETTE};

/// Room around the data, in pixels.
const LEFT: i32 = 58;
const RIGHT: i32 = 18;
const TOP: i32 = 34;
const BOTTOM: i32 = 50;
const LEGEND_ROW: i32 = 20;

/// The rectangle of the data, and what its sides stand for.
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
    x: [f64; 2],
    y: [f64; 2],
}

impl Frame {
    /// The frame of a chart with a title and, for more than one name, a legend; both are drawn.
    pub(super) fn draw<B: DrawingBackend>(
        canvas: &Canvas<B>,
        title: &str,
        names: &[&str],
        ranges: [[f64; 2]; 2],
    ) -> Result<Self, String> {
        let (width, height) = canvas.size();
        canvas.word(title, (width / 2, 16), Held::Centre, 1.15)?;
        let legend = if names.len() > 1 { legend(canvas, names)? } else { 0 };
        let top = TOP + legend;
        Ok(Self {
            left: LEFT,
            right: width - RIGHT,
            top,
            bottom: height - BOTTOM,
            x: ranges[0],
            y: ranges[1],
        })
    }

    pub(super) fn x(&self, value: f64) -> i32 {
        place(value, self.x, self.left, self.right)
    }

    pub(super) fn y(&self, value: f64) -> i32 {
        place(value, self.y, self.bottom, self.top)
    }

    /// Grid lines and numbers of the vertical axis, and its label.
    pub(super) fn vertical<B: DrawingBackend>(&self, canvas: &Canvas<B>, axis: &Axis) -> Result<(), String> {
        for (value, text) in ticks(self.y) {
            let y = self.y(value);
            canvas.line(&[(self.left, y), (self.right, y)], canvas.ink.mix(0.15), 1)?;
            canvas.word(&text, (self.left - 6, y), Held::Right, 0.9)?;
        }
        canvas.line(&[(self.left, self.top), (self.left, self.bottom)], canvas.ink.mix(0.6), 1)?;
        canvas.word(&axis.label, (12, i32::midpoint(self.top, self.bottom)), Held::Upright, 0.95)
    }

    /// Numbers of the horizontal axis, and its label.
    pub(super) fn horizontal<B: DrawingBackend>(
        &self,
        canvas: &Canvas<B>,
        axis: &Axis,
    ) -> Result<(), String> {
        for (value, text) in if axis.log { powers(self.x) } else { ticks(self.x) } {
            let x = self.x(value);
            canvas.line(&[(x, self.top), (x, self.bottom)], canvas.ink.mix(0.1), 1)?;
            canvas.word(&text, (x, self.bottom + 13), Held::Centre, 0.9)?;
        }
        self.baseline(canvas)?;
        canvas.word(&axis.label, (i32::midpoint(self.left, self.right), self.bottom + 34), Held::Centre, 0.95)
    }

    pub(super) fn baseline<B: DrawingBackend>(&self, canvas: &Canvas<B>) -> Result<(), String> {
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], canvas.ink.mix(0.6), 1)
    }
}

/// Squares with names in rows that fit the width; gives the height taken.
fn legend<B: DrawingBackend>(canvas: &Canvas<B>, names: &[&str]) -> Result<i32, String> {
    let (mut x, mut y) = (LEFT, TOP + 4);
    for (i, name) in names.iter().enumerate() {
        // Letters of this size are about 7 pixels wide.
        let width = 30 + 7 * i32::try_from(name.chars().count()).unwrap_or(100);
        if x > LEFT && x + width > canvas.size().0 - RIGHT {
            (x, y) = (LEFT, y + LEGEND_ROW);
        }
        canvas.rectangle([(x, y - 5), (x + 10, y + 5)], PALETTE[i % PALETTE.len()].to_rgba())?;
        canvas.word(name, (x + 15, y), Held::Left, 0.9)?;
        x += width;
    }
    Ok(y + LEGEND_ROW - TOP)
}

#[allow(clippy::cast_possible_truncation)]
fn place(value: f64, [low, high]: [f64; 2], from: i32, to: i32) -> i32 {
    let span = if high > low { high - low } else { 1.0 };
    let share = ((value - low) / span).clamp(0.0, 1.0);
    from + (share * f64::from(to - from)).round() as i32
}

/// Four to nine round values within a range, with their words.
pub(super) fn ticks([low, high]: [f64; 2]) -> Vec<(f64, String)> {
    let span = high - low;
    if span.is_nan() || span <= 0.0 || !span.is_finite() {
        return vec![(low, format!("{low}"))];
    }
    let power = 10_f64.powf((span / 5.0).log10().floor());
    let fits = |step: &f64| span / step <= 7.0;
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(fits).unwrap_or(span);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = ((high - (low / step).ceil() * step) / step + 1e-9).floor() as usize;
    #[allow(clippy::cast_precision_loss)]
    let at = |i: usize| ((low / step).ceil() + i as f64) * step;
    (0..=count).map(|i| (at(i), format!("{:.decimals$}", at(i)))).collect()
}

/// The whole powers of ten within a range of logarithms, with their words; where there are none, its ends.
fn powers([low, high]: [f64; 2]) -> Vec<(f64, String)> {
    let word = |power: f64| (power, format!("{:.0e}", 10_f64.powf(power)));
    let mut all = Vec::new();
    let mut power = low.ceil();
    while power <= high && all.len() < 20 {
        all.push(word(power));
        power += 1.0;
    }
    if all.is_empty() { vec![word(low), word(high)] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_is_marked_at_powers_of_ten() {
        let words = |range| powers(range).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
        assert_eq!(words([-4.3, -1.9]), "1e-4 1e-3 1e-2");
        assert_eq!(words([-2.7, -2.5]), "2e-3 3e-3");
    }

    #[test]
    fn ticks_are_few_and_round() {
        let words = |range| ticks(range).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
        assert_eq!(words([0.0, 1.0]), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(words([0.0, 95.0]), "0 20 40 60 80");
        assert_eq!(words([0.0, 0.03]), "0.000 0.005 0.010 0.015 0.020 0.025 0.030");
        assert_eq!(words([3.0, 3.0]), "3");
    }
}
