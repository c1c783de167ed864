//! A substation's equipment and its protection, as its owner lists them: what stands where, of what rating, which elements of the network
//! it is, and how its relays are set.
//!
//! Both are plain data that `formats::station` reads; `docs/formats/station.md` describes the files.

use crate::{BusId, ElementId, SourceRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a piece of station equipment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EquipmentKind {
    PowerTransformer,
    DistributionTransformer,
    Breaker,
    /// The isolators of one bay.
    IsolatorSet,
    Busbar,
    CurrentTransformer,
    VoltageTransformer,
    Arrester,
    Reactor,
    Capacitor,
    Feeder,
    Line,
}

impl EquipmentKind {
    pub const ALL: [Self; 12] = [
        Self::PowerTransformer,
        Self::DistributionTransformer,
        Self::Breaker,
        Self::IsolatorSet,
        Self::Busbar,
        Self::CurrentTransformer,
        Self::VoltageTransformer,
        Self::Arrester,
        Self::Reactor,
        Self::Capacitor,
        Self::Feeder,
        Self::Line,
    ];

    /// Its word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::PowerTransformer => "power_transformer",
            Self::DistributionTransformer => "distribution_transformer",
            Self::Breaker => "breaker",
            Self::IsolatorSet => "isolator_set",
            Self::Busbar => "busbar",
            Self::CurrentTransformer => "current_transformer",
            Self::VoltageTransformer => "voltage_transformer",
            Self::Arrester => "arrester",
            Self::Reactor => "reactor",
            Self::Capacitor => "capacitor",
            Self::Feeder => "feeder",
            Self::Line => "line",
        }
    }

    /// Values that its rating must have; a name ends with its unit.
    pub fn rating(self) -> &'static [&'static str] {
        match self {
            Self::PowerTransformer | Self::DistributionTransformer => &["mva", "hv_kv", "lv_kv"],
            Self::Breaker => &[
                "kv",
                "normal_a",
                "breaking_ka",
                "open_ms",
                "close_ms",
                "full_breaking_operations",
                "mechanical_operations",
                "sf6_rated_bar",
                "sf6_alarm_bar",
                "sf6_lockout_bar",
                "sf6_leak_pct_per_year",
            ],
            Self::IsolatorSet => &["kv", "normal_a", "operate_s"],
            Self::Busbar => &["kv", "normal_a"],
            Self::CurrentTransformer => &["kv", "primary_a", "secondary_a", "class_pct"],
            Self::VoltageTransformer => &["kv", "secondary_v", "class_pct", "capacitance_pf"],
            Self::Arrester => &["kv", "continuous_kv"],
            Self::Reactor | Self::Capacitor => &["kv", "mvar"],
            Self::Feeder => &["kv", "normal_a"],
            Self::Line => &["kv", "normal_a", "length_km"],
        }
    }
}

/// A place in the yard, metres from its origin: `x` along the busbars, `y` across, `z` up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct YardPlace {
    pub x_m: f64,
    pub y_m: f64,
    pub z_m: f64,
}

/// An element of the network, or one end of it, that a piece of equipment is or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EquipmentPart {
    pub element: ElementId,
    /// 0-based; `None` is the whole element.
    pub terminal: Option<usize>,
}

/// Thermal constants of a transformer's nameplate and test report, by the letters of IEEE C57.91, clause 7.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThermalNameplate {
    /// Top-oil rise over ambient at rated load, K.
    pub top_oil_rise_k: f64,
    /// Hottest spot over top oil at rated load, K.
    pub hot_spot_gradient_k: f64,
    /// Load loss over no-load loss at rated load.
    pub loss_ratio: f64,
    pub tau_oil_h: f64,
    pub tau_winding_h: f64,
    /// Exponents with the fans running, and without.
    pub n: f64,
    pub m: f64,
    pub n_natural: f64,
    pub m_natural: f64,
    /// Rating without fans, part of the full rating.
    pub natural_share: f64,
    /// Top-oil temperatures at which fans start and stop, C.
    pub fans_on_c: f64,
    pub fans_off_c: f64,
    pub oil_litre: f64,
}

