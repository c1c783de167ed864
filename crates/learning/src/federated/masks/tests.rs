//! The sum is exact whoever drops out; and what a coordinator with all messages cannot do.

use super::super::federation::{Aggregation, Member};
use super::super::identity::tests::identity;
use super::*;

const THRESHOLD: u8 = 3;

/// Five sites, and everything that passes the coordinator.
struct Room {
    federation: Federation,
    identities: Vec<Identity>,
    terms: Terms,
    entropy: Entropy,
    sessions: Vec<MaskSession>,
    keys: Vec<SignedKeys>,
    boxes: Vec<SealedShares>,
    masked: BTreeMap<Site, Vec<u64>>,
    revealed: BTreeMap<Site, Revealed>,
}

fn sites(list: &[u8]) -> BTreeSet<Site> {
    list.iter().map(|&s| Site(s)).collect()
}

fn vector(site: usize, length: usize) -> Vec<i64> {
    (0..length as i64).map(|i| (site as i64 + 1) * 1_000_003 * (i + 1) * if (i + site as i64) % 2 == 0 { 1 } else { -1 }).collect()
}

impl Room {
    fn new(length: u32, seed: u8) -> Self {
        let identities: Vec<Identity> = (0..5).map(|i| identity(&format!("site{i}"), &rcgen::PKCS_ED25519)).collect();
        let federation = Federation {
            name: "room".to_owned(),
            coordinator_sha256: Digest::of(b"coordinator"),
            members: identities
                .iter()
                .enumerate()
                .map(|(i, id)| Member { name: format!("site{i}"), certificate_sha256: id.digest() })
                .collect(),
            threshold: THRESHOLD,
            aggregation: Aggregation::Masked,
            clip_norm: 1.0,
            weight_limit: 1.0,
            privacy: None,
        };
        assert_eq!(federation.faults(), []);
        let terms = Terms { federation: federation.digest(), round: 7, attempt: 0, question: Digest::of(b"question"), length };
        let mut entropy = Entropy::new(&[seed; 32]);
        let sessions: Vec<MaskSession> = (0..5).map(|i| MaskSession::new(terms, THRESHOLD, Site(i), &mut entropy)).collect();
        let keys = sessions.iter().zip(&identities).map(|(s, id)| s.keys(id).unwrap()).collect();
        let (boxes, masked, revealed) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { federation, identities, terms, entropy, sessions, keys, boxes, masked, revealed }
    }

    fn share(&mut self) {
        for session in &mut self.sessions {
            self.boxes.extend(session.share(&self.federation, &self.keys, &mut self.entropy).unwrap());
        }
    }

    fn boxes_for(&self, to: u8, from: &BTreeSet<Site>) -> Vec<SealedShares> {
        self.boxes.iter().filter(|b| b.to == Site(to) && from.contains(&b.from)).cloned().collect()
    }

    fn mask(&mut self, who: &BTreeSet<Site>, shared: &BTreeSet<Site>) {
        for site in who {
            let boxes = self.boxes_for(site.0, shared);
            let words = self.sessions[site.index()].mask(&boxes, &vector(site.index(), self.terms.length as usize)).unwrap();
            self.masked.insert(*site, words);
        }
    }

    fn agreements(&mut self, who: &BTreeSet<Site>, survivors: &BTreeSet<Site>) -> Vec<Agreement> {
        who.iter().map(|s| self.sessions[s.index()].agree(survivors, &self.identities[s.index()]).unwrap()).collect()
    }

    fn reveal(&mut self, who: &BTreeSet<Site>, agreements: &[Agreement]) {
        for site in who {
            self.revealed.insert(*site, self.sessions[site.index()].reveal(&self.federation, agreements).unwrap());
        }
    }

    fn open(&self, shared: &BTreeSet<Site>) -> Result<Vec<u64>, MaskError> {
        let keys = self.keys.iter().map(|k| (k.site, k.keys)).collect();
        open_sum(Opening { terms: &self.terms, threshold: THRESHOLD, keys: &keys, shared, masked: &self.masked, revealed: &self.revealed })
    }

    fn expected(&self, who: &BTreeSet<Site>) -> Vec<u64> {
        let mut sum = vec![0; self.terms.length as usize];
        who.iter().for_each(|s| fixed::add(&mut sum, &fixed::words(&vector(s.index(), self.terms.length as usize))));
        sum
    }
}

