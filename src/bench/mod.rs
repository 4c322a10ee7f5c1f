//! How fast a model is on this machine: time and throughput by batch and threads, load time, memory.
//!
//! One process has one engine, so a bench is of the engine of this process; the command line runs itself once for every
//! engine that is found.

pub mod charts;

use std::time::{Duration, Instant};

use ndarray::{Array4, Axis, concatenate};
use serde::Serialize;

use crate::base::Device;
use crate::base::progress::{Cancelled, Watch, step};
use crate::evaluate::Latency;
use crate::imaging::{PictureError, preprocess};
use crate::model::{Classifier, Model, ModelError};
use crate::runtime::Engine;

/// Fewest repeats of a measurement, however slow the model is.
const FEWEST: usize = 5;
/// Most repeats: more tell nothing new.
const MOST: usize = 300;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Pictures that go through the model at once.
    pub batches: Vec<usize>,
    /// Threads of one inference.
    pub threads: Vec<usize>,
    /// Where it runs.
    pub device: Device,
    /// Time of one measurement, after the warm-up; at least five repeats are done.
    pub budget: Duration,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchRow {
    /// Threads of one inference.
    pub threads: usize,
    /// Pictures at once.
    pub batch: usize,
    /// Time of one batch, from tensor to logits.
    pub latency: Latency,
    /// Pictures a second, all repeats together.
    pub pictures_per_s: f64,
}

/// A measurement that cannot be made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotRun {
    /// Threads asked for; none where no number of them changes it.
    pub threads: Option<usize>,
    /// Pictures at once; none where no number of them changes it.
    pub batch: Option<usize>,
    /// Why.
    pub why: String,
}

/// A model on the engine of this process and one device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bench {
    /// The model.
    pub model: String,
    /// The engine.
    pub engine: String,
    /// The device that ran it.
    pub device: String,
    /// Time to load it the first time, in milliseconds: checksums, graph, golden check.
    pub load_ms: f64,
    /// Resident memory of the process after that, in megabytes (10⁶ bytes), where the system tells.
    pub resident_mb: Option<f64>,
    /// By how much loading raised it; none where it did not, since memory freed before was used again.
    pub grown_mb: Option<f64>,
    /// The measurements, threads outermost.
    pub rows: Vec<BenchRow>,
    /// What cannot be measured here.
    pub not_run: Vec<NotRun>,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The picture cannot be prepared.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// One thread and all cores: the two ends of what threads bring here.
#[must_use]
pub fn threads_here() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores > 1 { vec![1, cores] } else { vec![1] }
}

/// Measures a model on a grey picture: what is on it does not change how long it takes. `watch` hears of measurements. A model that gives a fixed number of pictures, and
/// threads on an engine that has its own, are told in [`Bench::not_run`].
///
/// # Errors
/// [`BenchError`] when the model cannot be loaded or run, or `watch` stops.
pub fn bench(
    engine: &Engine,
    model: &Model,
    options: &BenchOptions,
    watch: &mut Watch<'_>,
) -> Result<Bench, BenchError> {
    let m = &model.manifest;
    let grey = image::RgbImage::from_pixel(640, 480, image::Rgb([120; 3]));
    let one = preprocess(&grey, &m.preprocess, m.input.size)?.tensor;
    let mut threads = options.threads.clone();
    let mut not_run = Vec::new();
    if engine.is_embedded() && threads.len() > 1 {
        let why = "the embedded engine runs a picture on one thread, whatever it is given".to_owned();
        threads.truncate(1);
        not_run.push(NotRun { threads: options.threads.get(1).copied(), batch: None, why });
    }
    Classifier::try_first(engine, model, options.device)?;
    let (total, mut done) = (threads.len() * options.batches.len(), 0);
    let (mut found, mut rows) = (None, Vec::new());
    for count in threads {
        let (before, started) = (resident(), Instant::now());
        let mut classifier = Classifier::load(engine, model, options.device, Some(count))?;
        let (load, after) = (started.elapsed(), resident());
        found.get_or_insert((classifier.device(), load, before, after));
        for batch in &options.batches {
            step(watch, &m.id, done, total)?;
            done += 1;
            match classifier.max_batch() {
                Some(most) if *batch > most => {
                    let why = format!("{} runs this model with {most} picture at a time", engine.name);
                    let known = not_run.iter().any(|n: &NotRun| n.batch == Some(*batch));
                    if !known {
                        not_run.push(NotRun { threads: None, batch: Some(*batch), why });
                    }
                }
                _ => rows.push(timed(&mut classifier, &one, (count, *batch), options.budget)?),
            }
        }
    }
    step(watch, &m.id, total, total)?;
    let (device, load, before, after) = found.unwrap_or(("cpu", Duration::ZERO, None, None));
    Ok(Bench {
        model: m.id.clone(),
        engine: engine.name.clone(),
        device: device.to_owned(),
        load_ms: load.as_secs_f64() * 1e3,
        resident_mb: after,
        grown_mb: after.zip(before).map(|(after, before)| after - before).filter(|grown| *grown > 0.0),
        rows,
        not_run,
    })
}

/// Repeats a batch for the budget: two runs that do not count, then at least [`FEWEST`], at most [`MOST`].
#[allow(clippy::cast_precision_loss)]
fn timed(
    classifier: &mut Classifier,
    one: &Array4<f32>,
    (threads, batch): (usize, usize),
    budget: Duration,
) -> Result<BenchRow, ModelError> {
    let views = vec![one.view(); batch.max(1)];
    // The same picture, repeated, can always be put together.
    let tensor = concatenate(Axis(0), &views).unwrap_or_else(|_| one.clone());
    for _ in 0..2 {
        classifier.logits_of_batch(&tensor)?;
    }
    let (started, mut times) = (Instant::now(), Vec::new());
    while times.len() < FEWEST || (started.elapsed() < budget && times.len() < MOST) {
        let began = Instant::now();
        classifier.logits_of_batch(&tensor)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let seconds = times.iter().sum::<f64>() / 1e3;
    let pictures_per_s = (times.len() * batch) as f64 / seconds;
    Ok(BenchRow { threads, batch, latency: Latency::of(&times), pictures_per_s })
}

/// Resident memory of this process in megabytes.
#[allow(clippy::cast_precision_loss)]
fn resident() -> Option<f64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as f64 / 1e6)
}
