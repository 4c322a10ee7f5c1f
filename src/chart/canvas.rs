//! Strokes, rectangles, dots and words in pixels, on whatever backend.

use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{DrawingArea, DrawingBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _, RGBAColor, RGBColor};

use super::{INHERITED, Theme};

/// Size of the letters as `plotters` counts it; an SVG's is this over 1.24.
const LETTERS: f64 = 15.0;

/// Where a word is held.
#[derive(Clone, Copy)]
pub(super) enum Held {
    /// By its left end, in the middle of its height.
    Left,
    /// By its right end.
    Right,
    /// By its centre.
    Centre,
    /// By its centre, written from bottom to top.
    Upright,
}

/// A ground to draw on.
pub(super) struct Canvas<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    theme: Theme,
    /// Colour of letters and axes.
    pub(super) ink: RGBColor,
}

impl<B: DrawingBackend> Canvas<B> {
    pub(super) fn new(area: DrawingArea<B, Shift>, theme: Theme) -> Self {
        let ink = match theme {
            Theme::Light => RGBColor(0x22, 0x22, 0x22),
            Theme::Dark => RGBColor(0xE6, 0xE6, 0xE6),
            Theme::Inherit => INHERITED,
        };
        Self { area, theme, ink }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (i32, i32) {
        let (width, height) = self.area.dim_in_pixel();
        (i32::try_from(width).unwrap_or(i32::MAX), i32::try_from(height).unwrap_or(i32::MAX))
    }

    pub(super) fn ground(&self) -> Result<(), String> {
        let fill = |colour: RGBColor| self.area.fill(&colour).map_err(|error| error.to_string());
        match self.theme {
            Theme::Light => fill(RGBColor(0xFF, 0xFF, 0xFF)),
            Theme::Dark => fill(RGBColor(0x1B, 0x1B, 0x1B)),
            Theme::Inherit => Ok(()),
        }
    }

    pub(super) fn rectangle(&self, corners: [(i32, i32); 2], colour: RGBAColor) -> Result<(), String> {
        self.area.draw(&Rectangle::new(corners, colour.filled())).map_err(|error| error.to_string())
    }

    pub(super) fn line(&self, points: &[(i32, i32)], colour: RGBAColor, width: u32) -> Result<(), String> {
        let path = PathElement::new(points.to_vec(), colour.stroke_width(width));
        self.area.draw(&path).map_err(|error| error.to_string())
    }

    pub(super) fn dot(&self, at: (i32, i32), colour: RGBColor) -> Result<(), String> {
        self.area.draw(&Circle::new(at, 4, colour.filled())).map_err(|error| error.to_string())
    }

    pub(super) fn word(&self, text: &str, at: (i32, i32), held: Held, scale: f64) -> Result<(), String> {
        let h = match held {
            Held::Left => HPos::Left,
            Held::Right => HPos::Right,
            Held::Centre | Held::Upright => HPos::Center,
        };
        let mut font = ("sans-serif", LETTERS * scale).into_font();
        if matches!(held, Held::Upright) {
            font = font.transform(FontTransform::Rotate270);
        }
        let style = font.color(&self.ink).pos(Pos::new(h, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style)).map_err(|error| error.to_string())
    }

    pub(super) fn finish(&self) -> Result<(), String> {
        self.area.present().map_err(|error| error.to_string())
    }
}
