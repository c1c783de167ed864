//! The live twin of a plant. Here today: the simulated plant ([`plant`]), which stands in for a real substation until one is wired.

pub mod plant;
