use super::*;
use crate::module::{Frame, Values};
use crate::modules::common::tests::{asked, fitted};
use crate::modules::hourly::tests::{hours, table};
use proptest::prelude::*;
use studies::synthetic::climate::{Climate, CustomerClass};
use studies::synthetic::random::Random;

const PLACE: LonLat = LonLat { lon_deg: -98.9, lat_deg: 39.6 };
/// 2023-01-01T07:00 UTC, which is midnight by the sun of the place to half an hour.
const FIRST_H: i64 = 464_592 + 7;
const TOLD: [(&str, &str); 2] = [("latitude_deg", "39.6"), ("longitude_deg", "-98.9")];

fn cell(table: &Table, row: usize, column: &str) -> Value {
    table.rows[row][table.columns.iter().position(|c| c.name == column).unwrap()].clone()
}

fn num(table: &Table, row: usize, column: &str) -> f64 {
    let Value::Number(x) = cell(table, row, column) else { panic!("no number in {column} of row {row}: {:?}", table.rows[row]) };
    x
}

fn sky_table(climate: &Climate, from: usize, to: usize, shift_h: i64) -> (String, Frame) {
    let ghi = climate.irradiance[from..to].iter().map(|g| 1000.0 * g).collect();
    let columns = vec![
        ("time", hours(FIRST_H + from as i64 + shift_h, to - from)),
        ("ghi_w_m2", Values::Number(ghi)),
        ("temperature_c", Values::Number(climate.temperature_c[from..to].to_vec())),
    ];
    table(&PvDisaggregation, "weather", columns)
}

/// Houses with panels of these capacities, and the energy that they give.
fn houses(climate: &Climate, capacities: &[f64], to: usize) -> ((String, Frame), Vec<f64>) {
    let ghi: Vec<f64> = climate.irradiance.iter().map(|g| 1000.0 * g).collect();
    let sky = Sky {
        place: PLACE,
        first_utc_s: FIRST_H * HOUR_S,
        first_hour_of_week: 0,
        temperature_c: &climate.temperature_c,
        ghi_w_per_m2: &ghi,
    };
    let (mut net, mut names, mut times, mut energy) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (i, capacity) in capacities.iter().enumerate() {
        let mut random = Random::new(81, 1, i as u64);
        let plane = Plane { tilt_deg: random.between(8.0, 45.0), azimuth_deg: random.between(100.0, 260.0) };
        let pv = unit_power_kw(&sky, plane, &MODULE);
        let mut habit = 0.0;
        for t in 0..to {
            habit = 0.7 * habit + 0.25 * random.normal();
            let load = 4.0 * climate.of(CustomerClass::ResidentialGas)[t] * f64::exp(habit);
            net.push(load - capacity * pv[t]);
            names.push(format!("c{i}"));
            times.push((FIRST_H + t as i64) * HOUR_S);
        }
        energy.push(capacity * pv[..to].iter().sum::<f64>());
    }
    let columns = vec![("time", Values::Time(times)), ("net_kw", Values::Number(net)), ("customer", Values::Text(names))];
    (table(&PvDisaggregation, "meters", columns), energy)
}

#[test]
fn planted_panels_are_found_and_give_energy_in_new_weather() {
    let climate = Climate::new(7);
    let capacities = [0.0, 0.0, 3.0, 5.0, 8.0, 6.0];
    let n = 6000;
    let (meters, energy) = houses(&climate, &capacities, n);
    let told = [TOLD[0], TOLD[1], ("planted", "80")];
    let answer = fitted(&PvDisaggregation, vec![meters, sky_table(&climate, 0, n, 0)], &told).unwrap();
    println!("{}", answer.headline);
    let told = &answer.tables[0];
    for (row, capacity) in capacities.iter().enumerate() {
        println!("{:?}", told.rows[row]);
        assert_eq!(cell(told, row, "pv"), Value::Flag(*capacity > 0.0));
        if *capacity > 0.0 {
            assert!((num(told, row, "pv_kwh") / energy[row] - 1.0).abs() < 0.15, "{} {}", num(told, row, "pv_kwh"), energy[row]);
        }
        // The simplest rule, the most that is fed in, is further off.
        if *capacity > 0.0 {
            let (own, simple) = (num(told, row, "capacity_kw") - capacity, -num(told, row, "least_net_kw") - capacity);
            assert!(own.abs() < simple.abs(), "{own} {simple}");
        }
        let (net, load) = (num(told, row, "net_kwh"), num(told, row, "load_kwh"));
        let pv = if *capacity > 0.0 { num(told, row, "pv_kwh") } else { 0.0 };
        assert!((load - net - pv).abs() < 1e-6);
    }
    let model = answer.model.unwrap();
    for m in &model.card.metrics {
        println!("{m:?}");
    }
    // The rest of the year.
    let (all, whole) = houses(&climate, &capacities, 8760);
    let next = asked(&PvDisaggregation, &model, vec![sky_table(&climate, n, 8760, 0), all.clone()]).unwrap();
    println!("{}", next.headline);
    let truth: f64 = whole.iter().zip(&energy).map(|(a, b)| a - b).sum();
    assert!((next.figures[0].value / truth - 1.0).abs() < 0.1, "{} {truth}", next.figures[0].value);
    for row in 0..6 {
        assert!(num(&next.tables[0], row, "load_kwh") > 0.0);
    }
}

