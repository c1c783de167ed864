//! Every reference feeder becomes a network, with an engine that answers but solves nothing.
//!
//! The folder is `GRIDTWIN_FEEDERS`, or `../shared/feeders` seen from the workspace.

use std::io;
use std::path::{Path, PathBuf};

use formats::opendss::{FileSource, ReadOptions, read};
use network::{Engine, EngineError, Network, OperatingPoint, SolveReport};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

/// Changes nothing and knows no voltage base.
struct Idle;

impl Engine for Idle {
    fn voltage_bases(&mut self, network: &Network) -> Result<Vec<f64>, EngineError> {
        Ok(vec![0.0; network.buses.len()])
    }

    fn solve(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        let operating_point = OperatingPoint { changes: Vec::new(), hour: network.options.hour, second: network.options.second };
        Ok(SolveReport { converged: true, operating_point, ..SolveReport::default() })
    }

    fn allocate_loads(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        self.solve(network)
    }

    fn forget_voltages(&mut self) {}

    fn reset(&mut self) {}
}

fn feeders() -> Option<PathBuf> {
    let folder = match std::env::var_os("GRIDTWIN_FEEDERS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/feeders"),
    };
    if folder.join("index.csv").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no feeders at {}", folder.display());
    None
}

/// Name, master and later commands of the cases of a `case.toml`, which has one key a line.
fn cases(folder: &Path) -> Vec<(String, PathBuf, Vec<String>)> {
    let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
    let mut cases = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let texts: Vec<String> = value.split('"').skip(1).step_by(2).map(str::to_string).collect();
        match key.trim() {
            "name" => cases.push((texts[0].clone(), PathBuf::new(), Vec::new())),
            "master" => cases.last_mut().unwrap().1 = folder.join(&texts[0]),
            "post" => cases.last_mut().unwrap().2 = texts,
            _ => {}
        }
    }
    cases
}

#[test]
fn every_master_becomes_a_network() {
    let Some(root) = feeders() else { return };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.join("case.toml").is_file());
    folders.sort();
    let mut failed = Vec::new();
    let mut n_read = 0;
    for (name, master, commands) in folders.iter().flat_map(|f| cases(f)) {
        match read(&Disk, &master, &mut Idle, &ReadOptions { commands, ..ReadOptions::default() }) {
            Ok(outcome) => {
                n_read += 1;
                let network = &outcome.network;
                assert!(!network.buses.is_empty() && !network.voltage_sources.is_empty(), "{name}");
                for &id in &network.order {
                    let common = network.common(id);
                    let n = common.n_conductors();
                    assert!(common.terminals.iter().all(|t| t.nodes.len() == n && t.closed.len() == n), "{name}: {}", common.name);
                }
                for d in &outcome.report.diagnostics {
                    println!("{name}: {d}");
                }
                if let Some(folder) = std::env::var_os("GRIDTWIN_DUMP_NETWORKS") {
                    let file = Path::new(&folder).join(format!("{}.json", name.replace('/', "_")));
                    std::fs::write(file, serde_json::to_string(network).unwrap()).unwrap();
                }
            }
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), failed.len() + n_read, failed.join("\n"));
    assert!(n_read > 0);
}
