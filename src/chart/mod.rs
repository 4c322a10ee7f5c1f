//! Charts as SVG and PNG: bars, lines, points and a matrix, for reports, exports and panels.
//!
//! A [`Chart`] is data; [`Chart::svg`] and [`Chart::png`] draw it with `plotters`, the same code for both. In
//! [`Theme::Inherit`] the SVG takes its ink from the page around it (`currentColor`) and has no ground of its own.

mod axes;
mod bars;
mod canvas;
mod lines;
mod matrix;
mod points;

use std::sync::OnceLock;

use image::{ExtendedColorType, ImageEncoder as _};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::prelude::IntoDrawingArea as _;
use plotters::style::{FontStyle, RGBColor, register_font};

use canvas::Canvas;

/// Colours of series, in order (Okabe and Ito 2008: told apart with every common colour vision).
const PALETTE: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xCC, 0x79, 0xA7),
];
/// Stands for the page's own ink until the SVG is written; drawn nowhere else.
const INHERITED: RGBColor = RGBColor(1, 2, 3);

/// The colour of series number `i`, as red, green, blue.
#[must_use]
pub fn colour(i: usize) -> [u8; 3] {
    let RGBColor(red, green, blue) = PALETTE[i % PALETTE.len()];
    [red, green, blue]
}

/// Ink and ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    Light,
    /// Light ink on near black.
    Dark,
    /// The ink of the page around an SVG, no ground. A PNG is drawn as [`Theme::Light`].
    Inherit,
}

/// A value with the ends of its interval, where it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The value.
    pub at: f64,
    /// Low and high end.
    pub interval: Option<[f64; 2]>,
}

impl From<f64> for Value {
    fn from(at: f64) -> Self {
        Self { at, interval: None }
    }
}

/// Values under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<T> {
    /// Name in the legend.
    pub name: String,
    /// The values.
    pub values: Vec<T>,
}

/// An axis of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// Lowest and highest value.
    pub range: [f64; 2],
    /// Whether it is divided by powers of ten; then both ends are above zero. Only for the horizontal axis of lines.
    pub log: bool,
}

impl Axis {
    /// An axis divided evenly.
    #[must_use]
    pub fn new(label: &str, range: [f64; 2]) -> Self {
        Self { label: label.to_owned(), range, log: false }
    }
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// Grouped bars from zero; a series has one value a group, none where there is none.
    Bars {
        /// Title.
        title: String,
        /// The value axis; it begins at zero.
        axis: Axis,
        /// Names of the groups, from left to right.
        groups: Vec<String>,
        /// The bars.
        series: Vec<Series<Option<Value>>>,
    },
    /// Points joined by lines, or alone.
    Lines {
        /// Title.
        title: String,
        /// The horizontal axis.
        x: Axis,
        /// The vertical axis.
        y: Axis,
        /// The points: x, and y with its interval.
        series: Vec<Series<(f64, Value)>>,
        /// Whether points are joined.
        joined: bool,
        /// A thin line beside the data, such as the diagonal or a Pareto front.
        guide: Vec<(f64, f64)>,
    },
    /// A table of counts as shades, each row scaled by its sum.
    Matrix {
        /// Title.
        title: String,
        /// Names of rows and columns.
        names: Vec<String>,
        /// What a row is, and what a column is.
        axes: [String; 2],
        /// Counts by row and column.
        counts: Vec<Vec<usize>>,
    },
}

/// A chart that could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chart `{title}` could not be drawn ({why}); choose another size")]
pub struct ChartError {
    title: String,
    why: String,
}

impl Chart {
    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Bars { title, .. } | Self::Lines { title, .. } | Self::Matrix { title, .. } => title,
        }
    }

    /// As SVG, `size` wide and high in pixels.
    ///
    /// # Errors
    /// [`ChartError`] when the size is too small to hold anything.
    pub fn svg(&self, size: (u32, u32), theme: Theme) -> Result<String, ChartError> {
        self.check(size)?;
        let mut text = String::new();
        {
            let backend = SVGBackend::with_string(&mut text, size).into_drawing_area();
            self.draw(&Canvas::new(backend, theme)).map_err(|why| self.failed(&why))?;
        }
        let mut label = self.title().replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        label.insert_str(0, "<svg role=\"img\" aria-label=\"");
        label.push('"');
        Ok(text.replacen("<svg", &label, 1).replace("#010203", "currentColor"))
    }

    /// As PNG, `size` wide and high in pixels.
    ///
    /// # Errors
    /// [`ChartError`] when the size is too small to hold anything.
    pub fn png(&self, size: (u32, u32), theme: Theme) -> Result<Vec<u8>, ChartError> {
        self.check(size)?;
        let theme = if theme == Theme::Inherit { Theme::Light } else { theme };
        let mut pixels = vec![0_u8; size.0 as usize * size.1 as usize * 3];
        {
            let backend = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
            self.draw(&Canvas::new(backend, theme)).map_err(|why| self.failed(&why))?;
        }
        let mut file = Vec::new();
        image::codecs::png::PngEncoder::new(&mut file)
            .write_image(&pixels, size.0, size.1, ExtendedColorType::Rgb8)
            .map_err(|error| self.failed(&error.to_string()))?;
        Ok(file)
    }

    fn draw<B: plotters::prelude::DrawingBackend>(&self, canvas: &Canvas<B>) -> Result<(), String> {
        fonts()?;
        canvas.ground()?;
        match self {
            Self::Bars { title, axis, groups, series } => bars::draw(canvas, title, axis, groups, series),
            Self::Lines { title, x, y, series, joined, guide } => {
                lines::draw(canvas, title, [x, y], series, *joined, guide)
            }
            Self::Matrix { title, names, axes, counts } => matrix::draw(canvas, title, names, axes, counts),
        }?;
        canvas.finish()
    }

    fn check(&self, size: (u32, u32)) -> Result<(), ChartError> {
        if size.0 < 160 || size.1 < 120 || size.0 > 8000 || size.1 > 8000 {
            return Err(self.failed("160 × 120 to 8000 × 8000 pixels are possible"));
        }
        Ok(())
    }

    fn failed(&self, why: &str) -> ChartError {
        ChartError { title: self.title().to_owned(), why: why.to_owned() }
    }
}

