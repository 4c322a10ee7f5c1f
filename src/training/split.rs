//! What a run trained on and what it held out: its `split.json`. A picture is known by its content, wherever it lies and
//! whatever it is called; a model is its run's by the checksum of its graph, whatever its name.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::report::located;
use super::runs::{Run, RunStore};
use crate::base::hash::sha256_of;
use crate::evaluate::{Prediction, Predictions};
use crate::model::{Manifest, Model, Owner};

/// Characters of a digest in `split.json`: half of a SHA-256 in hexadecimal.
const DIGEST: usize = 32;

/// `split.json` as the trainer writes it.
#[derive(Debug, Deserialize)]
struct Written {
    /// The pictures as the data set names them.
    train: Vec<PathBuf>,
    valid: Vec<PathBuf>,
    /// Their contents, in the same order; older trainers did not write them.
    digests: Option<Digests>,
}

#[derive(Debug, Deserialize)]
struct Digests {
    train: HashSet<String>,
    valid: HashSet<String>,
}

/// The content of a file: the first half of its SHA-256, and its length in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    digest: String,
    bytes: u64,
}

impl Content {
    /// Reads a file; none where it cannot be read.
    #[must_use]
    pub fn of(file: &Path) -> Option<Self> {
        let mut digest = sha256_of(file).ok()?;
        digest.truncate(DIGEST);
        Some(Self { digest, bytes: file.metadata().ok()?.len() })
    }
}

/// The pictures of one side: by digest, or, of a run that wrote none, the files themselves by their length.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Side {
    Digests(HashSet<String>),
    Files(HashMap<u64, Vec<PathBuf>>),
}

impl Side {
    /// The files of names in a data set; none where one is not there any more.
    fn of_files(data: &Path, names: &[PathBuf]) -> Option<Self> {
        let mut files = HashMap::<u64, Vec<PathBuf>>::new();
        for name in names {
            let file = located(data, name);
            files.entry(file.metadata().ok()?.len()).or_default().push(file);
        }
        Some(Self::Files(files))
    }

    fn holds(&self, picture: &Content) -> bool {
        match self {
            Self::Digests(digests) => digests.contains(&picture.digest),
            Self::Files(files) => {
                let alike = files.get(&picture.bytes).into_iter().flatten();
                alike.filter_map(|file| Content::of(file)).any(|content| content == *picture)
            }
        }
    }
}

/// The split of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    train: Side,
    valid: Side,
}

impl Split {
    /// The split of a run; none before the run has made one, and none of an older run whose pictures are not all where
    /// they were, since what it was trained on cannot be told then.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let text = std::fs::read(run.file("split.json")).ok()?;
        let written: Written = serde_json::from_slice(&text).ok()?;
        let (train, valid) = match written.digests {
            Some(digests) => (Side::Digests(digests.train), Side::Digests(digests.valid)),
            None => {
                let side = |names: &[PathBuf]| Side::of_files(&run.job.data, names);
                (side(&written.train)?, side(&written.valid)?)
            }
        };
        Some(Self { train, valid })
    }

    /// The split of the run that made a model, known by the checksum of its graph; none where that run is not here.
    #[must_use]
    pub fn of_model(store: &RunStore, model: &Manifest) -> Option<Self> {
        let graph = |manifest: &Manifest| {
            manifest.files.iter().find(|file| file.path == "model.onnx").map(|file| file.sha256.clone())
        };
        let wanted = graph(model)?;
        let made = |run: &Run| {
            let own = Model::read(&run.file("model"), Owner::User).ok();
            own.and_then(|own| graph(&own.manifest)).is_some_and(|sha256| sha256 == wanted)
        };
        Self::of(&store.all().into_iter().rev().filter_map(|(_, run)| run.ok()).find(made)?)
    }

    /// Whether a picture was trained on.
    #[must_use]
    pub fn trained_on(&self, picture: &Content) -> bool {
        self.train.holds(picture)
    }

    /// Whether a picture was held out, and no copy of it trained on.
    #[must_use]
    pub fn held_out(&self, picture: &Content) -> bool {
        self.valid.holds(picture) && !self.train.holds(picture)
    }
}

/// How many of the pictures that were counted each model was trained on, by the split of its run; none where no run
/// of it is here, since that is not the same as 0. `splits` and `answers` are in the order of the models.
#[must_use]
pub fn trained_on<'a>(splits: &[Option<Split>], answers: &'a [Predictions]) -> Vec<Option<usize>> {
    // The models answered for the same pictures; each is read once.
    let mut contents = HashMap::<&Path, Option<Content>>::new();
    let mut count = |split: &Split, answers: &'a Predictions| {
        let seen = |row: &&'a Prediction| {
            let content = contents.entry(&row.file).or_insert_with(|| Content::of(&row.file));
            content.as_ref().is_some_and(|content| split.trained_on(content))
        };
        answers.rows.iter().filter(seen).count()
    };
    let pairs = splits.iter().zip(answers);
    pairs.map(|(split, answers)| split.as_ref().map(|split| count(split, answers))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Paths;
    use crate::training::recipe::Recipe;

    /// A run on `root/data` with that split.
    fn run(root: &Path, split: &serde_json::Value) -> Run {
        let job = json!({ "data": root.join("data"), "weights": null, "from_scratch": true, "allow": [], "cache": "/c",
                          "name": "", "threads": null, "model_id": "" });
        let store = RunStore::open(&Paths::under(root.to_owned()));
        let run = store.create(&Recipe::new("resnet18"), serde_json::from_value(job).unwrap()).unwrap();
        std::fs::write(run.file("split.json"), split.to_string()).unwrap();
        run
    }

    fn write(root: &Path, name: &str, text: &str) -> PathBuf {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_picture_is_known_by_its_content_and_not_by_the_end_of_its_path() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let (trained, held) = (write(root, "data/AU/a.png", "seen"), write(root, "data/JP/b.png", "held"));
        let names = json!({ "train": ["AU/a.png"], "valid": ["JP/b.png"], "countries": ["AU", "JP"] });
        let mut digests = names.clone();
        let digest = |file: &Path| Content::of(file).unwrap().digest;
        digests["digests"] = json!({ "train": [digest(&trained)], "valid": [digest(&held)] });
        let files = [
            (trained, true, false),
            (held, false, true),
            (write(root, "elsewhere/copy.png", "seen"), true, false),
            (write(root, "other/AU/a.png", "new!"), false, false),
            (write(root, "other/JP/b.png", "seen"), true, false),
        ];
        let (older, newer) = (run(root, &names), run(root, &digests));
        for split in [&older, &newer].map(|run| Split::of(run).unwrap()) {
            for (file, trained, held) in &files {
                let picture = Content::of(file).unwrap();
                let found = (split.trained_on(&picture), split.held_out(&picture));
                assert_eq!(found, (*trained, *held), "{}", file.display());
            }
        }
        // The pictures of an older run are gone, so nobody knows; the newer one kept what they were.
        std::fs::remove_dir_all(root.join("data")).unwrap();
        assert!(Split::of(&older).is_none() && Split::of(&newer).is_some());
    }
}
