//! How a figure went: minutes of it, and the change against an hour ago.
//!
//! Of every figure the mean and the scatter of each minute are kept for a day. The trend compares the mean of the last sixty seconds with that of
//! the minute an hour before, or of the earliest minute kept. It is *significant* when it exceeds three standard errors of the difference,
//! `3 √(s1²/n1 + s2²/n2)`, and a thousandth of the value: what a figure does within a minute anyway is no trend.

use super::view::{Metrics, Trend};
use std::collections::{BTreeMap, VecDeque};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A figure that was not known for so long has no trend.
const FRESH_MS: i64 = 5_000;
/// Minutes kept: a day.
const KEPT: usize = 1440;

/// Sums of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Minute {
    /// Its beginning.
    at_ms: i64,
    n: u32,
    mean: f64,
    /// Sum of squared deviations (Welford).
    m2: f64,
}

impl Minute {
    fn add(&mut self, x: f64) {
        self.n += 1;
        let d = x - self.mean;
        self.mean += d / f64::from(self.n);
        self.m2 += d * (x - self.mean);
    }

    /// Square of the standard error of the mean.
    fn error_squared(&self) -> f64 {
        if self.n < 2 { 0.0 } else { self.m2 / f64::from(self.n - 1) / f64::from(self.n) }
    }
}

/// The course of all figures.
#[derive(Debug, Default)]
pub struct Course {
    minutes: BTreeMap<&'static str, VecDeque<Minute>>,
    /// The last sixty seconds.
    recent: BTreeMap<&'static str, VecDeque<(i64, f64)>>,
}

/// The figures that have a trend, by their names in the history.
pub fn figures(m: &Metrics) -> [(&'static str, Option<f64>); 9] {
    [
        ("total_load_mw", m.total_load_mw),
        ("generation_mw", m.generation_mw),
        ("losses_mw", m.losses_mw),
        ("reactive_mvar", m.reactive_mvar),
        ("efficiency_pct", m.efficiency_pct),
        ("power_factor", m.power_factor),
        ("voltage_stability_pct", m.voltage_stability_pct),
        ("system_health", m.system_health),
        ("frequency_hz", m.frequency_hz),
    ]
}

impl Course {
    /// Takes the figures of an instant.
    pub fn add(&mut self, time_ms: i64, metrics: &Metrics) {
        for (name, value) in figures(metrics) {
            let Some(value) = value.filter(|v| v.is_finite()) else { continue };
            let minutes = self.minutes.entry(name).or_default();
            let at_ms = time_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
            match minutes.back_mut() {
                Some(last) if last.at_ms == at_ms => last.add(value),
                // A clock that was set back begins no minute twice.
                Some(last) if last.at_ms > at_ms => {}
                _ => {
                    let mut minute = Minute { at_ms, ..Minute::default() };
                    minute.add(value);
                    minutes.push_back(minute);
                    if minutes.len() > KEPT {
                        minutes.pop_front();
                    }
                }
            }
            let recent = self.recent.entry(name).or_default();
            recent.push_back((time_ms, value));
            while recent.front().is_some_and(|r| r.0 <= time_ms - MINUTE_MS) {
                recent.pop_front();
            }
        }
    }

    /// The trends of now; none of a figure whose earlier minute is not over a minute ago.
    pub fn trends(&self, time_ms: i64) -> Vec<Trend> {
        let mut all = Vec::new();
        for (name, minutes) in &self.minutes {
            // A figure that is not known any more has no trend, and a clock that was set back makes none out of the future.
            let recent = self.recent.get(name).into_iter().flatten();
            let recent: Vec<(i64, f64)> = recent.filter(|r| r.0 > time_ms - MINUTE_MS && r.0 <= time_ms).copied().collect();
            if recent.last().is_none_or(|r| r.0 < time_ms - FRESH_MS) {
                continue;
            }
            let mut now = Minute::default();
            recent.iter().for_each(|r| now.add(r.1));
            let wanted = time_ms - HOUR_MS - MINUTE_MS;
            let earlier = minutes.iter().take_while(|m| m.at_ms <= wanted).last().or(minutes.front());
            let Some(earlier) = earlier.filter(|m| m.at_ms + MINUTE_MS <= recent[0].0) else { continue };
            let change = now.mean - earlier.mean;
            let significant = change.abs() > (3.0 * (now.error_squared() + earlier.error_squared()).sqrt()).max(1e-3 * earlier.mean.abs());
            all.push(Trend {
                metric: name,
                value: now.mean,
                previous: earlier.mean,
                previous_ms: earlier.at_ms,
                change,
                change_pct: (earlier.mean != 0.0).then(|| 100.0 * change / earlier.mean.abs()),
                direction: if !significant {
                    "stable"
                } else if change > 0.0 {
                    "increasing"
                } else {
                    "decreasing"
                },
                significant,
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(load: f64) -> Metrics {
        Metrics { total_load_mw: Some(load), ..Metrics::default() }
    }

    #[test]
    fn an_hour_ago_is_compared_and_noise_is_no_trend() {
        let mut course = Course::default();
        // 100 MW with a scatter of 0.1 for an hour and two minutes, then 103.
        for s in 0..3_900_i64 {
            let noise = if s % 2 == 0 { 0.1 } else { -0.1 };
            course.add(s * 1000, &metrics(if s < 3_780 { 100.0 } else { 103.0 } + noise));
        }
        let t = &course.trends(3_899_000)[0];
        assert_eq!((t.metric, t.direction, t.significant), ("total_load_mw", "increasing", true));
        assert!((t.change - 3.0).abs() < 1e-9 && (t.change_pct.unwrap() - 3.0).abs() < 1e-9, "{t:?}");
        // The minute that began at 3,899 - 3,600 - 60 s or just before.
        assert_eq!(t.previous_ms, 180_000);
        let mut calm = Course::default();
        (0..3_900_i64).for_each(|s| calm.add(s * 1000, &metrics(100.0 + 0.05 * ((s * 7919 % 11) as f64 - 5.0))));
        assert_eq!(calm.trends(3_899_000)[0].direction, "stable");
    }

    #[test]
    fn what_is_not_known_any_more_has_no_trend() {
        let mut course = Course::default();
        (0..300_i64).for_each(|s| course.add(s * 1000, &metrics(5.0)));
        assert_eq!(course.trends(299_000).len(), 1);
        (300..320_i64).for_each(|s| course.add(s * 1000, &Metrics::default()));
        assert!(course.trends(319_000).is_empty());
    }

    #[test]
    fn without_an_earlier_minute_there_is_no_trend() {
        let mut course = Course::default();
        (0..59_i64).for_each(|s| course.add(s * 1000, &metrics(5.0)));
        assert!(course.trends(58_000).is_empty());
    }
}
