//! Whether one model is better than another, or luckier.
//!
//! Two tests of the same question, whether both models are right equally often:
//!
//! - McNemar's exact test over pictures (McNemar 1947): of the pictures that only one of the two has right, each model
//!   has half by chance. It takes pictures for independent, which views of one place are not, so it is too sure of
//!   itself where places have several.
//! - The exact sign-flip test over places (Fisher 1935): of every place, the difference of right pictures could as well
//!   be the other way round. With one picture a place it is McNemar's. **This is the one that the verdict rests on.**
//!
//! With more than one pair, p is corrected by Holm's method (1979).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluate::metrics::{Outcome, macro_f1};
use crate::evaluate::{Interval, Options, Predictions, SplitMix, percentiles};

/// Below this, corrected for the number of pairs, a difference is called one.
pub const LEVEL: f64 = 0.05;

/// Two models, tested on the same pictures. Differences are `b` minus `a`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The first model.
    pub a: String,
    /// The second model.
    pub b: String,
    /// Pictures that both have right.
    pub both_right: usize,
    /// Pictures that only `a` has right.
    pub only_a_right: usize,
    /// Pictures that only `b` has right.
    pub only_b_right: usize,
    /// Pictures that neither has right.
    pub neither_right: usize,
    /// McNemar's exact p, over pictures.
    pub mcnemar_p: f64,
    /// Places.
    pub places: usize,
    /// Places where one has more pictures right than the other.
    pub places_apart: usize,
    /// The sign-flip test's exact p, over places.
    pub place_p: f64,
    /// The same, corrected for the number of pairs; the verdict rests on it.
    pub place_p_corrected: f64,
    /// Difference of the shares of right first guesses.
    pub top1_difference: f64,
    /// Its 95 % bootstrap interval over places.
    pub top1_interval: Option<Interval>,
    /// Difference of macro-F1.
    pub macro_f1_difference: f64,
    /// Its 95 % bootstrap interval over places.
    pub macro_f1_interval: Option<Interval>,
    /// The better model, where the difference is more than noise.
    pub better: Option<String>,
    /// All of it as a sentence.
    pub sentence: String,
}

/// McNemar's exact two-sided p: twice the binomial tail of `min(b, c)` among `b + c` at one half, at most 1.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn mcnemar(b: usize, c: usize) -> f64 {
    let n = b + c;
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = log_term.exp();
    for k in 1..=b.min(c) {
        log_term += ((n - k + 1) as f64 / k as f64).ln();
        tail += log_term.exp();
    }
    (2.0 * tail).min(1.0)
}

/// The exact two-sided p of the sum of `differences` when each could as well have the other sign.
#[must_use]
pub fn sign_flip(differences: &[i64]) -> f64 {
    let sizes: Vec<usize> = differences
        .iter()
        .filter_map(|d| usize::try_from(d.unsigned_abs()).ok())
        .filter(|size| *size > 0)
        .collect();
    let reach: usize = sizes.iter().sum();
    // Probability of every sum from −reach to reach; one step spreads it by a place's difference.
    let mut law = vec![0.0_f64; 2 * reach + 1];
    law[reach] = 1.0;
    let mut spread = 0;
    for size in sizes {
        let mut next = vec![0.0; law.len()];
        for at in reach - spread..=reach + spread {
            next[at - size] += law[at] / 2.0;
            next[at + size] += law[at] / 2.0;
        }
        spread += size;
        law = next;
    }
    let seen = usize::try_from(differences.iter().sum::<i64>().unsigned_abs()).unwrap_or(reach);
    if seen == 0 {
        return 1.0;
    }
    let tails: f64 = law[..=reach - seen].iter().chain(&law[reach + seen..]).sum();
    tails.min(1.0)
}

