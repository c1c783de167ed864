//! What a hosted plant tells: numbered events, its state of the moment, and what one may name in a command.

use crate::plant::{Event, Plant, ScenarioKind};
use network::EquipmentKind;
use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Events that are kept for those who ask later.
const EVENTS_MAX: usize = 20_000;

/// An event with its number, from 1, and its time by the world's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    pub number: u64,
    pub utc: UtcTime,
    #[serde(flatten)]
    pub event: Event,
}

/// A scenario that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioNow {
    pub scenario: ScenarioKind,
    /// Since when, by the world's clock.
    pub since: UtcTime,
    /// For how long, s.
    pub running_s: f64,
    /// How long it lasts, s; none until the operator ends it.
    pub duration_s: Option<f64>,
}

/// A fault that stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultNow {
    pub bus: String,
    pub kind: String,
    pub phases: Vec<u32>,
    pub r_ohm: f64,
    pub transient: bool,
    /// For how long it still stands, s; none until it is cleared.
    pub left_s: Option<f64>,
}

/// The plant at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub utc: UtcTime,
    /// Seconds since 1970-01-01 of the plant's own clock, which is the station's local time and may start anywhere.
    pub time_s: f64,
    pub scenario: Option<ScenarioNow>,
    pub faults: Vec<FaultNow>,
    /// Breakers that ignore their orders, by element.
    pub stuck: Vec<String>,
    pub frequency_hz: f64,
    pub ambient_c: f64,
    /// The network has no solution; electrical values are invalid.
    pub unsolved: bool,
    /// Time that the last step took to compute, s, and the time that passed in the plant by it.
    pub computed_s: f64,
    pub step_s: f64,
    /// Number of the newest event; 0 before the first.
    pub last_event: u64,
    /// Time of the plant's clock to which `restore` goes back.
    pub snapshot_s: f64,
}

/// A bus at which a fault may be put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusName {
    pub bus: String,
    /// Line to line.
    pub nominal_kv: f64,
}

/// A breaker that may be named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerName {
    pub element: String,
    pub asset: String,
    pub name: String,
    pub bay: String,
    pub closed: bool,
}

/// A scenario that may be begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    pub scenario: ScenarioKind,
    pub name: String,
    pub description: String,
    pub impact: String,
    pub duration_s: Option<f64>,
    pub recovery: String,
}

/// All that an instructor has to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    #[serde(flatten)]
    pub moment: Moment,
    pub station: String,
    pub buses: Vec<BusName>,
    pub breakers: Vec<BreakerName>,
    pub scenarios: Vec<ScenarioInfo>,
}

/// What is told to those who watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Event(Numbered),
    State(Moment),
}

/// Events in their order.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Numbered>,
    last: u64,
}

impl Log {
    pub(super) fn push(&mut self, utc: UtcTime, event: Event) -> Numbered {
        self.last += 1;
        let numbered = Numbered { number: self.last, utc, event };
        self.events.push_back(numbered.clone());
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        numbered
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Events after a number, and how many of them are no longer kept.
    pub(super) fn since(&self, number: u64) -> (Vec<Numbered>, u64) {
        let first = self.events.front().map_or(self.last + 1, |e| e.number);
        let missed = first.saturating_sub(number + 1);
        (self.events.iter().filter(|e| e.number > number).cloned().collect(), missed)
    }
}

/// What may be named, from a plant.
pub(super) fn names(plant: &Plant) -> (Vec<BusName>, Vec<BreakerName>, Vec<ScenarioInfo>) {
    let network = plant.network();
    let buses = network.buses.iter().map(|b| BusName { bus: b.name.clone(), nominal_kv: round(b.kv_base_ln * 3.0_f64.sqrt()) }).collect();
    let breakers = plant.station.of_kind(EquipmentKind::Breaker).filter_map(|e| {
        let element = network.full_name(e.parts.first()?.element);
        let closed = plant.is_closed(&element).unwrap_or(false);
        Some(BreakerName { element, asset: e.id.clone(), name: e.name.clone(), bay: e.bay.clone(), closed })
    });
    let scenarios = ScenarioKind::ALL.map(|s| ScenarioInfo {
        scenario: s,
        name: s.name().to_owned(),
        description: s.description().to_owned(),
        impact: s.impact().to_owned(),
        duration_s: s.duration_s(),
        recovery: s.recovery().to_owned(),
    });
    (buses, breakers.collect(), scenarios.to_vec())
}

/// Nominal voltages are whole numbers of a few digits, which the base line to neutral hides.
fn round(kv: f64) -> f64 {
    (kv * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::EventKind;

    #[test]
    fn events_are_numbered_and_what_is_gone_is_counted() {
        let mut log = Log::default();
        assert_eq!(log.since(0), (vec![], 0));
        for k in 0..EVENTS_MAX + 10 {
            let event = Event { time_s: k as f64, kind: EventKind::Opened, subject: String::new(), cause: String::new() };
            log.push(UtcTime::from_ms(k as i64), event);
        }
        let (events, missed) = log.since(0);
        assert_eq!((events.len(), missed, events[0].number), (EVENTS_MAX, 10, 11));
        let (events, missed) = log.since(log.last() - 2);
        assert_eq!((events.len(), missed), (2, 0));
        assert_eq!(log.since(log.last()), (vec![], 0));
    }
}
