//! What a project keeps beside its versions: equipment, overrides by hand, runs.

use super::Project;
use super::database::{Cell, Database};
use super::error::ProjectError;
use super::version::{SourceFile, VersionInfo};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry of the project's own catalogue of conductors, cables and transformers, which imports do not touch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equipment {
    /// Class as the catalogue names it: `linecode`, `wiredata`, `xfmrcode`, …
    pub class: String,
    pub name: String,
    /// The entry as the network writes it.
    pub content: Value,
    /// Where it is from.
    pub origin: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// A decision by hand that holds over every later import: which asset is which element, which meter hangs on which transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// What is decided: `reconciliation`, `meter_map`, `feeder_head`.
    pub kind: String,
    /// About what: an asset's id, a meter's number.
    pub subject: String,
    /// What it is; none withdraws the decision.
    pub value: Option<Value>,
    pub author: String,
    pub note: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// A run whose results are in the lake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// Name of the study.
    pub name: String,
    pub kind: String,
    /// Network and number of the version that it asked.
    pub version: Option<(String, u64)>,
    pub options: Value,
    /// RFC 3339.
    pub time_utc: String,
    pub files: Vec<SourceFile>,
}

impl Project {
    /// Puts entries into the library; an entry of the same class and name is replaced.
    ///
    /// # Errors
    /// A database that cannot be written; then none is kept.
    pub fn put_equipment(&self, entries: &[Equipment]) -> Result<(), ProjectError> {
        let rows: Vec<Vec<Cell>> = entries
            .iter()
            .map(|e| {
                vec![
                    self.id.into(),
                    e.class.as_str().into(),
                    e.name.as_str().into(),
                    e.content.to_string().into(),
                    e.origin.as_str().into(),
                    e.time_utc.as_str().into(),
                ]
            })
            .collect();
        // One by one: the same name twice in one statement would be refused, and here the later one holds.
        self.database().write(|database| {
            for row in rows {
                let tail = "ON CONFLICT (project, class, name) DO UPDATE SET content = excluded.content, origin = excluded.origin, \
                    time_utc = excluded.time_utc";
                database.insert("equipment (project, class, name, content, origin, time_utc)", 6, tail, vec![row])?;
            }
            Ok(())
        })
    }

