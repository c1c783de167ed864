//! What a probe looks at: nodes, buses of three phases, lines, transformers and regulators of a circuit, compiled once.
//!
//! # What is read
//!
//! ```text
//! voltage          |v_n| / base of every fed node 1 to 3; at buses that nothing ties to earth |v_a - v_b| / (sqrt(3) base) instead, since
//!                  their voltage to earth is not determined
//! deviation        | |v| - |v0| | / base, v0 without the resource
//! unbalance        max_k | |v_k| - m | / m over the three line-to-line voltages v_k of mean magnitude m (NEMA MG-1, ANSI C84.1)
//! loading          of a line the largest phase current of all terminals over its normal rating; of a transformer the largest apparent
//!                  power of a terminal over its normal kVA, which is the first winding's where it has none
//! reverse flow     minus the power out of the sources; minus the power into a transformer's terminal on the side of the sources
//! excursion        change of the voltage on the secondary of a regulator's potential transformer, over its bandwidth
//! ```

use super::criteria::{At, Criteria, Criterion, Readings};
use super::sites::Earthing;
use network::graph::Graph;
use network::{BusId, ElementId, ElementKind, MonitoredPhase, Network};
use num_complex::Complex64;
use powerflow::{Circuit, CircuitError, NodeNumber, State};
use std::collections::HashSet;
use std::sync::Arc;

/// A voltage that is watched: of a node to earth, or between two nodes.
#[derive(Clone, Copy, Debug)]
struct Watched {
    from: NodeNumber,
    to: NodeNumber,
    /// 1 / base, 1/V.
    inverse_base: f64,
    is_low: bool,
}

impl Watched {
    fn magnitude_pu(&self, v: &[Complex64]) -> f64 {
        (v[self.from as usize] - v[self.to as usize]).norm() * self.inverse_base
    }
}

/// An element whose loading is watched.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    id: ElementId,
    index: usize,
    n_phases: usize,
    /// A of a line, VA of a transformer.
    limit: f64,
    /// The same in an emergency; the normal one where the model names none above it.
    emergency: f64,
}

/// A transformer whose direction of power is watched.
#[derive(Clone, Copy, Debug)]
struct Directed {
    id: ElementId,
    index: usize,
    /// Terminal on the side of the sources.
    terminal: usize,
    is_regulator: bool,
}

/// A voltage that a regulator holds.
#[derive(Clone, Debug)]
struct Regulated {
    control: ElementId,
    /// Node pairs of the watched winding.
    across: Vec<(NodeNumber, NodeNumber)>,
    /// 100 / (PT ratio times bandwidth), percent of the bandwidth for one volt.
    pct_per_v: f64,
}

/// Everything that a probe looks at.
#[derive(Clone, Debug)]
pub struct Sensors {
    watched: Vec<Watched>,
    triples: Vec<(BusId, [NodeNumber; 3])>,
    lines: Vec<Loaded>,
    transformers: Vec<Loaded>,
    directed: Vec<Directed>,
    regulated: Vec<Regulated>,
    /// Largest number of conductors of an element at all its terminals.
    widest: usize,
    /// How far, pu, voltages may differ between two settled states of one size, because controls have a band within which they rest.
    pub slack_pu: f64,
}

/// Magnitudes of a state without a resource, against which deviations are measured.
#[derive(Clone, Debug, Default)]
pub struct Before {
    watched_pu: Vec<f64>,
    regulated_v: Vec<Vec<f64>>,
}

