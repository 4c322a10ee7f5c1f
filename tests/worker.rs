//! The worker under a slow model: stale results are dropped, one frame waits at most, sending never waits.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::graphs::poisoned;
use common::{golden_logits, model_folder};
use image::{Rgb, RgbImage};
use streetwise::base::Device;
use streetwise::capture::{CaptureError, FrameSource, Monitor, Target, Window};
use streetwise::engine::{
    Brain, Command, EngineState, LocalBrain, Look, LookError, ModelSummary, Place, Snapshot, Worker,
};
use streetwise::imaging::Picture;
use streetwise::model::Timings;
use streetwise::ranking::{Ranking, UnsureRule};
use streetwise::runtime::Choice;
use streetwise::store::Paths;

/// A brain whose looks wait for a permit each, so that the test decides when an inference ends.
struct SlowBrain {
    model: String,
    permits: Receiver<()>,
    looks: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Brain for SlowBrain {
    fn start(&mut self) -> Result<EngineState, LookError> {
        Ok(EngineState { name: "fake".into(), ..EngineState::default() })
    }

    fn models(&self) -> Vec<ModelSummary> {
        Vec::new()
    }

    fn first_models(&self) -> Vec<String> {
        vec!["one".into()]
    }

    fn load(&mut self, id: &str) -> Result<EngineState, LookError> {
        if id == "broken" {
            return Err(LookError::NoModel);
        }
        self.model = id.to_owned();
        self.start()
    }

    fn look(&mut self, id: u64, picture: &Picture) -> Result<Look, LookError> {
        assert!(picture.name != "a picture that a bug stumbles over", "as a bug might");
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().push(picture.pixels.get_pixel(0, 0).0[0]);
        self.permits.recv().map_err(|_| LookError::NoModel)?;
        let countries = ["AU".to_owned(), "BR".to_owned()];
        let logits = if self.model == "one" { [2.0, 0.0] } else { [0.0, 2.0] };
        Ok(Look {
            id,
            name: picture.name.clone(),
            picture: Arc::clone(&picture.pixels),
            seen: Arc::clone(&picture.pixels),
            notes: Vec::new(),
            outcome: Ok(Ranking::from_logits(&logits, 1.0, &countries, UnsureRule::default()).unwrap()),
            timings: Timings::default(),
            model: self.model.clone(),
            engine: "fake".into(),
            device: "CPU".into(),
        })
    }
}

/// Stumbling over this target, as a bug in a capture system might.
const STUMBLES: Target = Target::Monitor(13);

/// A source that counts frames and gives each its number as colour.
struct Counting(Arc<AtomicUsize>);

impl FrameSource for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError> {
        Ok(Vec::new())
    }

    fn windows(&mut self) -> Result<Vec<Window>, CaptureError> {
        Ok(Vec::new())
    }

    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError> {
        assert!(*target != STUMBLES, "as a bug might");
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(RgbImage::from_pixel(4, 4, Rgb([u8::try_from(number).unwrap_or(255), 0, 0])))
    }
}

struct Scene {
    worker: Worker,
    permits: Sender<()>,
    looks: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<u8>>>,
    shots: Arc<AtomicUsize>,
}

fn scene() -> Scene {
    let (permits, theirs) = channel();
    let (looks, shots) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let brain = SlowBrain {
        model: String::new(),
        permits: theirs,
        looks: Arc::clone(&looks),
        seen: Arc::clone(&seen),
    };
    let frames = Arc::clone(&shots);
    let factory = move || Ok(Box::new(Counting(Arc::clone(&frames))) as Box<dyn FrameSource>);
    let worker = Worker::start(Box::new(brain), Box::new(factory), Arc::new(|| ())).unwrap();
    Scene { worker, permits, looks, seen, shots }
}

impl Scene {
    /// Waits for a state; how long it may take is only there to end a broken test.
    fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let snapshot = self.worker.snapshot();
            if holds(&snapshot) {
                return snapshot;
            }
            assert!(Instant::now() < deadline, "waited for: {what}; {:?}", snapshot.busy);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn until_looks(&self, count: usize) {
        self.until("looks", |_| self.looks.load(Ordering::SeqCst) >= count);
    }
}

fn picture(name: &str) -> Picture {
    Picture::from_rgb(name, RgbImage::from_pixel(8, 8, Rgb([200, 0, 0])))
}

fn top(snapshot: &Snapshot) -> Option<String> {
    let look = snapshot.current.as_ref()?;
    Some(look.outcome.as_ref().ok()?.guesses[0].country.clone())
}

