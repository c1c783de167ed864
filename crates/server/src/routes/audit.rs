//! The audit log, for administrators to read. Nothing here writes it.

use crate::access::Admin;
use crate::moment::{parse, rfc3339};
use crate::paging;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::server::{AuditFilter, NotedEntry};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows of a file at most.
const CSV_MAX: u32 = 100_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(csv))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Who did it.
    pub user: Option<String>,
    /// What was done; with a dot at its end all that begins so, as `login.`.
    pub action: Option<String>,
    /// Not before this time: RFC 3339, or a day.
    pub from: Option<String>,
    /// Before this time: RFC 3339, or a day.
    pub to: Option<String>,
    /// Only entries before this one: `next` of the piece before.
    pub before: Option<i64>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
}

/// One act.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRow {
    pub id: i64,
    pub time_utc: String,
    /// Empty when nobody was logged in.
    pub user: String,
    /// Network address, or `console`.
    pub address: String,
    pub action: String,
    pub subject: String,
    /// Particulars: before and after, a reason.
    #[schema(schema_with = crate::document::anything)]
    pub detail: Value,
}

/// A piece of the log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    pub items: Vec<AuditRow>,
    /// `before` of the next piece; none after the last.
    pub next: Option<i64>,
}

fn row(noted: NotedEntry) -> AuditRow {
    let entry = noted.entry;
    AuditRow {
        id: noted.id,
        time_utc: rfc3339(entry.time_ms),
        user: entry.author,
        address: entry.address,
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
    }
}

fn filter(query: &AuditQuery, limit: u32) -> Result<AuditFilter, Problem> {
    let time = |field: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| {
            Problem::bad_request("A time cannot be read")
                .detail(format!("`{field}` is \"{}\".", text.chars().take(40).collect::<String>()))
                .hint("Write 2026-01-31 or 2026-01-31T12:00:00Z.")
                .field(field)
        }),
    };
    Ok(AuditFilter {
        author: query.user.clone(),
        action: query.action.clone(),
        from_ms: time("from", &query.from)?,
        to_ms: time("to", &query.to)?,
        before: query.before,
        limit,
    })
}

/// Who did what, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])), params(AuditQuery),
    responses((status = 200, body = AuditPage)))]
pub async fn list(State(app): State<App>, _: Admin, Query(query): Query<AuditQuery>) -> Result<Json<AuditPage>, Problem> {
    let limit = paging::limit(query.limit)?;
    let filter = filter(&query, limit)?;
    blocking(move || {
        let items: Vec<AuditRow> = app.database.audit(&filter)?.into_iter().map(row).collect();
        let next = items.last().filter(|_| items.len() == limit as usize).map(|last| last.id);
        Ok(Json(AuditPage { items, next }))
    })
    .await
}

/// The same as a file.
#[utoipa::path(get, path = "/api/audit.csv", tag = "access", security(("session" = ["admin"]), ("token" = ["admin"])), params(AuditQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub async fn csv(State(app): State<App>, _: Admin, Query(query): Query<AuditQuery>) -> Result<Response, Problem> {
    let limit = query.limit.map_or(Ok(CSV_MAX), |l| paging::limit(Some(l)))?;
    let filter = filter(&query, limit)?;
    let text = blocking(move || {
        let mut text = String::from("id,time_utc,user,address,action,subject,detail\r\n");
        for row in app.database.audit(&filter)?.into_iter().map(row) {
            let detail = if row.detail.is_null() { String::new() } else { row.detail.to_string() };
            let cells = [&row.time_utc, &row.user, &row.address, &row.action, &row.subject, &detail].map(|c| cell(c));
            text += &format!("{},{}\r\n", row.id, cells.join(","));
        }
        Ok(text)
    })
    .await?;
    let name = "attachment; filename=\"audit.csv\"";
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)], text).into_response())
}

/// A cell in quotes. What a spreadsheet would take for a formula gets a mark before it: names come from whoever tries to log in.
pub(super) fn cell(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_text() {
        assert_eq!(cell("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
