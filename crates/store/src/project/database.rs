//! One connection to a project's database, whichever it is.
//!
//! Statements are the same for SQLite and PostgreSQL (`$1` for the first value, `ON CONFLICT`, `RETURNING`); what differs stands here:
//! how one connects, how a writer begins, what a failure means. Asynchronous code stays inside: each call runs one statement on a
//! small runtime of this connection and waits for it. Call it from a thread that runs no asynchronous task.

use super::error::ProjectError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, TypeInfo, ValueRef,
};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a writer waits for another one before it is told, s.
const WAIT_S: u64 = 30;
/// How long a connection may take, s.
const CONNECT_S: u64 = 15;
/// How long a server may take to be told goodbye, s.
const CLOSE_S: u64 = 5;
/// Values of one statement at most: both databases take more, but a longer statement gains nothing.
const VALUES_MAX: usize = 2_000;
/// Pages that SQLite keeps in memory, KiB. Hashes come in no order, so that every insertion touches another page of their index; with the
/// 2 MiB that SQLite would take, a network of a hundred thousand elements has it read and write those pages over and over.
const CACHE_KIB: u64 = 64 * 1024;
/// Rows that SQLite's thread may be ahead of the one that takes them.
const ROWS_AHEAD: usize = 1_000;

/// One value of a statement or row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(Option<String>),
    Integer(Option<i64>),
    Real(Option<f64>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(plain(text)))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(if text.contains('\0') { plain(&text) } else { text }))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Self::Integer(Some(n))
    }
}

impl From<Option<i64>> for Cell {
    fn from(n: Option<i64>) -> Self {
        Self::Integer(n)
    }
}

impl From<usize> for Cell {
    fn from(n: usize) -> Self {
        Self::Integer(Some(i64::try_from(n).unwrap_or(i64::MAX)))
    }
}

impl From<u32> for Cell {
    fn from(n: u32) -> Self {
        Self::Integer(Some(i64::from(n)))
    }
}

impl From<Option<f64>> for Cell {
    fn from(x: Option<f64>) -> Self {
        // SQLite keeps a NaN as no value; so that both say the same, none is kept as one.
        Self::Real(x.filter(|x| !x.is_nan()))
    }
}

/// PostgreSQL takes no zero character in a text; it becomes the picture of one.
pub(crate) fn plain(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

/// One row of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Row(Vec<Cell>);

impl Row {
    /// Text of a column; empty where there is none.
    pub(crate) fn text(&self, column: usize) -> String {
        self.optional_text(column).unwrap_or_default()
    }

    pub(crate) fn optional_text(&self, column: usize) -> Option<String> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => text.clone(),
            _ => None,
        }
    }

    /// As [`Row::text`], which is empty afterwards.
    pub(crate) fn take_text(&mut self, column: usize) -> String {
        self.take_optional_text(column).unwrap_or_default()
    }

    pub(crate) fn take_optional_text(&mut self, column: usize) -> Option<String> {
        match self.0.get_mut(column) {
            Some(Cell::Text(text)) => text.take(),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Integer(n)) => *n,
            _ => None,
        }
    }

    /// A number that counts or identifies; 0 where there is none.
    pub(crate) fn number(&self, column: usize) -> u64 {
        self.integer(column).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    pub(crate) fn line(&self, column: usize) -> u32 {
        u32::try_from(self.number(column)).unwrap_or(0)
    }

    pub(crate) fn real(&self, column: usize) -> Option<f64> {
        match self.0.get(column) {
            Some(Cell::Real(x)) => *x,
            Some(Cell::Integer(n)) => n.map(|n| n as f64),
            _ => None,
        }
    }
}

enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// A connection and the runtime that it lives on.
struct Line {
    // Before the runtime, so that it is dropped while there still is one.
    connection: Connection,
    runtime: Runtime,
}

impl Line {
    /// Says goodbye. SQLite's connection belongs to a thread of its own: one that is only dropped is closed some time later, or never when
    /// the process ends before, and what the last one to close would have moved into the file stays in `-wal` beside it.
    fn close(self) {
        let Self { connection, runtime } = self;
        // Nothing can be done about a failure: what was committed is kept in any case.
        let _ = runtime.block_on(async {
            match connection {
                Connection::Sqlite(c) => c.close().await,
                Connection::Postgres(c) => tokio::time::timeout(Duration::from_secs(CLOSE_S), c.close()).await.unwrap_or(Ok(())),
            }
        });
    }
}

