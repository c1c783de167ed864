//! Modbus TCP.
//!
//! Source: MODBUS Application Protocol Specification V1.1b3 and MODBUS Messaging on TCP/IP V1.0b (modbus.org).

mod blocks;
mod browse;
mod client;
mod codec;
pub mod map;
mod server;
pub mod sunspec;

pub use blocks::{Block, plan};
pub use browse::{Browsed, Range, browse};
pub use client::ModbusDevice;
pub use codec::{absent, decode, encode};
pub use server::{Access, Registers, serve};
