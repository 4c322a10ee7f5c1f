//! Faults 21, 22, 24 and 35 from the app's side: trainers that die, do not listen, or say what nobody understands; runs
//! that are resumed twice, and stopped while their model is verified.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use streetwise::base::Device;
use streetwise::model::Library;
use streetwise::store::Paths;
use streetwise::training::drive::{DriveError, Ending, Watch, Wish, drive};
use streetwise::training::environment::Trainer;
use streetwise::training::process::Patience;
use streetwise::training::protocol::{Body, Event, ProtocolError, Skipped};
use streetwise::training::queue;
use streetwise::training::runs::{Run, RunStore, State};
use streetwise::training::verify::{Place, VerifyError, register};

use crate::common::embedded;
use crate::common::trainer::{
    Listener, data, interpreter, made_model, nothing_is_left, queued, trainer, wait_for,
};

const PATIENCE: Patience = Patience { asked: Duration::from_millis(600), let_go: Duration::from_millis(600) };

fn driven(
    root: &Path,
    run: &Run,
    behaviour: &str,
    wish: Option<Wish>,
) -> (Result<Ending, DriveError>, Listener) {
    let mut listener = Listener { wish, ..Listener::default() };
    let ending = drive(run, &trainer(root, behaviour), PATIENCE, &mut listener);
    (ending, listener)
}

#[test]
fn noise_on_both_outputs_is_passed_over_and_the_run_ends_well() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let (ending, listener) = driven(root.path(), &run, "noisy", None);
    assert_eq!(ending.unwrap(), Ending::Done);
    let s = listener.skipped;
    assert_eq!((s.junk, s.too_long, s.unknown), (1, 1, 1));
    let seqs: Vec<u64> = listener.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>(), "every event arrives, in order");
    assert_eq!(std::fs::metadata(run.file("stderr.log")).unwrap().len(), 204_800);
    assert_eq!(run.summary().state, State::Done);
}

#[test]
fn another_version_of_the_protocol_is_refused_and_its_trainer_ends() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let (ending, listener) = driven(root.path(), &run, "v2", None);
    let refused = ending.unwrap_err();
    assert!(matches!(refused, DriveError::Protocol(ProtocolError::Version { found: 2 })), "{refused}");
    assert!(refused.to_string().contains("train setup"), "{refused}");
    assert!(listener.events.is_empty() && nothing_is_left(&run));
}

#[test]
fn a_trainer_that_is_killed_leaves_an_interrupted_run_that_resumes_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let (ending, _) = driven(root.path(), &run, "dies", None);
    let Ending::Died { how } = ending.unwrap() else { panic!("it died") };
    assert!(how.contains("signal: 9") && how.contains("Segmentation fault"), "{how}");
    assert_eq!(run.summary().state, State::Interrupted);
    let (ending, _) = driven(root.path(), &run, "dies", None);
    assert_eq!(ending.unwrap(), Ending::Done);
    let s = run.summary();
    assert_eq!(s.epochs.iter().map(|m| m.epoch).collect::<Vec<_>>(), [1, 2]);
    // The line that was torn by the kill took the next one with it; the rest is there.
    assert_eq!((s.state, s.skipped.junk), (State::Done, 1));
}

