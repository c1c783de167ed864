//! Commands to equipment.

use crate::access::{Caller, Operator};
use crate::follow::wire;
use crate::problem::Problem;
use crate::routes::twin::{carry_out, text, value_of};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use twin::live::Order;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(control))
}

/// A command.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AssetControl {
    /// Equipment, element or point.
    #[serde(alias = "asset", alias = "element", alias = "point")]
    asset_id: String,
    /// `open`, `close`, `raise`, `lower`, `set`, `automatic` or `manual`.
    #[serde(alias = "action")]
    command: String,
    /// Of `set`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// Why.
    #[serde(default)]
    reason: String,
}

/// Checks a command and carries it out, where the interlock lets it; nobody overrides it here.
///
/// # Errors
/// A command that names nothing or that its equipment does not take.
pub(super) async fn carried_out(app: &App, caller: &Caller, asked: AssetControl) -> Result<Value, Problem> {
    app.twin.get()?;
    let value = asked.value.as_ref().filter(|v| !v.is_null()).map(value_of).transpose()?;
    let reason = match text("reason", &asked.reason, false)? {
        none if none.is_empty() => "no reason was given".to_owned(),
        reason => reason,
    };
    let order = Order { subject: asked.asset_id.trim().to_owned(), command: asked.command.trim().to_lowercase(), value };
    if order.subject.is_empty() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "It is not said to what the command goes")
            .code("TWIN.ORDER.SUBJECT")
            .field("asset_id"));
    }
    let (record, verdict) = carry_out(app, caller, order, reason, false).await?;
    Ok(json!({
        "success": record.outcome.is_ok(),
        "asset_id": asked.asset_id,
        "command": asked.command,
        "message": record.failure.clone().or_else(|| record.said.clone()),
        "timestamp": crate::moment::rfc3339_ms(record.ended.ms()),
        "record": wire::with_ms(&record),
        "verdict": wire::verdict(&verdict, None),
    }))
}

/// Commands equipment. The interlock is asked first; `success` is false when it refused, or when the device did not do it.
#[utoipa::path(post, path = "/api/control", tag = "substation", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = AssetControl, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn control(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<AssetControl>) -> Result<Json<Value>, Problem> {
    carried_out(&app, &caller, asked).await.map(Json)
}
