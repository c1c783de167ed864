//! Elements, buses and assets: lists and search, everything of one, ways along the grid.

use super::map::{At, Kept, Version, number, short_hash};
use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use crate::view::{self, Attribute, CatalogueEntry, Subject, View, phase_letters};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use network::graph::is_conducting;
use network::layout::element_place;
use network::{BusId, Diagnostic, ElementId, ElementKind, OutageStep, SourceRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use store::project::{MeterPlaceRecord, Project, ProjectError, ThingChange};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(detail)).routes(routes!(path)).routes(routes!(trace))
}

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Records of one kind that a detail shows.
const RECORDS_MAX: usize = 100;
/// Studies whose results a detail shows, the last by name.
const STUDIES_MAX: usize = 20;
/// Episodes of one study that a detail shows.
const EPISODES_MAX: usize = 50;
/// Neighbours that a detail shows on each side.
const NEIGHBOURS_MAX: usize = 200;

/// Which elements, in which order.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    /// Words that are parts of names, identities, aliases or types; all have to fit. Finds buses and assets, too.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// Classes, parted by commas; `bus` and `asset` count as such.
    #[param(max_length = 1000)]
    pub class: Option<String>,
    #[param(max_length = 200)]
    pub feeder: Option<String>,
    /// `name`, `class`, `kv`, `feeder` or `bus`, with `-` in front for the reverse. The order of the model, or the best finds first, unless
    /// told.
    #[param(pattern = "^-?(name|class|kv|feeder|bus)$")]
    pub sort: Option<String>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<usize>,
    /// Rows left out before.
    #[param(minimum = 0, maximum = 4294967295_u64)]
    pub offset: Option<usize>,
}

/// A thing in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Row {
    /// `element`, `bus` or `asset`.
    pub of: &'static str,
    /// Number of the element among elements, of the bus among buses, of the asset among assets; the same as long as the version exists.
    pub i: u32,
    /// `class.name`, `bus.name` or `asset.kind.id`.
    pub id: String,
    pub class: String,
    pub name: String,
    pub buses: Vec<String>,
    /// Base voltage, line to line, kV.
    pub kv: Option<f64>,
    /// `ABC`, `A`, …; N for conductors of higher numbers.
    pub phases: String,
    pub feeder: String,
    /// Longitude and latitude on the map, degrees; of lines the middle.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    /// Out of service, or with an open end.
    pub open: bool,
}

/// A piece of a list of things.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rows {
    pub items: Vec<Row>,
    /// Rows of the whole list.
    pub total: u64,
    /// `offset` of the next piece; none after the last.
    pub next: Option<u64>,
}

fn row(view: &View, subject: Subject) -> Row {
    let network = &view.network;
    let bus_names = |buses: &[BusId]| buses.iter().map(|b| network.bus(*b).name.clone()).collect();
    match subject {
        Subject::Element(i) => {
            let id = network.order[i as usize];
            let place = element_place(network, &view.layout, id);
            Row {
                of: "element",
                i,
                id: view.id_of(subject),
                class: view.class(i).to_owned(),
                name: network.common(id).name.clone(),
                buses: bus_names(&view::buses_of(network, id)),
                kv: number(view.kv_of[i as usize]),
                phases: phase_letters(view.phases_of[i as usize]),
                feeder: view.feeder(i).to_owned(),
                lon: place.map(|p| p[0]),
                lat: place.map(|p| p[1]),
                open: !view.is_carrying(i),
            }
        }
        Subject::Bus(i) => {
            let place = view.layout.buses.get(i as usize);
            Row {
                of: "bus",
                i,
                id: view.id_of(subject),
                class: "bus".into(),
                name: network.buses[i as usize].name.clone(),
                buses: vec![network.buses[i as usize].name.clone()],
                kv: number(view.bus_kv[i as usize]),
                phases: phase_letters(view.bus_phases[i as usize]),
                feeder: String::new(),
                lon: place.map(|p| p[0]),
                lat: place.map(|p| p[1]),
                open: false,
            }
        }
        Subject::Asset(i) => {
            let asset = &network.assets[i as usize];
            let path: Vec<[f64; 2]> = asset.route.iter().map(|p| [p.lon_deg, p.lat_deg]).collect();
            let place = network::layout::middle(&path);
            Row {
                of: "asset",
                i,
                id: view.id_of(subject),
                class: view::asset_kind(asset.kind),
                name: asset.id.clone(),
                buses: bus_names(&asset.bus.into_iter().collect::<Vec<_>>()),
                kv: None,
                phases: String::new(),
                feeder: asset.feeder.clone(),
                lon: place.map(|p| p[0]),
                lat: place.map(|p| p[1]),
                open: false,
            }
        }
    }
}

