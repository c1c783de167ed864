//! A coordinator and a participant as processes: what they write down, how they come back, and what a page shows of them.
//!
//! This file opens no file. The caller gives a [`Journal`] and keeps the bytes:
//!
//! ```text
//! journal = whole  event  event  event ...        a whole coordinator, then what happened to it
//! ```
//!
//! Each event is written before it is handled, so before anything that follows from it is sent. [`Coordinator::handle`] depends on nothing but its state, the time and
//! the event: the same events lead to the same state, and [`CoordinatorNode::read`] goes through them again. An entry has its length and the first half of its
//! SHA-256 in front, so that one that was cut off by a loss of power is seen; nothing was sent of it. From time to time a whole coordinator takes the place of all
//! entries before ([`Journal::begin`]).
//!
//! A participant has its [`Memory`] kept by the caller in the same manner, and connects again by itself, at growing intervals.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::watch;

use super::average::Score;
use super::coordinator::{Coordinator, Entry, Event, Notice, Standing, Status, Training};
use super::digest::Digest;
use super::federation::{Aggregation, Privacy};
use super::participant::{Memory, Participant, SiteNotice};
use super::site::SiteModel;
use super::wire::coordinator::{Keep, serve_from};
use super::wire::participant::{Line, take_part_seen};
use super::wire::{Settings, WireError};

/// Where a coordinator's entries go.
pub trait Journal: Send {
    /// Begins anew with this entry; those before are not needed any more. Either they or this one must be there whenever the power fails: write a second file, then
    /// rename it.
    ///
    /// # Errors
    ///
    /// The coordinator then ends, and sends nothing.
    fn begin(&mut self, entry: &[u8]) -> io::Result<()>;

    /// Adds an entry; it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The coordinator then ends, and sends nothing.
    fn add(&mut self, entry: &[u8]) -> io::Result<()>;
}

/// Entries are gathered into a whole coordinator after so many bytes, and after every version.
const GATHER_BYTES: usize = 64 << 20;

/// How many notices a page shows.
const NOTICES: usize = 50;

#[derive(Serialize, Deserialize)]
enum Record {
    Whole { now_ms: u64, coordinator: Box<Coordinator> },
    Happened { now_ms: u64, event: Event },
}

/// A record that is only looked at, to be written.
#[derive(Serialize)]
enum RecordOf<'a> {
    Whole { now_ms: u64, coordinator: &'a Coordinator },
    Happened { now_ms: u64, event: &'a Event },
}

/// Bytes in front of an entry: its length, and half of its SHA-256.
const HEAD: usize = 8 + 16;

impl RecordOf<'_> {
    fn entry(&self) -> Vec<u8> {
        let content = postcard::to_allocvec(self).expect("a record is encoded in memory");
        let mut entry = (content.len() as u64).to_be_bytes().to_vec();
        entry.extend_from_slice(&Digest::of(&content).0[..16]);
        entry.extend(content);
        entry
    }
}

/// Why a journal is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JournalError {
    /// No entry at all.
    #[error("the journal is empty; begin a federation anew, or give the file of the one at hand")]
    Empty,
    /// Its first entry is not a whole coordinator.
    #[error("the journal does not begin with a whole coordinator: its first entry is spoilt, or of another version of the program")]
    Beginning,
    /// An entry amid others is spoilt: not the end of a write that was cut off.
    #[error("entry {entry}, {at} bytes from the beginning, is spoilt, and more follow; take the last good copy of the journal")]
    Spoilt {
        /// Its number from 0.
        entry: usize,
        /// Where it begins.
        at: usize,
    },
}

/// One entry from the front; `None` when it is cut off, an error when it is whole but spoilt.
fn take_entry(bytes: &[u8]) -> Option<Result<(Record, &[u8]), ()>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let length = usize::try_from(u64::from_be_bytes(head[..8].try_into().expect("eight bytes"))).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = Digest::of(content).0[..16] == head[8..];
    Some(postcard::from_bytes(content).ok().filter(|_| whole).map(|record| (record, rest)).ok_or(()))
}

/// A coordinator that is to run.
#[derive(Debug)]
pub struct CoordinatorNode {
    coordinator: Coordinator,
    now_ms: u64,
    /// Bytes at the end of the journal that were not a whole entry.
    torn: usize,
}

impl CoordinatorNode {
    /// One that begins.
    pub fn new(coordinator: Coordinator) -> Self {
        Self { coordinator, now_ms: 0, torn: 0 }
    }