impl Sensors {
    /// What there is to look at in the circuit of a built state, whose voltages stay as they are.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn new(state: &mut State) -> Result<Self, CircuitError> {
        let circuit = Arc::clone(state.circuit());
        let network = Arc::clone(circuit.network());
        let fed = state.fed_nodes();
        let mut watched = Vec::new();
        let mut triples = Vec::new();
        for i in 0..network.buses.len() {
            let bus = BusId::from(i);
            let base_v = network.bus(bus).kv_base_ln * 1e3;
            if !(base_v > 0.0 && base_v.is_finite()) {
                continue;
            }
            let mut nodes: Vec<(u32, NodeNumber)> =
                circuit.bus_nodes(bus).iter().copied().filter(|&(at, n)| (1..=3).contains(&at) && fed[n as usize]).collect();
            nodes.sort_unstable();
            let numbers: Vec<NodeNumber> = nodes.iter().map(|n| n.1).collect();
            if numbers.is_empty() {
                continue;
            }
            let is_low = base_v * 3f64.sqrt() <= 1000.0;
            let untied = Earthing::new(state).is_untied(&numbers)?;
            let between =
                |a: usize, b: usize| Watched { from: numbers[a], to: numbers[b], inverse_base: 1.0 / (base_v * 3f64.sqrt()), is_low };
            match (untied, numbers.len()) {
                (false, _) => watched.extend(numbers.iter().map(|&n| Watched { from: n, to: 0, inverse_base: 1.0 / base_v, is_low })),
                (true, 3) => watched.extend([between(0, 1), between(1, 2), between(2, 0)]),
                (true, 2) => watched.push(between(0, 1)),
                // Its voltage to earth is nobody's.
                (true, _) => {}
            }
            if let [a, b, c] = numbers[..] {
                triples.push((bus, [a, b, c]));
            }
        }
        let (lines, transformers) = loaded(&circuit, &network, &fed);
        Ok(Self {
            watched,
            triples,
            lines,
            transformers,
            directed: directed(&circuit, &network),
            regulated: regulated(&circuit, &network),
            slack_pu: slack_pu(&network),
            widest: circuit.elements().iter().map(|e| e.nodes.len()).max().unwrap_or(0),
        })
    }

    /// Magnitudes against which deviations are measured.
    pub fn before(&self, state: &State) -> Before {
        let v = state.voltages();
        Before {
            watched_pu: self.watched.iter().map(|w| w.magnitude_pu(v)).collect(),
            regulated_v: self.regulated.iter().map(|r| r.magnitudes(v)).collect(),
        }
    }

    /// Reads the criteria that look at a state with its controls settled.
    pub fn read(&self, state: &State, criteria: &Criteria, readings: &mut Readings) {
        let v = state.voltages();
        let on = |c| criteria.limit(c).is_some();
        if on(Criterion::OverVoltage) || on(Criterion::UnderVoltage) {
            let (mut high, mut low) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
            for w in &self.watched {
                let pu = w.magnitude_pu(v);
                if pu > high.0 || pu.is_nan() {
                    high = (pu, w.from);
                }
                if pu < low.0 || pu.is_nan() {
                    low = (pu, w.from);
                }
            }
            if !self.watched.is_empty() {
                if on(Criterion::OverVoltage) {
                    readings.worsen(Criterion::OverVoltage, high.0, At::Node(high.1));
                }
                if on(Criterion::UnderVoltage) {
                    readings.worsen(Criterion::UnderVoltage, low.0, At::Node(low.1));
                }
            }
        }
        if on(Criterion::VoltageUnbalance) {
            for &(bus, nodes) in &self.triples {
                if let Some(pct) = unbalance_pct(nodes.map(|n| v[n as usize])) {
                    readings.worsen(Criterion::VoltageUnbalance, pct, At::Bus(bus));
                }
            }
        }
        let mut i = vec![Complex64::ZERO; self.widest];
        if on(Criterion::ThermalLine) {
            for line in &self.lines {
                let e = &state.circuit().elements()[line.index];
                let i = &mut i[..e.nodes.len()];
                state.read_currents(line.index, i);
                readings.worsen(Criterion::ThermalLine, largest_a(e, line.n_phases, i) / line.limit * 100.0, At::Element(line.id));
            }
        }
        let factor = state.phases_for_one();
        if on(Criterion::ThermalTransformer) {
            for t in &self.transformers {
                let e = &state.circuit().elements()[t.index];
                let i = &mut i[..e.nodes.len()];
                state.read_currents(t.index, i);
                let largest = (0..e.n_terminals).map(|w| terminal_va(e, w, v, i).norm()).fold(0.0, f64::max) * factor;
                readings.worsen(Criterion::ThermalTransformer, largest / t.limit * 100.0, At::Element(t.id));
            }
        }
        if on(Criterion::ReverseFlowHead) {
            readings.worsen(Criterion::ReverseFlowHead, -state.delivered_kva().re, At::Everywhere);
        }
        for d in &self.directed {
            let c = if d.is_regulator { Criterion::ReverseFlowRegulator } else { Criterion::ReverseFlowTransformer };
            if on(c) {
                let e = &state.circuit().elements()[d.index];
                let i = &mut i[..e.nodes.len()];
                state.read_currents(d.index, i);
                readings.worsen(c, -terminal_va(e, d.terminal, v, i).re * factor / 1e3, At::Element(d.id));
            }
        }
    }

    /// Shows every voltage (pu), unbalance and loading (percent) of a state to a closure, not only the worst; what no source feeds in the state is left
    /// out. `fed` is by node number, see [`State::fed_nodes`]; with `emergency` loadings count from emergency ratings.
    pub fn each(&self, state: &State, fed: &[bool], emergency: bool, show: &mut dyn FnMut(Criterion, At, f64)) {
        let v = state.voltages();
        let is_fed = |n: NodeNumber| n == 0 || fed[n as usize];
        for w in self.watched.iter().filter(|w| is_fed(w.from) && is_fed(w.to)) {
            let pu = w.magnitude_pu(v);
            show(Criterion::OverVoltage, At::Node(w.from), pu);
            show(Criterion::UnderVoltage, At::Node(w.from), pu);
        }
        for &(bus, nodes) in self.triples.iter().filter(|t| t.1.iter().all(|&n| is_fed(n))) {
            if let Some(pct) = unbalance_pct(nodes.map(|n| v[n as usize])) {
                show(Criterion::VoltageUnbalance, At::Bus(bus), pct);
            }
        }
        let mut i = vec![Complex64::ZERO; self.widest];
        let of = |l: &Loaded| if emergency { l.emergency } else { l.limit };
        for line in &self.lines {
            let e = &state.circuit().elements()[line.index];
            if !e.nodes.iter().any(|&n| fed[n as usize]) {
                continue;
            }
            let i = &mut i[..e.nodes.len()];
            state.read_currents(line.index, i);
            show(Criterion::ThermalLine, At::Element(line.id), largest_a(e, line.n_phases, i) / of(line) * 100.0);
        }
        let factor = state.phases_for_one();
        for t in &self.transformers {
            let e = &state.circuit().elements()[t.index];
            if !e.nodes.iter().any(|&n| fed[n as usize]) {
                continue;
            }
            let i = &mut i[..e.nodes.len()];
            state.read_currents(t.index, i);
            let largest = (0..e.n_terminals).map(|w| terminal_va(e, w, v, i).norm()).fold(0.0, f64::max) * factor;
            show(Criterion::ThermalTransformer, At::Element(t.id), largest / of(t) * 100.0);
        }
    }

    /// Reads the criteria that look at a state with the controls as they were without the resource.
    pub fn read_frozen(&self, state: &State, before: &Before, criteria: &Criteria, readings: &mut Readings) {
        let v = state.voltages();
        let on = |c| criteria.limit(c).is_some();
        if on(Criterion::VoltageDeviation) || on(Criterion::VoltageDeviationLv) {
            for (w, &was) in self.watched.iter().zip(&before.watched_pu) {
                let c = if w.is_low { Criterion::VoltageDeviationLv } else { Criterion::VoltageDeviation };
                if on(c) {
                    readings.worsen(c, (w.magnitude_pu(v) - was).abs(), At::Node(w.from));
                }
            }
        }
        if on(Criterion::RegulatorExcursion) {
            for (r, was) in self.regulated.iter().zip(&before.regulated_v) {
                let largest = r.magnitudes(v).iter().zip(was).map(|(now, was)| (now - was).abs()).fold(0.0, f64::max);
                readings.worsen(Criterion::RegulatorExcursion, largest * r.pct_per_v, At::Element(r.control));
            }
        }
    }
}

