//! Figures of rankings whose answer is known. The trainer's `metrics.py` computes the same.

use std::collections::BTreeMap;

use serde::Serialize;

/// Bins of the expected calibration error (Guo et al. 2017).
pub const ECE_BINS: usize = 15;

/// One picture's ranking held against its label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Number of the true country.
    pub label: usize,
    /// Number of the country guessed first.
    pub guess: usize,
    /// Rank of the true country, 0 is first.
    pub rank: usize,
    /// Calibrated probability of the first guess, 0 to 1.
    pub confidence: f64,
    /// Number of the place.
    pub place: usize,
}

impl Outcome {
    /// Ranks `probabilities` (one a country). Equal ones are in the order of the countries, so that a model that
    /// says the same of all is not right; NaN stands behind every number. The trainer ranks the same way
    /// (`tests/golden/figures.json`).
    ///
    /// # Panics
    /// When `label` is not below the number of probabilities.
    #[must_use]
    pub fn new(probabilities: &[f32], label: usize, place: usize) -> Self {
        let score = |i: usize| if probabilities[i].is_nan() { f32::NEG_INFINITY } else { probabilities[i] };
        let before = |a: usize, b: usize| score(a) > score(b) || (score(a) >= score(b) && a < b);
        let all = 0..probabilities.len();
        let guess = all.clone().fold(0, |best, i| if before(i, best) { i } else { best });
        let rank = all.filter(|i| before(*i, label)).count();
        Self { label, guess, rank, confidence: f64::from(probabilities[guess]), place }
    }
}

/// The figures of one set of outcomes, each a share between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Share of pictures whose country is guessed first.
    pub top1: f64,
    /// Share of pictures whose country is among the first three.
    pub top3: f64,
    /// Share of pictures whose country is among the first five.
    pub top5: f64,
    /// Mean over the countries present of their own top-1, so that a common country does not count more.
    pub balanced_top1: f64,
    /// The same for the first three.
    pub balanced_top3: f64,
    /// The same for the first five.
    pub balanced_top5: f64,
    /// Mean of F1 over the countries present among the labels.
    pub macro_f1: f64,
    /// Expected calibration error of the first guess over [`ECE_BINS`] bins of equal width.
    pub ece: f64,
}

/// One country's figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CountryFigures {
    /// Harmonic mean of precision and recall; 0 when it was never guessed rightly.
    pub f1: f64,
    /// Share of the guesses of this country that are right; 0 when it was never guessed.
    pub precision: f64,
    /// Share of its pictures that were guessed.
    pub recall: f64,
    /// Number of its pictures.
    pub support: usize,
}

/// All figures over `countries` classes; zeros for no outcome at all.
#[must_use]
pub fn figures(outcomes: &[Outcome], countries: usize) -> Figures {
    if outcomes.is_empty() {
        return Figures::default();
    }
    let share = |k: usize| ratio(outcomes.iter().filter(|o| o.rank < k).count(), outcomes.len());
    let balanced = |k: usize| balanced(outcomes, countries, k);
    Figures {
        top1: share(1),
        top3: share(3),
        top5: share(5),
        balanced_top1: balanced(1),
        balanced_top3: balanced(3),
        balanced_top5: balanced(5),
        macro_f1: macro_f1(outcomes, countries),
        ece: ece(outcomes),
    }
}

/// F1, precision, recall and support of every country present among the labels, by its number.
#[must_use]
pub fn per_country(outcomes: &[Outcome], countries: usize) -> BTreeMap<usize, CountryFigures> {
    let (mut hits, mut guessed, mut support) = (vec![0; countries], vec![0; countries], vec![0; countries]);
    for outcome in outcomes {
        support[outcome.label] += 1;
        guessed[outcome.guess] += 1;
        hits[outcome.label] += usize::from(outcome.guess == outcome.label);
    }
    (0..countries)
        .filter(|country| support[*country] > 0)
        .map(|c| {
            let figures = CountryFigures {
                f1: ratio(2 * hits[c], guessed[c] + support[c]),
                precision: ratio(hits[c], guessed[c]),
                recall: ratio(hits[c], support[c]),
                support: support[c],
            };
            (c, figures)
        })
        .collect()
}

/// Pictures by true country (row) and first guess (column).
#[must_use]
pub fn confusion(outcomes: &[Outcome], countries: usize) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; countries]; countries];
    for outcome in outcomes {
        table[outcome.label][outcome.guess] += 1;
    }
    table
}

/// Mean of F1 over the countries present among the labels.
pub(crate) fn macro_f1(outcomes: &[Outcome], countries: usize) -> f64 {
    let scores = per_country(outcomes, countries);
    mean(scores.values().map(|figures| figures.f1))
}

fn balanced(outcomes: &[Outcome], countries: usize, k: usize) -> f64 {
    let (mut right, mut all) = (vec![0; countries], vec![0; countries]);
    for outcome in outcomes {
        all[outcome.label] += 1;
        right[outcome.label] += usize::from(outcome.rank < k);
    }
    mean(right.iter().zip(&all).filter(|(_, all)| **all > 0).map(|(right, all)| ratio(*right, *all)))
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower bound of the confidences in it; the upper one is that of the next, or 1.
    pub from: f64,
    /// Number of pictures.
    pub images: usize,
    /// Mean confidence of their first guesses; 0 for an empty bin.
    pub confidence: f64,
    /// Share of them that are right; 0 for an empty bin.
    pub accuracy: f64,
}

/// First guesses by confidence, in [`ECE_BINS`] bins of equal width: the calibration error is the mean distance
/// between confidence and accuracy, weighted by the pictures.
#[must_use]
pub fn reliability(outcomes: &[Outcome]) -> Vec<ReliabilityBin> {
    let bin = |(i, (images, right, confidence)): (usize, (usize, usize, f64))| ReliabilityBin {
        from: float(i) / float(ECE_BINS),
        images,
        confidence: if images == 0 { 0.0 } else { confidence / float(images) },
        accuracy: ratio(right, images),
    };
    bins(outcomes).into_iter().enumerate().map(bin).collect()
}

