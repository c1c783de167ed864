//! Ageing of transformers against the table and the day of `cases/learning-ageing`, closed forms, and bad input.

use learning::ageing::{AgeingError, AgeingOptions, ageing, remaining_life};
use network::ThermalNameplate;
use powerflow::thermal::{OilTime, REFERENCE_55_C, Thermal, ageing_acceleration, ageing_acceleration_from};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Case {
    nameplate: Plate,
    factor: Vec<Rows>,
    settled: Settled,
    step: Stepped,
    variant: Vec<Variant>,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Plate {
    top_oil_rise_k: f64,
    hot_spot_gradient_k: f64,
    loss_ratio: f64,
    n: f64,
    m: f64,
    tau_oil_h: f64,
    tau_winding_h: f64,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Settled {
    ambient_c: f64,
    rows: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Stepped {
    ambient_c: f64,
    from_pu: f64,
    to_pu: f64,
    rows: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Variant {
    name: String,
    piece_min: f64,
    oil_time: OilTime,
    f_eqa: f64,
    loss_pct: f64,
    hot_spot_max_c: f64,
    top_oil_max_c: Option<f64>,
}

#[derive(Deserialize)]
struct Tolerance {
    factor: f64,
    factor_relative: f64,
    temperature_c: f64,
    relative: f64,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cases/learning-ageing")
}

fn case() -> Case {
    toml::from_str(&std::fs::read_to_string(folder().join("case.toml")).unwrap()).unwrap()
}

fn plate(p: &Plate) -> ThermalNameplate {
    ThermalNameplate {
        top_oil_rise_k: p.top_oil_rise_k,
        hot_spot_gradient_k: p.hot_spot_gradient_k,
        loss_ratio: p.loss_ratio,
        tau_oil_h: p.tau_oil_h,
        tau_winding_h: p.tau_winding_h,
        n: p.n,
        m: p.m,
        n_natural: p.n,
        m_natural: p.m,
        natural_share: 1.0,
        fans_on_c: f64::MAX,
        fans_off_c: f64::MAX,
        oil_litre: 0.0,
    }
}

/// Columns of the day: load, ambient, top oil, hot spot.
fn day() -> Vec<[f64; 4]> {
    let mut reader = csv::Reader::from_path(folder().join("day.csv")).unwrap();
    reader.deserialize::<[f64; 6]>().map(|r| r.unwrap()).map(|r| [r[1], r[2], r[3], r[4]]).collect()
}

#[test]
fn ageing_factors_are_those_of_the_standard() {
    let case = case();
    let rows = &case.factor[0].rows;
    assert_eq!(rows.len(), 14);
    for [c, expected] in rows {
        let f = ageing_acceleration(*c);
        let within = case.tolerance.factor.max(case.tolerance.factor_relative * expected);
        assert!((f - expected).abs() <= within, "{c}: {f}, {expected}");
    }
    // Of a winding rise of 55 K paper ages normally at 95 C.
    assert!((ageing_acceleration_from(REFERENCE_55_C, 95.0) - 1.0).abs() < 1e-12);
}

#[test]
fn temperatures_after_long_and_stepped_loads() {
    let case = case();
    let plate = plate(&case.nameplate);
    for [load, expected] in &case.settled.rows {
        let h = Thermal::settled(&plate, *load, case.settled.ambient_c).hot_spot_c();
        assert!((h - expected).abs() <= case.tolerance.temperature_c, "{load}: {h}, {expected}");
    }
    let s = &case.step;
    for [hours, expected] in &s.rows {
        let mut state = Thermal::settled(&plate, s.from_pu, s.ambient_c);
        state.advance(&plate, s.to_pu, s.ambient_c, *hours);
        assert!((state.hot_spot_c() - expected).abs() <= case.tolerance.temperature_c, "{hours} h: {}, {expected}", state.hot_spot_c());
    }
}

#[test]
fn the_day_ages_as_computed_elsewhere() {
    let case = case();
    let plate = plate(&case.nameplate);
    let day = day();
    let (load, ambient): (Vec<f64>, Vec<f64>) = day.iter().map(|r| (r[0], r[1])).unzip();
    assert_eq!(load.len(), 24);
    for v in &case.variant {
        let options = AgeingOptions { oil_time: v.oil_time, piece_min: v.piece_min, warm_up_runs: 29, ..AgeingOptions::default() };
        let a = ageing(&plate, &load, &ambient, 1.0, &options).unwrap();
        let near = |what: &str, got: f64, expected: f64| {
            assert!((got - expected).abs() <= case.tolerance.relative * expected.abs(), "{}: {what} {got}, {expected}", v.name);
        };
        near("F_EQA", a.f_eqa, v.f_eqa);
        near("loss of life", a.loss_of_life_pct, v.loss_pct);
        near("hot spot", a.hot_spot_max_c, v.hot_spot_max_c);
        if let Some(oil) = v.top_oil_max_c {
            near("top oil", a.top_oil_max_c, oil);
        }
    }
}

/// A minute is short enough: a quarter of it changes the factor by less than 0.2 %.
#[test]
fn pieces_of_a_minute_are_short_enough() {
    let case = case();
    let plate = plate(&case.nameplate);
    let (load, ambient): (Vec<f64>, Vec<f64>) = day().iter().map(|r| (r[0], r[1])).unzip();
    let factor = |piece_min| {
        let options = AgeingOptions { piece_min, warm_up_runs: 5, ..AgeingOptions::default() };
        ageing(&plate, &load, &ambient, 1.0, &options).unwrap().f_eqa
    };
    let (minute, quarter) = (factor(1.0), factor(0.25));
    println!("pieces of a minute {minute}, of a quarter {quarter}");
    assert!((minute / quarter - 1.0).abs() < 0.002, "{minute} {quarter}");
}

/// A constant load at its rating and 30 C ages normally: 180 000 hours, which is 20.55 years.
#[test]
fn rated_load_lasts_the_normal_life() {
    let plate = plate(&case().nameplate);
    let a = ageing(&plate, &[1.0; 48], &[30.0; 48], 1.0, &AgeingOptions::default()).unwrap();
    assert!((a.f_eqa - 1.0).abs() < 1e-9 && (a.remaining_years.unwrap() - 180_000.0 / 8760.0).abs() < 1e-6, "{a:?}");
    assert_eq!((a.hours_above_140, a.hours), (0.0, 48.0));
    let half = AgeingOptions { lost_so_far_pct: 50.0, ..AgeingOptions::default() };
    let life = remaining_life(&plate, &[1.0; 24], &[30.0; 24], 1.0, 0.0, 30, &half).unwrap();
    assert!((life.years.unwrap() - 90_000.0 / 8760.0).abs() < 1e-6, "{life:?}");
    // Loads that grow use it up sooner, each year more than the one before.
    let grows = remaining_life(&plate, &[1.0; 24], &[30.0; 24], 1.0, 2.0, 30, &half).unwrap();
    assert!(grows.years.unwrap() < life.years.unwrap() && grows.lost_pct.len() == grows.years.unwrap().ceil() as usize, "{grows:?}");
}

#[test]
fn bad_input_is_named() {
    let plate = plate(&case().nameplate);
    let options = AgeingOptions::default();
    let of = |load: &[f64], ambient: &[f64], step_h: f64| ageing(&plate, load, ambient, step_h, &options).unwrap_err();
    assert_eq!(of(&[], &[], 1.0), AgeingError::Empty);
    assert_eq!(of(&[1.0], &[], 1.0), AgeingError::Lengths { loads: 1, ambients: 0 });
    assert!(matches!(of(&[1.0, f64::NAN], &[20.0, 20.0], 1.0), AgeingError::Load { step: 1, .. }));
    assert!(matches!(of(&[-0.1], &[20.0], 1.0), AgeingError::Load { step: 0, .. }));
    assert!(matches!(of(&[1.0], &[f64::INFINITY], 1.0), AgeingError::Ambient { step: 0, .. }));
    assert!(matches!(of(&[1.0], &[20.0], 0.0), AgeingError::Length { .. }));
    let no_oil = ThermalNameplate { tau_oil_h: 0.0, ..plate };
    assert!(matches!(ageing(&no_oil, &[1.0], &[20.0], 1.0, &options), Err(AgeingError::Nameplate { .. })));
    let lost = AgeingOptions { lost_so_far_pct: 100.0, ..options };
    assert_eq!(ageing(&plate, &[1.0], &[20.0], 1.0, &lost), Err(AgeingError::LostSoFar { value: 100.0 }));
}
