//! The elements of a transmission case: balanced, in per unit or MW, with the controls that a
//! positive-sequence power flow knows.
//!
//! A distribution element says ohms, kilowatts and conductors; a transmission case says per unit on
//! a system base, megawatts and one balanced set of phases, and much of it (a tap that holds another
//! bus's voltage, a converter, a bank in blocks) has no counterpart there. These kinds keep such a
//! case as it was written, so that it is written again without loss. They stand in the same
//! [`Network`](crate::Network), joined to the same buses by terminals of three phases.
//!
//! Conventions
//! * powers in MW and Mvar, three phases together; impedances per unit on
//!   [`TransmissionCase::s_base_mva`] and the bus's own base voltage unless a field says otherwise;
//! * a load draws positive, a machine injects positive, a shunt's `b_mvar` is positive when it is
//!   capacitive, all at 1 per unit of voltage;
//! * angles in degrees; a phase shift is positive where winding 1 leads.

use crate::{BusId, Common, SourceRef};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// What a power flow holds at a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusKind {
    /// P and Q are given.
    #[default]
    Load,
    /// P and the voltage are given, Q lies within limits.
    Generator,
    /// Voltage and angle are given.
    Swing,
    /// Not part of the case; everything at it is out of service.
    Isolated,
}

/// What a transmission case says of a bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransmissionBus {
    pub number: u32,
    /// As written; the bus's own name is its number.
    pub name: String,
    /// Line to line.
    pub kv_base_ll: f64,
    pub kind: BusKind,
    pub area: u32,
    pub zone: u32,
    pub owner: u32,
    /// Stored solution.
    pub v_pu: f64,
    pub angle_deg: f64,
    pub v_max_normal_pu: f64,
    pub v_min_normal_pu: f64,
    pub v_max_emergency_pu: f64,
    pub v_min_emergency_pu: f64,
    pub source: SourceRef,
}

/// An owner's share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ownership {
    pub owner: u32,
    pub share: f64,
}

/// Which end of a branch is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeteredEnd {
    #[default]
    From,
    To,
    /// Third winding.
    Tertiary,
}

/// What kind of device a switching branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchingDevice {
    #[default]
    Generic,
    Breaker,
    Disconnect,
    /// Another type number of the source.
    Other(u32),
}

/// A line, cable or switching device: a pi of per-unit values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AcBranch {
    pub common: Common,
    /// Circuit identifier, trimmed.
    pub circuit: String,
    pub label: String,
    pub r_pu: f64,
    pub x_pu: f64,
    /// Total charging.
    pub b_pu: f64,
    /// Line shunts at the two ends.
    pub y_from_pu: Complex64,
    pub y_to_pu: Complex64,
    /// Ratings as written, MVA (or the current equivalent); 3 or 12, zero where there is none.
    pub ratings_mva: Vec<f64>,
    pub in_service: bool,
    pub metered: MeteredEnd,
    /// In the source's own unit of length.
    pub length: f64,
    pub owners: Vec<Ownership>,
    /// A zero-impedance device rather than a line.
    pub switching: Option<SwitchingDevice>,
    pub normally_closed: bool,
    /// Name of its set of ratings, where ratings stand in a table of their own.
    pub rating_set: String,
}

/// What a winding's tap or phase shift controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindingControlMode {
    #[default]
    Fixed,
    Voltage,
    ReactiveFlow,
    ActiveFlow,
    /// Of a converter's voltage.
    DcLine,
    AsymmetricActiveFlow,
}

/// The control of one winding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindingControl {
    pub mode: WindingControlMode,
    /// There, but its adjustment is locked.
    pub locked: bool,
    /// Controlled bus; none: the winding's own far side.
    pub bus: Option<BusId>,
    /// The controlled bus lies on the tapped side.
    pub on_tapped_side: bool,
    pub node: u32,
    /// Limits of the ratio (per unit, or kV with `RatioCode::Kilovolt`) or of the angle, degrees.
    pub max: f64,
    pub min: f64,
    /// Band of the controlled voltage (per unit) or flow (MW, Mvar).
    pub band_max: f64,
    pub band_min: f64,
    pub n_positions: u32,
    /// Line drop compensation, per unit.
    pub compensation_pu: Complex64,
    /// Connection angle of asymmetric control.
    pub connection_angle_deg: f64,
}

