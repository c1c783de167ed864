//! Reading ends without a panic whatever the bytes. The input is a master, then after a line
//! `%%%` a second file that the first may name `more.dss`, `q.csv` or `d.dbl`.
//!
//! Run with `RUSTC_BOOTSTRAP=1 cargo fuzz run opendss_reader -- -max_total_time=600 -dict=fuzz/opendss.dict`
//! in `crates/formats`.

#![no_main]

use std::path::Path;

use formats::opendss::{MemoryFiles, ReadOptions, Reader, RecordingHost};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mark = b"\n%%%\n";
    let split = bytes.windows(mark.len()).position(|w| w == mark);
    let (master, other) = match split {
        Some(at) => (&bytes[..at], &bytes[at + mark.len()..]),
        None => (bytes, &b""[..]),
    };
    let files =
        MemoryFiles::new().with("master.dss", master).with("more.dss", other).with("q.csv", other).with("d.dbl", other);
    for lenient in [false, true] {
        let mut host = RecordingHost::default();
        let mut reader = Reader::new(&files, ReadOptions { lenient }, &mut host);
        let result = reader.compile(Path::new("master.dss"));
        let (model, report) = reader.finish();
        match result {
            Ok(()) => assert!(model.circuit.is_some()),
            Err(e) => assert!(!e.to_string().is_empty()),
        }
        for diagnostic in &report.diagnostics {
            assert!(!diagnostic.to_string().is_empty());
        }
    }
});
