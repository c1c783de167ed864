//! The live twin of a plant: what was measured, when, and how far it can be trusted ([`history`]).

pub mod history;
