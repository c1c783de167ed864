//! Five sites and a coordinator in one room: every message passes through the hands of the test.

use std::collections::VecDeque;

use super::super::average::{Averageable, AveragingSite, LocalPlan};
use super::super::federation::{Member, Privacy};
use super::super::identity::Identity;
use super::super::identity::tests::identity;
use super::super::linear::{Examples, LinearRegression};
use super::super::participant::{Memory, Participant, SiteNotice};
use super::super::site::{SiteError, SiteModel, Update};
use super::*;
use crate::matrix::Matrix;

const SITES: usize = 5;

/// What a site does with an update of its own before it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Honest,
    /// Turned round and as long as allowed.
    Harmful,
    NotANumber,
}

/// A site whose rows lie on y = 1 + 2a - 3b, in a corner of their own.
#[derive(Clone)]
struct TestSite {
    inner: AveragingSite<LinearRegression>,
    mood: Mood,
}

impl SiteModel for TestSite {
    fn update(&mut self, federation: &Federation, me: Site, round: u64, question: &Question) -> Result<Update, SiteError> {
        let mut update = self.inner.update(federation, me, round, question)?;
        match self.mood {
            Mood::Honest => {}
            Mood::Harmful => update.values.iter_mut().for_each(|v| *v *= -1e6),
            Mood::NotANumber => update.values[0] = f64::NAN,
        }
        Ok(update)
    }

    fn judge(&mut self, candidate: &Model) -> Result<Judgement, SiteError> {
        self.inner.judge(candidate)
    }

    fn release(&mut self, model: &Model) -> Result<(), SiteError> {
        self.inner.release(model)
    }
}

fn rows(site: usize, purpose: u64) -> Examples {
    let mut random = studies::synthetic::random::Random::new(1, purpose, site as u64);
    let mut features = Matrix::new(2);
    let mut target = Vec::new();
    // Sites of different size.
    for _ in 0..20 + 10 * site {
        let (a, b) = (random.between(0.0, 0.5) + site as f64 * 0.2, random.between(-1.0, 1.0));
        features.push(&[a, b]);
        target.push(1.0 + 2.0 * a - 3.0 * b);
    }
    Examples::new(features, target).unwrap()
}

fn local() -> LocalPlan {
    LocalPlan { epochs: 2, batch: 10, learning_rate: 0.1, proximal: 0.0, seed: 5 }
}

