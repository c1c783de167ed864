//! A medium-voltage network that does not exist, as a plan: where buses stand, what they draw, which lines join them.
//!
//! Buses stand on a lattice of [`SPACING_KM`], each moved a little. Generators are the bus nearest the middle and then the one farthest from all
//! before. Lines follow a tree that weighs its length against the ways to the generators, which is today's network; ties close the loops that are
//! longest for their own length, as planners choose them. Conductors are those of `synthetic::catalogue`, chosen with room for a neighbour's load.
//! Loads are scaled down where the voltage of the planned tree would fall by more than [`MOST_DROP_PU`]. Demand has moved since the network was
//! planned, and restorations have left some ties closed: today's switches are not the best ones.

use crate::synthetic::random::Random;

/// Distance of neighbours on the lattice.
pub const SPACING_KM: f64 = 0.8;
/// How far a bus is moved from its place, part of the spacing.
const MOVED: f64 = 0.25;
/// Way of a line over the distance of its ends: roads bend.
const DETOUR: f64 = 1.2;
/// Rated voltage, line to line.
pub const KV: f64 = 12.47;
/// Greatest peak demand of a bus, and the least, before scaling.
const DEMAND_KW: (f64, f64) = (150.0, 600.0);
const POWER_FACTOR: (f64, f64) = (0.9, 0.97);
/// Fall of voltage in the planned tree that loads are scaled to.
pub const MOST_DROP_PU: f64 = 0.04;
/// Loading that they are scaled to, and fall of voltage that restorations have left at most.
const MOST_LOADING_PU: f64 = 0.7;
const LEFT_DROP_PU: f64 = 0.05;
/// Thinnest conductor of a line with all three phases.
const THINNEST: usize = 2;
/// Current that a conductor is chosen for, over that in the planned tree: it may have to feed a neighbour.
const ROOM: f64 = 1.6;
/// How much short ways to the generator count beside short lines when today's tree is planned (Alpert, Hu, Huang and Kahng, 1993: between the
/// shortest tree and the tree of shortest ways).
const SHORT_WAYS: f64 = 0.2;
/// Demand of a bus today over that which its lines were planned for.
const GROWN: (f64, f64) = (0.3, 1.9);
/// Part of the loads that have a PV plant, and its size over the load.
const PV_SHARE: f64 = 0.3;
const PV_SIZE: (f64, f64) = (0.2, 0.8);
/// Failures of a line a year and km: around the 0.1 that a line has in a model which says nothing (`synthetic::elements`), older lines more, newer
/// ones less.
const FAULTS_PER_KM: (f64, f64) = (0.02, 0.2);
/// Part of the ties that the last restorations left closed, another line of their loop open.
const LEFT_CLOSED: f64 = 0.4;
/// Lines from the tie within which that line is.
const LEFT_WITHIN: f64 = 3.0;
/// Stream of this plan among those that draw from a seed.
const PURPOSE: u64 = 0x6f70_6572;

#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub x_km: f64,
    pub y_km: f64,
    pub is_generator: bool,
    pub p_kw: f64,
    pub q_kvar: f64,
    pub pv_kw: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub from: usize,
    pub to: usize,
    pub length_km: f64,
    /// Into `synthetic::catalogue::PRIMARY`.
    pub wire: usize,
    pub is_closed: bool,
    /// A year and km.
    pub faults: f64,
}

/// Positive-sequence impedance, ohm/km, and rating, A, of each conductor.
pub type Wires = Vec<(f64, f64, f64)>;

