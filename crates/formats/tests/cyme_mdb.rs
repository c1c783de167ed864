//! The database of a CYME study: the sample of the IEEE 13-node feeder, and what must be refused.

use formats::MemoryFiles;
use formats::cyme::mdb;
use formats::cyme::mdb_tables::{Database, MdbLimits, looks_like_database};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of sample files, or none with a line that says so.
fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("GRIDTWIN_FORMATS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats"), PathBuf::from);
    let folder = folder.join("cyme");
    if !folder.is_dir() {
        println!("skipped: no sample files at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn sample(name: &str) -> Option<Vec<u8>> {
    std::fs::read(samples()?.join("mdb").join(name)).ok()
}

#[test]
fn every_table_of_the_sample_is_listed_and_read_in_full() {
    let Some(bytes) = sample("IEEE13.mdb.gz") else { return };
    assert!(looks_like_database(&bytes));
    let mut database = Database::open(bytes, &Arc::from("IEEE13.mdb.gz"), MdbLimits::default()).unwrap();
    let schema = std::fs::read_to_string(samples().unwrap().join("mdb_schema_5_04.tsv")).unwrap();
    let mut tables = 0;
    for line in schema.lines().skip(1) {
        let mut words = line.split('\t');
        let (table, rows) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
        assert!(database.has(table), "{table}");
        let read = database.rows(table).unwrap();
        assert_eq!((read.rows.len(), read.unreadable), (rows, 0), "{table}");
        tables += 1;
    }
    assert_eq!(tables, 239);
}

#[test]
fn the_sample_fills_the_model() {
    let Some(bytes) = sample("IEEE13.mdb.gz") else { return };
    let files = MemoryFiles::new().with("IEEE13.mdb.gz", bytes);
    let (model, report) = mdb::read_model(&files, Path::new("IEEE13.mdb.gz")).unwrap();
    assert_eq!(model.version, "5.04");
    assert_eq!((model.nodes.len(), model.sections.len(), model.feeders.len(), model.sources.len()), (25, 24, 1, 1));
    assert_eq!(
        (model.overhead_by_phase.len(), model.overhead_unbalanced.len(), model.transformers.len(), model.regulators.len()),
        (8, 2, 1, 1)
    );
    assert_eq!((model.switches.len(), model.shunt_capacitors.len(), model.loads.len(), model.customer_loads.len()), (2, 2, 9, 27));
    assert_eq!(report.rejects, []);
    let faults: Vec<_> = report.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let regulator = &model.regulators[0];
    assert_eq!((regulator.tap_a, regulator.tap_b, regulator.tap_c, regulator.v_set_a), (Some(10.0), Some(8.0), Some(11.0), Some(116.19)));
    assert_eq!(regulator.section, "650REG");
    // Normally closed, which the database writes as 1.
    assert_eq!(model.switches[0].1.normally_open, Some(false));
    let line = model.lines_unbalanced.iter().find(|l| l.id == "LINE606").unwrap();
    assert_eq!(line.r_ab, Some(0.191258));
    // A spacing of two phases has no third position, where the database holds zeros.
    let two = model.spacings.iter().find(|s| s.id == "505").unwrap();
    assert_eq!((two.x2_m, two.x3_m, two.y3_m, two.xn2_m), (Some(2.1336), None, None, None));
    let spacing = model.spacings.iter().find(|s| s.id == "500").unwrap();
    assert_eq!((spacing.x3_m, spacing.y3_m, spacing.yn_m), (Some(2.1336), Some(8.5344), Some(7.3152)));
    assert_eq!(model.loads.iter().filter(|l| l.load_type == "DISTRIBUTED").count(), 1);
}

#[test]
fn the_damaged_sample_is_refused_with_what_is_missing() {
    let Some(bytes) = sample("Cyme-IEEE13_corrupt.mdb.gz") else { return };
    let files = MemoryFiles::new().with("damaged.mdb.gz", bytes);
    let error = mdb::read_model(&files, Path::new("damaged.mdb.gz")).unwrap_err();
    let finding = &error.diagnostics[0];
    assert_eq!(finding.code, "CYME.MDB.NOT_CYME");
    let detail = finding.detail.as_deref().unwrap();
    assert!(detail.contains("CYMSCHEMAVERSION") && detail.contains("CYMNETWORK"), "{detail}");
}

#[test]
fn what_is_no_database_is_refused() {
    let code = |bytes: &[u8]| {
        let files = MemoryFiles::new().with("x.mdb", bytes);
        mdb::read_model(&files, Path::new("x.mdb")).unwrap_err().diagnostics[0].code.clone()
    };
    assert_eq!(code(b""), "CYME.MDB.TRUNCATED");
    assert_eq!(code(&[0u8; 10]), "CYME.MDB.TRUNCATED");
    assert_eq!(code(&[0u8; 10_000]), "CYME.MDB.NOT_ACCESS");
    assert_eq!(code(b"[GENERAL]\r\nDATE=today\r\n[SI]\r\nthis is a text export and not a database at all"), "CYME.MDB.NOT_ACCESS");
    let files = MemoryFiles::new();
    assert_eq!(mdb::read_model(&files, Path::new("none.mdb")).unwrap_err().diagnostics[0].code, "CYME.FILE.MISSING");
}

/// The sample without its packing.
fn unpacked() -> Option<Vec<u8>> {
    let bytes = sample("IEEE13.mdb.gz")?;
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut plain).ok()?;
    Some(plain)
}

