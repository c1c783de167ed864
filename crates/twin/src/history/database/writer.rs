//! The thread that writes: whatever waits goes into one transaction, and is acknowledged when that is committed.
//!
//! A database that does not take it is tried again until it does. Whether a commit that broke off was made is not known; everything that is
//! written can be written twice without a trace: samples by point and time, events by a number that nobody else gives, because one program
//! holds the lock of the history.

use super::cells::{Columns, plain};
use super::line::Line;
use super::{EPOCH, Shared};
use crate::history::event::Event;
use crate::history::sample::{PointId, Sample};
use crate::history::writer::Receipt;
use crate::history::{DAY_US, HOUR_US, HistoryError};
use network::Severity;
use scada::UtcTime;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// Samples of one transaction at most, and of one statement.
const TOGETHER: usize = 100_000;
const STATEMENT: usize = 20_000;

pub(super) enum Request {
    Samples { samples: Vec<Sample>, reply: Sender<Receipt> },
    Events { events: Vec<Event>, reply: Sender<(u64, u64)> },
    Stop,
}

/// The lock of the history: its name in PostgreSQL's list of locks. Any number that nobody else uses.
const LOCK: i64 = 0x6772_6964_6869_7374;

pub(super) struct Writer {
    pub shared: Arc<Shared>,
    pub requests: Receiver<Request>,
    pub line: Line,
    pub next_event: u64,
    pub sequence: u64,
    /// Days whose partition is there.
    pub days: BTreeSet<i64>,
}

/// Takes the lock of the history, without waiting for it.
pub(super) async fn take_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(connection).await
}

/// Day of a time, counted since 1970.
fn day_of(us: i64) -> i64 {
    us.div_euclid(DAY_US)
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut stopping = false;
        loop {
            let mut batch: Vec<Request> = Vec::new();
            match self.requests.recv() {
                Ok(Request::Stop) | Err(_) => stopping = true,
                Ok(request) => batch.push(request),
            }
            let mut count = batch.iter().map(size).sum::<usize>();
            while count < TOGETHER && !stopping {
                match self.requests.try_recv() {
                    Ok(Request::Stop) => stopping = true,
                    Ok(request) => {
                        count += size(&request);
                        batch.push(request);
                    }
                    Err(_) => break,
                }
            }
            if !batch.is_empty() && !self.write(&batch, stopping) {
                return;
            }
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            if stopping {
                return;
            }
        }
    }

    /// Writes until it is written. `false` when it is not, and the history ends.
    fn write(&mut self, batch: &[Request], mut stopping: bool) -> bool {
        loop {
            match self.commit(batch) {
                Ok(()) => {
                    self.shared.set_trouble(None);
                    return true;
                }
                Err(trouble) => self.shared.set_trouble(Some(trouble)),
            }
            if stopping {
                return false;
            }
            // A word to stop ends the waiting, after one more attempt.
            std::thread::sleep(self.shared.options.retry.max(Duration::from_millis(10)));
            stopping = self.shared.is_closing.load(Ordering::Relaxed);
        }
    }

    fn commit(&mut self, batch: &[Request]) -> Result<(), HistoryError> {
        // Of the same point and time the later counts, and one statement takes each once.
        let mut newest: HashMap<(PointId, UtcTime), &Sample> = HashMap::new();
        let mut events: Vec<(u64, &Event)> = Vec::new();
        let mut next = self.next_event;
        for request in batch {
            match request {
                Request::Samples { samples, .. } => newest.extend(samples.iter().map(|s| ((s.point, s.entry.time), s))),
                Request::Events { events: more, .. } => {
                    for event in more {
                        events.push((next, event));
                        next += 1;
                    }
                }
                Request::Stop => {}
            }
        }
        let mut samples: Vec<&Sample> = newest.into_values().collect();
        samples.sort_by_key(|s| (s.point, s.entry.time));
        let new_days: Vec<i64> =
            samples.iter().map(|s| day_of(s.entry.time.us)).collect::<BTreeSet<i64>>().difference(&self.days).copied().collect();
        let relocks = !self.line.is_connected();
        let is_partitioned = self.shared.is_partitioned;
        let place = self.line.place.clone();
        let has_lock = self.line.run("write into", async |connection| {
            if relocks && !take_lock(connection).await? {
                return Ok(false);
            }
            sqlx::query("BEGIN").execute(&mut *connection).await?;
            if is_partitioned {
                for day in &new_days {
                    partition(connection, *day).await?;
                }
            }
            insert_samples(connection, &samples).await?;
            insert_events(connection, &events).await?;
            sqlx::query("COMMIT").execute(&mut *connection).await?;
            Ok(true)
        })?;
        if !has_lock {
            // So that the next attempt asks for it again.
            self.line.disconnect();
            return Err(HistoryError::DatabaseLocked { place: place.name });
        }
        self.days.extend(new_days);
        self.acknowledge(batch);
        Ok(())
    }

    fn acknowledge(&mut self, batch: &[Request]) {
        for request in batch {
            match request {
                Request::Samples { samples, reply } => {
                    self.sequence += 1;
                    let mut receipt = Receipt { sequence: self.sequence, recorded: samples.len(), late: 0, replaced: 0 };
                    {
                        let mut last = self.shared.last();
                        for sample in samples {
                            match last.get_mut(&sample.point) {
                                Some(known) if known.time > sample.entry.time => receipt.late += 1,
                                Some(known) => {
                                    receipt.replaced += usize::from(known.time == sample.entry.time);
                                    *known = sample.entry.clone();
                                }
                                None => drop(last.insert(sample.point, sample.entry.clone())),
                            }
                        }
                    }
                    // Who no longer waits need not be told.
                    let _ = reply.send(receipt);
                }
                Request::Events { events, reply } => {
                    let first = self.next_event;
                    self.next_event += events.len() as u64;
                    let _ = reply.send((first, events.len() as u64));
                }
                Request::Stop => {}
            }
        }
    }
}