#[test]
fn a_result_overtaken_by_a_model_switch_is_never_shown() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::Look(picture("a")));
    scene.until_looks(1);
    scene.worker.send(Command::UseModel("two".into()));
    scene.permits.send(()).unwrap();
    // The first result is stale; the switch looks again with the new model.
    scene.until_looks(2);
    assert!(scene.worker.snapshot().current.is_none(), "the old model's result was shown");
    scene.permits.send(()).unwrap();
    let shown = scene.until("the new model's result", |snapshot| snapshot.current.is_some());
    assert_eq!(top(&shown).as_deref(), Some("BR"));
    assert_eq!(shown.model.as_deref(), Some("two"));
}

#[test]
fn while_the_model_is_busy_one_frame_waits_and_it_is_the_newest() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::Watch(Target::Monitor(0)));
    scene.until_looks(1);
    let shots = scene.shots.load(Ordering::SeqCst);
    scene.until("more frames", |_| scene.shots.load(Ordering::SeqCst) >= shots + 3);
    assert_eq!(scene.looks.load(Ordering::SeqCst), 1, "a second look began while the first was busy");
    scene.permits.send(()).unwrap();
    scene.until_looks(2);
    let seen = scene.seen.lock().unwrap().clone();
    assert!(usize::from(seen[1]) >= shots + 3, "an old frame was looked at: {seen:?}");
}

#[test]
fn a_frame_of_a_watch_that_ended_is_dropped() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::Watch(Target::Monitor(0)));
    scene.until_looks(1);
    let shots = scene.shots.load(Ordering::SeqCst);
    scene.until("a waiting frame", |_| scene.shots.load(Ordering::SeqCst) > shots);
    scene.worker.send(Command::StopWatching);
    scene.permits.send(()).unwrap();
    scene.until("idle", |snapshot| snapshot.busy.is_none() && snapshot.watching.is_none());
    assert_eq!(scene.looks.load(Ordering::SeqCst), 1);
}

#[test]
fn a_frame_in_flight_when_watching_stops_is_never_shown() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::Watch(Target::Monitor(0)));
    scene.until_looks(1);
    scene.permits.send(()).unwrap();
    let first = scene.until("the first frame", |snapshot| snapshot.current.is_some());
    scene.until_looks(2);
    scene.worker.send(Command::StopWatching);
    scene.permits.send(()).unwrap();
    let after = scene.until("idle", |snapshot| snapshot.busy.is_none());
    let ids = |snapshot: &Snapshot| snapshot.recent.iter().map(|look| look.id).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&first), "the frame on its way was shown");
    // The frame that is shown is still held: another model looks at it again.
    scene.worker.send(Command::UseModel("two".into()));
    scene.permits.send(()).unwrap();
    let again = scene.until("the other model's result", |snapshot| top(snapshot).as_deref() == Some("BR"));
    assert_eq!(ids(&again), ids(&first));
}

#[test]
fn another_model_is_loaded_in_the_middle_of_many_files_and_no_file_is_left_out() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    let folder = tempfile::tempdir().unwrap();
    for index in 0..4 {
        let path = folder.path().join(format!("{index}.png"));
        RgbImage::from_pixel(8, 8, Rgb([index, 0, 0])).save(path).unwrap();
    }
    scene.worker.send(Command::Open(vec![folder.path().to_owned()]));
    scene.until_looks(1);
    scene.worker.send(Command::UseModel("one and a half".into()));
    scene.worker.send(Command::UseModel("two".into()));
    for _ in 0..5 {
        scene.permits.send(()).unwrap();
    }
    let done = scene.until("all files", |snapshot| snapshot.busy.is_none() && snapshot.recent.len() == 4);
    assert_eq!(*scene.seen.lock().unwrap(), [0, 0, 1, 2, 3], "the file at hand was looked at again");
    assert!(done.recent.iter().all(|look| look.model == "two"), "{:?}", done.recent);
    assert_eq!(done.model.as_deref(), Some("two"));
}

#[test]
fn a_thread_that_panics_says_so_and_goes_on() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::Look(picture("a picture that a bug stumbles over")));
    let said = scene.until("a problem", |snapshot| snapshot.busy.is_none() && !snapshot.problems.is_empty());
    assert!(said.problems[0].text.contains("went wrong inside Streetwise"), "{:?}", said.problems);
    assert!(said.ready, "the model was loaded again");
    scene.worker.send(Command::Look(picture("a")));
    scene.permits.send(()).unwrap();
    scene.until("a result", |snapshot| snapshot.current.is_some());
    // The thread that captures, too.
    scene.worker.send(Command::Shot(STUMBLES));
    let capture =
        |snapshot: &Snapshot| snapshot.problems.iter().any(|problem| problem.place == Place::Capture);
    scene.until("a problem", capture);
    scene.worker.send(Command::Shot(Target::Monitor(0)));
    scene.permits.send(()).unwrap();
    scene.until("a capture", |snapshot| snapshot.recent.len() == 2 && !capture(snapshot));
}