/// Mean distance between confidence and accuracy, each bin weighted by its pictures (Guo et al. 2017).
fn ece(outcomes: &[Outcome]) -> f64 {
    let gap = |(_, right, confidence): &(usize, usize, f64)| (confidence - float(*right)).abs();
    bins(outcomes).iter().map(gap).sum::<f64>() / float(outcomes.len())
}

/// Pictures, right ones, and the sum of their confidences, by bin.
fn bins(outcomes: &[Outcome]) -> [(usize, usize, f64); ECE_BINS] {
    let mut bins = [(0_usize, 0_usize, 0.0_f64); ECE_BINS];
    for outcome in outcomes {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let bin = ((outcome.confidence * ECE_BINS as f64) as usize).min(ECE_BINS - 1);
        let (count, right, confidence) = &mut bins[bin];
        *count += 1;
        *right += usize::from(outcome.guess == outcome.label);
        *confidence += outcome.confidence;
    }
    bins
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / float(count) }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[allow(clippy::cast_precision_loss)]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    /// Six pictures of three countries: label, guess, rank, confidence.
    fn example() -> Vec<Outcome> {
        [(0, 0, 0, 0.9), (0, 1, 1, 0.6), (0, 0, 0, 0.5), (1, 1, 0, 0.9), (1, 2, 2, 0.4), (2, 2, 0, 0.8)]
            .iter()
            .enumerate()
            .map(|(place, &(label, guess, rank, confidence))| Outcome {
                label,
                guess,
                rank,
                confidence,
                place,
            })
            .collect()
    }

    #[test]
    fn the_figures_are_those_computed_by_hand() {
        let found = figures(&example(), 4);
        near(found.top1, 4.0 / 6.0);
        near(found.top3, 1.0);
        near(found.balanced_top1, (2.0 / 3.0 + 1.0 / 2.0 + 1.0) / 3.0);
        // F1: country 0: 2·2/(2+3), country 1: 2·1/(2+2), country 2: 2·1/(2+1); country 3 is not present.
        near(found.macro_f1, (0.8 + 0.5 + 2.0 / 3.0) / 3.0);
        // Bins of 15: 0.9 twice (both right), 0.6 (wrong), 0.5 (right), 0.4 (wrong), 0.8 (right).
        near(found.ece, ((1.8_f64 - 2.0).abs() + 0.6 + 0.5 + 0.4 + 0.2) / 6.0);
        assert_eq!(figures(&[], 4), Figures::default());
    }

    #[test]
    fn per_country_and_confusion_count_the_same_pictures() {
        let countries = per_country(&example(), 4);
        assert_eq!(countries.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
        near(countries[&0].precision, 1.0);
        near(countries[&0].recall, 2.0 / 3.0);
        near(countries[&2].precision, 0.5);
        assert_eq!(countries[&1].support, 2);
        assert_eq!(
            confusion(&example(), 3),
            [vec![2, 1, 0], vec![0, 1, 1], vec![0, 0, 1]].map(|row: Vec<usize>| row)
        );
    }

    #[test]
    fn the_calibration_error_is_that_of_the_reliability_bins() {
        let (bins, all) = (reliability(&example()), example());
        assert_eq!((bins.len(), bins.iter().map(|bin| bin.images).sum::<usize>()), (ECE_BINS, 6));
        let gap = |bin: &ReliabilityBin| (bin.confidence - bin.accuracy).abs() * float(bin.images);
        near(bins.iter().map(gap).sum::<f64>() / 6.0, figures(&all, 4).ece);
        // Both of 0.9 are in bin 13, from 13/15 on, and right.
        near(bins[13].from, 13.0 / 15.0);
        assert_eq!((bins[13].images, bins[13].accuracy, bins[0].images), (2, 1.0, 0));
        near(bins[13].confidence, 0.9);
    }

    #[test]
    fn the_golden_scores_give_the_golden_figures_in_this_language_too() {
        let text = include_str!("../../tests/golden/figures.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let numbers = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
            let scores: Vec<Vec<Option<f32>>> = serde_json::from_value(case["scores"].clone()).unwrap();
            let rows = scores.iter().zip(numbers("labels")).enumerate();
            let outcomes: Vec<Outcome> = rows
                .map(|(place, (row, label))| {
                    let row: Vec<f32> = row.iter().map(|score| score.unwrap_or(f32::NAN)).collect();
                    Outcome::new(&row, label, place)
                })
                .collect();
            let name = &case["name"];
            assert_eq!(outcomes.iter().map(|o| o.rank).collect::<Vec<_>>(), numbers("ranks"), "{name}");
            assert_eq!(outcomes.iter().map(|o| o.guess).collect::<Vec<_>>(), numbers("guesses"), "{name}");
            let found = serde_json::to_value(figures(&outcomes, scores[0].len())).unwrap();
            for (key, expected) in case["figures"].as_object().into_iter().flatten() {
                near(found[key].as_f64().unwrap(), expected.as_f64().unwrap());
            }
        }
    }

    #[test]
    fn a_tie_does_not_make_a_model_right() {
        let flat = [0.25; 4];
        let ranks: Vec<usize> = (0..4).map(|label| Outcome::new(&flat, label, 0).rank).collect();
        assert_eq!(ranks, [0, 1, 2, 3]);
        let outcome = Outcome::new(&[0.1, 0.6, 0.3], 2, 7);
        assert_eq!((outcome.guess, outcome.rank, outcome.place), (1, 1, 7));
    }
}
