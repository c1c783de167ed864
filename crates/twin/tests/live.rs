//! The live twin on the simulated plant, through real sockets: state, figures, orders, questions, replay.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use scada::UtcTime;
use scada::point::Value;
use scada::telecontrol::Originator;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::alarms::Actor;
use twin::history::{EventFilter, Historian, History, Options, Page};
use twin::live::{Change, Order, Settings, Site, Twin, TwinError};
use twin::plant::host::{HostOptions, Hosted};
use twin::plant::{Plant, PlantSettings};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Running {
    hosted: Hosted,
    twin: Arc<Twin>,
    folder: tempfile::TempDir,
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
    let history: Arc<dyn Historian> = Arc::new(History::open(folder.path(), Options::default()).expect("a history"));
    let site = Site {
        name: "test".to_owned(),
        model: "models/ehv-400-220.dss".to_owned(),
        network: Arc::new(network),
        station: Arc::new(station),
        relays: Arc::new(relays),
        devices: document.devices,
        // A feeder of the model carries its full rating in the morning: to close another one again takes it a little beyond.
        settings: Settings { simulated: true, loading_limit_pct: 110.0, ..Settings::default() },
    };
    let twin = Twin::start(site, None, history).unwrap_or_else(|e| panic!("{e:?}"));
    Running { hosted, twin, folder }
}

/// Waits until `holds`, at most 20 s.
async fn until(twin: &Twin, what: &str, mut holds: impl FnMut(&twin::live::view::Moment) -> bool) {
    let begun = Instant::now();
    let mut moments = twin.moments();
    loop {
        if holds(&moments.borrow_and_update()) {
            return;
        }
        if begun.elapsed() > Duration::from_secs(20) {
            let bad: Vec<_> = twin.points().into_iter().filter(|p| p.validity != "good").map(|p| (p.point, p.number, p.details)).collect();
            panic!("{what}: {:?}\n{} not good: {:?}", twin.moment().estimate, bad.len(), &bad[..bad.len().min(20)]);
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), moments.changed()).await;
    }
}

fn by() -> Originator {
    Originator { user: "tester".to_owned(), reason: "a test".to_owned() }
}

