//! Who may do what. A handler names the role it needs as the type of an argument ([`Viewer`], [`Operator`], [`Engineer`], [`Admin`]) and
//! says the same in its OpenAPI `security`; a test calls every route of the document with less than it says.

use crate::problem::Problem;
use crate::state::App;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Roles, each including those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything but users and the audit log.
    Viewer,
    /// Acknowledges alarms and operates equipment.
    Operator,
    /// Changes models, runs studies.
    Engineer,
    /// Users, settings, audit log.
    Admin,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user: String,
    pub role: Role,
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Caller);

        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                crate::auth::caller(parts, app, Role::$name).await.map(Self)
            }
        }
    )*};
}

needs!(
    /// A caller that may look.
    Viewer,
    /// A caller that may operate.
    Operator,
    /// A caller that may change models and run studies.
    Engineer,
    /// A caller that may do all.
    Admin
);