/// Elements of a network: all, of some classes, of a feeder, or what a search finds.
///
/// Buses and assets are no elements: they are listed when `class` names them (`bus`, `asset`), and found by a search.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/elements", tag = "elements", params(At, Filter),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Rows), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = filter.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request("The limit is out of range")
            .detail(format!("{limit} rows are asked for at once; 1 to {LIMIT_MAX} can be had."))
            .field("limit"));
    }
    let view = app.views.get(&app, &at.project, &at.network, filter.version).await?;
    let version = Version { version: filter.version };
    let kept = Kept::new(&view, &format!("elements-{}", short_hash(&format!("{filter:?}"))), &version);
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let rows = blocking(move || rows(&view, &filter, limit)).await?;
    Ok(kept.on(Json(rows).into_response()))
}

fn rows(view: &View, filter: &Filter, limit: usize) -> Result<Rows, Problem> {
    let classes: Option<HashSet<String>> = filter.class.as_deref().map(|c| c.split(',').map(|c| c.trim().to_lowercase()).collect());
    let network = &view.network;
    let mut found: Vec<Subject> = match filter.search.as_deref().map(str::trim).filter(|s| !s.is_empty()) {
        Some(words) => view.find(words).into_iter().map(|f| f.subject).collect(),
        None => {
            let mut all: Vec<Subject> = (0..network.order.len() as u32).map(Subject::Element).collect();
            // Buses and assets come when they are asked for.
            if classes.is_some() {
                all.extend((0..network.buses.len() as u32).map(Subject::Bus));
                all.extend((0..network.assets.len() as u32).map(Subject::Asset));
            }
            all
        }
    };
    if let Some(classes) = &classes {
        let of_class: Vec<bool> = view.classes.iter().map(|c| classes.contains(c)).collect();
        let (bus, asset) = (classes.contains("bus"), classes.contains("asset"));
        found.retain(|s| match s {
            Subject::Element(i) => of_class[usize::from(view.class_of[*i as usize])],
            Subject::Bus(_) => bus,
            Subject::Asset(_) => asset,
        });
    }
    if let Some(feeder) = &filter.feeder {
        found.retain(|s| match s {
            Subject::Element(i) => view.feeder(*i).eq_ignore_ascii_case(feeder),
            Subject::Bus(_) => false,
            Subject::Asset(i) => network.assets[*i as usize].feeder.eq_ignore_ascii_case(feeder),
        });
    }
    if let Some(sort) = &filter.sort {
        let (key, is_reverse) = sort.strip_prefix('-').map_or((sort.as_str(), false), |key| (key, true));
        let kv_of = |s: &Subject| match s {
            Subject::Element(i) => view.kv_of[*i as usize],
            Subject::Bus(i) => view.bus_kv[*i as usize],
            Subject::Asset(_) => f32::NAN,
        };
        let text_of = |s: &Subject| -> Vec<Piece> {
            match (key, s) {
                ("name", s) => natural(name_of(view, *s)),
                ("class", Subject::Element(i)) => natural(view.class(*i)),
                ("class", Subject::Bus(_)) => natural("bus"),
                ("class", Subject::Asset(_)) => natural("asset"),
                ("feeder", Subject::Element(i)) => natural(view.feeder(*i)),
                ("feeder", Subject::Asset(i)) => natural(&network.assets[*i as usize].feeder),
                ("bus", Subject::Element(i)) => {
                    let first = network.common(network.order[*i as usize]).terminals.first();
                    first.map_or_else(Vec::new, |t| natural(&network.bus(t.bus).name))
                }
                ("bus", Subject::Bus(i)) => natural(&network.buses[*i as usize].name),
                _ => Vec::new(),
            }
        };
        match key {
            "kv" => found.sort_by(|a, b| kv_of(a).total_cmp(&kv_of(b))),
            "name" | "class" | "feeder" | "bus" => found.sort_by_cached_key(text_of),
            _ => {
                return Err(Problem::bad_request("Elements cannot be sorted so")
                    .detail(format!("\"{}\" is not among name, class, kv, feeder, bus.", key.chars().take(40).collect::<String>()))
                    .field("sort"));
            }
        }
        if is_reverse {
            found.reverse();
        }
    }
    let offset = filter.offset.unwrap_or(0);
    let total = found.len() as u64;
    let end = offset.saturating_add(limit) as u64;
    let items = found.into_iter().skip(offset).take(limit).map(|s| row(view, s)).collect();
    Ok(Rows { items, total, next: (end < total).then_some(end) })
}

fn name_of(view: &View, subject: Subject) -> &str {
    match subject {
        Subject::Element(i) => &view.network.common(view.network.order[i as usize]).name,
        Subject::Bus(i) => &view.network.buses[i as usize].name,
        Subject::Asset(i) => &view.network.assets[i as usize].id,
    }
}

