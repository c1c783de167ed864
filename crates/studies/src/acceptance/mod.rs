//! Are the results of other tools good enough, and if not, what has to change?
//!
//! [`judge`] holds results of a design against criteria in five stages: 1 screening of the design alone, 2a ETAP load flow, 2b ETAP short circuit, 2c
//! PSS/E power flow and angle, 3 Windchill RAM. Each stage has its metrics with value, limit and margin, the row that governed and all rows that failed.
//! A stage without results is not run, which is not passed; the whole is as good as its worst stage. Failures become updates of constraints: parameter,
//! old value, new value, reason.
//!
//! The criteria are those of document 000 (bvNexus Integration Package v2); how its ambiguities are read stands in `docs/methods/acceptance.md`, with a
//! test for each.

mod flow;
pub mod k_of_n;
mod ram;
mod screening;
mod short_circuit;
mod updates;

use network::design::Design;
use network::design::criteria::{Band, Criteria, UpperLimit};
use network::design::results::{Results, RowOrigin};
use network::{Diagnostic, SourceRef};
use serde::Serialize;

/// How a value, a stage or a design was judged. The later is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Warning,
    /// There is nothing to judge: it cannot be said that it passes.
    NotRun,
    Fail,
}

impl Verdict {
    /// As tables and terminals have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warning => "WARNING",
            Self::NotRun => "not run",
            Self::Fail => "FAIL",
        }
    }
}

/// A row of results that was judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgedRow {
    /// Bus, block or fault.
    pub subject: String,
    /// Empty where the table has none.
    pub scenario_id: String,
    pub source: SourceRef,
    pub value: f64,
    pub verdict: Verdict,
}

impl JudgedRow {
    fn new(subject: impl Into<String>, origin: &RowOrigin, value: f64, verdict: Verdict) -> Self {
        Self { subject: subject.into(), scenario_id: origin.scenario_id.clone(), source: origin.source.clone(), value, verdict }
    }
}

/// One quantity of a stage over all its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    pub name: &'static str,
    pub unit: &'static str,
    /// Of the row that governs: the one nearest to its limit or farthest beyond.
    pub value: Option<f64>,
    /// Limit in words, and the figure that the margin is to.
    pub limit: String,
    pub limit_value: Option<f64>,
    /// To the limit of failure, in the metric's unit; negative beyond it.
    pub margin: Option<f64>,
    pub verdict: Verdict,
    pub governing: Option<JudgedRow>,
    /// Every row that failed, and every row that was a warning, the worst first.
    pub failed: Vec<JudgedRow>,
    pub warned: Vec<JudgedRow>,
    /// What to do when it fails; empty when it does not.
    pub action: &'static str,
    /// How it was read, where that needs saying.
    pub note: String,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// `1`, `2a`, `2b`, `2c`, `3`.
    pub id: &'static str,
    pub title: &'static str,
    pub verdict: Verdict,
    pub metrics: Vec<Metric>,
    /// Rows that contradict themselves, and how things were read.
    pub findings: Vec<Diagnostic>,
}

/// A constraint of the next round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConstraintUpdate {
    pub parameter: &'static str,
    /// Subsystem, bus or equipment that it is about.
    pub subject: String,
    pub unit: &'static str,
    pub old: Option<f64>,
    pub new: Option<f64>,
    pub reason: String,
}

/// Availability by the results and by the design's own components, block by block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OwnAvailability {
    pub block_id: String,
    pub imported: Option<f64>,
    /// From the components, by count.
    pub by_count: Option<f64>,
    /// That the units of a k-of-n block can carry the load, without and with the batteries.
    pub by_capacity: Option<f64>,
    pub by_capacity_with_batteries: Option<f64>,
}

/// A design judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acceptance {
    pub overall: Verdict,
    pub stages: Vec<Stage>,
    pub updates: Vec<ConstraintUpdate>,
    pub own_availability: Vec<OwnAvailability>,
}

