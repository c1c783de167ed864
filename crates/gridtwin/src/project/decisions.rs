//! Decisions by hand in a project: kept with who, when and why, applied whenever what they are about is worked out again.
//!
//! A decision is a row that is never changed; a later one about the same subject takes its place, and one without a value takes it back.
//! Subjects are names of the sources (`class:id`, a meter's number, a feeder), so that a decision finds what it is about after every
//! import. What it is about and is not there now is told, and the decision waits.

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
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use store::project::{Override, Project};
use studies::{meter_map, reconcile};

/// Kinds of decisions, as the table `overrides` has them.
pub const RECONCILIATION: &str = "reconciliation";
pub const METER_MAP: &str = "meter_map";
pub const FEEDER_HEAD: &str = "feeder_head";

/// One decision on its way in.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// About a pair of subjects of two networks; none takes back.
    Pair { networks: (String, String), a: String, b: String, decision: Option<reconcile::Decision> },
    /// The transformer of a meter, empty for none of them; none takes back.
    Meter { meter: String, transformer: Option<String> },
    /// The point or meter that stands at a feeder's head; none takes back.
    Head { feeder: String, point: Option<String> },
}

impl Decision {
    fn kind(&self) -> &'static str {
        match self {
            Self::Pair { .. } => RECONCILIATION,
            Self::Meter { .. } => METER_MAP,
            Self::Head { .. } => FEEDER_HEAD,
        }
    }

    /// Of a pair both networks with their subjects, the networks in the order of their names, so that it does not matter which one is
    /// matched to which.
    fn subject(&self) -> String {
        match self {
            Self::Pair { networks: (na, nb), a, b, .. } => {
                let (a, b) = (a.to_lowercase(), b.to_lowercase());
                let turned = (nb, &b) < (na, &a);
                let sides = if turned { [nb, &b, na, &a] } else { [na, &a, nb, &b] };
                json!(sides).to_string()
            }
            Self::Meter { meter, .. } => meter.clone(),
            Self::Head { feeder, .. } => feeder.clone(),
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Pair { decision, .. } => decision.map(|d| json!(d)),
            Self::Meter { transformer, .. } => transformer.as_ref().map(|t| json!(t)),
            Self::Head { point, .. } => point.as_ref().map(|p| json!(p)),
        }
    }
}

/// A decision with who made it; an empty author is the one of all.
#[derive(Clone, Debug)]
pub struct Signed {
    pub decision: Decision,
    pub author: String,
    pub note: String,
}

/// Keeps decisions, all or none.
///
/// # Errors
/// One that takes back what nobody has decided; a database that cannot be written.
pub fn decide(project: &Project, decisions: &[Signed], time_utc: &str) -> Result<(), Failure> {
    let mut in_force: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    for signed in decisions {
        let (kind, subject, value) = (signed.decision.kind(), signed.decision.subject(), signed.decision.value());
        if !in_force.contains_key(kind) {
            in_force.insert(kind, project.overrides_in_order(kind)?.into_iter().map(|o| o.subject).collect());
        }
        let known = in_force.entry(kind).or_default();
        match value {
            Some(_) => {
                known.insert(subject.clone());
            }
            None if !known.remove(&subject) => {
                let what = format!("nothing is decided about {}", told(kind, &subject));
                let what = Diagnostic::error("PROJECT.DECISION.NONE", what);
                return Err(what.hint("`gridtwin project decisions` lists what is in force; nothing has been written.").into());
            }
            None => {}
        }
        rows.push(Override {
            kind: kind.to_owned(),
            subject,
            value,
            author: signed.author.clone(),
            note: signed.note.clone(),
            time_utc: time_utc.to_owned(),
        });
    }
    Ok(project.add_overrides(&rows)?)
}

/// A subject as people read it.
fn told(kind: &str, subject: &str) -> String {
    match serde_json::from_str::<[String; 4]>(subject) {
        Ok([na, a, nb, b]) if kind == RECONCILIATION => format!("{a} of {na} and {b} of {nb}"),
        _ => subject.to_owned(),
    }
}

/// Decisions about pairs of two networks, in the order in which they were made.
///
/// # Errors
/// A database that cannot be read.
pub fn pairs_in_force(project: &Project, a: &str, b: &str) -> Result<Vec<reconcile::Override>, Failure> {
    let mut found = Vec::new();
    for o in project.overrides_in_order(RECONCILIATION)? {
        let sides: [String; 4] = serde_json::from_str(&o.subject).map_err(|_| unreadable(&o))?;
        let decision: reconcile::Decision = o.value.clone().and_then(|v| serde_json::from_value(v).ok()).ok_or_else(|| unreadable(&o))?;
        let [na, id_a, nb, id_b] = sides;
        let reason = if o.author.is_empty() { o.note } else { format!("{} ({})", o.note, o.author) };
        if (na.as_str(), nb.as_str()) == (a, b) {
            found.push(reconcile::Override { decision, a: id_a, b: id_b, reason });
        } else if (nb.as_str(), na.as_str()) == (a, b) {
            found.push(reconcile::Override { decision, a: id_b, b: id_a, reason });
        }
    }
    Ok(found)
}

/// Decisions about meters, in the order in which they were made.
///
/// # Errors
/// A database that cannot be read.
pub fn meters_in_force(project: &Project) -> Result<Vec<meter_map::Override>, Failure> {
    let one = |o: Override| {
        let transformer = o.value.as_ref().and_then(Value::as_str).map(str::to_owned).ok_or_else(|| unreadable(&o))?;
        Ok(meter_map::Override { meter: o.subject, transformer, who: o.author, reason: o.note })
    };
    project.overrides_in_order(METER_MAP)?.into_iter().map(one).collect()
}

/// Points at the heads of feeders, by feeder.
///
/// # Errors
/// A database that cannot be read.
pub fn heads_in_force(project: &Project) -> Result<BTreeMap<String, String>, Failure> {
    let one = |o: Override| {
        let point = o.value.as_ref().and_then(Value::as_str).map(str::to_owned).ok_or_else(|| unreadable(&o))?;
        Ok((o.subject, point))
    };
    project.overrides_in_order(FEEDER_HEAD)?.into_iter().map(one).collect()
}

fn unreadable(o: &Override) -> Failure {
    Diagnostic::error("PROJECT.DECISION.DAMAGED", format!("the decision about {} cannot be read", told(&o.kind, &o.subject)))
        .hint("Take it back and make it anew; the table `overrides` has it.")
        .into()
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
        (&a.accept, Some(reconcile::Decision::Accept)),
        (&a.reject, Some(reconcile::Decision::Reject)),
        (&a.force, Some(reconcile::Decision::Force)),
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
            "accept" => Some(reconcile::Decision::Accept),
            "reject" => Some(reconcile::Decision::Reject),
            "force" => Some(reconcile::Decision::Force),
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
    decide(&project, &all, &now())?;
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
