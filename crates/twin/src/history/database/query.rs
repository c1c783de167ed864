//! Questions, answered with rows of the database and the arithmetic of the embedded history.

use super::cells::{self, Cells};
use super::line::Line;
use super::writer::severity_number;
use super::{EPOCH, Kept, Shared};
use crate::history::event::{Event, EventFilter, EventPage, Page, RecordedEvent};
use crate::history::options::us;
use crate::history::query::{Answer, Query, Resolution, Rows, Series, Standing, States, chosen, expired, sum_of_hours, widened};
use crate::history::rollup::{Bucket, Newest, buckets, gaps};
use crate::history::sample::{Entry, PointId, TIME_END, quality_from_bits};
use crate::history::{DAY_HOURS, DAY_US, HOUR_US, HistoryError};
use network::Diagnostic;
use scada::UtcTime;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Columns of a sample as [`Cells`].
const SAMPLE: &str = "point, (extract(epoch FROM time) * 1000000)::int8, kind, quality, number, whole, extra, text";
/// Events that are looked through at once.
const EVENTS: i64 = 2_000;

/// Samples of points, each by time.
type ByPoint = HashMap<PointId, Vec<Entry>>;

fn ids(points: &[PointId]) -> Vec<i32> {
    points.iter().map(|p| p.0 as i32).collect()
}

fn grouped(rows: Vec<Cells>) -> ByPoint {
    let mut found = ByPoint::new();
    for sample in rows.into_iter().filter_map(cells::sample) {
        found.entry(sample.point).or_default().push(sample.entry);
    }
    found
}

/// Samples from the first instant on and before the second; those that were carried on from raw values that are gone, too.
pub(super) async fn samples(c: &mut PgConnection, points: &[PointId], from_us: i64, to_us: i64) -> Result<ByPoint, sqlx::Error> {
    let one = |table: &str| {
        format!(
            "SELECT {SAMPLE} FROM {table} WHERE point = ANY($1) AND time >= {EPOCH} + $2 * interval '1 microsecond' \
             AND time < {EPOCH} + $3 * interval '1 microsecond'"
        )
    };
    let mut carried: Vec<Cells> =
        sqlx::query_as(AssertSqlSafe(one("twin_last"))).bind(ids(points)).bind(from_us).bind(to_us).fetch_all(&mut *c).await?;
    let sql = format!("{} ORDER BY point, time", one("twin_samples"));
    let rows: Vec<Cells> = sqlx::query_as(AssertSqlSafe(sql)).bind(ids(points)).bind(from_us).bind(to_us).fetch_all(&mut *c).await?;
    // What is carried is older than every raw value of its point.
    carried.extend(rows);
    Ok(grouped(carried))
}

/// The last sample of every point at or before an instant.
pub(super) async fn newest(c: &mut PgConnection, at_us: i64) -> Result<HashMap<PointId, Entry>, sqlx::Error> {
    let until = format!("time <= {EPOCH} + $1 * interval '1 microsecond'");
    let carried: Vec<Cells> =
        sqlx::query_as(AssertSqlSafe(format!("SELECT {SAMPLE} FROM twin_last WHERE {until}"))).bind(at_us).fetch_all(&mut *c).await?;
    let sql = format!(
        "SELECT s.* FROM twin_points p CROSS JOIN LATERAL \
         (SELECT {SAMPLE} FROM twin_samples WHERE point = p.id AND {until} ORDER BY time DESC LIMIT 1) s"
    );
    let rows: Vec<Cells> = sqlx::query_as(AssertSqlSafe(sql)).bind(at_us).fetch_all(&mut *c).await?;
    Ok(carried.into_iter().chain(rows).filter_map(cells::sample).map(|s| (s.point, s.entry)).collect())
}

/// Where a range of samples, the one before it among them, is cut into what stands at its begin and what lies in it.
fn cut(entries: &[Entry], from_us: i64, to_us: i64) -> (Option<&Entry>, &[Entry]) {
    let first = entries.partition_point(|e| e.time.us < from_us);
    let end = entries.partition_point(|e| e.time.us < to_us);
    (first.checked_sub(1).map(|i| &entries[i]), &entries[first..end])
}

