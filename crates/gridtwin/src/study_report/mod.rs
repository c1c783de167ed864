//! `gridtwin report`: the figures of a study as text, Markdown, HTML, PDF, CSV or a workbook.
//!
//! For people, each section shows its leading columns and most pressing rows; CSV holds every figure, one a line, and a workbook every
//! row of every section. HTML and PDF hold pictures of the worst feeders.

mod against;
mod axis;
mod figures;
mod pdf;
mod sheet;

use crate::answer::{csv_cell, plain, short};
use crate::cli::ReportArguments;
use crate::console::Console;
use crate::failure::Failure;
use against::Against;
use figures::FeederFigures;
use network::Diagnostic;
use network::picture::drawing::{Drawing, escape};
use pdf::Pdf;
use server::narratives::{NoNarrative, of_run};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use store::{CommittedFile, Lake, PartialFile, Section, StudyReport, Value, study_report};

/// Rows of a section in text and Markdown; HTML has more, CSV all.
const SHOWN_ROWS: usize = 20;
const SHOWN_ROWS_HTML: usize = 500;
const SHOWN_ROWS_PDF: usize = 60;

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Markdown,
    Html,
    Csv,
    Pdf,
    Workbook,
}

/// Columns that people see, and what the section is called.
const SHOWN: &[(&str, &str, &[&str])] = &[
    (
        "feeder_scorecard",
        "Feeders",
        &[
            "feeder",
            "nodes",
            "peak_kw",
            "energy_kwh",
            "losses_pct",
            "v_min_pu",
            "v_max_pu",
            "nodes_outside_a",
            "nodes_outside_b",
            "loading_max_pct",
            "overloaded_elements",
            "unsettled",
        ],
    ),
    (
        "thermal_overloads",
        "Thermal overloads",
        &["feeder", "element", "rating", "loading_max_pct", "loading_max_hour", "hours_above_normal", "hours_above_emergency"],
    ),
    (
        "voltage_violations",
        "Voltages beyond ANSI C84.1",
        &["feeder", "ansi_range", "side", "nodes", "node_hours", "longest_hours", "worst_bus", "worst_v_pu", "worst_hour"],
    ),
    (
        "losses",
        "Losses",
        &[
            "feeder",
            "energy_kwh",
            "losses_kwh",
            "losses_pct",
            "line_losses_kwh",
            "transformer_losses_kwh",
            "no_load_losses_kwh",
            "load_losses_kwh",
        ],
    ),
    (
        "transformer_loading",
        "Transformers",
        &[
            "feeder",
            "element",
            "rating_kva",
            "loading_max_pct",
            "loading_p95_pct",
            "loading_mean_pct",
            "hours_above_normal",
            "unbalance_max_pct",
        ],
    ),
    (
        "voltage_profile",
        "Voltage profile",
        &["feeder", "bus", "nodes", "kv_base_ln", "v_min_pu", "v_p05_pu", "v_mean_pu", "v_p95_pu", "v_max_pu"],
    ),
];

/// Makes the report and prints or writes it.
///
/// # Errors
/// No lake or study there, torn files, an ending of the file that names no form, a file that cannot be written.
pub fn run(arguments: &ReportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let form = arguments.out.as_deref().map_or(Ok(Form::Text), form_of)?;
    let lake = Lake::open(&arguments.dir)?;
    if arguments.narrative {
        return narrative(&lake, arguments, console);
    }
    let wanted = Wanted {
        study: arguments.study.as_deref(),
        against: arguments.against.as_deref(),
        feeders: &arguments.feeder,
        pictures: arguments.pictures,
    };
    let bytes = make(&lake, &wanted, form)?;
    match &arguments.out {
        None => console.print(&String::from_utf8_lossy(&bytes)),
        Some(place) => {
            let mut file = PartialFile::create(place)?;
            if let Err(e) = file.write_all(&bytes) {
                return Err(file.failed(e).into());
            }
            Ok(file.commit()?)
        }
    }
}

