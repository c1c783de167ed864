//! The web app, which is inside the program.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `make web` builds. Without it the program says how to.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";

const MISSING: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>GridTwin</title>\
    <body style=\"font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\"><h1>GridTwin</h1>\
    <p>The server runs, but this program was built without the web app. Build it with <code>make web</code>, \
    then build the program again.</p>\
    <p>Programs can use it as it is: <a href=\"/api/docs/\">the API</a>.</p></html>";

/// A file of the app; the app itself for every address that is one of its pages.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Files::get(path) {
        Some(file) if !path.is_empty() => answer(path, &file, &headers),
        // A missing picture is missing; a page has no dot in its last part.
        _ if path.rsplit('/').next().is_some_and(|last| last.contains('.')) => StatusCode::NOT_FOUND.into_response(),
        _ => match Files::get(INDEX) {
            Some(index) => answer(INDEX, &index, &headers),
            None => (StatusCode::OK, [(header::CACHE_CONTROL, "no-cache")], Html(MISSING)).into_response(),
        },
    }
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response<Body> {
    let etag = format!("\"{}\"", file.metadata.sha256_hash()[..12].iter().map(|b| format!("{b:02x}")).collect::<String>());
    // The build puts the hash of a file into the names below assets/, so these never change.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.trim_start_matches("W/") == etag
    });
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = match path.rsplit('.').next() {
            // Registries of types do not agree about these.
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("wasm") => "application/wasm",
            _ => file.metadata.mimetype(),
        };
        ([(header::CONTENT_TYPE, kind.to_owned())], file.data.clone()).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    response
}
