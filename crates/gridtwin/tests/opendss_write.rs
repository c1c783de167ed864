//! Reference feeders and synthetic ones, written as OpenDSS scripts and read back: the same network, the same solution.

mod common;

use formats::opendss::{MemoryFiles, ReadOptions, WriteError, WriteOptions, Written, read, write::COORDINATES_FILE, write::write};
use gridtwin::cli::{Controls, IterationArguments, Mode};
use gridtwin::disk_files::DiskFiles;
use gridtwin::solve::set_options;
use network::Network;
use powerflow::{Outcome, Session};
use std::path::Path;

/// Largest distance of a complex node voltage, per unit.
const V_PU: f64 = 1e-9;

/// What came of a model.
enum Trip {
    Same,
    /// The writer refuses this class, by its error.
    Refused(&'static str),
    /// The model itself has no solution to compare.
    Unsolved,
}

fn read_back(written: &Written) -> Result<Network, String> {
    let mut files = MemoryFiles::new();
    files.add("master.dss", written.master.as_bytes());
    if let Some(coordinates) = &written.coordinates {
        files.add(COORDINATES_FILE, coordinates.as_bytes());
    }
    let outcome = read(&files, Path::new("master.dss"), &mut Session::new(), &ReadOptions::default());
    outcome.map(|o| o.network).map_err(|e| format!("what was written does not read: {:?}", e.diagnostics.first()))
}

fn solve(network: &Network) -> Option<powerflow::Solution> {
    let mut network = network.clone();
    let tight = IterationArguments { tolerance: Some(1e-11), max_iterations: Some(2000), max_control_iterations: Some(500) };
    set_options(&mut network.options, Mode::Snapshot, Some(Controls::Static), &tight);
    match Session::new().solve_network(&network, true) {
        Ok(Outcome::Settled(solution)) => Some(*solution),
        Ok(Outcome::Unsettled(_)) | Err(_) => None,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, a: T, b: T) -> Result<(), String> {
    if a == b { Ok(()) } else { Err(format!("{what}: {a:?} became {b:?}")) }
}

/// Writes, reads back, and compares names, order, voltages, taps and capacitor steps.
fn round_trip(network: &Network) -> Result<Trip, String> {
    let written = match write(network, &WriteOptions::default()) {
        Ok(written) => written,
        Err(WriteError::UnsupportedClass { class, .. }) => return Ok(Trip::Refused(class)),
        Err(e) => return Err(e.to_string()),
    };
    let again = read_back(&written)?;
    let names = |n: &Network| n.order.iter().map(|&id| n.full_name(id)).collect::<Vec<_>>();
    same("elements and their order", names(network), names(&again))?;
    same("number of buses", network.buses.len(), again.buses.len())?;
    for (a, b) in network.buses.iter().zip(&again.buses) {
        same("bus", (&a.name, &a.nodes, a.kv_base_ln, a.xy), (&b.name, &b.nodes, b.kv_base_ln, b.xy))?;
    }
    // What a second writing says is what the first said.
    let rewritten = write(&again, &WriteOptions::default()).map_err(|e| e.to_string())?;
    same("coordinates", &written.coordinates, &rewritten.coordinates)?;
    for (a, b) in written.master.lines().zip(rewritten.master.lines()) {
        same("line", a, b)?;
    }
    let Some(first) = solve(network) else { return Ok(Trip::Unsolved) };
    let second = solve(&again).ok_or("what was read back does not settle")?;
    let (v, w) = (first.nodes(), second.nodes());
    same("number of nodes", v.len(), w.len())?;
    for (a, b) in v.iter().zip(&w) {
        let base_v = a.v_pu.filter(|&pu| pu > 0.0).map_or(1.0, |pu| a.v_v.norm() / pu);
        let apart = (a.v_v - b.v_v).norm() / base_v;
        if apart > V_PU {
            return Err(format!("node {}: voltages differ by {apart:e} pu", a.node));
        }
    }
    same("taps", format!("{:?}", first.regulators()), format!("{:?}", second.regulators()))?;
    same("capacitor steps", format!("{:?}", first.capacitors()), format!("{:?}", second.capacitors()))?;
    same("control iterations", first.certificate().control_iterations, second.certificate().control_iterations)?;
    Ok(Trip::Same)
}

/// The model must be written and come back.
fn survives(network: &Network) {
    match round_trip(network) {
        Ok(Trip::Same) => {}
        Ok(Trip::Refused(class)) => panic!("{}: class {class} is refused", network.name),
        Ok(Trip::Unsolved) => panic!("{} does not settle", network.name),
        Err(e) => panic!("{}: {e}", network.name),
    }
}

fn model(path: &Path) -> Network {
    let outcome = read(&DiskFiles::default(), path, &mut Session::new(), &ReadOptions::default());
    outcome.unwrap_or_else(|e| panic!("{}: {e:?}", path.display())).network
}

#[test]
fn shipped_models_survive() {
    for name in ["ieee13", "ieee34", "ieee37", "ieee123"] {
        survives(&model(&common::root().join(format!("models/{name}/{name}.dss"))));
    }
}

#[test]
fn reference_feeders_survive() {
    let Some(feeders) = common::feeders() else { return };
    for (folder, master) in [("ckt5", "Master_ckt5.dss"), ("ieee8500", "Master.dss"), ("epri_j1", "Master_withPV.dss")] {
        survives(&model(&feeders.join(folder).join(master)));
    }
}

/// Every reference model is either refused by a class that has no writer, or comes back.
#[test]
fn all_reference_models_are_refused_or_survive() {
    let Some(feeders) = common::feeders() else { return };
    let index = std::fs::read_to_string(feeders.join("index.csv")).expect("the index of the feeders");
    let mut faults = Vec::new();
    let (mut same, mut refused, mut unsolved) = (0, Vec::new(), 0);
    for row in index.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (case, path) = (cells[1], feeders.join(cells[0]).join(cells[2]));
        // What cannot be read has its own tests.
        let Ok(outcome) = read(&DiskFiles::default(), &path, &mut Session::new(), &ReadOptions::default()) else { continue };
        match round_trip(&outcome.network) {
            Ok(Trip::Same) => same += 1,
            Ok(Trip::Refused(class)) => refused.push(class),
            Ok(Trip::Unsolved) => unsolved += 1,
            Err(e) => faults.push(format!("{case}: {}", e.chars().take(400).collect::<String>())),
        }
    }
    println!("{same} the same, {unsolved} without a solution, refused: {refused:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(same > 100, "only {same}");
}

#[test]
fn synthetic_feeders_survive() {
    let utility = studies::synthetic::Utility::new(11);
    for index in 0..6 {
        survives(&utility.feeder(index).network);
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
    assert!(matches!(write(&network, &WriteOptions::default()), Err(WriteError::NoSource { .. })));
}
