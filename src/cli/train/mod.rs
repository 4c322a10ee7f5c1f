//! `streetwise train`: a model from a folder of pictures, verified and added to the user's models.

mod ablation;
mod flags;
mod live;
mod setup;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

pub(crate) use flags::RecipeFlags;
pub(crate) use live::{Live, epoch_line};

use super::Context;
use crate::dataset::{Dataset, DatasetError};
use crate::model::Library;
use crate::runtime;
use crate::training::drive::{Ending, Watch as _, drive};
use crate::training::environment::Trainer;
use crate::training::job::Job;
use crate::training::process::PATIENCE;
use crate::training::queue;
use crate::training::recipe::Recipe;
use crate::training::runs::{Run, RunStore, State};
use crate::training::verify::{Place, register};

/// Arguments of `train`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  streetwise train setup                                        once: the trainer's Python environment
  streetwise train --preset resnet18 --data pictures/           the study's recipe
  streetwise train --preset dinov2-vit-s --data pictures/ --weights vits14.safetensors \\
      --unfreeze-last 0 --epochs 20 --countries AU,JP,US        only the head: minutes without a GPU
  streetwise train --recipe recipe.json --data pictures/ --seed 1
  streetwise train ablation --presets resnet18,vit-tiny --per-label 100,200,300 --seeds 3 --data pictures/

Data: a folder with index.csv (columns file, country, place) and images/, or a folder per country (AU/, JP/, …).
Ctrl-C stops with a checkpoint; `streetwise runs resume` goes on. A finished model is compared with PyTorch on real
pictures through this program and only then added to your models. With --json, the trainer's events, one a line, and
a last line with the run's end."
)]
pub(crate) struct TrainArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    recipe: RecipeFlags,
    #[command(flatten)]
    job: JobFlags,
    /// Pretrained weights in timm's naming; fetched from the model hub where none are given
    #[arg(
        long,
        value_name = "FILE.safetensors",
        conflicts_with = "from_scratch",
        help_heading = "Data and weights"
    )]
    weights: Option<PathBuf>,
    /// Name of the model, for people; preset and countries where none is given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Identifier of the model: letters, digits, - _ .; the run's where none is given
    #[arg(long, value_name = "ID")]
    model_id: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make, complete or remove the trainer's Python environment
    Setup(setup::SetupArgs),
    /// Run a grid of presets, pictures a label and seeds, and print its table
    Ablation(Box<ablation::AblationArgs>),
}

/// What of a run belongs to this machine.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct JobFlags {
    /// Labelled pictures
    #[arg(long, value_name = "DIR|index.csv", help_heading = "Data and weights")]
    data: Option<PathBuf>,
    /// Start from random weights
    #[arg(long, help_heading = "Data and weights")]
    from_scratch: bool,
    /// Go on in spite of problems of this kind in the data, such as duplicate-across-split
    #[arg(long, value_name = "KIND", help_heading = "Data and weights")]
    allow: Vec<String>,
    /// Folder of the pixel and feature caches
    #[arg(long, value_name = "DIR", help_heading = "Data and weights")]
    cache: Option<PathBuf>,
    /// Threads; all cores where none is given
    #[arg(long, value_name = "N", help_heading = "Data and weights")]
    threads: Option<usize>,
}

impl JobFlags {
    /// The job these flags describe, without weights and names.
    fn job(&self, context: &Context) -> anyhow::Result<Job> {
        let data = self.data.clone().context("--data names the pictures to train on; it is missing")?;
        Ok(Job {
            data,
            weights: None,
            from_scratch: self.from_scratch,
            allow: self.allow.clone(),
            cache: self.cache.clone().unwrap_or_else(|| context.paths.training_cache()),
            name: String::new(),
            threads: self.threads,
            model_id: String::new(),
            export: true,
        })
    }
}

/// Runs `train`.
pub(crate) fn run(args: &TrainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match &args.action {
        Some(Action::Setup(setup)) => setup::run(setup, context),
        Some(Action::Ablation(grid)) => ablation::run(grid, context),
        None => train(args, context),
    }
}

