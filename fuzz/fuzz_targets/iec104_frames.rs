//! IEC 60870-5-104: any octets are frames and telegrams or faults, and what was read can be written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::iec104::apci::{self, Frame};
use scada::iec104::asdu;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some((frame, used))) = apci::decode(rest) {
        let mut out = Vec::new();
        apci::encode(&frame, &mut out);
        assert_eq!(out, &rest[..used]);
        if let Frame::Information { asdu: octets, .. } = frame {
            telegram(&octets);
        }
        rest = &rest[used..];
    }
    telegram(bytes);
});

fn telegram(octets: &[u8]) {
    let Ok(read) = asdu::decode(octets) else { return };
    if let Some(written) = asdu::encode(&read) {
        let again = asdu::decode(&written).expect("what was written can be read");
        assert_eq!(again.header, read.header);
        assert_eq!(again.objects.len(), read.objects.len());
    }
}
