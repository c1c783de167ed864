//! Telegrams (ASDU): a type, a cause, a station, and objects with their addresses.
//!
//! Two octets of cause, two of station, three of object, as 104 fixes them.
//!
//! A normalised value is a fixed-point fraction: `value = n / 2^15`, from −1 to 1 − 2^−15.

use super::clock::Cp56;
use crate::point::{DoublePoint, Quality, Value};

/// Causes of transmission.
pub mod cause {
    pub const PERIODIC: u8 = 1;
    pub const BACKGROUND: u8 = 2;
    pub const SPONTANEOUS: u8 = 3;
    pub const INITIALISED: u8 = 4;
    pub const REQUESTED: u8 = 5;
    pub const ACTIVATION: u8 = 6;
    pub const ACTIVATION_CON: u8 = 7;
    pub const DEACTIVATION: u8 = 8;
    pub const DEACTIVATION_CON: u8 = 9;
    pub const TERMINATION: u8 = 10;
    pub const RETURN_REMOTE: u8 = 11;
    pub const RETURN_LOCAL: u8 = 12;
    /// Interrogated as a station; groups 1 to 16 follow.
    pub const INTERROGATED: u8 = 20;
    pub const INTERROGATED_LAST: u8 = 36;
    /// Counters asked for in general; groups 1 to 4 follow.
    pub const COUNTERS: u8 = 37;
    pub const COUNTERS_LAST: u8 = 41;
    pub const UNKNOWN_TYPE: u8 = 44;
    pub const UNKNOWN_CAUSE: u8 = 45;
    pub const UNKNOWN_STATION: u8 = 46;
    pub const UNKNOWN_OBJECT: u8 = 47;
}

/// All stations at once.
pub const BROADCAST: u16 = 0xFFFF;
/// Octets of a telegram before its first object.
const HEAD: usize = 6;
/// Octets of a telegram within one frame.
pub const MAX_ASDU: usize = 249;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub type_id: u8,
    /// Objects follow one another without gaps in their addresses.
    pub is_sequence: bool,
    pub count: u8,
    /// Low six bits.
    pub cause: u8,
    pub is_negative: bool,
    pub is_test: bool,
    pub originator: u8,
    pub station: u16,
}

