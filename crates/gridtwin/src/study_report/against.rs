//! What of a report is set against another study: figures side by side, and what became of every violation.

use super::{Form, Page, SHOWN_ROWS, SHOWN_ROWS_HTML, SHOWN_ROWS_PDF};
use crate::answer::{csv_cell, short};
use crate::comparison::{self, Answer, figures, limit_words};
use crate::failure::Failure;
use serde_json::Value as Json;
use store::Lake;
use studies::comparison::{Became, Limit, asset_table};
use studies::table::{Table, Value};

/// A study set against another one.
pub struct Against {
    /// The study that it is set against.
    pub base: String,
    answer: Answer,
    assets: Table,
}

/// Columns of the table of assets that people see, and their heads.
const SHOWN: &[(&str, &str)] = &[
    ("feeder", "feeder"),
    ("asset", "asset"),
    ("limit", "limit"),
    ("became", "became"),
    ("base_h", "before, h"),
    ("case_h", "now, h"),
    ("new_h", "new, h"),
    ("mended_h", "mended, h"),
    ("worst_base", "worst before"),
    ("worst_case", "worst now"),
    ("unit", "unit"),
];

impl Against {
    /// Compares a study of a lake with another, on the feeders that are reported.
    ///
    /// # Errors
    /// As [`comparison::study`].
    pub fn new(lake: &Lake, study: &str, base: &str, feeders: &[String]) -> Result<Self, Failure> {
        let answer = comparison::study(lake, base, &[study.to_owned()], feeders)?;
        let assets = asset_table(&answer.found, answer.step_h);
        Ok(Self { base: base.to_owned(), answer, assets })
    }

    fn case(&self) -> &Json {
        &self.answer.summary["cases"][0]
    }

    /// What a reader should know before the figures.
    fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.answer.findings.iter().map(|f| format!("{}. {}", f.message, f.detail.clone().unwrap_or_default()))
    }

    pub fn write(&self, page: &mut Page) {
        page.section(
            &format!("Against the study {}", self.base),
            "Violations that are new, worse, less or mended, by asset and hour; steps that did not settle in either study count in neither.",
        );
        self.notes().for_each(|n| page.paragraph(&n));
        let number = |x: Option<f64>| x.map_or_else(String::new, short);
        let figures = if self.case()["totals_base"].is_null() { Vec::new() } else { figures(self.case()) };
        let rows: Vec<Vec<String>> = figures
            .into_iter()
            .map(|(words, unit, base, now)| {
                let change = base.zip(now).map(|(b, n)| n - b);
                vec![words.to_owned(), number(base), number(now), number(change), unit.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            page.table(&["", "before", "now", "change", "unit"].map(String::from), &[false, true, true, true, false], &rows);
        }
        let mut heads = vec!["limit".to_owned()];
        heads.extend(Became::ALL.map(|b| b.name().to_owned()));
        heads.extend(["before, h", "now, h", "new, h", "mended, h"].map(String::from));
        let numbers: Vec<bool> = (0..heads.len()).map(|i| i > 0).collect();
        let of_limit = |limit: Limit| {
            let of = &self.case()["limits"][limit.name()];
            let mut row = vec![limit_words(limit.name()).to_owned()];
            row.extend(Became::ALL.map(|b| of[b.name()].as_u64().unwrap_or(0).to_string()));
            row.extend(["base_h", "case_h", "new_h", "mended_h"].map(|key| number(of[key].as_f64())));
            row
        };
        page.table(&heads, &numbers, &Limit::ALL.map(of_limit));
        let at: Vec<usize> = SHOWN.iter().map(|(name, _)| self.column(name)).collect();
        let became = self.column("became");
        let changed: Vec<&Vec<Value>> =
            self.assets.rows.iter().filter(|r| r[became] != Value::Text(Became::Same.name().to_owned())).collect();
        if changed.is_empty() {
            page.paragraph("Nothing is new, worse, less or mended.");
            return;
        }
        let shown = match page.form {
            Form::Html => SHOWN_ROWS_HTML,
            Form::Pdf => SHOWN_ROWS_PDF,
            _ => SHOWN_ROWS,
        };
        let heads: Vec<String> = SHOWN.iter().map(|(_, head)| (*head).to_owned()).collect();
        let numbers: Vec<bool> = SHOWN.iter().map(|(name, _)| name.ends_with("_h") || name.starts_with("worst")).collect();
        let cells: Vec<Vec<String>> = changed.iter().take(shown).map(|r| at.iter().map(|i| plain(&r[*i])).collect()).collect();
        page.table(&heads, &numbers, &cells);
        if changed.len() > shown {
            let rest = changed.len() - shown;
            page.paragraph(&format!("{rest} more; a report in CSV or as a workbook, or gridtwin comparison, has all."));
        }
    }

    fn column(&self, name: &str) -> usize {
        self.assets.columns.iter().position(|c| c.name == name).expect("a column of the table")
    }

    /// Lines of the report as CSV.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let text_of = |row: &[Value], name: &str| plain(&row[self.column(name)]);
        for row in &self.assets.rows {
            let asset = format!("{} {}", text_of(row, "asset"), text_of(row, "limit"));
            let unit = text_of(row, "unit");
            for column in ["became", "base_h", "case_h", "new_h", "mended_h", "worst_base", "worst_case", "limit_value"] {
                let unit = match column {
                    "became" => "",
                    c if c.ends_with("_h") => "h",
                    _ => unit.as_str(),
                };
                let table = format!("against {}", self.base);
                let cells = [&table, &text_of(row, "feeder"), &asset, column, unit, &text_of(row, column)].map(csv_cell);
                text += &(cells.join(",") + "\n");
            }
        }
        text
    }

    /// Title and table of the workbook's sheet.
    pub fn sheet(&self) -> (String, &Table) {
        (format!("Against {}", self.base), &self.assets)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Text(t) => t.clone(),
        Value::Number(x) => short(*x),
        Value::Count(n) => n.to_string(),
        Value::Flag(b) => b.to_string(),
    }
}
