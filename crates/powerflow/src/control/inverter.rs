//! Inverter control: volt-var, volt-watt, watt-pf, watt-var, dynamic reactive current, voltage regulation, and two pairs of them.
//!
//! A control iteration moves an inverter only part of the way to what its curve asks for, and ends when voltage and output have hardly
//! changed. The tolerances are wide, so the answer depends on the path; the steps below are therefore those of OpenDSS, one by one.
//!
//! Sample, for each unit. `v` is the mean (highest, lowest, one phase's) voltage of its phases or of the monitored buses:
//!
//! ```text
//! v_pu = v / v_base          rated      (or while there is no average yet)
//!        v / v_average       average
//!        v_average / v_base  rated average
//! act if |v_pu - v_pu(last action)| > tolerance, or |output - asked| > tolerance, or first control iteration
//! ```
//!
//! Action, for each unit that is to act, with what the sample read:
//!
//! ```text
//! asked    = curve(v_pu) or curve(p)                       per unit of the head room
//! asked    = rate of change limit (asked)
//! asked    = asked, no more than vars and kVA allow
//! q_set    = q + (asked · head room - q) · factor          linear model
//! ```
//!
//! The factor is as given, or -1: then it starts at 0.5 and moves by 0.05 or 0.1 with the ratio of the last two voltage changes.
//! Head room is what the active power leaves of the kVA, or the var limit. Watts follow the same steps with their own base and factor,
//! once the volt-watt limit lies below what the inverter gives.
//!
//! Hysteresis: falling voltage works on the curve shifted by the offset, rising voltage on the curve itself; on a change of direction the
//! output stays for one action.
//!
//! Source: behaviour of OpenDSS 0.14.5 (InvControl).

mod function;
mod unit;
mod window;

use super::InverterReport;
use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction, SetPoint};
use function::Function;
use network::{
    ElementId, ElementKind, InverterCombination, InverterControl, InverterMode, MonitoredPhase, Network, RateOfChange, ReactiveReference,
    VoltWattAxis, VoltageReference, XyCurveId,
};
use num_complex::Complex64;
use unit::{Reading, UnitState};

/// An inverter control, compiled.
#[derive(Clone, Debug)]
pub struct InverterController {
    id: ElementId,
    function: Function,
    /// The function may act; a combination named after a single mode is sampled but never acts.
    acts: bool,
    /// The power-factor priority of the units stays as it is.
    keeps_pf_priority: bool,
    /// Only the first control of a model follows the direction of the voltage, upon which hysteresis depends.
    follows_direction: bool,
    units: Vec<ElementId>,
    settings: InverterControl,
}

/// What changes in an inverter control.
#[derive(Clone, Debug, PartialEq)]
pub struct InverterControllerState {
    units: Vec<UnitState>,
    /// Which of the two last voltages is the newer; `None` before the first time step ends.
    newest: Option<usize>,
}

