//! Demand flexibility on a feeder, with the addresses and bodies of document 002: every action is solved, answered with what it changed, and
//! kept. Each caller works on desks of their own (`?desk=NAME`, or the header X-Gridtwin-Desk); without a name it is `default`, the IEEE
//! 123-node feeder.

use crate::access::{Caller, Engineer, Viewer};
use crate::desks::{DEFAULT, DeskRow, Done, ModelOf, OpenDesk, Setup};
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use network::flexibility::{DeviceClass, Window};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::project::Project;
use studies::desk::{Action, ProgramRules, Report};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(run_simulation))
        .routes(routes!(get_state))
        .routes(routes!(modify_load_neighbourhood))
        .routes(routes!(modify_load_household))
        .routes(routes!(add_generator))
        .routes(routes!(add_device))
        .routes(routes!(disconnect_device))
        .routes(routes!(register_dfp))
        .routes(routes!(update_dfp))
        .routes(routes!(delete_dfp))
        .routes(routes!(subscribe_dfp))
        .routes(routes!(unsubscribe_dfp))
        .routes(routes!(execute_dfp))
        .routes(routes!(list, create))
        .routes(routes!(remove))
        .routes(routes!(journal))
        .routes(routes!(undo))
        .routes(routes!(file))
        .routes(routes!(model))
}

/// Addresses of document 002, which stand at the root.
pub(crate) const AT_ROOT: [&str; 13] = [
    "/run_simulation",
    "/get_state",
    "/modify_load_neighbourhood",
    "/modify_load_household",
    "/add_generator",
    "/add_device",
    "/disconnect_device",
    "/register_dfp",
    "/update_dfp",
    "/delete_dfp",
    "/subscribe_dfp",
    "/unsubscribe_dfp",
    "/execute_dfp",
];

/// Entries of a journal in an answer.
const ENTRIES_MAX: usize = 500;

/// Which desk a request is for.
pub struct DeskName(pub(crate) String);

impl FromRequestParts<App> for DeskName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let of_query = parts.uri.query().and_then(|q| q.split('&').find_map(|pair| pair.strip_prefix("desk=")));
        let of_header = parts.headers.get("x-gridtwin-desk").and_then(|v| v.to_str().ok());
        Ok(Self(of_query.or(of_header).unwrap_or(DEFAULT).to_owned()))
    }
}

/// A body in JSON, refused with the field that is at fault. No body at all is an empty object.
pub struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Asked<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        if !is_json && !bytes.is_empty() {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request has another content type");
            return Err(problem.hint("Send JSON with the header Content-Type: application/json.").into_response());
        }
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        read(text).map(Self).map_err(IntoResponse::into_response)
    }
}

/// Whether a request says that it carries JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).and_then(|t| t.split(';').next());
    kind.is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"))
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let inner = e.inner();
        let message = inner.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        if inner.is_syntax() || inner.is_eof() {
            return Problem::bad_request("The request is no JSON").detail(inner.to_string()).hint("Send an object in JSON.");
        }
        // Of a field that is missing or unknown, serde names it in its words.
        let path = e.path().to_string();
        let named = message.split('`').nth(1).map(str::to_owned);
        let field = if path == "." { named.unwrap_or_default() } else { path };
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: {message}")).code("DESK.REQUEST.VALUE");
        problem.field(field).detail("Nothing was changed.").hint("GET /api/openapi.json says what the request may hold.")
    })?;
    reader.end().map_err(|e| Problem::bad_request("The request is no JSON").detail(e.to_string()))?;
    Ok(value)
}

/// Works on a desk of the caller, on a thread that may wait.
pub(crate) async fn with_desk<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    DeskName(name): DeskName,
    work: impl FnOnce(&mut OpenDesk, &str) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (app, user) = (app.clone(), caller.user.clone());
    blocking(move || {
        let desk = app.desks.get(&user, &name, &|of| network_of(&app, of))?;
        let mut desk = desk.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        work(&mut desk, &user)
    })
    .await
}

