//! Projects, networks and their versions, and what imports said of them.

use crate::access::{Engineer, Viewer};
use crate::moment::{now_ms, rfc3339};
use crate::paging::{Page, Paging, limit};
use crate::problem::Problem;
use crate::state::{App, Shared, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use network::{Diagnostic, LedgerEntry, Reject, StudyFigure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::project::{
    Change, ChangeKind, Creation, FindingFilter, Listed, Piece, Project, ProjectError, ProjectInfo, SourceFile, VersionInfo,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one))
        .routes(routes!(networks))
        .routes(routes!(versions))
        .routes(routes!(diff))
        .routes(routes!(findings))
        .routes(routes!(finding_counts))
        .routes(routes!(ledger))
        .routes(routes!(rejects))
        .routes(routes!(figures))
        .routes(routes!(sources))
}

/// A project in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectRow {
    /// Name in addresses: that of its folder.
    pub id: String,
    pub name: String,
    pub networks: u64,
    pub versions: u64,
    /// Time of the newest version, RFC 3339.
    pub newest_utc: Option<String>,
    /// Why it cannot be opened, when it cannot.
    pub fault: Option<Problem>,
}

fn row(id: String, project: Result<Project, ProjectError>) -> ProjectRow {
    match project.and_then(|p| p.summary()) {
        Ok(s) => ProjectRow { id, name: s.name, networks: s.networks, versions: s.versions, newest_utc: s.newest_utc, fault: None },
        Err(e) => ProjectRow { name: id.clone(), id, networks: 0, versions: 0, newest_utc: None, fault: Some(e.into()) },
    }
}

/// Names of the folders that are projects, in their order.
pub(super) fn names(app: &Shared) -> Result<Vec<String>, Problem> {
    let below = std::fs::read_dir(app.config.data.join("projects")).map_err(Problem::internal)?;
    let mut names: Vec<String> = below
        .flatten()
        .filter(|e| Project::is_project(&e.path()))
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|name| app.project_dir(name).is_ok())
        .collect();
    names.sort();
    Ok(names)
}

/// All projects.
#[utoipa::path(get, path = "/api/projects", tag = "projects", security(("session" = ["viewer"]), ("token" = ["viewer"])), params(Paging),
    responses((status = 200, body = Page<ProjectRow>)))]
pub async fn list(State(app): State<App>, _: Viewer, Query(paging): Query<Paging>) -> Result<Json<Page<ProjectRow>>, Problem> {
    blocking(move || {
        let page = paging.of(names(&app)?)?;
        let open = |id: String| app.project_dir(&id).map(|dir| row(id, Project::open(&dir)));
        let items = page.items.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// A project to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// Letters, digits, blanks, dots, - and _; not a dot at the begin.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: String,
}

/// Makes an empty project.
#[utoipa::path(post, path = "/api/projects", tag = "projects", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = NewProject,
    responses((status = 201, body = ProjectRow), (status = 409, body = Problem, description = "There is a project of this name")))]
pub async fn create(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Json(new): Json<NewProject>,
) -> Result<(StatusCode, Json<ProjectRow>), Problem> {
    let refused =
        |reason: &str| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The project cannot be made so").detail(reason).field("name"));
    let name = new.name.trim().to_owned();
    let Ok(dir) = app.project_dir(&name) else {
        return refused("A name has 1 to 100 letters, digits, blanks, dots, - and _, and does not begin with a dot.");
    };
    if new.note.chars().count() > 2000 {
        return refused("The note is longer than 2000 characters.");
    }
    let (id, shared) = (name.clone(), app.clone());
    let made = blocking(move || {
        // Where file names differ in capitals only, two projects would be hard to tell apart, and on some disks the same.
        if dir.exists() || names(&shared)?.iter().any(|n| n.to_lowercase() == id.to_lowercase()) {
            return Err(Problem::conflict(format!("There is a project \"{id}\" already"))
                .hint("Use it, or choose another name.")
                .field("name"));
        }
        let creation = Creation { note: new.note, ..Creation::new(id.as_str(), rfc3339(now_ms())) };
        let project = Project::create(&dir, &creation)?;
        Ok(row(id, Ok(project)))
    })
    .await?;
    caller.note(&app, "project.create", &name, Value::Null).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// What a project holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectDetail {
    pub id: String,
    pub name: String,
    pub created_utc: String,
    pub note: String,
    /// `SQLite` or `PostgreSQL`, with its version.
    pub engine: String,
    /// Newest version of each network.
    pub networks: Vec<VersionRow>,
    /// Buses, elements, assets and entries of catalogues that are kept, each once over all versions.
    pub items: u64,
    /// Entries of the library of equipment.
    pub equipment: u64,
    pub runs: u64,
}

