//! `gridtwin learn` as people meet it: modules, a fit that is kept, its card, the kept model asked again, and what is refused.

mod common;

use common::{gridtwin, text};
use serde_json::Value;
use std::fmt::Write;

fn told(words: &[&str]) -> (Option<i32>, String, String) {
    let output = gridtwin(&[&["learn"], words].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Loads of a feeder by the hour: a daily and a weekly course, and a wobble that is always the same.
fn loads(from_day: usize, days: usize) -> String {
    let mut csv = String::from("timestamp,KW_TOTAL,comment\n");
    for h in from_day * 24..(from_day + days) * 24 {
        let (day, hour) = (h / 24, h % 24);
        let weekend = if day % 7 >= 5 { 0.8 } else { 1.0 };
        let wobble = 3.0 * ((h as f64 * 12.989).sin() * 437.0).fract();
        let kw = weekend * (100.0 + 30.0 * ((hour as f64 - 9.0) / 24.0 * std::f64::consts::TAU).sin()) + wobble;
        let date = jiff::civil::date(2025, 1, 6).checked_add(jiff::Span::new().days(day as i64)).unwrap();
        let _ = writeln!(csv, "{date} {hour:02}:00,{kw:.3},x");
    }
    csv
}

#[test]
fn a_model_is_fitted_kept_looked_at_and_asked() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (old, new, project, out) = (place("old.csv"), place("new.csv"), place("project"), place("out"));
    std::fs::write(&old, loads(0, 84)).unwrap();
    std::fs::write(&new, loads(84, 21)).unwrap();
    std::fs::create_dir(&project).unwrap();
    let (code, listed, _) = told(&["modules"]);
    assert!(code == Some(0) && listed.contains("load-forecast") && listed.contains("transformer-ageing"), "{listed}");
    let (code, about, _) = told(&["about", "load-forecast"]);
    assert!(code == Some(0) && about.contains("kw") && about.contains("horizon_h"), "{about}");

    let (source, column) = (format!("loads={old}"), "loads.kw=KW_TOTAL");
    let fit = ["fit", "load-forecast", &source, column, "method=ets", "--project", &project, "--keep", "feeder-3"];
    let (code, shown, errors) = told(&fit);
    assert_eq!(code, Some(0), "{errors}");
    assert!(shown.contains("Held out") && shown.contains("kept as feeder-3 version 1"), "{shown}");
    assert!(errors.contains("LEARN.INPUT.PASSED_OVER") && errors.contains("comment"), "{errors}");
    // Again: the next version, of the same data the same model.
    let (code, shown, errors) = told(&[&fit[..], &["--json"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let second: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(second["summary"]["model"]["version"], 2);
    let (_, listed, _) = told(&["models", "--project", &project, "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["sha256"], listed[1]["sha256"], "the same data give the same model bit by bit");
    let (code, card, _) = told(&["card", "feeder-3@1", "--project", &project]);
    assert!(code == Some(0) && card.contains("Nobody has approved it") && card.contains("Limits") && card.contains("method=ets"), "{card}");
    let approve = ["approve", "feeder-3@1", "--project", &project, "--note", "looked at the residuals", "--by", "ana"];
    assert_eq!(told(&approve).0, Some(0));
    assert!(told(&["card", "feeder-3@1", "--project", &project]).1.contains("by ana: looked at the residuals"));

    let source = format!("loads={new}");
    let (code, shown, errors) = told(&["use", "feeder-3", &source, column, "--project", &project, "--out", &out]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(shown.contains("wrote"), "{shown}");
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(format!("{out}/summary.json")).unwrap()).expect("JSON");
    assert_eq!(summary["model"]["version"], 2);
    assert_eq!(told(&["remove", "feeder-3@2", "--project", &project]).0, Some(0));
    assert!(!told(&["models", "--project", &project]).1.contains("       2  "));
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (bad, project) = (place("bad.csv"), dir.path().to_str().unwrap().to_owned());
    std::fs::write(&bad, "time,load_pu,ambient_c\n2026-01-01T00:00,high,20\nsoon,0.5,20\n").unwrap();
    let loads = format!("loads={bad}");
    for (words, code, part) in [
        (vec!["fit", "nothing"], "LEARN.MODULE.UNKNOWN", "transformer-ageing"),
        (vec!["fit", "transformer-ageing"], "LEARN.INPUT.MISSING", "loads"),
        (vec!["fit", "transformer-ageing", "loads"], "LEARN.WORD.UNREADABLE", "about transformer-ageing"),
        (vec!["fit", "transformer-ageing", &loads], "LEARN.INPUT.VALUE", "line 2 has \"high\""),
        (vec!["fit", "transformer-ageing", &loads], "LEARN.INPUT.VALUE", "line 3 has \"soon\""),
        (vec!["fit", "transformer-ageing", &loads, "n=9"], "LEARN.SETTING.VALUE", "0.3 to 1.5"),
        (vec!["fit", "transformer-ageing", &loads, "colour=red"], "LEARN.SETTING.UNKNOWN", "top_oil_rise_k"),
        (vec!["fit", "transformer-ageing", "loads=nowhere.csv"], "TABLE.FILE.MISSING", "nowhere.csv"),
        (vec!["fit", "transformer-ageing", "loads=sql:SELECT 1"], "LEARN.PROJECT.MISSING", "--project"),
        (vec!["fit", "transformer-ageing", &loads, "loads.load_pu=X"], "TABLE.MAPPING.NO_COLUMN", "X"),
        (vec!["use", "unknown", "--project", &project], "LEARN.MODEL.UNKNOWN", "keeps none"),
        (vec!["card", "m@first", "--project", &project], "LEARN.MODEL.VERSION", "first"),
        (vec!["fit", "transformer-ageing", &loads, "--project", "/nowhere/at/all", "--keep", "x"], "LEARN.PROJECT.MISSING", "/nowhere"),
        (vec!["fit", "transformer-ageing", &loads, "--project", &project, "--keep", "../x"], "OUTPUT.LAKE.REFUSED", "no name of a model"),
    ] {
        let (status, _, errors) = told(&words);
        assert_eq!(status, Some(1), "{words:?}");
        assert!(errors.contains(code) && errors.contains(part), "{words:?}: {errors}");
    }
    // What keeps no model is told so before anything is written.
    let good = place("good.csv");
    std::fs::write(&good, "time,load_pu,ambient_c\n2026-01-01T00:00,0.5,20\n2026-01-01T01:00,0.6,20\n").unwrap();
    let (status, _, errors) = told(&["fit", "transformer-ageing", &format!("loads={good}"), "--project", &project, "--keep", "ageing"]);
    assert!(status == Some(1) && errors.contains("LEARN.MODEL.NONE"), "{errors}");
    assert!(!dir.path().join("models").exists());
}
