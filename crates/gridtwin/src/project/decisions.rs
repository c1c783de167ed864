//! `gridtwin project decide` and `project decisions`: decisions by hand from the command line and from tables
//! ([`store::project::decisions`] keeps them), and how the studies are told them.

use super::arguments::{DecisionKind, ListFormat, ProjectDecideArguments, ProjectDecisionsArguments};
use super::{author, now};
use crate::answer::csv_cell;
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::number::count;
use crate::text::Table;
use formats::table::{self, ColumnMap, Columns, TableOptions, WantedColumn};
use network::Diagnostic;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use store::project::decisions::{Decision, FEEDER_HEAD, METER_MAP, PairDecision, RECONCILIATION, Signed, told};
use store::project::{Override, Project};
use studies::{meter_map, reconcile};

/// Decisions about pairs of two networks as the study takes them, in the order in which they were made.
///
/// # Errors
/// A database that cannot be read.
pub fn pairs_in_force(project: &Project, a: &str, b: &str) -> Result<Vec<reconcile::Override>, Failure> {
    let of = |p: store::project::decisions::PairInForce| reconcile::Override {
        decision: match p.decision {
            PairDecision::Accept => reconcile::Decision::Accept,
            PairDecision::Reject => reconcile::Decision::Reject,
            PairDecision::Force => reconcile::Decision::Force,
        },
        a: p.a,
        b: p.b,
        reason: if p.author.is_empty() { p.note } else { format!("{} ({})", p.note, p.author) },
    };
    Ok(project.pairs_in_force(a, b)?.into_iter().map(of).collect())
}

/// Decisions about meters as the study takes them, in the order in which they were made.
///
/// # Errors
/// A database that cannot be read.
pub fn meters_in_force(project: &Project) -> Result<Vec<meter_map::Override>, Failure> {
    let of = |m: store::project::decisions::MeterInForce| meter_map::Override {
        meter: m.meter,
        transformer: m.transformer,
        who: m.author,
        reason: m.note,
    };
    Ok(project.meters_in_force()?.into_iter().map(of).collect())
}

fn wrong(text: &str, form: &str) -> Failure {
    Diagnostic::error("PROJECT.DECISION.UNREADABLE", format!("\"{text}\" is no decision")).hint(form.to_owned()).into()
}

/// What the command line decides.
fn asked(a: &ProjectDecideArguments) -> Result<Vec<Signed>, Failure> {
    let own = author(a.who.author.as_deref());
    let signed = |decision| Signed { decision, author: own.clone(), note: a.who.note.clone() };
    let networks = (a.network.clone().unwrap_or_default(), a.with.clone().unwrap_or_default());
    let mut all = Vec::new();
    let words = [
        (&a.accept, Some(PairDecision::Accept)),
        (&a.reject, Some(PairDecision::Reject)),
        (&a.force, Some(PairDecision::Force)),
        (&a.withdraw, None),
    ];
    for (texts, decision) in words {
        for text in texts {
            let (x, y) = text.split_once('=').ok_or_else(|| wrong(text, "Write A=B with both as class:id, such as line:12=line:l12."))?;
            all.push(signed(Decision::Pair { networks: networks.clone(), a: x.trim().into(), b: y.trim().into(), decision }));
        }
    }
    if let Some(path) = &a.matches {
        all.extend(pairs_of_table(path, &networks, &own, &a.who.note)?);
    }
    for text in &a.meter {
        let (meter, t) = text.split_once('=').ok_or_else(|| wrong(text, "Write METER=TRANSFORMER; nothing after the sign for none."))?;
        all.push(signed(Decision::Meter { meter: meter.trim().into(), transformer: Some(t.trim().into()) }));
    }
    all.extend(a.withdraw_meter.iter().map(|m| signed(Decision::Meter { meter: m.clone(), transformer: None })));
    if let Some(path) = &a.meters {
        all.extend(meters_of_table(path, &own, &a.who.note)?);
    }
    for text in &a.head {
        let pair = text.split_once('=').map(|(f, p)| (f.trim(), p.trim())).filter(|(f, p)| !f.is_empty() && !p.is_empty());
        let (feeder, point) = pair.ok_or_else(|| wrong(text, "Write FEEDER=POINT, the name of a SCADA point or of a meter."))?;
        all.push(signed(Decision::Head { feeder: feeder.into(), point: Some(point.into()) }));
    }
    all.extend(a.withdraw_head.iter().map(|f| signed(Decision::Head { feeder: f.clone(), point: None })));
    Ok(all)
}

