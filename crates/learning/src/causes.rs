//! Root causes: which fault explains a set of symptoms best, and how sure that is.
//!
//! # What a hypothesis says
//! A hypothesis `h` is a kind of cause at an element. It predicts symptoms of certain kinds at certain places, its *scope*: the element itself, what
//! loses its supply when the element is taken out, or both. In a radial network that is what hangs below it; in a meshed one an element that
//! can be passed by has nothing below it and explains only itself. The watched pairs (place, kind) show a symptom in the scope with
//! probability `d`, and anywhere with probability `f` by a false alarm or another cause. Of `H`: symptoms `s = 1` or `0` at watched pairs,
//! against the hypothesis `0` that there is no common cause,
//!
//! ```text
//! ln P(s|h)/P(s|0) = Σ over scope,   symptom:  w ln(d/f)
//!                                    silent:   ln((1 - d)/(1 - f))
//! ```
//!
//! since outside of the scope both say the same: there a symptom is unexplained and costs nothing but what it does not gain. A silent pair in
//! the scope contradicts. `w` is the score of the symptom, 0 to 1, as the weight of its evidence. (Naive Bayes with one cause at a time; the
//! pairs are independent given the cause.)
//!
//! # Features
//! A detector may say which quantities its score came from. With `c_q` the share of quantity `q` in the contributions of a symptom, and
//! `π_h(q)` the shares that the cause would give (`π_0` even), each symptom in the scope is one draw, counted in fractions:
//!
//! ```text
//! Σ over symptoms in scope  w Σ_q c_q ln(π_h(q)/π_0(q))
//! ```
//!
//! As the symptoms of one event share their cause they are not independent draws; more than [`DRAWS_MOST`] count as that many.
//!
//! # Past events
//! With `δ_e` the distance of the symptoms to those of a past event `e` (below) and `κ_e = exp(-(δ_e/`[`REACH`]`)²)`, the kinds of causes
//! have the probability of a Dirichlet prior with these weighted counts (a kernel estimate; a prior worth [`PRIOR_EVENTS`] events),
//!
//! ```text
//! P(kind) = (α p_kind + Σ κ_e [cause of e is kind]) / (α + Σ κ_e)
//! ```
//!
//! and the elements at which a kind may be share it evenly. The distance is half that of the sets of symptom kinds (1 less their overlap
//! over their union, Jaccard) and half that of the mean contributions by quantity (half the sum of absolute differences, which is 1 for
//! those that have nothing in common); the first alone where there are no contributions.
//!
//! # Answer
//! Bayes' rule over all hypotheses and `0` gives probabilities. Hypotheses of one kind that explain and contradict the same pairs cannot be told
//! apart: they are one, of several elements, with the sum of their probabilities. If the greatest is below what is asked for, or that of
//! `0`, there is not enough data.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Symptoms of one event that count as independent draws of their features, at most.
pub const DRAWS_MOST: f64 = 3.0;
/// Distance over which past events count.
pub const REACH: f64 = 0.35;
/// How many past events the prior shares of causes are worth.
pub const PRIOR_EVENTS: f64 = 5.0;

/// Where a cause shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At the element.
    Itself,
    /// At what loses its supply without it.
    Below,
    Both,
}

/// A kind of cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CauseKind {
    pub name: &'static str,
    /// Symptom kinds that it shows, and where.
    pub shows: &'static [(&'static str, Scope)],
    /// Shares of quantities in the contributions of its symptoms; what is not named shares the rest evenly.
    pub quantities: &'static [(&'static str, f64)],
    /// Share among causes before any data.
    pub share: f64,
    pub actions: &'static str,
}

/// Quantities that features belong to, and words by which they are known.
pub const QUANTITIES: &[(&str, &[&str])] = &[
    ("voltage", &["volt", "v_pu", "v_v", "sag", "swell", "tap"]),
    ("unbalance", &["unbal", "negative_seq", "neutral", "phase_diff"]),
    ("temperature", &["temp", "hot", "oil", "winding_c", "ambient"]),
    ("thd", &["thd", "harmon", "distort"]),
    ("power_factor", &["power_factor", "pf", "kvar", "reactive", "cos"]),
    ("load", &["load", "current", "kw", "amp", "power", "demand"]),
    ("health", &["health", "gas", "dga", "age", "moisture", "vibration"]),
];

/// The quantity of a feature or kind by the words in its name; none where no word fits.
pub fn quantity_of(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    QUANTITIES.iter().position(|(_, words)| words.iter().any(|w| name.contains(w)))
}

