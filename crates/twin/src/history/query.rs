//! Questions asked of the history.

use super::error::HistoryError;
use super::history::Shared;
use super::options::us;
use super::rollup::{Bucket, RollupFile, buckets, gaps};
use super::sample::{Entry, PointId, TIME_END};
use super::snapshot::{Memory, Snapshot};
use super::{DAY_HOURS, DAY_US, HOUR_US};
use network::Diagnostic;
use scada::UtcTime;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

/// How finely values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Every sample as it was recorded.
    Raw,
    /// Summed up over intervals of this length, from raw values. They begin at multiples of it since 1970.
    Every(Duration),
    Hourly,
    Daily,
    /// As fine as gives about so many values a point, and as what is kept of the range allows.
    Auto {
        values: usize,
    },
}

impl Resolution {
    pub const SECOND: Self = Self::Every(Duration::from_secs(1));
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub points: Vec<PointId>,
    /// From this instant on, and before the other. Summed up, whole intervals are given.
    pub from: UtcTime,
    pub to: UtcTime,
    pub resolution: Resolution,
    /// The time now: no value stands beyond it.
    pub now: UtcTime,
}

impl Query {
    pub fn one(point: PointId, from: UtcTime, to: UtcTime, resolution: Resolution, now: UtcTime) -> Self {
        Self { points: vec![point], from, to, resolution, now }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    Raw(Vec<Entry>),
    Buckets(Vec<Bucket>),
}

/// One point over the range.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub point: PointId,
    pub rows: Rows,
    /// Where no value stands, of raw values. Of sums every interval says how much of it is covered, and one that is not there is a gap.
    pub gaps: Vec<(UtcTime, UtcTime)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In the order of the points asked for.
    pub series: Vec<Series>,
    /// What `Auto` chose; otherwise what was asked for.
    pub resolution: Resolution,
    /// Files that could not be read: what they hold is missing.
    pub findings: Vec<Diagnostic>,
    /// How long it took.
    pub took: Duration,
}

/// A point at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub entry: Entry,
    /// How old it was then.
    pub age: Duration,
    /// Whether it stood then, and was not past the hold.
    pub stands: bool,
}

/// Every point at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    pub points: BTreeMap<PointId, Standing>,
    pub findings: Vec<Diagnostic>,
    pub took: Duration,
}

pub(crate) fn states_at(shared: &Shared, at: UtcTime) -> States {
    let begun = Instant::now();
    let hold_us = us(shared.options.hold);
    let mut findings = Vec::new();
    let found = shared.snapshot(Memory::At(at.us)).states_at(at.us, &mut findings);
    let standing = |entry: Entry| {
        let age_us = at.us.saturating_sub(entry.time.us);
        Standing { entry, age: Duration::from_micros(age_us.unsigned_abs()), stands: age_us < hold_us }
    };
    let points = found.into_iter().map(|(p, e)| (p, standing(e))).collect();
    States { points, findings: told_once(findings), took: begun.elapsed() }
}

/// A damaged file is met once for each point; it is told once.
pub(crate) fn told_once(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    findings.into_iter().filter(|f| seen.insert((f.code.clone(), f.message.clone()))).collect()
}

pub(crate) fn answer(shared: &Shared, query: &Query) -> Result<Answer, HistoryError> {
    let begun = Instant::now();
    let (from_us, to_us) = (query.from.us.clamp(0, TIME_END.us), query.to.us.clamp(0, TIME_END.us));
    if from_us >= to_us {
        return Err(HistoryError::EmptyRange { from_us: query.from.us, to_us: query.to.us });
    }
    if let Some(unknown) = query.points.iter().find(|p| !shared.points().knows(**p)) {
        return Err(HistoryError::UnknownPoint { id: unknown.0 });
    }
    let kept = {
        let state = shared.read();
        (state.raw_from, state.hourly_from)
    };
    let resolution = chosen(kept, query.resolution, from_us, to_us);
    let mut asked = Asked { shared, hold_us: us(shared.options.hold), now_us: query.now.us, findings: Vec::new() };
    asked.findings.extend(expired(kept, resolution, from_us));
    let series = match resolution {
        Resolution::Raw | Resolution::Auto { .. } => asked.raw(&query.points, from_us, to_us),
        Resolution::Every(width) => {
            if width.as_micros() == 0 {
                return Err(HistoryError::Options { option: "resolution", reason: "intervals need a length".into() });
            }
            asked.every(&query.points, from_us, to_us, us(width))
        }
        Resolution::Hourly => asked.summaries(&query.points, from_us, to_us, HOUR_US),
        Resolution::Daily => asked.summaries(&query.points, from_us, to_us, DAY_US),
    };
    Ok(Answer { series, resolution, findings: told_once(asked.findings), took: begun.elapsed() })
}

