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

/// Limits of a case against the study that was made of it and read back: sources of a study are held behind 1e-7 per unit, which moves the voltages where
/// they give gigawatts.
const STUDY_V_PU: f64 = 1e-5;
const STUDY_DEG: f64 = 1e-3;

/// What no study says, by the end of the writer's reason.
const NOT_IN_A_STUDY: [&str; 3] = ["3 windings; two are written", "a neutral among the phases)", "as of a leg of a star of windings"];

#[test]
fn sample_cases_have_their_voltages_in_studies() {
    let Some(folder) = samples() else { return };
    let table = std::fs::read_to_string(folder.join("psse/check.csv")).expect("the list can be read");
    let mut failures = Vec::new();
    for file in table.lines().skip(1).filter_map(|l| l.split(',').next()) {
        if file.ends_with(".gz") || file.ends_with(".rawx") {
            continue;
        }
        match through_cyme(&case(&folder.join(file))) {
            Ok(None) => println!("{file:<56} has no solution of its own"),
            Ok(Some((alive, d))) => {
                println!("{file:<56} {:>6} {:>10.1e} {:>10.1e}", d.buses, d.v_pu, d.angle_deg);
                if d.buses != alive || d.v_pu > STUDY_V_PU || d.angle_deg > STUDY_DEG {
                    failures.push(format!("{file}: {d:?}, {alive} buses"));
                }
            }
            Err(why) if NOT_IN_A_STUDY.iter().any(|n| why.ends_with(n)) => println!("{file:<56} refused: {why}"),
            Err(why) => failures.push(format!("{file}: {why}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Cases of the project, which have every kind of record that a study or a script can say: as both, read back and solved.
#[test]
fn cases_of_the_project_have_their_voltages_in_scripts_and_studies() {
    let mut failures = Vec::new();
    for name in ["matpower/ieee14/network.m", "matpower/wscc9/network.m", "matpower/radial_in_ohms/network.m", "raw/old_v30/network.raw"] {
        let network = case(&common::root().join("cases").join(name));
        for (to, limits, found) in
            [("script", (V_PU, ANGLE_DEG), through_opendss(&network)), ("study", (STUDY_V_PU, STUDY_DEG), through_cyme(&network))]
        {
            match found {
                Ok(Some((alive, d))) => {
                    println!("{name:<36} {to:<8} {:>4} {:>10.1e} {:>10.1e}", d.buses, d.v_pu, d.angle_deg);
                    if d.buses != alive || d.v_pu > limits.0 || d.angle_deg > limits.1 {
                        failures.push(format!("{name}, {to}: {d:?}, {alive} buses"));
                    }
                }
                Ok(None) => failures.push(format!("{name} has no solution")),
                Err(why) => failures.push(format!("{name}, {to}: {why}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
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

/// The same for MATPOWER at feeders with switches and fuses of 1e-7 ohm. It holds the case in other numbers (loads of constant current as powers), so that
/// the last digits differ: beside 1e7 per unit of admittance a balance is known to 1e-9 per unit, and a bus behind 10 to 100 per unit of
/// impedance to as many times that. RAW holds the very numbers.
const ROUNDED_V_PU: f64 = 1e-7;
const ROUNDED_DEG: f64 = 1e-5;

/// What becomes of a feeder: whether it takes `--balanced`, and limits of the case against the positive sequence of the network, per unit and
/// degrees, and at laterals against the mean of their phases. They are what was found, with a tenth for other arithmetic: a change of method shows.
struct Feeder {
    model: PathBuf,
    too_unbalanced: bool,
    differs: [f64; 3],
    same: [(f64, f64); 2],
}

fn feeders() -> Vec<Feeder> {
    const EXACT: [(f64, f64); 2] = [(SAME_V_PU, SAME_DEG); 2];
    const ROUNDED: [(f64, f64); 2] = [(SAME_V_PU, SAME_DEG), (ROUNDED_V_PU, ROUNDED_DEG)];
    let shipped = |name: &str| common::root().join(format!("models/{name}/{name}.dss"));
    let feeder = |model, too_unbalanced, differs, same| Feeder { model, too_unbalanced, differs, same };
    let mut all = vec![
        feeder(shipped("ieee13"), false, [1.42e-3, 7.2e-2, 3.25e-2], EXACT),
        feeder(shipped("ieee34"), false, [4.3e-4, 1.0e-2, 6.1e-3], EXACT),
        feeder(shipped("ieee37"), true, [2.41e-3, 9.5e-2, 0.0], EXACT),
        feeder(shipped("ieee123"), false, [5.4e-4, 4.1e-2, 2.14e-2], EXACT),
    ];
    match common::feeders() {
        Some(folder) => all.extend([
            feeder(folder.join("ckt5/Master_ckt5.dss"), false, [1.62e-4, 1.47e-2, 1.26e-2], ROUNDED),
            feeder(folder.join("epri_j1/Master_noPV.dss"), false, [8.5e-4, 1.23e-2, 4.13e-2], ROUNDED),
            feeder(folder.join("epri_j1/Master_withPV.dss"), false, [4.4e-4, 9.5e-3, 3.99e-2], ROUNDED),
            feeder(folder.join("ieee8500/Master.dss"), true, [5.5e-3, 2.26e-1, 5.65e-2], ROUNDED),
        ]),
        None => println!("skipped: no reference feeders"),
    }
    all
}

#[test]
fn feeders_become_cases_of_their_positive_sequence() {
    let mut failures = Vec::new();
    for Feeder { model, too_unbalanced, differs, same } in feeders() {
        let name = model.display();
        let plain = through_case(&model, false);
        let refused = plain.as_ref().is_err_and(|e| e.contains("CONVERT.FEEDER.TOO_UNBALANCED"));
        if refused != too_unbalanced {
            failures.push(format!("{name}: {:?}", plain.map(|p| p.0.diagnostics)));
        }
        match through_case(&model, true) {
            Ok((made, trips)) => {
                println!("{name}");
                for d in &made.diagnostics {
                    println!("  {d}");
                }
                println!("  read back: {trips:?}");
                let (matpower, raw) = trips.split_last().expect("four formats");
                let beyond = |t: &(f64, f64), limit: (f64, f64)| t.0 > limit.0 || t.1 > limit.1;
                if raw.iter().any(|t| beyond(t, same[0])) || beyond(matpower, same[1]) {
                    failures.push(format!("{name}: {trips:?}"));
                }
                let told = made.unbalance.as_ref().expect("a feeder's case tells its unbalance");
                let found = [told.v_pu, told.angle_deg, told.v_lateral_pu];
                if found.iter().zip(differs).any(|(f, limit)| *f > limit) {
                    failures.push(format!("{name}: {found:?}"));
                }
            }
            Err(e) => failures.push(format!("{name}: {e}")),
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

    let told = made.unbalance.as_ref().expect("a feeder's case tells its unbalance");
    let apart_mva = (told.supplied_mw[0] - told.supplied_mw[1]).hypot(told.supplied_mvar[0] - told.supplied_mvar[1]);
    assert!(told.supplied_mw[0] > 2.0 && apart_mva < 1e-6, "{told:?}");

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
