//! A question asked of a child process, with a time limit: what may crash or hang does so there.
//!
//! The child prints its answer last: `ok TEXT`, or `no SENTENCE`. One that prints neither has ended over the question.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a child is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(3);
/// Exit status of a child that panicked.
const PANICKED: i32 = 101;

/// What the child said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It worked; the text that belongs to it.
    Yes(String),
    /// It did not work; why, as a sentence.
    No(String),
}

/// The child said nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    /// It could not be started or watched.
    #[error("could not be tried ({0})")]
    NotTried(std::io::Error),
    /// It was ended when its time was over.
    #[error("did not answer in time")]
    TooLong,
    /// It crashed, or answered something else.
    #[error("ended the process that tried it")]
    Ended,
}

impl Answer {
    fn read(said: &str) -> Option<Self> {
        let last = said.lines().rfind(|line| !line.trim().is_empty())?.trim();
        let yes = last.strip_prefix("ok ").map(|text| Self::Yes(text.to_owned()));
        yes.or_else(|| last.strip_prefix("no ").map(|why| Self::No(why.to_owned())))
    }
}

/// Runs `command` and gives it `limit` to answer.
///
/// # Errors
/// [`Silence`] when there is no answer.
pub(crate) fn ask(command: &mut Command, limit: Duration) -> Result<Answer, Silence> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Silence::NotTried)?;
    let deadline = Instant::now() + limit;
    while child.try_wait().map_err(Silence::NotTried)?.is_none() {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Silence::TooLong);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let mut said = String::new();
    if let Some(mut out) = child.stdout.take() {
        let _ = out.read_to_string(&mut said);
    }
    Answer::read(&said).ok_or(Silence::Ended)
}

/// Called first in such a child: a panic ends it at once and quietly. Without this a panic inside an engine, which
/// cannot unwind through its C interface, would abort: a core file, or a dialog of the system.
pub(crate) fn end_on_panic() {
    std::panic::set_hook(Box::new(|_| std::process::exit(PANICKED)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer() {
        for (said, expected) in [
            ("ok 1.32.0\n", Some(Answer::Yes("1.32.0".into()))),
            ("a warning\nno too old\n\n", Some(Answer::No("too old".into()))),
            ("", None),
            ("ok 1\nthen something else", None),
        ] {
            assert_eq!(Answer::read(said), expected, "{said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_hangs_or_ends_is_told_apart() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            ask(&mut command, Duration::from_millis(500)).map_err(|silence| silence.to_string())
        };
        assert_eq!(shell("echo ok fine"), Ok(Answer::Yes("fine".into())));
        assert_eq!(shell("exec sleep 60"), Err("did not answer in time".into()));
        assert_eq!(shell("kill -9 $$"), Err("ended the process that tried it".into()));
        let gone = ask(&mut Command::new("no-such-tool-streetwise"), LOOK_EVERY).unwrap_err();
        assert!(gone.to_string().contains("could not be tried"), "{gone}");
    }
}
