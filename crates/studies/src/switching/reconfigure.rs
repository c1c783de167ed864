//! Reconfiguration: which switches of a radial network to open, so that it loses least or overloads least.
//!
//! # Derivation
//!
//! Zones are the vertices of a graph, switches its edges, all sources one vertex, the root. A radial network that supplies everyone is a spanning tree.
//! Closing an open switch makes one loop; opening another switch of that loop makes a tree again: a *branch exchange*. Every tree is reached
//! from every other one by exchanges. A tree is judged by power flows of the whole network at the hours asked for, nothing is estimated:
//!
//! ```text
//! score = (hours without solution, limits crossed farther than today, aim, second aim)       compared from left to right
//! aim for losses     sum over hours of losses times length of the step; second: overload
//! aim for overload   sum over hours and elements of what loadings exceed 100 % by; second: losses
//! ```
//!
//! **Descent.** The exchange that lowers the score most is made until none lowers it, from several starts: today's network; the network with all
//! switches closed, of which time and again the loop switch with the least current is opened (Shirmohammadi and Hong, IEEE Transactions on Power
//! Delivery 4, 1989, 1492-1498); random trees of a seed. Branch exchange is that of Civanlar, Grainger, Yin and Lee (IEEE Transactions on Power
//! Delivery 3, 1988, 1217-1223) and of Baran and Wu (4, 1989, 1401-1407), whose estimates of what an exchange saves are left out: a power flow
//! is quicker today than a wrong guess.
//!
//! **Exact.** Where the trees are few (their number is a determinant, see `forests`) all are solved, and the answer is proven. Where they are not,
//! the answer is the best of the descents, and no gap is known.

use super::forests::{each_forest, n_spanning};
use super::operator::{Condition, Operation, Operator, Solved};
use super::radial::Radial;
use super::zones::Switches;
use crate::hosting::criteria::{Criterion, SLACK};
use crate::synthetic::random::Random;
use powerflow::CircuitError;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Stream of the random starts among those that draw from a seed.
const PURPOSE: u64 = 0x7265_636f;

/// What is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    #[default]
    Losses,
    Overload,
}

/// A reconfiguration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconfigureOptions {
    pub aim: Aim,
    pub switches: Switches,
    /// Operations at most; two an exchange.
    pub max_operations: Option<usize>,
    /// Limits may not be crossed farther than today.
    pub keep_limits: bool,
    /// Random trees to start from, and their seed.
    pub random_starts: u32,
    pub seed: u64,
    /// Trees that are all solved at most.
    pub max_trees: usize,
}

impl Default for ReconfigureOptions {
    fn default() -> Self {
        Self {
            aim: Aim::Losses,
            switches: Switches::Marked,
            max_operations: None,
            keep_limits: true,
            random_starts: 4,
            seed: 1,
            max_trees: 5_000,
        }
    }
}

/// Why there is nothing to reconfigure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureError {
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error("the network is not radial as its switches stand: {element} closes a loop or joins two sources")]
    NotRadial { element: String },
    #[error("no switch stands open between parts that have supply")]
    NoTie,
    #[error("no switch on any loop can be opened")]
    NoSwitch,
}

/// An hour with its weight.
#[derive(Clone, Debug)]
pub struct Hour {
    pub label: String,
    /// Length of its step; 1 of a snapshot.
    pub hours: f64,
    pub operator: Operator,
}

/// How a tree is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pub unsolved: usize,
    /// Sum of what limits are crossed farther by than today, per unit of each limit.
    pub worse: f64,
    pub losses_kwh: f64,
    pub overload_pct: f64,
}

impl Score {
    fn cmp(&self, other: &Self, aim: Aim) -> Ordering {
        let rank = |s: &Self| match aim {
            Aim::Losses => (s.losses_kwh, s.overload_pct),
            Aim::Overload => (s.overload_pct, s.losses_kwh),
        };
        let (a, b) = (rank(self), rank(other));
        self.unsolved.cmp(&other.unsolved).then(self.worse.total_cmp(&other.worse)).then(a.0.total_cmp(&b.0)).then(a.1.total_cmp(&b.1))
    }
}

