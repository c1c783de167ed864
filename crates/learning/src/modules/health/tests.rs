use super::*;
use crate::module::Values;
use crate::modules::common::tests::{asked, fitted, frame};
use crate::modules::rows::tests::column;
use proptest::prelude::*;
use studies::synthetic::random::Random;

/// Assets that lose a steady part of a point a day, faster where they are hot, and readings of it with a little noise.
fn fleet(assets: usize, days: i64, seed: u64) -> Vec<(&'static str, Values)> {
    let mut r = Random::new(seed, 8, 0);
    let (mut time, mut asset, mut score, mut hot) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for a in 0..assets {
        let temperature = r.between(40.0, 90.0);
        let mut health = r.between(80.0, 100.0);
        for d in 0..days {
            let now = temperature + 2.0 * r.normal();
            health -= loss(temperature) * r.log_normal(1.0, 0.3);
            if health < 45.0 {
                // Repaired.
                health = r.between(92.0, 100.0);
            }
            time.push(d * DAY_S);
            asset.push(format!("a{a}"));
            score.push((health + 0.3 * r.normal()).clamp(0.0, 100.0));
            hot.push(now);
        }
    }
    vec![
        ("time", Values::Time(time)),
        ("asset", Values::Text(asset)),
        ("health_score", Values::Number(score)),
        ("temperature_c", Values::Number(hot)),
    ]
}

/// Points a day.
fn loss(temperature: f64) -> f64 {
    0.02 + 0.2 * ((temperature - 40.0) / 50.0).powi(2)
}

fn health(columns: Vec<(&str, Values)>) -> Vec<(&str, Frame)> {
    vec![("health", frame(&ABOUT, "health", columns))]
}

#[test]
fn a_planted_decline_is_forecast_with_intervals_that_hold() {
    let answer = fitted(&HealthForecast, health(fleet(40, 500, 1)), &[]).unwrap();
    println!("{}", answer.headline);
    let model = answer.model.as_ref().unwrap();
    model.card.metrics.iter().for_each(|m| println!("{:36} {:.3} {:?} {:?} {:?}", m.name, m.value, m.low, m.high, m.baseline));
    model.card.calibration.iter().for_each(|c| println!("said {:.2} came {:.3}", c.said, c.came));
    let metric = |name: &str| model.card.metrics.iter().find(|m| m.name == name).unwrap();
    let beats = |name: &str, by: f64| {
        let m = metric(name);
        assert!(m.value < by * m.baseline.as_ref().unwrap().value, "{m:?}");
    };
    beats("MAE in 30 days", 0.7);
    beats("pinball loss in 30 days", 0.8);
    assert!((metric("coverage in 30 days").value - 80.0).abs() < 10.0, "{:?}", metric("coverage in 30 days"));
    assert!(metric("recall of scores below the limit").value > 0.9);
    assert!(answer.notes.iter().all(|n| n.code != "LEARN.MODEL.NO_BETTER"));
    // Other assets of the same kind, of which 70 days are known: how it went on is held against what was said.
    let (all, known) = (fleet(60, 100, 2), 70);
    let cut = |c: &Values| match c {
        Values::Number(v) => Values::Number(v.chunks(100).flat_map(|a| a[..known].to_vec()).collect()),
        Values::Text(v) => Values::Text(v.chunks(100).flat_map(|a| a[..known].to_vec()).collect()),
        Values::Time(v) => Values::Time(v.chunks(100).flat_map(|a| a[..known].to_vec()).collect()),
    };
    let past: Vec<(&str, Values)> = all.iter().map(|(n, c)| (*n, cut(c))).collect();
    let said = asked(&HealthForecast, model, health(past)).unwrap();
    println!("{}", said.headline);
    let Values::Number(score) = &all[2].1 else { unreachable!() };
    let (mut within, mut rows, mut off, mut still) = (0, 0, 0.0, 0.0);
    for r in &said.tables[0].rows {
        let (Value::Text(name), Value::Number(low), Value::Number(mid), Value::Number(high)) = (&r[0], &r[6], &r[7], &r[8]) else {
            continue;
        };
        let asset: usize = name[1..].parse().unwrap();
        let (then, now) = (score[asset * 100 + known + 29], score[asset * 100 + known - 1]);
        if then > now + 5.0 {
            continue; // repaired since
        }
        rows += 1;
        within += usize::from((*low..=*high).contains(&then));
        off += (mid - then).abs();
        still += (now - then).abs();
    }
    println!(
        "new assets: {rows} answered, {within} within, off by {:.2}, as it is by {:.2}",
        off / f64::from(rows),
        still / f64::from(rows)
    );
    assert!(rows > 40 && within as f64 > 0.65 * f64::from(rows), "{within} of {rows}");
    assert!(off < 0.7 * still);
}