struct Room {
    coordinator: Coordinator,
    identities: Vec<Identity>,
    sites: Vec<Option<Participant<TestSite>>>,
    to_coordinator: VecDeque<(Site, Message)>,
    now_ms: u64,
    /// The coordinator is saved and read back after each event.
    restarts: bool,
    /// Each message comes twice.
    doubled: bool,
    /// A site that is lost when it is told this, or when it says this.
    lose: Vec<(u8, &'static str)>,
    /// All that passed: kind and site, whether it left the site.
    passed: Vec<(Site, bool, &'static str)>,
}

impl Room {
    fn new(aggregation: Aggregation, privacy: Option<Privacy>, rounds: u64) -> Self {
        let identities: Vec<Identity> = (0..SITES).map(|i| identity(&format!("site{i}"), &rcgen::PKCS_ED25519)).collect();
        let federation = Federation {
            name: "room".to_owned(),
            coordinator_sha256: Digest::of(b"coordinator"),
            members: identities
                .iter()
                .enumerate()
                .map(|(i, id)| Member { name: format!("site{i}"), certificate_sha256: id.digest() })
                .collect(),
            threshold: 3,
            aggregation,
            clip_norm: 5.0,
            weight_limit: 1000.0,
            privacy,
        };
        let options = Options { rounds, attempts: 3, rollbacks: 2, keep: 2, ..Options::default() };
        let averaging = Averaging::new(vec![0.0; 3], local(), 1.0, 0.0).unwrap();
        let coordinator = Coordinator::new(federation, options, averaging).unwrap();
        let mut room = Self {
            coordinator,
            identities,
            sites: (0..SITES).map(|_| None).collect(),
            to_coordinator: VecDeque::new(),
            now_ms: 0,
            restarts: false,
            doubled: false,
            lose: Vec::new(),
            passed: Vec::new(),
        };
        (0..SITES).for_each(|i| room.sites[i] = Some(room.participant(i, Mood::Honest, Memory::default())));
        room
    }

    fn participant(&self, site: usize, mood: Mood, memory: Memory) -> Participant<TestSite> {
        let inner = AveragingSite::new(LinearRegression::new(2), rows(site, 2), rows(site, 3), None);
        let seed = Digest::of(format!("{site} {mood:?} {memory:?} {}", self.now_ms).as_bytes()).0;
        Participant::new(self.coordinator.federation.clone(), self.identities[site].clone(), TestSite { inner, mood }, &seed, memory)
            .unwrap()
    }

    fn handle(&mut self, event: Event) {
        let mut outgoing = self.coordinator.handle(self.now_ms, event.clone());
        if self.doubled
            && let Event::Received(..) = event
        {
            outgoing.extend(self.coordinator.handle(self.now_ms, event));
        }
        if self.restarts {
            let saved = serde_json::to_string(&self.coordinator).unwrap();
            self.coordinator = serde_json::from_str(&saved).unwrap();
            self.coordinator.resume(self.now_ms);
            // The messages were not sent; the sites come back and are told again.
            self.to_coordinator.clear();
            for site in 0..SITES {
                self.greet(site);
            }
            return;
        }
        self.deliver(outgoing);
    }

    fn greet(&mut self, site: usize) {
        if let Some(participant) = &mut self.sites[site] {
            let hello = participant.hello();
            let outgoing = self.coordinator.handle(self.now_ms, Event::Connected(Site(site as u8)));
            self.deliver(outgoing);
            let outgoing = self.coordinator.handle(self.now_ms, Event::Received(Site(site as u8), hello));
            self.deliver(outgoing);
        }
    }

    fn lost(&mut self, site: Site, kind: &'static str) -> bool {
        if !self.lose.contains(&(site.0, kind)) {
            return false;
        }
        self.sites[site.index()] = None;
        true
    }

    fn deliver(&mut self, outgoing: Vec<Outgoing>) {
        for Outgoing { to, message } in outgoing {
            let kind = message.body.kind();
            self.passed.push((to, false, kind));
            if self.lost(to, kind) {
                continue;
            }
            let Some(participant) = &mut self.sites[to.index()] else { continue };
            // As the wire would carry it.
            let message = Message::read(&message.bytes()).unwrap();
            let reply = participant.receive(&message);
            if self.doubled {
                assert_eq!(participant.receive(&message), reply, "the same message, another reply");
            }
            if let Some(reply) = reply {
                self.passed.push((to, true, reply.body.kind()));
                if !self.lost(to, reply.body.kind()) {
                    self.to_coordinator.push_back((to, reply));
                }
            }
        }
    }

    /// Until nothing moves any more, time included.
    fn run(&mut self) {
        for site in 0..SITES {
            self.greet(site);
        }
        for _ in 0..100_000 {
            let gone: Vec<Site> =
                self.coordinator.links.iter().filter(|(s, l)| l.connected && self.sites[s.index()].is_none()).map(|(s, _)| *s).collect();
            for site in gone {
                self.handle(Event::Disconnected(site));
            }
            if let Some((site, message)) = self.to_coordinator.pop_front() {
                self.handle(Event::Received(site, message));
                continue;
            }
            match self.coordinator.status() {
                Status::Finished | Status::Halted { .. } => return,
                Status::Gathering if self.sites.iter().flatten().count() < 3 => return,
                _ => {}
            }
            self.now_ms = self.coordinator.deadline_ms().expect("it waits for a time").max(self.now_ms);
            self.handle(Event::Tick);
        }
        panic!("it goes on for ever: {:?}", self.coordinator.status());
    }

    fn notices(&self) -> Vec<&Notice> {
        self.coordinator.entries.iter().map(|e| &e.notice).collect()
    }
}

/// The same training in one place, by sums in plain numbers.
fn in_one_place(rounds: u64, who: &[usize]) -> Vec<f64> {
    let mut global = vec![0.0; 3];
    for round in 1..=rounds {
        let (mut sum, mut weight) = ([0.0; 3], 0.0);
        for &site in who {
            let data = rows(site, 2);
            let mut model = LinearRegression::new(2);
            model.set_parameters(&global).unwrap();
            model.local_train(&data, &local(), 5 ^ round << 8 ^ site as u64).unwrap();
            let n = data.target().len() as f64;
            weight += n;
            sum.iter_mut().zip(model.parameters().iter().zip(&global)).for_each(|(s, (new, old))| *s += n * (new - old));
        }
        global.iter_mut().zip(sum).for_each(|(g, s)| *g += s / weight);
    }
    global
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8)
}

#[test]
fn under_masks_and_without_the_model_is_that_of_plain_sums() {
    for aggregation in [Aggregation::Masked, Aggregation::Open] {
        let mut room = Room::new(aggregation, None, 8);
        room.run();
        assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.notices());
        assert!(near(room.coordinator.parameters(), &in_one_place(8, &[0, 1, 2, 3, 4])), "{aggregation:?}");
        let last = room.coordinator.versions().last().unwrap();
        assert_eq!((last.version, last.round, last.weight), (8, 8, 200.0));
        assert_eq!(last.sites.len(), 5);
        assert!(last.after.unwrap().loss < last.before.unwrap().loss);
        assert_eq!(last.sha256, last.model.as_ref().unwrap().digest());
        // Older ones keep their record only.
        assert!(room.coordinator.versions()[..7].iter().all(|v| v.model.is_none()));
        for participant in room.sites.iter().flatten() {
            assert_eq!(participant.memory().release.as_ref().unwrap().sha256, last.sha256);
            assert_eq!(participant.memory().contributions, 8);
            // Both ends count the same bytes, whichever way they went.
            let site = participant.site();
            assert_eq!(participant.memory().traffic.bytes_left(site), room.coordinator.traffic().bytes_left(site));
        }
        // What leaves a site is of known kinds; an update in the clear only without masks.
        let left: BTreeSet<&str> = room.coordinator.traffic().rows().iter().filter(|r| r.left_site).map(|r| r.kind.as_str()).collect();
        let masked = BTreeSet::from(["hello", "keys", "shares", "masked", "agreed", "revealed", "judged"]);
        assert_eq!(left, if aggregation == Aggregation::Masked { masked } else { BTreeSet::from(["hello", "update", "judged"]) });
    }
}

