//! Files of models and scenarios by path: on disk, relative to a folder that may be another program's, or in object storage.
//!
//! A worker of a cluster reads the models that somebody named elsewhere. Their paths stay as they were named, because they are part of the
//! hash of a model and of the records in the lake; only where a relative one begins is told beside them.

use crate::disk_files::DiskFiles;
use formats::opendss::FileSource;
use std::io;
use std::path::{Path, PathBuf};

/// Files on disk or in object storage.
#[derive(Debug, Clone, Default)]
pub struct ModelFiles {
    disk: DiskFiles,
    /// Where relative paths begin; the working directory without.
    base: Option<PathBuf>,
}

impl ModelFiles {
    /// Relative paths begin at `base`.
    pub fn beside(base: &Path) -> Self {
        Self { disk: DiskFiles::default(), base: Some(base.to_owned()) }
    }

    /// The path on this machine's disk.
    pub fn at(&self, path: &Path) -> PathBuf {
        match &self.base {
            Some(base) if !is_remote(path) => base.join(path),
            _ => path.to_owned(),
        }
    }

    /// What a path names.
    ///
    /// # Errors
    /// What the system or the storage says, when it is not there or cannot be looked at.
    pub fn kind(&self, path: &Path) -> io::Result<Kind> {
        if let Some(kind) = remote_kind(path) {
            return kind;
        }
        Ok(if std::fs::metadata(self.at(path))?.is_dir() { Kind::Folder } else { Kind::File })
    }

    /// What lies in a folder, by path.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn entries(&self, dir: &Path) -> io::Result<Vec<(PathBuf, Kind)>> {
        if let Some(entries) = remote_entries(dir) {
            return entries;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.at(dir))?.filter_map(Result::ok) {
            let path = dir.join(entry.file_name());
            // A link that leads nowhere is nothing.
            let kind = std::fs::metadata(entry.path()).map(|m| if m.is_dir() { Kind::Folder } else { Kind::File });
            found.extend(kind.map(|kind| (path, kind)));
        }
        found.sort();
        Ok(found)
    }
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    File,
    Folder,
}

impl FileSource for ModelFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        remote(path).unwrap_or_else(|| self.disk.read(&self.at(path)))
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        if is_remote(dir) {
            let name = |(path, _): (PathBuf, Kind)| Some(path.file_name()?.to_string_lossy().into_owned());
            return Ok(self.entries(dir)?.into_iter().filter_map(name).collect());
        }
        self.disk.list_dir(&self.at(dir))
    }
}

/// Whether a path names a place in object storage.
pub fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("s3:/"))
}

#[cfg(not(feature = "cluster"))]
fn remote(path: &Path) -> Option<io::Result<Vec<u8>>> {
    is_remote(path).then(|| Err(not_built()))
}

#[cfg(not(feature = "cluster"))]
fn remote_kind(path: &Path) -> Option<io::Result<Kind>> {
    is_remote(path).then(|| Err(not_built()))
}

#[cfg(not(feature = "cluster"))]
fn remote_entries(dir: &Path) -> Option<io::Result<Vec<(PathBuf, Kind)>>> {
    is_remote(dir).then(|| Err(not_built()))
}

#[cfg(not(feature = "cluster"))]
fn not_built() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "object storage needs a program that was built with the cargo feature \"cluster\"")
}

#[cfg(feature = "cluster")]
use with_storage::{remote, remote_entries, remote_kind};

#[cfg(feature = "cluster")]
mod with_storage {
    use super::{Kind, Path, PathBuf, io};
    use ::cluster::ClusterError;
    use ::cluster::storage::{self, Place};

    fn failed(error: &ClusterError) -> io::Error {
        let reason = match error {
            ClusterError::Storage { reason, .. } | ClusterError::Place { reason, .. } => format!("{error}: {reason}"),
            other => other.to_string(),
        };
        io::Error::other(reason)
    }

    /// The bytes of an object; nothing when the path is one of a disk.
    pub(super) fn remote(path: &Path) -> Option<io::Result<Vec<u8>>> {
        let place = Place::of_path(path)?;
        Some(
            place
                .and_then(|p| storage::get(&p))
                .map_err(|e| failed(&e))
                .and_then(|found| found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the storage has no such object"))),
        )
    }

    pub(super) fn remote_kind(path: &Path) -> Option<io::Result<Kind>> {
        let place = Place::of_path(path)?;
        let kind = |place: Place| {
            if !place.key.is_empty() && storage::length(&place)?.is_some() {
                return Ok(Some(Kind::File));
            }
            let folder = storage::list_folder(&place)?;
            Ok((!folder.files.is_empty() || !folder.folders.is_empty()).then_some(Kind::Folder))
        };
        let found = place.and_then(kind).map_err(|e| failed(&e));
        Some(found.and_then(|kind| kind.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the storage has nothing there"))))
    }

    pub(super) fn remote_entries(dir: &Path) -> Option<io::Result<Vec<(PathBuf, Kind)>>> {
        let place = Place::of_path(dir)?;
        Some(place.and_then(|p| storage::list_folder(&p)).map_err(|e| failed(&e)).map(|folder| {
            let folders = folder.folders.iter().map(|p| (dir.join(p.file_name()), Kind::Folder));
            let files = folder.files.iter().map(|f| (dir.join(f.place.file_name()), Kind::File));
            let mut all: Vec<(PathBuf, Kind)> = folders.chain(files).collect();
            all.sort();
            all
        }))
    }
}
