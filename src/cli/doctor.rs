//! `streetwise doctor`: every engine that was considered, why, and the device that really ran.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::cli::output::{OutputError, say};
use crate::model::{Classifier, Library};
use crate::runtime::{self, Candidate, Device, Engine, Fate};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise doctor
  streetwise doctor --json
  streetwise --runtime /opt/onnxruntime/lib/libonnxruntime.so doctor")]
pub(crate) struct DoctorArgs {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `doctor`: the exit status says whether a model runs.
pub(crate) fn run(args: &DoctorArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let engine = runtime::start(&context.choice)?;
    let library = Library::open(&context.paths);
    let model = library.default_model();
    // A graph placed on CUDA is the only proof of CUDA, so a real model is loaded.
    let loaded = model.map(|model| Classifier::load(engine, model, Device::Auto, context.settings.threads));
    match args.json {
        true => as_json(engine, context, loaded.as_ref())?,
        false => in_words(engine, context, loaded.as_ref())?,
    }
    Ok(if matches!(loaded, Some(Ok(_))) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Loaded<'a> = Option<&'a Result<Classifier, crate::model::ModelError>>;

fn as_json(engine: &Engine, context: &Context, loaded: Loaded<'_>) -> Result<(), OutputError> {
    for candidate in &engine.candidates {
        say!("{}", json!({ "candidate": candidate }))?;
    }
    let (device, cuda, error) = match loaded {
        Some(Ok(classifier)) => (Some(classifier.device()), classifier.fallback(), None),
        Some(Err(error)) => (None, None, Some(error.to_string())),
        None => (None, None, Some("no model was found".to_owned())),
    };
    let line = json!({
        "streetwise": env!("CARGO_PKG_VERSION"),
        "engine": engine.name,
        "library": engine.library,
        "device": device,
        "cuda_not_used": cuda,
        "error": error,
        "data": context.paths.data,
        "training_cache": context.paths.training_cache(),
        "settings": context.paths.settings(),
    });
    say!("{line}")
}

fn in_words(engine: &Engine, context: &Context, loaded: Loaded<'_>) -> Result<(), OutputError> {
    say!("Streetwise {}", env!("CARGO_PKG_VERSION"))?;
    say!("Engines, in the order they are tried:")?;
    for candidate in &engine.candidates {
        say!("  {:<22} {}", candidate.origin.describe(), fate(candidate))?;
    }
    say!("Engine   {}", engine.name)?;
    match loaded {
        Some(Ok(classifier)) => {
            say!("Device   {} (read back from the session)", classifier.device())?;
            if let Some(why) = classifier.fallback() {
                say!("         CUDA is not used: {why}")?;
            }
            say!("Model    {}: golden check passed", classifier.manifest().id)?;
        }
        Some(Err(error)) => say!("Model    {error}")?,
        None => say!("Model    none was found; add one with `streetwise models add FOLDER`")?,
    }
    say!("Data     {}", context.paths.data.display())?;
    say!("Cache    {}", context.paths.training_cache().display())?;
    say!("Settings {}", context.paths.settings().display())
}

fn fate(candidate: &Candidate) -> String {
    let path = candidate.path.as_ref().map_or_else(String::new, |path| format!(" ({})", path.display()));
    match &candidate.fate {
        Fate::Taken { version } => format!("taken, version {version}{path}"),
        Fate::Refused { why } => format!("not taken: {why}"),
        Fate::Absent => "not there".to_owned(),
        Fate::NotNeeded => format!("not needed{path}"),
    }
}
