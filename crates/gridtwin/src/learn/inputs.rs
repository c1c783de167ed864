//! What a module works on, as it was named: tables out of files or out of the lake, networks, settings.
//!
//! ```text
//! loads=FILE, loads=sql:SELECT …  ─► rows of text ─► columns by header (or loads.kw=HEADER) ─► Frame
//! network=MODEL                   ─► Network
//! horizon_h=24                    ─► Settings
//! ```

use crate::cli::ImportArguments;
use crate::failure::Failure;
use crate::model::Model;
use formats::opendss::FileSource;
use formats::table::dates::{DateOrder, FoundOrder, date_order_of, moment};
use formats::table::{ColumnMap, Columns, Row, Table, TableOptions, WantedColumn};
use learning::module::{About, ColumnKind, Frame, InputKind, Question, Settings, Values, Wanted};
use network::{Diagnostic, Network, SourceRef};
use std::collections::BTreeMap;
use std::path::Path;

/// Begins a question to the lake in the place of a file.
const SQL: &str = "sql:";
/// Faults of cells that are told of a column; all are counted.
const TOLD: usize = 3;

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A table or a model.
    File(String),
    /// A question to the project's lake.
    Sql(String),
    /// A network of the project: name, and version or the newest.
    Stored(Option<String>, Option<u64>),
}

/// What was named in a question, before anything is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named {
    pub inputs: BTreeMap<String, Source>,
    /// Headers by input and column, where the header is another.
    pub columns: BTreeMap<String, BTreeMap<String, String>>,
    pub settings: BTreeMap<String, String>,
}

impl Named {
    /// Of words `NAME=VALUE`: inputs, `INPUT.COLUMN=HEADER`, settings.
    ///
    /// # Errors
    /// Words without `=`, names that the module does not know: all of them.
    pub fn of_words(about: &About, words: &[String]) -> Result<Self, Failure> {
        let (mut named, mut faults) = (Self::default(), Vec::new());
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                let what = Diagnostic::error("LEARN.WORD.UNREADABLE", format!("\"{word}\" is no NAME=VALUE"));
                faults.push(what.hint(format!("Look at the inputs and settings with `gridtwin learn about {}`.", about.id)));
                continue;
            };
            let is_input = |name: &str| about.inputs.iter().any(|i| i.name == name);
            if let Some((input, column)) = name.split_once('.').filter(|(input, _)| is_input(input)) {
                named.columns.entry(input.to_owned()).or_default().insert(column.to_owned(), value.to_owned());
            } else if is_input(name) {
                let source = value.strip_prefix(SQL).map_or_else(|| Source::File(value.to_owned()), |q| Source::Sql(q.to_owned()));
                named.inputs.insert(name.to_owned(), source);
            } else {
                // What is neither is told with the names that there are.
                named.settings.insert(name.to_owned(), value.to_owned());
            }
        }
        if faults.is_empty() { Ok(named) } else { Err(Failure::new(faults)) }
    }
}

/// What was read, and what a reader should know of it.
pub struct Read {
    pub tables: BTreeMap<String, Frame>,
    pub networks: BTreeMap<String, Network>,
    pub settings: Settings,
    pub findings: Vec<Diagnostic>,
}

impl Read {
    /// As a question to a module.
    pub fn question(self) -> (Question<'static>, Vec<Diagnostic>) {
        // Settings live as long as the process: a command asks once, and a job is a process of its own.
        let settings: &'static Settings = Box::leak(Box::new(self.settings));
        (Question { tables: self.tables, networks: self.networks, settings }, self.findings)
    }
}

/// Reads all that was named; all faults are told at once.
///
/// # Errors
/// Settings that cannot be, files that are not there, columns that are missing, cells that cannot be read.
pub fn read(about: &'static About, named: &Named, files: &dyn FileSource, project: Option<&Path>) -> Result<Read, Failure> {
    let mut faults = Vec::new();
    let settings = Settings::read(about.settings, &named.settings).unwrap_or_else(|f| {
        faults.extend(f);
        Settings::default()
    });
    let (mut tables, mut networks, mut findings) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (name, source) in &named.inputs {
        let Some(input) = about.inputs.iter().find(|i| i.name == name) else {
            let what = Diagnostic::error("LEARN.INPUT.UNKNOWN", format!("{} takes no \"{name}\"", about.id));
            let names: Vec<&str> = about.inputs.iter().map(|i| i.name).collect();
            faults.push(what.detail(format!("It takes {}.", names.join(", "))).hint("Leave it out."));
            continue;
        };
        let read = match input.kind {
            InputKind::Network => network(source, files, project, &mut findings).map(|n| drop(networks.insert(name.clone(), n))),
            InputKind::Table { columns, others } => {
                let told = named.columns.get(name).cloned().unwrap_or_default();
                rows(source, files, project)
                    .and_then(|t| frame(name, t, columns, !others.is_empty(), told, &mut findings))
                    .map(|f| drop(tables.insert(name.clone(), f)))
            }
        };
        if let Err(failure) = read {
            faults.extend(failure.diagnostics);
        }
    }
    if faults.is_empty() { Ok(Read { tables, networks, settings, findings }) } else { Err(Failure::new(faults)) }
}

