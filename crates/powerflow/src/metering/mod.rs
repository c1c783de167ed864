//! What instruments make of a series of steps: energy meters and monitors.
//!
//! Each kind is compiled once from a circuit and keeps what it has counted apart from it, so that many runs can share one compiled instrument.

mod branches;
pub mod energy_meter;
pub mod monitor;
pub mod registers;
pub mod zone;
