//! Elements that carry current: what stands between buses.
//!
//! Every element holds a [`Common`] part (name, terminals, ratings, where it
//! was read) and its own data. Values are resolved: defaults and the order in
//! which a script set them have already been applied by the reader.

use crate::{
    Alias, BusId, ConductorId, EarthModel, GrowthShapeId, LengthUnit, LineCodeId, LineGeometryId, LineSpacingId, LoadShapeId, LonLat,
    SourceRef, SpectrumId, TccCurveId, TemperatureShapeId, TransformerCodeId, XyCurveId,
};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// One end of an element: its bus and, conductor by conductor, the node there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    pub bus: BusId,
    /// Node number of each conductor at the bus; 0 is the earth.
    pub nodes: Vec<u32>,
    /// Whether each conductor is closed; an open one is disconnected at this end.
    pub closed: Vec<bool>,
}

impl Terminal {
    pub fn new(bus: BusId, nodes: Vec<u32>) -> Self {
        let closed = vec![true; nodes.len()];
        Self { bus, nodes, closed }
    }

    pub fn all_closed(&self) -> bool {
        self.closed.iter().all(|&c| c)
    }
}

/// Thermal ratings of an element that delivers power, A a conductor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    pub normal_a: f64,
    pub emergency_a: f64,
    /// Ratings by season, A; empty where there is one for all the year.
    pub seasonal_a: Vec<f64>,
}

/// Outage statistics of an element that delivers power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Failures a year (a line: a year and unit of length).
    pub fault_rate: f64,
    /// Share of failures that do not clear by themselves, percent.
    pub permanent_pct: f64,
    pub repair_h: f64,
}

/// What all elements have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Common {
    /// Lower case, without the class.
    pub name: String,
    pub enabled: bool,
    pub n_phases: usize,
    pub base_frequency_hz: f64,
    pub terminals: Vec<Terminal>,
    pub rating: Rating,
    pub reliability: Reliability,
    pub spectrum: Option<SpectrumId>,
    /// Feeder or network that it belongs to in its source; empty when none is told.
    #[serde(default)]
    pub feeder: String,
    /// Its names in other systems.
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// Points of its route on the ground from the first terminal's bus to the second's; empty when straight or unknown.
    #[serde(default)]
    pub route: Vec<LonLat>,
    pub source: SourceRef,
}

impl Common {
    pub fn new(name: impl Into<String>, n_phases: usize) -> Self {
        Self {
            name: name.into(),
            enabled: true,
            n_phases,
            base_frequency_hz: 60.0,
            terminals: Vec::new(),
            rating: Rating::default(),
            reliability: Reliability::default(),
            spectrum: None,
            feeder: String::new(),
            aliases: Vec::new(),
            route: Vec::new(),
            source: SourceRef::default(),
        }
    }

    /// Conductors at each terminal; all terminals of an element have the same number.
    pub fn n_conductors(&self) -> usize {
        self.terminals.first().map_or(0, |t| t.nodes.len())
    }
}

/// How the phases of an element or winding are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Line to neutral.
    #[default]
    Wye,
    /// Line to line.
    Delta,
}

/// Phase sequence of a source, of its voltages or of its scan over harmonics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SequenceType {
    #[default]
    Positive,
    Zero,
    Negative,
    /// No sequence (scan types only).
    None,
}

/// Load shapes by solution mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shapes {
    pub yearly: Option<LoadShapeId>,
    pub daily: Option<LoadShapeId>,
    pub duty: Option<LoadShapeId>,
}

/// A Thevenin source: the grid beyond the model, or another supply.
///
/// Terminal 1 is the supply, terminal 2 its other side (earth unless told).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoltageSource {
    pub common: Common,
    /// Line to line, or line to neutral of a one-phase source, kV.
    pub base_kv: f64,
    pub v_pu: f64,
    pub angle_deg: f64,
    pub frequency_hz: f64,
    /// Sequence impedances, ohm at the base frequency.
    pub z1_ohm: Complex64,
    pub z2_ohm: Complex64,
    pub z0_ohm: Complex64,
    /// The voltage is held at the terminals themselves (`model=ideal`); the impedance is `z_ideal_pu`.
    pub ideal: bool,
    pub z_ideal_pu: Complex64,
    pub base_mva: f64,
    pub scan: SequenceType,
    pub sequence: SequenceType,
    pub shapes: Shapes,
}

