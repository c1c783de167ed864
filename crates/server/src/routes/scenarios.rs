//! Scenarios of a project: their texts with all versions, the files that they name, and drafts looked at before they are saved.

use crate::access::{Engineer, Viewer};
use crate::jobs::{Jobs, SCENARIO_TEXT_MAX, ScenarioDraftParams, Task};
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::project::Project;
use store::scenarios::{self, Saved, ScenarioVersion};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Largest file of data, bytes: a year of minutes of a few columns.
const FILE_MAX: usize = 32 << 20;

pub fn routes() -> OpenApiRouter<App> {
    let large = OpenApiRouter::new().routes(routes!(put_file, remove_file)).layer(DefaultBodyLimit::max(FILE_MAX));
    large
        .merge(
            OpenApiRouter::new().routes(routes!(schema)).routes(routes!(list)).routes(routes!(get, save, remove)).routes(routes!(versions)),
        )
        .merge(OpenApiRouter::new().routes(routes!(look)).routes(routes!(files)))
}

/// A version of a scenario in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenarioRow {
    pub name: String,
    pub version: u64,
    /// What the scenario calls itself.
    pub title: String,
    pub layers: Vec<ScenarioLayer>,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
    pub note: String,
    /// Files of data that it names.
    pub files: Vec<String>,
}

/// A layer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenarioLayer {
    pub name: String,
    pub kind: String,
}

/// A version with its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenarioDetail {
    #[serde(flatten)]
    pub row: ScenarioRow,
    /// As it was saved, YAML or JSON.
    pub text: String,
}

/// A file of data.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScenarioFileRow {
    pub name: String,
    pub bytes: u64,
}

fn row_of(v: ScenarioVersion) -> ScenarioRow {
    let layers = v.layers.into_iter().map(|(name, kind)| ScenarioLayer { name, kind }).collect();
    ScenarioRow {
        name: v.name,
        version: v.version,
        title: v.title,
        layers,
        author: v.author,
        time_utc: v.time_utc,
        note: v.note,
        files: v.files,
    }
}

pub(super) fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::not_found(format!("The project has no scenario \"{name}\" of this version"))
        .code("SCENARIO.PROJECT.UNKNOWN")
        .hint("List the project's scenarios for those that there are.")
}

fn unfit(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The scenario cannot be kept").detail(detail)
}

fn found(project: &Project, name: &str, version: Option<u64>) -> Result<ScenarioVersion, Problem> {
    scenarios::find(project.dir(), name, version)?.ok_or_else(|| unknown(name))
}

/// What a scenario may hold, as JSON Schema 2020-12; `x-unit` is a parameter's unit, `x-source` where its default comes from, `x-file` says that
/// it names a file.
#[utoipa::path(get, path = "/api/scenario-schema", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object)))]
pub async fn schema(_: Viewer) -> Json<Value> {
    Json(formats::scenario::json_schema())
}

/// The newest version of every scenario.
#[utoipa::path(get, path = "/api/projects/{p}/scenarios", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), responses((status = 200, body = Vec<ScenarioRow>)))]
pub async fn list(State(app): State<App>, _: Viewer, Path(p): Path<String>) -> Result<Json<Vec<ScenarioRow>>, Problem> {
    app.with_project(&p, |project| -> Result<_, Problem> { Ok(Json(scenarios::list(project.dir())?.into_iter().map(row_of).collect())) })
        .await
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScenarioQuery {
    /// The newest unless told.
    #[param(minimum = 1)]
    version: Option<u64>,
}

/// A scenario with its text.
#[utoipa::path(get, path = "/api/projects/{p}/scenarios/{s}", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("s" = String, Path), ScenarioQuery), responses((status = 200, body = ScenarioDetail), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    _: Viewer,
    Path((p, s)): Path<(String, String)>,
    Query(query): Query<ScenarioQuery>,
) -> Result<Json<ScenarioDetail>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let of = found(project, &s, query.version)?;
        let text = scenarios::text(project.dir(), &of)?;
        Ok(Json(ScenarioDetail { row: row_of(of), text }))
    })
    .await
}

