//! Networks matched to one another: what came of it, kept with the pair of versions that was matched.

use super::Project;
use super::database::{Cell, Database, Row};
use super::error::ProjectError;
use super::version::VersionInfo;
use network::LonLat;
use serde::Serialize;
use serde_json::Value;

/// Two subjects taken for the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredMatch {
    /// `class:id` on either side.
    pub a: String,
    pub b: String,
    pub class: String,
    pub method: String,
    /// 0 to 1.
    pub score: f64,
    pub distance_m: Option<f64>,
    /// Another candidate of nearly the same score.
    pub tie: Option<String>,
    /// What speaks for and against it, as the study tells it.
    pub reasons: Value,
}

/// What two matched subjects do not agree on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredConflict {
    pub kind: String,
    pub a: String,
    pub b: String,
    pub value_a: String,
    pub value_b: String,
    pub place: Option<LonLat>,
}

/// What a reconciliation gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reconciled {
    pub matches: Vec<StoredMatch>,
    pub conflicts: Vec<StoredConflict>,
    /// Subjects without a partner.
    pub only_a: Vec<String>,
    pub only_b: Vec<String>,
}

/// A reconciliation in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReconciliationInfo {
    /// Network and number of the version on either side.
    pub a: (String, u64),
    pub b: (String, u64),
    /// RFC 3339.
    pub time_utc: String,
    pub author: String,
    pub options: Value,
    pub matches: u64,
    pub conflicts: u64,
    pub only_a: u64,
    pub only_b: u64,
    #[serde(skip)]
    id: i64,
}

/// A match as lists need it.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchBrief {
    /// Place in the kept list, from 0.
    pub position: u64,
    /// `class:id` on either side.
    pub a: String,
    pub b: String,
    pub class: String,
    pub method: String,
    /// 0 to 1.
    pub score: f64,
    pub distance_m: Option<f64>,
    pub tie: Option<String>,
}

/// What a reconciliation gave, without the reasons of its matches.
#[derive(Clone, Debug)]
pub struct ReconciledBrief {
    pub info: ReconciliationInfo,
    pub matches: Vec<MatchBrief>,
    pub conflicts: Vec<StoredConflict>,
    pub only_a: Vec<String>,
    pub only_b: Vec<String>,
}

const INFO: &str = "SELECT na.name, va.number, nb.name, vb.number, r.time_utc, r.author, r.options, r.n_matches, r.n_conflicts, r.n_only_a, \
    r.n_only_b, r.id FROM reconciliations r JOIN versions va ON va.id = r.version_a JOIN networks na ON na.id = va.network \
    JOIN versions vb ON vb.id = r.version_b JOIN networks nb ON nb.id = vb.network WHERE r.project = $1";

fn info_of(row: &Row) -> ReconciliationInfo {
    ReconciliationInfo {
        a: (row.text(0), row.number(1)),
        b: (row.text(2), row.number(3)),
        time_utc: row.text(4),
        author: row.text(5),
        options: serde_json::from_str(&row.text(6)).unwrap_or(Value::Null),
        matches: row.number(7),
        conflicts: row.number(8),
        only_a: row.number(9),
        only_b: row.number(10),
        id: row.integer(11).unwrap_or(0),
    }
}

/// Rows of a table whose first two columns are what they belong to and their position.
pub(super) fn numbered(owner: i64, rows: impl Iterator<Item = Vec<Cell>>) -> Vec<Vec<Cell>> {
    rows.enumerate().map(|(i, row)| [Cell::from(owner), Cell::from(i)].into_iter().chain(row).collect()).collect()
}

/// In PostgreSQL this is what a second writer waits for; SQLite has let in only one.
pub(super) fn lock(database: &mut Database, project: i64) -> Result<(), ProjectError> {
    if database.dialect() == super::Dialect::Postgres {
        database.rows("SELECT id FROM projects WHERE id = $1 FOR UPDATE", &[project.into()])?;
    }
    Ok(())
}