/// Registers the font that a PNG is lettered with; an SVG names the reader's own sans-serif.
fn fonts() -> Result<(), String> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let register =
        || register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok();
    if *DONE.get_or_init(register) { Ok(()) } else { Err("its font cannot be read".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars() -> Chart {
        let value = |at, low, high| Some(Value { at, interval: Some([low, high]) });
        Chart::Bars {
            title: "F1 <by> country".into(),
            axis: Axis::new("F1", [0.0, 1.0]),
            groups: vec!["AU".into(), "JP".into()],
            series: vec![
                Series { name: "one".into(), values: vec![value(0.5, 0.4, 0.6), None] },
                Series { name: "two".into(), values: vec![value(0.25, 0.2, 0.3), Some(1.0.into())] },
            ],
        }
    }

    fn lines() -> Chart {
        Chart::Lines {
            title: "Reliability".into(),
            x: Axis::new("confidence", [0.0, 1.0]),
            y: Axis::new("accuracy", [0.0, 1.0]),
            series: vec![Series { name: "one".into(), values: vec![(0.2, 0.1.into()), (0.9, 0.8.into())] }],
            joined: true,
            guide: vec![(0.0, 0.0), (1.0, 1.0)],
        }
    }

    fn matrix() -> Chart {
        Chart::Matrix {
            title: "Confusion".into(),
            names: vec!["AU".into(), "JP".into()],
            axes: ["true".into(), "guessed".into()],
            counts: vec![vec![3, 1], vec![0, 0]],
        }
    }

    /// Heights of the filled rectangles of a series, from the SVG.
    fn heights(svg: &str, colour: &str) -> Vec<i64> {
        let attribute = |line: &str, name: &str| -> Option<i64> {
            line.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.parse().ok()
        };
        let bars = svg.lines().filter(|line| line.starts_with("<rect") && line.contains(colour));
        // The first is the square of the legend.
        bars.skip(1).filter_map(|line| attribute(line, "height")).collect()
    }

    #[test]
    fn a_bar_is_as_high_as_its_value() {
        let svg = bars().svg((600, 300), Theme::Light).unwrap();
        let two = heights(&svg, "#E69F00");
        assert_eq!(two.len(), 2, "{svg}");
        assert!((two[1] - 4 * two[0]).abs() <= 4, "{two:?}");
        assert_eq!(heights(&svg, "#0072B2").len(), 1, "none has no bar");
        assert!(svg.contains("&lt;by&gt;") && !svg.contains("<by>"), "text is escaped");
    }

    #[test]
    fn every_chart_takes_the_ink_of_its_page_where_it_is_asked_to() {
        for chart in [bars(), lines(), matrix()] {
            let inherited = chart.svg((500, 400), Theme::Inherit).unwrap();
            assert!(inherited.contains("currentColor") && !inherited.contains("#010203"));
            assert!(inherited.contains("role=\"img\""));
            assert_eq!(inherited.matches("<svg").count(), inherited.matches("</svg>").count());
            let light = chart.svg((500, 400), Theme::Light).unwrap();
            assert!(!light.contains("currentColor") && light.contains("#FFFFFF"));
            assert_ne!(light, chart.svg((500, 400), Theme::Dark).unwrap());
        }
    }

    #[test]
    fn a_png_is_a_picture_with_the_colours_of_its_series() {
        for (chart, colour) in [(bars(), [0xE6, 0x9F, 0x00]), (lines(), [0x00, 0x72, 0xB2])] {
            let file = chart.png((500, 400), Theme::Light).unwrap();
            let picture = image::load_from_memory(&file).unwrap().into_rgb8();
            assert_eq!(picture.dimensions(), (500, 400));
            assert!(picture.pixels().any(|pixel| pixel.0 == colour));
            let inked = picture.pixels().filter(|pixel| pixel.0.iter().all(|level| *level < 120)).count();
            assert!(inked > 300, "letters and axes are drawn: {inked}");
        }
        assert!(matrix().png((10, 10), Theme::Light).is_err());
    }
}
