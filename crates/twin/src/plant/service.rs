//! A long time of service in hours: what the instruments of transformers and breakers show, and what was wrong with them meanwhile.
//!
//! The record is what detectors of defects are trained on and judged by: readings as instruments show them, and beside them the truth that no
//! instrument tells. Defects begin and are mended as planned; the plant passes from hour to hour in calm ([`Plant::pass`]).

use super::defects::{DefectKind, Site};
use super::{Command, Plant, PlantError};
use crate::plant::random;
use network::{EquipmentKind, Station, ThermalNameplate};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Readings of a transformer, in the order of [`Record::columns`].
pub const TRANSFORMER: [&str; 15] = [
    "LOAD",
    "HV.V1",
    "HV.I_UNBALANCE",
    "AMBIENT",
    "TOP_OIL",
    "HOT_SPOT",
    "VIBRATION_2F",
    "TAN_DELTA",
    "GAS.H2",
    "GAS.CH4",
    "GAS.C2H6",
    "GAS.C2H4",
    "GAS.C2H2",
    "GAS.CO",
    "GAS.CO2",
];

/// Readings of a breaker.
pub const BREAKER: [&str; 5] = ["SF6_20C", "SF6_GAUGE", "GAS_TEMPERATURE", "AMBIENT", "CONTACT_LIFE.A"];

/// A defect and when it is mended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Asset, or point of an instrument.
    pub subject: String,
    pub kind: DefectKind,
    /// Seconds after the start.
    pub from_s: f64,
    pub mended_s: f64,
    pub grows_h: f64,
}

impl Planned {
    /// The asset whose readings it changes.
    pub fn asset(&self) -> &str {
        match self.kind.site() {
            Site::Point => self.subject.split('.').next().unwrap_or(&self.subject),
            _ => &self.subject,
        }
    }
}

/// What one asset showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub asset: String,
    pub kind: EquipmentKind,
    pub thermal: Option<ThermalNameplate>,
    /// Phase-to-ground voltage to which `HV.V1` is one per unit, kV.
    pub v_base_kv: f64,
    /// Leak that the register allows, percent a year.
    pub leak_pct_per_year: f64,
    pub columns: &'static [&'static str],
    /// Seconds of the plant's clock, one a row.
    pub time_s: Vec<f64>,
    /// Row after row.
    pub values: Vec<f64>,
    /// The truth: what was wrong, and how far it was, 0 … 1.
    pub defects: Vec<Vec<(DefectKind, f64)>>,
}

impl Record {
    pub fn rows(&self) -> usize {
        self.time_s.len()
    }

    /// A column by its name.
    ///
    /// # Panics
    /// A name that is none of [`Record::columns`].
    pub fn column(&self, name: &str) -> impl Iterator<Item = f64> + '_ {
        let k = self.columns.iter().position(|c| *c == name).unwrap_or_else(|| panic!("no column {name}"));
        self.values.iter().skip(k).step_by(self.columns.len()).copied()
    }
}

/// Defects of a year, evenly spread over transformers, breakers and their kinds, none at an asset before the last of it was mended for ten days.
///
/// Each grows within five to thirty days and is mended five days after it is full.
pub fn plan(station: &Station, seed: u64, count: usize, from_s: f64, to_s: f64) -> Vec<Planned> {
    const DAY_S: f64 = 86_400.0;
    let transformers: Vec<&str> = station.equipment.iter().filter(|e| e.thermal.is_some()).map(|e| e.id.as_str()).collect();
    let breakers: Vec<&str> = station.of_kind(EquipmentKind::Breaker).map(|e| e.id.as_str()).collect();
    let mut planned: Vec<Planned> = Vec::new();
    let mut tries = 0;
    while planned.len() < count && tries < 100 * count as u64 {
        let now = tries;
        let draw = |what: u64| random::uniform(seed, 77_000 + what, now);
        tries += 1;
        let kind = DefectKind::ALL[planned.len() % DefectKind::ALL.len()];
        let of = |names: &[&str]| names.get((draw(0) * names.len() as f64) as usize).map(|n| (*n).to_owned());
        let Some(subject) = (match kind.site() {
            Site::Transformer => of(&transformers),
            Site::Breaker => of(&breakers),
            Site::Point => of(&transformers).map(|t| format!("{t}.TOP_OIL")),
        }) else {
            continue;
        };
        let grows_days = if kind == DefectKind::FansFailed { 0.0 } else { 5.0 + 25.0 * draw(1) };
        let lasts_s = (grows_days + 5.0) * DAY_S + if kind == DefectKind::FansFailed { 15.0 * DAY_S } else { 0.0 };
        let begins = from_s + draw(2) * (to_s - from_s - lasts_s);
        let new = Planned { subject, kind, from_s: begins, mended_s: begins + lasts_s, grows_h: 24.0 * grows_days };
        let rest = 10.0 * DAY_S;
        let is_free = |p: &Planned| p.asset() != new.asset() || new.from_s > p.mended_s + rest || p.from_s > new.mended_s + rest;
        if begins >= from_s && planned.iter().all(is_free) {
            planned.push(new);
        }
    }
    planned.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    planned
}

