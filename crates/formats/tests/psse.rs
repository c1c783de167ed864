//! The cases of `cases/raw`, each set against what its folder expects: records, findings, values;
//! written in every version and read again; and damaged in hundreds of ways.

mod round_trip;

use formats::MemoryFiles;
use formats::psse::{ReadOptions, WriteOptions, looks_like, read, write};
use network::*;
use std::io::Write;
use std::path::{Path, PathBuf};

fn cases() -> Vec<(String, String, Vec<u8>, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/raw");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 7);
    let case = |folder: PathBuf| {
        let file = ["network.raw", "network.rawx"].into_iter().find(|f| folder.join(f).is_file()).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        (name, file.to_owned(), std::fs::read(folder.join(file)).unwrap(), folder)
    };
    folders.into_iter().map(case).collect()
}

fn read_bytes(bytes: &[u8], name: &str) -> Result<Imported, formats::ImportError> {
    read(&MemoryFiles::new().with(name, bytes), Path::new(name), &ReadOptions::default())
}

fn case(name: &str) -> Imported {
    let (_, file, bytes, _) = cases().into_iter().find(|c| c.0 == name).unwrap();
    read_bytes(&bytes, &file).unwrap()
}

#[test]
fn cases_are_read_as_their_folders_expect() {
    let mut wrong = Vec::new();
    for (name, file, bytes, folder) in cases() {
        assert!(looks_like(&bytes, &file), "{name}");
        let imported = read_bytes(&bytes, &file).unwrap_or_else(|e| panic!("{name}: {e}"));
        let counts: String = imported.counts.iter().map(|(group, n)| format!("{group},{n}\n")).collect();
        let line = |d: &Diagnostic| d.source.as_ref().map_or(0, |s| s.line);
        let findings: String = imported.diagnostics.iter().map(|d| format!("{},{}\n", d.code, line(d))).collect();
        for (what, head, got) in [("counts", "group,records", counts), ("findings", "code,line", findings)] {
            let got = format!("{head}\n{got}");
            let expected = std::fs::read_to_string(folder.join(format!("expected/{what}.csv"))).unwrap_or_default();
            if got != expected {
                wrong.push(format!("{name}: {what}\n{got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_reads_back_from_every_version() {
    for (name, file, bytes, _) in cases() {
        let imported = read_bytes(&bytes, &file).unwrap();
        for version in [33, 34, 35] {
            round_trip::check(&file, &imported, version);
            println!("{name}: version {version}");
        }
    }
}

#[test]
fn values_come_from_the_right_places() {
    let all = case("every_group_v35").network;
    let bus = |n: u32| all.bus_id(&n.to_string()).unwrap();
    assert_eq!(all.bus(bus(3)).transmission.as_ref().unwrap().name, "EAST, \"NEW\"");
    assert!((all.bus(bus(2)).kv_base_ln - 220.0 / 3f64.sqrt()).abs() < 1e-9);
    assert_eq!(all.bus(bus(2)).latitude_longitude_deg, Some((52.5, 13.4)));
    assert_eq!(all.bus(bus(4)).latitude_longitude_deg, None);
    let m = &all.machines[1];
    assert_eq!((m.regulated_bus, m.regulated_node, m.base_load, m.wind_mode, m.share_pct), (Some(bus(2)), 3, 2, 1, 50.0));
    assert_eq!(m.owners, [Ownership { owner: 1, share: 0.6 }, Ownership { owner: 2, share: 0.4 }]);
    let b = &all.ac_branches[0];
    assert_eq!((b.ratings_mva[3], b.ratings_mva[11], b.y_to_pu.im, b.length, b.metered), (201.0, 212.0, -0.002, 42.5, MeteredEnd::To));
    let s = &all.ac_branches[3];
    assert_eq!((s.switching, s.in_service, s.normally_closed, s.common.enabled), (Some(SwitchingDevice::Breaker), false, true, false));
    let t = &all.power_transformers[0];
    assert_eq!((t.windings[0].control.bus, t.windings[0].control.on_tapped_side), (Some(bus(2)), true));
    assert_eq!((t.windings[1].ratio, t.windings[1].kv_nominal, t.vector_group.as_str()), (231.0, 220.0, "YNd11"));
    let t = &all.power_transformers[1];
    assert_eq!((t.impedances[1].x, t.impedances[2].s_base_mva, t.v_star_pu, t.correct_pairs), (0.08, 30.0, 0.995, true));
    assert_eq!(
        (t.windings[0].control.mode, t.windings[0].control.locked, t.windings[2].angle_deg),
        (WindingControlMode::ActiveFlow, true, 30.0)
    );
    let d = &all.two_terminal_dcs[0];
    assert_eq!(
        (d.rectifier.transformer.clone(), d.inverter.firing_bus, d.inverter.firing_node),
        (Some((bus(1), bus(2), "T1".into())), Some(bus(8)), 4)
    );
    let v = &all.vsc_dcs[0].converters[1];
    assert_eq!((v.regulated_bus, v.regulated_node, v.share_pct, v.ac_set), (Some(bus(4)), 7, 80.0, 0.98));
    let f = &all.facts_devices[1];
    assert_eq!((f.regulated_node, f.master.as_str(), f.common.terminals.len()), (2, "SVC", 2));
    let s = &all.switched_shunts[0];
    assert_eq!((s.b_mvar, s.blocks.len(), s.blocks[1].in_service), (15.0, 3, false));
    let c = all.transmission.as_ref().unwrap();
    assert_eq!(
        (c.zero_impedance_pu, c.frequency_hz, c.corrections[0].points.len(), c.corrections[1].points[0].1.im),
        (0.0002, 50.0, 6, 0.001)
    );
    assert_eq!(c.substations[0].terminals[3].id, "LINK A");
    assert_eq!((c.substations[1].terminals[0].third, c.multi_section_lines[0].through.clone()), (Some(bus(5)), vec![bus(8)]));
    assert_eq!(c.kept.iter().find(|k| k.group == "gne").unwrap().lines.len(), 5);
    assert_eq!(all.multi_terminal_dcs[0].links[1].metered, 2);
    assert_eq!(all.power_motors[0].saturation, [1.0, 0.03, 1.2, 0.1, 0.0, 0.0, 1.0]);

    let new = case("every_group_v36").network;
    assert_eq!(new.ac_branches.iter().take(3).map(|b| (b.length, b.metered)).collect::<Vec<_>>(), vec![(7.5, MeteredEnd::To); 3]);
    assert_eq!(new.ac_branches[3].ratings_mva[11], 130.0);
    assert_eq!((new.machines[0].droop.as_str(), new.machines[0].label.as_str()), ("DROOP A", "THE MACHINE"));

    let loose = case("written_loosely_v33").network;
    assert_eq!(loose.bus(loose.bus_id("3").unwrap()).transmission.as_ref().unwrap().name, "Straße O'Brien");
    assert_eq!(loose.power_loads.iter().map(|l| (l.id.as_str(), l.p_mw)).collect::<Vec<_>>(), [("1", 10.0), ("2", 1.0)]);
    assert_eq!(loose.ac_branches[0].metered, MeteredEnd::To);
    assert_eq!((loose.ac_branches[1].circuit.as_str(), loose.ac_branches[1].in_service), ("2", false));
    assert_eq!(loose.ac_branches[2].switching, Some(SwitchingDevice::Breaker));

    let old = case("old_v30").network;
    assert_eq!((old.fixed_shunts[0].g_mw, old.fixed_shunts[0].b_mvar), (0.5, 12.0));
    assert_eq!((old.switched_shunts[0].b_mvar, old.switched_shunts[0].blocks.len()), (6.0, 2));
    let oldest = case("oldest_v23").network;
    assert_eq!((oldest.power_loads[0].p_mw, oldest.fixed_shunts[0].b_mvar), (21.7, 19.0));
    let control = &oldest.power_transformers[0].windings[0].control;
    assert_eq!(
        (oldest.power_transformers[0].windings[0].ratio, control.mode, control.n_positions),
        (0.932, WindingControlMode::Voltage, 17)
    );
    let headed = case("headed_by_comments").network;
    assert_eq!((headed.machines.len(), headed.ac_branches.len(), headed.power_transformers.len()), (2, 1, 1));
    let json = case("tables_in_json").network;
    assert_eq!((json.ac_branches[0].ratings_mva[11], json.power_transformers[0].windings[0].ratio), (60.0, 1.02));
    assert_eq!(json.bus(json.bus_id("1").unwrap()).latitude_longitude_deg, Some((48.1, 11.6)));
}

const GOOD: &str = "0, 100.0, 33, 0, 0, 60.0\nT\n\n1,'A',110.0,3\n2,'B',110.0,1\n0\n2,'1',1,1,1,5.0,1.0\n0\n0\n1,'1',5.0,0.0,9.0,-9.0,1.0\n0\n\
                    1,2,'1',0.01,0.1,0.0,10.0\n0\n1,2,0,'T',1,1,1\n0.0,0.1,100.0\n1.0,110.0\n1.0,110.0\n0\nQ\n";

#[test]
fn what_is_wrong_is_told_with_its_line() {
    assert_eq!(read_bytes(GOOD.as_bytes(), "a.raw").unwrap().diagnostics, []);
    for (old, new, code, line) in [
        ("2,'B',110.0,1", "1,'B',110.0,1", "RAW.RECORD.DUPLICATE", 5),
        ("2,'B',110.0,1", "2,'B',110.0,7", "RAW.FIELD.RANGE", 5),
        ("2,'B',110.0,1", "2,'B',-110.0,1", "RAW.FIELD.RANGE", 5),
        ("2,'1',1,1,1,5.0", "2,'1',1,1,1,****", "RAW.FIELD.NUMBER", 7),
        ("2,'1',1,1,1,5.0", "2,'1',1,1,1,inf", "RAW.FIELD.NUMBER", 7),
        ("2,'1',1,1,1,5.0,1.0", "2,'1',1", "RAW.RECORD.SHORT", 7),
        ("2,'1',1,1,1,5.0", "2,'1,1,1,1,5.0", "RAW.RECORD.QUOTE", 7),
        ("2,'1',1,1,1,5.0", "9,'1',1,1,1,5.0", "RAW.BUS.UNKNOWN", 7),
        ("1,2,'1',0.01,0.1,0.0,10.0", "1,2,'1',0.01", "RAW.RECORD.SHORT", 12),
        ("1,2,'1',0.01,0.1", "2,2,'1',0.01,0.1", "RAW.BRANCH.SAME_BUS", 12),
        ("1,2,0,'T',1,1,1", "1,2,0,'T',1,4,1", "RAW.FIELD.RANGE", 14),
        ("0.0,0.1,100.0\n", "0.0\n", "RAW.RECORD.SHORT", 15),
        ("1.0,110.0\n0\nQ\n", "0\nQ\n", "RAW.RECORD.SHORT", 14),
        ("1.0,110.0\n1.0", "-1.0,110.0\n1.0", "RAW.FIELD.RANGE", 14),
    ] {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{new}");
        let imported = read_bytes(text.as_bytes(), "a.raw").unwrap();
        let found = imported.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap_or_else(|| panic!("{new}"));
        assert_eq!((found.code.as_str(), found.source.as_ref().unwrap().line), (code, line), "{new}: {found}");
        assert!(!imported.rejects.is_empty() && found.hint.is_some(), "{new}");
        let lenient = ReadOptions { lenient: true, ..ReadOptions::default() };
        let imported = read(&MemoryFiles::new().with("a.raw", text), Path::new("a.raw"), &lenient).unwrap();
        assert!(imported.diagnostics.iter().all(|d| d.severity != Severity::Error), "{new}");
    }
    for (old, new, code) in [
        ("1,2,'1',0.01,0.1", "1,2,'1',-0.01,0.1", "RAW.BRANCH.NEGATIVE_R"),
        ("1,2,'1',0.01,0.1", "1,2,'1',0.01,-0.1", "RAW.BRANCH.NEGATIVE_X"),
        ("1,2,'1',0.01,0.1", "1,2,'1',0.0,0.0", "RAW.BRANCH.NO_IMPEDANCE"),
        ("0.0,0.1,100.0", "0.0,-0.1,100.0", "RAW.TRANSFORMER.NEGATIVE_X"),
        ("1,1,1\n0.0,0.1", "2,1,1\n0.0,0.1", "RAW.TRANSFORMER.RATIO"),
        ("2,'B',110.0,1", "2,'B',20.0,1", "RAW.BRANCH.BASE_KV"),
        ("1,'A',110.0,3", "1,'A',110.0,1", "RAW.BUS.NO_SWING"),
        ("9.0,-9.0", "-9.0,9.0", "RAW.MACHINE.LIMITS"),
        ("1,'A',110.0,3", "1,'A',0.0,3", "RAW.BUS.NO_BASE_KV"),
        ("\n0\nQ", "", "RAW.FILE.NO_END"),
        ("-9.0,1.0\n0\n", "-9.0,1.0\n0 / END OF LOAD DATA, BEGIN BRANCH DATA\n", "RAW.GROUP.TERMINATOR"),
    ] {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{new}");
        let imported = read_bytes(text.as_bytes(), "a.raw").unwrap();
        assert!(imported.diagnostics.iter().any(|d| d.code == code), "{new}: {:?}", imported.diagnostics);
    }
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = gzip(GOOD.as_bytes());
    assert_eq!(
        read_bytes(&packed, "a.raw.gz").unwrap().network,
        read_bytes(GOOD.as_bytes(), "a.raw").unwrap().network.clone_named("a", "a.raw.gz")
    );
    let bomb = gzip(&vec![b' '; 4 << 20]);
    for (bytes, code) in [
        (&b"  \n"[..], "RAW.FILE.EMPTY"),
        (b"0, 100.0, 27\n\n\n1,'A'\n", "RAW.FILE.VERSION"),
        (b"bus,name\n1,A\n", "RAW.FILE.HEADER"),
        (b"0, 100.0, 33\n\n\n0\n0\nQ\n", "RAW.FILE.NO_BUSES"),
        (b"0, 100.0, 33\0", "RAW.FILE.BINARY"),
        (&packed[..packed.len() / 2], "RAW.FILE.GZIP"),
        (&bomb, "RAW.FILE.TOO_LARGE"),
        (b"{\"network\": {\"bus\": [}", "RAW.JSON.SYNTAX"),
        (b"{\"case\": 1}", "RAW.FILE.HEADER"),
    ] {
        let options = ReadOptions { max_bytes: 1 << 20, ..ReadOptions::default() };
        let error = read(&MemoryFiles::new().with("a.raw", bytes), Path::new("a.raw"), &options).unwrap_err();
        assert!(error.diagnostics.iter().any(|d| d.code == code), "{code}: {error}");
    }
}

/// A network as it would be, had it been read from another file.
trait Named {
    fn clone_named(&self, name: &str, file: &str) -> Network;
}

impl Named for Network {
    fn clone_named(&self, name: &str, file: &str) -> Network {
        let mut n = self.clone();
        n.name = name.into();
        for id in n.order.clone() {
            let common = n.common_mut(id);
            common.source.file = file.into();
        }
        n.buses.iter_mut().filter_map(|b| b.transmission.as_mut()).for_each(|b| b.source.file = file.into());
        n
    }
}

#[test]
fn other_files_do_not_look_like_cases() {
    for (bytes, name) in [
        (&b"0.5,1.5,2.5\n1,2,3\n"[..], "table.csv"),
        (b"clear\nnew circuit.a\n", "master.dss"),
        (b"{\"type\": \"FeatureCollection\"}", "map.json"),
        (b"[GENERAL]\nDATE=2020\n", "network.txt"),
        (b"\x00\x01raw", "picture.raw"),
        (b"timestamp,meter,kwh\n", "meters.raw"),
    ] {
        assert!(!looks_like(bytes, name), "{name}");
    }
}

#[test]
fn a_network_that_is_no_case_is_not_written() {
    let network = Network::new("feeder");
    let error = write(&network, &WriteOptions::default()).unwrap_err();
    assert_eq!(error.diagnostics[0].code, "RAW.WRITE.NOT_TRANSMISSION");
    let mut network = case("old_v30").network;
    assert_eq!(write(&network, &WriteOptions { version: 30 }).unwrap_err().diagnostics[0].code, "RAW.WRITE.VERSION");
    network.power_loads[0].p_mw = f64::NAN;
    assert_eq!(write(&network, &WriteOptions { version: 33 }).unwrap_err().diagnostics[0].code, "RAW.WRITE.NOT_FINITE");
}

#[test]
fn damaged_cases_never_panic() {
    let mut seed = 0x9e37_79b9_u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n.max(1)
    };
    let cases = cases();
    const PIECES: [&[u8]; 12] =
        [b"0\n", b"'", b",", b"\n", b"****", b"1e308", b"-", b"Q\n", b"99999999999", b" / BEGIN LOAD DATA\n", b"{", b"null"];
    for round in 0..700 {
        let (_, file, bytes, _) = &cases[round % cases.len()];
        let mut bytes = bytes.clone();
        for _ in 0..=random(6) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes.truncate(at.max(40)),
                1 if !bytes.is_empty() => bytes[at] = random(256) as u8,
                2 => drop(bytes.drain(at..(at + random(60)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, PIECES[random(PIECES.len())].iter().copied())),
            }
        }
        let _ = looks_like(&bytes, file);
        match read_bytes(&bytes, file) {
            Ok(imported) => {
                for version in [33, 35] {
                    if let Ok((text, _)) = write(&imported.network, &WriteOptions { version }) {
                        assert!(read_bytes(text.as_bytes(), "again.raw").is_ok());
                    }
                }
            }
            Err(error) => assert!(!error.diagnostics.is_empty()),
        }
    }
}
