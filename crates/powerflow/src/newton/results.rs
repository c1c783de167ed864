//! What a solution tells, and what a failure does.

use super::dc::ConverterState;
use crate::certificate::LimitHit;
use network::{BusId, Diagnostic, ElementId};
use serde::Serialize;

/// How a bus was treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BusState {
    /// Voltage and angle were held.
    Swing,
    /// The voltage was held.
    Generator,
    Load,
    /// In an island without a swing bus.
    Dead,
    /// Marked as no part of the case.
    Isolated,
}

/// A bus of the solution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BusRow {
    #[serde(skip)]
    pub id: BusId,
    pub bus: String,
    pub number: u32,
    pub name: String,
    pub kv_base_ll: f64,
    pub state: BusState,
    /// None where there is no voltage.
    pub v_pu: Option<f64>,
    pub angle_deg: Option<f64>,
    /// Of machines and converters that hold a voltage.
    pub generation_mw: f64,
    pub generation_mvar: f64,
    /// Drawn by loads, at the voltage found.
    pub load_mw: f64,
    pub load_mvar: f64,
    /// Drawn by fixed and switched shunts and constant-admittance parts of loads, at the voltage found.
    pub shunt_mw: f64,
    pub shunt_mvar: f64,
}

/// One end of a branch or transformer winding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BranchEndRow {
    #[serde(skip)]
    pub id: ElementId,
    pub element: String,
    /// Counted from 1.
    pub terminal: u8,
    pub bus: String,
    /// Into the element; none on a loop of branches without impedance, where the flow is not determined.
    pub p_mw: Option<f64>,
    pub q_mvar: Option<f64>,
    pub s_mva: Option<f64>,
    /// Of the first rating; none where there is none.
    pub loading_pct: Option<f64>,
}

/// Where the reactive power of a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QState {
    /// Told, it holds nothing.
    Fixed,
    /// Within its limits, holding a voltage.
    Holding,
    AtMaximum,
    AtMinimum,
}

/// A machine, or a converter or controller that may hold a voltage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachineRow {
    pub element: String,
    pub bus: String,
    pub p_mw: f64,
    pub q_mvar: f64,
    pub q_min_mvar: f64,
    pub q_max_mvar: f64,
    pub state: QState,
}

/// A converter of a direct-current link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DcRow {
    pub element: String,
    /// Counted from 1.
    pub terminal: usize,
    pub bus: String,
    #[serde(flatten)]
    pub state: ConverterState,
}

/// An induction machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotorRow {
    pub element: String,
    pub bus: String,
    pub p_mw: f64,
    pub q_mvar: f64,
    pub slip: f64,
}

/// What a control did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlMove {
    pub element: String,
    /// `ratio`, `angle_deg`, `b_mvar` or `converter_tap`.
    pub quantity: &'static str,
    pub before: f64,
    pub after: f64,
}

/// What was checked about a solution, from the elements' own powers and not from the iteration's matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerFlowCertificate {
    pub iterations: u32,
    /// Halvings of steps.
    pub halvings: u32,
    /// Factors that needed row pivoting.
    pub pivoted: u32,
    /// Rounds of limits and controls.
    pub control_rounds: u32,
    pub tolerance_pu: f64,
    /// Largest active and reactive power that is unaccounted for, and where.
    pub mismatch_mw: f64,
    pub mismatch_mw_bus: String,
    pub mismatch_mvar: f64,
    pub mismatch_mvar_bus: String,
    /// Machines and converters that hold a voltage, and fixed injections.
    pub generation_mw: f64,
    pub generation_mvar: f64,
    /// Loads, with direct-current links and induction machines.
    pub load_mw: f64,
    pub load_mvar: f64,
    pub shunt_mw: f64,
    pub shunt_mvar: f64,
    /// Of branches and transformers.
    pub losses_mw: f64,
    pub losses_mvar: f64,
    /// Generation less all the rest: zero but for the tolerance.
    pub balance_mw: f64,
    pub balance_mvar: f64,
    pub islands: usize,
    pub dead_islands: usize,
    pub dead_buses: usize,
    pub limits_hit: Vec<LimitHit>,
    /// Controls that went to and fro and were stopped.
    pub hunting: Vec<String>,
}

/// A converged power flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Solution {
    pub buses: Vec<BusRow>,
    pub branch_ends: Vec<BranchEndRow>,
    pub machines: Vec<MachineRow>,
    pub dc: Vec<DcRow>,
    pub motors: Vec<MotorRow>,
    pub moves: Vec<ControlMove>,
    pub certificate: PowerFlowCertificate,
    /// What of the case is simplified, dead or at a limit.
    pub notes: Vec<Diagnostic>,
}

/// A bus with much power unaccounted for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstBus {
    pub bus: String,
    pub v_pu: f64,
    pub mismatch_mw: f64,
    pub mismatch_mvar: f64,
    /// A few of the elements there.
    pub elements: Vec<String>,
}

/// A power flow that did not converge. It holds no result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unsolved {
    /// Why, as findings: the first is the failure, others tell where to look.
    pub diagnostics: Vec<Diagnostic>,
    pub iterations: u32,
    pub control_rounds: u32,
    pub worst: Vec<WorstBus>,
    /// Largest common factor of all powers tried that solves; none where not even a tenth does, or it was not sought.
    pub solvable_factor: Option<f64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Solved(Box<Solution>),
    Unsolved(Box<Unsolved>),
}

impl Outcome {
    /// The solution, if there is one.
    pub fn solution(&self) -> Option<&Solution> {
        match self {
            Self::Solved(s) => Some(s),
            Self::Unsolved(_) => None,
        }
    }

    /// The solution, or the failure.
    ///
    /// # Errors
    /// What did not converge.
    pub fn solved(self) -> Result<Box<Solution>, Box<Unsolved>> {
        match self {
            Self::Solved(s) => Ok(s),
            Self::Unsolved(u) => Err(u),
        }
    }
}

/// How well the voltages stored in a case fit its data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredMismatch {
    /// Largest active power unaccounted for, swing buses left out.
    pub p_mw: f64,
    pub p_bus: String,
    /// Largest reactive power unaccounted for where no machine could give it.
    pub q_mvar: f64,
    pub q_bus: String,
}
