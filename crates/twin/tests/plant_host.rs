//! The simulated plant behind sockets, followed by this project's own clients: maps, values, commands, refusals, events, the instructor's port.

mod common;

use common::{substation, text};
use formats::station::{read_equipment, read_relays};
use network::{LoadModel, Network};
use scada::UtcTime;
use scada::document::{self, DeviceSpec, Protocol, check_elements};
use scada::point::{Flags, Quality, Update, Value};
use scada::supervision::{Batch, Supervisor, supervised};
use scada::telecontrol::{NoInterlock, Order, Originator, Record, Telecontrol};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use twin::plant::devices::{self, Addresses, Form, catalogue};
use twin::plant::host::{CommandFault, HostError, HostOptions, Hosted, Instructor, InstructorError, Watched};
use twin::plant::{Command, EventKind, Plant, PlantSettings, ScenarioKind};

/// The plant's clock counts seconds since 1970 as a float: what it brings to the world's clock is good to some microseconds.
const ROUNDING_US: i64 = 5;

fn plant(noise: bool) -> Plant {
    built(substation(), noise)
}

fn built(network: Network, noise: bool) -> Plant {
    let station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network).value.expect("a station");
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network).value.expect("relays");
    Plant::new(network, station, relays, PlantSettings { noise, ..PlantSettings::default() }).expect("a plant")
}

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn all() -> HostOptions {
    HostOptions { modbus: Some(ANY), iec104: Some(ANY), iec61850: Some(ANY), instructor: Some(ANY), ..HostOptions::new() }
}

fn sound(text: &str) -> Vec<DeviceSpec> {
    let document = document::read(text, "plant.yaml");
    assert!(document.is_sound(), "{:#?}", &document.diagnostics[..document.diagnostics.len().min(5)]);
    document.devices
}

#[test]
fn every_device_has_every_point_and_a_client_follows_each_once() {
    let plant = plant(false);
    let points = catalogue(&plant).expect("places for all");
    assert_eq!(points.len(), plant.points().len());
    let names: Vec<&str> = plant.points().iter().map(|p| p.name.as_str()).collect();
    for protocol in [Protocol::Modbus, Protocol::Iec104, Protocol::Iec61850] {
        let text = devices::served(&points, protocol);
        assert_eq!(text, devices::served(&catalogue(&plant).unwrap(), protocol), "the same each time");
        let devices = sound(&text);
        let served: Vec<&str> = devices.iter().flat_map(|d| &d.points).map(|p| &*p.name).collect();
        assert_eq!(served, names, "{protocol:?}");
        assert_eq!(check_elements(&devices, plant.network()), []);
    }
    let address = |port: u16| Some(format!("127.0.0.1:{port}"));
    let addresses = Addresses { modbus: address(1502), iec104: address(12404), iec61850: address(1102) };
    let followed = sound(&devices::follow(&points, &addresses));
    let mut once: Vec<&str> = followed.iter().flat_map(|d| &d.points).map(|p| &*p.name).collect();
    once.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(once, sorted);
    assert!(
        followed.len() == 3 && followed.iter().all(|d| d.points.len() > 400),
        "{:?}",
        followed.iter().map(|d| d.points.len()).collect::<Vec<_>>()
    );
    // What the twin needs of them.
    let with = |name: &str| followed.iter().flat_map(|d| &d.points).find(|p| &*p.name == name).unwrap_or_else(|| panic!("no {name}"));
    let v = with("BB41.V.AB").element.clone().unwrap();
    assert_eq!((&*v.element, &*v.quantity, v.terminal, v.phase), ("bus.bb41", "v_ll_kv", None, Some('A')));
    let p = with("L41.P").element.clone().unwrap();
    assert_eq!((&*p.element, &*p.quantity, p.terminal, p.phase), ("line.q0_l41", "p_kw", Some(1), None));
    let t = with("T1.LV.I.C").element.clone().unwrap();
    assert_eq!((&*t.element, &*t.quantity, t.terminal, t.phase), ("transformer.t1", "i_a", Some(2), Some('C')));
    assert_eq!(with("STATION.FREQUENCY").element, None);
    assert_eq!(with("CB-L41.CLOSED").asset.as_deref(), Some("CB-L41"));
    let measured = followed.iter().flat_map(|d| &d.points).filter(|p| p.accuracy.is_some()).count();
    assert!(measured > 2000, "{measured} with an accuracy");
    let commanded: HashSet<&str> = followed.iter().flat_map(|d| &d.points).filter(|p| p.control.is_some()).map(|p| &*p.name).collect();
    for p in &points {
        assert_eq!(commanded.contains(p.name.as_str()), p.act.is_some(), "{}", p.name);
    }
    assert!(commanded.contains("CB-F21.CLOSED") && commanded.contains("T1.TAP_POSITION") && commanded.contains("T1.TAP_AUTOMATIC"));
    // Without one protocol its points come by another.
    let two = sound(&devices::follow(&points, &Addresses { iec104: None, ..addresses }));
    assert_eq!((two.len(), two.iter().map(|d| d.points.len()).sum::<usize>()), (2, names.len()));
}

