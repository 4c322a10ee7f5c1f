//! A trainer that is a shell script, so that the tests of the app's side need no Python.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use streetwise::store::Paths;
use streetwise::training::drive::{Watch, Wish};
use streetwise::training::environment::Trainer;
use streetwise::training::job::Job;
use streetwise::training::protocol::{Event, Skipped};
use streetwise::training::recipe::Recipe;
use streetwise::training::runs::{Run, RunStore};

use super::{golden_logits, model_folder, onnx, plain};

/// The behaviours of `tests/training/fake_trainer.sh` as an interpreter: a script in `root` that names one.
pub fn interpreter(root: &Path, behaviour: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/training/fake_trainer.sh");
    let path = root.join(format!("python-{behaviour}"));
    let model = root.join("made/fake");
    let text = format!(
        "#!/bin/sh\nFAKE={behaviour} FAKE_MODEL='{}' exec sh '{}' \"$@\"\n",
        model.display(),
        script.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub fn trainer(root: &Path, behaviour: &str) -> Trainer {
    Trainer { python: interpreter(root, behaviour), package: root.to_owned() }
}

/// Three pictures of one colour each, a folder per country.
pub fn data(root: &Path) -> PathBuf {
    let folder = root.join("data");
    for (country, colour) in [("AU", [255, 0, 0]), ("BR", [0, 255, 0]), ("JP", [0, 0, 255])] {
        std::fs::create_dir_all(folder.join(country)).unwrap();
        plain(colour).save(folder.join(country).join("a.png")).unwrap();
    }
    folder
}

/// The model that the fake trainer gives out as its own, with reference logits computed by hand from the weights
/// in `tests/golden/onnx/make.py`; `off` is added to one of them.
pub fn made_model(root: &Path, id: &str, off: f32) {
    let bytes = onnx("tiny");
    let named = |manifest: &mut serde_json::Value| manifest["id"] = id.into();
    let folder = model_folder(&root.join("made"), "fake", &bytes, &golden_logits("tiny"), named);
    let seen = folder.join("reference");
    std::fs::create_dir_all(&seen).unwrap();
    let shown = |number: usize, country: &str, colour: [u8; 3], logits: [f32; 3]| {
        let name = format!("reference/{number:03}.png");
        plain(colour).save(folder.join(&name)).unwrap();
        json!({ "file": format!("{country}/a.png"), "seen": name, "country": country, "logits": logits })
    };
    let reference = json!({
        "tolerance": { "logit": 0.01, "agreement": 0.99, "accuracy": 0.01, "levels": 0.4, "levels_of_one": 1.0 },
        "pictures": [
            shown(0, "AU", [255, 0, 0], [1.4 + off, 0.0, -1.8]),
            shown(1, "BR", [0, 255, 0], [-1.6, 1.4, -0.4]),
            shown(2, "JP", [0, 0, 255], [-0.4, -1.8, 1.2]),
        ],
    });
    std::fs::write(folder.join("reference.json"), reference.to_string()).unwrap();
}

/// A run that waits to be driven.
pub fn queued(root: &Path) -> Run {
    let store = RunStore::open(&Paths::under(root.to_owned()));
    let job = Job {
        data: data(root),
        weights: None,
        from_scratch: true,
        allow: Vec::new(),
        cache: root.join("cache"),
        name: "Fake".into(),
        threads: Some(1),
        model_id: "fake".into(),
        export: true,
    };
    store.create(&Recipe { freeze_epochs: 0, epochs: 2, ..Recipe::new("resnet18") }, job).unwrap()
}

/// Waits for something, ten seconds at most.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether none of the processes that the run's trainers wrote down is left.
pub fn nothing_is_left(run: &Run) -> bool {
    let pids = std::fs::read_to_string(run.file("pids")).unwrap();
    pids.lines().all(|pid| {
        let alive = Command::new("kill").args(["-0", pid]).output().unwrap().status.success();
        // A process that has ended but was not collected yet by whoever inherited it does nothing any more.
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !alive || state.contains(") Z ")
    })
}

/// Listens, and wishes what the test says once an epoch is over.
#[derive(Debug, Default)]
pub struct Listener {
    pub events: Vec<Event>,
    pub skipped: Skipped,
    pub wish: Option<Wish>,
}

impl Watch for Listener {
    fn event(&mut self, event: &Event) {
        self.events.push(event.clone());
    }

    fn skipped(&mut self, skipped: Skipped) {
        self.skipped = skipped;
    }

    fn wish(&mut self) -> Wish {
        if self.events.len() > 1 { self.wish.unwrap_or(Wish::GoOn) } else { Wish::GoOn }
    }
}
