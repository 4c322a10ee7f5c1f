//! The list of all commands: type a part of a name, Enter does the marked one.

use egui::{Align2, Id, Key, Modifiers, RichText, ScrollArea, TextEdit, Ui, Window, vec2};

use super::named;
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};
use crate::ui::theme;

/// Width, in points.
const WIDTH: f32 = 460.0;

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
    let window = Window::new("Commands").id(Id::unique("commands")).collapsible(false).resizable(false);
    window.anchor(Align2::CENTER_TOP, vec2(0.0, 80.0)).fixed_size(vec2(WIDTH, 360.0)).show(ui.ctx(), |ui| {
        let field = TextEdit::singleline(&mut palette.text).hint_text("type a command").desired_width(WIDTH);
        let response = named(ui.add(field), "Name of a command");
        response.request_focus();
        if response.changed() {
            palette.marked = 0;
        }
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (place, command) in fitting.iter().enumerate() {
                ui.horizontal(|ui| {
                    let label = format!("{}  {}", command.icon(), command.text());
                    let response = ui.selectable_label(place == palette.marked, label);
                    if place == palette.marked {
                        response.scroll_to_me(None);
                    }
                    if named(response, &format!("Command {}", command.text())).clicked() {
                        done = Some(*command);
                    }
                    ui.add_space(theme::GAP);
                    let keys = command.shortcut_text().unwrap_or_default();
                    ui.label(RichText::new(format!("{}  {keys}", command.tooltip())).small().weak());
                });
            }
        });
    });
    match done {
        Some(command) => actions.push(Action::Ui(command)),
        None => state.palette = Some(palette),
    }
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
