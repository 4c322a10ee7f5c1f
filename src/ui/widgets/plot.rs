//! Plots of lines: axes named with units, series labelled where they end, values on hover, export from a menu.

use std::sync::Arc;

use egui::{Align2, Color32, RichText, Ui};
use egui_plot::{HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints, Points, Text};

use super::{export, named};
use crate::chart::{self, Axis, Value};
use crate::ui::state::Action;
use crate::ui::theme;

/// A series of points.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is, for the label at its end.
    pub name: String,
    /// Its colour.
    pub colour: Color32,
    /// Its points, x rising.
    pub points: Vec<[f64; 2]>,
    /// The ends of an error bar at each point; empty for none.
    pub ends: Vec<Option<[f64; 2]>>,
    /// Drawn dashed, as of less weight.
    pub dashed: bool,
    /// Single marks instead of a line.
    pub marks: bool,
}

impl Series {
    /// A line.
    #[must_use]
    pub fn line(name: &str, colour: Color32, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.to_owned(), colour, points, ends: Vec::new(), dashed: false, marks: false }
    }
}

/// What is drawn and how it is named.
pub struct Chart<'a> {
    /// Title.
    pub title: &'a str,
    /// Name and unit of the x axis.
    pub x: &'a str,
    /// Name and unit of the y axis.
    pub y: &'a str,
    /// Height, in points.
    pub height: f32,
    /// x is a power of ten.
    pub log_x: bool,
    /// The y axis begins at zero.
    pub from_zero: bool,
    /// Lowest and highest x and y that are shown at least.
    pub ranges: Option<[[f64; 2]; 2]>,
    /// A thin line beside the data; empty for none.
    pub guide: Vec<[f64; 2]>,
    /// The series.
    pub series: Vec<Series>,
}

impl<'a> Chart<'a> {
    /// A chart as high as `height`, its axes as far as its data.
    #[must_use]
    pub fn new(title: &'a str, [x, y]: [&'a str; 2], height: f32, series: Vec<Series>) -> Self {
        Self { title, x, y, height, log_x: false, from_zero: false, ranges: None, guide: Vec::new(), series }
    }

    /// Draws it in the width there is; where the plot was clicked, in its own coordinates.
    pub fn show(&self, ui: &mut Ui, actions: &mut Vec<Action>) -> Option<[f64; 2]> {
        self.show_as(ui, &self.title.to_lowercase().replace(' ', "-"), actions)
    }

    /// The same, with another name for its files.
    pub fn show_as(&self, ui: &mut Ui, name: &str, actions: &mut Vec<Action>) -> Option<[f64; 2]> {
        let mut clicked = None;
        ui.vertical(|ui| {
            export::heading(ui, self.title, name, actions, || Arc::new(self.to_chart()));
            let shown = self.plot(ui);
            let (response, transform) = (shown.response, shown.transform);
            let name = format!("{}: {} by {}, {} series", self.title, self.y, self.x, self.series.len());
            let response = named(response, &name);
            if response.clicked() {
                let at = response.interact_pointer_pos().map(|at| transform.value_from_position(at));
                clicked = at.map(|at| [at.x, at.y]);
            }
        });
        clicked
    }

    fn plot(&self, ui: &mut Ui) -> egui_plot::PlotResponse<()> {
        let palette = theme::palette(ui.visuals());
        let log = self.log_x;
        let y_name = self.y;
        let mut plot = still(self.title, self.height)
            .x_axis_label(self.x)
            .y_axis_label(self.y)
            .set_margin_fraction(egui::vec2(0.12, 0.08))
            .label_formatter(move |at: &HoverPosition<'_>| match at {
                HoverPosition::NearDataPoint { plot_name, position, .. } => Some(format!(
                    "{plot_name}\n{}\n{y_name} {}",
                    if log { format!("{:.2e}", 10_f64.powf(position.x)) } else { short(position.x) },
                    short(position.y)
                )),
                HoverPosition::Elsewhere { .. } => None,
            });
        if self.log_x {
            plot = plot.x_axis_formatter(|mark, _| format!("{:.0e}", 10_f64.powf(mark.value)));
        }
        if self.from_zero {
            plot = plot.include_y(0.0);
        }
        for [x, y] in self.ranges.iter().flat_map(|[x, y]| [[x[0], y[0]], [x[1], y[1]]]) {
            plot = plot.include_x(x).include_y(y);
        }
        plot.show(ui, |plot| {
            if self.guide.len() > 1 {
                let guide = Line::new("guide", PlotPoints::new(self.guide.clone()));
                plot.line(guide.color(palette.weak).width(1.0).allow_hover(false));
            }
            let xs = self.series.iter().flat_map(|series| &series.points).map(|[x, _]| *x);
            let [low, high] = range(xs);
            for series in &self.series {
                draw(plot, series, palette, f64::midpoint(low, high));
            }
        })
    }

    /// The same as data, for files.
    #[must_use]
    pub fn to_chart(&self) -> chart::Chart {
        let plain = |x: f64| if self.log_x { 10_f64.powf(x) } else { x };
        let series = self.series.iter().map(|one| {
            let ends = |number: usize| one.ends.get(number).copied().flatten();
            let point =
                |(number, [x, y]): (usize, &[f64; 2])| (plain(*x), Value { at: *y, interval: ends(number) });
            chart::Series {
                name: one.name.clone(),
                values: one.points.iter().enumerate().map(point).collect(),
            }
        });
        let series: Vec<chart::Series<(f64, Value)>> = series.collect();
        let values = || series.iter().flat_map(|one| &one.values);
        let x = self.ranges.map_or_else(|| range(values().map(|(x, _)| *x)), |[x, _]| x);
        let mut y = self.ranges.map_or_else(|| range(values().map(|(_, y)| y.at)), |[_, y]| y);
        y[0] = if self.from_zero { y[0].min(0.0) } else { y[0] };
        chart::Chart::Lines {
            title: self.title.to_owned(),
            x: Axis { log: self.log_x, ..Axis::new(self.x, x) },
            y: Axis::new(self.y, y),
            joined: self.series.iter().any(|one| !one.marks),
            guide: self.guide.iter().map(|[x, y]| (*x, *y)).collect(),
            series,
        }
    }
}

