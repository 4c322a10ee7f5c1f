//! What `events.jsonl` says of a run.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;

use super::protocol::{Body, Event, Metrics, Progress, Reader, Skipped};
use super::state::State;

/// The part that this program adds after the trainer's: its check of the model.
pub const VERIFY: &str = "verify";

/// Times of events that are believed, in seconds since 1970: up to the year 5138. Differences of them are durations.
const PLAUSIBLE: std::ops::Range<f64> = 0.0..1e11;

/// Everything a run said so far, folded.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What it is doing.
    pub state: State,
    /// The part of the run that began last.
    pub phase: Option<String>,
    /// How far that part was, where it said so.
    pub progress: Option<Progress>,
    /// Figures of the epochs, each epoch once, the latest word on it.
    pub epochs: Vec<Metrics>,
    /// Learning rate that the finder suggested.
    pub lr_suggestion: Option<f64>,
    /// The finder's curve: learning rate and loss of each step.
    pub lr_curve: Vec<(f64, f64)>,
    /// Resident bytes of the trainer at its last word on them.
    pub memory: Option<u64>,
    /// Warnings as `kind: message`.
    pub warnings: Vec<String>,
    /// Why it failed or stopped, and what to do.
    pub ending: Option<Ending>,
    /// Whether its model was verified on this machine and added to the user's models.
    pub registered: bool,
    /// Whether the check of its model on this machine has begun.
    pub verifying: bool,
    /// Parts of the run, as the trainer counts them.
    pub parts: u32,
    /// Trainers that worked on it: one, and one more for each resume.
    pub processes: u32,
    /// Time that was worked, in seconds: by trainers, each to its last word, and by checks of the model.
    pub seconds: f64,
    /// Time of each phase, in seconds, over all processes.
    pub phases: Vec<(String, f64)>,
    /// The number the next line gets.
    pub next_seq: u64,
    /// Lines that were passed over.
    pub skipped: Skipped,
}

/// The last word of the last process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// `done`, `asked`, `parent`, or the kind of error.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Summary {
    /// Reads the events of a run; `locked` says whether a trainer lives.
    #[must_use]
    pub fn read(events: &Path, locked: bool) -> Self {
        let mut follower = Follower::default();
        // A file that ends in the middle of a line ends with that line here.
        follower.take(events, true);
        follower.fold.finish(locked)
    }

    /// Figures of the last epoch.
    #[must_use]
    pub fn last(&self) -> Option<&Metrics> {
        self.epochs.last()
    }

    /// Figures of the epoch with the best macro-F1.
    #[must_use]
    pub fn best(&self) -> Option<&Metrics> {
        let score = |m: &&Metrics| m.macro_f1.unwrap_or(f64::NEG_INFINITY);
        self.epochs.iter().max_by(|a, b| score(a).total_cmp(&score(b)))
    }
}

/// Reads a run's events as they grow, each line once.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    fold: Fold,
    /// Bytes that were read, up to the end of a line.
    read: u64,
    locked: bool,
}

impl Follower {
    /// Takes in what was written since the last time; the summary where anything changed, or at the first time.
    pub fn refresh(&mut self, events: &Path, locked: bool) -> Option<Summary> {
        let first = self.read == 0;
        let grown = self.take(events, false);
        let turned = std::mem::replace(&mut self.locked, locked) != locked;
        (first || grown || turned).then(|| self.fold.clone().finish(locked))
    }

