//! Any bytes as a frame of GOOSE: a message, a fault or nothing; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::iec61850::MmsValue;
use scada::iec61850::goose::{GooseSettings, Subscriber};
use scada::iec61850::scl::MulticastAddress;
use std::time::Instant;

fuzz_target!(|bytes: &[u8]| {
    let settings = GooseSettings {
        control_block: "PEERLD0/LLN0$GO$gcb".into(),
        go_id: "peer".into(),
        data_set: "PEERLD0/LLN0$Events".into(),
        conf_rev: 2,
        address: MulticastAddress { mac: [1, 0x0C, 0xCD, 1, 0, 1], app_id: 0x1000, ..MulticastAddress::default() },
        members: vec![MmsValue::Boolean(false), MmsValue::Float32(0.0)],
    };
    let mut subscriber = Subscriber::new(settings);
    let now = Instant::now();
    let _ = subscriber.accept(bytes, now);
    // The same behind a head that is ours, so that what follows is looked at.
    let mut framed = vec![1, 0x0C, 0xCD, 1, 0, 1, 2, 0, 0, 0, 0, 1, 0x88, 0xB8, 0x10, 0x00];
    framed.extend(u16::try_from(bytes.len() + 8).unwrap_or(u16::MAX).to_be_bytes());
    framed.extend([0, 0, 0, 0]);
    framed.extend(bytes);
    let _ = subscriber.accept(&framed, now);
});
