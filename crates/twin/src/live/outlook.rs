//! The health of equipment in thirty days, from the days that the history keeps of it (module `health-forecast` of `learning`).
//!
//! The twin's own points `twin.asset.ID.health`, `.loading_pct` and `.temperature_c` give a row a day and asset. A forest is fitted to all of them
//! and judged on days that it has not seen; without enough days there is no prediction, and the reason is told.

use super::twin::{Site, TwinError};
use crate::history::{Historian, PointId, Query, Resolution, Rows};
use learning::module::{Frame, InputKind, Metric, Question, Settings, Values, fit};
use scada::UtcTime;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use studies::table::{Table, Value};

const DAY_MS: i64 = 86_400_000;
/// Oldest days that are looked at.
const LOOKED_DAYS: i64 = 3 * 365;
/// Module that predicts, and its horizon.
const MODULE: &str = "health-forecast";
pub const HORIZON_DAYS: u32 = 30;
/// Part of a day for which a good value has to stand: a minute and a half.
const COVERED: f64 = 0.001;
/// Points that are asked for at once.
const POINTS: usize = 48;

/// One asset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    pub asset: String,
    /// Of the newest day, 0 to 100.
    pub health: f64,
    /// In thirty days: median, and the ends of the interval.
    pub predicted: f64,
    pub low: f64,
    pub high: f64,
    /// Loss of health a day until then.
    pub rate_per_day: f64,
    /// `high`, `medium` or `low`.
    pub urgency: &'static str,
    /// `within_7_days`, `within_30_days` or `routine`.
    pub window: String,
}

/// What is to be expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    pub at_ms: i64,
    pub horizon_days: u32,
    pub predictions: Vec<Prediction>,
    /// Figures on days that were held out.
    pub held_out: Vec<Metric>,
    /// Why there is none.
    pub why: Option<String>,
}

impl Outlook {
    /// Part of the held-out values within their interval, 0 to 1.
    pub fn coverage(&self) -> Option<f64> {
        self.held_out.iter().find(|m| m.name == "coverage in 30 days").map(|m| m.value / 100.0)
    }
}

/// Predicts. Reads the history and computes: call it where one may.
///
/// # Errors
/// A history that cannot be read.
pub(super) fn look(site: &Site, history: &dyn Historian, now: UtcTime) -> Result<Outlook, TwinError> {
    let mut outlook = Outlook { at_ms: now.ms(), horizon_days: HORIZON_DAYS, predictions: Vec::new(), held_out: Vec::new(), why: None };
    let columns = rows(site, history, now)?;
    match predicted(columns) {
        Ok((predictions, held_out)) => (outlook.predictions, outlook.held_out) = (predictions, held_out),
        Err(why) => outlook.why = Some(why),
    }
    Ok(outlook)
}