/// The finest resolution that is not finer than needed, and that is kept for the whole range. `kept` are the hours from which on there are raw
/// values and hourly sums.
pub(super) fn chosen(kept: (i64, i64), wanted: Resolution, from_us: i64, to_us: i64) -> Resolution {
    /// Lengths that people read easily, in seconds.
    const WIDTHS_S: [i64; 11] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
    let Resolution::Auto { values } = wanted else { return wanted };
    let width_us = (to_us - from_us) / values.max(1) as i64;
    let (raw_from, hourly_from) = (kept.0.saturating_mul(HOUR_US), kept.1.saturating_mul(HOUR_US));
    if width_us > 12 * HOUR_US || from_us < hourly_from {
        Resolution::Daily
    } else if width_us > HOUR_US / 2 || from_us < raw_from {
        Resolution::Hourly
    } else if width_us < 1_000_000 {
        Resolution::Raw
    } else {
        let width = WIDTHS_S.into_iter().find(|s| s * 1_000_000 >= width_us).unwrap_or(1800);
        Resolution::Every(Duration::from_secs(width as u64))
    }
}

/// Says that the begin of a range is kept only more coarsely.
pub(super) fn expired(kept: (i64, i64), resolution: Resolution, from_us: i64) -> Option<Diagnostic> {
    let (what, from_hour) = match resolution {
        Resolution::Daily => return None,
        Resolution::Hourly => ("hourly", kept.1),
        _ => ("raw", kept.0),
    };
    (from_us.div_euclid(HOUR_US) < from_hour).then(|| {
        Diagnostic::note("HISTORY.RANGE.EXPIRED", format!("{what} values are not kept for the whole range"))
            .detail(format!("They begin {} s after 1970.", from_hour * 3600))
            .hint("Ask for hours or days of what lies before.")
    })
}

/// What sums are made from: summaries that are clean, and the samples of the hours that have none.
struct Samples<'a> {
    snapshot: &'a Snapshot,
    clean: &'a BTreeMap<i64, RollupFile>,
    /// Hours in which a sample may stand.
    standing: &'a BTreeSet<i64>,
}

/// What answering needs at every step.
struct Asked<'a> {
    shared: &'a Shared,
    hold_us: i64,
    now_us: i64,
    findings: Vec<Diagnostic>,
}

