//! What the operator sees: alarms as they stand.

use super::condition::Truth;
use super::engine::Engine;
use super::maintenance::Schedule;
use super::points::PointTable;
use super::rule::{Priority, Rule};
use super::state::{AlarmState, Removal, Shelf, Standing};
use scada::UtcTime;
use scada::point::{Quality, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An alarm that is active for longer than this is stale (ISA-18.2): 24 hours, in microseconds.
pub const STALE_US: i64 = 86_400_000_000;
/// An alarm that has chattered is said to do so for this long after: one more minute without it, microseconds.
const CHATTER_REST_US: i64 = 60_000_000;

/// One alarm as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlarmView {
    pub rule: Arc<str>,
    pub text: Arc<str>,
    pub state: AlarmState,
    /// What stands beneath, when it is shelved, suppressed or out of service.
    pub standing: Standing,
    pub priority: Priority,
    pub class: Option<Arc<str>>,
    pub group: Option<Arc<str>>,
    pub asset: Option<Arc<str>>,
    pub element: Option<Arc<str>>,
    pub consequence: Option<Arc<str>>,
    pub response: Option<Arc<str>>,
    pub time_to_respond_s: Option<f64>,
    /// Whether the condition holds now; unknown when a value that decides it is not good, or has not come.
    pub condition: Truth,
    pub enabled: bool,
    pub point: Option<Arc<str>>,
    pub value: Option<Value>,
    pub quality: Option<Quality>,
    pub raised_at: Option<UtcTime>,
    pub changed_at: Option<UtcTime>,
    pub first_out: bool,
    pub flood: bool,
    /// Shown three times or more within a minute, of late.
    pub chattering: bool,
    /// Active for more than 24 hours.
    pub stale: bool,
    pub shelf: Option<Shelf>,
    pub removal: Option<Removal>,
    /// Maintenance that holds it out of service.
    pub maintenance: Vec<u64>,
}

/// Alarms of a flood that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FloodGroup {
    /// `None` of alarms without a group.
    pub group: Option<Arc<str>>,
    pub alarms: usize,
    pub highest: Priority,
    pub first_out: Option<Arc<str>>,
}

/// How many alarms there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    pub listed: usize,
    pub wanting_acknowledgement: usize,
    pub shelved: usize,
    pub suppressed_by_design: usize,
    pub out_of_service: usize,
    /// Of enabled rules whose condition cannot be judged now.
    pub unknown: usize,
    pub stale: usize,
    pub chattering: usize,
    pub flood_since: Option<UtcTime>,
    /// Shown within the last ten minutes.
    pub shown_in_ten_minutes: usize,
}

impl Engine {
    fn view(&self, i: usize) -> AlarmView {
        let (rule, record) = (&self.rules[i], &self.records[i]);
        let point = rule.shown_point();
        let sample = point.and_then(|p| self.samples[p.0 as usize].as_ref());
        let age_us = |at: Option<UtcTime>| at.map(|at| self.clock.us.saturating_sub(at.us));
        AlarmView {
            rule: rule.id.clone(),
            text: rule.text.clone(),
            state: record.state(),
            standing: record.standing,
            priority: rule.priority,
            class: rule.class.clone(),
            group: rule.group.clone(),
            asset: rule.asset.clone(),
            element: rule.element.clone(),
            consequence: rule.consequence.clone(),
            response: rule.response.clone(),
            time_to_respond_s: rule.time_to_respond_s,
            condition: self.memories[i].truth,
            enabled: rule.enabled,
            point: point.map(|p| self.points.entry(p).name.clone()),
            value: sample.and_then(|s| s.value.clone()),
            quality: sample.map(|s| s.quality),
            raised_at: record.raised_at,
            changed_at: record.changed_at,
            first_out: record.first_out,
            flood: record.flood,
            chattering: age_us(record.chattered_at).is_some_and(|age| age <= CHATTER_REST_US),
            stale: record.standing.is_active() && age_us(record.raised_at).is_some_and(|age| age > STALE_US),
            shelf: record.shelf.clone(),
            removal: record.removal.clone(),
            maintenance: record.maintenance.clone(),
        }
    }

    /// All alarms, in the order of their rules.
    pub fn alarms(&self) -> impl Iterator<Item = AlarmView> + '_ {
        (0..self.rules.len()).map(|i| self.view(i))
    }

    pub fn alarm(&self, rule: &str) -> Option<AlarmView> {
        self.by_id.get(rule).map(|i| self.view(*i as usize))
    }

    /// What an operator works from: unacknowledged first, then by priority, then the newest.
    pub fn listed(&self) -> Vec<AlarmView> {
        let mut listed: Vec<AlarmView> =
            (0..self.rules.len()).filter(|i| self.records[*i].state().is_listed()).map(|i| self.view(i)).collect();
        listed.sort_by_key(|a| {
            let newest = std::cmp::Reverse(a.changed_at);
            (!a.standing.wants_acknowledgement(), std::cmp::Reverse(a.priority), newest)
        });
        listed
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts { flood_since: self.flood.since, shown_in_ten_minutes: self.flood.count(self.clock), ..Counts::default() };
        for view in self.alarms() {
            match view.state {
                AlarmState::Shelved => counts.shelved += 1,
                AlarmState::SuppressedByDesign => counts.suppressed_by_design += 1,
                AlarmState::OutOfService => counts.out_of_service += 1,
                AlarmState::Normal => {}
                _ => {
                    counts.listed += 1;
                    counts.wanting_acknowledgement += usize::from(view.standing.wants_acknowledgement());
                }
            }
            counts.unknown += usize::from(view.enabled && view.condition == Truth::Unknown);
            counts.stale += usize::from(view.stale);
            counts.chattering += usize::from(view.chattering);
        }
        counts
    }

    /// The listed alarms by group, the largest first, while there is a flood; nothing otherwise.
    pub fn flood_groups(&self) -> Vec<FloodGroup> {
        if self.flood.since.is_none() {
            return Vec::new();
        }
        let mut groups: BTreeMap<Option<Arc<str>>, FloodGroup> = BTreeMap::new();
        for i in (0..self.rules.len()).filter(|i| self.records[*i].state().is_listed()) {
            let rule: &Rule = &self.rules[i];
            let of = groups.entry(rule.group.clone()).or_insert_with(|| FloodGroup {
                group: rule.group.clone(),
                alarms: 0,
                highest: Priority::Low,
                first_out: None,
            });
            of.alarms += 1;
            of.highest = of.highest.max(rule.priority);
            if self.records[i].first_out {
                of.first_out = Some(rule.id.clone());
            }
        }
        let mut groups: Vec<FloodGroup> = groups.into_values().collect();
        groups.sort_by_key(|g| std::cmp::Reverse(g.alarms));
        groups
    }

    /// More than ten alarms were shown in the last ten minutes, and it has not become quiet since.
    pub fn is_flooded(&self) -> bool {
        self.flood.since.is_some()
    }

    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn points(&self) -> &PointTable {
        &self.points
    }

    /// Number of the newest event.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The latest instant that was handed in.
    pub fn clock(&self) -> UtcTime {
        self.clock
    }
}
