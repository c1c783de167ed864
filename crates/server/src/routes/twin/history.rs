//! Recorded values over a range of time.

use super::Pairs;
use crate::access::Viewer;
use crate::follow::{of_history, wire};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Query, State};
use network::document::nearest;
use scada::UtcTime;
use scada::point::Validity;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use twin::history::{Answer, Bucket, Entry, Historian, PointEntry, Query as Asked, Resolution, Rows};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Points of one question at most.
const POINTS_MAX: usize = 20;
/// Values that `auto` aims at, a point.
const AUTO: usize = 1_000;
/// Rows of an answer at most, all points together.
const ROWS_MAX: i64 = 500_000;
/// The range without one, ms.
const USUAL_MS: i64 = 3_600_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(values))
}

/// A word of resolution, and the width of its rows, ms; of raw values what a point told every second would have.
fn resolution(word: &str) -> (Resolution, i64) {
    match word {
        "raw" => (Resolution::Raw, 1_000),
        "second" => (Resolution::SECOND, 1_000),
        "minute" => (Resolution::Every(Duration::from_secs(60)), 60_000),
        "hour" => (Resolution::Hourly, 3_600_000),
        "day" => (Resolution::Daily, 86_400_000),
        _ => (Resolution::Auto { values: AUTO }, 0),
    }
}

const WORDS: [&str; 6] = ["raw", "second", "minute", "hour", "day", "auto"];

fn word_of(resolution: Resolution) -> String {
    match resolution {
        Resolution::Raw => "raw".into(),
        Resolution::Hourly => "hour".into(),
        Resolution::Daily => "day".into(),
        Resolution::Auto { .. } => "auto".into(),
        Resolution::Every(width) => match width.as_secs() {
            1 => "second".into(),
            60 => "minute".into(),
            s => format!("{s} s"),
        },
    }
}

/// What was recorded of points of these names, over a range; for this and other modules. A name that was never recorded is refused.
///
/// # Errors
/// No such point in the history; a history that cannot be read.
pub(in crate::routes) fn recorded(
    history: &dyn Historian,
    names: &[String],
    (from_ms, to_ms): (i64, i64),
    resolution: Resolution,
) -> Result<(Vec<PointEntry>, Answer), Problem> {
    let all = history.points();
    let by_name: HashMap<String, &PointEntry> = all.iter().map(|p| (p.name.to_lowercase(), p)).collect();
    let mut points = Vec::new();
    for name in names {
        let Some(point) = by_name.get(&name.to_lowercase()) else {
            let known: Vec<&str> = all.iter().map(|p| p.name.as_str()).collect();
            let near = nearest(name, &known).map_or_else(String::new, |n| format!(" The nearest is \"{n}\"."));
            let name: String = name.chars().take(200).collect();
            return Err(Problem::not_found(format!("Nothing is recorded of \"{name}\""))
                .code("TWIN.HISTORY.UNKNOWN_POINT")
                .detail(format!("No point of this name was ever recorded.{near}"))
                .hint("GET /api/twin/points lists the points of devices; docs/twin.md what the twin records of its own.")
                .field("point"));
        };
        points.push((*point).clone());
    }
    let ids = points.iter().map(|p| p.id).collect();
    let asked = Asked { points: ids, from: UtcTime::from_ms(from_ms), to: UtcTime::from_ms(to_ms), resolution, now: UtcTime::now() };
    let answer = history.query(&asked).map_err(|e| of_history(&e))?;
    Ok((points, answer))
}

/// A recorded value as a number, else as a text.
fn plain(entry: &Entry) -> Value {
    match &entry.value {
        None => Value::Null,
        Some(value) => match value.as_f64() {
            Some(x) => json!(x),
            None => Value::from(value.to_string()),
        },
    }
}

fn raw_row(entry: &Entry) -> Value {
    let quality = match entry.quality.validity {
        Validity::Good => "good",
        Validity::Questionable => "questionable",
        Validity::Invalid => "invalid",
    };
    json!([entry.time.ms(), plain(entry), quality])
}

fn bucket_row(bucket: &Bucket) -> Value {
    json!([bucket.start.ms(), bucket.mean(), bucket.min, bucket.max, bucket.good_share()])
}

