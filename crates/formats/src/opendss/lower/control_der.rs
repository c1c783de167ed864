//! Controls of distributed resources: inverter controls, exponential controls, storage controllers.

use network::{
    ElementId, ExponentialControl, InverterCombination, InverterControl, InverterMode, MonitoredPhase, RateOfChange, ReactiveReference,
    RemoteBus, StorageController, StorageDispatch, VoltWattAxis, VoltageReference,
};

use super::typed::Given;
use super::{Context, END, Result};
use crate::opendss::class::ClassId;
use crate::opendss::class::control::{exp_control, inv_control, storage_controller};
use crate::opendss::object::{Object, ObjectId};

fn monitored_phase(number: i32) -> MonitoredPhase {
    match number {
        -3 => MonitoredPhase::Min,
        -2 => MonitoredPhase::Max,
        -1 => MonitoredPhase::Average,
        n => MonitoredPhase::Phase(n.max(1) as usize),
    }
}

/// The units that a list names: `class.name`, or a bare name of the first of `classes` that has it.
fn units(given: &Given<'_, '_>, classes: &[ClassId]) -> Result<Vec<ElementId>> {
    let ctx = given.ctx;
    given
        .texts()?
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| {
            let found = match name.contains('.') {
                true => ctx.find_element(name),
                false => classes.iter().find_map(|&class| ctx.store.find(class, name)).and_then(|id| ctx.element_id(id)),
            };
            found.ok_or_else(|| ctx.undefined(given.object, given.assignment, name))
        })
        .collect()
}

/// Every enabled unit of the classes, class by class in the order of creation: what an empty list means.
fn all_units(ctx: &Context<'_>, classes: &[ClassId]) -> Vec<ElementId> {
    let of_class = |&class: &ClassId| ctx.store.of_class(class).filter(|(_, o)| o.enabled).filter_map(|(id, _)| ctx.element_id(id));
    classes.iter().flat_map(of_class).collect()
}

/// The other end of an answer: the buses a control watches, made if the network has not met them.
fn remote_buses(ctx: &mut Context<'_>, object: &Object, texts: &[String]) -> Result<Vec<RemoteBus>> {
    texts
        .iter()
        .map(|text| {
            let mut parts = text.split('.');
            let name = parts.next().unwrap_or_default();
            let nodes: std::result::Result<Vec<u32>, _> = parts.map(|n| n.trim().parse()).collect();
            let Ok(nodes) = nodes else {
                let message = format!("MonBus: \"{text}\" is not a bus with node numbers");
                return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", message));
            };
            Ok(RemoteBus { bus: ctx.network.bus_or_add(name), nodes, text: text.clone() })
        })
        .collect()
}

const INVERTERS: [ClassId; 2] = [ClassId::PvSystem, ClassId::Storage];

fn new_inverter_control(ctx: &Context<'_>, object: &Object) -> InverterControl {
    InverterControl {
        common: ctx.common(object, 3),
        units: Vec::new(),
        all_units: true,
        mode: InverterMode::None,
        combination: InverterCombination::None,
        volt_var_curve: None,
        volt_watt_curve: None,
        volt_watt_charging_curve: None,
        watt_pf_curve: None,
        watt_var_curve: None,
        hysteresis_offset: 0.0,
        voltage_reference: VoltageReference::Rated,
        average_window_s: 1.0,
        dynamic_window_s: 1.0,
        dead_band_v_min_pu: 0.95,
        dead_band_v_max_pu: 1.05,
        gradient_low_v: 0.1,
        gradient_high_v: 0.1,
        delta_q_factor: -1.0,
        delta_p_factor: -1.0,
        voltage_tolerance_pu: 0.0001,
        var_tolerance_pu: 0.025,
        active_tolerance_pu: 0.01,
        volt_watt_axis: VoltWattAxis::PMpp,
        rate_of_change: RateOfChange::Inactive,
        low_pass_tau_s: 0.001,
        rise_fall_limit: 0.001,
        reactive_reference: ReactiveReference::Available,
        monitored_voltage: MonitoredPhase::Average,
        monitored_buses: Vec::new(),
        monitored_v_base_v: Vec::new(),
        v_set_point_pu: 1.0,
        control_model: 0,
    }
}

