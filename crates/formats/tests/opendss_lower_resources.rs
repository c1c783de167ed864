//! Derived values of loads, generation, storage, controls and shapes against OpenDSS.
//!
//! Every expected number is what DSS C-API 0.14.5 answers when the property is queried after the same
//! commands; `|` parts the commands of an object, since sizes are worked out at the end of each.

use std::path::Path;

use formats::opendss::lower::{LowerOptions, Lowered, lower};
use formats::opendss::{MemoryFiles, ReadOptions, Reader, RecordingHost};
use network::*;

const BEFORE: &str = "\
clear
new circuit.c
new loadshape.s npts=3 mult=(1 2 3)
new loadshape.ua npts=3 mult=(10 20 30) useactual=y
new loadshape.uaq npts=3 mult=(10 20 30) qmult=(1 2 3) useactual=y
new line.l1 bus1=sourcebus bus2=b
new xycurve.e npts=2 xarray=(0 1) yarray=(1 1)
new pvsystem.pv1 bus1=b
new storage.st1 bus1=b
";

fn files() -> MemoryFiles {
    let doubles: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let singles: Vec<u8> = [0.1f32, 0.2, 0.3, 0.4].iter().flat_map(|x| x.to_le_bytes()).collect();
    MemoryFiles::new()
        .with("a.csv", "1\n2\n3\n4\n")
        .with("a2.csv", "1, 0.5\n2, 0.6\n3, 0.7\n4, 0.8\n")
        .with("a3.csv", "1, 0.5, 9\n2, 0.6, 8\n3, 0.7, 7\n4, 0.8,6")
        .with("a.dbl", doubles)
        .with("a.sng", singles)
}

fn try_lowered(script: &str) -> Result<Lowered, String> {
    let files = files().with("m.dss", script);
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&files, ReadOptions::default(), &mut host);
    reader.compile(Path::new("m.dss")).map_err(|e| e.to_string())?;
    let (model, _) = reader.finish();
    lower(&model, LowerOptions::default()).map_err(|d| d.iter().map(|d| d.to_string()).collect::<Vec<_>>().join("\n"))
}

/// The network after `BEFORE` and the commands on object `z` of `class`.
fn network(class: &str, commands: &str) -> Network {
    let mut script = BEFORE.to_string();
    for (i, command) in commands.split('|').enumerate() {
        script += &format!("{} {class}.z {command}\n", if i == 0 { "new" } else { "edit" });
    }
    match try_lowered(&script) {
        Ok(lowered) => lowered.network,
        Err(e) => panic!("{class} {commands}: {e}"),
    }
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{what}: {found}, OpenDSS {expected}");
}

