//! Transformers against OpenDSS's primitive admittances, and what it reports of their windings.

use super::*;
use network::{Common, TransformerThermal};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn cases_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/transformer_yprim")
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn complex(value: &Value) -> Vec<Complex64> {
    numbers(value).chunks(2).map(|x| Complex64::new(x[0], x[1])).collect()
}

fn read_transformer(case: &Value) -> Transformer {
    let mut common = Common::new("x", case["phases"].as_u64().unwrap() as usize);
    common.base_frequency_hz = number(case, "base_frequency_hz");
    let windings = case["windings"].as_array().unwrap().iter().map(|w| Winding {
        connection: if w["conn"] == "delta" { Connection::Delta } else { Connection::Wye },
        kv: number(w, "kv"),
        kva: number(w, "kva"),
        tap_pu: number(w, "tap"),
        r_pct: number(w, "r_pct"),
        r_neutral_ohm: number(w, "r_neutral_ohm"),
        x_neutral_ohm: number(w, "x_neutral_ohm"),
        tap_min_pu: 0.9,
        tap_max_pu: 1.1,
        n_taps: 32,
        r_dc_ohm: number(w, "r_dc_ohm"),
    });
    Transformer {
        common,
        kind: if case["class"] == "autotrans" { TransformerKind::Auto } else { TransformerKind::Ordinary },
        windings: windings.collect(),
        x_sc_pct: numbers(&case["x_sc_pct"]),
        no_load_loss_pct: number(case, "no_load_loss_pct"),
        load_loss_pct: 0.0,
        magnetising_pct: number(case, "magnetising_pct"),
        antifloat_ppm: number(case, "antifloat_ppm"),
        lead_lag: if case["lead"] == true { LeadLag::Lead } else { LeadLag::Lag },
        normal_kva: 0.0,
        emergency_kva: 0.0,
        thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
        is_substation: false,
        substation: String::new(),
        bank: String::new(),
        code: None,
        x_over_r_constant: case["x_over_r_constant"] == true,
        core: String::new(),
        ratings_kva: Vec::new(),
    }
}

fn taps(t: &Transformer) -> Vec<f64> {
    t.windings.iter().map(|w| w.tap_pu).collect()
}

fn read_matrix(path: &Path, order: usize) -> CMatrix {
    let text = std::fs::read_to_string(path).unwrap();
    let mut matrix = CMatrix::square(order);
    let mut n_rows = 0;
    for row in text.lines().skip(1) {
        let f: Vec<f64> = row.split(',').map(|x| x.parse().unwrap()).collect();
        matrix[(f[0] as usize, f[1] as usize)] = Complex64::new(f[2], f[3]);
        n_rows += 1;
    }
    assert_eq!(n_rows, order * order, "{}", path.display());
    matrix
}

/// Largest distance between two lists, relative to the largest entry.
fn distance(a: &[Complex64], b: &[Complex64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let scale = b.iter().map(|x| x.norm()).fold(1e-300, f64::max);
    a.iter().zip(b).map(|(x, y)| (x - y).norm()).fold(0.0, f64::max) / scale
}

#[test]
fn agrees_with_opendss() {
    let mut names: Vec<_> = std::fs::read_dir(cases_folder()).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 40, "only {} cases found", names.len());
    let mut worst = 0.0f64;
    let mut wrong = Vec::new();
    for folder in names {
        let text = std::fs::read_to_string(folder.join("case.json")).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let t = read_transformer(&case);
        let taps = taps(&t);
        let model = TransformerModel::compile(&t, number(&case, "frequency_hz")).unwrap();
        let mut found = CMatrix::square(model.order());
        model.yprim(&taps, &mut found);
        let expected = read_matrix(&folder.join("expected.csv"), model.order());
        assert!(found.is_symmetric(0.0), "{name}");

        let v = complex(&case["v"]);
        let i = found.mul_vec(&v);
        let losses = model.losses(&taps, &v, &i);
        let mut currents = Vec::new();
        model.winding_currents(&taps, &v, &mut currents);
        let mut reported = i.clone();
        model.report_currents(&mut reported);
        // Differences of voltages and currents of thousands leave fewer digits than the matrix has.
        let volts = v.iter().map(|x| x.norm()).fold(0.0, f64::max);
        let mut winding_volts = 0.0f64;
        for (w, listed) in case["winding_voltages"].as_array().unwrap().iter().enumerate() {
            let mut across = Vec::new();
            model.winding_voltages(w, &v, &mut across);
            let listed = complex(listed);
            if !listed.is_empty() {
                winding_volts = winding_volts.max(across.iter().zip(&listed).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max) / volts);
            }
        }
        let mut checks = vec![
            ("matrix", distance(found.as_slice(), expected.as_slice()), 1e-9),
            ("winding voltages", winding_volts, 1e-9),
            ("terminal currents", distance(&reported, &complex(&case["i"])), 1e-6),
        ];
        // OpenDSS takes the voltage of a one-phase delta winding against a conductor of the next winding, and so reports currents that
        // do not flow; ours do.
        if case.get("winding_currents").is_some() && model.ends == model.voltage_ends {
            checks.push(("winding currents", distance(&currents, &complex(&case["winding_currents"])), 1e-6));
        }
        // The sources have 60 Hz only, so nothing flows at other frequencies.
        let power = case["power_va"].as_f64().unwrap();
        assert_eq!(power > 0.0, case["frequency_hz"] == 60.0, "{name}");
        if let (Some(listed), true) = (case.get("losses"), power > 0.0) {
            let listed = complex(listed);
            for (what, a, b) in [
                ("losses", losses.total_va, listed[0]),
                ("load losses", losses.load_va, listed[1]),
                ("no-load losses", losses.no_load_va, listed[2]),
            ] {
                checks.push((what, (a - b).norm() / power, 1e-6));
            }
        }
        for (what, found, limit) in checks {
            if what == "matrix" {
                worst = worst.max(found);
            }
            if found >= limit || found.is_nan() {
                wrong.push(format!("{name}: {what} off by {found:.2e}"));
            }
        }
    }
    println!("worst relative distance of a matrix: {worst:.2e}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sample() -> Transformer {
    let text = std::fs::read_to_string(cases_folder().join("three_windings_wye_wye_delta/case.json")).unwrap();
    read_transformer(&serde_json::from_str(&text).unwrap())
}