/// The kinds of causes that are considered. Shares and signatures are engineering judgement, not taken from one document: they say which
/// symptoms a cause can show, and how causes would be ordered without any data.
pub const CAUSES: &[CauseKind] = &[
    CauseKind {
        name: "voltage regulation",
        shows: &[("voltage", Scope::Below)],
        quantities: &[("voltage", 0.8), ("load", 0.05)],
        share: 0.14,
        actions: "Read the tap position and the control's settings on site; compare the voltages on both sides; block the control until they agree.",
    },
    CauseKind {
        name: "lost phase",
        shows: &[("voltage", Scope::Below), ("unbalance", Scope::Below)],
        quantities: &[("voltage", 0.4), ("unbalance", 0.5)],
        share: 0.14,
        actions: "Look for a blown fuse or an open conductor; measure the phase voltages on both sides; isolate before repair.",
    },
    CauseKind {
        name: "overload",
        shows: &[("temperature", Scope::Itself), ("voltage", Scope::Below)],
        quantities: &[("load", 0.45), ("temperature", 0.25), ("voltage", 0.2)],
        share: 0.16,
        actions: "Compare the load with the rating; move load to a neighbour or switch on capacity; plan reinforcement if it returns.",
    },
    CauseKind {
        name: "cooling",
        shows: &[("temperature", Scope::Itself)],
        quantities: &[("temperature", 0.85), ("load", 0.03)],
        share: 0.10,
        actions: "Check fans, pumps, oil level and radiators; reduce the load until the temperature falls.",
    },
    CauseKind {
        name: "insulation",
        shows: &[("health", Scope::Itself), ("temperature", Scope::Itself)],
        quantities: &[("health", 0.7), ("temperature", 0.2)],
        share: 0.08,
        actions: "Take an oil sample and measure partial discharge; plan an inspection before the next peak.",
    },
    CauseKind {
        name: "harmonic source",
        shows: &[("thd", Scope::Both)],
        quantities: &[("thd", 0.85)],
        share: 0.10,
        actions: "Measure harmonic currents at the element; check filters and the converters connected there.",
    },
    CauseKind {
        name: "compensation",
        shows: &[("power_factor", Scope::Both), ("voltage", Scope::Below)],
        quantities: &[("power_factor", 0.65), ("voltage", 0.25)],
        share: 0.10,
        actions: "Check fuses, switch and control of the capacitor bank; compare reactive power before and after.",
    },
    CauseKind {
        name: "unbalanced load",
        shows: &[("unbalance", Scope::Both)],
        quantities: &[("unbalance", 0.75), ("load", 0.15)],
        share: 0.10,
        actions: "Compare the loads of the phases; move single-phase loads; check the phases in the model by calibration.",
    },
    CauseKind {
        name: "meter",
        shows: &[
            ("voltage", Scope::Itself),
            ("unbalance", Scope::Itself),
            ("temperature", Scope::Itself),
            ("thd", Scope::Itself),
            ("power_factor", Scope::Itself),
            ("health", Scope::Itself),
        ],
        quantities: &[],
        share: 0.08,
        actions: "Compare the reading with a neighbour's or a portable meter; check wiring, ratio and clock.",
    },
];

/// Symptom kinds that a cause can show.
pub fn symptom_kinds() -> BTreeSet<&'static str> {
    CAUSES.iter().flat_map(|c| c.shows.iter().map(|(k, _)| *k)).collect()
}

/// One symptom: place (a number that the caller gives), kind, weight, and contributions by quantity as shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptom {
    pub place: usize,
    pub kind: String,
    pub weight: f64,
    /// Shares by [`QUANTITIES`]; none where the detector gave no contributions.
    pub shares: Option<Vec<f64>>,
}

/// A past event with its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    pub name: String,
    pub cause: String,
    pub kinds: BTreeSet<String>,
    pub shares: Option<Vec<f64>>,
}

/// An element at which a kind of cause may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Number of the kind in [`CAUSES`].
    pub cause: usize,
    /// `class.name`.
    pub element: String,
    /// The element's own place, if it is watched.
    pub itself: Option<usize>,
    /// Watched places that lose their supply without it.
    pub below: BTreeSet<usize>,
    /// Elements of the network at which this kind may be, of which this is one.
    pub among: usize,
}

/// What is expected of detectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Probability that a place in the scope shows a symptom.
    pub detection: f64,
    /// Probability that a watched pair shows one without the cause.
    pub false_alarm: f64,
    /// Probability, before any data, that symptoms have no common cause of the kinds that are known.
    pub unknown: f64,
}

