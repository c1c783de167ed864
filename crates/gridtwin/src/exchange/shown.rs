//! What the commands about exchange print.

use super::arguments::ExportArguments;
use crate::answer::short;
use crate::study_tables::json_rows;
use crate::text::Table;
use formats::exchange::{Export, ResultKind};
use network::design::Design;
use network::design::sizing::SizingBrief;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use studies::acceptance::{Acceptance, Stage};
use studies::availability::{Exact, Figures};
use studies::design_study::OwnStudies;
use studies::sizing::{Chosen, Round, Sizing, SizingStatus};

/// Rows of a list that a terminal is shown.
const SHOWN: usize = 8;

pub(super) fn export(design: &Design, export: &Export, arguments: &ExportArguments) -> String {
    let mut text = format!("{}, fingerprint {:.16}\n\n", design.name, export.manifest.fingerprint);
    let mut table = Table::new(&["<file", ">bytes", "<SHA-256"]);
    for file in &export.manifest.files {
        table.row([file.name.clone(), file.bytes.to_string(), format!("{:.16}", file.sha256)]);
    }
    text += &table.render();
    let dropped = export.dropped();
    if !dropped.is_empty() {
        text += "\nnot carried over:\n";
        let mut table = Table::new(&["<what", ">times", "<why"]);
        dropped.iter().for_each(|((field, reason), n)| table.row([(*field).to_owned(), n.to_string(), (*reason).to_owned()]));
        text += &table.render();
    }
    let places = [&arguments.out, &arguments.zip].into_iter().flatten().map(|p| p.display().to_string()).collect::<Vec<_>>();
    let _ = writeln!(text, "\nwritten to {}", places.join(" and "));
    text
}

pub(super) fn value(number: Option<f64>, unit: &str) -> String {
    match number {
        None => "-".to_owned(),
        Some(x) if unit.is_empty() => digits(x),
        Some(x) => format!("{} {unit}", digits(x)),
    }
}

/// Availability needs more digits than four.
pub(super) fn digits(x: f64) -> String {
    if (0.9..1.0).contains(&x) { format!("{x:.6}").trim_end_matches('0').to_owned() } else { short(x) }
}

pub(super) fn acceptance(design: &Design, files: &[(String, ResultKind)], acceptance: &Acceptance) -> String {
    let mut text = format!("{}\n", design.name);
    for (name, kind) in files {
        let _ = writeln!(text, "  {name}: {}", kind.words());
    }
    text + &stages(acceptance)
}

/// Each breaker with its largest duty, the worst first: breaker, bus, before, duty kA, rated kA, duty %, fault.
pub(super) fn breaker_rows(own: &OwnStudies) -> Vec<[String; 7]> {
    let mut duties: Vec<_> = own.duties.iter().filter_map(|d| Some((d, d.governing()?))).collect();
    duties.sort_by(|a, b| b.1.duty_pct.total_cmp(&a.1.duty_pct));
    let row = |(d, c): &(&studies::short_circuit::Duty, &studies::short_circuit::Comparison)| {
        let before = d.element.clone().unwrap_or_default();
        let (duty, rating, pct) = (short(c.duty_ka), short(c.rating_ka), short(c.duty_pct));
        [d.breaker.clone(), d.bus.clone(), before, duty, rating, pct, c.fault.name().to_owned()]
    };
    duties.iter().map(row).collect()
}

/// Each block: id, reading, availability, hours down a year, failures a year, mean up and down time in hours.
pub(super) fn availability_rows(ram: &Exact) -> Vec<[String; 7]> {
    let n = |v: Option<f64>| value(v, "");
    let row = |f: &Figures| {
        let (a, down) = (digits(f.availability), short(f.downtime_h_per_year));
        [f.id.clone(), f.reading.word().to_owned(), a, down, n(f.failures_per_year), n(f.mean_up_h), n(f.mean_down_h)]
    };
    ram.blocks.iter().chain(&ram.by_capacity).map(row).collect()
}

