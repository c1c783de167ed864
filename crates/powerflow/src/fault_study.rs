//! Short circuits: the impedances seen from every bus, and faults solved with
//! all loads in place.
//!
//! **Fault study.** Machines stand behind their transient impedance, loads as
//! admittances. At each bus with nodes `n` the unit currents give the columns of
//! `Z_sc`; with the open-circuit voltages `V_oc` the currents of a bolted fault of
//! all its nodes at once are `I = Z_sc⁻¹ V_oc`. Other fault types between the
//! nodes of one bus follow from the same two by [`BusFault::currents`].
//!
//! **Faults.** A fault is a few branches of resistance `r` between nodes of one
//! bus, or from a node to earth; `A` has a column for each branch, +1 where it
//! leaves and -1 where it arrives. With `Z` the inverse system admittance,
//!
//! ```text
//! i = (r + Aᵀ Z A)⁻¹ Aᵀ v0,     v = v0 - Z A i
//! ```
//!
//! is the solution of the faulted network for the same injections without a new
//! factorisation, and the fixed point goes on with it; `i` are the currents in
//! the fault. Source of the first method: OpenDSS, mode `faultstudy`;
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
    /// Currents in the branches of a fault with `r_ohm` in each, A: out of each faulted node, of a line-line fault from the first
    /// to the second. `at` are positions in [`BusFault::nodes`].
    ///
    /// # Errors
    /// When the fault and the network resonate.
    pub fn currents(&self, fault: FaultType, at: &[usize], r_ohm: f64) -> Result<Vec<Complex64>, DenseError> {
        let branches = branches(fault, at.len());
        let across =
            |from: usize, to: Option<usize>, column: &dyn Fn(usize) -> Complex64| column(from) - to.map_or(Complex64::ZERO, column);
        let z = CMatrix::from_fn(branches.len(), branches.len(), |i, j| {
            let of_row = |row: usize| across(branches[j].0, branches[j].1, &|k| self.z_sc_ohm[(at[row], at[k])]);
            across(branches[i].0, branches[i].1, &of_row)
        });
        let v: Vec<Complex64> = branches.iter().map(|&(from, to)| across(from, to, &|k| self.v_oc[at[k]])).collect();
        Ok(in_series(z, r_ohm).inverse()?.mul_vec(&v))
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

/// Branches of a fault of `n` nodes: from a node to another, or to earth.
fn branches(fault: FaultType, n: usize) -> Vec<(usize, Option<usize>)> {
    match fault {
        FaultType::LineLine => vec![(0, Some(1))],
        _ => (0..n).map(|k| (k, None)).collect(),
    }
}

/// Adds the fault's resistance to the impedance between its branches.
fn in_series(mut z: CMatrix, r_ohm: f64) -> CMatrix {
    for k in 0..z.rows() {
        z[(k, k)] += r_ohm;
    }
    z
}

/// Open-circuit voltages and short-circuit impedances of every bus, in the order of the network's buses.
///
/// `before` is the last solution of the same model, if there is one: the open-circuit voltages continue from it.
///
/// # Errors
/// A network that cannot be factored.
pub fn fault_study(network: &Network, before: Option<&State>) -> Result<Vec<BusFault>, CircuitError> {
    let mut state = fault_state(network, before)?;
    let circuit = Arc::clone(state.circuit());
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

/// The network as a fault meets it: machines behind their transient impedance, loads as admittances, at the open-circuit voltages.
///
/// [`State::response`] of it gives columns of the short-circuit impedance. `before` as in [`fault_study`].
///
/// # Errors
/// A network that cannot be factored.
pub fn fault_state(network: &Network, before: Option<&State>) -> Result<State, CircuitError> {
    let mut network = network.clone();
    network.options.mode = SolutionMode::FaultStudy;
    for fault in &mut network.faults {
        fault.common.enabled = false;
    }
    let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
    let mut state = State::new(&circuit)?;
    if let Some(before) = before.filter(|b| b.circuit().nodes() == circuit.nodes()) {
        state.set_voltages(before.voltages());
        state.adopt(before, false);
        state.enter_dynamics()?;
        state.linearise();
    }
    state.build()?;
    state.solve_direct()?;
    Ok(state)
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
    let branches = branches(fault, numbers.len());
    let columns: Vec<Vec<Complex64>> = branches
        .iter()
        .map(|&(from, to)| match to {
            Some(to) => columns[from].iter().zip(&columns[to]).map(|(a, b)| a - b).collect(),
            None => columns[from].clone(),
        })
        .collect();
    let nodes_of: Vec<(NodeNumber, NodeNumber)> =
        branches.iter().map(|&(from, to)| (numbers[from], to.map_or(0, |to| numbers[to]))).collect();
    let z = CMatrix::from_fn(branches.len(), branches.len(), |r, c| {
        let (from, to) = nodes_of[r];
        // Number 0 is the earth, where every column is zero.
        columns[c][from as usize] - columns[c][to as usize]
    });
    let Ok(admittance) = in_series(z, r_ohm).inverse() else {
        return Ok(FaultRow { bus, fault, nodes, converged: false, i_a: Vec::new() });
    };
    state.patch = Some(Patch { branches: nodes_of, admittance, columns, i_a: Vec::new() });
    state.forget_profile();
    let progress = state.solve_moment();
    let i_a = state.patch.take().map_or_else(Vec::new, |p| p.i_a);
    Ok(FaultRow { bus, fault, nodes, converged: progress?.convergence.settled, i_a })
}
