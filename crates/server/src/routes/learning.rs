//! Learning: its modules, the models of a project with their cards, and questions in plain words. Fitting and asking is a job (`learn`).

use crate::access::{Engineer, Viewer};
use crate::moment::{now_ms, rfc3339};
use crate::narratives::{NoNarrative, of_analysis, of_run};
use crate::problem::Problem;
use crate::questions::{calendar, context, only_study};
use crate::state::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use learning::modules::MODULES;
use learning::questions::{NotUnderstood, Outcome, Present, Reading, in_words, read, scenario_file, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::models::{self, Approval, ModelVersion};
use store::{Lake, StoreError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest question and note, characters.
const QUESTION_MAX: usize = 1000;
const NOTE_MAX: usize = 1000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(modules))
        .routes(routes!(list))
        .routes(routes!(get, remove))
        .routes(routes!(file))
        .routes(routes!(approve))
        .routes(routes!(ask))
        .routes(routes!(narrative_of_analysis))
        .routes(routes!(narrative_of_run))
}

/// The modules: what each answers, the inputs with their columns, the settings with their defaults and ranges.
#[utoipa::path(get, path = "/api/learning/modules", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Vec<Object>)))]
pub async fn modules(_: Viewer) -> Json<Value> {
    Json(json!(MODULES.iter().map(|m| m.about()).collect::<Vec<_>>()))
}

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelRow {
    pub name: String,
    pub version: u64,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
    pub engine_version: String,
    pub sha256: String,
    /// What it was made of, its figures on held-out rows, and when not to use it.
    #[schema(value_type = Object)]
    pub card: Value,
    /// Who approved it, when, and their words.
    #[schema(value_type = Option<Object>)]
    pub approved: Option<Approval>,
}

impl From<ModelVersion> for ModelRow {
    fn from(v: ModelVersion) -> Self {
        Self {
            name: v.name,
            version: v.version,
            author: v.author,
            time_utc: v.time_utc,
            engine_version: v.engine_version,
            sha256: v.sha256,
            card: v.card,
            approved: v.approved,
        }
    }
}

/// The models of a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// By name, of each the newest version first.
    pub models: Vec<ModelRow>,
    /// Versions that cannot be read, and why.
    pub damaged: Vec<String>,
}

fn unknown(name: &str, version: Option<u64>) -> Problem {
    let version = version.map_or_else(String::new, |v| format!(" version {v}"));
    let name: String = name.chars().take(64).collect();
    Problem::not_found(format!("There is no model \"{name}\"{version}")).code("LEARN.MODEL.UNKNOWN").hint("List the project's models.")
}

fn of_store(error: StoreError) -> Problem {
    match &error {
        StoreError::Torn { .. } | StoreError::Record { .. } | StoreError::OtherVersion { .. } => {
            Problem::conflict("The model cannot be read")
                .code("LEARN.MODEL.UNREADABLE")
                .detail("Its file is damaged, or another version of the program wrote it.")
                .hint("Fit it again, and remove this version.")
        }
        _ => error.into(),
    }
}

/// Every version of every model, with its card.
#[utoipa::path(get, path = "/api/projects/{p}/models", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), responses((status = 200, body = ModelList), (status = 404, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer, Path(p): Path<String>) -> Result<Json<ModelList>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let (all, damaged) = models::list(project.dir())?;
        let place = |e: &StoreError| match e {
            // Folders of the server stay out of answers.
            StoreError::Torn { path, .. } | StoreError::Record { path, .. } | StoreError::OtherVersion { path, .. } => {
                let name = path.parent().and_then(|d| d.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let file = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                format!("{name} version {} cannot be read", file.trim_start_matches('0'))
            }
            _ => "a version cannot be read".to_owned(),
        };
        Ok(Json(ModelList { models: all.into_iter().map(ModelRow::from).collect(), damaged: damaged.iter().map(place).collect() }))
    })
    .await
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ModelQuery {
    /// The newest unless told.
    #[param(minimum = 1)]
    version: Option<u64>,
}

/// A model's card.
#[utoipa::path(get, path = "/api/projects/{p}/models/{m}", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("m" = String, Path), ModelQuery), responses((status = 200, body = ModelRow), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    _: Viewer,
    Path((p, m)): Path<(String, String)>,
    Query(query): Query<ModelQuery>,
) -> Result<Json<ModelRow>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let found = models::find(project.dir(), &m, query.version).map_err(of_store)?;
        found.map(|(v, _)| Json(v.into())).ok_or_else(|| unknown(&m, query.version))
    })
    .await
}

