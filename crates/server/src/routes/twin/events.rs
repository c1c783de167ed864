//! What happened: pages and files of events.

use super::Pairs;
use crate::access::Viewer;
use crate::follow::{of_history, wire};
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::routes::audit::cell;
use crate::state::{App, blocking};
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use network::Diagnostic;
use scada::UtcTime;
use serde_json::json;
use std::io::{BufWriter, Seek, Write};
use twin::history::{EventFilter, Historian, Page};
use twin::live::Told;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Events of a piece, unless told; and at most.
const SIZE: u64 = 100;
const SIZE_MAX: u64 = 1_000;
/// Events that are read from the history at once.
const READ: usize = 2_000;
/// Events that are looked at for one piece; then the answer goes on from there.
const LOOKED_MAX: usize = 200_000;

const KINDS: [&str; 9] = ["alarm", "control", "comms", "trip", "maintenance", "training", "estimate", "system", "rules"];
const SEVERITIES: [&str; 7] = ["critical", "high", "medium", "low", "error", "warning", "note"];

/// Alarms that are of a kind of their own to people: the schedule is part of the alarms, and what a relay did is known from its alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::routes) enum AlarmsOf {
    Maintenance,
    Trips,
}

impl AlarmsOf {
    const ALL: [Self; 2] = [Self::Maintenance, Self::Trips];

    /// The kind of event that people ask for.
    pub(in crate::routes) fn kind(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Trips => "trip",
        }
    }

    /// Whether an event of an alarm is of the kind: it has an entry of the schedule, or an alarm of the class `protection` came.
    fn fits(self, told: &Told) -> bool {
        let is = |key: &str, word: &str| told.fields.get(key).and_then(|v| v.as_str()) == Some(word);
        match self {
            Self::Maintenance => told.fields.contains_key("maintenance"),
            Self::Trips => is("class", "protection") && is("kind", "raised"),
        }
    }

    /// What an event of an alarm is beside an alarm.
    pub(in crate::routes) fn of(told: &Told) -> Option<Self> {
        Self::ALL.into_iter().filter(|_| told.kind == "alarm").find(|of| of.fits(told))
    }

    /// What is wanted of alarms by kinds that are asked for, with the alarms themselves among the kinds then; nothing where all alarms are.
    pub(in crate::routes) fn among(kinds: &mut Vec<String>) -> Vec<Self> {
        if kinds.iter().any(|k| k == "alarm") {
            return Vec::new();
        }
        let wanted: Vec<Self> = Self::ALL.into_iter().filter(|of| kinds.iter().any(|k| k == of.kind())).collect();
        if !wanted.is_empty() {
            kinds.push("alarm".to_owned());
        }
        wanted
    }
}

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events.
#[derive(Clone, Debug, Default)]
pub(in crate::routes) struct Asked {
    pub filter: EventFilter,
    /// Any of these.
    pub severities: Vec<String>,
    /// Asset, or subject.
    pub asset: Option<String>,
    /// Of alarms only these; all where none is named.
    pub alarms: Vec<AlarmsOf>,
    pub oldest_first: bool,
    /// Only beyond this number, in the order asked for.
    pub beyond: Option<u64>,
}

impl Asked {
    fn of(pairs: &Pairs) -> Result<Self, Problem> {
        let words = |key: &str, known: &[&str]| -> Result<Vec<String>, Problem> {
            let given: Vec<&str> = pairs.all(key).into_iter().flat_map(|v| v.split(',')).map(str::trim).filter(|w| !w.is_empty()).collect();
            match given.iter().find(|w| !known.contains(w)) {
                Some(strange) => Err(Problem::bad_request("A word is not known")
                    .detail(format!("`{key}` is \"{}\".", strange.chars().take(40).collect::<String>()))
                    .hint(format!("Choose from {}.", known.join(", ")))
                    .field(key)),
                None => Ok(given.into_iter().map(str::to_owned).collect()),
            }
        };
        let mut kinds = words("kind", &KINDS)?;
        let alarms = AlarmsOf::among(&mut kinds);
        Ok(Self {
            alarms,
            filter: EventFilter {
                from: pairs.time_ms("from")?.map(UtcTime::from_ms),
                to: pairs.time_ms("to")?.map(UtcTime::from_ms),
                kinds,
                text: pairs.one("text").map(|t| t.chars().take(200).collect()),
                ..EventFilter::default()
            },
            severities: words("severity", &SEVERITIES)?.into_iter().map(alike).collect(),
            asset: pairs.one("asset").map(str::to_owned),
            oldest_first: pairs.word("order", &["newest", "oldest"])? == Some("oldest"),
            beyond: pairs.whole("page", 1, u64::MAX)?,
        })
    }

