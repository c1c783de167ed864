//! The live twin of a plant: what was measured, when, and how far it can be trusted ([`history`]), what people have to be told of it
//! ([`alarms`]) and how it reaches them ([`sending`]), and a simulated plant that stands in for a real one until that is wired ([`plant`]).

pub mod alarms;
pub mod history;
pub mod live;
pub mod plant;
pub mod sending;
pub mod watch;
