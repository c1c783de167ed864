//! Damaged and hostile vector files: clear findings with record or line, and never a panic.

use formats::gis::layer::{Geometry, Layer, LayerOptions, Limits, Value, read_layers};
use formats::{ImportError, MemoryFiles};
use std::io::{Cursor, Write};
use std::path::Path;

/// A shapefile in parts, written after the specification.
struct Shapefile {
    kind: u32,
    shapes: Vec<Vec<u8>>,
    fields: Vec<(&'static str, u8, u8, u8)>,
    rows: Vec<(bool, Vec<Vec<u8>>)>,
    language: u8,
}

fn point(kind: u32, x: f64, y: f64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &x.to_le_bytes(), &y.to_le_bytes()].concat()
}

fn line(kind: u32, parts: &[&[[f64; 2]]], z: bool) -> Vec<u8> {
    let points: Vec<[f64; 2]> = parts.concat();
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend([0; 32]);
    bytes.extend((parts.len() as u32).to_le_bytes());
    bytes.extend((points.len() as u32).to_le_bytes());
    let mut start = 0u32;
    for part in parts {
        bytes.extend(start.to_le_bytes());
        start += part.len() as u32;
    }
    for p in &points {
        bytes.extend(p[0].to_le_bytes());
        bytes.extend(p[1].to_le_bytes());
    }
    if z {
        bytes.extend([0; 16]);
        bytes.extend(points.iter().flat_map(|_| 7.0f64.to_le_bytes()));
    }
    bytes
}

impl Shapefile {
    fn poles() -> Shapefile {
        Shapefile {
            kind: 1,
            shapes: vec![point(1, 11.4, 53.6), point(1, 11.5, 53.7), point(1, 11.6, 53.8)],
            fields: vec![("NAME", b'C', 10, 0), ("KVA", b'N', 8, 2), ("NR", b'N', 5, 0), ("BUILT", b'D', 8, 0), ("ON", b'L', 1, 0)],
            rows: ["25.50", "37.50", "******"]
                .iter()
                .enumerate()
                .map(|(k, kva)| {
                    let cell = |text: &str, width: usize| format!("{text:<width$}").into_bytes();
                    (false, vec![cell(&format!("p{k}"), 10), cell(kva, 8), cell(&k.to_string(), 5), cell("20120229", 8), cell("T", 1)])
                })
                .collect(),
            language: 0,
        }
    }

    fn main_and_index(&self) -> (Vec<u8>, Vec<u8>) {
        let header = |bytes: usize| {
            let mut h = 9994u32.to_be_bytes().to_vec();
            h.extend([0; 20]);
            h.extend((bytes as u32 / 2).to_be_bytes());
            h.extend(1000u32.to_le_bytes());
            h.extend(self.kind.to_le_bytes());
            h.extend([0; 64]);
            h
        };
        let body: usize = self.shapes.iter().map(|s| s.len() + 8).sum();
        let (mut shp, mut shx) = (header(100 + body), header(100 + 8 * self.shapes.len()));
        for (k, shape) in self.shapes.iter().enumerate() {
            let at = shp.len() as u32 / 2;
            let words = (shape.len() as u32 / 2).to_be_bytes();
            shx.extend(at.to_be_bytes());
            shx.extend(words);
            shp.extend((k as u32 + 1).to_be_bytes());
            shp.extend(words);
            shp.extend(shape);
        }
        (shp, shx)
    }

    fn table(&self) -> Vec<u8> {
        let width: usize = 1 + self.fields.iter().map(|f| usize::from(f.2)).sum::<usize>();
        let mut dbf = vec![3, 126, 1, 1];
        dbf.extend((self.rows.len() as u32).to_le_bytes());
        dbf.extend((33 + 32 * self.fields.len() as u16).to_le_bytes());
        dbf.extend((width as u16).to_le_bytes());
        dbf.extend([0; 17]);
        dbf.push(self.language);
        dbf.extend([0; 2]);
        for (name, kind, width, decimals) in &self.fields {
            let mut d = [0u8; 32];
            d[..name.len()].copy_from_slice(name.as_bytes());
            (d[11], d[16], d[17]) = (*kind, *width, *decimals);
            dbf.extend(d);
        }
        dbf.push(0x0d);
        for (deleted, cells) in &self.rows {
            dbf.push(if *deleted { b'*' } else { b' ' });
            dbf.extend(cells.concat());
        }
        dbf.push(0x1a);
        dbf
    }

