//! `gridtwin operations` as people meet it: a generated network, a published one, what is written, and what is refused.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;

fn told(words: &[&str]) -> (Option<i32>, String, String) {
    let output = gridtwin(&[&["operations"], words].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(words: &[&str]) -> Value {
    let (code, shown, errors) = told(&[words, &["--json"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    serde_json::from_str(&shown).expect("JSON")
}

#[test]
fn a_generated_network_is_routed_proven_and_learnt() {
    let all = json(&["--nodes", "8", "--generators", "2", "--seed", "3", "--episodes", "400"]);
    let run = &all[0];
    assert_eq!((run["view"]["nodes"].as_array().unwrap().len(), run["optimum"]["proof"].as_str()), (8, Some("bounded")));
    let kw = |v: &Value| v["value"]["losses_kw"].as_f64().unwrap() + v["value"]["risk_kw"].as_f64().unwrap();
    let (best, bound) = (kw(&run["optimum"]["best"]), run["optimum"]["lower_bound_kw"].as_f64().unwrap());
    assert!(bound <= best && best - bound < 1e-5 * best, "{bound} and {best}");
    assert_eq!(run["learned"]["episodes"].as_array().unwrap().len(), 400);
    assert!(run["learned"]["greedy"]["gap_pct"].as_f64().unwrap() <= 2.0, "{}", run["learned"]["greedy"]);
    // Losses in parts are those of the flow, and the figures balance.
    let f = &run["figures"];
    let of = |name: &str| f[name].as_f64().unwrap();
    assert!((of("delivered_kw") - of("demand_kw") - f["losses"]["total_kw"].as_f64().unwrap()).abs() < 1e-5 * of("delivered_kw"));
    // The same words, the same answer, but for the time it took.
    let again = json(&["--nodes", "8", "--generators", "2", "--seed", "3", "--episodes", "400"]);
    assert_eq!((&again[0]["learned"], &again[0]["optimum"]), (&run["learned"], &run["optimum"]));
    let (code, shown, _) = told(&["--seed", "3", "--episodes", "50", "--seeds", "2"]);
    assert!(code == Some(0) && shown.contains("of 2"), "{shown}");
}

#[test]
fn a_published_network_is_proven_and_written_with_its_optimum() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("routed.dss");
    let model = root().join("cases/switching/baran_wu_33/baran_wu_33.dss");
    let words = [model.to_str().unwrap(), "--risk-weight", "0", "--episodes", "0", "--write", out.to_str().unwrap()];
    let run = &json(&words)[0];
    assert_eq!(run["optimum"]["proof"], "bounded");
    assert!((run["optimum"]["best"]["value"]["losses_kw"].as_f64().unwrap() - 139.55).abs() < 0.005);
    let output = gridtwin(&["solve", out.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let solved: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let losses = solved["power"]["losses_kw"].as_f64().unwrap();
    assert!((losses - 139.55).abs() < 0.01, "the network written loses {losses} kW");
}

#[test]
fn what_cannot_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (no_json, too_much) = (file("a.json", "risk"), file("b.json", "{\"line.l1\": 2}"));
    let raw = root().join("cases/stability-ieee9/network.raw");
    for (words, code) in [
        (vec!["--nodes", "2"], "OPERATIONS.OPTION.VALUE"),
        (vec!["--generators", "8"], "OPERATIONS.OPTION.VALUE"),
        (vec!["--ties", "0"], "OPERATIONS.OPTION.VALUE"),
        (vec!["--risk-weight=-1"], "OPERATIONS.OPTION.VALUE"),
        (vec!["--lr", "0"], "OPERATIONS.OPTION.VALUE"),
        (vec!["--risk", &no_json], "OPERATIONS.RISK.FILE"),
        (vec!["--risk", &too_much], "OPERATIONS.OPTION.VALUE"),
        (vec![raw.to_str().unwrap()], "OPERATIONS.MODEL.TRANSMISSION"),
    ] {
        let (ended, _, errors) = told(&words);
        assert!(ended == Some(1) && errors.contains(code), "{words:?}: {errors}");
    }
    assert_eq!(told(&["--nodes", "many"]).0, Some(2));
}
