//! A transmission case made ready for the iteration: electrical nodes, two-ports between them, what is injected at them.
//!
//! * Buses joined by branches of no impedance are one node. A branch counts as such when `r = 0`, `b = 0` and `|x|` is at most the case's
//!   threshold, or when `r = x = 0` (its charging then stays at the node).
//! * A bus of kind `Isolated` is no part of it, nor is any element at it.
//! * The star point of a three-winding transformer is a node of its own.
//! * Nodes joined by two-ports make an island. Without a swing bus an island is dead: nothing in it has a voltage.

use super::dc::{self, ConverterState, DcFault};
use super::motor;
use super::transformer::{Leg, TransformerFault, TwoPort, WindingBus, legs};
use network::{AcBranch, BusId, BusKind, Common, Diagnostic, ElementId, ElementKind, ImpedanceCorrection, Network, SwitchedShuntMode};
use num_complex::Complex64;
use std::collections::HashMap;

/// Index of an electrical node.
pub type NodeIndex = u32;

/// A bus that is no part of the case.
pub const NO_NODE: NodeIndex = u32::MAX;

/// Threshold of cases that name none, per unit.
const ZERO_IMPEDANCE_PU: f64 = 1e-4;

/// What stops a case from being compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// The network holds no transmission case.
    #[error("the network is no transmission case")]
    NotTransmission,
    #[error("the system base of {s_base_mva} MVA is not a positive number")]
    Base { s_base_mva: f64 },
    /// No island has a bus whose angle is held.
    #[error("no swing bus is in service")]
    NoSwing,
    #[error("{element}: {reason}")]
    Element { element: String, place: network::SourceRef, reason: String },
    #[error(transparent)]
    Sparse(#[from] crate::sparse::SparseError),
}

impl CaseError {
    /// The error as a finding with a stable code.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::NotTransmission => Diagnostic::error("SOLVE.CASE.NOT_TRANSMISSION", self.to_string())
                .hint("A distribution network is solved phase by phase: `gridtwin solve` chooses by itself."),
            Self::Base { .. } => {
                Diagnostic::error("SOLVE.CASE.BASE", self.to_string()).hint("Correct the system base in the head of the file.")
            }
            Self::NoSwing => Diagnostic::error("SOLVE.CASE.NO_SWING", self.to_string())
                .detail("Angles are measured from a swing bus; without one no angle is defined.")
                .hint("Make one bus with a machine in service the swing bus (kind 3)."),
            Self::Element { element, place, reason } => Diagnostic::error("SOLVE.CASE.ELEMENT", reason.clone())
                .element(element)
                .at(place)
                .hint("Correct its data, or take it out of service."),
            Self::Sparse(e) => Diagnostic::error("SOLVE.MATRIX.FAILED", e.to_string()),
        }
    }
}

/// Something with two ends between nodes.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub element: ElementId,
    /// Terminal of the element at each end; none at a star point.
    pub terminals: [Option<u8>; 2],
    pub nodes: [NodeIndex; 2],
    pub two_port: TwoPort,
    /// What a tap of it changes.
    pub leg: Option<Leg>,
}

/// A branch of no impedance within a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    pub element: ElementId,
    pub buses: [BusId; 2],
}

/// A shunt bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bank {
    pub index: usize,
    pub node: NodeIndex,
    /// Per unit.
    pub b: f64,
}

/// What gives reactive power to hold a voltage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Machine(usize),
    VscEnd(usize, usize),
    Facts(usize),
}

/// Part of what stands behind a held voltage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub holder: Holder,
    pub bus: BusId,
    pub node: NodeIndex,
    /// Per unit; `q` as stored.
    pub p: f64,
    pub q: f64,
    pub q_max: f64,
    pub q_min: f64,
    pub share: f64,
    pub v_set: f64,
    pub regulated: NodeIndex,
    /// It may hold a voltage; others give what they are told.
    pub holds: bool,
}

/// A law that tells injections from voltages.
#[derive(Clone, Debug)]
pub(super) enum Law {
    TwoTerminal { index: usize, taps: [f64; 2] },
    MultiTerminal { index: usize },
    Motor { index: usize },
}

