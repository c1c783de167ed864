//! Protective devices on a line whose current and voltage the test sets.

use super::*;
use crate::control::fake::{FakePlant, Measured, line_network, three_phases};
use network::{Common, Fuse, Recloser, Relay, TccCurveId};

fn curve(points: &[(f64, f64)]) -> TccCurve {
    TccCurve { name: "c".into(), current: points.iter().map(|p| p.0).collect(), time_s: points.iter().map(|p| p.1).collect() }
}

fn time_curve(points: &[(f64, f64)]) -> TimeCurve {
    TimeCurve::new(&curve(points)).unwrap()
}

fn bench(add: impl FnOnce(&mut Network, ElementId)) -> (FakePlant, ElementId) {
    let (mut network, line) = line_network();
    network.tcc_curves.push(curve(&[(1.0, 100.0), (10.0, 1.0), (100.0, 0.1)]));
    network.tcc_curves.push(TccCurve { name: "ov".into(), ..curve(&[(1.1, 5.0), (1.2, 1.0)]) });
    network.tcc_curves.push(TccCurve { name: "uv".into(), ..curve(&[(0.5, 1.0), (0.9, 5.0)]) });
    add(&mut network, line);
    (FakePlant::new(network), line)
}

fn protection(line: ElementId) -> Protection {
    Protection {
        monitored: Some(line),
        monitored_terminal: 0,
        switched: Some(line),
        switched_terminal: 0,
        normal: vec![SwitchState::Closed; 3],
        state: vec![SwitchState::Closed; 3],
        delay_s: 0.0,
    }
}

/// Currents flow only while the phase is closed.
fn measure(plant: &mut FakePlant, line: ElementId, v_v: f64, i_a: [f64; 3]) {
    let mut i = three_phases(1.0, 0.0);
    for (k, i) in i.iter_mut().enumerate() {
        *i *= if plant.is_closed(line, 0, k) { i_a[k] } else { 0.0 };
    }
    let measured = Measured { v: three_phases(v_v, 0.0), i };
    plant.terminals.insert((line, 0), measured);
}

#[test]
fn current_curves_are_straight_on_log_log_paper() {
    let c = time_curve(&[(1.0, 100.0), (10.0, 1.0), (100.0, 0.1)]);
    assert_eq!(c.current_time_s(0.999), None);
    assert_eq!(c.current_time_s(10.0), Some(1.0));
    assert!((c.current_time_s(10f64.sqrt()).unwrap() - 10.0).abs() < 1e-12);
    assert_eq!(c.current_time_s(1e6), Some(0.1));
    assert_eq!(time_curve(&[(2.0, 3.0)]).current_time_s(2.0), Some(3.0));
    assert_eq!(c.current_time_s(f64::NAN), None);
}

#[test]
fn voltage_curves_are_definite_times() {
    let over = time_curve(&[(1.1, 5.0), (1.2, 1.0)]);
    assert_eq!([1.1, 1.15, 1.2, 1.3].map(|v| over.overvoltage_time_s(v)), [None, Some(5.0), Some(5.0), Some(1.0)]);
    let under = time_curve(&[(0.5, 1.0), (0.9, 5.0)]);
    assert_eq!([0.9, 0.8, 0.5, 0.4].map(|v| under.undervoltage_time_s(v)), [None, Some(5.0), Some(5.0), Some(1.0)]);
}

#[test]
fn fuses_blow_one_by_one_the_fastest_first() {
    let (mut plant, line) = bench(|network, line| {
        let fuse = Fuse { common: Common::new("f", 3), protection: protection(line), curve: Some(TccCurveId(0)), rated_a: 100.0 };
        network.add(fuse);
    });
    let control = FuseControl::compile(&plant.network, 0).unwrap();
    let mut state = control.initial(&mut plant);
    plant.settle(&control, &mut state, &mut ControlQueue::new(), |plant| measure(plant, line, 7200.0, [120.0, 50.0, 300.0]));
    assert_eq!([0, 1, 2].map(|k| plant.is_closed(line, 0, k)), [false, true, false]);
    let order: Vec<_> = plant.events.iter().map(|e| e.action).collect();
    let blown = |k| ControlAction::Switched { terminal: 0, conductor: Some(k), closed: false };
    assert_eq!(order, [blown(2), blown(0)]);
}

