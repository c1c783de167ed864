//! Projects on disk: networks and their versions ([`project`]), the results lake of Parquet files, SQL over it, and what the server keeps
//! beside them ([`server`]).
//!
//! ```text
//! DIR/lake.json                                       what this folder is: format, version
//! DIR/lock, lock.json                                 held while a run writes; by whom and since when
//! DIR/lake/TABLE/study=STUDY/feeder=FEEDER/part.parquet
//! DIR/runs/STUDY/run.json                             manifest: options, inputs with their hashes, engine version, seed
//! DIR/runs/STUDY/feeders/FEEDER.json                  commit record of one feeder: rows and checksum of each of its files
//! DIR/aside/                                          files that were found torn or foreign, each with its reason
//! ```
//!
//! The unit of commit is a feeder. [`lake::Lake`] reads, [`run::Run`] writes; [`report`] makes the
//! figures that people ask for of a study, and with the feature `sql`, `sql` answers queries over every table and view.
//!
//! # Example
//! ```
//! use store::{Job, Lake, RunManifest};
//! # let dir = tempfile::tempdir().unwrap();
//! let lake = Lake::open_or_create(dir.path())?;
//! let manifest = RunManifest::new("base", "0.1.0");
//! let run = lake.begin(&manifest)?;
//! let jobs = [Job::new("north", "hash of its model", "hash of the options")];
//! for todo in run.plan(&jobs, false)?.todo {
//!     run.feeder(&jobs[todo.job])?.commit(serde_json::Value::Null)?;
//! }
//! assert!(run.plan(&jobs, false)?.todo.is_empty());
//! # Ok::<(), store::StoreError>(())
//! ```

pub mod analyses;
pub mod backup;
pub mod checksum;
pub mod error;
pub mod files;
pub mod lake;
pub mod models;
pub mod names;
pub mod project;
pub mod record;
pub mod report;
pub mod results;
pub mod run;
pub mod scenarios;
pub mod schema;
pub mod server;
#[cfg(feature = "sql")]
pub mod sql;
pub mod table_file;
pub mod views;

pub use error::StoreError;
pub use files::{PartialFile, sha256_hex};
pub use lake::{CommittedFile, Lake};
pub use record::{FeederRecord, FileRecord, Job, RunInput, RunManifest, Status};
pub use report::{Section, StudyReport, Value, study_report};
pub use run::{Cause, FeederWriter, Plan, Run, Todo};
