//! Delimited text: its encoding, its delimiter, its rows.

use super::{Row, Table, TableOptions, too_large};
use crate::ImportError;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use network::{Diagnostic, SourceRef};
use std::borrow::Cow;

/// Lines that are looked at for the delimiter.
const SNIFFED_LINES: usize = 50;

/// The text of bytes whose encoding is told or found: a byte order mark, else UTF-8 when it is valid, else Windows-1252.
///
/// The finding, if any, says that an encoding was assumed.
///
/// # Errors
/// Bytes that no text has, an encoding without a name, and bytes that the encoding told does not know.
pub fn decode<'a>(bytes: &'a [u8], name: &str, label: Option<&str>) -> Result<(Cow<'a, str>, Option<Diagnostic>), ImportError> {
    let at = SourceRef::new(name, 0);
    if let Some(label) = label {
        let encoding = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            Diagnostic::error("TABLE.ENCODING.UNKNOWN", format!("no encoding is called \"{label}\""))
                .at(&at)
                .hint("name one as the web does: utf-8, windows-1252, iso-8859-15, …")
        })?;
        let (text, _, broken) = encoding.decode(bytes);
        if broken {
            let what = Diagnostic::error("TABLE.ENCODING.WRONG", format!("the file holds bytes that {} does not have", encoding.name()));
            return Err(what.at(&at).hint("name the encoding in which it was written").into());
        }
        return Ok((text, None));
    }
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        debug_assert!([UTF_8, UTF_16LE, UTF_16BE].contains(&encoding));
        let (text, _, broken) = encoding.decode(bytes);
        if broken {
            let what =
                Diagnostic::error("TABLE.ENCODING.WRONG", format!("the file says that it is {} and holds other bytes", encoding.name()));
            return Err(what.at(&at).hint("name the encoding in which it was written").into());
        }
        return Ok((text, None));
    }
    if let Some(zero) = memchr::memchr(0, bytes) {
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..zero]).count();
        let what = Diagnostic::error("TABLE.FILE.NOT_TEXT", "the file is neither text nor a workbook");
        return Err(what.at(&SourceRef::new(name, u32::try_from(line).unwrap_or(u32::MAX))).detail(format!("Byte {zero} is zero.")).into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((Cow::Borrowed(text), None)),
        Err(e) => {
            let line = 1 + memchr::memchr_iter(b'\n', &bytes[..e.valid_up_to()]).count();
            let (text, _, _) = WINDOWS_1252.decode(bytes);
            let note = Diagnostic::warning("TABLE.ENCODING.ASSUMED", "the text is not UTF-8 and is taken as Windows-1252")
                .at(&SourceRef::new(name, u32::try_from(line).unwrap_or(u32::MAX)))
                .hint("name the encoding if names come out wrong");
            Ok((text, Some(note)))
        }
    }
}

/// The delimiter of a text: of `, ; tab |` the one that parts most of the first lines into the same number of cells, more than one.
///
/// A text of one column has none of them; a comma is given then.
pub fn sniff_delimiter(text: &str) -> char {
    let mut best = (',', 0.0);
    for candidate in [',', ';', '\t', '|'] {
        let counts: Vec<usize> =
            text.lines().filter(|l| !l.trim().is_empty()).take(SNIFFED_LINES).map(|l| delimiters(l, candidate)).collect();
        let Some(&header) = counts.first() else { continue };
        if header == 0 {
            continue;
        }
        let same = counts.iter().filter(|&&c| c == header).count() as f64 / counts.len() as f64;
        // Among delimiters that fit equally well, the one that makes more columns.
        let score = same + 0.001 * (header.min(500) as f64);
        if score > best.1 {
            best = (candidate, score);
        }
    }
    best.0
}

/// Occurrences of a delimiter in a line outside quotes.
fn delimiters(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    let mut n = 0;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => n += 1,
            _ => {}
        }
    }
    n
}

pub(super) fn read(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    let (text, finding) = decode(bytes, name, options.encoding.as_deref())?;
    let delimiter = options.delimiter.unwrap_or_else(|| sniff_delimiter(&text));
    let delimiter = u8::try_from(delimiter).map_err(|_| {
        Diagnostic::error("TABLE.DELIMITER.UNUSABLE", format!("\"{delimiter}\" cannot part the cells of a row"))
            .hint("use a comma, semicolon, tab or bar")
    })?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let limit = options.limits.columns;
    let rows = std::iter::from_fn(|| match reader.read_record(&mut record) {
        Ok(false) => None,
        Ok(true) => {
            let line = record.position().map_or(0, |p| {
                // The position is that before blank lines, which the reader skips.
                let rest = text.as_bytes().get(p.byte() as usize..).unwrap_or_default();
                let blank = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|&&b| b == b'\n').count();
                u32::try_from(p.line() + blank as u64).unwrap_or(u32::MAX)
            });
            if record.len() > 4 * limit {
                return Some(Err(too_large(name, "columns", limit).into()));
            }
            Some(Ok(Row { line, cells: record.iter().map(str::to_owned).collect() }))
        }
        Err(e) => {
            let what =
                Diagnostic::error("TABLE.FILE.UNREADABLE", "a row cannot be read").at(&SourceRef::new(name, 0)).detail(format!("{e}."));
            Some(Err(what.into()))
        }
    });
    let mut table = Table::from_rows(name.to_owned(), rows, options)?;
    table.diagnostics.splice(0..0, finding);
    Ok(table)
}