fn network(source: &Source, files: &dyn FileSource, project: Option<&Path>, findings: &mut Vec<Diagnostic>) -> Result<Network, Failure> {
    let mut model = match source {
        Source::File(path) => Model::read_any(files, Path::new(path), &[], false, &ImportArguments::default())?,
        Source::Stored(name, version) => {
            let dir = project.ok_or_else(no_project)?;
            Model::of_version(dir, name.as_deref(), *version)?
        }
        Source::Sql(_) => {
            let what = Diagnostic::error("LEARN.INPUT.NO_TABLE", "a network is no answer of a query");
            return Err(what.hint("Name a model file, or a network of the project.").into());
        }
    };
    model.preflight(false)?;
    findings.extend(model.diagnostics);
    Ok(model.network)
}

fn no_project() -> Failure {
    Diagnostic::error("LEARN.PROJECT.MISSING", "the question needs a project, and none was named")
        .hint("Name it with --project DIR.")
        .into()
}

/// The rows of a source as text.
fn rows(source: &Source, files: &dyn FileSource, project: Option<&Path>) -> Result<Table, Failure> {
    match source {
        Source::File(path) => Ok(formats::table::read(files, Path::new(path), &TableOptions::default())?),
        Source::Sql(query) => queried(query, project.ok_or_else(no_project)?),
        Source::Stored(..) => {
            Err(Diagnostic::error("LEARN.INPUT.NO_TABLE", "a network is no table").hint("Name a file or a query.").into())
        }
    }
}

#[cfg(feature = "sql")]
fn queried(query: &str, project: &Path) -> Result<Table, Failure> {
    use store::sql::{Database, value_at};
    let database = Database::open(&store::Lake::open(project)?)?;
    let mut table = Table { name: format!("{SQL}{query}"), ..Table::default() };
    let schema = database.query(query, None, &mut |batch| {
        for i in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|c| value_at(c.as_ref(), i)).collect::<Result<Vec<_>, _>>()?;
            let line = u32::try_from(table.rows.len() + 1).unwrap_or(u32::MAX);
            table.rows.push(Row { line, cells: values.iter().map(crate::answer::plain).collect() });
        }
        Ok(())
    })?;
    table.headers = schema.fields().iter().map(|f| f.name().clone()).collect();
    Ok(table)
}

#[cfg(not(feature = "sql"))]
fn queried(_: &str, _: &Path) -> Result<Table, Failure> {
    let what = Diagnostic::error("OUTPUT.SQL.NOT_BUILT", "this program was built without the query engine");
    Err(what.hint("Name a file in place of a query, or build with the cargo feature \"sql\".").into())
}

