//! A site's side of the protocol, without wire, clock or file: a message in, at most one out.
//!
//! A site trusts the coordinator with nothing but to carry messages. It answers a round and attempt once, in the order of the steps; a request that comes
//! again gets the same reply again, another one of the same step gets none. What it must not forget is in [`Memory`], to be kept before a reply goes out:
//! without it, a site that is restarted could be asked the same round twice, and would not know how much of its privacy is spent.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::accountant;
use super::coding::{Coding, CodingError};
use super::digest::Digest;
use super::federation::{Aggregation, Federation, FederationFault, Site};
use super::identity::Identity;
use super::masks::{MaskSession, Terms};
use super::message::{Body, Message, Refusal, Release, Traffic};
use super::privacy;
use super::secret::{Entropy, Key};
use super::site::{Question, SiteModel};

/// What outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The last round and attempt that the site answered.
    pub last: Option<(u64, u32)>,
    /// How many updates it sent.
    pub contributions: u64,
    /// The model released last.
    pub release: Option<Release>,
    /// What left the site and what came.
    pub traffic: Traffic,
}

/// Why a site cannot take part.
#[derive(Debug, Error)]
pub enum ParticipantError {
    /// The document.
    #[error("the document of the federation has faults: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Federation {
        /// All of them.
        faults: Vec<FederationFault>,
    },
    /// Numbers of the document that do not go together.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// The site's certificate is not in the roster.
    #[error("the certificate {certificate} is not in the roster of the federation \"{federation}\"")]
    Stranger {
        /// SHA-256 of the own certificate.
        certificate: Digest,
        /// Name of the federation.
        federation: String,
    },
}

/// What people at the site should hear of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SiteNotice {
    /// The site sat an attempt out.
    Declined {
        /// The round.
        round: u64,
        /// Why, for the coordinator.
        refusal: Refusal,
        /// Why, in full; this stays at the site.
        reason: String,
    },
    /// The update was longer than the bound and was shortened.
    Clipped {
        /// The round.
        round: u64,
        /// Its norm before.
        norm: f64,
        /// The bound.
        bound: f64,
    },
    /// A model was released.
    Released {
        /// Its version.
        version: u64,
        /// Its digest.
        sha256: Digest,
    },
    /// A model was not what its digest says, or not for the site's model, or older than the one at hand.
    ReleaseRefused {
        /// Its version.
        version: u64,
    },
    /// The coordinator parts.
    Goodbye {
        /// Why.
        reason: String,
    },
    /// The federation came to its end.
    Finished,
}

/// One attempt of one round.
struct Session {
    round: u64,
    attempt: u32,
    masks: Option<MaskSession>,
    words: Vec<i64>,
    /// Requests by their digest, with the reply each got.
    replies: Vec<(&'static str, Digest, Message)>,
}

/// A site in a federation.
pub struct Participant<M> {
    federation: Federation,
    digest: Digest,
    identity: Identity,
    me: Site,
    model: M,
    entropy: Entropy,
    memory: Memory,
    session: Option<Session>,
    notices: Vec<SiteNotice>,
    finished: bool,
}

impl<M: SiteModel> Participant<M> {
    /// A site with its model, 32 bytes of the operating system's randomness, and what it remembers.
    ///
    /// # Errors
    ///
    /// `Federation`, `Coding`, `Stranger`.
    pub fn new(federation: Federation, identity: Identity, model: M, seed: &Key, memory: Memory) -> Result<Self, ParticipantError> {
        let faults = federation.faults();
        if !faults.is_empty() {
            return Err(ParticipantError::Federation { faults });
        }
        Coding::new(&federation)?;
        let certificate = identity.digest();
        let stranger = || ParticipantError::Stranger { certificate, federation: federation.name.clone() };
        let me = federation.site_of(certificate).ok_or_else(stranger)?;
        let digest = federation.digest();
        let mut participant = Self {
            federation,
            digest,
            identity,
            me,
            model,
            entropy: Entropy::new(seed),
            memory,
            session: None,
            notices: Vec::new(),
            finished: false,
        };
        if let Some(release) = participant.memory.release.take() {
            participant.take_release(release);
        }
        Ok(participant)
    }

