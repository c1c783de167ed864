//! Where things are: summary, GeoJSON, vector tiles, arrays of positions.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use crate::view::{SMALL_MAX, Shelf, Subject, TileAt, View, etag_of, phase_letters};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use network::{Diagnostic, Network};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path as StdPath;
use std::sync::Arc;
use store::project::{Project, VersionInfo};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(summary)).routes(routes!(geojson)).routes(routes!(tile)).routes(routes!(geometry))
}

/// Which network.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct At {
    /// Name of the project's folder.
    pub project: String,
    pub network: String,
}

/// Which version of it.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Version {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
}

/// An answer that stays the same for as long as the version: with `ETag`, and 304 to whom has it.
pub struct Kept {
    etag: String,
    cache: &'static str,
}

impl Kept {
    /// `of` names what of the view is answered.
    pub fn new(view: &View, of: &str, version: &Version) -> Self {
        // A version that was named never changes; which is the newest may be another one with the next request.
        let cache = if version.version.is_some() { "private, max-age=300" } else { "private, no-cache" };
        Self { etag: view.etag(of), cache }
    }

    /// As [`Kept::new`], before there is a view.
    fn of_version(info: &VersionInfo, of: &str, version: &Version) -> Self {
        let cache = if version.version.is_some() { "private, max-age=300" } else { "private, no-cache" };
        Self { etag: etag_of(info, of), cache }
    }

    /// Whether the client has it already.
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        known.flat_map(|list| list.split(',')).any(|tag| tag.trim() == "*" || bare(tag) == bare(&self.etag))
    }

    /// Puts the headers onto an answer.
    pub fn on(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        response
    }
}

/// Sends what is kept compressed: as it is to clients that take it so.
fn compressed(headers: &HeaderMap, kind: &'static str, bytes: &Arc<[u8]>) -> Response {
    let takes = |v: &HeaderValue| {
        v.to_str().is_ok_and(|v| {
            v.split(',').any(|one| {
                let (name, weight) = one.split_once(';').unwrap_or((one, ""));
                matches!(name.trim(), "gzip" | "*")
                    && !matches!(weight.trim().replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
            })
        })
    };
    let mut response = if headers.get_all(header::ACCEPT_ENCODING).iter().any(takes) {
        let mut response = Response::new(Body::from(bytes.to_vec()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let mut plain = Vec::new();
        // What was compressed here reads back.
        let _ = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain);
        Response::new(Body::from(plain))
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// How many there are of a class.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassCount {
    pub class: String,
    pub count: u64,
}

/// How much lies at a voltage level.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelCount {
    /// Base voltage, line to line, kV; none where it is not known.
    pub kv_ll: Option<f64>,
    pub lines: u64,
    pub buses: u64,
}

/// How much belongs to a feeder.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeederCount {
    /// Empty where the model tells none.
    pub feeder: String,
    pub elements: u64,
}

/// A layer that the map can show.
#[derive(Debug, Serialize, ToSchema)]
pub struct LayerCount {
    /// `lines`, `points`, `buses`, `assets` or `findings`.
    pub layer: String,
    pub count: u64,
}

/// What the map of a network is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct MapSummary {
    pub network: String,
    pub version: u64,
    /// Hash of all that the version holds.
    pub digest: String,
    /// West, south, east, north; degrees. None of an empty network.
    #[schema(value_type = Option<Vec<f64>>)]
    pub bounds: Option<[f64; 4]>,
    /// `geographic`: places on the ground; `schematic`: the model's own drawing; `automatic`: laid out from the topology. Distances mean
    /// something in the first only.
    pub layout: String,
    /// `small`: GeoJSON will do; `large`: tiles or the arrays.
    pub size: String,
    pub elements: u64,
    pub buses: u64,
    /// Buses whose place the model gives.
    pub buses_placed: u64,
    /// Buses that no source supplies through closed elements.
    pub buses_unsupplied: u64,
    /// Elements that are out of service or have an open end.
    pub open: u64,
    pub is_transmission: bool,
    pub classes: Vec<ClassCount>,
    pub levels: Vec<LevelCount>,
    pub feeders: Vec<FeederCount>,
    pub layers: Vec<LayerCount>,
    /// Address of the tiles, with {z}, {x} and {y}.
    pub tiles: String,
    pub zoom_max: u32,
}

