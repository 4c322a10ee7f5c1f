//! A comparison on labelled pictures: figures with intervals, tests, charts, disagreements, the report.

use std::sync::Arc;

use egui::{Align, Grid, Label, Layout, RichText, Ui};
use egui_phosphor::regular as icon;

use crate::chart::Chart;
use crate::compare::{Disagreement, tables};
use crate::evaluate::Interval;
use crate::ui::state::{Action, Saved, State};
use crate::ui::widgets::figure;
use crate::ui::widgets::tile::tile;
use crate::ui::{theme, words};
use crate::workbench::{Compared, Part};

/// Narrowest chart that stands beside another, in points.
const CHART: f32 = 430.0;
/// Widest chart, in points.
const WIDEST: f32 = 860.0;

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
        if first.left_out.unread > 0 {
            let what = words::count(first.left_out.unread, "row or folder names", "rows or folders name");
            ui.weak(format!("{what} no picture of a country; `streetwise evaluate` tells their lines."));
        }
    }
    figures(ui, compared);
    for pair in &found.pairs {
        ui.add(Label::new(&pair.sentence).wrap());
    }
    for (model, trained_on) in found.models.iter().zip(&compared.report.trained_on) {
        if let Some(trained_on @ 1..) = trained_on {
            let text = format!(
                "{} was trained on {trained_on} of these pictures: its figures flatter.",
                model.evaluation.model
            );
            crate::ui::widgets::message::line(ui, crate::ui::widgets::message::Kind::Warning, &text);
        }
    }
    export(ui, compared, actions);
    charts(ui, state, &compared.charts, actions);
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

/// Charts beside each other as far as there is room.
pub fn charts(ui: &mut Ui, state: &mut State, charts: &[(String, Arc<Chart>)], actions: &mut Vec<Action>) {
    let (columns, each) = figure::columns(ui, CHART);
    for row in charts.chunks(columns) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP_LARGE;
            for (name, chart) in row {
                ui.vertical(|ui| {
                    ui.set_width(each.min(WIDEST));
                    figure::show(ui, &mut state.colours, name, chart, actions);
                });
            }
        });
        ui.add_space(theme::GAP);
    }
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
