//! The history in PostgreSQL, with TimescaleDB where it is there.
//!
//! ```text
//! append ─► queue ─► writer thread: one transaction ─► committed = acknowledged
//! query  ─► rows of samples and of sums ─► the same arithmetic as of the embedded history
//! maintain ─► sums of hours and days that are over ─► days of samples that are past their time go
//! ```
//!
//! Samples lie in `twin_samples`: a hypertable with compressed chunks where the extension is there, else native partitions of a day. One
//! program at a time writes, which a lock of the database sees to. What a database does, what is kept how long, and where the two histories
//! differ is told in `docs/history.md`.

mod cells;
mod keep;
mod line;
mod query;
mod writer;

use super::HistoryError;
use super::event::{EVENT_MAX, Event, EventFilter, EventPage, Page};
use super::historian::Historian;
use super::history::{Condition, EventTicket, Refusal, Refused, Ticket};
use super::maintain::Maintained;
use super::options::{Options, us};
use super::points::{NAME_MAX, PointEntry};
use super::query::{Answer, Query, States};
use super::sample::{Entry, PointId, Sample, TEXT_MAX, TIME_END, TIME_MIN};
use line::{Line, Place};
use network::Diagnostic;
use scada::UtcTime;
use scada::point::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use writer::{Request, Writer};

/// 1970 in SQL; µs since then are added to it, which is exact until 2255.
const EPOCH: &str = "timestamptz '1970-01-01 00:00:00+00'";
/// Version of the tables.
const SCHEMA: i64 = 1;
/// Before it seconds since 1970 are no exact number.
const SERVER_MIN: i32 = 140_000;
/// Events that may wait when no more samples may.
const EVENTS_MORE: usize = 100_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hours from which on something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub raw_from: i64,
    pub hourly_from: i64,
}

#[derive(Debug, Default)]
struct Names {
    entries: Vec<PointEntry>,
    by_name: HashMap<String, usize>,
}

pub(super) struct Shared {
    pub options: Options,
    /// Samples lie in partitions of a day; else in a hypertable.
    pub is_partitioned: bool,
    pub waiting: AtomicUsize,
    pub is_closing: AtomicBool,
    last: Mutex<HashMap<PointId, Entry>>,
    kept: Mutex<Kept>,
    trouble: Mutex<Option<HistoryError>>,
}

impl Shared {
    pub(super) fn last(&self) -> MutexGuard<'_, HashMap<PointId, Entry>> {
        lock(&self.last)
    }

    pub(super) fn kept(&self) -> Kept {
        *lock(&self.kept)
    }

    pub(super) fn set_trouble(&self, trouble: Option<HistoryError>) {
        *lock(&self.trouble) = trouble;
    }
}

/// A history in a database. Dropped, it writes what waits and lets go of the lock.
pub struct DatabaseHistory {
    shared: Arc<Shared>,
    names: Mutex<Names>,
    reader: Mutex<Line>,
    keeper: Mutex<Line>,
    requests: Sender<Request>,
    writer: Option<JoinHandle<()>>,
    findings: Vec<Diagnostic>,
    place: String,
}

impl std::fmt::Debug for DatabaseHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseHistory").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What opening found out.
struct Opened {
    has_lock: bool,
    server: String,
    server_number: i32,
    schema: i64,
    layout: String,
    timescale: Option<String>,
    points: Vec<(i32, String, String)>,
    next_event: i64,
    raw_from: Option<i64>,
    hourly_from: Option<i64>,
}

async fn meta(connection: &mut PgConnection, key: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM twin_meta WHERE key = $1").bind(key).fetch_optional(connection).await
}

async fn set_meta(connection: &mut PgConnection, key: &str, value: &str) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO twin_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(key).bind(value).execute(connection).await.map(|_| ())
}

