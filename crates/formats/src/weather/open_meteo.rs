//! Open-Meteo: what is asked for, and the answer. The shape is that of its public OpenAPI description:
//! parallel arrays under `hourly`, units under `hourly_units`, null for a missing value, an array of such
//! objects for several places, `{"error": true, "reason": …}` for a refusal.

use super::{Columns, WeatherImport, check_order};
use crate::ImportError;
use crate::table::dates::{DateOrder, moment, time_zone};
use jiff::tz::TimeZone;
use network::{Diagnostic, Disposition, LonLat, SourceRef, Weather, WeatherQuantity};
use serde_json::Value;

/// Variables that are asked for, and what they are here.
pub const HOURLY: &[(&str, WeatherQuantity)] = &[
    ("temperature_2m", WeatherQuantity::TemperatureC),
    ("dew_point_2m", WeatherQuantity::DewPointC),
    ("relative_humidity_2m", WeatherQuantity::RelativeHumidityPct),
    ("wind_speed_10m", WeatherQuantity::WindSpeedMS),
    ("wind_gusts_10m", WeatherQuantity::WindGustMS),
    ("wind_direction_10m", WeatherQuantity::WindDirectionDeg),
    ("cloud_cover", WeatherQuantity::CloudCoverPct),
    ("surface_pressure", WeatherQuantity::PressureHPa),
    ("precipitation", WeatherQuantity::PrecipitationMm),
    ("shortwave_radiation", WeatherQuantity::GhiWM2),
    ("direct_normal_irradiance", WeatherQuantity::DniWM2),
    ("diffuse_radiation", WeatherQuantity::DhiWM2),
];

/// Which service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Days of the past, from reanalysis.
    Archive,
    /// Days to come, and some past ones.
    Forecast,
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub service: Service,
    pub places: Vec<LonLat>,
    /// First and last day, `YYYY-MM-DD`; the forecast takes its next days without them.
    pub days: Option<(String, String)>,
    pub forecast_days: Option<u32>,
    pub api_key: Option<String>,
}

impl Request {
    /// The query of the address, in the order in which it is asked.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let list = |f: &dyn Fn(&LonLat) -> f64| self.places.iter().map(|p| f(p).to_string()).collect::<Vec<_>>().join(",");
        let names: Vec<&str> = HOURLY.iter().map(|(name, _)| *name).collect();
        let mut query = vec![
            ("latitude", list(&|p| p.lat_deg)),
            ("longitude", list(&|p| p.lon_deg)),
            ("hourly", names.join(",")),
            ("timezone", "GMT".to_owned()),
            ("timeformat", "unixtime".to_owned()),
            ("wind_speed_unit", "ms".to_owned()),
        ];
        if let Some((first, last)) = &self.days {
            query.push(("start_date", first.clone()));
            query.push(("end_date", last.clone()));
        }
        if let Some(days) = self.forecast_days {
            query.push(("forecast_days", days.to_string()));
        }
        if let Some(key) = &self.api_key {
            query.push(("apikey", key.clone()));
        }
        query
    }
}

/// Reads an answer, or a file in which one was kept.
///
/// # Errors
/// A refusal of the service with its reason; text of another shape; arrays of different lengths; a unit that is not known.
pub fn read_answer(text: &str, name: &str) -> Result<WeatherImport, ImportError> {
    let at = SourceRef::new(name, 0);
    let value: Value = serde_json::from_str(text).map_err(|e| {
        let line = u32::try_from(e.line()).unwrap_or(u32::MAX);
        Diagnostic::error("WEATHER.ANSWER.NOT_JSON", "the answer is no JSON, or is cut short")
            .at(&SourceRef::new(name, line))
            .detail(format!("{e}."))
    })?;
    let places: Vec<&Value> = match &value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    let mut import = WeatherImport::default();
    for place in places {
        if place.get("error").and_then(Value::as_bool) == Some(true) {
            let reason = place.get("reason").and_then(Value::as_str).unwrap_or("no reason is given");
            let what = Diagnostic::error("WEATHER.SERVICE.REFUSED", "the weather service refused the question").at(&at);
            return Err(what.detail(format!("It says: {reason}.")).into());
        }
        let series = read_place(place, name, &mut import)?;
        import.series.push(series);
    }
    if import.series.is_empty() {
        return Err(shape("it holds no place", &at));
    }
    Ok(import)
}

fn shape(what: &str, at: &SourceRef) -> ImportError {
    Diagnostic::error("WEATHER.ANSWER.SHAPE", format!("the answer does not have the shape of weather: {what}"))
        .at(at)
        .hint("ask the archive or forecast service for hourly values")
        .into()
}

