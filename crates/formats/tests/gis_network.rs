//! Maps become networks: connectivity, findings, guesses, mutated inputs, and networks written and read back.

use formats::gis::export::{read_csv, read_geojson, write_csv, write_geojson};
use formats::gis::mapping::{Attribute, LayerKind};
use formats::gis::{Feature, Field, FieldKind, Geometry, GisOptions, Layer, Mapping, Value, network_of, read_paths};
use formats::{FileSource, MemoryFiles};
use network::{AssetKind, Disposition, Imported, Severity, SourceRef};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/gis").join(name)
}

/// Files of a case in memory, under their names.
fn files_of(folder: &Path) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for entry in std::fs::read_dir(folder).expect("the case is there") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            files.add(path.file_name().expect("a name"), std::fs::read(&path).expect("it reads"));
        }
    }
    files
}

const STREET: [&str; 9] =
    ["PrimaryConductor", "SecondaryConductor", "Switch", "Fuse", "Transformer", "ServicePoint", "CapacitorBank", "Pole", "FeederHead"];

fn street() -> (Imported, Mapping) {
    let files = files_of(&case("street"));
    let options = GisOptions { mapping_file: Some("mapping.yaml".into()), ..GisOptions::default() };
    let paths: Vec<PathBuf> = STREET.iter().map(|l| format!("{l}.geojson").into()).collect();
    read_paths(&files, &paths, &options).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_slip_of_the_street_is_found() {
    let (imported, _) = street();
    let rows: BTreeSet<String> = imported
        .diagnostics
        .iter()
        .filter(|d| !d.code.starts_with("GIS.MAPPING"))
        .map(|d| format!("{},{}", d.code, d.element.as_deref().unwrap_or_default()))
        .collect();
    let actual = rows.into_iter().collect::<Vec<_>>().join("\n");
    let n = &imported.network;
    let elements: BTreeSet<String> = n
        .order
        .iter()
        .map(|&id| {
            let common = n.common(id);
            let buses: Vec<&str> =
                common.terminals.iter().filter(|t| t.nodes.iter().any(|&k| k != 0)).map(|t| n.bus(t.bus).name.as_str()).collect();
            let nodes: Vec<String> = common.terminals.first().map_or(Vec::new(), |t| t.nodes.iter().map(u32::to_string).collect());
            format!("{},{},{},{},{:?}", n.full_name(id), buses.join(" "), nodes.join("."), common.feeder, id.kind)
        })
        .collect();
    let elements = elements.into_iter().collect::<Vec<_>>().join("\n");
    for (name, actual) in [("findings.csv", actual), ("elements.csv", elements)] {
        let path = case("street/expected").join(name);
        if std::env::var_os("GRIDTWIN_UPDATE").is_some_and(|v| v == "1") {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, format!("{actual}\n")).expect("written");
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(expected.trim_end(), actual, "{name}; GRIDTWIN_UPDATE=1 stores what is right");
    }
    // Findings about places have them.
    for code in [
        "GIS.LINE.CROSSING",
        "GIS.LINE.DANGLING",
        "GIS.LINE.NEAR_MISS",
        "GIS.PART.UNREACHABLE",
        "GIS.LINE.DUPLICATE",
        "GIS.LINE.ZERO_LENGTH",
    ] {
        let found: Vec<_> = imported.diagnostics.iter().filter(|d| d.code == code).collect();
        assert!(!found.is_empty() && found.iter().all(|d| d.place.is_some()), "{code}");
    }
    // P15 does not read and the second P1 is a duplicate; P12 has no length.
    assert_eq!(imported.rejects.len(), 3, "{:?}", imported.rejects);
    assert_eq!(n.assets.iter().filter(|a| a.kind == AssetKind::Pole).count(), 2);
    assert!(n.assets.iter().any(|a| a.id == "P14" && a.element.is_none()), "what is proposed is an asset");
}

#[test]
fn electrical_data_of_the_street() {
    let (imported, _) = street();
    let n = &imported.network;
    let line = |name: &str| n.lines.iter().find(|l| l.common.name == name).unwrap_or_else(|| panic!("{name}"));
    // 100 m on the ellipsoid, from coordinates of eight decimals.
    assert!((line("p1").length - 0.1).abs() < 2e-6, "{}", line("p1").length);
    let halves = line("p3").length + line("p3_s2").length;
    assert!((halves - 0.1).abs() < 2e-6 && (line("p3").length - 0.05).abs() < 2e-6);
    assert_eq!(line("p1").common.rating.normal_a, 530.0);
    assert!(!line("sw1").common.terminals[0].closed.iter().any(|c| *c), "the tie is open");
    assert_ne!(line("sw1").common.terminals[0].bus, line("sw1").common.terminals[1].bus);
    let t1 = &n.transformers[0];
    // One phase: the voltage across the winding is that to earth, the second one is told as it is.
    assert!((t1.windings[0].kv - 12.47 / 3f64.sqrt()).abs() < 1e-9 && t1.windings[1].kv == 0.24);
    let secondary = n.bus(t1.common.terminals[1].bus);
    assert!((secondary.kv_base_ln - 0.24).abs() < 1e-12);
    let load = |name: &str| n.loads.iter().find(|l| l.common.name == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(load("m2").common.terminals[0].bus, t1.common.terminals[1].bus);
    assert!((load("m1").q_kvar - 5.0 * (1.0 / 0.9025f64 - 1.0).sqrt()).abs() < 1e-9);
    assert_eq!((load("m1").common.n_phases, load("m1").kv), (1, 0.24));
    assert_eq!(load("m1").common.feeder, "F1", "the feeder follows from the trace");
    // What was defaulted is told with its reason.
    let told = |field: &str| {
        imported
            .ledger
            .entries
            .iter()
            .any(|e| e.field == field && matches!(&e.disposition, Disposition::Defaulted { reason, .. } if !reason.is_empty()))
    };
    assert!(told("Transformer.z_pct") && told("ServicePoint.power_factor") && told("line.zero_sequence"));
}

#[test]
fn guesses_are_told_and_the_mapping_that_was_used_reads_the_same() {
    let (first, used) = street();
    let guessed: Vec<_> = first.diagnostics.iter().filter(|d| d.code == "GIS.MAPPING.GUESSED").collect();
    assert!(guessed.iter().any(|d| d.message.contains("Fuse is taken as fuse")), "{guessed:?}");
    assert!(guessed.iter().any(|d| d.detail.as_deref().is_some_and(|t| t.contains("kv from NOMINALVOLTAGE in V"))));
    let text = used.to_yaml().unwrap_or_else(|e| panic!("{e}"));
    let mut files = files_of(&case("street"));
    files.add("used.yaml", text.as_bytes());
    let options = GisOptions { mapping_file: Some("used.yaml".into()), ..GisOptions::default() };
    let paths: Vec<PathBuf> = STREET.iter().map(|l| format!("{l}.geojson").into()).collect();
    let (again, _) = read_paths(&files, &paths, &options).unwrap_or_else(|e| panic!("{e}"));
    assert!(again.network == first.network);
}

fn layer(name: &str, fields: &[&str], rows: Vec<(Option<Geometry>, Vec<Value>)>) -> Layer {
    let mut l = Layer::new(name, SourceRef::new(format!("{name}.shp"), 0));
    l.crs = Some(formats::gis::Crs::wgs84());
    l.fields = fields.iter().map(|f| Field::new(*f, FieldKind::Mixed)).collect();
    let features = rows.into_iter().enumerate().map(|(i, (geometry, values))| Feature {
        id: i as u64 + 1,
        geometry,
        values,
        source: SourceRef::new(format!("{name}.shp"), i as u32 + 1),
    });
    l.features = features.collect();
    l
}

#[test]
fn names_of_shapefiles_and_of_the_utility_network_are_recognised() {
    let line = || Some(Geometry::LineString(vec![[8.0, 50.0], [8.001, 50.0]]));
    let point = || Some(Geometry::Point([8.0, 50.0]));
    let layers = vec![
        layer(
            "PriOHElectricLineSegment",
            &["FACILITYID", "PHASEDESIG", "FEEDERID", "OPERATINGV", "MEASUREDLE", "CONSTRUCTI"],
            vec![(
                line(),
                vec![
                    Value::text("A1"),
                    Value::Integer(5),
                    Value::text("F"),
                    Value::Integer(7200),
                    Value::Real(300.0),
                    Value::text("In Service"),
                ],
            )],
        ),
        layer(
            "DistributionTransformer",
            &["FACILITYID", "RATEDKVA", "PHASEDESIG"],
            vec![(point(), vec![Value::text("T"), Value::Integer(50), Value::Integer(4)])],
        ),
        layer("SupportStructure", &["OBJECTID"], vec![(point(), vec![Value::Integer(1)])]),
        layer("ServicePoint", &["METERNO", "TLM"], vec![(point(), vec![Value::text("9"), Value::text("T")])]),
        layer("SubstationBoundary", &["NAME"], vec![(point(), vec![Value::text("x")])]),
    ];
    let (imported, used) = network_of(layers, &Mapping::default(), &[], "guess").unwrap_or_else(|e| panic!("{e}"));
    let kind = |name: &str| used.layers.iter().find(|l| l.layer == name).map(|l| l.kind);
    assert_eq!(kind("PriOHElectricLineSegment"), Some(LayerKind::Line));
    assert_eq!(kind("DistributionTransformer"), Some(LayerKind::Transformer));
    assert_eq!(kind("SupportStructure"), Some(LayerKind::Pole));
    assert_eq!(kind("ServicePoint"), Some(LayerKind::Meter));
    assert_eq!(kind("SubstationBoundary"), Some(LayerKind::Other));
    let fields = &used.layers[0].fields;
    assert_eq!(fields[&Attribute::Phases].field, ["PHASEDESIG"]);
    assert_eq!((fields[&Attribute::Kv].field[0].as_str(), fields[&Attribute::Kv].unit.as_deref()), ("OPERATINGV", Some("V")));
    assert_eq!((fields[&Attribute::Length].field[0].as_str(), fields[&Attribute::Length].unit.as_deref()), ("MEASUREDLE", Some("ft")));
    // Nothing of it can be solved, and that is said.
    for code in ["GIS.SOURCE.MISSING", "GIS.ELEMENT.NO_DATA", "GIS.MAPPING.FREQUENCY"] {
        assert!(imported.diagnostics.iter().any(|d| d.code == code), "{code}");
    }
    assert_eq!((imported.network.lines.len(), imported.network.unmodelled.len()), (0, 2));
    assert_eq!(imported.network.assets.len(), 5);
}

#[test]
fn coded_values_and_joined_tables() {
    let mut lines = layer(
        "lines",
        &["ID", "KVCODE", "WIRE"],
        vec![
            (Some(Geometry::LineString(vec![[8.0, 50.0], [8.01, 50.0]])), vec![Value::text("a"), Value::Integer(3), Value::text("W1")]),
            (Some(Geometry::LineString(vec![[8.01, 50.0], [8.02, 50.0]])), vec![Value::text("b"), Value::Integer(9), Value::text("W2")]),
        ],
    );
    lines.fields[1].domain =
        Some(formats::gis::layer::Domain { name: "kv".into(), coded: vec![(Value::Integer(3), "20 kV".into())], range: None });
    let wires = layer(
        "wires",
        &["CODE", "OHM"],
        vec![(None, vec![Value::text("w1"), Value::text("0.25")]), (None, vec![Value::text("w2"), Value::text("much")])],
    );
    let text = "
version: 1
frequency_hz: 50
guess: false
layers:
  - layer: lines
    kind: line
    joins: [{table: wires, key: WIRE, on: CODE, take: {ohm: OHM}}]
    fields:
      id: ID
      kv: KVCODE
      r1: ohm
      x1: {default: 0.4, reason: a test}
      r0: {default: 1, reason: a test}
      x0: {default: 1, reason: a test}
      phases: {default: ABC, reason: a test}
";
    let mapping = Mapping::from_yaml(text, "m.yaml").unwrap_or_else(|e| panic!("{e}"));
    let (imported, _) = network_of(vec![lines.clone(), wires.clone()], &mapping, &[], "t").unwrap_or_else(|e| panic!("{e}"));
    let [a] = imported.network.lines.as_slice() else { panic!("one line: {:?}", imported.diagnostics) };
    assert!((imported.network.bus(a.common.terminals[0].bus).kv_base_ln * 3f64.sqrt() - 20.0).abs() < 1e-9);
    assert!(matches!(a.impedance, network::LineImpedance::Sequence { z1_ohm, .. } if z1_ohm.re == 0.25));
    // "much" is no resistance: the line is a reject, not a line with a default.
    assert_eq!(imported.rejects.len(), 1);
    assert!(imported.diagnostics.iter().any(|d| d.code == "GIS.VALUE.UNFIT" && d.severity == Severity::Error));
    for (from, to, code) in [
        ("table: wires", "table: wirez", "GIS.MAPPING.TABLE"),
        ("on: CODE", "on: KODE", "GIS.MAPPING.FIELD"),
        ("kv: KVCODE", "kv: KV", "GIS.MAPPING.FIELD"),
        ("layer: lines", "layer: line", "GIS.MAPPING.LAYER"),
    ] {
        let mapping = Mapping::from_yaml(&text.replace(from, to), "m.yaml").unwrap_or_else(|e| panic!("{e}"));
        let error = network_of(vec![lines.clone(), wires.clone()], &mapping, &[], "t").expect_err(to);
        assert_eq!(error.diagnostics[0].code, code);
    }
}

#[test]
fn a_network_survives_tables_and_geojson_and_edits_are_read() {
    let (imported, _) = street();
    let written = write_csv(&imported.network).unwrap_or_else(|e| panic!("{e}"));
    let names: Vec<&str> = written.iter().map(|f| f.name.as_str()).collect();
    assert!(
        ["network.csv", "buses.csv", "lines.csv", "transformers.csv", "loads.csv", "assets.csv"].iter().all(|n| names.contains(n)),
        "{names:?}"
    );
    let files_with = |edit: &dyn Fn(&str, &str) -> String| {
        let mut files = MemoryFiles::new();
        for f in &written {
            files.add(&f.name, edit(&f.name, &f.text).as_bytes());
        }
        files
    };
    let read = |edit: &dyn Fn(&str, &str) -> String| read_csv(&files_with(edit), Path::new(""));
    assert!(read(&|_, t| t.to_owned()).unwrap_or_else(|e| panic!("{e}")).network == imported.network);
    // A changed cell is what is read.
    let edited = read(&|n, t| if n == "loads.csv" { t.replacen(",5.0,", ",7.5,", 1) } else { t.to_owned() });
    let edited = edited.unwrap_or_else(|e| panic!("{e}")).network;
    assert_eq!(edited.loads.iter().map(|l| l.p_kw).fold(0.0, f64::max), 7.5);
    // A removed row, a bus that is not there, and a cell that is no number are found with their lines.
    let removed = read(&|n, t| {
        if n == "lines.csv" {
            t.lines().enumerate().filter(|(i, _)| *i != 2).map(|(_, l)| format!("{l}\n")).collect()
        } else {
            t.to_owned()
        }
    });
    assert_eq!(removed.expect_err("a row is missing").diagnostics[0].code, "GIS.TABLES.ROW");
    let unknown = read(&|n, t| if n == "buses.csv" { t.replacen("t2_2", "t2_3", 1) } else { t.to_owned() });
    assert_eq!(unknown.expect_err("a bus is missing").diagnostics[0].code, "GIS.TABLES.ROW");
    let text = write_geojson(&imported.network).unwrap_or_else(|e| panic!("{e}"));
    let files = MemoryFiles::new().with("n.geojson", text.as_bytes());
    assert!(read_geojson(&files, Path::new("n.geojson")).unwrap_or_else(|e| panic!("{e}")).network == imported.network);
    // It is a map like any other, too.
    let layers =
        formats::gis::read_layers(&files, Path::new("n.geojson"), &formats::gis::LayerOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(layers.iter().map(|l| l.features.len()).sum::<usize>() >= imported.network.order.len());
}

#[test]
fn what_does_not_survive_is_refused() {
    let (imported, _) = street();
    let mut network = imported.network;
    network.loads[0].p_kw = f64::NAN;
    assert_eq!(write_csv(&network).expect_err("no number").diagnostics[0].code, "GIS.TABLES.VALUE");
}

/// Numbers for mutations (Knuth's MMIX constants).
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn mutate(random: &mut Lcg, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(out.len());
        match random.below(4) {
            0 => out[at] = b"0123456789-,.:{}[]\"\n eA"[random.below(23)],
            1 => {
                let end = (at + random.below(40)).min(out.len());
                out.drain(at..end);
            }
            2 => {
                let end = (at + random.below(60)).min(out.len());
                let piece = out[at..end].to_vec();
                let to = random.below(out.len());
                out.splice(to..to, piece);
            }
            _ => out.truncate(at.max(1)),
        }
        if out.is_empty() {
            out.push(b' ');
        }
    }
    out
}

#[test]
fn mutated_maps_mappings_and_tables_do_not_panic() {
    let folder = case("street");
    let files = files_of(&folder);
    let paths: Vec<PathBuf> = STREET.iter().map(|l| format!("{l}.geojson").into()).collect();
    let mapping = files.read(Path::new("mapping.yaml")).expect("there");
    let options = GisOptions { mapping_file: Some("mapping.yaml".into()), ..GisOptions::default() };
    let mut random = Lcg(7);
    let (mut read, mut refused) = (0, 0);
    for i in 0..300 {
        let mut mutated = files.clone();
        if i % 2 == 0 {
            mutated.add("mapping.yaml", mutate(&mut random, &mapping));
        } else {
            let name = &paths[random.below(paths.len())];
            mutated.add(name, mutate(&mut random, &files.read(name).expect("there")));
        }
        match read_paths(&mutated, &paths, &options) {
            Ok(_) => read += 1,
            Err(e) => {
                assert!(e.diagnostics.iter().any(|d| d.severity == Severity::Error));
                refused += 1;
            }
        }
    }
    assert!(read > 5 && refused > 20, "{read} read, {refused} refused");
    let (imported, _) = street();
    let written = write_csv(&imported.network).unwrap_or_else(|e| panic!("{e}"));
    let text = write_geojson(&imported.network).unwrap_or_else(|e| panic!("{e}"));
    let mut refused = 0;
    for i in 0..200 {
        let mut files = MemoryFiles::new();
        let k = random.below(written.len());
        for (j, f) in written.iter().enumerate() {
            files.add(&f.name, if j == k { mutate(&mut random, f.text.as_bytes()) } else { f.text.clone().into_bytes() });
        }
        refused += usize::from(read_csv(&files, Path::new("")).is_err());
        if i % 4 == 0 {
            let files = MemoryFiles::new().with("n.geojson", mutate(&mut random, text.as_bytes()));
            refused += usize::from(read_geojson(&files, Path::new("n.geojson")).is_err());
        }
    }
    assert!(refused > 50, "{refused} refused");
}

#[test]
fn hostile_coordinates_end_in_time() {
    // Twenty thousand points in one place, and lines that all cross.
    let n = 20_000;
    let rows = (0..n).map(|i| (Some(Geometry::Point([8.0, 50.0 + f64::from(i % 7) * 1e-9])), vec![Value::text(format!("p{i}"))])).collect();
    let fan = (0..300)
        .map(|i| {
            let a = f64::from(i) * 0.01;
            (
                Some(Geometry::LineString(vec![
                    [8.0 - a.cos() * 0.01, 50.0 - a.sin() * 0.01],
                    [8.0 + a.cos() * 0.01, 50.0 + a.sin() * 0.01],
                ])),
                vec![Value::text(format!("l{i}"))],
            )
        })
        .collect();
    let layers = vec![layer("meters", &["METER_ID"], rows), layer("lines", &["LINE_ID"], fan)];
    let (imported, _) = network_of(layers, &Mapping::default(), &[], "t").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(imported.network.assets.len(), n as usize + 300);
}