/// The study in sentences.
fn narrative(lake: &Lake, arguments: &ReportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let narrative = of_run(lake, arguments.study.as_deref()).map_err(|why| match why {
        NoNarrative::Store(error) => Failure::from(error),
        why => Diagnostic::error("LEARN.NARRATIVE.NONE", "there is no narrative of this study").detail(format!("{why}.")).into(),
    })?;
    if arguments.json {
        return console.json(&narrative);
    }
    let mut text = format!("{}\n", console.style.bold(&narrative.title));
    for section in narrative.sections.iter().filter(|s| !s.sentences.is_empty()) {
        let _ = writeln!(text, "\n{}", console.style.bold(&section.heading));
        for sentence in &section.sentences {
            let _ = writeln!(text, "  {}", crate::text::wrap(&sentence.text(), 98).join("\n  "));
        }
    }
    console.print(&text)
}

/// What a report is about.
pub struct Wanted<'a> {
    /// The only one unless told.
    pub study: Option<&'a str>,
    /// Study that it is set against.
    pub against: Option<&'a str>,
    /// All of them when there is none.
    pub feeders: &'a [String],
    /// Feeders with pictures at most.
    pub pictures: usize,
}

/// The report in the form that the ending of a file's name tells.
///
/// # Errors
/// An ending that tells no form, no such study or feeder, torn files, studies that cannot be compared.
pub fn written(lake: &Lake, wanted: &Wanted<'_>, place: &Path) -> Result<Vec<u8>, Failure> {
    make(lake, wanted, form_of(place)?)
}

/// The report as the bytes of a file.
fn make(lake: &Lake, wanted: &Wanted<'_>, form: Form) -> Result<Vec<u8>, Failure> {
    let mut report = study_report(lake, wanted.study)?;
    only(&mut report, wanted.feeders)?;
    let against = wanted.against.map(|base| Against::new(lake, &report.manifest.study, base, wanted.feeders)).transpose()?;
    let refused = |reason: String| Diagnostic::error("OUTPUT.REPORT.REFUSED", "the report cannot be written").detail(reason);
    Ok(match form {
        Form::Csv => (csv(&report) + &against.map_or_else(String::new, |a| a.csv())).into_bytes(),
        Form::Workbook => {
            let titles: Vec<(&str, &str)> = SHOWN.iter().map(|(name, title, _)| (*name, *title)).collect();
            sheet::workbook(&report, &facts(&report), &titles, against.as_ref().map(Against::sheet)).map_err(|e| refused(e.to_string()))?
        }
        Form::Text | Form::Markdown | Form::Html | Form::Pdf => {
            let drawn = if matches!(form, Form::Html | Form::Pdf) { drawings(lake, &report, wanted.pictures)? } else { Vec::new() };
            let mut page = Page::new(form, &format!("Study {}", report.manifest.study));
            write_page(&mut page, &report, against.as_ref(), &drawn);
            page.finish().map_err(refused)?
        }
    })
}

/// Leaves the rows of the feeders that were asked for.
fn only(report: &mut StudyReport, feeders: &[String]) -> Result<(), Failure> {
    if feeders.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = report.section("feeder_scorecard").map(names_of_feeders).unwrap_or_default();
    let known = |f: &String| all.contains(f) || report.failed.iter().any(|(name, _)| name == f);
    if let Some(unknown) = feeders.iter().find(|f| !known(f)) {
        let shown = all.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        return Err(Diagnostic::error("OUTPUT.REPORT.FEEDER", format!("the study has no feeder {unknown}"))
            .hint(format!("It has {} feeders: {shown}{}", all.len(), if all.len() > 10 { ", …" } else { "." }))
            .into());
    }
    for section in &mut report.sections {
        if let Some(at) = section.column("feeder") {
            section.rows.retain(|row| matches!(&row[at], Value::Text(name) if feeders.contains(name)));
        }
    }
    report.failed.retain(|(name, _)| feeders.contains(name));
    report.unsettled.retain(|(name, _)| feeders.contains(name));
    report.done = all.iter().filter(|f| feeders.contains(f)).count();
    Ok(())
}

/// Feeders of a section in the order of its rows, the most pressing first.
fn names_of_feeders(section: &Section) -> Vec<String> {
    let at = section.column("feeder");
    section.rows.iter().filter_map(|row| at.map(|i| plain(&row[i]))).collect()
}