pub(super) fn answer(shared: &Shared, line: &mut Line, query: &Query) -> Result<Answer, HistoryError> {
    let begun = Instant::now();
    let (from_us, to_us) = (query.from.us.clamp(0, TIME_END.us), query.to.us.clamp(0, TIME_END.us));
    if from_us >= to_us {
        return Err(HistoryError::EmptyRange { from_us: query.from.us, to_us: query.to.us });
    }
    let Kept { raw_from, hourly_from } = shared.kept();
    let resolution = chosen((raw_from, hourly_from), query.resolution, from_us, to_us);
    let findings: Vec<Diagnostic> = expired((raw_from, hourly_from), resolution, from_us).into_iter().collect();
    let hold_us = us(shared.options.hold);
    let (points, now_us) = (&query.points[..], query.now.us);
    let series = match resolution {
        Resolution::Raw | Resolution::Auto { .. } => {
            let found = line.run("read from", async |c| samples(c, points, from_us - hold_us + 1, to_us).await)?;
            let of = |point: &PointId| {
                let all = found.get(point).map_or(&[][..], Vec::as_slice);
                let (before, entries) = cut(all, from_us, to_us);
                let end = to_us.min(now_us).max(from_us);
                let gaps = gaps(before, entries, from_us, end, hold_us);
                Series { point: *point, rows: Rows::Raw(entries.to_vec()), gaps }
            };
            points.iter().map(of).collect()
        }
        Resolution::Every(width) => {
            if width.as_micros() == 0 {
                return Err(HistoryError::Options { option: "resolution", reason: "intervals need a length".into() });
            }
            let width_us = us(width);
            let (from_us, to_us) = widened(from_us, to_us, width_us);
            let found = line.run("read from", async |c| samples(c, points, from_us - hold_us + 1, to_us).await)?;
            let of = |point: &PointId| {
                let all = found.get(point).map_or(&[][..], Vec::as_slice);
                let (before, entries) = cut(all, from_us, to_us);
                let rows = buckets(before, entries, from_us, to_us, width_us, hold_us, now_us);
                Series { point: *point, rows: Rows::Buckets(rows), gaps: Vec::new() }
            };
            points.iter().map(of).collect()
        }
        Resolution::Hourly => line.run("read from", async |c| summaries(c, points, from_us, to_us, HOUR_US, hold_us, now_us).await)?,
        Resolution::Daily => line.run("read from", async |c| summaries(c, points, from_us, to_us, DAY_US, hold_us, now_us).await)?,
    };
    Ok(Answer { series, resolution, findings, took: begun.elapsed() })
}

/// Columns of a sum: point, start, counts, times, integral, least, greatest, the last one's time, value and quality.
type SumCells = (i32, i64, i64, i64, i64, i64, f64, Option<f64>, Option<f64>, Option<i64>, Option<f64>, Option<i32>);

fn bucket(cells: SumCells, width_us: i64) -> Option<(PointId, Bucket)> {
    let (point, start, count, count_good, covered_us, good_us, integral, min, max, last_time, last_value, last_quality) = cells;
    let last = match (last_time, last_quality) {
        (Some(us), Some(bits)) => Some(Newest { time: UtcTime::from_us(us), value: last_value, quality: quality_from_bits(bits as u32)? }),
        _ => None,
    };
    let (start, count, count_good) = (UtcTime::from_us(start), count.max(0) as u64, count_good.max(0) as u64);
    Some((
        PointId(u32::try_from(point).ok()?),
        Bucket { start, width_us, count, count_good, covered_us, good_us, integral, min, max, last },
    ))
}

