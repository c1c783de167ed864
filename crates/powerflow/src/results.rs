//! Tables of a solution: nodes, terminals, losses, loadings, controls.
//!
//! Sign: the power and current of a terminal are positive into the element.

use crate::certificate::Certificate;
use crate::element::Varying;
use crate::forensics::Forensics;
use crate::state::State;
use network::{ControlMode, ElementId, ElementKind};
use num_complex::Complex64;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a solution ended. Only a settled one gives tables.
#[derive(Debug)]
pub enum Outcome {
    Settled(Box<Solution>),
    Unsettled(Box<Unsettled>),
}

impl Outcome {
    /// The solution, or what is known of why there is none.
    ///
    /// # Errors
    /// `Unsettled` when voltages or controls did not settle.
    pub fn settled(self) -> Result<Solution, Box<Unsettled>> {
        match self {
            Self::Settled(s) => Ok(*s),
            Self::Unsettled(u) => Err(u),
        }
    }

    pub fn certificate(&self) -> &Certificate {
        match self {
            Self::Settled(s) => &s.certificate,
            Self::Unsettled(u) => &u.certificate,
        }
    }
}

/// A solution that did not settle: what was found about it, and no tables.
#[derive(Debug)]
pub struct Unsettled {
    pub certificate: Certificate,
    pub forensics: Forensics,
}

/// A settled solution of a circuit.
#[derive(Clone, Debug)]
pub struct Solution {
    pub(crate) state: State,
    pub(crate) certificate: Certificate,
}

/// Voltage of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    pub bus: String,
    /// `bus.node`.
    pub node: String,
    pub kv_base_ln: f64,
    pub v_v: Complex64,
    /// `None` where the bus has no base.
    pub v_pu: Option<f64>,
    pub angle_deg: f64,
}

/// One conductor of one terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct TerminalRow {
    /// `class.name`.
    pub element: String,
    /// Both counted from 1.
    pub terminal: usize,
    pub conductor: usize,
    /// `bus.node`; node 0 is the earth.
    pub node: String,
    pub i_a: Complex64,
    pub p_kw: f64,
    pub q_kvar: f64,
}

/// Loading of an element that has a rating.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadingRow {
    pub element: String,
    pub loading_pct: f64,
    /// Present value and its limit, in `unit` (A or kVA).
    pub value: f64,
    pub limit: f64,
    pub emergency_limit: f64,
    pub unit: &'static str,
}

/// Position of a regulated tap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegulatorRow {
    pub control: String,
    pub transformer: String,
    /// Counted from 1.
    pub winding: usize,
    pub tap_pu: f64,
    /// Steps from neutral.
    pub tap_position: i32,
    pub at_limit: bool,
}

/// Steps of a capacitor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapacitorRow {
    pub capacitor: String,
    pub steps: Vec<bool>,
}

/// What an inverter delivers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InverterRow {
    pub element: String,
    /// Delivered to the grid.
    pub p_kw: f64,
    pub q_kvar: f64,
    pub kva_rating: f64,
}

/// The solution in one record; names as in the reference data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub converged: bool,
    pub iterations: u32,
    pub control_iterations: u32,
    /// Delivered by the sources.
    pub total_kw: f64,
    pub total_kvar: f64,
    /// Of the elements that stand between buses.
    pub losses_kw: f64,
    pub losses_kvar: f64,
    pub tolerance: f64,
    pub controlmode: ControlMode,
    /// Per unit, by regulator control.
    pub taps: BTreeMap<String, f64>,
    /// 1 closed, by step, by capacitor.
    pub capacitors: BTreeMap<String, Vec<u8>>,
    pub vmin_pu: Option<f64>,
    pub vmax_pu: Option<f64>,
    pub vmin_node: Option<String>,
    pub vmax_node: Option<String>,
    pub nodes: usize,
    pub elements: usize,
    pub certificate: Certificate,
}

impl Solution {
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Voltages of all nodes, in the order in which the elements first name them.
    pub fn nodes(&self) -> Vec<NodeRow> {
        let circuit = self.state.circuit();
        circuit
            .reported()
            .iter()
            .map(|&n| {
                let v_v = self.state.v[n as usize];
                let kv_base_ln = circuit.kv_base_ln(n);
                NodeRow {
                    bus: circuit.network().bus(circuit.node(n).bus).name.clone(),
                    node: circuit.node_name(n),
                    kv_base_ln,
                    v_v,
                    v_pu: (kv_base_ln > 0.0).then(|| v_v.norm() / (kv_base_ln * 1e3)),
                    angle_deg: v_v.arg().to_degrees(),
                }
            })
            .collect()
    }

