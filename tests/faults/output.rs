//! Whoever reads the output may go before its end, a disk may be full, a display may be missing: a quiet end, or one sentence.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::common::{golden_logits, model_folder, onnx, plain};

/// A program with a model, labelled pictures and a run in its data folder.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for id in ["tiny", "other"] {
            model_folder(&at("models"), id, &onnx("tiny"), &golden_logits("tiny"), |_| ());
        }
        model_folder(&at("made"), "made", &onnx("tiny"), &golden_logits("tiny"), |_| ());
        for (name, colour) in
            [("AU/a.png", [255, 0, 0]), ("BR/b.png", [0, 255, 0]), ("BR/c.png", [0, 200, 0])]
        {
            let file = at("data").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            plain(colour).save(file).unwrap();
        }
        std::fs::create_dir_all(at("runs/001-resnet18")).unwrap();
        let recipe = serde_json::json!({ "version": 1, "preset": "resnet18" });
        std::fs::write(at("runs/001-resnet18/recipe.json"), recipe.to_string()).unwrap();
        let job = serde_json::json!({
            "data": at("data"), "weights": null, "from_scratch": true, "allow": [], "cache": at("cache"),
            "name": "a", "threads": null, "model_id": "a", "export": true,
        });
        std::fs::write(at("runs/001-resnet18/job.json"), job.to_string()).unwrap();
        Self(root)
    }

    fn run(&self, words: &str, out: Stdio, errors: Stdio) -> Output {
        let words = words.replace("DESK", self.0.path().to_str().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
        command.args(words.split_whitespace()).stdin(Stdio::null()).stdout(out).stderr(errors);
        command.env("STREETWISE_DATA", self.0.path()).env("STREETWISE_RUNTIME", "embedded");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command.spawn().unwrap().wait_with_output().unwrap()
    }
}

/// Everything that prints, but for what downloads or trains.
const COMMANDS: [&str; 33] = [
    "--help",
    "--version",
    "help guess",
    "guess --help",
    "completions bash",
    "guess --model tiny DESK/data/AU/a.png",
    "guess --model tiny --json DESK/data",
    "models list",
    "models list --json",
    "models verify tiny",
    "models verify tiny --json",
    "models add DESK/made/made",
    "models remove other",
    "models remove other --json",
    "doctor",
    "doctor --json",
    "evaluate tiny --data DESK/data",
    "evaluate tiny --data DESK/data --json",
    "compare tiny other --data DESK/data --replicates 0",
    "compare tiny other --data DESK/data --replicates 0 --json",
    "compare tiny other --picture DESK/data/AU/a.png",
    "explain DESK/data/AU/a.png --model tiny --cells 2",
    "explain --check --data DESK/data --model tiny --cells 2 --steps 2 --orders 1",
    "explain --exciting AU --data DESK/data --model tiny",
    "bench tiny --picture DESK/data/AU/a.png --repeat 1",
    "bench tiny --this-engine --batches 1 --threads 1 --seconds 0.01",
    "runs list",
    "runs list --json",
    "runs show 1",
    "runs compare 1",
    "runs clone 1",
    "runs delete 1",
    "train setup --remove",
];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_reader_that_goes_ends_every_command_quietly() {
    for words in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Desk::new().run(words, writer.into(), Stdio::piped());
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""), "{words}");
    }
}

#[test]
fn a_full_device_is_told_in_one_sentence() {
    for words in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Desk::new().run(words, full.into(), Stdio::piped());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{words}: {said}");
        assert_eq!(said.lines().count(), 1, "{words}: {said}");
        assert!(
            said.starts_with("streetwise: the output could not be written (No space left"),
            "{words}: {said}"
        );
    }
}

