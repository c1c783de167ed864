//! Cost catalogues: whatever the text, a catalogue or findings, and no figure that is no cost.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match formats::costs::read(text, "costs.yaml") {
        Ok(catalogue) => assert!(catalogue.faults().is_empty()),
        Err(found) => assert!(!found.is_empty()),
    }
});
