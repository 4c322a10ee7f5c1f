//! Reads the run folders again and again, each line of events once.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::SystemTime;

use super::board::{RunDetail, RunLine};
use crate::training::paint::painted;
use crate::training::report::{Report, ReportError};
use crate::training::runs::{Run, RunError, RunStore, State, is_locked};
use crate::training::summary::{Follower, Summary};

/// Bytes of a run's log that are shown.
const LOG: i64 = 6000;

/// What is known of the runs.
#[derive(Debug, Default)]
pub(super) struct Reader {
    known: HashMap<String, Known>,
}

/// A report, or why it cannot be used.
type ReportRead = Result<Arc<Report>, ReportError>;

#[derive(Debug)]
struct Known {
    run: Run,
    /// When recipe and job were read; they are read again when the job is newer.
    job_time: Option<SystemTime>,
    follower: Follower,
    summary: Arc<Summary>,
    report: Option<(SystemTime, Option<ReportRead>)>,
}

impl Reader {
    /// All runs as they are now, newest first.
    pub(super) fn lines(&mut self, store: &RunStore) -> Vec<RunLine> {
        let ids = store.ids();
        self.known.retain(|id, _| ids.contains(id));
        ids.into_iter()
            .rev()
            .map(|id| match self.refresh(store, &id) {
                Ok(known) => line(&known.run, &known.summary),
                Err(error) => damaged(id, &error),
            })
            .collect()
    }

    /// Runs of those names that were read, oldest first.
    pub(super) fn runs(&self, ids: &[String]) -> impl Iterator<Item = &Run> {
        ids.iter().rev().filter_map(|id| self.known.get(id)).map(|known| &known.run)
    }

    /// Everything of one run.
    pub(super) fn detail(&mut self, store: &RunStore, id: &str) -> Option<RunDetail> {
        let known = self.refresh(store, id).ok()?;
        let changed = modified(&known.run, "evaluation.json");
        if known.report.as_ref().map(|(time, _)| *time) != changed {
            known.report = changed.map(|time| (time, Report::of(&known.run).map(|read| read.map(Arc::new))));
        }
        let run = &known.run;
        Some(RunDetail {
            id: run.id.clone(),
            folder: run.folder.clone(),
            recipe: run.recipe.clone(),
            job: run.job.clone(),
            summary: (*known.summary).clone(),
            report: known.report.as_ref().and_then(|(_, report)| report.clone()),
            verified: std::fs::read(run.file("verify.json"))
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok()),
            painted: painted(run),
            log: tail(run),
        })
    }

    fn refresh(&mut self, store: &RunStore, id: &str) -> Result<&mut Known, RunError> {
        let time = self.known.get(id).and_then(|known| modified(&known.run, "job.json"));
        if self.known.get(id).is_none_or(|known| known.job_time != time) {
            let run = store.get(id).inspect_err(|_| {
                self.known.remove(id);
            })?;
            let job_time = modified(&run, "job.json");
            let (follower, summary) = (Follower::default(), Arc::default());
            self.known.insert(id.to_owned(), Known { run, job_time, follower, summary, report: None });
        }
        let known = self.known.get_mut(id).ok_or_else(|| RunError::Unknown { id: id.to_owned() })?;
        let locked = is_locked(&known.run.file("run.lock"));
        if let Some(summary) = known.follower.refresh(&known.run.file("events.jsonl"), locked) {
            known.summary = Arc::new(summary);
        }
        Ok(known)
    }
}

fn modified(run: &Run, name: &str) -> Option<SystemTime> {
    std::fs::metadata(run.file(name)).and_then(|data| data.modified()).ok()
}

fn line(run: &Run, s: &Summary) -> RunLine {
    let ending = s.ending.as_ref();
    RunLine {
        id: run.id.clone(),
        preset: run.recipe.preset.clone(),
        name: run.job.name.clone(),
        model_id: run.job.model_id.clone(),
        state: s.state,
        epoch: s.last().map_or(0, |m| m.epoch),
        epochs: run.recipe.total_epochs(),
        best_f1: s.best().and_then(|m| m.macro_f1),
        seconds: s.seconds,
        registered: s.registered,
        cut_off: s.state == State::Stopped && ending.is_some_and(|ending| ending.kind == "parent")
            || s.state == State::Interrupted,
        problem: ending
            .filter(|ending| s.state == State::Failed && !ending.message.is_empty())
            .map(|ending| format!("{}; {}", ending.message, ending.hint)),
    }
}

fn damaged(id: String, error: &RunError) -> RunLine {
    RunLine {
        id,
        preset: String::new(),
        name: String::new(),
        model_id: String::new(),
        state: State::Failed,
        epoch: 0,
        epochs: 0,
        best_f1: None,
        seconds: 0.0,
        registered: false,
        cut_off: false,
        problem: Some(error.to_string()),
    }
}

/// The end of the run's log, from the begin of a line.
fn tail(run: &Run) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(run.file("stderr.log"))?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        file.seek(SeekFrom::End(-length.min(LOG)))?;
        let mut text = Vec::new();
        file.take(LOG.unsigned_abs()).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let full = i64::try_from(text.len()).unwrap_or(0) >= LOG;
    let cut = if full { text.find('\n').map_or(0, |end| end + 1) } else { 0 };
    text[cut..].trim_end().to_owned()
}