/// Meters of a place by customers: `without` that have no panels, then `with` whose planes, losses, inverters and clouds are not those that estimates take for
/// granted; capacity, and energy up to `n` and after it.
fn town(climate: &Climate, without: usize, with: usize, n: usize, seed: u64) -> ((String, Frame), Vec<[f64; 3]>) {
    let (mut net, mut names, mut times, mut truths) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..without + with {
        let mut random = Random::new(seed, 2, i as u64);
        let class = [CustomerClass::ResidentialGas, CustomerClass::ResidentialElectric, CustomerClass::ResidentialSmall][i % 3];
        let ghi: Vec<f64> = climate.irradiance.iter().map(|g| 1000.0 * g * (1.0 + 0.1 * random.normal()).clamp(0.6, 1.3)).collect();
        let sky = Sky {
            place: PLACE,
            first_utc_s: FIRST_H * HOUR_S,
            first_hour_of_week: 0,
            temperature_c: &climate.temperature_c,
            ghi_w_per_m2: &ghi,
        };
        let capacity = if i < without { 0.0 } else { random.between(2.0, 12.0) };
        let plane = Plane { tilt_deg: random.between(8.0, 45.0), azimuth_deg: random.between(90.0, 270.0) };
        let module = studies::scenario::pv::module::Module {
            losses: random.between(0.10, 0.18),
            temperature_per_c: random.between(-0.0045, -0.003),
            dc_ac_ratio: random.between(1.05, 1.3),
            ..MODULE
        };
        let pv: Vec<f64> = unit_power_kw(&sky, plane, &module).iter().map(|p| capacity * p).collect();
        let (peak_kw, mut habit) = (random.between(3.0, 7.0), 0.0);
        for (t, p) in pv[..n].iter().enumerate() {
            habit = 0.7 * habit + 0.25 * random.normal();
            let spike = if random.chance(0.06) { random.between(0.5, 2.5) } else { 0.0 };
            net.push(peak_kw * climate.of(class)[t] * f64::exp(habit) + spike - p);
            names.push(format!("c{i:03}"));
            times.push((FIRST_H + t as i64) * HOUR_S);
        }
        truths.push([capacity, pv[..n].iter().sum(), pv[n..].iter().sum()]);
    }
    let columns = vec![("time", Values::Time(times)), ("net_kw", Values::Number(net)), ("customer", Values::Text(names))];
    (table(&PvDisaggregation, "meters", columns), truths)
}

