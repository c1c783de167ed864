//! A project: networks with all their versions, and what belongs to them.
//!
//! ```text
//! DIR/project.db        networks, versions, findings, overrides: a SQLite file, or
//! DIR/project.json      the address of the PostgreSQL database that holds them
//! DIR/rejects/          a CSV file for each import that rejected records
//! DIR/lake.json, lake/  results (crate page)
//! ```
//!
//! A version is what one import gave. It is kept in one transaction: a process killed at any instant leaves all of it or nothing. Things
//! are kept by their content, so that a bus or element that is the same in a hundred versions is there once ([`write`]). One process
//! writes at a time and the next one waits; readers see the state of their beginning and are never kept waiting.
//!
//! SQLite and PostgreSQL get the same tables and the same statements ([`database`]); with PostGIS the items have a geometry as well.
//!
//! # Example
//! ```
//! use store::project::{Creation, NewVersion, Project};
//! # let dir = tempfile::tempdir().unwrap();
//! let project = Project::create(&dir.path().join("north"), &Creation::new("north", "2026-01-31T12:00:00Z"))?;
//! let mut imported = network::Imported { network: network::Network::new("feeder 1"), ..Default::default() };
//! imported.network.bus_or_add("head");
//! let version = project.import(&NewVersion::new("feeder 1", &imported, "2026-01-31T12:05:00Z"))?;
//! assert_eq!(version.number, 1);
//! assert_eq!(project.network(Some("feeder 1"), None)?.imported.network, imported.network);
//! # Ok::<(), store::project::ProjectError>(())
//! ```

mod about;
mod baselines;
mod check;
mod contents;
pub(crate) mod database;
pub mod decisions;
mod diff;
mod error;
mod items;
mod listing;
mod meter_maps;
mod names;
mod node;
mod observations;
mod read;
mod reconciliations;
mod records;
mod rejects;
mod schema;
mod version;
mod write;

pub use baselines::BaselineInfo;
pub use contents::Contents;
pub use database::Dialect;
pub use diff::{Change, ChangeKind, Difference, FieldChange, ThingChange};
pub use error::ProjectError;
pub use listing::{FindingFilter, Listed, Piece};
pub use meter_maps::{MeterMapBrief, MeterMapInfo, MeterMapRow, MeterMapSite};
pub use observations::{MeterPlaceRecord, NewRecords, RecordImport};
pub use reconciliations::{MatchBrief, Reconciled, ReconciledBrief, ReconciliationInfo, StoredConflict, StoredMatch};
pub use records::{Equipment, Override, RunRecord};
pub use schema::SCHEMA;
pub use version::{NewVersion, SourceFile, StoredElement, StoredVersion, VersionInfo};

use crate::files;
use crate::lake::Lake;
use database::{Database, Row};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

const POINTER: &str = "project.json";
const FILE: &str = "project.db";
const FORMAT: &str = "gridtwin project";
const FORMAT_VERSION: u64 = 1;
/// Longest name of a project or network, characters.
const NAME_MAX: usize = 200;

/// Where a project's tables are, when they are not in its folder.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    format: String,
    version: u64,
    /// Without a password.
    database: String,
    project: String,
}

/// How a project is made.
#[derive(Clone, Debug, Default)]
pub struct Creation {
    pub name: String,
    /// RFC 3339.
    pub time_utc: String,
    pub note: String,
    /// Address of a PostgreSQL database; a SQLite file in the folder without one.
    pub database: Option<String>,
    /// Take a project of this name that the database already has, instead of refusing it.
    pub join: bool,
}

impl Creation {
    pub fn new(name: impl Into<String>, time_utc: impl Into<String>) -> Self {
        Self { name: name.into(), time_utc: time_utc.into(), ..Self::default() }
    }
}

/// An open project. It holds one connection, which threads share in turn.
#[derive(Debug)]
pub struct Project {
    dir: PathBuf,
    id: i64,
    name: String,
    spatial: Option<String>,
    database: Mutex<Database>,
}

/// A project in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectSummary {
    pub name: String,
    /// Its folder; none when a database was asked.
    pub dir: Option<PathBuf>,
    /// File or address of the database.
    pub database: String,
    pub networks: u64,
    pub versions: u64,
    /// Time of the newest version.
    pub newest_utc: Option<String>,
}