    fn files(&self) -> MemoryFiles {
        let (shp, shx) = self.main_and_index();
        MemoryFiles::new().with("m/poles.shp", shp).with("m/poles.SHX", shx).with("m/poles.dbf", self.table())
    }
}

fn read(files: &MemoryFiles) -> Result<Layer, ImportError> {
    read_layers(files, Path::new("m/poles.shp"), &LayerOptions::default()).map(|mut l| l.remove(0))
}

fn codes(layer: &Layer) -> Vec<&str> {
    layer.diagnostics.iter().map(|d| d.code.as_str()).collect()
}

fn error(files: &MemoryFiles) -> String {
    read(files).unwrap_err().to_string()
}

/// What becomes of a file of a folder by its name and bytes; none leaves it as it is or out.
type Change<'a> = &'a dyn Fn(&str, &[u8]) -> Option<Vec<u8>>;

#[test]
fn a_whole_shapefile_has_its_values_and_tells_what_is_unreadable() {
    let layer = read(&Shapefile::poles().files()).unwrap();
    assert_eq!(layer.features.len(), 3);
    let texts: Vec<String> = layer.features[1].values.iter().map(Value::to_string).collect();
    assert_eq!(texts, ["p1", "37.5", "1", "2012-02-29", "true"]);
    assert_eq!(layer.features[2].values[1], Value::text("******"));
    assert_eq!(layer.features[2].values[1].number(), None);
    assert_eq!(codes(&layer), ["GIS.VALUE.UNREADABLE"]);
    // No .prj, but plainly degrees: taken for such, and told.
    assert_eq!(layer.crs, None);
    assert!(codes(&layer.to_wgs84().unwrap()).contains(&"GIS.CRS.ASSUMED"));
}

