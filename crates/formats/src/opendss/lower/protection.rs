//! Switch controls, fuses, relays and reclosers.
//!
//! `State` and, for protective devices, `Action` open or close the switched terminal when they are
//! given; the first of them also sets the normal state unless that was given. `Action` and `Normal`
//! of a switch control are commands that it carries out in the control loop. A locked switch control
//! takes no orders. The device watches and switches the same terminal unless it is told otherwise.
//! Checked against DSS C-API 0.14.5.

use network::{ElementId, ElementKind, Fuse, Network, Protection, Recloser, Relay, SwitchControl, SwitchState, TccCurveId};

use super::typed::Given;
use super::unmodelled::settings;
use super::{Context, END, Result};
use crate::opendss::class::ClassId;
use crate::opendss::class::control::{fuse, recloser, relay, swt_control};
use crate::opendss::class::enums::RELAY_TYPE;
use crate::opendss::object::{ObjectId, Value};

fn switch_state(number: i32) -> SwitchState {
    if number == 1 { SwitchState::Open } else { SwitchState::Closed }
}

fn switch_control_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<SwitchControl> {
    use swt_control::Property as P;
    let object = ctx.store.get(id);
    let mut normal_given = false;
    let mut s = SwitchControl {
        common: ctx.common(object, 3),
        switched: None,
        terminal: 0,
        normal: SwitchState::Closed,
        state: SwitchState::Closed,
        command: SwitchState::Closed,
        locked: false,
        delay_s: 120.0,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::SwitchedObj => s.switched = ctx.element(object, a)?,
            P::SwitchedTerm => s.terminal = given.position()?,
            P::Action | P::State if s.locked => {}
            P::Action => {
                s.command = switch_state(given.integer()?);
                if !normal_given {
                    (s.normal, normal_given) = (s.command, true);
                }
            }
            P::State => {
                s.state = switch_state(given.integer()?);
                s.command = s.state;
                if !normal_given {
                    (s.normal, normal_given) = (s.state, true);
                }
            }
            P::Normal => {
                s.normal = switch_state(given.integer()?);
                s.command = s.normal;
                normal_given = true;
            }
            P::Lock => s.locked = given.boolean()?,
            P::Delay => s.delay_s = given.real()?,
            P::Reset => {
                if given.boolean()? && !s.locked {
                    s.state = s.normal;
                    s.command = s.normal;
                }
            }
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let common = s.common;
                    s = switch_control_before(ctx, other, a.command)?;
                    s.common = common;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_switch_control(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = switch_control_before(ctx, id, END)?;
    if s.switched.is_none() {
        return Err(missing_switch(ctx, id));
    }
    ctx.add(id, s);
    Ok(())
}

fn missing_switch(ctx: &Context<'_>, id: ObjectId) -> Box<network::Diagnostic> {
    let object = ctx.store.get(id);
    ctx.error(object, object.source, "READ.OPENDSS.MISSING_ELEMENT", "the element that it switches is not set")
}

/// What all three protective devices keep, with whether the normal state was given.
struct Device {
    protection: Protection,
    normal_given: bool,
}

impl Device {
    fn new(n_states: usize, delay_s: f64) -> Self {
        let closed = vec![SwitchState::Closed; n_states];
        let protection = Protection {
            monitored: None,
            monitored_terminal: 0,
            switched: None,
            switched_terminal: 0,
            normal: closed.clone(),
            state: closed,
            delay_s,
        };
        Self { protection, normal_given: false }
    }

    /// What is watched is also switched until told otherwise.
    fn watch(&mut self, element: Option<ElementId>) {
        self.protection.monitored = element;
        self.protection.switched = element;
    }

    fn watch_terminal(&mut self, terminal: usize) {
        self.protection.monitored_terminal = terminal;
        self.protection.switched_terminal = terminal;
    }

    fn set_normal(&mut self, set: impl Fn(&mut Vec<SwitchState>)) {
        set(&mut self.protection.normal);
        self.normal_given = true;
    }

    fn set_state(&mut self, set: impl Fn(&mut Vec<SwitchState>)) {
        set(&mut self.protection.state);
        if !self.normal_given {
            self.protection.normal = self.protection.state.clone();
            self.normal_given = true;
        }
    }
}

/// Sets all states to one.
fn all(state: SwitchState) -> impl Fn(&mut Vec<SwitchState>) {
    move |states| states.fill(state)
}

/// Sets the states that are given, phase by phase.
fn by_phase(given: &[Option<i32>]) -> impl Fn(&mut Vec<SwitchState>) {
    move |states| {
        for (to, from) in states.iter_mut().zip(given) {
            if let Some(number) = from {
                *to = switch_state(*number);
            }
        }
    }
}

fn enums<'a>(given: &Given<'_, 'a>) -> Result<std::sync::Arc<[Option<i32>]>> {
    match &given.assignment.value {
        Value::Enums(words) => Ok(words.clone()),
        Value::Enum(number) => Ok([Some(*number)].into()),
        _ => Err(given.ctx.mismatch(given.object, given.assignment)),
    }
}

fn built_in_curve(ctx: &Context<'_>, name: &str) -> Option<TccCurveId> {
    ctx.store.find(ClassId::TccCurve, name).map(|id| ctx.place(id).into())
}

fn fuse_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Fuse> {
    use fuse::Property as P;
    let object = ctx.store.get(id);
    let mut common = ctx.common(object, 3);
    let mut device = Device::new(3, 0.0);
    let mut curve = built_in_curve(ctx, "tlink");
    let mut rated_a = 1.0;
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::MonitoredObj => device.watch(ctx.element(object, a)?),
            P::MonitoredTerm => device.watch_terminal(given.position()?),
            P::SwitchedObj => device.protection.switched = ctx.element(object, a)?,
            P::SwitchedTerm => device.protection.switched_terminal = given.position()?,
            P::FuseCurve => curve = given.reference()?,
            P::RatedCurrent => rated_a = given.real()?,
            P::Delay => device.protection.delay_s = given.real()?,
            P::Action => device.set_state(all(switch_state(given.integer()?))),
            P::Normal => device.set_normal(by_phase(&enums(&given)?)),
            P::State => device.set_state(by_phase(&enums(&given)?)),
            P::BaseFreq => common.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = fuse_before(ctx, other, a.command)?;
                    device.protection = other.protection;
                    curve = other.curve;
                    rated_a = other.rated_a;
                }
            }
        }
    }
    Ok(Fuse { common, protection: device.protection, curve, rated_a })
}

