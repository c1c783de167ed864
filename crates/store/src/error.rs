//! Why the store could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A refusal or failure of the store. The text says what and where, [`StoreError::hint`] how to mend it.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("no space to write {} after {bytes} bytes: {source}", path.display())]
    NoSpace { path: PathBuf, bytes: u64, source: io::Error },
    #[error("{} holds no results lake: {reason}", path.display())]
    NotALake { path: PathBuf, reason: String },
    #[error("{} is a lake of format version {found}, this program writes and reads version {expected}", path.display())]
    OtherVersion { path: PathBuf, found: u64, expected: u64 },
    #[error("another run writes into {}: {holder}", path.display())]
    Locked { path: PathBuf, holder: String },
    #[error("{} is not held by the run that is to be helped", path.display())]
    NotHeld { path: PathBuf },
    #[error("two feeders of the run are called \"{first}\" and \"{second}\"")]
    SameName { first: String, second: String },
    #[error("{} cannot be read as Parquet: {reason}", path.display())]
    Parquet { path: PathBuf, reason: String },
    #[error("{} cannot be read: {reason}", path.display())]
    Record { path: PathBuf, reason: String },
    #[error("table {table}, column {column}: expected {expected}, found {found}")]
    Column { table: String, column: String, expected: String, found: String },
    #[error("\"{table}\" is no name of a table")]
    TableName { table: String },
    #[error("\"{name}\" is no name of a model")]
    ModelName { name: String },
    #[error("{} has been changed since it was written: {reason}", path.display())]
    Torn { path: PathBuf, reason: String },
    #[error("the lake has no study \"{study}\"")]
    UnknownStudy { study: String, known: Vec<String> },
    #[error("the lake holds {} studies", known.len())]
    StudyNotNamed { known: Vec<String> },
    #[error("{message}")]
    Sql { message: String, hint: Option<String> },
}

impl StoreError {
    /// The failure of one action on one path; a full disk, quota or file size limit gets its own name.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// The failure of writing, after so many bytes of this file.
    pub(crate) fn writing(path: &Path, bytes: u64, source: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            Self::NoSpace { path: path.to_owned(), bytes, source }
        } else {
            Self::io("write", path, source)
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "Check that the folder exists and that you may read and write it.".into(),
            Self::NoSpace { .. } => "Everything committed before is whole. Free some space, then run again with --resume.".into(),
            Self::NotALake { .. } => "Name the folder that a run wrote with --out, or a new one.".into(),
            Self::OtherVersion { found, expected, .. } if found > expected => {
                "Use the newer program that wrote it, or name another folder.".into()
            }
            Self::OtherVersion { .. } => "Name another folder and run again; the old one stays as it is.".into(),
            Self::Locked { .. } => "Wait for it to end, stop it, or name another folder.".into(),
            Self::NotHeld { .. } => {
                "See that the folder is the same one here as where the run was begun, and that the run still goes on.".into()
            }
            Self::SameName { .. } => "Give each feeder a name of its own; capitals do not tell them apart on every disk.".into(),
            Self::Parquet { .. } | Self::Record { .. } | Self::Torn { .. } => {
                "Run again with --resume: what is torn is set aside and made anew.".into()
            }
            Self::Column { .. } => "The table's columns are listed in docs/lake.md.".into(),
            Self::TableName { .. } => "Use lower-case letters, digits and underscores, beginning with a letter.".into(),
            Self::ModelName { .. } => "Use lower-case letters, digits, hyphens and underscores, 64 at most.".into(),
            Self::UnknownStudy { known, .. } | Self::StudyNotNamed { known } if known.is_empty() => "No run has been written here.".into(),
            Self::UnknownStudy { known, .. } | Self::StudyNotNamed { known } => {
                format!("Name one of them with --study: {}.", known.join(", "))
            }
            Self::Sql { hint, .. } => hint.clone().unwrap_or_default(),
        }
    }
}
