//! `streetwise train`: a model from a folder of pictures, verified and added to the user's models.

mod ablation;
mod flags;
mod live;
mod setup;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

pub(crate) use flags::RecipeFlags;
pub(crate) use live::{Live, epoch_line};

use super::Context;
use crate::dataset::{Dataset, DatasetError};
use crate::model::Library;
use crate::training::drive::{Ending, Watch as _, Wish};
use crate::training::environment::Trainer;
use crate::training::job::Job;
use crate::training::recipe::Recipe;
use crate::training::runs::{Run, RunStore, State};
use crate::training::turn::{self, Means, Outcome, TurnError};
use crate::training::verify::VerifyError;

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
    let outcome = go_on(&run, &trainer, context, &mut live);
    ending_in_words(&run, outcome, &mut live)
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

/// Waits for the turn of the run, drives it to its end, and verifies and adds its model.
pub(crate) fn go_on(
    run: &Run,
    trainer: &Trainer,
    context: &Context,
    live: &mut Live,
) -> Result<Outcome, TurnError> {
    let (device, threads) = (context.settings.device, context.settings.threads);
    let means = Means { paths: &context.paths, trainer, choice: &context.choice, device, threads };
    turn::go_on(&run.id, &means, live)
}

/// Says what became of a run, in the last line.
pub(crate) fn ending_in_words(
    run: &Run,
    outcome: Result<Outcome, TurnError>,
    live: &mut Live,
) -> anyhow::Result<ExitCode> {
    let (state, more, words) = match outcome {
        Ok(Outcome::NotStarted) => (State::Queued, json!({}), "it was not started".to_owned()),
        Ok(Outcome::Finished) => {
            let words = format!("done, and its model {} was added before", run.job.model_id);
            (State::Done, json!({ "model": run.job.model_id }), words)
        }
        Ok(Outcome::Added(found, model)) => {
            let id = &model.manifest.id;
            let words = format!(
                "model {id} was verified on {} ({} pictures, logits within {:.4}) and added; try `streetwise guess --model {id} PICTURE`",
                found.engine, found.pictures, found.network.logit_difference,
            );
            (State::Done, json!({ "model": id, "verify": found }), words)
        }
        Ok(Outcome::Trained(ending)) => ending_of(run, ending),
        Err(TurnError::Verify(error @ VerifyError::Stopped { .. })) => {
            (State::Stopped, json!({}), error.to_string())
        }
        Err(TurnError::Verify(error)) => {
            (State::Failed, json!({ "error": error.to_string() }), error.to_string())
        }
        Err(error) => return Err(error.into()),
    };
    live.ends(run, state, &more, &words)?;
    // A stop that was asked for is no failure.
    let asked = state == State::Stopped && live.wish() != Wish::GoOn;
    Ok(if asked || state == State::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a trainer ended: the run's state, more for `--json`, and words.
fn ending_of(run: &Run, ending: Ending) -> (State, Value, String) {
    let resume = format!("`streetwise runs resume {}` goes on", run.id);
    match ending {
        Ending::Done => (State::Done, json!({}), "done".to_owned()),
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
    }
}
