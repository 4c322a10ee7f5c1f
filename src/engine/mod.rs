//! The worker that owns sessions and capture: commands in, snapshots out, nothing ever waits for it.
//!
//! Two threads: the *brain* decodes, loads models and infers; the *eye* captures. Commands reach the brain
//! through a bounded channel, captured frames through a slot of one place where the newest wins. Results
//! come back as the latest [`Snapshot`] and one call of `repaint`.

mod brain;
mod eye;
mod shared;
mod slot;
mod snapshot;
mod thinking;
mod worker;

pub use brain::{Brain, LocalBrain, Look, LookError};
pub use eye::EyeFactory;
pub use shared::Command;
pub use snapshot::{Busy, EngineState, ModelSummary, Place, Problem, Snapshot, Targets};
pub use worker::Worker;

/// How many pictures the strip of recent ones keeps.
pub const RECENT: usize = 12;
