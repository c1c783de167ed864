//! Exponential control: vars along a steep line of voltage whose zero follows the voltage slowly.
//!
//! ```text
//! q_pu    = -slope (v_pu - v_reg) + q_bias        within kVA (unless vars go first), var limit, lead and lag limits
//! q_pu    moves to it with a first-order response, except in static control mode
//! q_set   = q + (q_pu · kVA - q) · factor         in each control iteration
//! v_reg  += (v_pu - v_reg)(1 - exp(-h/τ))         after each time step, within its band
//! ```
//!
//! A control iteration acts on units whose voltage or vars have moved by more than 1e-4 since the last one.
//!
//! Source: behaviour of OpenDSS 0.14.5 (ExpControl).

use super::InverterReport;
use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction, SetPoint};
use crate::pc::VarMode;
use network::{ControlMode, ElementId, ElementKind, ExponentialControl, Network};

const V_TOLERANCE_PU: f64 = 1e-4;
const Q_TOLERANCE_PU: f64 = 1e-4;
/// Time constants in which all but a tenth of a difference is gone, as the reference rounds it.
const TAU_PER_RESPONSE: f64 = 23026.0 / 1e4;

/// An exponential control, compiled.
#[derive(Clone, Debug)]
pub struct ExponentialController {
    id: ElementId,
    units: Vec<ElementId>,
    settings: ExponentialControl,
    /// Time constant of the response, s: a tenth of the difference is left after the response time.
    response_tau_s: f64,
}

/// What changes in an exponential control.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialControllerState {
    units: Vec<UnitState>,
    /// The zero is still to be found from the voltage.
    finds_v_reg: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct UnitState {
    pending: bool,
    within_tolerance: bool,
    v_pu: f64,
    v_prior_pu: f64,
    v_reg_pu: f64,
    /// The same as the last step left it, for reports.
    v_reg_told_pu: Option<f64>,
    q_target_kvar: f64,
    /// Set point of the last action, and vars at the end of the last time step.
    q_iteration_kvar: f64,
    q_step_kvar: f64,
}

impl ExponentialController {
    /// Compiles exponential control number `index` of the network.
    ///
    /// # Errors
    /// [`ControlError`]: a unit that is no PV system.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::ExponentialControl, index);
        let settings = network.exponential_controls[index].clone();
        if let Some(&other) = settings.units.iter().find(|u| u.kind != ElementKind::PvSystem) {
            let what = format!("control of {}, which is no PV system,", network.full_name(other));
            return Err(ControlError::Unsupported { control: network.full_name(id), what });
        }
        let units = settings.units.iter().copied().filter(|&u| network.common(u).enabled).collect();
        let response_tau_s = settings.response_s / TAU_PER_RESPONSE;
        Ok(Self { id, units, settings, response_tau_s })
    }

    /// The control's element.
    pub fn id(&self) -> ElementId {
        self.id
    }

    /// The unit's place in the control.
    pub(super) fn place_of(&self, unit: ElementId) -> Option<usize> {
        self.units.iter().position(|&u| u == unit)
    }

    /// The voltage at which unit `k` makes no vars, since the end of the last step.
    pub(super) fn report(&self, state: &ExponentialControllerState, k: usize) -> Option<InverterReport> {
        Some(InverterReport { v_pu: state.units.get(k)?.v_reg_told_pu, ..InverterReport::default() })
    }

    /// Mean phase voltage, per unit of the bus.
    fn voltage_pu(id: ElementId, plant: &dyn Plant) -> f64 {
        let common = plant.network().common(id);
        let mut v = Vec::new();
        plant.terminal_voltages(id, 0, &mut v);
        let mean = v.iter().take(common.n_phases).map(|v| v.norm()).sum::<f64>() / common.n_phases as f64;
        mean / (plant.bus_kv_base_ln(common.terminals[0].bus) * 1000.0)
    }

    fn move_unit(&self, id: ElementId, unit: &mut UnitState, plant: &mut dyn Plant) {
        let s = &self.settings;
        let Some((model, pv)) = plant.pv_mut(id) else { return };
        pv.inverter.volt_watt = false;
        pv.inverter.var_mode = VarMode::Kvar;
        let (kva, kvar_max, p_mpp_kw) = (model.ratings().kva, model.ratings().kvar_max, model.p_mpp_kw());
        let before = pv.inverter.kvar_out;
        let mut q_pu = before / kva;
        if !unit.within_tolerance {
            q_pu = -s.slope * (unit.v_pu - unit.v_reg_pu) + s.q_bias_pu;
        }
        plant.update_converter(id);
        let clock = plant.clock();
        let Some((_, pv)) = plant.pv_mut(id) else { return };
        let p_kw = pv.inverter.kw_out;
        let room_pu = if s.prefer_q { 1.0 } else { (1.0 - (p_kw / kva) * (p_kw / kva)).sqrt() };
        let room_pu = if room_pu > kvar_max / kva { kvar_max / kva } else { room_pu };
        if q_pu.abs() > room_pu {
            q_pu = room_pu * if q_pu < 0.0 { -1.0 } else { 1.0 };
        }
        if q_pu < -s.q_max_lead_pu {
            q_pu = -s.q_max_lead_pu;
        }
        if q_pu > s.q_max_lag_pu {
            q_pu = s.q_max_lag_pu;
        }
        unit.q_target_kvar = kva * q_pu;
        if s.prefer_q {
            let p_limit_kw = kva * (1.0 - q_pu * q_pu).sqrt();
            if p_limit_kw < p_kw {
                pv.inverter.kw_requested = p_limit_kw;
                pv.p_mpp_pu = p_limit_kw / p_mpp_kw;
            }
        }
        if self.response_tau_s > 0.0 && clock.control_mode != ControlMode::Static {
            let share = 1.0 - (-clock.step_s / self.response_tau_s).exp();
            unit.q_target_kvar = unit.q_step_kvar + (unit.q_target_kvar - unit.q_step_kvar) * share;
        }
        let q_set_kvar = unit.q_iteration_kvar + (unit.q_target_kvar - unit.q_iteration_kvar) * s.delta_q_factor;
        if pv.inverter.kvar_out != q_set_kvar {
            pv.inverter.kvar_requested = q_set_kvar;
        }
        unit.q_iteration_kvar = q_set_kvar;
        unit.v_prior_pu = unit.v_pu;
        plant.request_update();
        let action = ControlAction::SetPointMoved { quantity: SetPoint::ReactivePowerKvar, before, after: q_set_kvar };
        plant.log(ControlEvent { control: self.id, element: id, hour: clock.hour, second: clock.second, action });
    }
}

