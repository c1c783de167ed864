//! Fuses, relays and reclosers.
//!
//! A device watches a terminal. When its curve gives a time for what it sees, it queues an opening for that time, and, while shots are left, a
//! reclosing after the interval of the shot. What has dropped below pickup before is taken back. In static control mode time does not pass, so the
//! sequence is played through, one group of equal times a solution: a recloser at a lasting overload opens and closes until it
//! locks out, and the network is solved after each operation.
//!
//! # Time curves
//!
//! Current curves are straight lines on log-log paper: `-1` (no operation) below the first point, the last time above the last point. Voltage curves
//! hold definite times: for overvoltage the time of the last point passed, for undervoltage that of the last point fallen below.
//!
//! Relays of type `generic` (they watch a variable inside a generator) and `td21` (they compare successive instants) need dynamics and are refused.
//!
//! Method: OpenDSS, classes Fuse, Relay, Recloser, TCC_Curve, with the peculiarity that a fuse takes the currents of terminal 1 of the
//! monitored element whatever the terminal named.

use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction, element_at};
use network::{ElementId, ElementKind, Network, Protection, ProtectionCurve, SwitchState, TccCurve};
use num_complex::Complex64;

/// Phases that a fuse has at most.
const FUSE_PHASES_MAX: usize = 6;

/// Time of an instantaneous trip, s.
const INSTANTANEOUS_S: f64 = 0.01;

/// Loop reactance below which a distance relay sees a fault behind it, ohm.
const DISTANCE_REACTANCE_MIN_OHM: f64 = -1e-8;

/// A time curve, ready to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeCurve {
    values: Vec<f64>,
    times_s: Vec<f64>,
}

impl TimeCurve {
    /// `None` for a curve without points.
    pub fn new(curve: &TccCurve) -> Option<Self> {
        let n = curve.current.len().min(curve.time_s.len());
        (n > 0).then(|| Self { values: curve.current[..n].to_vec(), times_s: curve.time_s[..n].to_vec() })
    }

    fn of(network: &Network, curve: ProtectionCurve) -> Option<Self> {
        curve.and_then(|id| Self::new(&network.tcc_curves[id.index()]))
    }

    /// Time to operate at a multiple of the pickup, s; `None` below the first point.
    pub fn current_time_s(&self, multiple: f64) -> Option<f64> {
        let n = self.values.len();
        if multiple < self.values[0] || multiple.is_nan() {
            return None;
        }
        if n == 1 {
            return Some(self.times_s[0]);
        }
        let Some(i) = (1..n).find(|&i| self.values[i] >= multiple) else {
            return Some(self.times_s[n - 1]);
        };
        if self.values[i] == multiple {
            return Some(self.times_s[i]);
        }
        // Zero has no logarithm; a thousandth stands for it.
        let log = |x: f64| if x > 0.0 { x.ln() } else { 0.001f64.ln() };
        let (x0, x1) = (log(self.values[i - 1]), log(self.values[i]));
        let (t0, t1) = (log(self.times_s[i - 1]), log(self.times_s[i]));
        Some((t0 + (log(multiple) - x0) / (x1 - x0) * (t1 - t0)).exp())
    }

    /// Definite time of an overvoltage relay, s.
    pub fn overvoltage_time_s(&self, v_pu: f64) -> Option<f64> {
        if self.values[0] >= v_pu || v_pu.is_nan() {
            return None;
        }
        if self.values.len() == 1 {
            return Some(self.times_s[0]);
        }
        let passed = self.values.iter().take_while(|&&x| x < v_pu).count();
        Some(self.times_s[passed - 1])
    }

    /// Definite time of an undervoltage relay, s.
    pub fn undervoltage_time_s(&self, v_pu: f64) -> Option<f64> {
        let n = self.values.len();
        if self.values[n - 1] <= v_pu || v_pu.is_nan() {
            return None;
        }
        if n == 1 {
            return Some(self.times_s[0]);
        }
        let fallen_below = self.values.iter().rev().take_while(|&&x| x > v_pu).count();
        Some(self.times_s[n - fallen_below])
    }
}

/// A time counts when it is above zero.
fn positive(time_s: Option<f64>) -> Option<f64> {
    time_s.filter(|&t| t > 0.0)
}

fn sooner(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What a device watches and switches.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    id: ElementId,
    monitored: ElementId,
    monitored_terminal: usize,
    n_phases: usize,
    switched: ElementId,
    switched_terminal: usize,
}

