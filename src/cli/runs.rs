//! `streetwise runs`: what became of training, and what can still be done with it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Subcommand;
use indicatif::HumanDuration;
use serde_json::{Value, json};

use super::train::{Live, RecipeFlags, epoch_line, go_on};
use super::{Context, paint};
use crate::cli::output::{OutputError, say};
use crate::training::ablation::result_of;
use crate::training::environment::Trainer;
use crate::training::job::Job;
use crate::training::process::PATIENCE;
use crate::training::recipe::Recipe;
use crate::training::runs::{Run, RunStore, State};
use crate::training::summary::Summary;

/// Arguments of `runs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise runs list
  streetwise runs show 3                  a run by its number
  streetwise runs stop 3                  with a checkpoint
  streetwise runs resume 3                from the last checkpoint; verifies a finished model that was not added yet
  streetwise runs clone 3 --seed 1        a new run with the same recipe, changed
  streetwise runs compare 3 4
  streetwise runs paint 3                 pictures that excite each country of it most
  streetwise runs delete 3")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    action: Action,
    /// One JSON object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All runs, with their state and best figures
    List,
    /// One run: recipe, epochs, warnings, result
    Show {
        /// Its name or number
        run: String,
    },
    /// Stop a run that goes on in another window, with a checkpoint
    Stop {
        /// Its name or number
        run: String,
    },
    /// Go on with a run, start a queued one, or verify and add the model of a finished one
    Resume {
        /// Its name or number
        run: String,
    },
    /// Make a new run from one's recipe and data; `runs resume` starts it
    Clone {
        /// Its name or number
        run: String,
        #[command(flatten)]
        recipe: Box<RecipeFlags>,
    },
    /// Paint what excites each country of a run most; into the folder `activations` of the run
    Paint {
        /// Its name or number
        run: String,
    },
    /// Delete a run's folder; a model that was added stays
    Delete {
        /// Names or numbers
        #[arg(required = true)]
        runs: Vec<String>,
    },
    /// Held-out figures of runs side by side; of all finished ones where none is named
    Compare {
        /// Names or numbers
        runs: Vec<String>,
    },
}

