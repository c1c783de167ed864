//! Reconfiguration, restoration and contingencies against published optima, closed forms and whole enumeration.

use formats::opendss::{FileSource, ReadOptions, read};
use network::{Network, SolutionMode};
use powerflow::{Session, State};
use std::path::{Path, PathBuf};
use studies::hosting::Criteria;
use studies::switching::{Hour, Operator, Reconfiguration, ReconfigureError, ReconfigureOptions, reconfigure};

/// Files of a model: one script in memory, or a folder on disk.
struct Files(Option<String>);

impl FileSource for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match &self.0 {
            Some(text) => Ok(text.clone().into_bytes()),
            None => std::fs::read(path),
        }
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        if self.0.is_some() {
            return Ok(vec!["model.dss".to_owned()]);
        }
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn settled(network: &mut Network, session: &mut Session) -> State {
    let o = &mut network.options;
    (o.tolerance_pu, o.max_iterations, o.max_control_iterations) = (1e-9, 500, 100);
    (o.mode, o.hour, o.second) = (SolutionMode::Snapshot, 0, 0.0);
    let mut state = session.series_state(network, true).expect("the model can be compiled");
    assert!(state.solve_moment().expect("a circuit").settled());
    state
}

fn solved(files: &Files, path: &Path) -> State {
    let mut session = Session::new();
    let mut network = read(files, path, &mut session, &ReadOptions::default()).map_err(|e| e.diagnostics).expect("a model").network;
    settled(&mut network, &mut session)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn case(name: &str) -> State {
    solved(&Files(None), &root().join("cases/switching").join(name).join(format!("{name}.dss")))
}

fn find(state: &State, options: &ReconfigureOptions) -> Result<Reconfiguration, ReconfigureError> {
    let operator = Operator::new(state, &Criteria::default(), false).expect("a circuit");
    reconfigure(&mut [Hour { label: "snapshot".into(), hours: 1.0, operator }], options)
}

#[test]
fn the_three_feeder_system_has_its_published_optimum() {
    let state = case("civanlar_16");
    let r = find(&state, &ReconfigureOptions::default()).expect("a radial network");
    assert!(r.is_exact);
    assert_eq!(r.n_trees, 190.0);
    assert!((r.today.losses_kwh - 511.4).abs() < 0.05, "{}", r.today.losses_kwh);
    assert!((r.found.losses_kwh - 466.1).abs() < 0.05, "{}", r.found.losses_kwh);
    assert_eq!(r.open_found, ["line.s17", "line.s19", "line.s26"]);
    // Every descent by itself, without the enumeration behind it.
    assert_eq!(r.descents.len(), 6);
    assert!(r.descents.iter().all(|d| (d.to.losses_kwh - r.found.losses_kwh).abs() < 1e-6), "{:?}", r.descents);
}

#[test]
fn the_33_bus_system_has_its_published_optimum() {
    let state = case("baran_wu_33");
    let r = find(&state, &ReconfigureOptions { max_trees: 0, ..ReconfigureOptions::default() }).expect("a radial network");
    assert_eq!(r.n_trees, 50_751.0);
    assert!((r.today.losses_kwh - 202.68).abs() < 0.005, "{}", r.today.losses_kwh);
    assert!((r.found.losses_kwh - 139.55).abs() < 0.005, "{}", r.found.losses_kwh);
    assert_eq!(r.open_found, ["line.s7", "line.s9", "line.s14", "line.s32", "line.s37"]);
}