impl Place {
    fn of(network: &Network, id: ElementId, protection: &Protection) -> Result<Self, ControlError> {
        let (monitored, monitored_terminal) =
            element_at(network, id, protection.monitored, protection.monitored_terminal, "monitored element")?;
        let (switched, switched_terminal) = element_at(network, id, protection.switched, protection.switched_terminal, "switched element")?;
        let n_phases = network.common(monitored).n_phases;
        Ok(Self { id, monitored, monitored_terminal, n_phases, switched, switched_terminal })
    }

    fn currents(&self, plant: &dyn Plant) -> Vec<Complex64> {
        let mut i = Vec::new();
        plant.terminal_currents(self.monitored, self.monitored_terminal, &mut i);
        i.truncate(self.n_phases);
        i
    }

    fn voltages(&self, plant: &dyn Plant) -> Vec<Complex64> {
        let mut v = Vec::new();
        plant.terminal_voltages(self.monitored, self.monitored_terminal, &mut v);
        v.truncate(self.n_phases);
        v
    }

    fn is_closed(&self, plant: &dyn Plant) -> bool {
        plant.is_terminal_closed(self.switched, self.switched_terminal)
    }

    fn switch(&self, conductor: Option<usize>, closed: bool, plant: &mut dyn Plant) {
        plant.set_closed(self.switched, self.switched_terminal, conductor, closed);
        self.log(plant, ControlAction::Switched { terminal: self.switched_terminal, conductor, closed });
    }

    fn log(&self, plant: &mut dyn Plant, action: ControlAction) {
        let clock = plant.clock();
        plant.log(ControlEvent { control: self.id, element: self.switched, hour: clock.hour, second: clock.second, action });
    }
}

/// A fuse in each phase, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct FuseControl {
    place: Place,
    curve: Option<TimeCurve>,
    rated_a: f64,
    delay_s: f64,
    normal: Vec<SwitchState>,
}

/// What changes in a fuse: the queued blow of each phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FuseState {
    about_to_blow: Vec<Option<u64>>,
}

impl FuseControl {
    /// The fuse at this place of the network's list. Without a curve it never blows.
    ///
    /// # Errors
    /// `NoElement`, `NoSuchTerminal`.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let fuse = &network.fuses[index];
        let place = Place::of(network, ElementId::new(ElementKind::Fuse, index), &fuse.protection)?;
        let curve = TimeCurve::of(network, fuse.curve);
        Ok(Self { place, curve, rated_a: fuse.rated_a, delay_s: fuse.protection.delay_s, normal: fuse.protection.normal.clone() })
    }

    pub fn id(&self) -> ElementId {
        self.place.id
    }
}

impl Control for FuseControl {
    type State = FuseState;

    fn initial(&self, _plant: &mut dyn Plant) -> FuseState {
        FuseState { about_to_blow: vec![None; self.place.n_phases.min(FUSE_PHASES_MAX)] }
    }

    fn sample(&self, state: &mut FuseState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let mut currents = Vec::new();
        plant.terminal_currents(self.place.monitored, 0, &mut currents);
        for (phase, handle) in state.about_to_blow.iter_mut().enumerate() {
            if !plant.is_closed(self.place.switched, self.place.switched_terminal, phase) {
                continue;
            }
            let multiple = currents.get(phase).map_or(0.0, |i| i.norm()) / self.rated_a;
            let time_s = positive(self.curve.as_ref().and_then(|c| c.current_time_s(multiple)));
            match (time_s, *handle) {
                (Some(time_s), None) => {
                    *handle = Some(queue.push(&plant.clock(), time_s + self.delay_s, ActionCode::Open, phase as i32, self.place.id));
                }
                (None, Some(queued)) => {
                    queue.delete(queued);
                    *handle = None;
                }
                _ => {}
            }
        }
    }

    fn act(&self, state: &mut FuseState, action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        let phase = usize::try_from(action.proxy).unwrap_or(usize::MAX);
        let armed = state.about_to_blow.get_mut(phase).is_some_and(|handle| handle.take().is_some());
        if armed && plant.is_closed(self.place.switched, self.place.switched_terminal, phase) {
            self.place.switch(Some(phase), false, plant);
        }
    }

    fn reset(&self, state: &mut FuseState, plant: &mut dyn Plant) {
        for (phase, handle) in state.about_to_blow.iter_mut().enumerate() {
            *handle = None;
            let closed = self.normal.get(phase).copied().unwrap_or_default() == SwitchState::Closed;
            plant.set_closed(self.place.switched, self.place.switched_terminal, Some(phase), closed);
        }
    }
}

/// What changes in a relay or a recloser.
#[derive(Clone, Debug, PartialEq)]
pub struct InterrupterState {
    /// As it was when last sampled.
    is_closed: bool,
    /// Number of the coming opening, from 1.
    operation: usize,
    pub locked_out: bool,
    armed_to_open: bool,
    armed_to_close: bool,
    armed_to_reset: bool,
    last_handle: Option<u64>,
    next_trip_s: f64,
}

