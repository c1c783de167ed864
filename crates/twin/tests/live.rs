//! The live twin on the simulated plant, through real sockets: state, figures, orders, questions, replay.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use scada::UtcTime;
use scada::telecontrol::Originator;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::history::{History, Options};
use twin::live::{Change, Order, Settings, Site, Twin};
use twin::plant::host::{HostOptions, Hosted};
use twin::plant::{Plant, PlantSettings};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Running {
    hosted: Hosted,
    twin: Arc<Twin>,
    _folder: tempfile::TempDir,
}

async fn start() -> Running {
    let network = substation();
    let station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network).value.expect("a station");
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network).value.expect("relays");
    let plant = Plant::new(network.clone(), station.clone(), relays.clone(), PlantSettings::default()).expect("a plant");
    let options = HostOptions { modbus: Some(ANY), iec104: Some(ANY), iec61850: Some(ANY), instructor: Some(ANY), ..HostOptions::new() };
    let hosted = Hosted::start(plant, options).await.expect("a host");
    let document = scada::document::read(&hosted.follow_document(), "follow.yaml");
    assert!(document.is_sound());
    let folder = tempfile::tempdir().unwrap();
    let history = Arc::new(History::open(folder.path(), Options::default()).expect("a history"));
    let site = Site {
        name: "test".to_owned(),
        model: "models/ehv-400-220.dss".to_owned(),
        network: Arc::new(network),
        station: Arc::new(station),
        relays: Arc::new(relays),
        devices: document.devices,
        settings: Settings { simulated: true, ..Settings::default() },
    };
    let twin = Twin::start(site, None, history).unwrap_or_else(|e| panic!("{e:?}"));
    Running { hosted, twin, _folder: folder }
}

/// Waits until `holds`, at most 20 s.
async fn until(twin: &Twin, what: &str, mut holds: impl FnMut(&twin::live::view::Moment) -> bool) {
    let begun = Instant::now();
    let mut moments = twin.moments();
    loop {
        if holds(&moments.borrow_and_update()) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", twin.moment().estimate);
        let _ = tokio::time::timeout(Duration::from_secs(2), moments.changed()).await;
    }
}

fn by() -> Originator {
    Originator { user: "tester".to_owned(), reason: "a test".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plant_is_followed() {
    let running = start().await;
    let twin = &running.twin;
    assert_eq!(twin.findings(), []);
    until(twin, "an estimate", |m| m.estimate.state == "settled" && m.devices.iter().all(|d| d.recovered)).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let moment = twin.moment();
    println!("{:#?}\n{:#?}", moment.estimate, moment.metrics);
    println!("{:?}", moment.devices);
    for a in moment.assets.iter().take(6) {
        println!("{a:?}");
    }
    assert_eq!(moment.estimate.state, "settled");
    assert_eq!(moment.estimate.nodes_known, moment.estimate.nodes_live);
    let truth = running.hosted.handle.moment();
    println!("{truth:?}");
    for (i, (kv, shown)) in moment.metrics.levels.iter().enumerate() {
        println!("{i} {kv} {shown:?}");
    }

    // An order that would leave loads dark is refused, with its reason; one that does not is carried out and read back.
    let open = |subject: &str| Order { subject: subject.to_owned(), command: "open".to_owned(), value: None };
    let close = |subject: &str| Order { subject: subject.to_owned(), command: "close".to_owned(), value: None };
    let begun = Instant::now();
    let dark = twin.check(&open("CB-F21")).expect("an order");
    println!("{dark:#?} in {:?}", begun.elapsed());
    let coupler = twin.site().station.equipment.iter().find(|e| e.id.to_lowercase().contains("coupler") || e.bay.to_lowercase().contains("coupler"));
    println!("{:?}", coupler.map(|e| &e.id));
    let what = twin.what_if(&[Change::Load { load: "all".to_owned(), factor: Some(1.2), p_kw: None, q_kvar: None }], None).expect("an answer");
    println!("{:?} -> {:?}; off {:?}; {:?}", what.before.metrics.total_load_mw, what.after.metrics.total_load_mw, what.before_off_estimate_pu, what.findings);
    let past = twin.at(UtcTime::now()).expect("what was");
    println!("{:?}", past.metrics);
    let (record, verdict) = twin.control(&open("CB-F21"), by(), true).await.expect("an order");
    println!("{record:#?} {:?}", verdict.allowed);
    until(twin, "the breaker opens", |m| m.switches.iter().any(|s| s.asset.as_deref() == Some("CB-F21") && s.closed == Some(false))).await;
    let (record, _) = twin.control(&close("CB-F21"), by(), false).await.expect("an order");
    println!("{:?} {:?}", record.failure, record.said);
    twin.alarms(|e| println!("{:?}", e.counts()));
    running.twin.stop().await;
    running.hosted.stop().await;
}