#[test]
fn a_password_is_told() {
    let Some(mut bytes) = unpacked() else { return };
    // A byte of the password of a Jet 4 database; whatever it is masked with, it is no longer the mask alone.
    bytes[0x42] ^= 0x5A;
    let files = MemoryFiles::new().with("locked.mdb", bytes);
    let error = mdb::read_model(&files, Path::new("locked.mdb")).unwrap_err();
    assert_eq!(error.diagnostics[0].code, "CYME.MDB.PASSWORD");
}

#[test]
fn cut_and_changed_databases_never_panic() {
    let Some(bytes) = unpacked() else { return };
    let mut seed = 0x1357_9BDF_2468_ACE0u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let pages = bytes.len() / 4096;
    let mut refused = 0;
    for round in 0..120 {
        let mut changed = bytes.clone();
        match round % 3 {
            0 => changed.truncate(next() % changed.len()),
            1 => {
                for _ in 0..200 {
                    let at = next() % changed.len();
                    changed[at] ^= 1 << (next() % 8);
                }
            }
            _ => {
                // Pages of the catalogue and of tables lie near the beginning.
                for _ in 0..20 {
                    let at = (next() % pages.min(60)) * 4096 + next() % 512;
                    changed[at] = u8::try_from(next() % 256).unwrap();
                }
            }
        }
        let files = MemoryFiles::new().with("x.mdb", changed);
        refused += usize::from(mdb::read_model(&files, Path::new("x.mdb")).is_err());
    }
    assert!(refused > 20, "{refused}");
}

/// Marks all rows of the pages of a table as deleted, which is what an emptied table looks like.
fn emptied(bytes: &[u8], tables: &[&str]) -> Vec<u8> {
    let mut reader = jetdb::PageReader::open_reader(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let entries = jetdb::read_catalog(&mut reader).unwrap();
    let mut changed = bytes.to_vec();
    for entry in entries.iter().filter(|e| {
        tables.iter().any(|t| match t.strip_suffix('*') {
            Some(start) => e.name.starts_with(start),
            None => e.name == *t,
        })
    }) {
        let definition = jetdb::read_table_def(&mut reader, &entry.name, entry.table_page).unwrap();
        for page in &definition.data_pages {
            let base = usize::try_from(*page).unwrap() * 4096;
            let rows = usize::from(u16::from_le_bytes([changed[base + 12], changed[base + 13]]));
            for row in 0..rows {
                // The second byte of a row's offset holds the flag of a deleted row.
                changed[base + 14 + 2 * row + 1] |= 0x40;
            }
        }
    }
    changed
}

#[test]
fn a_study_in_two_databases_is_the_same_study() {
    let Some(bytes) = unpacked() else { return };
    let whole = mdb::read_model(&MemoryFiles::new().with("s.mdb", bytes.clone()), Path::new("s.mdb")).unwrap().0;
    let network = emptied(&bytes, &["CYMEQ*"]);
    let mut kept: Vec<&str> = vec!["CYMSECTION", "CYMSECTIONDEVICE", "CYMNODE", "CYMNETWORK", "CYMHEADNODE", "CYMSOURCE", "CYMBUSDISPLAY"];
    kept.extend(["CYMOVERHEADBYPHASE", "CYMOVERHEADLINEUNBALANCED", "CYMSWITCH", "CYMTRANSFORMER", "CYMREGULATOR", "CYMSHUNTCAPACITOR"]);
    kept.extend([
        "CYMLOAD",
        "CYMCUSTOMERLOAD",
        "CYMCONSUMERCLASS",
        "CYMLOADMODEL",
        "CYMLDCSETTINGS",
        "CYMAUTOTAPCHANGINGEXTST",
        "CYMEQUIVALENTSOURCE",
        "CYMEQUIVALENTLOAD",
    ]);
    let equipment = emptied(&bytes, &kept);
    // Tables of the source equivalents begin as those of the catalogue do.
    let network = {
        let mut files = network;
        let source = unpacked().unwrap();
        let mut reader = jetdb::PageReader::open_reader(std::io::Cursor::new(source.clone())).unwrap();
        let entries = jetdb::read_catalog(&mut reader).unwrap();
        for entry in entries.iter().filter(|e| e.name.starts_with("CYMEQUIV")) {
            for page in jetdb::read_table_def(&mut reader, &entry.name, entry.table_page).unwrap().data_pages {
                let base = usize::try_from(page).unwrap() * 4096;
                files[base..base + 4096].copy_from_slice(&source[base..base + 4096]);
            }
        }
        files
    };
    let files = MemoryFiles::new().with("study/network.mdb", network.clone()).with("study/equipment.mdb", equipment.clone());
    for named in ["study/network.mdb", "study/equipment.mdb"] {
        let (model, _) = mdb::read_model(&files, Path::new(named)).unwrap();
        assert_eq!(model.sections.len(), whole.sections.len());
        assert_eq!(model.conductors.len(), whole.conductors.len());
        assert_eq!(model.customer_loads.len(), whole.customer_loads.len());
        assert_eq!(model.source_equivalents.len(), whole.source_equivalents.len());
    }
    let alone = MemoryFiles::new().with("network.mdb", network.clone());
    assert_eq!(mdb::read_model(&alone, Path::new("network.mdb")).map(|_| ()).unwrap_err().diagnostics[0].code, "CYME.MDB.HALF_MISSING");
    let three = MemoryFiles::new().with("network.mdb", network).with("a.mdb", equipment.clone()).with("b.mdb", equipment);
    assert_eq!(mdb::read_model(&three, Path::new("network.mdb")).unwrap_err().diagnostics[0].code, "CYME.MDB.HALF_AMBIGUOUS");
}