    /// Currents and powers of every conductor of every terminal of every enabled element that carries current.
    pub fn elements(&self) -> Vec<TerminalRow> {
        let circuit = self.state.circuit();
        let network = circuit.network();
        let mut rows = Vec::new();
        for (index, e) in circuit.elements().iter().enumerate() {
            let name = network.full_name(e.id);
            let i = self.state.reported_currents(index);
            for (k, (&n, &i_a)) in e.nodes.iter().zip(&i).enumerate() {
                let (terminal, conductor) = (k / e.n_conductors, k % e.n_conductors);
                let place = &network.common(e.id).terminals[terminal];
                let power = self.state.v[n as usize] * i_a.conj() * self.state.phase_factor();
                rows.push(TerminalRow {
                    element: name.clone(),
                    terminal: terminal + 1,
                    conductor: conductor + 1,
                    // The node as it is numbered where the conductor really goes: the far end of an
                    // autotransformer's series winding is at the next terminal.
                    node: format!("{}.{}", network.bus(place.bus).name, if n == 0 { 0 } else { circuit.node(n).at_bus }),
                    i_a,
                    p_kw: power.re / 1e3,
                    q_kvar: power.im / 1e3,
                });
            }
        }
        rows
    }

    /// Power that the sources deliver at their first terminals, kVA.
    pub fn delivered_kva(&self) -> Complex64 {
        self.state.delivered_kva()
    }

    /// Losses of the elements between buses, kVA; shunt capacitors and reactors are not losses.
    pub fn losses_kva(&self) -> Complex64 {
        self.state.losses_kva()
    }

    /// Losses by class of element, kVA.
    pub fn losses_by_class_kva(&self) -> BTreeMap<&'static str, Complex64> {
        let mut losses = BTreeMap::new();
        for (i, e) in self.state.circuit().elements().iter().enumerate().filter(|(_, e)| self.state.is_series(e.id)) {
            *losses.entry(e.id.kind.class()).or_insert(Complex64::ZERO) += self.state.element_power(i) / 1e3;
        }
        losses
    }

    /// Power drawn by all elements of a kind, kVA, positive into them.
    pub fn drawn_kva(&self, kind: ElementKind) -> Complex64 {
        let elements = self.state.circuit().elements().iter().enumerate().filter(|(_, e)| e.id.kind == kind);
        elements.map(|(i, _)| self.state.element_power(i)).sum::<Complex64>() / 1e3
    }

    /// Loading of lines (largest phase current) and transformers (power at the first winding), worst first.
    ///
    /// A transformer's rating is its normal kVA; where it has none, its first winding's.
    pub fn loadings(&self) -> Vec<LoadingRow> {
        let circuit = self.state.circuit();
        let network = circuit.network();
        let mut rows = Vec::new();
        for (index, e) in circuit.elements().iter().enumerate() {
            let common = network.common(e.id);
            let (value, limit, emergency_limit, unit) = match e.id.kind {
                ElementKind::Line | ElementKind::Reactor if common.rating.normal_a > 0.0 && self.state.is_series(e.id) => {
                    let i = self.state.element_currents(index);
                    let phases =
                        (0..e.n_terminals).flat_map(|t| (0..common.n_phases.min(e.n_conductors)).map(move |c| t * e.n_conductors + c));
                    (phases.map(|k| i[k].norm()).fold(0.0, f64::max), common.rating.normal_a, common.rating.emergency_a, "A")
                }
                ElementKind::Transformer => {
                    let t = &network.transformers[e.id.index()];
                    let limit = if t.normal_kva > 0.0 { t.normal_kva } else { t.windings[0].kva };
                    let i = self.state.element_currents(index);
                    let terminal_va = |w: usize| {
                        let k = w * e.n_conductors..(w + 1) * e.n_conductors;
                        k.map(|k| self.state.v[e.nodes[k] as usize] * i[k].conj()).sum::<Complex64>().norm()
                    };
                    let largest = (0..e.n_terminals).map(terminal_va).fold(0.0, f64::max) * self.state.phase_factor();
                    (largest / 1e3, limit, t.emergency_kva, "kVA")
                }
                _ => continue,
            };
            if limit > 0.0 {
                let element = network.full_name(e.id);
                rows.push(LoadingRow { element, loading_pct: value / limit * 100.0, value, limit, emergency_limit, unit });
            }
        }
        rows.sort_by(|a, b| b.loading_pct.total_cmp(&a.loading_pct));
        rows
    }

    /// Taps of the regulated windings, in the order of the controls.
    pub fn regulators(&self) -> Vec<RegulatorRow> {
        let network = self.state.circuit().network();
        let mut rows = Vec::new();
        for control in network.regulator_controls.iter().filter(|c| c.common.enabled) {
            let Some(id) = control.transformer else { continue };
            let Some(tap_pu) = tap_of(&self.state, id, control.tap_winding) else { continue };
            let winding = &network.transformers[id.index()].windings[control.tap_winding];
            let middle = (winding.tap_max_pu + winding.tap_min_pu) / 2.0;
            let step = winding.tap_step_pu();
            rows.push(RegulatorRow {
                control: control.common.name.clone(),
                transformer: network.common(id).name.clone(),
                winding: control.tap_winding + 1,
                tap_pu,
                tap_position: if step > 0.0 { ((tap_pu - middle) / step).round() as i32 } else { 0 },
                at_limit: tap_pu <= winding.tap_min_pu + 1e-9 || tap_pu >= winding.tap_max_pu - 1e-9,
            });
        }
        rows
    }

    pub fn capacitors(&self) -> Vec<CapacitorRow> {
        let circuit = self.state.circuit();
        let network = circuit.network();
        let steps = |id: ElementId| match circuit.index_of(id).map(|i| &self.state.varying[i]) {
            Some(Varying::Steps(steps)) => steps.to_vec(),
            // A disabled bank stays as the model has it.
            _ => network.capacitors[id.index()].steps.clone(),
        };
        network
            .ids(ElementKind::Capacitor)
            .map(|id| CapacitorRow { capacitor: network.common(id).name.clone(), steps: steps(id) })
            .collect()
    }

    /// PV systems and storage.
    pub fn inverters(&self) -> Vec<InverterRow> {
        let circuit = self.state.circuit();
        let network = circuit.network();
        let mut rows = Vec::new();
        for (index, e) in circuit.elements().iter().enumerate() {
            let kva_rating = match e.id.kind {
                ElementKind::PvSystem => network.pv_systems[e.id.index()].inverter.kva,
                ElementKind::Storage => network.storages[e.id.index()].inverter.kva,
                _ => continue,
            };
            let s = -self.state.element_power(index) / 1e3;
            rows.push(InverterRow { element: network.full_name(e.id), p_kw: s.re, q_kvar: s.im, kva_rating });
        }
        rows
    }

    pub fn summary(&self) -> Summary {
        let (delivered, losses) = (self.delivered_kva(), self.losses_kva());
        let nodes = self.nodes();
        let with_base = || nodes.iter().filter_map(|n| n.v_pu.map(|v| (v, &n.node)));
        let lowest = with_base().min_by(|a, b| a.0.total_cmp(&b.0));
        let highest = with_base().max_by(|a, b| a.0.total_cmp(&b.0));
        let c = &self.certificate;
        Summary {
            converged: c.settled,
            iterations: c.iterations,
            control_iterations: c.control_iterations,
            total_kw: delivered.re,
            total_kvar: delivered.im,
            losses_kw: losses.re,
            losses_kvar: losses.im,
            tolerance: c.tolerance_pu,
            controlmode: self.state.options.control_mode,
            taps: self.regulators().into_iter().map(|r| (r.control, r.tap_pu)).collect(),
            capacitors: self.capacitors().into_iter().map(|c| (c.capacitor, c.steps.into_iter().map(u8::from).collect())).collect(),
            vmin_pu: lowest.map(|l| l.0),
            vmax_pu: highest.map(|h| h.0),
            vmin_node: lowest.map(|l| l.1.clone()),
            vmax_node: highest.map(|h| h.1.clone()),
            nodes: nodes.len(),
            elements: self.state.circuit().network().order.len(),
            certificate: c.clone(),
        }
    }
}