fn segment(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// What the map of a network is made of: where it lies, how much there is of what, and how to get it.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/map", tag = "map", params(At, Version),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = MapSummary), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn summary(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let info = app.views.version(&app, &at.project, &at.network, version.version).await?;
    let kept = Kept::of_version(&info, "map", &version);
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let bytes = shelved(&app, &at, &info, "map", summary_bytes).await?;
    Ok(kept.on(([(header::CONTENT_TYPE, "application/json")], bytes).into_response()))
}

/// What the view of a version answers; of a large network as it was kept on the disk, where it was.
async fn shelved(
    app: &App,
    at: &At,
    info: &VersionInfo,
    of: &'static str,
    make: impl FnOnce(&View, &str) -> Vec<u8> + Send + 'static,
) -> Result<Vec<u8>, Problem> {
    let (dir, wanted) = (app.project_dir(&at.project)?, info.clone());
    if let Some(bytes) = blocking(move || Ok(Shelf::of(&dir).get(&shelf_key(&dir, &wanted, of)))).await? {
        return Ok(bytes);
    }
    let view = app.views.get(app, &at.project, &info.network, Some(info.number)).await?;
    let (dir, project) = (app.project_dir(&at.project)?, at.project.clone());
    blocking(move || {
        let bytes = make(&view, &project);
        if view.n_features() > SMALL_MAX {
            Shelf::of(&dir).put(&shelf_key(&dir, &view.info, of), &bytes);
        }
        Ok(bytes)
    })
    .await
}

/// The name of the project is that of its folder, and stands in some answers.
fn shelf_key(project: &StdPath, info: &VersionInfo, of: &str) -> String {
    let name = project.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}\n{}\n{}", info.network, etag_of(info, of))
}

fn summary_bytes(view: &View, project: &str) -> Vec<u8> {
    serde_json::to_vec(&summary_of(view, project)).unwrap_or_default()
}

/// Keeps what the map of a large network asks for first beside the project, as soon as the network is imported, whoever imports it.
pub fn prepare(project: &StdPath, info: VersionInfo, network: Network, findings: Vec<Diagnostic>) {
    if (info.buses + info.elements) as usize <= SMALL_MAX {
        return;
    }
    let view = View::new(info, network, findings);
    let shelf = Shelf::of(project);
    let name = project.file_name().unwrap_or_default().to_string_lossy();
    shelf.put(&shelf_key(project, &view.info, "map"), &summary_bytes(&view, &name));
    shelf.put(&shelf_key(project, &view.info, "geometry"), &view.geometry());
}

/// Makes ready what the map of a network asks for first, and the network itself, so that whoever opens it does not wait.
pub(crate) async fn warm(app: &App, project: &str, network: &str) -> Result<(), Problem> {
    let at = At { project: project.to_owned(), network: network.to_owned() };
    let info = app.views.version(app, project, network, None).await?;
    shelved(app, &at, &info, "map", summary_bytes).await?;
    shelved(app, &at, &info, "geometry", |view, _| view.geometry().to_vec()).await?;
    app.views.get(app, project, network, Some(info.number)).await?;
    Ok(())
}

/// How many large networks are made ready when the server starts.
const READY_AT_START: usize = 4;

/// Makes the large networks that changed last ready, one after another, so that the first who opens one after a start waits less.
pub(crate) async fn warm_newest(app: App) {
    let shared = app.clone();
    let found = blocking(move || {
        let mut found = Vec::new();
        for project in super::projects::names(&shared)? {
            // A project that cannot be opened says so where it is listed.
            let Ok(opened) = Project::open(&shared.project_dir(&project)?) else { continue };
            let newest: BTreeMap<String, VersionInfo> =
                opened.history(None).unwrap_or_default().into_iter().map(|v| (v.network.clone(), v)).collect();
            let large = newest.into_values().filter(|v| (v.buses + v.elements) as usize > SMALL_MAX);
            found.extend(large.map(|v| (v.time_utc, project.clone(), v.network)));
        }
        found.sort();
        Ok(found)
    })
    .await;
    for (_, project, network) in found.unwrap_or_default().into_iter().rev().take(READY_AT_START) {
        if let Err(problem) = warm(&app, &project, &network).await {
            tracing::warn!(%project, %network, title = %problem.title, "the map of a network cannot be made ready");
        }
    }
}

