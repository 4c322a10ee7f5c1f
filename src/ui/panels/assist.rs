//! One picture now: the picture and how to get one on the left, the answer on the right.

use egui::{
    CentralPanel, Frame, Label, Margin, Panel as Side, RichText, ScrollArea, TextStyle, Ui, UiBuilder, Vec2,
    vec2,
};
use egui_phosphor::regular as icon;

use crate::capture::Target;
use crate::engine::{Command, Place};
use crate::ui::commands::UiCommand;
use crate::ui::state::{Action, State};
use crate::ui::theme;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::tour::{self, Step};
use crate::ui::widgets::{Weight, card, command_button, named, picture, recent};

use super::{answer, capture, problems};

/// Width of the answer, in points at text scale 1.
const ANSWER: f32 = 332.0;

const FAIR_PLAY: &str = "Fair play: GeoGuessr's community rules forbid outside help in its own games, single-player \
    leaderboards included. Streetwise is for practice, for looking back after a round, and for games that allow \
    it. It never clicks, types, reads the page or hides.";

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    fair_play(ui, state, actions);
    let scale = TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
    let width = (ANSWER * scale).min(ui.available_width() * 0.5);
    let palette = theme::palette(ui.visuals());
    let margin = Frame::new().inner_margin(Margin::same(16));
    Side::right("answer").resizable(false).exact_size(width).frame(margin.fill(palette.panel)).show(
        ui,
        |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| answer::show(ui, state, actions));
            tour::point(ui, state, Step::Guess, ui.max_rect().expand(theme::GAP));
        },
    );
    CentralPanel::default().frame(margin.fill(palette.panel)).show(ui, |ui| left(ui, state, actions));
    model_card(ui, state);
}

fn fair_play(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if state.settings.fair_play_read {
        return;
    }
    let palette = theme::palette(ui.visuals());
    let frame = Frame::new().fill(palette.raised).inner_margin(Margin::symmetric(16, 8));
    Side::top("fair play").frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            let button = 150.0 * TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
            let text = vec2((ui.available_width() - button).max(200.0), 0.0);
            ui.allocate_ui(text, |ui| message::line(ui, Kind::Info, FAIR_PLAY));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if command_button(ui, UiCommand::Understood, Weight::Primary, true).clicked() {
                    actions.push(Action::Ui(UiCommand::Understood));
                }
            });
        });
    });
}

/// From the bottom up, so that the picture gets all that is left.
fn left(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let none = Frame::new();
    if !state.snapshot.recent.is_empty() {
        let frame = none.inner_margin(Margin { top: 12, ..Margin::ZERO });
        Side::bottom("recent").show_separator_line(false).frame(frame).show(ui, |ui| {
            let (looks, current) = (state.snapshot.recent.clone(), state.current());
            if let Some(id) = recent::show(ui, &mut state.textures, &looks, current) {
                actions.push(Action::Engine(Command::Select(id)));
            }
        });
    }
    let frame = none.inner_margin(Margin { top: 12, ..Margin::ZERO });
    Side::bottom("sources").show_separator_line(false).frame(frame).show(ui, |ui| {
        problems::show(ui, state, Place::Picture, actions);
        capture::show(ui, state, actions);
        tour::point(ui, state, Step::Picture, ui.min_rect().expand(theme::GAP_SMALL));
        problems::show(ui, state, Place::Capture, actions);
    });
    CentralPanel::default().frame(none).show(ui, |ui| centre(ui, state, actions));
}

fn centre(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.region.is_some() {
        region(ui, state, actions);
    } else if let Some(look) = state.snapshot.current.clone() {
        let overlay = super::explain::overlay(state, &look);
        if picture::show(ui, &mut state.textures, &look, state.show_seen, overlay) {
            actions.push(Action::Ui(UiCommand::Seen));
        }
    } else {
        empty(ui, actions);
    }
}

