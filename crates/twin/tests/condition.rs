//! Condition and outlook from the history, and what would make the station run better: on the simulated plant's past, written into a history hour
//! by hour as if it had been followed.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use scada::UtcTime;
use scada::point::{Quality, Value};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::history::{Historian, History, Options, PointId, Sample};
use twin::live::{Change, Settings, Site, Twin};
use twin::plant::defects::DefectKind;
use twin::plant::host::{HostOptions, Hosted};
use twin::plant::service::{Planned, serve};
use twin::plant::{Plant, PlantSettings};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const DAYS: usize = 60;
/// Days of which the health was recorded before: a forecast is judged on days that it has not seen.
const BEFORE: usize = 400;
const DAY_S: f64 = 86_400.0;
const HOUR_MS: i64 = 3_600_000;

/// Health of an asset on a day: some lose a little of it every day for three months until they are repaired, others do not.
fn health(k: usize, day: f64) -> f64 {
    let wobble = (day * 1.7 + k as f64).sin() * 0.5;
    if k.is_multiple_of(5) { 98.0 - 0.4 * (day + 7.0 * k as f64).rem_euclid(90.0) + wobble } else { 95.0 + wobble }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_history_keeps_tells_which_equipment_is_not_as_it_was() {
    let network = substation();
    let station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network).value.expect("a station");
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network).value.expect("relays");
    let make = || Plant::new(network.clone(), station.clone(), relays.clone(), PlantSettings::default()).expect("a plant");
    let options = HostOptions { modbus: Some(ANY), iec104: Some(ANY), iec61850: Some(ANY), instructor: Some(ANY), ..HostOptions::new() };
    let hosted = Hosted::start(make(), options).await.expect("a host");
    let document = scada::document::read(&hosted.follow_document(), "follow.yaml");
    assert!(document.is_sound());

    // Two defects that end with the record: the cooling of one transformer, the gas of one breaker.
    let transformer = station.equipment.iter().find(|e| e.thermal.is_some()).expect("a transformer").id.clone();
    let breaker = station.equipment.iter().find(|e| e.kind == network::EquipmentKind::Breaker).expect("a breaker").id.clone();
    let from_s = (DAYS - 9) as f64 * DAY_S;
    let planned = |subject: &str, kind| Planned {
        subject: subject.to_owned(),
        kind,
        from_s,
        mended_s: (DAYS + 20) as f64 * DAY_S,
        grows_h: 10.0 * 24.0,
    };
    let planned = [planned(&transformer, DefectKind::CoolingBlocked), planned(&breaker, DefectKind::GasLeak)];
    let begun = Instant::now();
    let records = serve(&mut make(), &planned, 3600.0, DAYS * 24).expect("a record");
    println!("{DAYS} days of {} assets in {:.1} s", records.len(), begun.elapsed().as_secs_f64());

    // The record ends with the last whole day.
    let folder = tempfile::tempdir().unwrap();
    let history: Arc<dyn Historian> = Arc::new(History::open(folder.path(), Options::default()).expect("a history"));
    let specs: HashMap<String, _> = document.devices.iter().flat_map(|d| &d.points).map(|p| (p.name.to_string(), p.clone())).collect();
    let number = |name: &str| {
        let spec = specs.get(name).unwrap_or_else(|| panic!("no point {name}"));
        history.point(name, spec.unit.as_deref().unwrap_or_default()).expect("a number")
    };
    let mut columns: Vec<(PointId, usize, usize)> = Vec::new();
    for (r, record) in records.iter().enumerate() {
        for (c, column) in record.columns.iter().enumerate() {
            let name = if *column == "AMBIENT" { "STATION.AMBIENT".to_owned() } else { format!("{}.{column}", record.asset) };
            if *column != "AMBIENT" || r == 0 {
                columns.push((number(&name), r, c));
            }
        }
    }
    let own: Vec<PointId> =
        station.equipment.iter().map(|e| history.point(&format!("twin.asset.{}.health", e.id), "1").expect("a number")).collect();
    let end_ms = UtcTime::now().ms().div_euclid(24 * HOUR_MS) * 24 * HOUR_MS;
    let start_ms = end_ms - (DAYS as i64) * 24 * HOUR_MS;
    let begun = Instant::now();
    let health_at = |day: f64, samples: &mut Vec<Sample>| {
        let time = UtcTime::from_ms(start_ms + (day * 24.0) as i64 * HOUR_MS);
        let of = |(k, point): (usize, &PointId)| Sample::new(*point, time, Value::Float(health(k, day)), Quality::GOOD);
        samples.extend(own.iter().enumerate().map(of));
    };
    // Raw values are kept for seven days: five of them are written at once and summed up.
    let write = |samples: Vec<Sample>, day: i64| {
        let now = UtcTime::from_ms(start_ms + day * 24 * HOUR_MS);
        let ticket = history.append(samples, now).expect("room");
        assert_eq!(ticket.refused, []);
        ticket.wait().expect("it is written");
        history.maintain(now).expect("it is summed up");
    };
    for day in (0..BEFORE).step_by(5) {
        let (mut samples, day) = (Vec::new(), day as f64 - BEFORE as f64);
        for quarter in 0..10 {
            health_at(day + 0.25 + 0.5 * f64::from(quarter), &mut samples);
        }
        write(samples, day as i64 + 5);
    }
    for first in (0..DAYS).step_by(5) {
        let mut samples = Vec::new();
        for day in first..first + 5 {
            health_at(day as f64 + 0.25, &mut samples);
            health_at(day as f64 + 0.75, &mut samples);
        }
        for hour in first * 24..(first + 5) * 24 {
            // In the middle of the hour; a value stands for a minute.
            let time = UtcTime::from_ms(start_ms + hour as i64 * HOUR_MS + HOUR_MS / 2);
            for &(point, r, c) in &columns {
                let x = records[r].values[hour * records[r].columns.len() + c];
                samples.push(Sample::new(point, time, Value::Float(x), Quality::GOOD));
            }
        }
        write(samples, first as i64 + 5);
    }
    println!("written in {:.1} s", begun.elapsed().as_secs_f64());

    let site = Site {
        name: "test".to_owned(),
        model: "models/ehv-400-220.dss".to_owned(),
        network: Arc::new(network.clone()),
        station: Arc::new(station.clone()),
        relays: Arc::new(relays.clone()),
        devices: document.devices,
        // A feeder of the model carries its full rating in the morning: what raises voltages takes it a little beyond.
        settings: Settings { simulated: true, loading_limit_pct: 110.0, ..Settings::default() },
    };
    let twin = Twin::start(site, None, history).unwrap_or_else(|e| panic!("{e:?}"));
    let asked = twin.clone();
    let begun = Instant::now();
    let condition = tokio::task::spawn_blocking(move || asked.condition()).await.unwrap().expect("a condition");
    println!("looked at in {:.2} s: {condition:#?}", begun.elapsed().as_secs_f64());
    assert_eq!(condition.trained.len(), 2, "transformers and breakers");
    assert_eq!(condition.not_trained, []);
    let odd: Vec<&str> = condition.odd.iter().map(|o| o.asset.as_str()).collect();
    assert!(odd.contains(&transformer.as_str()) && odd.contains(&breaker.as_str()), "{odd:?}");
    assert!(odd.len() <= 3, "what is sound is left alone: {odd:?}");
    let of = |asset: &str| condition.odd.iter().find(|o| o.asset == asset).expect("it is odd");
    assert_eq!((of(&transformer).figure.as_str(), of(&breaker).figure.as_str()), ("oil", "leak"));
    assert!(of(&transformer).alarm && of(&transformer).since_ms >= start_ms + (DAYS as i64 - 9) * 24 * HOUR_MS);

    let asked = twin.clone();
    let begun = Instant::now();
    let outlook = tokio::task::spawn_blocking(move || asked.outlook()).await.unwrap().expect("an outlook");
    println!("looked ahead in {:.2} s", begun.elapsed().as_secs_f64());
    println!("{:?} {:?}", outlook.why, outlook.held_out);
    assert_eq!(outlook.why, None);
    let mut within = 0;
    for (k, e) in station.equipment.iter().enumerate() {
        let Some(p) = outlook.predictions.iter().find(|p| p.asset == e.id) else { continue };
        let (now, then) = (health(k, DAYS as f64 - 0.5), health(k, DAYS as f64 + 29.5));
        println!(
            "{}: {:.1} now, {:.1} ({:.1} to {:.1}) in 30 days, {then:.1} in truth; {}",
            e.id, p.health, p.predicted, p.low, p.high, p.window
        );
        assert!((p.health - now).abs() < 1.5, "{p:?}");
        within += usize::from((p.low - 1.0..=p.high + 1.0).contains(&then));
    }
    println!("{within} of {} within their interval, held-out coverage {:?}", outlook.predictions.len(), outlook.coverage());
    assert!(within as f64 >= 0.6 * outlook.predictions.len() as f64 && outlook.coverage() >= Some(0.7));
    assert!(outlook.predictions.len() >= station.equipment.len() / 2, "most assets are answered");

    // With the plant connected: what saves losses is found, and saves what it says.
    let begun = Instant::now();
    while twin.moment().estimate.state != "settled" && begun.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let asked = twin.clone();
    let (improvement, all) = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let improvement = asked.improvement().expect("an improvement");
        println!("{} tried in {:.2} s: {improvement:#?}", improvement.tried, begun.elapsed().as_secs_f64());
        let all: Vec<Change> = improvement.proposals.iter().flat_map(|p| p.changes.clone()).collect();
        (improvement, asked.what_if(&all, None).map(|c| c.after.metrics.losses_mw))
    })
    .await
    .unwrap();
    assert!(improvement.tried >= 10 && improvement.losses_after_kw <= improvement.losses_kw);
    // The reactors of the station are on by day, when the load takes what the line gives: without them less flows.
    assert!(improvement.proposals.iter().any(|p| p.action == "switch_reactive_bank"), "{:?}", improvement.proposals);
    // Loads have gone on for a moment since.
    let again = 1e3 * all.expect("the changes can be made").expect("losses");
    assert!((again - improvement.losses_after_kw).abs() < 0.05 * improvement.losses_after_kw, "{again} kW");
    twin.stop().await;
    hosted.stop().await;
}
