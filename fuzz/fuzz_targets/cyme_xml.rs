//! Any bytes as a study in XML: a model or findings, never a panic.
#![no_main]

use formats::MemoryFiles;
use formats::cyme::{Options, xml};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let files = MemoryFiles::new().with("study.xml", bytes);
    let _ = xml::read(&files, Path::new("study.xml"), &Options::default());
});
