//! Meters and the transformers that they hang on: the newest map of them, what there is to decide, and the decisions.

use super::kept::{MeterState, Review};
use super::{Count, DecisionRow, counts, short, words, wrong_sort};
use crate::access::Viewer;
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::routes::elements::natural;
use crate::state::App;
use crate::view::phase_letters;
use axum::Json;
use axum::extract::{Path, Query, State};
use network::LonLat;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use store::project::decisions::METER_MAP;
use store::project::{MeterMapBrief, MeterMapInfo, MeterMapRow, MeterMapSite, Project, ProjectError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Transformers near a meter that its detail shows.
const NEAR_MAX: usize = 8;
/// Meters of a transformer that a detail shows.
const BESIDE_MAX: usize = 100;
const SORTS: &str = "meter, transformer, feeder, confidence, probability, distance_m, correlation, state";
const CONFIDENCES: [&str; 3] = ["high", "medium", "low"];
const METHODS: [&str; 5] = ["explicit", "traced", "inferred", "override", "none"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(summary))
        .routes(routes!(meters))
        .routes(routes!(meter))
        .routes(routes!(transformers))
}

/// A version of a network that a map rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapVersion {
    pub network: String,
    pub version: u64,
    /// The newest there is: the map is old where it is another.
    pub newest: u64,
}

/// A map of meters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapRow {
    /// Counted from 1.
    pub number: u64,
    /// RFC 3339.
    pub time_utc: String,
    pub author: String,
    #[schema(value_type = Object)]
    pub options: Value,
    pub meters: u64,
    pub versions: Vec<MapVersion>,
}

fn map_row(project: &Project, info: &MeterMapInfo) -> Result<MapRow, ProjectError> {
    let version = |(network, version): &(String, u64)| {
        let newest = project.version(Some(network), None)?.number;
        Ok(MapVersion { network: network.clone(), version: *version, newest })
    };
    Ok(MapRow {
        number: info.number,
        time_utc: info.time_utc.clone(),
        author: info.author.clone(),
        options: info.options.clone(),
        meters: info.meters,
        versions: info.versions.iter().map(version).collect::<Result<_, ProjectError>>()?,
    })
}

/// Maps of meters that are kept, the newest first.
#[utoipa::path(get, path = "/api/projects/{project}/meter-maps", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), Paging),
    responses((status = 200, body = Page<MapRow>)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<MapRow>>, Problem> {
    let paging = paging.check()?;
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let page = paging.of(p.meter_maps()?.into_iter().rev())?;
        let items = page.items.iter().map(|info| map_row(p, info)).collect::<Result<_, _>>()?;
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// Which map.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Number {
    /// Number of the map; the newest unless told.
    #[param(minimum = 1)]
    pub number: Option<u64>,
}

/// A map with counts of what there is to decide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapDetail {
    #[serde(flatten)]
    pub row: MapRow,
    /// Number of the newest map.
    pub newest: u64,
    /// Meters by confidence: `high`, `medium`, `low`.
    pub confidences: Vec<Count>,
    /// Meters by where their transformer comes from: `explicit`, `traced`, `inferred`, `override`, `none`.
    pub methods: Vec<Count>,
    /// Meters by state: `proposed`, `decided`, `waiting`.
    pub states: Vec<Count>,
    /// Meters without a transformer.
    pub unmapped: u64,
    /// Meters whose decision is not in the map, or that was made with one that has been taken back.
    pub pending: u64,
    /// Decisions about meters that the map does not have.
    pub unknown_meters: u64,
    /// Transformers that meters could hang on; none of a map that was made before they were kept with it.
    pub transformers: u64,
}

/// A map of the meters, and how much there is to decide.
#[utoipa::path(get, path = "/api/projects/{project}/meter-map", tag = "review", params(("project" = String, Path), Number),
    security(("session" = ["viewer"]), ("token" = ["viewer"])), responses((status = 200, body = MapDetail)))]
