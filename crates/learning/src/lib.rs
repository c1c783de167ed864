//! Models fitted to tables and to solved networks.

pub mod disaggregation;
pub mod forecast;
pub mod growth;
pub mod matrix;
pub mod nbeats;
pub mod net;
pub mod regression;
