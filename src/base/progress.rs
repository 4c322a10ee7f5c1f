//! Progress and cancelling of long work: one pattern for the command line and the window.
//!
//! Whoever asks for long work passes a [`Watch`]: it hears how far the work is and says after every step whether to go
//! on. Work that is told to stop ends with [`Cancelled`] and leaves nothing half done behind.

use std::ops::ControlFlow;

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, for people: a model's identifier, or a word such as `occlusion`.
    pub what: &'a str,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
}

/// Hears of progress; `Break` stops the work at the next step.
pub type Watch<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// The work was stopped before its end, as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped before the end, as asked; nothing was written")]
pub struct Cancelled;

/// Tells the watch of one more step.
///
/// # Errors
/// [`Cancelled`] when the watch says to stop.
pub fn step(watch: &mut Watch<'_>, what: &str, done: usize, total: usize) -> Result<(), Cancelled> {
    match watch(Progress { what, done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Cancelled),
    }
}

/// A watch that never stops the work and keeps nothing.
pub fn unwatched(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
