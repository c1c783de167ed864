//! A twin that begins again over the same history: its figures are told as known only when they are, so that no alarm on one clears or comes
//! because devices connect anew. The plant stands otherwise than its model: a feeder is switched off.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use scada::telecontrol::Originator;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::alarms::Actor;
use twin::history::{EventFilter, Historian, History, Options, Page};
use twin::live::view::Moment;
use twin::live::{Settings, Site, Twin};
use twin::plant::host::{HostOptions, Hosted};
use twin::plant::{Command, Plant, PlantSettings};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Waits until `holds`, at most 30 s.
async fn until(twin: &Twin, what: &str, mut holds: impl FnMut(&Moment) -> bool) {
    let begun = Instant::now();
    let mut moments = twin.moments();
    while !holds(&moments.borrow_and_update()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {:?}", twin.moment().estimate);
        let _ = tokio::time::timeout(Duration::from_secs(2), moments.changed()).await;
    }
}

/// What happened to alarms after an event of the history, in words.
fn alarms_after(twin: &Twin, sequence: u64) -> Vec<String> {
    let filter = EventFilter { kinds: vec!["alarm".to_owned()], ..EventFilter::default() };
    let page = twin.history().events(&filter, Page::After { sequence, limit: 1000 }).expect("events");
    page.events
        .iter()
        .filter(|e| ["raised", "cleared"].iter().any(|k| e.event.fields["kind"] == *k))
        .map(|e| e.event.message.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_on_a_figure_stays_as_it_is_while_devices_connect_anew() {
    let network = substation();
    let station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network).value.expect("a station");
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network).value.expect("relays");
    let quiet = PlantSettings { noise: false, ..PlantSettings::default() };
    let plant = Plant::new(network.clone(), station.clone(), relays.clone(), quiet).expect("a plant");
    let options = HostOptions { modbus: Some(ANY), iec104: Some(ANY), iec61850: Some(ANY), ..HostOptions::new() };
    let hosted = Hosted::start(plant, options).await.expect("a host");
    hosted.handle.command(&Command::Switch { element: "line.q0_f21".to_owned(), close: false }).await.expect("it opens");
    let devices = scada::document::read(&hosted.follow_document(), "follow.yaml").devices;
    let folder = tempfile::tempdir().unwrap();
    let history: Arc<dyn Historian> = Arc::new(History::open(folder.path(), Options::default()).expect("a history"));
    let site = Site {
        name: "test".to_owned(),
        model: "models/ehv-400-220.dss".to_owned(),
        network: Arc::new(network),
        station: Arc::new(station),
        relays: Arc::new(relays),
        devices,
        settings: Settings { simulated: true, ..Settings::default() },
    };
    let twin = Twin::start(site.clone(), None, history.clone()).unwrap_or_else(|e| panic!("{e:?}"));
    let whole = |m: &Moment| m.estimate.state == "settled" && m.estimate.nodes_known == m.estimate.nodes_live && m.estimate.used > 600;
    until(&twin, "an estimate", whole).await;
    // One alarm that stands a little below the load, one that does not come a little above it; the feeder that is off is many times as much.
    let load_mw = twin.moment().metrics.total_load_mw.expect("a load");
    let rule = |id: &str, high: f64| {
        format!("  - id: {id}\n    text: {id}\n    point: twin.total_load_mw\n    high: {high:.2}\n    priority: low\n")
    };
    let yaml = format!("alarms:\n{}{}", rule("stands", 0.97 * load_mw), rule("never", 1.03 * load_mw));
    let by = Originator { user: "tester".to_owned(), reason: "a test".to_owned() };
    assert!(twin.set_rules(&yaml, &by).expect("sound rules").is_empty());
    until(&twin, "the alarm", |_| twin.alarms(|e| e.listed().len() == 1)).await;
    let actor = Actor { who: "tester", why: "seen" };
    twin.act(|e, now, journal| e.acknowledge(now, &["stands"], actor, journal)).expect("an acknowledgement");
    let last =
        twin.history().events(&EventFilter::default(), Page::Before { sequence: u64::MAX, limit: 1 }).expect("events").events[0].sequence;
    twin.stop().await;
    drop(twin);
    let twin = Twin::start(site, None, history).unwrap_or_else(|e| panic!("{e:?}"));
    until(&twin, "an estimate again", whole).await;
    let known = twin.moment().sequence;
    until(&twin, "some more of them", |m| m.sequence > known + 3).await;
    assert_eq!(alarms_after(&twin, last), Vec::<String>::new(), "nothing has changed in the plant");
    let state = |id: &str| twin.alarms(|e| e.alarm(id).unwrap().state.name());
    assert_eq!((state("stands"), state("never")), ("acknowledged", "normal"));
    twin.stop().await;
    hosted.stop().await;
}
