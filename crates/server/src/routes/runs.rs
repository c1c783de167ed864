//! Studies of a project's lake and their results; single moments; SQL.

use crate::access::{Engineer, Viewer};
use crate::jobs::{Jobs, MomentParams, ScenarioRef, SnapshotParams, SqlParams, Task};
use crate::paging::{Page, Paging};
use crate::problem::Problem;
pub(super) use crate::results::unknown;
use crate::results::{FeederStatus, RunRow, RunTotals, StudiedNetwork, Study};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use network::RESULT_TABLES;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::project::Project;
use store::views::VIEWS;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows of an answer to SQL, unless told.
const SQL_ROWS: usize = 10_000;
/// Rows of an answer to SQL as JSON, and as a file, at most.
const SQL_ROWS_MAX: usize = 100_000;
const SQL_FILE_ROWS_MAX: usize = 5_000_000;
/// Longest query, characters.
const QUERY_MAX: usize = 20_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, remove))
        .routes(routes!(summary))
        .routes(routes!(violations))
        .routes(routes!(scorecards))
        .routes(routes!(values))
        .routes(routes!(compare))
        .routes(routes!(profile))
        .routes(routes!(series))
        .routes(routes!(duration))
        .routes(routes!(heat))
        .routes(routes!(hour))
        .routes(routes!(solve))
        .routes(routes!(sql_tables, sql))
}

/// A study with what it depends on and how each network ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    pub run: RunRow,
    /// Options as they were solved with.
    #[schema(value_type = Object)]
    pub options: Value,
    /// Scenario of the project that it was solved with.
    pub scenario: Option<ScenarioRef>,
    pub totals: RunTotals,
    pub feeder_status: Vec<FeederStatus>,
}

/// What a study came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunSummary {
    pub id: String,
    pub totals: RunTotals,
    pub feeders: u64,
    pub feeders_done: u64,
    pub feeders_failed: u64,
    /// Voltages of range A, per unit.
    pub range_a_pu: [f64; 2],
    pub overloaded_elements: u64,
    pub nodes_outside_a: u64,
    /// The five most loaded elements above their rating.
    #[schema(value_type = Vec<Object>)]
    pub worst_loadings: Vec<Value>,
    /// The five nodes farthest outside range A.
    #[schema(value_type = Vec<Object>)]
    pub worst_voltages: Vec<Value>,
}

async fn with_study<T: Send + 'static>(
    app: &App,
    project: &str,
    run: String,
    work: impl FnOnce(&App, &Project, Study) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (dir, shared) = (app.project_dir(project)?, app.clone());
    blocking(move || {
        let project = Project::open(&dir)?;
        let study = Study::find(&project, &run)?;
        work(&shared, &project, study)
    })
    .await
}

