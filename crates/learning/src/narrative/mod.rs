//! Planning narratives: sentences about the tables of a study, each figure of which leads to the cells that it is from.
//!
//! ```text
//! sheets (tables of a study, rows of the lake's views) ─► rules of the kind of study ─► sentences with importance ─► sections, weightiest first
//! ```
//!
//! **No figure is of the text.** A [`Span`] that has a digit has a [`Source`]: a cell, or cells and what was made of them (their number, their
//! sum, a difference). [`Narrative::faults`] works every figure out again from the sheets and says which differ; it is empty for what is made here.
//!
//! **Rounding.** Counts are whole. Voltages in per unit have three decimals, other figures three significant digits and no fewer than all
//! digits before the point. A value beyond a limit is never rounded onto it: it gets as many more digits as show the difference.
//!
//! **Order.** Importance is a rule, not a score that was learnt: 4 for what makes figures doubtful (steps that did not settle, feeders that
//! failed, a surrogate), 3 for limits that are crossed, 2 for changes, 1 for the rest; within a rank the share of what it is a part of.

mod compare;
mod hosting;
mod mitigation;
mod reliability;
mod run;

pub use compare::comparison;
pub use hosting::hosting_capacity;
pub use mitigation::mitigation;
pub use reliability::reliability;
pub use run::run_summary;

use serde::{Deserialize, Serialize};
use studies::table::{Table, Value};
use thiserror::Error;

/// A table that sentences are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    pub name: String,
    pub columns: Vec<SheetColumn>,
    pub rows: Vec<Vec<Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetColumn {
    pub name: String,
    /// Empty where there is none.
    pub unit: String,
}

impl From<&Table> for Sheet {
    fn from(t: &Table) -> Self {
        let columns = t.columns.iter().map(|c| SheetColumn { name: c.name.to_owned(), unit: c.unit.to_owned() }).collect();
        Self { name: t.name.to_owned(), columns, rows: t.rows.clone() }
    }
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRef {
    pub table: String,
    /// From 0.
    pub row: usize,
    pub column: String,
}

/// Where a figure or a name comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Cell(RowRef),
    /// The number of these rows; the column is the one that chose them.
    Count(Vec<RowRef>),
    Sum(Vec<RowRef>),
    /// The second less the first.
    Difference(RowRef, RowRef),
}

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub text: String,
    /// None of plain words, which have no digit.
    pub source: Option<Source>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentence {
    pub spans: Vec<Span>,
    /// Higher comes first.
    pub importance: f64,
}

impl Sentence {
    pub fn text(&self) -> String {
        self.spans.iter().map(|s| s.text.as_str()).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub heading: String,
    pub sentences: Vec<Sentence>,
}

/// A narrative: sections, the weightiest first; what limits the figures comes before all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Narrative {
    pub title: String,
    pub sections: Vec<Section>,
}

/// What must be told with the figures and stands in no table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Feeders that failed and are in no figure, a row each; the column `feeder`.
    pub failed: Option<Vec<String>>,
    /// The figures are estimates of a fitted model and not of a power flow.
    pub is_surrogate: bool,
    /// Readings or weather that were missing, in words without figures.
    pub missing: Vec<String>,
}

/// Why there is no narrative.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NarrativeError {
    #[error("the tables lack {}", .0.join(", "))]
    Missing(Vec<String>),
    #[error("row {row} of {table} has {found} cells and not {expected}")]
    Ragged { table: String, row: usize, found: usize, expected: usize },
}

/// The sheets of a narrative, by name.
pub(super) struct Sheets<'a>(&'a [Sheet]);

/// One sheet with the places of its columns.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    sheet: &'a Sheet,
}

impl<'a> Sheets<'a> {
    /// The sheets, after a look at whether all that `needed` names (table, columns) is there.
    fn new(sheets: &'a [Sheet], needed: &[(&str, &[&str])]) -> Result<Self, NarrativeError> {
        let mut missing = Vec::new();
        for (table, columns) in needed {
            match sheets.iter().find(|s| s.name == *table) {
                None => missing.push(format!("table {table}")),
                Some(s) => {
                    let absent = columns.iter().filter(|c| !s.columns.iter().any(|x| x.name == **c));
                    missing.extend(absent.map(|c| format!("column {c} of {table}")));
                }
            }
        }
        if !missing.is_empty() {
            return Err(NarrativeError::Missing(missing));
        }
        for s in sheets {
            let expected = s.columns.len();
            if let Some(row) = s.rows.iter().position(|r| r.len() != expected) {
                return Err(NarrativeError::Ragged { table: s.name.clone(), row, found: s.rows[row].len(), expected });
            }
        }
        Ok(Self(sheets))
    }

