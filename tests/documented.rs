//! Every command that a text prints is one: README, CONTRIBUTING, benches, export, the messages in the sources, and the
//! examples of `--help`. All are parsed as they stand; the cheap ones are run as they stand.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use common::{golden_logits, model_folder, onnx, street::street};

const TEXTS: [&str; 5] =
    ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "benches/README.md", "export/README.md"];

/// Commands that are run, by how they begin; each ends within seconds.
const RUN: [&str; 12] = [
    "--runtime /opt",
    "completions",
    "doctor",
    "evaluate efficientnet-lite0",
    "guess",
    "models list",
    "models remove",
    "runs clone",
    "runs compare",
    "runs delete",
    "runs list",
    "runs show",
];

/// Commands that are not, and why; each was run by hand when it was written.
const NOT_RUN: [(&str, &str); 13] = [
    ("bench", "times for minutes"),
    ("capture", "needs a display"),
    ("compare", "loads several shipped models"),
    ("evaluate street-world", "loads several shipped models"),
    ("evaluate ~/trained", "needs a trained model"),
    ("explain", "hundreds of inferences"),
    ("models add", "needs a trained model"),
    ("models verify", "loads all shipped models"),
    ("runs", "trains, or needs a trainer at work"),
    ("runtime install", "downloads"),
    ("train --", "trains"),
    ("train ablation", "trains"),
    ("train setup", "downloads"),
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of the code blocks of a Markdown text, continued ones joined, without comments; and the spans between single
/// backticks.
fn lines_and_spans(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut spans, mut inside) = (Vec::<String>::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            let code = line.split(" #").next().unwrap_or_default().trim();
            match lines.last_mut().filter(|last| last.ends_with('\\')) {
                Some(last) => *last = format!("{} {code}", last.trim_end_matches('\\').trim_end()),
                None => lines.push(code.to_owned()),
            }
        } else {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    (lines, spans)
}

/// What stands after the name of the program, if it is this one.
fn arguments(command: &str) -> Option<String> {
    let words =
        command.strip_prefix("cargo run --release").map(|rest| rest.trim_start().trim_start_matches("-- "));
    words
        .or_else(|| command.strip_prefix("streetwise"))
        .filter(|rest| !rest.starts_with(['_', '-', '/', '.']))
        .map(|rest| {
            // Redirections are the shell's.
            rest.split(" > ").next().unwrap_or_default().trim().to_owned()
        })
}

/// Every example in the help of a command and its subcommands: two spaces and the program's name.
fn examples(command: &clap::Command, found: &mut BTreeSet<String>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut continued = String::new();
    for line in help.lines().filter(|line| line.starts_with("  streetwise") || line.starts_with("      ")) {
        // An explanation stands behind two spaces at least.
        continued += line.trim_start().split("  ").next().unwrap_or_default();
        if continued.ends_with('\\') {
            continued.pop();
            continue;
        }
        let whole = std::mem::take(&mut continued);
        found.extend(arguments(&whole).filter(|words| !words.is_empty()));
    }
    command.get_subcommands().for_each(|sub| examples(sub, found));
}

/// Whole commands of all texts, and of `--help`.
fn printed() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in TEXTS {
        let (lines, _) = lines_and_spans(&std::fs::read_to_string(repository().join(text)).unwrap());
        found.extend(lines.iter().filter_map(|line| arguments(line)).filter(|words| !words.is_empty()));
    }
    examples(&streetwise::cli::command(), &mut found);
    found
}

