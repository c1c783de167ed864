//! Files that were uploaded and wait to be imported: `DIR/uploads/ID/upload.json` beside `DIR/uploads/ID/files/`.

use crate::moment::now_ms;
use crate::problem::Problem;
use crate::state::{App, Shared};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::server::{JobFilter, JobState};
use utoipa::ToSchema;

/// How long files are kept that nobody imports.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often expired ones are looked for.
const LOOK: Duration = Duration::from_secs(600);
const RECORD: &str = "upload.json";

/// A file of an upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadFile {
    /// Path within the upload.
    pub name: String,
    pub bytes: u64,
}

/// What of an upload could be the model.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ModelCandidate {
    /// Path within the upload; empty for all of it.
    pub path: String,
    pub format: String,
    /// `certain` when the content says so, `likely` when names do, `guess` else.
    pub confidence: String,
    pub reason: String,
}

/// An upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    pub id: String,
    pub user: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// When its files are removed.
    pub expires: String,
    pub files: Vec<UploadFile>,
    pub bytes: u64,
    /// The likeliest model; none when no file looks like one.
    pub detected: Option<ModelCandidate>,
    /// All that could be one, the likeliest first.
    pub candidates: Vec<ModelCandidate>,
}

impl Shared {
    /// Folder of an upload, whether it is there or not.
    fn upload_dir(&self, id: &str) -> Result<PathBuf, Problem> {
        let is_plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
        if is_plain { Ok(self.config.data.join("uploads").join(id)) } else { Err(unknown()) }
    }

    /// Folder of an upload's files.
    ///
    /// # Errors
    /// What is no identity of an upload.
    pub fn upload_files(&self, id: &str) -> Result<PathBuf, Problem> {
        Ok(self.upload_dir(id)?.join("files"))
    }

    /// Folder of the files that a job makes.
    pub fn job_files(&self, id: &str) -> PathBuf {
        self.config.data.join("jobs").join(id)
    }
}

/// There is no such upload.
pub fn unknown() -> Problem {
    Problem::not_found("There is no such upload").code("UPLOAD.ID.UNKNOWN").hint("Upload the files again; they are kept for a day.")
}

/// Writes down what is known of an upload. Without it the upload does not count.
///
/// # Errors
/// A disk that takes no more.
pub fn keep(app: &Shared, upload: &Upload) -> Result<(), Problem> {
    let place = app.upload_dir(&upload.id)?.join(RECORD);
    let bytes = serde_json::to_vec(upload).map_err(Problem::internal)?;
    store::files::write_whole(&place, &bytes).map_err(Problem::internal)
}

/// An upload.
///
/// # Errors
/// There is none, or it has expired.
pub fn find(app: &Shared, id: &str) -> Result<Upload, Problem> {
    let bytes = std::fs::read(app.upload_dir(id)?.join(RECORD)).map_err(|_| unknown())?;
    serde_json::from_slice(&bytes).map_err(Problem::internal)
}

/// Uploads, newest first.
///
/// # Errors
/// A folder that cannot be read.
pub fn list(app: &Shared) -> Result<Vec<Upload>, Problem> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(app.config.data.join("uploads")).map_err(Problem::internal)?.flatten() {
        // One that is still coming in has no record.
        all.extend(find(app, &entry.file_name().to_string_lossy()).ok());
    }
    all.sort_by(|a: &Upload, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

/// Removes an upload.
///
/// # Errors
/// There is none.
pub fn remove(app: &Shared, id: &str) -> Result<(), Problem> {
    let dir = app.upload_dir(id)?;
    // The record first: removed half-way, it counts as none.
    let _ = std::fs::remove_file(dir.join(RECORD));
    std::fs::remove_dir_all(&dir).map_err(|_| unknown())
}

/// Removes uploads that have expired, and what a killed server left of those that were coming in.
pub async fn sweep(app: App) {
    let mut stopping = app.stopping();
    loop {
        let shared = app.clone();
        let swept = crate::state::blocking(move || {
            let mut used = Vec::new();
            for state in [JobState::Queued, JobState::Running] {
                let filter = JobFilter { state: Some(state), ..JobFilter::default() };
                used.extend(
                    shared.database.jobs(&filter, 10_000, 0)?.0.into_iter().filter_map(|j| j.params["upload"].as_str().map(str::to_owned)),
                );
            }
            for entry in std::fs::read_dir(shared.config.data.join("uploads")).map_err(Problem::internal)?.flatten() {
                let id = entry.file_name().to_string_lossy().into_owned();
                if !used.contains(&id) && is_old(&entry.path()) {
                    let _ = std::fs::remove_dir_all(entry.path());
                }
            }
            Ok(())
        });
        if let Err(problem) = swept.await {
            tracing::warn!(title = %problem.title, "expired uploads cannot be removed");
        }
        tokio::select! {
            () = crate::jobs::stopped(&mut stopping) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn is_old(dir: &Path) -> bool {
    let changed = |p: &Path| std::fs::metadata(p).and_then(|m| m.modified()).ok();
    let newest = changed(&dir.join(RECORD)).max(changed(dir)).max(changed(&dir.join("files")));
    newest.and_then(|t| t.elapsed().ok()).is_some_and(|age| age > KEPT)
}

/// When an upload of now expires, ms.
pub fn expires_ms() -> i64 {
    now_ms() + i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX)
}

/// What a process told of an upload's files.
#[derive(Debug, Deserialize)]
pub struct Received {
    pub files: Vec<UploadFile>,
    pub detected: Option<ModelCandidate>,
    pub candidates: Vec<ModelCandidate>,
}

impl TryFrom<Value> for Received {
    type Error = Problem;

    fn try_from(value: Value) -> Result<Self, Problem> {
        serde_json::from_value(value).map_err(Problem::internal)
    }
}