pub(crate) struct Database {
    dialect: Dialect,
    /// None only while it is being dropped.
    line: Option<Line>,
    /// File or address, without a password.
    place: String,
    /// How long a writer waits for another one, s.
    wait_s: u64,
    /// A transaction is open; still so at the next one's beginning only when a panic went through it.
    is_open: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.place)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        // On a thread of its own: who drops it may be running asynchronous tasks, where one may not wait, or be panicking already.
        if let Ok(closing) = std::thread::Builder::new().name("gridtwin-close".into()).spawn(move || line.close()) {
            let _ = closing.join();
        }
    }
}

/// The address without its password, for files and messages.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    let kept: Vec<&str> = query.into_iter().flat_map(|q| q.split('&')).filter(|p| !p.starts_with("password=") && !p.is_empty()).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{authority}{path}{query}")
}

fn runtime() -> Result<Runtime, ProjectError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| ProjectError::io("start the runtime of", Path::new("the database"), e))
}

impl Database {
    /// Opens a file of SQLite; `create` makes it where there is none.
    pub(crate) fn sqlite(path: &Path, create: bool) -> Result<Self, ProjectError> {
        let runtime = runtime()?;
        let place = path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .busy_timeout(Duration::from_secs(WAIT_S))
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        let connection = runtime.block_on(options.connect()).map_err(|e| failure(&place, WAIT_S, e))?;
        let line = Some(Line { connection: Connection::Sqlite(connection), runtime });
        Ok(Self { dialect: Dialect::Sqlite, line, place, wait_s: WAIT_S, is_open: false })
    }

