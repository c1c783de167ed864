//! Tables of a prediction, with what their columns mean.

use super::predicted::Prediction;
use crate::table::{Column, Table, Value, number, text};
use network::Network;

pub const LOAD_POINTS: &[Column] = &[
    text("load", "load"),
    text("bus", "bus where it stands"),
    number("customers", "", "customers of the load"),
    number("mean_kw", "kW", "mean power over the year"),
    number("interruptions_per_yr", "1/yr", "lasting interruptions in a year"),
    number("unavailability_h_per_yr", "h/yr", "time without supply in a year"),
    number("momentary_per_yr", "1/yr", "momentary interruptions in a year"),
];

pub const ELEMENTS: &[Column] = &[
    text("element", "element that fails"),
    number("failures_per_yr", "1/yr", "lasting failures in a year"),
    number("repair_h", "h", "time to repair it"),
    number("customer_interruptions_per_yr", "1/yr", "customers interrupted by it in a year, each time counted"),
    number("customer_hours_per_yr", "h/yr", "hours without supply of all customers in a year"),
    number("energy_kwh_per_yr", "kWh/yr", "energy not supplied in a year"),
];

impl Prediction {
    /// Load points that have supply, and elements, those first whose failures cost most customer hours.
    pub fn tables(&self, network: &Network) -> [Table; 2] {
        let points = self.load_points.iter().filter(|l| !l.is_unsupplied).map(|l| {
            let words = [network.common(l.load).name.clone(), network.bus(l.bus).name.clone()].map(Value::text);
            let numbers = [l.customers, l.mean_kw, l.interruptions_per_yr, l.unavailability_h_per_yr, l.momentary_per_yr];
            words.into_iter().chain(numbers.map(Value::Number)).collect()
        });
        let elements = self.contributions.iter().map(|c| {
            let numbers = [c.failures_per_yr, c.repair_h, c.customer_interruptions_per_yr, c.customer_hours_per_yr, c.energy_kwh_per_yr];
            std::iter::once(Value::text(network.full_name(c.element))).chain(numbers.map(Value::Number)).collect()
        });
        [
            Table {
                name: "load_points",
                meaning: "how often and how long each load is interrupted",
                columns: LOAD_POINTS,
                rows: points.collect(),
            },
            Table { name: "elements", meaning: "what the failures of each element cost", columns: ELEMENTS, rows: elements.collect() },
        ]
    }
}
