//! Controls and protective devices: what acts on the elements.

use crate::{BusId, Common, ElementId, LoadShapeId, ProtectionCurve, XyCurveId};
use serde::{Deserialize, Serialize};

/// Which of several phases a control watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonitoredPhase {
    Average,
    Max,
    Min,
    /// 1-based phase of the element.
    Phase(usize),
    /// The first phase unless the control chooses otherwise.
    #[default]
    First,
}

/// A bus (and nodes at it) that a control watches instead of its element's terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteBus {
    pub bus: BusId,
    pub nodes: Vec<u32>,
    /// As written, for reports.
    pub text: String,
}

/// Set point of a voltage regulator in one direction of flow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegulatorSetting {
    /// Volts on the potential transformer's secondary.
    pub v_target_v: f64,
    pub band_v: f64,
    /// Line drop compensation, volts at rated current.
    pub ldc_r_v: f64,
    pub ldc_x_v: f64,
    /// Magnitude of line drop compensation that replaces R and X, volts; 0 not used.
    pub ldc_z_v: f64,
}

/// Load tap changer or line regulator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegulatorControl {
    pub common: Common,
    /// The transformer or autotransformer; `None` cannot be solved and is a finding.
    pub transformer: Option<ElementId>,
    /// Winding watched, 0-based.
    pub winding: usize,
    /// Winding whose tap moves, 0-based.
    pub tap_winding: usize,
    pub forward: RegulatorSetting,
    pub reverse: RegulatorSetting,
    pub pt_ratio: f64,
    pub remote_pt_ratio: f64,
    pub ct_primary_a: f64,
    pub pt_phase: MonitoredPhase,
    pub remote_bus: Option<RemoteBus>,
    pub delay_s: f64,
    pub tap_delay_s: f64,
    pub max_tap_change: i32,
    pub inverse_time: bool,
    /// Highest secondary voltage at the regulated terminal, V; 0 no limit.
    pub v_limit_v: f64,
    pub reversible: bool,
    pub reverse_neutral: bool,
    pub reverse_threshold_kw: f64,
    pub reverse_delay_s: f64,
    pub cogeneration: bool,
}

/// What a capacitor control watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacitorControlType {
    #[default]
    Current,
    Voltage,
    Kvar,
    Time,
    PowerFactor,
    Follow,
    User,
}

/// Switches the steps of a capacitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacitorControl {
    pub common: Common,
    pub control_type: CapacitorControlType,
    pub capacitor: Option<ElementId>,
    /// Element and 0-based terminal watched.
    pub element: Option<ElementId>,
    pub terminal: usize,
    pub pt_ratio: f64,
    pub ct_ratio: f64,
    pub pt_phase: MonitoredPhase,
    pub ct_phase: MonitoredPhase,
    pub on_setting: f64,
    pub off_setting: f64,
    pub delay_s: f64,
    pub delay_off_s: f64,
    pub dead_time_s: f64,
    pub v_override: bool,
    pub v_min_v: f64,
    pub v_max_v: f64,
    pub v_bus: Option<RemoteBus>,
    pub min_kvar_pct: f64,
    /// Shape followed by type `Follow`.
    pub control_signal: Option<LoadShapeId>,
}

/// What an inverter control does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InverterMode {
    #[default]
    None,
    VoltVar,
    VoltWatt,
    DynamicReactiveCurrent,
    WattPowerFactor,
    WattVar,
    ActiveVoltageRegulation,
    GridForming,
}

/// Two functions at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InverterCombination {
    #[default]
    None,
    VoltVarVoltWatt,
    VoltVarDynamicReactiveCurrent,
}

/// Base of the voltage axis of a volt-var or volt-watt curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoltageReference {
    #[default]
    Rated,
    Average,
    /// Average, with the curve's value taken against the rated voltage.
    RatedAverage,
}

/// Base of the power axis of a volt-watt curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoltWattAxis {
    PAvailable,
    #[default]
    PMpp,
    PctPMpp,
    KvaRating,
}

/// Base of reactive power in volt-var.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReactiveReference {
    /// What the active power leaves of the kVA.
    #[default]
    Available,
    /// The inverter's limit.
    Max,
}

/// Limit on how fast an output may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateOfChange {
    #[default]
    Inactive,
    LowPass,
    RiseFall,
}

/// Smart-inverter functions over PV systems and storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InverterControl {
    pub common: Common,
    /// The units controlled; empty list in the source means all, resolved here.
    pub units: Vec<ElementId>,
    /// The list was empty in the source: units added later join too.
    pub all_units: bool,
    pub mode: InverterMode,
    pub combination: InverterCombination,
    pub volt_var_curve: Option<XyCurveId>,
    pub volt_watt_curve: Option<XyCurveId>,
    pub volt_watt_charging_curve: Option<XyCurveId>,
    pub watt_pf_curve: Option<XyCurveId>,
    pub watt_var_curve: Option<XyCurveId>,
    pub hysteresis_offset: f64,
    pub voltage_reference: VoltageReference,
    /// Seconds of the moving averages.
    pub average_window_s: f64,
    pub dynamic_window_s: f64,
    pub dead_band_v_min_pu: f64,
    pub dead_band_v_max_pu: f64,
    pub gradient_low_v: f64,
    pub gradient_high_v: f64,
    /// Share of the wanted change taken in one control iteration; negative: chosen by the control.
    pub delta_q_factor: f64,
    pub delta_p_factor: f64,
    pub voltage_tolerance_pu: f64,
    pub var_tolerance_pu: f64,
    pub active_tolerance_pu: f64,
    pub volt_watt_axis: VoltWattAxis,
    pub rate_of_change: RateOfChange,
    pub low_pass_tau_s: f64,
    /// Per unit of rated power a second.
    pub rise_fall_limit: f64,
    pub reactive_reference: ReactiveReference,
    pub monitored_voltage: MonitoredPhase,
    pub monitored_buses: Vec<RemoteBus>,
    /// Bases of the monitored buses, V.
    pub monitored_v_base_v: Vec<f64>,
    pub v_set_point_pu: f64,
    /// 0 linear, 1 exponential convergence of the control loop.
    pub control_model: u32,
}

