//! Reliability indices against figures worked out elsewhere, through the command as people run it.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;
use std::path::PathBuf;

fn near(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * b.abs().max(1e-12),
        _ => a == b,
    }
}

fn run(arguments: &[&str]) -> Value {
    let output = gridtwin(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn compare(found: &Value, expected: &Value, what: &str) {
    for (key, value) in expected.as_object().expect("figures") {
        assert!(near(&found[key], value), "{what} {key}: {} instead of {value}", found[key]);
    }
}

#[test]
fn four_years_with_a_storm() {
    let dir = root().join("cases/outages/four_years");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("expected.json")).unwrap()).unwrap();
    let table = dir.join("outages.csv");
    let found = run(&["outages", table.to_str().unwrap(), "--customers", "5000", "--json"]);
    let years = found["years"].as_array().unwrap();
    assert_eq!(years.len(), 4);
    for year in years {
        let expected = &expected["years"][year["year"].to_string()];
        let name = year["year"].to_string();
        compare(&year["all"], &expected["all"], &name);
        compare(&year["unplanned"], &expected["unplanned"], &name);
        let Some(threshold) = expected.get("t_med_min") else {
            assert!(year["threshold"].is_null());
            continue;
        };
        assert!(near(&year["threshold"]["t_med_min"], threshold), "{name}");
        assert!(near(&year["threshold"]["alpha"], &expected["alpha"]) && near(&year["threshold"]["beta"], &expected["beta"]), "{name}");
        let days: Vec<&Value> = year["major_days"].as_array().unwrap().iter().map(|d| &d["date"]).collect();
        assert_eq!(days, expected["major_days"].as_array().unwrap().iter().collect::<Vec<_>>(), "{name}");
        compare(&year["without_major_days"], &expected["without_major_days"], &name);
    }
    assert_eq!(years[3]["major_days"][0]["date"], "2024-07-07");
}

/// The worked example of IEEE 1366 that goes around with this guide's users, where it is at hand.
#[test]
fn the_worked_example() {
    let dir = std::env::var_os("GRIDTWIN_FORMATS").map_or_else(|| root().join("../shared/formats"), PathBuf::from).join("oms_ami");
    if !dir.is_dir() {
        println!("skipped: {} is not there", dir.display());
        return;
    }
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("ieee1366_expected.json")).unwrap()).unwrap();
    let history = dir.join("med_daily_saidi.csv");
    let table = dir.join("events_1366.csv");
    let found = run(&["outages", table.to_str().unwrap(), "--customers", "2000", "--daily-saidi", history.to_str().unwrap(), "--json"]);
    let (year, results) = (&found["years"][0], &expected["results"]);
    for (key, field) in [
        ("ci", "ci"),
        ("cmi", "cmi"),
        ("saifi", "saifi"),
        ("saidi_min", "saidi_min"),
        ("caidi_min", "caidi_min"),
        ("asai", "asai_8784h"),
        ("maifi", "maifi"),
    ] {
        assert!(near(&year["all"][key], &results[field]), "{key}: {} instead of {}", year["all"][key], results[field]);
    }
    compare(&year["unplanned"], &results["unplanned"], "unplanned");
    let med = &expected["med"];
    for (key, field) in [
        ("alpha", "alpha"),
        ("beta", "beta_sample"),
        ("beta_population", "beta_population"),
        ("t_med_min", "t_med_sample"),
        ("t_med_population_min", "t_med_population"),
    ] {
        let (a, b) = (year["threshold"][key].as_f64().unwrap(), med[field].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-10 * b.abs(), "{key}: {a} instead of {b}");
    }
    let daily = &year["daily"];
    for (key, field) in [("saidi_min", "saidi_all"), ("without_major_days_min", "saidi_without_med")] {
        let (a, b) = (daily[key].as_f64().unwrap(), med[field].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-10 * b.abs(), "{key}: {a} instead of {b}");
    }
    assert_eq!(daily["major_days"][0]["date"], med["med_days"][0][0]);
    assert_eq!(daily["major_days"].as_array().unwrap().len(), 1);
}
