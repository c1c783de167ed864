//! Which meter hangs on which transformer: every map that was made, with the versions of the networks that it rests on.

use super::Project;
use super::database::{Cell, Row};
use super::error::ProjectError;
use super::reconciliations::{inserted, lock, numbered};
use super::version::VersionInfo;
use crate::files::sha256_hex;
use network::LonLat;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// One meter of a map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeterMapRow {
    pub meter: String,
    /// None: it hangs on no transformer that is known.
    pub transformer: Option<String>,
    pub feeder: String,
    pub method: String,
    /// `high`, `medium` or `low`.
    pub confidence: String,
    pub probability: f64,
    pub distance_m: Option<f64>,
    pub second_transformer: Option<String>,
    pub second_probability: Option<f64>,
    pub second_distance_m: Option<f64>,
    pub correlation: Option<f64>,
    /// Where the meter stood when the map was made.
    pub place: Option<LonLat>,
    pub reasons: Vec<String>,
}

/// A transformer that meters of a map could hang on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeterMapSite {
    /// As rows of the map name it.
    pub transformer: String,
    /// Network that has it, and its name there.
    pub network: String,
    pub element: String,
    pub feeder: String,
    /// Phases A, B, C as bits 1, 2, 4; 0 when not known.
    pub phases: u8,
    pub kva: Option<f64>,
    pub place: LonLat,
}

/// A map in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MeterMapInfo {
    /// Counted from 1.
    pub number: u64,
    /// RFC 3339.
    pub time_utc: String,
    pub author: String,
    pub options: Value,
    pub meters: u64,
    /// Networks and versions whose transformers were used.
    pub versions: Vec<(String, u64)>,
    #[serde(skip)]
    id: i64,
}

fn info_of(row: &Row) -> MeterMapInfo {
    MeterMapInfo {
        number: row.number(0),
        time_utc: row.text(1),
        author: row.text(2),
        options: serde_json::from_str(&row.text(3)).unwrap_or(Value::Null),
        meters: row.number(4),
        versions: Vec::new(),
        id: row.integer(5).unwrap_or(0),
    }
}

impl Project {
    /// Keeps a map as the next version, unless the newest one was made of the same versions and says the same. Returns its number and
    /// whether it is new.
    ///
    /// # Errors
    /// A database that cannot be written; then nothing is kept.
    pub fn put_meter_map(
        &self,
        versions: &[VersionInfo],
        (time_utc, author): (&str, &str),
        options: &Value,
        rows: &[MeterMapRow],
        sites: &[MeterMapSite],
    ) -> Result<(u64, bool), ProjectError> {
        let versions_text: Vec<String> = versions.iter().map(|v| v.id.to_string()).collect();
        let content = serde_json::to_string(&(rows, sites)).unwrap_or_default();
        let digest = sha256_hex(format!("{} {options} {content}", versions_text.join(" ")).as_bytes());
        self.database().write(|database| {
            lock(database, self.id)?;
            let sql = "SELECT number, digest FROM meter_maps WHERE project = $1 ORDER BY number DESC LIMIT 1";
            let newest = database.row(sql, &[self.id.into()])?;
            if let Some(row) = newest.as_ref().filter(|r| r.text(1) == digest) {
                return Ok((row.number(0), false));
            }
            let number = newest.map_or(0, |r| r.number(0)) + 1;
            let sql = "INSERT INTO meter_maps (project, number, time_utc, author, options, digest, n_meters) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
            let values = [
                self.id.into(),
                (number as i64).into(),
                time_utc.into(),
                author.into(),
                options.to_string().into(),
                digest.into(),
                rows.len().into(),
            ];
            let id = inserted(database, sql, &values)?;
            let of = versions.iter().map(|v| vec![id.into(), v.id.into()]).collect();
            database.insert("meter_map_versions (meter_map, version)", 2, "", of)?;
            let cells = rows.iter().map(|r| {
                vec![
                    r.meter.as_str().into(),
                    r.transformer.as_deref().into(),
                    r.feeder.as_str().into(),
                    r.method.as_str().into(),
                    r.confidence.as_str().into(),
                    Some(r.probability).into(),
                    r.distance_m.into(),
                    r.second_transformer.as_deref().into(),
                    r.second_probability.into(),
                    r.second_distance_m.into(),
                    r.correlation.into(),
                    serde_json::to_string(&r.reasons).unwrap_or_default().into(),
                    r.place.map(|p| p.lon_deg).into(),
                    r.place.map(|p| p.lat_deg).into(),
                ]
            });
            let into = "meter_map_rows (meter_map, position, meter, transformer, feeder, method, confidence, probability, distance_m, \
                second_transformer, second_probability, second_distance_m, correlation, reasons, lon_deg, lat_deg)";
            database.insert(into, 16, "", numbered(id, cells))?;
            let cells = sites.iter().map(|s| {
                vec![
                    s.transformer.as_str().into(),
                    s.network.as_str().into(),
                    s.element.as_str().into(),
                    s.feeder.as_str().into(),
                    u32::from(s.phases).into(),
                    s.kva.into(),
                    Some(s.place.lon_deg).into(),
                    Some(s.place.lat_deg).into(),
                ]
            });
            let into = "meter_map_sites (meter_map, position, transformer, network, element, feeder, phases, kva, lon_deg, lat_deg)";
            database.insert(into, 10, "", numbered(id, cells))?;
            Ok((number, true))
        })
    }