/// A hypothesis with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    pub cause: usize,
    /// Elements that the symptoms do not tell apart, the first in the order of the candidates.
    pub elements: Vec<String>,
    pub probability: f64,
    /// Symptoms in its scope, by their place in the list given.
    pub explained: Vec<usize>,
    pub unexplained: Vec<usize>,
    /// Watched pairs in its scope that are silent.
    pub contradicting: Vec<(usize, &'static str)>,
    /// Natural logarithms of the odds that each kind of evidence gives, against no common cause.
    pub topology: f64,
    pub features: f64,
    /// Of the past events against the prior shares.
    pub events: f64,
    pub prior: f64,
}

/// All hypotheses, the most probable first, and the probability that there is no common cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    pub hypotheses: Vec<Hypothesis>,
    pub no_common_cause: f64,
    /// Distance and number of each past event, nearest first.
    pub similar: Vec<(f64, usize)>,
}

/// Distance of two sets of symptoms, 0 to 1; see the file's header.
pub fn distance(kinds_a: &BTreeSet<String>, shares_a: Option<&[f64]>, kinds_b: &BTreeSet<String>, shares_b: Option<&[f64]>) -> f64 {
    let union = kinds_a.union(kinds_b).count();
    let sets = if union == 0 { 0.0 } else { 1.0 - kinds_a.intersection(kinds_b).count() as f64 / union as f64 };
    match (shares_a, shares_b) {
        (Some(a), Some(b)) => 0.5 * sets + 0.25 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>(),
        _ => sets,
    }
}

/// Mean of shares, by weight.
pub fn mean_shares<'a>(of: impl Iterator<Item = (&'a [f64], f64)>) -> Option<Vec<f64>> {
    let (mut sum, mut total) = (vec![0.0; QUANTITIES.len()], 0.0);
    for (shares, weight) in of {
        sum.iter_mut().zip(shares).for_each(|(s, x)| *s += weight * x);
        total += weight;
    }
    (total > 0.0).then(|| sum.into_iter().map(|s| s / total).collect())
}

/// Shares of quantities that a cause gives.
fn signature(cause: &CauseKind) -> Vec<f64> {
    let named: f64 = cause.quantities.iter().map(|(_, s)| s).sum();
    let rest = (1.0 - named) / (QUANTITIES.len() - cause.quantities.len()).max(1) as f64;
    let share = |name: &str| cause.quantities.iter().find(|(n, _)| *n == name).map_or(rest, |(_, s)| *s);
    QUANTITIES.iter().map(|(n, _)| share(n)).collect()
}

