use super::*;
use studies::synthetic::climate::{Climate, CustomerClass};
use studies::synthetic::random::Random;

/// Two years of weather, and a load that answers to it as told, in kW.
fn made(noise_kw: f64) -> (Vec<f64>, Vec<f64>, Vec<bool>) {
    let temperature: Vec<f64> = [Climate::new(3), Climate::new(4)].iter().flat_map(|c| c.temperature_c.clone()).collect();
    let s = lagged(&temperature, 3.0);
    let mut random = Random::new(8, 8, 0);
    let mut error = 0.0;
    let holiday: Vec<bool> = (0..temperature.len()).map(|t| matches!(t / 24 % 365, 0 | 120 | 184 | 358)).collect();
    let load = (0..temperature.len())
        .map(|t| {
            let (hour, day) = (t % 24, t / 24 % 7);
            let use_kw = if day >= 5 || holiday[t] { 350.0 } else { 400.0 } + 150.0 * f64::from(u8::from((17..21).contains(&hour)));
            error = 0.8 * error + 0.6 * noise_kw * random.normal();
            use_kw + 31.0 * (s[t] - 19.5).max(0.0) + 12.0 * (13.25 - s[t]).max(0.0) + 0.002 * t as f64 + error
        })
        .collect();
    (load, temperature, holiday)
}

#[test]
fn a_made_up_answer_is_found_again() {
    let (load, temperature, holiday) = made(0.0);
    let data = LoadHours { load_kw: &load, temperature_c: &temperature, holiday: &holiday, first_hour_of_week: 0 };
    let options = LoadOptions { ridge_hours: 0.0, held_out_days: 0, ..LoadOptions::default() };
    let found = WeatherLoad::fit(&data, &options).unwrap();
    assert_eq!((found.cool_above_c, found.heat_below_c, found.tau_h), (19.5, 13.25, 3.0), "{found:?}");
    assert!((found.cooling_kw_per_c - 31.0).abs() < 1e-6 && (found.heating_kw_per_c - 12.0).abs() < 1e-6);
    assert!((found.growth_kw_per_h - 0.002).abs() < 1e-9 && found.temperature_r2 > 0.999_999);
    // Tuesday noon, Saturday noon, a holiday's noon.
    assert!(
        (found.profile_kw[36] - 400.0).abs() < 1e-4
            && (found.profile_kw[132] - 350.0).abs() < 1e-4
            && (found.profile_kw[180] - 350.0).abs() < 1e-4
    );
    let response = found.response(found.mean_kw);
    assert!((response.cooling_per_c * found.mean_kw - 31.0).abs() < 1e-6 && response.tau_h == 3.0 && response.cool_above_c == 19.5);
    // Normalised load has no weather left: what remains is the calendar, the growth and one constant.
    let normal = found.normalised_kw(&data);
    let day = |t: usize| normal[t] - 0.002 * t as f64;
    assert!((day(36) - day(36 + 168 * 30)).abs() < 1e-4);
}

