//! `streetwise compare`: models side by side, on one picture or on labelled ones.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::evaluate::files_said;
use super::measure::{Measure, Models, open_data, trained_on_warning, watching};
use super::{Context, progress_bar};
use crate::cli::output::{print, say, tell};
use crate::compare::{CompareError, Comparison, Disagreement, Looks, MODELS, Report, compare, look};
use crate::evaluate::Options;
use crate::imaging::{Limits, Picture};
use crate::model::{Classifier, Manifest};
use crate::store::keep_apart;
use crate::training::runs::RunStore;
use crate::training::split::trained_on;
use crate::training::study::study;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise compare street-world efficientnet-lite0 --data pictures/ --limit 500 --html report.html
  streetwise compare street-world efficientnet-lite0 --data index.csv --json
  streetwise compare street-world efficientnet-lite0 --picture photo.jpg

All models answer for the same pictures: those whose country every one of them knows. Each chooses among its own
countries. `streetwise evaluate A --known-to B --data …` with the same flags gives the same figures of A. Whether one is
better is said by an exact sign-flip test over places; McNemar's test over pictures stands beside it.
With --json: one object a model, one a pair, one a picture on which they differ, and a last one with the sums.")]
pub(crate) struct CompareArgs {
    /// Two to six models, by identifier or by folder
    #[arg(required = true, num_args = 2..=6, value_name = "MODEL")]
    models: Vec<String>,
    /// Labelled pictures
    #[arg(long, value_name = "DIR|index.csv", required_unless_present = "picture")]
    data: Option<PathBuf>,
    /// One picture instead: each model's ranking and time, and whether they differ
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "html", "csv", "charts"])]
    picture: Option<PathBuf>,
    #[command(flatten)]
    measure: Measure,
    /// As many pictures are printed on which the models differ
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: usize,
    /// Also write a report: one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write the tables: the models to FILE, the others beside it as FILE-countries.csv, FILE-pairs.csv and so on
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write every chart as SVG and PNG into a folder
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `compare`.
pub(crate) fn run(args: &CompareArgs, context: &Context) -> anyhow::Result<ExitCode> {
    if !MODELS.contains(&args.models.len()) {
        return Err(CompareError::Number(args.models.len()).into());
    }
    let models = Models::open(context)?;
    let load = |name: &String| args.measure.running.load(context, &models, Some(name));
    let mut classifiers: Vec<Classifier> = args.models.iter().map(load).collect::<Result<_, _>>()?;
    match (&args.picture, &args.data) {
        (Some(file), _) => {
            let found = look(&mut classifiers, &Picture::open(file, &Limits::default())?)?;
            match args.json {
                true => say!("{}", serde_json::to_string(&found)?)?,
                false => print(looks_in_words(&found))?,
            }
        }
        (None, Some(data)) => on_data(args, context, &mut classifiers, data)?,
        (None, None) => anyhow::bail!("name labelled pictures with --data, or one picture with --picture"),
    }
    Ok(ExitCode::SUCCESS)
}

fn on_data(
    args: &CompareArgs,
    context: &Context,
    classifiers: &mut [Classifier],
    data: &std::path::Path,
) -> anyhow::Result<()> {
    let data = open_data(data)?.only(&args.measure.countries)?;
    for out in args.html.iter().chain(&args.csv) {
        let index = [data.root.clone(), data.root.join("index.csv")];
        keep_apart(out, index.iter().chain(data.samples.iter().map(|sample| &sample.file)))?;
    }
    let manifests: Vec<&Manifest> = classifiers.iter().map(Classifier::manifest).collect();
    let (data, splits) = args.measure.split(context, &manifests, &data)?;
    let options: Options = args.measure.options();
    let bar = progress_bar(data.samples.len());
    let found = compare(classifiers, &data, &options, &mut watching(&bar));
    bar.finish_and_clear();
    let (comparison, answers) = found?;
    let trained_on = trained_on(&splits, &answers);
    let report =
        Report { runs: study(&RunStore::open(&context.paths)), command: command(), trained_on, comparison };
    write(args, &report)?;
    match args.json {
        true => print_json(&report),
        false => {
            print(in_words(args, &report))?;
            Ok(())
        }
    }
}

fn write(args: &CompareArgs, report: &Report) -> anyhow::Result<()> {
    let mut written = Vec::new();
    if let Some(path) = &args.html {
        report.write_html(path)?;
        written.push(path.clone());
    }
    if let Some(path) = &args.csv {
        written.extend(report.write_csv(path)?);
    }
    if let Some(folder) = &args.charts {
        written.extend(report.write_charts(folder)?);
    }
    for file in written.iter().filter(|_| !args.json) {
        tell!("wrote {}", file.display());
    }
    Ok(())
}

