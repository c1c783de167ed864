use super::*;

fn table(text: &str) -> Result<Table, ImportError> {
    read_bytes(text.as_bytes(), "t.csv", &TableOptions::default())
}

fn code(result: Result<Table, ImportError>) -> String {
    result.expect_err("refused").diagnostics[0].code.clone()
}

const WANTED: &[WantedColumn] = &[
    WantedColumn { field: "meter", aliases: &["meter_id", "lclid"], required: true },
    WantedColumn { field: "start", aliases: &["start time", "interrupted"], required: true },
    WantedColumn { field: "cause", aliases: &["cause code"], required: false },
];

#[test]
fn delimiter_and_line_numbers_are_found() {
    let t = table("\nname;length, m;type\nl1;12,5;\"a;b\"\n\nl2;3;\"x\ny\"\nl3;4;z\n").unwrap();
    assert_eq!(t.headers, ["name", "length, m", "type"]);
    assert_eq!(t.rows.iter().map(|r| r.cells[1].as_str()).collect::<Vec<_>>(), ["12,5", "3", "4"]);
    assert_eq!(t.rows[0].cells[2], "a;b");
    assert_eq!(t.rows.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 5, 7]);
}

#[test]
fn shifted_rows_are_put_aside_and_counted() {
    let t = table("a,b,c\n1,2,3\n1,2\n4,5,6\n7,8,9,10\n7,8,9,\n").unwrap();
    assert_eq!(t.rows.len(), 3);
    assert_eq!(t.rejects.iter().map(|r| r.source.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(t.diagnostics[0].code, "TABLE.ROWS.REJECTED");
    assert_eq!(code(table("a,b,c\n1,2\n3,4\n1,2,3\n")), "TABLE.ROWS.SHIFTED");
}

#[test]
fn encodings_are_found_and_assumptions_told() {
    let t = read_bytes(b"name,v\nM\xfcller,1\n", "t.csv", &TableOptions::default()).unwrap();
    assert_eq!(t.rows[0].cells[0], "Müller");
    assert_eq!((t.diagnostics[0].code.as_str(), t.diagnostics[0].source.as_ref().unwrap().line), ("TABLE.ENCODING.ASSUMED", 2));
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("a\tb\n1\t2\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let t = read_bytes(&utf16, "t.csv", &TableOptions::default()).unwrap();
    assert_eq!((t.headers.join("|"), t.diagnostics.len()), ("a|b".to_owned(), 0));
    let told = TableOptions { encoding: Some("utf-8".into()), ..TableOptions::default() };
    assert_eq!(code(read_bytes(b"a\nM\xfcller\n", "t.csv", &told)), "TABLE.ENCODING.WRONG");
    assert_eq!(code(read_bytes(b"a,b\n\0\0\0", "t.csv", &TableOptions::default())), "TABLE.FILE.NOT_TEXT");
}

#[test]
fn what_is_no_table_is_refused() {
    assert_eq!(code(table("")), "TABLE.FILE.EMPTY");
    assert_eq!(code(table("1,2,3\n4,5,6\n")), "TABLE.HEADER.MISSING");
    assert_eq!(code(read_bytes(b"PK\x03\x04rubbish", "t.xlsx", &TableOptions::default())), "TABLE.WORKBOOK.UNREADABLE");
    assert_eq!(code(read_bytes(&[0x1f, 0x8b, 8, 0, 1], "t.csv.gz", &TableOptions::default())), "TABLE.FILE.BROKEN_GZIP");
    let small = TableOptions { limits: Limits { rows: 1, ..Limits::default() }, ..TableOptions::default() };
    assert_eq!(code(read_bytes(b"a\n1\n2\n", "t.csv", &small)), "TABLE.FILE.TOO_LARGE");
}

#[test]
fn columns_are_told_or_guessed() {
    let t = table("Meter ID,Job Start Time,Primary Cause Code,Crew\nm,1,2,3\n").unwrap();
    let c = Columns::find(&t, WANTED, &ColumnMap::default()).unwrap();
    let found: Vec<_> = c.found.iter().map(|g| (g.field.as_str(), g.column, g.confidence)).collect();
    assert_eq!(found, [("meter", 0, Confidence::High), ("start", 1, Confidence::Low), ("cause", 2, Confidence::Low)]);
    assert_eq!(c.unused, ["Crew"]);
    let told = ColumnMap([("cause".to_owned(), "crew".to_owned())].into());
    let c = Columns::find(&t, WANTED, &told).unwrap();
    assert_eq!((c.column("cause"), c.cell(&t.rows[0], "cause")), (Some(3), "3"));
    assert_eq!(Columns::find(&t, WANTED, &c.profile()).unwrap().column("start"), Some(1));
    assert_eq!(ColumnMap::from_yaml(&c.profile().to_yaml(), "p.yaml").unwrap(), c.profile());
    assert_eq!(ColumnMap::from_yaml("- a\n", "p.yaml").unwrap_err().diagnostics[0].code, "TABLE.MAPPING.UNREADABLE");
    let lacking = table("Meter ID,b\n1,2\n").unwrap();
    assert_eq!(Columns::find(&lacking, WANTED, &ColumnMap::default()).unwrap_err().diagnostics[0].code, "TABLE.COLUMN.MISSING");
    let wrong = ColumnMap([("cause".to_owned(), "none".to_owned())].into());
    assert_eq!(Columns::find(&t, WANTED, &wrong).unwrap_err().diagnostics[0].code, "TABLE.MAPPING.NO_COLUMN");
}

/// A workbook of one sheet, from the XML of its rows; style 1 is a date with time.
fn workbook(rows: &str) -> Vec<u8> {
    use std::io::Write;
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relationships = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let parts = [
        (
            "[Content_Types].xml",
            format!("<Types xmlns=\"{package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{relationships}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relationships}\"><sheets><sheet name=\"Outages\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{relationships}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{relationships}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/><xf numFmtId=\"46\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn workbooks_give_dates_as_iso_text() {
    let text = |at: &str, t: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{t}</t></is></c>");
    let rows = format!(
        "<row r=\"3\">{}{}{}{}</row><row r=\"5\">{}<c r=\"B5\" s=\"1\"><v>45296.583333333336</v></c><c r=\"D5\" s=\"2\"><v>1.0625</v></c></row><row r=\"6\">{}<c r=\"C6\"><v>0.1</v></c></row>",
        text("A3", "id"),
        text("B3", "start"),
        text("C3", "n"),
        text("D3", "lasted"),
        text("A5", "E1"),
        text("A6", "E2"),
    );
    let t = read_bytes(&workbook(&rows), "o.xlsx", &TableOptions::default()).unwrap();
    assert_eq!((t.name.as_str(), t.headers.join(",")), ("o.xlsx#Outages", "id,start,n,lasted".to_owned()));
    assert_eq!(t.rows[0], Row { line: 5, cells: ["E1", "2024-01-05T14:00:00", "", "25:30:00"].map(str::to_owned).to_vec() });
    assert_eq!(t.rows[1], Row { line: 6, cells: ["E2", "", "0.1", ""].map(str::to_owned).to_vec() });
    let other = TableOptions { sheet: Some("None".into()), ..TableOptions::default() };
    assert_eq!(code(read_bytes(&workbook(&rows), "o.xlsx", &other)), "TABLE.WORKBOOK.NO_SHEET");
    let small = TableOptions { limits: Limits { bytes: 500, ..Limits::default() }, ..TableOptions::default() };
    assert_eq!(code(read_bytes(&workbook(&rows), "o.xlsx", &small)), "TABLE.FILE.TOO_LARGE");
}