/// An element whose injections depend on the voltages of several nodes.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub element: ElementId,
    pub nodes: Vec<NodeIndex>,
    pub law: Law,
}

/// How a device runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DeviceState {
    Converters(Vec<ConverterState>),
    Motor(motor::MotorState),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeType {
    Swing,
    Generator,
    Load,
    /// In an island without a swing bus.
    Dead,
}

/// A compiled case.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub s_base: f64,
    pub node_of_bus: Vec<NodeIndex>,
    /// Buses of each node; none at a star point.
    pub buses_of_node: Vec<Vec<BusId>>,
    pub star_of: HashMap<NodeIndex, ElementId>,
    pub node_type: Vec<NodeType>,
    /// As stored: magnitude and angle (radians).
    pub v_stored: Vec<(f64, f64)>,
    pub ports: Vec<Port>,
    pub joins: Vec<Join>,
    /// Shunt admittance without the switched banks.
    pub shunt: Vec<Complex64>,
    pub banks: Vec<Bank>,
    /// Constant power injected, without the units: per unit.
    pub power: Vec<Complex64>,
    /// Power drawn at 1 per unit of voltage that goes with the voltage.
    pub current: Vec<Complex64>,
    pub units: Vec<Unit>,
    pub devices: Vec<Device>,
    pub tables: Vec<ImpedanceCorrection>,
    pub n_islands: usize,
    pub dead_islands: usize,
    pub notes: Vec<Diagnostic>,
    /// What motors without a circuit draw at their buses: already in `power`.
    pub frozen: Vec<(BusId, Complex64)>,
    pub vsc_states: Vec<Option<[ConverterState; 2]>>,
}

/// Disjoint sets.
pub(super) struct Sets(Vec<u32>);

impl Sets {
    pub fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    pub fn find(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            let up = self.0[self.0[i as usize] as usize];
            self.0[i as usize] = up;
            i = up;
        }
        i
    }

    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        // The lower one stays, so that nodes keep the order of buses.
        self.0[a.max(b) as usize] = a.min(b);
    }
}

