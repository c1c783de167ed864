use super::*;
use crate::forecast::{BacktestOptions, backtest};
use studies::synthetic::random::Random;

fn small() -> NBeatsOptions {
    let stack = |basis, shared| Stack { basis, blocks: 2, layers: 2, width: 6, shared };
    NBeatsOptions {
        horizon: 4,
        lookbacks: vec![9],
        members: 1,
        stacks: vec![
            stack(Basis::Trend { degree: 2 }, true),
            stack(Basis::Seasonality { period: 4, harmonics: 2 }, true),
            stack(Basis::Generic, false),
        ],
        repeat: None,
        stride: 1,
        train: TrainOptions { epochs: 3, ..TrainOptions::default() },
        calibration: 0,
        level: 0.9,
        refit: false,
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let plan = Plan::<f64>::new(&small(), 9).unwrap();
    let mut random = Random::new(1, 1, 1);
    let mut numbers = |n: usize| (0..n).map(|_| random.normal()).collect::<Vec<f64>>();
    let mut parameters = plan.first_parameters(3);
    parameters.iter_mut().zip(numbers(plan.n_parameters())).for_each(|(p, r)| *p += 0.1 * r);
    let (inputs, targets) = (numbers(5 * 9), numbers(5 * 4));
    let weights: Vec<f64> = numbers(5).iter().map(|w| w.abs()).collect();
    let mut work = Work::default();
    let mut gradient = vec![0.0; plan.n_parameters()];
    plan.slope(&parameters, &inputs, &targets, &weights, &mut work, &mut gradient);
    let mut unused = vec![0.0; plan.n_parameters()];
    let mut largest: f64 = 0.0;
    for i in 0..parameters.len() {
        let mut at = |step: f64| {
            let mut p = parameters.clone();
            p[i] += step;
            plan.slope(&p, &inputs, &targets, &weights, &mut work, &mut unused)
        };
        let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
        largest = largest.max(gradient[i].abs());
        assert!((difference - gradient[i]).abs() < 1e-7, "parameter {i}: {difference} {}", gradient[i]);
    }
    assert!(largest > 0.01);
    // Trend and seasonality have one set of weights for two blocks, generic blocks one each.
    let one = |outputs: usize| 10 * 6 + 7 * 6 + 7 * outputs;
    assert_eq!(plan.n_parameters(), one(6) + one(10) + 2 * one(13));
}

/// Load of a street: a slow rise, days, and weekends of another shape, with noise.
fn street(hours: usize, noise: f64) -> Vec<f64> {
    let mut random = Random::new(4, 4, 4);
    let mut wander = 0.0;
    (0..hours)
        .map(|t| {
            let (hour, weekend) = ((t % 24) as f64, t / 24 % 7 >= 5);
            let day =
                (std::f64::consts::TAU * (hour - 18.0) / 24.0).cos() + 0.4 * (2.0 * std::f64::consts::TAU * (hour - 8.0) / 24.0).cos();
            wander = 0.995 * wander + 0.15 * random.normal();
            100.0 + 0.01 * t as f64 + if weekend { 8.0 * day - 6.0 } else { 14.0 * day } + noise * wander + 0.5 * noise * random.normal()
        })
        .collect()
}

fn quick() -> NBeatsOptions {
    let mut options = NBeatsOptions::week_to_day();
    options.members = 2;
    options.train.epochs = 40;
    options.stride = 5;
    options.stacks.iter_mut().for_each(|s| (s.width, s.blocks, s.layers) = (32, 2, 2));
    options.calibration = 60;
    options
}

#[test]
fn a_street_is_forecast_better_than_by_last_week_and_comes_apart() {
    let series = street(24 * 7 * 9, 2.0);
    let fit = |past: &[f64]| Ok(Box::new(NBeats::fit(&[past], &quick(), 2)?) as Box<dyn Forecaster>);
    let options = BacktestOptions { first_origin: 24 * 7 * 6, stride: 6, horizon: 24, period: 168, refit_every: None };
    let found = backtest(&series, &options, &[("n-beats", &fit)]).unwrap();
    let (naive, ours) = (&found.models[0], &found.models[1]);
    println!("seasonal naive {:.3}, n-beats {:.3}, within 90 %: {:?}", naive.all.mase, ours.all.mase, ours.coverage);
    assert!(ours.all.mase < 0.8 * naive.all.mase, "{} {}", ours.all.mase, naive.all.mase);
    let coverage = ours.coverage.as_ref().unwrap();
    let mean = coverage.iter().sum::<f64>() / 24.0;
    assert!((0.8..=0.99).contains(&mean), "{mean}");

    let past = &series[..24 * 7 * 7];
    let model = NBeats::fit(&[past], &quick(), 2).unwrap();
    assert_eq!(model, NBeats::fit(&[past], &quick(), 1).unwrap(), "the number of threads changes nothing");
    let ahead = model.forecast(past, 24).unwrap();
    assert_eq!(ahead.parts.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["trend", "seasonality"]);
    for h in 0..24 {
        assert!((ahead.parts[0].1[h] + ahead.parts[1].1[h] - ahead.mean[h]).abs() < 1e-9);
    }
    // A parabola has third differences of nothing.
    let t = &ahead.parts[0].1;
    assert!((3..24).all(|h| (t[h] - 3.0 * t[h - 1] + 3.0 * t[h - 2] - t[h - 3]).abs() < 1e-3), "{t:?}");
    // The trend stays near the level, the season carries the day.
    let spread = |v: &[f64]| v.iter().copied().fold(f64::MIN, f64::max) - v.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread(&ahead.parts[1].1) > spread(t), "{:?}", ahead.parts);
    let again: NBeats = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(again.forecast(past, 24).unwrap(), ahead);
    // Only the window counts, and what was never seen is told.
    assert_eq!(model.forecast(&past[100..], 24).unwrap().mean, ahead.mean);
    let scaled: Vec<f64> = past.iter().map(|v| 3.0 * v).collect();
    let far = model.forecast(&scaled, 24).unwrap();
    assert!(ahead.warnings.is_empty() && far.warnings.len() == 1, "{:?}", far.warnings);
    assert!((0..24).all(|h| (far.mean[h] - 3.0 * ahead.mean[h]).abs() < 1e-2), "scale goes through");
    assert!(model.interval(past, &ahead.mean, 0.999).is_none(), "60 windows say nothing of one in a thousand");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let series = street(400, 1.0);
    let fit = |values: &[f64], change: &dyn Fn(&mut NBeatsOptions)| {
        let mut options = small();
        change(&mut options);
        NBeats::fit(&[values], &options, 1).map(|_| ())
    };
    assert!(fit(&series, &|_| ()).is_ok());
    assert!(matches!(fit(&series[..13], &|_| ()), Err(FitError::TooShort { needed: 14, found: 13, .. })));
    assert!(matches!(fit(&[5.0; 100], &|_| ()), Err(FitError::Constant { .. })));
    let mut holes = series.clone();
    holes[17] = f64::INFINITY;
    assert!(matches!(fit(&holes, &|_| ()), Err(FitError::NotFinite { index: 17, .. })));
    assert!(fit(&series, &|o| o.stacks[1].basis = Basis::Seasonality { period: 4, harmonics: 3 }).is_err());
    assert!(fit(&series, &|o| o.stacks.clear()).is_err());
    assert!(fit(&series, &|o| o.lookbacks = vec![9, 1]).is_err());
    assert!(fit(&series, &|o| o.level = 1.0).is_err());
    assert!(fit(&series, &|o| o.calibration = 8).is_err(), "level 0.9 needs nine windows");
    assert!(fit(&series, &|o| o.calibration = 9).is_ok());
    assert!(matches!(fit(&series, &|o| o.train.rate = -1.0), Err(FitError::Net(_))));
    assert!(NBeats::fit(&[], &small(), 1).is_err());
    let model = NBeats::fit(&[&series], &small(), 1).unwrap();
    assert!(model.forecast(&series[..8], 4).is_err() && model.forecast(&series, 5).is_err());
    assert!(model.forecast(&holes[..20], 4).is_err());
}
