//! All controls of a circuit together: sampling in order of creation, actions in
//! order of time.
//!
//! With controls static, one control iteration samples every control and then
//! does the actions of the earliest time in the queue, all of them, leaving the
//! clock where it is; the solution has settled when the queue is empty after
//! that. With controls in time, actions are done when the clock has come to
//! them.

use super::{Control, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction};
use crate::error::{CircuitError, Place};
use crate::plant::StatePlant;
use crate::state::State;
use network::{ControlMode, ElementId, ElementKind, ModeOfChange, Network};
use std::collections::HashMap;

macro_rules! controls {
    ($($kind:ident => $variant:ident($type:ty)),* $(,)?) => {
        /// A compiled control of any kind with its state.
        #[derive(Clone, Debug)]
        enum Any {
            $($variant(Box<$type>, Box<<$type as Control>::State>),)*
        }

        impl Any {
            /// The control of an element; `None` when the element is no control that acts.
            fn compile(network: &Network, id: ElementId, plant: &mut dyn Plant) -> Result<Option<Self>, ControlError> {
                Ok(match id.kind {
                    $(ElementKind::$kind => {
                        let control = <$type>::compile(network, id.index())?;
                        let state = control.initial(plant);
                        Some(Self::$variant(Box::new(control), Box::new(state)))
                    })*
                    _ => None,
                })
            }

            fn sample(&mut self, plant: &mut dyn Plant, queue: &mut ControlQueue) {
                match self { $(Self::$variant(c, s) => c.sample(s, plant, queue),)* }
            }

            fn act(&mut self, action: &QueuedAction, plant: &mut dyn Plant, queue: &mut ControlQueue) {
                match self { $(Self::$variant(c, s) => c.act(s, action, plant, queue),)* }
            }

            fn end_of_step(&mut self, plant: &mut dyn Plant) {
                match self { $(Self::$variant(c, s) => c.end_of_step(s, plant),)* }
            }

            /// Takes over the state of the same control in an earlier solution.
            fn adopt(&mut self, old: &Self) {
                match (self, old) {
                    $((Self::$variant(_, s), Self::$variant(_, old)) => s.clone_from(old),)*
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
            }
        }
    };
}

controls! {
    RegulatorControl => Regulator(super::regulator::Regulator),
    CapacitorControl => Capacitor(super::capacitor::CapacitorSwitching),
    SwitchControl => Switch(super::switch::Switching),
}

/// Compiled controls, their states, and the queue between them.
#[derive(Clone, Debug, Default)]
pub struct ControlSet {
    controls: Vec<(ElementId, Any)>,
    by_id: HashMap<ElementId, usize>,
    queue: ControlQueue,
    /// Controls that acted in the last control iteration.
    acted: Vec<ElementId>,
    /// What the controls did, in order.
    pub events: Vec<ControlEvent>,
}

impl ControlSet {
    /// Compiles the enabled controls of a state's network, in order of creation.
    ///
    /// # Errors
    /// A control that watches or moves something that it cannot.
    pub fn new(state: &mut State) -> Result<Self, CircuitError> {
        let circuit = std::sync::Arc::clone(state.circuit());
        let network = circuit.network();
        let mut set = Self::default();
        for &id in &network.order {
            if !network.common(id).enabled {
                continue;
            }
            let mut plant = StatePlant { state, events: &mut set.events, control_iteration: 0 };
            let control = Any::compile(network, id, &mut plant)
                .map_err(|reason| CircuitError::Element { place: Place::of(network, id), reason: Box::new(reason) })?;
            if let Some(control) = control {
                set.by_id.insert(id, set.controls.len());
                set.controls.push((id, control));
            }
        }
        Ok(set)
    }

    /// Takes over the states of controls whose data did not change.
    pub fn adopt(&mut self, last: &Self, before: &Network, now: &Network) {
        for (id, control) in &mut self.controls {
            if let Some(&i) = last.by_id.get(id)
                && crate::session::unchanged(before, now, *id)
            {
                control.adopt(&last.controls[i].1);
            }
        }
    }

    /// Controls that still wanted to act when a solution ended.
    pub fn waiting(&self) -> Vec<ElementId> {
        let mut waiting: Vec<ElementId> = self.queue.actions().iter().map(|a| a.owner).chain(self.acted.iter().copied()).collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }

    /// Positions of switches, fuses, relays and reclosers that differ from the network's.
    pub fn switch_changes(&self, _network: &Network) -> Vec<(ElementId, ModeOfChange)> {
        Vec::new()
    }

    /// Lets every control look at the solution, then does the actions that are due.
    ///
    /// Returns whether nothing is left to do at this moment. `control_iteration` counts from 1.
    pub fn sample_and_act(&mut self, state: &mut State, control_iteration: u32) -> bool {
        let mode = state.options.control_mode;
        if mode == ControlMode::Off {
            return true;
        }
        let mut plant = StatePlant { state, events: &mut self.events, control_iteration };
        for (_, control) in &mut self.controls {
            control.sample(&mut plant, &mut self.queue);
        }
        let (hour, second) = match mode {
            // The earliest group, whenever it is due.
            ControlMode::Static | ControlMode::Event => match self.queue.next_time() {
                Some(time) => time,
                None => return true,
            },
            _ => (plant.state.options.hour, plant.state.options.second),
        };
        let mut acted = false;
        self.acted.clear();
        while let Some(action) = self.queue.pop_due(hour, second) {
            acted = true;
            self.acted.push(action.owner);
            if let Some(&i) = self.by_id.get(&action.owner) {
                self.controls[i].1.act(&action, &mut plant, &mut self.queue);
            }
        }
        if mode == ControlMode::Event && acted {
            // Events carry the clock with them.
            plant.state.options.hour = hour;
            plant.state.options.second = second;
        }
        match mode {
            ControlMode::Static | ControlMode::Event => self.queue.is_empty() && !acted,
            _ => !acted,
        }
    }

    /// What controls do between two time steps.
    pub fn end_of_step(&mut self, state: &mut State) {
        let mut plant = StatePlant { state, events: &mut self.events, control_iteration: 0 };
        for (_, control) in &mut self.controls {
            control.end_of_step(&mut plant);
        }
    }
}
