//! Client and simulated device: with each other, and each with a peer that others wrote (libiec61850, in a process of its own).

mod iec61850_common;

use iec61850_common::{Peer, free_port, peers};
use scada::iec61850::client::{Client, ClientOptions, Command, Confirmed, Error, Report, Subscription};
use scada::iec61850::scl::{self, ControlModel, Device, Signal, SignalKind};
use scada::iec61850::server::{Process, Refusal, Request, Server};
use scada::iec61850::{FC, MmsValue};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INTERLOCKED: Refusal = 10;

/// Remembers what it was told to do; refuses what is named `CSWI3`.
#[derive(Default)]
struct Plant {
    done: Mutex<Vec<Request>>,
    checked: Mutex<Vec<Request>>,
}

impl Process for Plant {
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        self.checked.lock().unwrap().push(request.clone());
        if request.object.contains("CSWI3") { Err(INTERLOCKED) } else { Ok(()) }
    }

    fn operate(&self, request: Request) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>> {
        Box::pin(async move {
            // A drive takes its time.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let fails = request.object.contains("CSWI4");
            self.done.lock().unwrap().push(request);
            if fails { Err(9) } else { Ok(()) }
        })
    }
}

fn plant(signals: usize) -> Device {
    let mut device = Device {
        name: "PLANT".into(),
        description: String::new(),
        ip: "127.0.0.1".into(),
        integrity_ms: 0,
        clients: 2,
        signals: Vec::new(),
        goose: None,
    };
    for i in 0..signals {
        let n = u32::try_from(i / 10 + 1).unwrap();
        let (ld, class, object, kind) = match i % 10 {
            0 => ("CTRL", "CSWI", "Pos".to_owned(), SignalKind::Double),
            1 => ("CTRL", "GGIO", "SPCSO1".to_owned(), SignalKind::Single),
            2 => ("CTRL", "GGIO", "Ind1".to_owned(), SignalKind::Single),
            3 => ("CTRL", "ATCC", "TapPos".to_owned(), SignalKind::Integer),
            4 => ("MEAS", "MMTR", "TotWh".to_owned(), SignalKind::Counter),
            5 => ("CTRL", "GGIO", "AnOut1".to_owned(), SignalKind::Measured),
            k => ("MEAS", "MMXU", format!("An{k}"), SignalKind::Measured),
        };
        let control = match i % 10 {
            0 => Some(ControlModel::SboEnhanced),
            1 => Some([ControlModel::DirectNormal, ControlModel::SboNormal, ControlModel::DirectEnhanced][i / 10 % 3]),
            5 => Some(ControlModel::DirectNormal),
            _ => None,
        };
        device.signals.push(Signal {
            device: ld.into(),
            prefix: String::new(),
            class: class.into(),
            instance: n,
            object,
            kind,
            description: String::new(),
            unit: String::new(),
            unit_power: 0,
            control,
            asset: String::new(),
        });
    }
    device
}

async fn served(signals: usize) -> (Server, Arc<Plant>) {
    let (text, _) = scl::generate(&plant(signals)).expect("a configuration");
    let (model, findings) = scl::read(text.as_bytes(), "plant.cid");
    assert_eq!(findings, []);
    let process = Arc::new(Plant::default());
    let address = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let server = Server::start(&model.unwrap(), "PLANT", address, process.clone()).await.expect("a server");
    (server, process)
}

fn options() -> ClientOptions {
    ClientOptions { connect_s: 5.0, request_s: 3.0, ..ClientOptions::default() }
}

/// Takes what the peer says of reports until one has such a member.
fn report_with(peer: &mut Peer, member: &str) {
    // The peer's patience ends when it says nothing more.
    while !peer.until("report").contains(member) {}
}

