//! `gridtwin stability` as people meet it: a cleared fault, the critical time, a trip, and what is refused.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;

fn told(dynamic: &str, words: &[&str]) -> (Option<i32>, String, String) {
    let case = root().join("cases/stability-ieee9");
    let (raw, dyr) = (case.join("network.raw"), case.join(dynamic));
    let output = gridtwin(&[&["stability", raw.to_str().unwrap(), "--dyr", dyr.to_str().unwrap()], words].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_fault_is_cleared_in_time_or_not() {
    let fault = ["--fault", "7", "--open", "5-7-1", "--at", "0.1", "--duration", "2.5"];
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, shown, errors) = told("classical.dyr", &[&fault[..], &["--clear", "0.083", "--out", out]].concat());
    assert!(code == Some(0) && shown.starts_with("stable"), "{shown}{errors}");
    let (code, shown, _) = told("classical.dyr", &[&fault[..], &["--clear", "0.3"]].concat());
    assert!(code == Some(1) && shown.contains("synchronism is lost"), "{shown}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    // Anderson and Fouad: the critical time of this fault is a little above 0.16 s.
    let (code, json, errors) = told("classical.dyr", &[&fault[..], &["--critical", "0.5", "--json"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let found: Value = serde_json::from_str(&json).expect("JSON");
    let (stable, unstable) = (found["stable_s"].as_f64().unwrap(), found["unstable_s"].as_f64().unwrap());
    assert!(stable < unstable && unstable - stable < 2e-4 && (0.155..0.175).contains(&stable), "{stable} to {unstable}");
}

#[test]
fn a_trip_lowers_the_frequency_and_governors_hold_it() {
    let (code, json, errors) = told("detailed.dyr", &["--trip", "3", "--duration", "20", "--json"]);
    let found: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}{errors}"));
    assert_eq!(code, Some(0), "{found}");
    let (nadir, last) = (found["nadir_hz"].as_f64().unwrap(), found["final_hz"].as_f64().unwrap());
    assert!(nadir < last && last < 60.0 && nadir > 57.0, "{nadir} Hz, then {last} Hz");
}

#[test]
fn what_is_not_in_the_case_is_told() {
    for (words, code) in [
        (vec!["--fault", "77"], "STABILITY.EVENT.UNKNOWN"),
        (vec!["--fault", "7", "--open", "1-9-1"], "STABILITY.EVENT.UNKNOWN"),
        (vec!["--trip", "5"], "STABILITY.EVENT.UNKNOWN"),
        (vec!["--load-step", "5:20"], "STABILITY.EVENT.UNKNOWN"),
        (vec!["--critical", "0.5"], "STABILITY.CLEARING.NO_FAULT"),
        (vec!["--line-fault", "5-7-1", "--share", "1.5"], "STABILITY.EVENT"),
    ] {
        let (ended, _, errors) = told("classical.dyr", &words);
        assert!(ended == Some(1) && errors.contains(code), "{words:?}: {errors}");
    }
    let (ended, _, errors) = told("README.md", &["--fault", "7"]);
    assert!(ended == Some(1) && (errors.contains("DYR.") || errors.contains("STABILITY.MACHINE.NO_RECORD")), "{errors}");
}
