//! The trainer's process: in a group of its own, read by a thread, ended by the end of its standard input.
//!
//! A terminal's Ctrl-C does not reach the group, so the app decides what becomes of the run. When the app dies, however
//! it dies, the system closes the pipe to the trainer's standard input; the trainer then writes a checkpoint and ends.
//! It is never killed for the app's death: that would cost the checkpoint. Standard error goes straight into
//! `stderr.log`, so no amount of it can fill a pipe, and it outlives the app.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

#[cfg(windows)]
use process_wrap::std::JobObject;
#[cfg(unix)]
use process_wrap::std::ProcessGroup;
use process_wrap::std::{ChildWrapper, CommandWrap};

use super::protocol::{Command, Event, ProtocolError, Reader, Skipped};

/// How long the app waits for a trainer before it kills it: a little longer than the trainer waits for itself
/// (`control.py`), so that its last word is heard.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After it was asked to stop: it writes a checkpoint, to a slow disk perhaps.
    pub asked: Duration,
    /// After its standard input ended, by which it learns that the app is gone.
    pub let_go: Duration,
}

/// Time that a trainer gives itself to stop with a checkpoint when it is asked to: `ASKED_DEADLINE` of `control.py`.
pub const STOPS_WITHIN: Duration = Duration::from_secs(120);

impl Default for Patience {
    fn default() -> Self {
        Self { asked: STOPS_WITHIN + Duration::from_secs(5), let_go: Duration::from_secs(10) }
    }
}

/// How often a silent trainer is looked after, and a wish to stop is heard.
const TICK: Duration = Duration::from_millis(100);
/// Time that the output of a trainer that has ended is still listened to.
const LEFTOVER: Duration = Duration::from_secs(2);

/// A trainer could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the trainer could not be started with {} ({source}); run `streetwise train setup`", program.display())]
pub struct StartError {
    program: PathBuf,
    source: std::io::Error,
}

/// What the reading thread hands over.
#[derive(Debug)]
pub enum Said {
    /// An event.
    Event(Box<Event>),
    /// Lines were passed over, so many in all; sent when the first of a kind is.
    Skipped(Skipped),
    /// Reading ended for another reason than the trainer's end.
    Refused(ProtocolError),
}

/// What listening for a moment brought.
#[derive(Debug)]
pub enum Heard {
    /// The trainer said this.
    Said(Said),
    /// It said nothing.
    Nothing,
    /// It has ended, and everything it said was heard.
    End,
}

/// A running trainer. Dropping it lets go of its standard input and waits, so that none is left behind.
#[derive(Debug)]
pub struct Process {
    child: Box<dyn ChildWrapper>,
    stdin: Option<ChildStdin>,
    said: Receiver<Said>,
    let_go: Duration,
    ended: Option<Instant>,
}

impl Process {
    /// Starts `command` in a group of its own, its standard error appended to `stderr`. `let_go` is the time it has to
    /// end once its standard input did.
    ///
    /// # Errors
    /// [`StartError`], which names the program.
    pub fn start(
        mut command: std::process::Command,
        stderr: &Path,
        let_go: Duration,
    ) -> Result<Self, StartError> {
        let program = PathBuf::from(command.get_program());
        let attempt = || -> std::io::Result<Self> {
            let log = File::options().create(true).append(true).open(stderr)?;
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
            let mut wrapped = CommandWrap::from(command);
            #[cfg(unix)]
            wrapped.wrap(ProcessGroup::leader());
            #[cfg(windows)]
            wrapped.wrap(JobObject);
            let mut child = wrapped.spawn()?;
            let stdin = child.stdin().take();
            let (sender, said) = channel();
            if let Some(stdout) = child.stdout().take() {
                // Never joined: a process that left the group could hold the pipe open for ever.
                std::thread::spawn(move || {
                    read_all(BufReader::new(stdout), &|said| sender.send(said).is_ok());
                });
            }
            Ok(Self { child, stdin, said, let_go, ended: None })
        };
        attempt().map_err(|source| StartError { program, source })
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Listens for a tenth of a second.
    pub fn listen(&mut self) -> Heard {
        match self.said.recv_timeout(TICK) {
            Ok(said) => Heard::Said(said),
            Err(RecvTimeoutError::Disconnected) => Heard::End,
            // Its group is killed with its end, which ends its output. A process that left the group and holds the
            // output open is not waited for.
            Err(RecvTimeoutError::Timeout)
                if self.ended().is_some_and(|since| since.elapsed() > LEFTOVER) =>
            {
                Heard::End
            }
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
        }
    }

    /// Tells the trainer something. One that has just ended does not hear it, which is no error.
    pub fn tell(&mut self, command: Command) {
        if let (Some(stdin), Ok(mut line)) = (&mut self.stdin, serde_json::to_vec(&command)) {
            line.push(b'\n');
            let _ = stdin.write_all(&line).and_then(|()| stdin.flush());
        }
    }

    /// Since when the trainer itself has ended. What it left of its group is killed then: a worker that outlives its
    /// trainer would hold the pipe open.
    pub fn ended(&mut self) -> Option<Instant> {
        if self.ended.is_none() && matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            self.ended = Some(Instant::now());
            let _ = self.child.start_kill();
        }
        self.ended
    }

    /// Lets go of the trainer's standard input, waits for its end, and kills its group when it takes longer than
    /// the patience given at the start. Returns its status, none where it had to be killed.
    pub fn finish(&mut self) -> Option<ExitStatus> {
        self.stdin = None;
        let deadline = Instant::now() + self.let_go;
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let in_time = self.ended.is_some();
        self.kill();
        let status = self.child.wait().ok();
        self.ended.get_or_insert_with(Instant::now);
        status.filter(|_| in_time)
    }

    /// Kills the whole group now, unless the trainer has ended: its number may be another's by then.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.start_kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Reads to the end and hands everything over while someone listens.
fn read_all(source: impl std::io::BufRead, hand_over: &dyn Fn(Said) -> bool) {
    let mut reader = Reader::new(source);
    let mut told = Skipped::default();
    loop {
        let next = reader.next_event();
        let new = [
            (told.junk, reader.skipped.junk),
            (told.too_long, reader.skipped.too_long),
            (told.unknown, reader.skipped.unknown),
        ];
        if new.iter().any(|(told, now)| *told == 0 && *now > 0) {
            told = reader.skipped;
            hand_over(Said::Skipped(told));
        }
        let go_on = match next {
            Ok(Some(event)) => hand_over(Said::Event(Box::new(event))),
            Ok(None) => return,
            Err(error) => {
                hand_over(Said::Refused(error));
                false
            }
        };
        if !go_on {
            // Nobody listens any more; the pipe is emptied all the same, so that the trainer can end.
            return drain(reader);
        }
    }
}

fn drain(reader: Reader<impl std::io::BufRead>) {
    let _ = std::io::copy(&mut reader.into_inner(), &mut std::io::sink());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trainer_is_waited_for_longer_than_it_waits_for_itself() {
        let control = include_str!("../../export/streetwise_train/control.py");
        let seconds = |name: &str| -> f64 {
            let line = control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.unwrap().parse().unwrap()
        };
        let (asked, parent) = (seconds("ASKED_DEADLINE"), seconds("PARENT_DEADLINE"));
        assert!((asked - STOPS_WITHIN.as_secs_f64()).abs() < 1e-9, "{asked}");
        let patience = Patience::default();
        assert!(patience.asked.as_secs_f64() > asked && patience.let_go.as_secs_f64() > parent);
    }
}
