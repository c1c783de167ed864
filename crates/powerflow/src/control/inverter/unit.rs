//! One inverter under control: what is read of it, and what the control remembers.

use super::window::Window;
use crate::control::Plant;
use crate::pc::{InverterRatings, InverterState};
use network::{ElementId, ElementKind, InverterControl};

/// Value of a factor that the control is to choose itself.
const OWN_FACTOR: f64 = -1.0;
const FIRST_FACTOR: f64 = 0.5;

/// Steps of a factor with 64 bits of mantissa, as a `f64` and what is missing of it.
///
/// The reference was compiled with constants of extended precision. Sums of such steps come to lie on the bounds that decide about the
/// next step, so their last bit matters: 0.2 itself counts as more than the bound 0.2, and 0.15 + 0.05 as less.
const TENTH: (f64, f64) = (0.1, -5.549759870410176e-18);
const TWENTIETH: (f64, f64) = (0.05, -2.774879935205088e-18);

/// A thousandth with 64 bits of mantissa, in the same way.
const THOUSANDTH: (f64, f64) = (0.001, -2.0858186326137146e-20);

/// Kilowatts or kilovars as they come back from watts or vars of one phase, rounded as in the reference: they may be an ulp off, upon which
/// a comparison with the limit that made them turns.
fn by_phase(kilo: f64, n_phases: f64) -> f64 {
    let of_phase = 1000.0 * kilo / n_phases;
    let kilo_of_phase = of_phase * THOUSANDTH.0;
    let lost = of_phase.mul_add(THOUSANDTH.0, -kilo_of_phase) + of_phase * THOUSANDTH.1;
    let whole = kilo_of_phase * n_phases;
    whole + (kilo_of_phase.mul_add(n_phases, -whole) + lost * n_phases)
}

fn minus(step: (f64, f64)) -> (f64, f64) {
    (-step.0, -step.1)
}

/// `f` and a step of extended precision, rounded once.
fn sum(f: f64, step: (f64, f64)) -> f64 {
    let rounded = f + step.0;
    let step_part = rounded - f;
    let lost = (f - (rounded - step_part)) + (step.0 - step_part);
    rounded + (lost + step.1)
}

/// Inverter of a PV system or storage unit.
pub(super) fn inverter(plant: &dyn Plant, id: ElementId) -> Option<(&InverterRatings, &InverterState)> {
    match id.kind {
        ElementKind::PvSystem => plant.pv(id).map(|(model, state)| (model.ratings(), &state.inverter)),
        _ => plant.storage(id).map(|(model, state)| (model.ratings(), &state.inverter)),
    }
}

pub(super) fn inverter_mut(plant: &mut dyn Plant, id: ElementId) -> Option<&mut InverterState> {
    match id.kind {
        ElementKind::PvSystem => plant.pv_mut(id).map(|(_, state)| &mut state.inverter),
        _ => plant.storage_mut(id).map(|(_, state)| &mut state.inverter),
    }
}

/// DC power of a storage unit at the present power of its terminals, kW, positive discharging.
pub(super) fn storage_dc_kw(plant: &dyn Plant, id: ElementId) -> f64 {
    let Some((model, state)) = plant.storage(id) else { return 0.0 };
    let p_ac_kw = plant.terminal_power_va(id, 0).re.abs() * 0.001;
    model.dc_power_kw(state, p_ac_kw, plant.network())
}

/// What a sample reads of an inverter; an action works with it, even if the inverter has moved since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub v_base_v: f64,
    pub on: bool,
    pub var_follow_inverter: bool,
    pub p_kw: f64,
    pub q_kvar: f64,
    pub kva: f64,
    pub q_max_kvar: f64,
    pub q_max_abs_kvar: f64,
    /// Limits at the present power.
    pub q_limit_kvar: f64,
    pub q_limit_abs_kvar: f64,
    pub p_dc_rated_kw: f64,
    pub p_dc_rated_pu: f64,
    pub efficiency: f64,
    /// Power of the panel; 0 for storage.
    pub dc_kw: f64,
    pub watt_priority: bool,
}

