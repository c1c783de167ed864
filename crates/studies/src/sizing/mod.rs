//! How many of which units, and how strong the switchgear: the least life-cycle cost with which every study passes.
//!
//! ```text
//!            ┌──────────────────── clauses: what else must fail with it ◄────────────────────┐
//!            ▼                                                                               │
//! SizingBrief ─► mixed-integer programme ─► counts and classes ─► Design ─► own studies ─► acceptance
//!                    │ none: proven infeasible                                               │ all pass
//!                    ▼                                                                       ▼
//!              what would have to give                                               the cheapest plant
//! ```
//!
//! A designer's round is the same: size by rules of thumb, study, look what failed, change. Here the failures become constraints by themselves. A clause
//! excludes only plants that fail too ([`learn`] says why), so the first plant that passes is a cheapest one, and where the programme has no answer any more
//! there is no plant: both are proofs, as far as the studies answer to more and less as `learn` says they do.

mod blocks;
mod learn;
mod plant;
mod problem;
mod programme;

pub use learn::Failure;
pub use problem::{Chosen, LifeCycleCost};
pub use programme::Family;

use crate::acceptance::{Acceptance, ConstraintUpdate, Verdict};
use crate::table::{Column, Table, Value, count, number, text};
use learn::{Judged, Teacher, study};
use network::Diagnostic;
use network::design::Design;
use network::design::criteria::Criteria;
use network::design::sizing::SizingBrief;
use problem::{Problem, What};
use programme::{Bound, Clause, has_capacity, solve};
use serde::Serialize;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizingOptions {
    /// Rounds at most.
    pub rounds_max: usize,
}

impl Default for SizingOptions {
    fn default() -> Self {
        Self { rounds_max: 200 }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SizingStatus {
    /// The last round passes everything at least cost.
    AllPass,
    /// No plant of the brief passes.
    Infeasible,
    /// Rounds ran out, or the caller stopped it.
    Unsettled,
}

/// A stage's verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageVerdict {
    pub id: &'static str,
    pub title: &'static str,
    pub verdict: Verdict,
}

/// A plant that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// 0 is the first layout's design as it was given.
    pub number: usize,
    pub layout: String,
    /// Empty of round 0.
    pub chosen: Vec<Chosen>,
    /// Absent of round 0: what stands beyond the choices has no price.
    pub cost: Option<LifeCycleCost>,
    pub verdict: Verdict,
    pub stages: Vec<StageVerdict>,
    pub failures: Vec<Failure>,
    /// What the criteria propose to change.
    pub updates: Vec<ConstraintUpdate>,
    /// What the next rounds have to have otherwise, in words.
    pub learned: Vec<Learned>,
}

/// A constraint that a failure became.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learned {
    pub family: Family,
    pub words: String,
}

/// What would have to give where no plant passes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relaxation {
    pub without: Family,
    /// Least life-cycle cost then, by what was learned; absent where there is no plant either.
    pub cost: Option<f64>,
    pub chosen: Vec<Chosen>,
}

/// The end of the search.
#[derive(Clone, Debug, Serialize)]
pub struct Sizing {
    pub status: SizingStatus,
    pub rounds: Vec<Round>,
    /// The plant that passes, with its studies judged.
    pub design: Option<Design>,
    pub acceptance: Option<Acceptance>,
    /// Where no plant passes.
    pub relaxations: Vec<Relaxation>,
    pub findings: Vec<Diagnostic>,
}

