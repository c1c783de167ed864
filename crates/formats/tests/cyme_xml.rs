//! CYME studies in XML: the samples, a study of our own with every kind of device, and what must be refused.

use formats::MemoryFiles;
use formats::cyme::Model;
use formats::cyme::codes::{ConductorPosition, LoadValueType, Location, Phases, RegulatorOption, Side};
use formats::cyme::model::{GeneratorKind, SwitchKind};
use formats::cyme::xml;
use std::path::{Path, PathBuf};

/// The folder of sample files, or none with a line that says so.
fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("GRIDTWIN_FORMATS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats"), PathBuf::from);
    let folder = folder.join("cyme/xml");
    if !folder.is_dir() {
        println!("skipped: no sample files at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn case(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/cyme_xml/every_kind").join(name)).unwrap()
}

fn read(files: &MemoryFiles, path: &str) -> Model {
    let (model, report) = xml::read_model(files, Path::new(path)).unwrap();
    assert_eq!(report.rejects, []);
    assert_eq!(report.diagnostics, []);
    model
}

/// The two parts in one file.
fn joined() -> Vec<u8> {
    let (network, equipment) = (String::from_utf8(case("network.xml")).unwrap(), String::from_utf8(case("equipment.xml")).unwrap());
    let start = equipment.find("<Equipments>").unwrap();
    let end = equipment.find("</Cyme>").unwrap();
    network.replace("</Cyme>", &format!("{}</Cyme>", &equipment[start..end])).into_bytes()
}

