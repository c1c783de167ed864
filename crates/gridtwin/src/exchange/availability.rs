//! `gridtwin exchange availability`: how available a design or a reliability diagram is, exactly and over many simulated histories; what matters most; its
//! failure modes by risk.

use super::arguments::AvailabilityArguments;
use super::shown::{availability_rows, digits, value};
use super::{criteria, design, text};
use crate::answer::short;
use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::cannot;
use crate::study_tables::{self, json_rows};
use crate::text::Table;
use formats::exchange::read_diagram;
use network::availability::{Diagram, FailureMode};
use network::{Diagnostic, Severity};
use serde_json::json;
use std::fmt::Write as _;
use store::files::write_whole;
use studies::availability::fmea::{Ranked, rank};
use studies::availability::tables::fmea_table;
use studies::availability::{AvailabilityError, Exact, ExactOptions, Simulated, SimulationOptions, analyse, check, simulate};
use studies::design_study::{diagram, failure_modes};
use studies::hands::Hands;

/// Rows of a list that a terminal is shown.
const SHOWN: usize = 8;

/// What the exact result leaves out, so that the simulation alone is near the truth.
const LEFT_OUT: [&str; 3] = ["RAM.EXACT.CREWS", "RAM.EXACT.SPARES", "RAM.EXACT.MAINTENANCE"];

/// What is asked about.
struct Asked {
    name: String,
    diagram: Diagram,
    failure_modes: Vec<FailureMode>,
    /// Of a diagram that says one itself.
    target: Option<f64>,
    found: Vec<Diagnostic>,
}

fn asked(arguments: &AvailabilityArguments) -> Result<Asked, Failure> {
    if let Some(path) = &arguments.diagram {
        let file = path.display().to_string();
        let read = read_diagram(&text(path)?, &file);
        let found = read.located(check(&read.diagram));
        if found.iter().any(|d| d.severity == Severity::Error) {
            return Err(Failure::new(found));
        }
        let name = if read.name.is_empty() { file } else { read.name };
        // Warnings of the check come again with the results.
        let found = read.findings;
        return Ok(Asked { name, diagram: read.diagram, failure_modes: Vec::new(), target: read.target_availability, found });
    }
    let (design, found) = design(arguments.design.as_deref())?;
    if design.blocks.is_empty() {
        let what = Diagnostic::error("EXCHANGE.DESIGN.NO_BLOCKS", "the design has no reliability blocks");
        return Err(what.hint("add `blocks` to the design; `gridtwin exchange sample design` shows some").into());
    }
    let diagram = diagram(&design);
    let failure_modes = failure_modes(&design, &diagram);
    Ok(Asked { name: design.name, diagram, failure_modes, target: None, found })
}

/// Whether the plant is available enough: by the exact result, or by the simulated mean where the exact one leaves something out that takes from it.
fn meets(target: f64, exact: &Exact, simulated: &Simulated) -> (bool, bool) {
    let by_simulation = exact.findings.iter().any(|d| LEFT_OUT.contains(&d.code.as_str()));
    let exactly = exact.system().meets_target != Some(false);
    (exactly && (!by_simulation || simulated.availability.mean >= target), by_simulation)
}

/// Runs the command. False where the plant misses its target.
pub(super) fn run(arguments: &AvailabilityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let Asked { name, diagram, failure_modes, target, mut found } = asked(arguments)?;
    let limits = criteria(arguments.criteria.as_deref())?;
    let target = target.filter(|_| arguments.criteria.is_none()).unwrap_or(limits.ram.availability_min);
    let refused = |e: AvailabilityError| Failure::new(e.findings);
    let exact = analyse(&diagram, &ExactOptions { target_availability: Some(target), ..ExactOptions::default() }).map_err(refused)?;
    let options = SimulationOptions {
        seed: arguments.seed,
        histories: arguments.histories,
        mission_years: arguments.years,
        warm_up_years: arguments.warm_up,
        target_availability: Some(target),
        ..SimulationOptions::default()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let simulated = simulate(&diagram, &options, &Hands::Threads(threads)).map_err(refused)?;
    let ranked = rank(&failure_modes, Some(&diagram)).map_err(refused)?;
    let tables: Vec<_> = exact.tables().into_iter().chain(simulated.tables()).chain([fmea_table(&ranked)]).collect();
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
        for table in &tables {
            let name = study_tables::file_name(table.name, TableFormat::Csv);
            if let Some(content) = study_tables::file_of(table.name, [table.clone()], TableFormat::Csv)? {
                write_whole(&dir.join(name), &content)?;
            }
        }
    }
    found.extend(exact.findings.iter().chain(&simulated.findings).cloned());
    console.warn(&found);
    if arguments.json {
        let tables: Vec<_> = tables.iter().map(|t| json!({ "name": t.name, "rows": json_rows(t) })).collect();
        let (is_met, by_simulation) = meets(target, &exact, &simulated);
        let judged_by = if by_simulation { "simulation" } else { "exact" };
        console.json(&json!({ "system": exact.system, "target": target, "is_met": is_met, "judged_by": judged_by, "tables": tables }))?;
    } else {
        console.print(&shown(&name, target, &exact, &simulated, &ranked))?;
    }
    Ok(meets(target, &exact, &simulated).0)
}