impl InterrupterState {
    fn new(is_closed: bool, n_reclosings: usize) -> Self {
        Self {
            is_closed,
            operation: if is_closed { 1 } else { n_reclosings + 1 },
            locked_out: !is_closed,
            armed_to_open: false,
            armed_to_close: false,
            armed_to_reset: false,
            last_handle: None,
            next_trip_s: -1.0,
        }
    }
}

/// Queues an opening and, while shots are left, the reclosing after it.
fn trip(
    state: &mut InterrupterState,
    time_s: f64,
    intervals_s: &[f64],
    n_reclosings: usize,
    id: ElementId,
    plant: &dyn Plant,
    queue: &mut ControlQueue,
) {
    let clock = plant.clock();
    state.last_handle = Some(queue.push(&clock, time_s, ActionCode::Open, 0, id));
    if state.operation <= n_reclosings {
        let interval_s = intervals_s.get(state.operation - 1).copied().unwrap_or(0.0);
        state.last_handle = Some(queue.push(&clock, time_s + interval_s, ActionCode::Close, 0, id));
    }
    state.armed_to_open = true;
}

/// A recloser, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct RecloserControl {
    place: Place,
    fast: OvercurrentSetting,
    delayed: OvercurrentSetting,
    phase_trip_a: f64,
    ground_trip_a: f64,
    phase_instantaneous_a: f64,
    ground_instantaneous_a: f64,
    n_fast: usize,
    n_reclosings: usize,
    intervals_s: Vec<f64>,
    delay_s: f64,
    reset_s: f64,
    normal: SwitchState,
}

/// Curves of phases and ground, each with its time dial.
#[derive(Clone, Debug, PartialEq)]
struct OvercurrentSetting {
    phase: Option<TimeCurve>,
    ground: Option<TimeCurve>,
    phase_dial: f64,
    ground_dial: f64,
}

/// Settings as written, by name in any case; the last one holds.
struct Settings<'a> {
    control: String,
    list: &'a [(String, String)],
}

impl Settings<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.list.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn number(&self, setting: &'static str, default: f64) -> Result<f64, ControlError> {
        match self.text(setting) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|_| ControlError::NotANumber { control: self.control.clone(), setting, value: text.to_owned() })
            }
        }
    }

    fn is_yes(&self, name: &str, default: bool) -> bool {
        self.text(name).and_then(|t| t.chars().next()).map_or(default, |c| matches!(c.to_ascii_lowercase(), 'y' | 't'))
    }

    fn curve(&self, network: &Network, name: &str) -> Option<TimeCurve> {
        let wanted = self.text(name)?;
        network.tcc_curves.iter().find(|c| c.name.eq_ignore_ascii_case(wanted)).and_then(TimeCurve::new)
    }
}

fn first_state(states: &[SwitchState]) -> SwitchState {
    states.first().copied().unwrap_or_default()
}

impl RecloserControl {
    /// The recloser at this place of the network's list.
    ///
    /// # Errors
    /// `NoElement`, `NoSuchTerminal`, `NotANumber`.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::Recloser, index);
        let r = &network.reclosers[index];
        let settings = Settings { control: network.full_name(id), list: &r.settings };
        Ok(Self {
            place: Place::of(network, id, &r.protection)?,
            fast: OvercurrentSetting {
                phase: TimeCurve::of(network, r.phase_fast),
                ground: TimeCurve::of(network, r.ground_fast),
                phase_dial: settings.number("tdphfast", 1.0)?,
                ground_dial: settings.number("tdgrfast", 1.0)?,
            },
            delayed: OvercurrentSetting {
                phase: TimeCurve::of(network, r.phase_delayed),
                ground: TimeCurve::of(network, r.ground_delayed),
                phase_dial: settings.number("tdphdelayed", 1.0)?,
                ground_dial: settings.number("tdgrdelayed", 1.0)?,
            },
            phase_trip_a: r.phase_trip,
            ground_trip_a: r.ground_trip,
            phase_instantaneous_a: r.phase_instantaneous,
            ground_instantaneous_a: r.ground_instantaneous,
            n_fast: r.n_fast as usize,
            n_reclosings: r.shots.saturating_sub(1) as usize,
            intervals_s: r.reclose_intervals_s.clone(),
            delay_s: r.protection.delay_s,
            reset_s: settings.number("reset", 15.0)?,
            normal: first_state(&r.protection.normal),
        })
    }

    pub fn id(&self) -> ElementId {
        self.place.id
    }

    /// Time to the trip at these currents, s.
    fn trip_time_s(&self, operation: usize, currents: &[Complex64]) -> Option<f64> {
        let setting = if operation > self.n_fast { &self.delayed } else { &self.fast };
        let instantaneous = |limit_a: f64, i_a: f64| limit_a > 0.0 && i_a >= limit_a && operation == 1;
        let ground = setting.ground.as_ref().and_then(|curve| {
            let i_a = currents.iter().sum::<Complex64>().norm();
            if instantaneous(self.ground_instantaneous_a, i_a) {
                Some(INSTANTANEOUS_S + self.delay_s)
            } else {
                positive(curve.current_time_s(i_a / self.ground_trip_a).map(|t| t * setting.ground_dial))
            }
        });
        let mut phase = None;
        for i in setting.phase.iter().flat_map(|_| currents) {
            let i_a = i.norm();
            if instantaneous(self.phase_instantaneous_a, i_a) {
                phase = Some(INSTANTANEOUS_S + self.delay_s);
                break;
            }
            let time_s = setting.phase.as_ref().and_then(|c| c.current_time_s(i_a / self.phase_trip_a));
            phase = sooner(phase, positive(time_s.map(|t| t * setting.phase_dial)));
        }
        sooner(ground, phase)
    }
}

