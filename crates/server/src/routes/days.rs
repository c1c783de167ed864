//! A day of flexible demand on a desk: its document, a run of it, what is told to clients of OpenADR, and what they report (`crate::days`).

use crate::access::{Caller, Engineer, Viewer};
use crate::days::{DEVICES_MAX, DOCUMENT_MAX};
use crate::desks::{DayRun, OpenDesk};
use crate::moment::parse;
use crate::problem::Problem;
use crate::routes::flexibility::{Asked, DeskName, tell, topic, with_desk};
use crate::state::App;
use crate::vtn::Client;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use network::flexibility::Target;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use studies::flexibility::{BaselineKind, FlexibilityOptions, Least, SampleOptions};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(day, put_day, remove_day))
        .routes(routes!(sample_day))
        .routes(routes!(run_day))
        .routes(routes!(publish_day))
        .routes(routes!(measured_day))
}

/// How long an answer waits for a day that is run.
const ANSWER_IN: Duration = Duration::from_secs(20);

/// A document of flexible demand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayDocument {
    /// YAML or JSON, as docs/methods/flexibility.md says; programs of the desk take part beside those that it names.
    pub document: String,
}

/// A sample of a day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleDay {
    #[schema(minimum = 1, maximum = 1000, example = 80)]
    pub devices: u32,
    pub seed: Option<u64>,
    /// A divisor of 60.
    #[schema(minimum = 1, maximum = 60)]
    pub step_min: Option<u32>,
    /// All devices stand at this bus; at the loads, by their size, without it.
    pub bus: Option<String>,
    /// Transformer or line whose flow the event holds, as class.name; all that the sources deliver without it.
    pub target: Option<String>,
    /// Limit of the event; the rating of the transformer without it. Without target and limit there is no event.
    #[schema(minimum = 0)]
    pub limit_kw: Option<f64>,
}

/// What is least when events are dispatched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeastWord {
    /// Curtailed energy.
    #[default]
    Energy,
    /// Incentives, and what curtailing costs owners.
    Cost,
}

/// By what participants are paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaselineWord {
    #[default]
    HighFiveOfTen,
    Regression,
}

/// How a day is run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDay {
    #[serde(default)]
    pub least: LeastWord,
    #[serde(default)]
    pub baseline: BaselineWord,
}

/// When the day is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishDay {
    /// Its midnight with the offset of the place, RFC 3339.
    #[schema(example = "2026-07-16T00:00:00-07:00")]
    pub starts: String,
    /// Takes away what was published before, with the reports on it.
    #[serde(default)]
    pub replace: bool,
}

fn field_fault(field: &str, message: impl Into<String>, hint: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("DESK.REQUEST.VALUE").field(field);
    problem.detail("Nothing was changed.").hint(hint)
}

/// The day of a desk with how it is being run.
fn shown_day(app: &App, user: &str, name: &str, desk: &OpenDesk) -> Result<Json<Value>, Problem> {
    let mut value = desk.day()?;
    let run = app.desks.day_run(user, name);
    value["running"] = match &run {
        Some(DayRun::Going(since)) => json!(since),
        _ => Value::Null,
    };
    value["failed"] = match run {
        Some(DayRun::Failed(problem)) => json!(problem),
        _ => Value::Null,
    };
    Ok(Json(value))
}

/// Changes the day of a desk, tells open pages, and answers with it.
async fn on_day(
    app: App,
    caller: Caller,
    name: String,
    message: &'static str,
    work: impl FnOnce(&mut OpenDesk) -> Result<(), Problem> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    let topic = topic(&caller, &DeskName(name.clone()));
    let (shared, of) = (app.clone(), name.clone());
    let value = with_desk(&app, &caller, DeskName(name.clone()), move |desk, user| {
        work(desk)?;
        shown_day(&shared, user, &of, desk)
    })
    .await?;
    caller.note(&app, "desk.day", &name, json!({ "message": message })).await?;
    tell(&app, &topic, &json!({ "seq": null, "message": message }));
    Ok(value)
}

/// The day of flexible demand on a desk: its document, the case with the programs of the desk, its last result, and since when it is `running`.
#[utoipa::path(get, path = "/api/desks/{desk}/day", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn day(State(app): State<App>, Viewer(caller): Viewer, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    let (shared, of) = (app.clone(), name.clone());
    with_desk(&app, &caller, DeskName(name), move |desk, user| shown_day(&shared, user, &of, desk)).await
}

/// Puts a document of flexible demand on a desk.
#[utoipa::path(put, path = "/api/desks/{desk}/day", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), request_body = DayDocument,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn put_day(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Asked(body): Asked<DayDocument>,
) -> Result<Json<Value>, Problem> {
    if body.document.len() > DOCUMENT_MAX {
        return Err(field_fault("document", "the document is larger than 4 MB", "up to 1000 devices are run on a desk"));
    }
    let (shared, user, of) = (app.clone(), caller.user.clone(), name.clone());
    let put = move |desk: &mut OpenDesk| {
        desk.put_day(&body.document)?;
        shared.desks.forget_day(&user, &of);
        Ok(())
    };
    on_day(app, caller, name, "a document of flexible demand was put on the desk", put).await
}

