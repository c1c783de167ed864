//! `gridtwin estimate` as a user runs it: a document made from a solution, read again, spoilt, and with every kind of fault.

mod common;

use common::{gridtwin, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

const MODEL: &str = "models/ieee13/ieee13.dss";

fn summary(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("summary.json")).unwrap()).unwrap()
}

fn estimate(document: &Path, out: &Path) -> (Option<i32>, String) {
    let run = gridtwin(&["estimate", MODEL, "--measurements", document.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    (run.status.code(), text(&run.stdout) + &text(&run.stderr))
}

#[test]
fn estimated_voltages_are_nearer_the_truth_and_the_document_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let [made, again] = ["made", "again"].map(|n| dir.path().join(n));
    let run = gridtwin(&["estimate", MODEL, "--simulate-from-solution", "--seed", "7", "--class", "0.5", "--out", made.to_str().unwrap()]);
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{said}{}", text(&run.stderr));
    assert!(said.contains("RMSE of node voltages: measured"), "{said}");
    let first = summary(&made);
    let (measured, estimated) = (first["rmse_measured_pu"].as_f64().unwrap(), first["rmse_estimated_pu"].as_f64().unwrap());
    assert!(measured > 5e-4 && estimated < 0.5 * measured, "{measured} {estimated}");
    assert_eq!((&first["gross_errors"], &first["nodes_not_observable"]), (&Value::Array(Vec::new()), &Value::from(0)));
    // The same measurements from the file give the same voltages, to the digits of the file.
    let (status, said) = estimate(&made.join("points.csv"), &again);
    assert_eq!(status, Some(0), "{said}");
    let second = summary(&again);
    assert_eq!(second["rmse_measured_pu"], Value::Null, "of real measurements the truth is not known");
    let voltages = |dir: &Path| -> Vec<(String, f64)> {
        let table = fs::read_to_string(dir.join("nodes.csv")).unwrap();
        let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
        let at = header.iter().position(|h| *h == "v_pu").unwrap_or_else(|| panic!("{header:?}"));
        table.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()).map(|c| (c[0].to_owned(), c[at].parse().unwrap())).collect()
    };
    let (a, b) = (voltages(&made), voltages(&again));
    assert!(a.len() > 30 && a.len() == b.len());
    for ((node, x), (same, y)) in a.iter().zip(&b) {
        assert!(node == same && (x - y).abs() < 1e-8, "{node}: {x} {y}");
    }
}

#[test]
fn a_meter_that_lies_is_named_with_what_it_should_read() {
    let dir = tempfile::tempdir().unwrap();
    let [made, found] = ["made", "found"].map(|n| dir.path().join(n));
    gridtwin(&["estimate", MODEL, "--simulate-from-solution", "--seed", "3", "--out", made.to_str().unwrap()]);
    let document = fs::read_to_string(made.join("points.csv")).unwrap();
    // The power of a feeder is told with the wrong sign.
    let row = document.lines().find(|l| l.starts_with("p_kw,line.") && l.split(',').nth(4).unwrap().parse::<f64>().unwrap().abs() > 100.0);
    let cells: Vec<&str> = row.unwrap().split(',').collect();
    let read: f64 = cells[4].parse().unwrap();
    let spoilt = row.unwrap().replacen(cells[4], &(-read).to_string(), 1);
    let path = dir.path().join("spoilt.csv");
    fs::write(&path, document.replacen(row.unwrap(), &spoilt, 1)).unwrap();
    let (status, said) = estimate(&path, &found);
    assert_eq!(status, Some(0), "{said}");
    let name = cells[7].trim_matches('"');
    assert!(said.contains("ESTIMATION.MEASUREMENT.GROSS_ERROR") && said.contains(name), "{said}");
    let gross = summary(&found)["gross_errors"].clone();
    assert_eq!(gross.as_array().unwrap().len(), 1, "{gross}");
    assert_eq!(gross[0]["name"], name);
    let error = gross[0]["error"].as_f64().unwrap() / 1e3;
    assert!((error + 2.0 * read).abs() < 0.05 * read.abs(), "an error of {error} kW, {} expected", -2.0 * read);
}

#[test]
fn every_fault_of_a_document_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("faulty.csv");
    let rows = [
        "quantity,element,terminal,phase,value,sigma,class,pseudo",
        "v_pu,650,,A,1.0,0.002,,",
        "v_volt,650,,A,1.0,0.002,,",
        "v_pu,651,,A,1.0,0.002,,",
        "v_pu,650,,7,1.0,0.002,,",
        "p_kw,line.650_632,3,,100,1,,",
        "p_kw,line.650_632,1,,much,1,,",
        "p_kw,line.650_632,1,,100,0,,",
        "p_kw,line.650_632,1,,100,,0.7,",
        "p_kw,line.650_632,1,,100,1,,perhaps",
        "i_a,650,,A,100,1,,",
    ];
    fs::write(&path, rows.join("\n")).unwrap();
    let run = gridtwin(&["estimate", MODEL, "--measurements", path.to_str().unwrap(), "--out", dir.path().join("out").to_str().unwrap()]);
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{said}");
    for (code, line) in [
        ("ESTIMATION.DOCUMENT.QUANTITY", 3),
        ("ESTIMATION.DOCUMENT.PLACE", 4),
        ("ESTIMATION.DOCUMENT.PLACE", 5),
        ("ESTIMATION.DOCUMENT.PLACE", 6),
        ("ESTIMATION.DOCUMENT.NUMBER", 7),
        ("ESTIMATION.DOCUMENT.DEVIATION", 8),
        ("ESTIMATION.DOCUMENT.CLASS", 9),
        ("ESTIMATION.DOCUMENT.PSEUDO", 10),
        ("ESTIMATION.DOCUMENT.PLACE", 11),
    ] {
        assert!(said.contains(code) && said.contains(&format!("faulty.csv:{line}")), "{code} of line {line} is not told:\n{said}");
    }
    assert!(!said.contains("faulty.csv:2"), "the sound row is not a fault:\n{said}");
    assert!(!dir.path().join("out/summary.json").exists());
    let transmission = gridtwin(&["estimate", "cases/matpower/ieee14/network.m", "--simulate-from-solution"]);
    assert_ne!(transmission.status.code(), Some(0));
}
