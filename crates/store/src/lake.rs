//! A results lake: what it holds, read back; see the crate's page for the folders.

use crate::checksum::{ContentSum, TableChecksum};
use crate::error::StoreError;
use crate::files::{self, PARTIAL};
use crate::names;
use crate::record::{FeederRecord, FileRecord, RunManifest, read_json, to_json};
use crate::run::Run;
use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Format of folders and records. It changes when an older program would misread a newer lake.
pub const FORMAT_VERSION: u64 = 1;
const FORMAT_NAME: &str = "gridtwin lake";
/// Name of a feeder's file in the folder of its table.
const PART: &str = "part.parquet";

#[derive(Serialize, Deserialize)]
struct Format {
    format: String,
    version: u64,
}

/// A lake on disk. Cheap to clone; holds no file open.
#[derive(Clone, Debug)]
pub struct Lake {
    root: PathBuf,
}

/// One table of one feeder whose commit record is there.
#[derive(Clone, Debug)]
pub struct CommittedFile {
    pub study: String,
    pub feeder: String,
    pub path: PathBuf,
    pub record: FileRecord,
}

/// What is wrong with a lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub path: PathBuf,
    pub reason: String,
}

impl Lake {
    /// Opens the lake of a folder, or makes one where there is none.
    ///
    /// # Errors
    /// A lake of another format version, a folder `lake` that something else made, a folder that cannot be written.
    pub fn open_or_create(root: &Path) -> Result<Self, StoreError> {
        let lake = Self { root: root.to_owned() };
        if lake.format_file().exists() {
            return Self::open(root);
        }
        if !files::list(&root.join("lake"))?.is_empty() {
            return Err(lake.no_lake("there is a folder \"lake\" that is not ours, since lake.json is missing"));
        }
        let format = Format { format: FORMAT_NAME.to_owned(), version: FORMAT_VERSION };
        files::write_whole(&lake.format_file(), &to_json(&format))?;
        Ok(lake)
    }

