//! Cases of transient stability, for the tests of each kind.
#![allow(dead_code, reason = "each test takes what it needs")]

use formats::MemoryFiles;
use formats::psse::{ReadOptions, dyr, read};
use network::dynamics::{Dynamics, MachineModel};
use network::{BusId, ElementId, ElementKind, Network, Severity};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases")
}

/// The power flow of a case.
pub fn case(name: &str) -> Network {
    raw(&std::fs::read_to_string(folder().join(name).join("network.raw")).expect("the case is there"))
}

/// A RAW text as a network.
pub fn raw(text: &str) -> Network {
    let files = MemoryFiles::new().with("case.raw", text.as_bytes());
    let imported = read(&files, Path::new("case.raw"), &ReadOptions::default()).expect("a case");
    assert!(imported.diagnostics.iter().all(|d| d.severity != Severity::Error), "{:?}", imported.diagnostics);
    imported.network
}

/// Dynamic data of a case.
pub fn dynamics(path: &str) -> Dynamics {
    records(&std::fs::read_to_string(folder().join(path)).expect("the case is there"))
}

/// A DYR text as dynamic data.
pub fn records(text: &str) -> Dynamics {
    let import = dyr::read(text.as_bytes(), "case.dyr");
    assert_eq!(import.diagnostics, []);
    import.dynamics
}

pub fn bus(network: &Network, number: u32) -> BusId {
    network.bus_id(&number.to_string()).expect("a bus")
}

pub fn branch(network: &Network, name: &str) -> ElementId {
    network.ids(ElementKind::AcBranch).find(|id| network.common(*id).name == name).expect("a line")
}

pub fn machine(network: &Network, number: u32) -> ElementId {
    let at = bus(network, number);
    network.ids(ElementKind::Machine).find(|id| network.common(*id).terminals[0].bus == at).expect("a machine")
}

/// Gives the classical machine at a bus a damping.
pub fn damp(dynamics: &mut Dynamics, number: u32, d: f64) {
    for record in dynamics.machines.iter_mut().filter(|r| r.bus == number) {
        if let MachineModel::Classical(m) = &mut record.model {
            m.d_pu = d;
        }
    }
}

/// A machine of 100 MVA that feeds 50 MW over a line without loss.
pub fn alone() -> Network {
    raw("0, 100.0, 33, 0, 0, 60.0 / a machine alone\n\n\n\
         1,'ONE',20.0,3,1,1,1,1.0,0.0,1.1,0.9,1.1,0.9\n2,'TWO',20.0,1,1,1,1,1.0,0.0,1.1,0.9,1.1,0.9\n0 / load\n\
         2,'1',1,1,1,50.0,10.0,0,0,0,0,1,1,0\n0 / shunt\n0 / generator\n\
         1,'1',50.0,0,999,-999,1.0,0,100.0,0,0.3,0,0,1,1,100,999,0,1,1\n0 / branch\n\
         1,2,'1',0,0.1,0,0,0,0,0,0,0,0,1,1,0,1,1\n0 / transformer\n0 / area\nQ\n")
}
