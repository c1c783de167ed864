//! The history in a folder: opening it, handing in, and what it says of itself.

use super::error::HistoryError;
use super::event::{Event, EventFilter, EventPage, Page, search};
use super::files::{self, write_whole};
use super::historian::Historian;
use super::maintain::Maintained;
use super::options::{Options, us};
use super::points::{PointEntry, Points};
use super::query::{Answer, Query, States};
use super::sample::{Entry, PointId, Sample, TEXT_MAX, TIME_END, TIME_MIN, encode_batch};
use super::snapshot::Memory;
use super::state::State;
use super::writer::{Alone, FlusherState, Receipt, Request, Writer, event_text, run_flusher};
use network::Diagnostic;
use scada::UtcTime;
use scada::point::Value;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

const FORMAT: &str = "gridtwin-history";
const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct Identity {
    format: String,
    version: u64,
}

/// Events that may wait when no more samples may: while a disk is full, values must not push out what happened.
const EVENTS_MORE: usize = 100_000;

/// Whether a history records.
#[derive(Clone, Debug)]
pub enum Condition {
    /// What is handed in is acknowledged.
    Recording { waiting: usize },
    /// The disk refuses. What waits goes on waiting and is written when it gives way; nothing of it has been acknowledged.
    Stalled { trouble: HistoryError, waiting: usize },
    /// What is handed in is acknowledged, but segments cannot be written: the logs grow.
    Behind { trouble: HistoryError, waiting: usize },
}

/// Why a sample is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Before 1970 or after 2200.
    TimeOutOfRange,
    /// Later than the clock by more than is allowed.
    TimeAhead,
    /// Older than raw values are kept: its hour has been summed up for good.
    TimeExpired,
    /// No point has this number.
    UnknownPoint,
    /// Its text is longer than [`TEXT_MAX`].
    TextTooLong,
}

/// A sample that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its position in what was handed in.
    pub position: usize,
    pub point: PointId,
    pub time: UtcTime,
    pub why: Refusal,
}

impl Refused {
    pub fn diagnostic(&self) -> Diagnostic {
        let Self { position, point, time, why } = self;
        let (reason, hint) = match why {
            Refusal::TimeOutOfRange => ("its time is not between 1970 and 2200", "Check the clock of its source."),
            Refusal::TimeAhead => ("its time lies in the future", "Check the clock of its source, and that of this computer."),
            Refusal::TimeExpired => ("raw values are not kept for so long", "Keep raw values for longer, or hand in sooner."),
            Refusal::UnknownPoint => ("no point has this number", "Tell the name of the point first."),
            Refusal::TextTooLong => ("its text is too long", "Keep long texts elsewhere."),
        };
        Diagnostic::error("HISTORY.SAMPLE.REFUSED", format!("a sample of point {point} is not recorded: {reason}"))
            .detail(format!("It is number {} of what was handed in, {} µs after 1970.", position + 1, time.us))
            .hint(hint)
    }
}

/// Samples on their way to the disk.
#[derive(Debug)]
pub struct Ticket {
    /// Samples that were not taken; the others are.
    pub refused: Vec<Refused>,
    reply: Option<Receiver<Receipt>>,
}

fn wait_for<T>(reply: &Receiver<T>, timeout: Option<Duration>) -> Result<T, HistoryError> {
    match timeout {
        None => reply.recv().map_err(|_| HistoryError::Closed),
        Some(timeout) => reply.recv_timeout(timeout).map_err(|e| match e {
            RecvTimeoutError::Timeout => HistoryError::NotYet { waited_ms: timeout.as_millis() as u64 },
            RecvTimeoutError::Disconnected => HistoryError::Closed,
        }),
    }
}

impl Ticket {
    pub(super) fn new(refused: Vec<Refused>, reply: Option<Receiver<Receipt>>) -> Self {
        Self { refused, reply }
    }

    /// Waits until they are on the disk. Of a batch of which nothing was taken the receipt is empty.
    ///
    /// # Errors
    /// `Closed` when the history was closed before; whether they are there is then not known.
    pub fn wait(&self) -> Result<Receipt, HistoryError> {
        self.reply.as_ref().map_or(Ok(Receipt::default()), |r| wait_for(r, None))
    }

