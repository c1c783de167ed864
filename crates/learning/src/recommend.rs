//! Which scenario to run next: candidates from growth and adoption, ranked by rules whose reasons go with them.
//!
//! ```text
//! rates (EV, solar, heat pumps, storage, load) and horizons ─► candidates: each driver alone, all together, all at the upper end, a heat wave
//!        results so far ─► near a limit that the driver pushes towards
//!        spread of the rates ─► uncertain                                   ─► score = sum of the reasons' weights ─► order
//!        past runs ─► never run | run long ago | network changed since | run lately
//! ```
//!
//! The weights are a judgement and stand here: nearness 0 to 3 (3 where the limit is passed), not run 2, network changed 1.5, uncertainty 0 to
//! 1.5 (a standard deviation of 20 points or percent and more), age up to 1 (a year). Nothing was fitted. Every candidate is a scenario that the
//! reader of scenario files accepts; one that cannot be written comes back with the reason.

use crate::questions::{Adoption, Change, Event, Kind, Layer, Measure, NoScenario, Present, Query, Weather, layer_in_words, scenario_file};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Nearness counts from this share of the way between nominal and limit on.
const NEAR_FROM: f64 = 0.8;
/// Two shares or growths are the same run where they differ by no more, points or percent.
const SAME_WITHIN: f64 = 2.0;
/// Age that counts fully, days.
const OLD_DAYS: f64 = 365.0;
/// Spread that counts fully, points or percent.
const WIDE_SPREAD: f64 = 20.0;

/// A yearly change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Points (of a penetration) or percent (of the load) a year.
    pub per_year: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// Growth and adoption as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    pub ev: Option<Rate>,
    pub solar: Option<Rate>,
    pub storage: Option<Rate>,
    pub electrification: Option<Rate>,
    pub load: Option<Rate>,
}

/// A feeder in the results so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeederResult {
    pub feeder: String,
    pub loading_max_pct: Option<f64>,
    pub v_min_pu: Option<f64>,
    pub v_max_pu: Option<f64>,
}

/// A scenario that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastRun {
    /// Penetrations are absolute.
    pub scenario: Vec<Layer>,
    pub age_d: f64,
    /// The network is not the one that was run.
    pub network_changed: bool,
}

/// What recommendations are made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    pub results: Vec<FeederResult>,
    pub runs: Vec<PastRun>,
    pub rates: Rates,
    pub present: Present,
    /// Years ahead.
    pub horizons_yr: Vec<u32>,
    pub seed: u64,
}

/// Why a scenario is recommended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It pushes a value further towards a limit that the value is near, or beyond.
    NearLimit {
        feeder: String,
        what: String,
        value: f64,
        limit: f64,
    },
    Uncertain {
        what: String,
        sd: f64,
    },
    NeverRun,
    NetworkChanged {
        age_d: f64,
    },
    Old {
        age_d: f64,
    },
    RunLately {
        age_d: f64,
    },
}

/// A scenario to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    pub name: String,
    pub words: String,
    pub scenario: Vec<Layer>,
    /// A scenario file.
    pub file: String,
    pub score: f64,
    pub reasons: Vec<Reason>,
}

/// Recommendations, the most valuable first, and candidates that could not be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendations {
    pub ranked: Vec<Recommendation>,
    pub left_out: Vec<(String, NoScenario)>,
}

/// What is wrong with a situation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecommendError {
    #[error("no growth or adoption rate is known, so there is nothing to look ahead with")]
    NoRates,
    #[error("there is no horizon; say how many years ahead")]
    NoHorizon,
    #[error("{what} is {value}, which is no number that can be used")]
    Value { what: String, value: String },
}

/// Ranks scenarios to run next.
///
/// # Errors
/// Nothing to look ahead with, or a number that is none (all of a kind that is told first).
pub fn recommend(s: &Situation) -> Result<Recommendations, RecommendError> {
    check(s)?;
    let mut out = Recommendations { ranked: Vec::new(), left_out: Vec::new() };
    for (name, layers, spread) in candidates(s) {
        let words = layers.iter().map(layer_in_words).collect::<Vec<_>>().join("; ");
        let mut query = Query::new(Measure::ViolationH, Kind::Feeder);
        query.scenario = layers.clone();
        match scenario_file(&query, &s.present, &name, s.seed) {
            Err(why) => out.left_out.push((format!("{name}: {words}"), why)),
            Ok(file) => {
                let (score, reasons) = judged(s, &layers, &spread);
                out.ranked.push(Recommendation { name, words, scenario: layers, file, score, reasons });
            }
        }
    }
    // Stable: of equal scores the shorter horizon and the single driver come first.
    out.ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(out)
}

