//! What the window shows of training: a snapshot, replaced whole.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::Busy;
use crate::training::ablation::Table;
use crate::training::job::Job;
use crate::training::paint::Painted;
use crate::training::recipe::Recipe;
use crate::training::report::{Report, ReportError};
use crate::training::runs::State;
use crate::training::summary::Summary;
use crate::training::verify::Verified;

/// The state of everything that has to do with training.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Whether there is a trainer.
    pub trainer: TrainerState,
    /// All runs, newest first.
    pub runs: Vec<RunLine>,
    /// The runs that the window looks at, by name.
    pub details: BTreeMap<String, Arc<RunDetail>>,
    /// The run that this window drives.
    pub active: Option<Active>,
    /// The run that is painted for.
    pub painting: Option<Painting>,
    /// Runs that wait for it to end, in order.
    pub queue: VecDeque<String>,
    /// The data set that was looked into last.
    pub data: Option<DataLook>,
    /// Tables over finished runs that differ only in preset, pictures a country and seed.
    pub tables: Vec<Arc<Table>>,
    /// Models that were added since the window was opened.
    pub added: Vec<String>,
    /// A run that was made last, so that the window can show it.
    pub made: Option<String>,
    /// Sentences for the user, each until it is dismissed.
    pub notices: Vec<Notice>,
}

/// A sentence with a number to dismiss it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: u64,
    /// What happened and what to do.
    pub text: String,
}

/// Whether there is a trainer.
#[derive(Debug, Clone, Default)]
pub enum TrainerState {
    /// Not looked yet.
    #[default]
    Unknown,
    /// It can be used.
    Ready {
        /// The interpreter.
        python: PathBuf,
        /// What made its environment; none where the user named an interpreter.
        made_by: Option<String>,
    },
    /// It is not there.
    Missing {
        /// Why.
        why: String,
    },
    /// It is being made.
    SettingUp {
        /// Since when.
        since: Instant,
        /// The last lines that the tools said.
        lines: VecDeque<String>,
    },
}

/// One run in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLine {
    /// Its name.
    pub id: String,
    /// Architecture; empty for a damaged run.
    pub preset: String,
    /// Name of its model, for people.
    pub name: String,
    /// Identifier of its model.
    pub model_id: String,
    /// What it is doing.
    pub state: State,
    /// Epochs that are over.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// Best macro-F1 so far.
    pub best_f1: Option<f64>,
    /// Time that trainers worked on it, in seconds.
    pub seconds: f64,
    /// Whether its model was added.
    pub registered: bool,
    /// Whether it ended because the window was closed.
    pub cut_off: bool,
    /// Why it cannot be read, or failed.
    pub problem: Option<String>,
}

/// Everything of one run.
#[derive(Debug, Clone)]
pub struct RunDetail {
    /// Its name.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What is trained and how.
    pub recipe: Recipe,
    /// On which files.
    pub job: Job,
    /// What its events say.
    pub summary: Summary,
    /// What its evaluation found, or why that cannot be read.
    pub report: Option<Result<Arc<Report>, ReportError>>,
    /// What the check on this machine found.
    pub verified: Option<Verified>,
    /// What was painted for it.
    pub painted: Vec<Painted>,
    /// The last lines of its log.
    pub log: String,
}

/// The run that this window drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// Its name.
    pub id: String,
    /// Whether it was asked to wait.
    pub paused: bool,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// Whether a run of another program has the turn.
    pub waiting: bool,
}

/// The run whose exciting pictures are being painted.
#[derive(Debug, Clone)]
pub struct Painting {
    /// Its name.
    pub id: String,
    /// How far it is.
    pub doing: Busy,
}

/// A data set as the form needs it.
#[derive(Debug, Clone)]
pub struct DataLook {
    /// The folder or index.
    pub path: PathBuf,
    /// What was found; none while it is looked into.
    pub found: Option<Result<DataFacts, String>>,
}

/// What is in a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFacts {
    /// Pictures and places by country code.
    pub countries: BTreeMap<String, CountryFacts>,
    /// Pictures.
    pub images: usize,
    /// Places.
    pub places: usize,
    /// Rows and folders that name no picture of a country, as a sentence.
    pub left_out: Option<String>,
}

/// One country of a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountryFacts {
    /// Its pictures.
    pub images: usize,
    /// Its places.
    pub places: usize,
}

impl Board {
    /// The line of a run.
    #[must_use]
    pub fn run(&self, id: &str) -> Option<&RunLine> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// Whether anything changes by itself, so that it is worth looking again.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.active.is_some() || self.runs.iter().any(|run| run.state == State::Running)
    }
}

/// A first letter in capitals and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let rest = letters.as_str().trim_end();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
