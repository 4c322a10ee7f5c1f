//! Model folders: the manifest, the library of what is there, the checks, and a loaded classifier.

mod classifier;
mod cuda;
pub mod figures;
mod golden;
mod graph;
mod library;
mod manifest;
mod session;
mod trial;
mod widen;

use std::path::PathBuf;

pub use classifier::{Answer, AnswerError, Classifier, Timings};
pub use library::{Library, Model, Owner};
pub use manifest::{Attention, FileEntry, Golden, Input, Manifest, Metrics, Output, OutsideOutput, Round};

/// A model that is not used, with the reason and the way out. The model in use before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file could not be read.
    #[error("model {model}: {} could not be read ({source}); add the model again", path.display())]
    Read {
        /// Folder name or identifier of the model.
        model: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not valid.
    #[error("model {model}: model.json is not a valid manifest ({why})")]
    Manifest {
        /// Folder name or identifier of the model.
        model: String,
        /// What is wrong with it.
        why: String,
    },
    /// The manifest is of a later format.
    #[error(
        "model {model}: its format is version {found}, this Streetwise reads version {known}; update Streetwise"
    )]
    Schema {
        /// Folder name or identifier of the model.
        model: String,
        /// Version found.
        found: u64,
        /// Version that is read.
        known: u64,
    },
    /// A file is not the one that the manifest describes.
    #[error(
        "model {model}: {file} is not the file its manifest describes (checksum or size differs); add the model again"
    )]
    Hash {
        /// Identifier of the model.
        model: String,
        /// The file.
        file: String,
    },
    /// A file name leads out of the folder, or is a link.
    #[error(
        "model {model}: it refers to {file}, which is outside its folder or a link; such a model is refused"
    )]
    Escapes {
        /// Identifier of the model.
        model: String,
        /// The name as written.
        file: String,
    },
    /// The ONNX file is not a model.
    #[error("model {model}: model.onnx is empty, cut or not an ONNX model ({why}); export it again")]
    NotOnnx {
        /// Identifier of the model.
        model: String,
        /// What is wrong with it.
        why: String,
    },
    /// The graph keeps weights in other files.
    #[error(
        "model {model}: it keeps weights in another file ({location}); export it with external_data=False"
    )]
    ExternalData {
        /// Identifier of the model.
        model: String,
        /// Where the graph says they are.
        location: String,
    },
    /// The graph needs operators that no engine here has.
    #[error(
        "model {model}: it needs the custom operator {operator}; export it with standard ONNX operators only"
    )]
    CustomOperator {
        /// Identifier of the model.
        model: String,
        /// Domain and name.
        operator: String,
    },
    /// Input or output do not have the shape that the manifest says.
    #[error("model {model}: {what}; its model.json and model.onnx do not belong together")]
    Shape {
        /// Identifier of the model.
        model: String,
        /// What was expected and found.
        what: String,
    },
    /// The engine refused the graph.
    #[error("model {model}: {engine} cannot run it ({why}); try another engine or export it again")]
    Engine {
        /// Identifier of the model.
        model: String,
        /// The engine's name.
        engine: String,
        /// What the engine said.
        why: String,
    },
    /// The golden check failed: this machine, engine or device computes something else.
    #[error(
        "model {model}: its golden check failed on {engine}, {device} (logits differ by {difference:.4}, {tolerance} is allowed); try another engine or device"
    )]
    Golden {
        /// Identifier of the model.
        model: String,
        /// The engine's name.
        engine: String,
        /// The device it ran on.
        device: String,
        /// Largest absolute difference of a logit.
        difference: f32,
        /// What the manifest allows.
        tolerance: f32,
    },
    /// The golden check is worth nothing.
    #[error(
        "model {model}: its golden check would pass whatever it computes (logits may differ by {tolerance:?}, {precision} weights explain {bound:?} at most); export it again"
    )]
    Tolerance {
        /// Identifier of the model.
        model: String,
        /// What the manifest allows.
        tolerance: f32,
        /// What the weights are stored as.
        precision: &'static str,
        /// The largest difference that this explains.
        bound: f32,
    },
    /// Loading it ended the process that tried, or took too long.
    #[error(
        "model {model}: {engine} {what} it; try another engine or export it again (`streetwise models verify` tries it anew)"
    )]
    Fatal {
        /// Identifier of the model, or its folder.
        model: String,
        /// The engine's name.
        engine: String,
        /// What happened.
        what: String,
    },
    /// It could not be tried in a process of its own.
    #[error(
        "model {model}: a model from elsewhere is first loaded in a process of its own, and that could not be started ({why}); start Streetwise again"
    )]
    NotTried {
        /// Identifier of the model.
        model: String,
        /// What was in the way.
        why: String,
    },
    /// Another folder carries the same identifier.
    #[error(
        "model {model}: the folder {} carries the identifier of {}, which is used; remove one of them, or change `id` in its model.json", folder.display(), other.display()
    )]
    Twice {
        /// The identifier of both.
        model: String,
        /// The folder that is not used.
        folder: PathBuf,
        /// The folder that is.
        other: PathBuf,
    },
    /// CUDA was demanded and cannot be had.
    #[error("CUDA cannot be used: {why}; use --device auto or cpu, or run `streetwise runtime install cuda`")]
    NoCuda {
        /// What is missing.
        why: String,
    },
    /// It was found to be unusable when the models were listed; the sentence names it.
    #[error("{0}")]
    Refused(String),
    /// No model of that name.
    #[error("there is no model named {model}; known models: {known}")]
    Unknown {
        /// The name asked for.
        model: String,
        /// Identifiers that exist.
        known: String,
    },
    /// Adding or removing failed.
    #[error("model {model}: {what}")]
    Change {
        /// Identifier of the model.
        model: String,
        /// What was wrong, and what to do.
        what: String,
    },
}

/// The engine's messages run over many lines; the first says what is missing.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}
