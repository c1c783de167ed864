//! Routing of loaded networks against published optima, which branch and bound proves.

use formats::opendss::{FileSource, ReadOptions, read};
use network::Network;
use powerflow::Session;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use studies::operations::{Optimum, OptimumOptions, Proof, Routing, RoutingOptions, optimum, scores, snapshot};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn case(name: &str) -> Network {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("cases/switching").join(name).join(format!("{name}.dss"));
    read(&Disk, &path, &mut Session::new(), &ReadOptions::default()).map_err(|e| e.diagnostics).expect("a model").network
}

/// The least losses, without risk: what the papers have.
fn least_losses(network: &Network, options: &OptimumOptions) -> Optimum {
    let state = snapshot(network).expect("a solution");
    let plain = RoutingOptions { risk_weight: 0.0, ..RoutingOptions::default() };
    let mut routing = Routing::new(&state, &|o| scores(o, &BTreeMap::new()), &plain).expect("a radial network");
    optimum(&mut routing, options).expect("an answer")
}

#[test]
fn the_33_bus_system_is_proven_without_solving_its_trees() {
    let o = least_losses(&case("baran_wu_33"), &OptimumOptions::default());
    assert_eq!((o.proof, o.n_configurations), (Proof::Bounded, Some(50_751.0)), "{:?}", o.no_bound);
    assert!((o.today.value.losses_kw - 202.68).abs() < 0.005, "{}", o.today.value.losses_kw);
    assert!((o.best.value.losses_kw - 139.55).abs() < 0.005, "{}", o.best.value.losses_kw);
    assert_eq!(o.best.open, ["line.s7", "line.s9", "line.s14", "line.s32", "line.s37"]);
    // `reconfigure` solves all 50,751 for the same.
    assert!(o.n_bounded < 5_000, "{} of the trees were bounded one by one", o.n_bounded);
    assert!(o.meshed_bound_kw.unwrap() < o.best.value.losses_kw);
}

#[test]
fn the_three_feeder_system_has_capacitive_buses_and_is_enumerated() {
    let network = case("civanlar_16");
    let o = least_losses(&network, &OptimumOptions::default());
    assert_eq!((o.proof, o.n_configurations), (Proof::Enumerated, Some(190.0)));
    assert!(o.no_bound.iter().any(|r| r == "bus 6 delivers power"), "{:?}", o.no_bound);
    assert!((o.best.value.losses_kw - 466.1).abs() < 0.05, "{}", o.best.value.losses_kw);
    assert_eq!(o.best.open, ["line.s17", "line.s19", "line.s26"]);
    let o = least_losses(&network, &OptimumOptions { max_trees: 100, ..OptimumOptions::default() });
    assert_eq!((o.proof, o.gap_pct, o.is_exact()), (Proof::None, None, false));
}