/// Studies of a project, by name.
#[utoipa::path(get, path = "/api/projects/{p}/runs", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), Paging), responses((status = 200, body = Page<RunRow>)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(p): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RunRow>>, Problem> {
    let paging = paging.check()?;
    let dir = app.project_dir(&p)?;
    blocking(move || {
        let page = paging.of(Study::all(&Project::open(&dir)?)?)?;
        let items = page.items.iter().map(Study::row).collect::<Result<_, _>>()?;
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// A study: what it depends on, how each of its networks ended, sums.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path)), responses((status = 200, body = RunDetail)))]
pub async fn get(State(app): State<App>, _: Viewer, Path((p, r)): Path<(String, String)>) -> Result<Json<RunDetail>, Problem> {
    with_study(&app, &p, r, |_, _, study| {
        let (totals, feeder_status) = study.status()?;
        Ok(Json(RunDetail {
            run: study.row()?,
            options: study.manifest.options.clone(),
            scenario: study.scenario(),
            totals,
            feeder_status,
        }))
    })
    .await
}

/// Removes a study and its results.
#[utoipa::path(delete, path = "/api/projects/{p}/runs/{r}", tag = "runs", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("r" = String, Path)), responses((status = 204), (status = 409, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, r)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let subject = format!("{p}/{r}");
    with_study(&app, &p, r, |_, project, study| {
        study.lake.remove_study(study.name())?;
        project.remove_run(study.name())?;
        Ok(())
    })
    .await?;
    caller.note(&app, "run.remove", &subject, Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a study came to, in a few figures.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/summary", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path)), responses((status = 200, body = RunSummary)))]
pub async fn summary(State(app): State<App>, _: Viewer, Path((p, r)): Path<(String, String)>) -> Result<Json<RunSummary>, Problem> {
    with_study(&app, &p, r, |app, _, study| {
        let (totals, feeders) = study.status()?;
        let loadings = app.results.list(study.key("thermal\n"), || study.overloads(None))?;
        let voltages = app.results.list(study.key("voltage\n"), || study.voltages(None))?;
        let n = |status: &str| feeders.iter().filter(|f| f.status == status).count() as u64;
        Ok(Json(RunSummary {
            id: study.name().to_owned(),
            totals,
            feeders: feeders.len() as u64,
            feeders_done: n("done"),
            feeders_failed: n("failed"),
            range_a_pu: study.range_a(),
            overloaded_elements: loadings.total,
            nodes_outside_a: voltages.total,
            worst_loadings: loadings.rows.iter().take(5).cloned().collect(),
            worst_voltages: voltages.rows.iter().take(5).cloned().collect(),
        }))
    })
    .await
}

/// Which violations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ViolationQuery {
    /// `voltage` or `thermal`.
    kind: Option<String>,
    /// Only of this network.
    network: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    offset: Option<u64>,
}

fn piece(list: &crate::results::Ranked, paging: Paging) -> Result<Page<Value>, Problem> {
    let page = paging.of(list.rows.iter().cloned())?;
    // The list may be longer than what is kept of it; the count is that of all.
    Ok(Page { total: list.total, ..page })
}

/// Elements above their rating (`thermal`), or nodes outside range A (`voltage`), the worst first; at most 20,000 of them.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/violations", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), ViolationQuery),
    responses((status = 200, body = Page<Object>)))]
pub async fn violations(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<ViolationQuery>,
) -> Result<Json<Page<Value>>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    let is_thermal = match query.kind.as_deref() {
        Some("thermal") => true,
        None | Some("" | "voltage") => false,
        Some(_) => return Err(Problem::bad_request("There is no such kind of violation").field("kind").hint("voltage or thermal")),
    };
    with_study(&app, &p, r, move |app, _, study| {
        let feeder = query.network.filter(|n| !n.is_empty()).map(|n| study.feeder(Some(&n))).transpose()?.map(|n| n.feeder);
        let key = format!("{}\n{}", if is_thermal { "thermal" } else { "voltage" }, feeder.as_deref().unwrap_or_default());
        let list = app
            .results
            .list(study.key(&key), || if is_thermal { study.overloads(feeder.as_deref()) } else { study.voltages(feeder.as_deref()) })?;
        piece(&list, paging).map(Json)
    })
    .await
}

/// A card of figures for each network of a study.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/scorecards", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), Paging), responses((status = 200, body = Page<Object>)))]
pub async fn scorecards(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Value>>, Problem> {
    let paging = paging.check()?;
    with_study(&app, &p, r, move |app, _, study| {
        let list = app.results.list(study.key("scorecards"), || study.scorecards())?;
        piece(&list, paging).map(Json)
    })
    .await
}

/// Which values.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ValueQuery {
    /// What is wanted; without it the answer lists what can be had.
    quantity: Option<String>,
    /// The only one of the study unless told.
    network: Option<String>,
    /// Refused when the study solved another version.
    version: Option<u64>,
}

/// A quantity that a study has for every element or bus.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quantity {
    pub name: String,
    pub label: String,
    pub unit: String,
    /// `element` or `bus`: what the values are numbered by.
    pub of: String,
}

/// Quantities of a study.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quantities {
    pub network: StudiedNetwork,
    pub quantities: Vec<Quantity>,
}

/// Values for colouring a map: 32-bit floats, little endian, one an element (by its number) or one a bus; not a number where there is none.
/// Without `quantity`, JSON with what can be had.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/values", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), ValueQuery),
    responses((status = 200, description = "The values, or the quantities", content((Quantities = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 304, description = "As before"), (status = 409, body = Problem)))]
