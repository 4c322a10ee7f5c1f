//! Models side by side: on one picture, and on a data set, with tests so that noise is not called progress.
//!
//! All models of a comparison answer for the same pictures: those whose country every one of them knows, whose label
//! was recorded, and that can be read. Each model chooses among its own countries, as in
//! [`evaluate`](crate::evaluate::evaluate()). The figures are exactly those of `evaluate` with `known_to` set to the
//! countries they share ([`Comparison::common`]), since both are made by the same code from the same predictions.

mod disagree;
mod html;
mod picture;
mod report;
mod significance;
mod tables;

pub mod charts;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::base::progress::Watch;
use crate::dataset::Dataset;
use crate::evaluate::{EvaluateError, Evaluation, Latency, Options, Predictions, predict};
use crate::model::Classifier;

pub use disagree::{Disagreement, Said, disagreements};
pub use picture::{Look, Looks, look};
pub use report::{Report, ReportError};
pub use significance::{Pair, mcnemar, pairs, sign_flip};
pub use tables::{Table, tables};

/// Fewest and most models that are compared at once.
pub const MODELS: std::ops::RangeInclusive<usize> = 2..=6;

/// One model of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// Its figures on the common pictures.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Time from pixels to probabilities, one picture at a time, while the others wait.
    pub latency: Latency,
    /// Whether no other model has a higher macro-F1 at a lower or equal median time.
    pub pareto: bool,
    /// Top-1 on places held out, by the model's own card; none where the card has no figures.
    pub card_top1: Option<f32>,
}

/// By how much a model's top-1 must be above its card's to be doubted.
const DOUBT: f64 = 0.15;

impl Compared {
    /// A warning where the figures are far above what the model's own card promises for places it never saw: then these
    /// pictures, or others of these places, were most likely trained on, and a verdict on them says little.
    #[must_use]
    pub fn flattered(&self) -> Option<String> {
        let (card, found) = (f64::from(self.card_top1?), &self.evaluation);
        let low = found.intervals.map_or(found.figures.top1, |intervals| intervals.top1[0]);
        (low > card + DOUBT).then(|| {
            format!(
                "{}: top-1 is {:.1} % here and {:.1} % on held-out places by its card, so it was most likely trained on these \
                 pictures; its figures flatter, and tests with it say little",
                found.model,
                found.figures.top1 * 100.0,
                card * 100.0
            )
        })
    }
}

/// Two to six models on the same pictures.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The models, in the order they were named.
    pub models: Vec<Compared>,
    /// Countries that all of them know.
    pub common: BTreeSet<String>,
    /// Every pair of models, tested.
    pub pairs: Vec<Pair>,
    /// Pictures where first guesses differ, the most confident error first.
    pub disagreements: Vec<Disagreement>,
    /// Pictures on which all first guesses are the same.
    pub agreed: usize,
    /// Those of them that are right.
    pub agreed_right: usize,
    /// Pictures on which at least one model is right: what choosing the right model each time would give.
    pub any_right: usize,
}

/// Why models are not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// Too few or too many.
    #[error("{0} models were named; a comparison takes two to six")]
    Number(usize),
    /// One was named twice.
    #[error("{0} was named twice; name each model once")]
    Twice(String),
    /// The pictures could not be ranked.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// Compares models on the pictures of `data` that all of them can answer for. `watch` hears of pictures.
///
/// # Errors
/// [`CompareError`] for another number than two to six, or when a model has no figures.
pub fn compare(
    classifiers: &mut [Classifier],
    data: &Dataset,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<(Comparison, Vec<Predictions>), CompareError> {
    if !MODELS.contains(&classifiers.len()) {
        return Err(CompareError::Number(classifiers.len()));
    }
    let ids: Vec<&str> = classifiers.iter().map(|one| one.manifest().id.as_str()).collect();
    if let Some(i) = (1..ids.len()).find(|i| ids[..*i].contains(&ids[*i])) {
        return Err(CompareError::Twice(ids[i].to_owned()));
    }
    let answers = predict(classifiers, data, options, watch)?;
    let mut found = Comparison::of(&answers, options);
    for (model, classifier) in found.models.iter_mut().zip(classifiers.iter()) {
        let card = &classifier.manifest().metrics;
        model.card_top1 = (card.images > 0).then_some(card.top1);
    }
    Ok((found, answers))
}

impl Comparison {
    /// Compares predictions of the same pictures in the same order, as [`predict`] gives them.
    #[must_use]
    pub fn of(answers: &[Predictions], options: &Options) -> Self {
        let mut models: Vec<Compared> = answers.iter().map(|one| compared(one, options)).collect();
        let points: Vec<(f64, f64)> =
            models.iter().map(|m| (m.latency.median_ms, m.evaluation.figures.macro_f1)).collect();
        for (model, best) in models.iter_mut().zip(pareto(&points)) {
            model.pareto = best;
        }
        let mut common = BTreeSet::new();
        if let Some((first, rest)) = answers.split_first() {
            let everywhere = |code: &&String| rest.iter().all(|one| one.countries.contains(code));
            common.extend(first.countries.iter().filter(everywhere).cloned());
        }
        let disagreements = disagreements(answers);
        let rows = answers.first().map_or(0, |one| one.rows.len());
        let right = |i: usize| answers.iter().filter(|one| one.rows[i].is_right()).count();
        Self {
            models,
            common,
            pairs: pairs(answers, options),
            agreed: rows - disagreements.len(),
            disagreements,
            agreed_right: (0..rows).filter(|i| right(*i) == answers.len()).count(),
            any_right: (0..rows).filter(|i| right(*i) > 0).count(),
        }
    }
}

fn compared(answers: &Predictions, options: &Options) -> Compared {
    let times: Vec<f64> = answers.rows.iter().map(|row| row.ms).collect();
    Compared {
        evaluation: answers.evaluation(options),
        latency: Latency::of(&times),
        pareto: false,
        card_top1: None,
    }
}

/// Which of the points (cost, gain) no other one beats: none has at least its gain at no more cost and is better in
/// one of the two.
#[must_use]
pub fn pareto(points: &[(f64, f64)]) -> Vec<bool> {
    let beaten = |(cost, gain): &(f64, f64)| {
        points.iter().any(|(c, g)| c <= cost && g >= gain && (c < cost || g > gain))
    };
    points.iter().map(|point| !beaten(point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_far_above_the_card_are_doubted() {
        let rows = disagree::tests::answers("a", &[0, 1, 2, 0], &[0, 1, 2, 0], &["p", "q", "r", "s"]);
        let mut model = compared(&rows, &Options::default());
        assert_eq!(model.flattered(), None, "no card, no doubt");
        for (card, doubted) in [(0.4, true), (0.9, false)] {
            model.card_top1 = Some(card);
            assert_eq!(model.flattered().is_some(), doubted, "{card}");
        }
    }

    #[test]
    fn the_front_holds_what_no_other_point_beats() {
        let points = [(5.0, 0.3), (70.0, 0.5), (80.0, 0.4), (5.0, 0.2), (5.0, 0.3)];
        assert_eq!(pareto(&points), [true, true, false, false, true]);
    }
}
