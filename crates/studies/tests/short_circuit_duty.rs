//! ANSI/IEEE C37 currents and factors against the case of the notes, and the duty of breakers against closed forms.

use std::path::Path;
use studies::short_circuit::ansi::{
    self, AnsiOptions, asymmetrical_factor, low_voltage_factor, peak_factor, peak_factor_half_cycle, symmetrical_factor,
};
use studies::short_circuit::case::{Breaker, BreakerStandard, Bus, Case, Feeder, Generator, MachineKind, Motor, MotorGroup};
use studies::short_circuit::duty::{Comparison, FaultSide, Quantity};
use studies::short_circuit::{Duty, FaultKind, Options, duty_table, judge};

fn json(case: &str, file: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases").join(case).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn near(what: &str, a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{what}: {a} against {b}");
}

#[test]
fn factors_of_the_table() {
    let expected = json("short-circuit-ansi", "expected.json");
    let rows = expected["factors"].as_array().expect("rows");
    assert_eq!(rows.len(), 9);
    for row in rows {
        let v: Vec<f64> = row.as_array().expect("a row").iter().map(|x| x.as_f64().expect("a number")).collect();
        let x = v[0];
        let asymmetrical = [0.5, 2.0, 3.0, 4.0].map(|c| asymmetrical_factor(x, c));
        // The test circuits of 15, 20 and 30 per cent power factor, whose rounded X/R the columns are named by.
        let low = [0.15_f64, 0.20, 0.30].map(|pf| low_voltage_factor(x, pf.acos().tan()));
        let ours = [&[peak_factor_half_cycle(x), peak_factor(x)][..], &asymmetrical[..], &low[..]].concat();
        for (ours, printed) in ours.into_iter().zip(&v[1..]) {
            near(&format!("X/R {x}"), ours, *printed, 5.1e-5);
        }
    }
}

