//! What a short-circuit study is asked about: nameplates, buses and switches as plain data.
//!
//! Nothing here is in per unit of a study base: kV, MVA, ohm and percent of the element's own rating, as they stand on plates and in data
//! sheets. Elements refer to buses by `id`. What is left out of a document takes the default told at its field; a default is never taken for
//! a value that is there but wrong (see `check`).

use serde::{Deserialize, Serialize};

/// A network for short-circuit studies, by IEC 60909-0 and by ANSI/IEEE C37 alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    pub name: String,
    /// Nominal frequency, Hz; 50 when left out.
    pub f_hz: Option<f64>,
    /// Upper voltage tolerance of low-voltage networks, percent: 6 or 10 (10 when left out). Chooses c of buses up to 1 kV.
    pub lv_tolerance_pct: Option<f64>,
    pub buses: Vec<Bus>,
    pub feeders: Vec<Feeder>,
    pub lines: Vec<Line>,
    pub transformers: Vec<Transformer>,
    pub transformers3: Vec<Transformer3>,
    pub generators: Vec<Generator>,
    pub motors: Vec<Motor>,
    pub converters: Vec<Converter>,
    pub couplers: Vec<Coupler>,
    pub breakers: Vec<Breaker>,
}

/// A bus with its nominal voltage `kv` (line to line, kV).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub id: String,
    pub kv: f64,
    /// Voltage factor for largest currents in place of the standard's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_max: Option<f64>,
    /// Voltage factor for smallest currents in place of the standard's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_min: Option<f64>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// A network feeder: the rest of the grid behind its connection point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feeder {
    pub id: String,
    pub bus: String,
    /// Largest initial symmetrical current, kA; or give `sk_max_mva`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ik_max_ka: Option<f64>,
    /// Largest short-circuit power √3 Un Ik'', MVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sk_max_mva: Option<f64>,
    /// R/X at largest power; 0.1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ik_min_ka: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sk_min_mva: Option<f64>,
    /// R/X at smallest power; that at largest when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_min: Option<f64>,
    /// Z0/Z1, of magnitudes; or give `x0_x1`. Without either no earth-fault current comes from the feeder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z0_z1: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_x1: Option<f64>,
    /// R0/X0; R/X of the positive sequence when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r0_x0: Option<f64>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// A line, cable, or current-limiting reactor (length 1 km).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub id: String,
    pub from: String,
    pub to: String,
    #[serde(default = "one")]
    pub length_km: f64,
    /// At 20 °C.
    pub r_ohm_per_km: f64,
    pub x_ohm_per_km: f64,
    /// Zero sequence; without both, no zero-sequence current flows through the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r0_ohm_per_km: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_ohm_per_km: Option<f64>,
    /// Equal systems in parallel.
    #[serde(default = "one_whole")]
    pub parallel: u32,
    /// Conductor temperature at the end of the fault, °C, for smallest currents; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_temperature_c: Option<f64>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// What a star point is earthed through; both zero is solid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StarPoint {
    pub r_ohm: f64,
    pub x_ohm: f64,
}

/// A two-winding transformer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transformer {
    pub id: String,
    pub hv: String,
    pub lv: String,
    pub sr_mva: f64,
    pub ur_hv_kv: f64,
    pub ur_lv_kv: f64,
    /// Short-circuit voltage, percent.
    pub ukr_pct: f64,
    /// Load losses at rated current, kW; or give `urr_pct`. Without either no resistance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkr_kw: Option<f64>,
    /// Resistive part of the short-circuit voltage, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urr_pct: Option<f64>,
    /// Zero-sequence short-circuit voltage, percent; that of the positive sequence when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ukr0_pct: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urr0_pct: Option<f64>,
    /// For example `Dyn11`, `YNd5`, `Yy0`; `N`/`n` means that the star point is earthed.
    pub vector_group: String,
    /// Between the star point and earth; solid when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hv_star: Option<StarPoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lv_star: Option<StarPoint>,
    /// Whether it has an on-load tap changer: decides between KS and KSO of a power-station unit.
    #[serde(default)]
    pub on_load_tap_changer: bool,
    /// Permanently used tap of a unit transformer without on-load tap changer, percent (pT of KSO; KSO takes 1 - pT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_t_pct: Option<f64>,
    #[serde(default = "one_whole")]
    pub parallel: u32,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// A three-winding transformer. `ukr_hm_pct` refers to the smaller rating of the pair HV–MV, and so for the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transformer3 {
    pub id: String,
    pub hv: String,
    pub mv: String,
    pub lv: String,
    pub ur_hv_kv: f64,
    pub ur_mv_kv: f64,
    pub ur_lv_kv: f64,
    pub sr_hv_mva: f64,
    pub sr_mv_mva: f64,
    pub sr_lv_mva: f64,
    pub ukr_hm_pct: f64,
    pub ukr_ml_pct: f64,
    pub ukr_hl_pct: f64,
    #[serde(default)]
    pub urr_hm_pct: f64,
    #[serde(default)]
    pub urr_ml_pct: f64,
    #[serde(default)]
    pub urr_hl_pct: f64,
    /// Zero-sequence pair values `[hm, ml, hl]`, percent; those of the positive sequence when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ukr0_pct: Option<[f64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urr0_pct: Option<[f64; 3]>,
    /// For example `YNyn0d5`.
    pub vector_group: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hv_star: Option<StarPoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mv_star: Option<StarPoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lv_star: Option<StarPoint>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// What kind of synchronous machine it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    #[default]
    Turbine,
    SalientPole,
    /// Synchronous motors decay faster in ANSI's interrupting network.
    SynchronousMotor,
    Condenser,
}

