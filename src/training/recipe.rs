//! The recipe: what is trained and how. One file that can be shared; the trainer's `recipe.py` is the same.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{StoreError, write_whole};

/// Version of the recipe's format that this program reads and writes.
pub const VERSION: u64 = 1;

/// The architectures there are, by the name of their preset: the study's sixteen and five for small machines.
pub const PRESETS: [&str; 21] = [
    "resnet18",
    "resnet50",
    "resnet101",
    "resnet18d",
    "resnet50d",
    "resnet101d",
    "convnext-tiny",
    "convnext-small",
    "vit-tiny",
    "vit-small",
    "vit-base",
    "deit-tiny",
    "deit-small",
    "deit-base",
    "swinv2-tiny",
    "swinv2-small",
    "dinov2-vit-s",
    "tiny-vit-5m",
    "tiny-vit-11m",
    "tiny-vit-21m",
    "efficientnet-lite0",
];

/// Arithmetic in half precision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MixedPrecision {
    /// Where a few measured batches say that it is faster on this machine.
    #[default]
    Auto,
    /// Never.
    Off,
    /// bfloat16.
    Bf16,
    /// float16 with a scaled loss.
    Fp16,
}

/// What is trained and how. The defaults are the study's. A field that is not known is refused by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of the format.
    pub version: u64,
    /// Architecture, one of [`PRESETS`].
    pub preset: String,
    /// ISO 3166-1 alpha-2 codes; none for all in the data.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Training pictures a country; none for all.
    #[serde(default)]
    pub per_label: Option<u32>,
    /// Share of the places that is held out.
    #[serde(default = "default::valid_fraction")]
    pub valid_fraction: f64,
    /// Seed of the split, the order, the augmentation and the head.
    #[serde(default)]
    pub seed: u64,
    /// Side that pictures are squished to once, in pixels.
    #[serde(default = "default::pre_resize")]
    pub pre_resize: u32,
    /// Side of the model's input, in pixels; none for the preset's.
    #[serde(default)]
    pub size: Option<u32>,
    /// Smallest share of a picture that an augmented crop may show.
    #[serde(default = "default::min_scale")]
    pub min_scale: f64,
    /// Largest change of brightness.
    #[serde(default = "default::jitter")]
    pub brightness: f64,
    /// Largest change of contrast.
    #[serde(default = "default::jitter")]
    pub contrast: f64,
    /// Blocks that train beside the head: none for all of the network, 0 for the head only.
    #[serde(default)]
    pub unfreeze_last: Option<u32>,
    /// Augmented crops a picture, cached, where `unfreeze_last` is given.
    #[serde(default = "default::crops")]
    pub crops: u32,
    /// Epochs of the head before the rest is unfrozen.
    #[serde(default = "default::freeze_epochs")]
    pub freeze_epochs: u32,
    /// Epochs after that.
    #[serde(default = "default::epochs")]
    pub epochs: u32,
    /// Pictures a step; none for the preset's.
    #[serde(default)]
    pub batch: Option<u32>,
    /// Learning rate; none for what the finder suggests.
    #[serde(default)]
    pub lr: Option<f64>,
    /// Steps of the learning-rate finder.
    #[serde(default = "default::lr_iterations")]
    pub lr_iterations: u32,
    /// Weight decay.
    #[serde(default = "default::weight_decay")]
    pub weight_decay: f64,
    /// Arithmetic in half precision.
    #[serde(default)]
    pub mixed_precision: MixedPrecision,
    /// Epochs without a better macro-F1 after which training ends; none for never.
    #[serde(default)]
    pub early_stopping: Option<u32>,
    /// Decay of an exponential moving average of the weights; none for no average.
    #[serde(default)]
    pub ema: Option<f64>,
    /// Share of the target that is spread over all countries.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Alpha of mixup's beta distribution; 0 for no mixup.
    #[serde(default)]
    pub mixup: f64,
    /// Largest norm of all gradients together, longer ones are shortened to it; none for any.
    #[serde(default)]
    pub gradient_clip: Option<f64>,
}

