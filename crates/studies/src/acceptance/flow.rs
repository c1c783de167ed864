//! Stages 2a and 2c: voltages, loading and angles.
//!
//! * A voltage passes from 0.95 to 1.05, ends included, and fails outside; there is no warning band.
//! * The angle that is judged is the one against the swing bus, |angle - angle of swing|: the angle of a bus alone depends on the reference that a tool
//!   happens to use. Where the results have no row of the swing bus it is the spread of all angles, largest less smallest.
//! * Powers of an ETAP row are net injections, generation less load.

use super::{JudgedRow, Metric, Stage, Verdict, band_margin, below, in_band, metric, upper_margin, upper_words};
use network::Diagnostic;
use network::design::criteria::{Band, Criteria, UpperLimit};
use network::design::results::{LoadFlowRow, PowerFlowRow};
use network::design::{Design, reactive_mvar};
use std::collections::BTreeMap;

fn band_words(band: Band) -> String {
    format!("from {} to {}, ends included", band.min, band.max)
}

const LOW_OR_HIGH: &str = "below: add reactive compensation; above: reduce taps or absorb reactive power";

pub(super) fn load_flow(design: &Design, rows: Option<&[LoadFlowRow]>, criteria: &Criteria) -> Stage {
    const TITLE: &str = "ETAP load flow";
    let Some(rows) = rows else { return Stage::not_run("2a", TITLE) };
    let band = criteria.load_flow_voltage_pu;
    let voltage = rows.iter().map(|r| JudgedRow::new(&r.bus_id, &r.origin, r.voltage_pu, in_band(r.voltage_pu, band))).collect();
    let mut metrics = vec![metric("voltage_pu", "pu", band_words(band), voltage, band_margin(band), LOW_OR_HIGH)];
    let limit = criteria.loading_pct;
    let loaded = rows.iter().filter_map(|r| r.loading_pct.map(|l| JudgedRow::new(&r.bus_id, &r.origin, l, below(l, limit))));
    metrics.push(metric("loading_pct", "%", upper_words(limit, " %"), loaded.collect(), upper_margin(limit), "resize equipment"));
    let mut findings = Vec::new();
    for r in rows {
        voltages_agree(design, r, criteria, &mut findings);
        signs(design, r, &mut findings);
    }
    Stage::new("2a", TITLE, metrics, findings)
}

/// kV over the bus's rated kV against the per-unit value: judged is the latter.
fn voltages_agree(design: &Design, r: &LoadFlowRow, criteria: &Criteria, findings: &mut Vec<Diagnostic>) {
    let Some((kv, bus)) = r.voltage_kv.zip(design.bus(&r.bus_id)) else { return };
    let of_kv = kv / bus.rated_kv;
    if (of_kv - r.voltage_pu).abs() > criteria.consistency.voltage_pu {
        let what = format!("{kv} kV are {of_kv:.4} of {} kV, but the row says {} pu; the latter is judged", bus.rated_kv, r.voltage_pu);
        let finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.VOLTAGE", what).element(r.bus_id.as_str()).at(&r.origin.source);
        findings.push(finding.hint("look which of the two columns the tool filled from the solution"));
    }
}

/// A bus with load alone takes power, one with generation alone gives it.
fn signs(design: &Design, r: &LoadFlowRow, findings: &mut Vec<Diagnostic>) {
    let Some(p_mw) = r.p_mw else { return };
    let at = |bus: &str| bus == r.bus_id;
    let takes = design.loads.iter().any(|l| at(&l.bus) && l.p_mw > 0.0) || design.motors.iter().any(|m| at(&m.bus));
    let stores = design.batteries.iter().any(|b| at(&b.bus)) || design.grid_feeds.iter().any(|g| at(&g.bus));
    let gives = design.generators.iter().any(|g| at(&g.bus)) || design.pv_plants.iter().any(|p| at(&p.bus));
    let wrong = match (takes, gives || stores) {
        (true, false) => p_mw > 0.0,
        (false, true) => p_mw < 0.0 && !stores,
        _ => false,
    };
    if wrong {
        let what = format!("P is {p_mw} MW at a bus with {} alone", if takes { "load" } else { "generation" });
        let finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.SIGN", what).element(r.bus_id.as_str()).at(&r.origin.source);
        findings.push(finding.hint("P and Q are net injections: generation less load"));
    }
}

