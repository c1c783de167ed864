//! What is done as time goes on: sums of hours and days, and what is past its time goes.
//!
//! An hour is summed up in the transaction that marks it as summed, under a lock of its mark, so that a sample that comes meanwhile either is
//! in the sum or takes the mark away again. Raw values go by whole days, when all their hours and the one after them are summed; the last of
//! each point is carried on first.

use super::line::Line;
use super::{EPOCH, Kept, Shared, lock, query, set_meta};
use crate::history::maintain::Maintained;
use crate::history::options::us;
use crate::history::query::sum_of_hours;
use crate::history::rollup::{Bucket, buckets};
use crate::history::sample::{PointId, quality_bits};
use crate::history::{DAY_HOURS, DAY_US, HOUR_US, HistoryError};
use scada::UtcTime;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeMap;

/// Points whose samples of an hour are in memory at once.
const POINTS: i32 = 200;
/// Sums of one statement.
const STATEMENT: usize = 5_000;

pub(super) fn maintain(shared: &Shared, line: &mut Line, now: UtcTime) -> Result<Maintained, HistoryError> {
    let mut done = Maintained::default();
    let over = (now.us - us(shared.options.grace)).div_euclid(HOUR_US);
    let hold_us = us(shared.options.hold);
    let raw_from = shared.kept().raw_from;
    let due = line.run("read from", async |c| {
        let sql = format!(
            "SELECT (extract(epoch FROM hour) / 3600)::int8 FROM twin_hours WHERE NOT summed \
             AND hour < {EPOCH} + $1 * interval '1 microsecond' ORDER BY hour"
        );
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(over * HOUR_US).fetch_all(c).await
    })?;
    for hour in due.into_iter().filter(|h| *h >= raw_from) {
        line.run("sum up in", async |c| sum_hour(c, hour, hold_us).await)?;
        done.hours_summed += 1;
    }
    let days = line.run("read from", async |c| {
        let sql = format!(
            "SELECT (extract(epoch FROM d.day) / 86400)::int8 FROM twin_days d WHERE NOT d.summed \
             AND d.day < {EPOCH} + $1 * interval '1 microsecond' \
             AND NOT EXISTS (SELECT 1 FROM twin_hours h WHERE NOT h.summed AND h.hour >= d.day AND h.hour < d.day + interval '1 day') \
             ORDER BY d.day"
        );
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(over.div_euclid(DAY_HOURS) * DAY_US).fetch_all(c).await
    })?;
    let hourly_from = shared.kept().hourly_from;
    for day in days.into_iter().filter(|d| d * DAY_HOURS >= hourly_from) {
        let has_rows = line.run("sum up in", async |c| sum_day(c, day).await)?;
        done.days_summed += usize::from(has_rows);
    }
    remove_raw(shared, line, now, &mut done)?;
    remove_sums(shared, line, now, &mut done)?;
    Ok(done)
}

async fn sum_hour(c: &mut PgConnection, hour: i64, hold_us: i64) -> Result<(), sqlx::Error> {
    let (from_us, to_us) = (hour * HOUR_US, (hour + 1) * HOUR_US);
    sqlx::query("BEGIN").execute(&mut *c).await?;
    let mark = format!("UPDATE twin_hours SET summed = true WHERE hour = {EPOCH} + $1 * interval '1 microsecond'");
    sqlx::query(AssertSqlSafe(mark)).bind(from_us).execute(&mut *c).await?;
    let delete = format!("DELETE FROM twin_hourly WHERE start = {EPOCH} + $1 * interval '1 microsecond'");
    sqlx::query(AssertSqlSafe(delete)).bind(from_us).execute(&mut *c).await?;
    let points: i32 = sqlx::query_scalar("SELECT coalesce(max(id), -1) + 1 FROM twin_points").fetch_one(&mut *c).await?;
    for first in (0..points).step_by(POINTS as usize) {
        let some: Vec<PointId> = (first..points.min(first + POINTS)).map(|i| PointId(i as u32)).collect();
        let found = query::samples(c, &some, from_us - hold_us + 1, to_us).await?;
        let mut rows: Vec<(PointId, Bucket)> = Vec::new();
        for point in some {
            let Some(all) = found.get(&point) else { continue };
            let at = all.partition_point(|e| e.time.us < from_us);
            let before = at.checked_sub(1).map(|i| &all[i]);
            // The hour is over: what stands in it does so whatever the time is now.
            let summed = buckets(before, &all[at..], from_us, to_us, HOUR_US, hold_us, i64::MAX);
            rows.extend(summed.into_iter().map(|b| (point, b)));
        }
        insert(c, "twin_hourly", &rows).await?;
    }
    sqlx::query("COMMIT").execute(&mut *c).await.map(|_| ())
}

