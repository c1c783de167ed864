//! The maintenance schedule.

use super::alarms::outcome;
use super::{meant_ms, text};
use crate::access::{Caller, Operator, Viewer};
use crate::follow::{problem_of, wire};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use network::document::nearest;
use scada::UtcTime;
use serde::Deserialize;
use serde_json::{Value, json};
use twin::alarms::maintenance::Entry;
use twin::alarms::{Actor, Engine, Journal, JournalFault, Outcome};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

const KINDS: [&str; 3] = ["preventive", "corrective", "predictive"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, plan)).routes(routes!(finish)).routes(routes!(cancel))
}

/// All work that was ever planned, in the order of planning. `progress` is `planned`, `due`, `overdue`, `done` or `cancelled`.
#[utoipa::path(get, path = "/api/twin/maintenance", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    // The alarms may be busy writing.
    blocking(move || Ok(Json(json!({ "entries": twin.alarms(|a| wire::with_ms(&a.schedule().entries)) })))).await
}

/// Work to be planned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    asset: String,
    /// ms since 1970.
    from_ms: i64,
    to_ms: i64,
    /// `preventive`, `corrective` or `predictive`.
    kind: String,
    /// Who does the work.
    who: String,
    #[serde(default)]
    note: String,
}

/// What an action on the schedule came to. Refused, it is a conflict.
async fn act(
    app: &App,
    caller: &Caller,
    (what, subject): (&str, &str),
    detail: Value,
    act: impl FnOnce(&mut Engine, UtcTime, Actor, &mut dyn Journal) -> Result<Outcome, JournalFault> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let who = caller.user.clone();
    let why = detail["note"].as_str().unwrap_or_default().to_owned();
    let done =
        blocking(move || twin.act(|engine, now, journal| act(engine, now, Actor { who: &who, why: &why }, journal)).map_err(problem_of))
            .await?;
    if let Some(refusal) = done.refused.first() {
        return Err(Problem::conflict("The schedule stays as it is")
            .code("TWIN.MAINTENANCE.REFUSED")
            .detail(refusal.to_string())
            .hint("GET /api/twin/maintenance shows the schedule."));
    }
    caller.note(app, &format!("twin.maintenance.{what}"), subject, detail).await?;
    Ok(Json(outcome(&done)))
}

/// Plans work. While it goes on, the alarms of the asset are out of service.
#[utoipa::path(post, path = "/api/twin/maintenance", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = Plan, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn plan(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<Plan>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    if !KINDS.contains(&asked.kind.as_str()) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The kind of work is not known")
            .field("kind")
            .hint(format!("Choose from {}.", KINDS.join(", "))));
    }
    for (field, ms) in [("from_ms", asked.from_ms), ("to_ms", asked.to_ms)] {
        meant_ms(field, ms)?;
    }
    let (who, note) = (text("who", &asked.who, true)?, text("note", &asked.note, false)?);
    let station = &twin.site().station;
    let Some(equipment) = station.find(&asked.asset) else {
        let ids: Vec<&str> = station.equipment.iter().map(|e| e.id.as_str()).collect();
        let near = nearest(&asked.asset, &ids).map_or_else(String::new, |n| format!("The nearest is \"{n}\"."));
        return Err(Problem::not_found("The station has no such equipment").code("TWIN.ASSET.UNKNOWN").detail(near).field("asset"));
    };
    let mut entry = Entry::new(&equipment.id, UtcTime::from_ms(asked.from_ms), UtcTime::from_ms(asked.to_ms), &who, &asked.kind);
    entry.note = note.as_str().into();
    let detail =
        json!({ "asset": equipment.id, "from_ms": asked.from_ms, "to_ms": asked.to_ms, "kind": asked.kind, "who": who, "note": note });
    let asset = equipment.id.clone();
    act(&app, &caller, ("plan", &asset), detail, move |engine, now, actor, journal| engine.plan_maintenance(now, &entry, actor, journal))
        .await
}

/// What somebody says about the end of work; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Ending {
    #[serde(default, alias = "note")]
    comment: String,
}

type Act = fn(&mut Engine, UtcTime, u64, Actor, &mut dyn Journal) -> Result<Outcome, JournalFault>;

/// Ends work of the schedule.
async fn end(app: &App, caller: &Caller, what: &str, id: u64, asked: Option<Json<Ending>>, ends: Act) -> Result<Json<Value>, Problem> {
    let comment = asked.map(|Json(a)| a.comment).unwrap_or_default();
    let detail = json!({ "note": text("comment", &comment, false)? });
    act(app, caller, (what, &id.to_string()), detail, move |engine, now, actor, journal| ends(engine, now, id, actor, journal)).await
}

/// Reports work as done.
#[utoipa::path(post, path = "/api/twin/maintenance/{id}/finish", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    params(("id" = u64, Path)), request_body = Option<Ending>, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn finish(
    State(app): State<App>,
    Operator(caller): Operator,
    Path(id): Path<u64>,
    asked: Option<Json<Ending>>,
) -> Result<Json<Value>, Problem> {
    end(&app, &caller, "finish", id, asked, Engine::finish_maintenance).await
}

/// Cancels work that is planned or goes on.
#[utoipa::path(post, path = "/api/twin/maintenance/{id}/cancel", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    params(("id" = u64, Path)), request_body = Option<Ending>, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel(
    State(app): State<App>,
    Operator(caller): Operator,
    Path(id): Path<u64>,
    asked: Option<Json<Ending>>,
) -> Result<Json<Value>, Problem> {
    end(&app, &caller, "cancel", id, asked, Engine::cancel_maintenance).await
}
