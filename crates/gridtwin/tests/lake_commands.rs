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

/// One line whose load is above its rating in steps that the shapes tell: 2, 3 and 6 of the base, 3 and 4 of the case.
const ONE_LINE: &str = "\
clear
new circuit.one bus1=a basekv=10 pu=1 mvasc3=1e6 mvasc1=1e6
new loadshape.base npts=8 interval=1 mult=(0.5 1.2 1.4 0.5 0.5 1.1 0.5 0.5)
new loadshape.case npts=8 interval=1 mult=(0.5 0.5 1.5 1.2 0.5 0.5 0.5 0.5)
new line.l bus1=a bus2=b phases=3 r1=0.01 x1=0.01 r0=0.01 x0=0.01 c1=0 c0=0 length=1 normamps=100 emergamps=130
! 1732 kW at 10 kV are 100 A.
new load.x bus1=b phases=3 kv=10 kw=1732 pf=1 model=1 yearly=base
set voltagebases=[10]
calcvoltagebases
";

#[test]
fn what_one_study_has_that_another_has_not() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("one.dss");
    fs::write(&model, ONE_LINE).unwrap();
    let (model, lake) = (model.to_str().unwrap(), dir.path().join("lake"));
    let lake = lake.to_str().unwrap();
    let ok = |arguments: &[&str]| {
        let output = gridtwin(arguments);
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    ok(&["qsts", model, "--steps", "8", "--out", lake, "--study", "base"]);
    ok(&["qsts", model, "--steps", "8", "--out", lake, "--study", "case", "--dss", "load.x.yearly=case"]);
    ok(&["qsts", model, "--steps", "3", "--out", lake, "--study", "short", "--dss", "load.x.yearly=case"]);
    let out = dir.path().join("out");
    let told = ok(&["comparison", lake, "--base", "base", "--with", "case", "--out", out.to_str().unwrap()]);
    assert!(told.contains("worsened"), "{told}");
    let spans = fs::read_to_string(out.join("spans.csv")).unwrap();
    let expected = "asset,feeder,case,limit,became,start_hour,hours
line.l,one,case,overload,new,4,1
line.l,one,case,overload,mended,2,1
line.l,one,case,overload,mended,6,1
line.l,one,case,overload,remaining,3,1
line.l,one,case,over_emergency,remaining,3,1
";
    assert_eq!(sorted(&spans), sorted(expected));
    assert_eq!(
        fs::read_to_string(out.join("hours.csv")).unwrap(),
        "case,hour,new,mended,remaining\ncase,2,0,1,0\ncase,3,0,0,2\ncase,4,1,0,0\ncase,6,0,1,0\n"
    );
    // The report of the case tells the same, in every form.
    let report = ok(&["report", lake, "--study", "case", "--against", "base"]);
    assert!(report.contains("Against the study base") && report.contains("line.l"), "{report}");
    for ending in ["html", "md", "csv", "pdf", "xlsx"] {
        let place = dir.path().join(format!("report.{ending}"));
        ok(&["report", lake, "--study", "case", "--against", "base", "--out", place.to_str().unwrap()]);
        let bytes = fs::read(place).unwrap();
        match ending {
            "csv" => assert!(text(&bytes).contains("against base,one,line.l overload,new_h,h,1\n"), "{}", text(&bytes)),
            "pdf" => assert!(bytes.starts_with(b"%PDF")),
            "xlsx" => assert!(bytes.starts_with(b"PK")),
            _ => assert!(text(&bytes).contains("worsened"), "{ending}"),
        }
    }
    // Of a shorter study the steps that both have count, and no sums.
    let output = gridtwin(&["comparison", lake, "--base", "base", "--with", "short", "--json"]);
    assert!(text(&output.stderr).contains("COMPARISON.STUDIES.LENGTH"), "{}", text(&output.stderr));
    let summary: serde_json::Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let overload = &summary["cases"][0]["limits"]["overload"];
    assert_eq!((&overload["base_h"], &overload["mended_h"], &overload["case_h"]), (&2.0.into(), &1.0.into(), &1.0.into()), "{summary}");
    assert!(summary["cases"][0]["totals_base"].is_null(), "{summary}");
    // Studies that cannot be compared.
    ok(&["qsts", model, "--steps", "8", "--step", "30m", "--out", lake, "--study", "half"]);
    let refused = gridtwin(&["comparison", lake, "--base", "base", "--with", "half"]);
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("COMPARISON.STUDIES.TIMES"), "{}", text(&refused.stderr));
}

fn sorted(lines: &str) -> Vec<&str> {
    let mut all: Vec<&str> = lines.lines().collect();
    all.sort_unstable();
    all
}
