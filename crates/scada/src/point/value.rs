//! What a point can hold.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Position of a switching device that is told by two contacts.
///
/// The order is that of IEC 60870-5-101 (DPI) and IEC 61850 (Dbpos): 0 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoublePoint {
    /// Neither contact: it moves, or a wire is broken.
    Intermediate,
    Off,
    On,
    /// Both contacts, which cannot be.
    Bad,
}

impl DoublePoint {
    /// From the low two bits.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Intermediate,
            1 => Self::Off,
            2 => Self::On,
            _ => Self::Bad,
        }
    }

    pub const fn bits(self) -> u8 {
        match self {
            Self::Intermediate => 0,
            Self::Off => 1,
            Self::On => 2,
            Self::Bad => 3,
        }
    }
}

/// A value as a protocol carries it, or in engineering units after scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Bool(bool),
    DoublePoint(DoublePoint),
    Integer(i64),
    Float(f64),
    /// Position of a tap changer, and whether it is on its way.
    Step {
        position: i32,
        moving: bool,
    },
    /// 32 bits that stand for themselves.
    Bits(u32),
    /// Integrated total: the reading, and the number of the counter period it belongs to.
    Counter {
        count: i64,
        sequence: u8,
        /// The counter overflowed in this period.
        carry: bool,
        /// The counter was set since it was last read.
        adjusted: bool,
    },
    Text(Arc<str>),
}

/// The kind of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    Bool,
    DoublePoint,
    Integer,
    Float,
    Step,
    Bits,
    Counter,
    Text,
}

impl Value {
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Bool(_) => ValueKind::Bool,
            Self::DoublePoint(_) => ValueKind::DoublePoint,
            Self::Integer(_) => ValueKind::Integer,
            Self::Float(_) => ValueKind::Float,
            Self::Step { .. } => ValueKind::Step,
            Self::Bits(_) => ValueKind::Bits,
            Self::Counter { .. } => ValueKind::Counter,
            Self::Text(_) => ValueKind::Text,
        }
    }

    /// The number that it stands for; `None` of positions between, bits and texts. Integers beyond 2^53 are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(b) => Some(f64::from(u8::from(*b))),
            Self::DoublePoint(DoublePoint::Off) => Some(0.0),
            Self::DoublePoint(DoublePoint::On) => Some(1.0),
            Self::DoublePoint(_) | Self::Bits(_) | Self::Text(_) => None,
            Self::Integer(i) => Some(*i as f64),
            Self::Float(f) => Some(*f),
            Self::Step { position, .. } => Some(f64::from(*position)),
            Self::Counter { count, .. } => Some(*count as f64),
        }
    }

    /// Closed or open, on or off; `None` of what is neither.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            Self::DoublePoint(DoublePoint::Off) => Some(false),
            Self::DoublePoint(DoublePoint::On) => Some(true),
            _ => None,
        }
    }

    /// A measurement, of which only the newest matters; every change of anything else is an event.
    pub const fn is_measurement(&self) -> bool {
        matches!(self, Self::Float(_) | Self::Integer(_))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{}", if *b { "on" } else { "off" }),
            Self::DoublePoint(DoublePoint::Intermediate) => write!(f, "intermediate"),
            Self::DoublePoint(DoublePoint::Off) => write!(f, "off"),
            Self::DoublePoint(DoublePoint::On) => write!(f, "on"),
            Self::DoublePoint(DoublePoint::Bad) => write!(f, "bad"),
            Self::Integer(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Step { position, moving } => write!(f, "{position}{}", if *moving { " (moving)" } else { "" }),
            Self::Bits(b) => write!(f, "{b:#010x}"),
            Self::Counter { count, .. } => write!(f, "{count}"),
            Self::Text(t) => write!(f, "{t}"),
        }
    }
}

/// `raw × scale + offset`, from what a device counts in to the unit of the point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    pub scale: f64,
    pub offset: f64,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { scale: 1.0, offset: 0.0 }
    }
}

impl Scaling {
    pub fn is_identity(self) -> bool {
        self.scale == 1.0 && self.offset == 0.0
    }

    /// The value in the unit of the point. Only numbers are scaled; contacts, positions, bits and texts stay what they are.
    pub fn to_unit(self, raw: &Value) -> Value {
        match raw {
            _ if self.is_identity() => raw.clone(),
            Value::Integer(i) => Value::Float(*i as f64 * self.scale + self.offset),
            Value::Float(x) => Value::Float(x * self.scale + self.offset),
            Value::Counter { count, .. } => Value::Float(*count as f64 * self.scale + self.offset),
            other => other.clone(),
        }
    }

    /// What the device has to be sent for a value in the unit of the point.
    pub fn to_raw(self, value: &Value) -> Value {
        match value {
            _ if self.is_identity() => value.clone(),
            Value::Integer(i) => Value::Float((*i as f64 - self.offset) / self.scale),
            Value::Float(x) => Value::Float((x - self.offset) / self.scale),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_goes_forth_and_back() {
        let tenth = Scaling { scale: 0.1, offset: -40.0 };
        assert_eq!(tenth.to_unit(&Value::Integer(650)), Value::Float(25.0));
        assert_eq!(tenth.to_raw(&Value::Float(25.0)), Value::Float(650.0));
        assert_eq!(tenth.to_unit(&Value::Bool(true)), Value::Bool(true));
        assert_eq!(Scaling::default().to_unit(&Value::Integer(i64::MAX)), Value::Integer(i64::MAX));
    }

    #[test]
    fn two_contacts_have_four_positions() {
        for bits in 0..=255u8 {
            assert_eq!(DoublePoint::from_bits(bits).bits(), bits & 3);
        }
        assert_eq!(Value::DoublePoint(DoublePoint::Intermediate).as_bool(), None);
        assert_eq!(Value::DoublePoint(DoublePoint::On).as_f64(), Some(1.0));
    }
}
