//! The status bar: engine and device that really ran, where the time went, ready or busy.

use std::time::Duration;

use egui::{Align, Button, Label, Layout, RichText, TextStyle, Ui, vec2};
use egui_phosphor::regular as icon;

use super::message::Kind;
use super::named;
use crate::engine::{Busy, Look, Place, Snapshot};
use crate::ui::commands::UiCommand;
use crate::ui::state::Action;
use crate::ui::{theme, words};

/// Work that is over sooner is not mentioned.
pub const QUIET: Duration = Duration::from_millis(300);
/// Work that takes longer is told with its time.
const LONG: Duration = Duration::from_secs(2);

/// Whether work has gone on for long enough to be mentioned; asks for a repaint when that will be so.
pub fn mentions(ui: &Ui, snapshot: &Snapshot) -> bool {
    let Some(busy) = &snapshot.busy else { return false };
    let elapsed = busy.since.elapsed();
    if elapsed < QUIET {
        ui.ctx().request_repaint_after(QUIET.saturating_sub(elapsed));
        return false;
    }
    true
}

/// Draws the bar.
pub fn show(ui: &mut Ui, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    row(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            state(ui, snapshot, actions);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(facts(snapshot)).weak()).truncate());
            });
        });
    });
    badge(ui, snapshot);
}

/// A line of small text. Its height is fixed: one that takes what there is would make the bar grow.
fn row(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let height = TextStyle::Small.resolve(ui.style()).size + theme::PAD;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), height),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.style_mut().override_text_style = Some(TextStyle::Small);
            add(ui);
        },
    );
}

/// Why something better is not used, and what failed in the engine.
fn badge(ui: &mut Ui, snapshot: &Snapshot) {
    let note = snapshot.engine.note.iter().map(|note| (Kind::Warning, note.as_str()));
    let failed = snapshot.problems.iter().filter(|problem| problem.place == Place::Engine);
    let failed = failed.map(|problem| (Kind::Error, problem.text.as_str()));
    for (kind, text) in note.chain(failed) {
        let colour = kind.colour(theme::palette(ui.visuals()));
        row(ui, |ui| {
            ui.add(Label::new(RichText::new(kind.icon()).color(colour)).selectable(false));
            ui.add(Label::new(text).truncate());
        });
    }
}

fn state(ui: &mut Ui, snapshot: &Snapshot, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui.visuals());
    let mentioned = mentions(ui, snapshot);
    match &snapshot.busy {
        Some(busy) if mentioned => {
            let long = busy.since.elapsed() >= LONG;
            if long && busy.of != 1 && stop_button(ui) {
                actions.push(Action::Ui(UiCommand::Stop));
            }
            ui.label(in_words(busy, long));
            ui.label(RichText::new(icon::HOURGLASS).color(palette.accent));
            ui.ctx().request_repaint_after(Duration::from_secs(1));
        }
        _ if snapshot.ready => {
            let watching = snapshot.watching.is_some();
            ui.label(if watching { "watching" } else { "ready" });
            ui.label(
                RichText::new(if watching { icon::EYE } else { icon::CHECK_CIRCLE }).color(palette.success),
            );
        }
        Some(_) => {
            ui.label("starting");
        }
        None => {
            ui.label("no model");
            ui.label(RichText::new(icon::WARNING).color(palette.warning));
        }
    }
}

/// A button no higher than the line, so that the bar does not grow when it comes.
fn stop_button(ui: &mut Ui) -> bool {
    let label = format!("{} {}", UiCommand::Stop.icon(), UiCommand::Stop.text());
    let button = Button::new(label).small().min_size(vec2(0.0, ui.available_height()));
    named(ui.add(button), UiCommand::Stop.text()).on_hover_text(UiCommand::Stop.hint()).clicked()
}

/// "reading a.jpg, 3 of 40, 12 s left"; how long it took already where the rest is not known.
fn in_words(busy: &Busy, long: bool) -> String {
    let part = match busy.of {
        0 => format!(", {} so far", words::count(busy.done, "picture", "pictures")),
        1 => String::new(),
        of => format!(", {} of {of}", busy.done + 1),
    };
    let time = match busy.left().filter(|_| long) {
        Some(left) => format!(", {} left", words::seconds(left)),
        None if long => format!(", {}", words::seconds(busy.since.elapsed())),
        None => String::new(),
    };
    format!("{}{part}{time}", busy.what)
}

/// "ONNX Runtime 1.32.0 · CPU, 2 threads · decode 4 · prepare 1 · infer 71 ms".
fn facts(snapshot: &Snapshot) -> String {
    let engine = &snapshot.engine;
    if engine.name.is_empty() {
        return String::new();
    }
    let mut text =
        format!("{} · {}, {}", engine.name, engine.device, words::count(engine.threads, "thread", "threads"));
    if let Some(look) = snapshot.current.as_deref().filter(|look| look.outcome.is_ok()) {
        text.push_str(&split(look));
    }
    text
}

fn split(look: &Look) -> String {
    let times = &look.timings;
    let [decode, prepare, infer] = [times.decode, times.preprocess, times.inference].map(words::milliseconds);
    format!(" · decode\u{a0}{decode} · prepare\u{a0}{prepare} · infer\u{a0}{infer}\u{a0}ms")
}