#[test]
fn a_fuse_whose_current_drops_does_not_blow() {
    let (mut plant, line) = bench(|network, line| {
        let fuse = Fuse {
            common: Common::new("f", 3),
            protection: Protection { monitored_terminal: 1, ..protection(line) },
            curve: Some(TccCurveId(0)),
            rated_a: 100.0,
        };
        network.add(fuse);
    });
    let control = FuseControl::compile(&plant.network, 0).unwrap();
    let (mut state, mut queue) = (control.initial(&mut plant), ControlQueue::new());
    // Terminal 2 is named, terminal 1 is what counts.
    measure(&mut plant, line, 7200.0, [120.0; 3]);
    control.sample(&mut state, &mut plant, &mut queue);
    assert_eq!(queue.len(), 3);
    measure(&mut plant, line, 7200.0, [90.0; 3]);
    control.sample(&mut state, &mut plant, &mut queue);
    assert!(queue.is_empty());
}

fn recloser(line: ElementId) -> Recloser {
    Recloser {
        common: Common::new("r", 3),
        protection: protection(line),
        phase_fast: Some(TccCurveId(0)),
        phase_delayed: Some(TccCurveId(0)),
        ground_fast: None,
        ground_delayed: None,
        phase_trip: 100.0,
        ground_trip: 1.0,
        phase_instantaneous: 0.0,
        ground_instantaneous: 0.0,
        n_fast: 1,
        shots: 4,
        reclose_intervals_s: vec![0.5, 2.0, 2.0],
        settings: Vec::new(),
    }
}

#[test]
fn a_recloser_plays_its_shots_and_locks_out() {
    // As OpenDSS does it: four openings and three closings, eight control iterations.
    let (mut plant, line) = bench(|network, line| {
        network.add(recloser(line));
    });
    let control = RecloserControl::compile(&plant.network, 0).unwrap();
    let mut state = control.initial(&mut plant);
    let n = plant.settle(&control, &mut state, &mut ControlQueue::new(), |plant| measure(plant, line, 7200.0, [150.0; 3]));
    assert_eq!(n, 8);
    let openings = plant.events.iter().filter(|e| matches!(e.action, ControlAction::Switched { closed: false, .. })).count();
    assert_eq!((openings, plant.events.len()), (4, 8));
    assert!(state.locked_out && !plant.is_terminal_closed(line, 0));
    control.reset(&mut state, &mut plant);
    assert!(!state.locked_out && plant.is_terminal_closed(line, 0));
}

#[test]
fn a_fault_that_is_gone_lets_the_recloser_stay_closed() {
    let (mut plant, line) = bench(|network, line| {
        network.add(recloser(line));
    });
    let control = RecloserControl::compile(&plant.network, 0).unwrap();
    let mut state = control.initial(&mut plant);
    let mut solutions = 0;
    plant.settle(&control, &mut state, &mut ControlQueue::new(), |plant| {
        solutions += 1;
        measure(plant, line, 7200.0, if solutions == 1 { [150.0; 3] } else { [50.0; 3] });
    });
    assert!(plant.is_terminal_closed(line, 0));
    assert_eq!(plant.events.len(), 2);
}