pub async fn values(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<ValueQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    with_study(&app, &p, r, move |app, project, study| {
        let network = study.feeder(query.network.as_deref())?;
        let Some(quantity) = query.quantity.filter(|q| !q.is_empty()) else {
            let has_rows = study.lake.record(study.name(), &network.feeder)?;
            let has = |table: &str| has_rows.as_ref().is_some_and(|r| r.files.iter().any(|f| f.table == table));
            let (elements, nodes) = (has("element_statistics"), has("node_statistics"));
            let quantities = Study::QUANTITIES
                .iter()
                .filter(|(_, of_element, ..)| if *of_element { elements } else { nodes })
                .map(|(name, of_element, unit, label)| Quantity {
                    name: (*name).into(),
                    label: (*label).into(),
                    unit: (*unit).into(),
                    of: if *of_element { "element" } else { "bus" }.into(),
                })
                .collect();
            return Ok(Json(Quantities { network, quantities }).into_response());
        };
        let (Some(name), Some(version)) = (&network.network, network.version) else {
            return Err(Problem::conflict("The study was made from files, not from a network of the project")
                .hint("Run it from the project's network to see it on the map."));
        };
        if query.version.is_some_and(|v| v != version) {
            return Err(Problem::conflict("The study solved another version of the network")
                .detail(format!("It solved version {version} of {name}."))
                .field("version")
                .hint("Show that version, or run the study again."));
        }
        let etag = format!("\"{}\"", &store::sha256_hex(study.key(&format!("{}\n{quantity}", network.feeder)).as_bytes())[..24]);
        if let Some(known) = not_modified(&headers, &etag) {
            return Ok(known);
        }
        let numbers = app.results.numbers(project, name, version)?;
        value_bytes(&study.values(&network.feeder, &numbers, &quantity)?, &etag)
    })
    .await
}

/// 304 to whom has it.
pub(super) fn not_modified(headers: &HeaderMap, etag: &str) -> Option<Response> {
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    let is_known = known.split(',').any(|t| t.trim().trim_start_matches("W/") == etag);
    is_known.then(|| (StatusCode::NOT_MODIFIED, [(header::ETAG, etag.to_owned())]).into_response())
}

/// Values of a layer as they go over the wire.
pub(super) fn value_bytes(values: &[f32], etag: &str) -> Result<Response, Problem> {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::ETAG, HeaderValue::from_str(etag).map_err(Problem::internal)?),
    ];
    Ok((head, bytes).into_response())
}

/// With what a study is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// The other study.
    with: String,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    offset: Option<u64>,
}

/// What differs between two studies.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    pub totals: RunTotals,
    pub totals_with: RunTotals,
    /// Changes of largest loadings, lowest and highest voltages, the largest first, measured by 100 % and 0.05 pu.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Value>,
    pub total: u64,
    pub next: Option<u64>,
}

/// What differs between two studies: sums, and the elements and nodes that changed most.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/compare", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), CompareQuery), responses((status = 200, body = Comparison)))]
pub async fn compare(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<CompareQuery>,
) -> Result<Json<Comparison>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    with_study(&app, &p, r, move |app, project, study| {
        let other = Study::find(project, &query.with).map_err(|p| p.field("with"))?;
        let key = format!("compare\n{}", other.key(""));
        let list = app.results.list(study.key(&key), || study.changes(&other))?;
        let page = piece(&list, paging)?;
        Ok(Json(Comparison {
            totals: study.status()?.0,
            totals_with: other.status()?.0,
            items: page.items,
            total: page.total,
            next: page.next,
        }))
    })
    .await
}

/// Which profile.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProfileQuery {
    /// The only one of the study unless told.
    network: Option<String>,
    /// The same.
    feeder: Option<String>,
    /// End of a step; the whole study without.
    hour: Option<f64>,
}

/// Voltages by distance from the source.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    pub network: StudiedNetwork,
    pub hour: Option<f64>,
    pub range_a_pu: [f64; 2],
    /// Nodes with `distance_km` and voltages: of the hour (`v_pu`), or over the study (`v_min_pu`, `v_mean_pu`, `v_max_pu`, …).
    #[schema(value_type = Vec<Object>)]
    pub nodes: Vec<Value>,
    /// Buses that an element joins.
    pub edges: Vec<[String; 2]>,
}

