//! Sheets of workbooks (.xlsx, .xls) as tables.

use super::{Row, Table, TableOptions, too_large};
use crate::ImportError;
use calamine::{Data, ExcelDateTime, Reader, Xls, Xlsx};
use network::{Diagnostic, SourceRef};
use std::io::{Cursor, Read};

const ZIP: &[u8] = b"PK\x03\x04";
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) || bytes.starts_with(COMPOUND_FILE)
}

fn unreadable(name: &str, what: impl std::fmt::Display) -> ImportError {
    Diagnostic::error("TABLE.WORKBOOK.UNREADABLE", "the workbook cannot be read")
        .at(&SourceRef::new(name, 0))
        .detail(format!("{what}."))
        .hint("save it again as .xlsx without a password, or as CSV")
        .into()
}

fn no_such_sheet(name: &str, wanted: &str, sheets: &[String]) -> ImportError {
    Diagnostic::error("TABLE.WORKBOOK.NO_SHEET", format!("the workbook has no sheet \"{wanted}\""))
        .at(&SourceRef::new(name, 0))
        .detail(format!("It has: {}.", sheets.join(", ")))
        .into()
}

pub(super) fn read(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    if bytes.starts_with(ZIP) { read_xlsx(bytes, name, options) } else { read_xls(bytes, name, options) }
}

/// Unpacks every entry once without keeping it: sizes that an archive states may be lies.
fn check_size(bytes: &[u8], name: &str, limit: usize) -> Result<(), ImportError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| unreadable(name, e))?;
    let mut total = 0u64;
    let mut chunk = vec![0; 1 << 16];
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(|e| unreadable(name, e))?;
        loop {
            let n = entry.read(&mut chunk).map_err(|e| unreadable(name, e))?;
            if n == 0 {
                break;
            }
            total += n as u64;
            if total > limit as u64 {
                return Err(too_large(name, "bytes unpacked", limit).into());
            }
        }
    }
    Ok(())
}

fn read_xlsx(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    check_size(bytes, name, options.limits.bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| unreadable(name, e))?;
    let sheets = book.sheet_names().to_vec();
    let wanted: Vec<String> = match &options.sheet {
        Some(sheet) if sheets.contains(sheet) => vec![sheet.clone()],
        Some(sheet) => return Err(no_such_sheet(name, sheet, &sheets)),
        None => sheets,
    };
    for sheet in &wanted {
        let mut cells = book.worksheet_cells_reader(sheet).map_err(|e| unreadable(name, e))?;
        let mut rows: Vec<Row> = Vec::new();
        // Cells come row by row; only those that are there cost memory, wherever they stand.
        loop {
            let cell = match cells.next_cell() {
                Ok(Some(cell)) => cell,
                Ok(None) => break,
                Err(e) => return Err(unreadable(name, e)),
            };
            let (row, column) = cell.get_position();
            let column = column as usize;
            let text = text_of(cell.get_value().clone().into());
            if text.is_empty() {
                continue;
            }
            if column >= options.limits.columns {
                return Err(too_large(name, "columns", options.limits.columns).into());
            }
            let line = row + 1;
            if rows.last().is_none_or(|r| r.line != line) {
                if rows.len() > options.limits.rows {
                    return Err(too_large(name, "rows", options.limits.rows).into());
                }
                rows.push(Row { line, cells: Vec::new() });
            }
            if let Some(current) = rows.last_mut() {
                if current.cells.len() <= column {
                    current.cells.resize(column + 1, String::new());
                }
                current.cells[column] = text;
            }
        }
        if rows.is_empty() && options.sheet.is_none() {
            continue;
        }
        return table_of(rows, name, sheet, options);
    }
    table_of(Vec::new(), name, wanted.first().map_or("", String::as_str), options)
}

fn read_xls(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    let mut book: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|e| unreadable(name, e))?;
    let sheets = book.sheet_names().to_vec();
    let wanted: Vec<String> = match &options.sheet {
        Some(sheet) if sheets.contains(sheet) => vec![sheet.clone()],
        Some(sheet) => return Err(no_such_sheet(name, sheet, &sheets)),
        None => sheets,
    };
    for sheet in &wanted {
        let range = book.worksheet_range(sheet).map_err(|e| unreadable(name, e))?;
        if range.is_empty() && options.sheet.is_none() {
            continue;
        }
        let (top, left) = range.start().unwrap_or_default();
        let rows = range
            .rows()
            .enumerate()
            .map(|(i, row)| Row {
                line: top + i as u32 + 1,
                cells: std::iter::repeat_n(String::new(), left as usize).chain(row.iter().map(|c| text_of(c.clone()))).collect(),
            })
            .collect();
        return table_of(rows, name, sheet, options);
    }
    table_of(Vec::new(), name, wanted.first().map_or("", String::as_str), options)
}

/// A sheet keeps no empty cells at the end of a row, so a short row is whole.
fn table_of(rows: Vec<Row>, name: &str, sheet: &str, options: &TableOptions) -> Result<Table, ImportError> {
    let options = TableOptions { pad_short_rows: true, ..options.clone() };
    Table::from_rows(format!("{name}#{sheet}"), rows.into_iter().map(Ok), &options)
}

fn text_of(value: Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Int(i) => i.to_string(),
        Data::Float(x) => format!("{x}"),
        Data::Bool(b) => b.to_string(),
        Data::Error(e) => format!("{e}"),
        Data::DateTime(moment) => date_text(moment),
    }
}

/// Serial dates as ISO 8601, rounded to the second; times of day and durations as `HH:MM:SS`.
fn date_text(moment: ExcelDateTime) -> String {
    // A serial number has about 2 microseconds of rounding in our century, which must not show as 13:59:59.999.
    let rounded = (moment.as_f64() * 86_400.0).round() / 86_400.0 + 1e-9;
    let whole_s = (moment.as_f64() * 86_400.0).round() as i64;
    if moment.is_duration() || (0.0..1.0).contains(&moment.as_f64()) {
        return format!("{:02}:{:02}:{:02}", whole_s / 3600, whole_s / 60 % 60, whole_s % 60);
    }
    let (year, month, day, hour, minute, second, _) = with_value(moment, rounded).to_ymd_hms_milli();
    if whole_s % 86_400 == 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

/// The same kind of moment with another serial number. The 1904 calendar counts from 1462 days later.
fn with_value(moment: ExcelDateTime, value: f64) -> ExcelDateTime {
    let same_day = |is_1904| ExcelDateTime::new(moment.as_f64(), calamine::ExcelDateTimeType::DateTime, is_1904);
    let is_1904 = moment == same_day(true);
    ExcelDateTime::new(value, calamine::ExcelDateTimeType::DateTime, is_1904)
}
