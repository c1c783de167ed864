//! Transient stability against closed forms: one machine at an infinite bus, and a machine alone with its load.

mod stability_cases;

use num_complex::Complex64;
use stability_cases::{branch, bus, case, dynamics};
use std::f64::consts::{PI, TAU};
use studies::stability::{Action, Clearing, ClearingBounds, Event, LoadModel, Options, bus_fault, line_fault, prepare};

const OMEGA_0: f64 = TAU * 60.0;
const H: f64 = 4.0;
const P: f64 = 0.8;

/// Electromotive forces and the angle between them at the start, from the two voltages of the power flow.
fn start() -> (f64, f64, f64) {
    let x = 0.4;
    let v3 = Complex64::ONE;
    let v1 = Complex64::from_polar(1.05, (P * x / 1.05f64).asin());
    let i = (v1 - v3) / Complex64::new(0.0, x);
    let e = v1 + Complex64::new(0.0, 0.3) * i;
    let infinite = v3 - Complex64::new(0.0, 1e-6) * i;
    (e.norm(), infinite.norm(), e.arg() - infinite.arg())
}

fn options() -> Options {
    Options { step_s: 0.001, duration_s: 4.0, ..Options::default() }
}

fn bracket(clearing: Clearing) -> (f64, f64) {
    match clearing {
        Clearing::Bracket { stable_s, unstable_s, trials } => {
            assert!(trials.iter().any(|t| t.clearing_s == stable_s && t.stable));
            assert!(trials.iter().any(|t| t.clearing_s == unstable_s && !t.stable && t.lost_s.is_some()));
            (stable_s, unstable_s)
        }
        other => panic!("no bracket: {other:?}"),
    }
}

#[test]
fn critical_clearing_of_a_fault_at_the_machine_by_equal_areas() {
    // Nothing is delivered during the fault and the network is the same after it: cos(d_c) = (pi - 2 d_0) sin(d_0) - cos(d_0).
    let (_, _, d_0) = start();
    let d_c = ((PI - 2.0 * d_0) * d_0.sin() - d_0.cos()).acos();
    let wanted = (4.0 * H * (d_c - d_0) / (OMEGA_0 * P)).sqrt();
    let network = case("stability-smib");
    let study = prepare(&network, &dynamics("stability-smib/classical.dyr"), &options()).unwrap();
    let at = bus(&network, 1);
    let bounds = ClearingBounds { low_s: 0.05, high_s: 0.6, tolerance_s: 4e-5 };
    let (stable, unstable) = bracket(study.critical_clearing(&|t| bus_fault(at, 0.1, t, None), &bounds).unwrap());
    assert!((stable - wanted).abs() < 1e-4 && (unstable - wanted).abs() < 1e-4, "{stable} {unstable}, closed form {wanted}");
}

#[test]
fn critical_clearing_of_a_fault_on_a_line_by_equal_areas() {
    // The middle of one line, cleared by opening it: transfer reactance 0.7 before, 0.5 + 0.4 + 0.5 * 0.4 / 0.2 = 1.9 during, 0.9 after.
    let (e, infinite, d_0) = start();
    let (during, after) = (e * infinite / 1.9, e * infinite / 0.9);
    let d_m = PI - (P / after).asin();
    let d_c = ((P * (d_m - d_0) + after * d_m.cos() - during * d_0.cos()) / (after - during)).acos();
    // When the machine is there: the swing equation by itself, Runge-Kutta in steps of 10 microseconds.
    let rate = |d: f64| OMEGA_0 / (2.0 * H) * (P - during * d.sin());
    let (mut d, mut w, mut t, h) = (d_0, 0.0, 0.0, 1e-5);
    while d < d_c {
        let (k1, l1) = (w, rate(d));
        let (k2, l2) = (w + 0.5 * h * l1, rate(d + 0.5 * h * k1));
        let (k3, l3) = (w + 0.5 * h * l2, rate(d + 0.5 * h * k2));
        let (k4, l4) = (w + h * l3, rate(d + h * k3));
        d += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        w += h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4);
        t += h;
    }
    let network = case("stability-smib");
    let study = prepare(&network, &dynamics("stability-smib/classical.dyr"), &options()).unwrap();
    let line = branch(&network, "2-3-1");
    let bounds = ClearingBounds { low_s: 0.05, high_s: 0.9, tolerance_s: 4e-5 };
    let (stable, unstable) = bracket(study.critical_clearing(&|t| line_fault(line, 0.5, 0.1, t), &bounds).unwrap());
    assert!((stable - t).abs() < 1e-4 && (unstable - t).abs() < 1e-4, "{stable} {unstable}, equal areas {t}");
}

