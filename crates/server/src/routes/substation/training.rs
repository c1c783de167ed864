//! Training scenarios as document 001 starts and stops them.

use crate::access::Operator;
use crate::follow::instructor;
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use crate::routes::twin::{SCENARIO_END, scenario_begin, state, tell};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(simulate)).routes(routes!(stop))
}

/// Which scenario.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ScenarioStart {
    /// `overvoltage_400kv`, `transformer_overload`, `frequency_deviation` or `circuit_breaker_failure`.
    #[serde(alias = "scenario")]
    scenario_id: String,
}

/// Begins a training scenario in the simulated plant.
#[utoipa::path(post, path = "/api/anomaly/simulate", tag = "substation", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = ScenarioStart,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
pub async fn simulate(
    State(app): State<App>,
    Operator(caller): Operator,
    Json(asked): Json<ScenarioStart>,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let id = asked.scenario_id;
    tell(&app, &caller, scenario_begin(&id)).await?;
    let start_time = rfc3339_ms(now_ms());
    let now = state(instructor::ask(&twin, &json!({ "command": "state" })).await?)?;
    let scenario = now["scenarios"].as_array().and_then(|all| all.iter().find(|s| s["id"] == id.as_str())).cloned().unwrap_or(Value::Null);
    Ok(Json(json!({
        "success": true,
        "scenario_id": id,
        "name": scenario["name"],
        "description": scenario["description"],
        "impact": scenario["impact"],
        "duration": scenario["duration_s"].as_f64().map(|s| format!("{s} seconds")),
        "duration_s": scenario["duration_s"],
        "recovery": scenario["recovery"],
        "start_time": start_time,
        "status": "active",
    })))
}

/// Ends the training scenario that runs.
#[utoipa::path(post, path = "/api/anomaly/stop", tag = "substation", security(("session" = ["operator"]), ("token" = ["operator"])),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
pub async fn stop(State(app): State<App>, Operator(caller): Operator) -> Result<Json<Value>, Problem> {
    tell(&app, &caller, json!({ "command": SCENARIO_END })).await?;
    Ok(Json(json!({ "success": true, "status": "stopped", "end_time": rfc3339_ms(now_ms()) })))
}
