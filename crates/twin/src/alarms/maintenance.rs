//! The maintenance schedule. While an asset is being worked on, its alarms are out of service.
//!
//! At the planned end the alarms return to service, whether or not the work was reported as done: an alarm that nobody remembers is worse than
//! one too many. Work that was not reported by then is overdue, and told so once.

use super::event::{Event, EventKind};
use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Given by the schedule, from 1.
    #[serde(default)]
    pub id: u64,
    pub asset: Arc<str>,
    pub from: UtcTime,
    pub to: UtcTime,
    /// Who does it.
    pub who: Arc<str>,
    /// `preventive`, `corrective`, `predictive`, or the house's own word.
    pub kind: Arc<str>,
    #[serde(default)]
    pub note: Arc<str>,
    #[serde(default)]
    pub progress: Progress,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    #[default]
    Planned,
    /// Its time has come; the alarms of the asset are out of service.
    Due,
    /// Its time is over, and it was not reported as done.
    Overdue,
    Done,
    Cancelled,
}

impl Entry {
    pub fn new(asset: &str, from: UtcTime, to: UtcTime, who: &str, kind: &str) -> Self {
        Self { id: 0, asset: asset.into(), from, to, who: who.into(), kind: kind.into(), note: "".into(), progress: Progress::Planned }
    }
}

/// All entries, in the order in which they were planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub entries: Vec<Entry>,
}

impl Schedule {
    pub fn next_id(&self) -> u64 {
        self.entries.iter().map(|e| e.id).max().unwrap_or(0) + 1
    }

    pub fn find(&self, id: u64) -> Option<&Entry> {
        self.entries.iter().find(|e| e.id == id)
    }

    /// Work that goes on now.
    pub fn under_way(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|e| e.progress == Progress::Due)
    }

    /// The next entry to begin or to end, and when. Of several at one instant those that end come first.
    pub(super) fn next(&self) -> Option<(UtcTime, EventKind, &Entry)> {
        self.entries
            .iter()
            .filter_map(|e| match e.progress {
                Progress::Planned => Some((e.from, EventKind::MaintenanceBegan, e)),
                Progress::Due => Some((e.to, EventKind::MaintenanceEnded, e)),
                _ => None,
            })
            .min_by_key(|(at, kind, e)| (*at, *kind == EventKind::MaintenanceBegan, e.id))
    }

    /// Takes over what an event says.
    pub(super) fn apply(&mut self, event: &Event) {
        let Some(told) = &event.maintenance else { return };
        let progress = match event.kind {
            EventKind::MaintenancePlanned => {
                if self.find(told.id).is_none() {
                    self.entries.push(told.clone());
                }
                return;
            }
            EventKind::MaintenanceBegan => Progress::Due,
            EventKind::MaintenanceEnded | EventKind::MaintenanceOverdue => Progress::Overdue,
            EventKind::MaintenanceDone => Progress::Done,
            EventKind::MaintenanceCancelled => Progress::Cancelled,
            _ => return,
        };
        if let Some(entry) = self.entries.iter_mut().find(|e| e.id == told.id) {
            entry.progress = progress;
        }
    }
}
