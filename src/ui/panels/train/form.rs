//! The form for a new run, from data to the start, and the grid of several runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use egui::{Button, Label, RichText, Ui};
use egui_phosphor::regular as icon;

use super::{form_fields, gallery};
use crate::training::ablation::Grid;
use crate::training::job::Job;
use crate::training::recipe::Recipe;
use crate::training::studio::{DataFacts, Order, TrainerState};
use crate::ui::state::{Action, Choice, State};
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::{at_work, focus_ring, named, text_field};
use crate::ui::{theme, words};

/// Where the network's first weights come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// timm's model hub.
    #[default]
    Hub,
    /// A safetensors file.
    File,
    /// Random numbers.
    Scratch,
}

/// How much of the network trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The head, on cached features.
    Head,
    /// The last blocks too, from cached activations.
    Last,
    /// Everything, from pixels: the study's way.
    Everything,
}

/// Everything that was filled in.
#[derive(Debug)]
pub struct Form {
    /// The data set.
    pub data: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Where weights come from.
    pub start: Start,
    /// The weights of each preset that a file was chosen for.
    pub weights: BTreeMap<String, PathBuf>,
    /// Name of the model; empty for preset and countries.
    pub name: String,
    /// Problems of the data that are allowed.
    pub allow: BTreeSet<String>,
    /// Folder of the caches.
    pub cache: PathBuf,
    /// Whether several runs are wanted.
    pub grid: bool,
    /// Their architectures.
    pub presets: BTreeSet<String>,
    /// Their pictures a country, as typed.
    pub sizes: String,
    /// Their seeds.
    pub seeds: u64,
    /// What was looked into last.
    looked: String,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            data: String::new(),
            recipe: Recipe { unfreeze_last: Some(0), epochs: 20, ..Recipe::new("efficientnet-lite0") },
            start: Start::default(),
            weights: BTreeMap::new(),
            name: String::new(),
            allow: BTreeSet::new(),
            cache: PathBuf::new(),
            grid: false,
            presets: BTreeSet::new(),
            sizes: "100, 200, 300".to_owned(),
            seeds: 3,
            looked: String::new(),
        }
    }
}

impl Form {
    /// Takes over a run's recipe and job, under a name of its own.
    pub fn fill(&mut self, recipe: &Recipe, job: &Job) {
        self.data = job.data.display().to_string();
        self.looked.clone_from(&self.data);
        self.recipe = recipe.clone();
        self.start = match (&job.weights, job.from_scratch) {
            (Some(path), _) => {
                self.weights.insert(recipe.preset.clone(), path.clone());
                Start::File
            }
            (None, true) => Start::Scratch,
            (None, false) => Start::Hub,
        };
        self.allow = job.allow.iter().cloned().collect();
        self.name = String::new();
        self.grid = false;
    }

    /// Weights were chosen for the preset at hand.
    pub fn use_weights(&mut self, path: &Path) {
        self.start = Start::File;
        self.weights.insert(self.recipe.preset.clone(), path.to_owned());
    }

    /// How much trains.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match self.recipe.unfreeze_last {
            Some(0) => Extent::Head,
            Some(_) => Extent::Last,
            None => Extent::Everything,
        }
    }

    /// The numbers typed for pictures a country; what cannot be read is named.
    fn sizes(&self) -> Result<Vec<Option<u32>>, String> {
        let parts = self.sizes.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part {
                "all" => Ok(None),
                number => number.parse().ok().filter(|n| *n > 0).map(Some).ok_or_else(|| {
                    format!("“{part}” is no number of pictures; write numbers or all, with commas between")
                }),
            })
            .collect()
    }

    /// What is missing before it can be started.
    fn missing(&self) -> Option<String> {
        if self.data.trim().is_empty() {
            return Some("Choose pictures to train on.".to_owned());
        }
        if self.start == Start::File {
            let wanted: Vec<&String> =
                if self.grid { self.presets.iter().collect() } else { vec![&self.recipe.preset] };
            if let Some(preset) = wanted.into_iter().find(|preset| !self.weights.contains_key(*preset)) {
                return Some(format!("Choose a file with the weights of {preset}."));
            }
        }
        if self.grid && self.presets.is_empty() {
            return Some("Mark the architectures that the runs compare.".to_owned());
        }
        if self.grid
            && let Err(why) = self.sizes()
        {
            return Some(why);
        }
        self.recipe.check().err().map(|error| error.to_string())
    }

    fn job(&self) -> Job {
        let weights = (self.start == Start::File).then(|| self.weights.get(&self.recipe.preset).cloned());
        Job {
            data: self.data.trim().into(),
            weights: weights.flatten(),
            from_scratch: self.start == Start::Scratch,
            allow: self.allow.iter().cloned().collect(),
            cache: self.cache.clone(),
            name: self.name.trim().to_owned(),
            threads: None,
            model_id: String::new(),
            export: true,
        }
    }

    fn order(&self) -> Order {
        if !self.grid {
            return Order::Start(Box::new(self.recipe.clone()), Box::new(self.job()));
        }
        Order::Ablate(Box::new(Grid {
            presets: self.presets.iter().cloned().collect(),
            per_label: self.sizes().unwrap_or_default(),
            seeds: self.seeds,
            recipe: self.recipe.clone(),
            job: Job { weights: None, ..self.job() },
            weights: if self.start == Start::File { self.weights.clone() } else { BTreeMap::new() },
        }))
    }
}