/// Sizes a plant.
///
/// # Inputs
/// * `brief` - its layouts have their designs; `criteria` - checked; `progress` - told of each round, false stops.
///
/// # Errors
/// What is wrong with the brief, all at once; a design that it makes and that cannot be studied; the solver's own words where it gives up.
pub fn run(
    brief: &SizingBrief,
    criteria: &Criteria,
    options: &SizingOptions,
    mut progress: impl FnMut(&Round) -> bool,
) -> Result<Sizing, Vec<Diagnostic>> {
    let problem = Problem::new(brief, &criteria.system_block)?;
    let teacher = Teacher::new(&problem, criteria);
    let mut sizing = Sizing {
        status: SizingStatus::Unsettled,
        rounds: Vec::new(),
        design: None,
        acceptance: None,
        relaxations: Vec::new(),
        findings: Vec::new(),
    };
    if let Some(ground) = problem.grounds.first() {
        // Where the designer stands: it teaches nothing, as its blocks may say other than megawatts do.
        let judged = study(brief, ground.design, criteria)?;
        sizing.rounds.push(round(0, &ground.layout.id, Vec::new(), None, &judged, Vec::new()));
        if sizing.rounds.last().is_some_and(|r| !progress(r)) {
            return Ok(sizing);
        }
    }
    let mut clauses: Vec<Clause> = Vec::new();
    for number in 1..=options.rounds_max {
        let solver = |reason: String| {
            let what = Diagnostic::error("EXCHANGE.SIZING.SOLVER", "the programme could not be solved").element("sizing");
            vec![what.detail(format!("{reason}.")).hint("make the ranges of units smaller; tell us of the brief, as this should not be")]
        };
        let Some(choice) = solve(&problem, &clauses, None).map_err(solver)? else {
            sizing.status = SizingStatus::Infeasible;
            sizing.relaxations = relaxations(&problem, &clauses).map_err(solver)?;
            return Ok(sizing);
        };
        if !has_capacity(&problem, &choice) || !clauses.iter().all(|c| c.holds(&choice)) {
            return Err(solver("its answer breaks its own constraints".to_owned()));
        }
        let design = problem.build(&choice)?;
        let judged = study(brief, &design, criteria)?;
        let new = if judged.failures.is_empty() { Vec::new() } else { teacher.clauses(&choice, &judged) };
        let learned = new.iter().map(|c| Learned { family: c.family, words: words(&problem, c) }).collect();
        let layout = &problem.grounds[choice.layout].layout.id;
        sizing.rounds.push(round(number, layout, problem.words(&choice), Some(problem.cost(&choice)), &judged, learned));
        let goes_on = sizing.rounds.last().is_some_and(&mut progress);
        if judged.failures.is_empty() {
            sizing.status = SizingStatus::AllPass;
            sizing.design = Some(design);
            sizing.acceptance = Some(judged.acceptance);
            sizing.findings = judged.own.findings;
            return Ok(sizing);
        }
        if !goes_on {
            return Ok(sizing);
        }
        clauses.extend(new);
    }
    let what = format!("no plant passed in {} rounds", options.rounds_max);
    let hint = "what failed last stands in the rounds; allow more rounds, or give the brief what is missing";
    sizing.findings.push(Diagnostic::warning("EXCHANGE.SIZING.ROUNDS", what).element("sizing").hint(hint));
    Ok(sizing)
}

fn round(number: usize, layout: &str, chosen: Vec<Chosen>, cost: Option<LifeCycleCost>, judged: &Judged, learned: Vec<Learned>) -> Round {
    let stages = judged.acceptance.stages.iter();
    Round {
        number,
        layout: layout.to_owned(),
        chosen,
        cost,
        verdict: if judged.own.is_incomplete() { Verdict::Fail } else { judged.acceptance.overall },
        stages: stages.map(|s| StageVerdict { id: s.id, title: s.title, verdict: s.verdict }).collect(),
        failures: judged.failures.clone(),
        updates: judged.acceptance.updates.clone(),
        learned,
    }
}

