//! OpenDSS scripts.
//!
//! ```text
//! bytes ─► text (lines, words, quotes) ─► script (commands) ─► object (raw store) ─► lower ─► Network
//!                                             │ class (tables of classes and properties)
//!                                             └ options, files
//! ```
//!
//! Reading never interprets: a script becomes a `Model` of raw objects, each an ordered log of
//! assignments. Commands that need a solved circuit in the middle of a script (`Solve`,
//! `CalcVoltageBases`, …) are handed to a host.

mod builtin;
pub mod class;
pub mod command;
pub mod fault;
pub mod lower;
pub mod object;
pub mod options;
mod pattern;
pub mod read;
mod rpn;
pub mod script;
pub mod text;
mod value;
pub mod write;

pub use crate::files::{FileSource, MemoryFiles};
pub use class::ClassId;
pub use fault::{Fault, ReadError};
pub use object::{Assignment, BusRef, Object, ObjectId, Store, Value};
pub use options::Options;
pub use read::{ReadOutcome, read};
pub use script::{Host, Model, NotExecuted, ReadOptions, Reader, RecordingHost, Report, Request, Reset, Step};
pub use write::{WriteError, WriteOptions, Written, write};
