//! What the instruments of the grid would show: read from a solved power flow, row by row.
//!
//! Temperatures are those that a steady load would reach. Of a line, by its conductor's rating: what it warms up by goes with the square of its
//! current, and its rated current brings it to [`CONDUCTOR_C`] at [`RATING_AMBIENT_C`], the conditions of the ampacities in Kersting's tables:
//!
//! ```text
//! T = ambient + (75 - 25) (i / i_rated)²
//! ```
//!
//! Of a transformer the hot spot, by IEEE C57.91 with the rises of its nameplate (`powerflow::thermal`).

use super::risk::Scores;
use super::view::is_closed;
use crate::switching::Operator;
use network::graph::Graph;
use network::{ElementId, ElementKind, Network, ThermalNameplate};
use powerflow::State;
use powerflow::thermal::Thermal;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Temperature of a conductor at its rated current, and the ambient temperature that this is told for, C.
pub const CONDUCTOR_C: f64 = 75.0;
pub const RATING_AMBIENT_C: f64 = 25.0;

/// A bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReading {
    pub bus: String,
    /// Mean of the phases with supply; none without supply or base.
    pub v_pu: Option<f64>,
    pub v_min_pu: Option<f64>,
    pub v_max_pu: Option<f64>,
    /// Drawn by loads, and delivered by sources, generators, PV systems and storage.
    pub demand_kw: f64,
    pub demand_kvar: f64,
    pub delivered_kw: f64,
    pub risk: f64,
}

/// What joins two buses. Power is positive from `from` into the element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeReading {
    pub element: String,
    pub from: String,
    pub to: String,
    pub is_closed: bool,
    /// Largest of the phases and ends.
    pub i_a: f64,
    pub p_kw: f64,
    pub q_kvar: f64,
    pub losses_kw: f64,
    /// Losses over the sum of the squares of the phases' currents; none without current.
    pub resistance_ohm: Option<f64>,
    /// None without a rating.
    pub loading_pct: Option<f64>,
    pub temperature_c: Option<f64>,
    pub risk: f64,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    pub nodes: Vec<NodeReading>,
    pub edges: Vec<EdgeReading>,
    pub ambient_c: f64,
}

/// Power into an element by terminal, kVA, positive into it.
pub(super) fn terminal_kva(state: &State, id: ElementId) -> Vec<(f64, f64)> {
    let Some(index) = state.circuit().index_of(id) else { return Vec::new() };
    let e = &state.circuit().elements()[index];
    let i = state.element_currents(index);
    let v = state.voltages();
    let factor = state.phases_for_one() / 1e3;
    (0..e.n_terminals)
        .map(|t| {
            let of = t * e.n_conductors..(t + 1) * e.n_conductors;
            let s: num_complex::Complex64 = of.map(|k| v[e.nodes[k] as usize] * i[k].conj()).sum();
            (s.re * factor, s.im * factor)
        })
        .collect()
}

/// Reads the state that an operator's last question ended with.
pub fn telemetry(operator: &Operator, scores: &Scores, ambient_c: f64) -> Telemetry {
    let state = operator.state();
    let network = operator.network();
    let graph = Graph::new(network);
    let loading: HashMap<ElementId, f64> = operator.loadings().into_iter().collect();
    let circuit = state.circuit();
    let fed = state.fed_nodes();
    let v = state.voltages();
    let mut nodes: Vec<NodeReading> = Vec::with_capacity(network.buses.len());
    for (i, bus) in network.buses.iter().enumerate() {
        let id = network::BusId::from(i);
        let base_v = bus.kv_base_ln * 1e3;
        let phases = circuit.bus_nodes(id).iter().filter(|(at, n)| (1..=3).contains(at) && fed[*n as usize] && base_v > 0.0);
        let pu: Vec<f64> = phases.map(|&(_, n)| v[n as usize].norm() / base_v).collect();
        let (mut demand, mut delivered_kw) = ((0.0, 0.0), 0.0);
        for &at in graph.elements_at(id) {
            // A source has its far side at the earth of its own bus.
            let Some((p, q)) = terminal_kva(state, at).into_iter().reduce(|a, b| (a.0 + b.0, a.1 + b.1)) else { continue };
            match at.kind {
                ElementKind::Load => demand = (demand.0 + p, demand.1 + q),
                ElementKind::VoltageSource => delivered_kw += source_kw(state, at),
                ElementKind::Generator | ElementKind::PvSystem | ElementKind::Storage | ElementKind::InductionMachine => delivered_kw -= p,
                _ => {}
            }
        }
        nodes.push(NodeReading {
            bus: bus.name.clone(),
            v_pu: (!pu.is_empty()).then(|| pu.iter().sum::<f64>() / pu.len() as f64),
            v_min_pu: pu.iter().copied().reduce(f64::min),
            v_max_pu: pu.iter().copied().reduce(f64::max),
            demand_kw: demand.0,
            demand_kvar: demand.1,
            delivered_kw,
            risk: scores.nodes.get(i).map_or(0.0, |s| s.score),
        });
    }
    let edges = graph.links.iter().enumerate().map(|(l, link)| {
        let kva = terminal_kva(state, link.element);
        let currents: Vec<f64> = phase_currents(state, link.element);
        let losses_kw = kva.iter().map(|s| s.0).sum::<f64>() + 0.0;
        let squares: f64 = currents.iter().map(|i| i * i).sum::<f64>() * state.phases_for_one();
        let at = kva.get(usize::from(link.from_terminal)).copied().unwrap_or_default();
        let loading_pct = loading.get(&link.element).copied();
        EdgeReading {
            element: network.full_name(link.element),
            from: network.bus(link.from).name.clone(),
            to: network.bus(link.to).name.clone(),
            is_closed: is_closed(state, link.element, [link.from_terminal, link.to_terminal]),
            i_a: largest_a(state, link.element),
            p_kw: at.0,
            q_kvar: at.1,
            losses_kw,
            resistance_ohm: (link.element.kind == ElementKind::Line && squares > 1e-6).then(|| losses_kw * 1e3 / squares),
            loading_pct,
            temperature_c: loading_pct.and_then(|pct| temperature_c(network, link.element, pct / 100.0, ambient_c)),
            risk: scores.edges.get(l).map_or(0.0, |s| s.score),
        }
    });
    Telemetry { nodes, edges: edges.collect(), ambient_c }
}

