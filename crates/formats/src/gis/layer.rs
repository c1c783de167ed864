//! Layers of features: what every vector format is read into.
//!
//! A layer is a table whose rows have a geometry. Coordinates stand in the layer's own reference system
//! ([`Layer::crs`], as the file declares it) until [`Layer::to_wgs84`] is asked; attributes keep the types of
//! the file, with coded values beside them ([`Field::domain`]). What a reader leaves out is told: records in
//! [`Layer::rejects`], ordinates and values in [`Layer::ledger`], everything else in [`Layer::diagnostics`].

use crate::ImportError;
use crate::gis::crs::Crs;
use jiff::civil;
use network::{Diagnostic, Disposition, Ledger, LonLat, Reject, SourceRef};
use std::fmt;
use std::sync::Arc;

pub use crate::gis::sources::read_layers;

/// Two ordinates in the reference system of the layer: easting (or longitude) first.
pub type Coord = [f64; 2];

/// Where a feature is. Rings of polygons are closed and the first ring of a polygon is its outer one.
#[derive(Clone, Debug, PartialEq)]
pub enum Geometry {
    Point(Coord),
    MultiPoint(Vec<Coord>),
    LineString(Vec<Coord>),
    MultiLineString(Vec<Vec<Coord>>),
    Polygon(Vec<Vec<Coord>>),
    MultiPolygon(Vec<Vec<Vec<Coord>>>),
}

impl Geometry {
    /// The name that Simple Features gives this kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Geometry::Point(_) => "Point",
            Geometry::MultiPoint(_) => "MultiPoint",
            Geometry::LineString(_) => "LineString",
            Geometry::MultiLineString(_) => "MultiLineString",
            Geometry::Polygon(_) => "Polygon",
            Geometry::MultiPolygon(_) => "MultiPolygon",
        }
    }

    /// The runs of points: one of one point for a point, one a part of a line, one a ring of a polygon.
    pub fn parts(&self) -> Vec<&[Coord]> {
        match self {
            Geometry::Point(c) => vec![std::slice::from_ref(c)],
            Geometry::MultiPoint(points) => points.iter().map(std::slice::from_ref).collect(),
            Geometry::LineString(line) => vec![line.as_slice()],
            Geometry::MultiLineString(lines) | Geometry::Polygon(lines) => lines.iter().map(Vec::as_slice).collect(),
            Geometry::MultiPolygon(polygons) => polygons.iter().flatten().map(Vec::as_slice).collect(),
        }
    }

    /// Every coordinate, changeable.
    pub fn coords_mut(&mut self) -> Vec<&mut Coord> {
        match self {
            Geometry::Point(c) => vec![c],
            Geometry::MultiPoint(run) | Geometry::LineString(run) => run.iter_mut().collect(),
            Geometry::MultiLineString(runs) | Geometry::Polygon(runs) => runs.iter_mut().flatten().collect(),
            Geometry::MultiPolygon(polygons) => polygons.iter_mut().flatten().flatten().collect(),
        }
    }

    /// Every coordinate.
    pub fn coords(&self) -> impl Iterator<Item = Coord> + '_ {
        self.parts().into_iter().flatten().copied()
    }

    /// Lines: every part, in order. A polygon's rings and points are no lines.
    pub fn lines(&self) -> Vec<&[Coord]> {
        match self {
            Geometry::LineString(_) | Geometry::MultiLineString(_) => self.parts(),
            _ => Vec::new(),
        }
    }

    pub fn is_line(&self) -> bool {
        matches!(self, Geometry::LineString(_) | Geometry::MultiLineString(_))
    }

    /// Length in metres on the ellipsoid of WGS 84 of a line whose points are longitudes and latitudes in
    /// degrees; zero for points and polygons.
    pub fn length_m(&self) -> f64 {
        self.lines().into_iter().map(crate::gis::crs::length_m).sum()
    }

    pub fn is_point(&self) -> bool {
        matches!(self, Geometry::Point(_) | Geometry::MultiPoint(_))
    }
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(Arc<str>),
    Date(civil::Date),
    Time(civil::Time),
    /// Without an offset, as a clock on a wall shows it; one that came with an offset has been brought to UTC.
    DateTime(civil::DateTime),
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// No value, or text that is empty but for blanks.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(t) => t.trim().is_empty(),
            _ => false,
        }
    }

    /// The number of an integer, a real, or a text that is a finite number and nothing else.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Integer(i) => Some(*i as f64),
            Value::Real(r) => Some(*r),
            Value::Text(t) => t.trim().parse::<f64>().ok().filter(|v| v.is_finite()),
            _ => None,
        }
    }

    /// The whole number of an integer, a real without a fraction, or such a text.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(i) => Some(*i),
            Value::Text(t) => t.trim().parse::<i64>().ok().or_else(|| whole(self.number()?)),
            _ => whole(self.number()?),
        }
    }
}