    /// Connects to a PostgreSQL server: `postgres://user:password@host:port/database`.
    pub(crate) fn postgres(url: &str) -> Result<Self, ProjectError> {
        let runtime = runtime()?;
        let place = without_password(url);
        if !is_postgres(url) {
            return Err(ProjectError::Url { url: place, reason: "it does not begin with postgres://".into() });
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| ProjectError::Url { url: place.clone(), reason: e.to_string() })?
            .application_name("gridtwin")
            .disable_statement_logging();
        let connected = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(CONNECT_S), options.connect()).await });
        let connection = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(e)) => return Err(ProjectError::Unreachable { place, reason: reason(&e) }),
            Err(_) => return Err(ProjectError::Unreachable { place, reason: format!("no answer within {CONNECT_S} seconds") }),
        };
        let line = Some(Line { connection: Connection::Postgres(connection), runtime });
        Ok(Self { dialect: Dialect::Postgres, line, place, wait_s: WAIT_S, is_open: false })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Changes how long a writer waits for another one.
    pub(crate) fn set_wait(&mut self, wait_s: u64) -> Result<(), ProjectError> {
        self.wait_s = wait_s;
        if self.dialect() == Dialect::Sqlite {
            self.rows(&format!("PRAGMA busy_timeout = {}", wait_s.saturating_mul(1000).min(i32::MAX as u64)), &[])?;
        }
        Ok(())
    }

    /// Runs one statement; returns the number of rows that it touched.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, ProjectError> {
        self.execute_with(sql, values.iter().cloned())
    }

    fn execute_with(&mut self, sql: &str, values: impl Iterator<Item = Cell>) -> Result<u64, ProjectError> {
        let sql = AssertSqlSafe(sql.to_owned());
        let done = match &mut self.line {
            Some(Line { connection: Connection::Sqlite(c), runtime }) => {
                let query = values.fold(sqlx::query::<Sqlite>(sql), bind_sqlite);
                runtime.block_on(query.execute(c)).map(|r| r.rows_affected())
            }
            Some(Line { connection: Connection::Postgres(c), runtime }) => {
                let query = values.fold(sqlx::query::<Postgres>(sql), bind_postgres);
                runtime.block_on(query.execute(c)).map(|r| r.rows_affected())
            }
            None => Err(sqlx::Error::PoolClosed),
        };
        done.map_err(|e| failure(&self.place, self.wait_s, e))
    }

    /// Rows that a statement gives.
    pub(crate) fn rows(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, ProjectError> {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows = match &mut self.line {
            Some(Line { connection: Connection::Sqlite(c), runtime }) => {
                let query = values.iter().cloned().fold(sqlx::query::<Sqlite>(sql), bind_sqlite);
                runtime.block_on(query.fetch_all(c)).and_then(|rows| rows.iter().map(row_of_sqlite).collect::<Result<Vec<_>, _>>())
            }
            Some(Line { connection: Connection::Postgres(c), runtime }) => {
                let query = values.iter().cloned().fold(sqlx::query::<Postgres>(sql), bind_postgres);
                runtime.block_on(query.fetch_all(c)).and_then(|rows| rows.iter().map(row_of_postgres).collect::<Result<Vec<_>, _>>())
            }
            None => Err(sqlx::Error::PoolClosed),
        };
        rows.map_err(|e| failure(&self.place, self.wait_s, e))
    }

    /// The first row, if there is one.
    pub(crate) fn row(&mut self, sql: &str, values: &[Cell]) -> Result<Option<Row>, ProjectError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Inserts many rows: `INSERT INTO {into} VALUES (…), (…) {tail}`, so many at a time as one statement takes.
    pub(crate) fn insert(&mut self, into: &str, width: usize, tail: &str, rows: Vec<Vec<Cell>>) -> Result<(), ProjectError> {
        let at_once = (VALUES_MAX / width.max(1)).max(1);
        let (mut left, mut rows) = (rows.len(), rows.into_iter());
        let mut sql = (0, String::new());
        while left > 0 {
            let n = left.min(at_once);
            if sql.0 != n {
                sql = (n, self.insertion(into, width, tail, n));
            }
            self.execute_with(&sql.1, rows.by_ref().take(n).flatten())?;
            left -= n;
        }
        Ok(())
    }

    fn insertion(&self, into: &str, width: usize, tail: &str, n_rows: usize) -> String {
        let mut sql = format!("INSERT INTO {into} VALUES ");
        for r in 0..n_rows {
            sql.push_str(if r == 0 { "(" } else { ", (" });
            for c in 0..width {
                if c > 0 {
                    sql.push_str(", ");
                }
                match self.dialect {
                    // To SQLite a number with a dollar is a name, and each name is looked for among all before it, when the statement is
                    // prepared and again when it gets its values: thousands of them would cost millions of comparisons each time.
                    Dialect::Sqlite => sql.push('?'),
                    Dialect::Postgres => sql.push_str(&format!("${}", r * width + c + 1)),
                }
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(tail);
        sql
    }

    /// Runs `body` as one transaction that writes: all of it is kept, or nothing. A second writer waits, and is told after a while.
    pub(crate) fn write<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, ProjectError>) -> Result<T, ProjectError> {
        self.end_what_is_open()?;
        match self.dialect() {
            // A transaction that began as a reader cannot become a writer once another has written.
            Dialect::Sqlite => self.execute("BEGIN IMMEDIATE", &[])?,
            Dialect::Postgres => {
                self.execute("BEGIN", &[])?;
                self.execute(&format!("SET LOCAL lock_timeout = '{}s'", self.wait_s), &[])?
            }
        };
        self.is_open = true;
        let result = body(self);
        self.is_open = false;
        self.finish(result)
    }

    /// Runs `body` on one state of the database, whatever others write meanwhile.
    pub(crate) fn read<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, ProjectError>) -> Result<T, ProjectError> {
        self.end_what_is_open()?;
        match self.dialect() {
            Dialect::Sqlite => self.execute("BEGIN", &[])?,
            Dialect::Postgres => self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", &[])?,
        };
        self.is_open = true;
        let result = body(self);
        self.is_open = false;
        self.finish(result)
    }

    fn end_what_is_open(&mut self) -> Result<(), ProjectError> {
        if std::mem::take(&mut self.is_open) {
            self.execute("ROLLBACK", &[])?;
        }
        Ok(())
    }

    fn finish<T>(&mut self, result: Result<T, ProjectError>) -> Result<T, ProjectError> {
        match result {
            Ok(value) => match self.execute("COMMIT", &[]) {
                Ok(_) => Ok(value),
                Err(e) => {
                    let _ = self.execute("ROLLBACK", &[]);
                    Err(e)
                }
            },
            Err(e) => {
                // The error that led here is the one to tell.
                let _ = self.execute("ROLLBACK", &[]);
                Err(e)
            }
        }
    }
}

