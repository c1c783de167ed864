//! What an alarm rule says. A rule never changes while it is in use; what becomes of it is in `engine`.

use super::points::{DeviceIndex, PointIndex};
use scada::UtcTime;
use scada::point::{DoublePoint, Flags, Quality, Validity, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How soon somebody has to act. IEC 62682 (and ISA-18.2) want most alarms to be low: about 80 % low, 15 % medium, 5 % high with what stands
/// above it under 1 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    #[default]
    Low,
    Medium,
    High,
    Critical,
}

impl Priority {
    pub const ALL: [(&'static str, Self); 4] =
        [("critical", Self::Critical), ("high", Self::High), ("medium", Self::Medium), ("low", Self::Low)];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, p)| *p == self).map_or("low", |(n, _)| n)
    }
}

/// Which way a value has to move for a rate to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Rising,
    Falling,
    #[default]
    Either,
}

impl Direction {
    pub const ALL: [(&'static str, Self); 3] = [("rising", Self::Rising), ("falling", Self::Falling), ("either", Self::Either)];
}

/// A state that a point can be in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    On,
    Off,
    /// Neither contact of a double point.
    Intermediate,
    /// Both contacts of a double point.
    Bad,
    /// A whole number, or the position of a tap changer.
    Number(i64),
    Text(Arc<str>),
}

impl StateWord {
    pub fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::On, Value::Bool(true) | Value::DoublePoint(DoublePoint::On))
            | (Self::Off, Value::Bool(false) | Value::DoublePoint(DoublePoint::Off))
            | (Self::Intermediate, Value::DoublePoint(DoublePoint::Intermediate))
            | (Self::Bad, Value::DoublePoint(DoublePoint::Bad)) => true,
            (Self::Number(n), Value::Integer(i)) => n == i,
            (Self::Number(n), Value::Counter { count, .. }) => n == count,
            (Self::Number(n), Value::Step { position, .. }) => *n == i64::from(*position),
            (Self::Number(n), Value::Bits(bits)) => *n == i64::from(*bits),
            // A scaled register that holds whole numbers comes as a float.
            (Self::Number(n), Value::Float(x)) => *x == *n as f64,
            (Self::Text(a), Value::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// What a rule of quality looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityWord {
    Invalid,
    Questionable,
    Old,
    /// The device that tells the point cannot be reached.
    Lost,
    Substituted,
    Test,
    Blocked,
    BadClock,
}

impl QualityWord {
    pub const ALL: [(&'static str, Self); 8] = [
        ("invalid", Self::Invalid),
        ("questionable", Self::Questionable),
        ("old", Self::Old),
        ("lost", Self::Lost),
        ("substituted", Self::Substituted),
        ("test", Self::Test),
        ("blocked", Self::Blocked),
        ("bad_clock", Self::BadClock),
    ];

    pub fn matches(self, quality: Quality) -> bool {
        match self {
            Self::Invalid => quality.validity == Validity::Invalid,
            Self::Questionable => quality.validity == Validity::Questionable,
            Self::Old => quality.flags.has(Flags::OLD),
            Self::Lost => quality.flags.has(Flags::COMM_LOST),
            Self::Substituted => quality.flags.has(Flags::SUBSTITUTED),
            Self::Test => quality.flags.has(Flags::TEST),
            Self::Blocked => quality.flags.has(Flags::BLOCKED),
            Self::BadClock => quality.flags.has(Flags::BAD_CLOCK),
        }
    }
}

/// What has to be so. Limits, deadbands and rates are in the unit of the point.
///
/// A value on a limit is not beyond it. A condition that is true stays so until the value is back by the deadband.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    High {
        point: PointIndex,
        limit: f64,
        deadband: f64,
    },
    Low {
        point: PointIndex,
        limit: f64,
        deadband: f64,
    },
    /// Below `low` or above `high`.
    Outside {
        point: PointIndex,
        low: f64,
        high: f64,
        deadband: f64,
    },
    /// From `low` to `high`, both within.
    Inside {
        point: PointIndex,
        low: f64,
        high: f64,
        deadband: f64,
    },
    /// Mean change a second over a window, faster than a limit.
    Rate {
        point: PointIndex,
        per_s: f64,
        window_s: f64,
        direction: Direction,
        deadband: f64,
    },
    State {
        point: PointIndex,
        one_of: Vec<StateWord>,
    },
    Quality {
        point: PointIndex,
        any_of: Vec<QualityWord>,
    },
    /// None of the points of a device can be had.
    Device {
        device: DeviceIndex,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Calls for every leaf, in the order in which they are written.
    pub fn leaves<'a>(&'a self, with: &mut impl FnMut(&'a Condition)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.leaves(with)),
            Self::Not(part) => part.leaves(with),
            leaf => with(leaf),
        }
    }

