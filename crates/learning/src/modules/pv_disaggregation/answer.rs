//! Tables, card and notes of what was found behind meters.

use super::{Body, Found, LEVEL, Panels, Weather, Widths, around};
use crate::blocks::mean_interval;
use crate::disaggregation::LEAST_KW;
use crate::disaggregation::planted::{Trial, held, width_capacity, width_energy};
use crate::metrics::{mean, median, range};
use crate::module::{Answer, Better, Card, Feature, Figure, HeldOut, Metric, Model, Reliable};
use crate::modules::common::partial;
use crate::modules::hourly::{HOUR_S, hour_text};
use crate::resample::interval;
use network::{Diagnostic, LonLat};
use std::collections::BTreeMap;
use studies::table::{Column, Table, Value, count as counted, flag, number as figure, text as words};

/// Draws of customers for the intervals of shares that were held.
const DRAWS: usize = 400;

pub(super) static APPLIED: [Column; 7] = [
    words("customer", "which customer"),
    flag("pv", "whether panels were found; empty of a customer that the model does not know"),
    figure("capacity_kw", "kW", "capacity"),
    figure("pv_kwh", "kWh", "energy in the hours that are answered"),
    figure("pv_low_kwh", "kWh", "lower end of its interval of 95 %; empty where too few planted panels were told"),
    figure("pv_high_kwh", "kWh", "upper end"),
    figure("load_kwh", "kWh", "load behind the meter in the metered hours; empty without meter"),
];

pub(super) static APPLIED_HOURS: [Column; 3] = [
    words("time", "beginning of the hour, UTC"),
    figure("pv_kw", "kW", "power of all panels; empty outside of training"),
    figure("load_kw", "kW", "load behind the meters that are given"),
];

static CUSTOMERS: [Column; 15] = [
    words("customer", "which customer"),
    flag("pv", "whether panels are told"),
    figure("capacity_kw", "kW", "capacity of panels; empty without any"),
    figure("low_kw", "kW", "lower end of its interval of 95 %; empty where too few planted panels were told"),
    figure("high_kw", "kW", "upper end"),
    figure("deviations", "", "capacity over its standard deviation; panels are told from 5 on"),
    figure("tilt_deg", "deg", "tilt of the plane that fits best"),
    figure("azimuth_deg", "deg", "its azimuth, clockwise from north"),
    figure("pv_kwh", "kWh", "energy of the panels in the hours of the meter"),
    figure("pv_low_kwh", "kWh", "lower end of its interval of 95 %"),
    figure("pv_high_kwh", "kWh", "upper end"),
    figure("net_kwh", "kWh", "energy as metered, drawn less fed in"),
    figure("load_kwh", "kWh", "load behind the meter"),
    figure("least_net_kw", "kW", "least hour of the meter; below 0 it feeds in"),
    counted("hours", "hours of the meter"),
];

static HOURS: [Column; 5] = [
    words("time", "beginning of the hour, UTC"),
    counted("customers", "customers with a reading"),
    figure("net_kw", "kW", "net load of all"),
    figure("pv_kw", "kW", "power of the panels"),
    figure("load_kw", "kW", "load behind the meters"),
];

/// How far the later capacity is from the earlier one, % of it.
struct Repeated {
    apart_pct: Vec<f64>,
    /// Whether both capacities are as near as their intervals say.
    within: usize,
    /// Customers told in one half alone, and in both or none.
    changed: usize,
    same: usize,
}

fn repeated(found: &BTreeMap<String, Found>, q: Option<f64>) -> Repeated {
    let mut r = Repeated { apart_pct: Vec::new(), within: 0, changed: 0, same: 0 };
    for [a, b] in found.values().filter_map(|f| f.halves.as_ref()) {
        match (&a.pv, &b.pv) {
            (Some(x), Some(y)) => {
                let apart = (y.capacity_kw - x.capacity_kw).abs();
                r.apart_pct.push(100.0 * apart / x.capacity_kw);
                let half = |kw: f64, t: f64| q.map_or(1.96 / t, |q| q * width_capacity(t)) * kw;
                r.within += usize::from(apart <= half(x.capacity_kw, a.t).hypot(half(y.capacity_kw, b.t)));
                r.same += 1;
            }
            (None, None) => r.same += 1,
            _ => r.changed += 1,
        }
    }
    r
}

