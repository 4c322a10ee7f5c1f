//! Which engine runs the models: ONNX Runtime where one is found, else the embedded pure-Rust engine.
//!
//! The order is that of the user's interest: a path they set, a library beside the executable, one they
//! installed, the trainer's own, and last the embedded engine, which is always there. One process has one
//! engine; the choice is made once, by [`start`], and every candidate's fate is kept for `doctor`.

mod candidates;
pub(crate) mod child;
mod installed;
mod memory;
mod preload;
mod probe;

pub mod install;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use candidates::{Candidate, Fate, Origin};
pub(crate) use memory::give_back_memory;
pub use probe::{ProbeError, probe_in_process};

use candidates::Loaded;

use crate::store::Paths;

/// What the search for an engine starts from.
#[derive(Debug, Clone)]
pub struct Choice {
    /// A library the user named, by flag, environment or settings.
    pub library: Option<PathBuf>,
    /// Take the embedded engine without looking further.
    pub embedded_only: bool,
    /// The folders of the user.
    pub paths: Paths,
    /// An executable that answers `probe-runtime PATH` and `try-model FOLDER`, so that a library or a model that hangs
    /// or crashes while it loads cannot take the app with it; without one they are loaded in this process at once.
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
    choice: Choice,
    providers: OnceLock<Result<(), String>>,
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

    /// A sentence where the library that the user named is not the one in use.
    #[must_use]
    pub fn not_as_wished(&self) -> Option<String> {
        let wish = self.candidates.iter().find(|candidate| candidate.origin == Origin::UserPath)?;
        let Fate::Refused { why } = &wish.fate else { return None };
        Some(format!("The library you chose is not used: {why}. {} runs the models instead.", self.name))
    }

    /// Whether ONNX Runtime's providers are as they were installed, looked at once: they are hundreds of megabytes.
    pub(crate) fn providers_as_installed(&self) -> Result<(), String> {
        let look = || {
            let checked = self.library.as_deref().map_or(Ok(()), installed::check_providers);
            checked.map_err(|error| error.to_string())
        };
        self.providers.get_or_init(look).clone()
    }

    /// What the search started from.
    pub(crate) fn choice(&self) -> &Choice {
        &self.choice
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
    let (mut candidates, taken) = candidates::judge(choice, load);
    let (api, name, library) = match taken {
        Some(Loaded { library, with: probed }) => {
            (probed.api.clone(), format!("ONNX Runtime {}", probed.version), Some(library))
        }
        None => {
            if let Some(last) = candidates.last_mut() {
                last.fate = Fate::Taken { version: candidates::TRACT_VERSION.to_owned() };
            }
            (ort_tract::api(), format!("embedded (tract {})", candidates::TRACT_VERSION), None)
        }
    };
    // The first set of functions that `ort` is given stays.
    if !ort::set_api(api) {
        return Err(EngineError("another one was started before it".to_owned()));
    }
    let environment =
        ort::init().with_name("streetwise").build().map_err(|error| EngineError(error.to_string()))?;
    let (choice, providers) = (choice.clone(), OnceLock::new());
    Ok(Engine { name, library, candidates, choice, providers, environment })
}

/// Loads a library that passed its probe into this process.
fn load(library: &Path) -> Result<probe::Probed, ProbeError> {
    preload::cuda_libraries(library);
    probe::loaded(library)
}