/// Voltages of a network by distance from its source.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/profile", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), ProfileQuery),
    responses((status = 200, body = Profile), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn profile(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<ProfileQuery>,
) -> Result<Json<Profile>, Problem> {
    let named = query.network.or(query.feeder);
    let again = named.clone();
    let (network, range, mut nodes, edges) = with_study(&app, &p, r.clone(), move |_, _, study| {
        let network = study.feeder(named.as_deref())?;
        let (nodes, edges) = study.profile(&network.feeder)?;
        Ok((network, study.range_a(), nodes, edges))
    })
    .await?;
    if let Some(hour) = query.hour {
        let solved = solved_hour(&app, &p, r, again, hour).await?;
        let by_node: std::collections::HashMap<&str, &Value> =
            solved["nodes"].as_array().into_iter().flatten().filter_map(|n| Some((n["node"].as_str()?, &n["v_pu"]))).collect();
        for node in &mut nodes {
            let v = node.get("node").and_then(Value::as_str).and_then(|n| by_node.get(n)).map_or(Value::Null, |v| (*v).clone());
            node.insert("v_pu".into(), v);
        }
    }
    let nodes = nodes.into_iter().map(Value::Object).collect();
    Ok(Json(Profile { network, hour: query.hour, range_a_pu: range, nodes, edges }))
}

/// Whose course, and of what.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CourseQuery {
    /// An element, as `line.l1`. Without element and node the network's source.
    element: Option<String>,
    /// A bus (`bus.671`, `671`) or a node of one (`671.1`).
    node: Option<String>,
    /// Of an element `loading_pct`, `i_a`, `p_kw`, `q_kvar`, `s_kva`; of a node `v_pu`; of the source `source_kw`, `load_kw`, `losses_kw`,
    /// `v_min_pu`, `v_max_pu`.
    quantity: Option<String>,
    /// Found by the element or node unless told.
    network: Option<String>,
}

/// How something goes through a study.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Course {
    pub network: String,
    pub element: Option<String>,
    pub node: Option<String>,
    pub quantity: String,
    pub unit: String,
    pub step_h: f64,
    pub limit_low: Option<f64>,
    pub limit_high: Option<f64>,
    /// End of each step.
    pub hours: Vec<f64>,
    /// None in a step that did not settle.
    pub values: Vec<Option<f64>>,
}

const OF_SOURCE: &[(&str, &str)] = &[("source_kw", "kW"), ("load_kw", "kW"), ("losses_kw", "kW"), ("v_min_pu", "pu"), ("v_max_pu", "pu")];
const OF_ELEMENT: &[(&str, &str)] = &[("loading_pct", "%"), ("i_a", "A"), ("p_kw", "kW"), ("q_kvar", "kvar"), ("s_kva", "kVA")];

fn no_quantity(all: &[(&str, &str)]) -> Problem {
    let names: Vec<&str> = all.iter().map(|(n, _)| *n).collect();
    Problem::bad_request("There is no such quantity").field("quantity").hint(format!("One of {}.", names.join(", ")))
}

/// `rating_a`, `rating_kva` and `loading_max_pct` of an element.
type Ratings = (Option<f64>, Option<f64>, Option<f64>);