/// Versions of a scenario, the newest first.
#[utoipa::path(get, path = "/api/projects/{p}/scenarios/{s}/versions", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("s" = String, Path)), responses((status = 200, body = Vec<ScenarioRow>), (status = 404, body = Problem)))]
pub async fn versions(State(app): State<App>, _: Viewer, Path((p, s)): Path<(String, String)>) -> Result<Json<Vec<ScenarioRow>>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let all = scenarios::versions(project.dir(), &s)?;
        if all.is_empty() { Err(unknown(&s)) } else { Ok(Json(all.into_iter().map(row_of).collect())) }
    })
    .await
}

/// A text to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSave {
    /// YAML or JSON.
    pub text: String,
    /// Version that the change began with; 0 for a new scenario.
    pub base: u64,
    /// Why.
    #[serde(default)]
    pub note: String,
}

/// Saves a new version of a scenario. A text with errors is not saved; nor is one that began with a version that is the newest no more.
#[utoipa::path(put, path = "/api/projects/{p}/scenarios/{s}", tag = "scenarios", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("s" = String, Path)), request_body = ScenarioSave,
    responses((status = 200, body = ScenarioRow), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn save(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, s)): Path<(String, String)>,
    Json(request): Json<ScenarioSave>,
) -> Result<Json<ScenarioRow>, Problem> {
    if !scenarios::is_name(&s) {
        return Err(unfit("A name has 1 to 100 characters, none of them a control character or a blank at an end.").field("s"));
    }
    if request.note.chars().count() > 1000 {
        return Err(unfit("A note has at most 1000 characters.").field("note"));
    }
    let looked = looked_at(&app, &p, ScenarioDraftParams { text: request.text.clone(), ..ScenarioDraftParams::default() }).await?;
    if !looked.sound {
        let findings: Vec<Diagnostic> = looked.findings.into_iter().filter(|d| d.severity == network::Severity::Error).collect();
        let mut problem = unfit("It has errors; each is told with its line.").code("SCENARIO.PROJECT.FAULTY").field("text");
        problem.findings = findings;
        return Err(problem);
    }
    let author = caller.user.clone();
    let subject = format!("{p}/{s}");
    let saved = app
        .with_project(&p, move |project| -> Result<_, Problem> {
            let pool = scenarios::pool(project.dir());
            let mut files = Vec::new();
            for name in looked.files {
                let bytes =
                    std::fs::read(pool.join(&name)).map_err(|_| unfit(format!("The file {name} is there no more.")).field("text"))?;
                files.push((name, bytes));
            }
            let of = ScenarioVersion {
                format: 0,
                name: s,
                version: 0,
                title: looked.title,
                layers: looked.layers.into_iter().map(|l| (l.name, l.kind)).collect(),
                author,
                time_utc: rfc3339(now_ms()),
                note: request.note,
                sha256: String::new(),
                files: Vec::new(),
            };
            match scenarios::save(project.dir(), of, &request.text, request.base, &files)? {
                Saved::As(of) => Ok(of),
                Saved::Newer(newest) => Err(Problem::conflict("Somebody saved another version in the meantime")
                    .code("SCENARIO.PROJECT.NEWER")
                    .detail(format!("The newest version is {newest}, the change began with {}.", request.base))
                    .field("base")
                    .hint("Look at the newest version, and save again with it as the base.")),
            }
        })
        .await?;
    caller.note(&app, "scenario.save", &subject, json!({ "version": saved.version })).await?;
    Ok(Json(row_of(saved)))
}

/// Removes a scenario with all its versions. Studies that were made with it keep their results.
#[utoipa::path(delete, path = "/api/projects/{p}/scenarios/{s}", tag = "scenarios", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("s" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, s)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let subject = format!("{p}/{s}");
    app.with_project(&p, move |project| -> Result<_, Problem> {
        if scenarios::remove(project.dir(), &s)? { Ok(()) } else { Err(unknown(&s)) }
    })
    .await?;
    caller.note(&app, "scenario.remove", &subject, Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a draft is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DraftLook {
    /// Without errors: it can be saved and run.
    pub sound: bool,
    /// Each with the line of the text.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
    pub title: String,
    pub layers: Vec<DraftLayer>,
    /// Files of data that it names.
    pub files: Vec<String>,
    /// What it does to the network that was named: figures of `base`, `layers` and `stacked`, `daily` extremes of the year, and a `week` step by
    /// step; none without a network, or where something is wrong.
    #[schema(value_type = Option<Object>)]
    pub preview: Option<Value>,
}

/// A layer of a draft.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct DraftLayer {
    pub name: String,
    pub kind: String,
}

