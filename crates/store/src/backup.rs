//! Backups of a data folder, taken while programs work in it, and the way back.
//!
//! A backup is a ZIP archive: every file under its path in the folder, and at the end `backup.json` with the length and SHA-256 of each.
//! What makes it whole although others write meanwhile:
//!
//! * A database file is not copied but written anew by SQLite from one state of it (`VACUUM INTO`), so that no half transaction comes in.
//! * Of a feeder's results the commit record is read first; its files are opened, checked against the record through the open handle, and
//!   written from that handle. A file that a later run puts in their place does not change what an open handle reads.
//! * Files under temporary names, locks, and results without a commit record are nobody's and stay out.
//!
//! What a PostgreSQL server holds is not in the folder; the backup says which databases those are, for `pg_dump`.
//!
//! [`restore`] writes beside the folder, checks every file and renames at the end: what it leaves is whole or not there.

use crate::error::StoreError;
use crate::files::{self, PARTIAL, PartialFile, hex};
use crate::lake::Lake;
use crate::project::ProjectError;
use crate::project::database::{Database, without_password};
use crate::record::{FeederRecord, to_json};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use thiserror::Error;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const FORMAT: &str = "gridtwin-backup";
const VERSION: u64 = 1;
/// Name of the list in the archive.
const LIST: &str = "backup.json";
/// How often a feeder is looked at again when its results change under our hands.
const TRIES: usize = 5;
/// Largest list that is read, bytes.
const LIST_MAX: u64 = 1 << 30;

/// Why a backup cannot be made or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    #[error("{} lies in the folder that is to be backed up", .0.display())]
    Inside(PathBuf),
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("{} is no backup: {reason}", path.display())]
    NotABackup { path: PathBuf, reason: String },
    #[error("{} was made by a newer program (format {found})", path.display())]
    Newer { path: PathBuf, found: u64 },
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
}

impl BackupError {
    /// The finding: code, what, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match self {
            Self::Store(e) => Diagnostic::error("BACKUP.FILE.FAILED", text).hint(match e {
                StoreError::NoSpace { .. } => "Free some space or write the backup to another disk; nothing of it was left behind.".into(),
                e => e.hint(),
            }),
            Self::Project(e) => e.diagnostic(),
            Self::NoFolder(_) => Diagnostic::error("BACKUP.DATA.MISSING", text)
                .hint("Name the folder that `gridtwin serve --data` or `gridtwin project` was given."),
            Self::Inside(_) => Diagnostic::error("BACKUP.FILE.INSIDE", text)
                .detail("Each backup would hold the ones before it.")
                .hint("Write it elsewhere, best on another disk."),
            Self::Exists(_) => Diagnostic::error("BACKUP.FILE.EXISTS", text).hint("Choose another name, or give --force to replace it."),
            Self::NotABackup { .. } => Diagnostic::error("BACKUP.FILE.FOREIGN", text)
                .hint("Give an archive that `gridtwin backup` wrote; one that was cut off has no list at its end."),
            Self::Newer { .. } => {
                Diagnostic::error("BACKUP.FILE.NEWER", text).hint("Restore it with a program at least as new as the one that made it.")
            }
            Self::Damaged { .. } => {
                Diagnostic::error("BACKUP.FILE.DAMAGED", text).hint("Take another copy of the archive; nothing was restored from this one.")
            }
            Self::NotEmpty(_) => Diagnostic::error("BACKUP.DATA.NOT_EMPTY", text)
                .hint("Restore into a folder that is new or empty, look at it, and move it to its place then."),
        }
    }
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Path in the data folder, parts separated by `/`.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub format: String,
    pub version: u64,
    /// Version of the program that made it.
    pub program: String,
    /// When it was begun, RFC 3339.
    pub made_utc: String,
    pub files: Vec<BackupFile>,
    /// Databases on servers, without passwords: they are not in the archive.
    pub databases: Vec<String>,
    /// Results that changed again and again while they were copied and are left out, as `study/feeder` below their project's path.
    pub left_out: Vec<String>,
}

impl Backup {
    /// Bytes of all files, before compression.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

/// Hashes and counts what goes through.
struct Counted<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Counted<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

struct Writer<'a> {
    root: &'a Path,
    archive: &'a Path,
    zip: ZipWriter<StreamWriter<PartialFile>>,
    written: BTreeMap<String, BackupFile>,
    databases: BTreeSet<String>,
    left_out: Vec<String>,
    said: &'a mut dyn FnMut(&str),
}

