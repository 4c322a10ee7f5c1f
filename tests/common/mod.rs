//! What the tests of models share: small model folders, and pictures made by code.
#![allow(dead_code, unused_imports, missing_docs, clippy::unwrap_used)]

pub mod graphs;
pub mod street;
pub mod trainer;

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use streetwise::runtime::{Choice, Engine};
use streetwise::store::Paths;

pub fn onnx(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx");
    std::fs::read(folder.join(format!("{name}.onnx"))).unwrap()
}

/// Logits of the golden input, as ONNX Runtime in Python computes them.
pub fn golden_logits(name: &str) -> Vec<f32> {
    match name {
        "nan" => vec![0.659_919_2, 0.563_623_67, 0.731_222_03],
        _ => vec![0.064_506_62, 0.182_328_37, -0.034_685_66],
    }
}

/// Writes a model folder `root/id` around an ONNX file; `edit` may spoil the manifest.
pub fn model_folder(
    root: &Path,
    id: &str,
    bytes: &[u8],
    golden: &[f32],
    edit: impl FnOnce(&mut Value),
) -> PathBuf {
    let folder = root.join(id);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("model.onnx"), bytes).unwrap();
    let sha: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut manifest = json!({
        "schema": 1, "id": id, "name": format!("Test model {id}"), "architecture": "test",
        "files": [{ "path": "model.onnx", "sha256": sha, "bytes": bytes.len() }],
        "input": { "name": "pixels", "size": 16, "layout": "NCHW", "dtype": "float32" },
        "preprocess": { "resize": "squish", "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5] },
        "output": { "name": "logits", "temperature": 0.1 },
        "countries": ["AU", "BR", "JP"],
        "golden": { "kind": "tensor", "seed": 7, "logits": golden, "top5": ["BR", "AU", "JP"], "tolerance": 0.001 },
    });
    edit(&mut manifest);
    std::fs::write(folder.join("model.json"), manifest.to_string()).unwrap();
    folder
}

pub fn embedded(data: &Path) -> &'static Engine {
    let paths = Paths::under(data.to_owned());
    let choice = Choice { library: None, embedded_only: true, paths, prober: None };
    streetwise::runtime::start(&choice).unwrap()
}

pub fn plain(colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(64, 48, Rgb(colour))
}
