//! Jobs: what was asked for, how far it is, what came of it, what it told.
//!
//! ```text
//! add ─► queued ─► claim ─► running ─► end ─► done, failed, cancelled
//!          ▲                   │                        │
//!          └── requeue, after the server was killed     └─► retry ─► queued
//! ```
//!
//! Whoever claims a job holds one attempt of it; progress and end are taken from the holder of the newest attempt alone.

use super::{ServerDatabase, ServerError};
use crate::project::ProjectError;
use crate::project::database::{Cell, Database, Row};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Attempts of a job whose process is lost, as by a server that is killed, before it counts as failed.
pub const ATTEMPTS_MAX: i64 = 3;
/// Lines of the log that are kept of a job.
pub const LOG_MAX: i64 = 5_000;
/// Longest line of a log, characters.
const LINE_MAX: usize = 4_000;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Nothing more will happen to the job by itself.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A job to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Chosen by the caller, unlike any other.
    pub id: String,
    pub kind: String,
    /// Empty when it is about none.
    pub project: String,
    pub params: Value,
    /// Of jobs in one lane one runs at a time; any number where it is empty.
    pub lane: String,
    pub author: String,
    /// A second request of the author under the same key gets the first one's job.
    pub request_key: Option<String>,
    pub now_ms: i64,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    pub id: String,
    pub kind: String,
    pub project: String,
    pub params: Value,
    pub state: JobState,
    pub author: String,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub attempts: i64,
    pub cancel_asked: bool,
    pub done: u64,
    /// 0 while it is not known.
    pub total: u64,
    pub unit: String,
    pub message: String,
    pub result: Option<Value>,
    pub problem: Option<Value>,
}

/// One line that a job told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Counted from 1.
    pub position: u64,
    pub time_ms: i64,
    pub level: String,
    pub text: String,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub project: Option<String>,
    pub kind: Option<String>,
}

const COLUMNS: &str = "SELECT id, kind, project, params, state, author, created_ms, started_ms, ended_ms, attempts, cancel_asked, done, total, unit, \
    message, result, problem FROM server_jobs";

fn job_of(row: &Row, place: &str) -> Result<JobRecord, ProjectError> {
    let damaged = |reason: String| ProjectError::Damaged { place: place.to_owned(), reason };
    let json = |column: usize| match row.optional_text(column) {
        Some(text) => serde_json::from_str(&text).map(Some).map_err(|e| damaged(format!("a job is no JSON: {e}"))),
        None => Ok(None),
    };
    Ok(JobRecord {
        id: row.text(0),
        kind: row.text(1),
        project: row.text(2),
        params: json(3)?.unwrap_or(Value::Null),
        state: JobState::of(&row.text(4)).ok_or_else(|| damaged(format!("\"{}\" is no state of a job", row.text(4))))?,
        author: row.text(5),
        created_ms: row.integer(6).unwrap_or(0),
        started_ms: row.integer(7),
        ended_ms: row.integer(8),
        attempts: row.integer(9).unwrap_or(0),
        cancel_asked: row.number(10) > 0,
        done: row.number(11),
        total: row.number(12),
        unit: row.text(13),
        message: row.text(14),
        result: json(15)?,
        problem: json(16)?,
    })
}

fn find(database: &mut Database, id: &str) -> Result<Option<JobRecord>, ProjectError> {
    let place = database.place().to_owned();
    let row = database.row(&format!("{COLUMNS} WHERE id = $1"), &[id.into()])?;
    row.map(|row| job_of(&row, &place)).transpose()
}

fn count(n: u64) -> Cell {
    i64::try_from(n).unwrap_or(i64::MAX).into()
}

