//! The instructor's port: lines of JSON over TCP, and the client of it.
//!
//! ```text
//! {"command":"begin","scenario":"transformer_overload"}     ► {"ok":true}
//! {"command":"fault","bus":"nowhere", …}                    ► {"ok":false,"error":"the station knows no bus \"nowhere\""}
//! {"command":"state"}                                       ► {"ok":true,"state":{…}}
//! {"command":"events","since":17}                           ► {"ok":true,"events":[…],"missed":0}
//! {"command":"watch"}                                       ► {"ok":true}, then {"event":{…}} and {"state":{…}} as they come
//! ```
//!
//! Commands are those of [`crate::plant::Command`], and `snapshot` and `restore`. A connection that watches may go on asking. What is no
//! request is answered with an error; only a line that is too long ends its connection. `docs/training.md` is the page about it.

use super::Handle;
use super::told::{Moment, Numbered, State, Told};
use crate::plant::Command;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

/// Longest request.
const REQUEST_MAX: usize = 64 << 10;
/// Longest answer that the client takes: all events that are kept.
const ANSWER_MAX: usize = 64 << 20;
/// Connections at once.
const CLIENTS_MAX: usize = 64;
/// Time that somebody who does not read may hold an answer up.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, handle: Handle, stop: CancellationToken) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Too many files, or a client that was gone already: the next one may come through.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (handle, stop) = (handle.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = converse(stream, &handle) => {}
            }
            drop(place);
        });
    }
}

/// What a line was.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

/// The next line, kept in `line` while it is not whole so that waiting may be broken off.
async fn next_line<R: AsyncBufRead + Unpin>(reader: &mut R, line: &mut Vec<u8>, most: usize) -> io::Result<Line> {
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(if line.is_empty() { Line::End } else { Line::Whole(std::mem::take(line)) });
        }
        let end = available.iter().position(|b| *b == b'\n');
        let taken = end.unwrap_or(available.len());
        line.extend_from_slice(&available[..taken]);
        reader.consume(taken + usize::from(end.is_some()));
        if line.len() > most {
            return Ok(Line::TooLong);
        }
        if end.is_some() {
            return Ok(Line::Whole(std::mem::take(line)));
        }
    }
}

