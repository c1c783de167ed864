//! Scenarios from the command line: findings with their lines, stacked networks that are written and run, runs over feeders, sweeps.

mod common;

use common::{gridtwin, root, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("scenario-{name}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    dir
}

fn put(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, content).expect("the file can be written");
    path.to_str().expect("plain letters").to_owned()
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Feeders of the synthetic utility of seed 1.
fn utility(dir: &Path, feeders: &str) -> String {
    let out = dir.join("utility").to_str().unwrap().to_owned();
    ok(&gridtwin(&["synth", "--feeders", feeders, "--seed", "1", "--out", &out]));
    out + "/feeders"
}

/// The row of a table whose first word is this one.
fn row<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let line = table.lines().find(|l| l.split_whitespace().next() == Some(first)).unwrap_or_else(|| panic!("no {first} in\n{table}"));
    line.split_whitespace().collect()
}

const STACK: &str = "\
scenario: test stack
seed: 3
weather: {synthetic_seed: 1}
layers:
  - weather: {start: 01-01, length_d: 3, amplitude_c: -8}
  - ev: {penetration_pct: 40, allocation: {classes: [residential]}}
  - fast_charging: {stations: 1}
  - solar: {penetration_pct: 30, allocation: {classes: [residential]}}
  - storage: {penetration_pct: 50, with_solar_only: true, strategy: time_of_use}
  - electrification: {penetration_pct: 10, allocation: {classes: [residential]}}
  - policy: {tou: {weekdays_only: false}, volt_var: {}}
";

#[test]
fn all_faults_come_at_once_with_their_lines() {
    let dir = scratch("faults");
    let file = put(
        &dir,
        "bad.yaml",
        "scenario: bad\nlayers:\n  - ev:\n      penetration_pct: 130\n      chargr: level2\n  - sollar: {}\n  - policy: {volt_var: {v_pu: [1, 2]}}\n",
    );
    let output = gridtwin(&["scenario", "check", &file]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for (code, line) in
        [("SCENARIO.VALUE.RANGE", 4), ("SCENARIO.PARAMETER.UNKNOWN", 5), ("SCENARIO.LAYER.UNKNOWN", 6), ("SCENARIO.VALUE.LENGTH", 7)]
    {
        let at = told.find(code).unwrap_or_else(|| panic!("no {code} in\n{told}"));
        assert!(told[at..].lines().nth(1).is_some_and(|l| l.ends_with(&format!("bad.yaml:{line}"))), "{told}");
    }
    let none = gridtwin(&["scenario", "check", dir.join("none.yaml").to_str().unwrap()]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stdout).contains("SCENARIO.FILE.MISSING"));
}

