//! Training as a user does it on the command line, with a trainer that is a shell script.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use streetwise::store::Paths;
use streetwise::training::runs::{RunStore, State};

use common::trainer::{data, interpreter, made_model, nothing_is_left, queued, wait_for};

fn streetwise(root: &Path, behaviour: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command
        .env("STREETWISE_DATA", root)
        .env("STREETWISE_RUNTIME", "embedded")
        .env("STREETWISE_PYTHON", interpreter(root, behaviour))
        .args(arguments);
    command
}

fn ran(root: &Path, behaviour: &str, arguments: &[&str]) -> Output {
    streetwise(root, behaviour, arguments).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn store(root: &Path) -> RunStore {
    RunStore::open(&Paths::under(root.to_owned()))
}

fn train<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = ["train", "--preset", "resnet18", "--from-scratch", "--data", data, "--model-id", "mine"];
    [&start[..], more].concat()
}

#[test]
fn a_run_ends_with_a_verified_model_that_guesses() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.0);
    let output = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in
        ["epoch 2/2", "F1 42.0 %", "verifying the model", "model mine was verified", "guess --model mine"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let picture = data.join("JP/a.png");
    let guess = ran(root, "good", &["guess", "--json", "--model", "mine", picture.to_str().unwrap()]);
    assert_eq!(lines(&guess)[0]["ranking"][0]["country"], "JP");
    let shown = &lines(&ran(root, "good", &["runs", "show", "1", "--json"]))[0];
    assert_eq!(shown["summary"]["state"], "done");
    assert_eq!(shown["summary"]["registered"], true);
    assert_eq!(shown["verify"]["passed"], true);
    // What it trained on is not taken for something new.
    let split =
        r#"{"train": ["AU/a.png", "BR/a.png"], "valid": ["JP/a.png"], "countries": ["AU", "BR", "JP"]}"#;
    std::fs::write(store(root).get("1").unwrap().file("split.json"), split).unwrap();
    let pictures = data.to_str().unwrap();
    let all = ran(root, "good", &["evaluate", "mine", "--data", pictures]);
    let text = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(text.contains("2 of the pictures were trained on"), "{text}{}", said(&all));
    let one =
        &lines(&ran(root, "good", &["evaluate", "mine", "--data", pictures, "--limit", "1", "--json"]))[0];
    assert_eq!(
        (&one["images"], &one["trained_on"]),
        (&1.into(), &1.into()),
        "only pictures that were counted"
    );
    let held =
        &lines(&ran(root, "good", &["evaluate", "mine", "--data", pictures, "--held-out", "--json"]))[0];
    assert_eq!((&held["images"], &held["trained_on"]), (&1.into(), &0.into()));
    let other = ran(root, "good", &["evaluate", "street-world", "--data", pictures, "--held-out"]);
    assert!(said(&other).contains("what it held out is not known"), "{}", said(&other));
    assert_eq!(shown["verify"]["pictures"], 3);
    assert!(shown["verify"]["logit_difference"].as_f64().unwrap() < 1e-4);
    let again = ran(root, "good", &["runs", "resume", "1"]);
    assert!(said(&again).contains("nothing to resume"), "{}", said(&again));
    let taken = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    assert!(said(&taken).contains("is there already"), "{}", said(&taken));
}

#[test]
fn a_model_that_differs_from_pytorch_is_not_added_until_it_is_right() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.5);
    let output = ran(root, "good", &train(data.to_str().unwrap(), &["--json"]));
    assert_eq!(output.status.code(), Some(1));
    let all = lines(&output);
    let gate = &all[all.len() - 2];
    assert_eq!((gate["type"].as_str(), gate["kind"].as_str()), (Some("error"), Some("export-gate")));
    assert_eq!(all.last().unwrap()["state"], "failed");
    assert!(all.last().unwrap()["error"].as_str().unwrap().contains("logits differ by 0.5"), "{all:?}");
    assert!(!root.join("models/mine").exists());
    assert_eq!(store(root).get("1").unwrap().summary().state, State::Failed);
    // The events on the disk are those that were passed on, so a restarted app says the same.
    let events = std::fs::read_to_string(root.join("runs/001-resnet18/events.jsonl")).unwrap();
    let kept: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(kept, all[..all.len() - 1]);
    made_model(root, "mine", 0.0);
    let reference = |folder: &str| root.join(folder).join("reference.json");
    std::fs::copy(reference("made/fake"), reference("runs/001-resnet18/model")).unwrap();
    // Only the check is done again: this trainer would fail.
    let resumed = ran(root, "fails", &["runs", "resume", "1"]);
    assert!(resumed.status.success(), "{}", said(&resumed));
    assert!(root.join("models/mine/model.onnx").exists());
}

