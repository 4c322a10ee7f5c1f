//! Streetwise: a street picture in, ranked countries out, on the user's own machine.
//!
//! The modules, in the order data flows:
//!
//! - [`guard`]: a panic is told instead of ending its thread.
//! - [`store`]: where the app's files lie, the settings file, and files written whole or not at all.
//! - [`imaging`]: pictures from files or memory, decoded within limits, upright, and prepared as a model wants them.
//! - [`capture`]: where frames come from: screens and windows, read only, behind one trait.
//! - [`runtime`]: which engine runs the models: a found ONNX Runtime, or the embedded pure-Rust engine.
//! - [`model`]: model folders: manifest, library, checks, and the classifier loaded into the engine.
//! - [`geo`]: countries: names and UN M49 sub-regions by ISO code.
//! - [`ranking`]: logits to ranked countries, with regions and an honest "not sure".
//! - [`engine`]: the worker threads between a front end and all of the above: commands in, snapshots out.
//! - [`dataset`]: labelled pictures from an index or from a folder per country.
//! - [`evaluate`]: how good a model is on them, with intervals over places.
//! - [`chart`]: charts as SVG and PNG.
//! - [`watch`]: progress and cancelling of long work.
//! - [`compare`]: models side by side, with tests, charts and a report.
//! - [`explain`]: heatmaps of a guess, and whether they tell the truth.
//! - [`mod@bench`]: time, throughput and memory of models on this machine.
//! - [`training`]: the trainer's environment, its process and protocol, the runs, and what becomes of a finished one.
//! - `ui`: the window (feature `gui`).
//! - [`cli`]: the command line, one file per subcommand.

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
pub mod guard;
pub mod imaging;
pub mod model;
pub mod priority;
pub mod ranking;
pub mod runtime;
pub mod store;
pub mod training;
#[cfg(feature = "gui")]
pub mod ui;
pub mod watch;
pub mod workbench;
