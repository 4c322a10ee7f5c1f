//! Why a model guesses what it guesses: heatmaps, a check that they tell the truth, and the pictures that excite a
//! country most.
//!
//! Two kinds of heatmap. [`occlusion()`] hides a window after the other and measures how the country's log-probability
//! drops (Zeiler and Fergus 2014); it works for every model and is about one country. [`attention()`] follows attention
//! through all blocks (rollout, Abnar and Zuidema 2020); it is one pass, and about the picture, not a country.
//! [`deletion`] measures whether hiding what a map marks lowers the score faster than hiding at random
//! (Petsiuk et al. 2018).

mod check;
mod exciting;
mod heatmap;
mod occlusion;
mod rollout;
mod scorer;

pub mod deletion;

pub use check::{Check, CheckOptions, Checked, check};
pub use exciting::{Exciting, exciting};
pub use heatmap::{Heatmap, Method, area};
pub use occlusion::{Grid, Partial, occlusion};
pub use rollout::{attention, rollout};
pub use scorer::Scorer;

use crate::base::progress::Cancelled;
use crate::evaluate::EvaluateError;
use crate::imaging::PictureError;
use crate::model::ModelError;

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The engine failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The picture could not be prepared.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The pictures could not be ranked.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The model gives no attention.
    #[error(
        "model {model}: it was exported without the attention of every block, so there is nothing to follow; use --method occlusion"
    )]
    NoAttention {
        /// The model's identifier.
        model: String,
    },
    /// The attention has another shape than the manifest says.
    #[error(
        "model {model}: its attention does not fit its manifest ({why}); use --method occlusion, or export it again"
    )]
    Attention {
        /// The model's identifier.
        model: String,
        /// What does not fit.
        why: String,
    },
    /// The model does not know the country.
    #[error("model {model} does not know {country}; it knows {known}")]
    Country {
        /// The model's identifier.
        model: String,
        /// The country asked about.
        country: String,
        /// The countries it knows.
        known: String,
    },
    /// The grid is empty or finer than the picture.
    #[error(
        "a grid of {rows} × {columns} cells does not fit a picture of {size} pixels; choose 2 to {size} each way"
    )]
    Grid {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
        /// Side of the model's input.
        size: usize,
    },
    /// No picture is left to measure on.
    #[error("none of the pictures could be explained; name other data or another model")]
    Nothing,
}
