//! REINFORCE: choices that paid more than usual become likelier.
//!
//! # Derivation
//!
//! The gradient of the expected reward `R` of an episode over the policy's parameters is (Williams, Machine Learning 8, 1992, 229-256)
//!
//! ```text
//! ∇ E[R] = E[ (R - b) Σ_steps ∇ ln π(choice) ]          for any baseline b that the episode does not move
//! ```
//!
//! With `J` the objective of the configuration and `J0` that of today's network the reward is `R = -ln(J / J0)`: 0.01 is one percent. The logarithm
//! keeps hopeless configurations, several times as costly, from drowning what tells good ones apart. What is not admissible counts [`REFUSED`] times
//! as much, what has no solution [`UNSOLVED`] times today's. `b` is the moving average of the rewards, and `R - b` is taken over their moving
//! standard deviation. The entropy of the choices is rewarded besides, less and less, so that the policy does not settle before it has looked around.
//! So that it does not settle on less than it has met, each step also leans towards the best episode so far, by what that one is above the baseline,
//! `max(0, R_best - b)` (self-imitation: Oh, Guo, Singh and Lee, ICML 2018): once the policy plays as well, nothing is left of it. Steps are Adam's.
//!
//! Values of configurations are remembered, so a policy that has made up its mind costs no power flows.

use super::LearnError;
use super::policy::{By, LearnOptions, Played, Policy, drawn};
use crate::net::{Method, Optimiser, Tape, clip};
use serde::{Deserialize, Serialize};
use studies::operations::{Routing, Value};
use studies::synthetic::random::Random;

/// Streams of this module among those that draw from a seed.
const CHOICES: u64 = 0x726f_7574;
const EVEN: u64 = 0x726f_7575;
/// Objective of a configuration that is not admissible, over its own.
const REFUSED: f64 = 2.0;
/// Objective of a configuration without solution, over today's.
const UNSOLVED: f64 = 10.0;
/// Greatest length of a gradient.
const CLIP: f64 = 5.0;
/// Spread of rewards below which they count as alike.
const LEAST_SPREAD: f64 = 1e-3;

/// One episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// From 1.
    pub number: u32,
    pub reward: f64,
    /// None where the configuration has no solution.
    pub value: Option<Value>,
    /// Objective above the reference, percent of it; none without a reference or an admissible value.
    pub gap_pct: Option<f64>,
    /// Least admissible objective so far.
    pub best_kw: f64,
    /// Mean entropy of the choices, nat.
    pub entropy: f64,
}

/// A configuration that a policy shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    pub closed: Vec<bool>,
    pub open: Vec<String>,
    /// None where it has no solution.
    pub value: Option<Value>,
    pub gap_pct: Option<f64>,
}

/// What choosing evenly came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomPolicy {
    /// The best of as many episodes.
    pub best: Shown,
    pub mean_reward: f64,
    /// Episodes whose configuration was admissible.
    pub n_admissible: u32,
    /// Mean gap of those.
    pub mean_gap_pct: Option<f64>,
}

/// What was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    pub options: LearnOptions,
    /// The likeliest choices before the first step and after the last.
    pub first_greedy: Shown,
    pub greedy: Shown,
    /// The best configuration that any episode met, today's before them.
    pub best_episode: Shown,
    pub random: RandomPolicy,
    pub episodes: Vec<Episode>,
    /// Configurations that had to be solved.
    pub n_solved: usize,
}

/// A policy while it learns, an episode at a time.
#[derive(Clone, Debug)]
pub struct Learner {
    pub policy: Policy,
    options: LearnOptions,
    optimiser: Optimiser<f64>,
    tape: Tape<f64>,
    batch: Vec<(Played, f64)>,
    /// Moving average and mean square distance from it.
    baseline: Option<(f64, f64)>,
    today_kw: f64,
    best: (f64, Vec<bool>),
    /// The best episode with its reward.
    best_played: Option<(f64, Played)>,
    number: u32,
    reference_kw: Option<f64>,
}

