//! Whether a picture lies outside of what a model learned from.

use serde::{Deserialize, Serialize};

/// How unlike the pictures that a model learned from one picture is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    /// Distance to them, in the unit that the model's manifest measures its bound in; larger is stranger.
    pub score: f32,
    /// The score up to which a picture counts as one of them, fitted on held-out places.
    pub bound: f32,
}

impl Outside {
    /// Whether the picture is stranger than the bound. A score that is not a number is.
    #[must_use]
    pub fn beyond(&self) -> bool {
        self.score.is_nan() || self.score > self.bound
    }

    /// `outside` or `within`, for JSON.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.beyond() { "outside" } else { "within" }
    }
}
