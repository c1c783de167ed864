//! Trends: what the twin has recorded of its own figures, summed up over intervals. Where nothing was recorded there is no row.

use super::assets::{find, type_word};
use super::level_name;
use crate::access::Viewer;
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use crate::routes::twin::{AlarmsOf, AskedEvents, Pairs, collect_events, recorded};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Query, State};
use network::{EquipmentKind, Network};
use scada::UtcTime;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use twin::history::{Bucket, EventFilter, Historian, Resolution, Rows};
use twin::live::Twin;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The range without one, hours; and the longest, hours.
const HOURS: f64 = 24.0;
const HOURS_MAX: f64 = 24.0 * 366.0 * 5.0;
/// Rows of an answer at most: of a series, and of all together.
const ROWS_MAX: i64 = 50_000;
const ROWS_ALL_MAX: i64 = 1_000_000;
/// A bus that stood below this within an interval, pu, was dead for some of it: no mean over it is a voltage.
const DEAD_PU: f64 = 0.01;
/// Events of an answer, unless told; and at most.
const EVENTS: u64 = 1_000;
const EVENTS_MAX: u64 = 10_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(power_flow))
        .routes(routes!(voltage_profile))
        .routes(routes!(asset_health))
        .routes(routes!(transformer_loading))
        .routes(routes!(system_events))
        .routes(routes!(energy_consumption))
        .routes(routes!(trends))
}

/// The whole intervals that a range touches.
struct Span {
    from_ms: i64,
    to_ms: i64,
    resolution: Resolution,
    word: &'static str,
    width_ms: i64,
}

impl Span {
    /// From `from` and `to`, or `hours` up to now; `interval` is minute, hour or day, and follows from the range where it is not told.
    fn of(pairs: &Pairs) -> Result<Self, Problem> {
        let hours = match pairs.one("hours") {
            None => HOURS,
            Some(text) => text.parse::<f64>().ok().filter(|h| *h > 0.0 && *h <= HOURS_MAX).ok_or_else(|| {
                Problem::bad_request("The number of hours is out of range").detail(format!("It can be up to {HOURS_MAX}.")).field("hours")
            })?,
        };
        let (from_ms, to_ms) = pairs.range_ms((hours * 3_600_000.0) as i64)?;
        let length_h = (to_ms - from_ms) as f64 / 3_600_000.0;
        let word = match pairs.word("interval", &["minute", "hour", "day"])? {
            Some(word) => word,
            None if length_h <= 24.0 => "minute",
            None if length_h <= 24.0 * 90.0 => "hour",
            None => "day",
        };
        let (resolution, width_ms) = match word {
            "minute" => (Resolution::Every(Duration::from_secs(60)), 60_000),
            "hour" => (Resolution::Hourly, 3_600_000),
            _ => (Resolution::Daily, 86_400_000),
        };
        // What is summed up reaches to the ends of its first and last interval, so that is the range that is told.
        let from_ms = from_ms.div_euclid(width_ms) * width_ms;
        let to_ms = -(-to_ms).div_euclid(width_ms) * width_ms;
        let span = Self { from_ms, to_ms, resolution, word, width_ms };
        span.bounded(1)?;
        Ok(span)
    }

    fn intervals(&self) -> i64 {
        (self.to_ms - self.from_ms) / self.width_ms
    }

    /// Refuses what would be too long an answer.
    ///
    /// # Errors
    /// `TWIN.HISTORY.TOO_MUCH`.
    fn bounded(&self, series: usize) -> Result<(), Problem> {
        let (each, all) = (self.intervals(), self.intervals().saturating_mul(series as i64));
        if each <= ROWS_MAX && all <= ROWS_ALL_MAX {
            return Ok(());
        }
        Err(Problem::bad_request("The answer would be too long")
            .code("TWIN.HISTORY.TOO_MUCH")
            .detail(format!("{each} intervals of {series} series are asked for; {ROWS_MAX} of one can be had, and {ROWS_ALL_MAX} in all."))
            .hint("Ask for a shorter range, a longer interval, or fewer buses or assets.")
            .field("interval"))
    }

    fn head(&self) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("from".into(), rfc3339_ms(self.from_ms).into());
        head.insert("to".into(), rfc3339_ms(self.to_ms).into());
        head.insert("interval".into(), self.word.into());
        head
    }
}