/// A row a day and asset for which a health is recorded.
fn rows(site: &Site, history: &dyn Historian, now: UtcTime) -> Result<BTreeMap<String, Values>, TwinError> {
    let numbers: HashMap<String, PointId> = history.points().into_iter().map(|p| (p.name.to_lowercase(), p.id)).collect();
    let to_ms = now.ms().div_euclid(DAY_MS) * DAY_MS;
    let from_ms = to_ms - LOOKED_DAYS * DAY_MS;
    let figures = ["health", "loading_pct", "temperature_c"];
    let of = |id: &str, figure: &str| numbers.get(&format!("twin.asset.{id}.{figure}").to_lowercase()).copied();
    // Points of all assets are asked for together: every question goes through all the files of its range.
    let mut wanted: Vec<PointId> =
        site.station.equipment.iter().flat_map(|e| figures.iter().filter_map(|f| of(&e.id, f)).collect::<Vec<_>>()).collect();
    wanted.sort_unstable();
    let mut days_of: HashMap<PointId, Vec<(i64, f64)>> = HashMap::new();
    for points in wanted.chunks(POINTS) {
        let (from, to) = (UtcTime::from_ms(from_ms), UtcTime::from_ms(to_ms));
        let answer = history.query(&Query { points: points.to_vec(), from, to, resolution: Resolution::Daily, now })?;
        for series in answer.series {
            let Rows::Buckets(buckets) = series.rows else { continue };
            let known = buckets.iter().filter(|b| b.good_us as f64 >= COVERED * b.width_us as f64);
            days_of.insert(series.point, known.filter_map(|b| b.mean().map(|m| (b.start.ms(), m))).collect());
        }
    }
    let (mut times, mut assets) = (Vec::new(), Vec::new());
    let mut values: [Vec<f64>; 3] = Default::default();
    for e in &site.station.equipment {
        let mut days: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        for (k, figure) in figures.iter().enumerate() {
            for (ms, mean) in of(&e.id, figure).and_then(|p| days_of.get(&p)).into_iter().flatten() {
                days.entry(*ms).or_insert([f64::NAN; 3])[k] = *mean;
            }
        }
        for (ms, row) in days.into_iter().filter(|(_, row)| row[0].is_finite()) {
            times.push(ms / 1000);
            assets.push(e.id.clone());
            values.iter_mut().zip(row).for_each(|(all, x)| all.push(x));
        }
    }
    let [health, loading, temperature] = values;
    let mut columns = BTreeMap::from([
        ("time".to_owned(), Values::Time(times)),
        ("asset".to_owned(), Values::Text(assets)),
        ("health_score".to_owned(), Values::Number(health)),
    ]);
    // A figure that equipment without it would leave empty is no feature of the others.
    for (name, all) in [("loading_pct", loading), ("temperature_c", temperature)] {
        if !all.is_empty() && all.iter().all(|x| x.is_finite()) {
            columns.insert(name.to_owned(), Values::Number(all));
        }
    }
    Ok(columns)
}

fn predicted(columns: BTreeMap<String, Values>) -> Result<(Vec<Prediction>, Vec<Metric>), String> {
    let told = |faults: Vec<network::Diagnostic>| {
        let one = |d: &network::Diagnostic| d.detail.clone().unwrap_or_else(|| format!("{}.", d.message));
        faults.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let module = learning::modules::find(MODULE).map_err(told)?;
    let input = &module.about().inputs[0];
    let InputKind::Table { columns: wanted, .. } = input.kind else { unreachable!("its input is a table") };
    let frame = Frame::new("the history", wanted, columns).map_err(|e| e.to_string())?;
    let settings = Settings::read(module.about().settings, &BTreeMap::new()).map_err(told)?;
    let question = Question { tables: BTreeMap::from([(input.name.to_owned(), frame)]), networks: BTreeMap::new(), settings: &settings };
    let answer = fit(module, &question).map_err(told)?;
    let table = answer.tables.iter().find(|t| t.name == "forecasts").ok_or("nothing is predicted")?;
    Ok((predictions(table), answer.model.map(|m| m.card.metrics).unwrap_or_default()))
}

fn predictions(table: &Table) -> Vec<Prediction> {
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).unwrap_or_else(|| panic!("no column {name}"));
    let columns = ["asset", "health_score", "mid_30d", "low_30d", "high_30d", "urgency"].map(at);
    let number = |row: &[Value], k: usize| if let Value::Number(x) = row[columns[k]] { Some(x) } else { None };
    let text = |row: &[Value], k: usize| if let Value::Text(t) = &row[columns[k]] { t.clone() } else { String::new() };
    let one = |row: &Vec<Value>| {
        let (health, predicted) = (number(row, 1)?, number(row, 2)?);
        let window = text(row, 5);
        Some(Prediction {
            asset: text(row, 0),
            health,
            predicted,
            low: number(row, 3)?,
            high: number(row, 4)?,
            rate_per_day: (health - predicted) / f64::from(HORIZON_DAYS),
            urgency: match window.as_str() {
                "within_7_days" => "high",
                "within_30_days" => "medium",
                _ => "low",
            },
            window,
        })
    };
    table.rows.iter().filter_map(one).collect()
}