/// What to do when there is no picture yet.
fn empty(ui: &mut Ui, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap();
    picture::ground(ui, area);
    let line = TextStyle::Body.resolve(ui.style()).size;
    // In a small window with large text the words go before the buttons do.
    let roomy = area.height() > line * 16.0;
    let height = if roomy { line * 15.0 } else { (line * 7.0).min(area.height()) };
    let inner =
        egui::Rect::from_center_size(area.center(), vec2(area.width() - 2.0 * theme::SECTION, height));
    ui.scope_builder(UiBuilder::new().max_rect(inner.intersect(area)), |ui| {
        ui.vertical_centered(|ui| {
            if roomy {
                ui.add(Label::new(RichText::new(icon::IMAGE).size(line * 3.0).weak()).selectable(false));
            }
            if area.height() > line * 5.0 {
                ui.add(Label::new(RichText::new("Drop a street picture here").heading()).wrap());
            }
            for (command, what) in [
                (UiCommand::Open, "open pictures"),
                (UiCommand::Paste, "paste one"),
                (UiCommand::PickWindow, "capture a window"),
            ] {
                if roomy {
                    let keys = command.shortcut_text().unwrap_or_default();
                    ui.add(Label::new(RichText::new(format!("{keys}  {what}")).weak()).wrap());
                }
            }
            ui.add_space(theme::GAP);
            if command_button(ui, UiCommand::Sample, Weight::Primary, true).clicked() {
                actions.push(Action::Ui(UiCommand::Sample));
            }
        });
    });
    ui.advance_cursor_after_rect(area);
}

/// The shot of a monitor with the part that is being chosen, and its own controls above.
fn region(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(mut choosing) = state.region.take() else { return };
    let mut take = false;
    let mut keep = true;
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("Drag over the part of {} to look at.", choosing.monitor.name));
        take = named(ui.button("Capture this part"), "Capture this part")
            .on_hover_text("Capture (Enter)")
            .clicked();
        for (index, monitor) in state.snapshot.targets.monitors.iter().enumerate() {
            if state.snapshot.targets.monitors.len() > 1
                && ui.selectable_label(monitor.id == choosing.monitor.id, &monitor.name).clicked()
            {
                actions.push(Action::RegionOn(index));
            }
        }
        keep = !ui.button("Cancel").on_hover_text("Go back (Escape)").clicked();
    });
    ui.add_space(theme::GAP);
    let wanted = Target::Monitor(choosing.monitor.id);
    match &state.snapshot.preview {
        Some((target, shot)) if *target == wanted => {
            let shot = std::sync::Arc::clone(shot);
            take |= choosing.show(ui, &mut state.textures, &shot);
        }
        _ => {
            picture::ground(ui, ui.available_rect_before_wrap());
            ui.centered_and_justified(|ui| ui.weak("Waiting for the monitor…"));
        }
    }
    if take {
        actions.push(Action::Capture(Target::Region(choosing.area())));
    }
    if keep {
        state.region = Some(choosing);
    }
}

/// The card of the model in use, in a window that does not stand in the way.
fn model_card(ui: &Ui, state: &mut State) {
    let model = state.snapshot.models.iter().find(|model| Some(&model.id) == state.snapshot.model.as_ref());
    let (Some(model), true) = (model, state.show_card) else { return };
    let room = ui.available_rect_before_wrap().size();
    let screen = ui.ctx().content_rect().size();
    let size = Vec2::new((screen.x * 0.6).min(760.0), (screen.y * 0.75).max(room.y.min(400.0)));
    let mut open = true;
    egui::Window::new(format!("Card of {}", model.name))
        .id(egui::Id::unique("model card"))
        .open(&mut open)
        .collapsible(false)
        .default_size(size)
        .default_pos(((screen - size) / 2.0).to_pos2())
        .show(ui.ctx(), |ui| {
            ScrollArea::both().auto_shrink(false).show(ui, |ui| card::show(ui, &model.card));
        });
    state.show_card = open;
}