/// A piece of station equipment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equipment {
    pub id: String,
    pub kind: EquipmentKind,
    pub name: String,
    pub maker: String,
    pub product: String,
    /// ISO 8601 date.
    pub commissioned: String,
    pub bay: String,
    pub place: YardPlace,
    pub parts: Vec<EquipmentPart>,
    /// The bus it stands at, of busbars and what hangs on them.
    pub bus: Option<BusId>,
    /// Values by name; the name ends with the unit.
    pub rating: BTreeMap<String, f64>,
    pub thermal: Option<ThermalNameplate>,
    pub source: SourceRef,
}

impl Equipment {
    /// A value of the rating.
    ///
    /// # Panics
    /// When the register was not read by the rules of [`EquipmentKind::rating`].
    pub fn rated(&self, name: &str) -> f64 {
        *self.rating.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.id))
    }
}

/// The equipment of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Station {
    pub name: String,
    pub equipment: Vec<Equipment>,
}

impl Station {
    pub fn find(&self, id: &str) -> Option<&Equipment> {
        self.equipment.iter().find(|e| e.id.eq_ignore_ascii_case(id))
    }

    pub fn of_kind(&self, kind: EquipmentKind) -> impl Iterator<Item = &Equipment> {
        self.equipment.iter().filter(move |e| e.kind == kind)
    }
}

/// A family of inverse-time characteristics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InverseCurve {
    IecStandard,
    IecVery,
    IecExtremely,
    IecLong,
    IeeeModerately,
    IeeeVery,
    IeeeExtremely,
}

impl InverseCurve {
    pub const ALL: [Self; 7] =
        [Self::IecStandard, Self::IecVery, Self::IecExtremely, Self::IecLong, Self::IeeeModerately, Self::IeeeVery, Self::IeeeExtremely];

    /// Its word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::IecStandard => "iec_standard",
            Self::IecVery => "iec_very",
            Self::IecExtremely => "iec_extremely",
            Self::IecLong => "iec_long",
            Self::IeeeModerately => "ieee_moderately",
            Self::IeeeVery => "ieee_very",
            Self::IeeeExtremely => "ieee_extremely",
        }
    }
}

/// A stage of overcurrent or earth-fault protection.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentStage {
    /// Primary amperes; of an earth-fault stage, three times the zero sequence.
    pub pickup_a: f64,
    /// `None` is a definite time.
    pub curve: Option<InverseCurve>,
    /// Time multiplier (IEC) or time dial (IEEE); definite time, s.
    pub time: f64,
}

/// A zone of distance protection: a mho circle through the origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistanceZone {
    /// Diameter, primary ohm.
    pub reach_ohm: f64,
    pub angle_deg: f64,
    pub time_s: f64,
}

/// A threshold and how long it must be passed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Per unit of voltage, or Hz.
    pub value: f64,
    pub time_s: f64,
}

/// What a relay does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RelayFunction {
    /// 87T over the windings of a transformer that are in service. Currents in per unit of its rating.
    TransformerDifferential {
        transformer: ElementId,
        pickup_pu: f64,
        slope_1_pct: f64,
        knee_pu: f64,
        slope_2_pct: f64,
        unrestrained_pu: f64,
    },
    /// 87B over all bays that are switched to a busbar.
    BusbarDifferential { bus: BusId, pickup_a: f64, slope_pct: f64 },
    /// 21 at the terminal of an element, looking into it.
    Distance { at: EquipmentPart, zones: Vec<DistanceZone>, k0_magnitude: f64, k0_angle_deg: f64 },
    /// 50/51 and 50N/51N at the terminal of an element.
    Overcurrent { at: EquipmentPart, phase: Vec<CurrentStage>, earth: Vec<CurrentStage> },
    /// 27 and 59 at a bus.
    Voltage { bus: BusId, under: Vec<Threshold>, over: Vec<Threshold> },
    /// 81 at a bus.
    Frequency { bus: BusId, under: Vec<Threshold>, over: Vec<Threshold> },
    /// 50BF of a breaker: whatever else is on the same busbar is tripped in its stead, and `trips` beside.
    BreakerFailure { breaker: ElementId, pickup_a: f64, time_s: f64 },
}

/// One relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StationRelay {
    pub id: String,
    pub function: RelayFunction,
    /// Breakers it opens.
    pub trips: Vec<ElementId>,
    pub source: SourceRef,
}