#[test]
fn without_its_system_a_projected_shapefile_is_refused_until_one_is_given() {
    let mut shapefile = Shapefile::poles();
    shapefile.shapes = (0..3).map(|k| point(1, 659_383.0 + f64::from(k), 5_946_248.0)).collect();
    let layer = read(&shapefile.files()).unwrap();
    let refused = layer.to_wgs84().unwrap_err().to_string();
    assert!(refused.contains("GIS.CRS.MISSING") && refused.contains("--crs"), "{refused}");
    let options = LayerOptions { crs: Some("EPSG:25832".into()), ..LayerOptions::default() };
    let layer = read_layers(&shapefile.files(), Path::new("m/poles.shp"), &options).unwrap()[0].to_wgs84().unwrap();
    assert!(matches!(layer.features[0].geometry, Some(Geometry::Point([x, y])) if (x - 11.411).abs() < 1e-4 && (y - 53.6407).abs() < 1e-4));
    let unknown = LayerOptions { crs: Some("EPSG:1".into()), ..LayerOptions::default() };
    assert!(read_layers(&shapefile.files(), Path::new("m/poles.shp"), &unknown).unwrap_err().to_string().contains("GIS.CRS.UNKNOWN"));
    // Metres under a system of degrees.
    let files = shapefile.files().with("m/poles.prj", r#"GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#);
    assert!(read(&files).unwrap().to_wgs84().unwrap_err().to_string().contains("GIS.CRS.NOT_DEGREES"));
    let files = shapefile.files().with("m/poles.prj", "PROJCS[\"mine\",");
    assert!(read(&files).unwrap().to_wgs84().unwrap_err().to_string().contains("GIS.CRS.UNKNOWN"));
}

#[test]
fn a_file_cut_off_tells_record_and_byte() {
    let whole = Shapefile::poles();
    let (shp, _) = whole.main_and_index();
    for cut in [shp.len() - 1, shp.len() - 20, shp.len() - 27] {
        let text = error(&whole.files().with("m/poles.shp", &shp[..cut]));
        assert!(text.contains("GIS.SHAPEFILE.TRUNCATED") && text.contains("record 3") && text.contains("byte 156"), "{text}");
        let mut bare = MemoryFiles::new();
        bare.add("m/poles.shp", &shp[..cut]);
        assert!(error(&bare).contains("within record 3"));
    }
    // Cut, and the header made to fit.
    let mut short = shp[..shp.len() - 4].to_vec();
    let words = (short.len() as u32 / 2).to_be_bytes();
    short[24..28].copy_from_slice(&words);
    let text = error(&whole.files().with("m/poles.shp", short));
    assert!(text.contains("GIS.SHAPEFILE.TRUNCATED") && text.contains("record 3"), "{text}");
    for length in [0, 50, 99] {
        assert!(error(&whole.files().with("m/poles.shp", &shp[..length])).contains("GIS.SHAPEFILE.UNREADABLE"));
    }
    let table = whole.table();
    let text = error(&whole.files().with("m/poles.dbf", &table[..table.len() - 10]));
    assert!(text.contains("GIS.DBF.TRUNCATED") && text.contains("record 3"), "{text}");
    assert!(error(&whole.files().with("m/poles.dbf", &table[..20])).contains("GIS.DBF.UNREADABLE"));
}

#[test]
fn parts_that_are_missing_or_disagree_are_told() {
    let whole = Shapefile::poles();
    let (shp, shx) = whole.main_and_index();
    let alone = read(&MemoryFiles::new().with("m/poles.shp", shp.clone())).unwrap();
    assert_eq!(codes(&alone), ["GIS.SHAPEFILE.SHX_MISSING", "GIS.SHAPEFILE.DBF_MISSING"]);
    assert_eq!(alone.features.len(), 3);
    let mut fewer = Shapefile::poles();
    fewer.rows.pop();
    let text = error(&whole.files().with("m/poles.dbf", fewer.table()));
    assert!(text.contains("GIS.SHAPEFILE.COUNT_MISMATCH") && text.contains("3 shapes and 2 rows"), "{text}");
    let mut wrong = shx.clone();
    wrong[111] ^= 2;
    assert!(error(&whole.files().with("m/poles.SHX", wrong)).contains("GIS.SHAPEFILE.BAD_INDEX"));
    let mut over = shx.clone();
    over.copy_within(100..108, 108);
    over.copy_within(100..108, 116);
    let stacked = read(&whole.files().with("m/poles.SHX", over)).unwrap();
    assert!(codes(&stacked).contains(&"GIS.SHAPEFILE.RECORD_NUMBERS"));
    let mut short = shx;
    short.truncate(116);
    short[24..28].copy_from_slice(&58u32.to_be_bytes());
    fewer.shapes.pop();
    let layer = read(&whole.files().with("m/poles.SHX", short).with("m/poles.dbf", fewer.table())).unwrap();
    assert_eq!((layer.features.len(), codes(&layer).contains(&"GIS.SHAPEFILE.INDEX_COUNT")), (2, true));
}

#[test]
fn shapes_of_other_kinds_null_deleted_and_senseless_are_counted() {
    let mut mixed = Shapefile::poles();
    let cell = mixed.rows[0].1.clone();
    mixed.shapes = vec![
        point(1, 11.4, 53.6),
        line(13, &[&[[0.0, 0.0], [1.0, 1.0]], &[[2.0, 2.0], [3.0, 3.0]]], true),
        0u32.to_le_bytes().to_vec(),
        point(99, 1.0, 2.0),
        point(1, f64::NAN, 2.0),
        point(1, 9.0, 9.0),
        line(3, &[&[[0.0, 0.0]]], false),
        line(3, &[&[[0.0, 0.0], [1.0, 1.0]]], false)[..60].to_vec(),
    ];
    mixed.rows = (0..8).map(|k| (k == 5, cell.clone())).collect();
    let layer = read(&mixed.files()).unwrap();
    assert_eq!(layer.geometry_kinds(), [("Point", 1), ("MultiLineString", 1), ("none", 1)]);
    let reasons: Vec<&str> = layer.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert!(reasons[0].starts_with("record 4 at byte ") && reasons[0].contains("kind of shape 99 is unknown"));
    assert!(reasons[1].contains("not a finite number") && reasons[2].contains("a line has 1 point") && reasons[3].contains("too few"));
    assert!(layer.rejects[0].text.contains("NAME=p0"));
    assert!(codes(&layer).contains(&"GIS.SHAPEFILE.MIXED_SHAPES"));
    let dropped: usize = layer.ledger.dropped().map(|e| e.count).sum();
    assert_eq!(dropped, 3, "a height, a null shape, a deleted record: {:?}", layer.ledger);
}

#[test]
fn encodings_are_declared_assumed_or_refused() {
    let with = |text: &[u8], language: u8, cpg: Option<&str>| {
        let mut shapefile = Shapefile::poles();
        let mut cell = text.to_vec();
        cell.resize(10, b' ');
        shapefile.rows[1].1[0] = cell;
        shapefile.rows[2].1[1] = b"1.00    ".to_vec();
        shapefile.language = language;
        let mut files = shapefile.files();
        if let Some(label) = cpg {
            files.add("m/poles.cpg", label);
        }
        read(&files)
            .map(|l| (l.features[1].values[0].to_string(), codes(&l).iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()))
            .map_err(|e| e.to_string())
    };
    assert_eq!(with(b"M\xfchle", 0x57, None), Ok(("Mühle".into(), vec![])));
    assert_eq!(with(b"M\x81hle", 0x02, None), Ok(("Mühle".into(), vec![])));
    assert_eq!(with("Mühle".as_bytes(), 0, Some("UTF-8")), Ok(("Mühle".into(), vec![])));
    assert_eq!(with(b"M\xfchle", 0, None), Ok(("Mühle".into(), vec!["GIS.TEXT.ENCODING_ASSUMED".into()])));
    assert_eq!(with("Mühle".as_bytes(), 0, None), Ok(("Mühle".into(), vec!["GIS.TEXT.ENCODING_ASSUMED".into()])));
    assert_eq!(with("Mühle".as_bytes(), 0x57, None), Ok(("MÃ¼hle".into(), vec!["GIS.TEXT.ENCODING_DOUBTFUL".into()])));
    let wrong = with(b"M\xfchle", 0, Some("UTF-8")).unwrap_err();
    assert!(wrong.contains("GIS.TEXT.BAD_ENCODING") && wrong.contains("record 2") && wrong.contains("NAME"), "{wrong}");
    assert!(with(b"x", 0, Some("klingon")).unwrap_err().contains("GIS.TEXT.UNKNOWN_ENCODING"));
    // A letter that the width of the field has cut in two.
    assert_eq!(with("Straßenmüü".as_bytes().split_at(10).0, 0, Some("UTF-8")), Ok(("Straßenm".into(), vec![])));
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn archives_are_bounded_and_stay_inside() {
    let shapefile = Shapefile::poles();
    let (shp, shx) = shapefile.main_and_index();
    let table = shapefile.table();
    let bytes = zip(&[("map/poles.shp", &shp), ("map/poles.shx", &shx), ("map/poles.dbf", &table), ("map/readme.txt", b"x")]);
    let read = |bytes: &[u8], limits: Limits| {
        let options = LayerOptions { limits, ..LayerOptions::default() };
        read_layers(&MemoryFiles::new().with("a.zip", bytes), Path::new("a.zip"), &options)
    };
    assert_eq!(read(&bytes, Limits::default()).unwrap()[0].features.len(), 3);
    let small = Limits { unpacked_bytes: 500, ..Limits::default() };
    assert!(read(&bytes, small).unwrap_err().to_string().contains("GIS.ARCHIVE.TOO_LARGE"));
    let few = Limits { files: 2, ..Limits::default() };
    assert!(read(&bytes, few).unwrap_err().to_string().contains("GIS.ARCHIVE.TOO_LARGE"));
    let bomb = zip(&[("big.shp", &vec![0u8; 40 << 20])]);
    assert!(bomb.len() < 100_000);
    assert!(read(&bomb, Limits::default()).unwrap_err().to_string().contains("GIS.ARCHIVE.TOO_LARGE"));
    let out = zip(&[("../../poles.shp", &shp)]);
    assert!(read(&out, Limits::default()).unwrap_err().to_string().contains("outside the archive"));
    assert!(read(&bytes[..bytes.len() / 2], Limits::default()).unwrap_err().to_string().contains("GIS.ARCHIVE.UNREADABLE"));
    assert!(read(&zip(&[]), Limits::default()).unwrap_err().to_string().contains("GIS.LAYER.NONE"));
}

#[test]
fn a_folder_is_read_whole_and_strangers_are_passed_over() {
    let files = Shapefile::poles()
        .files()
        .with("m/lines.geojson", r#"{"type":"FeatureCollection","features":[]}"#)
        .with("m/package.json", "{\"name\":\"x\"}")
        .with("m/sub/t.csv", "lon,lat\n1,2\n")
        .with("m/notes.txt", "nothing");
    let names =
        |options: &LayerOptions| read_layers(&files, Path::new("m"), options).unwrap().iter().map(|l| l.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&LayerOptions::default()), ["lines", "poles", "t"]);
    assert_eq!(names(&LayerOptions { layers: vec!["POLES".into()], ..LayerOptions::default() }), ["poles"]);
    let fault = |path: &str| read_layers(&files, Path::new(path), &LayerOptions::default()).unwrap_err().to_string();
    assert!(fault("m/package.json").contains("GIS.GEOJSON.NOT_GEOJSON"));
    assert!(fault("nowhere.shp").contains("GIS.FILE.UNREADABLE"));
}

/// A generator of its own, so that a failure can be had again.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut spoilt = bytes.to_vec();
        for _ in 0..1 + self.below(6) {
            if spoilt.is_empty() {
                break;
            }
            let at = self.below(spoilt.len());
            match self.below(5) {
                0 => spoilt.truncate(at),
                1 => spoilt[at] = [0, 0xff, 0x7f, 0x80][self.below(4)],
                2 => spoilt[at] ^= 1 << self.below(8),
                3 => {
                    let end = (at + 4).min(spoilt.len());
                    spoilt[at..end].fill(0xff);
                }
                _ => {
                    let from = self.below(spoilt.len());
                    let n = self.below(16).min(spoilt.len() - at.max(from));
                    spoilt.copy_within(from..from + n, at);
                }
            }
        }
        spoilt
    }
}

