//! Health of equipment: how far each indicator that is measured stands from where it is good to where nothing is left.
//!
//! ```text
//! score = 100 (bad - x) / (bad - good), held within 0 to 100          health = the lowest score
//! ```
//!
//! `good` and `bad` may stand either way round. What is not measured has no part and makes nobody healthy: equipment without a part has no health.
//!
//! | equipment | indicator | good | bad | from |
//! |---|---|---|---|---|
//! | transformers | hot spot | 110 C | 140 C | IEEE C57.91: the rated hottest spot, and where bubbles are to be feared |
//! | | top oil | 95 C | 110 C | C57.91: of a rise of 65 K, and the highest it allows |
//! | | gas (each) | 90th percentile | twice the 95th | IEEE C57.104-2019, tables 1 and 2 for oxygen over nitrogen up to 0.2; figures not compared with its text |
//! | | loss of life | 0 % | 100 % | C57.91: share of the insulation's life |
//! | | dissipation of bushings | 0.5 % | 1.0 % | a choice: a new bushing has 0.3 to 0.4 % |
//! | | loading | 100 % | 150 % | a choice: C57.91 calls more than 150 % emergency loading |
//! | breakers | contact life left, worst pole | 100 % | 0 % | the maker's full interruptions |
//! | | SF6 at 20 C | rated | lockout | the register |
//! | | operations | 0 | mechanical endurance | the register |
//! | busbars | deviation of the voltage | 5 % | 10 % | IEC 60038: the highest voltage for equipment is 105 to 110 % |
//! | lines, feeders, reactors, capacitors | loading | 100 % | 130 % | a choice |
//! | whatever measures | contradiction with the rest, σ | 3 | 10 | the largest normalised residual of its points that are suspect |
//!
//! The health of the station is the mean over the equipment that has one.

use super::estimate::Held;
use super::points::Map;
use super::view::{AssetMoment, BusMoment, ElementMoment, EstimateMoment, HealthPart, Origin, SwitchMoment};
use crate::alarms;
use network::{Equipment, EquipmentKind, Network, Station};
use std::collections::HashMap;

/// 90th and 95th percentiles of gases, ul/l.
const GASES: [(&str, f64, f64); 7] = [
    ("gas_h2", 80.0, 200.0),
    ("gas_ch4", 90.0, 150.0),
    ("gas_c2h6", 90.0, 175.0),
    ("gas_c2h4", 50.0, 100.0),
    ("gas_c2h2", 1.0, 2.0),
    ("gas_co2", 9000.0, 12500.0),
    ("gas_co", 900.0, 1100.0),
];

/// `None` where good and bad are the same: such a register says nothing.
fn part(indicator: &'static str, unit: &'static str, value: f64, good: f64, bad: f64) -> Option<HealthPart> {
    let score = (100.0 * (bad - value) / (bad - good)).clamp(0.0, 100.0);
    (score.is_finite() && good != bad).then_some(HealthPart { indicator, value, unit, good, bad, score })
}

/// Points of each asset by quantity.
#[derive(Debug)]
pub struct Watched {
    by_asset: HashMap<String, Vec<usize>>,
}

impl Watched {
    pub fn new(map: &Map) -> Self {
        let mut by_asset: HashMap<String, Vec<usize>> = HashMap::new();
        for (i, p) in map.points.iter().enumerate() {
            if let Some(asset) = &p.asset {
                by_asset.entry(asset.to_lowercase()).or_default().push(i);
            }
        }
        Self { by_asset }
    }

    /// Good values of an asset whose quantity begins with a word.
    fn values<'a>(&'a self, map: &'a Map, held: &'a [Held], asset: &str, word: &'a str) -> impl Iterator<Item = f64> + 'a {
        let points = self.by_asset.get(&asset.to_lowercase()).map_or(&[][..], Vec::as_slice);
        points.iter().filter(move |i| is_of(map, **i, word)).filter_map(|i| held[*i].good())
    }
}

