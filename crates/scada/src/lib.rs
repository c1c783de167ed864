//! Telecontrol protocols, as client and as simulated device.
pub mod iec61850;
