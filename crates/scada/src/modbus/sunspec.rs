//! Register maps from SunSpec models.
//!
//! A SunSpec device has, from a base register (40000, 0 or 50000), the letters "SunS", then models one after the other: id, length, and
//! that many registers, until the id FFFF. What a model holds is published as JSON; the offset of a point is the sum of the sizes before it.
//!
//! Source: SunSpec Device Information Model Specification; the models of the SunSpec Alliance (Apache-2.0).

use super::map::{Address, ModbusPoint, RegisterType, Table};
use crate::point::{PointSpec, ValueKind};
use serde::Deserialize;

/// Where the letters may stand.
pub const BASES: [u16; 3] = [40_000, 0, 50_000];
/// "SunS".
pub const MARKER: [u16; 2] = [0x5375, 0x6E53];
const END: u16 = 0xFFFF;

#[derive(Debug, thiserror::Error)]
pub enum SunSpecError {
    #[error("the model is no JSON of the SunSpec form: {source}")]
    Form { source: serde_json::Error },
    #[error("point \"{point}\" of model {model} has the type \"{found}\", which is not known")]
    UnknownType { model: u16, point: String, found: String },
    #[error("point \"{point}\" of model {model} is scaled by \"{scale}\", which the model does not have")]
    NoScale { model: u16, point: String, scale: String },
    #[error("point \"{point}\" of model {model} has {size} registers, and its type \"{found}\" {expected}")]
    Size { model: u16, point: String, found: String, size: u16, expected: u16 },
    #[error("model {model} at register {base} goes past register 65535")]
    TooFar { model: u16, base: u16 },
}

