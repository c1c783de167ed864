//! A network compiled for solving: node numbers, primitive admittances, the
//! pattern of the system admittance and its elimination order.
//!
//! ```text
//! Network --compile--> Circuit (shared, not changed by solving)
//!                         |
//!                         +--> State, State, ... (voltages, taps, steps, energy, clock)
//! ```
//!
//! Nodes are numbered from 1 in the order of their elimination, and reported in
//! the order in which the elements first name them; number 0 is the earth, whose
//! voltage is 0 V. Row `k - 1` of the system
//! admittance belongs to node `k`. Only enabled elements are compiled.

use crate::control::Controls;
use crate::dense::CMatrix;
use crate::element::{self, Model};
use crate::error::{CircuitError, Place};
use crate::pc::LoadModel;
use crate::sparse::{GROUND, Pattern, PatternBuilder, SparseError, Symbolic, quiet_first};
use network::{BusId, ElementId, ElementKind, Network, TransformerKind};
use num_complex::Complex64;
use std::collections::HashMap;
use std::sync::Arc;

/// Number of a node in a circuit; 0 is the earth.
pub type NodeNumber = u32;

/// A node of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub bus: BusId,
    /// Node at the bus, as the model writes it.
    pub at_bus: u32,
}

/// An enabled element that carries current.
#[derive(Clone, Debug)]
pub struct Element {
    pub id: ElementId,
    pub n_terminals: usize,
    pub n_conductors: usize,
    /// Node of each conductor, terminal by terminal; 0 is the earth.
    pub nodes: Box<[NodeNumber]>,
    /// Slots of the primitive admittance in the system admittance.
    pub(crate) slots: Box<[u32]>,
    pub(crate) model: Model,
}

impl Element {
    /// Order of the primitive admittance.
    pub fn order(&self) -> usize {
        self.nodes.len()
    }
}

/// A network compiled for solving. Shared by any number of states and threads.
#[derive(Debug)]
pub struct Circuit {
    network: Arc<Network>,
    /// `nodes[0]` stands for the earth.
    nodes: Vec<Node>,
    by_bus: Vec<Vec<(u32, NodeNumber)>>,
    elements: Vec<Element>,
    /// Models of the enabled loads, side by side for the loop over all of them.
    loads: Vec<LoadModel>,
    index_of: HashMap<ElementId, u32>,
    controls: Controls,
    pattern: Arc<Pattern>,
    symbolic: Arc<Symbolic>,
    frequency_hz: f64,
    /// Positions of sources, and of converters other than loads, in `elements`.
    sources: Vec<u32>,
    converters: Vec<u32>,
    /// 1 / base voltage by node number, 1/V; 0 where no base is assigned.
    inverse_base: Vec<f64>,
    /// Nodes without an assigned base.
    without_base: Vec<NodeNumber>,
    /// Injected currents of all sources, A, by node number.
    source_injection: Vec<Complex64>,
    /// Node numbers in the order in which the elements first name the nodes.
    reported: Vec<NodeNumber>,
    /// Positions of the elements at each node, by node number, and where each node's list begins.
    at_node: (Vec<u32>, Vec<u32>),
}

/// Rows of an element's conductors in the system admittance.
fn rows_of(e: &Element) -> Vec<u32> {
    e.nodes.iter().map(|&n| if n == 0 { GROUND } else { n - 1 }).collect()
}

fn pattern_of(nodes: &[Node], elements: &[Element]) -> Result<Pattern, SparseError> {
    let mut builder = PatternBuilder::new(nodes.len() as u32 - 1);
    for e in elements {
        builder.clique(&rows_of(e))?;
    }
    builder.build()
}

/// Rows of the nodes into which no source and no converter injects anything, bus by bus.
fn quiet_groups(by_bus: &[Vec<(u32, NodeNumber)>], elements: &[Element]) -> Vec<Vec<u32>> {
    let n = by_bus.iter().map(Vec::len).sum::<usize>();
    let mut is_quiet = vec![true; n + 1];
    for e in elements.iter().filter(|e| e.model.is_source() || e.model.is_converter()) {
        for &k in &e.nodes {
            is_quiet[k as usize] = false;
        }
    }
    let quiet = |nodes: &Vec<(u32, NodeNumber)>| nodes.iter().filter(|(_, k)| is_quiet[*k as usize]).map(|(_, k)| k - 1).collect();
    by_bus.iter().map(quiet).filter(|g: &Vec<u32>| !g.is_empty()).collect()
}