    /// Reads on; whether there was anything. A line that is still being written is left for the next time, unless
    /// it is the `last`. A file that became shorter is another one and is read anew.
    fn take(&mut self, events: &Path, last: bool) -> bool {
        let Ok(mut file) = File::open(events) else { return false };
        let length = file.metadata().map_or(0, |data| data.len());
        if length < self.read {
            *self = Self { locked: self.locked, ..Self::default() };
        }
        let end = if last { Ok(length) } else { end_of_lines(&mut file, self.read, length) };
        let Some(fresh) = end.ok().map(|end| end - self.read).filter(|fresh| *fresh > 0) else {
            return false;
        };
        if file.seek(SeekFrom::Start(self.read)).is_err() {
            return false;
        }
        self.read += fresh;
        let mut reader = Reader::new(BufReader::new(file.take(fresh)));
        // Another version in the middle of a file ends what can be understood of it.
        while let Ok(Some(event)) = reader.next_event() {
            self.fold.event(event);
        }
        self.fold.summary.skipped += reader.skipped;
        true
    }
}

/// The end of the last whole line between two places of a file, looked for from the back; `from` where there is none.
fn end_of_lines(file: &mut File, from: u64, to: u64) -> std::io::Result<u64> {
    const BLOCK: u64 = 1 << 16;
    let mut end = to;
    while end > from {
        let begin = from.max(end.saturating_sub(BLOCK));
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        std::io::Read::take(&mut *file, end - begin).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(from)
}

/// The state machine over the events.
#[derive(Debug, Clone, Default)]
struct Fold {
    summary: Summary,
    started: Option<f64>,
    last_time: f64,
    phase_since: f64,
    end: Option<State>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            state: State::Queued,
            phase: None,
            progress: None,
            epochs: Vec::new(),
            lr_suggestion: None,
            lr_curve: Vec::new(),
            memory: None,
            warnings: Vec::new(),
            ending: None,
            registered: false,
            verifying: false,
            parts: 0,
            processes: 0,
            seconds: 0.0,
            phases: Vec::new(),
            next_seq: 0,
            skipped: Skipped::default(),
        }
    }
}

impl Fold {
    fn event(&mut self, event: Event) {
        // A time that no clock tells counts as that of the event before.
        let time = if PLAUSIBLE.contains(&event.time) { event.time } else { self.last_time };
        let event = Event { time, ..event };
        let s = &mut self.summary;
        s.next_seq = s.next_seq.max(event.seq.saturating_add(1));
        match event.body {
            Body::Hello { .. } => {
                self.close();
                let s = &mut self.summary;
                (s.ending, s.phase, s.progress, s.verifying) = (None, None, None, false);
                s.processes += 1;
                (self.started, self.end) = (Some(event.time), None);
                self.phase_since = event.time;
            }
            Body::Phase { name, of, .. } => {
                if name == VERIFY {
                    // It may begin days after the trainer's last word; the time between is nobody's work.
                    self.close();
                    (self.started, self.phase_since) = (Some(event.time), event.time);
                }
                self.close_phase(event.time);
                let s = &mut self.summary;
                s.verifying = name == VERIFY;
                (s.phase, s.progress) = (Some(name), None);
                if !s.verifying {
                    s.parts = of;
                }
                // The check begins anew, so what came of the one before no longer counts.
                if s.verifying {
                    s.ending = None;
                    self.end = Some(State::Done);
                }
            }
            Body::Progress(progress) => s.progress = Some(progress),
            Body::LrFind { lrs, losses, suggestion } => {
                s.lr_suggestion = suggestion;
                s.lr_curve =
                    lrs.into_iter().zip(losses).filter_map(|(lr, loss)| Some((lr?, loss?))).collect();
            }
            Body::Metrics(metrics) => {
                s.epochs.retain(|known| known.epoch < metrics.epoch);
                s.memory = metrics.memory.or(s.memory);
                s.epochs.push(*metrics);
            }
            Body::Warning { kind, message, .. } => s.warnings.push(format!("{kind}: {message}")),
            Body::Artifact { kind, .. } => s.registered |= kind == "model" && s.verifying,
            Body::Heartbeat { memory } => s.memory = memory.or(s.memory),
            Body::Checkpoint { .. } => {}
            Body::Done { .. } => self.ends(State::Done, "done", String::new(), String::new()),
            Body::Stopped { why, .. } => self.ends(State::Stopped, &why, String::new(), String::new()),
            Body::Error { kind, message, hint } => self.ends(State::Failed, &kind, message, hint),
        }
        self.last_time = event.time;
    }