pub async fn summary(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(query): Query<Number>,
) -> Result<Json<MapDetail>, Problem> {
    let shared = app.clone();
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let review = Review::read(&shared.meter_maps, p, query.number)?;
        let rows = &review.map().rows;
        Ok(Json(MapDetail {
            row: map_row(p, &review.map().info)?,
            newest: p.meter_maps()?.last().map_or(review.map().info.number, |m| m.number),
            confidences: counts(&CONFIDENCES, rows.iter().map(|r| r.confidence.as_str())),
            methods: counts(&METHODS, rows.iter().map(|r| r.method.as_str())),
            states: counts(&MeterState::NAMES, rows.iter().map(|r| review.standing(r).0.name())),
            unmapped: rows.iter().filter(|r| r.transformer.is_none()).count() as u64,
            pending: review.pending(),
            unknown_meters: review.decisions.keys().filter(|m| review.kept.row(m).is_none()).count() as u64,
            transformers: review.map().sites.len() as u64,
        }))
    })
    .await
}

/// Which meters, in which order.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MeterQuery {
    /// Number of the map; the newest unless told.
    #[param(minimum = 1)]
    pub number: Option<u64>,
    /// `high`, `medium`, `low`, parted by commas.
    #[param(max_length = 200)]
    pub confidence: Option<String>,
    /// Where the transformer comes from, parted by commas: `explicit`, `traced`, `inferred`, `override`, `none`.
    #[param(max_length = 200)]
    pub method: Option<String>,
    /// `proposed`, `decided`, `waiting`, parted by commas.
    #[param(max_length = 200)]
    pub state: Option<String>,
    #[param(max_length = 200)]
    pub feeder: Option<String>,
    /// Only meters that hang on this transformer.
    #[param(max_length = 1000)]
    pub transformer: Option<String>,
    /// Only those with a transformer, or only those without.
    pub mapped: Option<bool>,
    /// Only those whose decision is not in the map, or only the others.
    pub pending: Option<bool>,
    /// Words that are parts of the names of meter, transformer or feeder.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// `meter`, `transformer`, `feeder`, `confidence`, `probability`, `distance_m`, `correlation` or `state`, with `-` in front for the
    /// reverse; what has no value comes last. The order of the map unless told.
    #[param(pattern = "^-?(meter|transformer|feeder|confidence|probability|distance_m|correlation|state)$")]
    pub sort: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// A meter, what the map says of it, and what was decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeterRow {
    pub meter: String,
    /// In the map; none of a meter that hangs on none.
    pub transformer: Option<String>,
    pub feeder: String,
    /// Where the transformer comes from.
    pub method: String,
    pub confidence: String,
    /// 0 to 1.
    pub probability: Option<f64>,
    pub distance_m: Option<f64>,
    /// The next likely transformer.
    pub second_transformer: Option<String>,
    pub second_probability: Option<f64>,
    pub second_distance_m: Option<f64>,
    /// Correlation of its voltage with those of the others on the transformer.
    pub correlation: Option<f64>,
    /// Longitude and latitude, degrees.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    /// What speaks for and against it.
    pub reasons: Vec<String>,
    pub state: MeterState,
    /// The map was made without this decision, or with one that was taken back: it changes when the meters are mapped again.
    pub pending: bool,
    /// The decision in force; its value is the transformer, empty for none.
    pub decision: Option<DecisionRow>,
}

fn meter_row(review: &Review, row: &MeterMapRow, reasons: Vec<String>) -> MeterRow {
    let (state, pending) = review.standing(row);
    let decision = review.decisions.get(&row.meter).map(|d| DecisionRow {
        value: Some(d.transformer.clone()),
        author: d.author.clone(),
        note: d.note.clone(),
        time_utc: d.time_utc.clone(),
    });
    MeterRow {
        meter: row.meter.clone(),
        transformer: row.transformer.clone(),
        feeder: row.feeder.clone(),
        method: row.method.clone(),
        confidence: row.confidence.clone(),
        probability: Some(row.probability).filter(|p| p.is_finite()),
        distance_m: row.distance_m,
        second_transformer: row.second_transformer.clone(),
        second_probability: row.second_probability,
        second_distance_m: row.second_distance_m,
        correlation: row.correlation,
        lon: row.place.map(|p| p.lon_deg),
        lat: row.place.map(|p| p.lat_deg),
        reasons,
        state,
        pending,
        decision,
    }
}