/// Today's rows in, word and reason out; nothing of what comes later is looked at.
#[test]
fn urgency_follows_the_lower_end_and_the_future_changes_nothing() {
    let model = fitted(&HealthForecast, health(fleet(40, 400, 3)), &[]).unwrap().model.unwrap();
    let course = |name: &str, from: f64, slope: f64, hot: f64, days: i64| {
        let wobble = |d: i64| if d % 2 == 0 { 0.3 } else { -0.3 };
        (
            (0..days).map(|d| d * DAY_S).collect::<Vec<i64>>(),
            vec![name.to_owned(); days as usize],
            (0..days).map(|d| from + slope * (d - days + 1) as f64 + wobble(d)).collect::<Vec<f64>>(),
            (0..days).map(|d| hot + 2.0 * wobble(d)).collect::<Vec<f64>>(),
        )
    };
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for c in [
        course("cold", 90.0, -0.03, 45.0, 40),
        course("soon", 73.0, -0.2, 86.0, 40),
        course("now", 70.2, -0.2, 86.0, 40),
        course("young", 90.0, 0.0, 50.0, 10),
    ] {
        columns.0.extend(c.0);
        columns.1.extend(c.1);
        columns.2.extend(c.2);
        columns.3.extend(c.3);
    }
    let rows = vec![
        ("time", Values::Time(columns.0)),
        ("asset", Values::Text(columns.1)),
        ("health_score", Values::Number(columns.2)),
        ("temperature_c", Values::Number(columns.3)),
    ];
    let said = asked(&HealthForecast, &model, health(rows.clone())).unwrap();
    let cell = |asset: &str, name: &str| {
        let at = column(&said, "forecasts", "asset").iter().position(|v| **v == Value::Text(asset.into())).unwrap();
        column(&said, "forecasts", name)[at].clone()
    };
    println!("{:?}", said.tables[0].rows);
    assert_eq!(cell("cold", "urgency"), Value::Text(ROUTINE.into()));
    assert_eq!(cell("soon", "urgency"), Value::Text(WITHIN_30.into()));
    assert_eq!(cell("now", "urgency"), Value::Text(WITHIN_7.into()));
    assert_eq!(cell("young", "urgency"), Value::Empty);
    assert_eq!(cell("young", "low_30d"), Value::Empty);
    assert!(said.notes.iter().any(|n| n.code == "LEARN.DATA.PARTIAL"), "{:?}", said.notes);
    // Features of a day are of that day and before.
    let frame = frame(&ABOUT, "health", rows);
    let whole = Health::of(&frame, &["temperature_c".to_owned()], 30);
    let mut early = Health::of(&frame, &["temperature_c".to_owned()], 30);
    early.assets.iter_mut().for_each(|a| a.days.retain(|d, _| *d <= 32));
    for asset in 0..3 {
        let origin = Origin { asset, day: 32 };
        assert!(whole.row(origin).is_some() && whole.row(origin) == early.row(origin));
    }
}

#[test]
fn a_random_walk_is_admitted_to_be_one() {
    let mut worse = 0;
    for seed in 0..4 {
        let mut columns = fleet(20, 300, 10);
        let mut r = Random::new(seed, 0, 0);
        let mut level = 50.0;
        columns[2].1 = Values::Number(
            (0..6000)
                .map(|i| {
                    level = if i % 300 == 0 { 50.0 } else { (level + r.normal()).clamp(5.0, 95.0) };
                    level
                })
                .collect(),
        );
        columns[3].1 = Values::Number((0..6000).map(|_| r.normal()).collect());
        let answer = fitted(&HealthForecast, health(columns), &[("trees", "25")]).unwrap();
        println!("{}", answer.headline);
        worse += usize::from(answer.notes.iter().any(|n| n.code == "LEARN.MODEL.NO_BETTER"));
    }
    assert!(worse >= 3, "{worse} of 4");
}

#[test]
fn scores_out_of_range_days_twice_and_short_histories_are_refused() {
    let mut columns = fleet(4, 100, 5);
    let Values::Number(score) = &mut columns[2].1 else { unreachable!() };
    score[3] = 101.0;
    let Values::Time(time) = &mut columns[0].1 else { unreachable!() };
    time[1] = 7200;
    columns[3].1 = Values::Number(vec![1.0; 400]);
    let refused = fitted(&HealthForecast, health(columns), &[]).unwrap_err();
    let text: Vec<&str> = refused.iter().filter_map(|d| d.detail.as_deref()).collect();
    assert!(text.len() == 3 && text.iter().any(|t| t.contains("101 and must be from 0 to 100")), "{text:?}");
    assert!(text.iter().any(|t| t.contains("The time 0 s is there 2 times")), "{text:?}");
    let refused = fitted(&HealthForecast, health(fleet(10, 50, 6)), &[]).unwrap_err();
    assert!(refused[0].detail.as_ref().unwrap().contains("too few"), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn odd_tables_end_in_an_answer_or_a_refusal(days in 0i64..160, assets in 1usize..8, seed in 0u64..1000, odd in 0u8..7) {
        let mut r = Random::new(seed, 0, 0);
        let rows = days as usize * assets;
        let value = |r: &mut Random| match odd {
            1 if r.chance(0.3) => f64::NAN,
            2 if r.chance(0.005) => f64::INFINITY,
            3 => 50.0,
            4 => 1e300 * r.normal(),
            _ => r.between(0.0, 100.0),
        };
        let time = |i: usize| if odd == 5 { 7 } else if odd == 6 { i64::MAX / 2 + i as i64 } else { (i / assets) as i64 * DAY_S };
        let columns = vec![
            ("time", Values::Time((0..rows).map(time).collect())),
            ("asset", Values::Text((0..rows).map(|i| format!("a{}", i % assets)).collect())),
            ("health_score", Values::Number((0..rows).map(|_| value(&mut r)).collect())),
        ];
        if let Ok(answer) = fitted(&HealthForecast, health(columns.clone()), &[("trees", "10"), ("every_d", "2"), ("history_d", "10")]) {
            let model = answer.model.unwrap();
            prop_assert!(model.card.metrics.iter().all(|m| m.value.is_finite()), "{:?}", model.card.metrics);
            prop_assert!(asked(&HealthForecast, &model, health(columns)).is_ok());
        }
    }
}
