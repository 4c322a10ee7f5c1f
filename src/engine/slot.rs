//! A place for one value, where the newest wins: a slow reader never makes a queue grow.

use std::sync::{Condvar, Mutex, PoisonError};

/// What the reader should do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<C, F> {
    /// A command; the one that overtakes first, then all others in order, before any frame.
    Command(C),
    /// The newest frame.
    Frame(F),
    /// The inbox was closed.
    Closed,
}

/// Why a command was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// As many commands as fit are waiting.
    Busy,
    /// The reader is gone.
    Closed,
}

/// Commands in a bounded queue, one command that overtakes them, and one frame, behind one lock so that the reader can
/// wait for all three.
#[derive(Debug)]
pub(super) struct Inbox<C, F> {
    state: Mutex<State<C, F>>,
    filled: Condvar,
    bound: usize,
}

#[derive(Debug)]
struct State<C, F> {
    urgent: Option<C>,
    commands: std::collections::VecDeque<C>,
    frame: Option<F>,
    closed: bool,
}

impl<C, F> Inbox<C, F> {
    pub(super) fn new(bound: usize) -> Self {
        let commands = std::collections::VecDeque::new();
        let state = State { urgent: None, commands, frame: None, closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), bound }
    }

    /// Adds a command; never waits.
    pub(super) fn push(&self, command: C) -> Result<(), Full> {
        let mut state = self.lock();
        if state.closed {
            return Err(Full::Closed);
        }
        if state.commands.len() >= self.bound {
            return Err(Full::Busy);
        }
        state.commands.push_back(command);
        self.filled.notify_one();
        Ok(())
    }

    /// Puts a command in front of all others; the one that waited there is dropped. It is never refused.
    pub(super) fn overtake(&self, command: C) {
        self.lock().urgent = Some(command);
        self.filled.notify_one();
    }

    /// Whether a command waits in front of all others.
    pub(super) fn is_overtaken(&self) -> bool {
        self.lock().urgent.is_some()
    }

    /// Takes the command in front of all others without waiting; for in the middle of long work.
    pub(super) fn take_urgent(&self) -> Option<C> {
        self.lock().urgent.take()
    }

    /// Puts a frame into the slot; the one that waited there is dropped.
    pub(super) fn put(&self, frame: F) {
        self.lock().frame = Some(frame);
        self.filled.notify_one();
    }

    /// Drops the frame that waits.
    pub(super) fn clear_frame(&self) {
        self.lock().frame = None;
    }

    /// Waits for the next thing to do.
    pub(super) fn next(&self) -> Next<C, F> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::Closed;
            }
            if let Some(command) = state.urgent.take().or_else(|| state.commands.pop_front()) {
                return Next::Command(command);
            }
            if let Some(frame) = state.frame.take() {
                return Next::Frame(frame);
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the reader; what waits is dropped.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<C, F>> {
        // A panic while the lock is held cannot leave the fields inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_frame_wins_and_commands_go_first() {
        let inbox: Inbox<&str, u32> = Inbox::new(2);
        for frame in 0..30 {
            inbox.put(frame);
        }
        inbox.push("one").unwrap();
        assert_eq!(inbox.next(), Next::Command("one"));
        assert_eq!(inbox.next(), Next::Frame(29));
        inbox.close();
        assert_eq!(inbox.next(), Next::Closed);
        assert_eq!(inbox.push("late"), Err(Full::Closed));
    }

    #[test]
    fn the_newest_command_that_overtakes_goes_before_all_others() {
        let inbox: Inbox<&str, u32> = Inbox::new(1);
        inbox.push("first in the queue").unwrap();
        inbox.overtake("old");
        inbox.overtake("new");
        assert!(inbox.is_overtaken());
        assert_eq!(inbox.next(), Next::Command("new"));
        assert!(!inbox.is_overtaken());
        assert_eq!(inbox.take_urgent(), None);
        assert_eq!(inbox.next(), Next::Command("first in the queue"));
    }

    #[test]
    fn a_full_queue_says_so_instead_of_waiting() {
        let inbox: Inbox<u8, ()> = Inbox::new(1);
        inbox.push(1).unwrap();
        assert_eq!(inbox.push(2), Err(Full::Busy));
    }
}