impl WindingControl {
    /// None at all, with the limits that a case has to name.
    pub fn fixed() -> Self {
        Self {
            mode: WindingControlMode::Fixed,
            locked: false,
            bus: None,
            on_tapped_side: false,
            node: 0,
            max: 1.1,
            min: 0.9,
            band_max: 1.1,
            band_min: 0.9,
            n_positions: 33,
            compensation_pu: Complex64::ZERO,
            connection_angle_deg: 0.0,
        }
    }
}

/// One winding of a transmission transformer, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerWinding {
    /// Ratio in the unit of [`PowerTransformer::ratio_code`].
    pub ratio: f64,
    /// 0: the bus's base voltage.
    pub kv_nominal: f64,
    pub angle_deg: f64,
    pub ratings_mva: Vec<f64>,
    pub control: WindingControl,
    /// Number of the impedance correction table; 0 none.
    pub correction: u32,
}

/// Unit of winding ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioCode {
    /// Per unit of the bus's base voltage.
    #[default]
    BusBase,
    Kilovolt,
    /// Per unit of the winding's nominal voltage.
    NominalVoltage,
}

/// Unit of short-circuit impedances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImpedanceCode {
    /// Per unit on the system base and the windings' voltages: it stands between the two ratios.
    #[default]
    SystemBase,
    /// Per unit on the winding base and the windings' voltages.
    WindingBase,
    /// Load loss in W and |Z| per unit on the winding base.
    LossAndMagnitude,
}

/// Unit of the magnetising branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MagnetisingCode {
    /// G and B per unit on the system base.
    #[default]
    SystemBase,
    /// No-load loss in W and exciting current per unit on the winding base.
    LossAndCurrent,
}

/// Short-circuit impedance between two windings, in the unit of [`PowerTransformer::impedance_code`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairImpedance {
    pub r: f64,
    pub x: f64,
    /// 0: the system base.
    pub s_base_mva: f64,
}

/// Which windings are in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformerStatus {
    Out,
    #[default]
    In,
    /// All but winding 1, 2 or 3.
    WindingOut(u8),
}

/// Transformer of two or three windings, values and their codes as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerTransformer {
    pub common: Common,
    pub circuit: String,
    pub label: String,
    pub ratio_code: RatioCode,
    pub impedance_code: ImpedanceCode,
    pub magnetising_code: MagnetisingCode,
    pub mag1: f64,
    pub mag2: f64,
    pub metered: MeteredEnd,
    pub status: TransformerStatus,
    pub owners: Vec<Ownership>,
    pub vector_group: String,
    /// Correction tables scale the pair impedances rather than the star legs (three windings).
    pub correct_pairs: bool,
    /// (1,2) or (1,2), (2,3), (3,1).
    pub impedances: Vec<PairImpedance>,
    /// Stored solution of the star point (three windings).
    pub v_star_pu: f64,
    pub angle_star_deg: f64,
    /// Winding `i` at terminal `i`.
    pub windings: Vec<PowerWinding>,
}

/// A load in parts of constant power, current and admittance at 1 per unit of voltage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerLoad {
    pub common: Common,
    pub id: String,
    pub label: String,
    pub in_service: bool,
    pub area: u32,
    pub zone: u32,
    pub owner: u32,
    pub p_mw: f64,
    pub q_mvar: f64,
    pub p_current_mw: f64,
    pub q_current_mvar: f64,
    pub p_admittance_mw: f64,
    /// Positive capacitive: it lowers the reactive power drawn.
    pub q_admittance_mvar: f64,
    pub scalable: bool,
    pub interruptible: bool,
    /// Generation at the load, subtracted from it when `dg_in_service`.
    pub dg_p_mw: f64,
    pub dg_q_mvar: f64,
    pub dg_in_service: bool,
    pub load_type: String,
}

