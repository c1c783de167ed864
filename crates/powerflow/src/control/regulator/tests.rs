//! Regulators on a transformer without impedance: the secondary is the source times the tap.

use super::*;
use crate::control::fake::{FakePlant, regulator_network, three_phases};
use network::RegulatorControl;

const T: ElementId = ElementId { kind: ElementKind::Transformer, index: 0 };

struct Bench {
    plant: FakePlant,
    regulator: Regulator,
    state: RegulatorState,
    queue: ControlQueue,
}

fn bench(change: impl FnOnce(&mut RegulatorControl)) -> Bench {
    let mut plant = FakePlant::new(regulator_network(change));
    let regulator = Regulator::compile(&plant.network, 0).unwrap();
    let state = regulator.initial(&mut plant);
    Bench { plant, regulator, state, queue: ControlQueue::new() }
}

/// Source voltage a phase, V, and current into terminal 2, A a phase.
fn measure(plant: &mut FakePlant, source_v: f64, i_a: Complex64) {
    let v_v = source_v * plant.tap(T, 1) / plant.tap(T, 0);
    plant.windings.insert((T, 0), three_phases(source_v, 0.0));
    plant.windings.insert((T, 1), three_phases(v_v, 0.0));
    let measured = plant.terminals.entry((T, 1)).or_default();
    measured.v = three_phases(v_v, 0.0);
    measured.i = three_phases(1.0, 0.0).iter().map(|turn| turn * i_a).collect();
}

impl Bench {
    fn settle(&mut self, source_v: f64, i_a: Complex64) -> usize {
        self.plant.settle(&self.regulator, &mut self.state, &mut self.queue, |plant| measure(plant, source_v, i_a))
    }

    fn steps(&self) -> Vec<i32> {
        let steps = self.plant.events.iter().filter_map(|e| match e.action {
            ControlAction::TapMoved { steps, .. } => Some(steps),
            _ => None,
        });
        steps.collect()
    }

    fn position(&self, winding: usize) -> i32 {
        self.regulator.tap_position(self.plant.tap(T, winding))
    }

    fn sample(&mut self) {
        self.regulator.sample(&mut self.state, &mut self.plant, &mut self.queue);
    }

    /// Does what is due at the clock's time.
    fn act(&mut self) -> usize {
        let mut n = 0;
        while let Some(action) = self.queue.pop_due(self.plant.clock.hour, self.plant.clock.second) {
            self.regulator.act(&mut self.state, &action, &mut self.plant, &mut self.queue);
            n += 1;
        }
        n
    }
}

const NO_LOAD: Complex64 = Complex64::new(0.0, 0.0);

#[test]
fn static_mode_goes_most_of_the_way() {
    // 110 V: 13 steps wanted, 9 taken; 116.2 V: 5 and 3; 118.25 V: 2 and 1; 118.9 V: 1 and 1; 119.6 V is in the band.
    let mut b = bench(|_| {});
    assert_eq!(b.settle(6600.0, NO_LOAD), 5);
    assert_eq!(b.steps(), [9, 3, 1, 1]);
    assert_eq!(b.position(1), 14);
}

#[test]
fn in_the_band_nothing_moves() {
    let mut b = bench(|_| {});
    assert_eq!(b.settle(7141.0, NO_LOAD), 1);
    assert!(b.steps().is_empty());
}

#[test]
fn the_tap_stays_within_its_range() {
    let mut b = bench(|_| {});
    b.settle(6000.0, NO_LOAD);
    assert_eq!(b.position(1), 16);
    assert_eq!(b.plant.tap(T, 1), 1.1);
    b.settle(9000.0, NO_LOAD);
    assert_eq!(b.plant.tap(T, 1), 0.9);
}

#[test]
fn a_tap_on_the_other_winding_moves_the_other_way() {
    let mut b = bench(|c| c.tap_winding = 0);
    b.settle(6800.0, NO_LOAD);
    assert!(b.position(0) < 0);
    assert!((6800.0 / b.plant.tap(T, 0) / 60.0 - 120.0).abs() <= 1.0);
}

