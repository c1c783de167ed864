//! Short circuits by IEC 60909-0 against the test network of IEC/TR 60909-4, closed forms and laws that hold on any network.

use num_complex::Complex64;
use std::path::Path;
use studies::short_circuit::case::{Bus, Case, Converter, Coupler, Feeder, Generator, Line, Motor, StarPoint, Transformer};
use studies::short_circuit::{BusFaults, Extreme, Fault, FaultKind, Options, Partials, Study, check, run};
use studies::synthetic::random::Random;

fn read(case: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases").join(case).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn published() -> (Case, serde_json::Map<String, serde_json::Value>) {
    let case = serde_json::from_str(&read("short-circuit-iec60909-4", "network.json")).expect("a case");
    let expected = serde_json::from_str(&read("short-circuit-iec60909-4", "expected.json")).expect("expected values");
    (case, expected)
}

fn solve(case: &Case, options: &Options) -> Study {
    run(case, options).unwrap_or_else(|e| panic!("{:#?}", e.findings))
}

fn at<'a>(study: &'a Study, bus: &str) -> &'a BusFaults {
    study.buses.iter().find(|b| b.bus == bus).unwrap_or_else(|| panic!("no bus {bus}"))
}

fn of(b: &BusFaults, kind: FaultKind) -> &Fault {
    b.faults.iter().find(|f| f.kind == kind).expect("the fault was asked for")
}

fn near(what: &str, a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{what}: {a} against {b}");
}

/// Every figure of the table to its last printed digit; the one exception is told.
#[test]
fn the_table_of_iec_60909_4_comes_out() {
    let (case, expected) = published();
    let study = solve(&case, &Options { n: Some(1.0), t_k_s: 0.1, ..Options::default() });
    let alone = solve(&case, &Options { motors: false, ..Options::default() });
    let mut compared = 0;
    for (bus, values) in &expected {
        let b = at(&study, bus);
        let (three, two, one) = (of(b, FaultKind::ThreePhase), of(b, FaultKind::LineLine), of(b, FaultKind::LineEarth));
        let z0 = b.z0_ohm.unwrap_or_default();
        for (name, value) in values.as_object().expect("values of a bus") {
            let printed = value.as_f64().expect("a number");
            // Half a unit of the last printed digit, and what its own rounding leaves.
            let (ours, tolerance) = match name.as_str() {
                "ik3_ka" => (three.ik_ka, 5.5e-5),
                "ip_b_ka" if bus.starts_with("HG") => (three.ip_b_ka, 5.5e-4),
                "ip_b_ka" => (three.ip_b_ka, 5.5e-5),
                "ip_c_ka" => (three.ip_c_ka, 5.5e-5),
                // Printed as Ik'' itself, that is without the decay of G3 (3.47 times its rated current), which the standard's formula has.
                "ib_ka" if bus == "1" => {
                    near("Ib at 1 by the formula", three.ib_ka, 40.6424, 5.5e-5);
                    (three.ib_ka, 2.7e-3)
                }
                "ib_ka" if bus.starts_with("HG") => (three.ib_ka, 5.5e-5),
                "ib_ka" => (three.ib_ka, 5.5e-4),
                "sk_mva" => (three.sk_mva, 5.5e-3),
                "ik2_ka" => (two.ik_ka, 5.5e-5),
                "ik1_ka" => (one.ik_ka, 5.5e-5),
                "ik3_without_motors_ka" => (of(at(&alone, bus), FaultKind::ThreePhase).ik_ka, 5.5e-5),
                "ith_n1_ka" => (three.ith_ka, 5.5e-5),
                "r_ohm" => (b.z1_ohm.re, 5.5e-5),
                "x_ohm" => (b.z1_ohm.im, 5.5e-5),
                "r0_ohm" => (z0.re, 5.5e-6),
                "x0_ohm" => (z0.im, 5.5e-6),
                other => panic!("{other} is not known"),
            };
            near(&format!("{name} at {bus}"), ours, printed, tolerance);
            compared += 1;
        }
    }
    assert!(compared > 90, "{compared}");
}

fn bus(id: &str, kv: f64) -> Bus {
    Bus { id: id.into(), kv, c_max: None, c_min: None, in_service: true }
}

