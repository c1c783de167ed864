//! IEC 61850: configuration files (SCL), the client/server protocol (MMS) and GOOSE.

pub mod scl;

pub use iec61850_model::{DataAttributeType, FC, MmsValue};
