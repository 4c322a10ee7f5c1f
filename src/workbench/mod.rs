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
use crate::engine::Busy;
use crate::evaluate::Options;
use crate::explain::{Grid, Heatmap, Method, attention, occlusion};
use crate::imaging::Picture;
use crate::model::{Classifier, Library, ModelError};
use crate::runtime::{self, Choice, Device};
use crate::training::runs::RunStore;
use crate::training::split::Split;

/// Size of the pictures of charts, in pixels.
const CHART: (u32, u32) = (900, 560);
/// Size of a chart in a file, in pixels.
const SAVED: (u32, u32) = (1200, 750);
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

/// A comparison with its charts as pictures.
pub struct Compared {
    /// Figures, pairs, disagreements.
    pub report: Report,
    /// Title and picture of each chart, and the chart itself.
    pub charts: Vec<(charts::Named, Arc<RgbImage>)>,
}

/// What of a comparison is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The HTML report.
    Html,
    /// The table of that place among [`tables`](compare::tables), as CSV.
    Csv(usize),
    /// The chart of that place among [`Compared::charts`], as SVG.
    Svg(usize),
    /// The same as PNG.
    Png(usize),
}

impl Compared {
    /// The bytes of a part; takes its time.
    ///
    /// # Errors
    /// A sentence on what could not be made.
    pub fn bytes(&self, part: Part) -> Result<Vec<u8>, String> {
        let chart = |index: usize| {
            self.charts.get(index).ok_or("there is no such chart").map(|(named, _)| &named.chart)
        };
        match part {
            Part::Html => self.report.html().map(String::into_bytes).map_err(|error| error.to_string()),
            Part::Csv(index) => {
                let tables = compare::tables(&self.report.comparison, &self.report.runs);
                let table = tables.get(index).ok_or("there is no such table")?;
                table.csv().map_err(|error| error.to_string())
            }
            Part::Svg(index) => {
                let svg = chart(index)?.svg(SAVED, Theme::Light);
                svg.map(String::into_bytes).map_err(|error| error.to_string())
            }
            Part::Png(index) => chart(index)?.png(SAVED, Theme::Light).map_err(|error| error.to_string()),
        }
    }
}

impl std::fmt::Debug for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compared").finish_non_exhaustive()
    }
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
    pub doing: Option<Busy>,
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

    fn begin(&self, what: &str) {
        let doing = Busy { what: what.to_owned(), done: 0, of: 1, since: Instant::now() };
        self.change(|found| found.doing = Some(doing));
    }

    /// Tells how far it is; `Break` once it is to stop.
    fn step(&self, turn: u64, done: usize, total: usize) -> ControlFlow<()> {
        self.change(|found| {
            if let Some(doing) = &mut found.doing {
                (doing.done, doing.of) = (done, total);
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

    fn compare(
        &self,
        models: &[String],
        data: &std::path::Path,
        limit: Option<usize>,
        dark: bool,
        turn: u64,
    ) -> Result<(), String> {
        let mut classifiers = self.load(models)?;
        let set = Dataset::open(data).map_err(|error| error.to_string())?;
        let options = Options { limit, ..Options::default() };
        self.begin("comparing");
        let found = compare::compare(&mut classifiers, &set, &options, &mut |progress| {
            self.step(turn, progress.done, progress.total)
        });
        let (comparison, _) = found.map_err(|error| error.to_string())?;
        let store = RunStore::open(&self.means.choice.paths);
        let trained =
            |id: &String| Split::of_model(&store, id).map_or(0, |split| split.count_trained_on(&set));
        let command = command(models, data, limit);
        let trained_on = models.iter().map(trained).collect();
        let report = Report { comparison, runs: study(&store), command, trained_on };
        self.begin("drawing");
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
        let mut classifiers = self.load(models)?;
        self.begin("looking");
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
        let mut loaded = self.load(&[model.to_owned()])?;
        let Some(classifier) = loaded.first_mut() else { return Ok(()) };
        self.begin("explaining");
        let picture = Picture::from_rgb(name, (**pixels).clone());
        let show = |map: &Heatmap, done: bool| {
            let shown = Arc::new(map.over(&picture));
            let map = done.then(|| map.clone());
            self.change(|found| found.explained = Some(Arc::new(Explained { look, map, shown })));
        };
        let map = match method {
            Method::Attention => attention(classifier, &picture, None),
            Method::Occlusion => {
                // What is on its way lies where the finished attention of the same picture would.
                let frame = whole(&picture, classifier);
                let mut shown = Instant::now();
                occlusion(classifier, &picture, None, Grid::default(), &mut |partial| {
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
