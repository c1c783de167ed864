//! Tables on their way out: as CSV (RFC 4180) and as sheets of a workbook (Office Open XML, ECMA-376 part 1, with texts in their cells).
//!
//! A workbook's bytes depend on its tables alone: entries have no time of their own, so that the same design gives the same file.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

/// A cell: what is written, and whether a workbook has it as a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    /// As written in CSV; a workbook has the same digits.
    Number(String),
    Empty,
}

impl Cell {
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Empty => "",
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<u32> for Cell {
    fn from(n: u32) -> Self {
        Self::Number(n.to_string())
    }
}

/// A number with at least `n` decimals, and as many more as it has itself.
pub(super) fn at_least(x: f64, n: usize) -> Cell {
    let shortest = format!("{x}");
    let own = shortest.split_once('.').map_or(0, |(_, d)| d.len());
    Cell::Number(if own >= n { shortest } else { format!("{x:.n$}") })
}

/// A number rounded to `n` decimals.
pub(super) fn fixed(x: f64, n: usize) -> Cell {
    Cell::Number(format!("{x:.n$}"))
}

/// Three significant digits with an exponent of two: 1.14E-04.
pub(super) fn scientific(x: f64) -> Cell {
    let text = format!("{x:.2E}");
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    Cell::Number(format!("{mantissa}E{sign}{digits:0>2}"))
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Of the sheet in a workbook.
    pub name: &'static str,
    pub headers: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// Comma, header first, quotes where they are needed, lines ended by a line feed.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            for (i, cell) in cells.enumerate() {
                if i > 0 {
                    text.push(',');
                }
                if cell.contains([',', '"', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ') {
                    let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        };
        line(&mut self.headers.iter().copied());
        for row in &self.rows {
            line(&mut row.iter().map(Cell::text));
        }
        text
    }

    fn xml(&self) -> String {
        let mut xml = String::from(HEAD);
        xml.push_str("<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>");
        let header: Vec<Cell> = self.headers.iter().map(|h| Cell::from(*h)).collect();
        for (r, row) in std::iter::once(&header).chain(&self.rows).enumerate() {
            let _ = write!(xml, "<row r=\"{}\">", r + 1);
            for (c, cell) in row.iter().enumerate() {
                let place = format!("{}{}", column_letters(c), r + 1);
                let _ = match cell {
                    Cell::Empty => Ok(()),
                    Cell::Number(text) => write!(xml, "<c r=\"{place}\"><v>{text}</v></c>"),
                    Cell::Text(text) => {
                        write!(xml, "<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", escaped(text))
                    }
                };
            }
            xml.push_str("</row>");
        }
        xml.push_str("</sheetData></worksheet>");
        xml
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// A, B, .. Z, AA, ..
fn column_letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (column % 26) as u8);
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    letters.iter().rev().map(|&b| char::from(b)).collect()
}

/// Without what XML has no place for.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

/// A workbook with a sheet for each table.
pub fn workbook(sheets: &[Sheet]) -> Vec<u8> {
    let mut types = format!(
        "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>"
    );
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let mut book =
        format!("{HEAD}<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{relations}\"><sheets>");
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut links = format!("{HEAD}<Relationships xmlns=\"{package}\">");
    let mut parts = Vec::new();
    for (i, sheet) in sheets.iter().enumerate() {
        let n = i + 1;
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml";
        let _ = write!(types, "<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{kind}\"/>");
        let _ = write!(book, "<sheet name=\"{}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>", escaped(sheet.name));
        let _ = write!(links, "<Relationship Id=\"rId{n}\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>");
        parts.push((format!("xl/worksheets/sheet{n}.xml"), sheet.xml().into_bytes()));
    }
    types.push_str("</Types>");
    book.push_str("</sheets></workbook>");
    links.push_str("</Relationships>");
    let root = format!(
        "{HEAD}<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let mut all = vec![
        ("[Content_Types].xml".to_owned(), types.into_bytes()),
        ("_rels/.rels".to_owned(), root.into_bytes()),
        ("xl/workbook.xml".to_owned(), book.into_bytes()),
        ("xl/_rels/workbook.xml.rels".to_owned(), links.into_bytes()),
    ];
    all.extend(parts);
    archive(&all)
}

/// A zip archive of named parts, deflated, dated 1980 as the format begins.
pub fn archive(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    // Writing to memory fails only for sizes that no exchange has.
    for (name, bytes) in parts {
        if zip.start_file(name.as_str(), options).and_then(|()| Ok(zip.write_all(bytes)?)).is_err() {
            return Vec::new();
        }
    }
    zip.finish().map(Cursor::into_inner).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{self, TableOptions};

    #[test]
    fn numbers_have_the_digits_of_the_tables() {
        assert_eq!([at_least(50.0, 1).text(), at_least(1.8, 2).text(), at_least(0.125, 2).text()], ["50.0", "1.80", "0.125"]);
        assert_eq!([scientific(1.0 / 8760.0).text(), scientific(1.0 / 17520.0).text()], ["1.14E-04", "5.71E-05"]);
        assert_eq!((scientific(250.0).text(), scientific(0.0).text()), ("2.50E+02", "0.00E+00"));
        assert_eq!([column_letters(0), column_letters(25), column_letters(26), column_letters(702)], ["A", "Z", "AA", "AAA"]);
    }

    #[test]
    fn a_table_reads_back_from_csv_and_from_a_workbook() {
        let rows =
            vec![vec!["a,b".into(), Cell::Number("1.50".into()), Cell::Empty], vec!["say \"no\" & <yes>".into(), Cell::Empty, "x".into()]];
        let sheet = Sheet { name: "One & two", headers: vec!["ID", "Value", "Note"], rows };
        let csv = table::read_bytes(sheet.csv().as_bytes(), "t.csv", &TableOptions::default()).unwrap();
        let book = workbook(&[Sheet { name: "First", ..sheet.clone() }, sheet.clone()]);
        for name in ["First", "One & two"] {
            let read = table::read_bytes(&book, "t.xlsx", &TableOptions { sheet: Some(name.into()), ..TableOptions::default() }).unwrap();
            assert_eq!(read.headers, csv.headers);
            assert_eq!(read.rows[1].cells, csv.rows[1].cells);
            assert_eq!((csv.rows[0].cells[1].as_str(), read.rows[0].cells[1].as_str()), ("1.50", "1.5"));
        }
        assert_eq!(book, workbook(&[Sheet { name: "First", ..sheet.clone() }, sheet]), "the same tables give the same bytes");
    }
}