/// For each kind of constraint, the cheapest plant without it.
fn relaxations(problem: &Problem<'_>, clauses: &[Clause]) -> Result<Vec<Relaxation>, String> {
    let mut families: Vec<Family> = clauses.iter().map(|c| c.family).chain([Family::Capacity]).collect();
    families.sort_unstable();
    families.dedup();
    let mut found = Vec::new();
    for without in families {
        let choice = solve(problem, clauses, Some(without))?;
        found.push(Relaxation {
            without,
            cost: choice.as_ref().map(|c| problem.cost(c).total),
            chosen: choice.as_ref().map(|c| problem.words(c)).unwrap_or_default(),
        });
    }
    Ok(found)
}

/// Things of a clause that are named.
const WORDS: usize = 4;

fn words(problem: &Problem<'_>, clause: &Clause) -> String {
    let one = |&(v, bound): &(usize, Bound)| {
        let is_count = matches!(problem.variables[v].what, What::Units(_));
        let (least, b) = match bound {
            Bound::AtLeast(b) => (true, b),
            Bound::AtMost(b) => (false, b),
        };
        let chosen = problem.chosen(v, b);
        let unit = if is_count { String::new() } else { format!(" {}", chosen.unit) };
        format!("{} {} {}{unit}", chosen.id, if least { "at least" } else { "at most" }, chosen.value)
    };
    let mut any: Vec<String> = clause.any.iter().take(WORDS).map(one).collect();
    if clause.any.len() > WORDS {
        any.push(format!("one of {} other things otherwise", clause.any.len() - WORDS));
    }
    let layout = clause.layout.map(|l| problem.grounds[l].layout.id.as_str());
    match (layout, any.is_empty()) {
        (Some(layout), true) => format!("no plant of the layout {layout} passes"),
        (Some(layout), false) => format!("in {layout}: {}", any.join(", or ")),
        (None, _) => any.join(", or "),
    }
}

const ROUNDS: &[Column] = &[
    count("round", "0 is the design as it was given"),
    text("layout", "layout of the brief"),
    text("chosen", "units and classes"),
    number("cost", "currency", "life-cycle cost, present value"),
    number("capital", "currency", "bought, present value"),
    number("fixed", "currency", "fixed cost, present value"),
    number("energy", "currency", "energy, present value"),
    text("verdict", "all stages together"),
    text("failed", "metrics that are not good enough, with value and limit"),
    text("learned", "what the next rounds have to have otherwise"),
];

impl Sizing {
    /// The rounds as a table.
    pub fn table(&self) -> Table {
        let row = |r: &Round| {
            let chosen: Vec<String> = r.chosen.iter().map(|c| format!("{} {}", c.id, c.value)).collect();
            let failed: Vec<String> = r.failures.iter().map(Failure::to_string).collect();
            let learned: Vec<&str> = r.learned.iter().map(|l| l.words.as_str()).collect();
            let cost = |of: fn(&LifeCycleCost) -> f64| Value::maybe(r.cost.as_ref().map(of));
            vec![
                Value::Count(r.number as u64),
                Value::text(&r.layout),
                Value::text(chosen.join(", ")),
                cost(|c| c.total),
                cost(|c| c.capital),
                cost(|c| c.fixed),
                cost(|c| c.energy),
                Value::text(r.verdict.word()),
                Value::text(failed.join("; ")),
                Value::text(learned.join("; ")),
            ]
        };
        Table {
            name: "sizing_rounds",
            meaning: "plants that were tried, and what each taught",
            columns: ROUNDS,
            rows: self.rounds.iter().map(row).collect(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.stage, self.metric)?;
        if !self.subject.is_empty() {
            write!(f, " of {}", self.subject)?;
        }
        if !self.scenario_id.is_empty() {
            write!(f, " in {}", self.scenario_id)?;
        }
        if let Some(v) = self.value {
            // An availability needs its digits.
            let digits = if (0.9..1.0).contains(&v) { 6 } else { 2 };
            write!(f, ": {v:.digits$}")?;
            if !self.unit.is_empty() {
                write!(f, " {}", self.unit)?;
            }
            if let Some(limit) = self.limit {
                write!(f, ", limit {limit}")?;
            }
        }
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

#[cfg(test)]
mod tests;