/// A synchronous generator, motor or condenser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    pub id: String,
    pub bus: String,
    #[serde(default)]
    pub kind: MachineKind,
    pub sr_mva: f64,
    pub ur_kv: f64,
    /// Saturated subtransient reactance, per unit of the machine.
    pub xdpp_pu: f64,
    /// Stator resistance, ohm; when left out the standard's fictitious RGf stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_ohm: Option<f64>,
    /// Negative-sequence reactance; that of `xdpp_pu` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x2_pu: Option<f64>,
    /// Zero-sequence reactance, counts only with `star`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_pu: Option<f64>,
    /// The star point's earthing; not earthed when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub star: Option<StarPoint>,
    /// Rated power factor, overexcited.
    pub cos_phi: f64,
    /// Range of its permanent terminal voltage above `ur_kv`, percent (pG).
    #[serde(default)]
    pub p_g_pct: f64,
    /// The transformer with which it is a power-station unit, by `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_transformer: Option<String>,
    /// Saturated synchronous reactance, per unit, for the steady-state current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xd_sat_pu: Option<f64>,
    /// Ceiling of the excitation voltage over that at rated load; 1.3 for turbine, 1.6 for salient-pole machines when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excitation_ceiling: Option<f64>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// Which row of ANSI's table of machine multipliers an induction motor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MotorGroup {
    /// Above 1000 hp up to 1800 rpm, above 250 hp at 3600 rpm.
    Large,
    /// The others from 50 hp.
    Medium,
    /// Below 50 hp.
    Small,
}

/// An asynchronous motor, or `count` equal ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Motor {
    pub id: String,
    pub bus: String,
    pub ur_kv: f64,
    /// Rated mechanical power of one, MW; or give `sr_mva`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_mw: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cos_phi: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
    /// Rated apparent power of one, MVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sr_mva: Option<f64>,
    #[serde(default = "one_whole")]
    pub pole_pairs: u32,
    /// Locked-rotor over rated current; or give `x_pu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_lr_ir: Option<f64>,
    /// Subtransient reactance, per unit of the motor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_pu: Option<f64>,
    /// R/X; by the standard (0.10, 0.15, 0.42) when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx: Option<f64>,
    /// By power and speed when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ansi_group: Option<MotorGroup>,
    #[serde(default = "one_whole")]
    pub count: u32,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// A full-size converter (photovoltaics, battery, wind of type 4): a source of positive-sequence current.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Converter {
    pub id: String,
    pub bus: String,
    /// Largest current into a three-phase fault, kA at the bus.
    pub i_3ph_ka: f64,
    /// Positive-sequence current into a line-line fault; as `i_3ph_ka` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_2ph_ka: Option<f64>,
    /// Positive-sequence current into faults with earth; as `i_3ph_ka` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_1ph_ka: Option<f64>,
    /// Current in studies of smallest currents; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_min_ka: Option<f64>,
    #[serde(default = "yes")]
    pub in_service: bool,
}

/// A switch or bus coupler without impedance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coupler {
    pub id: String,
    pub from: String,
    pub to: String,
    #[serde(default = "yes")]
    pub closed: bool,
}

/// By which standard a breaker is rated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerStandard {
    /// IEC 62271-100 and IEC 60947-2: symmetrical breaking current and making peak.
    #[default]
    Iec,
    /// C37.06 on a symmetrical-current basis.
    AnsiSymmetrical,
    /// C37.5 on a total-current basis.
    AnsiTotal,
    /// C37.13 low-voltage power and C37.50 moulded-case breakers.
    AnsiLowVoltage,
}

