//! Projects, networks and their versions.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::project::Project;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A project in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectRow {
    /// Name in addresses: that of its folder.
    pub id: String,
    pub name: String,
    pub networks: u64,
    pub versions: u64,
    /// Time of the newest version, RFC 3339.
    pub newest_utc: Option<String>,
    /// Why it cannot be opened, when it cannot.
    pub fault: Option<Problem>,
}

/// All projects.
#[utoipa::path(get, path = "/api/projects", tag = "projects", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Vec<ProjectRow>), (status = 401, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Vec<ProjectRow>>, Problem> {
    let dir = app.config.data.join("projects");
    blocking(move || {
        let mut rows = Vec::new();
        let Ok(below) = std::fs::read_dir(&dir) else { return Ok(Json(rows)) };
        for entry in below.flatten().filter(|e| Project::is_project(&e.path())) {
            let id = entry.file_name().to_string_lossy().into_owned();
            rows.push(match Project::open(&entry.path()).and_then(|p| p.summary()) {
                Ok(s) => ProjectRow { id, name: s.name, networks: s.networks, versions: s.versions, newest_utc: s.newest_utc, fault: None },
                Err(e) => ProjectRow { name: id.clone(), id, networks: 0, versions: 0, newest_utc: None, fault: Some(e.into()) },
            });
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Json(rows))
    })
    .await
}
