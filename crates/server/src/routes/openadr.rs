//! OpenADR 3.1: the addresses of a top node (VTN), below `/openadr3/3.1.0`.
//!
//! A client gets its access token at `/openadr3/3.1.0/auth/token`, or at `/auth/token` where clients look that know the host only: its number
//! is the name of a user of the role ven (or a greater one), its secret a token of that user.

use crate::access::{Caller, Operator, Role, Ven};
use crate::auth::{address, grant};
use crate::problem::Problem;
use crate::routes::flexibility::is_json;
use crate::state::{App, blocking};
use crate::vtn::{Client, Query};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use formats::openadr::{Kind, Object};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(programs, add_program))
        .routes(routes!(program, change_program, remove_program))
        .routes(routes!(events, add_event))
        .routes(routes!(event, change_event, remove_event))
        .routes(routes!(reports, add_report))
        .routes(routes!(report, change_report, remove_report))
        .routes(routes!(vens, add_ven))
        .routes(routes!(ven, change_ven, remove_ven))
        .routes(routes!(resources, add_resource))
        .routes(routes!(resource, change_resource, remove_resource))
        .routes(routes!(auth_server))
        .routes(routes!(token))
        .routes(routes!(token_at_root))
}

/// Where the addresses begin.
pub(crate) const BASE: &str = "/openadr3/3.1.0";
/// Objects of an answer where the request does not say how many.
const PAGE: usize = 1000;
/// Topic of open pages.
const TOPIC: &str = "openadr";

/// An object in JSON: whatever a client sends as JSON is read.
pub struct Sent(Map<String, Value>);

impl FromRequest<App> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request has another content type");
            return Err(problem.hint("Send JSON with the header Content-Type: application/json.").into_response());
        }
        let bytes = Bytes::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let read: Result<Map<String, Value>, _> = serde_json::from_slice(&bytes);
        read.map(Self).map_err(|e| Problem::bad_request("The request is no object in JSON").detail(e.to_string()).into_response())
    }
}

impl Sent {
    /// The object, and the client that it is made for where that is told. `objectType` may be left out, or name who asks (`BL_VEN_REQUEST`).
    fn object(mut self, kind: Kind) -> Result<(Object, Option<String>), Problem> {
        let name = kind.word().to_uppercase();
        let told = self.0.get("objectType").filter(|v| !v.is_null()).cloned();
        let known = [name.clone(), format!("BL_{name}_REQUEST"), format!("VEN_{name}_REQUEST")];
        if let Some(told) = told.filter(|t| !t.as_str().is_some_and(|t| known.iter().any(|k| k == t))) {
            let problem = Problem::bad_request(format!("objectType is {told}")).code("OPENADR.OBJECT.VALUE").field("objectType");
            return Err(problem.detail("Nothing was changed.").hint(format!("Here it is {}.", known.join(", "))));
        }
        let of = match self.0.get("clientID") {
            None | Some(Value::Null) => None,
            Some(Value::String(of)) if (1..=128).contains(&of.len()) => Some(of.clone()),
            Some(_) => {
                let problem = Problem::bad_request("clientID is no name of 1 to 128 characters").code("OPENADR.OBJECT.VALUE");
                return Err(problem.field("clientID").hint("Give the name of the client."));
            }
        };
        self.0.remove("objectType");
        let body = Value::Object(self.0);
        let object = match kind {
            Kind::Program => read(body).map(Object::Program),
            Kind::Event => read(body).map(Object::Event),
            Kind::Report => read(body).map(Object::Report),
            Kind::Ven => read(body).map(Object::Ven),
            Kind::Resource => read(body).map(Object::Resource),
        }?;
        Ok((object, of))
    }
}

/// An object of a kind; what is wrong is told with its attribute.
fn read<T: DeserializeOwned>(body: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(body).map_err(|e| {
        let message = e.inner().to_string();
        let path = e.path().to_string();
        // Of an attribute that is missing, serde names it in its words.
        let named = message.split('`').nth(1).map(str::to_owned);
        let field = if path == "." { named.unwrap_or_default() } else { path };
        let problem = Problem::bad_request(format!("{field}: {message}")).code("OPENADR.OBJECT.VALUE").field(field);
        problem.detail("Nothing was changed.").hint("The OpenADR 3.1 definitions say what an object holds.")
    })
}

