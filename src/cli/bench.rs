//! `streetwise bench`: how fast models are on this machine, on every engine that is found.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::bench_guess::{self, Plan};
use super::measure::{Models, open_data, watching};
use super::{Context, DeviceArg, progress_bar, sentence};
use crate::base::Device;
use crate::bench::{BenchOptions, bench, threads_here};
use crate::cli::output::{print, say, tell};
use crate::compare::pareto;
use crate::evaluate::{Options, evaluate};

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise bench
  streetwise bench street-world efficientnet-lite0 --batches 1,4,16 --threads 1,2 --data pictures/ --limit 200
  streetwise bench street-world --picture photo.jpg --threads 2 --repeat 20

One line an engine, model, number of threads and batch: median and 95th percentile of the time from tensor to logits, and
pictures a second. Every engine that is found runs in a process of its own, so memory is that of one model alone.
With --data, macro-F1 stands beside it, and what no other row beats in both is marked.
With --picture, where the time of a guess goes: decode, prepare, infer.")]
pub(crate) struct BenchArgs {
    /// Models, by identifier or by folder; all of yours where none is named
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Time the way from these files to a ranking instead
    #[arg(long, value_name = "FILE", num_args = 1..)]
    picture: Vec<PathBuf>,
    /// Rounds over the files of --picture, after one that does not count
    #[arg(long, default_value_t = 20, value_name = "N")]
    repeat: usize,
    /// Pictures at once
    #[arg(long, value_delimiter = ',', default_value = "1,4,16", value_name = "N,…", value_parser = positive)]
    batches: Vec<usize>,
    /// Threads of one inference; 1 and all cores where none is given
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = positive)]
    threads: Vec<usize>,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 3.0, value_name = "S")]
    seconds: f64,
    /// Labelled pictures, for macro-F1
    #[arg(long, value_name = "DIR|index.csv")]
    data: Option<PathBuf>,
    /// At most so many of them, spread evenly over the list
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Where the models run
    #[arg(long, value_enum)]
    device: Option<DeviceArg>,
    /// Only the engine that guesses run on, in this process
    #[arg(long)]
    this_engine: bool,
    /// One JSON object a line: one a model and engine
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| "1 to 1024 is needed".to_owned())
}

