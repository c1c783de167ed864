//! What is followed, and what it is now or was at a time.

use super::time_of;
use crate::access::Viewer;
use crate::follow::problem_of;
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use twin::history::Condition;
use twin::live::view::Moment;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(moment))
}

/// What is followed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TwinAnswer {
    pub name: String,
    /// Path or name of the model.
    pub model: String,
    /// The plant is a simulated one.
    pub simulated: bool,
    /// Its instructor can be asked: scenarios and faults.
    pub training: bool,
    /// When the server began to follow, ms since 1970 UTC.
    pub started_ms: i64,
    pub points: usize,
    pub devices: usize,
    /// Between two estimates, s.
    pub interval_s: f64,
    /// Rated frequency of the network, Hz.
    pub frequency_hz: f64,
    /// Loading beyond which switching is refused, percent of the normal rating.
    pub loading_limit_pct: f64,
    /// Voltages beyond which switching is refused, per unit.
    pub v_low_pu: f64,
    pub v_high_pu: f64,
    pub history: TwinHistory,
    /// File of the alarm rules.
    pub alarms_file: Option<String>,
}

/// How the history is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TwinHistory {
    /// Name of its folder; none of one in a database.
    pub folder: Option<String>,
    /// It is in a database.
    pub database: bool,
    /// `recording`, `stalled` (nothing is acknowledged) or `behind` (acknowledged, but logs grow).
    pub condition: &'static str,
    /// What is wrong, if anything.
    pub trouble: Option<String>,
    /// Samples and events that wait for the disk.
    pub waiting: usize,
}

fn history(condition: &Condition, folder: Option<String>) -> TwinHistory {
    let (condition, trouble, waiting) = match condition {
        Condition::Recording { waiting } => ("recording", None, *waiting),
        Condition::Stalled { trouble, waiting } => ("stalled", Some(trouble.diagnostic().code), *waiting),
        Condition::Behind { trouble, waiting } => ("behind", Some(trouble.diagnostic().code), *waiting),
    };
    TwinHistory { database: folder.is_none(), folder, condition, trouble, waiting }
}

/// What is followed.
#[utoipa::path(get, path = "/api/twin", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = TwinAnswer), (status = 404, description = "Nothing is followed", body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<TwinAnswer>, Problem> {
    let (twin, follow) = (app.twin.get()?, app.twin.follow()?);
    let site = twin.site();
    let name = |p: &std::path::PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned());
    let devices = &site.devices;
    Ok(Json(TwinAnswer {
        name: site.name.clone(),
        model: site.model.clone(),
        simulated: site.settings.simulated,
        training: site.settings.simulated && site.settings.instructor.is_some(),
        started_ms: twin.started().ms(),
        points: devices.iter().map(|d| d.points.len()).sum(),
        devices: devices.len(),
        interval_s: site.settings.interval_s,
        frequency_hz: site.network.options.frequency_hz,
        loading_limit_pct: site.settings.loading_limit_pct,
        v_low_pu: site.settings.v_low_pu,
        v_high_pu: site.settings.v_high_pu,
        history: history(&follow.history.condition(), follow.history_folder.as_ref().and_then(name)),
        alarms_file: follow.rules_file.as_ref().and_then(name),
    }))
}

/// Which moment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MomentQuery {
    /// A time that is over, RFC 3339 or milliseconds since 1970; the newest moment unless told.
    pub at: Option<String>,
}

/// The moment of a time, from the history; the newest without one.
///
/// # Errors
/// A time that cannot be read, or of which nothing is kept.
pub(super) async fn of_time(app: &App, at: Option<&str>) -> Result<Arc<Moment>, Problem> {
    let twin = app.twin.get()?;
    let Some(at) = at.filter(|t| !t.is_empty()) else { return Ok(twin.moment()) };
    let at = UtcTime::from_ms(time_of("at", at)?);
    app.twin.compute(move || twin.at(at).map(Arc::new).map_err(problem_of)).await
}

/// Everything that the twin knows of one instant: the estimate, metrics with trends, buses, elements, switches, assets, devices.
#[utoipa::path(get, path = "/api/twin/moment", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])), params(MomentQuery),
    responses((status = 200, body = Object), (status = 404, description = "Nothing is followed, or nothing kept of that time", body = Problem)))]
pub async fn moment(State(app): State<App>, _: Viewer, Query(query): Query<MomentQuery>) -> Result<Response, Problem> {
    let moment = of_time(&app, query.at.as_deref()).await?;
    let text = serde_json::to_vec(&*moment).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
