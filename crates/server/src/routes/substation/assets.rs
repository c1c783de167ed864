//! The equipment of the station with its health.

use crate::access::Viewer;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, State};
use network::document::nearest;
use network::{Equipment, Network};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use twin::alarms::thresholds::{Alert, MaintenanceRow};
use twin::live::Twin;
use twin::live::view::AssetMoment;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The word that document 001 has for a kind of equipment.
pub(super) fn type_word(equipment: &Equipment) -> String {
    equipment.kind.word().split('_').map(|w| w[..1].to_uppercase() + &w[1..]).collect()
}

/// Columns of its table of assets, and what is known of the asset now.
fn row(equipment: &Equipment, network: &Network, now: Option<&AssetMoment>) -> Map<String, Value> {
    let rated = |names: &[&str]| names.iter().find_map(|n| equipment.rating.get(*n)).copied();
    let elements: Vec<String> = equipment.parts.iter().map(|p| network.full_name(p.element)).collect();
    let of = |get: fn(&AssetMoment) -> Option<f64>| now.and_then(get);
    let row = json!({
        "asset_id": equipment.id,
        "asset_type": type_word(equipment),
        "name": equipment.name,
        "location": equipment.bay,
        "commissioned_date": equipment.commissioned,
        "manufacturer": equipment.maker,
        "model": equipment.product,
        "rated_voltage_kv": rated(&["kv", "hv_kv"]),
        "rated_current_a": rated(&["normal_a", "primary_a"]),
        "rated_power_mva": rated(&["mva", "mvar"]),
        "status": now.map(|a| a.status),
        "health_score": of(|a| a.health),
        "loading_percent": of(|a| a.loading_pct),
        "temperature_c": of(|a| a.temperature_c),
        "voltage_kv": of(|a| a.v_kv),
        "current_a": of(|a| a.i_a),
        "power_mw": of(|a| a.p_mw),
        "active_alarms": now.map(|a| a.alarms),
        "elements": elements,
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

fn now_of(twin: &Twin) -> HashMap<String, AssetMoment> {
    twin.moment().assets.iter().map(|a| (a.asset.to_lowercase(), a.clone())).collect()
}

/// All equipment with its health, as an array.
#[utoipa::path(get, path = "/api/assets", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Vec<Object>), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let now = now_of(&twin);
    let site = twin.site();
    let rows = site.station.equipment.iter().map(|e| Value::from(row(e, &site.network, now.get(&e.id.to_lowercase()))));
    Ok(Json(rows.collect()))
}

/// The equipment of an id.
///
/// # Errors
/// No such equipment.
pub(super) fn find<'a>(twin: &'a Twin, id: &str) -> Result<&'a Equipment, Problem> {
    let station = &twin.site().station;
    station.find(id).ok_or_else(|| {
        let ids: Vec<&str> = station.equipment.iter().map(|e| e.id.as_str()).collect();
        let near = nearest(id, &ids).map_or_else(String::new, |n| format!("The nearest is \"{n}\"."));
        Problem::not_found("The station has no such equipment")
            .code("TWIN.ASSET.UNKNOWN")
            .detail(near)
            .hint("GET /api/assets lists all of it.")
    })
}

/// A piece of equipment: what it is, how it is and why, its points, alerts and maintenance.
#[utoipa::path(get, path = "/api/assets/{asset_id}", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("asset_id" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    // The alarms may be busy writing.
    blocking(move || told(&twin, find(&twin, &id)?).map(Json)).await
}

fn told(twin: &Twin, equipment: &Equipment) -> Result<Value, Problem> {
    let moment = twin.moment();
    let now = moment.assets.iter().find(|a| a.asset.eq_ignore_ascii_case(&equipment.id));
    let mut answer = row(equipment, &twin.site().network, now);
    let is_its = |asset: Option<&Arc<str>>| asset.is_some_and(|a| a.eq_ignore_ascii_case(&equipment.id));
    let points: Vec<Value> = twin
        .points()
        .iter()
        .filter(|p| is_its(p.asset.as_ref()))
        .map(|p| json!({ "name": p.point, "parameter": p.quantity, "value": p.number, "unit": p.unit, "quality": p.validity, "timestamp": rfc3339_ms(p.time_ms) }))
        .collect();
    let (alerts, maintenance) = twin.alarms(|a| {
        let alerts: Vec<Alert> = a.listed().iter().filter(|v| is_its(v.asset.as_ref())).map(Alert::of).collect();
        let entries = a.schedule().entries.iter().filter(|e| e.asset.eq_ignore_ascii_case(&equipment.id));
        (alerts, entries.map(MaintenanceRow::of).collect::<Vec<_>>())
    });
    answer.insert("timestamp".into(), rfc3339_ms(moment.time_ms).into());
    answer.insert("rating".into(), json!(equipment.rating));
    answer.insert("place".into(), json!(equipment.place));
    answer.insert("health_parts".into(), json!(now.map(|a| &a.parts)));
    answer.insert("real_time_data".into(), points.into());
    answer.insert("alerts".into(), json!(alerts));
    answer.insert("maintenance".into(), json!(maintenance));
    Ok(answer.into())
}

/// What of each asset was told last.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<String, String>);

impl Seen {
    /// Frames of the assets that have changed since, with the key under which only the newest waits.
    pub(crate) fn changed(&mut self, twin: &Twin) -> Vec<(String, Value)> {
        let (now, site) = (now_of(twin), twin.site());
        let mut frames = Vec::new();
        for equipment in &site.station.equipment {
            let asset = Value::from(row(equipment, &site.network, now.get(&equipment.id.to_lowercase())));
            let text = asset.to_string();
            if self.0.get(&equipment.id) != Some(&text) {
                self.0.insert(equipment.id.clone(), text);
                frames.push((format!("asset:{}", equipment.id), json!({ "type": "asset_update", "asset": asset })));
            }
        }
        frames
    }
}
