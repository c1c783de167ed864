//! A report as a workbook: a sheet of facts, and a sheet for each section with every row and column, its unit in the head, a filter, and
//! a chart where one says more than the figures.

use rust_xlsxwriter::{Chart, ChartType, Format, FormatAlign, Workbook, XlsxError};
use store::{Section, StudyReport, Value};
use studies::table::{Table, Value as Cell};

/// Rows that a sheet takes, heads aside.
const ROWS_MAX: usize = 1_048_575;
/// Rows of a chart.
const CHARTED: usize = 20;

/// Charts: section, columns of the labels and of the values, title.
const CHARTS: &[(&str, &str, &str, &str)] = &[
    ("feeder_scorecard", "feeder", "peak_kw", "Peak power of the worst feeders, kW"),
    ("thermal_overloads", "element", "loading_max_pct", "Largest loadings, %"),
    ("losses", "feeder", "losses_kwh", "Losses, kWh"),
    ("transformer_loading", "element", "loading_max_pct", "Largest loadings of transformers, %"),
];

/// The bytes of the workbook. `facts` stand on the first sheet.
///
/// # Errors
/// What the writer of workbooks refuses.
pub fn workbook(
    report: &StudyReport,
    facts: &[(&str, String)],
    titles: &[(&str, &str)],
    against: Option<(String, &Table)>,
) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    let head = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let first = book.add_worksheet();
    first.set_name("Study")?;
    first.set_column_width(0, 34)?.set_column_width(1, 60)?;
    first.write_string_with_format(0, 0, format!("Study {}", report.manifest.study), &bold)?;
    let mut row = 2;
    for (label, value) in facts {
        first.write_string(row, 0, *label)?;
        first.write_string(row, 1, value)?;
        row += 1;
    }
    for (feeder, reason) in &report.failed {
        first.write_string(row, 0, format!("failed: {feeder}"))?;
        first.write_string(row, 1, cut(reason))?;
        row += 1;
    }
    for (view, missing) in &report.absent {
        first.write_string(row, 0, view.name)?;
        first.write_string(row, 1, format!("not told: the run kept no rows of {}", missing.join(", ")))?;
        row += 1;
    }
    if let Some((title, table)) = against {
        compared(&mut book, &title, table, &head, &bold)?;
    }
    for section in &report.sections {
        let title = titles.iter().find(|(name, _)| *name == section.view.name).map_or(section.view.name, |(_, title)| title);
        sheet(&mut book, section, title, &head, &bold)?;
    }
    book.save_to_buffer()
}

/// Texts of a cell have a limit that the file format sets.
fn cut(text: &str) -> String {
    text.chars().take(32_000).collect()
}

/// Names of sheets have at most 31 characters, and some characters not at all.
fn sheet_name(title: &str) -> String {
    let name: String = title.chars().map(|c| if "[]:*?/\\".contains(c) { '_' } else { c }).take(31).collect();
    name.trim_matches('\'').to_owned()
}

/// A sheet of a table of another study.
fn compared(book: &mut Workbook, title: &str, table: &Table, head: &Format, bold: &Format) -> Result<(), XlsxError> {
    let page = book.add_worksheet();
    page.set_name(sheet_name(title))?;
    page.write_string_with_format(0, 0, title, bold)?;
    page.write_string(1, 0, table.meaning)?;
    let top: u32 = 3;
    for (i, column) in table.columns.iter().enumerate() {
        let words = if column.unit.is_empty() { column.name.to_owned() } else { format!("{}, {}", column.name, column.unit) };
        page.write_string_with_format(top, i as u16, words, head)?;
        page.set_column_width(i as u16, if i < 3 { 26 } else { 13 })?;
    }
    let kept = table.rows.len().min(ROWS_MAX - top as usize - 1);
    for (r, row) in table.rows.iter().take(kept).enumerate() {
        let r = top + 1 + r as u32;
        for (c, value) in row.iter().enumerate() {
            let c = c as u16;
            match value {
                Cell::Empty => continue,
                Cell::Text(text) => page.write_string(r, c, cut(text))?,
                Cell::Number(x) => page.write_number(r, c, *x)?,
                Cell::Count(n) => page.write_number(r, c, *n as f64)?,
                Cell::Flag(flag) => page.write_boolean(r, c, *flag)?,
            };
        }
    }
    if kept < table.rows.len() {
        page.write_string(2, 0, format!("{} more rows than a sheet takes; a report in CSV has all.", table.rows.len() - kept))?;
    }
    page.set_freeze_panes(top + 1, 0)?;
    if kept == 0 {
        page.write_string(top + 1, 0, "None.")?;
        return Ok(());
    }
    page.autofilter(top, 0, top + kept as u32, table.columns.len().saturating_sub(1) as u16)?;
    Ok(())
}

