//! Weather: the answers of Open-Meteo, EnergyPlus weather files (EPW), TMY3 files, and tables.
//!
//! All become one [`Weather`]: UTC instants, one column a quantity, values in the units of
//! [`WeatherQuantity`]. Means such as irradiance belong to the interval that ends at the instant.
//! A value that the source marks as missing is none; one that weather cannot have is none too, and
//! counted in a finding.

mod open_meteo;
mod station;
mod tabular;

pub use open_meteo::{HOURLY, Request, Service, read_answer};

use crate::table::{TableOptions, decode, gunzip, is_gzip};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Ledger, Reject, SourceRef, Weather, WeatherColumn, WeatherQuantity};
use std::path::Path;

/// Largest weather file, bytes unpacked: a century of hours with a dozen columns fits.
pub const MAX_BYTES: usize = 256 << 20;

/// What reading weather gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeatherImport {
    /// One a place.
    pub series: Vec<Weather>,
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
    pub rejects: Vec<Reject>,
}

/// What the caller knows of a file that does not say it itself.
#[derive(Clone, Debug, Default)]
pub struct WeatherOptions {
    /// Time zone of moments without an offset, for tables.
    pub time_zone: Option<String>,
    /// Place of a table.
    pub place: Option<network::LonLat>,
    pub table: TableOptions,
}

/// Reads weather from a file of any of the formats.
///
/// # Errors
/// A file that cannot be read or is of none of them; values without a time, columns of different lengths, units that are not known.
pub fn read(files: &dyn FileSource, path: &Path, options: &WeatherOptions) -> Result<WeatherImport, ImportError> {
    let name = path.display().to_string();
    let bytes = files.read(path).map_err(|e| {
        Diagnostic::error("WEATHER.FILE.MISSING", "the file cannot be read").at(&SourceRef::new(name.as_str(), 0)).detail(format!("{e}."))
    })?;
    read_bytes(&bytes, &name, options)
}

/// As [`read`], of bytes at hand.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], name: &str, options: &WeatherOptions) -> Result<WeatherImport, ImportError> {
    let unpacked;
    let bytes = if is_gzip(bytes) {
        unpacked = gunzip(bytes, name, MAX_BYTES)?;
        &unpacked
    } else {
        bytes
    };
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return tabular::read(bytes, name, options);
    }
    let (text, note) = decode(bytes, name, options.table.encoding.as_deref())?;
    let begin = text.trim_start();
    let mut import = if begin.starts_with('{') || begin.starts_with('[') {
        read_answer(begin, name)?
    } else if begin.starts_with("LOCATION,") {
        station::read_epw(&text, name)?
    } else if station::is_tmy3(&text) {
        station::read_tmy3(&text, name)?
    } else {
        tabular::read(bytes, name, options)?
    };
    import.diagnostics.splice(0..0, note);
    Ok(import)
}

/// Columns under construction, with what is wrong with their values.
struct Columns {
    columns: Vec<WeatherColumn>,
    missing: usize,
    outside: Vec<(WeatherQuantity, f64, u32)>,
    n_outside: usize,
}

impl Columns {
    fn new(quantities: &[WeatherQuantity]) -> Self {
        let columns = quantities.iter().map(|&quantity| WeatherColumn { quantity, values: Vec::new() }).collect();
        Self { columns, missing: 0, outside: Vec::new(), n_outside: 0 }
    }

    /// Adds a value to column `i`; a value that weather cannot have counts as missing.
    fn push(&mut self, i: usize, value: Option<f64>, line: u32) {
        let quantity = self.columns[i].quantity;
        let (low, high) = quantity.bounds();
        let good = value.filter(|v| (low..=high).contains(v));
        match (value, good) {
            (Some(v), None) => {
                self.n_outside += 1;
                if self.outside.len() < 5 {
                    self.outside.push((quantity, v, line));
                }
            }
            (None, _) => self.missing += 1,
            _ => {}
        }
        self.columns[i].values.push(good);
    }

    /// Findings about values that are missing or cannot be, and the columns that hold anything.
    fn finish(self, name: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<WeatherColumn> {
        let n: usize = self.columns.iter().map(|c| c.values.len()).sum();
        if self.missing > 0 {
            let what = Diagnostic::note("WEATHER.VALUES.MISSING", format!("{} of {n} values are missing", self.missing));
            diagnostics.push(what.at(&SourceRef::new(name, 0)));
        }
        if let Some(&(_, _, line)) = self.outside.first() {
            let listed: Vec<String> = self.outside.iter().map(|(q, v, line)| format!("{} {v} (row {line})", q.column())).collect();
            let what = Diagnostic::warning(
                "WEATHER.VALUES.IMPOSSIBLE",
                format!("{} values cannot be weather and count as missing", self.n_outside),
            );
            let hint = "look whether the column is in another unit than its header says";
            diagnostics.push(what.at(&SourceRef::new(name, line)).detail(format!("{}.", listed.join("; "))).hint(hint));
        }
        self.columns.into_iter().filter(|c| c.values.iter().any(Option::is_some)).collect()
    }
}

/// Instants must rise, or no value belongs to its time.
fn check_order(utc_s: &[i64], name: &str) -> Result<(), ImportError> {
    match utc_s.windows(2).position(|w| w[1] <= w[0]) {
        None => Ok(()),
        Some(i) => Err(Diagnostic::error("WEATHER.TIME.NOT_RISING", "an instant does not come after the one before")
            .at(&SourceRef::new(name, 0))
            .detail(format!("Instant {} of {}: {} after {}.", i + 2, utc_s.len(), utc_s[i + 1], utc_s[i]))
            .hint("ask for times in UTC, or tell the time zone, so that the hour that clocks repeat is not there twice")
            .into()),
    }
}

#[cfg(test)]
mod tests;