async fn say(writer: &mut OwnedWriteHalf, value: &Value) -> io::Result<()> {
    let line = format!("{value}\n");
    match tokio::time::timeout(WRITE_WITHIN, writer.write_all(line.as_bytes())).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn converse(stream: TcpStream, handle: &Handle) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut watched: Option<broadcast::Receiver<Told>> = None;
    loop {
        tokio::select! {
            came = next_line(&mut reader, &mut line, REQUEST_MAX) => match came? {
                Line::End => return Ok(()),
                Line::TooLong => {
                    let error = format!("a request is a line of {REQUEST_MAX} octets at most");
                    return say(&mut writer, &json!({"ok": false, "error": error})).await;
                }
                Line::Whole(request) => {
                    if request.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    let (answer, watches) = answer(&request, handle).await;
                    if watches && watched.is_none() {
                        watched = Some(handle.watch());
                    }
                    say(&mut writer, &answer).await?;
                }
            },
            told = next_told(watched.as_mut()) => match told {
                Ok(told) => say(&mut writer, &serde_json::to_value(told).unwrap_or_default()).await?,
                Err(broadcast::error::RecvError::Lagged(missed)) => say(&mut writer, &json!({"missed": missed})).await?,
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

async fn next_told(watched: Option<&mut broadcast::Receiver<Told>>) -> Result<Told, broadcast::error::RecvError> {
    match watched {
        Some(watched) => watched.recv().await,
        None => std::future::pending().await,
    }
}

impl Handle {
    /// What the instructor's port answers to a line.
    pub async fn answer(&self, request: &[u8]) -> Value {
        answer(request, self).await.0
    }
}

/// The answer to a request, and whether the connection watches from now on.
async fn answer(request: &[u8], handle: &Handle) -> (Value, bool) {
    match carry_out(request, handle).await {
        Ok((mut fields, watches)) => {
            fields.insert("ok".to_owned(), Value::Bool(true));
            (Value::Object(fields), watches)
        }
        Err(error) => (json!({"ok": false, "error": error}), false),
    }
}

async fn carry_out(request: &[u8], handle: &Handle) -> Result<(Map<String, Value>, bool), String> {
    let request: Value = serde_json::from_slice(request).map_err(|e| format!("the request is no JSON: {e}"))?;
    let word = request.get("command").and_then(Value::as_str).ok_or("the request has no \"command\"")?;
    let mut fields = Map::new();
    match word {
        "state" => {
            fields.insert("state".to_owned(), serde_json::to_value(handle.state()).map_err(|e| e.to_string())?);
        }
        "events" => {
            let since = match request.get("since") {
                None => 0,
                Some(n) => n.as_u64().ok_or("\"since\" is no whole number")?,
            };
            let (events, missed) = handle.events_since(since);
            fields.insert("events".to_owned(), serde_json::to_value(events).map_err(|e| e.to_string())?);
            fields.insert("missed".to_owned(), missed.into());
        }
        "snapshot" => handle.snapshot().await.map_err(|e| e.to_string())?,
        "restore" => handle.restore().await.map_err(|e| e.to_string())?,
        "watch" => return Ok((fields, true)),
        _ => {
            let command: Command = serde_json::from_value(request).map_err(|e| e.to_string())?;
            handle.command(&command).await.map_err(|e| e.to_string())?;
        }
    }
    Ok((fields, false))
}

/// Why the instructor's port gave no answer, or refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstructorError {
    #[error("the simulated plant at {address} cannot be reached: {source}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("the connection to the simulated plant broke: {source}")]
    Io { source: io::Error },
    #[error("the simulated plant closed the connection")]
    Closed,
    #[error("the simulated plant did not answer within {limit_s} s")]
    Timeout { limit_s: f64 },
    /// What the plant says to a command that it does not carry out.
    #[error("{reason}")]
    Refused { reason: String },
    #[error("what the simulated plant answered cannot be read: {reason}")]
    Answer { reason: String },
}

/// A client of the instructor's port. Requests go one after the other.
#[derive(Debug)]
pub struct Instructor {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    line: Vec<u8>,
    /// What came while an answer was waited for.
    waiting: VecDeque<Watched>,
    pub timeout: Duration,
}

/// What a connection that watches hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    Event(Numbered),
    State(Moment),
    /// So many were left out, as they were not read in time; [`Instructor::events`] has the events.
    Missed(u64),
}

/// A connection that watches.
#[derive(Debug)]
pub struct Watch {
    instructor: Instructor,
}

impl Instructor {
    /// # Errors
    /// Nobody there.
    pub async fn connect(address: SocketAddr) -> Result<Self, InstructorError> {
        let timeout = Duration::from_secs(5);
        let connected = tokio::time::timeout(timeout, TcpStream::connect(address)).await;
        let stream = connected
            .map_err(|_| InstructorError::Timeout { limit_s: timeout.as_secs_f64() })?
            .map_err(|source| InstructorError::Connect { address, source })?;
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        Ok(Self { reader: BufReader::new(reader), writer, line: Vec::new(), waiting: VecDeque::new(), timeout })
    }

    async fn hear(&mut self) -> Result<Value, InstructorError> {
        match next_line(&mut self.reader, &mut self.line, ANSWER_MAX).await {
            Ok(Line::Whole(line)) => serde_json::from_slice(&line).map_err(|e| InstructorError::Answer { reason: e.to_string() }),
            Ok(Line::End) => Err(InstructorError::Closed),
            Ok(Line::TooLong) => Err(InstructorError::Answer { reason: format!("it is longer than {} MB", ANSWER_MAX >> 20) }),
            Err(source) => Err(InstructorError::Io { source }),
        }
    }

    /// Sends a request and returns the fields of its answer.
    ///
    /// # Errors
    /// [`InstructorError::Refused`] with the plant's reason; a connection that broke, after which this client is of no more use.
    pub async fn ask(&mut self, request: &Value) -> Result<Map<String, Value>, InstructorError> {
        let limit = self.timeout;
        match tokio::time::timeout(limit, self.ask_now(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(InstructorError::Timeout { limit_s: limit.as_secs_f64() }),
        }
    }

    async fn ask_now(&mut self, request: &Value) -> Result<Map<String, Value>, InstructorError> {
        let line = format!("{request}\n");
        self.writer.write_all(line.as_bytes()).await.map_err(|source| InstructorError::Io { source })?;
        loop {
            let Value::Object(mut answer) = self.hear().await? else {
                return Err(InstructorError::Answer { reason: "it is no object".to_owned() });
            };
            match answer.remove("ok") {
                Some(Value::Bool(true)) => return Ok(answer),
                Some(_) => {
                    let reason = answer.get("error").and_then(Value::as_str).unwrap_or("it gave no reason").to_owned();
                    return Err(InstructorError::Refused { reason });
                }
                None => self.waiting.push_back(watched(answer)?),
            }
        }
    }

    /// Carries a command out.
    ///
    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn command(&mut self, command: &Command) -> Result<(), InstructorError> {
        let request = serde_json::to_value(command).map_err(|e| InstructorError::Answer { reason: e.to_string() })?;
        self.ask(&request).await.map(|_| ())
    }

    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn state(&mut self) -> Result<State, InstructorError> {
        let mut answer = self.ask(&json!({"command": "state"})).await?;
        read(answer.remove("state"))
    }

    /// Events after a number (0 for all), and how many of them are no longer kept.
    ///
    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn events(&mut self, since: u64) -> Result<(Vec<Numbered>, u64), InstructorError> {
        let mut answer = self.ask(&json!({"command": "events", "since": since})).await?;
        let missed = answer.get("missed").and_then(Value::as_u64).unwrap_or(0);
        Ok((read(answer.remove("events"))?, missed))
    }

    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn snapshot(&mut self) -> Result<(), InstructorError> {
        self.ask(&json!({"command": "snapshot"})).await.map(|_| ())
    }

    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn restore(&mut self) -> Result<(), InstructorError> {
        self.ask(&json!({"command": "restore"})).await.map(|_| ())
    }

    /// Turns this connection into one that watches.
    ///
    /// # Errors
    /// As [`Instructor::ask`].
    pub async fn watch(mut self) -> Result<Watch, InstructorError> {
        self.ask(&json!({"command": "watch"})).await?;
        Ok(Watch { instructor: self })
    }
}

impl Watch {
    /// What comes next. Waiting may be broken off without losing anything.
    ///
    /// # Errors
    /// A connection that broke or was closed.
    pub async fn next(&mut self) -> Result<Watched, InstructorError> {
        if let Some(watched) = self.instructor.waiting.pop_front() {
            return Ok(watched);
        }
        match self.instructor.hear().await? {
            Value::Object(answer) => watched(answer),
            _ => Err(InstructorError::Answer { reason: "it is no object".to_owned() }),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Option<Value>) -> Result<T, InstructorError> {
    serde_json::from_value(value.unwrap_or_default()).map_err(|e| InstructorError::Answer { reason: e.to_string() })
}

fn watched(mut answer: Map<String, Value>) -> Result<Watched, InstructorError> {
    if let Some(event) = answer.remove("event") {
        return read(Some(event)).map(Watched::Event);
    }
    if let Some(state) = answer.remove("state") {
        return read(Some(state)).map(Watched::State);
    }
    match answer.get("missed").and_then(Value::as_u64) {
        Some(missed) => Ok(Watched::Missed(missed)),
        None => Err(InstructorError::Answer { reason: "it is neither event nor state".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_have_an_end() {
        let text = b"one\n\ntwo and no end".as_slice();
        let mut reader = BufReader::with_capacity(3, text);
        let mut line = Vec::new();
        for expected in ["one", "", "two and no end"] {
            let Line::Whole(got) = next_line(&mut reader, &mut line, 64).await.unwrap() else { panic!("{expected}") };
            assert_eq!(got, expected.as_bytes());
        }
        assert!(matches!(next_line(&mut reader, &mut line, 64).await.unwrap(), Line::End));
        let mut reader = BufReader::with_capacity(3, [b'x'; 100].as_slice());
        assert!(matches!(next_line(&mut reader, &mut line, 64).await.unwrap(), Line::TooLong));
    }
}
