//! What every other module may use, and what uses none: a panic told, progress and cancelling, work that yields to the
//! window, checksums, the device asked for.

mod device;
pub mod guard;
pub mod hash;
pub mod priority;
pub mod progress;

pub use device::Device;
