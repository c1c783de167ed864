//! What has to change for the next round. Rules, one for each kind of failure (document 000 gives examples and no rule):
//!
//! * availability: one more spare unit in the subsystem with the largest downtime; where redundancy cannot be raised further, the repair time that
//!   brings the system to its target, other things equal: MTTR' = MTTR - (excess unavailability) / failure rate;
//! * downtime alone: the repair time, likewise;
//! * voltage: reactive compensation Q = dU S_sc / U that brings it back to its limit, with the bus's short-circuit power S_sc = sqrt(3) U Isc from the
//!   short-circuit results, else from the machines' subtransient reactances at once (the largest it can be, told so), in whole steps;
//! * loading: the next standard rating with a loading of at most 80 %;
//! * duty: the next standard breaker rating with a duty of at most 80 %.

use super::{ConstraintUpdate, JudgedRow, Stage, Verdict, flow, ram, short_circuit};
use network::design::Design;
use network::design::criteria::Criteria;
use network::design::ram::BlockType;
use network::design::results::{RamRow, Results};
use std::collections::BTreeMap;

pub(super) fn updates(design: &Design, results: &Results, criteria: &Criteria, stages: &[Stage]) -> Vec<ConstraintUpdate> {
    let mut found = Vec::new();
    for stage in stages {
        match stage.id {
            "2a" => {
                voltages(design, results, criteria, stage, &mut found);
                loadings(design, criteria, stage, &mut found);
            }
            "2b" => duties(results, criteria, stage, &mut found),
            "2c" => voltages(design, results, criteria, stage, &mut found),
            "3" => reliability(design, results, criteria, stage, &mut found),
            _ => {}
        }
    }
    found
}

/// The worst row of each subject.
fn worst<'r>(rows: impl IntoIterator<Item = &'r JudgedRow>) -> Vec<&'r JudgedRow> {
    let mut first: BTreeMap<&str, &JudgedRow> = BTreeMap::new();
    // They come with the worst first.
    for r in rows {
        first.entry(&r.subject).or_insert(r);
    }
    first.into_values().collect()
}

fn of_scenario(r: &JudgedRow) -> String {
    if r.scenario_id.is_empty() { String::new() } else { format!(" in {}", r.scenario_id) }
}

/// Short-circuit power at a bus, MVA, and where it is from.
fn short_circuit_mva(design: &Design, results: &Results, bus: &str) -> Option<(f64, &'static str)> {
    let kv = design.bus(bus)?.rated_kv;
    let rows = results.short_circuit.iter().flatten().filter(|r| r.bus_id == bus && r.isc_ka > 0.0);
    if let Some(r) = rows.min_by(|a, b| a.isc_ka.total_cmp(&b.isc_ka)) {
        return Some((3f64.sqrt() * kv * r.isc_ka, "from the imported fault current"));
    }
    let machines = design.generators.iter().filter(|g| g.status.is_online()).map(|g| g.mva() / g.xd_double_prime_pu);
    let feeds = design.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| g.s_sc_min_mva);
    let all: f64 = machines.chain(feeds).sum();
    // Through a transformer no more comes than its impedance lets through.
    let through: f64 = design.transformers.iter().filter(|t| t.lv_bus == bus).map(|t| t.rated_mva * 100.0 / t.uk_pct).sum();
    let at_bus = if through > 0.0 { all * through / (all + through) } else { all };
    (at_bus > 0.0).then_some((at_bus, "from subtransient reactances without cables"))
}

