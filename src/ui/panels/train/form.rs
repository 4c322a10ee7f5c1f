//! The form for a new run, from data to the start, and the grid of several runs.

use std::path::Path;

use egui::{Button, Label, RichText, Ui};
use egui_phosphor::regular as icon;

use super::filled_in::{Form, Start};
use super::{form_fields, gallery};
use crate::training::studio::{DataFacts, Order, TrainerState};
use crate::ui::state::{Action, Choice, State};
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::{at_work, focus_ring, named, text_field};
use crate::ui::{theme, words};

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
