//! Tokens of programs.

use super::users::actor;
use crate::access::{Role, Viewer};
use crate::accounts;
use crate::moment::rfc3339;
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::server::TokenInfo;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(remove))
}

/// A token in a list; its secret is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenRow {
    pub id: i64,
    pub user: String,
    pub name: String,
    /// What it may do at most; never more than its user may.
    pub role: String,
    pub created_utc: String,
    pub expires_utc: Option<String>,
    /// Last use, to the minute.
    pub used_utc: Option<String>,
}

fn row(token: TokenInfo) -> TokenRow {
    TokenRow {
        id: token.id,
        user: token.user,
        name: token.name,
        role: token.role,
        created_utc: rfc3339(token.created_ms),
        expires_utc: token.expires_ms.map(rfc3339),
        used_utc: token.used_ms.map(rfc3339),
    }
}

/// One's own tokens; all of them for administrators.
#[utoipa::path(get, path = "/api/tokens", tag = "access", security(("session" = ["viewer"]), ("token" = ["viewer"])), params(Paging),
    responses((status = 200, body = Page<TokenRow>)))]
pub async fn list(State(app): State<App>, Viewer(caller): Viewer, Query(paging): Query<Paging>) -> Result<Json<Page<TokenRow>>, Problem> {
    blocking(move || {
        let user = (caller.role < Role::Admin).then_some(caller.user.as_str());
        Ok(Json(paging.of(app.database.tokens(user)?.into_iter().map(row))?))
    })
    .await
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do at most; one's own role unless told.
    pub role: Option<Role>,
    /// Days until it expires; it does not unless told.
    #[schema(minimum = 1, maximum = 3660)]
    pub days: Option<u32>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    pub id: i64,
    /// To be sent as `Authorization: Bearer gt_…`. It is shown this once.
    pub token: String,
}

/// Makes a token for oneself.
#[utoipa::path(post, path = "/api/tokens", tag = "access", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = NewToken, responses((status = 201, body = MadeToken)))]
pub async fn add(
    State(app): State<App>,
    Viewer(caller): Viewer,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    // Else who has got hold of a token could keep access after it was revoked.
    if caller.session.is_none() {
        return Err(Problem::forbidden("Tokens are made by people")
            .code("SERVER.ACCESS.SESSION")
            .hint("Log in with name and password, or use `gridtwin token add` on the machine of the server."));
    }
    let role = new.role.unwrap_or(caller.role);
    if role > caller.role {
        return Err(Problem::forbidden("A token cannot do more than its user")
            .code("SERVER.ACCESS.ROLE")
            .detail(format!("It was asked for with the role {}; yours is {}.", role.name(), caller.role.name()))
            .hint("Ask for a smaller role.")
            .field("role"));
    }
    blocking(move || {
        let (id, token) = accounts::add_token(&app.database, &actor(&caller), &caller.user, &new.name, role, new.days)?;
        Ok((StatusCode::CREATED, Json(MadeToken { id, token })))
    })
    .await
}

/// Revokes a token: one's own, or anyone's for administrators.
#[utoipa::path(delete, path = "/api/tokens/{id}", tag = "access", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = i64, Path)), responses((status = 204, description = "Revoked")))]
pub async fn remove(State(app): State<App>, Viewer(caller): Viewer, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    let shared = app.clone();
    let removed = blocking(move || {
        let user = (caller.role < Role::Admin).then_some(caller.user.as_str());
        Ok(accounts::remove_token(&shared.database, &actor(&caller), id, user)?)
    })
    .await;
    app.auth.forget();
    removed.map(|_| StatusCode::NO_CONTENT)
}
