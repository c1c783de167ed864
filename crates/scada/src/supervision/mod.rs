//! Keeping devices connected, and telling what comes from them.

mod outbox;

pub use outbox::{Batch, Event, EventKind, Outbox};
