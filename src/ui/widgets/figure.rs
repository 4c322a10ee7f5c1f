//! A chart of [`crate::chart`] as something to point at: values on hover, the model's colour, export from a menu.

use std::sync::Arc;

use egui::{Color32, RichText, Ui};
use egui_phosphor::regular as icon;
use egui_plot::{Bar, BarChart, Line, PlotPoints};

use super::export::heading;
use super::plot::{self, Series, short};
use super::{confusion, named};
use crate::chart::{self, Axis, Chart, Value};
use crate::ui::state::Action;
use crate::ui::theme::{self, Colours};

/// Height of a plot, in points.
const HEIGHT: f32 = 240.0;

/// Draws a chart in the width there is; `name` is what its files are called.
pub fn show(ui: &mut Ui, colours: &mut Colours, name: &str, chart: &Arc<Chart>, actions: &mut Vec<Action>) {
    match &**chart {
        Chart::Lines { title, x, y, series, joined, guide } => {
            let of = |one: &chart::Series<(f64, Value)>| {
                let points = one.values.iter().map(|(x, value)| [*x, value.at]).collect();
                let ends = one.values.iter().map(|(_, value)| value.interval).collect();
                let line = Series::line(&one.name, colours.of(&one.name, ui.visuals()), points);
                Series { marks: !joined, ends, ..line }
            };
            let series = series.iter().map(of).collect();
            let drawn = plot::Chart {
                guide: guide.iter().map(|(x, y)| [*x, *y]).collect(),
                ranges: Some([x.range, y.range]),
                ..plot::Chart::new(title, [&x.label, &y.label], HEIGHT, series)
            };
            let _ = drawn.show_as(ui, name, actions);
        }
        Chart::Bars { title, axis, groups, series } => {
            heading(ui, title, name, actions, || Arc::clone(chart));
            bars(ui, colours, title, axis, groups, series);
        }
        Chart::Matrix { title, names, counts, .. } => {
            heading(ui, title, name, actions, || Arc::clone(chart));
            confusion::show(ui, title, names, counts);
        }
    }
}

/// How many charts stand beside each other, one or two, and how wide each is; two where both have `narrowest` points.
#[must_use]
pub fn columns(ui: &Ui, narrowest: f32) -> (usize, f32) {
    let width = ui.available_width();
    if width >= 2.0 * narrowest + theme::GAP_LARGE {
        (2, (width - theme::GAP_LARGE) / 2.0)
    } else {
        (1, width)
    }
}

fn bars(
    ui: &mut Ui,
    colours: &mut Colours,
    title: &str,
    axis: &Axis,
    groups: &[String],
    series: &[chart::Series<Option<Value>>],
) {
    let tints: Vec<Color32> = series.iter().map(|one| colours.of(&one.name, ui.visuals())).collect();
    if series.len() > 1 {
        ui.horizontal_wrapped(|ui| {
            for (one, tint) in series.iter().zip(&tints) {
                ui.label(RichText::new(icon::SQUARE).color(*tint).small());
                ui.label(RichText::new(&one.name).small());
            }
        });
    }
    let ink = theme::palette(ui.visuals()).weak;
    let names = groups.to_vec();
    let response = plot::still(title, HEIGHT)
        .y_axis_label(&axis.label)
        .include_y(axis.range[0])
        .include_y(axis.range[1])
        .x_grid_spacer(egui_plot::uniform_grid_spacer(|_| [1.0, 1.0, 1.0]))
        .x_axis_formatter(move |mark, _| group_at(mark.value, &names).unwrap_or_default())
        .label_formatter(|_| None)
        .show(ui, |plot| {
            #[expect(clippy::cast_precision_loss)]
            let width = 0.8 / series.len().max(1) as f64;
            for (number, (one, tint)) in series.iter().zip(&tints).enumerate() {
                #[expect(clippy::cast_precision_loss)]
                let middle = |group: usize| group as f64 - 0.4 + (number as f64 + 0.5) * width;
                let values = || one.values.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?)));
                let bar = |(group, value): (usize, Value)| {
                    let text = format!("{}\n{} {}", one.name, groups[group], with_ends(value));
                    Bar::new(middle(group), value.at).width(width * 0.92).fill(*tint).name(text)
                };
                let bars = values().map(bar).collect();
                let chart = BarChart::new(one.name.clone(), bars).color(*tint);
                plot.bar_chart(chart.element_formatter(Box::new(|bar, _| bar.name.clone())));
                for (group, value) in values() {
                    let Some([low, high]) = value.interval else { continue };
                    let x = middle(group);
                    let ends = PlotPoints::new(vec![[x, low], [x, high]]);
                    let line = Line::new("interval", ends).id((number, group));
                    plot.line(line.color(ink).width(1.5).allow_hover(false));
                }
            }
        })
        .response;
    named(response, &format!("{title}: {} by {} groups, {} series", axis.label, groups.len(), series.len()));
}

/// The name of the group that a mark of the axis stands under.
fn group_at(at: f64, groups: &[String]) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = (at >= -0.01 && (at - at.round()).abs() < 0.01).then(|| at.round() as usize)?;
    groups.get(index).cloned()
}

fn with_ends(value: Value) -> String {
    let ends =
        value.interval.map_or_else(String::new, |[low, high]| format!(" ({}–{})", short(low), short(high)));
    format!("{}{ends}", short(value.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_between_groups_has_no_name() {
        let groups = ["AU".to_owned(), "JP".to_owned()];
        for (at, expected) in [(0.0, Some("AU")), (1.0, Some("JP")), (0.5, None), (2.0, None), (-1.0, None)] {
            assert_eq!(group_at(at, &groups).as_deref(), expected, "{at}");
        }
        assert_eq!(with_ends(Value { at: 0.5, interval: Some([0.25, 0.75]) }), "0.500 (0.250–0.750)");
    }
}