fn number(key: &str, text: &str, most: usize) -> Result<usize, Problem> {
    text.parse::<usize>().ok().filter(|n| *n <= most).ok_or_else(|| {
        let problem = Problem::bad_request(format!("{key} is no number from 0 to {most}")).code("OPENADR.QUERY.VALUE");
        problem.field(key).hint("Pages are asked for with skip and limit.")
    })
}

/// What a list is asked for. Unknown words are left alone, as the standard lets servers add some.
fn query(raw: Option<&str>) -> Result<Query, Problem> {
    let mut query = Query { limit: PAGE, ..Query::default() };
    for (key, text) in form(raw.unwrap_or_default()) {
        match key.as_str() {
            "skip" => query.skip = number("skip", &text, usize::MAX)?,
            "limit" => query.limit = number("limit", &text, usize::MAX)?.min(PAGE),
            "programID" => query.program = Some(text),
            "eventID" => query.event = Some(text),
            "venID" => query.ven = Some(text),
            "clientName" => query.client_name = Some(text),
            "venName" | "resourceName" => query.name = Some(text),
            "targets" => query.targets.push(text),
            _ => {}
        }
    }
    Ok(query)
}

/// Pairs of a form or query.
fn form(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect()
}

async fn listed(app: App, caller: Caller, kind: Kind, raw: Option<String>) -> Result<Json<Vec<Value>>, Problem> {
    let query = query(raw.as_deref())?;
    blocking(move || Ok(Json(app.vtn.list(&Client::from(&caller), kind, &query)?))).await
}

async fn found(app: App, caller: Caller, kind: Kind, id: String) -> Result<Json<Value>, Problem> {
    blocking(move || Ok(Json(app.vtn.one(&Client::from(&caller), kind, &id)?))).await
}

/// What is done with an object.
enum Deed {
    Add(Sent),
    Change(String, Sent),
    Remove(String),
}

/// Writes, notes it where people did it, and tells open pages.
async fn written(app: App, caller: Caller, kind: Kind, deed: Deed) -> Result<Json<Value>, Problem> {
    let client = Client::from(&caller);
    let word = match deed {
        Deed::Add(_) => "add",
        Deed::Change(..) => "change",
        Deed::Remove(_) => "remove",
    };
    let shared = app.clone();
    let shown = blocking(move || match deed {
        Deed::Add(sent) => {
            let (object, of) = sent.object(kind)?;
            shared.vtn.add(&client, object, of)
        }
        Deed::Change(id, sent) => {
            let (object, of) = sent.object(kind)?;
            shared.vtn.change(&client, &id, object, of)
        }
        Deed::Remove(id) => shared.vtn.remove(&client, kind, &id),
    })
    .await?;
    if caller.role > Role::Ven {
        caller.note(&app, &format!("openadr.{word}"), shown["id"].as_str().unwrap_or_default(), json!({ "kind": kind.word() })).await?;
    }
    tell(&app);
    Ok(Json(shown))
}

/// Tells open pages that objects have changed.
pub(crate) fn tell(app: &App) {
    app.jobs.hub.publish(&[TOPIC], Some(TOPIC), &json!({ "type": "openadr", "topic": TOPIC }));
}

