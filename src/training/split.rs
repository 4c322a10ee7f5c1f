//! What a run trained on and what it held out: its `split.json`.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::runs::{Run, RunStore};
use crate::evaluate::Predictions;

/// The split of a run, by the names that the data set gives its pictures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Split {
    train: HashSet<String>,
    valid: HashSet<String>,
}

impl Split {
    /// The split of a run; none before the run has made one.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(run.file("split.json")).ok()?).ok()
    }

    /// The split of the run that made a model, where that run is still there. Of several, the newest is meant.
    #[must_use]
    pub fn of_model(store: &RunStore, model_id: &str) -> Option<Self> {
        let runs = store.all().into_iter().filter_map(|(_, run)| run.ok());
        Self::of(&runs.filter(|run| run.job.model_id == model_id).last()?)
    }

    /// Whether a picture was trained on.
    #[must_use]
    pub fn trained_on(&self, file: &Path) -> bool {
        names(file).any(|name| self.train.contains(&name))
    }

    /// Whether a picture was held out.
    #[must_use]
    pub fn held_out(&self, file: &Path) -> bool {
        names(file).any(|name| self.valid.contains(&name))
    }
}

/// The names a file may go by in a data set: its last parts, one, two, three … of them, joined by `/`.
fn names(file: &Path) -> impl Iterator<Item = String> {
    let parts: Vec<String> = file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    (0..parts.len()).rev().map(move |from| parts[from..].join("/"))
}

/// How many of the pictures that were counted each model was trained on, by the split of its run; none where no run
/// of it is here, since that is not the same as 0. `splits` and `answers` are in the order of the models.
#[must_use]
pub fn trained_on(splits: &[Option<Split>], answers: &[Predictions]) -> Vec<Option<usize>> {
    let count = |(split, answers): (&Option<Split>, &Predictions)| {
        split.as_ref().map(|split| answers.rows.iter().filter(|row| split.trained_on(&row.file)).count())
    };
    splits.iter().zip(answers).map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_the_end_of_its_path() {
        let text = r#"{"train": ["AU/a.png", "b.png"], "valid": ["JP/x/c.png"], "countries": ["AU", "JP"]}"#;
        let split: Split = serde_json::from_str(text).unwrap();
        for (file, trained, held) in [
            ("/data/images/AU/a.png", true, false),
            ("AU/a.png", true, false),
            ("/data/BR/a.png", false, false),
            ("/data/BR/b.png", true, false),
            ("/data/JP/x/c.png", false, true),
            ("/data/JP/c.png", false, false),
        ] {
            let file = Path::new(file);
            assert_eq!((split.trained_on(file), split.held_out(file)), (trained, held), "{}", file.display());
        }
    }
}
