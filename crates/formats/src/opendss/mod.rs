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

pub mod class;
pub mod lower;
pub mod object;
