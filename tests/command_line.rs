//! The built program on generated pictures: what a user types, and what comes back.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use common::{golden_logits, model_folder, onnx, plain, street};

const SHIPPED: [&str; 2] = ["street-world", "efficientnet-lite0"];

/// The program with a data folder of its own and the embedded engine.
fn streetwise(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command.env("STREETWISE_DATA", data).env("STREETWISE_RUNTIME", "embedded");
    command
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Three drawn streets in a folder.
fn pictures(root: &Path) -> PathBuf {
    let folder = root.join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, shift) in [("a.png", 0), ("b.png", -60), ("c.png", 90)] {
        street(400, 300, shift).save(folder.join(name)).unwrap();
    }
    folder
}

/// The shipped models rank the drawn streets as they did when they were accepted. After a new model was accepted,
/// `UPDATE_GOLDEN=1 cargo nextest run --test command_line` writes the file anew.
#[test]
fn the_shipped_models_rank_drawn_streets_as_when_they_were_accepted() {
    let root = tempfile::tempdir().unwrap();
    let folder = pictures(root.path());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rankings.json");
    let mut found = serde_json::Map::new();
    for model in SHIPPED {
        let output = streetwise(root.path())
            .args(["guess", "--json", "--model", model])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let rankings: Vec<Value> = lines(&output).iter().map(|line| line["ranking"].clone()).collect();
        assert_eq!(rankings.len(), 3);
        found.insert(model.to_owned(), json!(rankings));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(&golden).unwrap()).unwrap();
    for model in SHIPPED {
        for (have, want) in found[model].as_array().unwrap().iter().zip(expected[model].as_array().unwrap()) {
            for (have, want) in have.as_array().unwrap().iter().zip(want.as_array().unwrap()) {
                assert_eq!(have["country"], want["country"], "{model}");
                let (p, q) = (have["p"].as_f64().unwrap(), want["p"].as_f64().unwrap());
                assert!((p - q).abs() < 0.01, "{model}: {p} against {q}");
            }
        }
    }
}

