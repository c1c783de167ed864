//! CYME studies from databases and XML read with no edits, solved and set against stored voltages; and one study in two
//! carriers.
//!
//! Sample studies and their references lie in a folder of formats beside the project (`GRIDTWIN_FORMATS`); where it is
//! absent those tests say so and pass.

use formats::cyme::{self, Options};
use formats::study_results;
use formats::table::TableOptions;
use gridtwin::disk_files::DiskFiles;
use network::{Imported, Network, Quantity};
use num_complex::Complex64;
use powerflow::{Session, Solution};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folder of sample studies; none where it is absent.
fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("GRIDTWIN_FORMATS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats"), PathBuf::from)
        .join("cyme");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no folder of sample formats (set GRIDTWIN_FORMATS)");
    None
}

fn solve(network: &Network) -> Solution {
    let outcome = Session::new().solve_network(network, true).expect("the network compiles");
    outcome.settled().unwrap_or_else(|u| panic!("the power flow did not settle: {:?}", u.forensics))
}

/// Volts to earth and base, V, by `bus.node`.
fn voltages(solution: &Solution) -> HashMap<String, (Complex64, f64)> {
    solution.nodes().into_iter().map(|n| (n.node, (n.v_v, n.kv_base_ln * 1000.0))).collect()
}

/// Power of the sources and losses of a case of `summary.csv`: kW, kvar, kW, kvar.
fn summary(folder: &Path, file: &str) -> [f64; 4] {
    let text = std::fs::read_to_string(folder.join("expected/summary.csv")).expect("summary.csv");
    let line = text.lines().find(|l| l.starts_with(file)).unwrap_or_else(|| panic!("{file} is not in summary.csv"));
    let tail: Vec<f64> = line.rsplit(',').take(4).map(|v| v.parse().expect("a number")).collect();
    [tail[3], tail[2], tail[1], tail[0]]
}

fn turned(a_deg: f64, b_deg: f64) -> f64 {
    ((a_deg - b_deg + 180.0).rem_euclid(360.0) - 180.0).abs()
}

/// Sets a solved network against a file of expected voltages, which is read as any table of results is.
fn compare(folder: &Path, file: &str, imported: &Imported, v_limit_pu: f64) {
    let solution = solve(&imported.network);
    let found = voltages(&solution);
    let path = folder.join("expected").join(file);
    let results = study_results::read_file(&DiskFiles::default(), &path, &TableOptions::default(), None).unwrap_or_else(|e| panic!("{e}"));
    let joined = results.join(&imported.network);
    assert_eq!((joined.unmatched, joined.rejects.len()), (0, 0), "{file}");
    let (mut worst, mut worst_at, mut worst_deg) = (0.0_f64, String::new(), 0.0_f64);
    for figure in &joined.figures {
        let key = format!("{}.{}", figure.subject, figure.phase.expect("a phase"));
        let (v, base) = found.get(&key).copied().unwrap_or_else(|| panic!("{file}: {key} has no voltage"));
        match figure.quantity {
            Quantity::VPu => {
                let apart = (v.norm() / base - figure.value).abs();
                if apart > worst {
                    (worst, worst_at) = (apart, key);
                }
            }
            Quantity::VAngleDeg => worst_deg = worst_deg.max(turned(v.arg().to_degrees(), figure.value)),
            other => panic!("{file}: {other:?}"),
        }
    }
    assert!(joined.figures.len() > 50, "{file}: {} figures", joined.figures.len());
    let (total, losses) = (solution.delivered_kva(), solution.losses_kva());
    let [p, q, loss_p, loss_q] = summary(folder, file);
    println!(
        "{file}: {} figures, worst {worst:.6} pu at {worst_at}, {worst_deg:.4} deg; P {:.2} ({p}) Q {:.2} ({q}) losses {:.2} ({loss_p}) {:.2} ({loss_q})",
        joined.figures.len(),
        total.re,
        total.im,
        losses.re,
        losses.im
    );
    assert!(worst <= v_limit_pu, "{file}: {worst} pu at {worst_at}");
    assert!(worst_deg <= 0.05, "{file}: {worst_deg} degrees");
    assert!((losses.re / loss_p - 1.0).abs() <= 0.005, "{file}: losses {} kW, expected {loss_p}", losses.re);
    assert!((total.re / p - 1.0).abs() <= 0.002, "{file}: {} kW, expected {p}", total.re);
}

