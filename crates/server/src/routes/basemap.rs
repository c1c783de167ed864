//! The ground of the map from a file of the data folder, so that a map has one where there is no internet.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::SystemTime;
use tokio_util::io::ReaderStream;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Name of the file.
pub const FILE: &str = "basemap.pmtiles";
/// Most bytes of one answer to a request for a part; a longer part is cut, which the standard allows.
const PART_MAX: u64 = 16 << 20;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(file))
}

/// First byte and number of bytes of `bytes=a-b`, `bytes=a-` or `bytes=-n`; none where nothing of it is in the file or it asks for several parts.
fn part(range: &str, length: u64) -> Option<(u64, u64)> {
    let (from, to) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (from, to): (u64, u64) = match (from.trim(), to.trim()) {
        ("", n) => (length.checked_sub(n.parse::<u64>().ok()?.min(length))?, length),
        (a, "") => (a.parse().ok()?, length),
        (a, b) => (a.parse().ok()?, b.parse::<u64>().ok()?.checked_add(1)?.min(length)),
    };
    (from < to).then(|| (from, (to - from).min(PART_MAX)))
}

/// The base map of the data folder: a PMTiles archive with vector or raster tiles, of which readers ask for parts.
#[utoipa::path(get, path = "/api/basemap.pmtiles", tag = "map", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("range" = Option<String>, Header, description = "Part of the file, as `bytes=0-16383`")),
    responses((status = 200, description = "The file", content_type = "application/vnd.pmtiles", body = Vec<u8>),
        (status = 206, description = "The part", content_type = "application/vnd.pmtiles", body = Vec<u8>),
        (status = 304, description = "Not changed"),
        (status = 404, body = Problem, description = "There is no such file in the data folder"),
        (status = 416, body = Problem, description = "The file has no such part")))]
pub async fn file(State(app): State<App>, _: Viewer, headers: HeaderMap) -> Result<Response, Problem> {
    let place = app.config.data.join(FILE);
    let (mut file, meta) = blocking(move || {
        let opened = File::open(&place).and_then(|f| f.metadata().map(|m| (f, m)));
        opened.map_err(|_| Problem::not_found("There is no base map").hint(format!("Put a PMTiles file into the data folder as {FILE}.")))
    })
    .await?;
    let changed = meta.modified().ok().and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    let etag = format!("\"{:x}-{changed:x}\"", meta.len());
    let tag = HeaderValue::from_str(&etag).map_err(Problem::internal)?;
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|v| v.split(',').any(|t| t.trim() == etag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    // A part of another state of the file would not fit with what the reader has.
    let wanted = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|t| t == etag));
    let mut response = match wanted {
        None => Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file))).into_response(),
        Some(range) => {
            let Some((from, n)) = part(range, meta.len()) else {
                let mut refused = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "The base map has no such part")
                    .hint("Ask for one part that begins within the file, as bytes=0-16383.")
                    .into_response();
                let all = HeaderValue::from_str(&format!("bytes */{}", meta.len())).map_err(Problem::internal)?;
                refused.headers_mut().insert(header::CONTENT_RANGE, all);
                return Ok(refused);
            };
            let bytes = blocking(move || {
                let mut bytes = vec![0; n as usize];
                file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut bytes)).map_err(Problem::internal)?;
                Ok(bytes)
            })
            .await?;
            let told = format!("bytes {from}-{}/{}", from + n - 1, meta.len());
            let told = HeaderValue::from_str(&told).map_err(Problem::internal)?;
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, told)], bytes).into_response()
        }
    };
    let of = response.headers_mut();
    of.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.pmtiles"));
    of.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    of.insert(header::ETAG, tag);
    of.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_the_standard_has_them() {
        assert_eq!(part("bytes=0-9", 100), Some((0, 10)));
        assert_eq!(part("bytes=90-", 100), Some((90, 10)));
        assert_eq!(part("bytes=90-200", 100), Some((90, 10)));
        assert_eq!(part("bytes=-5", 100), Some((95, 5)));
        assert_eq!(part("bytes=-500", 100), Some((0, 100)));
        assert_eq!(part("bytes=0-", u64::MAX), Some((0, PART_MAX)));
        for bad in ["bytes=100-", "bytes=9-0", "bytes=-0", "bytes=a-b", "bytes=0-1,4-5", "0-9", "bytes=", "bytes=1-18446744073709551615"] {
            assert_eq!(part(bad, 100), None, "{bad}");
        }
        assert_eq!(part("bytes=0-0", 0), None);
    }
}
