//! Faults 4 to 9 and 28: models that must not be used, refused by name, while the one in use stays.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use streetwise::base::Device;
use streetwise::imaging::Picture;
use streetwise::model::{Classifier, Model, ModelError, Owner};

use crate::common::graphs::poisoned;
use crate::common::{embedded, golden_logits, model_folder, onnx, plain};

fn load(folder: &Path) -> Result<Classifier, ModelError> {
    let model = Model::read(folder, Owner::User)?;
    Classifier::load(embedded(folder), &model, Device::Auto, Some(1))
}

/// A model folder whose ONNX file holds `bytes`, loaded; the error's sentence.
fn refusal(bytes: &[u8]) -> String {
    let root = tempfile::tempdir().unwrap();
    load(&model_folder(root.path(), "spoilt", bytes, &golden_logits("tiny"), |_| ())).unwrap_err().to_string()
}

fn picture(colour: [u8; 3]) -> Picture {
    Picture::from_rgb("plain", plain(colour))
}

#[test]
fn a_sound_model_is_loaded_and_ranks() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let mut classifier = load(&folder).unwrap();
    assert_eq!(classifier.device(), "cpu");
    // Red leads to AU by the first row of the weights, blue to JP by the last.
    for (colour, expected) in [([255, 0, 0], "AU"), ([0, 0, 255], "JP"), ([0, 255, 0], "BR")] {
        let ranking = classifier.look(&picture(colour)).unwrap().ranking;
        assert_eq!(ranking.guesses[0].country, expected, "{colour:?}");
    }
}

#[test]
fn empty_cut_and_text_files_are_not_onnx() {
    let whole = onnx("tiny");
    for (bytes, expected) in [
        (&b""[..], "not an ONNX model"),
        (&whole[..whole.len() / 2], "not an ONNX model"),
        (b"<html>404 not found</html>", "not an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1", "not an ONNX model"),
    ] {
        let said = refusal(bytes);
        assert!(said.contains(expected) && said.contains("spoilt"), "{said}");
    }
}

#[test]
fn a_changed_file_is_refused_by_its_checksum() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let mut bytes = onnx("tiny");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(folder.join("model.onnx"), bytes).unwrap();
    let error = load(&folder).unwrap_err();
    assert!(
        matches!(&error, ModelError::Hash { model, file } if model == "tiny" && file == "model.onnx"),
        "{error}"
    );
}

#[test]
fn weights_outside_the_file_and_file_names_that_lead_out_are_refused() {
    let said = refusal(&onnx("external"));
    assert!(said.contains("../../secret.bin"), "{said}");
    for name in ["../model.onnx", "/etc/passwd", "sub/model.onnx"] {
        let root = tempfile::tempdir().unwrap();
        let folder = model_folder(root.path(), "out", &onnx("tiny"), &golden_logits("tiny"), |manifest| {
            let files = manifest["files"].as_array_mut().unwrap();
            files.push(json!({ "path": name, "sha256": "00", "bytes": 1 }));
        });
        let error = load(&folder).unwrap_err();
        assert!(matches!(&error, ModelError::Escapes { file, .. } if file == name), "{name}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "link", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    std::fs::rename(folder.join("model.onnx"), root.path().join("elsewhere.onnx")).unwrap();
    std::os::unix::fs::symlink(root.path().join("elsewhere.onnx"), folder.join("model.onnx")).unwrap();
    assert!(matches!(load(&folder).unwrap_err(), ModelError::Escapes { .. }));
}

#[test]
fn custom_operators_are_refused_by_name() {
    let said = refusal(&onnx("custom"));
    assert!(said.contains("org.elsewhere::Open"), "{said}");
}

#[test]
fn shapes_and_formats_that_do_not_fit_are_refused_by_name() {
    let said = refusal(&onnx("wide"));
    assert!(said.contains("4 values for 3 countries") && said.contains("spoilt"), "{said}");
    let said = refusal(&onnx("size8"));
    assert!(said.contains("[1, 3, 16, 16]"), "{said}");
    let root = tempfile::tempdir().unwrap();
    let later = |manifest: &mut serde_json::Value| manifest["schema"] = 99.into();
    let folder = model_folder(root.path(), "later", &onnx("tiny"), &golden_logits("tiny"), later);
    let error = load(&folder).unwrap_err();
    assert!(matches!(&error, ModelError::Schema { model, found: 99, .. } if model == "later"), "{error}");
}

#[test]
fn another_output_than_the_golden_one_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "tiny", &onnx("tiny"), &[0.0, 0.18, -0.03], |_| ());
    let error = load(&folder).unwrap_err();
    assert!(matches!(error, ModelError::Golden { .. }), "{error}");
}