#[test]
fn retapping_equals_compiling_anew() {
    let mut t = sample();
    let model = TransformerModel::compile(&t, 60.0).unwrap();
    let mut out = CMatrix::square(model.order());
    model.yprim(&[1.0, 1.0, 1.0], &mut out);
    let taps = [0.95, 1.0625, 1.0];
    model.yprim(&taps, &mut out);
    for (w, tap) in t.windings.iter_mut().zip(taps) {
        w.tap_pu = tap;
    }
    assert_eq!(out, transformer_yprim(&t, &taps, 60.0).unwrap());
    let mut no_load = CMatrix::square(model.order());
    model.yprim_no_load(&taps, &mut no_load);
    assert!(no_load.max_abs() > 0.0 && no_load.max_abs() < 1e-2 * out.max_abs());
}

#[test]
fn a_tap_of_zero_is_a_tiny_tap() {
    let t = sample();
    assert_eq!(transformer_yprim(&t, &[1.0, 0.0, 1.0], 60.0).unwrap(), transformer_yprim(&t, &[1.0, 0.0001, 1.0], 60.0).unwrap());
}

#[test]
fn what_is_wrong_is_named_with_its_winding() {
    let transformer = || "transformer.x".to_owned();
    let mut t = sample();
    t.windings[1].kv = 0.0;
    let error = TransformerModel::compile(&t, 60.0).unwrap_err();
    assert_eq!(error, TransformerError::WindingNotPositive { transformer: transformer(), winding: 2, quantity: "kV", value: 0.0 });

    let mut t = sample();
    t.windings[0].kva = 0.0;
    let error = TransformerModel::compile(&t, 60.0).unwrap_err();
    assert_eq!(error, TransformerError::WindingNotPositive { transformer: transformer(), winding: 1, quantity: "kVA", value: 0.0 });

    let mut t = sample();
    t.x_sc_pct = vec![0.0; 3];
    t.windings.iter_mut().for_each(|w| w.r_pct = 0.0);
    assert!(matches!(TransformerModel::compile(&t, 60.0), Err(TransformerError::SingularShortCircuit { winding: 2 | 3, .. })));

    let mut t = sample();
    t.x_sc_pct.pop();
    assert!(matches!(TransformerModel::compile(&t, 60.0), Err(TransformerError::Count { expected: 3, found: 2, .. })));

    let mut t = sample();
    t.windings.truncate(1);
    assert!(matches!(TransformerModel::compile(&t, 60.0), Err(TransformerError::Count { expected: 2, found: 1, .. })));
    assert!(matches!(transformer_yprim(&sample(), &[1.0], 60.0), Err(TransformerError::Count { expected: 3, found: 1, .. })));
    assert!(matches!(TransformerModel::compile(&sample(), 0.0), Err(TransformerError::NotPositive { quantity: "frequency", .. })));

    let mut t = sample();
    t.windings[2].r_pct = f64::NAN;
    assert!(matches!(TransformerModel::compile(&t, 60.0), Err(TransformerError::NotFinite { .. })));
}