pub(crate) fn network_of(app: &App, of: &ModelOf) -> Result<network::Network, Problem> {
    let dir = app.project_dir(&of.project)?;
    if !Project::is_project(&dir) {
        let problem = Problem::not_found(format!("There is no project \"{}\"", of.project)).field("project");
        return Err(problem.hint("GET /api/projects lists all of them."));
    }
    Ok(Project::open(&dir)?.network(of.network.as_deref(), of.version)?.imported.network)
}

/// Does an action. Its journal says who did what: the audit log does not repeat it.
async fn act(app: App, caller: Caller, name: DeskName, action: Action) -> Result<Json<Value>, Problem> {
    caller.is_logged_elsewhere();
    let topic = topic(&caller, &name);
    let value = with_desk(&app, &caller, name, move |desk, user| {
        let is_run = matches!(action, Action::RunSimulation { .. });
        let done = desk.act(user, action)?;
        Ok(Json(if is_run { ran(desk, &done) } else { answer(&done) }))
    })
    .await?;
    tell(&app, &topic, &value.0);
    Ok(value)
}

/// Topic of a desk, for open pages.
pub(crate) fn topic(caller: &Caller, DeskName(name): &DeskName) -> String {
    format!("desk:{}/{name}", caller.user)
}

/// Tells open pages that a desk has changed; what it is now they ask for.
pub(crate) fn tell(app: &App, topic: &str, answer: &Value) {
    let message = json!({ "type": "desk", "topic": topic, "seq": answer["seq"], "message": answer["message"] });
    app.jobs.hub.publish(&[topic], Some(topic), &message);
}

fn power_flow(report: &Report) -> Value {
    let s = &report.summary;
    json!({
        "converged": s.converged,
        "total_power_kw": s.total_kw,
        "total_power_kvar": s.total_kvar,
        "total_losses_kw": s.losses_kw,
        "load_kw": report.load_kw,
        "generation_kw": report.generation_kw,
        "voltage_min_pu": report.voltages.least_pu,
        "voltage_max_pu": report.voltages.most_pu,
    })
}

fn answer(done: &Done) -> Value {
    let e = &done.entry;
    json!({
        "status": "success",
        "message": e.message,
        "seq": e.seq,
        "at": e.at,
        "changes": e.changes,
        "actions": e.acts,
        "notes": e.notes,
        "power_flow": power_flow(&done.report),
    })
}

/// Neighbourhoods with what flowed before anything was tried.
fn neighbourhoods(desk: &OpenDesk, report: &Report) -> Value {
    let before = desk.desk.before().ok();
    let rows = report.neighbourhoods.iter().enumerate().map(|(i, n)| {
        let mut row = serde_json::to_value(n).unwrap_or(Value::Null);
        if let (Some(map), Some(b)) = (row.as_object_mut(), before.as_ref().and_then(|b| b.neighbourhoods.get(i))) {
            map.insert("before".into(), json!({ "p_kw": b.p_kw, "q_kvar": b.q_kvar, "s_kva": b.s_kva, "loading_pct": b.loading_pct }));
        }
        row
    });
    rows.collect()
}

/// The whole state, as `/run_simulation` and `/get_state` answer it.
fn state(desk: &OpenDesk, report: &Report) -> Value {
    let s = &report.summary;
    let dfps: Vec<Value> = desk
        .desk
        .state()
        .programs
        .iter()
        .map(|(number, p)| {
            let mut program = json!({ "dfp_number": number });
            if let (Some(map), Ok(Value::Object(of))) = (program.as_object_mut(), serde_json::to_value(p)) {
                map.extend(of);
            }
            program
        })
        .collect();
    json!({
        "model": desk.model,
        "seq": desk.entries.last().map_or(0, |e| e.seq),
        "converged": s.converged,
        "iterations": s.iterations,
        "control_iterations": s.control_iterations,
        "total_power_kw": s.total_kw,
        "total_power_kvar": s.total_kvar,
        "total_losses_kw": s.losses_kw,
        "total_losses_kvar": s.losses_kvar,
        "load_kw": report.load_kw,
        "generation_kw": report.generation_kw,
        "voltage_profile": report.voltages,
        "taps": s.taps,
        "capacitors": s.capacitors,
        "buses": report.buses,
        "neighbourhoods": neighbourhoods(desk, report),
        "dfps": dfps,
        "certificate": s.certificate,
    })
}