fn chosen<'r>(review: &'r Review, q: &MeterQuery) -> Result<Vec<&'r MeterMapRow>, Problem> {
    let (confidences, methods, states) = (words(q.confidence.as_deref()), words(q.method.as_deref()), words(q.state.as_deref()));
    let among = |of: &Option<Vec<String>>, name: &str| of.as_ref().is_none_or(|o| o.iter().any(|w| w == name));
    let search: Vec<String> = q.search.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    let fits = |r: &&MeterMapRow| {
        let (state, pending) = review.standing(r);
        let has = |w: &String| {
            [Some(r.meter.as_str()), r.transformer.as_deref(), Some(r.feeder.as_str())]
                .into_iter()
                .flatten()
                .any(|t| t.to_lowercase().contains(w.as_str()))
        };
        among(&confidences, &r.confidence)
            && among(&methods, &r.method)
            && among(&states, state.name())
            && q.feeder.as_deref().is_none_or(|f| f.eq_ignore_ascii_case(&r.feeder))
            && q.transformer.as_deref().is_none_or(|t| r.transformer.as_deref() == Some(t))
            && q.mapped.is_none_or(|is| is == r.transformer.is_some())
            && q.pending.is_none_or(|is| is == pending)
            && search.iter().all(has)
    };
    let mut rows: Vec<&MeterMapRow> = review.map().rows.iter().filter(fits).collect();
    let Some(sort) = q.sort.as_deref() else { return Ok(rows) };
    let (key, is_reverse) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
    let number = |r: &MeterMapRow| match key {
        "confidence" => CONFIDENCES.iter().rev().position(|c| *c == r.confidence).map(|i| i as f64),
        "probability" => Some(r.probability).filter(|p| p.is_finite()),
        "distance_m" => r.distance_m,
        "correlation" => r.correlation,
        _ => Some(f64::from(review.standing(r).0 as u8)),
    };
    match key {
        "meter" | "transformer" | "feeder" => {
            let text = |r: &&MeterMapRow| {
                let text = match key {
                    "meter" => Some(r.meter.as_str()),
                    "transformer" => r.transformer.as_deref(),
                    _ => Some(r.feeder.as_str()).filter(|f| !f.is_empty()),
                };
                (text.is_none(), natural(text.unwrap_or_default()))
            };
            rows.sort_by_cached_key(text);
            if is_reverse {
                let n_known = rows.iter().filter(|r| !text(r).0).count();
                rows[..n_known].reverse();
            }
        }
        "confidence" | "probability" | "distance_m" | "correlation" | "state" => rows.sort_by(|x, y| match (number(x), number(y)) {
            (Some(x), Some(y)) if is_reverse => y.total_cmp(&x),
            (Some(x), Some(y)) => x.total_cmp(&y),
            (x, y) => x.is_none().cmp(&y.is_none()),
        }),
        _ => return Err(wrong_sort(key, SORTS)),
    }
    Ok(rows)
}

/// Meters of a map, with what was decided about them.
#[utoipa::path(get, path = "/api/projects/{project}/meter-map/meters", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), MeterQuery),
    responses((status = 200, body = Page<MeterRow>)))]
pub async fn meters(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(query): Query<MeterQuery>,
) -> Result<Json<Page<MeterRow>>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    let shared = app.clone();
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let review = Review::read(&shared.meter_maps, p, query.number)?;
        let page = paging.of(chosen(&review, &query)?)?;
        let names: Vec<&str> = page.items.iter().map(|r| r.meter.as_str()).collect();
        let mut reasons = p.meter_map_reasons(&review.map().info, &names)?;
        let items = page.items.iter().map(|r| meter_row(&review, r, reasons.remove(&r.meter).unwrap_or_default())).collect();
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// A transformer that meters can hang on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SiteRow {
    /// As the map names it.
    pub transformer: String,
    pub network: String,
    /// Version of the network that the map rests on.
    pub version: Option<u64>,
    /// Identity in the network: `transformer.name`.
    pub id: String,
    pub feeder: String,
    /// `ABC`, `A`, …; empty where not known.
    pub phases: String,
    pub kva: Option<f64>,
    pub lon: f64,
    pub lat: f64,
    /// Meters that hang on it in the map.
    pub meters: u64,
    /// Distance from the meter that was named, m.
    pub distance_m: Option<f64>,
}

