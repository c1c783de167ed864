//! CYME text exports: whatever bytes come, there is a network or findings, and no panic. Form feeds part the three files.
#![no_main]

use formats::MemoryFiles;
use formats::cyme::{self, Options};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let mut files = MemoryFiles::new();
    for (i, part) in data.splitn(3, |b| *b == 0x0c).enumerate() {
        files.add(format!("s/{i}.txt"), part);
    }
    let lenient = data.first().is_some_and(|b| b % 2 == 0);
    let options = Options { lenient, ..Options::default() };
    if let Ok(imported) = cyme::text::read(&files, Path::new("s"), &options) {
        let _ = cyme::write(&imported.network, &cyme::WriteOptions::default());
    }
});