#[test]
fn every_kind_of_device_is_read_with_its_codes() {
    let files = MemoryFiles::new().with("study.sxst", joined());
    let model = read(&files, "study.sxst");
    assert_eq!((model.version.as_str(), model.sections.len(), model.nodes.len()), ("7.2", 33, 35));
    assert_eq!(
        (model.feeders[0].id.as_str(), model.feeders[0].head_node.as_str(), model.feeders[0].group_1.as_str()),
        ("F1", "N0", "North")
    );
    assert!(model.sections.iter().all(|s| s.network == "F1"));
    assert_eq!(model.sections[32].phases, Some(Phases::single(0)));
    let source = (&model.sources[0], &model.source_equivalents[0], &model.head_nodes[0]);
    assert_eq!((source.0.id.as_str(), source.0.kv_b, source.2.network.as_str()), ("GRID", Some(7.199558), "F1"));
    // The impedance in use is that of the second level; the load model is named, not numbered.
    assert_eq!((source.1.kv_ll, source.1.r1, source.1.x1, source.1.load_model.as_str()), (Some(12.47), Some(0.2), Some(0.6), "DEFAULT"));

    let line = &model.overhead_by_phase[0];
    assert_eq!((line.section.as_str(), line.length_m, line.earth_resistivity_ohm_m), ("S1", Some(762.0), Some(50.0)));
    assert_eq!(line.position, Some(ConductorPosition(vec![1, 0, 2])));
    assert_eq!((line.conductor_c.as_str(), line.neutral_1.as_str(), line.spacing.as_str()), ("ACSR", "NEUT", "POLE"));
    let bends: Vec<_> = model.intermediate_nodes.iter().map(|p| (p.section.as_str(), p.sequence, p.x, p.y)).collect();
    assert_eq!(bends, [("S1", Some(1.0), Some(1.5), Some(2.5)), ("S1", Some(2.0), Some(2.5), Some(3.5))]);
    assert_eq!((model.overhead_unbalanced.len(), model.overhead_lines.len(), model.underground_lines[0].n_parallel), (1, 3, Some(2.0)));

    let kinds: Vec<SwitchKind> = model.switches.iter().map(|(kind, _)| *kind).collect();
    use SwitchKind::{Breaker, Fuse, LvBreaker, Miscellaneous, NetworkProtector, Recloser, Sectionalizer, Switch};
    assert_eq!(kinds, [Switch, Fuse, Recloser, Breaker, Sectionalizer, NetworkProtector, LvBreaker, Miscellaneous, Switch]);
    let fuse = &model.switches[1].1;
    assert_eq!((fuse.closed_phase, fuse.normally_open, fuse.location), (Some(Phases::NONE), Some(true), Some(Location::From)));
    assert_eq!((model.switches[0].1.normally_open, model.switches[8].1.disconnected), (Some(false), true));

    let transformer = &model.transformers[0];
    let connection = transformer.connection.unwrap();
    assert_eq!((connection.primary, connection.secondary), (Side::GroundedWye, Side::Delta));
    assert_eq!(
        (transformer.primary_tap_pct, transformer.primary_base_kv, transformer.secondary_base_kv),
        (Some(102.5), Some(12.47), Some(4.16))
    );
    assert_eq!((transformer.phase_shift.as_str(), transformer.from_node.as_str()), ("330deg", "N12"));
    let bank = &model.transformers_by_phase[0];
    assert_eq!((bank.equipment_3.as_str(), bank.connection.unwrap().primary), ("X3", Side::Wye));
    assert_eq!(model.three_winding_transformers[0].tertiary_node, "N15T");
    assert_eq!((model.autotransformers.len(), model.grounding_transformers.len()), (1, 1));
    let regulator = &model.regulators[0];
    assert_eq!((regulator.tap_a, regulator.tap_b, regulator.tap_c), (Some(12.0), Some(-5.0), Some(0.0)));
    assert_eq!((regulator.option, regulator.phases), (Some(RegulatorOption::FixedTap), Some(Phases::ABC)));
    assert_eq!(
        (regulator.v_set_a, regulator.bandwidth_a, regulator.reverse_v_set_a, regulator.r_set_a),
        (Some(122.0), Some(2.0), Some(121.0), Some(2.7))
    );
    assert_eq!(model.tap_changing[0].delay_first_s, Some(4.0));
    let capacitor = &model.shunt_capacitors[0];
    assert_eq!((capacitor.fixed_kvar_c, capacitor.switched_kvar_a, capacitor.kv), (Some(50.0), Some(10.0), Some(7.2)));
    assert_eq!((model.shunt_reactors.len(), model.series_capacitors.len(), model.series_reactors.len()), (1, 1, 1));

    assert_eq!((model.photovoltaics[0].n_series, model.photovoltaics[0].n_parallel), (Some(20.0), Some(100.0)));
    assert_eq!((model.converters[0].rating_kva, model.converter_controls[0].control_type.as_str()), (Some(120.0), "FixedPowerFactor"));
    let generation: Vec<_> = model.generation_models.iter().map(|g| (g.device_number.as_str(), g.active_kw)).collect();
    assert_eq!(generation, [("PV23", Some(80.0)), ("EC24", Some(55.0))]);
    let generators: Vec<GeneratorKind> = model.generators.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(generators, [GeneratorKind::ElectronicConverter, GeneratorKind::Synchronous, GeneratorKind::Induction]);
    assert_eq!((model.bess[0].initial_soc_pct, model.induction_motors.len(), model.synchronous_motors.len()), (Some(50.0), 1, 1));
    assert_eq!(model.other_devices["Microturbine"][0].get("SectionID"), Some("S32"));

    let loads: Vec<_> = model.loads.iter().map(|l| (l.load_type.as_str(), l.location)).collect();
    assert_eq!(loads, [("SPOT", Some(Location::To)), ("DISTRIBUTED", None)]);
    let values: Vec<_> =
        model.customer_loads.iter().map(|c| (c.phases.unwrap().letters(), c.value_type, c.value_1, c.value_2, c.year.as_str())).collect();
    let expected = [
        ("A", LoadValueType::KwKvar, 10.0, 5.0),
        ("B", LoadValueType::KwPf, 20.0, 95.0),
        ("C", LoadValueType::KvaPf, 30.0, 90.0),
        ("ABC", LoadValueType::KwKvar, 60.0, 30.0),
    ];
    assert_eq!(values, expected.map(|(phase, kind, one, two)| (phase.to_owned(), Some(kind), Some(one), Some(two), "2020")));
    let class = &model.customer_classes[0];
    assert_eq!((class.id.as_str(), class.zp_pct, class.pq_pct), ("Shops", Some(40.0), Some(70.0)));

    let conductor = &model.conductors[0];
    assert_eq!(
        (conductor.r25_ohm_per_km, conductor.r50_ohm_per_km, conductor.diameter_cm, conductor.fail_rate),
        (Some(0.19), Some(0.21), Some(1.83), Some(0.1))
    );
    let spacing = &model.spacings[0];
    assert_eq!((spacing.x3_m, spacing.y1_m, spacing.xn_m, spacing.n_neutrals), (Some(2.13), Some(8.5), Some(1.2), Some(1.0)));
    assert_eq!(
        (model.cables[0].rated_level_kv, model.cable_conductors[0].cable.as_str(), model.cable_insulations[0].thickness_cm),
        (Some(15.0), "CAB", Some(0.55))
    );
    assert_eq!(model.cable_neutrals[0].n_wires, Some(20.0));
    assert_eq!((model.three_winding_types[0].z12_pct, model.three_winding_types[0].shift_13.as_str()), (Some(8.0), "30deg"));
    assert_eq!((model.substation_types[0].r1, model.substation_types[0].kv_ll_desired), (Some(0.1), Some(12.6)));
    assert_eq!((model.autotransformer_types[0].rg_ohm, model.grounding_transformer_types[0].kv), (Some(0.5), Some(12.47)));
    assert_eq!(model.generator_types[0].1.kva, Some(60.0));
}

