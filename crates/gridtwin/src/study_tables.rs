//! Tables of a study as files and as JSON, the same for every study.

use crate::cli::TableFormat;
use crate::failure::Failure;
use crate::number::push_g12;
use crate::result_folder::ResultFolder;
use serde_json::{Map, Value as Json, json};
use studies::table::{Table, Value};

/// Name of a table's file in a form.
pub fn file_name(table: &str, format: TableFormat) -> String {
    match format {
        TableFormat::Csv => format!("{table}.csv"),
        TableFormat::Parquet => format!("{table}.parquet"),
    }
}

/// A table that comes in parts as the content of one file; nothing where no part comes.
///
/// # Errors
/// Parts that the form cannot take, which is a bug.
pub fn file_of(name: &str, parts: impl IntoIterator<Item = Table>, format: TableFormat) -> Result<Option<Vec<u8>>, Failure> {
    let mut parts = parts.into_iter().peekable();
    if parts.peek().is_none() {
        return Ok(None);
    }
    if format == TableFormat::Parquet {
        return Ok(Some(store::table_file::parquet_bytes(&file_name(name, format), parts.map(|t| t.batch()))?));
    }
    let mut text = String::new();
    for part in parts {
        if text.is_empty() {
            push_head(&mut text, &part);
        }
        push_rows(&mut text, &part);
    }
    Ok(Some(text.into_bytes()))
}

/// Writes tables and `summary.json` into a folder whose files are `known`. Returns how many there are.
///
/// # Errors
/// A file that cannot be written.
///
/// # Panics
/// When a table has no file among the known ones, which is a bug.
pub fn write(
    folder: &ResultFolder,
    known: &'static [&'static str],
    tables: &[Table],
    summary: &Json,
    format: TableFormat,
) -> Result<usize, Failure> {
    write_with(folder, known, tables, None, summary, format)
}

/// As [`write`], with the content of one more file, such as that of a table that came in parts.
///
/// # Errors
/// As [`write`].
///
/// # Panics
/// As [`write`].
pub fn write_with(
    folder: &ResultFolder,
    known: &'static [&'static str],
    tables: &[Table],
    more: Option<(String, Vec<u8>)>,
    summary: &Json,
    format: TableFormat,
) -> Result<usize, Failure> {
    let known = |name: String| *known.iter().find(|n| **n == name).expect("every table has its file");
    let mut contents = Vec::new();
    for table in tables {
        let name = known(file_name(table.name, format));
        contents.extend(file_of(table.name, [table.clone()], format)?.map(|bytes| (name, bytes)));
    }
    contents.extend(more.map(|(name, bytes)| (known(name), bytes)));
    contents.push(("summary.json", (serde_json::to_string_pretty(summary).expect("plain data") + "\n").into_bytes()));
    folder.write_some(&contents)?;
    Ok(contents.len())
}

/// Tables and summary as one object.
pub fn as_json(tables: &[Table], summary: Json) -> Json {
    let mut object: Map<String, Json> = tables.iter().map(|t| (t.name.to_owned(), json_rows(t).into())).collect();
    object.insert("summary".to_owned(), summary);
    Json::Object(object)
}

/// The head as CSV; rows have numbers with twelve digits, and nothing where a value is missing.
fn push_head(text: &mut String, table: &Table) {
    text.push_str(&table.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(","));
    text.push('\n');
}

fn push_rows(text: &mut String, table: &Table) {
    for row in &table.rows {
        for (i, cell) in row.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            match cell {
                Value::Empty => {}
                Value::Text(t) => crate::tables::push_field(text, t),
                Value::Number(x) => push_g12(text, *x),
                Value::Count(n) => text.push_str(&n.to_string()),
                Value::Flag(b) => text.push_str(if *b { "true" } else { "false" }),
            }
        }
        text.push('\n');
    }
}

/// The rows as objects by the names of the columns.
pub fn json_rows(table: &Table) -> Vec<Json> {
    let cell = |v: &Value| match v {
        Value::Empty => Json::Null,
        Value::Text(t) => json!(t),
        Value::Number(x) => json!(x),
        Value::Count(n) => json!(n),
        Value::Flag(b) => json!(b),
    };
    let row =
        |r: &Vec<Value>| -> Json { table.columns.iter().zip(r).map(|(c, v)| (c.name.to_owned(), cell(v))).collect::<Map<_, _>>().into() };
    table.rows.iter().map(row).collect()
}