/// Judges the results of a design.
///
/// # Inputs
/// * `design` - checked; `results` - of this design, as `formats::exchange::read_results` gives them; `criteria` - checked.
pub fn judge(design: &Design, results: &Results, criteria: &Criteria) -> Acceptance {
    let own_availability = ram::own(design, results);
    let stages = vec![
        screening::stage(design, criteria),
        flow::load_flow(design, results.load_flow.as_deref(), criteria),
        short_circuit::stage(results.short_circuit.as_deref(), criteria),
        flow::power_flow(design, results.power_flow.as_deref(), criteria),
        ram::stage(design, results.ram.as_deref(), criteria, &own_availability),
    ];
    let updates = updates::updates(design, results, criteria, &stages);
    let overall = stages.iter().map(|s| s.verdict).max().unwrap_or(Verdict::NotRun);
    Acceptance { overall, stages, updates, own_availability }
}

impl Acceptance {
    /// The stage of an identifier such as `2a`.
    pub fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|s| s.id == id)
    }
}

impl Stage {
    fn new(id: &'static str, title: &'static str, metrics: Vec<Metric>, findings: Vec<Diagnostic>) -> Self {
        let verdict = metrics.iter().map(|m| m.verdict).max().unwrap_or(Verdict::NotRun);
        Self { id, title, verdict, metrics, findings }
    }

    /// A stage without results.
    fn not_run(id: &'static str, title: &'static str) -> Self {
        let what = Diagnostic::note("EXCHANGE.ACCEPTANCE.NOT_RUN", "there are no results, so this stage is not run");
        Self {
            id,
            title,
            verdict: Verdict::NotRun,
            metrics: Vec::new(),
            findings: vec![what.hint("import them; without them nothing is passed")],
        }
    }

    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }
}

/// Ends included: a value at an end passes.
fn in_band(value: f64, band: Band) -> Verdict {
    if band.min <= value && value <= band.max { Verdict::Pass } else { Verdict::Fail }
}

/// Below the first figure it passes; from there to the second, both included, it is a warning.
fn below(value: f64, limit: UpperLimit) -> Verdict {
    match () {
        () if value < limit.warning => Verdict::Pass,
        () if value <= limit.fail => Verdict::Warning,
        () => Verdict::Fail,
    }
}

/// A metric over rows. `margin` is the distance to failure of a value; the row with the least governs.
fn metric(
    name: &'static str,
    unit: &'static str,
    limit: String,
    rows: Vec<JudgedRow>,
    margin: impl Fn(f64) -> (f64, f64),
    action: &'static str,
) -> Metric {
    let by_margin = |a: &JudgedRow, b: &JudgedRow| margin(a.value).0.total_cmp(&margin(b.value).0);
    // What was judged worse for another reason than its value still governs.
    let governing = rows.iter().min_by(|a, b| b.verdict.cmp(&a.verdict).then(by_margin(a, b))).cloned();
    let of = |verdict| {
        let mut found: Vec<JudgedRow> = rows.iter().filter(|r| r.verdict == verdict).cloned().collect();
        found.sort_by(by_margin);
        found
    };
    let verdict = rows.iter().map(|r| r.verdict).max().unwrap_or(Verdict::NotRun);
    let (failed, warned) = (of(Verdict::Fail), of(Verdict::Warning));
    let value = governing.as_ref().map(|r| r.value);
    Metric {
        name,
        unit,
        value,
        limit,
        limit_value: value.map(|v| margin(v).1),
        margin: value.map(|v| margin(v).0),
        verdict,
        governing,
        action: if failed.is_empty() { "" } else { action },
        failed,
        warned,
        note: String::new(),
    }
}

/// Margin of a band and the end that it is to.
fn band_margin(band: Band) -> impl Fn(f64) -> (f64, f64) {
    move |v| if v - band.min <= band.max - v { (v - band.min, band.min) } else { (band.max - v, band.max) }
}

fn upper_margin(limit: UpperLimit) -> impl Fn(f64) -> (f64, f64) {
    move |v| (limit.fail - v, limit.fail)
}

fn upper_words(limit: UpperLimit, unit: &str) -> String {
    format!("pass below {}{unit}, warning to {}{unit}, fail above", limit.warning, limit.fail)
}

#[cfg(test)]
mod tests;