/// Every pair of models, in their order.
#[must_use]
pub fn pairs(answers: &[Predictions], options: &Options) -> Vec<Pair> {
    let mut all = Vec::new();
    for (i, a) in answers.iter().enumerate() {
        all.extend(answers[i + 1..].iter().map(|b| pair(a, b, options)));
    }
    let corrected = holm(&all.iter().map(|pair| pair.place_p).collect::<Vec<_>>());
    let many = all.len() > 1;
    for (pair, p) in all.iter_mut().zip(corrected) {
        pair.place_p_corrected = p;
        if p < LEVEL {
            let ahead = if pair.top1_difference > 0.0 { &pair.b } else { &pair.a };
            pair.better = Some(ahead.clone());
        }
        pair.sentence = sentence(pair, many);
    }
    all
}

/// Holm's step-down correction, in the order given.
fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let (mut corrected, mut highest) = (vec![1.0; values.len()], 0.0_f64);
    for (rank, i) in order.into_iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let left = (values.len() - rank) as f64;
        highest = highest.max((values[i] * left).min(1.0));
        corrected[i] = highest;
    }
    corrected
}

#[allow(clippy::cast_precision_loss)]
fn pair(a: &Predictions, b: &Predictions, options: &Options) -> Pair {
    let mut counts = [[0_usize; 2]; 2];
    let mut by_place = BTreeMap::<&str, i64>::new();
    for (one, two) in a.rows.iter().zip(&b.rows) {
        let (right_a, right_b) = (one.is_right(), two.is_right());
        counts[usize::from(right_a)][usize::from(right_b)] += 1;
        *by_place.entry(&one.place).or_default() += i64::from(right_b) - i64::from(right_a);
    }
    let differences: Vec<i64> = by_place.values().copied().collect();
    let n = a.rows.len().max(1) as f64;
    let (only_a, only_b) = (counts[1][0], counts[0][1]);
    let boot = bootstrap(a, b, options);
    let place_p = sign_flip(&differences);
    Pair {
        a: a.model.clone(),
        b: b.model.clone(),
        both_right: counts[1][1],
        only_a_right: only_a,
        only_b_right: only_b,
        neither_right: counts[0][0],
        mcnemar_p: mcnemar(only_a, only_b),
        places: differences.len(),
        places_apart: differences.iter().filter(|d| **d != 0).count(),
        place_p,
        place_p_corrected: place_p,
        top1_difference: (only_b as f64 - only_a as f64) / n,
        top1_interval: boot.map(|(top1, _)| top1),
        macro_f1_difference: f1(b) - f1(a),
        macro_f1_interval: boot.map(|(_, f1)| f1),
        better: None,
        sentence: String::new(),
    }
}

fn f1(answers: &Predictions) -> f64 {
    macro_f1(&answers.outcomes(), answers.countries.len())
}

/// Intervals of the differences of top-1 and macro-F1: the same places are drawn for both models.
#[allow(clippy::cast_precision_loss)]
fn bootstrap(a: &Predictions, b: &Predictions, options: &Options) -> Option<(Interval, Interval)> {
    let (first, second) = (a.outcomes(), b.outcomes());
    let mut places = BTreeMap::<usize, Vec<usize>>::new();
    for (i, outcome) in first.iter().enumerate() {
        places.entry(outcome.place).or_default().push(i);
    }
    let places: Vec<Vec<usize>> = places.into_values().collect();
    if places.len() < 2 || options.replicates == 0 {
        return None;
    }
    let mut random = SplitMix(options.seed);
    let right = |outcomes: &[Outcome]| outcomes.iter().filter(|o| o.rank == 0).count() as f64;
    let draw = |_| {
        let drawn: Vec<usize> =
            (0..places.len()).flat_map(|_| places[random.below(places.len())].iter().copied()).collect();
        let of = |outcomes: &[Outcome]| drawn.iter().map(|i| outcomes[*i]).collect::<Vec<Outcome>>();
        let (one, two) = (of(&first), of(&second));
        let top1 = (right(&two) - right(&one)) / drawn.len() as f64;
        (top1, macro_f1(&two, b.countries.len()) - macro_f1(&one, a.countries.len()))
    };
    let (top1, f1): (Vec<f64>, Vec<f64>) = (0..options.replicates).map(draw).unzip();
    Some((percentiles(top1), percentiles(f1)))
}

