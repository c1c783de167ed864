//! Where in a structured value each part is, and what it says in the words of the point model.

use crate::point::{DoublePoint, Quality, TimeQuality, Value, ValueKind};
use crate::time::UtcTime;
use iec61850_client::TypeSpecification;
use iec61850_model::MmsValue;

/// Positions that lead from a value of this type to the part at a path of names; none when the type has no such part.
pub(super) fn way(mut from: &TypeSpecification, path: &[&str]) -> Option<Vec<usize>> {
    let mut positions = Vec::with_capacity(path.len());
    for name in path {
        let TypeSpecification::Structure { components } = from else { return None };
        let at = components.iter().position(|c| c.name == *name)?;
        positions.push(at);
        from = &components[at].type_spec;
    }
    Some(positions)
}

/// The type of a part.
pub(super) fn part_type<'a>(mut from: &'a TypeSpecification, path: &[&str]) -> Option<&'a TypeSpecification> {
    for name in path {
        let TypeSpecification::Structure { components } = from else { return None };
        from = &components.iter().find(|c| c.name == *name)?.type_spec;
    }
    Some(from)
}

/// The part of a value at these positions.
pub(super) fn part<'a>(mut value: &'a MmsValue, way: &[usize]) -> Option<&'a MmsValue> {
    for at in way {
        let MmsValue::Structure(parts) = value else { return None };
        value = parts.get(*at)?;
    }
    Some(value)
}

/// A value as a point of this kind holds it; none when it is of another kind.
pub fn value_of(value: &MmsValue, kind: ValueKind) -> Option<Value> {
    let number = || match value {
        MmsValue::Integer(n) => Some(*n),
        MmsValue::Unsigned(n) => i64::try_from(*n).ok(),
        _ => None,
    };
    match kind {
        ValueKind::Bool => match value {
            MmsValue::Boolean(on) => Some(Value::Bool(*on)),
            _ => None,
        },
        ValueKind::DoublePoint => match value {
            // Two bits from the left: the first is that of the closed contact.
            MmsValue::BitString { padding: 6, data } if data.len() == 1 => Some(Value::DoublePoint(DoublePoint::from_bits(data[0] >> 6))),
            _ => None,
        },
        ValueKind::Integer => number().map(Value::Integer),
        ValueKind::Float => match value {
            MmsValue::Float32(x) => Some(Value::Float(f64::from(*x))),
            MmsValue::Float64(x) => Some(Value::Float(*x)),
            _ => None,
        },
        ValueKind::Step => number().and_then(|n| i32::try_from(n).ok()).map(|position| Value::Step { position, moving: false }),
        ValueKind::Counter => number().map(|count| Value::Counter { count, sequence: 0, carry: false, adjusted: false }),
        ValueKind::Bits => match value {
            MmsValue::BitString { padding, data } if data.len() <= 4 && *padding < 8 => {
                let all = data.iter().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
                Some(Value::Bits((all >> padding) as u32))
            }
            _ => None,
        },
        ValueKind::Text => match value {
            MmsValue::VisibleString(text) | MmsValue::MmsString(text) => Some(Value::Text(text.as_str().into())),
            _ => None,
        },
    }
}

/// A value for a device: of the type that `like` has; none when it cannot be one.
pub fn value_for(value: &Value, like: &MmsValue) -> Option<MmsValue> {
    let whole = || match value {
        Value::Integer(n) => Some(*n),
        Value::Step { position, .. } => Some(i64::from(*position)),
        Value::Counter { count, .. } => Some(*count),
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(*x as i64),
        _ => None,
    };
    match like {
        MmsValue::Boolean(_) => value.as_bool().map(MmsValue::Boolean),
        MmsValue::Integer(_) => whole().map(MmsValue::Integer),
        MmsValue::Unsigned(_) => whole().and_then(|n| u64::try_from(n).ok()).map(MmsValue::Unsigned),
        MmsValue::Float32(_) => value.as_f64().map(|x| x as f32).filter(|x| x.is_finite()).map(MmsValue::Float32),
        MmsValue::Float64(_) => value.as_f64().filter(|x| x.is_finite()).map(MmsValue::Float64),
        MmsValue::BitString { padding: 6, data } if data.len() == 1 => match value {
            Value::DoublePoint(p) => Some(MmsValue::BitString { padding: 6, data: vec![p.bits() << 6] }),
            other => other.as_bool().map(|on| MmsValue::BitString { padding: 6, data: vec![if on { 0x80 } else { 0x40 }] }),
        },
        MmsValue::VisibleString(_) => match value {
            Value::Text(text) => Some(MmsValue::VisibleString(text.to_string())),
            _ => None,
        },
        // A set-point of an analogue value is a structure with the number in it.
        MmsValue::Structure(parts) if parts.len() == 1 => value_for(value, &parts[0]).map(|v| MmsValue::Structure(vec![v])),
        _ => None,
    }
}

