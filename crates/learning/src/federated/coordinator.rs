//! The coordinator's side, without wire, clock or file: events and the time in, messages out.
//!
//! ```text
//! gathering ─► keys ─► shares ─► masked ─► agreement ─► revealed ─► judged ─► released, or rolled back ─► gathering ...
//!         └──► update (without masks) ────────────────────────────┘
//! ```
//!
//! At each step the coordinator waits for all sites of the step before, until its time is up; then it goes on with those that answered, if they are as many
//! as the threshold, and else begins the round again as another attempt. A site that is gone for longer than the grace is not waited for. There is no state in
//! which it waits for ever without saying for whom: [`Coordinator::waiting_for`].
//!
//! The whole coordinator is a value that serde can carry. Save it after every event and before the messages go out; one that is read back goes on at the same
//! step, and repeats to each site that returns what it may have missed.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::accountant;
use super::average::{Averaging, Score};
use super::coding::{Coding, CodingError};
use super::digest::Digest;
use super::federation::{Aggregation, Federation, FederationFault, Site};
use super::fixed;
use super::masks::{self, Agreement, Opening, Revealed, SealedShares, SignedKeys, Terms};
use super::message::{Body, Message, Refusal, Release, Traffic};
use super::robust::{self, Poison};
use super::secret::Entropy;
use super::site::{Judgement, Model, Question};
use super::trees::{Absorbed, Growing};

/// How the coordinator runs rounds. None of it weakens what protects a site.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// How many rounds that change the model.
    pub rounds: u64,
    /// How long to wait for the rest of the roster once enough are there, ms.
    pub gather_ms: u64,
    /// How long local training may take, ms.
    pub train_ms: u64,
    /// How long each exchange of the masks may take, ms.
    pub exchange_ms: u64,
    /// How long judging may take, ms.
    pub judge_ms: u64,
    /// How long a site that lost its connection is waited for, ms.
    pub grace_ms: u64,
    /// Attempts at one round before the federation halts.
    pub attempts: u32,
    /// A candidate whose mean loss on held-out rows is above this many times the one before is rolled back: 1.05 for five per cent.
    pub worsening: f64,
    /// Rounds rolled back one after another before the federation halts.
    pub rollbacks: u32,
    /// How many models the registry keeps whole; of older ones it keeps the record.
    pub keep: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 50,
            gather_ms: 10_000,
            train_ms: 600_000,
            exchange_ms: 60_000,
            judge_ms: 120_000,
            grace_ms: 15_000,
            attempts: 5,
            worsening: 1.1,
            rollbacks: 3,
            keep: 5,
        }
    }
}

/// A version of the global model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Counts up from 0.
    pub version: u64,
    /// The round that made it.
    pub round: u64,
    /// SHA-256 of the model.
    pub sha256: Digest,
    /// Names of the sites in the sum.
    pub sites: Vec<String>,
    /// Rows behind it; the number of sites under differential privacy.
    pub weight: f64,
    /// The one before, on the held-out rows of all that judged, by rows.
    pub before: Option<Score>,
    /// This one, on the same rows.
    pub after: Option<Score>,
    /// Mean over sites of how their own models do on their own held-out rows, by rows.
    pub alone: Option<Score>,
    /// Each site's judgement.
    pub judgements: Vec<(String, Judgement)>,
    /// Epsilon spent until then.
    pub epsilon: Option<f64>,
    /// The model, of the last few.
    pub model: Option<Model>,
}

/// What people should hear of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// A site did not answer in time, or was gone.
    Missing {
        /// Its name.
        site: String,
        /// At which step.
        step: Step,
    },
    /// A site sat the attempt out.
    Declined {
        /// Its name.
        site: String,
        /// Why.
        refusal: Refusal,
    },
    /// What a site sent is not what the step asks for, and was dropped.
    Refused {
        /// Its name.
        site: String,
        /// What is wrong.
        reason: String,
    },
    /// A single update was left out.
    Poisoned {
        /// Whose.
        site: String,
        /// Why.
        poison: Poison,
    },
    /// The sum is not one that sites within the bounds can give; under masks nobody can say whose fault it is.
    SumRefused {
        /// What is wrong.
        reason: String,
    },
    /// The candidate did worse on held-out rows and was dropped.
    RolledBack {
        /// Loss of the model before.
        before: f64,
        /// Loss of the candidate.
        after: f64,
    },
    /// The attempt ended without a sum.
    Abandoned {
        /// At which step.
        step: Step,
        /// How many answered.
        present: usize,
        /// How many are needed.
        threshold: u8,
    },
    /// A site came for the first time after the first round.
    JoinedLate {
        /// Its name.
        site: String,
    },
    /// A site that the trees at hand are of was missing: they stay with fewer levels of questions.
    TreesShortened {
        /// Levels they have.
        levels: usize,
    },
    /// A version was released.
    Released {
        /// Which.
        version: u64,
    },
    /// The coordinator was read back from its saved state.
    Resumed,
    /// There will be no more rounds.
    Ended {
        /// Why.
        reason: String,
    },
}

/// A notice with its round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The round.
    pub round: u64,
    /// The attempt.
    pub attempt: u32,
    /// What happened.
    pub notice: Notice,
}

