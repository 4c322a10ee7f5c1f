//! A run as it goes on: a bar on a terminal, plain lines elsewhere, the events themselves with `--json`.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::interrupts::{count_interrupts, interrupts};
use crate::cli::output::{OutputError, say, tell};
use crate::training::drive::{Watch, Wish};
use crate::training::process::STOPS_WITHIN;
use crate::training::protocol::{Body, Event, Metrics, Progress, Skipped};
use crate::training::runs::{Run, State};
use crate::training::summary::{VERIFY, phase_in_words};

/// Seconds between two plain lines of progress.
const PLAIN_EVERY: Duration = Duration::from_secs(15);

/// Shows a run.
pub(crate) struct Live {
    json: bool,
    bar: ProgressBar,
    terminal: bool,
    last_plain: Option<Instant>,
    told_stop: bool,
    told_queue: bool,
    verifying: bool,
    /// Whether standard output has failed: nobody can follow the run any more, so it is stopped.
    unheard: bool,
}

impl Live {
    /// Names the run and gets ready; Ctrl-C is a wish from here on.
    pub(crate) fn new(run: &Run, json: bool) -> anyhow::Result<Self> {
        count_interrupts()?;
        let terminal = !json && std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix:>10} {wide_bar} {pos}/{len}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let live = Self {
            json,
            bar,
            terminal,
            last_plain: None,
            told_stop: false,
            told_queue: false,
            verifying: false,
            unheard: false,
        };
        let (epochs, seed) = (run.recipe.total_epochs(), run.recipe.seed);
        live.say(&format!("run {}: {epochs} epochs, seed {seed}, in {}", run.id, run.folder.display()));
        Ok(live)
    }

    /// The last line: the run's state in words, or as an object.
    pub(crate) fn ends(&self, run: &Run, state: State, more: &Value, words: &str) -> Result<(), OutputError> {
        self.bar.finish_and_clear();
        if !self.json {
            return say!("run {}: {words}", run.id);
        }
        let mut line = json!({ "run": run.id, "state": state, "folder": run.folder });
        if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
            line.extend(more.clone());
        }
        say!("{line}")
    }

    fn say(&self, line: &str) {
        match (self.json, self.terminal) {
            (true, _) => {}
            (false, true) => self.bar.println(line),
            (false, false) => tell!("{line}"),
        }
    }

    fn progress(&mut self, p: &Progress) {
        let left = p.eta_s.filter(|s| s.is_finite() && *s >= 0.0).map_or_else(String::new, |seconds| {
            format!("{} left", HumanDuration(Duration::from_secs_f64(seconds.min(1e9))))
        });
        let epoch = match (p.epoch, p.epochs) {
            (Some(epoch), Some(epochs)) => format!("epoch {epoch}/{epochs} "),
            _ => String::new(),
        };
        if self.terminal {
            self.bar.set_prefix(p.phase.clone());
            self.bar.set_length(p.total);
            self.bar.set_position(p.done);
            self.bar.set_message(format!("{epoch}{left}"));
        } else if self.last_plain.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) {
            self.last_plain = Some(Instant::now());
            self.say(&format!("{}: {epoch}{}/{} {left}", p.phase, p.done, p.total));
        }
    }

    fn in_words(&mut self, body: &Body) {
        match body {
            Body::Phase { name, index, of } => {
                self.bar.set_message(String::new());
                self.bar.set_prefix(name.clone());
                self.say(&format!("part {index} of {of}: {}", phase_in_words(name)));
            }
            Body::Progress(progress) => self.progress(progress),
            Body::LrFind { suggestion: Some(rate), .. } => {
                self.say(&format!("learning rate: {rate:.2e} is suggested"));
            }
            Body::Metrics(metrics) => self.say(&epoch_line(metrics)),
            Body::Warning { message, hint, .. } => self.say(&format!("warning: {message}; {hint}")),
            Body::Hello { resumed: true, .. } => self.say("going on from the last checkpoint"),
            _ => {}
        }
    }
}

/// An epoch's figures in a line.
pub(crate) fn epoch_line(m: &Metrics) -> String {
    let loss = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let share =
        |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{:.1} %", value * 100.0));
    format!(
        "epoch {}/{}  loss {} / {} held out  top-1 {}  top-5 {}  F1 {}  {:.1} s",
        m.epoch,
        m.epochs,
        loss(m.train_loss),
        loss(m.valid_loss),
        share(m.accuracy),
        share(m.top5),
        share(m.macro_f1),
        m.seconds.unwrap_or(0.0)
    )
}

impl Watch for Live {
    fn waits(&mut self) -> bool {
        if !self.told_queue {
            self.told_queue = true;
            self.say("another run is going on; waiting for its end (Ctrl-C gives up)");
        }
        interrupts() == 0 && !self.unheard
    }

    fn event(&mut self, event: &Event) {
        self.verifying = matches!(&event.body, Body::Phase { name, .. } if name == VERIFY)
            || (self.verifying && !event.is_end());
        if !self.json {
            self.in_words(&event.body);
        } else if let Ok(line) = serde_json::to_string(event) {
            self.unheard |= say!("{line}").is_err();
        }
    }

    fn skipped(&mut self, skipped: Skipped) {
        let words = format!(
            "the trainer said what is no event ({} lines of other text, {} too long, {} of unknown types); passed over",
            skipped.junk, skipped.too_long, skipped.unknown
        );
        if self.json {
            self.unheard |= say!("{}", json!({ "type": "skipped", "skipped": skipped })).is_err();
        } else {
            self.say(&format!("warning: {words}"));
        }
    }

    fn wish(&mut self) -> Wish {
        let wish = match interrupts() {
            0 if !self.unheard => return Wish::GoOn,
            0 | 1 => Wish::Stop,
            _ => Wish::Kill,
        };
        if !self.told_stop {
            self.told_stop = true;
            let seconds = STOPS_WITHIN.as_secs();
            self.say(&match self.verifying {
                true => "stopping the check of the model".to_owned(),
                false => format!(
                    "stopping: a checkpoint is written, within {seconds} s (Ctrl-C again ends it now)"
                ),
            });
        }
        wish
    }
}