/// A source of fixed current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentSource {
    pub common: Common,
    pub i_a: f64,
    pub angle_deg: f64,
    pub frequency_hz: f64,
    pub scan: SequenceType,
    pub sequence: SequenceType,
    pub shapes: Shapes,
}

/// How a line's impedance is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineImpedance {
    /// Symmetrical components per unit of length; capacitances in nF.
    Sequence { z1_ohm: Complex64, z0_ohm: Complex64, c1_nf: f64, c0_nf: f64 },
    /// Phase matrices per unit of length, row-major, `n_phases` square; capacitance in nF.
    Matrix { z_ohm: Vec<Complex64>, c_nf: Vec<f64> },
    /// From the positions and conductors of a geometry, by the earth model.
    Geometry { geometry: LineGeometryId },
    /// From a spacing and the conductors strung on it, by the earth model.
    Spacing { spacing: LineSpacingId, conductors: Vec<ConductorId> },
}

/// Overhead line, cable, or switch that is modelled as a short line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub common: Common,
    pub length: f64,
    /// Unit of `length`.
    pub length_unit: LengthUnit,
    /// Multiplies a per-length value of `impedance` to fit `length`; not used by geometry and spacing.
    pub unit_factor: f64,
    pub impedance: LineImpedance,
    /// Carson earth return of the sequence or matrix data, ohm per unit of length, and the resistivity they were made with:
    /// they correct the impedance at frequencies other than the base.
    pub earth_r_ohm: f64,
    pub earth_x_ohm: f64,
    pub rho_ohm_m: f64,
    pub earth_model: EarthModel,
    pub is_switch: bool,
    /// Catalogue entry that the data came from, if one.
    pub line_code: Option<LineCodeId>,
    /// Free text class such as `oh`, `ug`, `swt_dscn`.
    pub line_type: String,
}

/// One winding of a transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Winding {
    pub connection: Connection,
    /// Rated kV: line to line for two and three phases in wye and always in delta; across the winding for one phase.
    pub kv: f64,
    pub kva: f64,
    /// Present tap, per unit of `kv`.
    pub tap_pu: f64,
    /// Series resistance, percent on the first winding's kVA.
    pub r_pct: f64,
    /// Neutral to earth; negative resistance means the neutral is open.
    pub r_neutral_ohm: f64,
    pub x_neutral_ohm: f64,
    pub tap_min_pu: f64,
    pub tap_max_pu: f64,
    pub n_taps: u32,
    pub r_dc_ohm: f64,
}

impl Winding {
    /// Height of one tap step, per unit.
    pub fn tap_step_pu(&self) -> f64 {
        if self.n_taps > 0 { (self.tap_max_pu - self.tap_min_pu) / f64::from(self.n_taps) } else { 0.0 }
    }
}

/// Which side leads in a delta-wye transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadLag {
    /// The low side lags by 30 degrees (ANSI).
    #[default]
    Lag,
    /// The low side leads (Euro).
    Lead,
}

/// How the windings share the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformerKind {
    #[default]
    Ordinary,
    /// Windings 1 (series) and 2 (common) form an autotransformer.
    Auto,
}

/// Thermal data of a transformer, as nameplates give them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformerThermal {
    pub time_constant_h: f64,
    pub n: f64,
    pub m: f64,
    pub oil_rise_c: f64,
    pub hot_spot_rise_c: f64,
}