#[test]
fn two_of_five_drop_out_at_any_step_and_the_round_ends_with_the_rest() {
    for kind in ["ask", "keys", "all_keys", "shares", "boxes", "masked"] {
        let mut room = Room::new(Aggregation::Masked, None, 3);
        room.lose = vec![(1, kind), (3, kind)];
        room.run();
        assert_eq!(room.coordinator.status(), Status::Finished, "{kind}: {:?}", room.notices());
        assert!(near(room.coordinator.parameters(), &in_one_place(3, &[0, 2, 4])), "{kind}");
        assert!(room.coordinator.entries.iter().all(|e| e.attempt <= 1), "{kind}: no attempt was lost");
        let missing: Vec<&Notice> = room
            .notices()
            .into_iter()
            .filter(|n| matches!(n, Notice::Missing { site, .. } if site == "site1" || site == "site3"))
            .collect();
        assert_eq!(missing.len(), 2, "{kind}: {:?}", room.notices());
        assert_eq!(room.coordinator.versions().last().unwrap().sites, ["site0", "site2", "site4"]);
    }
    // Whose vectors had come before they dropped out still count.
    for kind in ["survivors", "agreed", "agreements", "revealed"] {
        let mut room = Room::new(Aggregation::Masked, None, 1);
        room.lose = vec![(1, kind), (3, kind)];
        room.run();
        assert!(near(room.coordinator.parameters(), &in_one_place(1, &[0, 1, 2, 3, 4])), "{kind}");
    }
}

#[test]
fn with_three_of_five_lost_it_says_so_and_goes_on_when_one_is_back() {
    let mut room = Room::new(Aggregation::Masked, None, 2);
    room.lose = vec![(0, "boxes"), (1, "boxes"), (2, "boxes")];
    room.run();
    assert_eq!(room.coordinator.status(), Status::Gathering);
    assert_eq!(room.coordinator.waiting_for(), ["site0", "site1", "site2"]);
    assert!(
        room.notices().iter().any(|n| matches!(n, Notice::Abandoned { step: Step::Masked, present: 2, threshold: 3 })),
        "{:?}",
        room.notices()
    );
    room.lose.clear();
    room.sites[2] = Some(room.participant(2, Mood::Honest, Memory::default()));
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.notices());
    assert!(near(room.coordinator.parameters(), &in_one_place(2, &[2, 3, 4])));
}

#[test]
fn a_coordinator_killed_after_every_event_ends_with_the_same_model() {
    let mut room = Room::new(Aggregation::Masked, None, 3);
    room.restarts = true;
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.notices());
    assert!(room.notices().iter().filter(|n| ***n == Notice::Resumed).count() > 50);
    assert!(near(room.coordinator.parameters(), &in_one_place(3, &[0, 1, 2, 3, 4])));
    assert!(room.coordinator.entries.iter().all(|e| e.attempt <= 1), "no attempt was lost");
    // No site trained a round twice.
    assert!(room.sites.iter().flatten().all(|p| p.memory().contributions == 3));
}

