//! Logging in and out.

use crate::access::{Caller, Role};
use crate::accounts;
use crate::auth;
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::random;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Instant;
use store::server::{Entry, User};
use store::sha256_hex;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(session)).routes(routes!(login)).routes(routes!(logout)).routes(routes!(first_admin))
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub user: String,
    pub role: Role,
    /// To be sent in the header X-Gridtwin-Csrf with all methods but GET and HEAD; none for a token, which needs none.
    pub csrf: Option<String>,
    /// Everyone is an administrator: the server was started without login.
    pub no_auth: bool,
    pub version: String,
    /// End of the session at the latest, RFC 3339.
    pub expires_utc: Option<String>,
}

fn state_of(app: &App, caller: &Caller, csrf: Option<String>, expires_ms: Option<i64>) -> Session {
    Session {
        user: caller.user.clone(),
        role: caller.role,
        csrf,
        no_auth: app.config.no_auth,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        expires_utc: expires_ms.map(rfc3339),
    }
}

/// Who is logged in, or that nobody is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionNow {
    /// None: nobody is logged in.
    pub user: Option<String>,
    pub role: Option<Role>,
    /// To be sent in the header X-Gridtwin-Csrf with all methods but GET and HEAD; none for a token, which needs none.
    pub csrf: Option<String>,
    /// Everyone is an administrator: the server was started without login.
    pub no_auth: bool,
    pub version: String,
    /// End of the session at the latest, RFC 3339.
    pub expires_utc: Option<String>,
    /// There are no users yet: the link that the server printed when it started makes the first administrator.
    pub is_first_start: bool,
}

/// Who is logged in. For everyone to ask: a browser asks before anybody is.
#[utoipa::path(get, path = "/api/session", tag = "access",
    responses((status = 200, body = SessionNow),
        (status = 401, body = Problem, description = "A token was sent that is not valid")))]
pub async fn session(State(app): State<App>, parts: Parts) -> Result<Json<SessionNow>, Problem> {
    let is_first_start = app.auth.first_key().is_some();
    let caller = match auth::caller(&parts, &app).await {
        Ok(caller) => caller,
        // A browser without a session, or with one that has ended; a program with a wrong token has to learn that it is wrong.
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED.as_u16() && !parts.headers.contains_key(header::AUTHORIZATION) => {
            return Ok(Json(SessionNow {
                user: None,
                role: None,
                csrf: None,
                no_auth: false,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                expires_utc: None,
                is_first_start,
            }));
        }
        Err(problem) => return Err(problem),
    };
    let expires_ms = match caller.session.clone() {
        Some(hash) => {
            let app = app.clone();
            blocking(move || Ok(app.database.session(&hash)?)).await?.map(|s| s.expires_ms)
        }
        None => None,
    };
    let csrf = if app.config.no_auth || caller.session.is_some() { auth::csrf(&parts, &app) } else { None };
    let now = state_of(&app, &caller, csrf, expires_ms);
    Ok(Json(SessionNow {
        user: Some(now.user),
        role: Some(now.role),
        csrf: now.csrf,
        no_auth: now.no_auth,
        version: now.version,
        expires_utc: now.expires_utc,
        is_first_start,
    }))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    #[schema(max_length = 64)]
    pub user: String,
    #[schema(format = Password, max_length = 1024)]
    pub password: String,
}

/// Takes one try of the caller's address.
fn take_try(app: &App, parts: &Parts) -> Result<String, Problem> {
    let address = auth::address(app, parts);
    app.auth.logins.take(address, Instant::now()).map_err(|wait| {
        app.metrics.login("limited");
        Problem::too_many(wait.as_secs().max(1))
    })?;
    Ok(address.to_string())
}

fn without_login(app: &App) -> Result<(), Problem> {
    if app.config.no_auth {
        return Err(Problem::conflict("This server was started without login").hint("Everyone who reaches it is an administrator already."));
    }
    Ok(())
}

/// Begins a session; its cookie comes with the answer.
#[utoipa::path(post, path = "/api/login", tag = "access", request_body = Login,
    responses((status = 200, body = Session), (status = 401, body = Problem, description = "Wrong name or password"),
        (status = 409, body = Problem, description = "The server runs without login"),
        (status = 429, body = Problem, description = "Too many attempts")))]
pub async fn login(State(app): State<App>, parts: Parts, Json(login): Json<Login>) -> Result<(HeaderMap, Json<Session>), Problem> {
    without_login(&app)?;
    let address = take_try(&app, &parts)?;
    let is_https = auth::is_https(&app, &parts);
    let shared = app.clone();
    let made = app.auth.hashing(move || try_login(&shared, &login, &address)).await?;
    Ok(answer(&app, made, is_https))
}

/// What a successful login made.
struct Made {
    caller: Caller,
    secret: String,
    expires_ms: i64,
}

fn answer(app: &App, made: Made, is_https: bool) -> (HeaderMap, Json<Session>) {
    let age_s = app.config.session_max.as_secs();
    let secure = if is_https { "; Secure" } else { "" };
    let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}", auth::COOKIE, made.secret);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.insert(header::SET_COOKIE, value);
    }
    let csrf = auth::csrf_of(&made.secret);
    (headers, Json(state_of(app, &made.caller, Some(csrf), Some(made.expires_ms))))
}

