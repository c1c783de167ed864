//! Uploads: files come in, are unpacked and recognised, can be looked at as a network, and are imported by a job.

use crate::access::{Engineer, Viewer};
use crate::jobs::{ImportOptions, ImportParams, Jobs, ReceiveParams, Task};
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::{App, blocking};
pub(super) use crate::uploads::unknown;
use crate::uploads::{self, Received, Upload};
use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path as FilePath, PathBuf};
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Files of an upload at most, archives unpacked.
const FILES_MAX: usize = 20_000;
/// How much more than it has bytes an upload may have once unpacked.
const UNPACKED: u64 = 8;
/// How deep folders may lie.
const DEPTH: usize = 16;

pub fn routes() -> OpenApiRouter<App> {
    let coming_in = OpenApiRouter::new().routes(routes!(list, create)).layer(DefaultBodyLimit::disable());
    coming_in.merge(OpenApiRouter::new().routes(routes!(get, remove)).routes(routes!(preview)))
}

/// Files to upload: one or more, or archives (zip) of them.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub struct UploadForm {
    /// A file name may hold folders, as `model/master.dss`.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    files: Vec<String>,
}

/// How the files of an upload are to be read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreviewRequest {
    /// The model within the upload; the one that was detected unless told.
    pub model: Option<String>,
    pub network: Option<String>,
    pub options: ImportOptions,
}

/// What an import would give.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    pub format: String,
    /// Name that the network would get.
    pub network: String,
    pub buses: u64,
    /// Elements by class.
    #[schema(value_type = Vec<Object>)]
    pub classes: Vec<Value>,
    /// Records read, by section, table or layer.
    #[schema(value_type = Vec<Object>)]
    pub counts: Vec<Value>,
    #[schema(value_type = Object)]
    pub findings_total: Value,
    #[schema(value_type = Vec<Object>)]
    pub finding_codes: Vec<Value>,
    /// The first thousand, errors first.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Value>,
    /// What was converted, defaulted, dropped; the first thousand.
    #[schema(value_type = Vec<Object>)]
    pub ledger: Vec<Value>,
    pub ledger_total: u64,
    /// Records that could not be used; the first thousand.
    #[schema(value_type = Vec<Object>)]
    pub rejects: Vec<Value>,
    pub rejects_total: u64,
    /// Results of studies that came with the model.
    pub figures_total: u64,
    /// Which layer and field of a map was taken for what, with reasons and confidence; to be confirmed or corrected, and given back as an option.
    #[schema(value_type = Option<Object>)]
    pub mapping: Option<Value>,
}

fn damaged(error: &MultipartError) -> Problem {
    let status = error.status();
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "The upload is too large"),
        _ => Problem::bad_request("The upload cannot be read").detail(error.body_text()),
    }
}

/// A file's place below the folder of an upload.
fn place(name: &str) -> Result<PathBuf, Problem> {
    let name = name.replace('\\', "/");
    let refused = |reason: &str| {
        let short: String = name.chars().take(200).collect();
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "A file has a name that cannot be used")
            .detail(format!("{short:?}: {reason}."))
            .field("files")
    };
    let parts: Vec<&str> = name.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.is_empty() || name.starts_with('/') {
        return Err(refused("it names no file below the folder of the upload"));
    }
    if parts.len() > DEPTH {
        return Err(refused("its folders lie too deep"));
    }
    if parts.iter().any(|p| *p == ".." || p.len() > 255 || p.contains(':') || p.chars().any(char::is_control)) {
        return Err(refused("it leaves the folder, or holds what no name may"));
    }
    Ok(parts.iter().collect())
}

/// Uploads files: they are kept for a day, unpacked, and recognised.
#[utoipa::path(post, path = "/api/uploads", tag = "uploads", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Upload), (status = 400, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    Engineer(caller): Engineer,
    multipart: Multipart,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let id = crate::random::hex(16);
    let files = app.upload_files(&id)?;
    let received = receive(&app, &files, multipart).await;
    let upload = match received {
        Ok((received, bytes)) => Upload {
            id: id.clone(),
            user: caller.user,
            created: rfc3339(now_ms()),
            expires: rfc3339(uploads::expires_ms()),
            bytes,
            files: received.files,
            detected: received.detected,
            candidates: received.candidates,
        },
        Err(problem) => {
            if let Some(dir) = files.parent() {
                let _ = tokio::fs::remove_dir_all(dir).await;
            }
            return Err(problem);
        }
    };
    let shared = app.clone();
    blocking(move || uploads::keep(&shared, &upload).map(|()| (StatusCode::CREATED, Json(upload)))).await
}

