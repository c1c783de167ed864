//! Models fitted to tables and to solved networks.

pub mod federated;
pub mod matrix;
