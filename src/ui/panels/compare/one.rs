//! Models on one picture: a column a model with its ranking, its time and what its guess rests on.

use std::sync::Arc;

use egui::{Image, Label, RichText, Ui, vec2};
use egui_phosphor::regular as icon;
use image::RgbImage;

use crate::explain::Method;
use crate::ui::state::{Action, State};
use crate::ui::textures::Size;
use crate::ui::widgets::message::{self, Kind};
use crate::ui::widgets::ranking;
use crate::ui::{theme, words};
use crate::workbench::{Looked, Task};

/// Rows of a ranking.
const ROWS: usize = 5;

/// Draws them.
pub fn show(ui: &mut Ui, state: &mut State, looked: &Arc<Looked>, actions: &mut Vec<Action>) {
    ui.add_space(theme::GAP_LARGE);
    ui.label(RichText::new(format!("On {}", looked.name)).heading());
    if looked.looks.disagree {
        message::line(ui, Kind::Warning, "They do not agree on the first country.");
    } else {
        message::line(ui, Kind::Success, "They agree on the first country.");
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("What each rests on");
        for (method, text) in
            [(Method::Occlusion, "for all, by hiding parts"), (Method::Attention, "for all, by attention")]
        {
            if ui.button(format!("{}  {text}", icon::EYE)).clicked() {
                let models = looked.looks.looks.iter().map(|look| look.model.clone()).collect();
                let picture = Arc::clone(&looked.picture);
                actions.push(Action::Work(Task::Maps { models, picture, method }));
            }
        }
    });
    let maps = state.findings.maps.clone();
    ui.columns(looked.looks.looks.len().max(1), |columns| {
        for (ui, look) in columns.iter_mut().zip(&looked.looks.looks) {
            ui.add(Label::new(RichText::new(&look.model).strong()).truncate());
            ui.weak(format!(
                "{} ms on {}",
                words::milliseconds(std::time::Duration::from_secs_f64(look.ms / 1e3)),
                look.engine
            ));
            for (place, guess) in look.ranking.guesses.iter().take(ROWS).enumerate() {
                ranking::row(ui, &mut state.textures, place + 1, guess);
            }
            if let Some(maps) = &maps {
                map(ui, state, maps.of(&look.model, &looked.picture), &look.model);
            }
        }
    });
}

fn map(ui: &mut Ui, state: &mut State, made: Option<&Result<Arc<RgbImage>, String>>, model: &str) {
    ui.add_space(theme::GAP);
    match made {
        None => {
            ui.weak("not looked into yet");
        }
        Some(Err(why)) => message::line(ui, Kind::Warning, why),
        Some(Ok(shown)) => {
            let width = ui.available_width();
            #[expect(clippy::cast_precision_loss)]
            let size = vec2(width, width * shown.height() as f32 / shown.width().max(1) as f32);
            match state.textures.picture(shown, Size::Full) {
                Some(texture) => {
                    let image = Image::new(&texture).fit_to_exact_size(size);
                    ui.add(image.alt_text(format!("What the guess of {model} rests on")));
                }
                None => {
                    ui.allocate_space(size);
                }
            }
        }
    }
}
