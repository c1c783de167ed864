//! Versions of the model that is followed.

use super::{Pairs, text};
use crate::access::{Caller, Engineer, Viewer};
use crate::follow::Follower;
use crate::follow::versions::{DiffLine, TEXT_MAX, Version, diff};
use crate::moment::now_ms;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(check))
        .layer(DefaultBodyLimit::max(TEXT_MAX + (1 << 20)))
        .merge(OpenApiRouter::new().routes(routes!(get)).routes(routes!(difference)).routes(routes!(activate, activate_by_get)))
}

/// All versions, the oldest first; one of them is followed.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionsAnswer {
    pub versions: Vec<Version>,
}

/// All versions of the model.
#[utoipa::path(get, path = "/api/twin/versions", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = VersionsAnswer), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<VersionsAnswer>, Problem> {
    blocking(move || app.twin.versions(|v| Ok(Json(VersionsAnswer { versions: v.all().to_vec() })))).await
}

/// A version to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVersion {
    /// The whole model, in OpenDSS's language.
    #[serde(default, alias = "content")]
    pub(in crate::routes) text: Option<String>,
    /// Commands that go behind the active version's text, as `edit line.l1 r1=0.02`.
    #[serde(default)]
    pub(in crate::routes) changes: Option<String>,
    /// What is different.
    #[serde(default)]
    pub(in crate::routes) description: String,
}

/// The whole text of what is asked: it can be read, and the station's documents fit it.
///
/// # Errors
/// A text with errors, or that the station's documents do not fit; neither a text nor changes, or both.
fn whole(shared: &Follower, asked: &NewVersion, about: &str) -> Result<String, Problem> {
    let unfit = |title: &str, hint: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).field("text").hint(hint);
    let whole = match (&asked.text, &asked.changes) {
        (Some(text), None) => text.clone(),
        (None, Some(changes)) => {
            let active = shared.versions(|v| v.text(v.active()?.version_number))?;
            format!("{}\n! {}\n{}\n", active.trim_end(), about.replace(['\n', '\r'], " "), changes.trim())
        }
        _ => return Err(unfit("A version is a text, or changes to the active one", "Send `text` or `changes`, and not both.")),
    };
    if whole.len() > TEXT_MAX {
        return Err(unfit("The text is too long", "A version has at most 8 MiB."));
    }
    shared.versions(|_| Ok(()))?;
    shared.read(&whole)?;
    Ok(whole)
}

/// Keeps a version that can be followed; it is not followed before it is activated.
///
/// # Errors
/// As of [`whole`]; a disk that cannot be written.
pub(in crate::routes) async fn keep(app: &App, caller: &Caller, asked: NewVersion) -> Result<Version, Problem> {
    app.twin.get()?;
    let description = text("description", &asked.description, true)?;
    let (shared, by, about) = (app.twin.clone(), caller.user.clone(), description.clone());
    let version = blocking(move || {
        let whole = whole(&shared, &asked, &about)?;
        shared.versions(|v| v.add(&whole, &about, &by, now_ms()))
    })
    .await?;
    let detail = json!({ "description": description, "sha256": version.sha256, "bytes": version.bytes });
    caller.note(app, "twin.version.add", &version.version_id, detail).await?;
    Ok(version)
}

/// Keeps a version: a whole text, or changes to the active one. What cannot be read, or does not fit the station any more, is refused.
#[utoipa::path(post, path = "/api/twin/versions", tag = "twin", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = NewVersion,
    responses((status = 201, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Json(asked): Json<NewVersion>,
) -> Result<(StatusCode, Json<Version>), Problem> {
    keep(&app, &caller, asked).await.map(|v| (StatusCode::CREATED, Json(v)))
}

/// What a version would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionLook {
    /// Of its whole text.
    pub bytes: usize,
    /// Version that it is set against: the active one.
    pub before: u64,
    /// Changed lines with three around each.
    pub lines: Vec<DiffLine>,
    pub removed: usize,
    pub added: usize,
}

