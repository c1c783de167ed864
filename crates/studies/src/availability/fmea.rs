//! Failure modes and effects: rows checked and ranked.
//!
//! The risk priority number is `RPN = severity x occurrence x detection`, each from 1 to 10 (the custom of MIL-STD-1629A's successors in industry; the
//! products are ranks and no measures: 120 numbers of 1000 occur, and a severe failure may rank below a frequent nuisance, so rows of severity 9 and 10 are
//! told apart from their rank).

use super::AvailabilityError;
use network::Diagnostic;
use network::availability::{Diagram, FailureMode};
use std::collections::HashSet;

/// Severity from which a row is looked at whatever its rank.
pub const SEVERE: u32 = 9;

/// A row with its rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// From 1; rows with one RPN share a rank.
    pub rank: usize,
    pub rpn: u32,
    pub is_severe: bool,
    pub mode: FailureMode,
}

/// Rows by RPN, the largest first; of one RPN the more severe first, then the one that is seen later.
///
/// # Errors
/// All rows at once with marks outside of 1 to 10, an RPN that is not their product, no failure mode, or a component that the diagram does not have;
/// without a diagram the components are not held against one.
pub fn rank(rows: &[FailureMode], diagram: Option<&Diagram>) -> Result<Vec<Ranked>, AvailabilityError> {
    let known: Option<HashSet<&str>> = diagram.map(|d| d.components.iter().map(|c| c.id.as_str()).collect());
    let mut findings = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let mut fault = |d: Diagnostic| findings.push(d.element(format!("{} (row {})", row.component_id, i + 1)).at(&row.source));
        let marks = [("severity", row.severity), ("occurrence", row.occurrence), ("detection", row.detection)];
        let wrong: Vec<String> = marks.iter().filter(|m| !(1..=10).contains(&m.1)).map(|m| format!("{} {}", m.0, m.1)).collect();
        if !wrong.is_empty() {
            let d = Diagnostic::error("RAM.FMEA.MARK", format!("marks outside of 1 to 10: {}", wrong.join(", ")));
            fault(d.hint("Give whole numbers from 1 to 10."));
        } else if let Some(given) = row.rpn.filter(|r| *r != rpn(row)) {
            let d = Diagnostic::error("RAM.FMEA.RPN", format!("the RPN is given as {given}, and the product of its marks is {}", rpn(row)));
            let d = d.detail(format!("{} x {} x {}.", row.severity, row.occurrence, row.detection));
            fault(d.hint("Correct the mark that is wrong, or leave the RPN out."));
        }
        if row.failure_mode.trim().is_empty() {
            fault(Diagnostic::error("RAM.FMEA.MODE", "the row names no failure mode").hint("Say how it fails."));
        }
        if known.as_ref().is_some_and(|k| !k.contains(row.component_id.as_str())) {
            let d = Diagnostic::error("RAM.FMEA.COMPONENT", format!("no component is called \"{}\"", row.component_id));
            fault(d.hint("Correct the name, or add the component."));
        }
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let mut ranked: Vec<Ranked> =
        rows.iter().map(|r| Ranked { rank: 0, rpn: rpn(r), is_severe: r.severity >= SEVERE, mode: r.clone() }).collect();
    ranked.sort_by_key(|r| std::cmp::Reverse((r.rpn, r.mode.severity, r.mode.detection)));
    for i in 0..ranked.len() {
        ranked[i].rank = if i > 0 && ranked[i].rpn == ranked[i - 1].rpn { ranked[i - 1].rank } else { i + 1 };
    }
    Ok(ranked)
}

/// Product of the three marks.
fn rpn(row: &FailureMode) -> u32 {
    row.severity * row.occurrence * row.detection
}

/// Usual failure modes of the components of a diagram by their kind, to be gone through by people who know the plant: marks are typical and unverified.
pub fn defaults(diagram: &Diagram) -> Vec<FailureMode> {
    diagram.components.iter().flat_map(|c| super::fmea_defaults::rows(&c.id, &c.kind)).collect()
}