pub(crate) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn bind_sqlite<'q>(query: sqlx::query::Query<'q, Sqlite, SqliteArguments>, cell: Cell) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
    match cell {
        Cell::Text(text) => query.bind(text),
        Cell::Integer(n) => query.bind(n),
        Cell::Real(x) => query.bind(x),
    }
}

fn bind_postgres<'q>(query: sqlx::query::Query<'q, Postgres, PgArguments>, cell: Cell) -> sqlx::query::Query<'q, Postgres, PgArguments> {
    match cell {
        Cell::Text(text) => query.bind(text),
        Cell::Integer(n) => query.bind(n),
        Cell::Real(x) => query.bind(x),
    }
}

fn row_of_sqlite(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let cell = |i: usize| {
        let value = row.try_get_raw(i)?;
        if value.is_null() {
            return Ok(Cell::Text(None));
        }
        let kind = value.type_info();
        Ok(match kind.name() {
            "INTEGER" => Cell::Integer(row.try_get_unchecked(i)?),
            "REAL" => Cell::Real(row.try_get_unchecked(i)?),
            _ => Cell::Text(row.try_get_unchecked(i)?),
        })
    };
    (0..row.len()).map(cell).collect::<Result<_, sqlx::Error>>().map(Row)
}

fn row_of_postgres(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |i: usize| {
        let value = row.try_get_raw(i)?;
        if value.is_null() {
            return Ok(Cell::Text(None));
        }
        let kind = value.type_info();
        Ok(match kind.name() {
            "INT8" => Cell::Integer(row.try_get(i)?),
            "INT4" => Cell::Integer(row.try_get::<Option<i32>, _>(i)?.map(i64::from)),
            "FLOAT8" => Cell::Real(row.try_get(i)?),
            _ => Cell::Text(row.try_get_unchecked(i)?),
        })
    };
    (0..row.len()).map(cell).collect::<Result<_, sqlx::Error>>().map(Row)
}

/// The database's own words, without the program's around them.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(e) => e.message().to_owned(),
        other => other.to_string(),
    }
}

fn failure(place: &str, wait_s: u64, error: sqlx::Error) -> ProjectError {
    let place = place.to_owned();
    let reason = reason(&error);
    let sqlx::Error::Database(database) = &error else {
        return match error {
            sqlx::Error::Io(_) => ProjectError::Unreachable { place, reason },
            _ => ProjectError::Refused { place, reason },
        };
    };
    let code = database.code().unwrap_or_default().into_owned();
    // A primary code of SQLite is the low byte of an extended one; PostgreSQL's codes have five characters, SQLite's fewer digits.
    let sqlite = if code.len() < 5 { code.parse::<u32>().ok().map(|c| c & 0xff) } else { None };
    match (sqlite, code.as_str()) {
        (Some(5 | 6), _) | (_, "55P03" | "40001" | "40P01") => ProjectError::Busy { place, waited_s: wait_s },
        (Some(13), _) | (_, "53100") => ProjectError::NoSpace { place, reason },
        (Some(11 | 26), _) | (_, "XX001" | "XX002") => ProjectError::Damaged { place, reason },
        (Some(14), _) | (_, "57P01" | "57P02" | "57P03") => ProjectError::Unreachable { place, reason },
        _ => ProjectError::Refused { place, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:secret@host:5432/db", "postgres://u@host:5432/db"),
            ("postgres://u@host/db", "postgres://u@host/db"),
            ("postgres:///db?host=/tmp/s&password=secret&user=u", "postgres:///db?host=/tmp/s&user=u"),
            ("postgres://u:p@ss@host/db", "postgres://u@host/db"),
            ("postgres://host/db?password=x", "postgres://host/db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
