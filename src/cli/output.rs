//! Where the command line writes. Standard output: whoever reads it may go at any time, a disk may be full, and both end
//! the command with an exit status and at most a sentence. Standard error: what is told there is told where it can be.
//! Escape codes in what is written, which may come from a file's name, reach neither.

use std::fmt::{Arguments, Display};
use std::io::{ErrorKind, Write as _};

use super::shown::shown;

/// Standard output takes no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Its reader has gone, as `head` does: a quiet end, with exit status 0.
    #[error("the reader of the output has gone")]
    Closed,
    /// It could not be written.
    #[error("the output could not be written ({0}); free some space, or write it elsewhere")]
    Failed(std::io::Error),
}

impl From<std::io::Error> for OutputError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::Closed } else { Self::Failed(error) }
    }
}

/// Writes to standard output, all of it now, control characters spelled out ([`shown`]).
pub(crate) fn print(text: impl Display) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    out.write_all(shown(&text.to_string()).as_bytes())?;
    Ok(out.flush()?)
}

/// Writes to standard error, control characters spelled out; where that fails nobody can be told.
pub(crate) fn error_line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", shown(&text.to_string()));
}

/// Writes a line to standard output, as `println!`, with an [`OutputError`] in place of a panic.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::output::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// Writes a line to standard error, as `eprintln!`, without its panic.
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::cli::output::error_line(format_args!($($text)*))
    };
}

pub(crate) use {say, tell};