/// Looks at a version as it would be kept, and keeps nothing: it is read, the station's documents are laid upon it, and its lines are set against
/// those of the active one.
#[utoipa::path(post, path = "/api/twin/versions/check", tag = "twin", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = NewVersion,
    responses((status = 200, body = VersionLook), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn check(State(app): State<App>, _: Engineer, Json(asked): Json<NewVersion>) -> Result<Json<VersionLook>, Problem> {
    app.twin.get()?;
    let shared = app.twin.clone();
    let look = move || {
        let about = asked.description.clone();
        let whole = whole(&shared, &asked, &about)?;
        let (before, active) = shared.versions(|v| {
            let before = v.active()?.version_number;
            Ok((before, v.text(before)?))
        })?;
        let (lines, removed, added) = diff(&active, &whole);
        Ok(Json(VersionLook { bytes: whole.len(), before, lines, removed, added }))
    };
    // As with two versions: some at a time.
    app.twin.compute(look).await
}

/// A version with its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionText {
    #[serde(flatten)]
    pub version: Version,
    pub text: String,
}

/// A version with its text.
#[utoipa::path(get, path = "/api/twin/versions/{id}", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = u64, Path)), responses((status = 200, body = VersionText), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer, Path(id): Path<u64>) -> Result<Json<VersionText>, Problem> {
    blocking(move || app.twin.versions(|v| Ok(Json(VersionText { version: v.find(id)?.clone(), text: v.text(id)? })))).await
}

/// What is different between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionDiff {
    pub before: u64,
    pub after: u64,
    /// Changed lines with three around each.
    pub lines: Vec<DiffLine>,
    pub removed: usize,
    pub added: usize,
}

/// What is different in a version, line by line; against the active one unless told.
#[utoipa::path(get, path = "/api/twin/versions/{id}/diff", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = u64, Path), ("against" = Option<u64>, Query, description = "Number of the version before")),
    responses((status = 200, body = VersionDiff), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn difference(
    State(app): State<App>,
    _: Viewer,
    Path(id): Path<u64>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<VersionDiff>, Problem> {
    app.twin.get()?;
    let against = Pairs(pairs).whole("against", 0, u64::MAX)?;
    let follower = app.twin.clone();
    // Two texts that have little in common take time and memory: some at a time.
    let compared = move || {
        let (before, texts) = follower.versions(|v| {
            let before = against.map_or_else(|| v.active().map(|a| a.version_number), Ok)?;
            Ok((before, (v.text(before)?, v.text(id)?)))
        })?;
        let (lines, removed, added) = diff(&texts.0, &texts.1);
        Ok(Json(VersionDiff { before, after: id, lines, removed, added }))
    };
    app.twin.compute(compared).await
}

/// Follows a version, and writes down who said so.
///
/// # Errors
/// As of [`crate::follow::Follower::activate`].
pub(in crate::routes) async fn turn_to(app: &App, caller: &Caller, id: u64) -> Result<Version, Problem> {
    app.twin.follow()?;
    // In a task of its own: a caller who goes away must not leave the plant unfollowed.
    let follower = app.twin.clone();
    let (before, version) = tokio::spawn(async move { follower.activate(id).await }).await.map_err(Problem::internal)??;
    caller.note(app, "twin.version.activate", &version.version_id, json!({ "before": before })).await?;
    let twin = app.twin.get()?;
    let event = twin::history::Event {
        time: scada::UtcTime::now(),
        kind: "system".into(),
        severity: network::Severity::Note,
        subject: Some("model".into()),
        message: format!("{} activated version {id} of the model in place of {before}", caller.user),
        fields: json!({ "who": caller.user, "before": before, "after": id }).as_object().cloned().unwrap_or_default(),
    };
    blocking(move || twin.record(event).map_err(crate::follow::problem_of)).await?;
    Ok(version)
}

/// Follows a version from now on; an older one takes changes back. The version before goes on when this one cannot be followed.
#[utoipa::path(post, path = "/api/twin/versions/{id}/activate", tag = "twin", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = u64, Path)),
    responses((status = 200, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn activate(State(app): State<App>, Engineer(caller): Engineer, Path(id): Path<u64>) -> Result<Json<Version>, Problem> {
    turn_to(&app, &caller, id).await.map(Json)
}

/// The same by GET, as document 001 has it: for programs with a token. A page of another site could make a browser send it, so a session
/// must prove that a page of GridTwin did, as with POST.
#[utoipa::path(get, path = "/api/twin/versions/{id}/activate", tag = "twin", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = u64, Path)),
    responses((status = 200, body = Version), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn activate_by_get(
    State(app): State<App>,
    Engineer(caller): Engineer,
    headers: axum::http::HeaderMap,
    Path(id): Path<u64>,
) -> Result<Json<Version>, Problem> {
    crate::auth::proves_intent(&app, &headers)?;
    turn_to(&app, &caller, id).await.map(Json)
}
