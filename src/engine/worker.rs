//! The handle that the window holds, and the thread behind it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use image::RgbImage;

use super::eye::{self, Ask, Seen};
use super::slot::{Inbox, Next};
use super::{Brain, Busy, EyeFactory, Look, Place, Problem, RECENT, Snapshot};
use crate::capture::Target;
use crate::imaging::{Limits, Listing, Picture, picture_files};

/// As many commands may wait; a person cannot give more before they are taken up.
const BOUND: usize = 64;
/// As many problems of a place are kept, the newest; a folder can hold any number of bad files.
const PROBLEMS: usize = 32;
/// Pixels of recent pictures that are kept, in bytes; older ones leave the strip.
const RECENT_BYTES: usize = 96 << 20;

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

/// A command with the generation of models it was given in.
struct Job {
    command: Command,
    generation: u64,
}

/// A captured frame: once, or of a watch of that number.
struct Frame {
    pixels: RgbImage,
    watch: u64,
}

struct Shared {
    snapshot: Mutex<Arc<Snapshot>>,
    inbox: Inbox<Job, Frame>,
    /// Counts the models asked for: a result of an older count is stale.
    generation: AtomicU64,
    /// Counts starts and ends of watching: a frame of an older count is stale.
    watch: AtomicU64,
    /// Counts the wishes to stop: work that began under an older count ends.
    stops: AtomicU64,
    problems: AtomicU64,
    repaint: Arc<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, edit: impl FnOnce(&mut Snapshot)) {
        {
            let mut held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
            edit(Arc::make_mut(&mut held));
        }
        (self.repaint)();
    }

    fn problem(&self, place: Place, text: String) {
        let id = self.problems.fetch_add(1, Ordering::Relaxed);
        self.change(|snapshot| {
            snapshot.problems.retain(|known| known.place != place || known.text != text);
            snapshot.problems.push(Problem { id, text, place, before: 0 });
            drop_oldest(&mut snapshot.problems, place);
        });
    }

    fn solved(&self, place: Place) {
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
        let shared = Arc::new(Shared {
            snapshot: Mutex::default(),
            inbox: Inbox::new(BOUND),
            generation: AtomicU64::new(0),
            watch: AtomicU64::new(0),
            stops: AtomicU64::new(0),
            problems: AtomicU64::new(0),
            repaint,
        });
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
            command => {
                let switches = matches!(command, Command::UseModel(_));
                let before = shared.generation.fetch_add(u64::from(switches), Ordering::SeqCst);
                let job = Job { command, generation: before + u64::from(switches) };
                if shared.inbox.push(job).is_err() {
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
            let generation = shared.generation.load(Ordering::SeqCst);
            if shared.inbox.push(Job { command: Command::Look(picture), generation }).is_err() {
                shared.problem(Place::Capture, "Too much is waiting; try again in a moment.".to_owned());
            }
        }
        Seen::Failed(error) => shared.problem(Place::Capture, error.to_string()),
        Seen::Recovered => shared.solved(Place::Capture),
    }
}

/// The brain's thread.
struct Thinking {
    brain: Box<dyn Brain + Send>,
    shared: Arc<Shared>,
    /// Recent pictures as they came, newest first, beside the snapshot's strip.
    pictures: Vec<(u64, Picture)>,
    next_id: u64,
    watched_id: Option<(u64, u64)>,
}

impl Thinking {
    fn new(brain: Box<dyn Brain + Send>, shared: Arc<Shared>) -> Self {
        Self { brain, shared, pictures: Vec::new(), next_id: 1, watched_id: None }
    }

    fn run(mut self) {
        self.begin();
        loop {
            match self.shared.inbox.next() {
                Next::Closed => return,
                Next::Command(job) => self.obey(job),
                Next::Frame(frame) => self.frame(frame),
            }
        }
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
        match self.brain.first_model() {
            Some(id) => self.use_model(&id),
            None => {
                let text = "No model was found; add one with `streetwise models add FOLDER`.";
                self.shared.problem(Place::Model, text.to_owned());
            }
        }
        self.idle();
    }

    fn obey(&mut self, job: Job) {
        match job.command {
            Command::Open(paths) => self.open(&paths),
            Command::Look(picture) => self.take(picture),
            // Of several models asked for, only the last is loaded.
            Command::UseModel(id) if job.generation == self.generation() => {
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
        self.idle();
    }

    fn open(&mut self, paths: &[PathBuf]) {
        let Listing { pictures: files, not_read } = picture_files(paths);
        self.shared.solved(Place::Picture);
        if !not_read.is_empty() {
            self.shared.problem(Place::Picture, format!("{not_read}."));
        }
        if files.is_empty() {
            self.shared.problem(Place::Picture, "There is no picture in that folder.".to_owned());
        }
        let (since, stops) = (Instant::now(), self.stops());
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
        let id = self.next_id;
        self.next_id += 1;
        self.pictures.insert(0, (id, picture));
        let (mut bytes, mut kept) = (0, 0);
        for (_, known) in &self.pictures {
            bytes += known.pixels.as_raw().len();
            kept += usize::from(kept == 0 || bytes <= RECENT_BYTES);
        }
        self.pictures.truncate(kept.min(RECENT));
        self.look(id);
    }

    fn frame(&mut self, frame: Frame) {
        if frame.watch == self.shared.watch.load(Ordering::SeqCst) {
            // A watch keeps one place in the strip.
            if let Some((_, old)) = self.watched_id.filter(|(watch, _)| *watch == frame.watch) {
                self.pictures.retain(|(id, _)| *id != old);
            }
            self.watched_id = Some((frame.watch, self.next_id));
            self.take(Picture::from_rgb("capture", frame.pixels));
        }
        self.idle();
    }

    fn use_model(&mut self, id: &str) {
        self.busy(&format!("loading {id}"));
        match self.brain.load(id) {
            Ok(state) => {
                self.shared.solved(Place::Model);
                self.shared.change(|snapshot| {
                    snapshot.engine = state;
                    snapshot.model = Some(id.to_owned());
                    snapshot.ready = true;
                });
            }
            Err(error) => self.shared.problem(Place::Model, error.to_string()),
        }
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

    /// Looks at a picture of the strip. A result that a model switch has overtaken is dropped; the switch looks
    /// again by itself.
    fn look(&mut self, id: u64) {
        let Some((_, picture)) = self.pictures.iter().find(|(known, _)| *known == id) else { return };
        let picture = picture.clone();
        let generation = self.generation();
        if self.shared.latest().busy.as_ref().is_none_or(|busy| busy.of < 2) {
            self.busy(&format!("looking at {}", picture.name));
        }
        match self.brain.look(id, &picture) {
            Ok(look) if generation == self.generation() => self.publish(look),
            Ok(_) => {}
            Err(error) => self.shared.problem(Place::Model, error.to_string()),
        }
    }

    fn publish(&self, look: Look) {
        let look = Arc::new(look);
        let kept: Vec<u64> = self.pictures.iter().map(|(id, _)| *id).collect();
        self.shared.change(|snapshot| {
            match snapshot.recent.iter_mut().find(|known| known.id == look.id) {
                Some(known) => *known = Arc::clone(&look),
                None => snapshot.recent.insert(0, Arc::clone(&look)),
            }
            snapshot.recent.retain(|known| kept.contains(&known.id));
            snapshot.current = Some(look);
        });
    }

    fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
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