impl Reading {
    pub fn of(plant: &dyn Plant, id: ElementId) -> Option<Self> {
        let (ratings, state) = inverter(plant, id)?;
        let (p_dc_rated_kw, p_dc_rated_pu, dc_kw) = match id.kind {
            ElementKind::PvSystem => plant.pv(id).map(|(m, s)| (m.p_mpp_kw(), s.p_mpp_pu, s.panel_kw))?,
            _ => plant.storage(id).map(|(m, s)| (m.p_rated_kw(), s.p_rated_pu, 0.0))?,
        };
        let n_phases = ratings.n_phases as f64;
        Some(Self {
            v_base_v: ratings.base_v,
            on: state.on,
            var_follow_inverter: ratings.var_follow_inverter,
            p_kw: by_phase(state.kw_out, n_phases),
            q_kvar: by_phase(state.kvar_out, n_phases),
            kva: ratings.kva,
            q_max_kvar: ratings.kvar_max,
            q_max_abs_kvar: ratings.kvar_max_abs,
            q_limit_kvar: state.kvar_limit,
            q_limit_abs_kvar: state.kvar_limit_abs,
            p_dc_rated_kw,
            p_dc_rated_pu,
            efficiency: state.efficiency,
            dc_kw,
            watt_priority: state.watt_priority,
        })
    }

    /// Base of the watt axis of a watt-var curve, kW.
    pub fn watt_var_base_kw(&self) -> f64 {
        self.kva.min(self.p_dc_rated_kw)
    }
}

/// Memory of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnitState {
    pub reading: Reading,
    /// An action is due.
    pub pending: bool,
    /// Voltage of the sample, and of the sample whose action was done last.
    pub v_pu: f64,
    pub v_prior_pu: f64,
    /// The same for dynamic reactive current, which always refers to the rated voltage.
    pub v_dynamic_pu: f64,
    pub v_dynamic_prior_pu: f64,
    pub window: Window,
    pub dynamic_window: Window,
    /// Average of the dynamic window one step before.
    pub dynamic_window_before: f64,
    /// Voltages at the ends of the last two time steps, per unit of the bus.
    pub v_solved_pu: [f64; 2],
    /// Works on the shifted curve.
    pub falling: bool,
    /// Has just changed the curve: the output stays.
    pub changes_curve: bool,
    pub head_room_kvar: f64,
    pub head_room_abs_kvar: f64,
    pub p_base_kw: f64,
    /// Active power of the sample.
    pub p_sampled_kw: f64,
    pub p_sampled_pu: f64,
    /// Vars: after all limits, those given, and the set point.
    pub q_asked_pu: f64,
    pub q_output_pu: f64,
    pub q_old_kvar: f64,
    pub q_set_kvar: f64,
    pub q_factor: f64,
    pub q_option_pu: f64,
    pub q_option_before_pu: f64,
    /// Watts: limit of the curve, after all limits, those set before, and the set point.
    pub p_limit_pu: f64,
    pub p_asked_pu: f64,
    pub p_old_pu: f64,
    pub p_set_kw: f64,
    pub p_factor: f64,
    pub p_option_pu: f64,
    pub p_option_before_pu: f64,
    /// How far vars and watts are at work, now and as the last sample found it: see [`crate::control::InverterReport`].
    pub operation: (f64, f64),
    pub told: (f64, f64),
    /// Volt-watt has begun to limit in this time step.
    pub limits_watts: bool,
    /// Voltage change at the last action.
    pub v_change_pu: Option<f64>,
    /// Voltage regulation: response, start, and the set point or what is reachable of it.
    pub vars_per_volt: f64,
    pub v_regulation_start_pu: f64,
    pub v_set_limited_pu: f64,
    /// Memory of the exponential model: last input and output.
    pub filter: (f64, f64),
}

