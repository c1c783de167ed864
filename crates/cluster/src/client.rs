//! A client: asks a cluster to do the jobs of a query, follows how far it is, takes the outcomes.

use crate::address::Address;
use crate::error::{ClusterError, Refusal};
use crate::operator::JobsTable;
use crate::query::Query;
use crate::scheduler::{carrier, host_name, session_config};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use ballista::prelude::{SessionConfigExt, SessionContextExt};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the scheduler is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);
/// How often the caller is asked whether to go on.
const WATCH: Duration = Duration::from_millis(100);
/// How long a client waits for the first worker.
const WORKER_WAIT: Duration = Duration::from_secs(30);
/// How long a query that was asked just now may take to be in the scheduler's list.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
/// How long the scheduler may take to say how it is.
const STATUS_WAIT: Duration = Duration::from_secs(10);

/// How far a query is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Jobs done.
    pub done: usize,
    /// Workers that the scheduler holds to be alive.
    pub workers: usize,
}

/// The outcome of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub text: String,
    /// Who did it.
    pub worker: String,
}

/// Jobs that the cluster does side by side, once it has a worker.
///
/// # Errors
/// A scheduler that cannot be reached or has no workers, a break.
pub fn slots(address: &Address, watch: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<usize, ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ClusterError::Start { reason: e.to_string() })?;
    runtime.block_on(async {
        let status = Status::new(address)?;
        first_worker(&status, watch).await?;
        status.slots().await
    })
}

/// Has the jobs done and returns their outcomes, in the order of the jobs. `watch` hears how far it is and may break, which cancels the
/// query.
///
/// # Errors
/// A scheduler that cannot be reached or has no workers, what a worker refuses, a query that failed, an answer that does not have each
/// job once, a break.
pub fn run(
    address: &Address,
    query: &Query,
    jobs: Vec<String>,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<Outcome>, ClusterError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| ClusterError::Start { reason: e.to_string() })?;
    let n = jobs.len();
    let batches = runtime.block_on(ask(address, query, jobs, watch));
    // What is left over are connections.
    runtime.shutdown_background();
    in_order(n, &batches?)
}

