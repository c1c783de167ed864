//! Jobs: long work, done by processes of its own, one a job.
//!
//! ```text
//! request ─► database: queued ─► [`Jobs::run`] claims ─► process ([`process`]) ─► events ─► memory, database, hub
//! ```
//!
//! The database has the truth. What a process tells several times a second is kept in memory and told to open pages at once; the database
//! gets it every two seconds. A server that is killed takes its processes with it, for their input ends; when it starts again, what ran waits
//! again. An import is kept under the job's name once, a study goes on from what its lake holds.

mod analyses;
mod learning;
mod process;
mod scenarios;
mod spec;
mod switching;

pub use analyses::{
    BaseViolationsParam, ComparisonParams, HostedDer, HostingCapacityParams, HostingMethod, MitigationParams, ReliabilityParams,
};
pub use learning::{LearnInput, LearnParams};
pub use scenarios::{SCENARIO_TEXT_MAX, ScenarioDraftParams, ScenarioParams, ScenarioRef, SweepMethodParam, SweepParams};
pub use spec::{
    ControlsParam, DemoParams, Event, ImportOptions, ImportParams, KINDS, MeterMapParams, ModeParam, MomentParams, NetworkParams, Progress,
    ReceiveParams, ReconcileParams, ReportForm, ReportParams, STEPS_MAX, SnapshotParams, SolveYearParams, Spec, SqlParams, StepLength,
    Task,
};
pub use switching::{ContingencyParams, ReconfigurationParams, RestorationParams};

use crate::hub::Hub;
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::http::StatusCode;
use network::{Diagnostic, Severity};
use process::Process;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use store::server::{JobRecord, JobState, LogLine};
use tokio::sync::{Notify, Semaphore, watch};
use utoipa::ToSchema;

/// How often the database learns how far a job is.
const SAVE: Duration = Duration::from_secs(2);
/// How often lines of a log are written and told.
const LOG: Duration = Duration::from_millis(500);
/// How often the queue is looked at without being told to.
const LOOK: Duration = Duration::from_secs(5);
/// Largest result that the database keeps of a job, bytes.
const RESULT_MAX: usize = 1 << 20;
/// Lines of a log that wait to be written.
const LINES_MAX: usize = 2_000;
/// Findings that a problem carries.
const FINDINGS_MAX: usize = 200;
/// Processes for what a request waits for: uploads, previews, estimates.
const AT_ONCE: usize = 2;
/// Requests that wait for one of them.
const WAITING: usize = 16;
/// How long a request waits for its process.
const ANSWER: Duration = Duration::from_secs(110);

/// Waits until the server is about to stop.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Without a sender there is no server any more.
    let _ = stopping.wait_for(|s| *s).await;
}

/// A job as the wire has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobView {
    pub id: String,
    pub kind: String,
    pub project: Option<String>,
    #[schema(value_type = Object)]
    pub params: Value,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    pub state: JobState,
    /// It was asked to end, and has not yet.
    pub cancelling: bool,
    /// How much of it is done, counted in `unit`.
    pub done: u64,
    /// 0 while it is not known.
    pub total: u64,
    pub unit: String,
    pub message: String,
    /// RFC 3339, UTC.
    pub created: String,
    pub started: Option<String>,
    pub ended: Option<String>,
    pub user: String,
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    #[schema(value_type = Option<Problem>)]
    pub problem: Option<Value>,
    pub attempts: i64,
}

/// A line of a job's log as the wire has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogView {
    /// Counted from 1.
    pub position: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    pub text: String,
}

impl From<LogLine> for LogView {
    fn from(line: LogLine) -> Self {
        Self { position: line.position, time: rfc3339(line.time_ms), level: line.level, text: line.text }
    }
}

/// A job that runs.
#[derive(Debug)]
struct Running {
    attempt: i64,
    cancel: Arc<Notify>,
    progress: Progress,
}

