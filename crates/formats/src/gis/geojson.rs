//! GeoJSON: RFC 7946, the older form with a `crs` member, and texts of one value a line.
//!
//! A collection may be larger than what its parsed form would leave room for, so the text is walked once for
//! the bounds of the members and features, and each feature is parsed alone. That gives every feature its
//! line, keeps the memory at the size of the file and of the layer, and lets one bad feature be a reject while
//! the rest is read. Values are nested at most as deep as `serde_json` allows (128).

use crate::ImportError;
use crate::gis::crs::Crs;
use crate::gis::geometry::{combine, double_area, fault};
use crate::gis::layer::{Coord, Feature, Field, FieldKind, Geometry, Layer, LayerOptions, Value, shorten, too_many_values};
use network::{Diagnostic, Disposition, Reject, SourceRef};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Deepest nesting that the walk goes along with; what is parsed has `serde_json`'s own limit.
const DEEPEST: usize = 256;
/// The kinds of geometry of RFC 7946.
const KINDS: [&str; 7] = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];

/// Members of an object in order, repeated names kept.
struct Members(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or null")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Members, E> {
                Ok(Members(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, Json>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// What is asked of the members of a feature.
#[derive(serde::Deserialize)]
struct RawFeature {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    geometry: Option<Json>,
    #[serde(default)]
    properties: Option<Members>,
    #[serde(default)]
    id: Option<Json>,
    /// Esri's own JSON has these in place of `properties`.
    #[serde(default)]
    attributes: Option<Json>,
}

/// Walks a JSON text without parsing it: where values begin and end.
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn blank(&mut self) {
        while self.text.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x1e)) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.blank();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Result<(), String> {
        match self.peek() {
            Some(b) if b == byte => {
                self.at += 1;
                Ok(())
            }
            Some(b) => Err(format!("{:?} where {:?} is due", b as char, byte as char)),
            None => Err(format!("the text ends where {:?} is due", byte as char)),
        }
    }

    fn string(&mut self) -> Result<Range<usize>, String> {
        self.take(b'"')?;
        let start = self.at - 1;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.text[self.at..]) {
                None => {
                    self.at = self.text.len();
                    return Err("the text ends within a string".to_owned());
                }
                Some(n) if self.text[self.at + n] == b'"' => {
                    self.at += n + 1;
                    return Ok(start..self.at);
                }
                Some(n) => self.at = (self.at + n + 2).min(self.text.len()),
            }
        }
    }

    /// Steps over one value of any kind.
    fn value(&mut self) -> Result<Range<usize>, String> {
        let mut depth = 0usize;
        let first = self.peek().ok_or("the text ends where a value is due")?;
        let start = self.at;
        if !matches!(first, b'{' | b'[') {
            return self.scalar();
        }
        loop {
            let rest = &self.text[self.at..];
            let Some(n) = rest.iter().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']')) else {
                self.at = self.text.len();
                return Err("the text ends within an object or array".to_owned());
            };
            self.at += n;
            match self.text[self.at] {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    self.at += 1;
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(format!("values are nested deeper than {DEEPEST}"));
                    }
                }
                _ => {
                    self.at += 1;
                    depth -= 1;
                    if depth == 0 {
                        return Ok(start..self.at);
                    }
                }
            }
        }
    }

    fn scalar(&mut self) -> Result<Range<usize>, String> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let start = self.at;
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(format!("{:?} where a value is due", self.text[start] as char));
        }
        Ok(start..self.at)
    }

    /// The members of the object that begins here, as ranges of the text.
    fn members(&mut self) -> Result<Vec<(String, Range<usize>)>, String> {
        self.take(b'{')?;
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.blank();
            let key = self.string()?;
            let key: String = serde_json::from_slice(&self.text[key]).map_err(|e| e.to_string())?;
            self.take(b':')?;
            members.push((key, self.value()?));
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.take(b'}')?;
                    return Ok(members);
                }
            }
        }
    }
}

/// Lines counted on the way through a text.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u32 {
        if at < self.at {
            self.at = 0;
            self.line = 1;
        }
        let at = at.min(self.text.len());
        self.line =
            self.line.saturating_add(u32::try_from(memchr::memchr_iter(b'\n', &self.text[self.at..at]).count()).unwrap_or(u32::MAX));
        self.at = at;
        self.line
    }
}

