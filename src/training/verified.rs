//! What the last gate found of a model, and why one was not added.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::runs::RunError;
use crate::imaging::PictureError;
use crate::model::ModelError;

/// How far a model may differ from PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Largest absolute difference of a logit, on the same pixels.
    pub logit: f32,
    /// Least share of pictures with the same first guess, on the same pixels.
    pub agreement: f64,
    /// Largest share of right first guesses lost, on the same pixels.
    pub accuracy: f64,
    /// Largest mean absolute difference of a pixel, in levels of 0 to 255, over all pictures.
    pub levels: f64,
    /// The same, of one picture.
    pub levels_of_one: f64,
}

/// How far the guesses are from PyTorch's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Largest absolute difference of a logit.
    pub logit_difference: f32,
    /// Share of pictures with the same first guess.
    pub agreement: f64,
    /// Share of right first guesses here less that of PyTorch.
    pub accuracy_difference: f64,
}

/// What was found, kept as `verify.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Whether it stays within the tolerance.
    pub passed: bool,
    /// Engine that ran it.
    pub engine: String,
    /// The device, read back.
    pub device: String,
    /// Number of pictures compared.
    pub pictures: usize,
    /// On the pixels PyTorch was shown.
    #[serde(flatten)]
    pub network: Gap,
    /// Mean absolute difference between the pixels made here and PyTorch's, in levels of 0 to 255.
    pub levels: f64,
    /// The same of the picture where it is largest.
    pub levels_of_one: f64,
    /// From the files, with the pixels made here: measured, not judged.
    pub from_files: Gap,
    /// Pictures whose pixels were not compared, since this program does not read them or shows them damaged: the file, or
    /// why. They count for the network all the same.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// What was allowed.
    pub tolerance: Tolerance,
}

impl Verified {
    /// What to say of the pictures that were left out, and what to do about it.
    #[must_use]
    pub fn incomplete(&self) -> Option<(String, &'static str)> {
        let (count, first) = (self.left_out.len(), self.left_out.first()?);
        let message = format!(
            "{count} of the check's {} pictures were left out, the first: {first}",
            self.pictures + count
        );
        Some((
            message,
            "the model was checked on the others; save such pictures anew as JPEG or PNG before the next run",
        ))
    }

    /// Whether rounding in a decoder changes more guesses than a careful user expects, and what to do about it.
    #[must_use]
    pub fn sway(&self) -> Option<(String, &'static str)> {
        let changed = 1.0 - self.from_files.agreement;
        (changed > 1.0 - self.tolerance.agreement).then(|| {
            let message = format!(
                "the rounding of a JPEG decoder ({:.2} levels of 255) changes the first guess of {:.1} % of {} pictures and the \
                 accuracy by {:+.1} points; this network is easily swayed",
                self.levels, changed * 100.0, self.pictures, self.from_files.accuracy_difference * 100.0
            );
            (message, "more pictures, more epochs or a lower --lr make a steadier one")
        })
    }
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
    /// A stop was asked for before it came to its end.
    #[error("the check of its model was stopped; `streetwise runs resume {id}` checks it")]
    Stopped {
        /// The run.
        id: String,
    },
    /// It differs too much.
    #[error(
        "model {model} computes something else here than in PyTorch: over {} pictures logits differ by {:.4} ({} allowed), \
         the first guess agrees for {:.1} % ({:.1} % needed), accuracy differs by {:+.2} points ({:.2} may be lost), pixels \
         by {:.2} levels ({} allowed) and {:.2} in one picture ({} allowed); it was not added",
        found.pictures, found.network.logit_difference, found.tolerance.logit, found.network.agreement * 100.0,
        found.tolerance.agreement * 100.0, found.network.accuracy_difference * 100.0,
        found.tolerance.accuracy * 100.0, found.levels, found.tolerance.levels, found.levels_of_one,
        found.tolerance.levels_of_one
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