/// What the server keeps in memory of jobs.
#[derive(Debug)]
pub struct Jobs {
    running: Mutex<HashMap<String, Running>>,
    wake: Notify,
    at_once: Semaphore,
    waiting: Semaphore,
    pub hub: Arc<Hub>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            wake: Notify::new(),
            at_once: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(AT_ONCE + WAITING),
            hub: Arc::default(),
        }
    }
}

/// The problem of a job or request whose process told these findings.
fn problem_of(findings: Vec<Diagnostic>) -> Problem {
    let first = findings.iter().find(|d| d.severity == Severity::Error).or(findings.first()).cloned();
    let mut problem = match first {
        Some(d) => {
            let at = d.source.as_ref().map_or(String::new(), |s| format!(" ({s})"));
            let what = d.element.as_ref().map_or_else(|| d.message.clone(), |e| format!("{e}: {}", d.message));
            let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what + &at).code(d.code.to_string());
            problem.detail = d.detail.unwrap_or_default();
            problem.hint = d.hint.unwrap_or_default();
            problem
        }
        None => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The job failed without a reason"),
    };
    problem.findings = findings;
    problem.findings.sort_by_key(|d| std::cmp::Reverse(d.severity));
    problem.findings.truncate(FINDINGS_MAX);
    problem
}

/// The problem of a process that ended without an answer.
fn lost(how: &str, errors: &str) -> Problem {
    let last = errors.trim().lines().last().unwrap_or_default();
    if !errors.trim().is_empty() {
        tracing::warn!(%errors, "the process of a job was lost");
    }
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The process that did the work was lost")
        .code("JOB.PROCESS.LOST")
        .detail(format!(
            "It ended without an answer ({how}){}",
            if last.is_empty() { "." } else { "; the server's log has its last words." }
        ))
        .hint("Try again. If it stays, the machine may have too little memory for this model.")
}

impl Jobs {
    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A job as the wire has it, with what its process told last.
    pub fn view(&self, job: JobRecord) -> JobView {
        let progress = {
            let running = self.running();
            let now = running.get(&job.id).filter(|r| r.attempt == job.attempts && job.state == JobState::Running);
            now.map(|r| r.progress.clone()).filter(|p| *p != Progress::default())
        };
        let progress = progress.unwrap_or(Progress { done: job.done, total: job.total, unit: job.unit, message: job.message });
        JobView {
            cancelling: job.cancel_asked && !job.state.is_ended(),
            id: job.id,
            kind: job.kind,
            project: Some(job.project).filter(|p| !p.is_empty()),
            params: job.params,
            state: job.state,
            done: progress.done,
            total: progress.total,
            unit: progress.unit,
            message: progress.message,
            created: rfc3339(job.created_ms),
            started: job.started_ms.map(rfc3339),
            ended: job.ended_ms.map(rfc3339),
            user: job.author,
            result: job.result,
            problem: job.problem,
            attempts: job.attempts,
        }
    }

    /// Tells a job to those who follow it.
    pub fn publish(&self, job: JobRecord) {
        let view = self.view(job);
        let topic = format!("job:{}", view.id);
        self.hub.publish(&["jobs", &topic], Some(&topic), &json!({ "type": "job", "job": view }));
    }

    /// There is something new in the queue.
    pub fn look(&self) {
        self.wake.notify_one();
    }

    /// Ends the process of a job that was asked to end.
    pub fn end(&self, id: &str) {
        if let Some(running) = self.running().get(id) {
            running.cancel.notify_one();
        }
    }