#[derive(Deserialize)]
struct Model {
    id: u16,
    group: Group,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    points: Vec<Point>,
    #[serde(default)]
    groups: Vec<Group>,
    /// How often it repeats: a number, or the name of the point that says it.
    #[serde(default)]
    count: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Point {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    size: u16,
    /// The name of a point, or a power of ten.
    #[serde(default)]
    sf: Option<serde_json::Value>,
    #[serde(default)]
    units: Option<String>,
    #[serde(default)]
    access: Option<String>,
}

/// A point of a model, at its place in a device.
#[derive(Clone, Debug, PartialEq)]
pub struct SunSpecPoint {
    pub spec: PointSpec,
    pub at: ModbusPoint,
    /// It can be written.
    pub is_writable: bool,
}

/// The models of a device, found by walking the ids and lengths that `read(start, count)` gives.
///
/// Returns pairs of id and the register of the model's own first place (that of its id). `None` when the letters or the end are missing, or a
/// read fails.
pub fn models(base: u16, mut read: impl FnMut(u16, u16) -> Option<Vec<u16>>) -> Option<Vec<(u16, u16)>> {
    if read(base, 2)? != MARKER {
        return None;
    }
    let mut found = Vec::new();
    let mut at = base.checked_add(2)?;
    loop {
        let head = read(at, 1)?;
        if *head.first()? == END {
            return Some(found);
        }
        let head = read(at, 2)?;
        let (id, length) = (*head.first()?, *head.get(1)?);
        found.push((id, at));
        at = at.checked_add(2)?.checked_add(length)?;
    }
}

/// The points of a model whose id stands at register `base`, named `prefix.point` or `prefix.group.index.point`.
///
/// `counts` says how often a group repeats, by the name of the point that holds the number in the device. Strings, addresses and the
/// head of the model are left out: they hold nothing that changes.
///
/// # Errors
/// What is no model; types that are not known; sizes that do not fit their type.
pub fn points(json: &str, base: u16, prefix: &str, counts: impl Fn(&str) -> Option<u16>) -> Result<Vec<SunSpecPoint>, SunSpecError> {
    let model: Model = serde_json::from_str(json).map_err(|source| SunSpecError::Form { source })?;
    let mut at = u32::from(base);
    let mut scales = Vec::new();
    let mut out = Vec::new();
    group(&model, &model.group, &mut at, base, prefix, &mut scales, &counts, &mut out)?;
    Ok(out)
}

#[allow(clippy::too_many_lines)]
fn group(
    model: &Model,
    group_of: &Group,
    at: &mut u32,
    base: u16,
    prefix: &str,
    scales: &mut Vec<(String, u16)>,
    counts: &impl Fn(&str) -> Option<u16>,
    out: &mut Vec<SunSpecPoint>,
) -> Result<(), SunSpecError> {
    let known = scales.len();
    let mut offset = *at;
    for point in &group_of.points {
        if point.kind == "sunssf" {
            scales.push((point.name.clone(), u16::try_from(offset).map_err(|_| SunSpecError::TooFar { model: model.id, base })?));
        }
        offset += u32::from(point.size);
    }
    for point in &group_of.points {
        let place = u16::try_from(*at).map_err(|_| SunSpecError::TooFar { model: model.id, base })?;
        *at += u32::from(point.size);
        if *at > 65_536 {
            return Err(SunSpecError::TooFar { model: model.id, base });
        }
        let register_type = match point.kind.as_str() {
            "uint16" | "enum16" | "acc16" | "raw16" | "count" => RegisterType::Uint16,
            "int16" => RegisterType::Int16,
            "bitfield16" => RegisterType::Uint16,
            "uint32" | "acc32" | "enum32" => RegisterType::Uint32,
            "int32" => RegisterType::Int32,
            "bitfield32" => RegisterType::Bits32,
            "uint64" | "acc64" | "bitfield64" => RegisterType::Uint64,
            "int64" => RegisterType::Int64,
            "float32" => RegisterType::Float32,
            "float64" => RegisterType::Float64,
            "sunssf" | "pad" | "string" | "ipaddr" | "ipv6addr" | "eui48" => continue,
            other => {
                return Err(SunSpecError::UnknownType { model: model.id, point: point.name.clone(), found: other.to_owned() });
            }
        };
        if register_type.size() != point.size {
            let (found, size) = (point.kind.clone(), point.size);
            return Err(SunSpecError::Size { model: model.id, point: point.name.clone(), found, size, expected: register_type.size() });
        }
        if point.name == "ID" || point.name == "L" {
            continue;
        }
        let mut at = ModbusPoint::new(Address { table: Table::Holding, offset: place, bit: None }, register_type);
        // An accumulator that counts nothing is zero, not a pattern.
        at.sentinel = !point.kind.starts_with("acc");
        let mut spec = PointSpec::new(format!("{prefix}.{}", point.name), ValueKind::Integer);
        match &point.sf {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::Number(power)) => spec.scaling.scale = 10f64.powi(power.as_i64().unwrap_or(0) as i32),
            Some(name) => {
                let name = name.as_str().unwrap_or_default();
                let found = scales.iter().rev().find(|(n, _)| n == name).map(|(_, r)| *r);
                let missing = || SunSpecError::NoScale { model: model.id, point: point.name.clone(), scale: name.to_owned() };
                at.scale_register = Some(found.ok_or_else(missing)?);
            }
        }
        spec.kind = at.kind();
        spec.unit = point.units.as_deref().map(Into::into);
        spec.poll_s = Some(at.poll_s);
        out.push(SunSpecPoint { spec, at, is_writable: point.access.as_deref() == Some("RW") });
    }
    for inner in &group_of.groups {
        let times = match &inner.count {
            None => 1,
            Some(serde_json::Value::Number(n)) => n.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0),
            Some(name) => name.as_str().and_then(counts).unwrap_or(0),
        };
        for i in 1..=times {
            group(model, inner, at, base, &format!("{prefix}.{}.{i}", inner.name), scales, counts, out)?;
        }
    }
    // Scale factors of a group hold for it and the groups within it.
    scales.truncate(known.max(if group_of.name == model.group.name { scales.len() } else { known }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_phase_inverter_has_its_published_places() {
        let json = include_str!("../../tests/sunspec/model_103.json");
        let points = points(json, 40_069, "inv", |_| None).unwrap();
        let of = |name: &str| points.iter().find(|p| *p.spec.name == *format!("inv.{name}")).unwrap();
        // Model 103 has 50 registers after its head: W is at 14 counted from the id, W_SF at 15, WH (32 bits) at 24.
        assert_eq!(of("W").at.at.offset, 40_069 + 14);
        assert_eq!(of("W").at.scale_register, Some(40_069 + 15));
        assert_eq!(of("W").at.register_type, RegisterType::Int16);
        assert_eq!((of("WH").at.at.offset, of("WH").at.register_type), (40_069 + 24, RegisterType::Uint32));
        assert_eq!(of("W").spec.unit.as_deref(), Some("W"));
        let last = points.iter().map(|p| p.at.span().1).max().unwrap();
        assert_eq!(last, 40_069 + 52);
    }

    #[test]
    fn groups_repeat_as_the_device_says() {
        let json = include_str!("../../tests/sunspec/model_712.json");
        let of = |n| points(json, 0, "wv", |name| (name == "NCrv").then_some(n)).unwrap().len();
        assert!(of(2) > of(1) && of(1) > of(0));
        assert_eq!(of(3) - of(2), of(2) - of(1));
    }

    #[test]
    fn a_device_is_walked_to_its_end_and_no_further() {
        let mut map = vec![0u16; 200];
        map[..2].copy_from_slice(&MARKER);
        map[2..4].copy_from_slice(&[1, 66]);
        map[70..72].copy_from_slice(&[103, 50]);
        map[122] = END;
        let read = |map: &[u16], s: u16, c: u16| map.get(usize::from(s)..usize::from(s) + usize::from(c)).map(<[u16]>::to_vec);
        assert_eq!(models(0, |s, c| read(&map, s, c)), Some(vec![(1, 2), (103, 70)]));
        map[122] = 7;
        assert_eq!(models(0, |s, c| read(&map, s, c)), None, "no end");
        assert_eq!(models(1, |s, c| read(&map, s, c)), None, "no letters");
    }

    #[test]
    fn what_is_no_model_is_said() {
        assert!(matches!(points("{}", 0, "x", |_| None), Err(SunSpecError::Form { .. })));
        let odd = r#"{"id":1,"group":{"name":"g","points":[{"name":"p","type":"int17","size":1}]}}"#;
        assert!(matches!(points(odd, 0, "x", |_| None), Err(SunSpecError::UnknownType { .. })));
        let far = include_str!("../../tests/sunspec/model_103.json");
        assert!(matches!(points(far, 65_500, "x", |_| None), Err(SunSpecError::TooFar { .. })));
    }
}
