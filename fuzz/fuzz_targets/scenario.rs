//! Scenario files: any bytes give a scenario or findings.

#![no_main]

use formats::{MemoryFiles, scenario};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    // The file may name itself, as an include and as data.
    let files = MemoryFiles::new().with("s", bytes);
    let _ = scenario::read(&files, Path::new("s"));
});
