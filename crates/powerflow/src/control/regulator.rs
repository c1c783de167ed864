//! Voltage regulators and load tap changers.
//!
//! A regulator watches the voltage across one phase of a winding (or to earth at a remote bus) through a potential transformer. When it is out of the
//! band about its set point, the wanted change of the tap, in whole steps, is
//!
//! ```text
//! steps = round((target - v) · PT / V_winding / step)        halves to even
//! ```
//!
//! and it moves the other way when the tap is on another winding than the one watched, or when power flows backward. In static control mode a
//! regulator goes 70 % of the way at once (whole steps, at least one, at most `max_tap_change`) and is sampled again after the next
//! solution; in the modes with time it goes one step, then the next after `tap_delay_s`.
//!
//! Line drop compensation adds `(R + jX) i / CT` to the measured voltage, with `i` into the winding's terminal, so that R and X of a line
//! downstream lower it; or it subtracts `Z |i| / CT` from its magnitude.
//!
//! Power is watched at the same terminal. Beyond the threshold for `reverse_delay_s` the regulator turns to its reverse settings, or, with
//! cogeneration, uses them while still looking forward; with reverse neutral it then runs to the neutral tap.
//!
//! Method: OpenDSS, class RegControl, order of tests included.

use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction};
use crate::yprim::transformer::winding_bases_v;
use network::{Connection, ControlMode, ElementId, ElementKind, MonitoredPhase, Network, RegulatorSetting, RemoteBus};
use num_complex::Complex64;

/// A regulator, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Regulator {
    id: ElementId,
    transformer: ElementId,
    n_phases: usize,
    winding: usize,
    tap_winding: usize,
    winding_is_delta: bool,
    winding_base_v: f64,
    tap_step_pu: f64,
    tap_min_pu: f64,
    tap_max_pu: f64,
    forward: RegulatorSetting,
    reverse: RegulatorSetting,
    pt_ratio: f64,
    remote_pt_ratio: f64,
    ct_primary_a: f64,
    pt_phase: MonitoredPhase,
    remote_bus: Option<RemoteBus>,
    delay_s: f64,
    tap_delay_s: f64,
    max_tap_change: i32,
    inverse_time: bool,
    v_limit_v: Option<f64>,
    reversible: bool,
    reverse_neutral: bool,
    reverse_threshold_w: f64,
    reverse_delay_s: f64,
    cogeneration: bool,
}

/// What changes in a regulator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegulatorState {
    /// Change of the tap that is wanted, per unit; whole steps.
    pub pending_pu: f64,
    /// An action is in the queue.
    pub armed: bool,
    /// Looks the other way.
    pub in_reverse: bool,
    /// Uses the reverse settings, looking forward.
    pub in_cogeneration: bool,
    reverse_pending: bool,
    action_handle: Option<u64>,
    reverse_handle: Option<u64>,
}