fn survive(files: &MemoryFiles, path: &str) {
    match read_layers(files, Path::new(path), &LayerOptions::default()) {
        Ok(layers) => {
            for layer in layers {
                assert!(layer.features.iter().all(|f| f.values.len() == layer.fields.len()));
                if let Ok(wgs84) = layer.to_wgs84() {
                    assert!(
                        wgs84
                            .features
                            .iter()
                            .filter_map(|f| f.geometry.as_ref())
                            .all(|g| g.coords().all(|c| c[0].is_finite() && c[1].is_finite()))
                    );
                }
            }
        }
        Err(e) => assert!(!e.diagnostics.is_empty()),
    }
}

#[test]
fn spoilt_shapefiles_never_panic() {
    let mut random = Lcg(20_260_101);
    let mut shapefile = Shapefile::poles();
    shapefile.shapes[1] =
        line(15, &[&[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], &[[2.0, 2.0], [3.0, 3.0], [3.0, 2.0], [2.0, 2.0]]], true);
    let (shp, shx) = shapefile.main_and_index();
    let table = shapefile.table();
    let prj = br#"PROJCS["u",GEOGCS["g",DATUM["D_WGS_1984",SPHEROID["W",6378137,298.257223563]],PRIMEM["G",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["Central_Meridian",9],PARAMETER["Scale_Factor",0.9996],UNIT["Meter",1]]"#;
    for round in 0..400 {
        let pick = round % 4;
        let part = |n: usize, bytes: &[u8], random: &mut Lcg| if pick == n { random.spoil(bytes) } else { bytes.to_vec() };
        let files = MemoryFiles::new()
            .with("m/poles.shp", part(0, &shp, &mut random))
            .with("m/poles.shx", part(1, &shx, &mut random))
            .with("m/poles.dbf", part(2, &table, &mut random))
            .with("m/poles.prj", part(3, prj, &mut random));
        survive(&files, "m/poles.shp");
    }
}