/// The id of the row that `sql` inserts; it ends in `RETURNING id`.
pub(super) fn inserted(database: &mut Database, sql: &str, values: &[Cell]) -> Result<i64, ProjectError> {
    let row = database.row(sql, values)?;
    row.and_then(|r| r.integer(0))
        .ok_or_else(|| ProjectError::Refused { place: database.place().to_owned(), reason: "a new row has no number".into() })
}

impl Project {
    /// Keeps what came of matching two versions, in place of what was kept of the same pair.
    ///
    /// # Errors
    /// A database that cannot be written; then what was kept stays.
    pub fn put_reconciliation(
        &self,
        a: &VersionInfo,
        b: &VersionInfo,
        (time_utc, author): (&str, &str),
        options: &Value,
        found: &Reconciled,
    ) -> Result<(), ProjectError> {
        self.database().write(|database| {
            lock(database, self.id)?;
            let pair = [self.id.into(), a.id.into(), b.id.into()];
            let sql = "SELECT id FROM reconciliations WHERE project = $1 AND version_a = $2 AND version_b = $3";
            for old in database.rows(sql, &pair)? {
                for table in ["matches", "conflicts", "unmatched"] {
                    database.execute(&format!("DELETE FROM {table} WHERE reconciliation = $1"), &[old.integer(0).into()])?;
                }
                database.execute("DELETE FROM reconciliations WHERE id = $1", &[old.integer(0).into()])?;
            }
            let sql = "INSERT INTO reconciliations (project, version_a, version_b, time_utc, author, options, n_matches, n_conflicts, \
                n_only_a, n_only_b) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
            let values = [
                self.id.into(),
                a.id.into(),
                b.id.into(),
                time_utc.into(),
                author.into(),
                options.to_string().into(),
                found.matches.len().into(),
                found.conflicts.len().into(),
                found.only_a.len().into(),
                found.only_b.len().into(),
            ];
            let id = inserted(database, sql, &values)?;
            let matches = found.matches.iter().map(|m| {
                vec![
                    m.a.as_str().into(),
                    m.b.as_str().into(),
                    m.class.as_str().into(),
                    m.method.as_str().into(),
                    Some(m.score).into(),
                    m.distance_m.into(),
                    m.tie.as_deref().into(),
                    m.reasons.to_string().into(),
                ]
            });
            let into = "matches (reconciliation, position, a, b, class, method, score, distance_m, tie, reasons)";
            database.insert(into, 10, "", numbered(id, matches))?;
            let conflicts = found.conflicts.iter().map(|c| {
                vec![
                    c.kind.as_str().into(),
                    c.a.as_str().into(),
                    c.b.as_str().into(),
                    c.value_a.as_str().into(),
                    c.value_b.as_str().into(),
                    c.place.map(|p| p.lon_deg).into(),
                    c.place.map(|p| p.lat_deg).into(),
                ]
            });
            let into = "conflicts (reconciliation, position, kind, a, b, value_a, value_b, lon_deg, lat_deg)";
            database.insert(into, 9, "", numbered(id, conflicts))?;
            let sides = [("a", &found.only_a), ("b", &found.only_b)];
            let alone = sides.iter().flat_map(|(side, all)| all.iter().map(|s| vec![(*side).into(), s.as_str().into()]));
            database.insert("unmatched (reconciliation, position, side, subject)", 4, "", numbered(id, alone))
        })
    }

