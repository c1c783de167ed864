//! The document of alarms: rules, what holds for all of them, planned maintenance, and who is told.
//!
//! YAML or JSON. Reading goes on after a fault, so that all of them are told at once, each with its line. `docs/alarms.md` is the page for
//! those who write such documents, `docs/alarms.schema.json` its schema.

mod check;
mod read;
mod schema;
mod write;

pub use read::{AlarmDocument, read};
pub use schema::json_schema;
pub use write::{to_json, to_yaml};

#[cfg(test)]
mod tests;