impl Control for RecloserControl {
    type State = InterrupterState;

    fn initial(&self, plant: &mut dyn Plant) -> InterrupterState {
        InterrupterState::new(self.place.is_closed(plant), self.n_reclosings)
    }

    fn sample(&self, state: &mut InterrupterState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        state.is_closed = self.place.is_closed(plant);
        if !state.is_closed {
            return;
        }
        let currents = self.place.currents(plant);
        match self.trip_time_s(state.operation, &currents) {
            Some(time_s) if !state.armed_to_open => {
                trip(state, time_s + self.delay_s, &self.intervals_s, self.n_reclosings, self.place.id, plant, queue);
                state.armed_to_close = true;
            }
            Some(_) => {}
            None if state.armed_to_open => {
                queue.push(&plant.clock(), self.reset_s, ActionCode::Reset, 0, self.place.id);
                state.armed_to_open = false;
                state.armed_to_close = false;
            }
            None => {}
        }
    }

    fn act(&self, state: &mut InterrupterState, action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        match action.code {
            ActionCode::Open if state.is_closed && state.armed_to_open => {
                self.place.switch(None, false, plant);
                if state.operation > self.n_reclosings {
                    state.locked_out = true;
                    self.place.log(plant, ControlAction::LockedOut);
                }
                state.armed_to_open = false;
            }
            ActionCode::Close if !state.is_closed && state.armed_to_close && !state.locked_out => {
                self.place.switch(None, true, plant);
                state.operation += 1;
                state.armed_to_close = false;
            }
            ActionCode::Reset if state.is_closed && !state.armed_to_open => state.operation = 1,
            _ => {}
        }
    }

    fn reset(&self, state: &mut InterrupterState, plant: &mut dyn Plant) {
        let closed = self.normal == SwitchState::Closed;
        plant.set_closed(self.place.switched, self.place.switched_terminal, None, closed);
        *state = InterrupterState::new(closed, self.n_reclosings);
    }
}

/// A relay, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayControl {
    place: Place,
    logic: RelayLogic,
    n_reclosings: usize,
    intervals_s: Vec<f64>,
    delay_s: f64,
    breaker_s: f64,
    reset_s: f64,
    normal: SwitchState,
}

/// What a relay decides by.
#[derive(Clone, Debug, PartialEq)]
enum RelayLogic {
    /// Overcurrent of phases and ground (50/51).
    Current {
        setting: OvercurrentSetting,
        phase_trip_a: f64,
        ground_trip_a: f64,
        phase_instantaneous_a: f64,
        ground_instantaneous_a: f64,
    },
    /// Over- and undervoltage (59/27).
    Voltage {
        over: Option<TimeCurve>,
        under: Option<TimeCurve>,
        v_base_v: f64,
    },
    ReversePower {
        limit_w: f64,
    },
    /// Negative-sequence current (46).
    NegativeCurrent {
        pickup_a: f64,
        base_a: f64,
        i2t: f64,
    },
    /// Negative-sequence voltage (47).
    NegativeVoltage {
        pickup_v: f64,
    },
    /// Impedance to a fault (21).
    Distance {
        z1: Complex64,
        k0: Complex64,
        phase_reach: f64,
        ground_reach: f64,
        reverse: bool,
    },
    /// Directional overcurrent with a characteristic of two lines and a circle.
    Directional(Box<DirectionalSetting>),
}