    /// One that goes on, at the step at which it was.
    ///
    /// # Errors
    ///
    /// When the journal does not hold a coordinator, or is spoilt before its end.
    pub fn read(journal: &[u8]) -> Result<Self, JournalError> {
        let (mut node, read) = Self::replay(journal)?;
        node.torn = journal.len() - read;
        node.coordinator.resume(node.now_ms);
        Ok(node)
    }

    /// The coordinator as it was after the last whole entry, and how many bytes were read.
    fn replay(journal: &[u8]) -> Result<(Self, usize), JournalError> {
        if journal.is_empty() {
            return Err(JournalError::Empty);
        }
        let (mut rest, mut node) = match take_entry(journal) {
            Some(Ok((Record::Whole { now_ms, coordinator }, rest))) => (rest, Self { coordinator: *coordinator, now_ms, torn: 0 }),
            _ => return Err(JournalError::Beginning),
        };
        let mut entry = 1;
        while let Some(taken) = take_entry(rest) {
            match taken {
                Ok((record, after)) => {
                    match record {
                        Record::Whole { now_ms, coordinator } => (node.now_ms, node.coordinator) = (now_ms, *coordinator),
                        Record::Happened { now_ms, event } => {
                            node.now_ms = now_ms;
                            node.coordinator.handle(now_ms, event);
                        }
                    }
                    rest = after;
                    entry += 1;
                }
                // A spoilt entry at the very end is one that was not written wholly.
                Err(()) if rest.len() == HEAD + u64::from_be_bytes(rest[..8].try_into().expect("eight bytes")) as usize => break,
                Err(()) => return Err(JournalError::Spoilt { entry, at: journal.len() - rest.len() }),
            }
        }
        Ok((node, journal.len() - rest.len()))
    }

    /// The coordinator.
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// Goes on after a halt that people have looked at.
    pub fn go_on(&mut self) {
        self.coordinator.go_on(self.now_ms);
    }

    /// Bytes at the end of the journal that were not a whole entry, and of which nothing was sent.
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// Runs until the federation is finished or halted, or `stop` becomes true. `page` has the state of it after every event.
    ///
    /// # Errors
    ///
    /// `Save` when the journal fails, `Listen` when the socket does.
    pub async fn run(
        self,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        settings: Settings,
        journal: impl Journal,
        page: watch::Sender<FederationPage>,
        stop: watch::Receiver<bool>,
    ) -> Result<Coordinator, WireError> {
        let Self { coordinator, now_ms, .. } = self;
        let mut keeper = Keeper { journal, page, written: 0, versions: coordinator.versions().len(), now_ms };
        keeper.begin(&coordinator).map_err(WireError::Save)?;
        serve_from(now_ms, listener, tls, coordinator, settings, keeper, &mut |_, _, _| (), stop).await
    }
}

struct Keeper<J> {
    journal: J,
    page: watch::Sender<FederationPage>,
    written: usize,
    versions: usize,
    now_ms: u64,
}

impl<J: Journal> Keeper<J> {
    fn begin(&mut self, coordinator: &Coordinator) -> io::Result<()> {
        self.journal.begin(&RecordOf::Whole { now_ms: self.now_ms, coordinator }.entry())?;
        self.written = 0;
        self.versions = coordinator.versions().len();
        self.page.send_replace(FederationPage::of(coordinator));
        Ok(())
    }
}

impl<J: Journal> Keep for Keeper<J> {
    fn before(&mut self, now_ms: u64, event: &Event) -> io::Result<()> {
        self.now_ms = now_ms;
        let entry = RecordOf::Happened { now_ms, event }.entry();
        self.written += entry.len();
        self.journal.add(&entry)
    }

    fn after(&mut self, coordinator: &Coordinator) -> io::Result<()> {
        if coordinator.versions().len() != self.versions || self.written > GATHER_BYTES {
            return self.begin(coordinator);
        }
        self.page.send_replace(FederationPage::of(coordinator));
        Ok(())
    }
}

/// A participant on a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParticipantRow {
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub certificate_sha256: Digest,
    /// How it stands.
    pub standing: Standing,
    /// Versions whose sum it was in.
    pub versions: usize,
    /// Bytes it sent, before encryption.
    pub sent_bytes: u64,
    /// Bytes it was sent, before encryption.
    pub received_bytes: u64,
    /// How the model released last does on its held-out rows.
    pub global: Option<Score>,
    /// How its own model does on them.
    pub local: Option<Score>,
    /// What was last said of it that people should look at.
    pub notice: Option<Entry>,
}

