//! Everything of a thing, as rows that people read.
//!
//! Rows are made from the serialisation of the network's own structures, so a field that is added there shows up here; its unit is in its name.

use super::units::{ending_of, unit_of};
use network::{ElementId, ElementKind, LengthUnit, LineImpedance, Network};
use serde::Serialize;
use serde_json::Value;
use store::project::Contents;
use utoipa::ToSchema;

/// One value of a thing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Attribute {
    /// Path of the field: `p_kw`, `windings[2].kv`, `rating.normal_a`.
    pub field: String,
    /// Last part of the path without unit, in words.
    pub label: String,
    /// A number, a text, yes or no, or a list of numbers or texts. What is no number is the text `NaN`, `inf` or `-inf`.
    #[schema(schema_with = crate::document::anything)]
    pub value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The value is a complex number, real and imaginary part, or a list of such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_complex: bool,
}

/// Fields that the detail shows in places of their own.
const ELSEWHERE: [&str; 6] = ["name", "enabled", "terminals", "aliases", "route", "feeder"];

/// Rows of a structure. `per_length` is the unit of length that impedances and capacitances in it are per.
pub fn attributes(value: &Value, per_length: Option<&str>) -> Vec<Attribute> {
    let mut rows = Vec::new();
    if let Value::Object(fields) = value {
        for (key, value) in fields {
            if key == "common" {
                if let Value::Object(common) = value {
                    for (key, value) in common.iter().filter(|(k, _)| !ELSEWHERE.contains(&k.as_str())) {
                        walk(key, key, value, per_length, &mut rows);
                    }
                }
            } else {
                walk(key, key, value, per_length, &mut rows);
            }
        }
    }
    rows
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn is_pair(value: &Value) -> bool {
    matches!(value, Value::Array(pair) if pair.len() == 2 && pair.iter().all(|x| x.is_number() || x.is_string()))
}

/// Values that are complex have names of impedances and admittances, or say so.
fn is_complex_name(name: &str) -> bool {
    let first = name.split('_').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(first, "z" | "y") || name == "compensation_pu"
}

fn walk(path: &str, name: &str, value: &Value, per_length: Option<&str>, rows: &mut Vec<Attribute>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                walk(&format!("{path}.{key}"), key, value, per_length, rows);
            }
        }
        Value::Array(list) if list.is_empty() => {}
        Value::Array(list) if !(list.iter().all(is_scalar) || is_complex_name(name) && list.iter().all(is_pair)) => {
            for (i, entry) in list.iter().enumerate() {
                walk(&format!("{path}[{}]", i + 1), name, entry, per_length, rows);
            }
        }
        _ => {
            let numeric = match value {
                Value::Number(_) => true,
                Value::Array(list) => list.iter().any(|x| x.is_number() || x.is_array()),
                Value::String(text) => matches!(text.as_str(), "NaN" | "inf" | "-inf"),
                _ => false,
            };
            let is_complex = is_complex_name(name) && (is_pair(value) || matches!(value, Value::Array(l) if l.iter().all(is_pair)));
            let unit = numeric.then(|| unit_of(name)).flatten().map(|unit| match per_length {
                Some(length) if matches!(unit, "Ω" | "nF") => format!("{unit}/{length}"),
                _ => unit.to_owned(),
            });
            rows.push(Attribute { field: path.to_owned(), label: label_of(name, numeric), value: value.clone(), unit, is_complex });
        }
    }
}

fn label_of(name: &str, numeric: bool) -> String {
    let bare = match ending_of(name) {
        Some((ending, _)) if numeric && ending != name => name.strip_suffix(ending).unwrap_or(name).trim_end_matches('_'),
        _ => name,
    };
    if bare.is_empty() { name.replace('_', " ") } else { bare.replace('_', " ") }
}

/// Sign of a unit of length; none where it was not told.
pub(crate) fn length_sign(unit: LengthUnit) -> Option<&'static str> {
    Some(match unit {
        LengthUnit::None => return None,
        LengthUnit::Mile => "mi",
        LengthUnit::Kilofoot => "kft",
        LengthUnit::Kilometre => "km",
        LengthUnit::Metre => "m",
        LengthUnit::Foot => "ft",
        LengthUnit::Inch => "in",
        LengthUnit::Centimetre => "cm",
        LengthUnit::Millimetre => "mm",
    })
}

/// The unit of length that a line's own impedance is per.
fn per_length_of(network: &Network, id: ElementId) -> Option<&'static str> {
    let line = network.lines.get(id.index()).filter(|_| id.kind == ElementKind::Line)?;
    if !matches!(line.impedance, LineImpedance::Sequence { .. } | LineImpedance::Matrix { .. }) {
        return None;
    }
    let of_code = line.line_code.and_then(|c| network.line_codes.get(c.index())).map(|c| c.unit);
    let unit = of_code.filter(|u| *u != LengthUnit::None).unwrap_or(line.length_unit);
    Some(length_sign(unit).unwrap_or("unit of length"))
}

/// Rows of an element.
pub fn element_attributes(network: &Network, contents: &Contents, id: ElementId) -> Vec<Attribute> {
    let mut rows = attributes(&contents.element(network, id), per_length_of(network, id));
    if let Some(line) = network.lines.get(id.index()).filter(|_| id.kind == ElementKind::Line) {
        for row in &mut rows {
            match row.field.as_str() {
                "length" => row.unit = length_sign(line.length_unit).map(str::to_owned),
                // The earth correction goes with the impedance.
                "earth_r_ohm" | "earth_x_ohm" if row.unit.as_deref() == Some("Ω") => {
                    row.unit = length_sign(line.length_unit).map(|l| format!("Ω/{l}"));
                }
                _ => {}
            }
        }
    }
    rows
}