/// A circuit breaker at `bus`, in series with `element` (an `id` of line, transformer, generator, motor, feeder, converter); without one it
/// is judged by the whole current of the bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    pub id: String,
    pub bus: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    #[serde(default)]
    pub standard: BreakerStandard,
    /// Rated (largest) voltage, kV.
    pub rated_kv: f64,
    /// Rated symmetrical breaking (interrupting) current, rms kA.
    pub interrupting_ka: f64,
    /// Rated making or close-and-latch current, peak kA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_ka: Option<f64>,
    /// Rated short-time current, rms kA, with `short_time_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_time_ka: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_time_s: Option<f64>,
    /// From the beginning of the fault until contacts part, s.
    pub contact_parting_s: f64,
    /// Dc part of the rated breaking current at contact parting, percent of the peak; by the 45 ms of IEC 62271-100 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dc_pct: Option<f64>,
    /// X/R at which a low-voltage breaker was tested; by C37.13 when left out (6.59).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_x_r: Option<f64>,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn one_whole() -> u32 {
    1
}

/// Kinds of elements that carry a part of a fault current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Feeder,
    Generator,
    Motor,
    Converter,
    Line,
    Transformer,
    Transformer3,
}

/// An element by kind and place in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Element {
    pub kind: Kind,
    pub index: usize,
}

impl Case {
    /// Frequency, Hz.
    pub fn frequency_hz(&self) -> f64 {
        self.f_hz.unwrap_or(50.0)
    }

    /// Place of a bus by its name, in lower case as everywhere.
    pub fn bus_index(&self, id: &str) -> Option<usize> {
        self.buses.iter().position(|b| b.id.eq_ignore_ascii_case(id))
    }

    /// The `id` of an element.
    pub fn id_of(&self, e: Element) -> &str {
        match e.kind {
            Kind::Feeder => &self.feeders[e.index].id,
            Kind::Generator => &self.generators[e.index].id,
            Kind::Motor => &self.motors[e.index].id,
            Kind::Converter => &self.converters[e.index].id,
            Kind::Line => &self.lines[e.index].id,
            Kind::Transformer => &self.transformers[e.index].id,
            Kind::Transformer3 => &self.transformers3[e.index].id,
        }
    }

    /// An element by its `id`; of several kinds the first in the order of the lists of `Kind`.
    pub fn element(&self, id: &str) -> Option<Element> {
        let at = |kind: Kind, found: Option<usize>| found.map(|index| Element { kind, index });
        let same = |other: &str| other.eq_ignore_ascii_case(id);
        at(Kind::Feeder, self.feeders.iter().position(|x| same(&x.id)))
            .or_else(|| at(Kind::Generator, self.generators.iter().position(|x| same(&x.id))))
            .or_else(|| at(Kind::Motor, self.motors.iter().position(|x| same(&x.id))))
            .or_else(|| at(Kind::Converter, self.converters.iter().position(|x| same(&x.id))))
            .or_else(|| at(Kind::Line, self.lines.iter().position(|x| same(&x.id))))
            .or_else(|| at(Kind::Transformer, self.transformers.iter().position(|x| same(&x.id))))
            .or_else(|| at(Kind::Transformer3, self.transformers3.iter().position(|x| same(&x.id))))
    }

    /// Buses of an element: one, two or three places in `buses`.
    pub fn buses_of(&self, e: Element) -> Vec<usize> {
        let names: Vec<&str> = match e.kind {
            Kind::Feeder => vec![&self.feeders[e.index].bus],
            Kind::Generator => vec![&self.generators[e.index].bus],
            Kind::Motor => vec![&self.motors[e.index].bus],
            Kind::Converter => vec![&self.converters[e.index].bus],
            Kind::Line => vec![&self.lines[e.index].from, &self.lines[e.index].to],
            Kind::Transformer => vec![&self.transformers[e.index].hv, &self.transformers[e.index].lv],
            Kind::Transformer3 => {
                let t = &self.transformers3[e.index];
                vec![&t.hv, &t.mv, &t.lv]
            }
        };
        names.into_iter().filter_map(|n| self.bus_index(n)).collect()
    }
}

impl Transformer {
    /// Resistive part of the short-circuit voltage, percent: given, or PkrT / SrT.
    pub fn resistive_pct(&self) -> f64 {
        self.urr_pct.or_else(|| self.pkr_kw.map(|p| p / (self.sr_mva * 1e3) * 100.0)).unwrap_or(0.0)
    }
}

impl Motor {
    /// Rated apparent power of one motor, MVA; not a number when the data do not tell.
    pub fn apparent_mva(&self) -> f64 {
        self.sr_mva.or_else(|| Some(self.p_mw? / (self.cos_phi? * self.efficiency?))).unwrap_or(f64::NAN)
    }

    /// Rated mechanical power of one motor, MW; without one, and without power factor and efficiency, the apparent power, which is above it.
    pub fn mechanical_mw(&self) -> f64 {
        let of_apparent = || self.apparent_mva() * self.cos_phi.unwrap_or(1.0) * self.efficiency.unwrap_or(1.0);
        self.p_mw.unwrap_or_else(of_apparent)
    }
}

impl Kind {
    /// Whether it drives a current.
    pub fn is_source(self) -> bool {
        matches!(self, Self::Feeder | Self::Generator | Self::Motor | Self::Converter)
    }
}
