//! Samples summed up over intervals.
//!
//! A sample stands from its time `tᵢ` until the next one of its point, but no longer than the hold `h`: `eᵢ = min(tᵢ₊₁, tᵢ + h)`. Where
//! nothing stands there is a gap, and nothing is put in its place. For an interval `[a, b)` and `wᵢ = |[tᵢ, eᵢ) ∩ [a, b)|`,
//!
//! * `covered = Σ wᵢ`, over all samples, the one that stands at `a` from before among them;
//! * `good = Σ wᵢ` over samples that are of good quality and a finite number, set `G`;
//! * `integral = Σ_G vᵢ wᵢ`, and the time-weighted mean is `integral / good`; it is not there when `good` is 0;
//! * `min` and `max` are taken over the same samples, so that `min ≤ mean ≤ max`;
//! * `count` and `count_good` are samples whose own time is in the interval;
//! * the share of good quality is `good / (b − a)`.
//!
//! Contacts and double points count as 0 and 1, so that their mean is the share of time that they are on. Texts, bits and positions
//! between have no number. Intervals of days are the sums of those of their hours.

use super::error::HistoryError;
use super::files::{DiskFaults, write_whole};
use super::framed::{u32_at, u64_at};
use super::sample::{Entry, PointId, quality_bits, quality_from_bits};
use scada::UtcTime;
use scada::point::Quality;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What was newest in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newest {
    pub time: UtcTime,
    /// `None` of what is no number.
    pub value: Option<f64>,
    pub quality: Quality,
}

/// One point over one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub start: UtcTime,
    pub width_us: i64,
    /// Samples within the interval.
    pub count: u64,
    /// Of these, finite numbers of good quality.
    pub count_good: u64,
    /// Time for which any value stands.
    pub covered_us: i64,
    /// Time for which a finite number of good quality stands.
    pub good_us: i64,
    /// Unit of the point times seconds, over the good time.
    pub integral: f64,
    /// Least and greatest good value that stands in the interval.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The last sample within the interval, whatever its quality.
    pub last: Option<Newest>,
}

impl Bucket {
    fn new(start_us: i64, width_us: i64) -> Self {
        Self {
            start: UtcTime::from_us(start_us),
            width_us,
            count: 0,
            count_good: 0,
            covered_us: 0,
            good_us: 0,
            integral: 0.0,
            min: None,
            max: None,
            last: None,
        }
    }

    /// Time-weighted mean over the good time; `None` where there is none.
    pub fn mean(&self) -> Option<f64> {
        // Rounding must not carry the mean of a constant past the constant.
        (self.good_us > 0).then(|| {
            let mean = self.integral / (self.good_us as f64 * 1e-6);
            mean.clamp(self.min.unwrap_or(mean), self.max.unwrap_or(mean))
        })
    }

    /// Share of the interval, 0 to 1, for which a good value stands.
    pub fn good_share(&self) -> f64 {
        self.good_us as f64 / self.width_us as f64
    }

    /// Share of the interval, 0 to 1, for which any value stands.
    pub fn covered_share(&self) -> f64 {
        self.covered_us as f64 / self.width_us as f64
    }

    fn stand(&mut self, entry: &Entry, for_us: i64) {
        self.covered_us += for_us;
        if let Some(x) = entry.good_number().filter(|_| for_us > 0) {
            self.good_us += for_us;
            self.integral += x * (for_us as f64 * 1e-6);
            self.meet(x);
        }
    }

    fn meet(&mut self, x: f64) {
        self.min = Some(self.min.map_or(x, |m| m.min(x)));
        self.max = Some(self.max.map_or(x, |m| m.max(x)));
    }

    fn sample(&mut self, entry: &Entry) {
        self.count += 1;
        self.count_good += u64::from(entry.good_number().is_some());
        let value = entry.value.as_ref().and_then(scada::point::Value::as_f64);
        self.last = Some(Newest { time: entry.time, value, quality: entry.quality });
    }

    /// Adds a later part of the same interval.
    pub(crate) fn add(&mut self, later: &Self) {
        self.count += later.count;
        self.count_good += later.count_good;
        self.covered_us += later.covered_us;
        self.good_us += later.good_us;
        self.integral += later.integral;
        if let (Some(min), Some(max)) = (later.min, later.max) {
            self.meet(min);
            self.meet(max);
        }
        self.last = later.last.or(self.last);
    }
}