/// A step of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Sites train, then send an update or keys.
    Answers,
    /// Boxes with shares.
    Shares,
    /// Vectors under masks.
    Masked,
    /// Signatures under the set of survivors.
    Agreement,
    /// Shares that open the sum.
    Revealed,
    /// Judgements of the candidate.
    Judged,
}

/// What is trained, and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Training {
    /// A model of parameters that are averaged.
    Average(Averaging),
    /// Trees that are grown from sums. They have as many rounds as they need, whatever the options say.
    Trees(Box<Growing>),
}

impl From<Averaging> for Training {
    fn from(averaging: Averaging) -> Self {
        Self::Average(averaging)
    }
}

impl From<Growing> for Training {
    fn from(growing: Growing) -> Self {
        Self::Trees(Box::new(growing))
    }
}

impl Training {
    /// What the sites are asked.
    pub fn question(&self) -> Question {
        match self {
            Self::Average(averaging) => averaging.question(),
            Self::Trees(growing) => growing.question(),
        }
    }

    /// The model that sites are to judge, or that counts when none is waiting.
    fn model(&self) -> Model {
        match self {
            Self::Average(averaging) => Model::Parameters(averaging.parameters().to_vec()),
            Self::Trees(growing) => Model::Trees(Box::new(growing.candidate())),
        }
    }

    /// The sites without which what is at hand does not go on; any when there is none.
    fn cohort(&self) -> Option<&BTreeSet<Site>> {
        match self {
            Self::Average(_) => None,
            Self::Trees(growing) => growing.cohort(),
        }
    }

    /// The state after a mean or a sum, and what it led to.
    fn after(&self, values: &[f64], weight: f64, sites: &BTreeSet<Site>) -> Result<(Self, Absorbed), String> {
        match self {
            Self::Average(averaging) => Ok((Self::Average(averaging.after(values)), Absorbed::Ready)),
            Self::Trees(growing) => growing.after(values, weight, sites).map(|(next, absorbed)| (next.into(), absorbed)),
        }
    }
}

/// A mean update that was applied, before the sites have judged it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Candidate {
    training: Training,
    sites: Vec<Site>,
    weight: f64,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Attempt {
    step: Step,
    terms: Terms,
    question: Question,
    /// Who is asked at the step at hand.
    expected: BTreeSet<Site>,
    /// Who was asked at the first step.
    asked: BTreeSet<Site>,
    /// Who said that it does not take part any more.
    declined: BTreeSet<Site>,
    keys: BTreeMap<Site, SignedKeys>,
    boxes: BTreeMap<Site, Vec<SealedShares>>,
    masked: BTreeMap<Site, Vec<u64>>,
    agreements: BTreeMap<Site, Agreement>,
    revealed: BTreeMap<Site, Revealed>,
    updates: BTreeMap<Site, (Vec<f64>, u64)>,
    judgements: BTreeMap<Site, Judgement>,
    candidate: Option<Candidate>,
}

/// The step that a reply of a site belongs to.
fn step_of(body: &Body) -> Option<Step> {
    match body {
        Body::Update { .. } | Body::Keys(_) => Some(Step::Answers),
        Body::Shares(_) => Some(Step::Shares),
        Body::Masked(_) => Some(Step::Masked),
        Body::Agreed(_) => Some(Step::Agreement),
        Body::Revealed(_) => Some(Step::Revealed),
        Body::Judged(_) => Some(Step::Judged),
        _ => None,
    }
}

impl Attempt {
    fn has(&self, site: Site) -> bool {
        match self.step {
            Step::Answers => self.keys.contains_key(&site) || self.updates.contains_key(&site),
            Step::Shares => self.boxes.contains_key(&site),
            Step::Masked => self.masked.contains_key(&site),
            Step::Agreement => self.agreements.contains_key(&site),
            Step::Revealed => self.revealed.contains_key(&site),
            Step::Judged => self.judgements.contains_key(&site),
        }
    }

    fn answered(&self) -> BTreeSet<Site> {
        self.expected.iter().copied().filter(|&site| self.has(site)).collect()
    }
}

/// What the coordinator is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Gathering,
    Running(Box<Attempt>),
    Finished,
    Halted { reason: String },
}

/// Where it is, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting until enough sites are there.
    Gathering,
    /// At this step of a round.
    Running {
        /// The round.
        round: u64,
        /// The attempt.
        attempt: u32,
        /// The step.
        step: Step,
    },
    /// All rounds are done, or the privacy budget is.
    Finished,
    /// Something has to be looked at by people; [`Coordinator::go_on`] goes on.
    Halted {
        /// What.
        reason: String,
    },
}

/// How a site stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Has not come yet.
    Never,
    /// Was there, and is not now.
    Away,
    /// Is there; nothing is asked of it.
    Waiting,
    /// Was asked at the step at hand, and has not answered.
    Training,
    /// Has answered the step at hand.
    Uploaded,
    /// Was asked in the attempt at hand and did not answer in time, or has lost its connection.
    Late,
    /// Declined, or what it sent was refused.
    Refused,
}

/// A site's connection.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Link {
    connected: bool,
    greeted: bool,
    since_ms: u64,
}