    fn wants(&self, told: &Told) -> bool {
        let is_severe = self.severities.is_empty() || self.severities.contains(&told.severity);
        is_severe
            && (self.alarms.is_empty() || told.kind != "alarm" || self.alarms.iter().any(|of| of.fits(told)))
            && self.asset.as_deref().is_none_or(|asset| {
                let of_field = told.fields.get("asset").and_then(|v| v.as_str());
                [told.subject.as_deref(), of_field].into_iter().flatten().any(|t| t.eq_ignore_ascii_case(asset))
            })
    }
}

/// Events are told in the words of alarms; those of findings mean the same.
pub(in crate::routes) fn alike(severity: String) -> String {
    match severity.as_str() {
        "error" => "high".to_owned(),
        "warning" => "medium".to_owned(),
        "note" => "low".to_owned(),
        _ => severity,
    }
}

/// A piece of the events that are asked for.
pub(in crate::routes) struct Piece {
    pub events: Vec<Told>,
    /// Number to go on from; none after the last.
    pub next: Option<u64>,
    pub findings: Vec<Diagnostic>,
}

/// Reads on until `limit` events are found, or so many were looked at that the answer should not wait longer.
///
/// # Errors
/// A history that cannot be read.
pub(in crate::routes) fn collect(history: &dyn Historian, asked: &Asked, limit: usize) -> Result<Piece, Problem> {
    let mut piece = Piece { events: Vec::new(), next: None, findings: Vec::new() };
    let mut at = asked.beyond.unwrap_or(if asked.oldest_first { 0 } else { u64::MAX });
    let mut looked = 0;
    loop {
        let page = if asked.oldest_first { Page::After { sequence: at, limit: READ } } else { Page::Before { sequence: at, limit: READ } };
        let (events, more, findings) = wire::told_all(history.events(&asked.filter, page).map_err(|e| of_history(&e))?);
        piece.findings.extend(findings);
        looked += events.len();
        let last = events.last().map(|e| e.sequence);
        let mut events = events.into_iter().filter(|e| asked.wants(e));
        for event in events.by_ref() {
            if piece.events.len() == limit {
                piece.next = piece.events.last().map(|e: &Told| e.sequence);
                return Ok(piece);
            }
            piece.events.push(event);
        }
        match last {
            Some(last) if more && looked < LOOKED_MAX => at = last,
            Some(last) if more => {
                piece.next = Some(last);
                return Ok(piece);
            }
            _ => return Ok(piece),
        }
    }
}

/// Writes all events that are asked for as CSV, and gives how many.
fn write_csv(history: &dyn Historian, asked: &Asked, out: &mut impl Write) -> Result<u64, Problem> {
    let io = |e: std::io::Error| Problem::internal(format!("events cannot be written into a file: {e}"));
    let (mut asked, mut count) = (asked.clone(), 0);
    out.write_all(b"sequence,time_utc,kind,severity,subject,asset,message,fields\r\n").map_err(io)?;
    loop {
        let piece = collect(history, &asked, READ)?;
        for e in &piece.events {
            let asset = e.fields.get("asset").and_then(|v| v.as_str()).unwrap_or_default();
            let fields = if e.fields.is_empty() { String::new() } else { serde_json::Value::Object(e.fields.clone()).to_string() };
            let cells =
                [&rfc3339_ms(e.time_ms), &e.kind, &e.severity, e.subject.as_deref().unwrap_or_default(), asset, &e.message, &fields];
            write!(out, "{},{}\r\n", e.sequence, cells.map(cell).join(",")).map_err(io)?;
            count += 1;
        }
        match piece.next {
            Some(next) => asked.beyond = Some(next),
            None => return out.flush().map_err(io).map(|()| count),
        }
    }
}

