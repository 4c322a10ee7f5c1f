//! The settings: look, coach, engine.

use egui::{Button, ComboBox, Frame, Margin, RichText, ScrollArea, Slider, TextStyle, Ui};

use super::folders;
use super::rows::{LABELS, explain, row, section};
use crate::base::Device;
use crate::store::Theme;
use crate::ui::state::{Action, Choice, State};
use crate::ui::theme;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::{caret, focus_ring, text_field};

/// Width of the panel's text, in points at text scale 1.
const WIDTH: f32 = 640.0;
/// Most threads that can be asked for.
const MOST_THREADS: usize = 64;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let before = state.settings.clone();
    Frame::new().inner_margin(Margin::same(24)).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(WIDTH * TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1]);
            ui.spacing_mut().item_spacing.y = theme::PAD;
            ui.label(RichText::new("Settings").heading());
            look(ui, state);
            coach(ui, state);
            engine(ui, state, actions);
            folders::show(ui, state, actions);
            about(ui, state);
        });
    });
    if state.settings != before {
        actions.push(Action::Changed);
    }
}

fn look(ui: &mut Ui, state: &mut State) {
    section(ui, "Look");
    row(ui, "Theme", |ui, _| {
        for (theme, name) in
            [(Theme::System, "As the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")]
        {
            ui.radio_value(&mut state.settings.theme, theme, name);
        }
    });
    row(ui, "Text size", |ui, _| {
        let mut per_cent = f64::from(state.settings.text_scale * 100.0).round();
        let range =
            f64::from(*theme::TEXT_SCALE.start()) * 100.0..=f64::from(*theme::TEXT_SCALE.end()) * 100.0;
        let slider = Slider::new(&mut per_cent, range.start().round()..=range.end().round())
            .step_by(10.0)
            .suffix("\u{a0}%")
            .fixed_decimals(0)
            .update_while_editing(false);
        let response = ui.name_inputs("Text size", |ui| ui.add(slider));
        // While it is dragged the slider would run away from under the pointer.
        if response.changed() || response.drag_stopped() {
            #[expect(clippy::cast_possible_truncation)]
            let scale = (per_cent / 100.0) as f32;
            state.settings.text_scale = scale;
        }
        response.on_hover_text("Also Ctrl and plus, minus or zero");
    });
}

fn coach(ui: &mut Ui, state: &mut State) {
    section(ui, "Coach");
    row(ui, "Ranking", |ui, _| {
        ui.checkbox(&mut state.settings.coach, "Let me guess first");
    });
    explain(
        ui,
        "The ranking of a new picture stays covered until you have said your own guess, or ask for it.",
    );
}

fn engine(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    section(ui, "Engine");
    let settings = &mut state.settings;
    row(ui, "Device", |ui, label| {
        let name = |device| match device {
            Device::Auto => "Automatic",
            Device::Cpu => "CPU",
            Device::Cuda => "CUDA (NVIDIA)",
        };
        let combo = ComboBox::from_id_salt("device")
            .icon(caret)
            .selected_text(name(settings.device))
            .show_ui(ui, |ui| {
                for device in [Device::Auto, Device::Cpu, Device::Cuda] {
                    ui.selectable_value(&mut settings.device, device, name(device));
                }
            });
        combo.response.labelled_by(label);
    });
    threads(ui, &mut settings.threads);
    library(ui, state, actions);
    let (now, then) = (&state.settings, &state.started);
    if (now.device, now.threads, &now.runtime) != (then.device, then.threads, &then.runtime) {
        message::line(ui, Kind::Warning, "Start Streetwise again to use the new engine settings.");
    } else {
        explain(ui, "Changes of the engine take effect when Streetwise is started again.");
    }
}

fn threads(ui: &mut Ui, threads: &mut Option<usize>) {
    row(ui, "Threads", |ui, _| {
        let mut automatic = threads.is_none();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if ui.checkbox(&mut automatic, format!("As many as cores ({cores})")).changed() {
            *threads = if automatic { None } else { Some(cores) };
        }
        if let Some(number) = threads {
            let slider = Slider::new(number, 1..=MOST_THREADS.min(cores.max(2)));
            ui.name_inputs("Threads of one inference", |ui| ui.add(slider));
        }
    });
}

fn library(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    row(ui, "ONNX Runtime", |ui, label| {
        let size = TextStyle::Body.resolve(ui.style()).size;
        let mut text =
            state.settings.runtime.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let width = (ui.available_width() - (LABELS + 20.0) * size).max(8.0 * size);
        let edit = text_field(ui, &mut text, "found by itself", width);
        let response = ui.add(edit).labelled_by(label);
        focus_ring(ui, &response);
        if response.changed() {
            let text = text.trim();
            state.settings.runtime = (!text.is_empty()).then(|| text.into());
        }
        if ui.button("Choose…").on_hover_text("Choose the library in a dialog").clicked() {
            actions.push(Action::Choose(Choice::Library));
        }
        let set = state.settings.runtime.is_some();
        if ui.add_enabled(set, Button::new("Clear")).on_hover_text("Find the library by itself").clicked() {
            state.settings.runtime = None;
        }
    });
    explain(
        ui,
        "Without one, Streetwise takes a library it finds or the engine built into it. \
                 “streetwise doctor” lists every place it looked at.",
    );
}

fn about(ui: &mut Ui, state: &State) {
    section(ui, "About");
    explain(
        ui,
        concat!(
            "Streetwise ",
            env!("CARGO_PKG_VERSION"),
            ", MIT or Apache-2.0. Flags by Twemoji, CC-BY 4.0."
        ),
    );
    if let Some(path) = &state.settings_path {
        explain(ui, &format!("These settings are kept in {}.", path.display()));
    }
    let source = &state.snapshot.targets.source;
    if !source.is_empty() {
        explain(ui, &format!("Captures come through {source}."));
    }
}
