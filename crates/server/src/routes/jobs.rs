//! Jobs: asked for, followed, ended, tried again; what they made.

use crate::access::{Engineer, Viewer};
use crate::jobs::{JobView, Jobs, LogView, SolveYearParams, Task};
use crate::moment::now_ms;
use crate::problem::Problem;
use crate::state::{App, Shared, blocking};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use store::project::{Creation, Project};
use store::server::{JobFilter, JobState};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows of a page unless told.
const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 1_000;
/// Studies of which an estimate is sought among earlier jobs.
const EARLIER: u64 = 100;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(estimate))
        .routes(routes!(get))
        .routes(routes!(log))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(files))
        .routes(routes!(file))
}

/// What is to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// `import`, `solve_year`, `report`, `quality`, `reconcile`, `meter_map`, `hosting_capacity`, `reliability`, `mitigation`, `contingency`,
    /// `restoration`, `reconfiguration`, `comparison`, `scenario`, `sweep` or `demo`.
    pub kind: String,
    /// Folder name of the project. `demo` makes one that is not there.
    pub project: String,
    /// Depends on the kind: ImportParams, SolveYearParams, ReportParams, NetworkParams, ReconcileParams, MeterMapParams,
    /// HostingCapacityParams, ReliabilityParams, MitigationParams, ContingencyParams, RestorationParams, ReconfigurationParams, ComparisonParams,
    /// ScenarioParams, SweepParams, DemoParams.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: Value,
}

/// The job that a request made.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobCreated {
    pub id: String,
    pub job: JobView,
}

/// A page of jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobPage {
    pub items: Vec<JobView>,
    pub total: u64,
    /// Offset of the next page; none on the last.
    pub next: Option<u64>,
}

/// A page of a job's log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage {
    pub items: Vec<LogView>,
    /// Position after which to ask for more; none when this is all so far.
    pub next: Option<u64>,
}

/// What a job would take.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// None when nothing is known.
    pub time_s: Option<f64>,
    /// What it would add to the disk; none when nothing is known.
    pub bytes: Option<f64>,
    /// What the figures come from.
    pub basis: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: Option<String>,
    project: Option<String>,
    kind: Option<String>,
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    offset: Option<u64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Lines after this position.
    after: Option<u64>,
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

fn unknown(id: &str) -> Problem {
    let id: String = id.chars().take(40).collect();
    Problem::not_found(format!("There is no job {id}")).code("SERVER.JOB.UNKNOWN").hint("List the jobs for those that there are.")
}

fn unfit(reason: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The job cannot be done as it is asked for").code("JOB.PARAMETER.VALUE").detail(reason)
}

/// Asks for a job. It is put into the queue; a request that comes again under the same `Idempotency-Key` makes no second one.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the caller; at most 200 characters")),
    request_body = JobRequest,
    responses((status = 202, body = JobCreated), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    Engineer(caller): Engineer,
    headers: HeaderMap,
    Json(request): Json<JobRequest>,
) -> Result<(StatusCode, Json<JobCreated>), Problem> {
    let task = task(&app, &request)?;
    let request_key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => match value.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= 200 => Some(key.to_owned()),
            _ => return Err(Problem::bad_request("The header Idempotency-Key has 1 to 200 printable characters").field("Idempotency-Key")),
        },
    };
    let dir = app.project_dir(&request.project)?;
    let shared = app.clone();
    let (kind, project) = (request.kind.clone(), request.project.clone());
    let (job, is_new) = blocking(move || {
        let task = resolved(&dir, task)?;
        let new = task.job(&project, caller.user, request_key);
        let (job, is_new) = shared.database.add_job(&new)?;
        if !is_new && (job.kind != kind || job.project != project) {
            return Err(Problem::conflict("Another job was asked for under this Idempotency-Key")
                .field("Idempotency-Key")
                .hint("Choose another key for another job."));
        }
        Ok((job, is_new))
    })
    .await?;
    if is_new {
        app.jobs.publish(job.clone());
        app.jobs.look();
    }
    Ok((StatusCode::ACCEPTED, Json(JobCreated { id: job.id.clone(), job: app.jobs.view(job) })))
}