fn size(request: &Request) -> usize {
    match request {
        Request::Samples { samples, .. } => samples.len(),
        Request::Events { events, .. } => events.len(),
        Request::Stop => 0,
    }
}

/// Makes the partition of a day, unless it is there.
async fn partition(connection: &mut PgConnection, day: i64) -> Result<(), sqlx::Error> {
    // Numbers and nothing else stand in this text.
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS twin_samples_{day} PARTITION OF twin_samples FOR VALUES FROM (to_timestamp({})) TO (to_timestamp({}))",
        day * (DAY_US / 1_000_000),
        (day + 1) * (DAY_US / 1_000_000)
    );
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

async fn insert_samples(connection: &mut PgConnection, samples: &[&Sample]) -> Result<(), sqlx::Error> {
    for part in samples.chunks(STATEMENT) {
        let mut c = Columns::default();
        part.iter().for_each(|s| c.push(s));
        debug_assert_eq!(c.len(), part.len());
        let sql = format!(
            "INSERT INTO twin_samples (point, time, kind, quality, number, whole, extra, text) \
             SELECT p, {EPOCH} + us * interval '1 microsecond', k, q, n, w, e, t \
             FROM unnest($1::int4[], $2::int8[], $3::int2[], $4::int4[], $5::float8[], $6::int8[], $7::int4[], $8::text[]) \
             AS u (p, us, k, q, n, w, e, t) \
             ON CONFLICT (point, time) DO UPDATE SET kind = excluded.kind, quality = excluded.quality, number = excluded.number, \
             whole = excluded.whole, extra = excluded.extra, text = excluded.text"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(c.points)
            .bind(c.times_us)
            .bind(c.kinds)
            .bind(c.qualities)
            .bind(c.numbers)
            .bind(c.wholes)
            .bind(c.extras)
            .bind(c.texts)
            .execute(&mut *connection)
            .await?;
    }
    // A value may stand into the hour after its own; their sums are not those of the samples any more.
    let hours: BTreeSet<i64> = samples.iter().map(|s| s.entry.time.us.div_euclid(HOUR_US)).flat_map(|h| [h, h + 1]).collect();
    let days: BTreeSet<i64> = hours.iter().map(|h| h.div_euclid(crate::history::DAY_HOURS)).collect();
    for (table, column, width_us, all) in [("twin_hours", "hour", HOUR_US, hours), ("twin_days", "day", DAY_US, days)] {
        let starts: Vec<i64> = all.into_iter().map(|i| i * width_us).collect();
        let sql = format!(
            "INSERT INTO {table} ({column}) SELECT {EPOCH} + us * interval '1 microsecond' FROM unnest($1::int8[]) AS u (us) \
             ON CONFLICT ({column}) DO UPDATE SET summed = false WHERE {table}.summed"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(starts).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Severities in ascending order, as they are compared in SQL.
pub(super) fn severity_number(severity: Severity) -> i16 {
    match severity {
        Severity::Note => 0,
        Severity::Warning => 1,
        Severity::Error => 2,
    }
}

async fn insert_events(connection: &mut PgConnection, events: &[(u64, &Event)]) -> Result<(), sqlx::Error> {
    for part in events.chunks(1000) {
        let sql = format!(
            "INSERT INTO twin_events (sequence, time, kind, severity, subject, message, record) \
             SELECT s, {EPOCH} + us * interval '1 microsecond', k, v, j, m, r \
             FROM unnest($1::int8[], $2::int8[], $3::text[], $4::int2[], $5::text[], $6::text[], $7::text[]) AS u (s, us, k, v, j, m, r) \
             ON CONFLICT (sequence) DO NOTHING"
        );
        let record = |e: &Event| serde_json::to_string(e).map_err(|e| sqlx::Error::Encode(Box::new(e)));
        sqlx::query(AssertSqlSafe(sql))
            .bind(part.iter().map(|(n, _)| *n as i64).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| e.time.us).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| plain(&e.kind)).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| severity_number(e.severity)).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| e.subject.as_deref().map(plain)).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| plain(&e.message)).collect::<Vec<_>>())
            .bind(part.iter().map(|(_, e)| record(e)).collect::<Result<Vec<_>, _>>()?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