    /// Reconciliations that are kept, by networks and versions.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn reconciliations(&self) -> Result<Vec<ReconciliationInfo>, ProjectError> {
        let rows = self.database().rows(&format!("{INFO} ORDER BY na.name, nb.name, va.number, vb.number"), &[self.id.into()])?;
        Ok(rows.iter().map(info_of).collect())
    }

    /// What was kept of a pair of versions.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn reconciliation(&self, a: &VersionInfo, b: &VersionInfo) -> Result<Option<(ReconciliationInfo, Reconciled)>, ProjectError> {
        self.database().read(|database| {
            let sql = format!("{INFO} AND r.version_a = $2 AND r.version_b = $3");
            let Some(row) = database.row(&sql, &[self.id.into(), a.id.into(), b.id.into()])? else { return Ok(None) };
            let info = info_of(&row);
            let id = [Cell::from(info.id)];
            let mut found = Reconciled::default();
            let sql =
                "SELECT a, b, class, method, score, distance_m, tie, reasons FROM matches WHERE reconciliation = $1 ORDER BY position";
            for r in database.rows(sql, &id)? {
                found.matches.push(StoredMatch {
                    a: r.text(0),
                    b: r.text(1),
                    class: r.text(2),
                    method: r.text(3),
                    score: r.real(4).unwrap_or(f64::NAN),
                    distance_m: r.real(5),
                    tie: r.optional_text(6),
                    reasons: serde_json::from_str(&r.text(7)).unwrap_or(Value::Null),
                });
            }
            found.conflicts = conflicts_of(database, info.id)?;
            (found.only_a, found.only_b) = unmatched_of(database, info.id)?;
            Ok(Some((info, found)))
        })
    }

    /// What was kept of a pair of versions, as lists need it.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn reconciliation_in_brief(&self, a: &VersionInfo, b: &VersionInfo) -> Result<Option<ReconciledBrief>, ProjectError> {
        self.database().read(|database| {
            let sql = format!("{INFO} AND r.version_a = $2 AND r.version_b = $3");
            let Some(row) = database.row(&sql, &[self.id.into(), a.id.into(), b.id.into()])? else { return Ok(None) };
            let info = info_of(&row);
            let sql =
                "SELECT a, b, class, method, score, distance_m, tie, position FROM matches WHERE reconciliation = $1 ORDER BY position";
            let brief = |r: &Row| MatchBrief {
                position: r.number(7),
                a: r.text(0),
                b: r.text(1),
                class: r.text(2),
                method: r.text(3),
                score: r.real(4).unwrap_or(f64::NAN),
                distance_m: r.real(5),
                tie: r.optional_text(6),
            };
            let matches = database.rows(sql, &[info.id.into()])?.iter().map(brief).collect();
            let conflicts = conflicts_of(database, info.id)?;
            let (only_a, only_b) = unmatched_of(database, info.id)?;
            Ok(Some(ReconciledBrief { info, matches, conflicts, only_a, only_b }))
        })
    }

    /// Reasons of one match of a reconciliation.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn match_reasons(&self, of: &ReconciliationInfo, position: u64) -> Result<Value, ProjectError> {
        let sql = "SELECT reasons FROM matches WHERE reconciliation = $1 AND position = $2";
        let row = self.database().row(sql, &[of.id.into(), (position as i64).into()])?;
        Ok(row.and_then(|r| serde_json::from_str(&r.text(0)).ok()).unwrap_or(Value::Null))
    }
}

fn conflicts_of(database: &mut Database, id: i64) -> Result<Vec<StoredConflict>, ProjectError> {
    let sql = "SELECT kind, a, b, value_a, value_b, lon_deg, lat_deg FROM conflicts WHERE reconciliation = $1 ORDER BY position";
    let of = |r: &Row| StoredConflict {
        kind: r.text(0),
        a: r.text(1),
        b: r.text(2),
        value_a: r.text(3),
        value_b: r.text(4),
        place: r.real(5).zip(r.real(6)).map(|(lon, lat)| LonLat::new(lon, lat)),
    };
    Ok(database.rows(sql, &[id.into()])?.iter().map(of).collect())
}

/// Subjects without a partner of the first and of the second network.
fn unmatched_of(database: &mut Database, id: i64) -> Result<(Vec<String>, Vec<String>), ProjectError> {
    let (mut only_a, mut only_b) = (Vec::new(), Vec::new());
    for r in database.rows("SELECT side, subject FROM unmatched WHERE reconciliation = $1 ORDER BY position", &[id.into()])? {
        let side = if r.text(0) == "a" { &mut only_a } else { &mut only_b };
        side.push(r.text(1));
    }
    Ok((only_a, only_b))
}