fn train(args: &TrainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let recipe = args.recipe.recipe()?;
    let mut job = args.job.job(context)?;
    job.weights.clone_from(&args.weights);
    let countries = countries_of(&job, &recipe)?;
    job.name = args.name.clone().unwrap_or_else(|| format!("{}, {countries} countries", recipe.preset));
    job.model_id = args.model_id.clone().unwrap_or_default();
    free_name(&Library::open(&context.paths), &job.model_id)?;
    let trainer = Trainer::find(&context.paths)?;
    let store = RunStore::open(&context.paths);
    let run = store.create(&recipe, job)?;
    let mut live = Live::new(&run, args.json)?;
    go_on(&run, &store, &trainer, context, &mut live)
}

/// Looks into the data before a run is made, so that a slip of the pen costs nothing. Links that lead out are the
/// trainer's to refuse or to leave out, since `--allow` may name them.
fn countries_of(job: &Job, recipe: &Recipe) -> anyhow::Result<usize> {
    match Dataset::open(&job.data) {
        Ok(data) => Ok(data.only(&recipe.countries)?.countries().len()),
        Err(DatasetError::Outside { .. }) => Ok(recipe.countries.len()),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a name that a model has, before a day of training rather than after it.
fn free_name(library: &Library, id: &str) -> anyhow::Result<()> {
    let taken = library.entries().any(|(known, _)| known == id);
    anyhow::ensure!(
        !taken,
        "a model named {id} is there already; choose another --model-id, or remove it first"
    );
    Ok(())
}

/// Waits for the turn, drives the run to its end, and verifies and adds its model.
pub(crate) fn go_on(
    run: &Run,
    store: &RunStore,
    trainer: &Trainer,
    context: &Context,
    live: &mut Live,
) -> anyhow::Result<ExitCode> {
    let Some(_turn) = queue::wait(store, &mut || live.waits_in_queue())? else {
        live.ends(run, State::Queued, &json!({}), "it was not started")?;
        return Ok(ExitCode::FAILURE);
    };
    if !run.only_check_is_left()
        && let Some(code) = follow(run, trainer, live)?
    {
        return Ok(code);
    }
    let engine = runtime::start(&context.choice)?;
    let place = Place { engine, device: context.settings.device, threads: context.settings.threads };
    match register(run, place, &Library::open(&context.paths), live) {
        Ok((found, model)) => {
            let words = format!(
                "model {} was verified on {} ({} pictures, logits within {:.4}) and added; try `streetwise guess --model {} PICTURE`",
                model.manifest.id,
                found.engine,
                found.pictures,
                found.network.logit_difference,
                model.manifest.id
            );
            live.ends(run, State::Done, &json!({ "model": model.manifest.id, "verify": found }), &words)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            live.ends(run, State::Failed, &json!({ "error": error.to_string() }), &error.to_string())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Drives the trainer; `None` when it came to its end and the model is to be verified.
pub(crate) fn follow(run: &Run, trainer: &Trainer, live: &mut Live) -> anyhow::Result<Option<ExitCode>> {
    let resume = format!("`streetwise runs resume {}` goes on", run.id);
    let (state, more, words) = match drive(run, trainer, PATIENCE, live)? {
        Ending::Done => return Ok(None),
        Ending::Stopped => (State::Stopped, json!({}), format!("stopped, with a checkpoint; {resume}")),
        Ending::Failed { kind, message, hint } => {
            let words = format!("{message}; {hint}");
            (State::Failed, json!({ "error": message, "kind": kind, "hint": hint }), words)
        }
        Ending::Died { how } => {
            let words =
                format!("the trainer ended without a word ({how}); {resume} from the last checkpoint");
            (State::Interrupted, json!({ "error": how }), words)
        }
    };
    live.ends(run, state, &more, &words)?;
    // A stop that was asked for is no failure.
    let asked = state == State::Stopped && live.wish() != crate::training::drive::Wish::GoOn;
    Ok(Some(if asked { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

/// Counts Ctrl-C and the system's wish to end from now on.
pub(crate) fn count_interrupts() -> anyhow::Result<()> {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let mut set = Ok(());
    ONCE.call_once(|| {
        set = ctrlc::set_handler(|| {
            INTERRUPTS.fetch_add(1, Ordering::Relaxed);
        });
    });
    set.context("Ctrl-C could not be caught")
}

/// How often the user asked to stop.
pub(crate) fn interrupts() -> usize {
    INTERRUPTS.load(Ordering::Relaxed)
}
