//! `gridtwin hosting-capacity`: the cases, what it prints and writes, and what it refuses.

mod common;

use common::{gridtwin, root, text};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const IEEE13: &str = "models/ieee13/ieee13.dss";

#[derive(Deserialize)]
struct Case {
    model: String,
    arguments: Vec<String>,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Tolerance {
    steps: f64,
}

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("hosting-{name}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    dir
}

/// Rows of a table without quoted cells, by column name.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let content = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = content.lines();
    let head: Vec<String> = lines.next().expect("a head").split(',').map(str::to_owned).collect();
    lines.map(|l| head.iter().cloned().zip(l.split(',').map(str::to_owned)).collect()).collect()
}

#[test]
fn cases_have_their_capacities() {
    let mut run = 0;
    for entry in fs::read_dir(root().join("cases/hosting")).expect("the cases are there") {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case = toml::from_str(&fs::read_to_string(dir.join("case.toml")).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let out = scratch(&name);
        let model = dir.join(&case.model);
        let mut arguments = vec!["hosting-capacity", model.to_str().unwrap(), "--out", out.to_str().unwrap()];
        arguments.extend(case.arguments.iter().map(String::as_str));
        let output = gridtwin(&arguments);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        let found: BTreeMap<String, BTreeMap<String, String>> =
            rows(&out.join("hosting_capacity.csv")).into_iter().map(|r| (r["bus"].clone(), r)).collect();
        let expected = rows(&dir.join("expected/buses.csv"));
        assert!(!expected.is_empty());
        for e in expected {
            let (bus, r) = (&e["bus"], found.get(&e["bus"]).unwrap_or_else(|| panic!("{name}: no bus {}", e["bus"])));
            if e["hosting_capacity_kw"].is_empty() {
                assert_eq!(r["status"], "unlimited", "{name} {bus}");
                continue;
            }
            let number =
                |r: &BTreeMap<String, String>, c: &str| r[c].parse::<f64>().unwrap_or_else(|_| panic!("{name} {bus}: {c} is {}", r[c]));
            let off = (number(r, "hosting_capacity_kw") - number(&e, "hosting_capacity_kw")).abs() / number(r, "resolution_kw");
            assert!(
                off <= case.tolerance.steps + 1e-9,
                "{name} {bus}: {} kW, expected {}",
                r["hosting_capacity_kw"],
                e["hosting_capacity_kw"]
            );
            if !e["criterion"].is_empty() {
                assert_eq!(r["criterion"], e["criterion"], "{name} {bus}");
                let at = &r["element"];
                let is_there = e["element"].split('|').any(|x| x == at || at.strip_prefix(x).is_some_and(|rest| rest.starts_with('.')));
                assert!(is_there, "{name} {bus}: at {at}, expected {}", e["element"]);
            }
        }
        run += 1;
    }
    assert!(run >= 5, "only {run} cases");
}

#[test]
fn tables_maps_and_json_say_the_same() {
    let dir = scratch("tables");
    let out = dir.to_str().unwrap();
    fs::write(dir.join("draws.csv"), "stale").unwrap();
    let arguments =
        ["hosting-capacity", IEEE13, "--der", "generation,load", "--step", "50", "--max", "20000", "--each-criterion", "--out", out];
    let output = gridtwin(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!dir.join("draws.csv").exists(), "an earlier result is left");
    let table = rows(&dir.join("hosting_capacity.csv"));
    assert_eq!(table.iter().filter(|r| r["der"] == "generation").count(), table.iter().filter(|r| r["der"] == "load").count());
    let map = rows(&dir.join("map_california.csv"));
    let mut compared = 0;
    for section in &map {
        for (column, der) in [("uniform_generation", "generation"), ("ica_overall_load", "load")] {
            let at_node = table.iter().find(|r| r["bus"] == section["node_id"] && r["der"] == der).expect("the node is a bus");
            if let (Ok(mw), Ok(kw)) = (section[column].parse::<f64>(), at_node["hosting_capacity_kw"].parse::<f64>()) {
                assert!((mw * 1e3 - kw).abs() < 1e-6);
                compared += 1;
            }
        }
    }
    assert!(compared > 10, "{compared}");
    assert_eq!(rows(&dir.join("map_new_york.csv")).len(), 2);
    let summary: Value = serde_json::from_slice(&fs::read(dir.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["results"][1]["der"], "load");
    let json = gridtwin(&["hosting-capacity", IEEE13, "--der", "generation,load", "--step", "50", "--max", "20000", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let of_json = json["hosting_capacity"].as_array().unwrap();
    assert_eq!(of_json.len(), table.len());
    for (a, b) in of_json.iter().zip(&table) {
        assert_eq!(a["bus"].as_str().unwrap(), b["bus"]);
        assert_eq!(a["hosting_capacity_kw"].as_f64(), b["hosting_capacity_kw"].parse().ok());
    }
}

#[test]
fn the_report_fits_its_width_and_parquet_is_written() {
    let output = gridtwin(&["hosting-capacity", IEEE13, "--step", "50", "--relax", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.lines().all(|l| l.chars().count() <= 100), "{report}");
    assert!(report.contains("limited by"), "{report}");
    let dir = scratch("parquet");
    let output = gridtwin(&["hosting-capacity", IEEE13, "--method", "streamlined", "--format", "parquet", "--out", dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let bytes = fs::read(dir.join("hosting_capacity.parquet")).unwrap();
    assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
}

#[test]
fn draws_are_the_same_for_any_number_of_threads() {
    let draws = |threads: &str, seed: &str| {
        let arguments =
            ["hosting-capacity", IEEE13, "--method", "stochastic", "--seed", seed, "--draws", "60", "--threads", threads, "--json"];
        let output = gridtwin(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(draws("1", "3"), draws("2", "3"));
    assert_ne!(draws("2", "3"), draws("2", "4"));
}

#[test]
fn bad_questions_are_refused_with_their_code() {
    let refused = |arguments: &[&str]| {
        let output = gridtwin(&[&["hosting-capacity"][..], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        text(&output.stderr)
    };
    assert!(refused(&[IEEE13, "--bus", "67"]).contains("HOSTING.BUS.UNKNOWN"));
    assert!(refused(&[IEEE13, "--profile", "sun"]).contains("HOSTING.PROFILE.UNKNOWN"));
    assert!(refused(&[IEEE13, "--hours", "25", "--series", "daily"]).contains("HOSTING.HOURS.RANGE"));
    assert!(refused(&["cases/broken/cannot_converge/network.dss"]).contains("SOLVE."));
    let case =
        fs::read_dir(root().join("cases/matpower")).expect("cases").map(|e| e.unwrap().path()).find_map(|p| find_m(&p)).expect("a case");
    assert!(refused(&[case.to_str().unwrap()]).contains("HOSTING.MODEL.TRANSMISSION"));
    for wrong in [
        &["--criteria", "beauty"][..],
        &["--limit", "over-voltage"],
        &["--limit", "solution=1"],
        &["--step", "0"],
        &["--power-factor", "1.5"],
        &["--hours", "0"],
        &["--size", "5,4"],
        &["--method", "guess"],
    ] {
        let output = gridtwin(&[&["hosting-capacity", IEEE13][..], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

/// A MATPOWER file in a folder or below it.
fn find_m(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return fs::read_dir(path).ok()?.find_map(|e| find_m(&e.ok()?.path()));
    }
    path.extension().is_some_and(|e| e == "m").then(|| path.to_owned())
}

#[test]
fn limits_crossed_without_resources_are_told() {
    let output = gridtwin(&["hosting-capacity", IEEE13, "--limit", "over-voltage=1.01", "--bus", "680", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("HOSTING.BASE.VIOLATES"));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &json["hosting_capacity"][0];
    assert_eq!((row["hosting_capacity_kw"].as_f64(), row["status"].as_str()), (Some(0.0), Some("base-violates")));
    let tolerant =
        gridtwin(&["hosting-capacity", IEEE13, "--limit", "over-voltage=1.01", "--bus", "680", "--base-violations", "not-worse", "--json"]);
    let json: Value = serde_json::from_slice(&tolerant.stdout).unwrap();
    assert_ne!(json["hosting_capacity"][0]["status"], "base-violates");
}
