//! CYME studies read with no edits, solved and set against stored voltages.
//!
//! Sample studies and their references lie in a folder of formats beside the project (`GRIDTWIN_FORMATS`); where it is
//! absent those tests say so and pass. Cases of the project's own are in `cases/cyme`.

use formats::cyme::{self, Correction, Options};
use gridtwin::disk_files::DiskFiles;
use network::{Imported, Network};
use num_complex::Complex64;
use powerflow::{Session, Solution};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folder of sample formats; none where it is absent.
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

fn read(folder: &Path, options: &Options) -> Imported {
    cyme::text::read(&DiskFiles::default(), folder, options).unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
}

fn solve(network: &Network) -> Solution {
    let outcome = Session::new().solve_network(network, true).expect("the network compiles");
    outcome.settled().unwrap_or_else(|u| panic!("the power flow did not settle: {:?}", u.forensics))
}

/// Volts to earth by `bus.node`.
fn voltages(solution: &Solution) -> HashMap<String, (Complex64, f64)> {
    solution.nodes().into_iter().map(|n| (n.node, (n.v_v, n.kv_base_ln * 1000.0))).collect()
}

fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut rows = text.lines().map(|l| l.split(',').map(|c| c.trim_matches('"').to_owned()).collect::<Vec<_>>());
    let head = rows.next().expect("a header");
    (head, rows.collect())
}

/// Total power and losses of a case of `summary.csv`, kW and kvar.
fn summary(folder: &Path, file: &str) -> [f64; 4] {
    let text = std::fs::read_to_string(folder.join("expected/summary.csv")).expect("summary.csv");
    let line = text.lines().find(|l| l.starts_with(file)).unwrap_or_else(|| panic!("{file} is not in summary.csv"));
    let tail: Vec<f64> = line.rsplit(',').take(4).map(|v| v.parse().expect("a number")).collect();
    [tail[3], tail[2], tail[1], tail[0]]
}