impl Grid {
    pub fn compile(network: &Network) -> Result<Self, CaseError> {
        let case = network.transmission.as_ref().ok_or(CaseError::NotTransmission)?;
        let s_base = case.s_base_mva;
        if !(s_base > 0.0 && s_base.is_finite()) {
            return Err(CaseError::Base { s_base_mva: s_base });
        }
        let threshold = if case.zero_impedance_pu > 0.0 { case.zero_impedance_pu } else { ZERO_IMPEDANCE_PU };
        let present: Vec<bool> =
            network.buses.iter().map(|b| b.transmission.as_ref().is_some_and(|t| t.kind != BusKind::Isolated)).collect();
        let mut notes = Vec::new();

        // Nodes: sets of buses.
        let mut sets = Sets::new(network.buses.len());
        let mut joins = Vec::new();
        let mut branch_ids = Vec::new();
        for id in network.ids(ElementKind::AcBranch) {
            let b = &network.ac_branches[id.index()];
            if !(b.in_service && b.common.enabled) {
                continue;
            }
            let [from, to] = two_buses(network, id, &b.common)?;
            if !present[from.index()] || !present[to.index()] {
                continue;
            }
            if from == to {
                return Err(element_error(network, id, "it joins a bus to itself"));
            }
            if joins_its_ends(b, threshold) {
                sets.join(from.0, to.0);
                joins.push(Join { element: id, buses: [from, to] });
            } else {
                branch_ids.push((id, from, to));
            }
        }
        let mut node_of_bus = vec![NO_NODE; network.buses.len()];
        let mut buses_of_node: Vec<Vec<BusId>> = Vec::new();
        for i in 0..network.buses.len() {
            if present[i] {
                let root = sets.find(i as u32) as usize;
                if root == i {
                    node_of_bus[i] = buses_of_node.len() as u32;
                    buses_of_node.push(Vec::new());
                }
                node_of_bus[i] = node_of_bus[root];
                buses_of_node[node_of_bus[i] as usize].push(BusId::from(i));
            }
        }

        // Two-ports.
        let mut ports = Vec::new();
        for (id, from, to) in branch_ids {
            let b = &network.ac_branches[id.index()];
            let nodes = [node_of_bus[from.index()], node_of_bus[to.index()]];
            let z = Complex64::new(b.r_pu, b.x_pu);
            let charging = Complex64::new(0.0, b.b_pu / 2.0);
            let two_port = TwoPort::pi(z, b.y_from_pu + charging, b.y_to_pu + charging);
            if !(z.is_finite() && two_port.y11.is_finite() && two_port.y22.is_finite() && z != Complex64::ZERO) {
                return Err(element_error(network, id, "its impedance or charging is not a finite number"));
            }
            ports.push(Port { element: id, terminals: [Some(0), Some(1)], nodes, two_port, leg: None });
        }
        let tables = case.corrections.clone();
        let mut star_of = HashMap::new();
        let mut star_stored = Vec::new();
        for id in network.ids(ElementKind::PowerTransformer) {
            let t = &network.power_transformers[id.index()];
            if !t.common.enabled || t.common.terminals.len() != t.windings.len() {
                if t.common.enabled {
                    return Err(element_error(network, id, "it does not have one terminal a winding"));
                }
                continue;
            }
            let winding_buses: Vec<WindingBus> = t
                .common
                .terminals
                .iter()
                .map(|terminal| {
                    let bus = &network.buses[terminal.bus.index()];
                    WindingBus { name: bus.name.clone(), kv: bus.transmission.as_ref().map_or(0.0, |t| t.kv_base_ll) }
                })
                .collect();
            if t.status == network::TransformerStatus::Out {
                continue;
            }
            let all = match legs(t, &winding_buses, s_base, &tables) {
                Ok(all) => all,
                Err(TransformerFault::ZeroImpedance { .. }) if t.windings.iter().all(|w| w.ratio == 1.0 && w.angle_deg == 0.0) => {
                    return Err(element_error(network, id, "its impedance is zero; write it as a branch of no impedance if it is one"));
                }
                Err(e) => return Err(element_error(network, id, e.to_string())),
            };
            let node = |w: usize| node_of_bus[t.common.terminals[w].bus.index()];
            if let [leg] = all.as_slice() {
                let (Some(leg), true) = (leg, node(0) != NO_NODE && node(1) != NO_NODE) else { continue };
                let two_port = leg.two_port(&tables);
                ports.push(Port {
                    element: id,
                    terminals: [Some(0), Some(1)],
                    nodes: [node(0), node(1)],
                    two_port,
                    leg: Some(leg.clone()),
                });
                continue;
            }
            let star = buses_of_node.len() as u32;
            let mut joined = false;
            for (w, leg) in all.iter().enumerate() {
                let (Some(leg), true) = (leg, node(w) != NO_NODE) else { continue };
                let two_port = leg.two_port(&tables);
                ports.push(Port {
                    element: id,
                    terminals: [Some(w as u8), None],
                    nodes: [node(w), star],
                    two_port,
                    leg: Some(leg.clone()),
                });
                joined = true;
            }
            if joined {
                buses_of_node.push(Vec::new());
                star_of.insert(star, id);
                star_stored.push((t.v_star_pu, t.angle_star_deg.to_radians()));
            }
        }
        let n = buses_of_node.len();

        let mut grid = Self {
            s_base,
            node_of_bus,
            buses_of_node,
            star_of,
            node_type: vec![NodeType::Load; n],
            v_stored: Vec::with_capacity(n),
            ports,
            joins,
            shunt: vec![Complex64::ZERO; n],
            banks: Vec::new(),
            power: vec![Complex64::ZERO; n],
            current: vec![Complex64::ZERO; n],
            units: Vec::new(),
            devices: Vec::new(),
            tables,
            n_islands: 0,
            dead_islands: 0,
            notes: Vec::new(),
            frozen: Vec::new(),
            vsc_states: vec![None; network.vsc_dcs.len()],
        };
        for j in grid.joins.clone() {
            let b = &network.ac_branches[j.element.index()];
            let node = grid.node_of_bus[j.buses[0].index()] as usize;
            grid.shunt[node] += b.y_from_pu + b.y_to_pu + Complex64::new(0.0, b.b_pu);
        }
        grid.add_loads_and_shunts(network)?;
        grid.add_units(network, &mut notes)?;
        let frozen = grid.add_devices(network, &mut notes)?;
        grid.set_types_and_stored(network, &star_stored);
        grid.freeze(network, &frozen, &mut notes)?;
        grid.mend_units(network, &mut notes);
        grid.find_islands(network, &mut notes)?;
        grid.notes = notes;
        Ok(grid)
    }