#[test]
fn what_is_not_a_number_is_no_guess() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "nan", &onnx("nan"), &golden_logits("nan"), |_| ());
    let mut classifier = load(&folder).unwrap();
    let said = classifier.look(&picture([255, 255, 255])).unwrap_err().to_string();
    assert!(said.contains("no guess"), "{said}");
    classifier.look(&picture([0, 0, 0])).unwrap();
}

/// The program with a data folder of its own and the embedded engine.
fn streetwise(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streetwise"));
    command
        .env("STREETWISE_DATA", data)
        .env("STREETWISE_RUNTIME", "embedded")
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn red(root: &Path) -> PathBuf {
    let file = root.join("red.png");
    plain([255, 0, 0]).save(&file).unwrap();
    file
}

/// What a trial of a model left behind, a line a model.
fn trials(data: &Path) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(data.join("tried-models.json")).unwrap()).unwrap()
}

#[test]
fn a_graph_that_ends_the_engine_is_not_added_and_says_so_in_one_sentence() {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in poisoned() {
        let folder = model_folder(root.path(), name, &bytes, &golden_logits("tiny"), |_| ());
        let ran = streetwise(root.path(), &["models", "add", folder.to_str().unwrap()]);
        let said = said(&ran);
        assert_eq!(ran.status.code(), Some(1), "{name}: {said}");
        assert_eq!(said.lines().count(), 1, "{name}: {said}");
        assert!(said.contains(&format!("model {name}: embedded (tract")), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(!root.path().join("models").join(name).exists(), "{name}");
    }
}

#[test]
fn a_graph_that_ends_the_engine_and_was_chosen_by_hand_gives_way_to_a_shipped_model() {
    let data = tempfile::tempdir().unwrap();
    let picture = red(data.path());
    let (_, bytes) = poisoned().swap_remove(0);
    model_folder(&data.path().join("models"), "poisoned", &bytes, &golden_logits("tiny"), |_| ());
    std::fs::write(data.path().join("settings.json"), r#"{"model": "poisoned"}"#).unwrap();
    // The second start knows it from the first.
    for _ in 0..2 {
        let ran = streetwise(data.path(), &["guess", "--json", picture.to_str().unwrap()]);
        let said = said(&ran);
        assert!(ran.status.success(), "{said}");
        assert_eq!(lines(&ran)[0]["model"], "street-world");
        assert!(said.contains("model poisoned") && said.contains("street-world is used instead"), "{said}");
        assert_eq!(trials(data.path()).len(), 1);
    }
    let ran = streetwise(data.path(), &["doctor"]);
    let text = String::from_utf8(ran.stdout.clone()).unwrap();
    assert!(ran.status.success() && text.contains("Not used model poisoned"), "{text}");
    let ran = streetwise(data.path(), &["guess", "--model", "poisoned", picture.to_str().unwrap()]);
    assert_eq!((ran.status.code(), said(&ran).lines().count()), (Some(1), 1), "{}", said(&ran));
    let ran = streetwise(data.path(), &["models", "verify", "street-world", "poisoned", "--json"]);
    let sound: Vec<bool> = lines(&ran).iter().map(|line| line["ok"] == true).collect();
    assert_eq!((ran.status.code(), sound), (Some(1), vec![true, false]), "the rest is verified all the same");
}

#[test]
fn a_sound_model_from_elsewhere_is_tried_once_an_engine_and_a_changed_one_again() {
    let data = tempfile::tempdir().unwrap();
    let picture = red(data.path());
    let models = data.path().join("models");
    model_folder(&models, "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let guess =
        || streetwise(data.path(), &["guess", "--json", "--model", "tiny", picture.to_str().unwrap()]);
    for (change, expected) in [(false, 1), (false, 1), (true, 2)] {
        if change {
            let named = |manifest: &mut Value| manifest["name"] = "Another".into();
            model_folder(&models, "tiny", &onnx("tiny"), &golden_logits("tiny"), named);
        }
        let ran = guess();
        assert!(ran.status.success(), "{}", said(&ran));
        let trials = trials(data.path());
        assert_eq!(trials.len(), expected);
        assert!(trials.iter().all(|trial| trial["fatal"].is_null()), "{trials:?}");
    }
    // A damaged file costs another trial, no more.
    std::fs::write(data.path().join("tried-models.json"), "[{").unwrap();
    assert!(guess().status.success());
    assert_eq!(trials(data.path()).len(), 1);
}

#[test]
fn a_chosen_model_that_is_gone_is_told_and_a_shipped_one_is_used() {
    let data = tempfile::tempdir().unwrap();
    let picture = red(data.path());
    std::fs::write(data.path().join("settings.json"), r#"{"model": "gone"}"#).unwrap();
    let ran = streetwise(data.path(), &["guess", "--json", picture.to_str().unwrap()]);
    let said = said(&ran);
    assert!(ran.status.success() && said.contains("no model named gone"), "{said}");
    assert!(said.contains("street-world is used instead"), "{said}");
}

/// Weights listed as inputs (ONNX up to IR version 3), every dimension open (optimum), float16 inside.
#[test]
fn graphs_as_other_exporters_write_them_run_on_the_embedded_engine() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
    for name in ["weights-as-inputs", "all-symbolic", "half-inside"] {
        let mut classifier = load(&models.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(classifier.device(), "cpu");
        classifier.look(&picture([90, 120, 60])).unwrap();
    }
}

#[test]
fn a_golden_check_that_anything_would_pass_is_refused() {
    for (tolerance, refused) in [(1e30, true), (0.2, true), (0.01, false)] {
        let root = tempfile::tempdir().unwrap();
        let folder = model_folder(root.path(), "loose", &onnx("tiny"), &golden_logits("tiny"), |manifest| {
            manifest["golden"]["tolerance"] = json!(tolerance);
        });
        match load(&folder) {
            Ok(_) => assert!(!refused, "{tolerance}"),
            Err(error) => {
                let said = error.to_string();
                assert!(refused && said.contains("loose") && said.contains("float32 weights"), "{said}");
            }
        }
    }
}

#[test]
fn claimed_figures_do_not_make_a_model_the_default() {
    let data = tempfile::tempdir().unwrap();
    let picture = red(data.path());
    model_folder(&data.path().join("models"), "boaster", &onnx("tiny"), &golden_logits("tiny"), |manifest| {
        manifest["metrics"] = json!({ "images": 9, "places": 9, "top1": 1.0, "top5": 1.0, "chance": 0.001 });
    });
    let guess = || lines(&streetwise(data.path(), &["guess", "--json", picture.to_str().unwrap()]));
    assert_eq!(guess()[0]["model"], "street-world");
    std::fs::write(data.path().join("settings.json"), r#"{"model": "boaster"}"#).unwrap();
    assert_eq!(guess()[0]["model"], "boaster", "the user's own choice counts");
}

#[test]
fn the_identifier_is_a_models_one_name_whatever_its_folder_is_called() {
    let data = tempfile::tempdir().unwrap();
    let models = data.path().join("models");
    let of = |folder: &str, id: &'static str| {
        model_folder(&models, folder, &onnx("tiny"), &golden_logits("tiny"), move |m| m["id"] = id.into());
    };
    of("download (1)", "tiny");
    of("a-copy", "twin");
    of("twin", "twin");
    of("street-world", "street-world");
    std::fs::create_dir_all(models.join("efficientnet-lite0")).unwrap();
    let listed = lines(&streetwise(data.path(), &["models", "list", "--json"]));
    let of_ours = |line: &&Value| line["owner"] != "shipped";
    let ours: Vec<(&str, bool)> = listed
        .iter()
        .filter(of_ours)
        .map(|line| (line["model"].as_str().unwrap(), line["error"].is_null()))
        .collect();
    let at = |name: &str| models.join(name).display().to_string();
    let (world, lite) = (at("street-world"), at("efficientnet-lite0"));
    let expected = [("a-copy", false), ("tiny", true), (&lite, false), (&world, false), ("twin", true)];
    assert_eq!(ours, expected);
    let error = listed.iter().find(|line| line["model"] == "a-copy").unwrap()["error"].as_str().unwrap();
    assert!(error.contains("carries the identifier") && error.contains("twin"), "{error}");
    let verified = lines(&streetwise(data.path(), &["models", "verify", "tiny", "twin", "--json"]));
    assert!(verified.iter().all(|line| line["ok"] == true), "{verified:?}");
    for name in ["tiny", "a-copy", "twin", &world, &lite] {
        let ran = streetwise(data.path(), &["models", "remove", name]);
        assert!(ran.status.success(), "{name}: {}", said(&ran));
    }
    assert_eq!(std::fs::read_dir(&models).unwrap().count(), 0);
    let left = lines(&streetwise(data.path(), &["models", "list", "--json"]));
    assert!(left.iter().all(|line| line["owner"] == "shipped" && line["error"].is_null()), "{left:?}");
}

#[test]
fn a_folder_in_the_place_of_a_model_to_be_added_is_named() {
    let data = tempfile::tempdir().unwrap();
    let place = |root: &Path, folder: &str, id: &'static str| {
        model_folder(root, folder, &onnx("tiny"), &golden_logits("tiny"), move |m| m["id"] = id.into())
    };
    place(&data.path().join("models"), "tiny", "other");
    let new = place(&data.path().join("elsewhere"), "new", "tiny");
    let ran = streetwise(data.path(), &["models", "add", new.to_str().unwrap()]);
    let said = said(&ran);
    assert_eq!(ran.status.code(), Some(1));
    assert!(said.contains("is taken by other"), "{said}");
}

#[test]
fn a_model_that_was_never_measured_says_so() {
    let data = tempfile::tempdir().unwrap();
    model_folder(&data.path().join("models"), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let listed = lines(&streetwise(data.path(), &["models", "list", "--json"]));
    let of = |name: &str| listed.iter().find(|line| line["model"] == name).unwrap()["metrics"].clone();
    assert!(of("tiny").is_null() && of("street-world").is_object());
    let text = String::from_utf8(streetwise(data.path(), &["models", "list"]).stdout).unwrap();
    assert!(text.contains("not measured; try `streetwise evaluate tiny"), "{text}");
    assert!(!text.contains("top-1 0 %"), "{text}");
}

#[test]
fn a_graph_with_more_than_the_picture_to_put_in_is_refused_by_name() {
    use prost::Message as _;
    let mut model = tract_onnx::pb::ModelProto::decode(onnx("tiny").as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let second = tract_onnx::pb::ValueInfoProto { name: "mask".into(), ..graph.input[0].clone() };
    graph.input.push(second);
    let said = refusal(&model.encode_to_vec());
    assert!(said.contains("spoilt") && said.contains("2 inputs (pixels, mask)"), "{said}");
}
