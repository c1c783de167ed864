//! Sums of which the coordinator sees no addend.
//!
//! After Bonawitz, Ivanov, Kreuter, Marcedone, McMahan, Patel, Ramage, Segal, Seth, "Practical secure aggregation for privacy-preserving machine learning"
//! (CCS 2017), in its form against a coordinator that may deviate. Site `u` has a vector `x_u` of words modulo 2^64 and sends
//!
//! ```text
//! y_u = x_u + PRG(b_u) + sum over v > u of PRG(s_uv) - sum over v < u of PRG(s_uv)
//! ```
//!
//! `s_uv` is agreed between `u` and `v` (X25519), `b_u` is `u`'s own seed. In the sum over all who sent, the pairwise masks cancel. `b_u` and the secret key
//! behind `s_uv` lie in shares with the other sites, `threshold` of which open them: `b_u` of those whose `y_u` came, so that their own masks can be taken
//! away; the key of those who shared but did not send, so that the pairwise masks that did not cancel can be. Never both of one site: `b_u` and the key
//! together would uncover `x_u`.
//!
//! Steps, each with the set of sites that got so far:
//!
//! 1. *keys*: two public keys each, signed ([`MaskSession::keys`]); the set U1
//! 2. *shares*: each site shares its seed and key with U1, boxed for each ([`MaskSession::share`]); U2
//! 3. *masked*: `y_u` with masks for U2 ([`MaskSession::mask`]); U3
//! 4. *agreement*: each signs U3 ([`MaskSession::agree`]); U4
//! 5. *revealed*: a site that sees `threshold` signatures under one and the same U3 gives its shares ([`MaskSession::reveal`]); U5
//!
//! Because `threshold` is more than half of the roster and a site signs one U3 only, no two different U3 find enough signatures.
//!
//! Signatures are made with the key of the certificate in the roster, and cover the digest of roster and terms, round, attempt and *question*: a coordinator
//! that puts keys of its own in between, or gives one site another model than the others (Pasquini, Francati, Ateniese, CCS 2022), is refused at step 2.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;
use super::federation::{Federation, Site};
use super::fixed;
use super::identity::{Identity, Signature, SignatureError};
use super::secret::{self, Entropy, Key};
use super::shamir;

/// What one sum is about. All that take part hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Digest of the federation's document.
    pub federation: Digest,
    /// Counts up.
    pub round: u64,
    /// Counts up within a round that had to be begun again.
    pub attempt: u32,
    /// Digest of what the sites are asked.
    pub question: Digest,
    /// How many words are summed.
    pub length: u32,
}

impl Terms {
    fn bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("terms are encoded in memory")
    }

    /// What keys of one purpose are derived with.
    fn purpose(&self, name: &str, sites: &[Site]) -> Vec<u8> {
        let mut purpose = name.as_bytes().to_vec();
        purpose.push(0);
        purpose.extend(sites.iter().map(|s| s.0));
        purpose.extend(self.bytes());
        purpose
    }
}

/// Why a site or the coordinator does not go on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MaskError {
    /// Fewer sites than the threshold.
    #[error("{present} sites at the step \"{step}\", {threshold} are needed")]
    TooFew {
        /// The step.
        step: &'static str,
        /// How many there are.
        present: usize,
        /// How many are needed.
        threshold: u8,
    },
    /// A site that is not one of the step before, stands twice, or is the reader's own with other content.
    #[error("site {} does not belong into the step \"{step}\"", site.0)]
    Stranger {
        /// The site.
        site: Site,
        /// The step.
        step: &'static str,
    },
    /// The keys or the agreement of a site are not signed by it.
    #[error("what is said to come from site {} at the step \"{step}\" does not: {reason}", site.0)]
    Signature {
        /// The site.
        site: Site,
        /// The step.
        step: &'static str,
        /// What is wrong.
        reason: SignatureError,
    },
    /// The own key does not sign.
    #[error("the own private key does not sign")]
    Unsigned,
    /// A key with which nothing can be agreed.
    #[error("the key of site {} is a point of small order", site.0)]
    WeakKey {
        /// The site.
        site: Site,
    },
    /// A box that does not open.
    #[error("the shares that site {} sent were changed on the way", site.0)]
    Box {
        /// The site.
        site: Site,
    },
    /// A step out of its order, or again with other content.
    #[error("the step \"{step}\" is not due")]
    Order {
        /// The step.
        step: &'static str,
    },
    /// A vector of another length.
    #[error("{given} words where {agreed} were agreed")]
    Length {
        /// How many there are.
        given: usize,
        /// How many there should be.
        agreed: u32,
    },
    /// No choice of `threshold` shares gives back what a site had announced.
    #[error("the shares of site {} do not give back its secret", site.0)]
    Shares {
        /// The site.
        site: Site,
    },
}

