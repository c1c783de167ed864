//! Short circuits: the impedances seen from every bus, and faults solved with
//! all loads in place.
//!
//! **Fault study.** Machines stand behind their transient impedance, loads as
//! admittances. At each bus with nodes `n` the unit currents give the columns of
//! `Z_sc`; with the open-circuit voltages `V_oc` the currents of a bolted fault of
//! all its nodes at once are `I = Z_sc⁻¹ V_oc`. Other fault types between the
//! nodes of one bus follow from the same two by [`BusFault::currents`].
//!
//! **Faults.** A fault admittance `Y_f` between nodes of one bus is put into the
//! converged power flow without a new factorisation: with `Z` the columns of the
//! inverse system admittance at those nodes,
//!
//! ```text
//! v = v0 - Z Y_f (1 + Z_ff Y_f)⁻¹ v0_f
//! ```
//!
//! is the solution of the faulted network for the same injections, and the fixed
//! point goes on with it. Source of the first method: OpenDSS, mode `faultstudy`;
//! of the second: the matrix inversion lemma.

use crate::circuit::{Circuit, NodeNumber};
use crate::dense::{CMatrix, DenseError};
use crate::error::CircuitError;
use crate::state::{Patch, State};
use network::{BusId, ControlMode, Network, SolutionMode};
use num_complex::Complex64;
use serde::Serialize;
use std::sync::Arc;

/// Kind of a short circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultType {
    /// Three phases to earth.
    ThreePhase,
    /// One phase to earth.
    LineGround,
    /// Two phases together.
    LineLine,
    /// Two phases to earth.
    LineLineGround,
}

impl FaultType {
    /// The word used in tables: `3ph`, `slg`, `ll`, `llg`.
    pub fn word(self) -> &'static str {
        match self {
            Self::ThreePhase => "3ph",
            Self::LineGround => "slg",
            Self::LineLine => "ll",
            Self::LineLineGround => "llg",
        }
    }

    /// The fault type of a word; `None` if it is none.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::ThreePhase, Self::LineGround, Self::LineLine, Self::LineLineGround].into_iter().find(|t| t.word() == word)
    }
}

/// What a bus offers a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct BusFault {
    pub bus: String,
    /// Nodes of the bus, in the order of the rows.
    pub nodes: Vec<u32>,
    /// Open-circuit voltages, V.
    pub v_oc: Vec<Complex64>,
    /// Short-circuit impedance between the nodes, ohm.
    pub z_sc_ohm: CMatrix,
    /// Currents when all nodes are faulted to earth together, A; `None` where the impedance cannot be inverted.
    pub i_sc_all_a: Option<Vec<Complex64>>,
}

impl BusFault {
    /// Fault currents out of the nodes for a fault of admittance `y_f` between them, A.
    ///
    /// # Errors
    /// When the fault and the network resonate.
    pub fn currents(&self, y_f: &CMatrix) -> Result<Vec<Complex64>, DenseError> {
        Ok(compensation(&self.z_sc_ohm, y_f)?.mul_vec(&self.v_oc))
    }
}

/// One solved fault.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRow {
    pub bus: String,
    pub fault: FaultType,
    /// Faulted nodes of the bus.
    pub nodes: Vec<u32>,
    pub converged: bool,
    /// Current into the fault out of each faulted node, A; of a line-line fault the first node's.
    pub i_a: Vec<Complex64>,
}

/// `Y_f (1 + Z Y_f)⁻¹`.
fn compensation(z: &CMatrix, y_f: &CMatrix) -> Result<CMatrix, DenseError> {
    let k = z.rows();
    let mut inner = product(z, y_f);
    for i in 0..k {
        inner[(i, i)] += 1.0;
    }
    Ok(product(y_f, &inner.inverse()?))
}

fn product(a: &CMatrix, b: &CMatrix) -> CMatrix {
    CMatrix::from_fn(a.rows(), b.cols(), |i, j| (0..a.cols()).map(|k| a[(i, k)] * b[(k, j)]).sum())
}

/// Admittance of a fault with resistance `r_ohm`: each of `n` nodes to earth, or the first two together.
///
/// A line-line-ground fault has `r_ohm` from each phase to earth.
pub fn fault_admittance(fault: FaultType, n: usize, r_ohm: f64) -> CMatrix {
    // The resistance of a bolted fault is the smallest that is told apart from none.
    let g = Complex64::new(1.0 / r_ohm.max(1e-9), 0.0);
    match fault {
        FaultType::LineLine => CMatrix::from_fn(2, 2, |i, j| if i == j { g } else { -g }),
        _ => CMatrix::from_diagonal(&vec![g; n]),
    }
}