#[test]
fn spoilt_texts_never_panic() {
    let mut random = Lcg(7);
    let geojson = br#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:25832"}},"features":[{"type":"Feature","id":1,"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]},"properties":{"a":[1],"b":1.5}},{"type":"Feature","geometry":null,"properties":null}]}"#;
    let csv = b"id,wkt,n\n1,\"MULTILINESTRING((0 0,1 1),(2 2,3 3))\",5\n2,POINT Z(1 2 3),0.5\n";
    for _ in 0..400 {
        survive(&MemoryFiles::new().with("a.geojson", random.spoil(geojson)), "a.geojson");
        survive(&MemoryFiles::new().with("a.csv", random.spoil(csv)), "a.csv");
    }
}

fn case(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/gis_layers").join(name)).unwrap()
}

fn unzipped(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .filter_map(|k| {
            let mut entry = archive.by_index(k).unwrap();
            let mut content = Vec::new();
            std::io::copy(&mut entry, &mut content).unwrap();
            entry.is_file().then(|| (entry.name().unwrap().into_owned(), content))
        })
        .collect()
}

#[test]
fn spoilt_geodatabases_never_panic() {
    let files = unzipped(&case("assets_v10.gdb.zip"));
    let tables: Vec<usize> = files.iter().enumerate().filter(|(_, (n, _))| n.contains(".gdbtabl")).map(|(k, _)| k).collect();
    let mut random = Lcg(99);
    for _ in 0..400 {
        let spoilt = tables[random.below(tables.len())];
        let mut memory = MemoryFiles::new();
        for (k, (name, content)) in files.iter().enumerate() {
            memory.add(name, if k == spoilt { random.spoil(content) } else { content.clone() });
        }
        survive(&memory, "assets.gdb");
    }
}

