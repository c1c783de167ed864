//! Energy meters over time: every register of `cases/meters` against what OpenDSS counted.

mod common;

use gridtwin::model::Model;
use powerflow::metering::energy_meter::{EnergyMeterError, EnergyMeters};
use powerflow::{State, run_series};
use serde::Deserialize;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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

/// A case's state before its first step, with more commands before those of the case.
fn state_of(name: &str, commands: &[&str]) -> (Case, State) {
    let folder = common::root().join("cases/meters").join(name);
    let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).unwrap()).unwrap();
    let commands: Vec<String> = commands.iter().map(|c| (*c).to_owned()).chain(case.setup.iter().cloned()).collect();
    let mut model = Model::read_with(&folder.join(&case.model), &commands, false).unwrap_or_else(|e| panic!("{:?}", e.diagnostics));
    let state = model.session.series_state(&model.network, true).expect("a state");
    (case, state)
}

#[test]
fn a_run_in_blocks_counts_as_one() {
    for name in ["two_zones", "trapezoidal_quarter_hours"] {
        let (case, mut state) = state_of(name, &[]);
        let meters = EnergyMeters::compile(state.circuit()).unwrap();
        let mut joined = meters.reset();
        let mut left = case.steps;
        for block in [1, 7, case.steps] {
            let mut counted = meters.reset();
            let report = run_series(&mut state, block.min(left), &mut meters.observer(&mut counted)).unwrap();
            left -= report.steps;
            joined.append(&counted, state.options.step_s / 3600.0, state.options.trapezoidal);
        }
        assert_eq!(left, 0);
        let expected = expected(&common::root().join("cases/meters").join(name));
        for row in meters.rows(&joined) {
            let (_, expected) = expected[&row.meter].iter().find(|(register, _)| *register == row.register).unwrap();
            let deviation = (row.value - expected).abs() / expected.abs().max(case.tolerance.floor);
            assert!(deviation <= case.tolerance.part, "{name}, {}, {}: {} instead of {expected}", row.meter, row.register, row.value);
        }
    }
}

#[test]
fn a_sample_allocates_nothing() {
    for name in ["two_zones", "overload", "autotransformer", "regulator_and_capacitor", "voltage_limits", "ieee123_day"] {
        let (_, mut state) = state_of(name, &[]);
        let meters = EnergyMeters::compile(state.circuit()).unwrap();
        let mut registers = meters.reset();
        run_series(&mut state, 3, &mut meters.observer(&mut registers)).unwrap();
        let before = ALLOCATIONS.get();
        for _ in 0..10 {
            meters.sample(&mut registers, &state);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{name}");
    }
}

#[test]
fn totals_go_through_the_mask() {
    let commands = ["energymeter.upper.mask=(1 0 .5)"];
    let (case, mut state) = state_of("two_zones", &commands);
    let meters = EnergyMeters::compile(state.circuit()).unwrap();
    let mut registers = meters.reset();
    run_series(&mut state, case.steps, &mut meters.observer(&mut registers)).unwrap();
    let rows = meters.rows(&registers);
    let value = |meter: &str, register: &str| rows.iter().find(|r| r.meter == meter && r.register == register).unwrap().value;
    let totals = meters.totals(&registers);
    let both = |register: &str, mask: f64| value("lower", register) + mask * value("upper", register);
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
    assert!(near(totals[0], both("kWh", 1.0)) && near(totals[1], both("kvarh", 0.0)) && near(totals[2], both("Max kW", 0.5)));
    assert!(near(totals[12], both("Zone Losses kWh", 1.0)));
}

#[test]
fn a_named_zone_holds_what_it_names() {
    let commands = ["energymeter.upper.zonelist=(line.a, line.nowhere, line.lateral, load.mill, transformer.pole, line.a)"];
    let (case, mut state) = state_of("two_zones", &commands);
    let meters = EnergyMeters::compile(state.circuit()).unwrap();
    let network = std::sync::Arc::clone(state.circuit().network());
    let (_, zone) = meters.zones().find(|(name, _)| *name == "upper").unwrap();
    let branches: Vec<_> = zone.branches.iter().map(|b| (network.full_name(b.element), b.parent)).collect();
    let expected = [("transformer.sub", None), ("line.a", Some(0)), ("line.lateral", Some(1)), ("transformer.pole", Some(2))];
    assert_eq!(branches.iter().map(|(n, p)| (n.as_str(), *p)).collect::<Vec<_>>(), expected);
    let mut registers = meters.reset();
    run_series(&mut state, case.steps, &mut meters.observer(&mut registers)).unwrap();
    let rows = meters.rows(&registers);
    let of = |register: &str| rows.iter().find(|r| r.meter == "upper" && r.register == register).unwrap().value;
    // The load at the end of line a is the only one at a bus of the list.
    let day_kwh = of("12.5 kV Load Energy");
    assert!((of("Zone kWh") - day_kwh).abs() < 1e-9 && day_kwh > 0.0, "{day_kwh}");
}

#[test]
fn a_meter_that_cannot_be_is_refused_by_name() {
    let refused = |commands: &[&str]| EnergyMeters::compile(state_of("two_zones", commands).1.circuit()).unwrap_err();
    let beyond = refused(&["energymeter.lower.terminal=3"]);
    assert!(matches!(&beyond, EnergyMeterError::Terminal { terminal: 3, n_terminals: 2, .. }));
    assert_eq!(beyond.to_string(), "energymeter.lower: terminal 3 of line.b does not exist; it has 2");
    let load = refused(&["energymeter.lower.element=load.mill"]);
    assert_eq!(
        load.to_string(),
        "energymeter.lower: the metered element load.mill delivers no power; name a line, transformer, capacitor or reactor"
    );
}