    /// Maps that are kept, oldest first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_maps(&self) -> Result<Vec<MeterMapInfo>, ProjectError> {
        self.database().read(|database| {
            let sql = "SELECT number, time_utc, author, options, n_meters, id FROM meter_maps WHERE project = $1 ORDER BY number";
            let mut maps: Vec<MeterMapInfo> = database.rows(sql, &[self.id.into()])?.iter().map(info_of).collect();
            let sql = "SELECT n.name, v.number FROM meter_map_versions m JOIN versions v ON v.id = m.version \
                JOIN networks n ON n.id = v.network WHERE m.meter_map = $1 ORDER BY n.name";
            for map in &mut maps {
                map.versions = database.rows(sql, &[map.id.into()])?.iter().map(|r| (r.text(0), r.number(1))).collect();
            }
            Ok(maps)
        })
    }

    /// A map with its meters; the newest when no number is told.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_map(&self, number: Option<u64>) -> Result<Option<(MeterMapInfo, Vec<MeterMapRow>)>, ProjectError> {
        let Some(info) = self.meter_map_info(number)? else { return Ok(None) };
        let sql = format!("SELECT {BRIEF}, reasons FROM meter_map_rows WHERE meter_map = $1 ORDER BY position");
        let rows = self.database().rows(&sql, &[info.id.into()])?;
        let full = |r: &Row| MeterMapRow { reasons: reasons_of(&r.text(13)), ..row_of(r) };
        Ok(Some((info, rows.iter().map(full).collect())))
    }

    /// A map in the list of maps; the newest when no number is told.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_map_info(&self, number: Option<u64>) -> Result<Option<MeterMapInfo>, ProjectError> {
        let mut maps = self.meter_maps()?;
        let at = match number {
            Some(number) => maps.iter().position(|m| m.number == number),
            None => maps.len().checked_sub(1),
        };
        Ok(at.map(|at| maps.swap_remove(at)))
    }

    /// A map as lists need it: its meters without their reasons, and the transformers that they could hang on. It never changes.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_map_in_brief(&self, info: MeterMapInfo) -> Result<MeterMapBrief, ProjectError> {
        self.database().read(|database| {
            let sql = format!("SELECT {BRIEF} FROM meter_map_rows WHERE meter_map = $1 ORDER BY position");
            let rows = database.rows(&sql, &[info.id.into()])?.iter().map(row_of).collect();
            let sql = "SELECT transformer, network, element, feeder, phases, kva, lon_deg, lat_deg FROM meter_map_sites \
                WHERE meter_map = $1 ORDER BY position";
            let site = |r: &Row| MeterMapSite {
                transformer: r.text(0),
                network: r.text(1),
                element: r.text(2),
                feeder: r.text(3),
                phases: u8::try_from(r.number(4)).unwrap_or(0),
                kva: r.real(5),
                place: LonLat::new(r.real(6).unwrap_or(f64::NAN), r.real(7).unwrap_or(f64::NAN)),
            };
            let sites = database.rows(sql, &[info.id.into()])?.iter().map(site).collect();
            Ok(MeterMapBrief { info, rows, sites })
        })
    }

    /// Reasons of some meters of a map, by meter.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meter_map_reasons(&self, map: &MeterMapInfo, meters: &[&str]) -> Result<HashMap<String, Vec<String>>, ProjectError> {
        self.database().read(|database| {
            let mut found = HashMap::new();
            for some in meters.chunks(REASONS_AT_ONCE) {
                let places: Vec<String> = (0..some.len()).map(|i| format!("${}", i + 2)).collect();
                let sql = format!("SELECT meter, reasons FROM meter_map_rows WHERE meter_map = $1 AND meter IN ({})", places.join(", "));
                let values: Vec<Cell> = std::iter::once(map.id.into()).chain(some.iter().map(|m| Cell::from(*m))).collect();
                found.extend(database.rows(&sql, &values)?.iter().map(|r| (r.text(0), reasons_of(&r.text(1)))));
            }
            Ok(found)
        })
    }
}

/// A map without the reasons of its rows.
#[derive(Clone, Debug)]
pub struct MeterMapBrief {
    pub info: MeterMapInfo,
    pub rows: Vec<MeterMapRow>,
    /// None of a map that a program before schema 4 made.
    pub sites: Vec<MeterMapSite>,
}

/// Values of one statement that asks for reasons.
const REASONS_AT_ONCE: usize = 500;

const BRIEF: &str = "meter, transformer, feeder, method, confidence, probability, distance_m, second_transformer, second_probability, \
    second_distance_m, correlation, lon_deg, lat_deg";

fn reasons_of(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn row_of(r: &Row) -> MeterMapRow {
    MeterMapRow {
        meter: r.text(0),
        transformer: r.optional_text(1),
        feeder: r.text(2),
        method: r.text(3),
        confidence: r.text(4),
        probability: r.real(5).unwrap_or(f64::NAN),
        distance_m: r.real(6),
        second_transformer: r.optional_text(7),
        second_probability: r.real(8),
        second_distance_m: r.real(9),
        correlation: r.real(10),
        place: r.real(11).zip(r.real(12)).map(|(lon, lat)| LonLat::new(lon, lat)),
        reasons: Vec::new(),
    }
}