/// Buses, and lines with today's first `n - n_generators` as planned and ties after them.
pub fn plan(n: usize, n_generators: usize, n_ties: usize, seed: u64, wires: &Wires) -> (Vec<Place>, Vec<Span>) {
    let mut random = Random::new(seed, PURPOSE, 0);
    let columns = (n as f64).sqrt().ceil() as usize;
    let mut places: Vec<Place> = (0..n)
        .map(|i| {
            let (dx, dy) = (random.between(-MOVED, MOVED), random.between(-MOVED, MOVED));
            let p_kw = random.between(DEMAND_KW.0, DEMAND_KW.1);
            let pf = random.between(POWER_FACTOR.0, POWER_FACTOR.1);
            let pv = (random.chance(PV_SHARE), random.between(PV_SIZE.0, PV_SIZE.1));
            Place {
                x_km: ((i % columns) as f64 + dx) * SPACING_KM,
                y_km: ((i / columns) as f64 + dy) * SPACING_KM,
                is_generator: false,
                p_kw,
                q_kvar: p_kw * (1.0 / (pf * pf) - 1.0).sqrt(),
                pv_kw: if pv.0 { pv.1 * p_kw } else { 0.0 },
            }
        })
        .collect();
    let distance = |a: &Place, b: &Place| ((a.x_km - b.x_km).powi(2) + (a.y_km - b.y_km).powi(2)).sqrt();
    // The middle first, then the farthest from all generators.
    let middle = places.iter().fold((0.0, 0.0), |m, p| (m.0 + p.x_km / n as f64, m.1 + p.y_km / n as f64));
    let from_middle = |p: &Place| ((p.x_km - middle.0).powi(2) + (p.y_km - middle.1).powi(2)).sqrt();
    let by = |value: &dyn Fn(usize) -> f64| (0..n).min_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap_or(0);
    let first = if n_generators == 1 { by(&|i| from_middle(&places[i])) } else { by(&|i| -from_middle(&places[i])) };
    let mut generators = vec![first];
    while generators.len() < n_generators {
        let next = by(&|i| -generators.iter().map(|&g| distance(&places[i], &places[g])).fold(f64::INFINITY, f64::min));
        generators.push(next);
    }
    for &g in &generators {
        let p = &mut places[g];
        (p.is_generator, p.p_kw, p.q_kvar, p.pv_kw) = (true, 0.0, 0.0, 0.0);
    }
    let spans = tree(&places, &generators, &distance);
    let is_in = |a: usize, b: usize| spans.iter().any(|s| (s.1, s.2) == (a, b) || (s.2, s.1) == (a, b));
    let mut rest: Vec<(f64, usize, usize)> = Vec::new();
    for a in 0..n {
        for b in a + 1..n {
            let are_generators = places[a].is_generator && places[b].is_generator;
            if !are_generators && !is_in(a, b) {
                rest.push((distance(&places[a], &places[b]), a, b));
            }
        }
    }
    rest.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut spans = spans;
    let mut degree = vec![0_usize; n];
    spans.iter().for_each(|s| {
        degree[s.1] += 1;
        degree[s.2] += 1;
    });
    let n_tree = spans.len();
    let near = rest.iter().filter(|r| r.0 < 2.0 * SPACING_KM).copied().collect::<Vec<_>>();
    let mut pool = if near.len() >= n_ties { near } else { rest };
    for _ in 0..n_ties {
        let hops = all_hops(n, &generators, &spans);
        let worth = |r: &(f64, usize, usize)| hops[r.1][r.2] as f64 / r.0 / (degree[r.1].max(degree[r.2]).max(3) - 2) as f64;
        let Some(best) = (0..pool.len()).max_by(|&a, &b| worth(&pool[a]).total_cmp(&worth(&pool[b])).then(b.cmp(&a))) else { break };
        let tie = pool.remove(best);
        degree[tie.1] += 1;
        degree[tie.2] += 1;
        spans.push(tie);
    }
    size(places, &generators, &spans, n_tree, wires, &mut random)
}

/// The tree of today: a bus joins the one that has supply for which `length + SHORT_WAYS * (way from the generator)` is least.
fn tree(places: &[Place], generators: &[usize], distance: &dyn Fn(&Place, &Place) -> f64) -> Vec<(f64, usize, usize)> {
    let n = places.len();
    let mut way: Vec<Option<f64>> = places.iter().map(|p| p.is_generator.then_some(0.0)).collect();
    let mut spans = Vec::new();
    for _ in generators.len()..n {
        let mut best: Option<(f64, usize, usize)> = None;
        for from in 0..n {
            let Some(km) = way[from] else { continue };
            for to in (0..n).filter(|&to| way[to].is_none()) {
                let key = distance(&places[from], &places[to]) + SHORT_WAYS * km;
                if best.is_none_or(|b| key < b.0) {
                    best = Some((key, from, to));
                }
            }
        }
        let Some((_, from, to)) = best else { break };
        let km = distance(&places[from], &places[to]);
        way[to] = Some(way[from].unwrap_or(0.0) + km);
        spans.push((km, from, to));
    }
    spans
}

/// Hops between all pairs of buses, generators counted as one.
fn all_hops(n: usize, generators: &[usize], spans: &[(f64, usize, usize)]) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); n];
    for &(_, a, b) in spans {
        next[a].push(b);
        next[b].push(a);
    }
    (0..n)
        .map(|from| {
            let mut hops = vec![usize::MAX; n];
            let mut queue = std::collections::VecDeque::from([from]);
            hops[from] = 0;
            while let Some(v) = queue.pop_front() {
                let others: Vec<usize> = if generators.contains(&v) { generators.to_vec() } else { Vec::new() };
                for &to in next[v].iter().chain(&others) {
                    if hops[to] == usize::MAX {
                        hops[to] = hops[v] + usize::from(!others.contains(&to));
                        queue.push_back(to);
                    }
                }
            }
            hops
        })
        .collect()
}

