//! A model over a data set.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::Serialize;

use super::bootstrap::{Intervals, intervals};
use super::metrics::{CountryFigures, Figures, Outcome, confusion, figures, per_country};
use crate::dataset::{Dataset, Sample};
use crate::imaging::{PictureError, decode_ahead, preprocess};
use crate::model::{Classifier, ModelError};
use crate::ranking::softmax;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Also pictures whose label was inferred; figures on them flatter or insult for no reason.
    pub inferred: bool,
    /// Replicates of the bootstrap; 0 for no intervals.
    pub replicates: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { inferred: false, replicates: 1000, seed: 0 }
    }
}

/// Pictures of the data set that no figure counts, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Their country is not one that the model knows: number of pictures by code.
    pub unknown_country: BTreeMap<String, usize>,
    /// Their label was inferred.
    pub inferred: usize,
    /// They could not be read: file and reason.
    pub unreadable: Vec<(String, String)>,
}

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

/// Why a model has no figures on a data set.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The engine failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A picture could not be prepared.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The output is not finite.
    #[error("model {model}: its output is not a number for {file}; verify the model, or try another engine")]
    NotFinite {
        /// The model's identifier.
        model: String,
        /// The picture.
        file: String,
    },
    /// No picture is left to measure on.
    #[error(
        "model {model}: none of the {images} pictures in {data} can be counted (countries it does not know: {unknown}, \
         inferred labels: {inferred}, unreadable: {unreadable}); name other data or another model"
    )]
    Nothing {
        /// The model's identifier.
        model: String,
        /// The data set's folder.
        data: String,
        /// Pictures in it.
        images: usize,
        /// Of countries that the model does not know.
        unknown: usize,
        /// With inferred labels.
        inferred: usize,
        /// Unreadable.
        unreadable: usize,
    },
}

/// Ranks every picture of `data` and measures. `progress` gets pictures done and pictures in all.
///
/// # Errors
/// [`EvaluateError`]; an unreadable picture is not one, it is counted in [`LeftOut`].
pub fn evaluate(
    classifier: &mut Classifier,
    data: &Dataset,
    options: Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evaluation, EvaluateError> {
    let started = Instant::now();
    let countries = classifier.manifest().countries.clone();
    let (samples, mut left_out) = countable(data, &countries, options);
    let (places, number) = (numbers(samples.iter().map(|s| &s.place)), numbers(countries.iter()));
    let files: Vec<_> = samples.iter().map(|sample| &sample.file).collect();
    let (mut outcomes, mut sources) = (Vec::new(), Vec::new());
    let mut done = 0;
    decode_ahead(&files, |(file, picture)| -> Result<(), EvaluateError> {
        let sample = samples[done];
        done += 1;
        progress(done, samples.len());
        let picture = match picture {
            Ok(picture) => picture,
            Err(why) => {
                left_out.unreadable.push((file.display().to_string(), why.to_string()));
                return Ok(());
            }
        };
        let m = classifier.manifest();
        let (temperature, size) = (m.output.temperature, m.input.size);
        let prepared = preprocess(&picture.pixels, &m.preprocess, size)?;
        let logits = classifier.logits(&prepared.tensor)?;
        if !logits.iter().all(|value| value.is_finite()) {
            let model = classifier.manifest().id.clone();
            return Err(EvaluateError::NotFinite { model, file: file.display().to_string() });
        }
        let probabilities = softmax(&logits, temperature);
        outcomes.push(Outcome::new(&probabilities, number[&sample.country], places[&sample.place]));
        sources.push(sample.source.as_str());
        Ok(())
    })?;
    if outcomes.is_empty() {
        return Err(nothing(classifier, data, &left_out));
    }
    let measured = Measured { outcomes: &outcomes, sources: &sources, countries: &countries };
    Ok(measured.evaluation(classifier, data, left_out, options, started))
}

struct Measured<'a> {
    outcomes: &'a [Outcome],
    sources: &'a [&'a str],
    countries: &'a [String],
}

impl Measured<'_> {
    fn evaluation(
        &self,
        classifier: &Classifier,
        data: &Dataset,
        left_out: LeftOut,
        options: Options,
        started: Instant,
    ) -> Evaluation {
        let n = self.countries.len();
        let by_number = per_country(self.outcomes, n);
        let places: std::collections::BTreeSet<usize> = self.outcomes.iter().map(|o| o.place).collect();
        #[allow(clippy::cast_precision_loss)]
        let chance = 1.0 / n as f64;
        Evaluation {
            model: classifier.manifest().id.clone(),
            engine: classifier.engine().to_owned(),
            device: classifier.device().to_owned(),
            data: data.root.display().to_string(),
            countries: n,
            chance,
            countries_in_data: by_number.len(),
            places: places.len(),
            images: self.outcomes.len(),
            left_out,
            figures: figures(self.outcomes, n),
            intervals: intervals(self.outcomes, n, options.replicates, options.seed),
            per_country: by_number.into_iter().map(|(c, f)| (self.countries[c].clone(), f)).collect(),
            per_source: self.per_source(),
            confusion_countries: self.countries.to_vec(),
            confusion: confusion(self.outcomes, n),
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    fn per_source(&self) -> BTreeMap<String, SourceFigures> {
        let mut groups = BTreeMap::<&str, Vec<Outcome>>::new();
        for (source, outcome) in self.sources.iter().zip(self.outcomes) {
            groups.entry(source).or_default().push(*outcome);
        }
        let measure = |(source, group): (&str, Vec<Outcome>)| {
            let found = figures(&group, self.countries.len());
            (source.to_owned(), SourceFigures { images: group.len(), top1: found.top1, top5: found.top5 })
        };
        groups.into_iter().filter(|(source, _)| !source.is_empty()).map(measure).collect()
    }
}

/// The pictures that figures may count, and how many of the others there are.
fn countable<'a>(data: &'a Dataset, countries: &[String], options: Options) -> (Vec<&'a Sample>, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut kept = Vec::new();
    for sample in &data.samples {
        if !countries.contains(&sample.country) {
            *left_out.unknown_country.entry(sample.country.clone()).or_default() += 1;
        } else if !options.inferred && !sample.is_reportable() {
            left_out.inferred += 1;
        } else {
            kept.push(sample);
        }
    }
    (kept, left_out)
}

/// Numbers distinct words in the order they come.
fn numbers<'a>(words: impl Iterator<Item = &'a String>) -> HashMap<&'a String, usize> {
    let mut known = HashMap::new();
    for word in words {
        let next = known.len();
        known.entry(word).or_insert(next);
    }
    known
}

fn nothing(classifier: &Classifier, data: &Dataset, left_out: &LeftOut) -> EvaluateError {
    EvaluateError::Nothing {
        model: classifier.manifest().id.clone(),
        data: data.root.display().to_string(),
        images: data.samples.len(),
        unknown: left_out.unknown_country.values().sum(),
        inferred: left_out.inferred,
        unreadable: left_out.unreadable.len(),
    }
}
