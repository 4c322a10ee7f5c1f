//! The recipe on the command line: a flag for every field.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::measure::country;
use crate::training::recipe::{MixedPrecision, PRESETS, Recipe};

/// A flag for every field of the recipe, each over the recipe of `--recipe`, or over the study's defaults.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct RecipeFlags {
    /// Architecture
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(PRESETS))]
    pub(crate) preset: Option<String>,
    /// Take the recipe from a file; other flags change it
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Training pictures a country, or `all`
    #[arg(long, value_parser = per_label, value_name = "N|all")]
    per_label: Option<PerLabel>,
    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    fields: Fields,
}

/// Every field but those that an ablation varies.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct Fields {
    /// Only these countries, by code or name; all in the data where none is named
    #[arg(long, value_delimiter = ',', value_name = "COUNTRY,…", value_parser = country)]
    countries: Vec<String>,
    /// Share of the places that is held out [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    valid_fraction: Option<f64>,
    /// Side that pictures are squished to once, in pixels [default: 800]
    #[arg(long, value_name = "PIXELS")]
    pre_resize: Option<u32>,
    /// Side of the model's input, in pixels; the preset's where none is given
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// Smallest share of a picture in a crop [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    min_scale: Option<f64>,
    /// Largest change of brightness [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    brightness: Option<f64>,
    /// Largest change of contrast [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    contrast: Option<f64>,
    /// Fast path: train the head and the last N blocks from cached features; 0 for the head only
    #[arg(long, value_name = "N")]
    unfreeze_last: Option<u32>,
    /// Augmented crops a picture in the fast path [default: 4]
    #[arg(long, value_name = "N")]
    crops: Option<u32>,
    /// Epochs of the head alone [default: 1]
    #[arg(long, value_name = "N")]
    freeze_epochs: Option<u32>,
    /// Epochs after those [default: 100]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Pictures a step; the preset's where none is given
    #[arg(long, value_name = "N")]
    batch: Option<u32>,
    /// Learning rate; what the finder suggests where none is given
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// Steps of the learning-rate finder [default: 100]
    #[arg(long, value_name = "N")]
    lr_iterations: Option<u32>,
    /// Weight decay [default: 0.01]
    #[arg(long, value_name = "X")]
    weight_decay: Option<f64>,
    /// Half precision [default: auto]
    #[arg(long, value_parser = mixed_precision, value_name = "auto|off|bf16|fp16")]
    mixed_precision: Option<MixedPrecision>,
    /// End after so many epochs without a better macro-F1
    #[arg(long, value_name = "EPOCHS")]
    early_stopping: Option<u32>,
    /// Decay of a moving average of the weights
    #[arg(long, value_name = "DECAY")]
    ema: Option<f64>,
    /// Share of the target spread over all countries [default: 0]
    #[arg(long, value_name = "SHARE")]
    label_smoothing: Option<f64>,
    /// Mixup's alpha [default: 0]
    #[arg(long, value_name = "ALPHA")]
    mixup: Option<f64>,
}

/// Training pictures a country; none for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerLabel(pub(crate) Option<u32>);

/// Reads a number or `all`.
pub(crate) fn per_label(text: &str) -> Result<PerLabel, String> {
    match text {
        "all" => Ok(PerLabel(None)),
        _ => text.parse().map(|n| PerLabel(Some(n))).map_err(|_| "a number or `all` is needed".to_owned()),
    }
}

fn mixed_precision(text: &str) -> Result<MixedPrecision, String> {
    serde_json::from_value(text.into()).map_err(|_| "auto, off, bf16 or fp16 is needed".to_owned())
}

impl RecipeFlags {
    /// The recipe these flags describe.
    pub(crate) fn recipe(&self) -> anyhow::Result<Recipe> {
        let base = match (&self.recipe, &self.preset) {
            (Some(file), _) => Recipe::read(file)?,
            (None, Some(preset)) => Recipe::new(preset),
            (None, None) => {
                anyhow::bail!("--preset names the architecture, or --recipe a file; one is needed")
            }
        };
        self.over(base)
    }

