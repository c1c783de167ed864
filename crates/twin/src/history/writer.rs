//! The thread that makes things last, and the one that turns logs into segments.
//!
//! What is handed in waits in a queue of bounded length. The writer takes all that waits, writes it to the log in one go, flushes the log,
//! and only then shows it to readers and acknowledges it. When the disk refuses, the log is cut back to what was acknowledged, what waits
//! goes on waiting, and the writer tries again; a log whose flush failed is never trusted again, because what the system still held of it
//! may be gone: another one is begun and what waits is written there.

use super::error::HistoryError;
use super::event::{self, Event, EventLog};
use super::files::{OwnedFile, sync_folder};
use super::framed::{self, FILE_HEADER, LogHeader};
use super::history::Shared;
use super::memtable::Memtable;
use super::sample::Sample;
use super::segment::{Segment, SegmentWriter};
use super::state::{Frozen, LOG_MAGIC};
use super::{HOUR_US, files};
use scada::UtcTime;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What became of a batch of samples that is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the batch, ascending in the order of the log.
    pub sequence: u64,
    pub recorded: usize,
    /// Of these, older than the newest of their point: put in their place.
    pub late: usize,
    /// Of these, at the same time as the newest of their point: they take its place.
    pub replaced: usize,
}

/// Octets that are flushed together at most.
const TOGETHER: usize = 32 << 20;
/// Memtables that may wait to become segments.
const FROZEN_MAX: usize = 2;
/// How much more than a segment the memory may hold while segments cannot be written.
const OVERFULL: usize = 4;

pub(crate) enum Request {
    Samples {
        samples: Vec<Sample>,
        text: Vec<u8>,
        crc: u32,
        reply: Sender<Receipt>,
    },
    Events {
        events: Vec<(UtcTime, Vec<u8>)>,
        reply: Sender<(u64, u64)>,
    },
    /// Begin another log, so that what is in memory becomes segments.
    Rotate {
        reply: Sender<()>,
    },
    Stop,
}

/// A log that is being written.
struct OpenLog {
    file: File,
    owned: Arc<OwnedFile>,
    /// Octets that have been acknowledged.
    octets: u64,
    /// A flush failed, or it could not be cut back.
    distrusted: bool,
}

impl OpenLog {
    fn create(owned: OwnedFile, header: LogHeader, shared: &Shared) -> Result<Self, HistoryError> {
        let path = owned.path.clone();
        let made = (|| {
            shared.options.faults.check("write")?;
            let mut file = File::create(&path)?;
            file.write_all(&header.encode())?;
            shared.options.faults.check("flush")?;
            file.sync_data()?;
            Ok(file)
        })();
        let file = made.map_err(|e| HistoryError::io("write", &path, &e))?;
        sync_folder(path.parent().unwrap_or(&shared.folder))?;
        Ok(Self { file, owned: Arc::new(owned), octets: FILE_HEADER as u64, distrusted: false })
    }

    /// Writes and flushes; afterwards all of it is on the disk, or nothing of it counts.
    fn append(&mut self, octets: &[u8], shared: &Shared) -> Result<(), HistoryError> {
        let failed = |e: std::io::Error| HistoryError::io("write", &self.owned.path, &e);
        let written = shared
            .options
            .faults
            .check("write")
            .and_then(|()| self.file.seek(SeekFrom::Start(self.octets)))
            .and_then(|_| self.file.write_all(octets));
        if let Err(e) = written {
            let e = failed(e);
            self.distrusted = self.file.set_len(self.octets).is_err();
            return Err(e);
        }
        if let Err(e) = shared.options.faults.check("flush").and_then(|()| self.file.sync_data()) {
            let e = failed(e);
            let _ = self.file.set_len(self.octets);
            self.distrusted = true;
            return Err(e);
        }
        self.octets += octets.len() as u64;
        Ok(())
    }
}

struct WaitingSamples {
    samples: Vec<Sample>,
    text: Vec<u8>,
    crc: u32,
    reply: Sender<Receipt>,
}

