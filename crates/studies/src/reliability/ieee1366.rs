//! Distribution reliability indices after IEEE 1366-2012, and its major event days.
//!
//! A step of an event interrupts `n` customers for `t` minutes. It is *sustained* when `t` exceeds the
//! momentary limit (5 minutes), *momentary* otherwise; customers of one event who had supply back
//! within the limit are momentary, the others sustained. With `N` customers served, sums over
//! sustained steps, and `M` over momentary ones:
//!
//! ```text
//! SAIFI = sum(n) / N            interruptions a customer
//! SAIDI = sum(n t) / N          minutes a customer
//! CAIDI = SAIDI / SAIFI         minutes an interruption
//! MAIFI = sum_M(n) / N          momentary interruptions a customer
//! ASAI  = 1 - SAIDI / T         share of the T minutes of the period with supply
//! ```
//!
//! Major event days (the "2.5 beta" method): daily SAIDI of five years, each event counted wholly on the
//! day it began, days without interruption left out; with `alpha` the mean and `beta` the standard
//! deviation of its natural logarithm,
//!
//! ```text
//! T_MED = exp(alpha + 2.5 beta)
//! ```
//!
//! and a day whose SAIDI exceeds it is reported apart. The guide does not say whether the deviation is
//! that of a sample; the sample's (divided by n - 1) is used, the population's is given beside it.

use network::{InterruptionKind, OutageStep};
use std::collections::{BTreeMap, BTreeSet};

/// Interruptions of this many minutes at most are momentary.
pub const MOMENTARY_MIN: f64 = 5.0;

/// Years of history behind a threshold.
pub const HISTORY_YEARS: usize = 5;

/// Customers and minutes, and the indices that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Indices {
    pub customers_served: f64,
    /// Minutes of the period.
    pub period_min: f64,
    pub events: usize,
    /// Customer interruptions, sustained.
    pub ci: f64,
    /// Customer minutes of interruption, sustained.
    pub cmi: f64,
    /// Customer interruptions, momentary.
    pub momentary_ci: f64,
}

impl Indices {
    pub fn saifi(&self) -> f64 {
        self.ci / self.customers_served
    }

    pub fn saidi_min(&self) -> f64 {
        self.cmi / self.customers_served
    }

    /// None where nobody was interrupted.
    pub fn caidi_min(&self) -> Option<f64> {
        (self.ci > 0.0).then(|| self.cmi / self.ci)
    }

    pub fn maifi(&self) -> f64 {
        self.momentary_ci / self.customers_served
    }

    pub fn asai(&self) -> f64 {
        1.0 - self.saidi_min() / self.period_min
    }
}

/// A period of whole days, both ends included, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub first_day: i32,
    pub last_day: i32,
}

impl Period {
    pub fn holds(&self, day: i32) -> bool {
        (self.first_day..=self.last_day).contains(&day)
    }

    pub fn minutes(&self) -> f64 {
        f64::from(self.last_day - self.first_day + 1) * 1440.0
    }
}

/// Sums the steps that began in the period and that `counts` accepts. Steps that still last are in none of the figures.
pub fn indices<'s>(
    steps: impl IntoIterator<Item = &'s OutageStep>,
    customers_served: f64,
    period: Period,
    counts: impl Fn(&OutageStep) -> bool,
) -> Indices {
    let mut sum = Indices { customers_served, period_min: period.minutes(), ..Indices::default() };
    let mut events = BTreeSet::new();
    for step in steps {
        let Some(minutes) = step.minutes() else { continue };
        if !period.holds(step.start.day) || !counts(step) {
            continue;
        }
        events.insert(step.event.as_str());
        if minutes > MOMENTARY_MIN {
            sum.ci += step.customers;
            sum.cmi += step.customers * minutes;
        } else {
            sum.momentary_ci += step.customers;
        }
    }
    sum.events = events.len();
    sum
}

/// SAIDI of each day on which something sustained began, minutes; by days since 1970-01-01.
pub fn daily_saidi<'s>(steps: impl IntoIterator<Item = &'s OutageStep>, customers_served: f64) -> BTreeMap<i32, f64> {
    let steps: Vec<&OutageStep> = steps.into_iter().collect();
    // An event counts on the day of its first step.
    let mut begins: BTreeMap<&str, i32> = BTreeMap::new();
    for step in &steps {
        let day = begins.entry(&step.event).or_insert(step.start.day);
        *day = (*day).min(step.start.day);
    }
    let mut days: BTreeMap<i32, f64> = BTreeMap::new();
    for step in steps {
        if let Some(minutes) = step.minutes().filter(|&m| m > MOMENTARY_MIN) {
            *days.entry(begins[step.event.as_str()]).or_default() += step.customers * minutes / customers_served;
        }
    }
    days
}

/// The threshold of major event days, and what it was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Days with interruptions that entered.
    pub days: usize,
    pub alpha: f64,
    /// Standard deviation of the sample.
    pub beta: f64,
    pub beta_population: f64,
    pub t_med_min: f64,
    pub t_med_population_min: f64,
}

/// The threshold from a history of daily SAIDI, minutes. Days of zero are left out.
///
/// None with fewer than two days, of which no deviation can be taken.
pub fn threshold(history: impl IntoIterator<Item = f64>) -> Option<Threshold> {
    let logs: Vec<f64> = history.into_iter().filter(|&s| s > 0.0).map(f64::ln).collect();
    let n = logs.len();
    if n < 2 {
        return None;
    }
    let alpha = logs.iter().sum::<f64>() / n as f64;
    let squares: f64 = logs.iter().map(|x| (x - alpha).powi(2)).sum();
    let beta = (squares / (n - 1) as f64).sqrt();
    let beta_population = (squares / n as f64).sqrt();
    let t_med = |beta: f64| (alpha + 2.5 * beta).exp();
    Some(Threshold { days: n, alpha, beta, beta_population, t_med_min: t_med(beta), t_med_population_min: t_med(beta_population) })
}

