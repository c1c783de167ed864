//! Layers of vector files against each other and against what other programs read from the same files.

use formats::gis::crs::{Crs, distance_m};
use formats::gis::layer::{Geometry, Layer, LayerOptions, Value, read_layers};
use formats::{FileSource, ImportError};
use std::io;
use std::path::{Path, PathBuf};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of sample files of formats, where there is one.
fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("GRIDTWIN_FORMATS").map_or_else(|| root().join("../shared/formats"), PathBuf::from).join("gis");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no sample files at {}", folder.display());
    None
}

fn layers(path: &Path) -> Result<Vec<Layer>, ImportError> {
    read_layers(&Disk, path, &LayerOptions::default())
}

fn one(path: &Path) -> Layer {
    let mut all = layers(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(all.len(), 1, "{}", path.display());
    all.remove(0)
}

fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|l| !l.starts_with('#')).skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect()
}

/// Coordinates go both ways to within a centimetre of PROJ (rows: place, lon, lat, crs, easting, northing).
fn check_crs(path: &Path) -> usize {
    let mut faults = Vec::new();
    let rows = csv(path);
    for row in &rows {
        let n = |k: usize| row[k].parse::<f64>().unwrap();
        let crs = Crs::parse(&row[3]);
        let projection = match crs.projection() {
            Ok(projection) => projection,
            Err(e) => {
                faults.push(format!("{} {}: {e}", row[0], row[3]));
                continue;
            }
        };
        // With shifts of seven parameters PROJ's own way back differs by centimetres from where it came.
        let expected_back = if row.len() > 7 { [n(6), n(7)] } else { [n(1), n(2)] };
        // The unit of the system is at most a metre here, but for a kilometre grid.
        let mut there = [n(1), n(2)];
        let forward = projection.from_lon_lat(&mut there).map(|()| (there[0] - n(4)).hypot(there[1] - n(5)));
        let mut back = [n(4), n(5)];
        let inverse = projection.to_lon_lat(&mut back).map(|()| distance_m(back, expected_back));
        if !forward.as_ref().is_ok_and(|d| *d < 0.01) || !inverse.as_ref().is_ok_and(|d| *d < 0.01) {
            faults.push(format!("{} {}: {forward:?}, {inverse:?}", row[0], row[3]));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), rows.len(), faults.join("\n"));
    rows.len()
}

#[test]
fn coordinates_of_the_samples_agree_with_proj() {
    if let Some(folder) = samples() {
        assert_eq!(check_crs(&folder.join("crs_check.csv")), 15);
    }
}

fn same_features(a: &Layer, b: &Layer, tolerance_deg: f64) {
    assert_eq!(a.features.len(), b.features.len(), "{}", a.name);
    for (k, field) in a.fields.iter().enumerate() {
        let other = b.fields.iter().position(|f| {
            f.name.eq_ignore_ascii_case(&field.name) || (field.name.len() > 10 && f.name.eq_ignore_ascii_case(&field.name[..10]))
        });
        let other = other.unwrap_or_else(|| panic!("{} has no {}", b.source, field.name));
        for (fa, fb) in a.features.iter().zip(&b.features) {
            let same = match (&fa.values[k], &fb.values[other]) {
                (Value::Text(x), Value::Text(y)) => x == y,
                (x, y) => match (x.number(), y.number()) {
                    (Some(x), Some(y)) => (x - y).abs() <= 1e-9 * x.abs().max(1.0),
                    (None, None) => x.is_null() && y.is_null(),
                    _ => false,
                },
            };
            assert!(same, "{}: {} is {:?} and {:?}", fa.source, field.name, fa.values[k], fb.values[other]);
        }
    }
    for (fa, fb) in a.features.iter().zip(&b.features) {
        let (ga, gb) = (fa.geometry.as_ref().unwrap(), fb.geometry.as_ref().unwrap());
        let (ca, cb): (Vec<_>, Vec<_>) = (ga.coords().collect(), gb.coords().collect());
        assert_eq!(ca.len(), cb.len(), "{} against {}", fa.source, fb.source);
        for (p, q) in ca.iter().zip(&cb) {
            assert!((p[0] - q[0]).abs() <= tolerance_deg && (p[1] - q[1]).abs() <= tolerance_deg, "{p:?} and {q:?} at {}", fa.source);
        }
    }
}