#[test]
fn messages_that_come_twice_change_nothing() {
    let mut room = Room::new(Aggregation::Masked, None, 3);
    room.doubled = true;
    room.run();
    assert!(near(room.coordinator.parameters(), &in_one_place(3, &[0, 1, 2, 3, 4])));
    assert!(room.sites.iter().flatten().all(|p| p.memory().contributions == 3));
}

#[test]
fn a_site_that_joins_late_gets_the_model_and_takes_part() {
    let mut room = Room::new(Aggregation::Masked, None, 2);
    let late = room.sites[4].take();
    room.run();
    assert!(near(room.coordinator.parameters(), &in_one_place(2, &[0, 1, 2, 3])));
    room.coordinator.options.rounds = 3;
    room.coordinator.state = State::Gathering;
    room.coordinator.set_deadline(room.now_ms);
    room.sites[4] = late;
    room.run();
    assert!(room.notices().contains(&&Notice::JoinedLate { site: "site4".to_owned() }));
    assert_eq!(room.coordinator.versions().last().unwrap().sites.len(), 5);
    let release = room.sites[4].as_ref().unwrap().memory().release.clone().unwrap();
    assert_eq!(release.version, 3);
}

#[test]
fn a_site_restarted_in_a_round_sits_it_out_and_is_in_the_next() {
    let mut room = Room::new(Aggregation::Masked, None, 1);
    room.run();
    // A coordinator that asks the same round again, as a lying one would, gets nothing.
    let memory = room.sites[0].as_ref().unwrap().memory().clone();
    assert_eq!(memory.last, Some((1, 1)));
    let mut again = room.participant(0, Mood::Honest, memory);
    let question = Averaging::new(vec![0.0; 3], local(), 1.0, 0.0).unwrap().question();
    let terms = |round, attempt, question: &Question| Terms {
        federation: room.coordinator.federation.digest(),
        round,
        attempt,
        question: Digest::of_value(question),
        length: 4,
    };
    let ask = |terms: Terms| Message { round: terms.round, attempt: terms.attempt, body: Body::Ask { terms, question: question.clone() } };
    let mut answer = |message: &Message| again.receive(message).unwrap().body;
    assert_eq!(answer(&ask(terms(1, 1, &question))), Body::Declined(Refusal::Stale));
    assert_eq!(answer(&ask(terms(0, 9, &question))), Body::Declined(Refusal::Stale));
    // Terms that lie about federation, question or length.
    let other = Averaging::new(vec![1.0; 3], local(), 1.0, 0.0).unwrap().question();
    assert_eq!(answer(&ask(terms(1, 2, &other))), Body::Declined(Refusal::Terms));
    assert_eq!(answer(&ask(Terms { length: 3, ..terms(1, 2, &question) })), Body::Declined(Refusal::Terms));
    assert_eq!(answer(&ask(Terms { federation: Digest::of(b"x"), ..terms(1, 2, &question) })), Body::Declined(Refusal::Terms));
    assert!(matches!(answer(&ask(terms(1, 2, &question))), Body::Keys(_)));
    // Another question in the same attempt is not answered at all, the same one as before.
    let changed = Message { body: Body::Ask { terms: terms(1, 2, &other), question: other.clone() }, ..ask(terms(1, 2, &question)) };
    assert_eq!(again.receive(&changed), None);
    let stray = Message { round: 1, attempt: 2, body: Body::Boxes(Vec::new()) };
    assert_eq!(again.receive(&stray).unwrap().body, Body::Declined(Refusal::Masks));
    assert!(again.take_notices().iter().all(|n| matches!(n, SiteNotice::Declined { .. } | SiteNotice::Released { .. })));
}

#[test]
fn a_poisoned_update_is_reported_and_left_out_where_updates_are_seen() {
    let mut room = Room::new(Aggregation::Open, None, 3);
    room.sites[2] = Some(room.participant(2, Mood::Harmful, Memory::default()));
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished);
    let reported = room.notices().iter().filter(|n| matches!(n, Notice::Poisoned { site, .. } if site == "site2")).count();
    assert_eq!(reported, 3, "{:?}", room.notices());
    assert!(near(room.coordinator.parameters(), &in_one_place(3, &[0, 1, 3, 4])));
}