/// Volt-var along a slope with an adapting set point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExponentialControl {
    pub common: Common,
    pub units: Vec<ElementId>,
    pub all_units: bool,
    pub v_reg_pu: f64,
    pub slope: f64,
    pub v_reg_tau_s: f64,
    pub q_bias_pu: f64,
    pub v_reg_min_pu: f64,
    pub v_reg_max_pu: f64,
    pub q_max_lead_pu: f64,
    pub q_max_lag_pu: f64,
    pub delta_q_factor: f64,
    pub prefer_q: bool,
    pub response_s: f64,
}

/// How a storage controller decides to charge or to discharge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageDispatch {
    #[default]
    PeakShave,
    Follow,
    Support,
    Loadshape,
    Time,
    Schedule,
    IPeakShave,
    /// Charging modes.
    PeakShaveLow,
    IPeakShaveLow,
}

/// Dispatches a fleet of storage units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageController {
    pub common: Common,
    pub element: Option<ElementId>,
    /// 0-based.
    pub terminal: usize,
    pub monitored_phase: MonitoredPhase,
    pub units: Vec<ElementId>,
    pub all_units: bool,
    pub weights: Vec<f64>,
    pub kw_target: f64,
    pub kw_target_low: f64,
    pub band_pct: f64,
    pub band_low_pct: f64,
    /// Bands as given in kW, if they were.
    pub band_kw: Option<f64>,
    pub band_low_kw: Option<f64>,
    /// Half the bands as they count, kW or, in the modes of current, A.
    pub half_band: f64,
    pub half_band_low: f64,
    pub discharge_mode: StorageDispatch,
    pub charge_mode: StorageDispatch,
    /// Hour of the day; negative: never.
    pub discharge_time_h: f64,
    pub charge_time_h: f64,
    pub discharge_rate_pct: f64,
    pub charge_rate_pct: f64,
    pub reserve_pct: f64,
    pub yearly: Option<LoadShapeId>,
    pub daily: Option<LoadShapeId>,
    pub duty: Option<LoadShapeId>,
    pub inhibit_h: i32,
    pub t_up_h: f64,
    pub t_flat_h: f64,
    pub t_down_h: f64,
    pub kw_threshold: f64,
    pub dispatch_factor: f64,
    pub reset_level: f64,
    pub season_targets_kw: Vec<f64>,
    pub season_targets_low_kw: Vec<f64>,
}

/// Whether a switching device is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    #[default]
    Closed,
    Open,
}

/// Opens and closes a terminal by command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchControl {
    pub common: Common,
    pub switched: Option<ElementId>,
    /// 0-based.
    pub terminal: usize,
    pub normal: SwitchState,
    /// Present state.
    pub state: SwitchState,
    /// State that the control has been told to bring about; it acts where this differs from `state`.
    pub command: SwitchState,
    pub locked: bool,
    pub delay_s: f64,
}

/// What all protective devices have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protection {
    pub monitored: Option<ElementId>,
    /// 0-based.
    pub monitored_terminal: usize,
    pub switched: Option<ElementId>,
    /// 0-based.
    pub switched_terminal: usize,
    pub normal: Vec<SwitchState>,
    pub state: Vec<SwitchState>,
    pub delay_s: f64,
}

/// Fuse, one a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fuse {
    pub common: Common,
    pub protection: Protection,
    pub curve: ProtectionCurve,
    pub rated_a: f64,
}

/// Relay of any of the types that OpenDSS knows; settings that only time decides stay as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relay {
    pub common: Common,
    pub protection: Protection,
    /// `current`, `voltage`, `reversepower`, `46`, `47`, `generic`, `distance`, `td21`, `doc`.
    pub relay_type: String,
    pub phase_curve: ProtectionCurve,
    pub ground_curve: ProtectionCurve,
    pub phase_trip: f64,
    pub ground_trip: f64,
    pub phase_instantaneous: f64,
    pub ground_instantaneous: f64,
    pub time_dial_phase: f64,
    pub time_dial_ground: f64,
    pub shots: u32,
    pub reclose_intervals_s: Vec<f64>,
    pub breaker_time_s: f64,
    /// All settings as written, in order.
    pub settings: Vec<(String, String)>,
}

/// Recloser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recloser {
    pub common: Common,
    pub protection: Protection,
    pub phase_fast: ProtectionCurve,
    pub phase_delayed: ProtectionCurve,
    pub ground_fast: ProtectionCurve,
    pub ground_delayed: ProtectionCurve,
    pub phase_trip: f64,
    pub ground_trip: f64,
    pub phase_instantaneous: f64,
    pub ground_instantaneous: f64,
    pub n_fast: u32,
    pub shots: u32,
    pub reclose_intervals_s: Vec<f64>,
    /// All settings as written, in order.
    pub settings: Vec<(String, String)>,
}