/// What happens to a coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A site opened a connection (and will greet).
    Connected(Site),
    /// It is gone.
    Disconnected(Site),
    /// It sent a message.
    Received(Site, Message),
    /// Time has passed.
    Tick,
}

/// A message for a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// To whom.
    pub to: Site,
    /// What.
    pub message: Message,
}

/// Why there is no coordinator.
#[derive(Debug, Error)]
pub enum CoordinatorError {
    /// The document.
    #[error("the document of the federation has faults: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Federation {
        /// All of them.
        faults: Vec<FederationFault>,
    },
    /// Numbers of the document that do not go together.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// An option.
    #[error("{name} is {value}; it has to be {range}")]
    Option {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
}

/// The coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Coordinator {
    federation: Federation,
    options: Options,
    training: Training,
    versions: Vec<Version>,
    /// Rounds that were begun; the number of the one at hand.
    round: u64,
    attempt: u32,
    /// Rounds that ended with a judgement.
    done: u64,
    rollbacks: u32,
    /// Sums that were opened, or may have been.
    opened: u64,
    state: State,
    seen: BTreeSet<Site>,
    traffic: Traffic,
    entries: Vec<Entry>,
    /// Rows behind the last sum.
    rows: f64,
    links: BTreeMap<Site, Link>,
    deadline_ms: Option<u64>,
}

impl Coordinator {
    /// A federation's beginning.
    ///
    /// # Errors
    ///
    /// `Federation` with all faults of the document, `Coding`, `Option`.
    pub fn new(federation: Federation, options: Options, training: impl Into<Training>) -> Result<Self, CoordinatorError> {
        let training = training.into();
        let faults = federation.faults();
        if !faults.is_empty() {
            return Err(CoordinatorError::Federation { faults });
        }
        training.question().coding(&federation)?;
        let option = |name, value: f64, range, fits: bool| if fits { Ok(()) } else { Err(CoordinatorError::Option { name, value, range }) };
        option("attempts", f64::from(options.attempts), "1 or more", options.attempts > 0)?;
        option("rollbacks", f64::from(options.rollbacks), "1 or more", options.rollbacks > 0)?;
        option("keep", options.keep as f64, "1 or more", options.keep > 0)?;
        option("worsening", options.worsening, "1 or more and finite", options.worsening >= 1.0 && options.worsening.is_finite())?;
        let model = training.model();
        let first = Version {
            version: 0,
            round: 0,
            sha256: model.digest(),
            sites: Vec::new(),
            weight: 0.0,
            before: None,
            after: None,
            alone: None,
            judgements: Vec::new(),
            epsilon: None,
            model: Some(model),
        };
        Ok(Self {
            federation,
            options,
            training,
            versions: vec![first],
            round: 0,
            attempt: 0,
            done: 0,
            rollbacks: 0,
            opened: 0,
            state: State::Gathering,
            seen: BTreeSet::new(),
            traffic: Traffic::default(),
            entries: Vec::new(),
            rows: 0.0,
            links: BTreeMap::new(),
            deadline_ms: None,
        })
    }

    /// Goes on after it was read back from its saved state: no site is connected, and the step at hand has its whole time again.
    pub fn resume(&mut self, now_ms: u64) {
        self.note(Notice::Resumed);
        self.links.clear();
        self.set_deadline(now_ms);
        if let State::Running(attempt) = &self.state {
            // All are given the grace to come back.
            self.links = attempt.expected.iter().map(|&s| (s, Link { connected: false, greeted: false, since_ms: now_ms })).collect();
        }
    }

    /// Goes on after a halt that people have looked at.
    pub fn go_on(&mut self, now_ms: u64) {
        if let State::Halted { .. } = self.state {
            self.attempt = 0;
            self.rollbacks = 0;
            self.state = State::Gathering;
            self.set_deadline(now_ms);
        }
    }

    /// The federation.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// All versions of the model, the last being the one that counts.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Everything that happened, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What left each site and what came to it.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The global parameters that count; none of trees.
    pub fn parameters(&self) -> &[f64] {
        match &self.training {
            Training::Average(averaging) => averaging.parameters(),
            Training::Trees(_) => &[],
        }
    }

    /// What is trained, and how far it is.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// How it runs rounds.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Rounds that ended with a judgement.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The round that was begun last, and the attempt at it.
    pub fn round(&self) -> (u64, u32) {
        (self.round, self.attempt)
    }

    /// How each site stands, in the order of the roster.
    pub fn standings(&self) -> Vec<Standing> {
        self.federation.sites().map(|site| self.standing(site)).collect()
    }

    fn standing(&self, site: Site) -> Standing {
        let away = !self.present(site);
        match &self.state {
            State::Running(attempt) if attempt.declined.contains(&site) => Standing::Refused,
            State::Running(attempt) if attempt.expected.contains(&site) && attempt.has(site) => Standing::Uploaded,
            State::Running(attempt) if attempt.expected.contains(&site) => {
                if away {
                    Standing::Late
                } else {
                    Standing::Training
                }
            }
            // It was asked in this attempt and has fallen out of it.
            State::Running(attempt) if attempt.asked.contains(&site) => Standing::Late,
            _ if away && self.seen.contains(&site) => Standing::Away,
            _ if away => Standing::Never,
            _ => Standing::Waiting,
        }
    }

