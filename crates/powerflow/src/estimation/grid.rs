//! What estimation reads of a network: nodes, elements with their admittances as taps and switches stand, and what only injects.
//!
//! A [`Grid`] comes from a [`State`], or is put together by hand in any consistent units. Loads, generators and sources are *devices*: what
//! they draw is unknown and found from measurements, so that neither their models nor the internal impedance of a source enter. The rest is
//! linear and exact.

use crate::circuit::NodeNumber;
use crate::dense::CMatrix;
use crate::error::CircuitError;
use crate::state::State;
use network::{ElementId, ElementKind};
use num_complex::Complex64;

const ZERO: Complex64 = Complex64 { re: 0.0, im: 0.0 };

/// An element of the grid.
#[derive(Clone, Debug)]
pub struct GridElement {
    /// `class.name`.
    pub name: String,
    pub id: Option<ElementId>,
    pub n_conductors: usize,
    /// Node of each conductor, terminal by terminal; 0 is the earth.
    pub nodes: Vec<NodeNumber>,
    /// Currents into the conductors for their voltages, S; `None` for a device, whose currents are unknown.
    pub y: Option<CMatrix>,
    /// Whether each conductor of a switch of two terminals is closed; `None` for what is no switch.
    ///
    /// The positions of switches are told, and may be told wrongly.
    pub switch: Option<Vec<bool>>,
    /// Burns what flows in and does not flow out: its power counts as a loss.
    pub is_series: bool,
}

impl GridElement {
    pub fn n_terminals(&self) -> usize {
        self.nodes.len() / self.n_conductors.max(1)
    }
}

/// A network as estimation sees it.
#[derive(Clone, Debug)]
pub struct Grid {
    /// `bus.node` by node number; the first is the earth.
    pub names: Vec<String>,
    /// Voltage base to earth, V, by node number.
    pub v_base: Vec<f64>,
    /// A solution without measurements to start from, V, by node number.
    pub start: Vec<Complex64>,
    /// Island of each node by its lowest node number, and whether a source feeds it.
    pub island: Vec<u32>,
    pub is_fed: Vec<bool>,
    /// Nodes in the order in which they are reported.
    pub reported: Vec<NodeNumber>,
    pub elements: Vec<GridElement>,
    /// Node of each fed island whose angle is that of `start` where no angle is measured.
    pub references: Vec<NodeNumber>,
    /// 3 where a node stands for three phases, 1 otherwise.
    pub phase_factor: f64,
}

impl Grid {
    /// The grid of a state, with taps, steps and switches as they stand. The state's loads and generation take no part.
    ///
    /// The start is the solution with the loads as admittances.
    ///
    /// # Errors
    /// As [`State::build`].
    pub fn of_state(state: &State) -> Result<Self, CircuitError> {
        let mut state = state.clone();
        state.placed.clear();
        state.patch = None;
        state.build()?;
        let circuit = std::sync::Arc::clone(state.circuit());
        state.injection.copy_from_slice(circuit.source_injection());
        state.solve_linear()?;
        let network = circuit.network();
        let n = circuit.n_nodes() + 1;
        let islands = circuit.islands(&state.primitives);
        let mut elements = Vec::with_capacity(circuit.elements().len());
        let mut references: Vec<NodeNumber> = Vec::new();
        for (i, e) in circuit.elements().iter().enumerate() {
            let is_device = e.model.is_converter() || e.model.is_source();
            if e.model.is_source() {
                for &k in e.nodes.iter().filter(|&&k| k != 0 && islands.is_fed[k as usize]) {
                    if references.iter().all(|&r| islands.label[r as usize] != islands.label[k as usize])
                        && state.v[k as usize].norm() > 0.0
                    {
                        references.push(k);
                    }
                }
            }
            let flags = state.closed[i].clone();
            let is_switch = e.n_terminals == 2
                && (e.id.kind == ElementKind::Line && network.lines[e.id.index()].is_switch || flags.is_some() && state.is_series(e.id));
            let both_closed = |c: usize| flags.as_ref().is_none_or(|f| f[c] && f[e.n_conductors + c]);
            elements.push(GridElement {
                name: network.full_name(e.id),
                id: Some(e.id),
                n_conductors: e.n_conductors,
                nodes: e.nodes.to_vec(),
                y: (!is_device).then(|| state.primitives[i].clone()),
                switch: is_switch.then(|| (0..e.n_conductors).map(both_closed).collect()),
                is_series: state.is_series(e.id),
            });
        }
        // An island that nothing but another kind of source feeds still needs an angle to count from.
        for k in 1..n as NodeNumber {
            let fed = islands.is_fed[k as usize] && state.v[k as usize].norm() > 0.0;
            if fed && references.iter().all(|&r| islands.label[r as usize] != islands.label[k as usize]) {
                references.push(k);
            }
        }
        let base = |k: usize| match circuit.kv_base_ln(k as NodeNumber) {
            kv if kv > 0.0 => kv * 1e3,
            _ if state.v[k].norm() > 0.0 => state.v[k].norm(),
            _ => 1.0,
        };
        Ok(Self {
            names: (0..n as NodeNumber).map(|k| circuit.node_name(k)).collect(),
            v_base: (0..n).map(base).collect(),
            start: state.v.clone(),
            island: islands.label,
            is_fed: islands.is_fed,
            reported: circuit.reported().to_vec(),
            elements,
            references,
            phase_factor: state.phase_factor(),
        })
    }

