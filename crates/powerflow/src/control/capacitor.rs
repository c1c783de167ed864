//! Capacitor controls.
//!
//! A control compares what it measures with two settings, strictly: above `on` it adds a step, below `off` it takes one away (for voltage and power factor
//! the other way round, as they fall when reactive power is lacking). A bank of several steps is switched one step at a time, the lowest first in and
//! the highest first out; when the last is out, the bank's terminal opens. Voltage override comes before all else, and a bank
//! that was opened stays open for the dead time.
//!
//! Power factor is measured on a scale of 0 to 2, leading above 1.
//!
//! Method: OpenDSS, class CapControl, with two of its peculiarities: a current of one given phase is taken from terminal 1 of the monitored element
//! whatever the terminal named, and of a pending decision nothing is forgotten while steps are left and the measure stays between the settings.

use super::{ActionCode, Clock, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction};
use network::{CapacitorControlType, CapacitorSize, Connection, ElementId, ElementKind, LoadShape, MonitoredPhase, Network, RemoteBus};
use num_complex::Complex64;

/// A capacitor control, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacitorSwitching {
    id: ElementId,
    control_type: CapacitorControlType,
    capacitor: ElementId,
    n_phases: usize,
    n_steps: usize,
    is_delta: bool,
    rated_kvar: f64,
    element: ElementId,
    terminal: usize,
    element_phases: usize,
    pt_ratio: f64,
    ct_ratio: f64,
    pt_phase: MonitoredPhase,
    ct_phase: MonitoredPhase,
    on: f64,
    off: f64,
    delay_s: f64,
    delay_off_s: f64,
    dead_time_s: f64,
    v_override: bool,
    v_min_v: f64,
    v_max_v: f64,
    v_bus: Option<RemoteBus>,
    min_kvar_pct: f64,
    control_signal: Option<LoadShape>,
}

/// What a control is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Open,
    Close,
}

/// What changes in a capacitor control.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacitorControlState {
    is_closed: bool,
    was_closed_at_first: bool,
    pending: Option<Change>,
    armed: bool,
    action_handle: Option<u64>,
    last_open_s: f64,
    /// Number of the highest step in service; steps below it may be out all the same.
    last_step: usize,
    /// Steps as this control left them; other steps were set by someone else.
    steps_seen: Vec<bool>,
}