/// A real that is a whole number within the integers that reals hold exactly.
fn whole(real: f64) -> Option<i64> {
    (real.fract() == 0.0 && real.abs() <= 9_007_199_254_740_992.0).then_some(real as i64)
}

impl fmt::Display for Value {
    /// As plain text: nothing for null, ISO 8601 for dates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Boolean(b) => write!(f, "{b}"),
            Value::Integer(i) => write!(f, "{i}"),
            Value::Real(r) => write!(f, "{r}"),
            Value::Text(t) => f.write_str(t),
            Value::Date(d) => write!(f, "{d}"),
            Value::Time(t) => write!(f, "{t}"),
            Value::DateTime(t) => write!(f, "{t}"),
        }
    }
}

/// What a field holds, as the file declares it or as all its values show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    Boolean,
    Integer,
    Real,
    Text,
    Date,
    Time,
    DateTime,
    /// A GUID in braces, as Esri writes it.
    Guid,
    /// Values of several kinds.
    Mixed,
}

/// The values a field may take, with their meanings.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    pub name: String,
    /// Code as stored and the text that it stands for, in the order of the source.
    pub coded: Vec<(Value, String)>,
    /// Smallest and largest value of a range domain.
    pub range: Option<(f64, f64)>,
}

impl Domain {
    /// The meaning of a stored code. Numbers match as numbers, text as it stands.
    pub fn meaning(&self, value: &Value) -> Option<&str> {
        let same = |code: &Value| code == value || matches!((code.number(), value.number()), (Some(a), Some(b)) if a == b);
        self.coded.iter().find(|(code, _)| same(code)).map(|(_, text)| text.as_str())
    }
}

/// A column of attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    /// The name for people, where the source has one.
    pub alias: Option<String>,
    pub domain: Option<Domain>,
    /// Domains that hold only for features of a subtype, by the code of the subtype.
    pub subtype_domains: Vec<(i64, Domain)>,
}

impl Field {
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Field {
        Field { name: name.into(), kind, alias: None, domain: None, subtype_domains: Vec::new() }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Record number from 1 in a shapefile, GeoJSON or table; OBJECTID in a geodatabase. Unique in the layer.
    pub id: u64,
    pub geometry: Option<Geometry>,
    /// As many as the layer has fields.
    pub values: Vec<Value>,
    /// File, and as line the record number (for text files the line at which the record begins).
    pub source: SourceRef,
}

/// A table of features of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    pub name: String,
    /// What the source declares; none when it declares nothing.
    pub crs: Option<Crs>,
    pub fields: Vec<Field>,
    pub features: Vec<Feature>,
    /// Records that could not be used.
    pub rejects: Vec<Reject>,
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
    /// The file.
    pub source: SourceRef,
    /// Name of the field whose integer value is the subtype of a feature (Esri).
    pub subtype_field: Option<String>,
}

impl Layer {
    pub fn new(name: impl Into<String>, source: SourceRef) -> Layer {
        Layer { name: name.into(), source, ..Layer::default() }
    }