/// Intervals of figures by the names they are recorded under; a figure that was never recorded has none.
struct Recorded(BTreeMap<String, Vec<Bucket>>);

impl Recorded {
    fn of(history: &dyn Historian, names: &[String], span: &Span) -> Result<Self, Problem> {
        span.bounded(names.len())?;
        let known: HashSet<String> = history.points().into_iter().map(|p| p.name.to_lowercase()).collect();
        let names: Vec<String> = names.iter().filter(|n| known.contains(&n.to_lowercase())).cloned().collect();
        let mut all = BTreeMap::new();
        // Some at a time: one question over hundreds of points would hold all their values at once.
        for names in names.chunks(16) {
            let (points, answer) = recorded(history, names, (span.from_ms, span.to_ms), span.resolution)?;
            for (point, series) in points.into_iter().zip(answer.series) {
                if let Rows::Buckets(buckets) = series.rows {
                    all.insert(point.name.to_lowercase(), buckets);
                }
            }
        }
        Ok(Self(all))
    }

    fn buckets(&self, name: &str) -> &[Bucket] {
        self.0.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// One row for each interval in which any of the figures is known; a figure that is not is null.
    fn rows(&self, columns: &[(&str, &str, f64)]) -> Vec<Value> {
        let mut rows: BTreeMap<i64, Map<String, Value>> = BTreeMap::new();
        for (column, name, times) in columns {
            for bucket in self.buckets(name).iter().filter(|b| b.good_us > 0) {
                let row = rows.entry(bucket.start.ms()).or_default();
                row.insert((*column).to_owned(), json!(bucket.mean().map(|m| m * times)));
            }
        }
        rows.into_iter()
            .map(|(ms, mut values)| {
                let mut row = Map::new();
                row.insert("timestamp".into(), rfc3339_ms(ms).into());
                for (column, _, _) in columns {
                    row.insert((*column).to_owned(), values.remove(*column).unwrap_or(Value::Null));
                }
                Value::Object(row)
            })
            .collect()
    }
}

/// The buses whose mean voltage stands for a level: its busbars; all its buses where the register names none.
fn buses_of_levels(twin: &Twin) -> Vec<(f64, Vec<String>)> {
    let (network, station) = (&twin.site().network, &twin.site().station);
    let busbars: Vec<_> = station.of_kind(EquipmentKind::Busbar).filter_map(|e| e.bus).collect();
    let mut levels: Vec<f64> = network.buses.iter().filter_map(network::Bus::kv_base_ll).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    let of = |kv: f64, wanted: &dyn Fn(usize) -> bool| -> Vec<String> {
        network.buses.iter().enumerate().filter(|(i, b)| b.kv_base_ll() == Some(kv) && wanted(*i)).map(|(_, b)| b.name.clone()).collect()
    };
    levels
        .into_iter()
        .map(|kv| {
            let bars = of(kv, &|i| busbars.iter().any(|b| b.index() == i));
            (kv, if bars.is_empty() { of(kv, &|_| true) } else { bars })
        })
        .collect()
}

/// Mean of several buses by the beginning of each interval, ms: of those that were live throughout, as the figure of now is of live busbars.
fn live_means(buses: &[&[Bucket]]) -> BTreeMap<i64, f64> {
    let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for bucket in buses.iter().copied().flatten().filter(|b| b.min.is_some_and(|low| low >= DEAD_PU)) {
        if let Some(mean) = bucket.mean() {
            let (sum, n) = sums.entry(bucket.start.ms()).or_default();
            (*sum, *n) = (*sum + mean, *n + 1.0);
        }
    }
    sums.into_iter().map(|(at, (sum, n))| (at, sum / n)).collect()
}

fn point_of_bus(bus: &str) -> String {
    format!("twin.bus.{bus}.v_pu")
}

fn point_of_asset(asset: &str, what: &str) -> String {
    format!("twin.asset.{asset}.{what}")
}

/// Power, reactive power, frequency and voltages of the station.
#[utoipa::path(get, path = "/api/historical/power-flow", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn power_flow(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let span = Span::of(&Pairs(pairs))?;
    blocking(move || {
        let figures: [(&str, &str, f64); 7] = [
            ("active_power", "twin.total_load_mw", 1.0),
            ("generation", "twin.generation_mw", 1.0),
            ("losses", "twin.losses_mw", 1.0),
            ("reactive_power", "twin.reactive_mvar", 1.0),
            ("power_factor", "twin.power_factor", 1.0),
            ("efficiency", "twin.efficiency_pct", 1.0),
            ("frequency", "twin.frequency_hz", 1.0),
        ];
        let levels = buses_of_levels(&twin);
        let mut names: Vec<String> = figures.iter().map(|f| f.1.to_owned()).collect();
        names.extend(levels.iter().flat_map(|(_, buses)| buses.iter().map(|b| point_of_bus(b))));
        let all = Recorded::of(&**twin.history(), &names, &span)?;
        let mut rows = all.rows(&figures);
        for (kv, buses) in &levels {
            let series: Vec<&[Bucket]> = buses.iter().map(|bus| all.buckets(&point_of_bus(bus))).collect();
            let means = live_means(&series);
            for row in &mut rows {
                let at = row["timestamp"].as_str().and_then(crate::moment::parse);
                row[level_name(*kv)] = json!(at.and_then(|at| means.get(&at)).map(|pu| pu * kv));
            }
        }
        let mut answer = span.head();
        answer.insert("data".into(), rows.into());
        Ok(Json(answer.into()))
    })
    .await
}