/// Sums up samples over the intervals of `width_us` that begin at multiples of it, from the one with `from_us` to the one before `to_us`.
///
/// # Inputs
/// * `before` - the last sample before `from_us`, if there is one;
/// * `entries` - samples from `from_us` on and before `to_us`, by time, each time once;
/// * `hold_us` - how long a sample stands at most;
/// * `now_us` - nothing stands beyond it.
///
/// # Returns
/// The intervals in which anything stands or was sampled, by time. Both borders have to be multiples of the width.
pub(crate) fn buckets(
    before: Option<&Entry>,
    entries: &[Entry],
    from_us: i64,
    to_us: i64,
    width_us: i64,
    hold_us: i64,
    now_us: i64,
) -> Vec<Bucket> {
    let mut found: Vec<Bucket> = Vec::new();
    let mut at = |us: i64| {
        let start = us.div_euclid(width_us) * width_us;
        if found.last().is_none_or(|b| b.start.us != start) {
            found.push(Bucket::new(start, width_us));
        }
        found.len() - 1
    };
    // The bucket of each part first, because `found` cannot be lent twice.
    let mut parts: Vec<(usize, usize, i64, bool)> = Vec::with_capacity(entries.len() + 1);
    let all: Vec<&Entry> = before.into_iter().chain(entries).collect();
    for (i, entry) in all.iter().enumerate() {
        let own = entry.time.us >= from_us;
        let next = all.get(i + 1).map_or(to_us, |n| n.time.us);
        let end = next.min(entry.time.us.saturating_add(hold_us)).min(to_us).min(now_us.max(entry.time.us));
        let mut start = entry.time.us.max(from_us);
        if own {
            parts.push((at(start), i, 0, true));
        }
        while start < end {
            let border = ((start.div_euclid(width_us) + 1) * width_us).min(end);
            parts.push((at(start), i, border - start, false));
            start = border;
        }
    }
    for (bucket, i, for_us, own) in parts {
        if own {
            found[bucket].sample(all[i]);
            // A good sample that stands for no time yet has been seen all the same.
            if let Some(x) = all[i].good_number() {
                found[bucket].meet(x);
            }
        } else {
            found[bucket].stand(all[i], for_us);
        }
    }
    found
}

/// Intervals of a range in which nothing stands.
pub(crate) fn gaps(before: Option<&Entry>, entries: &[Entry], from_us: i64, to_us: i64, hold_us: i64) -> Vec<(UtcTime, UtcTime)> {
    let mut found = Vec::new();
    let mut covered_to = before.map_or(from_us, |b| b.time.us.saturating_add(hold_us)).max(from_us);
    for entry in entries {
        if entry.time.us > covered_to {
            found.push((UtcTime::from_us(covered_to), entry.time));
        }
        covered_to = entry.time.us.saturating_add(hold_us);
    }
    if covered_to < to_us {
        found.push((UtcTime::from_us(covered_to), UtcTime::from_us(to_us)));
    }
    found
}

const MAGIC: [u8; 8] = *b"GTHROL\r\n";
const VERSION: u32 = 1;
const HEADER: usize = 56;
const ROW: usize = 92;

/// The summary of one hour or day in a file: a row a point, sorted by point.
///
/// ```text
/// header  magic (8) · version (4) · start in µs (8) · width in µs (8) · made from (8) · and before it (8) · rows (8) · CRC-32 (4)     56 octets
/// row     point (4) · samples (8) · good (8) · covered µs (8) · good µs (8) · integral (8) · min (8) · max (8) · last time (8) ·
///         last value (8) · quality (4) · which are there (8) · CRC-32 (4)                                                             92 octets
/// ```
///
/// "Made from" says what it was computed from: of an hour the last generation of its samples, and of those of the hour before, from which
/// a value may stand; of a day a checksum of these numbers of its hours. When they are others now, the file is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RollupFile {
    pub path: PathBuf,
    pub start_us: i64,
    pub width_us: i64,
    pub made_from: (u64, u64),
    rows: u64,
}

/// Which values of a row are there.
const HAS_RANGE: u64 = 1;
const HAS_LAST: u64 = 2;
const HAS_LAST_VALUE: u64 = 4;

impl RollupFile {
    /// Writes a summary, whole or not at all. `rows` are sorted by point.
    pub(crate) fn write(
        path: PathBuf,
        start_us: i64,
        width_us: i64,
        made_from: (u64, u64),
        rows: &[(PointId, Bucket)],
        faults: &DiskFaults,
    ) -> Result<Self, HistoryError> {
        let mut out = Vec::with_capacity(HEADER + rows.len() * ROW);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(start_us.to_le_bytes());
        out.extend(width_us.to_le_bytes());
        out.extend(made_from.0.to_le_bytes());
        out.extend(made_from.1.to_le_bytes());
        out.extend((rows.len() as u64).to_le_bytes());
        out.extend(crc32fast::hash(&out).to_le_bytes());
        for (point, b) in rows {
            let start = out.len();
            let last_value = b.last.and_then(|l| l.value);
            let mut has = 0;
            has |= if b.min.is_some() { HAS_RANGE } else { 0 };
            has |= if b.last.is_some() { HAS_LAST } else { 0 };
            has |= if last_value.is_some() { HAS_LAST_VALUE } else { 0 };
            out.extend(point.0.to_le_bytes());
            out.extend(b.count.to_le_bytes());
            out.extend(b.count_good.to_le_bytes());
            out.extend(b.covered_us.to_le_bytes());
            out.extend(b.good_us.to_le_bytes());
            for x in [b.integral, b.min.unwrap_or(0.0), b.max.unwrap_or(0.0)] {
                out.extend(x.to_bits().to_le_bytes());
            }
            out.extend(b.last.map_or(0, |l| l.time.us).to_le_bytes());
            out.extend(last_value.unwrap_or(0.0).to_bits().to_le_bytes());
            out.extend(b.last.map_or(0, |l| quality_bits(l.quality)).to_le_bytes());
            out.extend(has.to_le_bytes());
            let crc = crc32fast::hash(&out[start..]);
            out.extend(crc.to_le_bytes());
        }
        write_whole(&path, &out, faults)?;
        Ok(Self { path, start_us, width_us, made_from, rows: rows.len() as u64 })
    }