/// One project.
#[utoipa::path(get, path = "/api/projects/{project}", tag = "projects", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path)), responses((status = 200, body = ProjectDetail)))]
pub async fn one(State(app): State<App>, _: Viewer, Path(project): Path<String>) -> Result<Json<ProjectDetail>, Problem> {
    let info: ProjectInfo = app.with_project(&project, |p| p.info()).await?;
    Ok(Json(ProjectDetail {
        id: project,
        name: info.name,
        created_utc: info.created_utc,
        note: info.note,
        engine: info.engine,
        networks: info.networks.into_iter().map(Into::into).collect(),
        items: info.items,
        equipment: info.equipment,
        runs: info.runs,
    }))
}

/// A version of a network: what one import gave.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionRow {
    pub network: String,
    /// Counted from 1.
    pub number: u64,
    pub time_utc: String,
    /// The model as it was named.
    pub model: String,
    /// Reader that made it.
    pub importer: String,
    /// Version of the program that read it.
    pub program: String,
    #[schema(value_type = Object)]
    pub options: Value,
    pub author: String,
    pub note: String,
    pub buses: u64,
    pub elements: u64,
    /// Findings of its import by severity.
    pub errors: u64,
    pub warnings: u64,
    /// Records that were not taken.
    pub rejects: u64,
    /// Equal networks have the same.
    pub digest: String,
}

impl From<VersionInfo> for VersionRow {
    fn from(v: VersionInfo) -> Self {
        Self {
            network: v.network,
            number: v.number,
            time_utc: v.time_utc,
            model: v.model,
            importer: v.importer,
            program: v.program,
            options: v.options,
            author: v.author,
            note: v.note,
            buses: v.buses,
            elements: v.elements,
            errors: v.errors,
            warnings: v.warnings,
            rejects: v.rejects,
            digest: v.digest,
        }
    }
}

/// A network in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NetworkRow {
    pub name: String,
    /// How many versions there are.
    pub versions: u64,
    pub newest_utc: String,
    /// Of the newest version.
    pub buses: u64,
    pub elements: u64,
    pub errors: u64,
    pub warnings: u64,
    pub rejects: u64,
    pub newest: VersionRow,
}

/// Networks of a project from all its versions, which come by network.
pub(super) fn by_network(history: Vec<VersionInfo>) -> Vec<NetworkRow> {
    let mut networks: Vec<NetworkRow> = Vec::new();
    for v in history {
        let versions = networks.last().filter(|n| n.name == v.network).map_or(0, |n| n.versions);
        if versions > 0 {
            networks.pop();
        }
        networks.push(NetworkRow {
            name: v.network.clone(),
            versions: versions + 1,
            newest_utc: v.time_utc.clone(),
            buses: v.buses,
            elements: v.elements,
            errors: v.errors,
            warnings: v.warnings,
            rejects: v.rejects,
            newest: v.into(),
        });
    }
    networks
}

/// Networks of a project.
#[utoipa::path(get, path = "/api/projects/{project}/networks", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), Paging),
    responses((status = 200, body = Page<NetworkRow>)))]
pub async fn networks(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NetworkRow>>, Problem> {
    let paging = paging.check()?;
    let history = app.with_project(&project, |p| p.history(None)).await?;
    paging.of(by_network(history)).map(Json)
}

/// Versions of a network, newest first.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/versions", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), ("network" = String, Path), Paging),
    responses((status = 200, body = Page<VersionRow>)))]