    /// The site's place in the roster.
    pub fn site(&self) -> Site {
        self.me
    }

    /// The federation.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// The site's model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// What has to be kept before the reply of [`Participant::receive`] goes out.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether the coordinator said that there will be no more rounds.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// What people should hear of since the last call.
    pub fn take_notices(&mut self) -> Vec<SiteNotice> {
        std::mem::take(&mut self.notices)
    }

    /// Epsilon spent by this site's contributions so far; `None` without noise.
    pub fn epsilon(&self) -> Option<f64> {
        self.epsilon_after(self.memory.contributions)
    }

    fn epsilon_after(&self, contributions: u64) -> Option<f64> {
        let privacy = self.federation.privacy?;
        Some(accountant::epsilon_after(contributions, privacy.noise_multiplier, privacy.delta).unwrap_or(f64::INFINITY))
    }

    /// The greeting of every new connection.
    pub fn hello(&mut self) -> Message {
        let version = self.memory.release.as_ref().map(|r| r.version);
        let message = Message { round: 0, attempt: 0, body: Body::Hello { federation: self.digest, version } };
        self.memory.traffic.add(self.me, true, message.body.kind(), message.bytes().len());
        message
    }

    /// A message of the coordinator, and what is to be replied.
    pub fn receive(&mut self, message: &Message) -> Option<Message> {
        let bytes = message.bytes();
        self.memory.traffic.add(self.me, false, message.body.kind(), bytes.len());
        let reply = self.reply(message, Digest::of(&bytes))?;
        self.memory.traffic.add(self.me, true, reply.body.kind(), reply.bytes().len());
        Some(reply)
    }

    fn reply(&mut self, message: &Message, digest: Digest) -> Option<Message> {
        let (round, attempt) = (message.round, message.attempt);
        match &message.body {
            Body::Release(release) => {
                self.take_release(release.clone());
                return None;
            }
            Body::Goodbye { reason } => {
                self.notices.push(SiteNotice::Goodbye { reason: reason.clone() });
                return None;
            }
            Body::Finished => {
                self.finished = true;
                self.notices.push(SiteNotice::Finished);
                return None;
            }
            _ => {}
        }
        let kind = message.body.kind();
        let current = self.session.as_ref().filter(|s| (s.round, s.attempt) == (round, attempt));
        if let Some((_, earlier, reply)) = current.and_then(|s| s.replies.iter().find(|(k, _, _)| *k == kind)) {
            // The same request again: the same reply. Another one of the same step: none, whatever it says.
            return (*earlier == digest).then(|| reply.clone());
        }
        let is_current = current.is_some();
        let answered = match &message.body {
            Body::Ask { terms, question } => self.ask(round, attempt, terms, question),
            // A candidate may be judged by a site that was not in the round.
            Body::Candidate(model) => self.model.judge(model).map(Body::Judged).map_err(|e| (Refusal::Training, e.to_string())),
            _ if !is_current => Err((Refusal::Stale, "this attempt is not the one at hand".to_owned())),
            body => self.step(body),
        };
        let body = answered.unwrap_or_else(|(refusal, reason)| {
            self.notices.push(SiteNotice::Declined { round, refusal, reason });
            // After a refusal the secrets of the attempt are of no use; a later message of it is answered as stale.
            if let Some(session) = self.session.as_mut().filter(|s| (s.round, s.attempt) == (round, attempt)) {
                session.masks = None;
            }
            Body::Declined(refusal)
        });
        let reply = Message { round, attempt, body };
        if let Some(session) = self.session.as_mut().filter(|s| (s.round, s.attempt) == (round, attempt)) {
            session.replies.push((kind, digest, reply.clone()));
        }
        Some(reply)
    }

