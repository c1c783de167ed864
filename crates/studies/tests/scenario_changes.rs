//! Layers that change the network, against the same changes made by script commands in the model.

use formats::MemoryFiles;
use formats::opendss::{FileSource, ReadOptions, read};
use network::Network;
use num_complex::Complex64;
use powerflow::Session;
use std::collections::BTreeMap;
use std::path::Path;
use studies::scenario::Prepared;

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn model(commands: &[&str]) -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ieee123/ieee123.dss");
    // A load behind the only transformer, so that its size matters.
    let all = std::iter::once(&"new load.behind bus1=610 phases=3 conn=delta kv=0.48 kw=60 kvar=30").chain(commands);
    let options = ReadOptions { lenient: false, commands: all.map(|&c| c.to_owned()).collect() };
    read(&Disk, &path, &mut Session::new(), &options).map_err(|e| e.diagnostics).expect("the model can be read").network
}

fn changed(layer: &str) -> Network {
    let text = format!("scenario: x\nlayers:\n- changes:\n    {layer}\n");
    let import = formats::scenario::read(&MemoryFiles::new().with("s.yaml", text), Path::new("s.yaml"));
    assert!(import.is_sound(), "{:#?}", import.diagnostics);
    let prepared = Prepared::new(import.scenario.unwrap(), import.data).unwrap();
    let base = model(&[]);
    let unfit: Vec<String> =
        prepared.check(&base).iter().filter(|d| d.severity == network::Severity::Error).map(ToString::to_string).collect();
    assert!(unfit.is_empty(), "{unfit:?}");
    let stacked = prepared.apply(&base).unwrap();
    assert_eq!(stacked.ledger.layers[0].units, 1, "{:?}", stacked.findings);
    stacked.network
}

/// Voltages by node, solved with controls at rest.
fn voltages(mut network: Network) -> BTreeMap<String, Complex64> {
    network.options.mode = network::SolutionMode::Snapshot;
    network.options.control_mode = network::ControlMode::Off;
    network.options.tolerance_pu = 1e-10;
    let solution = Session::new().solve_network(&network, true).unwrap().settled().unwrap();
    solution.nodes().into_iter().map(|n| (n.node, n.v_v)).collect()
}

#[track_caller]
fn same(layer: &str, commands: &[&str]) {
    let (ours, theirs, base) = (voltages(changed(layer)), voltages(model(commands)), voltages(model(&[])));
    let mut moved = 0.0f64;
    for (node, v) in &theirs {
        let found = ours.get(node).unwrap_or_else(|| panic!("no node {node}"));
        assert!((found - v).norm() < 1e-6 * v.norm().max(1.0), "{node}: {found} for {v}");
        if let Some(before) = base.get(node) {
            moved = moved.max((v - before).norm());
        }
    }
    assert!(moved > 0.1, "the change moves something: {moved}");
}

#[test]
fn a_line_gets_another_conductor() {
    same("reconductor: [{lines: [1_7], line_code: cfg6}]", &["line.1_7.linecode=cfg6"]);
}

#[test]
fn a_transformer_gets_another_size() {
    same("transformers: [{transformers: [xfm1], kva: 75}]", &["transformer.xfm1.kvas=[75 75]"]);
}

#[test]
fn a_capacitor_is_added() {
    same("capacitors: [{bus: 66, kvar: 450}]", &["new capacitor.c66 bus1=66 phases=3 kv=4.16 kvar=450"]);
    same("capacitors: [{bus: 10, kvar: 50}]", &["new capacitor.c10 bus1=10.1 phases=1 kv=2.4017771198288433 kvar=50"]);
}

#[test]
fn switches_are_opened_and_closed() {
    same("transfer: {close: [sw_151_300]}", &["close line.sw_151_300 1"]);
}

#[test]
fn a_battery_that_idles_and_a_regulator_at_rest_change_next_to_nothing() {
    let base = voltages(model(&[]));
    for layer in [
        "regulators: [{line: 13_34, kva: 500}]",
        "batteries: [{bus: 66, power_kw: 300, energy_kwh: 1200, watch: line.sw_150r_149, target_kw: 2000, charge_below_kw: 1000}]",
    ] {
        let found = voltages(changed(layer));
        assert!(found.len() >= base.len());
        for (node, v) in &base {
            assert!((found[node] - v).norm() < 2e-3 * v.norm().max(1.0), "{layer} {node}: {} for {v}", found[node]);
        }
    }
}
