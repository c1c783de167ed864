//! A sample as columns, and back in every bit.
//!
//! `kind` and `quality` are the numbers of the log (`sample.rs`). `number` holds the value of every kind that has one, so that queries in SQL
//! need not know kinds; of a float it is the value itself. Whole numbers stand in `whole`, what belongs to them in `extra`. PostgreSQL takes
//! no zero character in a text: a text with one is kept as JSON, which `extra` says.

use crate::history::sample::{Entry, PointId, Sample, quality_bits, quality_from_bits, tag, tag_of};
use scada::UtcTime;
use scada::point::{DoublePoint, Value};

/// Columns of a sample as they are read: point, time in µs, kind, quality, number, whole, extra, text.
pub(super) type Cells = (i32, i64, i16, i32, Option<f64>, Option<i64>, Option<i32>, Option<String>);

/// Columns of many samples, for one statement.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub points: Vec<i32>,
    pub times_us: Vec<i64>,
    pub kinds: Vec<i16>,
    pub qualities: Vec<i32>,
    pub numbers: Vec<Option<f64>>,
    pub wholes: Vec<Option<i64>>,
    pub extras: Vec<Option<i32>>,
    pub texts: Vec<Option<String>>,
}

impl Columns {
    pub(super) fn push(&mut self, sample: &Sample) {
        let Entry { time, value, quality } = &sample.entry;
        let number = value.as_ref().and_then(Value::as_f64);
        let (whole, extra, text) = match value {
            None | Some(Value::Float(_)) => (None, None, None),
            Some(Value::Bool(on)) => (Some(i64::from(*on)), None, None),
            Some(Value::DoublePoint(d)) => (Some(i64::from(d.bits())), None, None),
            Some(Value::Integer(i)) => (Some(*i), None, None),
            Some(Value::Step { position, moving }) => (Some(i64::from(*position)), Some(i32::from(*moving)), None),
            Some(Value::Bits(b)) => (Some(i64::from(*b)), None, None),
            Some(Value::Counter { count, sequence, carry, adjusted }) => {
                (Some(*count), Some(i32::from(*sequence) | i32::from(*carry) << 8 | i32::from(*adjusted) << 9), None)
            }
            Some(Value::Text(text)) if text.contains('\0') => (None, Some(1), Some(serde_json::Value::from(&**text).to_string())),
            Some(Value::Text(text)) => (None, None, Some(text.to_string())),
        };
        self.points.push(sample.point.0 as i32);
        self.times_us.push(time.us);
        self.kinds.push(i16::from(tag_of(value.as_ref())));
        self.qualities.push(quality_bits(*quality) as i32);
        self.numbers.push(number);
        self.wholes.push(whole);
        self.extras.push(extra);
        self.texts.push(text);
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }
}

/// The sample of a row; `None` where somebody else wrote what no sample is.
pub(super) fn sample(cells: Cells) -> Option<Sample> {
    let (point, us, kind, quality, number, whole, extra, text) = cells;
    let value = match u8::try_from(kind).ok()? {
        tag::NONE => None,
        tag::BOOL => Some(Value::Bool(whole? != 0)),
        tag::DOUBLE_POINT => Some(Value::DoublePoint(DoublePoint::from_bits(u8::try_from(whole?).ok()?))),
        tag::INTEGER => Some(Value::Integer(whole?)),
        tag::FLOAT => Some(Value::Float(number?)),
        tag::STEP => Some(Value::Step { position: i32::try_from(whole?).ok()?, moving: extra? != 0 }),
        tag::BITS => Some(Value::Bits(u32::try_from(whole?).ok()?)),
        tag::COUNTER => Some(Value::Counter {
            count: whole?,
            sequence: (extra? & 0xff) as u8,
            carry: extra? & 0x100 != 0,
            adjusted: extra? & 0x200 != 0,
        }),
        tag::TEXT if extra == Some(1) => Some(Value::Text(serde_json::from_str::<String>(&text?).ok()?.into())),
        tag::TEXT => Some(Value::Text(text?.into())),
        _ => return None,
    };
    let entry = Entry { time: UtcTime::from_us(us), value, quality: quality_from_bits(quality as u32)? };
    Some(Sample { point: PointId(u32::try_from(point).ok()?), entry })
}

/// A text without what PostgreSQL does not take, for columns that are looked at; the record has it as it is.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}