    fn get(&self, table: &str) -> Option<View<'a>> {
        self.0.iter().find(|s| s.name == table).map(|sheet| View { sheet })
    }

    /// A sheet that [`Sheets::new`] has seen.
    fn needed(&self, table: &str) -> View<'a> {
        static NOTHING: Sheet = Sheet { name: String::new(), columns: Vec::new(), rows: Vec::new() };
        self.get(table).unwrap_or(View { sheet: &NOTHING })
    }
}

impl<'a> View<'a> {
    fn rows(self) -> std::ops::Range<usize> {
        0..self.sheet.rows.len()
    }

    fn has(self, column: &str) -> bool {
        self.sheet.columns.iter().any(|c| c.name == column)
    }

    fn value(self, row: usize, column: &str) -> Option<&'a Value> {
        let k = self.sheet.columns.iter().position(|c| c.name == column)?;
        self.sheet.rows.get(row)?.get(k)
    }

    fn unit(self, column: &str) -> &'a str {
        self.sheet.columns.iter().find(|c| c.name == column).map_or("", |c| c.unit.as_str())
    }

    fn number(self, row: usize, column: &str) -> Option<f64> {
        as_number(self.value(row, column)?)
    }

    fn text(self, row: usize, column: &str) -> Option<&'a str> {
        match self.value(row, column)? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    fn at(self, row: usize, column: &str) -> RowRef {
        RowRef { table: self.sheet.name.clone(), row, column: column.to_owned() }
    }

    /// Rows for which a number is above zero.
    fn above_zero(self, column: &str) -> Vec<usize> {
        self.rows().filter(|r| self.number(*r, column).is_some_and(|x| x > 0.0)).collect()
    }

    /// Rows of a word in a column.
    fn of_word(self, column: &str, word: &str) -> Vec<usize> {
        self.rows().filter(|r| self.text(*r, column) == Some(word)).collect()
    }

    /// The row of the largest number, the first of equals.
    fn largest(self, rows: &[usize], column: &str) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for r in rows {
            if let Some(x) = self.number(*r, column)
                && best.is_none_or(|(_, b)| x > b)
            {
                best = Some((*r, x));
            }
        }
        best.map(|b| b.0)
    }

    /// The row of the smallest number, the first of equals.
    fn smallest(self, rows: &[usize], column: &str) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for r in rows {
            if let Some(x) = self.number(*r, column)
                && best.is_none_or(|(_, b)| x < b)
            {
                best = Some((*r, x));
            }
        }
        best.map(|b| b.0)
    }

    fn sum(self, rows: &[usize], column: &str) -> f64 {
        rows.iter().filter_map(|r| self.number(*r, column)).sum()
    }
}

fn as_number(v: &Value) -> Option<f64> {
    match v {
        Value::Number(x) if x.is_finite() => Some(*x),
        Value::Count(n) => Some(*n as f64),
        _ => None,
    }
}

/// A figure by the rounding rule; `limit` is a value that it must not be rounded onto.
fn rounded(value: f64, unit: &str, limit: Option<f64>) -> String {
    let decimals = match unit {
        "pu" => 3,
        _ if value == 0.0 => 0,
        _ => (2 - value.abs().log10().floor() as i32).clamp(0, 12),
    };
    let crosses = |d: i32| limit.is_some_and(|l| value != l && format!("{value:.*}", d as usize) == format!("{l:.*}", d as usize));
    let decimals = (decimals..=12).find(|d| !crosses(*d)).unwrap_or(12);
    let text = format!("{value:.*}", decimals as usize);
    // Zeros behind the point say nothing but for voltages.
    let text = if unit != "pu" && text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    // No minus before a zero.
    if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) { text.trim_start_matches('-').to_owned() } else { text }
}

/// Unit as it stands behind a figure.
fn unit_words(unit: &str) -> String {
    match unit {
        "" => String::new(),
        "1/yr" => " a year".to_owned(),
        "h/yr" => " h a year".to_owned(),
        "kWh/yr" => " kWh a year".to_owned(),
        u => format!(" {u}"),
    }
}

