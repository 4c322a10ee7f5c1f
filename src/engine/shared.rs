//! What the threads of the worker share: what waits for the brain, the counts that make results stale, the snapshot.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;

use super::slot::Inbox;
use super::{Place, Problem, Snapshot};
use crate::capture::Target;
use crate::imaging::Picture;

/// As many commands may wait; a person cannot give more before they are taken up.
const BOUND: usize = 64;
/// As many problems of a place are kept, the newest; a folder can hold any number of bad files.
const PROBLEMS: usize = 32;

/// What the window may ask for. Sending never waits.
#[derive(Debug, Clone)]
pub enum Command {
    /// Open these files and folders.
    Open(Vec<PathBuf>),
    /// Look at a picture that is in memory already (clipboard, sample).
    Look(Picture),
    /// Use the model of this identifier, and look at the current picture again.
    UseModel(String),
    /// Models were added or removed: list them anew.
    ListModels,
    /// Show one of the recent pictures.
    Select(u64),
    /// List what can be captured.
    ListTargets,
    /// Capture once.
    Shot(Target),
    /// Capture once for the window alone, to choose a part of it; no model looks at it.
    Preview(Target),
    /// Capture again and again, newest frame first.
    Watch(Target),
    /// End watching.
    StopWatching,
    /// End the reading of many files after the one at hand.
    Stop,
    /// The user has read a problem.
    DismissProblem(u64),
}

/// A captured frame: once, or of a watch of that number.
pub(super) struct Frame {
    pub(super) pixels: RgbImage,
    pub(super) watch: u64,
}

/// The state itself.
pub(super) struct Shared {
    snapshot: Mutex<Arc<Snapshot>>,
    /// A wish for another model overtakes what waits here: a result that it finds on its way is stale.
    pub(super) inbox: Inbox<Command, Frame>,
    /// Counts starts and ends of watching: a frame of an older count is stale.
    pub(super) watch: AtomicU64,
    /// Counts the wishes to stop: work that began under an older count ends.
    pub(super) stops: AtomicU64,
    problems: AtomicU64,
    repaint: Arc<dyn Fn() + Send + Sync>,
}

impl Shared {
    pub(super) fn new(repaint: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            snapshot: Mutex::default(),
            inbox: Inbox::new(BOUND),
            watch: AtomicU64::new(0),
            stops: AtomicU64::new(0),
            problems: AtomicU64::new(0),
            repaint,
        }
    }

    pub(super) fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change(&self, edit: impl FnOnce(&mut Snapshot)) {
        {
            let mut held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
            edit(Arc::make_mut(&mut held));
        }
        (self.repaint)();
    }

    pub(super) fn problem(&self, place: Place, text: String) {
        let id = self.problems.fetch_add(1, Ordering::Relaxed);
        self.change(|snapshot| {
            snapshot.problems.retain(|known| known.place != place || known.text != text);
            snapshot.problems.push(Problem { id, text, place, before: 0 });
            drop_oldest(&mut snapshot.problems, place);
        });
    }

    pub(super) fn solved(&self, place: Place) {
        self.change(|snapshot| snapshot.problems.retain(|known| known.place != place));
    }
}

/// Lets the oldest problem of a place go where there are too many; the next one counts it.
fn drop_oldest(problems: &mut Vec<Problem>, place: Place) {
    if problems.iter().filter(|known| known.place == place).count() <= PROBLEMS {
        return;
    }
    let Some(oldest) = problems.iter().position(|known| known.place == place) else { return };
    let gone = problems.remove(oldest);
    if let Some(next) = problems.iter_mut().find(|known| known.place == place) {
        next.before += gone.before + 1;
    }
}