fn summary_of(view: &View, project: &str) -> MapSummary {
    let count = |numbers: &mut dyn Iterator<Item = usize>, n: usize| {
        let mut counts = vec![0_u64; n];
        numbers.for_each(|i| counts[i] += 1);
        counts
    };
    let classes = count(&mut view.class_of.iter().map(|c| usize::from(*c)), view.classes.len());
    let feeders = count(&mut view.feeder_of.iter().map(|f| usize::from(*f)), view.feeders.len());
    // By thousandths of a kilovolt, highest first; unknown last.
    let mut levels: BTreeMap<std::cmp::Reverse<i64>, (u64, u64)> = BTreeMap::new();
    let level = |kv: f32| std::cmp::Reverse(if kv.is_finite() { (f64::from(kv) * 1000.0).round() as i64 } else { -1 });
    for piece in &view.pieces {
        levels.entry(level(view.kv_of[piece.element as usize])).or_default().0 += 1;
    }
    view.bus_kv.iter().for_each(|kv| levels.entry(level(*kv)).or_default().1 += 1);
    let unsupplied = view.supply.depth.iter().filter(|d| **d == u32::MAX).count() as u64;
    let layers = [
        ("lines", view.pieces.len()),
        ("points", view.marks.len()),
        ("buses", view.layout.buses.len()),
        ("assets", view.network.assets.iter().filter(|a| !a.route.is_empty()).count()),
        ("findings", view.findings.iter().filter(|f| f.element.is_some() || f.place.is_some()).count()),
    ];
    MapSummary {
        network: view.info.network.clone(),
        version: view.info.number,
        digest: view.info.digest.clone(),
        bounds: view.bounds,
        layout: serde_json::to_value(view.layout.placement).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default(),
        size: if view.n_features() <= SMALL_MAX { "small" } else { "large" }.into(),
        elements: view.network.order.len() as u64,
        buses: view.network.buses.len() as u64,
        buses_placed: view.layout.n_given as u64,
        buses_unsupplied: unsupplied,
        open: (0..view.network.order.len() as u32).filter(|i| !view.is_carrying(*i)).count() as u64,
        is_transmission: view.network.is_transmission(),
        classes: view.classes.iter().zip(classes).map(|(class, count)| ClassCount { class: class.clone(), count }).collect(),
        levels: levels
            .into_iter()
            .map(|(kv, (lines, buses))| LevelCount { kv_ll: (kv.0 > 0).then(|| kv.0 as f64 / 1000.0), lines, buses })
            .collect(),
        feeders: view.feeders.iter().zip(feeders).map(|(f, elements)| FeederCount { feeder: f.clone(), elements }).collect(),
        layers: layers.into_iter().filter(|(_, n)| *n > 0).map(|(layer, n)| LayerCount { layer: layer.into(), count: n as u64 }).collect(),
        tiles: format!(
            "/api/projects/{}/networks/{}/tiles/{{z}}/{{x}}/{{y}}.mvt?version={}",
            segment(project),
            segment(&view.info.network),
            view.info.number
        ),
        zoom_max: 18,
    }
}

/// What of the map.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Features {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    /// Classes of elements, parted by commas; `bus` and `asset` count as such. All elements and buses unless told.
    pub class: Option<String>,
    /// West, south, east, north; degrees, parted by commas.
    pub bbox: Option<String>,
}

fn parse_bbox(text: &str) -> Result<[f64; 4], Problem> {
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).filter(|n: &f64| n.is_finite()).collect();
    match numbers[..] {
        [west, south, east, north] if west <= east && south <= north => Ok([west, south, east, north]),
        _ => Err(Problem::bad_request("The area cannot be read")
            .detail(format!("\"{}\" is not west, south, east, north.", text.chars().take(80).collect::<String>()))
            .hint("Give four numbers in degrees, parted by commas, the smaller ones first.")
            .field("bbox")),
    }
}