    /// Where it is.
    pub fn status(&self) -> Status {
        match &self.state {
            State::Gathering => Status::Gathering,
            State::Running(attempt) => Status::Running { round: self.round, attempt: self.attempt, step: attempt.step },
            State::Finished => Status::Finished,
            State::Halted { reason } => Status::Halted { reason: reason.clone() },
        }
    }

    /// The sites without which it does not go on at once, by name.
    pub fn waiting_for(&self) -> Vec<String> {
        let name = |site: Site| self.federation.name_of(site).to_owned();
        match &self.state {
            State::Gathering => {
                let needed = |s: &Site| self.training.cohort().is_none_or(|cohort| cohort.contains(s));
                self.federation.sites().filter(needed).filter(|s| !self.present(*s)).map(name).collect()
            }
            State::Running(attempt) => attempt.expected.iter().copied().filter(|&s| !attempt.has(s)).map(name).collect(),
            State::Finished | State::Halted { .. } => Vec::new(),
        }
    }

    /// When a [`Event::Tick`] is due at the latest.
    pub fn deadline_ms(&self) -> Option<u64> {
        let gone = self.links.values().filter(|l| !l.connected).map(|l| l.since_ms + self.options.grace_ms);
        match &self.state {
            State::Running(_) => self.deadline_ms.into_iter().chain(gone).min(),
            State::Gathering => self.deadline_ms,
            State::Finished | State::Halted { .. } => None,
        }
    }

    /// Epsilon after so many opened sums; `None` without noise.
    fn epsilon_after(&self, opened: u64) -> Option<f64> {
        let privacy = self.federation.privacy?;
        Some(accountant::epsilon_after(opened, privacy.noise_multiplier, privacy.delta).unwrap_or(f64::INFINITY))
    }

    /// Epsilon spent: what the sums opened so far tell of any one site at most.
    pub fn epsilon(&self) -> Option<f64> {
        self.epsilon_after(self.opened)
    }

    fn present(&self, site: Site) -> bool {
        self.links.get(&site).is_some_and(|l| l.connected && l.greeted)
    }

    fn note(&mut self, notice: Notice) {
        self.entries.push(Entry { round: self.round, attempt: self.attempt, notice });
    }

    fn name(&self, site: Site) -> String {
        self.federation.name_of(site).to_owned()
    }

    fn threshold(&self) -> usize {
        usize::from(self.federation.threshold)
    }

    fn set_deadline(&mut self, now_ms: u64) {
        let options = &self.options;
        self.deadline_ms = match &self.state {
            State::Gathering => Some(now_ms + options.gather_ms),
            State::Running(attempt) => Some(
                now_ms
                    + match attempt.step {
                        Step::Answers => options.train_ms,
                        Step::Judged => options.judge_ms,
                        _ => options.exchange_ms,
                    },
            ),
            State::Finished | State::Halted { .. } => None,
        };
    }

    /// Takes an event at a time in milliseconds of any clock that does not go back; gives what is to be sent, once this coordinator is saved.
    pub fn handle(&mut self, now_ms: u64, event: Event) -> Vec<Outgoing> {
        let mut out = Vec::new();
        match event {
            Event::Connected(site) => {
                self.links.insert(site, Link { connected: true, greeted: false, since_ms: now_ms });
            }
            Event::Disconnected(site) => {
                self.links.insert(site, Link { connected: false, greeted: false, since_ms: now_ms });
            }
            Event::Received(site, message) => {
                if self.federation.member(site).is_some() {
                    self.traffic.add(site, true, message.body.kind(), message.bytes().len());
                    self.receive(now_ms, site, message, &mut out);
                }
            }
            Event::Tick => {}
        }
        self.advance(now_ms, &mut out);
        for outgoing in &out {
            self.traffic.add(outgoing.to, false, outgoing.message.body.kind(), outgoing.message.bytes().len());
        }
        out
    }

    fn outside(to: Site, body: Body) -> Outgoing {
        Outgoing { to, message: Message { round: 0, attempt: 0, body } }
    }

    fn release(&self) -> Option<Release> {
        let last = self.versions.last()?;
        Some(Release { version: last.version, round: last.round, sha256: last.sha256, model: last.model.clone()? })
    }