/// A plot that nothing moves, so that scrolling over it scrolls the panel.
pub fn still(title: &str, height: f32) -> Plot<'_> {
    Plot::new(title)
        .height(height)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
}

/// From the lowest to the highest; around a single value, and from 0 to 1 where there is none.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [low, high] = values
        .filter(|value| value.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
    if high > low {
        [low, high]
    } else if low.is_finite() && low != 0.0 {
        // Around a single value.
        [low - low.abs() / 2.0, low + low.abs() / 2.0]
    } else {
        [0.0, 1.0]
    }
}

/// `middle` is that of x: a label stands on the side of its point where there is room.
fn draw<'a>(plot: &mut egui_plot::PlotUi<'a>, series: &'a Series, palette: &theme::Palette, middle: f64) {
    let points = || PlotPoints::new(series.points.clone());
    if series.marks || series.points.len() == 1 {
        let marks = Points::new(series.name.clone(), points()).id((&series.name, "marks"));
        plot.points(marks.color(series.colour).radius(4.0));
    }
    if !series.marks {
        let style = if series.dashed { LineStyle::dashed_loose() } else { LineStyle::Solid };
        plot.line(Line::new(series.name.clone(), points()).color(series.colour).width(2.0).style(style));
    }
    for (number, ([x, _], ends)) in series.points.iter().zip(&series.ends).enumerate() {
        let Some([low, high]) = ends else { continue };
        let bar = PlotPoints::new(vec![[*x, *low], [*x, *high]]);
        let bar = Line::new(series.name.clone(), bar).id((&series.name, number));
        plot.line(bar.color(series.colour).width(1.5).allow_hover(false));
    }
    if let Some([x, y]) = series.points.last().filter(|_| !series.dashed) {
        let label = RichText::new(format!(" {} ", series.name)).color(palette.text).small();
        let at = Text::new(format!("{} label", series.name), PlotPoint::new(*x, *y), label);
        plot.text(at.anchor(label_side(*x, middle)));
    }
}

fn label_side(x: f64, middle: f64) -> Align2 {
    if x < middle { Align2::LEFT_BOTTOM } else { Align2::RIGHT_BOTTOM }
}

/// Three significant figures.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 100.0 || (value.fract() == 0.0 && size >= 1.0) {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_exported_with_every_point_and_plain_x() {
        let mut series = Series::line("a \"run\"", Color32::RED, vec![[-3.0, 0.5], [-2.0, 0.25]]);
        series.ends = vec![Some([0.4, 0.6])];
        let chart =
            Chart { log_x: true, ..Chart::new("Finder", ["learning rate", "loss"], 100.0, vec![series]) };
        let made = chart.to_chart();
        assert_eq!(
            String::from_utf8(made.csv().unwrap()).unwrap(),
            "series,learning rate,loss,low,high\n\"a \"\"run\"\"\",0.001,0.5,0.4,0.6\n\"a \"\"run\"\"\",0.01,0.25,,\n"
        );
        assert!(made.svg((600, 400), chart::Theme::Light).unwrap().contains("1e-3"));
    }

    #[test]
    fn a_label_stands_where_there_is_room() {
        assert_eq!([8.0, 97.0].map(|x| label_side(x, 52.5)), [Align2::LEFT_BOTTOM, Align2::RIGHT_BOTTOM]);
    }

    #[test]
    fn an_axis_reaches_from_the_lowest_to_the_highest_and_is_never_empty() {
        let check = |values: &[f64], expected: [f64; 2]| assert_eq!(range(values.iter().copied()), expected);
        check(&[2.0, 1.0, f64::NAN, 3.0], [1.0, 3.0]);
        check(&[4.0], [2.0, 6.0]);
        check(&[-4.0], [-6.0, -2.0]);
        check(&[0.0], [0.0, 1.0]);
        check(&[], [0.0, 1.0]);
    }

    #[test]
    fn figures_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (3.0, "3"),
            (0.12345, "0.123"),
            (12.345, "12.35"),
            (1234.5, "1234"),
            (2.1e-5, "2.10e-5"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