/// Part of a name: numbers go by their value, so that `l2` comes before `l10`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Number(u128),
    Text(String),
}

/// A name in pieces by which it is sorted.
pub(super) fn natural(name: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (piece, next) = rest.split_at(end);
        pieces.push(match piece.parse() {
            Ok(n) if is_digit => Piece::Number(n),
            _ => Piece::Text(piece.to_lowercase()),
        });
        rest = next;
    }
    pieces
}

/// A terminal of an element.
#[derive(Debug, Serialize, ToSchema)]
pub struct TerminalRow {
    pub bus: String,
    /// Node at the bus of each conductor; 0 is the earth.
    pub nodes: Vec<u32>,
    /// Whether each conductor is closed.
    pub closed: Vec<bool>,
    pub kv: Option<f64>,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
}

/// Where something was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    pub file: String,
    /// Counted from 1; none where it is not known.
    pub line: Option<u32>,
}

/// A thing's name elsewhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasRow {
    pub system: String,
    pub id: String,
}

/// A record of an asset system.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetRow {
    pub id: String,
    pub kind: String,
    pub feeder: String,
    pub attributes: BTreeMap<String, String>,
}

/// What a study says of a thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct StudyResult {
    pub study: String,
    pub feeder: String,
    /// Table of the lake, as `element_statistics`.
    pub table: String,
    /// A row of values by column, with units.
    pub values: Vec<Attribute>,
}

/// Something that an element stands beside.
#[derive(Debug, Serialize, ToSchema)]
pub struct Neighbour {
    pub i: u32,
    pub id: String,
    pub class: String,
    /// The bus by which it is one.
    pub bus: String,
    pub open: bool,
}

/// What is before, behind and beside something, as the sources supply it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Neighbours {
    /// Towards the source.
    pub upstream: Vec<Neighbour>,
    /// Away from it.
    pub downstream: Vec<Neighbour>,
    /// At the same bus, neither the one nor the other.
    pub beside: Vec<Neighbour>,
}

/// Everything that is known of an element, bus or asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail {
    #[serde(flatten)]
    pub row: Row,
    pub version: u64,
    /// Takes part in the grid: enabled and not out of service.
    pub in_service: bool,
    /// Reached from a source through closed elements.
    pub supplied: bool,
    /// Shortest way along the grid from the source, km; none where lengths have no unit.
    pub distance_km: Option<f64>,
    /// Elements that the supply passes from the source.
    pub steps_from_source: Option<u32>,
    pub terminals: Vec<TerminalRow>,
    /// Longitude and latitude of its route.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub route: Vec<[f64; 2]>,
    pub source: Option<Source>,
    pub aliases: Vec<AliasRow>,
    pub attributes: Vec<Attribute>,
    /// Entries of the catalogue, shapes and curves that it refers to.
    pub catalogue: Vec<CatalogueEntry>,
    /// Controls, meters and protective devices of it.
    pub attached: Vec<String>,
    /// What a control, meter or protective device belongs to.
    pub subjects: Vec<String>,
    pub assets: Vec<AssetRow>,
    /// Elements at a bus.
    pub elements: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
    pub neighbours: Neighbours,
    /// What each study of the lake says of it.
    pub results: Vec<StudyResult>,
    /// Steps of outages at it, newest first.
    #[schema(value_type = Vec<Object>)]
    pub outages: Vec<OutageStep>,
    pub outages_total: u64,
    /// Meters that records put there.
    #[schema(value_type = Vec<Object>)]
    pub meters: Vec<MeterPlaceRecord>,
    pub meters_total: u64,
    /// What versions did to it, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub history: Vec<ThingChange>,
}

/// Which thing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ThingAt {
    /// Name of the project's folder.
    pub project: String,
    pub network: String,
    /// `class.name`, `bus.name`, `asset.kind.id`, or `@12` for the element of that number.
    pub id: String,
}

fn unknown(id: &str) -> Problem {
    Problem::not_found("There is no such element")
        .detail(format!("The network has nothing called \"{}\".", id.chars().take(100).collect::<String>()))
        .hint("Names are class.name, bus.name or asset.kind.id; search for parts of one with elements?search=.")
        .field("id")
}

/// Everything of one element, bus or asset: attributes with units, catalogue, source, findings, neighbours, results, records, history.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/elements/{id}", tag = "elements", params(ThingAt, Version),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Detail), (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn detail(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<ThingAt>,
    Query(version): Query<Version>,
) -> Result<Json<Detail>, Problem> {
    let view = app.views.get(&app, &at.project, &at.network, version.version).await?;
    let subject = view.subject(&at.id).ok_or_else(|| unknown(&at.id))?;
    let detail = app
        .with_project(&at.project, move |project| {
            let mut detail = of_network(&view, subject);
            of_project(&view, subject, project, &mut detail)?;
            Ok::<_, Problem>(detail)
        })
        .await?;
    Ok(Json(detail))
}

