//! `gridtwin exchange availability`: how available a design is, exactly and over many simulated histories; what matters most; its failure modes by risk.

use super::arguments::AvailabilityArguments;
use super::shown::{availability_rows, digits, value};
use super::{criteria, design};
use crate::answer::short;
use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::cannot;
use crate::study_tables::{self, json_rows};
use crate::text::Table;
use network::Diagnostic;
use serde_json::json;
use std::fmt::Write as _;
use store::files::write_whole;
use studies::availability::fmea::{Ranked, rank};
use studies::availability::tables::fmea_table;
use studies::availability::{AvailabilityError, Exact, ExactOptions, Simulated, SimulationOptions, analyse, simulate};
use studies::design_study::{diagram, failure_modes};
use studies::hands::Hands;

/// Rows of a list that a terminal is shown.
const SHOWN: usize = 8;

/// Runs the command. False where the plant misses its target.
pub(super) fn run(arguments: &AvailabilityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let (design, mut found) = design(arguments.design.as_deref())?;
    let target = criteria(arguments.criteria.as_deref())?.ram.availability_min;
    if design.blocks.is_empty() {
        let what = Diagnostic::error("EXCHANGE.DESIGN.NO_BLOCKS", "the design has no reliability blocks");
        return Err(what.hint("add `blocks` to the design; `gridtwin exchange sample design` shows some").into());
    }
    let refused = |e: AvailabilityError| Failure::new(e.findings);
    let diagram = diagram(&design);
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
    let ranked = rank(&failure_modes(&design, &diagram), Some(&diagram)).map_err(refused)?;
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
        console.json(&json!({ "system": exact.system, "target": target, "tables": tables }))?;
    } else {
        console.print(&shown(&design.name, target, &exact, &simulated, &ranked))?;
    }
    Ok(exact.system().meets_target != Some(false))
}

fn shown(name: &str, target: f64, exact: &Exact, simulated: &Simulated, ranked: &[Ranked]) -> String {
    let system = exact.system();
    let verdict = if system.meets_target == Some(false) { "MISSED" } else { "met" };
    let mut text =
        format!("{name}\n  {} is available to {}, the target {} is {verdict}\n", exact.system, digits(system.availability), digits(target));
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