pub fn lower_fuse(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let fuse = fuse_before(ctx, id, END)?;
    if fuse.protection.switched.is_none() {
        return Err(missing_switch(ctx, id));
    }
    ctx.add(id, fuse);
    Ok(())
}

/// The times between reclosings: one fewer than shots.
fn intervals(given: &[f64], shots: u32) -> Vec<f64> {
    let mut intervals = given.to_vec();
    intervals.truncate(shots.saturating_sub(1) as usize);
    intervals
}

/// Number of the directional over-current type in [`RELAY_TYPE`].
const RELAY_DIRECTIONAL: i32 = 9;

const RECLOSE_INTERVALS_S: [f64; 3] = [0.5, 2.0, 2.0];

fn relay_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Relay> {
    use relay::Property as P;
    let object = ctx.store.get(id);
    let mut device = Device::new(1, 0.0);
    let mut s = Relay {
        common: ctx.common(object, 3),
        protection: Device::new(1, 0.0).protection,
        relay_type: "current".into(),
        phase_curve: None,
        ground_curve: None,
        phase_trip: 1.0,
        ground_trip: 1.0,
        phase_instantaneous: 0.0,
        ground_instantaneous: 0.0,
        time_dial_phase: 1.0,
        time_dial_ground: 1.0,
        shots: 4,
        reclose_intervals_s: RECLOSE_INTERVALS_S.to_vec(),
        breaker_time_s: 0.0,
        settings: Vec::new(),
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::MonitoredObj => device.watch(ctx.element(object, a)?),
            P::MonitoredTerm => device.watch_terminal(given.position()?),
            P::SwitchedObj => device.protection.switched = ctx.element(object, a)?,
            P::SwitchedTerm => device.protection.switched_terminal = given.position()?,
            P::Type => {
                let number = given.integer()?;
                s.relay_type = RELAY_TYPE.word(number).unwrap_or("current").to_lowercase();
                // Types other than over-current (plain and directional) and voltage come with a delay, and these three with shots.
                device.protection.delay_s = if matches!(number, 0 | 1 | RELAY_DIRECTIONAL) { 0.0 } else { 0.1 };
                match number {
                    0 => (s.shots, s.reclose_intervals_s) = (4, RECLOSE_INTERVALS_S.to_vec()),
                    1 => s.shots = 2,
                    RELAY_DIRECTIONAL => s.shots = 1,
                    _ => {}
                }
            }
            P::PhaseCurve => s.phase_curve = given.reference()?,
            P::GroundCurve => s.ground_curve = given.reference()?,
            P::PhaseTrip => s.phase_trip = given.real()?,
            P::GroundTrip => s.ground_trip = given.real()?,
            P::TDPhase => s.time_dial_phase = given.real()?,
            P::TDGround => s.time_dial_ground = given.real()?,
            P::PhaseInst => s.phase_instantaneous = given.real()?,
            P::GroundInst => s.ground_instantaneous = given.real()?,
            P::Shots => s.shots = given.integer()?.max(1) as u32,
            P::RecloseIntervals => s.reclose_intervals_s = intervals(given.reals()?, s.shots),
            P::Delay => device.protection.delay_s = given.real()?,
            P::BreakerTime => s.breaker_time_s = given.real()?,
            P::Action | P::State => device.set_state(all(switch_state(given.integer()?))),
            P::Normal => device.set_normal(all(switch_state(given.integer()?))),
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = relay_before(ctx, other, a.command)?;
                    device.protection = other.protection.clone();
                    s = Relay { common: s.common, ..other };
                }
            }
            // These act while a fault runs; they stay as written.
            P::Reset
            | P::OvervoltCurve
            | P::UndervoltCurve
            | P::KVBase
            | P::F47PctPickup
            | P::F46BaseAmps
            | P::F46PctPickup
            | P::F46Isqt
            | P::Variable
            | P::Overtrip
            | P::Undertrip
            | P::Z1Mag
            | P::Z1Ang
            | P::Z0Mag
            | P::Z0Ang
            | P::MPhase
            | P::MGround
            | P::EventLog
            | P::DebugTrace
            | P::DistReverse
            | P::DOCTiltAngleLow
            | P::DOCTiltAngleHigh
            | P::DOCTripSettingLow
            | P::DOCTripSettingHigh
            | P::DOCTripSettingMag
            | P::DOCDelayInner
            | P::DOCPhaseCurveInner
            | P::DOCPhaseTripInner
            | P::DOCTDPhaseInner
            | P::DOCP1Blocking
            | P::Enabled => {}
        }
    }
    s.protection = device.protection;
    s.settings = settings(object);
    Ok(s)
}

