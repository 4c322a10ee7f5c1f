//! How far work is, and a way to stop it.

use std::time::Duration;

use egui::{ProgressBar, Ui};

use crate::engine::Busy;
use crate::ui::state::{Action, State};
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::{at_work, named};
use crate::ui::words;
use crate::workbench::Lane;

/// What a lane of the workbench does, how far it is, and a way to stop it; and why its last task was not done.
pub fn lane(ui: &mut Ui, state: &State, lane: Lane, actions: &mut Vec<Action>) {
    let stands = state.findings.lane(lane);
    if let Some(doing) = &stands.doing {
        going_on(ui, doing, Action::StopWork(lane), actions);
    }
    if let Some(problem) = &stands.problem {
        message::line(ui, Kind::Error, problem);
    }
}

/// What goes on, how far it is, how long it still takes, and `stop` by a button.
pub fn going_on(ui: &mut Ui, doing: &Busy, stop: Action, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        let part = if doing.of > 1 { format!(", {} of {}", doing.done, doing.of) } else { String::new() };
        let left = doing.left().map_or_else(String::new, |left| format!(", {} left", words::seconds(left)));
        at_work(ui);
        ui.label(format!("{}{part}{left}", doing.what));
        if ui.button("Stop this").clicked() {
            actions.push(stop);
        }
    });
    if doing.of > 1 {
        #[expect(clippy::cast_precision_loss)]
        let share = doing.done as f32 / doing.of as f32;
        let bar = ProgressBar::new(share).desired_height(6.0).desired_width(ui.available_width());
        named(ui.add(bar), &doing.what);
    }
    ui.ctx().request_repaint_after(Duration::from_secs(1));
}
