//! What an observer of a series reads of a state, without allocation.
//!
//! Elements are named by their position in [`crate::Circuit::elements`].

use crate::certificate::mismatch;
use crate::circuit::NodeNumber;
use crate::dense::CMatrix;
use crate::element::{Model, Varying};
use crate::state::State;
use network::{ElementId, LoadSolutionModel, SolutionMode};
use num_complex::Complex64;

impl State {
    /// Present primitive admittance of an element, S, conductor by conductor in the order of its nodes.
    pub fn primitive_admittance(&self, index: usize) -> &CMatrix {
        &self.primitives[index]
    }

    /// Whether an element stands between buses, so that what it does not pass on is a loss.
    pub fn is_between_buses(&self, id: ElementId) -> bool {
        self.is_series(id)
    }

    /// What the power of a conductor stands for: 3 in a positive-sequence model, else 1.
    pub fn power_factor_of_phases(&self) -> f64 {
        self.phase_factor()
    }

    /// Currents into an element at the present voltages, A, into `i`, one a conductor.
    ///
    /// # Panics
    /// When `i` is shorter than the element's nodes.
    pub fn currents_into(&self, index: usize, i: &mut [Complex64]) {
        let order = self.circuit.elements()[index].nodes.len();
        self.element_currents_into(index, &mut i[..order]);
    }

    /// Rounding that the products of an element's admittance with its voltages carry, A, conductor by conductor.
    pub fn current_rounding_a(&self, index: usize) -> Vec<f64> {
        self.rounding_a(index)
    }

    /// As [`Self::current_rounding_a`], of one conductor.
    pub(crate) fn conductor_rounding_a(&self, index: usize, conductor: usize) -> f64 {
        let nodes = &self.circuit.elements()[index].nodes;
        let row = &self.primitives[index].as_slice()[conductor * nodes.len()..(conductor + 1) * nodes.len()];
        row.iter().zip(nodes).map(|(y, &n)| y.norm() * self.v[n as usize].norm()).sum::<f64>() * f64::EPSILON
    }

    /// Power that a load draws, VA; zero of any other element.
    pub fn load_va(&self, index: usize) -> Complex64 {
        let e = &self.circuit.elements()[index];
        let Model::Load(k) = e.model else { return Complex64::ZERO };
        let linear = self.options.load_model == LoadSolutionModel::Admittance || self.options.mode == SolutionMode::Direct;
        let state = &self.loads[k as usize];
        if linear || state.open {
            return self.element_power(index);
        }
        self.circuit.loads()[k as usize].power_va(state, &e.nodes, &self.v) * self.phase_factor()
    }

    /// Nodes between which the no-load branches of a transformer stand, one pair a phase; empty for any other element.
    pub fn no_load_nodes(&self, index: usize) -> Vec<(NodeNumber, NodeNumber)> {
        let e = &self.circuit.elements()[index];
        let Model::Transformer(t) = &e.model else { return Vec::new() };
        t.no_load_ends().map(|(from, to)| (e.nodes[from], e.nodes[to])).collect()
    }

    /// Conductance of the no-load branch of each phase of a transformer at its present taps, S; zero of any other element.
    pub fn no_load_conductance_s(&self, index: usize) -> f64 {
        match (&self.circuit.elements()[index].model, &self.varying[index]) {
            (Model::Transformer(t), Varying::Taps(taps)) => t.no_load_admittance(taps).re,
            _ => 0.0,
        }
    }

    /// The node with the largest power mismatch, where a solution that did not settle is at its worst; the earth where there is none.
    pub fn node_of_largest_mismatch(&self) -> NodeNumber {
        let m = mismatch(self);
        let size = |n: usize| {
            let s = m.power_va[n].norm();
            if s.is_nan() { f64::INFINITY } else { s }
        };
        (1..m.power_va.len()).max_by(|&a, &b| size(a).total_cmp(&size(b)).then(b.cmp(&a))).unwrap_or(0) as NodeNumber
    }
}
