//! The figures of the station.

use super::level_name;
use crate::access::Viewer;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use twin::alarms::thresholds::Alert;
use twin::live::Twin;
use twin::live::outlook::{HORIZON_DAYS, Prediction};
use twin::live::view::{Moment, Trend};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Figures by the names that document 001 gives them.
pub(super) fn figures(moment: &Moment) -> Map<String, Value> {
    let m = &moment.metrics;
    let mut all = Map::new();
    let mut put = |name: &str, value: Option<f64>| drop(all.insert(name.to_owned(), json!(value)));
    put("system_health", m.system_health);
    put("total_load", m.total_load_mw);
    put("total_power", m.total_load_mw);
    put("efficiency", m.efficiency_pct);
    put("power_factor", m.power_factor);
    put("voltage_stability", m.voltage_stability_pct);
    put("frequency", m.frequency_hz);
    put("generation", m.generation_mw);
    put("losses", m.losses_mw);
    put("active_power", m.total_load_mw);
    put("reactive_power", m.reactive_mvar);
    put("apparent_power", m.apparent_mva);
    for (base, kv) in &m.levels {
        put(&level_name(*base), *kv);
    }
    all
}

/// Name of a trend's figure here, by the name that the twin gives it.
fn name_of(metric: &str) -> &str {
    match metric {
        "total_load_mw" => "total_power",
        "generation_mw" => "generation",
        "losses_mw" => "losses",
        "reactive_mvar" => "reactive_power",
        "apparent_mva" => "apparent_power",
        "efficiency_pct" => "efficiency",
        "voltage_stability_pct" => "voltage_stability",
        "frequency_hz" => "frequency",
        other => other,
    }
}

fn trend(t: &Trend) -> Value {
    json!({
        "value": t.change_pct.map(|p| format!("{p:+.1}%")),
        "percentage": t.change_pct,
        "direction": t.direction,
        "is_significant": t.significant,
        "previous_value": t.previous,
        "absolute_change": t.change,
        "previous_timestamp": rfc3339_ms(t.previous_ms),
    })
}

/// The figures of now, each with how it went within the hour.
#[utoipa::path(get, path = "/api/metrics", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let moment = app.twin.get()?.moment();
    let mut answer = Map::new();
    answer.insert("timestamp".into(), rfc3339_ms(moment.time_ms).into());
    answer.extend(figures(&moment));
    let trends: Map<String, Value> = moment.trends.iter().map(|t| (name_of(t.metric).to_owned(), trend(t))).collect();
    answer.insert("trends".into(), trends.into());
    Ok(Json(answer.into()))
}

/// The frame that is told every second.
pub(crate) fn frame(twin: &Twin) -> Value {
    let moment = twin.moment();
    let mut frame = Map::new();
    frame.insert("type".into(), "metrics".into());
    frame.insert("timestamp".into(), rfc3339_ms(moment.time_ms).into());
    frame.extend(figures(&moment));
    let alerts: Vec<Alert> = twin.alarms(|a| a.listed().iter().map(Alert::of).collect());
    frame.insert("alerts".into(), json!(alerts));
    // What was predicted last; null where no model is fitted: a number from nowhere would be taken for one of its.
    let outlook = twin.known().1.filter(|o| o.why.is_none());
    let one = |p: &Prediction| json!({ "asset_id": p.asset, "current_health": p.health, "predicted_health": p.predicted, "days_ahead": HORIZON_DAYS, "urgency": p.urgency });
    let predictions = outlook.map(|o| o.predictions.iter().map(one).collect::<Vec<_>>());
    frame.insert("predictions".into(), json!({ "health_predictions": predictions }));
    frame.into()
}
