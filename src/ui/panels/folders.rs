//! The part of the settings about folders.

use std::path::{Path, PathBuf};

use egui::{Button, Grid, Label, Ui};

use super::rows::{explain, row, section};
use crate::store::folders::Folder;
use crate::ui::folders::Wish;
use crate::ui::state::{Action, Choice, State};
use crate::ui::theme;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::named;
use crate::ui::words;

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    section(ui, "Folders");
    let State { folders, settings, started, .. } = state;
    let (data, cache) = (folders.paths.data.clone(), folders.paths.training_cache());
    place(ui, "Data", &data, actions, |ui, actions| {
        if !folders.paths.by_variable {
            choose(ui, "data", Choice::AppData, &mut settings.data_folder, actions);
        }
    });
    if folders.paths.by_variable {
        explain(ui, "STREETWISE_DATA says where the data lies, so the settings are not asked.");
    }
    place(ui, "Training cache", &cache, actions, |ui, actions| {
        choose(ui, "training cache", Choice::AppCache, &mut settings.training_cache, actions);
    });
    if (&settings.data_folder, &settings.training_cache) != (&started.data_folder, &started.training_cache) {
        let text = "Start Streetwise again to use the other folder. What is in the old one stays there; \
                    move it yourself to keep using it.";
        message::line(ui, Kind::Warning, text);
    }
    contents(ui, state, actions);
}

/// A folder: its path, and what is done with any folder.
fn place(
    ui: &mut Ui,
    name: &str,
    path: &Path,
    actions: &mut Vec<Action>,
    more: impl FnOnce(&mut Ui, &mut Vec<Action>),
) {
    row(ui, name, |ui, _| {
        ui.vertical(|ui| {
            let shown = path.display().to_string();
            ui.add(Label::new(&shown).truncate()).on_hover_text(&shown);
            ui.horizontal_wrapped(|ui| {
                let open = ui.button("Open").on_hover_text("Show it in the file manager");
                if named(open, &format!("Open the folder of {name}")).clicked() {
                    actions.push(Action::Folders(Wish::Open(path.to_owned())));
                }
                let copy = ui.button("Copy path").on_hover_text("Copy its path");
                if named(copy, &format!("Copy the path of {name}")).clicked() {
                    actions.push(Action::Copy(shown));
                }
                more(ui, actions);
            });
        });
    });
}

/// Another folder, or the usual one again.
fn choose(ui: &mut Ui, name: &str, choice: Choice, set: &mut Option<PathBuf>, actions: &mut Vec<Action>) {
    let other = ui.button("Choose…").on_hover_text("Choose another folder in a dialog");
    if named(other, &format!("Choose another folder for the {name}")).clicked() {
        actions.push(Action::Choose(choice));
    }
    let usual = ui.add_enabled(set.is_some(), Button::new("Usual one"));
    let usual = named(usual, &format!("Use the usual folder for the {name}"));
    if usual.on_hover_text("Use the folder that this system has for it").clicked() {
        *set = None;
    }
}

/// How much is in each folder.
fn contents(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let sizes = state.folders.sizes;
    ui.visuals_mut().widgets.inactive.bg_stroke.color = theme::palette(ui.visuals()).weak;
    Grid::new("contents").num_columns(3).spacing([theme::PAD * 2.0, theme::PAD / 2.0]).show(ui, |ui| {
        for (index, folder) in Folder::ALL.into_iter().enumerate() {
            ui.label(folder.name());
            let size = match sizes.map(|sizes| sizes[index]) {
                None => "…".to_owned(),
                Some(None) => "none".to_owned(),
                Some(Some(bytes)) => words::bytes(bytes),
            };
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.label(size));
            if folder == Folder::Cache {
                let filled = sizes.is_some_and(|sizes| sizes[index].is_some_and(|bytes| bytes > 0));
                let button = ui.add_enabled(filled, Button::new("Empty the cache"));
                let hover = "Pixels and features that runs share; the next run makes anew what it needs";
                if button.on_hover_text(hover).clicked() {
                    actions.push(Action::Folders(Wish::EmptyCache));
                }
            }
            ui.end_row();
        }
    });
}
