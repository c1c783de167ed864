//! The operations desk of each caller: a grid, generated or from a project, hour after hour, with a policy that goes on learning.
//!
//! ```text
//! Setup ─► Network ─► at_step ─► Routing ─┬─► scores, telemetry, figures, alerts      what is shown
//!                                         ├─► optimum, with its proof                 what could be had
//!                                         └─► Learner: an episode a request           what was learnt
//! ```
//!
//! It is a rehearsal, not a plant: it lives in memory, and nothing is switched by it. The same setup and requests give the same answers.

use learning::routing::{Episode, LearnError, LearnOptions, Learner, Shown};
use network::Network;
use powerflow::State;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use studies::operations::{
    Alert, Figures, LoadForecast, OperationsError, Optimum, OptimumOptions, Route, Routing, RoutingOptions, Scores, Telemetry, Thresholds,
    Variation, View, alerts, at_step, figures, optimum, profile_forecast, scores, telemetry, view,
};

/// Rows of the history of losses that are kept.
const HISTORY_MAX: usize = 2000;
/// Hours that loads are forecast for.
const FORECAST_H: u32 = 24;
/// Nodes of branch and bound a request may take: some tenths of a second.
const SEARCH_MAX: u64 = 30_000;
/// Ambient temperature, C.
const AMBIENT_C: f64 = 25.0;
/// Episodes over which the reward of undecided choices falls to nothing.
const EPISODES: u32 = 1000;

/// What a desk is set up with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setup {
    /// Words for its network.
    pub network: String,
    pub seed: u64,
    pub risk_weight: f64,
    pub learning_rate: f64,
    /// Where risk scores are from that no rule gave; empty where all are by the rule.
    pub risk_from: String,
}

/// Losses after one request.
#[derive(Clone, Debug, Serialize)]
pub struct LossRow {
    pub step: u32,
    pub episode: u32,
    /// Of the policy's likeliest choice, or of the best it met where that is not admissible.
    pub loss_kw: f64,
    pub loss_pct: f64,
    pub objective_kw: f64,
    /// Of the network as it stands.
    pub today_kw: f64,
    pub optimum_kw: f64,
    pub lower_bound_kw: Option<f64>,
    pub gap_pct: Option<f64>,
    pub reward: f64,
}

/// What one hour has.
#[derive(Debug)]
struct Hour {
    routing: Routing,
    scores: Scores,
    telemetry: Telemetry,
    figures: Figures,
    view: View,
    forecast: LoadForecast,
    optimum: Optimum,
}

/// Paths of one configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Paths {
    /// `policy`, `best_episode` or `optimum`.
    pub by: &'static str,
    pub open: Vec<String>,
    pub loss_kw: f64,
    pub risk_kw: f64,
    pub objective_kw: f64,
    pub gap_pct: Option<f64>,
    pub routes: Vec<Route>,
}

/// What an episode, or several, ended with.
#[derive(Clone, Debug, Serialize)]
pub struct Optimised {
    pub step: u32,
    pub episodes: u32,
    pub last: Episode,
    pub chosen: Paths,
    pub optimum: Paths,
    pub proof: studies::operations::Proof,
    pub lower_bound_kw: Option<f64>,
    pub loss: LossRow,
    pub best_loss: LossRow,
}

/// One desk.
#[derive(Debug)]
pub struct Grid {
    pub setup: Setup,
    network: Network,
    /// Risk scores by a fitted model, by name of an edge or a bus.
    learned: BTreeMap<String, f64>,
    step: u32,
    hour: Hour,
    learner: Learner,
    episodes: u32,
    history: VecDeque<LossRow>,
    rewards: VecDeque<f64>,
    best: Option<LossRow>,
    last: Option<(Paths, Paths)>,
}