fn feeder(id: &str, bus: &str, sk: f64) -> Feeder {
    Feeder {
        id: id.into(),
        bus: bus.into(),
        sk_max_mva: Some(sk),
        sk_min_mva: Some(0.6 * sk),
        rx_max: Some(0.2),
        x0_x1: Some(1.8),
        r0_x0: Some(0.3),
        in_service: true,
        ..Feeder::default()
    }
}

fn line(id: &str, from: &str, to: &str, z: (f64, f64), z0: Option<(f64, f64)>) -> Line {
    Line {
        id: id.into(),
        from: from.into(),
        to: to.into(),
        length_km: 2.0,
        r_ohm_per_km: z.0,
        x_ohm_per_km: z.1,
        r0_ohm_per_km: z0.map(|z| z.0),
        x0_ohm_per_km: z0.map(|z| z.1),
        parallel: 1,
        end_temperature_c: Some(80.0),
        in_service: true,
    }
}

fn transformer(id: &str, hv: &str, lv: &str, kv: (f64, f64), group: &str) -> Transformer {
    Transformer {
        id: id.into(),
        hv: hv.into(),
        lv: lv.into(),
        sr_mva: 1.0,
        ur_hv_kv: kv.0,
        ur_lv_kv: kv.1,
        ukr_pct: 6.0,
        urr_pct: Some(1.0),
        vector_group: group.into(),
        parallel: 1,
        in_service: true,
        ..Transformer::default()
    }
}

/// One source behind an impedance: everything has a closed form.
#[test]
fn four_faults_behind_one_impedance() {
    let case = Case {
        buses: vec![bus("a", 20.0), bus("b", 20.0)],
        feeders: vec![feeder("q", "a", 500.0)],
        lines: vec![line("l", "a", "b", (0.3, 0.4), Some((0.6, 1.5)))],
        ..Case::default()
    };
    for (extreme, c, sk, warm) in [(Extreme::Max, 1.1, 500.0, 1.0), (Extreme::Min, 1.0, 300.0, 1.0 + 0.004 * 60.0)] {
        let study = solve(&case, &Options { extreme, ..Options::default() });
        let b = at(&study, "b");
        let x = c * 400.0 / sk / 1.04f64.sqrt();
        let z1 = Complex64::new(0.2 * x + 0.6 * warm, x + 0.8);
        let z0 = Complex64::new(0.3 * 1.8 * x + 1.2 * warm, 1.8 * x + 3.0);
        near("Z1", (b.z1_ohm - z1).norm(), 0.0, 1e-12);
        near("Z0", (b.z0_ohm.expect("a path to earth") - z0).norm(), 0.0, 1e-12);
        let e = c * 20.0 / 3f64.sqrt();
        let three = of(b, FaultKind::ThreePhase);
        near("three-phase", three.ik_ka, e / z1.norm(), 1e-12);
        near("line-line", of(b, FaultKind::LineLine).ik_ka, 3f64.sqrt() / 2.0 * e / z1.norm(), 1e-12);
        near("line-earth", of(b, FaultKind::LineEarth).ik_ka, 3.0 * e / (z1 + z1 + z0).norm(), 1e-12);
        let both = of(b, FaultKind::LineLineEarth);
        near("into earth", both.earth_ka, 3.0 * e / (z1 + z0 + z0).norm(), 1e-12);
        // IEC 60909-0, the phase currents of a line-line-earth fault: sizes of Z0 - aZ and Z0 - a²Z.
        let a = Complex64::from_polar(1.0, 2.0 * std::f64::consts::PI / 3.0);
        let phase = |a: Complex64| 3f64.sqrt() * e * (z0 - a * z1).norm() / (z1 * z1 + z1 * z0 * 2.0).norm();
        let mut due = [phase(a), phase(a * a)];
        let mut has = [both.phases_ka[1], both.phases_ka[2]];
        due.sort_by(f64::total_cmp);
        has.sort_by(f64::total_cmp);
        near("smaller phase", has[0], due[0], 1e-12);
        near("larger phase", has[1], due[1], 1e-12);
        // One source: both methods and the sum are the same.
        let kappa = 1.02 + 0.98 * (-3.0 * z1.re / z1.im).exp();
        for ip in [three.ip_b_ka, three.ip_c_ka, three.ip_ka] {
            near("peak", ip, kappa * 2f64.sqrt() * three.ik_ka, 1e-10);
        }
        near("breaking", three.ib_ka, three.ik_ka, 1e-12);
        near("steady", three.ik_steady_ka.expect("a feeder"), three.ik_ka, 1e-12);
        let dc = 2f64.sqrt() * three.ik_ka * (-2.0 * std::f64::consts::PI * 50.0 * 0.1 * z1.re / z1.im).exp();
        near("dc", three.dc[0].dc_ka, dc, 1e-12);
    }
}

