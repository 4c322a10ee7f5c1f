//! What the window shows: a value that is replaced whole, so that reading it is one lock and one clone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;

use super::Look;
use crate::capture::{Monitor, Target, Window};

/// The engine as it is, not as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineState {
    /// For example `ONNX Runtime 1.32.0`; empty while it starts.
    pub name: String,
    /// `CPU` or `CUDA`, read back from the session.
    pub device: String,
    /// Threads of one inference.
    pub threads: usize,
    /// Why something better is not used, as a sentence.
    pub note: Option<String>,
}

/// A model in the picker.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSummary {
    /// Identifier.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Architecture, by its timm name.
    pub architecture: String,
    /// The countries it knows, ISO alpha-2, in output order.
    pub countries: Vec<String>,
    /// Held-out share of right first guesses, 0 to 1.
    pub top1: Option<f32>,
    /// What guessing at random would give, 0 to 1.
    pub chance: Option<f32>,
    /// Share of right first guesses by kind of picture, over whole rounds of pictures that it never met; 0 to 1.
    pub kinds: Vec<(String, f32)>,
    /// The card, Markdown.
    pub card: String,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// In words: `reading street.jpg`.
    pub what: String,
    /// Since when, of all its parts.
    pub since: Instant,
    /// As many parts are done.
    pub done: usize,
    /// As many parts there are; 1 for work that is not in parts, and cannot be stopped; 0 while they are being counted.
    pub of: usize,
}

impl Busy {
    /// About how long the rest takes, if the parts to come take as long as those that are done; none before the
    /// first is done.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let (done, left) =
            (u32::try_from(self.done).ok()?, u32::try_from(self.of.checked_sub(self.done)?).ok()?);
        (self.since.elapsed() * left).checked_div(done)
    }
}

/// Where a problem should stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Beside the picture.
    Picture,
    /// At the model picker.
    Model,
    /// At the capture controls.
    Capture,
    /// At the engine in the status bar.
    Engine,
}

/// Something that went wrong, said once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Number, for dismissing it.
    pub id: u64,
    /// One sentence with the way out.
    pub text: String,
    /// Where it belongs.
    pub place: Place,
    /// Older problems of that place, right before this one, that are not kept.
    pub before: usize,
}

/// What can be captured.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Monitors.
    pub monitors: Vec<Monitor>,
    /// Windows with a small picture where one could be made.
    pub windows: Vec<(Window, Option<Arc<RgbImage>>)>,
    /// Name of the capture system.
    pub source: String,
}

/// The state of the worker at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The engine.
    pub engine: EngineState,
    /// All models.
    pub models: Vec<ModelSummary>,
    /// Identifier of the model in use.
    pub model: Option<String>,
    /// The picture shown.
    pub current: Option<Arc<Look>>,
    /// Recent pictures, newest first.
    pub recent: Vec<Arc<Look>>,
    /// What is being done.
    pub busy: Option<Busy>,
    /// What went wrong and was not dismissed.
    pub problems: Vec<Problem>,
    /// What can be captured, once it was asked for.
    pub targets: Targets,
    /// The last preview asked for: its target and a copy of at most 1600 pixels.
    pub preview: Option<(Target, Arc<RgbImage>)>,
    /// What is captured again and again.
    pub watching: Option<Target>,
    /// Whether a model is loaded.
    pub ready: bool,
}
