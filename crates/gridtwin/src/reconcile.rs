//! `gridtwin reconcile`: the pieces of one source matched to those of another, with scores, reasons, conflicts and decisions.
//!
//! Decisions are a table (CSV) of `decision,a,b,reason` that lives beside the sources: it is applied each time they are
//! read, and what it names stays found because ids are those of the sources.

use crate::cli::{ModelArguments, ReconcileArguments};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::result_folder::write_whole;
use crate::tables::push_line;
use crate::text::{self, Style, Table};
use formats::table::{self, ColumnMap, Columns, TableOptions, WantedColumn};
use network::Diagnostic;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use studies::reconcile::{Conflict, Decision, Match, Options, Override, Reconciliation, reconcile};

/// Rows of a list in the text; the files have all.
const SHOWN: usize = 15;

const OVERRIDE_COLUMNS: &[WantedColumn] = &[
    WantedColumn { field: "decision", aliases: &[], required: true },
    WantedColumn { field: "a", aliases: &[], required: true },
    WantedColumn { field: "b", aliases: &[], required: true },
    WantedColumn { field: "reason", aliases: &["comment", "note"], required: false },
];

/// What came of it, for programs.
#[derive(Serialize)]
struct Report<'a> {
    a: &'a str,
    b: &'a str,
    matches: &'a [Match],
    conflicts: &'a [Conflict],
    only_a: &'a [String],
    only_b: &'a [String],
    orphans: &'a [Override],
    findings: &'a [Diagnostic],
}

/// Runs the command.
///
/// # Errors
/// A source that cannot be read, decisions that cannot be understood, files that cannot be written.
pub fn run(arguments: &ReconcileArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let a = Model::read(&arguments.model)?;
    let other =
        ModelArguments { model: arguments.with.clone(), dss: Vec::new(), network: None, network_version: None, ..arguments.model.clone() };
    let b = Model::read(&other)?;
    let overrides = arguments.overrides.as_deref().map(read_overrides).transpose()?.unwrap_or_default();
    let defaults = Options::default();
    let options = Options {
        radius_m: arguments.radius.unwrap_or(defaults.radius_m),
        least_score: arguments.least_score.unwrap_or(defaults.least_score),
        ..defaults
    };
    let found = reconcile(&a.network, &b.network, &overrides, &options);
    if let Some(path) = &arguments.out {
        write_whole(path, &matches_csv(&found.matches))?;
    }
    if let Some(path) = &arguments.conflicts {
        let text = serde_json::to_string_pretty(&conflicts_geojson(&found.conflicts)).expect("conflicts are plain data") + "\n";
        write_whole(path, &text)?;
    }
    if arguments.json {
        return console.json(&Report {
            a: &a.name,
            b: &b.name,
            matches: &found.matches,
            conflicts: &found.conflicts,
            only_a: &found.only_a,
            only_b: &found.only_b,
            orphans: &found.orphans,
            findings: &found.diagnostics,
        });
    }
    console.print(&render(&a.name, &b.name, &found, console.style))
}

/// Decisions from a table.
fn read_overrides(path: &Path) -> Result<Vec<Override>, Failure> {
    let table = table::read(&DiskFiles::default(), path, &TableOptions { pad_short_rows: true, ..TableOptions::default() })?;
    let columns = Columns::find(&table, OVERRIDE_COLUMNS, &ColumnMap::default())?;
    let mut overrides = Vec::new();
    for row in &table.rows {
        let cell = |field| columns.cell(row, field).to_owned();
        let decision = match cell("decision").to_lowercase().as_str() {
            "accept" => Decision::Accept,
            "reject" => Decision::Reject,
            "force" => Decision::Force,
            other => {
                let what =
                    Diagnostic::error("RECONCILE.OVERRIDE.UNREADABLE", format!("\"{other}\" is no decision")).at(&table.at(row.line));
                return Err(what.hint("write accept, reject or force").into());
            }
        };
        overrides.push(Override { decision, a: cell("a").to_lowercase(), b: cell("b").to_lowercase(), reason: cell("reason") });
    }
    Ok(overrides)
}