/// Runs `runs`.
pub(crate) fn run(args: &RunsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let store = RunStore::open(&context.paths);
    match &args.action {
        Action::List => list(&store, args.json)?,
        Action::Show { run } => show(&store.get(run)?, args.json)?,
        Action::Stop { run } => return stop(&store.get(run)?, args.json),
        Action::Resume { run } => return resume(&store, &store.get(run)?, context, args.json),
        Action::Paint { run } => return paint::run(&store.get(run)?, context, args.json),
        Action::Clone { run, recipe } => {
            let old = store.get(run)?;
            let job = Job { model_id: String::new(), name: String::new(), export: true, ..old.job };
            let new = store.create(&recipe.over(old.recipe)?, job)?;
            let words = format!("made from {}; `streetwise runs resume {}` starts it", old.id, new.id);
            say_state(args.json, &new.id, State::Queued, &words)?;
        }
        Action::Delete { runs } => {
            for run in runs {
                let id = store.get(run).map_or_else(|_| run.clone(), |run| run.id);
                store.delete(run)?;
                match args.json {
                    true => say!("{}", json!({ "run": id, "deleted": true }))?,
                    false => say!("run {id}: deleted")?,
                }
            }
        }
        Action::Compare { runs } => compare(&store, runs, args.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn say_state(as_json: bool, id: &str, state: State, words: &str) -> Result<(), OutputError> {
    match as_json {
        true => say!("{}", json!({ "run": id, "state": state })),
        false => say!("run {id}: {words}"),
    }
}

fn list(store: &RunStore, as_json: bool) -> Result<(), OutputError> {
    for (id, run) in store.all() {
        match run {
            Ok(run) if as_json => say!("{}", line_of(&run, &run.summary()))?,
            Ok(run) => say!("{}", in_a_line(&run, &run.summary()))?,
            Err(error) if as_json => say!("{}", json!({ "run": id, "error": error.to_string() }))?,
            Err(error) => say!("{id}\n  cannot be used: {error}")?,
        }
    }
    Ok(())
}

fn line_of(run: &Run, s: &Summary) -> Value {
    json!({
        "run": run.id, "state": s.state, "preset": run.recipe.preset, "countries": run.recipe.countries,
        "per_label": run.recipe.per_label, "seed": run.recipe.seed, "data": run.job.data, "model_id": run.job.model_id,
        "epoch": s.last().map_or(0, |m| m.epoch), "epochs": run.recipe.total_epochs(),
        "macro_f1": s.best().and_then(|m| m.macro_f1), "accuracy": s.best().and_then(|m| m.accuracy),
        "seconds": s.seconds, "registered": s.registered, "folder": run.folder,
    })
}

fn in_a_line(run: &Run, s: &Summary) -> String {
    let best = s
        .best()
        .and_then(|m| m.macro_f1)
        .map_or_else(String::new, |f1| format!("  best F1 {:.1} %", f1 * 100.0));
    let added = if s.registered { "  model added" } else { "" };
    format!(
        "{:<28} {:<12} epoch {}/{}  {}{best}{added}",
        run.id,
        s.state.word(),
        s.last().map_or(0, |m| m.epoch),
        run.recipe.total_epochs(),
        HumanDuration(Duration::from_secs_f64(s.seconds))
    )
}

fn read_json(run: &Run, name: &str) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(run.file(name)).ok()?).ok()
}

fn show(run: &Run, as_json: bool) -> Result<(), OutputError> {
    let s = run.summary();
    let (evaluation, verify) = (read_json(run, "evaluation.json"), read_json(run, "verify.json"));
    if as_json {
        let line = json!({
            "run": run.id, "folder": run.folder, "recipe": run.recipe, "job": run.job, "summary": s,
            "evaluation": evaluation, "verify": verify,
        });
        return say!("{line}");
    }
    say!("{}\n  in {}\n  data {}", in_a_line(run, &s), run.folder.display(), run.job.data.display())?;
    say!("  recipe: {}", changes(&run.recipe))?;
    for metrics in &s.epochs {
        say!("  {}", epoch_line(metrics))?;
    }
    for warning in &s.warnings {
        say!("  warning: {warning}")?;
    }
    let phases: Vec<String> =
        s.phases.iter().map(|(name, seconds)| format!("{name} {seconds:.1} s")).collect();
    say!("  time: {}", phases.join(", "))?;
    show_result(run)?;
    if let Some(ending) = s.ending.filter(|ending| !ending.message.is_empty()) {
        say!("  {}: {}; {}", ending.kind, ending.message, ending.hint)?;
    }
    Ok(())
}

/// The preset, and every field that differs from the study's.
fn changes(recipe: &Recipe) -> String {
    let plain = serde_json::to_value(Recipe::new(&recipe.preset)).unwrap_or_default();
    let mut text = format!("{}, the study's", recipe.preset);
    if let Ok(Value::Object(fields)) = serde_json::to_value(recipe) {
        let changed = fields.iter().filter(|(key, value)| plain.get(key.as_str()) != Some(value));
        for (number, (key, value)) in changed.enumerate() {
            text += &format!("{} {key} {value}", if number == 0 { " but" } else { "," });
        }
    }
    text
}

fn show_result(run: &Run) -> Result<(), OutputError> {
    if let Some(found) = result_of(run) {
        say!(
            "  held out, means over the countries: top-1 {:.1} %, top-5 {:.1} %, F1 {:.1} % ({} countries, chance {:.1} %, {} pictures of {} places)",
            found.top1 * 100.0,
            found.top5 * 100.0,
            found.macro_f1 * 100.0,
            found.countries,
            found.chance * 100.0,
            found.images,
            found.places
        )?;
    }
    Ok(())
}

/// Asks, and waits for the checkpoint.
fn stop(run: &Run, as_json: bool) -> anyhow::Result<ExitCode> {
    run.ask_to_stop()?;
    let asked = Instant::now();
    // The app that drives the run kills a trainer that takes longer than its patience.
    while asked.elapsed() < PATIENCE + Duration::from_secs(5) {
        let state = run.summary().state;
        if state != State::Running {
            say_state(
                as_json,
                &run.id,
                state,
                &format!("{}; `streetwise runs resume {}` goes on", state.word(), run.id),
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = std::fs::remove_file(run.stop_request());
    anyhow::bail!(
        "run {} did not stop: no Streetwise drives it; end the process that holds its run.lock",
        run.id
    )
}

fn resume(store: &RunStore, run: &Run, context: &Context, as_json: bool) -> anyhow::Result<ExitCode> {
    run.check_resumable()?;
    let trainer = Trainer::find(&context.paths)?;
    let run = &run.to_deliver()?;
    let mut live = Live::new(run, as_json)?;
    go_on(run, store, &trainer, context, &mut live)
}

fn compare(store: &RunStore, names: &[String], as_json: bool) -> anyhow::Result<()> {
    let runs: Vec<Run> = if names.is_empty() {
        store
            .all()
            .into_iter()
            .filter_map(|(_, run)| run.ok())
            .filter(|run| result_of(run).is_some())
            .collect()
    } else {
        names.iter().map(|name| store.get(name)).collect::<Result<_, _>>()?
    };
    if !as_json {
        say!(
            "{:<28} {:<12} {:>7} {:>7} {:>7} {:>7} {:>10} {:>7} {:>7}",
            "run",
            "state",
            "top-1",
            "top-5",
            "F1",
            "chance",
            "countries",
            "places",
            "time"
        )?;
    }
    for run in runs {
        let (s, result) = (run.summary(), result_of(&run));
        if as_json {
            let mut line = line_of(&run, &s);
            line["result"] = json!(result);
            say!("{line}")?;
            continue;
        }
        let share = |of: fn(&crate::training::ablation::HeldOut) -> f64| {
            result.as_ref().map_or("–".to_owned(), |found| format!("{:.1} %", of(found) * 100.0))
        };
        say!(
            "{:<28} {:<12} {:>7} {:>7} {:>7} {:>7} {:>10} {:>7} {:>6.0}s",
            run.id,
            s.state.word(),
            share(|r| r.top1),
            share(|r| r.top5),
            share(|r| r.macro_f1),
            share(|r| r.chance),
            result.as_ref().map_or(0, |r| r.countries),
            result.as_ref().map_or(0, |r| r.places),
            s.seconds
        )?;
    }
    if !as_json {
        say!("top-1, top-5 and F1 are means over the countries, on places held out.")?;
    }
    Ok(())
}
