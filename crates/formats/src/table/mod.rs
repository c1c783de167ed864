//! Tables with a header: delimited text and workbooks, as rows of text with the line they stand in.
//!
//! ```text
//! bytes ─► gunzip ─► text (encoding found) ─► delimiter found ─► header + rows ─► columns named by a mapping or guessed
//!                └─► workbook (.xlsx, .xls) ─► one sheet ──────────┘
//! ```
//!
//! Cells stay text as written: what they mean is the reader's business. A row whose number of cells
//! is not that of the header is no row of this table; it is put aside as a [`Reject`], because a
//! shifted row is full of plausible wrong values.

mod columns;
pub mod dates;
mod delimited;
mod workbook;

pub use columns::{ColumnGuess, ColumnMap, Columns, Confidence, WantedColumn};
pub use delimited::{decode, sniff_delimiter};

use crate::{FileSource, ImportError};
use flate2::read::MultiGzDecoder;
use network::{Diagnostic, Reject, SourceRef};
use std::io::Read;
use std::path::Path;

/// What a table may hold at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes after unpacking.
    pub bytes: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 30, rows: 20_000_000, columns: 4096 }
    }
}

/// How a table is read; everything that is not told is found out and reported.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    pub delimiter: Option<char>,
    /// Label of the encoding as the web names it, such as `windows-1252`.
    pub encoding: Option<String>,
    /// Sheet of a workbook; the first with rows when not told.
    pub sheet: Option<String>,
    /// Line of the header, counted from 1; the first line with cells when not told.
    pub header_line: Option<u32>,
    /// Missing cells at the end of a row are empty ones, as some exports leave them out.
    pub pad_short_rows: bool,
    pub limits: Limits,
}

/// One row: as many cells as the table has headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line of the file or row of the sheet, counted from 1.
    pub line: u32,
    pub cells: Vec<String>,
}

/// A table as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// File, with the sheet after `#` for a workbook.
    pub name: String,
    pub headers: Vec<String>,
    pub rows: Vec<Row>,
    /// Rows that do not fit the header.
    pub rejects: Vec<Reject>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Table {
    /// Where a row stands.
    pub fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.name.as_str(), line)
    }

    /// Takes rows of a text or sheet whose first is the header.
    fn from_rows(
        name: String,
        mut rows: impl Iterator<Item = Result<Row, ImportError>>,
        options: &TableOptions,
    ) -> Result<Self, ImportError> {
        let mut table = Self { name, ..Self::default() };
        let header = loop {
            let row = match rows.next() {
                Some(row) => row?,
                None => {
                    let what = Diagnostic::error("TABLE.FILE.EMPTY", "the table has no header").at(&table.at(0));
                    return Err(what.hint("give a table whose first row names its columns").into());
                }
            };
            let wanted = match options.header_line {
                Some(line) => row.line >= line,
                None => row.cells.iter().any(|c| !c.trim().is_empty()),
            };
            if wanted {
                break row;
            }
        };
        let mut headers: Vec<String> = header.cells.iter().map(|h| h.trim().to_owned()).collect();
        // A delimiter at the end of each line makes a last column without name and values.
        let named = headers.iter().rposition(|h| !h.is_empty()).map_or(0, |i| i + 1);
        headers.truncate(named);
        table.check_headers(&headers, header.line, options)?;
        let n = headers.len();
        table.headers = headers;
        for row in rows {
            let mut row = row?;
            if row.cells.iter().all(|c| c.trim().is_empty()) {
                continue;
            }
            if row.cells.len() > n && row.cells[n..].iter().all(|c| c.trim().is_empty()) {
                row.cells.truncate(n);
            }
            if row.cells.len() < n && options.pad_short_rows {
                row.cells.resize(n, String::new());
            }
            if row.cells.len() == n {
                if table.rows.len() == options.limits.rows {
                    return Err(too_large(&table.name, "rows", options.limits.rows).into());
                }
                table.rows.push(row);
            } else {
                let reason = format!("{} cells where the header has {n}", row.cells.len());
                let mut text = row.cells.join(",");
                if let Some((cut, _)) = text.char_indices().nth(500) {
                    text.truncate(cut);
                }
                let source = table.at(row.line);
                table.rejects.push(Reject { source, reason, text });
            }
        }
        table.report_rejects()?;
        Ok(table)
    }

    fn check_headers(&mut self, headers: &[String], line: u32, options: &TableOptions) -> Result<(), ImportError> {
        let at = self.at(line);
        if headers.len() > options.limits.columns {
            return Err(too_large(&self.name, "columns", options.limits.columns).into());
        }
        if !headers.is_empty() && headers.iter().all(|h| h.is_empty() || h.parse::<f64>().is_ok()) {
            let what = Diagnostic::error("TABLE.HEADER.MISSING", "the first row holds numbers only, so the columns have no names");
            return Err(what.at(&at).hint("put a row with the names of the columns first").into());
        }
        let mut seen: Vec<String> = Vec::new();
        let mut twice: Vec<&str> = Vec::new();
        for header in headers.iter().filter(|h| !h.is_empty()) {
            let key = header.to_lowercase();
            if seen.contains(&key) {
                twice.push(header);
            }
            seen.push(key);
        }
        if !twice.is_empty() {
            let what = Diagnostic::warning("TABLE.HEADER.REPEATED", "columns have the same name; the first of each is used").at(&at);
            self.diagnostics
                .push(what.detail(format!("Repeated: {}.", twice.join(", "))).hint("rename one of them, or map columns by hand"));
        }
        Ok(())
    }

    /// Says how many rows were put aside; a table most of whose rows do not fit is not this table.
    fn report_rejects(&mut self) -> Result<(), ImportError> {
        let (bad, good) = (self.rejects.len(), self.rows.len());
        let Some(first) = self.rejects.first() else { return Ok(()) };
        let detail = format!("{bad} of {} rows; the first at line {}: {}.", bad + good, first.source.line, first.reason);
        let hint = "look for cells with an unquoted delimiter or a line break, or another delimiter";
        let at = first.source.clone();
        if bad > good {
            let what = Diagnostic::error("TABLE.ROWS.SHIFTED", "most rows do not have the header's number of cells");
            return Err(what.at(&at).detail(detail).hint(hint).into());
        }
        let what = Diagnostic::warning("TABLE.ROWS.REJECTED", "rows do not have the header's number of cells and are put aside");
        self.diagnostics.push(what.at(&at).detail(detail).hint(hint));
        Ok(())
    }
}

