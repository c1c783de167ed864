//! All controls of a network together: sampled in the order of their creation,
//! acting through one queue.
//!
//! With controls static, one control iteration samples every control and then
//! does the actions of the earliest time in the queue, all of them, leaving the
//! clock where it is; the solution has settled when the queue is empty after
//! the sampling. With controls in time, actions are done when the clock has
//! come to them.

use super::InverterReport;
use super::capacitor::CapacitorSwitching;
use super::exponential::ExponentialController;
use super::inverter::InverterController;
use super::protection::{FuseControl, RecloserControl, RelayControl};
use super::regulator::Regulator;
use super::storage_controller::FleetController;
use super::switch::Switching;
use super::{Control, ControlError, ControlQueue, Plant, QueuedAction};
use network::{ControlMode, ElementId, ElementKind, Network};
use std::collections::HashMap;

macro_rules! controls {
    ($($kind:ident => $control:ident;)*) => {
        /// A compiled control of any kind.
        #[derive(Clone, Debug)]
        enum Any { $($kind(Box<$control>),)* }

        /// The state of a control of any kind.
        #[derive(Clone, Debug)]
        enum AnyState { $($kind(Box<<$control as Control>::State>),)* }

        impl Any {
            /// `None` for an element that is no control that acts.
            fn compile(network: &Network, id: ElementId) -> Result<Option<Self>, ControlError> {
                Ok(match id.kind {
                    $(ElementKind::$kind => Some(Self::$kind(Box::new($control::compile(network, id.index())?))),)*
                    _ => None,
                })
            }

            fn initial(&self, plant: &mut dyn Plant) -> AnyState {
                match self { $(Self::$kind(control) => AnyState::$kind(Box::new(control.initial(plant))),)* }
            }

            fn sample(&self, state: &mut AnyState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
                match (self, state) {
                    $((Self::$kind(control), AnyState::$kind(state)) => control.sample(state, plant, queue),)*
                    _ => mixed(),
                }
            }

            fn act(&self, state: &mut AnyState, action: &QueuedAction, plant: &mut dyn Plant, queue: &mut ControlQueue) {
                match (self, state) {
                    $((Self::$kind(control), AnyState::$kind(state)) => control.act(state, action, plant, queue),)*
                    _ => mixed(),
                }
            }

            fn reset(&self, state: &mut AnyState, plant: &mut dyn Plant) {
                match (self, state) {
                    $((Self::$kind(control), AnyState::$kind(state)) => control.reset(state, plant),)*
                    _ => mixed(),
                }
            }

            fn end_of_step(&self, state: &mut AnyState, plant: &mut dyn Plant) {
                match (self, state) {
                    $((Self::$kind(control), AnyState::$kind(state)) => control.end_of_step(state, plant),)*
                    _ => mixed(),
                }
            }
        }
    };
}

// A further kind of control is a line here, with `compile(&Network, index)`.
controls! {
    RegulatorControl => Regulator;
    CapacitorControl => CapacitorSwitching;
    InverterControl => InverterController;
    ExponentialControl => ExponentialController;
    StorageController => FleetController;
    SwitchControl => Switching;
    Fuse => FuseControl;
    Relay => RelayControl;
    Recloser => RecloserControl;
}

/// A control and the state of another one came together: a bug.
fn mixed() -> ! {
    unreachable!("a control's state belongs to another control")
}

/// The enabled controls of a network, in the order of their creation; shared by any number of states.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    controls: Vec<(ElementId, Any)>,
    position: HashMap<ElementId, usize>,
}

/// What changes in all controls, and the queue of their actions.
#[derive(Clone, Debug, Default)]
pub struct ControlsState {
    states: Vec<AnyState>,
    pub queue: ControlQueue,
}

impl Controls {
    /// Compiles the enabled controls of a network.
    ///
    /// # Errors
    /// The first control that watches or moves something that it cannot, and why.
    pub fn compile(network: &Network) -> Result<Self, (ElementId, ControlError)> {
        let mut all = Self::default();
        for &id in network.order.iter().filter(|&&id| network.common(id).enabled) {
            if let Some(control) = Any::compile(network, id).map_err(|e| (id, e))? {
                all.position.insert(id, all.controls.len());
                all.controls.push((id, control));
            }
        }
        Ok(all)
    }