/// A row a match, its reasons in one cell.
pub(crate) fn matches_csv(matches: &[Match]) -> String {
    let mut text = String::from("a,b,class,method,tie,reasons,score,distance_m\n");
    for m in matches {
        let reasons: Vec<String> = m.reasons.iter().map(|r| format!("{} {:.2}: {}", r.what, r.score, r.text)).collect();
        let method = format!("{:?}", m.method).to_lowercase();
        let words =
            [m.a.as_str(), m.b.as_str(), m.class.name(), method.as_str(), m.tie.as_deref().unwrap_or_default(), &reasons.join("; ")];
        match m.distance_m {
            Some(distance_m) => push_line(&mut text, &words, [m.score, distance_m]),
            None => {
                push_line(&mut text, &words, [m.score]);
                text.truncate(text.len() - 1);
                text.push_str(",\n");
            }
        }
    }
    text
}

pub(crate) fn conflicts_geojson(conflicts: &[Conflict]) -> Value {
    let features: Vec<Value> = conflicts
        .iter()
        .map(|c| {
            let geometry = c.place.map(|p| json!({ "type": "Point", "coordinates": [p.lon_deg, p.lat_deg] }));
            json!({ "type": "Feature", "geometry": geometry, "properties": c })
        })
        .collect();
    json!({ "type": "FeatureCollection", "features": features })
}

pub(crate) fn render(a: &str, b: &str, found: &Reconciliation, style: Style) -> String {
    let mut out = style.bold(&format!("{a} reconciled with {b}")) + "\n";
    section(&mut out, style, "Matches", |out| {
        let mut rows: BTreeMap<(&str, String), (usize, f64, f64)> = BTreeMap::new();
        for m in &found.matches {
            let row = rows.entry((m.class.name(), format!("{:?}", m.method).to_lowercase())).or_insert((0, 0.0, 1.0));
            *row = (row.0 + 1, row.1 + m.score, row.2.min(m.score));
        }
        let mut table = Table::new(&["<class", "<by", ">matches", ">mean score", ">lowest"]);
        for ((class, method), (n, sum, low)) in rows {
            table.row([class.to_owned(), method, n.to_string(), fixed(sum / n as f64, 3), fixed(low, 3)]);
        }
        out.push_str(&table.render());
        let ties = found.matches.iter().filter(|m| m.tie.is_some()).count();
        paragraph(
            out,
            &format!(
                "{} of {a} and {} of {b} have no partner; {} could as well have gone elsewhere",
                found.only_a.len(),
                found.only_b.len(),
                count(ties, "match")
            ),
        );
        for (name, only) in [(a, &found.only_a), (b, &found.only_b)] {
            if !only.is_empty() {
                let more = if only.len() > SHOWN { format!(", and {} more", only.len() - SHOWN) } else { String::new() };
                paragraph(out, &format!("only in {name}: {}{more}", only.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")));
            }
        }
    });
    let mut weakest: Vec<&Match> = found.matches.iter().filter(|m| m.score < 0.8).collect();
    weakest.sort_by(|x, y| x.score.total_cmp(&y.score));
    if !weakest.is_empty() {
        section(&mut out, style, "Weakest matches", |out| {
            let mut table = Table::new(&["<a", "<b", ">score", ">m", "<for and against"]);
            for m in weakest.iter().take(SHOWN) {
                let reasons: Vec<String> = m.reasons.iter().map(|r| format!("{} {:.2}", r.what, r.score)).collect();
                table.row([
                    m.a.clone(),
                    m.b.clone(),
                    fixed(m.score, 3),
                    m.distance_m.map_or(String::new(), |d| fixed(d, 1)),
                    reasons.join(", "),
                ]);
            }
            out.push_str(&table.render());
        });
    }
    if !found.conflicts.is_empty() {
        section(&mut out, style, &format!("Conflicts: {}", found.conflicts.len()), |out| {
            let mut table = Table::new(&["<what", "<a", "<b", ">value of a", ">value of b"]);
            for c in found.conflicts.iter().take(2 * SHOWN) {
                table.row([format!("{:?}", c.kind).to_lowercase(), c.a.clone(), c.b.clone(), c.value_a.clone(), c.value_b.clone()]);
            }
            out.push_str(&table.render());
            if found.conflicts.len() > 2 * SHOWN {
                paragraph(out, &format!("and {} more; --conflicts FILE writes all", found.conflicts.len() - 2 * SHOWN));
            }
        });
    }
    if !found.diagnostics.is_empty() {
        section(&mut out, style, &format!("Findings: {}", text::tally(&found.diagnostics)), |out| {
            out.push_str(&text::diagnostics(&found.diagnostics, style))
        });
    }
    out
}
