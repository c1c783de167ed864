//! IEC 61850: configuration files (SCL), the client/server protocol (MMS) and GOOSE.

pub mod add_cause;
pub mod client;
mod device;
pub mod goose;
mod known;
pub mod layout;
pub mod scl;
pub mod server;

pub use device::Iec61850Device;
pub use iec61850_model::{DataAttributeType, FC, MmsValue};

/// The clock of this computer in the octets of the protocol: seconds since 1970 (4), 24 bits of a second (3), and a quality that claims no
/// accuracy (1).
pub fn utc_octets_now() -> [u8; 8] {
    utc_octets(crate::UtcTime::now())
}

/// An instant in the octets of the protocol, as [`utc_octets_now`]. Instants that they cannot hold are 1970 with a failed clock.
pub fn utc_octets(time: crate::UtcTime) -> [u8; 8] {
    const ACCURACY_NOT_SPECIFIED: u8 = 31;
    const CLOCK_FAILURE: u8 = 0x40;
    let Ok(seconds) = u32::try_from(time.us.div_euclid(1_000_000)) else {
        return [0, 0, 0, 0, 0, 0, 0, CLOCK_FAILURE | ACCURACY_NOT_SPECIFIED];
    };
    let fraction = (time.us.rem_euclid(1_000_000) << 24) / 1_000_000;
    let s = seconds.to_be_bytes();
    let f = (fraction as u32).to_be_bytes();
    [s[0], s[1], s[2], s[3], f[1], f[2], f[3], ACCURACY_NOT_SPECIFIED]
}

/// An instant from the octets of the protocol, rounded to microseconds; the last octet is its quality ([`crate::point::TimeQuality`]).
pub fn utc_from_octets(octets: [u8; 8]) -> crate::UtcTime {
    let seconds = i64::from(u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]));
    let fraction = i64::from(u32::from_be_bytes([0, octets[4], octets[5], octets[6]]));
    crate::UtcTime::from_us(seconds * 1_000_000 + (fraction * 1_000_000 + (1 << 23)) / (1 << 24))
}
