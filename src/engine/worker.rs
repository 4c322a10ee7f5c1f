//! The handle that the window holds, and what the capture thread reports.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};

use super::eye::{self, Ask, Seen};
use super::shared::{Command, Frame, Shared};
use super::thinking::Thinking;
use super::{Brain, EyeFactory, Place, Snapshot};
use crate::imaging::Picture;

/// The handle of the worker. Dropping it ends the threads after what they are doing.
pub struct Worker {
    shared: Arc<Shared>,
    eye: Sender<Ask>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.inbox.close();
    }
}

impl Worker {
    /// Starts the threads. `repaint` is called after every change of the snapshot, from their side.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        brain: Box<dyn Brain + Send>,
        factory: EyeFactory,
        repaint: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(repaint));
        let (eye, asks) = channel();
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("brain".into()).spawn(move || Thinking::new(brain, theirs).run())?;
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("eye".into())
            .spawn(move || eye::run(&factory, &asks, &|seen| report(&theirs, seen)))?;
        Ok(Self { shared, eye })
    }

    /// The latest state.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.latest()
    }

    /// Hands a command over; never waits. A command that does not fit any more becomes a problem in the snapshot.
    pub fn send(&self, command: Command) {
        let shared = &self.shared;
        match command {
            Command::ListTargets => self.ask(Ask::List),
            Command::Shot(target) => self.ask(Ask::Shot(target)),
            Command::Preview(target) => {
                shared.change(|snapshot| snapshot.preview = None);
                self.ask(Ask::Preview(target));
            }
            Command::Watch(target) => {
                let count = shared.watch.fetch_add(1, Ordering::SeqCst) + 1;
                shared.inbox.clear_frame();
                shared.change(|snapshot| snapshot.watching = Some(target.clone()));
                self.ask(Ask::Watch(target, count));
            }
            Command::StopWatching => {
                shared.watch.fetch_add(1, Ordering::SeqCst);
                shared.inbox.clear_frame();
                shared.change(|snapshot| snapshot.watching = None);
                self.ask(Ask::Stop);
            }
            Command::Stop => {
                shared.stops.fetch_add(1, Ordering::SeqCst);
            }
            Command::DismissProblem(id) => {
                shared.change(|snapshot| snapshot.problems.retain(|problem| problem.id != id));
            }
            // Of several models asked for, only the last is loaded.
            Command::UseModel(_) => shared.inbox.overtake(command),
            command => {
                if shared.inbox.push(command).is_err() {
                    let text = "Too much is waiting; wait for the pictures before this one, then try again.";
                    shared.problem(Place::Picture, text.to_owned());
                }
            }
        }
    }

    fn ask(&self, ask: Ask) {
        if self.eye.send(ask).is_err() {
            let text = "Capturing has stopped; start Streetwise again. Files still work.";
            self.shared.problem(Place::Capture, text.to_owned());
        }
    }
}

fn report(shared: &Shared, seen: Seen) {
    match seen {
        Seen::Targets(targets) => shared.change(|snapshot| snapshot.targets = targets),
        Seen::Preview(target, pixels) => {
            shared.solved(Place::Capture);
            shared.change(|snapshot| snapshot.preview = Some((target, Arc::new(pixels))));
        }
        // By the count of its own watch: that may have ended while the frame was taken.
        Seen::Watched(pixels, watch) => shared.inbox.put(Frame { pixels, watch }),
        Seen::Shot(pixels) => {
            shared.solved(Place::Capture);
            let picture = Picture::from_rgb("capture", pixels);
            if shared.inbox.push(Command::Look(picture)).is_err() {
                shared.problem(Place::Capture, "Too much is waiting; try again in a moment.".to_owned());
            }
        }
        Seen::Failed(why) => shared.problem(Place::Capture, why),
        Seen::Recovered => shared.solved(Place::Capture),
    }
}
