//! Controls: state machines that watch a solution and change taps, steps and switches.
//!
//! ```text
//! solve ──► sample every control, in order of creation ──► queue of actions, by time
//!   ▲                                                            │
//!   └──────────── actions that are due change the plant ◄────────┘
//! ```
//!
//! A control's constants are compiled once from the network; what changes lives in its `State`, so that any number of
//! states share one compiled control. A control sees the solution through [`Plant`] and nothing else, and every change it
//! makes is told to [`Plant::log`].
//!
//! The order of effects is that of OpenDSS: see [`ControlQueue`] for the order of actions.

pub mod capacitor;
pub mod exponential;
#[cfg(test)]
mod fake;
pub mod inverter;
mod inverter_report;
pub mod protection;
mod queue;
pub mod regulator;
mod set;
pub mod storage_controller;
pub mod switch;

pub(crate) use inverter_report::InverterReport;
pub use queue::{ControlQueue, QueuedAction};
pub use set::{Controls, ControlsState};

use crate::pc::{PvModel, PvState, StorageModel, StorageState};
use network::{BusId, ControlMode, ElementId, Network, SolutionMode, XyCurveId};
use num_complex::Complex64;
use thiserror::Error;

/// Why a control cannot be compiled.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// An element that the control needs is not named, or is of another kind.
    #[error("{control}: no {role} is given that it can work with")]
    NoElement { control: String, role: &'static str },
    /// The element has no such terminal or winding (counted from 1).
    #[error("{control}: {element} has no terminal {terminal}, only {n_terminals}")]
    NoSuchTerminal { control: String, element: String, terminal: usize, n_terminals: usize },
    /// A curve or shape that the control needs is missing.
    #[error("{control}: no {role} is given")]
    NoCurve { control: String, role: &'static str },
    /// What the control does is not modelled here.
    #[error("{control}: {what} is not supported")]
    Unsupported { control: String, what: String },
    /// A setting is not a number.
    #[error("{control}: setting {setting} is \"{value}\", not a number")]
    NotANumber { control: String, setting: &'static str, value: String },
}

/// Time of the solution, as controls need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// Whole hours.
    pub hour: i64,
    /// Seconds within the hour.
    pub second: f64,
    /// Length of a time step, s.
    pub step_s: f64,
    pub mode: SolutionMode,
    pub control_mode: ControlMode,
    /// Times that controls were sampled at this instant, from 1.
    pub control_iteration: u32,
}

impl Clock {
    /// Hours and their fraction.
    pub fn hours(&self) -> f64 {
        self.hour as f64 + self.second / 3600.0
    }

    /// Seconds since hour 0.
    pub fn seconds(&self) -> f64 {
        self.hour as f64 * 3600.0 + self.second
    }

    /// Hour of the day, above 0 up to 24; 0 only at the very start of the clock.
    pub fn hour_of_day(&self) -> f64 {
        let hour = if self.hour > 24 { (self.hour - 1) % 24 + 1 } else { self.hour };
        let hours = hour as f64 + self.second / 3600.0;
        if hours - 24.0 > 1e-12 { hours - 24.0 } else { hours }
    }
}

/// What a control may read of a solution and change in it; the solver implements it.
///
/// Terminals, windings and conductors are counted from 0. Buffers are cleared before they are filled.
pub trait Plant {
    fn network(&self) -> &Network;

    fn clock(&self) -> Clock;

    /// Voltages of a terminal's conductors to earth, V.
    fn terminal_voltages(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>);

    /// Currents into a terminal's conductors, A, as they are reported.
    fn terminal_currents(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>);

    /// Power into a terminal, VA.
    fn terminal_power_va(&self, id: ElementId, terminal: usize) -> Complex64 {
        let (mut v, mut i) = (Vec::new(), Vec::new());
        self.terminal_voltages(id, terminal, &mut v);
        self.terminal_currents(id, terminal, &mut i);
        v.iter().zip(&i).map(|(v, i)| v * i.conj()).sum()
    }

    /// Voltages across a winding, V, one a phase
    /// ([`TransformerModel::winding_voltages`](crate::yprim::transformer::TransformerModel::winding_voltages)).
    fn winding_voltages(&self, transformer: ElementId, winding: usize, out: &mut Vec<Complex64>);

    /// Voltages to earth of nodes of a bus, V; zero for node 0 and for one that no element has.
    fn bus_voltages(&self, bus: BusId, nodes: &[u32], out: &mut Vec<Complex64>);

    /// Line-to-neutral base of a bus, kV; 0 when none is assigned.
    fn bus_kv_base_ln(&self, bus: BusId) -> f64;

    /// Present tap of a winding, per unit.
    fn tap(&self, transformer: ElementId, winding: usize) -> f64;

    /// Sets a tap, which the caller has kept within its limits.
    fn set_tap(&mut self, transformer: ElementId, winding: usize, tap_pu: f64);

    /// Which steps of a capacitor are in service.
    fn capacitor_steps(&self, capacitor: ElementId) -> &[bool];

    fn set_capacitor_steps(&mut self, capacitor: ElementId, steps: &[bool]);

    fn is_closed(&self, id: ElementId, terminal: usize, conductor: usize) -> bool;

    /// Whether all phases of a terminal are closed.
    fn is_terminal_closed(&self, id: ElementId, terminal: usize) -> bool {
        let n_phases = self.network().common(id).n_phases;
        (0..n_phases).all(|conductor| self.is_closed(id, terminal, conductor))
    }

    /// Opens or closes one conductor of a terminal, or all its phases with `None`.
    fn set_closed(&mut self, id: ElementId, terminal: usize, conductor: Option<usize>, closed: bool);

    /// A PV system; `None` when the plant does not model it.
    fn pv(&self, _id: ElementId) -> Option<(&PvModel, &PvState)> {
        None
    }

    fn pv_mut(&mut self, _id: ElementId) -> Option<(&PvModel, &mut PvState)> {
        None
    }

    /// A storage unit; `None` when the plant does not model it.
    fn storage(&self, _id: ElementId) -> Option<(&StorageModel, &StorageState)> {
        None
    }

    fn storage_mut(&mut self, _id: ElementId) -> Option<(&StorageModel, &mut StorageState)> {
        None
    }

    /// Value of a curve. A plant remembers where it found the last one, as [`XyCurve::y_at_from`](network::XyCurve::y_at_from) says.
    fn curve_at(&mut self, id: XyCurveId, x: f64) -> f64 {
        self.network().xy_curves[id.index()].y_at(x)
    }

    /// Slope and intercept of a curve's line at `x`, with the same memory.
    fn curve_line_at(&mut self, id: XyCurveId, x: f64) -> (f64, f64) {
        self.network().xy_curves[id.index()].line_at_from(x, &mut 0)
    }

    /// Has a PV system or storage unit follow its set points at once, so that what it really gives can be read.
    fn update_converter(&mut self, _id: ElementId) {}

    /// Has all converters take the powers of the moment anew before the next solution.
    fn request_update(&mut self) {}

    /// Moves the clock to the time of an event.
    fn set_time(&mut self, hour: i64, second: f64);

    /// Takes note of what a control did.
    fn log(&mut self, event: ControlEvent);
}

/// Something that a control did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlEvent {
    /// The control.
    pub control: ElementId,
    /// What it acted on.
    pub element: ElementId,
    pub hour: i64,
    pub second: f64,
    pub action: ControlAction,
}