    /// As [`Ticket::wait`], for so long at most; it can be asked again.
    ///
    /// # Errors
    /// `NotYet` after this time.
    pub fn wait_for(&self, timeout: Duration) -> Result<Receipt, HistoryError> {
        self.reply.as_ref().map_or(Ok(Receipt::default()), |r| wait_for(r, Some(timeout)))
    }
}

/// Events on their way to the disk.
#[derive(Debug)]
pub struct EventTicket {
    reply: Receiver<(u64, u64)>,
}

impl EventTicket {
    pub(super) fn new(reply: Receiver<(u64, u64)>) -> Self {
        Self { reply }
    }

    /// Waits until they are on the disk. Returns their numbers.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn wait(&self) -> Result<std::ops::Range<u64>, HistoryError> {
        wait_for(&self.reply, None).map(|(first, count)| first..first + count)
    }

    /// As [`EventTicket::wait`], for so long at most; it can be asked again.
    ///
    /// # Errors
    /// `NotYet` after this time.
    pub fn wait_for(&self, timeout: Duration) -> Result<std::ops::Range<u64>, HistoryError> {
        wait_for(&self.reply, Some(timeout)).map(|(first, count)| first..first + count)
    }
}

/// What the threads of a history have in common.
pub(crate) struct Shared {
    pub folder: PathBuf,
    pub options: Options,
    pub points: Mutex<Points>,
    pub flusher: (Mutex<FlusherState>, Condvar),
    /// Held while hours are summed up, merged or removed, and during a backup.
    pub maintaining: Alone,
    /// Samples and events that wait to be acknowledged.
    pub waiting: AtomicUsize,
    state: RwLock<State>,
    trouble: Mutex<Option<HistoryError>>,
    findings: Mutex<Vec<Diagnostic>>,
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn points(&self) -> MutexGuard<'_, Points> {
        self.points.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_trouble(&self, trouble: Option<HistoryError>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(crate) fn flush_trouble(&self) -> Option<HistoryError> {
        self.flusher.0.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    pub(crate) fn wake_flusher(&self) {
        // Taken, so that the flusher cannot fall asleep between looking and waiting.
        let _told = self.flusher.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.flusher.1.notify_all();
    }

    pub(crate) fn tell(&self, finding: Diagnostic) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }
}

/// A history in a folder, open for reading and writing. Dropped, it writes what waits and lets go of the folder.
pub struct History {
    pub(crate) shared: Arc<Shared>,
    requests: Sender<Request>,
    threads: Vec<JoinHandle<()>>,
    /// Held as long as this lives; the system lets go of it when the program ends, however it ends.
    _lock: File,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl History {
    /// Opens the history of a folder, or makes one. What a killed program left in the logs is read again.
    ///
    /// # Errors
    /// `Locked` while another program has it open; a folder that holds something else, or a history of another version; options that
    /// cannot be; a disk that fails. Damaged files are not errors but findings ([`History::findings`]), except the list of points.
    pub fn open(folder: &Path, options: Options) -> Result<Self, HistoryError> {
        options.check()?;
        files::make_folder(folder)?;
        let lock = take_lock(folder)?;
        identify(folder, &options)?;
        for name in ["log", "raw", "carry", "hourly", "daily", "events"] {
            files::make_folder(&folder.join(name))?;
        }
        files::sync_folder(folder)?;
        let mut findings = Vec::new();
        let points = Points::open(&folder.join("points.log"), &options.faults, &mut findings)?;
        let state = State::read(folder, &mut findings)?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            points: Mutex::new(points),
            flusher: (Mutex::default(), Condvar::new()),
            maintaining: Mutex::default(),
            waiting: AtomicUsize::new(0),
            state: RwLock::new(state),
            trouble: Mutex::default(),
            findings: Mutex::default(),
        });
        let (requests, queue) = mpsc::channel();
        let writer = Writer::new(shared.clone(), queue)?;
        let newest = shared.snapshot(Memory::At(i64::MAX)).states_at(i64::MAX, &mut findings);
        shared.write().last = newest;
        findings.into_iter().for_each(|f| shared.tell(f));
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.into()).spawn(run);
            thread.map_err(|e| HistoryError::io("start a thread for", folder, &e))
        };
        let flushing = shared.clone();
        let flusher = spawn("history-segments", Box::new(move || run_flusher(&flushing)))?;
        let writer = spawn("history-log", Box::new(move || writer.run()))?;
        Ok(Self { shared, requests, threads: vec![writer, flusher], _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// What was found when it was opened: files that are damaged, ends of logs that are no records.
    pub fn findings(&self) -> Vec<Diagnostic> {
        self.shared.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes segments of all that has been acknowledged, and waits until they are on the disk.
    ///
    /// # Errors
    /// What the disk says, when they are not there after `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), HistoryError> {
        let (reply, told) = mpsc::channel();
        self.requests.send(Request::Rotate { reply }).map_err(|_| HistoryError::Closed)?;
        let trouble = |e| match e {
            HistoryError::NotYet { .. } => match self.condition() {
                Condition::Recording { .. } => e,
                Condition::Stalled { trouble, .. } | Condition::Behind { trouble, .. } => trouble,
            },
            e => e,
        };
        wait_for(&told, Some(timeout)).map_err(trouble)?;
        let (lock, woken) = &self.shared.flusher;
        let waits = |_: &mut FlusherState| !self.shared.read().frozen.is_empty();
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, late) = woken.wait_timeout_while(guard, timeout, waits).unwrap_or_else(PoisonError::into_inner);
        drop(guard);
        if late.timed_out() {
            return Err(trouble(HistoryError::NotYet { waited_ms: timeout.as_millis() as u64 }));
        }
        Ok(())
    }

    /// Moves a damaged file out of the way, so that its hour can be summed up from what is left. Nothing of it is deleted.
    ///
    /// # Errors
    /// A path that is no damaged segment of this history; a disk that fails.
    pub fn set_aside(&self, path: &Path) -> Result<PathBuf, HistoryError> {
        let _alone = self.shared.maintaining.lock().unwrap_or_else(PoisonError::into_inner);
        let relative = path.strip_prefix(self.shared.folder.join("raw")).ok().and_then(Path::to_str);
        let Some(relative) = relative.filter(|_| path.is_file()) else {
            return Err(HistoryError::io("set aside", path, &std::io::Error::other("it is no segment of this history")));
        };
        let folder = self.shared.folder.join("aside");
        files::make_folder(&folder)?;
        let place = folder.join(relative.replace(['/', '\\'], "-"));
        fs::rename(path, &place).map_err(|e| HistoryError::io("set aside", path, &e))?;
        files::sync_folder(&folder)?;
        let mut state = self.shared.write();
        for paths in state.damaged.values_mut() {
            paths.retain(|p| p != path);
        }
        state.damaged.retain(|_, p| !p.is_empty());
        for segments in state.segments.values_mut() {
            segments.retain(|s| s.file.path != path);
        }
        state.segments.retain(|_, s| !s.is_empty());
        Ok(place)
    }

    /// Which of the samples are not to be taken.
    fn refused(&self, samples: &[Sample], now: UtcTime) -> Vec<Refused> {
        let options = &self.shared.options;
        let oldest = now.us.saturating_sub(us(options.retention.raw));
        let newest = now.us.saturating_add(us(options.ahead));
        let points = self.shared.points();
        let why = |s: &Sample| {
            let time = s.entry.time;
            if !points.knows(s.point) {
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
        samples
            .iter()
            .enumerate()
            .filter_map(|(position, s)| why(s).map(|why| Refused { position, point: s.point, time: s.entry.time, why }))
            .collect()
    }

    /// Counts what is to wait in, if there is room within the backlog and so many more.
    fn admit(&self, count: usize, more: usize) -> Result<(), HistoryError> {
        let limit = self.shared.options.backlog + more;
        let admitted = self.shared.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            // One batch always has room, however long it is.
            (waiting == 0 || waiting + count <= limit).then_some(waiting + count)
        });
        admitted.map(|_| ()).map_err(|waiting| HistoryError::QueueFull { waiting, limit })
    }
}

