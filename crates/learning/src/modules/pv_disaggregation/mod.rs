//! Panels behind meters that show the difference of load and generation alone ([`crate::disaggregation`]), with intervals by panels planted in the loads of the
//! place itself ([`crate::disaggregation::planted`]).

mod answer;
#[cfg(test)]
mod tests;

use super::common::{SEED, partial};
use super::hourly::{Course, HOUR_S, filled_note, hour_of_week, hour_text, hourly, of};
use crate::disaggregation::planted::{PlantOptions, Trial, quantile, scores, trials};
use crate::disaggregation::{Disaggregation, Disaggregator, LEAST_KW, MODULE, Sky, unit_power_kw};
use crate::metrics::range;
use crate::module::{
    About, Answer, Figure, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, number, outside_note, text, time,
    unfit_for,
};
use answer::{APPLIED, APPLIED_HOURS, answer};
use network::{Diagnostic, LonLat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use studies::scenario::pv::irradiance::Plane;
use studies::scenario::pv::sun;
use studies::table::{Table, Value};

/// See the file's header.
pub struct PvDisaggregation;

/// Hours that the method needs: two seasons of four weeks.
const LEAST_H: usize = 2 * 672;
/// More than the sun gives outside of the air; W/m².
const MOST_GHI: f64 = 1600.0;
/// Part of the irradiance that may come while the sun is down: hours at dusk are in part lit.
const NIGHT_SHARE: f64 = 0.02;
/// Share of roofs that intervals are to hold.
const LEVEL: f64 = 0.95;
/// Meters without panels from which on planted panels need no others.
const LEAST_DONORS: usize = 10;
/// How far beyond the capacities that were found planted ones go.
const FURTHER: f64 = 1.4;

static ABOUT: About = About {
    id: "pv-disaggregation",
    title: "Panels behind the meter",
    question: "Which customers have photovoltaics behind their meters, how much, and what load does it hide?",
    method: "net load against modelled panel power within like hours (Frisch, Waugh and Lovell), best of 28 planes; conformal intervals by planted panels",
    inputs: &[
        Input {
            name: "meters",
            meaning: "net load of each customer through time, an hour or less apart; 8 weeks at least, 16 for figures of held-out weeks",
            kind: InputKind::Table {
                columns: &[
                    time("time", "beginning of the reading"),
                    number("net_kw", "kW", "load less generation").also(&["kw", "net_load_kw"]),
                    text("customer", "which customer").also(&["meter"]),
                ],
                others: "",
            },
            needed_to_fit: true,
            needed_to_apply: false,
        },
        Input {
            name: "weather",
            meaning: "irradiance and temperature of the same hours at the place",
            kind: InputKind::Table {
                columns: &[
                    time("time", "beginning of the reading"),
                    number("ghi_w_m2", "W/m2", "irradiance on the horizontal, measured or modelled with its clouds").also(&["ghi"]),
                    number("temperature_c", "C", "air temperature").also(&["temp_c", "t_c"]),
                ],
                others: "",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
    ],
    settings: &[
        degrees("latitude_deg", -66.0, 66.0, "latitude of the place; has to be told"),
        degrees("longitude_deg", -180.0, 180.0, "longitude of the place, east above 0; has to be told"),
        Setting {
            name: "utc_offset_h",
            kind: SettingKind::Number { low: -12.0, high: 14.0 },
            default: None,
            unit: "h",
            meaning: "local time less UTC, by which hours and days are counted; by the longitude unless told",
        },
        Setting {
            name: "planted",
            kind: SettingKind::Count { low: 40, high: 5000 },
            default: Some("200"),
            unit: "",
            meaning: "roofs that are planted in the loads to see how far estimates lie off",
        },
        SEED,
    ],
    keeps: true,
    page: "learning-modules-series",
};

const fn degrees(name: &'static str, low: f64, high: f64, meaning: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Number { low, high }, default: None, unit: "deg", meaning }
}

/// Irradiance and temperature of the hours that both have.
struct Weather {
    ghi: Course,
    temperature: Course,
}

fn weather(question: &Question<'_>) -> Result<Weather, Refused> {
    let w = question.table("weather");
    let one = |values: &[f64]| super::hourly::alone("weather", w.time("time"), values);
    let (ghi, temperature) = match (one(w.number("ghi_w_m2")), one(w.number("temperature_c"))) {
        (Ok(g), Ok(t)) => (g, t),
        // The times are the same, and so are most of their faults.
        (Err(mut a), Err(b)) => {
            a.extend(b.into_iter().filter(|f| !a.contains(f)).collect::<Vec<_>>());
            return Err(a);
        }
        (a, b) => return Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    };
    let (low, high) = range(&ghi.values);
    if high > MOST_GHI || low < -50.0 {
        return Err(unfit_for("weather", &format!("irradiance goes from {low} to {high} W/m²; it lies between 0 and {MOST_GHI}")));
    }
    Ok(Weather { ghi, temperature })
}

impl Weather {
    /// The sky of some hours; none where weather is missing.
    fn sky(&self, place: LonLat, offset_h: i64, from_h: i64, to_h: i64) -> Option<Sky<'_>> {
        Some(Sky {
            place,
            first_utc_s: from_h * HOUR_S,
            first_hour_of_week: hour_of_week(from_h, offset_h),
            temperature_c: self.temperature.between(from_h, to_h)?,
            ghi_w_per_m2: self.ghi.between(from_h, to_h)?,
        })
    }

    /// Share of the irradiance that comes while the sun is more than two degrees below the horizon at beginning, middle and end of the hour.
    fn at_night(&self, place: LonLat) -> f64 {
        let (mut night, mut all) = (0.0, 0.0);
        for (k, g) in self.ghi.values.iter().enumerate().filter(|(_, g)| **g > 0.0) {
            let begin = ((self.ghi.first_h + k as i64) * HOUR_S) as f64;
            all += g;
            if [0.0, 1800.0, 3600.0].iter().all(|s| sun::position(place, begin + s).zenith_deg > 92.0) {
                night += g;
            }
        }
        if all > 0.0 { night / all } else { 0.0 }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Panels {
    capacity_kw: f64,
    /// Half width of the interval of energy in other weather, as a share of it; none where too few planted panels were told.
    energy_share: Option<f64>,
    tilt_deg: f64,
    azimuth_deg: f64,
}

#[derive(Serialize, Deserialize)]
struct Body {
    lon_deg: f64,
    lat_deg: f64,
    offset_h: i64,
    /// Greatest irradiance, least and greatest temperature of training.
    ghi_high: f64,
    low_c: f64,
    high_c: f64,
    /// None: no panels were found.
    customers: BTreeMap<String, Option<Panels>>,
}

/// What is found of a customer.
struct Found {
    first_h: i64,
    net_kw: Vec<f64>,
    all: Disaggregation,
    /// Of the first and of the second half of the time, where both are long enough.
    halves: Option<[Disaggregation; 2]>,
}

/// Estimates of a span of hours; the place is prepared once for each span.
struct Spans<'a> {
    weather: &'a Weather,
    place: LonLat,
    offset_h: i64,
    ready: BTreeMap<(i64, i64), Disaggregator>,
}

impl Found {
    fn span(&self) -> (i64, i64) {
        (self.first_h, self.first_h + self.net_kw.len() as i64)
    }
}

impl Spans<'_> {
    fn estimate(&mut self, net: &Course, from_h: i64, to_h: i64) -> Result<Disaggregation, String> {
        let missing = || "there is not weather for all of its hours; give it, or cut the meter's".to_owned();
        if !self.ready.contains_key(&(from_h, to_h)) {
            let sky = self.weather.sky(self.place, self.offset_h, from_h, to_h).ok_or_else(missing)?;
            self.ready.insert((from_h, to_h), Disaggregator::new(&sky).map_err(|e| e.to_string())?);
        }
        let hours = net.between(from_h, to_h).ok_or_else(missing)?;
        self.ready[&(from_h, to_h)].estimate(hours).map_err(|e| e.to_string())
    }

    fn fit(&mut self, net: &Course) -> Result<Found, String> {
        let (from, to, n) = (net.first_h, net.end_h(), net.values.len());
        if n < LEAST_H {
            return Err(format!("{n} hours are too few: at least {LEAST_H} are needed"));
        }
        let all = self.estimate(net, from, to)?;
        let halves = (n >= 2 * LEAST_H)
            .then(|| {
                let middle = from + (n / 2) as i64;
                Some([self.estimate(net, from, middle).ok()?, self.estimate(net, middle, to).ok()?])
            })
            .flatten();
        Ok(Found { first_h: from, net_kw: net.values.clone(), all, halves })
    }
}

/// What planted panels say of the intervals.
#[derive(Default)]
struct Widths {
    trials: Vec<Trial>,
    /// Loads that they were planted in: meters without panels, and meters less the panels found.
    without: usize,
    with: usize,
    capacity: Option<f64>,
    energy: Option<f64>,
    elsewhere: Option<f64>,
}

impl Widths {
    /// None of them where no customer has panels.
    fn of(found: &BTreeMap<String, Found>, spans: &Spans<'_>, count: usize, seed: u64) -> Self {
        let told: Vec<f64> = found.values().filter_map(|f| Some(f.all.pv.as_ref()?.capacity_kw)).collect();
        if told.is_empty() {
            return Self::default();
        }
        // The span of most customers; of others the deviation tells what fewer hours leave open.
        let mut commonest: BTreeMap<(i64, i64), usize> = BTreeMap::new();
        found.values().for_each(|f| *commonest.entry(f.span()).or_default() += 1);
        let Some((&(from, to), _)) = commonest.iter().max_by_key(|c| (c.1, c.0.1 - c.0.0)) else { return Self::default() };
        let here = || found.values().filter(move |f| f.span() == (from, to));
        let mut loads: Vec<&[f64]> =
            here().filter(|f| f.all.pv.is_none() && f.all.least_net_kw >= -LEAST_KW).map(|f| f.net_kw.as_slice()).collect();
        let without = loads.len();
        if without < LEAST_DONORS {
            loads.extend(here().filter(|f| f.all.pv.is_some()).map(|f| f.all.load_kw.as_slice()));
        }
        let (Some(place), Some(sky)) = (spans.ready.get(&(from, to)), spans.weather.sky(spans.place, spans.offset_h, from, to)) else {
            return Self::default();
        };
        let middle = from + (to - from) / 2;
        let halves = spans.ready.get(&(from, middle)).zip(spans.ready.get(&(middle, to))).map(|(a, b)| [a, b]);
        let (least, most) = range(&told);
        let options = PlantOptions { count, least_kw: (least / FURTHER).max(LEAST_KW), most_kw: most * FURTHER, seed };
        let trials = trials(place, halves, &sky, &loads, &options);
        let q = |pick: fn(&Trial) -> Vec<f64>| quantile(&scores(trials.iter(), pick), LEVEL);
        let (capacity, energy) = (q(|t| t.capacity.into_iter().collect()), q(|t| t.energy.into_iter().collect()));
        let elsewhere = q(|t| t.elsewhere.clone());
        Self { without, with: loads.len() - without, capacity, energy, elsewhere, trials }
    }

    fn told(&self) -> usize {
        self.trials.iter().filter(|t| t.capacity.is_some()).count()
    }
}

/// From low to high around a figure; not below 0.
fn around(figure: f64, share: Option<f64>) -> Option<(f64, f64)> {
    share.map(|s| ((figure * (1.0 - s)).max(0.0), figure * (1.0 + s)))
}

impl Module for PvDisaggregation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (table, s) = (question.table("meters"), question.settings);
        let mut faults = Refused::new();
        let place = match (s.maybe_number("longitude_deg"), s.maybe_number("latitude_deg")) {
            (Some(lon_deg), Some(lat_deg)) => LonLat { lon_deg, lat_deg },
            _ => {
                faults.extend(unfit_for("weather", &"the place of the sun is not known; give latitude_deg and longitude_deg"));
                LonLat { lon_deg: 0.0, lat_deg: 0.0 }
            }
        };
        let meters = hourly("meters", "customer", table.time("time"), table.number("net_kw"), Some(table.text("customer")));
        let (meters, weather) = match (meters, weather(question)) {
            (Ok(m), Ok(w)) if faults.is_empty() => (m, w),
            (m, w) => return Err(faults.into_iter().chain(m.err().into_iter().flatten()).chain(w.err().into_iter().flatten()).collect()),
        };
        let night = weather.at_night(place);
        if night > NIGHT_SHARE {
            let why = format!(
                "{:.0} % of the irradiance comes while the sun is down at {}, {}: times are taken as UTC; mend times, place, or the sign of the longitude",
                100.0 * night,
                place.lat_deg,
                place.lon_deg
            );
            return Err(unfit_for("weather", &why));
        }
        let offset_h = s.maybe_number("utc_offset_h").unwrap_or(place.lon_deg / 15.0).round() as i64;
        let mut spans = Spans { weather: &weather, place, offset_h, ready: BTreeMap::new() };
        let mut found = BTreeMap::new();
        for (name, net) in &meters {
            match spans.fit(net) {
                Ok(f) => drop(found.insert(name.clone(), f)),
                Err(why) => faults.extend(unfit_for(&of("meters", "customer", name), &why)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let widths = Widths::of(&found, &spans, s.count("planted"), s.count("seed") as u64);
        let mut answer = answer(&found, &widths, &weather, place, offset_h);
        answer.notes.extend(filled_note(meters.values().chain([&weather.ghi, &weather.temperature])));
        Ok(answer)
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let body: Body = model.body()?;
        let weather = weather(question)?;
        let meters = match question.tables.get("meters") {
            Some(t) => hourly("meters", "customer", t.time("time"), t.number("net_kw"), Some(t.text("customer")))?,
            None => BTreeMap::new(),
        };
        let place = LonLat { lon_deg: body.lon_deg, lat_deg: body.lat_deg };
        let (from_h, to_h) = (weather.ghi.first_h.max(weather.temperature.first_h), weather.ghi.end_h().min(weather.temperature.end_h()));
        let sky = weather
            .sky(place, body.offset_h, from_h, to_h)
            .ok_or_else(|| unfit_for("weather", &"irradiance and temperature share no hour"))?;
        // Clouds' edges make more sun than was ever seen, by some percent.
        let fits =
            |k: usize| sky.ghi_w_per_m2[k] <= 1.1 * body.ghi_high && (body.low_c - 5.0..=body.high_c + 5.0).contains(&sky.temperature_c[k]);
        let inside: Vec<bool> = (0..sky.ghi_w_per_m2.len()).map(fits).collect();
        let unknown: Vec<&str> = meters.keys().filter(|n| !body.customers.contains_key(*n)).map(String::as_str).collect();
        let mut planes: BTreeMap<(u64, u64), Vec<f64>> = BTreeMap::new();
        let (mut pv_all, mut load_all, mut rows) = (vec![0.0; inside.len()], vec![0.0; inside.len()], Vec::new());
        let mut metered = vec![false; inside.len()];
        for (name, panels) in &body.customers {
            let unit = match panels {
                Some(p) => {
                    let plane = Plane { tilt_deg: p.tilt_deg, azimuth_deg: p.azimuth_deg };
                    planes
                        .entry((p.tilt_deg.to_bits(), p.azimuth_deg.to_bits()))
                        .or_insert_with(|| unit_power_kw(&sky, plane, &MODULE))
                        .clone()
                }
                None => vec![0.0; inside.len()],
            };
            let capacity = panels.as_ref().map_or(0.0, |p| p.capacity_kw);
            let per_kw: f64 = unit.iter().zip(&inside).filter(|(_, i)| **i).map(|(u, _)| u).sum();
            let bounds = panels.as_ref().map_or(Some((0.0, 0.0)), |p| around(capacity * per_kw, p.energy_share));
            let mut hidden = None;
            for (k, u) in unit.iter().enumerate() {
                let pv = capacity * u;
                pv_all[k] += pv;
                let hour = from_h + k as i64;
                if let Some(net) = meters.get(name).and_then(|m| m.between(hour, hour + 1)).filter(|_| inside[k]) {
                    load_all[k] += net[0] + pv;
                    metered[k] = true;
                    *hidden.get_or_insert(0.0) += net[0] + pv;
                }
            }
            rows.push(vec![
                Value::text(name.as_str()),
                Value::Flag(panels.is_some()),
                Value::Number(capacity),
                Value::Number(capacity * per_kw),
                Value::maybe(bounds.map(|b| b.0)),
                Value::maybe(bounds.map(|b| b.1)),
                Value::maybe(hidden),
            ]);
        }
        for name in &unknown {
            rows.push(vec![Value::text(*name), Value::Empty, Value::Empty, Value::Empty, Value::Empty, Value::Empty, Value::Empty]);
        }
        let answered = inside.iter().filter(|i| **i).count();
        let energy: f64 = pv_all.iter().zip(&inside).filter(|(_, i)| **i).map(|(p, _)| p).sum();
        let hours = (0..inside.len())
            .map(|k| {
                let pv = Value::maybe(Some(pv_all[k]).filter(|_| inside[k]));
                vec![Value::text(hour_text(from_h + k as i64)), pv, Value::maybe(Some(load_all[k]).filter(|_| metered[k]))]
            })
            .collect();
        let mut notes: Vec<Diagnostic> = outside_note(inside.len() - answered, inside.len()).into_iter().collect();
        if !unknown.is_empty() {
            notes.push(partial(
                format!("{} customers are not answered", unknown.len()),
                format!("The model does not know {}.", unknown.iter().take(10).copied().collect::<Vec<_>>().join(", ")),
                "Fit again with their meters.",
            ));
        }
        notes.extend(filled_note(meters.values().chain([&weather.ghi, &weather.temperature])));
        Ok(Answer {
            headline: format!("The panels give {energy:.1} kWh in {answered} of {} hours.", inside.len()),
            figures: vec![Figure {
                name: "pv_kwh",
                unit: "kWh",
                value: energy,
                meaning: "energy of all panels in the hours that are answered",
            }],
            tables: vec![
                Table { name: "customers", meaning: "panels of each customer in this weather", columns: &APPLIED, rows },
                Table { name: "hours", meaning: "power of all panels", columns: &APPLIED_HOURS, rows: hours },
            ],
            notes,
            model: None,
        })
    }
}