    /// The flags over a recipe.
    pub(crate) fn over(&self, mut recipe: Recipe) -> anyhow::Result<Recipe> {
        set(&mut recipe.preset, self.preset.clone());
        set(&mut recipe.per_label, self.per_label.map(|n| n.0));
        set(&mut recipe.seed, self.seed);
        self.fields.over(&mut recipe);
        recipe.check().context("these flags make no recipe")?;
        Ok(recipe)
    }
}

impl Fields {
    /// Sets the fields whose flag is given.
    pub(crate) fn over(&self, recipe: &mut Recipe) {
        if !self.countries.is_empty() {
            recipe.countries.clone_from(&self.countries);
        }
        set(&mut recipe.valid_fraction, self.valid_fraction);
        set(&mut recipe.pre_resize, self.pre_resize);
        set(&mut recipe.size, self.size.map(Some));
        set(&mut recipe.min_scale, self.min_scale);
        set(&mut recipe.brightness, self.brightness);
        set(&mut recipe.contrast, self.contrast);
        set(&mut recipe.unfreeze_last, self.unfreeze_last.map(Some));
        set(&mut recipe.crops, self.crops);
        set(&mut recipe.freeze_epochs, self.freeze_epochs);
        set(&mut recipe.epochs, self.epochs);
        set(&mut recipe.batch, self.batch.map(Some));
        set(&mut recipe.lr, self.lr.map(Some));
        set(&mut recipe.lr_iterations, self.lr_iterations);
        set(&mut recipe.weight_decay, self.weight_decay);
        set(&mut recipe.mixed_precision, self.mixed_precision);
        set(&mut recipe.early_stopping, self.early_stopping.map(Some));
        set(&mut recipe.ema, self.ema.map(Some));
        set(&mut recipe.label_smoothing, self.label_smoothing);
        set(&mut recipe.mixup, self.mixup);
    }
}

fn set<T>(field: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: RecipeFlags,
    }

    #[test]
    fn every_field_of_the_recipe_has_a_flag_that_sets_it() {
        let values = [
            ("countries", "AU,JP"),
            ("per_label", "100"),
            ("valid_fraction", "0.3"),
            ("seed", "7"),
            ("pre_resize", "400"),
            ("size", "128"),
            ("min_scale", "0.6"),
            ("brightness", "0.1"),
            ("contrast", "0.3"),
            ("unfreeze_last", "2"),
            ("crops", "3"),
            ("freeze_epochs", "2"),
            ("epochs", "5"),
            ("batch", "16"),
            ("lr", "0.001"),
            ("lr_iterations", "50"),
            ("weight_decay", "0.1"),
            ("mixed_precision", "bf16"),
            ("early_stopping", "4"),
            ("ema", "0.99"),
            ("label_smoothing", "0.05"),
            ("mixup", "0.4"),
        ];
        let mut line = vec!["x".to_owned(), "--preset".to_owned(), "vit-tiny".to_owned()];
        for (field, value) in values {
            line.extend([format!("--{}", field.replace('_', "-")), value.to_owned()]);
        }
        let found = serde_json::to_value(Line::parse_from(line).flags.recipe().unwrap()).unwrap();
        let plain = serde_json::to_value(Recipe::new("resnet18")).unwrap();
        for (field, value) in plain.as_object().unwrap() {
            assert!(field == "version" || found[field] != *value, "{field} has no flag");
        }
        assert_eq!(found["countries"], serde_json::json!(["AU", "JP"]));
        assert_eq!(found["lr"], Value::from(0.001));
    }

    #[test]
    fn flags_change_a_recipe_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.json");
        Recipe { per_label: Some(100), seed: 3, ..Recipe::new("vit-tiny") }.write(&path).unwrap();
        let file = path.to_str().unwrap();
        let recipe = Line::parse_from(["x", "--recipe", file, "--per-label", "all"]).flags.recipe().unwrap();
        assert_eq!(recipe, Recipe { seed: 3, ..Recipe::new("vit-tiny") });
        assert!(Line::parse_from(["x"]).flags.recipe().unwrap_err().to_string().contains("--preset"));
        let wrong = Line::parse_from(["x", "--preset", "resnet18", "--countries", "AU"]).flags.recipe();
        assert!(format!("{:#}", wrong.unwrap_err()).contains("at least two"));
    }
}
