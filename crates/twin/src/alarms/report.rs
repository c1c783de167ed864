//! How well the alarms serve their operator: the figures of ISA-18.2-2016, clause 16, from the events of a period.
//!
//! Rates are for one operator position. An alarm counts when it was shown: raised in sight, or still active when it came back into sight.

use super::event::{Event, EventKind};
use super::rule::Priority;
use super::view::STALE_US;
use scada::UtcTime;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const HOUR_US: i64 = 3_600_000_000;
const TEN_MINUTES_US: i64 = 600_000_000;
const MINUTE_US: i64 = 60_000_000;

/// Targets of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Targets {
    pub acceptable_per_hour: f64,
    pub manageable_per_hour: f64,
    /// More within ten minutes is a flood.
    pub flood_per_ten_minutes: usize,
    pub flood_time_pct: f64,
    pub most_frequent_ten_pct: f64,
    pub stale: usize,
    pub chattering: usize,
}

pub const TARGETS: Targets = Targets {
    acceptable_per_hour: 6.0,
    manageable_per_hour: 12.0,
    flood_per_ten_minutes: 10,
    flood_time_pct: 1.0,
    most_frequent_ten_pct: 5.0,
    stale: 5,
    chattering: 0,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frequent {
    pub rule: Arc<str>,
    pub shown: usize,
    /// Of all that was shown.
    pub share_pct: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HourCount {
    /// Its beginning; hours count from the beginning of the period.
    pub from: UtcTime,
    pub shown: usize,
}

/// What share of the alarms shown had a priority.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriorityShare {
    pub priority: Priority,
    pub shown: usize,
    pub share_pct: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub from: UtcTime,
    pub to: UtcTime,
    pub shown: usize,
    /// `None` of a period without length.
    pub per_hour: Option<f64>,
    /// The last hour may be a part of one.
    pub hours: Vec<HourCount>,
    /// Most alarms within any ten minutes.
    pub most_in_ten_minutes: usize,
    pub floods: usize,
    pub flood_s: f64,
    pub flood_time_pct: Option<f64>,
    /// Up to ten.
    pub most_frequent: Vec<Frequent>,
    /// Share of those ten in all; `None` when nothing was shown.
    pub most_frequent_pct: Option<f64>,
    /// Shown three times within a minute, with how often a third time came.
    pub chattering: Vec<(Arc<str>, usize)>,
    /// Active for more than 24 hours at the end of the period.
    pub stale: Vec<Arc<str>>,
    pub priorities: Vec<PriorityShare>,
    /// From an alarm's being shown to its acknowledgement, seconds; `None` when none was acknowledged.
    pub mean_to_acknowledge_s: Option<f64>,
    pub longest_to_acknowledge_s: Option<f64>,
    pub targets: Targets,
}

/// The figures from `from` up to, and without, `to`.
///
/// `events` are in their order and may begin earlier, which they have to for floods and stale alarms that began before the period.
pub fn report(events: &[Event], from: UtcTime, to: UtcTime) -> Report {
    let length_us = to.us.saturating_sub(from.us).max(0);
    let within = |at: UtcTime| at >= from && at < to;
    let shown: Vec<&Event> = events.iter().filter(|e| e.annunciated && within(e.time)).collect();
    let total = shown.len();
    let share = |n: usize| 100.0 * n as f64 / total.max(1) as f64;
    let mut hours: Vec<HourCount> =
        (0..(length_us + HOUR_US - 1) / HOUR_US).map(|h| HourCount { from: UtcTime::from_us(from.us + h * HOUR_US), shown: 0 }).collect();
    let mut of_rule: BTreeMap<Arc<str>, Vec<UtcTime>> = BTreeMap::new();
    let mut of_priority: BTreeMap<Priority, usize> = BTreeMap::new();
    for event in &shown {
        hours[((event.time.us - from.us) / HOUR_US) as usize].shown += 1;
        if let Some(rule) = &event.rule {
            of_rule.entry(rule.clone()).or_default().push(event.time);
        }
        *of_priority.entry(event.priority.unwrap_or_default()).or_default() += 1;
    }
    let mut most_in_ten_minutes = 0;
    let mut first = 0;
    for (k, event) in shown.iter().enumerate() {
        while event.time.us - shown[first].time.us >= TEN_MINUTES_US {
            first += 1;
        }
        most_in_ten_minutes = most_in_ten_minutes.max(k + 1 - first);
    }
    let mut frequent: Vec<Frequent> =
        of_rule.iter().map(|(rule, at)| Frequent { rule: rule.clone(), shown: at.len(), share_pct: share(at.len()) }).collect();
    frequent.sort_by(|a, b| b.shown.cmp(&a.shown).then_with(|| a.rule.cmp(&b.rule)));
    frequent.truncate(10);
    let thirds = |at: &[UtcTime]| at.windows(3).filter(|w| w[2].us - w[0].us <= MINUTE_US).count();
    let chattering = of_rule.iter().map(|(rule, at)| (rule.clone(), thirds(at))).filter(|(_, n)| *n > 0).collect();
    let (floods, flood_us) = floods(events, from, to);
    let waits_s = waits_s(events, from, to);
    Report {
        from,
        to,
        shown: total,
        per_hour: (length_us > 0).then(|| total as f64 / (length_us as f64 / HOUR_US as f64)),
        hours,
        most_in_ten_minutes,
        floods,
        flood_s: flood_us as f64 * 1e-6,
        flood_time_pct: (length_us > 0).then(|| 100.0 * flood_us as f64 / length_us as f64),
        most_frequent_pct: (total > 0).then(|| frequent.iter().map(|f| f.share_pct).sum()),
        most_frequent: frequent,
        chattering,
        stale: stale(events, to),
        priorities: Priority::ALL
            .iter()
            .map(|(_, p)| of_priority.get(p).copied().unwrap_or(0))
            .zip(Priority::ALL)
            .map(|(n, (_, priority))| PriorityShare { priority, shown: n, share_pct: share(n) })
            .collect(),
        mean_to_acknowledge_s: (!waits_s.is_empty()).then(|| waits_s.iter().sum::<f64>() / waits_s.len() as f64),
        longest_to_acknowledge_s: waits_s.iter().copied().reduce(f64::max),
        targets: TARGETS,
    }
}

/// Floods that reach into the period, and their time within it, microseconds.
fn floods(events: &[Event], from: UtcTime, to: UtcTime) -> (usize, i64) {
    let (mut count, mut time_us, mut since) = (0, 0, None);
    let mut close = |began: UtcTime, ended: UtcTime| {
        let inside_us = ended.min(to).us - began.max(from).us;
        if inside_us > 0 {
            count += 1;
            time_us += inside_us;
        }
    };
    for event in events.iter().take_while(|e| e.time < to) {
        match event.kind {
            EventKind::FloodBegan => since = Some(event.time),
            EventKind::FloodEnded => since.take().into_iter().for_each(|began| close(began, event.time)),
            _ => {}
        }
    }
    since.into_iter().for_each(|began| close(began, to));
    (count, time_us)
}

/// Alarms that were raised more than 24 hours before `to` and had not cleared by then, in sight.
fn stale(events: &[Event], to: UtcTime) -> Vec<Arc<str>> {
    let mut active: BTreeMap<Arc<str>, (UtcTime, bool)> = BTreeMap::new();
    for event in events.iter().take_while(|e| e.time < to) {
        let Some(rule) = &event.rule else { continue };
        if event.kind == EventKind::Raised {
            active.insert(rule.clone(), (event.time, event.after.is_listed()));
        } else if !event.standing.is_active() {
            active.remove(rule);
        } else if let Some((_, is_seen)) = active.get_mut(rule) {
            *is_seen = event.after.is_listed();
        }
    }
    active.into_iter().filter(|(_, (at, is_seen))| *is_seen && to.us - at.us > STALE_US).map(|(rule, _)| rule).collect()
}

/// Seconds from shown to acknowledged, of acknowledgements within the period.
fn waits_s(events: &[Event], from: UtcTime, to: UtcTime) -> Vec<f64> {
    let mut shown: HashMap<&str, UtcTime> = HashMap::new();
    let mut waits = Vec::new();
    for event in events.iter().take_while(|e| e.time < to) {
        let Some(rule) = &event.rule else { continue };
        if event.annunciated {
            // What came and went unacknowledged waits since its first time.
            shown.entry(rule).or_insert(event.time);
        } else if event.kind == EventKind::Acknowledged {
            let wait = shown.remove(&**rule).map(|at| event.time.seconds_since(at));
            waits.extend(wait.filter(|_| event.time >= from));
        }
    }
    waits
}