#[test]
fn the_sum_is_exact_whoever_drops_out_and_when() {
    let all = sites(&[0, 1, 2, 3, 4]);
    for (number, (shared, masked, agreed, revealed)) in [
        (all.clone(), all.clone(), all.clone(), all.clone()),
        // Two of five drop out between sharing and sending: their pairwise masks have to be taken away.
        (all.clone(), sites(&[0, 2, 4]), sites(&[0, 2, 4]), sites(&[0, 2, 4])),
        (all.clone(), sites(&[1, 2, 3]), sites(&[1, 2, 3]), sites(&[1, 2, 3])),
        // One at each step.
        (sites(&[0, 1, 2, 3]), sites(&[0, 1, 2, 3]), sites(&[0, 1, 3]), sites(&[0, 1, 3])),
        (all.clone(), sites(&[0, 1, 3, 4]), sites(&[0, 1, 3, 4]), sites(&[0, 3, 4])),
    ]
    .into_iter()
    .enumerate()
    {
        let mut room = Room::new(130, number as u8);
        room.share();
        room.mask(&masked, &shared);
        let agreements = room.agreements(&agreed, &masked);
        room.reveal(&revealed, &agreements);
        assert_eq!(room.open(&shared).unwrap(), room.expected(&masked), "case {number}");
    }
}

#[test]
fn two_sets_of_shares_open_nothing() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let mut room = Room::new(16, 1);
    room.share();
    room.mask(&all, &all);
    let agreements = room.agreements(&all, &all);
    room.reveal(&sites(&[0, 1]), &agreements);
    assert_eq!(room.open(&all), Err(MaskError::TooFew { step: "revealed", present: 2, threshold: 3 }));
    // Nor when the coordinator lowers the threshold for itself.
    let keys: BTreeMap<Site, PublicKeys> = room.keys.iter().map(|k| (k.site, k.keys)).collect();
    let opened =
        open_sum(Opening { terms: &room.terms, threshold: 2, keys: &keys, shared: &all, masked: &room.masked, revealed: &room.revealed });
    assert_eq!(opened, Err(MaskError::Shares { site: Site(0) }));
    // With a third one, it opens: the test above does not fail for another reason.
    room.reveal(&sites(&[4]), &agreements);
    assert_eq!(room.open(&all).unwrap(), room.expected(&all));
}

#[test]
fn a_wrong_share_is_passed_over_when_enough_are_right() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let mut room = Room::new(16, 2);
    room.share();
    room.mask(&sites(&[0, 1, 2, 3]), &all);
    let survivors = sites(&[0, 1, 2, 3]);
    let agreements = room.agreements(&survivors, &survivors);
    room.reveal(&survivors, &agreements);
    for (_, share) in room.revealed.get_mut(&Site(1)).unwrap().seeds.iter_mut() {
        share[5] ^= 1;
    }
    assert_eq!(room.open(&all).unwrap(), room.expected(&survivors));
    for (_, share) in room.revealed.get_mut(&Site(2)).unwrap().keys.iter_mut() {
        // Not the lowest bits: those of an X25519 key do not count.
        share[5] ^= 1;
    }
    room.revealed.get_mut(&Site(3)).unwrap().keys.clear();
    assert_eq!(room.open(&all), Err(MaskError::Shares { site: Site(4) }));
}

/// Chi-square of the bytes of words against even odds, as a number of standard deviations from its mean (255 degrees of freedom).
fn unevenness(words: &[u64]) -> f64 {
    let mut counts = [0f64; 256];
    words.iter().flat_map(|w| w.to_le_bytes()).for_each(|b| counts[usize::from(b)] += 1.0);
    let expected = words.len() as f64 * 8.0 / 256.0;
    let chi = counts.iter().map(|c| (c - expected) * (c - expected) / expected).sum::<f64>();
    (chi - 255.0) / (2.0f64 * 255.0).sqrt()
}

