//! Transmission cases as three-phase networks, and feeders as positive-sequence cases: written, read back, solved, and the same voltages.

mod common;

use formats::opendss::{self, MemoryFiles};
use formats::{cyme, matpower, psse};
use gridtwin::cli::TargetFormat;
use gridtwin::equivalent::{self, Deviation, deviation, three_phase};
use gridtwin::model::Model;
use gridtwin::transmission::solve_network;
use network::{Network, Severity};
use powerflow::Session;
use powerflow::equivalent::Converted;
use powerflow::newton;
use std::path::{Path, PathBuf};

/// Limits of a case against its three-phase network.
const V_PU: f64 = 1e-6;
const ANGLE_DEG: f64 = 1e-4;

const TIGHT: newton::Options = newton::Options {
    tolerance_pu: 1e-10,
    start: newton::Start::Flat,
    controls: newton::Controls::Locked,
    max_iterations: 30,
    max_control_rounds: 30,
    seek_solvable: false,
};

fn samples() -> Option<PathBuf> {
    let is_there = |dir: &PathBuf| dir.join("psse/check.csv").is_file();
    let found = match std::env::var_os("GRIDTWIN_FORMATS") {
        Some(dir) => Some(PathBuf::from(dir)).filter(is_there),
        None => common::root().ancestors().skip(1).map(|a| a.join("shared/formats")).find(is_there),
    };
    if found.is_none() {
        println!("skipped: no sample files");
    }
    found
}

fn case(path: &Path) -> Network {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let files = MemoryFiles::new().with(&name, bytes);
    let read = if name.ends_with(".m") {
        matpower::read(&files, Path::new(&name), &Default::default())
    } else {
        psse::read(&files, Path::new(&name), &psse::ReadOptions { lenient: true, ..psse::ReadOptions::default() })
    };
    read.unwrap_or_else(|e| panic!("{name}: {e}")).network
}

/// To three phases, to a script, back, solved.
fn through_opendss(network: &Network) -> Result<Option<(usize, Deviation)>, String> {
    let Ok(solution) = solve_network(network, &TIGHT) else { return Ok(None) };
    let made = three_phase(network, None).map_err(|e| e.to_string())?;
    if let Some(d) = made.diagnostics.iter().find(|d| d.severity != Severity::Note) {
        return Err(d.to_string());
    }
    let written = opendss::write(&made.network, &opendss::WriteOptions::default()).map_err(|e| e.to_string())?;
    if let Ok(dir) = std::env::var("GRIDTWIN_KEEP") {
        let name = network.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        std::fs::write(Path::new(&dir).join(format!("{name}.dss")), &written.master).expect("the folder is there");
        let rows = solution.buses.iter().filter_map(|b| Some(format!("{},{},{}\n", b.bus, b.v_pu?, b.angle_deg?)));
        std::fs::write(Path::new(&dir).join(format!("{name}.csv")), rows.collect::<String>()).expect("the folder is there");
    }
    let mut files = MemoryFiles::new();
    files.add("master.dss", written.master.as_bytes());
    if let Some(coordinates) = &written.coordinates {
        files.add(opendss::write::COORDINATES_FILE, coordinates.as_bytes());
    }
    let again = opendss::read(&files, Path::new("master.dss"), &mut Session::new(), &opendss::ReadOptions::default())
        .map_err(|e| format!("what was written does not read: {:?}", e.diagnostics.first()))?
        .network;
    let d = deviation(&solution, &again).map_err(|e| format!("read back: {:?}", e.first()))?;
    let alive = solution.buses.iter().filter(|b| b.v_pu.is_some()).count();
    Ok(Some((alive, d)))
}