struct WaitingEvents {
    events: Vec<(UtcTime, Vec<u8>)>,
    reply: Sender<(u64, u64)>,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    requests: Receiver<Request>,
    log: Option<OpenLog>,
    event_log: Option<OpenLog>,
    samples: VecDeque<WaitingSamples>,
    events: VecDeque<WaitingEvents>,
    rotations: Vec<Sender<()>>,
    stopping: bool,
}

impl Writer {
    /// Begins the first log.
    pub(crate) fn new(shared: Arc<Shared>, requests: Receiver<Request>) -> Result<Self, HistoryError> {
        let mut writer = Self {
            shared,
            requests,
            log: None,
            event_log: None,
            samples: VecDeque::new(),
            events: VecDeque::new(),
            rotations: Vec::new(),
            stopping: false,
        };
        writer.begin_log()?;
        writer.resume_events()?;
        Ok(writer)
    }

    pub(crate) fn run(mut self) {
        loop {
            self.gather();
            let refused = self.work().err();
            let stuck = refused.is_some();
            self.shared.set_trouble(refused);
            if self.stopping && (stuck || (self.samples.is_empty() && self.events.is_empty())) {
                // What still waits is told that the history has been closed, when its sender is dropped.
                return;
            }
            if stuck {
                std::thread::sleep(self.shared.options.retry);
            }
        }
    }

    /// Takes what waits; waits itself when there is nothing to do.
    fn gather(&mut self) {
        let idle = self.samples.is_empty() && self.events.is_empty() && self.rotations.is_empty() && !self.stopping;
        if idle {
            match self.requests.recv() {
                Ok(request) => self.take(request),
                Err(_) => self.stopping = true,
            }
            if !self.shared.options.commit_wait.is_zero() {
                std::thread::sleep(self.shared.options.commit_wait);
            }
        }
        let mut octets: usize = self.samples.iter().map(|s| s.text.len()).sum();
        while octets < TOGETHER {
            match self.requests.try_recv() {
                Ok(request) => {
                    if let Request::Samples { text, .. } = &request {
                        octets += text.len();
                    }
                    self.take(request);
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    break;
                }
            }
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Samples { samples, text, crc, reply } => self.samples.push_back(WaitingSamples { samples, text, crc, reply }),
            Request::Events { events, reply } => self.events.push_back(WaitingEvents { events, reply }),
            Request::Rotate { reply } => self.rotations.push(reply),
            Request::Stop => self.stopping = true,
        }
    }

    /// Does all that waits. What one kind meets does not keep the other from being done.
    fn work(&mut self) -> Result<(), HistoryError> {
        let events = self.commit_events();
        let samples = self.commit_samples();
        let rotated = samples.and_then(|()| self.rotate_where_due());
        events.and(rotated)
    }

    fn commit_samples(&mut self) -> Result<(), HistoryError> {
        if self.samples.is_empty() {
            return Ok(());
        }
        let (held, next) = {
            let state = self.shared.read();
            (state.active.samples, state.next_sequence)
        };
        if held >= OVERFULL * self.shared.options.segment_samples && self.shared.read().frozen.len() >= FROZEN_MAX {
            return Err(self
                .shared
                .flush_trouble()
                .unwrap_or_else(|| HistoryError::QueueFull { waiting: held, limit: OVERFULL * self.shared.options.segment_samples }));
        }
        if self.log.as_ref().is_none_or(|l| l.distrusted) {
            self.begin_log()?;
        }
        let mut octets = Vec::with_capacity(self.samples.iter().map(|s| s.text.len() + framed::RECORD_HEADER).sum());
        for (waiting, sequence) in self.samples.iter().zip(next..) {
            framed::put_record(&mut octets, sequence, &waiting.text, waiting.crc);
        }
        let log = self.log.as_mut().expect("a log was begun");
        log.append(&octets, &self.shared)?;
        let written = log.octets;
        let mut receipts = Vec::with_capacity(self.samples.len());
        {
            let mut state = self.shared.write();
            let state = &mut *state;
            state.active_octets = written;
            for waiting in self.samples.drain(..) {
                let mut receipt = Receipt { sequence: state.next_sequence, recorded: waiting.samples.len(), ..Receipt::default() };
                state.next_sequence += 1;
                for sample in waiting.samples {
                    match state.last.get_mut(&sample.point) {
                        Some(last) if last.time > sample.entry.time => receipt.late += 1,
                        Some(last) => {
                            receipt.replaced += usize::from(last.time == sample.entry.time);
                            last.clone_from(&sample.entry);
                        }
                        None => {
                            state.last.insert(sample.point, sample.entry.clone());
                        }
                    }
                    state.active.push(sample);
                }
                state.active.last_sequence = receipt.sequence;
                receipts.push((waiting.reply, receipt));
            }
        }
        for (reply, receipt) in receipts {
            self.shared.waiting.fetch_sub(receipt.recorded, Ordering::Relaxed);
            // Whoever asked may have gone.
            let _ = reply.send(receipt);
        }
        Ok(())
    }

