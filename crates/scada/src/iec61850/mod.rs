//! IEC 61850: configuration files (SCL), the client/server protocol (MMS) and GOOSE.

pub mod add_cause;
pub mod client;
pub mod scl;
pub mod server;

pub use iec61850_model::{DataAttributeType, FC, MmsValue};
