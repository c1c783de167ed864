//! Tables with coordinates: WKT, x and y, longitude and latitude, or the two ends of a line, in columns.
//!
//! Which columns those are is told by the options or guessed from the headers, and for WKT from the cells; what
//! was guessed is told. Cells of a column that are all whole numbers, or all numbers, become such; a number
//! written with leading zeros is an identity and stays text.

use crate::gis::crs::Crs;
use crate::gis::layer::{Coord, Feature, Field, FieldKind, Geometry, Layer, LayerOptions, Value, shorten};
use crate::gis::wkt;
use crate::table::{self, Table, TableOptions};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Disposition, Reject, SourceRef};
use std::path::Path;

/// Headers of longitude and latitude, likeliest first.
const LON: &[&str] = &[
    "longitude",
    "lon",
    "lng",
    "long",
    "longitudedeg",
    "londeg",
    "lonwgs84",
    "wgs84lon",
    "xlon",
    "gpslon",
    "gpslongitude",
    "longdd",
    "ddlong",
    "lonx",
];
const LAT: &[&str] =
    &["latitude", "lat", "latitudedeg", "latdeg", "latwgs84", "wgs84lat", "ylat", "gpslat", "gpslatitude", "latdd", "ddlat", "laty"];
/// Headers of easting and northing.
const X: &[&str] =
    &["x", "easting", "xcoord", "coordx", "xcoordinate", "pointx", "east", "geox", "utmx", "utme", "rechtswert", "xm", "shapex", "posx"];
const Y: &[&str] =
    &["y", "northing", "ycoord", "coordy", "ycoordinate", "pointy", "north", "geoy", "utmy", "utmn", "hochwert", "ym", "shapey", "posy"];
/// Headers of the ends of a line: x and y of the first, x and y of the second, and whether they are degrees.
const ENDS: &[([&str; 4], bool)] = &[
    (["x1", "y1", "x2", "y2"], false),
    (["fromx", "fromy", "tox", "toy"], false),
    (["startx", "starty", "endx", "endy"], false),
    (["xfrom", "yfrom", "xto", "yto"], false),
    (["lon1", "lat1", "lon2", "lat2"], true),
    (["fromlon", "fromlat", "tolon", "tolat"], true),
    (["startlon", "startlat", "endlon", "endlat"], true),
    (["lonfrom", "latfrom", "lonto", "latto"], true),
];
const WKT: &[&str] = &["wkt", "geometry", "geom", "thegeom", "shape", "wktgeom", "geomwkt", "geometrywkt", "wkbgeometry"];

/// Where the place of a row stands.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    None,
    Wkt(usize),
    Point { x: usize, y: usize, degrees: bool },
    Ends([usize; 4], bool),
}

