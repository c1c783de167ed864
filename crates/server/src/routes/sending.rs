//! How notices of alarms and values fare that leave the house.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Notices by target, and values for InfluxDB: what waits, what was delivered, what was given up, and why. `notices` and `influx` are null
/// where the document of the site names none.
#[utoipa::path(get, path = "/api/twin/sending", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, description = "Nothing is followed", body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    app.twin.get()?;
    let status = app.twin.sending().unwrap_or_default();
    Ok(Json(json!({ "notices": status.notices, "influx": status.influx })))
}