#[test]
fn the_model_is_read_without_a_finding_and_has_every_point() {
    let plant = plant(false);
    let points = catalogue(&plant).unwrap();
    let text = devices::configuration(&points, "127.0.0.1").expect("a model");
    let (scl, findings) = scada::iec61850::scl::read(text.as_bytes(), "plant.cid");
    assert_eq!(findings, []);
    let scl = scl.unwrap();
    let known: HashMap<String, _> = scada::iec61850::scl::points(&scl).into_iter().map(|p| (p.object_reference(), p)).collect();
    for p in &points {
        let reference = format!("{}.{}", p.reference.node(), p.reference.object);
        let found = known.get(&reference).unwrap_or_else(|| panic!("{reference} of {} is not there", p.name));
        assert_eq!(found.control.is_some(), p.act.is_some(), "{}", p.name);
        assert!(found.description.starts_with(&p.name));
    }
    let goose = scada::iec61850::goose::GooseSettings::of(&scl, devices::IED, devices::GOOSE_BLOCK).expect("its block");
    let members = devices::goose_members(&points);
    assert_eq!(goose.members.len(), members.len());
    assert!(members.iter().filter(|k| points[**k].form == Form::Double).count() == 22 && members.len() > 100, "{}", members.len());
}

/// A client of all devices.
struct Follower {
    supervisor: Supervisor,
    telecontrol: Telecontrol<NoInterlock>,
    receiver: mpsc::Receiver<Batch>,
    names: HashMap<Arc<str>, Vec<Arc<str>>>,
    newest: HashMap<Arc<str>, Update>,
    updates: Vec<(Arc<str>, Update)>,
    events: Vec<String>,
}

impl Follower {
    fn start(document: &str) -> Self {
        let devices = sound(document);
        let all = devices.iter().map(|d| supervised(d).expect("a protocol of ours")).collect();
        let (supervisor, receiver) = Supervisor::start(all, 256);
        let names = devices.iter().map(|d| (d.id.as_str().into(), d.points.iter().map(|p| p.name.clone()).collect())).collect();
        let telecontrol = Telecontrol::new(&supervisor, NoInterlock);
        Self { supervisor, telecontrol, receiver, names, newest: HashMap::new(), updates: Vec::new(), events: Vec::new() }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while !done(self) {
            match tokio::time::timeout_at(end, self.receiver.recv()).await {
                Ok(Some(batch)) => {
                    for update in batch.updates {
                        let name = self.names[&batch.device][update.point].clone();
                        self.newest.insert(name.clone(), update.clone());
                        self.updates.push((name, update));
                    }
                    self.events.extend(batch.events.iter().map(|e| format!("{} {:?}", batch.device, e.kind)));
                }
                _ => panic!("not in time: {what}; {:#?}", self.events),
            }
        }
    }