/// Unknown names take the same way as known ones: they are counted, locked and answered alike.
fn try_login(app: &App, login: &Login, address: &str) -> Result<Made, Problem> {
    let name = accounts::user_name(&login.user).unwrap_or_else(|_| "?".to_owned());
    let now = now_ms();
    let note = |action: &str, detail: serde_json::Value| -> Result<(), Problem> {
        let entry = Entry { address: address.to_owned(), action: action.to_owned(), subject: name.clone(), detail, ..Entry::at(now) };
        Ok(app.database.note(&entry)?)
    };
    let locked_ms = app.database.failures(&name)?.locked_ms;
    if locked_ms > now {
        app.metrics.login("locked");
        note("login.locked", json!({ "until": rfc3339(locked_ms) }))?;
        return Err(Problem::too_many(u64::try_from((locked_ms - now) / 1000 + 1).unwrap_or(1)));
    }
    let user = app.database.user(&name)?;
    let is_right = accounts::verify_password(user.as_ref().map(|u| u.password_hash.as_str()), &login.password);
    let Some((user, role)) = user.filter(|_| is_right).and_then(|u| Role::of_name(&u.role).map(|r| (u, r))) else {
        app.metrics.login("failed");
        let failures = app.database.note_failure(&name, now, accounts::lock_ms)?;
        note("login.failed", json!({ "failures": failures.failures }))?;
        return Err(Problem::unauthorized("The name or the password is wrong")
            .code("SERVER.ACCESS.PASSWORD")
            .hint("Mind capitals in the password. After several failures a name is locked for a while."));
    };
    app.metrics.login("ok");
    app.database.note_login(&user, now)?;
    begin(app, &user, role, address)
}

fn begin(app: &App, user: &User, role: Role, address: &str) -> Result<Made, Problem> {
    let (secret, now) = (random::hex(32), now_ms());
    let expires_ms = now.saturating_add(app.config.session_max_ms());
    let hash = sha256_hex(secret.as_bytes());
    app.database.end_old_sessions(now, now.saturating_sub(app.config.session_idle_ms()))?;
    app.database.add_session(&hash, user.id, address, now, expires_ms)?;
    let entry = Entry {
        author: user.name.clone(),
        address: address.to_owned(),
        action: "login.ok".into(),
        subject: user.name.clone(),
        ..Entry::at(now)
    };
    app.database.note(&entry)?;
    Ok(Made { caller: Caller::new(user.name.clone(), role, address), secret, expires_ms })
}

/// Ends the session.
#[utoipa::path(post, path = "/api/logout", tag = "access", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 204, description = "Ended"), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn logout(
    State(app): State<App>,
    crate::access::Viewer(caller): crate::access::Viewer,
) -> Result<(StatusCode, HeaderMap), Problem> {
    if let Some(hash) = caller.session.clone() {
        let shared = app.clone();
        blocking(move || Ok(shared.database.end_session(&hash)?)).await?;
        app.auth.forget();
        caller.note(&app, "logout", &caller.user, serde_json::Value::Null).await?;
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", auth::COOKIE)) {
        headers.insert(header::SET_COOKIE, value);
    }
    Ok((StatusCode::NO_CONTENT, headers))
}

/// The first administrator, with the key that the server printed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdmin {
    pub key: String,
    #[schema(min_length = 1, max_length = 64)]
    pub user: String,
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    pub password: String,
}

/// Makes the first administrator and logs them in.
#[utoipa::path(post, path = "/api/first-admin", tag = "access", request_body = FirstAdmin,
    responses((status = 200, body = Session), (status = 403, body = Problem, description = "A wrong key, or a request of another site"),
        (status = 409, body = Problem, description = "There are users already"),
        (status = 429, body = Problem, description = "Too many attempts")))]
pub async fn first_admin(
    State(app): State<App>,
    parts: Parts,
    Json(first): Json<FirstAdmin>,
) -> Result<(HeaderMap, Json<Session>), Problem> {
    without_login(&app)?;
    let address = take_try(&app, &parts)?;
    let Some(key) = app.auth.first_key() else { return Err(store::server::ServerError::NotFirst.into()) };
    if !auth::is_same(&key, &first.key) {
        return Err(Problem::forbidden("The key is wrong")
            .code("SERVER.ACCESS.FIRST_KEY")
            .hint("The server prints the key when it starts and has no users. Take the whole link from there.")
            .field("key"));
    }
    let is_https = auth::is_https(&app, &parts);
    let shared = app.clone();
    let made = app
        .auth
        .hashing(move || {
            let name = accounts::add_first_admin(&shared.database, &address, &first.user, &first.password)?;
            let user = shared.database.user(&name)?.ok_or_else(|| Problem::internal("the first administrator is gone"))?;
            begin(&shared, &user, Role::Admin, &address)
        })
        .await?;
    app.auth.first_key_is_used();
    app.auth.forget();
    Ok(answer(&app, made, is_https))
}
