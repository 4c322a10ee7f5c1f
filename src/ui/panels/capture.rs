//! How a picture gets in: open, paste, capture.

use std::sync::Arc;

use egui::{
    Align, Button, Label, Layout, Popup, PopupCloseBehavior, Rect, Response, RichText, Role, ScrollArea,
    Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};
use image::RgbImage;

use crate::capture::{Target, Window};
use crate::engine::Command;
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, List, State};
use crate::ui::textures::Size;
use crate::ui::theme;
use crate::ui::widgets::{Weight, labelled_button, named, picture};

/// Size of a window's small picture in the list, in points.
const SMALL: egui::Vec2 = vec2(112.0, 64.0);
/// Width of a list, in points at text scale 1.
const WIDTH: f32 = 380.0;
/// Height of a list, in points.
const HEIGHT: f32 = 420.0;

/// Width that the row of controls needs with words, in text sizes.
const WORDS: f32 = 53.0;

/// Draws the row of controls.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.add(Label::new(RichText::new(hint()).weak().small()).truncate().selectable(false));
    let words = ui.available_width() > WORDS * TextStyle::Body.resolve(ui.style()).size;
    let known = state.last_target.is_some();
    let watching = state.snapshot.watching.is_some();
    ui.horizontal_wrapped(|ui| {
        if !words {
            ui.spacing_mut().item_spacing.x = theme::GAP_SMALL;
        }
        let plain = [(UiCommand::Open, Weight::Plain, true), (UiCommand::Paste, Weight::Plain, true)];
        buttons(ui, &plain, words, actions);
        ui.separator();
        windows(ui, state, words, actions);
        monitors(ui, state, words, actions);
        let rest = [
            (UiCommand::PickRegion, Weight::Toggle(state.region.is_some()), true),
            (UiCommand::Retake, Weight::Plain, known),
            (UiCommand::Watch, Weight::Toggle(watching), known || watching),
        ];
        buttons(ui, &rest, words, actions);
    });
}

fn buttons(ui: &mut Ui, row: &[(UiCommand, Weight, bool)], words: bool, actions: &mut Vec<Action>) {
    for (command, weight, enabled) in row {
        if labelled_button(ui, *command, &label(*command, words), *weight, *enabled).clicked() {
            actions.push(Action::Ui(*command));
        }
    }
}

/// Icon and words, or the icon alone where there is little room.
fn label(command: UiCommand, words: bool) -> String {
    if words { format!("{}  {}", command.icon(), command.text()) } else { command.icon().to_owned() }
}

/// "Drop pictures anywhere · Ctrl+O open · Ctrl+V paste · F5 retake".
fn hint() -> String {
    let known = [UiCommand::Open, UiCommand::Paste, UiCommand::Retake].map(|command| {
        format!("{} {}", command.shortcut_text().unwrap_or_default(), command.text().to_lowercase())
    });
    format!("Drop pictures anywhere · {}", known.join(" · "))
}

/// A button with a list below it. Opening it, by click or by key, asks for what there is now.
fn list_button(
    ui: &mut Ui,
    state: &mut State,
    list: List,
    words: bool,
    actions: &mut Vec<Action>,
) -> Response {
    let command = if list == List::Windows { UiCommand::PickWindow } else { UiCommand::PickMonitor };
    let caret = if words { "  ".to_owned() + egui_phosphor::regular::CARET_DOWN } else { String::new() };
    let label = label(command, words) + &caret;
    let response = named(ui.add(Button::new(label)), command.text()).on_hover_text(command.hint());
    if response.clicked() {
        actions.push(Action::Engine(Command::ListTargets));
    }
    if state.open_list == Some(list) {
        state.open_list = None;
        state.focus_list = Some(list);
        Popup::open_id(ui.ctx(), Popup::default_response_id(&response));
    }
    response
}