/// The public keys of a site for one sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// For boxes.
    pub boxes: Key,
    /// For pairwise masks.
    pub masks: Key,
    /// What the own seed can be recognised by: a key derived from it.
    pub seed_check: Key,
}

/// Public keys as their site signed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedKeys {
    /// Whose.
    pub site: Site,
    /// The keys.
    pub keys: PublicKeys,
    /// Over terms, site and keys.
    pub signature: Signature,
}

/// A share of the seed and one of the mask key, boxed from one site to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedShares {
    /// Who closed the box.
    pub from: Site,
    /// Who can open it.
    pub to: Site,
    /// The box.
    pub sealed: Vec<u8>,
}

/// A site's signature under the set of those whose masked vectors count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Who signed.
    pub site: Site,
    /// Over terms and survivors.
    pub signature: Signature,
}

/// Shares of one site, for the coordinator to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    /// Shares of the seeds of those whose vectors came.
    pub seeds: Vec<(Site, Key)>,
    /// Shares of the mask keys of those who dropped out after sharing.
    pub keys: Vec<(Site, Key)>,
}

const KEYS: &str = "keys";
const SURVIVORS: &str = "survivors";

fn keys_content(terms: &Terms, site: Site, keys: &PublicKeys) -> Vec<u8> {
    postcard::to_allocvec(&(terms, site, keys)).expect("keys are encoded in memory")
}

fn survivors_content(terms: &Terms, survivors: &BTreeSet<Site>) -> Vec<u8> {
    postcard::to_allocvec(&(terms, survivors)).expect("a set is encoded in memory")
}

fn seed_check(seed: &Key) -> Key {
    secret::derive(seed, b"seed check")
}

fn seed_stream(terms: &Terms, site: Site, seed: &Key) -> Key {
    secret::derive(seed, &terms.purpose("own mask", &[site]))
}

fn pair_stream(terms: &Terms, a: Site, b: Site, shared: &Key) -> Key {
    secret::derive(shared, &terms.purpose("pair mask", &[a.min(b), a.max(b)]))
}

/// Checks the keys of one site.
///
/// # Errors
///
/// `Stranger` when it is not in the roster, `Signature` when it did not sign them for these terms.
pub fn check_keys(federation: &Federation, terms: &Terms, signed: &SignedKeys) -> Result<(), MaskError> {
    let member = federation.member(signed.site).ok_or(MaskError::Stranger { site: signed.site, step: KEYS })?;
    signed
        .signature
        .verify(KEYS, &keys_content(terms, signed.site, &signed.keys), member.certificate_sha256)
        .map_err(|reason| MaskError::Signature { site: signed.site, step: KEYS, reason })
}

/// Checks that a site agreed to these survivors.
///
/// # Errors
///
/// As [`check_keys`].
pub fn check_agreement(federation: &Federation, terms: &Terms, survivors: &BTreeSet<Site>, agreement: &Agreement) -> Result<(), MaskError> {
    let stranger = MaskError::Stranger { site: agreement.site, step: SURVIVORS };
    let member = federation.member(agreement.site).filter(|_| survivors.contains(&agreement.site)).ok_or(stranger)?;
    agreement
        .signature
        .verify(SURVIVORS, &survivors_content(terms, survivors), member.certificate_sha256)
        .map_err(|reason| MaskError::Signature { site: agreement.site, step: SURVIVORS, reason })
}