/// Draws the form.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.label(RichText::new("New run").heading());
    section(ui, "Pictures");
    data(ui, state, actions);
    section(ui, "Architecture");
    gallery::show(ui, state);
    weights(ui, &mut state.train.form, actions);
    section(ui, "Recipe");
    form_fields::show(ui, state);
    section(ui, "Several runs");
    several(ui, &mut state.train.form);
    ui.add_space(theme::SECTION);
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(theme::GAP_LARGE);
    ui.label(RichText::new(title).strong());
}

fn data(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let board = std::sync::Arc::clone(&state.board);
    let form = &mut state.train.form;
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 260.0).max(200.0);
        let field = text_field(ui, &mut form.data, "folder or index.csv", width);
        let response = named(ui.add(field), "Path of the pictures");
        focus_ring(ui, &response);
        if response.lost_focus() && form.data != form.looked && !form.data.trim().is_empty() {
            form.looked.clone_from(&form.data);
            actions.push(Action::Train(Order::LookAt(form.data.trim().into())));
        }
        if ui.button(format!("{}  Folder…", icon::FOLDER_OPEN)).clicked() {
            actions.push(Action::Choose(Choice::DataFolder));
        }
        if ui.button(format!("{}  Index…", icon::TABLE)).clicked() {
            actions.push(Action::Choose(Choice::DataIndex));
        }
    });
    let look = board.data.as_ref().filter(|look| look.path == Path::new(form.data.trim()));
    match look.map(|look| &look.found) {
        None => {
            ui.weak(
                "A folder per country named by its code or name (AU, Japan, …), or a folder with index.csv: columns \
                 file, country, place. Pictures of one place never stand on both sides of the split.",
            );
        }
        Some(None) => {
            ui.horizontal(|ui| {
                at_work(ui);
                ui.label("looking into it");
            });
        }
        Some(Some(Err(why))) => message::line(ui, Kind::Error, why),
        Some(Some(Ok(facts))) => countries(ui, form, facts),
    }
}

