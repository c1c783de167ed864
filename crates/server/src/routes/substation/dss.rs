//! Versions of the model, as document 001 names them. `/api/twin/versions` shows texts and differences.

use crate::access::{Engineer, Viewer};
use crate::auth::proves_intent;
use crate::follow::versions::Version;
use crate::problem::Problem;
use crate::routes::twin::{NewVersion, keep, turn_to};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    let large = OpenApiRouter::new().routes(routes!(list, add)).layer(DefaultBodyLimit::max(crate::follow::versions::TEXT_MAX + (1 << 20)));
    large.merge(OpenApiRouter::new().routes(routes!(activate_by_get, activate)))
}

/// All versions of the model.
#[utoipa::path(get, path = "/api/dss/versions", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    blocking(move || app.twin.versions(|v| Ok(Json(json!({ "versions": v.all(), "active": v.active()?.version_id }))))).await
}

/// Keeps a version: `content` is the whole model, or `changes` are commands behind the active one. It is not followed before it is activated.
#[utoipa::path(post, path = "/api/dss/versions", tag = "substation", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = NewVersion,
    responses((status = 201, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Json(asked): Json<NewVersion>,
) -> Result<(StatusCode, Json<Version>), Problem> {
    keep(&app, &caller, asked).await.map(|v| (StatusCode::CREATED, Json(v)))
}

/// Follows a version from now on.
#[utoipa::path(post, path = "/api/dss/versions/{id}/activate", tag = "substation", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = u64, Path)), responses((status = 200, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn activate(State(app): State<App>, Engineer(caller): Engineer, Path(id): Path<u64>) -> Result<Json<Version>, Problem> {
    turn_to(&app, &caller, id).await.map(Json)
}

/// The same by GET; a session must send X-Gridtwin-Csrf, as with POST.
#[utoipa::path(get, path = "/api/dss/versions/{id}/activate", tag = "substation", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = u64, Path)), responses((status = 200, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn activate_by_get(
    State(app): State<App>,
    Engineer(caller): Engineer,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<Json<Version>, Problem> {
    proves_intent(&app, &headers)?;
    turn_to(&app, &caller, id).await.map(Json)
}