/// A fixed shunt admittance, as power at 1 per unit of voltage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedShunt {
    pub common: Common,
    pub id: String,
    pub label: String,
    pub in_service: bool,
    pub g_mw: f64,
    pub b_mvar: f64,
}

/// A synchronous machine or plant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub common: Common,
    pub id: String,
    pub label: String,
    pub in_service: bool,
    pub p_mw: f64,
    pub q_mvar: f64,
    pub q_max_mvar: f64,
    pub q_min_mvar: f64,
    pub p_max_mw: f64,
    pub p_min_mw: f64,
    pub v_set_pu: f64,
    /// Bus whose voltage it holds; none: its own.
    pub regulated_bus: Option<BusId>,
    pub regulated_node: u32,
    pub base_mva: f64,
    /// Machine impedance, per unit on `base_mva`.
    pub z_source_pu: Complex64,
    /// Step-up transformer, per unit on `base_mva`, and its ratio.
    pub z_step_up_pu: Complex64,
    pub step_up_ratio: f64,
    /// Share of the vars that hold a voltage together with others, percent.
    pub share_pct: f64,
    pub owners: Vec<Ownership>,
    /// Wind machine's kind of reactive control, 0 for others, and its power factor.
    pub wind_mode: i32,
    pub wind_power_factor: f64,
    pub base_load: i32,
    pub droop: String,
}

/// How a switched shunt moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchedShuntMode {
    #[default]
    Locked,
    DiscreteVoltage,
    ContinuousVoltage,
    /// Var output of a plant, a converter, another shunt or a device in series; the source's number.
    Other(i32),
}

/// Equal steps of a switched shunt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShuntBlock {
    pub in_service: bool,
    pub n_steps: u32,
    /// Of each step.
    pub b_mvar: f64,
}

/// A shunt bank that is switched in blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchedShunt {
    pub common: Common,
    pub id: String,
    pub label: String,
    pub in_service: bool,
    pub mode: SwitchedShuntMode,
    /// Blocks are switched in their order (0) or the nearest combination is taken (1).
    pub adjustment: i32,
    pub v_high_pu: f64,
    pub v_low_pu: f64,
    pub regulated_bus: Option<BusId>,
    pub regulated_node: u32,
    pub share_pct: f64,
    /// Name of the converter that it serves.
    pub remote_id: String,
    /// Present admittance.
    pub b_mvar: f64,
    pub blocks: Vec<ShuntBlock>,
}

/// What a two-terminal DC line is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DcControl {
    #[default]
    Blocked,
    Power,
    Current,
}

/// One line-commutated converter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LccConverter {
    pub n_bridges: u32,
    /// Firing or extinction angle, degrees.
    pub angle_max_deg: f64,
    pub angle_min_deg: f64,
    /// Commutating impedance of a bridge, ohm.
    pub r_ohm: f64,
    pub x_ohm: f64,
    pub kv_base: f64,
    pub transformer_ratio: f64,
    pub tap: f64,
    pub tap_max: f64,
    pub tap_min: f64,
    pub tap_step: f64,
    pub firing_bus: Option<BusId>,
    pub firing_node: u32,
    /// Transformer that serves it: its buses and circuit.
    pub transformer: Option<(BusId, BusId, String)>,
    /// Commutating capacitor, ohm.
    pub x_capacitor_ohm: f64,
}

impl LccConverter {
    /// Buses that it names besides its own.
    pub(crate) fn buses_mut(&mut self) -> impl Iterator<Item = &mut BusId> {
        self.firing_bus.iter_mut().chain(self.transformer.iter_mut().flat_map(|(from, to, _)| [from, to]))
    }
}

