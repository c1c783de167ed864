//! Records that come from outside the models and are corrected one by one: outages, weather, places of meters.
//!
//! They are rows of the database and not files of the lake, because each has an identity under which a later import finds it again: the
//! same file twice changes nothing, a corrected record takes the place of the one before, and all of an import is one transaction. What
//! streams in by the million and is only ever added up, readings of meters, is in the lake.
//!
//! * A step of an outage is known by event, moment of interruption, feeder, device and phases, and by its number among equal ones of the file.
//! * A value of weather is known by place (to a ten-thousandth of a degree), kind of year and moment.
//! * The place of a meter is known by the meter's name.

use super::Project;
use super::database::{Cell, Database, Row};
use super::error::ProjectError;
use super::reconciliations::{inserted, lock, numbered};
use super::rejects;
use super::version::SourceFile;
use crate::files::sha256_hex;
use network::{InterruptionKind, LonLat, Moment, OutageStep, Reject, SourceRef, Weather, WeatherColumn, WeatherQuantity};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

/// A file of records on its way in.
#[derive(Clone, Debug)]
pub struct NewRecords<'a> {
    /// RFC 3339.
    pub time_utc: &'a str,
    pub author: &'a str,
    pub source: SourceFile,
    /// How it was read.
    pub options: Value,
    pub rejects: &'a [Reject],
}

/// What an import of records did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordImport {
    /// `outages`, `weather`, `meter_places`.
    pub kind: String,
    pub time_utc: String,
    pub author: String,
    pub source: SourceFile,
    pub options: Value,
    /// Records that the project did not have.
    pub new: u64,
    /// Records that took the place of another.
    pub changed: u64,
    /// Records that the project had already.
    pub same: u64,
    pub rejected: u64,
    /// File of the rejected records.
    pub rejects_file: Option<PathBuf>,
    /// The file had been imported before, and nothing was written.
    pub repeated: bool,
}

/// Where a meter stands and what is known of its connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeterPlaceRecord {
    pub meter: String,
    pub place: Option<LonLat>,
    pub feeder: String,
    /// Phases A, B, C as bits 1, 2, 4; 0 when not known.
    pub phases: u8,
    pub transformer: Option<String>,
    pub bus: Option<String>,
    pub demand_kw: Option<f64>,
    #[serde(skip)]
    pub source: SourceRef,
}

/// All quantities, in the order of their columns.
const QUANTITIES: [WeatherQuantity; 12] = [
    WeatherQuantity::TemperatureC,
    WeatherQuantity::DewPointC,
    WeatherQuantity::RelativeHumidityPct,
    WeatherQuantity::WindSpeedMS,
    WeatherQuantity::WindGustMS,
    WeatherQuantity::WindDirectionDeg,
    WeatherQuantity::CloudCoverPct,
    WeatherQuantity::PressureHPa,
    WeatherQuantity::PrecipitationMm,
    WeatherQuantity::GhiWM2,
    WeatherQuantity::DniWM2,
    WeatherQuantity::DhiWM2,
];

pub(super) const STEP_COLUMNS: &str = "event, start_s, start_day, restored_s, restored_day, customers, kind, feeder, substation, device, device_type, phases, \
    cause, cause_secondary, weather, comments, lon_deg, lat_deg, ci_given, cmi_given, file, line";

pub(super) const PLACE_COLUMNS: &str = "meter, lon_deg, lat_deg, feeder, phases, transformer, bus, demand_kw, file, line";