/// What a project holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectInfo {
    pub name: String,
    pub dir: PathBuf,
    pub created_utc: String,
    pub note: String,
    /// `SQLite` or `PostgreSQL`, with the version of the engine.
    pub engine: String,
    /// PostGIS and its version, where items have a geometry.
    pub spatial: Option<String>,
    pub database: String,
    pub schema: i64,
    /// Newest version of each network, by name.
    pub networks: Vec<VersionInfo>,
    /// Things kept, each once.
    pub items: u64,
    /// Things of all versions together.
    pub version_items: u64,
    pub equipment: u64,
    /// Overrides in force, by kind.
    pub overrides: Vec<(String, u64)>,
    pub runs: u64,
    /// What else is kept, and how much of it: reconciliations, meter maps, outage steps, places of weather, baselines.
    pub kept: Vec<(String, u64)>,
}

/// Refuses names that lists, files and commands could not carry.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), ProjectError> {
    let refused = |reason| Err(ProjectError::Name { what, name: name.chars().take(40).collect(), reason });
    match name {
        n if n.trim().is_empty() => refused("it is empty"),
        n if n.chars().any(char::is_control) => refused("it holds control characters"),
        n if n.chars().count() > NAME_MAX => refused("it is longer than 200 characters"),
        n if n.trim() != n => refused("it begins or ends with a blank"),
        _ => Ok(()),
    }
}

impl Project {
    /// Whether a folder is a project.
    pub fn is_project(dir: &Path) -> bool {
        dir.join(FILE).is_file() || dir.join(POINTER).is_file()
    }

    /// Makes a project in a folder, which is made when it is missing.
    ///
    /// # Errors
    /// A project that is there, a folder or database that cannot be written, a database of another schema.
    pub fn create(dir: &Path, creation: &Creation) -> Result<Self, ProjectError> {
        check_name("project", &creation.name)?;
        if dir.join(POINTER).exists() {
            return Err(ProjectError::Exists { path: dir.to_owned() });
        }
        std::fs::create_dir_all(dir).map_err(|e| ProjectError::io("make the folder", dir, e))?;
        let mut database = match &creation.database {
            Some(_) if dir.join(FILE).exists() => return Err(ProjectError::Exists { path: dir.to_owned() }),
            Some(url) => Database::postgres(url)?,
            None => Database::sqlite(&dir.join(FILE), true)?,
        };
        // A file that an interrupted command left without a project in it is taken up again.
        match schema::require(&mut database) {
            Ok(true) => {}
            Ok(false) => {
                schema::bring_to(&mut database, SCHEMA)?;
            }
            Err(e) => return Err(e),
        }
        let spatial = schema::spatial(&mut database)?;
        let is_shared = creation.database.is_some();
        let id = database.write(|database| {
            let there = database.row(
                "SELECT id, name FROM projects WHERE $1 = '' OR name = $1 ORDER BY id",
                &[if is_shared { creation.name.as_str() } else { "" }.into()],
            )?;
            match there {
                Some(row) if is_shared && creation.join => Ok(row.number(0)),
                Some(_) if is_shared => Err(ProjectError::NameTaken { name: creation.name.clone() }),
                Some(_) => Err(ProjectError::Exists { path: dir.to_owned() }),
                None => {
                    let sql = "INSERT INTO projects (name, time_utc, note) VALUES ($1, $2, $3) RETURNING id";
                    let values = [creation.name.as_str().into(), creation.time_utc.as_str().into(), creation.note.as_str().into()];
                    Ok(database.row(sql, &values)?.map_or(0, |row| row.number(0)))
                }
            }
        })?;
        Lake::open_or_create(dir)?;
        if let Some(url) = &creation.database {
            let pointer = Pointer {
                format: FORMAT.into(),
                version: FORMAT_VERSION,
                database: database::without_password(url),
                project: creation.name.clone(),
            };
            let text = serde_json::to_string_pretty(&pointer).map_err(|e| ProjectError::io("write", dir, e.into()))? + "\n";
            files::write_whole(&dir.join(POINTER), text.as_bytes())?;
        }
        Ok(Self { dir: dir.to_owned(), id: id as i64, name: creation.name.clone(), spatial, database: Mutex::new(database) })
    }

    /// Opens the project of a folder. A PostgreSQL password is taken from `PGPASSWORD` or `~/.pgpass`; see [`Project::open_at`].
    ///
    /// # Errors
    /// No project there, or one whose database cannot be reached or has another schema.
    pub fn open(dir: &Path) -> Result<Self, ProjectError> {
        Self::open_at(dir, None)
    }