/// Whether anything stood on the day.
async fn sum_day(c: &mut PgConnection, day: i64) -> Result<bool, sqlx::Error> {
    let (from_us, to_us) = (day * DAY_US, (day + 1) * DAY_US);
    sqlx::query("BEGIN").execute(&mut *c).await?;
    let mark = format!("UPDATE twin_days SET summed = true WHERE day = {EPOCH} + $1 * interval '1 microsecond'");
    sqlx::query(AssertSqlSafe(mark)).bind(from_us).execute(&mut *c).await?;
    let delete = format!("DELETE FROM twin_daily WHERE start = {EPOCH} + $1 * interval '1 microsecond'");
    sqlx::query(AssertSqlSafe(delete)).bind(from_us).execute(&mut *c).await?;
    let mut by_point: BTreeMap<PointId, Vec<Bucket>> = BTreeMap::new();
    for ((point, _), bucket) in query::hours_of(c, from_us, to_us).await? {
        by_point.entry(point).or_default().push(bucket);
    }
    let rows: Vec<_> = by_point.into_iter().filter_map(|(p, b)| sum_of_hours(day, b.into_iter()).map(|s| (p, s))).collect();
    insert(c, "twin_daily", &rows).await?;
    sqlx::query("COMMIT").execute(&mut *c).await?;
    Ok(!rows.is_empty())
}

async fn insert(c: &mut PgConnection, table: &str, rows: &[(PointId, Bucket)]) -> Result<(), sqlx::Error> {
    for part in rows.chunks(STATEMENT) {
        let sql = format!(
            "INSERT INTO {table} (point, start, count, count_good, covered_us, good_us, integral, min, max, last_time, last_value, last_quality) \
             SELECT p, {EPOCH} + us * interval '1 microsecond', n, g, c, w, i, a, b, {EPOCH} + t * interval '1 microsecond', v, q \
             FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::float8[], $8::float8[], $9::float8[], \
             $10::int8[], $11::float8[], $12::int4[]) AS u (p, us, n, g, c, w, i, a, b, t, v, q)"
        );
        let whole = |f: fn(&Bucket) -> i64| part.iter().map(|(_, b)| f(b)).collect::<Vec<i64>>();
        let real = |f: fn(&Bucket) -> Option<f64>| part.iter().map(|(_, b)| f(b)).collect::<Vec<Option<f64>>>();
        sqlx::query(AssertSqlSafe(sql))
            .bind(part.iter().map(|(p, _)| p.0 as i32).collect::<Vec<i32>>())
            .bind(whole(|b| b.start.us))
            .bind(whole(|b| b.count as i64))
            .bind(whole(|b| b.count_good as i64))
            .bind(whole(|b| b.covered_us))
            .bind(whole(|b| b.good_us))
            .bind(part.iter().map(|(_, b)| b.integral).collect::<Vec<f64>>())
            .bind(real(|b| b.min))
            .bind(real(|b| b.max))
            .bind(part.iter().map(|(_, b)| b.last.map(|l| l.time.us)).collect::<Vec<Option<i64>>>())
            .bind(real(|b| b.last.and_then(|l| l.value)))
            .bind(part.iter().map(|(_, b)| b.last.map(|l| quality_bits(l.quality) as i32)).collect::<Vec<Option<i32>>>())
            .execute(&mut *c)
            .await?;
    }
    Ok(())
}

