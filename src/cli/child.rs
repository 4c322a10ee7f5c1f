//! What the program answers as a child of itself: `ok TEXT` or `no SENTENCE` as the last line of its output.

use std::path::Path;
use std::process::ExitCode;

use crate::base::Device;
use crate::cli::output::say;
use crate::model::{Classifier, Model, Owner};
use crate::runtime::child::end_on_panic;
use crate::runtime::{self, Choice};
use crate::store::Paths;

/// Answers the probe of [`crate::runtime`] with the library's version.
pub(crate) fn probe(library: &Path) -> anyhow::Result<ExitCode> {
    end_on_panic();
    answer(runtime::probe_in_process(library).map_err(anyhow::Error::from))
}

/// Loads a model on the engine of the parent, a library or `embedded`, and answers with the engine's name.
pub(crate) fn try_model(engine: Option<&Path>, folder: &Path, device: Device) -> anyhow::Result<ExitCode> {
    end_on_panic();
    answer(load(engine, folder, device))
}

fn load(engine: Option<&Path>, folder: &Path, device: Device) -> anyhow::Result<String> {
    // What loads the model here is the child already, and the parent has probed the library.
    let choice =
        Choice { prober: None, ..Choice::of_user(Paths::of_user()?, engine.map(Path::to_owned), None) };
    let engine = runtime::start(&choice)?;
    Classifier::load(engine, &Model::read(folder, Owner::User)?, device, None)?;
    Ok(engine.name.clone())
}

fn answer(found: anyhow::Result<String>) -> anyhow::Result<ExitCode> {
    match found {
        Ok(text) => {
            say!("ok {text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say!("no {error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