/// Two-terminal DC line; terminal 1 is the rectifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoTerminalDc {
    pub common: Common,
    pub label: String,
    pub control: DcControl,
    pub r_ohm: f64,
    /// MW (positive: at the rectifier, negative: at the inverter) or A.
    pub set_point: f64,
    pub v_schedule_kv: f64,
    /// Below this the control changes to current.
    pub v_mode_switch_kv: f64,
    pub r_compounding_ohm: f64,
    /// Margin, per unit of the set point.
    pub current_margin: f64,
    /// Metered end is the inverter (`I`) or the rectifier (`R`).
    pub metered: char,
    pub v_min_kv: f64,
    pub ccc_max_iterations: u32,
    pub ccc_acceleration: f64,
    pub rectifier: LccConverter,
    pub inverter: LccConverter,
}

/// One voltage-source converter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VscConverter {
    /// 0 out, 1 holds the DC voltage, 2 the power.
    pub dc_mode: i32,
    /// 1 holds the AC voltage, 2 the power factor.
    pub ac_mode: i32,
    /// kV or MW.
    pub dc_set: f64,
    /// Per unit of voltage, or power factor.
    pub ac_set: f64,
    pub loss_fixed_kw: f64,
    pub loss_kw_per_a: f64,
    pub loss_min_kw: f64,
    pub s_max_mva: f64,
    pub i_max_a: f64,
    pub power_weight: f64,
    pub q_max_mvar: f64,
    pub q_min_mvar: f64,
    pub regulated_bus: Option<BusId>,
    pub regulated_node: u32,
    pub share_pct: f64,
}

/// DC line between two voltage-source converters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VscDc {
    pub common: Common,
    pub label: String,
    pub in_service: bool,
    pub r_ohm: f64,
    pub owners: Vec<Ownership>,
    /// Converter `i` at terminal `i`.
    pub converters: [VscConverter; 2],
}

/// A converter of a multi-terminal DC network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiTerminalConverter {
    pub converter: LccConverter,
    pub set_point: f64,
    pub participation: f64,
    pub margin: f64,
    pub code: i32,
}

/// A bus of a multi-terminal DC network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DcBus {
    pub number: u32,
    /// AC bus of the converter there.
    pub ac_bus: Option<BusId>,
    pub area: u32,
    pub zone: u32,
    pub name: String,
    pub second_bus: u32,
    pub r_ground_ohm: f64,
    pub owner: u32,
}

/// A line of a multi-terminal DC network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DcLink {
    pub from: u32,
    pub to: u32,
    pub circuit: String,
    pub metered: u32,
    pub r_ohm: f64,
    pub l_mh: f64,
}

/// Multi-terminal DC network; converter `i` at terminal `i`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiTerminalDc {
    pub common: Common,
    pub label: String,
    pub control: DcControl,
    /// AC bus of the converter that holds the DC voltage.
    pub voltage_bus: Option<BusId>,
    pub v_mode_switch_kv: f64,
    /// AC bus of the other pole's voltage-holding converter.
    pub negative_voltage_bus: Option<BusId>,
    pub converters: Vec<MultiTerminalConverter>,
    pub buses: Vec<DcBus>,
    pub links: Vec<DcLink>,
}

/// A flexible AC transmission device; terminal 2 is there when it has a series part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsDevice {
    pub common: Common,
    pub label: String,
    /// 0 out of service; other values as the source numbers them.
    pub mode: i32,
    pub p_mw: f64,
    pub q_mvar: f64,
    pub v_set_pu: f64,
    pub shunt_max_mva: f64,
    pub bridge_max_mw: f64,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    pub v_series_max_pu: f64,
    pub i_series_max_mva: f64,
    pub x_dummy_pu: f64,
    pub share_pct: f64,
    pub owner: u32,
    pub set1: f64,
    pub set2: f64,
    pub v_reference: i32,
    pub regulated_bus: Option<BusId>,
    pub regulated_node: u32,
    /// Name of the device that masters it.
    pub master: String,
}