/// Stretches of a range in which no value stands, of rows that are sums.
fn gaps_of(buckets: &[Bucket], from_us: i64, to_us: i64) -> Vec<(i64, i64)> {
    let mut gaps = Vec::new();
    let mut at = from_us;
    for bucket in buckets.iter().filter(|b| b.covered_us > 0) {
        let start = bucket.start.us;
        if start > at {
            gaps.push((at, start));
        }
        at = at.max(start + bucket.width_us);
    }
    if at < to_us {
        gaps.push((at, to_us));
    }
    gaps
}

/// What lies in both of two lists of stretches, each in order.
fn both(a: &[(i64, i64)], b: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        let (from, to) = (a[i].0.max(b[j].0), a[i].1.min(b[j].1));
        if from < to {
            found.push((from, to));
        }
        if a[i].1 < b[j].1 { i += 1 } else { j += 1 }
    }
    found
}

fn in_ms(gaps: &[(i64, i64)]) -> Value {
    json!(gaps.iter().map(|(a, b)| [a.div_euclid(1000), b.div_euclid(1000)]).collect::<Vec<_>>())
}

/// Values of points over a range: raw `[ms, value, quality]`, else `[ms, mean, min, max, share of good time]`. `gaps` of a series are where
/// nothing of it stands, the outer ones where nothing of any does; nothing is put in their place.
#[utoipa::path(get, path = "/api/twin/history", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(
        ("point" = Vec<String>, Query, description = "Name of a point, repeatable, up to 20"),
        ("from" = Option<String>, Query, description = "RFC 3339 or ms since 1970; an hour before `to` unless told"),
        ("to" = Option<String>, Query, description = "Now unless told"),
        ("resolution" = Option<String>, Query, description = "raw, second, minute, hour, day or auto (about 1,000 values a point)")),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn values(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let names: Vec<String> = pairs.all("point").into_iter().map(str::to_owned).collect();
    if names.is_empty() || names.len() > POINTS_MAX {
        return Err(Problem::bad_request(format!("1 to {POINTS_MAX} points can be asked for at once"))
            .detail(format!("{} are asked for.", names.len()))
            .field("point"));
    }
    let range = pairs.range_ms(USUAL_MS)?;
    let word = pairs.word("resolution", &WORDS)?.unwrap_or("auto");
    let (resolution, width_ms) = resolution(word);
    let rows = if width_ms > 0 { (range.1 - range.0) / width_ms * names.len() as i64 } else { 0 };
    if rows > ROWS_MAX {
        return Err(Problem::bad_request("The answer would be too long")
            .code("TWIN.HISTORY.TOO_MUCH")
            .detail(format!("About {rows} rows are asked for at once; {ROWS_MAX} can be had."))
            .hint("Ask for a shorter range, fewer points or a coarser resolution.")
            .field("resolution"));
    }
    blocking(move || {
        let (points, answer) = recorded(&**twin.history(), &names, range, resolution)?;
        let mut common: Option<Vec<(i64, i64)>> = None;
        let mut series = Vec::new();
        for (point, found) in points.iter().zip(&answer.series) {
            let (rows, gaps): (Vec<Value>, Vec<(i64, i64)>) = match &found.rows {
                Rows::Raw(entries) => (entries.iter().map(raw_row).collect(), found.gaps.iter().map(|(a, b)| (a.us, b.us)).collect()),
                Rows::Buckets(buckets) => {
                    (buckets.iter().map(bucket_row).collect(), gaps_of(buckets, range.0.saturating_mul(1000), range.1.saturating_mul(1000)))
                }
            };
            common = Some(common.map_or_else(|| gaps.clone(), |c| both(&c, &gaps)));
            let unit = Some(&point.unit).filter(|u| !u.is_empty());
            series.push(json!({ "point": point.name, "unit": unit, "rows": rows, "gaps": in_ms(&gaps) }));
        }
        Ok(Json(json!({
            "resolution": word_of(answer.resolution),
            "series": series,
            "gaps": in_ms(&common.unwrap_or_default()),
            "findings": wire::findings(&answer.findings),
            "took_ms": answer.took.as_secs_f64() * 1e3,
        })))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::both;

    #[test]
    fn a_common_gap_is_where_all_are_silent() {
        assert_eq!(both(&[(0, 5), (8, 10)], &[(3, 9)]), [(3, 5), (8, 9)]);
        assert_eq!(both(&[(0, 5)], &[]), []);
        assert_eq!(both(&[(0, 2), (4, 6)], &[(2, 4)]), []);
    }
}