/// Writes the files to the disk as they come, and has them unpacked and recognised.
async fn receive(app: &App, files: &FilePath, mut multipart: Multipart) -> Result<(Received, u64), Problem> {
    let most = app.config.upload_max;
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The upload is too large")
            .detail(format!("An upload has at most {most} bytes."))
            .hint("Pack the files into a zip, or import the model with `gridtwin project import`.")
    };
    let (mut bytes, mut n) = (0_u64, 0_usize);
    while let Some(mut field) = multipart.next_field().await.map_err(|e| damaged(&e))? {
        // A field without a file's name is none.
        let Some(name) = field.file_name().filter(|n| !n.is_empty()).map(str::to_owned) else { continue };
        n += 1;
        if n > FILES_MAX {
            return Err(too_large().detail(format!("An upload has at most {FILES_MAX} files.")));
        }
        let place = files.join(place(&name)?);
        if let Some(folder) = place.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(|e| clash(&name, e))?;
        }
        let mut file = tokio::fs::File::options().write(true).create_new(true).open(&place).await.map_err(|e| clash(&name, e))?;
        while let Some(part) = field.chunk().await.map_err(|e| damaged(&e))? {
            bytes += part.len() as u64;
            if bytes > most {
                return Err(too_large());
            }
            file.write_all(&part).await.map_err(Problem::internal)?;
        }
        file.flush().await.map_err(Problem::internal)?;
    }
    if n == 0 {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The upload holds no file")
            .field("files")
            .hint("Send each file as a part with a file name (multipart/form-data)."));
    }
    let params = ReceiveParams { unpacked_max: most.saturating_mul(UNPACKED).max(1 << 30), files_max: FILES_MAX };
    let value = Jobs::ask(app, Task::Receive(params), None, Some(files.to_owned())).await?;
    Ok((Received::try_from(value)?, bytes))
}

/// A file that cannot be made: mostly a name that came before.
fn clash(name: &str, error: std::io::Error) -> Problem {
    use std::io::ErrorKind::{AlreadyExists, InvalidFilename, NotADirectory};
    if matches!(error.kind(), AlreadyExists | NotADirectory | InvalidFilename) {
        let short: String = name.chars().take(200).collect();
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Two files of the upload have one name")
            .detail(format!("{short:?} comes twice, or is a file and a folder."))
            .field("files");
    }
    Problem::internal(error)
}

/// Uploads that wait, newest first.
#[utoipa::path(get, path = "/api/uploads", tag = "uploads", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Vec<Upload>)))]
pub async fn list(State(app): State<App>, _: Viewer) -> Result<Json<Vec<Upload>>, Problem> {
    blocking(move || uploads::list(&app).map(Json)).await
}

/// An upload.
#[utoipa::path(get, path = "/api/uploads/{id}", tag = "uploads", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("id" = String, Path)), responses((status = 200, body = Upload), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Viewer, Path(id): Path<String>) -> Result<Json<Upload>, Problem> {
    blocking(move || uploads::find(&app, &id).map(Json)).await
}

/// Removes an upload.
#[utoipa::path(delete, path = "/api/uploads/{id}", tag = "uploads", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(State(app): State<App>, _: Engineer, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    blocking(move || uploads::remove(&app, &id).map(|()| StatusCode::NO_CONTENT)).await
}

/// Reads an upload as an import would, without keeping anything.
#[utoipa::path(post, path = "/api/uploads/{id}/preview", tag = "uploads", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("id" = String, Path)), request_body = PreviewRequest,
    responses((status = 200, body = Preview), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn preview(
    State(app): State<App>,
    _: Engineer,
    Path(id): Path<String>,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    let (shared, key) = (app.clone(), id.clone());
    let upload = blocking(move || uploads::find(&shared, &key)).await?;
    let model = request.model.or(upload.detected.map(|d| d.path));
    let params = ImportParams { upload: id.clone(), model, network: request.network, note: String::new(), options: request.options };
    let files = app.upload_files(&id)?;
    let value = Jobs::ask(&app, Task::Preview(params), None, Some(files)).await?;
    serde_json::from_value(value).map(Json).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_below_their_folder() {
        assert_eq!(place("a.dss").unwrap(), PathBuf::from("a.dss"));
        assert_eq!(place("m\\sub/./a.dss").unwrap(), PathBuf::from("m/sub/a.dss"));
        for name in ["", "..", "../a", "a/../b", "/etc/passwd", "c:\\a", "a\nb", "."] {
            assert!(place(name).is_err(), "{name:?}");
        }
    }
}