const PAIR_COLUMNS: &[WantedColumn] = &[
    WantedColumn { field: "decision", aliases: &[], required: true },
    WantedColumn { field: "a", aliases: &[], required: true },
    WantedColumn { field: "b", aliases: &[], required: true },
    WantedColumn { field: "note", aliases: &["reason", "comment", "why"], required: false },
    WantedColumn { field: "author", aliases: &["who", "user", "by"], required: false },
];

const METER_COLUMNS: &[WantedColumn] = &[
    WantedColumn { field: "meter", aliases: &["meter_id", "service_point", "nmi", "mpan"], required: true },
    WantedColumn { field: "transformer", aliases: &["transformer_id", "xfmr", "xfmr_id"], required: true },
    WantedColumn { field: "decision", aliases: &[], required: false },
    WantedColumn { field: "note", aliases: &["reason", "comment", "why"], required: false },
    WantedColumn { field: "author", aliases: &["who", "user", "by"], required: false },
];

/// Makes a decision of a row, given its cells by column.
type Decide<'a> = dyn Fn(&dyn Fn(&str) -> String) -> Result<Decision, String> + 'a;

fn of_table(path: &Path, wanted: &[WantedColumn], (author, note): (&str, &str), decision: &Decide) -> Result<Vec<Signed>, Failure> {
    let table = table::read(&DiskFiles::default(), path, &TableOptions { pad_short_rows: true, ..TableOptions::default() })?;
    let columns = Columns::find(&table, wanted, &ColumnMap::default())?;
    let mut all = Vec::new();
    for row in &table.rows {
        let cell = |field: &str| columns.cell(row, field).trim().to_owned();
        let or = |field: &str, otherwise: &str| Some(cell(field)).filter(|t| !t.is_empty()).unwrap_or_else(|| otherwise.to_owned());
        let decision = decision(&cell).map_err(|reason| {
            let what = Diagnostic::error("PROJECT.DECISION.UNREADABLE", reason).at(&table.at(row.line));
            Failure::from(what.hint("Correct the row; nothing of the table has been kept."))
        })?;
        all.push(Signed { decision, author: or("author", author), note: or("note", note) });
    }
    if let Some(first) = table.rejects.first() {
        let what = Diagnostic::error("PROJECT.DECISION.UNREADABLE", format!("a row does not fit the header: {}", first.reason));
        return Err(what.at(&first.source).hint("Correct the row; nothing of the table has been kept.").into());
    }
    Ok(all)
}

/// Decisions about pairs from a table of decision, a, b, note, author.
///
/// # Errors
/// A table that cannot be read, or a row that is no decision; then none counts.
pub fn pairs_of_table(path: &Path, networks: &(String, String), author: &str, note: &str) -> Result<Vec<Signed>, Failure> {
    of_table(path, PAIR_COLUMNS, (author, note), &|cell| {
        let decision = match cell("decision").to_lowercase().as_str() {
            "accept" => Some(PairDecision::Accept),
            "reject" => Some(PairDecision::Reject),
            "force" => Some(PairDecision::Force),
            "withdraw" => None,
            other => return Err(format!("\"{other}\" is none of accept, reject, force, withdraw")),
        };
        let (a, b) = (cell("a"), cell("b"));
        if a.is_empty() || b.is_empty() {
            return Err("one of the two subjects is missing".to_owned());
        }
        Ok(Decision::Pair { networks: networks.clone(), a, b, decision })
    })
}

