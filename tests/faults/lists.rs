//! Lists and folders as people have them: read, or the lines named.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use streetwise::dataset::{At, Dataset};

use super::common::{golden_logits, model_folder, onnx, plain};

/// Lists, and what app and trainer both find in them (`export/tests/test_index.py` reads the same file).
#[test]
fn lists_are_read_or_their_lines_named() {
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lists");
    let expected: Value =
        serde_json::from_slice(&std::fs::read(lists.join("expected.json")).unwrap()).unwrap();
    for (name, want) in expected.as_object().unwrap() {
        let root = tempfile::tempdir().unwrap();
        std::fs::copy(lists.join(name), root.path().join("index.csv")).unwrap();
        let data = match (Dataset::open(root.path()), want["refused"].as_str()) {
            (Ok(data), None) => data,
            (Err(error), Some(refused)) => {
                assert!(error.to_string().contains(refused), "{name}: {error}");
                continue;
            }
            (found, refused) => panic!("{name}: {found:?}, expected {refused:?}"),
        };
        let rows: Vec<Value> = data
            .samples
            .iter()
            .map(|s| serde_json::json!([s.file.file_name().unwrap().to_str(), s.country, s.place]))
            .collect();
        assert_eq!(Value::from(rows), want["rows"], "{name}");
        let wanted = want["left_out"].as_array().unwrap();
        assert_eq!(data.left_out.len(), wanted.len(), "{name}: {:?}", data.notice());
        for (found, wanted) in data.left_out.iter().zip(wanted) {
            assert_eq!(found.at, At::Line(wanted[0].as_u64().unwrap()), "{name}: {found:?}");
            assert!(found.why.to_string().starts_with(wanted[1].as_str().unwrap()), "{name}: {}", found.why);
        }
    }
}

fn evaluate(root: &Path, data: &Path, more: &[&str]) -> Output {
    if !root.join("models").exists() {
        model_folder(&root.join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command.env("STREETWISE_DATA", root).env("STREETWISE_RUNTIME", "embedded");
    command
        .args(["evaluate", "tiny", "--json", "--replicates", "0", "--data"])
        .arg(data)
        .args(more)
        .output()
        .unwrap()
}

fn picture(root: &Path, name: &str) {
    let file = root.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    plain([200, 40, 40]).save(file).unwrap();
}

#[test]
fn folders_go_by_any_name_and_those_of_no_country_are_told() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    for name in [
        "Australia/a.png",
        "au/b.png",
        "BRA/c.png",
        "Brasil/d.png",
        "日本/e.png",
        "Elbonia/f.png",
        "Elbonia/g.png",
    ] {
        picture(&data, name);
    }
    // Copies that other programs keep, and a folder without a picture.
    for name in
        ["Australia/.ipynb_checkpoints/a-checkpoint.png", ".ipynb_checkpoints/x.png", "__MACOSX/AU/a.png"]
    {
        picture(&data, name);
    }
    std::fs::create_dir(data.join("notes")).unwrap();
    let found = Dataset::open(&data).unwrap();
    assert_eq!((found.samples.len(), found.countries()), (5, vec!["AU".into(), "BR".into(), "JP".into()]));
    let told = found.notice().unwrap();
    assert!(told.ends_with("1 folder is left out: `Elbonia` is no country (folder Elbonia)"), "{told}");

    let output = evaluate(root.path(), &data, &["--countries", "AU, JP"]);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["images"], &line["left_out"]["unread"]), (&3.into(), &1.into()));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("`Elbonia` is no country"),
        "told beside the figures"
    );
    let lower = evaluate(root.path(), &data, &["--countries", "japan,brazil"]);
    assert_eq!(serde_json::from_slice::<Value>(&lower.stdout).unwrap()["images"], 3);
    let wrong = evaluate(root.path(), &data, &["--countries", "AU,Grmany"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("`Grmany` is no country, did you mean DE?"), "{said}");
}

#[test]
fn many_bad_rows_are_told_by_reason_with_their_first_lines_and_a_count() {
    let root = tempfile::tempdir().unwrap();
    let mut table = "file,country\na.png,AU\n".to_owned();
    for line in 0..40 {
        table += if line % 2 == 0 { "b.png,Grmany\n" } else { "c.png,\n" };
    }
    std::fs::write(root.path().join("index.csv"), table).unwrap();
    let told = Dataset::open(root.path()).unwrap().notice().unwrap();
    let expected = "40 rows are left out: `Grmany` is no country, did you mean DE? (lines 3, 5, 7, 9, 11 and 15 more); \
                    no country is named (lines 4, 6, 8, 10, 12 and 15 more)";
    assert!(told.ends_with(expected), "{told}");
}

#[test]
fn a_list_whose_pictures_are_elsewhere_shows_the_first_path_that_was_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("index.csv"), "file,country\nmoved/a.png,AU\nmoved/b.png,AU\n").unwrap();
    let output = evaluate(root.path(), &data, &[]);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = line["error"].as_str().unwrap();
    let first = data.join("moved/a.png");
    assert!(said.contains("unreadable: 2; the first: ") && said.contains(first.to_str().unwrap()), "{said}");
}
