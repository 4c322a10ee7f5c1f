//! The job: what of a run belongs to this machine and is not shared: paths, threads, the model's name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `job.json` of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The data set: see [`crate::dataset`].
    pub data: PathBuf,
    /// Pretrained weights, a safetensors file in timm's naming; none to fetch them from the model hub.
    pub weights: Option<PathBuf>,
    /// Start from random weights.
    pub from_scratch: bool,
    /// Problems of the data that are allowed, by their kind.
    pub allow: Vec<String>,
    /// Folder of the pixel and feature caches, shared by all runs.
    pub cache: PathBuf,
    /// Name of the model, for people.
    pub name: String,
    /// Threads; none for one a core.
    pub threads: Option<usize>,
    /// Identifier of the model, and the name of its folder.
    pub model_id: String,
    /// Whether the trained network becomes a model. Without it a run ends with its evaluation; `runs resume` makes the
    /// model later, from the last checkpoint.
    #[serde(default = "yes")]
    pub export: bool,
}

fn yes() -> bool {
    true
}

impl Job {
    /// The same job with every path absolute, since the trainer works in another folder.
    #[must_use]
    pub fn absolute(self) -> Self {
        let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            data: full(&self.data),
            weights: self.weights.as_deref().map(full),
            cache: full(&self.cache),
            ..self
        }
    }
}