impl Asked<'_> {
    /// A snapshot with what stands at the begin of the range.
    fn snapshot(&self, points: &[PointId], from_us: i64, to_us: i64) -> Snapshot {
        self.shared.snapshot(Memory::Range(points, from_us - self.hold_us, to_us))
    }

    fn raw(&mut self, points: &[PointId], from_us: i64, to_us: i64) -> Vec<Series> {
        let snapshot = self.snapshot(points, from_us, to_us);
        let series = |point: &PointId| {
            let before = snapshot.before(*point, from_us, self.hold_us, &mut self.findings);
            let entries = snapshot.range(*point, from_us, to_us, &mut self.findings);
            let end = to_us.min(self.now_us).max(from_us);
            let gaps = gaps(before.as_ref(), &entries, from_us, end, self.hold_us);
            Series { point: *point, rows: Rows::Raw(entries), gaps }
        };
        points.iter().map(series).collect()
    }

    fn every(&mut self, points: &[PointId], from_us: i64, to_us: i64, width_us: i64) -> Vec<Series> {
        let (from_us, to_us) = widened(from_us, to_us, width_us);
        let snapshot = self.snapshot(points, from_us, to_us);
        let series = |point: &PointId| {
            let before = snapshot.before(*point, from_us, self.hold_us, &mut self.findings);
            let entries = snapshot.range(*point, from_us, to_us, &mut self.findings);
            let rows = buckets(before.as_ref(), &entries, from_us, to_us, width_us, self.hold_us, self.now_us);
            Series { point: *point, rows: Rows::Buckets(rows), gaps: Vec::new() }
        };
        points.iter().map(series).collect()
    }

    /// Hours or days: from their summaries where these say what the samples say, else from the samples.
    fn summaries(&mut self, points: &[PointId], from_us: i64, to_us: i64, width_us: i64) -> Vec<Series> {
        let (from_us, to_us) = widened(from_us, to_us, width_us);
        // Which files are clean, and the samples of those that are not, have to be of one moment.
        let (hours, days, snapshot, standing) = {
            let state = self.shared.read();
            // A value stands for an hour at most, so beyond the hour after its own there is nothing of it.
            let standing: BTreeSet<i64> = state.hours().into_iter().flat_map(|h| [h, h + 1]).collect();
            let hours: BTreeMap<i64, RollupFile> = (from_us / HOUR_US..to_us / HOUR_US)
                .filter(|h| state.hourly.contains_key(h))
                .filter_map(|h| state.clean_hour(h).map(|f| (h, f.clone())))
                .collect();
            let days: BTreeMap<i64, RollupFile> =
                (from_us / DAY_US..(to_us + DAY_US - 1) / DAY_US).filter_map(|d| state.clean_day(d).map(|f| (d, f.clone()))).collect();
            (hours, days, Snapshot::of(&state, Memory::Range(points, from_us - self.hold_us, to_us)), standing)
        };
        let from = Samples { snapshot: &snapshot, clean: &hours, standing: &standing };
        let mut found = Vec::new();
        for point in points {
            let mut rows = Vec::new();
            if width_us == HOUR_US {
                for hour in from_us / HOUR_US..to_us / HOUR_US {
                    rows.extend(self.hour(&from, *point, hour));
                }
            } else {
                for day in from_us / DAY_US..to_us / DAY_US {
                    rows.extend(self.day(&from, days.get(&day), *point, day));
                }
            }
            found.push(Series { point: *point, rows: Rows::Buckets(rows), gaps: Vec::new() });
        }
        found
    }

    fn read(&mut self, file: &RollupFile, point: PointId) -> Option<Option<Bucket>> {
        match file.find(point) {
            Ok(found) => Some(found),
            Err(e) => {
                self.findings.push(e.diagnostic());
                None
            }
        }
    }

    fn hour(&mut self, from: &Samples<'_>, point: PointId, hour: i64) -> Option<Bucket> {
        if let Some(found) = from.clean.get(&hour).and_then(|file| self.read(file, point)) {
            return found;
        }
        if !from.standing.contains(&hour) {
            return None;
        }
        let snapshot = from.snapshot;
        let (from_us, to_us) = (hour * HOUR_US, (hour + 1) * HOUR_US);
        let before = snapshot.before(point, from_us, self.hold_us, &mut self.findings);
        let entries = snapshot.range(point, from_us, to_us, &mut self.findings);
        buckets(before.as_ref(), &entries, from_us, to_us, HOUR_US, self.hold_us, self.now_us).pop()
    }

    fn day(&mut self, from: &Samples<'_>, file: Option<&RollupFile>, point: PointId, day: i64) -> Option<Bucket> {
        if let Some(found) = file.and_then(|file| self.read(file, point)) {
            return found;
        }
        let hours = (day * DAY_HOURS..(day + 1) * DAY_HOURS).filter_map(|h| self.hour(from, point, h));
        sum_of_hours(day, hours)
    }
}

/// A day from its hours, by time.
pub(crate) fn sum_of_hours(day: i64, hours: impl Iterator<Item = Bucket>) -> Option<Bucket> {
    hours
        .reduce(|mut sum, hour| {
            sum.add(&hour);
            sum
        })
        .map(|sum| Bucket { start: UtcTime::from_us(day * DAY_US), width_us: DAY_US, ..sum })
}

/// A range widened to whole intervals.
pub(super) fn widened(from_us: i64, to_us: i64, width_us: i64) -> (i64, i64) {
    (from_us / width_us * width_us, (to_us + width_us - 1) / width_us * width_us)
}

impl super::History {
    /// Raw values of a point, an hour at a time, so that a range of any length takes little memory.
    pub fn stream(&self, point: PointId, from: UtcTime, to: UtcTime) -> impl Iterator<Item = (Vec<Entry>, Vec<Diagnostic>)> + '_ {
        let (from_us, to_us) = (from.us.max(0), to.us.min(TIME_END.us));
        let hours: Vec<i64> = self.shared.read().hours().into_iter().collect();
        hours.into_iter().filter_map(move |hour| {
            let (start, end) = ((hour * HOUR_US).max(from_us), ((hour + 1) * HOUR_US).min(to_us));
            if start >= end {
                return None;
            }
            let mut findings = Vec::new();
            let snapshot = self.shared.snapshot(Memory::Range(&[point], start, end));
            let entries = snapshot.range(point, start, end, &mut findings);
            (!entries.is_empty() || !findings.is_empty()).then_some((entries, findings))
        })
    }
}
