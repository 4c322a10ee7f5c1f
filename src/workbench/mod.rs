//! Models at work beside the assistant: comparisons, explanations and benchmarks, one after the other on a thread of
//! their own; tasks in, the latest [`Findings`] out. Everything is computed by [`crate::compare`], [`crate::explain`] and
//! [`mod@crate::bench`], as on the command line.

mod bench_work;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use image::RgbImage;

use crate::bench::Bench;
use crate::chart::Theme;
use crate::compare::{self, Looks, Report, charts, study};
use crate::dataset::Dataset;
use crate::evaluate::Options;
use crate::explain::{Grid, Heatmap, Method, attention, occlusion};
use crate::imaging::Picture;
use crate::model::{Classifier, Library};
use crate::runtime::{self, Choice, Device};
use crate::training::runs::RunStore;
use crate::training::split::Split;

/// Size of the pictures of charts, in pixels.
const CHART: (u32, u32) = (900, 560);
/// How often a map on its way is shown.
const SHOW_EVERY: Duration = Duration::from_millis(150);

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
        /// Whether charts are light on dark.
        dark: bool,
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
    /// Measure speed and memory on this machine.
    Bench {
        /// The models.
        models: Vec<String>,
    },
}

/// What goes on.
#[derive(Debug, Clone)]
pub struct Doing {
    /// In words.
    pub what: String,
    /// Steps done.
    pub done: usize,
    /// Of so many; 0 where that is not known.
    pub total: usize,
    /// Since when.
    pub since: Instant,
}

impl Doing {
    /// Time that is left, once a part is done.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let (done, total) = (u32::try_from(self.done).ok()?, u32::try_from(self.total).ok()?);
        (done > 0 && total > done).then(|| self.since.elapsed() * (total - done) / done)
    }
}

/// A comparison with its charts as pictures.
pub struct Compared {
    /// Figures, pairs, disagreements.
    pub report: Report,
    /// Title and picture of each chart, and the chart itself.
    pub charts: Vec<(charts::Named, Arc<RgbImage>)>,
}

/// A heatmap over its picture.
pub struct Explained {
    /// The number of the look.
    pub look: u64,
    /// The map; none while it is on its way.
    pub map: Option<Heatmap>,
    /// The picture with the map over it.
    pub shown: Arc<RgbImage>,
}

/// The latest state.
#[derive(Clone, Default)]
pub struct Findings {
    /// What goes on.
    pub doing: Option<Doing>,
    /// The last comparison.
    pub compared: Option<Arc<Compared>>,
    /// What models said of one picture, and its name.
    pub looks: Option<Arc<(String, Looks)>>,
    /// The last explanation.
    pub explained: Option<Arc<Explained>>,
    /// The last benchmarks.
    pub benches: Vec<Arc<Bench>>,
    /// Why the last task was not done.
    pub problem: Option<String>,
}

/// Where models come from and how they run.
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

/// The handle.
pub struct Workbench {
    tasks: Sender<(Task, u64)>,
    shared: Shared,
    stops: Arc<AtomicU64>,
}

