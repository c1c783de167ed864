//! Documents of alarms: any bytes give rules or findings, and what is sound comes back from what is written of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::point::{PointSpec, ValueKind};
use twin::alarms::PointTable;
use twin::alarms::document::{read, to_json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut points = PointTable::default();
    points.add("d", &PointSpec::new("p", ValueKind::Float));
    points.add("d", &PointSpec::new("b", ValueKind::DoublePoint));
    let document = read(text, "a", &points);
    if document.is_sound() {
        let again = read(&to_json(&document, &points).to_string(), "b", &points);
        assert!(again.is_sound(), "{:?}", again.diagnostics);
        assert_eq!(again.rules, document.rules);
    }
});
