//! RAWX: the JSON form of a case, tables of named fields.

use super::ReadOptions;
use super::layout::Group;
use super::lex::Item;
use super::lower::Builder;
use super::raw::Header;
use super::record::Record;
use crate::import::ImportError;
use network::{Diagnostic, ImpedanceCorrection, Imported, KeptRecord, SourceRef};
use num_complex::Complex64;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Longest JSON text, bytes: its tree takes up to sixteen times that.
const MAX_JSON_BYTES: usize = 64 << 20;

/// A table: names of its fields, and its rows. A table of one row may write it without brackets.
struct Table<'a> {
    name: &'a str,
    fields: Vec<String>,
    rows: Vec<&'a [Value]>,
}

fn table<'a>(name: &'a str, value: &'a Value) -> Option<Table<'a>> {
    let fields = value.get("fields")?.as_array()?;
    let fields: Option<Vec<String>> = fields.iter().map(|f| f.as_str().map(str::to_lowercase)).collect();
    let data = value.get("data")?.as_array()?;
    let rows = if data.iter().all(|row| !row.is_array()) && !data.is_empty() {
        vec![data.as_slice()]
    } else {
        data.iter().map(|row| row.as_array().map(Vec::as_slice)).collect::<Option<Vec<_>>>()?
    };
    Some(Table { name, fields: fields?, rows })
}

fn item(value: &Value) -> Item<'_> {
    match value {
        Value::Null => Item::EMPTY,
        Value::String(text) => Item { text: Cow::Borrowed(text), quoted: true, empty: false },
        Value::Bool(b) => Item { text: Cow::Borrowed(if *b { "1" } else { "0" }), quoted: false, empty: false },
        // Numbers keep the digits that read back as the same value; nested values fail as numbers.
        other => Item { text: Cow::Owned(other.to_string()), quoted: false, empty: false },
    }
}

fn row_text(row: &[Value]) -> String {
    Value::Array(row.to_vec()).to_string()
}