pub async fn versions(
    State(app): State<App>,
    _: Viewer,
    Path((project, network)): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<VersionRow>>, Problem> {
    let paging = paging.check()?;
    let history = app.with_project(&project, move |p| p.history(Some(&network))).await?;
    paging.of(history.into_iter().rev().map(VersionRow::from)).map(Json)
}

/// Which versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// Number of the older version; the one before `to` unless told.
    pub from: Option<u64>,
    /// Number of the newer version; the newest unless told.
    pub to: Option<u64>,
    /// Only `added`, `removed` or `changed`.
    #[param(inline)]
    pub change: Option<ChangeWord>,
    /// Only this class, as `line`.
    pub class: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeWord {
    Removed,
    Added,
    Changed,
}

impl ChangeWord {
    fn kind(self) -> ChangeKind {
        match self {
            Self::Removed => ChangeKind::Removed,
            Self::Added => ChangeKind::Added,
            Self::Changed => ChangeKind::Changed,
        }
    }
}

/// What changed between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffAnswer {
    pub from: VersionRow,
    pub to: VersionRow,
    /// Of all, whatever is asked for.
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    /// Each with `change`, `subject` (class.name), `class`, `buses`, and for changed things `fields` with `field`, `old`, `new`.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Change>,
    pub total: u64,
    pub next: Option<u64>,
}

/// What changed between two versions of a network, thing by thing and field by field.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/diff", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), ("network" = String, Path), DiffQuery),
    responses((status = 200, body = DiffAnswer), (status = 409, body = Problem, description = "There is but one version")))]
pub async fn diff(
    State(app): State<App>,
    _: Viewer,
    Path((project, network)): Path<(String, String)>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<DiffAnswer>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let to = p.version(Some(&network), query.to)?;
        let from = match query.from {
            Some(number) => p.version(Some(&network), Some(number))?,
            None => p.version_before(&to)?.ok_or_else(|| {
                Problem::conflict("There is no version to compare with")
                    .detail(format!("Version {} is the first of \"{network}\".", to.number))
                    .hint("Name the version with `from`, or import a newer model first.")
            })?,
        };
        let difference = p.diff(&from, &to)?;
        let n = |kind| difference.count(kind) as u64;
        let (added, removed, changed) = (n(ChangeKind::Added), n(ChangeKind::Removed), n(ChangeKind::Changed));
        let is_asked = |c: &Change| {
            query.change.is_none_or(|w| w.kind() == c.change)
                && query.class.as_ref().is_none_or(|class| class.eq_ignore_ascii_case(&c.class))
        };
        let page = paging.of(difference.changes.into_iter().filter(is_asked))?;
        let (from, to) = (difference.from.into(), difference.to.into());
        Ok(Json(DiffAnswer { from, to, added, removed, changed, items: page.items, total: page.total, next: page.next }))
    })
    .await
}

/// Which version, and which piece.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Number of the version; the newest unless told.
    pub version: Option<u64>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

impl VersionQuery {
    fn piece(&self) -> Result<Piece, Problem> {
        Ok(Piece { limit: u64::from(limit(self.limit)?), offset: self.offset.unwrap_or(0) })
    }
}

fn page<T>(listed: Listed<T>, piece: &Piece) -> Json<Page<T>> {
    let end = piece.offset.saturating_add(piece.limit);
    Json(Page { next: (end < listed.total).then_some(end), items: listed.items, total: listed.total })
}

/// One list of a version, in the shape of all.
async fn listed<T: Send + 'static>(
    app: &App,
    (project, network): (String, String),
    version: Option<u64>,
    piece: Piece,
    read: impl FnOnce(&Project, &VersionInfo, &Piece) -> Result<Listed<T>, ProjectError> + Send + 'static,
) -> Result<Json<Page<T>>, Problem> {
    app.with_project(&project, move |p| -> Result<_, ProjectError> {
        let version = p.version(Some(&network), version)?;
        Ok(page(read(p, &version, &piece)?, &piece))
    })
    .await
}

/// Severities of findings.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityWord {
    Error,
    Warning,
    Note,
}

