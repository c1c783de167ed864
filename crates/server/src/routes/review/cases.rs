//! What there is to decide about two networks that were matched: the kept result together with the decisions in force.
//!
//! ```text
//! match, no decision                        proposed     a subject of it was given away by hand: overruled
//! match or pair, accepted, forced           accepted, forced; a later decision about one of its subjects: overruled
//! match or pair, rejected                   rejected
//! accepted or forced, a subject not there   waiting
//! subject without partner or decision       only_a, only_b
//! ```

use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use store::project::ReconciledBrief;
use store::project::decisions::{PairDecision, PairInForce};
use utoipa::ToSchema;

/// How things stand with a pair or a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Matched by the program; nobody has decided.
    Proposed,
    /// A person says that the match is right.
    Accepted,
    /// A person says that the two are the same, whatever their data say.
    Forced,
    /// A person says that the two are not the same.
    Rejected,
    /// A decision about one of the two gives it to another.
    Overruled,
    /// A decision about a subject that is not there now.
    Waiting,
    /// A subject of the first network without a partner.
    OnlyA,
    /// A subject of the second network without a partner.
    OnlyB,
}

impl CaseState {
    pub const NAMES: [&'static str; 8] = ["proposed", "accepted", "forced", "rejected", "overruled", "waiting", "only_a", "only_b"];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A pair or a subject to decide about.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Number of the match in the kept result; none of what is not matched there.
    pub position: Option<u64>,
    pub a: Option<String>,
    pub b: Option<String>,
    pub class: String,
    pub method: Option<String>,
    pub score: Option<f64>,
    pub distance_m: Option<f64>,
    pub tie: Option<String>,
    /// What the two do not agree on.
    pub conflicts: u64,
    pub state: CaseState,
    /// The kept result was made without this decision, or with one that was taken back.
    pub pending: bool,
    /// Number of the decision among those in force.
    pub decision: Option<usize>,
}

fn class_of(key: &str) -> String {
    key.split(':').next().unwrap_or_default().to_owned()
}

/// Decisions that stand: of those that give a subject to two partners the last one.
struct Standing<'d> {
    of_a: HashMap<&'d str, usize>,
    of_b: HashMap<&'d str, usize>,
}

impl<'d> Standing<'d> {
    fn new(decisions: &'d [PairInForce]) -> Self {
        let (mut of_a, mut of_b): (HashMap<&str, usize>, HashMap<&str, usize>) = (HashMap::new(), HashMap::new());
        for (k, d) in decisions.iter().enumerate().filter(|(_, d)| d.decision != PairDecision::Reject) {
            for old in [of_a.get(d.a.as_str()), of_b.get(d.b.as_str())].into_iter().flatten().copied().collect::<Vec<_>>() {
                of_a.remove(decisions[old].a.as_str());
                of_b.remove(decisions[old].b.as_str());
            }
            of_a.insert(&d.a, k);
            of_b.insert(&d.b, k);
        }
        Self { of_a, of_b }
    }

    fn has(&self, k: usize, d: &PairInForce) -> bool {
        self.of_a.get(d.a.as_str()) == Some(&k)
    }
}