/// Capacities, energies, and energies of weather that nobody was fitted to lie within their intervals as often as promised: of customers that had no part in the
/// widths, in two climates, with meters without panels to plant in and without such.
#[test]
fn intervals_hold_what_they_promise() {
    let n = 6000;
    let (mut inside, mut of, mut missed) = ([0; 3], 0, 0);
    // Errors of energy, of capacity and of energy in other weather, %, by capacity.
    const CLASSES: [[f64; 2]; 4] = [[2.0, 4.0], [4.0, 6.0], [6.0, 9.0], [9.0, 12.0]];
    let mut off: [[Vec<f64>; 3]; 4] = Default::default();
    for (seed, without) in [(7, 15), (8, 15), (9, 0)] {
        let climate = Climate::new(seed);
        let (meters, truths) = town(&climate, without, 40, n, 90 + seed);
        let answer = fitted(&PvDisaggregation, vec![meters, sky_table(&climate, 0, n, 0)], &TOLD).unwrap();
        let model = answer.model.as_ref().unwrap();
        let later = asked(&PvDisaggregation, model, vec![sky_table(&climate, n, 8760, 0)]).unwrap();
        let (told, later) = (&answer.tables[0], &later.tables[0]);
        let before = (inside, of);
        for (row, truth) in truths.iter().enumerate().filter(|(_, t)| t[0] > 0.0) {
            if cell(told, row, "pv") == Value::Flag(false) {
                missed += 1;
                continue;
            }
            of += 1;
            let class = CLASSES.iter().position(|c| truth[0] < c[1]).unwrap_or(3);
            let figures =
                [num(told, row, "pv_kwh") / truth[1], num(told, row, "capacity_kw") / truth[0], num(later, row, "pv_kwh") / truth[2]];
            off[class].iter_mut().zip(figures).for_each(|(o, f)| o.push(100.0 * (f - 1.0).abs()));
            let holds = |t: &Table, low: &str, high: &str, x: f64| usize::from((num(t, row, low)..=num(t, row, high)).contains(&x));
            inside[0] += holds(told, "low_kw", "high_kw", truth[0]);
            inside[1] += holds(told, "pv_low_kwh", "pv_high_kwh", truth[1]);
            inside[2] += holds(later, "pv_low_kwh", "pv_high_kwh", truth[2]);
        }
        println!(
            "climate {seed}: {} customers; capacities {}, energies {}, energies of later weather {} within 95 %",
            of - before.1,
            inside[0] - before.0[0],
            inside[1] - before.0[1],
            inside[2] - before.0[2]
        );
        for m in &model.card.metrics {
            println!("  {}: {:.3} ({:?} to {:?})", m.name, m.value, m.low, m.high);
        }
        let width = (0..truths.len())
            .filter(|r| truths[*r][0] > 0.0 && cell(told, *r, "pv") == Value::Flag(true))
            .map(|r| (num(told, r, "high_kw") - num(told, r, "low_kw")) / 2.0 / num(told, r, "capacity_kw"));
        let mut width: Vec<f64> = width.collect();
        println!("  half width of capacities in the middle {:.1} %", 100.0 * crate::metrics::median(&mut width));
    }
    println!("of {of} customers ({missed} not told): {inside:?} within intervals of 95 %");
    for (range, of_class) in CLASSES.iter().zip(&mut off) {
        let n = of_class[0].len();
        let [energy, capacity, later] = of_class.each_mut().map(|e| crate::metrics::median(e));
        let ninth = of_class[0][(9 * n / 10).min(n - 1)];
        println!(
            "{range:?} kW: {n} customers, energy off by {energy:.1} % in the middle and {ninth:.1} % in the ninth tenth, capacity {capacity:.1} %, energy in later weather {later:.1} %"
        );
        // The table of docs/methods/learning-forecast.md has 8.5 % at 2 kW and 3.4 % at 4 kW, over a whole year.
        assert!(energy < if range[0] < 4.0 { 10.0 } else { 6.0 }, "{range:?}: {energy}");
    }
    // Two binomial deviations around 95 %; wider than promised by more would be as wrong as narrower, but for estimates from half of the time in other weather.
    let two = 2.0 * (0.95 * 0.05 / of as f64).sqrt();
    let share = inside.map(|n| n as f64 / of as f64);
    assert!(share.iter().all(|s| *s >= 0.95 - two), "{share:?} of {of}");
    assert!(missed <= of / 20, "{missed}");
}

#[test]
fn wrong_times_units_and_places_are_refused_together() {
    let climate = Climate::new(7);
    let (meters, _) = houses(&climate, &[5.0], 3000);
    let ask = |weather: (String, Frame), told: &[(&str, &str)]| fitted(&PvDisaggregation, vec![meters.clone(), weather], told).unwrap_err();
    let faults = ask(sky_table(&climate, 0, 3000, 9), &TOLD);
    assert!(faults[0].detail.as_ref().unwrap().contains("sun is down"), "{faults:?}");
    assert!(ask(sky_table(&climate, 0, 3000, 0), &[("latitude_deg", "39.6")])[0].detail.as_ref().unwrap().contains("longitude_deg"));
    assert!(ask(sky_table(&climate, 0, 2000, 0), &TOLD)[0].detail.as_ref().unwrap().contains("not weather for all"));
    let values = vec![
        ("time", hours(FIRST_H, 3000)),
        ("ghi_w_m2", Values::Number(vec![5e4; 3000])),
        ("temperature_c", Values::Number(vec![9.0; 3000])),
    ];
    assert!(ask(table(&PvDisaggregation, "weather", values), &TOLD)[0].detail.as_ref().unwrap().contains("between 0 and"));
    let (few, _) = houses(&climate, &[5.0, 2.0], 500);
    let faults = fitted(&PvDisaggregation, vec![few, sky_table(&climate, 0, 500, 0)], &TOLD).unwrap_err();
    assert_eq!(faults.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn odd_tables_are_answered_or_refused(
        rows in prop::collection::vec((prop_oneof![0i64..40_000, any::<i64>()], prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), 0.0..900.0f64, any::<f64>()]), 0..40),
    ) {
        let (times, values): (Vec<i64>, Vec<f64>) = rows.into_iter().unzip();
        let names = values.iter().map(|v| if *v > 0.0 { "a" } else { "" }.to_owned()).collect();
        let (time, number) = (Values::Time(times), Values::Number(values));
        let meters = vec![("time", time.clone()), ("net_kw", number.clone()), ("customer", Values::Text(names))];
        let weather = vec![("time", time), ("ghi_w_m2", number.clone()), ("temperature_c", number)];
        let tables = vec![table(&PvDisaggregation, "meters", meters), table(&PvDisaggregation, "weather", weather)];
        let _ = fitted(&PvDisaggregation, tables, &TOLD);
    }
}
