//! Streetwise: a street picture in, ranked countries out, on the user's own machine.
//!
//! The modules, in the order data flows:

/// Where the app's files lie, the settings file, and files written whole or not at all.
pub mod store;

/// Pictures from files or memory: decoded within limits, upright, and prepared as a model wants them.
pub mod imaging;

/// Where frames come from: screens and windows, read only, behind one trait.
pub mod capture;

/// Which engine runs the models: a found ONNX Runtime, or the embedded pure-Rust engine.
pub mod runtime;

/// Model folders: manifest, library, checks, and the classifier loaded into the engine.
pub mod model;

/// Countries: names and UN M49 sub-regions by ISO code.
pub mod geo;

/// Logits to ranked countries, with regions and an honest "not sure".
pub mod ranking;

/// The worker thread between a front end and all of the above: commands in, snapshots out.
pub mod engine;

/// The command line.
pub mod cli;

/// The window.
#[cfg(feature = "gui")]
pub mod ui;
