//! Capacitor controls on measurements that answer to the steps in service.

use super::*;
use crate::control::fake::{FakePlant, Measured, capacitor_network, three_phases};
use network::CapacitorControl;

struct Bench {
    plant: FakePlant,
    control: CapacitorSwitching,
    state: CapacitorControlState,
    queue: ControlQueue,
    line: ElementId,
    capacitor: ElementId,
}

fn bench(kvar: &[f64], steps: &[bool], change: impl FnOnce(&mut CapacitorControl)) -> Bench {
    let (network, line, capacitor) = capacitor_network(kvar, change);
    let mut plant = FakePlant::new(network);
    plant.steps.insert(capacitor, steps.to_vec());
    plant.set_closed(capacitor, 0, None, steps.contains(&true));
    let control = CapacitorSwitching::compile(&plant.network, 0).unwrap();
    let state = control.initial(&mut plant);
    Bench { plant, control, state, queue: ControlQueue::new(), line, capacitor }
}

impl Bench {
    fn settle(&mut self, measure: impl Fn(usize) -> Measured) -> usize {
        let (line, capacitor) = (self.line, self.capacitor);
        self.plant.settle(&self.control, &mut self.state, &mut self.queue, |plant| {
            let in_service = plant.steps[&capacitor].iter().filter(|&&s| s).count();
            plant.terminals.insert((line, 0), measure(in_service));
        })
    }

    fn sample(&mut self, measured: Measured) {
        self.plant.terminals.insert((self.line, 0), measured);
        self.control.sample(&mut self.state, &mut self.plant, &mut self.queue);
    }

    fn steps(&self) -> &[bool] {
        &self.plant.steps[&self.capacitor]
    }

    fn is_closed(&self) -> bool {
        self.plant.is_terminal_closed(self.capacitor, 0)
    }
}

fn current(i_a: f64) -> Measured {
    Measured { v: three_phases(7200.0, 0.0), i: three_phases(i_a, -30.0) }
}

fn voltage(v_v: f64) -> Measured {
    Measured { v: three_phases(v_v, 0.0), i: three_phases(10.0, -30.0) }
}

/// Power into the line, kW and kvar.
fn power(p_kw: f64, q_kvar: f64) -> Measured {
    let v = three_phases(7200.0, 0.0);
    let i = v.iter().map(|v| (Complex64::new(p_kw, q_kvar) * 1000.0 / 3.0 / v).conj()).collect();
    Measured { v, i }
}

#[test]
fn current_switches_between_its_settings() {
    let mut b = bench(&[600.0], &[false], |_| {});
    assert!(!b.is_closed());
    // Secondary amperes: 301 A on, 300 A not.
    assert_eq!(b.settle(|_| current(300.0 * 60.0)), 1);
    assert_eq!(b.settle(|_| current(301.0 * 60.0)), 2);
    assert!(b.is_closed() && b.steps() == [true]);
    assert_eq!(b.settle(|_| current(200.0 * 60.0)), 1);
    b.settle(|_| current(199.0 * 60.0));
    assert!(!b.is_closed() && b.steps() == [false]);
}

#[test]
fn steps_go_in_from_below_and_out_from_above() {
    let mut b = bench(&[200.0, 200.0, 200.0], &[false, false, false], |c| {
        c.control_type = CapacitorControlType::Kvar;
        c.on_setting = 150.0;
        c.off_setting = -225.0;
    });
    b.settle(|n| power(1000.0, 500.0 - 200.0 * n as f64));
    assert_eq!(b.steps(), [true, true, false]);
    b.settle(|n| power(1000.0, 100.0 - 200.0 * n as f64));
    assert_eq!(b.steps(), [true, false, false]);
    b.settle(|n| power(1000.0, -300.0 - 200.0 * n as f64));
    assert_eq!(b.steps(), [false, false, false]);
    assert!(!b.is_closed());
}

