//! How fast models are on this machine.

use std::sync::Arc;

use egui::{Align, Grid, Layout, RichText, Ui};

use super::results::charts;
use crate::bench::Bench;
use crate::ui::state::{Action, State};
use crate::ui::theme;

/// Draws the table and its charts, once there is one.
pub fn show(ui: &mut Ui, state: &mut State, benches: &[Arc<Bench>], actions: &mut Vec<Action>) {
    if benches.is_empty() {
        return;
    }
    ui.add_space(theme::GAP_LARGE);
    ui.label(RichText::new("How fast on this machine").heading());
    let right = |ui: &mut Ui, text: String| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
    };
    Grid::new("speed").striped(true).spacing([theme::SECTION, theme::GAP_SMALL]).show(ui, |ui| {
        let heads = [
            "model",
            "device",
            "threads",
            "batch",
            "median ms",
            "p95 ms",
            "pictures a second",
            "load ms",
            "memory MB",
        ];
        for head in heads {
            ui.label(RichText::new(head).weak());
        }
        ui.end_row();
        for bench in benches {
            for row in &bench.rows {
                ui.label(&bench.model);
                ui.label(format!("{}, {}", bench.engine, bench.device));
                right(ui, row.threads.to_string());
                right(ui, row.batch.to_string());
                right(ui, format!("{:.1}", row.latency.median_ms));
                right(ui, format!("{:.1}", row.latency.p95_ms));
                right(ui, format!("{:.1}", row.pictures_per_s));
                right(ui, format!("{:.0}", bench.load_ms));
                right(ui, bench.grown_mb.map_or("–".to_owned(), |mb| format!("{mb:.0}")));
                ui.end_row();
            }
        }
    });
    for bench in benches {
        for not in &bench.not_run {
            ui.weak(format!("{}: {}", bench.model, not.why));
        }
    }
    let findings = Arc::clone(&state.findings);
    charts(ui, state, &findings.speed, actions);
    if findings.speed.len() < 2 {
        ui.weak("Compare these models on labelled pictures to see their F1 against their time.");
    }
    if ui.button("Copy the figures").clicked()
        && let Ok(text) =
            serde_json::to_string_pretty(&benches.iter().map(|bench| &**bench).collect::<Vec<_>>())
    {
        actions.push(Action::Copy(text));
    }
}
