//! A model that did not ship with the program is first loaded in a child process. An engine may end the process over a
//! graph that it cannot take (`tract` panics inside a C interface, which cannot unwind), and a choice that is kept would
//! then end every start to come. What came of it is kept by the model's checksum, so a model is tried once an engine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Model, ModelError, Owner};
use crate::base::Device;
use crate::base::hash::sha256_bytes;
use crate::runtime::Engine;
use crate::runtime::child::{self, Answer, Silence};
use crate::store::write_whole;

/// A model that takes longer to load is of no use; the largest of timm take seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// As many trials are kept, the newest.
const KEPT: usize = 200;

/// Whether a kept trial counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It does.
    IfUnknown,
    /// The model is tried anew.
    Always,
}

/// What a trial was of. The manifest's checksum stands for the graph's too, which it names and which is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    /// SHA-256 of the manifest.
    manifest: String,
    /// The engine's name.
    engine: String,
    /// The device asked for.
    device: Device,
    /// Version of the program.
    program: String,
}

/// A trial that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    #[serde(flatten)]
    of: Subject,
    /// What the engine did to the process; none where the process lived, whether it took the model or refused it.
    fatal: Option<String>,
}

/// Loads `model` in a child process, unless it ships, a trial of it is kept, or there is no program to be the child.
/// A model that the child refuses in good order passes here: loading it is safe, and says why it is refused.
///
/// # Errors
/// [`ModelError::Fatal`] for a model that ends the process or hangs, [`ModelError::NotTried`] when there was no child.
pub(super) fn stand(engine: &Engine, model: &Model, device: Device, again: Again) -> Result<(), ModelError> {
    let choice = engine.choice();
    let Some(program) = choice.prober.as_deref().filter(|_| model.owner != Owner::Shipped) else {
        return Ok(());
    };
    let of = Subject {
        manifest: sha256_bytes(&serde_json::to_vec(&model.manifest).unwrap_or_default()),
        engine: engine.name.clone(),
        device,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let file = choice.paths.tried_models();
    let known = read(&file).into_iter().find(|trial| trial.of == of && again == Again::IfUnknown);
    let fatal = match known {
        Some(trial) => trial.fatal,
        None => {
            let fatal = try_in_child(program, engine, model, device)?;
            keep(&file, Trial { of, fatal: fatal.clone() });
            fatal
        }
    };
    fatal.map_or(Ok(()), |what| {
        Err(ModelError::Fatal { model: model.manifest.id.clone(), engine: engine.name.clone(), what })
    })
}

/// Runs `program --runtime ENGINE try-model FOLDER`; what became of the process, if anything.
fn try_in_child(
    program: &Path,
    engine: &Engine,
    model: &Model,
    device: Device,
) -> Result<Option<String>, ModelError> {
    let mut command = Command::new(program);
    command.arg("--runtime").arg(engine.library.as_deref().unwrap_or(Path::new("embedded")));
    command.arg("try-model").arg(&model.folder).args(["--device", device.name()]);
    let not_tried = |why: String| ModelError::NotTried { model: model.manifest.id.clone(), why };
    match child::ask(&mut command, LIMIT) {
        Ok(Answer::Yes(name)) if name != engine.name => Err(not_tried(format!("it ran {name}"))),
        Ok(_) => Ok(None),
        Err(Silence::NotTried(error)) => Err(not_tried(error.to_string())),
        Err(Silence::TooLong) => Ok(Some(format!("took longer than {} s to load", LIMIT.as_secs()))),
        Err(Silence::Ended) => Ok(Some("ended the process that loaded".to_owned())),
    }
}

/// The trials that were kept; none where the file is missing or damaged, since they can be made again.
fn read(file: &Path) -> Vec<Trial> {
    std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Keeps a trial in place of an older one. A disk that refuses costs another trial at the next start, no more.
fn keep(file: &Path, trial: Trial) {
    let mut all = read(file);
    all.retain(|known| known.of != trial.of);
    all.push(trial);
    let newest = &all[all.len().saturating_sub(KEPT)..];
    if let Ok(text) = serde_json::to_vec_pretty(newest) {
        let _ = write_whole(file, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: usize, fatal: Option<&str>) -> Trial {
        let of = Subject {
            manifest: number.to_string(),
            engine: "embedded".into(),
            device: Device::Auto,
            program: "0.1.0".into(),
        };
        Trial { of, fatal: fatal.map(str::to_owned) }
    }

    #[test]
    fn the_newest_trials_are_kept_and_a_new_one_replaces_its_elder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/tried.json");
        assert_eq!(read(&file), []);
        let many: Vec<Trial> = (0..=KEPT).map(|number| trial(number, None)).collect();
        write_whole(&file, &serde_json::to_vec(&many).unwrap()).unwrap();
        keep(&file, trial(KEPT + 1, None));
        keep(&file, trial(50, Some("ended")));
        let all = read(&file);
        assert_eq!((all.len(), &all[0]), (KEPT, &trial(2, None)));
        assert_eq!(all.last(), Some(&trial(50, Some("ended"))));
        std::fs::write(&file, "[{").unwrap();
        assert_eq!(read(&file), []);
    }
}