    /// Position of a field, its name compared without regard to case.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name).or_else(|| self.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name)))
    }

    /// A value of a feature by the name of its field.
    pub fn value<'a>(&self, feature: &'a Feature, name: &str) -> Option<&'a Value> {
        feature.values.get(self.field_index(name)?)
    }

    /// What a coded value stands for: the meaning in the domain of the feature's subtype, or else of the
    /// field; none where the field has no domain or the domain does not list the code.
    pub fn meaning(&self, feature: &Feature, field: usize) -> Option<&str> {
        let value = feature.values.get(field)?;
        let field = self.fields.get(field)?;
        if !field.subtype_domains.is_empty() {
            let subtype = self.subtype_field.as_deref().and_then(|name| self.value(feature, name)).and_then(Value::integer);
            let domain = subtype.and_then(|s| field.subtype_domains.iter().find(|(code, _)| *code == s));
            if let Some((_, domain)) = domain {
                return domain.meaning(value);
            }
        }
        field.domain.as_ref()?.meaning(value)
    }

    /// The kinds of geometry that occur, with their counts; features without one are counted as `none`.
    pub fn geometry_kinds(&self) -> Vec<(&'static str, usize)> {
        let mut kinds: Vec<(&'static str, usize)> = Vec::new();
        for feature in &self.features {
            let kind = feature.geometry.as_ref().map_or("none", Geometry::kind);
            match kinds.iter_mut().find(|(k, _)| *k == kind) {
                Some((_, n)) => *n += 1,
                None => kinds.push((kind, 1)),
            }
        }
        kinds
    }

    /// Brings every coordinate to longitude and latitude on WGS 84, in degrees.
    ///
    /// A feature whose coordinates lie where its projection has no inverse moves to the rejects. Shifts
    /// between WGS 84, NAD 83 and ETRS 89 (one or two metres) are taken as none, as the declared systems say.
    ///
    /// # Errors
    /// `GIS.CRS.MISSING` when the layer declares no system and its coordinates are not plainly longitudes and
    /// latitudes, `GIS.CRS.UNKNOWN` when it declares one that is not understood, `GIS.CRS.NOT_DEGREES` when its
    /// system is geographic and a latitude lies beyond a pole.
    pub fn to_wgs84(&self) -> Result<Layer, ImportError> {
        let mut layer = self.clone();
        layer.into_wgs84()?;
        Ok(layer)
    }

    /// As [`Layer::to_wgs84`], in place. On an error the layer is as it was.
    pub fn into_wgs84(&mut self) -> Result<(), ImportError> {
        let (projection, findings) = crate::gis::crs::projection_of(self)?;
        self.diagnostics.extend(findings);
        let mut kept = Vec::with_capacity(self.features.len());
        for mut feature in std::mem::take(&mut self.features) {
            let bad = feature.geometry.as_mut().and_then(|g| g.coords_mut().into_iter().find_map(|c| projection.to_lon_lat(c).err()));
            match bad {
                None => kept.push(feature),
                Some(error) => {
                    let text = describe_values(&self.fields, &feature.values);
                    self.rejects.push(Reject { source: feature.source, reason: error.to_string(), text });
                }
            }
        }
        self.features = kept;
        if !projection.is_wgs84() {
            let formula = format!("{} to WGS 84", projection.name());
            let points = self.features.iter().filter_map(|f| f.geometry.as_ref()).count();
            if points > 0 {
                self.record_many(&format!("{}.geometry", self.name), Disposition::Converted { formula }, points, None);
            }
        }
        self.crs = Some(Crs::wgs84());
        Ok(())
    }

    /// The middle of the extent, where the layer has coordinates.
    pub fn center(&self) -> Option<Coord> {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for c in self.features.iter().filter_map(|f| f.geometry.as_ref()).flat_map(|g| g.coords()) {
            for k in 0..2 {
                low[k] = low[k].min(c[k]);
                high[k] = high[k].max(c[k]);
            }
        }
        (low[0] <= high[0]).then(|| [f64::midpoint(low[0], high[0]), f64::midpoint(low[1], high[1])])
    }

    /// Counts `count` values of a field in the ledger at once.
    pub fn record_many(&mut self, field: &str, disposition: Disposition, count: usize, first: Option<&SourceRef>) {
        if count == 0 {
            return;
        }
        self.ledger.record(field, disposition.clone(), first);
        if let Some(entry) = self.ledger.entries.iter_mut().find(|e| e.field == field && e.disposition == disposition) {
            entry.count += count - 1;
        }
    }
}

/// The attributes of a record as text for a reject, shortened.
pub(crate) fn describe_values(fields: &[Field], values: &[Value]) -> String {
    let mut text = String::new();
    for (field, value) in fields.iter().zip(values).filter(|(_, v)| !v.is_null()) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&format!("{}={value}", field.name));
        if text.len() > 400 {
            break;
        }
    }
    shorten(&text)
}

/// The first 400 characters of a text.
pub(crate) fn shorten(text: &str) -> String {
    const KEPT: usize = 400;
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A place on the ground of a coordinate that is longitude and latitude already.
pub fn lon_lat(c: Coord) -> LonLat {
    LonLat::new(c[0], c[1])
}

/// Bounds on what one reading may take, so that a hostile upload ends in a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one archive, unpacked, all files together.
    pub unpacked_bytes: u64,
    /// Files of one archive or folder.
    pub files: usize,
    /// Features of one layer.
    pub features: usize,
    /// Layers of one reading.
    pub layers: usize,
    /// Fields of one layer.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { unpacked_bytes: 2 << 30, files: 20_000, features: 20_000_000, layers: 2_000, fields: 4_096 }
    }
}

/// Whether a layer would have more values than its file has bytes, as no honest file of some size does: a few
/// bytes a row can tell thousands of empty fields.
pub(crate) fn too_many_values(rows: usize, fields: usize, bytes: usize) -> bool {
    const SMALL: usize = 20_000_000;
    rows.saturating_mul(fields) > bytes.max(SMALL)
}

/// How layers are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerOptions {
    /// Reference system of layers that declare none, or one that is not understood: `EPSG:25832`, a proj
    /// string, or WKT.
    pub crs: Option<String>,
    /// Take `crs` for all layers, whatever they declare.
    pub override_crs: bool,
    /// Layers to read, by name without regard to case; all when empty.
    pub layers: Vec<String>,
    /// Encoding of text that declares none, or a wrong one: a label such as `windows-1252` or `utf-8`.
    pub encoding: Option<String>,
    /// Columns of a table that hold x (or longitude), when the guess is not to be trusted.
    pub x_column: Option<String>,
    /// Column of a table that holds y (or latitude).
    pub y_column: Option<String>,
    /// Column of a table that holds WKT.
    pub wkt_column: Option<String>,
    pub limits: Limits,
}