/// The model without the places that its records come from.
fn without_places(model: &Model) -> String {
    let text = format!("{model:?}");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("SourceRef {") {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[rest.find('}').map_or(rest.len(), |end| end + 1)..];
    }
    kept.push_str(rest);
    kept
}

#[test]
fn parts_encodings_and_packing_make_no_difference() {
    let whole = without_places(&read(&MemoryFiles::new().with("s.sxst", joined()), "s.sxst"));
    let split = MemoryFiles::new()
        .with("a/network.xml", case("network.xml"))
        .with("a/equipment.xml", case("equipment.xml"))
        .with("a/notes.xml", "<html></html>");
    for named in ["a/network.xml", "a/equipment.xml", "a"] {
        // Records of the model stand by kind, so it does not show which file came first.
        assert_eq!(without_places(&read(&split, named)), whole, "{named}");
    }
    let text = String::from_utf8(joined()).unwrap();
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
    for bytes in [utf16, marked, packer.finish().unwrap()] {
        assert_eq!(without_places(&read(&MemoryFiles::new().with("s.sxst", bytes), "s.sxst")), whole);
    }
}

#[test]
fn the_samples_fill_the_model_without_a_fault() {
    let Some(folder) = samples() else { return };
    for (name, nodes, sections) in [("Example-4bus.sxst.xml", 5, 4), ("IEEE_34_node_test_feeder_modified.sxst.xml", 43, 42)] {
        let files = MemoryFiles::new().with(name, std::fs::read(folder.join(name)).unwrap());
        let model = read(&files, name);
        assert_eq!((model.version.as_str(), model.nodes.len(), model.sections.len()), ("9.0", nodes, sections), "{name}");
        assert!(!model.customer_loads.is_empty() && !model.conductors.is_empty() && model.other_devices.is_empty(), "{name}");
    }
}

fn code_of(files: &MemoryFiles, path: &str) -> String {
    xml::read_model(files, Path::new(path)).unwrap_err().diagnostics[0].code.clone()
}