impl Regulator {
    /// The regulator at this place of the network's list.
    ///
    /// # Errors
    /// `NoElement` without a transformer, `NoSuchWinding` when a winding is not there.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::RegulatorControl, index);
        let control = &network.regulator_controls[index];
        let name = || network.full_name(id);
        let Some(transformer) = control.transformer.filter(|t| t.kind == ElementKind::Transformer) else {
            return Err(ControlError::NoElement { control: name(), role: "transformer" });
        };
        let t = &network.transformers[transformer.index()];
        for winding in [control.winding, control.tap_winding] {
            if winding >= t.windings.len() {
                return Err(ControlError::NoSuchTerminal {
                    control: name(),
                    element: network.full_name(transformer),
                    terminal: winding + 1,
                    n_terminals: t.windings.len(),
                });
            }
        }
        let tapped = &t.windings[control.tap_winding];
        let n_phases = t.common.n_phases;
        let pt_phase = match control.pt_phase {
            MonitoredPhase::Phase(n) if n > n_phases && control.remote_bus.is_none() => MonitoredPhase::First,
            other => other,
        };
        Ok(Self {
            id,
            transformer,
            n_phases,
            winding: control.winding,
            tap_winding: control.tap_winding,
            winding_is_delta: t.windings[control.winding].connection == Connection::Delta,
            winding_base_v: winding_bases_v(t)[control.winding],
            tap_step_pu: tapped.tap_step_pu(),
            tap_min_pu: tapped.tap_min_pu,
            tap_max_pu: tapped.tap_max_pu,
            forward: control.forward,
            reverse: control.reverse,
            pt_ratio: control.pt_ratio,
            remote_pt_ratio: control.remote_pt_ratio,
            ct_primary_a: control.ct_primary_a,
            pt_phase,
            remote_bus: control.remote_bus.clone(),
            delay_s: control.delay_s,
            tap_delay_s: control.tap_delay_s,
            max_tap_change: control.max_tap_change.max(0),
            inverse_time: control.inverse_time,
            v_limit_v: (control.v_limit_v > 0.0).then_some(control.v_limit_v),
            reversible: control.reversible,
            reverse_neutral: control.reverse_neutral,
            reverse_threshold_w: control.reverse_threshold_kw * 1000.0,
            reverse_delay_s: control.reverse_delay_s,
            cogeneration: control.cogeneration,
        })
    }

    pub fn id(&self) -> ElementId {
        self.id
    }

    pub fn transformer(&self) -> ElementId {
        self.transformer
    }

    /// Winding whose tap moves, 0-based.
    pub fn tap_winding(&self) -> usize {
        self.tap_winding
    }

    /// Tap as a whole number of steps from the middle of the range.
    pub fn tap_position(&self, tap_pu: f64) -> i32 {
        if self.tap_step_pu == 0.0 {
            return 0;
        }
        ((tap_pu - (self.tap_max_pu + self.tap_min_pu) / 2.0) / self.tap_step_pu).round_ties_even() as i32
    }

    /// Whole steps nearest to a change of the tap, in per unit; a winding without steps cannot move.
    fn whole_steps(&self, change_pu: f64) -> f64 {
        let steps = (change_pu / self.tap_step_pu).round_ties_even();
        if steps.is_finite() { steps * self.tap_step_pu } else { 0.0 }
    }

    /// Voltage on the secondary of the potential transformer, V, and the phase (0-based) it is of.
    fn measure(&self, v: &[Complex64], pt_ratio: f64) -> (Complex64, usize) {
        let farthest = |beyond: fn(f64, f64) -> bool| {
            let mut phase = 0;
            for i in 1..v.len() {
                if beyond(v[i].norm(), v[phase].norm()) {
                    phase = i;
                }
            }
            phase
        };
        let phase = match self.pt_phase {
            MonitoredPhase::Max => farthest(|a, b| a > b),
            MonitoredPhase::Min => farthest(|a, b| a < b),
            MonitoredPhase::Phase(n) => n.saturating_sub(1),
            MonitoredPhase::First | MonitoredPhase::Average => 0,
        };
        (v.get(phase).copied().unwrap_or_default() / pt_ratio, phase)
    }

    /// Voltage at the remote bus, one entry; line to line when the winding is in delta.
    fn remote_voltage(&self, remote: &RemoteBus, plant: &dyn Plant, out: &mut Vec<Complex64>) {
        let node = |i: usize, default: u32| remote.nodes.get(i).copied().unwrap_or(default);
        plant.bus_voltages(remote.bus, &[node(0, 1), node(1, 0)], out);
        let across = if self.winding_is_delta { out[0] - out[1] } else { out[0] };
        out.clear();
        out.push(across);
    }

    fn delay(&self, v_v: f64) -> f64 {
        if self.inverse_time {
            self.delay_s / (2.0 * (self.forward.v_target_v - v_v).abs() / self.forward.band_v).min(10.0)
        } else {
            self.delay_s
        }
    }

    /// Follows the direction of power. Returns true when the regulator has nothing more to do in this sample.
    fn watch_direction(&self, state: &mut RegulatorState, plant: &mut dyn Plant, queue: &mut ControlQueue) -> bool {
        let forward_w = -plant.terminal_power_va(self.transformer, self.winding).re;
        let looks_back = state.in_reverse || state.in_cogeneration;
        let turn = if looks_back { forward_w > self.reverse_threshold_w } else { forward_w < -self.reverse_threshold_w };
        if turn && !state.reverse_pending {
            state.reverse_pending = true;
            state.reverse_handle = Some(queue.push(&plant.clock(), self.reverse_delay_s, ActionCode::Reverse, 0, self.id));
        }
        // Power that is no number neither turns the regulator nor calms it.
        let calm = if looks_back { forward_w <= self.reverse_threshold_w } else { forward_w >= -self.reverse_threshold_w };
        if state.reverse_pending && calm {
            state.reverse_pending = false;
            if let Some(handle) = state.reverse_handle.take() {
                queue.delete(handle);
            }
        }
        if !looks_back || !self.reverse_neutral {
            return false;
        }
        if !state.armed {
            state.pending_pu = 0.0;
            let away_pu = 1.0 - plant.tap(self.transformer, self.tap_winding);
            if away_pu.abs() > 1e-12 {
                state.pending_pu = self.whole_steps(away_pu);
                if state.pending_pu != 0.0 {
                    queue.push(&plant.clock(), self.tap_delay_s, ActionCode::TapChange, 0, self.id);
                    state.armed = true;
                }
            }
        }
        true
    }

    /// Steps to take at once in static mode, with sign.
    fn most_of_the_way(&self, pending_pu: f64) -> i32 {
        let steps = (0.7 * pending_pu.abs() / self.tap_step_pu).trunc().max(1.0).min(f64::from(self.max_tap_change));
        if pending_pu > 0.0 { steps as i32 } else { -(steps as i32) }
    }

    /// One step towards the wanted tap; what is left is reduced by it.
    fn one_step(&self, state: &mut RegulatorState) -> i32 {
        let steps = if state.pending_pu > 0.0 { 1 } else { -1 };
        state.pending_pu -= f64::from(steps) * self.tap_step_pu;
        if state.pending_pu.abs() < 0.9 * self.tap_step_pu {
            state.pending_pu = 0.0;
        }
        steps
    }

    fn move_tap(&self, steps: i32, plant: &mut dyn Plant) {
        let before_pu = plant.tap(self.transformer, self.tap_winding);
        let wanted = before_pu + f64::from(steps) * self.tap_step_pu;
        let after_pu = if wanted < self.tap_min_pu {
            self.tap_min_pu
        } else if wanted > self.tap_max_pu {
            self.tap_max_pu
        } else {
            wanted
        };
        if after_pu != before_pu {
            plant.set_tap(self.transformer, self.tap_winding, after_pu);
        }
        self.log(plant, ControlAction::TapMoved { winding: self.tap_winding, steps, before_pu, after_pu });
    }

    fn log(&self, plant: &mut dyn Plant, action: ControlAction) {
        let clock = plant.clock();
        plant.log(ControlEvent { control: self.id, element: self.transformer, hour: clock.hour, second: clock.second, action });
    }
}

