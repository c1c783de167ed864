//! One module an area; each gives its routes with their documentation.

mod analyses;
pub(crate) mod audit;
pub(crate) mod basemap;
mod days;
mod diagram;
mod elements;
mod exchange;
mod federations;
pub(crate) mod flexibility;
pub(crate) mod grid;
mod jobs;
mod learning;
pub(crate) mod map;
pub(crate) mod openadr;
mod overview;
mod projects;
mod quantities;
pub(crate) mod review;
mod runs;
mod scenarios;
mod sending;
mod session;
pub(crate) mod settings;
pub(crate) mod substation;
mod system;
mod tokens;
mod twin;
mod uploads;
mod users;
mod ws;

use crate::jobs::{
    ComparisonParams, ContingencyParams, DemoParams, HostingCapacityParams, ImportParams, MeterMapParams, MitigationParams, NetworkParams,
    ReconcileParams, ReconfigurationParams, ReliabilityParams, ReportParams, RestorationParams, ScenarioParams, SolveYearParams,
    SweepParams,
};
use crate::state::App;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(title = "GridTwin", description = "The digital twin of an electricity grid: networks, studies, live data."),
    // Parameters of jobs stand in no route's own types.
    components(schemas(
        ImportParams, SolveYearParams, ReportParams, NetworkParams, ReconcileParams, MeterMapParams, HostingCapacityParams, ReliabilityParams,
        MitigationParams, ContingencyParams, RestorationParams, ReconfigurationParams, ComparisonParams, ScenarioParams,
        SweepParams, DemoParams
    )),
    tags(
        (name = "access", description = "Login, users, tokens, audit log"),
        (name = "system", description = "Health and metrics"),
        (name = "projects", description = "Projects, networks and their versions"),
        (name = "uploads", description = "Files of models on their way into a project"),
        (name = "jobs", description = "Long work: imports, studies, reports"),
        (name = "review", description = "Networks matched to one another, meters and their transformers: what is proposed, what people decide"),
        (name = "analyses", description = "Studies whose answers are tables: hosting capacity, reliability, mitigation, outages, comparisons"),
        (name = "scenarios", description = "Scenarios: layers that are stacked upon networks, with all their versions"),
        (name = "runs", description = "Studies and their results"),
        (name = "live", description = "What happens, as it happens"),
        (name = "twin", description = "The plant that is followed: its state, points, history, alarms, commands, training"),
        (name = "substation", description = "The same in the shapes that other programs of substations expect"),
        (name = "map", description = "Where things are: GeoJSON, vector tiles, arrays of positions"),
        (name = "flexibility", description = "Feeders on which loads, devices, generators and demand flexibility programs are tried, with the addresses of document 002"),
        (name = "openadr", description = "OpenADR 3.1: programs, events, reports, VENs and resources, for clients of the standard"),
        (name = "operations", description = "The operations desk: telemetry, risk, losses and routing by switches, with the addresses of document 004"),
        (name = "elements", description = "Elements, buses and assets: lists, search, everything of one, ways along the grid")
    )
)]
struct Document;

/// Every route below `/api`.
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(system::routes())
        .merge(session::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(audit::routes())
        .merge(settings::routes())
        .merge(projects::routes())
        .merge(overview::routes())
        .merge(uploads::routes())
        .merge(jobs::routes())
        .merge(ws::routes())
        .merge(runs::routes())
        .merge(map::routes())
        .merge(basemap::routes())
        .merge(quantities::routes())
        .merge(elements::routes())
        .merge(diagram::routes())
        .merge(review::routes())
        .merge(analyses::routes())
        .merge(scenarios::routes())
        .merge(learning::routes())
        .merge(federations::routes())
        .merge(exchange::routes())
        .merge(flexibility::routes())
        .merge(days::routes())
        .merge(openadr::routes())
        .merge(grid::routes())
        .merge(twin::routes())
        .merge(sending::routes())
        .merge(substation::routes())
}