    fn shows(&self, name: &str, on: bool) -> bool {
        self.newest.get(name).and_then(|u| u.value.as_ref()).and_then(Value::as_bool) == Some(on)
    }

    async fn order(&self, point: &str, value: Value) -> Record {
        let by = Originator { user: "test".into(), reason: "a test".into() };
        self.telecontrol.execute(Order { point: point.into(), value, by }).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_follows_all_points_and_commands_over_every_protocol() {
    let begun = Instant::now();
    let mut reference = plant(false);
    // Fans and relays have looked once when the first second is over.
    (0..4).for_each(|_| reference.step(1.0).expect("a step"));
    let truth: HashMap<String, (f64, f64)> =
        reference.points().iter().zip(reference.true_values()).map(|(p, x)| (p.name.clone(), (x, p.high - p.low))).collect();
    let hosted = Hosted::start(plant(false), all()).await.expect("served");
    println!("served after {:.2?}", begun.elapsed());
    let mut all = Follower::start(&hosted.follow_document());
    let n = hosted.points().len();
    all.until("every point has come", |f| f.newest.len() == n && f.events.iter().filter(|e| e.contains("Recovered")).count() == 3).await;
    println!("{n} points after {:.2?}", begun.elapsed());
    // A client can be there before relays and fans have looked for the first time, and a poll is a second.
    all.until("the relays have looked", |f| f.newest["87T-T1.87T_A.SEEN"].quality.is_good()).await;
    let looked = Instant::now();
    all.until("every poll since", |_| looked.elapsed() > Duration::from_secs(3)).await;
    let mut odd = Vec::new();
    for p in hosted.points() {
        let update = &all.newest[p.name.as_str()];
        let (x, range) = truth[&p.name];
        match (x.is_finite(), update.value.as_ref().and_then(Value::as_f64)) {
            (false, _) if !update.quality.is_good() => {}
            // Energies count from the start on.
            (true, Some(y)) if matches!(p.unit, "kWh" | "kvarh") && y >= 0.0 && update.quality.is_good() => {}
            // The plant has lived some seconds since: loads and ageing move a little.
            (true, Some(y)) if update.quality == Quality::GOOD && (x - y).abs() <= 0.02 * x.abs().max(1e-3 * range) + 0.6 => {}
            (_, y) => odd.push(format!("{}: {x} and {y:?}, {}", p.name, update.quality)),
        }
    }
    assert!(odd.is_empty(), "{} of {n}: {:#?}", odd.len(), &odd[..odd.len().min(20)]);
    let stamped = all.newest.values().filter(|u| u.source_time.is_some()).count();
    assert!(stamped > 1000, "{stamped} points have the time of their device");

    // A breaker over each protocol: the three documents name it in their own way.
    let points = hosted.points().to_vec();
    for (k, (protocol, at)) in [(Protocol::Iec61850, hosted.iec61850), (Protocol::Iec104, hosted.iec104), (Protocol::Modbus, hosted.modbus)]
        .into_iter()
        .enumerate()
    {
        let text = devices::served(&points, protocol).replace("address: \"127.0.0.1\"", &format!("address: \"{}\"", at.unwrap()));
        let mut one = Follower::start(&text);
        one.until("it is read", |f| f.newest.len() == n).await;
        let breaker = ["CB-F31.CLOSED", "CB-F33.CLOSED", "CB-F34.CLOSED"][k];
        let opened = one.order(breaker, Value::Bool(false)).await;
        assert_eq!(opened.outcome, Ok(()), "{protocol:?} {opened:?}");
        all.until("the breaker is seen open", |f| f.shows(breaker, false)).await;
        let closed = one.order(breaker, Value::Bool(true)).await;
        assert_eq!(closed.outcome, Ok(()), "{protocol:?} {closed:?}");
        all.until("the breaker is seen closed", |f| f.shows(breaker, true)).await;
        // An isolator under load is refused by the plant's interlock.
        let isolator = one.order("Q9_F21.CLOSED", Value::Bool(false)).await;
        assert!(
            isolator.failure.is_some() && matches!(isolator.outcome, Err(scada::device::CommandError::Refused { .. })),
            "{protocol:?} {isolator:?}"
        );
        if protocol == Protocol::Iec61850 {
            assert!(isolator.failure.as_deref().unwrap().contains("interlocking"), "{isolator:?}");
        }
        // One step of a tap changer, which leaves automatic control, and back to it.
        let position = |f: &Follower| f.newest["T1.TAP_POSITION"].value.as_ref().and_then(Value::as_f64).unwrap();
        let before = position(&all);
        let step = match protocol {
            Protocol::Iec104 => Value::Bool(true),
            _ => Value::Integer(before as i64 + 1),
        };
        let stepped = one.order("T1.TAP_POSITION", step).await;
        assert_eq!(stepped.outcome, Ok(()), "{protocol:?} {stepped:?}");
        all.until("the step is seen", |f| position(f) == before + 1.0 && f.shows("T1.TAP_AUTOMATIC", false)).await;
        if protocol != Protocol::Iec104 {
            let far = one.order("T1.TAP_POSITION", Value::Integer(before as i64 - 3)).await;
            assert!(matches!(far.outcome, Err(scada::device::CommandError::Refused { .. })), "{protocol:?} {far:?}");
            let beyond = one.order("T1.TAP_POSITION", Value::Integer(1000)).await;
            assert!(matches!(beyond.outcome, Err(scada::device::CommandError::OutOfRange { .. })), "{protocol:?} {beyond:?}");
        }
        let back = one.order("T1.TAP_AUTOMATIC", Value::Bool(true)).await;
        assert_eq!(back.outcome, Ok(()), "{protocol:?} {back:?}");
        let nothing = one.order("BB41.V.A", Value::Float(1.0)).await;
        assert!(nothing.outcome.is_err());
        one.supervisor.stop().await;
        println!("{protocol:?} done after {:.2?}", begun.elapsed());
    }
    // A breaker that sticks: taken, and told that it did not move.
    hosted.handle.command(&Command::Stick { breaker: "line.q0_f32".into(), stuck: true }).await.unwrap();
    let stuck = all.order("CB-F32.CLOSED", Value::Bool(false)).await;
    assert!(matches!(stuck.outcome, Err(scada::device::CommandError::Refused { .. })), "{stuck:?}");
    assert!(all.shows("CB-F32.CLOSED", true));
    all.supervisor.stop().await;
    hosted.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_trips_and_its_events_come_in_their_order_by_telecontrol_and_by_the_instructors_port() {
    let hosted = Hosted::start(plant(true), all()).await.expect("served");
    let mut client = Follower::start(&hosted.follow_document());
    let n = hosted.points().len();
    client.until("every point has come", |f| f.newest.len() == n).await;
    let at = hosted.instructor.unwrap();
    let mut instructor = Instructor::connect(at).await.unwrap();
    let state = instructor.state().await.unwrap();
    assert!(state.buses.iter().any(|b| b.bus == "f21_220" && b.nominal_kv == 220.0), "{:?}", state.buses);
    assert!(state.breakers.len() == 22 && state.breakers.iter().all(|b| b.closed || b.bay == "BS3"), "{:?}", state.breakers);
    assert_eq!(state.scenarios.len(), 4);
    assert!(state.moment.faults.is_empty() && !state.moment.unsolved && (state.moment.frequency_hz - 50.0).abs() < 0.2);
    let mut watch = Instructor::connect(at).await.unwrap().watch().await.unwrap();
    instructor.snapshot().await.unwrap();
    let fault =
        Command::Fault { bus: "f21_220".into(), kind: "slg".into(), phases: vec![2], r_ohm: 0.01, duration_s: None, transient: false };
    instructor.command(&fault).await.unwrap();
    client.until("the breaker has tripped", |f| f.shows("CB-F21.CLOSED", false)).await;
    client
        .until("the relay told it", |f| {
            f.updates.iter().any(|(n, u)| &**n == "21-F21.21_ZONE_1.TRIP" && u.value == Some(Value::Bool(true)))
        })
        .await;
    // Picked up, tripped, opened: each with its own time, which is that of the event and not of the step.
    let first = |name: &str, on: bool| {
        let found = client.updates.iter().find(|(n, u)| {
            &**n == name && u.value.as_ref().and_then(Value::as_bool) == Some(on) && u.cause == scada::point::Cause::Spontaneous
        });
        found.and_then(|(_, u)| u.source_time).unwrap_or_else(|| {
            panic!("{name} did not become {on}: {:?}", client.updates.iter().filter(|(n, _)| &**n == name).collect::<Vec<_>>())
        })
    };
    let (pickup, trip, open) =
        (first("21-F21.21_ZONE_1.PICKUP", true), first("21-F21.21_ZONE_1.TRIP", true), first("CB-F21.CLOSED", false));
    assert!(pickup < trip && trip < open, "{pickup:?} {trip:?} {open:?}");
    let s = open.seconds_since(pickup);
    assert!((0.02..0.07).contains(&s), "{s} s from pick-up to open");
    let (events, missed) = instructor.events(0).await.unwrap();
    assert_eq!(missed, 0);
    let at = |kind: EventKind, subject: &str| {
        events
            .iter()
            .find(|e| e.event.kind == kind && e.event.subject == subject)
            .unwrap_or_else(|| panic!("no {kind:?} {subject}: {events:#?}"))
    };
    let tripped = at(EventKind::Tripped, "21-F21");
    assert!(at(EventKind::FaultOn, "f21_220").number < tripped.number && tripped.number < at(EventKind::Opened, "line.q0_f21").number);
    assert!((tripped.utc.us - trip.us).abs() < 1500, "telecontrol has the time of the event to its millisecond");
    assert!(events.windows(2).all(|w| w[0].number + 1 == w[1].number && w[0].utc.us <= w[1].utc.us + ROUNDING_US), "{events:#?}");
    // Those who watch hear the same, and the state once a second.
    let mut heard = Vec::new();
    let mut states = 0;
    while states < 2 || heard.last().is_none_or(|e: &twin::plant::host::Numbered| e.number < events[events.len() - 1].number) {
        match tokio::time::timeout(Duration::from_secs(10), watch.next()).await.expect("in time").unwrap() {
            Watched::Event(e) => heard.push(e),
            Watched::State(_) => states += 1,
            Watched::Missed(n) => panic!("{n} missed"),
        }
    }
    // The watch began a moment after the plant did.
    let from = events.iter().position(|e| e.number == heard[0].number).expect("one of them");
    assert_eq!(heard[..events.len() - from], events[from..]);
    assert!(events[from].number <= at(EventKind::FaultOn, "f21_220").number);
    let state = instructor.state().await.unwrap();
    assert_eq!((state.moment.faults.len(), state.moment.faults[0].bus.as_str()), (1, "f21_220"));
    // A scenario; a second one is refused; the end; and back to the start.
    instructor.command(&Command::Begin { scenario: ScenarioKind::FrequencyDeviation }).await.unwrap();
    let busy = instructor.command(&Command::Begin { scenario: ScenarioKind::Overvoltage400kv }).await;
    assert!(matches!(&busy, Err(InstructorError::Refused { reason }) if reason.contains("runs already")), "{busy:?}");
    let running = instructor.state().await.unwrap().moment.scenario.expect("one that runs");
    assert_eq!((running.scenario, running.duration_s), (ScenarioKind::FrequencyDeviation, Some(60.0)));
    instructor.restore().await.unwrap();
    let state = instructor.state().await.unwrap();
    assert!(state.moment.scenario.is_none() && state.moment.faults.is_empty());
    assert!(state.breakers.iter().any(|b| b.element == "line.q0_f21" && b.closed));
    client.until("the breaker is closed again", |f| f.shows("CB-F21.CLOSED", true)).await;
    for (wrong, why) in [
        (fault_at("nowhere", "3ph"), "knows no bus"),
        (fault_at("bb41", "arc"), "knows no fault type"),
        (Command::Stick { breaker: "line.l41".into(), stuck: true }, "knows no breaker"),
    ] {
        let refused = instructor.command(&wrong).await;
        assert!(matches!(&refused, Err(InstructorError::Refused { reason }) if reason.contains(why)), "{refused:?}");
    }
    client.supervisor.stop().await;
    hosted.stop().await;
}

fn fault_at(bus: &str, kind: &str) -> Command {
    Command::Fault { bus: bus.into(), kind: kind.into(), phases: vec![1, 2, 3], r_ohm: 0.01, duration_s: None, transient: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_at_the_instructors_port_is_answered_and_does_no_harm() {
    let hosted = Hosted::start(plant(false), HostOptions { instructor: Some(ANY), ..HostOptions::new() }).await.expect("served");
    let stream = tokio::net::TcpStream::connect(hosted.instructor.unwrap()).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    for garbage in [
        "x",
        "{}",
        "[]",
        "null",
        "{\"command\":7}",
        "{\"command\":\"dance\"}",
        "{\"command\":\"begin\"}",
        "{\"command\":\"events\",\"since\":-1}",
        "{\"command\":\"fault\",\"bus\":\"bb41\",\"kind\":\"slg\",\"phases\":[1],\"r_ohm\":null}",
        "\u{0}\u{1}",
        "{\"command\":\"begin\",\"scenario\":\"none\"}",
    ] {
        writer.write_all(format!("{garbage}\n").as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().expect("an answer");
        let answer: serde_json::Value = serde_json::from_str(&line).expect("an answer is JSON");
        assert!(answer["ok"] == false && answer["error"].as_str().is_some_and(|e| !e.is_empty()), "{garbage}: {line}");
    }
    writer.write_all(&[0xFF, 0xFE, b'\n']).await.unwrap();
    assert!(lines.next_line().await.unwrap().unwrap().contains("\"ok\":false"));
    writer.write_all(b"{\"command\":\"clear_faults\"}\n").await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"ok\":true}");
    // A line without end is not gathered for ever. The rest of it may find the connection closed already.
    let _ = writer.write_all(&vec![b'x'; 100_000]).await;
    let told = lines.next_line().await;
    assert!(told.is_err() || matches!(&told, Ok(Some(line)) if line.contains("octets at most")), "{told:?}");
    let mut other = Instructor::connect(hosted.instructor.unwrap()).await.unwrap();
    assert!(other.state().await.is_ok(), "others go on");
    hosted.stop().await;
}

/// A plant whose loads take their power whatever the voltage, so that a fault some way off leaves nothing that could carry them.
fn stubborn() -> Plant {
    let mut network = substation();
    for load in &mut network.loads {
        load.model = LoadModel::ConstantPq;
        (load.v_min_pu, load.v_low_pu) = (1e-3, 1e-3);
    }
    built(network, false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_without_a_solution_are_invalid_everywhere() {
    let hosted = Hosted::start(stubborn(), all()).await.expect("served");
    let points = hosted.points().to_vec();
    let n = points.len();
    // One client a device, each of which has every point.
    let mut clients = Vec::new();
    for (protocol, at) in [(Protocol::Modbus, hosted.modbus), (Protocol::Iec104, hosted.iec104), (Protocol::Iec61850, hosted.iec61850)] {
        let text = devices::served(&points, protocol).replace("address: \"127.0.0.1\"", &format!("address: \"{}\"", at.unwrap()));
        let mut client = Follower::start(&text);
        client.until("every point has come", |f| f.newest.len() == n).await;
        // An impedance that no loop sees is no number.
        let seen = &client.newest["21-F21.21_ZONE_1.SEEN"];
        assert!(!seen.quality.is_good() && !seen.quality.flags.has(Flags::COMM_LOST), "{protocol:?} {seen:?}");
        clients.push((protocol, client));
    }
    let electrical: Vec<String> = points
        .iter()
        .filter(|p| ["v_ln_kv", "v_ll_kv", "i_a", "p_kw", "q_kvar", "s_kva"].contains(&p.quantity.as_str()))
        .map(|p| p.name.clone())
        .collect();
    assert!(electrical.len() > 1000, "{}", electrical.len());
    let good = |f: &Follower| electrical.iter().filter(|name| f.newest[name.as_str()].quality.is_good()).count();
    for (protocol, client) in &mut clients {
        client.until("values are good", |f| good(f) > electrical.len() * 9 / 10).await;
        println!("{protocol:?}: {} of {} are good", good(client), electrical.len());
    }
    assert!(!hosted.handle.moment().unsolved);
    let fault =
        Command::Fault { bus: "bb41".into(), kind: "3ph".into(), phases: vec![1, 2, 3], r_ohm: 1.0, duration_s: None, transient: false };
    hosted.handle.command(&fault).await.expect("a fault");
    for (protocol, client) in &mut clients {
        client.until("no electrical value is good", |f| good(f) == 0).await;
        let values = ["BB41.V.A", "L41.P"].map(|name| client.newest[name].clone());
        // What was there before stays to be seen, and says that it is not valid; the connection stands, and the rest goes on.
        assert!(values.iter().all(|u| u.value.is_some() && !u.quality.flags.has(Flags::COMM_LOST)), "{protocol:?} {values:?}");
        let rest = ["STATION.FREQUENCY", "CB-L41.CLOSED", "T1.TOP_OIL"].map(|name| client.newest[name].quality);
        assert!(rest.iter().all(|q| q.is_good()), "{protocol:?} {rest:?}");
    }
    assert!(hosted.handle.moment().unsolved);
    assert!(hosted.handle.events_since(0).0.iter().any(|e| e.event.kind == EventKind::Unsolved));
    hosted.handle.command(&Command::ClearFaults).await.expect("it is cleared");
    for (_, client) in &mut clients {
        client.until("values are good again", |f| good(f) > electrical.len() * 9 / 10).await;
    }
    for (_, client) in clients {
        client.supervisor.stop().await;
    }
    hosted.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plant_that_breaks_off_is_not_shown_any_longer() {
    let breaks = Arc::new(AtomicBool::new(false));
    let clock = breaks.clone();
    let clock = Arc::new(move || {
        assert!(!clock.load(Ordering::Relaxed), "the clock breaks");
        UtcTime::now()
    });
    let hosted = Hosted::start(plant(false), HostOptions { clock, ..all() }).await.expect("served");
    let n = hosted.points().len();
    let mut client = Follower::start(&hosted.follow_document());
    client.until("every point has come", |f| f.newest.len() == n).await;
    breaks.store(true, Ordering::Relaxed);
    client.until("no value counts as good", |f| f.newest.values().all(|u| !u.quality.is_good())).await;
    hosted.ended().await;
    assert!(matches!(hosted.handle.command(&Command::ClearFaults).await, Err(CommandFault::Stopped)));
    client.supervisor.stop().await;
    hosted.stop().await;
}

#[tokio::test]
async fn what_cannot_be_served_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let start = async |options: HostOptions| Hosted::start(plant(false), options).await.err().expect("a fault").to_string();
    assert!(start(HostOptions { modbus: Some(at), ..HostOptions::new() }).await.contains(&at.to_string()));
    assert!(start(HostOptions { interval_s: 5.0, ..HostOptions::new() }).await.contains("between 0.02 and 1 s"));
    let open: SocketAddr = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        Hosted::start(plant(false), HostOptions { instructor: Some(open), ..HostOptions::new() }).await.err(),
        Some(HostError::NotLoopback { .. })
    ));
    assert!(start(HostOptions { goose: Some("nobody0".into()), ..HostOptions::new() }).await.contains("GOOSE cannot be sent"));
}