    fn receive(&mut self, now_ms: u64, site: Site, message: Message, out: &mut Vec<Outgoing>) {
        if let Body::Hello { federation, version } = message.body {
            return self.greet(now_ms, site, federation, version, out);
        }
        let here = (message.round, message.attempt) == (self.round, self.attempt);
        let State::Running(attempt) = &mut self.state else { return };
        // A reply that comes after its step is over, or a second time, changes nothing.
        let over = step_of(&message.body).is_some_and(|step| step < attempt.step);
        if !here || over || !attempt.expected.contains(&site) || attempt.has(site) || attempt.declined.contains(&site) {
            return;
        }
        let terms = attempt.terms;
        let refused = match (attempt.step, message.body) {
            (_, Body::Declined(refusal)) => {
                attempt.declined.insert(site);
                let name = self.name(site);
                return self.note(Notice::Declined { site: name, refusal });
            }
            (Step::Answers, Body::Keys(keys)) if self.federation.aggregation == Aggregation::Masked && keys.site == site => {
                match masks::check_keys(&self.federation, &terms, &keys) {
                    Ok(()) => attempt.keys.insert(site, keys).map(|_| String::new()),
                    Err(e) => Some(e.to_string()),
                }
            }
            (Step::Answers, Body::Update { values, weight }) if self.federation.aggregation == Aggregation::Open => {
                attempt.updates.insert(site, (values, weight));
                None
            }
            (Step::Shares, Body::Shares(boxes)) => {
                let to: BTreeSet<Site> = boxes.iter().map(|b| b.to).collect();
                let others: BTreeSet<Site> = attempt.keys.keys().copied().filter(|s| *s != site).collect();
                if boxes.iter().all(|b| b.from == site) && to == others && boxes.len() == to.len() {
                    attempt.boxes.insert(site, boxes);
                    None
                } else {
                    Some("its boxes are not one for every other site".to_owned())
                }
            }
            (Step::Masked, Body::Masked(words)) => {
                if words.len() == terms.length as usize {
                    attempt.masked.insert(site, words);
                    None
                } else {
                    Some(format!("{} words where {} were agreed", words.len(), terms.length))
                }
            }
            (Step::Agreement, Body::Agreed(agreement)) if agreement.site == site => {
                let survivors = attempt.masked.keys().copied().collect();
                match masks::check_agreement(&self.federation, &terms, &survivors, &agreement) {
                    Ok(()) => attempt.agreements.insert(site, agreement).map(|_| String::new()),
                    Err(e) => Some(e.to_string()),
                }
            }
            (Step::Revealed, Body::Revealed(revealed)) => {
                attempt.revealed.insert(site, revealed);
                None
            }
            (Step::Judged, Body::Judged(judgement)) => {
                let sound = |s: &Score| s.loss.is_finite() && s.accuracy.is_finite() && s.examples > 0;
                if sound(&judgement.before) && sound(&judgement.after) && judgement.alone.as_ref().is_none_or(sound) {
                    attempt.judgements.insert(site, judgement);
                    None
                } else {
                    Some("its judgement is not made of numbers".to_owned())
                }
            }
            (step, body) => Some(format!("\"{}\" is not what the step {step:?} asks for", body.kind())),
        };
        if let Some(reason) = refused {
            attempt.declined.insert(site);
            let site = self.name(site);
            self.note(Notice::Refused { site, reason });
        }
    }

    fn greet(&mut self, now_ms: u64, site: Site, federation: Digest, version: Option<u64>, out: &mut Vec<Outgoing>) {
        if federation != self.federation.digest() {
            let reason = format!("the document of the federation is another one: {federation} there, {} here", self.federation.digest());
            let name = self.name(site);
            self.note(Notice::Refused { site: name, reason: reason.clone() });
            out.push(Self::outside(site, Body::Goodbye { reason }));
            return;
        }
        self.links.insert(site, Link { connected: true, greeted: true, since_ms: now_ms });
        if self.seen.insert(site) && self.done > 0 {
            let name = self.name(site);
            self.note(Notice::JoinedLate { site: name });
        }
        if let Some(release) = self.release().filter(|r| version != Some(r.version)) {
            out.push(Self::outside(site, Body::Release(release)));
        }
        match &self.state {
            State::Running(attempt) if attempt.expected.contains(&site) && !attempt.has(site) && !attempt.declined.contains(&site) => {
                if let Some(outgoing) = self.request(attempt, site) {
                    out.push(outgoing);
                }
            }
            State::Finished => out.push(Self::outside(site, Body::Finished)),
            _ => {}
        }
    }

    /// What a site is asked at the step at hand.
    fn request(&self, attempt: &Attempt, site: Site) -> Option<Outgoing> {
        let body = match attempt.step {
            Step::Answers => Body::Ask { terms: attempt.terms, question: attempt.question.clone() },
            Step::Shares => Body::AllKeys(attempt.keys.values().cloned().collect()),
            Step::Masked => Body::Boxes(attempt.boxes.values().flatten().filter(|b| b.to == site).cloned().collect()),
            Step::Agreement => Body::Survivors(attempt.masked.keys().copied().collect()),
            Step::Revealed => Body::Agreements(attempt.agreements.values().cloned().collect()),
            Step::Judged => Body::Candidate(attempt.candidate.as_ref()?.training.model()),
        };
        Some(Outgoing { to: site, message: Message { round: self.round, attempt: self.attempt, body } })
    }

    fn enter(&mut self, now_ms: u64, mut attempt: Box<Attempt>, step: Step, expected: BTreeSet<Site>, out: &mut Vec<Outgoing>) {
        attempt.step = step;
        attempt.expected = expected;
        out.extend(attempt.expected.iter().filter(|s| self.present(**s)).filter_map(|&s| self.request(&attempt, s)));
        self.state = State::Running(attempt);
        self.set_deadline(now_ms);
    }

