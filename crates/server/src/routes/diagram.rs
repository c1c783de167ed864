//! Single-line diagrams.

use super::elements::buses_named;
use super::map::{At, Kept, Version};
use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use crate::view::{Subject, View};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use network::diagram::{DiagramOptions, diagram};
use network::{BusId, ElementId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Symbols that a drawing has at most.
const SYMBOLS_MAX: usize = 600;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(draw))
}

/// What is drawn.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiagramQuery {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    /// `class.name` or `bus.name`: where the drawing begins.
    pub root: String,
    /// Elements between the root and the farthest bus; 6 unless told.
    #[param(minimum = 1, maximum = 50)]
    pub depth: Option<u32>,
}

/// A symbol.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramSymbol {
    /// `bus`, `source`, `breaker`, `switch`, `fuse`, `recloser`, `line`, `transformer_two_windings`, … after IEC 60617 and IEEE 315.
    pub symbol: String,
    /// Identity of what it stands for: an element, a bus; none of a connector.
    pub id: Option<String>,
    /// Column and row; rows of buses are even.
    pub x: f64,
    pub y: f64,
    /// Ends of the bar of a bus.
    pub x_from: f64,
    pub x_to: f64,
    pub label: String,
    /// Ratings, voltages.
    pub notes: Vec<String>,
    /// `closed`, `open`, `partly_open` or `out_of_service`.
    pub state: String,
    /// Reached from a source through closed elements.
    pub supplied: bool,
    /// Elements at the bus that are not drawn.
    pub more: usize,
    /// Controls, meters and protective devices of the element.
    pub attached: Vec<String>,
}

/// A line between two symbols.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramLine {
    /// Places of the symbols in the list.
    pub from: usize,
    pub to: usize,
    /// Joined by horizontal and vertical strokes.
    pub points: Vec<[f64; 2]>,
    pub element: Option<String>,
    pub supplied: bool,
}

/// A single-line diagram: what is around a place, without lines that cross.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramAnswer {
    pub root: String,
    pub nodes: Vec<DiagramSymbol>,
    pub edges: Vec<DiagramLine>,
    pub width: f64,
    pub height: f64,
    /// The grid goes on beyond what is drawn.
    pub truncated: bool,
}

/// The single-line diagram around an element or bus.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/diagram", tag = "elements", params(At, DiagramQuery),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = DiagramAnswer), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, description = "No such place", body = Problem), (status = 503, body = Problem)))]
pub async fn draw(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(asked): Query<DiagramQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if asked.depth.is_some_and(|d| !(1..=50).contains(&d)) {
        return Err(Problem::bad_request("A diagram reaches 1 to 50 elements far").field("depth"));
    }
    let view = app.views.get(&app, &at.project, &at.network, asked.version).await?;
    let of = format!("diagram-{}", &store::sha256_hex(format!("{asked:?}").as_bytes())[..16]);
    let kept = Kept::new(&view, &of, &Version { version: asked.version });
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let answer = blocking(move || drawn(&view, &asked)).await?;
    Ok(kept.on(Json(answer).into_response()))
}

fn drawn(view: &View, asked: &DiagramQuery) -> Result<DiagramAnswer, Problem> {
    let buses = buses_named(view, &asked.root, "root")?;
    // Of an element the end that is nearer to the supply: what it feeds hangs below it.
    let root = buses.into_iter().min_by_key(|b| view.supply.depth.get(b.index()).copied().unwrap_or(u32::MAX)).unwrap_or(BusId(0));
    let options = DiagramOptions { depth: asked.depth.unwrap_or(6), symbols_max: SYMBOLS_MAX };
    let drawing = diagram(&view.network, &view.graph, &|b| view.supply.is_reached(b), root, options);
    let element = |id: ElementId| view.number(id).map(|i| view.id_of(Subject::Element(i)));
    let word = |value: serde_json::Result<serde_json::Value>| value.ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let nodes = drawing.nodes.into_iter().map(|n| DiagramSymbol {
        symbol: word(serde_json::to_value(n.symbol)),
        id: n.element.and_then(element).or_else(|| n.bus.map(|b| view.id_of(Subject::Bus(b.0)))),
        x: n.x,
        y: n.y,
        x_from: n.x_from,
        x_to: n.x_to,
        label: n.label,
        notes: n.notes,
        state: word(serde_json::to_value(n.state)),
        supplied: n.supplied,
        more: n.more,
        attached: n.attached.into_iter().filter_map(element).collect(),
    });
    let edges = drawing.edges.into_iter().map(|e| DiagramLine {
        from: e.from,
        to: e.to,
        points: e.points,
        element: e.element.and_then(element),
        supplied: e.supplied,
    });
    Ok(DiagramAnswer {
        root: view.id_of(Subject::Bus(root.0)),
        nodes: nodes.collect(),
        edges: edges.collect(),
        width: drawing.width,
        height: drawing.height,
        truncated: drawing.truncated,
    })
}
