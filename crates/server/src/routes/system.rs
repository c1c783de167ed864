//! Is the server well.

use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(health_at_root)).routes(routes!(metrics))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `failing`.
    pub status: String,
    pub version: String,
    /// `ok`, or what is wrong with users, sessions and jobs.
    pub database: String,
    /// `ok`, or what is wrong with the folder of projects and their lakes.
    pub lake: String,
    /// Parts of the twin; none where no plant is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Components>,
}

/// How the parts of the twin are. They do not decide over the status: a plant that is away is no fault of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Components {
    /// Some device is connected, and all its points have been read.
    pub scada: bool,
    /// The newest estimate of the grid's state has settled.
    pub load_flow: bool,
    /// Fitted models are at work.
    pub ai_manager: bool,
    pub websocket_connections: usize,
}

fn components(app: &App) -> Option<Components> {
    let moment = app.twin.find()?.moment();
    Some(Components {
        scada: moment.devices.iter().any(|d| d.connected == Some(true) && d.recovered == Some(true)),
        load_flow: moment.estimate.state == "settled",
        ai_manager: app.twin.find()?.known().0.is_some_and(|c| !c.trained.is_empty()),
        websocket_connections: app.jobs.hub.len(),
    })
}

async fn look(app: App) -> (StatusCode, Json<Health>) {
    let components = components(&app);
    let found = blocking(move || {
        let database = match app.database.ping() {
            Ok(()) => "ok".to_owned(),
            // The place of the database stays out of an answer that anyone may have.
            Err(e) => {
                tracing::error!(error = %e, "the database does not answer");
                "the database does not answer".to_owned()
            }
        };
        let projects = app.config.data.join("projects");
        let lake = if std::fs::read_dir(projects).is_ok() { "ok" } else { "the folder of projects cannot be read" };
        Ok((database, lake.to_owned()))
    });
    let (database, lake) = found.await.unwrap_or_else(|p| (p.title, "not looked at".to_owned()));
    let is_well = database == "ok" && lake == "ok";
    let (code, status) = if is_well { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "failing") };
    (code, Json(Health { status: status.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), database, lake, components }))
}

/// Whether the server is up and its data can be reached.
#[utoipa::path(get, path = "/api/health", tag = "system",
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Up, but its data cannot be reached")))]
pub async fn health(State(app): State<App>) -> impl IntoResponse {
    look(app).await
}

/// The same, where probes look for it.
#[utoipa::path(get, path = "/health", tag = "system",
    responses((status = 200, body = Health), (status = 503, body = Health, description = "Up, but its data cannot be reached")))]
pub async fn health_at_root(State(app): State<App>) -> impl IntoResponse {
    look(app).await
}

/// Counters and gauges for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = blocking(move || {
        let sessions = app.database.count_sessions()?;
        app.metrics.text(sessions).map_err(Problem::internal)
    })
    .await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