    /// As [`Project::open`]; `address` replaces the address that the folder names, for instance by one with a password.
    ///
    /// # Errors
    /// As [`Project::open`].
    pub fn open_at(dir: &Path, address: Option<&str>) -> Result<Self, ProjectError> {
        let (mut database, name) = connect(dir, address)?;
        let nothing = |reason: &str| ProjectError::NotAProject { path: dir.to_owned(), reason: reason.to_owned() };
        if !schema::require(&mut database)? {
            return Err(nothing("its database is empty; making it was interrupted"));
        }
        let row = database.row("SELECT id, name FROM projects WHERE $1 = '' OR name = $1 ORDER BY id", &[name.as_str().into()])?;
        let row = row.ok_or_else(|| match name.as_str() {
            "" => nothing("its database holds none; making it was interrupted"),
            name => nothing(&format!("its database has no project \"{name}\"")),
        })?;
        let spatial = if database.dialect() == Dialect::Postgres { schema::spatial(&mut database)? } else { None };
        Ok(Self { dir: dir.to_owned(), id: row.number(0) as i64, name: row.text(1), spatial, database: Mutex::new(database) })
    }

    /// Brings the tables of a project that an older program made to the schema of this one. Returns the schemas before and after.
    ///
    /// # Errors
    /// As [`Project::open`]; a newer schema stays as it is.
    pub fn upgrade(dir: &Path, address: Option<&str>) -> Result<(i64, i64), ProjectError> {
        let (mut database, _) = connect(dir, address)?;
        let before = schema::bring_to(&mut database, SCHEMA)?;
        schema::spatial(&mut database)?;
        Ok((before, SCHEMA))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long a writer waits for another one before it is told; 30 seconds unless changed.
    ///
    /// # Errors
    /// A database that cannot be reached.
    pub fn set_wait(&self, wait_s: u64) -> Result<(), ProjectError> {
        self.database().set_wait(wait_s)
    }

    /// The results lake in the project's folder.
    ///
    /// # Errors
    /// A lake of another version.
    pub fn lake(&self) -> Result<Lake, ProjectError> {
        Ok(Lake::open_or_create(&self.dir)?)
    }

    /// The connection. What a thread that panicked with it left open is rolled back before the next transaction.
    fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Projects in the folders below `dir`, and `dir` itself if it is one. What is wrong with one is told beside the others.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn list_folder(dir: &Path) -> Result<Vec<Result<ProjectSummary, ProjectError>>, ProjectError> {
        if Self::is_project(dir) {
            return Ok(vec![Self::open(dir).and_then(|p| p.summary())]);
        }
        if !dir.is_dir() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(ProjectError::io("list the folder", dir, missing));
        }
        let below = files::list(dir)?;
        Ok(below.iter().filter(|d| Self::is_project(d)).map(|d| Self::open(d).and_then(|p| p.summary())).collect())
    }

    /// Projects of a PostgreSQL database.
    ///
    /// # Errors
    /// A database that cannot be reached or has another schema.
    pub fn list_database(url: &str) -> Result<Vec<ProjectSummary>, ProjectError> {
        let mut database = Database::postgres(url)?;
        if !schema::require(&mut database)? {
            return Ok(Vec::new());
        }
        let place = database.place().to_owned();
        let rows = database.rows(&format!("{SUMMARY} GROUP BY p.name ORDER BY p.name"), &[])?;
        Ok(rows.iter().map(|row| summary_of(row, None, &place)).collect())
    }

