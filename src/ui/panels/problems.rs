//! What went wrong, at the place that it belongs to.

use egui::{RichText, Ui};

use crate::engine::{Command, Place};
use crate::ui::state::{Action, State};
use crate::ui::widgets::message::{self, Kind};

/// Problems of one place, each with a button that takes it away.
pub(super) fn show(ui: &mut Ui, state: &State, place: Place, actions: &mut Vec<Action>) {
    /// As many are shown; the newest are the ones that matter.
    const MOST: usize = 3;
    let here: Vec<_> = state.snapshot.problems.iter().filter(|problem| problem.place == place).collect();
    let gone: usize = here.iter().map(|problem| problem.before).sum();
    let hidden = here.len().saturating_sub(MOST) + gone;
    if hidden > 0 {
        ui.label(RichText::new(format!("and {hidden} more messages before these")).weak());
    }
    for problem in here.iter().skip(here.len().saturating_sub(MOST)) {
        if message::framed(ui, Kind::Error, &problem.text) {
            actions.push(Action::Engine(Command::DismissProblem(problem.id)));
        }
    }
}