impl Historian for History {
    fn point(&self, name: &str, unit: &str) -> Result<PointId, HistoryError> {
        self.shared.points().number(name, unit)
    }

    fn points(&self) -> Vec<PointEntry> {
        self.shared.points().entries().to_vec()
    }

    fn append(&self, mut samples: Vec<Sample>, now: UtcTime) -> Result<Ticket, HistoryError> {
        let refused = self.refused(&samples, now);
        if !refused.is_empty() {
            let mut next = refused.iter().map(|r| r.position).peekable();
            let mut position = 0;
            samples.retain(|_| {
                let keep = next.next_if_eq(&position).is_none();
                position += 1;
                keep
            });
        }
        if samples.is_empty() {
            return Ok(Ticket { refused, reply: None });
        }
        self.admit(samples.len(), 0)?;
        let text = encode_batch(&samples);
        let crc = crc32fast::hash(&text);
        let (reply, receiver) = mpsc::channel();
        self.requests.send(Request::Samples { samples, text, crc, reply }).map_err(|_| HistoryError::Closed)?;
        Ok(Ticket { refused, reply: Some(receiver) })
    }

    fn append_events(&self, events: &[Event]) -> Result<EventTicket, HistoryError> {
        let texts = events.iter().map(|e| event_text(e).map(|t| (e.time, t))).collect::<Result<Vec<_>, _>>()?;
        self.admit(texts.len(), EVENTS_MORE)?;
        let (reply, receiver) = mpsc::channel();
        self.requests.send(Request::Events { events: texts, reply }).map_err(|_| HistoryError::Closed)?;
        Ok(EventTicket { reply: receiver })
    }