    /// The point of a leaf.
    pub fn point(&self) -> Option<PointIndex> {
        match self {
            Self::High { point, .. }
            | Self::Low { point, .. }
            | Self::Outside { point, .. }
            | Self::Inside { point, .. }
            | Self::Rate { point, .. }
            | Self::State { point, .. }
            | Self::Quality { point, .. } => Some(*point),
            Self::Device { .. } | Self::All(_) | Self::Any(_) | Self::Not(_) => None,
        }
    }

    /// Every point that it looks at, once.
    pub fn points(&self) -> Vec<PointIndex> {
        let mut points = Vec::new();
        self.leaves(&mut |leaf| points.extend(leaf.point()));
        points.sort_unstable();
        points.dedup();
        points
    }

    /// It looks at qualities and nothing else.
    pub fn is_of_quality(&self) -> bool {
        let mut only = true;
        self.leaves(&mut |leaf| only &= matches!(leaf, Self::Quality { .. }));
        only
    }
}

/// One alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Unique among all rules.
    pub id: Arc<str>,
    /// What the operator reads.
    pub text: Arc<str>,
    pub condition: Condition,
    /// Seconds for which the condition has to hold before the alarm is raised.
    pub on_delay_s: f64,
    /// Seconds for which it has to be gone before the alarm returns.
    pub off_delay_s: f64,
    pub priority: Priority,
    pub class: Option<Arc<str>>,
    /// Alarms of one cause: first-out and floods are told by group.
    pub group: Option<Arc<str>>,
    pub asset: Option<Arc<str>>,
    /// `class.name` of an element of the network, or `bus.name`.
    pub element: Option<Arc<str>>,
    /// What happens when nobody acts.
    pub consequence: Option<Arc<str>>,
    /// What the operator does.
    pub response: Option<Arc<str>>,
    /// Seconds that there are to do it.
    pub time_to_respond_s: Option<f64>,
    /// Stays until it is reset, after the condition is gone and it is acknowledged.
    pub latching: bool,
    pub shelvable: bool,
    /// Suppressed by design while this is so.
    pub suppress_if: Option<Condition>,
    /// A rule that is not enabled is kept, and not evaluated.
    pub enabled: bool,
}

impl Rule {
    /// A low alarm without delays.
    pub fn new(id: impl Into<Arc<str>>, text: impl Into<Arc<str>>, condition: Condition) -> Self {
        Self {
            id: id.into(),
            text: text.into(),
            condition,
            on_delay_s: 0.0,
            off_delay_s: 0.0,
            priority: Priority::Low,
            class: None,
            group: None,
            asset: None,
            element: None,
            consequence: None,
            response: None,
            time_to_respond_s: None,
            latching: false,
            shelvable: true,
            suppress_if: None,
            enabled: true,
        }
    }

    /// The point whose value stands beside the alarm: the first that the condition names.
    pub fn shown_point(&self) -> Option<PointIndex> {
        let mut first = None;
        self.condition.leaves(&mut |leaf| first = first.or(leaf.point()));
        first
    }
}

/// An instant `seconds` later.
pub(super) fn later(time: UtcTime, seconds: f64) -> UtcTime {
    // Bounds of the document keep seconds far below where an i64 of microseconds ends.
    UtcTime::from_us(time.us.saturating_add((seconds * 1e6).round() as i64))
}