/// Reads the text of a RAWX file.
pub fn read(text: &str, file: &Arc<str>, name: &str, options: &ReadOptions) -> Result<Imported, ImportError> {
    let at = |line: u32| SourceRef::new(file.clone(), line);
    if text.len() > MAX_JSON_BYTES {
        let message = format!("a case in JSON longer than {} MB is not read", MAX_JSON_BYTES >> 20);
        return Err(Diagnostic::error("RAW.FILE.TOO_LARGE", message).at(&at(0)).hint("write it as RAW").into());
    }
    let text = text.trim_start_matches('\u{feff}');
    let json: Value = serde_json::from_str(text).map_err(|e| {
        let finding = Diagnostic::error("RAW.JSON.SYNTAX", format!("the JSON is not well formed: {e}"));
        finding.at(&at(u32::try_from(e.line()).unwrap_or(0))).hint("copy the file again, or correct it there")
    })?;
    let Some(tables) = json.get("network").and_then(Value::as_object) else {
        let finding = Diagnostic::error("RAW.FILE.HEADER", "the JSON has no object \"network\"").at(&at(1));
        return Err(finding.hint("a case is an object \"network\" of tables, each with \"fields\" and \"data\"").into());
    };
    let head = tables.get("caseid").and_then(|value| table("caseid", value));
    let case = |field: &str| -> Option<&Value> {
        let head = head.as_ref()?;
        head.rows.first()?.get(head.fields.iter().position(|f| f == field)?)
    };
    let integer = |field: &str| case(field).and_then(Value::as_i64);
    let version = integer("rev").and_then(|v| u32::try_from(v).ok()).unwrap_or(35);
    if !(35..=36).contains(&version) {
        let finding = Diagnostic::error("RAW.FILE.VERSION", format!("version {version} of the format is not read as JSON")).at(&at(1));
        return Err(finding.hint("versions 35 and 36 have this form").into());
    }
    let header = Header {
        adds: integer("ic") == Some(1),
        s_base_mva: case("sbase").and_then(Value::as_f64).filter(|s| *s > 0.0 && s.is_finite()),
        version: Some(version),
        transformer_rating_code: integer("xfrrat").and_then(|v| i32::try_from(v).ok()).unwrap_or(0),
        branch_rating_code: integer("nxfrat").and_then(|v| i32::try_from(v).ok()).unwrap_or(0),
        frequency_hz: case("basfrq").and_then(Value::as_f64).filter(|f| *f > 0.0 && f.is_finite()),
        comment_version: None,
        blank: false,
    };
    let titles = ["title1", "title2"].iter().map(|t| case(t).and_then(Value::as_str).unwrap_or("").trim_end().to_owned()).collect();
    let mut builder = Builder::new(file.clone(), name, version, options);
    builder.header(&header, titles);

    // Records may name only what came before: buses first, then the order of the text form.
    let mut found: Vec<(Group, Table<'_>)> = Vec::new();
    for (name, value) in tables {
        if name == "caseid" {
            continue;
        }
        match (Group::of_table(name), table(name, value)) {
            (_, None) => {
                let finding =
                    Diagnostic::error("RAW.JSON.TABLE", format!("table \"{name}\" has no \"fields\" and rows of \"data\"")).at(&at(0));
                builder.findings.push(finding.hint("each table is an object of two arrays"));
            }
            (Some(group), Some(table)) => found.push((group, table)),
            (None, Some(table)) if table.rows.is_empty() => {}
            (None, Some(table)) => {
                let finding = Diagnostic::warning("RAW.GROUP.UNKNOWN", format!("table \"{name}\" is not known")).at(&at(0));
                builder.findings.push(finding.hint("its rows are kept as text and take no part in the model"));
                found.push((Group::Unknown, table));
            }
        }
    }
    found.sort_by_key(|(group, _)| *group);
    for (group, table) in &found {
        read_table(&mut builder, *group, table);
    }
    builder.finish()
}

fn read_table(builder: &mut Builder, group: Group, table: &Table<'_>) {
    let names: Vec<&str> = table.fields.iter().map(String::as_str).collect();
    let column = |wanted: &str| names.iter().position(|n| *n == wanted);
    if group == Group::ImpedanceCorrection {
        return corrections(builder, table, column);
    }
    // Which network or substation a row belongs to.
    let owner = match group {
        Group::MultiTerminalConverter | Group::MultiTerminalBus | Group::MultiTerminalLink => column("name"),
        Group::SubstationNode | Group::SubstationSwitch | Group::SubstationTerminal => column("isub"),
        _ => None,
    };
    let stations: HashMap<u32, usize> = builder.case.substations.iter().enumerate().map(|(i, s)| (s.number, i)).collect();
    for (i, row) in table.rows.iter().enumerate() {
        let line = u32::try_from(i + 1).unwrap_or(u32::MAX);
        if builder.is_hopeless() {
            return;
        }
        builder.count(group);
        match group {
            Group::SystemWide
            | Group::VoltageDroop
            | Group::Gne
            | Group::LoadType
            | Group::Interface
            | Group::InterfaceElement
            | Group::Unknown => {
                keep(builder, group, table, row, line);
                continue;
            }
            Group::RatingSet => keep(builder, group, table, row, line),
            Group::MultiTerminalConverter | Group::MultiTerminalBus | Group::MultiTerminalLink => {
                let name = owner.and_then(|c| row.get(c)).and_then(Value::as_str).unwrap_or("");
                builder.multi_terminal_target = builder.multi_terminal_named(name);
            }
            Group::SubstationNode | Group::SubstationSwitch | Group::SubstationTerminal => {
                let number = owner.and_then(|c| row.get(c)).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
                builder.substation_target = number.and_then(|n| stations.get(&n).copied());
            }
            _ => {}
        }
        if row.len() > names.len() {
            builder.note_beyond(group, line, row.len() - names.len());
        }
        let record = Record::new(group, &names, row.iter().map(item).collect(), line);
        builder.take(&record, &row_text(row));
    }
}

fn keep(builder: &mut Builder, group: Group, table: &Table<'_>, row: &[Value], line: u32) {
    let words: serde_json::Map<String, Value> = table.fields.iter().cloned().zip(row.iter().cloned()).collect();
    let source = builder.at(line);
    let lines = vec![Value::Object(words).to_string()];
    builder.case.kept.push(KeptRecord { group: format!("rawx {}", table.name), lines, source });
    if group == Group::Gne {
        let at = builder.at(line);
        let finding = Diagnostic::warning("RAW.GNE.KEPT", "a device of a user's model has no effect").at(&at);
        builder.findings.push(finding.hint("it is kept as text; model it by loads or machines if it matters"));
    }
}

/// A table of points, one a row.
fn corrections(builder: &mut Builder, table: &Table<'_>, column: impl Fn(&str) -> Option<usize>) {
    let mut tables: Vec<(ImpedanceCorrection, u32, String)> = Vec::new();
    for (i, row) in table.rows.iter().enumerate() {
        let line = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let number = |field: &str| column(field).and_then(|c| row.get(c)).and_then(Value::as_f64);
        let (Some(index), Some(tap), Some(re)) = (number("itable"), number("tap"), number("refact")) else {
            let finding = Diagnostic::error("RAW.FIELD.MISSING", "a point of an impedance correction table is not whole");
            builder.refuse(Group::ImpedanceCorrection, line, &row_text(row), finding.hint("give itable, tap, refact and imfact"));
            continue;
        };
        let point = (tap, Complex64::new(re, number("imfact").unwrap_or(0.0)));
        let Some(index) = Some(index).filter(|i| *i >= 0.0 && *i < 1e9 && i.fract() == 0.0).map(|i| i as u32) else { continue };
        match tables.last_mut().filter(|(t, ..)| t.number == index) {
            Some((table, ..)) => table.points.push(point),
            None => {
                builder.count(Group::ImpedanceCorrection);
                tables.push((ImpedanceCorrection { number: index, points: vec![point] }, line, row_text(row)));
            }
        }
    }
    for (table, line, text) in tables {
        builder.add_correction(table, line, &text);
    }
}
