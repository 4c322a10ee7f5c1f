//! The parts that panels are made of.

pub mod card;
pub mod message;
pub mod picture;
pub mod ranking;
pub mod recent;
pub mod region;
pub mod status;
pub mod toasts;

use egui::{Button, Response, RichText, Ui};

use super::commands::UiCommand;
use super::theme;

/// How a button stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As one of many.
    Plain,
    /// The one thing to do here.
    Primary,
    /// On or off.
    Toggle(bool),
}

/// The button of a command: icon, words, tooltip with the shortcut.
pub fn command_button(ui: &mut Ui, command: UiCommand, weight: Weight, enabled: bool) -> Response {
    let palette = theme::palette(ui.visuals());
    let label = format!("{}  {}", command.icon(), command.text());
    let mut button = match weight {
        Weight::Primary => Button::new(RichText::new(label).color(palette.on_accent)).fill(palette.accent),
        Weight::Plain => Button::new(label),
        Weight::Toggle(on) => Button::new(label).selected(on),
    };
    if weight == Weight::Plain {
        button = button.wrap_mode(egui::TextWrapMode::Extend);
    }
    let response = ui.add_enabled(enabled, button);
    named(response, command.text()).on_hover_text(command.hint()).on_disabled_hover_text(command.hint())
}

/// The button of a command that shows only its icon.
pub fn icon_button(ui: &mut Ui, command: UiCommand, icon: &str, name: &str) -> Response {
    let response = ui.add(Button::new(icon).frame_when_inactive(false));
    named(response, name).on_hover_text(command.hint())
}

/// Gives a control the name that a screen reader says instead of the icon's code point.
pub fn named(response: Response, name: &str) -> Response {
    response.accessible_name(name)
}
