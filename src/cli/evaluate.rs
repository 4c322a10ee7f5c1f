//! `streetwise evaluate`: how good models are on labelled pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::{Context, DeviceArg, progress_bar};
use crate::dataset::Dataset;
use crate::evaluate::{Evaluation, Options, evaluate};
use crate::model::{Classifier, Library, Model, Owner};
use crate::runtime::{self, Engine};
use crate::training::runs::RunStore;
use crate::training::split::Split;

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise evaluate efficientnet-lite0 --data pictures/
  streetwise evaluate dinov2-vit-s efficientnet-lite0 --data index.csv --countries AU,JP,BR --json
  streetwise evaluate ~/trained/swin-t --data pictures/

Data: a folder with index.csv (columns file, country, place, and optionally source, check) and images/, the index
itself, or a folder per country (AU/, JP/, …). Pictures that a model was trained on flatter it:
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
    /// Only pictures of these countries
    #[arg(long, value_delimiter = ',', value_name = "ISO2,…")]
    countries: Vec<String>,
    /// Also count pictures whose label was inferred
    #[arg(long)]
    include_inferred: bool,
    /// Only pictures that the model's own training run held out; for models of `streetwise train`
    #[arg(long)]
    held_out: bool,
    /// Bootstrap replicates for the intervals; 0 for none
    #[arg(long, default_value_t = 1000, value_name = "N")]
    replicates: usize,
    /// Where the models run
    #[arg(long, value_enum)]
    device: Option<DeviceArg>,
    /// Threads of one inference; all cores where none is given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `evaluate`; the exit status says whether every model got its figures.
pub(crate) fn run(args: &EvaluateArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let data = Dataset::open(&args.data)?.only(&args.countries)?;
    let engine = runtime::start(&context.choice)?;
    let library = Library::open(&context.paths);
    let mut failed = false;
    for name in &args.models {
        match one(args, context, engine, &library, &data, name) {
            Ok((found, trained_on)) if args.json => {
                let mut line = serde_json::to_value(&found)?;
                line["trained_on"] = json!(trained_on);
                println!("{line}");
            }
            Ok((found, trained_on)) => print!("{}{}", in_words(&found), warning(trained_on)),
            Err(error) => {
                failed = true;
                match args.json {
                    true => println!("{}", json!({ "model": name, "error": format!("{error:#}") })),
                    false => eprintln!("streetwise: {error:#}"),
                }
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn one(
    args: &EvaluateArgs,
    context: &Context,
    engine: &Engine,
    library: &Library,
    data: &Dataset,
    name: &str,
) -> anyhow::Result<(Evaluation, usize)> {
    let folder = PathBuf::from(name);
    let model = if folder.join("model.json").is_file() {
        Model::read(&folder, Owner::User)?
    } else {
        library.get(name)?.clone()
    };
    let device = args.device.map_or(context.settings.device, Into::into);
    let mut classifier = Classifier::load(engine, &model, device, args.threads.or(context.settings.threads))?;
    let (data, trained_on) = seen(args, context, &model.manifest.id, data)?;
    let bar = progress_bar(data.samples.len());
    let options =
        Options { inferred: args.include_inferred, replicates: args.replicates, ..Options::default() };
    let found = evaluate(&mut classifier, &data, options, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok((found?, trained_on))
}

/// The pictures to count, and how many of them the model's own run trained on.
fn seen(
    args: &EvaluateArgs,
    context: &Context,
    model: &str,
    data: &Dataset,
) -> anyhow::Result<(Dataset, usize)> {
    let mut data = data.clone();
    let split = Split::of_model(&RunStore::open(&context.paths), model);
    if args.held_out {
        let split = split.as_ref().with_context(|| {
            format!("the run that made {model} is not here, so what it held out is not known; leave --held-out away")
        })?;
        data.samples.retain(|sample| split.held_out(&sample.file));
        anyhow::ensure!(
            !data.samples.is_empty(),
            "the run that made {model} held none of these pictures out"
        );
    }
    let trained = |split: Split| data.samples.iter().filter(|sample| split.trained_on(&sample.file)).count();
    let count = split.map_or(0, trained);
    Ok((data, count))
}

fn warning(trained_on: usize) -> String {
    if trained_on == 0 {
        return String::new();
    }
    format!(
        "  Warning: {trained_on} of the pictures were trained on, so these figures flatter; --held-out counts the others alone\n"
    )
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
        "  mean over countries: top-1 {:.1} %{}, top-5 {:.1} %, F1 {:.1} %{}; calibration error {:.3}\n",
        f.balanced_top1 * 100.0,
        interval(|i| i.balanced_top1),
        f.balanced_top5 * 100.0,
        f.macro_f1 * 100.0,
        interval(|i| i.macro_f1),
        f.ece
    );
    text + &countries(found) + &left_out(found)
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
    if !out.unknown_country.is_empty() {
        let unknown: usize = out.unknown_country.values().sum();
        let codes: Vec<&str> = out.unknown_country.keys().map(String::as_str).collect();
        text += &format!("  Left out: {unknown} of countries it does not know ({})\n", codes.join(" "));
    }
    if out.inferred > 0 {
        text += &format!("  Left out: {} whose label was inferred\n", out.inferred);
    }
    if let [(_, why), rest @ ..] = out.unreadable.as_slice() {
        text += &format!("  Left out: {} unreadable, such as: {why}\n", rest.len() + 1);
    }
    text
}
