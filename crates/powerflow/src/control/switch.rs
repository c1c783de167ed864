//! Switch controls: they bring a terminal to the state they were told, after a delay.
//!
//! Method: OpenDSS, class SwtControl.

use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction};
use network::{ElementId, ElementKind, Network, SwitchState};

/// A switch control, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Switching {
    id: ElementId,
    switched: ElementId,
    terminal: usize,
    normal: SwitchState,
    at_first: SwitchState,
    told: SwitchState,
    locked: bool,
    delay_s: f64,
}

/// What changes in a switch control.
#[derive(Clone, Debug, PartialEq)]
pub struct SwitchControlState {
    present: SwitchState,
    told: SwitchState,
    locked: bool,
    /// The lock that the script set is still to be confirmed on the queue.
    lock_to_confirm: bool,
    armed: bool,
}

impl Switching {
    /// The control at this place of the network's list.
    ///
    /// # Errors
    /// `NoElement` without an element to switch, `NoSuchTerminal`.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::SwitchControl, index);
        let control = &network.switch_controls[index];
        let (switched, terminal) = super::element_at(network, id, control.switched, control.terminal, "switched element")?;
        Ok(Self {
            id,
            switched,
            terminal,
            normal: control.normal,
            at_first: control.state,
            told: control.command,
            locked: control.locked,
            delay_s: control.delay_s,
        })
    }

    pub fn id(&self) -> ElementId {
        self.id
    }

    fn switch(&self, closed: bool, plant: &mut dyn Plant) {
        plant.set_closed(self.switched, self.terminal, None, closed);
        let clock = plant.clock();
        let action = ControlAction::Switched { terminal: self.terminal, conductor: None, closed };
        plant.log(ControlEvent { control: self.id, element: self.switched, hour: clock.hour, second: clock.second, action });
    }
}

impl Control for Switching {
    type State = SwitchControlState;

    fn initial(&self, _plant: &mut dyn Plant) -> SwitchControlState {
        SwitchControlState { present: self.at_first, told: self.told, locked: self.locked, lock_to_confirm: self.locked, armed: false }
    }

    /// Compares what the control was told with what it last did; what others did to the switch it does not see.
    fn sample(&self, state: &mut SwitchControlState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        if state.lock_to_confirm {
            queue.push(&plant.clock(), self.delay_s, ActionCode::Lock, 0, self.id);
            state.lock_to_confirm = false;
        }
        if state.told != state.present && !state.armed {
            let code = if state.told == SwitchState::Open { ActionCode::Open } else { ActionCode::Close };
            queue.push(&plant.clock(), self.delay_s, code, 0, self.id);
            state.armed = true;
        }
    }

    fn act(&self, state: &mut SwitchControlState, action: &QueuedAction, plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        match (action.code, state.present) {
            (ActionCode::Lock, _) => state.locked = true,
            (ActionCode::Unlock, _) => state.locked = false,
            // A locked switch stays armed, so that it is not asked again and again.
            _ if state.locked => {}
            (ActionCode::Open, SwitchState::Closed) => {
                self.switch(false, plant);
                state.present = SwitchState::Open;
                state.armed = false;
            }
            (ActionCode::Close, SwitchState::Open) => {
                self.switch(true, plant);
                state.present = SwitchState::Closed;
                state.armed = false;
            }
            _ => state.armed = false,
        }
    }

    fn reset(&self, state: &mut SwitchControlState, plant: &mut dyn Plant) {
        if !state.locked {
            state.present = self.normal;
            state.told = self.normal;
            state.armed = false;
            plant.set_closed(self.switched, self.terminal, None, self.normal == SwitchState::Closed);
        }
    }
}

#[cfg(test)]
mod tests;
