//! The coach's field: the user's own guess before the ranking is shown.

use egui::{Event, Key, Label, Modifiers, RichText, TextEdit, Ui};

use crate::ui::coach;
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};
use crate::ui::theme;
use crate::ui::widgets::{Weight, command_button, focus_ring, named};

/// As many countries are offered at once.
const OFFERED: usize = 6;

/// Draws the cover: question, field, offers, and the way around it.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.label(RichText::new("Where is this?").heading());
    ui.add(Label::new(RichText::new("Say your guess; then the model shows its own.").weak()).wrap());
    let found = coach::matches(&state.typing.text);
    let taken = field(ui, state, found.len());
    let offered: Vec<_> = found.iter().take(OFFERED).collect();
    if taken && let Some((code, _)) = offered.get(state.typing.marked) {
        actions.push(Action::Guess(code.clone()));
    }
    if !state.typing.text.is_empty() {
        offers(ui, state, &offered, actions);
    }
    ui.add_space(theme::GAP);
    if command_button(ui, UiCommand::Reveal, Weight::Plain, true).clicked() {
        actions.push(Action::Ui(UiCommand::Reveal));
    }
    let keys = UiCommand::Guess.shortcut_text().unwrap_or_default();
    let reveal = UiCommand::Reveal.shortcut_text().unwrap_or_default();
    let hint = format!("{keys} to type, Enter to take a country, Space or {reveal} to reveal.");
    ui.add(Label::new(RichText::new(hint).weak().small()).wrap());
}

/// The text field with its keys; true when Enter takes the marked country.
fn field(ui: &mut Ui, state: &mut State, found: usize) -> bool {
    let typing = &mut state.typing;
    let id = ui.make_persistent_id("guess");
    let focused = ui.memory(|memory| memory.has_focus(id));
    let mut taken = false;
    if focused {
        let last = found.min(OFFERED).saturating_sub(1);
        ui.input_mut(|input| {
            if input.consume_key(Modifiers::NONE, Key::ArrowDown) {
                typing.marked = (typing.marked + 1).min(last);
            }
            if input.consume_key(Modifiers::NONE, Key::ArrowUp) {
                typing.marked = typing.marked.saturating_sub(1);
            }
            taken = !typing.text.trim().is_empty() && input.consume_key(Modifiers::NONE, Key::Enter);
            if typing.wants_focus {
                // The key that brought the focus here is not the first letter.
                input.events.retain(|event| !matches!(event, Event::Text(text) if text == "g"));
            }
        });
    }
    let edit = TextEdit::singleline(&mut typing.text)
        .id(id)
        .hint_text("Your guess")
        .desired_width(f32::INFINITY)
        .margin(egui::Margin::symmetric(12, 8));
    let response = named(ui.add(edit), "Your guess");
    focus_ring(ui, &response);
    if response.changed() {
        typing.marked = 0;
    }
    if std::mem::take(&mut typing.wants_focus) {
        response.request_focus();
    }
    taken
}

fn offers(ui: &mut Ui, state: &State, offered: &[&(String, String)], actions: &mut Vec<Action>) {
    if offered.is_empty() {
        ui.add(
            Label::new(
                RichText::new("There is no country of that name in English; try its two-letter code.").weak(),
            )
            .wrap(),
        );
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = theme::GAP_SMALL;
        for (index, (code, name)) in offered.iter().enumerate() {
            if ui.selectable_label(index == state.typing.marked, name).clicked() {
                actions.push(Action::Guess(code.clone()));
            }
        }
    });
}