/// A model as a file: card and body.
#[utoipa::path(get, path = "/api/projects/{p}/models/{m}/file", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("m" = String, Path), ModelQuery),
    responses((status = 200, content_type = "application/json", body = Object), (status = 404, body = Problem)))]
pub async fn file(
    State(app): State<App>,
    _: Viewer,
    Path((p, m)): Path<(String, String)>,
    Query(query): Query<ModelQuery>,
) -> Result<Response, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let (v, model) = models::find(project.dir(), &m, query.version).map_err(of_store)?.ok_or_else(|| unknown(&m, query.version))?;
        let name = format!("attachment; filename=\"{}-{}.json\"", v.name, v.version);
        Ok(([(header::CONTENT_DISPOSITION, name)], Json(model)).into_response())
    })
    .await
}

/// Removes a version.
#[utoipa::path(delete, path = "/api/projects/{p}/models/{m}", tag = "learning", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("m" = String, Path), ModelQuery),
    responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, m)): Path<(String, String)>,
    Query(query): Query<ModelQuery>,
) -> Result<StatusCode, Problem> {
    let Some(version) = query.version else {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The version is not named")
            .hint("Name it: a model is removed version by version.")
            .field("version"));
    };
    let subject = format!("{p}/{m}@{version}");
    app.with_project(&p, move |project| -> Result<_, Problem> {
        if models::remove(project.dir(), &m, version)? { Ok(()) } else { Err(unknown(&m, Some(version))) }
    })
    .await?;
    caller.note(&app, "model.remove", &subject, Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    pub version: u64,
    /// What was looked at.
    pub note: String,
}

/// Writes down that the caller approves a version.
#[utoipa::path(put, path = "/api/projects/{p}/models/{m}/approval", tag = "learning", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("m" = String, Path)), request_body = ApprovalRequest,
    responses((status = 200, body = ModelRow), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn approve(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, m)): Path<(String, String)>,
    Json(request): Json<ApprovalRequest>,
) -> Result<Json<ModelRow>, Problem> {
    let note = request.note.trim().to_owned();
    if note.is_empty() || note.chars().count() > NOTE_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The note does not do")
            .detail(format!("It says what was looked at, in 1 to {NOTE_MAX} characters."))
            .field("note"));
    }
    let word = Approval { by: caller.user.clone(), time_utc: rfc3339(now_ms()), note };
    let subject = format!("{p}/{m}@{}", request.version);
    let row = app
        .with_project(&p, move |project| -> Result<_, Problem> {
            let version = Some(request.version);
            if !models::approve(project.dir(), &m, request.version, &word).map_err(of_store)? {
                return Err(unknown(&m, version));
            }
            let found = models::find(project.dir(), &m, version).map_err(of_store)?;
            found.map(|(v, _)| ModelRow::from(v)).ok_or_else(|| unknown(&m, version))
        })
        .await?;
    caller.note(&app, "model.approve", &subject, Value::Null).await?;
    Ok(Json(row))
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionRequest {
    /// In English.
    pub text: String,
    /// Study that is asked where the question names none; the only one unless told.
    #[serde(default)]
    pub study: Option<String>,
    /// Calendar year that the study's series are of, for questions about weekdays or times of the year.
    #[serde(default)]
    pub year: Option<i32>,
}

/// One way to read a question.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuestionReading {
    /// In words.
    pub words: String,
    /// Its parts, for chips: measure, objects, filters, scenario, order, limit.
    #[schema(value_type = Object)]
    pub query: Value,
    pub notes: Vec<String>,
    /// Over the lake; none where another study answers it, or a scenario has to be run first.
    pub sql: Option<String>,
    pub sql_notes: Vec<String>,
    /// Why there is no SQL.
    pub no_sql: Option<String>,
    /// Text of the scenario that the question is about.
    pub scenario: Option<String>,
    pub no_scenario: Option<String>,
    /// The SQL is for a study that has run the scenario: of any other it would answer another question.
    pub needs_scenario: bool,
}