    /// Does the jobs of the queue until the server stops.
    pub async fn run(app: App) {
        let mut stopping = app.stopping();
        let shared = app.clone();
        let begun = blocking(move || {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The job was begun several times and never ended")
                .code("JOB.ATTEMPTS.EXHAUSTED")
                .detail("The server ended each time while it ran.")
                .hint("See the server's log for the reason; then try again.");
            let problem = serde_json::to_value(problem).unwrap_or_default();
            Ok(shared.database.requeue_jobs(&problem, now_ms())?)
        });
        match begun.await {
            Ok(left) if !left.is_empty() => tracing::info!(jobs = left.len(), "jobs that a server left running wait again"),
            Ok(_) => {}
            Err(problem) => tracing::error!(title = %problem.title, detail = %problem.detail, "the queue of jobs cannot be read"),
        }
        let mut tasks = tokio::task::JoinSet::new();
        let mut counted = Instant::now() - LOOK;
        loop {
            while app.jobs.running().len() < app.config.jobs_max.max(1) && !*stopping.borrow() {
                let shared = app.clone();
                match blocking(move || Ok(shared.database.claim_job(now_ms())?)).await {
                    Ok(Some(job)) => {
                        let running = Running { attempt: job.attempts, cancel: Arc::default(), progress: Progress::default() };
                        let cancel = running.cancel.clone();
                        app.jobs.running().insert(job.id.clone(), running);
                        app.jobs.publish(job.clone());
                        tasks.spawn(perform(app.clone(), job, cancel));
                    }
                    Ok(None) => break,
                    Err(problem) => {
                        tracing::error!(title = %problem.title, detail = %problem.detail, "the queue of jobs cannot be read");
                        break;
                    }
                }
            }
            if counted.elapsed() >= LOOK || tasks.is_empty() {
                counted = Instant::now();
                count(&app).await;
            }
            tokio::select! {
                () = stopped(&mut stopping) => break,
                () = app.jobs.wake.notified() => {}
                Some(_) = tasks.join_next() => counted = Instant::now() - LOOK,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        // Each puts its job back into the queue.
        while tasks.join_next().await.is_some() {}
    }

    /// Has a process do what a request waits for. When the request is given up, so is the process.
    ///
    /// # Errors
    /// Too many wait already; what the process tells of the task; one that takes too long.
    pub async fn ask(app: &App, task: Task, project: Option<PathBuf>, upload: Option<PathBuf>) -> Result<Value, Problem> {
        Self::ask_keeping(app, task, project, upload).await.map(|(value, _)| value)
    }

    /// As [`Jobs::ask`], with the folder of the files that the process made, which is removed with its name.
    ///
    /// # Errors
    /// As [`Jobs::ask`].
    pub async fn ask_keeping(
        app: &App,
        task: Task,
        project: Option<PathBuf>,
        upload: Option<PathBuf>,
    ) -> Result<(Value, Scratch), Problem> {
        let busy =
            || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy with other models").hint("Try again in a few seconds.");
        let Ok(_place) = app.jobs.waiting.try_acquire() else { return Err(busy()) };
        let _turn = app.jobs.at_once.acquire().await.map_err(Problem::internal)?;
        let scratch = Scratch(app.config.data.join("tmp").join(crate::random::hex(8)));
        let files = scratch.0.clone();
        let spec = Spec { job: String::new(), user: String::new(), attempt: 1, project, upload, files, task };
        let answer = tokio::time::timeout(ANSWER, answer(app, &spec)).await.unwrap_or_else(|_| {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "It takes too long to wait for")
                .code("JOB.ANSWER.SLOW")
                .detail(format!("It was not ready after {} seconds.", ANSWER.as_secs()))
                .hint("Ask for less, or start a job, which takes as long as it needs."))
        });
        answer.map(|value| (value, scratch))
    }
}

/// A folder for the time of a request.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn answer(app: &App, spec: &Spec) -> Result<Value, Problem> {
    let mut process = Process::start(&app.config.worker, spec).await.map_err(Problem::internal)?;
    loop {
        match process.next().await {
            Ok(Some(Event::Result(value))) => return Ok(value),
            Ok(Some(Event::Problem { findings })) => return Err(problem_of(findings)),
            Ok(Some(Event::Progress(_) | Event::Log { .. })) => {}
            Ok(None) => {
                let (status, errors) = process.ended().await.map_err(Problem::internal)?;
                return Err(lost(&status.to_string(), &errors));
            }
            Err(e) => return Err(Problem::internal(e)),
        }
    }
}

