//! What happened: one record for every change of an alarm and every action, written before the change counts.

use super::rule::Priority;
use super::state::{AlarmState, Standing};
use scada::UtcTime;
use scada::point::{Quality, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The condition came to hold.
    Raised,
    /// The condition went.
    Cleared,
    Acknowledged,
    Reset,
    Shelved,
    Unshelved,
    /// The time on the shelf is over.
    ShelfExpired,
    SuppressedByDesign,
    SuppressionEnded,
    RemovedFromService,
    ReturnedToService,
    MaintenanceBegan,
    MaintenanceEnded,
    /// A value that the standing alarm depends on is not good; the alarm stays as it is.
    ConditionUnknown,
    ConditionKnown,
    /// The rule was taken away or switched off while its alarm stood.
    RuleRemoved,
    /// Another set of rules is in use.
    RulesChanged,
    FloodBegan,
    FloodEnded,
    MaintenancePlanned,
    MaintenanceCancelled,
    /// Reported as done before its end.
    MaintenanceDone,
    /// Its end has passed, and nobody has reported it as done.
    MaintenanceOverdue,
}

/// One record. Everything that is restored after a restart is restored from these alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it counted.
    pub time: UtcTime,
    pub kind: EventKind,
    /// Of the alarm; `None` of what concerns no single one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<Arc<str>>,
    /// What the operator saw before and after.
    pub before: AlarmState,
    pub after: AlarmState,
    /// What stands beneath, shown or not.
    pub standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asset: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub point: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quality: Option<Quality>,
    /// When the value was so, by the best clock there is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_time: Option<UtcTime>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<Arc<str>>,
    /// Comment of an acknowledgement, reason of a shelf, cause of a suppression.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<Arc<str>>,
    /// End of a shelf.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<UtcTime>,
    /// The maintenance entry it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub maintenance: Option<super::maintenance::Entry>,
    /// It asks for the operator's attention: an alarm became unacknowledged in sight.
    #[serde(skip_serializing_if = "is_false", default)]
    pub annunciated: bool,
    #[serde(skip_serializing_if = "is_false", default)]
    pub first_out: bool,
    #[serde(skip_serializing_if = "is_false", default)]
    pub flood: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Event {
    pub(super) fn new(kind: EventKind, time: UtcTime) -> Self {
        Self {
            sequence: 0,
            time,
            kind,
            rule: None,
            before: AlarmState::Normal,
            after: AlarmState::Normal,
            standing: Standing::Normal,
            text: None,
            priority: None,
            class: None,
            group: None,
            asset: None,
            point: None,
            value: None,
            quality: None,
            value_time: None,
            who: None,
            comment: None,
            until: None,
            maintenance: None,
            annunciated: false,
            first_out: false,
            flood: false,
        }
    }
}

/// Where events are made durable.
pub trait Journal {
    /// Writes the events of one step, all or none. They count when this returns, and not before.
    ///
    /// # Errors
    /// Why they could not be written. The engine then is as it was before the step, and tries again with the next.
    fn append(&mut self, events: &[Event]) -> Result<(), JournalFault>;
}

/// Why events could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct JournalFault {
    pub what: String,
}

/// A journal in memory, for tests and for what needs no second life.
impl Journal for Vec<Event> {
    fn append(&mut self, events: &[Event]) -> Result<(), JournalFault> {
        self.extend_from_slice(events);
        Ok(())
    }
}
