//! powerflow

pub mod control;
pub mod dense;
pub mod line_constants;

pub mod pc;
pub mod sparse;
pub mod yprim;