fn ran(desk: &OpenDesk, done: &Done) -> Value {
    let mut value = answer(done);
    if let (Some(map), Value::Object(all)) = (value.as_object_mut(), state(desk, &done.report)) {
        map.extend(all);
    }
    value
}

const DESK: &str = "Desk of the caller that it is for; `default` without one. The header X-Gridtwin-Desk says the same.";

/// What a simulation may be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSimulation {
    /// Whether automatic management acts: ratings, voltage, reverse flow, power factor.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub manage: bool,
}

fn yes() -> bool {
    true
}

macro_rules! routed {
    ($($(#[$doc:meta])* $method:ident $path:literal $name:ident($body:ty) = $action:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path($method, path = $path, tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
            params(("desk" = Option<String>, Query, description = DESK)), request_body = $body,
            responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
        pub async fn $name(
            State(app): State<App>,
            Engineer(caller): Engineer,
            desk: DeskName,
            Asked(body): Asked<$body>,
        ) -> Result<Json<Value>, Problem> {
            let action: fn($body) -> Action = $action;
            act(app, caller, desk, action(body)).await
        }
    )*};
}

/// A factor for a neighbourhood.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeighbourhoodFactor {
    /// Its number (pincode).
    #[schema(example = 1)]
    pub neighbourhood: u32,
    /// Of the loads as they are stated: 1 is the model, or what `new_kw` set.
    #[schema(minimum = 0, maximum = 100, example = 0.8)]
    pub factor: f64,
}

/// A household: its power anew, or a factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Household {
    #[schema(example = "1")]
    pub bus_name: String,
    /// A load at the bus; all of them without it, and for `Load_` with the name of the bus.
    pub load_name: Option<String>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub new_kw: Option<f64>,
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub new_kvar: Option<f64>,
    #[schema(minimum = 0, maximum = 100)]
    pub factor: Option<f64>,
}

/// A generator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGenerator {
    #[schema(example = "1")]
    pub bus_name: String,
    #[schema(minimum = 0, maximum = 1_000_000, example = 50.0)]
    pub kw: f64,
    /// Rated voltage; that of the bus without it. Another than the bus's is connected through a transformer.
    #[schema(minimum = 0.05, maximum = 800)]
    pub kv: Option<f64>,
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub kvar: Option<f64>,
    /// As OpenDSS numbers them; 1, constant power, without it.
    pub model: Option<u32>,
    #[schema(minimum = 0, maximum = 2)]
    pub vmin_pu: Option<f64>,
    #[schema(minimum = 0, maximum = 2)]
    pub vmax_pu: Option<f64>,
    /// The first so many phases of the bus; all without it.
    #[schema(minimum = 1, maximum = 3)]
    pub phases: Option<u32>,
}

/// A device: a load of constant power.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    #[schema(example = "1")]
    pub bus_name: String,
    #[schema(example = "EV_Charger_1", min_length = 1, max_length = 60)]
    pub device_name: String,
    #[schema(minimum = 0, maximum = 1_000_000, example = 7.5)]
    pub kw: f64,
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub kvar: Option<f64>,
    /// Counts where no `kvar` is given, and must fit it where one is.
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub pf: Option<f64>,
    /// The first so many phases of the bus; all without it.
    #[schema(minimum = 1, maximum = 3)]
    pub phases: Option<u32>,
}