/// Meters of each transformer of a map.
fn loads(map: &MeterMapBrief) -> HashMap<&str, u64> {
    let mut loads = HashMap::new();
    for t in map.rows.iter().filter_map(|r| r.transformer.as_deref()) {
        *loads.entry(t).or_default() += 1;
    }
    loads
}

fn site_row(map: &MeterMapBrief, loads: &HashMap<&str, u64>, site: &MeterMapSite, from: Option<LonLat>) -> SiteRow {
    SiteRow {
        transformer: site.transformer.clone(),
        network: site.network.clone(),
        version: map.info.versions.iter().find(|(n, _)| *n == site.network).map(|(_, v)| *v),
        id: format!("transformer.{}", site.element),
        feeder: site.feeder.clone(),
        phases: phase_letters(site.phases),
        kva: site.kva.filter(|k| k.is_finite()),
        lon: site.place.lon_deg,
        lat: site.place.lat_deg,
        meters: loads.get(site.transformer.as_str()).copied().unwrap_or(0),
        distance_m: from.map(|p| p.distance_m(site.place)),
    }
}

/// Sites from the nearest to a place on; in the order of their names where there is none.
fn by_distance(mut sites: Vec<&MeterMapSite>, from: Option<LonLat>) -> Vec<&MeterMapSite> {
    let Some(from) = from else {
        sites.sort_by_cached_key(|s| natural(&s.transformer));
        return sites;
    };
    let mut near: Vec<(f64, &MeterMapSite)> = sites.into_iter().map(|s| (from.distance_m(s.place), s)).collect();
    near.sort_by(|(x, a), (y, b)| x.total_cmp(y).then_with(|| a.transformer.cmp(&b.transformer)));
    near.into_iter().map(|(_, s)| s).collect()
}

/// Which meter.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MeterAt {
    /// Name of the project's folder.
    pub project: String,
    pub meter: String,
}

/// A meter beside another one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeterBeside {
    pub meter: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
}

/// Everything about one meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeterDetail {
    pub row: MeterRow,
    /// The transformer that it hangs on in the map.
    pub site: Option<SiteRow>,
    /// The next likely one.
    pub second: Option<SiteRow>,
    /// The one that was decided for.
    pub decided: Option<SiteRow>,
    /// Transformers near it, the nearest first.
    pub near: Vec<SiteRow>,
    /// Other meters of its transformer.
    pub beside: Vec<MeterBeside>,
    pub beside_total: u64,
    /// All that was ever decided about it, oldest first.
    pub decisions: Vec<DecisionRow>,
}

fn no_meter(meter: &str) -> Problem {
    Problem::not_found("There is no such meter")
        .detail(format!("The map has no meter \"{}\".", short(meter)))
        .hint("GET /api/projects/{project}/meter-map/meters lists those that it has.")
        .field("meter")
}

/// One meter: its transformer and why, others near it, what was decided.
#[utoipa::path(get, path = "/api/projects/{project}/meter-map/meters/{meter}", tag = "review", params(MeterAt, Number),
    security(("session" = ["viewer"]), ("token" = ["viewer"])), responses((status = 200, body = MeterDetail)))]
