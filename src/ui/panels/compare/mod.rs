//! Models side by side: on labelled pictures, on one picture, and how fast they are here.

mod excite;
mod one;
mod results;
mod speed;

use std::collections::BTreeSet;

use egui::{Button, DragValue, Frame, Margin, RichText, ScrollArea, Ui};
use egui_phosphor::regular as icon;

use crate::ui::panels::work::lane;
use crate::ui::state::{Action, Choice, State};
use crate::ui::widgets::{focus_ring, named, text_field};
use crate::ui::{theme, words};
use crate::workbench::{Lane, Task};

/// Most models that are compared.
const MOST: usize = 6;

/// What the panel remembers.
#[derive(Debug)]
pub struct Compare {
    /// Models that are marked.
    pub chosen: BTreeSet<String>,
    /// The data set.
    pub data: String,
    /// Pictures at most; none for all.
    pub limit: Option<usize>,
    /// Disagreements that are shown.
    pub shown: usize,
    /// The model and the country whose most exciting pictures are looked for.
    pub excite: (String, String),
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            chosen: BTreeSet::new(),
            data: String::new(),
            limit: Some(500),
            shown: 12,
            excite: Default::default(),
        }
    }
}

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    Frame::new().inner_margin(Margin::same(16)).show(ui, |ui| {
        ScrollArea::vertical().id_salt("compare").auto_shrink(false).show(ui, |ui| {
            ui.label(RichText::new("Models side by side").heading());
            models(ui, state);
            data(ui, state, actions);
            start(ui, state, actions);
            let findings = std::sync::Arc::clone(&state.findings);
            lane(ui, state, Lane::Sets, actions);
            lane(ui, state, Lane::Picture, actions);
            if let Some(looked) = &findings.looked {
                one::show(ui, state, looked, actions);
            }
            if let Some(compared) = &findings.compared {
                results::show(ui, state, compared, actions);
            }
            excite::show(ui, state, actions);
            speed::show(ui, state, &findings.benches, actions);
        });
    });
}

fn models(ui: &mut Ui, state: &mut State) {
    let usable: Vec<_> =
        state.snapshot.models.iter().filter(|model| model.problem.is_none()).cloned().collect();
    if state.compare.chosen.is_empty() {
        state.compare.chosen = usable.iter().take(2).map(|model| model.id.clone()).collect();
    }
    ui.weak("Choose two to six.");
    ui.horizontal_wrapped(|ui| {
        for model in &usable {
            let on = state.compare.chosen.contains(&model.id);
            // Runs with one recipe give models of one name.
            let alone = usable.iter().filter(|other| other.name == model.name).count() == 1;
            let name = if alone { &model.name } else { &model.id };
            let text = format!("{name}  {}", words::count(model.countries.len(), "country", "countries"));
            let response = ui.add_enabled(
                on || state.compare.chosen.len() < MOST,
                Button::selectable(on, text).frame_when_inactive(true),
            );
            if named(response, &model.id).on_hover_text(&model.id).clicked() {
                if on {
                    state.compare.chosen.remove(&model.id);
                } else {
                    state.compare.chosen.insert(model.id.clone());
                }
            }
        }
    });
}

fn data(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.add_space(theme::GAP);
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 420.0).max(200.0);
        let hint = "labelled pictures: folder or index.csv";
        let field = text_field(ui, &mut state.compare.data, hint, width);
        let response = named(ui.add(field), "Path of the labelled pictures");
        focus_ring(ui, &response);
        if ui.button(format!("{}  Folder…", icon::FOLDER_OPEN)).clicked() {
            actions.push(Action::Choose(Choice::CompareFolder));
        }
        let mut limited = state.compare.limit.is_some();
        if ui.checkbox(&mut limited, "at most").changed() {
            state.compare.limit = limited.then_some(500);
        }
        if let Some(limit) = &mut state.compare.limit {
            named(ui.add(DragValue::new(limit).range(1..=1_000_000).suffix(" pictures")), "Pictures at most");
        }
    });
}

fn start(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let models: Vec<String> = state.compare.chosen.iter().cloned().collect();
    let several = models.len() >= 2;
    let data = state.compare.data.trim().to_owned();
    ui.horizontal_wrapped(|ui| {
        let palette = theme::palette(ui.visuals());
        let label =
            RichText::new(format!("{}  Compare on these pictures", icon::SCALES)).color(palette.on_accent);
        let button = Button::new(label).fill(palette.accent);
        let response =
            named(ui.add_enabled(several && !data.is_empty(), button), "Compare on these pictures");
        if response.clicked() {
            let (models, limit) = (models.clone(), state.compare.limit);
            actions.push(Action::Work(Task::Compare { models, data: data.clone().into(), limit }));
        }
        let current = state.snapshot.current.clone();
        let one = ui.add_enabled(
            several && current.is_some(),
            Button::new(format!("{}  On the picture in Assist", icon::IMAGE)),
        );
        if let (true, Some(look)) = (one.clicked(), &current) {
            let (name, picture) = (look.name.clone(), std::sync::Arc::clone(&look.picture));
            actions.push(Action::Work(Task::Look { models: models.clone(), name, picture }));
        }
        let bench =
            ui.add_enabled(!models.is_empty(), Button::new(format!("{}  How fast here", icon::TIMER)));
        if bench.on_hover_text("Latency, throughput, memory by threads and batch").clicked() {
            actions.push(Action::Work(Task::Bench { models: models.clone() }));
        }
        if !several {
            ui.weak("Mark at least two models.");
        } else if data.is_empty() {
            ui.weak("Choose labelled pictures, or compare on the picture in Assist.");
        }
    });
}
