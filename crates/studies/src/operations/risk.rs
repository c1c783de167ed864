//! Risk scores of edges and nodes, 0 to 1, by a rule; where a fitted model says one, that one stands.
//!
//! ```text
//! edge   condition  1 - exp(-λ)           a failure within a year, λ failures a year: fault rate times length of a line, fault rate of what has no length
//!        stress     min(1, (i / i_rated)²)  the rise of temperature over that of the rating
//! node   condition  1 - exp(-Σ λ)         a failure within a year on its way to its source, as switches stand
//!        stress     min(1, (Δv / 0.05)²)   greatest distance of a phase from 1 pu over the usual band
//! score  1 - (1 - condition)(1 - stress)  either is enough, taken as independent
//! ```
//!
//! The rule is ours; what it rests on is the Poisson law of failures and the square law of heating. It ranks, and is no probability of an outage. A
//! score learnt elsewhere, say of `learning`'s modules of health and outages, is handed in by name and marked.

use super::OperationsError;
use super::view::is_closed;
use crate::switching::Operator;
use network::graph::Graph;
use network::{ElementId, ElementKind, Network};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Distance of a voltage from 1 pu at which its stress is 1: the band of ANSI C84.1, range A, at a service.
pub const BAND_PU: f64 = 0.05;

/// Where a score is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Rule,
    Learned,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskScore {
    /// `class.name` of an edge, name of a bus.
    pub name: String,
    pub condition: f64,
    pub stress: f64,
    pub score: f64,
    pub origin: Origin,
}

/// Scores in the order of the graph's links and of the buses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub edges: Vec<RiskScore>,
    pub nodes: Vec<RiskScore>,
}

impl Scores {
    /// Mean over all edges; none without edges.
    pub fn mean_of_edges(&self) -> Option<f64> {
        (!self.edges.is_empty()).then(|| self.edges.iter().map(|s| s.score).sum::<f64>() / self.edges.len() as f64)
    }
}

/// Scores of the state that an operator's last question ended with.
///
/// `learned` gives scores by name of an edge or a bus.
///
/// # Errors
/// A learnt score that is none, or whose name the network does not have; all of them are told.
pub fn scores(operator: &Operator, learned: &BTreeMap<String, f64>) -> Result<Scores, OperationsError> {
    let state = operator.state();
    let network = operator.network();
    let graph = Graph::new(network);
    let loading: HashMap<ElementId, f64> = operator.loadings().into_iter().collect();
    let edges: Vec<RiskScore> = graph
        .links
        .iter()
        .map(|link| {
            let condition = 1.0 - (-failures_a_year(network, link.element)).exp();
            let pu = loading.get(&link.element).map_or(0.0, |pct| pct / 100.0);
            combined(network.full_name(link.element), condition, (pu * pu).min(1.0))
        })
        .collect();
    let closed: Vec<bool> = graph.links.iter().map(|l| is_closed(state, l.element, [l.from_terminal, l.to_terminal])).collect();
    let tree = graph.reach_by(&network.supply_buses(), |l| closed[l as usize]);
    let circuit = state.circuit();
    let fed = state.fed_nodes();
    let v = state.voltages();
    let nodes: Vec<RiskScore> = network
        .buses
        .iter()
        .enumerate()
        .map(|(i, bus)| {
            let id = network::BusId::from(i);
            let on_way: f64 = tree.to_root(id).map(|(_, link)| failures_a_year(network, graph.links[link as usize].element)).sum();
            let base_v = bus.kv_base_ln * 1e3;
            let phases = circuit.bus_nodes(id).iter().filter(|(at, n)| (1..=3).contains(at) && fed[*n as usize] && base_v > 0.0);
            let farthest = phases.map(|&(_, n)| (v[n as usize].norm() / base_v - 1.0).abs()).fold(0.0, f64::max);
            combined(bus.name.clone(), 1.0 - (-on_way).exp(), (farthest / BAND_PU).powi(2).min(1.0))
        })
        .collect();
    let mut scores = Scores { edges, nodes };
    adopt(&mut scores, learned)?;
    Ok(scores)
}

fn combined(name: String, condition: f64, stress: f64) -> RiskScore {
    RiskScore { name, condition, stress, score: 1.0 - (1.0 - condition) * (1.0 - stress), origin: Origin::Rule }
}

/// Failures a year of a whole element.
fn failures_a_year(network: &Network, id: ElementId) -> f64 {
    let rate = network.common(id).reliability.fault_rate;
    let length = if id.kind == ElementKind::Line { network.lines[id.index()].length } else { 1.0 };
    (rate * length).max(0.0)
}

fn adopt(scores: &mut Scores, learned: &BTreeMap<String, f64>) -> Result<(), OperationsError> {
    let mut faults = Vec::new();
    for (name, &score) in learned {
        if !(0.0..=1.0).contains(&score) {
            faults.push(format!("{name} = {score}"));
        } else if let Some(found) = scores.edges.iter_mut().chain(&mut scores.nodes).find(|s| s.name == name.to_lowercase()) {
            (found.score, found.origin) = (score, Origin::Learned);
        } else {
            faults.push(format!("{name}, which the network does not have"));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(OperationsError::option("learnt risk scores", "between 0 and 1, of edges as class.name or of buses", faults.join("; ")))
}
