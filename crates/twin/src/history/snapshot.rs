//! What readers see: the segments and the memory of one moment. Files that are removed meanwhile stay until it is dropped.

use super::HOUR_US;
use super::error::HistoryError;
use super::history::Shared;
use super::memtable::Memtable;
use super::sample::{Entry, PointId};
use super::segment::{IndexEntry, Segment};
use super::state::{State, hour_of};
use network::Diagnostic;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// What is copied of the samples that are still coming in.
pub(crate) enum Memory<'a> {
    /// Of these points, from the first instant on and before the second.
    Range(&'a [PointId], i64, i64),
    /// Of every point the last one at or before it.
    At(i64),
    Nothing,
}

pub(crate) struct Snapshot {
    pub segments: BTreeMap<i64, Vec<Arc<Segment>>>,
    pub damaged: BTreeMap<i64, Vec<PathBuf>>,
    carry: Option<Arc<Segment>>,
    frozen: Vec<Arc<Memtable>>,
    active: HashMap<PointId, Vec<Entry>>,
}

impl Shared {
    pub(crate) fn snapshot(&self, memory: Memory) -> Snapshot {
        Snapshot::of(&self.read(), memory)
    }
}

impl Snapshot {
    pub(crate) fn of(state: &State, memory: Memory) -> Self {
        let active = match memory {
            Memory::Range(points, from, to) => points.iter().map(|p| (*p, state.active.range(*p, from, to))).collect(),
            Memory::At(at) => state.active.points().filter_map(|p| state.active.at(p, at).map(|e| (p, vec![e]))).collect(),
            Memory::Nothing => HashMap::new(),
        };
        Self {
            segments: state.segments.clone(),
            damaged: state.damaged.clone(),
            carry: state.carry.clone(),
            frozen: state.frozen.iter().map(|f| f.table.clone()).collect(),
            active,
        }
    }
}

