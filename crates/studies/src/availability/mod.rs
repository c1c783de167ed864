//! How available a plant is: reliability block diagrams, exactly and by simulation, failure modes, and generation against load.
//!
//! ```text
//! Diagram ─► check ─► plan ─┬─► compile (binary decision diagram) ─► exact      availability, frequency, importance, cut sets
//!   (network::availability) │                                     └► over_time  R(t) without repair
//!                           └─► simulate (histories side by side) ─► simulated  means with intervals, years, convergence
//! units, load ─► adequacy   LOLE and LOEE by convolution and by simulation
//! rows ─► fmea              ranked by RPN
//! ```
//!
//! Component states are independent of one another, except where the diagram says otherwise (common causes, standby, crews). A year is 8760 h.

pub mod adequacy;
pub mod adequacy_sequence;
mod bdd;
mod check;
mod compile;
mod cut_sets;
mod engine;
mod exact;
pub mod fmea;
mod fmea_defaults;
pub mod markov;
mod over_time;
mod plan;
mod simulate;
mod statistics;
pub mod tables;

pub use check::check;
pub use cut_sets::CutSet;
pub use exact::{Exact, ExactOptions, Figures, Importance, Reading, analyse};
pub use over_time::{OverTime, eta_h, reliability_over_time};
pub use simulate::{SimulationOptions, simulate};
pub use statistics::{Convergence, Interval, Simulated, YearBin};

/// Hours of the year that availability counts.
pub const HOURS_PER_YEAR: f64 = 8760.0;

/// The question has no answer as it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .findings.first().map_or("the diagram cannot be used".to_owned(), |d| d.message.clone()))]
pub struct AvailabilityError {
    /// All faults, at least one of them an error.
    pub findings: Vec<network::Diagnostic>,
}

impl From<crate::hands::HandsError> for AvailabilityError {
    fn from(e: crate::hands::HandsError) -> Self {
        Self { findings: e.findings }
    }
}

impl From<Vec<network::Diagnostic>> for AvailabilityError {
    fn from(findings: Vec<network::Diagnostic>) -> Self {
        Self { findings }
    }
}