pub fn lower_relay(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let relay = relay_before(ctx, id, END)?;
    if relay.protection.switched.is_none() {
        return Err(missing_switch(ctx, id));
    }
    ctx.add(id, relay);
    Ok(())
}

fn recloser_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Recloser> {
    use recloser::Property as P;
    let object = ctx.store.get(id);
    let mut device = Device::new(1, 0.0);
    let mut s = Recloser {
        common: ctx.common(object, 3),
        protection: Device::new(1, 0.0).protection,
        phase_fast: built_in_curve(ctx, "a"),
        phase_delayed: built_in_curve(ctx, "d"),
        ground_fast: None,
        ground_delayed: None,
        phase_trip: 1.0,
        ground_trip: 1.0,
        phase_instantaneous: 0.0,
        ground_instantaneous: 0.0,
        n_fast: 1,
        shots: 4,
        reclose_intervals_s: RECLOSE_INTERVALS_S.to_vec(),
        settings: Vec::new(),
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::MonitoredObj => device.watch(ctx.element(object, a)?),
            P::MonitoredTerm => device.watch_terminal(given.position()?),
            P::SwitchedObj => device.protection.switched = ctx.element(object, a)?,
            P::SwitchedTerm => device.protection.switched_terminal = given.position()?,
            P::NumFast => s.n_fast = given.integer()?.max(0) as u32,
            P::PhaseFast => s.phase_fast = given.reference()?,
            P::PhaseDelayed => s.phase_delayed = given.reference()?,
            P::GroundFast => s.ground_fast = given.reference()?,
            P::GroundDelayed => s.ground_delayed = given.reference()?,
            P::PhaseTrip => s.phase_trip = given.real()?,
            P::GroundTrip => s.ground_trip = given.real()?,
            P::PhaseInst => s.phase_instantaneous = given.real()?,
            P::GroundInst => s.ground_instantaneous = given.real()?,
            P::Shots => s.shots = given.integer()?.max(1) as u32,
            P::RecloseIntervals => s.reclose_intervals_s = intervals(given.reals()?, s.shots),
            P::Delay => device.protection.delay_s = given.real()?,
            P::Action | P::State => device.set_state(all(switch_state(given.integer()?))),
            P::Normal => device.set_normal(all(switch_state(given.integer()?))),
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            // These act while a fault runs; they stay as written.
            P::Reset | P::TDPhFast | P::TDGrFast | P::TDPhDelayed | P::TDGrDelayed | P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = recloser_before(ctx, other, a.command)?;
                    device.protection = other.protection.clone();
                    s = Recloser { common: s.common, ..other };
                }
            }
        }
    }
    s.protection = device.protection;
    s.settings = settings(object);
    Ok(s)
}

pub fn lower_recloser(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let recloser = recloser_before(ctx, id, END)?;
    if recloser.protection.switched.is_none() {
        return Err(missing_switch(ctx, id));
    }
    ctx.add(id, recloser);
    Ok(())
}

/// Opens the terminals of elements whose switch control, fuse, relay or recloser is open, in the
/// order of creation; also those of a disabled one, since the state acted when it was given.
pub(super) fn open_switched(network: &mut Network) {
    for id in network.order.clone() {
        let (switched, terminal, states) = match id.kind {
            ElementKind::SwitchControl => {
                let s = &network.switch_controls[id.index()];
                (s.switched, s.terminal, vec![s.state])
            }
            ElementKind::Fuse => of(&network.fuses[id.index()].protection),
            ElementKind::Relay => of(&network.relays[id.index()].protection),
            ElementKind::Recloser => of(&network.reclosers[id.index()].protection),
            _ => continue,
        };
        let Some(switched) = switched else { continue };
        let Some(terminal) = network.common_mut(switched).terminals.get_mut(terminal) else { continue };
        for (i, closed) in terminal.closed.iter_mut().enumerate() {
            // One state stands for all phases.
            let state = if states.len() == 1 { states[0] } else { states.get(i).copied().unwrap_or_default() };
            *closed &= state == SwitchState::Closed;
        }
    }
}

fn of(protection: &Protection) -> (Option<ElementId>, usize, Vec<SwitchState>) {
    (protection.switched, protection.switched_terminal, protection.state.clone())
}