const SIMBENCH: [(&str, usize); 5] = [("buses", 193), ("lines", 194), ("transformers", 3), ("loads", 194), ("res", 109)];

#[test]
fn one_grid_in_geojson_and_shapefiles_is_the_same() {
    let Some(folder) = samples().map(|f| f.join("simbench_mvlv_rural_2_108")) else { return };
    for (name, count) in SIMBENCH {
        let geojson = one(&folder.join(format!("{name}.geojson")));
        assert_eq!((geojson.name.as_str(), geojson.features.len(), geojson.rejects.len()), (name, count, 0));
        let shp = one(&folder.join(format!("shp/{name}.shp"))).to_wgs84().unwrap();
        same_features(&geojson, &shp, 1e-12);
    }
    let lines = one(&folder.join("lines.geojson"));
    let utm = one(&folder.join("shp/lines_utm32.shp"));
    assert!(utm.crs.as_ref().unwrap().proj.as_ref().unwrap().contains("tmerc"));
    // The lengths are in the projected plane there, so they agree but for its scale of 0.9996.
    let projected = match utm.features[0].geometry.as_ref().unwrap() {
        Geometry::LineString(l) => l.windows(2).map(|w| (w[0][0] - w[1][0]).hypot(w[0][1] - w[1][1])).sum::<f64>(),
        other => panic!("{other:?}"),
    };
    let length = lines.features[0].geometry.as_ref().unwrap().length_m();
    assert!((length / projected - 1.0).abs() < 5e-4, "{length} {projected}");
    same_features(&lines, &utm.to_wgs84().unwrap(), 1e-9);
}

#[test]
fn a_public_shapefile_is_read_whole() {
    let Some(folder) = samples() else { return };
    let layer = one(&folder.join("fiona/coutwildrnp.shp"));
    assert_eq!(layer.features.len(), 67);
    assert_eq!(layer.rejects, []);
    assert_eq!(layer.geometry_kinds(), [("Polygon", 67)]);
    let name = layer.value(&layer.features[0], "NAME").unwrap();
    assert_eq!(name, &Value::text("Mount Naomi Wilderness"));
}

#[test]
fn the_geodatabase_is_the_same_grid() {
    let Some(folder) = samples().map(|f| f.join("simbench_mvlv_rural_2_108")) else { return };
    let tables = layers(&folder.join("feeder.gdb.zip")).unwrap();
    for (name, count) in SIMBENCH {
        let layer = tables.iter().find(|l| l.name == name).unwrap_or_else(|| panic!("no layer {name}"));
        assert_eq!((layer.features.len(), layer.rejects.len()), (count, 0), "{name}");
        assert_eq!(layer.diagnostics, [], "{name}");
        // Coordinates stand on a grid of 1e-9 degrees there.
        same_features(&one(&folder.join(format!("{name}.geojson"))), &layer.to_wgs84().unwrap(), 2e-9);
    }
}