fn codes(imported: &Imported) -> Vec<&str> {
    let mut codes: Vec<&str> = imported.diagnostics.iter().map(|d| d.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn ieee13_from_its_database() {
    let Some(folder) = samples() else { return };
    let imported =
        cyme::mdb::read(&DiskFiles::default(), &folder.join("mdb/IEEE13.mdb.gz"), &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    println!("{:#?}", codes(&imported));
    // The database has the resistances that the text export of the same study lost.
    assert!(!codes(&imported).contains(&"CYME.LINE.MUTUAL_RESISTANCE"));
    assert!(imported.rejects.is_empty());
    compare(&folder, "ieee_13node_mutual_r_fixed.csv", &imported, 0.0005);
}

#[test]
fn the_damaged_database_is_refused_with_the_reason() {
    let Some(folder) = samples() else { return };
    let error = cyme::mdb::read(&DiskFiles::default(), &folder.join("mdb/Cyme-IEEE13_corrupt.mdb.gz"), &Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("CYME.MDB.NOT_CYME") && text.contains("CYMSCHEMAVERSION") && text.contains("binary"), "{text}");
}

#[test]
fn ieee34_from_a_self_contained_study() {
    let Some(folder) = samples() else { return };
    let path = folder.join("xml/IEEE_34_node_test_feeder_modified.sxst.xml");
    let imported = cyme::xml::read(&DiskFiles::default(), &path, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    println!("{:#?}", codes(&imported));
    let found = codes(&imported);
    // Section 858-864 has a line whose phase A has no impedance of its own.
    assert!(found.contains(&"CYME.LINE.PHASE_NOT_IN_CONFIGURATION"), "{found:?}");
    compare(&folder, "ieee_34node_sxst_as_is.csv", &imported, 0.0005);
}

#[test]
fn ieee4_from_a_self_contained_study_by_line_to_line_voltages() {
    let Some(folder) = samples() else { return };
    let imported = cyme::xml::read(&DiskFiles::default(), &folder.join("xml/Example-4bus.sxst.xml"), &Options::default())
        .unwrap_or_else(|e| panic!("{e}"));
    println!("{:#?}", codes(&imported));
    let solution = solve(&imported.network);
    let found = voltages(&solution);
    let file = "ieee_4node_as_is.csv";
    let text = std::fs::read_to_string(folder.join("expected").join(file)).expect("the expected voltages");
    let mut worst = 0.0_f64;
    let mut rows = 0;
    for line in text.lines().skip(1) {
        let row: Vec<&str> = line.split(',').collect();
        let phase = "ABC".find(row[1]).expect("a phase");
        let at = |i: usize| found[&format!("{}.{}", row[0].to_lowercase(), i % 3 + 1)];
        let (v, base) = (at(phase).0 - at(phase + 1).0, at(phase).1);
        let (expected, angle): (f64, f64) = (row[5].parse().expect("a number"), row[6].parse().expect("a number"));
        worst = worst.max((v.norm() - expected).abs() / (base * 3f64.sqrt()));
        assert!(turned(v.arg().to_degrees(), angle) < 0.05, "{line}");
        rows += 1;
    }
    let (total, losses) = (solution.delivered_kva(), solution.losses_kva());
    let [p, _, loss, _] = summary(&folder, file);
    println!("{file}: {rows} rows, worst {worst:.6} pu line to line; P {:.2} ({p}), losses {:.2} ({loss})", total.re, losses.re);
    assert_eq!(rows, 15);
    assert!(worst <= 0.0005, "{worst}");
    assert!((losses.re / loss - 1.0).abs() <= 0.005);
}

/// Paths at which two values differ. Numbers count as equal when they do to a part in a million.
fn differences(a: &Value, b: &Value, path: &str, into: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let mut keys: Vec<&String> = x.keys().chain(y.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                differences(x.get(key).unwrap_or(&Value::Null), y.get(key).unwrap_or(&Value::Null), &format!("{path}/{key}"), into);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                differences(x, y, &format!("{path}/{i}"), into);
            }
        }
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN));
            if (x - y).abs() > 1e-6 * x.abs().max(y.abs()).max(1e-6) {
                into.push(format!("{path}: {x} and {y}"));
            }
        }
        _ if a == b => {}
        _ => into.push(format!("{path}: {a} and {b}").chars().take(300).collect()),
    }
}

