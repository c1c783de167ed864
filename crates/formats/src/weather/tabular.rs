//! Weather from tables: a column of moments and columns named for what they are, units in brackets or at the end.

use super::open_meteo::conversion;
use super::{Columns, WeatherImport, WeatherOptions, check_order};
use crate::ImportError;
use crate::table::dates::{DateOrder, FoundOrder, date_order_of, moment, time_zone};
use crate::table::{self, TableOptions};
use jiff::tz::TimeZone;
use network::{Diagnostic, Disposition, LonLat, Reject, SourceRef, Weather, WeatherQuantity};

/// Words in a header, and the quantity that they mean; the first that fits counts.
const NAMES: &[(&[&str], WeatherQuantity)] = &[
    (&["dew"], WeatherQuantity::DewPointC),
    (&["temp", "dry bulb", "drybulb", "t2m"], WeatherQuantity::TemperatureC),
    (&["humid", "rh"], WeatherQuantity::RelativeHumidityPct),
    (&["gust"], WeatherQuantity::WindGustMS),
    (&["wind dir", "wind_dir", "winddir"], WeatherQuantity::WindDirectionDeg),
    (&["wind", "ws10"], WeatherQuantity::WindSpeedMS),
    (&["cloud"], WeatherQuantity::CloudCoverPct),
    (&["pressure"], WeatherQuantity::PressureHPa),
    (&["precip", "rain"], WeatherQuantity::PrecipitationMm),
    (&["dni", "direct normal", "direct_normal"], WeatherQuantity::DniWM2),
    (&["dhi", "diffuse"], WeatherQuantity::DhiWM2),
    (&["ghi", "shortwave", "global"], WeatherQuantity::GhiWM2),
];

const UNITS: &[&str] = &[
    "c", "f", "k", "%", "pct", "m/s", "ms", "km/h", "kmh", "mph", "kn", "hpa", "mbar", "pa", "kpa", "mm", "inch", "w/m2", "w/m²", "kw/m2",
    "deg",
];

/// A header's quantity and the unit that it names.
fn quantity(header: &str) -> Option<(WeatherQuantity, Option<String>)> {
    let lower = header.to_lowercase();
    let (_, quantity) = NAMES.iter().find(|(words, _)| words.iter().any(|w| lower.contains(w)))?;
    let bracketed = lower.split_once(['(', '[']).map(|(_, rest)| rest.trim_end_matches([')', ']']).trim().to_owned());
    let last = lower.rsplit(['_', ' ']).next().map(str::to_owned);
    let w_m2 = lower.ends_with("w_m2").then(|| "w/m2".to_owned());
    let m_s = lower.ends_with("m_s").then(|| "m/s".to_owned());
    Some((*quantity, bracketed.or(w_m2).or(m_s).or(last.filter(|l| UNITS.contains(&l.as_str())))))
}