pub async fn meter(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<MeterAt>,
    Query(query): Query<Number>,
) -> Result<Json<MeterDetail>, Problem> {
    let name = at.project.clone();
    let shared = app.clone();
    app.with_project(&name, move |p| -> Result<_, Problem> {
        let review = Review::read(&shared.meter_maps, p, query.number)?;
        let map = review.map();
        let row = review.kept.row(&at.meter).ok_or_else(|| no_meter(&at.meter))?;
        let reasons = p.meter_map_reasons(&map.info, &[&row.meter])?.remove(&row.meter).unwrap_or_default();
        let loads = loads(map);
        let site = |name: Option<&str>| {
            let found = map.sites.iter().find(|s| Some(s.transformer.as_str()) == name)?;
            Some(site_row(map, &loads, found, row.place))
        };
        let near = match row.place {
            Some(_) => by_distance(map.sites.iter().collect(), row.place).into_iter().take(NEAR_MAX).collect(),
            None => Vec::new(),
        };
        let others: Vec<&MeterMapRow> =
            map.rows.iter().filter(|r| r.transformer.is_some() && r.transformer == row.transformer && r.meter != row.meter).collect();
        let beside =
            |r: &&MeterMapRow| MeterBeside { meter: r.meter.clone(), lon: r.place.map(|p| p.lon_deg), lat: r.place.map(|p| p.lat_deg) };
        Ok(Json(MeterDetail {
            site: site(row.transformer.as_deref()),
            second: site(row.second_transformer.as_deref()),
            decided: site(review.decisions.get(&row.meter).map(|d| d.transformer.as_str())),
            near: near.into_iter().map(|s| site_row(map, &loads, s, row.place)).collect(),
            beside: others.iter().take(BESIDE_MAX).map(beside).collect(),
            beside_total: others.len() as u64,
            decisions: p.override_history(METER_MAP, &row.meter)?.into_iter().map(DecisionRow::from).collect(),
            row: meter_row(&review, row, reasons),
        }))
    })
    .await
}

/// Which transformers.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SiteQuery {
    /// Number of the map; the newest unless told.
    #[param(minimum = 1)]
    pub number: Option<u64>,
    /// Words that are parts of the names of transformer, network or feeder.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// Meter: the nearest to it come first.
    #[param(max_length = 1000)]
    pub near: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// Transformers that meters of a map can hang on.
#[utoipa::path(get, path = "/api/projects/{project}/meter-map/transformers", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), SiteQuery),
    responses((status = 200, body = Page<SiteRow>)))]
pub async fn transformers(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(query): Query<SiteQuery>,
) -> Result<Json<Page<SiteRow>>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    let shared = app.clone();
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let review = Review::read(&shared.meter_maps, p, query.number)?;
        let near = query.near.as_deref().filter(|m| !m.is_empty());
        if let Some(meter) = near.filter(|m| review.kept.row(m).is_none()) {
            return Err(no_meter(meter).field("near"));
        }
        let from = near.and_then(|m| review.kept.row(m)?.place);
        let search: Vec<String> = query.search.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let has = |s: &&MeterMapSite, w: &String| {
            [&s.transformer, &s.network, &s.feeder].into_iter().any(|t| t.to_lowercase().contains(w.as_str()))
        };
        let fits: Vec<&MeterMapSite> = review.map().sites.iter().filter(|s| search.iter().all(|w| has(s, w))).collect();
        let page = paging.of(by_distance(fits, from))?;
        let loads = loads(review.map());
        let items = page.items.into_iter().map(|s| site_row(review.map(), &loads, s, from)).collect();
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::super::kept::tests::review;
    use super::*;

    #[test]
    fn meters_are_chosen_and_sorted_with_what_has_no_value_last() {
        let review = review(&[("m10", "t2")]);
        let of = |q: MeterQuery| -> Vec<String> { chosen(&review, &q).unwrap().into_iter().map(|r| r.meter.clone()).collect() };
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(of(MeterQuery { sort: text("meter"), ..Default::default() }), ["m2", "m3", "m4", "m10"]);
        assert_eq!(of(MeterQuery { sort: text("-transformer"), ..Default::default() }), ["m2", "m4", "m10", "m3"]);
        assert_eq!(of(MeterQuery { sort: text("confidence"), ..Default::default() }), ["m10", "m3", "m4", "m2"]);
        assert_eq!(of(MeterQuery { sort: text("distance_m"), mapped: Some(true), ..Default::default() }), ["m10", "m2", "m4"]);
        assert_eq!(of(MeterQuery { confidence: text("low,medium"), ..Default::default() }), ["m10", "m3", "m4"]);
        assert_eq!(of(MeterQuery { state: text("decided"), pending: Some(true), ..Default::default() }), ["m10"]);
        assert_eq!(of(MeterQuery { transformer: text("t1"), search: text("NORTH m4"), ..Default::default() }), ["m4"]);
        assert_eq!(chosen(&review, &MeterQuery { sort: text("colour"), ..Default::default() }).unwrap_err().status, 400);
    }
}
