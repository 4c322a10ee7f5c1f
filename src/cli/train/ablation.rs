//! `streetwise train ablation`: a grid of runs and its table.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::flags::{Fields, PerLabel, per_label};
use super::live::Live;
use super::{Context, JobFlags, ending_in_words, go_on};
use crate::cli::interrupts::interrupts;
use crate::cli::output::{print, say, tell};
use crate::store::write_whole;
use crate::training::ablation::{Grid, Row, Spread, as_csv, find, result_of, size_in_words, table};
use crate::training::drive::Ending;
use crate::training::environment::Trainer;
use crate::training::recipe::{PRESETS, Recipe};
use crate::training::runs::{Run, RunStore, State};
use crate::training::turn::Outcome;

/// Arguments of `train ablation`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise train ablation --presets resnet18,vit-tiny --per-label 100,200,300 --seeds 3 --data pictures/
  streetwise train ablation --presets efficientnet-lite0 --per-label 20,all --seeds 3 --data pictures/ \\
      --weights efficientnet-lite0=lite0.safetensors --unfreeze-last 0 --epochs 10 --csv table.csv

Runs every combination, one after the other. Interrupted by Ctrl-C or worse, the same command continues: a run with
the same recipe, data and weights is resumed or counted, never done twice. The runs end with their figures;
`streetwise runs resume ID` makes the model of one, verifies it and adds it to yours. The table has mean ± standard deviation over seeds.")]
pub(crate) struct AblationArgs {
    /// Architectures
    #[arg(long, required = true, value_delimiter = ',', value_name = "PRESET,…",
          value_parser = clap::builder::PossibleValuesParser::new(PRESETS))]
    presets: Vec<String>,
    /// Training pictures a country
    #[arg(long = "per-label", required = true, value_delimiter = ',', value_name = "N|all,…", value_parser = per_label)]
    sizes: Vec<PerLabel>,
    /// Seeds 0 to N − 1
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,
    /// Pretrained weights of one preset; may be given for each
    #[arg(long, value_name = "PRESET=FILE", value_parser = weights, help_heading = "Data and weights")]
    weights: Vec<(String, PathBuf)>,
    #[command(flatten)]
    job: JobFlags,
    /// Take the rest of the recipe from a file
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    fields: Fields,
    /// Also write the table as a CSV file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The trainer's events, then a JSON object a row
    #[arg(long)]
    json: bool,
}

fn weights(text: &str) -> Result<(String, PathBuf), String> {
    let (preset, file) = text.split_once('=').ok_or("PRESET=FILE is needed")?;
    if !PRESETS.contains(&preset) {
        return Err(format!("{preset} is no preset"));
    }
    Ok((preset.to_owned(), file.into()))
}

/// Runs `train ablation`; the exit status says whether the table is complete.
pub(crate) fn run(args: &AblationArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let mut recipe = match &args.recipe {
        Some(file) => Recipe::read(file)?,
        None => Recipe::new(&args.presets[0]),
    };
    args.fields.over(&mut recipe);
    recipe.check()?;
    let grid = Grid {
        presets: args.presets.clone(),
        per_label: args.sizes.iter().map(|size| size.0).collect(),
        seeds: args.seeds,
        recipe,
        job: args.job.job(context)?,
        weights: args.weights.iter().cloned().collect::<BTreeMap<_, _>>(),
    };
    let (store, trainer) = (RunStore::open(&context.paths), Trainer::find(&context.paths)?);
    let cells = grid.cells();
    let mut results = Vec::new();
    for (number, (recipe, job)) in cells.iter().enumerate() {
        let mut run = find(&store, recipe, job);
        if interrupts() == 0 && run.as_ref().is_none_or(|run| run.summary().state != State::Done) {
            if !args.json {
                let (preset, size) = (&recipe.preset, size_in_words(recipe.per_label));
                tell!("run {} of {}: {preset} {size}", number + 1, cells.len());
            }
            run = Some(run.map_or_else(|| store.create(recipe, job.clone()), Ok)?);
            run.iter().try_for_each(|run| cell(run, &trainer, context, args.json))?;
        }
        let result = run.filter(|run| run.summary().state == State::Done).and_then(|run| result_of(&run));
        results.push((recipe.clone(), result));
    }
    let (missing, rows) = (results.iter().filter(|(_, result)| result.is_none()).count(), table(&results));
    show(args, &rows, missing)?;
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Drives one run of the grid to its end, in its turn. How it ended is told, and read back from its folder.
fn cell(run: &Run, trainer: &Trainer, context: &Context, as_json: bool) -> anyhow::Result<()> {
    let mut live = Live::new(run, as_json)?;
    match go_on(run, trainer, context, &mut live) {
        // The table says what came of it.
        Ok(Outcome::Trained(Ending::Done) | Outcome::Finished) if as_json => {}
        Ok(Outcome::Trained(Ending::Done) | Outcome::Finished) => tell!("run {}: done", run.id),
        outcome => {
            ending_in_words(run, outcome, &mut live)?;
        }
    }
    Ok(())
}

fn show(args: &AblationArgs, rows: &[Row], missing: usize) -> anyhow::Result<()> {
    if let Some(path) = &args.csv {
        write_whole(path, as_csv(rows)?.as_bytes())?;
    }
    if args.json {
        for row in rows {
            say!("{}", json!({ "row": row }))?;
        }
        say!("{}", json!({ "missing": missing }))?;
        return Ok(());
    }
    print(in_words(rows))?;
    if missing > 0 {
        say!("{missing} runs are missing; the same command goes on with them.")?;
    }
    Ok(())
}

fn in_words(rows: &[Row]) -> String {
    let share = |s: Spread| {
        let sd = s.sd.map_or_else(String::new, |sd| format!(" ± {:.1}", sd * 100.0));
        format!("{:.1}{sd}", s.mean * 100.0)
    };
    let mut text = format!(
        "{:<20} {:>9} {:>6} {:>16} {:>16} {:>14} {:>10} {:>7} {:>7} {:>7}\n",
        "preset",
        "per label",
        "seeds",
        "balanced top-1 %",
        "balanced top-5 %",
        "macro-F1 %",
        "countries",
        "chance",
        "places",
        "images"
    );
    for row in rows {
        text += &format!(
            "{:<20} {:>9} {:>6} {:>16} {:>16} {:>14} {:>10} {:>6.1}% {:>7.0} {:>7.0}\n",
            row.preset,
            size_in_words(row.per_label),
            row.seeds,
            share(row.balanced_top1),
            share(row.balanced_top5),
            share(row.macro_f1),
            row.countries,
            row.chance * 100.0,
            row.places,
            row.images
        );
    }
    text + "Means over the countries, on places held out; ± is the standard deviation over seeds.\n"
}