/// An inverter control as it stood before `command`, and the texts of its monitored buses.
fn inverter_control_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<(InverterControl, Vec<String>)> {
    use inv_control::Property as P;
    let object = ctx.store.get(id);
    let mut s = new_inverter_control(ctx, object);
    let mut buses = Vec::new();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::DERList | P::PVSystemList => {
                s.units = units(&given, &INVERTERS)?;
                s.all_units = s.units.is_empty();
            }
            P::Mode => {
                s.mode = match given.integer()? {
                    1 => InverterMode::VoltVar,
                    2 => InverterMode::VoltWatt,
                    3 => InverterMode::DynamicReactiveCurrent,
                    4 => InverterMode::WattPowerFactor,
                    5 => InverterMode::WattVar,
                    6 => InverterMode::ActiveVoltageRegulation,
                    7 => InverterMode::GridForming,
                    _ => InverterMode::None,
                };
                // A single function ends a combination; a combination named later stands beside it.
                s.combination = InverterCombination::None;
            }
            P::CombiMode => {
                s.combination = match given.integer()? {
                    1 => InverterCombination::VoltVarVoltWatt,
                    2 => InverterCombination::VoltVarDynamicReactiveCurrent,
                    _ => InverterCombination::None,
                };
            }
            P::VVCCurve1 => s.volt_var_curve = given.curve()?,
            P::HysteresisOffset => s.hysteresis_offset = given.real()?,
            P::VoltageCurveXRef => {
                s.voltage_reference = match given.integer()? {
                    1 => VoltageReference::Average,
                    2 => VoltageReference::RatedAverage,
                    _ => VoltageReference::Rated,
                }
            }
            P::AvgWindowLen => s.average_window_s = given.real()?,
            P::VoltWattCurve => s.volt_watt_curve = given.curve()?,
            P::DbVMin => s.dead_band_v_min_pu = given.real()?,
            P::DbVMax => s.dead_band_v_max_pu = given.real()?,
            P::ArGraLowV => s.gradient_low_v = given.real()?,
            P::ArGraHiV => s.gradient_high_v = given.real()?,
            P::DynReacAvgWindowLen => s.dynamic_window_s = given.real()?,
            P::DeltaQFactor => s.delta_q_factor = given.real()?,
            P::VoltageChangeTolerance => s.voltage_tolerance_pu = given.real()?,
            P::VarChangeTolerance => s.var_tolerance_pu = given.real()?,
            P::VoltWattYAxis => {
                s.volt_watt_axis = match given.integer()? {
                    0 => VoltWattAxis::PAvailable,
                    2 => VoltWattAxis::PctPMpp,
                    3 => VoltWattAxis::KvaRating,
                    _ => VoltWattAxis::PMpp,
                }
            }
            P::RateOfChangeMode => {
                s.rate_of_change = match given.integer()? {
                    1 => RateOfChange::LowPass,
                    2 => RateOfChange::RiseFall,
                    _ => RateOfChange::Inactive,
                }
            }
            // A limit without size takes the rate of change out of use.
            P::LPFTau => {
                s.low_pass_tau_s = given.real()?;
                if s.low_pass_tau_s <= 0.0 {
                    s.rate_of_change = RateOfChange::Inactive;
                }
            }
            P::RiseFallLimit => {
                s.rise_fall_limit = given.real()?;
                if s.rise_fall_limit <= 0.0 {
                    s.rate_of_change = RateOfChange::Inactive;
                }
            }
            P::DeltaPFactor => s.delta_p_factor = given.real()?,
            P::RefReactivePower => {
                s.reactive_reference = if given.integer()? == 1 { ReactiveReference::Max } else { ReactiveReference::Available }
            }
            P::ActivePChangeTolerance => s.active_tolerance_pu = given.real()?,
            P::MonVoltageCalc => s.monitored_voltage = monitored_phase(given.integer()?),
            P::MonBus => buses = given.texts()?.iter().map(|t| t.to_lowercase()).collect(),
            P::MonBusesVBase => s.monitored_v_base_v = given.reals()?.to_vec(),
            P::VoltWattCHCurve => s.volt_watt_charging_curve = given.curve()?,
            P::WattPFCurve => s.watt_pf_curve = given.curve()?,
            P::WattVarCurve => s.watt_var_curve = given.curve()?,
            P::VSetPoint => s.v_set_point_pu = given.real()?,
            P::ControlModel => s.control_model = given.integer()?.max(0) as u32,
            P::EventLog | P::VVRefReactivePower | P::Enabled => {}
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let common = s.common;
                    (s, buses) = inverter_control_before(ctx, other, a.command)?;
                    s.common = common;
                }
            }
        }
    }
    Ok((s, buses))
}

