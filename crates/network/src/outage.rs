//! Records of interrupted supply, as outage systems keep them.

use crate::{LonLat, SourceRef};
use serde::{Deserialize, Serialize};

/// A moment: when it was everywhere, and which day it was in the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00 UTC.
    pub utc_s: i64,
    /// Civil day of the place, days since 1970-01-01.
    pub day: i32,
}

/// Why supply was interrupted, as far as indices tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptionKind {
    #[default]
    Unplanned,
    Planned,
    /// The grid above failed.
    LossOfSupply,
}

/// One step of an interruption: customers who lost supply together and had it back together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageStep {
    /// Event that the step belongs to; several steps have the same.
    pub event: String,
    pub start: Moment,
    /// None while it lasts.
    pub restored: Option<Moment>,
    /// Customers of this step.
    pub customers: f64,
    pub kind: InterruptionKind,
    pub feeder: String,
    pub substation: String,
    pub device: String,
    pub device_type: String,
    pub phases: String,
    pub cause: String,
    pub cause_secondary: String,
    pub weather: String,
    pub comments: String,
    pub place: Option<LonLat>,
    /// What the record itself says of the event, to be set against what follows from its steps.
    pub ci_given: Option<f64>,
    pub cmi_given: Option<f64>,
    pub source: SourceRef,
}

impl OutageStep {
    /// Minutes without supply; none while it lasts.
    pub fn minutes(&self) -> Option<f64> {
        self.restored.map(|r| (r.utc_s - self.start.utc_s) as f64 / 60.0)
    }
}
