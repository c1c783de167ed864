//! The OpenAPI document: what is the same for all routes is added here, so that no route can forget it.

use crate::problem::{PROBLEM_JSON, Problem};
use utoipa::PartialSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

/// The schema of what may be any JSON: no type, so that none is excluded.
pub(crate) fn anything() -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(SchemaType::AnyValue).build())
}

/// Adds login, roles, and the answers that every route may give.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let mut components = document.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    components.schemas.entry("Problem".to_owned()).or_insert_with(Problem::schema);
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        crate::auth::COOKIE,
        "Given by POST /api/login. Methods other than GET and HEAD also need the header X-Gridtwin-Csrf with the value of GET /api/session.",
    )));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of POST /api/tokens.")).build();
    components.security_schemes.insert("session".to_owned(), RefOr::T(session));
    components.security_schemes.insert("token".to_owned(), RefOr::T(SecurityScheme::Http(token)));
    document.components = Some(components);
    for (path, item) in &mut document.paths.paths {
        operations(item).into_iter().for_each(|(method, operation)| complete_operation(operation, method, path));
    }
    document
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)]
        .into_iter()
        .filter_map(|(method, operation)| operation.as_mut().map(|o| (method, o)))
        .collect()
}

/// Role that an operation declares; none when anyone may call it.
fn role(operation: &Operation) -> Option<String> {
    let value = serde_json::to_value(operation.security.as_ref()?).ok()?;
    let scopes = value.as_array()?.iter().find_map(|requirement| requirement.get("session"))?;
    scopes.get(0)?.as_str().map(str::to_owned)
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else { return false };
    matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location.ends_with("/Problem"))
}

fn complete_operation(operation: &mut Operation, method: &str, path: &str) {
    let role = role(operation);
    let has_body = operation.request_body.is_some();
    let has_parameters = operation.parameters.as_ref().is_some_and(|p| !p.is_empty());
    let mut answers = vec![("500", "The server failed"), ("503", "The server is busy, or cannot reach its data")];
    if has_body {
        answers.extend([("413", "The request is too large"), ("415", "Another content type"), ("422", "A body that does not fit")]);
    }
    if has_body || has_parameters {
        answers.push(("400", "A request that cannot be read"));
    }
    if path.contains('{') {
        answers.push(("404", "No such thing"));
    }
    if role.is_some() {
        answers.push(("401", "Not logged in"));
        answers.push(("403", "Too small a role, or a request that another site may have made"));
    } else if method != "get" {
        answers.push(("403", "A request that another site made"));
    }
    for (status, meaning) in answers {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(meaning).content(PROBLEM_JSON, content).build();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(response));
    }
    // A handler declares its problems as `body = Problem`, which would say JSON; they are problems.
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.get("application/json").is_some_and(is_problem)
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(PROBLEM_JSON.to_owned(), content);
        }
    }
    if let Some(role) = role {
        let extension = ExtensionsBuilder::new().add("x-role", role).build();
        match &mut operation.extensions {
            Some(there) => there.merge(extension),
            none => *none = Some(extension),
        }
    }
}
