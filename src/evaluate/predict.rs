//! What models say of every picture of a data set, one pass over the pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::EvaluateError;
use super::metrics::Outcome;
use crate::base::progress::{Watch, step};
use crate::dataset::{Dataset, Sample};
use crate::imaging::{NotRead, Note, Picture, decode_ahead, preprocess};
use crate::model::Classifier;
use crate::ranking::softmax;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Also pictures whose label was inferred; figures on them flatter or insult for no reason.
    pub inferred: bool,
    /// Replicates of the bootstrap; 0 for no intervals.
    pub replicates: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// At most so many pictures, spread evenly over those that could be counted: picture `i · n / limit` of `n`.
    pub limit: Option<usize>,
    /// Only pictures of these countries count: those that every model of a comparison knows. None for no such bound.
    pub known_to: Option<BTreeSet<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { inferred: false, replicates: 1000, seed: 0, limit: None, known_to: None }
    }
}

/// Pictures of the data set that no figure counts, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Their country is not one that the model knows: number of pictures by code.
    pub unknown_country: BTreeMap<String, usize>,
    /// The model knows their country, another one of the comparison does not: number of pictures by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_to_others: BTreeMap<String, usize>,
    /// Their label was inferred.
    pub inferred: usize,
    /// Rows of the index, or folders, that name no picture of a country.
    #[serde(skip_serializing_if = "is_zero")]
    pub unread: usize,
    /// They could not be read: file and reason.
    pub unreadable: Vec<(String, String)>,
    /// Files beside them that are no pictures, or of formats that are not read: number by format.
    #[serde(skip_serializing_if = "NotRead::is_empty")]
    pub not_read: NotRead,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's interface
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many pictures were taken of those that could be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Pictures taken, spread evenly over the list.
    pub taken: usize,
    /// Pictures that could be counted.
    pub of: usize,
}

/// What one model says of one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The picture's file.
    pub file: PathBuf,
    /// Its true country, ISO 3166-1 alpha-2.
    pub country: String,
    /// The place it was taken at.
    pub place: String,
    /// Who published it; empty where nothing is said.
    pub source: String,
    /// Calibrated probability of every country of the model, in the manifest's order; they sum to 1.
    pub probabilities: Vec<f32>,
    /// Raw logits, in the same order.
    #[serde(skip)]
    pub logits: Vec<f32>,
    /// Number of the true country in the manifest's order.
    pub label: usize,
    /// Number of the country guessed first.
    pub guess: usize,
    /// Rank of the true country, 0 is first.
    pub rank: usize,
    /// Time from pixels to probabilities, in milliseconds.
    pub ms: f64,
}

impl Prediction {
    /// Whether the first guess is the true country.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.guess == self.label
    }

    /// Probability of the first guess.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        self.probabilities[self.guess]
    }
}

/// What one model says of all pictures that count.
#[derive(Debug, Clone, Serialize)]
pub struct Predictions {
    /// The model's identifier.
    pub model: String,
    /// The engine that ran it.
    pub engine: String,
    /// The device that ran it.
    pub device: String,
    /// The data set's folder.
    pub data: String,
    /// The model's countries, in output order.
    pub countries: Vec<String>,
    /// One a picture, in the order of the data set.
    pub rows: Vec<Prediction>,
    /// Pictures that do not count.
    pub left_out: LeftOut,
    /// Said where a limit was asked for.
    pub limit: Option<Limit>,
    /// How many of the rows are of files that are cut short or damaged.
    pub damaged: usize,
    /// Time of the whole pass, in seconds; shared by the models that ran in it.
    pub seconds: f64,
}