fn voltages(design: &Design, results: &Results, criteria: &Criteria, stage: &Stage, found: &mut Vec<ConstraintUpdate>) {
    let band = if stage.id == "2a" { criteria.load_flow_voltage_pu } else { criteria.power_flow_voltage_pu };
    for r in worst(flow::failed_voltages(stage)) {
        if found.iter().any(|u| u.parameter == "reactive_compensation_mvar" && u.subject == r.subject) {
            continue;
        }
        let low = r.value < band.min;
        let limit = if low { band.min } else { band.max };
        let step = criteria.standard.compensation_step_mvar;
        let sized = short_circuit_mva(design, results, &r.subject)
            .map(|(mva, from)| (((limit - r.value).abs() * mva / r.value / step).ceil() * step, from));
        let what = if low { "add reactive compensation" } else { "reduce taps, or absorb reactive power" };
        let from = sized.map_or(String::new(), |(_, from)| format!(", short-circuit power {from}"));
        found.push(ConstraintUpdate {
            parameter: "reactive_compensation_mvar",
            subject: r.subject.clone(),
            unit: "Mvar",
            old: Some(0.0),
            new: sized.map(|(q, _)| if low { q } else { -q }),
            reason: format!("voltage {:.4} pu {} {limit}{}: {what}{from}", r.value, if low { "<" } else { ">" }, of_scenario(r)),
        });
    }
}

