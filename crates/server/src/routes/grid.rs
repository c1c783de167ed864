//! The operations desk with the addresses of document 004, each below `/grid` and below `/api/grid`: state, episodes of learning, paths, risk, losses,
//! nodes, statistics. Every caller has a desk of their own.

use crate::access::{Caller, Operator, Viewer};
use crate::grids::{Grid, GridError, Setup};
use crate::learned::{Learned, of_project};
use crate::problem::Problem;
use crate::routes::flexibility::{Asked, network_of};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use studies::operations::{GenerateOptions, NodeKind, OperationsError, generate};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(state_at_root))
        .routes(routes!(state))
        .routes(routes!(optimize_at_root))
        .routes(routes!(optimize))
        .routes(routes!(paths_at_root))
        .routes(routes!(paths))
        .routes(routes!(risk_at_root))
        .routes(routes!(risk))
        .routes(routes!(loss_at_root))
        .routes(routes!(loss))
        .routes(routes!(node_at_root))
        .routes(routes!(node))
        .routes(routes!(statistics_at_root))
        .routes(routes!(statistics))
        .routes(routes!(set_up))
}

/// Nodes of a generated network, and buses of one from a project: the optimum of an hour takes seconds then, and grows with the cube.
const NODES_MAX: u32 = 120;
/// Episodes of one request.
const EPISODES_MAX: u32 = 500;
/// Desks that are kept; who was away longest begins anew.
const GRIDS_MAX: usize = 200;

/// The desks of all callers.
pub type Grids = Mutex<BTreeMap<String, Arc<Mutex<Grid>>>>;

fn refused(error: &GridError) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).code("OPERATIONS.OPTION.VALUE");
    let field = match error {
        GridError::Operations(OperationsError::Option { what, .. }) if what.contains("node") => "nodes",
        GridError::Operations(OperationsError::Option { what, .. }) if what.contains("generator") => "generators",
        GridError::Operations(OperationsError::Option { what, .. }) if what.contains("weight") => "risk_weight",
        GridError::Operations(OperationsError::Option { .. }) => "",
        GridError::Learn(_) => "learning_rate",
        GridError::Operations(_) => "network",
    };
    problem.field(field).hint("The desk stays as it was. GET /api/openapi.json says what the request may hold.")
}

fn generated(nodes: u32, generators: u32, seed: u64, risk_weight: f64, learning_rate: f64) -> Result<Grid, Problem> {
    let options = GenerateOptions { nodes, generators, ties: None, seed };
    let network = generate(&options).map_err(|e| refused(&e.into()))?;
    let setup = Setup {
        network: format!("generated, {nodes} nodes, {generators} generators, seed {seed}"),
        seed,
        risk_weight,
        learning_rate,
        risk_from: String::new(),
    };
    Grid::new(network, BTreeMap::new(), setup).map_err(|e| refused(&e))
}

/// Works on the desk of the caller, on a thread that may wait.
async fn with_grid<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    work: impl FnOnce(&mut Grid) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (app, user) = (app.clone(), caller.user.clone());
    blocking(move || {
        let known = lock(&app.grids).get(&user).cloned();
        let grid = match known {
            Some(grid) => grid,
            None => {
                let defaults = SetUp::default();
                let made = generated(defaults.nodes, defaults.generators, defaults.seed, defaults.risk_weight, defaults.learning_rate)?;
                keep(&app, &user, made)
            }
        };
        let mut grid = lock(&grid);
        work(&mut grid)
    })
    .await
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn keep(app: &App, user: &str, grid: Grid) -> Arc<Mutex<Grid>> {
    let mut grids = lock(&app.grids);
    if grids.len() >= GRIDS_MAX && !grids.contains_key(user) {
        let idle = grids.iter().find(|(_, g)| Arc::strong_count(g) == 1).map(|(u, _)| u.clone());
        idle.map(|u| grids.remove(&u));
    }
    let grid = Arc::new(Mutex::new(grid));
    grids.insert(user.to_owned(), grid.clone());
    grid
}

/// A grid that the desk shall work on: generated, or of a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetUp {
    #[schema(minimum = 3, maximum = 120, default = 8)]
    pub nodes: u32,
    #[schema(minimum = 1, maximum = 119, default = 2)]
    pub generators: u32,
    #[schema(default = 1)]
    pub seed: u64,
    /// Project of a network in place of a generated one.
    pub project: Option<String>,
    pub network: Option<String>,
    pub version: Option<u64>,
    /// What an element of risk 1 at its rating counts for, kW of losses.
    #[schema(minimum = 0, maximum = 1_000_000, default = 10.0)]
    pub risk_weight: f64,
    /// Step of Adam.
    #[schema(exclusive_minimum = 0, maximum = 1, default = 0.01)]
    pub learning_rate: f64,
    /// Where risk scores of a project's network are from: `latest` answer of the learning module outage_risk where there is one (so without
    /// it), `rules`, or the number of an answer.
    pub risk: Option<String>,
}