macro_rules! objects {
    ($($kind:ident $path:literal $one:literal: $list:ident $add:ident($writer:ident, $role:literal) $get:ident $change:ident $remove:ident;)*) => {$(
        #[doc = concat!("All of the kind ", stringify!($kind), " that the caller may see.")]
        #[utoipa::path(get, path = $path, tag = "openadr", security(("session" = ["ven"]), ("token" = ["ven"])),
            params(("skip" = Option<u32>, Query), ("limit" = Option<u32>, Query), ("targets" = Option<Vec<String>>, Query),
                ("programID" = Option<String>, Query), ("eventID" = Option<String>, Query), ("venID" = Option<String>, Query),
                ("clientName" = Option<String>, Query), ("venName" = Option<String>, Query), ("resourceName" = Option<String>, Query)),
            responses((status = 200, body = Vec<Object>), (status = 400, body = Problem)))]
        pub async fn $list(State(app): State<App>, Ven(caller): Ven, RawQuery(raw): RawQuery) -> Result<Json<Vec<Value>>, Problem> {
            listed(app, caller, Kind::$kind, raw).await
        }

        #[doc = concat!("Makes one of the kind ", stringify!($kind), ".")]
        #[utoipa::path(post, path = $path, tag = "openadr", security(("session" = [$role]), ("token" = [$role])), request_body = Object,
            responses((status = 201, body = Object), (status = 400, body = Problem), (status = 409, body = Problem)))]
        pub async fn $add(State(app): State<App>, $writer(caller): $writer, sent: Sent) -> Result<(StatusCode, Json<Value>), Problem> {
            Ok((StatusCode::CREATED, written(app, caller, Kind::$kind, Deed::Add(sent)).await?))
        }

        #[doc = concat!("One of the kind ", stringify!($kind), ".")]
        #[utoipa::path(get, path = $one, tag = "openadr", security(("session" = ["ven"]), ("token" = ["ven"])),
            params(("id" = String, Path)), responses((status = 200, body = Object), (status = 404, body = Problem)))]
        pub async fn $get(State(app): State<App>, Ven(caller): Ven, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
            found(app, caller, Kind::$kind, id).await
        }

        #[doc = concat!("Changes one of the kind ", stringify!($kind), ".")]
        #[utoipa::path(put, path = $one, tag = "openadr", security(("session" = [$role]), ("token" = [$role])), params(("id" = String, Path)),
            request_body = Object,
            responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
        pub async fn $change(
            State(app): State<App>,
            $writer(caller): $writer,
            Path(id): Path<String>,
            sent: Sent,
        ) -> Result<Json<Value>, Problem> {
            written(app, caller, Kind::$kind, Deed::Change(id, sent)).await
        }

        #[doc = concat!("Removes one of the kind ", stringify!($kind), ".")]
        #[utoipa::path(delete, path = $one, tag = "openadr", security(("session" = [$role]), ("token" = [$role])), params(("id" = String, Path)),
            responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem)))]
        pub async fn $remove(State(app): State<App>, $writer(caller): $writer, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
            written(app, caller, Kind::$kind, Deed::Remove(id)).await
        }
    )*};
}

objects! {
    Program "/openadr3/3.1.0/programs" "/openadr3/3.1.0/programs/{id}":
        programs add_program(Operator, "operator") program change_program remove_program;
    Event "/openadr3/3.1.0/events" "/openadr3/3.1.0/events/{id}": events add_event(Operator, "operator") event change_event remove_event;
    Report "/openadr3/3.1.0/reports" "/openadr3/3.1.0/reports/{id}": reports add_report(Ven, "ven") report change_report remove_report;
    Ven "/openadr3/3.1.0/vens" "/openadr3/3.1.0/vens/{id}": vens add_ven(Ven, "ven") ven change_ven remove_ven;
    Resource "/openadr3/3.1.0/resources" "/openadr3/3.1.0/resources/{id}":
        resources add_resource(Ven, "ven") resource change_resource remove_resource;
}

/// Where access tokens are given.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthServer {
    #[serde(rename = "tokenURL")]
    token_url: String,
}

/// Where a client gets its access token.
#[utoipa::path(get, path = "/openadr3/3.1.0/auth/server", tag = "openadr", responses((status = 200, body = AuthServer)))]
pub async fn auth_server(State(app): State<App>, parts: Parts) -> Json<AuthServer> {
    let host = parts.headers.get(header::HOST).and_then(|v| v.to_str().ok()).or_else(|| parts.uri.authority().map(|a| a.as_str()));
    let scheme = if app.config.tls.is_some() || crate::auth::is_https(&app, &parts) { "https" } else { "http" };
    Json(AuthServer { token_url: format!("{scheme}://{}{BASE}/auth/token", host.unwrap_or("localhost")) })
}

/// An error as OAuth writes it (RFC 6749, 5.2).
fn oauth_error(status: StatusCode, error: &str, description: &str) -> Response {
    let no_store = (header::CACHE_CONTROL, "no-store");
    (status, [no_store], Json(json!({ "error": error, "error_description": description }))).into_response()
}

/// What a client sends for an access token, as a form; name and secret may come by HTTP Basic instead.
#[derive(Debug, Default, ToSchema)]
pub struct TokenRequest {
    /// `client_credentials`.
    #[schema(required, example = "client_credentials")]
    grant_type: Option<String>,
    /// Name of a user.
    client_id: Option<String>,
    /// A token of that user.
    client_secret: Option<String>,
}

