//! A table out of XML: rows are the element that comes most often with nothing but leaves in it, leaves and attributes are columns.

use crate::ImportError;
use crate::cyme::xml_stream::decode;
use crate::table::{Limits, Row, Table};
use network::{Diagnostic, SourceRef};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{BTreeMap, HashMap};

/// Elements within one another at most.
const DEPTH_MAX: usize = 64;

/// Bytes of one cell at most.
const CELL_MAX: usize = 1 << 20;

/// Cells of a table at most, empty ones counted.
const CELLS_MAX: usize = 100_000_000;

/// An element that may be a row.
#[derive(Default)]
struct Open {
    name: String,
    line: u32,
    text: String,
    cells: Vec<(String, String)>,
    /// Has children that have children.
    holds_records: bool,
    has_children: bool,
}

/// Rows under one path.
#[derive(Default)]
struct Rows {
    headers: Vec<String>,
    index: HashMap<String, usize>,
    rows: Vec<(u32, Vec<(usize, String)>)>,
}

/// Reads a table from XML.
///
/// # Errors
/// Text that is not well-formed, a document type or entity of its own, a limit passed, or no element that repeats.
pub fn read_xml(bytes: &[u8], name: &str, limits: &Limits) -> Result<Table, ImportError> {
    let at = SourceRef::new(name, 0);
    let text = decode(bytes, &at, limits.bytes)?;
    let mut reader = Reader::from_str(&text);
    let mut open: Vec<Open> = Vec::new();
    let mut found: BTreeMap<String, Rows> = BTreeMap::new();
    let mut total = 0usize;
    let (mut line, mut counted) = (1u32, 0usize);
    let refuse = |line: u32, code: &'static str, message: &'static str, hint: &'static str| -> ImportError {
        Diagnostic::new(code, network::Severity::Error, message).at(&SourceRef::new(name, line)).hint(hint).into()
    };
    loop {
        let begun = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
        let newlines = memchr::memchr_iter(b'\n', &text.as_bytes()[counted.min(begun)..begun]).count();
        line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        counted = begun;
        let malformed =
            || refuse(line, "CYME.RESULTS.MALFORMED", "the text of the results is not well-formed XML", "export the results again");
        let event = reader.read_event().map_err(|_| malformed())?;
        match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err(refuse(
                        line,
                        "CYME.RESULTS.TOO_DEEP",
                        "elements stand deeper within one another than the limit",
                        "name a table of results",
                    ));
                }
                open.push(begin(&start, line));
            }
            Event::Empty(start) => {
                let element = begin(&start, line);
                close(element, &mut open, &mut found, &mut total, limits, name)?;
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { return Err(malformed()) };
                close(element, &mut open, &mut found, &mut total, limits, name)?;
            }
            Event::Text(piece) => add(&mut open, &piece.xml10_content()),
            Event::CData(piece) => add(&mut open, &piece.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().ok().flatten().or(match reference.xml10_content().as_ref() {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => None,
                });
                let Some(c) = resolved else { return Err(malformed()) };
                add(&mut open, c.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => {
                return Err(refuse(
                    line,
                    "CYME.RESULTS.MALFORMED",
                    "the results declare a document type",
                    "remove the line that begins with <!DOCTYPE",
                ));
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    if !open.is_empty() {
        return Err(refuse(line, "CYME.RESULTS.MALFORMED", "the results end within an element", "copy the file again"));
    }
    let best = found.into_values().max_by_key(|r| (r.rows.len(), r.headers.len()));
    let Some(best) = best.filter(|r| r.headers.len() > 1) else {
        return Err(refuse(
            0,
            "CYME.RESULTS.NO_ROWS",
            "no element of the XML repeats with values in it",
            "export the results as a table, or as CSV",
        ));
    };
    let width = best.headers.len();
    if width.saturating_mul(best.rows.len()) > CELLS_MAX {
        return Err(refuse(
            0,
            "CYME.RESULTS.TOO_LARGE",
            "the results have more cells than the limit",
            "export fewer columns or feeders into one file",
        ));
    }
    let rows = best.rows.into_iter().map(|(line, cells)| {
        let mut row = vec![String::new(); width];
        for (column, value) in cells {
            row[column] = value;
        }
        Row { line, cells: row }
    });
    Ok(Table { name: name.to_owned(), rows: rows.collect(), headers: best.headers, ..Table::default() })
}

fn begin(start: &BytesStart<'_>, line: u32) -> Open {
    let mut element = Open { name: start.local_name().as_ref().to_owned(), line, ..Open::default() };
    for attribute in start.attributes().flatten() {
        let key = attribute.key;
        if key.as_ref().starts_with("xmlns") || key.as_ref().starts_with("xsi:") {
            continue;
        }
        if let Ok(value) = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0) {
            element.cells.push((key.local_name().as_ref().to_owned(), value.trim().to_owned()));
        }
    }
    element
}

fn add(open: &mut [Open], piece: &str) {
    if let Some(element) = open.last_mut()
        && element.text.len() + piece.len() <= CELL_MAX
    {
        element.text.push_str(piece);
    }
}

fn close(
    element: Open,
    open: &mut [Open],
    found: &mut BTreeMap<String, Rows>,
    total: &mut usize,
    limits: &Limits,
    name: &str,
) -> Result<(), ImportError> {
    let is_leaf = !element.has_children && element.cells.is_empty();
    if let Some(parent) = open.last_mut() {
        parent.has_children = true;
        if is_leaf {
            let value = element.text.trim();
            if parent.cells.len() < limits.columns {
                parent.cells.push((element.name.clone(), value.to_owned()));
            }
        } else {
            parent.holds_records = true;
        }
    }
    if is_leaf || element.holds_records || element.cells.is_empty() {
        return Ok(());
    }
    let mut path: String = open.iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join("/");
    path.push('/');
    path.push_str(&element.name);
    let rows = found.entry(path).or_default();
    *total += 1;
    if *total > limits.rows || rows.headers.len() > limits.columns {
        return Err(Diagnostic::error("CYME.RESULTS.TOO_LARGE", "the results have more rows or columns than the limit")
            .at(&SourceRef::new(name, element.line))
            .detail(format!("At most {} rows and {} columns are read.", limits.rows, limits.columns))
            .hint("export fewer feeders into one file")
            .into());
    }
    let mut cells = Vec::with_capacity(element.cells.len());
    for (header, value) in element.cells {
        let next = rows.headers.len();
        let column = *rows.index.entry(header.clone()).or_insert(next);
        if column == next {
            rows.headers.push(header);
        }
        cells.push((column, value));
    }
    rows.rows.push((element.line, cells));
    Ok(())
}