#[test]
fn voltage_and_its_phases() {
    let set = |phase| {
        move |c: &mut CapacitorControl| {
            c.control_type = CapacitorControlType::Voltage;
            c.pt_phase = phase;
            (c.on_setting, c.off_setting) = (118.0, 122.0);
        }
    };
    let mut b = bench(&[600.0], &[false], set(MonitoredPhase::First));
    b.settle(|n| voltage(117.0 * 60.0 + 120.0 * n as f64));
    assert!(b.is_closed());
    let uneven = |_| {
        let v = [7200.0, 7000.0, 7400.0].map(|v| Complex64::new(v, 0.0)).to_vec();
        Measured { v, i: three_phases(10.0, 0.0) }
    };
    for (phase, closes) in [(MonitoredPhase::Min, true), (MonitoredPhase::Max, false), (MonitoredPhase::Average, false)] {
        let mut b = bench(&[600.0], &[false], set(phase));
        b.sample(uneven(0));
        assert_eq!(!b.queue.is_empty(), closes, "{phase:?}");
    }
}

#[test]
fn power_factor_needs_enough_kvar() {
    let set = |c: &mut CapacitorControl| {
        c.control_type = CapacitorControlType::PowerFactor;
        (c.on_setting, c.off_setting) = (0.95, 1.02);
    };
    // 0.89 lagging, yet 250 kvar is less than half of the bank.
    let mut b = bench(&[600.0], &[false], set);
    assert_eq!(b.settle(|_| power(500.0, 250.0)), 1);
    b.settle(|n| power(1000.0, 500.0 - 600.0 * n as f64));
    assert!(b.is_closed());
    // 0.93 leading is 1.07.
    b.settle(|n| power(1000.0, 200.0 - 600.0 * n as f64));
    assert!(!b.is_closed());
}

#[test]
fn by_the_clock_also_overnight() {
    let at = |hour: i64, on: f64, off: f64, closed: bool| {
        let mut b = bench(&[600.0], &[closed], |c| {
            c.control_type = CapacitorControlType::Time;
            (c.on_setting, c.off_setting) = (on, off);
        });
        b.plant.clock.hour = hour;
        b.settle(|_| current(0.0));
        b.is_closed()
    };
    assert!(at(9, 8.0, 18.0, false) && !at(18, 8.0, 18.0, true) && !at(7, 8.0, 18.0, true));
    assert!(at(30 + 9 - 6, 8.0, 18.0, false), "the next day");
    assert!(at(22, 20.0, 6.0, false) && !at(7, 20.0, 6.0, true));
    assert!(at(3, 20.0, 6.0, true) && !at(3, 20.0, 6.0, false), "after midnight it stays, but does not close");
}

#[test]
fn follows_a_shape() {
    let mut b = bench(&[600.0], &[false], |_| {});
    b.control.control_type = CapacitorControlType::Follow;
    let shape = |value: f64| LoadShape {
        name: "s".into(),
        interval_h: 1.0,
        hours: None,
        p: [value].into(),
        q: None,
        use_actual: false,
        p_base: 0.0,
        q_base: 0.0,
        p_max: 1.0,
        q_max: 0.0,
        mean: value,
        stddev: 0.0,
        interpolation: network::Interpolation::Average,
    };
    for (value, closed) in [(-1.0, false), (0.3, true), (-1.0, true), (0.0, false)] {
        b.control.control_signal = Some(shape(value));
        b.settle(|_| current(0.0));
        assert_eq!(b.is_closed(), closed, "{value}");
    }
}

#[test]
fn voltage_override_comes_first() {
    let mut b = bench(&[600.0], &[true], |c| c.v_override = true);
    b.sample(Measured { v: three_phases(127.0 * 60.0, 0.0), i: three_phases(301.0 * 60.0, 0.0) });
    assert_eq!(b.queue.actions()[0].code, ActionCode::Open);
    let mut b = bench(&[600.0], &[false], |c| c.v_override = true);
    b.sample(Measured { v: three_phases(114.0 * 60.0, 0.0), i: three_phases(0.0, 0.0) });
    assert_eq!(b.queue.actions()[0].code, ActionCode::Close);
}