/// What each vector group offers the zero sequence, seen from both sides.
#[test]
fn zero_sequence_by_vector_group() {
    let star = StarPoint { r_ohm: 3.0, x_ohm: 0.5 };
    let look = |group: &str| {
        let mut t = transformer("t", "a", "b", (20.0, 10.0), group);
        t.ukr0_pct = Some(5.0);
        t.urr0_pct = Some(0.8);
        t.hv_star = group.starts_with("YN").then_some(star);
        t.lv_star = group[1..].contains('n').then_some(star);
        let mut q = feeder("q", "a", 500.0);
        if group.starts_with('Y') {
            // The earthing of the transformer alone.
            (q.x0_x1, q.r0_x0) = (None, None);
        }
        let case = Case { buses: vec![bus("a", 20.0), bus("b", 10.0)], feeders: vec![q], transformers: vec![t], ..Case::default() };
        let study = solve(&case, &Options::default());
        (at(&study, "a").z0_ohm, at(&study, "b").z0_ohm)
    };
    let k = 0.95 * 1.1 / (1.0 + 0.6 * (0.06f64.powi(2) - 0.01f64.powi(2)).sqrt());
    let own = Complex64::new(0.008, (0.05f64.powi(2) - 0.008f64.powi(2)).sqrt()) * 100.0 * k;
    let neutral = Complex64::new(9.0, 1.5);
    let same = |z: Option<Complex64>, due: Complex64| near("Z0", (z.expect("a path") - due).norm(), 0.0, 1e-10);
    let (hv, lv) = look("Dyn5");
    same(lv, own + neutral);
    assert!(hv.is_some_and(|z| z.im > 1.0), "the feeder's own");
    let (hv, lv) = look("YNd5");
    same(hv, own * 4.0 + neutral);
    assert_eq!(lv, None);
    for open in ["Yy0", "Yd11", "Yyn0", "YNy0"] {
        assert_eq!(look(open), (None, None), "{open}");
    }
    let (hv, lv) = look("Yzn5");
    same(lv, own + neutral);
    assert_eq!(hv, None);
    // Both star points earthed: the path leads through to the feeder.
    let mut t = transformer("t", "a", "b", (20.0, 10.0), "YNyn0");
    (t.ukr0_pct, t.urr0_pct, t.hv_star, t.lv_star) = (Some(5.0), Some(0.8), Some(star), Some(star));
    let case = Case {
        buses: vec![bus("a", 20.0), bus("b", 10.0)],
        feeders: vec![feeder("q", "a", 500.0)],
        transformers: vec![t],
        ..Case::default()
    };
    let study = solve(&case, &Options::default());
    let source = at(&study, "a").z0_ohm.expect("a path");
    same(at(&study, "b").z0_ohm, source / 4.0 + own + neutral + neutral / 4.0);
}

/// A line-earth fault behind delta-star draws line currents in two phases of the other side, a √3 smaller than a star would.
#[test]
fn phase_currents_beyond_a_delta() {
    for group in ["Dyn1", "Dyn5", "Dyn7", "Dyn11"] {
        let case = Case {
            buses: vec![bus("a", 20.0), bus("b", 0.4)],
            feeders: vec![feeder("q", "a", 500.0)],
            transformers: vec![transformer("t", "a", "b", (20.0, 0.4), group)],
            ..Case::default()
        };
        let study = solve(&case, &Options { partials: Partials::All, ..Options::default() });
        let fault = of(at(&study, "b"), FaultKind::LineEarth);
        let mut i = fault.partials.iter().find(|p| p.id == "q").expect("the feeder").phases_ka;
        i.sort_by(f64::total_cmp);
        let due = fault.ik_ka * 0.4 / 20.0 / 3f64.sqrt();
        near("the third phase", i[0], 0.0, 1e-12);
        near("two phases", i[1], due, 1e-12);
        near("two phases", i[2], due, 1e-12);
        let three = of(at(&study, "b"), FaultKind::ThreePhase);
        let own = three.partials.iter().find(|p| p.id == "q").expect("the feeder").phases_ka[0];
        near("three-phase", own, three.ik_ka * 0.4 / 20.0, 1e-12);
    }
}