impl Learner {
    /// A learner that has played nothing. `reference_kw` is the objective that gaps are told against: that of the optimum.
    ///
    /// # Errors
    /// Options that make no sense; a network without solution today.
    pub fn new(routing: &mut Routing, options: &LearnOptions, reference_kw: Option<f64>) -> Result<Self, LearnError> {
        options.check()?;
        let today_kw = routing.today()?.objective_kw();
        let policy = Policy::new(routing, options.hidden, options.seed)?;
        let optimiser = Optimiser::new(Method::ADAM, policy.n_parameters());
        let best = (today_kw, routing.graph.today.clone());
        let options = *options;
        Ok(Self {
            policy,
            options,
            optimiser,
            tape: Tape::default(),
            batch: Vec::new(),
            baseline: None,
            today_kw,
            best,
            best_played: None,
            number: 0,
            reference_kw,
        })
    }

    /// Takes over policy, optimiser and count of a learner of the same network at another hour. What is worth how much begins anew.
    pub fn go_on_from(&mut self, other: &Self) {
        if other.policy.n_parameters() == self.policy.n_parameters() {
            // What is known of each line is of the hour, and stays.
            self.policy.parameters_mut().copy_from_slice(other.policy.parameters());
            self.optimiser = other.optimiser.clone();
            self.number = other.number;
        }
    }

    /// Plays one episode and, when a batch is full, takes a step.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn episode(&mut self, routing: &mut Routing) -> Result<Episode, LearnError> {
        let mut random = Random::new(self.options.seed, CHOICES, u64::from(self.number));
        let (closed, played) = self.policy.play(routing, By::Draw(&mut random), &mut self.tape);
        let value = routing.ask(&closed)?;
        let reward = reward(value, self.today_kw);
        self.number += 1;
        if let Some(kw) = admissible(value).filter(|&kw| kw < self.best.0) {
            self.best = (kw, closed);
        }
        let entropy = played.entropy / played.choices.len().max(1) as f64;
        let (mean, square) = self.baseline.unwrap_or((reward, 0.0));
        let far = reward - mean;
        if self.best_played.as_ref().is_none_or(|(best, _)| reward > *best) {
            self.best_played = Some((reward, played.clone()));
        }
        self.batch.push((played, far / square.sqrt().max(LEAST_SPREAD).max(far.abs() / 3.0)));
        let keeps = if self.baseline.is_some() { self.options.baseline_keeps } else { 0.0 };
        self.baseline = Some((keeps * mean + (1.0 - keeps) * reward, keeps * square + (1.0 - keeps) * far * far));
        if self.batch.len() >= self.options.batch as usize {
            self.step();
        }
        let gap_pct = admissible(value).and_then(|kw| self.gap_pct(kw));
        Ok(Episode { number: self.number, reward, value, gap_pct, best_kw: self.best.0, entropy })
    }

    fn step(&mut self) {
        let done = f64::from(self.number) / f64::from(self.options.episodes);
        let entropy = self.options.entropy * (1.0 - done).max(0.0);
        let mut gradient = vec![0.0; self.policy.n_parameters()];
        let n = self.batch.len() as f64;
        for (played, advantage) in std::mem::take(&mut self.batch) {
            self.policy.slope(&played, advantage / n, entropy / n, &mut self.tape, &mut gradient);
        }
        if let (Some((best, played)), Some((mean, square))) = (&self.best_played, self.baseline) {
            let ahead = (best - mean).max(0.0) / square.sqrt().max(LEAST_SPREAD);
            let weight = self.options.imitation * ahead.min(3.0);
            if weight > 0.0 {
                self.policy.slope(played, weight, 0.0, &mut self.tape, &mut gradient);
            }
        }
        clip(&mut gradient, CLIP);
        self.optimiser.step(self.policy.parameters_mut(), &gradient, self.options.rate);
    }

    /// The likeliest choices as they are now.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn greedy(&mut self, routing: &mut Routing) -> Result<Shown, LearnError> {
        let (closed, _) = self.policy.play(routing, By::Greedy, &mut self.tape);
        self.shown(routing, &closed)
    }

    /// The best configuration met so far.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn best(&self, routing: &mut Routing) -> Result<Shown, LearnError> {
        self.shown(routing, &self.best.1)
    }

    fn shown(&self, routing: &mut Routing, closed: &[bool]) -> Result<Shown, LearnError> {
        let value = routing.ask(closed)?;
        let gap_pct = admissible(value).and_then(|kw| self.gap_pct(kw));
        Ok(Shown { closed: closed.to_vec(), open: routing.open(closed), value, gap_pct })
    }

    fn gap_pct(&self, kw: f64) -> Option<f64> {
        self.reference_kw.filter(|r| *r > 0.0).map(|r| (kw - r) / r * 100.0)
    }
}

