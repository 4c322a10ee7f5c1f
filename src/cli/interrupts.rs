//! Ctrl-C, counted: what works stops at its next step and keeps what it has.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

/// Counts Ctrl-C and the system's wish to end from now on.
pub(crate) fn count_interrupts() -> anyhow::Result<()> {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let mut set = Ok(());
    ONCE.call_once(|| {
        set = ctrlc::set_handler(|| {
            INTERRUPTS.fetch_add(1, Ordering::Relaxed);
        });
    });
    set.context("Ctrl-C could not be caught")
}

/// How often the user asked to stop.
pub(crate) fn interrupts() -> usize {
    INTERRUPTS.load(Ordering::Relaxed)
}