/// Pictures of the most pressing feeders.
fn drawings(lake: &Lake, report: &StudyReport, most: usize) -> Result<Vec<Drawing>, Failure> {
    let files: Vec<CommittedFile> = lake.committed(Some(&report.manifest.study))?;
    let mut drawn = Vec::new();
    for feeder in report.section("feeder_scorecard").map(names_of_feeders).unwrap_or_default().iter().take(most) {
        drawn.extend(FeederFigures::read(&files, feeder)?.drawings(feeder));
    }
    Ok(drawn)
}

pub(crate) fn form_of(place: &Path) -> Result<Form, Failure> {
    match place.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("md") => Ok(Form::Markdown),
        Some("html" | "htm") => Ok(Form::Html),
        Some("csv") => Ok(Form::Csv),
        Some("txt") => Ok(Form::Text),
        Some("pdf") => Ok(Form::Pdf),
        Some("xlsx") => Ok(Form::Workbook),
        _ => Err(Diagnostic::error("OUTPUT.REPORT.FORM", format!("the name {} tells no form of report", place.display()))
            .hint("End it in .pdf, .xlsx, .csv, .html, .md or .txt.")
            .into()),
    }
}

fn write_page(page: &mut Page, report: &StudyReport, against: Option<&Against>, drawn: &[Drawing]) {
    page.facts(&facts(report));
    if let Some(against) = against {
        against.write(page);
    }
    if !report.failed.is_empty() {
        page.section("Feeders that failed", "Feeders without results, and why.");
        let rows: Vec<Vec<String>> = report.failed.iter().map(|(feeder, reason)| vec![feeder.clone(), reason.clone()]).collect();
        page.table(&["feeder".into(), "reason".into()], &[false, false], &rows);
    }
    for (i, (name, title, columns)) in SHOWN.iter().enumerate() {
        if let Some(section) = report.section(name) {
            page.figures(section, title, columns);
        }
        // Pictures stand behind the score card, before the tables that they sum up.
        if i == 0 && !drawn.is_empty() {
            page.section("Pictures", "The most pressing feeders; a share of the steps or an hour counts settled steps only.");
            drawn.iter().for_each(|d| page.picture(d));
        }
    }
    for (view, missing) in &report.absent {
        page.paragraph(&format!("{} is not told: the run kept no rows of {}.", view.name, missing.join(", ")));
    }
}

/// What stands on top.
fn facts(report: &StudyReport) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("engine version", report.manifest.engine_version.clone()),
        ("feeders done", report.done.to_string()),
        ("feeders failed", report.failed.len().to_string()),
    ];
    if let Some(losses) = report.section("losses") {
        let (energy, lost) = (losses.sum("energy_kwh"), losses.sum("losses_kwh"));
        facts.push(("energy", format!("{} kWh", short(energy))));
        let pct = if energy > 0.0 { format!(" ({} %)", short((1e4 * lost / energy).round() / 100.0)) } else { String::new() };
        facts.push(("losses", format!("{} kWh{pct}", short(lost))));
    }
    if let Some(overloads) = report.section("thermal_overloads") {
        facts.push(("overloaded elements", overloads.rows.len().to_string()));
    }
    if let Some(score) = report.section("feeder_scorecard") {
        for (label, column) in [("feeders ever outside range A", "nodes_outside_a"), ("feeders ever outside range B", "nodes_outside_b")] {
            let at = score.column(column);
            let count = score.rows.iter().filter(|r| at.and_then(|i| r[i].number()).is_some_and(|n| n > 0.0)).count();
            facts.push((label, count.to_string()));
        }
    }
    let unsettled: u64 = report.unsettled.iter().map(|(_, n)| n).sum();
    let where_ = match report.unsettled.len() {
        0 => String::new(),
        1 => ", in one feeder; they enter no figure".to_owned(),
        n => format!(", in {n} feeders; they enter no figure"),
    };
    facts.push(("steps not settled", format!("{unsettled}{where_}")));
    facts
}

/// A report while it is written.
pub(crate) struct Page {
    form: Form,
    text: String,
    /// Takes the place of the text in a PDF.
    pdf: Option<Pdf>,
}

