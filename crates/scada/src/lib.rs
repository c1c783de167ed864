//! Telecontrol: what speaks to devices, as their client and in their place.
//!
//! ```text
//! document ─► devices and points ─► supervision: one task a device ─► batches of updates ─► whoever follows the grid
//!                                      │  modbus, iec104, iec61850
//!             telecontrol ─► command ──┘
//! simulate: the other side of the same protocols, served from an image that a plant keeps
//! ```
//!
//! * [`point`] is the one point model: value, quality, times, deadband, checks, substitution;
//! * [`document`] says which devices and points there are;
//! * [`device`] is what a protocol has to offer: sessions that tell readings and take commands; [`modbus`], [`iec104`] and [`iec61850`] do;
//! * [`supervision`] keeps devices connected and never lets a value stand still in silence;
//! * [`telecontrol`] is the one way by which a command reaches a device;
//! * [`simulate`] is the device side, for tests and for plants that are computed.
//!
//! Everything here that waits is a task of tokio and ends when it is told to or dropped. There is no global state, and no frame from
//! outside, however broken, ends in a panic.

pub mod device;
pub mod document;
pub mod iec104;
pub mod iec61850;
pub mod modbus;
pub mod point;
pub mod simulate;
pub mod supervision;
pub mod telecontrol;
pub mod time;

pub use time::UtcTime;
