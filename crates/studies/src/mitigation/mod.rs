//! What would mend the violations of a network, what it costs, and what to buy with a budget.
//!
//! ```text
//! series without changes ─► violations ─► clusters ─► candidates ─► each one's series, solved again ─► ranking
//!                                                                └► portfolio (mixed-integer) ─► its series, solved again
//! ```
//!
//! **Violations** are counted in hours: those in which a line or transformer is loaded above its normal rating, and those in which a node lies
//! outside voltage range A, over the same series as any study through time. **Clusters** are violations of one kind that hang together: elements
//! that share a bus, nodes whose buses are joined by an element. A **candidate** is a change of the network; what it brings is not estimated but
//! solved: its network runs through the whole series, with its controls. Its benefit is the hours of violation that go less those that come.
//!
//! The **portfolio** maximises the hours that go, of each cluster at most those that it has, under the budget:
//!
//! ```text
//! max Σ_k y_k − Σ_c n_c x_c     y_k ≤ H_k,  y_k ≤ Σ_c a_kc x_c,  Σ_c cost_c x_c ≤ B,  x_i + x_j ≤ 1 where i and j change one thing
//! ```
//!
//! with `H_k` the hours of cluster `k`, `a_kc` those that candidate `c` takes from it alone, `n_c` those it makes elsewhere; of all sets that take
//! the most hours the cheapest. Changes do not add up, so the chosen set is solved again as one network, and so are sets one step from it (a change
//! more, a change less, one in place of another) for as long as they mend more, or as much for less. Where the sets that fit the budget are few, all of
//! them are solved, and the best is proven. The figures told are those of that network.

mod candidates;
mod clusters;
mod portfolio;
pub mod tables;

pub use candidates::Fix;
pub use clusters::{Cluster, Kind, Violation};

use crate::hands::{Hands, HandsError};
use crate::time_series::{FeederResult, TimeSeriesError, TimeSeriesOptions, run_feeder};
use network::Network;
use network::cost::CostCatalogue;
use powerflow::{CircuitError, Session};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What is asked.
#[derive(Clone, Debug)]
pub struct MitigationOptions {
    pub series: TimeSeriesOptions,
    pub costs: CostCatalogue,
    /// What may be spent; all that helps unless told.
    pub budget: Option<f64>,
    /// Candidates of a cluster at most.
    pub candidates_max: usize,
    /// Sets of changes that are solved for the portfolio at most; where no more fit the budget, all of them are.
    pub sets_max: usize,
    pub hands: Hands,
}

/// Why a study did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MitigationError {
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error(transparent)]
    Series(#[from] TimeSeriesError),
    #[error("the portfolio cannot be found: {reason}")]
    Solver { reason: String },
    #[error(transparent)]
    Hands(#[from] HandsError),
}

/// A series of a network, as far as violations need it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Course {
    /// Hours of violation by thing and kind.
    pub hours: HashMap<(String, Kind), f64>,
    pub losses_kwh: f64,
    pub v_min_pu: Option<f64>,
    pub v_max_pu: Option<f64>,
    pub loading_max_pct: Option<f64>,
    /// Steps that did not settle: of those nothing is known.
    pub unsettled: u32,
}

impl Course {
    fn of(result: &FeederResult) -> Self {
        let mut hours = HashMap::new();
        let mut loading_max_pct = None;
        for e in &result.elements {
            if e.hours_above_normal > 0.0 {
                hours.insert((e.element.to_string(), Kind::Overload), e.hours_above_normal);
            }
            loading_max_pct = loading_max_pct.into_iter().chain(e.loading_max_pct).reduce(f64::max);
        }
        for n in &result.nodes {
            for (kind, h) in [(Kind::LowVoltage, n.hours_below_a), (Kind::HighVoltage, n.hours_above_a)] {
                if h > 0.0 {
                    hours.insert((n.node.to_string(), kind), h);
                }
            }
        }
        let t = &result.totals;
        Self { hours, losses_kwh: t.losses_kwh, v_min_pu: t.v_min_pu, v_max_pu: t.v_max_pu, loading_max_pct, unsettled: t.unsettled }
    }

    /// All hours of violation.
    pub fn total_h(&self) -> f64 {
        // In one order, so that the sum is the same however the table lies in memory.
        let mut all: Vec<f64> = self.hours.values().copied().collect();
        all.sort_by(f64::total_cmp);
        all.iter().sum()
    }
}

/// A change, and what it brings.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub fix: Fix,
    pub words: String,
    pub cost: f64,
    /// Clusters for which it was proposed.
    pub proposed_for: Vec<usize>,
    /// Hours that it takes from each cluster.
    pub mended_h: Vec<f64>,
    /// Hours of violation that it makes, or adds.
    pub new_h: f64,
    pub course: Course,
}

impl Candidate {
    /// Hours of violation that go less those that come.
    pub fn benefit_h(&self) -> f64 {
        self.mended_h.iter().sum::<f64>() - self.new_h
    }

