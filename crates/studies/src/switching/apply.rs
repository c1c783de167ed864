//! Writes switch positions into a network, so that it can be kept or written as a model.

use super::operator::Operation;
use network::{Network, SwitchState};

/// Opens and closes terminals of a network; what switch controls remember follows, or they would move the switches back.
pub fn apply(network: &mut Network, operations: &[Operation]) {
    for o in operations {
        if let Some(terminal) = network.common_mut(o.element).terminals.get_mut(o.terminal) {
            terminal.closed.fill(o.close);
        }
        let state = if o.close { SwitchState::Closed } else { SwitchState::Open };
        for control in network.switch_controls.iter_mut().filter(|c| c.switched == Some(o.element) && c.terminal == o.terminal) {
            (control.state, control.normal, control.command) = (state, state, state);
        }
    }
}