fn generator(id: &str, bus: &str) -> Generator {
    Generator {
        id: id.into(),
        bus: bus.into(),
        sr_mva: 20.0,
        ur_kv: 10.5,
        xdpp_pu: 0.15,
        cos_phi: 0.8,
        in_service: true,
        ..Generator::default()
    }
}

#[test]
fn a_generator_decays_and_settles() {
    let mut g = generator("g", "a");
    g.xd_sat_pu = Some(1.6);
    let case = Case { buses: vec![bus("a", 10.0)], generators: vec![g], ..Case::default() };
    let study = solve(&case, &Options::default());
    let b = at(&study, "a");
    let x = 0.15 * 10.5 * 10.5 / 20.0;
    let kg = 10.0 / 10.5 * 1.1 / (1.0 + 0.15 * 0.6);
    let z = Complex64::new(0.07 * x, x) * kg;
    near("Z", (b.z1_ohm - z).norm(), 0.0, 1e-12);
    let f = of(b, FaultKind::ThreePhase);
    let rated = 20.0 / (3f64.sqrt() * 10.5);
    near("breaking", f.ib_ka, f.ik_ka * (0.62 + 0.72 * (-0.32 * f.ik_ka / rated).exp()), 1e-12);
    // Nothing lies between the machine and the fault but what the voltage factor asks for.
    let outer = (1.09 / (f.ik_ka / rated) - 0.15f64).max(0.0);
    let most = 1.3 * (1.0 + 2.0 * 1.6 * 0.6 + 2.56f64).sqrt() / (1.6 + outer) * rated;
    near("steady", f.ik_steady_ka.expect("xd is given"), most, 1e-12);
    assert!(f.n < 1.0 && f.ith_ka < f.ik_ka * (f.m + 1.0).sqrt());
    // Nothing is said of the smallest steady current of a machine whose xd is not told.
    let mut blind = case.clone();
    blind.generators[0].xd_sat_pu = None;
    let study = solve(&blind, &Options { extreme: Extreme::Min, ..Options::default() });
    assert_eq!(of(at(&study, "a"), FaultKind::ThreePhase).ik_steady_ka, None);
}

#[test]
fn converters_add_their_share_and_couplers_join() {
    let mut case = Case {
        buses: vec![bus("a", 20.0), bus("a2", 20.0), bus("b", 20.0)],
        feeders: vec![feeder("q", "a", 500.0)],
        lines: vec![line("l", "a2", "b", (0.3, 0.4), Some((0.6, 1.5)))],
        couplers: vec![Coupler { id: "k".into(), from: "a".into(), to: "a2".into(), closed: true }],
        converters: vec![Converter { id: "pv".into(), bus: "b".into(), i_3ph_ka: 0.5, in_service: true, ..Converter::default() }],
        ..Case::default()
    };
    let with = solve(&case, &Options { partials: Partials::All, ..Options::default() });
    let none = {
        let mut c = case.clone();
        c.converters.clear();
        solve(&c, &Options::default())
    };
    for (bus, share) in [("b", 1.0), ("a", 1.0), ("a2", 1.0)] {
        for kind in FaultKind::ALL {
            let (f, before) = (of(at(&with, bus), kind), of(at(&none, bus), kind));
            // The current of a converter beyond the fault flows to it whole; what it adds depends on the kind of fault.
            let z1 = at(&with, bus).z1_ohm;
            let e = 1.1 * 20.0 / 3f64.sqrt();
            near("converter", f.ik_ka, before.ik_ka * (1.0 + share * z1.norm() * 0.5 / e), 1e-10);
            let sum: Complex64 = f.partials.iter().filter(|p| p.at_fault).map(|p| p.sequence_ka[0]).sum();
            near("Kirchhoff", (sum - f.sequence_ka[0]).norm(), 0.0, 1e-10);
        }
    }
    near("three-phase", of(at(&with, "b"), FaultKind::ThreePhase).of_converters_ka, 0.5, 1e-12);
    case.couplers[0].closed = false;
    let open = solve(&case, &Options::default());
    assert!(open.buses.iter().all(|b| b.bus == "a"), "the rest has no source");
    assert_eq!(open.findings.iter().filter(|d| d.code == "SHORT.BUS.NOT_FED").count(), 2);
}