/// Power of each closed line without losses and PV, the greatest fall of voltage, pu, and the greatest loading, pu.
fn flows(places: &[Place], generators: &[usize], spans: &[Span], wires: &Wires) -> (Vec<(f64, f64)>, f64, f64) {
    let n = places.len();
    let mut up: Vec<Option<(usize, usize)>> = vec![None; n];
    let mut order: Vec<usize> = generators.to_vec();
    let mut next = 0;
    while next < order.len() {
        let v = order[next];
        next += 1;
        for (s, span) in spans.iter().enumerate().filter(|(_, s)| s.is_closed) {
            let to = if span.from == v {
                span.to
            } else if span.to == v {
                span.from
            } else {
                continue;
            };
            if up[to].is_none() && !generators.contains(&to) {
                up[to] = Some((s, v));
                order.push(to);
            }
        }
    }
    let mut below: Vec<(f64, f64)> = places.iter().map(|p| (p.p_kw, p.q_kvar)).collect();
    let mut carried = vec![(0.0, 0.0); spans.len()];
    for &v in order.iter().rev() {
        if let Some((s, parent)) = up[v] {
            carried[s] = below[v];
            below[parent].0 += below[v].0;
            below[parent].1 += below[v].1;
        }
    }
    let mut drop = vec![0.0_f64; n];
    let mut loading = 0.0_f64;
    for &v in &order {
        if let Some((s, parent)) = up[v] {
            let (r, x, rating) = wires[spans[s].wire];
            drop[v] = drop[parent] + spans[s].length_km * (r * carried[s].0 + x * carried[s].1) / 1e3 / (KV * KV);
            loading = loading.max(carried[s].0.hypot(carried[s].1) / (3f64.sqrt() * KV) / rating);
        }
    }
    (carried, drop.into_iter().fold(0.0, f64::max), loading)
}

/// Chooses conductors, lets demand move and scales it, and leaves some ties closed.
fn size(
    mut places: Vec<Place>,
    generators: &[usize],
    pairs: &[(f64, usize, usize)],
    n_tree: usize,
    wires: &Wires,
    random: &mut Random,
) -> (Vec<Place>, Vec<Span>) {
    let of = |(s, &(km, from, to)): (usize, &(f64, usize, usize))| Span {
        from,
        to,
        length_km: (km * DETOUR * 1e3).round() / 1e3,
        wire: 0,
        is_closed: s < n_tree,
        faults: 0.0,
    };
    let mut spans: Vec<Span> = pairs.iter().enumerate().map(of).collect();
    let carried = flows(&places, generators, &spans, wires).0;
    let wire_for = |kva: f64| {
        let amps = ROOM * kva / (3f64.sqrt() * KV);
        (THINNEST..wires.len()).find(|&w| wires[w].2 >= amps).unwrap_or(wires.len() - 1)
    };
    // A tie is as strong as the weaker of what stands at its ends, so that it can take over what hangs there.
    let mut strongest = vec![0; places.len()];
    for s in 0..spans.len() {
        let (from, to) = (spans[s].from, spans[s].to);
        if s < n_tree {
            spans[s].wire = wire_for(carried[s].0.hypot(carried[s].1));
            strongest[from] = strongest[from].max(spans[s].wire);
            strongest[to] = strongest[to].max(spans[s].wire);
        } else {
            spans[s].wire = strongest[from].min(strongest[to]).max(THINNEST + 1);
        }
        spans[s].faults = (random.between(FAULTS_PER_KM.0, FAULTS_PER_KM.1) * 1e4).round() / 1e4;
    }
    for p in &mut places {
        let grown = random.between(GROWN.0, GROWN.1);
        (p.p_kw, p.q_kvar, p.pv_kw) = (p.p_kw * grown, p.q_kvar * grown, p.pv_kw * grown);
    }
    let (_, drop, loading) = flows(&places, generators, &spans, wires);
    let scale = (MOST_DROP_PU / drop).min(MOST_LOADING_PU / loading).min(1.0);
    let scaled = |x: f64| (x * scale * 10.0).round() / 10.0;
    for p in &mut places {
        (p.p_kw, p.q_kvar, p.pv_kw) = (scaled(p.p_kw), scaled(p.q_kvar), scaled(p.pv_kw));
    }
    for tie in n_tree..spans.len() {
        let (left, at) = (random.chance(LEFT_CLOSED), random.unit());
        let ring = ring(places.len(), generators, &spans, tie);
        let Some(&opened) = ring.get((at * LEFT_WITHIN) as usize).filter(|_| left) else { continue };
        (spans[tie].is_closed, spans[opened].is_closed) = (true, false);
        let (_, drop, loading) = flows(&places, generators, &spans, wires);
        if drop > LEFT_DROP_PU || loading > 1.0 {
            (spans[tie].is_closed, spans[opened].is_closed) = (false, true);
        }
    }
    (places, spans)
}

/// Closed lines of the loop that closing a line makes, generators counted as one.
fn ring(n: usize, generators: &[usize], spans: &[Span], tie: usize) -> Vec<usize> {
    let at = |i: usize| if generators.contains(&i) { n } else { i };
    let (from, to) = (at(spans[tie].from), at(spans[tie].to));
    let mut by: Vec<Option<(usize, usize)>> = vec![None; n + 1];
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(v) = queue.pop_front() {
        for (s, span) in spans.iter().enumerate().filter(|(_, s)| s.is_closed) {
            let (a, b) = (at(span.from), at(span.to));
            let next = if a == v {
                b
            } else if b == v {
                a
            } else {
                continue;
            };
            if next != from && by[next].is_none() {
                by[next] = Some((s, v));
                queue.push_back(next);
            }
        }
    }
    std::iter::successors(by[to], |&(_, v)| by[v]).map(|(s, _)| s).collect()
}