struct Reader<'a> {
    text: &'a [u8],
    file: Arc<str>,
    lines: Lines<'a>,
    options: &'a LayerOptions,
    layer: Layer,
    by_name: HashMap<String, usize>,
    kinds: Vec<Option<FieldKind>>,
    record: u64,
    z: usize,
    empty: usize,
    unclosed: usize,
    nested: HashMap<usize, usize>,
    repeated: Option<(SourceRef, String, usize)>,
}

/// Reads a GeoJSON text into one layer, named after its `name` member or its file.
///
/// # Errors
/// `GIS.GEOJSON.SYNTAX` where the text is no JSON or ends early, `GIS.GEOJSON.NOT_GEOJSON` where it is JSON of
/// another kind, `GIS.LIMIT.EXCEEDED` where there are more features or fields than the limits allow.
pub fn read(text: &[u8], path: &Path, options: &LayerOptions) -> Result<Layer, ImportError> {
    let file: Arc<str> = path.to_string_lossy().into();
    let name = path.file_stem().map_or_else(|| "layer".to_owned(), |s| s.to_string_lossy().into_owned());
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let source = SourceRef::new(file.clone(), 0);
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(Diagnostic::error("GIS.GEOJSON.SYNTAX", "the file is UTF-16, and GeoJSON is UTF-8")
            .at(&source)
            .hint("save it as UTF-8")
            .into());
    }
    let mut reader = Reader {
        text,
        file,
        lines: Lines { text, at: 0, line: 1 },
        options,
        layer: Layer::new(name, source),
        by_name: HashMap::new(),
        kinds: Vec::new(),
        record: 0,
        z: 0,
        empty: 0,
        unclosed: 0,
        nested: HashMap::new(),
        repeated: None,
    };
    reader.run()?;
    Ok(reader.finish())
}

impl<'a> Reader<'a> {
    fn syntax(&mut self, at: usize, fault: &str) -> ImportError {
        let line = self.lines.of(at);
        let detail = format!("Byte {at}, after {} features: {fault}.", self.record);
        Diagnostic::error("GIS.GEOJSON.SYNTAX", "the text is no whole JSON")
            .at(&SourceRef::new(self.file.clone(), line))
            .detail(detail)
            .hint("copy the file again, or export it again; the rest of the file was not read")
            .into()
    }

    fn not_geojson(&mut self, at: usize, what: &str) -> ImportError {
        let line = self.lines.of(at);
        Diagnostic::error("GIS.GEOJSON.NOT_GEOJSON", "the file is JSON, but no GeoJSON")
            .at(&SourceRef::new(self.file.clone(), line))
            .detail(what.to_owned())
            .hint("export the layer as GeoJSON: an object of type FeatureCollection, Feature or a geometry")
            .into()
    }

    fn run(&mut self) -> Result<(), ImportError> {
        let mut walk = Walk { text: self.text, at: 0 };
        if walk.peek().is_none() {
            return Err(self.syntax(0, "the file is empty"));
        }
        let mut values = 0;
        while walk.peek().is_some() {
            if walk.peek() == Some(b',') && values > 0 {
                let at = walk.at;
                return Err(self.syntax(at, "a comma between values that stand on lines of their own"));
            }
            let start = walk.at;
            if walk.peek() != Some(b'{') {
                return Err(match walk.peek() {
                    Some(b'[') => self.not_geojson(start, "It is an array."),
                    _ => self.syntax(start, "no object begins here"),
                });
            }
            let members = walk.members();
            let end = walk.at;
            let members = match members {
                Ok(members) => members,
                Err(fault) => {
                    // A collection that ends early: say within which feature.
                    let fault =
                        self.whole_features_before(start).map_or(fault.clone(), |n| format!("{fault}, in or after feature {}", n + 1));
                    return Err(self.syntax(end, &fault));
                }
            };
            self.value(start..end, &members)?;
            values += 1;
        }
        Ok(())
    }

    /// Whole features of the collection that begins at `start` and is cut off.
    fn whole_features_before(&self, start: usize) -> Option<usize> {
        let text = &self.text[start..];
        let key = b"\"features\"";
        let at = memchr::memmem::find(text, key)? + key.len();
        let mut walk = Walk { text, at };
        walk.take(b':').ok()?;
        walk.take(b'[').ok()?;
        let mut whole = 0;
        while walk.value().is_ok() {
            whole += 1;
            if walk.take(b',').is_err() {
                break;
            }
        }
        Some(whole)
    }

