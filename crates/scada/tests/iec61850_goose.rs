//! GOOSE: the rules of sender and receiver with a clock in the hand, and on a wire against libiec61850, taken apart by tshark.

mod iec61850_common;

use iec61850_common::{Peer, peers};
use scada::iec61850::MmsValue;
use scada::iec61850::goose::{Event, Fault, GooseSettings, Message, Publisher, Subscriber, Wire, WireError, listen, publish};
use scada::iec61850::scl::{self, MulticastAddress};
use scada::iec61850::{utc_octets, utc_octets_now};
use std::process::Command;
use std::time::{Duration, Instant};

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn settings() -> GooseSettings {
    GooseSettings {
        control_block: "PEERLD0/LLN0$GO$gcb".into(),
        go_id: "peer".into(),
        data_set: "PEERLD0/LLN0$Events".into(),
        conf_rev: 2,
        address: MulticastAddress {
            mac: [0x01, 0x0C, 0xCD, 0x01, 0x00, 0x01],
            app_id: 0x1000,
            vlan_id: 5,
            vlan_priority: 4,
            min_time_ms: Some(4),
            max_time_ms: Some(100),
        },
        members: vec![MmsValue::Boolean(false), MmsValue::Float32(0.0)],
    }
}

fn utc() -> [u8; 8] {
    utc_octets(scada::UtcTime::from_ms(1_790_000_000_000))
}

