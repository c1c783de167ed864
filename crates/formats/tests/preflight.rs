//! The preflight gives no error on any reference feeder: all of them are models that people solve.
//!
//! The folder is `GRIDTWIN_FEEDERS`, or `../shared/feeders` seen from the workspace. Voltage bases are
//! those of the reference results, so no solver is needed.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use formats::opendss::{FileSource, ReadOptions, read};
use network::{Engine, EngineError, Network, Severity, SolveReport};

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

/// Errors that are there: `like` does not copy a bus, so this case holds a load on a bus of its own.
const TRUE_ERRORS: [(&str, &str); 1] = [("load_spec", "CHECK.LOAD.NOT_FED")];

/// Knows the bases and solves nothing.
struct Bases(HashMap<String, f64>);

impl Bases {
    fn of(&self, network: &Network) -> Vec<f64> {
        network.buses.iter().map(|b| self.0.get(&b.name).copied().unwrap_or(0.0)).collect()
    }
}

impl Engine for Bases {
    fn voltage_bases(&mut self, network: &Network) -> Result<Vec<f64>, EngineError> {
        Ok(self.of(network))
    }

    fn solve(&mut self, _: &Network) -> Result<SolveReport, EngineError> {
        Ok(SolveReport { converged: true, ..SolveReport::default() })
    }

    fn allocate_loads(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        self.solve(network)
    }

    fn reset(&mut self) {}

    fn forget_voltages(&mut self) {}
}

/// Line-to-neutral bases by bus in a reference of node voltages.
fn bases(folder: &Path, name: &str) -> Option<Bases> {
    let reference = folder.join("ref").join(name);
    let text = ["off.nodes.csv", "static.nodes.csv"].iter().find_map(|f| std::fs::read_to_string(reference.join(f)).ok())?;
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        let (bus, _) = fields.next()?.rsplit_once('.')?;
        Some((bus.to_lowercase(), fields.next()?.parse().ok()?))
    });
    Some(Bases(rows.collect()))
}

#[test]
fn no_reference_feeder_has_a_preflight_error() {
    let root = match std::env::var_os("GRIDTWIN_FEEDERS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/feeders"),
    };
    if !root.join("index.csv").is_file() {
        eprintln!("skipped: no feeders at {}", root.display());
        return;
    }
    let index = std::fs::read_to_string(root.join("index.csv")).unwrap();
    let (mut checked, mut errors) = (0, Vec::new());
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in index.lines().skip(1) {
        let mut fields = row.split(',');
        let (Some(folder), Some(name), Some(master)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let folder = root.join(folder);
        let Some(mut engine) = bases(&folder, name) else { continue };
        let post = post_commands(&folder, name);
        let options = ReadOptions { commands: post, lenient: true };
        let mut network = match read(&Disk, &folder.join(master), &mut engine, &options) {
            Ok(outcome) => outcome.network,
            Err(e) => {
                errors.push(format!("{name}: cannot be read: {e}"));
                continue;
            }
        };
        for (bus, base) in engine.of(&network).into_iter().enumerate() {
            network.buses[bus].kv_base_ln = base;
        }
        checked += 1;
        for d in network::check::check(&network) {
            codes.entry(d.code.clone()).or_default().push(name.to_string());
            if d.severity == Severity::Error && !TRUE_ERRORS.contains(&(name, d.code.as_str())) {
                errors.push(format!("{name}: {d}"));
            } else if d.severity == Severity::Warning {
                println!("{name}: {d}");
            }
        }
    }
    for (code, mut cases) in codes {
        let findings = cases.len();
        cases.dedup();
        println!("{code}: {findings} in {} cases, as {}", cases.len(), cases[0]);
    }
    assert!(checked >= 100, "only {checked} cases found");
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
}

/// The commands that a case gives after its master.
fn post_commands(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("case.toml")).unwrap_or_default();
    let mut commands = Vec::new();
    let mut here = false;
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let texts: Vec<String> = value.split('"').skip(1).step_by(2).map(str::to_string).collect();
        match key.trim() {
            "name" => here = texts.first().is_some_and(|n| n == name),
            "post" if here => commands = texts,
            _ => {}
        }
    }
    commands
}
