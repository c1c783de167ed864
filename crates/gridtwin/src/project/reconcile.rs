//! `gridtwin project reconcile`: two networks of a project matched, with the decisions that are kept, and the result kept in turn.

use super::arguments::ProjectReconcileArguments;
use super::decisions::pairs_in_force;
use super::{author, now};
use crate::console::Console;
use crate::failure::Failure;
use crate::reconcile::{conflicts_geojson, matches_csv, render};
use crate::result_folder::write_whole;
use crate::text::Table;
use serde_json::{Value, json};
use store::project::{Project, Reconciled, StoredConflict, StoredMatch, VersionInfo};
use studies::reconcile::{Options, Reconciliation, reconcile};

/// What is to be matched.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Network and version on either side; the newest without a number.
    pub a: (String, Option<u64>),
    pub b: (String, Option<u64>),
    pub options: Options,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Matched {
    pub a: VersionInfo,
    pub b: VersionInfo,
    pub found: Reconciliation,
    /// Decisions that were applied.
    pub decisions: usize,
}

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn stored(found: &Reconciliation) -> Reconciled {
    Reconciled {
        matches: found
            .matches
            .iter()
            .map(|m| StoredMatch {
                a: m.a.clone(),
                b: m.b.clone(),
                class: m.class.name().to_owned(),
                method: word(&m.method),
                score: m.score,
                distance_m: m.distance_m,
                tie: m.tie.clone(),
                reasons: json!(m.reasons),
            })
            .collect(),
        conflicts: found
            .conflicts
            .iter()
            .map(|c| StoredConflict {
                kind: word(&c.kind),
                a: c.a.clone(),
                b: c.b.clone(),
                value_a: c.value_a.clone(),
                value_b: c.value_b.clone(),
                place: c.place,
            })
            .collect(),
        only_a: found.only_a.clone(),
        only_b: found.only_b.clone(),
    }
}

/// Matches two versions with the decisions that are in force, and keeps what came of it with the pair.
///
/// # Errors
/// Networks that are not there or cannot be read; a database that cannot be written.
pub fn reconcile_versions(project: &Project, pair: &Pair) -> Result<Matched, Failure> {
    let a = project.network(Some(&pair.a.0), pair.a.1)?;
    let b = project.network(Some(&pair.b.0), pair.b.1)?;
    let decisions = pairs_in_force(project, &pair.a.0, &pair.b.0)?;
    let found = reconcile(&a.imported.network, &b.imported.network, &decisions, &pair.options);
    let mut options = json!(pair.options);
    if let Value::Object(options) = &mut options {
        options.insert("decisions".to_owned(), json!(decisions.len()));
    }
    project.put_reconciliation(&a.info, &b.info, (&pair.time_utc, &pair.author), &options, &stored(&found))?;
    Ok(Matched { a: a.info, b: b.info, found, decisions: decisions.len() })
}

fn title(v: &VersionInfo) -> String {
    format!("{} version {}", v.network, v.number)
}

pub(super) fn run(a: &ProjectReconcileArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    let (Some(network), Some(with), false) = (&a.network, &a.with, a.list) else { return list(&project, a, console) };
    let defaults = Options::default();
    let pair = Pair {
        a: (network.clone(), a.network_version),
        b: (with.clone(), a.with_version),
        options: Options {
            radius_m: a.radius.unwrap_or(defaults.radius_m),
            least_score: a.least_score.unwrap_or(defaults.least_score),
            ..defaults
        },
        author: author(a.who.author.as_deref()),
        time_utc: now(),
    };
    let Matched { a: va, b: vb, found, decisions } = reconcile_versions(&project, &pair)?;
    if let Some(path) = &a.out {
        write_whole(path, &matches_csv(&found.matches))?;
    }
    if let Some(path) = &a.conflicts {
        let text = serde_json::to_string_pretty(&conflicts_geojson(&found.conflicts)).unwrap_or_default() + "\n";
        write_whole(path, &text)?;
    }
    if a.json {
        return console.json(&json!({
            "a": va, "b": vb, "decisions": decisions, "matches": found.matches, "conflicts": found.conflicts,
            "only_a": found.only_a, "only_b": found.only_b, "orphans": found.orphans, "findings": found.diagnostics,
        }));
    }
    let kept = format!("\nkept in the project, with {decisions} decisions by hand applied\n");
    console.print(&(render(&title(&va), &title(&vb), &found, console.style) + &kept))
}

fn list(project: &Project, a: &ProjectReconcileArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let kept = project.reconciliations()?;
    if a.json {
        return console.json(&kept);
    }
    if kept.is_empty() {
        return console.print("Nothing has been reconciled yet.\n");
    }
    let mut table = Table::new(&["<a", "<b", "<when", "<by", ">matches", ">conflicts", ">only a", ">only b"]);
    for r in &kept {
        table.row([
            format!("{} v{}", r.a.0, r.a.1),
            format!("{} v{}", r.b.0, r.b.1),
            r.time_utc.clone(),
            r.author.clone(),
            r.matches.to_string(),
            r.conflicts.to_string(),
            r.only_a.to_string(),
            r.only_b.to_string(),
        ]);
    }
    console.print(&table.render())
}
