//! What the worker thinks with: models of the library on the engine of this process.

use std::sync::Arc;

use image::RgbImage;

use super::{EngineState, ModelSummary};
use crate::base::Device;
use crate::capture::thumbnail;
use crate::imaging::Picture;
use crate::model::{AnswerError, Classifier, Library, Model, ModelError, Timings};
use crate::ranking::Ranking;
use crate::runtime::{self, Choice};

/// The longest side of what the window shows, in pixels; a smaller picture is shown as it is.
const DISPLAY_SIDE: u32 = 2048;

/// One picture and what a model says of it.
#[derive(Debug, Clone)]
pub struct Look {
    /// Number of the picture; looking again with another model keeps it.
    pub id: u64,
    /// File name, or where it came from.
    pub name: String,
    /// For display, at most 2048 pixels on its longer side.
    pub picture: Arc<RgbImage>,
    /// Exactly what the model saw; the display copy when the model gave no answer.
    pub seen: Arc<RgbImage>,
    /// What is remarkable about the file, one sentence each.
    pub notes: Vec<String>,
    /// The ranking, or why there is none.
    pub outcome: Result<Ranking, String>,
    /// Where the time went.
    pub timings: Timings,
    /// Identifier of the model.
    pub model: String,
    /// The engine's name.
    pub engine: String,
    /// `CPU` or `CUDA`.
    pub device: String,
}

/// Why the brain cannot look.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// No engine.
    #[error(transparent)]
    Engine(#[from] runtime::EngineError),
    /// No model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing is loaded yet.
    #[error("no model is loaded; choose one in the model list")]
    NoModel,
}

/// Models and inference, as the worker needs them. Tests put a fake in its place.
pub trait Brain {
    /// Starts the engine and reads the library. Called once, first.
    ///
    /// # Errors
    /// When no engine could be started.
    fn start(&mut self) -> Result<EngineState, LookError>;
    /// The models there are.
    fn models(&self) -> Vec<ModelSummary>;
    /// The models there are now, after some were added or removed.
    fn list_again(&mut self) -> Vec<ModelSummary> {
        self.models()
    }
    /// The models to begin with, in the order in which they are tried: what the user chose, then the shipped ones.
    fn first_models(&self) -> Vec<String>;
    /// Loads a model; on failure the one in use stays.
    ///
    /// # Errors
    /// Why the model cannot be used.
    fn load(&mut self, id: &str) -> Result<EngineState, LookError>;
    /// Looks at a picture with the model in use.
    ///
    /// # Errors
    /// When no model is loaded; what a model says of a picture, even "no guess", is a [`Look`].
    fn look(&mut self, id: u64, picture: &Picture) -> Result<Look, LookError>;
}

/// The real brain.
#[derive(Debug)]
pub struct LocalBrain {
    choice: Choice,
    device: Device,
    threads: Option<usize>,
    chosen: Option<String>,
    library: Option<Library>,
    loaded: Option<Classifier>,
}

impl LocalBrain {
    /// A brain that will use this engine search, device, number of threads and chosen model.
    #[must_use]
    pub fn new(choice: Choice, device: Device, threads: Option<usize>, chosen: Option<String>) -> Self {
        Self { choice, device, threads, chosen, library: None, loaded: None }
    }

    fn state(&self) -> Result<EngineState, LookError> {
        let engine = runtime::start(&self.choice)?;
        let loaded = self.loaded.as_ref();
        let cuda = loaded.and_then(Classifier::fallback).map(|why| format!("CUDA is not used: {why}."));
        let notes: Vec<String> = engine.not_as_wished().into_iter().chain(cuda).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(EngineState {
            name: engine.name.clone(),
            device: loaded.map_or("CPU", |model| model.device()).to_uppercase(),
            // The embedded engine runs a graph on one thread.
            threads: if engine.is_embedded() { 1 } else { self.threads.unwrap_or(cores) },
            note: (!notes.is_empty()).then(|| notes.join(" ")),
        })
    }
}

impl Brain for LocalBrain {
    fn start(&mut self) -> Result<EngineState, LookError> {
        self.library = Some(Library::open(&self.choice.paths));
        self.state()
    }

    fn list_again(&mut self) -> Vec<ModelSummary> {
        self.library = Some(Library::open(&self.choice.paths));
        self.models()
    }

    fn models(&self) -> Vec<ModelSummary> {
        let entries = self.library.iter().flat_map(Library::entries);
        entries.map(|(name, entry)| entry.map_or_else(|error| unusable(name, error), summary)).collect()
    }

    fn first_models(&self) -> Vec<String> {
        self.library.as_ref().map(|library| library.in_turn(self.chosen.as_deref())).unwrap_or_default()
    }

    fn load(&mut self, id: &str) -> Result<EngineState, LookError> {
        let engine = runtime::start(&self.choice)?;
        let library = self.library.as_ref().ok_or(LookError::NoModel)?;
        let classifier = Classifier::load(engine, library.get(id)?, self.device, self.threads)?;
        self.loaded = Some(classifier);
        self.state()
    }

    fn look(&mut self, id: u64, picture: &Picture) -> Result<Look, LookError> {
        let classifier = self.loaded.as_mut().ok_or(LookError::NoModel)?;
        let display = display_copy(picture);
        let mut notes: Vec<String> = picture.notes.iter().map(ToString::to_string).collect();
        let (seen, outcome, timings) = match classifier.look(picture) {
            Ok(answer) => (Arc::new(answer.seen), Ok(answer.ranking), answer.timings),
            Err(error @ AnswerError::Model(_)) => {
                notes.push("The engine failed on this picture; the model stays loaded.".to_owned());
                (Arc::clone(&display), Err(error.to_string()), Timings::default())
            }
            Err(error) => (Arc::clone(&display), Err(error.to_string()), Timings::default()),
        };
        Ok(Look {
            id,
            name: picture.name.clone(),
            picture: display,
            seen,
            notes,
            outcome,
            timings,
            model: classifier.manifest().id.clone(),
            engine: classifier.engine().to_owned(),
            device: classifier.device().to_uppercase(),
        })
    }
}

/// The picture itself where it is small enough, so that its pixels are held once.
fn display_copy(picture: &Picture) -> Arc<RgbImage> {
    if picture.pixels.width().max(picture.pixels.height()) <= DISPLAY_SIDE {
        return Arc::clone(&picture.pixels);
    }
    Arc::new(thumbnail(&picture.pixels, DISPLAY_SIDE))
}

fn summary(model: &Model) -> ModelSummary {
    let m = &model.manifest;
    let measured = m.metrics.measured();
    ModelSummary {
        id: m.id.clone(),
        name: m.name.clone(),
        architecture: m.architecture.clone(),
        countries: m.countries.clone(),
        top1: measured.then_some(m.metrics.top1),
        chance: measured.then_some(m.metrics.chance),
        kinds: m.metrics.kinds().map(|(name, round)| (name.to_owned(), round.top1)).collect(),
        card: model.card(),
        problem: None,
    }
}

fn unusable(name: &str, error: &ModelError) -> ModelSummary {
    ModelSummary {
        id: name.to_owned(),
        name: name.to_owned(),
        architecture: String::new(),
        countries: Vec::new(),
        top1: None,
        chance: None,
        kinds: Vec::new(),
        card: String::new(),
        problem: Some(error.to_string()),
    }
}