/// Positions of the elements that touch each node, ascending, and where each node's list begins.
fn elements_by_node(n_nodes: usize, elements: &[Element]) -> (Vec<u32>, Vec<u32>) {
    let mut pairs: Vec<(NodeNumber, u32)> =
        elements.iter().enumerate().flat_map(|(i, e)| e.nodes.iter().map(move |&n| (n, i as u32))).filter(|(n, _)| *n != 0).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut start = vec![0; n_nodes + 1];
    for (n, _) in &pairs {
        start[*n as usize + 1] += 1;
    }
    for n in 0..n_nodes {
        start[n + 1] += start[n];
    }
    (start, pairs.into_iter().map(|(_, i)| i).collect())
}

/// Numbers the nodes in the order of their elimination, so that a sweep over the factor walks through memory in order.
///
/// Returns the new numbers in the order of the old ones.
fn renumber(order: &Symbolic, nodes: &mut Vec<Node>, by_bus: &mut [Vec<(u32, NodeNumber)>], elements: &mut [Element]) -> Vec<NodeNumber> {
    let mut new_of = vec![0; nodes.len()];
    let mut moved = vec![nodes[0]];
    for (k, &row) in order.permutation().iter().enumerate() {
        new_of[row as usize + 1] = k as NodeNumber + 1;
        moved.push(nodes[row as usize + 1]);
    }
    *nodes = moved;
    for (_, n) in by_bus.iter_mut().flatten() {
        *n = new_of[*n as usize];
    }
    for n in elements.iter_mut().flat_map(|e| e.nodes.iter_mut()) {
        *n = new_of[*n as usize];
    }
    new_of.split_off(1)
}

impl Circuit {
    /// Compiles the enabled elements of a network.
    ///
    /// # Errors
    /// `NoSource` when no enabled source is there; an element whose data give no
    /// primitive admittance is named with the reason.
    pub fn compile(network: Arc<Network>) -> Result<Self, CircuitError> {
        let frequency_hz = network.options.frequency_hz;
        let mut nodes = vec![Node { bus: BusId(u32::MAX), at_bus: 0 }];
        let mut by_bus: Vec<Vec<(u32, NodeNumber)>> = vec![Vec::new(); network.buses.len()];
        let mut number = |bus: BusId, at_bus: u32| -> NodeNumber {
            if at_bus == 0 {
                return 0;
            }
            let known = &mut by_bus[bus.index()];
            if let Some(&(_, n)) = known.iter().find(|(a, _)| *a == at_bus) {
                return n;
            }
            let n = nodes.len() as NodeNumber;
            nodes.push(Node { bus, at_bus });
            known.push((at_bus, n));
            n
        };
        let mut elements = Vec::new();
        let mut index_of = HashMap::with_capacity(network.order.len());
        let mut cache = element::Cache::default();
        let mut loads = Vec::new();
        let mut has_source = false;
        for &id in &network.order {
            let common = network.common(id);
            if !common.enabled || !element::carries_current(&network, id) {
                continue;
            }
            let mut terminal_nodes: Box<[NodeNumber]> = common
                .terminals
                .iter()
                .flat_map(|t| t.nodes.iter().map(|&n| (t.bus, n)).collect::<Vec<_>>())
                .map(|(bus, n)| number(bus, n))
                .collect();
            if id.kind == ElementKind::Transformer && network.transformers[id.index()].kind == TransformerKind::Auto {
                join_series_winding(&mut terminal_nodes, common.n_phases, common.n_conductors());
            }
            has_source |= matches!(id.kind, ElementKind::VoltageSource | ElementKind::CurrentSource);
            let model = element::compile(&network, id, frequency_hz, &mut cache, &mut loads)
                .map_err(|reason| CircuitError::Element { place: Place::of(&network, id), reason: Box::new(reason) })?;
            index_of.insert(id, elements.len() as u32);
            elements.push(Element {
                id,
                n_terminals: common.terminals.len(),
                n_conductors: common.n_conductors(),
                nodes: terminal_nodes,
                slots: Box::default(),
                model,
            });
        }
        if !has_source {
            return Err(CircuitError::NoSource);
        }
        let controls = Controls::compile(&network)
            .map_err(|(id, reason)| CircuitError::Element { place: Place::of(&network, id), reason: Box::new(reason) })?;
        let first = pattern_of(&nodes, &elements)?;
        let (order, n_quiet) = quiet_first(&first, &quiet_groups(&by_bus, &elements))?;
        let order = Symbolic::with_leading(&Arc::new(first), &order, n_quiet)?;
        let reported = renumber(&order, &mut nodes, &mut by_bus, &mut elements);
        let pattern = Arc::new(pattern_of(&nodes, &elements)?);
        for e in &mut elements {
            e.slots = pattern.clique_slots(&rows_of(e))?.into();
        }
        let identity: Vec<u32> = (0..pattern.order() as u32).collect();
        let symbolic = Arc::new(Symbolic::with_leading(&pattern, &identity, n_quiet)?);
        let which = |is: fn(&Model) -> bool| {
            let positions = elements.iter().enumerate().filter(|(_, e)| is(&e.model));
            positions.map(|(i, _)| i as u32).collect::<Vec<_>>()
        };
        let (sources, converters) = (which(Model::is_source), which(|m| m.is_converter() && !m.is_load()));
        let inverse_base: Vec<f64> = nodes
            .iter()
            .enumerate()
            .map(|(i, n)| match i {
                0 => 0.0,
                _ => Some(network.bus(n.bus).kv_base_ln).filter(|&kv| kv > 0.0).map_or(0.0, |kv| 1e-3 / kv),
            })
            .collect();
        let without_base = (1..nodes.len()).filter(|&n| inverse_base[n] == 0.0).map(|n| n as NodeNumber).collect();
        let mut source_injection = vec![Complex64::ZERO; nodes.len()];
        for &i in &sources {
            let e: &Element = &elements[i as usize];
            let scale = e.model.follows().map_or(1.0, |f| f.otherwise);
            for (&n, injected) in e.nodes.iter().zip(e.model.source_injection()) {
                source_injection[n as usize] += injected * scale;
            }
        }
        let nodes_len = nodes.len();
        Ok(Self {
            controls,
            network,
            nodes,
            by_bus,
            loads,
            index_of,
            pattern,
            symbolic,
            frequency_hz,
            sources,
            converters,
            inverse_base,
            without_base,
            source_injection,
            at_node: elements_by_node(nodes_len, &elements),
            elements,
            reported,
        })
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Number of nodes, without the earth.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Nodes in the order of their numbers, from number 1.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes[1..]
    }

