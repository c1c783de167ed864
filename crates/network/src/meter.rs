//! Meters: what a model asks to be recorded.

use crate::{Common, ElementId};
use serde::{Deserialize, Serialize};

/// Records quantities at one terminal of one element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    pub common: Common,
    pub element: Option<ElementId>,
    /// 0-based.
    pub terminal: usize,
    /// Mode bits as OpenDSS numbers them (0 V and I, 1 power, 2 taps, 3 state variables, …).
    pub mode: u32,
    pub residual: bool,
    pub vi_polar: bool,
    pub p_polar: bool,
}

/// Accumulates energy over the zone downstream of one terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyMeter {
    pub common: Common,
    pub element: Option<ElementId>,
    /// 0-based.
    pub terminal: usize,
    /// Currents measured at peak, one a phase, for load allocation, A.
    pub peak_current_a: Vec<f64>,
    pub options: Vec<String>,
    pub kva_normal: f64,
    pub kva_emergency: f64,
    pub local_only: bool,
    pub mask: Vec<f64>,
    pub losses: bool,
    pub line_losses: bool,
    pub transformer_losses: bool,
    pub sequence_losses: bool,
    pub three_phase_losses: bool,
    pub voltage_base_losses: bool,
    pub phase_voltage_report: bool,
    pub zone_list: Vec<String>,
}

/// Holds measured values of one terminal, for estimation and allocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    pub common: Common,
    pub element: Option<ElementId>,
    /// 0-based.
    pub terminal: usize,
    pub kv_base: f64,
    /// Measured line-to-neutral (wye) or line-to-line (delta) kV.
    pub v_kv: Option<Vec<f64>>,
    pub i_a: Option<Vec<f64>>,
    pub p_kw: Option<Vec<f64>>,
    pub q_kvar: Option<Vec<f64>>,
    pub delta: bool,
    /// +1 for AB, BC, CA; -1 for AC, CB, BA.
    pub delta_direction: i32,
    pub error_pct: f64,
    pub weight: f64,
}
