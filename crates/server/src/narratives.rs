//! Narratives of what a project keeps: the tables of an answer or the figures of a run, as sheets for `learning::narrative`.

use learning::narrative::{
    Limits, Narrative, NarrativeError, Sheet, SheetColumn, comparison, hosting_capacity, mitigation, reliability, run_summary,
};
use std::ops::ControlFlow;
use std::path::Path;
use store::analyses::{self, Analysis, Cell};
use store::{Lake, StoreError, study_report};
use studies::table::Value;

/// Rows of a table that are read at most: a narrative tells of the worst, and tables begin with them.
const ROWS_MAX: usize = 200_000;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NoNarrative {
    #[error("there are no narratives of the study \"{0}\"")]
    Study(String),
    #[error(transparent)]
    Tables(#[from] NarrativeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An answer in sentences.
///
/// # Errors
/// A study without narratives, tables that lack columns, files that cannot be read.
pub fn of_analysis(project: &Path, of: &Analysis) -> Result<Narrative, NoNarrative> {
    let tell = match of.study.as_str() {
        "comparison" => comparison,
        "hosting_capacity" => hosting_capacity,
        "mitigation" => mitigation,
        "reliability" => reliability,
        other => return Err(NoNarrative::Study(other.to_owned())),
    };
    let mut sheets = Vec::new();
    for table in &of.tables {
        let columns = table.columns.iter().map(|c| SheetColumn { name: c.name.clone(), unit: c.unit.clone() }).collect();
        let mut rows: Vec<Vec<Value>> = Vec::new();
        analyses::each_batch(project, of, &table.name, &mut |batch| {
            for row in 0..batch.num_rows() {
                let cell = |column| match analyses::cell(batch, column, row) {
                    Cell::Empty => Value::Empty,
                    Cell::Text(t) => Value::Text(t.to_owned()),
                    Cell::Number(x) => Value::Number(x),
                    Cell::Count(n) => Value::Count(n),
                    Cell::Flag(b) => Value::Flag(b),
                };
                rows.push((0..batch.num_columns()).map(cell).collect());
            }
            if rows.len() < ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        sheets.push(Sheet { name: table.name.clone(), columns, rows });
    }
    Ok(tell(&sheets, &Limits::default())?)
}

/// A run through time in sentences; the only one unless it is named.
///
/// # Errors
/// No such run, files that cannot be read.
pub fn of_run(lake: &Lake, study: Option<&str>) -> Result<Narrative, NoNarrative> {
    let report = study_report(lake, study)?;
    let sheet = |s: &store::Section| {
        let cell = |v: &store::Value| match v {
            store::Value::Missing => Value::Empty,
            store::Value::Text(t) => Value::Text(t.clone()),
            store::Value::Number(x) => Value::Number(*x),
            store::Value::Count(n) => Value::Count(*n),
            store::Value::Integer(n) => Value::Number(*n as f64),
            store::Value::Flag(b) => Value::Flag(*b),
        };
        Sheet {
            name: s.view.name.to_owned(),
            columns: s.view.columns().map(|c| SheetColumn { name: c.name.to_owned(), unit: c.unit.to_owned() }).collect(),
            rows: s.rows.iter().map(|r| r.iter().map(cell).collect()).collect(),
        }
    };
    let sheets: Vec<Sheet> = report.sections.iter().map(sheet).collect();
    let failed: Vec<String> = report.failed.iter().map(|f| f.0.clone()).collect();
    Ok(run_summary(&sheets, &Limits { failed: (!failed.is_empty()).then_some(failed), ..Limits::default() })?)
}
