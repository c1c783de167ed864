//! Ctrl-C: the first asks the run to end after the steps under way, the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Watches for Ctrl-C and for the signals by which systems end a program.
pub fn watch() {
    // Where no handler can be set the signal ends the program as it always did, and what was committed is whole.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Asks the run to end, as the first Ctrl-C does.
pub fn ask() {
    ASKED.store(true, Ordering::Relaxed);
}

/// Whether the run was asked to end.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
