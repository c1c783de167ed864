//! What a model must beat: the same as one season ago.

use super::{FitError, Forecast, Forecaster, check};
use serde::{Deserialize, Serialize};

/// Each value is that of one season before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeasonalNaive {
    /// Steps of a season.
    pub period: usize,
}

impl Forecaster for SeasonalNaive {
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        if self.period == 0 {
            return Err(FitError::Option { what: "period", needed: "at least 1", found: "0".into() });
        }
        check("the history", history, self.period)?;
        let season = &history[history.len() - self.period..];
        Ok(Forecast { mean: (0..horizon).map(|h| season[h % self.period]).collect(), ..Forecast::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_comes_again() {
        let history = [9.0, 1.0, 2.0, 3.0];
        assert_eq!(SeasonalNaive { period: 3 }.forecast(&history, 5).unwrap().mean, [1.0, 2.0, 3.0, 1.0, 2.0]);
        assert_eq!(SeasonalNaive { period: 1 }.forecast(&history, 2).unwrap().mean, [3.0, 3.0]);
        assert!(matches!(SeasonalNaive { period: 5 }.forecast(&history, 1), Err(FitError::TooShort { needed: 5, found: 4, .. })));
        assert!(SeasonalNaive { period: 0 }.forecast(&history, 1).is_err());
        assert!(matches!(SeasonalNaive { period: 2 }.forecast(&[1.0, f64::NAN], 1), Err(FitError::NotFinite { index: 1, .. })));
    }
}