async fn ask(
    address: &Address,
    query: &Query,
    jobs: Vec<String>,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<RecordBatch>, ClusterError> {
    let status = Status::new(address)?;
    let mut progress = Progress { done: 0, workers: first_worker(&status, watch).await? };
    let failed = |e: datafusion::error::DataFusionError| failure(address, &e.to_string());
    let work = carrier();
    let name = name_of(query);
    let config = session_config(&work).with_ballista_job_name(&name);
    let state = SessionStateBuilder::new().with_default_features().with_config(config).build();
    let context = SessionContext::remote_with_state(&address.of_queries(), state).await.map_err(failed)?;
    let table = JobsTable { query: Arc::new(query.clone()), jobs: Arc::new(jobs), work };
    let answer = context.read_table(Arc::new(table)).map_err(failed)?;
    let mut rows = tokio::spawn(answer.collect());
    let mut looked = Instant::now();
    loop {
        tokio::select! {
            ended = &mut rows => {
                return match ended {
                    Ok(Ok(batches)) => Ok(batches),
                    Ok(Err(e)) => Err(failed(e)),
                    Err(e) => Err(ClusterError::Failed { address: address.clone(), reason: e.to_string() }),
                };
            }
            () = tokio::time::sleep(WATCH) => {}
        }
        if looked.elapsed() >= LOOK {
            // A look that fails is no failure of the query, which tells its own.
            if let Ok(workers) = status.workers().await {
                progress.workers = workers;
            }
            if let Ok(Some(job)) = status.job(&name).await
                && let Ok(done) = status.done(&job).await
            {
                progress.done = progress.done.max(done);
            }
            looked = Instant::now();
        }
        if watch(progress).is_break() {
            status.cancel(&name).await?;
            rows.abort();
            return Err(ClusterError::Interrupted);
        }
    }
}

/// Waits for a worker and returns how many there are.
async fn first_worker(status: &Status, watch: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<usize, ClusterError> {
    let begun = Instant::now();
    loop {
        let workers = status.workers().await?;
        if workers > 0 {
            return Ok(workers);
        }
        if begun.elapsed() >= WORKER_WAIT {
            return Err(ClusterError::NoWorker { address: status.address.clone(), waited: WORKER_WAIT });
        }
        if watch(Progress::default()).is_break() {
            return Err(ClusterError::Interrupted);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A name that no other query has, by which it is found in the scheduler's list.
fn name_of(query: &Query) -> String {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    format!("{} of {}/{} {since}-{number}", query.study, host_name(), std::process::id())
}

fn failure(address: &Address, text: &str) -> ClusterError {
    match Refusal::in_text(text) {
        Some(refusal) => ClusterError::Refused { refusal: Box::new(refusal) },
        None => ClusterError::Failed { address: address.clone(), reason: text.to_owned() },
    }
}

/// The outcomes in the order of the jobs, each job once.
fn in_order(n: usize, batches: &[RecordBatch]) -> Result<Vec<Outcome>, ClusterError> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; n];
    let (mut doubled, mut foreign) = (0, 0);
    for batch in batches {
        let numbers = batch.column(0).as_primitive::<UInt32Type>();
        let (texts, workers) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let outcome = Outcome { text: texts.value(row).to_owned(), worker: workers.value(row).to_owned() };
            match outcomes.get_mut(numbers.value(row) as usize) {
                Some(place) if place.is_none() => *place = Some(outcome),
                Some(_) => doubled += 1,
                None => foreign += 1,
            }
        }
    }
    let missing = outcomes.iter().filter(|o| o.is_none()).count();
    if missing + doubled + foreign > 0 {
        return Err(ClusterError::Rows { missing, doubled, foreign });
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// What the scheduler says of itself.
struct Status {
    address: Address,
    http: reqwest::Client,
}

impl Status {
    fn new(address: &Address) -> Result<Self, ClusterError> {
        let http = reqwest::Client::builder().timeout(STATUS_WAIT).connect_timeout(STATUS_WAIT).no_proxy().build();
        let http = http.map_err(|e| ClusterError::Start { reason: e.to_string() })?;
        Ok(Self { address: address.clone(), http })
    }

    async fn get(&self, path: &str) -> Result<Value, ClusterError> {
        let url = format!("{}{path}", self.address.of_status());
        let unreachable = |e: reqwest::Error| self.unreachable(&e);
        let foreign = |reason: String| ClusterError::NotAScheduler { address: self.address.clone(), reason };
        let answer = self.http.get(&url).send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(foreign(format!("It answers {} to {path}.", answer.status())));
        }
        let bytes = answer.bytes().await.map_err(unreachable)?;
        serde_json::from_slice(&bytes).map_err(|e| foreign(format!("Its answer to {path} cannot be read: {e}.")))
    }

    async fn executors(&self) -> Result<Vec<Value>, ClusterError> {
        match self.get("/api/executors").await? {
            Value::Array(all) => Ok(all),
            _ => Err(ClusterError::NotAScheduler { address: self.address.clone(), reason: "It lists no workers.".to_owned() }),
        }
    }

    async fn workers(&self) -> Result<usize, ClusterError> {
        Ok(self.executors().await?.len())
    }

    async fn slots(&self) -> Result<usize, ClusterError> {
        let of = |e: &Value| e["specification"]["vcores"].as_u64().map_or(1, |n| n as usize);
        Ok(self.executors().await?.iter().map(of).sum())
    }

    /// The scheduler's number of the query of this name; nothing before it is taken.
    async fn job(&self, name: &str) -> Result<Option<String>, ClusterError> {
        let all = self.get("/api/jobs").await?;
        let named = all.as_array().into_iter().flatten().find(|job| job["job_name"] == name);
        Ok(named.and_then(|job| job["job_id"].as_str()).map(str::to_owned))
    }

    /// Has the query dropped; the workers' tasks end with it.
    async fn cancel(&self, name: &str) -> Result<(), ClusterError> {
        let begun = Instant::now();
        // One that was asked this moment is not in the list yet.
        let job = loop {
            match self.job(name).await? {
                Some(job) => break job,
                None if begun.elapsed() > CANCEL_WAIT => return Ok(()),
                None => tokio::time::sleep(WATCH).await,
            }
        };
        let url = format!("{}/api/job/{job}", self.address.of_status());
        let answer = self.http.patch(&url).send().await.map_err(|e| self.unreachable(&e))?;
        // A query that has ended meanwhile is in conflict with being cancelled.
        if answer.status().is_success() || answer.status() == reqwest::StatusCode::CONFLICT {
            return Ok(());
        }
        let reason = format!("It answers {} to the cancellation of query {job}; its feeders may go on.", answer.status());
        Err(ClusterError::NotAScheduler { address: self.address.clone(), reason })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClusterError {
        // The innermost cause says what the system said.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        ClusterError::NoScheduler { address: self.address.clone(), reason: format!("The system says: {cause}.") }
    }

    /// Jobs done so far: partitions of tasks that succeeded.
    async fn done(&self, query: &str) -> Result<usize, ClusterError> {
        let all = self.get(&format!("/api/job/{query}/stages")).await?;
        let stages = all["stages"].as_array().into_iter().flatten();
        let tasks = stages.flat_map(|s| s["tasks"].as_array().into_iter().flatten());
        let succeeded = tasks.filter(|t| t["status"].to_string().contains("Successful"));
        Ok(succeeded.map(|t| t["partition_id"].as_array().map_or(0, Vec::len)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::outcome_schema;
    use arrow_array::{StringArray, UInt32Array};

    fn batch(numbers: &[u32]) -> RecordBatch {
        let texts: Vec<String> = numbers.iter().map(|n| format!("outcome {n}")).collect();
        let workers = vec!["w"; numbers.len()];
        RecordBatch::try_new(
            outcome_schema(),
            vec![Arc::new(UInt32Array::from(numbers.to_vec())), Arc::new(StringArray::from(texts)), Arc::new(StringArray::from(workers))],
        )
        .unwrap()
    }

    #[test]
    fn an_answer_has_each_job_once_or_is_refused() {
        let texts: Vec<String> = in_order(3, &[batch(&[2]), batch(&[0, 1])]).unwrap().into_iter().map(|o| o.text).collect();
        assert_eq!(texts, ["outcome 0", "outcome 1", "outcome 2"]);
        // What a leaf of the plan that is not restricted gives: every row from every task.
        let every = [batch(&[0, 1, 2]), batch(&[0, 1, 2]), batch(&[0, 1, 2])];
        let Err(ClusterError::Rows { missing: 0, doubled: 6, foreign: 0 }) = in_order(3, &every) else { panic!("rows") };
        let Err(ClusterError::Rows { missing: 1, doubled: 0, foreign: 1 }) = in_order(2, &[batch(&[1, 7])]) else { panic!("rows") };
    }
}