#[test]
fn a_coordinator_with_all_messages_sees_noise_in_place_of_a_vector() {
    // The attacker holds everything that passed the coordinator in a round that ended well, with two dropped out, and even knows what site 0 may have sent.
    let all = sites(&[0, 1, 2, 3, 4]);
    let survivors = sites(&[0, 2, 4]);
    let length = 20_000;
    let mut room = Room::new(length, 3);
    room.share();
    room.mask(&survivors, &all);
    let agreements = room.agreements(&survivors, &survivors);
    room.reveal(&survivors, &agreements);
    assert_eq!(room.open(&all).unwrap(), room.expected(&survivors));
    let truth = fixed::words(&vector(0, length as usize));
    // The plain vector is far from even, so the measure sees something: its high bytes are all 0 or 255.
    assert!(unevenness(&truth) > 1000.0);

    // All that the revealed shares open: the seeds of survivors, the keys of the lost.
    let join = |of: u8, part: fn(&Revealed) -> &Vec<(Site, Key)>| {
        let shares: Vec<(u8, Key)> =
            room.revealed.iter().filter_map(|(s, r)| part(r).iter().find(|(o, _)| o.0 == of).map(|(_, k)| (s.point(), *k))).collect();
        shamir::join(&shares).filter(|_| shares.len() >= 3)
    };
    let mut stripped = room.masked[&Site(0)].clone();
    assert!(unevenness(&stripped).abs() < 5.0, "as sent");
    let seed = join(0, |r| &r.seeds).expect("the seed of a survivor is opened");
    secret::add_stream(&seed_stream(&room.terms, Site(0), &seed), false, &mut stripped);
    for lost in [1, 3] {
        let key = join(lost, |r| &r.keys).expect("the key of a lost site is opened");
        let shared = secret::agree(&key, &room.keys[0].keys.masks).unwrap();
        secret::add_stream(&pair_stream(&room.terms, Site(0), Site(lost), &shared), Site(0) > Site(lost), &mut stripped);
    }
    // What is left is under the masks shared with sites 2 and 4, whose keys no share opens.
    assert!((0..5).all(|s| join(s, |r| &r.keys).is_some() == [1, 3].contains(&s)));
    assert!((0..5).all(|s| join(s, |r| &r.seeds).is_some() == survivors.contains(&Site(s))));
    assert!(unevenness(&stripped).abs() < 5.0, "stripped of all that can be opened");
    // Against the true vector and against another one, the rest looks the same: the attacker cannot tell which it was.
    for guess in [truth, fixed::words(&vector(1, length as usize))] {
        let rest: Vec<u64> = stripped.iter().zip(&guess).map(|(y, x)| y.wrapping_sub(*x)).collect();
        assert!(unevenness(&rest).abs() < 5.0);
    }
    // With the mask key of site 0 besides, the vector would lie open: the attack is right, what it lacks is that key.
    for other in [2, 4] {
        let shared = secret::agree(&room.sessions[0].masks, &room.keys[usize::from(other)].keys.masks).unwrap();
        secret::add_stream(&pair_stream(&room.terms, Site(0), Site(other), &shared), Site(0) > Site(other), &mut stripped);
    }
    assert_eq!(stripped, fixed::words(&vector(0, length as usize)));
}

#[test]
fn the_same_vector_never_looks_the_same() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let sent = [4, 5].map(|seed| {
        let mut room = Room::new(1000, seed);
        room.share();
        room.mask(&all, &all);
        room.masked[&Site(0)].clone()
    });
    assert!(sent[0].iter().zip(&sent[1]).all(|(a, b)| a != b));
}

#[test]
fn both_kinds_of_shares_of_one_site_cannot_be_had_by_two_stories() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let mut room = Room::new(8, 6);
    room.share();
    room.mask(&all, &all);
    // Sites 0, 1, 2 hear that all survived; 3 and 4 that site 0 was lost.
    let with = room.agreements(&sites(&[0, 1, 2]), &all);
    let lost = sites(&[1, 2, 3, 4]);
    let without = room.agreements(&sites(&[3, 4]), &lost);
    room.reveal(&sites(&[0, 1, 2]), &with);
    // The second story has two signatures; three are needed, and no one signs twice.
    assert!(matches!(room.sessions[3].reveal(&room.federation, &without), Err(MaskError::TooFew { present: 2, .. })));
    let mixed: Vec<Agreement> = without.iter().chain(&with[1..2]).cloned().collect();
    assert!(matches!(room.sessions[3].reveal(&room.federation, &mixed), Err(MaskError::Signature { site: Site(1), .. })));
    let doubled: Vec<Agreement> = [&without[0], &without[0], &without[1]].map(Clone::clone).to_vec();
    assert!(matches!(room.sessions[3].reveal(&room.federation, &doubled), Err(MaskError::TooFew { present: 2, .. })));
    let id = room.identities[1].clone();
    assert_eq!(room.sessions[1].agree(&lost, &id), Err(MaskError::Order { step: SURVIVORS }));
    assert_eq!(room.sessions[1].reveal(&room.federation, &with), Err(MaskError::Order { step: "revealed" }));
}