pub(super) fn study(design: &Design, own: &OwnStudies, acceptance: &Acceptance) -> String {
    let mut text = format!("{}\n  {} of {} scenarios solved\n", design.name, own.n_solved, own.n_scenarios);
    if !own.duties.is_empty() {
        text += "\nBreakers, by their own currents\n";
        let mut table = Table::new(&["<breaker", "<bus", "<before", ">duty kA", ">rated kA", ">duty %", "<fault"]);
        let duties = breaker_rows(own);
        duties.iter().take(SHOWN).for_each(|row| table.row(row.clone()));
        text += &table.render();
        if duties.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", duties.len() - SHOWN);
        }
    }
    if let Some(ram) = &own.ram {
        text += "\nAvailability, exactly\n";
        let mut table = Table::new(&["<block", "<reading", ">availability", ">h/yr down", ">failures/yr", ">mean up h", ">mean down h"]);
        availability_rows(ram).into_iter().for_each(|row| table.row(row));
        text += &table.render();
    }
    text + &stages(acceptance)
}

pub(super) fn study_json(own: &OwnStudies, acceptance: &Acceptance) -> Value {
    let tables: Vec<Value> = own.tables().iter().map(|t| json!({ "name": t.name, "rows": json_rows(t) })).collect();
    json!({ "acceptance": acceptance, "results": own.results, "scenarios": own.n_scenarios, "solved": own.n_solved, "tables": tables })
}

fn stages(acceptance: &Acceptance) -> String {
    let mut text = String::new();
    for stage in &acceptance.stages {
        text += &of_stage(stage);
    }
    if !acceptance.own_availability.is_empty() {
        text += "\nAvailability by the design's own components\n";
        let mut table = Table::new(&["<block", ">imported", ">by count", ">by capacity", ">with batteries"]);
        for own in &acceptance.own_availability {
            let n = |v: Option<f64>| value(v, "");
            table.row([own.block_id.clone(), n(own.imported), n(own.by_count), n(own.by_capacity), n(own.by_capacity_with_batteries)]);
        }
        text += &table.render();
    }
    if !acceptance.updates.is_empty() {
        text += "\nConstraint updates\n";
        for update in &acceptance.updates {
            let (old, new) = (value(update.old, update.unit), value(update.new, update.unit));
            let _ = writeln!(text, "  {} of {}: {old} -> {new}\n    {}", update.parameter, update.subject, update.reason);
        }
    }
    let _ = writeln!(text, "\noverall: {}", acceptance.overall.word());
    text
}

fn of_stage(stage: &Stage) -> String {
    let mut text = format!("\nStage {} {}: {}\n", stage.id, stage.title, stage.verdict.word());
    if !stage.metrics.is_empty() {
        let mut table = Table::new(&["<metric", ">value", ">margin", "<", "<governed by", "<limit"]);
        for m in &stage.metrics {
            let at = m.governing.as_ref().map_or_else(String::new, |r| {
                if r.scenario_id.is_empty() { r.subject.clone() } else { format!("{} ({})", r.subject, r.scenario_id) }
            });
            table.row([
                m.name.to_owned(),
                value(m.value, m.unit),
                value(m.margin, m.unit),
                m.verdict.word().to_owned(),
                at,
                m.limit.clone(),
            ]);
        }
        text += &table.render();
    }
    for m in &stage.metrics {
        if !m.note.is_empty() {
            let _ = writeln!(text, "  {}: {}", m.name, m.note);
        }
        if !m.failed.is_empty() {
            let rows: Vec<String> =
                m.failed.iter().take(SHOWN).map(|r| format!("{} {}", r.subject, value(Some(r.value), m.unit))).collect();
            let more = m.failed.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(text, "  failed by {}: {}{more}; {}", m.name, rows.join(", "), m.action);
        }
    }
    for finding in &stage.findings {
        let _ = writeln!(text, "  {}", finding.message);
    }
    text
}