/// An entry of the catalogue that an element was made from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CatalogueEntry {
    /// Class of the entry: `linecode`, `linegeometry`, `linespacing`, `conductor`, `xfmrcode`, `loadshape`, …
    pub class: String,
    pub name: String,
    pub attributes: Vec<Attribute>,
}

/// Values of a curve past this many are left out of a detail.
const CURVE_MAX: usize = 50;

/// Entries of the catalogue behind an element: those that its data came from, and those that these refer to.
pub fn catalogue_of(network: &Network, contents: &Contents, id: ElementId) -> Vec<CatalogueEntry> {
    let mut found: Vec<CatalogueEntry> = Vec::new();
    let put = |found: &mut Vec<CatalogueEntry>, class: &str, value: Value, per: Option<&str>| {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if found.iter().any(|e| e.class == class && e.name == name) {
            return;
        }
        let mut rows = attributes(&value, per);
        rows.retain(|r| r.field != "name");
        for row in &mut rows {
            if let Value::Array(list) = &mut row.value
                && list.len() > CURVE_MAX
            {
                row.label = format!("{} (first {CURVE_MAX} of {})", row.label, list.len());
                list.truncate(CURVE_MAX);
            }
        }
        found.push(CatalogueEntry { class: class.to_owned(), name, attributes: rows });
    };
    let conductor = |found: &mut Vec<CatalogueEntry>, c: network::ConductorId| {
        if let Some(conductor) = network.conductors.get(c.index()) {
            put(found, "conductor", contents.value(conductor), length_sign(conductor.r_unit));
        }
    };
    match id.kind {
        ElementKind::Line => {
            let line = &network.lines[id.index()];
            if let Some(code) = line.line_code.and_then(|c| network.line_codes.get(c.index())) {
                put(&mut found, "linecode", contents.value(code), length_sign(code.unit));
            }
            match &line.impedance {
                LineImpedance::Geometry { geometry } => {
                    if let Some(g) = network.line_geometries.get(geometry.index()) {
                        put(&mut found, "linegeometry", contents.value(g), None);
                        if let Some(s) = g.spacing.and_then(|s| network.line_spacings.get(s.index())) {
                            put(&mut found, "linespacing", contents.value(s), None);
                        }
                        g.conductors.iter().for_each(|c| conductor(&mut found, c.conductor));
                    }
                }
                LineImpedance::Spacing { spacing, conductors } => {
                    if let Some(s) = network.line_spacings.get(spacing.index()) {
                        put(&mut found, "linespacing", contents.value(s), None);
                    }
                    conductors.iter().for_each(|c| conductor(&mut found, *c));
                }
                _ => {}
            }
        }
        ElementKind::Transformer => {
            if let Some(code) = network.transformers[id.index()].code.and_then(|c| network.transformer_codes.get(c.index())) {
                put(&mut found, "xfmrcode", contents.value(code), None);
            }
        }
        _ => {}
    }
    // Shapes and curves are referred to by fields of many kinds: by name, where the network has one of that name.
    let mut curves: Vec<(String, String)> = Vec::new();
    named_curves(&contents.element(network, id), &mut curves);
    for (field, name) in curves {
        let shape = |found: &mut Vec<CatalogueEntry>| {
            let shape = network.load_shapes.iter().find(|s| s.name == name)?;
            put(found, "loadshape", contents.value(shape), None);
            Some(())
        };
        let curve = |found: &mut Vec<CatalogueEntry>| {
            let curve = network.xy_curves.iter().find(|s| s.name == name)?;
            put(found, "xycurve", contents.value(curve), None);
            Some(())
        };
        let growth = |found: &mut Vec<CatalogueEntry>| {
            let growth = network.growth_shapes.iter().find(|s| s.name == name)?;
            put(found, "growthshape", contents.value(growth), None);
            Some(())
        };
        let timed = |found: &mut Vec<CatalogueEntry>| {
            let curve = network.tcc_curves.iter().find(|s| s.name == name)?;
            put(found, "tcc_curve", contents.value(curve), None);
            Some(())
        };
        let temperature = |found: &mut Vec<CatalogueEntry>| {
            let shape = network.temperature_shapes.iter().find(|s| s.name == name)?;
            put(found, "tshape", contents.value(shape), None);
            Some(())
        };
        let _ = match field.as_str() {
            "growth" => growth(&mut found),
            "yearly" | "daily" | "duty" | "cvr_curve" => shape(&mut found),
            "t_yearly" | "t_daily" | "t_duty" => temperature(&mut found),
            _ if matches!(id.kind, ElementKind::Fuse | ElementKind::Relay | ElementKind::Recloser) => timed(&mut found),
            _ => curve(&mut found),
        };
    }
    found
}

fn named_curves(value: &Value, found: &mut Vec<(String, String)>) {
    if let Value::Object(fields) = value {
        for (key, value) in fields {
            match value {
                Value::String(name)
                    if matches!(
                        key.as_str(),
                        "yearly" | "daily" | "duty" | "t_yearly" | "t_daily" | "t_duty" | "growth" | "efficiency"
                    ) || key.ends_with("curve")
                        || matches!(key.as_str(), "phase_fast" | "phase_delayed" | "ground_fast" | "ground_delayed") =>
                {
                    found.push((key.clone(), name.clone()));
                }
                Value::Object(_) => named_curves(value, found),
                _ => {}
            }
        }
    }
}
