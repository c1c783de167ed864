//! CYME studies: text exports, and the model that the other carriers (database, XML) fill too.
//!
//! [`model::Model`] holds a study as it is written; [`lower`] makes a network of it.

pub mod codes;
pub mod lower;
pub mod model;

pub use lower::{Correction, Options, lower};
pub use model::Model;
