//! Making models: the runs on the left, and on the right a new run, one run, or tables over several.
//!
//! Nothing is computed here: the board comes from [`crate::training::studio`], and every figure is one that
//! `streetwise runs show` and `train ablation` print.

mod curves;
mod filled_in;
mod form;
mod form_fields;
mod gallery;
mod paintings;
mod results;
mod run;
mod runs;
mod tables;
mod trainer;

use std::collections::BTreeSet;

use egui::{CentralPanel, Frame, Margin, Panel as Side, ScrollArea, TextStyle, Ui};

use crate::training::studio::{Order, RunDetail};
use crate::ui::state::{Action, State};
use crate::ui::theme;
use crate::ui::widgets::message::{self, Kind};

pub use filled_in::Form;

/// Width of the list, in points at text scale 1.
const LIST: f32 = 272.0;

/// What is on the right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// The form for a new run.
    #[default]
    New,
    /// A run.
    Run,
    /// Tables over several runs.
    Tables,
}

/// How the list is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sorting {
    /// The newest run first.
    #[default]
    Newest,
    /// The best macro-F1 first.
    Best,
    /// By architecture.
    Preset,
}

/// What the panel remembers between frames.
#[derive(Debug, Default)]
pub struct Train {
    /// What is on the right.
    pub view: View,
    /// The run that is shown.
    pub chosen: Option<String>,
    /// Runs whose curves lie over those of the shown one.
    pub overlaid: BTreeSet<String>,
    /// How the list is sorted.
    pub sorted: Sorting,
    /// The form.
    pub form: Form,
    /// A run whose deletion waits for a second press.
    pub deleting: Option<String>,
    /// A learning rate that was picked on the finder's curve.
    pub picked_lr: Option<f64>,
    /// What the studio was told to watch.
    watched: Option<(bool, Vec<String>)>,
    /// The run that was made last and has been shown.
    seen_made: Option<String>,
}

impl Train {
    /// Shows a run.
    pub fn open(&mut self, id: &str) {
        self.view = View::Run;
        self.chosen = Some(id.to_owned());
        self.deleting = None;
        self.picked_lr = None;
    }

    /// Fills the form with a run's recipe and job; the order looks into its data again.
    pub fn clone_run(&mut self, detail: &RunDetail) -> Action {
        self.form.fill(&detail.recipe, &detail.job);
        self.view = View::New;
        Action::Train(Order::LookAt(detail.job.data.clone()))
    }

    /// What the studio should watch, where that has changed.
    pub fn watch(&mut self, shown: bool) -> Option<Order> {
        let runs: Vec<String> = match (shown, self.view) {
            (true, View::Run) => self.chosen.iter().chain(&self.overlaid).cloned().collect(),
            _ => Vec::new(),
        };
        let wanted = Some((shown, runs.clone()));
        // Nothing is asked for before the panel was shown once.
        if self.watched == wanted || (self.watched.is_none() && !shown) {
            return None;
        }
        self.watched = wanted;
        Some(Order::Watch { shown, runs })
    }
}

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.board.made != state.train.seen_made {
        state.train.seen_made = state.board.made.clone();
        if let Some(id) = state.board.made.clone() {
            state.train.open(&id);
        }
    }
    let palette = theme::palette(ui.visuals());
    let scale = TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
    let frame = Frame::new().fill(palette.panel);
    let list = frame.inner_margin(Margin::same(12));
    let width = (LIST * scale).min(ui.available_width() * 0.4);
    Side::left("runs").resizable(false).exact_size(width).frame(list).show(ui, |ui| {
        runs::show(ui, state, actions);
    });
    CentralPanel::default().frame(frame.inner_margin(Margin::same(16))).show(ui, |ui| {
        notices(ui, state, actions);
        if state.train.view == View::New {
            let bar = Frame::new().inner_margin(Margin { top: 12, ..Margin::ZERO });
            Side::bottom("start").frame(bar).show(ui, |ui| form::start(ui, state, actions));
        }
        let id = (state.train.view as u8, state.train.chosen.clone());
        ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, |ui| match state.train.view {
            View::New => {
                trainer::show(ui, state, actions);
                form::show(ui, state, actions);
            }
            View::Run => run::show(ui, state, actions),
            View::Tables => tables::show(ui, state, actions),
        });
    });
}

fn notices(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    for notice in &state.board.notices {
        if message::framed(ui, Kind::Error, &notice.text) {
            actions.push(Action::Train(Order::Dismiss(notice.id)));
        }
        ui.add_space(theme::GAP);
    }
}
