//! What every handler is handed.

use crate::config::Config;
use crate::problem::Problem;
use std::path::PathBuf;
use std::sync::Arc;
use store::project::Project;

/// Shared by all handlers; a copy is a pointer.
pub type App = Arc<Shared>;

#[derive(Debug)]
pub struct Shared {
    pub config: Config,
}

impl Shared {
    pub fn new(config: Config) -> Self {
        Self { config }
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
        blocking(move || {
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