    /// The project as lists show it.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn summary(&self) -> Result<ProjectSummary, ProjectError> {
        let mut database = self.database();
        let place = database.place().to_owned();
        let row = database.row(&format!("{SUMMARY} WHERE p.id = $1 GROUP BY p.name"), &[self.id.into()])?;
        let row = row.ok_or_else(|| ProjectError::NotAProject { path: self.dir.clone(), reason: "it has been removed".into() })?;
        Ok(summary_of(&row, Some(self.dir.clone()), &place))
    }

    /// What the project holds.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn info(&self) -> Result<ProjectInfo, ProjectError> {
        let networks = self.history(None)?;
        let mut newest: Vec<VersionInfo> = Vec::new();
        for version in networks {
            match newest.last_mut() {
                Some(last) if last.network == version.network => {
                    if version.number > last.number {
                        *last = version;
                    }
                }
                _ => newest.push(version),
            }
        }
        let mut database = self.database();
        let id = self.id;
        database.read(|database| {
            let mut count = |sql: &str| database.row(sql, &[id.into()]).map(|row| row.map_or(0, |r| r.number(0)));
            let of_project =
                "FROM version_items vi JOIN versions v ON v.id = vi.version JOIN networks n ON n.id = v.network WHERE n.project = $1";
            let version_items = count(&format!("SELECT COUNT(*) {of_project}"))?;
            let items = count(&format!("SELECT COUNT(DISTINCT vi.item) {of_project}"))?;
            let equipment = count("SELECT COUNT(*) FROM equipment WHERE project = $1")?;
            let runs = count("SELECT COUNT(*) FROM runs WHERE project = $1")?;
            let mut kept = Vec::new();
            for (noun, table) in [
                ("reconciliation", "reconciliations"),
                ("meter map", "meter_maps"),
                ("outage step", "outage_steps"),
                ("place of weather", "weather_places"),
                ("baseline", "baselines"),
            ] {
                let n = count(&format!("SELECT COUNT(*) FROM {table} WHERE project = $1"))?;
                if n > 0 {
                    kept.push((noun.to_owned(), n));
                }
            }
            let kinds = database.rows("SELECT DISTINCT kind FROM overrides WHERE project = $1 ORDER BY kind", &[id.into()])?;
            let mut overrides = Vec::new();
            for kind in kinds.iter().map(|row| row.text(0)) {
                let n = records::overrides_in_force(database, id, &kind)?.len() as u64;
                if n > 0 {
                    overrides.push((kind, n));
                }
            }
            let engine = match database.dialect() {
                Dialect::Sqlite => {
                    database.row("SELECT sqlite_version()", &[])?.map_or_else(String::new, |r| format!("SQLite {}", r.text(0)))
                }
                Dialect::Postgres => {
                    let row = database.row("SELECT current_setting('server_version')", &[])?;
                    row.map_or_else(String::new, |r| format!("PostgreSQL {}", r.text(0)))
                }
            };
            let row = database.row("SELECT time_utc, note FROM projects WHERE id = $1", &[id.into()])?;
            let (created_utc, note) = row.map_or_else(Default::default, |r| (r.text(0), r.text(1)));
            Ok(ProjectInfo {
                name: self.name.clone(),
                dir: self.dir.clone(),
                created_utc,
                note,
                engine,
                spatial: self.spatial.clone(),
                database: database.place().to_owned(),
                schema: SCHEMA,
                networks: newest,
                items,
                version_items,
                equipment,
                overrides,
                runs,
                kept,
            })
        })
    }
}

const SUMMARY: &str = "SELECT p.name, COUNT(DISTINCT n.id), COUNT(v.id), MAX(v.time_utc) FROM projects p \
    LEFT JOIN networks n ON n.project = p.id LEFT JOIN versions v ON v.network = n.id";

fn summary_of(row: &Row, dir: Option<PathBuf>, place: &str) -> ProjectSummary {
    ProjectSummary {
        name: row.text(0),
        dir,
        database: place.to_owned(),
        networks: row.number(1),
        versions: row.number(2),
        newest_utc: row.optional_text(3),
    }
}

/// The database of a folder, and the name of its project there; empty when the database has but one.
fn connect(dir: &Path, address: Option<&str>) -> Result<(Database, String), ProjectError> {
    let nothing = |reason: String| ProjectError::NotAProject { path: dir.to_owned(), reason };
    let pointer = dir.join(POINTER);
    if !pointer.exists() {
        return match dir.join(FILE) {
            file if file.is_file() => Ok((Database::sqlite(&file, false)?, String::new())),
            _ if dir.exists() => Err(nothing(format!("there is neither a file {FILE} nor {POINTER}"))),
            _ => Err(nothing("there is no such folder".into())),
        };
    }
    let bytes = std::fs::read(&pointer).map_err(|e| ProjectError::io("read", &pointer, e))?;
    let found: Pointer = serde_json::from_slice(&bytes).map_err(|e| nothing(format!("{POINTER} cannot be read: {e}")))?;
    if found.format != FORMAT || found.version != FORMAT_VERSION {
        return Err(nothing(format!(
            "{POINTER} is \"{}\" of version {}, not \"{FORMAT}\" of version {FORMAT_VERSION}",
            found.format, found.version
        )));
    }
    Ok((Database::postgres(address.unwrap_or(&found.database))?, found.project))
}