#[test]
fn under_masks_harm_is_rolled_back_and_the_federation_halts() {
    let mut room = Room::new(Aggregation::Masked, None, 6);
    for site in [3, 4] {
        room.sites[site] = Some(room.participant(site, Mood::Harmful, Memory::default()));
    }
    room.run();
    let rolled = room.notices().iter().filter(|n| matches!(n, Notice::RolledBack { before, after } if after > before)).count();
    assert_eq!(rolled, 2, "{:?}", room.notices());
    assert!(matches!(room.coordinator.status(), Status::Halted { .. }));
    assert_eq!(room.coordinator.parameters(), [0.0; 3], "the model from before the harm");
    assert_eq!(room.coordinator.versions().len(), 1);
    // Each of them is told that its update was shortened.
    assert!(room.sites[3].as_mut().unwrap().take_notices().iter().any(|n| matches!(n, SiteNotice::Clipped { .. })));
    // When people have sent the culprits away, it goes on.
    room.sites[3] = None;
    room.sites[4] = None;
    room.coordinator.go_on(room.now_ms);
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.notices());
    assert_eq!(room.coordinator.versions().last().unwrap().sites, ["site0", "site1", "site2"]);
}

#[test]
fn an_update_that_is_not_finite_does_not_leave_the_site() {
    let mut room = Room::new(Aggregation::Masked, None, 2);
    room.sites[1] = Some(room.participant(1, Mood::NotANumber, Memory::default()));
    room.run();
    assert!(near(room.coordinator.parameters(), &in_one_place(2, &[0, 2, 3, 4])));
    let declined = Notice::Declined { site: "site1".to_owned(), refusal: Refusal::Training };
    assert_eq!(room.notices().iter().filter(|n| ***n == declined).count(), 2);
    assert!(room.passed.iter().all(|(site, left, kind)| !(*left && site.0 == 1 && *kind == "masked")));
}

#[test]
fn privacy_is_spent_by_round_and_ends_the_federation() {
    let privacy = Privacy { noise_multiplier: 1.0, honest: 3, delta: 1e-5, epsilon_limit: 10.0 };
    let mut room = Room::new(Aggregation::Masked, Some(privacy), 100);
    room.coordinator.options.worsening = 1e9;
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished);
    let spent = room.coordinator.epsilon().unwrap();
    let rounds = room.coordinator.versions().len() as u64 - 1;
    assert_eq!(Ok(spent), accountant::epsilon_after(rounds, 1.0, 1e-5));
    assert!(spent <= 10.0 && accountant::epsilon_after(rounds + 1, 1.0, 1e-5).unwrap() > 10.0, "{rounds} rounds, {spent}");
    assert!(matches!(room.notices().last(), Some(Notice::Ended { reason }) if reason.contains("epsilon")));
    // A site does not take the coordinator's word for it.
    let mut memory = room.sites[0].as_ref().unwrap().memory().clone();
    assert_eq!(memory.contributions, rounds);
    memory.last = None;
    let mut site = room.participant(0, Mood::Honest, memory);
    let question = room.coordinator.training.question();
    let terms =
        Terms { federation: room.coordinator.federation.digest(), round: 50, attempt: 1, question: Digest::of_value(&question), length: 4 };
    let reply = site.receive(&Message { round: 50, attempt: 1, body: Body::Ask { terms, question } });
    assert_eq!(reply.unwrap().body, Body::Declined(Refusal::Budget));
}

#[test]
fn another_document_is_refused() {
    let mut room = Room::new(Aggregation::Masked, None, 1);
    let mut other = room.coordinator.federation.clone();
    other.threshold = 4;
    let inner = AveragingSite::new(LinearRegression::new(2), rows(0, 2), rows(0, 3), None);
    let model = TestSite { inner, mood: Mood::Honest };
    room.sites[0] = Some(Participant::new(other, room.identities[0].clone(), model, &[7; 32], Memory::default()).unwrap());
    room.run();
    let notices = room.sites[0].as_mut().unwrap().take_notices();
    assert!(matches!(notices.as_slice(), [SiteNotice::Goodbye { reason }] if reason.contains("document")), "{notices:?}");
    assert!(near(room.coordinator.parameters(), &in_one_place(1, &[1, 2, 3, 4])));
}

#[test]
fn noise_from_the_wire_is_no_message_and_never_a_panic() {
    let mut random = studies::synthetic::random::Random::new(4, 4, 4);
    let good = Message { round: 1, attempt: 1, body: Body::Masked(vec![1, 2, 3]) }.bytes();
    assert!(Message::read(&good).is_some());
    assert!(Message::read(&[good.clone(), vec![0]].concat()).is_none());
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        bytes.truncate(random.whole(0, good.len() as i32) as usize);
        for byte in &mut bytes {
            if random.chance(0.2) {
                *byte = random.whole(0, 255) as u8;
            }
        }
        let _ = Message::read(&bytes);
    }
}