/// Transformer of any number of windings, winding `i` at terminal `i`.
///
/// Each terminal has `n_phases + 1` conductors: the last is the neutral of a
/// wye winding (an autotransformer's are `2 n_phases` in OpenDSS's model).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transformer {
    pub common: Common,
    pub kind: TransformerKind,
    pub windings: Vec<Winding>,
    /// Short-circuit reactances between windings, percent on the first winding's kVA:
    /// (1,2), (1,3), …, (2,3), …
    pub x_sc_pct: Vec<f64>,
    pub no_load_loss_pct: f64,
    pub load_loss_pct: f64,
    pub magnetising_pct: f64,
    /// Reactive anti-float admittance at each winding end, parts per million of the rating.
    pub antifloat_ppm: f64,
    pub lead_lag: LeadLag,
    pub normal_kva: f64,
    pub emergency_kva: f64,
    pub thermal: TransformerThermal,
    pub is_substation: bool,
    pub substation: String,
    pub bank: String,
    pub code: Option<TransformerCodeId>,
    /// Reactances keep their ratio to resistance over frequency.
    pub x_over_r_constant: bool,
    pub core: String,
    pub ratings_kva: Vec<f64>,
}

/// How a capacitor's size is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacitorSize {
    /// Rated kvar of each step at `kv`.
    Kvar(Vec<f64>),
    /// Microfarad a phase of each step.
    Microfarad(Vec<f64>),
    /// Nodal capacitance matrix, microfarad, row-major, `n_phases` square.
    Matrix(Vec<f64>),
}

/// Shunt or series capacitor bank. Terminal 2 is the neutral side (earth unless told).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacitor {
    pub common: Common,
    pub connection: Connection,
    /// Line to line for two and three phases, across the can for one.
    pub kv: f64,
    pub size: CapacitorSize,
    /// Series resistance and reactance of each step, ohm.
    pub r_ohm: Vec<f64>,
    pub x_l_ohm: Vec<f64>,
    /// Harmonic to which each step is tuned; 0 not tuned.
    pub harmonic: Vec<f64>,
    /// Closed steps.
    pub steps: Vec<bool>,
    /// Whether a second bus was named (series capacitor or floating neutral).
    pub bus2_defined: bool,
}

/// How a reactor's impedance is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReactorImpedance {
    /// Rated kvar at `kv`.
    Kvar { kvar: f64 },
    /// R and X, ohm a phase.
    Rx { r_ohm: f64, x_ohm: f64 },
    /// Matrices, ohm, row-major, `n_phases` square; with `parallel`, R and X are in parallel.
    Matrix { r_ohm: Vec<f64>, x_ohm: Vec<f64> },
    /// Sequence impedances, ohm.
    Sequence { z1_ohm: Complex64, z2_ohm: Complex64, z0_ohm: Complex64 },
}

/// Shunt or series reactor. Terminal 2 is the neutral side (earth unless told).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reactor {
    pub common: Common,
    pub connection: Connection,
    pub kv: f64,
    pub kvar: f64,
    pub impedance: ReactorImpedance,
    /// R and X in parallel rather than in series.
    pub parallel: bool,
    /// Additional resistance across the reactor, ohm; 0 none.
    pub r_parallel_ohm: f64,
    /// Multipliers of R and L over frequency.
    pub r_curve: Option<XyCurveId>,
    pub l_curve: Option<XyCurveId>,
    pub bus2_defined: bool,
}

/// A fault: resistance between terminal 1 and terminal 2 (earth unless told).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub common: Common,
    pub r_ohm: f64,
    /// Nodal conductance matrix, siemens, row-major, instead of `r_ohm`.
    pub g_siemens: Option<Vec<f64>>,
    pub stddev_pct: f64,
    pub on_time_s: f64,
    pub temporary: bool,
    pub min_a: f64,
}

/// Earth-current model of a transformer's windings (geomagnetic studies).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GicTransformer {
    pub common: Common,
    /// `GSU`, `Auto` or `YY`.
    pub winding_type: String,
    pub r1_ohm: f64,
    pub r2_ohm: f64,
    pub kv_ll_1: f64,
    pub kv_ll_2: f64,
    pub mva: f64,
    pub k_factor: f64,
    pub var_curve: Option<XyCurveId>,
}

/// A line with an induced geoelectric voltage in series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GicLine {
    pub common: Common,
    pub volts: f64,
    pub angle_deg: f64,
    pub frequency_hz: f64,
    pub r_ohm: f64,
    pub x_ohm: f64,
    pub c_uf: f64,
}

