//! What other tools found of a design: rows of their result tables in our units.
//!
//! Injections are positive (generation less load), powers in MW and Mvar, voltages per unit of the bus's rated voltage, angles in degrees,
//! currents in kA, times in hours, availability as a fraction.

use crate::SourceRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a row stands, its scenario, and columns that are kept but not judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowOrigin {
    pub source: SourceRef,
    /// Empty where the table has none.
    pub scenario_id: String,
    pub extra: BTreeMap<String, String>,
}

/// A bus of an ETAP load flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadFlowRow {
    pub origin: RowOrigin,
    pub bus_id: String,
    pub bus_name: String,
    pub voltage_kv: Option<f64>,
    pub voltage_pu: f64,
    pub angle_deg: Option<f64>,
    pub p_mw: Option<f64>,
    pub q_mvar: Option<f64>,
    pub loading_pct: Option<f64>,
}

/// A fault of an ETAP short-circuit study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShortCircuitRow {
    pub origin: RowOrigin,
    pub bus_id: String,
    pub bus_name: String,
    pub fault_type: String,
    pub isc_ka: f64,
    pub x_r_ratio: Option<f64>,
    pub breaker_rating_ka: Option<f64>,
    pub duty_pct: Option<f64>,
    pub isc_mva: Option<f64>,
}

/// A bus of a PSS/E power flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PowerFlowRow {
    pub origin: RowOrigin,
    pub bus: u32,
    pub name: String,
    pub vm_pu: f64,
    pub va_deg: f64,
    pub p_gen_mw: Option<f64>,
    pub q_gen_mvar: Option<f64>,
    pub p_load_mw: Option<f64>,
    pub q_load_mvar: Option<f64>,
    pub base_kv: Option<f64>,
    /// The file says that it is the reference.
    pub is_swing: bool,
}

/// A block of a RAM analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RamRow {
    pub origin: RowOrigin,
    pub block_id: String,
    pub block_name: String,
    /// Fraction.
    pub availability: f64,
    /// Half a unit of its last printed digit, as a fraction.
    pub availability_rounding: f64,
    pub mtbf_h: Option<f64>,
    pub mttr_h: Option<f64>,
    pub annual_downtime_h: Option<f64>,
    pub failures_per_year: Option<f64>,
}

/// Everything imported for one design. A list is `None` when no file of its kind was there: not run, which is not passed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub load_flow: Option<Vec<LoadFlowRow>>,
    pub short_circuit: Option<Vec<ShortCircuitRow>>,
    pub power_flow: Option<Vec<PowerFlowRow>>,
    pub ram: Option<Vec<RamRow>>,
}

impl Results {
    pub fn is_empty(&self) -> bool {
        self.load_flow.is_none() && self.short_circuit.is_none() && self.power_flow.is_none() && self.ram.is_none()
    }
}
