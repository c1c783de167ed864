//! Monitors, step by step: `cases/monitors` against what OpenDSS's recorded.
//!
//! `GRIDTWIN_MONITOR_CASES` names another folder of such cases, as `cases/tools/make_monitors.py --random` makes them.

mod common;

use formats::opendss::{ReadOptions, read};
use gridtwin::disk_files::DiskFiles;
use gridtwin::model::Model;
use powerflow::Session;
use powerflow::metering::monitor::{MonitorError, MonitorTable, Monitors};
use powerflow::series::{SeriesPath, run_series_by};
use powerflow::{Observer, Step, run_series};
use serde::Deserialize;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    model: String,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Tolerance {
    relative: f64,
}

/// Runs the series of a script with its monitors; tells what of it did not settle.
fn recorded(script: &Path, path: SeriesPath) -> Result<Monitors, String> {
    let mut session = Session::new();
    let outcome = read(&DiskFiles::default(), script, &mut session, &ReadOptions::default())
        .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let network = outcome.network;
    let mut state = session.series_state(&network, true).expect("the case compiles");
    let mut monitors = Monitors::compile(state.circuit());
    monitors.reserve(network.options.number as usize);
    let report = run_series_by(path, &mut state, network.options.number, &mut monitors).expect("the case solves");
    assert_eq!(report.steps, network.options.number);
    match report.unsettled {
        0 => Ok(monitors),
        unsettled => Err(format!("{unsettled} of {} steps did not settle", report.steps)),
    }
}

struct Expected {
    header: Vec<String>,
    rows: Vec<Vec<f64>>,
}

fn expected(path: &Path) -> Expected {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines();
    let header = lines.next().expect("a header").split(',').map(str::to_owned).collect();
    let rows = lines.map(|l| l.split(',').map(|v| v.parse().unwrap_or_else(|_| panic!("{}: {v}", path.display()))).collect()).collect();
    Expected { header, rows }
}

/// Whether a column and the one after it are magnitude and angle of one phasor.
fn is_angle(name: &str) -> bool {
    name == "Deg" || name.contains("Ang") || name.ends_with("ang")
}

/// Values below this, in the column's unit, are as good as none.
const FLOOR: f64 = 1e-3;

/// What columns have in common that share a scale: a tenth of the terminal's voltage is as exact as the voltage itself.
fn kind_of(mode: u32, name: &str) -> String {
    match mode & 15 {
        0 | 1 | 11 | 12 => name.trim_start_matches('|').chars().next().map(String::from).unwrap_or_default().replace('Q', "P"),
        8 | 10 => "winding".to_owned(),
        9 => "losses".to_owned(),
        3 | 7 if name.starts_with('k') && !name.starts_with("kWh") => "power".to_owned(),
        _ => name.to_owned(),
    }
}

/// Largest distance of a recorded table from the expected one, as part of the scale of the column, with the column and the row.
fn worst(table: &MonitorTable, expected: &Expected) -> Result<(f64, String), String> {
    let header: Vec<String> = ["hour", "t(sec)"].into_iter().map(String::from).chain(table.columns.iter().cloned()).collect();
    if header != expected.header {
        return Err(format!("columns {header:?} for {:?}", expected.header));
    }
    if table.n_rows() != expected.rows.len() {
        return Err(format!("{} rows for {}", table.n_rows(), expected.rows.len()));
    }
    let mut scales = std::collections::BTreeMap::new();
    for (k, name) in table.columns.iter().enumerate() {
        if !is_angle(name) {
            let largest = expected.rows.iter().map(|r| r[k + 2].abs()).fold(0.0, f64::max);
            let scale = scales.entry(kind_of(table.mode, name)).or_insert(0.0_f64);
            *scale = scale.max(largest);
        }
    }
    let mut worst = (0.0, String::new());
    for (r, row) in expected.rows.iter().enumerate() {
        if table.hour[r] as f64 != row[0] || (table.second[r] - row[1]).abs() > 1e-3 {
            return Err(format!("row {r} is of {}:{} for {}:{}", table.hour[r], table.second[r], row[0], row[1]));
        }
        for (k, name) in table.columns.iter().enumerate() {
            if is_angle(name) {
                continue;
            }
            let (found, wanted) = (table.values[k][r], row[k + 2]);
            let scale = scales[&kind_of(table.mode, name)].max(FLOOR);
            let mut distance = (found - wanted).abs() / scale;
            if let Some(next) = table.columns.get(k + 1).filter(|n| is_angle(n)) {
                let turn = (table.values[k + 1][r] - row[k + 3]).to_radians();
                // A phasor's distance: without magnitude there is no angle.
                let apart = 2.0 * (turn / 2.0).sin().abs() * wanted.abs() / scale;
                if apart > distance || apart.is_nan() {
                    distance = apart;
                    if distance > worst.0 || distance.is_nan() {
                        worst = (distance, format!("{next} at row {r}: {} for {}", table.values[k + 1][r], row[k + 3]));
                        continue;
                    }
                }
            }
            if distance > worst.0 || distance.is_nan() {
                worst = (distance, format!("{name} at row {r}: {found} for {wanted}"));
            }
        }
    }
    Ok(worst)
}