#[test]
fn what_is_no_study_is_refused() {
    let code = |text: &str| code_of(&MemoryFiles::new().with("s.xml", text), "s.xml");
    assert_eq!(code(""), "CYME.XML.TRUNCATED");
    assert_eq!(code("<html><body>x</body></html>"), "CYME.XML.NOT_STUDY");
    assert_eq!(code("<Cyme Version=\"9.0\"></Cyme>"), "CYME.XML.NOT_STUDY");
    assert_eq!(
        code("<Cyme><Equipments><EquipmentDBs><FuseDB><EquipmentID>A</EquipmentID></FuseDB></EquipmentDBs></Equipments></Cyme>"),
        "CYME.XML.NETWORK_MISSING"
    );
    let bomb = "<!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]><Cyme>&b;</Cyme>";
    assert_eq!(code(bomb), "CYME.XML.DOCTYPE");
    assert_eq!(code(&format!("<Cyme><Networks>{}", "<Network>".repeat(100_000))), "CYME.XML.TOO_DEEP");
    assert_eq!(code_of(&MemoryFiles::new(), "none.xml"), "CYME.FILE.MISSING");
    let two = MemoryFiles::new().with("a.xml", case("network.xml")).with("b.xml", case("network.xml")).with("e.xml", case("equipment.xml"));
    assert_eq!(code_of(&two, "e.xml"), "CYME.XML.NETWORK_AMBIGUOUS");
}

#[test]
fn values_that_cannot_be_read_are_rejects_and_not_defaults() {
    let text = String::from_utf8(joined()).unwrap();
    let changed = text
        .replace("<Length>762.000000</Length>", "<Length>long</Length>")
        .replace("<GMR>0.743</GMR>", "<GMR>0,743</GMR>")
        .replacen("<Phase>ABC</Phase>", "<Phase>RST</Phase>", 1);
    let files = MemoryFiles::new().with("s.xml", changed);
    let (model, report) = xml::read_model(&files, Path::new("s.xml")).unwrap();
    assert_eq!(report.rejects.len(), 3);
    let codes: Vec<&str> = report.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["CYME.RECORD.UNREADABLE", "CYME.RECORD.UNREADABLE", "CYME.CATALOGUE.UNREADABLE"]);
    assert!(report.rejects[1].reason.contains("`long`") && report.rejects[1].source.line > 0, "{:?}", report.rejects[1]);
    assert_eq!((model.sections.len(), model.overhead_by_phase.len(), model.conductors.len()), (32, 0, 1));
}

#[test]
fn mutated_studies_never_panic() {
    let text = joined();
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let mut refused = 0;
    for round in 0..300 {
        let mut changed = text.clone();
        match round % 4 {
            0 => changed.truncate(next() % changed.len()),
            1 => {
                for _ in 0..4 {
                    let at = next() % changed.len();
                    changed[at] = u8::try_from(next() % 256).unwrap();
                }
            }
            2 => {
                let (at, n) = (next() % changed.len(), next() % 400);
                let end = (at + n).min(changed.len());
                changed.drain(at..end);
            }
            _ => {
                let (from, n, to) = (next() % changed.len(), next() % 400, next() % changed.len());
                let piece = changed[from..(from + n).min(changed.len())].to_vec();
                changed.splice(to..to, piece);
            }
        }
        let files = MemoryFiles::new().with("s.xml", changed);
        refused += usize::from(xml::read_model(&files, Path::new("s.xml")).is_err());
    }
    assert!(refused > 100, "{refused}");
}

/// A tree of text for shuffling: a name with its attributes, what is in it.
struct Node {
    open: String,
    inner: Inner,
}

enum Inner {
    Text(String),
    Children(Vec<Node>),
}

/// Cuts well-formed text without comments into nodes; gives what is left too.
fn parse(mut text: &str) -> (Vec<Node>, &str) {
    let mut nodes = Vec::new();
    loop {
        let trimmed = text.trim_start();
        if trimmed.is_empty() || trimmed.starts_with("</") || !trimmed.starts_with('<') {
            return (nodes, text);
        }
        let end = trimmed.find('>').unwrap();
        let open = &trimmed[1..end];
        let name = open.split_whitespace().next().unwrap();
        let rest = &trimmed[end + 1..];
        let (children, after) = parse(rest);
        let close = format!("</{name}>");
        let stop = after.find(&close).unwrap();
        let inner = if children.is_empty() { Inner::Text(after[..stop].to_owned()) } else { Inner::Children(children) };
        nodes.push(Node { open: open.to_owned(), inner });
        text = &after[stop + close.len()..];
    }
}