impl CapacitorSwitching {
    /// The control at this place of the network's list.
    ///
    /// # Errors
    /// `NoElement` without a capacitor or an element to watch, `NoSuchTerminal`, `NoCurve` for a follower without a shape, `Unsupported` for a
    /// user-written control.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::CapacitorControl, index);
        let control = &network.capacitor_controls[index];
        let name = || network.full_name(id);
        let Some(capacitor) = control.capacitor.filter(|c| c.kind == ElementKind::Capacitor) else {
            return Err(ControlError::NoElement { control: name(), role: "capacitor" });
        };
        // The clock and a shape need nothing to watch; the bank itself then stands in for it.
        let watches_nothing =
            matches!(control.control_type, CapacitorControlType::Time | CapacitorControlType::Follow) && !control.v_override;
        let (element, terminal) = match control.element {
            None if watches_nothing => (capacitor, 0),
            element => super::element_at(network, id, element, control.terminal, "monitored element")?,
        };
        let control_signal = control.control_signal.map(|s| network.load_shapes[s.index()].clone());
        match control.control_type {
            CapacitorControlType::User => {
                return Err(ControlError::Unsupported { control: name(), what: "a user-written control".to_owned() });
            }
            CapacitorControlType::Follow if control_signal.is_none() => {
                return Err(ControlError::NoCurve { control: name(), role: "control signal" });
            }
            _ => {}
        }
        let c = &network.capacitors[capacitor.index()];
        // A leading power factor may be written as a negative number.
        let on_scale =
            |value: f64| if control.control_type == CapacitorControlType::PowerFactor && value < 0.0 { 2.0 + value } else { value };
        Ok(Self {
            id,
            control_type: control.control_type,
            capacitor,
            n_phases: c.common.n_phases,
            n_steps: c.steps.len(),
            is_delta: c.connection == Connection::Delta,
            rated_kvar: rated_kvar(c),
            element,
            terminal,
            element_phases: network.common(element).n_phases,
            pt_ratio: control.pt_ratio,
            ct_ratio: control.ct_ratio,
            pt_phase: control.pt_phase,
            ct_phase: control.ct_phase,
            on: on_scale(control.on_setting),
            off: on_scale(control.off_setting),
            delay_s: control.delay_s,
            delay_off_s: control.delay_off_s,
            dead_time_s: control.dead_time_s,
            v_override: control.v_override,
            v_min_v: control.v_min_v,
            v_max_v: control.v_max_v,
            v_bus: control.v_bus.clone(),
            min_kvar_pct: control.min_kvar_pct,
            control_signal,
        })
    }

    pub fn id(&self) -> ElementId {
        self.id
    }

    pub fn capacitor(&self) -> ElementId {
        self.capacitor
    }

    /// Current on the secondary of the current transformer, A.
    fn current(&self, plant: &dyn Plant) -> f64 {
        let mut i = Vec::new();
        let watched = |terminal: usize, i: &mut Vec<Complex64>| {
            plant.terminal_currents(self.element, terminal, i);
            i.iter().take(self.n_phases).map(|x| x.norm()).collect::<Vec<f64>>()
        };
        match self.ct_phase {
            MonitoredPhase::Average => watched(self.terminal, &mut i).iter().sum::<f64>() / self.n_phases as f64 / self.ct_ratio,
            MonitoredPhase::Max => watched(self.terminal, &mut i).into_iter().fold(0.0, f64::max) / self.ct_ratio,
            MonitoredPhase::Min => watched(self.terminal, &mut i).into_iter().fold(1e50, f64::min) / self.ct_ratio,
            MonitoredPhase::Phase(_) | MonitoredPhase::First => {
                plant.terminal_currents(self.element, 0, &mut i);
                i.get(phase_index(self.ct_phase)).map_or(0.0, |x| x.norm()) / self.ct_ratio
            }
        }
    }

    /// Voltage on the secondary of the potential transformer, V, from the voltages of conductors to earth.
    fn voltage(&self, v: &[Complex64]) -> f64 {
        let magnitudes = v.iter().take(self.element_phases).map(|x| x.norm());
        match self.pt_phase {
            MonitoredPhase::Average => magnitudes.sum::<f64>() / self.element_phases as f64 / self.pt_ratio,
            MonitoredPhase::Max => magnitudes.fold(0.0, f64::max) / self.pt_ratio,
            MonitoredPhase::Min => magnitudes.fold(1e50, f64::min) / self.pt_ratio,
            MonitoredPhase::Phase(_) | MonitoredPhase::First => {
                let phase = phase_index(self.pt_phase);
                let at = |i: usize| v.get(i).copied().unwrap_or_default();
                let across = if self.is_delta { at(phase) - at((phase + 1) % self.n_phases.max(1)) } else { at(phase) };
                across.norm() / self.pt_ratio
            }
        }
    }

    fn override_voltage(&self, plant: &dyn Plant) -> f64 {
        let mut v = Vec::new();
        match &self.v_bus {
            Some(remote) => {
                // The nodes of the bus in its own order, not those that the script may have named.
                let nodes: Vec<u32> = plant.network().bus(remote.bus).nodes.iter().copied().take(self.n_phases).collect();
                plant.bus_voltages(remote.bus, &nodes, &mut v);
            }
            None => plant.terminal_voltages(self.element, self.terminal, &mut v),
        }
        self.voltage(&v)
    }

    /// What the measurement asks for: a decision, nothing (which ends an earlier decision), or `Keep` that leaves it.
    fn decide(&self, state: &CapacitorControlState, plant: &dyn Plant) -> Decision {
        let free_steps = self.n_steps > state.last_step;
        match self.control_type {
            CapacitorControlType::Current => by_excess(state.is_closed, self.current(plant), self.on, self.off, free_steps),
            CapacitorControlType::Kvar => {
                let q_kvar = plant.terminal_power_va(self.element, self.terminal).im * 0.001;
                by_excess(state.is_closed, q_kvar, self.on, self.off, free_steps)
            }
            CapacitorControlType::Voltage => {
                let mut v = Vec::new();
                plant.terminal_voltages(self.element, self.terminal, &mut v);
                let v_v = self.voltage(&v);
                match state.is_closed {
                    false if v_v < self.on => Decision::Do(Change::Close),
                    true if v_v > self.off => Decision::Do(Change::Open),
                    true if free_steps && v_v < self.on => Decision::Do(Change::Close),
                    _ => Decision::Nothing,
                }
            }
            CapacitorControlType::PowerFactor => {
                let s = plant.terminal_power_va(self.element, self.terminal);
                let pf = power_factor_of_two(s);
                let q_kvar = s.im * 0.001;
                match state.is_closed {
                    false if pf < self.on && q_kvar > self.rated_kvar * self.min_kvar_pct * 0.01 => Decision::Do(Change::Close),
                    false => Decision::Nothing,
                    true if pf > self.off => Decision::Do(Change::Open),
                    true if !free_steps => Decision::Nothing,
                    true if pf < self.on && q_kvar > self.rated_kvar / self.n_steps as f64 * 0.5 => Decision::Do(Change::Close),
                    true => Decision::Keep,
                }
            }
            CapacitorControlType::Time => {
                let hour = plant.clock().hour_of_day();
                let overnight = self.off <= self.on;
                let (time_on, time_off) = if overnight {
                    ((self.on..24.0).contains(&hour), (self.off..self.on).contains(&hour))
                } else {
                    let on = (self.on..self.off).contains(&hour);
                    (on, hour >= self.off || hour < self.on)
                };
                match state.is_closed {
                    false if time_on => Decision::Do(Change::Close),
                    false => Decision::Nothing,
                    true if time_off => Decision::Do(Change::Open),
                    true if !free_steps => Decision::Nothing,
                    true if time_on => Decision::Do(Change::Close),
                    true => Decision::Keep,
                }
            }
            CapacitorControlType::Follow => {
                let signal = self.control_signal.as_ref().map_or(0.0, |s| s.at(plant.clock().hours()).0);
                match state.is_closed {
                    false if signal > 0.0 => Decision::Do(Change::Close),
                    true if signal == 0.0 => Decision::Do(Change::Open),
                    _ => Decision::Nothing,
                }
            }
            CapacitorControlType::User => Decision::Nothing,
        }
    }

    /// Takes the highest step out; false when none is left in.
    fn subtract_step(&self, state: &mut CapacitorControlState, plant: &mut dyn Plant) -> bool {
        if state.last_step == 0 {
            return false;
        }
        let mut steps = plant.capacitor_steps(self.capacitor).to_vec();
        steps[state.last_step - 1] = false;
        state.last_step -= 1;
        self.set_steps(state, steps, plant);
        state.last_step > 0
    }

    fn add_step(&self, state: &mut CapacitorControlState, plant: &mut dyn Plant) {
        if state.last_step < self.n_steps {
            let mut steps = plant.capacitor_steps(self.capacitor).to_vec();
            steps[state.last_step] = true;
            state.last_step += 1;
            self.set_steps(state, steps, plant);
        }
    }

    fn set_steps(&self, state: &mut CapacitorControlState, steps: Vec<bool>, plant: &mut dyn Plant) {
        let count = |steps: &[bool]| steps.iter().filter(|&&s| s).count();
        let (before, after) = (count(plant.capacitor_steps(self.capacitor)), count(&steps));
        plant.set_capacitor_steps(self.capacitor, &steps);
        state.steps_seen = steps;
        self.log(plant, ControlAction::StepsSwitched { before, after });
    }

    fn switch(&self, closed: bool, state: &mut CapacitorControlState, plant: &mut dyn Plant) {
        plant.set_closed(self.capacitor, 0, None, closed);
        state.is_closed = closed;
        self.log(plant, ControlAction::Switched { terminal: 0, conductor: None, closed });
    }

    fn log(&self, plant: &mut dyn Plant, action: ControlAction) {
        let clock = plant.clock();
        plant.log(ControlEvent { control: self.id, element: self.capacitor, hour: clock.hour, second: clock.second, action });
    }

    fn delay(&self, state: &CapacitorControlState, change: Change, clock: &Clock) -> f64 {
        let since_open_s = clock.seconds() - state.last_open_s;
        match change {
            Change::Open => self.delay_off_s,
            Change::Close if since_open_s < self.dead_time_s => self.delay_s.max(self.dead_time_s + self.delay_s - since_open_s),
            Change::Close => self.delay_s,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Do(Change),
    Nothing,
    Keep,
}

/// For a measure that calls for steps when it is high.
fn by_excess(is_closed: bool, measure: f64, on: f64, off: f64, free_steps: bool) -> Decision {
    match is_closed {
        false if measure > on => Decision::Do(Change::Close),
        false => Decision::Nothing,
        true if measure < off => Decision::Do(Change::Open),
        true if !free_steps => Decision::Nothing,
        true if measure > on => Decision::Do(Change::Close),
        true => Decision::Keep,
    }
}

/// 0-based phase of a choice of one phase.
fn phase_index(phase: MonitoredPhase) -> usize {
    if let MonitoredPhase::Phase(n) = phase { n.saturating_sub(1) } else { 0 }
}

/// Power factor from 0 to 2, leading above 1; 1 without power.
fn power_factor_of_two(s_va: Complex64) -> f64 {
    let apparent = s_va.norm();
    let pf = if apparent != 0.0 { s_va.re.abs() / apparent } else { 1.0 };
    if s_va.im < 0.0 { 2.0 - pf } else { pf }
}

/// Rated kvar of all steps of a bank; a bank given by its matrix has none.
fn rated_kvar(c: &network::Capacitor) -> f64 {
    let kv_phase = match (c.connection, c.common.n_phases) {
        (Connection::Wye, 2 | 3) => c.kv / 3f64.sqrt(),
        _ => c.kv,
    };
    match &c.size {
        CapacitorSize::Kvar(kvar) => kvar.iter().sum(),
        CapacitorSize::Microfarad(uf) => {
            let omega = std::f64::consts::TAU * c.common.base_frequency_hz;
            uf.iter().map(|uf| omega * uf * 1e-6 * kv_phase * kv_phase * 1000.0).sum()
        }
        CapacitorSize::Matrix(_) => 0.0,
    }
}

fn highest_step(steps: &[bool]) -> usize {
    steps.iter().rposition(|&s| s).map_or(0, |i| i + 1)
}

impl Control for CapacitorSwitching {
    type State = CapacitorControlState;

    /// A bank without a step in service whose terminal is closed counts as closed: a first step is added to it as to any closed bank,
    /// and voltage override does not close it.
    fn initial(&self, plant: &mut dyn Plant) -> CapacitorControlState {
        let steps_seen = plant.capacitor_steps(self.capacitor).to_vec();
        let last_step = highest_step(&steps_seen);
        let is_closed = plant.is_terminal_closed(self.capacitor, 0);
        CapacitorControlState {
            is_closed,
            was_closed_at_first: is_closed,
            pending: None,
            armed: false,
            action_handle: None,
            last_open_s: -self.dead_time_s,
            last_step,
            steps_seen,
        }
    }

    fn sample(&self, state: &mut CapacitorControlState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        state.is_closed = plant.is_terminal_closed(self.capacitor, 0);
        if plant.capacitor_steps(self.capacitor) != state.steps_seen {
            state.steps_seen = plant.capacitor_steps(self.capacitor).to_vec();
            state.last_step = highest_step(&state.steps_seen);
        }

        let mut decision = None;
        if self.v_override && self.control_type != CapacitorControlType::Voltage {
            let v_v = self.override_voltage(plant);
            if !state.is_closed && v_v < self.v_min_v {
                decision = Some(Decision::Do(Change::Close));
            } else if state.is_closed && v_v > self.v_max_v {
                decision = Some(Decision::Do(Change::Open));
            }
        }
        match decision.unwrap_or_else(|| self.decide(state, plant)) {
            Decision::Do(change) => {
                state.pending = Some(change);
                if !state.armed {
                    let clock = plant.clock();
                    let code = if change == Change::Close { ActionCode::Close } else { ActionCode::Open };
                    state.action_handle = Some(queue.push(&clock, self.delay(state, change, &clock), code, 0, self.id));
                    state.armed = true;
                }
            }
            Decision::Nothing => state.pending = None,
            Decision::Keep => {}
        }
        if state.armed && state.pending.is_none() {
            if let Some(handle) = state.action_handle.take() {
                queue.delete(handle);
            }
            state.armed = false;
            self.log(plant, ControlAction::Reset);
        }
    }

    /// Does what is pending now, which may be other than what was queued.
    fn act(&self, state: &mut CapacitorControlState, _action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        match state.pending {
            Some(Change::Open) if state.is_closed => {
                let steps_left = self.subtract_step(state, plant);
                if !steps_left {
                    self.switch(false, state, plant);
                }
                // The time of opening is noted for banks of one step only.
                if self.n_steps == 1 {
                    state.last_open_s = plant.clock().seconds();
                }
            }
            Some(Change::Close) => {
                if !state.is_closed {
                    self.switch(true, state, plant);
                }
                self.add_step(state, plant);
            }
            _ => {}
        }
        state.armed = false;
    }

    fn reset(&self, state: &mut CapacitorControlState, plant: &mut dyn Plant) {
        state.pending = None;
        plant.set_closed(self.capacitor, 0, None, state.was_closed_at_first);
        state.is_closed = state.was_closed_at_first;
        state.last_open_s = -self.dead_time_s;
    }
}

#[cfg(test)]
mod tests;
