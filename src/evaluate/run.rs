//! A model over a data set: its figures, from its predictions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::EvaluateError;
use super::bootstrap::{Intervals, intervals};
use super::metrics::{
    CountryFigures, Figures, Outcome, ReliabilityBin, confusion, figures, per_country, reliability,
};
use super::predict::{LeftOut, Limit, Options, Prediction, Predictions, predict};
use crate::base::progress::Watch;
use crate::dataset::Dataset;
use crate::model::Classifier;

/// How good a model is on a data set.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// The model's identifier.
    pub model: String,
    /// The engine that ran it.
    pub engine: String,
    /// The device that ran it.
    pub device: String,
    /// The data set's folder.
    pub data: String,
    /// Number of countries that the model chooses among.
    pub countries: usize,
    /// Share of right first guesses when guessing at random among them.
    pub chance: f64,
    /// Number of those countries that the pictures show.
    pub countries_in_data: usize,
    /// Number of distinct places.
    pub places: usize,
    /// Number of pictures.
    pub images: usize,
    /// Pictures that no figure counts.
    pub left_out: LeftOut,
    /// Said where only some of the pictures were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// How many of the pictures are of files that are cut short or damaged; they count as they are shown.
    pub damaged: usize,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Their 95 % intervals over places.
    pub intervals: Option<Intervals>,
    /// F1, precision, recall and support by country code.
    pub per_country: BTreeMap<String, CountryFigures>,
    /// Pictures and top-1 by source.
    pub per_source: BTreeMap<String, SourceFigures>,
    /// The model's countries, in the order of [`Evaluation::confusion`].
    pub confusion_countries: Vec<String>,
    /// Pictures by true country (row) and first guess (column).
    pub confusion: Vec<Vec<usize>>,
    /// Confidence against accuracy, in the bins of the calibration error.
    pub reliability: Vec<ReliabilityBin>,
    /// Time of all of it, in seconds.
    pub seconds: f64,
}

/// One source's figures: a score that only one source carries is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SourceFigures {
    /// Number of its pictures.
    pub images: usize,
    /// Share of right first guesses.
    pub top1: f64,
    /// Share of pictures whose country is among the first five.
    pub top5: f64,
}

/// Ranks every picture of `data` and measures. `watch` hears of pictures done and pictures in all.
///
/// # Errors
/// [`EvaluateError`]; an unreadable picture is not one, it is counted in [`LeftOut`].
pub fn evaluate(
    classifier: &mut Classifier,
    data: &Dataset,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Evaluation, EvaluateError> {
    let answers = predict(std::slice::from_mut(classifier), data, options, watch)?;
    Ok(answers[0].evaluation(options))
}

impl Predictions {
    /// The rows held against their labels. Places are numbered in the order they come.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut places = HashMap::new();
        let outcome = |row: &Prediction| {
            let next = places.len();
            let place = *places.entry(row.place.clone()).or_insert(next);
            Outcome::new(&row.probabilities, row.label, place)
        };
        self.rows.iter().map(outcome).collect()
    }

    /// The figures.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn evaluation(&self, options: &Options) -> Evaluation {
        let (n, outcomes) = (self.countries.len(), self.outcomes());
        let by_number = per_country(&outcomes, n);
        Evaluation {
            model: self.model.clone(),
            engine: self.engine.clone(),
            device: self.device.clone(),
            data: self.data.clone(),
            countries: n,
            chance: 1.0 / n as f64,
            countries_in_data: by_number.len(),
            places: outcomes.iter().map(|o| o.place).collect::<BTreeSet<_>>().len(),
            images: outcomes.len(),
            left_out: self.left_out.clone(),
            limit: self.limit,
            damaged: self.damaged,
            figures: figures(&outcomes, n),
            intervals: intervals(&outcomes, n, options.replicates, options.seed),
            per_country: by_number.into_iter().map(|(c, f)| (self.countries[c].clone(), f)).collect(),
            per_source: self.per_source(&outcomes),
            confusion_countries: self.countries.clone(),
            confusion: confusion(&outcomes, n),
            reliability: reliability(&outcomes),
            seconds: self.seconds,
        }
    }

    fn per_source(&self, outcomes: &[Outcome]) -> BTreeMap<String, SourceFigures> {
        let mut groups = BTreeMap::<&str, Vec<Outcome>>::new();
        for (row, outcome) in self.rows.iter().zip(outcomes) {
            groups.entry(&row.source).or_default().push(*outcome);
        }
        let measure = |(source, group): (&str, Vec<Outcome>)| {
            let found = figures(&group, self.countries.len());
            (source.to_owned(), SourceFigures { images: group.len(), top1: found.top1, top5: found.top5 })
        };
        groups.into_iter().filter(|(source, _)| !source.is_empty()).map(measure).collect()
    }
}