#[test]
fn a_damaged_geodatabase_tells_table_and_row() {
    let files = unzipped(&case("assets_v10.gdb.zip"));
    let with = |change: Change<'_>| {
        let mut memory = MemoryFiles::new();
        for (name, content) in &files {
            if let Some(content) = change(name, content) {
                memory.add(name, content);
            }
        }
        read_layers(&memory, Path::new("assets.gdb"), &LayerOptions::default()).map_err(|e| e.to_string())
    };
    let whole = with(&|_, c| Some(c.to_vec())).unwrap();
    let poles = whole.iter().find(|l| l.name == "poles").unwrap();
    assert_eq!(poles.features.len(), 3);
    let is = |name: &str, ending: &str| name.ends_with(&format!("a00000009.{ending}"));
    let cut = with(&|n, c| Some(if is(n, "gdbtable") { c[..c.len() - 8].to_vec() } else { c.to_vec() })).unwrap_err();
    assert!(cut.contains("GIS.GDB.TRUNCATED") && cut.contains("row 3"), "{cut}");
    let no_index = with(&|n, c| (!is(n, "gdbtablx")).then(|| c.to_vec())).unwrap_err();
    assert!(no_index.contains("GIS.GDB.INDEX_MISSING"), "{no_index}");
    let none = with(&|n, c| (!is(n, "gdbtable")).then(|| c.to_vec())).unwrap_err();
    assert!(none.contains("GIS.GDB.UNREADABLE") && none.contains("no file"), "{none}");
    let version = with(&|n, c| Some(if is(n, "gdbtable") { [&[9u8][..], &c[1..]].concat() } else { c.to_vec() })).unwrap_err();
    assert!(version.contains("version is 9"), "{version}");
    // Every row of the index on the first one.
    let stacked = with(&|n, c| {
        let mut c = c.to_vec();
        if is(n, "gdbtablx") {
            for k in 1..1024 {
                c.copy_within(16..21, 16 + 5 * k);
            }
            c[8..12].copy_from_slice(&1024u32.to_le_bytes());
        }
        Some(c)
    })
    .unwrap_err();
    assert!(stacked.contains("on top of one another"), "{stacked}");
}

#[test]
fn geodatabases_of_both_layouts_hold_every_kind_of_value() {
    for (name, newer) in [("assets_v10.gdb.zip", false), ("assets_pro32.gdb.zip", true)] {
        let all = read_layers(&MemoryFiles::new().with(name, case(name)), Path::new(name), &LayerOptions::default()).unwrap();
        let poles = all.iter().find(|l| l.name == "poles").unwrap();
        assert_eq!((poles.rejects.len(), poles.diagnostics.len()), (0, 0), "{:?}", poles.diagnostics);
        let text = |row: usize, field: &str| poles.value(&poles.features[row], field).unwrap_or_else(|| panic!("{field}")).to_string();
        assert_eq!(text(0, "name"), "Mühle 1");
        assert_eq!(text(1, "name"), "");
        assert_eq!(text(0, "kva"), "37.5");
        assert_eq!(text(2, "small"), "-7");
        assert_eq!(text(0, "seen"), "2024-02-29T12:30:15");
        if newer {
            assert_eq!(text(2, "big"), "9007199254740993");
            assert_eq!(text(0, "built"), "2012-02-29");
        }
        assert_eq!(poles.crs.as_ref().unwrap().epsg.or(Some(25832)), Some(25832));
        let wgs84 = poles.to_wgs84().unwrap();
        assert!(
            matches!(wgs84.features[0].geometry, Some(Geometry::Point([x, y])) if (x - 11.411).abs() < 1e-6 && (y - 53.6407).abs() < 1e-6)
        );
        let spans = all.iter().find(|l| l.name == "spans").unwrap();
        assert_eq!(spans.geometry_kinds(), [("LineString", 1), ("MultiLineString", 1), ("none", 1)]);
        assert_eq!(spans.ledger.dropped().filter(|e| e.field == "spans.geometry.z").map(|e| e.count).sum::<usize>(), 2);
    }
}
