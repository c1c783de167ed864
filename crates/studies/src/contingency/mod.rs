//! Contingencies: what becomes of a network without each of its elements, and without pairs of them.
//!
//! ```text
//! moments ─► settled bases ─► Operator ─► each outage: open or take out, solve, judge ─► worst first
//!                                              └─► restoration over open switches (switching::restore)
//! ```
//!
//! Every outage is solved whole; nothing is screened out. Taps and banks begin where they stood before, controls act as the model says, so the answer
//! is the network after its controls have come to rest. A transmission case goes through [`transmission`] with the same rows.
//!
//! Methods and limits: `docs/methods/contingency.md`.

pub mod list;
pub mod tables;
pub mod transmission;

use crate::hands::{Hands, HandsError};
use crate::hosting::criteria::{Criteria, Criterion};
use crate::hosting::hours::{Bases, Moment};
use crate::hosting::options::{HostingError, HostingOptions, Hours, SeriesOf};
use crate::hosting::sense::Sensors;
use crate::switching::isolate::{Isolation, isolate};
use crate::switching::operator::{CRITERIA, Condition, Operator};
use crate::switching::restore::{Restoration, RestoreOptions, restore};
use network::{ElementId, SolutionMode};
use powerflow::{CircuitError, State, Unsettled};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

pub use list::Selection;

/// At which moments outages are studied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The model's own operating point.
    Snapshot,
    /// The step of the series at which the sources deliver most.
    Peak,
    /// The steps at which net load, voltages and loadings are extreme.
    Binding,
    /// These steps, from 1.
    Steps(Vec<u32>),
}

/// The series that steps belong to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    pub mode: SolutionMode,
    pub steps: u32,
    pub step_h: f64,
}

/// What outages are asked.
#[derive(Clone, Debug)]
pub struct ContingencyOptions {
    pub selection: Selection,
    /// Pairs of the outages selected, those first whose members are worst alone; none with 0.
    pub pairs: u32,
    pub criteria: Criteria,
    /// The limits of voltages were asked for: buses' own, as transmission cases have them, do not count.
    pub own_voltage_limits: bool,
    /// Loadings count from emergency ratings.
    pub emergency: bool,
    pub isolation: Isolation,
    /// Search how to supply what an outage parts.
    pub restore: Option<RestoreOptions>,
    pub hands: Hands,
}

/// Why a study did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContingencyError {
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error("the power flow before any outage does not settle{}", at.map_or(String::new(), |s| format!(" at step {s}")))]
    Unsettled { at: Option<u32>, evidence: Option<Box<Unsettled>> },
    #[error("the model has no element \"{name}\"")]
    UnknownElement { name: String },
    #[error("the series has {steps} steps, and step {step} was asked for")]
    UnknownStep { step: u32, steps: u32 },
    #[error("{what} is {value}; it has to be {expected}")]
    Option { what: &'static str, value: f64, expected: &'static str },
    #[error("nothing of what was selected carries current in this model")]
    Nothing,
    #[error("the transmission case has no power flow before any outage")]
    Unsolved(Vec<network::Diagnostic>),
    #[error(transparent)]
    Hands(#[from] HandsError),
}

/// A moment with its settled state.
#[derive(Clone, Debug)]
pub struct At {
    pub moment: Moment,
    pub why: Vec<&'static str>,
    pub state: State,
}

impl At {
    /// `snapshot`, or the step with its hour.
    pub fn label(&self) -> String {
        label(&self.moment)
    }
}

fn label(moment: &Moment) -> String {
    moment.step.map_or_else(|| "snapshot".to_owned(), |s| format!("step {s}"))
}