/// One descent.
#[derive(Clone, Debug, PartialEq)]
pub struct Descent {
    pub start: String,
    pub from: Score,
    pub to: Score,
    pub exchanges: usize,
    /// Switches that end up open.
    pub open: Vec<String>,
}

/// One operation of the way from today's network to the one found.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub operation: Operation,
    /// By hour.
    pub conditions: Vec<Condition>,
    pub losses_kwh: Option<f64>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Reconfiguration {
    pub today: Score,
    pub found: Score,
    /// Every tree within the limit of operations was solved.
    pub is_exact: bool,
    /// Trees that there are; infinite beyond what a float holds.
    pub n_trees: f64,
    pub n_solved: u64,
    pub descents: Vec<Descent>,
    /// Switches open today and in the network found: `class.name`.
    pub open_today: Vec<String>,
    pub open_found: Vec<String>,
    /// Close before open, in pairs.
    pub moves: Vec<Move>,
    pub conditions_today: Vec<Condition>,
    pub conditions_found: Vec<Condition>,
}

impl Reconfiguration {
    pub fn operations(&self) -> Vec<Operation> {
        self.moves.iter().map(|m| m.operation).collect()
    }
}

struct Tree<'a> {
    options: &'a ReconfigureOptions,
    hours: &'a mut [Hour],
    graph: Radial,
    /// Limits that hold: today's worst values where they lie beyond.
    bounds: Vec<Vec<(Criterion, f64)>>,
    known: HashMap<Vec<bool>, Score>,
}

/// Searches the radial network with the least losses or overloads.
///
/// `hours` are operators on settled states of one network; switches stand alike in all.
///
/// # Errors
/// As [`ReconfigureError`].
pub fn reconfigure(hours: &mut [Hour], options: &ReconfigureOptions) -> Result<Reconfiguration, ReconfigureError> {
    let first = &hours[0].operator;
    let network = std::sync::Arc::clone(first.network());
    let graph = Radial::new(first, options.switches)?;
    let names: Vec<String> = (0..graph.edges.len()).map(|e| network.full_name(graph.operation(e, true).element)).collect();
    let name = |e: usize| names[e].clone();
    let bounds = hours.iter().map(|h| bounds(&h.operator)).collect();
    let solved_before: u64 = hours.iter().map(|h| h.operator.n_solved).sum();
    let mut tree = Tree { options, hours, graph, bounds, known: HashMap::new() };
    let today_closed = tree.graph.today.clone();
    let today = tree.score(&today_closed)?;
    let n_trees = n_spanning(tree.graph.n, 1, &tree.graph.edges);
    let mut best = (today, today_closed.clone());
    let mut descents = Vec::new();
    for (start, closed) in tree.starts()? {
        let (descent, end) = tree.descend(start, closed, &name)?;
        if descent.to.cmp(&best.0, options.aim) == Ordering::Less {
            best = (descent.to, end);
        }
        descents.push(descent);
    }
    let is_exact = n_trees <= options.max_trees as f64 && tree.all(&mut best)?;
    let moves = tree.moves(&best.1)?;
    let conditions_today = tree.conditions(&today_closed)?;
    let conditions_found = tree.conditions(&best.1)?;
    let open = |closed: &[bool]| (0..closed.len()).filter(|&e| !closed[e]).map(&name).collect();
    let (open_today, open_found) = (open(&today_closed), open(&best.1));
    let n_solved = tree.hours.iter().map(|h| h.operator.n_solved).sum::<u64>() - solved_before;
    Ok(Reconfiguration {
        today,
        found: best.0,
        is_exact,
        n_trees,
        n_solved,
        descents,
        open_today,
        open_found,
        moves,
        conditions_today,
        conditions_found,
    })
}

