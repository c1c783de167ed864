//! Models fitted to tables and to solved networks.

pub mod ageing;
pub mod matrix;
pub mod narrative;
pub mod questions;
pub mod recommend;
