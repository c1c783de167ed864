//! dBase tables (.dbf), as they stand beside shapefiles.
//!
//! Header: version, date, number of records (u32 at 4), length of header and of a record (u16 at 8 and 10),
//! language driver (29); then descriptors of 32 bytes up to 0x0D. A record is a mark (blank, or `*` when it is
//! deleted) and the fields in fixed widths. Numbers are text; where such a text is no number it is kept as
//! text, and told, so that nothing unreadable becomes a number or disappears.

use crate::ImportError;
use crate::gis::dbf_text::CodePage;
use crate::gis::layer::{Field, FieldKind, Limits, Value, shorten, too_many_values};
use jiff::civil;
use network::{Diagnostic, Disposition, Ledger, SourceRef};
use std::sync::Arc;

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub deleted: bool,
    pub values: Vec<Value>,
}

/// A whole table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub fields: Vec<Field>,
    pub rows: Vec<Row>,
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
}

struct Column {
    name: String,
    code: u8,
    at: usize,
    width: usize,
    decimals: u8,
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Reads a table.
///
/// # Inputs
/// * `bytes` - the .dbf file; `file` its name for findings.
/// * `declared` - label of the encoding from a .cpg file, with the name of that file.
/// * `forced` - label that the user gives.
///
/// # Errors
/// `GIS.DBF.UNREADABLE` for a header that contradicts itself or a kind of dBase that is not read,
/// `GIS.DBF.TRUNCATED` when the file is shorter than its header tells, `GIS.TEXT.BAD_ENCODING` when text is not
/// in the encoding that the file declares.
pub(crate) fn read(
    bytes: &[u8],
    file: &Arc<str>,
    declared: Option<(&str, &str)>,
    forced: Option<&str>,
    limits: &Limits,
) -> Result<Table, ImportError> {
    let source = SourceRef::new(file.clone(), 0);
    let unreadable = |detail: String| {
        Diagnostic::error("GIS.DBF.UNREADABLE", "the table of attributes cannot be read")
            .at(&source)
            .detail(detail)
            .hint("export the layer again, or repair the .dbf file")
    };
    if bytes.len() < 33 {
        return Err(unreadable(format!("It has {} bytes, and a header alone takes at least 33.", bytes.len())).into());
    }
    let version = bytes[0];
    if version & 0x07 == 4 {
        return Err(unreadable(format!("Version byte {version:#04x}: a dBase 7 table, whose layout is not read.")).into());
    }
    if !matches!(version & 0x07, 2 | 3 | 5) && version != 0x30 && version != 0x31 && version != 0x32 {
        return Err(unreadable(format!("Version byte {version:#04x} is no dBase table.")).into());
    }
    let told = u32_at(bytes, 4) as usize;
    let header_len = u16_at(bytes, 8);
    let record_len = u16_at(bytes, 10);
    if header_len < 33 || header_len > bytes.len() || record_len == 0 {
        return Err(unreadable(format!(
            "The header tells {header_len} bytes for itself and {record_len} for a record; the file has {}.",
            bytes.len()
        ))
        .into());
    }
    if told > limits.features {
        return Err(Diagnostic::error(
            "GIS.LIMIT.EXCEEDED",
            format!("the table tells {told} records, more than the limit of {}", limits.features),
        )
        .at(&source)
        .hint("split the layer")
        .into());
    }
    let mut columns = Vec::new();
    let mut at = 1;
    let mut start = 32;
    while start + 32 <= header_len && bytes[start] != 0x0d {
        let d = &bytes[start..start + 32];
        let name = d[..11].split(|b| *b == 0).next().unwrap_or_default();
        let name = String::from_utf8(name.to_vec())
            .unwrap_or_else(|_| CodePage::WINDOWS_1252.decode(name).unwrap_or_else(|| format!("FIELD{}", columns.len() + 1)));
        let width = usize::from(d[16]);
        columns.push(Column { name: name.trim().to_owned(), code: d[11].to_ascii_uppercase(), at, width, decimals: d[17] });
        at += width;
        start += 32;
        if columns.len() > limits.fields {
            return Err(unreadable(format!("It has more than {} fields.", limits.fields)).into());
        }
    }
    if at != record_len {
        return Err(unreadable(format!(
            "The widths of its {} fields add to {at} bytes a record with the mark, and the header tells {record_len}.",
            columns.len()
        ))
        .into());
    }
    if too_many_values(told, columns.len(), bytes.len()) {
        return Err(unreadable(format!(
            "Its header tells {told} records of {} fields; the file has {} bytes.",
            columns.len(),
            bytes.len()
        ))
        .into());
    }
    let there = (bytes.len() - header_len) / record_len;
    if there < told {
        return Err(Diagnostic::error("GIS.DBF.TRUNCATED", format!("the table of attributes ends within record {}", there + 1))
            .at(&SourceRef::new(file.clone(), u32::try_from(there + 1).unwrap_or(u32::MAX)))
            .detail(format!(
                "Its header tells {told} records of {record_len} bytes; the file ends at byte {}, after {there} of them.",
                bytes.len()
            ))
            .hint("copy or export the file again")
            .into());
    }
    let mut table = Table::default();
    let rows = &bytes[header_len..header_len + told * record_len];
    let page = encoding(bytes[29], rows, record_len, &columns, declared, forced, &source, &mut table)?;
    for column in &columns {
        let kind = match column.code {
            b'N' if column.decimals == 0 && column.width < 19 => FieldKind::Integer,
            b'N' | b'F' | b'O' | b'Y' => FieldKind::Real,
            b'B' if column.width == 8 => FieldKind::Real,
            b'I' | b'+' => FieldKind::Integer,
            b'L' => FieldKind::Boolean,
            b'D' => FieldKind::Date,
            b'T' | b'@' => FieldKind::DateTime,
            _ => FieldKind::Text,
        };
        let mut name = column.name.clone();
        let mut twin = 1;
        while table.fields.iter().any(|f| f.name.eq_ignore_ascii_case(&name)) {
            twin += 1;
            name = format!("{}_{twin}", column.name);
        }
        if twin > 1 {
            table.diagnostics.push(
                Diagnostic::warning("GIS.DBF.SAME_FIELD", format!("two fields have the name {:?}", column.name))
                    .at(&source)
                    .detail(format!("The later one is called {name:?} here."))
                    .hint("rename one of them; names are cut to ten characters in a shapefile"),
            );
        }
        table.fields.push(Field::new(name, kind));
    }
    let mut memos = vec![0usize; columns.len()];
    let mut unreadable_values: Vec<(usize, String, u32)> = vec![(0, String::new(), 0); columns.len()];
    let mut cut = vec![0usize; columns.len()];
    for (row, record) in rows.chunks_exact(record_len).enumerate() {
        let deleted = record[0] == b'*';
        let mut values = Vec::with_capacity(columns.len());
        for (k, column) in columns.iter().enumerate() {
            let raw = &record[column.at..column.at + column.width];
            let value = match value(column, raw, page) {
                Read::Is(value) => value,
                Read::Cut(value) => {
                    cut[k] += usize::from(!deleted);
                    value
                }
                Read::Memo => {
                    memos[k] += usize::from(!deleted);
                    Value::Null
                }
                Read::Unreadable(text) => {
                    if !deleted {
                        if unreadable_values[k].0 == 0 {
                            unreadable_values[k] = (0, shorten(&text), u32::try_from(row + 1).unwrap_or(u32::MAX));
                        }
                        unreadable_values[k].0 += 1;
                    }
                    Value::text(text)
                }
            };
            values.push(value);
        }
        table.rows.push(Row { deleted, values });
    }
    for (k, field) in table.fields.iter_mut().enumerate() {
        let (count, example, row) = &unreadable_values[k];
        if *count > 0 {
            let kind = std::mem::replace(&mut field.kind, FieldKind::Mixed);
            table.diagnostics.push(
                Diagnostic::warning(
                    "GIS.VALUE.UNREADABLE",
                    format!("{count} values of the field {:?} are not of its kind ({kind:?})", field.name),
                )
                .at(&SourceRef::new(file.clone(), *row))
                .detail(format!(
                    "The first is {example:?} in record {row}. They are kept as text; a study that needs a number there will say so."
                ))
                .hint("correct the values in the source; asterisks mean that a number was too wide for the field"),
            );
        }
        let mut many = |disposition: Disposition, count: usize| {
            for _ in 0..count {
                table.ledger.record(&field.name, disposition.clone(), Some(&source));
            }
        };
        many(Disposition::Dropped { reason: "memo texts stand in a file of their own (.dbt), which is not read".to_owned() }, memos[k]);
        many(Disposition::Converted { formula: "a UTF-8 letter that the width of the field cut in two is left out".to_owned() }, cut[k]);
    }
    Ok(table)
}

/// The encoding of the texts: what the user says, or the .cpg file, or the header; else what fits.
fn encoding(
    driver: u8,
    rows: &[u8],
    record_len: usize,
    columns: &[Column],
    declared: Option<(&str, &str)>,
    forced: Option<&str>,
    source: &SourceRef,
    table: &mut Table,
) -> Result<CodePage, ImportError> {
    let unknown = |label: &str| {
        Diagnostic::error("GIS.TEXT.UNKNOWN_ENCODING", format!("the encoding {:?} is not known", shorten(label.trim())))
            .at(source)
            .hint("give the encoding, such as utf-8, windows-1252 or cp850")
    };
    let (page, by) = if let Some(label) = forced {
        (Some(CodePage::of_label(label).ok_or_else(|| unknown(label))?), "the option".to_owned())
    } else if let Some((label, file)) = declared {
        (Some(CodePage::of_label(label).ok_or_else(|| unknown(label))?), file.to_owned())
    } else {
        (CodePage::of_language_driver(driver), format!("the header (language driver {driver:#04x})"))
    };
    let texts: Vec<(&Column, usize)> = columns.iter().filter(|c| c.code == b'C').map(|c| (c, c.at)).collect();
    let all = || {
        rows.chunks_exact(record_len).enumerate().flat_map(|(row, record)| {
            texts.iter().map(move |(column, at)| (row, *column, &record[*at..*at + column.width])).filter(|(_, _, raw)| !raw.is_ascii())
        })
    };
    let is_utf8 = |raw: &[u8]| match std::str::from_utf8(raw) {
        Ok(_) => true,
        // Cut by the width of the field within a letter.
        Err(e) => e.error_len().is_none(),
    };
    match page {
        Some(page) if page == CodePage::UTF_8 => {
            if let Some((row, column, raw)) = all().find(|(_, _, raw)| !is_utf8(raw)) {
                let count = all().filter(|(_, _, raw)| !is_utf8(raw)).count();
                let shown = String::from_utf8_lossy(raw).trim().to_owned();
                return Err(Diagnostic::error("GIS.TEXT.BAD_ENCODING", format!("{count} texts are not UTF-8, which {by} declares"))
                    .at(&SourceRef::new(source.file.clone(), u32::try_from(row + 1).unwrap_or(u32::MAX)))
                    .detail(format!("The first is in field {:?} of record {}: {shown:?}.", column.name, row + 1))
                    .hint("give the true encoding, often windows-1252; correct or remove the .cpg file")
                    .into());
            }
            Ok(page)
        }
        Some(page) => {
            if let Some((row, column, _)) = all().find(|(_, _, raw)| page.decode(raw).is_none()) {
                return Err(Diagnostic::error("GIS.TEXT.BAD_ENCODING", format!("a text is not in {}, which {by} declares", page.name()))
                    .at(&SourceRef::new(source.file.clone(), u32::try_from(row + 1).unwrap_or(u32::MAX)))
                    .detail(format!("Field {:?} of record {}.", column.name, row + 1))
                    .hint("give the true encoding")
                    .into());
            }
            // Letters of two bytes in UTF-8 hardly ever come about by chance, so this is a wrong declaration.
            if all().next().is_some() && all().all(|(_, _, raw)| is_utf8(raw)) {
                let shown = all().next().map(|(_, _, raw)| String::from_utf8_lossy(raw).trim().to_owned()).unwrap_or_default();
                table.diagnostics.push(
                    Diagnostic::warning(
                        "GIS.TEXT.ENCODING_DOUBTFUL",
                        format!("{by} declares {}, and every text reads as UTF-8", page.name()),
                    )
                    .at(source)
                    .detail(format!("As UTF-8 the first reads {shown:?}. It is read as declared."))
                    .hint("give the encoding utf-8 if that is right"),
                );
            }
            Ok(page)
        }
        None => {
            if all().next().is_none() {
                return Ok(CodePage::UTF_8);
            }
            let page = if all().all(|(_, _, raw)| is_utf8(raw)) { CodePage::UTF_8 } else { CodePage::WINDOWS_1252 };
            let first = all().find(|(_, _, raw)| page.decode(raw).is_none());
            if let Some((row, column, _)) = first.filter(|_| page != CodePage::UTF_8) {
                return Err(Diagnostic::error(
                    "GIS.TEXT.BAD_ENCODING",
                    "the encoding of the texts is not declared, and is neither UTF-8 nor windows-1252",
                )
                .at(&SourceRef::new(source.file.clone(), u32::try_from(row + 1).unwrap_or(u32::MAX)))
                .detail(format!("Field {:?} of record {}.", column.name, row + 1))
                .hint("give the encoding, or put a .cpg file beside the table")
                .into());
            }
            let shown = all().next().and_then(|(_, _, raw)| page.decode(raw)).unwrap_or_default();
            table.diagnostics.push(
                Diagnostic::warning(
                    "GIS.TEXT.ENCODING_ASSUMED",
                    format!("the encoding of the texts is not declared; {} is assumed", page.name()),
                )
                .at(source)
                .detail(format!("The first text with other letters than ASCII reads {:?}.", shown.trim()))
                .hint("give the encoding if this is wrong, or put a .cpg file beside the table"),
            );
            Ok(page)
        }
    }
}

enum Read {
    Is(Value),
    /// A text whose last letter the width of the field has cut.
    Cut(Value),
    Memo,
    Unreadable(String),
}

fn value(column: &Column, raw: &[u8], page: CodePage) -> Read {
    let bare = || {
        let raw = raw.split(|b| *b == 0).next().unwrap_or_default();
        String::from_utf8_lossy(raw).trim().to_owned()
    };
    match column.code {
        b'N' | b'F' => {
            let text = bare();
            if text.is_empty() {
                return Read::Is(Value::Null);
            }
            if column.decimals == 0
                && let Ok(i) = text.parse::<i64>()
            {
                return Read::Is(Value::Integer(i));
            }
            match text.parse::<f64>() {
                Ok(v) if v.is_finite() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => Read::Is(Value::Real(v)),
                _ => Read::Unreadable(text),
            }
        }
        b'L' => match raw.first() {
            Some(b'T' | b't' | b'Y' | b'y' | b'1') => Read::Is(Value::Boolean(true)),
            Some(b'F' | b'f' | b'N' | b'n' | b'0') => Read::Is(Value::Boolean(false)),
            Some(b'?' | b' ' | 0) | None => Read::Is(Value::Null),
            Some(_) => Read::Unreadable(bare()),
        },
        b'D' => {
            let text = bare();
            if text.is_empty() || text.bytes().all(|b| b == b'0') {
                return Read::Is(Value::Null);
            }
            let number = |from: usize, to: usize| text.get(from..to).and_then(|t| t.parse::<i16>().ok());
            let date = (text.len() == 8).then(|| Some((number(0, 4)?, number(4, 6)?, number(6, 8)?))).flatten();
            let date = date.and_then(|(y, m, d)| civil::Date::new(y, i8::try_from(m).ok()?, i8::try_from(d).ok()?).ok());
            date.map_or(Read::Unreadable(text), |d| Read::Is(Value::Date(d)))
        }
        b'I' | b'+' if raw.len() == 4 => Read::Is(Value::Integer(i64::from(u32_at(raw, 0) as i32))),
        b'O' | b'B' if raw.len() == 8 => match u64_at(raw).map(f64::from_bits) {
            Some(v) if v.is_finite() => Read::Is(Value::Real(v)),
            _ => Read::Unreadable("no finite number".to_owned()),
        },
        b'Y' if raw.len() == 8 => Read::Is(u64_at(raw).map_or(Value::Null, |v| Value::Real(v as i64 as f64 / 10_000.0))),
        b'T' | b'@' if raw.len() == 8 => {
            let (day, ms) = (u32_at(raw, 0), u32_at(raw, 4));
            if day == 0 && ms == 0 {
                return Read::Is(Value::Null);
            }
            // Days are Julian day numbers; 2440588 is the first of January 1970.
            let date = civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(i64::from(day) - 2_440_588).unwrap_or_default());
            match date {
                Ok(date) if (1_000_000..6_000_000).contains(&day) && ms < 86_400_000 => {
                    let time = civil::Time::midnight().checked_add(jiff::Span::new().try_milliseconds(i64::from(ms)).unwrap_or_default());
                    time.map_or(Read::Unreadable(format!("{day} {ms}")), |t| Read::Is(Value::DateTime(date.to_datetime(t))))
                }
                _ => Read::Unreadable(format!("day {day}, {ms} ms")),
            }
        }
        b'M' | b'G' | b'P' | b'B' | b'W' | b'Q' => {
            if bare().is_empty() || raw.iter().all(|b| matches!(b, 0 | b' ' | b'0')) {
                Read::Is(Value::Null)
            } else {
                Read::Memo
            }
        }
        _ => {
            let raw = raw.split(|b| *b == 0).next().unwrap_or_default();
            let end = raw.iter().rposition(|b| *b != b' ').map_or(0, |n| n + 1);
            let raw = &raw[..end];
            if raw.is_empty() {
                return Read::Is(Value::Null);
            }
            if let Some(text) = page.decode(raw) {
                return Read::Is(Value::text(text));
            }
            match std::str::from_utf8(raw) {
                Err(e) if page == CodePage::UTF_8 && e.error_len().is_none() => {
                    Read::Cut(Value::text(String::from_utf8_lossy(&raw[..e.valid_up_to()]).into_owned()))
                }
                _ => Read::Unreadable(String::from_utf8_lossy(raw).into_owned()),
            }
        }
    }
}