#[test]
fn the_size_of_a_load_follows_what_was_said_last() {
    let kvar = |kw: f64, pf: f64| kw * (1.0 / (pf * pf) - 1.0).sqrt();
    // Commands; kW, kvar, power factor.
    let rows: &[(&str, f64, f64, f64)] = &[
        ("", 10.0, 5.39742822138087, 0.88),
        ("kw=50", 50.0, 26.9871411069044, 0.88),
        ("kw=50 kvar=20", 50.0, 20.0, 0.928476690885259),
        ("kw=50 pf=0.9", 50.0, 24.2161052418926, 0.9),
        ("kvar=20", 10.0, 20.0, 0.447213595499958),
        ("kvar=20 kw=50", 50.0, 26.9871411069044, 0.88),
        ("kw=50 kvar=20 pf=0.9", 50.0, 20.0, 0.928476690885259),
        ("kw=50 pf=-0.9", 50.0, -24.2161052418926, -0.9),
        ("kw=-50 pf=0.9", -50.0, -24.2161052418926, 0.9),
        ("kw=-50 kvar=20", -50.0, 20.0, 0.928476690885259),
        ("kw=50 kvar=-20", 50.0, -20.0, -0.928476690885259),
        ("kva=100", 88.0, 47.4973683481517, 0.88),
        ("kva=100 pf=-.9", 90.0, -43.5889894354067, -0.9),
        ("kva=100 kvar=50", 10.0, 50.0, 0.196116135138184),
        ("kva=100|kvar=50", 88.0, 50.0, 0.869456557392768),
        ("kw=50 kvar=20 kw=60", 60.0, 32.3845693282852, 0.88),
        ("kw=50 kvar=20|kw=60", 60.0, 24.0, 0.928476690885259),
        ("kw=50 kvar=20|pf=.8|kw=70", 70.0, 28.0, 0.928476690885259),
        ("kw=50 kvar=20|kva=100", 92.8476690885259, 37.1390676354104, 0.928476690885259),
        ("xfkva=100", 44.0, 23.7486841740758, 0.88),
        ("xfkva=100 pf=.9", 44.0, 21.3101726128655, 0.9),
        ("pf=.9 xfkva=100", 45.0, 21.7944947177034, 0.9),
        ("xfkva=100 pf=.9|allocationfactor=.7", 63.0, 30.5122926047847, 0.9),
        ("xfkva=100 allocationfactor=.7 pf=.9|pf=.8", 61.6, 46.2, 0.8),
        ("allocationfactor=.7", 10.0, 5.39742822138087, 0.88),
        ("kwh=1000", 5.55555555555556, 2.99857123410048, 0.88),
        ("kwh=1000 kwhdays=10 cfactor=2 pf=.9", 8.33333333333333, 4.03601754031544, 0.9),
        ("kw=5 kwhdays=10", 0.0, 0.0, 0.88),
        ("kw=0", 0.0, 0.0, 0.88),
        ("kw=0 kvar=10", 0.0, 10.0, 0.0),
        ("kvar=0", 10.0, 0.0, 1.0),
        ("daily=ua", 30.0, 0.0, 1.0),
        ("daily=uaq", 30.0, 3.0, 0.995037190209989),
        ("pf=.9 daily=uaq", 30.0, 14.5296631451356, 0.9),
        ("daily=uaq pf=.9", 30.0, 3.0, 0.995037190209989),
        ("daily=s", 10.0, kvar(10.0, 0.88), 0.88),
    ];
    for (commands, kw, q, pf) in rows {
        let load = &network("load", &format!("bus1=b {commands}")).loads[0];
        let close = |what: &str, found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(100.0), "{commands}: {what} {found}, OpenDSS {expected}")
        };
        close("kW", load.p_kw, *kw);
        close("kvar", load.q_kvar, *q);
        close("pf", load.power_factor, *pf);
    }
}

#[test]
fn a_daily_shape_is_the_yearly_one_too_unless_that_was_given() {
    let shapes = |commands: &str| {
        let n = network("load", commands);
        let name = |id: Option<LoadShapeId>| id.map(|id| n.load_shapes[id.index()].name.clone());
        let s = n.loads[0].shapes;
        (name(s.yearly), name(s.daily))
    };
    let some = |s: &str| Some(s.to_string());
    assert_eq!(shapes("bus1=b daily=s"), (some("s"), some("s")));
    assert_eq!(shapes("bus1=b yearly=ua daily=s"), (some("ua"), some("s")));
    assert_eq!(shapes("bus1=b daily=s yearly=ua"), (some("ua"), some("s")));
    assert_eq!(shapes("bus1=b yearly=s"), (some("s"), None));
}

#[test]
fn like_copies_a_load_but_not_its_bus() {
    let script = format!("{BEFORE}new load.a bus1=b.2 phases=1 kv=3 kw=5 pf=.9 conn=delta vminnorm=.8 kwh=7\nnew load.z like=a\n");
    let n = try_lowered(&script).unwrap().network;
    let (a, z) = (&n.loads[0], &n.loads[1]);
    assert_eq!((z.kv, z.p_kw, z.q_kvar, z.connection, z.common.n_phases), (3.0, a.p_kw, a.q_kvar, Connection::Delta, 1));
    assert_eq!(n.bus(z.common.terminals[0].bus).name, "z_1");
    assert_eq!(z.v_min_normal_pu, 0.0);
}

