//! `gridtwin flexibility` as people meet it: the sample that ships, its files, a sample for another model, a target missed, and what is refused.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;

const MODEL: &str = "models/ieee123/ieee123.dss";
const PROGRAMS: &str = "models/ieee123/flexibility.yaml";

fn told(words: &[&str]) -> (Option<i32>, String, String) {
    let output = gridtwin(&[&["flexibility"], words].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_sample_relieves_its_transformer_and_its_books_close() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("day");
    let (code, shown, errors) = told(&["run", MODEL, "--programs", PROGRAMS, "--out", out.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let json: Value = serde_json::from_str(&shown).unwrap();
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let event = &summary["events"][0];
    assert!(event["before"].as_f64().unwrap() > 170.0 && event["after"].as_f64().unwrap() <= 165.0, "{event}");
    assert!(event["gap_pct"].as_f64().unwrap().abs() < 1.0 && event["rebound_kw"].as_f64().unwrap() > 0.0);
    assert!(summary["books"]["residual_kwh"].as_f64().unwrap().abs() < 1e-6);
    assert!(json.to_string().contains("hot_evening"));
    let devices = std::fs::read_to_string(out.join("devices.csv")).unwrap();
    assert_eq!(devices.lines().count(), 81);
    assert_eq!(std::fs::read_to_string(out.join("steps.csv")).unwrap().lines().count(), 97);
    let (code, shown, _) = told(&["run", MODEL, "--programs", PROGRAMS, "--least", "cost"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("gap") && shown.contains("residual of the books") && shown.contains("transformer.xfm1"), "{shown}");
}

#[test]
fn a_sample_is_made_again_and_read_back() {
    let words = ["sample", MODEL, "--devices", "12", "--seed", "7", "--bus", "610", "--target", "transformer.xfm1"];
    let (code, shown, errors) = told(&words);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(told(&words).1, shown);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("programs.yaml");
    std::fs::write(&path, &shown).unwrap();
    // Twelve devices do not overload it: nothing is curtailed.
    let (code, shown, errors) = told(&["run", MODEL, "--programs", path.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(shown.contains("0 told"), "{shown}");
}

#[test]
fn what_is_wrong_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("programs.yaml");
    let sound = std::fs::read_to_string(root().join(PROGRAMS)).unwrap();
    std::fs::write(&path, sound.replace("transformer.xfm1", "transformer.nothing").replace("priority: 1", "priority: -1")).unwrap();
    let (code, _, errors) = told(&["run", MODEL, "--programs", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("FLEXIBILITY.FILE.UNREADABLE") && errors.contains("programs.yaml"), "{errors}");
    std::fs::write(&path, sound.replace("transformer.xfm1", "transformer.nothing")).unwrap();
    let (code, _, errors) = told(&["run", MODEL, "--programs", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("FLEXIBILITY.TARGET.UNKNOWN"), "{errors}");
    // A limit that nothing can keep is an answer, and ends with 1.
    std::fs::write(&path, sound.replace("element: transformer.xfm1", "element: transformer.xfm1\n      limit_kva: 10")).unwrap();
    let (code, shown, errors) = told(&["run", MODEL, "--programs", path.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(shown.contains("target missed") && errors.contains("FLEXIBILITY.TARGET.MISSED"), "{shown}{errors}");
}
