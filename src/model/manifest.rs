//! `model.json`: what a model is, how to feed it, what it knows, how good it is, and how to check it.

use std::collections::BTreeSet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ModelError, figures};
use crate::imaging::Preprocess;
use crate::ranking::UnsureRule;

/// Version of the manifest's format that this program reads.
pub const SCHEMA: u64 = 1;

/// A file of the model folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Plain file name inside the folder.
    pub path: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// The graph's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Name in the graph.
    pub name: String,
    /// Side of the square picture, in pixels.
    pub size: u32,
    /// Order of the axes; only `NCHW` is known.
    pub layout: String,
    /// Element type; only `float32` is known.
    pub dtype: String,
}

/// The graph's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Name in the graph; float32 logits [batch, countries].
    pub name: String,
    /// What the logits are divided by before the softmax (Guo et al. 2017), fitted on held-out places.
    pub temperature: f32,
    /// The graph's second output, where it gives the attention of its blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// The graph's output that says how unlike the training pictures a picture is, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<OutsideOutput>,
}

/// How unlike the pictures that the model learned from a picture is: an output of one number a picture, with the bound
/// from which a picture is called outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutsideOutput {
    /// Name in the graph; float32 `[batch]`, larger is stranger.
    pub name: String,
    /// Above this score a picture is called outside.
    pub bound: f32,
    /// Share of street pictures at places never trained on that are not called outside, 0 to 1.
    pub kept: f32,
    /// What score and bound were fitted on, in words.
    #[serde(default)]
    pub fitted_on: String,
}

/// Attention of a transformer's blocks, a second output that explains a guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Name in the graph; float32 [batch, blocks, tokens, tokens], heads averaged, blocks in the order in which they
    /// run, each row (what its token took from each) sums to 1: what attention rollout needs (Abnar and Zuidema 2020).
    pub name: String,
    /// Number of blocks. `None` in models made before it was told: their output is [batch, heads, tokens, tokens] of
    /// the last block alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u32>,
    /// Rows and columns of the patches.
    pub grid: [u32; 2],
    /// Tokens before the patches: the class token, and registers where there are any.
    pub prefix_tokens: u32,
}

/// Held-out figures, each between 0 and 1 where it is a share. Unknown keys are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// What the figures were measured on.
    pub data: String,
    /// How training and test pictures were kept apart.
    pub split: String,
    /// Number of test places.
    pub places: u64,
    /// Number of test pictures.
    pub images: u64,
    /// Number of countries.
    pub countries: u64,
    /// Share of right first guesses.
    pub top1: f32,
    /// Share of pictures whose country is among the first three.
    pub top3: f32,
    /// Share of pictures whose country is among the first five.
    pub top5: f32,
    /// Mean over the countries of the share of right first guesses within each; none where it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balanced_top1: Option<f32>,
    /// Mean over the countries of the F1 score.
    pub macro_f1: f32,
    /// Expected calibration error.
    pub ece: f32,
    /// What guessing at random would give.
    pub chance: f32,
    /// Figures by kind of picture over whole rounds: every picture counts, whatever its country. A name with a comma is a
    /// part of a kind (`game screenshots, without HUD`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub whole_rounds: BTreeMap<String, Round>,
    /// Everything else that was measured.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// Held-out figures of one kind of picture. Unknown keys are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// Number of test pictures.
    pub images: u64,
    /// Share of right first guesses.
    pub top1: f32,
    /// Share of pictures whose country is among the first five.
    pub top5: f32,
    /// Everything else that was measured.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl Metrics {
    /// The figures by kind of picture, without those of parts of a kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &Round)> {
        let whole = self.whole_rounds.iter().filter(|(name, _)| !name.contains(','));
        whole.map(|(name, round)| (name.as_str(), round))
    }

    /// Whether anything was measured: a model from elsewhere comes without figures.
    #[must_use]
    pub fn measured(&self) -> bool {
        self.images > 0
    }

    /// Balanced top-1 with whole sources held out (`source_held_out.balanced_top1`) where it was measured, else
    /// [`Metrics::balanced_top1`], else [`Metrics::top1`].
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn honest_top1(&self) -> f32 {
        let held_out = self.more.get("source_held_out").and_then(|figures| figures.get("balanced_top1"));
        let held_out = held_out.and_then(Value::as_f64).map(|top1| top1 as f32);
        held_out.or(self.balanced_top1).unwrap_or(self.top1)
    }
}

/// The check that a model must pass on this machine, engine and device before it is used.
///
/// The input is made from a seed: splitmix64 noise of 3 × 8 × 8 values in −2 to 2, each spread over a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// Only `tensor` is known.
    pub kind: String,
    /// Seed of the noise.
    pub seed: u64,
    /// Expected logits, in output order.
    pub logits: Vec<f32>,
    /// Expected score of the output `outside`, where the model has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<f32>,
    /// Expected first five countries.
    pub top5: Vec<String>,
    /// Largest absolute difference of a logit that is allowed.
    pub tolerance: f32,
}