impl Workbench {
    /// Starts the thread. `repaint` is called after every change.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(means: Means, repaint: Repaint) -> std::io::Result<Self> {
        let (tasks, inbox) = channel();
        let (shared, stops) = (Shared::default(), Arc::new(AtomicU64::new(0)));
        let bench = Bencher { means, shared: Arc::clone(&shared), stops: Arc::clone(&stops), repaint };
        std::thread::Builder::new().name("workbench".into()).spawn(move || bench.run(&inbox))?;
        Ok(Self { tasks, shared, stops })
    }

    /// The latest state.
    #[must_use]
    pub fn findings(&self) -> Arc<Findings> {
        Arc::clone(&self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops what goes on and begins this.
    pub fn send(&self, task: Task) {
        let turn = self.stops.fetch_add(1, Ordering::SeqCst) + 1;
        // The thread ends only with this value.
        let _ = self.tasks.send((task, turn));
    }

    /// Stops what goes on.
    pub fn stop(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bencher {
    means: Means,
    shared: Shared,
    stops: Arc<AtomicU64>,
    repaint: Repaint,
}

impl Bencher {
    fn run(self, inbox: &Receiver<(Task, u64)>) {
        while let Ok((task, turn)) = inbox.recv() {
            if self.is_over(turn) {
                continue;
            }
            self.change(|found| found.problem = None);
            // A mistake in here must not take the window's only workbench with it.
            let work = std::panic::AssertUnwindSafe(|| self.work(task, turn));
            let done = std::panic::catch_unwind(work).unwrap_or_else(|_| {
                Err("this went wrong inside Streetwise; copy the diagnostics (Ctrl+K) and report it"
                    .to_owned())
            });
            self.change(|found| {
                found.doing = None;
                if let Err(why) = done {
                    found.problem = Some(why);
                }
            });
        }
    }

    fn is_over(&self, turn: u64) -> bool {
        self.stops.load(Ordering::SeqCst) != turn
    }

    fn change(&self, edit: impl FnOnce(&mut Findings)) {
        {
            let mut held = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            edit(Arc::make_mut(&mut held));
        }
        (self.repaint)();
    }

    fn begin(&self, what: &str, total: usize) {
        let doing = Doing { what: what.to_owned(), done: 0, total, since: Instant::now() };
        self.change(|found| found.doing = Some(doing));
    }

    /// Tells how far it is; `Break` once it is to stop.
    fn step(&self, turn: u64, done: usize, total: usize) -> ControlFlow<()> {
        self.change(|found| {
            if let Some(doing) = &mut found.doing {
                (doing.done, doing.total) = (done, total);
            }
        });
        if self.is_over(turn) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Does a task; a task that was stopped is done.
    fn work(&self, task: Task, turn: u64) -> Result<(), String> {
        let done = match task {
            Task::Compare { models, data, limit, dark } => self.compare(&models, &data, limit, dark, turn),
            Task::Look { models, name, picture } => self.look(&models, name, &picture),
            Task::Explain { model, look, name, picture, method } => {
                self.explain(&model, look, &name, &picture, method, turn)
            }
            Task::Bench { models } => self.bench(&models, turn),
        };
        if self.is_over(turn) { Ok(()) } else { done }
    }

    fn load(&self, id: &str) -> Result<Classifier, String> {
        let engine = runtime::start(&self.means.choice).map_err(|error| error.to_string())?;
        let library = Library::open(&self.means.choice.paths);
        let model = library.get(id).map_err(|error| error.to_string())?;
        Classifier::load(engine, model, self.means.device, self.means.threads)
            .map_err(|error| error.to_string())
    }

    fn load_all(&self, ids: &[String]) -> Result<Vec<Classifier>, String> {
        self.begin("loading the models", 0);
        ids.iter().map(|id| self.load(id)).collect()
    }

    fn compare(
        &self,
        models: &[String],
        data: &std::path::Path,
        limit: Option<usize>,
        dark: bool,
        turn: u64,
    ) -> Result<(), String> {
        let mut classifiers = self.load_all(models)?;
        let set = Dataset::open(data).map_err(|error| error.to_string())?;
        let options = Options { limit, ..Options::default() };
        self.begin("comparing", 0);
        let found = compare::compare(&mut classifiers, &set, &options, &mut |progress| {
            self.step(turn, progress.done, progress.total)
        });
        let (comparison, _) = found.map_err(|error| error.to_string())?;
        let store = RunStore::open(&self.means.choice.paths);
        let trained = |id: &String| {
            let split = Split::of_model(&store, id);
            split.map_or(0, |split| set.samples.iter().filter(|s| split.trained_on(&s.file)).count())
        };
        let command = command(models, data, limit);
        let trained_on = models.iter().map(trained).collect();
        let report = Report { comparison, runs: study(&store), command, trained_on };
        self.begin("drawing", 0);
        let theme = if dark { Theme::Dark } else { Theme::Light };
        let named =
            charts::of_comparison(&report.comparison).into_iter().chain(charts::of_runs(&report.runs));
        let mut drawn = Vec::new();
        for named in named {
            let png = named.chart.png(CHART, theme).map_err(|error| error.to_string())?;
            let pixels = image::load_from_memory(&png).map_err(|error| error.to_string())?.into_rgb8();
            drawn.push((named, Arc::new(pixels)));
        }
        self.change(|found| found.compared = Some(Arc::new(Compared { report, charts: drawn })));
        Ok(())
    }

    fn look(&self, models: &[String], name: String, picture: &RgbImage) -> Result<(), String> {
        let mut classifiers = self.load_all(models)?;
        self.begin("looking", 0);
        let picture = Picture::from_rgb(&name, picture.clone());
        let looks = compare::look(&mut classifiers, &picture).map_err(|error| error.to_string())?;
        self.change(|found| found.looks = Some(Arc::new((name, looks))));
        Ok(())
    }

    fn explain(
        &self,
        model: &str,
        look: u64,
        name: &str,
        pixels: &Arc<RgbImage>,
        method: Method,
        turn: u64,
    ) -> Result<(), String> {
        self.begin("loading the model", 0);
        let mut classifier = self.load(model)?;
        self.begin("explaining", 0);
        let picture = Picture::from_rgb(name, (**pixels).clone());
        let show = |map: &Heatmap, done: bool| {
            let shown = Arc::new(map.over(&picture));
            let map = done.then(|| map.clone());
            self.change(|found| found.explained = Some(Arc::new(Explained { look, map, shown })));
        };
        let map = match method {
            Method::Attention => attention(&mut classifier, &picture, None),
            Method::Occlusion => {
                // What is on its way lies where the finished attention of the same picture would.
                let frame = whole(&picture, &classifier);
                let mut shown = Instant::now();
                occlusion(&mut classifier, &picture, None, Grid::default(), &mut |partial| {
                    // Before the first part of the grid is done there is nothing to show.
                    if !partial.values.is_empty() && shown.elapsed() > SHOW_EVERY {
                        shown = Instant::now();
                        show(&Heatmap { values: partial.values.to_vec(), ..frame.clone() }, false);
                    }
                    self.step(turn, partial.progress.done, partial.progress.total)
                })
            }
        };
        show(&map.map_err(|error| error.to_string())?, true);
        Ok(())
    }
}

/// An empty occlusion map of a picture.
fn whole(picture: &Picture, classifier: &Classifier) -> Heatmap {
    let grid = Grid::default();
    Heatmap {
        model: classifier.manifest().id.clone(),
        method: Method::Occlusion,
        country: String::new(),
        p: 0.0,
        rows: grid.rows,
        columns: grid.columns,
        values: Vec::new(),
        area: crate::explain::area(classifier.manifest(), picture),
    }
}

/// The command that prints the same figures.
fn command(models: &[String], data: &std::path::Path, limit: Option<usize>) -> String {
    let limit = limit.map_or_else(String::new, |limit| format!(" --limit {limit}"));
    format!("streetwise compare {} --data {}{limit}", models.join(" "), data.display())
}
