//! `streetwise models`: what is there, is it sound, add one, remove one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Context, DeviceArg};
use crate::base::Device;
use crate::cli::output::{OutputError, say};
use crate::model::{Classifier, Library, Model, ModelError, Owner};

/// Arguments of `models`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise models list
  streetwise models verify
  streetwise models add ~/trained/swin-t
  streetwise models remove swin-t")]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
    /// One JSON object a line
    #[arg(long, global = true)]
    json: bool,
}

/// The countries of a model that ranks more are not listed; `--json` has them.
const NAMED: usize = 40;

#[derive(Debug, Subcommand)]
enum Action {
    /// List the models, with their held-out figures
    List,
    /// Check files, shapes and the golden output on this machine
    Verify {
        /// Models to check; all where none is named
        #[arg(value_name = "ID")]
        models: Vec<String>,
        /// Where to run the golden check
        #[arg(long, value_enum, default_value = "auto")]
        device: DeviceArg,
    },
    /// Copy a model folder into your own models, after checking it
    Add {
        /// Folder with model.json and model.onnx
        folder: PathBuf,
    },
    /// Delete a model that you added
    Remove {
        /// Its identifier
        #[arg(value_name = "ID")]
        model: String,
    },
}

/// Runs `models`.
pub(crate) fn run(args: &ModelsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let library = Library::open(&context.paths);
    match &args.action {
        Action::List => Ok(list(&library, args.json)?),
        Action::Verify { models, device } => verify(&library, context, models, (*device).into(), args.json),
        Action::Add { folder } => {
            let (engine, found) = (context.engine()?, Model::read(folder, Owner::User)?);
            Classifier::load_anew(engine, &found, Device::Auto, context.settings.threads)?;
            let model = library.add(folder)?;
            say_done(args.json, &model.manifest.id, "added", &format!("to {}", model.folder.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Remove { model } => {
            library.remove(model)?;
            say_done(args.json, model, "removed", "")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn say_done(as_json: bool, model: &str, done: &str, more: &str) -> Result<(), OutputError> {
    match as_json {
        true => say!("{}", json!({ "model": model, "done": done })),
        false => say!("{model}: {done} {more}"),
    }
}

fn list(library: &Library, as_json: bool) -> Result<ExitCode, OutputError> {
    for (name, entry) in library.entries() {
        match entry {
            Ok(model) => list_one(model, as_json)?,
            Err(error) if as_json => say!("{}", json!({ "model": name, "error": error.to_string() }))?,
            Err(error) => say!("{name}\n  cannot be used: {error}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list_one(model: &Model, as_json: bool) -> Result<(), OutputError> {
    let m = &model.manifest;
    let owner = if model.owner == Owner::Shipped { "shipped" } else { "user" };
    if as_json {
        let line = json!({
            "model": m.id, "name": m.name, "architecture": m.architecture, "owner": owner,
            "countries": m.countries, "metrics": m.metrics.measured().then_some(&m.metrics), "folder": model.folder.to_string_lossy(),
        });
        return say!("{line}");
    }
    say!("{}  ({}, {owner})", m.id, m.name)?;
    let named =
        if m.countries.len() <= NAMED { format!(": {}", m.countries.join(" ")) } else { String::new() };
    say!("  ranks {} countries{named}", m.countries.len())?;
    if !m.metrics.measured() {
        return say!("  not measured; try `streetwise evaluate {} --data DIR`", m.id);
    }
    for (kind, round) in m.metrics.kinds() {
        let (top1, top5) = (round.top1 * 100.0, round.top5 * 100.0);
        say!("  {kind}, whole rounds: top-1 {top1:.0} %, top-5 {top5:.0} % ({} pictures)", round.images)?;
    }
    say!(
        "  held out: top-1 {:.0} %, top-5 {:.0} %, macro-F1 {:.2} (chance {:.1} %, {} places)",
        m.metrics.top1 * 100.0,
        m.metrics.top5 * 100.0,
        m.metrics.macro_f1,
        m.metrics.chance * 100.0,
        m.metrics.places,
    )
}

fn verify(
    library: &Library,
    context: &Context,
    models: &[String],
    device: Device,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let engine = context.engine()?;
    let names: Vec<String> = match models {
        [] => library.entries().map(|(name, _)| name.to_owned()).collect(),
        named => named.to_vec(),
    };
    let mut sound = true;
    for name in &names {
        let checked = |id: &str| -> Result<Classifier, ModelError> {
            Classifier::load_anew(engine, library.get(id)?, device, context.settings.threads)
        };
        match checked(name) {
            Ok(loaded) if as_json => say!(
                "{}",
                json!({ "model": name, "ok": true, "engine": loaded.engine(), "device": loaded.device() })
            )?,
            Ok(loaded) => say!("{name}: sound on {}, {}", loaded.engine(), loaded.device())?,
            Err(error) => {
                sound = false;
                match as_json {
                    true => say!("{}", json!({ "model": name, "ok": false, "error": error.to_string() }))?,
                    false => say!("{error}")?,
                }
            }
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
