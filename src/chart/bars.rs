//! Grouped bars with whiskers.

use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use super::axes::Frame;
use super::canvas::{Canvas, Held};
use super::{Axis, PALETTE, Series, Value};

pub(super) fn draw<B: DrawingBackend>(
    canvas: &Canvas<B>,
    title: &str,
    axis: &Axis,
    groups: &[String],
    series: &[Series<Option<Value>>],
) -> Result<(), String> {
    let names: Vec<&str> = series.iter().map(|one| one.name.as_str()).collect();
    #[allow(clippy::cast_precision_loss)]
    let slots = groups.len().max(1) as f64;
    let frame = Frame::draw(canvas, title, &names, [[0.0, slots], axis.range])?;
    frame.vertical(canvas, axis)?;
    #[allow(clippy::cast_precision_loss)]
    let width = 0.8 / series.len().max(1) as f64;
    for (i, one) in series.iter().enumerate() {
        for (group, value) in one.values.iter().enumerate() {
            let Some(value) = value else { continue };
            #[allow(clippy::cast_precision_loss)]
            let from = group as f64 + 0.1 + i as f64 * width;
            let (left, right) = (frame.x(from), frame.x(from + width).max(frame.x(from) + 1));
            let corners = [(left, frame.y(value.at)), (right, frame.y(axis.range[0]))];
            canvas.rectangle(corners, PALETTE[i % PALETTE.len()].to_rgba())?;
            whisker(canvas, &frame, i32::midpoint(left, right), value)?;
        }
    }
    frame.baseline(canvas)?;
    let room = (frame.right - frame.left) / i32::try_from(groups.len().max(1)).unwrap_or(1);
    for (group, name) in groups.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let x = frame.x(group as f64 + 0.5);
        // Two rows where names would touch.
        let wide = 7 * i32::try_from(name.chars().count()).unwrap_or(0) > room - 4;
        let y = frame.bottom + if wide && group % 2 == 1 { 29 } else { 13 };
        canvas.word(name, (x, y), Held::Centre, 0.85)?;
    }
    Ok(())
}

/// The interval of a value as a line with two ends.
pub(super) fn whisker<B: DrawingBackend>(
    canvas: &Canvas<B>,
    frame: &Frame,
    x: i32,
    value: &Value,
) -> Result<(), String> {
    let Some([low, high]) = value.interval else { return Ok(()) };
    let (low, high) = (frame.y(low), frame.y(high));
    let ink = canvas.ink.mix(0.75);
    canvas.line(&[(x, low), (x, high)], ink, 1)?;
    canvas.line(&[(x - 3, low), (x + 3, low)], ink, 1)?;
    canvas.line(&[(x - 3, high), (x + 3, high)], ink, 1)
}
