//! The live twin of a plant.

pub mod alarms;