/// A version on a page: one round of averaging, or some trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRow {
    /// Counts up from 0.
    pub version: u64,
    /// The round that made it.
    pub round: u64,
    /// SHA-256 of the model.
    pub sha256: Digest,
    /// Whether the coordinator still holds the model.
    pub held: bool,
    /// Who was in the sum.
    pub sites: Vec<String>,
    /// Rows behind it; the number of sites under differential privacy.
    pub weight: f64,
    /// The global model on the held-out rows of all that judged.
    pub global: Option<Score>,
    /// The version before on the same rows.
    pub before: Option<Score>,
    /// Each site's own model on its own held-out rows, by rows.
    pub local: Option<Score>,
    /// Epsilon spent until then.
    pub epsilon: Option<f64>,
}

/// A federation at one moment, for a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FederationPage {
    /// Its name.
    pub name: String,
    /// SHA-256 of its document.
    pub document_sha256: Digest,
    /// Whether the coordinator sees single updates.
    pub aggregation: Aggregation,
    /// Sites that a round needs.
    pub threshold: u8,
    /// `averaging` or `trees`.
    pub training: String,
    /// Where it is.
    pub status: Status,
    /// The sites without which it does not go on at once.
    pub waiting_for: Vec<String>,
    /// The round begun last.
    pub round: u64,
    /// The attempt at it.
    pub attempt: u32,
    /// Rounds of averaging or trees a class that are done, and planned.
    pub done: u64,
    /// See `done`.
    pub planned: u64,
    /// All sites.
    pub participants: Vec<ParticipantRow>,
    /// All versions, the last being the one that counts.
    pub versions: Vec<VersionRow>,
    /// Noise, if any.
    pub privacy: Option<Privacy>,
    /// Epsilon spent; `None` without noise.
    pub epsilon: Option<f64>,
    /// Bytes that left all sites, before encryption.
    pub sent_bytes: u64,
    /// Bytes that came to all sites, before encryption.
    pub received_bytes: u64,
    /// What happened last, oldest first.
    pub notices: Vec<Entry>,
}

/// The site that a notice is about.
fn about(notice: &Notice) -> Option<&str> {
    match notice {
        Notice::Missing { site, .. } | Notice::Declined { site, .. } | Notice::Refused { site, .. } | Notice::Poisoned { site, .. } => {
            Some(site)
        }
        _ => None,
    }
}

impl FederationPage {
    /// That of a coordinator.
    pub fn of(coordinator: &Coordinator) -> Self {
        let federation = coordinator.federation();
        let mut bytes: BTreeMap<(u8, bool), u64> = BTreeMap::new();
        for row in coordinator.traffic().rows() {
            *bytes.entry((row.site.0, row.left_site)).or_default() += row.bytes;
        }
        let total = |left: bool| bytes.iter().filter(|((_, l), _)| *l == left).map(|(_, b)| b).sum();
        let entries = coordinator.entries();
        let last = coordinator.versions().last();
        let participants = federation.sites().zip(coordinator.standings()).zip(&federation.members).map(|((site, standing), member)| {
            let judgement = last.and_then(|v| v.judgements.iter().find(|(name, _)| *name == member.name)).map(|(_, j)| *j);
            ParticipantRow {
                name: member.name.clone(),
                certificate_sha256: member.certificate_sha256,
                standing,
                versions: coordinator.versions().iter().filter(|v| v.sites.contains(&member.name)).count(),
                sent_bytes: bytes.get(&(site.0, true)).copied().unwrap_or(0),
                received_bytes: bytes.get(&(site.0, false)).copied().unwrap_or(0),
                global: judgement.map(|j| j.after),
                local: judgement.and_then(|j| j.alone),
                notice: entries.iter().rev().find(|e| about(&e.notice) == Some(member.name.as_str())).cloned(),
            }
        });
        let participants = participants.collect();
        let versions = coordinator.versions().iter().map(|v| VersionRow {
            version: v.version,
            round: v.round,
            sha256: v.sha256,
            held: v.model.is_some(),
            sites: v.sites.clone(),
            weight: v.weight,
            global: v.after,
            before: v.before,
            local: v.alone,
            epsilon: v.epsilon,
        });
        let (training, done, planned) = match coordinator.training() {
            Training::Average(_) => ("averaging", coordinator.done(), coordinator.options().rounds),
            Training::Trees(growing) => ("trees", growing.trees() as u64, u64::from(growing.plan().trees)),
        };
        let (round, attempt) = coordinator.round();
        Self {
            name: federation.name.clone(),
            document_sha256: federation.digest(),
            aggregation: federation.aggregation,
            threshold: federation.threshold,
            training: training.to_owned(),
            status: coordinator.status(),
            waiting_for: coordinator.waiting_for(),
            round,
            attempt,
            done,
            planned,
            participants,
            versions: versions.collect(),
            privacy: federation.privacy,
            epsilon: coordinator.epsilon(),
            sent_bytes: total(true),
            received_bytes: total(false),
            notices: entries[entries.len().saturating_sub(NOTICES)..].to_vec(),
        }
    }
}