/// Runs `bench`; the exit status says whether every model ran on every engine.
pub(crate) fn run(args: &BenchArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let models = Models::open(context)?;
    if !args.picture.is_empty() {
        let plan = Plan {
            files: &args.picture,
            threads: args.threads.first().copied(),
            repeat: args.repeat,
            json: args.json,
        };
        return bench_guess::run(&plan, &models, args.models.first().map(String::as_str));
    }
    let names = if args.models.is_empty() { models.all() } else { args.models.clone() };
    if args.this_engine {
        for name in &names {
            say!("{}", here(args, context, &models, name)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (mut found, mut failed) = (Vec::new(), false);
    for name in &names {
        let f1 = args.data.as_ref().map(|data| macro_f1(args, context, &models, name, data)).transpose()?;
        for library in engines(&models, args.device) {
            match child(args, name, &library) {
                Ok(mut line) => {
                    line["macro_f1"] = json!(f1);
                    found.push(line);
                }
                Err(error) => {
                    failed = true;
                    tell!("streetwise: {}", sentence(&error));
                }
            }
        }
    }
    mark_front(&mut found);
    for line in &found {
        match args.json {
            true => say!("{line}")?,
            false => print(in_words(line))?,
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures one model in this process; a line of JSON.
fn here(args: &BenchArgs, context: &Context, models: &Models, name: &str) -> anyhow::Result<String> {
    let mut threads = if args.threads.is_empty() { threads_here() } else { args.threads.clone() };
    threads.dedup();
    let options = BenchOptions {
        batches: args.batches.clone(),
        threads,
        device: args.device.map_or(context.settings.device, Into::into),
        budget: Duration::try_from_secs_f64(args.seconds).context("--seconds must be a time")?,
    };
    let bar = progress_bar(options.batches.len() * options.threads.len());
    let found = bench(models.engine, &models.named(name)?, &options, &mut watching(&bar));
    bar.finish_and_clear();
    Ok(serde_json::to_string(&found?)?)
}

/// The engine of this process and the embedded one, as `--runtime` names them. The embedded one runs on the processor
/// only, so where CUDA is asked for it is left out beside another.
fn engines(models: &Models, device: Option<DeviceArg>) -> Vec<PathBuf> {
    let library = models.engine.library.iter().cloned();
    let embedded = device != Some(DeviceArg::Cuda) || models.engine.library.is_none();
    library.chain(embedded.then(|| PathBuf::from("embedded"))).collect()
}

/// The same in a process of its own on the engine `library`.
fn child(args: &BenchArgs, model: &str, library: &PathBuf) -> anyhow::Result<Value> {
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--runtime").arg(library).args(["bench", model, "--this-engine", "--json"]);
    command.args(["--batches", &list(&args.batches), "--seconds", &args.seconds.to_string()]);
    if !args.threads.is_empty() {
        command.args(["--threads", &list(&args.threads)]);
    }
    if let Some(device) = args.device.and_then(|device| clap::ValueEnum::to_possible_value(&device)) {
        command.args(["--device", device.get_name()]);
    }
    let output = command.output().context("the bench could not be started in a process of its own")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}", said.trim().trim_start_matches("streetwise: "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn macro_f1(
    args: &BenchArgs,
    context: &Context,
    models: &Models,
    name: &str,
    data: &std::path::Path,
) -> anyhow::Result<f64> {
    let device: Device = args.device.map_or(context.settings.device, Into::into);
    let mut classifier = models.load(Some(name), device, context.settings.threads)?;
    let options = Options { limit: args.limit, replicates: 0, ..Options::default() };
    let data = open_data(data)?;
    let bar = progress_bar(data.samples.len());
    let found = evaluate(&mut classifier, &data, &options, &mut watching(&bar));
    bar.finish_and_clear();
    Ok(found?.figures.macro_f1)
}

/// Fastest median of a single picture.
fn single(line: &Value) -> Option<f64> {
    let rows = line["rows"].as_array()?;
    let of_one = rows.iter().filter(|row| row["batch"] == 1);
    of_one.filter_map(|row| row["latency"]["median_ms"].as_f64()).min_by(f64::total_cmp)
}

/// Marks the lines that no other beats in both macro-F1 and the time of a single picture; null where one is not known.
fn mark_front(lines: &mut [Value]) {
    let known: Vec<(usize, (f64, f64))> = lines
        .iter()
        .enumerate()
        .filter_map(|(i, line)| Some((i, (single(line)?, line["macro_f1"].as_f64()?))))
        .collect();
    lines.iter_mut().for_each(|line| line["pareto"] = Value::Null);
    let points: Vec<(f64, f64)> = known.iter().map(|(_, point)| *point).collect();
    for ((i, _), best) in known.iter().zip(pareto(&points)) {
        lines[*i]["pareto"] = json!(best);
    }
}

fn in_words(line: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut text = format!(
        "{}  on {}, {}: loaded in {:.0} ms",
        word(&line["model"]),
        word(&line["engine"]),
        word(&line["device"]),
        number(&line["load_ms"])
    );
    if let Some(memory) = line["resident_mb"].as_f64() {
        text += &format!(", {memory:.0} MB resident");
    }
    if let Some(f1) = line["macro_f1"].as_f64() {
        let front = if line["pareto"] == true { ", not beaten in both" } else { "" };
        text += &format!(", macro-F1 {:.1} %{front}", f1 * 100.0);
    }
    text.push('\n');
    for row in line["rows"].as_array().into_iter().flatten() {
        text += &format!(
            "  {:>2} threads, batch {:>3}: median {:>7.1} ms, 95th {:>7.1} ms, {:>7.1} pictures/s\n",
            row["threads"],
            row["batch"],
            number(&row["latency"]["median_ms"]),
            number(&row["latency"]["p95_ms"]),
            number(&row["pictures_per_s"])
        );
    }
    for left in line["not_run"].as_array().into_iter().flatten() {
        let what = match (left["batch"].as_u64(), left["threads"].as_u64()) {
            (Some(batch), _) => format!("batch {batch}"),
            (None, Some(threads)) => format!("{threads} threads"),
            (None, None) => "the rest".to_owned(),
        };
        text += &format!("  Left out, {what}: {}\n", word(&left["why"]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_marked_where_both_figures_are_known() {
        let line = |ms: f64, f1: Option<f64>| {
            json!({ "rows": [{ "batch": 4, "latency": { "median_ms": 1.0 } },
                             { "batch": 1, "latency": { "median_ms": ms } }], "macro_f1": f1 })
        };
        let mut lines = [line(5.0, Some(0.3)), line(70.0, Some(0.2)), line(90.0, Some(0.5)), line(1.0, None)];
        mark_front(&mut lines);
        let marks: Vec<&Value> = lines.iter().map(|line| &line["pareto"]).collect();
        assert_eq!(marks, [&json!(true), &json!(false), &json!(true), &Value::Null]);
    }
}