/// The course that a query asks for. That of an element or node is solved again, for a study keeps what is worst and not each step.
async fn course(app: &App, p: &str, r: &str, query: CourseQuery) -> Result<Course, Problem> {
    let wanted = query.clone();
    enum Plan {
        Ready(Course),
        Solve(Box<(Task, Course, Option<Ratings>)>),
    }
    let plan = with_study(app, p, r.to_owned(), move |_, _, study| {
        let [low, high] = study.range_a();
        let mut course = Course {
            network: String::new(),
            element: None,
            node: None,
            quantity: String::new(),
            unit: String::new(),
            step_h: study.step_h(),
            limit_low: None,
            limit_high: None,
            hours: Vec::new(),
            values: Vec::new(),
        };
        let named = wanted.network.filter(|n| !n.is_empty()).map(|n| study.feeder(Some(&n))).transpose()?;
        let feeder = named.as_ref().map(|n| n.feeder.as_str());
        let (element, node) = (wanted.element.filter(|e| !e.is_empty()), wanted.node.filter(|n| !n.is_empty()));
        let (name, row) = match (element, node) {
            (Some(_), Some(_)) => return Err(Problem::bad_request("An element or a node is wanted, not both").field("node")),
            (None, None) => {
                let network = study.feeder(feeder)?;
                let quantity = wanted.quantity.unwrap_or_else(|| "source_kw".into());
                let (name, unit) = OF_SOURCE.iter().find(|(n, _)| *n == quantity).ok_or_else(|| no_quantity(OF_SOURCE))?;
                (course.hours, course.values) = study.steps(&network.feeder, name)?;
                if *unit == "pu" {
                    (course.limit_low, course.limit_high) = (Some(low), Some(high));
                }
                return Ok(Plan::Ready(Course { network: network.feeder, quantity, unit: (*unit).into(), ..course }));
            }
            (Some(element), None) => {
                let columns = ["rating_a", "rating_kva", "loading_max_pct"];
                let found = study.one(feeder, "element_statistics", "element", &element, &columns)?;
                let (feeder, row) = found.ok_or_else(|| {
                    Problem::not_found("The study has no such element")
                        .field("element")
                        .hint("Lines, transformers, reactors and series capacitors have a course.")
                })?;
                course.network = feeder;
                let quantity =
                    wanted.quantity.unwrap_or_else(|| if row["loading_max_pct"].is_null() { "i_a" } else { "loading_pct" }.into());
                let (_, unit) = OF_ELEMENT.iter().find(|(n, _)| *n == quantity).ok_or_else(|| no_quantity(OF_ELEMENT))?;
                (course.quantity, course.unit) = (quantity, (*unit).into());
                course.limit_high = (course.quantity == "loading_pct").then_some(100.0);
                let name = row["element"].as_str().unwrap_or_default().to_owned();
                course.element = Some(name.clone());
                (name, Some((row["rating_a"].as_f64(), row["rating_kva"].as_f64(), row["loading_max_pct"].as_f64())))
            }
            (None, Some(node)) => {
                let id = node.strip_prefix("bus.").unwrap_or(&node).to_owned();
                if wanted.quantity.is_some_and(|q| q != "v_pu") {
                    return Err(no_quantity(&[("v_pu", "pu")]));
                }
                let missing = || Problem::not_found("The study has no such bus or node").field("node");
                let by_bus = study.one(feeder, "node_statistics", "bus", &id, &[])?;
                let (feeder, row) = match by_bus {
                    Some(found) => found,
                    None => study.one(feeder, "node_statistics", "node", &id, &[])?.ok_or_else(missing)?,
                };
                let name = row.values().next().and_then(Value::as_str).unwrap_or_default().to_owned();
                course.network = feeder;
                (course.quantity, course.unit) = ("v_pu".into(), "pu".into());
                (course.limit_low, course.limit_high) = (Some(low), Some(high));
                course.node = Some(name.clone());
                (name, None)
            }
        };
        let network = study.feeder(Some(&course.network))?;
        let (network, version, params) = study.question(&network)?;
        let task = Task::Series(MomentParams { network, version, study: params, step: 1, name });
        Ok(Plan::Solve(Box::new((task, course, row))))
    })
    .await?;
    let (task, mut course, ratings) = match plan {
        Plan::Ready(course) => return Ok(course),
        Plan::Solve(plan) => *plan,
    };
    let answer = Jobs::ask(app, task, Some(app.project_dir(p)?), None).await?;
    let numbers = |v: &Value| v.as_array().map_or(Vec::new(), |a| a.iter().map(Value::as_f64).collect::<Vec<_>>());
    course.hours = numbers(&answer["hours"]).into_iter().map(|h| h.unwrap_or(f64::NAN)).collect();
    let Some((rating_a, rating_kva, loading_max_pct)) = ratings else {
        // Of the nodes of a bus the one that is farthest from 1 pu, step by step.
        let nodes: Vec<Vec<Option<f64>>> = answer["v_pu"].as_object().into_iter().flat_map(|o| o.values()).map(numbers).collect();
        course.values = (0..course.hours.len())
            .map(|i| nodes.iter().filter_map(|n| n.get(i).copied().flatten()).max_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs())))
            .collect();
        return Ok(course);
    };
    if course.quantity != "loading_pct" {
        course.values = numbers(&answer[course.quantity.as_str()]);
        return Ok(course);
    }
    let of = |key: &str, rating: f64| numbers(&answer[key]).into_iter().map(|x| x.map(|x| 100.0 * x / rating)).collect::<Vec<_>>();
    course.values = match (rating_a, rating_kva) {
        (Some(a), _) => of("i_a", a),
        (None, Some(kva)) => of("s_kva", kva),
        (None, None) => {
            return Err(Problem::conflict("The element has no rating, so it has no loading").field("quantity").hint("Ask for i_a."));
        }
    };
    // The course is shown only when its largest value is what the study itself found.
    let largest = course.values.iter().flatten().copied().fold(0.0, f64::max);
    if loading_max_pct.is_none_or(|m| (largest - m).abs() > 1e-3 * m.max(1.0)) {
        return Err(Problem::conflict("The loading of this element cannot be followed step by step")
            .detail(format!("Its currents give {largest:.3} % at most, the study found {:.3} %.", loading_max_pct.unwrap_or(f64::NAN)))
            .field("quantity")
            .hint("Ask for i_a."));
    }
    Ok(course)
}