impl Regulated {
    fn magnitudes(&self, v: &[Complex64]) -> Vec<f64> {
        self.across.iter().map(|&(a, b)| (v[a as usize] - v[b as usize]).norm()).collect()
    }
}

/// Largest deviation of the three line-to-line voltages from their mean, percent; none where there is no voltage.
fn unbalance_pct([a, b, c]: [Complex64; 3]) -> Option<f64> {
    let sides = [(a - b).norm(), (b - c).norm(), (c - a).norm()];
    let mean = sides.iter().sum::<f64>() / 3.0;
    let worst = sides.iter().map(|s| (s - mean).abs()).fold(0.0, f64::max);
    (mean > 0.0).then(|| worst / mean * 100.0)
}

/// Largest phase current of all terminals, A.
fn largest_a(e: &powerflow::circuit::Element, n_phases: usize, i: &[Complex64]) -> f64 {
    let phases = (0..e.n_terminals).flat_map(|t| (0..n_phases).map(move |c| t * e.n_conductors + c));
    phases.map(|k| i[k].norm_sqr()).fold(0.0, f64::max).sqrt()
}

/// Power into a terminal, VA, of currents into the element.
fn terminal_va(e: &powerflow::circuit::Element, terminal: usize, v: &[Complex64], i: &[Complex64]) -> Complex64 {
    let k = terminal * e.n_conductors..(terminal + 1) * e.n_conductors;
    k.map(|k| v[e.nodes[k] as usize] * i[k].conj()).sum()
}