impl Control for ExponentialController {
    type State = ExponentialControllerState;

    fn initial(&self, plant: &mut dyn Plant) -> Self::State {
        for &id in &self.units {
            if let Some((_, pv)) = plant.pv_mut(id) {
                pv.inverter.active_voltage_regulation = true;
            }
        }
        let v_reg_pu = self.settings.v_reg_pu;
        let unit = UnitState {
            pending: false,
            within_tolerance: false,
            v_pu: 0.0,
            v_prior_pu: 0.0,
            v_reg_pu,
            v_reg_told_pu: None,
            q_target_kvar: 0.0,
            // The reference starts from one kvar absorbed.
            q_iteration_kvar: -1.0,
            q_step_kvar: -1.0,
        };
        ExponentialControllerState { units: vec![unit; self.units.len()], finds_v_reg: v_reg_pu <= 0.0 }
    }

    fn sample(&self, state: &mut Self::State, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let s = &self.settings;
        let clock = plant.clock();
        for (k, (unit, &id)) in state.units.iter_mut().zip(&self.units).enumerate() {
            unit.v_pu = Self::voltage_pu(id, plant);
            if clock.control_mode == ControlMode::Static && state.finds_v_reg {
                unit.v_reg_pu = unit.v_pu;
                if unit.v_reg_pu < s.v_reg_min_pu {
                    unit.v_reg_pu = s.v_reg_min_pu;
                    state.finds_v_reg = false;
                }
                if unit.v_reg_pu > s.v_reg_max_pu {
                    unit.v_reg_pu = s.v_reg_max_pu;
                    state.finds_v_reg = false;
                }
            }
            let Some((model, pv)) = plant.pv_mut(id) else { continue };
            let v_error_pu = (unit.v_pu - unit.v_prior_pu).abs();
            let q_error_pu = (pv.inverter.kvar_out - unit.q_target_kvar).abs() / model.ratings().kva;
            if !pv.inverter.on && model.ratings().var_follow_inverter {
                if s.v_reg_tau_s > 0.0 && unit.v_reg_pu <= 0.0 {
                    unit.v_reg_pu = unit.v_pu;
                }
                continue;
            }
            pv.inverter.volt_watt = false;
            unit.within_tolerance = v_error_pu <= V_TOLERANCE_PU && q_error_pu <= Q_TOLERANCE_PU && clock.control_iteration != 1;
            if !unit.within_tolerance {
                unit.pending = true;
                queue.push(&clock, 0.0, ActionCode::SetPoint(0), k as i32, self.id);
            }
        }
    }

    fn act(&self, state: &mut Self::State, _action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        // The first action of a control does the work of all its units.
        for (unit, &id) in state.units.iter_mut().zip(&self.units) {
            if std::mem::take(&mut unit.pending) {
                self.move_unit(id, unit, plant);
            }
        }
    }

    fn reset(&self, _state: &mut Self::State, _plant: &mut dyn Plant) {}

    fn end_of_step(&self, state: &mut Self::State, plant: &mut dyn Plant) {
        let s = &self.settings;
        let step_s = plant.clock().step_s;
        for (unit, &id) in state.units.iter_mut().zip(&self.units) {
            unit.q_step_kvar = plant.pv(id).map_or(0.0, |(_, pv)| pv.inverter.kvar_out);
            if s.v_reg_tau_s > 0.0 {
                unit.v_reg_pu += (unit.v_pu - unit.v_reg_pu) * (1.0 - (-step_s / s.v_reg_tau_s).exp());
            }
            if unit.v_reg_pu < s.v_reg_min_pu {
                unit.v_reg_pu = s.v_reg_min_pu;
            }
            if unit.v_reg_pu > s.v_reg_max_pu {
                unit.v_reg_pu = s.v_reg_max_pu;
            }
            unit.v_reg_told_pu = Some(unit.v_reg_pu);
        }
    }
}
