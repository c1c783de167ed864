//! What the server keeps beside projects: users, sessions, tokens, settings, the audit log, jobs.
//!
//! One SQLite file, or tables in a PostgreSQL database; both get the same statements. Times are milliseconds since 1970 UTC and are handed
//! in. Secrets come in as hashes: nothing here can be used to log in. Calls wait for the database, so call them from a thread that runs no
//! asynchronous task. Any number of threads may: each borrows a connection.
//!
//! # Example
//! ```
//! use store::server::{Entry, ServerDatabase};
//! # let dir = tempfile::tempdir().unwrap();
//! let database = ServerDatabase::open_file(&dir.path().join("gridtwin.db"))?;
//! database.add_user("ada", "engineer", "(a hash)", 1_000)?;
//! assert_eq!(database.user("ada")?.map(|u| u.role).as_deref(), Some("engineer"));
//! database.note(&Entry { author: "console".into(), action: "user.add".into(), subject: "ada".into(), ..Entry::at(1_000) })?;
//! # Ok::<(), store::server::ServerError>(())
//! ```

mod audit;
mod jobs;
mod schema;
mod sessions;
mod settings;
mod tokens;
mod users;

pub use audit::{AuditFilter, Entry, NotedEntry};
pub use jobs::{ATTEMPTS_MAX, JobFilter, JobRecord, JobState, LOG_MAX, LogLine, NewJob};
pub use schema::SCHEMA;
pub use sessions::SessionRecord;
pub use tokens::{NewToken, TokenInfo, TokenRecord};
pub use users::{Failures, User};

use crate::project::ProjectError;
use crate::project::database::{Database, Dialect};
use network::Diagnostic;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Connections at most; who wants one more waits.
const CONNECTIONS_MAX: usize = 6;
/// A connection to a server that has rested longer is asked whether it still stands before it is used.
const RESTED: Duration = Duration::from_secs(5);

/// Why the server's database refuses or fails.
#[derive(Debug, Error)]
pub enum ServerError {
    #[error(transparent)]
    Database(#[from] ProjectError),
    #[error("there is a user \"{name}\" already")]
    UserTaken { name: String },
    #[error("there is no user \"{name}\"")]
    UserUnknown { name: String },
    #[error("\"{name}\" is the last administrator")]
    LastAdmin { name: String },
    #[error("there are users already")]
    NotFirst,
    #[error("there is no token {id}")]
    TokenUnknown { id: i64 },
    #[error("there is no job {id}")]
    JobUnknown { id: String },
}

impl ServerError {
    /// The finding: code, what, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match self {
            Self::Database(e) => e.diagnostic(),
            Self::UserTaken { .. } => {
                Diagnostic::error("SERVER.USER.TAKEN", text).hint("Choose another name, or change the user that is there.")
            }
            Self::UserUnknown { .. } => Diagnostic::error("SERVER.USER.UNKNOWN", text)
                .hint("Check the name: `gridtwin user list`, or the page Admin, has all users."),
            Self::LastAdmin { .. } => Diagnostic::error("SERVER.USER.LAST_ADMIN", text)
                .detail("Without an administrator nobody could manage users.")
                .hint("Make another user an administrator first."),
            Self::NotFirst => Diagnostic::error("SERVER.USER.NOT_FIRST", text)
                .hint("Log in as an administrator and add users there, or use `gridtwin user add`."),
            Self::TokenUnknown { .. } => {
                Diagnostic::error("SERVER.TOKEN.UNKNOWN", text).hint("It may have been revoked already: list the tokens.")
            }
            Self::JobUnknown { .. } => Diagnostic::error("SERVER.JOB.UNKNOWN", text).hint("List the jobs for those that there are."),
        }
    }
}

/// Where the tables are.
#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// Address, with its password.
    Postgres(String),
}

#[derive(Debug, Default)]
struct Pool {
    /// Connections that nobody uses, with the time they were given back.
    spare: Vec<(Database, Instant)>,
    /// Connections that there are, used or spare.
    n: usize,
}

/// The server's database. Threads share it.
#[derive(Debug)]
pub struct ServerDatabase {
    place: Place,
    pool: Mutex<Pool>,
    freed: Condvar,
    /// Writers of this process take turns here: SQLite would have them ask again and again.
    turn: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A place in the pool, given back even when a panic goes through its user.
struct Seat<'a>(&'a ServerDatabase);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        lock(&self.0.pool).n -= 1;
        self.0.freed.notify_one();
    }
}