/// Writes a backup of everything in `data` to `archive`. `said` is told each path before it is copied.
///
/// # Errors
/// No such folder; an archive inside it, or there already unless `replace`; files that cannot be read; a disk that is full. No archive is
/// left then.
pub fn backup(
    data: &Path,
    archive: &Path,
    replace: bool,
    program: &str,
    made_utc: &str,
    said: &mut dyn FnMut(&str),
) -> Result<Backup, BackupError> {
    if !data.is_dir() {
        return Err(BackupError::NoFolder(data.to_owned()));
    }
    let parent = match archive.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|e| StoreError::io("make", parent, e))?;
    let real = |p: &Path| p.canonicalize().map_err(|e| StoreError::io("find", p, e));
    if real(parent)?.starts_with(real(data)?) {
        return Err(BackupError::Inside(archive.to_owned()));
    }
    if archive.exists() && !replace {
        return Err(BackupError::Exists(archive.to_owned()));
    }
    let file = PartialFile::create(archive)?;
    file.only_for_owner()?;
    let mut writer = Writer {
        root: data,
        archive,
        zip: ZipWriter::new_stream(file),
        written: BTreeMap::new(),
        databases: BTreeSet::new(),
        left_out: Vec::new(),
        said,
    };
    // Databases first: what they say is done by then has its results in the lakes, which are copied after them.
    let (databases, others): (Vec<PathBuf>, Vec<PathBuf>) =
        writer.walk()?.into_iter().partition(|p| p.extension().is_some_and(|e| e == "db"));
    for path in databases {
        writer.database(&path)?;
    }
    for path in &others {
        if path.file_name().is_some_and(|n| n == "lake.json") {
            writer.results(path.parent().unwrap_or(data))?;
        }
    }
    for path in others {
        writer.plain(&path)?;
    }
    writer.finish(program, made_utc)
}