impl Control for Regulator {
    type State = RegulatorState;

    fn initial(&self, _plant: &mut dyn Plant) -> RegulatorState {
        RegulatorState::default()
    }

    fn sample(&self, state: &mut RegulatorState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        if self.max_tap_change == 0 {
            state.pending_pu = 0.0;
            return;
        }
        if self.remote_bus.is_none() && (self.reversible || self.cogeneration) && self.watch_direction(state, plant, queue) {
            return;
        }

        let mut buffer = Vec::with_capacity(self.n_phases.max(2));
        let local_phase;
        let mut v = match &self.remote_bus {
            Some(remote) => {
                self.remote_voltage(remote, plant, &mut buffer);
                local_phase = 0;
                self.measure(&buffer, self.remote_pt_ratio).0
            }
            None => {
                plant.winding_voltages(self.transformer, self.winding, &mut buffer);
                let (v, phase) = self.measure(&buffer, self.pt_ratio);
                local_phase = phase;
                v
            }
        };
        // The limit holds for the voltage before compensation, at the transformer itself.
        let above_limit_v = self.v_limit_v.and_then(|limit_v| {
            let v_local_v = if self.remote_bus.is_some() {
                plant.winding_voltages(self.transformer, self.winding, &mut buffer);
                buffer.first().map_or(0.0, |v| (v / self.pt_ratio).norm())
            } else {
                v.norm()
            };
            (v_local_v > limit_v).then_some(limit_v - v_local_v)
        });

        let turned = state.in_reverse || state.in_cogeneration;
        let compensates = self.forward.ldc_r_v != 0.0 || self.forward.ldc_x_v != 0.0 || self.forward.ldc_z_v > 0.0;
        if compensates && self.remote_bus.is_none() {
            plant.terminal_currents(self.transformer, self.winding, &mut buffer);
            let i = buffer.get(local_phase).copied().unwrap_or_default() / self.ct_primary_a;
            let setting = if turned { &self.reverse } else { &self.forward };
            // Whether by magnitude is decided by the forward setting alone.
            v = if self.forward.ldc_z_v == 0.0 {
                v + Complex64::new(setting.ldc_r_v, setting.ldc_x_v) * i
            } else {
                Complex64::new(v.norm() - i.norm() * setting.ldc_z_v, 0.0)
            };
        }

        let mut v_v = v.norm();
        if state.in_reverse {
            v_v /= plant.tap(self.transformer, self.tap_winding);
        }
        let setting = if turned { &self.reverse } else { &self.forward };
        let out_of_band = (setting.v_target_v - v_v).abs() > setting.band_v / 2.0;
        if !out_of_band && above_limit_v.is_none() {
            state.pending_pu = 0.0;
            if state.armed {
                if let Some(handle) = state.action_handle.take() {
                    queue.delete(handle);
                }
                state.armed = false;
            }
            return;
        }

        let boost_v = above_limit_v.unwrap_or(setting.v_target_v - v_v);
        state.pending_pu = self.whole_steps(boost_v * self.pt_ratio / self.winding_base_v);
        if self.tap_winding != self.winding || state.in_reverse {
            state.pending_pu = -state.pending_pu;
        }
        if state.pending_pu == 0.0 || state.armed {
            return;
        }
        let tap_pu = plant.tap(self.transformer, self.tap_winding);
        let possible = if state.pending_pu > 0.0 { tap_pu < self.tap_max_pu } else { tap_pu > self.tap_min_pu };
        if possible {
            state.action_handle = Some(queue.push(&plant.clock(), self.delay(v_v), ActionCode::TapChange, 0, self.id));
            state.armed = true;
        }
    }

