//! Settings that administrators decide for all.

use crate::access::{Admin, Viewer};
use crate::moment::now_ms;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::server::{ServerDatabase, ServerError};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// Units in which lengths are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    #[default]
    Metric,
    Imperial,
}

/// Where the map's background comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basemap {
    /// Tiles, as `https://tiles.example.org/{z}/{x}/{y}.png`.
    #[schema(max_length = 500)]
    pub url: String,
    /// Whose map it is; shown on it.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub attribution: String,
}

/// What administrators decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Zone of times in the web app, as `Europe/Zurich`.
    #[schema(max_length = 100)]
    pub time_zone: String,
    pub units: Units,
    /// None: the map has a plain background, or the file `basemap.pmtiles` of the data folder.
    pub basemap: Option<Basemap>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: "UTC".into(), units: Units::Metric, basemap: None }
    }
}

/// Settings, and what follows from the data folder.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsAnswer {
    /// Zone of times in the web app, as `Europe/Zurich`.
    pub time_zone: String,
    pub units: Units,
    /// None: the map has a plain background, or the file `basemap.pmtiles` of the data folder.
    pub basemap: Option<Basemap>,
    /// There is a file `basemap.pmtiles`.
    pub basemap_file: bool,
}

const KEY: &str = "web";

fn stored(database: &ServerDatabase) -> Result<Settings, ServerError> {
    Ok(database.settings()?.remove(KEY).and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default())
}

/// The Content-Security-Policy: only what is ours, and the base map.
pub(crate) fn policy(database: &ServerDatabase) -> Result<String, ServerError> {
    let map = stored(database)?.basemap.and_then(|b| origin(&b.url)).map_or_else(String::new, |o| format!(" {o}"));
    Ok(format!(
        "default-src 'self'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:{map}; \
         font-src 'self' data:; connect-src 'self' data: blob:{map}; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    ))
}

/// Scheme and host of an address of tiles; none when it cannot be one.
fn origin(url: &str) -> Option<String> {
    let plain: String = ["{z}", "{x}", "{y}", "{s}", "{r}", "{ratio}", "{quadkey}"].iter().fold(url.to_owned(), |u, w| u.replace(w, "0"));
    let uri: Uri = plain.parse().ok()?;
    let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s))?;
    let authority = uri.authority().filter(|a| !a.as_str().contains('@') && !a.host().is_empty())?;
    // What stands in a policy must not end it.
    let is_plain = authority.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    is_plain.then(|| format!("{scheme}://{authority}"))
}

fn check(settings: &Settings) -> Result<(), Problem> {
    let refused = |field: &str, title: &str, hint: &str| {
        Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, title).hint(hint).field(field))
    };
    if jiff::tz::TimeZone::get(&settings.time_zone).is_err() {
        return refused("time_zone", "There is no such time zone", "Write an IANA name, as Europe/Zurich or UTC.");
    }
    match &settings.basemap {
        Some(b) if b.url.len() > 500 || origin(&b.url).is_none() => {
            refused("basemap.url", "The base map has no usable address", "Write https://host/path/{z}/{x}/{y}.png, without a password.")
        }
        Some(b) if b.attribution.chars().count() > 500 => {
            refused("basemap.attribution", "The attribution is too long", "Use 500 characters.")
        }
        _ => Ok(()),
    }
}

fn answer(app: &App, settings: Settings) -> Json<SettingsAnswer> {
    let Settings { time_zone, units, basemap } = settings;
    Json(SettingsAnswer { time_zone, units, basemap, basemap_file: app.config.data.join(super::basemap::FILE).is_file() })
}

/// The settings.
#[utoipa::path(get, path = "/api/settings", tag = "system", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = SettingsAnswer)))]
pub async fn get(State(app): State<App>, _: Viewer) -> Result<Json<SettingsAnswer>, Problem> {
    blocking(move || Ok(answer(&app, stored(&app.database)?))).await
}

/// Decides all settings; what is left out takes its usual value.
#[utoipa::path(put, path = "/api/settings", tag = "system", security(("session" = ["admin"]), ("token" = ["admin"])),
    request_body = Settings, responses((status = 200, body = SettingsAnswer)))]
pub async fn put(State(app): State<App>, Admin(caller): Admin, Json(settings): Json<Settings>) -> Result<Json<SettingsAnswer>, Problem> {
    check(&settings)?;
    let (shared, author, new) = (app.clone(), caller.user.clone(), settings.clone());
    let before = blocking(move || {
        let before = stored(&shared.database)?;
        let value = serde_json::to_value(&new).map_err(Problem::internal)?;
        shared.database.put_settings(&BTreeMap::<String, Value>::from([(KEY.to_owned(), value)]), &author, now_ms())?;
        let policy = policy(&shared.database)?;
        *shared.policy.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = policy;
        Ok(before)
    })
    .await?;
    caller.note(&app, "settings", "web", json!({ "before": before, "after": settings })).await?;
    Ok(answer(&app, settings))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn origins_of_tiles() {
        assert_eq!(origin("https://t.example.org/{z}/{x}/{y}.png?k=1").as_deref(), Some("https://t.example.org"));
        assert_eq!(origin("http://localhost:8081/a/{z}/{x}/{y}{r}.png").as_deref(), Some("http://localhost:8081"));
        for bad in ["", "tiles/{z}", "javascript:alert(1)", "https://u:p@host/{z}", "ftp://host/", "https://a;script-src *"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