/// One site's side of one sum. Its secrets live as long as it does; it is neither copied nor saved.
pub struct MaskSession {
    terms: Terms,
    threshold: u8,
    me: Site,
    boxes: Key,
    masks: Key,
    seed: Key,
    /// U1 with its keys.
    peers: BTreeMap<Site, PublicKeys>,
    /// U2: shares of seed and key.
    held: BTreeMap<Site, (Key, Key)>,
    masked: bool,
    survivors: Option<BTreeSet<Site>>,
    revealed: bool,
}

impl MaskSession {
    /// Draws the secrets of a sum.
    pub fn new(terms: Terms, threshold: u8, me: Site, entropy: &mut Entropy) -> Self {
        Self {
            terms,
            threshold,
            me,
            boxes: entropy.key(),
            masks: entropy.key(),
            seed: entropy.key(),
            peers: BTreeMap::new(),
            held: BTreeMap::new(),
            masked: false,
            survivors: None,
            revealed: false,
        }
    }

    /// Step 1: the public keys, signed.
    ///
    /// # Errors
    ///
    /// `Unsigned`.
    pub fn keys(&self, identity: &Identity) -> Result<SignedKeys, MaskError> {
        let keys =
            PublicKeys { boxes: secret::public(&self.boxes), masks: secret::public(&self.masks), seed_check: seed_check(&self.seed) };
        let signature = identity.sign(KEYS, &keys_content(&self.terms, self.me, &keys)).ok_or(MaskError::Unsigned)?;
        Ok(SignedKeys { site: self.me, keys, signature })
    }

    fn enough(&self, step: &'static str, present: usize) -> Result<(), MaskError> {
        if present < usize::from(self.threshold) { Err(MaskError::TooFew { step, present, threshold: self.threshold }) } else { Ok(()) }
    }

    fn box_key(&self, from: Site, to: Site) -> Result<Key, MaskError> {
        let other = if from == self.me { to } else { from };
        let shared = self
            .peers
            .get(&other)
            .ok_or(MaskError::Stranger { site: other, step: "shares" })
            .and_then(|keys| secret::agree(&self.boxes, &keys.boxes).ok_or(MaskError::WeakKey { site: other }))?;
        Ok(secret::derive(&shared, &self.terms.purpose("box", &[from, to])))
    }

    /// Step 2: shares of seed and key for every site whose keys came.
    ///
    /// # Errors
    ///
    /// `Signature` when a key was put in between, `TooFew`, `Stranger`, `WeakKey`, `Order`.
    pub fn share(&mut self, federation: &Federation, all: &[SignedKeys], entropy: &mut Entropy) -> Result<Vec<SealedShares>, MaskError> {
        if !self.peers.is_empty() {
            return Err(MaskError::Order { step: "shares" });
        }
        let mut peers = BTreeMap::new();
        for signed in all {
            check_keys(federation, &self.terms, signed)?;
            if peers.insert(signed.site, signed.keys).is_some() {
                return Err(MaskError::Stranger { site: signed.site, step: KEYS });
            }
        }
        let own =
            peers.get(&self.me).is_some_and(|keys| keys.boxes == secret::public(&self.boxes) && keys.masks == secret::public(&self.masks));
        if !own {
            return Err(MaskError::Stranger { site: self.me, step: KEYS });
        }
        self.enough(KEYS, peers.len())?;
        self.peers = peers;
        let sites: Vec<Site> = self.peers.keys().copied().collect();
        let points: Vec<u8> = sites.iter().map(|s| s.point()).collect();
        let seeds = shamir::split(&self.seed, self.threshold, &points, entropy);
        let keys = shamir::split(&self.masks, self.threshold, &points, entropy);
        let mut sealed = Vec::new();
        for ((&to, seed), key) in sites.iter().zip(seeds).zip(keys) {
            if to == self.me {
                self.held.insert(to, (seed, key));
                continue;
            }
            let context = self.terms.purpose("shares", &[self.me, to]);
            let both = [seed, key].concat();
            sealed.push(SealedShares { from: self.me, to, sealed: secret::seal(&self.box_key(self.me, to)?, &context, &both) });
        }
        Ok(sealed)
    }