/// A network of three voltages with loops, machines and converters, from a seed.
fn random_case(seed: u64) -> Case {
    let mut r = Random::new(seed, 60909, 0);
    let mut case = Case { f_hz: Some(if seed.is_multiple_of(2) { 50.0 } else { 60.0 }), ..Case::default() };
    let n = 6 + r.whole(0, 10) as usize;
    for i in 0..n {
        case.buses.push(bus(&format!("m{i}"), 20.0));
        if i == 0 {
            continue;
        }
        let to = r.whole(0, i as i32 - 1);
        case.lines.push(line(
            &format!("l{i}"),
            &format!("m{to}"),
            &format!("m{i}"),
            (r.between(0.05, 0.4), r.between(0.08, 0.4)),
            Some((0.5, 1.2)),
        ));
    }
    for k in 0..r.whole(0, 4) {
        let (a, b) = (r.whole(0, n as i32 - 1), r.whole(0, n as i32 - 1));
        if a != b {
            case.lines.push(line(&format!("x{k}"), &format!("m{a}"), &format!("m{b}"), (0.2, 0.3), Some((0.6, 1.0))));
        }
    }
    case.feeders.push(feeder("q", "m0", r.between(100.0, 900.0)));
    for k in 0..r.whole(1, 4) {
        case.buses.push(bus(&format!("v{k}"), 0.4));
        let hv = r.whole(0, n as i32 - 1);
        case.transformers.push(transformer(&format!("t{k}"), &format!("m{hv}"), &format!("v{k}"), (21.0, 0.41), "Dyn5"));
        let motor = Motor {
            id: format!("motor{k}"),
            bus: format!("v{k}"),
            ur_kv: 0.4,
            sr_mva: Some(r.between(0.02, 0.3)),
            pole_pairs: 2,
            i_lr_ir: Some(6.0),
            count: 2,
            in_service: true,
            ..Motor::default()
        };
        case.motors.push(motor);
    }
    case.buses.push(bus("u", 10.0));
    case.transformers.push(Transformer { sr_mva: 25.0, ..transformer("ut", "m1", "u", (20.5, 10.5), "YNd11") });
    case.generators.push(Generator { unit_transformer: Some("ut".into()), r_ohm: Some(0.01), ..generator("ug", "u") });
    case.converters.push(Converter {
        id: "c".into(),
        bus: format!("m{}", n - 1),
        i_3ph_ka: r.between(0.01, 0.3),
        in_service: true,
        ..Converter::default()
    });
    case
}