/// How a load answers to voltage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// 1: constant P and Q.
    #[default]
    ConstantPq,
    /// 2: constant impedance.
    ConstantZ,
    /// 3: constant P, Q as of a constant impedance (motor).
    Motor,
    /// 4: exponents of voltage for P and Q (conservation voltage reduction).
    Cvr,
    /// 5: constant current magnitude at constant power factor.
    ConstantI,
    /// 6: constant P, fixed Q.
    ConstantPFixedQ,
    /// 7: constant P, fixed reactance.
    ConstantPFixedX,
    /// 8: shares of constant impedance, current and power with a cut-off voltage.
    Zip,
}

/// Whether a load follows multipliers and shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadStatus {
    #[default]
    Variable,
    /// Not scaled by the load multiplier; follows shapes.
    Fixed,
    /// Not scaled by the load multiplier nor by growth; follows shapes.
    Exempt,
}

/// What the size of a load was derived from, for allocation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBasis {
    /// Given kW and kvar, or kW and power factor, or kVA.
    Given,
    /// Share of its transformer's rating, kVA.
    TransformerKva { kva: f64, allocation_factor: f64 },
    /// Billed energy: kWh over days, times the ratio of peak to average.
    Energy { kwh: f64, days: f64, c_factor: f64 },
}

/// A customer or group of customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub common: Common,
    pub connection: Connection,
    /// Line to line for two- and three-phase wye; as the load sees it for one-phase and delta.
    pub kv: f64,
    /// Nominal power before shapes and multipliers.
    pub p_kw: f64,
    pub q_kvar: f64,
    /// Power factor as given or derived; negative is leading.
    pub power_factor: f64,
    /// The reactive power follows `power_factor` when `p_kw` is scaled (size given by P and power factor).
    pub q_follows_pf: bool,
    pub model: LoadModel,
    /// Model number that was written, when it is none of 1 to 8 (solved as constant impedance).
    pub unknown_model: Option<i32>,
    pub basis: LoadBasis,
    pub status: LoadStatus,
    pub class: i32,
    pub n_customers: u32,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    /// Below this the load is a plain impedance.
    pub v_low_pu: f64,
    pub v_min_normal_pu: f64,
    pub v_min_emergency_pu: f64,
    pub cvr_p_exponent: f64,
    pub cvr_q_exponent: f64,
    pub cvr_curve: Option<LoadShapeId>,
    /// Z, I, P shares of P, then of Q, then the cut-off voltage, per unit.
    pub zipv: Option<[f64; 7]>,
    /// Neutral to earth; negative resistance means open.
    pub r_neutral_ohm: f64,
    pub x_neutral_ohm: f64,
    pub shapes: Shapes,
    pub growth: Option<GrowthShapeId>,
    pub mean_pct: f64,
    pub stddev_pct: f64,
    pub series_rl_pct: f64,
    pub relative_weight: f64,
    pub x_harmonic_pu: f64,
    pub xr_harmonic: f64,
}

/// Whether a generator or inverter unit runs by shape or stays as given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchMode {
    /// Follows its shapes.
    #[default]
    Default,
    /// On when the circuit's load multiplier exceeds the dispatch value.
    LoadLevel,
    /// On when the price exceeds the dispatch value.
    Price,
    /// Storage: follows the shape as its power.
    Follow,
    /// Storage: told by a controller.
    External,
}

