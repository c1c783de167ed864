//! One module an area; each gives its routes with their documentation.

mod projects;
mod system;

use crate::state::App;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(title = "GridTwin", description = "The digital twin of an electricity grid: networks, studies, live data."),
    tags(
        (name = "system", description = "Health and metrics"),
        (name = "projects", description = "Projects, networks and their versions")
    )
)]
struct Document;

/// Every route below `/api`.
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi()).merge(system::routes()).merge(projects::routes())
}
