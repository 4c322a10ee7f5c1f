//! A panic is told instead of ending its thread: one policy for every thread that serves the window.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is said of a panic.
pub const PANICKED: &str =
    "Something went wrong inside Streetwise; copy the diagnostics (Ctrl+K) and report it.";

/// Does a piece of work and gives what it gave; where it panics, the sentence that says so.
///
/// What the work was changing when it panicked may be half changed: the caller makes anew what it goes on using. The
/// panic itself was written to standard error where it happened.
///
/// # Errors
/// [`PANICKED`].
pub fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| PANICKED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence() {
        assert_eq!(attempt(|| 3), Ok(3));
        assert_eq!(attempt(|| -> u8 { panic!("as a bug might") }), Err(PANICKED.to_owned()));
    }
}