/// Things of the map as one GeoJSON: pieces of lines, points of equipment, buses.
///
/// Of small networks, or of small parts of large ones: 20,000 features at most.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/geojson", tag = "map", params(At, Features),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, description = "A feature collection", content_type = "application/geo+json", body = Object),
        (status = 304, description = "Not changed"), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 413, description = "Too many features", body = Problem), (status = 503, body = Problem)))]
pub async fn geojson(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(wanted): Query<Features>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let area = wanted.bbox.as_deref().map(parse_bbox).transpose()?;
    let version = Version { version: wanted.version };
    let view = app.views.get(&app, &at.project, &at.network, wanted.version).await?;
    // What was asked for is part of the identity; it may hold anything, so its hash is.
    let asked = format!("{:?}{area:?}", wanted.class);
    let kept = Kept::new(&view, &format!("geojson-{}", short_hash(&asked)), &version);
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let text = blocking(move || features(&view, wanted.class.as_deref(), area)).await?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    Ok(kept.on(response))
}

/// Eight bytes of a hash, for identities.
pub fn short_hash(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn features(view: &View, classes: Option<&str>, area: Option<[f64; 4]>) -> Result<Vec<u8>, Problem> {
    let classes: Option<Vec<String>> = classes.map(|c| c.split(',').map(|c| c.trim().to_lowercase()).collect());
    let wants = |class: &str| classes.as_ref().is_none_or(|c| c.iter().any(|c| c == class));
    let meets = |points: &[[f64; 2]]| {
        area.is_none_or(|[west, south, east, north]| {
            let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
            for p in points {
                low = [low[0].min(p[0]), low[1].min(p[1])];
                high = [high[0].max(p[0]), high[1].max(p[1])];
            }
            low[0] <= east && high[0] >= west && low[1] <= north && high[1] >= south
        })
    };
    let mut found: Vec<Value> = Vec::new();
    let mut put = |geometry: Value, properties: Map<String, Value>| {
        if found.len() == SMALL_MAX {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "There are too many features for one GeoJSON")
                .detail(format!("More than {SMALL_MAX} features fit the request."))
                .hint("Ask for a smaller area with `bbox` or for some classes with `class`, or take the tiles or the geometry."));
        }
        found.push(json!({ "type": "Feature", "id": properties.get("id"), "geometry": geometry, "properties": properties }));
        Ok(())
    };
    for piece in &view.pieces {
        let path = &view.positions[piece.from as usize..piece.to as usize];
        if wants(view.class(piece.element)) && meets(path) {
            put(json!({ "type": "LineString", "coordinates": path }), element_properties(view, piece.element))?;
        }
    }
    for mark in &view.marks {
        if wants(view.class(mark.element)) && meets(&[mark.at]) {
            put(json!({ "type": "Point", "coordinates": mark.at }), element_properties(view, mark.element))?;
        }
    }
    if wants("bus") {
        for (i, place) in view.layout.buses.iter().enumerate().filter(|(_, p)| meets(&[**p])) {
            let mut properties = Map::new();
            properties.insert("i".into(), json!(i));
            properties.insert("id".into(), json!(view.id_of(Subject::Bus(i as u32))));
            properties.insert("class".into(), json!("bus"));
            properties.insert("name".into(), json!(view.network.buses[i].name));
            properties.insert("kv".into(), json!(number(view.bus_kv[i])));
            properties.insert("phases".into(), json!(phase_letters(view.bus_phases[i])));
            put(json!({ "type": "Point", "coordinates": place }), properties)?;
        }
    }
    if classes.as_ref().is_some_and(|c| c.iter().any(|c| c == "asset")) {
        for (i, asset) in view.network.assets.iter().enumerate().filter(|(_, a)| !a.route.is_empty()) {
            let path: Vec<[f64; 2]> = asset.route.iter().map(|p| [p.lon_deg, p.lat_deg]).collect();
            if path.iter().flatten().all(|c| c.is_finite()) && meets(&path) {
                let geometry = match path[..] {
                    [only] => json!({ "type": "Point", "coordinates": only }),
                    _ => json!({ "type": "LineString", "coordinates": path }),
                };
                let mut properties = Map::new();
                properties.insert("i".into(), json!(i));
                properties.insert("id".into(), json!(view.id_of(Subject::Asset(i as u32))));
                properties.insert("class".into(), json!("asset"));
                properties.insert("kind".into(), json!(asset.kind));
                properties.insert("name".into(), json!(asset.id));
                properties.insert("feeder".into(), json!(asset.feeder));
                put(geometry, properties)?;
            }
        }
    }
    serde_json::to_vec(&json!({ "type": "FeatureCollection", "features": found })).map_err(Problem::internal)
}