    fn rotate_where_due(&mut self) -> Result<(), HistoryError> {
        let (full, waiting) = {
            let state = self.shared.read();
            (state.active.samples >= self.shared.options.segment_samples, state.frozen.len())
        };
        if (full && waiting < FROZEN_MAX) || !self.rotations.is_empty() {
            if self.shared.read().active.samples > 0 {
                self.begin_log()?;
            }
            for reply in self.rotations.drain(..) {
                let _ = reply.send(());
            }
        }
        Ok(())
    }

    /// Begins the next log; what was in memory waits to become segments.
    fn begin_log(&mut self) -> Result<(), HistoryError> {
        let (generation, first_sequence) = {
            let state = self.shared.read();
            (state.active.generation + u64::from(state.active_log.is_some()), state.next_sequence)
        };
        let path = self.shared.folder.join("log").join(format!("{generation:020}.log"));
        let header = LogHeader { magic: LOG_MAGIC, number: generation, first_sequence };
        let log = OpenLog::create(OwnedFile::new(path), header, &self.shared)?;
        {
            let mut state = self.shared.write();
            let before = std::mem::replace(&mut state.active, Memtable::new(generation));
            state.active_octets = log.octets;
            if let Some(old) = state.active_log.replace(log.owned.clone()) {
                state.frozen.push_back(Frozen { table: Arc::new(before), log: old });
            }
        }
        self.log = Some(log);
        self.shared.wake_flusher();
        Ok(())
    }

    fn commit_events(&mut self) -> Result<(), HistoryError> {
        if self.events.is_empty() {
            return Ok(());
        }
        if self.event_log.as_ref().is_none_or(|l| l.distrusted || l.octets >= event::LOG_OCTETS) {
            self.begin_event_log()?;
        }
        let first = self.shared.read().next_event;
        let mut octets = Vec::new();
        for ((_, text), sequence) in self.events.iter().flat_map(|w| &w.events).zip(first..) {
            framed::put_record(&mut octets, sequence, text, crc32fast::hash(text));
        }
        let log = self.event_log.as_mut().expect("a log was begun");
        log.append(&octets, &self.shared)?;
        let written = log.octets;
        let mut replies = Vec::new();
        {
            let mut state = self.shared.write();
            for waiting in self.events.drain(..) {
                let count = waiting.events.len() as u64;
                let first = state.next_event;
                state.next_event += count;
                let last = state.next_event - 1;
                let log = state.events.last_mut().expect("the log that is written is the last one");
                log.octets = written;
                log.last_sequence = last;
                waiting.events.iter().for_each(|(time, _)| log.met(*time));
                replies.push((waiting.reply, first, count));
            }
        }
        for (reply, first, count) in replies {
            self.shared.waiting.fetch_sub(count as usize, Ordering::Relaxed);
            let _ = reply.send((first, count));
        }
        Ok(())
    }

    fn begin_event_log(&mut self) -> Result<(), HistoryError> {
        let (first_sequence, full) = {
            let state = self.shared.read();
            (state.next_event, state.events.last().cloned())
        };
        let path = EventLog::place(&self.shared.folder.join("events"), first_sequence);
        let header = LogHeader { magic: event::MAGIC, number: 0, first_sequence };
        let log = OpenLog::create(OwnedFile::new(path.clone()), header, &self.shared)?;
        {
            let mut state = self.shared.write();
            // One in which nothing was acknowledged has the same number, and the new file took its place.
            if state.events.last().is_some_and(|l| l.path == path) {
                state.events.pop();
            }
            state.events.push(EventLog { path, first_sequence, last_sequence: first_sequence - 1, octets: log.octets, times: None });
        }
        self.event_log = Some(log);
        if let Some(full) = full.filter(|f| f.first_sequence < first_sequence) {
            // Only spares reading it at the next start.
            let _ = full.summarise(&self.shared.options.faults);
        }
        Ok(())
    }