/// How a question was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuestionAnswer {
    /// None: it is not understood. More than one: somebody has to choose.
    pub readings: Vec<QuestionReading>,
    /// Words that nothing uses.
    pub unknown_words: Vec<String>,
    /// Names that the project does not have.
    pub unknown_names: Vec<String>,
    pub reasons: Vec<String>,
    /// Studies that can be asked.
    pub studies: Vec<String>,
}

/// Reads a question in plain words. Nothing runs: the readings are shown, and SQL or scenario are asked for on their own.
#[utoipa::path(post, path = "/api/projects/{p}/questions", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), request_body = QuestionRequest,
    responses((status = 200, body = QuestionAnswer), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn ask(
    State(app): State<App>,
    _: Viewer,
    Path(p): Path<String>,
    Json(request): Json<QuestionRequest>,
) -> Result<Json<QuestionAnswer>, Problem> {
    let n = request.text.trim().chars().count();
    if n == 0 || n > QUESTION_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The question does not do")
            .detail(format!("It has 1 to {QUESTION_MAX} characters."))
            .field("text"));
    }
    let today = rfc3339(now_ms()).chars().take(10).collect();
    app.with_project(&p, move |project| -> Result<_, Problem> {
        // A project without results has no lake yet: its questions are read all the same.
        let lake = match Lake::open(project.dir()) {
            Ok(lake) => Some(lake),
            Err(StoreError::NotALake { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        let context = context(lake.as_ref(), today)?;
        let study = request.study.as_deref().or(only_study(&context)).unwrap_or("base").to_owned();
        let studies = context.studies.clone();
        let (readings, why) = match read(&request.text, &context) {
            Outcome::Understood(reading) => (vec![reading], None),
            Outcome::Ambiguous(readings) => (readings, None),
            Outcome::NotUnderstood(why) => (Vec::new(), Some(why)),
        };
        let readings = readings.into_iter().map(|r| shown(r, &study, request.year)).collect();
        let NotUnderstood { words, names, reasons, .. } = why.unwrap_or_default();
        Ok(Json(QuestionAnswer { readings, unknown_words: words, unknown_names: names, reasons, studies }))
    })
    .await
}

fn shown(reading: Reading, study: &str, year: Option<i32>) -> QuestionReading {
    let answer = sql(&reading.query, study, calendar(year));
    let needs_scenario = !reading.query.scenario.is_empty();
    let scenario = needs_scenario.then(|| scenario_file(&reading.query, &Present::default(), "asked", 1));
    QuestionReading {
        words: in_words(&reading.query),
        query: serde_json::to_value(&reading.query).unwrap_or_default(),
        notes: reading.notes,
        sql: answer.as_ref().ok().map(|a| a.sql.clone()),
        sql_notes: answer.as_ref().map(|a| a.notes.clone()).unwrap_or_default(),
        no_sql: answer.as_ref().err().map(ToString::to_string),
        no_scenario: scenario.as_ref().and_then(|s| s.as_ref().err().map(ToString::to_string)),
        scenario: scenario.and_then(Result::ok),
        needs_scenario,
    }
}

fn no_narrative(why: NoNarrative) -> Problem {
    match why {
        NoNarrative::Store(error) => error.into(),
        why => Problem::conflict("There is no narrative of this")
            .code("LEARN.NARRATIVE.NONE")
            .detail(format!("{why}."))
            .hint("Runs, comparisons, hosting capacity, mitigation and reliability have narratives."),
    }
}

/// An answer in sentences: sections, the weightiest first; each figure leads to the cells of the answer's tables that it is from.
#[utoipa::path(get, path = "/api/projects/{p}/analyses/{a}/narrative", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("a" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn narrative_of_analysis(
    State(app): State<App>,
    _: Viewer,
    Path((p, a)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let of = store::analyses::find(project.dir(), &a)?.ok_or_else(|| Problem::not_found("There is no such answer"))?;
        Ok(Json(json!(of_analysis(project.dir(), &of).map_err(no_narrative)?)))
    })
    .await
}

/// A run through time in sentences, from its feeders, overloads and voltages.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/narrative", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn narrative_of_run(State(app): State<App>, _: Viewer, Path((p, r)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let lake = Lake::open(project.dir())?;
        Ok(Json(json!(of_run(&lake, Some(&r)).map_err(no_narrative)?)))
    })
    .await
}