/// Sorts by time and keeps of equal times the last one that came.
pub(crate) fn in_order(mut entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.is_sorted_by_key(|e| e.time) {
        entries.sort_by_key(|e| e.time);
    }
    entries.dedup_by(|later, kept| {
        let same = later.time == kept.time;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    entries
}

/// Adds the samples of one point in a segment that lie in a range.
fn read_range(segment: &Segment, point: PointId, from_us: i64, to_us: i64, into: &mut Vec<Entry>) -> Result<(), HistoryError> {
    let mut reader = segment.reader()?;
    for block in reader.find(point)? {
        if block.last_us >= from_us && block.first_us < to_us {
            let entries = reader.block(&block)?;
            into.extend(entries.into_iter().filter(|e| (from_us..to_us).contains(&e.time.us)));
        }
    }
    Ok(())
}

impl Snapshot {
    /// Samples of a point in a range, by time, each time once. What cannot be read is a finding.
    pub(crate) fn range(&self, point: PointId, from_us: i64, to_us: i64, findings: &mut Vec<Diagnostic>) -> Vec<Entry> {
        let mut entries = Vec::new();
        if from_us >= to_us {
            return entries;
        }
        let hours = hour_of(from_us)..=hour_of(to_us - 1);
        for segment in self.segments.range(hours.clone()).flat_map(|(_, s)| s) {
            if let Err(e) = read_range(segment, point, from_us, to_us, &mut entries) {
                findings.push(e.diagnostic());
            }
        }
        findings.extend(self.damaged.range(hours).flat_map(|(_, p)| p).map(|p| unreadable(p)));
        for table in &self.frozen {
            entries.extend(table.range(point, from_us, to_us));
        }
        let active = self.active.get(&point).map_or(&[][..], Vec::as_slice);
        entries.extend(active.iter().filter(|e| (from_us..to_us).contains(&e.time.us)).cloned());
        in_order(entries)
    }

    /// The last sample of a point before an instant, if it is not older than `hold_us`.
    pub(crate) fn before(&self, point: PointId, at_us: i64, hold_us: i64, findings: &mut Vec<Diagnostic>) -> Option<Entry> {
        let from_us = at_us - hold_us + 1;
        let carried = self.carry.as_ref().and_then(|carry| {
            let mut entries = Vec::new();
            if hour_of(from_us) < carry.hour
                && let Err(e) = read_range(carry, point, from_us, at_us, &mut entries)
            {
                findings.push(e.diagnostic());
            }
            entries.pop()
        });
        self.range(point, from_us, at_us, findings).pop().or(carried)
    }

    /// The last sample of every point at or before an instant, in one pass over the hours, the newest first.
    pub(crate) fn states_at(&self, at_us: i64, findings: &mut Vec<Diagnostic>) -> HashMap<PointId, Entry> {
        let mut best: HashMap<PointId, Entry> = HashMap::new();
        // Of equal times the later generation counts, and memory is later than segments: what is there stays.
        let meet = |best: &mut HashMap<PointId, Entry>, point: PointId, entry: Entry| {
            if best.get(&point).is_none_or(|b| b.time < entry.time) {
                best.insert(point, entry);
            }
        };
        for (point, entries) in &self.active {
            if let Some(entry) = entries.iter().rev().find(|e| e.time.us <= at_us) {
                meet(&mut best, *point, entry.clone());
            }
        }
        for table in self.frozen.iter().rev() {
            for point in table.points() {
                if let Some(entry) = table.at(point, at_us) {
                    meet(&mut best, point, entry);
                }
            }
        }
        for (hour, segments) in self.segments.range(..=hour_of(at_us)).rev() {
            for segment in segments.iter().rev() {
                if let Err(e) = newest_of(segment, at_us, hour * HOUR_US, &mut best) {
                    findings.push(e.diagnostic());
                }
            }
        }
        if let Some(carry) = self.carry.as_ref()
            && let Err(e) = newest_of(carry, at_us, i64::MAX, &mut best)
        {
            findings.push(e.diagnostic());
        }
        findings.extend(self.damaged.range(..=hour_of(at_us)).flat_map(|(_, p)| p).map(|p| unreadable(p)));
        best
    }
}

/// Takes from a segment what is later than the best that is known. Points that have a value from after the hour are decided.
fn newest_of(segment: &Segment, at_us: i64, hour_start_us: i64, best: &mut HashMap<PointId, Entry>) -> Result<(), HistoryError> {
    let mut reader = segment.reader()?;
    let index = reader.index()?;
    for blocks in index.chunk_by(|a, b| a.point == b.point) {
        let point = blocks[0].point;
        let known = best.get(&point).map(|e| e.time.us);
        let newest = blocks.iter().filter(|b| b.first_us <= at_us).map(|b| b.last_us.min(at_us)).max();
        let Some(newest) = newest else { continue };
        if known.is_some_and(|us| us >= newest || us >= hour_start_us.saturating_add(HOUR_US)) {
            continue;
        }
        let candidates: Vec<&IndexEntry> = blocks.iter().filter(|b| b.first_us <= at_us).collect();
        let follow = blocks.windows(2).all(|w| w[0].last_us < w[1].first_us);
        let mut entries = Vec::new();
        // Of blocks that follow one another the last one has it; otherwise a later block may correct an earlier one.
        for block in if follow { &candidates[candidates.len() - 1..] } else { &candidates[..] } {
            entries.extend(reader.block(block)?);
        }
        let entries = in_order(entries);
        let Some(i) = entries.partition_point(|e| e.time.us <= at_us).checked_sub(1) else { continue };
        if known.is_none_or(|us| us < entries[i].time.us) {
            best.insert(point, entries[i].clone());
        }
    }
    Ok(())
}

pub(crate) fn unreadable(path: &std::path::Path) -> Diagnostic {
    HistoryError::damaged(path, 0, "it cannot be opened as a segment").diagnostic()
}