/// What GDAL 3.12 reads from the same geodatabase: layers with their features, and the kinds of their geometry.
const TEST_LAYERS: [(&str, usize, &str); 37] = [
    ("none", 6, "none"),
    ("point", 5, "Point"),
    ("multipoint", 5, "MultiPoint"),
    ("linestring", 5, "LineString"),
    ("multilinestring", 5, "LineString"),
    ("multilinestring_multipart", 5, "MultiLineString"),
    ("polygon", 5, "Polygon"),
    ("multipolygon", 5, "MultiPolygon"),
    ("point25D", 5, "Point"),
    ("multipoint25D", 5, "MultiPoint"),
    ("linestring25D", 5, "LineString"),
    ("multilinestring25D", 5, "LineString"),
    ("multilinestring25D_multipart", 5, "MultiLineString"),
    ("polygon25D", 5, "Polygon"),
    ("multipolygon25D", 5, "Polygon"),
    ("multipatch", 5, "MultiPolygon"),
    ("null_polygon", 5, "none"),
    ("empty_polygon", 5, "none"),
    ("empty_multipoint", 5, "none"),
    ("big_layer", 341, "none"),
    ("hole", 12, "none"),
    ("no_field", 5, "none"),
    ("several_polygons", 9, "Polygon"),
    ("testnotnullable", 0, "none"),
    ("pointm", 1, "Point"),
    ("pointzm", 1, "Point"),
    ("multipointm", 1, "MultiPoint"),
    ("multipointzm", 1, "MultiPoint"),
    ("linestringm", 1, "LineString"),
    ("linestringzm", 1, "LineString"),
    ("multilinestringm", 1, "LineString"),
    ("multilinestringzm", 1, "LineString"),
    ("polygonm", 1, "Polygon"),
    ("polygonzm", 1, "Polygon"),
    ("multipolygonm", 1, "Polygon"),
    ("multipolygonzm", 1, "Polygon"),
    ("empty_polygonm", 1, "none"),
];

#[test]
fn a_geodatabase_of_every_kind_is_read_whole() {
    let Some(folder) = samples() else { return };
    let all = layers(&folder.join("fiona/testopenfilegdb.gdb.zip")).unwrap();
    assert_eq!(all.len(), TEST_LAYERS.len());
    for (layer, (name, count, kind)) in all.iter().zip(TEST_LAYERS) {
        assert_eq!((layer.name.as_str(), layer.features.len()), (name, count));
        assert_eq!((layer.rejects.len(), layer.diagnostics.len()), (0, 0), "{name}");
        if count > 0 {
            assert_eq!(layer.geometry_kinds(), [(kind, count)], "{name}");
        }
    }
    let point = all.iter().find(|l| l.name == "point").unwrap();
    let value = |name: &str| point.value(&point.features[0], name).unwrap().to_string();
    let expected = [
        ("str", "foo_é"),
        ("smallint", "-13"),
        ("int", "123"),
        ("float", "1.5"),
        ("real", "4.56"),
        ("adate", "2013-12-26T12:34:56"),
        ("guid", "{12345678-9ABC-DEF0-1234-567890ABCDEF}"),
        ("xml", "<foo></foo>"),
    ];
    for (name, text) in expected {
        assert_eq!(value(name), text, "{name}");
    }
    // Coordinates are whole numbers on a fine grid.
    assert!(matches!(point.features[0].geometry, Some(Geometry::Point([x, y])) if (x - 1.0).abs() < 1e-9 && (y - 2.0).abs() < 1e-9));
}

#[test]
fn systems_of_the_world_agree_with_proj() {
    assert!(check_crs(&root().join("cases/gis_crs/expected.csv")) > 100);
}

#[test]
fn systems_as_text_agree_with_proj() {
    let text = std::fs::read_to_string(root().join("cases/gis_crs/wkt.tsv")).unwrap();
    let mut faults = Vec::new();
    let mut count = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let n = |k: usize| cells[k].parse::<f64>().unwrap();
        let start = cells[4].chars().take(60).collect::<String>();
        count += 1;
        // Without the code of the authority, so that the text itself is what counts.
        let text = cells[4].replace("AUTHORITY[\"EPSG\"", "AUTHORITY[\"none\"").replace("ID[\"EPSG\"", "ID[\"none\"");
        match Crs::parse(&text).projection() {
            Ok(projection) => {
                let mut c = [n(0), n(1)];
                let off = projection
                    .from_lon_lat(&mut c)
                    .map(|()| (c[0] - n(2)).hypot(c[1] - n(3)) * if projection.is_geographic() { 111_000.0 } else { 1.0 });
                if !off.as_ref().is_ok_and(|d| *d < 0.01) {
                    faults.push(format!("{start}: {off:?} {:?}", Crs::parse(&text).proj));
                }
            }
            Err(e) => faults.push(format!("{start}: {e}")),
        }
    }
    assert!(count > 60 && faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
}
