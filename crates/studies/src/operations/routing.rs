//! What a radial configuration is worth, by the power flow of the whole network.
//!
//! ```text
//! objective = losses + risk_weight · Σ risk · loading²        kW
//! ```
//!
//! over all elements with a rating. `losses` are those of the solved power flow. `risk` is the score that the element had before anything moved, 0 to
//! 1, and does not change while configurations are compared. `loading` is the current (a transformer: the apparent power) over the rating; its square
//! is the rise of temperature over that of the rating. So an element of risk 1 at its rating counts as much as `risk_weight` kW of losses. With the
//! square both parts go with the square of the currents, which is what makes the optimum provable (`bound`).
//!
//! A configuration is *admissible* when it has a solution, supplies everyone, and crosses no limit of voltage or loading farther than today's does.
//! Where limits do not count, the last is left out.

use super::OperationsError;
use super::risk::Scores;
use crate::switching::{Condition, Operation, Operator, Radial, Solved, Switches, apply, usual_criteria};
use network::graph::Graph;
use network::{ElementId, ElementKind};
use powerflow::{CircuitError, State};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Power that may stay without supply, kW: rounding.
const UNSERVED_KW: f64 = 1e-6;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingOptions {
    /// kW that an element of risk 1 counts for at its rating.
    pub risk_weight: f64,
    pub switches: Switches,
    /// Limits may not be crossed farther than today.
    pub keep_limits: bool,
}

impl Default for RoutingOptions {
    /// The weight is that of the operations desk this stands for (document 004).
    fn default() -> Self {
        Self { risk_weight: 10.0, switches: Switches::Marked, keep_limits: true }
    }
}

/// What a configuration is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    pub losses_kw: f64,
    /// `risk_weight` times the sum of risk times loading squared.
    pub risk_kw: f64,
    pub is_admissible: bool,
}

impl Value {
    pub fn objective_kw(&self) -> f64 {
        self.losses_kw + self.risk_kw
    }
}

/// The way of a load to its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub load_bus: String,
    pub source_bus: String,
    /// From the source to the load.
    pub buses: Vec<String>,
    /// `class.name`, one fewer than buses.
    pub elements: Vec<String>,
}

/// Radial configurations of one state and what they are worth.
#[derive(Clone, Debug)]
pub struct Routing {
    pub operator: Operator,
    pub graph: Radial,
    pub options: RoutingOptions,
    risk: HashMap<ElementId, f64>,
    known: HashMap<Vec<bool>, Option<Value>>,
    /// Questions asked, those answered from memory included.
    pub n_asked: u64,
}

impl Routing {
    /// On a settled state; scores are in the order of its graph's links.
    ///
    /// # Errors
    /// A weight that is negative or no number; a network that is not radial or that no switch can change.
    pub fn new(
        state: &State,
        scores: &dyn Fn(&Operator) -> Result<Scores, OperationsError>,
        options: &RoutingOptions,
    ) -> Result<Self, OperationsError> {
        if !(options.risk_weight >= 0.0 && options.risk_weight.is_finite()) {
            return Err(OperationsError::option("the risk weight", "a number of at least 0", options.risk_weight));
        }
        let operator = Operator::new(state, &usual_criteria(), false)?;
        let graph = Radial::new(&operator, options.switches)?;
        let scores = scores(&operator)?;
        let links = Graph::new(operator.network()).links;
        let risk = links.iter().zip(&scores.edges).map(|(l, s)| (l.element, s.score)).collect();
        Ok(Self { operator, graph, options: options.clone(), risk, known: HashMap::new(), n_asked: 0 })
    }

    /// The same without memory of what was solved.
    pub fn forgetful(&self) -> Self {
        Self { known: HashMap::new(), n_asked: 0, ..self.clone() }
    }

    /// Frozen risk of an element.
    pub fn risk(&self, id: ElementId) -> f64 {
        self.risk.get(&id).copied().unwrap_or(0.0)
    }

    /// Distinct configurations solved so far.
    pub fn n_known(&self) -> usize {
        self.known.len()
    }

    /// What today's network is worth.
    ///
    /// # Errors
    /// As [`Routing::ask`]; a network without solution.
    pub fn today(&mut self) -> Result<Value, OperationsError> {
        let today = self.graph.today.clone();
        self.ask(&today)?.ok_or_else(|| OperationsError::Unsettled { at: "today's switches".into() })
    }

    /// What a configuration is worth; none where it has no solution. What was asked before is remembered.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    ///
    /// # Panics
    /// When `closed` has not as many values as the graph has edges.
    pub fn ask(&mut self, closed: &[bool]) -> Result<Option<Value>, CircuitError> {
        assert_eq!(closed.len(), self.graph.edges.len(), "a configuration of another graph");
        self.n_asked += 1;
        if let Some(known) = self.known.get(closed) {
            return Ok(*known);
        }
        let condition = self.operator.ask(&self.graph.operations(closed))?;
        let value = self.value(&condition);
        self.known.insert(closed.to_vec(), value);
        Ok(value)
    }

    fn value(&self, condition: &Condition) -> Option<Value> {
        let losses_kw = condition.losses_kw.filter(|kw| kw.is_finite() && condition.solved == Solved::Yes)?;
        let square = |pct: f64| (pct / 100.0) * (pct / 100.0);
        let heat: f64 = self.operator.loadings().iter().map(|&(id, pct)| self.risk(id) * square(pct)).sum();
        let within = !self.options.keep_limits || condition.violations.is_empty();
        let is_admissible = within && condition.unserved_kw <= UNSERVED_KW;
        Some(Value { losses_kw, risk_kw: self.options.risk_weight * heat, is_admissible })
    }

    /// Switches that stand open, `class.name`.
    pub fn open(&self, closed: &[bool]) -> Vec<String> {
        let network = self.operator.network();
        (0..closed.len()).filter(|&e| !closed[e]).map(|e| network.full_name(self.graph.operation(e, false).element)).collect()
    }

    /// Operations from today to a configuration, as words: `open line.l3`.
    pub fn operations(&self, closed: &[bool]) -> Vec<Operation> {
        self.graph.operations(closed)
    }

    /// The way of every bus with loads to its source, in the order of the buses.
    pub fn routes(&self, closed: &[bool]) -> Vec<Route> {
        let mut network = (**self.operator.network()).clone();
        // Switches of the model may stand otherwise than those of the state that this began with.
        let all: Vec<Operation> = (0..closed.len()).map(|e| self.graph.operation(e, closed[e])).collect();
        apply::apply(&mut network, &all);
        let graph = Graph::new(&network);
        let tree = graph.reach(&network.supply_buses());
        let mut routes = Vec::new();
        for bus in (0..network.buses.len()).map(network::BusId::from) {
            let has_load = graph.elements_at(bus).iter().any(|id| id.kind == ElementKind::Load && network.in_service(*id));
            let Some(source) = tree.root[bus.index()].filter(|_| has_load) else { continue };
            let name = |b: network::BusId| network.bus(b).name.clone();
            let (mut buses, mut elements) = (vec![name(bus)], Vec::new());
            for (up, link) in tree.to_root(bus) {
                buses.push(name(up));
                elements.push(network.full_name(graph.links[link as usize].element));
            }
            buses.reverse();
            elements.reverse();
            routes.push(Route { load_bus: name(bus), source_bus: name(source), buses, elements });
        }
        routes
    }
}
