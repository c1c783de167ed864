//! Tables of a stacked scenario, with what their columns mean.

use super::ledger::{LedgerRow, StackLedger, peak};
use crate::table::{Column, Table, Value, count, number, text};
use std::collections::BTreeMap;

pub const LAYERS: &[Column] = &[
    text("layer", "layer, the base, or all of it stacked"),
    text("kind", "kind of the layer"),
    count("units", "vehicles, systems, customers or chargers"),
    count("customers", "customers that the allocation admits"),
    number("energy_kwh", "kWh", "energy of the year; negative where the layer takes load away"),
    number("peak_kw", "kW", "power of largest magnitude"),
    number("peak_hour", "h", "end of the step of that power"),
];

pub const LOADS: &[Column] = &[
    text("load", "load whose customers are concerned"),
    text("layer", "layer"),
    text("transformer", "transformer that the load hangs on"),
    text("customer_class", "class of its customers"),
    count("units", "vehicles, systems, customers or chargers"),
    number("energy_kwh", "kWh", "energy of the year that the layer adds"),
    number("peak_kw", "kW", "change of largest magnitude"),
    number("peak_hour", "h", "end of the step of that change"),
];

pub const ROWS: &[Column] = &[
    text("layer", "layer"),
    text("carrier", "element that carries the change, of the stacked network"),
    text("load", "load whose customers are concerned"),
    text("transformer", "transformer that the load hangs on"),
    text("customer_class", "class of its customers"),
    count("units", "vehicles, systems, customers or chargers"),
    number("energy_kwh", "kWh", "energy of the year that the layer adds"),
    number("peak_kw", "kW", "change of largest magnitude"),
    number("peak_hour", "h", "end of the step of that change"),
];

pub const PROFILES: &[Column] = &[
    number("hour", "h", "end of the step"),
    text("course", "base, a layer, or stacked"),
    number("p_kw", "kW", "nominal load of the step"),
];

impl StackLedger {
    /// Figures of the layers, what each does to each load, every row, and the courses.
    pub fn tables(&self) -> Vec<Table> {
        vec![self.layer_table(), self.load_table(), self.row_table(), self.profile_table()]
    }

    fn hour(&self, step: usize) -> Value {
        Value::Number((step + 1) as f64 * self.step_h)
    }

    fn layer_table(&self) -> Table {
        let of = |layer: &str, kind: &str, units: Value, customers: Value, course: &[f64]| {
            let (step, kw) = peak(course);
            let energy = Value::Number(course.iter().sum::<f64>() * self.step_h);
            vec![Value::text(layer), Value::text(kind), units, customers, energy, Value::Number(kw), self.hour(step)]
        };
        let mut rows = vec![of("base", "", Value::Empty, Value::Empty, &self.base_kw)];
        rows.extend(
            self.layers
                .iter()
                .map(|l| of(&l.layer, &l.kind, Value::Count(l.units.into()), Value::Count(l.customers.into()), &l.profile_kw)),
        );
        rows.push(of("stacked", "", Value::Empty, Value::Empty, &self.stacked_kw));
        Table { name: "layers", meaning: "what each layer adds", columns: LAYERS, rows }
    }

    /// Of one load and layer there may be several rows: vehicles and their chargers, systems of several kinds.
    fn load_table(&self) -> Table {
        let mut sums: BTreeMap<(&str, &str), LedgerRow> = BTreeMap::new();
        for r in self.layers.iter().flat_map(|l| &l.rows).filter(|r| !r.load.is_empty()) {
            match sums.get_mut(&(r.layer.as_str(), r.load.as_str())) {
                None => {
                    sums.insert((&r.layer, &r.load), r.clone());
                }
                Some(sum) => {
                    sum.units += r.units;
                    sum.energy_kwh += r.energy_kwh;
                    if r.peak_kw.abs() > sum.peak_kw.abs() {
                        (sum.peak_kw, sum.peak_step) = (r.peak_kw, r.peak_step);
                    }
                }
            }
        }
        let row = |r: &LedgerRow| {
            vec![
                Value::text(r.load.clone()),
                Value::text(r.layer.clone()),
                Value::text(r.transformer.clone()),
                Value::text(r.customer_class.clone()),
                Value::Count(r.units.into()),
                Value::Number(r.energy_kwh),
                Value::Number(r.peak_kw),
                self.hour(r.peak_step),
            ]
        };
        Table { name: "loads", meaning: "what each layer does to each load", columns: LOADS, rows: sums.values().map(row).collect() }
    }

    fn row_table(&self) -> Table {
        let row = |r: &LedgerRow| {
            vec![
                Value::text(r.layer.clone()),
                Value::text(r.element.clone()),
                Value::text(r.load.clone()),
                Value::text(r.transformer.clone()),
                Value::text(r.customer_class.clone()),
                Value::Count(r.units.into()),
                Value::Number(r.energy_kwh),
                Value::Number(r.peak_kw),
                self.hour(r.peak_step),
            ]
        };
        let rows = self.layers.iter().flat_map(|l| &l.rows).map(row).collect();
        Table { name: "ledger", meaning: "what each layer does through each element", columns: ROWS, rows }
    }

    fn profile_table(&self) -> Table {
        let courses = std::iter::once(("base", &self.base_kw))
            .chain(self.layers.iter().map(|l| (l.layer.as_str(), &l.profile_kw)))
            .chain([("stacked", &self.stacked_kw)]);
        let rows = courses
            .flat_map(|(name, course)| {
                course.iter().enumerate().map(move |(k, kw)| vec![self.hour(k), Value::text(name), Value::Number(*kw)])
            })
            .collect();
        Table { name: "profiles", meaning: "nominal load step by step", columns: PROFILES, rows }
    }
}
