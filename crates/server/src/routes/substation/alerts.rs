//! Alarms as alerts, and their rules as thresholds.

use crate::access::{Engineer, Operator, Viewer};
use crate::follow::wire;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::routes::twin::{AlarmAction, Pairs, acknowledging, act, originator};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use twin::alarms::document;
use twin::alarms::thresholds::{Alert, Threshold, rules_of, threshold_of};
use twin::live::{Told, Twin};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(acknowledge)).routes(routes!(thresholds, add_threshold))
}

/// The frame of an alarm that has come into sight; `None` of any other event of an alarm.
pub(crate) fn alert_frame(twin: &Twin, told: &Told) -> Option<Value> {
    if told.fields.get("annunciated").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    let rule = told.fields.get("rule").and_then(Value::as_str)?;
    let alert = twin.alarms(|a| a.alarm(rule).map(|v| Alert::of(&v)))?;
    Some(json!({ "type": "alert_notification", "notification_type": alert.severity, "alert": alert }))
}

/// Alarms in sight, unacknowledged first, then by severity.
#[utoipa::path(get, path = "/api/alerts", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("severity" = Option<String>, Query), ("acknowledged" = Option<bool>, Query), ("asset_id" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let severity = pairs.word("severity", &["critical", "high", "medium", "low"])?;
    let acknowledged = pairs.word("acknowledged", &["true", "false"])?.map(|w| w == "true");
    let asset = pairs.one("asset_id").map(str::to_owned);
    // The alarms may be busy writing.
    blocking(move || {
        let mut alerts: Vec<Alert> = twin.alarms(|a| a.listed().iter().map(Alert::of).collect());
        alerts.retain(|a| {
            severity.is_none_or(|s| a.severity.name() == s)
                && acknowledged.is_none_or(|k| a.acknowledged == k)
                && asset.as_deref().is_none_or(|id| a.asset_id.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(id)))
        });
        Ok(Json(json!({ "timestamp": rfc3339_ms(twin.moment().time_ms), "total": alerts.len(), "alerts": alerts })))
    })
    .await
}

/// A comment; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct AlertAcknowledgement {
    #[serde(default, alias = "notes")]
    comment: String,
}

/// The alert of a rule. The alarms may be busy writing.
async fn alert_of(twin: &Arc<Twin>, rule: &str) -> Result<Option<Alert>, Problem> {
    let (twin, rule) = (twin.clone(), rule.to_owned());
    blocking(move || Ok(twin.alarms(|a| a.alarm(&rule).map(|v| Alert::of(&v))))).await
}

/// Acknowledges an alert.
#[utoipa::path(post, path = "/api/alerts/{id}/acknowledge", tag = "substation", security(("session" = ["operator"]), ("token" = ["operator"])),
    params(("id" = String, Path)), request_body = Option<AlertAcknowledgement>,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn acknowledge(
    State(app): State<App>,
    Operator(caller): Operator,
    Path(id): Path<String>,
    asked: Option<Json<AlertAcknowledgement>>,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    if alert_of(&twin, &id).await?.is_none() {
        return Err(Problem::not_found("There is no such alert").code("TWIN.ALERT.UNKNOWN").hint("GET /api/alerts lists those in sight."));
    }
    let comment = asked.map(|Json(a)| a.comment).unwrap_or_default();
    act(&app, &caller, "acknowledge", AlarmAction::one(id.clone(), comment), acknowledging).await?;
    let alert = alert_of(&twin, &id).await?;
    Ok(Json(json!({ "success": true, "alert": alert, "acknowledged_by": caller.user })))
}

/// Rules that are thresholds. Those that say more than a threshold can are counted; GET /api/twin/rules has all.
#[utoipa::path(get, path = "/api/thresholds", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn thresholds(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    blocking(move || {
        let (all, thresholds) = twin.alarms(|a| {
            let thresholds: Vec<Threshold> = a.rules().iter().filter_map(|r| threshold_of(r, a.points())).collect();
            (a.rules().len(), thresholds)
        });
        Ok(Json(json!({ "total": thresholds.len(), "other_rules": all - thresholds.len(), "thresholds": thresholds })))
    })
    .await
}

/// Adds a threshold: one rule for each point that it fits. A rule of the same id takes the place of the one before.
#[utoipa::path(post, path = "/api/thresholds", tag = "substation", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = Object,
    responses((status = 201, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn add_threshold(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Json(asked): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    app.twin.get()?;
    let threshold: Threshold = serde_json::from_value(asked).map_err(|e| unfit(format!("{e}.")))?;
    let by = originator(&caller, format!("threshold {}", threshold.rule_id));
    let of = threshold.clone();
    // The rules that are added to are those that are in force then: another threshold may come at the same time.
    let ((_, ids), findings) = app.twin.change_rules(move |twin| with_threshold(twin, &of), by).await?;
    caller.note(&app, "twin.threshold", &threshold.rule_id, json!({ "threshold": threshold, "rules": ids })).await?;
    let answer = json!({ "success": true, "threshold": threshold, "rules": ids, "findings": wire::findings(&findings) });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn unfit(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The threshold is not understood")
        .code("TWIN.THRESHOLD.UNREADABLE")
        .detail(detail)
        .hint("Write rule_id, parameter, condition (>, <, =, range), threshold_value and severity; asset_type or asset_id.")
}

/// The document of the rules in force with a threshold added, and the ids of its rules.
fn with_threshold(twin: &Twin, of: &Threshold) -> Result<(String, Vec<String>), Problem> {
    let rules_now = twin.rules();
    let points = twin.points_table();
    let rules = rules_of(of, &points).map_err(|findings| {
        let mut problem = unfit("Each fault is told.".into());
        problem.findings = findings;
        problem
    })?;
    let mut all = document::read(&rules_now, "rules", &points);
    // What an earlier threshold of this id made goes, also of points that this one does not fit.
    let made_before = |id: &str| id == of.rule_id || id.strip_prefix(&of.rule_id).is_some_and(|rest| rest.starts_with('.'));
    all.rules.retain(|r| !(made_before(&r.id) && r.class.as_deref() == Some("threshold")));
    let ids: Vec<String> = rules.iter().map(|r| r.id.to_string()).collect();
    all.rules.extend(rules);
    let yaml = document::to_yaml(&all, &points).map_err(Problem::internal)?;
    Ok((yaml, ids))
}
