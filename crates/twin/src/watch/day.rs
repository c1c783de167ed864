//! Figures of a day of an asset.
//!
//! **Shown**: mean and highest value of the day of each reading.
//!
//! **Change**: mean of the day of each reading less that of the 28 days before it.
//!
//! **Residual**, of a transformer with a nameplate. A follower goes through IEEE C57.91 with the load and the air that were measured
//! ([`crate::plant::thermal`]), from hour to hour in pieces of five minutes; with its top oil `O` and hot spot `H`, daily means:
//!
//! ```text
//! oil        measured top oil - O, K
//! gradient   (measured hot spot - measured top oil) - (H - O), K
//! vibration  measured / expected of load, voltage and measured oil - 1, %
//! tan delta  measured - expected of the air's temperature, % points
//! gas k      (slope of the last seven days, least squares, - mean of the law at O and H of those days) / (e + 0.02 ul/l a day)
//! ```
//!
//! `e` is the standard error of the slope, from what the readings scatter about the line: an instrument scatters the more the more gas there is.
//!
//! Of a breaker: the slope of its density in fourteen days, less the leak that the register allows, over its standard error and 0.1 % a year; the
//! gauge's difference from the density at the measured temperature, bar.
//!
//! The nameplate is not the truth: real rises differ by some percent. That is what the detector's own centre and spread, taken from sound days
//! of the same asset, make up for.

use crate::plant::condition::{Gases, HOURS_A_YEAR, bushing_tan_delta_pct, vibration_mm_s2};
use crate::plant::service::Record;
use crate::plant::thermal::Thermal;
use network::ThermalNameplate;

/// Pieces in which the follower goes, h.
const PIECE_H: f64 = 1.0 / 12.0;

/// Days over which gas and density are looked at for their slope.
const GAS_DAYS: usize = 7;
const LEAK_DAYS: usize = 14;

/// Days that a change is against.
const BEFORE_DAYS: usize = 28;

/// Least errors of slopes: ul/l a day, and percent a year.
const GAS_ERROR: f64 = 0.02;
const LEAK_ERROR: f64 = 0.1;

/// Share of what an instrument usually shows below which no spread is believed.
const LEAST_SHARE: f64 = 1e-3;

/// Which figures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Figures {
    Shown,
    Change,
    Residual,
}

/// Figures of an asset, a row a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Days {
    pub asset: String,
    pub names: Vec<String>,
    /// Spread of each figure below which none is believed: what the instruments cannot tell.
    pub least: Vec<f64>,
    /// Days since the start of the record; a residual of a slope needs days before it, so that the first ones are missing.
    pub day: Vec<usize>,
    /// Row after row.
    pub values: Vec<f64>,
}

impl Days {
    pub fn row(&self, k: usize) -> &[f64] {
        &self.values[k * self.names.len()..][..self.names.len()]
    }
}

/// The figures of a record whose readings are `every_h` apart.
pub fn days_of(record: &Record, every_h: f64, figures: Figures) -> Days {
    match (figures, record.thermal) {
        (Figures::Shown, _) => shown(record, every_h),
        (Figures::Change, _) => change(record, every_h),
        (Figures::Residual, Some(plate)) => of_transformer(record, &plate, every_h),
        (Figures::Residual, None) => of_breaker(record, every_h),
    }
}