impl Default for SetUp {
    /// Document 004's own.
    fn default() -> Self {
        Self {
            nodes: 8,
            generators: 2,
            seed: 1,
            project: None,
            network: None,
            version: None,
            risk_weight: 10.0,
            learning_rate: 0.01,
            risk: None,
        }
    }
}

/// Episodes that are played.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Episodes {
    #[schema(minimum = 1, maximum = 500, default = 1)]
    pub episodes: u32,
    /// Goes on to the next hour first, with other loads and voltages.
    #[schema(default = true)]
    pub advance: bool,
}

impl Default for Episodes {
    fn default() -> Self {
        Self { episodes: 1, advance: true }
    }
}

fn field_problem(field: &str, message: String, hint: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("OPERATIONS.OPTION.VALUE").field(field).hint(hint)
}

fn said_state(grid: &mut Grid) -> Value {
    let (telemetry, view) = (grid.telemetry(), grid.view());
    let nodes = telemetry.nodes.iter().zip(&view.nodes).map(|(r, v)| {
        let kind = match v.kind {
            NodeKind::Generator => "generator",
            NodeKind::Load => "load",
            NodeKind::Joint => "joint",
        };
        json!({
            "id": r.bus, "type": kind, "x": v.x, "y": v.y, "voltage_pu": r.v_pu, "voltage_min_pu": r.v_min_pu, "voltage_max_pu": r.v_max_pu,
            "voltage_kv": r.v_pu.zip(v.v_base_kv).map(|(pu, kv)| pu * kv), "demand_kw": r.demand_kw, "demand_kvar": r.demand_kvar,
            "delivered_kw": r.delivered_kw, "risk_score": r.risk,
        })
    });
    let nodes: Vec<Value> = nodes.collect();
    let edges: Vec<Value> = telemetry
        .edges
        .iter()
        .map(|e| {
            json!({
                "id": e.element, "from": e.from, "to": e.to, "closed": e.is_closed, "resistance_ohm": e.resistance_ohm, "current_a": e.i_a,
                "power_kw": e.p_kw, "losses_kw": e.losses_kw, "loading_pct": e.loading_pct, "temperature_c": e.temperature_c, "risk_score": e.risk,
            })
        })
        .collect();
    json!({
        "network": grid.setup.network, "step": grid.step(), "hour": grid.step() % 24, "nodes": nodes, "edges": edges, "metrics": metrics(grid),
        "alerts": grid.alerts(),
    })
}

fn metrics(grid: &Grid) -> Value {
    let f = grid.figures();
    json!({
        "total_load_kw": f.demand_kw, "delivered_kw": f.delivered_kw, "loss_kw": f.losses.total_kw, "loss_pct": f.losses_pct,
        "efficiency_pct": f.efficiency_pct, "renewable_kw": f.renewable_kw, "renewable_pct": f.renewable_pct,
        "average_risk": grid.scores().mean_of_edges(), "alerts": grid.alerts().len(), "episodes": grid.episodes(), "best_loss": grid.best(),
    })
}

fn said_paths(grid: &mut Grid) -> Value {
    match grid.last() {
        Some((chosen, optimum)) => json!({ "step": grid.step(), "episodes": grid.episodes(), "chosen": chosen, "optimum": optimum }),
        None => {
            json!({ "step": grid.step(), "episodes": 0, "chosen": null, "optimum": null, "hint": "POST /grid/optimize plays the first episode." })
        }
    }
}

fn said_risk(grid: &mut Grid) -> Value {
    let scores = grid.scores();
    json!({ "step": grid.step(), "average": scores.mean_of_edges(), "learned_from": grid.setup.risk_from, "nodes": scores.nodes, "edges": scores.edges })
}

fn said_loss(grid: &mut Grid) -> Value {
    let history: Vec<_> = grid.history().collect();
    json!({
        "step": grid.step(), "current": history.last(), "best": grid.best(), "breakdown": grid.figures().losses, "history": history,
        "rewards": grid.rewards().collect::<Vec<_>>(),
    })
}

