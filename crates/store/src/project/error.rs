//! Why a project could not do what it was asked, as a finding.

use network::Diagnostic;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A refusal or failure of a project. [`ProjectError::diagnostic`] is the finding for people.
#[derive(Debug, Error)]
pub enum ProjectError {
    #[error("{} holds no project: {reason}", path.display())]
    NotAProject { path: PathBuf, reason: String },
    #[error("there is a project in {} already", path.display())]
    Exists { path: PathBuf },
    #[error("the database has a project called \"{name}\" already")]
    NameTaken { name: String },
    #[error("\"{name}\" cannot be the name of a {what}: {reason}")]
    Name { what: &'static str, name: String, reason: &'static str },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("\"{url}\" cannot be used as the address of a database: {reason}")]
    Url { url: String, reason: String },
    #[error("the database at {place} cannot be reached: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("another process writes into {place}")]
    Busy { place: String, waited_s: u64 },
    #[error("the database at {place} has no room to write: {reason}")]
    NoSpace { place: String, reason: String },
    #[error("the database at {place} is damaged: {reason}")]
    Damaged { place: String, reason: String },
    #[error("the database at {place} refused a statement: {reason}")]
    Refused { place: String, reason: String },
    #[error("the database at {place} has schema {found}, this program knows schemas up to {known}")]
    SchemaNewer { place: String, found: i64, known: i64 },
    #[error("the database at {place} has schema {found}, this program needs schema {known}")]
    SchemaOlder { place: String, found: i64, known: i64 },
    #[error("the project has no network \"{name}\"")]
    UnknownNetwork { name: String, known: Vec<String> },
    #[error("the project holds {} networks", known.len())]
    NetworkNotNamed { known: Vec<String> },
    #[error("network \"{network}\" has no version {number}")]
    UnknownVersion { network: String, number: u64, newest: u64 },
    #[error("the network contradicts itself: {reason}")]
    Inconsistent { reason: String },
    #[error("version {number} of network \"{network}\" cannot be read back: {reason}")]
    VersionDamaged { network: String, number: u64, reason: String },
    #[error("nothing is decided about {about}")]
    NotDecided { about: String },
    #[error("the decision about {about} cannot be read")]
    DecisionDamaged { about: String },
    #[error(transparent)]
    Lake(#[from] crate::StoreError),
}

impl ProjectError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// The finding: code, what, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        let networks = |known: &[String]| {
            if known.is_empty() {
                "Nothing has been imported yet: `gridtwin project import PROJECT FILE`.".to_owned()
            } else {
                format!("Name one of them with --network: {}.", known.join(", "))
            }
        };
        match self {
            Self::NotAProject { .. } => Diagnostic::error("PROJECT.FOLDER.NOT_A_PROJECT", text)
                .hint("Name the folder that `gridtwin project new` made, or make one."),
            Self::Exists { .. } => Diagnostic::error("PROJECT.FOLDER.EXISTS", text).hint("Use it as it is, or name another folder."),
            Self::NameTaken { .. } => Diagnostic::error("PROJECT.NAME.TAKEN", text)
                .hint("Give another name with --name, or work on the one that is there with --join."),
            Self::Name { .. } => Diagnostic::error("PROJECT.NAME.REFUSED", text).hint("Use another name."),
            Self::Io { .. } => Diagnostic::error("PROJECT.FOLDER.REFUSED", text)
                .hint("Check that the folder exists, that you may read and write it, and that the disk has room."),
            Self::Url { .. } => Diagnostic::error("PROJECT.DATABASE.ADDRESS", text)
                .hint("Write postgres://USER@HOST:PORT/DATABASE; the password is taken from PGPASSWORD or ~/.pgpass where it is not in it."),
            Self::Unreachable { .. } => Diagnostic::error("PROJECT.DATABASE.UNREACHABLE", text)
                .hint("Check that the server runs, and the host, port, database, user and password; PGPASSWORD or ~/.pgpass may hold the password."),
            Self::Busy { waited_s, .. } => Diagnostic::error("PROJECT.DATABASE.BUSY", text)
                .detail(format!("It was waited for during {waited_s} seconds. Nothing has been written."))
                .hint("Run the command again when the other one has ended."),
            Self::NoSpace { .. } => Diagnostic::error("PROJECT.DATABASE.NO_SPACE", text)
                .hint("Nothing of this command has been written. Free some space and run it again."),
            Self::Damaged { .. } => Diagnostic::error("PROJECT.DATABASE.DAMAGED", text)
                .hint("Put back a copy of the project, or make a new one and import the models again."),
            Self::Refused { .. } => Diagnostic::error("PROJECT.DATABASE.REFUSED", text)
                .hint("Nothing of this command has been written. Check the rights of the user and the state of the server."),
            Self::SchemaNewer { .. } => Diagnostic::error("PROJECT.SCHEMA.NEWER", text)
                .hint("Use the newer program that wrote it; this one would misread it."),
            Self::SchemaOlder { .. } => Diagnostic::error("PROJECT.SCHEMA.OLDER", text)
                .hint("Keep a copy, then bring it up to date with `gridtwin project upgrade PROJECT`."),
            Self::UnknownNetwork { known, .. } | Self::NetworkNotNamed { known } => {
                Diagnostic::error("PROJECT.NETWORK.UNKNOWN", text).hint(networks(known))
            }
            Self::UnknownVersion { newest, .. } => Diagnostic::error("PROJECT.VERSION.UNKNOWN", text)
                .hint(format!("Versions go from 1 to {newest}; `gridtwin project history` lists them.")),
            Self::Inconsistent { .. } => Diagnostic::error("PROJECT.NETWORK.INCONSISTENT", text)
                .hint("Nothing has been written. The reader of this format made a network that cannot be kept; report the model with it."),
            Self::VersionDamaged { .. } => Diagnostic::error("PROJECT.VERSION.DAMAGED", text)
                .hint("`gridtwin project check` lists what is wrong. Import the model again: that makes a new version."),
            Self::NotDecided { .. } => Diagnostic::error("PROJECT.DECISION.NONE", text)
                .hint("`gridtwin project decisions` lists what is in force; nothing has been written."),
            Self::DecisionDamaged { .. } => Diagnostic::error("PROJECT.DECISION.DAMAGED", text)
                .hint("Take it back and make it anew; the table `overrides` has it."),
            Self::Lake(lake) => Diagnostic::error("PROJECT.LAKE.REFUSED", text).hint(lake.hint()),
        }
    }
}