/// Columns of the solution that depend on how an engine iterates, and on how often it was asked before.
fn leave_out_iterations(table: &mut MonitorTable, expected: &mut Expected) {
    let counts = ["TotalIterations", "SolutionCount", "SolveSnap_uSecs", "TimeStep_uSecs"];
    for k in (0..table.columns.len()).rev().filter(|&k| counts.contains(&expected.header[k + 2].as_str())).collect::<Vec<_>>() {
        table.columns.remove(k);
        table.values.remove(k);
        expected.header.remove(k + 2);
        expected.rows.iter_mut().for_each(|r| {
            r.remove(k + 2);
        });
    }
}

#[test]
fn every_record_is_the_reference_engines() {
    let (root, least) = match std::env::var_os("GRIDTWIN_MONITOR_CASES") {
        Some(other) => (other.into(), 1),
        None => (common::root().join("cases/monitors"), 15),
    };
    let mut folders: Vec<_> = std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= least, "{} has only {} cases", root.display(), folders.len());
    let mut failures = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).unwrap()).unwrap();
        for path in [SeriesPath::Stepwise, SeriesPath::Batched] {
            let largest = compare(folder, &case, path, &mut failures);
            println!("{name}, {path:?}: {:.2e} {}", largest.0, largest.1);
        }
    }
    assert!(failures.is_empty(), "{} of the monitors differ:\n{}", failures.len(), failures.join("\n"));
}

/// Largest deviation of the monitors of a case on one path; what is beyond the tolerance goes to `failures`.
fn compare(folder: &Path, case: &Case, path: SeriesPath, failures: &mut Vec<String>) -> (f64, String) {
    let mut largest = (0.0, String::new());
    let name = format!("{} {path:?}", folder.file_name().unwrap().to_string_lossy());
    match recorded(&folder.join(&case.model), path) {
        Err(what) => failures.push(format!("{name}: {what}")),
        Ok(monitors) => {
            assert!(monitors.refused().is_empty(), "{name}: {:?}", monitors.refused());
            let n_expected = std::fs::read_dir(folder.join("expected")).unwrap().count();
            assert_eq!(monitors.len(), n_expected, "{name}: monitors and expected files");
            for mut table in monitors.tables() {
                let mut expected = expected(&folder.join("expected").join(format!("{}.csv", table.name)));
                if table.mode & 15 == 5 {
                    leave_out_iterations(&mut table, &mut expected);
                }
                let at = format!("{name}/{} ({}, terminal {}, mode {})", table.name, table.element, table.terminal, table.mode);
                match worst(&table, &expected) {
                    Ok((distance, what)) if distance > case.tolerance.relative || distance.is_nan() => {
                        failures.push(format!("{at}: {distance:.2e}, {what}"));
                    }
                    Ok(found) if found.0 > largest.0 => largest = found,
                    Ok(_) => {}
                    Err(difference) => failures.push(format!("{at}: {difference}")),
                }
            }
        }
    }
    largest
}

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

/// Monitors, and how often recording allocated.
struct Watched {
    monitors: Monitors,
    allocations: u64,
}

impl Observer for Watched {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        let before = ALLOCATIONS.get();
        self.monitors.sample(step);
        self.allocations += ALLOCATIONS.get() - before;
        ControlFlow::Continue(())
    }
}