    pub fn n(&self) -> usize {
        self.buses_of_node.len()
    }

    /// Node of an element with one terminal; none where it is out of the case.
    fn node_of(&self, network: &Network, id: ElementId, common: &Common) -> Result<Option<NodeIndex>, CaseError> {
        let bus = common.terminals.first().ok_or_else(|| element_error(network, id, "it has no terminal"))?.bus;
        Ok(Some(self.node_of_bus[bus.index()]).filter(|&n| n != NO_NODE && common.enabled))
    }

    fn add_loads_and_shunts(&mut self, network: &Network) -> Result<(), CaseError> {
        let s = self.s_base;
        for id in network.ids(ElementKind::PowerLoad) {
            let l = &network.power_loads[id.index()];
            let Some(node) = self.node_of(network, id, &l.common)?.filter(|_| l.in_service) else { continue };
            let node = node as usize;
            let mut drawn = Complex64::new(l.p_mw, l.q_mvar);
            if l.dg_in_service {
                drawn -= Complex64::new(l.dg_p_mw, l.dg_q_mvar);
            }
            self.power[node] -= drawn / s;
            self.current[node] += Complex64::new(l.p_current_mw, l.q_current_mvar) / s;
            self.shunt[node] += Complex64::new(l.p_admittance_mw, l.q_admittance_mvar) / s;
            self.check(network, id, node)?;
        }
        for id in network.ids(ElementKind::FixedShunt) {
            let f = &network.fixed_shunts[id.index()];
            let Some(node) = self.node_of(network, id, &f.common)?.filter(|_| f.in_service) else { continue };
            self.shunt[node as usize] += Complex64::new(f.g_mw, f.b_mvar) / s;
            self.check(network, id, node as usize)?;
        }
        for id in network.ids(ElementKind::SwitchedShunt) {
            let b = &network.switched_shunts[id.index()];
            let Some(node) = self.node_of(network, id, &b.common)?.filter(|_| b.in_service) else { continue };
            if !b.b_mvar.is_finite() {
                return Err(element_error(network, id, "its admittance is not a finite number"));
            }
            self.banks.push(Bank { index: id.index(), node, b: b.b_mvar / s });
        }
        Ok(())
    }

    fn check(&self, network: &Network, id: ElementId, node: usize) -> Result<(), CaseError> {
        if self.power[node].is_finite() && self.current[node].is_finite() && self.shunt[node].is_finite() {
            Ok(())
        } else {
            Err(element_error(network, id, "its power is not a finite number"))
        }
    }

    fn regulated(&self, bus: Option<BusId>, own: NodeIndex) -> NodeIndex {
        bus.map(|b| self.node_of_bus[b.index()]).filter(|&n| n != NO_NODE).unwrap_or(own)
    }