/// Builds a sentence. A cell that is empty makes the whole sentence void: nothing is told in its place.
pub(super) struct Line {
    spans: Vec<Span>,
    is_void: bool,
}

impl Line {
    fn new(text: &str) -> Self {
        Self { spans: Vec::new(), is_void: false }.words(text)
    }

    /// Plain words, without a digit.
    fn words(mut self, text: &str) -> Self {
        debug_assert!(!text.chars().any(|c| c.is_ascii_digit()), "{text}");
        if !text.is_empty() {
            self.spans.push(Span { text: text.to_owned(), source: None });
        }
        self
    }

    fn push(mut self, text: Option<String>, source: Source) -> Self {
        match text {
            Some(text) => self.spans.push(Span { text, source: Some(source) }),
            None => self.is_void = true,
        }
        self
    }

    /// A name or figure of a cell; a figure has its unit behind it, that of the column or of the cell of `unit_column`.
    fn cell(self, view: View<'_>, row: usize, column: &str) -> Self {
        self.cell_with(view, row, column, view.unit(column), None)
    }

    fn cell_with(self, view: View<'_>, row: usize, column: &str, unit: &str, limit: Option<f64>) -> Self {
        let text = view.value(row, column).and_then(|v| cell_text(v, unit, limit));
        self.push(text, Source::Cell(view.at(row, column)))
    }

    /// The number of rows.
    fn count(self, view: View<'_>, rows: &[usize], column: &str) -> Self {
        let cells = rows.iter().map(|r| view.at(*r, column)).collect();
        self.push(Some(rows.len().to_string()), Source::Count(cells))
    }

    fn sum(self, view: View<'_>, rows: &[usize], column: &str) -> Self {
        let known: Vec<usize> = rows.iter().copied().filter(|r| view.number(*r, column).is_some()).collect();
        let unit = view.unit(column);
        let whole = known.iter().all(|r| matches!(view.value(*r, column), Some(Value::Count(_))));
        let sum = view.sum(&known, column);
        let text = if whole { format!("{sum}") } else { rounded(sum, unit, None) };
        let cells = known.iter().map(|r| view.at(*r, column)).collect();
        self.push((!known.is_empty()).then(|| text + &unit_words(unit)), Source::Sum(cells))
    }

    /// How far a second cell is from a first, without sign.
    fn change(self, view: View<'_>, row: usize, from: &str, to: &str, unit: &str) -> Self {
        let ends = view.number(row, from).zip(view.number(row, to));
        let text = ends.map(|(a, b)| rounded((b - a).abs(), unit, None) + &unit_words(unit));
        self.push(text, Source::Difference(view.at(row, from), view.at(row, to)))
    }

    /// Names of rows in a list, of more than four the first four.
    fn names(mut self, view: View<'_>, rows: &[usize], column: &str) -> Self {
        let shown = &rows[..rows.len().min(4)];
        for (i, r) in shown.iter().enumerate() {
            let joint = match i {
                0 => "",
                _ if i + 1 == shown.len() && shown.len() == rows.len() => " and ",
                _ => ", ",
            };
            self = self.words(joint).cell(view, *r, column);
        }
        if shown.len() < rows.len() { self.words(" and others") } else { self }
    }

    fn done(self, importance: f64) -> Option<Sentence> {
        (!self.is_void).then_some(Sentence { spans: self.spans, importance })
    }
}

fn cell_text(v: &Value, unit: &str, limit: Option<f64>) -> Option<String> {
    match v {
        Value::Text(t) => Some(t.clone()),
        Value::Count(n) => Some(format!("{n}{}", unit_words(unit))),
        Value::Number(x) if x.is_finite() => Some(rounded(*x, unit, limit) + &unit_words(unit)),
        _ => None,
    }
}

