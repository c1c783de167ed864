//! Stage 2b: what breakers have to break.
//!
//! * Duty = 100 Isc / breaker rating. The file's own figure is compared with it; where they differ by more than 0.2 points the row is flagged and the
//!   larger one is judged.
//! * X/R is judged by itself, though no breaker fails by it alone. What it does to a breaker is shown as the duty with the direct current in it: the
//!   asymmetrical current over the symmetrical is S = sqrt(1 + 2 exp(-4 pi c / (X/R))), c cycles after the fault (IEEE C37.010); the breaker was tested
//!   at an X/R of its own, so the asymmetrical duty is the duty times S(X/R) / S(test), never below the duty.

use super::{JudgedRow, Stage, Verdict, below, metric, upper_margin, upper_words};
use network::Diagnostic;
use network::design::criteria::{AsymmetricDuty, Criteria};
use network::design::results::ShortCircuitRow;

/// Asymmetrical over symmetrical current `cycles` after the fault.
fn asymmetry(x_r: f64, cycles: f64) -> f64 {
    if x_r <= 0.0 { 1.0 } else { (1.0 + 2.0 * (-4.0 * std::f64::consts::PI * cycles / x_r).exp()).sqrt() }
}

/// Duty with the direct current in it, percent.
pub fn asymmetrical_duty_pct(duty_pct: f64, x_r: f64, test: AsymmetricDuty) -> f64 {
    duty_pct * (asymmetry(x_r, test.cycles) / asymmetry(test.x_r_of_test, test.cycles)).max(1.0)
}

/// The duty that is judged, percent: the larger of the file's and the recomputed one. `None` without either.
pub(super) fn duty_pct(r: &ShortCircuitRow) -> Option<f64> {
    let own = r.breaker_rating_ka.map(|rating| 100.0 * r.isc_ka / rating);
    match (own, r.duty_pct) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

fn subject(r: &ShortCircuitRow) -> String {
    if r.fault_type.is_empty() { r.bus_id.clone() } else { format!("{} {}", r.bus_id, r.fault_type) }
}

pub(super) fn stage(rows: Option<&[ShortCircuitRow]>, criteria: &Criteria) -> Stage {
    const TITLE: &str = "ETAP short circuit";
    let Some(rows) = rows else { return Stage::not_run("2b", TITLE) };
    let mut findings = Vec::new();
    for r in rows {
        if let (Some(rating), Some(given)) = (r.breaker_rating_ka, r.duty_pct) {
            let own = 100.0 * r.isc_ka / rating;
            if (own - given).abs() > criteria.consistency.duty_points {
                let what = format!("{} kA of {rating} kA are {own:.2} %, but the row says {given} %; the larger is judged", r.isc_ka);
                let finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.DUTY", what).element(r.bus_id.as_str()).at(&r.origin.source);
                findings.push(finding.hint("look whether the tool's duty is of another rating or with direct current"));
            }
        }
        if duty_pct(r).is_none() {
            let finding =
                Diagnostic::note("EXCHANGE.ACCEPTANCE.NO_BREAKER", "the row has no breaker rating and no duty, so no duty is judged");
            findings.push(finding.element(r.bus_id.as_str()).at(&r.origin.source));
        }
    }
    let limit = criteria.duty_pct;
    let judged = rows.iter().filter_map(|r| duty_pct(r).map(|d| JudgedRow::new(subject(r), &r.origin, d, below(d, limit))));
    let mut metrics =
        vec![metric("duty_pct", "%", upper_words(limit, " %"), judged.collect(), upper_margin(limit), "upgrade the breaker rating")];
    let limit = criteria.x_r_ratio;
    let ratios = rows.iter().filter_map(|r| r.x_r_ratio.map(|x| JudgedRow::new(subject(r), &r.origin, x, below(x, limit))));
    metrics.push(metric(
        "x_r_ratio",
        "",
        upper_words(limit, ""),
        ratios.collect(),
        upper_margin(limit),
        "consider the direct-current offset",
    ));
    // Shown, not judged: the rows carry the figure, and none of them fails by it.
    let shown: Vec<JudgedRow> = rows
        .iter()
        .filter_map(|r| Some((r, asymmetrical_duty_pct(duty_pct(r)?, r.x_r_ratio?, criteria.asymmetric_duty))))
        .map(|(r, d)| JudgedRow::new(subject(r), &r.origin, d, Verdict::Pass))
        .collect();
    if !shown.is_empty() {
        let mut found = metric("asymmetrical_duty_pct", "%", "shown, not judged".to_owned(), shown, upper_margin(criteria.duty_pct), "");
        let test = criteria.asymmetric_duty;
        found.note = format!("at {} cycles, for a breaker tested at X/R {}", test.cycles, test.x_r_of_test);
        metrics.push(found);
    }
    Stage::new("2b", TITLE, metrics, findings)
}
