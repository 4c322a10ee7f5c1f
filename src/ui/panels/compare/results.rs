//! A comparison on labelled pictures: figures with intervals, tests, charts, disagreements, the report.

use std::sync::Arc;

use egui::{Align, Grid, Image, Label, Layout, RichText, Ui, vec2};
use egui_phosphor::regular as icon;

use crate::compare::{Disagreement, tables};
use crate::evaluate::Interval;
use crate::ui::panels::train::tile;
use crate::ui::state::{Action, Saved, State};
use crate::ui::textures::Size;
use crate::ui::{theme, words};
use crate::workbench::{Compared, Part};

/// Width of a chart on the screen, at most, in points.
const CHART: f32 = 620.0;

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, compared: &Arc<Compared>, actions: &mut Vec<Action>) {
    let found = &compared.report.comparison;
    ui.add_space(theme::GAP_LARGE);
    ui.label(RichText::new("On labelled pictures").heading());
    if let Some(first) = found.models.first().map(|model| &model.evaluation) {
        ui.weak(format!(
            "{} of {} in {} that all models know; 95 % intervals over places.",
            words::count(first.images, "picture", "pictures"),
            words::count(first.places, "place", "places"),
            words::count(found.common.len(), "country", "countries"),
        ));
    }
    figures(ui, compared);
    for pair in &found.pairs {
        ui.add(Label::new(&pair.sentence).wrap());
    }
    for (model, trained_on) in found.models.iter().zip(&compared.report.trained_on) {
        if *trained_on > 0 {
            let text = format!(
                "{} was trained on {trained_on} of these pictures: its figures flatter.",
                model.evaluation.model
            );
            crate::ui::widgets::message::line(ui, crate::ui::widgets::message::Kind::Warning, &text);
        }
    }
    export(ui, compared, actions);
    charts(ui, state, compared, actions);
    disagreements(ui, state, compared, actions);
}

fn figures(ui: &mut Ui, compared: &Compared) {
    let found = &compared.report.comparison;
    let right = |ui: &mut Ui, text: String| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
    };
    let with = |value: f64, interval: Option<Interval>| {
        let ends = interval
            .map_or_else(String::new, |[low, high]| format!(" ({:.1}–{:.1})", low * 100.0, high * 100.0));
        format!("{:.1}{ends}", value * 100.0)
    };
    Grid::new("figures").striped(true).spacing([theme::SECTION, theme::GAP_SMALL]).show(ui, |ui| {
        for head in
            ["model", "top-1 %", "top-3 %", "top-5 %", "macro-F1 %", "ECE %", "chance %", "ms a picture"]
        {
            ui.label(RichText::new(head).weak());
        }
        ui.end_row();
        for model in &found.models {
            let (e, f) = (&model.evaluation, &model.evaluation.figures);
            ui.label(&e.model);
            right(ui, with(f.top1, e.intervals.map(|i| i.top1)));
            right(ui, with(f.top3, None));
            right(ui, with(f.top5, None));
            right(ui, with(f.macro_f1, e.intervals.map(|i| i.macro_f1)));
            right(ui, format!("{:.1}", f.ece * 100.0));
            right(ui, format!("{:.1}", e.chance * 100.0));
            right(ui, format!("{:.1}", model.latency.median_ms));
            ui.end_row();
        }
    });
}

/// Saving takes its time, so the part is made where it is written.
fn saved(name: String, compared: &Arc<Compared>, part: Part) -> Action {
    Action::Save { name, what: Saved::Part(Arc::clone(compared), part) }
}

fn export(ui: &mut Ui, compared: &Arc<Compared>, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        if ui.button(format!("{}  Save the report as HTML…", icon::FILE_HTML)).clicked() {
            actions.push(saved("comparison.html".to_owned(), compared, Part::Html));
        }
        ui.menu_button(format!("{}  Tables as CSV", icon::TABLE), |ui| {
            for (index, table) in
                tables(&compared.report.comparison, &compared.report.runs).iter().enumerate()
            {
                if ui.button(table.name).clicked() {
                    actions.push(saved(format!("{}.csv", table.name), compared, Part::Csv(index)));
                    ui.close();
                }
            }
        });
        ui.weak(&compared.report.command);
    });
}

fn charts(ui: &mut Ui, state: &mut State, compared: &Arc<Compared>, actions: &mut Vec<Action>) {
    let width = (ui.available_width() / 2.0 - theme::GAP_LARGE).clamp(300.0, CHART);
    for first in (0..compared.charts.len()).step_by(2) {
        ui.horizontal_top(|ui| {
            for index in first..compared.charts.len().min(first + 2) {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    chart(ui, state, compared, index, actions);
                });
            }
        });
    }
}

/// One chart in the width there is, with what it can be saved as.
fn chart(ui: &mut Ui, state: &mut State, compared: &Arc<Compared>, index: usize, actions: &mut Vec<Action>) {
    let (named, pixels) = &compared.charts[index];
    let width = ui.available_width();
    #[expect(clippy::cast_precision_loss)]
    let size = vec2(width, width * pixels.height() as f32 / pixels.width() as f32);
    match state.textures.picture(pixels, Size::Full) {
        Some(texture) => {
            ui.add(Image::new(&texture).fit_to_exact_size(size).alt_text(named.chart.title()));
        }
        None => {
            ui.allocate_space(size);
        }
    }
    ui.horizontal(|ui| {
        for (format, ending, part) in [("SVG", "svg", Part::Svg(index)), ("PNG", "png", Part::Png(index))] {
            if ui.button(format!("Save {} as {format}…", named.name)).clicked() {
                actions.push(saved(format!("{}.{ending}", named.name), compared, part));
            }
        }
    });
}

/// Pictures where first guesses differ, the surest wrong one first; a press opens one in Assist.
fn disagreements(ui: &mut Ui, state: &mut State, compared: &Compared, actions: &mut Vec<Action>) {
    let found = &compared.report.comparison;
    ui.add_space(theme::GAP);
    ui.label(RichText::new("Where they differ").strong());
    ui.weak(format!(
        "They agree on {}, rightly on {}; they differ on {}, the surest wrong guess first.",
        found.agreed,
        found.agreed_right,
        found.disagreements.len()
    ));
    ui.horizontal_wrapped(|ui| {
        for one in found.disagreements.iter().take(state.compare.shown) {
            let lines = said(one);
            let name = format!("{}: {}", one.file.display(), lines.join(", "));
            if tile(ui, state, &one.file, &name, &lines) {
                actions.push(Action::Open(one.file.clone()));
            }
        }
    });
    if state.compare.shown < found.disagreements.len() && ui.button("Show more of them").clicked() {
        state.compare.shown += 24;
    }
}

fn said(one: &Disagreement) -> Vec<String> {
    let guess = |said: &crate::compare::Said| {
        let mark = if said.right { "right" } else { "wrong" };
        format!("{} {} {mark}", said.country, words::percent(said.p))
    };
    let mut lines = vec![words::country(&one.country)];
    lines.extend(one.said.iter().map(guess));
    lines
}