impl InverterController {
    /// Compiles inverter control number `index` of the network.
    ///
    /// # Errors
    /// [`ControlError`]: grid forming, a missing curve, a curve with values that its function does not allow, a unit that is neither PV
    /// system nor storage.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::InverterControl, index);
        let settings = network.inverter_controls[index].clone();
        let control = || network.full_name(id);
        let function = Function::of(settings.mode, settings.combination)
            .ok_or_else(|| ControlError::Unsupported { control: control(), what: "grid-forming mode".to_owned() })?;
        if let Some(&other) = settings.units.iter().find(|u| !matches!(u.kind, ElementKind::PvSystem | ElementKind::Storage)) {
            let what = format!("control of {}, which is neither PV system nor storage,", network.full_name(other));
            return Err(ControlError::Unsupported { control: control(), what });
        }
        let units: Vec<ElementId> = settings.units.iter().copied().filter(|&u| network.common(u).enabled).collect();
        let curve = |id: Option<XyCurveId>, role: &'static str, low: f64| -> Result<(), ControlError> {
            let Some(id) = id else { return Err(ControlError::NoCurve { control: control(), role }) };
            let curve = &network.xy_curves[id.index()];
            if curve.y.iter().any(|y| !(low..=1.0).contains(y)) {
                let what = format!("{role} \"{}\" with values beyond {low} to 1", curve.name);
                return Err(ControlError::Unsupported { control: control(), what });
            }
            Ok(())
        };
        if function.uses_volt_var() && !units.is_empty() {
            curve(settings.volt_var_curve, "volt-var curve", f64::NEG_INFINITY)?;
        }
        if function.uses_volt_watt() {
            let charging = settings.volt_watt_charging_curve;
            let has_pv = units.iter().any(|u| u.kind == ElementKind::PvSystem);
            if has_pv || (charging.is_none() && !units.is_empty()) || settings.volt_watt_curve.is_some() {
                curve(settings.volt_watt_curve, "volt-watt curve", 0.0)?;
            }
            if charging.is_some() {
                curve(charging, "volt-watt curve of charging", 0.0)?;
            }
        }
        match function {
            Function::WattPowerFactor if !units.is_empty() => curve(settings.watt_pf_curve, "watt-pf curve", -1.0)?,
            Function::WattVar if !units.is_empty() => curve(settings.watt_var_curve, "watt-var curve", -1.0)?,
            _ => {}
        }
        if settings.monitored_buses.iter().any(|b| b.nodes.is_empty()) {
            return Err(ControlError::Unsupported { control: control(), what: "a monitored bus without nodes".to_owned() });
        }
        if settings.monitored_v_base_v.len() < settings.monitored_buses.len() {
            return Err(ControlError::Unsupported { control: control(), what: "a monitored bus without voltage base".to_owned() });
        }
        Ok(Self {
            id,
            function,
            acts: settings.combination == InverterCombination::None || settings.mode == InverterMode::None,
            keeps_pf_priority: matches!(settings.mode, InverterMode::VoltWatt | InverterMode::WattPowerFactor),
            follows_direction: index == 0,
            units,
            settings,
        })
    }

    /// The control's element.
    pub fn id(&self) -> ElementId {
        self.id
    }

    /// The unit's place in the control.
    pub(super) fn place_of(&self, unit: ElementId) -> Option<usize> {
        self.units.iter().position(|&u| u == unit)
    }

    /// What the last sample found of unit `k`; `None` before the first one.
    pub(super) fn report(&self, state: &InverterControllerState, k: usize) -> Option<InverterReport> {
        let unit = state.units.get(k).filter(|unit| unit.reading.v_base_v > 0.0)?;
        if matches!(self.function, Function::None | Function::VoltageRegulation) {
            return None;
        }
        let mut report = InverterReport { v_pu: Some(unit.v_pu), ..InverterReport::default() };
        if self.function.uses_dynamic_current() {
            report.v_average_pu = Some(unit.dynamic_window.average() / unit.reading.v_base_v);
        }
        let is_storage = self.units[k].kind == ElementKind::Storage;
        let (vars, watts) = unit.told;
        match self.function {
            Function::VoltVar => report.operation[0] = Some(vars),
            Function::VoltWatt => report.operation[1] = Some(watts),
            Function::VoltVarVoltWatt => (report.operation[0], report.operation[1]) = (Some(vars), Some(watts)),
            Function::DynamicReactiveCurrent => report.operation[2] = Some(vars),
            Function::VoltVarDynamicReactiveCurrent => report.operation[3] = Some(vars),
            // Storage has them told where volt-var is.
            Function::WattPowerFactor => report.operation[if is_storage { 0 } else { 4 }] = Some(vars),
            Function::WattVar => report.operation[if is_storage { 0 } else { 5 }] = Some(vars),
            Function::None | Function::VoltageRegulation => {}
        }
        Some(report)
    }

    /// Voltage that unit `k` works with, V.
    fn monitored_voltage(&self, unit: ElementId, v_base_v: f64, plant: &dyn Plant) -> f64 {
        let mut v = Vec::new();
        let s = &self.settings;
        if s.monitored_buses.is_empty() {
            plant.terminal_voltages(unit, 0, &mut v);
            v.truncate(plant.network().common(unit).n_phases);
            return pick(s.monitored_voltage, &v, 1);
        }
        let mut watched = Vec::with_capacity(s.monitored_buses.len());
        for (bus, base_v) in s.monitored_buses.iter().zip(&s.monitored_v_base_v) {
            plant.bus_voltages(bus.bus, &bus.nodes, &mut v);
            let across = match v[..] {
                [a, b] => a - b,
                [a, ..] => a,
                [] => Complex64::ZERO,
            };
            watched.push(across * (v_base_v / base_v));
        }
        // The number of a phase counts the monitored buses from zero here.
        pick(s.monitored_voltage, &watched, 0)
    }

    /// Reads the unit and its voltage, and decides whether it is to act.
    fn sample_unit(&self, k: usize, unit: &mut UnitState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let s = &self.settings;
        let id = self.units[k];
        let Some(reading) = Reading::of(plant, id) else { return };
        unit.reading = reading;
        let v = self.monitored_voltage(id, reading.v_base_v, plant);
        let clock = plant.clock();
        let first = clock.control_iteration == 1;
        if first {
            unit.v_prior_pu = unit.v_pu;
            unit.v_dynamic_prior_pu = unit.v_dynamic_pu;
        }
        unit.p_sampled_kw = reading.p_kw;
        let average = unit.window.average();
        unit.v_pu = match s.voltage_reference {
            VoltageReference::Average if average != 0.0 => v / average,
            VoltageReference::RatedAverage if average != 0.0 => average / reading.v_base_v,
            _ => v / reading.v_base_v,
        };
        unit.v_dynamic_pu = v / reading.v_base_v;
        unit.told = unit.operation;
        let switched_off = !reading.on && (reading.var_follow_inverter || self.function == Function::VoltWatt);
        if self.function == Function::None || switched_off {
            return;
        }
        if let Some(inverter) = unit::inverter_mut(plant, id) {
            self.function.flag(inverter, id.kind, false);
        }
        let v_moved = (unit.v_pu - unit.v_prior_pu).abs() > s.voltage_tolerance_pu;
        let dynamic_moved = (unit.v_dynamic_pu - unit.v_dynamic_prior_pu).abs() > s.voltage_tolerance_pu;
        let vars_off = (unit.q_output_pu.abs() - unit.q_asked_pu.abs()).abs() > s.var_tolerance_pu;
        let watts_off = (unit.p_asked_pu - unit.p_old_pu).abs() > s.active_tolerance_pu;
        // Each trigger puts an action into the queue, though one does the work of all.
        let triggers = match self.function {
            Function::None => [false, false],
            Function::VoltVar | Function::WattPowerFactor | Function::WattVar => [v_moved || vars_off || first, false],
            Function::VoltWatt => [v_moved || watts_off || first, false],
            Function::VoltageRegulation => {
                let off_target = (unit.v_pu - unit.v_set_limited_pu).abs() > s.voltage_tolerance_pu;
                [v_moved || vars_off || off_target || first, false]
            }
            Function::DynamicReactiveCurrent => [unit.dynamic_window_before == 0.0 && dynamic_moved, dynamic_moved || vars_off || first],
            Function::VoltVarVoltWatt => [v_moved || watts_off || first, v_moved || vars_off || first],
            Function::VoltVarDynamicReactiveCurrent => {
                let moved = v_moved || dynamic_moved;
                [unit.dynamic_window_before == 0.0 && moved, moved || vars_off || first]
            }
        };
        match self.function {
            // Each of the two flags answers to its own trigger.
            Function::VoltVarVoltWatt => {
                unit.operation.1 = if triggers[0] { 0.0 } else { unit.operation.1 };
                unit.operation.0 = if triggers[1] { 0.0 } else { unit.operation.0 };
            }
            Function::VoltWatt if triggers[0] => unit.operation.1 = 0.0,
            // The second trigger leaves it as it is.
            Function::DynamicReactiveCurrent => unit.operation.0 = if triggers[0] { 0.0 } else { unit.operation.0 },
            _ if triggers[0] || triggers[1] => unit.operation.0 = 0.0,
            _ => {}
        }
        for _ in triggers.iter().filter(|&&t| t) {
            unit.pending = true;
            queue.push(&clock, 0.0, ActionCode::SetPoint(self.function as i32), k as i32, self.id);
        }
    }

    /// Moves the set points of a unit.
    fn move_unit(&self, k: usize, unit: &mut UnitState, newest: Option<usize>, plant: &mut dyn Plant) {
        let id = self.units[k];
        let before = unit::inverter(plant, id).map_or((0.0, 0.0), |(_, i)| (i.kw_out, i.kvar_out));
        if let Some(inverter) = unit::inverter_mut(plant, id) {
            self.function.flag(inverter, id.kind, true);
        }
        match self.function {
            Function::None => return,
            Function::VoltWatt => {
                self.ask_volt_watt(id, unit, plant);
                unit.move_watts(&self.settings, plant.clock().control_iteration);
                self.set(id, unit, Some(unit.p_set_kw), None, plant);
            }
            Function::VoltVar => {
                let asked = self.volt_var(unit, newest, plant);
                self.limit_vars(unit, asked, true, plant.clock().step_s);
                unit.move_volt_var(&self.settings);
                self.set(id, unit, None, Some(unit.q_set_kvar), plant);
            }
            Function::VoltVarVoltWatt => {
                self.ask_watt_limit(id, unit, plant);
                let asked = self.volt_var(unit, newest, plant);
                self.limit_vars(unit, asked, true, plant.clock().step_s);
                self.limit_watts(unit, plant.clock().step_s);
                unit.move_watts(&self.settings, plant.clock().control_iteration);
                unit.move_volt_var(&self.settings);
                self.set(id, unit, Some(unit.p_set_kw), Some(unit.q_set_kvar), plant);
            }
            Function::DynamicReactiveCurrent => {
                let asked = self.dynamic_current(unit, plant);
                self.limit_vars(unit, asked, true, plant.clock().step_s);
                unit.move_vars(&self.settings);
                self.set(id, unit, None, Some(unit.q_set_kvar), plant);
            }
            Function::VoltVarDynamicReactiveCurrent => {
                let asked = self.volt_var(unit, newest, plant) + self.dynamic_current(unit, plant);
                self.limit_vars(unit, asked, true, plant.clock().step_s);
                unit.move_vars(&self.settings);
                self.set(id, unit, None, Some(unit.q_set_kvar), plant);
            }
            Function::WattPowerFactor => {
                let asked = self.watt_pf(id, unit, plant);
                self.limit_vars(unit, asked, false, plant.clock().step_s);
                unit.q_set_kvar = unit.asked_kvar();
                self.set(id, unit, None, Some(unit.q_set_kvar), plant);
            }
            Function::WattVar => {
                self.watt_var(unit, plant);
                // Storage does not take the watts.
                let watts = (id.kind == ElementKind::PvSystem).then(|| unit.p_asked_pu * unit.reading.watt_var_base_kw());
                self.set(id, unit, watts, Some(unit.q_set_kvar), plant);
            }
            Function::VoltageRegulation => self.regulate_voltage(id, unit, plant),
        }
        let after = unit::inverter(plant, id).map_or((0.0, 0.0), |(_, i)| (i.kw_out, i.kvar_out));
        for (quantity, before, after) in [(SetPoint::ActivePowerKw, before.0, after.0), (SetPoint::ReactivePowerKvar, before.1, after.1)] {
            if before != after {
                let clock = plant.clock();
                let action = ControlAction::SetPointMoved { quantity, before, after };
                plant.log(ControlEvent { control: self.id, element: id, hour: clock.hour, second: clock.second, action });
            }
        }
    }

    /// Writes set points, lets the inverter follow them, and keeps what came of it.
    fn set(&self, id: ElementId, unit: &mut UnitState, kw: Option<f64>, kvar: Option<f64>, plant: &mut dyn Plant) {
        if let Some(inverter) = unit::inverter_mut(plant, id) {
            if let Some(kvar) = kvar {
                inverter.kvar_requested = kvar;
            }
            if let Some(kw) = kw {
                inverter.kw_requested = kw;
            }
        }
        plant.update_converter(id);
        let q_kvar = unit::inverter(plant, id).map_or(0.0, |(_, i)| i.kvar_out);
        if self.function.sets_vars() {
            unit.q_output_pu = q_kvar / if unit.q_set_kvar >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar };
            unit.q_old_kvar = q_kvar;
        }
        if self.function.uses_volt_watt() {
            unit.p_old_pu = unit.p_set_kw / unit.p_base_kw;
            // A limit that the inverter does not reach limits nothing.
            let p_kw = unit::inverter(plant, id).map_or(0.0, |(_, i)| i.kw_out);
            let p_kw = if id.kind == ElementKind::Storage { p_kw.abs() } else { p_kw };
            let shut = unit.p_set_kw == 0.0 && self.function == Function::VoltWatt && id.kind == ElementKind::PvSystem;
            if !shut && (p_kw - unit.p_set_kw).abs() / unit.p_set_kw > 1e-4 {
                unit.operation.1 = 0.0;
            }
        }
        if self.function != Function::DynamicReactiveCurrent {
            unit.v_prior_pu = unit.v_pu;
        }
        if self.function.uses_dynamic_current() {
            unit.v_dynamic_prior_pu = unit.v_dynamic_pu;
        }
    }

    /// Volt-var curve at the present voltage, with hysteresis.
    fn volt_var(&self, unit: &mut UnitState, newest: Option<usize>, plant: &mut dyn Plant) -> f64 {
        let s = &self.settings;
        let Some(id) = s.volt_var_curve else { return 0.0 };
        let offset = s.hysteresis_offset;
        if offset == 0.0 {
            return plant.curve_at(id, unit.v_pu);
        }
        let clock = plant.clock();
        let q_pu = unit.reading.q_kvar / if unit.reading.q_kvar >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar };
        // The first two steps of a series have no direction yet.
        let rise = match newest {
            Some(i) if clock.hours() * 3600.0 / clock.step_s >= 3.0 => unit.v_solved_pu[i] - unit.v_solved_pu[1 - i],
            _ => 0.0,
        };
        let shift = if unit.falling { offset } else { 0.0 };
        if rise == 0.0 {
            return if unit.changes_curve { q_pu } else { plant.curve_at(id, unit.v_pu - shift) };
        }
        if (rise < 0.0) != unit.falling {
            unit.falling = rise < 0.0;
            unit.changes_curve = true;
            return q_pu;
        }
        if unit.changes_curve {
            unit.changes_curve = false;
            let v_of_curve = plant.network().xy_curves[id.index()].x_at(q_pu) - shift;
            if (unit.v_pu - v_of_curve).abs() >= s.voltage_tolerance_pu / 2.0 {
                return q_pu;
            }
        }
        plant.curve_at(id, unit.v_pu - shift)
    }

    /// Vars against the distance from the moving average, outside the dead band.
    fn dynamic_current(&self, unit: &UnitState, plant: &dyn Plant) -> f64 {
        let s = &self.settings;
        let average_pu = unit.dynamic_window.average() / unit.reading.v_base_v;
        let distance = if average_pu == 0.0 { 0.0 } else { unit.v_dynamic_pu - average_pu };
        // The reference starts its clock at one second and gives none then.
        if plant.clock().second == 1.0 {
            0.0
        } else if unit.v_dynamic_pu < s.dead_band_v_min_pu {
            -distance * s.gradient_low_v
        } else if unit.v_dynamic_pu > s.dead_band_v_max_pu {
            -distance * s.gradient_high_v
        } else {
            0.0
        }
    }

    /// Vars of the power factor that the curve gives at the present power.
    fn watt_pf(&self, id: ElementId, unit: &mut UnitState, plant: &mut dyn Plant) -> f64 {
        let r = unit.reading;
        let available_kw = r.dc_kw * r.efficiency * r.p_dc_rated_pu;
        let pf = self.settings.watt_pf_curve.map_or(1.0, |id| plant.curve_at(id, available_kw / r.p_dc_rated_kw));
        let pf_priority = unit::inverter(plant, id).is_some_and(|(_, i)| i.pf_priority);
        let p = if r.watt_priority || pf_priority { unit.p_sampled_kw } else { available_kw };
        let q = p * (1.0 / (pf * pf) - 1.0).sqrt() * sign(pf);
        if id.kind == ElementKind::PvSystem
            && let Some(inverter) = unit::inverter_mut(plant, id)
        {
            inverter.watt_pf = pf;
        }
        q / if q >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar }
    }

    /// Point on the watt-var curve that kVA and var limits allow.
    fn watt_var(&self, unit: &mut UnitState, plant: &mut dyn Plant) {
        let Some(id) = self.settings.watt_var_curve else { return };
        let r = unit.reading;
        let base_kw = r.watt_var_base_kw();
        let available_kw = r.dc_kw * r.efficiency * r.p_dc_rated_pu;
        let asked = plant.curve_at(id, available_kw / base_kw);
        let limited = unit.var_limit_pu(asked);
        unit.operation.0 = self.var_operation(asked, limited.is_some());
        unit.q_asked_pu = asked.abs().min(limited.unwrap_or(1.0).abs()) * sign(asked);
        // The base goes by the vars of the action before.
        let q_base = if unit.q_set_kvar >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar };
        unit.p_asked_pu = if limited.is_some() { plant.network().xy_curves[id.index()].x_at(unit.q_asked_pu) } else { 1.0 };
        unit.q_set_kvar = unit.asked_kvar();
        if (available_kw * unit.p_asked_pu).hypot(unit.q_set_kvar) > r.kva {
            // Where the line of the curve meets the circle of the kVA.
            let (slope, intercept) = plant.curve_line_at(id, available_kw / base_kw);
            let (slope, intercept) = (slope * q_base / base_kw, intercept * q_base);
            let a = 1.0 + slope * slope;
            let b = 2.0 * slope * intercept;
            let c = intercept * intercept - r.kva * r.kva;
            unit.p_asked_pu = (-b + (b * b - 4.0 * a * c).sqrt()) / (2.0 * a * base_kw);
            unit.q_asked_pu = plant.curve_at(id, unit.p_asked_pu);
        }
        unit.q_set_kvar = unit.asked_kvar();
    }

    /// Control iteration 1 tries half the head room, 2 measures the voltage it made, the others step towards the set point.
    fn regulate_voltage(&self, id: ElementId, unit: &mut UnitState, plant: &mut dyn Plant) {
        let s = &self.settings;
        let iteration = plant.clock().control_iteration;
        if iteration == 1 {
            unit.v_prior_pu = unit.v_pu;
            unit.v_regulation_start_pu = unit.v_pu;
            if let Some(inverter) = unit::inverter_mut(plant, id) {
                inverter.kvar_requested = unit.head_room_kvar / 2.0;
            }
            return;
        }
        if iteration == 2 {
            let tried = unit::inverter(plant, id).map_or(0.0, |(_, i)| match id.kind {
                ElementKind::PvSystem => i.kvar_out,
                _ => i.kvar_requested,
            });
            unit.vars_per_volt = (tried / unit.head_room_kvar / (unit.v_pu - unit.v_prior_pu)).abs();
            return;
        }
        let r = unit.reading;
        let step_max = 0.1 * r.q_max_kvar / unit.head_room_abs_kvar;
        let mut q_pu = r.q_kvar / if r.q_kvar >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar };
        let mut v = unit.v_pu;
        if iteration == 3 {
            v = unit.v_regulation_start_pu;
            q_pu = 0.0;
            unit.q_old_kvar = 0.0;
        }
        unit.q_factor = 0.2;
        let moved = unit.v_pu - unit.v_prior_pu;
        unit.v_change_pu = Some(moved.abs());
        let step = if moved == 0.0 { 0.0 } else { unit.q_factor * unit.vars_per_volt * (s.v_set_point_pu - v) };
        let step = if step.abs() > step_max { step_max * if step < 0.0 { -1.0 } else { 1.0 } } else { step };
        let limited = self.limit_vars(unit, q_pu + step, false, plant.clock().step_s);
        unit.v_set_limited_pu = if (unit.q_asked_pu - limited).abs() < 0.05 { unit.v_pu } else { s.v_set_point_pu };
        unit.move_regulation(s);
        self.set(id, unit, None, Some(unit.q_set_kvar), plant);
    }

    /// Volt-watt limit with rate of change and limits.
    fn ask_volt_watt(&self, id: ElementId, unit: &mut UnitState, plant: &mut dyn Plant) {
        self.ask_watt_limit(id, unit, plant);
        self.limit_watts(unit, plant.clock().step_s);
    }

    /// Volt-watt curve at the present voltage, per unit of the watt base.
    fn ask_watt_limit(&self, id: ElementId, unit: &mut UnitState, plant: &mut dyn Plant) {
        use network::StorageMode::{Charging, Discharging, Idling};
        let s = &self.settings;
        let (forward, charging) = (s.volt_watt_curve, s.volt_watt_charging_curve);
        let curve = match plant.storage(id).map(|(_, storage)| (storage.mode, storage.volt_watt_reversed)) {
            None | Some((Discharging, false)) => forward,
            Some((Discharging, true) | (Charging, false)) => charging,
            // Without a curve of its own, charging is not limited.
            Some((Charging, true)) => charging.and(forward),
            Some((Idling, _)) => None,
        };
        unit.p_limit_pu = curve.map_or(1.0, |id| plant.curve_at(id, unit.v_pu));
    }

    /// The limit of watts, no faster than allowed and within kVA and rating.
    fn limit_watts(&self, unit: &mut UnitState, step_s: f64) {
        let s = &self.settings;
        let asked = match s.rate_of_change {
            RateOfChange::Inactive => {
                let asked = unit.p_limit_pu;
                unit.p_asked_pu = unit.watt_limit_pu(asked).abs().min(asked.abs()) * sign(asked);
                return;
            }
            RateOfChange::LowPass => low_pass(unit.p_limit_pu, unit.p_option_before_pu, step_s / s.low_pass_tau_s),
            RateOfChange::RiseFall => rise_fall(unit.p_limit_pu, unit.p_option_before_pu, s.rise_fall_limit * step_s),
        };
        unit.p_option_pu = asked;
        unit.p_asked_pu = unit.watt_limit_pu(asked).min(asked);
    }

    /// The vars asked for, no faster than allowed (if `with_rate`) and within limits. Returns the limit, per unit.
    fn limit_vars(&self, unit: &mut UnitState, asked: f64, with_rate: bool, step_s: f64) -> f64 {
        let s = &self.settings;
        let asked = match s.rate_of_change {
            RateOfChange::LowPass if with_rate => {
                unit.q_option_pu = low_pass(asked, unit.q_option_before_pu, step_s / s.low_pass_tau_s);
                unit.q_option_pu
            }
            RateOfChange::RiseFall if with_rate => {
                unit.q_option_pu = rise_fall(asked, unit.q_option_before_pu, s.rise_fall_limit * step_s);
                unit.q_option_pu
            }
            _ => asked,
        };
        let reached = unit.var_limit_pu(asked);
        unit.operation.0 = self.var_operation(asked, reached.is_some());
        let mut limit = reached.unwrap_or(1.0);
        let r = &unit.reading;
        let watts_first = r.watt_priority && (s.reactive_reference == ReactiveReference::Max || s.mode == InverterMode::WattPowerFactor);
        if watts_first {
            let room = (r.kva * r.kva - r.p_kw * r.p_kw).max(0.0).sqrt();
            let room_pu = room / if asked >= 0.0 { unit.head_room_kvar } else { unit.head_room_abs_kvar };
            if room_pu.abs() < limit.abs() && room_pu.abs() < asked.abs() {
                unit.operation.0 = if asked.abs() < 1e-4 || room_pu.abs() < f64::EPSILON { 0.0 } else { 0.6 * sign(asked) };
                limit = room_pu * sign(asked);
            }
        }
        unit.q_asked_pu = limit.abs().min(asked.abs()) * sign(asked);
        limit
    }

    /// Whether and which way vars are at work: a fifth where a limit is reached, zero for next to none.
    fn var_operation(&self, asked: f64, limited: bool) -> f64 {
        let threshold_pu = if self.function == Function::DynamicReactiveCurrent { 0.0005 } else { 0.005 };
        if limited {
            0.2 * sign(asked)
        } else if asked.abs() > threshold_pu {
            sign(asked)
        } else {
            0.0
        }
    }

    /// Head room and watt base from the last reading.
    fn refresh_bases(&self, id: ElementId, unit: &mut UnitState, plant: &dyn Plant) {
        let s = &self.settings;
        let r = unit.reading;
        if s.reactive_reference == ReactiveReference::Max || s.mode == InverterMode::WattPowerFactor {
            (unit.head_room_kvar, unit.head_room_abs_kvar) = (r.q_max_kvar, r.q_max_abs_kvar);
        } else {
            let room = if r.p_kw.abs() < r.kva { (r.kva * r.kva - r.p_kw * r.p_kw).sqrt() } else { 0.0 };
            (unit.head_room_kvar, unit.head_room_abs_kvar) = (room, room);
        }
        if unit.head_room_kvar == 0.0 {
            unit.head_room_kvar = r.q_max_kvar;
        }
        if unit.head_room_abs_kvar == 0.0 {
            unit.head_room_abs_kvar = r.q_max_abs_kvar;
        }
        unit.p_base_kw = match s.volt_watt_axis {
            VoltWattAxis::PAvailable if id.kind == ElementKind::PvSystem => r.dc_kw * r.efficiency,
            VoltWattAxis::PAvailable => unit::storage_dc_kw(plant, id) * r.efficiency,
            VoltWattAxis::PMpp => r.p_dc_rated_kw,
            VoltWattAxis::PctPMpp => r.p_dc_rated_kw * r.p_dc_rated_pu,
            VoltWattAxis::KvaRating => r.kva,
        };
        unit.p_sampled_pu = unit.p_sampled_kw / unit.p_base_kw;
    }
}

