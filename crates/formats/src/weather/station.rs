//! Files of typical years and stations: EPW as EnergyPlus's auxiliary-programs manual describes it, and
//! TMY3 as NREL/TP-581-43156 does.
//!
//! Both count hours of local standard time from 1 to 24; hour 24 of a day is its midnight. Irradiation of
//! an hour, Wh/m², is the mean irradiance of the hour that ends then, W/m².

use super::{Columns, WeatherImport, check_order};
use crate::ImportError;
use jiff::civil::Date;
use network::{Diagnostic, LonLat, Reject, SourceRef, Weather, WeatherQuantity};

/// Column of an EPW data row, its quantity, factor to its unit, and the value from which on it means missing.
const EPW: &[(usize, WeatherQuantity, f64, f64)] = &[
    (6, WeatherQuantity::TemperatureC, 1.0, 99.9),
    (7, WeatherQuantity::DewPointC, 1.0, 99.9),
    (8, WeatherQuantity::RelativeHumidityPct, 1.0, 999.0),
    (9, WeatherQuantity::PressureHPa, 0.01, 999_999.0),
    (13, WeatherQuantity::GhiWM2, 1.0, 9999.0),
    (14, WeatherQuantity::DniWM2, 1.0, 9999.0),
    (15, WeatherQuantity::DhiWM2, 1.0, 9999.0),
    (20, WeatherQuantity::WindDirectionDeg, 1.0, 999.0),
    (21, WeatherQuantity::WindSpeedMS, 1.0, 999.0),
    (22, WeatherQuantity::CloudCoverPct, 10.0, 99.0),
];

/// Header of a TMY3 column, its quantity, factor to its unit.
const TMY3: &[(&str, WeatherQuantity, f64)] = &[
    ("dry-bulb (c)", WeatherQuantity::TemperatureC, 1.0),
    ("dew-point (c)", WeatherQuantity::DewPointC, 1.0),
    ("rhum (%)", WeatherQuantity::RelativeHumidityPct, 1.0),
    ("pressure (mbar)", WeatherQuantity::PressureHPa, 1.0),
    ("ghi (w/m^2)", WeatherQuantity::GhiWM2, 1.0),
    ("dni (w/m^2)", WeatherQuantity::DniWM2, 1.0),
    ("dhi (w/m^2)", WeatherQuantity::DhiWM2, 1.0),
    ("wdir (degrees)", WeatherQuantity::WindDirectionDeg, 1.0),
    ("wspd (m/s)", WeatherQuantity::WindSpeedMS, 1.0),
    ("totcld (tenths)", WeatherQuantity::CloudCoverPct, 10.0),
];

/// TMY3 marks missing values with this number.
const TMY3_MISSING: f64 = -9900.0;

fn fault(what: &str, name: &str, line: usize, detail: String) -> ImportError {
    Diagnostic::error("WEATHER.STATION.UNREADABLE", what.to_owned())
        .at(&SourceRef::new(name, line as u32))
        .detail(detail)
        .hint("copy the file again, or take it as a table with named columns")
        .into()
}

/// Seconds since 1970 of an hour from 0 to 24 of a day of local standard time.
fn instant(year: i16, month: i8, day: i8, hour: i64, minute: i64, offset_s: i64) -> Option<i64> {
    let date = Date::new(year, month, day).ok()?;
    let days = i64::from(date.since(Date::constant(1970, 1, 1)).ok()?.get_days());
    (0..=24).contains(&hour).then_some(days * 86_400 + hour * 3600 + minute * 60 - offset_s)
}

/// The rows of a typical year come from several years; put onto one that is none of a leap year's, they rise.
fn typical_year_onto(rows: &[(i16, i8, i8)]) -> Option<i16> {
    let rising = rows.windows(2).all(|w| w[0] <= w[1]);
    if rising { None } else { Some(2001) }
}

pub(super) fn read_epw(text: &str, name: &str) -> Result<WeatherImport, ImportError> {
    let mut lines = text.lines().enumerate();
    let (_, head) = lines.next().unwrap_or_default();
    let head: Vec<&str> = head.split(',').map(str::trim).collect();
    let number = |i: usize| head.get(i).and_then(|t| t.parse::<f64>().ok());
    let (Some(lat), Some(lon), Some(zone_h)) = (number(6), number(7), number(8)) else {
        return Err(fault("the LOCATION line has no latitude, longitude and time zone", name, 1, format!("It reads: {}.", head.join(","))));
    };
    // Data come after DATA PERIODS, the last line of the header.
    let mut data = lines.skip_while(|(_, l)| !l.starts_with("DATA PERIODS")).skip(1).peekable();
    if data.peek().is_none() {
        return Err(fault("the file ends before its data", name, text.lines().count(), "No rows after DATA PERIODS.".into()));
    }
    let place = (LonLat::new(lon, lat), number(9));
    let rows = data.filter(|(_, l)| !l.trim().is_empty()).map(|(i, line)| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let integer = |c: usize| cells.get(c).and_then(|t| t.parse::<i16>().ok());
        let stamp = (integer(0), integer(1), integer(2), integer(3));
        (i + 1, line, stamp, cells.iter().map(|c| (*c).to_owned()).collect::<Vec<String>>())
    });
    let columns: Vec<(usize, WeatherQuantity, f64, Option<f64>)> = EPW.iter().map(|&(c, q, f, m)| (c, q, f, Some(m))).collect();
    finish(rows, &columns, name, head.get(1).copied().unwrap_or_default(), place, zone_h)
}

