//! Load flows and faults of the substation against OpenDSS, in the switching states of `cases/substation`.

mod common;

use common::{network_of, root};
use network::{ControlMode, Network, SolutionMode};
use num_complex::Complex64;
use powerflow::Session;
use powerflow::fault_study::{FaultCases, FaultType, faults};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Case {
    model: String,
    commands: Vec<String>,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Tolerance {
    v_pu: f64,
    s_part_of_total: f64,
    fault_part: f64,
}

fn cases() -> Vec<(PathBuf, Case)> {
    let mut found: Vec<(PathBuf, Case)> = std::fs::read_dir(root().join("cases/substation"))
        .expect("the cases are there")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.is_dir())
        .map(|p| {
            let text = std::fs::read_to_string(p.join("case.toml")).expect("a case file");
            let case = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", p.display()));
            (p, case)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(found.len() >= 6, "only {} cases", found.len());
    found
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.records().map(|r| r.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn number(row: &[String], column: usize) -> f64 {
    row[column].parse().unwrap_or_else(|e| panic!("{row:?}, column {column}: {e}"))
}

fn complex(row: &[String], column: usize) -> Complex64 {
    Complex64::new(number(row, column), number(row, column + 1))
}

fn network(folder: &Path, case: &Case, control_mode: ControlMode, tolerance_pu: f64) -> Network {
    let mut network = network_of(&folder.join(&case.model), &case.commands);
    network.options.mode = SolutionMode::Snapshot;
    network.options.control_mode = control_mode;
    network.options.tolerance_pu = tolerance_pu;
    network.options.max_iterations = 2000;
    network.options.max_control_iterations = 500;
    network
}

#[test]
fn load_flows_are_those_of_opendss() {
    for (folder, case) in cases() {
        for (word, mode) in [("off", ControlMode::Off), ("static", ControlMode::Static)] {
            let name = format!("{} {word}", folder.file_name().unwrap().to_string_lossy());
            let network = network(&folder, &case, mode, 1e-10);
            let solution = Session::new()
                .solve_network(&network, true)
                .unwrap_or_else(|e| panic!("{name}: {e}"))
                .settled()
                .unwrap_or_else(|u| panic!("{name}: {:?}", u.certificate));
            let mine: HashMap<String, (Complex64, f64)> = solution.nodes().into_iter().map(|n| (n.node, (n.v_v, n.kv_base_ln))).collect();
            let expected = rows(&folder.join(format!("expected/{word}.nodes.csv")));
            assert_eq!(expected.len(), mine.len(), "{name}: nodes");
            let mut worst = (0.0, String::new());
            for row in &expected {
                let (v, kv) = mine.get(&row[0]).unwrap_or_else(|| panic!("{name}: no node {}", row[0]));
                assert!((kv - number(row, 1)).abs() < 1e-6 * kv, "{name}: base of {}", row[0]);
                let apart = (v - complex(row, 2)).norm() / (kv * 1e3);
                if apart > worst.0 || apart.is_nan() {
                    worst = (apart, row[0].clone());
                }
            }
            assert!(worst.0 <= case.tolerance.v_pu, "{name}: {} pu at {}", worst.0, worst.1);
            for row in rows(&folder.join(format!("expected/{word}.taps.csv"))) {
                let id = network.find(&format!("transformer.{}", row[0])).expect("a transformer");
                let tap = solution.state().taps(id).expect("taps")[1];
                assert!((tap - number(&row, 1)).abs() < 1e-9, "{name}: tap {tap} of {}", row[0]);
            }
            let total_kva = solution.delivered_kva().norm();
            let powers: HashMap<(String, String, String), Complex64> = solution
                .elements()
                .into_iter()
                .map(|r| ((r.element, r.terminal.to_string(), r.conductor.to_string()), Complex64::new(r.p_kw, r.q_kvar)))
                .collect();
            let expected = rows(&folder.join(format!("expected/{word}.elements.csv")));
            assert_eq!(expected.len(), powers.len(), "{name}: conductors");
            for row in expected {
                let key = (row[0].clone(), row[1].clone(), row[2].clone());
                let apart = (powers.get(&key).unwrap_or_else(|| panic!("{name}: no {key:?}")) - complex(&row, 3)).norm() / total_kva;
                assert!(apart <= case.tolerance.s_part_of_total, "{name}: {key:?} {apart} of the total");
            }
            println!("{name}: {:.1e} pu at {}, {total_kva:.0} kVA", worst.0, worst.1);
        }
    }
}

#[test]
fn faults_are_those_of_opendss() {
    let mut compared = 0;
    for (folder, case) in cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let network = network(&folder, &case, ControlMode::Off, 1e-9);
        let types = vec![FaultType::LineGround, FaultType::LineLine, FaultType::LineLineGround, FaultType::ThreePhase];
        let buses = ["bb41", "bb42", "bb21", "bb22", "bb31", "bb32"].map(str::to_owned).to_vec();
        let mine = faults(&network, &FaultCases { buses, types, r_ohm: 1e-4 }).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = rows(&folder.join("expected/faults.csv"));
        assert_eq!(expected.len(), mine.len(), "{name}: faults");
        let mut worst = (0.0_f64, String::new());
        for row in &expected {
            let nodes: Vec<u32> = row[2].split('.').map(|n| n.parse().unwrap()).collect();
            let at = format!("{name}: {} at {}.{}", row[1], row[0], row[2]);
            let found = mine
                .iter()
                .find(|f| f.bus == row[0] && f.fault.word() == row[1] && f.nodes == nodes)
                .unwrap_or_else(|| panic!("{at} is missing"));
            assert!(found.converged && row[3] == "1", "{at} did not converge");
            let i: Vec<Complex64> = (4..row.len()).step_by(2).map(|c| complex(row, c)).collect();
            assert_eq!(i.len(), found.i_a.len(), "{at}");
            let largest = i.iter().map(|i| i.norm()).fold(0.0, f64::max);
            let apart = i.iter().zip(&found.i_a).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
            // A fault on a dead busbar draws nothing: a microampere on both sides is the same.
            let part = if largest < 1e-6 { apart } else { apart / largest };
            assert!(part <= case.tolerance.fault_part, "{at}: {part:.2e} of {largest:.1} A");
            if part > worst.0 {
                worst = (part, at);
            }
            compared += 1;
        }
        println!("{name}: worst fault {:.1e} ({})", worst.0, worst.1);
    }
    assert_eq!(compared, 360);
}
