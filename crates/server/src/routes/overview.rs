//! Everything at a glance.

use super::projects::{NetworkRow, by_network, names};
use crate::access::Viewer;
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::{App, Shared, blocking};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::project::Project;
use store::server::{JobFilter, JobState};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Projects that are looked into at most; more are counted.
const PROJECTS_MAX: usize = 200;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// How many jobs are in each state.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
}

impl JobCounts {
    fn count(&mut self, state: JobState, n: u64) {
        *match state {
            JobState::Queued => &mut self.queued,
            JobState::Running => &mut self.running,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Cancelled => &mut self.cancelled,
        } += n;
    }
}

/// A project at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectOverview {
    /// Name in addresses.
    pub id: String,
    pub name: String,
    pub networks: Vec<NetworkRow>,
    pub versions: u64,
    /// Time of the newest import.
    pub newest_utc: Option<String>,
    /// Seconds since then.
    pub age_s: Option<i64>,
    /// Findings of the newest versions together.
    pub errors: u64,
    pub warnings: u64,
    pub rejects: u64,
    /// Studies in the results lake.
    pub runs: u64,
    pub jobs: JobCounts,
    /// Why it cannot be opened, when it cannot.
    pub fault: Option<Problem>,
}

/// All projects at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    pub projects: Vec<ProjectOverview>,
    /// Projects that there are; the first 200 by name are shown.
    pub total: u64,
    pub jobs: JobCounts,
    /// When this was looked up.
    pub time_utc: String,
}

/// All projects: networks, versions, newest import, findings, studies, jobs.
#[utoipa::path(get, path = "/api/overview", tag = "projects", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Overview)))]
pub async fn overview(State(app): State<App>, _: Viewer) -> Result<Json<Overview>, Problem> {
    blocking(move || {
        let names = names(&app)?;
        let mut jobs = JobCounts::default();
        app.database.count_jobs()?.into_iter().for_each(|(state, n)| jobs.count(state, n));
        let total = names.len() as u64;
        let projects = names.into_iter().take(PROJECTS_MAX).map(|id| look(&app, id)).collect::<Result<_, _>>()?;
        Ok(Json(Overview { projects, total, jobs, time_utc: rfc3339(now_ms()) }))
    })
    .await
}

fn look(app: &Shared, id: String) -> Result<ProjectOverview, Problem> {
    let dir = app.project_dir(&id)?;
    let mut jobs = JobCounts::default();
    for state in JobState::ALL {
        let filter = JobFilter { state: Some(state), project: Some(id.clone()), ..JobFilter::default() };
        jobs.count(state, app.database.jobs(&filter, 1, 0)?.1);
    }
    let found = Project::open(&dir).and_then(|p| {
        let runs = p.lake()?.studies()?.len() as u64;
        Ok((p.name().to_owned(), by_network(p.history(None)?), runs))
    });
    Ok(match found {
        Ok((name, networks, runs)) => {
            let newest_utc = networks.iter().map(|n| n.newest_utc.clone()).max();
            let sum = |of: fn(&NetworkRow) -> u64| networks.iter().map(of).sum();
            ProjectOverview {
                id,
                name,
                versions: sum(|n| n.versions),
                age_s: newest_utc.as_deref().and_then(crate::moment::parse).map(|ms| (now_ms() - ms).max(0) / 1000),
                newest_utc,
                errors: sum(|n| n.errors),
                warnings: sum(|n| n.warnings),
                rejects: sum(|n| n.rejects),
                networks,
                runs,
                jobs,
                fault: None,
            }
        }
        Err(e) => ProjectOverview {
            name: id.clone(),
            id,
            networks: Vec::new(),
            versions: 0,
            newest_utc: None,
            age_s: None,
            errors: 0,
            warnings: 0,
            rejects: 0,
            runs: 0,
            jobs,
            fault: Some(e.into()),
        },
    })
}
