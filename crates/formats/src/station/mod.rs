//! Stations: the register of a substation's equipment and the settings of its relays, two YAML files beside the model.
//!
//! ```text
//! text ─► tree of values with lines ─► fields (fields) ─► Station (equipment), Vec<StationRelay> (relays)
//! ```
//!
//! A name of an element or bus is looked up in the network that the files go with. Reading goes on after a fault, so that all findings come at
//! once, each with file and line; a file with errors gives no register and no relays.

mod equipment;
mod fields;
mod relays;

pub use equipment::read_equipment;
pub use relays::read_relays;

/// What reading a file gave: `None` when it has errors.
#[derive(Clone, Debug)]
pub struct Read<T> {
    pub value: Option<T>,
    pub findings: Vec<network::Diagnostic>,
}

#[cfg(test)]
mod tests;
