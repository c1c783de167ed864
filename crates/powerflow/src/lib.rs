//! powerflow

pub mod dense;
pub mod line_constants;

pub mod sparse;
pub mod yprim;
