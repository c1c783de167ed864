//! Tables of meters, transformers, maps and overrides.

use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use formats::table::{self, Columns, Row, Table, TableOptions, WantedColumn};
use network::{Diagnostic, LonLat, Reject};
use std::path::Path;
use studies::meter_map::{MeterSite, Override, TransformerSite};
use studies::metering::MeterPlace;

const fn column(field: &'static str, aliases: &'static [&'static str], required: bool) -> WantedColumn {
    WantedColumn { field, aliases, required }
}

const METER: &[&str] = &["meter_id", "nmi", "lclid", "service_point_id", "service_point", "meter_number", "premise_id", "esiid", "mpan"];
const TRANSFORMER: &[&str] = &["transformer_id", "xfmr_id", "xfmr", "xfmrid", "tlm", "bank", "facilityid", "transformer_name"];
const FEEDER: &[&str] = &["feeder_id", "feederid", "circuit", "circuit_id"];
const LON: &[&str] = &["longitude", "lng", "long", "lon_deg", "longitude_deg", "x"];
const LAT: &[&str] = &["latitude", "lat_deg", "latitude_deg", "y"];
const PHASE: &[&str] = &["phases", "phasedesignation", "phase_designation", "phasing"];
const RATING: &[&str] = &["service_kw", "service_rating_kw", "rating"];
const KVA: &[&str] = &["ratedkva", "rated_kva", "rating_kva", "kva_rating", "size_kva"];
const DEMAND: &[&str] = &["peak_kw", "demand", "kw", "diversified_kw"];
const BUS: &[&str] = &["bus_id", "node", "node_id", "service_bus"];

fn read(path: &Path) -> Result<Table, Failure> {
    table::read(&DiskFiles::default(), path, &TableOptions { pad_short_rows: true, ..TableOptions::default() })
        .map_err(|e| Failure::new(e.diagnostics))
}

fn find(table: &Table, wanted: &[WantedColumn]) -> Result<Columns, Failure> {
    Columns::find(table, wanted, &Default::default()).map_err(|e| Failure::new(e.diagnostics))
}

/// A number of a cell; none when it is empty, an error when it is none.
fn number(table: &Table, row: &Row, columns: &Columns, field: &str) -> Result<Option<f64>, Failure> {
    let text = columns.cell(row, field);
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(Some(x)),
        _ => Err(Diagnostic::error("MAP.TABLE.UNREADABLE", format!("column {field} holds no number"))
            .at(&table.at(row.line))
            .detail(format!("It holds \"{text}\"."))
            .hint("Correct the cell, or leave it empty.")
            .into()),
    }
}

fn place(table: &Table, row: &Row, columns: &Columns) -> Result<Option<LonLat>, Failure> {
    let (lon, lat) = (number(table, row, columns, "lon")?, number(table, row, columns, "lat")?);
    match (lon, lat) {
        (Some(lon), Some(lat)) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => Ok(Some(LonLat::new(lon, lat))),
        (Some(lon), Some(lat)) => Err(Diagnostic::error("MAP.PLACE.NOT_DEGREES", "coordinates are no longitude and latitude")
            .at(&table.at(row.line))
            .detail(format!("They are {lon} and {lat}."))
            .hint("Give degrees of WGS 84; read projected coordinates with the map first.")
            .into()),
        _ => Ok(None),
    }
}

/// Letters A, B, C as bits 1, 2, 4; what is written otherwise is not known.
pub(crate) fn phases(text: &str) -> u8 {
    let letters = text.trim().to_ascii_uppercase();
    let known = !letters.is_empty() && letters.bytes().all(|b| matches!(b, b'A' | b'B' | b'C' | b'N' | b' ' | b'-' | b','));
    if !known {
        return 0;
    }
    letters.bytes().fold(0, |p, b| match b {
        b'A' => p | 1,
        b'B' => p | 2,
        b'C' => p | 4,
        _ => p,
    })
}

fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A meter as a table says it, with the bus that it names.
pub struct MeterRow {
    pub site: MeterSite,
    pub bus: String,
    pub line: u32,
}

/// Rows of a file, what there is to say of it, and what was left out.
pub type Read<T> = (Vec<T>, Vec<Diagnostic>, Vec<Reject>);

/// A table of meters: what it says, findings, and rows that could not be used.
pub fn meters(path: &Path) -> Result<Read<MeterRow>, Failure> {
    let table = read(path)?;
    let c = find(
        &table,
        &[
            column("meter", METER, true),
            column("transformer", TRANSFORMER, false),
            column("lon", LON, false),
            column("lat", LAT, false),
            column("feeder", FEEDER, false),
            column("phase", PHASE, false),
            column("demand_kw", DEMAND, false),
            column("bus", BUS, false),
        ],
    )?;
    let mut rows = Vec::new();
    let mut unread = 0;
    for row in &table.rows {
        let phase = c.cell(row, "phase");
        let bits = phases(phase);
        unread += usize::from(bits == 0 && !phase.is_empty());
        let site = MeterSite {
            id: c.cell(row, "meter").to_owned(),
            place: place(&table, row, &c)?,
            feeder: c.cell(row, "feeder").to_owned(),
            phases: bits,
            transformer: optional(c.cell(row, "transformer")),
            traced: None,
            demand_kw: number(&table, row, &c, "demand_kw")?,
        };
        rows.push(MeterRow { site, bus: c.cell(row, "bus").to_ascii_lowercase(), line: row.line });
    }
    let mut findings = table.diagnostics.clone();
    phases_not_read(&mut findings, unread, &table);
    rejected(&mut findings, &table);
    Ok((rows, findings, table.rejects))
}

