//! Faults 4 to 9: models that must not be used, refused by name, while the one in use stays.

use std::path::Path;

use serde_json::json;
use streetwise::imaging::Picture;
use streetwise::model::{Classifier, Model, ModelError, Owner};
use streetwise::runtime::Device;

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