    /// One value at the top of the text.
    fn value(&mut self, range: Range<usize>, members: &[(String, Range<usize>)]) -> Result<(), ImportError> {
        let text = self.text;
        let find = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, r)| r.clone());
        let kind: Option<String> = find("type").and_then(|r| serde_json::from_slice(&text[r]).ok());
        match kind.as_deref() {
            Some("FeatureCollection") => {
                if let Some(r) = find("name")
                    && let Ok(name) = serde_json::from_slice::<String>(&text[r])
                    && !name.trim().is_empty()
                {
                    self.layer.name = name;
                }
                if let Some(r) = find("crs") {
                    self.declared_crs(&r)?;
                }
                match find("features") {
                    Some(r) => self.features(&r),
                    None => Err(self.not_geojson(range.start, "The FeatureCollection has no features.")),
                }
            }
            Some("Feature") => {
                if let Some(r) = find("crs") {
                    self.declared_crs(&r)?;
                }
                self.feature(range)
            }
            Some(kind) if KINDS.contains(&kind) => self.bare_geometry(range),
            Some("Topology") => Err(self.not_geojson(range.start, "It is TopoJSON, which is not read.")),
            Some(other) => Err(self.not_geojson(range.start, &format!("Its type is {:?}.", shorten(other)))),
            None if find("features").is_some() && (find("spatialReference").is_some() || find("geometryType").is_some()) => {
                Err(self.not_geojson(range.start, "It is Esri JSON, which is not read; ask the service for f=geojson."))
            }
            None => Err(self.not_geojson(range.start, "It has no type.")),
        }
    }

    fn declared_crs(&mut self, range: &Range<usize>) -> Result<(), ImportError> {
        let text = self.text;
        let at = range.start;
        let json: Json = serde_json::from_slice(&text[range.clone()]).map_err(|e| self.syntax(at, &e.to_string()))?;
        if json.is_null() {
            return Ok(());
        }
        let name = json.pointer("/properties/name").or_else(|| json.pointer("/properties/code"));
        let declared = match name {
            Some(Json::String(name)) => name.clone(),
            Some(Json::Number(code)) => format!("EPSG:{code}"),
            _ => shorten(&json.to_string()),
        };
        self.layer.crs = Some(Crs::parse(&declared));
        Ok(())
    }

    fn features(&mut self, range: &Range<usize>) -> Result<(), ImportError> {
        let mut walk = Walk { text: &self.text[..range.end], at: range.start };
        if let Err(fault) = walk.take(b'[') {
            return Err(self.syntax(range.start, &format!("features is no array: {fault}")));
        }
        if walk.peek() == Some(b']') {
            return Ok(());
        }
        loop {
            let element = walk.value();
            let at = walk.at;
            let element = element.map_err(|fault| self.syntax(at, &fault))?;
            self.feature(element)?;
            match walk.peek() {
                Some(b',') => walk.at += 1,
                _ => {
                    let at = walk.at;
                    return walk.take(b']').map_err(|fault| self.syntax(at, &fault));
                }
            }
        }
    }

    fn source(&mut self, at: usize) -> SourceRef {
        SourceRef::new(self.file.clone(), self.lines.of(at))
    }

    fn reject(&mut self, source: SourceRef, reason: String, range: Range<usize>) {
        let end = range.end.min(range.start + 1600);
        let text = shorten(&String::from_utf8_lossy(&self.text[range.start..end]));
        self.layer.rejects.push(Reject { source, reason: format!("feature {}: {reason}", self.record), text });
    }

    fn count(&mut self, source: &SourceRef) -> Result<(), ImportError> {
        self.record += 1;
        let limit = self.options.limits.features;
        if self.record > limit as u64 {
            return Err(Diagnostic::error("GIS.LIMIT.EXCEEDED", format!("the layer has more than {limit} features"))
                .at(source)
                .hint("split the file")
                .into());
        }
        Ok(())
    }

    fn feature(&mut self, range: Range<usize>) -> Result<(), ImportError> {
        let source = self.source(range.start);
        self.count(&source)?;
        let raw: RawFeature = match serde_json::from_slice(&self.text[range.clone()]) {
            Ok(raw) => raw,
            // What is no JSON ends the reading; JSON of an unexpected shape, or nested too deep, is one bad feature.
            Err(e) if e.is_syntax() && !e.to_string().contains("recursion limit") && !e.to_string().contains("out of range") => {
                let at = range.start;
                return Err(self.syntax(at, &e.to_string()));
            }
            Err(e) => {
                self.reject(source, e.to_string(), range);
                return Ok(());
            }
        };
        if raw.kind.as_deref() != Some("Feature") {
            let reason = match (&raw.kind, raw.attributes.is_some()) {
                (Some(kind), _) => format!("its type is {:?}, not Feature", shorten(kind)),
                (None, true) => "it has Esri's attributes in place of properties".to_owned(),
                (None, false) => "it has no type".to_owned(),
            };
            self.reject(source, reason, range);
            return Ok(());
        }
        let geometry = match raw.geometry.as_ref().map(|json| self.geometry(json)) {
            None => None,
            Some(Ok(geometry)) => geometry,
            Some(Err(reason)) => {
                self.reject(source, reason, range);
                return Ok(());
            }
        };
        if too_many_values(self.layer.features.len(), self.layer.fields.len(), self.text.len()) {
            let message = format!("{} features with {} different properties", self.record, self.layer.fields.len());
            return Err(Diagnostic::error("GIS.LIMIT.EXCEEDED", message)
                .at(&source)
                .detail("A table of them would be larger than the file many times over.")
                .hint("remove properties that are not needed, or give features of one kind the same properties")
                .into());
        }
        let mut values = vec![Value::Null; self.layer.fields.len()];
        let mut set = vec![false; self.layer.fields.len()];
        let properties = raw.properties.map(|m| m.0).unwrap_or_default();
        let id = raw.id.filter(|_| !properties.iter().any(|(name, _)| name == "id")).map(|id| ("id".to_owned(), id));
        for (name, json) in id.into_iter().chain(properties) {
            let at = match self.by_name.get(&name) {
                Some(&at) => at,
                None => {
                    let at = self.layer.fields.len();
                    if at >= self.options.limits.fields {
                        let message = format!("the features have more than {} different properties", self.options.limits.fields);
                        return Err(Diagnostic::error("GIS.LIMIT.EXCEEDED", message)
                            .at(&source)
                            .hint("remove properties that are not needed")
                            .into());
                    }
                    self.layer.fields.push(Field::new(name.clone(), FieldKind::Text));
                    self.by_name.insert(name.clone(), at);
                    self.kinds.push(None);
                    values.push(Value::Null);
                    set.push(false);
                    at
                }
            };
            if set[at] {
                let (_, _, n) = self.repeated.get_or_insert_with(|| (source.clone(), name.clone(), 0));
                *n += 1;
                continue;
            }
            set[at] = true;
            values[at] = self.property(at, json);
        }
        self.layer.features.push(Feature { id: self.record, geometry, values, source });
        Ok(())
    }

    fn bare_geometry(&mut self, range: Range<usize>) -> Result<(), ImportError> {
        let source = self.source(range.start);
        let at = range.start;
        let json: Json = serde_json::from_slice(&self.text[range.clone()]).map_err(|e| self.syntax(at, &e.to_string()))?;
        // The members of a collection alone in its file are features of their own.
        let members = match json.get("geometries") {
            Some(Json::Array(members)) => members.iter().collect(),
            _ => vec![&json],
        };
        for member in members {
            self.count(&source)?;
            match self.geometry(member) {
                Ok(geometry) => {
                    let values = vec![Value::Null; self.layer.fields.len()];
                    self.layer.features.push(Feature { id: self.record, geometry, values, source: source.clone() });
                }
                Err(reason) => self.reject(source.clone(), reason, range.clone()),
            }
        }
        Ok(())
    }

    fn property(&mut self, field: usize, json: Json) -> Value {
        let (value, kind) = match json {
            Json::Null => return Value::Null,
            Json::Bool(b) => (Value::Boolean(b), FieldKind::Boolean),
            Json::Number(n) => match (n.as_i64(), n.as_u64()) {
                (Some(i), _) => (Value::Integer(i), FieldKind::Integer),
                // Beyond the integers, and a real would round it: kept as it is written.
                (None, Some(u)) => (Value::text(u.to_string()), FieldKind::Text),
                _ => (n.as_f64().map_or(Value::Null, Value::Real), FieldKind::Real),
            },
            Json::String(text) => (Value::text(text), FieldKind::Text),
            nested => {
                *self.nested.entry(field).or_default() += 1;
                (Value::text(nested.to_string()), FieldKind::Text)
            }
        };
        let seen = &mut self.kinds[field];
        *seen = Some(match *seen {
            None => kind,
            Some(before) if before == kind => kind,
            Some(FieldKind::Integer | FieldKind::Real) if matches!(kind, FieldKind::Integer | FieldKind::Real) => FieldKind::Real,
            Some(_) => FieldKind::Mixed,
        });
        value
    }

    fn geometry(&mut self, json: &Json) -> Result<Option<Geometry>, String> {
        let object = match json {
            Json::Null => return Ok(None),
            Json::Object(object) => object,
            _ => return Err("its geometry is no object".to_owned()),
        };
        let kind = object.get("type").and_then(Json::as_str).ok_or("its geometry has no type")?;
        if kind == "GeometryCollection" {
            let members = object.get("geometries").and_then(Json::as_array).ok_or("a GeometryCollection without geometries")?;
            let mut parts = Vec::new();
            for member in members {
                parts.extend(self.geometry(member)?);
            }
            return combine(parts);
        }
        if !KINDS.contains(&kind) {
            return Err(format!("the kind of geometry {:?} is unknown", shorten(kind)));
        }
        let coordinates = object.get("coordinates").ok_or_else(|| format!("a {kind} without coordinates"))?;
        if coordinates.as_array().is_some_and(Vec::is_empty) {
            self.empty += 1;
            return Ok(None);
        }
        let mut z = false;
        let geometry = match kind {
            "Point" => Geometry::Point(position(coordinates, &mut z)?),
            "MultiPoint" => Geometry::MultiPoint(run(coordinates, &mut z)?),
            "LineString" => Geometry::LineString(run(coordinates, &mut z)?),
            "MultiLineString" => Geometry::MultiLineString(runs(coordinates, &mut z)?),
            "Polygon" => Geometry::Polygon(self.rings(coordinates, &mut z)?),
            _ => {
                let polygons = list(coordinates)?;
                Geometry::MultiPolygon(polygons.iter().map(|p| self.rings(p, &mut z)).collect::<Result<_, _>>()?)
            }
        };
        self.z += usize::from(z);
        match fault(&geometry) {
            Some(fault) => Err(fault),
            None => Ok(Some(geometry)),
        }
    }

    fn rings(&mut self, json: &Json, z: &mut bool) -> Result<Vec<Vec<Coord>>, String> {
        let mut rings = runs(json, z)?;
        for ring in &mut rings {
            if ring.first() != ring.last() {
                ring.extend(ring.first().copied());
                self.unclosed += 1;
            }
        }
        Ok(rings)
    }

    fn finish(mut self) -> Layer {
        let fields = self.layer.fields.len();
        for feature in &mut self.layer.features {
            feature.values.resize(fields, Value::Null);
        }
        for (field, kind) in self.layer.fields.iter_mut().zip(&self.kinds) {
            field.kind = kind.unwrap_or(FieldKind::Text);
        }
        let name = self.layer.name.clone();
        let geometry = format!("{name}.geometry");
        let dropped = |reason: &str| Disposition::Dropped { reason: reason.to_owned() };
        self.layer.record_many(&format!("{geometry}.z"), dropped("heights are not part of a network"), self.z, None);
        self.layer.record_many(&geometry, dropped("a geometry without coordinates"), self.empty, None);
        let closed = Disposition::Converted { formula: "a ring that was open is closed with its first point".to_owned() };
        self.layer.record_many(&geometry, closed, self.unclosed, None);
        let mut nested: Vec<_> = std::mem::take(&mut self.nested).into_iter().collect();
        nested.sort_unstable();
        for (field, count) in nested {
            let formula = "an object or array as JSON text".to_owned();
            let field = self.layer.fields.get(field).map_or(String::new(), |f| format!("{name}.{}", f.name));
            self.layer.record_many(&field, Disposition::Converted { formula }, count, None);
        }
        if let Some((source, member, n)) = self.repeated.take() {
            self.layer.diagnostics.push(
                Diagnostic::warning("GIS.GEOJSON.REPEATED_MEMBER", format!("a feature has the property {:?} twice", shorten(&member)))
                    .at(&source)
                    .detail(format!("{n} repeated values in all; the first of each is taken."))
                    .hint("remove the repetition"),
            );
        }
        if self.layer.crs.is_none() {
            // RFC 7946 knows longitude and latitude only; whether these are is seen when they are converted.
            let plain = self.layer.features.iter().filter_map(|f| f.geometry.as_ref()).flat_map(|g| g.coords()).all(is_lon_lat);
            if plain {
                self.layer.crs = Some(Crs::wgs84());
            }
        }
        self.layer
    }
}

