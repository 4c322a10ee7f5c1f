//! The trainer's environment: there, missing, or being made.

use std::time::Duration;

use egui::{Label, RichText, Ui};

use crate::training::studio::{Order, TrainerState};
use crate::ui::state::{Action, State};
use crate::ui::widgets::at_work;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::{theme, words};

/// Lines of the tools that are shown.
const LINES: usize = 4;

/// Draws the line, or what has to be done first.
pub fn show(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    match &state.board.trainer {
        TrainerState::Unknown => {}
        TrainerState::Ready { python, made_by } => {
            ui.horizontal_wrapped(|ui| {
                let by = made_by.as_ref().map_or_else(String::new, |by| format!(", made by {by}"));
                ui.label(RichText::new(format!("Trainer ready{by}")).weak())
                    .on_hover_text(python.display().to_string());
                if made_by.is_some() && ui.button("Remove the trainer").clicked() {
                    actions.push(Action::Train(Order::RemoveTrainer));
                }
            });
        }
        TrainerState::Missing { why } => missing(ui, why, actions),
        TrainerState::SettingUp { since, lines } => {
            ui.horizontal_wrapped(|ui| {
                at_work(ui);
                let time = words::seconds(since.elapsed());
                ui.label(format!("Setting the trainer up, {time} so far; usually 1 to 10 minutes"));
                if ui.button("Stop").on_hover_text("What was fetched stays for the next time").clicked() {
                    actions.push(Action::Train(Order::StopSetUp));
                }
            });
            for line in lines.iter().rev().take(LINES).rev() {
                ui.add(Label::new(RichText::new(line).monospace().weak()).truncate());
            }
            ui.ctx().request_repaint_after(Duration::from_secs(1));
        }
    }
    ui.add_space(theme::GAP);
}

fn missing(ui: &mut Ui, why: &str, actions: &mut Vec<Action>) {
    message::line(
        ui,
        Kind::Info,
        "Training needs the trainer: PyTorch, timm and fastai in an environment of their own, up to 6 GB, fetched \
         once. Nothing else on this machine is touched.",
    );
    ui.horizontal_wrapped(|ui| {
        let palette = theme::palette(ui.visuals());
        let button = egui::Button::new(RichText::new("Set up the trainer").color(palette.on_accent));
        if ui.add(button.fill(palette.accent)).on_hover_text(why).clicked() {
            actions.push(Action::Train(Order::SetUp));
        }
        ui.label(RichText::new("or name a Python that has them in STREETWISE_PYTHON").weak());
    });
}
