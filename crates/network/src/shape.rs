//! Shapes over time and curves over a quantity.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What lies between the points of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The mean over the interval that ends nearest: rounding to the nearest point.
    #[default]
    Average,
    /// The value at the left edge holds.
    Edge,
}

/// Multipliers of P and Q over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadShape {
    pub name: String,
    /// Hours between points; 0 when `hours` tells the times.
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub p: Arc<[f64]>,
    /// Multipliers of Q; those of P where there are none.
    pub q: Option<Arc<[f64]>>,
    /// The values are kW and kvar rather than multipliers.
    pub use_actual: bool,
    pub p_base: f64,
    pub q_base: f64,
    pub p_max: f64,
    pub q_max: f64,
    pub mean: f64,
    pub stddev: f64,
    pub interpolation: Interpolation,
}

/// Temperature over time, degrees Celsius.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureShape {
    pub name: String,
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub temperature_c: Arc<[f64]>,
    pub mean: f64,
    pub stddev: f64,
}

/// Price over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceShape {
    pub name: String,
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub price: Arc<[f64]>,
    pub mean: f64,
    pub stddev: f64,
}

/// Growth by year: from each listed year on, the load is multiplied by its factor a year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowthShape {
    pub name: String,
    pub years: Vec<i32>,
    pub multipliers: Vec<f64>,
}

/// A curve through points, straight between them and beyond the ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XyCurve {
    pub name: String,
    pub x: Arc<[f64]>,
    pub y: Arc<[f64]>,
    pub x_shift: f64,
    pub y_shift: f64,
    pub x_scale: f64,
    pub y_scale: f64,
}

/// Time over multiples of a current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TccCurve {
    pub name: String,
    pub current: Vec<f64>,
    pub time_s: Vec<f64>,
}

/// Harmonic content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    pub name: String,
    pub harmonic: Vec<f64>,
    pub magnitude_pct: Vec<f64>,
    pub angle_deg: Vec<f64>,
}

/// Nearest whole number, halves to the even one, as the engine of reference rounds.
pub fn round_half_even(x: f64) -> f64 {
    x.round_ties_even()
}

/// Index of the point of a fixed-interval shape that holds at `hour`.
///
/// `round` picks the nearest point (halves to even), else the left edge. Index
/// 0 means the last point; past the end the shape repeats.
fn fixed_interval_index(hour: f64, interval_h: f64, n: usize, interpolation: Interpolation) -> usize {
    let steps = hour / interval_h;
    let index = match interpolation {
        Interpolation::Average => round_half_even(steps),
        Interpolation::Edge => steps.floor(),
    };
    let n_wide = n as i64;
    let mut index = index as i64;
    if index > n_wide {
        index %= n_wide;
    }
    // Position 0 is midnight, which is the end of the shape.
    (if index <= 0 { n_wide } else { index } - 1) as usize
}

/// Value at `hour` of a shape whose points stand at `hours` (ascending), straight between them;
/// the shape repeats after its last hour, and the first value holds before the first hour.
fn variable_interval_value(hours: &[f64], values: &[f64], hour: f64) -> f64 {
    let n = hours.len().min(values.len());
    let last = hours[n - 1];
    let hour = if hour > last && last > 0.0 { hour - (hour / last).trunc() * last } else { hour };
    if hour <= hours[0] {
        return values[0];
    }
    let i = hours[..n].partition_point(|&h| h < hour);
    if i >= n {
        return values[n - 1];
    }
    if hours[i] == hour {
        return values[i];
    }
    let share = (hour - hours[i - 1]) / (hours[i] - hours[i - 1]);
    values[i - 1] + share * (values[i] - values[i - 1])
}

impl LoadShape {
    /// Multipliers (or kW and kvar with `use_actual`) of P and Q at `hour`.
    pub fn at(&self, hour: f64) -> (f64, f64) {
        let n = self.p.len();
        if n == 0 {
            return (1.0, 1.0);
        }
        let at = |values: &[f64]| match (&self.hours, self.interval_h > 0.0) {
            _ if values.len() == 1 => values[0],
            (_, true) => values[fixed_interval_index(hour, self.interval_h, values.len(), self.interpolation)],
            (Some(hours), false) => variable_interval_value(hours, values, hour),
            (None, false) => values[0],
        };
        let p = at(&self.p);
        let q = match &self.q {
            Some(q) if !q.is_empty() => at(q),
            // Without its own points Q moves with P; actual kvar then is zero.
            _ if self.use_actual => 0.0,
            _ => p,
        };
        (p, q)
    }
}

impl TemperatureShape {
    /// Temperature at `hour`, degrees Celsius.
    pub fn at(&self, hour: f64) -> f64 {
        series_at(&self.temperature_c, self.hours.as_deref(), self.interval_h, hour)
    }
}

impl PriceShape {
    /// Price at `hour`.
    pub fn at(&self, hour: f64) -> f64 {
        series_at(&self.price, self.hours.as_deref(), self.interval_h, hour)
    }
}

fn series_at(values: &[f64], hours: Option<&[f64]>, interval_h: f64, hour: f64) -> f64 {
    match (values.len(), hours) {
        (0, _) => 0.0,
        (1, _) => values[0],
        (n, _) if interval_h > 0.0 => values[fixed_interval_index(hour, interval_h, n, Interpolation::Average)],
        (_, Some(hours)) if !hours.is_empty() => variable_interval_value(hours, values, hour),
        _ => values[0],
    }
}

impl XyCurve {
    /// `y` at `x`, by the straight line through the two points next to it, also beyond the ends.
    pub fn y_at(&self, x: f64) -> f64 {
        let x = x * self.x_scale + self.x_shift;
        interpolate(&self.x, &self.y, x) * self.y_scale + self.y_shift
    }
}

/// Straight line through the neighbours of `x`, extended beyond the ends; the only value where there is one.
fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let n = xs.len().min(ys.len());
    match n {
        0 => return 0.0,
        1 => return ys[0],
        _ => {}
    }
    let i = xs[..n].partition_point(|&p| p < x).clamp(1, n - 1);
    if xs[i] == x {
        return ys[i];
    }
    let run = xs[i] - xs[i - 1];
    if run == 0.0 {
        return ys[i];
    }
    ys[i - 1] + (x - xs[i - 1]) / run * (ys[i] - ys[i - 1])
}

impl GrowthShape {
    /// Factor on the base load in `year` (up to the first listed year: 1, for that is the base year).
    ///
    /// Every year from the first listed one to the one before `year` multiplies it; a year that is not listed repeats the last
    /// listed factor.
    pub fn factor(&self, year: i32) -> f64 {
        let mut factor = 1.0;
        let Some(&first) = self.years.first() else { return factor };
        for y in first..year {
            let i = self.years.partition_point(|&listed| listed <= y);
            if i > 0 {
                factor *= self.multipliers[i - 1];
            }
        }
        factor
    }
}
