//! The studies that other tools are asked for, done here on the same design: so a design reaches them already passing, and a difference between their
//! answer and this one is itself a finding.
//!
//! ```text
//! Design ─┬─► each scenario's network ─► Newton ─────────────► rows of load flow and power flow
//!         ├─► short_circuit::Case (nameplates) ─► IEC 60909 ─► rows of short circuits, duties of breakers
//!         └─► availability::Diagram ─► exact ────────────────► rows of the RAM analysis
//!                                            all rows ─► acceptance::judge, as if they had been imported
//! ```
//!
//! The rows are those of [`network::design::results`]. A scenario that does not settle leaves no row: it is told as an error, and nothing passes with it.

mod load_flow;
mod ram;
mod short_circuit;

pub(crate) use ram::rows as ram_rows;
pub use ram::{diagram, failure_modes};
pub use short_circuit::case;

use crate::availability::{Exact, ExactOptions, analyse};
use crate::short_circuit::{Duty, Study, duty_table};
use crate::table::Table;
use network::design::Design;
use network::design::results::{Results, ShortCircuitRow};
use network::{Diagnostic, Severity};

/// What came of a design's own studies.
#[derive(Clone, Debug)]
pub struct OwnStudies {
    pub results: Results,
    /// Scenarios that were solved, of all.
    pub n_solved: usize,
    pub n_scenarios: usize,
    pub short_circuit: Option<Study>,
    pub duties: Vec<Duty>,
    pub ram: Option<Exact>,
    /// What did not settle or could not be asked (errors), what was assumed (notes).
    pub findings: Vec<Diagnostic>,
}

impl OwnStudies {
    /// Faults and partial currents, duties of breakers, availability and importance: what there is of them.
    pub fn tables(&self) -> Vec<Table> {
        let mut all = Vec::new();
        if let Some(study) = &self.short_circuit {
            all.extend(study.tables());
        }
        if !self.duties.is_empty() {
            all.push(duty_table(&self.duties));
        }
        if let Some(ram) = &self.ram {
            all.extend(ram.tables());
        }
        all
    }

    /// Whether a study that was asked for has no answer: then nothing can pass.
    pub fn is_incomplete(&self) -> bool {
        self.findings.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Short circuits alone; nothing where the case is refused.
pub(crate) fn short_circuit_rows(design: &Design) -> Option<Vec<ShortCircuitRow>> {
    short_circuit::run(design, &mut Vec::new()).map(|(_, _, rows)| rows)
}

/// Whether a scenario has no solution, or leaves a machine beyond its rating.
///
/// # Errors
/// What makes the network of a scenario impossible.
pub(crate) fn is_overrun(design: &Design) -> Result<bool, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    load_flow::run(design, &mut findings)?;
    Ok(findings.iter().any(|d| d.severity == Severity::Error))
}

/// Runs load flows of all scenarios, short circuits at all buses, and the exact RAM analysis.
///
/// # Inputs
/// * `design` - checked; `availability_target` - a fraction, for the warning where counting units and adding up their capacity disagree about it.
///
/// # Errors
/// What makes the network of the design or of a scenario impossible, all at once. A study that fails for another reason is told in `findings`.
pub fn run(design: &Design, availability_target: Option<f64>) -> Result<OwnStudies, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let flows = load_flow::run(design, &mut findings)?;
    let (study, duties, faults) = match short_circuit::run(design, &mut findings) {
        Some((study, duties, rows)) => (Some(study), duties, Some(rows)),
        None => (None, Vec::new(), None),
    };
    let mut ram = None;
    if !design.blocks.is_empty() {
        match analyse(&diagram(design), &ExactOptions { target_availability: availability_target, ..ExactOptions::default() }) {
            Ok(exact) => ram = Some(exact),
            Err(e) => findings.extend(e.findings),
        }
    }
    let rows = ram.as_ref().map(ram::rows);
    Ok(OwnStudies {
        results: Results { load_flow: Some(flows.load_flow), short_circuit: faults, power_flow: Some(flows.power_flow), ram: rows },
        n_solved: flows.n_solved,
        n_scenarios: flows.n_scenarios,
        short_circuit: study,
        duties,
        ram,
        findings,
    })
}