/// Solves the moments.
///
/// # Inputs
/// * `start` - prepared by [`powerflow::Session::series_state`]: of a snapshot, or at the beginning of the series.
///
/// # Errors
/// Steps that the series does not have; a moment that does not settle; a circuit that cannot be factored.
pub fn moments(start: State, when: &When, series: Series) -> Result<Vec<At>, ContingencyError> {
    let hours = match when {
        When::Snapshot => Hours::Snapshot,
        When::Peak | When::Binding => Hours::Binding,
        When::Steps(steps) => Hours::Chosen(steps.clone()),
    };
    let options = HostingOptions {
        hours,
        series: SeriesOf { mode: series.mode, steps: series.steps, step_h: series.step_h },
        ..HostingOptions::default()
    };
    let mut built = start.clone();
    built.refresh()?;
    let sensors = Sensors::new(&mut built)?;
    let (bases, chosen) = Bases::new(start, &sensors, &options).map_err(|e| match e {
        HostingError::Circuit(e) => ContingencyError::Circuit(e),
        HostingError::UnknownStep { step, steps } => ContingencyError::UnknownStep { step, steps },
        HostingError::Unsettled(evidence) => ContingencyError::Unsettled { at: None, evidence: Some(evidence) },
        // The options above ask for nothing else that could be refused.
        _ => ContingencyError::Nothing,
    })?;
    let Bases::Kept(kept) = bases else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for ((moment, state), chosen) in kept.into_iter().zip(chosen) {
        let is_wanted = *when != When::Peak || chosen.why.contains(&"highest net load");
        match state {
            Some(state) if is_wanted => found.push(At { moment, why: chosen.why, state }),
            None if is_wanted => return Err(ContingencyError::Unsettled { at: moment.step, evidence: None }),
            _ => {}
        }
    }
    Ok(found)
}

/// An outage at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseAt {
    pub moment: String,
    /// After isolation and controls, nothing transferred.
    pub condition: Condition,
    pub restoration: Option<Restoration>,
    /// What had to be assumed, such as another swing bus.
    pub note: String,
}

impl CaseAt {
    /// The network in the end: restored, where that was searched.
    pub fn end(&self) -> &Condition {
        self.restoration.as_ref().map_or(&self.condition, |r| &r.restored)
    }
}

/// An outage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    pub elements: Vec<ElementId>,
    pub name: String,
    pub at: Vec<CaseAt>,
}

impl Case {
    /// The moment at which the outage is worst.
    pub fn worst(&self) -> Option<&CaseAt> {
        self.at.iter().min_by(|a, b| severity(a.end(), b.end()))
    }
}