/// How many records are new, others than before, the same.
#[derive(Default)]
struct Tally {
    new: u64,
    changed: u64,
    same: u64,
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn step_cells(s: &OutageStep) -> Vec<Cell> {
    vec![
        s.event.as_str().into(),
        s.start.utc_s.into(),
        i64::from(s.start.day).into(),
        s.restored.map(|m| m.utc_s).into(),
        s.restored.map(|m| i64::from(m.day)).into(),
        Some(s.customers).into(),
        word(&s.kind).into(),
        s.feeder.as_str().into(),
        s.substation.as_str().into(),
        s.device.as_str().into(),
        s.device_type.as_str().into(),
        s.phases.as_str().into(),
        s.cause.as_str().into(),
        s.cause_secondary.as_str().into(),
        s.weather.as_str().into(),
        s.comments.as_str().into(),
        s.place.map(|p| p.lon_deg).into(),
        s.place.map(|p| p.lat_deg).into(),
        s.ci_given.into(),
        s.cmi_given.into(),
        s.source.file.as_ref().into(),
        s.source.line.into(),
    ]
}

pub(super) fn step_of(r: &Row) -> Option<OutageStep> {
    let moment = |s: usize| Some(Moment { utc_s: r.integer(s)?, day: i32::try_from(r.integer(s + 1)?).ok()? });
    let kind: InterruptionKind = serde_json::from_value(Value::from(r.text(6))).ok()?;
    Some(OutageStep {
        event: r.text(0),
        start: moment(1)?,
        restored: moment(3),
        customers: r.real(5)?,
        kind,
        feeder: r.text(7),
        substation: r.text(8),
        device: r.text(9),
        device_type: r.text(10),
        phases: r.text(11),
        cause: r.text(12),
        cause_secondary: r.text(13),
        weather: r.text(14),
        comments: r.text(15),
        place: r.real(16).zip(r.real(17)).map(|(lon, lat)| LonLat::new(lon, lat)),
        ci_given: r.real(18),
        cmi_given: r.real(19),
        source: SourceRef::new(r.text(20), r.line(21)),
    })
}

fn place_cells(p: &MeterPlaceRecord) -> Vec<Cell> {
    vec![
        p.meter.as_str().into(),
        p.place.map(|p| p.lon_deg).into(),
        p.place.map(|p| p.lat_deg).into(),
        p.feeder.as_str().into(),
        i64::from(p.phases).into(),
        p.transformer.as_deref().into(),
        p.bus.as_deref().into(),
        p.demand_kw.into(),
        p.source.file.as_ref().into(),
        p.source.line.into(),
    ]
}

pub(super) fn place_of(r: &Row) -> MeterPlaceRecord {
    MeterPlaceRecord {
        meter: r.text(0),
        place: r.real(1).zip(r.real(2)).map(|(lon, lat)| LonLat::new(lon, lat)),
        feeder: r.text(3),
        phases: u8::try_from(r.number(4)).unwrap_or(0),
        transformer: r.optional_text(5),
        bus: r.optional_text(6),
        demand_kw: r.real(7),
        source: SourceRef::new(r.text(8), r.line(9)),
    }
}

/// Identities of the steps of a file.
fn step_keys(steps: &[OutageStep]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    steps
        .iter()
        .map(|s| {
            let parts = [s.event.as_str(), &s.start.utc_s.to_string(), &s.feeder, &s.device, &s.phases];
            let own = parts.map(|p| format!("{} {p}", p.len())).join("\n");
            let n = seen.entry(own.clone()).or_default();
            *n += 1;
            sha256_hex(format!("{own}\n{n}").as_bytes())[..32].to_owned()
        })
        .collect()
}

/// Whether the file was imported in the same way before.
fn seen_before(database: &mut Database, project: i64, kind: &str, new: &NewRecords<'_>) -> Result<bool, ProjectError> {
    let sql = "SELECT id FROM record_imports WHERE project = $1 AND kind = $2 AND sha256 = $3 AND options = $4";
    let values = [project.into(), kind.into(), new.source.sha256.as_str().into(), new.options.to_string().into()];
    Ok(database.row(sql, &values)?.is_some())
}

/// Notes the import; its counts are written when they are known.
fn begin(database: &mut Database, project: i64, kind: &str, new: &NewRecords<'_>) -> Result<i64, ProjectError> {
    let sql = "INSERT INTO record_imports (project, kind, time_utc, author, path, sha256, bytes, options, n_new, n_changed, n_same, n_rejected) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9) RETURNING id";
    let values = [
        project.into(),
        kind.into(),
        new.time_utc.into(),
        new.author.into(),
        new.source.path.as_str().into(),
        new.source.sha256.as_str().into(),
        i64::try_from(new.source.bytes).unwrap_or(i64::MAX).into(),
        new.options.to_string().into(),
        new.rejects.len().into(),
    ];
    let id = inserted(database, sql, &values)?;
    let rejects = new
        .rejects
        .iter()
        .map(|r| vec![r.source.file.as_ref().into(), r.source.line.into(), r.reason.as_str().into(), r.text.as_str().into()]);
    database.insert("record_rejects (record_import, position, file, line, reason, record)", 6, "", numbered(id, rejects))?;
    Ok(id)
}

impl Project {
    /// One transaction around an import of records: `keep` gets the number of the import and tells what it did.
    fn put_records(
        &self,
        kind: &'static str,
        new: &NewRecords<'_>,
        keep: impl FnOnce(&mut Database, i64) -> Result<Tally, ProjectError>,
    ) -> Result<RecordImport, ProjectError> {
        let mut done: Option<(i64, Tally, bool)> = None;
        self.database().write(|database| {
            lock(database, self.id)?;
            let before = seen_before(database, self.id, kind, new)?;
            let id = begin(database, self.id, kind, new)?;
            let tally = keep(database, id)?;
            let repeated = before && tally.new + tally.changed == 0;
            if repeated {
                database.execute("DELETE FROM record_rejects WHERE record_import = $1", &[id.into()])?;
                database.execute("DELETE FROM record_imports WHERE id = $1", &[id.into()])?;
            } else {
                let counts = [tally.new, tally.changed, tally.same].map(|n| Cell::from(n as i64));
                let [new, changed, same] = counts;
                let sql = "UPDATE record_imports SET n_new = $2, n_changed = $3, n_same = $4 WHERE id = $1";
                database.execute(sql, &[id.into(), new, changed, same])?;
            }
            done = Some((id, tally, repeated));
            Ok(())
        })?;
        let (id, tally, repeated) = done.unwrap_or_default();
        let rejects_file = (!new.rejects.is_empty() && !repeated).then(|| self.dir().join("rejects").join(format!("{kind}-{id}.csv")));
        if let Some(path) = &rejects_file {
            rejects::write(path, new.rejects)?;
        }
        Ok(RecordImport {
            kind: kind.to_owned(),
            time_utc: new.time_utc.to_owned(),
            author: new.author.to_owned(),
            source: new.source.clone(),
            options: new.options.clone(),
            new: tally.new,
            changed: tally.changed,
            same: tally.same,
            rejected: new.rejects.len() as u64,
            rejects_file,
            repeated,
        })
    }