impl Page {
    pub(crate) fn new(form: Form, title: &str) -> Self {
        let mut text = String::new();
        match form {
            Form::Html => {
                let title = escape(title);
                text += "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
                text += &format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n");
            }
            Form::Markdown => text += &format!("# {title}\n\n"),
            _ => text += &format!("{title}\n{}\n\n", "=".repeat(title.chars().count())),
        }
        Self { form, text, pdf: (form == Form::Pdf).then(|| Pdf::new(title)) }
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, String> {
        if let Some(pdf) = self.pdf {
            return pdf.finish();
        }
        if self.form == Form::Html {
            self.text += "</body>\n</html>\n";
        }
        Ok(self.text.into_bytes())
    }

    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) {
        if let Some(pdf) = &mut self.pdf {
            return pdf.facts(facts);
        }
        for (label, value) in facts {
            match self.form {
                Form::Html => self.text += &format!("<p><b>{}</b>: {}</p>\n", escape(label), escape(value)),
                Form::Markdown => self.text += &format!("* {label}: {value}\n"),
                _ => self.text += &format!("{label:<30}{value}\n"),
            }
        }
        if self.form != Form::Html {
            self.text.push('\n');
        }
    }

    pub(crate) fn section(&mut self, title: &str, meaning: &str) {
        if let Some(pdf) = &mut self.pdf {
            return pdf.section(title, meaning);
        }
        match self.form {
            Form::Html => self.text += &format!("<h2>{}</h2>\n<p>{}</p>\n", escape(title), escape(meaning)),
            Form::Markdown => self.text += &format!("## {title}\n\n{meaning}\n\n"),
            _ => self.text += &format!("{title}\n{}\n{meaning}\n\n", "-".repeat(title.chars().count())),
        }
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        if let Some(pdf) = &mut self.pdf {
            return pdf.paragraph(text);
        }
        match self.form {
            Form::Html => self.text += &format!("<p>{}</p>\n", escape(text)),
            _ => self.text += &format!("{text}\n\n"),
        }
    }

    pub(crate) fn picture(&mut self, drawing: &Drawing) {
        if let Some(pdf) = &mut self.pdf {
            return pdf.picture(drawing);
        }
        if self.form == Form::Html {
            let (svg, title, caption) = (drawing.svg(), escape(&drawing.title), escape(&drawing.caption));
            self.text += &format!("<figure>\n<h3>{title}</h3>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n");
        }
    }

    fn figures(&mut self, section: &Section, title: &str, columns: &[&str]) {
        self.section(title, section.view.meaning());
        if section.rows.is_empty() {
            self.paragraph("None.");
            return;
        }
        let all: Vec<_> = section.view.columns().collect();
        let at: Vec<usize> = columns.iter().map(|c| section.column(c).expect("a column of the view")).collect();
        let names: Vec<String> = at.iter().map(|i| heading(all[*i].name, all[*i].unit)).collect();
        let shown = match self.form {
            Form::Html => SHOWN_ROWS_HTML,
            Form::Pdf => SHOWN_ROWS_PDF,
            _ => SHOWN_ROWS,
        };
        let rows: Vec<&Vec<Value>> = section.rows.iter().take(shown).collect();
        let numbers: Vec<bool> = at.iter().map(|i| rows.iter().all(|r| !matches!(r[*i], Value::Text(_)))).collect();
        let cells: Vec<Vec<String>> = rows.iter().map(|r| at.iter().map(|i| cell(&r[*i], all[*i].unit)).collect()).collect();
        self.table(&names, &numbers, &cells);
        if section.rows.len() > shown {
            let rest = section.rows.len() - shown;
            self.paragraph(&format!("{rest} more; a report in CSV, or the view {} in SQL, has all.", section.view.name));
        }
    }