/// Sums of a table whose hour or day is summed up as the samples are, by point and start.
async fn sums(
    c: &mut PgConnection,
    points: Option<&[PointId]>,
    from_us: i64,
    to_us: i64,
    width_us: i64,
) -> Result<BTreeMap<(PointId, i64), Bucket>, sqlx::Error> {
    let (table, of, column) = if width_us == HOUR_US { ("twin_hourly", "twin_hours", "hour") } else { ("twin_daily", "twin_days", "day") };
    let which = if points.is_some() { "r.point = ANY($3)" } else { "$3::int4[] IS NULL" };
    let sql = format!(
        "SELECT r.point, (extract(epoch FROM r.start) * 1000000)::int8, r.count, r.count_good, r.covered_us, r.good_us, r.integral, r.min, \
         r.max, (extract(epoch FROM r.last_time) * 1000000)::int8, r.last_value, r.last_quality FROM {table} r \
         JOIN {of} h ON h.{column} = r.start AND h.summed \
         WHERE r.start >= {EPOCH} + $1 * interval '1 microsecond' AND r.start < {EPOCH} + $2 * interval '1 microsecond' AND {which}"
    );
    let rows: Vec<SumCells> = sqlx::query_as(AssertSqlSafe(sql)).bind(from_us).bind(to_us).bind(points.map(ids)).fetch_all(c).await?;
    Ok(rows.into_iter().filter_map(|r| bucket(r, width_us)).map(|(p, b)| ((p, b.start.us), b)).collect())
}

/// Hours or days in a range in which something stands: those that are summed up, and those that are not.
async fn marks(c: &mut PgConnection, from_us: i64, to_us: i64, width_us: i64) -> Result<(BTreeSet<i64>, BTreeSet<i64>), sqlx::Error> {
    let (table, column) = if width_us == HOUR_US { ("twin_hours", "hour") } else { ("twin_days", "day") };
    let sql = format!(
        "SELECT (extract(epoch FROM {column}) * 1000000)::int8, summed FROM {table} \
         WHERE {column} >= {EPOCH} + $1 * interval '1 microsecond' AND {column} < {EPOCH} + $2 * interval '1 microsecond'"
    );
    let rows: Vec<(i64, bool)> = sqlx::query_as(AssertSqlSafe(sql)).bind(from_us).bind(to_us).fetch_all(c).await?;
    let of = |wanted: bool| rows.iter().filter(|(_, summed)| *summed == wanted).map(|(us, _)| us / width_us).collect();
    Ok((of(true), of(false)))
}

/// Hours or days: from their sums where these are of the samples as they are, else from the samples. All of one state of the database.
async fn summaries(
    c: &mut PgConnection,
    points: &[PointId],
    from_us: i64,
    to_us: i64,
    width_us: i64,
    hold_us: i64,
    now_us: i64,
) -> Result<Vec<Series>, sqlx::Error> {
    let (from_us, to_us) = widened(from_us, to_us, width_us);
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *c).await?;
    let (_, open_hours) = marks(c, from_us, to_us, HOUR_US).await?;
    let hourly = sums(c, Some(points), from_us, to_us, HOUR_US).await?;
    let (summed_days, daily) = if width_us == DAY_US {
        (marks(c, from_us, to_us, DAY_US).await?.0, sums(c, Some(points), from_us, to_us, DAY_US).await?)
    } else {
        (BTreeSet::new(), BTreeMap::new())
    };
    // Hours that are next to each other are read together.
    let mut open: BTreeMap<(PointId, i64), Bucket> = BTreeMap::new();
    let needed: Vec<i64> = open_hours.into_iter().filter(|h| !summed_days.contains(&h.div_euclid(DAY_HOURS))).collect();
    for run in needed.chunk_by(|a, b| a + 1 == *b) {
        let (a, b) = (run[0] * HOUR_US, (run[run.len() - 1] + 1) * HOUR_US);
        let found = samples(c, points, a - hold_us + 1, b).await?;
        for (point, all) in &found {
            let (before, entries) = cut(all, a, b);
            for bucket in buckets(before, entries, a, b, HOUR_US, hold_us, now_us) {
                open.insert((*point, bucket.start.us), bucket);
            }
        }
    }
    sqlx::query("COMMIT").execute(&mut *c).await?;
    let hour = |point: PointId, hour: i64| {
        let key = (point, hour * HOUR_US);
        open.get(&key).or_else(|| hourly.get(&key)).copied()
    };
    let of = |point: &PointId| {
        let rows: Vec<Bucket> = if width_us == HOUR_US {
            (from_us / HOUR_US..to_us / HOUR_US).filter_map(|h| hour(*point, h)).collect()
        } else {
            (from_us / DAY_US..to_us / DAY_US)
                .filter_map(|d| {
                    if summed_days.contains(&d) {
                        return daily.get(&(*point, d * DAY_US)).copied();
                    }
                    sum_of_hours(d, (d * DAY_HOURS..(d + 1) * DAY_HOURS).filter_map(|h| hour(*point, h)))
                })
                .collect()
        };
        Series { point: *point, rows: Rows::Buckets(rows), gaps: Vec::new() }
    };
    Ok(points.iter().map(of).collect())
}

