//! Points and devices.

use crate::access::Viewer;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::routes::twin::Pairs;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Query, State};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(points)).routes(routes!(devices))
}

/// All points with their newest values.
#[utoipa::path(get, path = "/api/scada/data", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("device" = Option<String>, Query), ("asset_id" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn points(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let [device, asset] = ["device", "asset_id"].map(|k| pairs.one(k).map(str::to_owned));
    blocking(move || {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| found.is_some_and(|f| f.eq_ignore_ascii_case(w)));
        let points: Vec<Value> = twin
            .points()
            .iter()
            .filter(|p| is(&device, Some(&p.device)) && is(&asset, p.asset.as_deref()))
            .map(|p| {
                // A number where it is one; what a point tells in words otherwise.
                let value = p.number.map_or_else(|| p.value.as_ref().map_or(Value::Null, |v| v.to_string().into()), |x| json!(x));
                json!({
                    "name": p.point, "value": value, "unit": p.unit, "quality": p.validity, "quality_details": p.details,
                    "timestamp": rfc3339_ms(p.time_ms), "device": p.device, "asset_id": p.asset, "element": p.element, "parameter": p.quantity,
                })
            })
            .collect();
        Ok(Json(json!({ "timestamp": rfc3339_ms(crate::moment::now_ms()), "total_points": points.len(), "data": points })))
    })
    .await
}

/// All devices, and whether they answer.
#[utoipa::path(get, path = "/api/iot/devices", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn devices(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let moment = app.twin.get()?.moment();
    let devices: Vec<Value> = moment
        .devices
        .iter()
        .map(|d| {
            let (connected, recovered) = (d.connected == Some(true), d.recovered == Some(true));
            let status = if connected { if recovered { "online" } else { "connecting" } } else { "offline" };
            json!({
                "device_id": d.device, "protocol": d.protocol, "address": d.address, "status": status, "points": d.points,
                "good": d.good, "questionable": d.questionable, "invalid": d.invalid,
                "last_seen": d.last_ms.map(rfc3339_ms), "remark": d.remark,
            })
        })
        .collect();
    let online = moment.devices.iter().filter(|d| d.connected == Some(true)).count();
    Ok(Json(
        json!({ "timestamp": rfc3339_ms(moment.time_ms), "total_devices": devices.len(), "online_devices": online, "devices": devices }),
    ))
}
