//! Streetwise: a street picture in, ranked countries out, on the user's own machine.
//!
//! The modules, in the order data flows; each uses only those above it:
//!
//! - [`base`]: what all others may use: a panic told, progress and cancelling, priority, checksums, the device asked for.
//! - [`chart`]: charts as SVG and PNG.
//! - [`store`]: where the app's files lie, the settings file, and files written whole or not at all.
//! - [`imaging`]: pictures from files or memory, decoded within limits, upright, and prepared as a model wants them.
//! - [`capture`]: where frames come from: screens and windows, read only, behind one trait.
//! - [`geo`]: countries: names and UN M49 sub-regions by ISO code.
//! - [`ranking`]: logits to ranked countries, with regions and an honest "not sure".
//! - [`runtime`]: which engine runs the models: a found ONNX Runtime, or the embedded pure-Rust engine.
//! - [`model`]: model folders: manifest, library, checks, and the classifier loaded into the engine.
//! - [`engine`]: the worker threads between a front end and all of the above: commands in, snapshots out.
//! - [`dataset`]: labelled pictures from an index or from a folder per country.
//! - [`evaluate`]: how good a model is on them, with intervals over places.
//! - [`training`]: the trainer's environment, its process and protocol, the runs, and what becomes of a finished one.
//! - [`compare`]: models side by side, with tests, charts and a report.
//! - [`explain`]: heatmaps of a guess, and whether they tell the truth.
//! - [`mod@bench`]: time, throughput and memory of models on this machine.
//! - [`workbench`]: compare, explain and bench as the window sees them: tasks in, findings out.
//! - `ui`: the window (feature `gui`).
//! - [`cli`]: the command line, one file per subcommand; it opens the window where no subcommand is named.

pub mod base;
pub mod bench;
pub mod capture;
pub mod chart;
pub mod cli;
pub mod compare;
pub mod dataset;
pub mod engine;
pub mod evaluate;
pub mod explain;
pub mod geo;
pub mod imaging;
pub mod model;
pub mod ranking;
pub mod runtime;
pub mod store;
pub mod training;
#[cfg(feature = "gui")]
pub mod ui;
pub mod workbench;
