//! Switch controls: what they were told against what they did last.

use super::*;
use crate::control::fake::{FakePlant, line_network};
use network::{Common, SwitchControl};

fn bench(change: impl FnOnce(&mut SwitchControl)) -> (FakePlant, Switching, SwitchControlState, ElementId) {
    let (mut network, line) = line_network();
    let mut control = SwitchControl {
        common: Common::new("s", 3),
        switched: Some(line),
        terminal: 0,
        normal: SwitchState::Closed,
        state: SwitchState::Closed,
        command: SwitchState::Closed,
        locked: false,
        delay_s: 120.0,
    };
    change(&mut control);
    network.add(control);
    let mut plant = FakePlant::new(network);
    let control = Switching::compile(&plant.network, 0).unwrap();
    let state = control.initial(&mut plant);
    (plant, control, state, line)
}

#[test]
fn a_command_is_carried_out_once() {
    let (mut plant, control, mut state, line) = bench(|c| c.command = SwitchState::Open);
    let mut queue = ControlQueue::new();
    assert_eq!(plant.settle(&control, &mut state, &mut queue, |_| {}), 2);
    assert!(!plant.is_terminal_closed(line, 0));
    assert_eq!(plant.events.len(), 1);
    control.reset(&mut state, &mut plant);
    assert!(plant.is_terminal_closed(line, 0));
}

#[test]
fn a_locked_switch_takes_no_command() {
    let (mut plant, control, mut state, line) = bench(|c| {
        c.command = SwitchState::Open;
        c.locked = true;
    });
    assert_eq!(plant.settle(&control, &mut state, &mut ControlQueue::new(), |_| {}), 2);
    assert!(plant.is_terminal_closed(line, 0));
    control.reset(&mut state, &mut plant);
    assert!(plant.is_terminal_closed(line, 0));
}

#[test]
fn what_others_opened_stays_open() {
    let (mut plant, control, mut state, line) = bench(|_| {});
    plant.set_closed(line, 0, None, false);
    assert_eq!(plant.settle(&control, &mut state, &mut ControlQueue::new(), |_| {}), 1);
    assert!(!plant.is_terminal_closed(line, 0));
}
