//! Counts as shades: a confusion matrix.

use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use super::PALETTE;
use super::canvas::{Canvas, Held};

const LEFT: i32 = 66;
const TOP: i32 = 34;
const BELOW: i32 = 50;

pub(super) fn draw<B: DrawingBackend>(
    canvas: &Canvas<B>,
    title: &str,
    names: &[String],
    axes: &[String; 2],
    counts: &[Vec<usize>],
) -> Result<(), String> {
    let (width, height) = canvas.size();
    let n = i32::try_from(names.len().max(1)).unwrap_or(i32::MAX);
    let side = ((width - LEFT - 10) / n).min((height - TOP - BELOW) / n).max(1);
    canvas.word(title, (width / 2, 16), Held::Centre, 1.15)?;
    let at = |i: usize| i32::try_from(i).unwrap_or(0) * side;
    for (row, cells) in counts.iter().enumerate() {
        let sum: usize = cells.iter().sum();
        for (column, count) in cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            #[allow(clippy::cast_precision_loss)]
            let share = *count as f64 / sum as f64;
            let (x, y) = (LEFT + at(column), TOP + at(row));
            // The diagonal is right and blue, the rest is wrong and orange; a single picture stays visible.
            let colour = if row == column { PALETTE[0] } else { PALETTE[3] };
            canvas.rectangle([(x, y), (x + side - 1, y + side - 1)], colour.mix(0.12 + 0.88 * share))?;
        }
    }
    let (far, border) = (side * n, canvas.ink.mix(0.4));
    let corners = [(LEFT, TOP), (LEFT + far, TOP), (LEFT + far, TOP + far), (LEFT, TOP + far), (LEFT, TOP)];
    canvas.line(&corners, border, 1)?;
    let every = 1 + 13 / side.max(1);
    let scale = if side >= 18 { 0.85 } else { 0.7 };
    for (i, name) in names.iter().enumerate().filter(|(i, _)| i32::try_from(*i).unwrap_or(0) % every == 0) {
        canvas.word(name, (LEFT - 5, TOP + at(i) + side / 2), Held::Right, scale)?;
        canvas.word(name, (LEFT + at(i) + side / 2, TOP + far + 12), Held::Centre, scale)?;
    }
    canvas.word(&axes[0], (14, TOP + far / 2), Held::Upright, 0.95)?;
    canvas.word(&axes[1], (LEFT + far / 2, TOP + far + 34), Held::Centre, 0.95)
}