/// Changes one picture of the data set and what PyTorch is said to have seen of it and made of it.
fn first_picture(root: &Path, file: [u8; 3], seen: [u8; 3], logits: [f32; 3]) {
    common::plain(file).save(root.join("data/AU/a.png")).unwrap();
    common::plain(seen).save(root.join("made/fake/reference/000.png")).unwrap();
    let path = root.join("made/fake/reference.json");
    let mut reference: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    reference["pictures"][0]["logits"] = logits.to_vec().into();
    std::fs::write(path, reference.to_string()).unwrap();
}

#[test]
fn pixels_that_are_not_pytorchs_are_refused_whatever_the_network_makes_of_them() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.0);
    // The network is right on PyTorch's pixels and guesses the same from the file's.
    first_picture(root, [250, 0, 0], [255, 0, 0], [1.4, 0.0, -1.8]);
    let output = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains("logits differ by 0.0000") && text.contains("1.67 in one picture (1 allowed)"),
        "{text}"
    );
    assert!(!root.join("models/mine").exists());
}

#[test]
fn a_picture_that_only_pytorchs_side_reads_does_not_cost_a_finished_run_its_model() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.0);
    // Read when the run began, spoilt since.
    std::fs::write(data.join("AU/a.png"), "no picture").unwrap();
    let output = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(root.join("models/mine/model.onnx").exists());
    assert!(text.contains("1 of the check's 3 pictures were left out") && text.contains("a.png"), "{text}");
    // Where none can be read, nothing was checked.
    for country in ["BR", "JP"] {
        std::fs::write(data.join(country).join("a.png"), "no picture").unwrap();
    }
    made_model(root, "other", 0.0);
    let output = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!root.join("models/other").exists());
}

