//! What excites each country of a run most, painted by the trainer.

use egui::{RichText, Ui};
use egui_phosphor::regular as icon;

use crate::training::runs::State as RunState;
use crate::training::studio::{Order, RunDetail};
use crate::ui::panels::work::going_on;
use crate::ui::state::{Action, State};
use crate::ui::widgets::tile::tile;
use crate::ui::{theme, words};

/// Draws the pictures and the button that makes them.
pub fn show(ui: &mut Ui, state: &mut State, detail: &RunDetail, actions: &mut Vec<Action>) {
    ui.add_space(theme::GAP);
    ui.label(RichText::new("What excites each country").strong());
    ui.weak("The trainer climbs from noise to the picture that the network takes for a country most. It shows textures and shapes, not places.");
    let board = std::sync::Arc::clone(&state.board);
    match &board.painting {
        Some(painting) if painting.id == detail.id => {
            going_on(ui, &painting.doing, Action::Train(Order::StopPainting), actions);
        }
        other => {
            let free = other.is_none() && detail.summary.state != RunState::Running;
            let word = if detail.painted.is_empty() { "Paint them" } else { "Paint them again" };
            let button = egui::Button::new(format!("{}  {word}", icon::PALETTE));
            if ui.add_enabled(free, button).clicked() {
                actions.push(Action::Train(Order::Paint(detail.id.clone())));
            }
        }
    }
    ui.horizontal_wrapped(|ui| {
        for one in &detail.painted {
            let lines = [words::country(&one.country), words::share(one.probability)];
            let name = format!("Painted for {}, {}", lines[0], lines[1]);
            if tile(ui, state, &one.file, &name, &lines) {
                actions.push(Action::Open(one.file.clone()));
            }
        }
    });
}
