//! `gridtwin project export`: what a version holds besides the model itself, as tables.

use super::refused;
use crate::answer::csv_cell;
use crate::cli::{ExportFormat, ExportWhat, ProjectExportArguments};
use crate::console::Console;
use crate::failure::Failure;
use network::{Diagnostic, Disposition};
use serde_json::{Value, json};
use std::io::Write;
use store::PartialFile;
use store::project::{Project, StoredElement};

pub(super) fn run(arguments: &ProjectExportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&arguments.dir)?;
    let (network, number) = (arguments.network.as_deref(), arguments.version);
    let table = match arguments.what {
        ExportWhat::Elements => {
            let rows = project.elements(network, number)?;
            if arguments.format == ExportFormat::Geojson {
                return put(arguments, console, &geojson(&rows)?);
            }
            elements(&rows)
        }
        what => of_version(what, project.network(network, number)?),
    };
    let text = match arguments.format {
        ExportFormat::Csv => table.csv(),
        ExportFormat::Json => pretty(&table.json()),
        ExportFormat::Geojson => {
            return Err(Diagnostic::error("PROJECT.EXPORT.NO_PLACES", "only elements have places for a map")
                .hint("Use --format csv or json, or --what elements.")
                .into());
        }
    };
    put(arguments, console, &text)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn put(arguments: &ProjectExportArguments, console: &mut Console<'_>, text: &str) -> Result<(), Failure> {
    let Some(path) = &arguments.out else { return console.print(text) };
    let mut file = PartialFile::create(path)?;
    if let Err(e) = file.write_all(text.as_bytes()) {
        return Err(refused(path, file.failed(e)));
    }
    Ok(file.commit()?)
}

struct ExportTable {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl ExportTable {
    fn csv(&self) -> String {
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => csv_cell(text),
            other => csv_cell(&other.to_string()),
        };
        let mut text = self.columns.join(",") + "\n";
        for row in &self.rows {
            text += &row.iter().map(cell).collect::<Vec<_>>().join(",");
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Value>| Value::Object(self.columns.iter().map(|c| (*c).to_owned()).zip(row.iter().cloned()).collect());
        self.rows.iter().map(object).collect()
    }
}

fn elements(rows: &[StoredElement]) -> ExportTable {
    let row = |r: &StoredElement| {
        vec![json!(r.class), json!(r.name), json!(r.buses.join(" ")), json!(r.kv_ll), json!(r.phases), json!(r.feeder), json!(r.wkt)]
    };
    ExportTable { columns: vec!["class", "name", "buses", "kv_ll", "phases", "feeder", "wkt"], rows: rows.iter().map(row).collect() }
}

fn of_version(what: ExportWhat, stored: store::project::StoredVersion) -> ExportTable {
    let all = stored.imported;
    let (columns, rows): (&[&'static str], Vec<Vec<Value>>) = match what {
        ExportWhat::Elements => (&[], Vec::new()),
        ExportWhat::Findings => (
            &["severity", "code", "element", "message", "file", "line", "lon_deg", "lat_deg", "detail", "hint"],
            all.diagnostics
                .iter()
                .map(|d| {
                    let (file, line) = (d.source.as_ref().map(|s| s.file.to_string()), d.source.as_ref().map(|s| s.line));
                    let place = d.place.as_ref();
                    vec![
                        json!(d.severity),
                        json!(d.code),
                        json!(d.element),
                        json!(d.message),
                        json!(file),
                        json!(line),
                        json!(place.map(|p| p.lon_deg)),
                        json!(place.map(|p| p.lat_deg)),
                        json!(d.detail),
                        json!(d.hint),
                    ]
                })
                .collect(),
        ),
        ExportWhat::Rejects => (
            &["file", "line", "reason", "record"],
            all.rejects
                .iter()
                .map(|r| vec![json!(r.source.file.to_string()), json!(r.source.line), json!(r.reason), json!(r.text)])
                .collect(),
        ),
        ExportWhat::Ledger => (
            &["field", "disposition", "value", "reason", "count", "file", "line"],
            all.ledger
                .entries
                .iter()
                .map(|e| {
                    let (word, value, reason) = match &e.disposition {
                        Disposition::Kept => ("kept", None, None),
                        Disposition::Converted { formula } => ("converted", Some(formula), None),
                        Disposition::Defaulted { value, reason } => ("defaulted", Some(value), Some(reason)),
                        Disposition::Dropped { reason } => ("dropped", None, Some(reason)),
                    };
                    let first = e.first.as_ref();
                    vec![
                        json!(e.field),
                        json!(word),
                        json!(value),
                        json!(reason),
                        json!(e.count),
                        json!(first.map(|s| s.file.to_string())),
                        json!(first.map(|s| s.line)),
                    ]
                })
                .collect(),
        ),
        ExportWhat::Figures => (
            &["subject", "phase", "quantity", "value", "file", "line"],
            all.figures
                .iter()
                .map(|f| {
                    vec![
                        json!(f.subject),
                        json!(f.phase),
                        json!(f.quantity),
                        json!(f.value),
                        json!(f.source.file.to_string()),
                        json!(f.source.line),
                    ]
                })
                .collect(),
        ),
        ExportWhat::Sources => {
            (&["path", "bytes", "sha256"], stored.sources.iter().map(|s| vec![json!(s.path), json!(s.bytes), json!(s.sha256)]).collect())
        }
    };
    ExportTable { columns: columns.to_vec(), rows }
}

/// RFC 7946: what has a place, as features.
fn geojson(rows: &[StoredElement]) -> Result<String, Failure> {
    let mut features = Vec::new();
    for r in rows {
        let Some(geometry) = r.wkt.as_deref().and_then(geometry) else { continue };
        let properties =
            json!({ "class": r.class, "name": r.name, "buses": r.buses, "kv_ll": r.kv_ll, "phases": r.phases, "feeder": r.feeder });
        features
            .push(json!({ "type": "Feature", "id": format!("{}.{}", r.class, r.name), "geometry": geometry, "properties": properties }));
    }
    if features.is_empty() {
        return Err(Diagnostic::error("PROJECT.EXPORT.NO_PLACES", "nothing in this version has a place in longitude and latitude")
            .hint("Import a model with coordinates in WGS 84, or use --format csv.")
            .into());
    }
    Ok(pretty(&json!({ "type": "FeatureCollection", "features": features })))
}

/// The geometry of `POINT(x y)` or `LINESTRING(x y, …)`.
fn geometry(wkt: &str) -> Option<Value> {
    let (kind, rest) = wkt.split_once('(')?;
    let points: Option<Vec<[f64; 2]>> = rest
        .strip_suffix(')')?
        .split(',')
        .map(|p| {
            let (x, y) = p.trim().split_once(' ')?;
            Some([x.parse().ok()?, y.parse().ok()?])
        })
        .collect();
    match (kind, points?.as_slice()) {
        ("POINT", [point]) => Some(json!({ "type": "Point", "coordinates": point })),
        ("LINESTRING", points) => Some(json!({ "type": "LineString", "coordinates": points })),
        _ => None,
    }
}