fn message(event: Option<Event>) -> Message {
    match event {
        Some(Event::Message(m)) => m,
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn a_change_is_sent_at_once_and_again_ever_more_slowly() {
    let start = Instant::now();
    let mut publisher = Publisher::new(settings(), OURS, utc(), start);
    let mut receiver = Subscriber::new(settings());
    let mut times = Vec::new();
    let mut heard = Vec::new();
    let mut now = start;
    while now < start + Duration::from_millis(500) {
        if now == start + Duration::from_millis(300) {
            assert!(publisher.change(vec![MmsValue::Boolean(true), MmsValue::Float32(2.5)], utc(), now));
            // The same again is no change.
            assert!(publisher.change(vec![MmsValue::Boolean(true), MmsValue::Float32(2.5)], utc(), now));
        }
        if let Some(frame) = publisher.poll(now) {
            times.push((now - start).as_millis());
            heard.push(message(receiver.accept(&frame, now)));
        }
        assert!(receiver.is_alive(now), "it is never taken for dead while it is sent");
        now += Duration::from_millis(1);
    }
    // Waits of 4, 8, 16, 32, 64, 100, 100 ms after each state.
    assert_eq!(times, [0, 4, 12, 28, 60, 124, 224, 300, 304, 312, 328, 360, 424]);
    let numbers: Vec<(u32, u32)> = heard.iter().map(|m| (m.state, m.sequence)).collect();
    assert_eq!(numbers[..8], [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 0)]);
    assert!(heard.iter().all(|m| m.lost == 0 && !m.restarted) && heard[7].changed && !heard[8].changed);
    assert_eq!(heard[7].values, [MmsValue::Boolean(true), MmsValue::Float32(2.5)]);
    assert!(!publisher.change(vec![MmsValue::Boolean(true)], utc(), now), "one member is missing");
    assert!(!publisher.change(vec![MmsValue::Float32(1.0), MmsValue::Float32(2.5)], utc(), now), "of another type");
}

#[test]
fn silence_loss_copies_and_restarts_are_told() {
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let mut publisher = Publisher::new(settings(), OURS, utc(), start);
    let mut receiver = Subscriber::new(settings());
    let first = publisher.poll(at(0)).unwrap();
    assert!(receiver.accept(&first, at(0)).is_some());
    assert_eq!(receiver.accept(&first, at(1)), None, "a copy");
    let _lost = publisher.poll(at(4)).unwrap();
    assert_eq!(message(receiver.accept(&publisher.poll(at(12)).unwrap(), at(12))).lost, 1);
    // Two changes that never arrive.
    for v in [1.0, 2.0] {
        publisher.change(vec![MmsValue::Boolean(true), MmsValue::Float32(v)], utc(), at(13));
        publisher.poll(at(13)).unwrap();
    }
    publisher.change(vec![MmsValue::Boolean(true), MmsValue::Float32(3.0)], utc(), at(14));
    let now = message(receiver.accept(&publisher.poll(at(14)).unwrap(), at(14)));
    assert_eq!((now.state, now.lost, now.changed), (4, 2, true));
    assert_eq!(
        receiver.accept(&first, at(15)),
        Some(Event::Message(Message { restarted: true, ..message(Subscriber::new(settings()).accept(&first, at(15))) }))
    );
    // It was sent with 20 ms to live.
    assert_eq!(receiver.tick(at(34)), None);
    assert_eq!(receiver.tick(at(36)), Some(Event::Stale));
    assert_eq!(receiver.tick(at(37)), None, "told once");
    assert!(!receiver.is_alive(at(37)));
    let mut again = Publisher::new(settings(), OURS, utc(), at(40));
    let back = message(receiver.accept(&again.poll(at(40)).unwrap(), at(40)));
    assert!(back.restarted && receiver.is_alive(at(41)));
}

#[test]
fn what_is_not_expected_is_refused_with_its_reason() {
    let now = Instant::now();
    let fault = |change: &dyn Fn(&mut GooseSettings)| {
        let mut theirs = settings();
        change(&mut theirs);
        let frame = Publisher::new(theirs, OURS, utc(), now).poll(now).unwrap();
        match Subscriber::new(settings()).accept(&frame, now) {
            Some(Event::Fault(fault)) => Some(fault),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(&|s| s.conf_rev = 3), Some(Fault::Revision { found: 3, expected: 2 }));
    assert!(matches!(fault(&|s| s.data_set = "X".into()), Some(Fault::DataSet { .. })));
    assert!(matches!(fault(&|s| s.go_id = "X".into()), Some(Fault::Identifier { .. })));
    assert_eq!(fault(&|s| s.members = vec![MmsValue::Boolean(false)]), Some(Fault::Members { found: 1, expected: 2 }));
    assert!(matches!(
        fault(&|s| s.members[1] = MmsValue::Boolean(false)),
        Some(Fault::Kind { position: 1, found: "Boolean", expected: "Float32" })
    ));
    // Meant for somebody else.
    assert_eq!(fault(&|s| s.address.mac[5] = 9), None);
    assert_eq!(fault(&|s| s.address.app_id = 9), None);
    assert_eq!(fault(&|s| s.control_block = "X".into()), None);
    let mut simulated = Publisher::new(settings(), OURS, utc(), now);
    simulated.simulation = true;
    let frame = simulated.poll(now).unwrap();
    let mut receiver = Subscriber::new(settings());
    assert_eq!(receiver.accept(&frame, now), Some(Event::Fault(Fault::Simulated)));
    receiver.simulation = true;
    assert!(message(receiver.accept(&frame, now)).simulated);
    // Cut off at every length, and with every octet spoilt: a fault or nothing, never a panic.
    let frame = Publisher::new(settings(), OURS, utc(), now).poll(now).unwrap();
    for length in 0..frame.len() {
        assert!(
            !matches!(Subscriber::new(settings()).accept(&frame[..length], now), Some(Event::Message(_))),
            "{length} octets were taken for a message"
        );
    }
    for i in 0..frame.len() {
        for bits in [0x01, 0x80, 0xFF] {
            let mut spoilt = frame.clone();
            spoilt[i] ^= bits;
            let _ = Subscriber::new(settings()).accept(&spoilt, now);
        }
    }
}

#[test]
fn settings_come_out_of_a_configuration() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/scada/scl/bay/model.scd");
    let scl = scl::read(&std::fs::read(path).unwrap(), "model.scd").0.unwrap();
    let found = GooseSettings::of(&scl, "BCU", "CTRL/LLN0.trip").unwrap();
    assert_eq!((found.control_block.as_str(), found.data_set.as_str()), ("BCUCTRL/LLN0$GO$trip", "BCUCTRL/LLN0$state"));
    assert_eq!((found.go_id.as_str(), found.conf_rev), ("trip of Q01", 2));
    assert_eq!(found.members.len(), 4);
    // TotW [MX] is a structure of mag, q and t.
    assert!(matches!(&found.members[3], MmsValue::Structure(parts) if parts.len() == 3), "{found:?}");
    assert!(GooseSettings::of(&scl, "BCU", "CTRL/LLN0.nobody").is_err());
}

#[test]
fn an_interface_that_is_not_there_is_told() {
    match Wire::open("nobody0", &[]) {
        Err(WireError::NoInterface { interface }) => assert_eq!(interface, "nobody0"),
        Err(e @ WireError::NotPermitted { .. }) => assert!(e.to_string().contains("CAP_NET_RAW")),
        other => panic!("{:?}", other.err()),
    }
}

/// Runs one of the tests below in a network of its own, with two ends of a wire.
fn on_a_wire(test: &str) {
    let Some(_) = peers() else { return };
    let script = "ip link add va type veth peer name vb && ip link set va up && ip link set vb up && exec \"$0\" --ignored --exact --nocapture \"$1\"";
    let output = Command::new("unshare")
        .args(["-rn", "bash", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env("GRIDTWIN_ON_A_WIRE", "1")
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn libiec61850_hears_our_goose_and_we_hear_its() {
    on_a_wire("both_ways_on_a_wire");
}

#[test]
#[ignore = "runs within a network of its own, by the test above"]
fn both_ways_on_a_wire() {
    assert!(std::env::var_os("GRIDTWIN_ON_A_WIRE").is_some(), "not within the network that the test above makes");
    let python = peers().expect("the peers");
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("goose.pcap");
    let mut shark = Command::new("tshark")
        .args(["-q", "-i", "vb", "-f", "ether multicast", "-w"])
        .arg(&capture)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("tshark");
    let begun = Instant::now();
    while !capture.exists() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    // Ours to theirs.
    let mut peer = Peer::start(&python, "goose.py", &["listen", "vb"]);
    peer.until("ready");
    std::thread::sleep(Duration::from_millis(200));
    let wire = Wire::open("va", &[]).expect("the wire");
    let publisher = Publisher::new(settings(), wire.mac, utc_octets_now(), Instant::now());
    let publishing = publish(wire, publisher);
    let first = peer.until("message 1 ");
    assert!(first.ends_with(" 1 2 false 0"), "{first}");
    assert!(publishing.change(vec![MmsValue::Boolean(true), MmsValue::Float32(12.5)]));
    assert_eq!(peer.until("message 2 "), "message 2 0 1 2 true 12.5");
    assert_eq!(peer.until("message 2 "), "message 2 1 1 2 true 12.5");
    std::thread::sleep(Duration::from_millis(300));
    let sent = publishing.stop().expect("it sent");
    peer.say("quit");
    peer.ended();
    // Theirs to ours.
    let wire = Wire::open("vb", &[settings().address.mac]).expect("the wire");
    let listening = listen(wire, vec![Subscriber::new(settings())]);
    let mut peer = Peer::start(&python, "goose.py", &["publish", "va"]);
    peer.until("ready");
    let next = || listening.events.recv_timeout(Duration::from_secs(5)).expect("an event").1;
    peer.say("1 3.25");
    let heard = message(Some(next()));
    assert_eq!((heard.values, heard.lost), (vec![MmsValue::Boolean(true), MmsValue::Float32(3.25)], 0));
    peer.say("0 -1");
    let heard = message(Some(next()));
    assert_eq!((heard.values.clone(), heard.lost, heard.changed), (vec![MmsValue::Boolean(false), MmsValue::Float32(-1.0)], 0, true));
    assert!(!heard.simulated && heard.time_to_live == Duration::from_millis(500));
    // Then it falls silent.
    assert_eq!(next(), Event::Stale);
    listening.stop().expect("it listened");
    peer.say("quit");
    peer.ended();
    std::thread::sleep(Duration::from_millis(500));
    Command::new("kill").args(["-INT", &shark.id().to_string()]).status().unwrap();
    shark.wait().unwrap();
    let count = |filter: &str| {
        let output = Command::new("tshark")
            .args(["-r"])
            .arg(&capture)
            .args(["-Y", filter, "-T", "fields", "-e", "frame.number"])
            .output()
            .expect("tshark");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    assert_eq!(count("_ws.malformed"), 0);
    assert_eq!(count("goose && goose.goID == \"peer\"") as u64, sent + 6);
    assert_eq!(count("goose && vlan.id == 5 && vlan.priority == 4") as u64, sent + 6);
    assert!(sent > 8, "{sent}");
}
