//! Rows of values as aligned columns, CSV and JSON.

use serde_json::Value as Json;
use std::io::{self, Write};
use store::Value;

/// A value for people: seven significant digits, an empty cell for what is missing.
pub fn number(value: &Value) -> String {
    match value {
        Value::Number(x) => short(*x),
        other => plain(other),
    }
}

/// A value as it is, with all digits that tell it from its neighbours.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Text(text) => text.clone(),
        Value::Number(x) => x.to_string(),
        Value::Count(n) => n.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Flag(flag) => flag.to_string(),
    }
}

/// Seven significant digits without trailing zeros.
pub fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let magnitude = x.abs().log10().floor();
    if !x.is_finite() || !(-5.0..15.0).contains(&magnitude) {
        return if x.is_finite() { format!("{x:.6e}") } else { x.to_string() };
    }
    let digits = (6.0 - magnitude).clamp(0.0, 12.0) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Columns side by side under their names, numbers to the right; lines end without blanks.
pub fn columns(names: &[String], numbers: &[bool], rows: &[Vec<String>]) -> String {
    let width = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = names.iter().map(|n| width(n)).collect();
    for row in rows {
        for (w, cell) in widths.iter_mut().zip(row) {
            *w = (*w).max(width(cell));
        }
    }
    let mut text = String::new();
    for row in std::iter::once(names).chain(rows.iter().map(Vec::as_slice)) {
        let mut line = String::new();
        for ((cell, w), is_number) in row.iter().zip(&widths).zip(numbers) {
            // No line breaks within a cell, so that a row stays a line.
            let cell = cell.replace(['\n', '\r', '\t'], " ");
            line += &if *is_number { format!("{cell:>w$}  ") } else { format!("{cell:<w$}  ") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A cell of CSV after RFC 4180.
pub fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

pub fn csv_head(names: &[String], out: &mut dyn Write) -> io::Result<()> {
    csv_line(names, out)
}

/// A row of CSV, with the names in front of the first.
pub fn csv_row(names: &[String], row: &[Value], is_first: bool, out: &mut dyn Write) -> io::Result<()> {
    if is_first {
        csv_line(names, out)?;
    }
    csv_line(&row.iter().map(plain).collect::<Vec<_>>(), out)
}

fn csv_line(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|c| csv_cell(c)).collect();
    writeln!(out, "{}", cells.join(","))
}

/// An object of a JSON array, with the bracket or comma in front. What JSON cannot say (no number, infinite) is null.
pub fn json_row(names: &[String], row: &[Value], is_first: bool, out: &mut dyn Write) -> io::Result<()> {
    let json = |value: &Value| match value {
        Value::Missing => Json::Null,
        Value::Text(text) => Json::from(text.as_str()),
        Value::Number(x) => Json::from(*x),
        Value::Count(n) => Json::from(*n),
        Value::Integer(n) => Json::from(*n),
        Value::Flag(flag) => Json::from(*flag),
    };
    let object: serde_json::Map<String, Json> = names.iter().cloned().zip(row.iter().map(json)).collect();
    write!(out, "{}{}", if is_first { "[\n" } else { ",\n" }, Json::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_digits() {
        let texts = [0.0, 1.0, -0.98765432109, 1234567.89, 1e-5, 1e-9, 123456789012.0, f64::NAN].map(short);
        assert_eq!(texts, ["0", "1", "-0.9876543", "1234568", "0.00001", "1.000000e-9", "123456789012", "NaN"]);
    }

    #[test]
    fn cells_that_hold_separators_are_quoted() {
        let mut out = Vec::new();
        let names = ["a".to_owned(), "b".to_owned()];
        csv_row(&names, &[Value::from("x, \"y\""), Value::Missing], true, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a,b\n\"x, \"\"y\"\"\",\n");
    }
}
