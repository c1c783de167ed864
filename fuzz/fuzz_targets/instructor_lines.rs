//! Lines of the instructor's port: any bytes get an answer, and the plant lives on.
//!
//! A real substation stands behind the lines, by a clock of its own thread, and is set back now and then: faults would pile up otherwise.

#![no_main]

use formats::FileSource;
use formats::opendss::{ReadOptions, read};
use formats::station::{read_equipment, read_relays};
use libfuzzer_sys::fuzz_target;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;
use twin::plant::host::{HostOptions, Hosted};
use twin::plant::{Plant, PlantSettings};

/// Lines between two settings back.
const KEPT: usize = 200;

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn plant() -> &'static (Runtime, Hosted) {
    static PLANT: OnceLock<(Runtime, Hosted)> = OnceLock::new();
    PLANT.get_or_init(|| {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let text = |name: &str| std::fs::read_to_string(models.join("ehv-400-220").join(name)).expect("a file of the model");
        let model = models.join("ehv-400-220.dss");
        let network = read(&Disk, &model, &mut powerflow::Session::new(), &ReadOptions::default()).expect("the model").network;
        let station = read_equipment(&text("assets.yaml"), "assets.yaml", &network).value.expect("a station");
        let relays = read_relays(&text("protection.yaml"), "protection.yaml", &network).value.expect("relays");
        let plant = Plant::new(network, station, relays, PlantSettings::default()).expect("a plant");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let hosted = runtime.block_on(Hosted::start(plant, HostOptions::new())).expect("it lives");
        (runtime, hosted)
    })
}

fuzz_target!(|bytes: &[u8]| {
    static LINES: AtomicUsize = AtomicUsize::new(0);
    let (runtime, hosted) = plant();
    let answer = |line: &[u8]| runtime.block_on(hosted.handle.answer(line));
    for line in bytes.split(|b| *b == b'\n').take(8) {
        let told = answer(line);
        // What is refused says why.
        assert!(told["ok"] == true || told["error"].as_str().is_some_and(|e| !e.is_empty()), "{told}");
    }
    if LINES.fetch_add(1, Ordering::Relaxed) % KEPT == KEPT - 1 {
        assert_eq!(answer(b"{\"command\":\"restore\"}")["ok"], true);
    }
    assert_eq!(answer(b"{\"command\":\"state\"}")["ok"], true);
});