fn relay(line: ElementId, relay_type: &str, settings: &[(&str, &str)]) -> Relay {
    Relay {
        common: Common::new("r", 3),
        protection: protection(line),
        relay_type: relay_type.into(),
        phase_curve: Some(TccCurveId(0)),
        ground_curve: None,
        phase_trip: 100.0,
        ground_trip: 1.0,
        phase_instantaneous: 0.0,
        ground_instantaneous: 0.0,
        time_dial_phase: 1.0,
        time_dial_ground: 1.0,
        shots: 1,
        reclose_intervals_s: Vec::new(),
        breaker_time_s: 0.05,
        settings: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

/// Whether a relay leaves the line open at these values.
fn opens(relay: impl FnOnce(ElementId) -> Relay, measure_at: impl Fn(&mut FakePlant, ElementId)) -> bool {
    let (mut plant, line) = bench(|network, line| {
        network.add(relay(line));
    });
    let control = RelayControl::compile(&plant.network, 0).unwrap();
    let mut state = control.initial(&mut plant);
    plant.settle(&control, &mut state, &mut ControlQueue::new(), |plant| measure_at(plant, line));
    !plant.is_terminal_closed(line, 0)
}

#[test]
fn relays_trip_on_what_they_watch() {
    let at = |v: f64, i: [f64; 3]| move |plant: &mut FakePlant, line: ElementId| measure(plant, line, v, i);
    assert!(opens(|l| relay(l, "current", &[]), at(7200.0, [50.0, 150.0, 50.0])));
    assert!(!opens(|l| relay(l, "current", &[]), at(7200.0, [50.0, 99.0, 50.0])));

    let voltage = |l| relay(l, "voltage", &[("kVBase", "12.47"), ("OvervoltCurve", "ov"), ("UndervoltCurve", "uv")]);
    assert!(opens(voltage, at(8200.0, [1.0; 3])) && opens(voltage, at(6000.0, [1.0; 3])));
    assert!(!opens(voltage, at(7200.0, [1.0; 3])));

    let negative_current = |l| relay(l, "46", &[("46BaseAmps", "100"), ("46%Pickup", "10")]);
    assert!(opens(negative_current, at(7200.0, [100.0, 100.0, 60.0])));
    assert!(!opens(negative_current, at(7200.0, [100.0, 100.0, 75.0])));

    let negative_voltage = |l| relay(l, "47", &[("kVBase", "12.47"), ("47%Pickup", "2")]);
    assert!(!opens(negative_voltage, at(7200.0, [1.0; 3])));
    assert!(opens(negative_voltage, |plant, line| {
        measure(plant, line, 7200.0, [1.0; 3]);
        plant.terminals.get_mut(&(line, 0)).unwrap().v[2] *= 0.9;
    }));

    let reverse = |l| Relay { phase_instantaneous: 500.0, ..relay(l, "reversepower", &[]) };
    assert!(opens(reverse, at(7200.0, [-50.0; 3])));
    assert!(!opens(reverse, at(7200.0, [-20.0; 3])) && !opens(reverse, at(7200.0, [50.0; 3])));

    let distance = |l| relay(l, "distance", &[("Z1Mag", "1"), ("Z0Mag", "3")]);
    let lagging = |v: f64| {
        move |plant: &mut FakePlant, line: ElementId| {
            measure(plant, line, v, [1000.0; 3]);
            let lag = Complex64::from_polar(1.0, -64f64.to_radians());
            plant.terminals.get_mut(&(line, 0)).unwrap().i.iter_mut().for_each(|i| *i *= lag);
        }
    };
    assert!(opens(distance, lagging(600.0)) && !opens(distance, lagging(800.0)));

    let directional = |l| Relay { phase_curve: None, ..relay(l, "doc", &[("DOC_TripSettingLow", "10")]) };
    assert!(opens(directional, at(7200.0, [-50.0; 3])));
    assert!(!opens(directional, at(7200.0, [-5.0; 3])) && !opens(directional, at(7200.0, [50.0; 3])));
}

#[test]
fn what_needs_dynamics_is_refused() {
    for relay_type in ["generic", "td21"] {
        let (plant, _) = bench(|network, line| {
            network.add(relay(line, relay_type, &[]));
        });
        assert!(matches!(RelayControl::compile(&plant.network, 0), Err(ControlError::Unsupported { .. })));
    }
    let (plant, _) = bench(|network, line| {
        network.add(relay(line, "47", &[("kvbase", "a lot")]));
    });
    assert!(matches!(RelayControl::compile(&plant.network, 0), Err(ControlError::NotANumber { setting: "kvbase", .. })));
}
