//! `gridtwin project diff`: what changed between two versions.

use crate::answer::csv_cell;
use crate::cli::{DiffFormat, ProjectDiffArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::text::{Style, shorten};
use network::Diagnostic;
use serde_json::Value;
use store::project::{Change, ChangeKind, Difference, FieldChange, Project, VersionInfo};

/// Things of each kind that the text shows; CSV and JSON have all.
const SHOWN: usize = 100;
/// Columns of a value in the text.
const VALUE_WIDTH: usize = 36;

pub(super) fn run(arguments: &ProjectDiffArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&arguments.dir)?;
    let to = project.version(arguments.network.as_deref(), arguments.to)?;
    let from = match (&arguments.other, arguments.from) {
        (Some(other), number) => project.version(Some(other), number)?,
        (None, Some(number)) => project.version(Some(&to.network), Some(number))?,
        (None, None) => project.version_before(&to)?.ok_or_else(|| {
            Failure::from(
                Diagnostic::error(
                    "PROJECT.DIFF.FIRST_VERSION",
                    format!("version {} of network \"{}\" has none before it", to.number, to.network),
                )
                .hint("Name two versions with --from and --to, or another network with --other."),
            )
        })?,
    };
    let difference = project.diff(&from, &to)?;
    match arguments.format {
        DiffFormat::Text => console.print(&as_text(&difference, console.style)),
        DiffFormat::Json => console.json(&difference),
        DiffFormat::Csv => console.print(&as_csv(&difference)),
    }
}

fn title(v: &VersionInfo) -> String {
    format!("{}, version {} ({})", v.network, v.number, v.time_utc)
}

fn as_text(difference: &Difference, style: Style) -> String {
    let n = |kind| difference.count(kind);
    let mut text = style.bold(&format!("{} -> {}", title(&difference.from), title(&difference.to)));
    text += &format!("\n  {} removed, {} added, {} changed\n", n(ChangeKind::Removed), n(ChangeKind::Added), n(ChangeKind::Changed));
    for (kind, head) in [(ChangeKind::Removed, "Removed"), (ChangeKind::Added, "Added"), (ChangeKind::Changed, "Changed")] {
        if n(kind) == 0 {
            continue;
        }
        text += &format!("\n{}\n", style.bold(head));
        for change in difference.changes.iter().filter(|c| c.change == kind).take(SHOWN) {
            text += &one(change);
        }
        if n(kind) > SHOWN {
            text += &format!("  and {} more; --format csv or json lists all\n", n(kind) - SHOWN);
        }
    }
    text
}

fn one(change: &Change) -> String {
    let buses = if change.buses.is_empty() { String::new() } else { format!("  at {}", change.buses.join(", ")) };
    let mut text = format!("  {}{buses}\n", change.subject);
    let width = change.fields.iter().map(|f| f.field.chars().count()).max().unwrap_or(0);
    for f in &change.fields {
        let pad = " ".repeat(width - f.field.chars().count());
        text += &format!("    {}{pad}  {}\n", f.field, values(f));
    }
    text
}

/// Old and new value; of long lists only what differs.
fn values(f: &FieldChange) -> String {
    if let (Value::Array(old), Value::Array(new)) = (&f.old, &f.new)
        && old.len() > 8
        && old.len() == new.len()
    {
        let mut differ = old.iter().zip(new).enumerate().filter(|(_, (a, b))| a != b);
        if let Some((at, (a, b))) = differ.next() {
            return format!("{} of {} values, first number {}: {} -> {}", 1 + differ.count(), old.len(), at + 1, plain(a), plain(b));
        }
    }
    format!("{} -> {}", plain(&f.old), plain(&f.new))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => shorten(&text.replace(['\n', '\r', '\t'], " "), VALUE_WIDTH),
        Value::Array(list) if list.len() > 8 => format!("{} values", list.len()),
        other => shorten(&other.to_string(), VALUE_WIDTH),
    }
}

fn as_csv(difference: &Difference) -> String {
    let mut text = String::from("change,subject,class,buses,field,old,new\n");
    let word = |kind| match kind {
        ChangeKind::Removed => "removed",
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
    };
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut row = |c: &Change, field: &str, old: String, new: String| {
        let cells = [word(c.change), &c.subject, &c.class, &c.buses.join(" "), field, &old, &new].map(csv_cell);
        text.push_str(&cells.join(","));
        text.push('\n');
    };
    for c in &difference.changes {
        if c.fields.is_empty() {
            row(c, "", String::new(), String::new());
        }
        for f in &c.fields {
            row(c, &f.field, cell(&f.old), cell(&f.new));
        }
    }
    text
}