/// Open-circuit voltages and short-circuit impedances of every bus, in the order of the network's buses.
///
/// `before` is the last solution of the same model, if there is one: the open-circuit voltages continue from it.
///
/// # Errors
/// A network that cannot be factored.
pub fn fault_study(network: &Network, before: Option<&State>) -> Result<Vec<BusFault>, CircuitError> {
    let mut network = network.clone();
    network.options.mode = SolutionMode::FaultStudy;
    for fault in &mut network.faults {
        fault.common.enabled = false;
    }
    let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
    let mut state = State::new(&circuit)?;
    if let Some(before) = before.filter(|b| b.circuit().nodes() == circuit.nodes()) {
        state.set_voltages(before.voltages());
        state.adopt(before);
        state.enter_dynamics()?;
        state.linearise();
    }
    state.build()?;
    state.solve_direct()?;
    let v_oc = state.voltages().to_vec();
    let mut buses = Vec::new();
    for i in 0..circuit.network().buses.len() {
        let bus = BusId::from(i);
        let numbers: Vec<NodeNumber> = circuit.bus_nodes(bus).iter().map(|&(_, n)| n).collect();
        if numbers.is_empty() {
            continue;
        }
        let columns = inverse_columns(&mut state, &numbers)?;
        let z_sc_ohm = CMatrix::from_fn(numbers.len(), numbers.len(), |r, c| columns[c][numbers[r] as usize]);
        let v: Vec<Complex64> = numbers.iter().map(|&n| v_oc[n as usize]).collect();
        buses.push(BusFault {
            bus: circuit.network().bus(bus).name.clone(),
            nodes: circuit.bus_nodes(bus).iter().map(|&(at, _)| at).collect(),
            i_sc_all_a: z_sc_ohm.inverse().ok().map(|y| y.mul_vec(&v)),
            v_oc: v,
            z_sc_ohm,
        });
    }
    Ok(buses)
}

/// Columns of the inverse system admittance at some nodes, by node number.
fn inverse_columns(state: &mut State, numbers: &[NodeNumber]) -> Result<Vec<Vec<Complex64>>, CircuitError> {
    let mut columns = Vec::with_capacity(numbers.len());
    for &n in numbers {
        state.injection.fill(Complex64::ZERO);
        state.injection[n as usize] = Complex64::ONE;
        state.solve_linear()?;
        columns.push(state.v.clone());
    }
    Ok(columns)
}

/// Which faults to solve.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultCases {
    /// Buses; all of them when empty.
    pub buses: Vec<String>,
    pub types: Vec<FaultType>,
    pub r_ohm: f64,
}

impl Default for FaultCases {
    fn default() -> Self {
        Self { buses: Vec::new(), types: vec![FaultType::LineGround, FaultType::LineLine, FaultType::ThreePhase], r_ohm: 1e-4 }
    }
}

/// Solves faults in the power flow of a network, controls off, with loads as they are.
///
/// Every fault starts from loads as admittances; tolerance and limits are the network's.
///
/// # Errors
/// A network that cannot be factored, or a bus that it does not have. A fault that does not converge is a row that says so.
pub fn faults(network: &Network, cases: &FaultCases) -> Result<Vec<FaultRow>, CircuitError> {
    let mut network = network.clone();
    network.options.mode = SolutionMode::Snapshot;
    network.options.control_mode = ControlMode::Off;
    let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
    let mut state = State::new(&circuit)?;
    state.build()?;
    let network = circuit.network();
    let buses: Vec<BusId> = if cases.buses.is_empty() {
        (0..network.buses.len()).map(BusId::from).collect()
    } else {
        let find = |name: &String| network.bus_id(name).ok_or_else(|| CircuitError::UnknownBus { bus: name.clone() });
        cases.buses.iter().map(find).collect::<Result<_, _>>()?
    };
    let mut rows = Vec::new();
    for bus in buses {
        let phases: Vec<u32> = (1..=3).filter(|&p| circuit.node_number(bus, p) != 0).collect();
        for &fault in &cases.types {
            for nodes in combinations(fault, &phases) {
                rows.push(solve_fault(&mut state, bus, fault, nodes, cases.r_ohm)?);
            }
        }
    }
    Ok(rows)
}

/// Sets of nodes that a fault type can join at a bus with these phases.
fn combinations(fault: FaultType, phases: &[u32]) -> Vec<Vec<u32>> {
    match fault {
        FaultType::LineGround => phases.iter().map(|&p| vec![p]).collect(),
        FaultType::ThreePhase if phases.len() == 3 => vec![phases.to_vec()],
        FaultType::ThreePhase => Vec::new(),
        FaultType::LineLine | FaultType::LineLineGround => {
            let pairs = [(1, 2), (2, 3), (3, 1)].into_iter().filter(|(p, q)| phases.contains(p) && phases.contains(q));
            pairs.map(|(p, q)| vec![p, q]).collect()
        }
    }
}

fn solve_fault(state: &mut State, bus: BusId, fault: FaultType, nodes: Vec<u32>, r_ohm: f64) -> Result<FaultRow, CircuitError> {
    let circuit = Arc::clone(state.circuit());
    let numbers: Vec<NodeNumber> = nodes.iter().map(|&n| circuit.node_number(bus, n)).collect();
    let bus = circuit.network().bus(bus).name.clone();
    state.patch = None;
    let columns = inverse_columns(state, &numbers)?;
    let z = CMatrix::from_fn(numbers.len(), numbers.len(), |r, c| columns[c][numbers[r] as usize]);
    let y = fault_admittance(fault, numbers.len(), r_ohm);
    let Ok(correction) = compensation(&z, &y) else {
        return Ok(FaultRow { bus, fault, nodes, converged: false, i_a: Vec::new() });
    };
    state.patch = Some(Patch { nodes: numbers.clone(), correction, columns, y: y.clone() });
    state.forget_profile();
    let progress = state.solve_moment();
    let v_f: Vec<Complex64> = numbers.iter().map(|&n| state.voltages()[n as usize]).collect();
    state.patch = None;
    let mut i_a = y.mul_vec(&v_f);
    if fault == FaultType::LineLine {
        i_a.truncate(1);
    }
    Ok(FaultRow { bus, fault, nodes, converged: progress?.convergence.settled, i_a })
}