/// Compares magnitudes per unit and angles with a file of expected values; gives the worst deviation of both.
fn compare(folder: &Path, file: &str, network: &Network, v_limit_pu: f64) {
    let solution = solve(network);
    let found = voltages(&solution);
    let (_, rows) = table(&folder.join("expected").join(file));
    let (mut worst, mut worst_at, mut worst_deg) = (0.0_f64, String::new(), 0.0_f64);
    for row in &rows {
        let node = "ABC".find(row[1].as_str()).expect("a phase") + 1;
        let key = format!("{}.{node}", row[0].to_lowercase());
        let (v, base) = found.get(&key).copied().unwrap_or_else(|| panic!("{file}: {key} has no voltage"));
        let (expected, angle): (f64, f64) = (row[2].parse().expect("a number"), row[3].parse().expect("a number"));
        let apart = (v.norm() / base - expected).abs();
        if apart > worst {
            (worst, worst_at) = (apart, key);
        }
        let turn = (v.arg().to_degrees() - angle + 180.0).rem_euclid(360.0) - 180.0;
        worst_deg = worst_deg.max(turn.abs());
    }
    let total = solution.delivered_kva();
    let losses = solution.losses_kva();
    let [p, q, loss_p, loss_q] = summary(folder, file);
    println!(
        "{file}: {} rows, worst {worst:.6} pu at {worst_at}, {worst_deg:.4} deg; P {:.2} ({p}) Q {:.2} ({q}) losses {:.2} ({loss_p}) {:.2} ({loss_q})",
        rows.len(),
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
fn ieee13_as_written_and_with_its_resistance_mended() {
    let Some(folder) = samples() else { return };
    let study = folder.join("text/ieee_13node");
    let imported = read(&study, &Options::default());
    println!("{:#?}", codes(&imported));
    assert!(codes(&imported).contains(&"CYME.LINE.MUTUAL_RESISTANCE"));
    compare(&folder, "ieee_13node_text_as_is.csv", &imported.network, 0.0005);
    let corrections = vec![Correction::parse("mutual-resistance:LINE606=0.191258").expect("a correction")];
    let mended = read(&study, &Options { corrections, ..Options::default() });
    assert!(!codes(&mended).contains(&"CYME.LINE.MUTUAL_RESISTANCE"));
    compare(&folder, "ieee_13node_mutual_r_fixed.csv", &mended.network, 0.0005);
}

#[test]
fn ieee123_as_written_and_with_its_capacitors_and_taps_mended() {
    let Some(folder) = samples() else { return };
    let study = folder.join("text/ieee_123node");
    let imported = read(&study, &Options::default());
    let found = codes(&imported);
    println!("{found:#?}");
    for code in ["CYME.CAPACITOR.KV", "CYME.REGULATOR.STORED_TAPS", "CYME.REGULATOR.GANGED"] {
        assert!(found.contains(&code), "{code} is missing");
    }
    compare(&folder, "ieee_123node_text_as_is.csv", &imported.network, 0.002);
    let mut corrections = vec![Correction::CapacitorKv, Correction::GangedRegulators];
    let ganged = read(&study, &Options { corrections: corrections.clone(), ..Options::default() });
    compare(&folder, "ieee_123node_cap_kv_fixed_ganged.csv", &ganged.network, 0.002);
    for taps in ["150-149=7,7,7", "160-67=8,1,5", "25-26=0,-,-1", "9-14=-1,-,-"] {
        corrections.push(Correction::parse(&format!("regulator-taps:{taps}")).expect("a correction"));
    }
    let published = read(&study, &Options { corrections, ..Options::default() });
    compare(&folder, "ieee_123node_cap_kv_fixed_published_taps.csv", &published.network, 0.002);
}

#[test]
fn ieee4_by_line_to_line_voltages() {
    let Some(folder) = samples() else { return };
    let imported = read(&folder.join("text/ieee_4node"), &Options::default());
    println!("{:#?}", codes(&imported));
    assert!(codes(&imported).contains(&"CYME.TRANSFORMER.OPEN_WITHOUT_PHASE"));
    let solution = solve(&imported.network);
    let found = voltages(&solution);
    let (_, rows) = table(&folder.join("expected/ieee_4node_as_is.csv"));
    let mut worst = 0.0_f64;
    for row in &rows {
        let phase = "ABC".find(row[1].as_str()).expect("a phase");
        let at = |i: usize| found[&format!("{}.{}", row[0].to_lowercase(), i % 3 + 1)];
        let (a, base) = at(phase);
        let (b, _) = at(phase + 1);
        let v = a - b;
        let (expected, angle): (f64, f64) = (row[5].parse().expect("a number"), row[6].parse().expect("a number"));
        worst = worst.max((v.norm() - expected).abs() / (base * 3f64.sqrt()));
        let turn = (v.arg().to_degrees() - angle + 180.0).rem_euclid(360.0) - 180.0;
        assert!(turn.abs() < 0.05, "{} {}: {turn} degrees", row[0], row[4]);
    }
    let losses = solution.losses_kva();
    let [p, _, loss, _] = summary(&folder, "ieee_4node_as_is.csv");
    println!("ieee_4node: worst {worst:.6} pu line to line, P {:.2} ({p}), losses {:.2} ({loss})", solution.delivered_kva().re, losses.re);
    assert!(worst <= 0.0005, "{worst}");
    assert!((losses.re / loss - 1.0).abs() <= 0.005);
}

#[test]
fn switches_breakers_and_protectors_open_by_phase() {
    let Some(folder) = samples() else { return };
    for (name, closed) in [
        ("switches", [vec![true, false, true], vec![false, false]]),
        ("breakers", [vec![true, true, true], vec![false, true]]),
        ("network_protectors", [vec![true, true, true], vec![true, false]]),
    ] {
        let imported = read(&folder.join("text").join(name), &Options::default());
        assert_eq!(imported.network.lines.len(), 2, "{name}");
        for (line, closed) in imported.network.lines.iter().zip(closed) {
            assert!(line.is_switch, "{name}");
            assert_eq!(line.common.terminals[0].closed, closed, "{name} {}", line.common.name);
        }
    }
}

/// Largest distance of a complex node voltage after writing and reading, per unit. Joints of 1e-5 ohm and held sources, which
/// stand for none, are what is left of it.
const ROUND_TRIP_PU: f64 = 2e-5;

/// Writes a network as a study, reads it back, and compares the voltages of all its buses, controls at rest.
fn survives(name: &str, network: &Network) {
    let mut still = network.clone();
    still.options.control_mode = network::ControlMode::Off;
    still.options.tolerance_pu = 1e-9;
    still.options.max_iterations = 500;
    let written = cyme::write(&still, &cyme::WriteOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let files = formats::MemoryFiles::new()
        .with("study/network.txt", written.network.as_bytes())
        .with("study/equipment.txt", written.equipment.as_bytes())
        .with("study/load.txt", written.load.as_bytes());
    let again = cyme::text::read(&files, Path::new("study"), &Options::default()).unwrap_or_else(|e| panic!("{name}, read back: {e}"));
    assert!(again.rejects.is_empty(), "{name}: {:?}", again.rejects);
    let mut back = again.network;
    back.options.tolerance_pu = 1e-9;
    back.options.max_iterations = 500;
    let (first, second) = (solve(&still), solve(&back));
    let (v, w) = (voltages(&first), voltages(&second));
    let (mut worst, mut at) = (0.0_f64, String::new());
    for (node, (v, base)) in &v {
        // Neutrals of windings are nodes of their own on both sides, but bear other numbers.
        if !node.ends_with(".1") && !node.ends_with(".2") && !node.ends_with(".3") {
            continue;
        }
        let Some((w, _)) = w.get(node) else { panic!("{name}: node {node} is gone") };
        let apart = (v - w).norm() / if *base > 0.0 { *base } else { v.norm() };
        if apart > worst {
            (worst, at) = (apart, node.clone());
        }
    }
    let losses = (first.losses_kva().re, second.losses_kva().re);
    println!("{name}: {} nodes, worst {worst:.2e} pu at {at}; losses {:.4} and {:.4} kW", v.len(), losses.0, losses.1);
    assert!(worst <= ROUND_TRIP_PU, "{name}: {worst} pu at {at}");
}

#[test]
fn shipped_models_are_written_and_read_back() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    for name in ["ieee13", "ieee34", "ieee123"] {
        let path = models.join(name).join(format!("{name}.dss"));
        let read = formats::opendss::read(&DiskFiles::default(), &path, &mut Session::new(), &formats::opendss::ReadOptions::default());
        survives(name, &read.unwrap_or_else(|e| panic!("{name}: {e:?}")).network);
    }
}

#[test]
fn samples_are_written_and_read_back() {
    let Some(folder) = samples() else { return };
    for name in ["ieee_13node", "ieee_123node"] {
        survives(name, &read(&folder.join("text").join(name), &Options::default()).network);
    }
}

/// Cases of the project's own: folders of `cases/cyme` with the voltages that are expected.
#[test]
fn cases_of_the_project() {
    #[derive(serde::Deserialize)]
    struct Case {
        tolerance: Tolerance,
    }
    #[derive(serde::Deserialize)]
    struct Tolerance {
        v_pu: f64,
        angle_deg: f64,
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/cyme");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&cases).expect("cases/cyme").map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    let mut faults = Vec::new();
    for folder in folders {
        let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).expect("case.toml")).expect("a case");
        let imported = read(&folder, &Options::default());
        println!("{}: {:?}", folder.display(), codes(&imported));
        let found = voltages(&solve(&imported.network));
        let (_, rows) = table(&folder.join("expected.csv"));
        let (mut worst, mut worst_deg, mut at) = (0.0_f64, 0.0_f64, String::new());
        for row in rows {
            let key = format!("{}.{}", row[0], row[1]);
            let (v, base) = found.get(&key).copied().unwrap_or_else(|| panic!("{key} has no voltage"));
            let (expected, angle): (f64, f64) = (row[2].parse().expect("a number"), row[3].parse().expect("a number"));
            let apart = (v.norm() / base - expected).abs();
            if apart > worst {
                (worst, at) = (apart, key);
            }
            worst_deg = worst_deg.max(((v.arg().to_degrees() - angle + 180.0).rem_euclid(360.0) - 180.0).abs());
        }
        println!("  worst {worst:.2e} pu at {at}, {worst_deg:.1e} degrees");
        if worst > case.tolerance.v_pu || worst_deg > case.tolerance.angle_deg {
            faults.push(format!("{}: {worst:e} pu at {at}, {worst_deg:e} degrees", folder.display()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
