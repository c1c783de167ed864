//! What every handler is handed.

use crate::StartError;
use crate::auth::Auth;
use crate::config::Config;
use crate::desks::Desks;
use crate::follow::Follower;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::results::Results;
use crate::routes::grid::Grids;
use crate::routes::review::{MeterMaps, Subjects};
use crate::view::Views;
use crate::vtn::Vtn;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use store::project::Project;
use store::server::{Entry, ServerDatabase};
use tokio::sync::watch;

/// Shared by all handlers; a copy is a pointer.
pub type App = Arc<Shared>;

#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    /// Users, sessions, tokens, settings, audit log, jobs.
    pub database: ServerDatabase,
    pub auth: Auth,
    pub metrics: Metrics,
    pub jobs: Jobs,
    pub results: Results,
    /// The plant that is followed.
    pub twin: Arc<Follower>,
    /// Networks made ready for looking at.
    pub views: Views,
    /// Their equipment as matching sees it.
    pub(crate) subjects: Subjects,
    /// Maps of meters.
    pub(crate) meter_maps: MeterMaps,
    /// Content-Security-Policy; the address of the base map stands in it.
    pub(crate) policy: RwLock<String>,
    /// Feeders that people try things on.
    pub(crate) desks: Desks,
    /// The top node of OpenADR.
    pub(crate) vtn: Vtn,
    /// Operations desks, by caller.
    pub(crate) grids: Grids,
    stopping: watch::Sender<bool>,
}

impl Shared {
    /// Opens what is kept in the data folder. Waits for the database.
    ///
    /// # Errors
    /// A folder that cannot be made, a database that cannot be opened.
    pub fn open(config: Config) -> Result<Self, StartError> {
        for dir in ["projects", "uploads", "jobs", "tmp"].map(|d| config.data.join(d)) {
            std::fs::create_dir_all(&dir).map_err(|e| StartError::io("make the folder", &dir, e))?;
        }
        let database = ServerDatabase::open_for(&config.data, config.database.as_deref())?;
        let auth = Auth::new(config.no_auth || database.has_users()?);
        let twin = Arc::new(Follower::new(config.twin.clone(), &config.data));
        let policy = RwLock::new(crate::routes::settings::policy(&database)?);
        let desks = Desks::new(&config.data);
        let vtn = Vtn::new(&config.data);
        Ok(Self {
            config,
            database,
            auth,
            metrics: Metrics::default(),
            jobs: Jobs::default(),
            results: Results::default(),
            twin,
            views: Views::default(),
            subjects: Subjects::default(),
            meter_maps: MeterMaps::default(),
            policy,
            desks,
            vtn,
            grids: Grids::default(),
            stopping: watch::channel(false).0,
        })
    }

    /// Tells when the server is about to stop: what goes on for long should end then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Writes into the audit log.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub async fn note(self: &Arc<Self>, entry: Entry) -> Result<(), Problem> {
        let app = self.clone();
        blocking(move || Ok(app.database.note(&entry)?)).await
    }

    /// Folder of a project, whether it is there or not.
    ///
    /// # Errors
    /// A name that is no plain name of a folder.
    pub fn project_dir(&self, project: &str) -> Result<PathBuf, Problem> {
        let is_plain = !project.is_empty()
            && project.len() <= 100
            && !project.starts_with('.')
            && project.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
        if is_plain {
            Ok(self.config.data.join("projects").join(project))
        } else {
            Err(Problem::not_found("There is no such project")
                .detail("The name of a project has letters, digits, blanks, dots, - and _, and does not begin with a dot."))
        }
    }

    /// Runs `work` with an open project on a thread that may wait.
    ///
    /// # Errors
    /// No such project, or what `work` fails with.
    pub async fn with_project<T, E>(
        &self,
        project: &str,
        work: impl FnOnce(&Project) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let dir = self.project_dir(project)?;
        let name = project.to_owned();
        blocking(move || {
            if !Project::is_project(&dir) {
                return Err(Problem::not_found(format!("There is no project \"{name}\"")).hint("GET /api/projects lists all of them."));
            }
            let project = Project::open(&dir)?;
            work(&project).map_err(Into::into)
        })
        .await
    }
}

/// Runs work that waits (for a disk, a database) or computes on a thread made for it.
///
/// # Errors
/// What the work fails with; a panic in it is an internal problem.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(Problem::internal(e)))
}
