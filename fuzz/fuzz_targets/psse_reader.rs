//! Reading a RAW or RAWX file and writing it again ends without a panic whatever the bytes, and what
//! was written is read.
//!
//! Run with `make fuzz`.

#![no_main]

use formats::MemoryFiles;
use formats::psse::{ReadOptions, WriteOptions, looks_like, read, write};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = looks_like(bytes, "case.raw");
    let options = ReadOptions { max_bytes: 1 << 22, ..ReadOptions::default() };
    let files = MemoryFiles::new().with("case.raw", bytes);
    match read(&files, Path::new("case.raw"), &options) {
        Ok(imported) => {
            for version in [33, 34, 35] {
                if let Ok((text, _)) = write(&imported.network, &WriteOptions { version }) {
                    let again = MemoryFiles::new().with("again.raw", text);
                    assert!(read(&again, Path::new("again.raw"), &ReadOptions::default()).is_ok());
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