#[test]
fn few_steps_at_once_when_told_so_and_none_at_zero() {
    let mut b = bench(|c| c.max_tap_change = 2);
    b.settle(6600.0, NO_LOAD);
    assert_eq!(b.steps()[..3], [2, 2, 2]);
    let mut b = bench(|c| c.max_tap_change = 0);
    assert_eq!(b.settle(6600.0, NO_LOAD), 1);
    assert!(b.steps().is_empty());
}

#[test]
fn halves_round_to_even_steps() {
    let mut b = bench(|_| {});
    b.regulator.tap_step_pu = 0.25;
    assert_eq!([0.125, -0.125, 0.375, 0.4].map(|change| b.regulator.whole_steps(change)), [0.0, 0.0, 0.5, 0.5]);
    b.regulator.tap_step_pu = 0.0;
    assert_eq!(b.regulator.whole_steps(0.1), 0.0);
}

#[test]
fn line_drop_compensation_lifts_the_terminal() {
    // 150 A out of the terminal at unity power factor: R of 4 V at 300 A is a drop of 2 V.
    let mut b = bench(|c| {
        c.forward.ldc_r_v = 4.0;
        c.forward.ldc_x_v = 3.0;
    });
    let i = Complex64::new(-150.0, 0.0);
    b.settle(6900.0, i);
    let v_v = 6900.0 * b.plant.tap(T, 1) / 60.0;
    let compensated = Complex64::new(v_v, 0.0) + Complex64::new(4.0, 3.0) * i / 300.0;
    assert!((compensated.norm() - 120.0).abs() <= 1.0);
    assert!(v_v > 121.0);

    let mut b = bench(|c| c.forward.ldc_z_v = 6.0);
    b.settle(6900.0, i);
    assert!((6900.0 * b.plant.tap(T, 1) / 60.0 - 6.0 * 0.5 - 120.0).abs() <= 1.0);
}

#[test]
fn highest_and_lowest_phase() {
    for (phase, expected_up) in [(MonitoredPhase::Max, false), (MonitoredPhase::Min, true), (MonitoredPhase::Phase(2), true)] {
        let mut b = bench(|c| c.pt_phase = phase);
        let v = [7200.0, 6900.0, 7500.0].map(|v| Complex64::new(v, 0.0));
        b.plant.windings.insert((T, 1), v.to_vec());
        b.sample();
        assert_eq!(b.state.pending_pu > 0.0, expected_up, "{phase:?}");
    }
}

#[test]
fn the_limit_comes_before_the_band() {
    let mut b = bench(|c| {
        c.forward.v_target_v = 126.0;
        c.v_limit_v = 122.0;
    });
    measure(&mut b.plant, 7560.0, NO_LOAD);
    b.sample();
    assert!(b.state.pending_pu < 0.0);
}

#[test]
fn a_remote_bus_has_its_own_transformer_ratio() {
    let mut b = bench(|c| {
        c.remote_pt_ratio = 20.0;
        c.remote_bus = Some(RemoteBus { bus: network::BusId(1), nodes: vec![2], text: "load.2".into() });
    });
    b.plant.buses.insert((network::BusId(1), 2), Complex64::new(0.0, 2300.0));
    measure(&mut b.plant, 7200.0, NO_LOAD);
    b.sample();
    // 115 V: 5 V more, counted with the ratio of the regulator itself.
    assert!((b.state.pending_pu - 7.0 * 0.00625).abs() < 1e-12);
}

#[test]
fn with_time_one_step_an_action() {
    let mut b = bench(|_| {});
    b.plant.clock.control_mode = ControlMode::Time;
    measure(&mut b.plant, 6900.0, NO_LOAD);
    b.sample();
    assert_eq!(b.queue.next_time(), Some((0, 15.0)));
    assert_eq!(b.act(), 0);
    for (k, second) in [15.0, 17.0, 19.0].into_iter().enumerate() {
        b.plant.clock.second = second;
        assert_eq!(b.act(), 1);
        assert_eq!(b.position(1), k as i32 + 1);
    }
    // Back in the band: what waits finds nothing pending.
    let source_v = 7200.0 / b.plant.tap(T, 1);
    measure(&mut b.plant, source_v, NO_LOAD);
    b.sample();
    b.plant.clock.second = 21.0;
    b.act();
    assert_eq!(b.position(1), 3);
    assert!(!b.state.armed);
}

