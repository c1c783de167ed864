//! Documents that people write, in YAML or JSON: values that know their lines, and words that are nearly right.
//!
//! Whoever reads such a document (`formats` scenarios, `scada` devices) goes on after a fault and tells all of them, each with its line.

pub mod fields;
pub mod tree;
mod words;

pub use words::{QuantityFault, nearest, quantity};