impl Golden {
    /// The largest expected logit, without its sign.
    pub(super) fn largest(&self) -> f32 {
        self.logits.iter().fold(0.0, |most, logit| most.max(logit.abs()))
    }
}

/// The manifest of a model folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub schema: u64,
    /// Identifier: the model's name everywhere, whatever its folder is called.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Architecture, by its timm name.
    pub architecture: String,
    /// Files with checksums.
    pub files: Vec<FileEntry>,
    /// The graph's input.
    pub input: Input,
    /// From pixels to the input tensor.
    pub preprocess: Preprocess,
    /// The graph's output.
    pub output: Output,
    /// ISO 3166-1 alpha-2 codes, in output order.
    pub countries: Vec<String>,
    /// When a ranking is unsure.
    #[serde(default)]
    pub unsure: UnsureRule,
    /// Held-out figures.
    #[serde(default)]
    pub metrics: Metrics,
    /// Where it comes from, and its terms.
    #[serde(default)]
    pub provenance: Value,
    /// The check.
    pub golden: Golden,
}

impl Manifest {
    /// Reads a manifest from its JSON text; `model` names it in errors.
    ///
    /// # Errors
    /// [`ModelError::Schema`] for a later format, [`ModelError::Manifest`] for anything inconsistent.
    pub fn parse(model: &str, text: &[u8]) -> Result<Self, ModelError> {
        let invalid = |why: String| ModelError::Manifest { model: model.to_owned(), why };
        let mut value: Value = serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        let found = value.get("schema").and_then(Value::as_u64);
        let found = found.ok_or_else(|| invalid("`schema` is missing".into()))?;
        if found != SCHEMA {
            return Err(ModelError::Schema { model: model.to_owned(), found, known: SCHEMA });
        }
        value.get_mut("metrics").into_iter().for_each(figures::rename_old);
        let manifest: Self = serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
        manifest.consistent().map_err(invalid)?;
        Ok(manifest)
    }

    fn consistent(&self) -> Result<(), String> {
        self.known_countries()?;
        let id_ok = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let finite = self.golden.logits.iter().all(|logit| logit.is_finite());
        let checks = [
            (
                !self.id.is_empty() && self.id.chars().all(id_ok) && !self.id.starts_with('.'),
                "`id` has characters other than letters, digits, - _ .",
            ),
            (self.input.layout == "NCHW", "`input.layout` must be NCHW"),
            (self.input.dtype == "float32", "`input.dtype` must be float32"),
            ((16..=2048).contains(&self.input.size), "`input.size` must be 16 to 2048 pixels"),
            (
                self.output.temperature.is_finite() && self.output.temperature > 0.0,
                "`output.temperature` must be positive",
            ),
            (
                self.output.attention.as_ref().is_none_or(|a| a.grid.iter().all(|side| *side > 0)),
                "`output.attention.grid` must not be empty",
            ),
            (
                self.output.attention.as_ref().is_none_or(|a| a.blocks != Some(0)),
                "`output.attention.blocks` must not be 0",
            ),
            (
                self.output.outside.as_ref().is_none_or(|o| o.bound.is_finite()),
                "`output.outside.bound` must be a number",
            ),
            (
                self.output.outside.is_some() == self.golden.outside.is_some(),
                "`output.outside` and `golden.outside` must both be there, or neither",
            ),
            (self.golden.outside.is_none_or(f32::is_finite), "`golden.outside` must be a number"),
            (self.golden.kind == "tensor", "`golden.kind` must be tensor"),
            (
                self.golden.logits.len() == self.countries.len(),
                "`golden.logits` must be as many as the countries",
            ),
            (finite, "`golden.logits` must be numbers of float32"),
            (
                self.golden.tolerance.is_finite() && self.golden.tolerance > 0.0,
                "`golden.tolerance` must be positive",
            ),
            (self.preprocess.std.iter().all(|s| *s > 0.0), "`preprocess.std` must be positive"),
            (self.files.iter().any(|file| file.path == "model.onnx"), "`files` must list model.onnx"),
        ];
        checks.iter().find(|(ok, _)| !ok).map_or(Ok(()), |(_, why)| Err((*why).to_owned()))
    }

