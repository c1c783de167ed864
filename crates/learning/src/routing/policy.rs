//! The policy: which line of each loop to open.
//!
//! # Derivation
//!
//! An episode begins with today's network. Its open switches, in their order, are taken one after another: each is closed, which makes one loop, and
//! the policy opens one line of that loop, the switch itself included. What is closed in the end is a radial network again, and every radial network
//! is reached: let `D` be what it has open. The loop of each step is closed all around, so it has a line of `D` (what is left is without loop), and
//! opening that one at each step ends with `D` open.
//!
//! A net with one hidden layer gives every line of the loop a score `s_i` from what is known of it; the line is drawn with the probability
//!
//! ```text
//! π_i = exp(s_i) / Σ_j exp(s_j)            ∂ ln π_a / ∂ s_i = [i = a] - π_i
//! entropy H = -Σ π_i ln π_i                ∂ H / ∂ s_i = -π_i (ln π_i + H)
//! ```
//!
//! Known of a line: whether it is the switch that was closed, its current today and with all loops closed over the largest of the loop, its
//! resistance over the largest, its risk, and which one it is. The last alone could be learnt by heart; the others let the net begin with what lines
//! have in common.

use super::LearnError;
use crate::net::{Head, Layout, NetError, Tape};
use network::{ElementId, ElementKind};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use studies::operations::Routing;
use studies::operations::ways::balanced_impedance;
use studies::switching::Operator;
use studies::synthetic::random::Random;

/// What is known of a line beside which one it is.
const KNOWN: usize = 5;

/// How it is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnOptions {
    pub episodes: u32,
    /// Step of Adam.
    pub rate: f64,
    /// Neurons of the hidden layer.
    pub hidden: u32,
    /// Weight of the entropy at the beginning; it falls to 0 along a straight line.
    pub entropy: f64,
    /// Weight of the best episode so far in each step; 0 for plain REINFORCE.
    pub imitation: f64,
    /// Part of the moving average of rewards, and of their variance, that each episode keeps.
    pub baseline_keeps: f64,
    /// Episodes of one step.
    pub batch: u32,
    pub seed: u64,
}

impl Default for LearnOptions {
    fn default() -> Self {
        Self { episodes: 1000, rate: 0.01, hidden: 24, entropy: 0.15, imitation: 0.1, baseline_keeps: 0.95, batch: 4, seed: 1 }
    }
}

impl LearnOptions {
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        let wrong = |what, needed, found: String| Err(NetError::Option { what, needed, found });
        if self.episodes == 0 {
            return wrong("the number of episodes", "at least 1", self.episodes.to_string());
        }
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return wrong("the learning rate", "greater than 0", self.rate.to_string());
        }
        if !(1..=4096).contains(&self.hidden) {
            return wrong("the number of hidden neurons", "between 1 and 4096", self.hidden.to_string());
        }
        if !(self.entropy >= 0.0 && self.entropy.is_finite()) {
            return wrong("the weight of the entropy", "at least 0", self.entropy.to_string());
        }
        if !(self.imitation >= 0.0 && self.imitation.is_finite()) {
            return wrong("the weight of the best episode", "at least 0", self.imitation.to_string());
        }
        if !(0.0..1.0).contains(&self.baseline_keeps) {
            return wrong("what the baseline keeps", "at least 0 and below 1", self.baseline_keeps.to_string());
        }
        if self.batch == 0 {
            return wrong("the episodes of one step", "at least 1", self.batch.to_string());
        }
        Ok(())
    }
}

/// A net that scores lines, and what is known of each line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    layout: Layout,
    parameters: Vec<f64>,
    /// By edge of the radial graph: current today, with all loops closed, resistance, risk.
    known: Vec<[f64; KNOWN - 1]>,
}

/// One choice: rows of the lines of a loop, and which was opened.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub n: usize,
    pub chosen: usize,
}

/// Choices of an episode with their rows, for the way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    pub rows: Vec<f64>,
    pub choices: Vec<Choice>,
    pub entropy: f64,
}

/// How a line is chosen.
pub(super) enum By<'a> {
    /// Drawn from the policy.
    Draw(&'a mut Random),
    /// The likeliest.
    Greedy,
}

