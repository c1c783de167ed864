//! `/ws`: the WebSocket of document 001.
//!
//! Metrics are told every second from the beginning. `{"type":"subscribe","channels":["metrics","alerts","assets"]}` chooses channels and is
//! answered with `{"type":"confirmed",…}`; `{"type":"control","asset_id":…,"command":…,"value":…}` is answered with
//! `{"type":"acknowledgment",…}` once it is known what became of it.

use super::control::{AssetControl, carried_out};
use crate::access::{Caller, Role, Viewer};
use crate::follow::publish::{ALERTS, ASSETS, METRICS};
use crate::hub::Client;
use crate::problem::Problem;
use crate::routes::ws::{accepted, serve};
use crate::state::App;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(socket))
}

const CHANNELS: [(&str, &str); 3] = [("metrics", METRICS), ("alerts", ALERTS), ("assets", ASSETS)];

/// What a client may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    Subscribe {
        #[serde(default)]
        channels: Option<Vec<String>>,
    },
    Unsubscribe {
        #[serde(default)]
        channels: Vec<String>,
    },
    Control(AssetControl),
    Ping,
}

/// Metrics, alerts and assets as they change, and commands: a WebSocket.
#[utoipa::path(get, path = "/ws", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 101, description = "The connection is a WebSocket now"), (status = 400, body = Problem),
        (status = 404, description = "Nothing is followed", body = Problem), (status = 426, body = Problem)))]
pub async fn socket(
    State(app): State<App>,
    _: Viewer,
    parts: Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    app.twin.get()?;
    accepted(&app, &parts, upgrade, |upgrade, app, parts| {
        upgrade.on_upgrade(move |socket| async move {
            let (shared, who) = (app.clone(), Arc::new(parts.clone()));
            let said = move |client: &Arc<Client>, text: &str| hear(&shared, &who, client, text);
            serve(app, parts, socket, &[METRICS], None, said).await;
        })
    })
}

fn hear(app: &App, parts: &Arc<Parts>, client: &Arc<Client>, text: &str) {
    let Ok(word) = serde_json::from_str::<Word>(text) else {
        client.tell(&json!({ "type": "error", "message": "That is no subscribe, unsubscribe, control or ping." }));
        return;
    };
    match word {
        Word::Ping => client.tell(&json!({ "type": "pong" })),
        Word::Subscribe { channels } => {
            let wanted = channels.unwrap_or_else(|| vec!["metrics".into()]);
            let topic = |name: &String| CHANNELS.iter().find(|(n, _)| n == name).map(|(_, topic)| *topic);
            let unknown: Vec<&String> = wanted.iter().filter(|c| topic(c).is_none()).collect();
            let topics: Vec<String> = CHANNELS.iter().map(|(_, t)| (*t).to_owned()).collect();
            client.unsubscribe(&topics);
            client.subscribe(wanted.iter().filter_map(topic).map(str::to_owned).collect());
            let channels: Vec<&String> = wanted.iter().filter(|c| topic(c).is_some()).collect();
            client.tell(&json!({ "type": "confirmed", "channels": channels, "unknown": unknown }));
        }
        Word::Unsubscribe { channels } => {
            let topics: Vec<String> =
                CHANNELS.iter().filter(|(n, _)| channels.iter().any(|c| c == n)).map(|(_, t)| (*t).to_owned()).collect();
            client.unsubscribe(&topics);
            client.tell(&json!({ "type": "confirmed", "unsubscribed": channels }));
        }
        Word::Control(asked) => control(app.clone(), parts.clone(), client.clone(), asked),
    }
}

/// Carries out a command beside the connection, which goes on telling meanwhile.
fn control(app: App, parts: Arc<Parts>, client: Arc<Client>, asked: AssetControl) {
    tokio::spawn(async move {
        let answer = match allowed(&app, &parts).await {
            Ok(caller) => carried_out(&app, &caller, asked).await,
            Err(problem) => Err(problem),
        };
        let answer = match answer {
            Ok(Value::Object(mut answer)) => {
                answer.insert("type".into(), "acknowledgment".into());
                Value::Object(answer)
            }
            Ok(other) => other,
            Err(problem) => json!({ "type": "acknowledgment", "success": false, "message": problem.title, "problem": problem }),
        };
        client.tell(&answer);
    });
}

/// Who commands, asked anew: a role may have been taken away since the connection was made.
async fn allowed(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    let caller = crate::auth::caller(parts, app).await?;
    if caller.role >= Role::Operator {
        return Ok(caller);
    }
    Err(Problem::forbidden("Your role does not allow this").code("SERVER.ACCESS.ROLE").detail(format!(
        "You are logged in as {} with the role {}; this needs the role operator.",
        caller.user,
        caller.role.name()
    )))
}
