//! The audit log: who did what, when, from where. Rows are added and never changed: triggers refuse it, and each row carries a hash of
//! itself and of the row before, so that what was changed past the triggers shows.

use super::{ServerDatabase, ServerError};
use crate::files::sha256_hex;
use crate::project::ProjectError;
use crate::project::database::{Cell, Database, Dialect, Row};
use serde_json::Value;

/// Held by PostgreSQL while a row is added, for each row names the one before. Any number that nobody else uses.
const AUDIT_LOCK: i64 = 0x6772_6964_6175_6474;
/// Rows read at a time when the chain is checked.
const PAGE: i64 = 5_000;

/// One act.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub time_ms: i64,
    /// User; empty when nobody was logged in.
    pub author: String,
    /// Network address, or `console`.
    pub address: String,
    /// What was done, as `user.add`, `login.failed`, `job.start`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Particulars: before and after, a reason.
    pub detail: Value,
}

impl Entry {
    /// An empty entry of a time.
    pub fn at(time_ms: i64) -> Self {
        let none = String::new();
        Self { time_ms, author: none.clone(), address: none.clone(), action: none.clone(), subject: none, detail: Value::Null }
    }
}

/// An entry as the log has it.
#[derive(Clone, Debug, PartialEq)]
pub struct NotedEntry {
    pub id: i64,
    pub entry: Entry,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub author: Option<String>,
    /// An action, or the beginning of some when it ends with a dot: `login.`.
    pub action: Option<String>,
    pub from_ms: Option<i64>,
    /// Not included.
    pub to_ms: Option<i64>,
    /// Only entries before this one.
    pub before: Option<i64>,
    pub limit: u32,
}

const COLUMNS: &str = "SELECT id, time_ms, author, address, action, subject, detail, chain FROM server_audit";

fn entry_of(row: &Row) -> NotedEntry {
    NotedEntry {
        id: row.integer(0).unwrap_or(0),
        entry: Entry {
            time_ms: row.integer(1).unwrap_or(0),
            author: row.text(2),
            address: row.text(3),
            action: row.text(4),
            subject: row.text(5),
            detail: serde_json::from_str(&row.text(6)).unwrap_or(Value::Null),
        },
    }
}

/// Hash of a row and all before it. Lengths stand before the texts, so that no two rows give the same.
fn link(before: &str, time_ms: i64, texts: [&str; 5]) -> String {
    let texts: String = texts.iter().map(|t| format!("{}:{t}", t.len())).collect();
    sha256_hex(format!("{before}{time_ms}:{texts}").as_bytes())
}

pub(super) fn add(database: &mut Database, entry: &Entry) -> Result<(), ProjectError> {
    if database.dialect() == Dialect::Postgres {
        database.execute("SELECT pg_advisory_xact_lock($1)", &[AUDIT_LOCK.into()])?;
    }
    let before = database.row("SELECT chain, id FROM server_audit ORDER BY id DESC LIMIT 1", &[])?;
    let id = before.as_ref().and_then(|r| r.integer(1)).unwrap_or(0) + 1;
    let before = before.map_or_else(String::new, |r| r.text(0));
    // The hash is of what the database keeps, which has no zero characters.
    let [author, address, action, subject, detail] =
        [&entry.author, &entry.address, &entry.action, &entry.subject, &entry.detail.to_string()]
            .map(|t| crate::project::database::plain(t));
    let chain = link(&before, entry.time_ms, [&author, &address, &action, &subject, &detail]);
    let sql =
        "INSERT INTO server_audit (id, time_ms, author, address, action, subject, detail, chain) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values: [Cell; 8] =
        [id.into(), entry.time_ms.into(), author.into(), address.into(), action.into(), subject.into(), detail.into(), chain.into()];
    database.execute(sql, &values)?;
    Ok(())
}

impl ServerDatabase {
    /// Adds an entry.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn note(&self, entry: &Entry) -> Result<(), ServerError> {
        Ok(self.write(|database| add(database, entry))?)
    }

    /// Entries, newest first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<NotedEntry>, ServerError> {
        let action = filter.action.as_deref().unwrap_or_default();
        // An action is compared by its beginning, without the patterns that LIKE would see in it.
        let sql = format!(
            "{COLUMNS} WHERE ($1 = '' OR author = $1) AND ($2 = '' OR action = $2 OR ($3 > 1 AND substr(action, 1, CAST($3 AS INTEGER)) = $2)) \
             AND time_ms >= $4 AND time_ms < $5 AND id < $6 ORDER BY id DESC LIMIT $7"
        );
        let prefix = if action.ends_with('.') { action.chars().count() as i64 } else { 0 };
        let values: [Cell; 7] = [
            filter.author.as_deref().unwrap_or_default().into(),
            action.into(),
            prefix.into(),
            filter.from_ms.unwrap_or(i64::MIN).into(),
            filter.to_ms.unwrap_or(i64::MAX).into(),
            filter.before.unwrap_or(i64::MAX).into(),
            i64::from(filter.limit).into(),
        ];
        Ok(self.read(|database| database.rows(&sql, &values))?.iter().map(entry_of).collect())
    }

    /// Follows the chain of hashes. Returns how many rows there are, and the number of the first that does not fit.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn check_audit(&self) -> Result<(u64, Option<i64>), ServerError> {
        Ok(self.read(|database| {
            let (mut n, mut last, mut before) = (0, 0, String::new());
            loop {
                let rows = database.rows(&format!("{COLUMNS} WHERE id > $1 ORDER BY id LIMIT $2"), &[Cell::from(last), PAGE.into()])?;
                for row in &rows {
                    let id = row.integer(0).unwrap_or(0);
                    let [a, b, c, d, e] = &[2, 3, 4, 5, 6].map(|column| row.text(column));
                    let chain = link(&before, row.integer(1).unwrap_or(0), [a, b, c, d, e]);
                    // Numbers follow each other without a gap, so that a row that was taken out shows as well.
                    if chain != row.text(7) || id != last + 1 {
                        return Ok((n, Some(id)));
                    }
                    (n, last, before) = (n + 1, id, chain);
                }
                if rows.is_empty() {
                    return Ok((n, None));
                }
            }
        })?)
    }
}