fn admissible(value: Option<Value>) -> Option<f64> {
    value.filter(|v| v.is_admissible).map(|v| v.objective_kw())
}

fn reward(value: Option<Value>, today_kw: f64) -> f64 {
    let over = match value {
        Some(v) if v.is_admissible => v.objective_kw() / today_kw,
        Some(v) => REFUSED * v.objective_kw() / today_kw,
        None => UNSOLVED,
    };
    -over.min(UNSOLVED).ln()
}

/// Learns for as many episodes as the options say; the random policy plays as many.
///
/// # Errors
/// Options that make no sense; a network without solution today; a circuit that cannot be factored.
pub fn learn(routing: &mut Routing, options: &LearnOptions, reference_kw: Option<f64>) -> Result<Learned, LearnError> {
    // What others have solved on the way is not the policy's to profit from.
    let mut own = routing.forgetful();
    let mut learner = Learner::new(&mut own, options, reference_kw)?;
    let first_greedy = learner.greedy(&mut own)?;
    let mut episodes = Vec::with_capacity(options.episodes as usize);
    for _ in 0..options.episodes {
        episodes.push(learner.episode(&mut own)?);
    }
    let (greedy, best_episode) = (learner.greedy(&mut own)?, learner.best(&mut own)?);
    let n_solved = own.n_known();
    let random = even(&mut routing.forgetful(), &learner)?;
    Ok(Learned { options: *options, first_greedy, greedy, best_episode, random, episodes, n_solved })
}

/// Plays the same episodes, each line of a loop as likely as the others.
fn even(routing: &mut Routing, learner: &Learner) -> Result<RandomPolicy, LearnError> {
    let mut best = (learner.today_kw, routing.graph.today.clone());
    let (mut n_admissible, mut rewards, mut gaps) = (0, 0.0, 0.0);
    for k in 0..learner.options.episodes {
        let mut random = Random::new(learner.options.seed, EVEN, u64::from(k));
        let mut closed = routing.graph.today.clone();
        for tie in (0..closed.len()).filter(|&e| !routing.graph.today[e]) {
            let mut ring = routing.graph.path(&closed, tie);
            if ring.is_empty() {
                continue;
            }
            ring.push(tie);
            ring.sort_unstable();
            let opened = ring[drawn(&vec![1.0 / ring.len() as f64; ring.len()], random.unit())];
            closed[tie] = true;
            closed[opened] = false;
        }
        let value = routing.ask(&closed)?;
        rewards += reward(value, learner.today_kw);
        if let Some(kw) = admissible(value) {
            n_admissible += 1;
            gaps += learner.gap_pct(kw).unwrap_or(f64::NAN);
            if kw < best.0 {
                best = (kw, closed);
            }
        }
    }
    Ok(RandomPolicy {
        best: learner.shown(routing, &best.1)?,
        mean_reward: rewards / f64::from(learner.options.episodes),
        n_admissible,
        mean_gap_pct: (n_admissible > 0).then(|| gaps / f64::from(n_admissible)).filter(|g| g.is_finite()),
    })
}
