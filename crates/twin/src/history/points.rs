//! Names of points and the numbers under which they are recorded, for ever.

use super::error::HistoryError;
use super::files::{DiskFaults, sync_folder};
use super::framed::{self, FILE_HEADER, LogHeader};
use super::sample::PointId;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"GTHPNT\r\n";
/// Longest name of a point, octets.
pub const NAME_MAX: usize = 1024;

/// A point that has been recorded, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointEntry {
    pub id: PointId,
    pub name: String,
    /// Unit of its values; empty where it has none.
    pub unit: String,
}

/// All points of a history, and the log that they are kept in.
#[derive(Debug)]
pub(crate) struct Points {
    path: PathBuf,
    pub(crate) octets: u64,
    file: File,
    faults: DiskFaults,
    entries: Vec<PointEntry>,
    by_name: HashMap<String, usize>,
}

impl Points {
    pub(crate) fn open(path: &Path, faults: &DiskFaults, findings: &mut Vec<Diagnostic>) -> Result<Self, HistoryError> {
        let io = |e: std::io::Error| HistoryError::io("open", path, &e);
        let octets = match fs::read(path) {
            Ok(octets) => octets,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(io(e)),
        };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(io)?;
        let mut points =
            Self { path: path.to_owned(), octets: 0, file, faults: faults.clone(), entries: Vec::new(), by_name: HashMap::new() };
        if octets.len() < FILE_HEADER {
            // Killed while it was first made: no number has been given yet.
            points.append(&LogHeader { magic: MAGIC, number: 0, first_sequence: 0 }.encode())?;
            sync_folder(path.parent().unwrap_or(Path::new(".")))?;
            return Ok(points);
        }
        LogHeader::decode(&octets, MAGIC, path)?;
        let scan = framed::scan(&octets, FILE_HEADER);
        if let Some(damage) = scan.damaged.first() {
            // A number whose name is lost must not be given again.
            return Err(HistoryError::damaged(path, damage.start as u64, "the name of a point cannot be read"));
        }
        for record in &scan.records {
            let entry: PointEntry = serde_json::from_slice(&octets[record.text.clone()])
                .map_err(|_| HistoryError::damaged(path, record.offset as u64, "a record is no point"))?;
            points.keep(entry);
        }
        if scan.sound < octets.len() {
            findings.push(torn_tail(path, scan.sound, octets.len()));
        }
        points.octets = scan.sound as u64;
        points.file.set_len(points.octets).map_err(io)?;
        Ok(points)
    }

    fn keep(&mut self, entry: PointEntry) {
        self.by_name.insert(entry.name.clone(), self.entries.len());
        self.entries.push(entry);
    }

    fn append(&mut self, octets: &[u8]) -> Result<(), HistoryError> {
        let written = (|| {
            self.faults.check("write")?;
            self.file.seek(SeekFrom::Start(self.octets))?;
            self.file.write_all(octets)?;
            self.faults.check("flush")?;
            self.file.sync_data()
        })();
        match written {
            Ok(()) => self.octets += octets.len() as u64,
            Err(e) => {
                // What was half written must not stand before what comes next.
                let _ = self.file.set_len(self.octets);
                return Err(HistoryError::io("write", &self.path, &e));
            }
        }
        Ok(())
    }

    /// The number of a point; one that is new is on the disk before this returns.
    pub(crate) fn number(&mut self, name: &str, unit: &str) -> Result<PointId, HistoryError> {
        if let Some(i) = self.by_name.get(name) {
            let known = &self.entries[*i];
            if known.unit != unit {
                return Err(HistoryError::UnitChanged { name: name.into(), known: known.unit.clone(), given: unit.into() });
            }
            return Ok(known.id);
        }
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(HistoryError::PointName { longest: NAME_MAX });
        }
        let id = PointId(self.entries.iter().map(|e| e.id.0 + 1).max().unwrap_or(0).max(self.entries.len() as u32));
        let entry = PointEntry { id, name: name.into(), unit: unit.into() };
        let text = serde_json::to_vec(&entry).expect("three plain fields");
        let mut record = Vec::new();
        framed::put_record(&mut record, u64::from(id.0) + 1, &text, crc32fast::hash(&text));
        self.append(&record)?;
        self.keep(entry);
        Ok(id)
    }

    pub(crate) fn entries(&self) -> &[PointEntry] {
        &self.entries
    }

    pub(crate) fn knows(&self, id: PointId) -> bool {
        // Numbers are given in order, so that the list is sorted.
        self.entries.binary_search_by_key(&id, |e| e.id).is_ok()
    }
}

/// What is told of the end of a log that is no record.
pub(crate) fn torn_tail(path: &Path, sound: usize, length: usize) -> Diagnostic {
    Diagnostic::warning("HISTORY.LOG.TAIL", format!("the last {} octets of {} are no whole record", length - sound, path.display()))
        .detail(format!("They begin at octet {sound}: a write that was cut off before it was acknowledged, or damage at the very end."))
        .hint("Nothing needs to be done after a crash or a loss of power; otherwise check the disk.")
}
