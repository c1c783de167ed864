//! What is recorded: a value of a point at an instant, and how it lies in the log.

use scada::UtcTime;
use scada::point::{DoublePoint, Flags, Quality, Validity, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of a point in one history, given when its name is first told ([`super::Historian::point`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointId(pub u32);

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A value of a point known from the place where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub time: UtcTime,
    /// In the unit of the point; `None` where a device told only a quality.
    pub value: Option<Value>,
    pub quality: Quality,
}

impl Entry {
    /// The number that counts in a mean: finite, and of good quality.
    pub fn good_number(&self) -> Option<f64> {
        self.value.as_ref().filter(|_| self.quality.is_good()).and_then(Value::as_f64).filter(|x| x.is_finite())
    }

    /// Equal in every bit; unlike `==`, not a number is itself.
    pub fn same_bits(&self, other: &Self) -> bool {
        let value = match (&self.value, &other.value) {
            (Some(Value::Float(a)), Some(Value::Float(b))) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        value && self.time == other.time && self.quality == other.quality
    }
}

/// A value of a named point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub point: PointId,
    #[serde(flatten)]
    pub entry: Entry,
}

impl Sample {
    pub fn new(point: PointId, time: UtcTime, value: Value, quality: Quality) -> Self {
        Self { point, entry: Entry { time, value: Some(value), quality } }
    }
}

/// First instant that can be recorded, 1970-01-01T00:00:00Z.
pub const TIME_MIN: UtcTime = UtcTime::from_us(0);
/// First instant that cannot be recorded any more, 2201-01-01T00:00:00Z: 231 years with 56 leap days are 84,371 days.
pub const TIME_END: UtcTime = UtcTime::from_us(84_371 * 86_400_000_000);
/// Longest text of one value, octets.
pub const TEXT_MAX: usize = 65_535;

/// Kinds of values by the number under which they are written. Numbers are never used again for something else.
pub(crate) mod tag {
    pub const NONE: u8 = 0;
    pub const BOOL: u8 = 1;
    pub const DOUBLE_POINT: u8 = 2;
    pub const INTEGER: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const STEP: u8 = 5;
    pub const BITS: u8 = 6;
    pub const COUNTER: u8 = 7;
    pub const TEXT: u8 = 8;
    pub const LAST: u8 = TEXT;
}

pub(crate) const fn tag_of(value: Option<&Value>) -> u8 {
    match value {
        None => tag::NONE,
        Some(Value::Bool(_)) => tag::BOOL,
        Some(Value::DoublePoint(_)) => tag::DOUBLE_POINT,
        Some(Value::Integer(_)) => tag::INTEGER,
        Some(Value::Float(_)) => tag::FLOAT,
        Some(Value::Step { .. }) => tag::STEP,
        Some(Value::Bits(_)) => tag::BITS,
        Some(Value::Counter { .. }) => tag::COUNTER,
        Some(Value::Text(_)) => tag::TEXT,
    }
}

/// Validity in two bits above fifteen of flags.
pub(crate) const fn quality_bits(quality: Quality) -> u32 {
    let validity = match quality.validity {
        Validity::Good => 0,
        Validity::Questionable => 1,
        Validity::Invalid => 2,
    };
    validity << 16 | quality.flags.0 as u32
}

pub(crate) const fn quality_from_bits(bits: u32) -> Option<Quality> {
    let validity = match bits >> 16 {
        0 => Validity::Good,
        1 => Validity::Questionable,
        2 => Validity::Invalid,
        _ => return None,
    };
    Some(Quality::new(validity, Flags(bits as u16)))
}

/// The text of one batch in the log: their number, then each as point, time, tag, quality, value; everything little-endian.
pub(crate) fn encode_batch(samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + samples.len() * 25);
    out.extend((samples.len() as u32).to_le_bytes());
    for Sample { point, entry } in samples {
        out.extend(point.0.to_le_bytes());
        out.extend(entry.time.us.to_le_bytes());
        out.push(tag_of(entry.value.as_ref()));
        out.extend(quality_bits(entry.quality).to_le_bytes());
        match &entry.value {
            None => {}
            Some(Value::Bool(on)) => out.push(u8::from(*on)),
            Some(Value::DoublePoint(d)) => out.push(d.bits()),
            Some(Value::Integer(i)) => out.extend(i.to_le_bytes()),
            Some(Value::Float(x)) => out.extend(x.to_bits().to_le_bytes()),
            Some(Value::Step { position, moving }) => {
                out.extend(position.to_le_bytes());
                out.push(u8::from(*moving));
            }
            Some(Value::Bits(b)) => out.extend(b.to_le_bytes()),
            Some(Value::Counter { count, sequence, carry, adjusted }) => {
                out.extend(count.to_le_bytes());
                out.extend([*sequence, u8::from(*carry), u8::from(*adjusted)]);
            }
            Some(Value::Text(text)) => {
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
    out
}

/// A batch as [`encode_batch`] wrote it; `None` where the octets are no batch.
pub(crate) fn decode_batch(octets: &[u8]) -> Option<Vec<Sample>> {
    struct Octets<'a>(&'a [u8]);
    impl<'a> Octets<'a> {
        fn take(&mut self, n: usize) -> Option<&'a [u8]> {
            let (head, rest) = self.0.split_at_checked(n)?;
            self.0 = rest;
            Some(head)
        }
        fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
            self.take(N)?.try_into().ok()
        }
        fn flag(&mut self) -> Option<bool> {
            match self.array::<1>()? {
                [0] => Some(false),
                [1] => Some(true),
                _ => None,
            }
        }
    }
    let mut from = Octets(octets);
    let count = u32::from_le_bytes(from.array()?) as usize;
    // Seventeen octets is the least that one takes: a wrong count must not reserve memory.
    if count > octets.len() / 17 {
        return None;
    }
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let point = PointId(u32::from_le_bytes(from.array()?));
        let time = UtcTime::from_us(i64::from_le_bytes(from.array()?));
        let [tag] = from.array()?;
        let quality = quality_from_bits(u32::from_le_bytes(from.array()?))?;
        let value = match tag {
            tag::NONE => None,
            tag::BOOL => Some(Value::Bool(from.flag()?)),
            tag::DOUBLE_POINT => Some(Value::DoublePoint(DoublePoint::from_bits(from.array::<1>()?[0]))),
            tag::INTEGER => Some(Value::Integer(i64::from_le_bytes(from.array()?))),
            tag::FLOAT => Some(Value::Float(f64::from_bits(u64::from_le_bytes(from.array()?)))),
            tag::STEP => Some(Value::Step { position: i32::from_le_bytes(from.array()?), moving: from.flag()? }),
            tag::BITS => Some(Value::Bits(u32::from_le_bytes(from.array()?))),
            tag::COUNTER => Some(Value::Counter {
                count: i64::from_le_bytes(from.array()?),
                sequence: from.array::<1>()?[0],
                carry: from.flag()?,
                adjusted: from.flag()?,
            }),
            tag::TEXT => {
                let length = u32::from_le_bytes(from.array()?) as usize;
                Some(Value::Text(std::str::from_utf8(from.take(length)?).ok()?.into()))
            }
            _ => return None,
        };
        samples.push(Sample { point, entry: Entry { time, value, quality } });
    }
    from.0.is_empty().then_some(samples)
}