fn too_large(name: &str, what: &str, limit: usize) -> Diagnostic {
    Diagnostic::error("TABLE.FILE.TOO_LARGE", format!("the table has more than {limit} {what}"))
        .at(&SourceRef::new(name, 0))
        .hint("split the file")
}

/// What unpacks a gzip file, up to a limit.
///
/// # Errors
/// Broken data, or more bytes than the limit.
pub fn gunzip(bytes: &[u8], name: &str, limit: usize) -> Result<Vec<u8>, ImportError> {
    let mut unpacked = Vec::new();
    match MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut unpacked) {
        Ok(_) if unpacked.len() > limit => {
            Err(Diagnostic::error("TABLE.FILE.TOO_LARGE", format!("unpacked, the file is larger than {limit} bytes"))
                .at(&SourceRef::new(name, 0))
                .hint("split the file")
                .into())
        }
        Ok(_) => Ok(unpacked),
        Err(e) => Err(Diagnostic::error("TABLE.FILE.BROKEN_GZIP", "the gzip file is damaged or cut short")
            .at(&SourceRef::new(name, 0))
            .detail(format!("{} bytes were unpacked before: {e}.", unpacked.len()))
            .hint("copy the file again")
            .into()),
    }
}

/// Whether bytes begin as a gzip file does.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Reads the table of a file: delimited text or a workbook, either packed with gzip or not.
///
/// # Errors
/// A file that cannot be read, is no table, or is larger than the limits.
pub fn read(files: &dyn FileSource, path: &Path, options: &TableOptions) -> Result<Table, ImportError> {
    let name = path.display().to_string();
    let bytes = files.read(path).map_err(|e| {
        Diagnostic::error("TABLE.FILE.MISSING", "the file cannot be read").at(&SourceRef::new(name.as_str(), 0)).detail(format!("{e}."))
    })?;
    read_bytes(&bytes, &name, options)
}

/// As [`read`], of bytes at hand.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    let unpacked;
    let bytes = if is_gzip(bytes) {
        unpacked = gunzip(bytes, name, options.limits.bytes)?;
        &unpacked
    } else {
        bytes
    };
    if bytes.len() > options.limits.bytes {
        return Err(too_large(name, "bytes", options.limits.bytes).into());
    }
    if workbook::is_workbook(bytes) { workbook::read(bytes, name, options) } else { delimited::read(bytes, name, options) }
}

#[cfg(test)]
mod tests;