fn read_place(place: &Value, name: &str, import: &mut WeatherImport) -> Result<Weather, ImportError> {
    let at = SourceRef::new(name, 0);
    let number = |key: &str| place.get(key).and_then(Value::as_f64);
    let (Some(lat), Some(lon)) = (number("latitude"), number("longitude")) else {
        return Err(shape("a place without latitude and longitude", &at));
    };
    let Some(hourly) = place.get("hourly").and_then(Value::as_object) else { return Err(shape("no \"hourly\"", &at)) };
    let units = place.get("hourly_units").and_then(Value::as_object);
    let unit_of = |key: &str| units.and_then(|u| u.get(key)).and_then(Value::as_str);
    let offset_s = number("utc_offset_seconds").unwrap_or(0.0) as i32;
    let zone_name = place.get("timezone").and_then(Value::as_str).unwrap_or("GMT");
    let Some(times) = hourly.get("time").and_then(Value::as_array) else { return Err(shape("no \"hourly.time\"", &at)) };
    let zone = time_zone(zone_name).or_else(|| Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(offset_s).ok()?)));
    let utc_s = times
        .iter()
        .map(|t| match t {
            Value::Number(n) => n.as_i64(),
            Value::String(text) => {
                let civil = moment(text, DateOrder::MonthFirst)?.civil;
                Some(zone.as_ref()?.to_zoned(civil).ok()?.timestamp().as_second())
            }
            _ => None,
        })
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(|| shape("\"hourly.time\" holds something that is no time", &at))?;
    check_order(&utc_s, name)?;
    let known: Vec<(&str, WeatherQuantity)> = HOURLY.iter().copied().filter(|(key, _)| hourly.contains_key(*key)).collect();
    for key in hourly.keys().filter(|k| *k != "time" && !known.iter().any(|(name, _)| name == k)) {
        import.ledger.record(key, Disposition::Dropped { reason: "no use of this variable is known".into() }, Some(&at));
    }
    let mut columns = Columns::new(&known.iter().map(|(_, q)| *q).collect::<Vec<_>>());
    for (i, (key, quantity)) in known.iter().enumerate() {
        let Some(values) = hourly[*key].as_array() else { return Err(shape(&format!("\"hourly.{key}\" is no array"), &at)) };
        if values.len() != utc_s.len() {
            return Err(shape(&format!("{} values of {key} for {} instants", values.len(), utc_s.len()), &at));
        }
        let unit = unit_of(key);
        let Some(convert) = conversion(*quantity, unit) else {
            return Err(Diagnostic::error(
                "WEATHER.UNIT.UNKNOWN",
                format!("{key} is in \"{}\", which is not known here", unit.unwrap_or_default()),
            )
            .at(&at)
            .into());
        };
        if let Some(formula) = convert.formula {
            import.ledger.record(key, Disposition::Converted { formula: formula.to_owned() }, Some(&at));
        }
        for value in values {
            let number = match value {
                Value::Null => None,
                Value::Number(n) => n.as_f64(),
                _ => return Err(shape(&format!("\"hourly.{key}\" holds something that is no number"), &at)),
            };
            columns.push(i, number.map(|x| convert.factor * (x - convert.zero)), 0);
        }
    }
    Ok(Weather {
        name: name.to_owned(),
        place: LonLat::new(lon, lat),
        elevation_m: number("elevation"),
        utc_offset_s: offset_s,
        utc_s,
        columns: columns.finish(name, &mut import.diagnostics),
        typical_year: false,
    })
}

/// `factor (x - zero)` gives the unit of the quantity.
pub(super) struct Conversion {
    factor: f64,
    zero: f64,
    formula: Option<&'static str>,
}

impl Conversion {
    pub(super) fn apply(&self, x: f64) -> f64 {
        self.factor * (x - self.zero)
    }
}

/// From a unit as written; a unit that is not given is the quantity's own.
pub(super) fn conversion(quantity: WeatherQuantity, unit: Option<&str>) -> Option<Conversion> {
    use WeatherQuantity::*;
    let same = Conversion { factor: 1.0, zero: 0.0, formula: None };
    let by = |factor, formula| Some(Conversion { factor, zero: 0.0, formula: Some(formula) });
    let Some(unit) = unit else { return Some(same) };
    let plain: String = unit.chars().filter(|c| c.is_alphanumeric() || *c == '%' || *c == '/').flat_map(char::to_lowercase).collect();
    match (quantity, plain.as_str()) {
        (TemperatureC | DewPointC, "c" | "celsius" | "degc") => Some(same),
        (TemperatureC | DewPointC, "f" | "fahrenheit" | "degf") => {
            Some(Conversion { factor: 5.0 / 9.0, zero: 32.0, formula: Some("5/9 (F - 32)") })
        }
        (TemperatureC | DewPointC, "k" | "kelvin") => Some(Conversion { factor: 1.0, zero: 273.15, formula: Some("K - 273.15") }),
        (RelativeHumidityPct | CloudCoverPct, "%" | "pct" | "percent") => Some(same),
        (WindSpeedMS | WindGustMS, "m/s" | "ms") => Some(same),
        (WindSpeedMS | WindGustMS, "km/h" | "kmh") => by(1.0 / 3.6, "km/h / 3.6"),
        (WindSpeedMS | WindGustMS, "mph" | "mp/h" | "mi/h") => by(0.44704, "0.44704 mph"),
        (WindSpeedMS | WindGustMS, "kn" | "kt" | "knots") => by(1852.0 / 3600.0, "1852/3600 kn"),
        (WindDirectionDeg, "" | "deg" | "degrees" | "°") => Some(same),
        (PressureHPa, "hpa" | "mbar") => Some(same),
        (PressureHPa, "pa") => by(0.01, "Pa / 100"),
        (PressureHPa, "kpa") => by(10.0, "10 kPa"),
        (PrecipitationMm, "mm") => Some(same),
        (PrecipitationMm, "inch" | "in") => by(25.4, "25.4 in"),
        (GhiWM2 | DniWM2 | DhiWM2, "w/m²" | "w/m2" | "wm2" | "wh/m2" | "wh/m²") => Some(same),
        (GhiWM2 | DniWM2 | DhiWM2, "kw/m2" | "kw/m²") => by(1000.0, "1000 kW/m²"),
        _ => None,
    }
}