    fn add_units(&mut self, network: &Network, notes: &mut Vec<Diagnostic>) -> Result<(), CaseError> {
        let s = self.s_base;
        for id in network.ids(ElementKind::Machine) {
            let m = &network.machines[id.index()];
            let Some(node) = self.node_of(network, id, &m.common)?.filter(|_| m.in_service) else { continue };
            let bus = m.common.terminals[0].bus;
            let kind = network.buses[bus.index()].transmission.as_ref().map_or(BusKind::Load, |t| t.kind);
            if ![m.p_mw, m.q_mvar, m.v_set_pu].iter().all(|x| x.is_finite()) || m.q_max_mvar.is_nan() || m.q_min_mvar.is_nan() {
                return Err(element_error(network, id, "its power, limits or set point is not a number"));
            }
            let tan = if m.wind_power_factor.abs() > 1e-6 && m.wind_power_factor.abs() <= 1.0 {
                m.wind_power_factor.abs().acos().tan() * m.p_mw.abs()
            } else {
                0.0
            };
            let (q_min, q_max) = match m.wind_mode {
                2 => (-tan, tan),
                3 => (tan.copysign(m.wind_power_factor), tan.copysign(m.wind_power_factor)),
                _ => (m.q_min_mvar, m.q_max_mvar),
            };
            self.units.push(Unit {
                holder: Holder::Machine(id.index()),
                bus,
                node,
                p: m.p_mw / s,
                q: m.q_mvar / s,
                q_max: q_max / s,
                q_min: q_min / s,
                share: if m.share_pct > 0.0 { m.share_pct } else { 100.0 },
                v_set: m.v_set_pu,
                regulated: self.regulated(m.regulated_bus, node),
                holds: matches!(kind, BusKind::Generator | BusKind::Swing),
            });
        }
        for id in network.ids(ElementKind::VscDc) {
            let d = &network.vsc_dcs[id.index()];
            if !(d.in_service && d.common.enabled) {
                continue;
            }
            if d.common.terminals.len() < 2 {
                return Err(element_error(network, id, "it does not have two terminals"));
            }
            let nodes = [0, 1].map(|k| self.node_of_bus[d.common.terminals[k].bus.index()]);
            if nodes.contains(&NO_NODE) {
                continue;
            }
            let states = dc::voltage_source(d).map_err(|DcFault { reason }| element_error(network, id, reason))?;
            for k in 0..2 {
                let c = &d.converters[k];
                let power = dc::injection(&states[k], s);
                let holds = c.dc_mode != 0 && c.ac_mode == 1;
                self.units.push(Unit {
                    holder: Holder::VscEnd(id.index(), k),
                    bus: d.common.terminals[k].bus,
                    node: nodes[k],
                    p: power.re,
                    q: if holds { 0.0 } else { power.im },
                    q_max: c.q_max_mvar / s,
                    q_min: c.q_min_mvar / s,
                    share: if c.share_pct > 0.0 { c.share_pct } else { 100.0 },
                    v_set: c.ac_set,
                    regulated: self.regulated(c.regulated_bus, nodes[k]),
                    holds,
                });
                if states[k].at_limit {
                    notes.push(
                        Diagnostic::warning(
                            "SOLVE.VSC.LIMIT",
                            format!("converter {} is asked for more than its rating or reactive range", k + 1),
                        )
                        .element(network.full_name(id))
                        .at(&d.common.source)
                        .detail(format!("Its set point asks for {:.2} MW and {:.2} Mvar from its bus.", states[k].p_mw, states[k].q_mvar)),
                    );
                }
            }
            self.vsc_states[id.index()] = Some(states);
        }
        for id in network.ids(ElementKind::FactsDevice) {
            let d = &network.facts_devices[id.index()];
            let Some(node) = self.node_of(network, id, &d.common)?.filter(|_| d.mode != 0) else { continue };
            let far = d.common.terminals.get(1).map(|t| self.node_of_bus[t.bus.index()]).filter(|&n| n != NO_NODE);
            if let Some(far) = far {
                // The series part is told by what it delivers at its far bus; the power comes from the near one without loss.
                let delivered = Complex64::new(d.p_mw, d.q_mvar) / s;
                self.power[far as usize] += delivered;
                self.power[node as usize] -= Complex64::new(delivered.re, 0.0);
                self.check(network, id, far as usize)?;
                notes.push(
                    Diagnostic::note("SOLVE.FACTS.FIXED", "its series part is a fixed injection")
                        .element(network.full_name(id))
                        .at(&d.common.source)
                        .detail(format!("It delivers {} MW and {} Mvar at its far bus, whatever the voltages.", d.p_mw, d.q_mvar)),
                );
            }
            if d.shunt_max_mva > 0.0 || far.is_some() {
                self.units.push(Unit {
                    holder: Holder::Facts(id.index()),
                    bus: d.common.terminals[0].bus,
                    node,
                    p: 0.0,
                    q: 0.0,
                    q_max: d.shunt_max_mva / s,
                    q_min: -d.shunt_max_mva / s,
                    share: if d.share_pct > 0.0 { d.share_pct } else { 100.0 },
                    v_set: d.v_set_pu,
                    regulated: self.regulated(d.regulated_bus, node),
                    holds: d.v_set_pu > 0.0 && d.shunt_max_mva > 0.0,
                });
            }
        }
        Ok(())
    }