fn source_of(source: &SourceRef) -> Option<Source> {
    source.is_known().then(|| Source { file: source.file.to_string(), line: (source.line > 0).then_some(source.line) })
}

fn terminals_of(view: &View, id: ElementId) -> Vec<TerminalRow> {
    let terminals = &view.network.common(id).terminals;
    let of = |t: &network::Terminal| {
        let place = view.layout.buses.get(t.bus.index());
        TerminalRow {
            bus: view.network.buses.get(t.bus.index()).map_or_else(String::new, |b| b.name.clone()),
            nodes: t.nodes.clone(),
            closed: t.closed.clone(),
            kv: view.bus_kv.get(t.bus.index()).copied().and_then(number),
            lon: place.map(|p| p[0]),
            lat: place.map(|p| p[1]),
        }
    };
    terminals.iter().map(of).collect()
}

fn assets_of(view: &View, is_meant: impl Fn(&network::Asset) -> bool) -> Vec<AssetRow> {
    let of = |a: &network::Asset| AssetRow {
        id: a.id.clone(),
        kind: view::asset_kind(a.kind),
        feeder: a.feeder.clone(),
        attributes: a.attributes.clone(),
    };
    view.network.assets.iter().filter(|a| is_meant(a)).take(RECORDS_MAX).map(of).collect()
}

fn names(view: &View, ids: &[ElementId]) -> Vec<String> {
    ids.iter().filter_map(|id| view.number(*id)).map(|i| view.id_of(Subject::Element(i))).collect()
}

/// What the network says.
fn of_network(view: &View, subject: Subject) -> Detail {
    let network = &view.network;
    let row = row(view, subject);
    let mut detail = Detail {
        version: view.info.number,
        in_service: true,
        supplied: false,
        distance_km: None,
        steps_from_source: None,
        terminals: Vec::new(),
        route: Vec::new(),
        source: None,
        aliases: Vec::new(),
        attributes: Vec::new(),
        catalogue: Vec::new(),
        attached: Vec::new(),
        subjects: Vec::new(),
        assets: Vec::new(),
        elements: Vec::new(),
        findings: Vec::new(),
        neighbours: Neighbours::default(),
        results: Vec::new(),
        outages: Vec::new(),
        outages_total: 0,
        meters: Vec::new(),
        meters_total: 0,
        history: Vec::new(),
        row,
    };
    let bus_named: Option<BusId> = match subject {
        Subject::Element(i) => {
            let id = network.order[i as usize];
            let common = network.common(id);
            detail.in_service = network.in_service(id);
            detail.terminals = terminals_of(view, id);
            detail.route = network::layout::element_path(network, &view.layout, id);
            detail.source = source_of(&common.source);
            detail.aliases = common.aliases.iter().map(|a| AliasRow { system: a.system.clone(), id: a.id.clone() }).collect();
            detail.attributes = view::element_attributes(network, &view.contents, id);
            detail.catalogue = view::catalogue_of(network, &view.contents, id);
            detail.attached = names(view, view.graph.attached(id));
            detail.subjects = names(view, &network.subjects(id));
            detail.assets = assets_of(view, |a| a.element == Some(id));
            detail.neighbours = neighbours(view, id);
            let buses = view::buses_of(network, id);
            // The end that is nearer to the source is where it is.
            buses.into_iter().min_by_key(|b| view.supply.depth[b.index()])
        }
        Subject::Bus(i) => {
            let bus = &network.buses[i as usize];
            let id = BusId(i);
            detail.attributes = view::attributes(&view.contents.value(bus), None);
            detail.attributes.retain(|a| !matches!(a.field.as_str(), "name" | "transmission.name"));
            detail.source = bus.transmission.as_ref().and_then(|t| source_of(&t.source));
            detail.elements = names(view, view.graph.elements_at(id));
            detail.assets = assets_of(view, |a| a.bus == Some(id));
            detail.neighbours = around_bus(view, id);
            Some(id)
        }
        Subject::Asset(i) => {
            let asset = &network.assets[i as usize];
            detail.source = source_of(&asset.source);
            detail.route = asset.route.iter().map(|p| [p.lon_deg, p.lat_deg]).collect();
            detail.assets = vec![AssetRow {
                id: asset.id.clone(),
                kind: view::asset_kind(asset.kind),
                feeder: asset.feeder.clone(),
                attributes: asset.attributes.clone(),
            }];
            detail.subjects = asset.element.map(|e| names(view, &[e])).unwrap_or_default();
            asset.bus.or_else(|| asset.element.and_then(|e| network.common(e).terminals.first().map(|t| t.bus)))
        }
    };
    if let Some(bus) = bus_named {
        detail.supplied = view.supply.is_reached(bus) && detail.in_service;
        detail.distance_km = view.distance_km.get(bus.index()).copied().filter(|km| km.is_finite());
        detail.steps_from_source = view.supply.depth.get(bus.index()).copied().filter(|d| *d != u32::MAX);
    }
    let own_name = detail.row.id.clone();
    let full_name = match subject {
        Subject::Element(i) => network.full_name(network.order[i as usize]),
        _ => detail.row.name.clone(),
    };
    detail.findings = view.findings_of(&[&own_name, &full_name]).into_iter().cloned().collect();
    detail
}