pub(super) fn power_flow(design: &Design, rows: Option<&[PowerFlowRow]>, criteria: &Criteria) -> Stage {
    const TITLE: &str = "PSS/E power flow / angle";
    let Some(rows) = rows else { return Stage::not_run("2c", TITLE) };
    let name = |r: &PowerFlowRow| design.bus_of_number(r.bus).map_or_else(|| r.bus.to_string(), |b| b.id.clone());
    let band = criteria.power_flow_voltage_pu;
    let voltage = rows.iter().map(|r| JudgedRow::new(name(r), &r.origin, r.vm_pu, in_band(r.vm_pu, band))).collect();
    let mut metrics = vec![metric("voltage_pu", "pu", band_words(band), voltage, band_margin(band), LOW_OR_HIGH)];
    metrics.push(angles(design, rows, criteria.angle_deg, name));
    let mut findings = Vec::new();
    for r in rows {
        load_agrees(design, r, criteria, &mut findings);
    }
    Stage::new("2c", TITLE, metrics, findings)
}

fn angles(design: &Design, rows: &[PowerFlowRow], limit: UpperLimit, name: impl Fn(&PowerFlowRow) -> String) -> Metric {
    let mut by_scenario: BTreeMap<&str, Vec<&PowerFlowRow>> = BTreeMap::new();
    for r in rows {
        by_scenario.entry(&r.origin.scenario_id).or_default().push(r);
    }
    let scenarios = design.scenarios();
    let (mut judged, mut notes) = (Vec::new(), Vec::new());
    for (id, rows) in by_scenario {
        // The swing machine itself may have tripped.
        let changed = scenarios.iter().find(|s| s.scenario_id == id).and_then(|s| design.in_scenario(s).ok());
        let of_design = changed.as_ref().unwrap_or(design).swing_bus().and_then(|b| design.bus(b)).and_then(|b| b.case_number());
        let swing = rows.iter().find(|r| r.is_swing).or_else(|| rows.iter().find(|r| Some(r.bus) == of_design));
        let note = match swing {
            Some(swing) => {
                judged.extend(rows.iter().map(|r| {
                    let angle = (r.va_deg - swing.va_deg).abs();
                    JudgedRow::new(name(r), &r.origin, angle, below(angle, limit))
                }));
                format!("against the angle of the swing bus {}", swing.bus)
            }
            None => {
                let by_angle = |a: &&&PowerFlowRow, b: &&&PowerFlowRow| a.va_deg.total_cmp(&b.va_deg);
                if let Some((low, high)) = rows.iter().min_by(by_angle).zip(rows.iter().max_by(by_angle)) {
                    let spread = high.va_deg - low.va_deg;
                    judged.push(JudgedRow::new(format!("{} to {}", name(low), name(high)), &high.origin, spread, below(spread, limit)));
                }
                "the spread of all angles, as there is no row of the swing bus".to_owned()
            }
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let mut found = metric(
        "angle_deg",
        "deg",
        upper_words(limit, " deg"),
        judged,
        upper_margin(limit),
        "add feeders in parallel or move generation to the load",
    );
    found.note = notes.join("; ");
    found
}

/// Reactive power of a load against the power factor of the design's.
fn load_agrees(design: &Design, r: &PowerFlowRow, criteria: &Criteria, findings: &mut Vec<Diagnostic>) {
    let Some(((p, q), bus)) = r.p_load_mw.zip(r.q_load_mvar).zip(design.bus_of_number(r.bus)) else { return };
    let loads = || design.loads.iter().filter(|l| l.bus == bus.id);
    let (p_own, q_own) = loads().fold((0.0, 0.0), |(p, q), l| (p + l.p_mw, q + reactive_mvar(l.p_mw, l.pf)));
    if p_own <= 0.0 || p <= 0.0 || design.motors.iter().any(|m| m.bus == bus.id) {
        return;
    }
    let expected = q_own * p / p_own;
    let off_pct = (q - expected).abs() / expected.abs().max(1e-9) * 100.0;
    if off_pct > criteria.consistency.load_q_pct {
        let what = format!("a load of {p} MW has {q} Mvar, where its power factor gives {expected:.2}: {off_pct:.1} % off");
        let finding = Diagnostic::warning("EXCHANGE.ACCEPTANCE.LOAD_Q", what).element(bus.id.as_str()).at(&r.origin.source);
        findings.push(finding.hint("look whether the other tool's load has the design's power factor"));
    }
}

/// Rows whose verdict is failure: value, bus and scenario.
pub(super) fn failed_voltages(stage: &Stage) -> Vec<&JudgedRow> {
    let of = stage.metric("voltage_pu").map_or(&[][..], |m| &m.failed);
    debug_assert!(of.iter().all(|r| r.verdict == Verdict::Fail));
    of.iter().collect()
}
