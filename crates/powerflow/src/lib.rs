//! The physics: a network compiled for solving, the unbalanced power flow and
//! what is asked of it.
//!
//! ```text
//! Network -> Circuit::compile -> State -> solve_moment -> Outcome -> tables
//!            primitive admittances,       fixed point,     certificate,
//!            pattern, elimination order   controls         or forensics
//! ```
//!
//! A [`Circuit`] is compiled once and shared; a [`State`] is what solving changes.
//! [`Session`] strings solutions together as a model script does. Nothing here
//! opens a file, reads a clock or keeps a global.

mod allocation;
pub mod certificate;
pub mod circuit;
pub mod control;
pub mod dense;
pub mod element;
pub mod equivalent;
pub mod error;
pub mod estimation;
pub mod fault_study;
pub mod forensics;
pub mod line_constants;
pub mod metering;
pub mod newton;
mod observe;
pub mod pc;
pub mod placed;
mod plant;
pub mod results;
pub mod series;
pub mod session;
pub mod solve;
pub mod sparse;
pub mod state;
pub mod thermal;
pub mod voltage_bases;
pub mod yprim;

pub use certificate::{Certificate, LimitHit};
pub use circuit::{Circuit, Islands, Node, NodeNumber};
pub use error::{CircuitError, Place};
pub use forensics::Forensics;
pub use placed::{PlacedPower, Positions};
pub use results::{CapacitorRow, InverterRow, LoadingRow, NodeRow, Outcome, RegulatorRow, Solution, Summary, TerminalRow, Unsettled};
pub use series::{Observer, SeriesReport, Step, run_series};
pub use session::{Limits, Session, conclude};
pub use state::State;