    /// Step 3: the vector under its masks. Only once: two vectors under the same masks would show their difference.
    ///
    /// # Errors
    ///
    /// `Order` the second time, `Box` when shares were changed on the way, `TooFew`, `Stranger`, `WeakKey`, `Length`.
    pub fn mask(&mut self, boxes: &[SealedShares], values: &[i64]) -> Result<Vec<u64>, MaskError> {
        if self.masked || self.held.is_empty() {
            return Err(MaskError::Order { step: "masked" });
        }
        if values.len() != self.terms.length as usize {
            return Err(MaskError::Length { given: values.len(), agreed: self.terms.length });
        }
        for sealed in boxes {
            let SealedShares { from, to, .. } = *sealed;
            if to != self.me || from == self.me || self.held.contains_key(&from) {
                return Err(MaskError::Stranger { site: from, step: "shares" });
            }
            let key = self.box_key(from, to)?;
            let both = secret::open(&key, &self.terms.purpose("shares", &[from, to]), &sealed.sealed)
                .and_then(|plain| <[u8; 64]>::try_from(plain).ok())
                .ok_or(MaskError::Box { site: from })?;
            let (seed, key) = both.split_at(32);
            self.held.insert(from, (seed.try_into().expect("32 bytes"), key.try_into().expect("32 bytes")));
        }
        self.enough("shares", self.held.len())?;
        let mut words = fixed::words(values);
        secret::add_stream(&seed_stream(&self.terms, self.me, &self.seed), true, &mut words);
        for &other in self.held.keys().filter(|&&other| other != self.me) {
            let shared = secret::agree(&self.masks, &self.peers[&other].masks).ok_or(MaskError::WeakKey { site: other })?;
            secret::add_stream(&pair_stream(&self.terms, self.me, other, &shared), self.me < other, &mut words);
        }
        self.masked = true;
        Ok(words)
    }

    /// Step 4: signs the set of those whose masked vectors count. Only one set is ever signed.
    ///
    /// # Errors
    ///
    /// `Order` for a second set or before the own vector went out, `TooFew`, `Stranger`, `Unsigned`.
    pub fn agree(&mut self, survivors: &BTreeSet<Site>, identity: &Identity) -> Result<Agreement, MaskError> {
        if !self.masked || self.survivors.as_ref().is_some_and(|signed| signed != survivors) {
            return Err(MaskError::Order { step: SURVIVORS });
        }
        self.enough(SURVIVORS, survivors.len())?;
        let stranger = survivors.iter().find(|site| !self.held.contains_key(site)).copied();
        if let Some(site) = stranger.or((!survivors.contains(&self.me)).then_some(self.me)) {
            return Err(MaskError::Stranger { site, step: SURVIVORS });
        }
        let signature = identity.sign(SURVIVORS, &survivors_content(&self.terms, survivors)).ok_or(MaskError::Unsigned)?;
        self.survivors = Some(survivors.clone());
        Ok(Agreement { site: self.me, signature })
    }

    /// Step 5: the shares that open the sum, once `threshold` sites signed the same survivors as this one.
    ///
    /// # Errors
    ///
    /// `Order` the second time or before the own agreement, `TooFew`, `Stranger`, `Signature`.
    pub fn reveal(&mut self, federation: &Federation, agreements: &[Agreement]) -> Result<Revealed, MaskError> {
        let survivors = self.survivors.as_ref().filter(|_| !self.revealed).ok_or(MaskError::Order { step: "revealed" })?;
        let mut signers = BTreeSet::new();
        for agreement in agreements {
            check_agreement(federation, &self.terms, survivors, agreement)?;
            signers.insert(agreement.site);
        }
        self.enough("agreement", signers.len())?;
        let mut revealed = Revealed { seeds: Vec::new(), keys: Vec::new() };
        for (&site, &(seed, key)) in &self.held {
            if survivors.contains(&site) { revealed.seeds.push((site, seed)) } else { revealed.keys.push((site, key)) }
        }
        self.revealed = true;
        Ok(revealed)
    }
}

