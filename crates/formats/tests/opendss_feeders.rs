//! Reads the master of every reference feeder, if the folder is there.
//!
//! The folder is `GRIDTWIN_FEEDERS`, or `../shared/feeders` seen from the workspace.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use formats::opendss::{ClassId, FileSource, ReadOptions, Reader, RecordingHost};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn feeders() -> Option<PathBuf> {
    let folder = match std::env::var_os("GRIDTWIN_FEEDERS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/feeders"),
    };
    if folder.join("index.csv").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no feeders at {}", folder.display());
    None
}

/// Name, master and later commands of the cases of a `case.toml`, which has one key a line.
fn cases(folder: &Path) -> Vec<(String, PathBuf, Vec<String>)> {
    let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
    let mut cases = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let texts: Vec<String> = value.split('"').skip(1).step_by(2).map(str::to_string).collect();
        match key.trim() {
            "name" => cases.push((texts[0].clone(), PathBuf::new(), Vec::new())),
            "master" => cases.last_mut().unwrap().1 = folder.join(&texts[0]),
            "post" => cases.last_mut().unwrap().2 = texts,
            _ => {}
        }
    }
    cases
}

#[test]
fn every_master_is_read_without_error() {
    let Some(root) = feeders() else { return };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.join("case.toml").is_file());
    folders.sort();
    let mut read = 0;
    let mut failed = Vec::new();
    for (name, master, post) in folders.iter().flat_map(|f| cases(f)) {
        let mut host = RecordingHost::default();
        let mut reader = Reader::new(&Disk, ReadOptions::default(), &mut host);
        let mut result = reader.compile(&master);
        for command in &post {
            result = result.and_then(|()| reader.run(command));
        }
        read += 1;
        let (model, report) = reader.finish();
        for d in &report.diagnostics {
            println!("{name}: {d}");
        }
        match result {
            Ok(()) => {
                let mut counts = BTreeMap::new();
                for (_, object) in model.objects.iter().filter(|(_, o)| o.source.line > 0) {
                    *counts.entry(object.class.name()).or_insert(0) += 1;
                }
                println!("{name}: {counts:?}");
                assert!(model.objects.count(ClassId::Vsource) > 0, "{name}");
            }
            Err(e) => failed.push(format!("{name}: {e}")),
        }
    }
    assert!(read >= 100, "only {read} cases found");
    assert!(failed.is_empty(), "{} of {read} fail:\n{}", failed.len(), failed.join("\n"));
}

/// The 8500-node feeder is some thousand lines; reading it must stay far below a second.
#[test]
fn the_8500_node_feeder_is_read_quickly() {
    let Some(root) = feeders() else { return };
    let (_, master, _) = cases(&root.join("ieee8500")).remove(0);
    let start = std::time::Instant::now();
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&Disk, ReadOptions::default(), &mut host);
    reader.compile(&master).unwrap();
    let took = start.elapsed();
    println!("read in {took:?}, {} objects", reader.model().objects.len());
    assert!(reader.model().objects.len() > 5000);
    assert!(took.as_millis() < 1000, "{took:?}");
}