impl Writer<'_> {
    /// Files below the folder but those that are temporary, locks, or rows of results, which come with their records.
    fn walk(&self) -> Result<Vec<PathBuf>, BackupError> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.to_owned()];
        while let Some(folder) = folders.pop() {
            let is_lake = folder.join("lake.json").is_file();
            for path in files::list(&folder)? {
                let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
                // Links may lead out of the folder, and round in circles.
                let Ok(meta) = fs::symlink_metadata(&path) else { continue };
                let skipped = folder == self.root && name == "tmp"
                    || name == "cache"
                        && (folder == self.root || folder.join("project.db").is_file() || folder.join("project.json").is_file())
                    || name.ends_with(PARTIAL)
                    || name.ends_with("-wal")
                    || name.ends_with("-shm")
                    || name.ends_with("-journal")
                    || is_lake && ["lake", "runs", "lock", "lock.json"].contains(&name);
                match meta {
                    _ if skipped => {}
                    m if m.is_dir() => folders.push(path),
                    m if m.is_file() => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        relative.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    fn failed(&self, e: impl std::fmt::Display) -> BackupError {
        StoreError::writing(self.archive, 0, io::Error::other(e.to_string())).into()
    }

    /// Copies what a reader gives.
    fn put(&mut self, name: String, from: &Path, content: impl Read) -> Result<(), BackupError> {
        if self.written.contains_key(&name) {
            return Ok(());
        }
        (self.said)(&name);
        // Parquet and archives are compressed already.
        let packed = ["parquet", "zip", "gz", "xlsx", "pdf", "png"].iter().any(|e| Path::new(&name).extension().is_some_and(|x| x == *e));
        let method = if packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method).large_file(true);
        let begun = self.zip.start_file(name.as_str(), options);
        begun.map_err(|e| self.failed(e))?;
        let mut content = Counted::new(content);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => self.zip.write_all(&buffer[..n]).map_err(|e| BackupError::from(StoreError::writing(self.archive, 0, e)))?,
                Err(e) => return Err(StoreError::io("read", from, e).into()),
            }
        }
        let sha256 = hex(&content.hash.finalize());
        self.written.insert(name.clone(), BackupFile { path: name, bytes: content.bytes, sha256 });
        Ok(())
    }

    fn plain(&mut self, path: &Path) -> Result<(), BackupError> {
        if path.file_name().is_some_and(|n| n == "project.json")
            && let Ok(text) = fs::read_to_string(path)
            && let Ok(pointer) = serde_json::from_str::<serde_json::Value>(&text)
            && let Some(address) = pointer.as_object().and_then(|o| o.values().filter_map(|v| v.as_str()).find(|v| v.contains("://")))
        {
            self.databases.insert(without_password(address));
        }
        match File::open(path) {
            Ok(file) => self.put(self.name(path), path, BufReader::new(file)),
            // Gone since the folder was listed: an upload that was taken in, a job's output that expired.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(StoreError::io("read", path, e).into()),
        }
    }

    /// A database of SQLite, written anew from one state of it; another file of that ending as it is.
    fn database(&mut self, path: &Path) -> Result<(), BackupError> {
        let mut head = [0; 16];
        let is_sqlite = File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head == *b"SQLite format 3\0";
        if !is_sqlite {
            return self.plain(path);
        }
        let copy =
            self.archive.with_file_name(format!("{}.database{PARTIAL}", self.archive.file_name().unwrap_or_default().to_string_lossy()));
        files::remove(&copy)?;
        let made = Database::sqlite(path, false).and_then(|mut db| db.execute("VACUUM INTO $1", &[copy.display().to_string().into()]));
        let done = made.map_err(BackupError::from).and_then(|_| {
            let file = File::open(&copy).map_err(|e| StoreError::io("read", &copy, e))?;
            self.put(self.name(path), &copy, BufReader::new(file))
        });
        files::remove(&copy)?;
        done
    }

    /// Manifests and committed results of a lake.
    fn results(&mut self, dir: &Path) -> Result<(), BackupError> {
        let lake = Lake::open(dir)?;
        for run in files::list(&dir.join("runs"))? {
            let manifest = run.join("run.json");
            if manifest.is_file() {
                self.plain(&manifest)?;
            }
            for record in files::list(&run.join("feeders"))? {
                if record.extension().is_some_and(|e| e == "json") {
                    self.feeder(&lake, &record)?;
                }
            }
        }
        Ok(())
    }

    fn feeder(&mut self, lake: &Lake, path: &Path) -> Result<(), BackupError> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let bytes = match fs::read(path) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(StoreError::io("read", path, e).into()),
            };
            // A record that cannot be read does not count in the lake either.
            let Ok(record) = serde_json::from_slice::<FeederRecord>(&bytes) else { return Ok(()) };
            last = format!("{}/{}", record.study, record.feeder);
            let Some(parts) = parts(lake, &record)? else { continue };
            for (part, file) in parts {
                self.put(self.name(&part), &part, BufReader::new(file))?;
            }
            return self.put(self.name(path), path, bytes.as_slice());
        }
        self.left_out.push(format!("{}/{last}", self.name(lake.root())).trim_start_matches('/').to_owned());
        Ok(())
    }

    fn finish(mut self, program: &str, made_utc: &str) -> Result<Backup, BackupError> {
        let list = Backup {
            format: FORMAT.into(),
            version: VERSION,
            program: program.into(),
            made_utc: made_utc.into(),
            files: std::mem::take(&mut self.written).into_values().collect(),
            databases: std::mem::take(&mut self.databases).into_iter().collect(),
            left_out: std::mem::take(&mut self.left_out),
        };
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        let archive = self.archive;
        let failed = |e: &dyn std::fmt::Display| BackupError::from(StoreError::writing(archive, 0, io::Error::other(e.to_string())));
        self.zip.start_file(LIST, options).map_err(|e| failed(&e))?;
        self.zip.write_all(&to_json(&list)).map_err(|e| StoreError::writing(archive, 0, e))?;
        let file = self.zip.finish().map_err(|e| failed(&e))?.into_inner();
        file.commit()?;
        Ok(list)
    }
}

/// Files of a feeder, opened, when all are those of the record.
fn parts(lake: &Lake, record: &FeederRecord) -> Result<Option<Vec<(PathBuf, File)>>, BackupError> {
    let mut parts = Vec::new();
    for part in &record.files {
        let path = lake.part_path(&part.table, &record.study, &record.feeder);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::io("read", &path, e).into()),
        };
        let mut counted = Counted::new(&file);
        io::copy(&mut counted, &mut io::sink()).map_err(|e| StoreError::io("read", &path, e))?;
        if counted.bytes != part.bytes || hex(&counted.hash.finalize()) != part.sha256 {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0)).map_err(|e| StoreError::io("read", &path, e))?;
        parts.push((path, file));
    }
    Ok(Some(parts))
}

