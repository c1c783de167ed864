//! Statistics over feeders, beside the ranges that published ones lie in.

use super::Summary;

/// Least, median, mean, 95th percentile and greatest of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub mean: f64,
    pub p95: f64,
    pub max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let at = |share: f64| values[(((n - 1) as f64) * share).round() as usize];
        let median = if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]) / 2.0 };
        Some(Self { min: values[0], median, mean: values.iter().sum::<f64>() / n as f64, p95: at(0.95), max: values[n - 1] })
    }
}

/// A figure of a feeder with the range that its median is held against.
pub struct Range {
    pub title: &'static str,
    pub unit: &'static str,
    pub decimals: usize,
    pub of: fn(&Summary) -> f64,
    /// Range in which published feeders' typical values lie.
    pub low: f64,
    pub high: f64,
    pub source: &'static str,
}

/// The figures that are printed, with their published ranges.
pub fn ranges() -> Vec<Range> {
    Vec::new()
}