/// How an element, a bus or the source goes through a study, step by step.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/series", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), CourseQuery),
    responses((status = 200, body = Course), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn series(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<CourseQuery>,
) -> Result<Json<Course>, Problem> {
    course(&app, &p, &r, query).await.map(Json)
}

/// For how much of the time a value is exceeded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Duration {
    pub network: String,
    pub element: Option<String>,
    pub node: Option<String>,
    pub quantity: String,
    pub unit: String,
    pub limit_low: Option<f64>,
    pub limit_high: Option<f64>,
    /// Hours, rising.
    pub hours: Vec<f64>,
    /// The value that is reached or exceeded for so long; falling.
    pub values: Vec<f64>,
}

/// Points of a duration curve.
const POINTS: usize = 1_000;

/// The duration curve of an element, a bus or the source.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/duration", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), CourseQuery),
    responses((status = 200, body = Duration), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn duration(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<CourseQuery>,
) -> Result<Json<Duration>, Problem> {
    let c = course(&app, &p, &r, query).await?;
    let mut sorted: Vec<f64> = c.values.iter().flatten().copied().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    // Every value when there are few, else evenly spaced ones with the first and the last.
    let n = sorted.len();
    let take: Vec<usize> = if n <= POINTS { (0..n).collect() } else { (0..POINTS).map(|i| i * (n - 1) / (POINTS - 1)).collect() };
    Ok(Json(Duration {
        hours: take.iter().map(|&i| (i + 1) as f64 * c.step_h).collect(),
        values: take.iter().map(|&i| sorted[i]).collect(),
        network: c.network,
        element: c.element,
        node: c.node,
        quantity: c.quantity,
        unit: c.unit,
        limit_low: c.limit_low,
        limit_high: c.limit_high,
    }))
}

/// A study as rows of hours and a column a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct Heat {
    pub network: String,
    pub element: Option<String>,
    pub node: Option<String>,
    pub quantity: String,
    pub unit: String,
    pub limit_low: Option<f64>,
    pub limit_high: Option<f64>,
    pub days: u64,
    pub hours: u64,
    /// Hour after hour, day after day; the first is the hour that ends at hour 1. Of several steps within an hour the one that is worst.
    pub values: Vec<Option<f64>>,
}

/// How an element, a bus or the source goes through a study, by hour and day.
#[utoipa::path(get, path = "/api/projects/{p}/runs/{r}/heat", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path), CourseQuery),
    responses((status = 200, body = Heat), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn heat(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Query(query): Query<CourseQuery>,
) -> Result<Json<Heat>, Problem> {
    let c = course(&app, &p, &r, query).await?;
    let n = c.hours.iter().copied().filter(|h| h.is_finite()).fold(0.0, f64::max).ceil().clamp(0.0, 100_000.0) as usize;
    let mut values: Vec<Option<f64>> = vec![None; n.div_ceil(24) * 24];
    let is_voltage = c.unit == "pu";
    for (hour, value) in c.hours.iter().zip(&c.values) {
        let (Some(x), true) = (*value, hour.is_finite() && *hour > 0.0) else { continue };
        // A step ends at its hour: the one that ends at 1 is the first.
        let Some(place) = values.get_mut(((hour - 1e-9).ceil() as usize).saturating_sub(1)) else { continue };
        let is_worse = |old: f64| if is_voltage { (x - 1.0).abs() > (old - 1.0).abs() } else { x.abs() > old.abs() };
        if place.is_none_or(is_worse) {
            *place = Some(x);
        }
    }
    Ok(Json(Heat {
        days: (values.len() / 24) as u64,
        hours: 24,
        values,
        network: c.network,
        element: c.element,
        node: c.node,
        quantity: c.quantity,
        unit: c.unit,
        limit_low: c.limit_low,
        limit_high: c.limit_high,
    }))
}

/// Which hour.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HourRequest {
    /// End of the step, as tables have it: the first step of an hourly study is hour 1. 0 is taken for the first step.
    pub hour: f64,
    /// The only one of the study unless told.
    pub network: Option<String>,
}