#[test]
fn a_load_of_no_size_or_voltage_is_refused() {
    for (commands, words) in [("bus1=b pf=0", "power factor"), ("bus1=b kwh=5 kwhdays=0", "days"), ("bus1=b kv=0", "voltage")] {
        let error = try_lowered(&format!("{BEFORE}new load.z {commands}\n")).unwrap_err();
        assert!(error.contains(words) && error.contains("m.dss:"), "{commands}: {error}");
    }
}

#[test]
fn reactive_power_and_its_limits_follow_a_generator() {
    // Commands; kW, kvar, power factor, most and least kvar, kVA.
    let rows: &[(&str, [f64; 6])] = &[
        ("", [1000.0, 60.0, 0.88, 120.0, -120.0, 1200.0]),
        ("kw=50", [50.0, 26.9871411069044, 0.88, 53.9742822138087, -53.9742822138087, 60.0]),
        ("kw=50 kvar=20", [50.0, 20.0, 0.928476690885259, 40.0, -40.0, 60.0]),
        ("pf=-0.9", [1000.0, -484.322104837853, -0.9, 968.644209675705, -968.644209675705, 1200.0]),
        ("kvar=20 pf=0.9", [1000.0, 484.322104837853, 0.9, 968.644209675705, -968.644209675705, 1200.0]),
        ("kw=50 kvar=-20|kw=60", [60.0, -24.0, -0.928476690885259, 48.0, -48.0, 72.0]),
        ("kvar=-20", [1000.0, -20.0, -0.999800059980007, -40.0, 40.0, 1200.0]),
        ("kva=500 kw=50", [50.0, 26.9871411069044, 0.88, 53.9742822138087, -53.9742822138087, 500.0]),
        ("kw=50 maxkvar=10", [50.0, 26.9871411069044, 0.88, 10.0, -53.9742822138087, 60.0]),
        ("maxkvar=10 minkvar=-10 kvar=50", [1000.0, 50.0, 0.998752338877845, 100.0, -100.0, 1200.0]),
        ("daily=uaq", [30.0, 3.0, 0.995037190209989, 6.0, -6.0, 1200.0]),
        ("kw=0", [0.0, 0.0, 0.88, 0.0, 0.0, 0.0]),
        ("kvar=0", [1000.0, 0.0, 1.0, 0.0, 0.0, 1200.0]),
    ];
    for (commands, expected) in rows {
        let g = &network("generator", &format!("bus1=b {commands}")).generators[0];
        let found = [g.p_kw, g.q_kvar, g.power_factor, g.q_max_kvar, g.q_min_kvar, g.kva];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1000.0), "{commands}: {found}, OpenDSS {expected}");
        }
    }
}

#[test]
fn limits_of_kvar_follow_the_kva_of_a_pv_system_until_they_are_given() {
    // Commands; kVA, kvarMax, kvarMaxAbs.
    let rows: &[(&str, [f64; 3])] = &[
        ("", [500.0, 500.0, 500.0]),
        ("kva=100", [100.0, 100.0, 100.0]),
        ("kvarmax=50 kva=100", [100.0, 50.0, 50.0]),
        ("kva=100 kvarmaxabs=50", [100.0, 100.0, 50.0]),
        ("kva=100 kvarmaxabs=50 kvarmax=40", [100.0, 40.0, 50.0]),
        ("kva=100 kvarmax=-40", [100.0, -40.0, 40.0]),
        ("kva=100 kvarmax=40 kvarmaxabs=30|kva=200", [200.0, 40.0, 30.0]),
    ];
    for (commands, expected) in rows {
        let n = network("pvsystem", &format!("bus1=b {commands}"));
        let i = &n.pv_systems[1].inverter;
        assert_eq!([i.kva, i.q_max_kvar, i.q_max_abs_kvar], *expected, "{commands}");
    }
    let follows = |commands: &str| network("pvsystem", commands).pv_systems[1].inverter.q_follows_pf;
    assert!(follows("bus1=b kvar=30 pf=.9") && !follows("bus1=b pf=.9 kvar=30") && follows("bus1=b"));
    let pv = &network("pvsystem", "bus1=b").pv_systems[1];
    assert_eq!((pv.inverter.cut_in_pct, pv.inverter.r_pct, pv.inverter.x_pct, pv.p_mpp_kw), (20.0, 50.0, 0.0, 500.0));
}