/// Days of the period whose SAIDI exceeds the threshold, with it.
pub fn major_event_days(days: &BTreeMap<i32, f64>, period: Period, threshold: &Threshold) -> Vec<(i32, f64)> {
    days.range(period.first_day..=period.last_day).filter(|&(_, &s)| s > threshold.t_med_min).map(|(&day, &s)| (day, s)).collect()
}

/// Customers and minutes of one group of steps, such as a cause or feeder.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub indices: Indices,
}

/// Indices by a key of the steps, largest customer minutes first; steps without the key come under an empty name.
pub fn by<'s>(steps: &'s [OutageStep], customers_served: f64, period: Period, key: impl Fn(&'s OutageStep) -> &'s str) -> Vec<Group> {
    let names: BTreeSet<&str> = steps.iter().filter(|s| period.holds(s.start.day)).map(&key).collect();
    let mut parts: BTreeMap<&str, Vec<&OutageStep>> = names.iter().map(|&n| (n, Vec::new())).collect();
    for step in steps {
        if let Some(part) = parts.get_mut(key(step)) {
            part.push(step);
        }
    }
    let mut groups: Vec<Group> = parts
        .into_iter()
        .map(|(name, part)| Group { name: name.to_owned(), indices: indices(part, customers_served, period, |_| true) })
        .collect();
    groups.sort_by(|a, b| b.indices.cmi.total_cmp(&a.indices.cmi).then_with(|| a.name.cmp(&b.name)));
    groups
}

/// Whether a step counts as unplanned.
pub fn is_unplanned(step: &OutageStep) -> bool {
    step.kind == InterruptionKind::Unplanned
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{Moment, SourceRef};

    fn step(event: &str, day: i32, minutes: f64, customers: f64, kind: InterruptionKind) -> OutageStep {
        let utc_s = i64::from(day) * 86_400;
        OutageStep {
            event: event.into(),
            start: Moment { utc_s, day },
            restored: (minutes >= 0.0).then_some(Moment { utc_s: utc_s + (60.0 * minutes) as i64, day }),
            customers,
            kind,
            feeder: String::new(),
            substation: String::new(),
            device: String::new(),
            device_type: String::new(),
            phases: String::new(),
            cause: event[..1].into(),
            cause_secondary: String::new(),
            weather: String::new(),
            comments: String::new(),
            place: None,
            ci_given: None,
            cmi_given: None,
            source: SourceRef::default(),
        }
    }

    #[test]
    fn indices_by_hand() {
        use InterruptionKind::{Planned, Unplanned};
        // Ten days, 100 customers: 40 x 30 min in two steps of one event, 10 x exactly 5 min, 20 x 60 min planned, one still out,
        // and one event outside the period.
        let steps = [
            step("a1", 3, 30.0, 40.0, Unplanned),
            step("a1", 3, 90.0, 10.0, Unplanned),
            step("b1", 4, 5.0, 10.0, Unplanned),
            step("c1", 5, 60.0, 20.0, Planned),
            step("d1", 6, -1.0, 50.0, Unplanned),
            step("e1", 11, 600.0, 50.0, Unplanned),
        ];
        let period = Period { first_day: 1, last_day: 10 };
        let all = indices(&steps, 100.0, period, |_| true);
        assert_eq!((all.events, all.ci, all.cmi, all.momentary_ci), (3, 70.0, 3300.0, 10.0));
        assert_eq!((all.saifi(), all.saidi_min(), all.caidi_min(), all.maifi()), (0.7, 33.0, Some(3300.0 / 70.0), 0.1));
        assert!((all.asai() - (1.0 - 33.0 / 14_400.0)).abs() < 1e-15);
        assert_eq!(indices(&steps, 100.0, period, is_unplanned).cmi, 2100.0);
        let causes = by(&steps, 100.0, period, |s| &s.cause);
        assert_eq!(
            causes.iter().map(|g| (g.name.as_str(), g.indices.cmi)).collect::<Vec<_>>(),
            [("a", 2100.0), ("c", 1200.0), ("b", 0.0), ("d", 0.0)]
        );
        assert_eq!(daily_saidi(&steps, 100.0), BTreeMap::from([(3, 21.0), (5, 12.0), (11, 300.0)]));
    }

    #[test]
    fn threshold_of_a_known_distribution() {
        // Logarithms -1, 0, 1: mean 0, sample deviation 1, population deviation sqrt(2/3).
        let t = threshold([(-1f64).exp(), 0.0, 1.0, 1f64.exp(), 0.0]).unwrap();
        assert_eq!(t.days, 3);
        assert!(t.alpha.abs() < 1e-15 && (t.beta - 1.0).abs() < 1e-15 && (t.t_med_min - 2.5f64.exp()).abs() < 1e-12);
        assert!((t.beta_population - (2f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(threshold([1.0, 0.0]), None);
        let days = BTreeMap::from([(1, 12.0), (2, 12.5), (9, 20.0)]);
        assert_eq!(major_event_days(&days, Period { first_day: 1, last_day: 5 }, &t), [(2, 12.5)]);
    }
}