/// A device at a bus.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceAt {
    pub bus_name: String,
    pub device_name: String,
}

macro_rules! program_body {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$of])* pub $field: $type,)*
            /// When events may be: wholly inside one window, `{"from": "14:00", "to": "21:00", "days": ["monday"]}`.
            #[schema(value_type = Option<Vec<Object>>)]
            pub windows: Option<Vec<Window>>,
            /// From the announcement of an event to its start.
            #[schema(maximum = 1440)]
            pub notice_min: Option<u32>,
            #[schema(maximum = 1440)]
            pub max_duration_min: Option<u32>,
            pub max_events_per_day: Option<u32>,
            pub max_events_per_season: Option<u32>,
            /// Events of the season so far.
            pub events_this_season: Option<u32>,
            /// Between two events.
            #[schema(maximum = 1440)]
            pub min_rest_min: Option<u32>,
            /// Programs of a lower number are used up first.
            pub priority: Option<u32>,
            /// Classes of devices: ev, water_heater, hvac, battery; all without it.
            #[schema(value_type = Option<Vec<String>>)]
            pub classes: Option<Vec<DeviceClass>>,
            /// Paid for each kilowatt-hour below the baseline.
            #[schema(minimum = 0)]
            pub incentive_per_kwh: Option<f64>,
            /// Paid for each event.
            #[schema(minimum = 0)]
            pub incentive_per_event: Option<f64>,
            /// Taken for each kilowatt-hour that was asked for and not delivered.
            #[schema(minimum = 0)]
            pub penalty_per_kwh: Option<f64>,
        }

        impl $name {
            fn further(&mut self) -> ProgramRules {
                ProgramRules {
                    windows: self.windows.take(),
                    notice_min: self.notice_min,
                    max_duration_min: self.max_duration_min,
                    max_events_per_day: self.max_events_per_day,
                    max_events_per_season: self.max_events_per_season,
                    events_this_season: self.events_this_season,
                    min_rest_min: self.min_rest_min,
                    priority: self.priority,
                    classes: self.classes.take(),
                    incentive_per_kwh: self.incentive_per_kwh,
                    incentive_per_event: self.incentive_per_event,
                    penalty_per_kwh: self.penalty_per_kwh,
                }
            }
        }
    };
}

program_body! {
    /// A program with its rules; those beyond the first two hold for its events.
    NewProgram {
        #[schema(example = "peak_shaving", min_length = 1, max_length = 60)]
        name: String,
        /// Power that the program leaves to a bus, kW.
        #[schema(minimum = 0, maximum = 1_000_000, example = 100.0)]
        min_power_kw: f64,
        /// Power factor that it brings a bus up to.
        #[schema(exclusive_minimum = 0, maximum = 1, example = 0.95)]
        target_pf: f64,
    }
}

program_body! {
    /// Rules that change.
    ChangedProgram {
        name: String,
        #[schema(minimum = 0, maximum = 1_000_000)]
        min_power_kw: Option<f64>,
        #[schema(exclusive_minimum = 0, maximum = 1)]
        target_pf: Option<f64>,
    }
}

/// A program by its name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramName {
    pub name: String,
}

/// A bus and a program by its number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub bus_name: String,
    pub dfp_number: u32,
}

/// A program whose rules are executed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Execution {
    pub dfp_name: String,
}

