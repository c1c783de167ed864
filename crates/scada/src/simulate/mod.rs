//! The device side: an image of a plant, served as devices.
//!
//! ```text
//! plant ─ set ─► Image ─► Modbus registers, IEC 104 objects and events
//!   ▲                            │
//!   └──────── command ◄──────────┘
//! ```
//!
//! The image is made from the same document as the client's points, so that both sides read one map. Commands go to a [`Plant`], which
//! decides and then sets what changes.

mod iec104;
mod image;
mod modbus;

pub use image::{Cell, Follows, Image, Place, Plant};

use crate::document::{Protocol, ProtocolSpec};
use crate::iec104::Parameters;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the device `id` of an image over its own protocol until told to stop.
///
/// # Errors
/// When the image has no such device, when its protocol is served elsewhere, or when the listener fails.
pub async fn serve<P: Plant>(image: Arc<Image>, plant: Arc<P>, id: &str, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let missing = |why: &str| io::Error::new(io::ErrorKind::NotFound, format!("device \"{id}\" {why}"));
    let device = image.device(id).ok_or_else(|| missing("is not in the image"))?;
    match image.spec(device).map(|s| s.protocol.protocol()) {
        Some(Protocol::Modbus) => {
            let registers = modbus::ModbusImage { image: image.clone(), plant, device };
            crate::modbus::serve(listener, Arc::new(registers), stop).await
        }
        Some(Protocol::Iec104) => {
            let parameters = match image.spec(device).map(|s| &s.protocol) {
                Some(ProtocolSpec::Iec104(spec)) => spec.parameters,
                _ => Parameters::default(),
            };
            let station = iec104::Iec104Image { image: image.clone(), plant, device, no_events: crate::iec104::EventLog::new(1) };
            crate::iec104::serve(listener, Arc::new(station), parameters, stop).await
        }
        _ => Err(missing("speaks a protocol that is not served here")),
    }
}