#[test]
fn back_in_the_band_before_the_delay_takes_the_action_back() {
    let mut b = bench(|_| {});
    b.plant.clock.control_mode = ControlMode::Time;
    measure(&mut b.plant, 6900.0, NO_LOAD);
    b.sample();
    measure(&mut b.plant, 7200.0, NO_LOAD);
    b.sample();
    assert!(b.queue.is_empty());
}

#[test]
fn inverse_time_hurries_when_far_off() {
    let mut b = bench(|c| c.inverse_time = true);
    measure(&mut b.plant, 6900.0, NO_LOAD);
    b.sample();
    // 5 V off, half a band of 1 V: five times as fast.
    assert!((b.queue.next_time().unwrap().1 - 3.0).abs() < 1e-9);
}

#[test]
fn reverse_power_turns_the_regulator_and_back() {
    let mut b = bench(|c| {
        c.reversible = true;
        c.reverse.v_target_v = 118.0;
    });
    // 150 A a phase into terminal 2: 3.2 MW backward.
    b.plant.clock.control_mode = ControlMode::Time;
    measure(&mut b.plant, 7200.0, Complex64::new(150.0, 0.0));
    b.sample();
    assert_eq!(b.queue.next_time(), Some((0, 60.0)));
    b.plant.clock.second = 60.0;
    b.act();
    assert!(b.state.in_reverse);
    b.sample();
    // 120 V against 118 V backward: the tap goes up to let the other side come down.
    assert!(b.state.pending_pu > 0.0);
    measure(&mut b.plant, 7200.0, Complex64::new(-150.0, 0.0));
    b.sample();
    b.plant.clock.second = 120.0;
    b.act();
    assert!(!b.state.in_reverse);
}

#[test]
fn a_short_reversal_is_forgotten() {
    let mut b = bench(|c| c.reversible = true);
    measure(&mut b.plant, 7200.0, Complex64::new(150.0, 0.0));
    b.sample();
    assert_eq!(b.queue.len(), 1);
    measure(&mut b.plant, 7200.0, Complex64::new(-150.0, 0.0));
    b.sample();
    assert!(b.queue.is_empty());
}

#[test]
fn reverse_neutral_goes_home() {
    let mut b = bench(|c| {
        c.reversible = true;
        c.reverse_neutral = true;
    });
    b.plant.set_tap(T, 1, 1.0 + 5.0 * 0.00625);
    b.settle(7000.0, Complex64::new(150.0, 0.0));
    assert!(b.state.in_reverse);
    assert_eq!(b.position(1), 0);
}

#[test]
fn cogeneration_uses_reverse_settings_looking_forward() {
    let mut b = bench(|c| {
        c.cogeneration = true;
        c.reverse.v_target_v = 124.0;
    });
    b.settle(7200.0, Complex64::new(150.0, 0.0));
    assert!(b.state.in_cogeneration && !b.state.in_reverse);
    let v_v = 7200.0 * b.plant.tap(T, 1) / 60.0;
    assert!((v_v - 124.0).abs() <= 1.0, "{v_v}");
}

#[test]
fn what_is_missing_is_named() {
    let mut network = regulator_network(|c| c.transformer = None);
    let error = Regulator::compile(&network, 0).unwrap_err();
    assert_eq!(error, ControlError::NoElement { control: "regcontrol.r".into(), role: "transformer" });
    network.regulator_controls[0].transformer = Some(T);
    network.regulator_controls[0].winding = 2;
    assert!(matches!(Regulator::compile(&network, 0), Err(ControlError::NoSuchTerminal { terminal: 3, n_terminals: 2, .. })));
}
