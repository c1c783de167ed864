//! Alarms as they stand, and what people do to them.

use super::{NAMES_MAX, Pairs, meant_ms, text};
use crate::access::{Caller, Operator, Viewer};
use crate::follow::{of_history, problem_of, wire};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use scada::UtcTime;
use serde::Deserialize;
use serde_json::{Value, json};
use twin::alarms::{Actor, Engine, Journal, JournalFault, Outcome, report};
use twin::history::{EventFilter, Historian, Page};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The report's range without one, ms: a day.
const REPORT_MS: i64 = 86_400_000;
/// The longest range of a report, ms: floods and stale alarms need every event of it.
const REPORT_MAX_MS: i64 = 400 * 86_400_000;
/// Before the range, where floods and stale alarms of it may have begun, ms.
const REPORT_BEFORE_MS: i64 = 7 * 86_400_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
        .routes(routes!(shelve))
        .routes(routes!(unshelve))
        .routes(routes!(reset))
        .routes(routes!(remove))
        .routes(routes!(put_back))
        .routes(routes!(performance))
}

/// Alarms with their counts. `listed=true`: only those that an operator works from, unacknowledged first, then by priority.
#[utoipa::path(get, path = "/api/twin/alarms", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("listed" = Option<bool>, Query, description = "Only what is in sight; all rules unless told")),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let listed = Pairs(pairs).word("listed", &["true", "false"])? == Some("true");
    blocking(move || {
        let (views, counts, groups, flooded) = twin.alarms(|a| {
            let views = if listed { a.listed() } else { a.alarms().collect() };
            (views, a.counts(), a.flood_groups(), a.is_flooded())
        });
        let (alarms, counts) = wire::alarms(&views, &counts);
        Ok(Json(json!({ "alarms": alarms, "counts": counts, "groups": groups, "flooded": flooded })))
    })
    .await
}

/// An action on alarms.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmAction {
    /// Ids of their rules.
    #[schema(max_items = 1000)]
    rules: Vec<String>,
    /// Why; shelving and taking out of service need it.
    #[serde(default)]
    comment: String,
    /// Of shelving: end, ms since 1970.
    #[serde(default)]
    until_ms: Option<i64>,
    /// Of shelving: length, s.
    #[serde(default)]
    for_s: Option<f64>,
}

type Act = fn(&mut Engine, UtcTime, &[&str], &AlarmAction, Actor, &mut dyn Journal) -> Result<Outcome, JournalFault>;

/// What was done, and what was refused and why.
pub(super) fn outcome(of: &Outcome) -> Value {
    let refused: Vec<String> = of.refused.iter().map(ToString::to_string).collect();
    json!({ "events": wire::with_ms(&of.events), "refused": refused })
}

/// Acts on alarms. What is refused for one does not keep the others from being done; refused for all, it is a conflict.
///
/// # Errors
/// No alarm that could be acted on; a history that cannot take the events.
pub(in crate::routes) async fn act(app: &App, caller: &Caller, what: &str, asked: AlarmAction, act: Act) -> Result<Value, Problem> {
    let twin = app.twin.get()?;
    if asked.rules.is_empty() || asked.rules.len() > NAMES_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("1 to {NAMES_MAX} alarms are named at once")).field("rules"));
    }
    let comment = text("comment", &asked.comment, false)?;
    let (who, rules) = (caller.user.clone(), asked.rules.clone());
    let why = comment.clone();
    let done = blocking(move || {
        let rules: Vec<&str> = asked.rules.iter().map(String::as_str).collect();
        twin.act(|engine, now, journal| act(engine, now, &rules, &asked, Actor { who: &who, why: &why }, journal)).map_err(problem_of)
    })
    .await?;
    let told = outcome(&done);
    if done.events.is_empty() && !done.refused.is_empty() {
        return Err(Problem::conflict("Nothing was done")
            .code("TWIN.ALARM.REFUSED")
            .detail(done.refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            .hint("GET /api/twin/alarms shows how the alarms stand."));
    }
    let detail = json!({ "rules": rules, "comment": comment, "refused": told["refused"] });
    caller.note(app, &format!("twin.alarms.{what}"), rules.first().map_or("", String::as_str), detail).await?;
    Ok(told)
}

pub(in crate::routes) fn acknowledging(
    engine: &mut Engine,
    now: UtcTime,
    rules: &[&str],
    _: &AlarmAction,
    actor: Actor,
    journal: &mut dyn Journal,
) -> Result<Outcome, JournalFault> {
    engine.acknowledge(now, rules, actor, journal)
}

impl AlarmAction {
    /// On one alarm.
    pub(in crate::routes) fn one(rule: String, comment: String) -> Self {
        Self { rules: vec![rule], comment, until_ms: None, for_s: None }
    }
}

