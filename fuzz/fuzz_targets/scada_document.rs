//! Documents of devices: any text gives devices or findings, and what is sound can be served and polled.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::document::{self, ProtocolSpec};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let document = document::read(text, "d");
    if !document.is_sound() {
        return;
    }
    for device in &document.devices {
        if let ProtocolSpec::Modbus(map) = &device.protocol {
            assert_eq!(map.points.len(), device.points.len());
            let all: Vec<usize> = (0..map.points.len()).collect();
            for block in scada::modbus::plan(map, &all) {
                assert!(block.count > 0 && block.count <= block.table.limit());
            }
        }
    }
    let _ = scada::simulate::Image::new(&document.devices);
});
