//! What a plant that failed a study says of others: clauses of the programme.
//!
//! Let a plant with values x fail. What follows depends on how the study answers to change; each claim excludes only plants that fail too.
//!
//! * **Availability** does not fall with another unit or spare: the same structure works in every state in which it worked before. All plants of the layout
//!   with at most x units of each kind fail.
//! * **Duty of breakers** does not fall with another source, a larger transformer or more cables in parallel, each of which lowers the impedance seen from
//!   every bus, and falls with the breaker's class. All plants with at least x of these and at most this class fail.
//! * **A machine or feeder of a unit overloaded, no solution, too little power**: fewer units leave more to each. All plants with at most x units and the same classes fail.
//! * **Voltages, angles, X/R, loading elsewhere** follow no such rule: this plant alone is excluded.
//!
//! A clause says "one of these has to be otherwise". Before it is written the plant is moved towards passing, one kind of unit after the other as far as it
//! still fails: from there the clause excludes more.

use super::plant::UnitKind;
use super::problem::{Choice, Problem, What, is_of_level};
use super::programme::{Bound, Clause, Family};
use crate::acceptance::{Acceptance, Verdict, judge};
use crate::availability::{ExactOptions, analyse};
use crate::design_study::{self, OwnStudies};
use network::design::Design;
use network::design::criteria::Criteria;
use network::design::results::Results;
use network::design::sizing::SizingBrief;
use network::{Diagnostic, Severity};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::HashMap;

/// A metric of a study that is not good enough, or a study without an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Stage of the criteria: `1`, `2a`, `2b`, `2c`, `3`.
    pub stage: &'static str,
    pub metric: String,
    pub unit: &'static str,
    /// Bus, block or unit that governs.
    pub subject: String,
    pub scenario_id: String,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// In a sentence, where figures do not say it.
    pub words: String,
}

pub(super) struct Judged {
    pub own: OwnStudies,
    pub acceptance: Acceptance,
    pub failures: Vec<Failure>,
}

fn is_bad(verdict: Verdict, brief: &SizingBrief) -> bool {
    verdict == Verdict::Fail || verdict == Verdict::NotRun || (verdict == Verdict::Warning && !brief.requirements.accept_warnings)
}

/// All studies of a design, judged.
///
/// # Errors
/// What makes a scenario impossible.
pub(super) fn study(brief: &SizingBrief, design: &Design, criteria: &Criteria) -> Result<Judged, Vec<Diagnostic>> {
    let own = design_study::run(design, Some(criteria.ram.availability_min))?;
    let acceptance = judge(design, &own.results, criteria);
    let mut failures = Vec::new();
    for stage in &acceptance.stages {
        for m in stage.metrics.iter().filter(|m| is_bad(m.verdict, brief)) {
            failures.push(Failure {
                stage: stage.id,
                metric: m.name.to_owned(),
                unit: m.unit,
                subject: m.governing.as_ref().map(|g| g.subject.clone()).unwrap_or_default(),
                scenario_id: m.governing.as_ref().map(|g| g.scenario_id.clone()).unwrap_or_default(),
                value: m.value,
                limit: m.limit_value,
                words: String::new(),
            });
        }
        if stage.metrics.is_empty() {
            failures.push(words(stage.id, "not_run", String::new(), "the study has no answer".to_owned()));
        }
    }
    for d in own.findings.iter().filter(|d| d.severity == Severity::Error) {
        let stage = match () {
            () if d.code.split('.').nth(1) == Some("STUDY") => "2a",
            () if d.code.starts_with("RAM") => "3",
            () => "2b",
        };
        failures.push(words(stage, &d.code, d.element.clone().unwrap_or_default(), d.message.clone()));
    }
    Ok(Judged { own, acceptance, failures })
}

fn words(stage: &'static str, metric: &str, subject: String, words: String) -> Failure {
    Failure { stage, metric: metric.to_owned(), unit: "", subject, scenario_id: String::new(), value: None, limit: None, words }
}

/// Judges plants by one study at a time, and remembers.
pub(super) struct Teacher<'p, 'b> {
    pub problem: &'p Problem<'b>,
    pub criteria: &'p Criteria,
    available: RefCell<HashMap<Choice, Option<bool>>>,
    faults: RefCell<HashMap<Choice, Option<Vec<String>>>>,
    flows: RefCell<HashMap<Choice, Option<bool>>>,
}

impl<'p, 'b> Teacher<'p, 'b> {
    pub fn new(problem: &'p Problem<'b>, criteria: &'p Criteria) -> Self {
        Self { problem, criteria, available: RefCell::default(), faults: RefCell::default(), flows: RefCell::default() }
    }