#[test]
fn recording_a_step_allocates_nothing_once_there_is_room() {
    for case in
        ["state_variables", "transformers", "inverter_volt_var", "voltages_and_currents", "powers", "terminals_and_losses", "solution"]
    {
        let model = Model::read_with(&common::root().join("cases/monitors").join(case).join("model.dss"), &[], false);
        let Model { network, mut session, .. } = model.unwrap_or_else(|e| panic!("{case}: {:?}", e.diagnostics));
        let mut state = session.series_state(&network, true).expect("the case compiles");
        let mut watched = Watched { monitors: Monitors::compile(state.circuit()), allocations: 0 };
        watched.monitors.reserve(network.options.number as usize);
        run_series(&mut state, network.options.number, &mut watched).expect("the case solves");
        assert!(watched.monitors.tables().iter().all(|t| t.n_rows() == network.options.number as usize));
        assert_eq!(watched.allocations, 0, "{case}");
        assert!(watched.monitors.fresh().tables().iter().all(|t| t.n_rows() == 0 && t.values.iter().all(Vec::is_empty)));
    }
}

/// A source, a line and a load, with more commands before the voltage bases.
fn small(commands: &[&str]) -> Model {
    let script = common::root().join("cases/monitors/solution/model.dss");
    let commands: Vec<String> = commands.iter().map(|&c| c.to_owned()).collect();
    Model::read_with(&script, &commands, false).unwrap_or_else(|e| panic!("{:?}", e.diagnostics))
}

#[test]
fn what_a_monitor_cannot_record_is_refused_by_name_and_the_others_record() {
    let Model { network, mut session, .. } = small(&[
        "new monitor.tap_of_line element=line.l1 mode=2",
        "new monitor.steps_of_load element=load.u mode=6",
        "new monitor.store_of_load element=load.u mode=7",
        "new monitor.state_of_line element=line.l1 mode=3",
        "new monitor.windings_of_line element=line.l1 mode=8",
        "new monitor.volts_of_line element=line.l1 mode=10",
        "new monitor.nothing element=line.l1 mode=13",
        "new monitor.third_end element=line.l1 terminal=3",
        "new monitor.off element=line.l1 mode=13 enabled=no",
        "new monitor.good element=line.l1 mode=1 ppolar=no",
    ]);
    let state = session.series_state(&network, true).expect("it compiles");
    let monitors = Monitors::compile(state.circuit());
    let refused: Vec<&str> = monitors.refused().iter().map(|e| e.monitor().element.as_str()).collect();
    let named =
        ["tap_of_line", "steps_of_load", "store_of_load", "state_of_line", "windings_of_line", "volts_of_line", "nothing", "third_end"];
    assert_eq!(refused, named.map(|n| format!("monitor.{n}")));
    let kinds = |e: &MonitorError| match e {
        MonitorError::WrongElement { mode, .. } => *mode,
        MonitorError::Mode { mode, .. } => 100 + mode,
        MonitorError::Terminal { terminal, n_terminals, .. } => (1000 * terminal + n_terminals) as u32,
        _ => 0,
    };
    assert_eq!(monitors.refused().iter().map(kinds).collect::<Vec<_>>(), [2, 6, 7, 3, 8, 10, 113, 3002]);
    assert_eq!(
        monitors.tables().last().expect("one records").columns,
        ["P1 (kW)", "Q1 (kvar)", "P2 (kW)", "Q2 (kvar)", "P3 (kW)", "Q3 (kvar)"]
    );
}

#[test]
fn a_step_that_did_not_settle_has_its_hour_and_no_values() {
    let Model { network, mut session, .. } = small(&[
        "new monitor.v element=line.l1 mode=0",
        "new monitor.tap element=transformer.t1 terminal=2 mode=2",
        "set maxiterations=2 tolerance=1e-13",
    ]);
    let mut state = session.series_state(&network, true).expect("it compiles");
    let mut monitors = Monitors::compile(state.circuit());
    let report = run_series(&mut state, 3, &mut monitors).expect("it runs");
    assert_eq!(report.unsettled, 3);
    for table in monitors.tables() {
        assert_eq!(table.hour, [1, 2, 3]);
        match table.name.as_str() {
            "v" => assert!(table.values.iter().flatten().all(|v| v.is_nan())),
            "tap" => assert_eq!(table.values, [[1.0; 3]]),
            _ => {
                let converged = table.columns.iter().position(|c| c == "Converged").expect("mode 5 tells");
                assert_eq!(table.values[converged], [0.0; 3]);
            }
        }
    }
}
