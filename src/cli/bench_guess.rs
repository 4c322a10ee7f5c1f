//! Where the time of a guess goes: from the file to the ranking, one picture after the other.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use super::measure::Models;
use crate::base::Device;
use crate::cli::output::say;
use crate::imaging::{Limits, Picture, preprocess};
use crate::model::Timings;

/// What to time.
pub(super) struct Plan<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) threads: Option<usize>,
    /// Rounds over all pictures, after one that does not count.
    pub(super) repeat: usize,
    pub(super) json: bool,
}

/// Prints medians over all rounds, in milliseconds.
pub(super) fn run(plan: &Plan<'_>, models: &Models, name: Option<&str>) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut classifier = models.load(name, Device::Auto, plan.threads)?;
    let load = started.elapsed();
    let (mut rows, mut alone): (Vec<Timings>, Vec<Duration>) = (Vec::new(), Vec::new());
    for round in 0..=plan.repeat {
        for file in plan.files {
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
    say!("{}", if plan.json { line.to_string() } else { serde_json::to_string_pretty(&line)? })?;
    Ok(ExitCode::SUCCESS)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| (time.as_secs_f64() * 1e5).round() / 100.0)
}