/// Readings of one day: rows of it.
fn spans(record: &Record, every_h: f64) -> Vec<std::ops::Range<usize>> {
    let a_day = (24.0 / every_h).round().max(1.0) as usize;
    (0..record.rows() / a_day).map(|d| d * a_day..(d + 1) * a_day).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What is usual of a reading, for its least spread.
fn least_of(column: &[f64]) -> f64 {
    let usual = column.iter().map(|x| x.abs()).sum::<f64>() / column.len().max(1) as f64;
    (LEAST_SHARE * usual).max(1e-6)
}

fn shown(record: &Record, every_h: f64) -> Days {
    let columns: Vec<Vec<f64>> = record.columns.iter().map(|c| record.column(c).collect()).collect();
    let names = record.columns.iter().flat_map(|c| [format!("mean of {c}"), format!("highest {c}")]).collect();
    let least = columns.iter().flat_map(|c| [least_of(c); 2]).collect();
    let mut days = Days { asset: record.asset.clone(), names, least, day: Vec::new(), values: Vec::new() };
    for (d, span) in spans(record, every_h).into_iter().enumerate() {
        days.day.push(d);
        for c in &columns {
            days.values.extend([mean(&c[span.clone()]), c[span.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max)]);
        }
    }
    days
}

fn change(record: &Record, every_h: f64) -> Days {
    let columns: Vec<Vec<f64>> = record.columns.iter().map(|c| record.column(c).collect()).collect();
    let names = record.columns.iter().map(|c| format!("change of {c}")).collect();
    let least = columns.iter().map(|c| least_of(c)).collect();
    let mut days = Days { asset: record.asset.clone(), names, least, day: Vec::new(), values: Vec::new() };
    let spans = spans(record, every_h);
    for d in BEFORE_DAYS..spans.len() {
        days.day.push(d);
        let before = spans[d - BEFORE_DAYS].start..spans[d].start;
        days.values.extend(columns.iter().map(|c| mean(&c[spans[d].clone()]) - mean(&c[before.clone()])));
    }
    days
}

/// Slope of values that are evenly apart, per step, by least squares, and its standard error.
fn slope(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let (centre, level) = ((n - 1.0) / 2.0, mean(values));
    let at = |k: usize| k as f64 - centre;
    let (above, below) = values.iter().enumerate().fold((0.0, 0.0), |(a, b), (k, v)| (a + at(k) * (v - level), b + at(k) * at(k)));
    if values.len() < 3 || below <= 0.0 {
        return (0.0, f64::INFINITY);
    }
    let slope = above / below;
    let left: f64 = values.iter().enumerate().map(|(k, v)| (v - level - slope * at(k)).powi(2)).sum();
    (slope, (left / (n - 2.0) / below).sqrt())
}

fn of_transformer(record: &Record, plate: &ThermalNameplate, every_h: f64) -> Days {
    let of = |name: &str| record.column(name).collect::<Vec<f64>>();
    let (load, air, oil, hot) = (of("LOAD"), of("AMBIENT"), of("TOP_OIL"), of("HOT_SPOT"));
    let (vibration, tan_delta, volts) = (of("VIBRATION_2F"), of("TAN_DELTA"), of("HV.V1"));
    let gases = ["H2", "CH4", "C2H6", "C2H4", "C2H2", "CO", "CO2"].map(|g| of(&format!("GAS.{g}")));
    let mut names: Vec<String> = ["oil", "gradient", "vibration", "tan delta"].map(str::to_owned).to_vec();
    names.extend(["H2", "CH4", "C2H6", "C2H4", "C2H2", "CO", "CO2"].map(|g| format!("gas {g}")));
    // Tenths of what the instruments of the plant scatter in a day; slopes are in their own errors.
    let least = [vec![0.1, 0.2, 0.2, 0.002], vec![1.0; 7]].concat();
    let mut days = Days { asset: record.asset.clone(), names, least, day: Vec::new(), values: Vec::new() };
    if record.rows() == 0 {
        return days;
    }
    let mut follower = Thermal::settled(plate, load[0], air[0]);
    let pieces = (every_h / PIECE_H).round().max(1.0) as usize;
    // Of each reading: the differences, and the law's gas rates.
    let mut apart: Vec<[f64; 4]> = Vec::with_capacity(record.rows());
    let mut law: Vec<[f64; 7]> = Vec::with_capacity(record.rows());
    for k in 0..record.rows() {
        for _ in 0..pieces {
            follower.advance(plate, load[k], air[k], every_h / pieces as f64);
        }
        let expected = vibration_mm_s2(load[k], volts[k] / record.v_base_kv, oil[k], 1.0);
        apart.push([
            oil[k] - follower.top_oil_c(),
            (hot[k] - oil[k]) - follower.hot_spot_over_oil_k,
            100.0 * (vibration[k] / expected - 1.0),
            tan_delta[k] - bushing_tan_delta_pct(air[k]),
        ]);
        law.push(Gases::rates(follower.top_oil_c(), follower.hot_spot_c()).map(|r| r * 24.0 / HOURS_A_YEAR));
    }
    let spans = spans(record, every_h);
    for d in GAS_DAYS - 1..spans.len() {
        let (today, week) = (spans[d].clone(), spans[d + 1 - GAS_DAYS].start..spans[d].end);
        days.day.push(d);
        for k in 0..4 {
            days.values.push(mean(&apart[today.clone()].iter().map(|a| a[k]).collect::<Vec<_>>()));
        }
        for (k, gas) in gases.iter().enumerate() {
            let expected = mean(&law[week.clone()].iter().map(|l| l[k]).collect::<Vec<_>>());
            let (slope, error) = slope(&gas[week.clone()]);
            days.values.push((slope * 24.0 / every_h - expected) / (error * 24.0 / every_h + GAS_ERROR));
        }
    }
    days
}

fn of_breaker(record: &Record, every_h: f64) -> Days {
    let of = |name: &str| record.column(name).collect::<Vec<f64>>();
    let (density, gauge, gas) = (of("SF6_20C"), of("SF6_GAUGE"), of("GAS_TEMPERATURE"));
    let names = ["leak", "gauge"].map(str::to_owned).to_vec();
    let mut days = Days { asset: record.asset.clone(), names, least: vec![1.0, 0.005], day: Vec::new(), values: Vec::new() };
    let spans = spans(record, every_h);
    for d in LEAK_DAYS.min(spans.len().max(1)) - 1..spans.len() {
        let (today, weeks) = (spans[d].clone(), spans[(d + 1).saturating_sub(LEAK_DAYS)].start..spans[d].end);
        let level = mean(&density[weeks.clone()]);
        let (slope, error) = slope(&density[weeks]);
        let a_year = 100.0 / level * HOURS_A_YEAR / every_h;
        days.day.push(d);
        let apart: Vec<f64> = today.map(|k| gauge[k] - density[k] * (gas[k] + 273.15) / 293.15).collect();
        days.values.extend([(-slope * a_year - record.leak_pct_per_year) / (error * a_year + LEAK_ERROR), mean(&apart)]);
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line() {
        let line: Vec<f64> = (0..100).map(|k| 3.0 + 0.25 * f64::from(k)).collect();
        let (rise, error) = slope(&line);
        assert!((rise - 0.25).abs() < 1e-12 && error < 1e-12 && slope(&[5.0, 6.0]) == (0.0, f64::INFINITY));
        // Of 0, 1, 0, 1, …: the error of a mean-free alternation about its line.
        let (rise, error) = slope(&(0..100).map(|k| f64::from(k % 2)).collect::<Vec<_>>());
        assert!(rise.abs() < 0.001 && (error - 0.5 / (100.0_f64.powi(3) / 12.0).sqrt()).abs() < 2e-5, "{error}");
    }
}