/// What is in the data, with a choice of countries: none marked means all.
fn countries(ui: &mut Ui, form: &mut Form, facts: &DataFacts) {
    let chosen = form.recipe.countries.len();
    let count = if chosen == 0 { facts.countries.len() } else { chosen };
    ui.label(format!(
        "{} of {}; training on {}{}",
        words::count(facts.images, "picture", "pictures"),
        words::count(facts.places, "place", "places"),
        words::count(count, "country", "countries"),
        if chosen == 0 { ", all there are" } else { "" },
    ));
    if let Some(told) = &facts.left_out {
        message::line(ui, Kind::Warning, told);
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GAP_SMALL;
        for (code, of) in &facts.countries {
            let on = form.recipe.countries.contains(code);
            let name = words::country(code);
            let response = ui.selectable_label(on, format!("{code} {}", of.images));
            let response =
                named(response, &format!("{name}, {}", words::count(of.images, "picture", "pictures")));
            let tip = format!(
                "{name}: {} of {}",
                words::count(of.images, "picture", "pictures"),
                words::count(of.places, "place", "places")
            );
            if response.on_hover_text(tip).clicked() {
                if on {
                    form.recipe.countries.retain(|known| known != code);
                } else {
                    form.recipe.countries.push(code.clone());
                    form.recipe.countries.sort();
                }
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        let study = ["AU", "BR", "DE", "JP", "US"];
        if study.iter().all(|code| facts.countries.contains_key(*code))
            && ui.button("The study's five").on_hover_text("AU, BR, DE, JP, US").clicked()
        {
            form.recipe.countries = study.map(str::to_owned).to_vec();
        }
        if chosen > 0 && ui.button("All countries").clicked() {
            form.recipe.countries.clear();
        }
    });
}

fn weights(ui: &mut Ui, form: &mut Form, actions: &mut Vec<Action>) {
    ui.add_space(theme::GAP);
    ui.horizontal_wrapped(|ui| {
        ui.label("Begin with");
        for (start, text, tip) in [
            (Start::Hub, "weights from timm's hub", "Fetched once, tens to hundreds of MB"),
            (Start::File, "weights in a file", "A safetensors file in timm's naming"),
            (Start::Scratch, "random numbers", "Needs far more pictures and time to be any good"),
        ] {
            ui.radio_value(&mut form.start, start, text).on_hover_text(tip);
        }
    });
    if form.start == Start::File {
        ui.horizontal_wrapped(|ui| {
            if ui.button(format!("{}  Weights of {}…", icon::FILE, form.recipe.preset)).clicked() {
                actions.push(Action::Choose(Choice::Weights));
            }
            let preset = form.recipe.preset.clone();
            let mut text =
                form.weights.get(&preset).map_or_else(String::new, |path| path.display().to_string());
            let field = text_field(ui, &mut text, "file.safetensors", 360.0);
            let response = named(ui.add(field), "Path of the weights");
            focus_ring(ui, &response);
            if response.changed() {
                if text.trim().is_empty() {
                    form.weights.remove(&preset);
                } else {
                    form.weights.insert(preset, text.trim().into());
                }
            }
        });
    }
}

fn several(ui: &mut Ui, form: &mut Form) {
    ui.checkbox(&mut form.grid, "Several runs at once (ablation)").on_hover_text(
        "Every combination of architectures, pictures a country and seeds, as in the study, with a table at the end",
    );
    if form.grid {
        form_fields::grid(ui, form);
    }
}

/// The line below the form that starts it, always in sight.
pub fn start(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let form = &mut state.train.form;
    let ready = matches!(state.board.trainer, TrainerState::Ready { .. });
    let missing = if ready { form.missing() } else { Some("Set the trainer up first, above.".to_owned()) };
    ui.horizontal_wrapped(|ui| {
        if !form.grid {
            let label = ui.label("Name of the model").id;
            let field = text_field(ui, &mut form.name, "the architecture's", 260.0);
            let response = named(ui.add(field).labelled_by(label), "Name of the model");
            focus_ring(ui, &response);
        }
        let palette = theme::palette(ui.visuals());
        let busy = state.board.active.is_some();
        let text = match (form.grid, busy) {
            (true, _) => "Start the runs",
            (false, true) => "Add to the queue",
            (false, false) => "Start",
        };
        let label = RichText::new(format!("{}  {text}", icon::PLAY)).color(palette.on_accent);
        let button = Button::new(label).fill(palette.accent);
        if named(ui.add_enabled(missing.is_none(), button), text).clicked() {
            actions.push(Action::Train(form.order()));
            if form.grid {
                state.train.view = super::View::Tables;
            }
        }
        if let Some(why) = &missing {
            ui.add(Label::new(RichText::new(why).weak()).wrap());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_order() {
        let mut form = Form::default();
        assert_eq!(form.missing().unwrap(), "Choose pictures to train on.");
        form.data = "/pictures".into();
        assert_eq!(form.missing(), None);
        form.start = Start::File;
        assert!(form.missing().unwrap().contains("weights of efficientnet-lite0"));
        form.use_weights(Path::new("/w.safetensors"));
        assert_eq!(form.missing(), None);
        (form.start, form.grid) = (Start::Hub, true);
        assert!(form.missing().unwrap().starts_with("Mark the architectures"));
        form.presets.insert("resnet18".into());
        form.sizes = "20, x".into();
        assert!(form.missing().unwrap().contains("“x”"));
        form.sizes = "20, 40, all".into();
        assert_eq!(form.missing(), None);
        let Order::Ablate(grid) = form.order() else { panic!("a grid is wanted") };
        assert_eq!(grid.cells().len(), 9);
        form.recipe.epochs = 0;
        form.recipe.freeze_epochs = 0;
        assert!(form.missing().unwrap().contains("epoch"));
    }

    #[test]
    fn a_clone_starts_from_the_same_recipe_and_weights() {
        let mut form = Form { data: "/a".into(), ..Form::default() };
        form.use_weights(Path::new("/w.safetensors"));
        form.recipe.seed = 7;
        let (recipe, job) = (form.recipe.clone(), form.job());
        let mut other = Form::default();
        other.fill(&recipe, &job);
        assert_eq!((other.recipe.clone(), other.job()), (recipe, job));
    }
}
