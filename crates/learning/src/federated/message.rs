//! What travels between the coordinator and a site.
//!
//! Every message belongs to a round and an attempt; one that comes twice does nothing the second time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::federation::Site;
use super::masks::{Agreement, Revealed, SealedShares, SignedKeys, Terms};
use super::site::{Judgement, Model, Question};

/// Why a site sits an attempt out. No text: that might tell of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It took part in this attempt or a later one before and has lost the secrets of it.
    #[error("it was restarted during the attempt, or has seen a later one")]
    Stale,
    /// One more round would exceed its limit of epsilon.
    #[error("one more round would exceed its limit of epsilon")]
    Budget,
    /// Its model does not train, or its update is not finite.
    #[error("its model does not train on its rows")]
    Training,
    /// Keys, shares or signatures that do not come from whom they should, or too few of them.
    #[error("keys, shares or signatures do not come from whom they should, or too few of them")]
    Masks,
    /// A question, terms or model that do not fit the federation's document.
    #[error("what it is asked does not fit the document of the federation")]
    Terms,
    /// A message that is not due.
    #[error("it got a message that is not due")]
    Order,
}

/// What a version of the global model is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Counts up; 0 is what the federation began with.
    pub version: u64,
    /// The round that made it.
    pub round: u64,
    /// SHA-256 of the model.
    pub sha256: Digest,
    /// The model.
    pub model: Model,
}

/// Content of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Site: is here, and holds this document and this version.
    Hello {
        /// Digest of the document.
        federation: Digest,
        /// The version it has.
        version: Option<u64>,
    },
    /// Coordinator: not with that document, or not now.
    Goodbye {
        /// Why.
        reason: String,
    },
    /// Coordinator: the model that counts.
    Release(Release),
    /// Coordinator: the question of a round.
    Ask {
        /// What is summed.
        terms: Terms,
        /// What is asked.
        question: Question,
    },
    /// Site: not this time.
    Declined(Refusal),
    /// Site: the update itself, in a federation without masks.
    Update {
        /// Clipped, unweighted.
        values: Vec<f64>,
        /// Rows behind it.
        weight: u64,
    },
    /// Site: public keys.
    Keys(SignedKeys),
    /// Coordinator: the keys of all.
    AllKeys(Vec<SignedKeys>),
    /// Site: boxes for the others.
    Shares(Vec<SealedShares>),
    /// Coordinator: the boxes for this site.
    Boxes(Vec<SealedShares>),
    /// Site: the vector under masks.
    Masked(Vec<u64>),
    /// Coordinator: whose vectors came.
    Survivors(BTreeSet<Site>),
    /// Site: signs that set.
    Agreed(Agreement),
    /// Coordinator: the signatures.
    Agreements(Vec<Agreement>),
    /// Site: the shares that open the sum.
    Revealed(Revealed),
    /// Coordinator: a model to be judged.
    Candidate(Model),
    /// Site: how it does.
    Judged(Judgement),
    /// Coordinator: there will be no more rounds.
    Finished,
}

impl Body {
    /// A word for the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Goodbye { .. } => "goodbye",
            Self::Release(_) => "release",
            Self::Ask { .. } => "ask",
            Self::Declined(_) => "declined",
            Self::Update { .. } => "update",
            Self::Keys(_) => "keys",
            Self::AllKeys(_) => "all_keys",
            Self::Shares(_) => "shares",
            Self::Boxes(_) => "boxes",
            Self::Masked(_) => "masked",
            Self::Survivors(_) => "survivors",
            Self::Agreed(_) => "agreed",
            Self::Agreements(_) => "agreements",
            Self::Revealed(_) => "revealed",
            Self::Candidate(_) => "candidate",
            Self::Judged(_) => "judged",
            Self::Finished => "finished",
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its round; 0 outside of rounds.
    pub round: u64,
    /// Its attempt.
    pub attempt: u32,
    /// Its content.
    pub body: Body,
}

impl Message {
    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a message is encoded in memory")
    }

    /// From the wire; `None` for bytes that are no message, or more than one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Some(message),
            _ => None,
        }
    }
}

/// How often messages of a kind passed, and how many bytes they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficRow {
    /// The site at one end.
    pub site: Site,
    /// Whether they left the site (or came to it).
    pub left_site: bool,
    /// Their kind.
    pub kind: String,
    /// How many.
    pub messages: u64,
    /// Their bytes before encryption.
    pub bytes: u64,
}

/// What left each site and what came to it, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    rows: Vec<TrafficRow>,
}

impl Traffic {
    /// Adds a message of so many bytes.
    pub fn add(&mut self, site: Site, left_site: bool, kind: &str, bytes: usize) {
        let at = self.rows.iter().position(|r| r.site == site && r.left_site == left_site && r.kind == kind).unwrap_or_else(|| {
            self.rows.push(TrafficRow { site, left_site, kind: kind.to_owned(), messages: 0, bytes: 0 });
            self.rows.len() - 1
        });
        self.rows[at].messages += 1;
        self.rows[at].bytes += bytes as u64;
    }

    /// All rows, in the order in which their first message passed.
    pub fn rows(&self) -> &[TrafficRow] {
        &self.rows
    }

    /// Bytes that left a site.
    pub fn bytes_left(&self, site: Site) -> u64 {
        self.rows.iter().filter(|r| r.site == site && r.left_site).map(|r| r.bytes).sum()
    }
}