fn neighbour(view: &View, id: ElementId, bus: BusId) -> Option<Neighbour> {
    let i = view.number(id)?;
    Some(Neighbour {
        i,
        id: view.id_of(Subject::Element(i)),
        class: view.class(i).to_owned(),
        bus: view.network.bus(bus).name.clone(),
        open: !view.is_carrying(i),
    })
}

/// The element by which a bus is supplied.
fn supplier(view: &View, bus: BusId) -> Option<ElementId> {
    view.supply.parent.get(bus.index()).copied().flatten().map(|(_, link)| view.graph.links[link as usize].element)
}

fn neighbours(view: &View, id: ElementId) -> Neighbours {
    let mut found = Neighbours::default();
    let buses = view::buses_of(&view.network, id);
    let depth = |b: &BusId| view.supply.depth[b.index()];
    let nearest = buses.iter().copied().min_by_key(depth);
    for &bus in &buses {
        let feeds = supplier(view, bus);
        let is_supply_side = Some(bus) == nearest;
        for &other in view.graph.elements_at(bus).iter().filter(|e| **e != id) {
            let Some(n) = neighbour(view, other, bus) else { continue };
            let list = if feeds == Some(other) {
                &mut found.upstream
            } else if is_supply_side {
                &mut found.beside
            } else {
                &mut found.downstream
            };
            if list.len() < NEIGHBOURS_MAX && list.iter().all(|x| x.i != n.i) {
                list.push(n);
            }
        }
    }
    found
}

fn around_bus(view: &View, bus: BusId) -> Neighbours {
    let mut found = Neighbours::default();
    let feeds = supplier(view, bus);
    for &id in view.graph.elements_at(bus) {
        let Some(n) = neighbour(view, id, bus) else { continue };
        let leads_on = view::buses_of(&view.network, id).iter().any(|b| supplier(view, *b) == Some(id) && *b != bus);
        let list = if feeds == Some(id) {
            &mut found.upstream
        } else if leads_on {
            &mut found.downstream
        } else {
            &mut found.beside
        };
        if list.len() < NEIGHBOURS_MAX {
            list.push(n);
        }
    }
    found
}

/// What the project's records and studies say.
fn of_project(view: &View, subject: Subject, project: &Project, detail: &mut Detail) -> Result<(), Problem> {
    let network = &view.network;
    let lower = |s: &str| s.to_lowercase();
    let (names, section, key): (Vec<String>, Option<&str>, String) = match subject {
        Subject::Element(i) => {
            let id = network.order[i as usize];
            let common = network.common(id);
            let mut names = vec![lower(&common.name), lower(&detail.row.id)];
            names.extend(common.aliases.iter().map(|a| lower(&a.id)));
            (names, None, detail.row.id.clone())
        }
        Subject::Bus(i) => {
            let name = network.buses[i as usize].name.clone();
            (vec![lower(&name)], Some("buses"), name)
        }
        Subject::Asset(i) => (vec![lower(&network.assets[i as usize].id)], Some("assets"), network.assets[i as usize].id.clone()),
    };
    let names: Vec<String> =
        names.into_iter().filter(|n| !n.is_empty()).collect::<std::collections::BTreeSet<_>>().into_iter().take(50).collect();
    (detail.outages, detail.outages_total) = project.outages_at(&names, RECORDS_MAX)?;
    if !matches!(subject, Subject::Asset(_)) {
        (detail.meters, detail.meters_total) = project.meters_at(&names, RECORDS_MAX)?;
    }
    detail.history = project.history_of(&view.info.network, section, &key)?;
    detail.results = results_of(view, subject, project)?;
    Ok(())
}