    /// Goes as far as it can without another answer.
    fn advance(&mut self, now_ms: u64, out: &mut Vec<Outgoing>) {
        loop {
            let late = self.deadline_ms.is_some_and(|deadline| now_ms >= deadline);
            match std::mem::replace(&mut self.state, State::Gathering) {
                State::Gathering => {
                    let present: BTreeSet<Site> = self.federation.sites().filter(|s| self.present(*s)).collect();
                    let all = match self.training.cohort() {
                        Some(cohort) => cohort.is_subset(&present),
                        None => present.len() == self.federation.members.len(),
                    };
                    if !(all || late && present.len() >= self.threshold()) {
                        if self.deadline_ms.is_none() || late {
                            self.set_deadline(now_ms);
                        }
                        return;
                    }
                    if !self.begin(now_ms, present, out) {
                        return;
                    }
                }
                State::Running(attempt) => {
                    let away = |site: &Site| {
                        let gone = |l: &Link| !l.connected && now_ms >= l.since_ms + self.options.grace_ms;
                        attempt.declined.contains(site) || self.links.get(site).is_none_or(gone)
                    };
                    let answered = attempt.answered();
                    let open = attempt.expected.iter().any(|s| !answered.contains(s) && !away(s));
                    if open && !late {
                        self.state = State::Running(attempt);
                        return;
                    }
                    let missing: Vec<Site> =
                        attempt.expected.iter().copied().filter(|s| !answered.contains(s) && !attempt.declined.contains(s)).collect();
                    for site in missing {
                        let (site, step) = (self.name(site), attempt.step);
                        self.note(Notice::Missing { site, step });
                    }
                    // A candidate may be judged by few; to make one takes the threshold.
                    let needed = if attempt.step == Step::Judged { 1 } else { self.threshold() };
                    if answered.len() < needed {
                        self.abandon(now_ms, attempt.step, answered.len());
                    } else {
                        self.next_step(now_ms, attempt, answered, out);
                    }
                }
                state @ (State::Finished | State::Halted { .. }) => {
                    self.state = state;
                    return;
                }
            }
        }
    }

    /// Begins an attempt; `false` when the federation has come to its end instead.
    fn begin(&mut self, now_ms: u64, present: BTreeSet<Site>, out: &mut Vec<Outgoing>) -> bool {
        match &self.training {
            Training::Average(_) if self.done >= self.options.rounds => {
                self.end(format!("all {} rounds are done", self.options.rounds), out);
                return false;
            }
            Training::Trees(growing) if growing.done() => {
                let grown = growing.trees();
                let why = if grown >= growing.plan().trees as usize { "as many as planned" } else { "another one would gain nothing" };
                self.end(format!("{grown} trees a class are grown, {why}"), out);
                return false;
            }
            _ => {}
        }
        // A tree is of one set of sites: without one of them it stays as it is.
        if self.training.cohort().is_some_and(|cohort| !cohort.is_subset(&present))
            && let Training::Trees(growing) = &mut self.training
            && let Some(levels) = growing.shorten()
        {
            self.note(Notice::TreesShortened { levels });
        }
        let present = match self.training.cohort() {
            Some(cohort) => cohort.clone(),
            None => present,
        };
        if let (Some(privacy), Some(next)) = (self.federation.privacy, self.epsilon_after(self.opened + 1))
            && next > privacy.epsilon_limit
        {
            self.end(format!("one more round would bring epsilon to {next:.3}, the limit is {}", privacy.epsilon_limit), out);
            return false;
        }
        if self.attempt == 0 {
            self.round += 1;
        }
        self.attempt += 1;
        let question = self.training.question();
        let terms = Terms {
            federation: self.federation.digest(),
            round: self.round,
            attempt: self.attempt,
            question: Digest::of_value(&question),
            length: Coding::length(question.values()),
        };
        let attempt = Attempt {
            step: Step::Answers,
            terms,
            question,
            expected: BTreeSet::new(),
            asked: present.clone(),
            declined: BTreeSet::new(),
            keys: BTreeMap::new(),
            boxes: BTreeMap::new(),
            masked: BTreeMap::new(),
            agreements: BTreeMap::new(),
            revealed: BTreeMap::new(),
            updates: BTreeMap::new(),
            judgements: BTreeMap::new(),
            candidate: None,
        };
        if let Training::Trees(growing) = &self.training
            && growing.ready()
        {
            // Trees that were cut short between two sums are the last of a version.
            let rows = self.rows;
            let sites = present.iter().copied().collect();
            let candidate = Candidate { training: self.training.clone(), sites, weight: rows };
            self.judge(now_ms, Box::new(attempt), candidate, out);
            return true;
        }
        self.enter(now_ms, Box::new(attempt), Step::Answers, present, out);
        true
    }

    fn end(&mut self, reason: String, out: &mut Vec<Outgoing>) {
        self.note(Notice::Ended { reason });
        self.state = State::Finished;
        self.deadline_ms = None;
        let present: Vec<Site> = self.federation.sites().filter(|s| self.present(*s)).collect();
        out.extend(present.into_iter().map(|site| Self::outside(site, Body::Finished)));
    }

    fn halt(&mut self, reason: String) {
        self.note(Notice::Ended { reason: reason.clone() });
        self.state = State::Halted { reason };
        self.deadline_ms = None;
    }

