//! The thread that lets the trainer paint for a run.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::board::sentence;
use super::desk::Desk;
use super::{Message, Painting};
use crate::base::guard;
use crate::base::priority::yield_to_the_window;
use crate::engine::Busy;
use crate::training::paint::paint;
use crate::training::runs::RunError;

impl Desk {
    /// Begins; one run is painted for at a time.
    pub(super) fn begin_painting(&mut self, id: &str) -> Result<(), RunError> {
        if self.painter.is_some() {
            self.notice("Another run is being painted for; stop that first.".to_owned());
            return Ok(());
        }
        let run = self.store.get(id)?;
        let trainer = match (self.means.find)(&self.means.paths) {
            Ok(trainer) => trainer,
            Err(error) => {
                self.notice(sentence(&format!("nothing can be painted: {error}")));
                return Ok(());
            }
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (wish, desk, name) = (Arc::clone(&stop), self.messages.clone(), id.to_owned());
        let work = move || {
            yield_to_the_window();
            let mut told = (0, 0);
            let mut step = |done, total| {
                if told != (done, total) {
                    told = (done, total);
                    tell(&desk, Message::PaintStep(done, total));
                }
                if wish.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let painted = || paint(&run, &trainer, &mut step).map_err(|error| error.to_string());
            let found = guard::attempt(painted).flatten();
            tell(&desk, Message::PaintEnded(found.map(drop).map_err(|why| format!("Run {name}: {why}"))));
        };
        match std::thread::Builder::new().name("painter".into()).spawn(work) {
            Ok(_) => {
                self.painter = Some(stop);
                let doing = Busy { what: "painting".to_owned(), done: 0, of: 1, since: Instant::now() };
                self.board.painting = Some(Painting { id: id.to_owned(), doing });
            }
            Err(error) => self.notice(format!("The system gives no thread ({error}).")),
        }
        Ok(())
    }

    /// How far it is.
    pub(super) fn paint_step(&mut self, done: usize, total: usize) {
        if let Some(painting) = &mut self.board.painting {
            (painting.doing.done, painting.doing.of) = (done, total);
        }
    }

    /// Stops it.
    pub(super) fn stop_painting(&mut self) {
        self.painter.iter().for_each(|stop| stop.store(true, Ordering::SeqCst));
    }
}

/// The window may be gone; then nobody wants to know.
fn tell(desk: &Sender<Message>, message: Message) {
    let _ = desk.send(message);
}