    /// A grid of nodes that start at 1 V and 0 rad, for admittances and measurements in per unit. Node 0, the earth, is there already.
    pub fn per_unit(names: &[&str]) -> Self {
        let n = names.len() + 1;
        let mut all = vec!["earth".to_owned()];
        all.extend(names.iter().map(|s| (*s).to_owned()));
        let mut start = vec![Complex64::ONE; n];
        start[0] = ZERO;
        Self {
            names: all,
            v_base: vec![1.0; n],
            start,
            island: vec![1; n],
            is_fed: vec![true; n],
            reported: (1..n as NodeNumber).collect(),
            elements: Vec::new(),
            references: vec![1],
            phase_factor: 1.0,
        }
    }

    /// Adds a branch of series impedance `z` and charging `b` (half of it at each end); gives its position.
    ///
    /// `ratio` stands at the first end: the voltage behind it is `v / ratio`.
    pub fn add_branch(&mut self, name: &str, from: NodeNumber, to: NodeNumber, z: Complex64, b: f64, ratio: f64) -> usize {
        let y = z.inv();
        let half = Complex64::new(0.0, b / 2.0);
        let block = [[(y + half) / (ratio * ratio), -y / ratio], [-y / ratio, y + half]];
        self.add_linear(name, vec![from, to], CMatrix::from_fn(2, 2, |i, j| block[i][j]))
    }

    /// Adds an admittance from a node to earth; gives its position.
    pub fn add_shunt(&mut self, name: &str, node: NodeNumber, y: Complex64) -> usize {
        self.add_linear(name, vec![node], CMatrix::from_fn(1, 1, |_, _| y))
    }

    fn add_linear(&mut self, name: &str, nodes: Vec<NodeNumber>, y: CMatrix) -> usize {
        let is_series = nodes.len() > 1;
        self.elements.push(GridElement { name: name.to_owned(), id: None, n_conductors: 1, nodes, y: Some(y), switch: None, is_series });
        self.elements.len() - 1
    }

    /// Adds a device, which draws an unknown current from a node; gives its position.
    pub fn add_device(&mut self, name: &str, node: NodeNumber) -> usize {
        let nodes = vec![node, 0];
        self.elements.push(GridElement {
            name: name.to_owned(),
            id: None,
            n_conductors: 2,
            nodes,
            y: None,
            switch: None,
            is_series: false,
        });
        self.elements.len() - 1
    }

    /// The switch `element` and those told to be in the same position that nothing but nodes without any other connection lies between.
    ///
    /// Which of them is in another position than told changes nothing that could be measured outside.
    pub(super) fn switches_in_series(&self, element: usize) -> Vec<usize> {
        let mut series = vec![element];
        let mut at = 0;
        while at < series.len() {
            let e = &self.elements[series[at]];
            for &node in e.nodes.iter().filter(|&&n| n != 0) {
                let there = || self.elements.iter().enumerate().filter(|(_, o)| o.nodes.contains(&node));
                let conductors: usize = there().map(|(_, o)| o.nodes.iter().filter(|&&n| n == node).count()).sum();
                if conductors == 2 {
                    for (k, other) in there() {
                        if other.switch.is_some() && other.switch == e.switch && !series.contains(&k) {
                            series.push(k);
                        }
                    }
                }
            }
            at += 1;
        }
        series
    }

    /// Position of an element by its full name, without regard to case.
    pub fn element(&self, name: &str) -> Option<usize> {
        self.elements.iter().position(|e| e.name.eq_ignore_ascii_case(name))
    }

    /// Number of a node by `bus.node`, without regard to case.
    pub fn node(&self, name: &str) -> Option<NodeNumber> {
        self.names.iter().skip(1).position(|n| n.eq_ignore_ascii_case(name)).map(|k| k as NodeNumber + 1)
    }

    /// Whether a node takes part: it is not the earth, and a source feeds it.
    pub(super) fn is_live(&self, node: NodeNumber) -> bool {
        node != 0 && self.is_fed[node as usize]
    }
}
