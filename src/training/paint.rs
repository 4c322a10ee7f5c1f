//! Maximum-activation images: the trainer paints, by gradient ascent, what excites each country of a run most.
//!
//! `python -m streetwise_train activations` writes a picture a country and `activations.json` into the run's folder
//! `activations`; this starts it, follows it and reads what it made.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Deserialize;

use super::environment::Trainer;
use super::process::{Heard, Patience, Process, Said, StartError};
use super::protocol::{Body, ProtocolError};
use super::runs::Run;

/// A picture that was painted.
#[derive(Debug, Clone, PartialEq)]
pub struct Painted {
    /// The country, ISO alpha-2.
    pub country: String,
    /// The picture's file.
    pub file: PathBuf,
    /// The probability that the network gives the country on it.
    pub probability: f64,
}

/// Why nothing was painted.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// The trainer could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What it says cannot be understood.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// It says why.
    #[error("{message}; {hint}")]
    Refused {
        /// What happened.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It ended without a word.
    #[error("the trainer ended without a word; its last words are in {}", log.display())]
    Died {
        /// Its standard error.
        log: PathBuf,
    },
}

#[derive(Deserialize)]
struct Listing {
    countries: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    country: String,
    file: String,
    probability: f64,
}

/// The pictures that were painted for a run; none where it was not, or not to the end.
#[must_use]
pub fn painted(run: &Run) -> Vec<Painted> {
    let folder = run.file("activations");
    let text = std::fs::read(folder.join("activations.json")).unwrap_or_default();
    let listing: Listing = serde_json::from_slice(&text).unwrap_or(Listing { countries: Vec::new() });
    let one = |listed: Listed| Painted {
        file: folder.join(listed.file),
        country: listed.country,
        probability: listed.probability,
    };
    listing.countries.into_iter().map(one).collect()
}

/// Paints for a run with a checkpoint; `watch` is told how many steps of how many are done, at least ten times a
/// second, and may stop it. Returns whether it came to its end.
///
/// # Errors
/// [`PaintError`]; the trainer has ended in every case.
pub fn paint(
    run: &Run,
    trainer: &Trainer,
    watch: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<bool, PaintError> {
    let mut command = trainer.command();
    command.arg("activations").arg("--run").arg(&run.folder).arg("--out").arg(run.file("activations"));
    command.current_dir(&run.folder);
    let log = run.file("activations.log");
    let mut process = Process::start(command, &log, Patience::default().let_go)?;
    let (mut done, mut total, mut ended) = (0, 1, None);
    loop {
        match process.listen() {
            Heard::Said(Said::Event(event)) => match event.body {
                Body::Progress(progress) => {
                    let whole = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
                    (done, total) = (whole(progress.done), whole(progress.total));
                }
                Body::Done { .. } => ended = Some(Ok(true)),
                Body::Stopped { .. } => ended = Some(Ok(false)),
                Body::Error { message, hint, .. } => ended = Some(Err(PaintError::Refused { message, hint })),
                _ => {}
            },
            Heard::Said(Said::Refused(error)) => return Err(error.into()),
            Heard::Said(Said::Skipped(_)) | Heard::Nothing => {}
            Heard::End => break,
        }
        if watch(done, total).is_break() {
            process.finish();
            return Ok(false);
        }
    }
    process.finish();
    ended.unwrap_or(Err(PaintError::Died { log }))
}
