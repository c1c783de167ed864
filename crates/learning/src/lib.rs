//! Models fitted to tables and to solved networks.

pub mod matrix;
pub mod net;