/// The answer of a fit, with its model.
pub(super) fn answer(found: &BTreeMap<String, Found>, widths: &Widths, weather: &Weather, place: LonLat, offset_h: i64) -> Answer {
    let mut rows = Vec::new();
    let mut by_hour: BTreeMap<i64, (u64, f64, f64)> = BTreeMap::new();
    let (mut capacity, mut energy, mut load, mut variance) = (0.0, 0.0, 0.0, 0.0);
    for (name, f) in found {
        let (net, hidden): (f64, f64) = (f.net_kw.iter().sum(), f.all.load_kw.iter().sum());
        let pv = f.all.pv.as_ref();
        let of_capacity = pv.and_then(|p| around(p.capacity_kw, widths.capacity.map(|q| q * width_capacity(f.all.t))));
        let of_energy = pv.and_then(|p| around(p.energy_kwh, widths.energy.map(|q| q * width_energy(f.all.t))));
        load += hidden;
        if let Some(p) = pv {
            capacity += p.capacity_kw;
            energy += p.energy_kwh;
            variance += of_capacity.map_or(f64::NAN, |b| (b.1 - p.capacity_kw).powi(2));
        }
        rows.push(vec![
            Value::text(name.as_str()),
            Value::Flag(pv.is_some()),
            Value::maybe(pv.map(|p| p.capacity_kw)),
            Value::maybe(of_capacity.map(|b| b.0)),
            Value::maybe(of_capacity.map(|b| b.1)),
            Value::maybe(Some(f.all.t)),
            Value::maybe(pv.map(|p| p.tilt_deg)),
            Value::maybe(pv.map(|p| p.azimuth_deg)),
            Value::maybe(pv.map(|p| p.energy_kwh)),
            Value::maybe(of_energy.map(|b| b.0)),
            Value::maybe(of_energy.map(|b| b.1)),
            Value::Number(net),
            Value::Number(hidden),
            Value::Number(f.all.least_net_kw),
            Value::Count(f.net_kw.len() as u64),
        ]);
        for (k, (n, p)) in f.net_kw.iter().zip(&f.all.pv_kw).enumerate() {
            let hour = by_hour.entry(f.first_h + k as i64).or_default();
            *hour = (hour.0 + 1, hour.1 + n, hour.2 + p);
        }
    }
    let hours = by_hour
        .iter()
        .map(|(h, v)| vec![Value::text(hour_text(*h)), Value::Count(v.0), Value::Number(v.1), Value::Number(v.2), Value::Number(v.1 + v.2)])
        .collect();
    let with = found.values().filter(|f| f.all.pv.is_some()).count();
    let feeding: Vec<&str> =
        found.iter().filter(|(_, f)| f.all.pv.is_none() && f.all.least_net_kw < -LEAST_KW).map(|(n, _)| n.as_str()).collect();
    let mut notes = Vec::new();
    if !feeding.is_empty() {
        notes.push(partial(
            format!("{} customers feed in and no panels are told", feeding.len()),
            format!("Something else generates, or the sky of the weather is not theirs: {}.", feeding.join(", ")),
            "Look at them by hand.",
        ));
    }
    let mut headline = format!(
        "{with} of {} customers have panels: {capacity:.1} kW, {energy:.0} kWh, which is {:.1} % of the load behind the meters",
        found.len(),
        100.0 * energy / load
    );
    let r = repeated(found, widths.capacity);
    let (mut metrics, how);
    if r.apart_pct.is_empty() {
        metrics = Vec::new();
        how = "None: no customer has panels in both halves of the time, or halves are shorter than 8 weeks.".to_owned();
        notes.push(partial(
            "nothing is held out".into(),
            "No customer has panels in both halves of the time, or the halves are shorter than 8 weeks.",
            "Give 16 weeks or more.",
        ));
    } else {
        how = "Capacity from the first half of each customer's time against that from the second, which knows nothing of the first: what repeats, not what is true. \
               The kept capacity is of all hours."
            .to_owned();
        let own = median(&mut r.apart_pct.clone());
        let within = r.within as f64 / r.apart_pct.len() as f64;
        let mut metric = Metric::new("capacity of the later half off the earlier, mean", "%", mean(&r.apart_pct), Better::Lower);
        if let Some((low, high)) = mean_interval(&r.apart_pct, 1, 0.95) {
            metric = metric.between(low, high);
        }
        metrics = vec![metric, Metric::new("the same, median", "%", own, Better::Lower)];
        metrics.push(Metric::new("within the intervals of both", "", within, Better::Near).near(0.95));
        metrics.push(Metric::new("told in one half alone", "", r.changed as f64 / (r.changed + r.same) as f64, Better::Lower));
        headline += &format!("; capacities of two halves of the time differ by {own:.1} % in the middle");
        if within < 0.8 {
            headline += ", more than their intervals say";
            notes.push(partial(
                "intervals of capacities are too narrow for these customers".into(),
                format!("Of {} customers {} have two halves that agree within their intervals.", r.apart_pct.len(), r.within),
                "Take the difference of halves for what is not known: these roofs are not like those that were planted.",
            ));
        }
    }
    let calibration = planted_figures(widths, &mut metrics, &mut notes);
    let how = if widths.trials.is_empty() {
        how
    } else {
        format!(
            "{how} Intervals are judged on {} roofs planted in the loads of {} meters without panels and of {} others less theirs, half of the loads by quantiles of the other \
             half; {} of the planted panels were told.",
            widths.trials.len(),
            widths.without,
            widths.with,
            widths.told()
        )
    };
    headline.push('.');
    let (ghi_low, ghi_high) = range(&weather.ghi.values);
    let (low_c, high_c) = range(&weather.temperature.values);
    let feature = |name: &str, unit: &str, low, high| Feature {
        name: name.into(),
        unit: unit.into(),
        low: Some(low),
        high: Some(high),
        importance: None,
    };
    let span = found
        .values()
        .map(|f| [f.first_h * HOUR_S, (f.first_h + f.net_kw.len() as i64) * HOUR_S])
        .reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let card = Card {
        rows: found.values().map(|f| f.net_kw.len()).sum(),
        span_s: span,
        features: vec![feature("ghi_w_m2", "W/m2", ghi_low, ghi_high), feature("temperature_c", "C", low_c, high_c)],
        says: "power of the panels behind each meter, kW, and with the meter the load that they hide".into(),
        held_out: HeldOut {
            how,
            rows: found.values().filter_map(|f| f.halves.as_ref()).map(|h| h[1].pv_kw.len()).sum(),
            span_s: span.filter(|_| !r.apart_pct.is_empty()).map(|s| [s[0] + (s[1] - s[0]) / 2 / HOUR_S * HOUR_S, s[1]]),
        },
        metrics,
        calibration,
        limits: vec![
            "Capacity is told for modules with usual losses: with other losses it is off by as much, energy less so.".into(),
            "Intervals hold for roofs like the planted ones: tilts of 5 to 50 degrees facing east to west, one in six on two planes, losses of 10 to 18 %, \
             irradiance that is off the weather's by 3 % and by 10 % from hour to hour. Shade, or a station far away, comes on top."
                .into(),
            "There is no baseline: the most that is fed in repeats well, and is too low throughout.".into(),
            "Load that answers to light itself counts as panels; batteries that store at noon hide them.".into(),
            "Panels below 0.3 kW, or below 5 deviations, are not told.".into(),
            "Not for panels that were added within the time: give the time after.".into(),
            "Asked again, only for irradiance up to a tenth above that of training, and temperatures up to 5 C beyond.".into(),
        ],
        ..Card::default()
    };
    let panels = |f: &Found| {
        f.all.pv.as_ref().map(|p| Panels {
            capacity_kw: p.capacity_kw,
            energy_share: widths.elsewhere.or(widths.capacity).map(|q| q * width_energy(f.all.t)),
            tilt_deg: p.tilt_deg,
            azimuth_deg: p.azimuth_deg,
        })
    };
    let body = Body {
        lon_deg: place.lon_deg,
        lat_deg: place.lat_deg,
        offset_h,
        ghi_high,
        low_c,
        high_c,
        customers: found.iter().map(|(n, f)| (n.clone(), panels(f))).collect(),
    };
    let mut figures = vec![
        Figure { name: "customers_with_pv", unit: "", value: with as f64, meaning: "customers with panels" },
        Figure { name: "capacity_kw", unit: "kW", value: capacity, meaning: "capacity of all panels" },
        Figure {
            name: "capacity_half_width_kw",
            unit: "kW",
            value: variance.sqrt(),
            meaning: "to both sides of it, 95 %, if customers err by themselves; what all share, as the station, comes on top",
        },
        Figure { name: "pv_kwh", unit: "kWh", value: energy, meaning: "energy of all panels" },
        Figure { name: "load_kwh", unit: "kWh", value: load, meaning: "load behind all meters" },
    ];
    // Without intervals of the customers there is none of all.
    figures.retain(|f| f.value.is_finite());
    let tables = vec![
        Table { name: "customers", meaning: "panels and load behind each meter", columns: &CUSTOMERS, rows },
        Table { name: "hours", meaning: "net load, panels and hidden load of all customers", columns: &HOURS, rows: hours },
    ];
    Answer { headline, figures, tables, notes, model: Some(Model::new(card, &body)) }
}

