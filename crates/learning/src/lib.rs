//! Models fitted to tables and to solved networks.

pub mod ageing;
pub mod boosting;
pub mod calibration;
pub mod cluster;
pub mod conformal;
pub mod disaggregation;
pub mod explain;
pub mod federated;
pub mod forecast;
pub mod forest;
pub mod growth;
pub mod guard;
pub mod isolation;
pub mod matrix;
pub mod metrics;
pub mod narrative;
pub mod nbeats;
pub mod net;
pub mod questions;
pub mod recommend;
pub mod regression;
pub mod spatial;
pub mod tree;