/// A site at one moment, for people at the site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SitePage {
    /// Name of the federation.
    pub federation: String,
    /// Its own name there.
    pub site: String,
    /// How the line to the coordinator is.
    pub line: Line,
    /// Whether there will be no more rounds.
    pub finished: bool,
    /// The round and attempt answered last.
    pub last: Option<(u64, u32)>,
    /// How many updates it sent.
    pub contributions: u64,
    /// The version it has, and its digest.
    pub version: Option<(u64, Digest)>,
    /// Epsilon spent by its own count; `None` without noise.
    pub epsilon: Option<f64>,
    /// Bytes it sent and was sent, before encryption.
    pub sent_bytes: u64,
    /// See `sent_bytes`.
    pub received_bytes: u64,
    /// What happened last, oldest first.
    pub notices: Vec<SiteNotice>,
}

/// What a page file holds: neither kind has all keys of the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Page {
    /// A coordinator's.
    Federation(Box<FederationPage>),
    /// A participant's.
    Site(Box<SitePage>),
}

impl SitePage {
    fn take<M: SiteModel>(&mut self, participant: &mut Participant<M>, line: &Line) {
        self.notices.extend(participant.take_notices());
        self.notices.drain(..self.notices.len().saturating_sub(NOTICES));
        let memory = participant.memory();
        let bytes = |left: bool| memory.traffic.rows().iter().filter(|r| r.left_site == left).map(|r| r.bytes).sum();
        self.federation.clone_from(&participant.federation().name);
        self.site = participant.federation().name_of(participant.site()).to_owned();
        self.line.clone_from(line);
        self.finished = participant.finished();
        self.last = memory.last;
        self.contributions = memory.contributions;
        self.version = memory.release.as_ref().map(|r| (r.version, r.sha256));
        self.epsilon = participant.epsilon();
        self.sent_bytes = bytes(true);
        self.received_bytes = bytes(false);
    }
}

/// Runs a site until the federation is finished, the coordinator refuses it, or `stop` becomes true; a line that is down is tried again at growing intervals
/// ([`Settings::retry`]). `save` keeps the memory before anything that follows from it is sent; `page` has the state of the site after every change.
///
/// # Errors
///
/// `Refused`, `Impostor`, `Save`, `Model`.
pub async fn participate<M: SiteModel + Send + 'static>(
    address: impl ToSocketAddrs,
    tls: Arc<ClientConfig>,
    participant: Participant<M>,
    settings: Settings,
    save: impl FnMut(&Memory) -> io::Result<()>,
    page: watch::Sender<SitePage>,
    stop: watch::Receiver<bool>,
) -> Result<Participant<M>, WireError> {
    let seen = |participant: &mut Participant<M>, line: &Line| page.send_modify(|page| page.take(participant, line));
    take_part_seen(address, tls, participant, settings, save, seen, stop).await
}

#[cfg(test)]
mod tests {
    use super::super::average::{Averaging, LocalPlan};
    use super::super::coordinator::Options;
    use super::super::federation::{Federation, Member, Site};
    use super::super::message::{Body, Message};
    use super::*;

