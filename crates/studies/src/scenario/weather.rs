//! The weather of the scenario's year, hour by hour in local standard time, and waves upon it.

use super::calendar::Calendar;
use crate::synthetic::climate::Climate;
use crate::synthetic::{ORIGIN_LATITUDE_DEG, ORIGIN_LONGITUDE_DEG};
use network::calendar::civil_from_days;
use network::scenario::{DAYS, Extreme, HOURS, Scenario, ScenarioData, WaveForm, WeatherLayer, WeatherSource};
use network::{Diagnostic, LonLat, SourceRef, Weather, WeatherQuantity};
use std::f64::consts::PI;
use std::sync::Arc;

/// Longest gap that is bridged by a straight line, hours.
const MAX_GAP_H: usize = 6;
/// Share of the hours of a year that must be there.
const LEAST_SHARE: f64 = 0.9;

/// A year of 8760 hours; value `k` is the mean of hour `k`.
#[derive(Clone, Debug, PartialEq)]
pub struct YearWeather {
    pub place: LonLat,
    pub utc_offset_h: f64,
    /// Year by which the sun's position counts.
    pub sun_year: i32,
    pub temperature_c: Arc<[f64]>,
    pub ghi_w_per_m2: Option<Arc<[f64]>>,
    pub dni_w_per_m2: Option<Arc<[f64]>>,
    pub dhi_w_per_m2: Option<Arc<[f64]>>,
    pub wind_m_per_s: Option<Arc<[f64]>>,
}

fn missing(at: &SourceRef, what: String, hint: &str) -> Diagnostic {
    Diagnostic::error("SCENARIO.WEATHER.UNUSABLE", what).at(at).hint(hint)
}

/// Hour of the scenario's year in which the interval that ends at an instant begins; none on the 29th of February.
fn slot(utc_s: i64, offset_s: i64) -> (i64, Option<usize>) {
    let local = utc_s + offset_s - 1;
    let (year, month, day) = civil_from_days(local.div_euclid(86_400));
    let hour = local.rem_euclid(86_400) / 3600;
    let slot = (month, day) != (2, 29);
    (year, slot.then(|| 24 * Calendar::day_of_year(month as usize, day as usize) + hour as usize))
}

/// One quantity over the year: the mean of what falls into each hour; short gaps bridged. `None` where too much is missing.
fn year_of(weather: &Weather, quantity: WeatherQuantity, offset_s: i64, year: Option<i64>) -> Option<Vec<f64>> {
    let values = weather.column(quantity)?;
    let mut sums = vec![(0.0, 0u32); HOURS];
    for (&utc_s, value) in weather.utc_s.iter().zip(values) {
        let (of, slot) = slot(utc_s, offset_s);
        if let (Some(slot), Some(value)) = (slot, value)
            && year.is_none_or(|y| y == of)
        {
            sums[slot].0 += value;
            sums[slot].1 += 1;
        }
    }
    let known = sums.iter().filter(|s| s.1 > 0).count();
    if (known as f64) < LEAST_SHARE * HOURS as f64 {
        return None;
    }
    let mut out: Vec<Option<f64>> = sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect();
    let first = out.iter().position(Option::is_some)?;
    // Around the year's end, so that gaps at both ends are one.
    out.rotate_left(first);
    let mut i = 0;
    while i < HOURS {
        if out[i].is_some() {
            i += 1;
            continue;
        }
        let end = (i..HOURS).find(|&k| out[k].is_some()).unwrap_or(HOURS);
        if end - i > MAX_GAP_H {
            return None;
        }
        let (a, b) = (out[i - 1]?, out[end % HOURS]?);
        for k in i..end {
            out[k] = Some(a + (b - a) * (k - i + 1) as f64 / (end - i + 1) as f64);
        }
        i = end;
    }
    out.rotate_right(first);
    out.into_iter().collect()
}

/// The year that a source has most of, the first of equals.
fn fullest_year(weather: &Weather, offset_s: i64) -> Option<i64> {
    let mut counts: Vec<(i64, usize)> = Vec::new();
    for &utc_s in &weather.utc_s {
        let (year, _) = slot(utc_s, offset_s);
        match counts.last_mut() {
            Some((y, n)) if *y == year => *n += 1,
            _ => counts.push((year, 1)),
        }
    }
    let most = counts.iter().map(|c| c.1).max()?;
    counts.iter().find(|c| c.1 as f64 >= LEAST_SHARE * most as f64).map(|c| c.0)
}

/// Offset of the clock, hours: as told, as the file says, else by the longitude.
fn offset_h(source: &WeatherSource, weather: &Weather) -> f64 {
    let by_place = (weather.place.lon_deg / 15.0).round();
    let of_file = if weather.utc_offset_s != 0 { f64::from(weather.utc_offset_s) / 3600.0 } else { by_place };
    source.utc_offset_h.unwrap_or(of_file)
}

