//! Pictures on which models differ.

use std::path::PathBuf;

use serde::Serialize;

use crate::evaluate::Predictions;

/// What one model says of a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// The model.
    pub model: String,
    /// The country it guesses first.
    pub country: String,
    /// The probability it gives that country.
    pub p: f32,
    /// The probability it gives the true country.
    pub p_true: f32,
    /// Whether the guess is right.
    pub right: bool,
}

/// A picture on which first guesses differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// The picture's file.
    pub file: PathBuf,
    /// Its true country.
    pub country: String,
    /// Its place.
    pub place: String,
    /// Its source; empty where nothing is said.
    pub source: String,
    /// The highest probability that a model gives a wrong first guess.
    pub wrong_confidence: f32,
    /// What each model says, in the order of the comparison.
    pub said: Vec<Said>,
}

/// The pictures on which the first guesses differ, the most confident error first; equal ones in the data set's order.
#[must_use]
pub fn disagreements(answers: &[Predictions]) -> Vec<Disagreement> {
    let rows = answers.iter().map(|one| one.rows.len()).min().unwrap_or(0);
    let mut found: Vec<Disagreement> = (0..rows).filter_map(|i| disagreement(answers, i)).collect();
    found.sort_by(|a, b| b.wrong_confidence.total_cmp(&a.wrong_confidence));
    found
}

fn disagreement(answers: &[Predictions], i: usize) -> Option<Disagreement> {
    let said: Vec<Said> = answers
        .iter()
        .map(|one| {
            let row = &one.rows[i];
            Said {
                model: one.model.clone(),
                country: one.countries[row.guess].clone(),
                p: row.confidence(),
                p_true: row.probabilities[row.label],
                right: row.is_right(),
            }
        })
        .collect();
    if said.windows(2).all(|two| two[0].country == two[1].country) {
        return None;
    }
    let row = &answers[0].rows[i];
    Some(Disagreement {
        file: row.file.clone(),
        country: row.country.clone(),
        place: row.place.clone(),
        source: row.source.clone(),
        wrong_confidence: said.iter().filter(|one| !one.right).map(|one| one.p).fold(0.0, f32::max),
        said,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evaluate::{LeftOut, Prediction};

    /// A model of three countries that says `guesses` of pictures with `labels`, surer with every picture.
    #[allow(clippy::cast_precision_loss)]
    pub(in super::super) fn answers(
        model: &str,
        labels: &[usize],
        guesses: &[usize],
        places: &[&str],
    ) -> Predictions {
        let countries = ["AU", "BR", "JP"].map(str::to_owned).to_vec();
        let row = |(i, (&label, &guess)): (usize, (&usize, &usize))| {
            let confidence = 0.5 + 0.4 * (i as f32 + 1.0) / labels.len() as f32;
            let mut probabilities = vec![(1.0 - confidence) / 2.0; 3];
            probabilities[guess] = confidence;
            Prediction {
                file: format!("{i}.jpg").into(),
                country: countries[label].clone(),
                place: places[i].to_owned(),
                source: String::new(),
                probabilities,
                logits: vec![0.0; 3],
                label,
                guess,
                rank: usize::from(guess != label),
                ms: 1.0 + i as f64,
            }
        };
        let rows = labels.iter().zip(guesses).enumerate().map(row).collect();
        Predictions {
            model: model.to_owned(),
            engine: "none".to_owned(),
            device: "cpu".to_owned(),
            data: "data".to_owned(),
            countries,
            rows,
            left_out: LeftOut::default(),
            limit: None,
            damaged: 0,
            seconds: 1.0,
        }
    }

    #[test]
    fn pictures_that_differ_are_listed_the_surest_error_first() {
        let places = ["p", "q", "r", "s"];
        let all = [
            answers("a", &[0, 1, 2, 0], &[0, 1, 1, 1], &places),
            answers("b", &[0, 1, 2, 0], &[1, 1, 2, 2], &places),
        ];
        let found = disagreements(&all);
        let files: Vec<&str> = found.iter().map(|one| one.file.to_str().unwrap()).collect();
        // Picture 1 is the same to both; 3 is the surest error, then 2, then 0.
        assert_eq!(files, ["3.jpg", "2.jpg", "0.jpg"]);
        assert_eq!((found[1].said[0].country.as_str(), found[1].said[1].country.as_str()), ("BR", "JP"));
        assert!(found[1].said[1].right && !found[1].said[0].right);
        assert!((found[2].wrong_confidence - 0.6).abs() < 1e-6);
        assert!((found[2].said[1].p_true - 0.2).abs() < 1e-6);
    }
}