    fn coordinator() -> Coordinator {
        let member = |name: &str| Member { name: name.to_owned(), certificate_sha256: Digest::of(name.as_bytes()) };
        let federation = Federation {
            name: "journal".to_owned(),
            coordinator_sha256: Digest::of(b"c"),
            members: ["a", "b", "c"].map(member).to_vec(),
            threshold: 2,
            aggregation: Aggregation::Open,
            clip_norm: 1.0,
            weight_limit: 100.0,
            privacy: None,
        };
        let local = LocalPlan { epochs: 1, batch: 1, learning_rate: 0.1, proximal: 0.0, seed: 1 };
        Coordinator::new(federation, Options { rounds: 2, ..Options::default() }, Averaging::new(vec![0.0; 2], local, 1.0, 0.0).unwrap())
            .unwrap()
    }

    fn events(coordinator: &Coordinator) -> Vec<(u64, Event)> {
        let digest = coordinator.federation().digest();
        let mut events = Vec::new();
        for site in [Site(0), Site(1), Site(2)] {
            events.push((1, Event::Connected(site)));
            let hello = Message { round: 0, attempt: 0, body: Body::Hello { federation: digest, version: None } };
            events.push((2, Event::Received(site, hello)));
        }
        let update = Body::Update { values: vec![0.25, -0.125], weight: 7 };
        events.push((9, Event::Received(Site(1), Message { round: 1, attempt: 1, body: update })));
        events.push((20, Event::Disconnected(Site(2))));
        events.push((40, Event::Tick));
        events
    }

    #[test]
    fn a_journal_gives_back_what_happened_and_a_torn_end_is_left_out() {
        let mut live = coordinator();
        let mut journal = RecordOf::Whole { now_ms: 0, coordinator: &live }.entry();
        let mut ends = vec![journal.len()];
        let mut states = vec![serde_json::to_string(&live).unwrap()];
        for (now_ms, event) in events(&live) {
            journal.extend(RecordOf::Happened { now_ms, event: &event }.entry());
            live.handle(now_ms, event);
            ends.push(journal.len());
            states.push(serde_json::to_string(&live).unwrap());
        }
        // Cut off anywhere, it is as it was after the last whole entry.
        for length in ends[0]..=journal.len() {
            let whole = ends.iter().rposition(|end| *end <= length).unwrap();
            let (node, read) = CoordinatorNode::replay(&journal[..length]).unwrap();
            assert_eq!((read, serde_json::to_string(&node.coordinator).unwrap()), (ends[whole], states[whole].clone()), "{length}");
        }
        let node = CoordinatorNode::read(&journal[..journal.len() - 1]).unwrap();
        assert_eq!((node.torn(), node.now_ms), (journal.len() - 1 - ends[ends.len() - 2], 20));
        assert!(matches!(node.coordinator().entries().last().unwrap().notice, Notice::Resumed));
        // Changed bytes: at the end they are a torn write, before it they are not.
        for at in (0..journal.len()).step_by(3) {
            let mut spoilt = journal.clone();
            spoilt[at] ^= 0x10;
            match CoordinatorNode::replay(&spoilt) {
                Err(JournalError::Beginning) => assert!(at < ends[0]),
                Err(JournalError::Spoilt { entry, at: from }) => assert!(ends[entry - 1] == from && from <= at && at < ends[entry]),
                // A length that was changed to more than there is cannot be told from a torn write.
                Ok((_, read)) => assert!(read <= at, "{read} {at}"),
                Err(JournalError::Empty) => panic!("it is not empty"),
            }
        }
        assert_eq!(CoordinatorNode::read(&[]).unwrap_err(), JournalError::Empty);
        assert_eq!(CoordinatorNode::read(&journal[..10]).unwrap_err(), JournalError::Beginning);
    }

    #[test]
    fn a_page_says_how_each_site_stands() {
        let mut live = coordinator();
        for (now_ms, event) in events(&live) {
            live.handle(now_ms, event);
        }
        let page = FederationPage::of(&live);
        let standings: Vec<Standing> = page.participants.iter().map(|p| p.standing).collect();
        assert_eq!(standings, [Standing::Training, Standing::Uploaded, Standing::Late]);
        assert_eq!((page.round, page.attempt, page.done, page.planned), (1, 1, 0, 2));
        assert_eq!(page.waiting_for, ["a", "c"]);
        assert_eq!(page.sent_bytes, page.participants.iter().map(|p| p.sent_bytes).sum::<u64>());
        assert!(page.participants[1].sent_bytes > page.participants[0].sent_bytes);
        let back: FederationPage = serde_json::from_str(&serde_json::to_string(&page).unwrap()).unwrap();
        assert_eq!(back, page);
    }
}
