//! CYME studies: text exports, and the model that the other carriers (database, XML) fill too.
//!
//! [`model::Model`] holds a study as it is written; [`lower`] makes a network of it.

mod carrier;
pub mod codes;
pub mod lower;
pub mod mdb;
pub mod mdb_tables;
pub mod model;
pub mod text;
mod unpack;
pub mod write;
pub mod xml;
pub mod xml_stream;

pub use lower::{Correction, Options, lower};
pub use model::Model;
pub use write::{WriteError, WriteOptions, Written, write};
