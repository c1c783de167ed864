//! Real PSS/E files of every version, when the folder with them is there: `GRIDTWIN_FORMATS`, or
//! `../shared/formats` beside the workspace. Their record counts are set against `psse/check.csv`.

mod round_trip;

use formats::MemoryFiles;
use formats::psse::{ReadOptions, looks_like, read};
use network::{Imported, Severity};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats");
    let folder = std::env::var_os("GRIDTWIN_FORMATS").map_or_else(default, PathBuf::from);
    if folder.join("psse/check.csv").is_file() {
        return Some(folder);
    }
    println!("skipped: no sample files in {}", folder.display());
    None
}

struct Sample {
    file: String,
    bytes: Vec<u8>,
    imported: Imported,
    row: Vec<String>,
}

fn samples(folder: &Path) -> Vec<Sample> {
    let table = std::fs::read_to_string(folder.join("psse/check.csv")).unwrap();
    let rows = table.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let mut found: Vec<Sample> = rows
        .map(|row| {
            let bytes = std::fs::read(folder.join(&row[0])).unwrap();
            let files = MemoryFiles::new().with(&row[0], bytes.clone());
            let imported = read(&files, Path::new(&row[0]), &ReadOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", row[0]));
            Sample { file: row[0].clone(), bytes, imported, row }
        })
        .collect();
    let file = "psse/open/IEEE_14_bus_rev35.rawx";
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let files = MemoryFiles::new().with(file, bytes.clone());
    let imported = read(&files, Path::new(file), &ReadOptions::default()).unwrap();
    found.push(Sample { file: file.into(), bytes, imported, row: vec![String::new(); 26] });
    found
}

#[test]
fn records_are_counted_as_the_list_says() {
    let Some(folder) = folder() else { return };
    let samples = samples(&folder);
    assert!(samples.len() >= 42);
    let mut wrong = Vec::new();
    for sample in &samples {
        assert!(looks_like(&sample.bytes, &sample.file), "{}", sample.file);
        assert!(!looks_like(&sample.bytes, "table.csv") || !sample.file.contains("defaults"), "{}", sample.file);
        let count = |group: &str| sample.imported.counts.iter().find(|(g, _)| g == group).map_or(0, |(_, n)| *n);
        let expect = |column: usize| sample.row[column].parse::<usize>().ok();
        let network = &sample.imported.network;
        let version = network.transmission.as_ref().unwrap().version as usize;
        let three = network.power_transformers.iter().filter(|t| t.windings.len() == 3).count();
        let stations = count("substation");
        let plain = !sample.file.ends_with(".gz");
        let headings =
            if !plain { 0 } else { String::from_utf8_lossy(&sample.bytes).lines().filter(|l| l.trim_start().starts_with('/')).count() };
        let station_lines =
            count("substation") + count("substation node") + count("substation switching device") + count("substation terminal");
        let checks = [
            ("version", 1, version),
            ("bus", 2, count("bus")),
            ("branch", 3, count("branch")),
            ("transformer", usize::MAX, count("transformer")),
            ("three-winding", 5, three),
            ("load", 6, count("load")),
            ("generator", 7, count("generator")),
            ("fixed shunt", 8, count("fixed shunt")),
            ("switched shunt", 9, count("switched shunt")),
            ("system switching device", 10, count("system switching device")),
            ("two-terminal dc", 11, count("two-terminal dc")),
            ("vsc dc", 12, count("vsc dc")),
            ("multi-terminal dc", 13, count("multi-terminal dc")),
            ("facts", 14, count("facts")),
            ("impedance correction", if version < 34 { 15 } else { usize::MAX - 1 }, count("impedance correction")),
            ("multi-section line", 16, count("multi-section line")),
            ("gne", 17, count("gne")),
            ("induction machine", 18, count("induction machine")),
            // Each substation adds its three inner terminators, and in some files a heading.
            ("substation lines", 19, station_lines + 3 * stations + headings),
        ];
        for (what, column, got) in checks {
            let wanted = match column {
                usize::MAX => expect(4).zip(expect(5)).map(|(two, three)| two + three),
                c if c == usize::MAX - 1 => None,
                column => expect(column),
            };
            if wanted.is_some_and(|wanted| wanted != got) {
                wrong.push(format!("{}: {what} {got} instead of {}", sample.file, wanted.unwrap()));
            }
        }
        // What is read is used, or refused with an error that tells why.
        let findings = sample.imported.diagnostics.iter();
        let refusals = findings.filter(|d| d.severity == Severity::Error || d.code == "RAW.CORRECTION.EMPTY").count();
        assert_eq!(refusals, sample.imported.rejects.len(), "{}", sample.file);
        println!("{}: {} rejects, {} findings", sample.file, sample.imported.rejects.len(), sample.imported.diagnostics.len());
        if std::env::var_os("SHOW_FINDINGS").is_some() {
            for finding in &sample.imported.diagnostics {
                println!("    {finding}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_written_reads_back_as_the_same_case() {
    let Some(folder) = folder() else { return };
    for sample in samples(&folder) {
        for version in [33, 34, 35] {
            round_trip::check(&sample.file, &sample.imported, version);
        }
    }
}