/// Reports of a block until one has what is asked for, or five seconds are over.
async fn reports_until(client: &mut Client, wanted: impl Fn(&Report) -> bool) -> Vec<Report> {
    let mut seen = Vec::new();
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::Instant::now() < until {
        client.pump(Duration::from_millis(50)).await.expect("the association holds");
        while let Some(report) = client.next_report() {
            let found = wanted(&report);
            seen.push(report);
            if found {
                return seen;
            }
        }
    }
    panic!("no such report came; these did: {seen:#?}");
}

fn command(object: &str, model: ControlModel, on: bool) -> Command {
    Command { object: object.into(), model, value: MmsValue::Boolean(on), test: false, interlock_check: true, synchro_check: false }
}

#[tokio::test]
async fn our_client_and_our_device_do_everything_together() {
    let (server, process) = served(100).await;
    let mut client = Client::connect("127.0.0.1", server.address.port(), options()).await.expect("an association");
    assert_eq!(client.identity().await.unwrap().vendor, "GridTwin");
    let browsed = client.browse().await.unwrap();
    let domains: Vec<&str> = browsed.devices.iter().map(|d| d.domain.as_str()).collect();
    assert_eq!(domains, ["PLANTCTRL", "PLANTMEAS"]);
    assert_eq!(browsed.devices[0].data_sets, ["PLANTCTRL/LLN0.Meas1", "PLANTCTRL/LLN0.Stat1"]);
    assert!(browsed.devices[0].reports.contains(&"PLANTCTRL/LLN0.BR.brcbStat102".to_owned()), "{:?}", browsed.devices[0].reports);
    // Every leaf that the server says it has can be read, and holds what was set.
    server.set([("PLANTMEAS/MMXU1$MX$An6$mag$f", MmsValue::Float32(21.5))]).unwrap();
    assert_eq!(client.read("PLANTMEAS/MMXU1.An6.mag.f", FC::Mx).await.unwrap(), MmsValue::Float32(21.5));
    let many = client.read_many(&[("PLANTMEAS/MMXU1.An6.mag.f", FC::Mx), ("PLANTMEAS/MMXU1.Nobody.mag.f", FC::Mx)]).await.unwrap();
    assert_eq!(many[0], Ok(MmsValue::Float32(21.5)));
    assert_eq!(many[1], Err("it does not exist".to_owned()));
    client.write("PLANTMEAS/MMXU1.An6.d", FC::Dc, MmsValue::VisibleString("seen".into())).await.unwrap();
    assert_eq!(server.get("PLANTMEAS/MMXU1$DC$An6$d").unwrap(), MmsValue::VisibleString("seen".into()));
    let refused =
        client.write("PLANTMEAS/MMXU1.An6.mag.f", FC::Mx, MmsValue::Float32(1.0)).await.expect_err("measurements are not written");
    assert!(matches!(&refused, Error::Refused { .. }), "{refused}");
    // A data set of one's own.
    let members = [("PLANTMEAS/MMXU1.An6.mag.f".to_owned(), FC::Mx), ("PLANTMEAS/MMXU1.An7".to_owned(), FC::Mx)];
    client.create_data_set("PLANTMEAS/LLN0.mine", &members).await.unwrap();
    assert_eq!(client.data_set("PLANTMEAS/LLN0.mine").await.unwrap().len(), 2);
    assert_eq!(client.data_set_values("PLANTMEAS/LLN0.mine").await.unwrap()[0], Ok(MmsValue::Float32(21.5)));
    assert!(client.delete_data_set("PLANTMEAS/LLN0.mine").await.unwrap());
    // Commands of every model, their causes, and who gave them.
    for (object, model, confirmed) in [
        ("PLANTCTRL/GGIO1.SPCSO1", ControlModel::DirectNormal, Confirmed::Accepted),
        ("PLANTCTRL/GGIO2.SPCSO1", ControlModel::SboNormal, Confirmed::Accepted),
        ("PLANTCTRL/GGIO3.SPCSO1", ControlModel::DirectEnhanced, Confirmed::Terminated),
        ("PLANTCTRL/CSWI1.Pos", ControlModel::SboEnhanced, Confirmed::Terminated),
    ] {
        assert_eq!(client.control_model(object).await.unwrap(), model, "{object}");
        assert_eq!(client.command(&command(object, model, true)).await.unwrap(), confirmed, "{object}");
        // With normal security the answer comes before the deed.
        let done = loop {
            if let Some(done) = process.done.lock().unwrap().pop() {
                break done;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!((done.object.as_str(), done.value, done.originator_category), (object, Some(MmsValue::Boolean(true)), 3));
        assert_eq!(done.originator, b"GridTwin");
    }
    let refused = client.command(&command("PLANTCTRL/CSWI3.Pos", ControlModel::SboEnhanced, true)).await.expect_err("interlocked");
    assert!(matches!(&refused, Error::CommandRefused { add_cause: 10, reason, .. } if reason.contains("interlocking")), "{refused}");
    let failed = client.command(&command("PLANTCTRL/CSWI4.Pos", ControlModel::SboEnhanced, true)).await.expect_err("the drive fails");
    assert!(matches!(&failed, Error::CommandRefused { add_cause: 9, .. }), "{failed}");
    client.select_and_cancel(&command("PLANTCTRL/CSWI2.Pos", ControlModel::SboEnhanced, true)).await.unwrap();
    client.close().await.unwrap();
    server.stop().await;
}

fn quality(bits: u16) -> MmsValue {
    MmsValue::BitString { padding: 3, data: bits.to_be_bytes().to_vec() }
}

#[tokio::test]
async fn reports_tell_changes_and_a_buffered_block_goes_on_where_it_was_left() {
    let (server, _) = served(100).await;
    let mut client = Client::connect("127.0.0.1", server.address.port(), options()).await.unwrap();
    let wrong = Subscription { block: "PLANTMEAS/LLN0.RP.urcbMeas101".into(), conf_rev: Some(7), ..Subscription::default() };
    assert!(matches!(client.subscribe(&wrong).await, Err(Error::Revision { found_revision: 1, expected_revision: 7, .. })));
    let wrong = Subscription { block: "PLANTMEAS/LLN0.RP.urcbMeas102".into(), members: Some(3), ..Subscription::default() };
    assert!(matches!(client.subscribe(&wrong).await, Err(Error::Length { expected: 3, found: 40, .. })));
    let mut client = Client::connect("127.0.0.1", server.address.port(), options()).await.unwrap();
    let state = Subscription { block: "PLANTCTRL/LLN0.BR.brcbStat101".into(), conf_rev: Some(1), ..Subscription::default() };
    let found = client.subscribe(&state).await.unwrap();
    assert!(found.buffered && found.members.len() == 40, "{found:?}");
    assert_eq!(found.remarks, Vec::<String>::new());
    let seen = reports_until(&mut client, |r| r.values.len() == 40).await;
    let all = seen.last().unwrap();
    assert!(all.values.iter().all(|(_, _, reason)| reason.is_some_and(|r| r.general_interrogation)));
    // Another client cannot have it too.
    let mut other = Client::connect("127.0.0.1", server.address.port(), options()).await.unwrap();
    assert!(matches!(other.subscribe(&state).await, Err(Error::InUse { .. })));
    let at = found.members.iter().position(|(r, _)| r == "PLANTCTRL/GGIO1.Ind1").expect("the indication");
    server.set([("PLANTCTRL/GGIO1$ST$Ind1$stVal", MmsValue::Boolean(true)), ("PLANTCTRL/GGIO1$ST$Ind1$q", quality(0))]).unwrap();
    let seen = reports_until(&mut client, |r| r.values.iter().any(|(i, _, _)| *i == at)).await;
    let change = seen.last().unwrap();
    assert_eq!(change.values.len(), 1);
    assert!(change.values[0].2.unwrap().data_change && !change.gap);
    assert!(matches!(&change.values[0].1, MmsValue::Structure(s) if s[0] == MmsValue::Boolean(true)), "{change:?}");
    let entry = change.entry_id.clone().expect("an entry of the buffer");
    // While nobody listens, two things happen; whoever comes back hears of both, in order, once.
    client.close().await.unwrap();
    for on in [false, true] {
        server
            .set([("PLANTCTRL/GGIO2$ST$Ind1$stVal", MmsValue::Boolean(on)), ("PLANTCTRL/GGIO1$ST$Ind1$stVal", MmsValue::Boolean(on))])
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut again = Client::connect("127.0.0.1", server.address.port(), options()).await.unwrap();
    let found = again.subscribe(&Subscription { resume_after: Some(entry), ..state.clone() }).await.unwrap();
    assert!(found.resumed, "{found:?}");
    let seen = reports_until(&mut again, |r| r.values.len() == 40).await;
    let history: Vec<bool> = seen
        .iter()
        .filter(|r| r.values.len() < 40)
        .flat_map(|r| &r.values)
        .filter(|(i, _, _)| *i == at)
        .map(|(_, v, _)| matches!(v, MmsValue::Structure(s) if s[0] == MmsValue::Boolean(true)))
        .collect();
    assert_eq!(history, [false, true], "{seen:#?}");
    // The device ends the association; it is seen soon and as such.
    server.abort_clients();
    let mut outcome = Ok(());
    for _ in 0..40 {
        outcome = again.pump(Duration::from_millis(50)).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(outcome.as_ref().is_err_and(Error::is_lost), "{outcome:?}");
    server.stop().await;
}

#[tokio::test]
async fn nobody_there_is_told_in_time() {
    let port = free_port();
    let refused = Client::connect("127.0.0.1", port, options()).await.err().expect("nobody listens");
    assert!(matches!(refused, Error::Connect { .. }), "{refused}");
    // Somebody who accepts and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = std::time::Instant::now();
    let silent =
        Client::connect("127.0.0.1", listener.local_addr().unwrap().port(), ClientOptions { connect_s: 0.5, request_s: 0.5, ..options() })
            .await;
    assert!(matches!(silent, Err(Error::Connect { .. })));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn our_client_against_libiec61850() {
    let Some(python) = peers() else { return };
    let port = free_port();
    let mut peer = Peer::start(&python, "server.py", &[&port.to_string()]);
    peer.until("ready");
    let mut client = Client::connect("127.0.0.1", port, options()).await.expect("an association");
    assert!(client.identity().await.unwrap().vendor.contains("libiec61850"));
    let browsed = client.browse().await.unwrap();
    assert_eq!(browsed.devices.len(), 1);
    assert_eq!(browsed.devices[0].data_sets, ["PEERLD0/LLN0.Events"]);
    let mut blocks = browsed.devices[0].reports.clone();
    blocks.sort();
    assert_eq!(blocks, ["PEERLD0/LLN0.BR.brcb01", "PEERLD0/LLN0.RP.urcb01"]);
    peer.say("f 12.5");
    peer.until("done f");
    assert_eq!(client.read("PEERLD0/GGIO1.AnIn1.mag.f", FC::Mx).await.unwrap(), MmsValue::Float32(12.5));
    let members = client.data_set("PEERLD0/LLN0.Events").await.unwrap();
    assert_eq!(members[0], ("PEERLD0/GGIO1.AnIn1.mag.f".to_owned(), FC::Mx));
    assert_eq!(client.data_set_values("PEERLD0/LLN0.Events").await.unwrap()[0], Ok(MmsValue::Float32(12.5)));
    client.create_data_set("PEERLD0/LLN0.mine", &members[1..3]).await.unwrap();
    assert_eq!(client.data_set_values("PEERLD0/LLN0.mine").await.unwrap().len(), 2);
    assert!(client.delete_data_set("PEERLD0/LLN0.mine").await.unwrap());
    for block in ["PEERLD0/LLN0.RP.urcb01", "PEERLD0/LLN0.BR.brcb01"] {
        let wanted =
            Subscription { block: block.into(), conf_rev: Some(3), members: Some(4), integrity_ms: Some(700), ..Subscription::default() };
        let found = client.subscribe(&wanted).await.unwrap();
        assert_eq!(found.data_set, "PEERLD0/LLN0.Events", "{found:?}");
        reports_until(&mut client, |r| r.block == block && r.values.iter().any(|(_, _, why)| why.is_some_and(|w| w.general_interrogation)))
            .await;
    }
    peer.say("s 1");
    peer.until("done s");
    for block in ["PEERLD0/LLN0.RP.urcb01", "PEERLD0/LLN0.BR.brcb01"] {
        // Both blocks have the identifier "events": each report must still come to its own.
        let changed = |r: &Report| {
            r.block == block
                && r.values.iter().any(|(i, v, why)| *i == 1 && *v == MmsValue::Boolean(true) && why.is_some_and(|w| w.data_change))
        };
        if block.contains("RP") {
            let seen = reports_until(&mut client, changed).await;
            assert!(seen.iter().all(|r| !r.gap), "{seen:#?}");
        } else {
            peer.say("s 0");
            peer.until("done s");
            peer.say("s 1");
            peer.until("done s");
            let seen = reports_until(&mut client, changed).await;
            assert!(seen.last().unwrap().entry_id.is_some());
        }
    }
    reports_until(&mut client, |r| r.values.len() == 4 && r.values[0].2.is_some_and(|w| w.integrity)).await;
    for (n, model) in
        [(1, ControlModel::DirectNormal), (2, ControlModel::SboNormal), (3, ControlModel::DirectEnhanced), (4, ControlModel::SboEnhanced)]
    {
        let object = format!("PEERLD0/GGIO1.SPCSO{n}");
        assert_eq!(client.control_model(&object).await.unwrap(), model);
        client.command(&command(&object, model, true)).await.unwrap_or_else(|e| panic!("{e}"));
        peer.until(&format!("operated SPCSO{n} 1"));
        assert_eq!(client.read(&format!("{object}.stVal"), FC::St).await.unwrap(), MmsValue::Boolean(true));
    }
    client.select_and_cancel(&command("PEERLD0/GGIO1.SPCSO4", ControlModel::SboEnhanced, false)).await.unwrap();
    peer.say("refuse 1");
    peer.until("done refuse");
    let refused = client.command(&command("PEERLD0/GGIO1.SPCSO4", ControlModel::SboEnhanced, false)).await.expect_err("interlocked");
    assert!(matches!(&refused, Error::CommandRefused { add_cause: 10, reason, .. } if reason.contains("interlocking")), "{refused}");
    client.unsubscribe("PEERLD0/LLN0.RP.urcb01").await.unwrap();
    client.keep_alive().await.unwrap();
    client.close().await.unwrap();
    peer.say("quit");
    peer.ended();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libiec61850_against_our_device() {
    let Some(python) = peers() else { return };
    let (server, process) = served(60).await;
    server
        .set([
            ("PLANTMEAS/MMXU1$MX$An6$mag$f", MmsValue::Float32(7.25)),
            ("PLANTCTRL/CSWI1$ST$Pos$stVal", MmsValue::BitString { padding: 6, data: vec![0x80] }),
        ])
        .unwrap();
    let mut peer = Peer::start(&python, "client.py", &[&server.address.port().to_string()]);
    peer.until("connected 0");
    assert_eq!(peer.until("devices"), "devices PLANTCTRL PLANTMEAS");
    assert!(peer.until("nodes").contains(" CSWI1 "));
    assert_eq!(peer.until("read"), "read 7.25");
    assert_eq!(peer.until("read"), "read [b10 b0000000000000 t]");
    assert!(peer.until("read").starts_with("read error"));
    assert_eq!(peer.until("written"), "written 0 'by the peer'");
    assert_eq!(server.get("PLANTMEAS/MMXU1$DC$An6$d").unwrap(), MmsValue::VisibleString("by the peer".into()));
    assert_eq!(peer.until("forbidden"), "forbidden 1");
    assert_eq!(peer.until("enabled"), "enabled PLANTMEAS/LLN0.RP.urcbMeas101 0");
    let all = peer.until("report");
    assert_eq!(all.matches(":16=").count(), 24, "a general interrogation has every member: {all}");
    peer.until("wait measured");
    server.set([("PLANTMEAS/MMXU2$MX$An7$mag$f", MmsValue::Float32(-3.5)), ("PLANTMEAS/MMXU2$MX$An7$q", quality(0x4000))]).unwrap();
    peer.say("go");
    report_with(&mut peer, "=[[-3.5] b0100000000000 t]");
    assert_eq!(peer.until("enabled"), "enabled PLANTCTRL/LLN0.BR.brcbStat101 0");
    peer.until("report");
    peer.until("wait state");
    server.set([("PLANTCTRL/GGIO4$ST$Ind1$stVal", MmsValue::Boolean(true))]).unwrap();
    peer.say("go");
    report_with(&mut peer, ":1=[true b0000000000000 t]");
    for (object, model) in [("GGIO1.SPCSO1", 1), ("GGIO2.SPCSO1", 2), ("GGIO3.SPCSO1", 3), ("CSWI1.Pos", 4)] {
        let said = peer.until("control");
        assert!(said.starts_with(&format!("control PLANTCTRL/{object} model {model} ")) && said.ends_with("operated 1 cause 0"), "{said}");
    }
    assert!(peer.until("control").ends_with("selected 1 cancelled 1 cause 0"));
    // Interlocked: it cannot be selected, and operating it then tells why.
    let said = peer.until("control");
    assert!(said.contains("selected 0 operated 0"), "{said}");
    peer.until("closed");
    peer.ended();
    let objects: Vec<String> = process.done.lock().unwrap().iter().map(|r| r.object.clone()).collect();
    assert_eq!(objects, ["PLANTCTRL/GGIO1.SPCSO1", "PLANTCTRL/GGIO2.SPCSO1", "PLANTCTRL/GGIO3.SPCSO1", "PLANTCTRL/CSWI1.Pos"]);
    assert!(process.checked.lock().unwrap().iter().any(|r| r.object == "PLANTCTRL/CSWI3.Pos"));
    server.stop().await;
}

/// A document, the supervision and our simulated device: values by reports and by polling, quality, loss and return, commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_supervised_from_a_document() {
    use scada::point::{DoublePoint, Flags, Value};
    let (server, process) = served(60).await;
    let text = format!(
        "devices:\n  - id: bay\n    protocol: iec61850\n    address: \"{}\"\n    points:\n      - {{name: v, address: \"PLANTMEAS/MMXU1.An6.mag.f[MX]\", type: float, element: none}}\n      - {{name: breaker, address: \"PLANTCTRL/CSWI1.Pos.stVal[ST]\", type: double_point, element: none, control: {{select: true}}}}\n      - {{name: health, address: \"PLANTCTRL/LLN0.Health.stVal[ST]\", type: integer, element: none}}\n",
        server.address
    );
    let document = scada::document::read(&text, "devices.yaml");
    assert!(document.is_sound(), "{:#?}", document.diagnostics);
    let device = scada::supervision::supervised(&document.devices[0]).expect("a device");
    let (supervisor, mut batches) = scada::supervision::Supervisor::start(vec![device], 64);
    let handle = supervisor.handle("bay").expect("its handle").clone();
    let mut next = async |point: usize, wanted: &dyn Fn(&scada::point::Update) -> bool| {
        let until = tokio::time::Instant::now() + Duration::from_secs(15);
        loop {
            let batch = tokio::time::timeout_at(until, batches.recv())
                .await
                .unwrap_or_else(|_| panic!("point {point}: it shows {:?}", handle.outbox.current(point)));
            if let Some(update) = batch.expect("the supervision runs").updates.into_iter().find(|u| u.point == point && wanted(u)) {
                return update;
            }
        }
    };
    // What is told as new is of now.
    let stamp = scada::iec61850::utc_octets(scada::UtcTime::from_us(scada::UtcTime::now().us - 500_000));
    server
        .set([
            ("PLANTMEAS/MMXU1$MX$An6$t", MmsValue::UtcTime(stamp)),
            ("PLANTMEAS/MMXU1$MX$An6$mag$f", MmsValue::Float32(220.5)),
            ("PLANTCTRL/CSWI1$ST$Pos$stVal", MmsValue::BitString { padding: 6, data: vec![0x40] }),
        ])
        .unwrap();
    let v = next(0, &|u| u.value == Some(Value::Float(220.5))).await;
    assert_eq!(v.source_time, Some(scada::iec61850::utc_from_octets(stamp)), "{v:?}");
    let breaker = handle.outbox.current(1).expect("the breaker");
    if breaker.value != Some(Value::DoublePoint(DoublePoint::Off)) {
        next(1, &|u| u.value == Some(Value::DoublePoint(DoublePoint::Off))).await;
    }
    // A quality that is not good comes with the value.
    server.set([("PLANTMEAS/MMXU1$MX$An6$q", quality(0x4000))]).unwrap();
    next(0, &|u| u.quality.validity == scada::point::Validity::Invalid).await;
    server.set([("PLANTMEAS/MMXU1$MX$An6$q", quality(0))]).unwrap();
    next(0, &|u| u.quality.is_good()).await;
    // The device drops the connection: said so at once, and good again without hands.
    server.abort_clients();
    next(0, &|u| u.quality.flags.has(Flags::COMM_LOST)).await;
    next(0, &|u| u.quality.is_good()).await;
    let telecontrol = scada::telecontrol::Telecontrol::new(&supervisor, scada::telecontrol::NoInterlock);
    let order = scada::telecontrol::Order {
        point: "breaker".into(),
        value: Value::Bool(true),
        by: scada::telecontrol::Originator { user: "test".into(), reason: "to see it done".into() },
    };
    let record = telecontrol.execute(order).await;
    let done = process.done.lock().unwrap().pop();
    assert_eq!(done.map(|r| (r.object, r.value)), Some(("PLANTCTRL/CSWI1.Pos".to_owned(), Some(MmsValue::Boolean(true)))), "{record:?}");
    drop(supervisor);
    server.stop().await;
}

/// The conversation with libiec61850 once more, in a network of its own, with tshark beside it.
#[test]
fn tshark_finds_no_malformed_frame() {
    if peers().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("mms.pcap");
    let script = "ip link set lo up && { tshark -q -i lo -w \"$1\" & while [ ! -s \"$1\" ]; do sleep 0.1; done; sleep 1; \"$0\" --exact libiec61850_against_our_device; status=$?; sleep 1; kill -INT $!; wait $!; exit $status; }";
    let output = std::process::Command::new("unshare")
        .args(["-rn", "bash", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(&capture)
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    let count = |filter: &str| {
        let ports = "tcp.port==1024-65535,tpkt";
        let output = std::process::Command::new("tshark")
            .arg("-r")
            .arg(&capture)
            .args(["-d", ports, "-Y", filter, "-T", "fields", "-e", "frame.number"])
            .output()
            .expect("tshark");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    assert_eq!(count("_ws.malformed"), 0);
    assert!(count("mms.confirmed_RequestPDU_element") > 20, "requests of the client");
    assert!(count("mms.informationReport_element") >= 5, "four reports and a termination at the least");
    assert!(count("mms.initiate_ResponsePDU_element") == 1);
}