/// A value that has the type of a specification, for [`value_for`].
pub(super) fn like(of: &TypeSpecification) -> Option<MmsValue> {
    Some(match of {
        TypeSpecification::Boolean => MmsValue::Boolean(false),
        TypeSpecification::Integer { .. } => MmsValue::Integer(0),
        TypeSpecification::Unsigned { .. } => MmsValue::Unsigned(0),
        TypeSpecification::FloatingPoint { format_width: 64, .. } => MmsValue::Float64(0.0),
        TypeSpecification::FloatingPoint { .. } => MmsValue::Float32(0.0),
        TypeSpecification::BitString { bits } if bits.unsigned_abs() == 2 => MmsValue::BitString { padding: 6, data: vec![0] },
        TypeSpecification::VisibleString { .. } => MmsValue::VisibleString(String::new()),
        TypeSpecification::Structure { components } => {
            MmsValue::Structure(components.iter().map(|c| like(&c.type_spec)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A quality from its bit string; invalid when it is none.
pub fn quality_of(value: &MmsValue) -> Quality {
    match value {
        MmsValue::BitString { data, .. } if data.len() == 2 => Quality::from_iec61850([data[0], data[1]]),
        _ => Quality::invalid(crate::point::Flags::INCONSISTENT),
    }
}

/// A quality as a bit string.
pub fn quality_for(quality: Quality) -> MmsValue {
    MmsValue::BitString { padding: 3, data: quality.to_iec61850().to_vec() }
}

/// An instant with what the device says of its clock; none for a time that was never set.
pub fn time_of(value: &MmsValue) -> Option<(UtcTime, TimeQuality)> {
    match value {
        MmsValue::UtcTime(octets) if octets[..7] != [0; 7] => Some((super::utc_from_octets(*octets), TimeQuality::from_octet(octets[7]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_and_go_as_the_standard_codes_them() {
        for (octet, position) in
            [(0x00, DoublePoint::Intermediate), (0x40, DoublePoint::Off), (0x80, DoublePoint::On), (0xC0, DoublePoint::Bad)]
        {
            let wire = MmsValue::BitString { padding: 6, data: vec![octet] };
            assert_eq!(value_of(&wire, ValueKind::DoublePoint), Some(Value::DoublePoint(position)));
            assert_eq!(value_for(&Value::DoublePoint(position), &wire), Some(wire));
        }
    }

    #[test]
    fn values_of_another_type_are_none() {
        assert_eq!(value_of(&MmsValue::Boolean(true), ValueKind::Float), None);
        assert_eq!(value_of(&MmsValue::Float32(1.0), ValueKind::Integer), None);
        assert_eq!(value_for(&Value::Float(1.5), &MmsValue::Integer(0)), None);
        assert_eq!(value_for(&Value::Float(f64::MAX), &MmsValue::Float32(0.0)), None);
        assert_eq!(
            value_for(&Value::Float(2.5), &MmsValue::Structure(vec![MmsValue::Float32(0.0)])),
            Some(MmsValue::Structure(vec![MmsValue::Float32(2.5)]))
        );
    }

    #[test]
    fn instants_come_back() {
        for us in [0i64, 1_500_000, 1_790_000_000_123_456] {
            let back = super::super::utc_from_octets(super::super::utc_octets(UtcTime::from_us(us)));
            assert!((back.us - us).abs() <= 1, "{us} came back as {}", back.us);
        }
        assert_eq!(time_of(&MmsValue::UtcTime([0; 8])), None);
    }
}