/// Whether clap takes the words; its message where it does not.
fn parses(words: &str) -> Result<(), String> {
    let line = std::iter::once("streetwise").chain(words.split_whitespace());
    match streetwise::cli::command().try_get_matches_from(line) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Whether all words are the names of nested subcommands.
fn is_path(words: &str) -> bool {
    let mut command = streetwise::cli::command();
    words.split_whitespace().all(|word| {
        let next = command.find_subcommand(word).cloned();
        next.map(|next| command = next).is_some()
    })
}

#[test]
fn every_printed_command_is_one() {
    let found = printed();
    assert!(found.len() > 40, "the texts are no longer understood: {found:?}");
    for words in &found {
        if let Err(why) = parses(words) {
            panic!("`streetwise {words}` is printed somewhere: {why}");
        }
    }
}

/// Commands inside sentences may be a name alone (`streetwise runs stop`), else they are whole.
#[test]
fn every_command_named_in_a_sentence_is_one() {
    let mut spans: Vec<String> = Vec::new();
    for text in TEXTS {
        spans.extend(lines_and_spans(&std::fs::read_to_string(repository().join(text)).unwrap()).1);
    }
    for file in walkdir::WalkDir::new(repository().join("src")).into_iter().map(Result::unwrap) {
        if file.path().extension().is_some_and(|end| end == "rs") {
            let source = std::fs::read_to_string(file.path()).unwrap();
            let code = source.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
            // What a message fills in is some name.
            spans.extend(code.map(filled).filter(|code| !code.contains('\\')));
        }
    }
    let named: BTreeSet<String> = spans.iter().filter_map(|span| arguments(span)).collect();
    assert!(named.len() > 15, "the texts are no longer understood: {named:?}");
    for words in named.iter().filter(|words| !words.contains('…') && !words.contains("::")) {
        assert!(is_path(words) || parses(words).is_ok(), "`streetwise {words}`: {:?}", parses(words));
    }
}

/// `{}` and `{id}` as some name.
fn filled(code: &str) -> String {
    let mut parts = code.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "NAME";
        text += part.split_once('}').map_or("", |(_, rest)| rest);
    }
    text
}

/// A folder with everything that the texts name, and a data folder of its own.
fn sandbox() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for (number, name) in ["photo.jpg", "one.jpg", "two.png"].into_iter().enumerate() {
        street(320, 240, i64::try_from(number).unwrap() * 20).save(at(name)).unwrap();
    }
    for (number, country) in ["AU", "JP", "United States"].into_iter().enumerate() {
        std::fs::create_dir_all(at("pictures").join(country)).unwrap();
        let picture = street(320, 240, i64::try_from(number).unwrap() * 30 - 30);
        picture.save(at("pictures").join(country).join("a.png")).unwrap();
    }
    let data = at("data/models");
    model_folder(&data, "swin-t", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    for id in ["003-resnet18", "004-resnet18", "005-resnet18"] {
        let run = at("data/runs").join(id);
        std::fs::create_dir_all(&run).unwrap();
        let recipe = json!({ "version": 1, "preset": "resnet18" });
        std::fs::write(run.join("recipe.json"), recipe.to_string()).unwrap();
        let job = json!({
            "data": at("pictures"), "weights": null, "from_scratch": true, "allow": [], "cache": at("cache"),
            "name": id, "threads": null, "model_id": id, "export": true,
        });
        std::fs::write(run.join("job.json"), job.to_string()).unwrap();
    }
    root
}

#[test]
fn the_cheap_ones_run_as_printed() {
    let mut run = 0;
    for words in printed() {
        let cheap = RUN.iter().any(|begin| words.starts_with(begin));
        let costly = NOT_RUN.iter().any(|(begin, _)| words.starts_with(begin));
        assert!(
            cheap || costly,
            "`streetwise {words}` is new: say in tests/documented.rs whether it is cheap"
        );
        if !cheap {
            continue;
        }
        run += 1;
        let root = sandbox();
        let output = Command::new(env!("CARGO_BIN_EXE_streetwise"))
            .args(words.split_whitespace())
            .current_dir(root.path())
            .env("STREETWISE_DATA", root.path().join("data"))
            .env("STREETWISE_RUNTIME", "embedded")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`streetwise {words}`: {said}");
    }
    assert!(run > 10, "{run} commands were run");
}
