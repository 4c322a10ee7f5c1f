//! Models at work beside the assistant: comparisons, explanations and benchmarks; tasks in, the latest [`Findings`] out.
//!
//! Two lanes, a thread each: work over data sets takes minutes, and a picture must not wait for it. Within a lane a new
//! task takes the place of the one before. Everything is computed by [`crate::compare`], [`crate::explain`] and
//! [`mod@crate::bench`], as on the command line.

mod findings;
mod pictures;
mod sets;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use image::RgbImage;

pub use findings::{Compared, Excited, Explained, Findings, Lane, LaneState, Looked, Maps, Part};

use crate::base::Device;
use crate::base::guard;
use crate::base::priority::yield_to_the_window;
use crate::engine::Busy;
use crate::explain::Method;
use crate::model::{Classifier, Library, ModelError};
use crate::runtime::{self, Choice};

/// How often the window is told how far the work is: a frame can cost more than the step that it is drawn for.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Task {
    /// Compare models on labelled pictures.
    Compare {
        /// Their identifiers, two to six.
        models: Vec<String>,
        /// The data set.
        data: PathBuf,
        /// At most so many pictures, spread evenly.
        limit: Option<usize>,
    },
    /// Find the pictures that excite a country most.
    Excite {
        /// The model.
        model: String,
        /// The data set.
        data: PathBuf,
        /// The country, ISO alpha-2.
        country: String,
    },
    /// Measure speed and memory on this machine.
    Bench {
        /// The models.
        models: Vec<String>,
    },
    /// Let models look at one picture.
    Look {
        /// Their identifiers.
        models: Vec<String>,
        /// Its name.
        name: String,
        /// Its pixels.
        picture: Arc<RgbImage>,
    },
    /// What each of several models rests on, on one picture.
    Maps {
        /// Their identifiers.
        models: Vec<String>,
        /// Its pixels.
        picture: Arc<RgbImage>,
        /// How.
        method: Method,
    },
    /// Explain what a guess rests on.
    Explain {
        /// The model.
        model: String,
        /// The number of the look that is explained.
        look: u64,
        /// The picture's name.
        name: String,
        /// Its pixels.
        picture: Arc<RgbImage>,
        /// How.
        method: Method,
    },
}

impl Task {
    fn lane(&self) -> Lane {
        match self {
            Self::Compare { .. } | Self::Excite { .. } | Self::Bench { .. } => Lane::Sets,
            Self::Look { .. } | Self::Maps { .. } | Self::Explain { .. } => Lane::Picture,
        }
    }
}

/// Where models come from and how they run.
#[derive(Clone)]
pub struct Means {
    /// Which engine.
    pub choice: Choice,
    /// On which device.
    pub device: Device,
    /// With how many threads.
    pub threads: Option<usize>,
}

type Shared = Arc<Mutex<Arc<Findings>>>;
type Repaint = Arc<dyn Fn() + Send + Sync>;

/// The handle of one lane.
struct Line {
    tasks: Sender<(Task, u64)>,
    stops: Arc<AtomicU64>,
}

/// The handle.
pub struct Workbench {
    shared: Shared,
    sets: Line,
    picture: Line,
}