async fn looked_at(app: &App, p: &str, params: ScenarioDraftParams) -> Result<DraftLook, Problem> {
    params.check().map_err(|(field, reason)| unfit(reason).field(field))?;
    let value = Jobs::ask(app, Task::ScenarioDraft(params), Some(app.project_dir(p)?), None).await?;
    serde_json::from_value(value).map_err(Problem::internal)
}

/// Looks at a text before it is saved: what is wrong, with lines, and with a network what each layer would add to its load.
#[utoipa::path(post, path = "/api/projects/{p}/scenario-draft", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), request_body = ScenarioDraftParams,
    responses((status = 200, body = DraftLook), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn look(
    State(app): State<App>,
    _: Viewer,
    Path(p): Path<String>,
    Json(mut params): Json<ScenarioDraftParams>,
) -> Result<Json<DraftLook>, Problem> {
    if params.text.len() > SCENARIO_TEXT_MAX {
        return Err(unfit(format!("A scenario has at most {SCENARIO_TEXT_MAX} bytes.")).field("text"));
    }
    let (name, wanted) = (params.network.clone(), params.version);
    if let Some(name) = name {
        let of = app.with_project(&p, move |project| project.version(Some(&name), wanted)).await?;
        (params.network, params.version) = (Some(of.network), Some(of.number));
    } else {
        app.with_project(&p, |project| project.networks().map(|_| ())).await?;
    }
    looked_at(&app, &p, params).await.map(Json)
}

/// Files that scenarios of the project may name: weather, shapes, weights, parts to include.
#[utoipa::path(get, path = "/api/projects/{p}/scenario-files", tag = "scenarios", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), responses((status = 200, body = Vec<ScenarioFileRow>)))]
pub async fn files(State(app): State<App>, _: Viewer, Path(p): Path<String>) -> Result<Json<Vec<ScenarioFileRow>>, Problem> {
    app.with_project(&p, |project| -> Result<_, Problem> {
        let all = scenarios::pool_files(project.dir())?;
        Ok(Json(all.into_iter().map(|f| ScenarioFileRow { name: f.name, bytes: f.bytes }).collect()))
    })
    .await
}

fn bad_file_name() -> Problem {
    unfit("A file has a plain name of 1 to 100 characters: no folders, no dot in front.").field("f")
}

/// Puts a file where scenarios may name it. Versions that are saved keep the file as it was.
#[utoipa::path(put, path = "/api/projects/{p}/scenario-files/{f}", tag = "scenarios", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("f" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ScenarioFileRow), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn put_file(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, f)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<ScenarioFileRow>, Problem> {
    if !scenarios::is_file_name(&f) {
        return Err(bad_file_name());
    }
    let subject = format!("{p}/{f}");
    let bytes = body.len() as u64;
    let name = f.clone();
    app.with_project(&p, move |project| -> Result<_, Problem> { Ok(scenarios::put_file(project.dir(), &name, &body)?) }).await?;
    caller.note(&app, "scenario.file", &subject, json!({ "bytes": bytes })).await?;
    Ok(Json(ScenarioFileRow { name: f, bytes }))
}

/// Takes a file away from drafts. Versions that are saved keep it.
#[utoipa::path(delete, path = "/api/projects/{p}/scenario-files/{f}", tag = "scenarios", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("f" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove_file(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, f)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let subject = format!("{p}/{f}");
    app.with_project(&p, move |project| -> Result<_, Problem> {
        if scenarios::remove_file(project.dir(), &f)? { Ok(()) } else { Err(Problem::not_found("There is no such file").field("f")) }
    })
    .await?;
    caller.note(&app, "scenario.file.remove", &subject, Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}