fn sentence(pair: &Pair, many: bool) -> String {
    let verdict = match &pair.better {
        Some(better) => format!("{better} is better"),
        None => "No difference beyond noise".to_owned(),
    };
    let interval = pair
        .top1_interval
        .map_or_else(String::new, |[low, high]| format!(" ({:+.1} to {:+.1})", low * 100.0, high * 100.0));
    format!(
        "{verdict}: {} is right on {} pictures where {} is wrong, {} the other way; top-1 {:+.1} points{interval}, over {} places p = {}{}.",
        pair.b,
        pair.only_b_right,
        pair.a,
        pair.only_a_right,
        pair.top1_difference * 100.0,
        pair.places,
        p_value(pair.place_p_corrected),
        if many { ", corrected for the number of pairs" } else { "" },
    )
}

/// A p value for people: three decimals, or that it is below 0.001.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::super::disagree::tests::answers;
    use super::*;

    /// Values of R: `binom.test(b, b + c)$p.value`.
    #[test]
    fn mcnemar_is_the_exact_binomial_test() {
        for (b, c, p) in [
            (10, 2, 0.038_574_218_75),
            (2, 10, 0.038_574_218_75),
            (1, 8, 0.0390625),
            (6, 0, 0.03125),
            (7, 7, 1.0),
            (0, 0, 1.0),
        ] {
            assert!((mcnemar(b, c) - p).abs() < 1e-9, "{b} {c}: {}", mcnemar(b, c));
        }
        // The normal approximation for 1100 against 1000: z = 99/√2100 with the correction, p = 0.0308.
        assert!((mcnemar(1100, 1000) - 0.0308).abs() < 2e-3, "{}", mcnemar(1100, 1000));
    }

    #[test]
    fn the_sign_flip_test_is_mcnemars_where_a_place_has_one_picture() {
        for (b, c) in [(10, 2), (3, 3), (0, 7), (31, 12)] {
            let mut differences = vec![1_i64; b];
            differences.extend(vec![-1; c]);
            differences.extend([0, 0, 0]);
            assert!((sign_flip(&differences) - mcnemar(b, c)).abs() < 1e-9, "{b} {c}");
        }
        // Sums of ±3 ±1: 4, 2, −2, −4. Two of four are at least 4 away from zero, all at least 2.
        assert!((sign_flip(&[3, 1]) - 0.5).abs() < 1e-12);
        assert!((sign_flip(&[3, -1]) - 1.0).abs() < 1e-12);
        assert!((sign_flip(&[]) - 1.0).abs() < 1e-12);
    }

    /// Twelve views of one place are one piece of evidence, not twelve.
    #[test]
    fn views_of_one_place_do_not_make_a_difference() {
        let (wrong, right) = (vec![1_usize; 12], vec![0_usize; 12]);
        let one_place = vec!["same"; 12];
        let many_places: Vec<String> = (0..12).map(|i| i.to_string()).collect();
        let test = |places: &[&str]| {
            let rows = [answers("a", &[0; 12], &wrong, places), answers("b", &[0; 12], &right, places)];
            pairs(&rows, &Options { replicates: 50, ..Options::default() }).remove(0)
        };
        let clustered = test(&one_place);
        assert!(clustered.mcnemar_p < 0.001 && clustered.place_p == 1.0 && clustered.better.is_none());
        assert!(clustered.sentence.starts_with("No difference beyond noise"), "{}", clustered.sentence);
        let spread = test(&many_places.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((spread.better.as_deref(), spread.only_b_right), (Some("b"), 12));
        assert_eq!(spread.top1_interval, Some([1.0, 1.0]));
        assert!(spread.sentence.contains("b is right on 12 pictures"), "{}", spread.sentence);
    }

    #[test]
    fn holm_multiplies_the_smallest_by_the_number_of_pairs() {
        let corrected = holm(&[0.01, 0.04, 0.03]);
        for (have, want) in corrected.iter().zip([0.03, 0.06, 0.06]) {
            assert!((have - want).abs() < 1e-12, "{corrected:?}");
        }
    }
}
