//! The document of alarm rules, as it is in force.

use super::originator;
use crate::access::{Engineer, Viewer};
use crate::follow::wire;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use twin::alarms::document;
use twin::live::Twin;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest document, octets.
const YAML_MAX: usize = 1 << 20;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put)).routes(routes!(schema))
}

/// The rules as text and as a tree.
#[utoipa::path(get, path = "/api/twin/rules", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    blocking(move || {
        let yaml = twin.rules();
        let points = twin.points_table();
        let parsed = document::to_json(&document::read(&yaml, "rules", &points), &points);
        Ok(Json(json!({ "yaml": yaml, "parsed": parsed })))
    })
    .await
}

/// What rules may hold, as JSON Schema.
#[utoipa::path(get, path = "/api/twin/rules-schema", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object)))]
pub async fn schema(_: Viewer) -> Json<Value> {
    Json(document::json_schema())
}

/// Other rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesPut {
    /// The whole document (docs/alarms.md).
    yaml: String,
    /// Why; kept with the event.
    #[serde(default)]
    reason: String,
}

/// Puts other rules in force: checked whole, and nothing changes when there is a fault. An alarm whose rule stays, by its id, stays as it is.
#[utoipa::path(put, path = "/api/twin/rules", tag = "twin", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = RulesPut, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn put(State(app): State<App>, Engineer(caller): Engineer, Json(asked): Json<RulesPut>) -> Result<Json<Value>, Problem> {
    app.twin.get()?;
    if asked.yaml.len() > YAML_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The document is too long")
            .detail(format!("It has {} octets; {YAML_MAX} are allowed.", asked.yaml.len()))
            .field("yaml"));
    }
    let reason = super::text("reason", &asked.reason, false)?;
    let make = move |twin: &Twin| Ok((asked.yaml, twin.rules()));
    let ((after, before), findings) = app.twin.change_rules(make, originator(&caller, reason.clone())).await?;
    let detail = {
        let after = after.clone();
        let compared = move || {
            let (_, removed, added) = crate::follow::versions::diff(&before, &after);
            let hashes = [&before, &after].map(|t| store::sha256_hex(t.as_bytes()));
            Ok(
                json!({ "reason": reason, "before_sha256": hashes[0], "after_sha256": hashes[1], "lines_removed": removed, "lines_added": added }),
            )
        };
        blocking(compared).await?
    };
    caller.note(&app, "twin.rules", "rules", detail).await?;
    Ok(Json(json!({ "findings": wire::findings(&findings), "yaml": after })))
}