#[test]
fn a_stop_ends_with_a_checkpoint_and_the_run_resumes() {
    let root = tempfile::tempdir().unwrap();
    made_model(root.path(), "fake", 0.0);
    let run = queued(root.path());
    let (ending, _) = driven(root.path(), &run, "waits", Some(Wish::Stop));
    assert_eq!(ending.unwrap(), Ending::Stopped);
    assert_eq!(run.summary().ending.unwrap().kind, "asked");
    let (ending, listener) = driven(root.path(), &run, "waits", None);
    assert_eq!(ending.unwrap(), Ending::Done);
    assert!(serde_json::to_string(&listener.events[0]).unwrap().contains(r#""resumed":true"#));
    let again = driven(root.path(), &run, "waits", None).0.unwrap_err();
    assert!(again.to_string().contains("is done"), "{again}");
}

#[test]
fn a_trainer_that_does_not_stop_in_time_is_killed_with_its_whole_group() {
    let root = tempfile::tempdir().unwrap();
    for wish in [Wish::Stop, Wish::Kill] {
        let run = queued(root.path());
        let started = Instant::now();
        let (ending, _) = driven(root.path(), &run, "deaf", Some(wish));
        assert!(matches!(ending.unwrap(), Ending::Died { .. }));
        assert!(wish == Wish::Kill || started.elapsed() >= PATIENCE.asked);
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
        wait_for("the group's end", || nothing_is_left(&run));
        assert_eq!(run.summary().state, State::Interrupted);
    }
}

#[test]
fn what_a_trainer_leaves_behind_does_not_keep_the_app_waiting() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let started = Instant::now();
    let (ending, _) = driven(root.path(), &run, "leaves", None);
    assert_eq!(ending.unwrap(), Ending::Done);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    wait_for("the child's end", || nothing_is_left(&run));
}

#[test]
fn an_error_of_the_trainer_is_told_with_its_way_out() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let (ending, _) = driven(root.path(), &run, "fails", None);
    let Ending::Failed { kind, hint, .. } = ending.unwrap() else { panic!("it failed") };
    assert_eq!((kind.as_str(), hint.as_str()), ("disk-full", "free 150 MB"));
    assert_eq!(run.summary().state, State::Failed);
    let gone = Trainer { python: "/no/such/python".into(), package: root.path().to_owned() };
    let error = drive(&run, &gone, PATIENCE, &mut Listener::default()).unwrap_err().to_string();
    assert!(error.contains("/no/such/python") && error.contains("train setup"), "{error}");
}

#[test]
fn the_trainer_ends_with_a_checkpoint_when_the_app_is_killed() {
    let root = tempfile::tempdir().unwrap();
    let mut app = Command::new(env!("CARGO_BIN_EXE_streetwise"))
        .env("STREETWISE_DATA", root.path())
        .env("STREETWISE_RUNTIME", "embedded")
        .env("STREETWISE_PYTHON", interpreter(root.path(), "waits"))
        .args(["train", "--preset", "resnet18", "--from-scratch", "--json", "--data"])
        .arg(data(root.path()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let store =
        streetwise::training::runs::RunStore::open(&streetwise::store::Paths::under(root.path().to_owned()));
    wait_for("the first epoch", || {
        store.get("1").is_ok_and(|run| run.summary().epochs.len() == 1 && run.file("pids").exists())
    });
    let run = store.get("1").unwrap();
    assert!(!nothing_is_left(&run));
    // Child::kill is SIGKILL.
    app.kill().unwrap();
    app.wait().unwrap();
    wait_for("the trainer's last word", || run.summary().ending.is_some());
    assert_eq!(run.summary().ending.unwrap().kind, "parent");
    wait_for("the trainer's end", || nothing_is_left(&run));
    assert_eq!(run.summary().state, State::Stopped);
}

/// `streetwise` on the runs of `root`, with a trainer that does well.
fn runs(root: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_streetwise"))
        .env("STREETWISE_DATA", root)
        .env("STREETWISE_RUNTIME", "embedded")
        .env("STREETWISE_PYTHON", interpreter(root, "good"))
        .arg("runs")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn two_resumes_of_one_run_bring_it_to_its_end_once() {
    let root = tempfile::tempdir().unwrap();
    made_model(root.path(), "fake", 0.0);
    let run = queued(root.path());
    let store = RunStore::open(&Paths::under(root.path().to_owned()));
    let turn = queue::wait(&store, &mut || false).unwrap();
    // Both have looked at the run, found it not begun, and wait for their turn.
    let waiting = [(); 2].map(|()| {
        let mut app = runs(root.path(), &["resume", "1"]);
        let mut lines = BufReader::new(app.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("waiting for its end")));
        (app, lines)
    });
    drop(turn);
    let mut said: Vec<String> = waiting
        .into_iter()
        .map(|(mut app, lines)| {
            let errors: Vec<String> = lines.map(Result::unwrap).collect();
            let mut text = String::new();
            app.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            assert!(app.wait().unwrap().success(), "{text}{errors:?}");
            text
        })
        .collect();
    said.sort_by_key(|text| text.contains("added before"));
    assert!(said[0].contains("was verified") && said[1].contains("added before"), "{said:?}");
    let summary = run.summary();
    assert_eq!((summary.state, summary.registered, summary.processes), (State::Done, true, 1));
}

/// Asks for the end of the check as soon as it has begun: by a wish of its own, or as another program does.
struct Stopper<'a> {
    run: &'a Run,
    from_elsewhere: bool,
    begun: Option<State>,
}

impl Watch for Stopper<'_> {
    fn event(&mut self, event: &Event) {
        if matches!(&event.body, Body::Phase { name, .. } if name == "verify") {
            self.begun = Some(self.run.summary().state);
            if self.from_elsewhere {
                self.run.ask_to_stop().unwrap();
            }
        }
    }

    fn skipped(&mut self, _: Skipped) {}

    fn wish(&mut self) -> Wish {
        if self.begun.is_some() && !self.from_elsewhere { Wish::Stop } else { Wish::GoOn }
    }
}

