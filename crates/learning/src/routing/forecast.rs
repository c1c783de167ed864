//! Loads to come from loads that were, by Holt and Winters.

use crate::forecast::{Ets, EtsOptions, FitError, Forecaster};
use studies::operations::{HourForecast, LoadForecast};

/// Hours of the season.
const DAY_H: usize = 24;

/// Forecasts hourly loads from their history, oldest first: the form of exponential smoothing with a season of a day that fits best.
///
/// # Errors
/// A history of fewer than two days or with a value that is no finite number, or that is the same throughout.
pub fn history_forecast(history_kw: &[f64], hours: u32) -> Result<LoadForecast, FitError> {
    if history_kw.len() < 2 * DAY_H {
        return Err(FitError::TooShort { what: "the history of loads".into(), needed: 2 * DAY_H, found: history_kw.len() });
    }
    let model = Ets::fit(history_kw, &EtsOptions { period: DAY_H, trend: None, seasonal: None })?;
    let forecast = model.forecast(history_kw, hours as usize)?;
    let bound = |of: fn(&crate::forecast::Interval) -> &Vec<f64>, k: usize| forecast.interval.as_ref().and_then(|i| of(i).get(k).copied());
    let hour = |(k, &p_kw): (usize, &f64)| HourForecast {
        ahead_h: k as u32 + 1,
        p_kw,
        low_kw: bound(|i| &i.low, k),
        high_kw: bound(|i| &i.high, k),
    };
    Ok(LoadForecast { method: "holt_winters".into(), hours: forecast.mean.iter().enumerate().map(hour).collect() })
}
