//! Alarms and events after IEC 62682 and ISA-18.2.
//!
//! ```text
//! document ─► rules ─┐
//! updates of points ─┼─► Engine ─► events ─► journal (written first)
//! actions of people ─┤      │         └────► notification plan ─► notices, which [`crate::sending`] sends
//! time ──────────────┘      └─► alarms as they stand, floods, counts; report over the events
//! ```
//!
//! * [`rule`] says what an alarm is, [`points`] what it may look at;
//! * [`condition`] judges whether it holds: true, false, or not known;
//! * [`state`] is the state machine, [`engine`] drives it, [`event`] is what it tells;
//! * [`flood`], [`maintenance`], [`report`] and [`notify`] are what the standard asks for around it;
//! * [`document`] reads and writes rules, [`thresholds`] speaks the simpler shape of an alert rule that other programs use.
//!
//! Nothing here reads a clock, opens a file or waits: time and values are handed in, and the same ones give the same events.

mod actions;
pub mod condition;
pub mod document;
pub mod engine;
pub mod event;
pub mod flood;
pub mod maintenance;
pub mod notify;
pub mod points;
pub mod report;
pub mod rule;
pub mod state;
pub mod thresholds;
mod view;

pub use actions::{Actor, Outcome, Refusal};
pub use condition::Truth;
pub use engine::{Engine, Settings, Snapshot};
pub use event::{Event, EventKind, Journal, JournalFault};
pub use points::{DeviceIndex, PointEntry, PointIndex, PointTable, Sample};
pub use rule::{Condition, Direction, Priority, QualityWord, Rule, StateWord};
pub use state::{AlarmState, Record, Standing};
pub use view::{AlarmView, Counts, FloodGroup};
