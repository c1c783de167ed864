//! Studies on several machines: the jobs of a study as the rows of a DataFusion plan, which a Ballista cluster runs.
//!
//! ```text
//! client ─► JobsTable: one partition a job ─► scheduler ─► SolveExec(DataSourceExec) on the workers ─► Work::run, job by job
//!        ◄── outcome rows, one a job ◄────────────────────────────────────────────┘   └─► results lake (folder or object storage)
//! ```
//!
//! The crate knows nothing of any study. A study is a [`Query`]: its kind and its question as text, and a text for each job. What a job
//! is made of, and what its outcome says, is agreed between those that build the jobs and the [`Work`] that is given to a worker.
//!
//! There is no state of ours in the scheduler, and no file but what [`Work`] writes: a worker that is killed costs its jobs, which run
//! again on another one, so [`Work::run`] has to leave one result when a job runs twice.

pub mod address;
pub mod client;
mod codec;
mod engine;
pub mod error;
mod operator;
pub mod query;
pub mod scheduler;
pub mod storage;
pub mod worker;

pub use address::Address;
pub use error::{ClusterError, Refusal};
pub use query::{Query, Work};