impl SeverityWord {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindingsQuery {
    /// Number of the version; the newest unless told.
    pub version: Option<u64>,
    #[param(inline)]
    pub severity: Option<SeverityWord>,
    /// As `CHECK.LOAD.KV_BASE`.
    pub code: Option<String>,
    /// As `line.650632`.
    pub element: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// A list whose items are as commands print them.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct ObjectPage {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    total: u64,
    next: Option<u64>,
}

/// Findings of the import of a version: `code`, `severity`, `message`, `element`, `source`, `place`, `detail`, `hint`.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/findings", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), FindingsQuery), responses((status = 200, body = ObjectPage)))]
pub async fn findings(
    State(app): State<App>,
    _: Viewer,
    Path(names): Path<(String, String)>,
    Query(query): Query<FindingsQuery>,
) -> Result<Json<Page<Diagnostic>>, Problem> {
    let piece = Piece { limit: u64::from(limit(query.limit)?), offset: query.offset.unwrap_or(0) };
    let filter = FindingFilter { severity: query.severity.map(|s| s.word().to_owned()), code: query.code, element: query.element };
    listed(&app, names, query.version, piece, move |p, v, piece| p.findings_of(v, &filter, piece)).await
}

/// How often a code was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingCount {
    pub severity: String,
    pub code: String,
    pub count: u64,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OneVersion {
    /// Number of the version; the newest unless told.
    pub version: Option<u64>,
}

/// Findings of the import of a version, counted by severity and code.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/findings/counts", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), OneVersion), responses((status = 200, body = Vec<FindingCount>)))]
pub async fn finding_counts(
    State(app): State<App>,
    _: Viewer,
    Path((project, network)): Path<(String, String)>,
    Query(query): Query<OneVersion>,
) -> Result<Json<Vec<FindingCount>>, Problem> {
    app.with_project(&project, move |p| -> Result<_, ProjectError> {
        let counts = p.finding_counts(&p.version(Some(&network), query.version)?)?;
        Ok(Json(counts.into_iter().map(|(severity, code, count)| FindingCount { severity, code, count }).collect()))
    })
    .await
}

/// What became of values.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DispositionWord {
    Kept,
    Converted,
    Defaulted,
    Dropped,
}

/// Which rows of the ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    /// Number of the version; the newest unless told.
    pub version: Option<u64>,
    #[param(inline)]
    pub disposition: Option<DispositionWord>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// What became of each kind of value of the files: kept, converted (formula), defaulted (value, reason), dropped (reason).
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/ledger", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), LedgerQuery), responses((status = 200, body = ObjectPage)))]
pub async fn ledger(
    State(app): State<App>,
    _: Viewer,
    Path(names): Path<(String, String)>,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let piece = Piece { limit: u64::from(limit(query.limit)?), offset: query.offset.unwrap_or(0) };
    let word = query.disposition.map(|d| match d {
        DispositionWord::Kept => "kept",
        DispositionWord::Converted => "converted",
        DispositionWord::Defaulted => "defaulted",
        DispositionWord::Dropped => "dropped",
    });
    listed(&app, names, query.version, piece, move |p, v, piece| p.ledger_of(v, word, piece)).await
}

/// Records that the import of a version did not take, with file, line and reason.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/rejects", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), VersionQuery), responses((status = 200, body = ObjectPage)))]
pub async fn rejects(
    State(app): State<App>,
    _: Viewer,
    Path(names): Path<(String, String)>,
    Query(query): Query<VersionQuery>,
) -> Result<Json<Page<Reject>>, Problem> {
    listed(&app, names, query.version, query.piece()?, |p, v, piece| p.rejects_in(v, piece)).await
}

/// Figures of studies that the files brought along.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/figures", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), VersionQuery), responses((status = 200, body = ObjectPage)))]
pub async fn figures(
    State(app): State<App>,
    _: Viewer,
    Path(names): Path<(String, String)>,
    Query(query): Query<VersionQuery>,
) -> Result<Json<Page<StudyFigure>>, Problem> {
    listed(&app, names, query.version, query.piece()?, |p, v, piece| p.figures_of(v, piece)).await
}

/// Files that a version was read from, with their hashes.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/sources", tag = "projects",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("project" = String, Path), ("network" = String, Path), VersionQuery), responses((status = 200, body = ObjectPage)))]
pub async fn sources(
    State(app): State<App>,
    _: Viewer,
    Path(names): Path<(String, String)>,
    Query(query): Query<VersionQuery>,
) -> Result<Json<Page<SourceFile>>, Problem> {
    listed(&app, names, query.version, query.piece()?, |p, v, piece| p.sources_of(v, piece)).await
}
