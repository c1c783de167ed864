//! Studies of a project's lake and their results.

use crate::problem::Problem;
use crate::state::App;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// There is no such study.
pub(super) fn unknown(run: &str) -> Problem {
    let run: String = run.chars().take(100).collect();
    Problem::not_found(format!("The project has no study \"{run}\"")).hint("List the project's runs for those that there are.")
}