/// Decisions about meters from a table of meter, transformer, note, author, decision.
///
/// # Errors
/// As [`pairs_of_table`].
pub fn meters_of_table(path: &Path, author: &str, note: &str) -> Result<Vec<Signed>, Failure> {
    of_table(path, METER_COLUMNS, (author, note), &|cell| {
        let meter = cell("meter");
        if meter.is_empty() {
            return Err("the meter is missing".to_owned());
        }
        match cell("decision").to_lowercase().as_str() {
            "" | "set" => Ok(Decision::Meter { meter, transformer: Some(cell("transformer")) }),
            "withdraw" => Ok(Decision::Meter { meter, transformer: None }),
            other => Err(format!("\"{other}\" is neither set nor withdraw")),
        }
    })
}

pub(super) fn run(a: &ProjectDecideArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    if let (Some(network), Some(with)) = (&a.network, &a.with) {
        // A slip in a name would keep decisions that never apply.
        project.version(Some(network), None)?;
        project.version(Some(with), None)?;
    }
    let all = asked(a)?;
    if all.is_empty() {
        let what = Diagnostic::error("PROJECT.DECISION.UNREADABLE", "nothing is decided");
        return Err(what.hint("Give --accept, --reject, --force, --matches, --meter, --meters, --head, or one of --withdraw….").into());
    }
    project.decide(&all, &now())?;
    let withdrawn = all.iter().filter(|s| s.decision.value().is_none()).count();
    console.print(&format!("{} kept, {} taken back\n", count(all.len() - withdrawn, "decision"), withdrawn))
}

/// A decision in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub decision: Override,
    /// Neither replaced nor taken back.
    pub in_force: bool,
}

/// Decisions of a kind, or of all; those in force, or all that were ever made, oldest first.
///
/// # Errors
/// A database that cannot be read.
pub fn list(project: &Project, kind: Option<&str>, all: bool) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    for kind in [RECONCILIATION, METER_MAP, FEEDER_HEAD].into_iter().filter(|k| kind.is_none_or(|wanted| wanted == *k)) {
        let log = project.override_log(kind)?;
        let last: BTreeMap<String, usize> = log.iter().enumerate().map(|(i, o)| (o.subject.clone(), i)).collect();
        for (i, decision) in log.into_iter().enumerate() {
            let in_force = last.get(&decision.subject) == Some(&i) && decision.value.is_some();
            if all || in_force {
                listed.push(Listed { decision, in_force });
            }
        }
    }
    Ok(listed)
}

pub(super) fn run_list(a: &ProjectDecisionsArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let kind = a.kind.map(|k| match k {
        DecisionKind::Matches => RECONCILIATION,
        DecisionKind::Meters => METER_MAP,
        DecisionKind::Heads => FEEDER_HEAD,
    });
    let listed = list(&Project::open(&a.dir)?, kind, a.all)?;
    let value = |o: &Override| match &o.value {
        None => "taken back".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match a.format {
        ListFormat::Json => console.json(&listed),
        ListFormat::Csv => {
            let mut text = String::from("kind,subject,value,author,note,time_utc,in_force\n");
            for Listed { decision: o, in_force } in &listed {
                let in_force = in_force.to_string();
                let cells = [&o.kind, &told(&o.kind, &o.subject), &value(o), &o.author, &o.note, &o.time_utc, &in_force];
                text += &cells.map(|c| csv_cell(c)).join(",");
                text.push('\n');
            }
            console.print(&text)
        }
        ListFormat::Text if listed.is_empty() => console.print("Nothing has been decided.\n"),
        ListFormat::Text => {
            let mut table = Table::new(&["<about", "<decision", "<by", "<when", "<why"]);
            for Listed { decision: o, in_force } in &listed {
                let old = if *in_force { "" } else { " (no longer)" };
                let value = format!("{}{old}", value(o));
                table.row([told(&o.kind, &o.subject), value, o.author.clone(), o.time_utc.clone(), o.note.clone()]);
            }
            console.print(&table.render())
        }
    }
}