/// Voltage of each bus.
#[utoipa::path(get, path = "/api/historical/voltage-profile", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("bus" = Option<Vec<String>>, Query, description = "Only these; repeatable"), ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn voltage_profile(
    State(app): State<App>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let span = Span::of(&pairs)?;
    let network: &Network = &twin.site().network;
    let wanted: Vec<String> = pairs.all("bus").into_iter().map(str::to_lowercase).collect();
    if let Some(strange) = wanted.iter().find(|b| network.bus_id(b).is_none()) {
        return Err(Problem::not_found(format!("The network has no bus \"{}\"", strange.chars().take(100).collect::<String>()))
            .code("TWIN.SUBJECT.UNKNOWN")
            .hint("GET /api/circuit/topology names all buses.")
            .field("bus"));
    }
    let buses: Vec<(String, Option<f64>)> =
        network.buses.iter().filter(|b| wanted.is_empty() || wanted.contains(&b.name)).map(|b| (b.name.clone(), b.kv_base_ll())).collect();
    blocking(move || {
        let names: Vec<String> = buses.iter().map(|(b, _)| point_of_bus(b)).collect();
        let all = Recorded::of(&**twin.history(), &names, &span)?;
        let told = buses.iter().map(|(bus, kv)| {
            let rows = all.buckets(&point_of_bus(bus)).iter().filter(|b| b.good_us > 0).map(|b| {
                json!({ "timestamp": rfc3339_ms(b.start.ms()), "voltage_pu": b.mean(), "min_pu": b.min, "max_pu": b.max,
                    "voltage_kv": kv.and_then(|kv| b.mean().map(|m| m * kv)) })
            });
            json!({ "bus_name": bus, "base_kv": kv, "voltage_level": kv.map(|kv| format!("{}kV", (kv * 1000.0).round() / 1000.0)), "data": rows.collect::<Vec<_>>() })
        });
        let mut answer = span.head();
        answer.insert("buses".into(), told.collect());
        Ok(Json(answer.into()))
    })
    .await
}

