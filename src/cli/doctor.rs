//! `streetwise doctor`: every engine that was considered, why, and the device that really ran.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use super::measure::first_loaded;
use crate::base::Device;
use crate::cli::output::{OutputError, say};
use crate::model::{Classifier, Library, ModelError};
use crate::runtime::{self, Candidate, Engine, Fate};

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
    let (library, settings) = (Library::open(&context.paths), &context.settings);
    // A graph placed on CUDA is the only proof of CUDA, so a real model is loaded.
    let found = first_loaded(engine, &library, settings.model.as_deref(), Device::Auto, settings.threads);
    match args.json {
        true => as_json(engine, context, &found)?,
        false => in_words(engine, context, &found)?,
    }
    Ok(if found.0.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The model that runs, and why those wanted before it do not.
type Found = (Option<Classifier>, Vec<ModelError>);

fn as_json(engine: &Engine, context: &Context, (loaded, failed): &Found) -> Result<(), OutputError> {
    for candidate in &engine.candidates {
        say!("{}", json!({ "candidate": candidate }))?;
    }
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    let none = || failed.first().cloned().unwrap_or_else(|| "no model was found".to_owned());
    let line = json!({
        "streetwise": env!("CARGO_PKG_VERSION"),
        "engine": engine.name,
        "library": engine.library,
        "device": loaded.as_ref().map(Classifier::device),
        "cuda_not_used": loaded.as_ref().and_then(Classifier::fallback),
        "model": loaded.as_ref().map(|classifier| &classifier.manifest().id),
        "not_used": failed,
        "error": loaded.is_none().then(none),
        "data": context.paths.data,
        "training_cache": context.paths.training_cache(),
        "settings": context.paths.settings(),
    });
    say!("{line}")
}

fn in_words(engine: &Engine, context: &Context, (loaded, failed): &Found) -> Result<(), OutputError> {
    say!("Streetwise {}", env!("CARGO_PKG_VERSION"))?;
    say!("Engines, in the order they are tried:")?;
    for candidate in &engine.candidates {
        say!("  {:<22} {}", candidate.origin.describe(), fate(candidate))?;
    }
    say!("Engine   {}", engine.name)?;
    if let Some(classifier) = loaded {
        say!("Device   {} (read back from the session)", classifier.device())?;
        if let Some(why) = classifier.fallback() {
            say!("         CUDA is not used: {why}")?;
        }
    }
    for why in failed {
        say!("Not used {why}")?;
    }
    match loaded {
        Some(classifier) => say!("Model    {}: golden check passed", classifier.manifest().id)?,
        None if failed.is_empty() => {
            say!("Model    none was found; add one with `streetwise models add FOLDER`")?;
        }
        None => say!("Model    none can be used")?,
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
