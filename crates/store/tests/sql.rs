//! Questions in SQL: what is seen, what is refused, what is suggested.

#![cfg(feature = "sql")]

#[path = "common/mod.rs"]
mod made;
#[path = "common/study.rs"]
mod study;

use std::fs;
use store::sql::{Database, value_at};
use store::{Job, Lake, StoreError, Value};

fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    (dir, lake)
}

fn ask(database: &Database, sql: &str) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut rows = Vec::new();
    database.query(sql, None, &mut |batch| {
        for i in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|c| value_at(c.as_ref(), i)).collect::<Result<_, _>>()?);
        }
        Ok(())
    })?;
    Ok(rows)
}

fn refusal(database: &Database, sql: &str) -> (String, String) {
    let error = ask(database, sql).unwrap_err();
    (error.to_string(), error.hint())
}

#[test]
fn study_and_feeder_are_columns_whatever_they_are_called() {
    let (_dir, lake) = lake();
    let names = ["a/b", "100%", "x=1", "Süd", "plain", "a b"];
    let run = made::begin(&lake, "a study / 1");
    for (i, name) in names.iter().enumerate() {
        run.commit(&Job::new(*name, "i", "o"), &made::tables(i, 50), serde_json::Value::Null).unwrap();
    }
    let database = Database::open(&lake).unwrap();
    let rows = ask(&database, "SELECT feeder, count(*) FROM steps WHERE study = 'a study / 1' GROUP BY feeder").unwrap();
    let mut found: Vec<String> = rows.iter().map(|r| format!("{:?}", r)).collect();
    found.sort();
    let mut expected: Vec<String> = names.iter().map(|n| format!("{:?}", [Value::from(*n), Value::Integer(50)])).collect();
    expected.sort();
    assert_eq!(found, expected);
    let mean =
        ask(&database, "SELECT count(*) FILTER (WHERE NOT converged), max(hour), avg(source_kw) FROM steps WHERE feeder = 'Süd'").unwrap();
    let settled: Vec<f64> = (0..50).filter(|i| !(i + 3usize).is_multiple_of(97)).map(|i| 400.0 + (i as f64 * 0.7).sin()).collect();
    let Value::Number(avg) = mean[0][2] else { panic!("{mean:?}") };
    assert!((avg - settled.iter().sum::<f64>() / settled.len() as f64).abs() < 1e-9);
}

#[test]
fn only_committed_feeders_are_seen() {
    let (dir, lake) = lake();
    let run = made::begin(&lake, "base");
    made::write_feeder(&run, 0, 30);
    // As a killed run leaves it: in its place, without a record.
    let stray = dir.path().join("lake/steps/study=base/feeder=feeder%20001");
    fs::create_dir_all(&stray).unwrap();
    fs::copy(dir.path().join("lake/steps/study=base/feeder=feeder%20000/part.parquet"), stray.join("part.parquet")).unwrap();
    let database = Database::open(&lake).unwrap();
    assert_eq!(ask(&database, "SELECT count(*) FROM steps").unwrap(), [[Value::Integer(30)]]);
    drop(database);
    fs::write(dir.path().join("lake/steps/study=base/feeder=feeder%20000/part.parquet"), "torn").unwrap();
    assert!(matches!(Database::open(&lake), Err(StoreError::Torn { .. })));
}

#[test]
fn wrong_queries_are_one_message_with_near_names() {
    let (_dir, lake) = lake();
    study::write(&lake);
    let database = Database::open(&lake).unwrap();
    let (message, hint) = refusal(&database, "SELECT v_min FROM node_statistic");
    assert_eq!(message, "there is no table \"node_statistic\"");
    assert!(hint.starts_with("Perhaps node_statistics? There are: ") && hint.contains("voltage_violations"), "{hint}");
    let (message, hint) = refusal(&database, "SELECT v_min_pv FROM node_statistics");
    assert_eq!(message, "there is no column \"v_min_pv\"");
    assert!(hint.starts_with("Perhaps v_min_pu? Its columns: study, feeder, node"), "{hint}");
    let (message, hint) = refusal(&database, "SELECT * FROM meters");
    assert_eq!(message, "no run in this lake kept rows of the table \"meters\"");
    assert!(hint.starts_with("There are: "), "{hint}");
    let (message, _) = refusal(&database, "SELEC 1");
    assert!(message.starts_with("the query cannot be read: ") && !message.contains('\n'), "{message}");
    for writing in ["CREATE TABLE t AS SELECT 1", "COPY node_statistics TO 'x.parquet'", "DROP VIEW losses", "SET a = 1"] {
        let (message, hint) = refusal(&database, writing);
        assert!(!message.is_empty() && hint.contains("change nothing"), "{writing}: {message} {hint}");
    }
}

#[test]
fn a_view_without_its_tables_says_which() {
    let (_dir, lake) = lake();
    made::write_feeder(&made::begin(&lake, "base"), 0, 10);
    let database = Database::open(&lake).unwrap();
    let (message, _) = refusal(&database, "SELECT * FROM voltage_profile");
    assert_eq!(message, "the view \"voltage_profile\" needs tables of which no run in this lake kept rows: node_statistics");
    assert_eq!(ask(&database, "SELECT round(losses_pct) FROM losses").unwrap(), [[Value::Missing]]);
    let names: Vec<String> = database.describe().into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["feeder_totals", "episodes", "steps", "losses"]);
}

#[test]
fn every_column_is_described() {
    let (_dir, lake) = lake();
    study::write(&lake);
    for table in Database::open(&lake).unwrap().describe() {
        for column in &table.columns {
            assert!(!column.data_type.is_empty() && !column.meaning.is_empty(), "{}.{}", table.name, column.name);
        }
    }
}

#[test]
fn an_answer_becomes_a_parquet_file_even_without_rows() {
    let (dir, lake) = lake();
    study::write(&lake);
    let database = Database::open(&lake).unwrap();
    let place = dir.path().join("answer.parquet");
    assert_eq!(database.export_parquet("SELECT node, v_min_pu FROM node_statistics", Some(5), &place).unwrap(), 5);
    let rows = |place: &std::path::Path| {
        let file = fs::File::open(place).unwrap();
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().file_metadata().num_rows()
    };
    assert_eq!(rows(&place), 5);
    database.export_parquet("SELECT node FROM node_statistics WHERE false", None, &place).unwrap();
    assert_eq!(rows(&place), 0);
}
