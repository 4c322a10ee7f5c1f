//! The right column: ranking, regions, what may be said, and the model behind it.

use egui::{Align, Button, ComboBox, Label, Layout, RichText, Ui, vec2};
use egui_phosphor::regular as icon;

use crate::engine::{Look, ModelSummary, Place};
use crate::ranking::{Ranking, Verdict};
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::{Weight, caret, command_button, named, ranking, status};
use crate::ui::{theme, words};

use super::{guess, problems};

/// Rows before "more".
const ROWS: usize = 5;
/// How much an old answer is faded while a new one is made.
const FADED: f32 = 0.5;

/// Draws the column.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.y = theme::PAD;
    let look = state.snapshot.current.clone();
    ui.scope(|ui| {
        // While watching, every moment has a new answer: fading would only flicker.
        if look.is_some() && state.snapshot.watching.is_none() && status::mentions(ui, &state.snapshot) {
            ui.multiply_opacity(FADED);
        }
        match look.as_deref() {
            None => nothing_yet(ui, state),
            Some(look) => answer(ui, state, look, actions),
        }
    });
    ui.separator();
    model(ui, state, actions);
}

fn nothing_yet(ui: &mut Ui, state: &State) {
    let text = match (state.snapshot.ready, &state.snapshot.busy) {
        (true, _) => "The ranked countries appear here.",
        (false, Some(_)) => "The model is loading; a picture may be opened meanwhile.",
        (false, None) => "Without a model there is no ranking.",
    };
    ui.add(Label::new(RichText::new(text).weak()).wrap());
}

fn answer(ui: &mut Ui, state: &mut State, look: &Look, actions: &mut Vec<Action>) {
    match &look.outcome {
        Err(why) => message::line(ui, Kind::Error, why),
        Ok(_) if state.covered() => guess::show(ui, state, actions),
        Ok(ranking) => ranked(ui, state, look, ranking, actions),
    }
    for note in &look.notes {
        message::line(ui, Kind::Warning, note);
    }
}

fn ranked(ui: &mut Ui, state: &mut State, look: &Look, ranking: &Ranking, actions: &mut Vec<Action>) {
    let outside = ranking.verdict == Verdict::Outside;
    if outside {
        // Before the countries, which would be believed otherwise.
        message::line(ui, Kind::Warning, &ranking.sentence());
    }
    if let Some(said) = state.coach.comparison(look.id, ranking) {
        let right = !outside
            && state.coach.said(look.id) == ranking.guesses.first().map(|first| first.country.as_str());
        message::line(ui, if right { Kind::Success } else { Kind::Info }, &said);
    }
    let rows = if state.all_rows { ranking.guesses.len() } else { ROWS };
    for (index, guess) in ranking.guesses.iter().take(rows).enumerate() {
        ranking::row(ui, &mut state.textures, index + 1, guess);
        if index == 0 {
            ui.add_space(theme::GAP_SMALL);
        }
    }
    if ranking.guesses.len() > ROWS {
        more(ui, state.all_rows, ranking.guesses.len(), actions);
    }
    let regions = ranking::regions_line(&ranking.regions);
    ui.add(Label::new(RichText::new(regions).weak()).wrap());
    super::explain::show(ui, state, look, actions);
    if !outside {
        verdict(ui, ranking);
    }
}

/// What may be said of the first guess.
fn verdict(ui: &mut Ui, ranking: &Ranking) {
    let kind = match ranking.guesses.first() {
        _ if ranking.unsure() => Kind::Warning,
        Some(first) if first.p >= 0.5 => Kind::Success,
        _ => Kind::Info,
    };
    message::line(ui, kind, &ranking.sentence());
}

fn more(ui: &mut Ui, all: bool, count: usize, actions: &mut Vec<Action>) {
    let (sign, text) = if all {
        (icon::CARET_UP, "Only the first five".to_owned())
    } else {
        (icon::CARET_DOWN, format!("All {count} countries"))
    };
    let button = Button::new(format!("{sign}  {text}")).frame_when_inactive(false);
    if named(ui.add(button), &text).on_hover_text(UiCommand::More.hint()).clicked() {
        actions.push(Action::Ui(UiCommand::More));
    }
}

/// The picker, the card, and what the model can know at all.
fn model(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let current = state.snapshot.models.iter().find(|model| Some(&model.id) == state.snapshot.model.as_ref());
    let row = vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
        if command_button(ui, UiCommand::Card, Weight::Toggle(state.show_card), current.is_some()).clicked() {
            actions.push(Action::Ui(UiCommand::Card));
        }
        let shown = current.map_or("no model", |model| model.name.as_str());
        let picker = ComboBox::from_id_salt("model")
            .icon(caret)
            .width(ui.available_width())
            .truncate()
            .selected_text(shown);
        let response = picker.show_ui(ui, |ui| {
            for model in &state.snapshot.models {
                offer(ui, model, current.is_some_and(|current| current.id == model.id), actions);
            }
        });
        named(response.response, "Model").on_hover_text("Choose the model that looks at the picture");
    });
    problems::show(ui, state, Place::Model, actions);
    if let Some(model) = current {
        ui.add(Label::new(RichText::new(knows(model)).weak()).wrap());
    }
}

fn offer(ui: &mut Ui, model: &ModelSummary, selected: bool, actions: &mut Vec<Action>) {
    match &model.problem {
        Some(why) => {
            let label = format!("{}  {} (cannot be used)", icon::WARNING, model.name);
            let button = ui.add_enabled(false, Button::selectable(false, label));
            named(button, &format!("{} cannot be used", model.name)).on_disabled_hover_text(why);
        }
        None => {
            let response = ui.selectable_label(selected, &model.name);
            if response.on_hover_text(&model.architecture).clicked() && !selected {
                actions.push(Action::UseModel(model.id.clone()));
            }
        }
    }
}

/// What the model knows, and how often it was right where it was measured; other sources look different.
fn knows(model: &ModelSummary) -> String {
    let known = words::count(model.countries.len(), "country", "countries");
    match (model.top1, model.chance) {
        (Some(_), Some(chance)) if !model.kinds.is_empty() => {
            let kinds = model.kinds.iter().map(|(kind, top1)| format!("{kind} {}", words::percent(*top1)));
            format!(
                "This model ranks {known}. Over whole rounds of pictures that it never met, its first guess is right: {} \
                 (chance {}).",
                kinds.collect::<Vec<_>>().join(", "),
                words::percent(chance)
            )
        }
        (Some(top1), Some(chance)) => format!(
            "This model knows {known}. Where it was measured, its first guess is right {} of the time, the mean over \
             countries (chance {}); its card says how. Expect less elsewhere.",
            words::percent(top1),
            words::percent(chance)
        ),
        _ => format!(
            "This model knows {known}; how often it is right was not measured (`streetwise evaluate` does)."
        ),
    }
}
