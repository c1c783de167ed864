//! Candidates, their scores, and who is given to whom.

use super::subject::{Subject, plain, subjects};
use super::{Class, Conflict, ConflictKind, Decision, Match, Method, Options, Override, Reason, Reconciliation};
use network::{Diagnostic, LonLat, Network};
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Neighbours of a subject that are looked at; a busbar may have hundreds.
const NEIGHBOURS: usize = 24;

/// Metres of a degree of latitude, near enough to look for candidates.
const METRES_PER_DEGREE: f64 = 111_320.0;

/// A pair under consideration.
struct Candidate {
    a: usize,
    b: usize,
    identity: f64,
    place: Option<f64>,
    distance_m: Option<f64>,
    attributes: Vec<Reason>,
    /// It came from the neighbours of matched ones.
    by_topology: bool,
}

struct Work<'a> {
    options: &'a Options,
    a: Vec<Subject>,
    b: Vec<Subject>,
    neighbours_a: Vec<Vec<usize>>,
    neighbours_b: Vec<Vec<usize>>,
    candidates: Vec<Candidate>,
    known: HashSet<(usize, usize)>,
    rejected: HashSet<(usize, usize)>,
    of_a: Vec<Option<usize>>,
    of_b: Vec<Option<usize>>,
}

/// Matches the equipment of network `a` to that of network `b`.
///
/// # Inputs
/// * `overrides` - decisions by `class:id`; a later one about the same pair replaces an earlier one.
///
/// # Returns
/// Matches in the order of A's subjects, conflicts, what has no partner, and overrides that fit nothing any more.
///
/// Cost: near-linear in the number of subjects, for a bounded number of candidates each.
pub fn reconcile(a: &Network, b: &Network, overrides: &[Override], options: &Options) -> Reconciliation {
    let (sa, sb) = (subjects(a), subjects(b));
    let (neighbours_a, neighbours_b) = (neighbours(&sa), neighbours(&sb));
    let mut w = Work {
        options,
        of_a: vec![None; sa.len()],
        of_b: vec![None; sb.len()],
        a: sa,
        b: sb,
        neighbours_a,
        neighbours_b,
        candidates: Vec::new(),
        known: HashSet::new(),
        rejected: HashSet::new(),
    };
    let mut out = Reconciliation::default();
    let forced = w.decide(overrides, &mut out);
    w.by_identity();
    w.by_place();
    let mut chosen: Vec<(usize, f64, f64, Option<usize>)> = Vec::new();
    for round in 0..=options.rounds {
        chosen = w.assign(round, &forced);
        if round < options.rounds {
            w.by_topology();
        }
    }
    w.conclude(&chosen, &forced, overrides, out)
}

/// Subjects that share a bus.
fn neighbours(subjects: &[Subject]) -> Vec<Vec<usize>> {
    let mut at: HashMap<u32, Vec<usize>> = HashMap::new();
    for (i, s) in subjects.iter().enumerate() {
        for &bus in &s.buses {
            at.entry(bus).or_default().push(i);
        }
    }
    subjects
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let mut near: Vec<usize> = Vec::new();
            for bus in &s.buses {
                for &j in at.get(bus).into_iter().flatten().take(NEIGHBOURS + 1) {
                    if j != i && !near.contains(&j) {
                        near.push(j);
                    }
                }
            }
            near
        })
        .collect()
}

/// Whether two subjects share a bus; the lists of neighbours are cut short at busbars.
fn adjacent(a: &Subject, b: &Subject) -> bool {
    a.buses.iter().any(|bus| b.buses.binary_search(bus).is_ok())
}

/// Smaller over larger.
fn ratio(a: f64, b: f64) -> f64 {
    let (low, high) = (a.abs().min(b.abs()), a.abs().max(b.abs()));
    if high > 0.0 { low / high } else { 1.0 }
}