#[test]
fn a_stop_ends_the_check_of_a_model_too_and_a_resume_checks_it() {
    let root = tempfile::tempdir().unwrap();
    let (place, paths) = (embedded(root.path()), Paths::under(root.path().to_owned()));
    let place = Place { engine: place, device: Device::Auto, threads: Some(1) };
    made_model(root.path(), "fake", 0.0);
    let run = queued(root.path());
    assert_eq!(driven(root.path(), &run, "good", None).0.unwrap(), Ending::Done);
    for from_elsewhere in [false, true] {
        let mut stopper = Stopper { run: &run, from_elsewhere, begun: None };
        let stopped = register(&run, place, &Library::open(&paths), &mut stopper).unwrap_err();
        assert!(matches!(stopped, VerifyError::Stopped { .. }), "{stopped}");
        assert_eq!(stopper.begun, Some(State::Running), "others see that it goes on");
        assert!(run.summary().state == State::Stopped && run.only_check_is_left());
        assert!(!run.stop_request().exists() && !root.path().join("models/fake").exists());
    }
    let output = runs(root.path(), &["resume", "1"]).wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let summary = run.summary();
    assert_eq!((summary.state, summary.registered, summary.processes), (State::Done, true, 1));
}

#[test]
fn a_model_is_checked_by_one_program_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    made_model(root.path(), "fake", 0.0);
    let run = queued(root.path());
    driven(root.path(), &run, "good", None).0.unwrap();
    let lock = run.take_lock().unwrap();
    let place = Place { engine: embedded(root.path()), device: Device::Auto, threads: Some(1) };
    let library = Library::open(&Paths::under(root.path().to_owned()));
    let refused = register(&run, place, &library, &mut Listener::default()).unwrap_err();
    assert!(refused.to_string().contains("it goes on already"), "{refused}");
    drop(lock);
    assert_eq!(run.summary().state, State::Done);
    register(&run, place, &library, &mut Listener::default()).unwrap();
    // Once more, as a second program that opened its library before: the same model is no other one.
    register(&run, place, &Library::open(&Paths::under(root.path().to_owned())), &mut Listener::default())
        .unwrap();
    let summary = run.summary();
    assert_eq!((summary.state, summary.registered), (State::Done, true));
}

#[test]
fn a_run_that_no_program_drives_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let _lock = run.take_lock().unwrap();
    let output = runs(root.path(), &["stop", "1"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no Streetwise drives it"), "{said}");
    assert!(!run.stop_request().exists());
}