impl UnitState {
    pub fn new(average_window_s: f64, dynamic_window_s: f64) -> Self {
        Self {
            reading: Reading::default(),
            pending: false,
            v_pu: 0.0,
            v_prior_pu: 0.0,
            v_dynamic_pu: 0.0,
            v_dynamic_prior_pu: 0.0,
            window: Window::new(average_window_s),
            dynamic_window: Window::new(dynamic_window_s),
            dynamic_window_before: 0.0,
            v_solved_pu: [0.0; 2],
            falling: false,
            changes_curve: false,
            head_room_kvar: 0.0,
            head_room_abs_kvar: 0.0,
            p_base_kw: 0.0,
            p_sampled_kw: 0.0,
            p_sampled_pu: 0.0,
            q_asked_pu: 0.0,
            q_output_pu: 0.0,
            // The reference starts from one kvar absorbed.
            q_old_kvar: -1.0,
            q_set_kvar: 0.0,
            q_factor: FIRST_FACTOR,
            q_option_pu: 0.0,
            q_option_before_pu: 0.0,
            p_limit_pu: 0.0,
            p_asked_pu: 0.0,
            p_old_pu: 0.0,
            p_set_kw: 0.0,
            p_factor: FIRST_FACTOR,
            p_option_pu: 0.0,
            p_option_before_pu: 0.0,
            operation: (0.0, 0.0),
            told: (0.0, 0.0),
            limits_watts: false,
            v_change_pu: None,
            vars_per_volt: 0.0,
            v_regulation_start_pu: 0.0,
            v_set_limited_pu: 0.0,
            filter: (0.0, 0.0),
        }
    }

    /// Vars asked for, kvar.
    pub fn asked_kvar(&self) -> f64 {
        self.q_asked_pu * if self.q_asked_pu >= 0.0 { self.head_room_kvar } else { self.head_room_abs_kvar }
    }

    /// Limit of vars in the direction of `q_pu`, per unit with its sign, when `q_pu` reaches it.
    pub fn var_limit_pu(&self, q_pu: f64) -> Option<f64> {
        let r = &self.reading;
        let limit = (r.q_limit_kvar / self.head_room_kvar).min(1.0);
        let limit_abs = (r.q_limit_abs_kvar / self.head_room_abs_kvar).min(1.0);
        if q_pu > 0.0 && q_pu >= limit.abs() {
            Some(limit)
        } else if q_pu < 0.0 && -q_pu >= limit_abs.abs() {
            Some(-limit_abs)
        } else {
            None
        }
    }

    /// Watts that kVA and rating allow, per unit with the sign of `p_pu`; 1 when they allow `p_pu`.
    pub fn watt_limit_pu(&mut self, p_pu: f64) -> f64 {
        let r = self.reading;
        // At work while the curve lowers the watts, unless something else lowers them more.
        self.operation.1 = if p_pu < 1.0 { 1.0 } else { self.operation.1 };
        let p_kw = p_pu.abs() * self.p_base_kw;
        let rated_kw = r.p_dc_rated_pu * r.p_dc_rated_kw;
        let mut limit = 1.0;
        if !r.watt_priority {
            let room_kw = (r.kva * r.kva - r.q_kvar * r.q_kvar).sqrt();
            if room_kw < p_kw {
                limit = room_kw / self.p_base_kw * super::sign(p_pu);
                self.operation.1 = 0.0;
            }
        }
        if p_kw > rated_kw {
            limit = rated_kw / self.p_base_kw * super::sign(p_pu);
            self.operation.1 = 0.0;
        }
        limit
    }

    /// Set point of volt-var; just after a change of curve it stays.
    pub fn move_volt_var(&mut self, settings: &InverterControl) {
        if self.changes_curve {
            self.q_set_kvar = self.reading.q_kvar;
        } else {
            self.move_vars(settings);
        }
    }

    /// Set point of vars, part of the way to what is asked.
    pub fn move_vars(&mut self, settings: &InverterControl) {
        if settings.control_model != 0 {
            self.q_set_kvar = self.filtered(settings.delta_q_factor);
            return;
        }
        let difference = self.asked_kvar() - self.q_old_kvar;
        self.choose_q_factor(settings.delta_q_factor);
        self.q_set_kvar = self.q_old_kvar + difference * self.q_factor;
    }

