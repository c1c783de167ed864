//! What changes of a network cost: the planner's own figures, for no published one holds for a street, a year and a company.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Costs of changes, in one currency. A change without its figure is not proposed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostCatalogue {
    /// Word for the currency, as `USD`.
    pub currency: String,
    /// Where the figures come from.
    pub source: String,
    /// A set point of one control changed, or a fixed tap of one transformer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<f64>,
    /// Volt-var turned on at one inverter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volt_var: Option<f64>,
    /// Other conductors in a line, for each kilometre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conductor_per_km: Option<f64>,
    /// The same for single line codes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conductor_per_km_of: BTreeMap<String, f64>,
    /// A second circuit beside a line, for each kilometre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_per_km: Option<f64>,
    /// A transformer of another size: so much each, and so much for each kVA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformer: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformer_per_kva: Option<f64>,
    /// A bank of capacitors: so much each, and so much for each kvar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacitor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacitor_per_kvar: Option<f64>,
    /// A voltage regulator, for each phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regulator_per_phase: Option<f64>,
    /// A battery, for each kW and kWh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_per_kw: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_per_kwh: Option<f64>,
    /// Worth of a kWh of losses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses_per_kwh: Option<f64>,
}

/// Names of all figures and what each is for, for a template and for a finding that one is missing.
pub const COST_FIGURES: &[(&str, &str)] = &[
    ("setting", "a set point of a control or a fixed tap changed, each"),
    ("volt_var", "volt-var turned on at an inverter, each"),
    ("conductor_per_km", "other conductors in a line, per km"),
    ("circuit_per_km", "a second circuit beside a line, per km"),
    ("transformer", "a transformer of another size, each"),
    ("transformer_per_kva", "a transformer of another size, per kVA of the new size"),
    ("capacitor", "a bank of capacitors, each"),
    ("capacitor_per_kvar", "a bank of capacitors, per kvar"),
    ("regulator_per_phase", "a voltage regulator, per phase"),
    ("battery_per_kw", "a battery, per kW"),
    ("battery_per_kwh", "a battery, per kWh"),
    ("losses_per_kwh", "worth of a kWh of losses"),
];

impl CostCatalogue {
    /// The figure of a name; none where the catalogue does not have it.
    pub fn figure(&self, name: &str) -> Option<f64> {
        match name {
            "setting" => self.setting,
            "volt_var" => self.volt_var,
            "conductor_per_km" => self.conductor_per_km,
            "circuit_per_km" => self.circuit_per_km,
            "transformer" => self.transformer,
            "transformer_per_kva" => self.transformer_per_kva,
            "capacitor" => self.capacitor,
            "capacitor_per_kvar" => self.capacitor_per_kvar,
            "regulator_per_phase" => self.regulator_per_phase,
            "battery_per_kw" => self.battery_per_kw,
            "battery_per_kwh" => self.battery_per_kwh,
            "losses_per_kwh" => self.losses_per_kwh,
            _ => None,
        }
    }

    /// Figures that are no costs: below zero or no numbers.
    pub fn faults(&self) -> Vec<String> {
        let single = COST_FIGURES.iter().filter_map(|(n, _)| Some(((*n).to_owned(), self.figure(n)?)));
        let codes = self.conductor_per_km_of.iter().map(|(n, x)| (format!("conductor_per_km_of.{n}"), *x));
        single.chain(codes).filter(|(_, x)| !(x.is_finite() && *x >= 0.0)).map(|(n, _)| n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_below_zero_is_told() {
        assert!(CostCatalogue::default().faults().is_empty());
        let odd = CostCatalogue { setting: Some(-1.0), ..CostCatalogue::default() };
        assert_eq!(odd.faults(), ["setting"]);
    }
}