fn plain(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads a table as a layer, named after its file.
///
/// # Errors
/// Those of [`crate::table::read`], and `GIS.TABLE.COLUMN_UNKNOWN` for a named column that is not there. Rows
/// whose place cannot be read are rejects.
pub fn read(files: &dyn FileSource, path: &Path, options: &LayerOptions) -> Result<Layer, ImportError> {
    let limits = table::Limits {
        bytes: usize::try_from(options.limits.unpacked_bytes).unwrap_or(usize::MAX),
        rows: options.limits.features,
        columns: options.limits.fields,
    };
    let table = table::read(files, path, &TableOptions { encoding: options.encoding.clone(), limits, ..TableOptions::default() })?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').next().unwrap_or_default().to_owned();
    let mut layer = layer(table, &name, options)?;
    if layer.crs.is_none() {
        let prj = path.with_extension("prj");
        if let Ok(bytes) = files.read(&prj) {
            layer.crs = Some(Crs::parse(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').trim()));
        }
    }
    Ok(layer)
}

fn layer(mut table: Table, name: &str, options: &LayerOptions) -> Result<Layer, ImportError> {
    let source = table.at(0);
    let mut layer = Layer::new(name, source.clone());
    layer.diagnostics = std::mem::take(&mut table.diagnostics);
    layer.rejects = std::mem::take(&mut table.rejects);
    let (place, guessed) = find_place(&table, options, &source)?;
    let named = |k: &usize| format!("{:?}", table.headers.get(*k).map_or("", String::as_str));
    let what = match &place {
        Place::None => None,
        Place::Wkt(k) => Some(format!("The geometry is WKT in column {}.", named(k))),
        Place::Point { x, y, degrees } => {
            let what = if *degrees { "Longitude and latitude" } else { "Easting and northing" };
            Some(format!("{what} are in columns {} and {}.", named(x), named(y)))
        }
        Place::Ends([a, b, c, d], _) => {
            Some(format!("A row is a line from columns {} and {} to columns {} and {}.", named(a), named(b), named(c), named(d)))
        }
    };
    match what {
        Some(what) if guessed => layer.diagnostics.push(
            Diagnostic::note("GIS.TABLE.COLUMNS_GUESSED", "the columns of the place of a row were guessed")
                .at(&source)
                .detail(what)
                .hint("name the columns if this is wrong"),
        ),
        None => layer.diagnostics.push(
            Diagnostic::note("GIS.TABLE.NO_PLACE", "no columns of coordinates were found; the rows have no place")
                .at(&source)
                .detail(format!("Columns: {}.", shorten(&table.headers.join(", "))))
                .hint("name the columns if it has them"),
        ),
        Some(_) => {}
    }
    let kinds: Vec<FieldKind> = (0..table.headers.len()).map(|k| kind(&table, k)).collect();
    let kept: Vec<usize> = (0..table.headers.len()).filter(|k| place != Place::Wkt(*k)).collect();
    layer.fields = kept.iter().map(|&k| Field::new(table.headers[k].clone(), kinds[k])).collect();
    let degrees = matches!(place, Place::Point { degrees: true, .. } | Place::Ends(_, true));
    if degrees {
        layer.crs = Some(Crs::wgs84());
    }
    let (mut more, mut empty, mut commas, mut zeros) = (0, 0, 0, 0);
    let mut srids: Vec<u32> = Vec::new();
    for (n, row) in table.rows.iter().enumerate() {
        let source = table.at(row.line);
        let geometry = match &place {
            Place::None => Ok(None),
            Place::Wkt(k) => match row.cells[*k].trim() {
                "" => Ok(None),
                text => wkt::parse(text).map(|parsed| {
                    more += usize::from(parsed.more);
                    if let Some(srid) = parsed.srid
                        && !srids.contains(&srid)
                    {
                        srids.push(srid);
                    }
                    parsed.geometry
                }),
            },
            Place::Point { x, y, degrees } => {
                position(&row.cells[*x], &row.cells[*y], *degrees, &mut commas).map(|p| p.map(Geometry::Point))
            }
            Place::Ends([a, b, c, d], degrees) => {
                let from = position(&row.cells[*a], &row.cells[*b], *degrees, &mut commas);
                let to = position(&row.cells[*c], &row.cells[*d], *degrees, &mut commas);
                match (from, to) {
                    (Ok(Some(from)), Ok(Some(to))) => Ok(Some(Geometry::LineString(vec![from, to]))),
                    (Ok(None), Ok(None)) => Ok(None),
                    (Err(e), _) | (_, Err(e)) => Err(e),
                    _ => Err("one end of the line has no coordinates".to_owned()),
                }
            }
        };
        match geometry {
            Ok(geometry) => {
                empty += usize::from(geometry.is_none() && place != Place::None);
                zeros += usize::from(matches!(geometry, Some(Geometry::Point([x, y])) if x == 0.0 && y == 0.0));
                let values = kept.iter().map(|&k| value(&row.cells[k], kinds[k])).collect();
                layer.features.push(Feature { id: n as u64 + 1, geometry, values, source });
            }
            Err(reason) => layer.rejects.push(Reject { source, reason, text: shorten(&row.cells.join(",")) }),
        }
    }
    if let [srid] = srids.as_slice() {
        layer.crs = Some(Crs::from_epsg(*srid));
    } else if srids.len() > 1 {
        let listed: Vec<String> = srids.iter().take(8).map(u32::to_string).collect();
        return Err(Diagnostic::error("GIS.TABLE.MIXED_SYSTEMS", "rows are in different reference systems")
            .at(&source)
            .detail(format!("Their WKT tells SRID {}.", listed.join(", ")))
            .hint("export the table in one system")
            .into());
    }
    if zeros > 0 && zeros < layer.features.len() {
        layer.diagnostics.push(
            Diagnostic::warning("GIS.TABLE.ZERO_PLACE", format!("{zeros} rows stand at 0, 0"))
                .at(&source)
                .detail("That often stands for an unknown place. They are taken as they stand.")
                .hint("leave the coordinates of unknown places empty"),
        );
    }
    let field = format!("{name}.geometry");
    layer.record_many(
        &format!("{field}.z"),
        Disposition::Dropped { reason: "heights and measures are not part of a network".to_owned() },
        more,
        None,
    );
    layer.record_many(&field, Disposition::Dropped { reason: "the row has no coordinates".to_owned() }, empty, None);
    layer.record_many(&field, Disposition::Converted { formula: "a decimal comma read as a point".to_owned() }, commas, None);
    Ok(layer)
}

/// The columns of the place, and whether they were guessed.
fn find_place(table: &Table, options: &LayerOptions, source: &SourceRef) -> Result<(Place, bool), ImportError> {
    let headers: Vec<String> = table.headers.iter().map(|h| plain(h)).collect();
    let told = |name: &str| {
        let found =
            table.headers.iter().position(|h| h == name).or_else(|| headers.iter().position(|h| *h == plain(name) && !h.is_empty()));
        found.ok_or_else(|| {
            ImportError::from(
                Diagnostic::error("GIS.TABLE.COLUMN_UNKNOWN", format!("the table has no column {name:?}"))
                    .at(source)
                    .detail(format!("Columns: {}.", shorten(&table.headers.join(", "))))
                    .hint("correct the name of the column"),
            )
        })
    };
    if let Some(name) = &options.wkt_column {
        return Ok((Place::Wkt(told(name)?), false));
    }
    if let (Some(x), Some(y)) = (&options.x_column, &options.y_column) {
        let degrees = LON.contains(&plain(x).as_str()) && LAT.contains(&plain(y).as_str());
        return Ok((Place::Point { x: told(x)?, y: told(y)?, degrees }, false));
    }
    let first = |k: usize| table.rows.iter().map(|r| r.cells[k].trim()).find(|c| !c.is_empty());
    let is_wkt = |k: usize| first(k).is_some_and(wkt::looks_like_wkt);
    let named = WKT.iter().find_map(|name| (0..headers.len()).find(|k| headers[*k] == *name && is_wkt(*k)));
    if let Some(k) = named.or_else(|| (0..headers.len()).find(|k| is_wkt(*k))) {
        return Ok((Place::Wkt(k), true));
    }
    let find = |name: &str| headers.iter().position(|h| h == name);
    // A pair is columns of numbers, so that a column `east` of texts is none.
    let numbers = |k: usize| {
        let mut cells = table.rows.iter().map(|r| r.cells[k].trim()).filter(|c| !c.is_empty()).take(100).peekable();
        cells.peek().is_none() || cells.any(|c| ordinate(c).is_some())
    };
    for (names, degrees) in ENDS {
        let at: Vec<usize> = names.iter().filter_map(|n| find(n)).collect();
        if let [a, b, c, d] = at[..] {
            return Ok((Place::Ends([a, b, c, d], *degrees), true));
        }
    }
    for (xs, ys, degrees) in [(LON, LAT, true), (X, Y, false)] {
        let x = xs.iter().find_map(|n| find(n)).filter(|k| numbers(*k));
        let y = ys.iter().find_map(|n| find(n)).filter(|k| numbers(*k));
        if let (Some(x), Some(y)) = (x, y) {
            return Ok((Place::Point { x, y, degrees }, true));
        }
    }
    Ok((Place::None, true))
}

/// An ordinate, and whether it was written with a decimal comma.
fn ordinate(text: &str) -> Option<(f64, bool)> {
    let digits =
        |t: &str| t.parse::<f64>().ok().filter(|v| v.is_finite() && t.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)));
    digits(text).map(|v| (v, false)).or_else(|| {
        // One comma and no point: no separator of thousands can be meant where a coordinate has decimals of any number but three.
        let (whole, decimals) = text.split_once(',')?;
        (decimals.len() != 3 && !decimals.contains(',') && !text.contains('.'))
            .then(|| digits(&format!("{whole}.{decimals}")))
            .flatten()
            .map(|v| (v, true))
    })
}

fn position(x: &str, y: &str, degrees: bool, commas: &mut usize) -> Result<Option<Coord>, String> {
    let (x, y) = (x.trim(), y.trim());
    if x.is_empty() && y.is_empty() {
        return Ok(None);
    }
    let (Some((px, cx)), Some((py, cy))) = (ordinate(x), ordinate(y)) else {
        return Err(format!("the coordinates {:?} and {:?} are no numbers", shorten(x), shorten(y)));
    };
    if degrees && !(px.abs() <= 360.0 && py.abs() <= 90.0) {
        return Err(format!("longitude {px} and latitude {py} are no place on the earth"));
    }
    *commas += usize::from(cx || cy);
    Ok(Some([px, py]))
}

/// The kind that all cells of a column share.
fn kind(table: &Table, column: usize) -> FieldKind {
    let mut kind = None;
    for cell in table.rows.iter().map(|r| r.cells[column].trim()).filter(|c| !c.is_empty()) {
        let bare = cell.trim_start_matches('-');
        let padded = bare.len() > 1 && bare.starts_with('0') && !bare.starts_with("0.");
        let plain = cell.bytes().all(|b| b.is_ascii_digit() || b"-.eE+".contains(&b)) && !cell.starts_with('+');
        if padded || !plain {
            return FieldKind::Text;
        }
        kind = match (kind, cell.parse::<i64>(), cell.parse::<f64>()) {
            (None | Some(FieldKind::Integer), Ok(_), _) => Some(FieldKind::Integer),
            (_, _, Ok(v)) if v.is_finite() => Some(FieldKind::Real),
            _ => return FieldKind::Text,
        };
    }
    kind.unwrap_or(FieldKind::Text)
}

fn value(cell: &str, kind: FieldKind) -> Value {
    let trimmed = cell.trim();
    if trimmed.is_empty() {
        return Value::Null;
    }
    match kind {
        FieldKind::Integer => trimmed.parse().map_or_else(|_| Value::text(cell), Value::Integer),
        FieldKind::Real => trimmed.parse().map_or_else(|_| Value::text(cell), Value::Real),
        _ => Value::text(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFiles;

    fn read_text(text: &str, options: &LayerOptions) -> Layer {
        read(&MemoryFiles::new().with("a/poles.csv", text), Path::new("a/poles.csv"), options).unwrap()
    }

    fn codes(layer: &Layer) -> Vec<&str> {
        layer.diagnostics.iter().filter(|d| d.code.starts_with("GIS.")).map(|d| d.code.as_str()).collect()
    }

    #[test]
    fn columns_of_the_place_are_guessed_and_told() {
        let layer = read_text("id,Longitude,Latitude,kva\n007,11.4,53.6,25\n008,11.5,53.7,37.5\n", &LayerOptions::default());
        assert_eq!(codes(&layer), ["GIS.TABLE.COLUMNS_GUESSED"]);
        assert_eq!(layer.crs, Some(Crs::wgs84()));
        assert_eq!(layer.features[1].geometry, Some(Geometry::Point([11.5, 53.7])));
        assert_eq!(layer.features[1].values, [Value::text("008"), Value::Real(11.5), Value::Real(53.7), Value::Real(37.5)]);
        assert_eq!(layer.features[1].source.line, 3);
        let projected = read_text("X;Y;id\n659383,76;5946248,22;1\n659384,5;5946249,125;2\n", &LayerOptions::default());
        assert_eq!(projected.crs, None);
        assert_eq!(projected.features.len(), 1);
        assert_eq!(projected.rejects.len(), 1, "a comma before three digits may separate thousands");
        let ends = read_text("id,x1,y1,x2,y2\na,0,0,3,4\nb,,,,\n", &LayerOptions::default());
        assert_eq!(ends.features[0].geometry, Some(Geometry::LineString(vec![[0.0, 0.0], [3.0, 4.0]])));
        assert_eq!(ends.features[1].geometry, None);
    }

    #[test]
    fn wkt_is_found_by_its_cells() {
        let layer = read_text("id,where\n1,\"SRID=25832;LINESTRING(0 0,1 1)\"\n2,\n3,LINESTRING(0 0)\n", &LayerOptions::default());
        assert_eq!(layer.fields.len(), 1);
        assert_eq!((layer.features.len(), layer.rejects.len()), (2, 1));
        assert_eq!(layer.rejects[0].source.line, 4);
        assert_eq!(layer.crs.unwrap().epsg, Some(25832));
    }

    #[test]
    fn unreadable_places_are_rejects_and_no_place_is_told() {
        let layer = read_text("lon,lat\n11,53\n11,\n11,N 53\n11,530\n,\n0,0\n", &LayerOptions::default());
        assert_eq!((layer.features.len(), layer.rejects.len()), (2, 3), "a row of blank cells is no row");
        assert!(codes(&layer).contains(&"GIS.TABLE.ZERO_PLACE"));
        let bare = read_text("code,r_ohm_km\nA,0.1\n", &LayerOptions::default());
        assert_eq!(codes(&bare), ["GIS.TABLE.NO_PLACE"]);
        let named = LayerOptions { x_column: Some("code".into()), y_column: Some("nothing".into()), ..LayerOptions::default() };
        let files = MemoryFiles::new().with("a.csv", "code,b\n1,2\n");
        assert!(read(&files, Path::new("a.csv"), &named).unwrap_err().to_string().contains("GIS.TABLE.COLUMN_UNKNOWN"));
    }
}
