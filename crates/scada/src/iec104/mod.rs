//! IEC 60870-5-104: telecontrol over TCP.
//!
//! ```text
//! octets ─► frames (apci) ─► window, timers, start and stop (link) ─► telegrams (asdu) ─► client or server
//! ```
//!
//! The link layer is our own for both sides: it closes on every fault of sequence, and leaves a telegram of a type that it does not know
//! to the layer above, which goes on.
//!
//! Source: IEC 60870-5-104 and -101, as summarised in public descriptions of the protocol; behaviour checked against lib60870 (through
//! c104) as client and as server.

pub mod apci;
pub mod asdu;
mod browse;
mod client;
mod clock;
mod link;
pub mod map;
mod server;

pub use browse::{Browsed, browse};
pub use client::Iec104Device;
pub use clock::Cp56;
pub use link::{LinkEvent, LinkFault, Parameters, Role};
pub use server::{Answer, EventLog, LoggedEvent, Order, Station, Told, serve};
