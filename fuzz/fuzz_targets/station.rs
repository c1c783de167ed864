//! Registers of equipment and settings of relays: any bytes give a station or findings.

#![no_main]

use formats::station::{read_equipment, read_relays};
use libfuzzer_sys::fuzz_target;
use network::Network;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let network = Network::default();
    let equipment = read_equipment(&text, "s", &network);
    let relays = read_relays(&text, "s", &network);
    // What is refused says why.
    assert!(equipment.value.is_some() || !equipment.findings.is_empty());
    assert!(relays.value.is_some() || !relays.findings.is_empty());
});