/// Removes days of raw values that are past their time, once every hour of theirs and the one after them is summed.
fn remove_raw(shared: &Shared, line: &mut Line, now: UtcTime, done: &mut Maintained) -> Result<(), HistoryError> {
    // An hour more than is promised, as the embedded history keeps it.
    let until_hour = (now.us - us(shared.options.retention.raw)).div_euclid(HOUR_US) - 1;
    let until_day = until_hour.div_euclid(DAY_HOURS);
    let Kept { raw_from, hourly_from } = shared.kept();
    if until_day * DAY_HOURS <= raw_from {
        return Ok(());
    }
    let until_us = until_day * DAY_US;
    let is_partitioned = shared.is_partitioned;
    let hours = line.run("remove from", async |c| {
        sqlx::query("BEGIN").execute(&mut *c).await?;
        let open = format!(
            "SELECT (extract(epoch FROM min(hour)) / 3600)::int8 FROM twin_hours WHERE NOT summed AND hour <= {EPOCH} + $1 * interval '1 microsecond'"
        );
        let first_open: Option<i64> = sqlx::query_scalar(AssertSqlSafe(open)).bind(until_us).fetch_one(&mut *c).await?;
        // What is not summed up stays, and the day before it, into whose last hour it looks back.
        let day = first_open.map_or(until_day, |h| (h - 1).div_euclid(DAY_HOURS).min(until_day));
        let us = day * DAY_US;
        let gone = format!("SELECT count(*) FROM twin_hours WHERE hour < {EPOCH} + $1 * interval '1 microsecond' AND hour >= {EPOCH} + $2 * interval '1 microsecond'");
        let from_us = raw_from.max(0) * HOUR_US;
        let hours: i64 = sqlx::query_scalar(AssertSqlSafe(gone)).bind(us).bind(from_us).fetch_one(&mut *c).await?;
        let carry = format!(
            "INSERT INTO twin_last SELECT DISTINCT ON (point) point, time, kind, quality, number, whole, extra, text FROM twin_samples \
             WHERE time < {EPOCH} + $1 * interval '1 microsecond' ORDER BY point, time DESC \
             ON CONFLICT (point) DO UPDATE SET time = excluded.time, kind = excluded.kind, quality = excluded.quality, \
             number = excluded.number, whole = excluded.whole, extra = excluded.extra, text = excluded.text \
             WHERE excluded.time >= twin_last.time"
        );
        sqlx::query(AssertSqlSafe(carry)).bind(us).execute(&mut *c).await?;
        if is_partitioned {
            let names: Vec<String> = sqlx::query_scalar(
                "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'twin_samples'::regclass",
            )
            .fetch_all(&mut *c)
            .await?;
            for name in names {
                let number = name.strip_prefix("twin_samples_").and_then(|n| n.parse::<i64>().ok());
                if number.is_some_and(|n| n < day) {
                    sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut *c).await?;
                }
            }
        } else {
            let sql = format!("SELECT drop_chunks('twin_samples', older_than => {EPOCH} + $1 * interval '1 microsecond')");
            sqlx::query(AssertSqlSafe(sql)).bind(us).fetch_all(&mut *c).await?;
        }
        set_meta(c, "raw_from", &(day * DAY_HOURS).to_string()).await?;
        sqlx::query("COMMIT").execute(&mut *c).await?;
        Ok((day * DAY_HOURS, hours))
    })?;
    let (raw_from_now, removed) = hours;
    *lock(&shared.kept) = Kept { raw_from: raw_from_now.max(raw_from), hourly_from };
    done.raw_hours_removed += removed.max(0) as usize;
    Ok(())
}

/// Removes sums that are past their time: hours by whole days, once the day is summed.
fn remove_sums(shared: &Shared, line: &mut Line, now: UtcTime, done: &mut Maintained) -> Result<(), HistoryError> {
    let Kept { raw_from, hourly_from } = shared.kept();
    let hourly_day = (now.us - us(shared.options.retention.hourly)).div_euclid(DAY_US).min(raw_from.max(0).div_euclid(DAY_HOURS));
    let daily_day = (now.us - us(shared.options.retention.daily)).div_euclid(DAY_US);
    let (kept_from, hours, days) = line.run("remove from", async |c| {
        sqlx::query("BEGIN").execute(&mut *c).await?;
        let open = format!(
            "SELECT (extract(epoch FROM min(day)) / 86400)::int8 FROM twin_days WHERE NOT summed AND day < {EPOCH} + $1 * interval '1 microsecond'"
        );
        let first_open: Option<i64> = sqlx::query_scalar(AssertSqlSafe(open)).bind(hourly_day * DAY_US).fetch_one(&mut *c).await?;
        let until = first_open.map_or(hourly_day, |d| d.min(hourly_day));
        let hours = format!("DELETE FROM twin_hours WHERE hour < {EPOCH} + $1 * interval '1 microsecond'");
        let hours = sqlx::query(AssertSqlSafe(hours)).bind(until * DAY_US).execute(&mut *c).await?.rows_affected();
        let rows = format!("DELETE FROM twin_hourly WHERE start < {EPOCH} + $1 * interval '1 microsecond'");
        sqlx::query(AssertSqlSafe(rows)).bind(until * DAY_US).execute(&mut *c).await?;
        let days = format!("DELETE FROM twin_days WHERE day < {EPOCH} + $1 * interval '1 microsecond'");
        let days = sqlx::query(AssertSqlSafe(days)).bind(daily_day * DAY_US).execute(&mut *c).await?.rows_affected();
        let rows = format!("DELETE FROM twin_daily WHERE start < {EPOCH} + $1 * interval '1 microsecond'");
        sqlx::query(AssertSqlSafe(rows)).bind(daily_day * DAY_US).execute(&mut *c).await?;
        let kept_from = if hours > 0 { (until * DAY_HOURS).max(hourly_from) } else { hourly_from };
        if kept_from != hourly_from {
            set_meta(c, "hourly_from", &kept_from.to_string()).await?;
        }
        sqlx::query("COMMIT").execute(&mut *c).await?;
        Ok((kept_from, hours, days))
    })?;
    *lock(&shared.kept) = Kept { raw_from, hourly_from: kept_from };
    done.hourly_removed += hours as usize;
    done.daily_removed += days as usize;
    Ok(())
}
