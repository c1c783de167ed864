//! The document of devices: who is there, which points they have, and what those mean in the network.
//!
//! ```text
//! text ─► tree with lines (network::document) ─► keys one by one (fields) ─► devices (read), addresses (modbus::map, iec104::map)
//!                                                   └─► what belongs together: names, overlaps; elements, when a network is handed in
//! ```
//!
//! Reading goes on after a fault, so that all of them are told at once. `docs/scada.md` is the page for those who write such documents.

mod addresses;
mod read;

pub use addresses::Iec61850Address;
pub use read::{DeviceDocument, DeviceSpec, Protocol, ProtocolSpec, Timing, check_elements, read};

#[cfg(test)]
mod tests;
