//! The last gate: the model that the trainer made, run the way the app runs it, on this engine and this machine.
//!
//! The trainer has compared its export with PyTorch already. Here the same real pictures go through this program's own
//! decoder, preprocessing and inference, and the logits are compared with those of PyTorch in `reference.json`. Only
//! a model that agrees within the tolerance written there is copied, whole, into the user's models.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::drive::Watch;
use super::protocol::Body;
use super::report::located;
use super::runs::{Run, RunError, State};
use super::summary::{VERIFY, append};
use crate::imaging::{Limits, Picture, PictureError, preprocess};
use crate::model::{Classifier, Library, Model, ModelError, Owner, sha256_of};
use crate::runtime::{Device, Engine};
use crate::store::write_whole;

/// `reference.json`: what PyTorch computes for real pictures.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Reference {
    tolerance: Tolerance,
    pictures: Vec<Shown>,
}

/// How far a model may differ from PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Largest absolute difference of a logit.
    pub logit: f32,
    /// Least share of pictures with the same first guess.
    pub agreement: f64,
    /// Largest difference of the share of right first guesses.
    pub accuracy: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Shown {
    file: PathBuf,
    country: String,
    logits: Vec<f32>,
}

/// What was found, kept as `verify.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Whether it stays within the tolerance.
    pub passed: bool,
    /// Engine and device that ran it.
    pub engine: String,
    /// The device, read back.
    pub device: String,
    /// Number of pictures compared.
    pub pictures: usize,
    /// Largest absolute difference of a logit.
    pub logit_difference: f32,
    /// Share of pictures with the same first guess.
    pub agreement: f64,
    /// Share of right first guesses here less that of PyTorch.
    pub accuracy_difference: f64,
    /// What was allowed.
    pub tolerance: Tolerance,
}

/// Why a model was not added.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The run has no finished model.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It does not load here, fails its golden check, or could not be copied.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The reference is missing or cannot be read.
    #[error("{} cannot be used ({why}); resume the run to export again", path.display())]
    Reference {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A reference picture cannot be read.
    #[error("a picture of the check cannot be read: {0}")]
    Picture(#[from] PictureError),
    /// It differs too much.
    #[error(
        "model {model} computes something else here than in PyTorch: over {} pictures logits differ by {:.4} ({} allowed), \
         the first guess agrees for {:.1} % ({:.1} % needed), accuracy differs by {:.2} points ({:.2} allowed); it was not added. A network that \
         the rounding of a decoder can sway needs more pictures, more epochs or a lower --lr",
        found.pictures, found.logit_difference, found.tolerance.logit, found.agreement * 100.0,
        found.tolerance.agreement * 100.0, found.accuracy_difference * 100.0, found.tolerance.accuracy * 100.0
    )]
    Differs {
        /// The model's identifier.
        model: String,
        /// The figures.
        found: Box<Verified>,
    },
    /// The account could not be written.
    #[error("{} could not be written ({source}); free some space and resume the run", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Where a model is checked.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The engine of this process.
    pub engine: &'a Engine,
    /// The device asked for.
    pub device: Device,
    /// Threads of one inference; none for one a core.
    pub threads: Option<usize>,
}

/// Checks the model of a run that is done and adds it to the user's models, with an account in the run's events: a
/// `phase verify`, then an `artifact model`, or an `error export-gate`.
///
/// # Errors
/// [`VerifyError`]; then nothing was added.
pub fn register(
    run: &Run,
    place: Place<'_>,
    library: &Library,
    watch: &mut dyn Watch,
) -> Result<(Verified, Model), VerifyError> {
    let summary = run.summary();
    if summary.state != State::Done && !(summary.verifying && summary.state == State::Failed) {
        let what = "only the model of a finished run can be added";
        return Err(RunError::State { id: run.id.clone(), state: summary.state, what }.into());
    }
    let mut seq = summary.next_seq;
    let mut say = |body: Body| -> Result<(), VerifyError> {
        let path = run.file("events.jsonl");
        let event = append(&path, seq, body).map_err(|source| VerifyError::Disk { path, source })?;
        seq += 1;
        watch.event(&event);
        Ok(())
    };
    let part = summary.parts + 1;
    say(Body::Phase { name: VERIFY.to_owned(), index: part, of: part })?;
    match check_and_add(run, place, library) {
        Ok((found, model)) => {
            let path = model.folder.join("model.onnx");
            let sha256 = sha256_of(&path).unwrap_or_default();
            let path = model.folder.display().to_string();
            say(Body::Artifact { kind: "model".to_owned(), path, sha256 })?;
            Ok((found, model))
        }
        Err(error) => {
            let hint = format!("`streetwise runs resume {}` checks it again", run.id);
            say(Body::Error { kind: "export-gate".to_owned(), message: error.to_string(), hint })?;
            Err(error)
        }
    }
}

fn check_and_add(run: &Run, place: Place<'_>, library: &Library) -> Result<(Verified, Model), VerifyError> {
    let folder = run.file("model");
    let model = Model::read(&folder, Owner::User)?;
    let mut classifier = Classifier::load(place.engine, &model, place.device, place.threads)?;
    let found = compare(&mut classifier, &folder.join("reference.json"), &run.job.data)?;
    let text = serde_json::to_vec_pretty(&found).unwrap_or_default();
    write_whole(&run.file("verify.json"), &text).map_err(RunError::from)?;
    if !found.passed {
        return Err(VerifyError::Differs { model: model.manifest.id, found: Box::new(found) });
    }
    Ok((found, library.add(&folder)?))
}

/// Runs the reference pictures and measures how far the classifier is from PyTorch.
fn compare(classifier: &mut Classifier, path: &Path, data: &Path) -> Result<Verified, VerifyError> {
    let wrong = |why: String| VerifyError::Reference { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let reference: Reference = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if reference.pictures.is_empty() {
        return Err(wrong("it names no picture".to_owned()));
    }
    let m = classifier.manifest().clone();
    let (mut difference, mut same, mut right, mut right_there) = (0.0_f32, 0_usize, 0_usize, 0_usize);
    for shown in &reference.pictures {
        if shown.logits.len() != m.countries.len() {
            return Err(wrong(format!(
                "it has {} logits for {} countries",
                shown.logits.len(),
                m.countries.len()
            )));
        }
        let picture = Picture::open(&located(data, &shown.file), &Limits::default())?;
        let prepared = preprocess(&picture.pixels, &m.preprocess, m.input.size)?;
        let logits = classifier.logits(&prepared.tensor)?;
        for (here, there) in logits.iter().zip(&shown.logits) {
            let gap = (here - there).abs();
            difference = if gap.is_finite() { difference.max(gap) } else { f32::INFINITY };
        }
        let (here, there) = (first(&logits), first(&shown.logits));
        same += usize::from(here == there);
        right += usize::from(m.countries[here] == shown.country);
        right_there += usize::from(m.countries[there] == shown.country);
    }
    let share = |count: usize| count as f64 / reference.pictures.len() as f64;
    let (agreement, accuracy_difference) = (share(same), share(right) - share(right_there));
    let allowed = reference.tolerance;
    Ok(Verified {
        passed: difference <= allowed.logit
            && agreement >= allowed.agreement
            && accuracy_difference.abs() <= allowed.accuracy,
        engine: classifier.engine().to_owned(),
        device: classifier.device().to_owned(),
        pictures: reference.pictures.len(),
        logit_difference: difference,
        agreement,
        accuracy_difference,
        tolerance: allowed,
    })
}

/// Number of the largest logit, the first of equal ones.
fn first(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best })
}