#[test]
fn sample_cases_have_their_voltages_in_three_phases() {
    let Some(folder) = samples() else { return };
    let table = std::fs::read_to_string(folder.join("psse/check.csv")).expect("the list can be read");
    let mut failures = Vec::new();
    println!("{:<56} {:>6} {:>10} {:>10}", "case", "buses", "dV pu", "dA deg");
    for file in table.lines().skip(1).filter_map(|l| l.split(',').next()) {
        if file.ends_with(".gz") || file.ends_with(".rawx") {
            continue;
        }
        let network = case(&folder.join(file));
        match through_opendss(&network) {
            Ok(None) => println!("{file:<56} has no solution of its own"),
            Ok(Some((alive, d))) => {
                println!("{file:<56} {:>6} {:>10.1e} {:>10.1e}", d.buses, d.v_pu, d.angle_deg);
                if d.buses != alive || d.v_pu > V_PU || d.angle_deg > ANGLE_DEG {
                    failures.push(format!("{file}: {d:?}, {alive} buses"));
                }
            }
            Err(e) => failures.push(format!("{file}: {e}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// To three phases, to a study of CYME, back, solved. `Err` where no study says what the case became.
fn through_cyme(network: &Network) -> Result<Option<(usize, Deviation)>, String> {
    let Ok(solution) = solve_network(network, &TIGHT) else { return Ok(None) };
    let made = three_phase(network, None).map_err(|e| e.to_string())?;
    let written = cyme::write(&made.network, &cyme::WriteOptions::default()).map_err(|e| e.to_string())?;
    let files = MemoryFiles::new()
        .with("study/network.txt", written.network.as_bytes())
        .with("study/equipment.txt", written.equipment.as_bytes())
        .with("study/load.txt", written.load.as_bytes());
    let again = cyme::text::read(&files, Path::new("study"), &cyme::Options::default()).unwrap_or_else(|e| panic!("read back: {e}"));
    assert!(again.rejects.is_empty(), "{:?}", again.rejects);
    let mut again = again.network;
    again.options.tolerance_pu = 1e-9;
    again.options.max_iterations = 1000;
    let d = deviation(&solution, &again).unwrap_or_else(|e| panic!("read back: {:?}", e.first()));
    let alive = solution.buses.iter().filter(|b| b.v_pu.is_some()).count();
    Ok(Some((alive, d)))
}

#[test]
fn sample_cases_through_cyme() {
    let Some(folder) = samples() else { return };
    let table = std::fs::read_to_string(folder.join("psse/check.csv")).expect("the list can be read");
    for file in table.lines().skip(1).filter_map(|l| l.split(',').next()) {
        if file.ends_with(".gz") || file.ends_with(".rawx") {
            continue;
        }
        let network = case(&folder.join(file));
        match through_cyme(&network) {
            Ok(None) => println!("{file:<56} has no solution of its own"),
            Ok(Some((alive, d))) => println!("{file:<56} {:>6} of {alive} {:>10.1e} {} {:>10.1e}", d.buses, d.v_pu, d.v_bus, d.angle_deg),
            Err(e) => println!("{file:<56} {e}"),
        }
    }
}

/// A case in every format that holds cases, read back.
fn read_again(network: &Network) -> Result<Vec<(String, Network)>, String> {
    let mut texts = Vec::new();
    for version in 33..=35 {
        let (text, _) = psse::write(network, &psse::WriteOptions { version }).map_err(|e| e.to_string())?;
        texts.push((format!("case_v{version}.raw"), text));
    }
    texts.push(("case.m".into(), matpower::write(network, "feeder").map_err(|e| e.to_string())?.0));
    let mut read_back = Vec::new();
    for (name, text) in texts {
        let files = MemoryFiles::new().with(&name, text.as_bytes());
        let read = if name.ends_with(".m") {
            matpower::read(&files, Path::new(&name), &Default::default())
        } else {
            psse::read(&files, Path::new(&name), &psse::ReadOptions::default())
        };
        let network = read.map_err(|e| format!("{name}: {e}"))?.network;
        read_back.push((name, network));
    }
    Ok(read_back)
}

/// Powers are balanced to the last digits: a part of 100 MVA at the end of a service of 100 per unit is a hundred times that part of its voltage.
const TIGHTEST: newton::Options = newton::Options { tolerance_pu: 1e-13, ..TIGHT };

/// What a feeder became, and how far the case read back and solved is from the positive sequence that it stores.
fn through_case(model: &Path, balanced: bool) -> Result<(Converted, Vec<(f64, f64)>), String> {
    let mut model = Model::read_with(model, &[], false).map_err(|e| e.to_string())?;
    let made = equivalent::of_model(&mut model, TargetFormat::Raw35, balanced, None, false).map_err(|e| e.to_string())?;
    let made = made.expect("a feeder becomes a case");
    let mut trips = Vec::new();
    let solved = solve_network(&made.network, &TIGHTEST).map_err(|e| format!("{:?}", e.first()))?;
    for (name, network) in read_again(&made.network)? {
        let again = solve_network(&network, &TIGHTEST).map_err(|e| format!("{name}: {:?}", e.first()))?;
        let mut worst = (0.0f64, 0.0f64);
        let by_number = |n: u32| again.buses.iter().find(|b| b.number == n);
        for a in &solved.buses {
            let (Some(v), Some(angle)) = (a.v_pu, a.angle_deg) else { continue };
            let b = by_number(a.number).and_then(|b| b.v_pu.zip(b.angle_deg)).ok_or(format!("{name}: bus {} is gone", a.bus))?;
            worst = (worst.0.max((v - b.0).abs()), worst.1.max(((angle - b.1 + 180.0).rem_euclid(360.0) - 180.0).abs()));
        }
        trips.push(worst);
    }
    Ok((made, trips))
}

/// Limits of a written case, read back, against the one that was written.
const SAME_V_PU: f64 = 1e-9;
const SAME_DEG: f64 = 1e-7;

#[test]
fn feeders_become_cases_of_their_positive_sequence() {
    let mut models: Vec<PathBuf> =
        ["ieee13", "ieee34", "ieee37", "ieee123"].iter().map(|n| common::root().join(format!("models/{n}/{n}.dss"))).collect();
    if let Ok(more) = std::env::var("GRIDTWIN_MORE") {
        models.extend(more.split(':').map(PathBuf::from));
    }
    let mut failures = Vec::new();
    for model in &models {
        match through_case(model, true) {
            Ok((made, trips)) => {
                println!("{}", model.display());
                for d in &made.diagnostics {
                    println!("  {d}");
                }
                println!("  read back: {trips:?}");
                if trips.iter().any(|t| t.0 > SAME_V_PU || t.1 > SAME_DEG) {
                    failures.push(format!("{}: {trips:?}", model.display()));
                }
            }
            Err(e) => failures.push(format!("{}: {e}", model.display())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A feeder of three alike phases is its case, exactly: both are held to the closed form.
#[test]
fn a_balanced_feeder_is_its_case() {
    const CLOSED_V_PU: f64 = 1e-6;
    const CLOSED_DEG: f64 = 1e-4;
    let folder = common::root().join("cases/conversions/balanced_feeder");
    let text = std::fs::read_to_string(folder.join("expected/buses.csv")).expect("the expected voltages");
    let expected: Vec<(String, [f64; 3])> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let [kv, v, angle] = [1, 2, 3].map(|k| cells[k].parse().expect("a number"));
            (cells[0].to_owned(), [kv, v, angle])
        })
        .collect();
    assert_eq!(expected.len(), 4);
    let apart = |a: f64, b: f64| ((a - b + 180.0).rem_euclid(360.0) - 180.0).abs();

    let mut model = Model::read_with(&folder.join("network.dss"), &[], false).expect("the model reads");
    let made =
        equivalent::of_model(&mut model, TargetFormat::Raw35, false, None, false).expect("it converts").expect("a feeder becomes a case");
    let codes: Vec<&str> = made.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["CONVERT.FEEDER.BALANCED"], "{:?}", made.diagnostics);

    // Phase by phase.
    model.network.options.tolerance_pu = 1e-10;
    let solution = Session::new().solve_network(&model.network, true).expect("it compiles").settled().expect("it settles");
    for (bus, [kv, v, angle]) in &expected {
        for (node, turn) in [(1, 0.0), (2, -120.0), (3, 120.0)] {
            let name = format!("{bus}.{node}");
            let row = solution.nodes().into_iter().find(|n| n.node == name).unwrap_or_else(|| panic!("{name} is not there"));
            let found = row.v_v.norm() / (kv * 1e3);
            assert!((found - v).abs() <= CLOSED_V_PU, "{name}: {found}, {v} by the closed form");
            assert!(
                apart(row.angle_deg - turn, *angle) <= CLOSED_DEG,
                "{name}: {}, {angle} degrees by the closed form",
                row.angle_deg - turn
            );
        }
    }

    // As a case, in every format.
    let mut worst = (0.0f64, 0.0f64);
    for (name, network) in read_again(&made.network).expect("it is written and read") {
        let solved = solve_network(&network, &TIGHTEST).unwrap_or_else(|e| panic!("{name}: {:?}", e.first()));
        for (bus, [kv, v, angle]) in &expected {
            let at = made.network.buses.iter().position(|b| b.transmission.as_ref().is_some_and(|t| t.name == *bus));
            let number = at.expect("buses keep their names") as u32 + 1;
            let row = solved.buses.iter().find(|b| b.number == number).unwrap_or_else(|| panic!("{name}: {bus} is not there"));
            let base = network.bus(row.id).transmission.as_ref().map_or(f64::NAN, |t| t.kv_base_ll) / 3f64.sqrt();
            let found = row.v_pu.expect("a voltage") * base / kv;
            worst = (worst.0.max((found - v).abs()), worst.1.max(apart(row.angle_deg.expect("an angle"), *angle)));
            assert!((found - v).abs() <= CLOSED_V_PU, "{name}, {bus}: {found}, {v} by the closed form");
            assert!(apart(row.angle_deg.expect("an angle"), *angle) <= CLOSED_DEG, "{name}, {bus}: {:?}, {angle} degrees", row.angle_deg);
        }
    }
    println!("case against the closed form: {:.1e} pu, {:.1e} degrees", worst.0, worst.1);
}