/// Health, loading and temperature of equipment of some kinds.
fn of_assets(twin: &Twin, wanted: &[String], kinds: &[EquipmentKind], span: &Span) -> Result<Vec<Value>, Problem> {
    for id in wanted {
        find(twin, id)?;
    }
    let of = |e: &&network::Equipment| {
        (kinds.is_empty() || kinds.contains(&e.kind)) && (wanted.is_empty() || wanted.iter().any(|w| e.id.eq_ignore_ascii_case(w)))
    };
    let assets: Vec<&network::Equipment> = twin.site().station.equipment.iter().filter(of).collect();
    let names: Vec<String> =
        assets.iter().flat_map(|e| ["health", "loading_pct", "temperature_c"].map(|what| point_of_asset(&e.id, what))).collect();
    let all = Recorded::of(&**twin.history(), &names, span)?;
    let told = assets.iter().map(|e| {
        let [health, loading, temperature] = ["health", "loading_pct", "temperature_c"].map(|what| point_of_asset(&e.id, what));
        let columns = [("health_score", &*health, 1.0), ("loading_percent", &*loading, 1.0), ("temperature_c", &*temperature, 1.0)];
        let mut rows = all.rows(&columns);
        let most: BTreeMap<String, Option<f64>> = all.buckets(&loading).iter().map(|b| (rfc3339_ms(b.start.ms()), b.max)).collect();
        for row in &mut rows {
            let highest = row["timestamp"].as_str().and_then(|t| most.get(t).copied().flatten());
            row["loading_percent_max"] = json!(highest);
        }
        json!({ "asset_id": e.id, "asset_type": type_word(e), "name": e.name, "rated_power_mva": e.rating.get("mva"), "data": rows })
    });
    Ok(told.collect())
}

/// The answer about equipment of some kinds, under a key; of all kinds when none is named.
async fn answered(app: App, pairs: &Pairs, key: &'static str, kinds: &'static [EquipmentKind]) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let span = Span::of(pairs)?;
    let wanted: Vec<String> = pairs.all("asset_id").into_iter().map(str::to_owned).collect();
    blocking(move || {
        let mut answer = span.head();
        answer.insert(key.to_owned(), of_assets(&twin, &wanted, kinds, &span)?.into());
        Ok(Json(answer.into()))
    })
    .await
}

/// Health of equipment.
#[utoipa::path(get, path = "/api/historical/asset-health", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("asset_id" = Option<Vec<String>>, Query, description = "Only these; repeatable"), ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn asset_health(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    answered(app, &Pairs(pairs), "assets", &[]).await
}

/// Loading of transformers: three-phase apparent power over rating, percent.
#[utoipa::path(get, path = "/api/historical/transformer-loading", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("asset_id" = Option<Vec<String>>, Query, description = "Only these; repeatable"), ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn transformer_loading(
    State(app): State<App>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Problem> {
    answered(app, &Pairs(pairs), "transformers", &[EquipmentKind::PowerTransformer, EquipmentKind::DistributionTransformer]).await
}

/// Kinds of events as document 001 names them, and ours.
const EVENT_TYPES: [&str; 10] = ["all", "alarm", "fault", "maintenance", "control", "system", "comms", "training", "estimate", "rules"];
const SEVERITIES: [&str; 5] = ["all", "critical", "high", "medium", "low"];

/// The kinds that a word of document 001 means; all where none is named.
fn kinds_of(word: &str) -> Vec<String> {
    match word {
        "all" => Vec::new(),
        "fault" => vec![AlarmsOf::Trips.kind().to_owned()],
        other => vec![other.to_owned()],
    }
}

/// Beginning of a range that is named, ms.
fn beginning(word: &str, now_ms: i64) -> Option<i64> {
    let hours = match word {
        "last_hour" | "last_1h" => 1,
        "last_6h" => 6,
        "last_24h" => 24,
        "last_7d" => 24 * 7,
        "last_30d" => 24 * 30,
        _ => return None,
    };
    Some(now_ms - hours * 3_600_000)
}

