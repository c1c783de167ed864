//! Folders and files of a history: whole or not there, and gone when the last who reads them is done.

use super::error::HistoryError;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the name of a file that is being written. What a killed program leaves under it is nobody's.
pub(crate) const PARTIAL: &str = ".partial";

/// Asked before each write and flush, with the name of the action; what it returns is taken for the answer of the disk. For tests of what
/// cannot be had from a real disk at will.
#[derive(Clone, Default)]
pub struct DiskFaults(pub(crate) Option<Arc<Fault>>);

type Fault = dyn Fn(&'static str) -> io::Result<()> + Send + Sync;

impl DiskFaults {
    pub fn new(fault: impl Fn(&'static str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(fault)))
    }

    pub(crate) fn check(&self, action: &'static str) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |fault| fault(action))
    }
}

impl fmt::Debug for DiskFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiskFaults({})", if self.0.is_some() { "some" } else { "none" })
    }
}

/// A file that is removed when it has been given up and nobody reads it any more.
#[derive(Debug)]
pub(crate) struct OwnedFile {
    pub(crate) path: PathBuf,
    given_up: AtomicBool,
}

impl OwnedFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, given_up: AtomicBool::new(false) }
    }

    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        if *self.given_up.get_mut() {
            // What stays is found and removed when the history is opened again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the names in a folder last: a file that was made or renamed is only there for certain after this.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), HistoryError> {
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| HistoryError::io("flush", folder, &e))?;
    Ok(())
}

/// Flushes a file under its temporary name and puts it in its place.
pub(crate) fn put_in_place(file: &File, temporary: &Path, place: &Path, faults: &DiskFaults) -> Result<(), HistoryError> {
    faults.check("flush").and_then(|()| file.sync_all()).map_err(|e| HistoryError::io("flush", temporary, &e))?;
    fs::rename(temporary, place).map_err(|e| HistoryError::io("rename to", place, &e))?;
    sync_folder(place.parent().unwrap_or(Path::new(".")))
}

pub(crate) fn temporary_of(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(PARTIAL);
    place.with_file_name(name)
}

/// Writes a small file, whole or not at all.
pub(crate) fn write_whole(place: &Path, content: &[u8], faults: &DiskFaults) -> Result<(), HistoryError> {
    let temporary = temporary_of(place);
    let written = (|| {
        faults.check("write").map_err(|e| HistoryError::io("write", &temporary, &e))?;
        let mut file = File::create(&temporary).map_err(|e| HistoryError::io("write", &temporary, &e))?;
        file.write_all(content).map_err(|e| HistoryError::io("write", &temporary, &e))?;
        put_in_place(&file, &temporary, place, faults)
    })();
    if written.is_err() {
        // The error that led here is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), HistoryError> {
    fs::create_dir_all(folder).map_err(|e| HistoryError::io("make", folder, &e))
}

/// Files of a folder, sorted; none where there is no such folder. What a killed program left half-written is removed.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, HistoryError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(HistoryError::io("list", folder, &e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| HistoryError::io("list", folder, &e))?.path();
        if path.to_string_lossy().ends_with(PARTIAL) {
            let _ = fs::remove_file(&path);
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