fn windows(ui: &mut Ui, state: &mut State, words: bool, actions: &mut Vec<Action>) {
    let button = list_button(ui, state, List::Windows, words, actions);
    popup(&button).show(|ui| {
        widen(ui);
        let snapshot = Arc::clone(&state.snapshot);
        if snapshot.targets.windows.is_empty() {
            let source = &snapshot.targets.source;
            let why =
                if source.is_empty() { "Looking for windows…".to_owned() } else { none_listed(source) };
            ui.label(RichText::new(why).weak());
            return;
        }
        ScrollArea::vertical().max_height(HEIGHT).min_scrolled_height(HEIGHT).show(ui, |ui| {
            for (window, small) in &snapshot.targets.windows {
                if window_row(ui, state, window, small.as_ref()) {
                    actions.push(Action::Capture(Target::Window(window.id)));
                    ui.close();
                }
            }
        });
    });
}

fn none_listed(source: &str) -> String {
    format!("{source} lists no windows here; capture a monitor instead.")
}

fn window_row(ui: &mut Ui, state: &mut State, window: &Window, small: Option<&Arc<RgbImage>>) -> bool {
    let palette = theme::palette(ui.visuals());
    let sense = if window.minimised { Sense::hover() } else { Sense::click() };
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, SMALL.y + theme::GAP), sense);
    if response.hovered() && !window.minimised {
        ui.painter().rect_filled(rect, theme::RADIUS, palette.hovered);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, theme::RADIUS, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
    }
    let cell = Rect::from_min_size(rect.min + vec2(theme::GAP_SMALL, theme::GAP_SMALL), SMALL);
    ui.painter().rect_filled(cell, 2.0, palette.canvas);
    if let Some(small) = small {
        let shown = picture::fit(picture::size_of(small), cell);
        picture::paint(ui, &mut state.textures, small, Size::Full, shown);
    }
    let title = if window.title.is_empty() { "(no title)" } else { window.title.as_str() };
    let about = if window.minimised {
        format!("{} · minimised: bring it back first", window.app)
    } else {
        window.app.clone()
    };
    let text =
        Rect::from_min_max(pos2(cell.right() + theme::PAD, cell.top()), rect.max - vec2(theme::GAP, 0.0));
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(text).layout(Layout::top_down(Align::Min)));
    inner.add(Label::new(title).truncate().selectable(false));
    inner.add(Label::new(RichText::new(about).weak().small()).truncate().selectable(false));
    let name = format!("Capture the window {title}, {}", window.app);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, !window.minimised, &name));
    first_focus(state, List::Windows, &response);
    response.clicked()
}

fn monitors(ui: &mut Ui, state: &mut State, words: bool, actions: &mut Vec<Action>) {
    let button = list_button(ui, state, List::Monitors, words, actions);
    popup(&button).show(|ui| {
        widen(ui);
        if state.snapshot.targets.monitors.is_empty() {
            ui.label(RichText::new("Looking for monitors…").weak());
        }
        for monitor in &Arc::clone(&state.snapshot).targets.monitors {
            let area = &monitor.area;
            let size =
                if area.is_empty() { String::new() } else { format!("  {} × {}", area.width, area.height) };
            let main = if monitor.primary { "  main" } else { "" };
            let label = format!("{}{size}{main}", monitor.name);
            let button =
                Button::new(&label).frame_when_inactive(false).min_size(vec2(ui.available_width(), 0.0));
            let response = ui.add(button);
            first_focus(state, List::Monitors, &response);
            if response.clicked() {
                actions.push(Action::Capture(Target::Monitor(monitor.id)));
                ui.close();
            }
        }
    });
}

/// Gives a list its width.
fn widen(ui: &mut Ui) {
    ui.set_width(WIDTH * TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1]);
}

/// The first entry of a list that was opened by key takes the focus; the arrow keys go on from there.
fn first_focus(state: &mut State, list: List, response: &Response) {
    if state.focus_list == Some(list) {
        state.focus_list = None;
        response.request_focus();
    }
}

fn popup(button: &Response) -> Popup<'_> {
    Popup::menu(button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .gap(theme::GAP_SMALL)
        .layout(Layout::top_down(Align::Min))
        .accessible_name("What can be captured")
}
