//! Who may do what. A handler names the role it needs as the type of an argument ([`Ven`], [`Viewer`], [`Operator`], [`Engineer`], [`Admin`]) and
//! says the same in its OpenAPI `security`; a test calls every route of the document with less than it says.

use crate::problem::Problem;
use crate::state::App;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use store::server::Entry;
use utoipa::ToSchema;

/// Roles, each including those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A client of OpenADR: sees what is addressed to it, and nothing of the grid.
    Ven,
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
    pub const ALL: [Self; 5] = [Self::Ven, Self::Viewer, Self::Operator, Self::Engineer, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ven => "ven",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user: String,
    pub role: Role,
    /// Network address that the request came from.
    pub address: String,
    /// Hash of the session, when there is one.
    pub(crate) session: Option<String>,
    trail: Option<Arc<Trail>>,
}

impl Caller {
    pub(crate) fn new(user: impl Into<String>, role: Role, address: impl Into<String>) -> Self {
        Self { user: user.into(), role, address: address.into(), session: None, trail: None }
    }

    /// What this caller does stands in a log of its own, with who did it: the audit log need not repeat it.
    pub(crate) fn is_logged_elsewhere(&self) {
        if let Some(trail) = &self.trail {
            trail.is_noted.store(true, Ordering::Relaxed);
        }
    }

    /// Writes into the audit log what this caller did. A change that no handler notes is noted as method and path.
    ///
    /// # Errors
    /// A log that cannot be written: what is not noted must not be said to be done.
    pub async fn note(&self, app: &App, action: &str, subject: &str, detail: Value) -> Result<(), Problem> {
        self.is_logged_elsewhere();
        let entry = Entry {
            author: self.user.clone(),
            address: self.address.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail,
            ..Entry::at(crate::moment::now_ms())
        };
        app.note(entry).await
    }
}

/// What becomes known of a request while it is answered; its log line and the audit log are made from it.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// User, and the role that the route needs.
    caller: OnceLock<(Caller, Role)>,
    is_noted: AtomicBool,
}

impl Trail {
    pub(crate) fn caller(&self) -> Option<&(Caller, Role)> {
        self.caller.get()
    }

    pub(crate) fn is_noted(&self) -> bool {
        self.is_noted.load(Ordering::Relaxed)
    }
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Caller);

        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                require(parts, app, Role::$name).await.map(Self)
            }
        }
    )*};
}

needs!(
    /// A caller that may use the addresses of OpenADR.
    Ven,
    /// A caller that may look.
    Viewer,
    /// A caller that may operate.
    Operator,
    /// A caller that may change models and run studies.
    Engineer,
    /// A caller that may do all.
    Admin
);

/// The caller of a request, who must have at least `role`.
async fn require(parts: &Parts, app: &App, role: Role) -> Result<Caller, Problem> {
    let trail = parts.extensions.get::<Arc<Trail>>();
    let mut caller = crate::auth::caller(parts, app).await?;
    if let Some(trail) = trail {
        let _ = trail.caller.set((caller.clone(), role));
    }
    if caller.role < role {
        return Err(Problem::forbidden("Your role does not allow this")
            .code("SERVER.ACCESS.ROLE")
            .detail(format!(
                "You are logged in as {} with the role {}; this needs the role {}.",
                caller.user,
                caller.role.name(),
                role.name()
            ))
            .hint(format!("Ask an administrator for the role {}, or log in as someone who has it.", role.name())));
    }
    caller.trail = trail.cloned();
    Ok(caller)
}