    /// Two countries or more, each once, all of ISO 3166-1; the first that is not is named.
    fn known_countries(&self) -> Result<(), String> {
        if self.countries.len() < 2 {
            return Err("`countries` must name at least two".to_owned());
        }
        let mut seen = BTreeSet::new();
        for code in &self.countries {
            if crate::geo::country_name(code).is_none() {
                return Err(format!("`countries` has {code:?}, which is not an ISO 3166-1 alpha-2 code"));
            }
            if !seen.insert(code) {
                return Err(format!("`countries` names {code} twice"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Value {
        serde_json::from_str(include_str!("../../tests/golden/model-v1.json")).unwrap()
    }

    #[test]
    fn the_golden_manifest_is_read_and_written_back_unchanged() {
        let manifest = Manifest::parse("tiny", example().to_string().as_bytes()).unwrap();
        assert_eq!(manifest.countries, ["AU", "BR", "JP"]);
        assert_eq!(serde_json::to_value(&manifest).unwrap(), example());
    }

    #[test]
    fn the_honest_figure_is_the_one_with_sources_held_out() {
        let mut json = example();
        let top1 = |json: &Value| {
            Manifest::parse("tiny", json.to_string().as_bytes()).unwrap().metrics.honest_top1()
        };
        assert!((top1(&json) - 0.375).abs() < 1e-6);
        json["metrics"]["source_held_out"] = serde_json::json!({ "top1": 0.5, "balanced_top1": 0.25 });
        assert!((top1(&json) - 0.25).abs() < 1e-6);
        json["metrics"] = serde_json::json!({ "top1": 0.5 });
        assert!((top1(&json) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn figures_by_kind_of_picture_leave_parts_of_a_kind_out_and_keep_what_else_was_measured() {
        let mut json = example();
        let round = serde_json::json!({ "images": 9, "top1": 0.5, "top5": 0.75, "per_region": {} });
        json["metrics"]["whole_rounds"] =
            serde_json::json!({ "dashcams": round, "game screenshots, whole": round });
        let metrics = Manifest::parse("tiny", json.to_string().as_bytes()).unwrap().metrics;
        let kinds: Vec<_> = metrics.kinds().map(|(kind, round)| (kind, round.top1)).collect();
        assert_eq!(kinds, [("dashcams", 0.5)]);
        let again = serde_json::to_value(&metrics).unwrap();
        assert_eq!(again["whole_rounds"]["dashcams"]["per_region"], serde_json::json!({}));
    }

    #[test]
    fn the_figures_of_an_older_manifest_are_read_by_what_they_meant() {
        let mut json = example();
        json["metrics"]["top1"] = 0.25.into();
        json["metrics"]["top1_plain"] = 0.5.into();
        let metrics = Manifest::parse("tiny", json.to_string().as_bytes()).unwrap().metrics;
        assert_eq!((metrics.top1, metrics.balanced_top1), (0.5, Some(0.25)));
        assert!(!metrics.more.contains_key("top1_plain"));
    }

    #[test]
    fn attention_is_an_optional_output() {
        let mut json = example();
        json["output"]["attention"] =
            serde_json::json!({ "name": "attention", "blocks": 12, "grid": [16, 16], "prefix_tokens": 1 });
        let read = |json: &Value| Manifest::parse("tiny", json.to_string().as_bytes());
        let manifest = read(&json).unwrap();
        let found = manifest.output.attention.as_ref().unwrap();
        assert_eq!((found.grid, found.blocks), ([16, 16], Some(12)));
        assert_eq!(serde_json::to_value(&manifest).unwrap(), json);
        for (key, wrong) in [("grid", serde_json::json!([0, 16])), ("blocks", 0.into())] {
            let mut json = json.clone();
            json["output"]["attention"][key] = wrong;
            assert!(read(&json).unwrap_err().to_string().contains(key));
        }
        json["output"]["attention"].as_object_mut().unwrap().remove("blocks");
        let older = read(&json).unwrap();
        assert_eq!(older.output.attention.as_ref().unwrap().blocks, None);
        assert_eq!(serde_json::to_value(&older).unwrap(), json);
    }

    #[test]
    fn outside_is_an_optional_output_with_its_own_golden_score() {
        let mut json = example();
        json["output"]["outside"] =
            serde_json::json!({ "name": "outside", "bound": 1.5, "kept": 0.95, "fitted_on": "9 places" });
        let read = |json: &Value| Manifest::parse("tiny", json.to_string().as_bytes());
        assert!(read(&json).unwrap_err().to_string().contains("golden.outside"));
        json["golden"]["outside"] = 4.5.into();
        let manifest = read(&json).unwrap();
        assert!((manifest.output.outside.as_ref().unwrap().bound - 1.5).abs() < 1e-6);
        assert_eq!(serde_json::to_value(&manifest).unwrap()["golden"]["outside"], 4.5);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_by_name() {
        let check = |path: &str, value: Value, expected: &str| {
            let mut json = example();
            *json.pointer_mut(path).unwrap() = value;
            let error = Manifest::parse("tiny", json.to_string().as_bytes()).unwrap_err().to_string();
            assert!(error.contains("tiny") && error.contains(expected), "{path}: {error}");
        };
        check("/schema", 2.into(), "version 2");
        check("/id", "../evil".into(), "`id`");
        check("/input/layout", "NHWC".into(), "NCHW");
        check("/output/temperature", 0.0.into(), "temperature");
        check("/countries", serde_json::json!(["AU", "AU", "JP"]), "twice");
        check("/countries", serde_json::json!(["AU", "QQ", "JP"]), "has \"QQ\", which is not an ISO 3166");
        check("/countries", serde_json::json!(["AU", "br", "JP"]), "\"br\"");
        check("/golden/logits/0", 1e39.into(), "golden.logits");
        check("/countries", serde_json::json!(["AU", "BR", "JP", "DE"]), "golden.logits");
        check("/preprocess/resize", "stretch".into(), "stretch");
    }
}