    /// Opens the lake of a folder.
    ///
    /// # Errors
    /// No lake there, or one of another format version.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let lake = Self { root: root.to_owned() };
        let path = lake.format_file();
        if !path.exists() {
            return Err(lake.no_lake("lake.json is missing"));
        }
        match read_json::<serde_json::Value>(&path) {
            Ok(Some(found)) if found["format"] == FORMAT_NAME => match found["version"].as_u64() {
                Some(FORMAT_VERSION) => Ok(lake),
                Some(found) => Err(StoreError::OtherVersion { path: root.to_owned(), found, expected: FORMAT_VERSION }),
                None => Err(lake.no_lake("lake.json names no version")),
            },
            Ok(_) => Err(lake.no_lake("lake.json is not ours")),
            Err(StoreError::Record { reason, .. }) => Err(lake.no_lake(&format!("lake.json cannot be read: {reason}"))),
            Err(other) => Err(other),
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn no_lake(&self, reason: &str) -> StoreError {
        StoreError::NotALake { path: self.root.clone(), reason: reason.to_owned() }
    }

    fn format_file(&self) -> PathBuf {
        self.root.join("lake.json")
    }

    /// Folder of a study's manifest and records.
    pub fn study_dir(&self, study: &str) -> PathBuf {
        self.root.join("runs").join(names::encode(study))
    }

    /// File of a feeder's commit record.
    pub fn record_path(&self, study: &str, feeder: &str) -> PathBuf {
        self.study_dir(study).join("feeders").join(names::encode(feeder) + ".json")
    }

    /// File of one table of a feeder.
    pub fn part_path(&self, table: &str, study: &str, feeder: &str) -> PathBuf {
        let (study, feeder) = (names::encode(study), names::encode(feeder));
        self.root.join("lake").join(table).join(format!("study={study}")).join(format!("feeder={feeder}")).join(PART)
    }

    /// Names of the folders of tables, with or without committed rows.
    pub(crate) fn table_folders(&self) -> Result<Vec<String>, StoreError> {
        let names = files::list(&self.root.join("lake"))?;
        Ok(names.iter().filter_map(|p| p.file_name()?.to_str().map(str::to_owned)).collect())
    }

    /// Begins a run of the manifest's study: takes the folder's lock and writes the manifest.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another run holds the folder. A run that was killed holds nothing.
    pub fn begin(&self, manifest: &RunManifest) -> Result<Run, StoreError> {
        Run::begin(self.clone(), manifest)
    }

    /// Manifests of all studies, by name.
    ///
    /// # Errors
    /// A manifest that cannot be read.
    pub fn studies(&self) -> Result<Vec<RunManifest>, StoreError> {
        let mut studies = Vec::new();
        for dir in files::list(&self.root.join("runs"))? {
            studies.extend(read_json::<RunManifest>(&dir.join("run.json"))?);
        }
        studies.sort_by(|a, b| a.study.cmp(&b.study));
        Ok(studies)
    }

    /// The one study meant: the one named, or the only one.
    ///
    /// # Errors
    /// No such study; none named and several there.
    pub fn study(&self, named: Option<&str>) -> Result<RunManifest, StoreError> {
        let mut studies = self.studies()?;
        let known = || studies.iter().map(|s| s.study.clone()).collect();
        match named {
            Some(name) => match studies.iter().position(|s| s.study == name) {
                Some(i) => Ok(studies.swap_remove(i)),
                None => Err(StoreError::UnknownStudy { study: name.to_owned(), known: known() }),
            },
            None if studies.len() == 1 => Ok(studies.swap_remove(0)),
            None => Err(StoreError::StudyNotNamed { known: known() }),
        }
    }

    /// Commit records of a study, by feeder. A record that cannot be read does not count as one.
    ///
    /// # Errors
    /// A folder that cannot be listed, a file that cannot be opened.
    pub fn records(&self, study: &str) -> Result<Vec<FeederRecord>, StoreError> {
        let mut records: Vec<FeederRecord> = Vec::new();
        for path in files::list(&self.study_dir(study).join("feeders"))? {
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            match read_json(&path) {
                Ok(record) => records.extend(record),
                Err(StoreError::Record { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        records.sort_by(|a, b| a.feeder.cmp(&b.feeder));
        Ok(records)
    }

    /// Commit record of one feeder; none when it is not done, or its record cannot be read.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn record(&self, study: &str, feeder: &str) -> Result<Option<FeederRecord>, StoreError> {
        match read_json(&self.record_path(study, feeder)) {
            Err(StoreError::Record { .. }) => Ok(None),
            other => other,
        }
    }

    /// Removes a study with all its results. Killed in between, what is left has no record and does not count.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a run writes into the lake; no such study; files that cannot be removed.
    pub fn remove_study(&self, study: &str) -> Result<(), StoreError> {
        let manifest = self.study(Some(study))?;
        let _lock = crate::run::take_lock(&self.root)?;
        for path in files::list(&self.study_dir(&manifest.study).join("feeders"))? {
            files::remove(&path)?;
        }
        for table in self.table_folders()? {
            let folder = self.root.join("lake").join(table).join(format!("study={}", names::encode(&manifest.study)));
            if folder.is_dir() {
                fs::remove_dir_all(&folder).map_err(|e| StoreError::io("remove", &folder, e))?;
            }
        }
        let dir = self.study_dir(&manifest.study);
        fs::remove_dir_all(&dir).map_err(|e| StoreError::io("remove", &dir, e))
    }

    /// Every committed file, of one study or of all, by study, feeder and table.
    ///
    /// # Errors
    /// As [`Lake::studies`] and [`Lake::records`].
    pub fn committed(&self, study: Option<&str>) -> Result<Vec<CommittedFile>, StoreError> {
        let mut all = Vec::new();
        for manifest in self.studies()? {
            if study.is_some_and(|s| s != manifest.study) {
                continue;
            }
            for record in self.records(&manifest.study)? {
                for file in &record.files {
                    all.push(CommittedFile {
                        study: record.study.clone(),
                        feeder: record.feeder.clone(),
                        path: self.part_path(&file.table, &record.study, &record.feeder),
                        record: file.clone(),
                    });
                }
            }
        }
        Ok(all)
    }

    /// Names of the tables with committed files.
    ///
    /// # Errors
    /// As [`Lake::committed`].
    pub fn tables(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(self.committed(None)?.into_iter().map(|f| f.record.table).collect())
    }

    /// Shows every batch of a table to `look`, feeders in order of their names, rows as they were written.
    ///
    /// # Errors
    /// A file that is torn, and what `look` returns.
    pub fn read(
        &self,
        table: &str,
        study: Option<&str>,
        look: &mut dyn FnMut(&RecordBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for file in self.committed(study)?.iter().filter(|f| f.record.table == table) {
            file.read(look)?;
        }
        Ok(())
    }

    /// Checksum of a table's sorted content: the same whatever the order of rows and files.
    ///
    /// # Errors
    /// As [`Lake::read`].
    pub fn checksum(&self, table: &str, study: Option<&str>) -> Result<TableChecksum, StoreError> {
        let mut sum = ContentSum::default();
        self.read(table, study, &mut |batch| sum.add(table, batch))?;
        Ok(sum.finish(table))
    }

    /// Compares every committed file with its record, and looks for files that no record knows.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn check(&self) -> Result<Vec<Fault>, StoreError> {
        let mut faults = Vec::new();
        let mut known = BTreeSet::new();
        for dir in files::list(&self.root.join("runs"))? {
            let manifest = dir.join("run.json");
            match read_json::<RunManifest>(&manifest) {
                Ok(Some(_)) => {}
                Ok(None) => faults.push(Fault { path: manifest, reason: "is missing".into() }),
                Err(e) => faults.push(Fault { path: manifest, reason: e.to_string() }),
            }
            for path in files::list(&dir.join("feeders"))? {
                match read_json::<FeederRecord>(&path) {
                    Ok(Some(record)) => {
                        for file in &record.files {
                            let part = self.part_path(&file.table, &record.study, &record.feeder);
                            if let Err(reason) = verify(&part, file) {
                                faults.push(Fault { path: part.clone(), reason });
                            }
                            known.insert(part);
                        }
                    }
                    Ok(None) => {}
                    Err(StoreError::Record { reason, .. }) => faults.push(Fault { path, reason }),
                    Err(other) => return Err(other),
                }
            }
        }
        walk(&self.root.join("lake"), &mut |path| {
            if !known.contains(path) {
                let reason = "belongs to no commit record; left by a run that was stopped, or put here by something else";
                faults.push(Fault { path: path.to_owned(), reason: reason.into() });
            }
            Ok(())
        })?;
        Ok(faults)
    }

    /// Removes what a killed run left half-written. Only for the holder of the lock.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        for folder in ["lake", "runs"] {
            walk(&self.root.join(folder), &mut |path| {
                if path.to_string_lossy().ends_with(PARTIAL) {
                    files::remove(path)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Moves a file into the folder `aside`, with the reason beside it.
    pub(crate) fn set_aside(&self, path: &Path, reason: &str) -> Result<(), StoreError> {
        let aside = self.root.join("aside");
        fs::create_dir_all(&aside).map_err(|e| StoreError::writing(&aside, 0, e))?;
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let flat = names::encode(&relative.to_string_lossy().replace(['/', '\\'], "-"));
        let (number, place) =
            (1..).map(|n: u32| (n, aside.join(format!("{n}-{flat}")))).find(|(_, p)| !p.exists()).expect("one of all numbers is free");
        fs::rename(path, &place).map_err(|e| StoreError::io("set aside", path, e))?;
        let text = format!("{}\n{reason}\n", relative.display());
        files::write_whole(&aside.join(format!("{number}-{flat}.reason.txt")), text.as_bytes())
    }
}

impl CommittedFile {
    /// Shows every batch of the file to `look`.
    ///
    /// # Errors
    /// A file that is missing, has another length than its record says or is no Parquet; what `look` returns.
    pub fn read(&self, look: &mut dyn FnMut(&RecordBatch) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.each_batch(&mut |batch| look(batch).map(|()| ControlFlow::Continue(())))
    }

    /// As [`CommittedFile::read`], until `look` breaks.
    pub(crate) fn each_batch(&self, look: &mut dyn FnMut(&RecordBatch) -> Result<ControlFlow<()>, StoreError>) -> Result<(), StoreError> {
        self.check_length()?;
        let unreadable = |e: &dyn std::fmt::Display| StoreError::Parquet { path: self.path.clone(), reason: e.to_string() };
        let file = File::open(&self.path).map_err(|e| StoreError::io("open", &self.path, e))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).map_err(|e| unreadable(&e))?;
        for batch in reader {
            if look(&batch.map_err(|e| unreadable(&e))?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The quick look at a file: is it there, is it as long as its record says.
    ///
    /// # Errors
    /// [`StoreError::Torn`].
    pub fn check_length(&self) -> Result<(), StoreError> {
        length_fault(&self.path, &self.record).map_or(Ok(()), |reason| Err(StoreError::Torn { path: self.path.clone(), reason }))
    }
}

pub(crate) fn length_fault(path: &Path, record: &FileRecord) -> Option<String> {
    match fs::metadata(path) {
        Ok(m) if m.len() == record.bytes => None,
        Ok(m) => Some(format!("it has {} bytes, its commit record says {}", m.len(), record.bytes)),
        Err(e) => Some(format!("it cannot be opened: {e}")),
    }
}

/// Compares a file with its record: length, checksum, and the footer with its number of rows.
pub(crate) fn verify(path: &Path, record: &FileRecord) -> Result<(), String> {
    if let Some(reason) = length_fault(path, record) {
        return Err(reason);
    }
    let (_, sha256) = files::measure(path).map_err(|e| format!("it cannot be read: {e}"))?;
    if sha256 != record.sha256 {
        return Err("its checksum is not that of its commit record".to_owned());
    }
    let file = File::open(path).map_err(|e| format!("it cannot be opened: {e}"))?;
    let footer = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| format!("its footer cannot be read: {e}"))?;
    let rows = footer.metadata().file_metadata().num_rows();
    if u64::try_from(rows) != Ok(record.rows) {
        return Err(format!("it has {rows} rows, its commit record says {}", record.rows));
    }
    Ok(())
}

/// Every file below a folder.
fn walk(dir: &Path, look: &mut dyn FnMut(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
    for path in files::list(dir)? {
        // A link is looked at as a file, so that a loop of folders cannot trap the walk.
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir());
        if is_dir {
            walk(&path, look)?;
        } else {
            look(&path)?;
        }
    }
    Ok(())
}