fn plural(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

/// Puts sentences into sections, weightiest first, and leaves out what is empty.
fn narrative(title: &str, sections: Vec<(&str, Vec<Option<Sentence>>)>) -> Narrative {
    let mut sections: Vec<Section> = sections
        .into_iter()
        .map(|(heading, sentences)| {
            let mut sentences: Vec<Sentence> = sentences.into_iter().flatten().collect();
            sentences.sort_by(|a, b| b.importance.total_cmp(&a.importance));
            Section { heading: heading.to_owned(), sentences }
        })
        .filter(|s| !s.sentences.is_empty())
        .collect();
    sections.sort_by(|a, b| b.sentences[0].importance.total_cmp(&a.sentences[0].importance));
    Narrative { title: title.to_owned(), sections }
}

/// Sentences of what limits the figures.
fn limits(l: &Limits) -> Vec<Option<Sentence>> {
    let mut all = Vec::new();
    if l.is_surrogate {
        all.push(Line::new("These figures are estimates of a fitted model and not of power flows; where they are near a limit the study itself must be run.").done(4.9));
    }
    if let Some(failed) = l.failed.as_ref().filter(|f| !f.is_empty()) {
        // Names of feeders come from the run's record, which is a table of its own.
        let cells: Vec<RowRef> =
            (0..failed.len()).map(|row| RowRef { table: FAILED.to_owned(), row, column: "feeder".to_owned() }).collect();
        let mut line = Line::new("").push(Some(failed.len().to_string()), Source::Count(cells.clone()));
        line =
            line.words(if failed.len() == 1 { " feeder failed and is in no figure: " } else { " feeders failed and are in no figure: " });
        for (i, name) in failed.iter().take(4).enumerate() {
            line = line.words(if i > 0 { ", " } else { "" }).push(Some(name.clone()), Source::Cell(cells[i].clone()));
        }
        let line = if failed.len() > 4 { line.words(" and others") } else { line };
        all.push(line.words(".").done(4.8));
    }
    for words in &l.missing {
        if !words.chars().any(|c| c.is_ascii_digit()) {
            all.push(Line::new(&format!("Missing: {words}.")).done(4.2));
        }
    }
    all
}

/// Table that the names of failed feeders count as.
const FAILED: &str = "failed_feeders";

impl Narrative {
    /// All sentences as text, a section a paragraph.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        for s in &self.sections {
            out += &format!("\n{}\n", s.heading);
            for line in &s.sentences {
                out += &format!("{}\n", line.text());
            }
        }
        out
    }

    /// Figures that have no source, or not the value that their source gives: none in a sound narrative.
    pub fn faults(&self, sheets: &[Sheet], limits: &Limits) -> Vec<String> {
        let mut faults = Vec::new();
        let empty = Vec::new();
        let failed = Sheet {
            name: FAILED.to_owned(),
            columns: vec![SheetColumn { name: "feeder".to_owned(), unit: String::new() }],
            rows: limits.failed.as_ref().unwrap_or(&empty).iter().map(|f| vec![Value::Text(f.clone())]).collect(),
        };
        let all: Vec<&Sheet> = sheets.iter().chain(std::iter::once(&failed)).collect();
        let find = |r: &RowRef| {
            let view = all.iter().find(|s| s.name == r.table).map(|sheet| View { sheet })?;
            view.value(r.row, &r.column)
        };
        for span in self.sections.iter().flat_map(|s| &s.sentences).flat_map(|s| &s.spans) {
            let Some(source) = &span.source else {
                if span.text.chars().any(|c| c.is_ascii_digit()) {
                    faults.push(format!("'{}' has no source", span.text));
                }
                continue;
            };
            let number = |r: &RowRef| find(r).and_then(as_number);
            let told: Option<f64> = span.text.split(' ').next().and_then(|t| t.parse().ok());
            let holds = match source {
                Source::Cell(r) => match find(r) {
                    Some(Value::Text(t)) => *t == span.text,
                    Some(v) => as_number(v).zip(told).is_some_and(|(x, told)| near(x, told)),
                    None => false,
                },
                Source::Count(rows) => told == Some(rows.len() as f64) && rows.iter().all(|r| find(r).is_some()),
                Source::Sum(rows) => {
                    let sum: Option<f64> = rows.iter().map(number).sum();
                    sum.zip(told).is_some_and(|(x, told)| near(x, told))
                }
                Source::Difference(a, b) => number(a).zip(number(b)).zip(told).is_some_and(|((a, b), told)| near((b - a).abs(), told)),
            };
            if !holds {
                faults.push(format!("'{}' is not what {source:?} gives", span.text));
            }
        }
        faults
    }
}

/// Equal within the rounding rule: half a unit of the third significant digit, or of the third decimal of a voltage.
fn near(exact: f64, told: f64) -> bool {
    if exact == 0.0 {
        return told == 0.0;
    }
    let third_digit = 10_f64.powi(exact.abs().log10().floor() as i32 - 2);
    (exact - told).abs() <= (0.5 * third_digit).max(if (0.1..2.0).contains(&exact.abs()) { 0.0005 } else { 0.0 }) * (1.0 + 1e-9)
}