    fn add_devices(&mut self, network: &Network, notes: &mut Vec<Diagnostic>) -> Result<Vec<(ElementId, NodeIndex)>, CaseError> {
        let mut frozen = Vec::new();
        for id in network.ids(ElementKind::TwoTerminalDc) {
            let d = &network.two_terminal_dcs[id.index()];
            if !d.common.enabled || d.control == network::DcControl::Blocked {
                continue;
            }
            let nodes = two_buses(network, id, &d.common)?.map(|b| self.node_of_bus[b.index()]);
            if nodes.contains(&NO_NODE) {
                continue;
            }
            if d.rectifier.x_capacitor_ohm != 0.0 || d.inverter.x_capacitor_ohm != 0.0 {
                notes.push(
                    Diagnostic::warning("SOLVE.LCC.CAPACITOR", "its commutating capacitors are not modelled")
                        .element(network.full_name(id))
                        .at(&d.common.source)
                        .detail("Its reactive power is that of converters without them, and its least angles are not kept.")
                        .hint("Expect its reactive power to be off by about a percent."),
                );
            }
            let taps = [d.rectifier.tap, d.inverter.tap];
            self.devices.push(Device { element: id, nodes: nodes.to_vec(), law: Law::TwoTerminal { index: id.index(), taps } });
        }
        for id in network.ids(ElementKind::MultiTerminalDc) {
            let d = &network.multi_terminal_dcs[id.index()];
            if !d.common.enabled || d.control == network::DcControl::Blocked {
                continue;
            }
            let nodes: Vec<NodeIndex> = d.common.terminals.iter().map(|t| self.node_of_bus[t.bus.index()]).collect();
            if nodes.len() != d.converters.len() {
                return Err(element_error(network, id, "it does not have one terminal a converter"));
            }
            if nodes.contains(&NO_NODE) {
                notes.push(
                    Diagnostic::warning(
                        "SOLVE.MTDC.OUT",
                        "one of its converters stands at an isolated bus, so all of it is out of service",
                    )
                    .element(network.full_name(id))
                    .at(&d.common.source),
                );
                continue;
            }
            self.devices.push(Device { element: id, nodes, law: Law::MultiTerminal { index: id.index() } });
        }
        for id in network.ids(ElementKind::PowerMotor) {
            let m = &network.power_motors[id.index()];
            let Some(node) = self.node_of(network, id, &m.common)?.filter(|_| m.in_service) else { continue };
            if !motor::has_circuit(m) {
                frozen.push((id, node));
                continue;
            }
            if m.saturation[1] != 0.0 || m.saturation[3] != 0.0 {
                notes.push(
                    Diagnostic::note("SOLVE.MOTOR.SATURATION", "its saturation is not modelled")
                        .element(network.full_name(id))
                        .at(&m.common.source),
                );
            }
            self.devices.push(Device { element: id, nodes: vec![node], law: Law::Motor { index: id.index() } });
        }
        Ok(frozen)
    }

    fn set_types_and_stored(&mut self, network: &Network, star_stored: &[(f64, f64)]) {
        let n_star = star_stored.len();
        let n = self.n();
        for node in 0..n - n_star {
            // The bus that rules the node: a swing bus, else one with a unit that may hold, else the first.
            let mut ruling = (0u8, BusId(0));
            for &bus in &self.buses_of_node[node] {
                let kind = network.buses[bus.index()].transmission.as_ref().map_or(BusKind::Load, |t| t.kind);
                let rank = match kind {
                    BusKind::Swing => 3,
                    _ if self.units.iter().any(|u| u.bus == bus && u.holds) => 2,
                    _ => 1,
                };
                if rank > ruling.0 {
                    ruling = (rank, bus);
                }
            }
            self.node_type[node] = match ruling.0 {
                3 => NodeType::Swing,
                2 => NodeType::Generator,
                _ => NodeType::Load,
            };
            let stored = network.buses[ruling.1.index()].transmission.as_ref();
            self.v_stored.push(stored.map_or((1.0, 0.0), |t| (t.v_pu, t.angle_deg.to_radians())));
        }
        self.v_stored.extend_from_slice(star_stored);
        for v in &mut self.v_stored {
            if !(v.0 > 0.0 && v.0.is_finite()) {
                v.0 = 1.0;
            }
            if !v.1.is_finite() {
                v.1 = 0.0;
            }
        }
    }