/// The task of a request, as far as it can be checked without the project.
fn task(app: &Shared, request: &JobRequest) -> Result<Task, Problem> {
    let mut task = Task::parse(&request.kind, &request.params).map_err(|(reason, field)| {
        let problem = unfit(reason);
        match field {
            Some(field) => problem.field(field),
            None => problem,
        }
    })?;
    if let Some(upload) = task.upload()
        && !app.upload_files(upload)?.is_dir()
    {
        return Err(super::uploads::unknown().field("params.upload"));
    }
    if let Task::Import(params) = &mut task
        && params.model.is_none()
    {
        let upload = crate::uploads::find(app, &params.upload).map_err(|p| p.field("params.upload"))?;
        let detected = upload.detected.ok_or_else(|| {
            unfit("no file of the upload looks like a model").field("params.model").hint("Name the model within the upload.")
        })?;
        params.model = Some(detected.path);
    }
    Ok(task)
}

/// What a task leaves open is decided when it is asked for, so that what is done later is what was meant now.
fn resolved(dir: &std::path::Path, task: Task) -> Result<Task, Problem> {
    if matches!(task, Task::Demo(_)) && !Project::is_project(dir) {
        let name = dir.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Project::create(dir, &Creation { note: "demonstration".into(), ..Creation::new(name, crate::moment::rfc3339(now_ms())) })?;
    }
    let project = Project::open(dir)?;
    let mut task = task;
    if let Some(scenario) = task.scenario() {
        let known = store::scenarios::find(dir, &scenario.name, scenario.version)?;
        scenario.version = Some(known.ok_or_else(|| super::scenarios::unknown(&scenario.name).field("params.scenario"))?.version);
    }
    if let Some((network, version)) = task.studied() {
        let of = project.version(network.as_deref(), *version)?;
        (*network, *version) = (Some(of.network), Some(of.number));
        return Ok(task);
    }
    match task {
        Task::SolveYear(params) => Ok(Task::SolveYear(resolved_study(&project, params)?)),
        Task::Report(params) => {
            let known = project.lake()?.studies().map_err(Problem::internal)?;
            let unknown = std::iter::once(&params.run).chain(&params.against).find(|name| !known.iter().any(|s| s.study == **name));
            if let Some(name) = unknown { Err(super::runs::unknown(name)) } else { Ok(Task::Report(params)) }
        }
        Task::Comparison(params) => {
            let known = project.lake()?.studies().map_err(Problem::internal)?;
            let unknown = std::iter::once(&params.base).chain(&params.with).find(|name| !known.iter().any(|s| s.study == **name));
            if let Some(name) = unknown { Err(super::runs::unknown(name)) } else { Ok(Task::Comparison(params)) }
        }
        Task::Quality(params) => {
            project.version(params.network.as_deref(), params.version)?;
            Ok(Task::Quality(params))
        }
        Task::Reconcile(mut params) => {
            params.version = Some(project.version(Some(&params.network), params.version)?.number);
            params.with_version = Some(project.version(Some(&params.with), params.with_version)?.number);
            Ok(Task::Reconcile(params))
        }
        Task::MeterMap(params) => {
            for name in &params.networks {
                project.version(Some(name), None)?;
            }
            Ok(Task::MeterMap(params))
        }
        other => Ok(other),
    }
}

fn resolved_study(project: &Project, mut params: SolveYearParams) -> Result<SolveYearParams, Problem> {
    let named: Vec<&str> = params.network.iter().chain(&params.networks).map(String::as_str).collect();
    for name in &named {
        project.version(Some(name), params.version)?;
    }
    if named.is_empty() && project.networks()?.is_empty() {
        return Err(Problem::conflict("The project has no network to solve").code("RUN.PROJECT.EMPTY").hint("Import a model first."));
    }
    let mut known: Vec<String> = project.lake()?.studies().map_err(Problem::internal)?.into_iter().map(|s| s.study).collect();
    known.extend(project.runs()?.into_iter().map(|r| r.name));
    match &params.study {
        Some(study) if known.contains(study) && !params.resume => {
            return Err(Problem::conflict(format!("The project has a study \"{study}\" already"))
                .code("RUN.STUDY.EXISTS")
                .field("params.study")
                .hint("Give the study another name, or set `resume`."));
        }
        Some(_) => {}
        None => {
            let stem = named.first().map_or("base", |n| n);
            let names = std::iter::once(stem.to_owned()).chain((2..).map(|n| format!("{stem}-{n}")));
            params.study = names.into_iter().find(|n| !known.contains(n));
        }
    }
    Ok(params)
}