/// The command as it was typed, words with spaces in quotes.
fn command() -> String {
    let quoted = |word: String| if word.contains(' ') { format!("\"{word}\"") } else { word };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    std::iter::once("streetwise".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn print_json(report: &Report) -> anyhow::Result<()> {
    let found = &report.comparison;
    for (model, trained_on) in found.models.iter().zip(&report.trained_on) {
        let mut line = serde_json::to_value(model)?;
        line["trained_on"] = json!(trained_on);
        say!("{line}")?;
    }
    for pair in &found.pairs {
        say!("{}", json!({ "pair": pair }))?;
    }
    for picture in &found.disagreements {
        say!("{}", json!({ "disagreement": picture }))?;
    }
    let sums = json!({
        "common": found.common, "agreed": found.agreed, "agreed_right": found.agreed_right,
        "any_right": found.any_right, "disagreements": found.disagreements.len(),
    });
    say!("{}", json!({ "sums": sums }))?;
    Ok(())
}

fn in_words(args: &CompareArgs, report: &Report) -> String {
    let found = &report.comparison;
    let mut text = header(found);
    for (model, trained_on) in found.models.iter().zip(&report.trained_on) {
        let (e, f) = (&model.evaluation, &model.evaluation.figures);
        let ends = |interval: Option<[f64; 2]>| {
            interval.map_or_else(String::new, |[low, high]| {
                format!("({:.1} to {:.1})", low * 100.0, high * 100.0)
            })
        };
        text += &format!(
            "  {:<22} top-1 {:>4.1} % {:<15} top-5 {:>4.1} %  F1 {:>4.1} % {:<15} calibration {:.3}  {:>6.1} ms{}\n",
            e.model,
            f.top1 * 100.0,
            ends(e.intervals.map(|i| i.top1)),
            f.top5 * 100.0,
            f.macro_f1 * 100.0,
            ends(e.intervals.map(|i| i.macro_f1)),
            f.ece,
            model.latency.median_ms,
            if model.pareto { "" } else { "  (another is as good, and faster)" },
        );
        text += &trained_on_warning(*trained_on);
        text += &model.flattered().map_or_else(String::new, |warning| format!("  Warning: {warning}\n"));
    }
    for pair in &found.pairs {
        text += &format!("  {}\n", pair.sentence);
    }
    text += &format!(
        "They agree on {}, rightly on {}; at least one is right on {}. They differ on {}:\n",
        found.agreed,
        found.agreed_right,
        found.any_right,
        found.disagreements.len()
    );
    found.disagreements.iter().take(args.top).for_each(|one| text += &difference(one));
    text
}

fn header(found: &Comparison) -> String {
    let Some(first) = found.models.first().map(|m| &m.evaluation) else { return String::new() };
    let out = &first.left_out;
    let unknown: usize = out.unknown_country.values().chain(out.unknown_to_others.values()).sum();
    let limit = first.limit.map_or_else(String::new, |limit| {
        format!(", {} of {} that could be counted, spread evenly", limit.taken, limit.of)
    });
    format!(
        "{} pictures of {} places in {} countries that all models know{limit}\n  Left out: {unknown} of countries that not all \
         know, {} whose label was inferred, {} unreadable, {} rows or folders that name no picture of a country\n",
        first.images,
        first.places,
        first.countries_in_data,
        out.inferred,
        out.unreadable.len(),
        out.unread
    ) + &files_said(first)
}

fn difference(one: &Disagreement) -> String {
    let said: Vec<String> = one
        .said
        .iter()
        .map(|said| {
            let right = if said.right { " (right)" } else { "" };
            format!("{} {} {:.0} %{right}", said.model, said.country, said.p * 100.0)
        })
        .collect();
    format!("  {}  {}: {}\n", one.country, one.file.display(), said.join(", "))
}

fn looks_in_words(found: &Looks) -> String {
    let mut text = String::new();
    for look in &found.looks {
        let guesses: Vec<String> = look
            .ranking
            .guesses
            .iter()
            .take(5)
            .map(|g| format!("{} {:.0} %", g.country, g.p * 100.0))
            .collect();
        text += &format!(
            "  {:<22} {}  {:.1} ms on {}, {}\n",
            look.model,
            guesses.join("  "),
            look.ms,
            look.engine,
            look.device
        );
    }
    text + if found.disagree { "They differ.\n" } else { "They agree.\n" }
}
