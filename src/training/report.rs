//! What the trainer found on the held-out places at the end of a run: `evaluation.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::runs::Run;

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
    /// Share of right first guesses, the mean over the countries.
    pub top1: f64,
    /// The same for the first three.
    pub top3: f64,
    /// The same for the first five.
    pub top5: f64,
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

/// Why a report cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot be used ({why}); the model itself is not touched", path.display())]
pub struct ReportError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
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
    /// The report of a run, or why it cannot be used; none before its evaluation.
    #[must_use]
    pub fn of(run: &Run) -> Option<Result<Self, ReportError>> {
        let path = run.file("evaluation.json");
        let text = std::fs::read(&path).ok()?;
        let read = serde_json::from_slice(&text).map_err(|error| error.to_string());
        Some(read.and_then(Self::checked).map_err(|why| ReportError { path, why }))
    }

    /// The report where every country has its row and column of pictures, these can be added up, and shares are shares.
    fn checked(self) -> Result<Self, String> {
        let n = self.countries.len();
        let rows = &self.confusion;
        if rows.len() != n || rows.iter().any(|row| row.len() != n) {
            return Err(format!("its confusion matrix is not one of {n} countries"));
        }
        let shares = [self.chance, self.top1, self.top3, self.top5, self.macro_f1, self.ece, self.ece_after];
        let of_countries = self.per_country.values().flat_map(|c| [c.f1, c.precision, c.recall]);
        let all = shares.into_iter().chain(of_countries).chain(self.worst.iter().map(|mistake| mistake.p));
        if let Some(figure) = all.into_iter().find(|share| !(0.0..=1.0).contains(share)) {
            return Err(format!("{figure} is no share from 0 to 1"));
        }
        let total = rows.iter().flatten().try_fold(0_usize, |sum, count| sum.checked_add(*count));
        total.map(|_| self).ok_or_else(|| "its confusion matrix has impossible counts".to_owned())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_whose_matrix_does_not_fit_its_countries_is_refused() {
        let report = |countries: &[&str], top1: f64, confusion: serde_json::Value| {
            let report = serde_json::json!({
                "countries": countries, "places": 1, "images": 2, "chance": 0.5, "top1": top1, "top3": 1, "top5": 1,
                "macro_f1": 1, "ece": 0, "ece_after": 0, "temperature": 1, "per_country": {}, "confusion": confusion,
                "worst": [], "pairs": [],
            });
            serde_json::from_value::<Report>(report).unwrap().checked()
        };
        let check = |countries: &[&str], confusion, expected: &str| match report(countries, 1.0, confusion) {
            Ok(_) => assert_eq!(expected, ""),
            Err(why) => assert!(!expected.is_empty() && why.contains(expected), "{why}"),
        };
        check(&["AU", "JP"], serde_json::json!([[1, 0], [0, 1]]), "");
        check(&["AU", "JP", "BR"], serde_json::json!([[1, 0], [0, 1]]), "not one of 3 countries");
        check(&["AU", "JP"], serde_json::json!([[1, 0], [0]]), "not one of 2 countries");
        check(&["AU", "JP"], serde_json::json!([[u64::MAX, 1], [0, 1]]), "impossible counts");
        check(&["AU"], serde_json::json!([]), "not one of 1 countries");
        assert!(report(&["AU"], 1e300, serde_json::json!([[1]])).unwrap_err().contains("no share"));
    }
}