fn write(nodes: &[Node], into: &mut String) {
    for node in nodes {
        let name = node.open.split_whitespace().next().unwrap();
        into.push_str(&format!("<{}>", node.open));
        match &node.inner {
            Inner::Text(text) => into.push_str(text),
            Inner::Children(children) => write(children, into),
        }
        into.push_str(&format!("</{name}>"));
    }
}

/// Shuffles the fields of records and puts unknown ones between them. Lists keep their order, because the order of records counts.
fn shuffle(nodes: &mut Vec<Node>, next: &mut impl FnMut() -> usize) {
    let names: Vec<String> = nodes.iter().map(|n| n.open.clone()).collect();
    let is_list = names.len() > 1 && names.iter().all(|n| n == &names[0]) || names.iter().any(|n| n.ends_with("DB") || n == "OverheadLine");
    if !is_list {
        for i in (1..nodes.len()).rev() {
            nodes.swap(i, next() % (i + 1));
        }
        if nodes.iter().any(|n| matches!(n.inner, Inner::Text(_))) {
            let at = next() % (nodes.len() + 1);
            nodes.insert(at, Node { open: "FieldOfALaterVersion".to_owned(), inner: Inner::Text("7 or more".to_owned()) });
        }
    }
    for node in nodes {
        if let Inner::Children(children) = &mut node.inner {
            shuffle(children, next);
        }
    }
}

#[test]
fn the_order_of_fields_and_unknown_ones_make_no_difference() {
    let text = String::from_utf8(joined()).unwrap();
    let whole = without_places(&read(&MemoryFiles::new().with("s.xml", text.as_str()), "s.xml"));
    // Other devices keep all that is told of them, so a field more is kept there too.
    let known = |model: &str| model[..model.find("other_devices").unwrap()].to_owned();
    let start = text.find("<Cyme").unwrap();
    let mut seed = 0xD1B5_4A32_D192_ED03u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    for _ in 0..20 {
        let (mut nodes, _) = parse(&text[start..]);
        shuffle(&mut nodes, &mut next);
        let mut shuffled = String::new();
        write(&nodes, &mut shuffled);
        assert_ne!(shuffled, text[start..]);
        let model = without_places(&read(&MemoryFiles::new().with("s.xml", shuffled), "s.xml"));
        assert_eq!(known(&model), known(&whole));
    }
}

#[test]
fn a_missing_field_is_an_absent_value_and_a_missing_key_a_finding() {
    let text = String::from_utf8(joined()).unwrap();
    let without = |element: &str| {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut rest = text.as_str();
        let mut kept = String::new();
        while let Some(at) = rest.find(&open) {
            kept.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find(&close).unwrap() + close.len()..];
        }
        kept.push_str(rest);
        xml::read_model(&MemoryFiles::new().with("s.xml", kept), Path::new("s.xml")).map_err(|e| e.diagnostics[0].code.clone())
    };
    let (model, report) = without("EarthResistivity").unwrap();
    assert_eq!((model.overhead_by_phase[0].earth_resistivity_ohm_m, report.rejects.len()), (None, 0));
    let (model, report) = without("ConnectionStatus").unwrap();
    assert!(!model.switches[8].1.disconnected && report.diagnostics.is_empty());
    // Sections without phases are none.
    assert_eq!(without("SectionID").unwrap_err(), "CYME.XML.NETWORK_MISSING");
    let (model, report) = without("SourceNodeID").unwrap();
    assert_eq!((model.sources.len(), report.diagnostics[0].code.as_str()), (0, "CYME.SOURCE.WITHOUT_NODE"));
}