/// Weather of the year as the scenario's source gives it.
///
/// # Errors
/// A file without a year of temperatures.
pub fn base(scenario: &Scenario, data: &ScenarioData) -> Result<Option<YearWeather>, Diagnostic> {
    let Some(source) = &scenario.weather else { return Ok(None) };
    let at = scenario.place("weather");
    let told = source.latitude_deg.zip(source.longitude_deg).map(|(lat, lon)| LonLat::new(lon, lat));
    if let Some(seed) = source.synthetic_seed {
        let climate = Climate::new(seed);
        let place = told.unwrap_or(LonLat::new(ORIGIN_LONGITUDE_DEG, ORIGIN_LATITUDE_DEG));
        return Ok(Some(YearWeather {
            // The synthetic sun stands highest at noon of the clock.
            utc_offset_h: source.utc_offset_h.unwrap_or(place.lon_deg / 15.0),
            place,
            sun_year: 2023,
            temperature_c: climate.temperature_c.into(),
            ghi_w_per_m2: Some(climate.irradiance.iter().map(|g| 1000.0 * g).collect()),
            dni_w_per_m2: None,
            dhi_w_per_m2: None,
            wind_m_per_s: None,
        }));
    }
    let Some(file) = &source.file else { return Ok(None) };
    let Some(weather) = data.weather.get(file) else { return Ok(None) };
    let offset_h = offset_h(source, weather);
    let offset_s = (offset_h * 3600.0).round() as i64;
    // A typical year is put together from several.
    let year = if weather.typical_year { None } else { source.year.map(i64::from).or_else(|| fullest_year(weather, offset_s)) };
    let of = |quantity| year_of(weather, quantity, offset_s, year).map(Arc::from);
    let Some(temperature_c) = of(WeatherQuantity::TemperatureC) else {
        let which = year.map_or("a year".to_owned(), |y| format!("the year {y}"));
        let what = format!("{file} does not have the temperatures of {which}");
        return Err(missing(&at, what, "it needs hours of the whole year, in 365 days, with no gap beyond six hours"));
    };
    Ok(Some(YearWeather {
        place: told.unwrap_or(weather.place),
        utc_offset_h: offset_h,
        sun_year: year.unwrap_or(2023) as i32,
        temperature_c,
        ghi_w_per_m2: of(WeatherQuantity::GhiWM2),
        dni_w_per_m2: of(WeatherQuantity::DniWM2),
        dhi_w_per_m2: of(WeatherQuantity::DhiWM2),
        wind_m_per_s: of(WeatherQuantity::WindSpeedMS),
    }))
}

/// Share of the amplitude at `x`, from 0 to 1 through the wave.
fn form_at(form: WaveForm, x: f64) -> f64 {
    match form {
        WaveForm::Step => 1.0,
        WaveForm::HalfSine => (PI * x).sin(),
        WaveForm::Trapezoid => (4.0 * x).min(4.0 * (1.0 - x)).min(1.0),
    }
}

/// Which hours a wave covers, and their temperatures.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    pub first_hour: usize,
    /// Temperatures of the hours from `first_hour` on; after the year's end comes its beginning.
    pub temperature_c: Vec<f64>,
    /// In words.
    pub story: String,
}

/// The wave of a layer upon the base temperatures.
///
/// # Errors
/// A file without the days that are asked for.
pub fn wave(scenario: &Scenario, index: usize, layer: &WeatherLayer, base: &YearWeather, data: &ScenarioData) -> Result<Wave, Diagnostic> {
    let n = ((layer.length_d * 24.0).round() as usize).clamp(1, HOURS);
    let start = layer.start.as_deref().and_then(Calendar::parse_day).map(|day| 24 * day);
    let t = &base.temperature_c;
    if let Some(file) = &layer.file {
        let at = scenario.place_in(index, "file");
        let Some(weather) = data.weather.get(file) else {
            return Err(missing(&at, format!("{file} holds no weather"), "name a file of weather"));
        };
        let source = scenario.weather.clone().unwrap_or(WeatherSource {
            file: None,
            year: None,
            synthetic_seed: None,
            latitude_deg: None,
            longitude_deg: None,
            utc_offset_h: None,
        });
        let offset_s = (offset_h(&source, weather) * 3600.0).round() as i64;
        let year = layer.file_year.or_else(|| if weather.typical_year { None } else { fullest_year(weather, offset_s) });
        let Some(other) = year_of(weather, WeatherQuantity::TemperatureC, offset_s, year) else {
            let which = year.map_or("a year".to_owned(), |y| format!("the year {y}"));
            let what = format!("{file} does not have the temperatures of {which}");
            return Err(missing(&at, what, "it needs hours of the whole year, in 365 days, with no gap beyond six hours"));
        };
        let picked = layer.pick.map(|pick| extreme(&other, n, pick));
        let from = picked.or(start).unwrap_or(0);
        let to = start.unwrap_or(from);
        let temperature_c: Vec<f64> = (0..n).map(|k| other[(from + k) % HOURS]).collect();
        let mean = temperature_c.iter().sum::<f64>() / n as f64;
        let year = year.map_or("its typical year".to_owned(), |y| y.to_string());
        let story = format!("{n} hours of {file}, {year}, from {}: mean {mean:.1} °C", date(from));
        return Ok(Wave { first_hour: to, temperature_c, story });
    }
    let amplitude = layer.amplitude_c.unwrap_or(0.0);
    let first_hour = start.unwrap_or(0);
    let night = layer.night_share_pct / 100.0;
    let temperature_c = (0..n)
        .map(|k| {
            let hour = (first_hour + k) % HOURS;
            let of_day = (hour % 24) as f64 + 0.5;
            // 1 at three in the afternoon, the night's share twelve hours off.
            let daily = (1.0 + night) / 2.0 + (1.0 - night) / 2.0 * (2.0 * PI * (of_day - 15.0) / 24.0).cos();
            t[hour] + amplitude * daily * form_at(layer.form, (k as f64 + 0.5) / n as f64)
        })
        .collect();
    Ok(Wave { first_hour, temperature_c, story: format!("{amplitude:+.1} °C for {n} hours from {}", date(first_hour)) })
}

