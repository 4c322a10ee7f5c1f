//! Files on the command line: none vanishes, none is overwritten by a command that reads it, no name of one moves the
//! cursor, damaged ones are counted (faults 33 and 36).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::common::street::street;
use super::common::{golden_logits, model_folder, onnx};
use super::pictures::jpeg;

/// A data folder with the model `tiny`, and the program in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        model_folder(&root.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
        Self(root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_streetwise"))
            .env("STREETWISE_DATA", self.0.path())
            .env("STREETWISE_RUNTIME", "embedded")
            .current_dir(self.0.path())
            .args(arguments)
            .output()
            .unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Three pictures per country, one of them under a name that Chrome gives, one cut; and files that are not read.
fn labelled(desk: &Desk) {
    for country in ["AU", "BR", "JP"] {
        let whole = jpeg(&street(160, 120, 10));
        desk.write(&format!("data/{country}/a.jpg"), &whole);
        desk.write(&format!("data/{country}/b.jfif"), &whole);
        desk.write(&format!("data/{country}/c.JPE"), &whole[..whole.len() / 2]);
    }
    for name in ["AU/d.heic", "BR/d.HEIC", "JP/e.tif", "JP/notes.txt", "JP/.hidden.tif"] {
        desk.write(&format!("data/{name}"), b"not read");
    }
}

const LEFT_OUT: &str = "4 left out: 2 HEIC, 1 TIFF, 1 file that is no picture; to have pictures of other formats read, \
                        save them as JPEG or PNG";

#[test]
fn guess_counts_what_a_folder_leaves_out_by_kind() {
    let desk = Desk::new();
    labelled(&desk);
    let output = desk.run(&["guess", "data", "--model", "tiny", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(out(&output).lines().count(), 9);
    assert!(said(&output).contains(LEFT_OUT), "{}", said(&output));
    // Nothing is said of a folder that holds pictures alone.
    let quiet = desk.run(&["guess", "data/AU/a.jpg", "--model", "tiny"]);
    assert!(!said(&quiet).contains("left out"), "{}", said(&quiet));
}

#[test]
fn evaluate_and_compare_count_what_is_left_out_and_what_is_damaged() {
    let desk = Desk::new();
    labelled(&desk);
    model_folder(&desk.path("models"), "other", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    for command in [&["evaluate", "tiny"][..], &["compare", "tiny", "other"]] {
        let run =
            |more: &[&str]| desk.run(&[command, &["--data", "data", "--replicates", "0"], more].concat());
        let output = run(&[]);
        assert!(output.status.success(), "{}", said(&output));
        let text = out(&output);
        assert!(text.contains(LEFT_OUT), "{text}");
        assert!(text.contains("3 of the pictures are cut short or damaged"), "{text}");
        let json = out(&run(&["--json"]));
        let line: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!((&line["images"], &line["damaged"]), (&9.into(), &3.into()), "{line}");
        assert_eq!(line["left_out"]["not_read"]["HEIC"], 2, "{line}");
    }
}

#[test]
fn an_output_that_is_read_by_the_same_command_is_refused() {
    let desk = Desk::new();
    let photo = jpeg(&street(160, 120, 10));
    desk.write("photo.png", &photo);
    let index = b"file,country\na.jpg,AU\nb.jpg,BR\nc.jpg,JP\n";
    desk.write("data/index.csv", index);
    for name in ["a", "b", "c"] {
        desk.write(&format!("data/{name}.jpg"), &photo);
    }
    model_folder(&desk.path("models"), "other", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let check = |arguments: &[&str], file: &str, kept: &[u8]| {
        let output = desk.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said(&output).contains(&format!("{file} is read by this very command")), "{}", said(&output));
        assert_eq!(std::fs::read(desk.path(file)).unwrap(), kept, "{arguments:?}");
    };
    check(&["explain", "photo.png", "--model", "tiny", "--out", "photo.png"], "photo.png", &photo);
    let compare = ["compare", "tiny", "other", "--data", "data"];
    check(&[&compare[..], &["--csv", "data/index.csv"]].concat(), "data/index.csv", index);
    check(&[&compare[..], &["--html", "data/a.jpg"]].concat(), "data/a.jpg", &photo);
    let other = desk.run(&["explain", "photo.png", "--model", "tiny", "--cells", "2", "--out", "heat.png"]);
    assert!(other.status.success() && desk.path("heat.png").exists(), "{}", said(&other));
}

#[cfg(unix)]
#[test]
fn escape_codes_in_names_do_not_reach_the_terminal() {
    let desk = Desk::new();
    let name = "pictures/\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m.jpg";
    desk.write(name, &jpeg(&street(160, 120, 10)));
    desk.write("pictures/\u{1b}[31mbad.jpg", b"no picture");
    let is_clean = |output: &Output| {
        let text = out(output) + &said(output);
        assert!(text.contains("\\u001b"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
    };
    is_clean(&desk.run(&["guess", "pictures", "--model", "tiny"]));
    let json = desk.run(&["guess", "pictures", "--model", "tiny", "--json"]);
    is_clean(&json);
    let files: Vec<Value> = out(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(files.iter().any(|line| line["file"] == name), "{files:?}");
    is_clean(&desk.run(&["guess", "\u{1b}[31mgone.jpg", "--model", "tiny"]));
    is_clean(&desk.run(&["evaluate", "tiny", "--data", "\u{1b}[31mgone"]));
    is_clean(&desk.run(&["explain", name, "--model", "\u{1b}[31mno such model"]));
}

#[test]
fn no_reason_is_said_twice() {
    let desk = Desk::new();
    desk.write("file", b"x");
    let photo = desk.write("photo.jpg", &jpeg(&street(160, 120, 10)));
    let photo = photo.to_str().unwrap();
    let out = Path::new("file").join("heat.png");
    let output =
        desk.run(&["explain", photo, "--model", "tiny", "--cells", "2", "--out", out.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(text.matches("os error").count(), 1, "{text}");
    assert!(!text.contains("old file"), "{text}");
}