/// A network's JSON by names instead of positions: rows of a database come in another order than those of a text.
fn by_name(value: &Value, buses: &[String], spacings: &[String]) -> Value {
    match value {
        Value::Object(fields) => {
            let of_bus = fields.contains_key("kv_base_ln");
            let kept = fields.iter().filter(|(key, _)| !["source", "order", "index"].contains(&key.as_str()));
            let named = kept.map(|(key, inner)| match (key.as_str(), inner) {
                ("bus" | "spacing", Value::Number(n)) => {
                    let at = n.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
                    let names = if key == "bus" { buses } else { spacings };
                    (key.clone(), names.get(at).map_or(Value::Null, |name| Value::String(name.clone())))
                }
                ("nodes", Value::Array(nodes)) if of_bus => {
                    let mut nodes = nodes.clone();
                    nodes.sort_by_key(|n| n.as_u64());
                    (key.clone(), Value::Array(nodes))
                }
                _ => (key.clone(), by_name(inner, buses, spacings)),
            });
            Value::Object(named.collect())
        }
        Value::Array(items) => {
            let name = |item: &Value| {
                item.pointer("/common/name").or(item.get("name")).or(item.get("id")).and_then(Value::as_str).map(str::to_owned)
            };
            match items.iter().map(name).collect::<Option<Vec<String>>>() {
                Some(names) if !names.is_empty() => {
                    Value::Object(names.into_iter().zip(items.iter().map(|item| by_name(item, buses, spacings))).collect())
                }
                _ => Value::Array(items.iter().map(|item| by_name(item, buses, spacings)).collect()),
            }
        }
        other => other.clone(),
    }
}

#[test]
fn database_and_text_give_the_same_network_but_for_what_the_export_lost() {
    let Some(folder) = samples() else { return };
    let files = DiskFiles::default();
    let database = cyme::mdb::read(&files, &folder.join("mdb/IEEE13.mdb.gz"), &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let text = cyme::text::read(&files, &folder.join("text/ieee_13node"), &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let json = |n: &Network| {
        let buses: Vec<String> = n.buses.iter().map(|b| b.name.clone()).collect();
        let spacings: Vec<String> = n.line_spacings.iter().map(|s| s.name.clone()).collect();
        by_name(&serde_json::to_value(n).expect("a network has a form in JSON"), &buses, &spacings)
    };
    let mut found = Vec::new();
    differences(&json(&text.network), &json(&database.network), "", &mut found);
    println!("{found:#?}");
    // The export wrote reactances for the mutual resistances of all lines by phase matrix. Of those one is in use, between 692 and 675.
    let real_parts = |path: &str| path.contains("/z_ohm/") && path.split(':').next().is_some_and(|p| p.ends_with("/0"));
    let other: Vec<&String> =
        found.iter().filter(|d| !(d.starts_with("/line_codes/") || d.starts_with("/lines/l692_675/")) || !real_parts(d)).collect();
    assert_eq!(other, Vec::<&String>::new());
    let used: Vec<&String> = found.iter().filter(|d| d.starts_with("/lines/l692_675/")).collect();
    assert!(used.len() == 6 && used.iter().all(|d| d.ends_with(": 0.010625 and 0.191258")), "{used:?}");
}