    fn act(&self, state: &mut RegulatorState, action: &QueuedAction, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        match action.code {
            ActionCode::TapChange if state.pending_pu == 0.0 => state.armed = false,
            ActionCode::TapChange => match plant.clock().control_mode {
                ControlMode::Off => {}
                ControlMode::Static => {
                    self.move_tap(self.most_of_the_way(state.pending_pu), plant);
                    state.pending_pu = 0.0;
                    state.armed = false;
                }
                ControlMode::Event | ControlMode::Time | ControlMode::MultiRate => {
                    let steps = self.one_step(state);
                    self.move_tap(steps, plant);
                    if state.pending_pu != 0.0 {
                        // The handle stays that of the first action, so coming back into the band does not take this one back.
                        queue.push(&plant.clock(), self.tap_delay_s, ActionCode::TapChange, 0, self.id);
                    } else {
                        state.armed = false;
                    }
                }
            },
            ActionCode::Reverse if state.reverse_pending => {
                state.reverse_pending = false;
                if self.cogeneration {
                    state.in_cogeneration = !state.in_cogeneration;
                    self.log(plant, ControlAction::Cogeneration { active: state.in_cogeneration });
                } else {
                    state.in_reverse = !state.in_reverse;
                    self.log(plant, ControlAction::Reversed { reverse: state.in_reverse });
                }
            }
            _ => {}
        }
    }

    fn reset(&self, state: &mut RegulatorState, _plant: &mut dyn Plant) {
        state.pending_pu = 0.0;
        state.armed = false;
    }
}

#[cfg(test)]
mod tests;