/// Lines and transformers with a rating, of which a node is fed.
fn loaded(circuit: &Circuit, network: &Network, fed: &[bool]) -> (Vec<Loaded>, Vec<Loaded>) {
    let (mut lines, mut transformers) = (Vec::new(), Vec::new());
    for (index, e) in circuit.elements().iter().enumerate() {
        if !e.nodes.iter().any(|&n| fed[n as usize]) {
            continue;
        }
        let common = network.common(e.id);
        let n_phases = common.n_phases.min(e.n_conductors);
        match e.id.kind {
            ElementKind::Line if common.rating.normal_a > 0.0 => {
                lines.push(Loaded {
                    id: e.id,
                    index,
                    n_phases,
                    limit: common.rating.normal_a,
                    emergency: common.rating.emergency_a.max(common.rating.normal_a),
                });
            }
            ElementKind::Reactor if common.rating.normal_a > 0.0 && network.reactors[e.id.index()].bus2_defined => {
                lines.push(Loaded {
                    id: e.id,
                    index,
                    n_phases,
                    limit: common.rating.normal_a,
                    emergency: common.rating.emergency_a.max(common.rating.normal_a),
                });
            }
            ElementKind::Transformer => {
                let t = &network.transformers[e.id.index()];
                let limit = if t.normal_kva > 0.0 { t.normal_kva } else { t.windings.first().map_or(0.0, |w| w.kva) };
                if limit > 0.0 {
                    transformers.push(Loaded {
                        id: e.id,
                        index,
                        n_phases,
                        limit: limit * 1e3,
                        emergency: limit.max(t.emergency_kva) * 1e3,
                    });
                }
            }
            _ => {}
        }
    }
    (lines, transformers)
}

