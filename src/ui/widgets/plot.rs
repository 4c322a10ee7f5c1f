//! Plots: axes named with units, series labelled where they end, values on hover, CSV from a menu.

use egui::{Align2, Color32, RichText, Ui};
use egui_phosphor::regular as icon;
use egui_plot::{HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints, Points, Text};

use super::named;
use crate::ui::state::{Action, Saved};
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
    /// Half the height of an error bar at each point; empty for none.
    pub spread: Vec<f64>,
    /// Drawn dashed, as of less weight.
    pub dashed: bool,
    /// Single marks instead of a line.
    pub marks: bool,
}

impl Series {
    /// A line.
    #[must_use]
    pub fn line(name: &str, colour: Color32, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.to_owned(), colour, points, spread: Vec::new(), dashed: false, marks: false }
    }
}

/// What is drawn and how it is named.
pub struct Chart<'a> {
    /// Title, also the name of a saved file.
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
    /// The series.
    pub series: Vec<Series>,
}

impl Chart<'_> {
    /// Draws it in the width there is; where the plot was clicked, in its own coordinates.
    pub fn show(&self, ui: &mut Ui, actions: &mut Vec<Action>) -> Option<[f64; 2]> {
        let mut clicked = None;
        ui.vertical(|ui| {
            self.heading(ui, actions);
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

    fn heading(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            ui.label(RichText::new(self.title).strong());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let menu = ui.menu_button(icon::DOTS_THREE, |ui| {
                    if ui.button("Copy as CSV").clicked() {
                        actions.push(Action::Copy(self.csv()));
                        ui.close();
                    }
                    if ui.button("Save as CSV…").clicked() {
                        let name = format!("{}.csv", self.title.to_lowercase().replace(' ', "-"));
                        actions.push(Action::Save { name, what: Saved::Text(self.csv()) });
                        ui.close();
                    }
                });
                named(menu.response, &format!("Export {}", self.title));
            });
        });
    }

    fn plot(&self, ui: &mut Ui) -> egui_plot::PlotResponse<()> {
        let palette = theme::palette(ui.visuals());
        let log = self.log_x;
        let y_name = self.y;
        let mut plot = Plot::new(self.title)
            .height(self.height)
            .x_axis_label(self.x)
            .y_axis_label(self.y)
            .allow_scroll(false)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
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
        plot.show(ui, |plot| {
            for series in &self.series {
                draw(plot, series, palette);
            }
        })
    }

    /// The points as CSV: series, x, y, spread.
    #[must_use]
    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = format!("series,{},{},spread\n", quoted(self.x), quoted(self.y));
        for series in &self.series {
            for (number, [x, y]) in series.points.iter().enumerate() {
                let x = if self.log_x { 10_f64.powf(*x) } else { *x };
                let spread = series.spread.get(number).map_or_else(String::new, f64::to_string);
                text += &format!("{},{x},{y},{spread}\n", quoted(&series.name));
            }
        }
        text
    }
}

fn draw<'a>(plot: &mut egui_plot::PlotUi<'a>, series: &'a Series, palette: &theme::Palette) {
    let points = || PlotPoints::new(series.points.clone());
    if series.marks || series.points.len() == 1 {
        plot.points(Points::new(series.name.clone(), points()).color(series.colour).radius(4.0));
    }
    if !series.marks {
        let style = if series.dashed { LineStyle::dashed_loose() } else { LineStyle::Solid };
        plot.line(Line::new(series.name.clone(), points()).color(series.colour).width(2.0).style(style));
    }
    for ([x, y], spread) in series.points.iter().zip(&series.spread) {
        let bar = vec![[*x, y - spread], [*x, y + spread]];
        plot.line(Line::new(series.name.clone(), PlotPoints::new(bar)).color(series.colour).width(1.5));
    }
    if let Some([x, y]) = series.points.last().filter(|_| !series.dashed) {
        let label = RichText::new(format!("{} ", series.name)).color(palette.text).small();
        let at = Text::new(format!("{} label", series.name), PlotPoint::new(*x, *y), label);
        plot.text(at.anchor(Align2::RIGHT_BOTTOM));
    }
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
    fn a_chart_as_csv_has_every_point_with_plain_x() {
        let mut series = Series::line("a \"run\"", Color32::RED, vec![[-3.0, 0.5], [-2.0, 0.25]]);
        series.spread = vec![0.1];
        let (title, x, y) = ("Finder", "learning rate", "loss");
        let chart = Chart { title, x, y, height: 100.0, log_x: true, from_zero: false, series: vec![series] };
        assert_eq!(
            chart.csv(),
            "series,\"learning rate\",\"loss\",spread\n\"a \"\"run\"\"\",0.001,0.5,0.1\n\"a \"\"run\"\"\",0.01,0.25,\n"
        );
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