    pub fn node(&self, number: NodeNumber) -> Node {
        self.nodes[number as usize]
    }

    /// `bus.node` of a node.
    pub fn node_name(&self, number: NodeNumber) -> String {
        match self.nodes.get(number as usize) {
            Some(n) if number > 0 => format!("{}.{}", self.network.bus(n.bus).name, n.at_bus),
            _ => "earth".to_owned(),
        }
    }

    /// Nodes of a bus as (number at the bus, number in the circuit), in the order they were met.
    pub fn bus_nodes(&self, bus: BusId) -> &[(u32, NodeNumber)] {
        &self.by_bus[bus.index()]
    }

    /// Number of node `at_bus` of a bus; 0 for the earth and for a node that no element has.
    pub fn node_number(&self, bus: BusId, at_bus: u32) -> NodeNumber {
        self.by_bus[bus.index()].iter().find(|(a, _)| *a == at_bus).map_or(0, |&(_, n)| n)
    }

    /// Enabled elements that carry current, in the order of creation.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Position of an element in [`Self::elements`]; `None` when disabled or without current.
    pub fn index_of(&self, id: ElementId) -> Option<usize> {
        self.index_of.get(&id).map(|&i| i as usize)
    }

    pub fn frequency_hz(&self) -> f64 {
        self.frequency_hz
    }

    /// Positions in [`Self::elements`] of the elements that touch a node, ascending; none for the earth.
    pub fn elements_at_node(&self, number: NodeNumber) -> &[u32] {
        let (start, elements) = &self.at_node;
        &elements[start[number as usize] as usize..start[number as usize + 1] as usize]
    }

    /// Nodes at the head of the numbering into which nothing is injected and that the iteration leaves out.
    pub(crate) fn n_quiet(&self) -> usize {
        self.symbolic.leading()
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.controls
    }

    pub(crate) fn loads(&self) -> &[LoadModel] {
        &self.loads
    }