impl ServerDatabase {
    /// Opens a SQLite file, which is made when it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// A file that cannot be written, is no database, or is of a newer program.
    pub fn open_file(path: &Path) -> Result<Self, ServerError> {
        Self::open(Place::File(path.to_owned()))
    }

    /// Opens a PostgreSQL database and brings the server's tables in it up to date.
    ///
    /// # Errors
    /// A server that does not answer or refuses; tables of a newer program.
    pub fn open_postgres(url: &str) -> Result<Self, ServerError> {
        Self::open(Place::Postgres(url.to_owned()))
    }

    /// Opens the database of a data folder: `gridtwin.db` in it, or a PostgreSQL database when an address is told.
    ///
    /// # Errors
    /// As [`ServerDatabase::open_file`] and [`ServerDatabase::open_postgres`].
    pub fn open_for(data: &Path, url: Option<&str>) -> Result<Self, ServerError> {
        match url {
            Some(url) => Self::open_postgres(url),
            None => Self::open_file(&data.join("gridtwin.db")),
        }
    }

    fn open(place: Place) -> Result<Self, ServerError> {
        let opened = Self { place, pool: Mutex::default(), freed: Condvar::new(), turn: Mutex::new(()) };
        opened.with(schema::prepare)?;
        Ok(opened)
    }

    fn connect(&self) -> Result<Database, ProjectError> {
        match &self.place {
            Place::File(path) => Database::sqlite(path, true),
            Place::Postgres(url) => Database::postgres(url),
        }
    }

    /// Lends a connection.
    fn with<T>(&self, work: impl FnOnce(&mut Database) -> Result<T, ProjectError>) -> Result<T, ProjectError> {
        let (seat, spare) = {
            let mut pool = lock(&self.pool);
            while pool.spare.is_empty() && pool.n >= CONNECTIONS_MAX {
                pool = self.freed.wait(pool).unwrap_or_else(|poisoned| poisoned.into_inner());
            }
            let spare = pool.spare.pop();
            if spare.is_none() {
                pool.n += 1;
            }
            (Seat(self), spare)
        };
        let standing = spare.and_then(|(mut database, since)| {
            let is_fresh = database.dialect() == Dialect::Sqlite || since.elapsed() < RESTED;
            (is_fresh || database.row("SELECT 1::bigint", &[]).is_ok()).then_some(database)
        });
        let mut database = match standing {
            Some(database) => database,
            None => self.connect()?,
        };
        let result = work(&mut database);
        // A connection that may be broken is not lent again.
        if !matches!(result, Err(ProjectError::Unreachable { .. } | ProjectError::Damaged { .. } | ProjectError::Refused { .. })) {
            lock(&self.pool).spare.push((database, Instant::now()));
            std::mem::forget(seat);
            self.freed.notify_one();
        }
        result
    }

    /// Runs `body` on one state of the database.
    pub(crate) fn read<T>(&self, body: impl FnOnce(&mut Database) -> Result<T, ProjectError>) -> Result<T, ProjectError> {
        self.with(|database| database.read(body))
    }

    /// Runs `body` as one transaction that writes: all of it is kept, or nothing.
    pub(crate) fn write<T>(&self, body: impl FnOnce(&mut Database) -> Result<T, ProjectError>) -> Result<T, ProjectError> {
        let _turn = matches!(self.place, Place::File(_)).then(|| lock(&self.turn));
        self.with(|database| database.write(body))
    }

    /// As [`ServerDatabase::write`], for a body that may refuse. It must refuse before it changes anything.
    pub(crate) fn write_or_refuse<T>(
        &self,
        body: impl FnOnce(&mut Database) -> Result<Result<T, ServerError>, ProjectError>,
    ) -> Result<T, ServerError> {
        self.write(body)?
    }

    /// File or address of the database, without a password, for people.
    ///
    /// # Errors
    /// A database that cannot be reached.
    pub fn place(&self) -> Result<String, ServerError> {
        Ok(self.with(|database| Ok(database.place().to_owned()))?)
    }

    /// Asks the database something, to see whether it answers.
    ///
    /// # Errors
    /// It does not.
    pub fn ping(&self) -> Result<(), ServerError> {
        self.with(|database| database.row("SELECT value FROM server_meta WHERE key = 'schema'", &[]))?;
        Ok(())
    }

    /// Which kind of database it is.
    pub fn dialect(&self) -> Dialect {
        match self.place {
            Place::File(_) => Dialect::Sqlite,
            Place::Postgres(_) => Dialect::Postgres,
        }
    }
}
