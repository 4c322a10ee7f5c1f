//! `streetwise evaluate`: how good models are on labelled pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::measure::{Measure, Models, open_data, trained_on_warning, watching};
use super::{Context, progress_bar, sentence};
use crate::cli::output::{print, say, tell};
use crate::dataset::Dataset;
use crate::evaluate::{Evaluation, predict};
use crate::training::split::trained_on;

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise evaluate efficientnet-lite0 --data pictures/
  streetwise evaluate street-world efficientnet-lite0 --data index.csv --countries AU,JP,BR --json
  streetwise evaluate ~/trained/swin-t --data pictures/

Data: a folder with index.csv (columns file, country, place, and optionally source, check) and images/, the index
itself, or a folder per country (AU/, Japan/, …). Countries go by code or name; rows that name none are told by their
line. Pictures that a model was trained on flatter it:
for a model of `streetwise train` they are counted, and --held-out leaves them out. Pictures of countries
that a model does not know, unreadable ones, and those marked `label inferred` are counted and left out.
top1, top3 and top5 are shares of pictures; balanced_top1 and so on are means over the countries. Intervals hold 95 %
of bootstrap replicates over places. With --json, one object a model.")]
pub(crate) struct EvaluateArgs {
    /// Models, by identifier or by folder
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// Labelled pictures
    #[arg(long, value_name = "DIR|index.csv")]
    data: PathBuf,
    /// Only pictures of countries that these models know too, as `compare` counts them
    #[arg(long, value_delimiter = ',', value_name = "MODEL,…")]
    known_to: Vec<String>,
    #[command(flatten)]
    measure: Measure,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `evaluate`; the exit status says whether every model got its figures.
pub(crate) fn run(args: &EvaluateArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let data = open_data(&args.data)?.only(&args.measure.countries)?;
    let models = Models::open(context)?;
    let mut failed = false;
    for name in &args.models {
        match one(args, context, &models, &data, name) {
            Ok((found, trained_on)) if args.json => {
                let mut line = serde_json::to_value(&found)?;
                line["trained_on"] = json!(trained_on);
                say!("{line}")?;
            }
            Ok((found, trained_on)) => {
                print(format_args!("{}{}", in_words(&found), trained_on_warning(trained_on)))?;
            }
            Err(error) => {
                failed = true;
                match args.json {
                    true => say!("{}", json!({ "model": name, "error": sentence(&error) }))?,
                    false => tell!("streetwise: {}", sentence(&error)),
                }
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn one(
    args: &EvaluateArgs,
    context: &Context,
    models: &Models,
    data: &Dataset,
    name: &str,
) -> anyhow::Result<(Evaluation, Option<usize>)> {
    let mut classifier = args.measure.running.load(context, models, Some(name))?;
    let (data, splits) = args.measure.split(context, &[classifier.manifest()], data)?;
    let mut options = args.measure.options();
    options.known_to = models.known_to(&args.known_to)?;
    let bar = progress_bar(data.samples.len());
    let found = predict(std::slice::from_mut(&mut classifier), &data, &options, &mut watching(&bar));
    bar.finish_and_clear();
    let answers = found?;
    Ok((answers[0].evaluation(&options), trained_on(&splits, &answers)[0]))
}

fn in_words(found: &Evaluation) -> String {
    let f = &found.figures;
    let mut text = format!(
        "{}  on {}, {}\n  {} pictures of {} places in {} countries; the model chooses among {}, chance {:.1} %\n",
        found.model,
        found.engine,
        found.device,
        found.images,
        found.places,
        found.countries_in_data,
        found.countries,
        found.chance * 100.0
    );
    let interval = |of: fn(&crate::evaluate::Intervals) -> [f64; 2]| {
        found.intervals.as_ref().map_or_else(String::new, |all| {
            let [low, high] = of(all);
            format!(" ({:.1} to {:.1})", low * 100.0, high * 100.0)
        })
    };
    text += &format!(
        "  top-1 {:.1} %{}, top-3 {:.1} %, top-5 {:.1} %{}\n",
        f.top1 * 100.0,
        interval(|i| i.top1),
        f.top3 * 100.0,
        f.top5 * 100.0,
        interval(|i| i.top5)
    );
    text += &format!(
        "  means over the countries: balanced top-1 {:.1} %{}, balanced top-5 {:.1} %, F1 {:.1} %{}; calibration error {:.3}\n",
        f.balanced_top1 * 100.0,
        interval(|i| i.balanced_top1),
        f.balanced_top5 * 100.0,
        f.macro_f1 * 100.0,
        interval(|i| i.macro_f1),
        f.ece
    );
    text + &countries(found) + &left_out(found)
}

/// What is to be said of the files: those that no picture was made of, and those that are damaged.
pub(super) fn files_said(found: &Evaluation) -> String {
    let mut text = String::new();
    if !found.left_out.not_read.is_empty() {
        text += &format!("  Files: {}\n", found.left_out.not_read);
    }
    if found.damaged > 0 {
        text += &format!(
            "  Damaged: {} of the pictures are cut short or damaged; they count as they are shown\n",
            found.damaged
        );
    }
    text
}

fn countries(found: &Evaluation) -> String {
    let mut text = String::new();
    for (country, figures) in &found.per_country {
        text += &format!(
            "    {country}  F1 {:>5.1} %  recall {:>5.1} %  {} pictures\n",
            figures.f1 * 100.0,
            figures.recall * 100.0,
            figures.support
        );
    }
    text
}

fn left_out(found: &Evaluation) -> String {
    let (out, mut text) = (&found.left_out, String::new());
    if let Some(limit) = found.limit {
        text += &format!("  Taken: {} of {} pictures, spread evenly\n", limit.taken, limit.of);
    }
    if !out.unknown_country.is_empty() {
        let unknown: usize = out.unknown_country.values().sum();
        let codes: Vec<&str> = out.unknown_country.keys().map(String::as_str).collect();
        text += &format!("  Left out: {unknown} of countries it does not know ({})\n", codes.join(" "));
    }
    if !out.unknown_to_others.is_empty() {
        let unknown: usize = out.unknown_to_others.values().sum();
        text +=
            &format!("  Left out: {unknown} of countries that a model it is compared with does not know\n");
    }
    if out.inferred > 0 {
        text += &format!("  Left out: {} whose label was inferred\n", out.inferred);
    }
    if out.unread > 0 {
        text += &format!("  Left out: {} rows or folders that name no picture of a country\n", out.unread);
    }
    if let [(_, why), rest @ ..] = out.unreadable.as_slice() {
        text += &format!("  Left out: {} unreadable, such as: {why}\n", rest.len() + 1);
    }
    text + &files_said(found)
}