/// The columns that a module wants, typed.
fn frame(
    input: &str,
    table: Table,
    wanted: &'static [Wanted],
    takes_others: bool,
    told: BTreeMap<String, String>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Frame, Failure> {
    findings.extend(table.diagnostics.iter().cloned());
    if !table.rejects.is_empty() {
        let first = &table.rejects[0];
        let what = format!("{} rows of {} do not fit its header and were left out", table.rejects.len(), table.name);
        findings
            .push(Diagnostic::warning("LEARN.INPUT.REJECTED", what).detail(format!("The first: {}.", first.reason.trim_end_matches('.'))));
    }
    let fields: Vec<WantedColumn> = wanted.iter().map(|w| WantedColumn { field: w.name, aliases: w.aliases, required: w.needed }).collect();
    let columns = Columns::find(&table, &fields, &ColumnMap(told)).map_err(|e| {
        // Columns are told in the question itself.
        let told =
            |d: Diagnostic| if d.code == "TABLE.COLUMN.MISSING" { d.hint(format!("Name the header: {input}.COLUMN=HEADER.")) } else { d };
        Failure::new(e.diagnostics.into_iter().map(told).collect())
    })?;
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    for w in wanted {
        let Some(c) = columns.column(w.name) else { continue };
        match typed(&table, c, w) {
            Ok(v) => drop(values.insert(w.name.to_owned(), v)),
            Err(fault) => faults.push(*fault),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::new(faults));
    }
    let mut passed = Vec::new();
    for (c, header) in table.headers.iter().enumerate() {
        if columns.found.iter().any(|g| g.column == c) || header.is_empty() {
            continue;
        }
        let numbers: Option<Vec<f64>> = table.rows.iter().map(|r| number(&r.cells[c])).collect();
        match numbers.filter(|n| takes_others && n.iter().any(|x| x.is_finite()) && !values.contains_key(header)) {
            Some(numbers) => drop(values.insert(header.clone(), Values::Number(numbers))),
            None => passed.push(header.as_str()),
        }
    }
    if !passed.is_empty() {
        findings.push(
            Diagnostic::note("LEARN.INPUT.PASSED_OVER", format!("{} columns of {} were passed over", passed.len(), table.name))
                .detail(format!("{}.", passed.join(", "))),
        );
    }
    Frame::new(&table.name, wanted, values).map_err(|e| {
        Diagnostic::error("LEARN.INPUT.COLUMN", format!("{} is not the table that is wanted", table.name)).detail(e.to_string()).into()
    })
}

/// A number as people write it; NaN for a cell that says there is none.
fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    if cell.is_empty() || ["na", "nan", "null", "n/a", "-"].iter().any(|w| cell.eq_ignore_ascii_case(w)) {
        return Some(f64::NAN);
    }
    match cell {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => cell.parse::<f64>().ok(),
    }
}

/// Seconds since 1970: a moment with its offset, one without (taken as it stands), or such seconds.
fn seconds(cell: &str, order: DateOrder) -> Option<i64> {
    if let Ok(s) = cell.trim().parse::<i64>() {
        // A year alone would be a moment of 1970.
        return (s.abs() > 100_000).then_some(s);
    }
    let written = moment(cell, order)?;
    let utc = written.civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(utc - i64::from(written.offset_s.unwrap_or(0)))
}

fn typed(table: &Table, column: usize, w: &Wanted) -> Result<Values, Box<Diagnostic>> {
    let cells = || table.rows.iter().map(|r| (r.line, r.cells[column].as_str()));
    let mut faulty: Vec<(u32, &str)> = Vec::new();
    let mut count = 0_usize;
    let mut fault = |line: u32, cell| {
        count += 1;
        if faulty.len() < TOLD {
            faulty.push((line, cell));
        }
    };
    let values = match w.kind {
        ColumnKind::Text => Values::Text(cells().map(|(_, c)| c.trim().to_owned()).collect()),
        ColumnKind::Number => {
            let one = |(line, cell)| {
                number(cell).unwrap_or_else(|| {
                    fault(line, cell);
                    f64::NAN
                })
            };
            Values::Number(cells().map(one).collect())
        }
        ColumnKind::Time => {
            let order = match date_order_of(&table.rows, column) {
                FoundOrder::Found(order) => order,
                FoundOrder::NotNeeded => DateOrder::DayFirst,
                FoundOrder::Ambiguous | FoundOrder::Contradictory => {
                    return Err(Box::new(
                        Diagnostic::error(
                            "LEARN.INPUT.DATES",
                            format!("the dates of {} in {} can be read in two ways", w.name, table.name),
                        )
                        .hint("Write them as YYYY-MM-DD."),
                    ));
                }
            };
            let one = |(line, cell)| {
                seconds(cell, order).unwrap_or_else(|| {
                    fault(line, cell);
                    0
                })
            };
            Values::Time(cells().map(one).collect())
        }
    };
    if count == 0 {
        return Ok(values);
    }
    let places: Vec<String> = faulty.iter().map(|(line, cell)| format!("line {line} has \"{}\"", crate::text::shorten(cell, 40))).collect();
    let is = if w.kind == ColumnKind::Time {
        "a moment as 2026-01-31T18:00 or seconds since 1970"
    } else {
        "a number; nothing where there is none"
    };
    Err(Box::new(
        Diagnostic::error("LEARN.INPUT.VALUE", format!("{count} cells of {} in {} cannot be read", w.name, table.name))
            .at(&SourceRef::new(table.name.as_str(), faulty[0].0))
            .detail(format!("{}.", places.join(", ")))
            .hint(format!("Write {is}.")),
    ))
}