/// A generator seen as a power injection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    pub common: Common,
    pub connection: Connection,
    pub kv: f64,
    /// Voltage that limits and admittances count from, V: line to neutral for two and three phases. It is worked out when the
    /// model says the rated voltage or the connection, with the phases known by then, so it need not fit the rated voltage.
    pub base_v: f64,
    pub p_kw: f64,
    pub q_kvar: f64,
    pub power_factor: f64,
    pub kva: f64,
    /// As OpenDSS numbers them: 1 constant PQ, 2 constant Z, 3 constant P and |V|, 4 constant P fixed Q,
    /// 5 constant P fixed reactance, 6 user model, 7 current-limited constant PQ.
    pub model: u32,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    /// Voltage held by model 3, per unit.
    pub v_target_pu: f64,
    pub q_max_kvar: f64,
    pub q_min_kvar: f64,
    /// Deceleration of the voltage regulation of model 3.
    pub pv_factor: f64,
    pub dispatch: DispatchMode,
    pub dispatch_value: f64,
    /// Not scaled by shapes and multipliers.
    pub fixed: bool,
    pub forced_on: bool,
    pub balanced: bool,
    pub class: i32,
    pub shapes: Shapes,
    pub duty_start_h: f64,
    /// Machine data: per-unit reactances on `kva`, inertia, damping.
    pub xd_pu: f64,
    pub xdp_pu: f64,
    pub xdpp_pu: f64,
    pub xr_dp: f64,
    pub h_s: f64,
    pub damping: f64,
    /// Fuel that runs out over time; `None` where it does not.
    pub fuel: Option<FuelStock>,
}

/// Power factor with the sign of OpenDSS: negative where active and reactive power flow in opposite directions; 1 without power.
pub fn signed_power_factor(p_kw: f64, q_kvar: f64) -> f64 {
    let s = p_kw.hypot(q_kvar);
    let sign = if p_kw * q_kvar < 0.0 { -1.0 } else { 1.0 };
    if s > 0.0 { p_kw / s * sign } else { 1.0 }
}

impl Generator {
    /// A generator of constant power with machine data as an OpenDSS script leaves them unsaid; a constant impedance outside 0.9 to 1.1 pu.
    ///
    /// # Inputs
    /// * `kv` - line to line of two and three phases, line to neutral of one.
    /// * `q_kvar` - positive into the grid.
    pub fn constant_power(common: Common, kv: f64, p_kw: f64, q_kvar: f64, kva: f64, shapes: Shapes) -> Self {
        let base_v = if common.n_phases > 1 { kv * 1000.0 / 3f64.sqrt() } else { kv * 1000.0 };
        Self {
            common,
            connection: Connection::Wye,
            kv,
            base_v,
            p_kw,
            q_kvar,
            power_factor: signed_power_factor(p_kw, q_kvar),
            kva,
            model: 1,
            v_min_pu: 0.9,
            v_max_pu: 1.1,
            v_target_pu: 1.0,
            q_max_kvar: kva,
            q_min_kvar: -kva,
            pv_factor: 0.1,
            dispatch: DispatchMode::Default,
            dispatch_value: 0.0,
            fixed: false,
            forced_on: false,
            balanced: false,
            class: 1,
            shapes,
            duty_start_h: 0.0,
            xd_pu: 1.0,
            xdp_pu: 0.28,
            xdpp_pu: 0.20,
            xr_dp: 20.0,
            h_s: 1.0,
            damping: 1.0,
            fuel: None,
        }
    }
}

/// Fuel of a generator, as energy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuelStock {
    pub capacity_kwh: f64,
    /// Present level, percent of the capacity.
    pub level_pct: f64,
    /// Level at which the generator stops, percent of the capacity.
    pub reserve_pct: f64,
}

/// What PV systems and storage share: an inverter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inverter {
    pub kva: f64,
    /// Per cent of kVA at which it switches on and off.
    pub cut_in_pct: f64,
    pub cut_out_pct: f64,
    /// Efficiency over per-unit power of kVA.
    pub efficiency: Option<XyCurveId>,
    /// Reactive power is zero when the inverter is off.
    pub var_follow_inverter: bool,
    pub watt_priority: bool,
    pub pf_priority: bool,
    /// Per cent of rated power below which no vars are made; 0 or less: no such limit.
    pub p_min_no_vars_pct: f64,
    /// Per cent of rated power from which all of `q_max_kvar` is there; 0 or less: no such limit.
    pub p_min_kvar_max_pct: f64,
    pub q_max_kvar: f64,
    pub q_max_abs_kvar: f64,
    pub r_pct: f64,
    pub x_pct: f64,
    /// 1 constant P and Q (or pf), 2 constant admittance, 3 user model.
    pub model: u32,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    pub balanced: bool,
    pub limit_current: bool,
    /// Power factor set point; used when `q_follows_pf`.
    pub power_factor: f64,
    pub q_kvar: f64,
    pub q_follows_pf: bool,
    /// Grid-forming rather than grid-following.
    pub grid_forming: bool,
    pub kv_dc: f64,
    pub safe_mode: bool,
    pub safe_voltage_pct: f64,
    pub kp: f64,
    pub pi_tolerance: f64,
    pub amp_limit_a: f64,
    pub amp_limit_gain: f64,
}