/// A number as it was before it lost digits in four bytes; none where it is none.
pub fn number(x: f32) -> Option<f64> {
    x.is_finite().then(|| x.to_string().parse().unwrap_or(f64::from(x)))
}

fn element_properties(view: &View, element: u32) -> Map<String, Value> {
    let i = element as usize;
    let mut properties = Map::new();
    properties.insert("i".into(), json!(element));
    properties.insert("id".into(), json!(view.id_of(Subject::Element(element))));
    properties.insert("class".into(), json!(view.class(element)));
    properties.insert("name".into(), json!(view.network.common(view.network.order[i]).name));
    properties.insert("kv".into(), json!(number(view.kv_of[i])));
    properties.insert("phases".into(), json!(phase_letters(view.phases_of[i])));
    properties.insert("feeder".into(), json!(view.feeder(element)));
    properties.insert("open".into(), json!(!view.is_carrying(element)));
    properties
}

/// Which tile.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TilePath {
    /// Name of the project's folder.
    pub project: String,
    pub network: String,
    #[param(maximum = 22)]
    pub z: u32,
    pub x: u32,
    /// Row from the north, with or without `.mvt` behind it.
    #[param(pattern = "^[0-9]{1,8}(\\.mvt)?$")]
    pub y: String,
}

/// A vector tile (Mapbox Vector Tile 2.1) with the layers `lines`, `nodes` and `buses`.
///
/// Properties: `i` (number of the element, of `buses` that of the bus), `class`, `name`, `kv`, `phases`, `feeder`. Where there is too much
/// for a tile, lines that fall onto one another are one, and points of `nodes` stand for `n` (with `cluster`); then there are no names.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/tiles/{z}/{x}/{y}", tag = "map", params(TilePath, Version),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, description = "The tile", content_type = "application/vnd.mapbox-vector-tile", body = Vec<u8>),
        (status = 204, description = "Nothing lies there"), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn tile(
    State(app): State<App>,
    _: Viewer,
    Path(path): Path<TilePath>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = path.y.strip_suffix(".mvt").unwrap_or(&path.y).parse().ok();
    let at = row.and_then(|y| TileAt::new(path.z, path.x, y)).ok_or_else(|| {
        Problem::bad_request("There is no such tile")
            .detail("At zoom z there are tiles 0 to 2^z - 1 in both directions, up to zoom 22.")
            .hint("Ask for tiles as the map summary's `tiles` says.")
    })?;
    let view = app.views.get(&app, &path.project, &path.network, version.version).await?;
    let kept = Kept::new(&view, &format!("tile-{}-{}-{}", at.z, at.x, at.y), &version);
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let bytes = blocking(move || Ok(view.tile(at))).await?;
    Ok(kept.on(if bytes.is_empty() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        compressed(&headers, "application/vnd.mapbox-vector-tile", &bytes)
    }))
}

/// All positions of a network in one answer, as little-endian arrays behind a JSON header (their names, types and places are in the header).
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/geometry", tag = "map", params(At, Version),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, description = "Magic GTG1, header, arrays", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "Not changed"), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub async fn geometry(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let info = app.views.version(&app, &at.project, &at.network, version.version).await?;
    let kept = Kept::of_version(&info, "geometry", &version);
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let bytes = shelved(&app, &at, &info, "geometry", |view, _| view.geometry().to_vec()).await?;
    Ok(kept.on(compressed(&headers, "application/octet-stream", &bytes.into())))
}
