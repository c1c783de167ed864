//! Points of the devices, with what they hold.

use super::{Pairs, originator, text};
use crate::access::{Operator, Viewer};
use crate::follow::problem_of;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Points of a piece, unless told; and at most.
const SIZE: u64 = 200;
const SIZE_MAX: u64 = 5_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(substitute))
}

/// Points with value, quality and time, in the order of the devices' document.
#[utoipa::path(get, path = "/api/twin/points", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(
        ("device" = Option<String>, Query, description = "Of this device"),
        ("asset" = Option<String>, Query, description = "Of this piece of equipment"),
        ("element" = Option<String>, Query, description = "Of this element or bus, `class.name`"),
        ("text" = Option<String>, Query, description = "Words that all stand in name, device, asset, element or quantity"),
        ("page" = Option<u64>, Query, description = "Piece, from 1"),
        ("size" = Option<u64>, Query, minimum = 1, maximum = 5000, description = "Points of a piece; 200 unless told")),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let size = pairs.whole("size", 1, SIZE_MAX)?.unwrap_or(SIZE) as usize;
    let page = pairs.whole("page", 1, u64::from(u32::MAX))?.unwrap_or(1) as usize;
    let [device, asset, element] = ["device", "asset", "element"].map(|k| pairs.one(k).map(str::to_owned));
    let words: Vec<String> = pairs.one("text").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    blocking(move || {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|w| found.is_some_and(|f| f.eq_ignore_ascii_case(w)))
        };
        let mut points = twin.points();
        points.retain(|p| {
            is(&device, Some(&p.device))
                && is(&asset, p.asset.as_deref())
                && is(&element, p.element.as_deref())
                && (words.is_empty() || {
                    let all = [Some(&p.point), Some(&p.device), p.asset.as_ref(), p.element.as_ref(), p.quantity.as_ref()];
                    let all = all.into_iter().flatten().map(|t| t.to_lowercase()).collect::<Vec<_>>().join("\n");
                    words.iter().all(|w| all.contains(w))
                })
        });
        let total = points.len();
        let piece: Vec<_> = points.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        Ok(Json(json!({ "points": piece, "total": total })))
    })
    .await
}

/// A value that a point is held at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Substitution {
    /// A number, yes or no, or a text; `null` lets the point follow its device again.
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// Why; kept with the event.
    reason: String,
}

/// A value as somebody sends it: a plain number, flag or text, or the form in which values are told (`{"step": {…}}`).
pub(in crate::routes) fn value_of(value: &Value) -> Result<scada::point::Value, Problem> {
    use scada::point::Value as V;
    match value {
        Value::Bool(b) => Ok(V::Bool(*b)),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Ok(V::Integer(i)),
            (None, Some(x)) => Ok(V::Float(x)),
            _ => Err(unfit()),
        },
        Value::String(text) if text.len() <= 1000 => Ok(V::Text(text.as_str().into())),
        Value::Object(_) => serde_json::from_value(value.clone()).map_err(|_| unfit()),
        _ => Err(unfit()),
    }
}

fn unfit() -> Problem {
    Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "The value is none that a point can hold")
        .code("TWIN.POINT.VALUE")
        .hint("Send a number in the unit of the point, true or false, or a text.")
        .field("value")
}

/// Holds a point at a value by hand, or lets it follow its device again. The value of the process stays visible beside it in the history.
#[utoipa::path(post, path = "/api/twin/points/{point}/substitute", tag = "twin", security(("session" = ["operator"]), ("token" = ["operator"])),
    params(("point" = String, Path)), request_body = Substitution, responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn substitute(
    State(app): State<App>,
    Operator(caller): Operator,
    Path(point): Path<String>,
    Json(asked): Json<Substitution>,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let reason = text("reason", &asked.reason, true)?;
    let value = asked.value.as_ref().map(value_of).transpose()?;
    let by = originator(&caller, reason.clone());
    let name = point.clone();
    let shown = blocking(move || {
        let wanted = name.to_lowercase();
        let of = |twin: &twin::live::Twin| twin.points().into_iter().find(|p| p.point.to_lowercase() == wanted);
        let before = of(&twin);
        twin.substitute(&name, value, &by).map_err(problem_of)?;
        Ok((before, of(&twin)))
    })
    .await?;
    let (before, after) = (shown.0.map(|p| json!({ "value": p.value, "validity": p.validity })), shown.1);
    caller.note(&app, "twin.substitute", &point, json!({ "value": asked.value, "reason": reason, "before": before })).await?;
    Ok(Json(json!({ "point": after })))
}