    /// Set point of voltage regulation, a fifth of the way.
    pub fn move_regulation(&mut self, settings: &InverterControl) {
        if settings.control_model != 0 {
            self.q_set_kvar = self.filtered(settings.delta_q_factor);
            return;
        }
        let difference = self.asked_kvar() - self.q_old_kvar;
        self.choose_q_factor(settings.delta_q_factor);
        self.q_set_kvar = self.q_old_kvar + 0.2 * difference;
    }

    /// First-order filter whose input counts from the next action on.
    fn filtered(&mut self, delta_q_factor: f64) -> f64 {
        let rest = (-delta_q_factor.abs()).exp();
        let output = self.filter.0 * (1.0 - rest) + self.filter.1 * rest;
        self.filter = (self.asked_kvar(), output);
        output
    }

    fn choose_q_factor(&mut self, given: f64) {
        if given != OWN_FACTOR {
            self.q_factor = given;
            return;
        }
        let change = (self.v_pu - self.v_prior_pu).abs();
        if let Some(before) = self.v_change_pu {
            let f = self.q_factor;
            if change > 0.8 * before && f >= 0.2 {
                self.q_factor = sum(f, minus(TENTH));
            } else if change > 0.6 * before && f >= 0.2 {
                self.q_factor = sum(f, minus(TWENTIETH));
            } else if change < 0.2 * before && f < 0.9 {
                self.q_factor = sum(f, TENTH);
            } else if change < 0.4 * before && f < 0.9 {
                self.q_factor = sum(f, TWENTIETH);
            }
        }
        self.v_change_pu = Some(change);
    }

    fn choose_p_factor(&mut self, given: f64) {
        if given != OWN_FACTOR {
            self.p_factor = given;
            return;
        }
        let change = (self.v_pu - self.v_prior_pu).abs();
        if let Some(before) = self.v_change_pu {
            let f = self.p_factor;
            if change > 0.9 * before && f >= 0.2 {
                self.p_factor = sum(f, minus(TENTH));
            } else if change > 0.8 * before && f >= 0.1 {
                self.p_factor = sum(f, minus(TWENTIETH));
            } else if change < 0.2 * before && f < 0.9 {
                self.p_factor = sum(f, TWENTIETH);
            } else if change < 0.1 * before && f < 0.9 {
                self.p_factor = sum(f, TENTH);
            }
        }
        self.v_change_pu = Some(change);
    }

    /// Set point of volt-watt: part of the way once the limit is below what the inverter gives, else the limit itself.
    pub fn move_watts(&mut self, settings: &InverterControl, control_iteration: u32) {
        let limits = self.p_asked_pu < 1.0 && self.p_asked_pu <= self.p_sampled_pu.abs();
        if !(limits || self.limits_watts) {
            self.p_set_kw = self.p_asked_pu * self.p_base_kw;
            return;
        }
        if control_iteration == 1 {
            self.p_old_pu = self.p_sampled_pu.abs();
        }
        self.limits_watts = true;
        let difference = self.p_asked_pu - self.p_old_pu;
        self.choose_p_factor(settings.delta_p_factor);
        self.p_set_kw = (self.p_old_pu + difference * self.p_factor) * self.p_base_kw;
    }

    /// Takes the voltage that ended a time step, V, and forgets what holds within a step only.
    pub fn end_of_step(&mut self, v: f64, step_s: f64) {
        self.operation = (0.0, 0.0);
        self.p_option_before_pu = self.p_option_pu;
        self.q_option_before_pu = self.q_option_pu;
        self.limits_watts = false;
        self.vars_per_volt = 0.0;
        self.p_factor = FIRST_FACTOR;
        self.dynamic_window_before = self.dynamic_window.average();
        self.window.add(v, step_s);
        self.dynamic_window.add(v, step_s);
    }
}