/// Characteristic of a directional overcurrent relay in the plane of current referred to voltage.
#[derive(Clone, Debug, PartialEq)]
struct DirectionalSetting {
    low_tilt_deg: f64,
    low_a: f64,
    high_tilt_deg: f64,
    high_a: f64,
    circle_a: f64,
    outer: (Option<TimeCurve>, f64, f64),
    inner: (Option<TimeCurve>, f64, f64),
    inner_delay_s: f64,
    /// Power forward in positive sequence keeps the relay from tripping.
    blocks_forward: bool,
}

impl RelayControl {
    /// The relay at this place of the network's list.
    ///
    /// # Errors
    /// `NoElement`, `NoSuchTerminal`, `NotANumber`, `Unsupported` for the types that need dynamics and for unknown ones.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::Relay, index);
        let r = &network.relays[index];
        let settings = Settings { control: network.full_name(id), list: &r.settings };
        let place = Place::of(network, id, &r.protection)?;
        let kv_base = settings.number("kvbase", 0.0)?;
        let v_base_v = if place.n_phases == 1 { kv_base * 1000.0 } else { kv_base / 3f64.sqrt() * 1000.0 };
        let phase_curve = TimeCurve::of(network, r.phase_curve);
        let relay_type = r.relay_type.to_lowercase();
        let logic = match relay_type.as_str() {
            "current" => RelayLogic::Current {
                setting: OvercurrentSetting {
                    phase: phase_curve,
                    ground: TimeCurve::of(network, r.ground_curve),
                    phase_dial: r.time_dial_phase,
                    ground_dial: r.time_dial_ground,
                },
                phase_trip_a: r.phase_trip,
                ground_trip_a: r.ground_trip,
                phase_instantaneous_a: r.phase_instantaneous,
                ground_instantaneous_a: r.ground_instantaneous,
            },
            "voltage" => RelayLogic::Voltage {
                over: settings.curve(network, "overvoltcurve"),
                under: settings.curve(network, "undervoltcurve"),
                v_base_v,
            },
            "reversepower" => RelayLogic::ReversePower { limit_w: r.phase_instantaneous * 1000.0 },
            "46" => {
                let base_a = settings.number("46baseamps", 100.0)?;
                let pickup_a = base_a * settings.number("46%pickup", 20.0)? * 0.01;
                RelayLogic::NegativeCurrent { pickup_a, base_a, i2t: settings.number("46isqt", 1.0)? }
            }
            "47" => RelayLogic::NegativeVoltage { pickup_v: v_base_v * settings.number("47%pickup", 2.0)? * 0.01 },
            "distance" => {
                let polar = |magnitude: f64, angle_deg: f64| Complex64::from_polar(magnitude, angle_deg.to_radians());
                let z1 = polar(settings.number("z1mag", 0.7)?, settings.number("z1ang", 64.0)?);
                let z0 = polar(settings.number("z0mag", 2.1)?, settings.number("z0ang", 68.0)?);
                RelayLogic::Distance {
                    z1,
                    k0: (z0 - z1) / 3.0 / z1,
                    phase_reach: settings.number("mphase", 0.7)?,
                    ground_reach: settings.number("mground", 0.7)?,
                    reverse: settings.is_yes("distreverse", false),
                }
            }
            "doc" => RelayLogic::Directional(Box::new(DirectionalSetting {
                low_tilt_deg: settings.number("doc_tiltanglelow", 90.0)?,
                low_a: settings.number("doc_tripsettinglow", 0.0)?,
                high_tilt_deg: settings.number("doc_tiltanglehigh", 90.0)?,
                high_a: settings.number("doc_tripsettinghigh", -1.0)?,
                circle_a: settings.number("doc_tripsettingmag", -1.0)?,
                outer: (phase_curve, r.time_dial_phase, r.phase_trip),
                inner: (
                    settings.curve(network, "doc_phasecurveinner"),
                    settings.number("doc_tdphaseinner", 1.0)?,
                    settings.number("doc_phasetripinner", 1.0)?,
                ),
                inner_delay_s: settings.number("doc_delayinner", -1.0)?,
                blocks_forward: settings.is_yes("doc_p1blocking", true),
            })),
            _ => {
                return Err(ControlError::Unsupported { control: network.full_name(id), what: format!("relay type \"{}\"", r.relay_type) });
            }
        };
        Ok(Self {
            place,
            logic,
            n_reclosings: r.shots.saturating_sub(1) as usize,
            intervals_s: r.reclose_intervals_s.clone(),
            delay_s: r.protection.delay_s,
            breaker_s: r.breaker_time_s,
            reset_s: settings.number("reset", 15.0)?,
            normal: first_state(&r.protection.normal),
        })
    }

    pub fn id(&self) -> ElementId {
        self.place.id
    }

    /// Time to the trip of an overcurrent relay, s, without that of the breaker.
    fn overcurrent_time_s(&self, operation: usize, currents: &[Complex64]) -> Option<f64> {
        let RelayLogic::Current { setting, phase_trip_a, ground_trip_a, phase_instantaneous_a, ground_instantaneous_a } = &self.logic
        else {
            return None;
        };
        let time = |i_a: f64, trip_a: f64, curve: &Option<TimeCurve>, dial: f64| {
            if self.delay_s > 0.0 {
                (i_a >= trip_a).then_some(self.delay_s)
            } else {
                positive(curve.as_ref().and_then(|c| c.current_time_s(i_a / trip_a)).map(|t| t * dial))
            }
        };
        let instantaneous = |limit_a: f64, i_a: f64| limit_a > 0.0 && i_a >= limit_a && operation == 1;
        let at_once = Some(INSTANTANEOUS_S + self.breaker_s);
        let mut ground = None;
        if (setting.ground.is_some() || self.delay_s > 0.0) && *ground_trip_a > 0.0 {
            let i_a = currents.iter().sum::<Complex64>().norm();
            ground = if instantaneous(*ground_instantaneous_a, i_a) {
                at_once
            } else {
                time(i_a, *ground_trip_a, &setting.ground, setting.ground_dial)
            };
        }
        let mut phase = None;
        if (setting.phase.is_some() || self.delay_s > 0.0) && *phase_trip_a > 0.0 {
            for i in currents {
                let i_a = i.norm();
                if instantaneous(*phase_instantaneous_a, i_a) {
                    phase = at_once;
                    break;
                }
                phase = sooner(phase, time(i_a, *phase_trip_a, &setting.phase, setting.phase_dial));
            }
        }
        sooner(ground, phase)
    }

    /// Overcurrent relays: a trip with its reclosing, taken back (with a reset to come) when the current has dropped.
    fn arm_with_reclosing(&self, state: &mut InterrupterState, time_s: Option<f64>, plant: &dyn Plant, queue: &mut ControlQueue) {
        match time_s {
            Some(time_s) if !state.armed_to_open => {
                trip(state, time_s + self.breaker_s, &self.intervals_s, self.n_reclosings, self.place.id, plant, queue);
                state.armed_to_close = true;
            }
            Some(_) => {}
            None if state.armed_to_open => {
                state.last_handle = Some(queue.push(&plant.clock(), self.reset_s, ActionCode::Reset, 0, self.place.id));
                state.armed_to_open = false;
                state.armed_to_close = false;
            }
            None => {}
        }
    }

    /// Relays of one shot: a trip locks out.
    fn arm_for_lockout(&self, state: &mut InterrupterState, picked_up: bool, time_s: f64, plant: &dyn Plant, queue: &mut ControlQueue) {
        if picked_up && !state.armed_to_open {
            state.last_handle = Some(queue.push(&plant.clock(), time_s + self.breaker_s, ActionCode::Open, 0, self.place.id));
            state.operation = self.n_reclosings + 1;
            state.armed_to_open = true;
        } else if !picked_up && state.armed_to_open {
            state.last_handle = Some(queue.push(&plant.clock(), self.reset_s, ActionCode::Reset, 0, self.place.id));
            state.armed_to_open = false;
        }
    }

    fn sample_voltage(
        &self,
        state: &mut InterrupterState,
        over: Option<&TimeCurve>,
        under: Option<&TimeCurve>,
        v_base_v: f64,
        plant: &dyn Plant,
        queue: &mut ControlQueue,
    ) {
        if state.locked_out {
            return;
        }
        let v = self.place.voltages(plant);
        let highest_pu = v.iter().map(|v| v.norm()).fold(0.0, f64::max) / v_base_v;
        let lowest_pu = v.iter().map(|v| v.norm()).fold(1e50, f64::min) / v_base_v;
        let clock = plant.clock();
        if !state.is_closed {
            if state.operation > self.n_reclosings {
                return;
            }
            if !state.armed_to_close {
                if highest_pu > 0.9 {
                    let interval_s = self.intervals_s.get(state.operation - 1).copied().unwrap_or(0.0);
                    state.last_handle = Some(queue.push(&clock, interval_s, ActionCode::Close, 0, self.place.id));
                    state.armed_to_close = true;
                }
            } else if highest_pu < 0.9 {
                state.armed_to_close = false;
            }
            return;
        }
        let over_s = positive(over.and_then(|c| c.overvoltage_time_s(highest_pu)));
        let under_s = positive(under.and_then(|c| c.undervoltage_time_s(lowest_pu)));
        match sooner(over_s, under_s) {
            Some(time_s) => {
                let trip_s = clock.second + time_s + self.breaker_s;
                if state.armed_to_open && trip_s < state.next_trip_s {
                    if let Some(handle) = state.last_handle.take() {
                        queue.delete(handle);
                    }
                    state.armed_to_open = false;
                }
                if !state.armed_to_open {
                    state.next_trip_s = trip_s;
                    state.last_handle = Some(queue.push(&clock, time_s + self.breaker_s, ActionCode::Open, 0, self.place.id));
                    state.armed_to_open = true;
                }
            }
            None if state.armed_to_open => {
                if let Some(handle) = state.last_handle.take() {
                    queue.delete(handle);
                }
                state.next_trip_s = -1.0;
                state.last_handle = Some(queue.push(&clock, self.reset_s, ActionCode::Reset, 0, self.place.id));
                state.armed_to_open = false;
            }
            None => {}
        }
    }

    fn sample_distance(&self, state: &mut InterrupterState, plant: &dyn Plant, queue: &mut ControlQueue) {
        let RelayLogic::Distance { z1, k0, phase_reach, ground_reach, reverse } = self.logic else { return };
        if state.locked_out {
            return;
        }
        let mut i = self.place.currents(plant);
        if reverse {
            i.iter_mut().for_each(|x| *x = -*x);
        }
        let v = self.place.voltages(plant);
        let residual = k0 * i.iter().sum::<Complex64>();
        let sees_fault = |a: usize, b: usize| {
            let (v_loop, i_loop, reach) =
                if a == b { (v[a], i[a] + residual, z1 * ground_reach) } else { (v[a] - v[b], i[a] - i[b], z1 * phase_reach) };
            let z = v_loop / i_loop;
            i_loop.norm_sqr() > 0.1 && z.re >= 0.0 && z.im >= DISTANCE_REACTANCE_MIN_OHM && z.re <= reach.re && z.im <= reach.im
        };
        let n = i.len().min(v.len());
        let picked_up = (0..n).any(|a| (a..n).any(|b| sees_fault(a, b)));
        if picked_up {
            if state.armed_to_reset {
                if let Some(handle) = state.last_handle.take() {
                    queue.delete(handle);
                }
                state.armed_to_reset = false;
            }
            if !state.armed_to_open {
                trip(state, self.delay_s + self.breaker_s, &self.intervals_s, self.n_reclosings, self.place.id, plant, queue);
                state.armed_to_close |= state.operation <= self.n_reclosings;
            }
            return;
        }
        if state.operation > 1 && !state.armed_to_reset {
            state.armed_to_reset = true;
            state.last_handle = Some(queue.push(&plant.clock(), self.reset_s, ActionCode::Reset, 0, self.place.id));
        }
        if state.armed_to_open {
            state.armed_to_open = false;
            state.armed_to_close = false;
        }
    }

    /// Time to the trip of a directional relay, s; zero is a time here.
    fn directional_time_s(&self, setting: &DirectionalSetting, plant: &dyn Plant) -> Option<f64> {
        let i = self.place.currents(plant);
        let v = self.place.voltages(plant);
        if setting.blocks_forward && (positive_sequence(&v) * positive_sequence(&i).conj()).re > 0.0 {
            return None;
        }
        let by_curve = |(curve, dial, trip_a): &(Option<TimeCurve>, f64, f64), i_a: f64| {
            curve.as_ref().map(|c| c.current_time_s(i_a / trip_a).map_or(-1.0, |t| t) * dial)
        };
        let outer = |i_a: f64| {
            if self.delay_s > 0.0 { Some(self.delay_s) } else { by_curve(&setting.outer, i_a).or((self.delay_s == 0.0).then_some(0.0)) }
        };
        let inner = |i_a: f64| {
            if setting.inner_delay_s > 0.0 {
                Some(setting.inner_delay_s)
            } else {
                by_curve(&setting.inner, i_a).or((setting.inner_delay_s == 0.0).then_some(self.delay_s))
            }
        };
        let upright = |tilt_deg: f64| tilt_deg == 90.0 || tilt_deg == 270.0;
        let left_of = |i: Complex64, tilt_deg: f64, at_a: f64| i.im < tilt_deg.to_radians().tan() * (i.re + at_a);
        let mut trip_s = None;
        for (i, v) in i.iter().zip(&v) {
            let i_a = i.norm();
            let seen = Complex64::from_polar(i_a, i.arg() - v.arg());
            let high_given = setting.high_a > 0.0;
            let beyond_high = || {
                if upright(setting.high_tilt_deg) {
                    seen.re < -setting.high_a
                } else {
                    left_of(seen, setting.high_tilt_deg, setting.high_a)
                }
            };
            let beyond_low =
                if upright(setting.low_tilt_deg) { seen.re <= -setting.low_a } else { left_of(seen, setting.low_tilt_deg, setting.low_a) };
            let in_circle = setting.circle_a > 0.0 && i_a <= setting.circle_a;
            let time_s = if beyond_low {
                match (setting.circle_a > 0.0, in_circle, high_given) {
                    (true, false, _) | (false, _, false) => outer(i_a),
                    (true, true, false) => inner(i_a),
                    _ if beyond_high() => outer(i_a),
                    _ => inner(i_a),
                }
            } else if !upright(setting.low_tilt_deg) && high_given && beyond_high() {
                outer(i_a)
            } else {
                None
            };
            trip_s = sooner(trip_s, time_s.filter(|&t| t >= 0.0));
        }
        trip_s
    }
}

