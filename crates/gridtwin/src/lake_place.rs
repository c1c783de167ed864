//! Where the lake of a run is: a folder, or object storage.
//!
//! A lake in object storage has the very files of one in a folder, at the same places. A run keeps a folder of its own beside it, with the
//! records but not the tables: what is missing is planned from the records and the lengths of the objects, a feeder is written into the
//! folder and then sent, its tables first and its record last, so that it counts only when it is whole there too.

use crate::failure::Failure;
use crate::model_files::is_remote;
use std::path::{Path, PathBuf};
use store::{FeederRecord, Job, Lake, Plan, Run};

/// Where the lake of a run is.
#[derive(Debug)]
pub struct LakePlace {
    here: PathBuf,
    #[cfg(feature = "cluster")]
    remote: Option<remote::Remote>,
}

impl LakePlace {
    /// The place that was named.
    ///
    /// # Errors
    /// Object storage that cannot be reached; a program that was built without it.
    pub fn open(out: &Path) -> Result<Self, Failure> {
        if !is_remote(out) {
            return Ok(Self {
                here: out.to_owned(),
                #[cfg(feature = "cluster")]
                remote: None,
            });
        }
        #[cfg(feature = "cluster")]
        return remote::open(out);
        #[cfg(not(feature = "cluster"))]
        Err(network::Diagnostic::error("CLUSTER.PROGRAM.NO_STORAGE", format!("{} is in object storage", out.display()))
            .detail("This program was built without it.")
            .hint("Name a folder, or build with the cargo feature \"cluster\".")
            .into())
    }

    /// The folder: the lake itself, or what a run keeps of it here.
    pub fn here(&self) -> &Path {
        &self.here
    }

    /// Takes what the lake says of a study.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub fn take_in(&self, lake: &Lake, study: &str) -> Result<(), Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.take_in(lake, study);
        }
        let _ = (lake, study);
        Ok(())
    }

    /// Sends the format and the manifest of a study.
    ///
    /// # Errors
    /// Storage that cannot be written.
    pub fn send_manifest(&self, lake: &Lake, study: &str) -> Result<(), Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.send_manifest(lake, study);
        }
        let _ = (lake, study);
        Ok(())
    }

    /// What is missing of a study.
    ///
    /// # Errors
    /// As [`Run::plan`]; storage that cannot be listed.
    pub fn plan(&self, run: &Run, jobs: &[Job], retry_failed: bool) -> Result<Plan, Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.plan(run, jobs, retry_failed);
        }
        Ok(run.plan(jobs, retry_failed)?)
    }

    /// The record of a feeder that is done with the job's model and options by this version.
    ///
    /// # Errors
    /// A record that cannot be opened; storage that cannot be read.
    pub fn committed(&self, run: &Run, job: &Job) -> Result<Option<FeederRecord>, Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.committed(run, job);
        }
        Ok(run.committed(job)?)
    }

    /// Sends a feeder that was committed here, or whose failure was recorded.
    ///
    /// # Errors
    /// Storage that cannot be written.
    pub fn publish(&self, run: &Run, record: &FeederRecord) -> Result<(), Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.publish(run, record);
        }
        let _ = (run, record);
        Ok(())
    }

    /// Whether a lake is there.
    ///
    /// # Errors
    /// No lake there, storage that cannot be reached.
    pub fn look(&self) -> Result<(), Failure> {
        #[cfg(feature = "cluster")]
        if let Some(remote) = &self.remote {
            return remote.look();
        }
        Lake::open(&self.here)?;
        Ok(())
    }

    /// Whether it is in object storage, where nothing is locked.
    pub fn is_remote(&self) -> bool {
        #[cfg(feature = "cluster")]
        return self.remote.is_some();
        #[cfg(not(feature = "cluster"))]
        false
    }
}

#[cfg(feature = "cluster")]
mod remote {
    use super::{Failure, FeederRecord, Job, Lake, LakePlace, Path, PathBuf, Plan, Run};
    use ::cluster::ClusterError;
    use ::cluster::storage::{self, Place};
    use network::Diagnostic;
    use std::collections::HashMap;
    use std::fs;
    use std::sync::atomic::{AtomicU64, Ordering};
    use store::Status;

    /// The lake in object storage, and the folder here, which goes with its value.
    #[derive(Debug)]
    pub(super) struct Remote {
        place: Place,
        here: PathBuf,
    }

    impl Drop for Remote {
        fn drop(&mut self) {
            // Best effort: it lies among the system's temporary files.
            let _ = fs::remove_dir_all(&self.here);
        }
    }

