//! Energy meters over time: every register of `cases/meters` against what OpenDSS counted.

mod common;

use gridtwin::model::Model;
use powerflow::metering::energy_meter::EnergyMeters;
use powerflow::run_series;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    model: String,
    setup: Vec<String>,
    steps: u32,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Tolerance {
    part: f64,
    floor: f64,
}

/// Registers by meter, in their order.
type Registers = BTreeMap<String, Vec<(String, f64)>>;

fn expected(folder: &Path) -> Registers {
    let text = std::fs::read_to_string(folder.join("expected/registers.csv")).expect("expected registers");
    let mut registers = Registers::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let mut next = || fields.next().expect("three fields").to_owned();
        let (meter, register, value) = (next(), next(), next());
        registers.entry(meter).or_default().push((register, value.parse().expect("a number")));
    }
    registers
}

fn counted(folder: &Path, case: &Case) -> Registers {
    let mut model = Model::read_with(&folder.join(&case.model), &case.setup, false).unwrap_or_else(|e| panic!("{:?}", e.diagnostics));
    let mut state = model.session.series_state(&model.network, true).expect("a state");
    let meters = EnergyMeters::compile(state.circuit()).expect("meters");
    let mut registers = meters.reset();
    let report = run_series(&mut state, case.steps, &mut meters.observer(&mut registers)).expect("a series");
    assert_eq!((report.steps, report.unsettled), (case.steps, 0));
    let mut counted = Registers::new();
    for row in meters.rows(&registers) {
        counted.entry(row.meter).or_default().push((row.register, row.value));
    }
    counted
}

#[test]
fn every_register_is_the_reference_engines() {
    let mut folders: Vec<_> = std::fs::read_dir(common::root().join("cases/meters")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.join("case.toml").is_file());
    folders.sort();
    assert!(folders.len() >= 10, "cases/meters has only {} cases", folders.len());
    let mut failures = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).unwrap()).unwrap();
        let (expected, counted) = (expected(folder), counted(folder, &case));
        if expected.keys().ne(counted.keys()) {
            failures.push(format!("{name}: meters {:?} instead of {:?}", counted.keys(), expected.keys()));
            continue;
        }
        let mut worst = 0.0_f64;
        for (meter, expected) in &expected {
            let counted = &counted[meter];
            if expected.iter().map(|(r, _)| r).ne(counted.iter().map(|(r, _)| r)) {
                failures.push(format!("{name}: {meter} names its registers otherwise"));
                continue;
            }
            for ((register, expected), (_, counted)) in expected.iter().zip(counted) {
                let deviation = (counted - expected).abs() / expected.abs().max(case.tolerance.floor);
                worst = worst.max(deviation);
                // Of a value that is no number the comparison must fail.
                let is_near = deviation <= case.tolerance.part;
                if !is_near {
                    failures.push(format!("{name}: {meter}, {register}: {counted} instead of {expected}"));
                }
            }
        }
        println!("{name:28} {:2} meters, {worst:.1e}", expected.len());
    }
    assert!(failures.is_empty(), "{} deviations:\n{}", failures.len(), failures[..failures.len().min(30)].join("\n"));
}
