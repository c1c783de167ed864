//! Views that are kept: each is built once, however many ask for it at the same time, and the least used ones go when memory is short.

use super::View;
use crate::problem::Problem;
use crate::state::{Shared, blocking};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};
use store::project::{Project, VersionInfo};
use tokio::sync::{OnceCell, Semaphore};

/// Memory that views may take together, bytes; one is kept whatever its size.
const BUDGET: usize = 1 << 30;
/// Views that are built at the same time; each holds a whole network twice while it is read.
const BUILDS: usize = 2;
/// Resolved versions that are remembered.
const RESOLVED_MAX: usize = 1000;
/// How long a version of a project in a database server is taken for the newest.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Memory that encoded tiles and geometry of one view may take, bytes.
const ENCODED_MAX: usize = 64 << 20;

type Asked = (PathBuf, String, Option<u64>);
/// Folder of the project, network, version, and hash of all that it holds.
type Key = (PathBuf, String, u64, String);

#[derive(Debug)]
struct Entry {
    cell: Arc<OnceCell<Arc<View>>>,
    used: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Resolved {
    /// Lengths and times of the project's files; none of a project in a database server.
    files: Option<FileState>,
    at: Instant,
    info: VersionInfo,
}

type FileState = [Option<(SystemTime, u64)>; 2];

/// All views of a server.
#[derive(Debug)]
pub struct Views {
    entries: Mutex<(HashMap<Key, Entry>, u64)>,
    resolved: Mutex<HashMap<Asked, Resolved>>,
    builds: Semaphore,
    budget: usize,
}

impl Default for Views {
    fn default() -> Self {
        Self { entries: Mutex::default(), resolved: Mutex::default(), builds: Semaphore::new(BUILDS), budget: BUDGET }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// State of the files of a SQLite project: what one of them shows of a change, a reader that was there before has to see.
fn file_state(dir: &Path) -> Option<FileState> {
    if dir.join("project.json").exists() {
        return None;
    }
    let of = |name: &str| std::fs::metadata(dir.join(name)).ok().and_then(|m| Some((m.modified().ok()?, m.len())));
    Some([of("project.db"), of("project.db-wal")])
}

impl Views {
    /// The view of a version; the newest one when none is told.
    ///
    /// # Errors
    /// No such project, network or version; a version that cannot be read.
    pub async fn get(&self, shared: &Shared, project: &str, network: &str, version: Option<u64>) -> Result<Arc<View>, Problem> {
        let dir = shared.project_dir(project)?;
        let info = self.resolve(&dir, network, version).await?;
        let key: Key = (dir.clone(), info.network.clone(), info.number, info.digest.clone());
        let cell = {
            let mut entries = locked(&self.entries);
            entries.1 += 1;
            let now = entries.1;
            let entry = entries.0.entry(key.clone()).or_insert_with(|| Entry { cell: Arc::default(), used: now, bytes: 0 });
            entry.used = now;
            entry.cell.clone()
        };
        let built = cell
            .get_or_try_init(|| async {
                let _permit = self.builds.acquire().await.map_err(Problem::internal)?;
                blocking(move || {
                    let project = Project::open(&dir)?;
                    let stored = project.network(Some(&info.network), Some(info.number))?;
                    drop(project);
                    Ok(Arc::new(View::new(stored.info, stored.imported.network, stored.imported.diagnostics)))
                })
                .await
            })
            .await;
        match built {
            Ok(view) => {
                let view = view.clone();
                self.make_room(&key, view.bytes() + ENCODED_MAX / 8);
                Ok(view)
            }
            Err(problem) => {
                let mut entries = locked(&self.entries);
                if entries.0.get(&key).is_some_and(|e| !e.cell.initialized() && Arc::strong_count(&e.cell) <= 2) {
                    entries.0.remove(&key);
                }
                Err(problem)
            }
        }
    }

    fn make_room(&self, key: &Key, bytes: usize) {
        let mut entries = locked(&self.entries);
        if let Some(entry) = entries.0.get_mut(key) {
            entry.bytes = bytes;
        }
        while entries.0.len() > 1 && entries.0.values().map(|e| e.bytes).sum::<usize>() > self.budget {
            let oldest = entries.0.iter().filter(|(k, e)| *k != key && e.bytes > 0).min_by_key(|(_, e)| e.used).map(|(k, _)| k.clone());
            match oldest {
                Some(oldest) => entries.0.remove(&oldest),
                None => return,
            };
        }
    }

    /// Which version is meant, without opening the project when nothing has changed since it was last asked.
    /// Which version is meant, without its view.
    ///
    /// # Errors
    /// No such project, network or version.
    pub async fn version(&self, shared: &Shared, project: &str, network: &str, version: Option<u64>) -> Result<VersionInfo, Problem> {
        self.resolve(&shared.project_dir(project)?, network, version).await
    }

    async fn resolve(&self, dir: &Path, network: &str, version: Option<u64>) -> Result<VersionInfo, Problem> {
        let asked: Asked = (dir.to_owned(), network.to_owned(), version);
        let files = file_state(dir);
        if let Some(known) = locked(&self.resolved).get(&asked) {
            let holds = match (&known.files, &files) {
                (Some(a), Some(b)) => a == b,
                (None, None) => known.at.elapsed() < REMEMBERED,
                _ => false,
            };
            if holds {
                return Ok(known.info.clone());
            }
        }
        let (dir, name) = (dir.to_owned(), network.to_owned());
        let info = blocking(move || Ok(Project::open(&dir)?.version(Some(&name), version)?)).await?;
        let mut resolved = locked(&self.resolved);
        if resolved.len() >= RESOLVED_MAX {
            resolved.clear();
        }
        resolved.insert(asked, Resolved { files, at: Instant::now(), info: info.clone() });
        Ok(info)
    }
}

/// What was encoded of one view.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Encoded>);

#[derive(Debug, Default)]
struct Encoded {
    by_name: HashMap<String, Arc<[u8]>>,
    bytes: usize,
}

impl Kept {
    /// What is kept under a name, or what `make` makes.
    pub(super) fn get_or(&self, name: &str, make: impl FnOnce() -> Vec<u8>) -> Arc<[u8]> {
        if let Some(bytes) = locked(&self.0).by_name.get(name) {
            return bytes.clone();
        }
        let made: Arc<[u8]> = make().into();
        let mut kept = locked(&self.0);
        if kept.bytes + made.len() > ENCODED_MAX {
            // The tiles of one look at the map come in within seconds: beginning anew costs little, and nothing is to be tracked.
            *kept = Encoded::default();
        }
        if made.len() <= ENCODED_MAX && kept.by_name.insert(name.to_owned(), made.clone()).is_none() {
            kept.bytes += made.len() + name.len();
        }
        made
    }
}