/// What an object holds, by the type of its telegram.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// Types 1 to 37.
    Measured { value: Value, quality: Quality, time: Option<Cp56> },
    /// Types 45 to 51 and 58 to 64: what to do, and the qualifier with its select bit taken out.
    Command { value: CommandValue, qualifier: u8, is_select: bool, time: Option<Cp56> },
    /// Type 70.
    Initialised { cause: u8 },
    /// Type 100.
    Interrogate { qualifier: u8 },
    /// Type 101.
    Counters { qualifier: u8 },
    /// Type 102.
    Read,
    /// Type 103.
    Clock { time: Cp56 },
    /// Types 104 and 107, whatever they carry.
    Test { octets: Vec<u8> },
    /// Type 105.
    Reset { qualifier: u8 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CommandValue {
    Single(bool),
    Double(DoublePoint),
    /// One step up (`true`) or down.
    Step(bool),
    /// A fraction in 2^−15.
    Normalised(i16),
    Scaled(i16),
    Float(f32),
    Bits(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Asdu {
    pub header: Header,
    pub objects: Vec<(u32, Object)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsduFault {
    #[error("a telegram of {0} octets is too short for its head")]
    Short(usize),
    #[error("a telegram of type {} is not known", .0.type_id)]
    UnknownType(Header),
    #[error("a telegram of type {} with {} objects should have {expected} octets after its head, and has {found}", header.type_id, header.count)]
    Length { header: Header, expected: usize, found: usize },
    #[error("a telegram of type {} holds no object", .0.type_id)]
    Empty(Header),
    #[error("a telegram of type {} holds a step command that goes nowhere", .0.type_id)]
    Step(Header),
}

impl Header {
    pub fn new(type_id: u8, cause: u8, originator: u8, station: u16) -> Self {
        Self { type_id, is_sequence: false, count: 0, cause, is_negative: false, is_test: false, originator, station }
    }

    /// Reads the head alone, for a telegram whose rest cannot be read.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let &[type_id, vsq, cot, originator, low, high] = octets.get(..HEAD)? else { return None };
        Some(Self {
            type_id,
            is_sequence: vsq & 0x80 != 0,
            count: vsq & 0x7F,
            cause: cot & 0x3F,
            is_negative: cot & 0x40 != 0,
            is_test: cot & 0x80 != 0,
            originator,
            station: u16::from_le_bytes([low, high]),
        })
    }

    fn encode(&self, count: usize, out: &mut Vec<u8>) {
        let [low, high] = self.station.to_le_bytes();
        let cot = self.cause & 0x3F | u8::from(self.is_negative) << 6 | u8::from(self.is_test) << 7;
        out.extend([self.type_id, count as u8 & 0x7F | u8::from(self.is_sequence) << 7, cot, self.originator, low, high]);
    }
}

/// Octets of an object without its address; `None` of a type that is not known.
fn size(type_id: u8) -> Option<usize> {
    Some(match type_id {
        1 | 3 => 1,
        5 => 2,
        7 => 5,
        9 | 11 => 3,
        13 | 15 => 5,
        21 => 2,
        30 | 31 => 8,
        32 => 9,
        33 => 12,
        34 | 35 => 10,
        36 | 37 => 12,
        45..=47 => 1,
        48 | 49 => 3,
        50 => 5,
        51 => 4,
        58..=60 => 8,
        61 | 62 => 10,
        63 => 12,
        64 => 11,
        70 | 100 | 101 | 105 => 1,
        102 => 0,
        103 => 7,
        104 => 2,
        107 => 9,
        _ => return None,
    })
}

/// Reads a telegram.
///
/// # Errors
/// A type that is not known, lengths that do not fit, no objects: each with the head, so that it can be answered.
pub fn decode(octets: &[u8]) -> Result<Asdu, AsduFault> {
    let header = Header::decode(octets).ok_or(AsduFault::Short(octets.len()))?;
    let size = size(header.type_id).ok_or(AsduFault::UnknownType(header))?;
    let count = usize::from(header.count);
    if count == 0 {
        return Err(AsduFault::Empty(header));
    }
    let expected = if header.is_sequence { 3 + count * size } else { count * (3 + size) };
    let body = &octets[HEAD..];
    if body.len() != expected {
        return Err(AsduFault::Length { header, expected, found: body.len() });
    }
    let address = |o: &[u8]| u32::from(o[0]) | u32::from(o[1]) << 8 | u32::from(o[2]) << 16;
    let mut objects = Vec::with_capacity(count);
    for i in 0..count {
        let (at, element) = if header.is_sequence {
            // Addresses past the last one wrap; no station has such, and no point answers to them.
            ((address(body) + i as u32) & 0xFF_FFFF, &body[3 + i * size..3 + (i + 1) * size])
        } else {
            let one = &body[i * (3 + size)..(i + 1) * (3 + size)];
            (address(one), &one[3..])
        };
        objects.push((at, object(header, element)?));
    }
    Ok(Asdu { header, objects })
}

fn i16_of(o: &[u8]) -> i16 {
    i16::from_le_bytes([o[0], o[1]])
}

fn u32_of(o: &[u8]) -> u32 {
    u32::from_le_bytes([o[0], o[1], o[2], o[3]])
}

fn cp56_of(o: &[u8]) -> Cp56 {
    let mut octets = [0; 7];
    octets.copy_from_slice(&o[..7]);
    Cp56 { octets }
}

pub fn normalised(n: i16) -> f64 {
    f64::from(n) / 32_768.0
}

/// `None` of what is no fraction from −1 to 1; 1 itself is the largest that there is.
pub fn to_normalised(x: f64) -> Option<i16> {
    (-1.0..=1.0).contains(&x).then(|| (x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
}

/// `element` has the length that its type asks for.
fn object(header: Header, o: &[u8]) -> Result<Object, AsduFault> {
    let timed = |base: usize| if o.len() > base { Some(cp56_of(&o[base..])) } else { None };
    let measured = |value, quality, base| Object::Measured { value, quality, time: timed(base) };
    let command = |value, qualifier: u8, base| Object::Command {
        value,
        qualifier: qualifier & 0x7F,
        is_select: qualifier & 0x80 != 0,
        time: timed(base),
    };
    Ok(match header.type_id {
        1 | 30 => measured(Value::Bool(o[0] & 1 == 1), Quality::from_siq(o[0]), 1),
        3 | 31 => measured(Value::DoublePoint(DoublePoint::from_bits(o[0])), Quality::from_siq(o[0]), 1),
        5 | 32 => {
            // Seven bits of two's complement, and whether it moves.
            let position = i32::from(((o[0] << 1) as i8) >> 1);
            measured(Value::Step { position, moving: o[0] & 0x80 != 0 }, Quality::from_qds(o[1]), 2)
        }
        7 | 33 => measured(Value::Bits(u32_of(o)), Quality::from_qds(o[4]), 5),
        9 | 34 => measured(Value::Float(normalised(i16_of(o))), Quality::from_qds(o[2]), 3),
        21 => measured(Value::Float(normalised(i16_of(o))), Quality::GOOD, 2),
        11 | 35 => measured(Value::Integer(i64::from(i16_of(o))), Quality::from_qds(o[2]), 3),
        13 | 36 => measured(Value::Float(f64::from(f32::from_bits(u32_of(o)))), Quality::from_qds(o[4]), 5),
        15 | 37 => {
            let count = i64::from(u32_of(o) as i32);
            let (carry, adjusted) = (o[4] & 0x20 != 0, o[4] & 0x40 != 0);
            measured(Value::Counter { count, sequence: o[4] & 0x1F, carry, adjusted }, Quality::from_bcr(o[4]), 5)
        }
        // The qualifier of a command stands in bits 2 to 6 and the select bit is the highest.
        45 | 58 => command(CommandValue::Single(o[0] & 1 == 1), o[0] & 0xFC, 1),
        46 | 59 => command(CommandValue::Double(DoublePoint::from_bits(o[0])), o[0] & 0xFC, 1),
        47 | 60 => match o[0] & 3 {
            1 => command(CommandValue::Step(false), o[0] & 0xFC, 1),
            2 => command(CommandValue::Step(true), o[0] & 0xFC, 1),
            _ => return Err(AsduFault::Step(header)),
        },
        48 | 61 => command(CommandValue::Normalised(i16_of(o)), o[2], 3),
        49 | 62 => command(CommandValue::Scaled(i16_of(o)), o[2], 3),
        50 | 63 => command(CommandValue::Float(f32::from_bits(u32_of(o))), o[4], 5),
        51 | 64 => command(CommandValue::Bits(u32_of(o)), 0, 4),
        70 => Object::Initialised { cause: o[0] },
        100 => Object::Interrogate { qualifier: o[0] },
        101 => Object::Counters { qualifier: o[0] },
        102 => Object::Read,
        103 => Object::Clock { time: cp56_of(o) },
        105 => Object::Reset { qualifier: o[0] },
        104 | 107 => Object::Test { octets: o.to_vec() },
        _ => return Err(AsduFault::UnknownType(header)),
    })
}

/// Writes a telegram. `None` when an object does not fit its type, or all of them do not fit a telegram.
pub fn encode(asdu: &Asdu) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(32);
    asdu.header.encode(asdu.objects.len(), &mut out);
    let size = size(asdu.header.type_id)?;
    if asdu.objects.is_empty() || asdu.objects.len() > 127 {
        return None;
    }
    for (i, (address, object)) in asdu.objects.iter().enumerate() {
        if *address > 0xFF_FFFF {
            return None;
        }
        if asdu.header.is_sequence && i > 0 {
            if *address != asdu.objects[0].0 + i as u32 {
                return None;
            }
        } else {
            out.extend(&address.to_le_bytes()[..3]);
        }
        let before = out.len();
        write_object(asdu.header.type_id, object, &mut out)?;
        if out.len() - before != size {
            return None;
        }
    }
    (out.len() <= MAX_ASDU).then_some(out)
}

fn write_object(type_id: u8, object: &Object, out: &mut Vec<u8>) -> Option<()> {
    let time = match object {
        Object::Measured { value, quality, time } => {
            write_measured(type_id, value, *quality, out)?;
            *time
        }
        Object::Command { value, qualifier, is_select, time } => {
            let select = u8::from(*is_select) << 7;
            match (type_id, value) {
                (45 | 58, CommandValue::Single(on)) => out.push(u8::from(*on) | qualifier & 0x7C | select),
                (46 | 59, CommandValue::Double(position)) => out.push(position.bits() | qualifier & 0x7C | select),
                (47 | 60, CommandValue::Step(up)) => out.push(if *up { 2 } else { 1 } | qualifier & 0x7C | select),
                (48 | 61, CommandValue::Normalised(n)) | (49 | 62, CommandValue::Scaled(n)) => {
                    out.extend(n.to_le_bytes());
                    out.push(qualifier & 0x7F | select);
                }
                (50 | 63, CommandValue::Float(x)) => {
                    out.extend(x.to_le_bytes());
                    out.push(qualifier & 0x7F | select);
                }
                (51 | 64, CommandValue::Bits(bits)) => out.extend(bits.to_le_bytes()),
                _ => return None,
            }
            *time
        }
        Object::Initialised { cause } => {
            out.push(*cause);
            None
        }
        Object::Interrogate { qualifier } | Object::Counters { qualifier } | Object::Reset { qualifier } => {
            out.push(*qualifier);
            None
        }
        Object::Read => None,
        Object::Clock { time } => Some(*time),
        Object::Test { octets } => {
            out.extend(octets);
            None
        }
    };
    out.extend(time.iter().flat_map(|t| t.octets));
    Some(())
}

fn write_measured(type_id: u8, value: &Value, quality: Quality, out: &mut Vec<u8>) -> Option<()> {
    match (type_id, value) {
        (1 | 30, Value::Bool(on)) => out.push(u8::from(*on) | quality.to_siq()),
        (3 | 31, Value::DoublePoint(position)) => out.push(position.bits() | quality.to_siq()),
        (5 | 32, Value::Step { position, moving }) => {
            let (position, quality) = clamped(i64::from(*position), -64, 63, quality);
            out.extend([position as u8 & 0x7F | u8::from(*moving) << 7, quality.to_qds()]);
        }
        (7 | 33, Value::Bits(bits)) => {
            out.extend(bits.to_le_bytes());
            out.push(quality.to_qds());
        }
        (9 | 21 | 34, v) => {
            let x = v.as_f64()?;
            let (n, quality) = match to_normalised(x) {
                Some(n) => (n, quality),
                None => (if x > 0.0 { i16::MAX } else { i16::MIN }, overflow(quality)),
            };
            out.extend(n.to_le_bytes());
            if type_id != 21 {
                out.push(quality.to_qds());
            }
        }
        (11 | 35, v) => {
            let x = v.as_f64()?;
            let (n, quality) = clamped(if x.is_finite() { x.round() as i64 } else { i64::MAX }, -32_768, 32_767, quality);
            out.extend((n as i16).to_le_bytes());
            out.push(quality.to_qds());
        }
        (13 | 36, v) => {
            let x = v.as_f64()? as f32;
            let quality = if x.is_finite() { quality } else { overflow(quality) };
            out.extend(x.to_le_bytes());
            out.push(quality.to_qds());
        }
        (15 | 37, Value::Counter { count, sequence, carry, adjusted }) => {
            let (count, quality) = clamped(*count, i64::from(i32::MIN), i64::from(i32::MAX), quality);
            out.extend((count as i32).to_le_bytes());
            out.push(sequence & 0x1F | u8::from(*carry) << 5 | u8::from(*adjusted) << 6 | quality.to_bcr());
        }
        _ => return None,
    }
    Some(())
}

fn overflow(quality: Quality) -> Quality {
    quality.worsened(crate::point::Validity::Questionable, crate::point::Flags::OVERFLOW)
}

/// What a type can hold, and that it is not the whole value.
fn clamped(value: i64, low: i64, high: i64, quality: Quality) -> (i64, Quality) {
    if (low..=high).contains(&value) { (value, quality) } else { (value.clamp(low, high), overflow(quality)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Flags, Validity};
    use proptest::prelude::*;

    #[test]
    fn a_float_as_it_goes_over_the_wire() {
        // M_ME_NC_1, one object, spontaneous, station 1, object 1001, 1.5 (0x3FC00000), good.
        let octets = [13, 1, 3, 0, 1, 0, 0xE9, 0x03, 0, 0, 0, 0xC0, 0x3F, 0];
        let asdu = decode(&octets).unwrap();
        assert_eq!(asdu.objects, [(1001, Object::Measured { value: Value::Float(1.5), quality: Quality::GOOD, time: None })]);
        assert_eq!(encode(&asdu).unwrap(), octets);
    }

    #[test]
    fn sequences_count_their_addresses() {
        let octets = [1, 0x83, 20, 0, 1, 0, 5, 0, 0, 1, 0, 0x81];
        let asdu = decode(&octets).unwrap();
        assert_eq!(asdu.objects.iter().map(|(a, _)| *a).collect::<Vec<_>>(), [5, 6, 7]);
        let Object::Measured { quality, .. } = asdu.objects[2].1 else { panic!() };
        assert_eq!(quality.validity, Validity::Invalid);
        assert_eq!(encode(&asdu).unwrap(), octets);
    }

    #[test]
    fn steps_are_seven_bits() {
        for position in -64..=63 {
            let object =
                Object::Measured { value: Value::Step { position, moving: position % 2 == 0 }, quality: Quality::GOOD, time: None };
            let asdu = Asdu { header: Header { count: 1, ..Header::new(5, 3, 0, 1) }, objects: vec![(1, object)] };
            assert_eq!(decode(&encode(&asdu).unwrap()).unwrap(), asdu);
        }
    }

    #[test]
    fn what_a_type_cannot_hold_is_told_as_overflow() {
        for (type_id, value) in [
            (11, Value::Integer(40_000)),
            (9, Value::Float(1.5)),
            (13, Value::Float(1e300)),
            (5, Value::Step { position: 70, moving: false }),
        ] {
            let object = Object::Measured { value, quality: Quality::GOOD, time: None };
            let asdu = Asdu { header: Header::new(type_id, 3, 0, 1), objects: vec![(1, object)] };
            let back = decode(&encode(&asdu).unwrap()).unwrap();
            let Object::Measured { quality, .. } = back.objects[0].1 else { panic!() };
            assert!(quality.flags.has(Flags::OVERFLOW) && !quality.is_good(), "type {type_id}");
        }
    }

    #[test]
    fn faults_keep_the_head() {
        assert_eq!(decode(&[1, 1, 3]), Err(AsduFault::Short(3)));
        assert!(matches!(decode(&[200, 1, 3, 0, 1, 0, 0, 0, 0]), Err(AsduFault::UnknownType(h)) if h.type_id == 200 && h.station == 1));
        assert!(matches!(decode(&[13, 1, 3, 0, 1, 0, 0, 0, 0]), Err(AsduFault::Length { expected: 8, found: 3, .. })));
        assert!(matches!(decode(&[13, 0, 3, 0, 1, 0]), Err(AsduFault::Empty(_))));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..64), type_id in 0u8..110) {
            if let Some(first) = octets.first_mut() {
                *first = type_id;
            }
            if let Ok(asdu) = decode(&octets) {
                let again = encode(&asdu).map(|o| decode(&o));
                if let Some(again) = again {
                    // Not by octets: reserved bits are not kept. NaN is not equal to itself.
                    prop_assert_eq!(format!("{:?}", again.unwrap().objects.len()), format!("{:?}", asdu.objects.len()));
                }
            }
        }
    }
}
