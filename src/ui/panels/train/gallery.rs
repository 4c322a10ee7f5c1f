//! The architectures, each with its size and what training it costs on this machine.

use std::time::Duration;

use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::filled_in::Extent;
use crate::training::catalogue::{self, Preset};
use crate::ui::state::State;
use crate::ui::{theme, words};

/// Size of a card, in text sizes.
const CARD: [f32; 2] = [13.0, 5.0];

/// Draws the cards and a sentence on the chosen one.
pub fn show(ui: &mut Ui, state: &mut State) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = TextStyle::Body.resolve(ui.style()).size;
    ui.horizontal_wrapped(|ui| {
        for preset in &catalogue::PRESETS {
            let chosen = state.train.form.recipe.preset == preset.id;
            if card(ui, preset, chosen, text) {
                preset.id.clone_into(&mut state.train.form.recipe.preset);
            }
        }
    });
    let form = &state.train.form;
    let Some(preset) = catalogue::get(&form.recipe.preset) else { return };
    let facts = state.board.data.as_ref().and_then(|look| look.found.as_ref()?.as_ref().ok());
    let images = facts.map(|facts| {
        let chosen = &form.recipe.countries;
        let wanted = facts.countries.iter().filter(|(code, _)| chosen.is_empty() || chosen.contains(code));
        let most = form.recipe.per_label.map_or(usize::MAX, |n| n as usize);
        wanted.map(|(_, of)| of.images.min(most)).sum::<usize>()
    });
    ui.weak(expected(preset, form.extent(), form.recipe.crops, images, cores));
}

/// "About 0.4 s a picture…": the measured cost, scaled by the cores that are here.
fn expected(preset: &Preset, extent: Extent, crops: u32, images: Option<usize>, cores: usize) -> String {
    let memory = words::bytes(preset.memory(extent == Extent::Everything));
    let time = |ms: f64| words::seconds(Duration::from_secs_f64((ms / 1000.0).max(1.0)));
    let Some(images) = images else {
        return format!("{}: {memory} of memory. Choose pictures to see how long it takes.", preset.name);
    };
    #[expect(clippy::cast_precision_loss)]
    let images = images as f64;
    match extent {
        Extent::Everything => format!(
            "{}: about {} an epoch on {} without a GPU, {memory} of memory.",
            preset.name,
            time(preset.train_ms(cores) * images),
            words::count(cores, "core", "cores"),
        ),
        _ => format!(
            "{}: about {} once for the features on {}, then {} an epoch; {memory} of memory.",
            preset.name,
            time(preset.forward_ms(cores) * images * f64::from(crops + 1)),
            words::count(cores, "core", "cores"),
            if extent == Extent::Head { "about a second" } else { "a share of a full one" },
        ),
    }
}

fn card(ui: &mut Ui, preset: &Preset, chosen: bool, text: f32) -> bool {
    let palette = theme::palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(CARD[0] * text, CARD[1] * text), Sense::click());
    let painter = ui.painter().with_clip_rect(rect);
    let fill = if response.hovered() { palette.hovered } else { palette.raised };
    painter.rect_filled(rect, theme::RADIUS, fill);
    if chosen || response.has_focus() {
        painter.rect_stroke(rect, theme::RADIUS, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
    }
    let (body, small) = (TextStyle::Body.resolve(ui.style()), TextStyle::Small.resolve(ui.style()));
    let left = rect.left() + theme::PAD;
    let line = |row: f32| pos2(left, rect.top() + theme::GAP + row * text * 1.4);
    painter.text(line(0.0), Align2::LEFT_TOP, preset.name, body, palette.text);
    let size = format!("{:.1} M parameters, {} px", preset.params_m, preset.size);
    painter.text(line(1.0), Align2::LEFT_TOP, &size, small.clone(), palette.weak);
    painter.text(line(1.9), Align2::LEFT_TOP, preset.kind, small, palette.weak);
    let bar =
        Rect::from_min_size(rect.left_bottom() - vec2(0.0, 3.0), vec2(rect.width() * preset.weight(), 3.0));
    painter.rect_filled(bar, 0, palette.accent.gamma_multiply(0.6));
    let label = format!("{}: {size}, {}", preset.name, preset.kind);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &label));
    response.on_hover_text(format!("{}\nThe bar: cost of training, of the largest", preset.timm)).clicked()
}