fn is_lon_lat(c: Coord) -> bool {
    c[0].abs() <= 360.0 && c[1].abs() <= 90.0
}

fn list(json: &Json) -> Result<&Vec<Json>, String> {
    json.as_array().ok_or_else(|| "its coordinates are not nested as its type asks".to_owned())
}

fn position(json: &Json, z: &mut bool) -> Result<Coord, String> {
    let ordinates = list(json)?;
    *z |= ordinates.len() > 2;
    match ordinates.as_slice() {
        [x, y, ..] => match (x.as_f64(), y.as_f64()) {
            (Some(x), Some(y)) => Ok([x, y]),
            _ => Err("an ordinate is no number".to_owned()),
        },
        _ => Err(format!("a position has {} ordinates", ordinates.len())),
    }
}

fn run(json: &Json, z: &mut bool) -> Result<Vec<Coord>, String> {
    list(json)?.iter().map(|p| position(p, z)).collect()
}

fn runs(json: &Json, z: &mut bool) -> Result<Vec<Vec<Coord>>, String> {
    list(json)?.iter().map(|r| run(r, z)).collect()
}

/// Writes layers as GeoJSON (RFC 7946): one FeatureCollection, coordinates in WGS 84 with full precision,
/// outer rings counter-clockwise, a property `layer` on every feature when there are several layers. Coded
/// values are written as stored.
///
/// # Errors
/// As [`Layer::to_wgs84`].
pub fn write_geojson(layers: &[Layer]) -> Result<String, ImportError> {
    let mut text = String::from("{\"type\":\"FeatureCollection\"");
    if let [layer] = layers {
        text.push_str(&format!(",\"name\":{}", Json::from(layer.name.as_str())));
    }
    text.push_str(",\"features\":[");
    let mut first = true;
    for layer in layers {
        let layer = layer.to_wgs84()?;
        for feature in &layer.features {
            text.push_str(if first { "\n" } else { ",\n" });
            first = false;
            text.push_str("{\"type\":\"Feature\",\"geometry\":");
            match &feature.geometry {
                Some(geometry) => write_geometry(&mut text, geometry),
                None => text.push_str("null"),
            }
            text.push_str(",\"properties\":{");
            let mut comma = "";
            if layers.len() > 1 && layer.field_index("layer").is_none() {
                text.push_str(&format!("\"layer\":{}", Json::from(layer.name.as_str())));
                comma = ",";
            }
            for (field, value) in layer.fields.iter().zip(&feature.values) {
                let json = match value {
                    Value::Null => Json::Null,
                    Value::Boolean(b) => Json::from(*b),
                    Value::Integer(i) => Json::from(*i),
                    Value::Real(r) => Json::from(*r),
                    other => Json::from(other.to_string()),
                };
                text.push_str(&format!("{comma}{}:{json}", Json::from(field.name.as_str())));
                comma = ",";
            }
            text.push_str("}}");
        }
    }
    text.push_str("\n]}\n");
    Ok(text)
}