    fn abandon(&mut self, now_ms: u64, step: Step, present: usize) {
        self.note(Notice::Abandoned { step, present, threshold: self.federation.threshold });
        if self.attempt >= self.options.attempts {
            return self.halt(format!("round {} failed {} times, the last time at the step {step:?}", self.round, self.attempt));
        }
        self.state = State::Gathering;
        self.set_deadline(now_ms);
    }

    fn next_step(&mut self, now_ms: u64, mut attempt: Box<Attempt>, answered: BTreeSet<Site>, out: &mut Vec<Outgoing>) {
        let step = attempt.step;
        // Who answered one step is asked at the next; at the masks nobody comes back.
        match step {
            Step::Answers if self.federation.aggregation == Aggregation::Open => match self.open_mean(&attempt) {
                Some((candidate, absorbed)) => self.summed(now_ms, attempt, candidate, &absorbed, out),
                None => self.abandon(now_ms, step, 0),
            },
            Step::Answers => self.enter(now_ms, attempt, Step::Shares, answered, out),
            Step::Shares => self.enter(now_ms, attempt, Step::Masked, answered, out),
            Step::Masked => self.enter(now_ms, attempt, Step::Agreement, answered, out),
            Step::Agreement => {
                // From here on the sum may be opened by whoever has the shares: it counts as opened.
                self.opened += 1;
                self.enter(now_ms, attempt, Step::Revealed, answered, out);
            }
            Step::Revealed => match self.masked_mean(&attempt) {
                Ok((candidate, absorbed)) => self.summed(now_ms, attempt, candidate, &absorbed, out),
                Err(reason) => {
                    self.note(Notice::SumRefused { reason });
                    self.abandon(now_ms, step, answered.len());
                }
            },
            Step::Judged => {
                let Some(candidate) = attempt.candidate.take() else { return self.abandon(now_ms, step, 0) };
                self.decide(now_ms, &attempt, candidate, out);
            }
        }
    }

    /// A sum is applied: on to the next one, or to the judgement.
    fn summed(&mut self, now_ms: u64, attempt: Box<Attempt>, candidate: Candidate, absorbed: &Absorbed, out: &mut Vec<Outgoing>) {
        self.rows = candidate.weight;
        if let Absorbed::Shortened { levels } = absorbed {
            self.note(Notice::TreesShortened { levels: *levels });
        }
        let ready = match &candidate.training {
            Training::Average(_) => true,
            Training::Trees(growing) => growing.ready(),
        };
        if ready {
            return self.judge(now_ms, attempt, candidate, out);
        }
        self.training = candidate.training;
        self.attempt = 0;
        self.state = State::Gathering;
        // The next sum does not wait for sites that were missing in this one, but for those of its tree.
        let waits = self.training.cohort().is_some_and(|cohort| cohort.iter().any(|s| !self.present(*s)));
        self.deadline_ms = Some(if waits { now_ms + self.options.grace_ms } else { now_ms });
    }

    fn judge(&mut self, now_ms: u64, mut attempt: Box<Attempt>, candidate: Candidate, out: &mut Vec<Outgoing>) {
        attempt.candidate = Some(candidate);
        // A site that joined meanwhile, or dropped out of the sum, can judge as well as the others.
        attempt.declined.clear();
        let judges: BTreeSet<Site> = self.federation.sites().filter(|s| self.present(*s)).collect();
        self.enter(now_ms, attempt, Step::Judged, judges, out);
    }

    fn masked_mean(&self, attempt: &Attempt) -> Result<(Candidate, Absorbed), String> {
        let keys = attempt.keys.iter().map(|(site, signed)| (*site, signed.keys)).collect();
        let shared = attempt.boxes.keys().copied().collect();
        let opening = Opening {
            terms: &attempt.terms,
            threshold: self.federation.threshold,
            keys: &keys,
            shared: &shared,
            masked: &attempt.masked,
            revealed: &attempt.revealed,
        };
        let sum = masks::open_sum(opening).map_err(|e| e.to_string())?;
        let coding = attempt.question.coding(&self.federation).map_err(|e| e.to_string())?;
        let mean = coding.decode(&sum, attempt.masked.len() as u32).map_err(|e| e.to_string())?;
        self.candidate(&mean.values, mean.weight, attempt.masked.keys().copied().collect())
    }

    fn candidate(&self, values: &[f64], weight: f64, sites: BTreeSet<Site>) -> Result<(Candidate, Absorbed), String> {
        let (training, absorbed) = self.training.after(values, weight, &sites)?;
        Ok((Candidate { training, sites: sites.into_iter().collect(), weight }, absorbed))
    }

    /// The sum of rows as sent in the clear; one that was not agreed upon is left out.
    fn open_sum(&mut self, attempt: &Attempt) -> Option<(Candidate, Absorbed)> {
        let coding = attempt.question.coding(&self.federation).ok()?;
        let mut sum = vec![0; attempt.terms.length as usize];
        let mut sites = BTreeSet::new();
        for (&site, (values, weight)) in &attempt.updates {
            // The words of sums are made without chance.
            let words = match coding.encode(values, *weight, &mut Entropy::new(&[0; 32])) {
                Ok((words, _)) if words.len() == sum.len() => words,
                Ok(_) => {
                    let (site, reason) = (self.name(site), format!("{} numbers where {} were asked for", values.len(), sum.len() - 1));
                    self.note(Notice::Refused { site, reason });
                    continue;
                }
                Err(e) => {
                    let site = self.name(site);
                    self.note(Notice::Refused { site, reason: e.to_string() });
                    continue;
                }
            };
            fixed::add(&mut sum, &fixed::words(&words));
            sites.insert(site);
        }
        if sites.len() < self.threshold() {
            return None;
        }
        let opened = coding.decode(&sum, sites.len() as u32).map_err(|e| e.to_string());
        match opened.and_then(|mean| self.candidate(&mean.values, mean.weight, sites)) {
            Ok(candidate) => Some(candidate),
            Err(reason) => {
                self.note(Notice::SumRefused { reason });
                None
            }
        }
    }