#[test]
fn laws_that_hold_on_any_network() {
    for seed in 0..25 {
        let case = random_case(seed);
        let study = solve(&case, &Options { partials: Partials::All, ..Options::default() });
        assert_eq!(study.buses.len(), case.buses.len());
        for b in &study.buses {
            for f in &b.faults {
                for s in 0..3 {
                    let sum: Complex64 = f.partials.iter().filter(|p| p.at_fault).map(|p| p.sequence_ka[s]).sum();
                    near(
                        &format!("partial currents at {} of {:?}, seed {seed}", b.bus, f.kind),
                        (sum - f.sequence_ka[s]).norm(),
                        0.0,
                        1e-9 * f.ik_ka.max(1.0),
                    );
                }
            }
            let (three, two) = (of(b, FaultKind::ThreePhase), of(b, FaultKind::LineLine));
            near("line-line", two.ik_ka, 3f64.sqrt() / 2.0 * three.ik_ka, 1e-10 * three.ik_ka);
            assert!(three.ib_ka <= three.ik_ka * (1.0 + 1e-9) && three.ib_ka > 0.0, "{} at {}, seed {seed}", three.ib_ka, b.bus);
            assert!(three.ip_ka <= 2.0 * 2f64.sqrt() * three.ik_ka);
        }
        // Twice everything: lines half as long, ratings doubled.
        let mut twice = case.clone();
        twice.lines.iter_mut().for_each(|l| l.length_km /= 2.0);
        twice.feeders.iter_mut().for_each(|f| f.sk_max_mva = f.sk_max_mva.map(|s| 2.0 * s));
        twice.transformers.iter_mut().for_each(|t| t.sr_mva *= 2.0);
        twice.motors.iter_mut().for_each(|m| m.sr_mva = m.sr_mva.map(|s| 2.0 * s));
        twice.converters.iter_mut().for_each(|c| c.i_3ph_ka *= 2.0);
        for g in &mut twice.generators {
            g.sr_mva *= 2.0;
            g.r_ohm = g.r_ohm.map(|r| r / 2.0);
        }
        let doubled = solve(&twice, &Options::default());
        for (a, b) in study.buses.iter().zip(&doubled.buses) {
            for (f, g) in a.faults.iter().zip(&b.faults) {
                near("doubled", g.ik_ka, 2.0 * f.ik_ka, 1e-9 * f.ik_ka.max(1e-6));
            }
        }
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let codes = |case: &Case| -> Vec<String> { check(case, Extreme::Max).into_iter().map(|d| d.code).collect() };
    assert_eq!(codes(&Case::default()), ["SHORT.CASE.NO_SOURCE"]);
    let mut bad_line = line("l", "a", "nowhere", (0.0, 0.0), Some((-1.0, 1.0)));
    bad_line.length_km = f64::NAN;
    let mut t = transformer("t", "a", "b", (20.0, 20.0), "Dyn4");
    t.urr_pct = Some(7.0);
    let mut g = generator("g", "b");
    g.unit_transformer = Some("none".into());
    let case = Case {
        buses: vec![bus("a", 20.0), bus("A", 20.0), bus("b", 0.4)],
        feeders: vec![feeder("q", "a", 500.0), feeder("Q", "a", -1.0)],
        lines: vec![bad_line],
        transformers: vec![t],
        generators: vec![g],
        motors: vec![Motor { id: "m".into(), bus: "b".into(), ur_kv: 0.4, pole_pairs: 0, count: 1, in_service: true, ..Motor::default() }],
        ..Case::default()
    };
    let found = codes(&case);
    let due = [
        "SHORT.BUS.DUPLICATE",
        "SHORT.ELEMENT.DUPLICATE",
        "SHORT.ELEMENT.BAD_VALUE",
        "SHORT.BUS.UNKNOWN",
        "SHORT.ELEMENT.BAD_IMPEDANCE",
        "SHORT.TRANSFORMER.RESISTANCE",
        "SHORT.VOLTAGE.MISMATCH",
        "SHORT.VECTOR_GROUP.UNREADABLE",
        "SHORT.UNIT.UNKNOWN_TRANSFORMER",
        "SHORT.MOTOR.NO_POWER",
        "SHORT.MOTOR.NO_REACTANCE",
    ];
    for code in due {
        assert!(found.iter().any(|c| c == code), "{code} is not in {found:?}");
    }
    assert!(run(&case, &Options::default()).is_err());
    // Smallest currents need the smallest power.
    let mut q = feeder("q", "a", 500.0);
    q.sk_min_mva = None;
    let case = Case { buses: vec![bus("a", 20.0)], feeders: vec![q], ..Case::default() };
    assert!(run(&case, &Options::default()).is_ok());
    let refused = run(&case, &Options { extreme: Extreme::Min, ..Options::default() }).expect_err("no smallest power");
    assert_eq!(refused.findings[0].code, "SHORT.FEEDER.NO_POWER");
    let unknown = run(&case, &Options { buses: vec!["x".into()], ..Options::default() }).expect_err("no such bus");
    assert_eq!(unknown.findings[0].code, "SHORT.BUS.UNKNOWN");
}

/// Two unequal ways round with clock numbers that do not add up are told.
#[test]
fn a_loop_of_vector_groups_that_does_not_close_is_told() {
    let mut case = Case {
        buses: vec![bus("a", 20.0), bus("b", 0.4)],
        feeders: vec![feeder("q", "a", 500.0)],
        transformers: vec![transformer("t", "a", "b", (20.0, 0.4), "Dyn5"), transformer("s", "a", "b", (20.0, 0.4), "Dyn11")],
        ..Case::default()
    };
    let told = |case: &Case| solve(case, &Options::default()).findings.iter().any(|d| d.code == "SHORT.VECTOR_GROUP.LOOP");
    assert!(told(&case));
    case.transformers[1].vector_group = "Dyn5".into();
    assert!(!told(&case));
}
