//! Questions asked of a grid: a network in, tables out. Nothing here opens a file or reads a clock.

pub mod acceptance;
pub mod availability;
mod changes;
pub mod comparison;
pub mod contingency;
pub mod design_study;
pub mod desk;
pub mod flexibility;
pub mod hands;
pub mod hosting;
pub mod meter_map;
pub mod metering;
pub mod mitigation;
pub mod operations;
pub mod quality;
pub mod reconcile;
pub mod reliability;
pub mod scenario;
pub mod short_circuit;
pub mod sizing;
pub mod stability;
pub mod switching;
pub mod synthetic;
pub mod table;
pub mod time_series;
