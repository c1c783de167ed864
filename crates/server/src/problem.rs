//! Errors as the wire carries them: `application/problem+json` (RFC 9457) with what, where, and how to mend it.

use crate::accounts::AccountError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use network::Diagnostic;
use serde::Serialize;
use store::project::ProjectError;
use store::server::ServerError;
use utoipa::ToSchema;

/// Content type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What every failed request answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Page of the code in the documents, or `about:blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, short.
    pub title: String,
    pub status: u16,
    /// What was found and expected.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Stable code, as `STAGE.SUBJECT.FAULT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// Field of the request at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Incident, to be found in the log; only for faults of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Seconds after which a repetition makes sense; also in the header Retry-After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_s: Option<u64>,
    /// Findings of a model or file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
}

impl Problem {
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".into(),
            title: title.into(),
            status: status.as_u16(),
            detail: String::new(),
            code: None,
            hint: String::new(),
            field: None,
            instance: None,
            retry_s: None,
            findings: Vec::new(),
        }
    }

    pub fn unauthorized(title: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, title)
    }

    pub fn forbidden(title: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, title)
    }

    /// Too much at once; better after so many seconds.
    pub fn too_many(wait_s: u64) -> Self {
        Self {
            retry_s: Some(wait_s),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts")
                .code("SERVER.ACCESS.TOO_MANY")
                .detail(format!("The next one is taken in {wait_s} seconds."))
                .hint("Wait, then try again.")
        }
    }

    pub fn bad_request(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title)
    }

    pub fn not_found(title: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, title)
    }

    pub fn conflict(title: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, title)
    }

    /// A fault of the server: the reason goes to the log under an incident, the answer names the incident.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        let incident = crate::random::hex(8);
        tracing::error!(%incident, %reason, "a request failed");
        Self {
            hint: "Try again; if it stays, give the incident to the administrator, who finds it in the log.".into(),
            instance: Some(incident.clone()),
            detail: format!("The server could not finish the request. Incident {incident}."),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed")
        }
    }

    /// What a finding says, as an answer.
    pub fn of_finding(status: StatusCode, finding: Diagnostic) -> Self {
        Self {
            detail: finding.detail.clone().unwrap_or_default(),
            code: Some(finding.code.to_string()),
            hint: finding.hint.clone().unwrap_or_default(),
            ..Self::new(status, finding.message)
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait_s) = self.retry_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"GridTwin\""));
        }
        response
    }
}

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Self {
        let finding = error.diagnostic();
        let status = match &error {
            ProjectError::NotAProject { .. } | ProjectError::UnknownNetwork { .. } | ProjectError::UnknownVersion { .. } => {
                StatusCode::NOT_FOUND
            }
            ProjectError::Exists { .. } | ProjectError::NameTaken { .. } | ProjectError::NotDecided { .. } => StatusCode::CONFLICT,
            ProjectError::Name { .. } | ProjectError::NetworkNotNamed { .. } => StatusCode::BAD_REQUEST,
            ProjectError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // The message may name files of the server, so it stays in the log.
            return Self { code: Some(finding.code.to_string()), ..Self::internal(&error) };
        }
        Self::of_finding(status, finding)
    }
}

impl From<ServerError> for Problem {
    fn from(error: ServerError) -> Self {
        let status = match &error {
            ServerError::Database(ProjectError::Busy { .. } | ProjectError::Unreachable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            ServerError::Database(_) => return Self { code: Some(error.diagnostic().code.to_string()), ..Self::internal(&error) },
            ServerError::UserUnknown { .. } | ServerError::TokenUnknown { .. } | ServerError::JobUnknown { .. } => StatusCode::NOT_FOUND,
            ServerError::UserTaken { .. } | ServerError::LastAdmin { .. } | ServerError::NotFirst => StatusCode::CONFLICT,
        };
        Self::of_finding(status, error.diagnostic())
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let field = match &error {
            AccountError::Server(_) | AccountError::Hash(_) => None,
            AccountError::Name(_) => Some("user"),
            AccountError::Password(_) => Some("password"),
            AccountError::Role(_) => Some("role"),
            AccountError::TokenName(_) => Some("name"),
            AccountError::TokenDays(_) => Some("days"),
            AccountError::TooManyTokens(_) => Some("user"),
        };
        let finding = error.diagnostic();
        match error {
            AccountError::Server(e) => e.into(),
            AccountError::Hash(_) => Self::internal(error),
            _ => Self { field: field.map(str::to_owned), ..Self::of_finding(StatusCode::UNPROCESSABLE_ENTITY, finding) },
        }
    }
}
