//! The parts that panels are made of.

pub mod card;
pub mod confusion;
pub mod export;
pub mod figure;
pub mod message;
pub mod palette;
pub mod picture;
pub mod plot;
pub mod ranking;
pub mod recent;
pub mod region;
pub mod status;
pub mod tile;
pub mod toasts;
pub mod tour;

use egui::style::WidgetVisuals;
use egui::{
    Align2, Button, Label, Rect, Response, RichText, Stroke, StrokeKind, TextEdit, TextStyle, Ui, vec2,
};

use egui_phosphor::regular as icon;

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
    let label = format!("{}  {}", command.icon(), command.text());
    labelled_button(ui, command, &label, weight, enabled)
}

/// The button of a command that shows `label`; its name for a screen reader is the command's.
pub fn labelled_button(
    ui: &mut Ui,
    command: UiCommand,
    label: &str,
    weight: Weight,
    enabled: bool,
) -> Response {
    let palette = theme::palette(ui.visuals());
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

/// A thin ring around a text field that has the focus.
pub fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, theme::palette(ui.visuals()).accent);
        ui.painter().rect_stroke(response.rect, theme::RADIUS, stroke, StrokeKind::Inside);
    }
}

/// The arrow of a drop-down list, from the icon font as everywhere else.
pub fn caret(ui: &Ui, rect: Rect, visuals: &WidgetVisuals, _open: bool) {
    let font = TextStyle::Body.resolve(ui.style());
    let colour = visuals.fg_stroke.color;
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, egui_phosphor::regular::CARET_DOWN, font, colour);
}

/// Gives a control the name that a screen reader says instead of the icon's code point.
pub fn named(response: Response, name: &str) -> Response {
    response.accessible_name(name)
}

/// A field for one line of text, as high as a button, with words for when it is empty.
pub fn text_field<'a>(ui: &Ui, text: &'a mut String, hint: &str, width: f32) -> TextEdit<'a> {
    TextEdit::singleline(text)
        .hint_text(hint)
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(0.0, ui.spacing().interact_size.y))
        .desired_width(width)
}

/// A sign that something goes on. It stands still: one that turns would have the window drawn sixty times a second, which
/// without a GPU takes the processor from the very work that it stands for.
pub fn at_work(ui: &mut Ui) {
    let colour = theme::palette(ui.visuals()).accent;
    ui.add(Label::new(RichText::new(icon::HOURGLASS).color(colour)).selectable(false));
}