    /// Imports of records, oldest first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn record_imports(&self) -> Result<Vec<RecordImport>, ProjectError> {
        let sql = "SELECT kind, time_utc, author, path, sha256, bytes, options, n_new, n_changed, n_same, n_rejected, id FROM record_imports \
            WHERE project = $1 ORDER BY id";
        let rows = self.database().rows(sql, &[self.id.into()])?;
        let import = |r: &Row| RecordImport {
            kind: r.text(0),
            time_utc: r.text(1),
            author: r.text(2),
            source: SourceFile { path: r.text(3), sha256: r.text(4), bytes: r.number(5) },
            options: serde_json::from_str(&r.text(6)).unwrap_or(Value::Null),
            new: r.number(7),
            changed: r.number(8),
            same: r.number(9),
            rejected: r.number(10),
            rejects_file: (r.number(10) > 0).then(|| self.dir().join("rejects").join(format!("{}-{}.csv", r.text(0), r.number(11)))),
            repeated: false,
        };
        Ok(rows.iter().map(import).collect())
    }

    /// Keeps steps of outages: all of them, or none.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn put_outages(&self, new: &NewRecords<'_>, steps: &[OutageStep]) -> Result<RecordImport, ProjectError> {
        let project = self.id;
        self.put_records("outages", new, |database, import| {
            let mut there: HashMap<String, OutageStep> = HashMap::new();
            let sql = format!("SELECT {STEP_COLUMNS}, step_key FROM outage_steps WHERE project = $1");
            for r in database.rows(&sql, &[project.into()])? {
                let step = step_of(&r).ok_or_else(|| damaged(database, "a step of an outage cannot be read"))?;
                there.insert(r.text(22), step);
            }
            let mut tally = Tally::default();
            let mut rows = Vec::new();
            for (step, key) in steps.iter().zip(step_keys(steps)) {
                match there.get(&key) {
                    None => tally.new += 1,
                    Some(old) if (OutageStep { source: step.source.clone(), ..old.clone() }) == *step => {
                        tally.same += 1;
                        continue;
                    }
                    Some(_) => tally.changed += 1,
                }
                rows.push([project.into(), key.into(), import.into()].into_iter().chain(step_cells(step)).collect());
            }
            let into = format!("outage_steps (project, step_key, record_import, {STEP_COLUMNS})");
            database.insert(&into, 25, &replacing("project, step_key", &["record_import", STEP_COLUMNS]), rows)?;
            Ok(tally)
        })
    }

    /// Steps of all outages, by the moment of interruption.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn outages(&self) -> Result<Vec<OutageStep>, ProjectError> {
        let mut database = self.database();
        let sql = format!("SELECT {STEP_COLUMNS} FROM outage_steps WHERE project = $1 ORDER BY start_s, event, step_key");
        let rows = database.rows(&sql, &[self.id.into()])?;
        rows.iter().map(|r| step_of(r).ok_or_else(|| damaged(&database, "a step of an outage cannot be read"))).collect()
    }

    /// Keeps places of meters; what is known of a meter is replaced.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn put_meter_places(&self, new: &NewRecords<'_>, places: &[MeterPlaceRecord]) -> Result<RecordImport, ProjectError> {
        let project = self.id;
        let there: HashMap<String, MeterPlaceRecord> = self.meter_places()?.into_iter().map(|p| (p.meter.clone(), p)).collect();
        // The last row of a meter counts.
        let mut last: HashMap<&str, usize> = HashMap::new();
        places.iter().enumerate().for_each(|(i, p)| {
            last.insert(p.meter.as_str(), i);
        });
        self.put_records("meter_places", new, |database, import| {
            let mut tally = Tally::default();
            let mut rows = Vec::new();
            for (i, place) in places.iter().enumerate().filter(|(i, p)| last.get(p.meter.as_str()) == Some(i)) {
                match there.get(&place.meter) {
                    None => tally.new += 1,
                    Some(old) if (MeterPlaceRecord { source: place.source.clone(), ..old.clone() }) == *place => {
                        tally.same += 1;
                        continue;
                    }
                    Some(_) => tally.changed += 1,
                }
                rows.push([project.into(), import.into()].into_iter().chain(place_cells(&places[i])).collect());
            }
            let into = format!("meter_places (project, record_import, {PLACE_COLUMNS})");
            database.insert(&into, 12, &replacing("project, meter", &["record_import", PLACE_COLUMNS]), rows)?;
            Ok(tally)
        })
    }

    /// Places of meters, by name.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_places(&self) -> Result<Vec<MeterPlaceRecord>, ProjectError> {
        let sql = format!("SELECT {PLACE_COLUMNS} FROM meter_places WHERE project = $1 ORDER BY meter");
        Ok(self.database().rows(&sql, &[self.id.into()])?.iter().map(place_of).collect())
    }

    /// Keeps series of weather. A value that is missing now leaves the one that is there.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn put_weather(&self, new: &NewRecords<'_>, series: &[Weather]) -> Result<RecordImport, ProjectError> {
        let project = self.id;
        self.put_records("weather", new, |database, _| {
            let mut tally = Tally::default();
            for w in series {
                put_series(database, project, w, &mut tally)?;
            }
            Ok(tally)
        })
    }

    /// Series of weather that are kept, by place; quantities without a value are left out.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn weather(&self) -> Result<Vec<Weather>, ProjectError> {
        self.database().read(|database| {
            let sql = "SELECT id, name, lon_deg, lat_deg, elevation_m, utc_offset_s, typical_year FROM weather_places WHERE project = $1 ORDER BY place_key";
            let mut all = Vec::new();
            for p in database.rows(sql, &[self.id.into()])? {
                let rows = values_of(database, p.integer(0).unwrap_or(0))?;
                let column = |(i, quantity): (usize, WeatherQuantity)| WeatherColumn {
                    quantity,
                    values: rows.iter().map(|r| r.real(i + 1)).collect(),
                };
                let columns = QUANTITIES.into_iter().enumerate().map(column).filter(|c| c.values.iter().any(Option::is_some)).collect();
                all.push(Weather {
                    name: p.text(1),
                    place: LonLat::new(p.real(2).unwrap_or(f64::NAN), p.real(3).unwrap_or(f64::NAN)),
                    elevation_m: p.real(4),
                    utc_offset_s: p.integer(5).and_then(|s| i32::try_from(s).ok()).unwrap_or(0),
                    utc_s: rows.iter().filter_map(|r| r.integer(0)).collect(),
                    columns,
                    typical_year: p.number(6) == 1,
                });
            }
            Ok(all)
        })
    }
}