/// Photovoltaic plant behind an inverter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PvSystem {
    pub common: Common,
    pub connection: Connection,
    pub kv: f64,
    /// Voltage that limits and admittances count from, V: line to neutral for two and three phases. It is worked out when the
    /// model says the rated voltage or the connection, with the phases known by then, so it need not fit the rated voltage.
    pub base_v: f64,
    pub inverter: Inverter,
    /// Kilowatt per square metre.
    pub irradiance: f64,
    /// Power of the panel at 1 kW/m² and the temperature where `p_t_curve` is 1.
    pub p_mpp_kw: f64,
    /// Share of `p_mpp_kw` the inverter may use, percent.
    pub p_mpp_pct: f64,
    pub temperature_c: f64,
    /// Per-unit power over temperature.
    pub p_t_curve: Option<XyCurveId>,
    pub shapes: Shapes,
    pub t_yearly: Option<TemperatureShapeId>,
    pub t_daily: Option<TemperatureShapeId>,
    pub t_duty: Option<TemperatureShapeId>,
    pub duty_start_h: f64,
    pub class: i32,
}

/// What a storage unit is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageMode {
    Charging,
    #[default]
    Idling,
    Discharging,
}

/// Battery or other store behind an inverter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    pub common: Common,
    pub connection: Connection,
    pub kv: f64,
    /// Voltage that limits and admittances count from, V: line to neutral for two and three phases. It is worked out when the
    /// model says the rated voltage or the connection, with the phases known by then, so it need not fit the rated voltage.
    pub base_v: f64,
    pub inverter: Inverter,
    pub p_rated_kw: f64,
    /// Share of `p_rated_kw` the inverter may use, percent.
    pub p_rated_pct: f64,
    pub energy_rated_kwh: f64,
    pub energy_stored_kwh: f64,
    /// Charge below which the unit does not discharge, percent of `energy_rated_kwh`.
    pub reserve_pct: f64,
    pub mode: StorageMode,
    /// Requested power, positive discharging; `None` when `discharge_pct`/`charge_pct` tell it.
    pub p_kw: Option<f64>,
    pub discharge_pct: f64,
    pub charge_pct: f64,
    pub charge_efficiency_pct: f64,
    pub discharge_efficiency_pct: f64,
    pub idling_loss_pct: f64,
    pub dispatch: DispatchMode,
    pub discharge_trigger: f64,
    pub charge_trigger: f64,
    /// Hour of the day at which charging starts; negative: never.
    pub charge_time_h: f64,
    pub shapes: Shapes,
    pub class: i32,
}

/// Induction machine in symmetrical components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InductionMachine {
    pub common: Common,
    pub connection: Connection,
    pub kv: f64,
    pub p_kw: f64,
    pub kva: f64,
    pub r_stator_pu: f64,
    pub x_stator_pu: f64,
    pub r_rotor_pu: f64,
    pub x_rotor_pu: f64,
    pub x_magnetising_pu: f64,
    pub slip: f64,
    pub slip_max: f64,
    /// The slip stays as given; otherwise it moves until the power is met.
    pub slip_fixed: bool,
    pub h_s: f64,
    pub damping: f64,
    pub shapes: Shapes,
}

/// An element that was read whole but has no electrical model here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unmodelled {
    pub common: Common,
    /// Class in the source format.
    pub class: String,
    /// Properties as written, in order.
    pub properties: Vec<(String, String)>,
    /// Leaving it out changes a power flow.
    pub affects_power_flow: bool,
}

/// Curves of a fuse, relay or recloser refer to these.
pub type ProtectionCurve = Option<TccCurveId>;
