//! Tables over runs that differ only in preset, pictures a country and seed: the study's, with error bars.

use std::sync::Arc;

use egui::{Align, Grid, Layout, RichText, Ui};
use egui_phosphor::regular as icon;

use crate::training::ablation::{Row, Spread, Table, as_csv, size_in_words};
use crate::ui::state::{Action, Saved, State};
use crate::ui::theme;
use crate::ui::widgets::plot::{Chart, Series};

/// Height of a plot, in points.
const HEIGHT: f32 = 240.0;

/// Draws all of them, the newest first.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.label(RichText::new("Tables over runs").heading());
    let tables = state.board.tables.clone();
    if tables.is_empty() {
        ui.weak(
            "Runs that differ only in architecture, pictures a country and seed make a table here. New run, Several \
             runs at once starts such a grid.",
        );
        return;
    }
    for (number, table) in tables.iter().enumerate() {
        ui.push_id(number, |ui| one(ui, state, table, actions));
        ui.separator();
    }
}

fn one(ui: &mut Ui, state: &mut State, table: &Arc<Table>, actions: &mut Vec<Action>) {
    let first = table.rows.first();
    let countries = first.map_or(0, |row| row.countries);
    let chance = first.map_or(0.0, |row| row.chance * 100.0);
    ui.label(RichText::new(format!("{} runs on {}", table.runs.len(), table.data.display())).strong());
    ui.weak(format!(
        "{countries} countries, chance {chance:.1}\u{a0}%; means over the countries on places held out, ± standard \
         deviation over seeds; each seed splits anew."
    ));
    rows(ui, &table.rows);
    ui.horizontal(|ui| {
        // The writer works in memory and cannot fail.
        let csv = as_csv(&table.rows).unwrap_or_default();
        if ui.button(format!("{}  Copy as CSV", icon::COPY)).clicked() {
            actions.push(Action::Copy(csv.clone()));
        }
        if ui.button(format!("{}  Save as CSV…", icon::FLOPPY_DISK)).clicked() {
            actions.push(Action::Save { name: "ablation.csv".to_owned(), what: Saved::Text(csv) });
        }
    });
    chart(ui, state, table, actions);
}

fn rows(ui: &mut Ui, rows: &[Row]) {
    let right = |ui: &mut Ui, text: String| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
    };
    Grid::new("rows").striped(true).spacing([theme::SECTION, theme::GAP_SMALL]).show(ui, |ui| {
        let heads = [
            "architecture",
            "pictures a country",
            "seeds",
            "balanced top-1 %",
            "balanced top-5 %",
            "macro-F1 %",
            "places",
        ];
        for head in heads {
            ui.label(RichText::new(head).weak());
        }
        ui.end_row();
        for row in rows {
            ui.label(&row.preset);
            right(ui, size_in_words(row.per_label));
            right(ui, row.seeds.to_string());
            for spread in [row.balanced_top1, row.balanced_top5, row.macro_f1] {
                right(ui, with_spread(spread));
            }
            right(ui, format!("{:.0}", row.places));
            ui.end_row();
        }
    });
}

fn with_spread(s: Spread) -> String {
    let sd = s.sd.map_or_else(String::new, |sd| format!(" ± {:.1}", sd * 100.0));
    format!("{:.1}{sd}", s.mean * 100.0)
}

/// Macro-F1 by pictures a country, a line an architecture; "all" stands right of the largest number.
fn chart(ui: &mut Ui, state: &mut State, table: &Table, actions: &mut Vec<Action>) {
    let mut sizes: Vec<Option<u32>> = table.rows.iter().map(|row| row.per_label).collect();
    sizes.sort_by_key(|size| size.unwrap_or(u32::MAX));
    sizes.dedup();
    if sizes.len() < 2 {
        return;
    }
    let largest = sizes.iter().flatten().max().copied().unwrap_or(1);
    let at = |size: Option<u32>| f64::from(size.unwrap_or(largest + largest.div_ceil(3)));
    let mut presets: Vec<&String> = table.rows.iter().map(|row| &row.preset).collect();
    presets.dedup();
    let series = presets.into_iter().map(|preset| {
        let rows: Vec<&Row> = table.rows.iter().filter(|row| row.preset == *preset).collect();
        Series {
            ends: rows.iter().map(|row| row.macro_f1.sd.map(|sd| around(row.macro_f1.mean, sd))).collect(),
            ..Series::line(
                preset,
                state.colours.of(preset, ui.visuals()),
                rows.iter().map(|row| [at(row.per_label), row.macro_f1.mean]).collect(),
            )
        }
    });
    let series = series.collect();
    let x = if sizes.contains(&None) { "pictures a country (last: all)" } else { "pictures a country" };
    let title = "Macro-F1 by pictures a country";
    Chart { from_zero: true, ..Chart::new(title, [x, "macro-F1"], HEIGHT, series) }.show(ui, actions);
}

fn around(mean: f64, sd: f64) -> [f64; 2] {
    [mean - sd, mean + sd]
}