    fn ask(&mut self, round: u64, attempt: u32, terms: &Terms, question: &Question) -> Result<Body, (Refusal, String)> {
        if self.memory.last.is_some_and(|last| (round, attempt) <= last) {
            return Err((Refusal::Stale, format!("round {round}, attempt {attempt} was answered before, up to {:?}", self.memory.last)));
        }
        // Terms bind what is asked of all sites; how it is encoded follows from it and the document.
        let coding = question.coding(&self.federation).map_err(|e| (Refusal::Terms, e.to_string()))?;
        let length = question.values();
        let fits = terms.federation == self.digest
            && (terms.round, terms.attempt) == (round, attempt)
            && terms.question == Digest::of_value(question)
            && terms.length == Coding::length(length);
        if !fits {
            return Err((Refusal::Terms, "terms and question do not fit each other or the document".to_owned()));
        }
        let spent = self.epsilon_after(self.memory.contributions + 1);
        if let (Some(privacy), Some(spent)) = (self.federation.privacy, spent)
            && spent > privacy.epsilon_limit
        {
            return Err((Refusal::Budget, format!("epsilon would be {spent:.3}, the limit is {}", privacy.epsilon_limit)));
        }
        self.memory.last = Some((round, attempt));
        let mut session = Session { round, attempt, masks: None, words: Vec::new(), replies: Vec::new() };
        let training = |reason: String| (Refusal::Training, reason);
        let update = self.model.update(&self.federation, self.me, round, question).map_err(|e| training(e.to_string()))?;
        if update.values.len() != length {
            return Err(training(format!("an update of {} numbers where {length} are asked for", update.values.len())));
        }
        let bound = self.federation.clip_norm;
        let (words, norm) = coding.encode(&update.values, update.weight, &mut self.entropy).map_err(|e| training(e.to_string()))?;
        if norm > bound {
            self.notices.push(SiteNotice::Clipped { round, norm, bound });
        }
        let body = match self.federation.aggregation {
            Aggregation::Masked => {
                let masks = MaskSession::new(*terms, self.federation.threshold, self.me, &mut self.entropy);
                let keys = masks.keys(&self.identity).map_err(|e| (Refusal::Masks, e.to_string()))?;
                session.masks = Some(masks);
                session.words = words;
                Body::Keys(keys)
            }
            Aggregation::Open => {
                self.memory.contributions += 1;
                let mut values = update.values;
                if matches!(question, Question::Average { .. }) {
                    privacy::clip(&mut values, bound).map_err(|e| training(e.to_string()))?;
                }
                Body::Update { values, weight: update.weight }
            }
        };
        self.session = Some(session);
        Ok(body)
    }

    /// A step of the masked sum at hand.
    fn step(&mut self, body: &Body) -> Result<Body, (Refusal, String)> {
        let session = self.session.as_mut().expect("checked by the caller");
        let stale = || (Refusal::Stale, "the secrets of this attempt are gone".to_owned());
        let masks = session.masks.as_mut().ok_or_else(stale)?;
        let refused = |e: super::masks::MaskError| (Refusal::Masks, e.to_string());
        match body {
            Body::AllKeys(keys) => masks.share(&self.federation, keys, &mut self.entropy).map(Body::Shares).map_err(refused),
            Body::Boxes(boxes) => {
                let words = masks.mask(boxes, &session.words).map_err(refused)?;
                self.memory.contributions += 1;
                Ok(Body::Masked(words))
            }
            Body::Survivors(survivors) => masks.agree(survivors, &self.identity).map(Body::Agreed).map_err(refused),
            Body::Agreements(agreements) => masks.reveal(&self.federation, agreements).map(Body::Revealed).map_err(refused),
            other => Err((Refusal::Order, format!("a site is not told \"{}\"", other.kind()))),
        }
    }

    fn take_release(&mut self, release: Release) {
        let newer = self.memory.release.as_ref().is_none_or(|held| release.version > held.version);
        let same = self.memory.release.as_ref().is_some_and(|held| *held == release);
        if same {
            return;
        }
        if newer && release.model.digest() == release.sha256 && self.model.release(&release.model).is_ok() {
            self.notices.push(SiteNotice::Released { version: release.version, sha256: release.sha256 });
            self.memory.release = Some(release);
        } else {
            self.notices.push(SiteNotice::ReleaseRefused { version: release.version });
        }
    }
}
