//! Reading a MATPOWER case and writing it again ends without a panic whatever the bytes.
//!
//! Run with `make fuzz`.

#![no_main]

use formats::MemoryFiles;
use formats::matpower::{ReadOptions, looks_like, read, write};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = looks_like(bytes, "case.m");
    let files = MemoryFiles::new().with("case.m", bytes);
    match read(&files, Path::new("case.m"), &ReadOptions::default()) {
        Ok(imported) => {
            if let Ok((text, _)) = write(&imported.network, "again") {
                let again = MemoryFiles::new().with("again.m", text);
                assert!(read(&again, Path::new("again.m"), &ReadOptions::default()).is_ok());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