fn check(s: &Situation) -> Result<(), RecommendError> {
    let rates = drivers(&s.rates);
    if rates.is_empty() {
        return Err(RecommendError::NoRates);
    }
    if s.horizons_yr.is_empty() {
        return Err(RecommendError::NoHorizon);
    }
    let value = |what: String, value: f64, fits: bool| {
        if fits { Ok(()) } else { Err(RecommendError::Value { what, value: value.to_string() }) }
    };
    for (d, r) in &rates {
        value(format!("the rate of {}", d.word()), r.per_year, r.per_year.is_finite() && r.per_year.abs() <= 100.0)?;
        value(format!("the deviation of {}", d.word()), r.sd, r.sd.is_finite() && r.sd >= 0.0)?;
    }
    for h in &s.horizons_yr {
        value("a horizon".to_owned(), f64::from(*h), (1..=50).contains(h))?;
    }
    for f in &s.results {
        for (what, v) in [("loading", f.loading_max_pct), ("lowest voltage", f.v_min_pu), ("highest voltage", f.v_max_pu)] {
            let v = v.unwrap_or(0.0);
            value(format!("the {what} of {}", f.feeder), v, v.is_finite() && v >= 0.0)?;
        }
    }
    for r in &s.runs {
        value("the age of a run".to_owned(), r.age_d, r.age_d.is_finite() && r.age_d >= 0.0)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    Ev,
    Solar,
    Storage,
    Electrification,
    Load,
}

impl Driver {
    fn word(self) -> &'static str {
        match self {
            Self::Ev => "EV",
            Self::Solar => "solar",
            Self::Storage => "storage",
            Self::Electrification => "heat pumps",
            Self::Load => "load",
        }
    }
}

fn drivers(r: &Rates) -> Vec<(Driver, Rate)> {
    let all = [
        (Driver::Ev, r.ev),
        (Driver::Solar, r.solar),
        (Driver::Storage, r.storage),
        (Driver::Electrification, r.electrification),
        (Driver::Load, r.load),
    ];
    all.into_iter().filter_map(|(d, r)| r.map(|r| (d, r))).collect()
}

type Spread = Vec<(Driver, f64)>;

/// Names, layers, and the spread of each driver at the horizon.
fn candidates(s: &Situation) -> Vec<(String, Vec<Layer>, Spread)> {
    let rates = drivers(&s.rates);
    let mut all = Vec::new();
    let mut horizons = s.horizons_yr.clone();
    horizons.sort_unstable();
    horizons.dedup();
    for years in horizons {
        let y = f64::from(years);
        // Years of one rate go together, so the deviation grows as they do.
        let spread: Spread = rates.iter().map(|(d, r)| (*d, r.sd * y)).collect();
        let at = |above: f64| -> Vec<Layer> { rates.iter().map(|(d, r)| layer(s, *d, (r.per_year + above * r.sd) * y)).collect() };
        for ((d, r), spread) in rates.iter().zip(&spread) {
            let name = format!("{} in {years} years", d.word());
            all.push((name, vec![layer(s, *d, r.per_year * y)], vec![*spread]));
        }
        if rates.len() > 1 {
            all.push((format!("all drivers in {years} years"), at(0.0), spread.clone()));
        }
        if rates.iter().any(|(_, r)| r.sd > 0.0) {
            all.push((format!("all drivers in {years} years, upper end"), at(1.0), spread.clone()));
        }
        let heat = Weather { event: Event::HeatWave, year: None, amplitude_c: Some(5.0), peak_c: None, length_d: None };
        let mut hot = at(0.0);
        hot.insert(0, Layer::Weather(heat));
        all.push((format!("all drivers in {years} years in a heat wave"), hot, spread));
    }
    all
}

/// A driver that has gone on by so many points or percent.
fn layer(s: &Situation, d: Driver, change: f64) -> Layer {
    let installed = match d {
        Driver::Ev => s.present.ev,
        Driver::Solar => s.present.solar,
        Driver::Storage => s.present.storage,
        Driver::Electrification => s.present.electrification,
        Driver::Load => None,
    };
    let now = installed.map_or(0.0, |i| i.in_network_pct + i.in_scenario_pct);
    let tidy = |x: f64| (x * 100.0).round() / 100.0;
    let adoption = || Adoption { change: Change::ToPct(tidy((now + change).clamp(0.0, 100.0))), charger: None, classes: Vec::new() };
    match d {
        Driver::Ev => Layer::Ev(adoption()),
        Driver::Solar => Layer::Solar(adoption()),
        Driver::Storage => Layer::Storage(adoption()),
        Driver::Electrification => Layer::Electrification(adoption()),
        Driver::Load => Layer::Growth { change_pct: tidy(change.clamp(-100.0, 1000.0)) },
    }
}

