//! What each layer adds to the load: by step, and by load and transformer.
//!
//! The course that is accounted for is the nominal load: what loads draw at rated voltage, less what the scenario's photovoltaics and
//! batteries feed in when no voltage holds them back. Generation that the model had stays out on both sides. Consumption is positive.

use serde::Serialize;

/// What one layer does to one load, or through one new element.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerRow {
    pub layer: String,
    /// `class.name` of the element that carries the change.
    pub element: String,
    /// Load whose customers are concerned; empty where there is none.
    pub load: String,
    /// Transformer that the load hangs on; empty where there is none.
    pub transformer: String,
    pub customer_class: String,
    /// Vehicles, systems, customers or chargers.
    pub units: u32,
    /// Of the year; negative where the layer takes load away.
    pub energy_kwh: f64,
    /// The change of largest magnitude.
    pub peak_kw: f64,
    /// Step, from 0, of that change.
    pub peak_step: usize,
}

/// What one layer does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerRecord {
    pub layer: String,
    pub kind: String,
    /// Mean power of each step, kW.
    pub profile_kw: Vec<f64>,
    pub energy_kwh: f64,
    /// Units in all.
    pub units: u32,
    /// Customers that the allocation admits.
    pub customers: u32,
    /// Figures in words: what was fitted, what sessions came to, what a rule cut.
    pub facts: Vec<String>,
    pub rows: Vec<LedgerRow>,
}

impl LayerRecord {
    pub fn new(layer: &str, kind: &str, n_steps: usize) -> Self {
        Self {
            layer: layer.to_owned(),
            kind: kind.to_owned(),
            profile_kw: vec![0.0; n_steps],
            energy_kwh: 0.0,
            units: 0,
            customers: 0,
            facts: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The step of the largest magnitude and its power.
    pub fn peak(&self) -> (usize, f64) {
        peak(&self.profile_kw)
    }
}

/// Step and value of the largest magnitude, the first of equals.
pub fn peak(course: &[f64]) -> (usize, f64) {
    let mut best = (0, 0.0f64);
    for (k, &v) in course.iter().enumerate() {
        if v.abs() > best.1.abs() {
            best = (k, v);
        }
    }
    best
}

/// Everything that a scenario does to a network's nominal load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StackLedger {
    pub network: String,
    pub scenario: String,
    pub step_h: f64,
    /// Nominal load of the base network, kW a step.
    pub base_kw: Vec<f64>,
    /// In the order of the scenario.
    pub layers: Vec<LayerRecord>,
    /// Nominal load of the stacked network, counted from its own elements and shapes.
    pub stacked_kw: Vec<f64>,
}

impl StackLedger {
    /// Largest difference between the stacked load and base plus layers, as a share of the largest stacked or base load.
    pub fn residual(&self) -> f64 {
        let scale = peak(&self.stacked_kw).1.abs().max(peak(&self.base_kw).1.abs()).max(1e-12);
        let mut worst = 0.0f64;
        for k in 0..self.base_kw.len() {
            let sum = self.base_kw[k] + self.layers.iter().map(|l| l.profile_kw[k]).sum::<f64>();
            worst = worst.max((sum - self.stacked_kw[k]).abs());
        }
        worst / scale
    }
}
