//! The trainer's protocol, version 1: JSON lines on its standard output, the same lines in `events.jsonl`.
//!
//! The trainer is another program in another language, so nothing it says is trusted to be short, to be text or to
//! be known: a [`Reader`] never holds more than [`MAX_LINE`] bytes, counts what it passes over, and refuses only
//! another version. The golden file `tests/protocol/v1.jsonl` is read by both languages' tests.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that is spoken.
pub const VERSION: u64 = 1;
/// Bytes of a line beyond which it is passed over, unread.
pub const MAX_LINE: usize = 1 << 20;

/// Everything the trainer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Body {
    /// The first line of every process.
    Hello { v: u64, run: String, pid: u32, resumed: bool },
    /// A part of the run begins.
    Phase { name: String, index: u32, of: u32 },
    /// How far a part is; the epoch is none outside training.
    Progress(Progress),
    /// The curve of the learning-rate finder, and the rate it suggests.
    LrFind { lrs: Vec<Option<f64>>, losses: Vec<Option<f64>>, suggestion: Option<f64> },
    /// An epoch ended.
    Metrics(Box<Metrics>),
    /// A checkpoint lies whole on the disk.
    Checkpoint { epoch: u32, batch: u32, path: String, sha256: String },
    /// Something to know that does not end the run.
    Warning { kind: String, message: String, hint: String },
    /// A file was made.
    Artifact { kind: String, path: String, sha256: String },
    /// It lives; resident bytes.
    Heartbeat { memory: Option<u64> },
    /// The end: all went well. Seconds by phase, and the last and best figures.
    Done { seconds: BTreeMap<String, f64>, metrics: Value },
    /// The end: asked to stop, or the app is gone; a checkpoint was written.
    Stopped { epoch: u32, batch: u32, why: String },
    /// The end: it could not go on.
    Error { kind: String, message: String, hint: String },
}

/// Types of [`Body`]; anything else is counted and passed over.
const TYPES: [&str; 12] = [
    "hello",
    "phase",
    "progress",
    "lr_find",
    "metrics",
    "checkpoint",
    "warning",
    "artifact",
    "heartbeat",
    "done",
    "stopped",
    "error",
];

/// How far a part of the run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The part.
    pub phase: String,
    /// Epoch, from 1.
    pub epoch: Option<u32>,
    /// Epochs in all.
    pub epochs: Option<u32>,
    /// Batch of the epoch.
    pub batch: Option<u32>,
    /// Batches an epoch.
    pub batches: Option<u32>,
    /// Pictures or steps done.
    pub done: u64,
    /// Of so many.
    pub total: u64,
    /// Time left, in seconds.
    pub eta_s: Option<f64>,
}

/// The figures of an epoch, on the held-out places; none where a value is not a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Epoch, from 1 over the frozen and the others.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// `frozen` or `train`.
    pub stage: String,
    /// Mean loss of the training pictures.
    pub train_loss: Option<f64>,
    /// Mean loss of the held-out pictures.
    pub valid_loss: Option<f64>,
    /// Share of right first guesses.
    pub accuracy: Option<f64>,
    /// The study's `accuracy_multi`.
    pub accuracy_multi: Option<f64>,
    /// The study's F1.
    pub f1: Option<f64>,
    /// Share of pictures whose country is among the first three.
    pub top3: Option<f64>,
    /// Share of pictures whose country is among the first five.
    pub top5: Option<f64>,
    /// Mean of F1 over the countries.
    pub macro_f1: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
    /// F1 by country code.
    pub per_country_f1: BTreeMap<String, Option<f64>>,
    /// Learning rate at the end of the epoch.
    pub lr: Option<f64>,
    /// Duration of the epoch.
    pub seconds: Option<f64>,
    /// Resident bytes.
    pub memory: Option<u64>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
    /// Running number over all processes of a run.
    pub seq: u64,
    /// Seconds since 1970, UTC.
    pub time: f64,
}

impl Event {
    /// Whether nothing comes after it from this process.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.body, Body::Done { .. } | Body::Stopped { .. } | Body::Error { .. })
    }
}

/// What the app says on the trainer's standard input; its end says that the app is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Write a checkpoint and end.
    Stop,
    /// Wait after the batch at hand.
    Pause,
    /// Go on.
    Resume,
}

/// Lines that were passed over, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Not a JSON object of a known form.
    pub junk: u64,
    /// Longer than [`MAX_LINE`].
    pub too_long: u64,
    /// Of a type that this version does not know.
    pub unknown: u64,
}

impl Skipped {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.junk + self.too_long + self.unknown
    }
}

impl std::ops::AddAssign for Skipped {
    fn add_assign(&mut self, other: Self) {
        self.junk += other.junk;
        self.too_long += other.too_long;
        self.unknown += other.unknown;
    }
}

/// Why reading ended before the trainer did.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The trainer speaks another version.
    #[error(
        "the trainer speaks version {found} of the protocol, this Streetwise version {VERSION}; \
         run `streetwise train setup` again, or update Streetwise"
    )]
    Version {
        /// Version found.
        found: u64,
    },
    /// The pipe or file broke.
    #[error("the trainer's lines could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads events, passing over what is none.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    line: Vec<u8>,
    /// What was passed over so far.
    pub skipped: Skipped,
}

impl<R: BufRead> Reader<R> {
    /// A reader of lines.
    pub fn new(source: R) -> Self {
        Self { source, line: Vec::new(), skipped: Skipped::default() }
    }

    /// The rest, unread.
    pub fn into_inner(self) -> R {
        self.source
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// [`ProtocolError::Version`] for a `hello` of another version, [`ProtocolError::Io`] when reading fails.
    pub fn next_event(&mut self) -> Result<Option<Event>, ProtocolError> {
        loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(false) => self.skipped.too_long += 1,
                Some(true) => {
                    if let Some(event) = self.parse()? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Event>, ProtocolError> {
        if self.line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let value: Option<Value> = serde_json::from_slice(&self.line).ok();
        let kind = value.as_ref().and_then(|value| value.get("type")).and_then(Value::as_str);
        let (Some(kind), Some(value)) = (kind, &value) else {
            self.skipped.junk += 1;
            return Ok(None);
        };
        if let ("hello", Some(found)) = (kind, value.get("v").and_then(Value::as_u64))
            && found != VERSION
        {
            return Err(ProtocolError::Version { found });
        }
        if !TYPES.contains(&kind) {
            self.skipped.unknown += 1;
            return Ok(None);
        }
        let event = Event::deserialize(value).ok();
        self.skipped.junk += u64::from(event.is_none());
        Ok(event)
    }

    /// Fills `line`; `Some(false)` for a line that was too long and is gone, `None` at the end.
    fn next_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut any, mut fits) = (false, true);
        loop {
            let buffer = match self.source.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(any.then_some(fits));
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            fits &= self.line.len() + part.len() <= MAX_LINE;
            if fits {
                self.line.extend_from_slice(part);
            } else {
                self.line = Vec::new();
            }
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            if end.is_some() {
                return Ok(Some(fits));
            }
        }
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
