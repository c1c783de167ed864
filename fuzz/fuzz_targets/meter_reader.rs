//! Reading interval data ends without a panic whatever the bytes, and counts what it hands on.

#![no_main]

use formats::meters::{MeterReader, Options, ReadingSink, Zone};
use libfuzzer_sys::fuzz_target;
use network::{Diagnostic, ReadingIndex, Readings, Reject};

#[derive(Default)]
struct Counted(u64, u64);

impl ReadingSink for Counted {
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        assert!(block.series.iter().all(|s| (*s as usize) < index.series.len()));
        self.0 += block.len() as u64;
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), Diagnostic> {
        self.1 += 1;
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    for zone in [None, Zone::parse("America/Chicago").ok()] {
        let options = Options { zone, max_meters: 1000, max_bytes: 1 << 24, ..Options::default() };
        let mut counted = Counted::default();
        match MeterReader::new(options).read(&mut &*bytes, "fuzz", &mut counted) {
            Ok(summary) => assert_eq!((summary.readings, summary.rejected), (counted.0, counted.1)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