/// Events, the newest first, as an array. `eventType`, `severity`, `dateRange` and `searchText` are the filters of the log explorer.
#[utoipa::path(get, path = "/api/historical/system-events", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("eventType" = Option<String>, Query, description = "all, alarm, fault (trips of relays), maintenance, control, system, comms, training, estimate, rules"),
        ("severity" = Option<String>, Query, description = "all, critical, high, medium, low"),
        ("dateRange" = Option<String>, Query, description = "last_hour, last_6h, last_24h, last_7d, last_30d; or from and to"),
        ("searchText" = Option<String>, Query), ("asset_id" = Option<String>, Query),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("limit" = Option<u64>, Query, minimum = 1, maximum = 10000)),
    responses((status = 200, body = Vec<Object>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn system_events(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let one = |names: [&str; 2]| names.iter().find_map(|n| pairs.one(n)).unwrap_or_default();
    let range = one(["dateRange", "date_range"]);
    let named = match range {
        "" | "all" | "custom" => None,
        word => Some(beginning(word, now_ms()).ok_or_else(|| {
            Problem::bad_request("The range is not known")
                .field("dateRange")
                .hint("last_hour, last_6h, last_24h, last_7d, last_30d; or from and to")
        })?),
    };
    let severity = pairs.word("severity", &SEVERITIES)?.filter(|s| *s != "all");
    let event_type = pairs.word("eventType", &EVENT_TYPES)?.or(pairs.word("event_type", &EVENT_TYPES)?).unwrap_or("all");
    let mut kinds = kinds_of(event_type);
    let asked = AskedEvents {
        alarms: AlarmsOf::among(&mut kinds),
        filter: EventFilter {
            from: pairs.time_ms("from")?.or(named).map(UtcTime::from_ms),
            to: pairs.time_ms("to")?.map(UtcTime::from_ms),
            kinds,
            text: Some(one(["searchText", "search"]).chars().take(200).collect()).filter(|t: &String| !t.is_empty()),
            ..EventFilter::default()
        },
        severities: severity.map(str::to_owned).into_iter().collect(),
        asset: pairs.one("asset_id").map(str::to_owned),
        ..AskedEvents::default()
    };
    let limit = pairs.whole("limit", 1, EVENTS_MAX)?.unwrap_or(EVENTS) as usize;
    blocking(move || {
        let piece = collect_events(&**twin.history(), &asked, limit)?;
        let rows = piece.events.into_iter().map(|e| {
            let event_type = match AlarmsOf::of(&e) {
                _ if e.kind == "trip" => "fault".to_owned(),
                Some(AlarmsOf::Trips) if event_type != "alarm" => "fault".to_owned(),
                Some(AlarmsOf::Maintenance) if event_type != "alarm" => "maintenance".to_owned(),
                _ => e.kind.clone(),
            };
            let asset = e.fields.get("asset").and_then(Value::as_str).map(str::to_owned).or(e.subject);
            json!({ "id": e.sequence, "timestamp": rfc3339_ms(e.time_ms), "event_type": event_type, "severity": e.severity, "asset_id": asset, "message": e.message })
        });
        Ok(Json(rows.collect()))
    })
    .await
}

/// Energy that the loads took, MWh, from the recorded load; over the time of which it is known, which is told. A cost only with a tariff.
#[utoipa::path(get, path = "/api/historical/energy-consumption", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("tariff_per_kwh" = Option<f64>, Query, description = "Price of a kWh in any currency; without it no cost is told"),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn energy_consumption(
    State(app): State<App>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let span = Span::of(&pairs)?;
    let tariff =
        match pairs.one("tariff_per_kwh") {
            None => None,
            Some(text) => Some(text.parse::<f64>().ok().filter(|t| t.is_finite() && *t >= 0.0).ok_or_else(|| {
                Problem::bad_request("The tariff is no price").field("tariff_per_kwh").hint("Give a number of at least 0.")
            })?),
        };
    blocking(move || {
        let names = ["twin.total_load_mw".to_owned(), "twin.losses_mw".to_owned()];
        let all = Recorded::of(&**twin.history(), &names, &span)?;
        Ok(Json(energy(&span, now_ms(), all.buckets(&names[0]), all.buckets(&names[1]), tariff)))
    })
    .await
}

/// Energy of buckets of megawatts: their integrals are megawatt-seconds over the good time. What is not over yet cannot be known.
fn energy(span: &Span, now_ms: i64, load: &[Bucket], losses: &[Bucket], tariff: Option<f64>) -> Value {
    let mwh = |b: &Bucket| b.integral / 3600.0;
    let cost = |mwh: f64| tariff.map(|t| mwh * 1000.0 * t);
    let known: Vec<&Bucket> = load.iter().filter(|b| b.good_us > 0).collect();
    let rows: Vec<Value> = known
        .iter()
        .map(|b| {
            let share = b.good_share();
            json!({ "timestamp": rfc3339_ms(b.start.ms()), "energy_mwh": mwh(b), "average_mw": b.mean(), "peak_mw": b.max, "known_share": share, "cost": cost(mwh(b)) })
        })
        .collect();
    let total: f64 = known.iter().map(|b| mwh(b)).sum();
    let good_us: i64 = known.iter().map(|b| b.good_us).sum();
    let peak = known.iter().filter_map(|b| b.max).reduce(f64::max);
    let lost: Vec<&Bucket> = losses.iter().filter(|b| b.good_us > 0).collect();
    let over_ms = span.to_ms.min(now_ms) - span.from_ms;
    let known_share = if over_ms > 0 { (good_us as f64 / (over_ms as f64 * 1000.0)).min(1.0) } else { 0.0 };
    let nothing = known.is_empty();
    let mut answer = span.head();
    answer.insert("total_energy_mwh".into(), if nothing { Value::Null } else { json!(total) });
    answer.insert("losses_mwh".into(), if lost.is_empty() { Value::Null } else { json!(lost.iter().map(|b| mwh(b)).sum::<f64>()) });
    answer.insert("average_mw".into(), if nothing { Value::Null } else { json!(total / (good_us as f64 * 1e-6 / 3600.0)) });
    answer.insert("peak_mw".into(), json!(peak));
    answer.insert("known_share".into(), json!(known_share));
    answer.insert("tariff_per_kwh".into(), json!(tariff));
    answer.insert("total_cost".into(), if nothing { Value::Null } else { json!(cost(total)) });
    answer.insert("data".into(), rows.into());
    answer.into()
}

const METRICS: [(&str, &str); 9] = [
    ("total_power", "twin.total_load_mw"),
    ("generation", "twin.generation_mw"),
    ("losses", "twin.losses_mw"),
    ("reactive_power", "twin.reactive_mvar"),
    ("efficiency", "twin.efficiency_pct"),
    ("power_factor", "twin.power_factor"),
    ("voltage_stability", "twin.voltage_stability_pct"),
    ("system_health", "twin.system_health"),
    ("frequency", "twin.frequency_hz"),
];

/// Several figures side by side, each with its extremes and how it went from the first interval to the last.
#[utoipa::path(get, path = "/api/historical/metrics/trends", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("metric" = Option<Vec<String>>, Query, description = "total_power, generation, losses, reactive_power, efficiency, power_factor, voltage_stability, system_health, frequency; all unless told"),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("hours" = Option<f64>, Query), ("interval" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn trends(State(app): State<App>, _: Viewer, Query(pairs): Query<Vec<(String, String)>>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let pairs = Pairs(pairs);
    let span = Span::of(&pairs)?;
    let wanted: Vec<&str> = pairs.all("metric").into_iter().flat_map(|v| v.split(',')).collect();
    let words: Vec<&str> = METRICS.iter().map(|m| m.0).collect();
    if let Some(strange) = wanted.iter().find(|w| !words.contains(w)) {
        return Err(Problem::bad_request(format!("There is no figure \"{}\"", strange.chars().take(40).collect::<String>()))
            .field("metric")
            .hint(format!("Choose from {}.", words.join(", "))));
    }
    let metrics: Vec<(&str, &str)> = METRICS.into_iter().filter(|(n, _)| wanted.is_empty() || wanted.contains(n)).collect();
    blocking(move || {
        let names: Vec<String> = metrics.iter().map(|m| m.1.to_owned()).collect();
        let all = Recorded::of(&**twin.history(), &names, &span)?;
        let mut trends = Map::new();
        for (name, point) in metrics {
            let known: Vec<&Bucket> = all.buckets(point).iter().filter(|b| b.good_us > 0).collect();
            let rows: Vec<Value> = known
                .iter()
                .map(|b| json!({ "timestamp": rfc3339_ms(b.start.ms()), "value": b.mean(), "min": b.min, "max": b.max }))
                .collect();
            let ends = known.first().and_then(|b| b.mean()).zip(known.last().and_then(|b| b.mean()));
            let change = ends.map(|(a, b)| b - a);
            let change_pct = ends.filter(|(a, _)| *a != 0.0).map(|(a, b)| 100.0 * (b - a) / a.abs());
            trends.insert(
                name.to_owned(),
                json!({
                    "data": rows,
                    "min": known.iter().filter_map(|b| b.min).reduce(f64::min),
                    "max": known.iter().filter_map(|b| b.max).reduce(f64::max),
                    "change": change,
                    "change_percent": change_pct,
                }),
            );
        }
        let mut answer = span.head();
        answer.insert("metrics".into(), trends.into());
        Ok(Json(answer.into()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket of a constant value that is known for some of its time.
    fn bucket(start_ms: i64, width_ms: i64, value: f64, good_share: f64) -> Bucket {
        let width_us = width_ms * 1000;
        let good_us = (width_us as f64 * good_share) as i64;
        Bucket {
            start: UtcTime::from_ms(start_ms),
            width_us,
            count: 1,
            count_good: 1,
            covered_us: good_us,
            good_us,
            integral: value * good_us as f64 * 1e-6,
            min: Some(value),
            max: Some(value),
            last: None,
        }
    }

    #[test]
    fn energy_is_power_over_the_time_that_is_known() {
        let hour = 3_600_000;
        let span = Span { from_ms: 0, to_ms: 4 * hour, resolution: Resolution::Hourly, word: "hour", width_ms: hour };
        // 100 MW for an hour, 200 MW for half an hour of which the rest is not known, nothing, 50 MW: 100 + 100 + 50 MWh in 2.5 h.
        let load = [bucket(0, hour, 100.0, 1.0), bucket(hour, hour, 200.0, 0.5), bucket(3 * hour, hour, 50.0, 1.0)];
        let told = energy(&span, 9 * hour, &load, &[], Some(0.08));
        assert_eq!((told["total_energy_mwh"].as_f64(), told["average_mw"].as_f64()), (Some(250.0), Some(100.0)));
        assert_eq!((told["known_share"].as_f64(), told["peak_mw"].as_f64()), (Some(0.625), Some(200.0)));
        assert_eq!((told["total_cost"].as_f64(), told["data"].as_array().map(Vec::len)), (Some(20_000.0), Some(3)));
        assert_eq!(told["losses_mwh"], Value::Null);
        let told = energy(&span, 9 * hour, &[], &[], Some(0.08));
        assert_eq!((&told["total_energy_mwh"], &told["total_cost"], told["known_share"].as_f64()), (&Value::Null, &Value::Null, Some(0.0)));
        assert_eq!(energy(&span, 9 * hour, &load, &[], None)["total_cost"], Value::Null);
        // Half an hour into the third hour nothing more can be known than an hour and a half of two and a half.
        assert_eq!(energy(&span, 2 * hour + hour / 2, &load[..2], &[], None)["known_share"].as_f64(), Some(0.6));
    }

    #[test]
    fn what_is_told_as_the_range_is_what_is_summed_up() {
        let of = |query: &[(&str, &str)]| Span::of(&Pairs(query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()));
        // An hour of a day, by days: the energy is that of the day, and so is the range.
        let span = of(&[("from", "2026-03-01T08:00:00Z"), ("to", "2026-03-01T09:00:00Z"), ("interval", "day")]).unwrap();
        assert_eq!((&span.head()["from"], &span.head()["to"]), (&json!("2026-03-01T00:00:00.000Z"), &json!("2026-03-02T00:00:00.000Z")));
        assert_eq!(span.intervals(), 1);
        let minutes = of(&[("from", "2026-03-01"), ("to", "2026-03-02"), ("interval", "minute")]).unwrap();
        assert!(minutes.bounded(694).is_ok());
        assert_eq!(minutes.bounded(695).unwrap_err().code.as_deref(), Some("TWIN.HISTORY.TOO_MUCH"));
        let years = of(&[("from", "2020-01-01"), ("to", "2026-01-01"), ("interval", "minute")]).map(|_| ());
        assert_eq!(years.unwrap_err().code.as_deref(), Some("TWIN.HISTORY.TOO_MUCH"));
    }

    #[test]
    fn a_dead_busbar_is_no_part_of_a_levels_voltage() {
        let hour = 3_600_000;
        let (live, other) =
            ([bucket(0, hour, 1.0, 1.0), bucket(hour, hour, 1.02, 1.0)], [bucket(0, hour, 1.04, 1.0), bucket(hour, hour, 0.0, 1.0)]);
        let means = live_means(&[&live, &other]);
        assert_eq!(means.into_iter().collect::<Vec<_>>(), [(0, 1.02), (hour, 1.02)]);
        assert!(live_means(&[&other[1..]]).is_empty());
    }
}
