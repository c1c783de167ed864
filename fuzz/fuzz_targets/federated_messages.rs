//! Messages of a federation: any bytes are a message or none, and a coordinator that is sent what no honest site would send goes on.

#![no_main]

use std::sync::OnceLock;

use learning::federated::average::{Averaging, LocalPlan};
use learning::federated::coordinator::{Coordinator, Event, Options};
use learning::federated::digest::Digest;
use learning::federated::federation::{Aggregation, Federation, Member, Site};
use learning::federated::message::{Body, Message};
use libfuzzer_sys::fuzz_target;

fn coordinator(aggregation: Aggregation) -> Coordinator {
    let member = |i: u8| Member { name: format!("site{i}"), certificate_sha256: Digest::of(&[i]) };
    let federation = Federation {
        name: "f".to_owned(),
        coordinator_sha256: Digest::of(b"c"),
        members: (0..3).map(member).collect(),
        threshold: 2,
        aggregation,
        clip_norm: 5.0,
        weight_limit: 1000.0,
        privacy: None,
    };
    let plan = LocalPlan { epochs: 1, batch: 10, learning_rate: 0.1, proximal: 0.0, seed: 5 };
    let averaging = Averaging::new(vec![0.0; 3], plan, 1.0, 0.0).expect("a sound plan");
    let options = Options { rounds: 5, gather_ms: 10, train_ms: 10, exchange_ms: 10, judge_ms: 10, grace_ms: 10, ..Options::default() };
    let mut coordinator = Coordinator::new(federation, options, averaging).expect("a sound document");
    let federation = coordinator.federation().digest();
    let mut now_ms = 0;
    // All sites are there, and the first question is out.
    for i in 0..3 {
        now_ms += 1;
        coordinator.handle(now_ms, Event::Connected(Site(i)));
        let body = Body::Hello { federation, version: None };
        coordinator.handle(now_ms, Event::Received(Site(i), Message { round: 0, attempt: 0, body }));
    }
    coordinator
}

static COORDINATORS: OnceLock<[Coordinator; 2]> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = Message::read(bytes) {
        // Equal but for what is not a number, which equals nothing: so by its bytes.
        let again = Message::read(&message.bytes()).expect("what was a message is one");
        assert_eq!(again.bytes(), message.bytes());
    }
    // Site, length, message, again and again; time passes between them. A length that is zero lets a site go, and come back.
    for coordinator in COORDINATORS.get_or_init(|| [Aggregation::Masked, Aggregation::Open].map(coordinator)) {
        let mut coordinator = coordinator.clone();
        let mut now_ms = 100;
        let mut rest = bytes;
        while let [site, length, after @ ..] = rest {
            let site_at = Site(site % 3);
            now_ms += u64::from(site / 3);
            let (content, after) = after.split_at(usize::from(*length).min(after.len()));
            if content.is_empty() {
                coordinator.handle(now_ms, Event::Disconnected(site_at));
                coordinator.handle(now_ms, Event::Connected(site_at));
            } else if let Some(mut message) = Message::read(content) {
                // Of the round that is on: others are put aside at once.
                if site & 0x80 == 0 {
                    (message.round, message.attempt) = coordinator.round();
                }
                coordinator.handle(now_ms, Event::Received(site_at, message));
            }
            coordinator.handle(now_ms, Event::Tick);
            rest = after;
        }
        assert!(coordinator.parameters().iter().all(|p| p.is_finite()));
    }
});