/// Rows of the lake that are about a thing.
fn results_of(view: &View, subject: Subject, project: &Project) -> Result<Vec<StudyResult>, Problem> {
    let tables: &[(&str, &str)] = match subject {
        Subject::Element(_) => &[("element_statistics", "element"), ("control_statistics", "control"), ("episodes", "asset")],
        Subject::Bus(_) => &[("node_statistics", "bus")],
        Subject::Asset(_) => return Ok(Vec::new()),
    };
    let name = match subject {
        Subject::Element(i) => view.network.full_name(view.network.order[i as usize]),
        _ => name_of(view, subject).to_owned(),
    };
    let wrong = |e: store::StoreError| Problem::from(ProjectError::from(e));
    let lake = project.lake()?;
    let mut found = Vec::new();
    let studies = lake.studies().map_err(wrong)?;
    for manifest in studies.iter().rev().take(STUDIES_MAX) {
        // A feeder of a study is a network of the project; a study may have asked another version of it.
        let files = lake.committed(Some(&manifest.study)).map_err(wrong)?;
        let of_network = files.iter().filter(|f| f.feeder.eq_ignore_ascii_case(&view.info.network) || is_feeder(&f.feeder, view));
        for file in of_network {
            let Some((table, column)) = tables.iter().find(|(t, _)| *t == file.record.table) else { continue };
            let mut n = 0;
            file.read(&mut |batch| {
                n += take_rows(batch, table, column, &name, &manifest.study, &file.feeder, EPISODES_MAX.saturating_sub(n), &mut found);
                Ok(())
            })
            .map_err(wrong)?;
        }
    }
    Ok(found)
}

/// Whether a study's feeder is one of those that the network's elements name.
fn is_feeder(feeder: &str, view: &View) -> bool {
    view.feeders.iter().any(|f| !f.is_empty() && f.eq_ignore_ascii_case(feeder))
}

fn take_rows(
    batch: &arrow_array::RecordBatch,
    table: &str,
    column: &str,
    name: &str,
    study: &str,
    feeder: &str,
    max: usize,
    found: &mut Vec<StudyResult>,
) -> usize {
    use arrow_array::{Array, StringArray};
    let Some(names) = batch.column_by_name(column).and_then(|c| c.as_any().downcast_ref::<StringArray>()) else { return 0 };
    let mut n = 0;
    for i in (0..names.len()).filter(|i| names.is_valid(*i) && names.value(*i).eq_ignore_ascii_case(name)).take(max) {
        let schema = batch.schema();
        let values = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| !matches!(f.name().as_str(), "study" | "feeder") && f.name() != column)
            .filter_map(|(c, f)| {
                let value = cell(batch.column(c).as_ref(), i)?;
                let unit = f.metadata().get("unit").filter(|u| !u.is_empty()).cloned();
                let label = f.name().replace('_', " ");
                Some(Attribute { field: f.name().clone(), label, value, unit, is_complex: false })
            })
            .collect();
        found.push(StudyResult { study: study.to_owned(), feeder: feeder.to_owned(), table: table.to_owned(), values });
        n += 1;
    }
    n
}

/// A value of a table; none where it is missing.
fn cell(column: &dyn arrow_array::Array, i: usize) -> Option<Value> {
    use arrow_array::{BooleanArray, Float64Array, StringArray, UInt8Array, UInt32Array, UInt64Array};
    if column.is_null(i) {
        return None;
    }
    let any = column.as_any();
    if let Some(c) = any.downcast_ref::<Float64Array>() {
        return Some(Value::from(c.value(i)));
    }
    if let Some(c) = any.downcast_ref::<StringArray>() {
        return Some(Value::from(c.value(i)));
    }
    if let Some(c) = any.downcast_ref::<UInt32Array>() {
        return Some(Value::from(c.value(i)));
    }
    if let Some(c) = any.downcast_ref::<UInt64Array>() {
        return Some(Value::from(c.value(i)));
    }
    if let Some(c) = any.downcast_ref::<UInt8Array>() {
        return Some(Value::from(c.value(i)));
    }
    any.downcast_ref::<BooleanArray>().map(|c| Value::from(c.value(i)))
}

/// From where to where.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FromTo {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    /// `class.name` or `bus.name`.
    pub from: String,
    pub to: String,
    /// Open elements may be passed, too.
    pub open: Option<bool>,
}

/// One step of a way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Step {
    /// The element passed; none at the begin.
    pub element: Option<String>,
    pub i: Option<u32>,
    pub class: Option<String>,
    pub open: bool,
    /// Bus reached.
    pub bus: String,
    pub bus_i: u32,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    /// Length from the begin, km; none from where a length is not known.
    pub km: Option<f64>,
}

/// A way along the grid.
#[derive(Debug, Serialize, ToSchema)]
pub struct Way {
    pub steps: Vec<Step>,
    pub elements: u64,
    pub km: Option<f64>,
}