#[test]
fn a_storage_unit_is_full_when_its_capacity_is_set_and_works_by_percentages() {
    use StorageMode::*;
    // Commands; kVA, kvarMax, kWh stored, %discharge, %charge, state.
    let rows: &[(&str, [f64; 5], StorageMode)] = &[
        ("", [25.0, 25.0, 50.0, 100.0, 100.0], Idling),
        ("kwrated=100", [100.0, 25.0, 50.0, 100.0, 100.0], Idling),
        ("kva=120 kwrated=100", [120.0, 120.0, 50.0, 100.0, 100.0], Idling),
        ("kwhrated=200 %stored=50", [25.0, 25.0, 100.0, 100.0, 100.0], Idling),
        ("%stored=50 kwhrated=200", [25.0, 25.0, 200.0, 100.0, 100.0], Idling),
        ("state=charging", [25.0, 25.0, 50.0, 100.0, 100.0], Idling),
        ("%stored=50 state=charging", [25.0, 25.0, 25.0, 100.0, 100.0], Charging),
        ("state=discharging kw=10", [25.0, 25.0, 50.0, 40.0, 100.0], Discharging),
        ("kw=-10", [25.0, 25.0, 50.0, 100.0, 40.0], Idling),
        ("kw=10 kwrated=100", [100.0, 25.0, 50.0, 40.0, 100.0], Discharging),
        ("kwrated=100 kw=10 kw=-20", [100.0, 25.0, 50.0, 10.0, 20.0], Idling),
        ("kw=40", [25.0, 25.0, 50.0, 160.0, 100.0], Discharging),
        ("state=discharging %stored=10", [25.0, 25.0, 5.0, 100.0, 100.0], Discharging),
        ("kwhrated=50 state=discharging %stored=10", [25.0, 25.0, 5.0, 100.0, 100.0], Idling),
        ("state=discharging %stored=10 %reserve=20", [25.0, 25.0, 5.0, 100.0, 100.0], Idling),
    ];
    for (commands, expected, mode) in rows {
        let n = network("storage", &format!("bus1=b {commands}"));
        let s = &n.storages[1];
        let found = [s.inverter.kva, s.inverter.q_max_kvar, s.energy_stored_kwh, s.discharge_pct, s.charge_pct];
        assert_eq!((found, s.mode), (*expected, *mode), "{commands}");
    }
}

#[test]
fn a_slip_is_limited_by_the_greatest_slip_of_the_moment() {
    for (commands, slip) in [("", 0.007), ("slip=.2", 0.1), ("maxslip=.3 slip=.2", 0.2), ("slip=.2 maxslip=.3", 0.1), ("slip=-.02", -0.02)]
    {
        assert_eq!(network("indmach012", &format!("bus1=b {commands}")).induction_machines[0].slip, slip, "{commands}");
    }
    let m = &network("indmach012", "bus1=b kw=50").induction_machines[0];
    assert_eq!((m.kva, m.connection, m.common.terminals[0].nodes.len()), (1200.0, Connection::Delta, 3));
}