    /// Places of one process, told apart.
    static OPENED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn open(out: &Path) -> Result<LakePlace, Failure> {
        let place = Place::of_path(out).expect("it was looked at").map_err(Failure::from)?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let here = std::env::temp_dir().join(format!("gridtwin-lake-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&here);
        fs::create_dir_all(&here).map_err(|e| crate::result_folder::cannot("make the folder", &here, &e))?;
        let remote = Remote { place, here: here.clone() };
        remote.get("lake.json")?;
        Ok(LakePlace { here, remote: Some(remote) })
    }

    impl Remote {
        /// The object that stands for a file of the folder.
        fn at(&self, path: &Path) -> Place {
            let below: Vec<String> = path
                .strip_prefix(&self.here)
                .expect("the folder is the lake's")
                .components()
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect();
            self.place.join(&below.join("/"))
        }

        fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
            Ok(store::files::write_whole(path, bytes)?)
        }

        /// Takes a file; false when there is no such object.
        fn get(&self, below: &str) -> Result<bool, Failure> {
            let Some(bytes) = storage::get(&self.place.join(below))? else { return Ok(false) };
            self.write(&self.here.join(below), &bytes)?;
            Ok(true)
        }

        fn send(&self, path: &Path) -> Result<(), Failure> {
            let bytes = fs::read(path).map_err(|e| crate::result_folder::cannot("read", path, &e))?;
            Ok(storage::put(&self.at(path), bytes)?)
        }

        pub(super) fn look(&self) -> Result<(), Failure> {
            if storage::get(&self.place.join("lake.json"))?.is_none() {
                return Err(Diagnostic::error("CLUSTER.STORAGE.EMPTY", format!("{} holds no results lake", self.place))
                    .hint("Check bucket and folder; the lake is made where the study is asked.")
                    .into());
            }
            Ok(())
        }

        pub(super) fn take_in(&self, lake: &Lake, study: &str) -> Result<(), Failure> {
            let dir = lake.study_dir(study);
            for entry in storage::list(&self.at(&dir))? {
                let below = entry.place.key.strip_prefix(&self.place.key).unwrap_or(&entry.place.key).trim_start_matches('/');
                self.get(below)?;
            }
            Ok(())
        }

        pub(super) fn send_manifest(&self, lake: &Lake, study: &str) -> Result<(), Failure> {
            self.send(&self.here.join("lake.json"))?;
            self.send(&lake.study_dir(study).join("run.json"))
        }

        pub(super) fn plan(&self, run: &Run, jobs: &[Job], retry_failed: bool) -> Result<Plan, Failure> {
            let lengths: HashMap<Place, u64> = storage::list(&self.place.join("lake"))?.into_iter().map(|e| (e.place, e.bytes)).collect();
            // Objects are whole or not there, so that the length tells one of another run from the record's.
            let plan = run.plan_by(jobs, retry_failed, &|path, record| match lengths.get(&self.at(path)) {
                Some(bytes) if *bytes == record.bytes => Ok(()),
                Some(bytes) => Err(format!("it has {bytes} bytes, its commit record says {}", record.bytes)),
                None => Err("it is not there".to_owned()),
            });
            Ok(plan?)
        }

        fn record(&self, run: &Run, feeder: &str) -> Result<Option<FeederRecord>, Failure> {
            let path = run.lake().record_path(run.study(), feeder);
            Ok(storage::get(&self.at(&path))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
        }

        pub(super) fn committed(&self, run: &Run, job: &Job) -> Result<Option<FeederRecord>, Failure> {
            let Some(record) = self.record(run, &job.feeder)?.filter(|r| run.is_of(r, job)) else { return Ok(None) };
            for file in &record.files {
                let place = self.at(&run.lake().part_path(&file.table, run.study(), &job.feeder));
                if storage::length(&place)? != Some(file.bytes) {
                    return Ok(None);
                }
            }
            Ok(Some(record))
        }

        pub(super) fn publish(&self, run: &Run, record: &FeederRecord) -> Result<(), Failure> {
            let lake = run.lake();
            let record_path = lake.record_path(run.study(), &record.feeder);
            let part = |table: &str| lake.part_path(table, run.study(), &record.feeder);
            let before = self.record(run, &record.feeder)?;
            if before.as_ref().is_some_and(|b| b != record) {
                // The record goes first: killed in between, the feeder is missing, which is the truth.
                storage::remove(&self.at(&record_path))?;
            }
            for file in &record.files {
                self.send(&part(&file.table))?;
            }
            let stale = before.iter().flat_map(|b| &b.files).filter(|f| record.files.iter().all(|new| new.table != f.table));
            for file in stale {
                storage::remove(&self.at(&part(&file.table)))?;
            }
            self.send(&record_path)?;
            // The tables are kept there; here they would fill the disk.
            for file in record.files.iter().filter(|_| matches!(record.status, Status::Done)) {
                let _ = fs::remove_file(part(&file.table));
            }
            Ok(())
        }
    }

    impl From<ClusterError> for Failure {
        fn from(error: ClusterError) -> Self {
            Self::new(error.diagnostics())
        }
    }
}
