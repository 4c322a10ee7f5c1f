//! The pictures of a data set that a model takes for a country most.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::ExplainError;
use crate::base::progress::Watch;
use crate::dataset::{Dataset, Sample};
use crate::evaluate::{each_picture, logits_of};
use crate::model::Classifier;
use crate::ranking::softmax;

/// A picture that excites a country.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exciting {
    /// The picture's file.
    pub file: PathBuf,
    /// Its true country, which may be another.
    pub country: String,
    /// Its place.
    pub place: String,
    /// The calibrated probability of the country asked about.
    pub p: f32,
    /// Its raw logit.
    pub logit: f32,
}

/// The `top` pictures of `data` with the highest probability of `country`, at most one a place, also of countries that the
/// model does not know. Unreadable pictures are passed over.
///
/// # Errors
/// When the model does not know the country or fails, or `watch` stops.
pub fn exciting(
    classifier: &mut Classifier,
    data: &Dataset,
    country: &str,
    top: usize,
    watch: &mut Watch<'_>,
) -> Result<Vec<Exciting>, ExplainError> {
    let m = classifier.manifest();
    let number =
        m.countries.iter().position(|code| code == country).ok_or_else(|| ExplainError::Country {
            model: m.id.clone(),
            country: country.to_owned(),
            known: m.countries.join(" "),
        })?;
    let temperature = m.output.temperature;
    let samples: Vec<&Sample> = data.samples.iter().collect();
    let mut all = Vec::new();
    each_picture(&samples, watch, |sample, picture| {
        let Ok(picture) = picture else { return Ok(()) };
        let (logits, _) = logits_of(classifier, &sample.file, &picture)?;
        all.push(Exciting {
            file: sample.file.clone(),
            country: sample.country.clone(),
            place: sample.place.clone(),
            p: softmax(&logits, temperature)[number],
            logit: logits[number],
        });
        Ok(())
    })?;
    Ok(one_a_place(all, top))
}

/// The most probable first, at most one a place.
fn one_a_place(mut all: Vec<Exciting>, top: usize) -> Vec<Exciting> {
    all.sort_by(|a, b| b.p.total_cmp(&a.p).then(b.logit.total_cmp(&a.logit)));
    let mut places = BTreeSet::new();
    all.retain(|one| places.insert(one.place.clone()));
    all.truncate(top);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_listed_once_by_its_most_exciting_view() {
        let one = |file: &str, place: &str, p: f32| Exciting {
            file: file.into(),
            country: "AU".into(),
            place: place.into(),
            p,
            logit: p * 10.0,
        };
        let all = vec![one("a", "x", 0.2), one("b", "x", 0.9), one("c", "y", 0.5), one("d", "z", 0.1)];
        let files: Vec<String> =
            one_a_place(all, 2).iter().map(|one| one.file.display().to_string()).collect();
        assert_eq!(files, ["b", "c"]);
    }
}
