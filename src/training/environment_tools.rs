//! Running `uv`, `venv` and `pip`, and finding a Python that the trainer runs on.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Why a tool did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It could not be started.
    #[error("`{tool}` could not be started ({source})")]
    Start {
        /// The program.
        tool: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was stopped.
    #[error("setting up was stopped; start it again and it goes on where it was")]
    Stopped,
    /// It ran and failed.
    #[error("`{tool}` failed: {said}")]
    Failed {
        /// The program.
        tool: String,
        /// Its last line.
        said: String,
    },
    /// Neither `uv` nor a fitting Python is there.
    #[error(
        "neither `uv` nor Python 3.11 to 3.13 was found; install uv (docs.astral.sh/uv) or such a Python"
    )]
    NoPython,
}

/// Who follows the setting up.
pub trait Follow {
    /// A step begins, or a tool says something.
    fn line(&self, text: &str);
    /// Asked a few times a second; the tool at work is ended when it is so.
    fn stopped(&self) -> bool {
        false
    }
}

/// Nobody listens.
pub(super) struct Unheard;

impl Follow for Unheard {
    fn line(&self, _: &str) {}
}

/// How often a wish to stop is heard.
const TICK: Duration = Duration::from_millis(200);

/// Runs a tool to its end; `follow` gets every line it says on either output.
pub(super) fn run_tool(command: &mut Command, follow: &dyn Follow) -> Result<(), ToolError> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let start = |source| ToolError::Start { tool: tool.clone(), source };
    let (reader, writer) = std::io::pipe().map_err(start)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(start)?)
        .stderr(writer)
        .spawn()
        .map_err(start)?;
    // The command holds the other ends of the pipe; without this the reader would wait for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let said = lines_of(reader);
    let mut last = String::from("it said nothing");
    loop {
        match said.recv_timeout(TICK) {
            Ok(line) => {
                follow.line(&line);
                last = line;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if follow.stopped() {
            // It may have ended by itself just now.
            let _ = child.kill();
            let _ = child.wait();
            return Err(ToolError::Stopped);
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(ToolError::Failed { tool, said: last }),
        Err(source) => Err(ToolError::Start { tool, source }),
    }
}

/// The lines that come out of a pipe, read by a thread: waiting for one must not keep a wish to stop from being heard.
fn lines_of(reader: std::io::PipeReader) -> Receiver<String> {
    let (sender, lines) = channel();
    // Never joined: a process that the tool left behind could hold the pipe open for ever.
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() && sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The name of a Python that the trainer's packages exist for.
pub(super) fn python_3() -> Result<String, ToolError> {
    const FITS: &str = "import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))";
    ["python3.13", "python3.12", "python3.11", "python3", "python", "py"]
        .into_iter()
        .find(|name| run_tool(Command::new(name).args(["-c", FITS]), &Unheard).is_ok())
        .map(str::to_owned)
        .ok_or(ToolError::NoPython)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Ear {
        heard: std::cell::RefCell<Vec<String>>,
        stop: bool,
    }

    impl Follow for Ear {
        fn line(&self, text: &str) {
            self.heard.borrow_mut().push(text.to_owned());
        }
        fn stopped(&self) -> bool {
            self.stop
        }
    }

    #[test]
    fn a_tool_is_heard_on_both_outputs_and_quoted_when_it_fails() {
        let ear = Ear::default();
        let script = "echo one; echo two >&2; echo; echo 'no space left' >&2; exit 3";
        let failed = run_tool(Command::new("sh").args(["-c", script]), &ear);
        assert_eq!(failed.unwrap_err().to_string(), "`sh` failed: no space left");
        assert_eq!(ear.heard.into_inner(), ["one", "two", "no space left"]);
        let missing = run_tool(&mut Command::new("no-such-tool-streetwise"), &Unheard).unwrap_err();
        assert!(matches!(missing, ToolError::Start { .. }), "{missing}");
    }

    #[test]
    fn a_tool_that_says_nothing_is_ended_when_asked() {
        let ear = Ear { stop: true, ..Ear::default() };
        let ended = run_tool(Command::new("sleep").arg("60"), &ear).unwrap_err();
        assert!(matches!(ended, ToolError::Stopped), "{ended}");
    }
}
