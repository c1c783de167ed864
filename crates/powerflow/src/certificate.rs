//! The certificate of a solution: what was checked about it, from scratch.
//!
//! The mismatch is not the iteration's own residual. Every element's currents
//! are computed anew from the voltages (sources and linear elements through
//! their admittance, converters through their own law), summed at each node, and
//! what is left of Kirchhoff's current law there, times the voltage, is the
//! power that the solution cannot account for:
//!
//! ```text
//! s_mismatch(n) = v(n) * conj( sum over elements at n of i(element, n) )
//! ```
//!
//! Where a very stiff element meets the node, the products of its admittance and
//! voltages cancel to a few digits; what such rounding alone can make (four times
//! the sum of `|y| |v|` in the last place) is not counted as mismatch, and is
//! told beside it.

use crate::circuit::NodeNumber;
use crate::solve::Progress;
use crate::state::State;
use network::ControlMode;
use num_complex::Complex64;
use serde::Serialize;

/// A control or unit that ran into one of its limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitHit {
    pub element: String,
    pub limit: String,
}

/// What was checked about a solution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Certificate {
    /// Voltages and controls both settled.
    pub settled: bool,
    pub iterations: u32,
    pub control_iterations: u32,
    pub tolerance_pu: f64,
    /// Largest change of a voltage magnitude in the last iteration, per unit.
    pub largest_change_pu: f64,
    /// Nodes that still move by more than the tolerance because rounding moves them: floating windings and the like.
    pub rounding_limited_nodes: usize,
    /// Largest power mismatch at a node, recomputed from scratch, VA.
    pub mismatch_va: f64,
    /// The node where it is, as `bus.node`.
    pub mismatch_node: String,
    /// Largest power at a node that rounding alone can leave, VA.
    pub rounding_va: f64,
    /// The same, per unit of the power that the sources deliver and the converters exchange.
    pub mismatch_relative: f64,
    /// Power of all elements together, kW and kvar: zero but for rounding and tolerance.
    pub balance_kw: f64,
    pub balance_kvar: f64,
    pub controls_settled: bool,
    /// Controls that still wanted to act when the limit of control iterations was reached.
    pub hunting: Vec<String>,
    pub islands: usize,
    /// Islands with a source.
    pub islands_fed: usize,
    /// Nodes that no source feeds; their voltage is zero. At most twenty are named.
    pub dead_nodes: usize,
    pub dead_node_names: Vec<String>,
    pub limits_hit: Vec<LimitHit>,
}

/// Kirchhoff's current law at every node, from the elements' own currents.
#[derive(Clone, Debug)]
pub(crate) struct Mismatch {
    /// Power left over at each node beyond rounding, VA, by node number.
    pub power_va: Vec<Complex64>,
    pub rounding_va: f64,
    /// Sum of apparent powers of sources and converters, VA.
    pub turnover_va: f64,
    pub balance_va: Complex64,
}

pub(crate) fn mismatch(state: &State) -> Mismatch {
    let circuit = state.circuit();
    let mut residue = vec![Complex64::ZERO; circuit.n_nodes() + 1];
    let mut rounding = vec![0.0; circuit.n_nodes() + 1];
    let mut turnover_va = 0.0;
    let mut i = Vec::new();
    for (index, e) in circuit.elements().iter().enumerate() {
        i.clear();
        i.resize(e.nodes.len(), Complex64::ZERO);
        state.element_currents_into(index, &mut i);
        let mut power = Complex64::ZERO;
        for (&n, &i) in e.nodes.iter().zip(&i) {
            residue[n as usize] += i;
            power += state.voltages()[n as usize] * i.conj();
        }
        for (&n, r) in e.nodes.iter().zip(state.rounding_a(index)) {
            rounding[n as usize] += r;
        }
        if e.model.is_converter() || e.model.is_source() {
            turnover_va += power.norm();
        }
    }
    if !state.placed().is_empty() {
        let mut placed = vec![Complex64::ZERO; residue.len()];
        state.add_placed(&mut placed);
        for (n, i) in placed.iter().enumerate() {
            residue[n] -= i;
            turnover_va += (state.voltages()[n] * i.conj()).norm();
        }
    }
    if let Some(patch) = &state.patch {
        for (&(from, to), i) in patch.branches.iter().zip(&patch.i_a) {
            residue[from as usize] += i;
            residue[to as usize] -= i;
        }
    }
    let beyond = |i: &Complex64, r: &f64| {
        let size = i.norm();
        // Written so that a current that is no number stays one.
        if size <= 4.0 * r { Complex64::ZERO } else { i * (1.0 - 4.0 * r / size) }
    };
    let voltages = state.voltages();
    let power_va: Vec<Complex64> = residue.iter().zip(&rounding).zip(voltages).map(|((i, r), v)| v * beyond(i, r).conj()).collect();
    let rounding_va = rounding.iter().zip(voltages).skip(1).map(|(r, v)| r * v.norm()).fold(0.0, f64::max);
    let balance_va = power_va.iter().skip(1).sum();
    Mismatch { power_va, rounding_va, turnover_va, balance_va }
}

impl Certificate {
    pub(crate) fn new(state: &State, progress: &Progress, hunting: Vec<String>, limits_hit: Vec<LimitHit>) -> Self {
        let circuit = state.circuit();
        let m = mismatch(state);
        let worst = (1..m.power_va.len()).max_by(|&a, &b| m.power_va[a].norm().total_cmp(&m.power_va[b].norm())).unwrap_or(0);
        let islands = state.islands.clone().unwrap_or_else(|| std::sync::Arc::new(circuit.islands(&state.primitives)));
        let dead: Vec<NodeNumber> = (1..=circuit.n_nodes() as NodeNumber).filter(|&n| !islands.is_fed[n as usize]).collect();
        let mismatch_va = m.power_va[worst].norm();
        Self {
            settled: progress.settled() && mismatch_va.is_finite(),
            iterations: progress.iterations,
            control_iterations: progress.control_iterations,
            tolerance_pu: state.options.tolerance_pu,
            largest_change_pu: progress.convergence.last_change_pu,
            rounding_limited_nodes: progress.convergence.rounding_limited,
            mismatch_va,
            mismatch_node: circuit.node_name(worst as NodeNumber),
            rounding_va: m.rounding_va,
            mismatch_relative: mismatch_va / m.turnover_va.max(1.0),
            balance_kw: m.balance_va.re / 1e3,
            balance_kvar: m.balance_va.im / 1e3,
            controls_settled: progress.controls_settled || state.options.control_mode == ControlMode::Off && progress.convergence.settled,
            hunting,
            islands: islands.n_islands,
            islands_fed: islands.n_fed,
            dead_nodes: dead.len(),
            dead_node_names: dead.iter().take(20).map(|&n| circuit.node_name(n)).collect(),
            limits_hit,
        }
    }
}