pub(super) fn buses_named(view: &View, id: &str, field: &str) -> Result<Vec<BusId>, Problem> {
    let subject = view.subject(id).or_else(|| view.bus(id).map(Subject::Bus)).ok_or_else(|| unknown(id).field(field))?;
    let buses = match subject {
        Subject::Bus(i) => vec![BusId(i)],
        Subject::Element(i) => {
            let id = view.network.order[i as usize];
            let at = if is_conducting(id.kind) { Some(id) } else { view.network.subjects(id).first().copied() };
            view::buses_of(&view.network, at.unwrap_or(id))
        }
        Subject::Asset(i) => {
            let asset = &view.network.assets[i as usize];
            let of_element = asset.element.map(|e| view::buses_of(&view.network, e)).unwrap_or_default();
            asset.bus.into_iter().chain(of_element).collect()
        }
    };
    if buses.is_empty() {
        return Err(Problem::not_found("It stands at no bus").detail(format!("\"{id}\" is joined to nothing.")).field(field));
    }
    Ok(buses)
}

fn step(view: &View, passed: Option<ElementId>, bus: BusId, km: f64) -> Step {
    let i = passed.and_then(|e| view.number(e));
    let place = view.layout.buses.get(bus.index());
    Step {
        element: i.map(|i| view.id_of(Subject::Element(i))),
        i,
        class: i.map(|i| view.class(i).to_owned()),
        open: i.is_some_and(|i| !view.is_carrying(i)),
        bus: view.network.bus(bus).name.clone(),
        bus_i: bus.0,
        lon: place.map(|p| p[0]),
        lat: place.map(|p| p[1]),
        km: km.is_finite().then_some(km),
    }
}

/// The way with the fewest elements between two places, through closed elements unless `open` is set.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/path", tag = "elements", params(At, FromTo),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Way), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, description = "No such place, or no way", body = Problem), (status = 503, body = Problem)))]
pub async fn path(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(asked): Query<FromTo>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.views.get(&app, &at.project, &at.network, asked.version).await?;
    let kept = Kept::new(&view, &format!("path-{}", short_hash(&format!("{asked:?}"))), &Version { version: asked.version });
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let way = blocking(move || way(&view, &asked)).await?;
    Ok(kept.on(Json(way).into_response()))
}

fn way(view: &View, asked: &FromTo) -> Result<Way, Problem> {
    let (from, to) = (buses_named(view, &asked.from, "from")?, buses_named(view, &asked.to, "to")?);
    let tree = if asked.open == Some(true) { view.graph.reach_by(&from, |_| true) } else { view.graph.reach(&from) };
    let end = to.iter().copied().filter(|b| tree.is_reached(*b)).min_by_key(|b| tree.depth[b.index()]).ok_or_else(|| {
        Problem::not_found("There is no way between the two")
            .detail(format!("No closed elements lead from \"{}\" to \"{}\".", asked.from, asked.to))
            .hint("Set `open` to pass open switches and what is out of service, too.")
    })?;
    let mut back = vec![(end, None)];
    let mut at = end;
    while let Some((before, link)) = tree.parent[at.index()] {
        if let Some(last) = back.last_mut() {
            last.1 = Some(view.graph.links[link as usize].element);
        }
        back.push((before, None));
        at = before;
    }
    let mut km = if view.distance_km.iter().any(|km| km.is_finite()) { 0.0 } else { f64::NAN };
    let steps: Vec<Step> = back
        .into_iter()
        .rev()
        .map(|(bus, passed)| {
            km += passed.map_or(0.0, |e| view::link_km(&view.network, e));
            step(view, passed, bus, km)
        })
        .collect();
    Ok(Way { elements: steps.len() as u64 - 1, km: km.is_finite().then_some(km), steps })
}

/// Which way to trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the source.
    Up,
    /// Everything that is supplied through it.
    Down,
}

/// From what, in which direction.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TraceFrom {
    /// Number of the version; the newest unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    /// `class.name` or `bus.name`.
    pub element: String,
    /// `up` or `down`; `down` unless told.
    #[param(inline)]
    pub direction: Option<Direction>,
}

/// What a trace reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trace {
    pub direction: String,
    /// Numbers of the elements reached, in the order of the supply; all of them.
    pub elements: Vec<u32>,
    /// Numbers of the buses reached.
    pub buses: Vec<u32>,
    pub classes: Vec<super::map::ClassCount>,
    /// Customers of the loads reached.
    pub customers: u64,
    /// Nominal power of the loads reached, kW.
    pub load_kw: f64,
    /// Length of the lines reached, km; none where a length is not known.
    pub line_km: Option<f64>,
    /// Names of the elements reached, the first 1,000.
    pub ids: Vec<String>,
    /// Part of what was reached is supplied on another way, too.
    pub looped: bool,
}