/// Acknowledges alarms.
#[utoipa::path(post, path = "/api/twin/alarms/acknowledge", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn acknowledge(
    State(app): State<App>,
    Operator(caller): Operator,
    Json(asked): Json<AlarmAction>,
) -> Result<Json<Value>, Problem> {
    act(&app, &caller, "acknowledge", asked, acknowledging).await.map(Json)
}

/// Puts alarms away for a time, with a reason.
#[utoipa::path(post, path = "/api/twin/alarms/shelve", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn shelve(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AlarmAction>) -> Result<Json<Value>, Problem> {
    if asked.until_ms.is_some() == asked.for_s.is_some() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "It is not said for how long")
            .field("for_s")
            .hint("Send `until_ms` or `for_s`."));
    }
    asked.until_ms.map(|ms| meant_ms("until_ms", ms)).transpose()?;
    let shelving: Act = |engine, now, rules, asked, actor, journal| {
        let until = asked.until_ms.map(|ms| UtcTime::from_ms(ms).seconds_since(now));
        engine.shelve(now, rules, asked.for_s.or(until).unwrap_or(0.0), actor, journal)
    };
    act(&app, &caller, "shelve", asked, shelving).await.map(Json)
}

/// Takes alarms off the shelf before their time.
#[utoipa::path(post, path = "/api/twin/alarms/unshelve", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn unshelve(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AlarmAction>) -> Result<Json<Value>, Problem> {
    act(&app, &caller, "unshelve", asked, |e, now, rules, _, actor, j| e.unshelve(now, rules, actor, j)).await.map(Json)
}

/// Resets latched alarms that are acknowledged and whose condition is gone.
#[utoipa::path(post, path = "/api/twin/alarms/reset", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn reset(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AlarmAction>) -> Result<Json<Value>, Problem> {
    act(&app, &caller, "reset", asked, |e, now, rules, _, actor, j| e.reset(now, rules, actor, j)).await.map(Json)
}

/// Takes alarms out of service until somebody returns them, with a reason.
#[utoipa::path(post, path = "/api/twin/alarms/remove", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AlarmAction>) -> Result<Json<Value>, Problem> {
    act(&app, &caller, "remove", asked, |e, now, rules, _, actor, j| e.remove_from_service(now, rules, actor, j)).await.map(Json)
}

/// Returns alarms to service.
#[utoipa::path(post, path = "/api/twin/alarms/return", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AlarmAction, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn put_back(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AlarmAction>) -> Result<Json<Value>, Problem> {
    act(&app, &caller, "return", asked, |e, now, rules, _, actor, j| e.return_to_service(now, rules, actor, j)).await.map(Json)
}

/// The alarm that an event of the history tells; `None` of one that is no alarm's.
fn alarm_event(event: &twin::history::Event) -> Option<twin::alarms::Event> {
    serde_json::from_value(Value::Object(event.fields.clone())).ok()
}

/// Events of the alarms over a range, in their order. Those that cannot be understood are counted.
fn alarm_events(history: &dyn Historian, from: UtcTime, to: UtcTime) -> Result<(Vec<twin::alarms::Event>, usize), Problem> {
    let filter = EventFilter { from: Some(from), to: Some(to), kinds: vec!["alarm".into()], ..EventFilter::default() };
    let (mut events, mut strange, mut after) = (Vec::new(), 0, 0);
    loop {
        let page = history.events(&filter, Page::After { sequence: after, limit: 5_000 }).map_err(|e| of_history(&e))?;
        let Some(last) = page.events.last() else { break };
        after = last.sequence;
        for recorded in &page.events {
            match alarm_event(&recorded.event) {
                Some(event) => events.push(event),
                None => strange += 1,
            }
        }
        if !page.more {
            break;
        }
    }
    Ok((events, strange))
}

/// How well the alarms serve their operator over a range: the figures of ISA-18.2.
#[utoipa::path(get, path = "/api/twin/alarms/report", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("from" = Option<String>, Query, description = "A day before `to` unless told"), ("to" = Option<String>, Query, description = "Now unless told")),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn performance(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let (from, to) = Pairs(pairs).range_ms(REPORT_MS)?;
    if to - from > REPORT_MAX_MS {
        return Err(Problem::bad_request("The range is too long").detail("A report reaches over 400 days at most.").field("from"));
    }
    // Every event of the range is read: some reports at a time.
    let performed = move || {
        let (begin, end) = (UtcTime::from_ms(from.saturating_sub(REPORT_BEFORE_MS)), UtcTime::from_ms(to));
        let (events, strange) = alarm_events(&**twin.history(), begin, end)?;
        let mut told = wire::with_ms(&report::report(&events, UtcTime::from_ms(from), end));
        told["events_not_understood"] = Value::from(strange);
        Ok(Json(told))
    };
    app.twin.compute(performed).await
}
