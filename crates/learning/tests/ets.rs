//! Exponential smoothing against statsmodels: `cases/learning-ets`.

use learning::forecast::ets::{Smoothing, States};
use learning::forecast::{Ets, EtsOptions, Forecaster};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Expected {
    alpha: f64,
    beta: f64,
    gamma: f64,
    phi: f64,
    level: f64,
    slope: f64,
    season: Vec<f64>,
    sse: f64,
    forecast: Vec<f64>,
}

#[derive(Deserialize)]
struct Tolerance {
    same: f64,
    forecast: f64,
    fit: f64,
}

#[derive(Deserialize)]
struct Case {
    series: String,
    period: usize,
    trend: learning::forecast::Trend,
    seasonal: learning::forecast::Seasonal,
    tolerance: Tolerance,
}

#[test]
fn smoothing_is_that_of_statsmodels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/learning-ets");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    cases.sort();
    assert_eq!(cases.len(), 3);
    for path in cases {
        let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
        let case: Case = toml::from_str(&read("case.toml")).unwrap();
        let expected: Expected = serde_json::from_str(&read("expected/statsmodels.json")).unwrap();
        let series: Vec<f64> = read(&case.series).lines().skip(1).map(|l| l.parse().unwrap()).collect();
        let options = EtsOptions { period: case.period, trend: Some(case.trend), seasonal: Some(case.seasonal) };
        let fitted = Ets::fit(&series, &options).unwrap();
        let theirs = Ets {
            smoothing: Smoothing { alpha: expected.alpha, beta: expected.beta, gamma: expected.gamma, phi: expected.phi },
            first: States { level: expected.level, slope: expected.slope, season: expected.season },
            ..fitted.clone()
        };
        let mut sse = 0.0;
        for t in 0..series.len() {
            sse += (theirs.forecast(&series[..t], 1).unwrap().mean[0] - series[t]).powi(2);
        }
        let apart = (sse / expected.sse - 1.0).abs();
        let ahead = theirs.forecast(&series, expected.forecast.len()).unwrap().mean;
        let worst = ahead.iter().zip(&expected.forecast).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        println!("{}: sum apart {apart:.1e}, forecast {worst:.1e}, our fit over theirs {:.4}", path.display(), fitted.sse / expected.sse);
        assert!(apart < case.tolerance.same, "{}: {apart}", path.display());
        assert!(worst < case.tolerance.forecast, "{}: {worst}", path.display());
        assert!(fitted.sse / expected.sse < case.tolerance.fit, "{}: {}", path.display(), fitted.sse / expected.sse);
    }
}