    fn query(&self, query: &Query) -> Result<Answer, HistoryError> {
        super::query::answer(&self.shared, query)
    }

    fn last(&self, point: PointId) -> Option<Entry> {
        self.shared.read().last.get(&point).cloned()
    }

    fn states_at(&self, at: UtcTime) -> Result<States, HistoryError> {
        Ok(super::query::states_at(&self.shared, at))
    }

    fn events(&self, filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError> {
        let logs = self.shared.read().events.clone();
        search(&logs, filter, page)
    }

    fn maintain(&self, now: UtcTime) -> Result<Maintained, HistoryError> {
        super::maintain::maintain(self, now)
    }

    fn condition(&self) -> Condition {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        let trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (trouble, self.shared.flush_trouble()) {
            (Some(trouble), _) => Condition::Stalled { trouble, waiting },
            (None, Some(trouble)) => Condition::Behind { trouble, waiting },
            (None, None) => Condition::Recording { waiting },
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        // Threads that have ended already need no word.
        let _ = self.requests.send(Request::Stop);
        let mut threads = self.threads.drain(..);
        if let Some(writer) = threads.next() {
            let _ = writer.join();
        }
        self.shared.flusher.0.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.wake_flusher();
        for thread in threads {
            let _ = thread.join();
        }
    }
}

/// One program at a time.
fn take_lock(folder: &Path) -> Result<File, HistoryError> {
    let path = folder.join("lock");
    let io = |e: std::io::Error| HistoryError::io("lock", &path, &e);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::Locked { path: folder.to_owned() }),
        Err(TryLockError::Error(e)) => Err(io(e)),
    }
}

/// Checks that the folder is a history, or makes it one if it is empty.
fn identify(folder: &Path, options: &Options) -> Result<(), HistoryError> {
    let path = folder.join("history.json");
    match fs::read(&path) {
        Ok(text) => {
            let foreign = |reason: &str| HistoryError::NotAHistory { path: folder.to_owned(), reason: reason.into() };
            let identity: Identity = serde_json::from_slice(&text).map_err(|_| foreign("its history.json says something else"))?;
            if identity.format != FORMAT {
                return Err(foreign("its history.json is of another format"));
            }
            if identity.version != VERSION {
                return Err(HistoryError::OtherVersion { path: folder.to_owned(), found: identity.version, expected: VERSION });
            }
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let other = files::list(folder)?.into_iter().find(|p| p.file_name().is_some_and(|n| n != "lock"));
            if let Some(other) = other {
                let reason = format!("there is no history.json, but {}", other.display());
                return Err(HistoryError::NotAHistory { path: folder.to_owned(), reason });
            }
            let text = serde_json::to_vec_pretty(&Identity { format: FORMAT.into(), version: VERSION }).expect("two plain fields");
            write_whole(&path, &text, &options.faults)
        }
        Err(e) => Err(HistoryError::io("read", &path, &e)),
    }
}