/// What a job would take: time and disk, before it is begun.
#[utoipa::path(post, path = "/api/jobs/estimate", tag = "jobs", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = JobRequest,
    responses((status = 200, body = Estimate), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn estimate(State(app): State<App>, _: Engineer, Json(request): Json<JobRequest>) -> Result<Json<Estimate>, Problem> {
    let task = task(&app, &request)?;
    let dir = app.project_dir(&request.project)?;
    let (shared, project, kind) = (app.clone(), request.project.clone(), request.kind.clone());
    let is_study = matches!(task, Task::SolveYear(_));
    let place = dir.clone();
    let (task, earlier) = blocking(move || {
        let task = if Project::is_project(&place) || is_study { resolved(&place, task)? } else { task };
        let filter = JobFilter { state: Some(JobState::Done), project: is_study.then_some(project), kind: Some(kind) };
        Ok((task, shared.database.jobs(&filter, EARLIER, 0)?.0))
    })
    .await?;
    let Task::SolveYear(params) = task else {
        let took: Vec<f64> =
            earlier.iter().filter_map(|j| Some((j.ended_ms? - j.started_ms?) as f64 / 1000.0)).filter(|s| s.is_finite()).collect();
        let n = took.len();
        if n == 0 {
            return Ok(Json(Estimate { basis: "no job of this kind has been done here yet".into(), ..Estimate::default() }));
        }
        let basis = format!("the mean of the last {n} jobs of this kind, whatever their size");
        return Ok(Json(Estimate { time_s: Some(took.iter().sum::<f64>() / n as f64), bytes: None, basis }));
    };
    // The name does not change how long it takes, nor does whether it goes on with another.
    let alike = |p: &SolveYearParams| SolveYearParams { study: None, resume: false, retry_failed: false, ..p.clone() };
    let wanted = alike(&params);
    let same = earlier.iter().find(|j| serde_json::from_value::<SolveYearParams>(j.params.clone()).is_ok_and(|p| alike(&p) == wanted));
    if let Some(job) = same
        && let Some(measured) = job.result.as_ref().map(|r| &r["measured"])
        && let (Some(time_s), Some(bytes), Some(1..)) =
            (measured["elapsed_s"].as_f64(), measured["bytes"].as_f64(), measured["solved_steps"].as_u64())
    {
        let at = job.ended_ms.map_or_else(String::new, crate::moment::rfc3339);
        return Ok(Json(Estimate { time_s: Some(time_s), bytes: Some(bytes), basis: format!("the same study, solved here at {at}") }));
    }
    let trial = Jobs::ask(&app, Task::Trial(params), Some(dir), None).await?;
    serde_json::from_value(trial).map(Json).map_err(Problem::internal)
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(JobQuery), responses((status = 200, body = JobPage)))]
pub async fn list(State(app): State<App>, _: Viewer, Query(query): Query<JobQuery>) -> Result<Json<JobPage>, Problem> {
    let state = match query.state.as_deref() {
        None | Some("") => None,
        Some(name) => {
            let state = JobState::of(name);
            Some(state.ok_or_else(|| {
                Problem::bad_request("There is no such state of a job").field("state").hint("queued, running, done, failed, cancelled")
            })?)
        }
    };
    let filter = JobFilter { state, project: query.project.filter(|p| !p.is_empty()), kind: query.kind.filter(|k| !k.is_empty()) };
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let offset = query.offset.unwrap_or(0).min(i64::MAX as u64);
    let shared = app.clone();
    let (jobs, total) = blocking(move || Ok(shared.database.jobs(&filter, limit, offset)?)).await?;
    let after = offset + jobs.len() as u64;
    let next = (after < total && !jobs.is_empty()).then_some(after);
    Ok(Json(JobPage { items: jobs.into_iter().map(|j| app.jobs.view(j)).collect(), total, next }))
}

async fn found(app: &App, id: String) -> Result<JobView, Problem> {
    let shared = app.clone();
    let key = id.clone();
    let job = blocking(move || Ok(shared.database.job(&key)?)).await?;
    job.map(|j| app.jobs.view(j)).ok_or_else(|| unknown(&id))
}

