//! One run: what it does, what can be done with it, its curves and what came of it.

use std::sync::Arc;
use std::time::Duration;

use egui::{Button, Label, ProgressBar, RichText, Ui};
use egui_phosphor::regular as icon;

use super::{curves, paintings, results, runs};
use crate::training::runs::State as Doing;
use crate::training::studio::{Order, RunDetail, RunLine};
use crate::training::summary::phase_in_words;
use crate::ui::state::{Action, State};
use crate::ui::widgets::at_work;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::{theme, words};

/// Draws the run that was chosen.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let board = Arc::clone(&state.board);
    let chosen = state.train.chosen.clone().unwrap_or_default();
    let Some(line) = board.run(&chosen) else {
        ui.weak("This run is gone.");
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&line.id).heading());
        let (icon, words) = runs::doing(&board, line);
        ui.label(RichText::new(format!("{icon} {words}")).weak());
    });
    buttons(ui, state, line, actions);
    let Some(detail) = board.details.get(&line.id).cloned() else {
        if let Some(problem) = &line.problem {
            message::line(ui, Kind::Error, problem);
        }
        return;
    };
    ui.add_space(theme::GAP);
    facts(ui, &detail);
    going_on(ui, state, line, &detail);
    ending(ui, line, &detail, actions);
    for warning in &detail.summary.warnings {
        message::line(ui, Kind::Warning, warning);
    }
    ui.add_space(theme::GAP);
    curves::show(ui, state, &detail, actions);
    results::show(ui, state, &detail, actions);
    // There is a checkpoint.
    if !detail.summary.epochs.is_empty() {
        paintings::show(ui, state, &detail, actions);
    }
    log(ui, &detail, actions);
}

/// What can be done with a run in its state.
fn buttons(ui: &mut Ui, state: &mut State, line: &RunLine, actions: &mut Vec<Action>) {
    let board = Arc::clone(&state.board);
    let active = board.active.as_ref().filter(|active| active.id == line.id);
    let queued = board.queue.contains(&line.id);
    let goes_on = active.is_some() || queued || line.state == Doing::Running;
    let readable = !line.preset.is_empty();
    ui.horizontal_wrapped(|ui| {
        let mut order = |ui: &mut Ui, text: String, tip: &str, order: Order| {
            if ui.button(text).on_hover_text(tip).clicked() {
                actions.push(Action::Train(order));
            }
        };
        let id = || line.id.clone();
        if !goes_on && readable && !(line.state == Doing::Done && line.registered) {
            let text = match line.state {
                Doing::Queued => format!("{}  Start", icon::PLAY),
                Doing::Done => format!("{}  Make the model", icon::EXPORT),
                _ => format!("{}  Resume", icon::PLAY),
            };
            order(ui, text, "Go on from the last checkpoint", Order::Resume(id()));
        }
        if let Some(active) = active.filter(|active| !active.waiting && !active.stopping) {
            let (text, what) = if active.paused {
                (format!("{}  Go on", icon::PLAY), Order::GoOn(id()))
            } else {
                (format!("{}  Pause", icon::PAUSE), Order::Pause(id()))
            };
            order(ui, text, "Keep everything in memory and let the processor rest", what);
        }
        if goes_on {
            let text = format!("{}  {}", icon::STOP, if queued { "Leave the queue" } else { "Stop" });
            order(ui, text, "Write a checkpoint and end; Resume goes on later", Order::Stop(id()));
        }
        if readable
            && ui
                .button(format!("{}  Clone", icon::COPY))
                .on_hover_text("A new run with this recipe")
                .clicked()
            && let Some(detail) = board.details.get(&line.id)
        {
            actions.push(state.train.clone_run(detail));
        }
        if line.registered {
            let palette = theme::palette(ui.visuals());
            let button =
                Button::new(RichText::new("Use in assistant").color(palette.on_accent)).fill(palette.accent);
            if ui.add(button).on_hover_text("Look at pictures with this model").clicked() {
                actions.push(Action::UseModel(line.model_id.clone()));
            }
        }
        if !goes_on {
            delete(ui, state, line, actions);
        }
    });
}

