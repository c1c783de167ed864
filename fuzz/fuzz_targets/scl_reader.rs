//! Any bytes as a configuration of IEC 61850: a model, its points and the models to serve, or findings; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::iec61850::scl::{self, xml::Limits};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes: 1 << 20, depth: 32, elements: 20_000, text_bytes: 1 << 16 };
    let (scl, _) = scl::read_within(bytes, "model.scd", &limits);
    if let Some(scl) = scl {
        let _ = scl::points(&scl);
        // Arrays may be large by their counts alone.
        for ied in scl.ieds.iter().filter(|i| i.devices().flat_map(|d| &d.nodes).flat_map(|n| &n.objects).map(|o| o.leaves()).sum::<usize>() < 10_000) {
            let _ = scl::served_model(&scl, &ied.name);
        }
    }
});
