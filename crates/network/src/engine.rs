//! What a model script may ask of a power-flow engine while it is read.
//!
//! Utility scripts solve in the middle of a file: taps move, and the lines
//! after it edit the moved model. A reader must therefore be able to call an
//! engine without knowing one; `powerflow::Session` implements this trait.

use crate::{Diagnostic, ElementId, Network};
use serde::{Deserialize, Serialize};

/// A change that solving made to something the model itself describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeOfChange {
    /// Tap ratio of a transformer's winding (0-based), per unit.
    Tap { winding: usize, tap_pu: f64 },
    /// Steps of a capacitor, closed (true) or open.
    CapacitorSteps(Vec<bool>),
    /// Conductors of a terminal (0-based), closed (true) or open.
    Closed { terminal: usize, closed: Vec<bool> },
    /// Energy and state of a storage unit.
    Storage { stored_kwh: f64, state: crate::StorageMode },
    /// Share of its transformer's rating that a load was allocated.
    AllocationFactor(f64),
    /// Present state of a switch, fuse, relay or recloser.
    SwitchState(crate::SwitchState),
}

/// What a solution changed, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    pub changes: Vec<(ElementId, ModeOfChange)>,
    /// Hour of the clock after the solution.
    pub hour: i64,
    /// Seconds within the hour after the solution.
    pub second: f64,
}

/// How a solution asked for by a script went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SolveReport {
    pub converged: bool,
    pub iterations: u32,
    pub control_iterations: u32,
    pub operating_point: OperatingPoint,
    pub diagnostics: Vec<Diagnostic>,
}

/// The engine could not even begin.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .diagnostics.iter().map(|d| d.to_string()).collect::<Vec<_>>().join("\n"))]
pub struct EngineError {
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Diagnostic> for EngineError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

/// A power-flow engine as a model reader sees it.
pub trait Engine {
    /// Line-to-neutral voltage base of every bus, kV, by the zero-load voltages
    /// of the network and the legal line-to-line bases of its options; 0 where
    /// none can be told. In the order of `network.buses`.
    fn voltage_bases(&mut self, network: &Network) -> Result<Vec<f64>, EngineError>;

    /// Solves `network` as its options say (mode, controls, clock, tolerance).
    fn solve(&mut self, network: &Network) -> Result<SolveReport, EngineError>;

    /// Scales the allocated loads until the meters' peak currents are met.
    fn allocate_loads(&mut self, network: &Network) -> Result<SolveReport, EngineError>;

    /// Forgets the voltages of earlier solutions, so that the next one starts without; states of converters and
    /// controls stay.
    fn forget_voltages(&mut self);

    /// Forgets voltages and control states of earlier solutions.
    fn reset(&mut self);
}
