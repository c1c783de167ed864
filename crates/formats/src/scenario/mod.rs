//! Scenario files: YAML or JSON, checked value by value against the table of parameters.
//!
//! ```text
//! text ─► tree of values with lines (tree) ─► values by the table, defaults filled in (read) ─► Scenario
//!                                               └─► what belongs together (consistency), files it names (data)
//! ```
//!
//! Reading goes on after a fault, with the default in place of what is wrong, so that all findings come at once, each with file and line.
//! [`json_schema`] and [`parameter_page`] are written from the same table.

mod consistency;
mod data;
mod page;
mod read;
mod schema;
pub(crate) mod tree;
mod vary;
mod words;

pub use page::parameter_page;
pub use read::{ScenarioImport, read};
pub use schema::json_schema;
pub use vary::vary;
pub use words::nearest;

#[cfg(test)]
mod tests;
