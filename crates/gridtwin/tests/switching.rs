//! `gridtwin contingency`, `restoration`, `reconfigure` and `reliability --check-transfers`: cases, files, and what is refused.

mod common;

use common::{gridtwin, root, text};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const IEEE123: &str = "models/ieee123/ieee123.dss";

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("switching-{name}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    dir
}

/// Standard output as JSON of a run that is done.
fn json(arguments: &[&str]) -> Value {
    let output = gridtwin(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The error stream of a run that is refused.
fn refused(arguments: &[&str]) -> String {
    let output = gridtwin(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

/// Rows of a table without quoted cells, by column name.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let content = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = content.lines();
    let head: Vec<String> = lines.next().expect("a head").split(',').map(str::to_owned).collect();
    lines.map(|l| head.iter().cloned().zip(l.split(',').map(str::to_owned)).collect()).collect()
}

fn names(v: &Value) -> Vec<&str> {
    v.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[derive(Deserialize)]
struct Published {
    model: String,
    trees: f64,
    losses_today_kw: f64,
    losses_least_kw: f64,
    tolerance_kw: f64,
    open_least: Vec<String>,
}

#[test]
fn published_systems_have_their_optima_and_the_network_written_has_them_too() {
    let mut run = 0;
    for entry in fs::read_dir(root().join("cases/switching")).expect("the cases are there") {
        let dir = entry.unwrap().path();
        let case: Published = serde_json::from_slice(&fs::read(dir.join("expected.json")).unwrap()).unwrap();
        let model = dir.join(&case.model);
        let written = scratch("published").join("found.dss");
        let found = json(&["reconfigure", model.to_str().unwrap(), "--json", "--write", written.to_str().unwrap()]);
        let summary = &found["summary"];
        let near = |v: &Value, kw: f64, what: &str| {
            let x = v.as_f64().unwrap_or_else(|| panic!("{what} is {v}"));
            assert!((x - kw).abs() <= case.tolerance_kw, "{}: {what} {x} for {kw}", case.model);
        };
        near(&summary["today"]["losses_kwh"], case.losses_today_kw, "losses today");
        near(&summary["found"]["losses_kwh"], case.losses_least_kw, "least losses");
        assert_eq!(names(&summary["open_found"]), case.open_least);
        assert_eq!(summary["trees"].as_f64(), Some(case.trees));
        assert_eq!(summary["is_exact"], case.trees <= 5000.0);
        let solved = json(&["solve", written.to_str().unwrap(), "--json", "--tolerance", "1e-9"]);
        let again = json(&["reconfigure", written.to_str().unwrap(), "--json"]);
        near(&again["summary"]["today"]["losses_kwh"], case.losses_least_kw, "losses of the model written");
        assert!(again["summary"]["operations"].as_array().unwrap().is_empty(), "nothing is left to move");
        assert!(solved.is_object());
        run += 1;
    }
    assert!(run >= 2);
}

#[derive(Deserialize)]
struct Outages {
    model: String,
    arguments: Vec<String>,
    table: String,
    v_pu: f64,
    pct: f64,
    losses_kw: f64,
}

#[test]
fn outages_have_the_voltages_and_loadings_of_another_program() {
    let mut run = 0;
    for entry in fs::read_dir(root().join("cases/contingency")).expect("the cases are there") {
        let dir = entry.unwrap().path();
        let case: Outages = toml::from_str(&fs::read_to_string(dir.join("case.toml")).unwrap()).unwrap();
        let out = scratch(&format!("outages-{}", dir.file_name().unwrap().to_string_lossy()));
        let model = dir.join(&case.model);
        let mut arguments = vec!["contingency", model.to_str().unwrap(), "--out", out.to_str().unwrap()];
        arguments.extend(case.arguments.iter().map(String::as_str));
        let output = gridtwin(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let found: BTreeMap<String, BTreeMap<String, String>> =
            rows(&out.join("contingencies.csv")).into_iter().map(|r| (r["outage"].clone(), r)).collect();
        let expected = rows(&dir.join(&case.table));
        assert_eq!(found.len(), expected.len());
        for e in &expected {
            let r = &found[&e["outage"]];
            assert_eq!(r["solved"], "solved", "{}", e["outage"]);
            let columns = [
                ("v_min_pu", case.v_pu),
                ("v_max_pu", case.v_pu),
                ("line_pct", case.pct),
                ("transformer_pct", case.pct),
                ("losses_kw", case.losses_kw),
            ];
            for (column, tolerance) in columns {
                let number = |r: &BTreeMap<String, String>| r[column].parse::<f64>().unwrap_or(0.0);
                let off = (number(r) - number(e)).abs();
                assert!(off <= tolerance, "{}: {column} is {}, expected {}", e["outage"], r[column], e[column]);
            }
        }
        run += expected.len();
    }
    assert!(run > 100, "{run}");
}

#[test]
fn tables_and_json_of_outages_say_the_same() {
    let dir = scratch("tables");
    fs::write(dir.join("steps.csv"), "stale").unwrap();
    let arguments = ["contingency", IEEE123, "--outage", "line.13_18", "--outage", "line.sw_13_152", "--pairs", "1"];
    let output = gridtwin(&[&arguments[..], &["--out", dir.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!dir.join("steps.csv").exists(), "an earlier result is left");
    let table = rows(&dir.join("contingencies.csv"));
    let found = json(&[&arguments[..], &["--json"]].concat());
    assert_eq!(table.len(), 3);
    for (a, b) in found["contingencies"].as_array().unwrap().iter().zip(&table) {
        assert_eq!(a["outage"].as_str().unwrap(), b["outage"]);
        assert!((a["lost_kw"].as_f64().unwrap() - b["lost_kw"].parse::<f64>().unwrap()).abs() < 1e-6);
    }
    assert_eq!(found["summary"]["outages"], 3);
    assert_eq!(found["summary"]["pairs_there_are"], 1);
}

#[test]
fn a_switch_that_opens_is_restored_over_the_tie_and_the_model_written_solves_so() {
    let dir = scratch("restored");
    let written = dir.join("restored.dss");
    let limits = ["--limit", "under-voltage=0.9", "--limit", "over-voltage=1.1", "--limit", "thermal-line=150"];
    let asked =
        ["restoration", IEEE123, "--outage", "line.sw_18_135", "--isolation", "element", "--json", "--write", written.to_str().unwrap()];
    let found = json(&[&asked[..], &limits].concat());
    let summary = &found["summary"];
    let kw = |of: &str| summary[of]["unserved_kw"].as_f64().unwrap();
    assert!(kw("isolated") > 100.0 && kw("restored") < 1e-6, "{summary}");
    assert_eq!(names(&summary["operations"]), ["close line.sw_151_300"]);
    assert_eq!(summary["is_exact"], true);
    let solved = json(&["solve", written.to_str().unwrap(), "--json", "--tolerance", "1e-8"]);
    assert!(solved.is_object());
    let losses = json(&["contingency", written.to_str().unwrap(), "--outage", "load.1_a", "--json"]);
    let v_min = losses["base"][0]["v_min_pu"].as_f64().unwrap();
    // Taps of the written model begin where the first model's script left them, and may rest a step apart.
    assert!((v_min - summary["restored"]["v_min_pu"]["value"].as_f64().unwrap()).abs() < 0.01, "{v_min} for {summary}");
}

#[test]
fn bad_questions_are_refused_with_their_reason() {
    let unknown = refused(&["restoration", IEEE123, "--outage", "line.13_188"]);
    assert!(unknown.contains("CONTINGENCY.ELEMENT.UNKNOWN") && unknown.contains("line.13_18"), "{unknown}");
    let step = refused(&["contingency", IEEE123, "--lines", "--hours", "30", "--series", "daily"]);
    assert!(step.contains("CONTINGENCY.HOURS.RANGE"), "{step}");
    let tie = refused(&["reconfigure", "models/ieee13/ieee13.dss"]);
    assert!(tie.contains("SWITCHING.TIE.NONE"), "{tie}");
    let looped = refused(&["reconfigure", IEEE123, "--dss", "close line.sw_151_300 1"]);
    assert!(looped.contains("SWITCHING.MODEL.NOT_RADIAL"), "{looped}");
    let case = fs::read_dir(root().join("cases/matpower/ieee14"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "m"));
    let case = case.expect("a case");
    let transmission = refused(&["reconfigure", case.to_str().unwrap()]);
    assert!(transmission.contains("SWITCHING.MODEL.TRANSMISSION"), "{transmission}");
    let restore = refused(&["contingency", case.to_str().unwrap(), "--restore"]);
    assert!(restore.contains("CONTINGENCY.MODEL.TRANSMISSION"), "{restore}");
    for wrong in [["--limit", "under-voltage=x"], ["--limit", "reverse-flow-head=1"], ["--hours", "0"], ["--pairs", "-1"]] {
        let output = gridtwin(&["contingency", IEEE123, wrong[0], wrong[1]]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_transmission_case_has_its_outages() {
    let case = fs::read_dir(root().join("cases/matpower/ieee14"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "m"));
    let found = json(&["contingency", case.expect("a case").to_str().unwrap(), "--json", "--pairs", "3"]);
    let rows = found["contingencies"].as_array().unwrap();
    assert!(rows.len() > 20 && rows.iter().all(|r| r["lost_customers"].is_null()));
    assert!(rows.iter().filter(|r| r["solved"] == "solved").all(|r| r["v_min_pu"].is_number()));
}

#[test]
fn transfers_that_power_flows_allow_are_the_published_ones_and_others_wait_for_the_repair() {
    let model = "cases/reliability/rbts_bus2/rbts_bus2.dss";
    let saidi = |more: &[&str]| json(&[&["reliability", model, "--json"], more].concat())["saidi_h_per_yr"].as_f64().unwrap();
    let (free, none) = (saidi(&[]), saidi(&["--no-transfer"]));
    let wide = ["--check-transfers", "--limit", "under-voltage=0.5", "--limit", "thermal-line=1000", "--limit", "thermal-transformer=1000"];
    assert!((saidi(&wide) - free).abs() < 1e-12);
    let narrow = saidi(&["--check-transfers", "--limit", "under-voltage=0.5", "--limit", "thermal-line=1"]);
    assert!(narrow > free && narrow <= none + 1e-12, "{free} {narrow} {none}");
}