#[test]
fn the_worked_case() {
    let case: Case = serde_json::from_value(json("short-circuit-ansi", "network.json")).expect("a case");
    let expected = json("short-circuit-ansi", "expected.json");
    let w = |name: &str| expected["worked"][name].as_f64().expect("a number");
    let pair = |name: &str| -> Vec<f64> {
        expected["worked"][name].as_array().expect("two").iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    let base = 13.8f64.powi(2) / 20.0;
    let study = ansi::run(&case, &AnsiOptions { buses: vec!["13.8".into()], ..AnsiOptions::default() }).expect("sound");
    let b = &study.buses[0];
    let (first, later) = (&b.first_cycle[0], &b.interrupting[0]);
    let z = first.z_ohm / base;
    near("R", z.re, pair("first_cycle_pu")[0], 5.5e-7);
    near("X", z.im, pair("first_cycle_pu")[1], 5.5e-7);
    near("first cycle", first.ik_ka, w("first_cycle_ka"), 5.5e-5);
    near("X/R", first.x_r, w("first_cycle_x_r"), 5.5e-4);
    near("X/R of Z", first.x_r_complex, w("first_cycle_x_r_complex"), 5.5e-4);
    near("peak", b.peak_ka, w("peak_ka"), 5.5e-3);
    near("peak, half-cycle", b.peak_half_cycle_ka, w("peak_half_cycle_ka"), 5.5e-3);
    near("asymmetrical", b.asymmetrical_ka, w("asymmetrical_ka"), 5.5e-3);
    near("interrupting", later.ik_ka, w("interrupting_ka"), 5.5e-5);
    near("interrupting X/R", later.x_r, w("interrupting_x_r"), 5.5e-3);
    near("total-current factor", asymmetrical_factor(later.x_r, 3.0), w("total_factor_3_cycles"), 5.5e-4);
    near("symmetrical factor", symmetrical_factor(later.x_r, 3.0), w("symmetrical_factor_3_cycles"), 5.5e-4);
    // Without the motors: the path of the source.
    let mut alone = case.clone();
    alone.motors.clear();
    let study = ansi::run(&alone, &AnsiOptions { buses: vec!["13.8".into()], ..AnsiOptions::default() }).expect("sound");
    let source = &study.buses[0].first_cycle[0];
    near("source R", source.z_ohm.re / base, pair("source_path_pu")[0], 5.5e-7);
    near("source X", source.z_ohm.im / base, pair("source_path_pu")[1], 5.5e-7);
    near("source", source.ik_ka, w("source_path_ka"), 5.5e-5);
    // In one path both networks are the complex one.
    near("one path", source.x_r, source.x_r_complex, 1e-9);
}

fn motor(mw: f64, pole_pairs: u32) -> Motor {
    Motor {
        id: "m".into(),
        bus: "a".into(),
        ur_kv: 4.16,
        p_mw: Some(mw),
        cos_phi: Some(0.9),
        efficiency: Some(0.95),
        pole_pairs,
        x_pu: Some(0.2),
        rx: Some(0.05),
        count: 1,
        in_service: true,
        ..Motor::default()
    }
}

#[test]
fn machine_multipliers() {
    let hp = 0.000_745_7;
    for (power, poles, due) in [
        (1100.0, 2, MotorGroup::Large),
        (900.0, 2, MotorGroup::Medium),
        (300.0, 1, MotorGroup::Large),
        (200.0, 1, MotorGroup::Medium),
        (60.0, 3, MotorGroup::Medium),
        (40.0, 2, MotorGroup::Small),
    ] {
        assert_eq!(ansi::motor_group(&motor(power * hp, poles), 60.0), due, "{power} hp");
    }
    let bus = Bus { id: "a".into(), kv: 4.16, c_max: None, c_min: None, in_service: true };
    for (mw, first, later) in [(1.0, 1.0, Some(1.5)), (0.5, 1.2, Some(3.0)), (0.02, 1.67, None)] {
        let case = Case { f_hz: Some(60.0), buses: vec![bus.clone()], motors: vec![motor(mw, 2)], ..Case::default() };
        let study = ansi::run(&case, &AnsiOptions::default()).expect("sound");
        let own = mw / (0.9 * 0.95) / (3f64.sqrt() * 4.16) / 0.2f64.hypot(0.01);
        near("first cycle", study.buses[0].first_cycle[0].ik_ka, own / first, 1e-9);
        match later {
            Some(k) => near("interrupting", study.buses[0].interrupting[0].ik_ka, own / k, 1e-9),
            None => assert!(study.buses[0].interrupting.is_empty()),
        }
    }
    let machine = |kind: MachineKind| Generator {
        id: "g".into(),
        bus: "a".into(),
        kind,
        sr_mva: 5.0,
        ur_kv: 4.16,
        xdpp_pu: 0.2,
        r_ohm: Some(0.01),
        cos_phi: 0.8,
        in_service: true,
        ..Generator::default()
    };
    let look = |kind: MachineKind| {
        let case = Case { f_hz: Some(60.0), buses: vec![bus.clone()], generators: vec![machine(kind)], ..Case::default() };
        let b = ansi::run(&case, &AnsiOptions::default()).expect("sound").buses.remove(0);
        (b.interrupting[0].ik_ka / b.first_cycle[0].ik_ka, b.remote_part)
    };
    let (ratio, remote) = look(MachineKind::Turbine);
    near("turbine", ratio, 1.0, 1e-12);
    near("a generator at the fault is local", remote, 0.0, 1e-12);
    let (ratio, remote) = look(MachineKind::SynchronousMotor);
    near("synchronous motor", ratio, 1.0 / 1.5, 1e-12);
    near("a motor is no local generator", remote, 1.0, 1e-12);
}

fn breaker(id: &str, element: Option<&str>, standard: BreakerStandard) -> Breaker {
    Breaker {
        id: id.into(),
        bus: "a".into(),
        element: element.map(Into::into),
        standard,
        rated_kv: 24.0,
        interrupting_ka: 20.0,
        peak_ka: Some(50.0),
        short_time_ka: Some(20.0),
        short_time_s: Some(3.0),
        contact_parting_s: 0.05,
        ..Breaker::default()
    }
}

fn two_feeders() -> Case {
    let feeder = |id: &str, ik: f64| Feeder {
        id: id.into(),
        bus: "a".into(),
        ik_max_ka: Some(ik),
        rx_max: Some(0.1),
        x0_x1: Some(1.0),
        r0_x0: Some(0.1),
        in_service: true,
        ..Feeder::default()
    };
    Case {
        f_hz: Some(60.0),
        buses: vec![Bus { id: "a".into(), kv: 20.0, c_max: None, c_min: None, in_service: true }],
        feeders: vec![feeder("small", 4.0), feeder("large", 9.0)],
        ..Case::default()
    }
}

fn get(d: &Duty, q: Quantity) -> &Comparison {
    d.comparisons.iter().find(|c| c.quantity == q).expect("compared")
}

/// A breaker breaks what comes from one side of it, not the current of the bus.
#[test]
fn a_breaker_has_its_own_current() {
    let mut case = two_feeders();
    case.breakers = vec![
        breaker("of small", Some("small"), BreakerStandard::Iec),
        breaker("of large", Some("large"), BreakerStandard::Iec),
        breaker("of the bus", None, BreakerStandard::Iec),
    ];
    let duties = judge(&case, &Options::default(), &AnsiOptions::default()).expect("sound");
    let kappa = 1.02 + 0.98 * (-0.3f64).exp();
    for (d, due, side) in [(&duties[0], 9.0, FaultSide::Element), (&duties[1], 9.0, FaultSide::Bus), (&duties[2], 13.0, FaultSide::Whole)] {
        let c = get(d, Quantity::Breaking);
        near(&d.breaker, c.duty_ka, due, 1e-9);
        near("percent", c.duty_pct, 5.0 * due, 1e-8);
        near("margin", c.margin_ka, 20.0 - due, 1e-9);
        assert_eq!(c.side, side, "{}", d.breaker);
        near("peak", get(d, Quantity::Peak).duty_ka, kappa * 2f64.sqrt() * due, 1e-9);
        // 3 s of rating against 1 s of fault counts as the rated current.
        near("thermal rating", get(d, Quantity::Thermal).rating_ka, 20.0, 1e-12);
        let with_dc = get(d, Quantity::AsymmetricalBreaking);
        let dc = 2f64.sqrt() * due * (-2.0 * std::f64::consts::PI * 60.0 * 0.05 * 0.1).exp();
        near("asymmetrical", with_dc.duty_ka, due.hypot(dc), 1e-9);
        let p = (-0.05f64 / 0.045).exp();
        near("asymmetrical rating", with_dc.rating_ka, 20.0 * (1.0 + 2.0 * p * p).sqrt(), 1e-9);
        assert_eq!(d.governing().map(|c| c.duty_pct), d.comparisons.iter().map(|c| c.duty_pct).reduce(f64::max));
    }
    let table = duty_table(&duties);
    assert_eq!(table.rows.len(), 12);
    assert_eq!(table.batch().num_rows(), 12);
}

#[test]
fn a_generator_breaker_breaks_what_has_decayed() {
    let mut case = two_feeders();
    case.f_hz = Some(50.0);
    case.feeders.remove(0);
    case.generators.push(Generator {
        id: "g".into(),
        bus: "a".into(),
        sr_mva: 60.0,
        ur_kv: 20.0,
        xdpp_pu: 0.12,
        r_ohm: Some(0.005),
        cos_phi: 0.8,
        in_service: true,
        ..Generator::default()
    });
    case.breakers = vec![breaker("of the feeder", Some("large"), BreakerStandard::Iec), breaker("of g", Some("g"), BreakerStandard::Iec)];
    let duties = judge(&case, &Options::default(), &AnsiOptions::default()).expect("sound");
    let kg = 1.1 / (1.0 + 0.12 * 0.6);
    let x = 0.12 * 400.0 / 60.0;
    let ik = 1.1 * 20.0 / 3f64.sqrt() / (kg * f64::hypot(x, 0.005));
    let ratio = ik / (60.0 / (3f64.sqrt() * 20.0));
    let decayed = ik * (0.71 + 0.51 * (-0.30 * ratio).exp());
    let largest = |d: &Duty| get(d, Quantity::Breaking).clone();
    // The generator's decayed current against the feeder's 9 kA: each breaker has the larger of both, by whichever kind of fault.
    assert!(decayed < ik * 0.9 && ik > 15.0);
    let c = largest(&duties[0]);
    assert!(c.duty_ka >= decayed - 1e-9 && c.duty_ka < ik, "{c:?}");
    assert_eq!(c.side, FaultSide::Element);
    let three: Vec<_> = duties.iter().map(largest).collect();
    near("both see both currents", three[0].duty_ka, three[1].duty_ka, 1e-9);
}

#[test]
fn ansi_breakers_have_their_factors() {
    let mut case = two_feeders();
    let total = Breaker { contact_parting_s: 3.0 / 60.0, ..breaker("total", Some("small"), BreakerStandard::AnsiTotal) };
    let symmetrical = Breaker { contact_parting_s: 3.0 / 60.0, ..breaker("symmetrical", Some("small"), BreakerStandard::AnsiSymmetrical) };
    case.breakers = vec![total, symmetrical, breaker("low", None, BreakerStandard::AnsiLowVoltage)];
    let duties = judge(&case, &Options::default(), &AnsiOptions::default()).expect("sound");
    // X/R is 10 on every path; line-earth is as large as three-phase, where both sequences are alike.
    let of = |d: &Duty, q: Quantity| get(d, q).duty_ka;
    near("total", of(&duties[0], Quantity::Breaking), 9.0 * asymmetrical_factor(10.0, 3.0), 1e-8);
    near("symmetrical", of(&duties[1], Quantity::Breaking), 9.0, 1e-8);
    near("low", of(&duties[2], Quantity::Breaking), 13.0 * low_voltage_factor(10.0, 6.59), 1e-8);
    near("close and latch", of(&duties[1], Quantity::Peak), 9.0 * peak_factor(10.0), 1e-8);
    assert_eq!(get(&duties[0], Quantity::Breaking).side, FaultSide::Element);
    assert!(duties.iter().all(|d| d.comparisons.iter().all(|c| matches!(c.fault, FaultKind::ThreePhase | FaultKind::LineEarth))));
}
