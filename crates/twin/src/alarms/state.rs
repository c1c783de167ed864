//! The states of an alarm after ISA-18.2 and IEC 62682, and what leads from one to another.
//!
//! ```text
//!              raise                       acknowledge
//!   normal ───────────► unacknowledged ───────────────► acknowledged
//!     ▲                   │        ▲                       │
//!     │ acknowledge       │ clear  │ raise                 │ clear
//!     │                   ▼        │                       ▼
//!     ├──────────── returned unacknowledged              normal
//!     │
//!     │ reset                                acknowledge
//!     └──── latched acknowledged ◄────────────────────── latched unacknowledged
//!                    ▲ clear, when the rule latches              ▲ clear, when the rule latches
//!                acknowledged                              unacknowledged
//! ```
//!
//! Beside it stands whether the alarm is shown at all: shelved, suppressed by design, out of service. While it is not, the condition is followed
//! in silence: what is raised and clears before it is shown again leaves nothing behind, and what still holds when it is shown again is
//! unacknowledged, whoever acknowledged it before. What was raised before it was hidden keeps its claim to be acknowledged and reset.

use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where the process and the operator have brought an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Normal,
    Unacknowledged,
    Acknowledged,
    ReturnedUnacknowledged,
    /// The condition is gone, and the alarm stays until it is acknowledged and reset.
    LatchedUnacknowledged,
    /// Stays until it is reset.
    LatchedAcknowledged,
}

impl Standing {
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
    ];

    /// The condition holds.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }

    pub fn wants_acknowledgement(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::ReturnedUnacknowledged | Self::LatchedUnacknowledged)
    }
}

/// What can happen to the standing of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Raise,
    Clear,
    Acknowledge,
    Reset,
}

/// The next standing; `None` where the step has no meaning.
pub fn next(from: Standing, step: Step, latching: bool) -> Option<Standing> {
    use Standing as S;
    match (from, step) {
        (S::Normal | S::ReturnedUnacknowledged | S::LatchedUnacknowledged | S::LatchedAcknowledged, Step::Raise) => Some(S::Unacknowledged),
        (S::Unacknowledged, Step::Clear) => Some(if latching { S::LatchedUnacknowledged } else { S::ReturnedUnacknowledged }),
        (S::Acknowledged, Step::Clear) => Some(if latching { S::LatchedAcknowledged } else { S::Normal }),
        (S::Unacknowledged, Step::Acknowledge) => Some(S::Acknowledged),
        (S::ReturnedUnacknowledged, Step::Acknowledge) => Some(S::Normal),
        (S::LatchedUnacknowledged, Step::Acknowledge) => Some(S::LatchedAcknowledged),
        (S::LatchedAcknowledged, Step::Reset) => Some(S::Normal),
        _ => None,
    }
}

/// What the operator sees. Out of service stands above suppressed by design, and that above shelved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    #[default]
    Normal,
    Unacknowledged,
    Acknowledged,
    ReturnedUnacknowledged,
    LatchedUnacknowledged,
    LatchedAcknowledged,
    Shelved,
    SuppressedByDesign,
    OutOfService,
}

impl From<Standing> for AlarmState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Normal => Self::Normal,
            Standing::Unacknowledged => Self::Unacknowledged,
            Standing::Acknowledged => Self::Acknowledged,
            Standing::ReturnedUnacknowledged => Self::ReturnedUnacknowledged,
            Standing::LatchedUnacknowledged => Self::LatchedUnacknowledged,
            Standing::LatchedAcknowledged => Self::LatchedAcknowledged,
        }
    }
}

impl AlarmState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned, unacknowledged",
            Self::LatchedUnacknowledged => "latched, unacknowledged",
            Self::LatchedAcknowledged => "latched, acknowledged",
            Self::Shelved => "shelved",
            Self::SuppressedByDesign => "suppressed by design",
            Self::OutOfService => "out of service",
        }
    }

    /// It is in the list that an operator works from.
    pub fn is_listed(self) -> bool {
        !matches!(self, Self::Normal | Self::Shelved | Self::SuppressedByDesign | Self::OutOfService)
    }
}

/// Put away by an operator, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    pub until: UtcTime,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// Taken out of service by somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub since: UtcTime,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// Everything about an alarm that counts, and that its events alone decide.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub standing: Standing,
    /// Raised while it was not shown.
    pub raised_unseen: bool,
    pub shelf: Option<Shelf>,
    pub suppressed_by_design: bool,
    pub removal: Option<Removal>,
    /// Maintenance entries that hold it out of service.
    pub maintenance: Vec<u64>,
    /// Raised first of its group, which has not been quiet since.
    pub first_out: bool,
    /// Raised during a flood.
    pub flood: bool,
    /// The condition stopped being known while the alarm stood.
    pub condition_unknown: bool,
    pub raised_at: Option<UtcTime>,
    pub changed_at: Option<UtcTime>,
    /// The newest three times at which it was shown to the operator.
    pub shown: Vec<UtcTime>,
    /// When it was last shown for the third time within a minute.
    pub chattered_at: Option<UtcTime>,
}

impl Record {
    pub fn is_hidden(&self) -> bool {
        self.shelf.is_some() || self.suppressed_by_design || self.removal.is_some() || !self.maintenance.is_empty()
    }

    pub fn state(&self) -> AlarmState {
        if self.removal.is_some() || !self.maintenance.is_empty() {
            AlarmState::OutOfService
        } else if self.suppressed_by_design {
            AlarmState::SuppressedByDesign
        } else if self.shelf.is_some() {
            AlarmState::Shelved
        } else {
            self.standing.into()
        }
    }
}