/// A network at one moment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    pub settled: bool,
    pub hour: Option<f64>,
    pub network: Option<String>,
    pub version: Option<u64>,
    /// What was checked about the solution.
    #[schema(value_type = Object)]
    pub certificate: Value,
    /// Delivered by the sources.
    pub p_kw: Option<f64>,
    pub q_kvar: Option<f64>,
    pub losses_kw: Option<f64>,
    pub losses_kvar: Option<f64>,
    /// Nodes: number of the bus `i`, `bus`, `node`, `phase`, `v_pu`, `v_v`, `angle_deg`.
    #[schema(value_type = Vec<Object>)]
    pub nodes: Vec<Value>,
    /// Elements: number `i`, `id`, `loading_pct`, and power into terminal 1 `p_kw`, `q_kvar`, largest current `i_a`.
    #[schema(value_type = Vec<Object>)]
    pub elements: Vec<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub regulators: Vec<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub capacitors: Vec<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub inverters: Vec<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Value>,
}

async fn solved_hour(app: &App, p: &str, r: String, network: Option<String>, hour: f64) -> Result<Value, Problem> {
    let task = with_study(app, p, r, move |_, _, study| {
        let network = study.feeder(network.as_deref())?;
        let (network, version, params) = study.question(&network)?;
        let steps = params.n_steps().unwrap_or(0);
        let step = (hour / study.step_h()).round();
        if !(step >= 0.0 && step <= f64::from(steps)) {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The study has no such hour")
                .field("hour")
                .detail(format!("It ends at hour {}.", f64::from(steps) * study.step_h())));
        }
        Ok(Task::Hour(MomentParams { network, version, study: params, step: (step as u32).max(1), name: String::new() }))
    })
    .await?;
    Jobs::ask(app, task, Some(app.project_dir(p)?), None).await
}

/// One step of a study, solved again exactly: reached as the study reached it, so that taps and storage stand as they stood.
#[utoipa::path(post, path = "/api/projects/{p}/runs/{r}/hour", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("r" = String, Path)), request_body = HourRequest,
    responses((status = 200, body = Moment), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn hour(
    State(app): State<App>,
    _: Viewer,
    Path((p, r)): Path<(String, String)>,
    Json(request): Json<HourRequest>,
) -> Result<Json<Moment>, Problem> {
    let value = solved_hour(&app, &p, r, request.network, request.hour).await?;
    serde_json::from_value(value).map(Json).map_err(Problem::internal)
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// The newest unless told.
    version: Option<u64>,
}

/// Solves a network as one moment, with its loads as they are.
#[utoipa::path(post, path = "/api/projects/{p}/networks/{n}/solve", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("n" = String, Path), VersionQuery), request_body = SnapshotParams,
    responses((status = 200, body = Moment), (status = 422, body = Problem)))]
pub async fn solve(
    State(app): State<App>,
    _: Viewer,
    Path((p, n)): Path<(String, String)>,
    Query(query): Query<VersionQuery>,
    Json(mut params): Json<SnapshotParams>,
) -> Result<Json<Moment>, Problem> {
    let dir = app.project_dir(&p)?;
    let (name, wanted) = (n.clone(), query.version.or(params.version));
    let version = app.with_project(&p, move |project| project.version(Some(&name), wanted)).await?.number;
    (params.network, params.version) = (Some(n.clone()), Some(version));
    let task = Task::Snapshot(params);
    task.check().map_err(|(field, reason)| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The network cannot be solved so").detail(reason).field(field)
    })?;
    let mut value = Jobs::ask(&app, task, Some(dir), None).await?;
    (value["network"], value["version"]) = (json!(n), json!(version));
    serde_json::from_value(value).map(Json).map_err(Problem::internal)
}

/// A question in SQL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One SELECT.
    pub query: String,
    /// Rows at most; 10,000 unless told.
    pub limit: Option<usize>,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SqlAnswer {
    pub columns: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Value>,
    /// There may be more rows than the limit.
    pub is_cut: bool,
}

/// A table or view that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct SqlTable {
    pub name: String,
    pub is_view: bool,
    pub meaning: String,
    pub columns: Vec<SqlColumn>,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