    fn ends(&mut self, state: State, kind: &str, message: String, hint: String) {
        self.end = Some(state);
        self.summary.ending = Some(Ending { kind: kind.to_owned(), message, hint });
    }

    fn close_phase(&mut self, now: f64) {
        if let Some(name) = self.summary.phase.clone() {
            let seconds = (now - self.phase_since).max(0.0);
            match self.summary.phases.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += seconds,
                None => self.summary.phases.push((name, seconds)),
            }
        }
        self.phase_since = now;
    }

    /// Ends the account of a process at its last word.
    fn close(&mut self) {
        self.close_phase(self.last_time);
        if let Some(started) = self.started.take() {
            self.summary.seconds += (self.last_time - started).max(0.0);
        }
    }

    fn finish(mut self, locked: bool) -> Summary {
        self.close();
        let s = &mut self.summary;
        s.state = match (locked, self.end, s.processes) {
            (true, _, _) => State::Running,
            (false, Some(end), _) => end,
            (false, None, 0) => State::Queued,
            (false, None, _) => State::Interrupted,
        };
        self.summary
    }
}

/// A part of a run, for people.
#[must_use]
pub fn phase_in_words(name: &str) -> &str {
    match name {
        "check" => "looking through the data",
        "cache" => "preparing the pictures",
        "lr_find" => "finding the learning rate",
        "frozen" => "training the head",
        "train" => "training",
        "evaluate" => "measuring",
        "export" => "exporting and comparing with PyTorch",
        "verify" => "verifying the model on this machine",
        "activations" => "drawing what excites the network",
        other => other,
    }
}