/// Graver first: no solution, power unserved, limits crossed farther, loading, voltage.
pub fn severity(a: &Condition, b: &Condition) -> Ordering {
    let unsolved = |c: &Condition| !matches!(c.solved, crate::switching::Solved::Yes | crate::switching::Solved::Dead);
    let excess = |c: &Condition| c.violations.iter().map(|v| v.excess()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let loading = |c: &Condition| [c.line_pct, c.transformer_pct].iter().flatten().map(|x| x.0).fold(0.0, f64::max);
    unsolved(b)
        .cmp(&unsolved(a))
        .then(((b.unserved_kw * 1e3).round()).total_cmp(&(a.unserved_kw * 1e3).round()))
        .then(excess(b).total_cmp(&excess(a)))
        .then(loading(b).total_cmp(&loading(a)))
}

/// What was found of all outages.
#[derive(Clone, Debug)]
pub struct ContingencyResult {
    /// Moments with the network before any outage.
    pub base: Vec<(String, Vec<&'static str>, Condition)>,
    /// Worst first.
    pub cases: Vec<Case>,
    /// Pairs that there are among the outages selected.
    pub n_pairs: usize,
    pub n_solved: u64,
    pub is_transmission: bool,
}

/// Studies outages of a distribution network at settled moments.
///
/// # Returns
/// The same answers whatever the number of threads.
///
/// # Errors
/// As [`ContingencyError`].
pub fn run(moments: &[At], options: &ContingencyOptions) -> Result<ContingencyResult, ContingencyError> {
    check(&options.criteria)?;
    let Some(first) = moments.first() else { return Err(ContingencyError::Nothing) };
    let network = std::sync::Arc::clone(first.state.circuit().network());
    let singles = list::singles(&first.state, &options.selection)?;
    let operators: Vec<(String, Operator)> = moments
        .iter()
        .map(|m| Ok((m.label(), Operator::new(&m.state, &options.criteria, options.emergency)?)))
        .collect::<Result<_, CircuitError>>()?;
    let solve = |outages: &[Vec<ElementId>]| -> Result<Vec<(Case, u64)>, ContingencyError> {
        options.hands.map(outages.len(), |part| {
            let mut operators = operators.clone();
            part.iter().map(|&k| Ok(one(&mut operators, &outages[k], options, &network)?)).collect()
        })
    };
    let mut answers = solve(&singles.iter().map(|&id| vec![id]).collect::<Vec<_>>())?;
    let n = singles.len();
    let n_pairs = n * n.saturating_sub(1) / 2;
    if options.pairs > 0 {
        let pairs = list::pairs(&answers.iter().map(|a| &a.0).collect::<Vec<_>>(), options.pairs as usize);
        answers.extend(solve(&pairs)?);
    }
    let n_solved = answers.iter().map(|a| a.1).sum();
    let mut cases: Vec<Case> = answers.into_iter().map(|a| a.0).collect();
    sort(&mut cases);
    let base = moments.iter().zip(&operators).map(|(m, (label, o))| (label.clone(), m.why.clone(), (*o.base_condition).clone())).collect();
    Ok(ContingencyResult { base, cases, n_pairs, n_solved, is_transmission: false })
}

fn sort(cases: &mut [Case]) {
    cases.sort_by(|a, b| match (a.worst(), b.worst()) {
        (Some(x), Some(y)) => severity(x.end(), y.end()).then_with(|| a.name.cmp(&b.name)),
        (x, y) => y.is_some().cmp(&x.is_some()),
    });
}

/// Refuses criteria that these studies do not look at, and limits that are no numbers.
///
/// # Errors
/// [`ContingencyError::Option`].
pub fn check(criteria: &Criteria) -> Result<(), ContingencyError> {
    for (c, limit) in criteria.iter().filter(|(c, _)| *c != Criterion::Solution) {
        if !CRITERIA.contains(&c) {
            return Err(ContingencyError::Option { what: c.name(), value: limit, expected: "left out: outages are not judged by it" });
        }
        if !(limit.is_finite() && limit > 0.0) {
            return Err(ContingencyError::Option { what: c.name(), value: limit, expected: "a number above zero" });
        }
    }
    Ok(())
}

fn one(
    operators: &mut [(String, Operator)],
    elements: &[ElementId],
    options: &ContingencyOptions,
    network: &network::Network,
) -> Result<(Case, u64), CircuitError> {
    let mut n_solved = 0;
    let mut at = Vec::with_capacity(operators.len());
    for (moment, operator) in operators {
        let (condition, restoration) = match &options.restore {
            Some(of_restoring) => {
                let r = restore(operator, elements, &RestoreOptions { isolation: options.isolation, ..of_restoring.clone() })?;
                n_solved += r.n_solved;
                (r.isolated.clone(), Some(r))
            }
            None => {
                let switches = crate::switching::Switches::Marked;
                let isolated = isolate(operator, elements, options.isolation, switches)?;
                let operations = isolated.operations();
                n_solved += 1;
                let condition = match isolated.operator {
                    Some(mut o) => o.ask_certified(&operations)?.0,
                    None => operator.judge().all_out(),
                };
                (condition, None)
            }
        };
        at.push(CaseAt { moment: moment.clone(), condition, restoration, note: String::new() });
    }
    Ok((Case { elements: elements.to_vec(), name: list::name(network, elements), at }, n_solved))
}