fn said_node(grid: &mut Grid, id: &str) -> Result<Value, Problem> {
    let all = said_state(grid);
    let found = |list: &str, is: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all[list].as_array().into_iter().flatten().filter(|v| is(v)).cloned().collect()
    };
    let same = |v: &Value| v.as_str().is_some_and(|v| v.eq_ignore_ascii_case(id));
    let Some(node) = found("nodes", &|n| same(&n["id"])).into_iter().next() else {
        let problem = Problem::not_found(format!("There is no node \"{}\"", id.chars().take(60).collect::<String>()));
        return Err(problem.field("id").hint("GET /grid/state lists the nodes."));
    };
    let edges = found("edges", &|e| same(&e["from"]) || same(&e["to"]));
    let risk = grid.scores().nodes.iter().find(|s| s.name.eq_ignore_ascii_case(id)).cloned();
    let route = grid.last().and_then(|(chosen, _)| chosen.routes.iter().find(|r| r.load_bus.eq_ignore_ascii_case(id)).cloned());
    let alerts: Vec<_> = grid.alerts().into_iter().filter(|a| a.at.eq_ignore_ascii_case(id)).collect();
    Ok(json!({ "node": node, "edges": edges, "risk": risk, "route": route, "alerts": alerts, "step": grid.step() }))
}

fn said_statistics(grid: &mut Grid) -> Value {
    let o = grid.optimum();
    json!({
        "network": grid.setup, "step": grid.step(), "nodes": grid.view().nodes.len(), "edges": grid.view().edges.len(), "metrics": metrics(grid),
        "losses": grid.figures().losses, "forecast": grid.forecast(), "alerts": grid.alerts(),
        "optimum": {
            "objective_kw": o.best.value.objective_kw(), "losses_kw": o.best.value.losses_kw, "open": o.best.open, "proof": o.proof,
            "lower_bound_kw": o.lower_bound_kw, "gap_pct": o.gap_pct, "today_kw": o.today.value.objective_kw(),
            "exchange_kw": o.exchange.value.objective_kw(), "configurations": o.n_configurations, "no_bound": o.no_bound,
        },
    })
}

async fn optimised(app: App, caller: Caller, body: Episodes) -> Result<Json<Value>, Problem> {
    if !(1..=EPISODES_MAX).contains(&body.episodes) {
        return Err(field_problem("episodes", format!("episodes is {}", body.episodes), "Give 1 to 500."));
    }
    caller.is_logged_elsewhere();
    let topic = format!("grid:{}", caller.user);
    let value = with_grid(&app, &caller, move |grid| {
        if body.advance {
            grid.advance().map_err(|e| refused(&e))?;
        }
        let done = grid.optimise(body.episodes).map_err(|e| refused(&e))?;
        let mut value = serde_json::to_value(&done).map_err(Problem::internal)?;
        if let Some(map) = value.as_object_mut() {
            map.insert("loss_pct".into(), json!(done.loss.loss_pct));
            map.insert("average_risk".into(), json!(grid.scores().mean_of_edges()));
            map.insert("metrics".into(), metrics(grid));
        }
        Ok(value)
    })
    .await?;
    let message = json!({ "type": "grid", "topic": topic, "step": value["step"] });
    app.jobs.hub.publish(&[&topic], Some(&topic), &message);
    Ok(Json(value))
}

macro_rules! looked {
    ($($(#[$doc:meta])* $root:literal $api:literal $at_root:ident $name:ident = $say:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $api, tag = "operations", security(("session" = ["viewer"]), ("token" = ["viewer"])),
            responses((status = 200, body = Object), (status = 422, body = Problem)))]
        pub async fn $name(State(app): State<App>, Viewer(caller): Viewer) -> Result<Json<Value>, Problem> {
            with_grid(&app, &caller, |grid| Ok(Json($say(grid)))).await
        }

        $(#[$doc])*
        #[utoipa::path(get, path = $root, tag = "operations", security(("session" = ["viewer"]), ("token" = ["viewer"])),
            responses((status = 200, body = Object), (status = 422, body = Problem)))]
        pub async fn $at_root(app: State<App>, caller: Viewer) -> Result<Json<Value>, Problem> {
            $name(app, caller).await
        }
    )*};
}

looked! {
    /// Nodes and edges with their telemetry, figures and alerts.
    "/grid/state" "/api/grid/state" state_at_root state = said_state;
    /// The latest paths: what the policy chose, and the optimum.
    "/grid/paths" "/api/grid/paths" paths_at_root paths = said_paths;
    /// Risk of every node and edge: condition, stress, and whether rules or a model gave it.
    "/grid/risk" "/api/grid/risk" risk_at_root risk = said_risk;
    /// Losses: their history, the best, and what they are made of.
    "/grid/loss" "/api/grid/loss" loss_at_root loss = said_loss;
    /// Figures, load forecast by hour, alerts, and the optimum with its proof.
    "/grid/statistics" "/api/grid/statistics" statistics_at_root statistics = said_statistics;
}

