//! Short-circuit currents of a network given by nameplates, by IEC 60909-0 and by ANSI/IEEE C37, and the duty of its breakers.
//!
//! ```text
//! Case (nameplates) -> check -> assemble (impedances, corrections) -> Nets (sequences, factored)
//!                                                                        -> iec::run   Ik'', ip, Ib, Ik, Ith, idc, partial currents
//!                                                                        -> ansi::run  first cycle, interrupting
//!                                            both -> duty::judge  breakers: limits, duties, margins
//! ```
//!
//! This is the study of a design, from equipment data and without a power flow; faults of a solved three-phase feeder are
//! `powerflow::fault_study`.

pub mod ansi;
mod answer;
mod assemble;
pub mod case;
mod check;
pub mod duty;
pub mod factors;
mod grid;
pub mod iec;
mod matrix;
mod nets;
mod tables;
mod vector_group;

pub use ansi::{AnsiOptions, AnsiStudy};
pub use answer::{BusFaults, DcPart, Fault, FaultKind, Options, Partial, Refused, Study};
pub use case::Case;
pub use check::check;
pub use duty::{Comparison, Duty, judge};
pub use grid::{Extreme, fictitious_r_x, voltage_factor};
pub use iec::run;
pub use nets::Partials;
pub use tables::duty_table;
pub use vector_group::{Connection, Winding, parse as parse_vector_group};
