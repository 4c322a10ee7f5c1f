//! The parts of the window: rail, panel, status bar, messages.

use egui::{
    CentralPanel, Frame, Margin, Panel as Side, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle,
    Ui, WidgetInfo, pos2, vec2,
};

use super::commands::UiCommand;
use super::state::{Action, Panel, State};
use super::widgets::toasts::Toasts;
use super::widgets::tour::{self, Step};
use super::widgets::{palette, status};
use super::{panels, theme};

/// Width of the rail, in points at text scale 1.
const RAIL: f32 = 76.0;

/// Draws everything.
pub fn show(ui: &mut Ui, state: &mut State, toasts: &mut Toasts, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui.visuals());
    let frame = |fill| Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 4));
    let bar = Side::bottom("status").frame(frame(palette.panel)).show(ui, |ui| {
        status::show(ui, &state.snapshot, actions);
        if state.show_frames
            && let Some(times) = state.frames.times()
        {
            ui.small(times.to_string());
        }
    });
    rail(ui, state, actions);
    tour::show(ui, state, actions);
    CentralPanel::default().frame(Frame::new().fill(palette.panel)).show(ui, |ui| match state.panel {
        Panel::Assist => panels::assist::show(ui, state, actions),
        Panel::Compare => panels::compare::show(ui, state, actions),
        Panel::Train => panels::train::show(ui, state, actions),
        Panel::Settings => panels::settings::show(ui, state, actions),
    });
    toasts.show(ui, bar.response.rect.height());
    palette::show(ui, state, actions);
    drop_target(ui);
}

fn rail(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui.visuals());
    let scale = TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
    let side = Side::left("rail").resizable(false).exact_size(RAIL * scale);
    side.frame(Frame::new().fill(palette.canvas).inner_margin(Margin::same(4))).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = theme::GAP_SMALL;
        let mut others = Rect::NOTHING;
        for (panel, command) in [
            (Panel::Assist, UiCommand::Assist),
            (Panel::Compare, UiCommand::Compare),
            (Panel::Train, UiCommand::Train),
            (Panel::Settings, UiCommand::Settings),
        ] {
            let response = rail_button(ui, command, panel == state.panel, scale);
            if panel != Panel::Assist {
                others = others.union(response.rect);
            }
            if response.clicked() {
                actions.push(Action::Ui(command));
            }
        }
        tour::point(ui, state, Step::Rest, others);
    });
}

fn rail_button(ui: &mut Ui, command: UiCommand, selected: bool, scale: f32) -> Response {
    let palette = theme::palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0 * scale), Sense::click());
    let painter = ui.painter();
    if selected || response.hovered() {
        painter.rect_filled(rect, theme::RADIUS, if selected { palette.panel } else { palette.hovered });
    }
    if selected {
        let mark = Rect::from_min_size(rect.min + vec2(0.0, 12.0), vec2(3.0, rect.height() - 24.0));
        painter.rect_filled(mark, 1.5, palette.accent);
    }
    if response.has_focus() {
        painter.rect_stroke(rect, theme::RADIUS, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
    }
    let colour = if selected { palette.text } else { palette.weak };
    let icon = egui::FontId::proportional(22.0 * scale);
    let centre = rect.center();
    painter.text(
        pos2(centre.x, centre.y - 9.0 * scale),
        egui::Align2::CENTER_CENTER,
        command.icon(),
        icon,
        colour,
    );
    let font = TextStyle::Small.resolve(ui.style());
    painter.text(
        pos2(centre.x, centre.y + 15.0 * scale),
        egui::Align2::CENTER_CENTER,
        command.text(),
        font,
        colour,
    );
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, command.text()));
    response.on_hover_text(command.hint())
}

/// While files are held over the window: what letting go will do.
fn drop_target(ui: &Ui) {
    let count = ui.input(|input| input.raw.hovered_files.len());
    if count == 0 {
        return;
    }
    let palette = theme::palette(ui.visuals());
    let rect = ui.ctx().content_rect();
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop target"));
    let painter = ui.ctx().layer_painter(layer);
    painter.rect_filled(rect, 0, palette.canvas.gamma_multiply(0.86));
    painter.rect_stroke(
        rect.shrink(8.0),
        theme::RADIUS,
        Stroke::new(2.0, palette.accent),
        StrokeKind::Inside,
    );
    let text =
        if count == 1 { "Drop to look at it".to_owned() } else { format!("Drop to look at all {count}") };
    let font = theme::answer().resolve(ui.style());
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, font, palette.text);
}