/// Plays episodes of learning, by default one at the next hour: the paths that the policy chooses, losses, risk, and the gap to the optimum.
#[utoipa::path(post, path = "/api/grid/optimize", tag = "operations", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = Episodes, responses((status = 200, body = Object), (status = 422, body = Problem)))]
pub async fn optimize(State(app): State<App>, Operator(caller): Operator, Asked(body): Asked<Episodes>) -> Result<Json<Value>, Problem> {
    optimised(app, caller, body).await
}

/// Plays episodes of learning, by default one at the next hour: the paths that the policy chooses, losses, risk, and the gap to the optimum.
#[utoipa::path(post, path = "/grid/optimize", tag = "operations", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = Episodes, responses((status = 200, body = Object), (status = 422, body = Problem)))]
pub async fn optimize_at_root(
    State(app): State<App>,
    Operator(caller): Operator,
    Asked(body): Asked<Episodes>,
) -> Result<Json<Value>, Problem> {
    optimised(app, caller, body).await
}

/// One node: telemetry, its edges, risk, the way of its supply, alerts.
#[utoipa::path(get, path = "/api/grid/node/{id}", tag = "operations", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn node(State(app): State<App>, Viewer(caller): Viewer, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    with_grid(&app, &caller, move |grid| said_node(grid, &id).map(Json)).await
}

/// One node: telemetry, its edges, risk, the way of its supply, alerts.
#[utoipa::path(get, path = "/grid/node/{id}", tag = "operations", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn node_at_root(app: State<App>, caller: Viewer, id: Path<String>) -> Result<Json<Value>, Problem> {
    node(app, caller, id).await
}

/// Sets the desk up anew: a generated network, or one of a project; weight of the risk, learning rate, seed.
#[utoipa::path(post, path = "/api/grid/setup", tag = "operations", security(("session" = ["operator"]), ("token" = ["operator"])),
    request_body = SetUp, responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn set_up(State(app): State<App>, Operator(caller): Operator, Asked(body): Asked<SetUp>) -> Result<Json<Value>, Problem> {
    if !(3..=NODES_MAX).contains(&body.nodes) {
        return Err(field_problem("nodes", format!("nodes is {}", body.nodes), "Give 3 to 120; the command line takes more."));
    }
    if !(body.risk_weight >= 0.0 && body.risk_weight <= 1e6) {
        return Err(field_problem("risk_weight", format!("risk_weight is {}", body.risk_weight), "Give 0 to 1000000 kW."));
    }
    if !(body.learning_rate > 0.0 && body.learning_rate <= 1.0) {
        return Err(field_problem(
            "learning_rate",
            format!("learning_rate is {}", body.learning_rate),
            "Give a step above 0 and at most 1.",
        ));
    }
    if body.project.is_none() && body.risk.as_deref().is_some_and(|r| r != "rules") {
        return Err(field_problem("risk", "learnt scores are of a project's equipment".into(), "Give the project, or leave it out."));
    }
    if body.project.is_none() && (body.network.is_some() || body.version.is_some()) {
        return Err(field_problem("project", "network and version are of a project".into(), "Give the project, or leave both out."));
    }
    caller.is_logged_elsewhere();
    blocking(move || {
        let grid = match body.project {
            None => generated(body.nodes, body.generators, body.seed, body.risk_weight, body.learning_rate)?,
            Some(project) => {
                let of = crate::desks::ModelOf { project, network: body.network, version: body.version };
                let network = network_of(&app, &of)?;
                if network.buses.len() > NODES_MAX as usize {
                    let message = format!("the network has {} buses", network.buses.len());
                    return Err(field_problem("network", message, "Here up to 120 are taken; `gridtwin operations MODEL` takes more."));
                }
                let words = format!("{}{}", of.project, of.network.as_ref().map_or_else(String::new, |n| format!("/{n}")));
                let dir = app.project_dir(&of.project)?;
                let learned = match body.risk.as_deref() {
                    Some("rules") => Learned::default(),
                    None | Some("latest") => of_project(&dir, &network, None)?,
                    Some(id) => of_project(&dir, &network, Some(id))?,
                };
                let setup = Setup {
                    network: words,
                    seed: body.seed,
                    risk_weight: body.risk_weight,
                    learning_rate: body.learning_rate,
                    risk_from: learned.words,
                };
                Grid::new(network, learned.scores, setup).map_err(|e| refused(&e))?
            }
        };
        let grid = keep(&app, &caller.user, grid);
        let mut grid = lock(&grid);
        Ok(Json(said_state(&mut grid)))
    })
    .await
}