/// An induction machine by its equivalent circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerMotor {
    pub common: Common,
    pub id: String,
    pub label: String,
    pub in_service: bool,
    pub scale_code: i32,
    pub design: i32,
    pub area: u32,
    pub zone: u32,
    pub owner: u32,
    pub torque_code: i32,
    pub base_code: i32,
    pub base_mva: f64,
    pub kv_rated: f64,
    pub power_code: i32,
    pub p_set: f64,
    pub h_s: f64,
    pub load_a: f64,
    pub load_b: f64,
    pub load_d: f64,
    pub load_e: f64,
    pub r_a_pu: f64,
    pub x_a_pu: f64,
    pub x_m_pu: f64,
    pub r_1_pu: f64,
    pub x_1_pu: f64,
    pub r_2_pu: f64,
    pub x_2_pu: f64,
    pub x_3_pu: f64,
    /// Saturation, starting and the rest, in the order of the source: E1, SE1, E2, SE2, IA1, IA2, XAMULT.
    pub saturation: [f64; 7],
}

/// An interchange area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    pub number: u32,
    pub swing: Option<BusId>,
    pub p_desired_mw: f64,
    pub p_tolerance_mw: f64,
    pub name: String,
}

/// A numbered name: zone or owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    pub number: u32,
    pub name: String,
}

/// A transfer between areas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaTransfer {
    pub from: u32,
    pub to: u32,
    pub id: String,
    pub p_mw: f64,
}

/// Impedance over tap ratio or phase angle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImpedanceCorrection {
    pub number: u32,
    /// Ratio or angle in degrees, and the factor there.
    pub points: Vec<(f64, Complex64)>,
}

/// Branches in series that switch together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiSectionLine {
    pub from: BusId,
    pub to: BusId,
    pub id: String,
    pub metered: MeteredEnd,
    /// Buses between the sections.
    pub through: Vec<BusId>,
}

/// A node of a substation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubstationNode {
    pub number: u32,
    pub name: String,
    pub bus: Option<BusId>,
    pub in_service: bool,
    pub v_pu: f64,
    pub angle_deg: f64,
}

/// A switching device between nodes of a substation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubstationSwitch {
    pub from: u32,
    pub to: u32,
    pub circuit: String,
    pub name: String,
    pub device: SwitchingDevice,
    pub closed: bool,
    pub normally_closed: bool,
    pub x_pu: f64,
    pub ratings_mva: Vec<f64>,
}

/// What is joined to a node of a substation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubstationTerminal {
    pub bus: Option<BusId>,
    pub node: u32,
    /// Kind of equipment, one letter or digit of the source.
    pub equipment: String,
    pub to: Option<BusId>,
    pub third: Option<BusId>,
    pub id: String,
}

/// A substation with its nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubstationDetail {
    pub number: u32,
    pub name: String,
    pub latitude_deg: f64,
    pub longitude_deg: f64,
    pub ground_r_ohm: f64,
    pub nodes: Vec<SubstationNode>,
    pub switches: Vec<SubstationSwitch>,
    pub terminals: Vec<SubstationTerminal>,
}

/// Records that are kept as text because they do not enter a power flow here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// Group in the source format.
    pub group: String,
    /// Lines as written.
    pub lines: Vec<String>,
    pub source: SourceRef,
}

/// What a transmission case says besides its buses and elements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransmissionCase {
    pub s_base_mva: f64,
    pub frequency_hz: f64,
    pub titles: Vec<String>,
    /// Version of the source format, 0 where it has none.
    pub version: u32,
    /// Units of transformer and branch ratings as the source codes them.
    pub transformer_rating_code: i32,
    pub branch_rating_code: i32,
    /// Largest |Z| that counts as none, per unit.
    pub zero_impedance_pu: f64,
    pub areas: Vec<Area>,
    pub zones: Vec<Numbered>,
    pub owners: Vec<Numbered>,
    pub transfers: Vec<AreaTransfer>,
    pub corrections: Vec<ImpedanceCorrection>,
    pub multi_section_lines: Vec<MultiSectionLine>,
    pub substations: Vec<SubstationDetail>,
    pub kept: Vec<KeptRecord>,
}