#[test]
fn a_model_that_cannot_be_loaded_is_said_and_the_old_one_stays() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    scene.worker.send(Command::UseModel("broken".into()));
    let snapshot = scene.until("a problem", |snapshot| !snapshot.problems.is_empty());
    assert_eq!(snapshot.model.as_deref(), Some("one"));
    scene.worker.send(Command::DismissProblem(snapshot.problems[0].id));
    assert!(scene.worker.snapshot().problems.is_empty());
}

/// A folder of bad files is told by its last ones and the number of the others, not by ten thousand messages.
#[test]
fn problems_are_bounded_and_those_that_went_are_counted() {
    const FILES: usize = 200;
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    let folder = tempfile::tempdir().unwrap();
    for index in 0..FILES {
        std::fs::write(folder.path().join(format!("{index:03}.jpg")), "no picture").unwrap();
    }
    scene.worker.send(Command::Open(vec![folder.path().to_owned()]));
    let last = format!("{:03}.jpg", FILES - 1);
    let told = |snapshot: &Snapshot| snapshot.problems.iter().any(|problem| problem.text.contains(&last));
    let problems = scene.until("the last file", told).problems.clone();
    assert!(problems.len() < FILES / 2, "{} are kept", problems.len());
    let gone: usize = problems.iter().map(|problem| problem.before).sum();
    assert_eq!(problems.len() + gone, FILES);
}

#[test]
fn reading_many_files_says_how_far_it_is_and_stops_when_asked() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    let folder = tempfile::tempdir().unwrap();
    for index in 0..9 {
        RgbImage::from_pixel(8, 8, Rgb([index, 0, 0]))
            .save(folder.path().join(format!("{index}.png")))
            .unwrap();
    }
    scene.worker.send(Command::Open(vec![folder.path().to_owned()]));
    scene.until_looks(1);
    scene.permits.send(()).unwrap();
    scene.until_looks(2);
    let busy = scene.worker.snapshot().busy.clone().unwrap();
    assert_eq!((busy.done, busy.of), (1, 9), "{busy:?}");
    assert!(busy.left().is_some() && busy.what.contains("1.png"), "{busy:?}");
    scene.worker.send(Command::Stop);
    scene.permits.send(()).unwrap();
    scene.until("idle", |snapshot| snapshot.busy.is_none());
    assert_eq!(
        scene.looks.load(Ordering::SeqCst),
        2,
        "what was at hand was finished, nothing after it begun"
    );
}

#[test]
fn a_flood_of_commands_is_refused_in_words_and_never_blocks() {
    let scene = scene();
    scene.until("ready", |snapshot| snapshot.ready);
    for _ in 0..200 {
        scene.worker.send(Command::Look(picture("a")));
    }
    let snapshot = scene.worker.snapshot();
    assert!(snapshot.problems.iter().any(|problem| problem.text.contains("Too much is waiting")));
    for _ in 0..200 {
        let _ = scene.permits.send(());
    }
}

/// Waits for a state of `worker`; how long it may take is only there to end a broken test.
fn until(worker: &Worker, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let snapshot = worker.snapshot();
        if holds(&snapshot) {
            return snapshot;
        }
        assert!(Instant::now() < deadline, "{what} did not come: {:?}", snapshot.problems);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The engine that every start of the window would end with, were it loaded in this process.
#[test]
fn a_chosen_model_that_ends_the_engine_gives_way_to_a_shipped_one_and_so_it_is_said() {
    let data = tempfile::tempdir().unwrap();
    let (_, bytes) = poisoned().swap_remove(0);
    model_folder(&data.path().join("models"), "poisoned", &bytes, &golden_logits("tiny"), |_| ());
    let choice = Choice {
        library: None,
        embedded_only: true,
        paths: Paths::under(data.path().to_owned()),
        prober: Some(env!("CARGO_BIN_EXE_streetwise").into()),
    };
    let brain = LocalBrain::new(choice, Device::Auto, Some(1), Some("poisoned".into()));
    let factory = || Ok(Box::new(Counting(Arc::new(AtomicUsize::new(0)))) as Box<dyn FrameSource>);
    let worker = Worker::start(Box::new(brain), Box::new(factory), Arc::new(|| ())).unwrap();
    let snapshot = until(&worker, "a model", |snapshot| snapshot.ready && snapshot.busy.is_none());
    assert_eq!(snapshot.model.as_deref(), Some("street-world"));
    let told: Vec<&str> = snapshot.problems.iter().map(|problem| problem.text.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("model poisoned") && told[0].ends_with("street-world is used instead."));
    // Chosen in the list as well, it changes nothing.
    worker.send(Command::UseModel("poisoned".into()));
    let problems = |snapshot: &Snapshot| {
        snapshot.problems.iter().filter(|problem| problem.place == Place::Model).count()
    };
    let snapshot = until(&worker, "the refusal", |snapshot| problems(snapshot) == 2);
    assert_eq!(snapshot.model.as_deref(), Some("street-world"));
}
