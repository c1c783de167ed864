//! What a history holds at one moment, and the folder it lies in.
//!
//! ```text
//! DIR/history.json                     what this folder is: format, version
//! DIR/lock                             held while a program has it open
//! DIR/points.log                       names of points and their numbers
//! DIR/log/GENERATION.log               samples that are in no segment yet, in the order of arrival
//! DIR/raw/HOUR/FIRST-LAST.seg          samples of one hour (since 1970), of these generations
//! DIR/carry/HOUR.seg                   the last sample of each point before this hour, raw values before it having been removed
//! DIR/hourly/HOUR.roll, daily/DAY.roll summaries
//! DIR/kept.json                        from which hour on hourly summaries are kept
//! DIR/events/SEQUENCE.log, .json       events, and summaries of full logs
//! DIR/aside/                           files that were set aside
//! ```

use super::error::HistoryError;
use super::event::EventLog;
use super::files::{self, OwnedFile};
use super::framed::{self, FILE_HEADER, LogHeader};
use super::memtable::Memtable;
use super::points::torn_tail;
use super::rollup::RollupFile;
use super::sample::{Entry, PointId, decode_batch};
use super::segment::Segment;
use super::{DAY_HOURS, HOUR_US};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const LOG_MAGIC: [u8; 8] = *b"GTHLOG\r\n";

/// A memtable that is full, and the log that holds the same.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub table: Arc<Memtable>,
    pub log: Arc<OwnedFile>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub active: Memtable,
    /// The log of `active`, and how many octets of it have been acknowledged.
    pub active_log: Option<Arc<OwnedFile>>,
    pub active_octets: u64,
    /// Oldest first; they become segments in this order.
    pub frozen: VecDeque<Frozen>,
    /// By hour, then by generation.
    pub segments: BTreeMap<i64, Vec<Arc<Segment>>>,
    /// Hours of segments that cannot be opened.
    pub damaged: BTreeMap<i64, Vec<PathBuf>>,
    pub carry: Option<Arc<Segment>>,
    pub hourly: BTreeMap<i64, RollupFile>,
    pub daily: BTreeMap<i64, RollupFile>,
    /// Hours before it have no raw values any more.
    pub raw_from: i64,
    /// Hours before it have no hourly summaries any more.
    pub hourly_from: i64,
    pub last: HashMap<PointId, Entry>,
    pub events: Vec<EventLog>,
    pub next_sequence: u64,
    pub next_event: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub hourly_from: i64,
}

impl State {
    /// Reads what a folder holds. The logs become frozen memtables.
    pub(crate) fn read(folder: &Path, findings: &mut Vec<Diagnostic>) -> Result<Self, HistoryError> {
        let mut state = Self { raw_from: i64::MIN, hourly_from: i64::MIN, next_sequence: 1, next_event: 1, ..Self::default() };
        state.read_carry(folder, findings)?;
        state.read_segments(folder, findings)?;
        for (name, into) in [("hourly", &mut state.hourly), ("daily", &mut state.daily)] {
            for path in files::list(&folder.join(name))? {
                match RollupFile::open(&path) {
                    Ok(file) => {
                        into.insert(file.start_us / file.width_us.max(1), file);
                    }
                    // It is made again from raw values, or stays for people to see.
                    Err(e) => findings.push(e.diagnostic()),
                }
            }
        }
        let kept = folder.join("kept.json");
        if kept.exists() {
            let kept: Option<Kept> = fs::read(&kept).ok().and_then(|t| serde_json::from_slice(&t).ok());
            let kept = kept.ok_or_else(|| HistoryError::damaged(&folder.join("kept.json"), 0, "it is not what it should be"))?;
            state.hourly_from = kept.hourly_from;
        }
        state.read_logs(folder, findings)?;
        state.events = EventLog::open_all(&folder.join("events"), findings)?;
        state.next_event = state.events.iter().map(|l| l.last_sequence + 1).max().unwrap_or(1);
        Ok(state)
    }

