//! powerflow

pub mod dense;