fn damaged(database: &Database, reason: &str) -> ProjectError {
    ProjectError::Damaged { place: database.place().to_owned(), reason: reason.to_owned() }
}

/// The tail of an insertion that takes the place of a row of the same key.
fn replacing(key: &str, columns: &[&str]) -> String {
    let set: Vec<String> = columns.iter().flat_map(|c| c.split(',')).map(|c| format!("{0} = excluded.{0}", c.trim())).collect();
    format!("ON CONFLICT ({key}) DO UPDATE SET {}", set.join(", "))
}

fn value_columns() -> String {
    QUANTITIES.map(|q| q.column().to_owned()).join(", ")
}

fn values_of(database: &mut Database, place: i64) -> Result<Vec<Row>, ProjectError> {
    let sql = format!("SELECT utc_s, {} FROM weather_values WHERE place = $1 ORDER BY utc_s", value_columns());
    database.rows(&sql, &[place.into()])
}

fn put_series(database: &mut Database, project: i64, w: &Weather, tally: &mut Tally) -> Result<(), ProjectError> {
    let key = format!("{:.4} {:.4}{}", w.place.lon_deg, w.place.lat_deg, if w.typical_year { " typical" } else { "" });
    let sql = format!(
        "INSERT INTO weather_places (project, place_key, name, lon_deg, lat_deg, elevation_m, utc_offset_s, typical_year) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) {} RETURNING id",
        "ON CONFLICT (project, place_key) DO UPDATE SET name = excluded.name, utc_offset_s = excluded.utc_offset_s, \
         elevation_m = COALESCE(excluded.elevation_m, weather_places.elevation_m)"
    );
    let values = [
        project.into(),
        key.into(),
        w.name.as_str().into(),
        Some(w.place.lon_deg).into(),
        Some(w.place.lat_deg).into(),
        w.elevation_m.into(),
        i64::from(w.utc_offset_s).into(),
        i64::from(w.typical_year).into(),
    ];
    let place = inserted(database, &sql, &values)?;
    let there: HashMap<i64, Vec<Option<f64>>> = values_of(database, place)?
        .iter()
        .filter_map(|r| Some((r.integer(0)?, (1..=QUANTITIES.len()).map(|i| r.real(i)).collect())))
        .collect();
    let columns = QUANTITIES.map(|q| w.column(q));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (i, &utc_s) in w.utc_s.iter().enumerate() {
        let own: Vec<Option<f64>> = columns.iter().map(|c| c.and_then(|c| c.get(i).copied().flatten())).collect();
        match there.get(&utc_s) {
            None => tally.new += 1,
            Some(old) if own.iter().zip(old).all(|(new, old)| new.is_none() || new == old) => {
                tally.same += 1;
                continue;
            }
            Some(_) => tally.changed += 1,
        }
        rows.push([Cell::from(place), utc_s.into()].into_iter().chain(own.into_iter().map(Cell::from)).collect());
    }
    let set: Vec<String> = QUANTITIES.map(|q| format!("{0} = COALESCE(excluded.{0}, weather_values.{0})", q.column())).to_vec();
    let tail = format!("ON CONFLICT (place, utc_s) DO UPDATE SET {}", set.join(", "));
    database.insert(&format!("weather_values (place, utc_s, {})", value_columns()), 14, &tail, rows)
}