#[test]
fn a_network_that_rounding_sways_is_added_with_a_warning() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.0);
    // A third of a level away, the first guess tips over from AU to JP.
    first_picture(root, [145, 0, 255], [146, 0, 255], [0.745_098, -1.570_98, 0.741_961]);
    let output = ran(root, "good", &train(data.to_str().unwrap(), &[]));
    assert!(output.status.success(), "{}", said(&output));
    let shown = &lines(&ran(root, "good", &["runs", "show", "1", "--json"]))[0];
    assert_eq!(shown["verify"]["agreement"], 1.0);
    assert!((shown["verify"]["from_files"]["agreement"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    let warning = shown["summary"]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("changes the first guess of 33.3 % of 3 pictures"), "{warning}");
    assert_eq!(shown["summary"]["registered"], true);
}

#[test]
fn a_run_is_listed_stopped_from_elsewhere_resumed_compared_copied_and_deleted() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    made_model(root, "mine", 0.0);
    let app = streetwise(root, "waits", &train(data.to_str().unwrap(), &["--epochs", "2"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the first epoch", || store(root).get("1").is_ok_and(|run| run.summary().epochs.len() == 1));
    let run = store(root).get("1").unwrap();
    // The script cannot hold the trainer's lock, so the test does.
    let lock = std::fs::File::create(run.file("run.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(lines(&ran(root, "good", &["runs", "list", "--json"]))[0]["state"], "running");
    let busy = ran(root, "good", &["runs", "delete", "1"]);
    assert!(said(&busy).contains("stop it first"), "{}", said(&busy));
    let stopping = streetwise(root, "good", &["runs", "stop", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let app = app.wait_with_output().unwrap();
    assert!(said(&app).contains("runs resume 001-resnet18"), "{}", said(&app));
    lock.unlock().unwrap();
    assert!(stopping.wait_with_output().unwrap().status.success());
    assert!(nothing_is_left(&run) && run.summary().state == State::Stopped);
    let resumed = ran(root, "waits", &["runs", "resume", "1"]);
    assert!(
        resumed.status.success() && said(&resumed).contains("going on from the last"),
        "{}",
        said(&resumed)
    );
    let compared = lines(&ran(root, "good", &["runs", "compare", "--json"]));
    assert_eq!(
        (compared[0]["result"]["countries"].as_u64(), compared[0]["epoch"].as_u64()),
        (Some(3), Some(2))
    );
    assert!(ran(root, "good", &["runs", "clone", "1", "--seed", "7"]).status.success());
    let copy = store(root).get("2").unwrap();
    assert_eq!((copy.recipe.seed, copy.recipe.epochs, copy.job.model_id.as_str()), (7, 2, "002-resnet18"));
    assert!(ran(root, "good", &["runs", "delete", "1"]).status.success());
    assert_eq!(store(root).ids(), ["002-resnet18"]);
    assert!(root.join("models/mine").exists(), "the model stays");
}

#[test]
fn what_excites_each_country_is_painted() {
    let folder = tempfile::tempdir().unwrap();
    let run = queued(folder.path());
    let painted = ran(folder.path(), "good", &["runs", "paint", "1", "--json"]);
    assert!(painted.status.success(), "{}", said(&painted));
    let picture = &lines(&painted)[0];
    assert_eq!((picture["country"].as_str(), picture["p"].as_f64()), (Some("AU"), Some(0.98)));
    assert_eq!(picture["file"].as_str(), run.file("activations/AU.png").to_str());
    assert!(nothing_is_left(&run));
}

#[test]
fn ctrl_c_stops_with_a_checkpoint_and_says_how_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    let app = streetwise(root, "waits", &train(data.to_str().unwrap(), &[]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the first epoch", || store(root).get("1").is_ok_and(|run| run.summary().epochs.len() == 1));
    Command::new("kill").args(["-INT", &app.id().to_string()]).status().unwrap();
    let output = app.wait_with_output().unwrap();
    let text = said(&output);
    assert!(output.status.success() && text.contains("stopped, with a checkpoint"), "{text}");
    assert!(text.contains("`streetwise runs resume 001-resnet18` goes on"), "{text}");
    assert_eq!(store(root).get("1").unwrap().summary().ending.unwrap().kind, "asked");
}

#[test]
fn an_ablation_goes_on_where_it_was_interrupted_and_prints_its_table() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    let table = root.join("table.csv");
    let arguments = [
        "train",
        "ablation",
        "--presets",
        "resnet18,vit-tiny",
        "--per-label",
        "1,all",
        "--seeds",
        "2",
        "--from-scratch",
        "--epochs",
        "2",
        "--data",
        data.to_str().unwrap(),
        "--csv",
        table.to_str().unwrap(),
    ];
    // Every trainer dies in its first epoch: nothing is in the table, and nothing is lost.
    let first = ran(root, "dies", &arguments);
    assert!(!first.status.success() && said(&first).contains("8 runs are missing"), "{}", said(&first));
    assert_eq!(store(root).ids().len(), 8);
    let second = ran(root, "dies", &arguments);
    assert!(second.status.success(), "{}", said(&second));
    let text = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(text.contains("50.0 ± 0.0") && text.contains("33.3%"), "{text}");
    assert_eq!(store(root).ids().len(), 8);
    assert_eq!(std::fs::read_to_string(&table).unwrap().lines().count(), 5);
    // The runs ended with their evaluation; resuming one makes its model, checks it and adds it.
    made_model(root, "001-resnet18", 0.0);
    let run = store(root).get("1").unwrap();
    assert!(!run.delivered());
    let resumed = ran(root, "good", &["runs", "resume", "1"]);
    assert!(resumed.status.success() && run.delivered(), "{}", said(&resumed));
    assert!(root.join("models/001-resnet18/model.json").is_file());
    // A third time finds everything done: this trainer would fail.
    let third = ran(root, "fails", &[&arguments[..], &["--json"]].concat());
    let rows = lines(&third);
    assert_eq!(rows[0]["row"]["seeds"], 2);
    assert_eq!(rows[4]["missing"], 0);
}

#[test]
fn what_cannot_work_is_said_before_a_run_is_made() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let data = data(root);
    let data = data.to_str().unwrap();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = ran(root, "good", arguments);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(expected), "{expected}: {}", said(&output));
    };
    check(&["train", "--preset", "resnet19", "--data", data], 2, "resnet18");
    check(&["train", "--data", data], 1, "--preset");
    check(&["train", "--preset", "resnet18"], 1, "--data");
    check(&["train", "--preset", "resnet18", "--data", data, "--countries", "AU"], 1, "at least two");
    check(
        &["train", "--preset", "resnet18", "--data", data, "--countries", "FR,DE"],
        1,
        "no picture of FR, DE",
    );
    check(&["runs", "show", "9"], 1, "no run named 9");
    assert!(store(root).ids().is_empty());
    let bare = streetwise(root, "good", &["train", "--preset", "resnet18", "--data", data])
        .env_remove("STREETWISE_PYTHON")
        .output()
        .unwrap();
    assert!(said(&bare).contains("run `streetwise train setup` once"), "{}", said(&bare));
}