/// Tells the metrics how many jobs there are.
async fn count(app: &App) {
    let shared = app.clone();
    if let Ok(counts) = blocking(move || Ok(shared.database.count_jobs()?)).await {
        counts.iter().for_each(|(state, n)| app.metrics.set_jobs(state.name(), i64::try_from(*n).unwrap_or(i64::MAX)));
    }
}

/// How an attempt ended.
enum End {
    Done(Value),
    Failed(Box<Problem>),
    Cancelled,
    /// The server stops; the job waits for the next one.
    Released,
}

/// One attempt of a job, from its process's start to its end in the database.
async fn perform(app: App, job: JobRecord, cancel: Arc<Notify>) {
    let began = Instant::now();
    let end = attempt(&app, &job, &cancel).await;
    let (id, kind, attempt) = (job.id.clone(), job.kind.clone(), job.attempts);
    let told = match &end {
        End::Done(_) => "done",
        End::Failed(_) => "failed",
        End::Cancelled => "cancelled",
        End::Released => "released",
    };
    let shared = app.clone();
    let ended = blocking(move || {
        let now = now_ms();
        let (state, result, problem) = match end {
            End::Done(value) => (JobState::Done, Some(bounded(value)), None),
            End::Failed(problem) => (JobState::Failed, None, Some(serde_json::to_value(*problem).unwrap_or_default())),
            End::Cancelled => (JobState::Cancelled, None, None),
            End::Released => {
                shared.database.release_job(&job.id, attempt)?;
                return Ok(None);
            }
        };
        Ok(Some(shared.database.end_job(&job.id, attempt, state, result.as_ref(), problem.as_ref(), now)?))
    })
    .await;
    app.jobs.running().remove(&id);
    match ended {
        Ok(Some(job)) => {
            if let (JobState::Done, Some(network)) = (job.state, job.result.as_ref().and_then(|r| r["network"].as_str()).map(str::to_owned))
                && kind == "import"
            {
                let (app, project) = (app.clone(), job.project.clone());
                tokio::spawn(async move {
                    // Whoever opens the map meanwhile waits for the same view; one that cannot be made is told there.
                    if let Err(problem) = crate::routes::map::warm(&app, &project, &network).await {
                        tracing::warn!(%project, %network, title = %problem.title, "the map of an import cannot be made ready");
                    }
                });
            }
            app.jobs.publish(job);
        }
        Ok(None) => {}
        Err(problem) => tracing::error!(%id, title = %problem.title, "the end of a job cannot be kept"),
    }
    tracing::info!(%id, %kind, attempt, seconds = began.elapsed().as_secs_f64(), "a job is {told}");
    app.jobs.look();
}

/// A result that the database can keep.
fn bounded(value: Value) -> Value {
    match value.to_string().len() {
        n if n <= RESULT_MAX => value,
        n => json!({ "left_out": format!("the result has {n} bytes, of which the server keeps none") }),
    }
}

/// What is known of a job to its process.
fn spec_of(app: &App, job: &JobRecord) -> Result<Spec, Problem> {
    let task = Task::parse(&job.kind, &job.params).map_err(|(reason, _)| Problem::bad_request("The job cannot be read").detail(reason))?;
    let project = if job.project.is_empty() { None } else { Some(app.project_dir(&job.project)?) };
    let upload = task.upload().map(|id| app.upload_files(id)).transpose()?;
    let files = app.job_files(&job.id);
    Ok(Spec {
        job: job.id.clone(),
        user: job.author.clone(),
        attempt: u32::try_from(job.attempts).unwrap_or(u32::MAX),
        project,
        upload,
        files,
        task,
    })
}

