//! Users and their passwords.

use crate::access::{Admin, Caller, Role, Viewer};
use crate::accounts::{self, Actor};
use crate::moment::{now_ms, rfc3339};
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::server::User;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(change, remove)).routes(routes!(password))
}

pub(super) fn actor(caller: &Caller) -> Actor {
    Actor { user: caller.user.clone(), address: caller.address.clone() }
}

/// A user in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserRow {
    pub user: String,
    pub role: String,
    pub created_utc: String,
    /// When the password was set.
    pub password_utc: String,
    pub login_utc: Option<String>,
    /// Logins that failed since the last one.
    pub failures: u64,
    /// Until when no login is tried, after too many failures.
    pub locked_until_utc: Option<String>,
}

fn row(app: &App, user: &User) -> Result<UserRow, Problem> {
    let failures = app.database.failures(&user.name)?;
    Ok(UserRow {
        user: user.name.clone(),
        role: user.role.clone(),
        created_utc: rfc3339(user.created_ms),
        password_utc: rfc3339(user.password_ms),
        login_utc: user.login_ms.map(rfc3339),
        failures: failures.failures,
        locked_until_utc: (failures.locked_ms > now_ms()).then(|| rfc3339(failures.locked_ms)),
    })
}

/// All users.
#[utoipa::path(get, path = "/api/users", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])), params(Paging),
    responses((status = 200, body = Page<UserRow>)))]
pub async fn list(State(app): State<App>, _: Admin, Query(paging): Query<Paging>) -> Result<Json<Page<UserRow>>, Problem> {
    let shared = app.clone();
    blocking(move || {
        let page = paging.of(shared.database.users()?)?;
        let items = page.items.iter().map(|u| row(&shared, u)).collect::<Result<_, _>>()?;
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// A user to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    #[schema(min_length = 1, max_length = 64)]
    pub user: String,
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    pub password: String,
    pub role: Role,
}

/// Adds a user.
#[utoipa::path(post, path = "/api/users", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])), request_body = NewUser,
    responses((status = 201, body = UserRow), (status = 409, body = Problem, description = "There is a user of this name"),
        (status = 429, body = Problem)))]
pub async fn add(State(app): State<App>, Admin(caller): Admin, Json(new): Json<NewUser>) -> Result<(StatusCode, Json<UserRow>), Problem> {
    let shared = app.clone();
    let made = app.auth.hashing(move || {
        let name = accounts::add_user(&shared.database, &actor(&caller), &new.user, new.role, &new.password)?;
        found(&shared, &name)
    });
    let made = made.await?;
    app.auth.forget();
    Ok((StatusCode::CREATED, Json(made)))
}

fn found(app: &App, name: &str) -> Result<UserRow, Problem> {
    let user = app.database.user(name)?.ok_or_else(|| store::server::ServerError::UserUnknown { name: name.to_owned() })?;
    row(app, &user)
}

/// What changes of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    pub role: Option<Role>,
    /// `true` forgets failed logins, so that the user may try again at once.
    pub unlock: Option<bool>,
}

/// Gives a user another role, or lets one who failed too often log in again. A new role counts at once.
#[utoipa::path(patch, path = "/api/users/{user}", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])),
    params(("user" = String, Path)), request_body = UserChange,
    responses((status = 200, body = UserRow), (status = 409, body = Problem, description = "The last administrator")))]
pub async fn change(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(user): Path<String>,
    Json(change): Json<UserChange>,
) -> Result<Json<UserRow>, Problem> {
    let shared = app.clone();
    let changed = blocking(move || {
        let name = known_name(&user)?;
        if let Some(role) = change.role {
            accounts::set_role(&shared.database, &actor(&caller), &name, role)?;
        }
        if change.unlock == Some(true) {
            accounts::unlock(&shared.database, &actor(&caller), &name)?;
        }
        found(&shared, &name)
    })
    .await;
    app.auth.forget();
    changed.map(Json)
}

/// A name in an address; one that nobody can have is nobody's.
fn known_name(name: &str) -> Result<String, Problem> {
    let unknown = |_| store::server::ServerError::UserUnknown { name: name.chars().take(40).collect() };
    Ok(accounts::user_name(name).map_err(unknown)?)
}

/// Removes a user with sessions and tokens.
#[utoipa::path(delete, path = "/api/users/{user}", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])),
    params(("user" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 409, body = Problem, description = "The last administrator")))]
pub async fn remove(State(app): State<App>, Admin(caller): Admin, Path(user): Path<String>) -> Result<StatusCode, Problem> {
    let shared = app.clone();
    let removed = blocking(move || Ok(accounts::remove_user(&shared.database, &actor(&caller), &known_name(&user)?)?)).await;
    app.auth.forget();
    removed.map(|()| StatusCode::NO_CONTENT)
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    pub password: String,
    /// The password until now: needed for one's own.
    #[schema(format = Password, max_length = 1024)]
    pub current: Option<String>,
}

/// Sets a password: anyone their own, administrators everyone's. Other sessions of the user end.
#[utoipa::path(post, path = "/api/users/{user}/password", tag = "access", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("user" = String, Path)), request_body = NewPassword,
    responses((status = 204, description = "Set"), (status = 429, body = Problem, description = "Too many attempts")))]
pub async fn password(
    State(app): State<App>,
    Viewer(caller): Viewer,
    Path(user): Path<String>,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let own = accounts::user_name(&user).is_ok_and(|name| name == caller.user);
    if !own && caller.role < Role::Admin {
        return Err(Problem::forbidden("Your role does not allow this")
            .code("SERVER.ACCESS.ROLE")
            .hint("Only administrators set the passwords of others."));
    }
    if own && caller.session.is_none() {
        return Err(Problem::forbidden("A token cannot set the password of its user")
            .code("SERVER.ACCESS.SESSION")
            .hint("Log in with name and password, or have an administrator do it."));
    }
    let shared = app.clone();
    let set = app.auth.hashing(move || {
        let name = known_name(&user)?;
        if own {
            check_current(&shared, &name, new.current.as_deref())?;
        }
        Ok(accounts::set_password(&shared.database, &actor(&caller), &name, &new.password, caller.session.as_deref())?)
    });
    let set = set.await;
    app.auth.forget();
    set.map(|()| StatusCode::NO_CONTENT)
}

/// Who has found an open session does not have the password: guesses count as failed logins do.
fn check_current(app: &App, name: &str, current: Option<&str>) -> Result<(), Problem> {
    let now = now_ms();
    let locked_ms = app.database.failures(name)?.locked_ms;
    if locked_ms > now {
        return Err(Problem::too_many(u64::try_from((locked_ms - now) / 1000 + 1).unwrap_or(1)));
    }
    let user = app.database.user(name)?;
    if accounts::verify_password(user.as_ref().map(|u| u.password_hash.as_str()), current.unwrap_or_default()) {
        return Ok(());
    }
    app.database.note_failure(name, now, accounts::lock_ms)?;
    Err(Problem::forbidden("The current password is wrong")
        .code("SERVER.ACCESS.PASSWORD")
        .hint("Give the password that you log in with as `current`.")
        .field("current"))
}
