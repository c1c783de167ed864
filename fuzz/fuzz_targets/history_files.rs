//! Files of a history: whatever the octets, an answer or an error, and a block that can be read is written again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;

/// One file for this process, on a file system in memory where there is one.
fn place() -> &'static PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        folder.join(format!("history-fuzz-{}", std::process::id()))
    })
}

fuzz_target!(|data: &[u8]| {
    twin::history::read_any(data);
    if std::fs::write(place(), data).is_ok() {
        twin::history::read_any_file(place());
    }
});