    fn read_carry(&mut self, folder: &Path, findings: &mut Vec<Diagnostic>) -> Result<(), HistoryError> {
        for path in files::list(&folder.join("carry"))? {
            match Segment::open(&path) {
                Ok(segment) => {
                    self.raw_from = self.raw_from.max(segment.hour);
                    if let Some(older) = self.carry.replace(Arc::new(segment)) {
                        older.file.give_up();
                    }
                }
                Err(e) => findings.push(e.diagnostic()),
            }
        }
        if let Some(carry) = &self.carry {
            self.next_sequence = carry.last_sequence + 1;
        }
        Ok(())
    }

    fn read_segments(&mut self, folder: &Path, findings: &mut Vec<Diagnostic>) -> Result<(), HistoryError> {
        for dir in files::list(&folder.join("raw"))? {
            let Some(hour) = dir.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<i64>().ok()) else { continue };
            for path in files::list(&dir)? {
                match Segment::open(&path) {
                    Ok(segment) if hour < self.raw_from => {
                        // Its removal was cut off after the carry had been written.
                        segment.file.give_up();
                    }
                    Ok(segment) if segment.hour == hour => {
                        self.next_sequence = self.next_sequence.max(segment.last_sequence + 1);
                        self.segments.entry(hour).or_default().push(Arc::new(segment));
                    }
                    Ok(_) => {
                        findings.push(HistoryError::damaged(&path, 0, "it is of another hour than its folder").diagnostic());
                        self.damaged.entry(hour).or_default().push(path);
                    }
                    Err(e) => {
                        findings.push(e.diagnostic());
                        self.damaged.entry(hour).or_default().push(path);
                    }
                }
            }
        }
        for segments in self.segments.values_mut() {
            // A merged segment that is whole takes the place of its parts, whose removal was cut off.
            let ranges: Vec<(u64, u64)> = segments.iter().map(|s| s.generations).collect();
            segments.retain(|s| {
                let (first, last) = s.generations;
                let within = ranges.iter().any(|r| *r != (first, last) && r.0 <= first && last <= r.1);
                if within {
                    s.file.give_up();
                }
                !within
            });
            segments.sort_by_key(|s| s.generations);
        }
        Ok(())
    }

    fn read_logs(&mut self, folder: &Path, findings: &mut Vec<Diagnostic>) -> Result<(), HistoryError> {
        let newest = self.segments.values().flatten().max_by_key(|s| s.generations.1).map(|s| s.generations);
        let mut generation = newest.map_or(0, |g| g.1);
        let mut seen = 0;
        for path in files::list(&folder.join("log"))? {
            let octets = fs::read(&path).map_err(|e| HistoryError::io("read", &path, &e))?;
            let name = path.file_stem().and_then(|n| n.to_str()).and_then(|n| n.parse::<u64>().ok());
            let header = LogHeader::decode(&octets, LOG_MAGIC, &path);
            let number = match (&header, name) {
                (Ok(header), _) => header.number,
                (Err(HistoryError::OtherVersion { .. }), _) => return Err(header.expect_err("another version")),
                (Err(e), Some(number)) if octets.len() > FILE_HEADER => {
                    findings.push(e.diagnostic());
                    number
                }
                // Killed while it was made, before anything could be acknowledged through it.
                _ => {
                    let _ = fs::remove_file(&path);
                    continue;
                }
            };
            if let Ok(header) = header {
                self.next_sequence = self.next_sequence.max(header.first_sequence);
            }
            generation = generation.max(number);
            // Logs become segments in their order, and all segments of one before any of the next: what a later generation has followed, and
            // what has been merged, is in segments as a whole.
            if newest.is_some_and(|(first, last)| number < last || (number == last && first < last)) {
                let _ = fs::remove_file(&path);
                continue;
            }
            // Of the newest some segments may be missing: they are all made again.
            for segments in self.segments.values_mut() {
                segments.retain(|s| {
                    let own = s.generations == (number, number);
                    if own {
                        s.file.give_up();
                    }
                    !own
                });
            }
            let scan = framed::scan(&octets, FILE_HEADER);
            for damage in &scan.damaged {
                findings.push(HistoryError::damaged(&path, damage.start as u64, "the checksum of a record does not hold").diagnostic());
            }
            if scan.sound < octets.len() {
                findings.push(torn_tail(&path, scan.sound, octets.len()));
            }
            let mut table = Memtable::new(number);
            for record in scan.records {
                // Written again into another log after the first had failed, before it was acknowledged.
                if record.sequence <= seen {
                    continue;
                }
                seen = record.sequence;
                self.next_sequence = self.next_sequence.max(seen + 1);
                table.last_sequence = seen;
                match decode_batch(&octets[record.text]) {
                    Some(samples) => samples.into_iter().for_each(|s| table.push(s)),
                    None => findings.push(HistoryError::damaged(&path, record.offset as u64, "a record is no batch").diagnostic()),
                }
            }
            self.frozen.push_back(Frozen { table: Arc::new(table), log: Arc::new(OwnedFile::new(path)) });
        }
        self.segments.retain(|_, s| !s.is_empty());
        self.active = Memtable::new(generation + 1);
        Ok(())
    }

    /// Whether samples of an hour are in no segment yet.
    pub(crate) fn in_memory(&self, hour: i64) -> bool {
        self.active.hours.contains_key(&hour) || self.frozen.iter().any(|f| f.table.hours.contains_key(&hour))
    }

    /// All hours that have raw samples.
    pub(crate) fn hours(&self) -> BTreeSet<i64> {
        let memory = self.frozen.iter().flat_map(|f| f.table.hours.keys()).chain(self.active.hours.keys());
        self.segments.keys().chain(memory).copied().collect()
    }

    /// What a summary of this hour has to have been made from.
    pub(crate) fn source(&self, hour: i64) -> (u64, u64) {
        let generation = |h| self.segments.get(&h).and_then(|s| s.iter().map(|s| s.generations.1).max()).unwrap_or(0);
        let made_from = self.hourly.get(&hour).map_or((0, 0), |f| f.made_from);
        if hour < self.raw_from {
            made_from
        } else if hour - 1 < self.raw_from {
            (generation(hour), made_from.1)
        } else {
            (generation(hour), generation(hour - 1))
        }
    }

    /// The summary of an hour, if it says what its samples say.
    pub(crate) fn clean_hour(&self, hour: i64) -> Option<&RollupFile> {
        let file = self.hourly.get(&hour)?;
        // Made while all was readable.
        if self.damaged.contains_key(&hour) || self.damaged.contains_key(&(hour - 1)) {
            return Some(file);
        }
        (file.made_from == self.source(hour) && !self.in_memory(hour) && !self.in_memory(hour - 1)).then_some(file)
    }

    /// What a summary of this day has to have been made from.
    pub(crate) fn day_source(&self, day: i64) -> u64 {
        let mut hash = crc32fast::Hasher::new();
        for hour in day * DAY_HOURS..(day + 1) * DAY_HOURS {
            let (own, before) = self.source(hour);
            hash.update(&own.to_le_bytes());
            hash.update(&before.to_le_bytes());
        }
        hash.finalize().into()
    }

    /// The summary of a day, if it says what its hours say.
    pub(crate) fn clean_day(&self, day: i64) -> Option<&RollupFile> {
        let file = self.daily.get(&day)?;
        if day * DAY_HOURS < self.hourly_from {
            return Some(file);
        }
        let memory = (day * DAY_HOURS - 1..(day + 1) * DAY_HOURS).any(|h| self.in_memory(h));
        (file.made_from.0 == self.day_source(day) && !memory).then_some(file)
    }
}

/// The hour of an instant.
pub(crate) const fn hour_of(us: i64) -> i64 {
    us.div_euclid(HOUR_US)
}
