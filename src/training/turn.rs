//! A run in its turn: its place in the queue, its trainer, the check of its model. Command line and window go this way.

use super::drive::{DriveError, Ending, Watch, drive};
use super::environment::Trainer;
use super::process::Patience;
use super::queue;
use super::runs::{RunError, RunStore, State};
use super::verify::{Place, Verified, VerifyError, register};
use crate::base::Device;
use crate::model::{Library, Model};
use crate::runtime::{self, Choice, EngineError};
use crate::store::Paths;

/// What a run goes on with.
pub struct Means<'a> {
    /// The user's folders.
    pub paths: &'a Paths,
    /// What trains.
    pub trainer: &'a Trainer,
    /// Which engine verifies the model.
    pub choice: &'a Choice,
    /// On which device.
    pub device: Device,
    /// With how many threads; none for one a core.
    pub threads: Option<usize>,
}

/// What became of a run.
#[derive(Debug)]
pub enum Outcome {
    /// The turn was given up before it came.
    NotStarted,
    /// Another brought it to its end meanwhile; nothing was left to do.
    Finished,
    /// Its trainer ended, and there is no model to check.
    Trained(Ending),
    /// Its model was verified and added.
    Added(Box<Verified>, Box<Model>),
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// It cannot be started, or the queue cannot be joined.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The trainer could not be started or understood.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// No engine to verify the model with.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model was not added.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Waits for the turn of the run `id`, drives it to its end, and verifies and adds its model. What the run is, is looked
/// at when its turn has come: it may have been finished, stopped or deleted while it waited.
///
/// # Errors
/// [`TurnError`]; the trainer has ended in every case.
pub fn go_on(id: &str, means: &Means<'_>, watch: &mut dyn Watch) -> Result<Outcome, TurnError> {
    let store = RunStore::open(means.paths);
    let Some(_turn) = queue::wait(&store, &mut || watch.waits())? else { return Ok(Outcome::NotStarted) };
    watch.turn();
    let run = store.get(id)?;
    let summary = run.summary();
    if summary.state == State::Done && (summary.registered || !run.job.export) {
        return Ok(Outcome::Finished);
    }
    run.check_resumable()?;
    // One that nobody heard, of an app that died.
    run.forget_stop_request();
    if !run.only_check_is_left() {
        match drive(&run, means.trainer, Patience::default(), watch)? {
            Ending::Done if run.job.export => {}
            ending => return Ok(Outcome::Trained(ending)),
        }
    }
    let engine = runtime::start(means.choice)?;
    let place = Place { engine, device: means.device, threads: means.threads };
    let (found, model) = register(&run, place, &Library::open(means.paths), watch)?;
    Ok(Outcome::Added(Box::new(found), Box::new(model)))
}
