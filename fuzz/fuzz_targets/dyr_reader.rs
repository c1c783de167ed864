//! Reading a DYR file ends without a panic whatever the bytes; every record is counted once, used, kept or refused, and every finding says something.
//!
//! Run with `make fuzz`.

#![no_main]

use formats::psse::dyr::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let import = read(bytes, "case.dyr");
    let d = &import.dynamics;
    let counted: usize = import.counts.iter().map(|(_, n)| n).sum();
    let used = d.machines.len() + d.exciters.len() + d.governors.len() + d.kept.len();
    assert!(used <= counted && counted <= used + import.rejects.len());
    assert!(counted > 0 || !import.diagnostics.is_empty());
    assert!(import.diagnostics.iter().all(|f| !f.message.is_empty()));
});