async fn attempt(app: &App, job: &JobRecord, cancel: &Notify) -> End {
    let failed = |problem: Problem| End::Failed(Box::new(problem));
    let spec = match spec_of(app, job) {
        Ok(spec) => spec,
        Err(problem) => return failed(problem),
    };
    if let Some(upload) = &spec.upload
        && !upload.is_dir()
    {
        return failed(
            Problem::not_found("The upload is gone").code("UPLOAD.ID.UNKNOWN").hint("Upload the files again; they are kept for a day."),
        );
    }
    let mut process = match Process::start(&app.config.worker, &spec).await {
        Ok(process) => process,
        Err(e) => return failed(Problem::internal(format!("the process of a job cannot be started: {e}"))),
    };
    let mut told = Told::new(app, job);
    told.line("info", format!("attempt {} by {}", job.attempts, job.author));
    let mut stopping = app.stopping();
    let mut tick = tokio::time::interval(LOG);
    let end = loop {
        tokio::select! {
            biased;
            () = cancel.notified() => {
                process.stop().await;
                told.line("info", "cancelled".to_owned());
                break End::Cancelled;
            }
            () = stopped(&mut stopping) => {
                process.stop().await;
                told.line("info", "the server stops; the job waits for its next start".to_owned());
                break End::Released;
            }
            event = process.next() => match event {
                Ok(Some(Event::Progress(progress))) => told.progress(progress),
                Ok(Some(Event::Log { level, text })) => told.line(&level, text),
                Ok(Some(Event::Result(value))) => break End::Done(value),
                Ok(Some(Event::Problem { findings })) => {
                    let problem = problem_of(findings);
                    told.line("error", problem.title.clone());
                    break failed(problem);
                }
                Ok(None) => {
                    let how = process.ended().await;
                    let problem = match how {
                        Ok((status, errors)) => lost(&status.to_string(), &errors),
                        Err(e) => Problem::internal(e),
                    };
                    told.line("error", format!("{}: {}", problem.title, problem.detail));
                    break failed(problem);
                }
                Err(e) => {
                    process.stop().await;
                    break failed(Problem::internal(format!("a job's process told what cannot be read: {e}")));
                }
            },
            _ = tick.tick() => told.save(false).await,
        }
    };
    told.save(true).await;
    end
}

/// What an attempt told and is still to be written down.
struct Told<'a> {
    app: &'a App,
    job: &'a JobRecord,
    topic: String,
    lines: Vec<(i64, String, String)>,
    progress: Option<Progress>,
    saved: Instant,
}

impl<'a> Told<'a> {
    fn new(app: &'a App, job: &'a JobRecord) -> Self {
        Self { app, job, topic: format!("job:{}", job.id), lines: Vec::new(), progress: None, saved: Instant::now() }
    }

    fn line(&mut self, level: &str, text: String) {
        if self.lines.len() < LINES_MAX {
            self.lines.push((now_ms(), level.to_owned(), text));
        }
    }

    fn progress(&mut self, progress: Progress) {
        if let Some(running) = self.app.jobs.running().get_mut(&self.job.id) {
            running.progress = progress.clone();
        }
        self.progress = Some(progress);
        self.app.jobs.publish(self.job.clone());
    }

    /// Writes down what was told, and tells the lines of the log with their numbers.
    async fn save(&mut self, all: bool) {
        let lines = std::mem::take(&mut self.lines);
        let progress = if all || self.saved.elapsed() >= SAVE { self.progress.take() } else { None };
        if lines.is_empty() && progress.is_none() {
            return;
        }
        if progress.is_some() {
            self.saved = Instant::now();
        }
        let (app, id, attempt) = (self.app.clone(), self.job.id.clone(), self.job.attempts);
        let n = lines.len() as u64;
        let written = blocking(move || {
            if let Some(p) = progress {
                app.database.note_progress(&id, attempt, p.done, p.total, &p.unit, &p.message)?;
            }
            if lines.is_empty() {
                return Ok(Vec::new());
            }
            let last = app.database.append_log(&id, &lines)?;
            Ok(app.database.job_log(&id, last.saturating_sub(n), n)?)
        })
        .await;
        match written {
            Ok(lines) => {
                for line in lines {
                    let view = LogView::from(line);
                    self.app.jobs.hub.publish(&[&self.topic], None, &json!({ "type": "log", "job": self.job.id, "line": view }));
                }
            }
            Err(problem) => tracing::error!(id = %self.job.id, title = %problem.title, "the log of a job cannot be kept"),
        }
    }
}