    /// Entries of the library, by class and name; of one class when it is named.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn equipment(&self, class: Option<&str>) -> Result<Vec<Equipment>, ProjectError> {
        let sql = "SELECT class, name, content, origin, time_utc FROM equipment WHERE project = $1 AND ($2 = '' OR class = $2) ORDER BY class, name";
        let rows = self.database().rows(sql, &[self.id.into(), class.unwrap_or_default().into()])?;
        rows.iter()
            .map(|r| {
                Ok(Equipment { class: r.text(0), name: r.text(1), content: self.json(&r.text(2))?, origin: r.text(3), time_utc: r.text(4) })
            })
            .collect()
    }

    fn json(&self, text: &str) -> Result<Value, ProjectError> {
        serde_json::from_str(text)
            .map_err(|e| ProjectError::Damaged { place: self.dir().display().to_string(), reason: format!("a record is no JSON: {e}") })
    }

    /// Adds decisions, all or none. The latest about a subject is in force; earlier ones stay as history.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn add_overrides(&self, overrides: &[Override]) -> Result<(), ProjectError> {
        self.database().write(|database| add_overrides(database, self.id, overrides))
    }

    /// Decisions of a kind that are in force, by subject.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn overrides(&self, kind: &str) -> Result<Vec<Override>, ProjectError> {
        overrides_in_force(&mut self.database(), self.id, kind)
    }

    /// Decisions of a kind that are in force, in the order in which they were made.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn overrides_in_order(&self, kind: &str) -> Result<Vec<Override>, ProjectError> {
        let sql = format!("{OVERRIDES} AND value IS NOT NULL AND {LATEST} ORDER BY id");
        let rows = self.database().rows(&sql, &[self.id.into(), kind.into()])?;
        rows.iter().map(|r| override_of(r, &self.dir().display().to_string())).collect()
    }

    /// Everything that was ever decided of a kind, oldest first, withdrawals included.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn override_log(&self, kind: &str) -> Result<Vec<Override>, ProjectError> {
        let rows = self.database().rows(&format!("{OVERRIDES} ORDER BY id"), &[self.id.into(), kind.into()])?;
        rows.iter().map(|r| override_of(r, &self.dir().display().to_string())).collect()
    }

    /// Everything that was ever decided about a subject, oldest first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn override_history(&self, kind: &str, subject: &str) -> Result<Vec<Override>, ProjectError> {
        let sql = format!("{OVERRIDES} AND subject = $3 ORDER BY id");
        let rows = self.database().rows(&sql, &[self.id.into(), kind.into(), subject.into()])?;
        rows.iter().map(|r| override_of(r, &self.dir().display().to_string())).collect()
    }

    /// Notes a run of a study and its files; a run of the same name is replaced.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn put_run(&self, run: &RunRecord, version: Option<&VersionInfo>) -> Result<(), ProjectError> {
        self.database().write(|database| {
            let tail = "ON CONFLICT (project, name) DO UPDATE SET kind = excluded.kind, version = excluded.version, options = excluded.options, \
                time_utc = excluded.time_utc";
            let row = vec![
                self.id.into(),
                run.name.as_str().into(),
                run.kind.as_str().into(),
                version.map(|v| v.id).into(),
                run.options.to_string().into(),
                run.time_utc.as_str().into(),
            ];
            database.insert("runs (project, name, kind, version, options, time_utc)", 6, tail, vec![row])?;
            let id = database.row("SELECT id FROM runs WHERE project = $1 AND name = $2", &[self.id.into(), run.name.as_str().into()])?;
            let id = id.map_or(0, |r| r.number(0)) as i64;
            database.execute("DELETE FROM run_files WHERE run = $1", &[id.into()])?;
            let files = run.files.iter().enumerate().map(|(i, f)| {
                vec![id.into(), i.into(), f.path.as_str().into(), f.sha256.as_str().into(), (f.bytes as i64).into()]
            });
            database.insert("run_files (run, position, path, sha256, bytes)", 5, "", files.collect())
        })
    }

    /// Forgets a run. Its results are the lake's.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn remove_run(&self, name: &str) -> Result<(), ProjectError> {
        self.database().write(|database| {
            let values: [Cell; 2] = [self.id.into(), name.into()];
            database.execute("DELETE FROM run_files WHERE run IN (SELECT id FROM runs WHERE project = $1 AND name = $2)", &values)?;
            database.execute("DELETE FROM runs WHERE project = $1 AND name = $2", &values)?;
            Ok(())
        })
    }

    /// Runs, by name.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, ProjectError> {
        let sql = "SELECT r.id, r.name, r.kind, r.options, r.time_utc, n.name, v.number FROM runs r LEFT JOIN versions v ON v.id = r.version \
            LEFT JOIN networks n ON n.id = v.network WHERE r.project = $1 ORDER BY r.name";
        let rows = self.database().rows(sql, &[self.id.into()])?;
        let mut runs = Vec::new();
        for r in &rows {
            let sql = "SELECT path, sha256, bytes FROM run_files WHERE run = $1 ORDER BY position";
            let files = self.database().rows(sql, &[Cell::from(r.number(0) as i64)])?;
            runs.push(RunRecord {
                name: r.text(1),
                kind: r.text(2),
                options: self.json(&r.text(3))?,
                time_utc: r.text(4),
                version: r.optional_text(5).map(|name| (name, r.number(6))),
                files: files.iter().map(|f| SourceFile { path: f.text(0), sha256: f.text(1), bytes: f.number(2) }).collect(),
            });
        }
        Ok(runs)
    }
}

const OVERRIDES: &str = "SELECT kind, subject, value, author, note, time_utc FROM overrides WHERE project = $1 AND kind = $2";

/// Of each subject the latest row.
const LATEST: &str = "id IN (SELECT MAX(id) FROM overrides WHERE project = $1 AND kind = $2 GROUP BY subject)";

fn override_of(row: &super::database::Row, place: &str) -> Result<Override, ProjectError> {
    let damaged = |e| ProjectError::Damaged { place: place.to_owned(), reason: format!("an override is no JSON: {e}") };
    let value = row.optional_text(2).map(|text| serde_json::from_str(&text).map_err(damaged)).transpose()?;
    Ok(Override { kind: row.text(0), subject: row.text(1), value, author: row.text(3), note: row.text(4), time_utc: row.text(5) })
}

pub(super) fn add_overrides(database: &mut Database, project: i64, overrides: &[Override]) -> Result<(), ProjectError> {
    let row = |o: &Override| {
        vec![
            project.into(),
            o.kind.as_str().into(),
            o.subject.as_str().into(),
            o.value.as_ref().map(Value::to_string).into(),
            o.author.as_str().into(),
            o.note.as_str().into(),
            o.time_utc.as_str().into(),
        ]
    };
    let into = "overrides (project, kind, subject, value, author, note, time_utc)";
    database.insert(into, 7, "", overrides.iter().map(row).collect())
}

pub(super) fn overrides_in_force(database: &mut Database, project: i64, kind: &str) -> Result<Vec<Override>, ProjectError> {
    let sql = format!("{OVERRIDES} AND value IS NOT NULL AND {LATEST} ORDER BY subject");
    let rows = database.rows(&sql, &[project.into(), kind.into()])?;
    let place = database.place().to_owned();
    rows.iter().map(|r| override_of(r, &place)).collect()
}
