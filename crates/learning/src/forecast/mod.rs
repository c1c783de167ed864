//! Forecasts of a series from its own past, and how good they are.
//!
//! ```text
//! series[..origin] ─► naive.rs · ets.rs · ../nbeats.rs ─► Forecast     backtest.rs: origins one after another, each model beside the seasonal naive one
//! ```
//!
//! A series is values at equal steps. A model is fitted to the past alone: [`backtest`] hands out nothing later than the origin.

pub mod backtest;
pub mod ets;
pub mod naive;
pub mod search;

pub use backtest::{Backtest, BacktestOptions, Fit, Missed, ModelScore, Scores, backtest};
pub use ets::{Ets, EtsOptions, Seasonal, Trend};
pub use naive::SeasonalNaive;

use crate::net::NetError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a model was not fitted or gives no forecast.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FitError {
    #[error("{what} has {found} values, {needed} are needed")]
    TooShort { what: String, needed: usize, found: usize },
    #[error("{what} holds {value} at {index}, which is no finite number; fill or cut the gap first")]
    NotFinite { what: String, index: usize, value: f64 },
    #[error("{what} has {found} values where the others have {expected}")]
    Length { what: String, expected: usize, found: usize },
    #[error("{what} is {value} throughout: there is nothing to learn")]
    Constant { what: String, value: f64 },
    #[error("{what} must be {needed}, not {found}")]
    Option { what: &'static str, needed: &'static str, found: String },
    #[error("{what} is {value} at {index}; a multiplicative season needs values above 0")]
    NotPositive { what: String, index: usize, value: f64 },
    /// What is asked for here and now; the model may answer elsewhere.
    #[error("{what} lies outside of what was trained on: {why}")]
    Outside { what: &'static str, why: String },
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Values to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// First the value of the step after the history.
    pub mean: Vec<f64>,
    pub interval: Option<Interval>,
    /// Parts that add up to `mean`, by name, where the model has them.
    pub parts: Vec<(String, Vec<f64>)>,
    /// What of the history lies outside what the model was fitted to, in words; empty when nothing does.
    pub warnings: Vec<String>,
}

/// Bounds for each value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Share of values that is to lie between the bounds.
    pub level: f64,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
}

/// A model that goes on from any history.
pub trait Forecaster: Send + Sync {
    /// The `horizon` values after `history`.
    ///
    /// # Errors
    /// A history that is too short or holds a value that is no finite number; a horizon that the model does not reach; [`FitError::Outside`] where the model has an
    /// answer elsewhere, but not for what follows this history.
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError>;
}

/// Checks that values are finite, and that there are enough.
pub(crate) fn check(what: &str, values: &[f64], needed: usize) -> Result<(), FitError> {
    if values.len() < needed {
        return Err(FitError::TooShort { what: what.into(), needed, found: values.len() });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(FitError::NotFinite { what: what.into(), index, value: values[index] }),
        None => Ok(()),
    }
}

/// Checks that values are not all the same.
pub(crate) fn varied(what: &str, values: &[f64]) -> Result<(), FitError> {
    match values.first() {
        Some(&value) if values.iter().all(|v| *v == value) => Err(FitError::Constant { what: what.into(), value }),
        _ => Ok(()),
    }
}
