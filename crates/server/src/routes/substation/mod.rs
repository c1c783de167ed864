//! The plant that is followed, in the shapes that document 001 of the project shows: one address each for metrics, points, assets, commands,
//! histories, circuit, alerts, thresholds, versions and training. docs/server.md says what each field is.
//!
//! Where nothing is known a value is null; nothing is made up to fill a shape.

mod ai;
mod alerts;
mod assets;
mod circuit;
mod control;
mod data;
mod dss;
mod historical;
mod metrics;
mod simulation;
mod training;
mod ws;

pub(crate) use alerts::alert_frame;
pub(crate) use assets::Seen;
pub(crate) use metrics::frame as metrics_frame;

use crate::state::App;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<App> {
    metrics::routes()
        .merge(ai::routes())
        .merge(data::routes())
        .merge(assets::routes())
        .merge(control::routes())
        .merge(historical::routes())
        .merge(circuit::routes())
        .merge(alerts::routes())
        .merge(dss::routes())
        .merge(simulation::routes())
        .merge(training::routes())
        .merge(ws::routes())
}

/// A voltage level in a key: 400, 220, 33, 0.4.
fn level_name(kv: f64) -> String {
    let rounded = (kv * 1000.0).round() / 1000.0;
    format!("voltage_{rounded}kv")
}