/// Takes the day of a desk away, and its events from clients of OpenADR; those that they have reported on stay.
#[utoipa::path(delete, path = "/api/desks/{desk}/day", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn remove_day(State(app): State<App>, Engineer(caller): Engineer, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let topic = topic(&caller, &DeskName(name.clone()));
    let shared = app.clone();
    with_desk(&app, &caller, DeskName(name.clone()), move |desk, _| desk.remove_day(&shared.vtn)).await?;
    caller.note(&app, "desk.day", &name, json!({ "message": "removed" })).await?;
    crate::routes::openadr::tell(&app);
    tell(&app, &topic, &json!({ "seq": null, "message": "the day of flexible demand was taken away" }));
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a day: devices on a hot day, three programs, an event where a target or a limit is given.
#[utoipa::path(post, path = "/api/desks/{desk}/day/sample", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), request_body = SampleDay,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn sample_day(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Asked(body): Asked<SampleDay>,
) -> Result<Json<Value>, Problem> {
    let n_devices = body.devices as usize;
    if !(1..=DEVICES_MAX).contains(&n_devices) {
        return Err(field_fault("devices", format!("devices is {n_devices}"), "1 to 1000 are run on a desk"));
    }
    let step_min = body.step_min.unwrap_or(15);
    if step_min == 0 || 60 % step_min != 0 {
        return Err(field_fault("step_min", format!("step_min is {step_min}"), "minutes that divide an hour, such as 5 or 15"));
    }
    let has_event = body.target.is_some() || body.limit_kw.is_some();
    let target = has_event.then_some(Target { element: body.target, limit_kw: body.limit_kw, limit_kva: None });
    let options = SampleOptions { n_devices, seed: body.seed.unwrap_or(1), step_min, bus: body.bus, target };
    on_day(app, caller, name, "a sample day was made", move |desk| desk.sample_day(&options)).await
}

/// Runs the day: devices by their own rules, events dispatched under power flow, rebound, books, payments. A long run goes on after the answer,
/// which then says since when it is `running`.
#[utoipa::path(post, path = "/api/desks/{desk}/day/run", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), request_body = RunDay,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn run_day(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Asked(body): Asked<RunDay>,
) -> Result<Json<Value>, Problem> {
    let options = FlexibilityOptions {
        least: match body.least {
            LeastWord::Energy => Least::CurtailedEnergy,
            LeastWord::Cost => Least::Cost,
        },
        baseline: match body.baseline {
            BaselineWord::HighFiveOfTen => BaselineKind::HighFiveOfTen,
            BaselineWord::Regression => BaselineKind::Regression,
        },
    };
    let ready = with_desk(&app, &caller, DeskName(name.clone()), |desk, _| desk.ready_day()).await?;
    app.desks.begin_day(&caller.user, &name)?;
    let (done, outcome) = tokio::sync::oneshot::channel();
    let (shared, user, of, topic) = (app.clone(), caller.user.clone(), name.clone(), topic(&caller, &DeskName(name.clone())));
    // On a thread of its own, which a stopping server does not wait for. The desk can be used meanwhile; a result of what it was then says so.
    std::thread::spawn(move || {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ready.run(&options)));
        let outcome = run.unwrap_or_else(|_| Err(Problem::internal("a day of flexible demand: panic")));
        shared.desks.end_day(&user, &of, &outcome);
        tell(&shared, &topic, &json!({ "seq": null, "message": "the day of flexible demand was run" }));
        let _ = done.send(outcome);
    });
    if let Ok(Ok(Err(problem))) = tokio::time::timeout(ANSWER_IN, outcome).await {
        // Who asked is told; nobody else need be.
        app.desks.forget_day(&caller.user, &name);
        return Err(problem);
    }
    on_day(app, caller, name, "the day of flexible demand was run", |_| Ok(())).await
}

/// Publishes programs and events of the last run to clients of OpenADR.
#[utoipa::path(post, path = "/api/desks/{desk}/day/publish", tag = "flexibility", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("desk" = String, Path)), request_body = PublishDay,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn publish_day(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Asked(body): Asked<PublishDay>,
) -> Result<Json<Value>, Problem> {
    let hint = "give the midnight of the day with its offset, such as 2026-07-16T00:00:00-07:00";
    let starts_ms = parse(&body.starts).ok_or_else(|| field_fault("starts", "starts is no time of RFC 3339", hint))?;
    let client = Client::from(&caller);
    let topic = topic(&caller, &DeskName(name.clone()));
    let shared = app.clone();
    let publish = move |desk: &mut OpenDesk, _: &str| desk.publish_day(&shared.vtn, &client, starts_ms, body.replace).map(Json);
    let value = with_desk(&app, &caller, DeskName(name.clone()), publish).await?;
    caller.note(&app, "desk.publish", &name, json!({ "starts": body.starts })).await?;
    crate::routes::openadr::tell(&app);
    tell(&app, &topic, &json!({ "seq": null, "message": "the day was published" }));
    Ok(value)
}

/// Measured performance and payments by what clients of OpenADR have reported.
#[utoipa::path(get, path = "/api/desks/{desk}/day/measured", tag = "flexibility", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("desk" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn measured_day(State(app): State<App>, Viewer(caller): Viewer, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    let shared = app.clone();
    with_desk(&app, &caller, DeskName(name), move |desk, _| desk.measured_day(&shared.vtn).map(Json)).await
}
