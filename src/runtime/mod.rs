//! Which engine runs the models: ONNX Runtime where one is found, else the embedded pure-Rust engine.
//!
//! The order is that of the user's interest: a path they set, a library beside the executable, one they
//! installed, the trainer's own, and last the embedded engine, which is always there. One process has one
//! engine; the choice is made once, by [`start`], and every candidate's fate is kept for `doctor`.

mod candidates;
mod installed;
mod memory;
mod preload;
mod probe;

pub mod install;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use candidates::{Candidate, Fate, Origin};
pub(crate) use memory::give_back_memory;
pub use probe::{ProbeError, probe_in_process};

use crate::store::Paths;

/// The device asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// CUDA where the engine and the machine have it, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, and an error where it cannot be had.
    Cuda,
}

/// What the search for an engine starts from.
#[derive(Debug, Clone)]
pub struct Choice {
    /// A library the user named, by flag, environment or settings.
    pub library: Option<PathBuf>,
    /// Take the embedded engine without looking further.
    pub embedded_only: bool,
    /// The folders of the user.
    pub paths: Paths,
    /// An executable that answers `probe-runtime PATH`, so that a library that hangs or crashes while it
    /// loads cannot take the app with it; without one the library is tried in this process.
    pub prober: Option<PathBuf>,
}

impl Choice {
    /// The search of the app. The first of these that is there is the user's wish, a path or the word `embedded`: the
    /// flag, the environment variable `STREETWISE_RUNTIME`, the settings.
    #[must_use]
    pub fn of_user(paths: Paths, flag: Option<PathBuf>, settings: Option<PathBuf>) -> Self {
        let wish = flag.or_else(|| std::env::var_os("STREETWISE_RUNTIME").map(PathBuf::from)).or(settings);
        let embedded_only = wish.as_deref() == Some(Path::new("embedded"));
        let library = wish.filter(|_| !embedded_only);
        Self { library, embedded_only, paths, prober: std::env::current_exe().ok() }
    }
}

/// The engine of this process.
#[derive(Debug)]
pub struct Engine {
    /// For people: `ONNX Runtime 1.32.0` or `embedded (tract 0.23)`.
    pub name: String,
    /// The library in use; none for the embedded engine.
    pub library: Option<PathBuf>,
    /// Every place that was looked at, in order, and what became of it.
    pub candidates: Vec<Candidate>,
    environment: ort::environment::Environment,
}

/// No engine at all could be started.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no inference engine could be started: {0}; run `streetwise doctor` to see what was tried")]
pub struct EngineError(String);

impl Engine {
    /// Whether this is the embedded engine.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.library.is_none()
    }

    /// The environment that sessions are made in.
    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }
}

static ENGINE: OnceLock<Result<Engine, EngineError>> = OnceLock::new();

/// Starts the engine of this process at the first call and returns the same one ever after.
///
/// # Errors
/// Only when the embedded engine fails too.
pub fn start(choice: &Choice) -> Result<&'static Engine, EngineError> {
    ENGINE.get_or_init(|| start_now(choice)).as_ref().map_err(Clone::clone)
}

fn start_now(choice: &Choice) -> Result<Engine, EngineError> {
    let mut candidates = candidates::judge(choice);
    let taken = candidates.iter().position(|candidate| matches!(candidate.fate, Fate::Taken { .. }));
    if let Some(index) = taken {
        let candidate = &mut candidates[index];
        if let (Some(library), Fate::Taken { version }) = (candidate.path.clone(), candidate.fate.clone()) {
            match load(&library) {
                Ok(environment) => {
                    let name = format!("ONNX Runtime {version}");
                    return Ok(Engine { name, library: Some(library), candidates, environment });
                }
                Err(why) => candidate.fate = Fate::Refused { why },
            }
        }
    }
    embedded(candidates)
}

fn load(library: &Path) -> Result<ort::environment::Environment, String> {
    preload::cuda_libraries(library);
    let builder = ort::init_from(library).map_err(|error| error.to_string())?;
    builder.with_name("streetwise").build().map_err(|error| error.to_string())
}

fn embedded(mut candidates: Vec<Candidate>) -> Result<Engine, EngineError> {
    ort::set_api(ort_tract::api());
    let environment =
        ort::init().with_name("streetwise").build().map_err(|error| EngineError(error.to_string()))?;
    if let Some(last) = candidates.last_mut() {
        last.fate = Fate::Taken { version: candidates::TRACT_VERSION.to_owned() };
    }
    let name = format!("embedded (tract {})", candidates::TRACT_VERSION);
    Ok(Engine { name, library: None, candidates, environment })
}
