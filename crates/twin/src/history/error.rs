//! Why the history could not do what it was asked.

use network::{Diagnostic, SourceRef};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A refusal or failure of the history. [`HistoryError::diagnostic`] says how to mend it.
#[derive(Clone, Debug, Error)]
pub enum HistoryError {
    #[error("cannot {action} {}: {reason}", path.display())]
    Io { action: &'static str, path: PathBuf, reason: String },
    #[error("no space to {action} {}: {reason}", path.display())]
    NoSpace { action: &'static str, path: PathBuf, reason: String },
    #[error("another program writes into {}", path.display())]
    Locked { path: PathBuf },
    #[error("{} holds no history: {reason}", path.display())]
    NotAHistory { path: PathBuf, reason: String },
    #[error("{} is of format version {found}, this program reads and writes version {expected}", path.display())]
    OtherVersion { path: PathBuf, found: u64, expected: u64 },
    #[error("{} is damaged at octet {offset}: {reason}", path.display())]
    Damaged { path: PathBuf, offset: u64, reason: &'static str },
    #[error("{waiting} samples and events wait to be written, and {limit} is the most that may")]
    QueueFull { waiting: usize, limit: usize },
    #[error("not on the disk after {waited_ms} ms")]
    NotYet { waited_ms: u64 },
    #[error("cannot {action} {place}: {reason}")]
    Database { action: &'static str, place: String, reason: String },
    #[error("another program writes into the history of {place}")]
    DatabaseLocked { place: String },
    #[error("the history has been closed")]
    Closed,
    #[error("point \"{name}\" is recorded in \"{known}\", and not in \"{given}\"")]
    UnitChanged { name: String, known: String, given: String },
    #[error("the history has no point {id}")]
    UnknownPoint { id: u32 },
    #[error("a point needs a name of 1 to {longest} octets without control characters")]
    PointName { longest: usize },
    #[error("option {option}: {reason}")]
    Options { option: &'static str, reason: String },
    #[error("the range ends before it begins, or is of no length")]
    EmptyRange { from_us: i64, to_us: i64 },
    #[error("an event of {octets} octets is longer than {longest}")]
    EventTooLong { octets: usize, longest: usize },
}

impl HistoryError {
    /// The failure of one action on one path; a full disk, quota or file size limit gets its own name.
    pub(crate) fn io(action: &'static str, path: &Path, source: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let (path, reason) = (path.to_owned(), source.to_string());
        if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            Self::NoSpace { action, path, reason }
        } else {
            Self::Io { action, path, reason }
        }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, reason: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason }
    }

    /// The finding that people are shown.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        let (found, hint) = match self {
            Self::Io { .. } => (
                Diagnostic::error("HISTORY.DISK.FAILED", text),
                "Check that the folder exists, that it may be read and written, and that the disk is sound.",
            ),
            Self::NoSpace { .. } => (
                Diagnostic::error("HISTORY.DISK.FULL", text),
                "Free some space, or keep raw values for a shorter time. Writing goes on by itself; what was acknowledged is safe.",
            ),
            Self::Locked { .. } => (Diagnostic::error("HISTORY.FOLDER.LOCKED", text), "Stop the other program, or name another folder."),
            Self::NotAHistory { .. } => (Diagnostic::error("HISTORY.FOLDER.FOREIGN", text), "Name a new folder, or the one of a history."),
            Self::OtherVersion { .. } => {
                (Diagnostic::error("HISTORY.FOLDER.VERSION", text), "Use the program that wrote it, or name another folder.")
            }
            Self::Damaged { .. } => (
                Diagnostic::error("HISTORY.FILE.DAMAGED", text),
                "Put the file back from a backup, or set it aside; all other files stay readable.",
            ),
            Self::QueueFull { .. } => (
                Diagnostic::error("HISTORY.QUEUE.FULL", text),
                "The disk is full or too slow: see what the history says of its state, and hand in less at once.",
            ),
            Self::NotYet { .. } => (
                Diagnostic::warning("HISTORY.WRITER.LATE", text),
                "It has not been acknowledged and still waits: see what the history says of its state.",
            ),
            Self::Database { .. } => (
                Diagnostic::error("HISTORY.DATABASE.FAILED", text),
                "Check that the server runs and can be reached, that it has room, and that the user may make tables. Writing goes on by itself.",
            ),
            Self::DatabaseLocked { .. } => {
                (Diagnostic::error("HISTORY.DATABASE.LOCKED", text), "Stop the other program, or name another database.")
            }
            Self::Closed => (Diagnostic::error("HISTORY.WRITER.CLOSED", text), "Open the history again."),
            Self::UnitChanged { .. } => {
                (Diagnostic::error("HISTORY.POINT.UNIT", text), "Give the point another name, or scale it to the unit it is recorded in.")
            }
            Self::UnknownPoint { .. } => (Diagnostic::error("HISTORY.POINT.UNKNOWN", text), "Tell the name of the point first."),
            Self::PointName { .. } => (Diagnostic::error("HISTORY.POINT.NAME", text), "Give the point such a name."),
            Self::Options { .. } => (Diagnostic::error("HISTORY.OPTIONS.INVALID", text), "Correct the option."),
            Self::EmptyRange { .. } => (Diagnostic::error("HISTORY.RANGE.EMPTY", text), "Ask for a range whose end comes after its start."),
            Self::EventTooLong { .. } => {
                (Diagnostic::error("HISTORY.EVENT.TOO_LONG", text), "Keep long texts elsewhere, and name the place.")
            }
        };
        let found = found.hint(hint);
        match self {
            Self::Io { path, .. } | Self::NoSpace { path, .. } | Self::Damaged { path, .. } => {
                found.at(&SourceRef::new(path.to_string_lossy().as_ref(), 0))
            }
            _ => found,
        }
    }
}