/// Date of an hour of the year, `MM-DD HH:00`.
pub fn date(hour: usize) -> String {
    let day = hour / 24 % DAYS;
    let month = Calendar::month(day);
    format!("{month:02}-{:02} {:02}:00", day - Calendar::day_of_year(month as usize, 1) + 1, hour % 24)
}

/// First hour, at a midnight, of the `n` hours with the greatest or least mean.
fn extreme(t: &[f64], n: usize, pick: Extreme) -> usize {
    let mean = |from: usize| (0..n).map(|k| t[(from + k) % HOURS]).sum::<f64>();
    let days = (0..DAYS).map(|d| (24 * d, mean(24 * d)));
    let best = match pick {
        Extreme::Hottest => days.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))),
        Extreme::Coldest => days.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))),
    };
    best.map_or(0, |b| b.0)
}

impl Wave {
    /// The year with the wave in it.
    pub fn upon(&self, t: &[f64]) -> Arc<[f64]> {
        let mut out = t.to_vec();
        for (k, value) in self.temperature_c.iter().enumerate() {
            out[(self.first_hour + k) % HOURS] = *value;
        }
        out.into()
    }

    pub fn covers(&self, hour: usize) -> bool {
        (hour + HOURS - self.first_hour) % HOURS < self.temperature_c.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::calendar::days_from_civil;

    #[test]
    fn hours_have_their_slot_in_the_year() {
        assert_eq!(date(0), "01-01 00:00");
        assert_eq!(date(24 * 59 + 5), "03-01 05:00");
        // The mean until 01:00 local is hour 0, that until midnight is the last of the day before.
        assert_eq!(slot(days_from_civil(2023, 1, 1) * 86_400 + 3600 + 7 * 3600, -7 * 3600), (2023, Some(0)));
        assert_eq!(slot(days_from_civil(2023, 1, 1) * 86_400, 0), (2022, Some(8759)));
        assert_eq!(slot(days_from_civil(2024, 2, 29) * 86_400 + 7200, 0), (2024, None));
    }

    fn weather(hours: usize, gap: std::ops::Range<usize>) -> Weather {
        let begin = days_from_civil(2023, 1, 1) * 86_400;
        Weather {
            name: "x".into(),
            place: LonLat::new(0.0, 50.0),
            elevation_m: None,
            utc_offset_s: 0,
            utc_s: (1..=hours as i64).map(|k| begin + 3600 * k).collect(),
            columns: vec![network::WeatherColumn {
                quantity: WeatherQuantity::TemperatureC,
                values: (0..hours).map(|k| (!gap.contains(&k)).then_some((k % HOURS) as f64 / 100.0)).collect(),
            }],
            typical_year: false,
        }
    }

    #[test]
    fn a_year_is_put_together_hour_by_hour() {
        let of = |w: &Weather| year_of(w, WeatherQuantity::TemperatureC, 0, Some(2023));
        let whole = of(&weather(HOURS, 0..0)).unwrap();
        assert!((0..HOURS).all(|k| whole[k] == k as f64 / 100.0));
        let bridged = of(&weather(HOURS, 100..106)).unwrap();
        assert!((0..HOURS).all(|k| (bridged[k] - k as f64 / 100.0).abs() < 1e-12));
        assert_eq!(of(&weather(HOURS, 100..107)), None);
        assert_eq!(of(&weather(5000, 0..0)), None);
        // Gaps at both ends are bridged around the year's end.
        let mut ends = weather(HOURS, 0..2);
        ends.columns[0].values[HOURS - 1] = None;
        assert!(of(&ends).is_some());
    }

    #[test]
    fn extremes_are_the_hottest_and_coldest_days() {
        let mut t = vec![10.0; HOURS];
        t[24 * 200..24 * 203].fill(30.0);
        t[24 * 20..24 * 23].fill(-20.0);
        assert_eq!(extreme(&t, 72, Extreme::Hottest), 24 * 200);
        assert_eq!(extreme(&t, 72, Extreme::Coldest), 24 * 20);
        assert_eq!((form_at(WaveForm::Trapezoid, 0.125), form_at(WaveForm::Trapezoid, 0.5)), (0.5, 1.0));
    }
}