/// The whole range as a file that a browser saves. It lies on the disk meanwhile, as it may be longer than the memory.
async fn download(app: App, asked: Asked) -> Result<Response, Problem> {
    let twin = app.twin.get()?;
    let place = app.config.data.join("tmp").join(format!("events-{}.csv", crate::random::hex(8)));
    // Years of events may be asked for: some at a time, as questions that are solved.
    let write = move || {
        let io = |e: std::io::Error| Problem::internal(format!("events cannot be written into a file: {e}"));
        let file = std::fs::OpenOptions::new().create_new(true).read(true).write(true).open(&place).map_err(io)?;
        // Without a name it is gone when it was sent, also when the server is killed.
        std::fs::remove_file(&place).map_err(io)?;
        let mut out = BufWriter::new(file);
        write_csv(&**twin.history(), &asked, &mut out)?;
        let mut file = out.into_inner().map_err(|e| io(e.into_error()))?;
        file.rewind().map_err(io)?;
        Ok(file)
    };
    let file = app.twin.compute(write).await?;
    let body = Body::from_stream(tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(file)));
    let name = "attachment; filename=\"events.csv\"";
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Events, in pieces; `next` of an answer is `page` of the next question. With `format=csv` or `Accept: text/csv` all of the range, as a file.
#[utoipa::path(get, path = "/api/twin/events", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(
        ("from" = Option<String>, Query, description = "Not before: RFC 3339 or ms since 1970"),
        ("to" = Option<String>, Query, description = "Before"),
        ("kind" = Option<Vec<String>>, Query, description = "alarm, control, comms, trip, maintenance, training, estimate, system, rules; repeatable"),
        ("severity" = Option<Vec<String>>, Query, description = "critical, high, medium or low; repeatable"),
        ("asset" = Option<String>, Query, description = "A piece of equipment, or any subject"),
        ("text" = Option<String>, Query, description = "Words that all stand in the event"),
        ("page" = Option<u64>, Query, description = "`next` of the piece before"),
        ("size" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Events of a piece; 100 unless told"),
        ("order" = Option<String>, Query, description = "newest (unless told) or oldest first"),
        ("format" = Option<String>, Query, description = "json (unless told) or csv")),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let asked = Asked::of(&pairs)?;
    let accepts_csv = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with("text/csv"));
    let format = pairs.word("format", &["json", "csv"])?.unwrap_or(if accepts_csv { "csv" } else { "json" });
    if format == "csv" {
        return download(app, Asked { beyond: None, ..asked }).await;
    }
    let size = pairs.whole("size", 1, SIZE_MAX)?.unwrap_or(SIZE) as usize;
    blocking(move || {
        let piece = collect(&**twin.history(), &asked, size)?;
        let findings = wire::findings(&piece.findings);
        let answer = json!({ "events": piece.events, "more": piece.next.is_some(), "next": piece.next, "findings": findings });
        Ok(Json(answer).into_response())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trips_and_maintenance_are_found_among_the_alarms() {
        let told = |kind: &str, fields: serde_json::Value| Told {
            sequence: 1,
            time_ms: 0,
            kind: kind.to_owned(),
            severity: "high".to_owned(),
            subject: None,
            message: String::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        };
        let trip = told("alarm", json!({ "class": "protection", "kind": "raised" }));
        let over = told("alarm", json!({ "class": "protection", "kind": "cleared" }));
        let work = told("alarm", json!({ "kind": "removed_from_service", "maintenance": { "id": 1 } }));
        let load = told("alarm", json!({ "class": "thermal", "kind": "raised" }));
        let control = told("control", json!({}));
        let of = |kinds: &str| Asked::of(&Pairs(vec![("kind".into(), kinds.into())])).unwrap();
        let found = |kinds: &str| [&trip, &over, &work, &load, &control].map(|t| of(kinds).wants(t));
        // What is of another kind is left out by the history's filter.
        assert_eq!(found("trip"), [true, false, false, false, true]);
        assert_eq!(of("trip").filter.kinds, ["trip", "alarm"]);
        assert_eq!(found("maintenance"), [false, false, true, false, true]);
        assert_eq!(found("trip,maintenance"), [true, false, true, false, true]);
        assert_eq!(found("trip,alarm"), [true; 5]);
        assert_eq!(of("control").filter.kinds, ["control"]);
        assert_eq!([&trip, &over, &work, &control].map(AlarmsOf::of), [Some(AlarmsOf::Trips), None, Some(AlarmsOf::Maintenance), None]);
    }
}