/// Why a desk has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    #[error(transparent)]
    Operations(#[from] OperationsError),
    #[error(transparent)]
    Learn(#[from] LearnError),
}

fn learn_options(setup: &Setup) -> LearnOptions {
    LearnOptions { episodes: EPISODES, rate: setup.learning_rate, seed: setup.seed, ..LearnOptions::default() }
}

fn hour(network: &Network, learned: &BTreeMap<String, f64>, setup: &Setup, step: u32) -> Result<Hour, GridError> {
    let state: State = at_step(network, setup.seed, step, &Variation::default())?;
    let options = RoutingOptions { risk_weight: setup.risk_weight, ..RoutingOptions::default() };
    let mut routing = Routing::new(&state, &|o| scores(o, learned), &options)?;
    let scores = scores(&routing.operator, learned)?;
    let telemetry = telemetry(&routing.operator, &scores, AMBIENT_C);
    let search = OptimumOptions { max_nodes: SEARCH_MAX, seed: setup.seed, ..OptimumOptions::default() };
    let optimum = optimum(&mut routing, &search)?;
    Ok(Hour {
        scores,
        telemetry,
        figures: figures(&state, &[]),
        view: view(&state, options.switches),
        forecast: profile_forecast(network, step, FORECAST_H)?,
        optimum,
        routing,
    })
}

impl Grid {
    /// A desk at its first hour.
    ///
    /// # Errors
    /// A network that is not radial, that no switch can change, or that has no solution; options that make no sense.
    pub fn new(network: Network, learned: BTreeMap<String, f64>, setup: Setup) -> Result<Self, GridError> {
        let mut hour = hour(&network, &learned, &setup, 0)?;
        let reference = Some(hour.optimum.best.value.objective_kw());
        let learner = Learner::new(&mut hour.routing, &learn_options(&setup), reference)?;
        Ok(Self {
            setup,
            network,
            learned,
            step: 0,
            hour,
            learner,
            episodes: 0,
            history: VecDeque::new(),
            rewards: VecDeque::new(),
            best: None,
            last: None,
        })
    }

    pub fn step(&self) -> u32 {
        self.step
    }

    /// Goes on to the next hour; the policy keeps what it has learnt.
    ///
    /// # Errors
    /// As [`Grid::new`]; then the desk stays at its hour.
    pub fn advance(&mut self) -> Result<(), GridError> {
        let step = self.step + 1;
        let mut hour = hour(&self.network, &self.learned, &self.setup, step)?;
        let reference = Some(hour.optimum.best.value.objective_kw());
        let mut learner = Learner::new(&mut hour.routing, &learn_options(&self.setup), reference)?;
        learner.go_on_from(&self.learner);
        (self.step, self.hour, self.learner) = (step, hour, learner);
        Ok(())
    }

    /// Plays episodes at the hour as it is; what the policy would choose then.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn optimise(&mut self, episodes: u32) -> Result<Optimised, GridError> {
        let mut last = self.learner.episode(&mut self.hour.routing)?;
        self.note(&last);
        for _ in 1..episodes {
            last = self.learner.episode(&mut self.hour.routing)?;
            self.note(&last);
        }
        let greedy = self.learner.greedy(&mut self.hour.routing)?;
        let is_admissible = greedy.value.is_some_and(|v| v.is_admissible);
        let (by, shown) = if is_admissible { ("policy", greedy) } else { ("best_episode", self.learner.best(&mut self.hour.routing)?) };
        let chosen = self.paths(by, &shown);
        let optimum = &self.hour.optimum;
        let of_optimum = Shown {
            closed: optimum.best.closed.clone(),
            open: optimum.best.open.clone(),
            value: Some(optimum.best.value),
            gap_pct: Some(0.0),
        };
        let best = self.paths("optimum", &of_optimum);
        let demand_kw = self.hour.figures.demand_kw;
        let row = LossRow {
            step: self.step,
            episode: self.episodes,
            loss_kw: chosen.loss_kw,
            loss_pct: chosen.loss_kw / (demand_kw + chosen.loss_kw).max(f64::MIN_POSITIVE) * 100.0,
            objective_kw: chosen.objective_kw,
            today_kw: self.hour.optimum.today.value.objective_kw(),
            optimum_kw: best.objective_kw,
            lower_bound_kw: self.hour.optimum.lower_bound_kw,
            gap_pct: chosen.gap_pct,
            reward: last.reward,
        };
        if self.best.as_ref().is_none_or(|b| row.loss_pct < b.loss_pct) {
            self.best = Some(row.clone());
        }
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(row.clone());
        self.last = Some((chosen.clone(), best.clone()));
        Ok(Optimised {
            step: self.step,
            episodes: self.episodes,
            last,
            chosen,
            optimum: best,
            proof: self.hour.optimum.proof,
            lower_bound_kw: self.hour.optimum.lower_bound_kw,
            best_loss: self.best.clone().unwrap_or_else(|| row.clone()),
            loss: row,
        })
    }

    fn note(&mut self, episode: &Episode) {
        self.episodes += 1;
        if self.rewards.len() >= HISTORY_MAX {
            self.rewards.pop_front();
        }
        self.rewards.push_back(episode.reward);
    }

    fn paths(&self, by: &'static str, of: &Shown) -> Paths {
        let value = of.value;
        Paths {
            by,
            open: of.open.clone(),
            loss_kw: value.map_or(0.0, |v| v.losses_kw),
            risk_kw: value.map_or(0.0, |v| v.risk_kw),
            objective_kw: value.map_or(0.0, |v| v.objective_kw()),
            gap_pct: of.gap_pct,
            routes: self.hour.routing.routes(&of.closed),
        }
    }

    pub fn view(&self) -> &View {
        &self.hour.view
    }

    pub fn telemetry(&self) -> &Telemetry {
        &self.hour.telemetry
    }

    pub fn scores(&self) -> &Scores {
        &self.hour.scores
    }

    pub fn figures(&self) -> &Figures {
        &self.hour.figures
    }

    pub fn forecast(&self) -> &LoadForecast {
        &self.hour.forecast
    }

    pub fn optimum(&self) -> &Optimum {
        &self.hour.optimum
    }

    pub fn alerts(&self) -> Vec<Alert> {
        alerts(&self.hour.telemetry, &Thresholds::default())
    }

    /// The latest paths of the policy and of the optimum.
    pub fn last(&self) -> Option<&(Paths, Paths)> {
        self.last.as_ref()
    }

    pub fn history(&self) -> impl Iterator<Item = &LossRow> {
        self.history.iter()
    }

    pub fn best(&self) -> Option<&LossRow> {
        self.best.as_ref()
    }

    pub fn episodes(&self) -> u32 {
        self.episodes
    }

    pub fn rewards(&self) -> impl Iterator<Item = &f64> {
        self.rewards.iter()
    }
}
