//! Neighbourhoods of a feeder: buses under a number (a pincode), with the transformer that supplies them and limits that automatic management
//! keeps.

use serde::{Deserialize, Serialize};

/// Neighbourhoods of one feeder, and what its management keeps to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbourhoods {
    #[serde(default)]
    pub limits: FeederLimits,
    pub neighbourhoods: Vec<Neighbourhood>,
}

/// What automatic management keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeederLimits {
    /// Generation is curtailed where it lifts its bus above this, per unit.
    pub v_max_pu: f64,
    /// Most power that may flow back into the supply, kW.
    pub reverse_max_kw: f64,
    /// Least power factor of a neighbourhood's demand; reactive power is compensated up to it.
    pub power_factor_min: f64,
}

impl Default for FeederLimits {
    /// ANSI C84.1 range A for the voltage (105 %); no power back; a power factor that ordinary loads have.
    fn default() -> Self {
        Self { v_max_pu: 1.05, reverse_max_kw: 0.0, power_factor_min: 0.85 }
    }
}

/// Buses under one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbourhood {
    pub pincode: u32,
    pub buses: Vec<String>,
    /// Bus at which the transformer of the neighbourhood stands.
    pub transformer_bus: String,
    /// Transformer of the model that supplies it, without its class; none where the model ends at the medium voltage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer: Option<String>,
    /// Rating, kVA; that of the model's transformer where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kva: Option<f64>,
}