fn shown(name: &str, target: f64, exact: &Exact, simulated: &Simulated, ranked: &[Ranked]) -> String {
    let system = exact.system();
    let (is_met, by_simulation) = meets(target, exact, simulated);
    let verdict = if is_met { "met" } else { "MISSED" };
    let available = if by_simulation {
        let mean = digits(simulated.availability.mean);
        format!("{mean} simulated ({} exactly, without what the warnings say is left out of that)", digits(system.availability))
    } else {
        digits(system.availability)
    };
    let mut text = format!("{name}\n  {} is available to {available}, the target {} is {verdict}\n", exact.system, digits(target));
    text += "\nBlocks, exactly\n";
    let mut table = Table::new(&["<block", "<reading", ">availability", ">h/yr down", ">failures/yr", ">mean up h", ">mean down h"]);
    availability_rows(exact).into_iter().for_each(|row| table.row(row));
    text += &table.render();

    text += "\nParts by what they mean for the plant\n";
    let mut parts: Vec<_> = exact.importance.iter().filter(|i| !i.is_block).collect();
    parts.sort_by(|a, b| b.fussell_vesely.unwrap_or(0.0).total_cmp(&a.fussell_vesely.unwrap_or(0.0)));
    let mut table = Table::new(&[
        "<part",
        ">unavailability",
        ">Birnbaum",
        ">criticality",
        ">Fussell-Vesely",
        ">worth of failure",
        ">worth of perfection",
    ]);
    for i in parts.iter().take(SHOWN) {
        let n = |v: Option<f64>| value(v, "");
        let (u, birnbaum) = (short(i.unavailability), short(i.birnbaum));
        table.row([
            i.id.clone(),
            u,
            birnbaum,
            n(i.criticality),
            n(i.fussell_vesely),
            n(i.risk_achievement_worth),
            n(i.risk_reduction_worth),
        ]);
    }
    text += &table.render();
    more(&mut text, parts.len());

    text += "\nWhat has to fail together, the likeliest first\n";
    let mut table = Table::new(&["<parts", ">unavailability", ">share %"]);
    exact.cut_sets.iter().take(SHOWN).for_each(|s| table.row([s.events.join(", "), short(s.unavailability), short(100.0 * s.share)]));
    text += &table.render();
    more(&mut text, exact.cut_sets.len());

    let s = simulated;
    let _ = writeln!(text, "\nSimulated: {} histories of {} years, seed {}, 95 % intervals", s.histories, s.mission_years, s.seed);
    let mut table = Table::new(&["<", ">mean", ">from", ">to", ">exactly"]);
    let rows = [
        ("availability", s.availability, Some(system.availability)),
        ("failures/yr", s.failures_per_year, system.failures_per_year),
        ("h/yr down", s.downtime_h_per_year, Some(system.downtime_h_per_year)),
    ];
    for (what, i, exactly) in rows {
        table.row([what.to_owned(), digits(i.mean), digits(i.low), digits(i.high), value(exactly, "")]);
    }
    text += &table.render();
    let [p50, p90, p95, p99, most] = s.years_p50_p90_p95_p99_max_h.map(short);
    let _ = writeln!(text, "  hours down in a year: half of the years up to {p50}, 90 % {p90}, 95 % {p95}, 99 % {p99}, the longest {most}");
    if let Some(below) = s.years_below_target {
        let _ = writeln!(text, "  {} % of the years miss the target", short(100.0 * below));
    }

    if !ranked.is_empty() {
        text += "\nFailure modes by risk priority number; severity 9 and 10 are marked whatever their rank\n";
        let mut table = Table::new(&[">rank", ">RPN", "<", "<part", "<mode", "<do", "<marks from"]);
        for r in ranked.iter().take(SHOWN) {
            let mark = if r.is_severe { "!" } else { "" };
            let m = &r.mode;
            let (part, mode) = (m.component_id.clone(), m.failure_mode.clone());
            table.row([r.rank.to_string(), r.rpn.to_string(), mark.to_owned(), part, mode, m.recommended_action.clone(), m.basis.clone()]);
        }
        text += &table.render();
        more(&mut text, ranked.len());
    }
    text
}

fn more(text: &mut String, n: usize) {
    if n > SHOWN {
        let _ = writeln!(text, "  and {} more", n - SHOWN);
    }
}
