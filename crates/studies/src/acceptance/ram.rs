//! Stage 3: availability and downtime.
//!
//! One target said twice: 99.95 % of a year of 8760 h are 4.38 h of downtime. Both are judged, ends included, each by its own column; where a row's
//! downtime does not follow from its availability within 1 % it is flagged. Beside the imported availability stands the one that the design's own
//! components give, by count and, for redundant units with capacities, by capacity: losing one large unit of ten may leave less than the load.

use super::{JudgedRow, Metric, OwnAvailability, Stage, Verdict, k_of_n, metric};
use network::Diagnostic;
use network::design::Design;
use network::design::criteria::{Criteria, RamTarget};
use network::design::ram::YEAR_H;
use network::design::results::{RamRow, Results};

/// Downtime of a year, hours.
pub(super) fn downtime_h(availability: f64) -> f64 {
    (1.0 - availability) * YEAR_H
}

/// The design's own figures for each block.
pub(super) fn own(design: &Design, results: &Results) -> Vec<OwnAvailability> {
    let imported = |id: &str| results.ram.as_ref()?.iter().find(|r| r.block_id == id).map(|r| r.availability);
    let needed = design.load_mw();
    let batteries: f64 = design.batteries.iter().filter(|b| b.status.is_online()).map(|b| b.rated_mw).sum();
    let row = |b: &network::design::ram::Block| {
        let units = if k_of_n::carries_the_load(design, b) { k_of_n::capacities(design, b) } else { None };
        let by_capacity = |needed: f64| units.as_ref().and_then(|u| k_of_n::by_capacity(u, needed));
        OwnAvailability {
            block_id: b.block_id.clone(),
            imported: imported(&b.block_id),
            by_count: k_of_n::block_availability(design, b),
            by_capacity: by_capacity(needed),
            by_capacity_with_batteries: if batteries > 0.0 { by_capacity(needed - batteries) } else { None },
        }
    };
    design.blocks.iter().map(row).collect()
}

fn availability_verdict(a: f64, target: RamTarget) -> Verdict {
    match target.availability_warning_min {
        _ if a >= target.availability_min => Verdict::Pass,
        Some(warning) if a >= warning => Verdict::Warning,
        _ => Verdict::Fail,
    }
}

fn downtime_verdict(h: f64, target: RamTarget) -> Verdict {
    match target.downtime_warning_h_max {
        _ if h <= target.downtime_h_max => Verdict::Pass,
        Some(warning) if h <= warning => Verdict::Warning,
        _ => Verdict::Fail,
    }
}

pub(super) fn stage(design: &Design, rows: Option<&[RamRow]>, criteria: &Criteria, own: &[OwnAvailability]) -> Stage {
    const TITLE: &str = "Windchill RAM";
    let Some(rows) = rows else { return Stage::not_run("3", TITLE) };
    let mut findings = Vec::new();
    for r in rows {
        consistent(r, criteria, &mut findings);
    }
    disagreements(design, criteria, own, &mut findings);
    let target = criteria.ram;
    let system: Vec<&RamRow> = rows.iter().filter(|r| r.block_id == criteria.system_block).collect();
    if system.is_empty() {
        let what = format!("there is no row of the block {}, which is judged", criteria.system_block);
        findings.push(
            Diagnostic::warning("EXCHANGE.ACCEPTANCE.SYSTEM_MISSING", what)
                .hint("name the block in the criteria (`system_block`), or export it"),
        );
    }
    let judged =
        system.iter().map(|r| JudgedRow::new(&r.block_id, &r.origin, r.availability, availability_verdict(r.availability, target)));
    let words = format!("at least {} %", round(target.availability_min * 100.0));
    let margin = move |v: f64| (v - target.availability_min, target.availability_min);
    let mut metrics: Vec<Metric> = vec![metric("availability", "", words, judged.collect(), margin, "increase redundancy")];
    // A row without downtime has the one of its availability.
    let hours = |r: &RamRow| r.annual_downtime_h.unwrap_or_else(|| downtime_h(r.availability));
    let judged = system.iter().map(|r| JudgedRow::new(&r.block_id, &r.origin, hours(r), downtime_verdict(hours(r), target)));
    let margin = move |v: f64| (target.downtime_h_max - v, target.downtime_h_max);
    let words = format!("at most {} h", target.downtime_h_max);
    metrics.push(metric("annual_downtime_h", "h", words, judged.collect(), margin, "reduce repair times or add spares"));
    Stage::new("3", TITLE, metrics, findings)
}

fn round(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// Figures of one row against one another.
fn consistent(r: &RamRow, criteria: &Criteria, findings: &mut Vec<Diagnostic>) {
    let mut flag = |what: String, hint: &str| {
        let finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.RAM", what).element(r.block_id.as_str()).at(&r.origin.source);
        findings.push(finding.hint(hint));
    };
    let own = downtime_h(r.availability);
    if let Some(h) = r.annual_downtime_h {
        // What the last digit of the availability leaves open is no contradiction.
        let open = r.availability_rounding * YEAR_H;
        if (h - own).abs() > criteria.consistency.downtime_pct / 100.0 * own + open {
            flag(
                format!("the downtime is {h} h but the availability {} means {own:.2} h; each is judged", r.availability),
                "a year is 8760 h",
            );
        }
    }
    if let Some((up, down)) = r.mtbf_h.zip(r.mttr_h).filter(|(up, down)| up + down > 0.0) {
        let of_times = up / (up + down);
        let open = r.availability_rounding + criteria.consistency.downtime_pct / 100.0 * (1.0 - r.availability);
        if (of_times - r.availability).abs() > open {
            flag(
                format!("MTBF and MTTR give an availability of {of_times:.6}, the row says {}", r.availability),
                "A = MTBF / (MTBF + MTTR)",
            );
        }
    }
}

/// Where counting units and adding up their capacities do not come to the same verdict.
fn disagreements(design: &Design, criteria: &Criteria, own: &[OwnAvailability], findings: &mut Vec<Diagnostic>) {
    for o in own {
        let Some((count, capacity)) = o.by_count.zip(o.by_capacity) else { continue };
        let verdict = |a| availability_verdict(a, criteria.ram);
        if verdict(count) != verdict(capacity) {
            let what = format!(
                "by count it is available to {:.5} ({:.2} h a year), but its units give {} MW only to {:.5} ({:.2} h)",
                count,
                downtime_h(count),
                design.load_mw(),
                capacity,
                downtime_h(capacity)
            );
            let mut finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.CAPACITY", what).element(o.block_id.as_str());
            if let Some(with) = o.by_capacity_with_batteries {
                finding = finding.detail(format!("With the batteries counted fully: {with:.7} ({:.3} h).", downtime_h(with)));
            }
            findings.push(finding.hint("units differ in size: judge redundancy by capacity"));
        }
    }
}
