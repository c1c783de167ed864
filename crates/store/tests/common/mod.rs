//! Made-up results: every value is a plain function of feeder and row, so that a test can say what it must find.

#![allow(dead_code, reason = "each test uses its part")]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array};
use network::{ColumnKind, result_table};
use std::sync::Arc;
use store::{Job, Lake, Run, RunManifest, StoreError};

pub const VERSION: &str = "1.2.3";

pub fn job(i: usize) -> Job {
    Job::new(format!("feeder {i:03}"), format!("input {i}"), "options")
}

pub fn jobs(n: usize) -> Vec<Job> {
    (0..n).map(job).collect()
}

pub fn begin(lake: &Lake, study: &str) -> Run {
    lake.begin(&RunManifest::new(study, VERSION)).expect("the run begins")
}

/// One cell of a made-up table.
#[derive(Clone)]
pub enum Cell {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
}

impl From<f64> for Cell {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}
impl From<i32> for Cell {
    fn from(x: i32) -> Self {
        Self::Number(f64::from(x))
    }
}
impl From<bool> for Cell {
    fn from(x: bool) -> Self {
        Self::Flag(x)
    }
}
impl From<&str> for Cell {
    fn from(x: &str) -> Self {
        Self::Text(x.to_owned())
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(x: Option<T>) -> Self {
        x.map_or(Self::Null, Into::into)
    }
}

/// Rows of a known table; a column that `row` does not name has 0, an empty text or no value.
pub fn batch(table: &str, rows: &[Vec<(&str, Cell)>]) -> RecordBatch {
    let known = result_table(table).expect("a known table");
    for (name, _) in rows.iter().flatten() {
        assert!(known.column(name).is_some(), "{table} has no column {name}");
    }
    let columns = known.columns.iter().map(|c| {
        let cell = |row: &Vec<(&str, Cell)>| row.iter().find(|(n, _)| *n == c.name).map(|(_, v)| v.clone());
        let missing = |row: &Vec<(&str, Cell)>| matches!(cell(row), Some(Cell::Null)) || (c.nullable && cell(row).is_none());
        let number = |row: &Vec<(&str, Cell)>| {
            (!missing(row)).then(|| match cell(row) {
                Some(Cell::Number(x)) => x,
                None => 0.0,
                Some(_) => panic!("{} is a number", c.name),
            })
        };
        let column: ArrayRef = match c.kind {
            ColumnKind::F64 => Arc::new(rows.iter().map(number).collect::<Float64Array>()),
            ColumnKind::U8 => Arc::new(rows.iter().map(|r| number(r).map(|x| x as u8)).collect::<UInt8Array>()),
            ColumnKind::U32 => Arc::new(rows.iter().map(|r| number(r).map(|x| x as u32)).collect::<UInt32Array>()),
            ColumnKind::U64 => Arc::new(rows.iter().map(|r| number(r).map(|x| x as u64)).collect::<UInt64Array>()),
            ColumnKind::Bool => Arc::new(rows.iter().map(|r| Some(matches!(cell(r), Some(Cell::Flag(true))))).collect::<BooleanArray>()),
            ColumnKind::Text => Arc::new(
                rows.iter()
                    .map(|r| {
                        (!missing(r)).then(|| match cell(r) {
                            Some(Cell::Text(t)) => t,
                            None => String::new(),
                            Some(_) => panic!("{} is a text", c.name),
                        })
                    })
                    .collect::<StringArray>(),
            ),
        };
        // Nullable here: it is the store that refuses a missing value.
        (c.name, column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

/// Steps of a feeder, some not settled.
pub fn steps(feeder: usize, rows: usize) -> RecordBatch {
    let rows: Vec<_> = (0..rows)
        .map(|i| {
            let settled = !(i + feeder).is_multiple_of(97);
            let kw = 100.0 * (feeder + 1) as f64 + (i as f64 * 0.7).sin();
            vec![
                ("step", Cell::from(i as f64)),
                ("hour", Cell::from(i as f64 + 1.0)),
                ("converged", settled.into()),
                ("source_kw", settled.then_some(kw).into()),
                ("v_min_node", settled.then_some("b7.2").into()),
                ("worst_node", (!settled).then_some("b9.1").into()),
            ]
        })
        .collect();
    batch("steps", &rows)
}

/// The tables of a feeder: three, the last one's presence depending on the feeder.
pub fn tables(feeder: usize, rows: usize) -> Vec<(String, Vec<RecordBatch>)> {
    let steps = steps(feeder, rows);
    let half = steps.num_rows() / 2;
    let totals =
        batch("feeder_totals", &[vec![("nodes", Cell::from(500.0 + feeder as f64)), ("energy_kwh", (feeder as f64 * 1e6).into())]]);
    let mut all = vec![
        ("steps".to_owned(), vec![steps.slice(0, half), steps.slice(half, steps.num_rows() - half)]),
        ("feeder_totals".to_owned(), vec![totals]),
    ];
    if feeder.is_multiple_of(2) {
        let row = vec![("kind", Cell::from("overload")), ("asset", "line.l1".into()), ("hours", 2.0.into())];
        all.push(("episodes".to_owned(), vec![batch("episodes", &[row])]));
    }
    all
}

pub fn write_feeder(run: &Run, i: usize, rows: usize) {
    try_write_feeder(run, i, rows).expect("the feeder is written");
}

pub fn try_write_feeder(run: &Run, i: usize, rows: usize) -> Result<(), StoreError> {
    run.commit(&job(i), &tables(i, rows), serde_json::json!({ "nodes": 500 + i })).map(|_| ())
}

/// Checksums of all tables.
pub fn sums(lake: &Lake) -> Vec<(String, u64, String)> {
    let sum = |t: &String| lake.checksum(t, None).expect("the table can be read");
    lake.tables().unwrap().iter().map(sum).map(|c| (c.table, c.rows, c.checksum)).collect()
}
