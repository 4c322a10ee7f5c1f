//! What a run is doing.

use serde::Serialize;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never started.
    Queued,
    /// A trainer works on it.
    Running,
    /// Stopped with a checkpoint; can be resumed.
    Stopped,
    /// Came to its end.
    Done,
    /// Ended with an error; can be resumed once its reason is gone.
    Failed,
    /// Its trainer died without a word; can be resumed from the last checkpoint.
    Interrupted,
}

impl State {
    /// The word for people and for `--json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}