/// Whether a point is of a quantity: `gas_co` is not `gas_co2`.
fn is_of(map: &Map, point: usize, word: &str) -> bool {
    let Some(at) = &map.points[point].spec.element else { return false };
    at.quantity.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// What the assets are judged by.
pub struct Seen<'a> {
    pub network: &'a Network,
    pub station: &'a Station,
    pub map: &'a Map,
    pub watched: &'a Watched,
    pub values: &'a [Held],
    pub buses: &'a [BusMoment],
    pub elements: &'a [ElementMoment],
    pub switches: &'a [SwitchMoment],
    pub estimate: &'a EstimateMoment,
}

/// Every piece of equipment; with its alarms and its work where it is as it is now, which those are of.
pub fn assets(seen: &Seen, engine: Option<&alarms::Engine>) -> Vec<AssetMoment> {
    let elements: HashMap<&str, &ElementMoment> = seen.elements.iter().map(|e| (e.element.as_str(), e)).collect();
    let buses: HashMap<&str, &BusMoment> = seen.buses.iter().map(|b| (b.bus.as_str(), b)).collect();
    let mut listed: HashMap<String, usize> = HashMap::new();
    for alarm in engine.into_iter().flat_map(alarms::Engine::listed) {
        if let Some(asset) = &alarm.asset {
            *listed.entry(asset.to_lowercase()).or_default() += 1;
        }
    }
    let at_work = engine.into_iter().flat_map(|engine| engine.schedule().under_way());
    let at_work: Vec<String> = at_work.map(|e| e.asset.to_lowercase()).collect();
    seen.station
        .equipment
        .iter()
        .map(|e| {
            let mine: Vec<&ElementMoment> =
                e.parts.iter().filter_map(|p| elements.get(seen.network.full_name(p.element).as_str()).copied()).collect();
            let bus = e.bus.and_then(|b| buses.get(seen.network.bus(b).name.as_str()).copied());
            let mut shown = figures(seen, e, &mine, bus);
            shown.alarms = engine.map(|_| listed.get(&e.id.to_lowercase()).copied().unwrap_or(0));
            if at_work.contains(&e.id.to_lowercase()) {
                shown.status = "maintenance";
            }
            shown
        })
        .collect()
}