/// What is told beside the output is lost; what was asked for is done.
#[test]
fn errors_that_cannot_be_told_change_nothing_else() {
    for (words, expected) in [
        ("guess --model tiny DESK/data", 0),
        ("evaluate tiny none --data DESK/data", 1),
        ("evaluate tiny --data DESK/none", 1),
        ("guess", 2),
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Desk::new().run(words, Stdio::piped(), full.into());
        assert_eq!(output.status.code(), Some(expected), "{words}");
        let all_said = !words.contains("tiny") || words.contains("/none") || !output.stdout.is_empty();
        assert!(all_said, "{words}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn without_a_display_one_sentence_is_said_once() {
    let desk = Desk::new();
    let none = desk.run("", Stdio::piped(), Stdio::piped());
    assert_eq!(none.status.code(), Some(1));
    let expected = "streetwise: there is no display to open a window on (neither WAYLAND_DISPLAY nor DISPLAY is set); \
                    `streetwise guess FILE` works without one\n";
    assert_eq!(said(&none), expected);
    // A display that is named and does not answer.
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command.env("STREETWISE_DATA", desk.0.path()).env("STREETWISE_RUNTIME", "embedded");
    command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").env("DISPLAY", ":4242");
    let dead = command.output().unwrap();
    let said = said(&dead);
    assert_eq!((dead.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with("streetwise: no window could be opened: "), "{said}");
    assert!(!said.contains(".rs") && said.matches("window").count() == 1, "{said}");
}

/// The files that it writes for others can be read by those whom the umask lets read.
#[test]
fn exported_files_follow_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let at = |name: &str| desk.0.path().join(name);
    let script = "umask 027; exec \"$0\" \"$@\"";
    let mode = |path: &Path| format!("{:o}", path.metadata().unwrap().permissions().mode() & 0o777);
    for (words, file) in [
        ("explain DESK/data/AU/a.png --model tiny --cells 2 --out DESK/heat.png", "heat.png"),
        ("compare tiny other --data DESK/data --replicates 0 --html DESK/report.html", "report.html"),
        ("compare tiny other --data DESK/data --replicates 0 --csv DESK/table.csv", "table.csv"),
    ] {
        let words = words.replace("DESK", desk.0.path().to_str().unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_streetwise")]).args(words.split_whitespace());
        command.env("STREETWISE_DATA", desk.0.path()).env("STREETWISE_RUNTIME", "embedded");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(mode(&at(file)), "640", "{file}");
    }
}

/// A run whose numbers cannot be, and an evaluation that is none.
#[test]
fn a_run_with_impossible_numbers_is_shown() {
    let desk = Desk::new();
    let run = desk.0.path().join("runs/001-resnet18");
    let evaluations = ["", "{}", "[1,2]", "{\"countries\":[\"AU\"],\"confusion\":[]}", "\u{0}"];
    for (time, evaluation) in ["1e308", "-1e308", "-1", "1e20", "0"].into_iter().zip(evaluations) {
        let events = format!(
            "{{\"type\":\"hello\",\"v\":1,\"run\":\"r\",\"pid\":1,\"resumed\":false,\"seq\":0,\"time\":1}}\n\
             {{\"type\":\"phase\",\"name\":\"train\",\"index\":1,\"of\":1,\"seq\":1,\"time\":{time}}}\n\
             {{\"type\":\"heartbeat\",\"memory\":null,\"seq\":18446744073709551615,\"time\":{time}}}\n"
        );
        std::fs::write(run.join("events.jsonl"), events).unwrap();
        std::fs::write(run.join("evaluation.json"), evaluation).unwrap();
        for words in ["runs list", "runs show 1", "runs compare", "runs list --json", "runs show 1 --json"] {
            let output = desk.run(words, Stdio::piped(), Stdio::piped());
            assert!(output.status.success(), "{words}, {time}: {}", said(&output));
        }
    }
}

/// A training that is followed through a pipe ends with a checkpoint when its reader goes, and can be resumed.
#[test]
fn a_training_whose_reader_goes_stops_with_a_checkpoint() {
    use super::common::trainer::{interpreter, nothing_is_left, queued};
    let root = tempfile::tempdir().unwrap();
    let run = queued(root.path());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command.args(["runs", "resume", &run.id, "--json"]).stdout(writer).stdin(Stdio::null());
    command.env("STREETWISE_DATA", root.path()).env("STREETWISE_RUNTIME", "embedded");
    let output = command.env("STREETWISE_PYTHON", interpreter(root.path(), "waits")).output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
    assert_eq!(run.summary().state, streetwise::training::runs::State::Stopped);
    assert!(nothing_is_left(&run));
}
