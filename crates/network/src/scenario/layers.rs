//! The layers of a scenario; what each value means is in the table of [parameters](super::parameters).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! layer_kinds {
    ($($(#[$doc:meta])* $kind:ident($data:ident), $name:literal;)*) => {
        /// What a layer does.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum LayerKind { $($(#[$doc])* $kind(Box<$data>),)* }

        impl LayerKind {
            /// The word that files use.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => $name,)* }
            }
        }
    };
}

layer_kinds! {
    /// Electric vehicles charged at home or at work.
    Ev(EvLayer), "ev";
    /// Public fast charging.
    FastCharging(FastChargingLayer), "fast_charging";
    /// Photovoltaics of customers.
    Solar(SolarLayer), "solar";
    /// Batteries of customers.
    Storage(StorageLayer), "storage";
    /// Heat pumps.
    Electrification(ElectrificationLayer), "electrification";
    /// Heat and cold waves.
    Weather(WeatherLayer), "weather";
    /// Tariffs and rules.
    Policy(PolicyLayer), "policy";
    /// Growth or decline of the present load.
    Growth(GrowthLayer), "growth";
    /// Changes of the network itself.
    Changes(ChangesLayer), "changes";
}

impl LayerKind {
    /// Which loads the layer is for, if it is for loads.
    pub fn allocation(&self) -> Option<&Allocation> {
        match self {
            Self::Ev(l) => Some(&l.allocation),
            Self::FastCharging(l) => Some(&l.allocation),
            Self::Solar(l) => Some(&l.allocation),
            Self::Storage(l) => Some(&l.allocation),
            Self::Electrification(l) => Some(&l.allocation),
            Self::Weather(l) => Some(&l.allocation),
            Self::Policy(l) => Some(&l.allocation),
            Self::Growth(l) => Some(&l.allocation),
            Self::Changes(_) => None,
        }
    }
}

/// Which loads a layer is for, and which of them are likelier. Lists that are empty exclude nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    pub feeders: Vec<String>,
    pub transformers: Vec<String>,
    pub loads: Vec<String>,
    pub classes: Vec<String>,
    /// Weight by class; 1 where none is told.
    pub propensity: BTreeMap<String, f64>,
    pub weights_csv: Option<String>,
}

/// A point of an adoption curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptionPoint {
    pub year: i64,
    pub penetration_pct: f64,
}

/// Share of adopters in a year, percent: straight between the points, constant beyond them. Points must be in order.
pub fn adoption_pct(points: &[AdoptionPoint], year: i32) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let year = f64::from(year);
    if year <= first.year as f64 {
        return Some(first.penetration_pct);
    }
    let next = points.iter().position(|p| p.year as f64 >= year);
    let Some(i) = next.filter(|&i| i > 0) else { return Some(last.penetration_pct) };
    let (a, b) = (&points[i - 1], &points[i]);
    let share = (year - a.year as f64) / (b.year - a.year) as f64;
    Some(a.penetration_pct + share * (b.penetration_pct - a.penetration_pct))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HomeCharger {
    Level1,
    Level2,
    #[serde(rename = "level2_48a")]
    Level2HighPower,
}

