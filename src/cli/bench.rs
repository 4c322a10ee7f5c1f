//! `streetwise bench`: where the time of a guess goes, measured one picture after the other.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Context;
use crate::imaging::{Limits, Picture, preprocess};
use crate::model::{Classifier, Library, Timings};
use crate::runtime::{self, Device};

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  streetwise bench --model dinov2-vit-s --threads 2 --repeat 20 photo.jpg")]
pub(crate) struct BenchArgs {
    /// Pictures to time
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Model to use; the best one where none is named
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Rounds over all pictures, after one that does not count
    #[arg(long, default_value_t = 20, value_name = "N")]
    repeat: usize,
    /// Threads of one inference; all cores where none is given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `bench`: medians over all rounds, in milliseconds.
pub(crate) fn run(args: &BenchArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let engine = runtime::start(&context.choice)?;
    let library = Library::open(&context.paths);
    let model = match &args.model {
        Some(id) => library.get(id)?,
        None => library.default_model().ok_or_else(|| anyhow::anyhow!("no model was found"))?,
    };
    let started = Instant::now();
    let mut classifier = Classifier::load(engine, model, Device::Auto, args.threads)?;
    let load = started.elapsed();
    let (mut rows, mut alone): (Vec<Timings>, Vec<Duration>) = (Vec::new(), Vec::new());
    for round in 0..=args.repeat {
        for file in &args.files {
            let started = Instant::now();
            let picture = Picture::open(file, &Limits::default())?;
            let mut timings = classifier.look(&picture)?.timings;
            timings.total = started.elapsed();
            let manifest = classifier.manifest();
            let prepared = preprocess(&picture.pixels, &manifest.preprocess, manifest.input.size)?;
            let started = Instant::now();
            classifier.logits(&prepared.tensor)?;
            if round > 0 {
                alone.push(started.elapsed());
                rows.push(timings);
            }
        }
    }
    let column = |of: fn(&Timings) -> Duration| median(rows.iter().map(of).collect());
    let line = json!({
        "model": classifier.manifest().id, "engine": classifier.engine(), "device": classifier.device(),
        "decode_ms": column(|t| t.decode), "preprocess_ms": column(|t| t.preprocess),
        "inference_ms": column(|t| t.inference), "total_ms": column(|t| t.total),
        "inference_alone_ms": median(alone), "load_ms": load.as_secs_f64() * 1e3, "n": rows.len(),
    });
    println!("{}", if args.json { line.to_string() } else { serde_json::to_string_pretty(&line)? });
    Ok(ExitCode::SUCCESS)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| (time.as_secs_f64() * 1e5).round() / 100.0)
}