    fn judged(&self, design: &Design, results: &Results, stage: &str, metric: Option<&str>) -> Vec<String> {
        let acceptance = judge(design, results, self.criteria);
        let Some(found) = acceptance.stage(stage) else { return Vec::new() };
        let metrics = found.metrics.iter().filter(|m| metric.is_none_or(|name| m.name == name) && is_bad(m.verdict, self.problem.brief));
        let rows = metrics.flat_map(|m| {
            let warned = if self.problem.brief.requirements.accept_warnings { &[][..] } else { &m.warned[..] };
            m.failed.iter().chain(warned)
        });
        // "BUS_200 3-Phase" is of BUS_200.
        rows.map(|r| r.subject.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    /// Whether the availability is not good enough; `None` where it cannot be told.
    pub(super) fn is_unavailable(&self, choice: &Choice) -> Option<bool> {
        if let Some(known) = self.available.borrow().get(choice) {
            return *known;
        }
        let found = self.problem.build(choice).ok().and_then(|design| {
            let options = ExactOptions {
                target_availability: Some(self.criteria.ram.availability_min),
                importance: false,
                cut_set_order: 1,
                cut_sets_max: 1,
                ..ExactOptions::default()
            };
            let exact = analyse(&design_study::diagram(&design), &options).ok()?;
            let results = Results { ram: Some(design_study::ram_rows(&exact)), ..Results::default() };
            Some(!self.judged(&design, &results, "3", None).is_empty())
        });
        self.available.borrow_mut().insert(choice.clone(), found);
        found
    }

    /// Buses at which breakers do not suffice; `None` where it cannot be told.
    pub(super) fn overstressed(&self, choice: &Choice) -> Option<Vec<String>> {
        if let Some(known) = self.faults.borrow().get(choice) {
            return known.clone();
        }
        let found = self.problem.build(choice).ok().and_then(|design| {
            let rows = design_study::short_circuit_rows(&design)?;
            let results = Results { short_circuit: Some(rows), ..Results::default() };
            Some(self.judged(&design, &results, "2b", Some("duty_pct")))
        });
        self.faults.borrow_mut().insert(choice.clone(), found.clone());
        found
    }

    /// Whether some scenario has no solution, or a machine beyond its rating; `None` where it cannot be told.
    fn is_overrun(&self, choice: &Choice) -> Option<bool> {
        if let Some(known) = self.flows.borrow().get(choice) {
            return *known;
        }
        let found = self.problem.build(choice).ok().and_then(|design| design_study::is_overrun(&design).ok());
        self.flows.borrow_mut().insert(choice.clone(), found);
        found
    }

    /// Moves one variable after the other, beginning with the `first`, as far as the plant still fails. The answer has to be monotone in each.
    fn lifted(&self, from: &Choice, movable: &[usize], up: bool, first: usize, fails: impl Fn(&Choice) -> bool) -> Choice {
        let mut at = from.clone();
        for i in 0..movable.len() {
            let v = movable[(first + i) % movable.len()];
            let bounds = &self.problem.variables[v];
            let (mut sure, mut limit) = (at.values[v], if up { bounds.max } else { bounds.min });
            while sure != limit {
                // Beyond the middle towards the limit, so that the last step ends.
                let middle = if up { sure + (limit - sure).div_ceil(2) } else { sure - (sure - limit).div_ceil(2) };
                let mut tried = at.clone();
                tried.values[v] = middle;
                if fails(&tried) {
                    sure = middle;
                } else {
                    limit = if up { middle - 1 } else { middle + 1 };
                }
            }
            at.values[v] = sure;
        }
        at
    }

    fn beyond(&self, at: &Choice, movable: &[usize], up: bool) -> Vec<(usize, Bound)> {
        let matters = |v: &&usize| self.problem.matters(at, **v);
        let bound = |&v: &usize| {
            let (value, b) = (at.values[v], &self.problem.variables[v]);
            match up {
                true => (value < b.max).then(|| (v, Bound::AtLeast(value + 1))),
                false => (value > b.min).then(|| (v, Bound::AtMost(value.saturating_sub(1)))),
            }
        };
        movable.iter().filter(matters).filter_map(bound).collect()
    }

    fn variables(&self, is: impl Fn(What) -> bool) -> Vec<usize> {
        (0..self.problem.variables.len()).filter(|&v| is(self.problem.variables[v].what)).collect()
    }

    /// Clauses from a plant that failed. At least one excludes the plant itself.
    pub fn clauses(&self, choice: &Choice, judged: &Judged) -> Vec<Clause> {
        let mut found: Vec<Clause> = Vec::new();
        let mut push = |family, any| {
            let clause = Clause { family, layout: Some(choice.layout), any };
            if !found.contains(&clause) {
                found.push(clause);
            }
        };
        let of = |stage: &str| judged.failures.iter().any(|f| f.stage == stage);
        if of("3") {
            let movable = self.problem.units(|_| true);
            let fails = |c: &Choice| self.is_unavailable(c) == Some(true);
            if fails(choice) {
                for first in 0..movable.len() {
                    let at = self.lifted(choice, &movable, true, first, fails);
                    push(Family::Availability, self.beyond(&at, &movable, true));
                }
            } else {
                push(Family::Availability, self.otherwise(choice, |_| true));
            }
        }
        if judged.failures.iter().any(|f| f.stage == "2b" && f.metric == "duty_pct") {
            let levels = self.variables(|w| matches!(w, What::Breakers(_)));
            let mut movable = self.problem.units(|k| k != UnitKind::Transformer);
            movable.extend(self.problem.units(|k| k == UnitKind::Transformer));
            movable.extend(self.variables(|w| matches!(w, What::Transformers(_) | What::Cables(_))));
            for any in self.fault_clauses(choice, &movable, &levels) {
                push(Family::FaultLevel, any);
            }
        }
        if judged.failures.iter().any(|f| f.stage == "2b" && f.metric != "duty_pct") {
            push(Family::FaultLevel, self.otherwise(choice, |w| !matches!(w, What::Breakers(_) | What::Tap(_))));
        }
        let overrun = |f: &Failure| f.stage == "1" || (f.stage == "2a" && f.value.is_none());
        if judged.failures.iter().any(overrun) {
            let movable = self.problem.units(|k| k != UnitKind::Transformer);
            let classes = self.variables(|w| matches!(w, What::Transformers(_) | What::Cables(_) | What::Tap(_)));
            let fails = |c: &Choice| self.is_overrun(c) == Some(true);
            let at = if fails(choice) { self.lifted(choice, &movable, true, 0, fails) } else { choice.clone() };
            let mut any = self.beyond(&at, &movable, true);
            any.extend(self.beyond(&at, &self.problem.units(|k| k == UnitKind::Transformer), true));
            any.extend(self.beyond(&at, &classes, true));
            any.extend(self.beyond(&at, &classes, false));
            push(Family::LoadFlow, any);
        }
        if judged.failures.iter().any(|f| ["2a", "2c"].contains(&f.stage) && f.value.is_some()) {
            push(Family::LoadFlow, self.otherwise(choice, |w| !matches!(w, What::Breakers(_))));
        }
        if found.iter().all(|c| c.holds(choice)) {
            // Whatever it was, this plant is not tried again.
            found.push(Clause { family: Family::LoadFlow, layout: Some(choice.layout), any: self.otherwise(choice, |_| true) });
        }
        found
    }

    /// Any value but this in any of the variables.
    fn otherwise(&self, choice: &Choice, is: impl Fn(What) -> bool) -> Vec<(usize, Bound)> {
        let all = self.variables(is);
        let mut any = self.beyond(choice, &all, true);
        any.extend(self.beyond(choice, &all, false));
        any
    }

    /// For each voltage whose breakers do not suffice: a stronger class, or less of what feeds the fault.
    fn fault_clauses(&self, choice: &Choice, movable: &[usize], levels: &[usize]) -> Vec<Vec<(usize, Bound)>> {
        let Some(design) = self.problem.build(choice).ok() else { return Vec::new() };
        let Some(buses) = self.overstressed(choice) else { return Vec::new() };
        let level_of = |bus: &str| {
            let kv = |v: usize| match self.problem.variables[v].what {
                What::Breakers(i) => self.problem.brief.breakers[i].rated_kv,
                _ => f64::NAN,
            };
            let at = |v: usize| design.breakers.iter().any(|b| b.bus == bus && is_of_level(b.rated_kv, kv(v)));
            levels.iter().copied().find(|&v| at(v))
        };
        let mut stressed: Vec<Option<usize>> = buses.iter().map(|b| level_of(b)).collect();
        stressed.sort_unstable();
        stressed.dedup();
        let mut found = Vec::new();
        for level in stressed {
            // Buses of other plants have other names: what counts is that some breaker of the level fails there too.
            let fails = |c: &Choice| {
                let Some(design) = self.problem.build(c).ok() else { return false };
                let of_level = |bus: &String| match level.map(|v| self.problem.variables[v].what) {
                    Some(What::Breakers(i)) => {
                        let kv = self.problem.brief.breakers[i].rated_kv;
                        design.breakers.iter().any(|b| b.bus == *bus && is_of_level(b.rated_kv, kv))
                    }
                    // Breakers that are not sized.
                    _ => level_free(&design, bus, self.problem.brief),
                };
                self.overstressed(c).is_some_and(|buses| buses.iter().any(of_level))
            };
            for first in 0..movable.len().max(1) {
                // The class that suffices for this plant first: below it plants with more fail as well.
                let mut top = choice.clone();
                if let Some(v) = level {
                    top = self.lifted(choice, &[v], true, 0, fails);
                }
                let at = self.lifted(&top, movable, false, first, fails);
                let mut any = self.beyond(&at, movable, false);
                any.extend(level.iter().flat_map(|&v| self.beyond(&top, &[v], true)));
                if !found.contains(&any) {
                    found.push(any);
                }
            }
        }
        found
    }
}

/// A bus with a breaker whose voltage is not sized.
fn level_free(design: &Design, bus: &str, brief: &SizingBrief) -> bool {
    design.breakers.iter().any(|b| b.bus == bus && !brief.breakers.iter().any(|c| is_of_level(b.rated_kv, c.rated_kv)))
}