/// Makes the table of samples as the server can have it; gives what it is then.
async fn make_samples(connection: &mut PgConnection, timescale: Option<&str>) -> Result<&'static str, sqlx::Error> {
    let partitioned = if timescale.is_some() { "" } else { " PARTITION BY RANGE (time)" };
    let sql = format!(
        "CREATE TABLE twin_samples (point integer NOT NULL, time timestamptz NOT NULL, kind smallint NOT NULL, quality integer NOT NULL, \
         number double precision, whole bigint, extra integer, text text, PRIMARY KEY (point, time)){partitioned}"
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    if timescale.is_none() {
        return Ok("partitions");
    }
    let sql = "SELECT create_hypertable('twin_samples', 'time', chunk_time_interval => interval '1 day')";
    sqlx::raw_sql(sql).execute(&mut *connection).await?;
    // Not every build of the extension compresses: without that the chunks are longer, and all else is the same.
    sqlx::raw_sql("SAVEPOINT compression").execute(&mut *connection).await?;
    let compression = "ALTER TABLE twin_samples SET (timescaledb.compress, timescaledb.compress_segmentby = 'point', timescaledb.compress_orderby = 'time'); \
                       SELECT add_compression_policy('twin_samples', interval '2 days')";
    if sqlx::raw_sql(compression).execute(&mut *connection).await.is_err() {
        sqlx::raw_sql("ROLLBACK TO SAVEPOINT compression").execute(&mut *connection).await?;
    }
    Ok("hypertable")
}

/// Takes the lock and brings the tables to be.
async fn prepare(connection: &mut PgConnection) -> Result<Opened, sqlx::Error> {
    let server_number: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int4").fetch_one(&mut *connection).await?;
    let server: String = sqlx::query_scalar("SELECT current_setting('server_version')").fetch_one(&mut *connection).await?;
    let mut opened = Opened {
        has_lock: writer::take_lock(connection).await?,
        server,
        server_number,
        schema: SCHEMA,
        layout: String::new(),
        timescale: None,
        points: Vec::new(),
        next_event: 1,
        raw_from: None,
        hourly_from: None,
    };
    if !opened.has_lock || server_number < SERVER_MIN {
        return Ok(opened);
    }
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *connection).await?;
    if let Some(schema) = meta(connection, "schema").await?.and_then(|s| s.parse().ok()) {
        opened.schema = schema;
    } else {
        set_meta(connection, "schema", &SCHEMA.to_string()).await?;
    }
    opened.timescale = sqlx::query_scalar("SELECT extversion::text FROM pg_extension WHERE extname = 'timescaledb'")
        .fetch_optional(&mut *connection)
        .await?;
    opened.layout = match meta(connection, "layout").await? {
        Some(layout) => layout,
        None => {
            let layout = make_samples(connection, opened.timescale.as_deref()).await?;
            set_meta(connection, "layout", layout).await?;
            layout.to_owned()
        }
    };
    opened.points = sqlx::query_as("SELECT id, name, unit FROM twin_points ORDER BY id").fetch_all(&mut *connection).await?;
    opened.next_event = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) + 1 FROM twin_events").fetch_one(&mut *connection).await?;
    opened.raw_from = meta(connection, "raw_from").await?.and_then(|s| s.parse().ok());
    opened.hourly_from = meta(connection, "hourly_from").await?.and_then(|s| s.parse().ok());
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(opened)
}