/// Appends a line of this program to a run's events, with the next number. A line that a killed trainer left
/// unfinished is ended first.
///
/// # Errors
/// When the disk refuses.
pub fn append(events: &Path, seq: u64, body: Body) -> std::io::Result<Event> {
    let mut file = File::options().read(true).append(true).create(true).open(events)?;
    let mut text = Vec::new();
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push(b'\n');
        }
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let event = Event { body, seq, time: now.map_or(0.0, |time| time.as_secs_f64()) };
    serde_json::to_writer(&mut text, &event)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_data()?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_file_is_read_line_by_line_once_and_a_new_one_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let line =
            |seq: u64| format!("{{\"type\":\"heartbeat\",\"memory\":{seq},\"seq\":{seq},\"time\":1}}\n");
        let mut follower = Follower::default();
        assert!(follower.refresh(&path, false).is_some(), "the first time always says something");
        std::fs::write(&path, line(0) + &line(1)[..20]).unwrap();
        assert_eq!(follower.refresh(&path, false).unwrap().next_seq, 1);
        assert!(follower.refresh(&path, false).is_none(), "half a line is left for the next time");
        // A long line is passed over without being kept, and what comes after it is read.
        std::fs::write(&path, line(0) + &line(1) + &"x".repeat(200_000) + "\n" + &line(2)).unwrap();
        let summary = follower.refresh(&path, false).unwrap();
        assert_eq!((summary.next_seq, summary.skipped.junk, summary.memory), (3, 1, Some(2)));
        assert!(follower.refresh(&path, true).is_some(), "a trainer that lives is news");
        std::fs::write(&path, line(7)).unwrap();
        assert_eq!(follower.refresh(&path, true).unwrap().next_seq, 8);
    }

    const GOLDEN: &str = include_str!("../../tests/protocol/v1.jsonl");

    /// The golden events up to and with the line of number `seq`.
    fn until(seq: usize, locked: bool) -> Summary {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: String = GOLDEN.lines().take(seq + 1).map(|line| format!("{line}\n")).collect();
        std::fs::write(file.path(), text).unwrap();
        Summary::read(file.path(), locked)
    }

    #[test]
    fn the_state_follows_the_last_word_and_the_lock() {
        for (seq, locked, expected) in [
            (0, true, State::Running),
            (13, false, State::Interrupted),
            (15, false, State::Stopped),
            (16, false, State::Interrupted),
            (17, false, State::Failed),
            (30, false, State::Done),
            (30, true, State::Running),
        ] {
            assert_eq!(until(seq, locked).state, expected, "line {seq}");
        }
        assert_eq!(Summary::read(Path::new("/no/such/file"), false).state, State::Queued);
    }

    #[test]
    fn a_time_or_a_number_that_cannot_be_is_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for time in ["1e308", "-1e308", "-5", "1e12"] {
            let lines = format!(
                "{{\"type\":\"hello\",\"v\":1,\"run\":\"r\",\"pid\":1,\"resumed\":false,\"seq\":0,\"time\":100}}\n\
                 {{\"type\":\"heartbeat\",\"seq\":1,\"time\":160}}\n\
                 {{\"type\":\"heartbeat\",\"seq\":18446744073709551615,\"time\":{time}}}\n"
            );
            std::fs::write(file.path(), lines).unwrap();
            let s = Summary::read(file.path(), false);
            assert!((s.seconds - 60.0).abs() < 1e-9, "{time}: {}", s.seconds);
            assert_eq!(s.skipped.total(), 0, "{time}");
        }
    }

    #[test]
    fn epochs_warnings_and_times_are_kept_over_resumes() {
        let s = until(30, false);
        assert_eq!(s.epochs.iter().map(|m| m.epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(s.best().unwrap().epoch, 3);
        assert_eq!((s.processes, s.next_seq, s.registered), (3, 31, false));
        assert_eq!(s.lr_suggestion, Some(0.001));
        assert!(s.warnings[0].starts_with("blank: 2 pictures"));
        // 1764000000.5 to …019.0, …079.0 to …079.5, …139.5 to …169.0.
        assert!((s.seconds - (18.5 + 0.5 + 29.5)).abs() < 1e-6, "{}", s.seconds);
        let train = s.phases.iter().find(|(name, _)| name == "train").unwrap().1;
        assert!((train - (1.0 + 26.0)).abs() < 1e-6, "{train}");
        assert_eq!(until(17, false).ending.unwrap().kind, "disk-full");
    }

    #[test]
    fn the_check_of_the_model_counts_only_after_its_own_beginning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // The trainer died in the middle of a line after it was done.
        std::fs::write(file.path(), format!("{GOLDEN}{{\"type\":\"heart")).unwrap();
        let verify = || Body::Phase { name: "verify".into(), index: 8, of: 8 };
        let seq = |file: &Path| Summary::read(file, false).next_seq;
        append(file.path(), seq(file.path()), verify()).unwrap();
        let refused = Body::Error { kind: "export-gate".into(), message: "m".into(), hint: "h".into() };
        append(file.path(), seq(file.path()), refused).unwrap();
        let s = Summary::read(file.path(), false);
        // The golden run is years old: what lies between it and this check was no work.
        assert!((s.seconds - 48.5).abs() < 60.0, "{}", s.seconds);
        let export = s.phases.iter().find(|(name, _)| name == "export").unwrap().1;
        assert!((export - 1.0).abs() < 1e-6, "{export}");
        assert_eq!((s.state, s.registered, s.skipped.junk, s.next_seq), (State::Failed, false, 1, 33));
        append(file.path(), 33, verify()).unwrap();
        let model = Body::Artifact { kind: "model".into(), path: "p".into(), sha256: "s".into() };
        append(file.path(), 34, model).unwrap();
        let s = Summary::read(file.path(), false);
        assert_eq!((s.state, s.registered, s.ending), (State::Done, true, None));
    }
}
