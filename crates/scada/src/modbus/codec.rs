//! Registers to values and back.

use super::map::{ModbusPoint, RegisterType, WordOrder};
use crate::point::{DoublePoint, Flags, Quality, Value};

/// Words in the order A, B, C, … of what came.
fn ordered(words: &[u16], order: WordOrder) -> [u16; 4] {
    let mut out = [0u16; 4];
    let n = words.len().min(4);
    for i in 0..n {
        let from = match order {
            WordOrder::Abcd | WordOrder::Badc => i,
            WordOrder::Cdab | WordOrder::Dcba => n - 1 - i,
        };
        out[i] = match order {
            WordOrder::Abcd | WordOrder::Cdab => words[from],
            WordOrder::Badc | WordOrder::Dcba => words[from].swap_bytes(),
        };
    }
    out
}

fn joined(words: &[u16]) -> u64 {
    words.iter().fold(0, |sum, w| sum << 16 | u64::from(*w))
}

/// Decimal digits of a packed number; `None` when a nibble is none.
fn bcd(bits: u64, digits: u32) -> Option<i64> {
    let mut value = 0;
    for i in (0..digits).rev() {
        let digit = (bits >> (4 * i) & 0xF) as i64;
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    Some(value)
}

/// The value in the registers of a point, `words` being as many as its span, and its quality. `exponent` is what its scale register holds.
///
/// Bits of coils and inputs come as one word a bit.
pub fn decode(point: &ModbusPoint, words: &[u16], exponent: Option<i16>) -> (Option<Value>, Quality) {
    let (start, end) = point.span();
    if words.len() != (end - start) as usize {
        return (None, Quality::invalid(Flags::INCONSISTENT));
    }
    if point.register_type.is_of_bits() {
        return (Some(bits(point, words)), Quality::GOOD);
    }
    let w = ordered(words, point.order);
    let all = joined(&w[..words.len()]);
    let is_absent = point.sentinel
        && match point.register_type {
            RegisterType::Uint16 | RegisterType::Bcd16 => all == 0xFFFF,
            RegisterType::Int16 => all == 0x8000,
            RegisterType::Uint32 | RegisterType::Bcd32 | RegisterType::Bits32 => all == 0xFFFF_FFFF,
            RegisterType::Int32 => all == 0x8000_0000,
            RegisterType::Uint64 => all == u64::MAX,
            RegisterType::Int64 => all == 1 << 63,
            RegisterType::Float32 => f32::from_bits(all as u32).is_nan(),
            RegisterType::Float64 => f64::from_bits(all).is_nan(),
            RegisterType::Bool | RegisterType::DoublePoint => false,
        };
    if is_absent {
        return (None, Quality::invalid(Flags::BAD_REFERENCE));
    }
    let value = match point.register_type {
        RegisterType::Uint16 | RegisterType::Uint32 => Value::Integer(all as i64),
        RegisterType::Int16 => Value::Integer(i64::from(all as u16 as i16)),
        RegisterType::Int32 => Value::Integer(i64::from(all as u32 as i32)),
        RegisterType::Int64 => Value::Integer(all as i64),
        RegisterType::Uint64 => match i64::try_from(all) {
            Ok(value) => Value::Integer(value),
            Err(_) => return (Some(Value::Integer(i64::MAX)), Quality::questionable(Flags::OVERFLOW)),
        },
        RegisterType::Float32 => Value::Float(f64::from(f32::from_bits(all as u32))),
        RegisterType::Float64 => Value::Float(f64::from_bits(all)),
        RegisterType::Bcd16 | RegisterType::Bcd32 => match bcd(all, 4 * words.len() as u32) {
            Some(value) => Value::Integer(value),
            None => return (None, Quality::invalid(Flags::INCONSISTENT)),
        },
        RegisterType::Bits32 => Value::Bits(all as u32),
        RegisterType::Bool | RegisterType::DoublePoint => bits(point, words),
    };
    match (point.scale_register, exponent, value.as_f64()) {
        (None, ..) => (Some(value), Quality::GOOD),
        (Some(_), Some(power @ -10..=10), Some(number)) => (Some(Value::Float(scaled(number, power))), Quality::GOOD),
        // Without its power of ten the number means nothing.
        (Some(_), ..) => (None, Quality::invalid(Flags::BAD_REFERENCE)),
    }
}

/// `number · 10^power`; a negative power divides, so that 2305 at −1 is 230.5 to the last bit.
fn scaled(number: f64, power: i16) -> f64 {
    let ten = 10f64.powi(i32::from(power.unsigned_abs()));
    if power < 0 { number / ten } else { number * ten }
}

fn bits(point: &ModbusPoint, words: &[u16]) -> Value {
    let bit = |i: u8| match point.at.bit {
        Some(first) => words[0] >> (first + i) & 1 == 1,
        None => words[usize::from(i)] != 0,
    };
    match point.register_type {
        RegisterType::DoublePoint => Value::DoublePoint(DoublePoint::from_bits(u8::from(bit(0)) | u8::from(bit(1)) << 1)),
        _ => Value::Bool(bit(0)),
    }
}

/// The registers for a value, as many as the point's type has. `None` when the value does not fit.
pub fn encode(point: &ModbusPoint, value: &Value, exponent: Option<i16>) -> Option<Vec<u16>> {
    let number = match (point.scale_register, exponent, value) {
        (Some(_), Some(power @ -10..=10), v) => Some(scaled(v.as_f64()?, -power)),
        (Some(_), ..) => return None,
        (None, _, Value::Integer(_)) => None,
        (None, _, v) => v.as_f64(),
    };
    let whole = |low: i64, high: i64| -> Option<i64> {
        let number = match (number, value) {
            (None, Value::Integer(i)) => *i,
            (Some(x), _) if x.is_finite() && x.abs() < 9.2e18 => x.round() as i64,
            _ => return None,
        };
        (low..=high).contains(&number).then_some(number)
    };
    let float = || number.or_else(|| value.as_f64());
    let packed = |digits: u32| {
        let number = whole(0, 10i64.pow(digits) - 1)? as u64;
        Some((0..digits).fold(0, |sum, i| sum | (number / 10u64.pow(i) % 10) << (4 * i)))
    };
    let all: u64 = match point.register_type {
        RegisterType::Bool => u64::from(value.as_bool()?),
        RegisterType::DoublePoint => {
            let Value::DoublePoint(position) = value else { return None };
            let bits = u16::from(position.bits());
            return Some(match point.at.bit {
                Some(_) => vec![bits],
                None => vec![bits & 1, bits >> 1],
            });
        }
        RegisterType::Uint16 => whole(0, 0xFFFF)? as u64,
        RegisterType::Int16 => whole(-0x8000, 0x7FFF)? as u16 as u64,
        RegisterType::Uint32 => whole(0, 0xFFFF_FFFF)? as u64,
        RegisterType::Int32 => whole(-0x8000_0000, 0x7FFF_FFFF)? as u32 as u64,
        RegisterType::Uint64 => whole(0, i64::MAX)? as u64,
        RegisterType::Int64 => whole(i64::MIN, i64::MAX)? as u64,
        RegisterType::Float32 => {
            let x = float()?;
            // A finite number that a single cannot hold would arrive as infinity.
            if x.is_finite() && !(x as f32).is_finite() {
                return None;
            }
            u64::from((x as f32).to_bits())
        }
        RegisterType::Float64 => float()?.to_bits(),
        RegisterType::Bcd16 => packed(4)?,
        RegisterType::Bcd32 => packed(8)?,
        RegisterType::Bits32 => match value {
            Value::Bits(bits) => u64::from(*bits),
            _ => whole(0, 0xFFFF_FFFF)? as u64,
        },
    };
    let n = usize::from(point.register_type.size());
    let words: Vec<u16> = (0..n).map(|i| (all >> (16 * (n - 1 - i))) as u16).collect();
    // Each order is its own opposite.
    Some(if n == 1 && point.register_type == RegisterType::Bool { words } else { ordered(&words, point.order)[..n].to_vec() })
}

/// The words by which SunSpec says that there is no value, of a point that has them.
pub fn absent(point: &ModbusPoint) -> Option<Vec<u16>> {
    let all = match point.register_type {
        _ if !point.sentinel => return None,
        RegisterType::Uint16 | RegisterType::Bcd16 => 0xFFFF,
        RegisterType::Int16 => 0x8000,
        RegisterType::Uint32 | RegisterType::Bcd32 | RegisterType::Bits32 => 0xFFFF_FFFF,
        RegisterType::Int32 => 0x8000_0000,
        RegisterType::Uint64 => u64::MAX,
        RegisterType::Int64 => 1 << 63,
        RegisterType::Float32 => u64::from(f32::NAN.to_bits()),
        RegisterType::Float64 => f64::NAN.to_bits(),
        RegisterType::Bool | RegisterType::DoublePoint => return None,
    };
    let size = usize::from(point.register_type.size());
    let words: Vec<u16> = (0..size).rev().map(|k| (all >> (16 * k)) as u16).collect();
    Some(ordered(&words, point.order)[..size].to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::map::parse_address;
    use super::*;

    fn point(register_type: RegisterType, order: WordOrder) -> ModbusPoint {
        ModbusPoint { order, ..ModbusPoint::new(parse_address("holding:0").unwrap(), register_type) }
    }

    #[test]
    fn the_four_orders_of_a_float() {
        // 123.456 is 0x42F6E979 as a single.
        let want = Some(Value::Float(f64::from(123.456f32)));
        for (order, words) in [
            (WordOrder::Abcd, [0x42F6, 0xE979]),
            (WordOrder::Cdab, [0xE979, 0x42F6]),
            (WordOrder::Badc, [0xF642, 0x79E9]),
            (WordOrder::Dcba, [0x79E9, 0xF642]),
        ] {
            let p = point(RegisterType::Float32, order);
            assert_eq!(decode(&p, &words, None), (want.clone(), Quality::GOOD));
            assert_eq!(encode(&p, want.as_ref().unwrap(), None).unwrap(), words);
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let all = [WordOrder::Abcd, WordOrder::Cdab, WordOrder::Badc, WordOrder::Dcba];
        for (_, t) in RegisterType::ALL {
            for order in all {
                let values = match t {
                    RegisterType::Bool | RegisterType::DoublePoint => continue,
                    RegisterType::Float32 => vec![Value::Float(-1.5)],
                    RegisterType::Float64 => vec![Value::Float(0.1)],
                    RegisterType::Bits32 => vec![Value::Bits(0xDEAD_BEEF)],
                    RegisterType::Int16 => vec![Value::Integer(-2), Value::Integer(-0x8000)],
                    RegisterType::Int32 => vec![Value::Integer(-70_000)],
                    RegisterType::Int64 => vec![Value::Integer(i64::MIN), Value::Integer(1 << 40)],
                    RegisterType::Bcd32 => vec![Value::Integer(12_345_678)],
                    _ => vec![Value::Integer(9_876)],
                };
                for value in values {
                    let p = point(t, order);
                    let words = encode(&p, &value, None).unwrap();
                    assert_eq!(decode(&p, &words, None).0, Some(value), "{t:?} {order:?}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        for (t, value) in [
            (RegisterType::Uint16, Value::Integer(65_536)),
            (RegisterType::Uint16, Value::Float(-0.6)),
            (RegisterType::Int16, Value::Integer(32_768)),
            (RegisterType::Bcd16, Value::Integer(10_000)),
            (RegisterType::Float32, Value::Float(1e300)),
            (RegisterType::Uint32, Value::Float(f64::NAN)),
            (RegisterType::Int16, Value::Text("x".into())),
        ] {
            assert_eq!(encode(&point(t, WordOrder::Abcd), &value, None), None, "{t:?} {value}");
        }
        assert_eq!(encode(&point(RegisterType::Uint16, WordOrder::Abcd), &Value::Float(24.999_999_9), None), Some(vec![25]));
    }

    #[test]
    fn sunspec_says_what_is_not_there_and_scales_by_a_register() {
        let mut p = point(RegisterType::Int16, WordOrder::Abcd);
        p.sentinel = true;
        assert_eq!(decode(&p, &[0x8000], None), (None, Quality::invalid(Flags::BAD_REFERENCE)));
        assert_eq!(absent(&p), Some(vec![0x8000]));
        for t in [RegisterType::Float32, RegisterType::Float64, RegisterType::Uint32, RegisterType::Int64] {
            for order in [WordOrder::Abcd, WordOrder::Cdab, WordOrder::Badc, WordOrder::Dcba] {
                let mut p = point(t, order);
                assert_eq!(absent(&p), None);
                p.sentinel = true;
                assert_eq!(decode(&p, &absent(&p).unwrap(), None), (None, Quality::invalid(Flags::BAD_REFERENCE)), "{t:?} {order:?}");
            }
        }
        p.scale_register = Some(10);
        assert_eq!(decode(&p, &[2305], Some(-1)).0, Some(Value::Float(230.5)));
        assert_eq!(decode(&p, &[2305], None).0, None);
        assert_eq!(decode(&p, &[2305], Some(i16::MIN)).0, None);
        assert_eq!(encode(&p, &Value::Float(230.5), Some(-1)), Some(vec![2305]));
    }

    #[test]
    fn bits_of_registers_and_of_tables() {
        let of = |text: &str, t| ModbusPoint::new(parse_address(text).unwrap(), t);
        assert_eq!(decode(&of("holding:0.3", RegisterType::Bool), &[0b1000], None).0, Some(Value::Bool(true)));
        let on = Some(Value::DoublePoint(DoublePoint::On));
        assert_eq!(decode(&of("holding:0.3", RegisterType::DoublePoint), &[0b1_0000], None).0, on);
        assert_eq!(decode(&of("discrete:0", RegisterType::DoublePoint), &[0, 1], None).0, on);
        assert_eq!(decode(&of("discrete:0", RegisterType::DoublePoint), &[0], None), (None, Quality::invalid(Flags::INCONSISTENT)));
        assert_eq!(bcd(0x12AB, 4), None);
    }

    proptest::proptest! {
        #[test]
        fn any_registers_are_a_value_that_is_written_as_it_came(
            words in proptest::collection::vec(proptest::prelude::any::<u16>(), 0..6),
            kind in 0usize..13,
            order in 0usize..4,
        ) {
            let order = [WordOrder::Abcd, WordOrder::Cdab, WordOrder::Badc, WordOrder::Dcba][order];
            let (_, register_type) = RegisterType::ALL[kind];
            let p = point(register_type, order);
            if let (Some(value), quality) = decode(&p, &words, None)
                && quality.is_good()
                && !register_type.is_of_bits()
                && !value.as_f64().is_some_and(f64::is_nan)
            {
                proptest::prop_assert_eq!(encode(&p, &value, None), Some(words));
            }
        }
    }
}