#[test]
fn a_closed_bank_without_steps_is_closed() {
    let (network, line, capacitor) = capacitor_network(&[600.0], |c| c.v_override = true);
    let mut plant = FakePlant::new(network);
    plant.steps.insert(capacitor, vec![false]);
    let control = CapacitorSwitching::compile(&plant.network, 0).unwrap();
    let state = control.initial(&mut plant);
    let mut b = Bench { plant, control, state, queue: ControlQueue::new(), line, capacitor };
    b.sample(Measured { v: three_phases(114.0 * 60.0, 0.0), i: three_phases(250.0 * 60.0, 0.0) });
    assert!(b.queue.is_empty());
    b.settle(|n| Measured { v: three_phases(114.0 * 60.0, 0.0), i: three_phases((301.0 - 50.0 * n as f64) * 60.0, 0.0) });
    assert_eq!(b.steps(), [true]);
}

#[test]
fn what_was_opened_stays_open_for_the_dead_time() {
    let mut b = bench(&[600.0], &[true], |_| {});
    b.plant.clock.second = 1000.0;
    b.settle(|_| current(0.0));
    b.plant.clock.second = 1100.0;
    b.sample(current(301.0 * 60.0));
    // 300 s dead, 100 s passed, 15 s delay.
    assert_eq!(b.queue.next_time(), Some((0, 1315.0)));
}

#[test]
fn a_decision_that_no_longer_holds_is_taken_back() {
    let mut b = bench(&[600.0], &[false], |_| {});
    b.sample(current(301.0 * 60.0));
    assert_eq!(b.queue.len(), 1);
    b.sample(current(250.0 * 60.0));
    assert!(b.queue.is_empty());
}

#[test]
fn one_phase_of_current_is_that_of_terminal_one() {
    let mut b = bench(&[600.0], &[false], |c| c.terminal = 1);
    let line = b.line;
    b.plant.terminals.insert((line, 1), current(301.0 * 60.0));
    b.sample(current(100.0 * 60.0));
    assert!(b.queue.is_empty());
    let mut b = bench(&[600.0], &[false], |c| {
        c.terminal = 1;
        c.ct_phase = MonitoredPhase::Average;
    });
    b.plant.terminals.insert((line, 1), current(301.0 * 60.0));
    b.sample(current(100.0 * 60.0));
    assert_eq!(b.queue.len(), 1);
}

#[test]
fn a_gap_between_steps_counts_as_a_step() {
    // The highest step goes first, then one that is out already, then the lowest.
    let mut b = bench(&[100.0; 3], &[true, false, true], |_| {});
    let measure = current(0.0);
    let mut seen = Vec::new();
    for _ in 0..3 {
        b.sample(measure.clone());
        let action = b.queue.pop_any().unwrap();
        b.control.act(&mut b.state, &action, &mut b.plant, &mut b.queue);
        seen.push((b.steps().to_vec(), b.is_closed()));
    }
    assert_eq!(seen, [(vec![true, false, false], true), (vec![true, false, false], true), (vec![false; 3], false)]);
}

#[test]
fn what_is_missing_is_named() {
    let (mut network, _, _) = capacitor_network(&[600.0], |c| c.control_type = CapacitorControlType::Follow);
    let control = || "capcontrol.k".to_owned();
    assert_eq!(CapacitorSwitching::compile(&network, 0), Err(ControlError::NoCurve { control: control(), role: "control signal" }));
    network.capacitor_controls[0].control_type = CapacitorControlType::Kvar;
    network.capacitor_controls[0].element = None;
    assert_eq!(CapacitorSwitching::compile(&network, 0), Err(ControlError::NoElement { control: control(), role: "monitored element" }));
}