/// Limits, those crossed today moved to today's worst value and a thousandth beyond.
fn bounds(operator: &Operator) -> Vec<(Criterion, f64)> {
    let today = &operator.base_condition;
    let criteria = &operator.judge().criteria;
    let bound = |c: Criterion| {
        let limit = criteria.limit(c)?;
        let (worst, _) = worst(today, c)?;
        let beyond = c.margin(worst, limit) < 0.0;
        Some((c, if beyond { worst + c.sign() * SLACK * limit.abs() } else { limit }))
    };
    super::operator::CRITERIA.into_iter().filter_map(bound).collect()
}

fn worst(condition: &Condition, criterion: Criterion) -> super::operator::Extreme {
    match criterion {
        Criterion::OverVoltage => condition.highest_v,
        Criterion::UnderVoltage => condition.lowest_v,
        Criterion::ThermalLine => condition.line_pct,
        Criterion::ThermalTransformer => condition.transformer_pct,
        _ => None,
    }
}

impl Tree<'_> {
    fn conditions(&mut self, closed: &[bool]) -> Result<Vec<Condition>, CircuitError> {
        let operations = self.graph.operations(closed);
        self.hours.iter_mut().map(|h| h.operator.ask_certified(&operations).map(|c| c.0)).collect()
    }

    fn score(&mut self, closed: &[bool]) -> Result<Score, CircuitError> {
        if let Some(known) = self.known.get(closed) {
            return Ok(*known);
        }
        let operations = self.graph.operations(closed);
        let mut score = Score { unsolved: 0, worse: 0.0, losses_kwh: 0.0, overload_pct: 0.0 };
        for (h, bounds) in self.hours.iter_mut().zip(&self.bounds) {
            let condition = h.operator.ask(&operations)?;
            if condition.solved != Solved::Yes {
                score.unsolved += 1;
                continue;
            }
            score.losses_kwh += condition.losses_kw.unwrap_or(f64::NAN) * h.hours;
            score.overload_pct += condition.overload_pct;
            if self.options.keep_limits {
                for &(c, bound) in bounds {
                    if let Some((value, _)) = worst(&condition, c) {
                        score.worse += (-c.margin(value, bound) / bound.abs().max(1e-9)).max(0.0);
                    }
                }
            }
        }
        self.known.insert(closed.to_vec(), score);
        Ok(score)
    }

    fn may_take(&self, closed: &[bool]) -> bool {
        let n = closed.iter().zip(&self.graph.today).filter(|(a, b)| a != b).count();
        self.options.max_operations.is_none_or(|most| n <= most)
    }

    /// Trees to begin with.
    fn starts(&mut self) -> Result<Vec<(String, Vec<bool>)>, CircuitError> {
        let mut starts = vec![("today's network".to_owned(), self.graph.today.clone())];
        let opened = self.sequential_opening()?;
        let random = (0..u64::from(self.options.random_starts)).map(|k| self.random_tree(k)).collect::<Vec<_>>();
        let more = opened.into_iter().map(|t| ("loops opened at the least current".to_owned(), t));
        let more: Vec<_> = more.chain(random.into_iter().enumerate().map(|(k, t)| (format!("random tree {}", k + 1), t))).collect();
        starts.extend(more.into_iter().filter(|(_, t)| self.may_take(t)));
        Ok(starts)
    }

    fn random_tree(&self, index: u64) -> Vec<bool> {
        self.graph.random_tree(&mut Random::new(self.options.seed, PURPOSE, index))
    }

    /// All switches closed, then loops opened where least current flows; none where the meshed network has no solution.
    fn sequential_opening(&mut self) -> Result<Option<Vec<bool>>, CircuitError> {
        let mut closed = vec![true; self.graph.edges.len()];
        while closed.iter().filter(|c| **c).count() > self.graph.n - 1 {
            let operations = self.graph.operations(&closed);
            if self.hours[0].operator.ask(&operations)?.solved == Solved::No {
                return Ok(None);
            }
            let state = self.hours[0].operator.state();
            let current = |e: usize| {
                let index = state.circuit().index_of(self.graph.operation(e, true).element)?;
                Some(state.element_currents(index).iter().map(|i| i.norm()).fold(0.0, f64::max))
            };
            let is_on_loop = |&e: &usize| {
                let mut without = closed.clone();
                without[e] = false;
                closed[e] && !self.graph.path(&without, e).is_empty()
            };
            let on_loop = (0..closed.len()).filter(is_on_loop);
            let least = on_loop.filter_map(|e| Some((current(e)?, e))).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let Some((_, e)) = least else { return Ok(None) };
            closed[e] = false;
        }
        Ok(Some(closed))
    }

    /// Exchanges while they help.
    fn descend(
        &mut self,
        start: String,
        mut closed: Vec<bool>,
        name: &dyn Fn(usize) -> String,
    ) -> Result<(Descent, Vec<bool>), CircuitError> {
        let from = self.score(&closed)?;
        let aim = self.options.aim;
        let graph = self.graph.clone();
        let mut score = |closed: &[bool]| if self.may_take(closed) { self.score(closed).map(Some) } else { Ok(None) };
        let is_less = |a: &Score, b: &Score| a.cmp(b, aim) == Ordering::Less;
        let (at, exchanges) = graph.descend(&mut closed, from, &mut score, &is_less, &is_progress)?;
        let open = (0..closed.len()).filter(|&e| !closed[e]).map(name).collect();
        Ok((Descent { start, from, to: at, exchanges, open }, closed))
    }

    /// Solves every tree; false where there are more than the options allow.
    fn all(&mut self, best: &mut (Score, Vec<bool>)) -> Result<bool, CircuitError> {
        let mut trees: Vec<Vec<bool>> = Vec::new();
        let n = self.graph.edges.len();
        let whole = each_forest(self.graph.n, 1, &self.graph.edges, true, self.options.max_trees, &mut |taken| {
            let mut closed = vec![false; n];
            taken.iter().for_each(|&e| closed[e] = true);
            trees.push(closed);
        });
        if !whole {
            return Ok(false);
        }
        for closed in trees {
            if self.may_take(&closed) {
                let score = self.score(&closed)?;
                if score.cmp(&best.0, self.options.aim) == Ordering::Less && is_progress(&best.0, &score) {
                    *best = (score, closed);
                }
            }
        }
        Ok(true)
    }

    /// The way there: a switch is closed, then one of its loop is opened, so that nobody is interrupted. Of the pairs that are left that one comes
    /// first that scores best.
    fn moves(&mut self, end: &[bool]) -> Result<Vec<Move>, CircuitError> {
        let mut closed = self.graph.today.clone();
        let mut moves = Vec::new();
        loop {
            let to_close: Vec<usize> = (0..closed.len()).filter(|&e| end[e] && !closed[e]).collect();
            let mut best: Option<(Score, usize, usize)> = None;
            for e in to_close {
                for f in self.graph.path(&closed, e).into_iter().filter(|&f| !end[f]) {
                    (closed[e], closed[f]) = (true, false);
                    let score = self.score(&closed)?;
                    if best.as_ref().is_none_or(|b| score.cmp(&b.0, self.options.aim) == Ordering::Less) {
                        best = Some((score, e, f));
                    }
                    (closed[e], closed[f]) = (false, true);
                }
            }
            let Some((_, e, f)) = best else { break };
            for (edge, close) in [(e, true), (f, false)] {
                closed[edge] = close;
                let operation = self.graph.operation(edge, close);
                let conditions = self.conditions(&closed)?;
                let losses: Option<f64> = conditions.iter().zip(self.hours.iter()).map(|(c, h)| Some(c.losses_kw? * h.hours)).sum();
                moves.push(Move { operation, conditions, losses_kwh: losses });
            }
        }
        Ok(moves)
    }
}

/// Whether a score is lower by more than rounding.
fn is_progress(before: &Score, after: &Score) -> bool {
    let differs = |a: f64, b: f64| (a - b).abs() > 1e-9 * a.abs().max(1e-6);
    before.unsolved != after.unsolved
        || differs(before.worse, after.worse)
        || differs(before.losses_kwh, after.losses_kwh)
        || differs(before.overload_pct, after.overload_pct)
}