    pub(crate) fn table(&mut self, names: &[String], numbers: &[bool], rows: &[Vec<String>]) {
        if let Some(pdf) = &mut self.pdf {
            return pdf.table(names, numbers, rows);
        }
        match self.form {
            Form::Html => {
                self.text += "<table>\n<tr>";
                names.iter().for_each(|n| self.text += &format!("<th>{}</th>", escape(n)));
                self.text += "</tr>\n";
                for row in rows {
                    self.text += "<tr>";
                    for (cell, is_number) in row.iter().zip(numbers) {
                        self.text += &format!("<td{}>{}</td>", if *is_number { " class=\"n\"" } else { "" }, escape(cell));
                    }
                    self.text += "</tr>\n";
                }
                self.text += "</table>\n";
            }
            Form::Markdown => {
                let mut line = |cells: Vec<String>| writeln!(self.text, "| {} |", cells.join(" | ")).expect("writing to a string");
                line(names.to_vec());
                line(numbers.iter().map(|n| if *n { "---:".to_owned() } else { "---".to_owned() }).collect());
                rows.iter().for_each(|r| line(r.iter().map(|c| c.replace('|', "\\|").replace(['\n', '\r'], " ")).collect()));
                self.text.push('\n');
            }
            _ => {
                self.text += &crate::answer::columns(names, numbers, rows);
                self.text.push('\n');
            }
        }
    }
}

/// The column's name in words, its unit behind a comma.
fn heading(name: &str, unit: &str) -> String {
    let stem = ["_kwh", "_kva", "_kw", "_pu", "_pct", "_hours"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    let stem = match name {
        "hours_above_normal" => "above normal",
        "hours_above_emergency" => "above emergency",
        "node_hours" => "node-hours",
        "longest_hours" => "longest",
        _ => stem,
    };
    let words = stem.replace('_', " ").replace("loading max hour", "at hour").replace("kv base ln", "base");
    let words = words.replace("ansi range", "range").replace("nodes outside", "outside").replace("overloaded elements", "overloaded");
    if unit.is_empty() { words } else { format!("{words}, {unit}") }
}

/// A figure with the digits that its unit deserves.
fn cell(value: &Value, unit: &str) -> String {
    let Value::Number(x) = value else { return plain(value) };
    let digits = match unit {
        "pu" => 4,
        "%" | "kV" => 2,
        "h" | "kW" | "kVA" | "A or kVA" => 1,
        "kWh" => 0,
        _ => 3,
    };
    crate::number::fixed(*x, digits)
}

/// Every figure, one a line.
fn csv(report: &StudyReport) -> String {
    let mut text = "table,feeder,asset,figure,unit,value\n".to_owned();
    for (feeder, reason) in &report.failed {
        text += &format!("failed,{},,reason,,{}\n", csv_cell(feeder), csv_cell(reason));
    }
    for section in &report.sections {
        let columns: Vec<_> = section.view.columns().collect();
        let is_key = |name: &str| matches!(name, "study" | "feeder" | "element" | "bus" | "ansi_range" | "side");
        for row in &section.rows {
            let mut assets = columns.iter().zip(row).filter(|(c, _)| is_key(c.name) && !matches!(c.name, "study" | "feeder"));
            let asset = assets.by_ref().map(|(_, v)| plain(v)).collect::<Vec<_>>().join(" ");
            for (column, value) in columns.iter().zip(row).filter(|(c, _)| !is_key(c.name)) {
                let cells = [section.view.name, &plain(&row[1]), &asset, column.name, column.unit, &plain(value)].map(csv_cell);
                text += &(cells.join(",") + "\n");
            }
        }
    }
    text
}

const STYLE: &str = "body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1c2430; }
h2 { margin-top: 2.2rem; }
p { margin: .3rem 0; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #d6dce4; text-align: left; }
td.n { text-align: right; }
figure { margin: 1.2rem 0; overflow-x: auto; }
figure h3 { margin: 0 0 .3rem; font-size: 1rem; }
figcaption { color: #4a5158; font-size: .9rem; }
";

#[cfg(test)]
mod tests {
    use super::*;
    use store::views::view;

    #[test]
    fn shown_columns_are_columns_of_their_views() {
        for (name, _, columns) in SHOWN {
            let view = view(name).unwrap_or_else(|| panic!("no view {name}"));
            for column in *columns {
                assert!(view.columns().any(|c| c.name == *column), "{name}.{column}");
            }
        }
        assert_eq!(SHOWN.len(), store::views::VIEWS.len());
    }
}