#[test]
fn a_small_swing_has_the_frequency_and_damping_of_the_linear_machine() {
    let (e, infinite, d_0) = start();
    let stiffness = e * infinite / 0.7 * d_0.cos();
    let natural = (OMEGA_0 * stiffness / (2.0 * H)).sqrt();
    let network = case("stability-smib");
    let at = bus(&network, 2);
    for d in [0.0, 4.0] {
        let mut records = dynamics("stability-smib/classical.dyr");
        stability_cases::damp(&mut records, 1, d);
        let study = prepare(&network, &records, &Options { duration_s: 10.0, ..options() }).unwrap();
        let verdict = study.run(&bus_fault(at, 0.0, 0.002, None)).unwrap().verdict;
        assert!(verdict.stable);
        let damping = verdict.damping.expect("a swing");
        let zeta = d / (2.0 * H) / (2.0 * natural);
        let damped = natural * (1.0 - zeta * zeta).sqrt() / TAU;
        assert!((damping.frequency_hz / damped - 1.0).abs() < 2e-4, "{} Hz, linear {damped}", damping.frequency_hz);
        assert!((damping.ratio - zeta).abs() < 2e-4, "{}, linear {zeta}", damping.ratio);
    }
}

#[test]
fn a_machine_alone_with_a_step_of_its_load_ends_at_its_droop() {
    // TGOV1 with droop R on the base of the machine, a load of constant power, no loss: w = -R dP. At first 2 H w' = -dP.
    let network = stability_cases::alone();
    let records = stability_cases::records("1 'GENCLS' 1 4.0 0.0 /\n1 'TGOV1' 1 0.05 0.3 2.0 0.0 1.0 3.0 0.0 /\n");
    let options =
        Options { step_s: 0.01, duration_s: 60.0, loads: LoadModel::Zip { p: [0.0, 0.0, 1.0], q: [0.0, 0.0, 1.0] }, ..Options::default() };
    let study = prepare(&network, &records, &options).unwrap();
    let step = Event { t_s: 1.0, action: Action::LoadStep { bus: bus(&network, 2), p_mw: 10.0, q_mvar: 0.0 } };
    let run = study.run(&[step]).unwrap();
    let wanted = 60.0 * (1.0 - 0.05 * 0.1);
    assert!(run.verdict.stable && (run.verdict.final_hz - wanted).abs() < 1e-4, "{} Hz, droop {wanted}", run.verdict.final_hz);
    assert!(run.verdict.nadir_hz < wanted && run.verdict.nadir_s > 1.0 && run.verdict.settling_s.is_some());
    // The mean slope of the first 20 ms, before the turbine moves.
    let table = run.trajectories.system_table();
    let frequency = |t: f64| {
        let row = table.rows.iter().rfind(|r| matches!(r[0], studies::table::Value::Number(x) if (x - t).abs() < 1e-6)).expect("a sample");
        let studies::table::Value::Number(f) = row[1] else { panic!("a frequency") };
        f
    };
    let slope = (frequency(1.02) - frequency(1.0)) / 0.02;
    assert!((slope / (-60.0 * 0.1 / 8.0) - 1.0).abs() < 0.01, "{slope} Hz/s");
}