impl Policy {
    /// A policy that knows nothing yet, for the switches of a routing.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn new(routing: &Routing, hidden: u32, seed: u64) -> Result<Self, LearnError> {
        let m = routing.graph.edges.len();
        let mut layout = Layout::rectified(KNOWN + m, &[hidden as usize], 1, Head::Identity)?;
        layout.head = Head::Identity;
        let mut parameters: Vec<f64> = layout.first_parameters(seed);
        // The last layer begins small, so that the first choices are nearly even.
        let last = hidden as usize + 1;
        let n = parameters.len();
        parameters[n - last..].iter_mut().for_each(|p| *p *= 0.1);
        Ok(Self { layout, parameters, known: known(routing)? })
    }

    pub(super) fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    pub(super) fn parameters_mut(&mut self) -> &mut [f64] {
        &mut self.parameters
    }

    pub(super) fn n_parameters(&self) -> usize {
        self.parameters.len()
    }

    /// Plays an episode: the configuration it ends with, and its choices.
    pub(super) fn play(&self, routing: &Routing, mut by: By<'_>, tape: &mut Tape<f64>) -> (Vec<bool>, Played) {
        let graph = &routing.graph;
        let mut closed = graph.today.clone();
        let mut played = Played::default();
        for tie in (0..closed.len()).filter(|&e| !graph.today[e]) {
            let mut ring = graph.path(&closed, tie);
            if ring.is_empty() {
                continue;
            }
            ring.push(tie);
            // The order of a ring depends on where it was begun; that of its lines does not.
            ring.sort_unstable();
            let from = played.rows.len();
            self.rows(&ring, tie, &mut played.rows);
            self.layout.forward(&self.parameters, &played.rows[from..], tape);
            let shares = shares(tape.scores());
            let chosen = match &mut by {
                By::Draw(random) => drawn(&shares, random.unit()),
                By::Greedy => (0..ring.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b]).then(b.cmp(&a))).unwrap_or(0),
            };
            played.entropy += entropy(&shares);
            played.choices.push(Choice { n: ring.len(), chosen });
            closed[tie] = true;
            closed[ring[chosen]] = false;
        }
        (closed, played)
    }

    fn rows(&self, ring: &[usize], tie: usize, rows: &mut Vec<f64>) {
        let most = |k: usize| ring.iter().map(|&e| self.known[e][k]).fold(0.0, f64::max);
        let over = |x: f64, most: f64| if most > 0.0 { x / most } else { 0.0 };
        let most = [most(0), most(1), most(2)];
        for &e in ring {
            let k = &self.known[e];
            rows.extend([f64::from(u8::from(e == tie)), over(k[0], most[0]), over(k[1], most[1]), over(k[2], most[2]), k[3]]);
            let at = rows.len();
            rows.resize(at + self.known.len(), 0.0);
            rows[at + e] = 1.0;
        }
    }

    /// Adds the gradient of `-(advantage · Σ ln π + weight · Σ H)` of an episode.
    pub(super) fn slope(&self, played: &Played, advantage: f64, entropy_weight: f64, tape: &mut Tape<f64>, gradient: &mut [f64]) {
        self.layout.forward(&self.parameters, &played.rows, tape);
        let mut slopes = Vec::with_capacity(tape.scores().len());
        let mut at = 0;
        for choice in &played.choices {
            let shares = shares(&tape.scores()[at..at + choice.n]);
            slopes.extend(slopes_of(&shares, choice.chosen, advantage, entropy_weight));
            at += choice.n;
        }
        self.layout.backward(&self.parameters, tape, &slopes, gradient, None);
    }
}

/// `-∂(advantage · ln π_chosen + weight · H) / ∂ s_i`.
pub(super) fn slopes_of(shares: &[f64], chosen: usize, advantage: f64, entropy_weight: f64) -> Vec<f64> {
    let h = entropy(shares);
    let of = |(i, &p): (usize, &f64)| {
        let of_entropy = if p > 0.0 { -p * (p.ln() + h) } else { 0.0 };
        -(advantage * (f64::from(u8::from(i == chosen)) - p) + entropy_weight * of_entropy)
    };
    shares.iter().enumerate().map(of).collect()
}

pub(super) fn entropy(shares: &[f64]) -> f64 {
    -shares.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

fn shares(scores: &[f64]) -> Vec<f64> {
    let mut shares = scores.to_vec();
    crate::net::softmax(&mut shares);
    shares
}

pub(super) fn drawn(shares: &[f64], unit: f64) -> usize {
    let mut left = unit;
    for (i, p) in shares.iter().enumerate() {
        left -= p;
        if left < 0.0 {
            return i;
        }
    }
    shares.len() - 1
}

/// What is known of each edge: per unit of the largest of all edges.
fn known(routing: &Routing) -> Result<Vec<[f64; KNOWN - 1]>, LearnError> {
    let graph = &routing.graph;
    let mut operator = routing.operator.clone();
    let of = |operator: &Operator| -> HashMap<ElementId, f64> {
        let state = operator.state();
        let current =
            |id: ElementId| state.circuit().index_of(id).map(|i| state.element_currents(i).iter().map(|i| i.norm()).fold(0.0, f64::max));
        (0..graph.edges.len()).map(|e| graph.operation(e, true).element).filter_map(|id| Some((id, current(id)?))).collect()
    };
    operator.ask(&[])?;
    let today = of(&operator);
    // Where the meshed network has no solution nothing is known of it.
    let all = vec![true; graph.edges.len()];
    let is_solved = operator.ask(&graph.operations(&all))?.losses_kw.is_some();
    let meshed = if is_solved { of(&operator) } else { HashMap::new() };
    let network = routing.operator.network();
    let resistance = |id: ElementId| {
        let line = (id.kind == ElementKind::Line).then(|| &network.lines[id.index()])?;
        balanced_impedance(line).map(|z| z.re)
    };
    let value = |e: usize| {
        let id = graph.operation(e, true).element;
        let of = |map: &HashMap<ElementId, f64>| map.get(&id).copied().filter(|i| i.is_finite()).unwrap_or(0.0);
        [of(&today), of(&meshed), resistance(id).unwrap_or(0.0), routing.risk(id)]
    };
    Ok((0..graph.edges.len()).map(value).collect())
}