/// A job.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path)), responses((status = 200, body = JobView), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    found(&app, id).await.map(Json)
}

/// What a job told, line by line.
#[utoipa::path(get, path = "/api/jobs/{id}/log", tag = "jobs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path), LogQuery), responses((status = 200, body = LogPage), (status = 404, body = Problem)))]
pub async fn log(
    State(app): State<App>,
    _: Viewer,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<LogPage>, Problem> {
    let (after, limit) = (query.after.unwrap_or(0).min(i64::MAX as u64), query.limit.unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX));
    let shared = app.clone();
    let lines = blocking(move || {
        if shared.database.job(&id)?.is_none() {
            return Err(unknown(&id));
        }
        Ok(shared.database.job_log(&id, after, limit)?)
    })
    .await?;
    let next = if lines.len() as u64 == limit { lines.last().map(|l| l.position) } else { None };
    Ok(Json(LogPage { items: lines.into_iter().map(LogView::from).collect(), next }))
}

/// Ends a job: one that waits at once, one that runs within a second.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = String, Path)), responses((status = 200, body = JobView), (status = 404, body = Problem)))]
pub async fn cancel(State(app): State<App>, _: Engineer, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let (shared, key) = (app.clone(), id.clone());
    let job = blocking(move || {
        if shared.database.job(&key)?.is_none() {
            return Err(unknown(&key));
        }
        Ok(shared.database.cancel_job(&key, now_ms())?)
    })
    .await?;
    app.jobs.end(&id);
    app.jobs.publish(job.clone());
    app.jobs.look();
    Ok(Json(app.jobs.view(job)))
}

/// Puts a job that failed or was cancelled into the queue again. An import is not made twice, a study goes on from what is there.
#[utoipa::path(post, path = "/api/jobs/{id}/retry", tag = "jobs", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = String, Path)), responses((status = 200, body = JobView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn retry(State(app): State<App>, _: Engineer, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let shared = app.clone();
    let (job, is_back) = blocking(move || {
        if shared.database.job(&id)?.is_none() {
            return Err(unknown(&id));
        }
        Ok(shared.database.retry_job(&id)?)
    })
    .await?;
    if !is_back {
        return Err(
            Problem::conflict(format!("The job is {}", job.state)).hint("Only a job that failed or was cancelled can be tried again.")
        );
    }
    app.jobs.publish(job.clone());
    app.jobs.look();
    Ok(Json(app.jobs.view(job)))
}

/// A file that a job made.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobFile {
    pub name: String,
    pub bytes: u64,
}

/// Files that a job made.
#[utoipa::path(get, path = "/api/jobs/{id}/files", tag = "jobs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path)), responses((status = 200, body = Vec<JobFile>), (status = 404, body = Problem)))]
pub async fn files(State(app): State<App>, _: Viewer, Path(id): Path<String>) -> Result<Json<Vec<JobFile>>, Problem> {
    let job = found(&app, id).await?;
    let dir = app.job_files(&job.id);
    blocking(move || {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                files.push(JobFile { name: entry.file_name().to_string_lossy().into_owned(), bytes: metadata.len() });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Json(files))
    })
    .await
}

/// Content type by the ending of a name.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "md" | "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "geojson" => "application/geo+json",
        "pdf" => "application/pdf",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "parquet" => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// A file on disk as an answer, to be saved by the browser.
pub(super) async fn send(place: PathBuf, name: &str) -> Result<Response, Problem> {
    let none = |_| Problem::not_found("There is no such file").hint("The job may have been done long ago; ask for it again.");
    let file = tokio::fs::File::open(&place).await.map_err(none)?;
    let bytes = file.metadata().await.map_err(none)?.len();
    // In parts, so that a large file needs little memory.
    let mut response = Body::from_stream(tokio_util::io::ReaderStream::new(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{safe}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// A file that a job made.
#[utoipa::path(get, path = "/api/jobs/{id}/files/{name}", tag = "jobs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub async fn file(State(app): State<App>, _: Viewer, Path((id, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let job = found(&app, id).await?;
    let is_plain = !name.is_empty() && !name.starts_with('.') && name.len() <= 255 && !name.contains(['/', '\\', '\0', ':']);
    if !is_plain {
        return Err(Problem::not_found("There is no such file"));
    }
    send(app.job_files(&job.id).join(&name), &name).await
}
