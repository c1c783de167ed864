//! N-BEATS beside seasonal naive forecasts and exponential smoothing, on series of a file.
//!
//!     forecast_backtest FILE.csv --first-origin N [--stride 1] [--refit STEPS] [--ets-refit STEPS] [--threads 2] [--members 4] [--epochs 120] [--repeat 168] [--lookback 168] [--ets-day 0] [--every 1]
//!
//! Columns of the file are series of hours, the first line their names. Models are fitted to the hours before the first origin (N-BEATS to all series at once)
//! and again every so many hours; forecasts of 24 hours begin every `--stride` hours. Errors are means over all origins.

use learning::forecast::{BacktestOptions, Ets, EtsOptions, Fit, FitError, Forecast, Forecaster, SeasonalNaive, backtest};
use learning::nbeats::NBeats;
use learning::nbeats::NBeatsOptions;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A model shared by the origins of several series.
struct Shared(Arc<NBeats>);

impl Forecaster for Shared {
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        self.0.forecast(history, horizon)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("no file is named")?;
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        given.insert(name, value.parse()?);
    }
    let of = |name: &str, or: usize| given.get(name).copied().unwrap_or(or);
    let text = std::fs::read_to_string(&file)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("an empty file")?.split(',').collect();
    let mut series: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, value) in series.iter_mut().zip(line.split(',')) {
            column.push(value.parse()?);
        }
    }
    let first_origin = of("--first-origin", 0);
    let stride = of("--stride", 1);
    let options = BacktestOptions { first_origin, stride, horizon: 24, period: 168, refit_every: None };
    let mut net = NBeatsOptions::week_to_day();
    net.members = of("--members", net.members);
    net.train.epochs = of("--epochs", net.train.epochs);
    net.stride = of("--every", net.stride);
    net.lookbacks = vec![of("--lookback", 168)];
    net.repeat = given.get("--repeat").copied();
    let threads = of("--threads", 2);
    let refit = of("--refit", usize::MAX);
    let ets_refit = of("--ets-refit", 24).div_ceil(stride).max(1);

    // One model of all series a fit, kept for the other series.
    let models: std::cell::RefCell<BTreeMap<usize, Arc<NBeats>>> = Default::default();
    let (mut seconds, mut fits) = (0.0, 0);
    let last = series[0].len() - 24;
    for origin in (first_origin..=last).step_by(refit.min(last)) {
        let past: Vec<&[f64]> = series.iter().map(|s| &s[..origin]).collect();
        let begun = Instant::now();
        let model = NBeats::fit(&past, &net, threads)?;
        seconds += begun.elapsed().as_secs_f64();
        fits += 1;
        if fits == 1 {
            let losses = &model.members[0].course.losses;
            println!(
                "{} windows, {} parameters a member, loss {:.4} to {:.4}",
                model.windows,
                model.members[0].parameters.len(),
                losses[0],
                losses[losses.len() - 1]
            );
        }
        models.borrow_mut().insert(origin, Arc::new(model));
    }
    println!(
        "n-beats: {fits} fits of {} series, {} members, {:.1} s a fit on {threads} threads",
        series.len(),
        net.members * net.lookbacks.len(),
        seconds / f64::from(fits)
    );
    println!("{:<22} {:<26} {:>7} {:>8} {:>10} {:>9}  MASE by hour 1 6 12 18 24", "series", "model", "MASE", "sMAPE %", "RMSE", "in 90 %");
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (name, values) in names.iter().zip(&series) {
        let daily = |_: &[f64]| Ok(Box::new(SeasonalNaive { period: 24 }) as Box<dyn Forecaster>);
        let ets = |period: usize| {
            move |past: &[f64]| Ok(Box::new(Ets::fit(past, &EtsOptions { period, trend: None, seasonal: None })?) as Box<dyn Forecaster>)
        };
        let (ets_day, ets_week) = (ets(24), ets(168));
        let nbeats = |past: &[f64]| {
            let models = models.borrow();
            let model = models.range(..=past.len()).next_back().map(|m| Arc::clone(m.1));
            model.map(|m| Box::new(Shared(m)) as Box<dyn Forecaster>).ok_or(FitError::Constant { what: "no model".into(), value: 0.0 })
        };
        let mut fitted: Vec<(&str, &Fit)> = vec![("seasonal naive, day", &daily), ("ets, week", &ets_week)];
        if of("--ets-day", 1) > 0 {
            fitted.push(("ets, day", &ets_day));
        }
        let mut scores = backtest(values, &BacktestOptions { refit_every: Some(ets_refit), ..options }, &fitted)?;
        scores.models[0].model = "seasonal naive, week".into();
        let ours = backtest(values, &BacktestOptions { refit_every: Some(1), ..options }, &[("n-beats", &nbeats)])?;
        scores.models.push(ours.models[1].clone());
        for m in &scores.models {
            let coverage =
                m.coverage.as_ref().map_or(String::new(), |c| format!("{:.1} %", 100.0 * c.iter().sum::<f64>() / c.len() as f64));
            let by_hour: Vec<String> = [0, 5, 11, 17, 23].iter().map(|&h| format!("{:.3}", m.by_step[h].mase)).collect();
            println!(
                "{name:<22} {:<26} {:>7.4} {:>8.3} {:>10.4} {coverage:>9}  {}",
                m.model,
                m.all.mase,
                m.all.smape_pct,
                m.all.rmse,
                by_hour.join(" ")
            );
            let sum = sums.entry(m.model.clone()).or_default();
            *sum = (sum.0 + m.all.mase, sum.1 + 1.0);
        }
        println!("{name:<22} {} origins, scale {:.5}", scores.origins.len(), scores.scale);
    }
    for (model, (sum, n)) in &sums {
        println!("mean of {n} series: {model:<26} MASE {:.4}", sum / n);
    }
    Ok(())
}