    /// Goes on with the last log of events, cut back to what was sound.
    fn resume_events(&mut self) -> Result<(), HistoryError> {
        let Some(last) = self.shared.read().events.last().cloned() else { return Ok(()) };
        if last.octets < FILE_HEADER as u64 || last.octets >= event::LOG_OCTETS {
            return Ok(());
        }
        let io = |e: std::io::Error| HistoryError::io("open", &last.path, &e);
        let file = OpenOptions::new().write(true).open(&last.path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length > last.octets {
            self.shared.tell(super::points::torn_tail(&last.path, last.octets as usize, length as usize));
            file.set_len(last.octets).and_then(|()| file.sync_all()).map_err(io)?;
        }
        let owned = Arc::new(OwnedFile::new(last.path.clone()));
        self.event_log = Some(OpenLog { file, owned, octets: last.octets, distrusted: false });
        Ok(())
    }
}

/// Text of an event, checked for its length.
pub(crate) fn event_text(event: &Event) -> Result<Vec<u8>, HistoryError> {
    let text = serde_json::to_vec(event).expect("an event is plain data");
    if text.len() > event::EVENT_MAX {
        return Err(HistoryError::EventTooLong { octets: text.len(), longest: event::EVENT_MAX });
    }
    Ok(text)
}

/// What the flusher is told, and what it tells.
#[derive(Debug, Default)]
pub(crate) struct FlusherState {
    pub stop: bool,
    pub trouble: Option<HistoryError>,
}

/// Turns frozen memtables into segments until it is told to stop.
pub(crate) fn run_flusher(shared: &Shared) {
    loop {
        let next = shared.read().frozen.front().cloned();
        let outcome = next.as_ref().map(|frozen| flush(shared, frozen));
        let mut told = shared.flusher.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.trouble = outcome.and_then(Result::err);
        shared.flusher.1.notify_all();
        if told.stop {
            return;
        }
        let idle = shared.read().frozen.is_empty();
        if idle || told.trouble.is_some() {
            let wait = if idle { Duration::from_secs(60) } else { shared.options.retry };
            drop(shared.flusher.1.wait_timeout(told, wait).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Writes the segments of one memtable, one for each hour; only when all are there do they take its place.
fn flush(shared: &Shared, frozen: &Frozen) -> Result<(), HistoryError> {
    let table = &frozen.table;
    let mut points: Vec<_> = table.points().collect();
    points.sort();
    let mut made = Vec::new();
    for hour in table.hours.keys() {
        let folder = shared.folder.join("raw").join(hour.to_string());
        files::make_folder(&folder)?;
        sync_folder(&shared.folder.join("raw"))?;
        let place = folder.join(format!("{0:020}-{0:020}.seg", table.generation));
        let generations = (table.generation, table.generation);
        let mut segment = SegmentWriter::create(place, *hour, generations, table.last_sequence, &shared.options.faults)?;
        for point in &points {
            let entries = table.range(*point, hour * HOUR_US, (hour + 1) * HOUR_US);
            if !entries.is_empty() {
                segment.put(*point, &entries)?;
            }
        }
        made.push(segment.finish()?);
    }
    let mut state = shared.write();
    for segment in made {
        insert(state.segments.entry(segment.hour).or_default(), segment);
    }
    state.frozen.pop_front();
    frozen.log.give_up();
    Ok(())
}

/// Keeps the segments of an hour in the order of their generations.
pub(crate) fn insert(segments: &mut Vec<Arc<Segment>>, segment: Segment) {
    let at = segments.partition_point(|s| s.generations < segment.generations);
    segments.insert(at, Arc::new(segment));
}

/// A lock for one thing at a time.
pub(crate) type Alone = Mutex<()>;
