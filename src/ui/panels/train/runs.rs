//! The list of runs.

use egui::{
    Align2, ComboBox, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2,
    vec2,
};
use egui_phosphor::regular as icon;

use super::{Sorting, View};
use crate::training::process::STOPS_WITHIN;
use crate::training::runs::State as Doing;
use crate::training::studio::{Board, RunLine};
use crate::ui::state::{Action, State};
use crate::ui::widgets::{caret, named};
use crate::ui::{theme, words};

/// Draws the list with what can be made.
pub fn show(ui: &mut Ui, state: &mut State, _actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        let view = state.train.view;
        if ui.selectable_label(view == View::New, format!("{}  New run", icon::PLUS)).clicked() {
            state.train.view = View::New;
        }
        let tables = format!("{}  Tables", icon::TABLE);
        if ui.selectable_label(view == View::Tables, tables).clicked() {
            state.train.view = View::Tables;
        }
    });
    if state.board.runs.is_empty() {
        ui.add_space(theme::GAP);
        ui.weak("No runs yet. A first one takes minutes: choose pictures, keep the rest, press Start.");
        return;
    }
    sorting(ui, &mut state.train.sorted);
    let board = std::sync::Arc::clone(&state.board);
    let mut lines: Vec<&RunLine> = board.runs.iter().collect();
    match state.train.sorted {
        Sorting::Newest => {}
        Sorting::Best => {
            lines.sort_by(|a, b| b.best_f1.unwrap_or(-1.0).total_cmp(&a.best_f1.unwrap_or(-1.0)));
        }
        Sorting::Preset => lines.sort_by(|a, b| a.preset.cmp(&b.preset)),
    }
    let text = TextStyle::Body.resolve(ui.style()).size;
    let height = text * 3.4;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, height, lines.len(), |ui, range| {
        for line in &lines[range] {
            row(ui, state, line, height);
        }
    });
}

fn sorting(ui: &mut Ui, sorted: &mut Sorting) {
    let name = |order| match order {
        Sorting::Newest => "Newest first",
        Sorting::Best => "Best F1 first",
        Sorting::Preset => "By architecture",
    };
    ui.horizontal(|ui| {
        let label = ui.label("Sort").id;
        let combo = ComboBox::from_id_salt("sort runs").selected_text(name(*sorted)).icon(caret);
        let response = combo.show_ui(ui, |ui| {
            for order in [Sorting::Newest, Sorting::Best, Sorting::Preset] {
                ui.selectable_value(sorted, order, name(order));
            }
        });
        response.response.labelled_by(label);
    });
}

/// One run: its box for the curves, its name, what it does and how good it is.
fn row(ui: &mut Ui, state: &mut State, line: &RunLine, height: f32) {
    let chosen = state.train.view == View::Run && state.train.chosen.as_deref() == Some(&line.id);
    let over = state.train.overlaid.contains(&line.id);
    ui.horizontal(|ui| {
        ui.set_height(height);
        let mut on = over || chosen;
        let colour =
            if on { state.colours.of(&line.id, ui.visuals()) } else { ui.visuals().weak_text_color() };
        ui.scope(|ui| {
            ui.visuals_mut().widgets.inactive.bg_stroke.color = colour;
            let response = ui.add_enabled(!chosen, egui::Checkbox::without_text(&mut on));
            let response = named(response, &format!("Show the curves of {}", line.id))
                .on_hover_text("Lay its curves over those of the run shown");
            if response.changed() {
                if on {
                    state.train.overlaid.insert(line.id.clone());
                } else {
                    state.train.overlaid.remove(&line.id);
                }
            }
        });
        if entry(ui, &state.board, line, chosen, height, colour) {
            state.train.open(&line.id);
        }
    });
}

fn entry(
    ui: &mut Ui,
    board: &Board,
    line: &RunLine,
    chosen: bool,
    height: f32,
    colour: egui::Color32,
) -> bool {
    let palette = theme::palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let painter = ui.painter().with_clip_rect(rect);
    if chosen || response.hovered() {
        painter.rect_filled(rect, theme::RADIUS, if chosen { palette.raised } else { palette.hovered });
    }
    if response.has_focus() {
        painter.rect_stroke(rect, theme::RADIUS, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
    }
    let (body, small) = (TextStyle::Body.resolve(ui.style()), TextStyle::Small.resolve(ui.style()));
    let left = rect.left() + theme::GAP;
    let first = pos2(left, rect.top() + height * 0.3);
    painter.text(first, Align2::LEFT_CENTER, &line.id, body.clone(), palette.text);
    let (state_icon, state_words) = doing(board, line);
    let second = pos2(left, rect.top() + height * 0.68);
    painter.text(second, Align2::LEFT_CENTER, format!("{state_icon} {state_words}"), small, palette.weak);
    let figure = line.best_f1.map_or_else(String::new, words::share);
    painter.text(pos2(rect.right() - theme::GAP, first.y), Align2::RIGHT_CENTER, figure, body, palette.text);
    if line.state == Doing::Running && line.epochs > 0 {
        #[expect(clippy::cast_precision_loss)]
        let share = line.epoch as f32 / line.epochs as f32;
        let track = Rect::from_min_size(pos2(left, rect.bottom() - 5.0), vec2(rect.width() - 16.0, 3.0));
        painter.rect_filled(track, 1.5, palette.line);
        painter.rect_filled(Rect::from_min_size(track.min, vec2(track.width() * share, 3.0)), 1.5, colour);
    }
    let f1 = line.best_f1.map_or("no figure yet".to_owned(), |f1| format!("macro-F1 {}", words::share(f1)));
    let label = format!("Run {}, {state_words}, {f1}", line.id);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &label));
    let tip = line.problem.clone().unwrap_or_else(|| format!("{}, {f1}", line.name));
    response.on_hover_text(tip).clicked()
}

/// What a run does, as icon and words.
pub fn doing(board: &Board, line: &RunLine) -> (&'static str, String) {
    let part = |words: &str| format!("{words}, {} of {} epochs", line.epoch, line.epochs);
    let queued = board.queue.iter().position(|id| *id == line.id);
    if let Some(place) = queued {
        return (icon::QUEUE, format!("{} in the queue", words::ordinal(place + 1)));
    }
    if let Some(active) = board.active.as_ref().filter(|active| active.id == line.id) {
        return match (active.waiting, active.stopping, active.paused) {
            (true, ..) => (icon::QUEUE, "waiting for a run of another program".to_owned()),
            (_, true, _) => {
                let within = format!("stopping, within {}\u{a0}s", STOPS_WITHIN.as_secs());
                (icon::HOURGLASS, part(&within))
            }
            (_, _, true) => (icon::PAUSE, part("paused")),
            _ => (icon::PLAY, part("running")),
        };
    }
    match line.state {
        Doing::Queued => (icon::CIRCLE_DASHED, "not started".to_owned()),
        Doing::Running => (icon::PLAY, part("running")),
        Doing::Stopped if line.cut_off => (icon::PAUSE, part("cut off")),
        Doing::Stopped => (icon::STOP, part("stopped")),
        Doing::Done if line.registered => (icon::CHECK_CIRCLE, "done, model added".to_owned()),
        Doing::Done => (icon::CHECK, "done".to_owned()),
        Doing::Failed => (icon::WARNING_CIRCLE, "failed".to_owned()),
        Doing::Interrupted => (icon::WARNING, part("interrupted")),
    }
}