/// Defaults of the format, those of the study.
mod default {
    pub(super) fn valid_fraction() -> f64 {
        0.2
    }
    pub(super) fn pre_resize() -> u32 {
        800
    }
    pub(super) fn min_scale() -> f64 {
        0.5
    }
    pub(super) fn jitter() -> f64 {
        0.2
    }
    pub(super) fn crops() -> u32 {
        4
    }
    pub(super) fn freeze_epochs() -> u32 {
        1
    }
    pub(super) fn epochs() -> u32 {
        100
    }
    pub(super) fn lr_iterations() -> u32 {
        100
    }
    pub(super) fn weight_decay() -> f64 {
        0.01
    }
}

/// Why a recipe is not used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file could not be read.
    #[error("the recipe {} cannot be read ({source}); check the path", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is of another version.
    #[error("the recipe is version {found}, this Streetwise reads version {VERSION}; update Streetwise")]
    Version {
        /// Version found.
        found: u64,
    },
    /// It is not a recipe.
    #[error("the recipe cannot be used: {0}")]
    Invalid(String),
    /// It could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recipe {
    /// The defaults for a preset.
    #[must_use]
    pub fn new(preset: &str) -> Self {
        Self {
            version: VERSION,
            preset: preset.to_owned(),
            countries: Vec::new(),
            per_label: None,
            valid_fraction: default::valid_fraction(),
            seed: 0,
            pre_resize: default::pre_resize(),
            size: None,
            min_scale: default::min_scale(),
            brightness: default::jitter(),
            contrast: default::jitter(),
            unfreeze_last: None,
            crops: default::crops(),
            freeze_epochs: default::freeze_epochs(),
            epochs: default::epochs(),
            batch: None,
            lr: None,
            lr_iterations: default::lr_iterations(),
            weight_decay: default::weight_decay(),
            mixed_precision: MixedPrecision::Auto,
            early_stopping: None,
            ema: None,
            label_smoothing: 0.0,
            mixup: 0.0,
            gradient_clip: None,
        }
    }

    /// Reads a recipe from its JSON text.
    ///
    /// # Errors
    /// [`RecipeError::Version`] for another version, [`RecipeError::Invalid`] for an unknown field, by name, and
    /// for a value that cannot be meant.
    pub fn parse(text: &[u8]) -> Result<Self, RecipeError> {
        let invalid = |why: serde_json::Error| RecipeError::Invalid(why.to_string());
        let value: Value = serde_json::from_slice(text).map_err(invalid)?;
        let found = value.get("version").and_then(Value::as_u64);
        match found.ok_or_else(|| RecipeError::Invalid("`version` is missing".to_owned()))? {
            VERSION => {}
            found => return Err(RecipeError::Version { found }),
        }
        let recipe: Self = serde_json::from_value(value).map_err(invalid)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Reads a recipe's file.
    ///
    /// # Errors
    /// As [`Recipe::parse`], or [`RecipeError::Read`].
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        let read = |source| RecipeError::Read { path: path.to_owned(), source };
        Self::parse(&std::fs::read(path).map_err(read)?)
    }

    /// Writes the recipe whole.
    ///
    /// # Errors
    /// [`RecipeError::Store`]; an old file is unchanged.
    pub fn write(&self, path: &Path) -> Result<(), RecipeError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|error| RecipeError::Invalid(error.to_string()))?;
        Ok(write_whole(path, (text + "\n").as_bytes())?)
    }

    /// Refuses values that cannot be meant; the trainer looks again, with the data in hand.
    ///
    /// # Errors
    /// [`RecipeError::Invalid`], which names the field.
    pub fn check(&self) -> Result<(), RecipeError> {
        let unknown = self.countries.iter().find(|code| crate::geo::country_name(code).is_none());
        let distinct: std::collections::BTreeSet<_> = self.countries.iter().collect();
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let checks = [
            (
                PRESETS.contains(&self.preset.as_str()),
                format!("`preset` must be one of {}", PRESETS.join(", ")),
            ),
            (
                unknown.is_none(),
                format!("`countries` has {}, which is no ISO code", unknown.map_or("", |c| c.as_str())),
            ),
            (distinct.len() == self.countries.len(), "`countries` names one twice".to_owned()),
            (self.countries.len() != 1, "`countries` must name at least two".to_owned()),
            (self.per_label != Some(0), "`per_label` must be at least 1".to_owned()),
            (
                self.valid_fraction > 0.0 && self.valid_fraction < 1.0,
                "`valid_fraction` must lie between 0 and 1".to_owned(),
            ),
            (
                self.min_scale > 0.0 && self.min_scale <= 1.0,
                "`min_scale` must be above 0, at most 1".to_owned(),
            ),
            (share(self.brightness), "`brightness` must be 0 to 1".to_owned()),
            (share(self.contrast), "`contrast` must be 0 to 1".to_owned()),
            (self.crops > 0, "`crops` must be at least 1".to_owned()),
            (self.freeze_epochs + self.epochs > 0, "there must be at least one epoch".to_owned()),
            (self.batch != Some(0), "`batch` must be at least 1".to_owned()),
            (self.lr.is_none_or(|lr| lr > 0.0), "`lr` must be positive".to_owned()),
            (self.weight_decay >= 0.0, "`weight_decay` must not be negative".to_owned()),
            (self.early_stopping != Some(0), "`early_stopping` must be at least 1".to_owned()),
            (
                self.ema.is_none_or(|decay| decay > 0.0 && decay < 1.0),
                "`ema` must lie between 0 and 1".to_owned(),
            ),
            (
                (0.0..1.0).contains(&self.label_smoothing),
                "`label_smoothing` must be 0 or more, below 1".to_owned(),
            ),
            (self.mixup >= 0.0, "`mixup` must not be negative".to_owned()),
            (self.gradient_clip.is_none_or(|norm| norm > 0.0), "`gradient_clip` must be positive".to_owned()),
        ];
        let broken = checks.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, why)| Err(RecipeError::Invalid(why)))
    }

    /// Epochs in all.
    #[must_use]
    pub fn total_epochs(&self) -> u32 {
        self.freeze_epochs + self.epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../tests/protocol/recipe.json");

    #[test]
    fn the_golden_recipe_is_the_default_in_this_language_too() {
        let golden = Recipe::parse(GOLDEN.as_bytes()).unwrap();
        assert_eq!(golden, Recipe::new("resnet18"));
        let value: Value = serde_json::from_str(GOLDEN).unwrap();
        assert_eq!(serde_json::to_value(&golden).unwrap(), value);
        let short = Recipe::parse(br#"{"version": 1, "preset": "resnet18"}"#).unwrap();
        assert_eq!(short, golden);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.json");
        let recipe = Recipe { per_label: Some(100), lr: Some(3e-4), ..Recipe::new("vit-tiny") };
        recipe.write(&path).unwrap();
        assert_eq!(Recipe::read(&path).unwrap(), recipe);
    }

    #[test]
    fn what_is_not_known_or_cannot_be_meant_is_refused_by_name() {
        let check = |key: &str, value: Value, expected: &str| {
            let mut json: Value = serde_json::from_str(GOLDEN).unwrap();
            json[key] = value;
            let error = Recipe::parse(json.to_string().as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{key}: {error}");
        };
        check("version", 2.into(), "version 2");
        check("dropout", 0.5.into(), "dropout");
        check("preset", "resnet19".into(), "`preset`");
        check("countries", serde_json::json!(["AU", "QQ"]), "QQ");
        check("countries", serde_json::json!(["AU"]), "at least two");
        check("countries", serde_json::json!(["AU", "AU"]), "twice");
        check("valid_fraction", 1.0.into(), "`valid_fraction`");
        check("epochs", serde_json::json!(-1), "-1");
        check("lr", 0.0.into(), "`lr`");
        check("gradient_clip", 0.0.into(), "`gradient_clip`");
        check("mixed_precision", "fp8".into(), "fp8");
        assert!(Recipe::parse(b"{}").unwrap_err().to_string().contains("`version`"));
    }
}
