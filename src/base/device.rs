//! Where a model is to run.

use serde::{Deserialize, Serialize};

/// The device asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// CUDA where the engine and the machine have it, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, and an error where it cannot be had.
    Cuda,
}

impl Device {
    /// Its word on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}
