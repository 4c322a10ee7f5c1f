//! What the first guess rests on: a map over the picture, with the two methods and a slider.

use std::sync::Arc;

use egui::{Slider, Ui};
use egui_phosphor::regular as icon;
use image::RgbImage;

use super::work::lane;
use crate::engine::Look;
use crate::explain::Method;
use crate::ui::state::{Action, State};
use crate::workbench::{Lane, Task};

/// The map over the picture of a look and how opaque it is, where one is shown.
pub fn overlay(state: &State, look: &Look) -> Option<(Arc<RgbImage>, f32)> {
    let explained = state.findings.explained.as_ref()?;
    let shown = state.show_map && explained.is_of(look.id, &look.model);
    shown.then(|| (Arc::clone(&explained.shown), state.map_opacity))
}

/// Draws the controls.
pub fn show(ui: &mut Ui, state: &mut State, look: &Look, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        ui.label("What it rests on");
        for (method, text, tip) in [
            (Method::Occlusion, "by hiding parts", "Occlusion: hides one part after the other; any model"),
            (Method::Attention, "by attention", "Attention rollout; models exported with their attention"),
        ] {
            let label = format!("{}  {text}", icon::EYE);
            if ui.button(label).on_hover_text(tip).clicked() {
                state.show_map = true;
                let (model, name) = (look.model.clone(), look.name.clone());
                let picture = Arc::clone(&look.picture);
                actions.push(Action::Work(Task::Explain { model, look: look.id, name, picture, method }));
            }
        }
    });
    lane(ui, state, Lane::Picture, actions);
    let explained = state.findings.explained.clone();
    let Some(explained) = explained.filter(|explained| explained.is_of(look.id, &look.model)) else { return };
    ui.checkbox(&mut state.show_map, "Show the map");
    ui.scope(|ui| {
        // The column keeps its width.
        ui.spacing_mut().slider_width = (ui.available_width() - crate::ui::theme::SECTION).clamp(40.0, 200.0);
        let slider = Slider::new(&mut state.map_opacity, 0.0..=1.0).show_value(false);
        ui.name_inputs("Opacity of the map", |ui| ui.add(slider));
    });
    if let Some(map) = &explained.map {
        let country = crate::ui::words::country(&map.country);
        let text = match map.method {
            Method::Occlusion => format!("Bright: hiding it makes {country} less probable."),
            Method::Attention => {
                "Bright: where the network's attention comes from, whatever the country.".to_owned()
            }
        };
        ui.weak(text);
    }
}