pub struct SqlColumn {
    pub name: String,
    pub unit: String,
    pub meaning: String,
}

/// What can be asked in SQL.
#[derive(Debug, Serialize, ToSchema)]
pub struct SqlTables {
    /// Whether this program was built with the query engine.
    pub is_available: bool,
    pub tables: Vec<SqlTable>,
}

/// Tables and views of a project's lake.
#[utoipa::path(get, path = "/api/projects/{p}/sql", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), responses((status = 200, body = SqlTables)))]
pub async fn sql_tables(State(app): State<App>, _: Viewer, Path(p): Path<String>) -> Result<Json<SqlTables>, Problem> {
    let dir = app.project_dir(&p)?;
    blocking(move || {
        let there = Project::open(&dir)?.lake()?.tables()?;
        let column = |name: &str, unit: &str, meaning: &str| SqlColumn { name: name.into(), unit: unit.into(), meaning: meaning.into() };
        let mut tables: Vec<SqlTable> = RESULT_TABLES
            .iter()
            .filter(|t| there.contains(t.name))
            .map(|t| SqlTable {
                name: t.name.into(),
                is_view: false,
                meaning: t.meaning.into(),
                columns: [network::result_tables::STUDY, network::result_tables::FEEDER]
                    .iter()
                    .chain(t.columns)
                    .map(|c| column(c.name, c.unit, c.meaning))
                    .collect(),
            })
            .collect();
        tables.extend(VIEWS.iter().filter(|v| v.needs().all(|t| there.contains(t))).map(|v| SqlTable {
            name: v.name.into(),
            is_view: true,
            meaning: v.meaning().trim_end_matches('.').into(),
            columns: v.columns().map(|c| column(c.name, c.unit, c.meaning)).collect(),
        }));
        Ok(Json(SqlTables { is_available: cfg!(feature = "sql"), tables }))
    })
    .await
}

/// Asks a project's lake in SQL, read only. As CSV or Parquet when the header `Accept` says `text/csv` or `application/vnd.apache.parquet`.
#[utoipa::path(post, path = "/api/projects/{p}/sql", tag = "runs", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path)), request_body = SqlRequest,
    responses((status = 200, description = "The answer", content((SqlAnswer = "application/json"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 422, body = Problem), (status = 501, body = Problem)))]
pub async fn sql(
    State(app): State<App>,
    _: Viewer,
    Path(p): Path<String>,
    headers: HeaderMap,
    Json(request): Json<SqlRequest>,
) -> Result<Response, Problem> {
    let unfit = |field: &str, detail: String| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The query cannot be asked so").detail(detail).field(field.to_owned())
    };
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = match accept {
        a if a.contains("text/csv") => "csv",
        a if a.contains("parquet") => "parquet",
        _ => "json",
    };
    let most = if format == "json" { SQL_ROWS_MAX } else { SQL_FILE_ROWS_MAX };
    let limit = request.limit.unwrap_or(if format == "json" { SQL_ROWS } else { most });
    if !(1..=most).contains(&limit) {
        return Err(unfit("limit", format!("1 to {most} rows can be had.")));
    }
    if request.query.trim().is_empty() || request.query.len() > QUERY_MAX || request.query.contains('\0') {
        return Err(unfit("query", format!("A query has 1 to {QUERY_MAX} characters.")));
    }
    let dir = app.project_dir(&p)?;
    app.with_project(&p, |project| project.lake()).await?;
    if !cfg!(feature = "sql") {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "This program was built without the query engine")
            .code("OUTPUT.SQL.NOT_BUILT")
            .hint("Build it with `make build`. All figures of a study are there without it."));
    }
    let task = Task::Sql(SqlParams { query: request.query, limit, format: format.into() });
    let (answer, scratch) = Jobs::ask_keeping(&app, task, Some(dir), None).await?;
    if format != "json" {
        // The open file outlives its folder.
        return super::jobs::send(scratch.path().join("answer"), &format!("answer.{format}")).await;
    }
    let rows = match answer {
        Value::Array(rows) => rows,
        other => vec![other],
    };
    let columns = rows.first().and_then(Value::as_object).map_or(Vec::new(), |r| r.keys().cloned().collect());
    Ok(Json(SqlAnswer { columns, is_cut: rows.len() >= limit, rows }).into_response())
}
