//! A connection to PostgreSQL, made when it is needed and again when it was lost.
//!
//! Asynchronous code stays inside: a call runs on a small runtime of the connection, on a thread of its own, and waits for it. So it can be
//! called from anywhere that may wait, from threads of asynchronous tasks too.

use crate::history::HistoryError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::str::FromStr;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A statement that waits longer for another's lock fails, and is tried again.
const LOCK_WAIT: &str = "30s";

/// Where the database is, and its name for people.
#[derive(Clone, Debug)]
pub(super) struct Place {
    options: PgConnectOptions,
    pub name: String,
}

impl Place {
    pub(super) fn new(url: &str) -> Result<Self, HistoryError> {
        let name = without_password(url);
        let failed = |reason: String| HistoryError::Database { action: "use the address of", place: name.clone(), reason };
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(failed("it does not begin with postgres://".to_owned()));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| failed(e.to_string()))?
            .application_name("gridtwin history")
            // A connection whose other end is gone must not hold the lock of the history for the hours that the system would wait.
            .options([
                ("lock_timeout", LOCK_WAIT),
                ("timezone", "UTC"),
                ("idle_in_transaction_session_timeout", "120s"),
                ("tcp_keepalives_idle", "30"),
                ("tcp_keepalives_interval", "10"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        Ok(Self { options, name })
    }

    pub(super) fn failed(&self, action: &'static str, error: &sqlx::Error) -> HistoryError {
        let reason = match error {
            sqlx::Error::Database(e) => e.message().to_owned(),
            other => other.to_string(),
        };
        HistoryError::Database { action, place: self.name.clone(), reason }
    }
}

/// The address without its password.
pub(super) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept: Vec<&str> = query.split('&').filter(|p| !p.starts_with("password=") && !p.is_empty()).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{authority}{path}{query}")
}

pub(super) struct Line {
    pub place: Place,
    runtime: Option<Runtime>,
    connection: Option<PgConnection>,
}

impl Line {
    pub(super) fn new(place: Place) -> Result<Self, HistoryError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| HistoryError::Database {
            action: "start the runtime of",
            place: place.name.clone(),
            reason: e.to_string(),
        })?;
        Ok(Self { place, runtime: Some(runtime), connection: None })
    }

    /// Lets go of the connection; the next call makes another.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Runs a body on the connection. After a failure of the connection itself the next call makes another.
    ///
    /// # Errors
    /// `Database` with what it says.
    pub(super) fn run<T: Send>(
        &mut self,
        action: &'static str,
        body: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error> + Send,
    ) -> Result<T, HistoryError> {
        let Self { place, runtime, connection } = self;
        let Some(runtime) = runtime.as_ref() else { return Err(HistoryError::Closed) };
        let result = std::thread::scope(|scope| {
            let run = || {
                runtime.block_on(async {
                    if connection.is_none() {
                        let connecting = tokio::time::timeout(CONNECT, place.options.connect()).await;
                        let io = |_| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"));
                        *connection = Some(connecting.map_err(io).flatten()?);
                    }
                    match connection.as_mut() {
                        Some(connection) => body(connection).await,
                        None => Err(sqlx::Error::PoolClosed),
                    }
                })
            };
            scope.spawn(run).join()
        });
        let result = result.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        result.map_err(|e| {
            // What is left of a transaction goes with the connection, whatever the failure was.
            *connection = None;
            place.failed(action, &e)
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let (runtime, connection) = (self.runtime.take(), self.connection.take());
        let Some(runtime) = runtime else { return };
        // On a thread of its own: who drops it may be running asynchronous tasks, where one may not wait.
        let close = move || {
            if let Some(connection) = connection {
                // What was committed is kept in any case.
                let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(2), connection.close()).await });
            }
        };
        if let Ok(closing) = std::thread::Builder::new().name("history-close".into()).spawn(close) {
            let _ = closing.join();
        }
    }
}
