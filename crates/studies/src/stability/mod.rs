//! Transient stability: what machines do in the seconds after a fault, in the positive sequence and in the time domain.
//!
//! ```text
//! Network + Dynamics -> prepare -> Study -> run(events) -> Run: trajectories, verdict
//! power flow, records   findings            critical_clearing   Clearing: bracket of stable and unstable times
//! ```
//!
//! [`prepare`] solves the power flow as stored, checks and starts every machine at rest; [`Study::run`] follows it through [`Event`]s. Equations stand
//! where they are coded: machines in `machine.rs`, exciters and governors in `control.rs`, loads in `load.rs`, the step in `step.rs`.
//! `docs/methods/transient-stability.md` tells the whole with its references.

mod check;
mod clearing;
mod control;
mod event;
mod grid;
mod load;
mod machine;
mod prepare;
mod run;
mod saturation;
mod step;
mod trajectory;
mod unit;
mod verdict;

pub use clearing::{Clearing, ClearingBounds, Trial};
pub use event::{Action, Event, FaultKind, Place, bus_fault, line_fault};
pub use load::LoadModel;
pub use prepare::{Study, prepare};
pub use run::{Run, RunCertificate};
pub use trajectory::{BUS_COLUMNS, MACHINE_COLUMNS, SYSTEM_COLUMNS, Trajectories};
pub use verdict::{Damping, Ended, Verdict};

/// What becomes of a machine in service without a dynamic record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WithoutRecord {
    /// The study is refused.
    #[default]
    Refuse,
    /// It stands as the constant admittance that gives its power at the voltage of the start; a warning says so.
    Admittance,
}

/// How a study is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Step of time, s. Events need not lie on it: a step ends at each.
    pub step_s: f64,
    /// Length, s.
    pub duration_s: f64,
    /// Time between samples of the trajectories, s; moments before and after an event are kept besides.
    pub sample_s: f64,
    pub loads: LoadModel,
    /// Voltage below which loads of constant power and current are admittances, per unit.
    pub load_threshold_pu: f64,
    /// Difference of two machines' angles in one island that counts as loss of synchronism, degrees.
    pub angle_limit_deg: f64,
    /// The run ends when synchronism is lost.
    pub stop_when_unstable: bool,
    pub without_record: WithoutRecord,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            step_s: 0.002,
            duration_s: 10.0,
            sample_s: 0.01,
            loads: LoadModel::Impedance,
            load_threshold_pu: 0.7,
            angle_limit_deg: 180.0,
            stop_when_unstable: true,
            without_record: WithoutRecord::Refuse,
        }
    }
}