    /// Cost of an hour; none where it brings none.
    pub fn cost_per_h(&self) -> Option<f64> {
        (self.benefit_h() > 0.0).then(|| self.cost / self.benefit_h())
    }
}

/// What to do, solved as one network.
#[derive(Clone, Debug)]
pub struct Portfolio {
    /// Places among the candidates, in their ranking.
    pub chosen: Vec<usize>,
    pub cost: f64,
    /// Hours that the chosen ones take one by one, added up as far as clusters have them.
    pub expected_h: f64,
    /// Every set that fits the budget was solved, and none is better.
    pub is_best: bool,
    pub course: Course,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Mitigation {
    pub base: Course,
    pub violations: Vec<Violation>,
    pub clusters: Vec<Cluster>,
    /// The least cost for an hour first; those that bring nothing last.
    pub candidates: Vec<Candidate>,
    /// Changes that come to mind and have no figure in the catalogue: name of the figure and of how many.
    pub without_cost: Vec<(&'static str, usize)>,
    pub portfolio: Option<Portfolio>,
}

/// Runs a network through the series.
fn course(network: &Network, options: &MitigationOptions) -> Result<(Course, FeederResult), MitigationError> {
    let mut state = Session::new().series_state(network, true)?;
    let mut go_on = |_: u32| ControlFlow::Continue(());
    let result = run_feeder(&mut state, &options.series, &mut go_on, &mut |_| ControlFlow::Continue(()))?;
    Ok((Course::of(&result), result))
}

/// Hours that a course takes from each cluster, and those that it makes.
fn effect(base: &Course, clusters: &[Cluster], violations: &[Violation], after: &Course) -> (Vec<f64>, f64) {
    let at = |c: &Course, key: &(String, Kind)| c.hours.get(key).copied().unwrap_or(0.0);
    let mended = clusters
        .iter()
        .map(|c| {
            let gone = |&v: &usize| {
                let key = (violations[v].thing.clone(), violations[v].kind);
                (at(base, &key) - at(after, &key)).max(0.0)
            };
            c.violations.iter().map(gone).sum()
        })
        .collect();
    let mut new: Vec<f64> = after.hours.iter().map(|(key, h)| (h - at(base, key)).max(0.0)).collect();
    new.sort_by(f64::total_cmp);
    (mended, new.iter().sum())
}

/// Finds, solves and ranks changes, and chooses a portfolio.
///
/// # Inputs
/// * `network` - its options are those of the series ([`TimeSeriesOptions::apply`]).
/// * `watch` - is told how many of how many series are done.
///
/// # Errors
/// A circuit that cannot be factored, options that no run can have.
pub fn run(network: &Network, options: &MitigationOptions, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<Mitigation, MitigationError> {
    let (base, result) = course(network, options)?;
    let violations = clusters::violations(network, &result);
    let clusters = clusters::clusters(network, &violations);
    let found = candidates::propose(network, &result, &violations, &clusters, options);
    let total = found.fixes.len() + 1;
    watch(1, total);
    let done = std::sync::atomic::AtomicUsize::new(1);
    let solve = |fix: &Fix| -> Result<Option<Course>, MitigationError> {
        let mut changed = network.clone();
        let is_made = fix.apply(&mut changed);
        let found = if is_made { Some(course(&changed, options)?.0) } else { None };
        watch(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
        Ok(found)
    };
    let courses = options
        .hands
        .map(found.fixes.len(), |part| part.iter().map(|&i| solve(&found.fixes[i].fix)).collect::<Result<Vec<_>, MitigationError>>())?;
    let mut candidates: Vec<Candidate> = found
        .fixes
        .into_iter()
        .zip(courses)
        .filter_map(|(p, course)| {
            let course = course?;
            let (mended_h, new_h) = effect(&base, &clusters, &violations, &course);
            Some(Candidate { words: p.fix.words(network), fix: p.fix, cost: p.cost, proposed_for: p.clusters, mended_h, new_h, course })
        })
        // A network that settles less often than before has no hours to compare.
        .filter(|c| c.course.unsettled <= base.unsettled)
        .collect();
    candidates.sort_by(|a, b| {
        let key = |c: &Candidate| c.cost_per_h().unwrap_or(f64::INFINITY);
        key(a).total_cmp(&key(b)).then(b.benefit_h().total_cmp(&a.benefit_h())).then_with(|| a.words.cmp(&b.words))
    });
    let portfolio = portfolio::choose(network, &base, &clusters, &candidates, options)?;
    Ok(Mitigation { base, violations, clusters, candidates, without_cost: found.without_cost, portfolio })
}

/// The network with the changes of a portfolio.
pub fn changed(network: &Network, mitigation: &Mitigation) -> Option<Network> {
    let portfolio = mitigation.portfolio.as_ref()?;
    let mut changed = network.clone();
    portfolio.chosen.iter().for_each(|&c| {
        mitigation.candidates[c].fix.apply(&mut changed);
    });
    Some(changed)
}