/// Ranks the candidates. `watched` are the pairs of place and kind that would have shown a symptom; symptoms count as watched in any case.
pub fn rank(
    symptoms: &[Symptom],
    watched: &BTreeSet<(usize, String)>,
    candidates: &[Candidate],
    past: &[PastEvent],
    rates: &Rates,
) -> Ranking {
    let at: HashMap<(usize, &str), usize> = symptoms.iter().enumerate().map(|(i, s)| ((s.place, s.kind.as_str()), i)).collect();
    let mut by_kind: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (place, kind) in watched {
        by_kind.entry(kind).or_default().insert(*place);
    }
    let kinds: BTreeSet<String> = symptoms.iter().map(|s| s.kind.clone()).collect();
    let shares = mean_shares(symptoms.iter().filter_map(|s| s.shares.as_deref().map(|x| (x, s.weight))));
    let mut similar: Vec<(f64, usize)> =
        past.iter().enumerate().map(|(i, e)| (distance(&kinds, shares.as_deref(), &e.kinds, e.shares.as_deref()), i)).collect();
    similar.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Shares of kinds by past events.
    let kernel = |d: f64| (-(d / REACH).powi(2)).exp();
    let of_known: Vec<(f64, usize)> = similar
        .iter()
        .filter_map(|&(d, e)| CAUSES.iter().position(|c| c.name.eq_ignore_ascii_case(past[e].cause.trim())).map(|c| (kernel(d), c)))
        .collect();
    let total: f64 = of_known.iter().map(|(k, _)| k).sum();
    let share_of = |cause: usize| {
        let count: f64 = of_known.iter().filter(|(_, c)| *c == cause).map(|(k, _)| k).sum();
        (PRIOR_EVENTS * CAUSES[cause].share + count) / (PRIOR_EVENTS + total)
    };
    let even = 1.0 / QUANTITIES.len() as f64;
    let gain = (rates.detection / rates.false_alarm).ln();
    let loss = ((1.0 - rates.detection) / (1.0 - rates.false_alarm)).ln();
    let none = BTreeSet::new();
    type Key = (usize, Vec<usize>, Vec<(usize, &'static str)>);
    let mut groups: BTreeMap<Key, Hypothesis> = BTreeMap::new();
    for candidate in candidates {
        let cause = &CAUSES[candidate.cause];
        let (mut explained, mut contradicting) = (BTreeSet::new(), BTreeSet::new());
        for &(kind, scope) in cause.shows {
            let places = by_kind.get(kind).unwrap_or(&none);
            let below = candidate.below.iter().copied().filter(|_| scope != Scope::Itself);
            for place in below.chain(candidate.itself.filter(|_| scope != Scope::Below)) {
                match at.get(&(place, kind)) {
                    Some(&symptom) => drop(explained.insert(symptom)),
                    None if places.contains(&place) => drop(contradicting.insert((place, kind))),
                    None => {}
                }
            }
        }
        if explained.is_empty() {
            continue;
        }
        // A meter errs in what it measures, not in everything: what else is watched at its place does not contradict.
        if cause.name == "meter" {
            contradicting.clear();
        }
        let explained: Vec<usize> = explained.into_iter().collect();
        let contradicting: Vec<(usize, &'static str)> = contradicting.into_iter().collect();
        let weight: f64 = explained.iter().map(|&i| symptoms[i].weight).sum();
        let topology = gain * weight + loss * contradicting.len() as f64;
        let signature = signature(cause);
        let drawn: Vec<(f64, f64)> = explained
            .iter()
            .filter_map(|&i| {
                let shares = symptoms[i].shares.as_ref()?;
                let each: f64 = shares.iter().zip(&signature).map(|(c, s)| c * (s / even).ln()).sum();
                Some((symptoms[i].weight, symptoms[i].weight * each))
            })
            .collect();
        let draws: f64 = drawn.iter().map(|(w, _)| w).sum();
        let features = drawn.iter().map(|(_, x)| x).sum::<f64>() * (DRAWS_MOST / draws).min(1.0);
        let features = if draws > 0.0 { features } else { 0.0 };
        let share = share_of(candidate.cause);
        let prior = ((1.0 - rates.unknown) * cause.share / candidate.among.max(1) as f64 / rates.unknown).ln();
        let events = (share / cause.share).ln();
        // For now the odds against no common cause.
        let odds = (prior + events + topology + features).min(600.0).exp();
        let unexplained: Vec<usize> = (0..symptoms.len()).filter(|i| !explained.contains(i)).collect();
        let key = (candidate.cause, explained.clone(), contradicting.clone());
        let one = groups.entry(key).or_insert_with(|| Hypothesis {
            cause: candidate.cause,
            elements: Vec::new(),
            probability: 0.0,
            explained,
            unexplained,
            contradicting,
            topology,
            features,
            events,
            prior,
        });
        if !one.elements.contains(&candidate.element) {
            one.elements.push(candidate.element.clone());
            one.probability += odds;
        }
    }
    let mut hypotheses: Vec<Hypothesis> = groups.into_values().collect();
    let sum = 1.0 + hypotheses.iter().map(|h| h.probability).sum::<f64>();
    hypotheses.iter_mut().for_each(|h| h.probability /= sum);
    hypotheses.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.cause.cmp(&b.cause)).then(a.elements.cmp(&b.elements)));
    Ranking { hypotheses, no_common_cause: 1.0 / sum, similar }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { detection: 0.8, false_alarm: 0.02, unknown: 0.1 };

    fn symptom(place: usize, kind: &str) -> Symptom {
        Symptom { place, kind: kind.into(), weight: 1.0, shares: None }
    }

    fn candidate(cause: &str, element: &str, itself: Option<usize>, below: &[usize]) -> Candidate {
        let cause = CAUSES.iter().position(|c| c.name == cause).unwrap();
        Candidate { cause, element: element.into(), itself, below: below.iter().copied().collect(), among: 4 }
    }

    #[test]
    fn shares_are_shares() {
        assert!((CAUSES.iter().map(|c| c.share).sum::<f64>() - 1.0).abs() < 1e-12);
        for c in CAUSES {
            let s = signature(c);
            assert!((s.iter().sum::<f64>() - 1.0).abs() < 1e-12 && s.iter().all(|x| *x > 0.0), "{}", c.name);
        }
    }

    /// Two candidates and none, by hand: one explains both symptoms with one silent place, the other one symptom.
    #[test]
    fn probabilities_are_those_of_bayes_rule() {
        let symptoms = [symptom(0, "voltage"), symptom(1, "voltage")];
        let watched = (0..4).map(|p| (p, "voltage".to_owned())).collect();
        let candidates = [
            candidate("voltage regulation", "transformer.a", None, &[0, 1, 2]),
            candidate("voltage regulation", "transformer.b", None, &[1]),
        ];
        let r = rank(&symptoms, &watched, &candidates, &[], &RATES);
        let prior = 0.9 * 0.14 / 4.0 / 0.1;
        let (hit, miss) = (0.8 / 0.02, 0.2 / 0.98);
        let (a, b) = (prior * hit * hit * miss, prior * hit);
        assert!((r.hypotheses[0].probability - a / (1.0 + a + b)).abs() < 1e-12, "{r:?}");
        assert!((r.hypotheses[1].probability - b / (1.0 + a + b)).abs() < 1e-12 && (r.no_common_cause - 1.0 / (1.0 + a + b)).abs() < 1e-12);
        assert_eq!(r.hypotheses[0].contradicting, [(2, "voltage")]);
        assert_eq!(r.hypotheses[1].unexplained, [0]);
    }

    #[test]
    fn what_cannot_be_told_apart_is_one_hypothesis() {
        let symptoms = [symptom(0, "voltage")];
        let candidates = [candidate("lost phase", "line.a", None, &[0]), candidate("lost phase", "line.b", None, &[0])];
        let r = rank(&symptoms, &BTreeSet::from([(0, "voltage".to_owned())]), &candidates, &[], &RATES);
        assert_eq!(r.hypotheses.len(), 1);
        assert_eq!(r.hypotheses[0].elements, ["line.a", "line.b"]);
        let odds = 2.0 * 0.9 * 0.14 / 4.0 / 0.1 * 40.0;
        assert!((r.hypotheses[0].probability - odds / (1.0 + odds)).abs() < 1e-12);
    }

    #[test]
    fn contributions_and_past_events_tell_causes_apart() {
        let mut hot = symptom(0, "temperature");
        let watched = BTreeSet::from([(0, "temperature".to_owned())]);
        let candidates = [candidate("cooling", "transformer.t", Some(0), &[]), candidate("overload", "transformer.t", Some(0), &[])];
        let shares =
            |q: &[(&str, f64)]| QUANTITIES.iter().map(|(n, _)| q.iter().find(|(m, _)| m == n).map_or(0.0, |x| x.1)).collect::<Vec<f64>>();
        let first = |s: &Symptom, past: &[PastEvent]| {
            CAUSES[rank(std::slice::from_ref(s), &watched, &candidates, past, &RATES).hypotheses[0].cause].name
        };
        hot.shares = Some(shares(&[("temperature", 1.0)]));
        assert_eq!(first(&hot, &[]), "cooling");
        hot.shares = Some(shares(&[("load", 0.8), ("temperature", 0.2)]));
        assert_eq!(first(&hot, &[]), "overload");
        // Without contributions overload is more frequent, until past events say otherwise.
        hot.shares = None;
        assert_eq!(first(&hot, &[]), "overload");
        let event = |n: usize| PastEvent {
            name: n.to_string(),
            cause: "Cooling".into(),
            kinds: BTreeSet::from(["temperature".to_owned()]),
            shares: None,
        };
        let events: Vec<PastEvent> = (0..6).map(event).collect();
        assert_eq!(first(&hot, &events), "cooling");
        // Six events at distance 0 and a prior worth five.
        let r = rank(std::slice::from_ref(&hot), &watched, &candidates, &events, &RATES);
        assert!((r.hypotheses[0].events - ((5.0 * 0.10 + 6.0) / 11.0 / 0.10f64).ln()).abs() < 1e-12);
    }

    #[test]
    fn distances_are_between_nothing_and_all() {
        let set = |k: &[&str]| k.iter().map(|k| (*k).to_owned()).collect::<BTreeSet<String>>();
        assert_eq!(distance(&set(&["a", "b"]), None, &set(&["a", "b"]), None), 0.0);
        assert_eq!(distance(&set(&["a"]), None, &set(&["b"]), None), 1.0);
        assert_eq!(distance(&set(&["a", "b"]), None, &set(&["b", "c"]), None), 1.0 - 1.0 / 3.0);
        assert_eq!(distance(&set(&["a"]), Some(&[1.0, 0.0]), &set(&["a"]), Some(&[0.0, 1.0])), 0.5);
    }
}
