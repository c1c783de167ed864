//! Training: the instructor's port of a simulated plant, passed through (docs/training.md).

use super::Pairs;
use crate::access::{Caller, Operator, Viewer};
use crate::follow::{instructor, wire};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use network::Severity;
use scada::UtcTime;
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest command, octets.
const COMMAND_MAX: usize = 64 << 10;
/// Commands that only look; they go by addresses of their own.
const LOOKING: [&str; 3] = ["state", "events", "watch"];

/// The command that ends a scenario.
pub(in crate::routes) const SCENARIO_END: &str = "end";

/// The command that begins one.
pub(in crate::routes) fn scenario_begin(id: &str) -> Value {
    json!({ "command": "begin", "scenario": id })
}

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, post)).routes(routes!(events))
}

/// State of the simulated plant as its instructor sees it.
#[utoipa::path(get, path = "/api/twin/training", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, description = "A live plant", body = Problem),
        (status = 502, description = "The plant does not answer", body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    state(instructor::ask(&twin, &json!({ "command": "state" })).await?).map(Json)
}

/// The state of an answer, in the words of this server: `running` for the scenario that runs, `id` for the name of a scenario.
pub(in crate::routes) fn state(mut answer: Map<String, Value>) -> Result<Value, Problem> {
    let Some(Value::Object(mut state)) = answer.remove("state") else {
        return Err(Problem::internal("the instructor's port answers without a state"));
    };
    let running = match state.remove("scenario") {
        Some(Value::Object(now)) => {
            let since_ms = now.get("since").and_then(Value::as_i64).map(|us| us.div_euclid(1000));
            json!({ "scenario": now.get("scenario"), "since_ms": since_ms, "since_s": now.get("running_s"), "duration_s": now.get("duration_s") })
        }
        _ => Value::Null,
    };
    state.insert("running".into(), running);
    for scenario in state.get_mut("scenarios").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(id) = scenario.remove("scenario") {
            scenario.insert("id".into(), id);
        }
    }
    Ok(wire::with_ms(&state))
}

/// Tells the plant something, and writes down who did.
///
/// # Errors
/// No instructor, a plant that does not answer or refuses, a history or log that cannot be written.
pub(in crate::routes) async fn tell(app: &App, caller: &Caller, command: Value) -> Result<Value, Problem> {
    let twin = app.twin.get()?;
    let word = command["command"].as_str().unwrap_or_default().to_owned();
    if word.is_empty() || LOOKING.contains(&word.as_str()) || command.to_string().len() > COMMAND_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "That is no command to the plant")
            .code("TWIN.TRAINING.COMMAND")
            .detail("A command is an object with `command` and what goes with it; state and events are looked at with GET.")
            .hint("docs/training.md lists the commands."));
    }
    let mut answer = instructor::ask(&twin, &command).await?;
    answer.remove("ok");
    let mut fields = command.as_object().cloned().unwrap_or_default();
    fields.insert("who".into(), Value::from(caller.user.as_str()));
    let subject = ["bus", "breaker", "element", "transformer", "scenario"].iter().find_map(|k| command[*k].as_str()).map(str::to_owned);
    let event = twin::history::Event {
        time: UtcTime::now(),
        kind: "training".into(),
        severity: Severity::Note,
        message: format!("{} told the simulated plant: {word}{}", caller.user, subject.as_ref().map_or(String::new(), |s| format!(" {s}"))),
        subject,
        fields,
    };
    let recorder = twin.clone();
    crate::blocking(move || recorder.record(event).map_err(crate::follow::problem_of)).await?;
    caller.note(app, "twin.training", &word, command).await?;
    Ok(Value::Object(answer))
}

/// A command to the simulated plant: a fault, a scenario, a stuck breaker, the end of either.
#[utoipa::path(post, path = "/api/twin/training", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = Object,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
pub async fn post(State(app): State<App>, Operator(caller): Operator, Json(command): Json<Value>) -> Result<Json<Value>, Problem> {
    tell(&app, &caller, command).await.map(Json)
}

/// What happened in the simulated plant: faults, pick-ups, trips, positions, with their causes.
#[utoipa::path(get, path = "/api/twin/training/events", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("since" = Option<u64>, Query, description = "Only after this number")),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn events(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let since = Pairs(pairs).whole("since", 0, u64::MAX)?.unwrap_or(0);
    let mut answer = instructor::ask(&twin, &json!({ "command": "events", "since": since })).await?;
    answer.remove("ok");
    Ok(Json(wire::with_ms(&answer)))
}