    /// Motors whose circuit is not told draw what their bus lacks at the stored voltages, where that is about the power they are told.
    fn freeze(&mut self, network: &Network, frozen: &[(ElementId, NodeIndex)], notes: &mut Vec<Diagnostic>) -> Result<(), CaseError> {
        for &(id, node) in frozen {
            let m = &network.power_motors[id.index()];
            let i = node as usize;
            let at = |k: NodeIndex| Complex64::from_polar(self.v_stored[k as usize].0, self.v_stored[k as usize].1);
            let mut left = self.power[i] - self.current[i] * self.v_stored[i].0 - self.shunt[i].conj() * self.v_stored[i].0.powi(2);
            for u in self.units.iter().filter(|u| u.node == node) {
                left += Complex64::new(u.p, u.q);
            }
            for b in self.banks.iter().filter(|b| b.node == node) {
                left += Complex64::new(0.0, b.b * self.v_stored[i].0.powi(2));
            }
            for p in self.ports.iter().filter(|p| p.nodes.contains(&node)) {
                let s = p.two_port.powers(at(p.nodes[0]), at(p.nodes[1]));
                left -= if p.nodes[0] == node { s[0] } else { s[1] };
            }
            let drawn = left * self.s_base;
            let alone = frozen.iter().filter(|f| f.1 == node).count() == 1 && !self.devices.iter().any(|d| d.nodes.contains(&node));
            let plausible =
                (drawn.re - m.p_set).abs() <= 0.2 * m.p_set.abs() && drawn.im >= 0.0 && drawn.im <= 1.5 * m.base_mva.max(m.p_set.abs());
            if !(alone && plausible && self.node_type[i] == NodeType::Load) {
                return Err(element_error(
                    network,
                    id,
                    "it names a standard design instead of the resistances and reactances of its circuit, and the stored voltages do not tell what it draws",
                ));
            }
            self.power[i] -= left;
            self.frozen.push((m.common.terminals[0].bus, left));
            notes.push(
                Diagnostic::warning(
                    "SOLVE.MOTOR.FROZEN",
                    "its circuit is not told, so it draws what the stored voltages say, whatever the voltage",
                )
                .element(network.full_name(id))
                .at(&m.common.source)
                .detail(format!("That is {:.4} MW and {:.4} Mvar; its set point is {} MW.", drawn.re, drawn.im, m.p_set)),
            );
        }
        Ok(())
    }

    /// Set points that are no voltages, and limits the wrong way round: only active controls use them.
    fn mend_units(&mut self, network: &Network, notes: &mut Vec<Diagnostic>) {
        for k in 0..self.units.len() {
            let u = self.units[k];
            if !u.holds {
                continue;
            }
            let id = super::solve::holder_id(u.holder);
            if !(u.v_set > 0.1 && u.v_set < 10.0) {
                self.units[k].v_set = self.v_stored[u.regulated as usize].0;
                notes.push(
                    Diagnostic::warning("SOLVE.MACHINE.SET_POINT", format!("a set point of {} per unit is no voltage", u.v_set))
                        .element(network.full_name(id))
                        .at(&network.common(id).source)
                        .detail(format!("Active controls hold the stored {:.5} instead.", self.units[k].v_set)),
                );
            }
            if u.q_min > u.q_max {
                (self.units[k].q_min, self.units[k].q_max) = (u.q_max, u.q_min);
                notes.push(
                    Diagnostic::warning("SOLVE.MACHINE.LIMITS_REVERSED", "its least reactive power is above its greatest")
                        .element(network.full_name(id))
                        .at(&network.common(id).source)
                        .detail("Active controls take the two the other way round."),
                );
            }
        }
    }

