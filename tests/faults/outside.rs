//! Fault 37: a picture of nothing is outside what a model knows, never sure.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use streetwise::base::Device;
use streetwise::imaging::Picture;
use streetwise::model::{Classifier, Model, ModelError, Owner};
use streetwise::ranking::Verdict;

use crate::common::{embedded, golden_logits, model_folder, onnx, plain};

/// A model whose output `outside` is 0 for middle grey and 1 for black, white and full colours.
fn load(edit: impl FnOnce(&mut Value)) -> Result<Classifier, ModelError> {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "outside", &onnx("outside"), &golden_logits("outside"), |json| {
        json["output"]["outside"] =
            json!({ "name": "outside", "bound": 0.5, "kept": 0.95, "fitted_on": "drawn" });
        json["golden"]["outside"] = json!(0.106_357_79);
        edit(json);
    });
    let model = Model::read(Path::new(&folder), Owner::User)?;
    Classifier::load(embedded(&folder), &model, Device::Auto, Some(1))
}

#[test]
fn a_picture_beyond_the_bound_is_outside_although_one_country_has_all_the_probability() {
    let mut classifier = load(|_| ()).unwrap();
    for (colour, verdict) in [
        ([150, 120, 120], "within"),
        ([255, 0, 0], "outside"),
        ([0, 0, 0], "outside"),
        ([255, 255, 255], "outside"),
    ] {
        let ranking = classifier.look(&Picture::from_rgb("plain", plain(colour))).unwrap().ranking;
        assert_eq!(ranking.outside.unwrap().verdict(), verdict, "{colour:?}");
        assert_eq!(ranking.verdict == Verdict::Outside, verdict == "outside", "{colour:?}");
    }
    let red = classifier.look(&Picture::from_rgb("red", plain([255, 0, 0]))).unwrap().ranking;
    assert!(red.guesses[0].p > 0.99 && red.unsure(), "{red:?}");
}

#[test]
fn the_golden_check_covers_the_score() {
    let error = load(|json| json["golden"]["outside"] = json!(0.2)).unwrap_err();
    assert!(matches!(error, ModelError::Golden { .. }), "{error}");
    let said = load(|json| json["output"]["outside"]["name"] = json!("elsewhere")).unwrap_err().to_string();
    assert!(said.contains("no output named elsewhere"), "{said}");
}

#[test]
fn a_model_without_the_measure_says_nothing_of_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = model_folder(root.path(), "tiny", &onnx("tiny"), &golden_logits("tiny"), |_| ());
    let model = Model::read(&folder, Owner::User).unwrap();
    let mut classifier = Classifier::load(embedded(&folder), &model, Device::Auto, Some(1)).unwrap();
    let ranking = classifier.look(&Picture::from_rgb("red", plain([255, 0, 0]))).unwrap().ranking;
    assert_eq!((ranking.verdict, ranking.outside), (Verdict::Sure, None));
}

/// Pictures that show nothing: a grey gradient, television noise, a wall with light falling off, a chessboard, a page.
fn of_nothing() -> [(&'static str, RgbImage); 5] {
    let draw = |shade: &dyn Fn(u32, u32) -> [u32; 3]| {
        RgbImage::from_fn(640, 400, |x, y| Rgb(shade(x, y).map(|level| u8::try_from(level % 256).unwrap())))
    };
    let grains = |x: u32, y: u32| {
        (x.wrapping_mul(374_761_393) ^ y.wrapping_mul(668_265_263)).wrapping_mul(2_246_822_519) >> 24
    };
    let word =
        |x: u32, y: u32| y % 20 < 9 && !(x / 9 + y / 20 * 7).is_multiple_of(6) && (30..600).contains(&x);
    [
        ("gradient", draw(&|x, _| [x * 255 / 640; 3])),
        ("noise", draw(&|x, y| [grains(x, y); 3])),
        ("wall", draw(&|x, y| [170 - y / 12 + grains(x, y) / 64, 165 - y / 12, 150 - x / 16])),
        ("chessboard", draw(&|x, y| [(x / 40 + y / 40) % 2 * 255; 3])),
        ("page", draw(&|x, y| if word(x, y) { [40; 3] } else { [250; 3] })),
    ]
}

#[test]
fn the_shipped_models_call_pictures_of_nothing_outside() {
    let root = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for folder in std::fs::read_dir(models).unwrap() {
        let model = Model::read(&folder.unwrap().path(), Owner::Shipped).unwrap();
        assert!(model.manifest.output.outside.is_some(), "{} has no such score", model.manifest.id);
        let mut classifier = Classifier::load(embedded(root.path()), &model, Device::Cpu, Some(1)).unwrap();
        for (name, pixels) in of_nothing() {
            let ranking = classifier.look(&Picture::from_rgb(name, pixels)).unwrap().ranking;
            assert_eq!(
                ranking.verdict,
                Verdict::Outside,
                "{}: {name} {:?}",
                model.manifest.id,
                ranking.outside
            );
        }
    }
}