fn figures(seen: &Seen, e: &Equipment, mine: &[&ElementMoment], bus: Option<&BusMoment>) -> AssetMoment {
    let value = |word: &str| seen.watched.values(seen.map, seen.values, &e.id, word).reduce(f64::max);
    let is_transformer = matches!(e.kind, EquipmentKind::PowerTransformer | EquipmentKind::DistributionTransformer);
    let loading_pct = mine.iter().filter_map(|m| m.loading_pct).reduce(f64::max);
    let mut parts = Vec::new();
    match e.kind {
        _ if is_transformer => {
            parts.extend(value("hot_spot_c").and_then(|v| part("hot_spot", "C", v, 110.0, 140.0)));
            parts.extend(value("top_oil_c").and_then(|v| part("top_oil", "C", v, 95.0, 110.0)));
            for (gas, high, higher) in GASES {
                parts.extend(value(gas).and_then(|v| part(gas, "ul/l", v, high, 2.0 * higher)));
            }
            parts.extend(value("loss_of_life").and_then(|v| part("loss_of_life", "%", v, 0.0, 100.0)));
            parts.extend(value("tan_delta").and_then(|v| part("tan_delta", "%", v, 0.5, 1.0)));
            parts.extend(loading_pct.and_then(|v| part("loading", "%", v, 100.0, 150.0)));
        }
        EquipmentKind::Breaker => {
            let least = |word: &'static str| seen.watched.values(seen.map, seen.values, &e.id, word).reduce(f64::min);
            parts.extend(least("contact_life").and_then(|v| part("contacts", "%", v, 100.0, 0.0)));
            let rating = |name: &str| e.rating.get(name).copied();
            if let (Some(v), Some(rated), Some(lockout)) = (least("sf6_20c"), rating("sf6_rated_bar"), rating("sf6_lockout_bar")) {
                parts.extend(part("sf6", "bar", v, rated, lockout));
            }
            if let (Some(v), Some(endurance)) = (value("operations"), rating("mechanical_operations")) {
                parts.extend(part("operations", "1", v, 0.0, endurance));
            }
        }
        EquipmentKind::Busbar => {
            let deviation = bus.filter(|b| b.origin != Origin::Dead).and_then(|b| b.v_pu).map(|v| 100.0 * (v - 1.0).abs());
            parts.extend(deviation.and_then(|v| part("voltage", "%", v, 5.0, 10.0)));
        }
        EquipmentKind::Line | EquipmentKind::Feeder | EquipmentKind::Reactor | EquipmentKind::Capacitor => {
            parts.extend(loading_pct.and_then(|v| part("loading", "%", v, 100.0, 130.0)));
        }
        _ => {}
    }
    let suspect = seen.estimate.suspects.iter().filter(|s| {
        let point = seen.map.find(&s.point);
        point.and_then(|p| seen.map.points[p].asset.as_deref()).is_some_and(|a| a.eq_ignore_ascii_case(&e.id))
    });
    parts.extend(suspect.map(|s| s.normalised_residual.abs()).reduce(f64::max).and_then(|r| part("contradiction", "sigma", r, 3.0, 10.0)));
    let switch = e.parts.first().and_then(|p| {
        let name = seen.network.full_name(p.element);
        seen.switches.iter().find(|s| s.element == name)
    });
    let is_switch = matches!(e.kind, EquipmentKind::Breaker | EquipmentKind::IsolatorSet);
    let end = mine.first().and_then(|m| m.ends.first());
    let origin = bus.map(|b| b.origin).or(end.map(|e| e.origin));
    let status = match (is_switch, switch.and_then(|s| s.closed), origin) {
        (true, Some(false), _) if e.kind == EquipmentKind::Breaker => "open",
        (true, None, _) if switch.is_some() => "unknown",
        (_, _, Some(Origin::Dead)) => "dead",
        (_, _, Some(Origin::Unknown) | None) => "unknown",
        _ => "operational",
    };
    AssetMoment {
        asset: e.id.clone(),
        health: parts.iter().map(|p| p.score).reduce(f64::min),
        parts,
        status,
        loading_pct,
        temperature_c: value("hot_spot_c").or_else(|| value("top_oil_c")).or_else(|| value("gas_temperature")),
        v_kv: bus.or_else(|| end.and_then(|end| seen.buses.iter().find(|b| b.bus == end.bus))).and_then(|b| b.v_kv),
        i_a: mine.iter().flat_map(|m| m.ends.first()).flat_map(|end| end.i_a.iter().flatten().copied()).reduce(f64::max),
        p_mw: end.and_then(|e| e.p_kw).map(|p| p / 1e3),
        alarms: None,
    }
}

/// Health of the station: the mean over the equipment that has one.
pub fn station_health(assets: &[AssetMoment]) -> Option<f64> {
    let all: Vec<f64> = assets.iter().filter_map(|a| a.health).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_runs_from_good_to_bad_either_way() {
        assert_eq!(part("a", "C", 110.0, 110.0, 140.0).unwrap().score, 100.0);
        assert_eq!(part("a", "C", 125.0, 110.0, 140.0).unwrap().score, 50.0);
        assert_eq!(part("a", "C", 200.0, 110.0, 140.0).unwrap().score, 0.0);
        assert_eq!(part("a", "%", 80.0, 100.0, 0.0).unwrap().score, 80.0);
        assert_eq!(part("a", "bar", 5.5, 6.0, 5.0).unwrap().score, 50.0);
        assert_eq!(part("a", "bar", 5.5, 5.0, 5.0), None);
    }
}