    fn find_islands(&mut self, network: &Network, notes: &mut Vec<Diagnostic>) -> Result<(), CaseError> {
        let n = self.n();
        let mut sets = Sets::new(n);
        for p in &self.ports {
            sets.join(p.nodes[0], p.nodes[1]);
        }
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); n];
        for i in 0..n as u32 {
            members[sets.find(i) as usize].push(i);
        }
        for island in members.iter().filter(|m| !m.is_empty()) {
            self.n_islands += 1;
            if island.iter().any(|&i| self.node_type[i as usize] == NodeType::Swing) {
                continue;
            }
            self.dead_islands += 1;
            for &i in island {
                self.node_type[i as usize] = NodeType::Dead;
            }
            let buses: Vec<&str> =
                island.iter().flat_map(|&i| &self.buses_of_node[i as usize]).map(|b| network.buses[b.index()].name.as_str()).collect();
            let load: f64 = island.iter().map(|&i| -self.power[i as usize].re).sum::<f64>() * self.s_base;
            let mut names = buses.iter().take(10).copied().collect::<Vec<_>>().join(", ");
            if buses.len() > 10 {
                names.push_str(", …");
            }
            notes.push(
                Diagnostic::warning("SOLVE.ISLAND.NO_SWING", format!("an island of {} buses has no swing bus and is dead", buses.len()))
                    .detail(format!("Buses {names}; constant power drawn there: {load:.2} MW."))
                    .hint("Close what joins it to the rest, make one of its machines the swing bus, or mark its buses isolated (kind 4)."),
            );
        }
        if self.dead_islands == self.n_islands {
            return Err(CaseError::NoSwing);
        }
        Ok(())
    }

    /// Name of a node for messages: its first bus, or the transformer whose star point it is.
    pub fn node_name(&self, network: &Network, node: usize) -> String {
        match self.buses_of_node[node].first() {
            Some(bus) => network.buses[bus.index()].name.clone(),
            None => self.star_of.get(&(node as u32)).map_or_else(String::new, |&t| format!("star of {}", network.full_name(t))),
        }
    }

    /// What a device injects at voltages `v_pu` of its nodes, per unit.
    pub fn operate(&self, network: &Network, device: &Device, v_pu: &[f64]) -> Result<(Vec<Complex64>, DeviceState), String> {
        let s = self.s_base;
        match device.law {
            Law::TwoTerminal { index, taps } => {
                let v = [v_pu[0], v_pu[1]];
                let states = dc::two_terminal(&network.two_terminal_dcs[index], taps, v).map_err(|f| f.reason)?;
                Ok((states.iter().map(|c| dc::injection(c, s)).collect(), DeviceState::Converters(states.to_vec())))
            }
            Law::MultiTerminal { index } => {
                let states = dc::multi_terminal(&network.multi_terminal_dcs[index], v_pu).map_err(|f| f.reason)?;
                Ok((states.iter().map(|c| dc::injection(c, s)).collect(), DeviceState::Converters(states)))
            }
            Law::Motor { index } => {
                let m = &network.power_motors[index];
                let kv = m
                    .common
                    .terminals
                    .first()
                    .and_then(|t| network.buses[t.bus.index()].transmission.as_ref())
                    .map_or(0.0, |t| t.kv_base_ll);
                let state = motor::operate(m, v_pu[0], kv)?;
                Ok((vec![-Complex64::new(state.p_mw, state.q_mvar) / s], DeviceState::Motor(state)))
            }
        }
    }

    /// Whether a bank may move, and whether it does so freely.
    pub fn bank_moves(network: &Network, bank: &Bank) -> Option<bool> {
        match network.switched_shunts[bank.index].mode {
            SwitchedShuntMode::DiscreteVoltage => Some(false),
            SwitchedShuntMode::ContinuousVoltage => Some(true),
            SwitchedShuntMode::Locked | SwitchedShuntMode::Other(_) => None,
        }
    }
}

fn joins_its_ends(b: &AcBranch, threshold: f64) -> bool {
    b.r_pu == 0.0 && (b.x_pu == 0.0 || b.b_pu == 0.0 && b.x_pu.abs() <= threshold)
}

fn two_buses(network: &Network, id: ElementId, common: &Common) -> Result<[BusId; 2], CaseError> {
    match common.terminals.as_slice() {
        [from, to, ..] => Ok([from.bus, to.bus]),
        _ => Err(element_error(network, id, "it does not have two terminals")),
    }
}

pub(super) fn element_error(network: &Network, id: ElementId, reason: impl Into<String>) -> CaseError {
    CaseError::Element { element: network.full_name(id), place: network.common(id).source.clone(), reason: reason.into() }
}