/// The archive and its list.
fn open(archive: &Path) -> Result<(ZipArchive<BufReader<File>>, Backup), BackupError> {
    let foreign = |reason: String| BackupError::NotABackup { path: archive.to_owned(), reason };
    let file = File::open(archive).map_err(|e| StoreError::io("open", archive, e))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| foreign(e.to_string()))?;
    let list = zip.by_name(LIST).map_err(|_| foreign(format!("it holds no {LIST}")))?;
    let value: serde_json::Value = serde_json::from_reader(list.take(LIST_MAX)).map_err(|e| foreign(format!("{LIST}: {e}")))?;
    match (value["format"].as_str(), value["version"].as_u64()) {
        (Some(FORMAT), Some(VERSION)) => {}
        (Some(FORMAT), Some(found)) if found > VERSION => return Err(BackupError::Newer { path: archive.to_owned(), found }),
        _ => return Err(foreign(format!("{LIST} is not ours"))),
    }
    let list: Backup = serde_json::from_value(value).map_err(|e| foreign(format!("{LIST}: {e}")))?;
    Ok((zip, list))
}

/// Reads a backup through and compares every file with the list.
///
/// # Errors
/// No backup, or a damaged one.
pub fn verify(archive: &Path, said: &mut dyn FnMut(&str)) -> Result<Backup, BackupError> {
    let (mut zip, list) = open(archive)?;
    each(archive, &mut zip, &list, &mut |file, content| {
        said(&file.path);
        io::copy(content, &mut io::sink()).map(drop).map_err(|e| StoreError::io("read", archive, e).into())
    })?;
    Ok(list)
}

/// Hands each file of the list with its content to `take`; what `take` read has to be what the list says.
fn each(
    archive: &Path,
    zip: &mut ZipArchive<BufReader<File>>,
    list: &Backup,
    take: &mut dyn FnMut(&BackupFile, &mut dyn Read) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: archive.to_owned(), reason };
    let mut seen = HashSet::new();
    for file in &list.files {
        if !is_plain(&file.path) || !seen.insert(&file.path) {
            return Err(damaged(format!("it names a file {:?}", file.path)));
        }
        let entry = zip.by_name(&file.path).map_err(|e| damaged(format!("{}: {e}", file.path)))?;
        // One byte more than listed is enough to see that it is too long, however far a bomb would unfold.
        let mut counted = Counted::new(entry.take(file.bytes.saturating_add(1)));
        match take(file, &mut counted) {
            Err(BackupError::Store(StoreError::Io { action: "read", source, .. })) => {
                return Err(damaged(format!("{}: {source}", file.path)));
            }
            other => other?,
        }
        if counted.bytes != file.bytes || hex(&counted.hash.finalize()) != file.sha256 {
            return Err(damaged(format!("{} is not what the list says", file.path)));
        }
    }
    Ok(())
}

/// A path that stays below the folder that it is joined to.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && !path.contains(':')
        && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)))
}

/// Restores a backup into a folder that is new or empty.
///
/// # Errors
/// No backup, or a damaged one; a folder that holds something. The folder is as it was then.
pub fn restore(archive: &Path, data: &Path, said: &mut dyn FnMut(&str)) -> Result<Backup, BackupError> {
    if !files::list(data)?.is_empty() {
        return Err(BackupError::NotEmpty(data.to_owned()));
    }
    let (mut zip, list) = open(archive)?;
    let mut name = data.file_name().ok_or_else(|| BackupError::NoFolder(data.to_owned()))?.to_owned();
    name.push(PARTIAL);
    let beside = data.with_file_name(name);
    let io = |action: &'static str, path: &Path, e: io::Error| BackupError::from(StoreError::io(action, path, e));
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(|e| io("remove", &beside, e))?;
    }
    fs::create_dir_all(&beside).map_err(|e| io("make", &beside, e))?;
    let done = each(archive, &mut zip, &list, &mut |file, content| {
        said(&file.path);
        let mut out = PartialFile::create(&beside.join(&file.path))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if let Err(e) = out.write_all(&buffer[..n]) {
                        return Err(out.failed(e).into());
                    }
                }
                Err(e) => return Err(StoreError::io("read", archive, e).into()),
            }
        }
        Ok(out.commit()?)
    })
    .and_then(|()| {
        if data.exists() {
            // Empty, as was seen above; a folder that is not is not removed.
            fs::remove_dir(data).map_err(|e| io("replace", data, e))?;
        }
        fs::rename(&beside, data).map_err(|e| io("make", data, e))
    });
    if done.is_err() {
        // Best effort: the error that led here is the one to tell.
        let _ = fs::remove_dir_all(&beside);
    }
    done.map(|()| list)
}
