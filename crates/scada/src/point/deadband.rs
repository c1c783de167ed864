//! Which changes of a measurement are worth telling.
//!
//! With `v` the value now and `r` the one last told, a value is told when
//!
//! * absolute: `|v − r| ≥ d`, `d` in the unit of the point;
//! * percent: `|v − r| ≥ p/100 · (high − low)`;
//! * integral: `∫ |v − r| dt ≥ d` since it was last told, `d` in unit seconds, so that a small drift that stays is told too.
//!
//! A deadband of zero tells every change, and only changes.

use crate::time::UtcTime;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadband {
    /// In the unit of the point.
    Absolute(f64),
    /// Of the range from `low` to `high`.
    Percent { percent: f64, low: f64, high: f64 },
    /// Unit times seconds.
    Integral(f64),
}

impl Default for Deadband {
    fn default() -> Self {
        Self::Absolute(0.0)
    }
}

/// What was last told, and what has gathered since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DeadbandState {
    told: Option<f64>,
    /// Value and time of the last reading; the integral runs from there.
    last: Option<(f64, UtcTime)>,
    gathered: f64,
}

impl DeadbandState {
    /// Whether `value` is to be told; call [`DeadbandState::tell`] when it is.
    pub fn passes(&mut self, deadband: Deadband, value: f64, now: UtcTime) -> bool {
        let Some(told) = self.told else { return true };
        let before = self.last.replace((value, now));
        // A value that is no number, or no longer is none, is a change.
        if value.is_nan() || told.is_nan() {
            return value.is_nan() != told.is_nan();
        }
        let away = (value - told).abs();
        match deadband {
            Deadband::Absolute(d) => away > 0.0 && away >= d,
            Deadband::Percent { percent, low, high } => away > 0.0 && away >= percent / 100.0 * (high - low).abs(),
            Deadband::Integral(d) => {
                if let Some((last, at)) = before {
                    // Trapezoid between two readings; a clock that was set back adds nothing.
                    let dt_s = now.seconds_since(at).max(0.0);
                    self.gathered += ((last - told).abs() + away) / 2.0 * dt_s;
                }
                away > 0.0 && self.gathered >= d
            }
        }
    }

    pub fn tell(&mut self, value: f64, now: UtcTime) {
        *self = Self { told: Some(value), last: Some((value, now)), gathered: 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(deadband: Deadband, values: &[f64]) -> Vec<usize> {
        let mut state = DeadbandState::default();
        let mut told = Vec::new();
        for (i, v) in values.iter().enumerate() {
            let now = UtcTime::from_ms(1000 * i as i64);
            if state.passes(deadband, *v, now) {
                state.tell(*v, now);
                told.push(i);
            }
        }
        told
    }

    #[test]
    fn absolute_counts_from_what_was_told_last() {
        assert_eq!(run(Deadband::Absolute(0.5), &[1.0, 1.25, 1.5, 1.75, 2.0, 2.0]), [0, 2, 4]);
        assert_eq!(run(Deadband::Absolute(0.0), &[1.0, 1.0, 1.1, 1.1]), [0, 2]);
    }

    #[test]
    fn percent_is_of_the_range() {
        assert_eq!(run(Deadband::Percent { percent: 1.0, low: -100.0, high: 100.0 }, &[0.0, 1.5, 2.0, 3.0]), [0, 2]);
    }

    #[test]
    fn a_small_drift_that_stays_is_told_by_the_integral() {
        // A step of 0.1 held: trapezoids give 0.05 in the first second and 0.1 in each that follows; 0.5 unit seconds are full after 6 s.
        let values: Vec<f64> = std::iter::once(0.0).chain(std::iter::repeat_n(0.1, 8)).collect();
        assert_eq!(run(Deadband::Integral(0.5), &values), [0, 6]);
        assert_eq!(run(Deadband::Absolute(0.5), &values), [0]);
    }

    #[test]
    fn what_is_no_number_is_told_once() {
        assert_eq!(run(Deadband::Absolute(1.0), &[1.0, f64::NAN, f64::NAN, 1.0]), [0, 1, 3]);
    }
}