    pub(crate) fn sources(&self) -> &[u32] {
        &self.sources
    }

    pub(crate) fn converters(&self) -> &[u32] {
        &self.converters
    }

    /// Node numbers in the order in which the elements first name the nodes.
    pub fn reported(&self) -> &[NodeNumber] {
        &self.reported
    }

    /// Nodes without an assigned base.
    pub(crate) fn without_base(&self) -> &[NodeNumber] {
        &self.without_base
    }

    /// Injected currents of all sources, A, by node number.
    pub(crate) fn source_injection(&self) -> &[Complex64] {
        &self.source_injection
    }

    /// 1 / line-to-neutral voltage base by node number, 1/V; 0 where none is assigned.
    pub(crate) fn inverse_base(&self) -> &[f64] {
        &self.inverse_base
    }

    pub(crate) fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// How many nodes, the first by number, take no part in the iteration, and entries of the factor's lower triangle: in all, and in the
    /// part that the iteration sweeps over.
    pub fn factor_size(&self) -> (usize, usize, usize) {
        (self.symbolic.leading(), self.symbolic.factor_entries(), self.symbolic.trailing_entries())
    }

    pub(crate) fn symbolic(&self) -> &Arc<Symbolic> {
        &self.symbolic
    }

    /// Line-to-neutral voltage base of a node, kV; 0 where none is assigned.
    pub fn kv_base_ln(&self, number: NodeNumber) -> f64 {
        if number == 0 { 0.0 } else { self.network.bus(self.nodes[number as usize].bus).kv_base_ln }
    }

    /// Groups of nodes that admittances join, and which of them a source feeds.
    ///
    /// `primitives` are the elements' present primitive admittances: an open
    /// conductor or a zero entry joins nothing.
    pub fn islands(&self, primitives: &[CMatrix]) -> Islands {
        let mut parent: Vec<u32> = (0..self.nodes.len() as u32).collect();
        fn root(parent: &mut [u32], mut i: u32) -> u32 {
            while parent[i as usize] != i {
                parent[i as usize] = parent[parent[i as usize] as usize];
                i = parent[i as usize];
            }
            i
        }
        for (e, y) in self.elements.iter().zip(primitives) {
            let k = e.nodes.len();
            if y.rows() != k {
                continue;
            }
            for i in 0..k {
                for j in 0..i {
                    // The earth joins nothing: islands share it.
                    if e.nodes[i] != 0 && e.nodes[j] != 0 && y[(i, j)].norm_sqr() > 0.0 {
                        let (a, b) = (root(&mut parent, e.nodes[i]), root(&mut parent, e.nodes[j]));
                        parent[a.max(b) as usize] = a.min(b);
                    }
                }
            }
        }
        let mut fed = vec![false; self.nodes.len()];
        for e in &self.elements {
            if matches!(e.id.kind, ElementKind::VoltageSource | ElementKind::CurrentSource | ElementKind::GicLine) {
                for &n in e.nodes.iter().filter(|&&n| n != 0) {
                    fed[root(&mut parent, n) as usize] = true;
                }
            }
        }
        let label: Vec<u32> = (0..self.nodes.len() as u32).map(|i| root(&mut parent, i)).collect();
        let is_fed: Vec<bool> = label.iter().map(|&r| fed[r as usize]).collect();
        let mut roots: Vec<u32> = label[1..].to_vec();
        roots.sort_unstable();
        roots.dedup();
        Islands { n_islands: roots.len(), n_fed: roots.iter().filter(|&&r| fed[r as usize]).count(), label, is_fed }
    }
}

/// The series winding of an autotransformer ends where its common winding begins: conductors `n_phases ..` of
/// terminal 1 take the nodes of terminal 2.
fn join_series_winding(nodes: &mut [NodeNumber], n_phases: usize, n_conductors: usize) {
    if nodes.len() >= n_conductors + n_phases && n_conductors >= 2 * n_phases {
        nodes.copy_within(n_conductors..n_conductors + n_phases, n_phases);
    }
}

/// Which nodes hang together.
#[derive(Clone, Debug, PartialEq)]
pub struct Islands {
    pub n_islands: usize,
    pub n_fed: usize,
    /// Lowest node number of each node's island, by node number.
    pub label: Vec<u32>,
    /// Whether a source is in each node's island, by node number.
    pub is_fed: Vec<bool>,
}
