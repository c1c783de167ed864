//! Any bytes as a database of a study: a model or findings, never a panic.
#![no_main]

use formats::MemoryFiles;
use formats::cyme::{Options, mdb};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let files = MemoryFiles::new().with("study.mdb", bytes);
    let _ = mdb::read(&files, Path::new("study.mdb"), &Options::default());
});