/// Sums of every point over a range that is summed up, for the days made of them.
pub(super) async fn hours_of(c: &mut PgConnection, from_us: i64, to_us: i64) -> Result<BTreeMap<(PointId, i64), Bucket>, sqlx::Error> {
    sums(c, None, from_us, to_us, HOUR_US).await
}

pub(super) fn states_at(shared: &Shared, line: &mut Line, at: UtcTime) -> Result<States, HistoryError> {
    let begun = Instant::now();
    let hold_us = us(shared.options.hold);
    let found = line.run("read from", async |c| newest(c, at.us.clamp(0, TIME_END.us)).await)?;
    let standing = |entry: Entry| {
        let age_us = at.us.saturating_sub(entry.time.us);
        Standing { entry, age: Duration::from_micros(age_us.unsigned_abs()), stands: age_us < hold_us }
    };
    let points = found.into_iter().map(|(p, e)| (p, standing(e))).collect();
    Ok(States { points, findings: Vec::new(), took: begun.elapsed() })
}

/// A page of events. What columns can decide is decided there; words and fields are looked for as the embedded history does.
pub(super) fn events(line: &mut Line, filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError> {
    let (mut at, limit, ascends) = match page {
        Page::After { sequence, limit } => (i64::try_from(sequence).unwrap_or(i64::MAX), limit, true),
        Page::Before { sequence, limit } => (i64::try_from(sequence).unwrap_or(i64::MAX), limit, false),
    };
    let (beyond, order) = if ascends { (">", "ASC") } else { ("<", "DESC") };
    let sql = format!(
        "SELECT sequence, record FROM twin_events WHERE sequence {beyond} $1 \
         AND ($2::int8 IS NULL OR time >= {EPOCH} + $2 * interval '1 microsecond') \
         AND ($3::int8 IS NULL OR time < {EPOCH} + $3 * interval '1 microsecond') \
         AND ($4::text[] IS NULL OR kind = ANY($4)) AND ($5::int2 IS NULL OR severity >= $5) AND ($6::text IS NULL OR subject = $6) \
         ORDER BY sequence {order} LIMIT $7"
    );
    let mut found = EventPage::default();
    // A limit that finds a little is not read a thousand times over.
    let mut at_once = (limit as i64).saturating_add(1).clamp(1, EVENTS);
    loop {
        let kinds = (!filter.kinds.is_empty()).then(|| filter.kinds.iter().map(|k| cells::plain(k)).collect::<Vec<_>>());
        let rows: Vec<(i64, String)> = line.run("read from", async |c| {
            sqlx::query_as(AssertSqlSafe(sql.clone()))
                .bind(at)
                .bind(filter.from.map(|t| t.us))
                .bind(filter.to.map(|t| t.us))
                .bind(kinds)
                .bind(filter.severity.map(severity_number))
                .bind(filter.subject.as_deref().map(cells::plain))
                .bind(at_once)
                .fetch_all(c)
                .await
        })?;
        let is_end = (rows.len() as i64) < at_once;
        for (sequence, record) in rows {
            at = sequence;
            let Ok(event) = serde_json::from_str::<Event>(&record) else {
                let what = format!("event {sequence} cannot be read: its record is no event");
                found.findings.push(Diagnostic::error("HISTORY.DATABASE.RECORD", what).hint("Put the row back from a backup."));
                continue;
            };
            if !filter.matches(&event) {
                continue;
            }
            if found.events.len() == limit {
                found.more = true;
                return Ok(found);
            }
            found.events.push(RecordedEvent { sequence: sequence as u64, event });
        }
        if is_end {
            return Ok(found);
        }
        at_once = EVENTS;
    }
}