/// Deleting cannot be undone, so it is asked twice, in place.
fn delete(ui: &mut Ui, state: &mut State, line: &RunLine, actions: &mut Vec<Action>) {
    if state.train.deleting.as_deref() != Some(&line.id) {
        if ui.button(format!("{}  Delete", icon::TRASH)).on_hover_text("Its model, if added, stays").clicked()
        {
            state.train.deleting = Some(line.id.clone());
        }
        return;
    }
    let palette = theme::palette(ui.visuals());
    if ui.button(RichText::new("Delete for good").color(palette.error)).clicked() {
        state.train.deleting = None;
        state.train.overlaid.remove(&line.id);
        state.train.view = super::View::New;
        actions.push(Action::Train(Order::Delete(line.id.clone())));
    }
    if ui.button("Keep it").clicked() {
        state.train.deleting = None;
    }
}

fn facts(ui: &mut Ui, detail: &RunDetail) {
    let r = &detail.recipe;
    let size = r.per_label.map_or("all pictures".to_owned(), |n| format!("{n} pictures a country"));
    let unfrozen = match r.unfreeze_last {
        None => "everything trains".to_owned(),
        Some(0) => "head only".to_owned(),
        Some(n) => format!("last {n} blocks and head"),
    };
    let countries = if r.countries.is_empty() { "all countries".to_owned() } else { r.countries.join(", ") };
    let text = format!(
        "{} · {unfrozen} · {size} · {countries} · seed {} · {}",
        r.preset,
        r.seed,
        detail.job.data.display()
    );
    ui.add(Label::new(RichText::new(text).weak()).wrap());
}

/// The part at work, how far it is and how long it will take.
fn going_on(ui: &mut Ui, state: &State, line: &RunLine, detail: &RunDetail) {
    let s = &detail.summary;
    if s.state != Doing::Running && state.board.active.as_ref().is_none_or(|active| active.id != line.id) {
        return;
    }
    let phase = s.phase.as_deref().map_or("starting", phase_in_words);
    let Some(p) = &s.progress else {
        ui.horizontal(|ui| {
            at_work(ui);
            ui.label(phase);
        });
        return;
    };
    #[expect(clippy::cast_precision_loss)]
    let share = if p.total == 0 { 0.0 } else { p.done as f32 / p.total as f32 };
    let mut text = phase.to_owned();
    if let (Some(epoch), Some(epochs)) = (p.epoch, p.epochs) {
        text += &format!(", epoch {epoch} of {epochs}");
    }
    if let Some(left) = p.eta_s.filter(|left| left.is_finite() && *left >= 0.0) {
        text += &format!(", {} left", words::seconds(Duration::from_secs_f64(left.min(1e8))));
    }
    if let Some(bytes) = s.memory {
        text += &format!(", {} in use", words::bytes(bytes));
    }
    ui.label(&text);
    let bar = ProgressBar::new(share.clamp(0.0, 1.0)).desired_height(6.0).desired_width(ui.available_width());
    crate::ui::widgets::named(ui.add(bar), &text);
    ui.ctx().request_repaint_after(Duration::from_secs(1));
}

fn ending(ui: &mut Ui, line: &RunLine, detail: &RunDetail, actions: &mut Vec<Action>) {
    let s = &detail.summary;
    if let Some(ending) = s.ending.as_ref().filter(|ending| !ending.message.is_empty()) {
        message::line(
            ui,
            Kind::Error,
            &format!("{}; {}.", ending.message, ending.hint.trim_end_matches('.')),
        );
        return;
    }
    if line.cut_off {
        ui.horizontal_wrapped(|ui| {
            let text = "This run was cut off when Streetwise was closed; what was trained is kept.";
            message::line(ui, Kind::Warning, text);
            if ui.button("Go on with it").clicked() {
                actions.push(Action::Train(Order::Resume(line.id.clone())));
            }
        });
    }
}

fn log(ui: &mut Ui, detail: &RunDetail, actions: &mut Vec<Action>) {
    ui.collapsing("Log", |ui| {
        ui.label(RichText::new(detail.folder.display().to_string()).weak());
        if detail.log.is_empty() {
            ui.weak("The trainer has said nothing beside its events.");
            return;
        }
        if ui.button("Copy the log").clicked() {
            actions.push(Action::Copy(detail.log.clone()));
        }
        ui.add(Label::new(RichText::new(&detail.log).monospace()).wrap());
    });
}
