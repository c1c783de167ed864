//! The best radial configuration, and the proof that it is.
//!
//! Branch exchange from today's network gives a good configuration. Where the bound holds (`ways`), branch and bound proves it or finds a better one;
//! where it does not, all configurations are solved if they are few (`forests`). What neither proves is told with the least bound that is proven, or
//! without any.

use super::OperationsError;
use super::branch::{PROOF, search};
use super::routing::{Routing, Value};
use super::ways::ways;
use crate::switching::forests::{each_forest, n_spanning};
use crate::synthetic::random::Random;
use powerflow::CircuitError;
use serde::{Deserialize, Serialize};

/// Stream of the random starts among those that draw from a seed.
const PURPOSE: u64 = 0x6f70_7374;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimumOptions {
    /// Nodes of branch and bound at most.
    pub max_nodes: u64,
    /// Configurations that are all solved at most where there is no bound.
    pub max_trees: usize,
    /// Random configurations that exchanges begin with besides today's, and their seed.
    pub random_starts: u32,
    pub seed: u64,
}

impl Default for OptimumOptions {
    fn default() -> Self {
        Self { max_nodes: 3_000_000, max_trees: 5_000, random_starts: 0, seed: 1 }
    }
}

/// What stands behind the best configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// No configuration is better: every other one has a bound that is not.
    Bounded,
    /// No configuration is better: all were solved.
    Enumerated,
    /// No configuration is better than the lower bound.
    Gap,
    /// The best that was found, and nothing is proven.
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// By edge of the radial graph.
    pub closed: Vec<bool>,
    /// Switches that stand open.
    pub open: Vec<String>,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    pub today: Configuration,
    /// Where branch exchange from today's network ends.
    pub exchange: Configuration,
    pub best: Configuration,
    pub proof: Proof,
    /// No admissible configuration has a lower objective.
    pub lower_bound_kw: Option<f64>,
    /// How far the best may be above the optimum.
    pub gap_pct: Option<f64>,
    /// The bound before anything was branched on: least flow with all loops closed, and what losses add.
    pub meshed_bound_kw: Option<f64>,
    /// Radial configurations that there are; none beyond what a float holds.
    pub n_configurations: Option<f64>,
    /// Nodes of branch and bound, and configurations whose own bound was taken.
    pub n_nodes: u64,
    pub n_bounded: u64,
    /// Configurations whose power flow was solved.
    pub n_solved: usize,
    /// Why the bound does not hold for this network; empty where it does.
    pub no_bound: Vec<String>,
}

impl Optimum {
    pub fn is_exact(&self) -> bool {
        matches!(self.proof, Proof::Bounded | Proof::Enumerated)
    }

    /// How far an objective lies above the best one found, percent of it.
    pub fn above_pct(&self, objective_kw: f64) -> f64 {
        let best = self.best.value.objective_kw();
        (objective_kw - best) / best * 100.0
    }
}

fn configuration(routing: &Routing, closed: &[bool], value: Value) -> Configuration {
    Configuration { closed: closed.to_vec(), open: routing.open(closed), value }
}

/// Admissible configurations alone.
fn admissible(routing: &mut Routing, closed: &[bool]) -> Result<Option<Value>, CircuitError> {
    Ok(routing.ask(closed)?.filter(|v| v.is_admissible))
}

/// Branch exchange from a configuration to where no exchange helps.
///
/// # Errors
/// A circuit that cannot be factored.
pub fn exchange(routing: &mut Routing, start: &[bool], from: Value) -> Result<(Vec<bool>, Value, usize), CircuitError> {
    let graph = routing.graph.clone();
    let mut closed = start.to_vec();
    let mut score = |closed: &[bool]| admissible(routing, closed);
    let is_less = |a: &Value, b: &Value| a.objective_kw() < b.objective_kw();
    let is_progress = |a: &Value, b: &Value| a.objective_kw() - b.objective_kw() > 1e-9 * a.objective_kw();
    let (value, n) = graph.descend(&mut closed, from, &mut score, &is_less, &is_progress)?;
    Ok((closed, value, n))
}

/// Searches the best admissible configuration and proves it as far as it can be.
///
/// # Errors
/// A network without solution today; a circuit that cannot be factored.
pub fn optimum(routing: &mut Routing, options: &OptimumOptions) -> Result<Optimum, OperationsError> {
    let today = (routing.graph.today.clone(), routing.today()?);
    let (closed, value, _) = exchange(routing, &today.0, today.1)?;
    let exchanged = (closed, value);
    let mut best = exchanged.clone();
    for k in 0..u64::from(options.random_starts) {
        let start = routing.graph.random_tree(&mut Random::new(options.seed, PURPOSE, k));
        if let Some(from) = admissible(routing, &start)? {
            let (closed, value, _) = exchange(routing, &start, from)?;
            if value.objective_kw() < best.1.objective_kw() {
                best = (closed, value);
            }
        }
    }
    let n_configurations = n_spanning(routing.graph.n, 1, &routing.graph.edges);
    let (mut proof, mut no_bound) = (Proof::None, Vec::new());
    let (mut searched, mut lower_bound_kw) = (None, None);
    match ways(routing) {
        Ok(ways) => {
            let n_switches = routing.graph.edges.len();
            let mut ask = |closed: &[bool]| -> Result<Option<f64>, CircuitError> {
                let value = admissible(routing, closed)?;
                if let Some(value) = value.filter(|v| v.objective_kw() < best.1.objective_kw()) {
                    best = (closed.to_vec(), value);
                }
                Ok(value.map(|v| v.objective_kw()))
            };
            let known = exchanged.1.objective_kw();
            searched = search(&ways, n_switches, known, options.max_nodes, &mut ask)?;
            if let Some(s) = &searched {
                proof = if s.is_whole { Proof::Bounded } else { Proof::Gap };
                lower_bound_kw = Some(s.bound_kw);
            }
        }
        Err(reasons) => no_bound = reasons,
    }
    if proof == Proof::None && n_configurations <= options.max_trees as f64 {
        let mut all: Vec<Vec<bool>> = Vec::new();
        let n = routing.graph.edges.len();
        let whole = each_forest(routing.graph.n, 1, &routing.graph.edges, true, options.max_trees, &mut |taken| {
            let mut closed = vec![false; n];
            taken.iter().for_each(|&e| closed[e] = true);
            all.push(closed);
        });
        for closed in &all {
            if let Some(value) = admissible(routing, closed)?.filter(|v| v.objective_kw() < best.1.objective_kw()) {
                best = (closed.clone(), value);
            }
        }
        if whole {
            (proof, lower_bound_kw) = (Proof::Enumerated, Some(best.1.objective_kw() * (1.0 - PROOF)));
        }
    }
    let objective = best.1.objective_kw();
    Ok(Optimum {
        today: configuration(routing, &today.0, today.1),
        exchange: configuration(routing, &exchanged.0, exchanged.1),
        best: configuration(routing, &best.0, best.1),
        proof,
        lower_bound_kw,
        gap_pct: lower_bound_kw.filter(|_| objective > 0.0).map(|bound| ((objective - bound) / objective * 100.0).max(0.0)),
        meshed_bound_kw: searched.as_ref().map(|s| s.root_kw),
        n_configurations: n_configurations.is_finite().then_some(n_configurations),
        n_nodes: searched.as_ref().map_or(0, |s| s.n_nodes),
        n_bounded: searched.as_ref().map_or(0, |s| s.n_trees),
        n_solved: routing.n_known(),
        no_bound,
    })
}