/// Lets the plant serve for so many readings, `every_s` apart (at most an hour), and writes down what its transformers and breakers show.
///
/// # Errors
/// As [`Plant::pass`]; a planned defect at what is not there.
pub fn serve(plant: &mut Plant, planned: &[Planned], every_s: f64, readings: usize) -> Result<Vec<Record>, PlantError> {
    let start_s = plant.state().time_s;
    let places: HashMap<String, usize> = plant.points().iter().enumerate().map(|(i, p)| (p.name.clone(), i)).collect();
    let mut records: Vec<(Record, Vec<usize>)> = Vec::new();
    for e in &plant.station.equipment {
        let columns: &'static [&'static str] = match (e.thermal, e.kind) {
            (Some(_), _) => &TRANSFORMER,
            (None, EquipmentKind::Breaker) => &BREAKER,
            _ => continue,
        };
        // The air is the station's.
        let of = |c: &&str| places.get(&format!("{}.{c}", if *c == "AMBIENT" { "STATION" } else { &e.id })).copied();
        // An asset without one of the instruments is not followed.
        let Some(at) = columns.iter().map(of).collect::<Option<Vec<usize>>>() else { continue };
        let bus = e.parts.first().map(|p| plant.network().common(p.element).terminals[0].bus);
        let record = Record {
            asset: e.id.clone(),
            kind: e.kind,
            thermal: e.thermal,
            v_base_kv: bus.map_or(f64::NAN, |b| plant.solved().base_v(b) / 1e3),
            leak_pct_per_year: if e.kind == EquipmentKind::Breaker { e.rated("sf6_leak_pct_per_year") } else { 0.0 },
            columns,
            time_s: Vec::with_capacity(readings),
            values: Vec::with_capacity(readings * columns.len()),
            defects: Vec::with_capacity(readings),
        };
        records.push((record, at));
    }
    let mut pending: Vec<(f64, Command)> = Vec::new();
    for p in planned {
        let begin = Command::Defect { subject: p.subject.clone(), kind: p.kind, grows_h: p.grows_h };
        pending.push((p.from_s, begin));
        pending.push((p.mended_s, Command::Mend { subject: p.subject.clone() }));
    }
    pending.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pending = pending.into_iter().peekable();
    for _ in 0..readings {
        plant.pass(every_s)?;
        let now = plant.state().time_s;
        while let Some((_, command)) = pending.next_if(|(at, _)| start_s + at <= now) {
            plant.command(&command)?;
        }
        let shown = plant.measured_values();
        for (record, at) in &mut records {
            record.time_s.push(now);
            record.values.extend(at.iter().map(|&k| shown[k]));
            let own =
                plant.state().defects.iter().filter(|d| d.subject == record.asset || d.subject.split('.').next() == Some(&record.asset));
            record.defects.push(own.map(|d| (d.kind, d.extent(now))).collect());
        }
        // Nobody reads them here, and a year has many.
        plant.take_events();
    }
    Ok(records.into_iter().map(|r| r.0).collect())
}
