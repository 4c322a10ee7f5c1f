//! The pictures of a data set that excite a country most in a model.

use egui::{Button, ComboBox, RichText, Ui};
use egui_phosphor::regular as icon;

use crate::ui::state::{Action, State};
use crate::ui::widgets::caret;
use crate::ui::widgets::tile::tile;
use crate::ui::{theme, words};
use crate::workbench::Task;

/// Draws the choice and what was found.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.add_space(theme::GAP_LARGE);
    ui.label(RichText::new("What excites a country").heading());
    choice(ui, state, actions);
    let Some(found) = state.findings.excited.clone() else { return };
    ui.weak(format!(
        "The pictures that {} takes for {} most, one a place; press one to look at it in Assist.",
        found.model,
        words::country(&found.country)
    ));
    ui.horizontal_wrapped(|ui| {
        for one in &found.pictures {
            let lines = [words::percent(one.p), format!("taken in {}", words::country(&one.country))];
            let name = format!("{}: {}, {}", one.file.display(), lines[0], lines[1]);
            if tile(ui, state, &one.file, &name, &lines) {
                actions.push(Action::Open(one.file.clone()));
            }
        }
    });
}

fn choice(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let usable = state.snapshot.models.iter().filter(|model| model.problem.is_none());
    let models: Vec<(String, Vec<String>)> =
        usable.map(|model| (model.id.clone(), model.countries.clone())).collect();
    let Some((model, countries)) =
        models.iter().find(|(id, _)| *id == state.compare.excite.0).or_else(|| models.first()).cloned()
    else {
        return;
    };
    state.compare.excite.0 = model;
    let (model, country) = &mut state.compare.excite;
    if !countries.contains(country) {
        country.clone_from(countries.first().unwrap_or(&String::new()));
    }
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Model").id;
        let combo = ComboBox::from_id_salt("excite model").icon(caret).selected_text(model.clone());
        let shown = combo.show_ui(ui, |ui| {
            for (id, _) in &models {
                ui.selectable_value(model, id.clone(), id);
            }
        });
        shown.response.labelled_by(label);
        let label = ui.label("Country").id;
        let combo = ComboBox::from_id_salt("excite country").icon(caret);
        let shown = combo.selected_text(words::country(country)).show_ui(ui, |ui| {
            for code in &countries {
                ui.selectable_value(country, code.clone(), words::country(code));
            }
        });
        shown.response.labelled_by(label);
        let data = state.compare.data.trim().to_owned();
        let button = Button::new(format!("{}  Find its pictures", icon::MAGNIFYING_GLASS));
        let response = ui.add_enabled(!data.is_empty(), button);
        if response.on_hover_text("All of the labelled pictures above are looked through").clicked() {
            let (model, country) = (model.clone(), country.clone());
            actions.push(Action::Work(Task::Excite { model, data: data.clone().into(), country }));
        }
        if data.is_empty() {
            ui.weak("Choose labelled pictures above.");
        }
    });
}
