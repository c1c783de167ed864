//! What is done to the history as time goes on: hours and days are summed up, segments merged, and what is past its time removed.
//!
//! The order keeps everything safe: a summary is on the disk before the hour it was made from goes, and the last value of each point is in
//! the carry before the segment that held it goes. Cut off anywhere, the next call goes on.

use super::block::BLOCK_MAX;
use super::error::HistoryError;
use super::files::{self, write_whole};
use super::history::{History, Shared};
use super::options::us;
use super::query::{sum_of_hours, told_once};
use super::rollup::{Bucket, RollupFile, buckets};
use super::sample::{Entry, PointId};
use super::segment::{IndexEntry, Segment, SegmentWriter};
use super::snapshot::{Memory, in_order, unreadable};
use super::state::Kept;
use super::writer::insert;
use super::{DAY_HOURS, DAY_US, HOUR_US};
use network::Diagnostic;
use scada::UtcTime;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What one call did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Maintained {
    pub hours_summed: usize,
    pub days_summed: usize,
    pub segments_merged: usize,
    pub raw_hours_removed: usize,
    pub hourly_removed: usize,
    pub daily_removed: usize,
    /// Hours that could not be summed up or removed because a file of theirs is damaged.
    pub findings: Vec<Diagnostic>,
}

/// How long segments may take to be written before this gives up for now.
const FLUSH_WAIT: Duration = Duration::from_secs(30);
/// Blocks shorter than this are put together when segments are merged.
const BLOCK_MIN: u32 = 256;

pub(crate) fn maintain(history: &History, now: UtcTime) -> Result<Maintained, HistoryError> {
    let shared = &history.shared;
    let _alone = shared.maintaining.lock().unwrap_or_else(PoisonError::into_inner);
    let mut done = Maintained::default();
    let over = (now.us - us(shared.options.grace)).div_euclid(HOUR_US);
    let in_memory = {
        let state = shared.read();
        state.hours().into_iter().any(|h| h < over && state.in_memory(h))
    };
    if in_memory {
        history.flush(FLUSH_WAIT)?;
    }
    merge_segments(shared, over, &mut done)?;
    sum_hours(shared, over, &mut done)?;
    sum_days(shared, over.div_euclid(DAY_HOURS), &mut done)?;
    remove_raw(shared, now, &mut done)?;
    remove_summaries(shared, now, &mut done)?;
    done.findings = told_once(std::mem::take(&mut done.findings));
    Ok(done)
}

/// Blocks of every point in some segments, by point, then in the order of the segments.
fn blocks_by_point(segments: &[Arc<Segment>]) -> Result<BTreeMap<PointId, Vec<(usize, IndexEntry)>>, HistoryError> {
    let mut found: BTreeMap<PointId, Vec<(usize, IndexEntry)>> = BTreeMap::new();
    for (i, segment) in segments.iter().enumerate() {
        for entry in segment.reader()?.index()? {
            found.entry(entry.point).or_default().push((i, entry));
        }
    }
    Ok(found)
}

/// Makes one segment of those of an hour. Every sample keeps its place, also one that a later one has replaced.
fn merge_segments(shared: &Shared, over: i64, done: &mut Maintained) -> Result<(), HistoryError> {
    let due: Vec<(i64, Vec<Arc<Segment>>)> = {
        let state = shared.read();
        let undamaged = |h: &i64| !state.damaged.contains_key(h);
        state.segments.range(..over).filter(|(h, s)| s.len() > 1 && undamaged(h)).map(|(h, s)| (*h, s.clone())).collect()
    };
    for (hour, segments) in due {
        let merged = match merge(shared, hour, &segments) {
            Ok(merged) => merged,
            Err(e @ HistoryError::Damaged { .. }) => {
                done.findings.push(e.diagnostic());
                continue;
            }
            Err(e) => return Err(e),
        };
        let mut state = shared.write();
        let kept = state.segments.entry(hour).or_default();
        // What came meanwhile stays beside it.
        kept.retain(|s| !segments.iter().any(|m| Arc::ptr_eq(m, s)));
        insert(kept, merged);
        segments.iter().for_each(|s| s.file.give_up());
        done.segments_merged += segments.len();
    }
    Ok(())
}