fn write_geometry(text: &mut String, geometry: &Geometry) {
    text.push_str(&format!("{{\"type\":\"{}\",\"coordinates\":", geometry.kind()));
    match geometry {
        Geometry::Point(p) => write_position(text, *p),
        Geometry::MultiPoint(run) | Geometry::LineString(run) => write_run(text, run),
        Geometry::MultiLineString(runs) => write_list(text, runs, |text, run| write_run(text, run)),
        Geometry::Polygon(rings) => write_rings(text, rings),
        Geometry::MultiPolygon(polygons) => write_list(text, polygons, |text, rings| write_rings(text, rings)),
    }
    text.push('}');
}

fn write_list<T>(text: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    text.push('[');
    for (k, item) in items.iter().enumerate() {
        if k > 0 {
            text.push(',');
        }
        write(text, item);
    }
    text.push(']');
}

fn write_position(text: &mut String, p: Coord) {
    text.push_str(&format!("[{},{}]", p[0], p[1]));
}

fn write_run(text: &mut String, run: &[Coord]) {
    write_list(text, run, |text, p| write_position(text, *p));
}

fn write_rings(text: &mut String, rings: &[Vec<Coord>]) {
    let oriented: Vec<Vec<Coord>> = rings
        .iter()
        .enumerate()
        .map(|(k, ring)| if (double_area(ring) >= 0.0) == (k == 0) { ring.clone() } else { ring.iter().rev().copied().collect() })
        .collect();
    write_list(text, &oriented, |text, ring| write_run(text, ring));
}

#[cfg(test)]
#[path = "geojson/tests.rs"]
mod tests;