impl State {
    /// Power that the sources deliver at their first terminals, kVA, at the present voltages.
    pub fn delivered_kva(&self) -> Complex64 {
        delivered_va(self) / 1e3
    }

    /// Losses of the elements between buses, kVA, at the present voltages; shunt capacitors and reactors are not losses.
    pub fn losses_kva(&self) -> Complex64 {
        let series = self.circuit().elements().iter().enumerate().filter(|(_, e)| self.is_series(e.id));
        series.map(|(i, _)| self.element_power(i)).sum::<Complex64>() / 1e3
    }
}

pub(crate) fn tap_of(state: &State, id: ElementId, winding: usize) -> Option<f64> {
    state.taps(id).and_then(|taps| taps.get(winding)).copied()
}

/// Power that the sources deliver at their first terminals, VA.
pub(crate) fn delivered_va(state: &State) -> Complex64 {
    let circuit = state.circuit();
    let mut total = Complex64::ZERO;
    for &index in circuit.sources() {
        let e = &circuit.elements()[index as usize];
        // A line of a geomagnetic study joins two buses; its induced voltage delivers nothing that is counted.
        if e.id.kind == network::ElementKind::GicLine {
            continue;
        }
        let i = state.reported_currents(index as usize);
        let first = e.nodes.iter().zip(&i).take(e.n_conductors);
        total -= first.map(|(&n, i)| state.v[n as usize] * i.conj()).sum::<Complex64>();
    }
    total * state.phase_factor()
}
