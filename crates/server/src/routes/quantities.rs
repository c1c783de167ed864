//! What is known of a network without a study, by the numbers that elements and buses have on the map.

use super::analyses::Layer;
use super::map::{At, Version};
use super::runs::{not_modified, value_bytes};
use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use crate::view::{NetworkQuantity, View};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(values))
}

/// Which values.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// What is wanted; without it the answer lists what can be had.
    quantity: Option<String>,
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    version: Option<u64>,
}

/// A quantity of a network.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkQuantityInfo {
    pub name: String,
    pub label: String,
    pub unit: String,
    /// `element` or `bus`: what the values are numbered by.
    pub of: String,
    /// Values at one place add up: a map of their density says something.
    pub adds_up: bool,
    /// How many have a value.
    pub count: u64,
    /// Sum of the values, where they add up.
    pub total: Option<f64>,
    /// Records that are counted but belong to nothing on the map.
    pub elsewhere: u64,
    /// Answer of the project that it is of; none of what is known without a study.
    pub analysis: Option<String>,
}

/// Quantities of a network.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkQuantities {
    pub network: String,
    pub version: u64,
    pub quantities: Vec<NetworkQuantityInfo>,
}

fn told(q: &NetworkQuantity) -> NetworkQuantityInfo {
    let known = || q.values.iter().filter(|x| x.is_finite());
    NetworkQuantityInfo {
        name: q.name.into(),
        label: q.label.into(),
        unit: q.unit.into(),
        of: if q.of_element { "element" } else { "bus" }.into(),
        adds_up: q.adds_up,
        count: known().count() as u64,
        total: q.adds_up.then(|| known().map(|x| f64::from(*x)).sum()),
        elsewhere: q.elsewhere,
        analysis: None,
    }
}

fn told_answer(layer: &Layer) -> NetworkQuantityInfo {
    NetworkQuantityInfo {
        name: layer.name.clone(),
        label: layer.label.clone(),
        unit: layer.unit.clone(),
        of: if layer.of_element { "element" } else { "bus" }.into(),
        adds_up: false,
        count: layer.values.iter().filter(|x| x.is_finite()).count() as u64,
        total: None,
        elsewhere: 0,
        analysis: layer.name.split('~').next().map(str::to_owned),
    }
}

/// Customers, nominal loads, installed generation and storage, recorded interruptions, ages, and what the project's answers (hosting capacity,
/// predicted reliability) say of this version: values for colouring a map.
///
/// 32-bit floats, little endian, one an element (by its number) or one a bus; not a number where there is none. Without `quantity`, JSON with
/// what can be had of this network.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/values", tag = "map", params(At, Wanted),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, description = "The values, or the quantities",
            content((NetworkQuantities = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 304, description = "As before"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn values(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let version = Version { version: wanted.version };
    let view: Arc<View> = app.views.get(&app, &at.project, &at.network, version.version).await?;
    let (shared, asked, of) = (app.clone(), wanted.quantity.clone(), (view.info.network.clone(), view.info.number));
    let (outages, answers) = app
        .with_project(&at.project, move |project| -> Result<_, Problem> {
            let only = asked.as_deref().filter(|q| !q.is_empty());
            Ok((project.outages()?, super::analyses::layers(&shared, project, &of.0, of.1, only)?))
        })
        .await?;
    blocking(move || {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let all = view.quantities(&outages, today);
        let Some(name) = wanted.quantity.filter(|q| !q.is_empty()) else {
            let quantities = all.iter().map(told).chain(answers.iter().map(told_answer)).collect();
            return Ok(
                Json(NetworkQuantities { network: view.info.network.clone(), version: view.info.number, quantities }).into_response()
            );
        };
        let of_answer = answers.iter().find(|l| l.name == name).map(|l| &l.values);
        let Some(values) = of_answer.or_else(|| all.iter().find(|q| q.name == name).map(|q| &q.values)) else {
            return Err(Problem::bad_request("The network has no such quantity")
                .hint(match all.iter().map(|q| q.name).collect::<Vec<_>>()[..] {
                    [] => "It has none: no loads, generation, storage, dates of installation or outages.".to_owned(),
                    ref names => format!("One of {}.", names.join(", ")),
                })
                .field("quantity"));
        };
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let etag = format!("\"{}\"", &store::sha256_hex(&bytes)[..24]);
        if let Some(known) = not_modified(&headers, &etag) {
            return Ok(known);
        }
        value_bytes(values, &etag)
    })
    .await
}
