//! The last gate: the model that the trainer made, run the way the app runs it, on this engine and this machine.
//!
//! The trainer has compared its export with PyTorch already. Here the same real pictures go through this program's own
//! decoder, preprocessing and inference, and are held against `reference.json` (module `reference`). Only a model
//! that agrees within the tolerance written there is copied, whole, into the user's models.

use super::drive::{Watch, Wish};
use super::protocol::Body;
use super::reference::compare;
use super::runs::{Run, RunError, State};
use super::summary::{Summary, VERIFY, append};
pub use super::verified::{Gap, Tolerance, Verified, VerifyError};
use crate::base::Device;
use crate::base::hash::sha256_of;
use crate::model::{Classifier, Library, Model, Owner};
use crate::runtime::Engine;
use crate::store::write_whole;

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
/// `phase verify`, then an `artifact model`, an `error export-gate`, or `stopped`. While it lasts the run is running; a
/// wish of `watch` or a request in the run's folder ends it between two pictures.
///
/// # Errors
/// [`VerifyError`]; then nothing was added.
pub fn register(
    run: &Run,
    place: Place<'_>,
    library: &Library,
    watch: &mut dyn Watch,
) -> Result<(Verified, Model), VerifyError> {
    let _lock = run.take_lock()?;
    let summary = Summary::read(&run.file("events.jsonl"), false);
    if summary.state != State::Done && !summary.verifying {
        let what = "only the model of a finished run can be added";
        return Err(RunError::State { id: run.id.clone(), state: summary.state, what }.into());
    }
    let mut account = Account { run, seq: summary.next_seq, watch };
    let part = summary.parts + 1;
    account.say(Body::Phase { name: VERIFY.to_owned(), index: part, of: part })?;
    let checked = account.check_and_add(place, library);
    run.forget_stop_request();
    match &checked {
        Ok((found, model)) => {
            for (kind, said) in [("swayed", found.sway()), ("left-out", found.incomplete())] {
                if let Some((message, hint)) = said {
                    account.say(Body::Warning { kind: kind.to_owned(), message, hint: hint.to_owned() })?;
                }
            }
            let path = model.folder.join("model.onnx");
            let sha256 = sha256_of(&path).unwrap_or_default();
            let path = model.folder.display().to_string();
            account.say(Body::Artifact { kind: "model".to_owned(), path, sha256 })?;
        }
        Err(VerifyError::Stopped { .. }) => {
            let epoch = summary.last().map_or(0, |metrics| metrics.epoch);
            account.say(Body::Stopped { epoch, batch: 0, why: "asked".to_owned() })?;
        }
        Err(error) => {
            let hint = format!("`streetwise runs resume {}` checks it again", run.id);
            account.say(Body::Error { kind: "export-gate".to_owned(), message: error.to_string(), hint })?;
        }
    }
    checked
}

/// The run's events, and who hears of them.
struct Account<'a> {
    run: &'a Run,
    seq: u64,
    watch: &'a mut dyn Watch,
}

impl Account<'_> {
    fn say(&mut self, body: Body) -> Result<(), VerifyError> {
        let path = self.run.file("events.jsonl");
        let event = append(&path, self.seq, body).map_err(|source| VerifyError::Disk { path, source })?;
        self.seq += 1;
        self.watch.event(&event);
        Ok(())
    }

    /// Refuses to go on where a stop was asked for.
    fn goes_on(&mut self) -> Result<(), VerifyError> {
        if self.watch.wish() == Wish::GoOn && !self.run.stop_request().exists() {
            return Ok(());
        }
        Err(VerifyError::Stopped { id: self.run.id.clone() })
    }

    fn check_and_add(
        &mut self,
        place: Place<'_>,
        library: &Library,
    ) -> Result<(Verified, Model), VerifyError> {
        let run = self.run;
        let folder = run.file("model");
        let model = Model::read(&folder, Owner::User)?;
        self.goes_on()?;
        let mut classifier = Classifier::load(place.engine, &model, place.device, place.threads)?;
        let reference = folder.join("reference.json");
        let found = compare(&mut classifier, &reference, &run.job.data, &mut || self.goes_on())?;
        let text = serde_json::to_vec_pretty(&found).unwrap_or_default();
        write_whole(&run.file("verify.json"), &text).map_err(RunError::from)?;
        if !found.passed {
            return Err(VerifyError::Differs { model: model.manifest.id, found: Box::new(found) });
        }
        self.goes_on()?;
        Ok((found, library.add(&folder)?))
    }
}