impl ServerDatabase {
    /// Adds a job, or finds the one that the author's request made before. The flag says whether it is new.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn add_job(&self, new: &NewJob) -> Result<(JobRecord, bool), ServerError> {
        let added = self.write(|database| {
            let sql = "INSERT INTO server_jobs (id, kind, project, params, state, lane, author, request_key, created_ms, attempts, attempts_max, \
                cancel_asked, done, total, unit, message) VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, 0, $9, 0, 0, 0, '', '') \
                ON CONFLICT (author, request_key) DO NOTHING";
            let values = [
                new.id.as_str().into(),
                new.kind.as_str().into(),
                new.project.as_str().into(),
                new.params.to_string().into(),
                new.lane.as_str().into(),
                new.author.as_str().into(),
                new.request_key.clone().into(),
                new.now_ms.into(),
                ATTEMPTS_MAX.into(),
            ];
            // The same request made twice at once: the second one waits here for the first.
            if database.execute(sql, &values)? > 0 {
                return Ok((find(database, &new.id)?, true));
            }
            let sql = "SELECT id FROM server_jobs WHERE author = $1 AND request_key = $2";
            let row = database.row(sql, &[new.author.as_str().into(), new.request_key.clone().into()])?;
            Ok((row.map_or(Ok(None), |row| find(database, &row.text(0)))?, false))
        })?;
        match added {
            (Some(job), is_new) => Ok((job, is_new)),
            (None, _) => Err(ServerError::JobUnknown { id: new.id.clone() }),
        }
    }

    /// Takes the oldest job that may run now; none when nothing waits.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn claim_job(&self, now_ms: i64) -> Result<Option<JobRecord>, ServerError> {
        // Asked first without a transaction that writes: most of the time nothing waits.
        let next = |database: &mut Database| {
            let sql = "SELECT number, id FROM server_jobs WHERE state = 'queued' AND (lane = '' OR lane NOT IN \
                (SELECT lane FROM server_jobs WHERE state = 'running')) ORDER BY number LIMIT 1";
            database.row(sql, &[])
        };
        if self.read(next)?.is_none() {
            return Ok(None);
        }
        Ok(self.write(|database| {
            let Some(row) = next(database)? else { return Ok(None) };
            let sql = "UPDATE server_jobs SET state = 'running', attempts = attempts + 1, started_ms = $1, ended_ms = NULL, done = 0, total = 0, \
                unit = '', message = '' WHERE number = $2 AND state = 'queued'";
            let n = database.execute(sql, &[now_ms.into(), Cell::from(row.number(0) as i64)])?;
            if n == 1 { find(database, &row.text(1)) } else { Ok(None) }
        })?)
    }

    /// How far an attempt is. Returns whether it is still the newest one and running.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn note_progress(&self, id: &str, attempt: i64, done: u64, total: u64, unit: &str, message: &str) -> Result<bool, ServerError> {
        let sql =
            "UPDATE server_jobs SET done = $1, total = $2, unit = $3, message = $4 WHERE id = $5 AND attempts = $6 AND state = 'running'";
        let values = [count(done), count(total), unit.into(), message.into(), id.into(), attempt.into()];
        Ok(self.write(|database| database.execute(sql, &values))? == 1)
    }

    /// An attempt has ended. Returns the job as it is then; one that is no longer the attempt's stays as it is.
    ///
    /// # Errors
    /// A database that cannot be written; no such job.
    pub fn end_job(
        &self,
        id: &str,
        attempt: i64,
        state: JobState,
        result: Option<&Value>,
        problem: Option<&Value>,
        now_ms: i64,
    ) -> Result<JobRecord, ServerError> {
        let text = |v: Option<&Value>| Cell::from(v.map(Value::to_string));
        let found = self.write(|database| {
            // What a quick job told last may not have been kept: that it is done says that all of it is.
            let (done, message) = match state {
                JobState::Done => ("total", "''"),
                _ => ("done", "message"),
            };
            let sql = format!(
                "UPDATE server_jobs SET state = $1, result = $2, problem = $3, ended_ms = $4, done = {done}, message = {message} \
                 WHERE id = $5 AND attempts = $6 AND state = 'running'"
            );
            database.execute(&sql, &[state.name().into(), text(result), text(problem), now_ms.into(), id.into(), attempt.into()])?;
            find(database, id)
        })?;
        found.ok_or_else(|| ServerError::JobUnknown { id: id.to_owned() })
    }

    /// Puts an attempt back into the queue that has not failed by itself, as when the server stops.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn release_job(&self, id: &str, attempt: i64) -> Result<(), ServerError> {
        let sql = "UPDATE server_jobs SET state = 'queued', attempts_max = attempts_max + 1, started_ms = NULL \
            WHERE id = $1 AND attempts = $2 AND state = 'running'";
        self.write(|database| database.execute(sql, &[id.into(), attempt.into()]))?;
        Ok(())
    }

    /// Asks that a job be ended: one that waits is cancelled at once, of one that runs it is noted.
    ///
    /// # Errors
    /// A database that cannot be written; no such job.
    pub fn cancel_job(&self, id: &str, now_ms: i64) -> Result<JobRecord, ServerError> {
        let found = self.write(|database| {
            database.execute(
                "UPDATE server_jobs SET state = 'cancelled', cancel_asked = 1, ended_ms = $1 WHERE id = $2 AND state = 'queued'",
                &[now_ms.into(), id.into()],
            )?;
            database.execute("UPDATE server_jobs SET cancel_asked = 1 WHERE id = $1 AND state = 'running'", &[id.into()])?;
            find(database, id)
        })?;
        found.ok_or_else(|| ServerError::JobUnknown { id: id.to_owned() })
    }

    /// Puts a job that failed or was cancelled into the queue again. The flag says whether it was one.
    ///
    /// # Errors
    /// A database that cannot be written; no such job.
    pub fn retry_job(&self, id: &str) -> Result<(JobRecord, bool), ServerError> {
        let (found, n) = self.write(|database| {
            let sql = "UPDATE server_jobs SET state = 'queued', cancel_asked = 0, attempts_max = attempts + $1, problem = NULL, result = NULL, \
                started_ms = NULL, ended_ms = NULL, done = 0, total = 0, unit = '', message = '' WHERE id = $2 AND state IN ('failed', 'cancelled')";
            let n = database.execute(sql, &[ATTEMPTS_MAX.into(), id.into()])?;
            Ok((find(database, id)?, n))
        })?;
        found.map(|job| (job, n == 1)).ok_or_else(|| ServerError::JobUnknown { id: id.to_owned() })
    }

    /// After a start: jobs that a killed server left running wait again, but those that were to be cancelled are, and those that have
    /// had their attempts have failed. Returns the jobs concerned.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn requeue_jobs(&self, problem: &Value, now_ms: i64) -> Result<Vec<JobRecord>, ServerError> {
        Ok(self.write(|database| {
            let left = database.rows("SELECT id FROM server_jobs WHERE state = 'running' ORDER BY number", &[])?;
            let now = || Cell::from(now_ms);
            database.execute(
                "UPDATE server_jobs SET state = 'cancelled', ended_ms = $1 WHERE state = 'running' AND cancel_asked = 1",
                &[now()],
            )?;
            let sql =
                "UPDATE server_jobs SET state = 'failed', ended_ms = $1, problem = $2 WHERE state = 'running' AND attempts >= attempts_max";
            database.execute(sql, &[now(), problem.to_string().into()])?;
            database.execute("UPDATE server_jobs SET state = 'queued', started_ms = NULL WHERE state = 'running'", &[])?;
            let mut jobs = Vec::new();
            for row in &left {
                jobs.extend(find(database, &row.text(0))?);
            }
            Ok(jobs)
        })?)
    }

    /// A job.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn job(&self, id: &str) -> Result<Option<JobRecord>, ServerError> {
        Ok(self.read(|database| find(database, id))?)
    }

    /// Jobs, newest first, and how many there are in all.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn jobs(&self, filter: &JobFilter, limit: u64, offset: u64) -> Result<(Vec<JobRecord>, u64), ServerError> {
        let condition = "WHERE ($1 = '' OR state = $1) AND ($2 = '' OR project = $2) AND ($3 = '' OR kind = $3)";
        let text = |t: &Option<String>| Cell::from(t.clone().unwrap_or_default());
        let values = [Cell::from(filter.state.map_or("", JobState::name)), text(&filter.project), text(&filter.kind)];
        Ok(self.read(|database| {
            let total = database.row(&format!("SELECT COUNT(*) FROM server_jobs {condition}"), &values)?.map_or(0, |r| r.number(0));
            let place = database.place().to_owned();
            let mut page = values.to_vec();
            page.extend([count(limit), count(offset)]);
            let rows = database.rows(&format!("{COLUMNS} {condition} ORDER BY number DESC LIMIT $4 OFFSET $5"), &page)?;
            let jobs = rows.iter().map(|r| job_of(r, &place)).collect::<Result<_, _>>()?;
            Ok((jobs, total))
        })?)
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn count_jobs(&self) -> Result<Vec<(JobState, u64)>, ServerError> {
        let rows = self.read(|database| database.rows("SELECT state, COUNT(*) FROM server_jobs GROUP BY state", &[]))?;
        let n = |s: JobState| rows.iter().find(|r| r.text(0) == s.name()).map_or(0, |r| r.number(1));
        Ok(JobState::ALL.into_iter().map(|s| (s, n(s))).collect())
    }

    /// Adds lines (time, level, text) to a job's log. Lines beyond [`LOG_MAX`] are left out, and the last one says so.
    /// Returns the number of the last line that is kept.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn append_log(&self, id: &str, lines: &[(i64, String, String)]) -> Result<u64, ServerError> {
        Ok(self.write(|database| {
            let sql =
                "SELECT j.number, (SELECT MAX(l.position) FROM server_job_log l WHERE l.job = j.number) FROM server_jobs j WHERE j.id = $1";
            let Some(row) = database.row(sql, &[id.into()])? else { return Ok(0) };
            let (number, last) = (row.number(0) as i64, row.integer(1).unwrap_or(0));
            let mut rows = Vec::new();
            for (position, (time_ms, level, text)) in (last + 1..=LOG_MAX).zip(lines) {
                let text =
                    if position == LOG_MAX { "further lines are not kept".to_owned() } else { text.chars().take(LINE_MAX).collect() };
                rows.push(vec![number.into(), position.into(), (*time_ms).into(), level.as_str().into(), text.into()]);
            }
            let kept = last + rows.len() as i64;
            database.insert("server_job_log (job, position, time_ms, level, line)", 5, "", rows)?;
            Ok(u64::try_from(kept).unwrap_or(0))
        })?)
    }

    /// Lines of a job's log after a position.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn job_log(&self, id: &str, after: u64, limit: u64) -> Result<Vec<LogLine>, ServerError> {
        let sql = "SELECT l.position, l.time_ms, l.level, l.line FROM server_job_log l JOIN server_jobs j ON j.number = l.job \
            WHERE j.id = $1 AND l.position > $2 ORDER BY l.position LIMIT $3";
        let rows = self.read(|database| database.rows(sql, &[id.into(), count(after), count(limit)]))?;
        let line = |r: &Row| LogLine { position: r.number(0), time_ms: r.integer(1).unwrap_or(0), level: r.text(2), text: r.text(3) };
        Ok(rows.iter().map(line).collect())
    }
}