/// The one cable or transformer at a bus and its rating, where there is just one.
fn branch_at<'d>(design: &'d Design, bus: &str) -> Option<(&'d str, f64)> {
    let cables = design.cables.iter().filter(|c| c.from_bus == bus || c.to_bus == bus).map(|c| (c.id.as_str(), c.rated_mva));
    let transformers = design.transformers.iter().filter(|t| t.hv_bus == bus || t.lv_bus == bus).map(|t| (t.id.as_str(), t.rated_mva));
    let mut all = cables.chain(transformers);
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn loadings(design: &Design, criteria: &Criteria, stage: &Stage, found: &mut Vec<ConstraintUpdate>) {
    let Some(metric) = stage.metric("loading_pct") else { return };
    let aim = criteria.loading_pct.warning;
    for r in worst(&metric.failed) {
        let branch = branch_at(design, &r.subject);
        let needed = branch.map(|(_, rated)| rated * r.value / aim);
        let new = needed.and_then(|n| criteria.standard.branch_mva.iter().copied().find(|s| *s >= n * (1.0 - 1e-12)));
        let mut reason = format!("loading {:.1} % > {} %{}: resize equipment", r.value, criteria.loading_pct.fail, of_scenario(r));
        match (branch, new) {
            (None, _) => reason
                .push_str(&format!("; {:.3} times its rating for {aim} %, several pieces of equipment stand at the bus", r.value / aim)),
            (Some(_), None) => reason.push_str("; no standard rating is large enough: put equipment in parallel"),
            _ => {}
        }
        found.push(ConstraintUpdate {
            parameter: "rated_mva",
            subject: branch.map_or_else(|| r.subject.clone(), |(id, _)| id.to_owned()),
            unit: "MVA",
            old: branch.map(|(_, rated)| rated),
            new,
            reason,
        });
    }
}

fn duties(results: &Results, criteria: &Criteria, stage: &Stage, found: &mut Vec<ConstraintUpdate>) {
    let Some(metric) = stage.metric("duty_pct") else { return };
    let aim = criteria.duty_pct.warning;
    // One breaker for all faults at a bus: the largest duty counts.
    let mut by_bus: BTreeMap<&str, (f64, Option<f64>, &JudgedRow)> = BTreeMap::new();
    for judged in &metric.failed {
        let mut rows = results.short_circuit.iter().flatten();
        let Some(row) = rows.find(|r| r.origin.source == judged.source && judged.subject.starts_with(&r.bus_id)) else {
            continue;
        };
        let duty = short_circuit::duty_pct(row).unwrap_or(judged.value);
        let entry = by_bus.entry(&row.bus_id).or_insert((duty, row.breaker_rating_ka, judged));
        if duty > entry.0 {
            *entry = (duty, row.breaker_rating_ka, judged);
        }
    }
    for (bus, (duty, rating, judged)) in by_bus {
        let needed = rating.map(|r| r * duty / aim);
        let new = needed.and_then(|n| criteria.standard.breaker_ka.iter().copied().find(|s| *s >= n * (1.0 - 1e-12)));
        let mut reason =
            format!("breaker duty {duty:.1} % > {} %{}: upgrade the breaker rating", criteria.duty_pct.fail, of_scenario(judged));
        if needed.is_some() && new.is_none() {
            reason.push_str("; no standard rating is large enough: lower the fault level by reactors, a higher voltage or a split bus");
        }
        found.push(ConstraintUpdate { parameter: "breaker_rating_ka", subject: bus.to_owned(), unit: "kA", old: rating, new, reason });
    }
}

fn reliability(design: &Design, results: &Results, criteria: &Criteria, stage: &Stage, found: &mut Vec<ConstraintUpdate>) {
    let failed = |name: &str| stage.metric(name).is_some_and(|m| m.verdict == Verdict::Fail);
    let (availability, downtime) = (failed("availability"), failed("annual_downtime_h"));
    if !availability && !downtime {
        return;
    }
    let rows = results.ram.as_deref().unwrap_or_default();
    let Some(system) = rows.iter().find(|r| r.block_id == criteria.system_block) else { return };
    // Subsystems: the parts of the system's block that have rows, else all other rows.
    let parts = design.blocks.iter().find(|b| b.block_id == system.block_id).map(|b| b.components.as_slice()).unwrap_or_default();
    let listed: Vec<&RamRow> = rows.iter().filter(|r| parts.contains(&r.block_id)).collect();
    let others: Vec<&RamRow> = rows.iter().filter(|r| r.block_id != system.block_id).collect();
    let candidates = if listed.is_empty() { others } else { listed };
    let largest = candidates.into_iter().min_by(|a, b| a.availability.total_cmp(&b.availability)).unwrap_or(system);
    let target = criteria.ram.availability_min;
    // As many decimals as it takes to see that they differ.
    let percent = |a: f64| format!("{}%", (a * 1e8).round() / 1e6);
    let why = if availability {
        format!("Availability {} < {} target", percent(system.availability), percent(target))
    } else {
        let h = system.annual_downtime_h.unwrap_or_else(|| ram::downtime_h(system.availability));
        format!("Annual downtime {h} h > {} h", criteria.ram.downtime_h_max)
    };
    let share = format!("{} has the largest downtime, {:.2} h a year", largest.block_id, ram::downtime_h(largest.availability));
    let block = design.blocks.iter().find(|b| b.block_id == largest.block_id);
    let level = match block.map(|b| (b.block_type, b.n_total.saturating_sub(b.k_required))) {
        Some((BlockType::Series, _)) | None => 0,
        Some((BlockType::Standby, _)) => block.map_or(0, |b| b.n_total.saturating_sub(1)),
        Some((_, spare)) => spare,
    };
    if availability && level < criteria.standard.redundancy_max {
        found.push(ConstraintUpdate {
            parameter: "redundancy_level",
            subject: largest.block_id.clone(),
            unit: "units",
            old: Some(f64::from(level)),
            new: Some(f64::from(level + 1)),
            reason: format!("{why} (N+{level} to N+{}); {share}", level + 1),
        });
        return;
    }
    let excess = if availability {
        target - system.availability
    } else {
        (ram::downtime_h(system.availability) - criteria.ram.downtime_h_max) / 8760.0
    };
    // U = MTTR / (MTBF + MTTR): the repair time that leaves U less the excess.
    let new = largest.mtbf_h.and_then(|up| {
        let u = 1.0 - largest.availability - excess;
        (u > 0.0).then(|| up * u / (1.0 - u))
    });
    let end = if new.is_none() { "; no repair time is short enough: add spares" } else { "" };
    found.push(ConstraintUpdate {
        parameter: "mttr_h",
        subject: largest.block_id.clone(),
        unit: "h",
        old: largest.mttr_h,
        new,
        reason: format!("{why}: reduce the repair time or add spares; {share}{end}"),
    });
}