/// What was done, with the values before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ControlAction {
    /// The tap of a winding (0-based) moved by so many steps.
    TapMoved { winding: usize, steps: i32, before_pu: f64, after_pu: f64 },
    /// Capacitor steps were switched: numbers of steps in service.
    StepsSwitched { before: usize, after: usize },
    /// A conductor, or all phases, of a terminal was opened or closed.
    Switched { terminal: usize, conductor: Option<usize>, closed: bool },
    /// A regulator turned to look the other way, or back.
    Reversed { reverse: bool },
    /// A regulator entered or left the settings for cogeneration.
    Cogeneration { active: bool },
    /// The control has tripped for good and stays so until it is reset.
    LockedOut,
    /// The control ends its earlier decision to act.
    Reset,
    /// A set point was moved.
    SetPointMoved { quantity: SetPoint, before: f64, after: f64 },
}

/// Quantity of a set point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetPoint {
    ActivePowerKw,
    ReactivePowerKvar,
    PowerFactor,
}

/// What a control asks to be done when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActionCode {
    /// Move the tap.
    TapChange,
    /// Turn to look the other way.
    Reverse,
    Open,
    Close,
    /// Forget earlier operations.
    Reset,
    Lock,
    Unlock,
    /// A set point is due; the number is the control's own.
    SetPoint(i32),
}

/// A control: constants here, what changes in `State`.
pub trait Control {
    type State: Clone;

    /// The state before anything was solved, from the plant as it stands; may bring the plant in line with the control.
    fn initial(&self, plant: &mut dyn Plant) -> Self::State;

    /// Looks at the solution and queues actions.
    fn sample(&self, state: &mut Self::State, plant: &mut dyn Plant, queue: &mut ControlQueue);

    /// Does a queued action whose time has come.
    fn act(&self, state: &mut Self::State, action: &QueuedAction, plant: &mut dyn Plant, queue: &mut ControlQueue);

    /// Forgets pending decisions, as the command `reset controls` and a change of mode do.
    fn reset(&self, state: &mut Self::State, plant: &mut dyn Plant);

    /// What the control does when a time step is over, before the next begins.
    fn end_of_step(&self, _state: &mut Self::State, _plant: &mut dyn Plant) {}
}

/// The element in some role of a control and its terminal, checked.
fn element_at(
    network: &Network,
    control: ElementId,
    element: Option<ElementId>,
    terminal: usize,
    role: &'static str,
) -> Result<(ElementId, usize), ControlError> {
    let Some(element) = element else {
        return Err(ControlError::NoElement { control: network.full_name(control), role });
    };
    let n_terminals = network.common(element).terminals.len();
    if terminal < n_terminals {
        Ok((element, terminal))
    } else {
        let (control, element) = (network.full_name(control), network.full_name(element));
        Err(ControlError::NoSuchTerminal { control, element, terminal: terminal + 1, n_terminals })
    }
}
