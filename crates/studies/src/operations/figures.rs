//! Figures of a desk: losses and what they are made of, renewable share, loads to come, alerts.
//!
//! ```text
//! transmission   losses of lines whose base voltage is above the limit (35 kV: the upper end of medium voltage in IEC 60038)
//! distribution   losses of all other lines
//! technical      losses of equipment between buses that is no line: transformers, regulators, series reactors and capacitors
//! ```
//!
//! The three add up to the losses of the power flow. Renewable share: power of PV systems and of generators named as renewable, over all that is
//! delivered.

use super::OperationsError;
use super::moment::{Variation, at_step};
use super::telemetry::{EdgeReading, Telemetry, source_kw, terminal_kva};
use network::{ElementId, ElementKind, Network};
use powerflow::State;
use serde::{Deserialize, Serialize};

/// Voltage up to which a line is distribution, kV line to line.
pub const DISTRIBUTION_KV: f64 = 35.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossBreakdown {
    pub transmission_kw: f64,
    pub distribution_kw: f64,
    pub technical_kw: f64,
    pub total_kw: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub demand_kw: f64,
    pub delivered_kw: f64,
    pub losses: LossBreakdown,
    /// Of what is delivered; none where nothing is.
    pub losses_pct: Option<f64>,
    /// What arrives of what is delivered.
    pub efficiency_pct: Option<f64>,
    pub renewable_kw: f64,
    pub renewable_pct: Option<f64>,
}

/// Figures of a solved state. `renewable` names generators that run on renewable energy, as `generator.name`; PV systems always do.
pub fn figures(state: &State, renewable: &[String]) -> Figures {
    let network = state.circuit().network();
    let mut losses = LossBreakdown::default();
    let (mut demand_kw, mut delivered_kw, mut renewable_kw) = (0.0, 0.0, 0.0);
    for e in state.circuit().elements() {
        let into_kw = || terminal_kva(state, e.id).iter().map(|s| s.0).sum::<f64>();
        match e.id.kind {
            ElementKind::Load => demand_kw += into_kw(),
            ElementKind::VoltageSource => delivered_kw += source_kw(state, e.id),
            ElementKind::Generator | ElementKind::PvSystem | ElementKind::Storage | ElementKind::InductionMachine => {
                let kw = -into_kw();
                if kw > 0.0 {
                    delivered_kw += kw;
                } else {
                    demand_kw -= kw;
                }
                let is_renewable = e.id.kind == ElementKind::PvSystem || renewable.contains(&network.full_name(e.id));
                renewable_kw += if is_renewable { kw.max(0.0) } else { 0.0 };
            }
            _ if is_series(network, e.id) => {
                let kw = into_kw();
                let kv = network.common(e.id).terminals.first().and_then(|t| network.bus(t.bus).kv_base_ll());
                *match e.id.kind {
                    ElementKind::Line if kv.is_some_and(|kv| kv > DISTRIBUTION_KV) => &mut losses.transmission_kw,
                    ElementKind::Line => &mut losses.distribution_kw,
                    _ => &mut losses.technical_kw,
                } += kw;
            }
            _ => {}
        }
    }
    losses.total_kw = losses.transmission_kw + losses.distribution_kw + losses.technical_kw;
    let share = |kw: f64| (delivered_kw > 0.0).then(|| 100.0 * kw / delivered_kw);
    Figures {
        demand_kw,
        delivered_kw,
        losses,
        losses_pct: share(losses.total_kw),
        efficiency_pct: share(losses.total_kw).map(|pct| 100.0 - pct),
        renewable_kw,
        renewable_pct: share(renewable_kw),
    }
}

/// Whether losses of an element count as the power flow counts them.
fn is_series(network: &Network, id: ElementId) -> bool {
    match id.kind {
        ElementKind::Line | ElementKind::Transformer => true,
        ElementKind::Capacitor => network.capacitors[id.index()].bus2_defined,
        ElementKind::Reactor => network.reactors[id.index()].bus2_defined,
        _ => false,
    }
}

