//! A year of the plant's service with defects in it: what detectors find, how early, and how often they cry for nothing.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use network::EquipmentKind;
use std::time::Instant;
use twin::plant::service::{Planned, Record, plan, serve};
use twin::plant::{Plant, PlantSettings};
use twin::watch::judge::alarms;
use twin::watch::{Detector, Figures, Judged, Method, days_of, judge};

/// Days of training; days by which thresholds are set; days on which defects may be.
const TRAINING: std::ops::Range<usize> = 28..120;
const SETTING: std::ops::Range<usize> = 120..150;
const DAYS: usize = 365;
const EVERY_H: f64 = 1.0;

/// A plant whose transformers are not quite what their plates say: rises by up to 8 % other, of which the detectors know nothing.
fn year(seed: u64) -> (Vec<Record>, Vec<Planned>) {
    let network = substation();
    let mut station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network).value.expect("a station");
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network).value.expect("relays");
    let plates: Vec<_> = station.equipment.iter().map(|e| e.thermal).collect();
    for (k, e) in station.equipment.iter_mut().enumerate() {
        if let Some(plate) = &mut e.thermal {
            let by = |channel: u64| 1.0 + 0.08 * (2.0 * twin::plant::random::uniform(seed, channel, k as u64) - 1.0);
            plate.top_oil_rise_k *= by(1);
            plate.hot_spot_gradient_k *= by(2);
            plate.tau_oil_h *= by(3);
        }
    }
    let planned = plan(&station, seed, 27, 150.0 * 86_400.0, 360.0 * 86_400.0);
    let mut plant = Plant::new(network, station, relays, PlantSettings { seed, ..PlantSettings::default() }).expect("a plant");
    let begun = Instant::now();
    let mut records = serve(&mut plant, &planned, 3600.0 * EVERY_H, DAYS * (24.0 / EVERY_H) as usize).expect("a year");
    println!("{} assets, {} defects, {DAYS} days in {:.1} s", records.len(), planned.len(), begun.elapsed().as_secs_f64());
    // What the detectors know is the register.
    for record in &mut records {
        let at = plant.station.equipment.iter().position(|e| e.id == record.asset).expect("an asset");
        record.thermal = plates[at];
    }
    (records, planned)
}

fn judged(records: &[Record], planned: &[Planned], figures: Figures, method: Method) -> Judged {
    let mut found = Vec::new();
    for is_breaker in [false, true] {
        let of = |r: &&Record| (r.kind == EquipmentKind::Breaker) == is_breaker;
        let days: Vec<_> = records.iter().filter(of).map(|r| days_of(r, EVERY_H, figures)).collect();
        let detector = Detector::fit(&days, TRAINING, SETTING, method, 1).expect("a detector");
        let text = serde_json::to_string(&detector).expect("JSON");
        assert_eq!(serde_json::from_str::<Detector>(&text).expect("a detector"), detector);
        for d in &days {
            let odd: Vec<usize> =
                detector.score(d).expect("scores").iter().filter(|s| s.odd && s.day >= SETTING.end).map(|s| s.day).collect();
            found.extend(alarms(&d.asset, &odd));
        }
    }
    judge(&found, planned)
}

/// Prints what each detector made of a year, and gives it by figures and method.
fn compared(seed: u64) -> Vec<(Figures, Method, Judged)> {
    let (records, planned) = year(seed);
    println!("figures    method    alarms  precision  recall    F1  delay d  lead d   (medians)");
    let mut by = Vec::new();
    for figures in [Figures::Shown, Figures::Change, Figures::Residual] {
        for method in [Method::Forest, Method::Largest] {
            let j = judged(&records, &planned, figures, method);
            println!(
                "{:<10} {:<9} {:>6}  {:>9}  {:>6.2}  {:>4.2}  {:>7.1}  {:>6.1}",
                format!("{figures:?}"),
                format!("{method:?}"),
                j.alarms,
                j.precision().map_or("-".to_owned(), |p| format!("{p:.2}")),
                j.recall().unwrap_or(0.0),
                j.f1(),
                j.median_delay_days().unwrap_or(f64::NAN),
                j.median_lead_days().unwrap_or(f64::NAN)
            );
            by.push((figures, method, j));
        }
    }
    for (k, p) in planned.iter().enumerate() {
        let said: Vec<String> = by.iter().map(|b| b.2.delay_days[k].map_or("-".into(), |d| format!("{d:.0}"))).collect();
        let (from, full) = (p.from_s / 86_400.0, p.grows_h / 24.0);
        println!("{:<22} {:<12} day {from:>3.0}, full after {full:>4.1} d: {}", p.kind.word(), p.subject, said.join(" "));
    }
    by
}

#[test]
fn residuals_of_physics_find_what_readings_alone_do_not() {
    let by = compared(11);
    let of = |figures, method| &by.iter().find(|b| b.0 == figures && b.1 == method).expect("it was judged").2;
    let best = by.iter().filter(|b| b.0 != Figures::Residual).map(|b| b.2.f1()).fold(0.0, f64::max);
    let physics = of(Figures::Residual, Method::Largest);
    assert!(physics.recall() >= Some(0.9) && physics.precision() >= Some(0.9), "{physics:?}");
    assert!(physics.f1() > best + 0.1, "{} against {best} of the readings alone", physics.f1());
    assert!(physics.median_lead_days() > Some(3.0), "{physics:?}");
}

/// Other years, other defects: what one year shows might be luck.
#[test]
#[ignore = "minutes"]
fn five_other_years_say_the_same() {
    let mut sums = [0.0; 2];
    for seed in 21..26 {
        let by = compared(seed);
        let f1 = |figures: Figures| {
            by.iter().filter(|b| (b.0 == Figures::Residual) == (figures == Figures::Residual)).map(|b| b.2.f1()).fold(0.0, f64::max)
        };
        sums[0] += f1(Figures::Residual) / 5.0;
        sums[1] += f1(Figures::Shown) / 5.0;
    }
    println!("mean F1 of five years: {:.2} of residuals, {:.2} of the best on readings alone", sums[0], sums[1]);
    assert!(sums[0] > sums[1] + 0.2 && sums[0] > 0.85, "{sums:?}");
}

#[test]
fn what_a_detector_cannot_know_it_refuses() {
    use twin::watch::{Days, WatchError};
    let of = |asset: &str, values: Vec<f64>| Days {
        asset: asset.to_owned(),
        names: vec!["a".to_owned()],
        least: vec![1.0],
        day: (0..values.len()).collect(),
        values,
    };
    let fit = |days: &[Days]| Detector::fit(days, 0..30, 30..40, Method::Largest, 1);
    let sound = of("T1", (0..60).map(|k| f64::from(k % 3)).collect());
    let detector = fit(std::slice::from_ref(&sound)).expect("enough");
    assert!(detector.score(&sound).expect("scores").iter().all(|s| !s.odd));
    assert!(matches!(detector.score(&of("T2", vec![0.0])), Err(WatchError::UnknownAsset { .. })));
    assert!(matches!(detector.score(&of("T1", vec![f64::NAN])), Err(WatchError::NotFinite { day: 0, .. })));
    assert!(matches!(detector.score(&Days { names: vec!["b".into()], ..sound.clone() }), Err(WatchError::Figures { .. })));
    assert!(matches!(fit(&[of("T1", vec![0.0; 10])]), Err(WatchError::Few { found: 10, .. })));
    assert!(matches!(fit(&[of("T1", vec![0.0; 30])]), Err(WatchError::NoThreshold)));
    assert!(matches!(fit(&[]), Err(WatchError::NoThreshold)));
}