    /// Reads the header.
    pub(crate) fn open(path: &Path) -> Result<Self, HistoryError> {
        let io = |e: std::io::Error| HistoryError::io("read", path, &e);
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut header = [0; HEADER];
        if length < HEADER as u64 {
            return Err(HistoryError::damaged(path, length, "it ends within its header"));
        }
        file.read_exact(&mut header).map_err(io)?;
        if crc32fast::hash(&header[..52]) != u32_at(&header, 52) || header[..8] != MAGIC {
            return Err(HistoryError::damaged(path, 0, "its header is none"));
        }
        let version = u32_at(&header, 8);
        if version != VERSION {
            return Err(HistoryError::OtherVersion { path: path.to_owned(), found: version.into(), expected: VERSION.into() });
        }
        let rows = u64_at(&header, 44);
        if rows.checked_mul(ROW as u64).and_then(|n| n.checked_add(HEADER as u64)) != Some(length) {
            return Err(HistoryError::damaged(path, length, "it does not hold as many rows as its header says"));
        }
        Ok(Self {
            path: path.to_owned(),
            start_us: u64_at(&header, 12) as i64,
            width_us: u64_at(&header, 20) as i64,
            made_from: (u64_at(&header, 28), u64_at(&header, 36)),
            rows,
        })
    }

    fn row(&self, octets: &[u8], i: u64) -> Result<(PointId, Bucket), HistoryError> {
        let offset = HEADER as u64 + i * ROW as u64;
        let damaged = || HistoryError::damaged(&self.path, offset, "the checksum of a row does not hold");
        if crc32fast::hash(&octets[..88]) != u32_at(octets, 88) {
            return Err(damaged());
        }
        let float = |at| f64::from_bits(u64_at(octets, at));
        let has = u64_at(octets, 80);
        let quality = quality_from_bits(u32_at(octets, 76)).ok_or_else(damaged)?;
        let bucket = Bucket {
            start: UtcTime::from_us(self.start_us),
            width_us: self.width_us,
            count: u64_at(octets, 4),
            count_good: u64_at(octets, 12),
            covered_us: u64_at(octets, 20) as i64,
            good_us: u64_at(octets, 28) as i64,
            integral: float(36),
            min: (has & HAS_RANGE != 0).then(|| float(44)),
            max: (has & HAS_RANGE != 0).then(|| float(52)),
            last: (has & HAS_LAST != 0).then(|| Newest {
                time: UtcTime::from_us(u64_at(octets, 60) as i64),
                value: (has & HAS_LAST_VALUE != 0).then(|| float(68)),
                quality,
            }),
        };
        Ok((PointId(u32_at(octets, 0)), bucket))
    }

    /// The row of one point, found by halving.
    pub(crate) fn find(&self, point: PointId) -> Result<Option<Bucket>, HistoryError> {
        let io = |e: std::io::Error| HistoryError::io("read", &self.path, &e);
        let mut file = File::open(&self.path).map_err(io)?;
        let mut octets = [0; ROW];
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            file.seek(SeekFrom::Start(HEADER as u64 + middle * ROW as u64)).and_then(|_| file.read_exact(&mut octets)).map_err(io)?;
            let (found, bucket) = self.row(&octets, middle)?;
            match found.cmp(&point) {
                std::cmp::Ordering::Equal => return Ok(Some(bucket)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// All rows.
    pub(crate) fn all(&self) -> Result<Vec<(PointId, Bucket)>, HistoryError> {
        let octets = std::fs::read(&self.path).map_err(|e| HistoryError::io("read", &self.path, &e))?;
        let rows = octets
            .get(HEADER..)
            .unwrap_or_default()
            .chunks_exact(ROW)
            .zip(0..)
            .map(|(o, i)| self.row(o, i))
            .collect::<Result<Vec<_>, _>>()?;
        if rows.len() as u64 != self.rows {
            return Err(HistoryError::damaged(&self.path, octets.len() as u64, "it does not hold as many rows as its header says"));
        }
        Ok(rows)
    }
}
