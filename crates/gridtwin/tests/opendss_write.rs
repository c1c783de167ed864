//! Reference feeders and synthetic ones, written as OpenDSS scripts and read back: the same network, the same solution.

mod common;

use formats::opendss::{MemoryFiles, ReadOptions, WriteOptions, Written, read, write::COORDINATES_FILE, write::write};
use gridtwin::cli::{Controls, IterationArguments, Mode};
use gridtwin::disk_files::DiskFiles;
use gridtwin::solve::set_options;
use network::{ElementKind, Network};
use powerflow::{Outcome, Session};
use std::path::Path;

/// Largest distance of a complex node voltage, per unit.
const V_PU: f64 = 1e-9;

fn read_back(written: &Written) -> Network {
    let mut files = MemoryFiles::new();
    files.add("master.dss", written.master.as_bytes());
    if let Some(coordinates) = &written.coordinates {
        files.add(COORDINATES_FILE, coordinates.as_bytes());
    }
    let outcome = read(&files, Path::new("master.dss"), &mut Session::new(), &ReadOptions::default());
    let outcome = outcome.unwrap_or_else(|e| panic!("what was written reads: {e:?}"));
    let findings = outcome.report.diagnostics;
    assert!(findings.iter().all(|d| d.severity == network::Severity::Note || d.code.starts_with("READ.OPENDSS.CURVE")), "{findings:?}");
    outcome.network
}

fn solve(network: &Network) -> powerflow::Solution {
    let mut network = network.clone();
    let tight = IterationArguments { tolerance: Some(1e-11), max_iterations: Some(2000), max_control_iterations: Some(500) };
    set_options(&mut network.options, Mode::Snapshot, Some(Controls::Static), &tight);
    match Session::new().solve_network(&network, true) {
        Ok(Outcome::Settled(solution)) => *solution,
        Ok(Outcome::Unsettled(_)) => panic!("{} does not settle", network.name),
        Err(e) => panic!("{}: {e}", network.name),
    }
}

/// Writes, reads back, and compares names, order, voltages, taps and capacitor steps.
fn round_trip(network: &Network) {
    let written = write(network, &WriteOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", network.name));
    let again = read_back(&written);
    let names = |n: &Network| n.order.iter().map(|&id| n.full_name(id)).collect::<Vec<_>>();
    assert_eq!(names(network), names(&again), "elements and their order");
    for (a, b) in network.buses.iter().zip(&again.buses) {
        assert_eq!((&a.name, &a.nodes, a.kv_base_ln, a.xy), (&b.name, &b.nodes, b.kv_base_ln, b.xy));
    }
    assert_eq!(network.buses.len(), again.buses.len());
    let (first, second) = (solve(network), solve(&again));
    let (v, w) = (first.nodes(), second.nodes());
    assert_eq!(v.len(), w.len());
    let apart = |(a, b): (&powerflow::NodeRow, &powerflow::NodeRow)| {
        let base_v = a.v_pu.filter(|&pu| pu > 0.0).map_or(1.0, |pu| a.v_v.norm() / pu);
        (a.v_v - b.v_v).norm() / base_v
    };
    let worst = v.iter().zip(&w).map(apart).fold(0.0, f64::max);
    assert!(worst <= V_PU, "{}: voltages differ by {worst:e} pu", network.name);
    assert_eq!(format!("{:?}", first.regulators()), format!("{:?}", second.regulators()), "taps");
    assert_eq!(format!("{:?}", first.capacitors()), format!("{:?}", second.capacitors()), "capacitor steps");
    let count = |s: &powerflow::Solution| s.certificate().control_iterations;
    assert_eq!(count(&first), count(&second), "control iterations");
    // What a second writing says is what the first said.
    let rewritten = write(&again, &WriteOptions::default()).expect("what was read back can be written");
    assert_eq!(rewritten.coordinates, written.coordinates);
    let differs = written.master.lines().zip(rewritten.master.lines()).find(|(a, b)| a != b);
    assert!(differs.is_none(), "{differs:#?}");
}

fn model(path: &Path) -> Network {
    let outcome = read(&DiskFiles::default(), path, &mut Session::new(), &ReadOptions::default());
    outcome.unwrap_or_else(|e| panic!("{}: {e:?}", path.display())).network
}

#[test]
fn shipped_models_survive() {
    for name in ["ieee13", "ieee34", "ieee37", "ieee123"] {
        round_trip(&model(&common::root().join(format!("models/{name}/{name}.dss"))));
    }
}

#[test]
fn reference_feeders_survive() {
    let Some(feeders) = common::feeders() else { return };
    for (folder, master) in [("ckt5", "Master_ckt5.dss"), ("ieee8500", "Master.dss"), ("epri_j1", "Master_withPV.dss")] {
        round_trip(&model(&feeders.join(folder).join(master)));
    }
}

#[test]
fn synthetic_feeders_survive() {
    let utility = studies::synthetic::Utility::new(11);
    for index in 0..6 {
        round_trip(&utility.feeder(index).network);
    }
}

#[test]
fn what_has_no_form_is_refused() {
    let path = common::root().join("models/ieee13/ieee13.dss");
    let mut network = model(&path);
    network.loads[0].p_kw = f64::NAN;
    let error = write(&network, &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("load.") && error.contains("kw"), "{error}");
    let mut network = model(&path);
    network.order.remove(0);
    assert!(matches!(write(&network, &WriteOptions::default()), Err(formats::opendss::WriteError::NoSource { .. })));
    assert!(network.count(ElementKind::VoltageSource) == 1);
}