impl TokenRequest {
    fn read(body: &[u8]) -> Self {
        let mut read = Self::default();
        for (key, value) in form(&String::from_utf8_lossy(body)) {
            match key.as_str() {
                "grant_type" => read.grant_type = Some(value),
                "client_id" => read.client_id = Some(value),
                "client_secret" => read.client_secret = Some(value),
                _ => {}
            }
        }
        read
    }

    /// Name and secret of the client.
    fn credentials(self, headers: &HeaderMap) -> Option<(String, String)> {
        let basic = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
        match basic {
            Some((kind, text)) if kind.eq_ignore_ascii_case("basic") => {
                let plain = String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()?;
                let (id, secret) = plain.split_once(':')?;
                // Both are written as a form writes them (RFC 6749, 2.3.1).
                let decoded = |text: &str| form(text).into_iter().next().map(|(key, _)| key);
                decoded(id).zip(decoded(secret))
            }
            _ => self.client_id.zip(self.client_secret),
        }
    }
}

async fn given(app: App, parts: Parts, body: Bytes) -> Response {
    let request = TokenRequest::read(&body);
    match request.grant_type.as_deref() {
        None => return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", "grant_type is missing; a form is expected"),
        Some("client_credentials") => {}
        Some(_) => return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type is client_credentials here"),
    }
    let wrong = || oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "client_id is a user, client_secret a token of that user");
    let Some((client, secret)) = request.credentials(&parts.headers) else { return wrong() };
    if let Err(wait) = app.auth.grants.take(address(&app, &parts), std::time::Instant::now()) {
        return Problem::too_many(wait.as_secs() + 1).into_response();
    }
    let granted = blocking(move || grant(&app, &client, &secret)).await;
    match granted {
        Ok(Some((token, expires_s))) => {
            let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_s });
            ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
        Ok(None) => wrong(),
        Err(problem) => problem.into_response(),
    }
}

/// Gives an access token for the name and a token of a user (OAuth 2, client credentials).
#[utoipa::path(post, path = "/openadr3/3.1.0/auth/token", tag = "openadr",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Object), (status = 400, body = Object), (status = 401, body = Object), (status = 429, body = Problem)))]
pub async fn token(State(app): State<App>, parts: Parts, body: Bytes) -> Response {
    given(app, parts, body).await
}

/// The same, where clients look that know the host only.
#[utoipa::path(post, path = "/auth/token", tag = "openadr",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Object), (status = 400, body = Object), (status = 401, body = Object), (status = 429, body = Problem)))]
pub async fn token_at_root(State(app): State<App>, parts: Parts, body: Bytes) -> Response {
    given(app, parts, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_basic_credentials_are_read() {
        assert_eq!(form("a=b%20c&d=e+f&g"), [("a".into(), "b c".into()), ("d".into(), "e f".into()), ("g".into(), String::new())]);
        let mut headers = HeaderMap::new();
        let told = |text: &str, headers: &HeaderMap| TokenRequest::read(text.as_bytes()).credentials(headers);
        assert_eq!(told("client_id=a&client_secret=b", &headers), Some(("a".into(), "b".into())));
        headers.insert(header::AUTHORIZATION, header::HeaderValue::from_static("Basic dmVuLTE6Z3RfYWJj"));
        assert_eq!(told("client_id=a&client_secret=b", &headers), Some(("ven-1".into(), "gt_abc".into())));
        assert_eq!(told("client_id=a", &HeaderMap::new()), None);
    }

    #[test]
    fn an_object_of_another_kind_and_a_wrong_type_are_told_with_their_field() {
        let sent = |v: Value| Sent(v.as_object().cloned().unwrap_or_default());
        let field = |v: Value, kind| sent(v).object(kind).unwrap_err().field.unwrap_or_default();
        assert_eq!(field(json!({ "objectType": "EVENT" }), Kind::Program), "objectType");
        assert_eq!(field(json!({ "programName": 1 }), Kind::Program), "programName");
        assert_eq!(field(json!({}), Kind::Program), "programName");
        assert_eq!(field(json!({ "venName": "v", "clientID": 1 }), Kind::Ven), "clientID");
        let (object, of) = sent(json!({ "objectType": "BL_VEN_REQUEST", "venName": "v", "clientID": "c" })).object(Kind::Ven).unwrap();
        assert_eq!((object.kind(), of.as_deref()), (Kind::Ven, Some("c")));
    }
}