fn rotation() -> Complex64 {
    Complex64::from_polar(1.0, 120f64.to_radians())
}

fn positive_sequence(x: &[Complex64]) -> Complex64 {
    let at = |i: usize| x.get(i).copied().unwrap_or_default();
    let a = rotation();
    (at(0) + a * at(1) + a * a * at(2)) / 3.0
}

fn negative_sequence(x: &[Complex64]) -> Complex64 {
    let at = |i: usize| x.get(i).copied().unwrap_or_default();
    let a = rotation();
    (at(0) + a * a * at(1) + a * at(2)) / 3.0
}

impl Control for RelayControl {
    type State = InterrupterState;

    fn initial(&self, plant: &mut dyn Plant) -> InterrupterState {
        InterrupterState::new(self.place.is_closed(plant), self.n_reclosings)
    }

    fn sample(&self, state: &mut InterrupterState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        state.is_closed = self.place.is_closed(plant);
        match &self.logic {
            RelayLogic::Current { .. } => {
                if state.is_closed {
                    let time_s = self.overcurrent_time_s(state.operation, &self.place.currents(plant));
                    self.arm_with_reclosing(state, time_s, plant, queue);
                }
            }
            RelayLogic::Directional(setting) => {
                if state.is_closed {
                    let time_s = self.directional_time_s(setting, plant);
                    self.arm_with_reclosing(state, time_s, plant, queue);
                }
            }
            RelayLogic::Voltage { over, under, v_base_v } => {
                self.sample_voltage(state, over.as_ref(), under.as_ref(), *v_base_v, plant, queue);
            }
            RelayLogic::ReversePower { limit_w } => {
                let p_w = plant.terminal_power_va(self.place.monitored, self.place.monitored_terminal).re;
                // Forward power neither arms nor disarms.
                if p_w < 0.0 {
                    self.arm_for_lockout(state, p_w.abs() > *limit_w, self.delay_s, plant, queue);
                }
            }
            RelayLogic::NegativeCurrent { pickup_a, base_a, i2t } => {
                let i_a = negative_sequence(&self.place.currents(plant)).norm();
                let time_s = if self.delay_s > 0.0 { self.delay_s } else { i2t / (i_a / base_a).powi(2) };
                self.arm_for_lockout(state, i_a >= *pickup_a, time_s, plant, queue);
            }
            RelayLogic::NegativeVoltage { pickup_v } => {
                let v_v = negative_sequence(&self.place.voltages(plant)).norm();
                self.arm_for_lockout(state, v_v >= *pickup_v, self.delay_s, plant, queue);
            }
            RelayLogic::Distance { .. } => self.sample_distance(state, plant, queue),
        }
    }

    fn act(&self, state: &mut InterrupterState, action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        match action.code {
            ActionCode::Open if state.is_closed && state.armed_to_open => {
                self.place.switch(None, false, plant);
                if state.operation > self.n_reclosings {
                    state.locked_out = true;
                    self.place.log(plant, ControlAction::LockedOut);
                }
                state.armed_to_open = false;
            }
            ActionCode::Close if !state.is_closed && state.armed_to_close && !state.locked_out => {
                self.place.switch(None, true, plant);
                state.operation += 1;
                state.armed_to_close = false;
            }
            ActionCode::Reset if state.armed_to_close && !state.locked_out => self.reset(state, plant),
            _ => {}
        }
    }

    fn reset(&self, state: &mut InterrupterState, plant: &mut dyn Plant) {
        let closed = self.normal == SwitchState::Closed;
        plant.set_closed(self.place.switched, self.place.switched_terminal, None, closed);
        *state = InterrupterState::new(closed, self.n_reclosings);
    }
}

#[cfg(test)]
mod tests;