/// Everything between something and its source, or everything that is supplied through it.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/trace", tag = "elements", params(At, TraceFrom),
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Trace), (status = 304, description = "Not changed"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn trace(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<At>,
    Query(asked): Query<TraceFrom>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.views.get(&app, &at.project, &at.network, asked.version).await?;
    let kept = Kept::new(&view, &format!("trace-{}", short_hash(&format!("{asked:?}"))), &Version { version: asked.version });
    if kept.is_known(&headers) {
        return Ok(kept.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let trace = blocking(move || traced(&view, &asked)).await?;
    Ok(kept.on(Json(trace).into_response()))
}

fn traced(view: &Arc<View>, asked: &TraceFrom) -> Result<Trace, Problem> {
    let starts = buses_named(view, &asked.element, "element")?;
    let direction = asked.direction.unwrap_or(Direction::Down);
    let depth = |b: &BusId| view.supply.depth[b.index()];
    let own = match view.subject(&asked.element) {
        Some(Subject::Element(i)) => Some(view.network.order[i as usize]),
        _ => None,
    };
    let (mut buses, mut elements): (Vec<BusId>, Vec<ElementId>) = (Vec::new(), own.into_iter().collect());
    let mut looped = false;
    match direction {
        Direction::Up => {
            let near = starts.iter().copied().min_by_key(depth);
            if let Some(bus) = near.filter(|b| view.supply.is_reached(*b)) {
                buses.push(bus);
                for (above, link) in view.supply.to_root(bus) {
                    elements.push(view.graph.links[link as usize].element);
                    buses.push(above);
                }
                if let Some(root) = buses.last() {
                    elements.extend(view.graph.elements_at(*root).iter().filter(|e| e.kind == ElementKind::VoltageSource));
                }
            }
        }
        Direction::Down => {
            // Of an element between buses what lies behind it; of what stands at one bus nothing but itself.
            let is_link = own.is_some_and(|e| view::buses_of(&view.network, e).len() > 1);
            let heads: Vec<BusId> = match own {
                Some(e) if is_link => starts.iter().copied().filter(|b| supplier(view, *b) == Some(e)).collect(),
                Some(_) => Vec::new(),
                None => starts.clone(),
            };
            let mut is_below = vec![false; view.network.buses.len()];
            let mut queue: VecDeque<BusId> = VecDeque::new();
            for head in heads {
                is_below[head.index()] = true;
                queue.push_back(head);
            }
            // Parents come before children in the order of the supply.
            for &bus in &view.supply.order {
                if let Some((parent, _)) = view.supply.parent[bus.index()]
                    && is_below[parent.index()]
                {
                    is_below[bus.index()] = true;
                }
            }
            buses.extend(view.supply.order.iter().copied().filter(|b| is_below[b.index()]));
            let mut seen: HashSet<ElementId> = elements.iter().copied().collect();
            for &bus in &buses {
                for &e in view.graph.elements_at(bus) {
                    let ends = view::buses_of(&view.network, e);
                    if ends.iter().all(|b| is_below[b.index()]) {
                        if seen.insert(e) {
                            elements.push(e);
                        }
                    } else if own != Some(e) && supplier(view, bus) != Some(e) {
                        looped |= view.number(e).is_some_and(|i| view.is_carrying(i));
                    }
                }
            }
        }
    }
    let numbers: Vec<u32> = elements.iter().filter_map(|e| view.number(*e)).collect();
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    numbers.iter().for_each(|i| *classes.entry(view.class(*i)).or_default() += 1);
    let in_service = |e: &&ElementId| view.network.in_service(**e);
    let (mut customers, mut load_kw, mut line_km) = (0, 0.0, 0.0);
    for e in elements.iter().filter(in_service) {
        match e.kind {
            ElementKind::Load => {
                let load = &view.network.loads[e.index()];
                customers += u64::from(load.n_customers);
                load_kw += load.p_kw;
            }
            ElementKind::PowerLoad => load_kw += view.network.power_loads[e.index()].p_mw * 1000.0,
            _ => {}
        }
        line_km += view::link_km(&view.network, *e);
    }
    Ok(Trace {
        direction: if direction == Direction::Up { "up" } else { "down" }.into(),
        buses: buses.iter().map(|b| b.0).collect(),
        classes: classes.into_iter().map(|(class, count)| super::map::ClassCount { class: class.to_owned(), count }).collect(),
        customers,
        load_kw,
        line_km: line_km.is_finite().then_some(line_km),
        ids: numbers.iter().take(1000).map(|i| view.id_of(Subject::Element(*i))).collect(),
        elements: numbers,
        looped,
    })
}
