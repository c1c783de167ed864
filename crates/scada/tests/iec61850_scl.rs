//! Configuration files: cases of our own, real files where they are at hand, and generated ones.

use scada::iec61850::scl::{self, ControlModel, Device, Scl, Signal, SignalKind};
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/scada/scl")
}

/// Real files lie beside the repository where they are; they are not part of it.
fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("../shared/formats/scl"), root.join("../../shared/formats/scl")];
    folders.retain(|f| f.is_dir());
    folders.into_iter().next()
}

fn found_points(scl: &Scl) -> Vec<String> {
    scl::points(scl)
        .iter()
        .map(|p| {
            let assets: Vec<&str> = p.assets.iter().map(AsRef::as_ref).collect();
            let control = p.control.map_or("", ControlModel::word);
            format!(
                "{}/{},{},{},{},{},{control},{},{},{}",
                p.domain,
                p.item(),
                p.cdc,
                p.basic.type_name(),
                p.unit,
                p.unit_power,
                p.has_quality,
                p.has_time,
                assets.join("|")
            )
        })
        .collect()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("an expected file").lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn cases_give_the_points_and_findings_that_were_worked_out_by_hand() {
    let mut run = 0;
    for entry in fs::read_dir(cases()).expect("the cases are there") {
        let folder = entry.expect("an entry").path();
        let bytes = fs::read(folder.join("model.scd")).expect("a model");
        let (scl, findings) = scl::read(&bytes, "model.scd");
        let mut found: Vec<String> =
            findings.iter().map(|f| format!("{},{}", f.code, f.source.as_ref().expect("every finding has a line").line)).collect();
        let mut expected = lines(&folder.join("expected/findings.csv"));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{}", folder.display());
        let points = scl.as_ref().map_or(Vec::new(), found_points);
        assert_eq!(points, lines(&folder.join("expected/points.csv")), "{}", folder.display());
        for finding in &findings {
            assert!(finding.hint.is_some(), "{finding} has no hint");
        }
        run += 1;
    }
    assert!(run >= 3, "only {run} cases were found");
}

#[test]
fn control_blocks_addresses_and_inputs_come_out_as_written() {
    let bytes = fs::read(cases().join("bay/model.scd")).expect("the case");
    let scl = scl::read(&bytes, "model.scd").0.expect("a model");
    let ied = &scl.ieds[0];
    let zero = &ied.access_points[0].devices[0].nodes[0];
    let events = &zero.reports[0];
    assert_eq!(events.instance_names(), ["events01", "events02", "events03"]);
    assert_eq!((events.buffered, events.conf_rev, events.integrity_ms, events.buf_time_ms), (true, 3, 5000, 20));
    assert!(
        events.triggers.data_change && events.triggers.integrity && events.triggers.general_interrogation && !events.triggers.data_update
    );
    assert_eq!(zero.reports[1].instance_names(), ["plain"]);
    let address = zero.gooses[0].address.expect("an address");
    assert_eq!(address.mac, [0x01, 0x0C, 0xCD, 0x01, 0x00, 0x07]);
    assert_eq!((address.app_id, address.vlan_id, address.vlan_priority), (0x3007, 0x00A, 6));
    assert_eq!((address.min_time_ms, address.max_time_ms), (Some(2), Some(1000)));
    assert_eq!(zero.data_sets[0].members[2].item(), "MMXU1$MX$PhV$phsA$cVal$mag$f");
    assert_eq!(zero.data_sets[0].members[3].reference(), "CTRL/MMXU1.TotW [MX]");
    let trip = ied.access_points[0].devices[0].nodes.iter().find(|n| n.class == "PTRC").expect("the trip");
    assert_eq!(trip.inputs[0].control_block, "CTRL/LLN0.trip");
    assert_eq!(trip.inputs[0].internal_address, "in1");
    // The length of the array stands in another attribute.
    assert_eq!(trip.objects[1].child("hstVal").expect("the array").count, Some(12));
    assert_eq!(scl.communication[0].parameter("IP"), Some("192.0.2.7"));
    assert_eq!(scl.left_out, 2, "a Private part and an element of another language");
}

/// Counts of the real files, taken from their texts by another XML reader, and the findings that they deserve.
#[test]
fn real_files_are_read_whole() {
    let Some(folder) = shared() else {
        eprintln!("skipped: ../shared/formats/scl is not there");
        return;
    };
    // File, IEDs, data sets, members, reports, GOOSE blocks, addresses of GOOSE, inputs, and codes of findings.
    type Row<'a> = (&'a str, [usize; 7], &'a [&'a str]);
    let rows: [Row<'_>; 8] = [
        (
            "104_valid-addresses.scd",
            [3, 0, 0, 0, 0, 0, 0],
            &["SCL.ASSET.UNKNOWN_NODE:27", "SCL.ADDRESS.UNKNOWN_DEVICE:68", "SCL.ADDRESS.UNKNOWN_DEVICE:117"],
        ),
        ("inverter_with_report.icd", [1, 1, 3, 1, 0, 0, 0], &[]),
        ("sg_demo.cid", [1, 0, 0, 0, 0, 0, 0], &["SCL.NAME.DUPLICATE:220", "SCL.NAME.DUPLICATE:238"]),
        ("simpleIO_control_tests.cid", [1, 1, 12, 1, 0, 0, 0], &[]),
        ("simpleIO_direct_control_goose.cid", [1, 4, 20, 2, 2, 2, 0], &["SCL.ADDRESS.SHARED:26"]),
        ("valid.iid", [1, 0, 0, 0, 0, 0, 0], &["SCL.INSTANCE.UNKNOWN:93", "SCL.INSTANCE.UNKNOWN:97"]),
        ("valid2007B4.scd", [3, 5, 27, 2, 3, 1, 7], &["SCL.INSTANCE.UNKNOWN:164", "SCL.TYPE.MISSING:255"]),
        ("wtur.cid", [1, 0, 0, 0, 0, 0, 0], &[]),
    ];
    for (name, counts, codes) in rows {
        let bytes = fs::read(folder.join(name)).expect("a file");
        let (scl, findings) = scl::read(&bytes, name);
        let scl = scl.unwrap_or_else(|| panic!("{name}: {findings:?}"));
        let nodes = || scl.ieds.iter().flat_map(|i| i.devices()).flat_map(|d| &d.nodes);
        let found = [
            scl.ieds.len(),
            nodes().map(|n| n.data_sets.len()).sum(),
            nodes().flat_map(|n| &n.data_sets).map(|d| d.members.len()).sum(),
            nodes().map(|n| n.reports.len()).sum(),
            nodes().map(|n| n.gooses.len()).sum(),
            nodes().flat_map(|n| &n.gooses).filter(|g| g.address.is_some()).count(),
            nodes().map(|n| n.inputs.len()).sum(),
        ];
        assert_eq!(found, counts, "{name}");
        let told: Vec<String> = findings.iter().map(|f| format!("{}:{}", f.code, f.source.as_ref().map_or(0, |s| s.line))).collect();
        assert_eq!(told, codes, "{name}");
        assert!(scl::points(&scl).len() > 5, "{name}");
        for ied in scl.ieds.iter().filter(|i| i.devices().next().is_some()) {
            scl::served_model(&scl, &ied.name).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

fn signal(device: &str, class: &str, instance: u32, object: &str, kind: SignalKind) -> Signal {
    Signal {
        device: device.into(),
        prefix: String::new(),
        class: class.into(),
        instance,
        object: object.into(),
        kind,
        description: String::new(),
        unit: String::new(),
        unit_power: 0,
        control: None,
        asset: String::new(),
    }
}

fn plant(signals: usize) -> Device {
    let mut device = Device {
        name: "PLANT".into(),
        description: "a <simulated> \"plant\" & more".into(),
        ip: "127.0.0.1".into(),
        integrity_ms: 1000,
        clients: 2,
        signals: Vec::new(),
        goose: None,
    };
    for i in 0..signals {
        let n = u32::try_from(i / 10 + 1).expect("small");
        let mut s = match i % 10 {
            0 => signal("CTRL", "CSWI", n, "Pos", SignalKind::Double),
            1 => signal("CTRL", "GGIO", n, "SPCSO1", SignalKind::Single),
            2 => signal("CTRL", "GGIO", n, "Ind1", SignalKind::Single),
            3 => signal("CTRL", "ATCC", n, "TapPos", SignalKind::Integer),
            4 => signal("MEAS", "MMTR", n, "TotWh", SignalKind::Counter),
            5 => signal("CTRL", "GGIO", n, "AnOut1", SignalKind::Measured),
            k => signal("MEAS", "MMXU", n, &format!("An{k}"), SignalKind::Measured),
        };
        match i % 10 {
            0 => (s.control, s.asset) = (Some(ControlModel::SboEnhanced), format!("AA1/D1/Q{n:02}/QA1")),
            1 => s.control = Some([ControlModel::DirectNormal, ControlModel::SboNormal, ControlModel::DirectEnhanced][i / 10 % 3]),
            3 | 5 => s.control = Some(ControlModel::DirectNormal),
            6 => (s.unit, s.unit_power, s.description) = ("V".into(), 3, "busbar < 1".into()),
            _ => {}
        }
        device.signals.push(s);
    }
    device
}

#[test]
fn a_generated_file_reads_back_to_its_signals() {
    let device = plant(1000);
    let (text, reports) = scl::generate(&device).expect("a configuration");
    let (scl, findings) = scl::read(text.as_bytes(), "plant.cid");
    assert_eq!(findings, []);
    let scl = scl.expect("a model");
    let points = scl::points(&scl);
    // Every node has its behaviour beside what was asked for.
    let asked: Vec<_> = points.iter().filter(|p| p.object != "Beh" && p.object != "Mod" && p.object != "Health").collect();
    assert_eq!(asked.len(), 1000);
    for s in &device.signals {
        let reference = format!("PLANT{}/{}{}.{}", s.device, s.class, s.instance, s.object);
        let p = asked.iter().find(|p| p.object_reference() == reference).unwrap_or_else(|| panic!("{reference} is not there"));
        assert_eq!((p.control, p.unit.as_str(), p.unit_power), (s.control, s.unit.as_str(), i32::from(s.unit_power)), "{reference}");
        assert_eq!(p.description, s.description);
        assert_eq!(p.assets.first().map_or("", |a| a.as_ref()), s.asset, "{reference}");
        assert!(p.has_quality && p.has_time);
    }
    let model = scl::served_model(&scl, "PLANT").expect("a model to serve");
    assert_eq!(model.lds.len(), 2);
    for report in &reports {
        assert!(report.reference.starts_with("PLANT"), "{report:?}");
    }
    let members: usize = scl.ieds[0].devices().flat_map(|d| &d.nodes).flat_map(|n| &n.data_sets).map(|d| d.members.len()).sum();
    assert_eq!(members, 1000, "every signal is in one data set");
}

#[test]
fn what_cannot_be_generated_is_told_all_at_once() {
    let mut device = plant(2);
    device.name = "1PLANT".into();
    device.signals.push(device.signals[0].clone());
    device.signals.push(Signal { unit: "furlong".into(), ..signal("CTRL", "MMXU", 1, "A b", SignalKind::Measured) });
    let faults = scl::generate(&device).expect_err("faults");
    let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 4, "{text:?}");
    assert!(
        text[0].contains("IED \"1PLANT\"") && text[1].contains("A b") && text[2].contains("twice") && text[3].contains("furlong"),
        "{text:?}"
    );
}

#[test]
fn limits_hold() {
    let small = scl::xml::Limits { bytes: 1 << 20, depth: 8, elements: 50, text_bytes: 100 };
    let code = |text: &str| {
        let (scl, findings) = scl::read_within(text.as_bytes(), "x", &small);
        assert!(scl.is_none(), "{text}");
        findings[0].code.clone()
    };
    assert_eq!(code(&"<SCL>".repeat(9)), "SCL.FILE.TOO_LARGE");
    assert_eq!(code(&format!("<SCL>{}</SCL>", "<IED/>".repeat(60))), "SCL.FILE.TOO_LARGE");
    assert_eq!(code(&format!("<SCL><Header id=\"{}\"/></SCL>", "x".repeat(200))), "SCL.FILE.TOO_LARGE");
    assert_eq!(code("<SCL><IED></SCL>"), "SCL.FILE.NOT_XML");
    assert_eq!(code("<SCL><IED>"), "SCL.FILE.NOT_XML");
    assert_eq!(code(""), "SCL.FILE.NOT_XML");
    assert_eq!(code("<html/>"), "SCL.FILE.NOT_SCL");
    assert_eq!(code("<SCL>&unknown;</SCL>"), "SCL.FILE.ENTITY");
    assert_eq!(code("<SCL xmlns=\"http://example.org/\"/>"), "SCL.FILE.NOT_SCL");
}

/// Types that multiply one another: ten levels of ten would be ten thousand million attributes.
#[test]
fn types_that_multiply_are_stopped() {
    let mut text = String::from(
        "<SCL><IED name=\"I\"><AccessPoint name=\"P\"><Server><LDevice inst=\"L\"><LN0 lnType=\"z\"/></LDevice></Server></AccessPoint></IED><DataTypeTemplates>",
    );
    text.push_str("<LNodeType id=\"z\" lnClass=\"LLN0\"><DO name=\"A\" type=\"o0\"/></LNodeType>");
    for level in 0..10 {
        text.push_str(&format!("<DOType id=\"o{level}\" cdc=\"X\">"));
        for i in 0..10 {
            text.push_str(&format!("<SDO name=\"s{i}\" type=\"o{}\"/>", level + 1));
        }
        text.push_str("</DOType>");
    }
    text.push_str("<DOType id=\"o10\" cdc=\"X\"><DA name=\"v\" fc=\"ST\" bType=\"INT32\"/></DOType></DataTypeTemplates></SCL>");
    let (scl, findings) = scl::read(text.as_bytes(), "x");
    assert!(scl.is_some());
    assert!(findings.iter().any(|f| f.code == "SCL.FILE.TOO_LARGE"), "{findings:?}");
}