fn sheet(book: &mut Workbook, section: &Section, title: &str, head: &Format, bold: &Format) -> Result<(), XlsxError> {
    let columns: Vec<_> = section.view.columns().collect();
    // Names of sheets have at most 31 characters.
    let name: String = title.chars().take(31).collect();
    let page = book.add_worksheet();
    page.set_name(&name)?;
    page.write_string_with_format(0, 0, title, bold)?;
    page.write_string(1, 0, section.view.meaning())?;
    let top: u32 = 3;
    for (i, column) in columns.iter().enumerate() {
        let words = if column.unit.is_empty() { column.name.to_owned() } else { format!("{}, {}", column.name, column.unit) };
        page.write_string_with_format(top, i as u16, words, head)?;
        let wide = matches!(column.name, "element" | "feeder" | "bus" | "worst_bus" | "study");
        page.set_column_width(i as u16, if wide { 26 } else { 13 })?;
    }
    let kept = section.rows.len().min(ROWS_MAX - top as usize - 1);
    for (r, row) in section.rows.iter().take(kept).enumerate() {
        let r = top + 1 + r as u32;
        for (c, value) in row.iter().enumerate() {
            let c = c as u16;
            match value {
                Value::Missing => continue,
                Value::Text(text) => page.write_string(r, c, cut(text))?,
                Value::Number(x) if x.is_finite() => page.write_number(r, c, *x)?,
                Value::Number(x) => page.write_string(r, c, x.to_string())?,
                Value::Count(n) => page.write_number(r, c, *n as f64)?,
                Value::Integer(n) => page.write_number(r, c, *n as f64)?,
                Value::Flag(flag) => page.write_boolean(r, c, *flag)?,
            };
        }
    }
    if kept < section.rows.len() {
        page.write_string(2, 0, format!("{} more rows than a sheet takes; a report in CSV has all.", section.rows.len() - kept))?;
    }
    page.set_freeze_panes(top + 1, 0)?;
    if kept == 0 {
        page.write_string(top + 1, 0, "None.")?;
        return Ok(());
    }
    page.autofilter(top, 0, top + kept as u32, columns.len().saturating_sub(1) as u16)?;
    if let Some((_, labels, values, words)) = CHARTS.iter().find(|(s, ..)| *s == section.view.name)
        && let (Some(labels), Some(values)) = (section.column(labels), section.column(values))
    {
        let last = top + kept.min(CHARTED) as u32;
        let mut chart = Chart::new(ChartType::Bar);
        chart.add_series().set_categories((name.as_str(), top + 1, labels as u16, last, labels as u16)).set_values((
            name.as_str(),
            top + 1,
            values as u16,
            last,
            values as u16,
        ));
        chart.title().set_name(*words);
        chart.legend().set_hidden();
        // The most pressing row on top, as in the table.
        chart.y_axis().set_reverse();
        page.insert_chart(top + 1, columns.len() as u16 + 1, &chart)?;
    }
    Ok(())
}