#[test]
fn a_coordinator_in_the_middle_is_refused() {
    let mut room = Room::new(8, 7);
    // Its own keys in the name of site 1, signed with whatever it has.
    let own = MaskSession::new(room.terms, THRESHOLD, Site(1), &mut room.entropy);
    let mut forged = room.keys.clone();
    forged[1] = own.keys(&identity("coordinator", &rcgen::PKCS_ED25519)).unwrap();
    let error = room.sessions[0].share(&room.federation, &forged, &mut room.entropy).unwrap_err();
    assert!(matches!(error, MaskError::Signature { site: Site(1), reason: SignatureError::Certificate { .. }, .. }), "{error}");
    // Its own keys under the true signature.
    forged[1] = SignedKeys { keys: own.keys(&room.identities[1]).unwrap().keys, ..room.keys[1].clone() };
    let error = room.sessions[0].share(&room.federation, &forged, &mut room.entropy).unwrap_err();
    assert!(matches!(error, MaskError::Signature { site: Site(1), reason: SignatureError::Signature, .. }), "{error}");
    // True keys of another round, or of a site that was asked something else.
    for other in [
        Terms { round: 6, ..room.terms },
        Terms { attempt: 1, ..room.terms },
        Terms { question: Digest::of(b"another model"), ..room.terms },
    ] {
        forged[1] = MaskSession::new(other, THRESHOLD, Site(1), &mut room.entropy).keys(&room.identities[1]).unwrap();
        assert!(matches!(
            room.sessions[0].share(&room.federation, &forged, &mut room.entropy),
            Err(MaskError::Signature { site: Site(1), .. })
        ));
    }
    // One site twice, a site that is not in the roster, too few, the reader itself left out.
    let mut doubled = room.keys.clone();
    doubled.push(room.keys[1].clone());
    assert!(matches!(
        room.sessions[0].share(&room.federation, &doubled, &mut room.entropy),
        Err(MaskError::Stranger { site: Site(1), .. })
    ));
    let stranger = SignedKeys { site: Site(9), ..room.keys[1].clone() };
    assert!(matches!(
        room.sessions[0].share(&room.federation, &[stranger], &mut room.entropy),
        Err(MaskError::Stranger { site: Site(9), .. })
    ));
    let two = room.keys[..2].to_vec();
    assert!(matches!(room.sessions[0].share(&room.federation, &two, &mut room.entropy), Err(MaskError::TooFew { present: 2, .. })));
    let others = room.keys[1..].to_vec();
    assert!(matches!(room.sessions[0].share(&room.federation, &others, &mut room.entropy), Err(MaskError::Stranger { site: Site(0), .. })));
}

#[test]
fn shares_that_were_changed_or_turned_round_do_not_open() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let mut room = Room::new(8, 8);
    room.share();
    let good = room.boxes_for(0, &all);
    let values = vector(0, 8);
    let mut spoilt = good.clone();
    spoilt[2].sealed[10] ^= 1;
    assert!(matches!(room.sessions[0].mask(&spoilt, &values), Err(MaskError::Box { .. })));
    let mut room = Room::new(8, 8);
    room.share();
    // A box for site 1, said to be for site 0.
    let mut turned = room.boxes_for(0, &all);
    turned[1] = SealedShares { to: Site(0), ..room.boxes_for(1, &all).into_iter().find(|b| b.from == turned[1].from).unwrap() };
    assert!(matches!(room.sessions[0].mask(&turned, &values), Err(MaskError::Box { .. })));
}

#[test]
fn a_vector_goes_out_once() {
    let all = sites(&[0, 1, 2, 3, 4]);
    let mut room = Room::new(8, 9);
    assert_eq!(room.sessions[0].mask(&[], &vector(0, 8)), Err(MaskError::Order { step: "masked" }));
    room.share();
    room.mask(&all, &all);
    let boxes = room.boxes_for(0, &all);
    assert_eq!(room.sessions[0].mask(&boxes, &vector(1, 8)), Err(MaskError::Order { step: "masked" }));
}