#[test]
fn intervals_hold_and_heat_beyond_what_was_seen_is_refused() {
    let (load, temperature, holiday) = made(15.0);
    let n = 8760 + 24 * 210;
    let cut = |a: usize, b: usize| LoadHours {
        load_kw: &load[a..b],
        temperature_c: &temperature[a..b],
        holiday: &holiday[a..b],
        first_hour_of_week: 0,
    };
    let model = WeatherLoad::fit(&cut(0, n), &LoadOptions::default()).unwrap();
    assert!((model.cooling_kw_per_c - 31.0).abs() < 1.0 && (model.cool_above_c - 19.5).abs() <= 0.5, "{model:?}");
    assert!((model.phi - 0.8).abs() < 0.1, "{}", model.phi);
    let (mut inside, mut hours, mut peaks_inside, mut days) = (0, 0, 0, 0);
    for day in (n..temperature.len()).step_by(24) {
        let q = LoadQuestion {
            from: day,
            temperature_c: &temperature[day..day + 24],
            holiday: &holiday[day..day + 24],
            before_c: &temperature[day - 240..day],
            last_error_kw: None,
            level: 0.9,
        };
        let ahead = model.forecast(&q).unwrap();
        inside += (0..24).filter(|&k| (ahead.low_kw[k]..=ahead.high_kw[k]).contains(&load[day + k])).count();
        hours += 24;
        let peak = model.peak(&q).unwrap();
        let truth = load[day..day + 24].iter().copied().fold(0.0, f64::max);
        peaks_inside += usize::from((peak.low_kw..=peak.high_kw).contains(&truth));
        days += 1;
    }
    let (of_hours, of_days) = (inside as f64 / f64::from(hours), peaks_inside as f64 / f64::from(days));
    println!("within 90 % bounds: {:.1} % of hours, {:.1} % of peaks", 100.0 * of_hours, 100.0 * of_days);
    assert!((0.85..0.95).contains(&of_hours) && (0.8..0.98).contains(&of_days), "{of_hours} {of_days}");

    let ask = |t: f64| {
        model.peak(&LoadQuestion { from: n, temperature_c: &[t; 24], holiday: &[], before_c: &[], last_error_kw: None, level: 0.9 })
    };
    assert!(matches!(ask(model.high_c + 2.1), Err(LoadError::OutOfRange { hour: 0, .. })));
    assert!(matches!(ask(model.low_c - 2.1), Err(LoadError::OutOfRange { .. })));
    let hot = ask(model.high_c + 1.0).unwrap();
    assert!(hot.extrapolated && !ask(model.high_c).unwrap().extrapolated);
    // A whole day one degree hotter adds 31 kW to its peak.
    assert!((hot.peak_kw - ask(model.high_c).unwrap().peak_kw - model.cooling_kw_per_c).abs() < 1e-9);
    // The last error lives on, less each hour.
    let q = LoadQuestion { from: n, temperature_c: &[20.0; 3], holiday: &[], before_c: &[], last_error_kw: None, level: 0.9 };
    let (calm, after) = (model.forecast(&q).unwrap(), model.forecast(&LoadQuestion { last_error_kw: Some(40.0), ..q }).unwrap());
    assert!((after.load_kw[1] - calm.load_kw[1] - 40.0 * model.phi * model.phi).abs() < 1e-9);
    assert!(matches!(model.peak(&LoadQuestion { level: 0.99, ..q }), Err(LoadError::Level { needed: 99, found: 42, .. })));
    let again: WeatherLoad = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!((again.forecast(&q).unwrap(), &again), (calm, &model));
}

#[test]
fn weather_helps_where_load_follows_it() {
    let years = [Climate::new(5), Climate::new(6)];
    let temperature: Vec<f64> = years.iter().flat_map(|c| c.temperature_c.clone()).collect();
    for (class, helps) in
        [(CustomerClass::ResidentialGas, true), (CustomerClass::ResidentialElectric, true), (CustomerClass::IndustrialThreeShift, false)]
    {
        // Both years begin on a Monday: each is cut to whole weeks.
        let load: Vec<f64> = years.iter().flat_map(|c| c.of(class)[..364 * 24].to_vec()).map(|v| 1000.0 * v).collect();
        let t: Vec<f64> = [&temperature[..364 * 24], &temperature[8760..8760 + 364 * 24]].concat();
        let data = LoadHours { load_kw: &load, temperature_c: &t, holiday: &[], first_hour_of_week: 0 };
        // Shapes of two years are scaled to their own peaks: a line would only follow that.
        let options = LoadOptions { growth: false, ..LoadOptions::default() };
        let found = backtest(&data, &options, 364 * 24, 91 * 24).unwrap();
        println!(
            "{class:?}: {:.2} % with weather, {:.2} % without, {:.2} % a week before; peaks {:.2} %; {} hours refused",
            found.mae_pct, found.without_weather_mae_pct, found.week_before_mae_pct, found.peak_mae_pct, found.refused_hours
        );
        if helps {
            assert!(
                found.mae_pct < 0.5 * found.without_weather_mae_pct && found.mae_pct < 0.5 * found.week_before_mae_pct,
                "{class:?} {found:?}"
            );
        }
        assert!(found.mae_pct < found.week_before_mae_pct, "{class:?} {found:?}");
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (load, temperature, holiday) = made(5.0);
    let fit = |load: &[f64], t: &[f64], holiday: &[bool]| {
        WeatherLoad::fit(&LoadHours { load_kw: load, temperature_c: t, holiday, first_hour_of_week: 0 }, &LoadOptions::default())
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(fit(&load[..2000], &temperature[..2000], &[]), FitError::TooShort { needed: 2352, found: 2000, .. }));
    assert!(matches!(fit(&load[..3000], &temperature[..2999], &[]), FitError::Length { expected: 3000, found: 2999, .. }));
    assert!(matches!(fit(&load[..3000], &temperature[..3000], &holiday[..5]), FitError::Length { found: 5, .. }));
    assert!(matches!(fit(&[1.0; 3000], &temperature[..3000], &[]), FitError::Constant { .. }));
    assert!(matches!(fit(&load[..3000], &[20.0; 3000], &[]), FitError::Constant { .. }));
    let mut broken = load.clone();
    broken[7] = f64::NAN;
    assert!(matches!(fit(&broken, &temperature, &[]), FitError::NotFinite { index: 7, .. }));
}