impl Control for InverterController {
    type State = InverterControllerState;

    fn initial(&self, plant: &mut dyn Plant) -> Self::State {
        let s = &self.settings;
        let units = self.units.iter().map(|_| UnitState::new(s.average_window_s, s.dynamic_window_s)).collect();
        if !self.keeps_pf_priority {
            for &id in &self.units {
                if let Some(inverter) = unit::inverter_mut(plant, id) {
                    inverter.pf_priority = false;
                }
            }
        }
        InverterControllerState { units, newest: None }
    }

    fn sample(&self, state: &mut Self::State, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        for (k, unit) in state.units.iter_mut().enumerate() {
            self.sample_unit(k, unit, plant, queue);
        }
    }

    fn act(&self, state: &mut Self::State, _action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        // The first action of a control does the work of all its units.
        for (k, unit) in state.units.iter_mut().enumerate() {
            self.refresh_bases(self.units[k], unit, plant);
            if std::mem::take(&mut unit.pending) && self.acts {
                self.move_unit(k, unit, state.newest, plant);
            }
        }
        plant.request_update();
    }

    fn reset(&self, _state: &mut Self::State, _plant: &mut dyn Plant) {}

    fn end_of_step(&self, state: &mut Self::State, plant: &mut dyn Plant) {
        if self.follows_direction && !self.units.is_empty() {
            state.newest = Some(state.newest.map_or(0, |i| 1 - i));
        }
        let clock = plant.clock();
        // The reference takes the base of monitored buses here from the unit that has the control's number; where there is none, it
        // reads memory that holds anything.
        let step_base_v = state.units.get(self.id.index()).map(|unit| unit.reading.v_base_v);
        for (k, unit) in state.units.iter_mut().enumerate() {
            let id = self.units[k];
            if let Some(inverter) = unit::inverter_mut(plant, id) {
                inverter.volt_watt = false;
                inverter.volt_var = false;
                inverter.dynamic_reactive_current = false;
            }
            let v = self.monitored_voltage(id, step_base_v.unwrap_or(unit.reading.v_base_v), plant);
            let base_v = plant.bus_kv_base_ln(plant.network().common(id).terminals[0].bus) * 1000.0;
            unit.end_of_step(v, clock.step_s);
            if let Some(i) = state.newest {
                unit.v_solved_pu[i] = v / base_v;
            }
        }
    }
}

/// −1, 0 or 1.
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Mean, extreme or one of voltages, V; `first` is the number by which the first is called.
fn pick(phase: MonitoredPhase, v: &[Complex64], first: usize) -> f64 {
    let magnitudes = v.iter().map(|v| v.norm());
    match phase {
        MonitoredPhase::Average => magnitudes.sum::<f64>() / v.len() as f64,
        MonitoredPhase::Max => magnitudes.fold(0.0, f64::max),
        MonitoredPhase::Min => magnitudes.fold(1e50, f64::min),
        MonitoredPhase::Phase(n) => n.checked_sub(first).and_then(|i| v.get(i)).map_or(0.0, |v| v.norm()),
        MonitoredPhase::First => v.first().map_or(0.0, |v| v.norm()),
    }
}

/// Low-pass filter over a step of `ratio` time constants.
fn low_pass(wanted: f64, before: f64, ratio: f64) -> f64 {
    let rest = (-ratio).exp();
    wanted * (1.0 - rest) + before * rest
}

/// No more than `step` up or down.
fn rise_fall(wanted: f64, before: f64, step: f64) -> f64 {
    if wanted - before > step {
        before + step
    } else if wanted - before < -step {
        before - step
    } else {
        wanted
    }
}
