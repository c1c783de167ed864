//! powerflow
