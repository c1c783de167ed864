//! Moving average over the last time steps.

use std::collections::VecDeque;

/// Mean of the last values, as many as make up a length of time.
///
/// It fills until the values' steps are longer than the length, or until there are as many values as the length has seconds; from
/// then on each new value replaces the oldest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    length_s: f64,
    values: VecDeque<f64>,
    sum: f64,
    time_s: f64,
    full: bool,
}

impl Window {
    pub fn new(length_s: f64) -> Self {
        Self { length_s: length_s.trunc(), values: VecDeque::new(), sum: 0.0, time_s: 0.0, full: false }
    }

    /// Takes the value of a step; a window without length takes zeros.
    pub fn add(&mut self, value: f64, step_s: f64) {
        let value = if self.length_s == 0.0 { 0.0 } else { value };
        if self.full
            && let Some(oldest) = self.values.pop_front()
        {
            self.sum -= oldest;
        }
        self.values.push_back(value);
        self.sum += value;
        if !self.full {
            self.time_s += step_s;
            self.full = self.time_s > self.length_s || self.values.len() as f64 == self.length_s;
        }
    }

    /// Mean of the values; 0 while there is none.
    pub fn average(&self) -> f64 {
        if self.values.is_empty() { 0.0 } else { self.sum / self.values.len() as f64 }
    }
}
