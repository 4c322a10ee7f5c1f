//! Running `uv`, `venv` and `pip`, and finding a Python that the trainer runs on.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

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

/// Runs a tool to its end; `progress` gets every line it says on either output.
pub(super) fn run_tool(command: &mut Command, progress: &dyn Fn(&str)) -> Result<(), ToolError> {
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
    let mut last = String::from("it said nothing");
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if !line.is_empty() {
            progress(&line);
            last = line;
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(ToolError::Failed { tool, said: last }),
        Err(source) => Err(ToolError::Start { tool, source }),
    }
}

/// The name of a Python that the trainer's packages exist for.
pub(super) fn python_3() -> Result<String, ToolError> {
    const FITS: &str = "import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))";
    ["python3.13", "python3.12", "python3.11", "python3", "python", "py"]
        .into_iter()
        .find(|name| run_tool(Command::new(name).args(["-c", FITS]), &|_| ()).is_ok())
        .map(str::to_owned)
        .ok_or(ToolError::NoPython)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_heard_on_both_outputs_and_quoted_when_it_fails() {
        let heard = std::cell::RefCell::new(Vec::new());
        let script = "echo one; echo two >&2; echo; echo 'no space left' >&2; exit 3";
        let failed = run_tool(Command::new("sh").args(["-c", script]), &|line| {
            heard.borrow_mut().push(line.to_owned());
        });
        assert_eq!(failed.unwrap_err().to_string(), "`sh` failed: no space left");
        assert_eq!(heard.into_inner(), ["one", "two", "no space left"]);
        let missing = run_tool(&mut Command::new("no-such-tool-streetwise"), &|_| ()).unwrap_err();
        assert!(matches!(missing, ToolError::Start { .. }), "{missing}");
    }
}
