//! The brain's thread: takes commands and frames up, keeps the recent pictures, publishes what a model says.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::shared::{Command, Frame, Shared};
use super::slot::Next;
use super::{Brain, Busy, Look, Place, RECENT};
use crate::base::guard;
use crate::imaging::{Limits, Listing, Picture, picture_files};

/// The window is told of a folder's pictures after as many of them.
const LISTED: usize = 256;
/// Pixels of recent pictures that are kept, in bytes; older ones leave the strip.
const RECENT_BYTES: usize = 96 << 20;

/// The brain's thread.
pub(super) struct Thinking {
    brain: Box<dyn Brain + Send>,
    shared: Arc<Shared>,
    /// Recent pictures as they came, newest first, beside the snapshot's strip.
    pictures: Vec<(u64, Picture)>,
    next_id: u64,
    watched_id: Option<(u64, u64)>,
}

impl Thinking {
    pub(super) fn new(brain: Box<dyn Brain + Send>, shared: Arc<Shared>) -> Self {
        Self { brain, shared, pictures: Vec::new(), next_id: 1, watched_id: None }
    }

    pub(super) fn run(mut self) {
        self.safely(Self::begin);
        loop {
            match self.shared.inbox.next() {
                Next::Closed => return,
                Next::Command(command) => self.safely(|own| own.obey(command)),
                Next::Frame(frame) => self.safely(|own| own.frame(frame)),
            }
        }
    }

    /// Does a piece of work. Where it panics, that is said, and the model, which may be half changed, is loaded anew.
    fn safely(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(why) = guard::attempt(|| work(self)) {
            self.shared.problem(Place::Engine, why);
            let model = self.shared.latest().model.clone();
            if let Some(id) = model
                && let Err(why) = guard::attempt(|| self.use_model(&id))
            {
                self.shared.change(|snapshot| snapshot.ready = false);
                self.shared.problem(Place::Model, format!("{id} could not be loaded again. {why}"));
            }
        }
        self.idle();
    }

    fn begin(&mut self) {
        self.busy("starting the engine");
        match self.brain.start() {
            Ok(state) => {
                let models = self.brain.models();
                self.shared.change(|snapshot| {
                    snapshot.engine = state;
                    snapshot.models = models;
                });
            }
            Err(error) => self.shared.problem(Place::Engine, error.to_string()),
        }
        self.first_model();
    }

    /// Takes the first model that can be used, and says which were wanted before it.
    fn first_model(&mut self) {
        let wanted = self.brain.first_models();
        if wanted.is_empty() {
            let text = "No model was found; add one with `streetwise models add FOLDER`.";
            self.shared.problem(Place::Model, text.to_owned());
        }
        let mut failed: Vec<String> = Vec::new();
        let used = wanted.into_iter().find(|id| self.load(id).map_err(|why| failed.push(why)).is_ok());
        let instead = used.map(|id| format!(". {id} is used instead.")).unwrap_or_default();
        for why in failed {
            self.shared.problem(Place::Model, why + &instead);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(paths) => self.open(&paths),
            Command::Look(picture) => self.take(picture),
            Command::UseModel(id) => {
                self.use_model(&id);
                self.look_again();
            }
            Command::ListModels => {
                let models = self.brain.list_again();
                self.shared.change(|snapshot| snapshot.models = models);
            }
            Command::Select(id) => self.select(id),
            _ => {}
        }
    }

    fn open(&mut self, paths: &[PathBuf]) {
        let (since, stops, mut told) = (Instant::now(), self.stops(), None);
        let Listing { pictures: files, not_read } = picture_files(paths, &mut |done| {
            if told != Some(done / LISTED) {
                told = Some(done / LISTED);
                self.part(Busy { what: "looking for pictures".to_owned(), since, done, of: 0 });
            }
            self.stops() == stops
        });
        self.shared.solved(Place::Picture);
        if self.stops() != stops {
            return;
        }
        if !not_read.is_empty() {
            self.shared.problem(Place::Picture, format!("{not_read}."));
        }
        if files.is_empty() {
            self.shared.problem(Place::Picture, "There is no picture in that folder.".to_owned());
        }
        let since = Instant::now();
        for (done, file) in files.iter().enumerate() {
            if self.stops() != stops {
                return;
            }
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            self.part(Busy { what: format!("reading {name}"), since, done, of: files.len() });
            match Picture::open(file, &Limits::default()) {
                Ok(picture) => self.take(picture),
                Err(error) => self.shared.problem(Place::Picture, error.to_string()),
            }
        }
    }

    /// Takes up a new picture: looks at it and puts it in front of the strip.
    fn take(&mut self, picture: Picture) {
        let id = self.number();
        self.keep(id, picture);
        self.look(id);
    }

    fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn keep(&mut self, id: u64, picture: Picture) {
        self.pictures.insert(0, (id, picture));
        let (mut bytes, mut kept) = (0, 0);
        for (_, known) in &self.pictures {
            bytes += known.pixels.as_raw().len();
            kept += usize::from(kept == 0 || bytes <= RECENT_BYTES);
        }
        self.pictures.truncate(kept.min(RECENT));
    }

    fn forget(&mut self, id: u64) -> Option<(u64, Picture)> {
        let place = self.pictures.iter().position(|(known, _)| *known == id)?;
        Some(self.pictures.remove(place))
    }

    fn frame(&mut self, frame: Frame) {
        if frame.watch != self.shared.watch.load(Ordering::SeqCst) {
            return;
        }
        let (id, picture) = (self.number(), Picture::from_rgb("capture", frame.pixels));
        let Some(look) = self.ask(id, &picture) else { return };
        // A watch keeps one place in the strip.
        let before = self.watched_id.filter(|(watch, _)| *watch == frame.watch);
        let before = before.and_then(|(_, old)| self.forget(old));
        self.keep(id, picture);
        if self.publish(look, Some(frame.watch)) {
            self.watched_id = Some((frame.watch, id));
        } else {
            self.forget(id);
            self.pictures.splice(0..0, before);
        }
    }

    fn use_model(&mut self, id: &str) {
        if let Err(why) = self.load(id) {
            self.shared.problem(Place::Model, why);
        }
    }

    fn load(&mut self, id: &str) -> Result<(), String> {
        self.busy(&format!("loading {id}"));
        let state = self.brain.load(id).map_err(|error| error.to_string())?;
        self.shared.solved(Place::Model);
        self.shared.change(|snapshot| {
            snapshot.engine = state;
            snapshot.model = Some(id.to_owned());
            snapshot.ready = true;
        });
        Ok(())
    }

    fn look_again(&mut self) {
        let current = self.shared.latest().current.as_ref().map(|look| look.id);
        if let Some(id) = current.or_else(|| self.pictures.first().map(|(id, _)| *id)) {
            self.look(id);
        }
    }

    fn select(&mut self, id: u64) {
        let snapshot = self.shared.latest();
        let Some(look) = snapshot.recent.iter().find(|look| look.id == id).cloned() else { return };
        let fresh = Some(&look.model) == snapshot.model.as_ref();
        self.shared.change(|snapshot| snapshot.current = Some(look));
        if !fresh {
            self.look(id);
        }
    }

    /// Looks at a picture of the strip.
    fn look(&mut self, id: u64) {
        let Some((_, picture)) = self.pictures.iter().find(|(known, _)| *known == id) else { return };
        let picture = picture.clone();
        if let Some(look) = self.ask(id, &picture) {
            self.publish(look, None);
        }
    }

    /// What the model says of a picture. A wish for another model that comes meanwhile is done first, and that model
    /// is asked: no ranking stands under the wrong model's name.
    fn ask(&mut self, id: u64, picture: &Picture) -> Option<Look> {
        loop {
            if let Some(Command::UseModel(model)) = self.shared.inbox.take_urgent() {
                self.use_model(&model);
            }
            if self.shared.latest().busy.as_ref().is_none_or(|busy| busy.of < 2) {
                self.busy(&format!("looking at {}", picture.name));
            }
            let look = self.brain.look(id, picture);
            if !self.shared.inbox.is_overtaken() {
                return look.map_err(|error| self.shared.problem(Place::Model, error.to_string())).ok();
            }
        }
    }

    /// Shows a result; false, and nothing is shown, where it belongs to a watch that has ended.
    fn publish(&self, look: Look, watch: Option<u64>) -> bool {
        let look = Arc::new(look);
        let kept: Vec<u64> = self.pictures.iter().map(|(id, _)| *id).collect();
        let mut shown = false;
        self.shared.change(|snapshot| {
            // Asked under the lock of the snapshot, where the end of a watch is written too.
            shown = watch.is_none_or(|count| count == self.shared.watch.load(Ordering::SeqCst));
            if !shown {
                return;
            }
            match snapshot.recent.iter_mut().find(|known| known.id == look.id) {
                Some(known) => *known = Arc::clone(&look),
                None => snapshot.recent.insert(0, Arc::clone(&look)),
            }
            snapshot.recent.retain(|known| kept.contains(&known.id));
            snapshot.current = Some(look);
        });
        shown
    }

    fn stops(&self) -> u64 {
        self.shared.stops.load(Ordering::SeqCst)
    }

    fn busy(&self, what: &str) {
        self.part(Busy { what: what.to_owned(), since: Instant::now(), done: 0, of: 1 });
    }

    fn part(&self, busy: Busy) {
        self.shared.change(|snapshot| snapshot.busy = Some(busy));
    }

    fn idle(&self) {
        self.shared.change(|snapshot| snapshot.busy = None);
    }
}