pub(super) fn read(bytes: &[u8], name: &str, options: &WeatherOptions) -> Result<WeatherImport, ImportError> {
    let (header_line, place) = preamble(bytes);
    let table_options = TableOptions { header_line: options.table.header_line.or(header_line), ..options.table.clone() };
    let table = table::read_bytes(bytes, name, &table_options)?;
    let at = SourceRef::new(name, 0);
    let lower: Vec<String> = table.headers.iter().map(|h| h.to_lowercase()).collect();
    let time = lower.iter().position(|h| h.contains("time") || h.contains("date") || h == "utc" || h == "timestamp");
    let Some(time) = time else {
        let what = Diagnostic::error("WEATHER.TABLE.NO_TIME", "no column holds the times").at(&at);
        return Err(what.detail(format!("Columns: {}.", table.headers.join(", "))).hint("name the column of moments \"time\"").into());
    };
    let mut import = WeatherImport { diagnostics: table.diagnostics.clone(), rejects: table.rejects.clone(), ..WeatherImport::default() };
    let mut wanted = Vec::new();
    for (c, header) in table.headers.iter().enumerate().filter(|(c, _)| *c != time) {
        let Some((quantity, unit)) = quantity(header) else {
            import.ledger.record(header, Disposition::Dropped { reason: "its name is no weather that is known here".into() }, Some(&at));
            continue;
        };
        let Some(convert) = conversion(quantity, unit.as_deref()) else {
            let what =
                Diagnostic::error("WEATHER.UNIT.UNKNOWN", format!("column \"{header}\" is in a unit that is not known here")).at(&at);
            return Err(what.hint("name the unit in brackets, such as temperature (C)").into());
        };
        if unit.is_none() {
            let value = quantity.column().to_owned();
            import.ledger.record(header, Disposition::Defaulted { value, reason: "the header names no unit".into() }, Some(&at));
        }
        wanted.push((c, quantity, convert));
    }
    if wanted.is_empty() {
        let what = Diagnostic::error("WEATHER.TABLE.NO_VALUES", "no column holds weather that is known here").at(&at);
        return Err(what.detail(format!("Columns: {}.", table.headers.join(", "))).into());
    }
    let Some(place) = options.place.or(place).or_else(|| place_of_columns(&lower, &table)) else {
        let what = Diagnostic::error("WEATHER.TABLE.NO_PLACE", "the table does not say where the weather is").at(&at);
        return Err(what.hint("tell latitude and longitude").into());
    };
    let zone = match options.time_zone.as_deref() {
        None => TimeZone::UTC,
        Some(zone) => time_zone(zone)
            .ok_or_else(|| Diagnostic::error("WEATHER.ZONE.UNKNOWN", format!("no time zone is called \"{zone}\"")).at(&at))?,
    };
    if options.time_zone.is_none() {
        let reason = "no time zone was told; moments without an offset are taken as they stand".to_owned();
        import.ledger.record(&table.headers[time], Disposition::Defaulted { value: "UTC".into(), reason }, Some(&at));
    }
    let order = match date_order_of(&table.rows, time) {
        FoundOrder::Found(order) => order,
        FoundOrder::NotNeeded => DateOrder::MonthFirst,
        FoundOrder::Ambiguous | FoundOrder::Contradictory => {
            let what = Diagnostic::error("WEATHER.TIME.AMBIGUOUS", "dates can be read with the month or with the day first").at(&at);
            return Err(what.hint("write dates as YYYY-MM-DD").into());
        }
    };
    let mut columns = Columns::new(&wanted.iter().map(|w| w.1).collect::<Vec<_>>());
    let mut utc_s = Vec::new();
    for row in &table.rows {
        let Some(instant) = instant(&row.cells[time], order, &zone) else {
            let reason = format!("\"{}\" is no date and time", row.cells[time]);
            import.rejects.push(Reject { source: table.at(row.line), reason, text: row.cells.join(",").chars().take(500).collect() });
            continue;
        };
        utc_s.push(instant);
        for (i, (c, _, convert)) in wanted.iter().enumerate() {
            let value = row.cells[*c].trim().parse::<f64>().ok().filter(|v| v.is_finite());
            columns.push(i, value.map(|v| convert.apply(v)), row.line);
        }
    }
    if import.rejects.len() > utc_s.len() {
        let what = Diagnostic::error("WEATHER.ROWS.UNREADABLE", "most rows have no time that can be read");
        return Err(what.at(&import.rejects[0].source).detail(format!("The first: {}.", import.rejects[0].reason)).into());
    }
    if let Some(first) = import.rejects.first() {
        let what = Diagnostic::warning("WEATHER.ROWS.REJECTED", format!("{} rows cannot be read and are put aside", import.rejects.len()));
        import.diagnostics.push(what.at(&first.source).detail(format!("The first: {}.", first.reason)));
    }
    check_order(&utc_s, name)?;
    let columns = columns.finish(name, &mut import.diagnostics);
    import.series.push(Weather { name: name.to_owned(), place, elevation_m: None, utc_offset_s: 0, utc_s, columns, typical_year: false });
    Ok(import)
}

/// The place that columns of latitude and longitude say, as this program writes them; of several places none, for the times would not rise.
fn place_of_columns(headers: &[String], table: &table::Table) -> Option<LonLat> {
    let column = |name: &str| headers.iter().position(|h| h == name || h.strip_suffix("_deg") == Some(name));
    let (lat, lon) = (column("latitude")?, column("longitude")?);
    let number = |c: usize| table.rows.first()?.cells.get(c)?.trim().parse::<f64>().ok();
    let (lat_deg, lon_deg) = (number(lat)?, number(lon)?);
    (lat_deg.abs() <= 90.0 && lon_deg.abs() <= 180.0).then_some(LonLat::new(lon_deg, lat_deg))
}

fn instant(text: &str, order: DateOrder, zone: &TimeZone) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse::<i64>()
        && seconds.abs() > 100_000_000
    {
        return Some(seconds);
    }
    let written = moment(text, order)?;
    match written.offset_s {
        Some(offset) => Some(TimeZone::UTC.to_zoned(written.civil).ok()?.timestamp().as_second() - i64::from(offset)),
        None => Some(zone.to_zoned(written.civil).ok()?.timestamp().as_second()),
    }
}

/// Exports of Open-Meteo as CSV put the place into two lines and a blank one before the header.
fn preamble(bytes: &[u8]) -> (Option<u32>, Option<LonLat>) {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    let lines: Vec<&str> = text.lines().take(8).collect();
    let Some(first) = lines.first().filter(|l| l.to_lowercase().starts_with("latitude,longitude")) else { return (None, None) };
    let n = first.split(',').count();
    let mut values = lines.get(1).map(|l| l.split(',').map(|c| c.trim().parse::<f64>().ok()).collect::<Vec<_>>()).unwrap_or_default();
    values.resize(n.max(2), None);
    let place = values[1].zip(values[0]).map(|(lon, lat)| LonLat::new(lon, lat));
    let header = lines.iter().skip(2).position(|l| l.to_lowercase().starts_with("time")).map(|i| i as u32 + 3);
    (header, place)
}