/// Load of an hour to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HourForecast {
    /// Hours from now, 1 the next.
    pub ahead_h: u32,
    pub p_kw: f64,
    /// Bounds where the method has them.
    pub low_kw: Option<f64>,
    pub high_kw: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadForecast {
    /// `daily_profile` or `holt_winters`.
    pub method: String,
    pub hours: Vec<HourForecast>,
}

/// Loads of the hours after `step`: what the power flow draws at each by the daily shapes of the network's own loads, without noise.
///
/// # Errors
/// An hour without solution.
pub fn profile_forecast(network: &Network, step: u32, hours: u32) -> Result<LoadForecast, OperationsError> {
    let none = Variation { demand_pct: 0.0, source_pct: 0.0 };
    let at = |ahead_h: u32| -> Result<HourForecast, OperationsError> {
        let state = at_step(network, 0, step.saturating_add(ahead_h), &none)?;
        let loads = state.circuit().elements().iter().filter(|e| e.id.kind == ElementKind::Load);
        let p_kw = loads.flat_map(|e| terminal_kva(&state, e.id)).map(|s| s.0).sum::<f64>() + 0.0;
        Ok(HourForecast { ahead_h, p_kw, low_kw: None, high_kw: None })
    };
    Ok(LoadForecast { method: "daily_profile".into(), hours: (1..=hours).map(at).collect::<Result<_, _>>()? })
}

/// Values from which an alert is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    pub loading_pct: f64,
    pub conductor_c: f64,
    pub hot_spot_c: f64,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
}

impl Default for Thresholds {
    /// The rating; what a conductor's rating stands for; the hot spot at which paper ages at its normal rate (IEEE C57.91); ANSI C84.1, range A.
    fn default() -> Self {
        Self {
            loading_pct: 100.0,
            conductor_c: super::telemetry::CONDUCTOR_C,
            hot_spot_c: powerflow::thermal::REFERENCE_65_C,
            v_min_pu: 1.0 - super::risk::BAND_PU,
            v_max_pu: 1.0 + super::risk::BAND_PU,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    Overload,
    Temperature,
    Voltage,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub kind: AlertKind,
    /// `class.name` or bus.
    pub at: String,
    pub value: f64,
    pub limit: f64,
    /// `%`, `C` or `pu`.
    pub unit: String,
}

impl Alert {
    /// Distance beyond the limit, per unit of it.
    pub fn excess(&self) -> f64 {
        (self.value - self.limit).abs() / self.limit.abs().max(1e-9)
    }
}

/// What lies beyond its threshold, the farthest first.
pub fn alerts(telemetry: &Telemetry, thresholds: &Thresholds) -> Vec<Alert> {
    let mut found = Vec::new();
    let mut tell = |kind, at: &str, value: f64, limit: f64, unit: &str, beyond: bool| {
        if beyond {
            found.push(Alert { kind, at: at.to_owned(), value, limit, unit: unit.to_owned() });
        }
    };
    let t = thresholds;
    let hottest = |e: &EdgeReading| if e.element.starts_with("line.") { t.conductor_c } else { t.hot_spot_c };
    for e in &telemetry.edges {
        if let Some(pct) = e.loading_pct {
            tell(AlertKind::Overload, &e.element, pct, t.loading_pct, "%", pct > t.loading_pct);
        }
        if let Some(c) = e.temperature_c {
            tell(AlertKind::Temperature, &e.element, c, hottest(e), "C", c > hottest(e));
        }
    }
    for n in &telemetry.nodes {
        if let Some(v) = n.v_min_pu {
            tell(AlertKind::Voltage, &n.bus, v, t.v_min_pu, "pu", v < t.v_min_pu);
        }
        if let Some(v) = n.v_max_pu {
            tell(AlertKind::Voltage, &n.bus, v, t.v_max_pu, "pu", v > t.v_max_pu);
        }
    }
    found.sort_by(|a, b| b.excess().total_cmp(&a.excess()).then_with(|| a.at.cmp(&b.at)));
    found
}