fn merge(shared: &Shared, hour: i64, segments: &[Arc<Segment>]) -> Result<Segment, HistoryError> {
    let first = segments.iter().map(|s| s.generations.0).min().unwrap_or(0);
    let last = segments.iter().map(|s| s.generations.1).max().unwrap_or(0);
    let sequence = segments.iter().map(|s| s.last_sequence).max().unwrap_or(0);
    let place = shared.folder.join("raw").join(hour.to_string()).join(format!("{first:020}-{last:020}.seg"));
    let mut writer = SegmentWriter::create(place, hour, (first, last), sequence, &shared.options.faults)?;
    let mut readers = segments.iter().map(|s| s.reader()).collect::<Result<Vec<_>, _>>()?;
    for (point, blocks) in blocks_by_point(segments)? {
        let follow = blocks.windows(2).all(|w| w[0].1.last_us < w[1].1.first_us);
        let long = blocks.iter().all(|(_, b)| b.samples >= BLOCK_MIN);
        if follow && long {
            for (i, block) in &blocks {
                let octets = readers[*i].octets(block)?;
                // Octets that are copied are not looked into; their checksum has been held.
                writer.put_octets(*block, &octets)?;
            }
            continue;
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (i, block) in &blocks {
            entries.extend(readers[*i].block(block)?);
        }
        entries.sort_by_key(|e| e.time);
        for part in entries.chunks(BLOCK_MAX) {
            writer.put(point, part)?;
        }
    }
    writer.finish()
}

/// Sums up the hours that are over and whose summary is not there or out of date.
fn sum_hours(shared: &Shared, over: i64, done: &mut Maintained) -> Result<(), HistoryError> {
    let due: Vec<(i64, (u64, u64))> = {
        let state = shared.read();
        // A value may stand into the hour after its own.
        let hours: BTreeSet<i64> = state.segments.keys().flat_map(|h| [*h, h + 1]).filter(|h| *h < over && *h >= state.raw_from).collect();
        for paths in state.damaged.range(..over).map(|(_, p)| p) {
            done.findings.extend(paths.iter().map(|p| unreadable(p)));
        }
        let damaged = |h: i64| state.damaged.contains_key(&h) || state.damaged.contains_key(&(h - 1));
        hours
            .into_iter()
            .filter(|h| !damaged(*h) && !state.in_memory(*h) && !state.in_memory(h - 1) && state.clean_hour(*h).is_none())
            .map(|h| (h, state.source(h)))
            .collect()
    };
    for (hour, made_from) in due {
        let mut findings = Vec::new();
        let rows = hour_rows(shared, hour, &mut findings)?;
        if !findings.is_empty() {
            done.findings.extend(findings);
            continue;
        }
        let path = shared.folder.join("hourly").join(format!("{hour}.roll"));
        let file = RollupFile::write(path, hour * HOUR_US, HOUR_US, made_from, &rows, &shared.options.faults)?;
        shared.write().hourly.insert(hour, file);
        done.hours_summed += 1;
    }
    Ok(())
}

/// The rows of an hour, by point.
fn hour_rows(shared: &Shared, hour: i64, findings: &mut Vec<Diagnostic>) -> Result<Vec<(PointId, Bucket)>, HistoryError> {
    let (from_us, to_us) = (hour * HOUR_US, (hour + 1) * HOUR_US);
    let hold_us = us(shared.options.hold);
    let snapshot = shared.snapshot(Memory::Nothing);
    // What stands at the begin of the hour, point by point.
    let standing = snapshot.states_at(from_us - 1, findings);
    let segments = snapshot.segments.get(&hour).cloned().unwrap_or_default();
    let blocks = match blocks_by_point(&segments) {
        Ok(blocks) => blocks,
        Err(e @ HistoryError::Damaged { .. }) => {
            findings.push(e.diagnostic());
            return Ok(Vec::new());
        }
        Err(e) => return Err(e),
    };
    let before = |point: &PointId| standing.get(point).filter(|e| e.time.us + hold_us > from_us);
    let points: BTreeSet<PointId> = blocks.keys().copied().chain(standing.keys().filter(|p| before(p).is_some()).copied()).collect();
    let mut readers = segments.iter().map(|s| s.reader()).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::with_capacity(points.len());
    for point in points {
        let mut entries = Vec::new();
        for (i, block) in blocks.get(&point).into_iter().flatten() {
            match readers[*i].block(block) {
                Ok(read) => entries.extend(read),
                Err(e) => findings.push(e.diagnostic()),
            }
        }
        let entries = in_order(entries);
        // The hour is over: what stands in it does so whatever the time is now.
        let summed = buckets(before(&point), &entries, from_us, to_us, HOUR_US, hold_us, i64::MAX);
        rows.extend(summed.into_iter().map(|b| (point, b)));
    }
    Ok(rows)
}

fn sum_days(shared: &Shared, over: i64, done: &mut Maintained) -> Result<(), HistoryError> {
    let due: Vec<(i64, u64, Vec<RollupFile>)> = {
        let state = shared.read();
        let days: BTreeSet<i64> = state.hourly.keys().map(|h| h.div_euclid(DAY_HOURS)).filter(|d| *d < over).collect();
        let whole = |d: i64| {
            let hours = d * DAY_HOURS..(d + 1) * DAY_HOURS;
            // Every hour that has values has a summary of them.
            d * DAY_HOURS >= state.hourly_from
                && hours.clone().all(|h| state.source(h) == (0, 0) || state.clean_hour(h).is_some())
                && hours.clone().all(|h| !state.damaged.contains_key(&h) && !state.in_memory(h))
        };
        days.into_iter()
            .filter(|d| state.clean_day(*d).is_none() && whole(*d))
            .map(|d| {
                let hours = (d * DAY_HOURS..(d + 1) * DAY_HOURS).filter_map(|h| state.hourly.get(&h).cloned()).collect();
                (d, state.day_source(d), hours)
            })
            .collect()
    };
    for (day, made_from, hours) in due {
        let mut by_point: BTreeMap<PointId, Vec<Bucket>> = BTreeMap::new();
        let read = hours.iter().try_for_each(|hour| {
            for (point, bucket) in hour.all()? {
                by_point.entry(point).or_default().push(bucket);
            }
            Ok(())
        });
        match read {
            Ok(()) => {}
            Err(e @ HistoryError::Damaged { .. }) => {
                done.findings.push(e.diagnostic());
                continue;
            }
            Err(e) => return Err(e),
        }
        let rows: Vec<_> = by_point.into_iter().filter_map(|(p, b)| sum_of_hours(day, b.into_iter()).map(|s| (p, s))).collect();
        let path = shared.folder.join("daily").join(format!("{day}.roll"));
        let file = RollupFile::write(path, day * DAY_US, DAY_US, (made_from, 0), &rows, &shared.options.faults)?;
        shared.write().daily.insert(day, file);
        done.days_summed += 1;
    }
    Ok(())
}

/// Removes raw hours that are past their time, from the oldest on, up to the first that is not summed up.
fn remove_raw(shared: &Shared, now: UtcTime, done: &mut Maintained) -> Result<(), HistoryError> {
    // An hour more than is promised, so that nothing that was just taken is removed before it has been summed up.
    let until = (now.us - us(shared.options.retention.raw)).div_euclid(HOUR_US) - 1;
    let (due, old, damaged) = {
        let state = shared.read();
        let damaged = state.damaged.keys().next().copied();
        let ready = |h: i64| {
            // The hour after it looks back into this one, and is summed up before it goes.
            state.clean_hour(h).is_some() && state.clean_hour(h + 1).is_some() && !state.in_memory(h) && damaged.is_none_or(|d| h < d)
        };
        let due: Vec<_> = state.segments.range(..until).take_while(|(h, _)| ready(**h)).map(|(h, s)| (*h, s.clone())).collect();
        (due, state.carry.clone(), damaged)
    };
    if let Some(hour) = damaged.filter(|h| *h < until) {
        done.findings.push(
            Diagnostic::warning("HISTORY.RETENTION.HELD", format!("raw values from hour {hour} on are kept beyond their time"))
                .detail("A segment of that hour is damaged, and what it holds has not been summed up.")
                .hint("Put the file back from a backup, or set it aside."),
        );
    }
    let Some((newest, _)) = due.last() else { return Ok(()) };
    let raw_from = newest + 1;
    let carry = carry_of(shared, raw_from, &due, old.as_deref())?;
    {
        let mut state = shared.write();
        state.raw_from = raw_from;
        for (hour, segments) in &due {
            state.segments.remove(hour);
            segments.iter().for_each(|s| s.file.give_up());
        }
        if let Some(old) = state.carry.replace(Arc::new(carry)) {
            old.file.give_up();
        }
    }
    done.raw_hours_removed += due.len();
    let hours: Vec<i64> = due.iter().map(|(h, _)| *h).collect();
    drop((due, old));
    for hour in hours {
        // Stays while a reader still has a file of it open; the next start removes what is left.
        let _ = fs::remove_dir(shared.folder.join("raw").join(hour.to_string()));
    }
    Ok(())
}

/// The last sample of each point in what is about to go.
fn carry_of(shared: &Shared, raw_from: i64, due: &[(i64, Vec<Arc<Segment>>)], old: Option<&Segment>) -> Result<Segment, HistoryError> {
    let mut findings = Vec::new();
    let last = shared.snapshot(Memory::Nothing).states_at(raw_from * HOUR_US - 1, &mut findings);
    if findings.iter().any(|f| f.source.is_some()) {
        // What cannot be read must not be left out in silence and then removed.
        let path = shared.folder.join("raw");
        return Err(HistoryError::damaged(&path, 0, "a segment that is to go cannot be read; maintaining goes on when it is set aside"));
    }
    let sequence = due.iter().flat_map(|(_, s)| s).map(|s| s.last_sequence).chain(old.map(|o| o.last_sequence)).max().unwrap_or(0);
    let place = shared.folder.join("carry").join(format!("{raw_from}.seg"));
    let mut writer = SegmentWriter::create(place, raw_from, (0, 0), sequence, &shared.options.faults)?;
    let sorted: BTreeMap<PointId, Entry> = last.into_iter().collect();
    for (point, entry) in sorted {
        writer.put(point, std::slice::from_ref(&entry))?;
    }
    writer.finish()
}

/// Removes summaries that are past their time: hours by whole days, once the day has been summed up.
fn remove_summaries(shared: &Shared, now: UtcTime, done: &mut Maintained) -> Result<(), HistoryError> {
    let retention = &shared.options.retention;
    let hourly_until = (now.us - us(retention.hourly)).div_euclid(DAY_US);
    let (hours, hourly_from) = {
        let state = shared.read();
        let days: BTreeSet<i64> = state.hourly.keys().map(|h| h.div_euclid(DAY_HOURS)).filter(|d| *d < hourly_until).collect();
        let ready: Vec<i64> =
            days.into_iter().take_while(|d| state.clean_day(*d).is_some() && (d + 1) * DAY_HOURS <= state.raw_from).collect();
        let from = ready.last().map(|d| (d + 1) * DAY_HOURS);
        let hours: Vec<i64> = from.map(|f| state.hourly.range(..f).map(|(h, _)| *h).collect()).unwrap_or_default();
        (hours, from)
    };
    if let Some(hourly_from) = hourly_from {
        // Before the first of them goes, so that a day is never summed up from some of its hours.
        let text = serde_json::to_vec(&Kept { hourly_from }).expect("one plain field");
        write_whole(&shared.folder.join("kept.json"), &text, &shared.options.faults)?;
        let mut state = shared.write();
        state.hourly_from = hourly_from;
        for hour in &hours {
            if let Some(file) = state.hourly.remove(hour) {
                fs::remove_file(&file.path).map_err(|e| HistoryError::io("remove", &file.path, &e))?;
            }
        }
        done.hourly_removed += hours.len();
    }
    let daily_until = (now.us - us(retention.daily)).div_euclid(DAY_US);
    let mut state = shared.write();
    let days: Vec<i64> = state.daily.range(..daily_until).map(|(d, _)| *d).filter(|d| d * DAY_HOURS < state.hourly_from).collect();
    for day in days {
        if let Some(file) = state.daily.remove(&day) {
            fs::remove_file(&file.path).map_err(|e| HistoryError::io("remove", &file.path, &e))?;
            done.daily_removed += 1;
        }
    }
    drop(state);
    files::sync_folder(&shared.folder)
}
