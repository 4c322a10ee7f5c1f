//! A run from its start to its end: the trainer started or resumed, listened to, stopped when asked.

use std::time::Instant;

use super::environment::Trainer;
use super::process::{Heard, Patience, Process, Said, StartError};
use super::protocol::{Body, Command, Event, ProtocolError, Skipped};
use super::runs::{Run, RunError, State};

/// Characters of `stderr.log` that are quoted when a trainer dies without a word.
const QUOTE: usize = 400;

/// What is wanted of a run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// Write a checkpoint and end.
    Stop,
    /// End now; the last checkpoint has to do.
    Kill,
}

/// Who follows a run.
pub trait Watch {
    /// Another run has the turn; asked several times a second, `false` gives up.
    fn waits(&mut self) -> bool {
        true
    }
    /// The run's turn has come.
    fn turn(&mut self) {}
    /// The trainer said something.
    fn event(&mut self, event: &Event);
    /// Lines were passed over, so many in all; called when the first of a kind is.
    fn skipped(&mut self, skipped: Skipped);
    /// Asked ten times a second.
    fn wish(&mut self) -> Wish;
    /// Whether the run is to wait; asked as often. A wish to stop ends the waiting.
    fn paused(&mut self) -> bool {
        false
    }
}

/// How a trainer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All went well: the model is there.
    Done,
    /// It was stopped and wrote a checkpoint.
    Stopped,
    /// It could not go on.
    Failed {
        /// The kind of error.
        kind: String,
        /// What happened.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It ended without a word, or had to be killed; the last checkpoint is whole.
    Died {
        /// Its status and its last words.
        how: String,
    },
}

/// Why a run could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The trainer could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The run is not in a state to be driven.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What the trainer says cannot be understood.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

/// Starts the trainer on `run`, or resumes it where it was started before, and follows it to its end. `patience` is
/// the time it has to end when it is asked to.
///
/// # Errors
/// [`DriveError`]; the trainer has ended in every case.
pub fn drive(
    run: &Run,
    trainer: &Trainer,
    patience: Patience,
    watch: &mut dyn Watch,
) -> Result<Ending, DriveError> {
    let summary = run.summary();
    // A run that ended with its evaluation goes on to its model.
    let complete = summary.state == State::Done && (run.delivered() || !run.job.export);
    if summary.state == State::Running || complete {
        let what = "there is nothing to start";
        return Err(RunError::State { id: run.id.clone(), state: summary.state, what }.into());
    }
    run.forget_stop_request();
    let mut command = trainer.command();
    command.arg("train").arg("--run").arg(&run.folder).current_dir(&run.folder);
    if summary.processes > 0 {
        command.arg("--resume");
    }
    let mut process = Process::start(command, &run.file("stderr.log"), patience.let_go)?;
    let followed =
        Follow { run, patience, watch, end: None, asked: None, paused: false }.until_the_end(&mut process);
    let status = process.finish();
    // One that came too late for the trainer is heard by the check of the model.
    if !matches!(followed, Ok(Some(Ending::Done))) {
        run.forget_stop_request();
    }
    Ok(followed?.unwrap_or_else(|| Ending::Died { how: last_words(run, status) }))
}

struct Follow<'a> {
    run: &'a Run,
    patience: Patience,
    watch: &'a mut dyn Watch,
    end: Option<Ending>,
    asked: Option<Instant>,
    paused: bool,
}

impl Follow<'_> {
    /// Listens until the trainer has ended or its time after a stop is over; its own account of how it ended.
    fn until_the_end(mut self, process: &mut Process) -> Result<Option<Ending>, ProtocolError> {
        loop {
            match process.listen() {
                Heard::Said(Said::Event(event)) => self.event(&event),
                Heard::Said(Said::Skipped(skipped)) => self.watch.skipped(skipped),
                Heard::Said(Said::Refused(error)) => return Err(error),
                Heard::End => return Ok(self.end),
                Heard::Nothing => {}
            }
            if self.is_over(process) {
                return Ok(self.end);
            }
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.body {
            Body::Done { .. } => self.end = Some(Ending::Done),
            Body::Stopped { .. } => self.end = Some(Ending::Stopped),
            Body::Error { kind, message, hint } => {
                let (kind, message, hint) = (kind.clone(), message.clone(), hint.clone());
                self.end = Some(Ending::Failed { kind, message, hint });
            }
            _ => {}
        }
        self.watch.event(event);
    }

    /// Passes a wish on; whether the trainer's time is over.
    fn is_over(&mut self, process: &mut Process) -> bool {
        let request = self.asked.is_none() && self.run.stop_request().exists();
        let wish = self.watch.wish().max(if request { Wish::Stop } else { Wish::GoOn });
        if wish == Wish::Kill {
            process.kill();
            return true;
        }
        if wish == Wish::Stop && self.asked.is_none() {
            self.asked = Some(Instant::now());
            process.tell(Command::Stop);
        }
        let pause = self.watch.paused();
        if pause != std::mem::replace(&mut self.paused, pause) {
            process.tell(if pause { Command::Pause } else { Command::Resume });
        }
        let too_late = self.asked.is_some_and(|asked| asked.elapsed() > self.patience.asked);
        if too_late {
            process.kill();
        }
        too_late
    }
}

fn last_words(run: &Run, status: Option<std::process::ExitStatus>) -> String {
    let how = status.map_or("it had to be killed".to_owned(), |status| status.to_string());
    let log = std::fs::read(run.file("stderr.log")).unwrap_or_default();
    let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(QUOTE)..]).trim().to_owned();
    if tail.is_empty() { how } else { format!("{how}; its last words: {tail}") }
}