/// What the plant's instruments should show, by name.
fn number(twin: &Twin, name: &str) -> f64 {
    let point = twin.points().into_iter().find(|p| &*p.point == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(point.validity, "good", "{name}");
    point.number.unwrap_or_else(|| panic!("{name} has no number"))
}

fn order(subject: &str, command: &str) -> Order {
    Order { subject: subject.to_owned(), command: command.to_owned(), value: None }
}

fn codes(verdict: &twin::live::Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|d| &*d.code).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plant_is_followed_asked_and_commanded() {
    let running = start().await;
    let twin = &running.twin;
    assert_eq!(twin.findings(), []);
    // A distance relay sees no impedance where next to nothing flows: its nine points have no value then.
    let all_good = |m: &twin::live::view::Moment| m.devices.iter().all(|d| d.recovered == Some(true) && d.good + 9 >= d.points);
    until(twin, "an estimate of everything", |m| m.estimate.state == "settled" && m.estimate.used > 600 && all_good(m)).await;
    let begun = Instant::now();
    let moment = twin.moment();
    assert!(moment.estimate.nodes_known == moment.estimate.nodes_live && moment.estimate.nodes_live > 150, "{:?}", moment.estimate);
    assert_eq!(moment.estimate.suspects, []);
    assert_eq!(moment.estimate.plausible, Some(true));
    assert!(moment.buses.iter().all(|b| b.v_kv.is_some()), "every bus has a value");
    assert!(moment.elements.iter().all(|e| e.ends.iter().all(|end| end.p_kw.is_some())), "every branch has a value");
    assert_eq!(moment.switches.len(), 59);
    assert!(moment.switches.iter().all(|s| s.closed.is_some() && !s.doubted && s.controllable && s.point.is_some()));
    // Figures agree with what the plant's own instruments say of the whole, within their class.
    let m = &moment.metrics;
    let near = |a: Option<f64>, b: f64, share: f64| assert!((a.unwrap() - b).abs() <= share * b.abs(), "{a:?} {b}");
    near(m.generation_mw, number(twin, "STATION.SUPPLY_KW") / 1e3, 0.01);
    near(m.losses_mw, number(twin, "STATION.LOSSES_KW") / 1e3, 0.05);
    near(m.frequency_hz, number(twin, "STATION.FREQUENCY"), 1e-3);
    near(m.efficiency_pct, 100.0 * m.total_load_mw.unwrap() / m.generation_mw.unwrap(), 1e-12);
    assert_eq!(m.levels.iter().map(|l| l.0).collect::<Vec<_>>(), [400.0, 220.0, 33.0]);
    assert!((0.0..=100.0).contains(&m.voltage_stability_pct.unwrap()) && m.system_health.unwrap() > 50.0);
    println!("{:?}\n{m:?}", moment.estimate);
    for a in &moment.assets {
        if let Some(worst) = a.parts.iter().min_by(|a, b| a.score.total_cmp(&b.score)) {
            println!("{} {:?} by {} {} {}", a.asset, a.health, worst.indicator, worst.value, worst.unit);
        }
    }

    // What would leave load without supply, or what an isolator cannot break, is refused with its reason.
    let dark = twin.check(&order("CB-F21", "open")).expect("an order");
    assert!(!dark.allowed && codes(&dark).contains(&"CONTROL.INTERLOCK.UNSUPPLIED"), "{dark:?}");
    let load = moment.elements.iter().find(|e| e.element.starts_with("load.") && e.ends[0].bus == "f21_end").expect("a load");
    assert!((dark.unsupplied_mw - load.ends[0].p_kw.unwrap() / 1e3).abs() < 1e-9);
    let isolator = moment.switches.iter().find(|s| s.kind == "isolator" && s.closed == Some(true) && s.i_a.unwrap() > 50.0).unwrap();
    let broken = twin.check(&order(&isolator.element, "open")).expect("an order");
    assert!(!broken.allowed && codes(&broken).contains(&"CONTROL.INTERLOCK.BREAKS_LOAD"), "{broken:?}");
    let refused = twin.control(&order("CB-F21", "open"), by(), false).await.expect("an order").0;
    assert!(refused.failure.as_deref().is_some_and(|f| f.contains("would lose their supply")), "{refused:?}");
    assert_eq!(twin.moment().switches.iter().find(|s| s.asset.as_deref() == Some("CB-F21")).unwrap().closed, Some(true));
    // Orders that name nothing, or not one thing.
    assert!(twin.check(&order("CB-F21x", "open")).unwrap_err().to_string().contains("CB-F21"));
    assert!(twin.check(&order("CB-F21", "raise")).unwrap_err().to_string().contains("open, close"));
    assert!(twin.check(&order("BB41.V.A", "set")).unwrap_err().to_string().contains("takes no commands"));

    // Every way to a tap changer is judged: a step up or down, and a position by its number. What says nothing to one is refused.
    let taps: Vec<_> = twin.points().into_iter().filter(|p| p.quantity.as_deref() == Some("tap_position") && p.controllable).collect();
    assert!(taps.len() >= 4, "{taps:?}");
    for tap in &taps {
        let now = tap.number.expect("a position") as i64;
        for command in ["raise", "lower"] {
            let verdict = twin.check(&order(&tap.point, command)).expect("an order");
            assert!(verdict.settled && verdict.losses_mw != verdict.losses_before_mw, "{}: {verdict:?}", tap.point);
        }
        let set = |value: Value| twin.check(&Order { value: Some(value), ..order(&tap.point, "set") });
        if matches!(tap.value, Some(Value::Integer(_))) {
            let verdict = set(Value::Integer(now + 1)).expect("an order");
            assert!(verdict.settled && verdict.losses_mw != verdict.losses_before_mw, "{}: {verdict:?}", tap.point);
            assert_eq!(verdict.value, twin.check(&order(&tap.point, "raise")).expect("an order").value);
            assert!(!set(Value::Integer(99)).expect("an order").allowed, "beyond its range");
        }
        assert!(set(Value::Text("up".into())).unwrap_err().to_string().contains("does not take"));
    }
    assert!(twin.check(&Order { value: Some(Value::Float(0.5)), ..order("CB-F21", "set") }).is_err());

    // A fifth more load: the loads of the answer are those of the estimate times 1.2, and the answer begins where the estimate is.
    let more = Change::Load { load: "all".to_owned(), factor: Some(1.2), p_kw: None, q_kvar: None };
    let what = twin.what_if(&[more], None).expect("an answer");
    assert!(what.before_off_estimate_pu.unwrap() < 2e-3, "{:?}", what.before_off_estimate_pu);
    near(what.before.metrics.total_load_mw, twin.moment().metrics.total_load_mw.unwrap(), 0.01);
    near(what.after.metrics.total_load_mw, 1.2 * what.before.metrics.total_load_mw.unwrap(), 0.01);
    assert!(what.after.metrics.losses_mw > what.before.metrics.losses_mw);
    let each = Change::Load { load: "all".to_owned(), factor: None, p_kw: Some(1.0), q_kvar: None };
    assert!(twin.what_if(&[each], None).unwrap_err().to_string().contains("a factor"));
    let unknown = Change::Switch { element: "line.cb_nowhere".to_owned(), closed: false };
    assert!(twin.what_if(&[unknown], None).unwrap_err().to_string().contains("line.cb_nowhere"));

    // With an override the order goes out, is seen, and is written down; closing it again needs none.
    let (record, verdict) = twin.control(&order("CB-F21", "open"), by(), true).await.expect("an order");
    assert!(record.failure.is_none() && !verdict.allowed, "{record:?}");
    let is = |asset: &'static str, closed: bool| {
        move |m: &twin::live::view::Moment| m.switches.iter().any(|s| s.asset.as_deref() == Some(asset) && s.closed == Some(closed))
    };
    until(twin, "the breaker is open", is("CB-F21", false)).await;
    until(twin, "its feeder is dead", |m| {
        m.buses.iter().any(|b| b.bus == "f21_end" && b.origin == twin::live::view::Origin::Dead) && m.estimate.state == "settled"
    })
    .await;
    let opened = UtcTime::now();
    let (record, verdict) = twin.control(&order("CB-F21", "close"), by(), false).await.expect("an order");
    assert!(record.failure.is_none() && verdict.allowed, "{record:?} {verdict:?}");
    until(twin, "the breaker is closed", is("CB-F21", true)).await;
    let kept = |kind: &str| {
        let filter = EventFilter { kinds: vec![kind.to_owned()], ..EventFilter::default() };
        twin.history().events(&filter, Page::After { sequence: 0, limit: 1000 }).unwrap().events
    };
    let controls = kept("control");
    assert_eq!(controls.len(), 3, "{controls:?}");
    assert_eq!(controls[1].event.fields["overridden"], true);
    assert!(controls.iter().all(|c| c.event.fields["who"] == "tester" && c.event.fields["reason"] == "a test"));

    // What was while it was open.
    let past = twin.at(opened).expect("it is kept");
    assert!(past.replayed && is("CB-F21", false)(&past));
    assert!(past.devices.iter().all(|d| d.connected.is_none()) && past.assets.iter().all(|a| a.alarms.is_none()));
    assert!(past.metrics.total_load_mw.unwrap() < moment.metrics.total_load_mw.unwrap() - 50.0);
    assert!(matches!(twin.at(UtcTime::from_ms(opened.ms() - 86_400_000)), Err(TwinError::NotKept)));

    // A sensor that lies is named, with what it should say.
    let truth = number(twin, "BB41.V.A");
    twin.substitute("BB41.V.A", Some(Value::Float(truth * 1.08)), &by()).expect("a point");
    until(twin, "it is named", |m| m.estimate.suspects.first().is_some_and(|s| s.point == "BB41.V.A")).await;
    let suspect = twin.moment().estimate.suspects[0].clone();
    assert!((suspect.estimated.unwrap() - truth).abs() < 0.01 * truth, "{suspect:?}");
    until(twin, "people are told", |_| kept("estimate").iter().any(|e| e.event.message.contains("BB41.V.A"))).await;
    twin.substitute("BB41.V.A", None, &by()).expect("a point");
    until(twin, "it agrees again", |m| m.estimate.suspects.is_empty()).await;

    // A fault trips the feeder: an alarm of the relay, an open breaker.
    let fault = twin::plant::Command::Fault {
        bus: "f22_end".to_owned(),
        kind: "3ph".to_owned(),
        phases: vec![1, 2, 3],
        r_ohm: 0.1,
        duration_s: None,
        transient: false,
    };
    running.hosted.handle.command(&fault).await.expect("a fault");
    until(twin, "the relay trips", is("CB-F22", false)).await;
    until(twin, "an alarm says so", |_| twin.alarms(|e| e.listed().iter().any(|a| a.text.contains("has tripped")))).await;
    let rule = twin.alarms(|e| e.listed().into_iter().find(|a| a.text.contains("has tripped")).map(|a| a.rule.to_string())).unwrap();
    let actor = Actor { who: "tester", why: "seen" };
    let done = twin.act(|e, now, journal| e.acknowledge(now, &[&rule], actor, journal)).expect("an acknowledgement");
    assert!(done.refused.is_empty() && done.events.len() == 1, "{done:?}");
    println!("{:?} after the first moment", begun.elapsed());
    running.twin.stop().await;
    running.hosted.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_and_ruled_is_so_after_a_restart() {
    let running = start().await;
    until(&running.twin, "an estimate", |m| m.estimate.state == "settled").await;
    let twin = &running.twin;
    let yaml = "alarms:\n  - id: load\n    text: Load is there\n    point: twin.total_load_mw\n    high: 1\n    priority: low\n";
    let faults = twin.set_rules("alarms:\n  - id: load\n    point: nowhere\n", &by()).unwrap_err();
    assert!(matches!(&faults, TwinError::Documents(d) if d.len() >= 2 && d.iter().all(|d| d.source.is_some())), "{faults:?}");
    assert!(twin.set_rules(yaml, &by()).expect("sound rules").is_empty());
    until(twin, "the alarm", |_| twin.alarms(|e| e.listed().len() == 1)).await;
    let actor = Actor { who: "tester", why: "seen" };
    twin.act(|e, now, journal| e.acknowledge(now, &["load"], actor, journal)).expect("an acknowledgement");
    let state = twin.alarms(|e| e.alarm("load").unwrap().state);
    running.twin.stop().await;
    let site = running.twin.site().clone();
    let Running { hosted, twin, folder } = running;
    drop(twin);
    let history = Arc::new(History::open(folder.path(), Options::default()).expect("a history"));
    let twin = Twin::start(site, None, history).expect("a twin");
    assert_eq!(twin.rules(), yaml);
    assert_eq!(twin.alarms(|e| e.alarm("load").unwrap().state), state);
    twin.stop().await;
    hosted.stop().await;
}
