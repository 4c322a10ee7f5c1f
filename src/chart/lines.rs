//! Points on two axes of numbers, joined or alone.

use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use super::axes::Frame;
use super::bars::whisker;
use super::canvas::Canvas;
use super::{Axis, PALETTE, Series, Value};

pub(super) fn draw<B: DrawingBackend>(
    canvas: &Canvas<B>,
    title: &str,
    [x, y]: [&Axis; 2],
    series: &[Series<(f64, Value)>],
    joined: bool,
    guide: &[(f64, f64)],
) -> Result<(), String> {
    let names: Vec<&str> = series.iter().map(|one| one.name.as_str()).collect();
    let scaled = |value: f64| if x.log { value.log10() } else { value };
    let frame = Frame::draw(canvas, title, &names, [x.range.map(scaled), y.range])?;
    frame.vertical(canvas, y)?;
    frame.horizontal(canvas, x)?;
    let at = |x: f64, y: f64| (frame.x(scaled(x)), frame.y(y));
    if guide.len() > 1 {
        let points: Vec<(i32, i32)> = guide.iter().map(|(x, y)| at(*x, *y)).collect();
        canvas.line(&points, canvas.ink.mix(0.4), 1)?;
    }
    for (i, one) in series.iter().enumerate() {
        let colour = PALETTE[i % PALETTE.len()];
        let points: Vec<(i32, i32)> = one.values.iter().map(|(x, y)| at(*x, y.at)).collect();
        if joined && points.len() > 1 {
            canvas.line(&points, colour.to_rgba(), 2)?;
        }
        for ((_, value), point) in one.values.iter().zip(&points) {
            whisker(canvas, &frame, point.0, value)?;
            canvas.dot(*point, colour)?;
        }
    }
    Ok(())
}