#[test]
fn what_nobody_has_is_refused_before_anything_runs() {
    let dir = scratch("nobody");
    let feeders = utility(&dir, "3");
    let file = put(&dir, "s.yaml", "scenario: x\nlayers:\n- ev: {penetration_pct: 10, allocation: {classes: [residental]}}\n");
    let out = dir.join("lake");
    let output = gridtwin(&["qsts", &feeders, "--scenario", &file, "--steps", "2", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let told = text(&output.stderr);
    assert!(told.contains("SCENARIO.ALLOCATION.NOBODY") && told.contains("s.yaml:3") && told.contains("residential ("), "{told}");
    assert!(!out.exists(), "nothing runs");
    // A class that one of several feeders has is fit for all of them.
    let model = format!("{feeders}/f0001/master.dss");
    let check = gridtwin(&["scenario", "check", &file, "--model", &model, "--json"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("nobody is of class"));
    let daily = gridtwin(&["qsts", &model, "--scenario", &file, "--day", "--mode", "daily"]);
    assert!(text(&daily.stderr).contains("RUN.SCENARIO.MODE"));
}

#[test]
fn a_stacked_network_is_written_read_and_runs_as_it_was_laid() {
    let dir = scratch("apply");
    let feeders = utility(&dir, "1");
    let model = format!("{feeders}/f0001/master.dss");
    let file = put(&dir, "s.yaml", STACK);
    let out = dir.join("stacked").to_str().unwrap().to_owned();
    let told = ok(&gridtwin(&["scenario", "apply", &model, &file, "--out", &out]));
    let residual: f64 =
        told.lines().find(|l| l.contains("differ from stacked")).unwrap().split_whitespace().nth(7).unwrap().parse().unwrap();
    assert!(residual < 1e-9, "{told}");
    let ledger: serde_json::Value = serde_json::from_str(&fs::read_to_string(format!("{out}/ledger.json")).unwrap()).unwrap();
    let layers = ledger["figures"]["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 7);
    let rows = fs::read_to_string(format!("{out}/ledger.csv")).unwrap();
    for l in layers {
        let name = l["layer"].as_str().unwrap();
        let of_rows: f64 =
            rows.lines().filter(|r| r.split(',').next() == Some(name)).map(|r| r.split(',').nth(6).unwrap().parse::<f64>().unwrap()).sum();
        let energy = l["energy_kwh"].as_f64().unwrap();
        assert!((of_rows - energy).abs() < 1e-6 * energy.abs().max(100.0), "{name}: {of_rows} {energy}");
    }
    assert_eq!(fs::read_to_string(format!("{out}/profiles.csv")).unwrap().lines().count(), 8761);
    // The written network and the one laid in memory give the same course.
    let steps = |arguments: &[&str]| {
        let told = ok(&gridtwin(arguments));
        let begin = told.find("Steps").unwrap_or_else(|| panic!("{told}"));
        told[begin..].lines().skip(3).take(72).map(str::to_owned).collect::<Vec<_>>()
    };
    let written = format!("{out}/master.dss");
    let one = steps(&["qsts", &model, "--scenario", &file, "--steps", "72", "--keep", "steps"]);
    let two = steps(&["qsts", &written, "--steps", "72", "--keep", "steps"]);
    assert_eq!(one.len(), 72);
    let figures = |l: &String| l.split_whitespace().skip(1).take(4).map(|w| w.parse::<f64>().unwrap()).collect::<Vec<_>>();
    for (a, b) in one.iter().zip(&two) {
        for (x, y) in figures(a).iter().zip(figures(b)) {
            assert!((x - y).abs() < 0.05, "{a}\n{b}");
        }
    }
}

#[test]
fn feeders_run_with_a_scenario_whatever_the_threads() {
    let dir = scratch("run");
    let feeders = utility(&dir, "3");
    let run = |lake: &str, threads: &str, more: &[&str]| {
        let out = dir.join(lake).to_str().unwrap().to_owned();
        let scenario = root().join("models/larkmoor/scenario.yaml").to_str().unwrap().to_owned();
        let mut words = vec!["qsts", &feeders, "--scenario", &scenario, "--steps", "24", "--threads", threads, "--out", &out];
        words.extend(more);
        ok(&gridtwin(&words))
    };
    let (one, two) = (run("one", "1", &[]), run("two", "2", &[]));
    for layer in ["base", "heat_wave", "ev_level2", "solar", "new_tou", "stacked"] {
        assert_eq!(row(&one, layer), row(&two, layer));
    }
    let energy = |layer: &str| row(&one, layer).last().unwrap().parse::<f64>().unwrap();
    assert!(energy("ev_level2") > 0.0 && energy("solar") < 0.0 && energy("heat_wave") > 0.0, "{one}");
    let sum = ["base", "heat_wave", "ev_level2", "solar", "new_tou"].map(energy).iter().sum::<f64>();
    assert!((sum - energy("stacked")).abs() < 0.51, "{one}");
    assert!(one.contains("wall time") && one.contains("peak memory"), "{one}");
    let again = run("one", "1", &["--resume"]);
    assert!(again.contains("3 of 3, 3 of them before this run"), "{again}");
}

#[test]
fn a_sweep_is_one_table_whatever_the_threads() {
    let dir = scratch("sweep");
    let file = put(
        &dir,
        "s.yaml",
        "scenario: sweep\ncustomers: {kw_per_customer: 5}\nweather: {synthetic_seed: 1}\nlayers:\n- ev: {penetration_pct: 0}\n- solar: {penetration_pct: 0}\n",
    );
    let sweep = |out: &str, threads: &str| {
        let out = dir.join(out).to_str().unwrap().to_owned();
        let vary = ["--vary", "ev.penetration_pct=0,40,80", "--vary", "solar.penetration_pct=0..60"];
        let words = [
            "scenario",
            "sweep",
            "models/ieee123/ieee123.dss",
            &file,
            "--samples",
            "2",
            "--from-hour",
            "4560",
            "--hours",
            "24",
            "--threads",
            threads,
            "--out",
            &out,
        ];
        ok(&gridtwin(&[&words[..], &vary[..]].concat()));
        (fs::read_to_string(format!("{out}/samples.csv")).unwrap(), fs::read_to_string(format!("{out}/response.csv")).unwrap())
    };
    let (one, two) = (sweep("one", "1"), sweep("two", "2"));
    assert_eq!(one, two);
    let rows: Vec<Vec<&str>> = one.0.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), 7);
    let column = |name: &str| rows[0].iter().position(|c| *c == name).unwrap();
    let at = |ev: &str, solar: &str, name: &str| -> f64 {
        let row = rows.iter().find(|r| r[1] == ev && r[2] == solar).unwrap_or_else(|| panic!("{}", one.0));
        row[column(name)].parse().unwrap()
    };
    assert!(at("80", "0", "peak_kw") > at("40", "0", "peak_kw") && at("40", "0", "peak_kw") > at("0", "0", "peak_kw"), "{}", one.0);
    assert!(at("0", "60", "energy_kwh") < at("0", "0", "energy_kwh") - 100.0, "{}", one.0);
    assert!(one.1.contains("ev.penetration_pct,40,2,peak_kw,"), "{}", one.1);
    let refused = gridtwin(&[
        "scenario",
        "sweep",
        "models/ieee123/ieee123.dss",
        &file,
        "--vary",
        "ev.penetration_pct=20,120",
        "--vary",
        "ev.chargr=level1",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert!(told.contains("SCENARIO.VALUE.RANGE") && told.contains("\"charger\" is nearest"), "{told}");
}