/// Transformers with the terminal that is nearest to a source.
fn directed(circuit: &Circuit, network: &Network) -> Vec<Directed> {
    let graph = Graph::new(network);
    let tree = graph.reach(&network.supply_buses());
    let regulators: HashSet<ElementId> =
        network.regulator_controls.iter().filter(|c| c.common.enabled).filter_map(|c| c.transformer).collect();
    let of = |(index, e): (usize, &powerflow::circuit::Element)| {
        if e.id.kind != ElementKind::Transformer {
            return None;
        }
        let terminals = &network.common(e.id).terminals;
        let terminal = (0..terminals.len()).min_by_key(|&t| tree.depth[terminals[t].bus.index()])?;
        // Of a transformer that is not reached there is no direction.
        let is_reached = tree.depth[terminals[terminal].bus.index()] != u32::MAX;
        is_reached.then(|| Directed { id: e.id, index, terminal, is_regulator: regulators.contains(&e.id) })
    };
    circuit.elements().iter().enumerate().filter_map(of).collect()
}

/// What a switched capacitor bank may move a voltage by, pu: banks are sized to stay below the 3 % that a rapid change may have.
const BANK_PU: f64 = 0.03;

/// The taps that fit into the widest band of the enabled regulators, pu, at least one; and a bank's step where banks are switched.
fn slack_pu(network: &Network) -> f64 {
    let regulators = network.regulator_controls.iter().filter(|c| c.common.enabled).filter_map(|c| {
        let t = network.transformers.get(c.transformer?.index())?;
        let (step_pu, watched) = (t.windings.get(c.tap_winding)?.tap_step_pu(), t.windings.get(c.winding)?);
        let base_v = watched.kv * 1e3 / if t.common.n_phases > 1 { 3f64.sqrt() } else { 1.0 };
        let taps = (c.forward.band_v * c.pt_ratio / base_v / step_pu).floor().max(1.0);
        Some(if taps.is_finite() { taps * step_pu } else { step_pu })
    });
    let banks = if network.capacitor_controls.iter().any(|c| c.common.enabled) { BANK_PU } else { 0.0 };
    regulators.fold(0.0, f64::max) + banks
}

fn regulated(circuit: &Circuit, network: &Network) -> Vec<Regulated> {
    let mut found = Vec::new();
    for (k, c) in network.regulator_controls.iter().enumerate().filter(|(_, c)| c.common.enabled) {
        let Some(index) = c.transformer.and_then(|id| circuit.index_of(id)) else { continue };
        let e = &circuit.elements()[index];
        let (pt_ratio, across) = match &c.remote_bus {
            Some(remote) => {
                let nodes: Vec<NodeNumber> = remote.nodes.iter().map(|&n| circuit.node_number(remote.bus, n)).filter(|&n| n != 0).collect();
                let nodes = if nodes.is_empty() { vec![circuit.node_number(remote.bus, 1)] } else { nodes };
                (c.remote_pt_ratio, nodes.into_iter().filter(|&n| n != 0).map(|n| (n, 0)).collect::<Vec<_>>())
            }
            None => {
                let common = network.common(e.id);
                let first = c.winding * e.n_conductors;
                let phases: Vec<usize> = match c.pt_phase {
                    MonitoredPhase::Phase(p) if p >= 1 && p <= common.n_phases => vec![p - 1],
                    MonitoredPhase::Max | MonitoredPhase::Min => (0..common.n_phases).collect(),
                    _ => vec![0],
                };
                let node = |k: usize| e.nodes.get(first + k).copied().unwrap_or(0);
                (c.pt_ratio, phases.into_iter().map(|p| (node(p), 0)).filter(|p| p.0 != 0).collect())
            }
        };
        let scale = pt_ratio * c.forward.band_v;
        if scale > 0.0 && !across.is_empty() {
            found.push(Regulated { control: ElementId::new(ElementKind::RegulatorControl, k), across, pct_per_v: 100.0 / scale });
        }
    }
    found
}