/// Ranks every picture of `data` that all `classifiers` can answer for, and that `options` count. Each picture is
/// decoded once. The answers have the same pictures in the same order.
///
/// # Errors
/// [`EvaluateError`]; an unreadable picture is not one, it is counted in [`LeftOut`].
pub fn predict(
    classifiers: &mut [Classifier],
    data: &Dataset,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Vec<Predictions>, EvaluateError> {
    let started = Instant::now();
    let (samples, limit) = limited(countable(data, classifiers, options), options.limit);
    let mut answers: Vec<Predictions> =
        classifiers.iter().map(|one| empty(one, classifiers, data, options, limit)).collect();
    each_picture(&samples, watch, |sample, picture| {
        let picture = match picture {
            Ok(picture) => picture,
            Err(why) => {
                let said = (sample.file.display().to_string(), why);
                answers.iter_mut().for_each(|answer| answer.left_out.unreadable.push(said.clone()));
                return Ok(());
            }
        };
        let damaged = usize::from(picture.notes.contains(&Note::Damaged));
        for (classifier, answer) in classifiers.iter_mut().zip(&mut answers) {
            answer.damaged += damaged;
            answer.rows.push(one(classifier, sample, &picture)?);
        }
        Ok(())
    })?;
    for answer in &mut answers {
        answer.seconds = started.elapsed().as_secs_f64();
        if answer.rows.is_empty() {
            return Err(nothing(answer, data));
        }
    }
    Ok(answers)
}

/// Decodes the pictures ahead and hands each, or why it cannot be read, to `each`.
pub(crate) fn each_picture(
    samples: &[&Sample],
    watch: &mut Watch<'_>,
    mut each: impl FnMut(&Sample, Result<Picture, String>) -> Result<(), EvaluateError>,
) -> Result<(), EvaluateError> {
    let files: Vec<&PathBuf> = samples.iter().map(|sample| &sample.file).collect();
    let mut done = 0;
    decode_ahead(&files, |(_, picture)| {
        let sample = samples[done];
        done += 1;
        step(watch, "pictures", done, samples.len())?;
        each(sample, picture.map_err(|why| why.to_string()))
    })
}

/// Raw logits of a picture, and the milliseconds from pixels to them.
pub(crate) fn logits_of(
    classifier: &mut Classifier,
    file: &Path,
    picture: &Picture,
) -> Result<(Vec<f32>, f64), EvaluateError> {
    let started = Instant::now();
    let m = classifier.manifest();
    let prepared = preprocess(&picture.pixels, &m.preprocess, m.input.size)?;
    let logits = classifier.logits(&prepared.tensor)?;
    if !logits.iter().all(|value| value.is_finite()) {
        let model = classifier.manifest().id.clone();
        return Err(EvaluateError::NotFinite { model, file: file.display().to_string() });
    }
    Ok((logits, started.elapsed().as_secs_f64() * 1e3))
}

fn one(classifier: &mut Classifier, sample: &Sample, picture: &Picture) -> Result<Prediction, EvaluateError> {
    let (logits, ms) = logits_of(classifier, &sample.file, picture)?;
    let m = classifier.manifest();
    let probabilities = softmax(&logits, m.output.temperature);
    let label = m.countries.iter().position(|code| *code == sample.country).unwrap_or_default();
    let outcome = Outcome::new(&probabilities, label, 0);
    Ok(Prediction {
        file: sample.file.clone(),
        country: sample.country.clone(),
        place: sample.place.clone(),
        source: sample.source.clone(),
        probabilities,
        logits,
        label,
        guess: outcome.guess,
        rank: outcome.rank,
        ms,
    })
}

/// The pictures that figures may count.
fn countable<'a>(data: &'a Dataset, classifiers: &[Classifier], options: &Options) -> Vec<&'a Sample> {
    let counts = |sample: &&Sample| {
        classifiers.iter().all(|one| one.manifest().countries.contains(&sample.country))
            && options.known_to.as_ref().is_none_or(|known| known.contains(&sample.country))
            && (options.inferred || sample.is_reportable())
    };
    data.samples.iter().filter(counts).collect()
}

/// At most `limit` of the samples, spread evenly.
fn limited(samples: Vec<&Sample>, limit: Option<usize>) -> (Vec<&Sample>, Option<Limit>) {
    let of = samples.len();
    match limit {
        None => (samples, None),
        Some(limit) if limit >= of => (samples, Some(Limit { taken: of, of })),
        Some(limit) => {
            let taken = (0..limit).map(|i| samples[i * of / limit]).collect();
            (taken, Some(Limit { taken: limit, of }))
        }
    }
}

/// The frame of an answer: everything but its rows.
fn empty(
    classifier: &Classifier,
    all: &[Classifier],
    data: &Dataset,
    options: &Options,
    limit: Option<Limit>,
) -> Predictions {
    let m = classifier.manifest();
    let mut left_out =
        LeftOut { unread: data.left_out.len(), not_read: data.not_read.clone(), ..LeftOut::default() };
    for sample in &data.samples {
        let others = options.known_to.as_ref().is_none_or(|known| known.contains(&sample.country))
            && all.iter().all(|other| other.manifest().countries.contains(&sample.country));
        if !m.countries.contains(&sample.country) {
            *left_out.unknown_country.entry(sample.country.clone()).or_default() += 1;
        } else if !others {
            *left_out.unknown_to_others.entry(sample.country.clone()).or_default() += 1;
        } else if !options.inferred && !sample.is_reportable() {
            left_out.inferred += 1;
        }
    }
    Predictions {
        model: m.id.clone(),
        engine: classifier.engine().to_owned(),
        device: classifier.device().to_owned(),
        data: data.root.display().to_string(),
        countries: m.countries.clone(),
        rows: Vec::new(),
        left_out,
        limit,
        damaged: 0,
        seconds: 0.0,
    }
}

fn nothing(answer: &Predictions, data: &Dataset) -> EvaluateError {
    let out = &answer.left_out;
    EvaluateError::Nothing {
        model: answer.model.clone(),
        data: answer.data.clone(),
        images: data.samples.len(),
        unknown: out.unknown_country.values().chain(out.unknown_to_others.values()).sum(),
        inferred: out.inferred,
        unreadable: out.unreadable.len(),
        such_as: out.unreadable.first().map_or_else(String::new, |(_, why)| format!("; the first: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_an_even_spread_and_says_of_how_many() {
        let sample = |i: usize| Sample {
            file: format!("{i}.jpg").into(),
            country: "AU".into(),
            place: i.to_string(),
            source: String::new(),
            check: String::new(),
        };
        let all: Vec<Sample> = (0..10).map(sample).collect();
        let taken = |limit| {
            let (taken, said) = limited(all.iter().collect(), limit);
            (taken.iter().map(|s| s.place.as_str()).collect::<Vec<_>>().join(" "), said)
        };
        assert_eq!(taken(Some(3)), ("0 3 6".into(), Some(Limit { taken: 3, of: 10 })));
        assert_eq!(taken(Some(5)).0, "0 2 4 6 8");
        assert_eq!(taken(Some(99)).1, Some(Limit { taken: 10, of: 10 }));
        assert_eq!(taken(None), ("0 1 2 3 4 5 6 7 8 9".into(), None));
    }
}