/// What a source delivers: what all others draw at its bus, for its own current is a difference in the last digits where it is stiff.
pub(super) fn source_kw(state: &State, id: ElementId) -> f64 {
    let network = state.circuit().network();
    let Some(bus) = network.common(id).terminals.first().map(|t| t.bus) else { return 0.0 };
    let n_sources =
        network.voltage_sources.iter().filter(|s| s.common.enabled && s.common.terminals.first().is_some_and(|t| t.bus == bus)).count();
    let mut drawn = 0.0;
    for e in state.circuit().elements().iter().filter(|e| e.id.kind != ElementKind::VoltageSource) {
        let terminals = &network.common(e.id).terminals;
        let kva = terminal_kva(state, e.id);
        drawn += terminals.iter().zip(&kva).filter(|(t, _)| t.bus == bus).map(|(_, s)| s.0).sum::<f64>();
    }
    drawn / n_sources.max(1) as f64
}

fn phase_currents(state: &State, id: ElementId) -> Vec<f64> {
    let Some(index) = state.circuit().index_of(id) else { return Vec::new() };
    let e = &state.circuit().elements()[index];
    let n = state.circuit().network().common(id).n_phases.min(e.n_conductors);
    state.element_currents(index).iter().take(n).map(|i| i.norm()).collect()
}

fn largest_a(state: &State, id: ElementId) -> f64 {
    let Some(index) = state.circuit().index_of(id) else { return 0.0 };
    state.element_currents(index).iter().map(|i| i.norm()).fold(0.0, f64::max)
}

/// Temperature that a steady loading of a line or transformer reaches; none of other kinds.
pub fn temperature_c(network: &Network, id: ElementId, loading_pu: f64, ambient_c: f64) -> Option<f64> {
    match id.kind {
        ElementKind::Line => Some(ambient_c + (CONDUCTOR_C - RATING_AMBIENT_C) * loading_pu * loading_pu),
        ElementKind::Transformer => {
            let t = network.transformers.get(id.index())?;
            let kva = t.windings.first()?.kva;
            let limit = if t.normal_kva > 0.0 { t.normal_kva } else { kva };
            let h = &t.thermal;
            let has_rises = h.oil_rise_c > 0.0 && h.n > 0.0 && h.m > 0.0 && t.no_load_loss_pct > 0.0 && kva > 0.0;
            let plate = ThermalNameplate {
                top_oil_rise_k: h.oil_rise_c,
                hot_spot_gradient_k: h.hot_spot_rise_c,
                loss_ratio: t.load_loss_pct / t.no_load_loss_pct,
                tau_oil_h: h.time_constant_h,
                tau_winding_h: h.time_constant_h,
                n: h.n,
                m: h.m,
                n_natural: h.n,
                m_natural: h.m,
                natural_share: 1.0,
                fans_on_c: f64::INFINITY,
                fans_off_c: f64::INFINITY,
                oil_litre: 0.0,
            };
            has_rises.then(|| Thermal::settled(&plate, loading_pu * limit / kva, ambient_c).hot_spot_c())
        }
        _ => None,
    }
}