/// Share of pairs of letters that two names have in common (Dice).
fn similarity(a: &str, b: &str) -> f64 {
    let pairs = |t: &str| {
        let letters: Vec<char> = t.chars().collect();
        let mut pairs: Vec<(char, char)> = letters.windows(2).map(|w| (w[0], w[1])).collect();
        pairs.sort_unstable();
        pairs
    };
    let (pa, pb) = (pairs(a), pairs(b));
    if pa.is_empty() || pb.is_empty() {
        return if a == b && !a.is_empty() { 1.0 } else { 0.0 };
    }
    let (mut i, mut j, mut shared) = (0, 0, 0usize);
    while i < pa.len() && j < pb.len() {
        match pa[i].cmp(&pb[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    2.0 * shared as f64 / (pa.len() + pb.len()) as f64
}

fn letters(phases: [bool; 3]) -> String {
    ['A', 'B', 'C'].into_iter().zip(phases).filter(|(_, p)| *p).map(|(c, _)| c).collect()
}

/// What attributes say of a pair.
fn attributes(a: &Subject, b: &Subject) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |what: &str, score: f64, text: String| reasons.push(Reason { what: what.to_owned(), score, text });
    if let (Some(p), Some(q)) = (a.phases, b.phases) {
        let within = |p: [bool; 3], q: [bool; 3]| (0..3).all(|k| !p[k] || q[k]);
        let score = if p == q {
            1.0
        } else if within(p, q) || within(q, p) {
            0.5
        } else {
            0.0
        };
        add("phases", score, format!("{} and {}", letters(p), letters(q)));
    }
    if let (Some(p), Some(q)) = (a.size, b.size) {
        add("size", ratio(p, q), format!("{p} and {q}"));
    }
    if let (Some(p), Some(q)) = (a.length_m, b.length_m) {
        add("length", ratio(p, q), format!("{p:.1} m and {q:.1} m"));
    }
    if let (Some(p), Some(q)) = (a.kv, b.kv) {
        // Line to neutral on one side and line to line on the other is no disagreement.
        let score = [1.0, 3f64.sqrt(), 1.0 / 3f64.sqrt()].map(|f| ratio(p * f, q)).into_iter().fold(0.0, f64::max);
        add("voltage", if score > 0.9 { 1.0 } else { 0.0 }, format!("{p:.3} kV and {q:.3} kV"));
    }
    if let (Some(p), Some(q)) = (a.ids.first(), b.ids.first()) {
        let score = similarity(p, q);
        // Names of unlike systems say nothing against a match.
        if score > 0.5 {
            add("name", score, format!("\"{p}\" and \"{q}\""));
        }
    }
    reasons
}

impl Work<'_> {
    /// Applies decisions; the forced pairs, by A's subject, with the number of their override.
    fn decide(&mut self, overrides: &[Override], out: &mut Reconciliation) -> BTreeMap<usize, (usize, usize)> {
        let index =
            |subjects: &[Subject]| subjects.iter().enumerate().rev().map(|(i, s)| (s.key.clone(), i)).collect::<HashMap<String, usize>>();
        let (ka, kb) = (index(&self.a), index(&self.b));
        let mut last: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (k, o) in overrides.iter().enumerate() {
            match (ka.get(&o.a.to_lowercase()), kb.get(&o.b.to_lowercase())) {
                (Some(&a), Some(&b)) if self.a[a].class == self.b[b].class || o.decision != Decision::Accept => {
                    last.insert((a, b), k);
                }
                _ => {
                    let what = format!("an override about {} and {} fits nothing any more", o.a, o.b);
                    out.diagnostics.push(
                        Diagnostic::warning("RECONCILE.OVERRIDE.ORPHAN", what)
                            .hint("One of the two is not there now; it is kept, and applies again when it returns."),
                    );
                    out.orphans.push(o.clone());
                }
            }
        }
        let mut forced: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut in_order: Vec<((usize, usize), usize)> = last.into_iter().collect();
        in_order.sort_by_key(|(_, k)| *k);
        let mut taken_b: HashMap<usize, usize> = HashMap::new();
        for ((a, b), k) in in_order {
            if overrides[k].decision == Decision::Reject {
                self.rejected.insert((a, b));
                continue;
            }
            // The later decision about a subject stands.
            let before =
                forced.get(&a).map(|(b, _)| *b).into_iter().chain(taken_b.get(&b).and_then(|a| forced.get(a)).map(|(b, _)| *b)).next();
            if before.is_some() {
                let what = format!("overrides give {} or {} to two partners; the last one counts", self.a[a].key, self.b[b].key);
                out.diagnostics.push(Diagnostic::warning("RECONCILE.OVERRIDE.CONFLICT", what).hint("Remove the one that is wrong."));
                if let Some(other) = taken_b.remove(&b) {
                    forced.remove(&other);
                }
                if let Some((old, _)) = forced.remove(&a) {
                    taken_b.remove(&old);
                }
            }
            forced.insert(a, (b, k));
            taken_b.insert(b, a);
        }
        forced
    }

    fn add(&mut self, a: usize, b: usize, identity: f64, by_topology: bool) {
        if self.a[a].class != self.b[b].class || self.rejected.contains(&(a, b)) || !self.known.insert((a, b)) {
            return;
        }
        let distance_m = self.a[a].distance_m(&self.b[b]);
        let place = distance_m.map(|d| (-(d / self.options.place_scale_m).powi(2)).exp());
        self.candidates.push(Candidate { a, b, identity, place, distance_m, attributes: attributes(&self.a[a], &self.b[b]), by_topology });
    }

    /// Pairs with an id in common that no other subject of the class has.
    fn by_identity(&mut self) {
        for exact in [true, false] {
            let key = |id: &str| if exact { id.trim().to_lowercase() } else { plain(id) };
            let index = |subjects: &[Subject]| {
                let mut index: HashMap<(Class, String), Vec<usize>> = HashMap::new();
                for (i, s) in subjects.iter().enumerate() {
                    let mut own: Vec<String> = s.ids.iter().map(|id| key(id)).filter(|k| !k.is_empty()).collect();
                    own.sort_unstable();
                    own.dedup();
                    for k in own {
                        index.entry((s.class, k)).or_default().push(i);
                    }
                }
                index
            };
            let (ia, ib) = (index(&self.a), index(&self.b));
            let mut pairs: Vec<(usize, usize)> = ia
                .iter()
                .filter_map(|(k, of_a)| match (of_a.as_slice(), ib.get(k).map(Vec::as_slice)) {
                    ([a], Some([b])) => Some((*a, *b)),
                    _ => None,
                })
                .collect();
            pairs.sort_unstable();
            for (a, b) in pairs {
                self.add(a, b, if exact { 1.0 } else { 0.9 }, false);
            }
        }
    }

    fn by_place(&mut self) {
        type Point = GeomWithData<[f64; 2], usize>;
        let middle: f64 = {
            let (sum, n) = self.b.iter().filter_map(Subject::middle).fold((0.0, 0usize), |(s, n), p| (s + p.lat_deg, n + 1));
            if n > 0 { sum / n as f64 } else { 0.0 }
        };
        let narrow = middle.to_radians().cos().max(1e-3);
        let xy = |p: LonLat| [p.lon_deg * METRES_PER_DEGREE * narrow, p.lat_deg * METRES_PER_DEGREE];
        let mut trees: BTreeMap<Class, Vec<Point>> = BTreeMap::new();
        for (i, s) in self.b.iter().enumerate() {
            if let Some(p) = s.middle() {
                trees.entry(s.class).or_default().push(GeomWithData::new(xy(p), i));
            }
        }
        let trees: BTreeMap<Class, RTree<Point>> = trees.into_iter().map(|(c, points)| (c, RTree::bulk_load(points))).collect();
        let r = self.options.radius_m;
        for i in 0..self.a.len() {
            let Some(p) = self.a[i].middle() else { continue };
            let Some(tree) = trees.get(&self.a[i].class) else { continue };
            let [x, y] = xy(p);
            // A pole may carry any number of meters; the nearest by both ends are kept.
            let mut near: Vec<(f64, usize)> = tree
                .locate_in_envelope(AABB::from_corners([x - r, y - r], [x + r, y + r]))
                .take(50 * self.options.candidates.max(1))
                .filter_map(|q| Some((self.a[i].distance_m(&self.b[q.data])?, q.data)))
                .filter(|(d, _)| *d <= r)
                .collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(self.options.candidates);
            for (_, j) in near {
                self.add(i, j, 0.0, false);
            }
        }
    }

    /// Unmatched neighbours of matched pairs become candidates of each other.
    fn by_topology(&mut self) {
        for i in 0..self.a.len() {
            let Some(j) = self.of_a[i] else { continue };
            let open_a: Vec<usize> = self.neighbours_a[i].iter().copied().filter(|&n| self.of_a[n].is_none()).take(NEIGHBOURS).collect();
            let open_b: Vec<usize> = self.neighbours_b[j].iter().copied().filter(|&n| self.of_b[n].is_none()).take(NEIGHBOURS).collect();
            for &a in &open_a {
                for &b in &open_b {
                    self.add(a, b, 0.0, true);
                }
            }
        }
    }

    /// Share of matched neighbours whose partners are neighbours too, and how many were looked at.
    fn topology(&self, a: usize, b: usize) -> Option<(f64, usize)> {
        let (mut agree, mut all) = (0usize, 0usize);
        for &n in &self.neighbours_a[a] {
            if let Some(partner) = self.of_a[n] {
                all += 1;
                agree += usize::from(adjacent(&self.b[b], &self.b[partner]));
            }
        }
        (all > 0).then(|| (agree as f64 / all as f64, all))
    }

    fn score(&self, c: &Candidate) -> f64 {
        let topology = self.topology(c.a, c.b).map(|t| t.0);
        let mean = |values: &[f64]| if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) };
        let attributes = mean(&c.attributes.iter().map(|r| r.score).collect::<Vec<_>>());
        if c.identity > 0.0 {
            let others: Vec<f64> = [c.place, topology, attributes].into_iter().flatten().collect();
            let score = 0.8 * c.identity + 0.2 * mean(&others).unwrap_or(1.0);
            let far = c.distance_m.is_some_and(|d| d > self.options.identity_limit_m);
            return if far { 0.5 * score } else { score };
        }
        if c.place.is_none() && topology.is_none() {
            return 0.0;
        }
        let parts = [(0.5, c.place), (0.2, topology), (0.3, attributes)];
        let (sum, weight) = parts.iter().filter_map(|(w, v)| v.map(|v| (w * v, w))).fold((0.0, 0.0), |(s, w), (v, x)| (s + v, w + x));
        // What is known by little is not known surely.
        sum / f64::max(weight, 0.7)
    }

    /// Gives from the highest score down. Returns candidate, score, topology, and the rival of a tie.
    fn assign(&mut self, round: usize, forced: &BTreeMap<usize, (usize, usize)>) -> Vec<(usize, f64, f64, Option<usize>)> {
        let scores: Vec<f64> = self.candidates.iter().map(|c| self.score(c)).collect();
        let topology: Vec<f64> = self.candidates.iter().map(|c| self.topology(c.a, c.b).map_or(0.0, |t| t.0)).collect();
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        let rank = |k: &usize| (self.candidates[*k].a, self.candidates[*k].b);
        order.sort_by(|x, y| scores[*y].total_cmp(&scores[*x]).then_with(|| rank(x).cmp(&rank(y))));
        let mut of_a = vec![None; self.a.len()];
        let mut of_b = vec![None; self.b.len()];
        for (&a, &(b, _)) in forced {
            of_a[a] = Some(b);
            of_b[b] = Some(a);
        }
        // Early rounds take only what is sure, so that later ones can build on it.
        let last = round == self.options.rounds;
        let least = if last { self.options.least_score } else { self.options.least_score.max(0.75) };
        let mut chosen = Vec::new();
        for &k in &order {
            let c = &self.candidates[k];
            if scores[k] < least || of_a[c.a].is_some() || of_b[c.b].is_some() {
                continue;
            }
            of_a[c.a] = Some(c.b);
            of_b[c.b] = Some(c.a);
            chosen.push((k, scores[k], topology[k], None));
        }
        if last {
            let mut by_a: HashMap<usize, Vec<usize>> = HashMap::new();
            let mut by_b: HashMap<usize, Vec<usize>> = HashMap::new();
            for (k, c) in self.candidates.iter().enumerate() {
                by_a.entry(c.a).or_default().push(k);
                by_b.entry(c.b).or_default().push(k);
            }
            for (k, score, _, rival) in &mut chosen {
                let c = &self.candidates[*k];
                let near = |other: &&usize| **other != *k && scores[**other] >= *score - self.options.tie;
                *rival = by_a.get(&c.a).into_iter().chain(by_b.get(&c.b)).flatten().filter(near).copied().next();
            }
        }
        self.of_a = of_a;
        self.of_b = of_b;
        chosen
    }

    fn conclude(
        self,
        chosen: &[(usize, f64, f64, Option<usize>)],
        forced: &BTreeMap<usize, (usize, usize)>,
        overrides: &[Override],
        mut out: Reconciliation,
    ) -> Reconciliation {
        let mut matches: Vec<(usize, usize, Match)> = Vec::new();
        for (&a, &(b, k)) in forced {
            let reason = Reason { what: "override".into(), score: 1.0, text: overrides[k].reason.clone() };
            let mut reasons = vec![reason];
            reasons.extend(attributes(&self.a[a], &self.b[b]));
            matches.push((
                a,
                b,
                Match {
                    a: self.a[a].key.clone(),
                    b: self.b[b].key.clone(),
                    class: self.a[a].class,
                    score: 1.0,
                    method: Method::Override,
                    reasons,
                    distance_m: self.a[a].distance_m(&self.b[b]),
                    tie: None,
                },
            ));
        }
        for &(k, score, topology, rival) in chosen {
            let c = &self.candidates[k];
            let mut reasons = Vec::new();
            if c.identity > 0.0 {
                let text = if c.identity == 1.0 { "an id in common" } else { "ids whose letters and digits are equal" };
                reasons.push(Reason { what: "identity".into(), score: c.identity, text: text.into() });
            }
            if let (Some(place), Some(d)) = (c.place, c.distance_m) {
                reasons.push(Reason { what: "place".into(), score: place, text: format!("{d:.1} m apart") });
            }
            if let Some((_, n)) = self.topology(c.a, c.b) {
                reasons.push(Reason { what: "topology".into(), score: topology, text: format!("{n} neighbours have partners") });
            }
            reasons.extend(c.attributes.iter().cloned());
            let method = match (c.identity > 0.0, c.by_topology) {
                (true, _) => Method::Identity,
                (false, true) => Method::Topology,
                (false, false) => Method::Place,
            };
            let tie = rival.map(|r| {
                let other = &self.candidates[r];
                if other.a == c.a { self.b[other.b].key.clone() } else { self.a[other.a].key.clone() }
            });
            matches.push((
                c.a,
                c.b,
                Match {
                    a: self.a[c.a].key.clone(),
                    b: self.b[c.b].key.clone(),
                    class: self.a[c.a].class,
                    score,
                    method,
                    reasons,
                    distance_m: c.distance_m,
                    tie,
                },
            ));
        }
        matches.sort_by_key(|(a, ..)| *a);
        for (a, b, _) in &matches {
            self.conflicts(*a, *b, &mut out.conflicts);
        }
        let alone = |subjects: &[Subject], of: &[Option<usize>]| -> Vec<String> {
            subjects.iter().zip(of).filter(|(_, partner)| partner.is_none()).map(|(s, _)| s.key.clone()).collect()
        };
        out.only_a = alone(&self.a, &self.of_a);
        out.only_b = alone(&self.b, &self.of_b);
        out.matches = matches.into_iter().map(|(.., m)| m).collect();
        out.findings();
        out
    }

    fn conflicts(&self, a: usize, b: usize, out: &mut Vec<Conflict>) {
        let (sa, sb) = (&self.a[a], &self.b[b]);
        let mut add = |kind: ConflictKind, value_a: String, value_b: String| {
            out.push(Conflict { kind, a: sa.key.clone(), b: sb.key.clone(), value_a, value_b, place: sa.middle().or_else(|| sb.middle()) });
        };
        if let (Some(p), Some(q)) = (sa.phases, sb.phases)
            && p != q
        {
            add(ConflictKind::Phases, letters(p), letters(q));
        }
        if let (Some(p), Some(q)) = (sa.length_m, sb.length_m)
            && ratio(p, q) < 1.0 / 1.2
            && (p - q).abs() > 10.0
        {
            add(ConflictKind::Length, format!("{p:.1} m"), format!("{q:.1} m"));
        }
        // A rating is a rating; the power of a load is an estimate on either side.
        let alike = if matches!(sa.class, Class::Load | Class::Generator) { 0.8 } else { 0.95 };
        if let (Some(p), Some(q)) = (sa.size, sb.size)
            && ratio(p, q) < alike
        {
            add(ConflictKind::Rating, p.to_string(), q.to_string());
        }
        if let (Some(p), Some(q)) = (sa.kv, sb.kv)
            && [1.0, 3f64.sqrt(), 1.0 / 3f64.sqrt()].iter().all(|f| ratio(p * f, q) < 0.9)
        {
            add(ConflictKind::Voltage, format!("{p:.3} kV"), format!("{q:.3} kV"));
        }
        if let Some(d) = sa.distance_m(sb)
            && d > self.options.radius_m
        {
            add(ConflictKind::Place, format!("{d:.0} m"), "0 m".into());
        }
        // Neighbours on one side whose partners are strangers on the other.
        let strangers: Vec<&str> = self.neighbours_a[a]
            .iter()
            .filter_map(|&n| self.of_a[n].map(|p| (n, p)))
            .filter(|(_, p)| !adjacent(&self.b[b], &self.b[*p]))
            .map(|(n, _)| self.a[n].key.as_str())
            .collect();
        let matched = self.neighbours_a[a].iter().filter(|&&n| self.of_a[n].is_some()).count();
        // One stranger may be its own wrong match; more than half of them are this pair's.
        if !strangers.is_empty() && 2 * strangers.len() > matched {
            let theirs: Vec<&str> = self.neighbours_b[b].iter().take(3).map(|&n| self.b[n].key.as_str()).collect();
            add(ConflictKind::Connectivity, strangers.iter().take(3).copied().collect::<Vec<_>>().join(", "), theirs.join(", "));
        }
    }
}