impl DatabaseHistory {
    /// Opens the history of a database, or makes one. `url` is `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// `DatabaseLocked` while another program has it open; a server that cannot be reached or is too old; tables of a later version; options
    /// that cannot be.
    pub fn open(url: &str, options: Options) -> Result<Self, HistoryError> {
        options.check()?;
        let place = Place::new(url)?;
        let mut line = Line::new(place.clone())?;
        let opened = line.run("open", prepare)?;
        let refused = |reason: String| HistoryError::Database { action: "use", place: place.name.clone(), reason };
        if opened.server_number < SERVER_MIN {
            return Err(refused(format!("PostgreSQL {} is too old; 14 and later can be used", opened.server)));
        }
        if !opened.has_lock {
            return Err(HistoryError::DatabaseLocked { place: place.name });
        }
        if opened.schema > SCHEMA {
            return Err(refused(format!("its tables are of version {}, and this program knows {SCHEMA}", opened.schema)));
        }
        let is_partitioned = opened.layout != "hypertable";
        let how = match &opened.timescale {
            Some(version) if !is_partitioned => format!("in a hypertable of TimescaleDB {version}"),
            Some(version) => format!("in partitions of a day: they were made before TimescaleDB {version} was there"),
            None => "in partitions of a day, without TimescaleDB".to_owned(),
        };
        let findings = vec![
            Diagnostic::note("HISTORY.DATABASE.LAYOUT", format!("the history is in PostgreSQL {}, {how}", opened.server))
                .detail(format!("The database is {}.", place.name))
                .hint("docs/history.md says what either does."),
        ];
        let kept = Kept { raw_from: opened.raw_from.unwrap_or(i64::MIN), hourly_from: opened.hourly_from.unwrap_or(i64::MIN) };
        let shared = Arc::new(Shared {
            options,
            is_partitioned,
            waiting: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            last: Mutex::default(),
            kept: Mutex::new(kept),
            trouble: Mutex::default(),
        });
        let mut names = Names::default();
        for (id, name, unit) in opened.points {
            names.by_name.insert(name.clone(), names.entries.len());
            names.entries.push(PointEntry { id: PointId(id as u32), name, unit });
        }
        let mut reader = Line::new(place.clone())?;
        *shared.last() = reader.run("read from", async |c| query::newest(c, TIME_END.us).await)?;
        let (requests, queue) = mpsc::channel();
        let writer = Writer {
            shared: shared.clone(),
            requests: queue,
            line,
            next_event: opened.next_event.max(1) as u64,
            sequence: 0,
            days: BTreeSet::new(),
        };
        let spawned = std::thread::Builder::new().name("history-database".into()).spawn(move || writer.run());
        let writer = spawned.map_err(|e| refused(format!("no thread can be started: {e}")))?;
        let keeper = Mutex::new(Line::new(place.clone())?);
        Ok(Self {
            shared,
            names: Mutex::new(names),
            reader: Mutex::new(reader),
            keeper,
            requests,
            writer: Some(writer),
            findings,
            place: place.name,
        })
    }

    /// What was found when it was opened: how samples lie.
    pub fn findings(&self) -> Vec<Diagnostic> {
        self.findings.clone()
    }

    /// The database, without its password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Counts what is to wait in, if there is room.
    fn admit(&self, count: usize, more: usize) -> Result<(), HistoryError> {
        let limit = self.shared.options.backlog + more;
        let admitted = self.shared.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            // One batch always has room, however long it is.
            (waiting == 0 || waiting + count <= limit).then_some(waiting + count)
        });
        admitted.map(|_| ()).map_err(|waiting| HistoryError::QueueFull { waiting, limit })
    }

    fn refused(&self, samples: &[Sample], now: UtcTime) -> Vec<Refused> {
        let options = &self.shared.options;
        let oldest = now.us.saturating_sub(us(options.retention.raw));
        let newest = now.us.saturating_add(us(options.ahead));
        let known = lock(&self.names).entries.len();
        let why = |s: &Sample| {
            let time = s.entry.time;
            // Numbers are given in order, from 0 on.
            if s.point.0 as usize >= known {
                Some(Refusal::UnknownPoint)
            } else if time < TIME_MIN || time >= TIME_END {
                Some(Refusal::TimeOutOfRange)
            } else if time.us > newest {
                Some(Refusal::TimeAhead)
            } else if time.us < oldest {
                Some(Refusal::TimeExpired)
            } else if matches!(&s.entry.value, Some(Value::Text(t)) if t.len() > TEXT_MAX) {
                Some(Refusal::TextTooLong)
            } else {
                None
            }
        };
        let refused = |(position, s): (usize, &Sample)| why(s).map(|why| Refused { position, point: s.point, time: s.entry.time, why });
        samples.iter().enumerate().filter_map(refused).collect()
    }

    fn is_known(&self, point: PointId) -> bool {
        (point.0 as usize) < lock(&self.names).entries.len()
    }
}