impl HomeCharger {
    /// 12 A at 120 V, 30 A and 48 A at 240 V: continuous currents of 15, 40 and 60 A circuits (SAE J1772).
    pub fn power_kw(self) -> f64 {
        match self {
            Self::Level1 => 1.4,
            Self::Level2 => 7.2,
            Self::Level2HighPower => 11.5,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargingStart {
    /// As soon as the vehicle is there.
    OnArrival,
    /// Waits for `timer_h`.
    Timer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvLayer {
    pub penetration_pct: Option<f64>,
    pub adoption: Vec<AdoptionPoint>,
    pub vehicles_per_adopter: i64,
    pub charger: HomeCharger,
    pub power_kw: Option<f64>,
    pub power_factor: f64,
    pub profile_csv: Option<String>,
    pub distance_median_km: f64,
    pub distance_sigma: f64,
    pub weekend_distance_factor: f64,
    /// Days on which a vehicle drives at all, %.
    pub days_driven_pct: f64,
    pub consumption_kwh_per_km: f64,
    pub cold_pct_per_c: f64,
    pub hot_pct_per_c: f64,
    pub mild_c: f64,
    pub battery_kwh: f64,
    pub arrival_weekday_mean_h: f64,
    pub arrival_weekday_sd_h: f64,
    pub arrival_weekend_mean_h: f64,
    pub arrival_weekend_sd_h: f64,
    pub arrival_weekday_weights: Option<Vec<f64>>,
    pub arrival_weekend_weights: Option<Vec<f64>>,
    pub departure_mean_h: f64,
    pub departure_sd_h: f64,
    pub plug_in_pct: f64,
    pub start: ChargingStart,
    pub timer_h: f64,
    pub timer_pct: f64,
    pub allocation: Allocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FastCharger {
    /// 50 to 150 kW a port.
    #[serde(rename = "dcfc_150")]
    Dcfc150,
    /// 150 to 350 kW a port.
    #[serde(rename = "dcfc_350")]
    Dcfc350,
}

impl FastCharger {
    pub fn power_range_kw(self) -> (f64, f64) {
        match self {
            Self::Dcfc150 => (50.0, 150.0),
            Self::Dcfc350 => (150.0, 350.0),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastChargingLayer {
    pub stations: i64,
    pub buses: Vec<String>,
    pub charger: FastCharger,
    pub ports_per_station: i64,
    pub sessions_per_port_day: f64,
    pub weekend_factor: f64,
    pub energy_mean_kwh: f64,
    pub energy_sd_kwh: f64,
    pub arrival_weights: Vec<f64>,
    pub power_factor: f64,
    pub transformer_kv: f64,
    pub allocation: Allocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transposition {
    Isotropic,
    HayDavies,
}

/// A share of systems that faces one way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orientation {
    pub tilt_deg: f64,
    /// Clockwise from north.
    pub azimuth_deg: f64,
    pub weight: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolarLayer {
    pub penetration_pct: Option<f64>,
    pub adoption: Vec<AdoptionPoint>,
    pub size_median_kw: f64,
    pub size_sigma: f64,
    pub size_min_kw: f64,
    pub size_max_kw: f64,
    pub size_of_peak_pct: Option<f64>,
    pub orientations: Vec<Orientation>,
    pub transposition: Transposition,
    pub albedo_pct: f64,
    pub temperature_pct_per_c: f64,
    pub losses_pct: f64,
    pub dc_ac_ratio: f64,
    pub inverter_efficiency_pct: f64,
    pub faiman_u0_w_per_m2_c: f64,
    pub faiman_u1_w_s_per_m3_c: f64,
    pub wind_speed_m_per_s: f64,
    pub incidence_b: f64,
    pub allocation: Allocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageStrategy {
    /// Takes what the customer's sun gives beyond the load, gives it back to the load.
    SelfConsumption,
    /// Charges and discharges in windows of hours.
    TimeOfUse,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageLayer {
    pub penetration_pct: Option<f64>,
    pub adoption: Vec<AdoptionPoint>,
    pub with_solar_only: bool,
    pub power_kw: f64,
    pub energy_kwh: f64,
    pub reserve_pct: f64,
    pub round_trip_pct: f64,
    pub strategy: StorageStrategy,
    pub charge_from_h: f64,
    pub charge_to_h: f64,
    pub discharge_from_h: f64,
    pub discharge_to_h: f64,
    pub allocation: Allocation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElectrificationLayer {
    pub penetration_pct: Option<f64>,
    pub adoption: Vec<AdoptionPoint>,
    pub heat_loss_kw_per_c: f64,
    pub heat_loss_sigma: f64,
    pub balance_c: f64,
    pub capacity_kw: f64,
    pub cop_at_8_3_c: f64,
    pub cop_at_minus_8_3_c: f64,
    pub cop_min: f64,
    pub capacity_pct_per_c: f64,
    pub backup: bool,
    pub power_factor: f64,
    pub allocation: Allocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveForm {
    /// Rises over the first quarter, falls over the last.
    Trapezoid,
    /// The whole amplitude from first to last.
    Step,
    /// Half a period of a sine.
    HalfSine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extreme {
    Hottest,
    Coldest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeatherLayer {
    /// `MM-DD`.
    pub start: Option<String>,
    pub length_d: f64,
    pub amplitude_c: Option<f64>,
    pub night_share_pct: f64,
    pub form: WaveForm,
    pub file: Option<String>,
    pub file_year: Option<i64>,
    pub pick: Option<Extreme>,
    pub cooling_pct_per_c: f64,
    pub heating_pct_per_c: f64,
    pub cooling_above_c: f64,
    pub heating_below_c: f64,
    pub fit: bool,
    pub allocation: Allocation,
}

/// A time-of-use tariff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouPolicy {
    pub peak_from_h: f64,
    pub peak_to_h: f64,
    pub weekdays_only: bool,
    pub first_month: i64,
    pub last_month: i64,
    pub price_ratio: f64,
    pub participation_pct: f64,
    pub substitution_elasticity: f64,
    pub energy_elasticity: f64,
    pub shift_pct: Option<f64>,
    pub ev_shift_pct: f64,
}

/// What a mandate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mandated {
    Ev,
    Solar,
    Storage,
    Electrification,
}

impl Mandated {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ev => "ev",
            Self::Solar => "solar",
            Self::Storage => "storage",
            Self::Electrification => "electrification",
        }
    }
}

/// A share of customers that a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandatePolicy {
    pub layer: Mandated,
    pub penetration_pct: f64,
}

/// Limits on what may be connected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterconnectionCap {
    pub per_customer_kw: Option<f64>,
    pub per_transformer_pct: Option<f64>,
    pub per_feeder_peak_pct: Option<f64>,
}

/// Volt-var function of inverters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoltVarPolicy {
    pub v_pu: Vec<f64>,
    pub q_pct: Vec<f64>,
    pub existing: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyLayer {
    pub tou: Option<TouPolicy>,
    pub mandate: Option<MandatePolicy>,
    pub interconnection_cap: Option<InterconnectionCap>,
    pub volt_var: Option<VoltVarPolicy>,
    pub allocation: Allocation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrowthLayer {
    pub change_pct: f64,
    pub allocation: Allocation,
}

/// Lines get other conductors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconductor {
    pub lines: Vec<String>,
    pub line_code: String,
}

/// A transformer is replaced by one of another size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTransformer {
    pub transformers: Vec<String>,
    pub kva: f64,
}

/// A bank of shunt capacitors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCapacitor {
    pub bus: String,
    pub kvar: f64,
}

/// Regulators, one a phase, at the head of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRegulator {
    pub line: String,
    pub kva: f64,
    pub v_target_v: f64,
    pub band_v: f64,
}

/// A battery that shaves the peak of an element's flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBattery {
    pub bus: String,
    pub power_kw: f64,
    pub energy_kwh: f64,
    /// `class.name` of the element whose flow is watched.
    pub watch: String,
    pub target_kw: f64,
    pub charge_below_kw: f64,
}

/// Switches, or lines, opened and closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub open: Vec<String>,
    pub close: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangesLayer {
    pub reconductor: Vec<Reconductor>,
    pub transformers: Vec<NewTransformer>,
    pub capacitors: Vec<NewCapacitor>,
    pub regulators: Vec<NewRegulator>,
    pub batteries: Vec<NewBattery>,
    pub transfer: Option<Transfer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adoption_is_straight_between_points() {
        let curve = [(2025, 5.0), (2030, 15.0), (2040, 55.0)].map(|(year, penetration_pct)| AdoptionPoint { year, penetration_pct });
        assert_eq!(adoption_pct(&curve, 2020), Some(5.0));
        assert_eq!(adoption_pct(&curve, 2027), Some(9.0));
        assert_eq!(adoption_pct(&curve, 2030), Some(15.0));
        assert_eq!(adoption_pct(&curve, 2035), Some(35.0));
        assert_eq!(adoption_pct(&curve, 2050), Some(55.0));
        assert_eq!(adoption_pct(&[], 2030), None);
    }
}
