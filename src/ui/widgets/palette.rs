//! The list of all commands: type a part of a name, Enter does the marked one.

use egui::{
    Align, Align2, Id, Key, Label, Layout, Modifiers, RichText, ScrollArea, TextStyle, Ui, Window, vec2,
};

use super::{focus_ring, named, text_field};
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};

/// Width, in text sizes.
const WIDTH: f32 = 42.0;
/// Most height of the list, in text sizes.
const HEIGHT: f32 = 26.0;
/// Width of the column of names, in text sizes.
const NAMES: f32 = 13.0;

/// The list while it is open.
#[derive(Debug, Default)]
pub struct Palette {
    /// What was typed.
    text: String,
    /// The marked command, by its place among those that fit.
    marked: usize,
}

impl Palette {
    /// The commands whose name or description has every word that was typed.
    fn fitting(&self) -> Vec<UiCommand> {
        let typed = self.text.to_lowercase();
        let fits = |command: &UiCommand| {
            let about = format!("{} {}", command.text(), command.tooltip()).to_lowercase();
            *command != UiCommand::Palette && typed.split_whitespace().all(|word| about.contains(word))
        };
        UiCommand::ALL.into_iter().filter(fits).collect()
    }
}

/// Draws the list, where it is open.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(mut palette) = state.palette.take() else { return };
    let fitting = palette.fitting();
    let mut done: Option<UiCommand> = None;
    ui.input_mut(|input| {
        let last = fitting.len().saturating_sub(1);
        if input.consume_key(Modifiers::NONE, Key::ArrowDown) {
            palette.marked = (palette.marked + 1).min(last);
        }
        if input.consume_key(Modifiers::NONE, Key::ArrowUp) {
            palette.marked = palette.marked.saturating_sub(1);
        }
        palette.marked = palette.marked.min(last);
        if input.consume_key(Modifiers::NONE, Key::Enter) {
            done = fitting.get(palette.marked).copied();
        }
    });
    let window = Window::new("Commands").id(Id::unique("commands")).title_bar(false).resizable(false);
    window.anchor(Align2::CENTER_TOP, vec2(0.0, 80.0)).show(ui.ctx(), |ui| {
        let size = TextStyle::Body.resolve(ui.style()).size;
        ui.set_width((WIDTH * size).min(ui.ctx().content_rect().width() - 2.0 * size));
        let width = ui.available_width();
        let field = text_field(ui, &mut palette.text, "type a command", width);
        let response = named(ui.add(field), "Name of a command");
        response.request_focus();
        focus_ring(ui, &response);
        if response.changed() {
            palette.marked = 0;
        }
        ScrollArea::vertical().max_height(HEIGHT * size).auto_shrink([false, true]).show(ui, |ui| {
            for (place, command) in fitting.iter().enumerate() {
                if row(ui, *command, place == palette.marked) {
                    done = Some(*command);
                }
            }
            if fitting.is_empty() {
                ui.label(RichText::new("No command has these words.").weak());
            }
        });
    });
    match done {
        Some(command) => actions.push(Action::Ui(command)),
        None => state.palette = Some(palette),
    }
}

/// A line of the list: what it is called, what it does, and its key; whether it was pressed.
fn row(ui: &mut Ui, command: UiCommand, marked: bool) -> bool {
    let size = TextStyle::Body.resolve(ui.style()).size;
    let name = vec2(NAMES * size, ui.spacing().interact_size.y);
    let pressed = ui.horizontal(|ui| {
        let pressed = ui.allocate_ui_with_layout(name, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(name.x);
            let response = ui.selectable_label(marked, format!("{}  {}", command.icon(), command.text()));
            if marked {
                response.scroll_to_me(None);
            }
            named(response, &format!("Command {}", command.text())).clicked()
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(command.shortcut_text().unwrap_or_default()).small().weak());
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(command.tooltip()).small().weak()).truncate());
            });
        });
        pressed.inner
    });
    pressed.inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_find_commands_by_name_and_description() {
        let found = |text: &str| Palette { text: text.into(), marked: 0 }.fitting();
        assert_eq!(found("side speed"), [UiCommand::Compare]);
        assert_eq!(found("bug report"), [UiCommand::Diagnostics]);
        assert!(found("").len() > 20 && found("no such command").is_empty());
    }
}