/// What the coordinator has when a sum can be opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The terms.
    pub terms: &'a Terms,
    /// How many shares open a secret.
    pub threshold: u8,
    /// U1 and its keys.
    pub keys: &'a BTreeMap<Site, PublicKeys>,
    /// U2: those whose boxes were carried.
    pub shared: &'a BTreeSet<Site>,
    /// U3 and its vectors.
    pub masked: &'a BTreeMap<Site, Vec<u64>>,
    /// U5 and its shares.
    pub revealed: &'a BTreeMap<Site, Revealed>,
}

/// A secret from the shares that were revealed, whichever `threshold` of them fit: a site that gives a wrong share spoils nothing as long as enough others
/// are right.
fn recover(threshold: u8, shares: &[(u8, Key)], fits: impl Fn(&Key) -> bool) -> Option<Key> {
    let needed = usize::from(threshold);
    if shares.len() < needed {
        return None;
    }
    // Combinations in lexical order; as many as a federation of twenty with three liars may need.
    let mut chosen: Vec<usize> = (0..needed).collect();
    for _ in 0..10_000 {
        let some: Vec<(u8, Key)> = chosen.iter().map(|&i| shares[i]).collect();
        if let Some(secret) = shamir::join(&some).filter(&fits) {
            return Some(secret);
        }
        let at = (0..needed).rev().find(|&i| chosen[i] < shares.len() - needed + i)?;
        chosen[at] += 1;
        for i in at + 1..needed {
            chosen[i] = chosen[i - 1] + 1;
        }
    }
    None
}

/// The sum of the vectors of U3, modulo 2^64.
///
/// # Errors
///
/// `TooFew` with fewer than `threshold` sets of shares, `Shares` when those of a site do not give its secret back, `Length` for a vector of another length.
pub fn open_sum(opening: Opening<'_>) -> Result<Vec<u64>, MaskError> {
    let Opening { terms, threshold, keys, shared, masked, revealed } = opening;
    let present = revealed.len();
    if present < usize::from(threshold) {
        return Err(MaskError::TooFew { step: "revealed", present, threshold });
    }
    let mut sum = vec![0; terms.length as usize];
    for words in masked.values() {
        if words.len() != sum.len() {
            return Err(MaskError::Length { given: words.len(), agreed: terms.length });
        }
        fixed::add(&mut sum, words);
    }
    let shares = |of: Site, part: fn(&Revealed) -> &Vec<(Site, Key)>| -> Vec<(u8, Key)> {
        revealed.iter().filter_map(|(site, r)| part(r).iter().find(|(s, _)| *s == of).map(|(_, share)| (site.point(), *share))).collect()
    };
    for &site in masked.keys() {
        let announced = keys.get(&site).ok_or(MaskError::Stranger { site, step: KEYS })?;
        let seed = recover(threshold, &shares(site, |r| &r.seeds), |seed| seed_check(seed) == announced.seed_check);
        let seed = seed.ok_or(MaskError::Shares { site })?;
        secret::add_stream(&seed_stream(terms, site, &seed), false, &mut sum);
    }
    for &lost in shared.iter().filter(|site| !masked.contains_key(site)) {
        let announced = keys.get(&lost).ok_or(MaskError::Stranger { site: lost, step: KEYS })?;
        let key = recover(threshold, &shares(lost, |r| &r.keys), |key| secret::public(key) == announced.masks);
        let key = key.ok_or(MaskError::Shares { site: lost })?;
        for &site in masked.keys() {
            let shared = secret::agree(&key, &keys[&site].masks).ok_or(MaskError::WeakKey { site })?;
            // `site` added the stream when it is the smaller of the two.
            secret::add_stream(&pair_stream(terms, site, lost, &shared), site > lost, &mut sum);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;