impl Historian for DatabaseHistory {
    fn point(&self, name: &str, unit: &str) -> Result<PointId, HistoryError> {
        let mut names = lock(&self.names);
        if let Some(known) = names.by_name.get(name).map(|i| &names.entries[*i]) {
            if known.unit != unit {
                return Err(HistoryError::UnitChanged { name: name.into(), known: known.unit.clone(), given: unit.into() });
            }
            return Ok(known.id);
        }
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(HistoryError::PointName { longest: NAME_MAX });
        }
        let id = names.entries.len() as u32;
        let sql = "INSERT INTO twin_points (id, name, unit) VALUES ($1, $2, $3)";
        lock(&self.reader).run("write into", async |c| sqlx::query(sql).bind(id as i32).bind(name).bind(unit).execute(c).await)?;
        let at = names.entries.len();
        names.by_name.insert(name.to_owned(), at);
        names.entries.push(PointEntry { id: PointId(id), name: name.into(), unit: unit.into() });
        Ok(PointId(id))
    }

    fn points(&self) -> Vec<PointEntry> {
        lock(&self.names).entries.clone()
    }

    fn append(&self, samples: Vec<Sample>, now: UtcTime) -> Result<Ticket, HistoryError> {
        let refused = self.refused(&samples, now);
        let is_refused = |i: usize| refused.binary_search_by_key(&i, |r| r.position).is_ok();
        let samples: Vec<Sample> = samples.into_iter().enumerate().filter(|(i, _)| !is_refused(*i)).map(|(_, s)| s).collect();
        if samples.is_empty() {
            return Ok(Ticket::new(refused, None));
        }
        self.admit(samples.len(), 0)?;
        let (reply, receiver) = mpsc::channel();
        self.requests.send(Request::Samples { samples, reply }).map_err(|_| HistoryError::Closed)?;
        Ok(Ticket::new(refused, Some(receiver)))
    }

    fn append_events(&self, events: &[Event]) -> Result<EventTicket, HistoryError> {
        for event in events {
            let octets = serde_json::to_vec(event).map_or(usize::MAX, |t| t.len());
            if octets > EVENT_MAX {
                return Err(HistoryError::EventTooLong { octets, longest: EVENT_MAX });
            }
        }
        self.admit(events.len(), EVENTS_MORE)?;
        let (reply, receiver) = mpsc::channel();
        self.requests.send(Request::Events { events: events.to_vec(), reply }).map_err(|_| HistoryError::Closed)?;
        Ok(EventTicket::new(receiver))
    }

    fn query(&self, query: &Query) -> Result<Answer, HistoryError> {
        if let Some(unknown) = query.points.iter().find(|p| !self.is_known(**p)) {
            return Err(HistoryError::UnknownPoint { id: unknown.0 });
        }
        query::answer(&self.shared, &mut lock(&self.reader), query)
    }

    fn last(&self, point: PointId) -> Option<Entry> {
        self.shared.last().get(&point).cloned()
    }

    fn states_at(&self, at: UtcTime) -> Result<States, HistoryError> {
        query::states_at(&self.shared, &mut lock(&self.reader), at)
    }

    fn events(&self, filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError> {
        query::events(&mut lock(&self.reader), filter, page)
    }

    fn maintain(&self, now: UtcTime) -> Result<Maintained, HistoryError> {
        keep::maintain(&self.shared, &mut lock(&self.keeper), now)
    }

    fn condition(&self) -> Condition {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        match lock(&self.shared.trouble).clone() {
            Some(trouble) => Condition::Stalled { trouble, waiting },
            None => Condition::Recording { waiting },
        }
    }
}

impl Drop for DatabaseHistory {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Relaxed);
        // A thread that has ended already needs no word.
        let _ = self.requests.send(Request::Stop);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