/// How often intervals hold planted panels, for the card; and a note where there are no intervals.
fn planted_figures(widths: &Widths, metrics: &mut Vec<Metric>, notes: &mut Vec<Diagnostic>) -> Vec<Reliable> {
    if widths.trials.is_empty() {
        return Vec::new();
    }
    if widths.capacity.is_none() {
        notes.push(partial(
            "capacities have no intervals".into(),
            format!("Of {} planted panels {} were told, which is too few.", widths.trials.len(), widths.told()),
            "Plant more, or give a longer time.",
        ));
    }
    type Named = (&'static str, fn(&Trial) -> Vec<f64>);
    let kinds: [Named; 3] = [
        ("planted capacities within intervals of 95 %", |t| t.capacity.into_iter().collect()),
        ("planted energies within intervals of 95 %", |t| t.energy.into_iter().collect()),
        ("planted energies in other weather within intervals of 95 %", |t| t.elsewhere.clone()),
    ];
    for (name, pick) in kinds {
        let came = held(&widths.trials, pick, LEVEL);
        if came.is_empty() {
            continue;
        }
        let share = |rows: &[usize]| Some(rows.iter().filter(|&&i| came[i].1).count() as f64 / rows.len().max(1) as f64);
        let all: Vec<usize> = (0..came.len()).collect();
        let metric = Metric::new(name, "", share(&all).unwrap_or(f64::NAN), Better::Near).near(LEVEL);
        let of: Vec<u32> = came.iter().map(|c| c.0).collect();
        metrics.push(match interval(&of, DRAWS, 1, share) {
            Some((low, high)) => metric.between(low, high),
            None => metric,
        });
    }
    [0.5, 0.8, LEVEL]
        .into_iter()
        .filter_map(|said| {
            let came = held(&widths.trials, |t| t.capacity.into_iter().collect(), said);
            let rows = came.len();
            (rows > 0).then(|| Reliable { said, came: came.iter().filter(|c| c.1).count() as f64 / rows as f64, rows })
        })
        .collect()
}