fn phases_not_read(findings: &mut Vec<Diagnostic>, n: usize, table: &Table) {
    if n > 0 {
        findings.push(
            Diagnostic::warning("MAP.PHASE.UNREADABLE", "phases are not written as letters and are not used")
                .at(&table.at(0))
                .detail(format!("{n} rows."))
                .hint("Write them as A, B, C, AB and so on."),
        );
    }
}

fn rejected(findings: &mut Vec<Diagnostic>, table: &Table) {
    if let Some(first) = table.rejects.first() {
        findings.push(
            Diagnostic::warning("MAP.TABLE.REJECTED", "rows do not fit the header and are left out")
                .at(&first.source)
                .detail(format!("{} rows, the first because of {}.", table.rejects.len(), first.reason))
                .hint("Correct the table."),
        );
    }
}

/// A table of transformers.
pub fn transformers(path: &Path) -> Result<(Vec<TransformerSite>, Vec<Diagnostic>), Failure> {
    let table = read(path)?;
    let c = find(
        &table,
        &[
            column("transformer", &["transformer_id", "xfmr_id", "xfmr", "xfmrid", "id", "name", "facilityid"], true),
            column("lon", LON, true),
            column("lat", LAT, true),
            column("feeder", FEEDER, false),
            column("phase", PHASE, false),
            column("kva", KVA, false),
        ],
    )?;
    let mut sites = Vec::new();
    let (mut unread, mut nowhere) = (0, 0);
    for row in &table.rows {
        let Some(at) = place(&table, row, &c)? else {
            nowhere += 1;
            continue;
        };
        let phase = c.cell(row, "phase");
        let bits = phases(phase);
        unread += usize::from(bits == 0 && !phase.is_empty());
        sites.push(TransformerSite {
            id: c.cell(row, "transformer").to_owned(),
            place: at,
            feeder: c.cell(row, "feeder").to_owned(),
            phases: bits,
            kva: number(&table, row, &c, "kva")?,
        });
    }
    let mut findings = table.diagnostics.clone();
    phases_not_read(&mut findings, unread, &table);
    rejected(&mut findings, &table);
    if nowhere > 0 {
        findings.push(
            Diagnostic::warning("MAP.TRANSFORMER.NO_PLACE", "transformers have no place and are no candidates")
                .at(&table.at(0))
                .detail(format!("{nowhere} rows."))
                .hint("Give their coordinates."),
        );
    }
    Ok((sites, findings))
}

/// A map as it was written, for import and as truth.
pub fn map(path: &Path) -> Result<(Vec<MeterPlace>, Vec<Diagnostic>), Failure> {
    let table = read(path)?;
    let wanted = [
        column("meter", METER, true),
        column("transformer", TRANSFORMER, true),
        column("feeder", FEEDER, false),
        column("rating_kw", RATING, false),
    ];
    let c = find(&table, &wanted)?;
    let mut places = Vec::new();
    for row in &table.rows {
        places.push(MeterPlace {
            meter: c.cell(row, "meter").to_owned(),
            transformer: c.cell(row, "transformer").to_owned(),
            feeder: c.cell(row, "feeder").to_owned(),
            rating_kw: number(&table, row, &c, "rating_kw")?.filter(|r| *r > 0.0),
        });
    }
    let mut findings = table.diagnostics.clone();
    rejected(&mut findings, &table);
    let mut seen = std::collections::HashMap::new();
    for (i, p) in places.iter().enumerate() {
        if let Some(before) = seen.insert(p.meter.as_str(), i) {
            let before: &MeterPlace = &places[before];
            if (&before.transformer, &before.feeder) != (&p.transformer, &p.feeder) {
                return Err(Diagnostic::error("MAP.METER.TWICE", format!("the map names meter \"{}\" twice", p.meter))
                    .at(&table.at(table.rows.get(i).map_or(0, |r| r.line)))
                    .detail(format!("On \"{}\" and on \"{}\".", before.transformer, p.transformer))
                    .hint("Keep one of the rows.")
                    .into());
            }
        }
    }
    // A meter without a transformer belongs to none.
    places.retain(|p| !p.transformer.is_empty());
    Ok((places, findings))
}

/// Overrides as a file keeps them.
pub fn overrides(path: &Path) -> Result<Vec<Override>, Failure> {
    let table = read(path)?;
    let wanted = [
        column("meter", METER, true),
        column("transformer", TRANSFORMER, true),
        column("who", &["user", "by", "author"], false),
        column("reason", &["note", "comment", "why"], false),
    ];
    let c = find(&table, &wanted)?;
    let cell = |row: &Row, field: &str| c.cell(row, field).to_owned();
    Ok(table
        .rows
        .iter()
        .map(|r| Override { meter: cell(r, "meter"), transformer: cell(r, "transformer"), who: cell(r, "who"), reason: cell(r, "reason") })
        .collect())
}