routed! {
    /// Solves the feeder and lets automatic management act; the latest state.
    post "/run_simulation" run_simulation(RunSimulation) = |b| Action::RunSimulation { manage: b.manage };
    /// Sets the factor of all loads of a neighbourhood.
    post "/modify_load_neighbourhood" modify_load_neighbourhood(NeighbourhoodFactor) =
        |b| Action::ModifyLoadNeighbourhood { neighbourhood: b.neighbourhood, factor: b.factor };
    /// Sets the load of a household: `new_kw` with `new_kvar`, or `factor`.
    post "/modify_load_household" modify_load_household(Household) = |b| Action::ModifyLoadHousehold {
        bus_name: b.bus_name,
        load_name: b.load_name,
        new_kw: b.new_kw,
        new_kvar: b.new_kvar,
        factor: b.factor,
    };
    /// Adds a generator to a bus.
    post "/add_generator" add_generator(NewGenerator) = |b| Action::AddGenerator {
        bus_name: b.bus_name,
        kw: b.kw,
        kv: b.kv,
        kvar: b.kvar,
        model: b.model,
        vmin_pu: b.vmin_pu,
        vmax_pu: b.vmax_pu,
        phases: b.phases,
    };
    /// Adds a device to a bus: `kvar` and `pf`, or `phases`.
    post "/add_device" add_device(NewDevice) = |b| Action::AddDevice {
        bus_name: b.bus_name,
        device_name: b.device_name,
        kw: b.kw,
        kvar: b.kvar,
        pf: b.pf,
        phases: b.phases,
    };
    /// Removes a device from a bus.
    post "/disconnect_device" disconnect_device(DeviceAt) =
        |b| Action::DisconnectDevice { bus_name: b.bus_name, device_name: b.device_name };
    /// Registers a demand flexibility program; its number comes back.
    post "/register_dfp" register_dfp(NewProgram) = |mut b| {
        let rules = b.further();
        Action::RegisterDfp { name: b.name, min_power_kw: b.min_power_kw, target_pf: b.target_pf, rules }
    };
    /// Changes the rules of a program.
    put "/update_dfp" update_dfp(ChangedProgram) = |mut b| {
        let rules = b.further();
        Action::UpdateDfp { name: b.name, min_power_kw: b.min_power_kw, target_pf: b.target_pf, rules }
    };
    /// Deletes a program; who was subscribed is unsubscribed, and what it had curtailed is drawn again.
    delete "/delete_dfp" delete_dfp(ProgramName) = |b| Action::DeleteDfp { name: b.name };
    /// Subscribes a bus to a program.
    post "/subscribe_dfp" subscribe_dfp(Subscription) = |b| Action::SubscribeDfp { bus_name: b.bus_name, dfp_number: b.dfp_number };
    /// Takes a bus out of a program.
    post "/unsubscribe_dfp" unsubscribe_dfp(Subscription) =
        |b| Action::UnsubscribeDfp { bus_name: b.bus_name, dfp_number: b.dfp_number };
    /// Executes the rules of a program on all buses that are subscribed.
    post "/execute_dfp" execute_dfp(Execution) = |b| Action::ExecuteDfp { dfp_name: b.dfp_name };
}

/// The feeder as it stands: buses, power flow, neighbourhoods, programs.
#[utoipa::path(get, path = "/get_state", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = Option<String>, Query, description = DESK)),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get_state(State(app): State<App>, Viewer(caller): Viewer, desk: DeskName) -> Result<Json<Value>, Problem> {
    with_desk(&app, &caller, desk, |desk, _| {
        let report = desk.desk.report().map_err(crate::desks::refused)?;
        Ok(Json(state(desk, &report)))
    })
    .await
}

/// A desk that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDesk {
    /// Letters, digits, - and _.
    #[schema(min_length = 1, max_length = 60)]
    pub name: String,
    /// Project of the network; without it the IEEE 123-node feeder.
    pub project: Option<String>,
    pub network: Option<String>,
    pub version: Option<u64>,
    /// Neighbourhoods, YAML as models/ieee123/neighbourhoods.yaml; without it one a transformer with loads below.
    pub neighbourhoods: Option<String>,
}

/// Desks of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeskList {
    #[schema(value_type = Vec<Object>)]
    pub desks: Vec<DeskRow>,
}

