//! The WebSocket: what happens, told to open pages.
//!
//! The server says `{"seq":1,"type":"hello",…}` first; the client says `{"subscribe":["jobs","job:ID"]}` or `{"unsubscribe":[…]}`. Frames of
//! a client are numbered; after a gap in the numbers, or `{"type":"gap"}`, the client asks for the state of things anew.

use crate::access::Viewer;
use crate::hub::Client;
use crate::problem::Problem;
use crate::state::App;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Clients at most.
const CLIENTS_MAX: usize = 4_000;
/// Longest frame that a client may send, bytes.
const FRAME_MAX: usize = 64 << 10;
/// How often a client is asked whether it is there.
const PING: Duration = Duration::from_secs(20);
/// How long it may stay silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it may take to take a frame.
const SEND: Duration = Duration::from_secs(15);
/// Frames that a client may send in [`PING`].
const FRAMES_MAX: u32 = 200;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(socket))
}

/// What a client may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Word {
    subscribe: Vec<String>,
    unsubscribe: Vec<String>,
}

/// Progress and live data: a WebSocket. Topics: `jobs`, `job:ID`, `live:PROJECT`, `twin`, `twin:events`, `twin:alarms`, `twin:points`,
/// `twin:points:DEVICE`, `desk:USER/NAME`, `grid:USER`, `openadr`.
#[utoipa::path(get, path = "/api/ws", tag = "live", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 101, description = "The connection is a WebSocket now"), (status = 400, body = Problem), (status = 426, body = Problem)))]
pub async fn socket(
    State(app): State<App>,
    _: Viewer,
    parts: Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    accepted(&app, &parts, upgrade, |upgrade, app, parts| {
        upgrade.on_upgrade(move |socket| async move {
            let hello = json!({ "type": "hello", "version": env!("CARGO_PKG_VERSION") });
            serve(app, parts, socket, &[], Some(&hello), topics).await;
        })
    })
}

/// Makes a connection a WebSocket, where it may be one.
///
/// # Errors
/// A request that asks for no WebSocket, a page of another site, too many clients.
pub(super) fn accepted(
    app: &App,
    parts: &Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    begin: impl FnOnce(WebSocketUpgrade, App, Parts) -> Response,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|e| match e {
        WebSocketUpgradeRejection::ConnectionNotUpgradable(_) => {
            Problem::new(StatusCode::UPGRADE_REQUIRED, "This address is a WebSocket").hint("Connect with a WebSocket client.")
        }
        other => Problem::bad_request("This address is a WebSocket").detail(other.to_string()).hint("Connect with a WebSocket client."),
    })?;
    if !is_our_page(app, parts) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "A page of another site may not connect").code("SERVER.ACCESS.ORIGIN"));
    }
    if app.jobs.hub.len() >= CLIENTS_MAX {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many pages are open").hint("Close some, and load this one again."));
    }
    Ok(begin(upgrade.max_message_size(FRAME_MAX).max_frame_size(FRAME_MAX), app.clone(), parts.clone()))
}

/// Takes what a client says about topics.
fn topics(client: &Arc<Client>, text: &str) {
    let Ok(word) = serde_json::from_str::<Word>(text) else {
        client.tell(&json!({ "type": "error", "title": "That is no {\"subscribe\":[…]} or {\"unsubscribe\":[…]}" }));
        return;
    };
    client.unsubscribe(&word.unsubscribe);
    let refused = client.subscribe(word.subscribe);
    if !refused.is_empty() {
        client.tell(&json!({ "type": "error", "title": "Too many topics", "refused": refused.len() }));
    }
}

/// Whether the page that connects is ours, or of a site that may. Programs name no origin, and show a token or cookie of their own.
fn is_our_page(app: &App, parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = parts.headers.get(header::HOST).and_then(|h| h.to_str().ok()).or(parts.uri.authority().map(|a| a.as_str()));
    let named = origin.split_once("://").map(|(_, rest)| rest);
    named.is_some() && named == host || app.config.cors.iter().any(|c| c.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Serves one client until it goes: tells it what happens in its topics, and hands what it says to `said`, which must not wait.
pub(super) async fn serve(
    app: App,
    parts: Parts,
    mut socket: WebSocket,
    first: &[&str],
    hello: Option<&serde_json::Value>,
    said_by: impl Fn(&Arc<Client>, &str),
) {
    let member = app.jobs.hub.join();
    app.metrics.sockets().inc();
    let mut stopping = app.stopping();
    let mut ping = tokio::time::interval(PING);
    let (mut heard, mut frames) = (Instant::now(), 0_u32);
    member.client.subscribe(first.iter().map(|t| (*t).to_owned()).collect());
    if let Some(hello) = hello {
        member.client.tell(hello);
    }
    let end = loop {
        tokio::select! {
            text = member.client.next() => match tokio::time::timeout(SEND, socket.send(Message::Text(text.into()))).await {
                Ok(Ok(())) => {}
                _ => break None,
            },
            said = socket.recv() => {
                heard = Instant::now();
                frames += 1;
                if frames > FRAMES_MAX {
                    break Some((close_code::POLICY, "too many frames"));
                }
                match said {
                    Some(Ok(Message::Text(text))) => said_by(&member.client, &text),
                    Some(Ok(Message::Binary(_))) => break Some((close_code::UNSUPPORTED, "text only")),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
                }
            }
            _ = ping.tick() => {
                frames = 0;
                if heard.elapsed() > SILENCE {
                    break None;
                }
                // A login that has ended, or a user who was removed, is told no more.
                if crate::auth::caller(&parts, &app).await.is_err() {
                    break Some((close_code::POLICY, "not logged in any more"));
                }
                match tokio::time::timeout(SEND, socket.send(Message::Ping(Vec::new().into()))).await {
                    Ok(Ok(())) => {}
                    _ => break None,
                }
            }
            () = crate::jobs::stopped(&mut stopping) => break Some((close_code::AWAY, "the server stops")),
        }
    };
    if let Some((code, reason)) = end {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // Who does not take it is gone.
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(close)).await;
    }
    app.metrics.sockets().dec();
}