pub fn lower_inverter_control(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let (mut s, buses) = inverter_control_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    if s.all_units {
        s.units = all_units(ctx, &INVERTERS);
    }
    s.monitored_buses = remote_buses(ctx, object, &buses)?;
    if s.monitored_v_base_v.len() < s.monitored_buses.len() {
        let message =
            format!("MonBusesVBase has {} numbers for the {} buses of MonBus", s.monitored_v_base_v.len(), s.monitored_buses.len());
        return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", message));
    }
    ctx.add(id, s);
    Ok(())
}

fn exponential_control_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<ExponentialControl> {
    use exp_control::Property as P;
    let object = ctx.store.get(id);
    let mut s = ExponentialControl {
        common: ctx.common(object, 3),
        units: Vec::new(),
        all_units: true,
        v_reg_pu: 1.0,
        slope: 50.0,
        v_reg_tau_s: 1200.0,
        q_bias_pu: 0.0,
        v_reg_min_pu: 0.95,
        v_reg_max_pu: 1.05,
        q_max_lead_pu: 0.44,
        q_max_lag_pu: 0.44,
        delta_q_factor: 0.7,
        prefer_q: false,
        response_s: 0.0,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::PVSystemList | P::DERList => {
                s.units = units(&given, &[ClassId::PvSystem])?;
                s.all_units = s.units.is_empty();
            }
            P::VReg => s.v_reg_pu = given.real()?,
            P::Slope => s.slope = given.real()?,
            P::VRegTau => s.v_reg_tau_s = given.real()?,
            P::QBias => s.q_bias_pu = given.real()?,
            P::VRegMin => s.v_reg_min_pu = given.real()?,
            P::VRegMax => s.v_reg_max_pu = given.real()?,
            P::QMaxLead => s.q_max_lead_pu = given.real()?,
            P::QMaxLag => s.q_max_lag_pu = given.real()?,
            P::DeltaQFactor => s.delta_q_factor = given.real()?,
            P::PreferQ => s.prefer_q = given.boolean()?,
            P::TResponse => s.response_s = given.real()?,
            P::EventLog | P::Enabled => {}
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let common = s.common;
                    s = exponential_control_before(ctx, other, a.command)?;
                    s.common = common;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_exponential_control(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let mut s = exponential_control_before(ctx, id, END)?;
    if s.all_units {
        s.units = all_units(ctx, &[ClassId::PvSystem]);
    }
    ctx.add(id, s);
    Ok(())
}

fn dispatch(number: i32) -> StorageDispatch {
    match number {
        1 => StorageDispatch::Follow,
        2 => StorageDispatch::Loadshape,
        3 => StorageDispatch::Support,
        4 => StorageDispatch::Time,
        6 => StorageDispatch::Schedule,
        7 => StorageDispatch::PeakShaveLow,
        8 => StorageDispatch::IPeakShave,
        9 => StorageDispatch::IPeakShaveLow,
        _ => StorageDispatch::PeakShave,
    }
}

/// Targets of the modes of current are in kA, their bands count in A. The mode known when the band is set decides.
fn current_scale(mode: StorageDispatch) -> f64 {
    if matches!(mode, StorageDispatch::IPeakShave | StorageDispatch::IPeakShaveLow) { 1000.0 } else { 1.0 }
}

fn storage_controller_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<StorageController> {
    use storage_controller::Property as P;
    let object = ctx.store.get(id);
    let mut s = StorageController {
        common: ctx.common(object, 3),
        element: None,
        terminal: 0,
        monitored_phase: MonitoredPhase::Max,
        units: Vec::new(),
        all_units: true,
        weights: Vec::new(),
        kw_target: 8000.0,
        kw_target_low: 4000.0,
        band_pct: 2.0,
        band_low_pct: 2.0,
        band_kw: None,
        band_low_kw: None,
        half_band: 80.0,
        half_band_low: 40.0,
        discharge_mode: StorageDispatch::PeakShave,
        charge_mode: StorageDispatch::Time,
        discharge_time_h: -1.0,
        charge_time_h: 2.0,
        discharge_rate_pct: 20.0,
        charge_rate_pct: 20.0,
        reserve_pct: 25.0,
        yearly: None,
        daily: None,
        duty: None,
        inhibit_h: 5,
        t_up_h: 0.25,
        t_flat_h: 2.0,
        t_down_h: 0.25,
        kw_threshold: 6000.0,
        dispatch_factor: 1.0,
        reset_level: 0.8,
        season_targets_kw: vec![8000.0],
        season_targets_low_kw: vec![4000.0],
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::Element => s.element = ctx.element(object, a)?,
            P::Terminal => s.terminal = given.position()?,
            P::MonPhase => s.monitored_phase = monitored_phase(given.integer()?),
            // A new target keeps the band's percentage and sets the threshold to three quarters.
            P::KWTarget => {
                s.kw_target = given.real()?;
                s.kw_threshold = s.kw_target * 0.75;
                s.half_band = s.band_pct / 200.0 * s.kw_target * current_scale(s.discharge_mode);
                s.band_kw = s.band_kw.map(|_| s.band_pct / 100.0 * s.kw_target);
            }
            P::KWTargetLow => {
                s.kw_target_low = given.real()?;
                s.band_low_kw = s.band_low_kw.map(|_| s.band_low_pct / 100.0 * s.kw_target_low);
                s.half_band_low = s.band_low_pct / 200.0 * s.kw_target_low * current_scale(s.charge_mode);
            }
            P::PctkWBand => {
                s.band_pct = given.real()?;
                s.band_kw = None;
                s.half_band = s.band_pct / 200.0 * s.kw_target * current_scale(s.discharge_mode);
            }
            P::KWBand => {
                let kw = given.real()?;
                s.band_pct = kw / s.kw_target * 100.0;
                s.band_kw = Some(kw);
                s.half_band = kw / 2.0 * current_scale(s.discharge_mode);
            }
            P::PctkWBandLow => {
                s.band_low_pct = given.real()?;
                s.band_low_kw = None;
                s.half_band_low = s.band_low_pct / 200.0 * s.kw_target_low * current_scale(s.charge_mode);
            }
            P::KWBandLow => {
                let kw = given.real()?;
                s.band_low_pct = kw / s.kw_target_low * 100.0;
                s.band_low_kw = Some(kw);
                s.half_band_low = kw / 2.0 * current_scale(s.charge_mode);
            }
            P::ElementList => {
                s.units = units(&given, &[ClassId::Storage])?;
                s.all_units = s.units.is_empty();
                s.weights = vec![1.0; s.units.len()];
            }
            P::Weights => s.weights = given.reals()?.to_vec(),
            P::ModeDischarge => {
                s.discharge_mode = dispatch(given.integer()?);
                if s.discharge_mode == StorageDispatch::Follow {
                    s.discharge_time_h = 12.0;
                }
            }
            P::ModeCharge => s.charge_mode = dispatch(given.integer()?),
            P::TimeDischargeTrigger => s.discharge_time_h = given.real()?,
            P::TimeChargeTrigger => s.charge_time_h = given.real()?,
            P::PctRatekW => s.discharge_rate_pct = given.real()?,
            P::PctRateCharge => s.charge_rate_pct = given.real()?,
            P::PctReserve => s.reserve_pct = given.real()?,
            P::Yearly => s.yearly = given.shape()?,
            P::Daily => s.daily = given.shape()?,
            P::Duty => s.duty = given.shape()?,
            P::InhibitTime => s.inhibit_h = given.integer()?,
            P::TUp => s.t_up_h = given.real()?,
            P::TFlat => s.t_flat_h = given.real()?,
            P::TDn => s.t_down_h = given.real()?,
            P::KWThreshold => s.kw_threshold = given.real()?,
            P::DispFactor => s.dispatch_factor = given.real()?,
            P::ResetLevel => s.reset_level = given.real()?,
            P::Seasons => {
                let n = given.integer()?.max(1) as usize;
                s.season_targets_kw.resize(n, 0.0);
                s.season_targets_low_kw.resize(n, 0.0);
            }
            P::SeasonTargets => fill(&mut s.season_targets_kw, given.reals()?),
            P::SeasonTargetsLow => fill(&mut s.season_targets_low_kw, given.reals()?),
            P::KWhTotal | P::KWTotal | P::KWhActual | P::KWActual | P::KWNeed | P::EventLog | P::Enabled => {}
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let common = s.common;
                    s = storage_controller_before(ctx, other, a.command)?;
                    s.common = common;
                }
            }
        }
    }
    Ok(s)
}

/// Writes `from` over the beginning of `to`.
fn fill(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

pub fn lower_storage_controller(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let mut s = storage_controller_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    if s.all_units {
        s.units = all_units(ctx, &[ClassId::Storage]);
    }
    if s.element.is_none() {
        return Err(ctx.error(object, object.source, "READ.OPENDSS.MISSING_ELEMENT", "the element that the controller watches is not set"));
    }
    s.weights.resize(s.units.len(), 1.0);
    ctx.add(id, s);
    Ok(())
}