fn judged(s: &Situation, layers: &[Layer], spread: &Spread) -> (f64, Vec<Reason>) {
    let mut score = 0.0;
    let mut reasons = Vec::new();
    if let Some((nearness, reason)) = nearest(s, layers) {
        score += 3.0 * nearness;
        reasons.push(reason);
    }
    if let Some((d, sd)) = spread.iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|x| x.1 > 0.0) {
        score += 1.5 * (sd / WIDE_SPREAD).min(1.0);
        reasons.push(Reason::Uncertain { what: d.word().to_owned(), sd: *sd });
    }
    let last = s.runs.iter().filter(|r| same(&r.scenario, layers)).min_by(|a, b| a.age_d.total_cmp(&b.age_d));
    match last {
        None => {
            score += 2.0;
            reasons.push(Reason::NeverRun);
        }
        Some(run) => {
            let age = (run.age_d / OLD_DAYS).min(1.0);
            score += age + if run.network_changed { 1.5 } else { 0.0 };
            reasons.push(match run.network_changed {
                true => Reason::NetworkChanged { age_d: run.age_d },
                false if age >= 0.5 => Reason::Old { age_d: run.age_d },
                false => Reason::RunLately { age_d: run.age_d },
            });
            // What is known already: nearness and spread are no reason to run the same again.
            if !run.network_changed && age < 0.5 {
                score = age;
            }
        }
    }
    (score, reasons)
}

/// The value that is nearest to a limit which the layers push it towards, and how near: 0 at four fifths of the way, 1 at the limit and beyond.
fn nearest(s: &Situation, layers: &[Layer]) -> Option<(f64, Reason)> {
    let draws_more = layers.iter().any(|l| match l {
        Layer::Ev(_) | Layer::Electrification(_) | Layer::Weather(_) | Layer::FastCharging { .. } => true,
        Layer::Growth { change_pct } => *change_pct > 0.0,
        _ => false,
    });
    let feeds_more = layers.iter().any(|l| matches!(l, Layer::Solar(_)) || matches!(l, Layer::Growth { change_pct } if *change_pct < 0.0));
    let mut best: Option<(f64, Reason)> = None;
    for f in &s.results {
        let way = [
            (draws_more, "loading, %", f.loading_max_pct, 0.0, 100.0),
            (draws_more, "lowest voltage, pu", f.v_min_pu, 1.0, 0.95),
            (feeds_more, "highest voltage, pu", f.v_max_pu, 1.0, 1.05),
        ];
        for (pushed, what, value, nominal, limit) in way {
            let Some(value) = value.filter(|_| pushed) else { continue };
            let share = (value - nominal) / (limit - nominal);
            let nearness = ((share - NEAR_FROM) / (1.0 - NEAR_FROM)).clamp(0.0, 1.0);
            if nearness > 0.0 && best.as_ref().is_none_or(|b| nearness > b.0) {
                let reason = Reason::NearLimit { feeder: f.feeder.clone(), what: what.to_owned(), value, limit };
                best = Some((nearness, reason));
            }
        }
    }
    best
}

/// Whether two scenarios are the same but for small differences of their shares.
fn same(a: &[Layer], b: &[Layer]) -> bool {
    let near = |x: f64, y: f64| (x - y).abs() <= SAME_WITHIN;
    let adopted = |x: &Adoption, y: &Adoption| match (x.change, y.change) {
        (Change::ToPct(p), Change::ToPct(q)) => near(p, q) && x.classes == y.classes && x.charger == y.charger,
        (p, q) => p == q && x.classes == y.classes && x.charger == y.charger,
    };
    let alike = |x: &Layer, y: &Layer| match (x, y) {
        (Layer::Ev(x), Layer::Ev(y))
        | (Layer::Solar(x), Layer::Solar(y))
        | (Layer::Storage(x), Layer::Storage(y))
        | (Layer::Electrification(x), Layer::Electrification(y)) => adopted(x, y),
        (Layer::Growth { change_pct: x }, Layer::Growth { change_pct: y }) => near(*x, *y),
        (x, y) => x == y,
    };
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| alike(x, y)))
}
