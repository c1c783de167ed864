//! Commands in two steps: what the model says of one, then the command itself.

use super::points::value_of;
use super::{originator, text};
use crate::access::{Caller, Operator, Role};
use crate::follow::{orders, wire};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use twin::live::{Order, Verdict};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(control))
}

/// A command. One of `element`, `point` and `asset` says to what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct OrderRequest {
    /// `class.name`.
    #[serde(default)]
    element: Option<String>,
    #[serde(default)]
    point: Option<String>,
    #[serde(default)]
    asset: Option<String>,
    /// `open`, `close`, `raise`, `lower`, `set`, `automatic` or `manual`.
    command: String,
    /// Of `set`, in the unit of the point.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
}

impl OrderRequest {
    fn order(&self) -> Result<Order, Problem> {
        let mut named = [&self.element, &self.point, &self.asset].into_iter().flatten().filter(|n| !n.trim().is_empty());
        let (Some(subject), None) = (named.next(), named.next()) else {
            return Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "It is not said to what the command goes")
                .code("TWIN.ORDER.SUBJECT")
                .hint("Name one of `element`, `point` and `asset`."));
        };
        let value = self.value.as_ref().filter(|v| !v.is_null()).map(value_of).transpose()?;
        Ok(Order { subject: subject.trim().to_owned(), command: self.command.trim().to_lowercase(), value })
    }
}

/// What the model says of an order.
async fn looked_at(app: &App, order: Order) -> Result<Verdict, Problem> {
    let twin = app.twin.get()?;
    app.twin.compute(move || twin.check(&order).map_err(|e| orders::problem_of(&e))).await
}

/// What a command would do, before it is given: the network is solved with it. The token of the answer counts for a minute.
#[utoipa::path(post, path = "/api/twin/control/check", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = OrderRequest, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn check(State(app): State<App>, Operator(caller): Operator, Json(asked): Json<OrderRequest>) -> Result<Json<Value>, Problem> {
    app.twin.get()?;
    let order = asked.order()?;
    let verdict = looked_at(&app, order.clone()).await?;
    let token = app.twin.orders.remember(order.clone(), &caller);
    caller.note(&app, "twin.control.check", &order.subject, json!({ "command": order.command, "allowed": verdict.allowed })).await?;
    Ok(Json(wire::verdict(&verdict, Some(&token))))
}

/// A command that was checked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ControlRequest {
    #[serde(flatten)]
    order: OrderRequest,
    /// Why; kept with the event.
    reason: String,
    /// Of a check of the same order that is not older than 60 s.
    token: String,
    /// Carry it out although the interlock refuses it: administrators only.
    #[serde(default, rename = "override")]
    overriding: bool,
}

/// Refuses to override what only an administrator may.
fn may_override(caller: &Caller, overriding: bool) -> Result<(), Problem> {
    if !overriding || caller.role >= Role::Admin {
        return Ok(());
    }
    Err(Problem::forbidden("Your role does not allow to override the interlock")
        .code("SERVER.ACCESS.ROLE")
        .detail(format!("You are logged in as {} with the role {}; this needs the role admin.", caller.user, caller.role.name()))
        .hint("Leave `override` out, or ask an administrator."))
}

/// Carries out an order and writes into the audit log what became of it.
///
/// # Errors
/// An order that names nothing or that its subject does not take; a log that cannot be written.
pub(in crate::routes) async fn carry_out(
    app: &App,
    caller: &Caller,
    order: Order,
    reason: String,
    overriding: bool,
) -> Result<(scada::telecontrol::Record, Verdict), Problem> {
    let twin = app.twin.get()?;
    let by = originator(caller, reason.clone());
    // In a task of its own: a caller who goes away must not leave a command half done and unrecorded.
    let (task, asked) = (twin.clone(), order.clone());
    let done = tokio::spawn(async move { task.control(&asked, by, overriding).await }).await.map_err(Problem::internal)?;
    let noted = |outcome: &str, detail: Value| {
        let detail = json!({ "command": order.command, "value": order.value, "reason": reason, "override": overriding, "outcome": outcome, "detail": detail });
        async { caller.note(app, "twin.control", &order.subject, detail).await }
    };
    match done {
        Ok((record, verdict)) => {
            let outcome = if record.outcome.is_ok() { "done" } else { "failed" };
            noted(outcome, json!({ "point": record.point, "failure": record.failure, "allowed": verdict.allowed })).await?;
            Ok((record, verdict))
        }
        Err(error) => {
            noted("refused", Value::from(error.to_string())).await?;
            Err(orders::problem_of(&error))
        }
    }
}

/// Carries out a command that was checked. The verdict is made anew; what the interlock refuses is not sent, and the record says so in
/// `failure`. Whatever becomes of it is an event of the history and an entry of the audit log.
#[utoipa::path(post, path = "/api/twin/control", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = ControlRequest,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, description = "Not checked", body = Problem), (status = 422, body = Problem)))]
pub async fn control(
    State(app): State<App>,
    Operator(caller): Operator,
    Json(asked): Json<ControlRequest>,
) -> Result<Json<Value>, Problem> {
    app.twin.get()?;
    may_override(&caller, asked.overriding)?;
    let order = asked.order.order()?;
    let reason = text("reason", &asked.reason, true)?;
    app.twin.orders.take(&asked.token, &order, &caller)?;
    let (record, verdict) = carry_out(&app, &caller, order, reason, asked.overriding).await?;
    Ok(Json(json!({ "record": wire::with_ms(&record), "verdict": wire::verdict(&verdict, None) })))
}