    /// Whether a control moves set points of converters, so that each step depends on the one before by more than taps and switches.
    pub fn move_converters(&self) -> bool {
        let moves = |c: &Any| matches!(c, Any::InverterControl(_) | Any::ExponentialControl(_) | Any::StorageController(_));
        self.controls.iter().any(|(_, c)| moves(c))
    }

    /// The state before anything was solved; brings the plant in line with the controls where they ask for it.
    pub fn initial(&self, plant: &mut dyn Plant) -> ControlsState {
        ControlsState { states: self.controls.iter().map(|(_, c)| c.initial(plant)).collect(), queue: ControlQueue::new() }
    }

    /// One control iteration after a solution; true when nothing was left to do.
    pub fn iterate(&self, state: &mut ControlsState, plant: &mut dyn Plant) -> bool {
        let mode = plant.clock().control_mode;
        if mode == ControlMode::Off {
            return true;
        }
        for ((_, control), own) in self.controls.iter().zip(&mut state.states) {
            control.sample(own, plant, &mut state.queue);
        }
        let Some((mut hour, mut second)) = state.queue.next_time() else { return true };
        let clock = plant.clock();
        match mode {
            // The earliest group, whenever it is due; events carry the clock with them.
            ControlMode::Static | ControlMode::Off => {}
            ControlMode::Event => plant.set_time(hour, second),
            ControlMode::Time | ControlMode::MultiRate => (hour, second) = (clock.hour, clock.second),
        }
        let mut nothing_done = true;
        while let Some(action) = state.queue.pop_due(hour, second) {
            nothing_done = false;
            if let Some(&i) = self.position.get(&action.owner) {
                self.controls[i].1.act(&mut state.states[i], &action, plant, &mut state.queue);
            }
        }
        nothing_done
    }

    /// Resets all controls and empties the queue.
    pub fn reset(&self, state: &mut ControlsState, plant: &mut dyn Plant) {
        state.queue.clear();
        for ((_, control), own) in self.controls.iter().zip(&mut state.states) {
            control.reset(own, plant);
        }
    }

    /// The last control that tells something of an inverter, and the unit's place in it.
    pub(crate) fn inverter_position(&self, unit: ElementId) -> Option<(usize, usize)> {
        let place = |control: &Any| match control {
            Any::InverterControl(c) => c.place_of(unit),
            Any::ExponentialControl(c) => c.place_of(unit),
            _ => None,
        };
        self.controls.iter().enumerate().rev().find_map(|(i, (_, control))| place(control).map(|k| (i, k)))
    }

    /// What control number `control` tells of its unit number `unit`, since its last look.
    pub(crate) fn inverter_report(&self, state: &ControlsState, control: usize, unit: usize) -> Option<InverterReport> {
        match (&self.controls.get(control)?.1, state.states.get(control)?) {
            (Any::InverterControl(c), AnyState::InverterControl(s)) => c.report(s, unit),
            (Any::ExponentialControl(c), AnyState::ExponentialControl(s)) => c.report(s, unit),
            _ => None,
        }
    }

    /// What controls do when a time step is over.
    pub fn end_of_step(&self, state: &mut ControlsState, plant: &mut dyn Plant) {
        for ((_, control), own) in self.controls.iter().zip(&mut state.states) {
            control.end_of_step(own, plant);
        }
    }
}

impl ControlsState {
    /// Takes over from `last`, a state of the controls `before`, what the controls of `now` remember and have in the queue, where `is_same` says
    /// that a control's data did not change.
    pub fn adopt(&mut self, now: &Controls, last: &Self, before: &Controls, is_same: impl Fn(ElementId) -> bool) {
        self.queue.clone_from(&last.queue);
        self.queue.retain_owners(|id| now.position.contains_key(&id) && before.position.contains_key(&id) && is_same(id));
        for ((id, _), state) in now.controls.iter().zip(&mut self.states) {
            if let Some(&old) = before.position.get(id).filter(|_| is_same(*id)) {
                state.clone_from(&last.states[old]);
            }
        }
    }
}