impl Reconciliation {
    /// Findings for conflicts, ties and what has no partner.
    fn findings(&mut self) {
        for c in &self.conflicts {
            let (code, what) = match c.kind {
                ConflictKind::Phases => ("RECONCILE.MATCH.PHASES", "phases"),
                ConflictKind::Length => ("RECONCILE.MATCH.LENGTH", "lengths"),
                ConflictKind::Rating => ("RECONCILE.MATCH.RATING", "sizes"),
                ConflictKind::Voltage => ("RECONCILE.MATCH.VOLTAGE", "voltages"),
                ConflictKind::Connectivity => ("RECONCILE.MATCH.CONNECTIVITY", "neighbours"),
                ConflictKind::Place => ("RECONCILE.MATCH.PLACE", "places"),
            };
            let mut d = Diagnostic::warning(code, format!("its {what} differ from those of {}: {} and {}", c.b, c.value_a, c.value_b))
                .element(c.a.as_str());
            d.place = c.place;
            self.diagnostics.push(d.hint("Correct the source that is wrong, or reject the match."));
        }
        for m in self.matches.iter().filter(|m| m.tie.is_some()) {
            let tie = m.tie.as_deref().unwrap_or_default();
            let d = Diagnostic::note("RECONCILE.MATCH.TIE", format!("it was given to {}, and {tie} would do nearly as well", m.b))
                .element(m.a.as_str());
            self.diagnostics.push(d.hint("Accept the match, or force the other."));
        }
        for (alone, side) in [(&self.only_a, "first"), (&self.only_b, "second")] {
            if let Some(first) = alone.first() {
                let what = format!("{} subjects of the {side} source have no partner", alone.len());
                let some = alone.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
                let d = Diagnostic::warning("RECONCILE.SUBJECT.ALONE", what).element(first.as_str());
                self.diagnostics.push(
                    d.detail(format!("Among them {some}."))
                        .hint("They are missing in the other source, or their data differ too much; force pairs that belong together."),
                );
            }
        }
    }
}
