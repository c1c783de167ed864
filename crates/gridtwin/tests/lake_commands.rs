//! `report`, `lake check` and `sql` as people meet them, on a study whose figures are worked out by hand.

mod common;
#[path = "../../store/tests/common/mod.rs"]
mod made;
#[path = "../../store/tests/common/study.rs"]
mod study;

use common::{golden, gridtwin, text};
use std::fs;
use store::Lake;

fn lake() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    study::write(&Lake::open_or_create(dir.path()).unwrap());
    let path = dir.path().to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn the_report_in_every_form() {
    let (dir, path) = lake();
    let output = gridtwin(&["report", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    golden("study_report.txt", &text(&output.stdout));
    for ending in ["md", "html", "csv"] {
        let place = dir.path().join(format!("report.{ending}"));
        let output = gridtwin(&["report", &path, "--study", "base", "--out", place.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        golden(&format!("study_report.{ending}"), &fs::read_to_string(place).unwrap());
    }
}

#[test]
fn reports_that_cannot_be_made() {
    let (dir, path) = lake();
    let refused = |arguments: &[&str], code: &str, part: &str| {
        let output = gridtwin(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(output.stdout.is_empty() && told.contains(code) && told.contains(part), "{told}");
    };
    refused(&["report", &path, "--study", "other"], "OUTPUT.LAKE.REFUSED", "Name one of them with --study: base.");
    refused(&["report", &path, "--out", "report.docx"], "OUTPUT.REPORT.FORM", ".pdf, .xlsx, .csv, .html, .md or .txt");
    refused(&["report", "models"], "OUTPUT.LAKE.REFUSED", "holds no results lake");
    fs::write(dir.path().join("lake.json"), "{\"format\": \"gridtwin lake\", \"version\": 77}").unwrap();
    refused(&["report", &path], "OUTPUT.LAKE.REFUSED", "format version 77");
}

#[test]
fn the_check_tells_what_is_torn() {
    let (dir, path) = lake();
    let output = gridtwin(&["lake", "check", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let whole = text(&output.stdout);
    assert!(whole.contains("node_statistics") && whole.lines().count() == 4, "{whole}");
    let part = dir.path().join("lake/node_statistics/study=base/feeder=feeder%20001/part.parquet");
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, &bytes[..100]).unwrap();
    let output = gridtwin(&["lake", "check", &path, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["whole"], json["faults"].as_array().unwrap().len()), (&false.into(), 1));
    assert!(text(&output.stderr).contains("OUTPUT.LAKE.TORN"));
    fs::write(&part, bytes).unwrap();
    assert_eq!(text(&gridtwin(&["lake", "check", &path]).stdout), whole);
}

#[cfg(not(feature = "sql"))]
#[test]
fn without_the_query_engine_sql_says_how_to_get_it() {
    let (_dir, path) = lake();
    let output = gridtwin(&["sql", "--project", &path, "SELECT 1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("OUTPUT.SQL.NOT_BUILT") && told.contains("--features sql"), "{told}");
}

#[cfg(feature = "sql")]
mod sql {
    use super::*;

    const QUERY: &str = "SELECT feeder, element, rating, loading_max_pct FROM thermal_overloads ORDER BY feeder, element";

    fn ask(arguments: &[&str]) -> String {
        let output = gridtwin(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    #[test]
    fn answers_in_every_form() {
        let (dir, path) = lake();
        let table = ask(&["sql", "--project", &path, QUERY]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "feeder      element         rating  loading_max_pct");
        assert_eq!(lines[1], "feeder 001  line.l1            100              104");
        assert_eq!(lines.len(), 4);
        let csv = ask(&["sql", "--project", &path, QUERY, "--format", "csv", "--limit", "1"]);
        assert_eq!(csv, "feeder,element,rating,loading_max_pct\nfeeder 001,line.l1,100,104\n");
        let place = dir.path().join("answer.json");
        assert!(ask(&["sql", "--project", &path, QUERY, "--format", "json", "--out", place.to_str().unwrap()]).is_empty());
        let json: serde_json::Value = serde_json::from_slice(&fs::read(place).unwrap()).unwrap();
        assert_eq!(json[2]["element"], "transformer.t2");
        let empty = "SELECT node, v_min_pu FROM node_statistics WHERE v_min_pu > 9";
        assert_eq!(ask(&["sql", "--project", &path, empty, "--format", "csv"]), "node,v_min_pu\n");
        assert_eq!(ask(&["sql", "--project", &path, empty, "--format", "json"]), "[]\n");
        assert_eq!(ask(&["sql", "--project", &path, empty]), "node  v_min_pu\n");
        let place = dir.path().join("answer.parquet");
        ask(&["sql", "--project", &path, QUERY, "--format", "parquet", "--out", place.to_str().unwrap()]);
        assert!(fs::read(place).unwrap().starts_with(b"PAR1"));
    }

    #[test]
    fn the_list_of_tables() {
        let (_dir, path) = lake();
        golden("sql_tables.txt", &ask(&["sql", "--project", &path, "--tables"]));
    }

    #[test]
    fn a_long_answer_says_that_there_is_more() {
        let (_dir, path) = lake();
        let many = "SELECT a.node FROM node_statistics a, node_statistics b, node_statistics c";
        let output = gridtwin(&["sql", "--project", &path, many]);
        assert_eq!(text(&output.stdout).lines().count(), 201);
        assert!(text(&output.stderr).contains("OUTPUT.SQL.MORE_ROWS"));
        assert_eq!(ask(&["sql", "--project", &path, many, "--limit", "210"]).lines().count(), 211);
    }

    #[test]
    fn a_wrong_query_is_one_message() {
        let (_dir, path) = lake();
        let output = gridtwin(&["sql", "--project", &path, "SELECT nod FROM node_statistics"]);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.contains("OUTPUT.SQL.REFUSED") && told.contains("Perhaps node?"), "{told}");
        assert_eq!(gridtwin(&["sql", "--project", &path]).status.code(), Some(2));
        assert_eq!(gridtwin(&["sql", "--project", &path, "SELECT 1", "--format", "parquet"]).status.code(), Some(2));
    }
}
