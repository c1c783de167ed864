//! What happens around every request: a number, a log line, a count, a note in the audit log, headers, and one form of errors.

use crate::access::{Role, Trail};
use crate::moment::now_ms;
use crate::problem::Problem;
use crate::random;
use crate::routes::flexibility::AT_ROOT;
use crate::state::App;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::server::Entry;

/// How long an answer may take to begin. Uploads take as long as the line needs.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of an error's text that are read.
const TEXT_MAX: usize = 16 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs one request.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let in_flight = app.metrics.begin();
    let id = random::hex(8);
    let trail = Arc::new(Trail::default());
    request.extensions_mut().insert(trail.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_api = ["/api/", "/grid/", "/openadr3/"].iter().any(|p| path.starts_with(p))
        || ["/api", "/auth/token"].contains(&path.as_str())
        || AT_ROOT.contains(&path.as_str());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();

    let response = match refusal(&app, &request) {
        Some(problem) => problem.into_response(),
        // A connection that turns into a WebSocket answers at once, and an upload is bounded by its size.
        None if path.starts_with("/api/uploads") => next.run(request).await,
        None => match tokio::time::timeout(TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The answer took too long")
                .detail(format!("It was not ready after {} seconds.", TIMEOUT.as_secs()))
                .hint("Ask for less at once, or start a job.")
                .into_response(),
        },
    };
    let mut response = if is_api { as_problem(response, &method, &path).await } else { response };
    if let Some(problem) = audit(&app, &trail, &method, &path, response.status()).await {
        response = problem.into_response();
    }
    let headers = response.headers_mut();
    secure(&app, headers, is_api);
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }

    let (status, took) = (response.status().as_u16(), began.elapsed());
    drop(in_flight);
    // Addresses that nobody declared count as one, or anyone could fill the memory with them.
    app.metrics.answered(method_name(&method), if route.is_empty() { "other" } else { &route }, status, took);
    let user = trail.caller().map_or("", |(caller, _)| caller.user.as_str());
    let took_ms = took.as_micros() as f64 / 1000.0;
    // Without the query, which may hold what people look for.
    if status >= 500 {
        tracing::error!(%id, %method, %path, status, took_ms, user, "request");
    } else if is_api {
        tracing::info!(%id, %method, %path, status, took_ms, user, "request");
    } else {
        tracing::debug!(%id, %method, %path, status, took_ms, user, "request");
    }
    response
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Without a login, whatever reaches the port is served. So that pages of other sites, which a browser lets reach the port too, are not,
/// the name that was called must be this machine's, and changes must not come from elsewhere.
fn refusal(app: &App, request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).or_else(|| request.uri().authority().map(|a| a.as_str()));
    if app.config.no_auth && !host.is_some_and(is_loopback) {
        return Some(
            Problem::forbidden("This server is for its own machine only")
                .code("SERVER.ACCESS.HOST")
                .hint("Open it as http://localhost, or start it with a login."),
        );
    }
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let origin = headers.get(header::ORIGIN).map(|v| v.to_str().unwrap_or("null"));
    let is_elsewhere = origin.is_some_and(|origin| {
        let is_ours = origin.parse::<Uri>().ok().and_then(|o| o.authority().map(|a| Some(a.as_str()) == host)).unwrap_or(false);
        !is_ours && !app.config.cors.iter().any(|allowed| allowed == origin)
    });
    let is_upgrade = headers.contains_key(header::UPGRADE);
    (is_elsewhere && (!is_safe || is_upgrade)).then(|| {
        Problem::forbidden("A page of another site made this request")
            .code("SERVER.ACCESS.ORIGIN")
            .hint("Use GridTwin's own pages, or name the other site with --cors.")
    })
}

/// Whether a Host header names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|a| a.is_loopback())
}

/// Errors that come from below the handlers, as unreadable JSON or an unknown route, become problems too.
async fn as_problem(response: Response, method: &Method, path: &str) -> Response {
    let status = response.status();
    // What a handler answers in a form of its own stays.
    let has_form = response.headers().get(header::CONTENT_TYPE).is_some_and(|v| !v.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || has_form {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, TEXT_MAX).await.map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let allowed = parts.headers.get(header::ALLOW).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let problem = match status {
        StatusCode::NOT_FOUND => {
            Problem::not_found("There is no such address").detail(path).hint("GET /api/openapi.json lists all of them.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "This address does not know the method").detail(format!("{method} was sent; it knows {allowed}."))
        }
        StatusCode::BAD_REQUEST => Problem::bad_request("The request cannot be read").detail(text),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "The request is too large").detail(text).hint("Send less at once; files go to /api/uploads.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(status, "The request has another content type").detail(text),
        StatusCode::UNPROCESSABLE_ENTITY => Problem::new(status, "The request does not say what is needed").detail(text),
        _ if status.is_server_error() => Problem { status: status.as_u16(), ..Problem::internal(text) },
        _ => Problem::new(status, status.canonical_reason().unwrap_or("The request was refused")).detail(text),
    };
    let mut answer = problem.into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Notes what a caller changed, or was not allowed to, unless the handler has noted it in its own words. What viewers may send changes
/// nothing. Returns a problem when the log cannot be written.
async fn audit(app: &App, trail: &Trail, method: &Method, path: &str, status: StatusCode) -> Option<Problem> {
    let (caller, needed) = trail.caller()?;
    let is_change =
        !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && *needed > Role::Viewer && !path.ends_with("/estimate");
    let is_refusal = status == StatusCode::FORBIDDEN;
    if !is_change || trail.is_noted() || !(status.is_success() || is_refusal) {
        return None;
    }
    let entry = Entry {
        author: caller.user.clone(),
        address: caller.address.clone(),
        action: if is_refusal { "access.refused".to_owned() } else { format!("http.{}", method.as_str().to_lowercase()) },
        subject: path.to_owned(),
        detail: json!({ "status": status.as_u16(), "role": caller.role }),
        ..Entry::at(now_ms())
    };
    app.note(entry).await.err()
}

fn secure(app: &App, headers: &mut HeaderMap, is_api: bool) {
    let mut set = |name: HeaderName, value: &'static str| drop(headers.insert(name, HeaderValue::from_static(value)));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(self)");
    if app.config.tls.is_some() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if app.config.cors.is_empty() {
        set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    }
    let policy = app.policy.read().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Ok(value) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, value);
    }
    // Answers are for who asked, and only now, unless they say otherwise.
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// A panic in a handler: an incident for the log, a problem for the caller.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(format!("panic: {}", words.unwrap_or("without words"))).into_response()
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn hosts_of_this_machine() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.3.2.1", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]:80"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
