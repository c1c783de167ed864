//! Stage 1: the design alone. Document 000 names the stage without criteria; what is asked here is whether the rated power suffices at all, with all
//! units and with the largest out.

use super::{JudgedRow, Metric, Stage, Verdict, metric};
use network::Severity;
use network::design::Design;
use network::design::criteria::Criteria;
use network::design::results::RowOrigin;

/// Rated MW of every source online, with its identifier.
fn sources(design: &Design) -> Vec<(&str, f64)> {
    let generators = design.generators.iter().filter(|g| g.status.is_online()).map(|g| (g.id.as_str(), g.rated_mw));
    let batteries = design.batteries.iter().filter(|b| b.status.is_online()).map(|b| (b.id.as_str(), b.rated_mw));
    let feeds = design.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| (g.id.as_str(), g.rated_mw));
    // What the sun gives is not there when it is wanted.
    generators.chain(batteries).chain(feeds).collect()
}

fn ratio(name: &'static str, subject: String, ratio: f64, least: f64, note: &str) -> Metric {
    let verdict = if ratio >= least { Verdict::Pass } else { Verdict::Fail };
    let row = JudgedRow::new(subject, &RowOrigin::default(), ratio, verdict);
    let mut found = metric(name, "", format!("at least {least}"), vec![row], |v| (v - least, least), "add capacity");
    found.note = note.to_owned();
    found
}

pub(super) fn stage(design: &Design, criteria: &Criteria) -> Stage {
    let mut findings = design.check();
    let errors = findings.iter().filter(|d| d.severity == Severity::Error).count();
    let verdict = if errors == 0 { Verdict::Pass } else { Verdict::Fail };
    let row = JudgedRow::new("design", &RowOrigin::default(), errors as f64, verdict);
    let mut metrics = vec![metric("design_errors", "", "none".to_owned(), vec![row], |v| (-v, 0.0), "mend the design")];
    let demand = design.base_dispatch().demand_mw;
    let all = sources(design);
    let total: f64 = all.iter().map(|(_, mw)| mw).sum();
    let largest = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied().unwrap_or(("", 0.0));
    if demand > 0.0 {
        let words = format!("{total:.1} MW of generators, batteries and grid for {demand:.1} MW");
        metrics.push(ratio("capacity_ratio", "all units".to_owned(), total / demand, criteria.screening.capacity_ratio_min, &words));
        let left = total - largest.1;
        let words = format!("{left:.1} MW for {demand:.1} MW without {}", largest.0);
        metrics.push(ratio("n1_capacity_ratio", largest.0.to_owned(), left / demand, criteria.screening.n1_capacity_ratio_min, &words));
    }
    findings.retain(|d| d.severity != Severity::Note);
    Stage::new("1", "Screening", metrics, findings)
}
