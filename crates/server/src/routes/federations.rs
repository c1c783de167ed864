//! Federated training that this server is told of (`serve --federated`): the page that a coordinator or a participant writes, as it stands.
//! Both are processes of their own; the server only reads what they write, and holds no key of theirs.

use crate::access::Viewer;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use learning::federated::node::Page;
use serde::Serialize;
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Largest page that is read, bytes: thousands of versions and of sites.
const PAGE_MAX: u64 = 32 * 1024 * 1024;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which of the two a page is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Coordinator,
    Participant,
}

/// A coordinator or a participant.
#[derive(Debug, Serialize, ToSchema)]
pub struct FederationRow {
    /// Its place among those that the server is told of, from 0.
    pub index: usize,
    /// What it is; null before its first page is there.
    pub kind: Option<Kind>,
    /// When the page was written, RFC 3339.
    pub written_utc: Option<String>,
    /// A coordinator's: state, rounds, sites with their accuracy, versions, epsilon, bytes, notices. A participant's: its line, the last round, its version, epsilon, bytes, notices.
    #[schema(value_type = Option<Object>)]
    pub page: Option<Value>,
    /// What happened last there, oldest first, a sentence each.
    pub notices: Vec<String>,
    /// Why there is no page.
    pub reason: Option<String>,
}

fn row(index: usize, path: &Path) -> FederationRow {
    let none = |reason: &str| FederationRow {
        index,
        kind: None,
        written_utc: None,
        page: None,
        notices: Vec::new(),
        reason: Some(reason.to_owned()),
    };
    // Folders of the server stay out of answers.
    let read = || -> std::io::Result<(Vec<u8>, Option<i64>)> {
        let file = std::fs::File::open(path)?;
        let at = file.metadata()?.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map(|d| d.as_millis() as i64);
        let mut bytes = Vec::new();
        file.take(PAGE_MAX + 1).read_to_end(&mut bytes)?;
        Ok((bytes, at))
    };
    let (bytes, at) = match read() {
        Ok(read) => read,
        Err(e) if e.kind() == ErrorKind::NotFound => return none("it has not been started yet: there is no page of it"),
        Err(e) => return none(&format!("its page cannot be read ({})", e.kind())),
    };
    if bytes.len() as u64 > PAGE_MAX {
        return none("its page is larger than 32 MB");
    }
    let (kind, page, notices) = match serde_json::from_slice(&bytes) {
        Ok(Page::Federation(page)) => {
            let notices = page.notices.iter().map(ToString::to_string).collect();
            (Kind::Coordinator, serde_json::to_value(page), notices)
        }
        Ok(Page::Site(page)) => {
            let notices = page.notices.iter().map(ToString::to_string).collect();
            (Kind::Participant, serde_json::to_value(page), notices)
        }
        Err(_) => return none("its page is of another version of the program; start that place again, and it is written anew"),
    };
    FederationRow { index, kind: Some(kind), written_utc: at.map(rfc3339_ms), page: page.ok(), notices, reason: None }
}

/// Coordinators and participants of federated training, as they stand. Empty where the server is told of none.
#[utoipa::path(get, path = "/api/federations", tag = "learning", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Vec<FederationRow>)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Vec<FederationRow>>, Problem> {
    blocking(move || Ok(Json(app.config.federations.iter().enumerate().map(|(i, path)| row(i, path)).collect()))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_page_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page.json");
        let reason = |path: &Path| row(0, path).reason.unwrap();
        assert!(reason(&path).contains("not been started"));
        std::fs::write(&path, "{\"name\": 1}").unwrap();
        assert!(reason(&path).contains("another version"));
        assert!(reason(dir.path()).contains("cannot be read"));
        // Folders of the server are not told.
        assert!(!reason(dir.path()).contains(&dir.path().display().to_string()));
    }
}
