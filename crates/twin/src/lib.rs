//! The live twin of a plant: what was measured, when, and how far it can be trusted ([`history`]), and what people have to be told of it
//! ([`alarms`]).

pub mod alarms;
pub mod history;