/// Desks of the caller.
#[utoipa::path(get, path = "/api/desks", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = DeskList)))]
pub async fn list(State(app): State<App>, Viewer(caller): Viewer) -> Result<Json<DeskList>, Problem> {
    blocking(move || Ok(Json(DeskList { desks: app.desks.list(&caller.user)? }))).await
}

/// Makes a desk of a network.
#[utoipa::path(post, path = "/api/desks", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body = NewDesk,
    responses((status = 201, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Asked(body): Asked<NewDesk>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    if body.project.is_none() && (body.network.is_some() || body.version.is_some()) {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "network and version are of a project").field("project");
        return Err(problem.hint("Give the project, or leave both out."));
    }
    caller.note(&app, "desk.create", &body.name, json!({ "project": body.project, "network": body.network })).await?;
    let model = body.project.map(|project| ModelOf { project, network: body.network, version: body.version });
    let setup = Setup { model, neighbourhoods: body.neighbourhoods, created_at: rfc3339_ms(now_ms()) };
    blocking(move || {
        let desk = app.desks.create(&caller.user, &body.name, &setup, &|of| network_of(&app, of))?;
        let desk = desk.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let n = desk.desk.zones().neighbourhoods.len();
        let row = json!({ "name": body.name, "model": desk.model, "created_at": setup.created_at, "neighbourhoods": n });
        Ok((StatusCode::CREATED, Json(row)))
    })
    .await
}

/// Removes a desk with all that was done on it.
#[utoipa::path(delete, path = "/api/desks/{desk}", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn remove(State(app): State<App>, Engineer(caller): Engineer, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    caller.note(&app, "desk.remove", &name, json!({})).await?;
    let shared = app.clone();
    // A desk whose files are damaged can be removed all the same.
    let _ = with_desk(&app, &caller, DeskName(name.clone()), move |desk, _| desk.withdraw_day(&shared.vtn)).await;
    blocking(move || app.desks.remove(&caller.user, &name).map(|()| StatusCode::NO_CONTENT)).await
}

/// What was done on a desk, the latest first.
#[utoipa::path(get, path = "/api/desks/{desk}/journal", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn journal(State(app): State<App>, Viewer(caller): Viewer, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    with_desk(&app, &caller, DeskName(name), |desk, _| {
        let entries: Vec<_> = desk.entries.iter().rev().take(ENTRIES_MAX).collect();
        Ok(Json(json!({ "total": desk.entries.len(), "entries": entries })))
    })
    .await
}

/// Takes back the last action that changed something.
#[utoipa::path(post, path = "/api/desks/{desk}/undo", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn undo(State(app): State<App>, Engineer(caller): Engineer, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    caller.is_logged_elsewhere();
    let name = DeskName(name);
    let topic = topic(&caller, &name);
    let value = with_desk(&app, &caller, name, |desk, user| desk.undo(user).map(|done| Json(answer(&done)))).await?;
    tell(&app, &topic, &value.0);
    Ok(value)
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// One of the four texts that document 002 describes.
#[utoipa::path(get, path = "/api/desks/{desk}/results_api/{file}", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = String, Path), ("file" = String, Path, description = "latest_api_results.txt, management_log.txt, dfp_registry.txt or dfps_logs.txt")),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn file(State(app): State<App>, Viewer(caller): Viewer, Path((name, file)): Path<(String, String)>) -> Result<Response, Problem> {
    with_desk(&app, &caller, DeskName(name), move |desk, _| desk.text(&file).map(text)).await
}

/// The feeder as it stands, as an OpenDSS script.
#[utoipa::path(get, path = "/api/desks/{desk}/model.dss", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn model(State(app): State<App>, Viewer(caller): Viewer, Path(name): Path<String>) -> Result<Response, Problem> {
    with_desk(&app, &caller, DeskName(name), |desk, _| {
        let written = formats::opendss::write(&desk.desk.network(), &formats::opendss::WriteOptions::default());
        let written =
            written.map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The feeder cannot be written").detail(e.to_string()))?;
        Ok(text(written.master))
    })
    .await
}
