//! What a bug report needs, as text: nothing of the pictures, and no paths but those of engine libraries.

use super::state::State;
use crate::training::studio::TrainerState;

/// The text.
#[must_use]
pub fn text(state: &State) -> String {
    let (snapshot, settings) = (&state.snapshot, &state.settings);
    let engine = &snapshot.engine;
    let mut text = format!(
        "Streetwise {}, {} {}\nengine: {}, {}, {} threads\nmodel in use: {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        engine.name,
        engine.device,
        engine.threads,
        snapshot.model.as_deref().unwrap_or("none"),
    );
    if let Some(note) = &engine.note {
        text += &format!("note: {note}\n");
    }
    for model in &snapshot.models {
        let state = model.problem.as_deref().unwrap_or("usable");
        text += &format!(
            "model {}: {}, {} countries, {state}\n",
            model.id,
            model.architecture,
            model.countries.len()
        );
    }
    let trainer = match &state.board.trainer {
        TrainerState::Unknown => "not looked for",
        TrainerState::Ready { .. } => "ready",
        TrainerState::Missing { .. } => "not set up",
        TrainerState::SettingUp { .. } => "being set up",
    };
    text += &format!("trainer: {trainer}, {} runs\n", state.board.runs.len());
    text += &format!(
        "settings: theme {:?}, text {:.1}, device {:?}, threads {:?}, coach {}\n",
        settings.theme, settings.text_scale, settings.device, settings.threads, settings.coach
    );
    if let Some(times) = state.frames.times() {
        text += &format!("{times}\n");
    }
    for problem in &snapshot.problems {
        text += &format!("message: {}\n", problem.text);
    }
    text
}