pub(super) fn design(design: &Design) -> String {
    let dispatch = design.base_dispatch();
    let mut text = format!(
        "{}, fingerprint {:.16}\n{} buses, {} generators, {} batteries, {} PV plants, {} grid feeds, {} transformers, {} cables, {} loads, {} motors, {} \
         breakers, {} components, {} blocks\n",
        design.name,
        design.fingerprint(),
        design.buses.len(),
        design.generators.len(),
        design.batteries.len(),
        design.pv_plants.len(),
        design.grid_feeds.len(),
        design.transformers.len(),
        design.cables.len(),
        design.loads.len(),
        design.motors.len(),
        design.breakers.len(),
        design.components.len(),
        design.blocks.len()
    );
    let _ = writeln!(
        text,
        "load {} MW at power factor {}; {} MW not carried",
        short(design.load_mw()),
        short(design.load_pf()),
        short(dispatch.shortfall_mw)
    );
    text += "\nscenarios\n";
    let mut table = Table::new(&["<id", "<type", ">load MW", ">pf", "<tripped"]);
    for s in design.scenarios() {
        table.row([s.scenario_id.clone(), s.kind.word().to_owned(), short(s.load_mw), short(s.load_pf), s.tripped_equipment.join(", ")]);
    }
    text += &table.render();
    text
}

pub(super) fn design_json(design: &Design) -> Value {
    json!({ "fingerprint": design.fingerprint(), "design": design, "scenarios": design.scenarios() })
}

/// Costs in millions, as plants are spoken of.
pub(super) fn millions(cost: f64, brief: &SizingBrief) -> String {
    format!("{:.2} million {}", cost / 1e6, brief.economics.currency)
}

pub(super) fn chosen(all: &[Chosen]) -> String {
    let one =
        |c: &Chosen| if c.unit == "units" { format!("{} {}", c.value, c.id) } else { format!("{} {} {}", c.id, short(c.value), c.unit) };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn round(round: &Round, brief: &SizingBrief) -> String {
    let mut text = match &round.cost {
        None => format!("as given, {}\n", round.layout),
        Some(cost) => format!("round {}, {}: {}\n  {}\n", round.number, round.layout, millions(cost.total, brief), chosen(&round.chosen)),
    };
    let stages: Vec<String> = round.stages.iter().map(|s| format!("{} {}", s.id, s.verdict.word())).collect();
    let _ = writeln!(text, "  {}", stages.join("  "));
    for failure in round.failures.iter().take(SHOWN) {
        let _ = writeln!(text, "    {failure}");
    }
    if round.failures.len() > SHOWN {
        let _ = writeln!(text, "    and {} more", round.failures.len() - SHOWN);
    }
    for learned in &round.learned {
        let _ = writeln!(text, "  so, for {}, {}", learned.family.words(), learned.words);
    }
    text
}

pub(super) fn sizing(sized: &Sizing, brief: &SizingBrief, out: Option<&Path>) -> String {
    let mut text = String::from("\n");
    let tried = sized.rounds.iter().filter(|r| r.cost.is_some()).count();
    match (sized.status, sized.rounds.last().and_then(|r| r.cost.as_ref().map(|c| (r, c)))) {
        (SizingStatus::AllPass, Some((last, cost))) => {
            let _ = writeln!(text, "all pass in round {tried}: {}\n  {}", millions(cost.total, brief), chosen(&last.chosen));
            let parts = [("bought", cost.capital), ("fixed", cost.fixed), ("energy", cost.energy)];
            let parts: Vec<String> = parts.iter().map(|(name, c)| format!("{name} {}", millions(*c, brief))).collect();
            let e = &brief.economics;
            let _ = writeln!(text, "  {} over {} years at {} %", parts.join(", "), e.years, e.discount_pct);
        }
        (SizingStatus::Infeasible, _) => {
            let _ = writeln!(text, "no plant of this brief passes: {tried} were tried, and each excluded all that fail with it");
            for r in &sized.relaxations {
                let _ = match r.cost {
                    Some(cost) => {
                        writeln!(text, "  without {}: at least {}, {}", r.without.words(), millions(cost, brief), chosen(&r.chosen))
                    }
                    None => writeln!(text, "  without {}: none either", r.without.words()),
                };
            }
        }
        _ => {
            let _ = writeln!(text, "not settled after {tried} rounds");
        }
    }
    if let (Some(out), true) = (out, sized.design.is_some()) {
        let _ = writeln!(text, "written to {}: design.json, sizing_rounds.csv", out.display());
    }
    text
}
