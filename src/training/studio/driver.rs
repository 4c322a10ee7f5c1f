//! The thread that drives one run: its turn, its trainer, the check of its model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::Message;
use crate::base::Device;
use crate::base::guard;
use crate::base::priority::yield_to_the_window;
use crate::runtime::Choice;
use crate::store::Paths;
use crate::training::drive::{Ending, Watch, Wish};
use crate::training::environment::Trainer;
use crate::training::protocol::{Event, Skipped};
use crate::training::turn::{Means, Outcome, TurnError, go_on};
use crate::training::verify::VerifyError;

/// How often the desk is told that something was said.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What the desk wants of the run at work.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    stop: AtomicU8,
    pause: AtomicBool,
}

impl Wishes {
    pub(super) fn stop(&self) {
        self.stop.store(1, Ordering::SeqCst);
    }

    pub(super) fn pause(&self, on: bool) {
        self.pause.store(on, Ordering::SeqCst);
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst) > 0
    }
}

/// What a run is driven with.
pub(super) struct Driver {
    pub(super) id: String,
    pub(super) paths: Paths,
    pub(super) trainer: Trainer,
    pub(super) choice: Choice,
    pub(super) device: Device,
    pub(super) threads: Option<usize>,
    pub(super) wishes: Arc<Wishes>,
    pub(super) desk: Sender<Message>,
}

struct Listener {
    wishes: Arc<Wishes>,
    desk: Sender<Message>,
    told: Instant,
}

impl Watch for Listener {
    fn waits(&mut self) -> bool {
        let _ = self.desk.send(Message::Turn { waiting: true });
        !self.wishes.stopping()
    }

    fn turn(&mut self) {
        let _ = self.desk.send(Message::Turn { waiting: false });
    }

    /// The desk reads what was said from the run's folder; it only has to know when.
    fn event(&mut self, event: &Event) {
        if event.is_end() || self.told.elapsed() > TELL_EVERY {
            self.told = Instant::now();
            let _ = self.desk.send(Message::Turn { waiting: false });
        }
    }

    fn skipped(&mut self, _: Skipped) {}

    fn wish(&mut self) -> Wish {
        if self.wishes.stopping() { Wish::Stop } else { Wish::GoOn }
    }

    fn paused(&mut self) -> bool {
        self.wishes.pause.load(Ordering::SeqCst) && !self.wishes.stopping()
    }
}

impl Driver {
    /// To the run's end, however it ends.
    pub(super) fn run(self) {
        yield_to_the_window();
        let (desk, id) = (self.desk.clone(), self.id.clone());
        let (said, added) = match guard::attempt(|| self.follow()).flatten() {
            Ok(added) => (None, added),
            Err(why) => (Some(format!("Run {id}: {why}")), None),
        };
        // The window may be gone; then nobody wants to know.
        let _ = desk.send(Message::Ended { id, said, added });
    }

    /// The identifier of the model that was added, or a sentence on what went wrong that the run's own events do
    /// not hold.
    fn follow(self) -> Result<Option<String>, String> {
        let Self { id, paths, trainer, choice, device, threads, wishes, desk } = self;
        let told = Instant::now();
        let mut listener = Listener { wishes, desk, told };
        let means = Means { paths: &paths, trainer: &trainer, choice: &choice, device, threads };
        match go_on(&id, &means, &mut listener) {
            Ok(Outcome::Added(_, model)) => Ok(Some(model.manifest.id)),
            Ok(Outcome::Trained(Ending::Died { how })) => Err(format!(
                "the trainer ended without a word ({how}); Resume goes on from the last checkpoint."
            )),
            Err(TurnError::Verify(error @ (VerifyError::Run(_) | VerifyError::Disk { .. }))) => {
                Err(error.to_string())
            }
            // Why it failed stands in its events, where the window shows it.
            Ok(Outcome::NotStarted | Outcome::Finished | Outcome::Trained(_)) | Err(TurnError::Verify(_)) => {
                Ok(None)
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