impl Workbench {
    /// Starts the threads. `repaint` is called after every change.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(means: &Means, repaint: &Repaint) -> std::io::Result<Self> {
        let shared = Shared::default();
        let start = |lane: Lane, name: &str| {
            let (tasks, inbox) = channel();
            let stops = Arc::new(AtomicU64::new(0));
            let bench = Bencher {
                means: means.clone(),
                lane,
                shared: Arc::clone(&shared),
                stops: Arc::clone(&stops),
                repaint: Arc::clone(repaint),
                told: Cell::default(),
            };
            std::thread::Builder::new().name(name.into()).spawn(move || bench.run(&inbox))?;
            std::io::Result::Ok(Line { tasks, stops })
        };
        let (sets, picture) = (start(Lane::Sets, "sets")?, start(Lane::Picture, "pictures")?);
        Ok(Self { shared, sets, picture })
    }

    /// The latest state.
    #[must_use]
    pub fn findings(&self) -> Arc<Findings> {
        Arc::clone(&self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops what goes on in the task's lane and begins this.
    pub fn send(&self, task: Task) {
        let line = self.line(task.lane());
        let turn = line.stops.fetch_add(1, Ordering::SeqCst) + 1;
        // The thread ends only with this value.
        let _ = line.tasks.send((task, turn));
    }

    /// Stops what goes on in a lane.
    pub fn stop(&self, lane: Lane) {
        self.line(lane).stops.fetch_add(1, Ordering::SeqCst);
    }

    fn line(&self, lane: Lane) -> &Line {
        match lane {
            Lane::Sets => &self.sets,
            Lane::Picture => &self.picture,
        }
    }
}

/// The thread of a lane.
struct Bencher {
    means: Means,
    lane: Lane,
    shared: Shared,
    stops: Arc<AtomicU64>,
    repaint: Repaint,
    /// When the window was told last how far the work is.
    told: Cell<Option<Instant>>,
}

impl Bencher {
    fn run(self, inbox: &Receiver<(Task, u64)>) {
        yield_to_the_window();
        while let Ok((task, turn)) = inbox.recv() {
            if self.is_over(turn) {
                continue;
            }
            self.change(|found| found.lane_mut(self.lane).problem = None);
            let done = guard::attempt(|| self.work(task, turn)).flatten();
            self.change(|found| {
                let state = found.lane_mut(self.lane);
                state.doing = None;
                if let Err(why) = done {
                    state.problem = Some(why);
                }
            });
        }
    }

    fn is_over(&self, turn: u64) -> bool {
        self.stops.load(Ordering::SeqCst) != turn
    }

    fn change(&self, edit: impl FnOnce(&mut Findings)) {
        self.edit(edit);
        (self.repaint)();
    }

    fn edit(&self, edit: impl FnOnce(&mut Findings)) {
        let mut held = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        edit(Arc::make_mut(&mut held));
    }

    fn begin(&self, what: &str) {
        let doing = Busy { what: what.to_owned(), done: 0, of: 1, since: Instant::now() };
        self.change(|found| found.lane_mut(self.lane).doing = Some(doing));
    }

    /// Tells how far it is, the window now and then; `Break` once it is to stop.
    fn step(&self, turn: u64, done: usize, total: usize) -> ControlFlow<()> {
        self.edit(|found| {
            if let Some(doing) = &mut found.lane_mut(self.lane).doing {
                (doing.done, doing.of) = (done, total);
            }
        });
        if self.told.get().is_none_or(|told| told.elapsed() > TELL_EVERY) {
            self.told.set(Some(Instant::now()));
            (self.repaint)();
        }
        if self.is_over(turn) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Does a task; a task that was stopped is done.
    fn work(&self, task: Task, turn: u64) -> Result<(), String> {
        let done = match task {
            Task::Compare { models, data, limit } => self.compare(&models, &data, limit, turn),
            Task::Excite { model, data, country } => self.excite(&model, &data, &country, turn),
            Task::Bench { models } => self.bench(&models, turn),
            Task::Look { models, name, picture } => self.look(&models, name, picture),
            Task::Maps { models, picture, method } => self.maps(&models, picture, method, turn),
            Task::Explain { model, look, name, picture, method } => {
                self.explain(&model, look, &name, &picture, method, turn)
            }
        };
        if self.is_over(turn) { Ok(()) } else { done }
    }

    fn load(&self, ids: &[String]) -> Result<Vec<Classifier>, String> {
        self.begin(if ids.len() == 1 { "loading the model" } else { "loading the models" });
        let engine = runtime::start(&self.means.choice).map_err(|error| error.to_string())?;
        let library = Library::open(&self.means.choice.paths);
        let load = |id: &String| {
            let (device, threads) = (self.means.device, self.means.threads);
            library.get(id).and_then(|model| Classifier::load(engine, model, device, threads))
        };
        ids.iter().map(load).collect::<Result<_, _>>().map_err(|error: ModelError| error.to_string())
    }
}