#[test]
fn load_shapes_take_as_many_points_as_npts_says() {
    let shape = |commands: &str| network("loadshape", commands).load_shapes.last().unwrap().clone();
    // Commands; P, P of greatest magnitude, Q there, mean, standard deviation.
    type Row = (&'static str, &'static [f64], [f64; 4]);
    let rows: &[Row] = &[
        ("npts=4 mult=(1 2 3 4)", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=4 mult=(1 2)", &[1.0, 2.0, 0.0, 0.0], [2.0, 0.0, 0.75, 0.957427107756338]),
        ("npts=2 mult=(1 2 3 4)", &[1.0, 2.0], [2.0, 0.0, 1.5, std::f64::consts::FRAC_1_SQRT_2]),
        ("mult=(1 2 3)", &[], [1.0, 0.0, 0.0, 0.0]),
        ("npts=4 mult=(1 2 3 4) npts=2", &[1.0, 2.0], [2.0, 0.0, 1.5, std::f64::consts::FRAC_1_SQRT_2]),
        ("npts=3 hour=(1 2 4) mult=(1 2 3)", &[1.0, 2.0, 3.0], [3.0, 0.0, 2.16666666666667, 0.687184270936277]),
        ("npts=4 mult=(1 2 3 -4) action=normalize", &[0.25, 0.5, 0.75, -1.0], [-1.0, 0.0, 0.125, 0.777281587757401]),
        ("npts=4 mult=(1 2 3 4) pbase=2 action=normalize", &[0.5, 1.0, 1.5, 2.0], [2.0, 0.0, 1.25, 0.645497224367903]),
        ("npts=4 qmult=(4 3 2 1) mult=(1 2)", &[1.0, 2.0, 0.0, 0.0], [2.0, 3.0, 0.75, 0.957427107756338]),
        ("npts=4 mult=(1 2 3 4) qmax=9 pmax=7", &[1.0, 2.0, 3.0, 4.0], [4.0, 9.0, 2.5, 1.29099444873581]),
        ("npts=4 mult=(1 2 3 4) mean=9 stddev=8", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 9.0, 8.0]),
        ("npts=4 mean=9 mult=(1 2 3 4)", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=1 mult=(3 4) action=normalize", &[1.0], [1.0, 0.0, 1.0, 1.0]),
        ("npts=4 csvfile=a.csv", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=9 csvfile=a.csv", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=3 csvfile=a.csv", &[1.0, 2.0, 3.0], [3.0, 0.0, 2.0, 1.0]),
        ("npts=4 csvfile=a2.csv", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=4 pqcsvfile=a2.csv", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.8, 2.5, 1.29099444873581]),
        ("npts=4 dblfile=a.dbl", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
        ("npts=4 mult=(file=a2.csv, column=2)", &[0.5, 0.6, 0.7, 0.8], [0.8, 0.0, 0.65, 0.129099444873581]),
        ("npts=4 mult=(dblfile=a.dbl)", &[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 2.5, 1.29099444873581]),
    ];
    for (commands, p, [p_max, q_max, mean, stddev]) in rows {
        let s = shape(commands);
        assert_eq!(&*s.p, *p, "{commands}");
        close(commands, s.p_max, *p_max);
        close(commands, s.q_max, *q_max);
        close(commands, s.mean, *mean);
        close(commands, s.stddev, *stddev);
    }
    let s = shape("npts=9 sngfile=a.sng");
    assert_eq!(&*s.p, [0.1f32, 0.2, 0.3, 0.4].map(f64::from));
    let s = shape("npts=4 interval=0 csvfile=a2.csv");
    assert_eq!((s.hours.as_deref(), &*s.p), (Some(&[1.0, 2.0, 3.0, 4.0][..]), &[0.5, 0.6, 0.7, 0.8][..]));
    let s = shape("npts=4 interval=0 pqcsvfile=a3.csv");
    assert_eq!((&*s.p, s.q.as_deref()), (&[0.5, 0.6, 0.7, 0.8][..], Some(&[9.0, 8.0, 7.0, 6.0][..])));
    let s = shape("npts=2 interval=0 dblfile=a.dbl");
    assert_eq!((s.hours.as_deref(), &*s.p), (Some(&[1.0, 3.0][..]), &[2.0, 4.0][..]));
    assert_eq!(shape("npts=4 sinterval=900 mult=(1 2 3 4)").interval_h, 0.25);
    assert_eq!(shape("npts=4 minterval=15 mult=(1 2 3 4)").interval_h, 0.25);
    assert_eq!(shape("npts=3 hour=(1 2 4) mult=(1 2 3) interval=1").interval_h, 1.0);
    let error = try_lowered(&format!("{BEFORE}new loadshape.z npts=3 interval=0 mult=(1 2 3)\n")).unwrap_err();
    assert!(error.contains("hour of every point"), "{error}");
}

#[test]
fn curves_are_points_in_any_of_their_forms() {
    for commands in ["npts=2 xarray=(1 2 3) yarray=(4 5 6)", "npts=2 points=(1 4 2 5)", "npts=2 points=[1,4 2,5]"] {
        let n = network("xycurve", commands);
        let c = n.xy_curves.last().unwrap();
        assert_eq!((&*c.x, &*c.y), (&[1.0, 2.0][..], &[4.0, 5.0][..]), "{commands}");
    }
    let n = network("xycurve", "npts=9 csvfile=a2.csv");
    assert_eq!(&*n.xy_curves.last().unwrap().y, [0.5, 0.6, 0.7, 0.8]);
    let n = network("growthshape", "npts=2 year=(2000.6 2005) mult=(1.1 1.05)");
    assert_eq!(n.growth_shapes.last().unwrap().years, [2001, 2005]);
    let n = network("spectrum", "numharm=3 harmonic=(1 3 5)");
    assert_eq!(n.spectra.last().unwrap().angle_deg, [0.0; 3]);
}

#[test]
fn an_inverter_control_without_a_list_controls_all_units() {
    let n = network("invcontrol", "mode=voltvar vvc_curve1=e");
    let c = &n.inverter_controls[0];
    let names: Vec<String> = c.units.iter().map(|&id| n.full_name(id)).collect();
    assert_eq!(names, ["pvsystem.pv1", "storage.st1"]);
    assert_eq!((c.mode, c.all_units, c.var_tolerance_pu, c.volt_watt_axis), (InverterMode::VoltVar, true, 0.025, VoltWattAxis::PMpp));
    let n = network("invcontrol", "pvsystemlist=(pv1) avgwindowlen=2m refreactivepower=varmax_vars");
    let c = &n.inverter_controls[0];
    assert_eq!((c.units.len(), c.average_window_s, c.reactive_reference), (1, 120.0, ReactiveReference::Max));
    let error = try_lowered(&format!("{BEFORE}new invcontrol.z derlist=(pvsystem.nope)\n")).unwrap_err();
    assert!(error.contains("pvsystem.nope"), "{error}");
    let n = network("expcontrol", "");
    assert_eq!((n.exponential_controls[0].units.len(), n.exponential_controls[0].delta_q_factor), (1, 0.7));
}

#[test]
fn the_band_of_a_storage_controller_keeps_its_percentage() {
    // Commands; band in percent, threshold.
    let rows =
        [("", 2.0, 6000.0), ("kwtarget=100", 2.0, 75.0), ("kwband=5 kwtarget=100", 0.0625, 75.0), ("kwtarget=100 kwband=5", 5.0, 75.0)];
    for (commands, band_pct, threshold) in rows {
        let n = network("storagecontroller", &format!("element=line.l1 {commands}"));
        let c = &n.storage_controllers[0];
        close(commands, c.band_pct, band_pct);
        assert_eq!(c.kw_threshold, threshold, "{commands}");
    }
    assert_eq!(network("storagecontroller", "element=line.l1 modedischarge=follow").storage_controllers[0].discharge_time_h, 12.0);
}

#[test]
fn open_devices_open_what_they_switch() {
    let closed = |class: &str, commands: &str| -> (Vec<bool>, Vec<bool>) {
        let n = network(class, commands);
        let t = &n.lines[0].common.terminals;
        (t[0].closed.clone(), t[1].closed.clone())
    };
    let (yes, no) = (vec![true; 3], vec![false; 3]);
    // A switch control's action waits for the control loop, its state does not.
    assert_eq!(closed("swtcontrol", "switchedobj=line.l1 action=open"), (yes.clone(), yes.clone()));
    assert_eq!(closed("swtcontrol", "switchedobj=line.l1 state=open"), (no.clone(), yes.clone()));
    assert_eq!(closed("swtcontrol", "switchedobj=line.l1 lock=yes state=open"), (yes.clone(), yes.clone()));
    assert_eq!(closed("swtcontrol", "switchedobj=line.l1 switchedterm=2 state=open"), (yes.clone(), no.clone()));
    for class in ["relay", "recloser"] {
        assert_eq!(closed(class, "monitoredobj=line.l1 action=open"), (no.clone(), yes.clone()), "{class}");
        assert_eq!(closed(class, "monitoredobj=line.l1 normal=open"), (yes.clone(), yes.clone()), "{class}");
        assert_eq!(closed(class, "monitoredobj=line.l1 action=open|action=close"), (yes.clone(), yes.clone()), "{class}");
    }
    assert_eq!(closed("fuse", "monitoredobj=line.l1 state=(open closed open)"), (vec![false, true, false], yes.clone()));
    let s = &network("swtcontrol", "switchedobj=line.l1 action=open").switch_controls[0];
    assert_eq!((s.state, s.command, s.normal), (SwitchState::Closed, SwitchState::Open, SwitchState::Open));
    let s = &network("swtcontrol", "switchedobj=line.l1 state=open normal=closed").switch_controls[0];
    assert_eq!((s.state, s.command), (SwitchState::Open, SwitchState::Closed));
    let relay = network("relay", "monitoredobj=line.l1 monitoredterm=2 type=46").relays[0].clone();
    assert_eq!((relay.protection.switched_terminal, relay.protection.delay_s, relay.relay_type.as_str()), (1, 0.1, "46"));
}

#[test]
fn meters_without_an_element_watch_the_source() {
    let n = network("energymeter", "peakcurrent=(1 2) option=(t m v)");
    let m = &n.energy_meters[0];
    assert_eq!(n.full_name(m.element.unwrap()), "vsource.source");
    assert_eq!((m.peak_current_a.as_slice(), m.options.join("")), (&[1.0, 2.0, 0.0][..], "tmv".to_string()));
    let n = network("monitor", "element=line.l1 terminal=2 mode=1");
    assert_eq!((n.monitors[0].terminal, n.monitors[0].mode, n.monitors[0].vi_polar), (1, 1, true));
    let n = network("sensor", "element=line.l1 kws=(1 2 3) conn=delta");
    assert_eq!((n.sensors[0].p_kw.as_deref(), n.sensors[0].delta), (Some(&[1.0, 2.0, 3.0][..]), true));
}

#[test]
fn a_meter_like_another_keeps_its_own_mask_currents_and_kind_of_zone() {
    let first = "new energymeter.p element=line.l1 option=(t m v) mask=(2 3) peakcurrent=(1 2 3) localonly=yes kvanormal=7";
    let n = try_lowered(&format!("{BEFORE}{first}\nnew energymeter.q like=p element=line.l1\n")).unwrap().network;
    let (p, q) = (&n.energy_meters[0], &n.energy_meters[1]);
    assert_eq!((p.options.join(""), q.options.join("")), ("tmv".to_string(), "trv".to_string()));
    assert_eq!((&p.mask[..3], &q.mask[..3]), (&[2.0, 3.0, 1.0][..], &[1.0; 3][..]));
    assert_eq!((q.peak_current_a.as_slice(), q.local_only, q.kva_normal), (&[400.0; 3][..], true, 7.0));
}

#[test]
fn classes_without_a_model_are_refused_unless_they_cannot_matter() {
    let error = try_lowered(&format!("{BEFORE}new vccs.z bus1=b.1 phases=1\n")).unwrap_err();
    assert!(error.contains("VCCS is not supported") && error.contains("m.dss:10"), "{error}");
    // A disabled one changes nothing, and one without effect is kept.
    let n = network("vccs", "bus1=b.1 phases=1 enabled=no");
    assert!(n.unmodelled[0].affects_power_flow && !n.unmodelled[0].common.enabled);
    let n = network("upfccontrol", "upfclist=()");
    assert_eq!((n.unmodelled[0].class.as_str(), n.unmodelled[0].affects_power_flow), ("upfccontrol", false));
}

#[test]
fn options_name_their_shapes() {
    let script = format!("{BEFORE}set defaultdaily=s loadshapeclass=duty longlinecorrection=yes loadmult=1.2\n");
    let o = try_lowered(&script).unwrap().network.options;
    assert_eq!((o.load_shape_class, o.long_line_correction, o.load_multiplier), (ShapeClass::Duty, true, 1.2));
    let n = try_lowered(&script).unwrap().network;
    assert_eq!(n.load_shapes[n.options.default_daily.unwrap().index()].name, "s");
    assert_eq!(n.load_shapes[n.options.default_yearly.unwrap().index()].name, "default");
}
