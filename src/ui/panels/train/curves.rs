//! The curves of a run, those of others laid over them, and the learning-rate finder's.

use std::sync::Arc;

use egui::{Ui, vec2};

use crate::training::protocol::Metrics;
use crate::training::studio::RunDetail;
use crate::ui::state::{Action, State};
use crate::ui::theme;
use crate::ui::widgets::figure;
use crate::ui::widgets::plot::{Chart, Series, short};

/// Height of a plot, in points.
const HEIGHT: f32 = 190.0;
/// Plots narrower than this stand one below the other.
const NARROWEST: f32 = 300.0;

/// Draws them.
pub fn show(ui: &mut Ui, state: &mut State, detail: &RunDetail, actions: &mut Vec<Action>) {
    let board = Arc::clone(&state.board);
    let mut runs: Vec<&RunDetail> = vec![detail];
    let others = state.train.overlaid.iter().filter(|id| **id != detail.id);
    runs.extend(others.filter_map(|id| board.details.get(id)).map(|other| &**other));
    runs.retain(|run| !run.summary.epochs.is_empty());
    if !runs.is_empty() {
        epochs(ui, state, &runs, actions);
    }
    finder(ui, state, detail, actions);
}

type Figure = fn(&Metrics) -> Option<f64>;

fn epochs(ui: &mut Ui, state: &mut State, runs: &[&RunDetail], actions: &mut Vec<Action>) {
    let mut series = |ui: &Ui, of: Figure, dashed: bool, what: &str| -> Vec<Series> {
        let one = |run: &&RunDetail| {
            let colour = state.colours.of(&run.id, ui.visuals());
            let points = run.summary.epochs.iter();
            let points = points.filter_map(|m| Some([f64::from(m.epoch), of(m)?])).collect();
            Series { dashed, ..Series::line(&format!("{}{what}", run.id), colour, points) }
        };
        runs.iter().map(one).collect()
    };
    let mut losses = series(ui, |m| m.valid_loss, false, "");
    losses.extend(series(ui, |m| m.train_loss, true, ", training"));
    let charts = [
        ("Loss", "loss (dashed: training)", losses, false),
        ("Macro-F1", "macro-F1, held out", series(ui, |m| m.macro_f1, false, ""), true),
        ("Accuracy", "accuracy, held out", series(ui, |m| m.accuracy, false, ""), true),
        ("Learning rate", "learning rate", series(ui, |m| m.lr, false, ""), true),
    ];
    let (columns, each) = figure::columns(ui, NARROWEST);
    let mut charts = charts.into_iter().peekable();
    while charts.peek().is_some() {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP_LARGE;
            for (title, y, series, from_zero) in charts.by_ref().take(columns) {
                ui.allocate_ui(vec2(each, HEIGHT + 32.0), |ui| {
                    ui.set_width(each);
                    Chart { from_zero, ..Chart::new(title, ["epoch", y], HEIGHT, series) }.show(ui, actions);
                });
            }
        });
        ui.add_space(theme::GAP);
    }
}

/// The finder's curve; a click picks a rate for a new run.
fn finder(ui: &mut Ui, state: &mut State, detail: &RunDetail, actions: &mut Vec<Action>) {
    let s = &detail.summary;
    if s.lr_curve.is_empty() {
        return;
    }
    // The last steps of the finder diverge on purpose; drawn to scale they would flatten the part that matters.
    let highest = s.lr_curve.first().map_or(f64::MAX, |(_, loss)| loss * 1.6);
    let curve: Vec<[f64; 2]> = s
        .lr_curve
        .iter()
        .filter(|(lr, loss)| *lr > 0.0 && *loss <= highest)
        .map(|(lr, loss)| [lr.log10(), *loss])
        .collect();
    let palette = theme::palette(ui.visuals());
    let loss_at = |lr: f64| {
        let nearest = curve.iter().min_by(|a, b| (a[0] - lr).abs().total_cmp(&(b[0] - lr).abs()));
        nearest.map_or(0.0, |point| point[1])
    };
    let colour = state.colours.of(&detail.id, ui.visuals());
    let mut series = vec![Series::line("loss", colour, curve.clone())];
    let picked = state.train.picked_lr.or(s.lr_suggestion);
    if let Some(lr) = picked {
        let name = if state.train.picked_lr.is_some() { "picked" } else { "suggested" };
        let point = vec![[lr.log10(), loss_at(lr.log10())]];
        series.push(Series { marks: true, ..Series::line(name, palette.warning, point) });
    }
    let axes = ["learning rate", "loss"];
    let chart = Chart { log_x: true, ..Chart::new("Learning-rate finder", axes, HEIGHT, series) };
    if let Some([x, _]) = chart.show(ui, actions) {
        state.train.picked_lr = Some(10_f64.powf(x));
    }
    if let Some(lr) = picked {
        ui.horizontal_wrapped(|ui| {
            ui.weak("Click on the curve to pick another rate.");
            let text = format!("New run with learning rate {}", short(lr));
            if ui.button(text).on_hover_text("A clone of this run with this rate").clicked() {
                actions.push(state.train.clone_run(detail));
                state.train.form.recipe.lr = Some(lr);
            }
        });
    }
    ui.add_space(theme::GAP);
}