    fn open_mean(&mut self, attempt: &Attempt) -> Option<(Candidate, Absorbed)> {
        if let Question::Trees(_) = attempt.question {
            return self.open_sum(attempt);
        }
        let length = attempt.question.values();
        let updates: Vec<(Site, &[f64])> = attempt.updates.iter().map(|(site, (values, _))| (*site, values.as_slice())).collect();
        let poisoned = robust::poisoned(&updates, length, self.federation.clip_norm);
        for &(site, poison) in &poisoned {
            let site = self.name(site);
            self.note(Notice::Poisoned { site, poison });
        }
        let sound: Vec<(Site, &[f64], f64)> = attempt
            .updates
            .iter()
            .filter(|(site, _)| poisoned.iter().all(|(p, _)| p != *site))
            .map(|(site, (values, weight))| (*site, values.as_slice(), (*weight as f64).clamp(1.0, self.federation.weight_limit)))
            .collect();
        if sound.len() < self.threshold() {
            return None;
        }
        let weight: f64 = sound.iter().map(|(_, _, w)| w).sum();
        let mut mean = vec![0.0; length];
        for (_, values, w) in &sound {
            mean.iter_mut().zip(*values).for_each(|(m, v)| *m += v * w / weight);
        }
        let sites = sound.iter().map(|(s, _, _)| *s).collect();
        self.candidate(&mean, weight, sites).ok()
    }

    /// Releases the candidate, or rolls it back.
    fn decide(&mut self, now_ms: u64, attempt: &Attempt, candidate: Candidate, out: &mut Vec<Outgoing>) {
        let judgements: Vec<Judgement> = attempt.judgements.values().copied().collect();
        let before = pooled(judgements.iter().map(|j| Some(j.before)));
        let after = pooled(judgements.iter().map(|j| Some(j.after)));
        let alone = pooled(judgements.iter().map(|j| j.alone));
        self.done += 1;
        self.state = State::Gathering;
        // The next round does not wait for sites that were missing in this one.
        self.deadline_ms = Some(now_ms);
        if let (Some(before), Some(after)) = (before, after)
            && after.loss > self.options.worsening * before.loss
        {
            self.note(Notice::RolledBack { before: before.loss, after: after.loss });
            self.attempt = 0;
            match &mut self.training {
                Training::Average(averaging) => *averaging = averaging.at_rest(),
                // The same rows would grow the same trees again.
                Training::Trees(growing) => {
                    growing.reject();
                    return self.end(format!("more trees did worse on held-out rows: a loss of {} after {}", after.loss, before.loss), out);
                }
            }
            self.rollbacks += 1;
            if self.rollbacks >= self.options.rollbacks {
                self.halt(format!("{} rounds one after another made the model worse", self.rollbacks));
            }
            return;
        }
        self.rollbacks = 0;
        self.training = candidate.training;
        if let Training::Trees(growing) = &mut self.training {
            growing.accept();
        }
        let model = self.training.model();
        let version = self.versions.last().map_or(0, |v| v.version + 1);
        let record = Version {
            version,
            round: self.round,
            sha256: model.digest(),
            sites: candidate.sites.iter().map(|s| self.name(*s)).collect(),
            weight: candidate.weight,
            before,
            after,
            alone,
            judgements: attempt.judgements.iter().map(|(s, j)| (self.name(*s), *j)).collect(),
            epsilon: self.epsilon(),
            model: Some(model),
        };
        self.versions.push(record);
        let old = self.versions.len().saturating_sub(self.options.keep);
        self.versions[..old].iter_mut().for_each(|v| v.model = None);
        self.note(Notice::Released { version });
        self.attempt = 0;
        if let Some(release) = self.release() {
            let present: Vec<Site> = self.federation.sites().filter(|s| self.present(*s)).collect();
            out.extend(present.into_iter().map(|site| Self::outside(site, Body::Release(release.clone()))));
        }
    }
}

/// Scores over the rows of all sites; `None` when a site has none or there is no site.
fn pooled(scores: impl Iterator<Item = Option<Score>>) -> Option<Score> {
    let scores: Vec<Score> = scores.collect::<Option<_>>()?;
    let examples: u64 = scores.iter().map(|s| s.examples).sum();
    let mean = |of: fn(&Score) -> f64| scores.iter().map(|s| of(s) * s.examples as f64).sum::<f64>() / examples as f64;
    (examples > 0).then(|| Score { examples, loss: mean(|s| s.loss), accuracy: mean(|s| s.accuracy) })
}

#[cfg(test)]
mod tests;
