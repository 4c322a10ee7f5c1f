//! What the trainer found on the held-out places at the end of a run: `evaluation.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::runs::Run;
use crate::model::figures::rename_old;

/// The figures of a run's last (or best) epoch on the places it held out, pictures squished as the app does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// ISO alpha-2 codes, in the order of [`Report::confusion`].
    pub countries: Vec<String>,
    /// Held-out places.
    pub places: usize,
    /// Held-out pictures.
    pub images: usize,
    /// Share of right first guesses when guessing at random.
    pub chance: f64,
    /// Share of right first guesses.
    pub top1: f64,
    /// Share of pictures whose country is among the first three.
    pub top3: f64,
    /// Share of pictures whose country is among the first five.
    pub top5: f64,
    /// Mean over the countries of the share of right first guesses within each.
    pub balanced_top1: f64,
    /// Mean of F1 over the countries.
    pub macro_f1: f64,
    /// Expected calibration error before the temperature.
    pub ece: f64,
    /// After it.
    pub ece_after: f64,
    /// What logits are divided by.
    pub temperature: f64,
    /// Figures by country code.
    pub per_country: BTreeMap<String, CountryReport>,
    /// Pictures by true country (row) and first guess (column).
    pub confusion: Vec<Vec<usize>>,
    /// The surest wrong guesses.
    pub worst: Vec<Mistake>,
    /// The countries most often taken for one another.
    pub pairs: Vec<Pair>,
}

/// One country's figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CountryReport {
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share of right ones among the pictures taken for it.
    pub precision: f64,
    /// Share of its pictures that were recognised.
    pub recall: f64,
    /// Its pictures.
    pub support: usize,
}

/// A wrong guess.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// The picture, as the data set names it.
    pub file: String,
    /// Its country.
    pub country: String,
    /// What it was taken for.
    pub guess: String,
    /// The guess's probability.
    pub p: f64,
}

/// Two countries and how often one was taken for the other, either way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// A country.
    pub a: String,
    /// The other.
    pub b: String,
    /// Wrong guesses.
    pub count: usize,
}

impl Report {
    /// The report of a run; none before its evaluation.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        serde_json::from_value(figures_of(run)?).ok()
    }
}

/// A run's `evaluation.json` with its figures called what they are called today; none before its evaluation.
#[must_use]
pub fn figures_of(run: &Run) -> Option<Value> {
    let mut found = serde_json::from_slice(&std::fs::read(run.file("evaluation.json")).ok()?).ok()?;
    rename_old(&mut found);
    Some(found)
}

/// The path of a picture that a data set names: as written where it is absolute, else below the data set or its
/// folder `images`.
#[must_use]
pub fn located(data: &Path, file: &Path) -> PathBuf {
    let root = if data.is_file() { data.parent().unwrap_or(data) } else { data };
    let below = root.join("images").join(file);
    // Joining an absolute path gives that path.
    if below.exists() { below } else { root.join(file) }
}