/// All cases: matches in the order of the kept result, then decided pairs that are not among them, then subjects without a partner.
pub fn cases(kept: &ReconciledBrief, decisions: &[PairInForce]) -> Vec<Case> {
    let standing = Standing::new(decisions);
    let by_pair: HashMap<(&str, &str), usize> = decisions.iter().enumerate().map(|(k, d)| ((d.a.as_str(), d.b.as_str()), k)).collect();
    let mut conflicts: HashMap<(&str, &str), u64> = HashMap::new();
    for c in &kept.conflicts {
        *conflicts.entry((&c.a, &c.b)).or_default() += 1;
    }
    let mut known_a: HashSet<&str> = kept.only_a.iter().map(String::as_str).collect();
    let mut known_b: HashSet<&str> = kept.only_b.iter().map(String::as_str).collect();
    let mut found = Vec::with_capacity(kept.matches.len() + kept.only_a.len() + kept.only_b.len());
    let mut shown: HashSet<usize> = HashSet::new();
    for m in &kept.matches {
        known_a.insert(&m.a);
        known_b.insert(&m.b);
        let pair = (m.a.as_str(), m.b.as_str());
        let by_hand = m.method == "override";
        let decision = by_pair.get(&pair).copied();
        let is_given_away = standing.of_a.contains_key(pair.0) || standing.of_b.contains_key(pair.1);
        let (state, pending) = match decision.map(|k| (k, &decisions[k])) {
            None if is_given_away => (CaseState::Overruled, true),
            None => (CaseState::Proposed, by_hand),
            Some((_, d)) if d.decision == PairDecision::Reject => (CaseState::Rejected, true),
            Some((k, d)) if !standing.has(k, d) => (CaseState::Overruled, by_hand || is_given_away),
            Some((_, d)) if d.decision == PairDecision::Accept => (CaseState::Accepted, !by_hand),
            Some(_) => (CaseState::Forced, !by_hand),
        };
        shown.extend(decision);
        found.push(Case {
            position: Some(m.position),
            a: Some(m.a.clone()),
            b: Some(m.b.clone()),
            class: m.class.clone(),
            method: Some(m.method.clone()),
            score: Some(m.score),
            distance_m: m.distance_m,
            tie: m.tie.clone(),
            conflicts: conflicts.get(&pair).copied().unwrap_or(0),
            state,
            pending,
            decision,
        });
    }
    let (mut given_a, mut given_b): (HashSet<&str>, HashSet<&str>) = (HashSet::new(), HashSet::new());
    for (k, d) in decisions.iter().enumerate().filter(|(k, _)| !shown.contains(k)) {
        let (state, pending) = match d.decision {
            PairDecision::Reject => (CaseState::Rejected, false),
            _ if !(known_a.contains(d.a.as_str()) && known_b.contains(d.b.as_str())) => (CaseState::Waiting, false),
            _ if !standing.has(k, d) => (CaseState::Overruled, false),
            PairDecision::Accept => (CaseState::Accepted, true),
            PairDecision::Force => (CaseState::Forced, true),
        };
        if pending {
            given_a.insert(&d.a);
            given_b.insert(&d.b);
        }
        found.push(Case {
            position: None,
            a: Some(d.a.clone()),
            b: Some(d.b.clone()),
            class: class_of(&d.a),
            method: None,
            score: None,
            distance_m: None,
            tie: None,
            conflicts: 0,
            state,
            pending,
            decision: Some(k),
        });
    }
    let alone = |key: &str, state: CaseState| Case {
        position: None,
        a: (state == CaseState::OnlyA).then(|| key.to_owned()),
        b: (state == CaseState::OnlyB).then(|| key.to_owned()),
        class: class_of(key),
        method: None,
        score: None,
        distance_m: None,
        tie: None,
        conflicts: 0,
        state,
        pending: false,
        decision: None,
    };
    found.extend(kept.only_a.iter().filter(|k| !given_a.contains(k.as_str())).map(|k| alone(k, CaseState::OnlyA)));
    found.extend(kept.only_b.iter().filter(|k| !given_b.contains(k.as_str())).map(|k| alone(k, CaseState::OnlyB)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::project::{MatchBrief, ReconciliationInfo, StoredConflict};

    fn kept(matches: &[(&str, &str, &str)], only_a: &[&str], only_b: &[&str]) -> ReconciledBrief {
        let info: ReconciliationInfo = ReconciliationInfo::default();
        let brief = |(i, (a, b, method)): (usize, &(&str, &str, &str))| MatchBrief {
            position: i as u64,
            a: (*a).into(),
            b: (*b).into(),
            class: class_of(a),
            method: (*method).into(),
            score: 0.8,
            distance_m: Some(3.0),
            tie: None,
        };
        let of = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect();
        ReconciledBrief {
            info,
            matches: matches.iter().enumerate().map(brief).collect(),
            conflicts: Vec::new(),
            only_a: of(only_a),
            only_b: of(only_b),
        }
    }

    fn decided(decision: PairDecision, a: &str, b: &str) -> PairInForce {
        PairInForce { decision, a: a.into(), b: b.into(), author: "kim".into(), note: String::new(), time_utc: String::new() }
    }

    fn told(kept: &ReconciledBrief, decisions: &[PairInForce]) -> Vec<(String, String, &'static str, bool)> {
        let text = |key: Option<String>| key.unwrap_or_default().replace("line:", "");
        cases(kept, decisions).into_iter().map(|c| (text(c.a), text(c.b), c.state.name(), c.pending)).collect()
    }

    fn row(a: &str, b: &str, state: &'static str, pending: bool) -> (String, String, &'static str, bool) {
        (a.to_owned(), b.to_owned(), state, pending)
    }

    #[test]
    fn names_are_in_the_order_of_the_states() {
        for (i, state) in [CaseState::Proposed, CaseState::Waiting, CaseState::OnlyB].iter().zip([0, 5, 7]).map(|(s, i)| (i, s)) {
            assert_eq!(serde_json::to_value(state).unwrap(), CaseState::NAMES[i]);
            assert_eq!(state.name(), CaseState::NAMES[i]);
        }
    }

    #[test]
    fn a_partner_given_by_hand_overrules_the_proposals_until_it_is_matched_again() {
        use PairDecision::Force;
        let before = kept(&[("line:1", "line:x", "place"), ("line:2", "line:y", "identity")], &["line:3"], &["line:z"]);
        let force = [decided(Force, "line:1", "line:y")];
        let expected = [
            row("1", "x", "overruled", true),
            row("2", "y", "overruled", true),
            row("1", "y", "forced", true),
            row("3", "", "only_a", false),
            row("", "z", "only_b", false),
        ];
        assert_eq!(told(&before, &force), expected);
        let after = kept(&[("line:1", "line:y", "override")], &["line:2", "line:3"], &["line:x", "line:z"]);
        assert_eq!(told(&after, &force)[0], row("1", "y", "forced", false));
        // Taken back, the result is one of before.
        assert_eq!(told(&after, &[])[0], row("1", "y", "proposed", true));
        // A subject without a partner is given one: neither is alone any more.
        let given = told(&before, &[decided(Force, "line:3", "line:z")]);
        assert_eq!(&given[2..], [row("3", "z", "forced", true)]);
    }

    #[test]
    fn of_two_decisions_about_a_subject_the_later_one_stands() {
        use PairDecision::{Accept, Force, Reject};
        let result = kept(&[("line:1", "line:x", "place")], &["line:2"], &["line:y"]);
        let decisions = [decided(Accept, "line:1", "line:x"), decided(Force, "line:2", "line:x")];
        assert_eq!(
            told(&result, &decisions),
            [row("1", "x", "overruled", true), row("2", "x", "forced", true), row("", "y", "only_b", false)]
        );
        // What is rejected stays to be seen after it is matched again, so that it can be taken back.
        let again = kept(&[], &["line:1", "line:2"], &["line:x", "line:y"]);
        assert_eq!(told(&result, &[decided(Reject, "line:1", "line:x")])[0], row("1", "x", "rejected", true));
        assert_eq!(told(&again, &[decided(Reject, "line:1", "line:x")])[0], row("1", "x", "rejected", false));
        assert_eq!(told(&result, &[decided(Accept, "line:gone", "line:y")])[1], row("gone", "y", "waiting", false));
        assert_eq!(told(&result, &[decided(Accept, "line:1", "line:x")])[0], row("1", "x", "accepted", true));
    }

    #[test]
    fn conflicts_are_counted_by_pair() {
        let mut result = kept(&[("line:1", "line:x", "place"), ("line:2", "line:y", "place")], &[], &[]);
        let conflict = |kind: &str| StoredConflict {
            kind: kind.into(),
            a: "line:2".into(),
            b: "line:y".into(),
            value_a: "1".into(),
            value_b: "2".into(),
            place: None,
        };
        result.conflicts = vec![conflict("length"), conflict("phases")];
        let counts: Vec<u64> = cases(&result, &[]).iter().map(|c| c.conflicts).collect();
        assert_eq!(counts, [0, 2]);
    }
}