#[test]
fn a_folder_gives_one_line_per_picture_in_order_and_a_bad_file_does_not_stop_the_rest() {
    let root = tempfile::tempdir().unwrap();
    model_folder(&root.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let folder = pictures(root.path());
    std::fs::write(folder.join("b2.jpg"), "this is text").unwrap();
    let output =
        streetwise(root.path()).args(["guess", "--json", "--model", "tiny"]).arg(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    let names: Vec<String> = lines
        .iter()
        .map(|line| {
            Path::new(line["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(names, ["a.png", "b.png", "b2.jpg", "c.png"]);
    assert!(lines[2]["error"].as_str().unwrap().contains("b2.jpg"), "{}", lines[2]);
    let first = &lines[0];
    for key in ["model", "engine", "device", "ranking", "regions", "unsure", "ms"] {
        assert!(!first[key].is_null(), "{key} is missing: {first}");
    }
    for key in ["decode", "preprocess", "inference", "total"] {
        assert!(first["ms"][key].as_f64().unwrap() >= 0.0, "{key}");
    }
}

#[test]
fn a_picture_unlike_the_training_pictures_is_said_in_words_and_in_json() {
    let root = tempfile::tempdir().unwrap();
    let measured = |json: &mut Value| {
        json["output"]["outside"] = json!({ "name": "outside", "bound": 0.5, "kept": 0.95 });
        json["golden"]["outside"] = json!(0.106_357_79);
    };
    let models = root.path().join("models");
    model_folder(&models, "outside", &onnx("outside"), &golden_logits("outside"), measured);
    let file = root.path().join("red.bmp");
    plain([255, 0, 0]).save(&file).unwrap();
    let guess = || {
        let mut command = streetwise(root.path());
        command.args(["guess", "--model", "outside"]).arg(&file);
        command
    };
    let line = &lines(&guess().arg("--json").output().unwrap())[0];
    assert_eq!((&line["outside"]["verdict"], &line["unsure"]), (&json!("outside"), &json!(true)), "{line}");
    assert!(
        line["outside"]["score"].as_f64().unwrap() > line["outside"]["bound"].as_f64().unwrap(),
        "{line}"
    );
    let text = String::from_utf8(guess().output().unwrap().stdout).unwrap();
    assert!(text.contains("does not look like the street pictures"), "{text}");
}

#[test]
fn in_words_it_names_the_country_the_model_and_how_many_it_knows() {
    let root = tempfile::tempdir().unwrap();
    model_folder(&root.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let file = root.path().join("red.bmp");
    plain([255, 0, 0]).save(&file).unwrap();
    let output = streetwise(root.path()).args(["guess", "--model", "tiny"]).arg(&file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["Australia", "knows 3 countries", "embedded (tract", "Australia and New Zealand"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn models_are_added_listed_verified_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let made =
        model_folder(&root.path().join("trained"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let run = |arguments: &[&str]| streetwise(root.path()).args(arguments).output().unwrap();
    let added = run(&["models", "add", made.to_str().unwrap()]);
    assert!(added.status.success(), "{}", said(&added));
    let again = run(&["models", "add", made.to_str().unwrap()]);
    assert!(said(&again).contains("there already"), "{}", said(&again));
    let listed = lines(&run(&["models", "list", "--json"]));
    let tiny = listed.iter().find(|line| line["model"] == "tiny").unwrap();
    assert_eq!(tiny["owner"], "user");
    let verified = run(&["models", "verify", "tiny", "--json"]);
    assert_eq!(lines(&verified)[0]["ok"], true);
    assert!(run(&["models", "remove", "tiny"]).status.success());
    let gone = run(&["models", "remove", "tiny"]);
    assert!(said(&gone).contains("no model named tiny"), "{}", said(&gone));
    let kept = run(&["models", "remove", "street-world"]);
    assert!(said(&kept).contains("ships with Streetwise"), "{}", said(&kept));
}

#[test]
fn a_spoilt_model_is_not_added() {
    let root = tempfile::tempdir().unwrap();
    let made = model_folder(&root.path().join("trained"), "bad", &onnx("tiny"), &[9.0, 9.0, 9.0], |_| ());
    let output = streetwise(root.path()).args(["models", "add"]).arg(&made).output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("golden check failed"), "{}", said(&output));
    assert!(!root.path().join("models/bad").exists());
}

#[test]
fn damaged_settings_are_kept_aside_and_told() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("settings.json"), "{ not json").unwrap();
    let output = streetwise(root.path()).args(["models", "list"]).output().unwrap();
    assert!(output.status.success());
    assert!(said(&output).contains("settings.json.bad"), "{}", said(&output));
    assert!(root.path().join("settings.json.bad").exists());
}

/// A flag is said last and for this run only: it goes before the environment, which goes before the settings.
#[test]
fn the_flag_for_the_engine_goes_before_the_environment_and_the_settings() {
    let root = tempfile::tempdir().unwrap();
    let settings = json!({ "runtime": root.path().join("settings.so") });
    std::fs::write(root.path().join("settings.json"), settings.to_string()).unwrap();
    let doctor = |flag: &[&str], environment: Option<&str>| {
        let mut command = streetwise(root.path());
        command.env_remove("STREETWISE_RUNTIME").args(flag).args(["doctor", "--json"]);
        let output = command.envs(environment.map(|value| ("STREETWISE_RUNTIME", value))).output().unwrap();
        lines(&output)[0]["candidate"].clone()
    };
    let path = |candidate: &Value| {
        candidate["path"].as_str().map(|path| path.rsplit('/').next().unwrap().to_owned())
    };
    assert_eq!(path(&doctor(&[], None)).as_deref(), Some("settings.so"));
    assert_eq!(path(&doctor(&[], Some("set.so"))).as_deref(), Some("set.so"));
    assert_eq!(path(&doctor(&["--runtime", "flag.so"], Some("set.so"))).as_deref(), Some("flag.so"));
    assert_eq!(path(&doctor(&["--runtime", "flag.so"], Some("embedded"))).as_deref(), Some("flag.so"));
    assert_eq!(doctor(&["--runtime", "embedded"], Some("set.so"))["origin"], "embedded");
}

#[test]
fn wrong_usage_is_two_and_what_is_not_there_is_one() {
    let root = tempfile::tempdir().unwrap();
    let status = |arguments: &[&str]| streetwise(root.path()).args(arguments).output().unwrap().status.code();
    assert_eq!(status(&["guess"]), Some(2));
    assert_eq!(status(&["guess", "--model", "none", "x.jpg"]), Some(1));
    assert_eq!(status(&["completions", "bash"]), Some(0));
    assert_eq!(status(&["doctor", "--json"]), Some(0));
}

#[test]
fn a_model_is_evaluated_and_what_it_cannot_know_is_counted() {
    let root = tempfile::tempdir().unwrap();
    model_folder(&root.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let data = root.path().join("data");
    let colours =
        [("AU/1", [255, 0, 0]), ("AU/2", [0, 255, 0]), ("BR/1", [0, 255, 0]), ("FR/1", [0, 0, 255])];
    for (name, colour) in colours {
        let file = data.join("images").join(format!("{name}.png"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        plain(colour).save(file).unwrap();
    }
    std::fs::write(data.join("images/AU/3.jpg"), "no picture").unwrap();
    let index = "file,country,place,source,check\nAU/1.png,AU,a,s,\nAU/2.png,AU,b,s,\nBR/1.png,BR,c,t,\n\
                 FR/1.png,FR,d,s,\nAU/3.jpg,AU,e,s,\nBR/1.png,BR,c,t,label inferred\n";
    std::fs::write(data.join("index.csv"), index).unwrap();
    let run = |more: &[&str]| {
        let mut command = streetwise(root.path());
        command.args(["evaluate", "tiny", "--data"]).arg(&data).args(more).output().unwrap()
    };
    let found = &lines(&run(&["--json"]))[0];
    // Red is AU, green is BR to this model: two of three right, and one of the two of AU.
    let near = |key: &str, expected: f64| {
        assert!((found[key].as_f64().unwrap() - expected).abs() < 1e-9, "{key}: {}", found[key]);
    };
    near("top1", 2.0 / 3.0);
    near("balanced_top1", 0.75);
    near("macro_f1", 2.0 / 3.0);
    near("chance", 1.0 / 3.0);
    for (key, expected) in [("images", 3), ("places", 3), ("countries", 3), ("countries_in_data", 2)] {
        assert_eq!(found[key], expected, "{key}");
    }
    assert_eq!(found["left_out"]["unknown_country"], json!({ "FR": 1 }));
    assert_eq!(found["left_out"]["inferred"], 1);
    assert!(found["left_out"]["unreadable"][0][0].as_str().unwrap().ends_with("3.jpg"));
    assert_eq!(found["confusion"], json!([[1, 1, 0], [0, 1, 0], [0, 0, 0]]));
    assert_eq!(found["per_source"]["s"]["images"], 2);
    let words = String::from_utf8(run(&[]).stdout).unwrap();
    for part in
        ["chance 33.3 %", "Left out: 1 of countries it does not know (FR)", "whose label was inferred"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(lines(&run(&["--json", "--countries", "BR"]))[0]["images"], 1);
    let none = run(&["--countries", "FR"]);
    assert!(said(&none).contains("none of the 1 pictures"), "{}", said(&none));
}

/// The folders of the settings are followed, those that cannot be used are told and left out, and the variable goes first.
#[test]
#[cfg(target_os = "linux")]
fn the_folders_of_the_settings_are_followed_and_never_keep_it_from_starting() {
    let root = tempfile::tempdir().unwrap();
    let (home, mine) = (root.path().join("home"), root.path().join("mine"));
    let config = home.join("config/streetwise");
    for folder in [&config, &mine] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let doctor = |data: &Path, variable: bool| {
        let settings = json!({ "data_folder": data, "training_cache": root.path().join("cache") });
        std::fs::write(config.join("settings.json"), settings.to_string()).unwrap();
        let mut command = streetwise(&config);
        command.env("XDG_CONFIG_HOME", home.join("config")).env("XDG_DATA_HOME", home.join("data"));
        if !variable {
            command.env_remove("STREETWISE_DATA");
        }
        let output = command.args(["doctor", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let about = lines(&output).pop().unwrap();
        assert_eq!(about["training_cache"], json!(root.path().join("cache")));
        assert_eq!(about["settings"], json!(config.join("settings.json")));
        (PathBuf::from(about["data"].as_str().unwrap()), said(&output))
    };
    let usual = home.join("data/streetwise");
    assert_eq!(doctor(&mine, false), (mine.clone(), String::new()));
    assert_eq!(doctor(&mine, true), (config.clone(), String::new()));
    let (data, told) = doctor(&root.path().join("gone"), false);
    assert_eq!(data, usual);
    assert!(told.contains("gone is not there; make it, connect its disk or choose another"), "{told}");
}
