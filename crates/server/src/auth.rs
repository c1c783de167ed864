//! From a request to its caller.

use crate::access::{Caller, Role};
use crate::problem::Problem;
use crate::state::App;
use axum::http::StatusCode;
use axum::http::request::Parts;

/// The caller of a request, who must have at least `role`.
///
/// # Errors
/// 401 without a login, 403 with too small a role.
pub async fn caller(_parts: &mut Parts, app: &App, role: Role) -> Result<Caller, Problem> {
    if app.config.no_auth {
        return Ok(Caller { user: "anyone".into(), role: Role::Admin });
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "You are not logged in")
        .hint(format!("Log in as a user with the role {} or more.", role.name())))
}