/// First line of a TMY3 file: station number, name, state, zone, latitude, longitude, elevation; second line: names with `GHI (W/m^2)`.
pub(super) fn is_tmy3(text: &str) -> bool {
    text.lines().nth(1).is_some_and(|l| {
        let l = l.to_lowercase();
        l.contains("date (mm/dd/yyyy)") && l.contains("ghi (w/m^2)")
    })
}

pub(super) fn read_tmy3(text: &str, name: &str) -> Result<WeatherImport, ImportError> {
    let mut lines = text.lines().enumerate();
    let (_, head) = lines.next().unwrap_or_default();
    let head: Vec<&str> = head.split(',').map(|c| c.trim().trim_matches('"')).collect();
    let number = |i: usize| head.get(i).and_then(|t| t.parse::<f64>().ok());
    let (Some(zone_h), Some(lat), Some(lon)) = (number(3), number(4), number(5)) else {
        return Err(fault("the first line has no time zone, latitude and longitude", name, 1, format!("It reads: {}.", head.join(","))));
    };
    let (_, names) = lines.next().unwrap_or_default();
    let names: Vec<String> = names.split(',').map(|n| n.trim().to_lowercase()).collect();
    let columns: Vec<(usize, WeatherQuantity, f64, Option<f64>)> =
        TMY3.iter().filter_map(|&(header, q, f)| names.iter().position(|n| n == header).map(|c| (c, q, f, None))).collect();
    let rows = lines.filter(|(_, l)| !l.trim().is_empty()).map(|(i, line)| {
        let cells: Vec<String> = line.split(',').map(|c| c.trim().to_owned()).collect();
        let mut date = cells.first().map_or("", String::as_str).split('/').map(|p| p.parse::<i16>().ok());
        let (month, day, year) = (date.next().flatten(), date.next().flatten(), date.next().flatten());
        let hour = cells.get(1).and_then(|t| t.split(':').next()).and_then(|h| h.parse::<i16>().ok());
        (i + 1, line, (year, month, day, hour), cells)
    });
    finish(rows, &columns, name, head.get(1).copied().unwrap_or_default(), (LonLat::new(lon, lat), number(6)), zone_h)
}

type Stamp = (Option<i16>, Option<i16>, Option<i16>, Option<i16>);

fn finish<'t>(
    rows: impl Iterator<Item = (usize, &'t str, Stamp, Vec<String>)>,
    wanted: &[(usize, WeatherQuantity, f64, Option<f64>)],
    name: &str,
    station: &str,
    (place, elevation_m): (LonLat, Option<f64>),
    zone_h: f64,
) -> Result<WeatherImport, ImportError> {
    let mut import = WeatherImport::default();
    let mut columns = Columns::new(&wanted.iter().map(|w| w.1).collect::<Vec<_>>());
    let mut stamps: Vec<(i16, i8, i8, i16)> = Vec::new();
    let most = wanted.iter().map(|w| w.0).max().unwrap_or(0);
    for (line, text, (year, month, day, hour), cells) in rows {
        let date =
            year.zip(month).zip(day).zip(hour).filter(|(((y, m), d), h)| (1..=24).contains(h) && Date::new(*y, *m as i8, *d as i8).is_ok());
        let Some((((year, month), day), hour)) = date.filter(|_| cells.len() > most) else {
            let reason = if cells.len() > most {
                "it has no date and hour".to_owned()
            } else {
                format!("{} cells where {} are needed", cells.len(), most + 1)
            };
            import.rejects.push(Reject { source: SourceRef::new(name, line as u32), reason, text: text.chars().take(500).collect() });
            continue;
        };
        stamps.push((year, month as i8, day as i8, hour));
        for (i, &(c, _, factor, missing)) in wanted.iter().enumerate() {
            let value = cells[c].parse::<f64>().ok();
            let there = value.filter(|v| missing.is_none_or(|m| *v < m) && *v > TMY3_MISSING);
            columns.push(i, there.map(|v| factor * v), line as u32);
        }
    }
    if stamps.len() < 24 || import.rejects.len() > stamps.len() {
        let detail = format!("{} rows can be read, {} cannot.", stamps.len(), import.rejects.len());
        return Err(fault(
            "the file does not hold a day of hourly rows",
            name,
            import.rejects.first().map_or(0, |r| r.source.line as usize),
            detail,
        ));
    }
    if let Some(first) = import.rejects.first() {
        let what = Diagnostic::warning("WEATHER.ROWS.REJECTED", format!("{} rows cannot be read and are put aside", import.rejects.len()));
        import.diagnostics.push(what.at(&first.source).detail(format!("The first: {}.", first.reason)));
    }
    let dates: Vec<(i16, i8, i8)> = stamps.iter().map(|s| (s.0, s.1, s.2)).collect();
    let onto = typical_year_onto(&dates);
    if let Some(year) = onto {
        let what = Diagnostic::note("WEATHER.YEAR.TYPICAL", format!("the months come from several years and are put onto {year}"));
        import.diagnostics.push(what.at(&SourceRef::new(name, 0)));
    }
    let offset_s = (3600.0 * zone_h).round() as i64;
    let utc_s = stamps
        .iter()
        .map(|&(year, month, day, hour)| {
            // A leap day of a year that was put together has no place in a common year.
            instant(onto.unwrap_or(year), month, day, i64::from(hour), 0, offset_s)
        })
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(|| fault("a day does not exist in the year it is put onto", name, 0, "29 February of a typical year.".into()))?;
    check_order(&utc_s, name)?;
    import.series.push(Weather {
        name: if station.is_empty() { name.to_owned() } else { station.to_owned() },
        place,
        elevation_m,
        utc_offset_s: offset_s as i32,
        utc_s,
        columns: columns.finish(name, &mut import.diagnostics),
        typical_year: onto.is_some(),
    });
    Ok(import)
}
