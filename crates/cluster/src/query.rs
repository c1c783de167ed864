//! A study as the cluster carries it, and what a worker does with it.

use crate::error::Refusal;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A study without its jobs: the same for all of them, so it travels once with each task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Version of the program that asks.
    pub version: String,
    /// Number of the form in which questions, jobs and outcomes are written. It changes when a worker would misread them.
    pub payload: u32,
    /// Which study.
    pub study: String,
    /// What every job is asked, as the study writes it.
    pub question: String,
}

/// Whether a job is to end: its query was cancelled, or the worker stops.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why there is no outcome.
#[derive(Debug)]
pub enum NoOutcome {
    /// It was asked to stop.
    Stopped,
    /// Nothing of the study can be done here; the query ends.
    Refused(Vec<Diagnostic>),
}

/// What a worker does with jobs.
pub trait Work: Send + Sync + 'static {
    /// Version of the program and number of the payload's form; a query of another one is refused before [`Work::run`].
    fn understands(&self) -> (&str, u32);

    /// Does one job, on a thread that may wait, and returns its outcome as text. A job may be done twice, by two workers at once:
    /// what it leaves has to be the same.
    ///
    /// # Errors
    /// See [`NoOutcome`]. What is wrong with one job only, and would be so everywhere, is no error but an outcome.
    fn run(&self, query: &Query, job: &str, stop: &Stop) -> Result<String, NoOutcome>;
}

/// Work under the name of its worker.
#[derive(Clone)]
pub(crate) struct NamedWork {
    pub worker: Arc<str>,
    pub work: Arc<dyn Work>,
}

impl std::fmt::Debug for NamedWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "work of {}", self.worker)
    }
}

impl NamedWork {
    /// Does one job of a query that is understood; a failure as the text of a [`Refusal`].
    pub fn run(&self, query: &Query, job: &str, stop: &Stop) -> Result<String, String> {
        let refusal = |findings| Refusal { worker: self.worker.to_string(), findings }.as_text();
        let (version, payload) = self.work.understands();
        if (version, payload) != (query.version.as_str(), query.payload) {
            return Err(refusal(vec![self.other_version(query, version, payload)]));
        }
        match self.work.run(query, job, stop) {
            Ok(outcome) => Ok(outcome),
            Err(NoOutcome::Stopped) => Err("the job was asked to stop".to_owned()),
            Err(NoOutcome::Refused(findings)) => Err(refusal(findings)),
        }
    }

    fn other_version(&self, query: &Query, version: &str, payload: u32) -> Diagnostic {
        Diagnostic::error("CLUSTER.WORKER.VERSION", format!("worker {} runs another version than the study was asked with", self.worker))
            .detail(format!(
                "The worker is version {version} (studies in form {payload}), the study was asked by version {} (form {}).",
                query.version, query.payload
            ))
            .hint("Run the same version on the scheduler, on all workers and where the study is asked.")
    }
}
