//! Random diagrams against enumeration of all states: availability, frequency, importance, cut sets.

use super::component;
use network::availability::{Block, BlockKind, CommonCause, Diagram};
use std::collections::HashMap;
use studies::availability::{Exact, ExactOptions, Reading, analyse};
use studies::synthetic::random::Random;

/// Up to 14 events; blocks of all kinds, nested, with members shared by several.
fn random_diagram(random: &mut Random, events_max: i32) -> Diagram {
    let mut d = Diagram::default();
    let n = random.whole(2, events_max - 1);
    for i in 0..n {
        let mut c = component(&format!("c{i}"), random.between(50.0, 5000.0), random.between(1.0, 400.0));
        c.capacity_mw = Some(f64::from(random.whole(1, 12)) * 0.1 + f64::from(random.whole(0, 3)) * 10.0);
        d.components.push(c);
    }
    if random.chance(0.4) {
        let mut members: Vec<String> = d.components.iter().map(|c| c.id.clone()).collect();
        members.truncate(random.whole(2, n) as usize);
        d.common_causes.push(CommonCause { id: "cause".into(), beta: random.between(0.01, 0.4), members });
    }
    let mut pool: Vec<String> = d.components.iter().map(|c| c.id.clone()).collect();
    let mut used = vec![false; pool.len()];
    for b in 0..random.whole(1, 8) {
        let mut members: Vec<usize> = Vec::new();
        for _ in 0..random.whole(1, 6) {
            let m = random.whole(0, pool.len() as i32 - 1) as usize;
            if !members.contains(&m) {
                members.push(m);
            }
        }
        let made = one(random, &d, &pool, &members, format!("b{b}"));
        d.blocks.push(made);
        members.iter().for_each(|m| used[*m] = true);
        pool.push(format!("b{b}"));
        used.push(false);
    }
    // The plant takes all that is in no block yet.
    let rest: Vec<usize> = (0..pool.len()).filter(|m| !used[*m]).collect();
    let made = one(random, &d, &pool, &rest, "plant".into());
    d.blocks.push(made);
    d.system = Some("plant".into());
    d
}

fn one(random: &mut Random, d: &Diagram, pool: &[String], members: &[usize], id: String) -> Block {
    let kind = [BlockKind::Series, BlockKind::Parallel, BlockKind::ParallelKOfN][random.whole(0, 2) as usize];
    let mut b = Block { id, kind, members: members.iter().map(|m| pool[*m].clone()).collect(), ..Block::default() };
    b.capacity_mw = Some(f64::from(random.whole(1, 30)) * 0.7);
    if kind == BlockKind::ParallelKOfN {
        let sum: f64 = members.iter().map(|m| capacity(d, &pool[*m])).sum();
        let by_capacity = random.chance(0.5);
        if by_capacity {
            // Often exactly what some members have together.
            let some: f64 = members.iter().filter(|_| random.chance(0.6)).map(|m| capacity(d, &pool[*m])).sum();
            b.capacity_required_mw = Some(if some > 0.0 { some } else { sum * 0.5 });
        }
        if !by_capacity || random.chance(0.5) {
            b.k_required = Some(random.whole(1, members.len() as i32) as u32);
        }
    }
    b
}

fn capacity(d: &Diagram, id: &str) -> f64 {
    let of_block = || d.blocks.iter().find(|b| b.id == id).and_then(|b| b.capacity_mw);
    d.components.iter().find(|c| c.id == id).and_then(|c| c.capacity_mw).or_else(of_block).unwrap()
}

/// Kind, members, how many have to work, and the capacity that is needed with that of each member.
type Numbered = (BlockKind, Vec<usize>, Option<usize>, Option<(i64, Vec<i64>)>);

/// Members as numbers, of components first and then of blocks; capacity in tens of watts.
struct Enumerated {
    n: usize,
    blocks: Vec<Numbered>,
    caused: Vec<bool>,
    works: Vec<f64>,
    rate: Vec<f64>,
}

fn enumerated(d: &Diagram, reading: Reading) -> Enumerated {
    let n = d.components.len();
    let number: HashMap<&str, usize> = d
        .components
        .iter()
        .map(|c| c.id.as_str())
        .chain(d.blocks.iter().map(|b| b.id.as_str()))
        .enumerate()
        .map(|(i, id)| (id, i))
        .collect();
    let units = |mw: f64| (mw * 1e5).round() as i64;
    let blocks = d.blocks.iter().map(|b| {
        let members: Vec<usize> = b.members.iter().map(|m| number[m.as_str()]).collect();
        let by_capacity = b.capacity_required_mw.filter(|_| reading == Reading::Capacity || b.k_required.is_none());
        let need = by_capacity.map(|mw| (units(mw), b.members.iter().map(|m| units(capacity(d, m))).collect()));
        (b.kind, members, b.k_required.map(|k| k as usize), need)
    });
    let mut caused = vec![false; n];
    let (mut works, mut rate) = (Vec::new(), Vec::new());
    let cause = d.common_causes.first();
    for (i, c) in d.components.iter().enumerate() {
        let (f, r) = (c.mtbf_h.unwrap(), c.mttr_h.unwrap());
        caused[i] = cause.is_some_and(|g| g.members.contains(&c.id));
        let u = r / (f + r) * if caused[i] { 1.0 - cause.unwrap().beta } else { 1.0 };
        works.push(1.0 - u);
        rate.push(u / ((1.0 - u) * r));
    }
    if let Some(g) = cause {
        let of = |id: &String| d.components.iter().find(|c| c.id == *id).map(|c| (c.mtbf_h.unwrap(), c.mttr_h.unwrap())).unwrap();
        let mean = |x: &dyn Fn((f64, f64)) -> f64| (g.members.iter().map(|m| x(of(m)).ln()).sum::<f64>() / g.members.len() as f64).exp();
        let (u, r) = (g.beta * mean(&|(f, r)| r / (f + r)), mean(&|(_, r)| r));
        works.push(1.0 - u);
        rate.push(u / ((1.0 - u) * r));
    }
    Enumerated { n, blocks: blocks.collect(), caused, works, rate }
}

impl Enumerated {
    /// Which blocks work when the events are as the bits say.
    fn up(&self, state: u32) -> Vec<bool> {
        let free = self.works.len() == self.n || state >> self.n & 1 == 1;
        let mut up: Vec<bool> = (0..self.n).map(|i| state >> i & 1 == 1 && (free || !self.caused[i])).collect();
        for (kind, members, k, need) in &self.blocks {
            let works = members.iter().filter(|m| up[**m]).count();
            up.push(match (kind, need) {
                (_, Some((need, has))) => members.iter().zip(has).filter(|(m, _)| up[**m]).map(|(_, c)| c).sum::<i64>() >= *need,
                (BlockKind::Series, _) => works == members.len(),
                (BlockKind::Parallel, _) => works > 0,
                _ => works >= k.unwrap(),
            });
        }
        up.split_off(self.n)
    }

    fn probability(&self, state: u32) -> f64 {
        self.works.iter().enumerate().map(|(i, a)| if state >> i & 1 == 1 { *a } else { 1.0 - a }).product()
    }
}

/// Availability and failures an hour of every block, by all states.
fn figures(e: &Enumerated) -> Vec<(f64, f64)> {
    let n = e.works.len();
    let up: Vec<Vec<bool>> = (0..1_u32 << n).map(|s| e.up(s)).collect();
    let mut found = vec![(0.0, 0.0); e.blocks.len()];
    for (s, blocks) in up.iter().enumerate() {
        let p = e.probability(s as u32);
        for (b, f) in found.iter_mut().enumerate().filter(|(b, _)| blocks[*b]) {
            f.0 += p;
            f.1 += (0..n).filter(|i| s >> i & 1 == 1 && !up[s & !(1 << i)][b]).map(|i| p * e.rate[i]).sum::<f64>();
        }
    }
    found
}

fn held_against(d: &Diagram, exact: &Exact, number: usize) -> usize {
    let mut differing = 0;
    for (reading, told) in [(Reading::Count, &exact.blocks), (Reading::Capacity, &exact.by_capacity)] {
        let all = figures(&enumerated(d, reading));
        for f in told {
            let (a, w) = all[d.blocks.iter().position(|b| b.id == f.id).unwrap()];
            assert!((f.availability - a).abs() < 1e-12, "diagram {number}, {}: {} for {a}", f.id, f.availability);
            assert!((f.availability + f.unavailability - 1.0).abs() < 1e-14);
            let often = f.failures_per_year.unwrap() / 8760.0;
            assert!((often - w).abs() < 1e-12, "diagram {number}, {}: {often} for {w} failures an hour", f.id);
            differing += usize::from(reading == Reading::Capacity);
        }
    }
    differing
}

#[test]
fn a_thousand_random_diagrams_are_what_all_their_states_say() {
    let mut random = Random::new(20, 0, 0);
    let options = ExactOptions { importance: false, cut_set_order: 1, ..ExactOptions::default() };
    let (mut shared, mut by_capacity, mut largest) = (0, 0, 0);
    for number in 0..1000 {
        let d = random_diagram(&mut random, 14);
        let e = analyse(&d, &options).unwrap_or_else(|e| panic!("diagram {number}: {:?}", e.findings));
        by_capacity += held_against(&d, &e, number);
        let mut uses: HashMap<&str, usize> = HashMap::new();
        d.blocks.iter().flat_map(|b| &b.members).for_each(|m| *uses.entry(m).or_default() += 1);
        shared += usize::from(uses.values().any(|u| *u > 1));
        largest = largest.max(d.components.len() + d.common_causes.len());
    }
    println!("{shared} of 1000 diagrams share members; {by_capacity} blocks differ by capacity; {largest} events at most");
    assert!(shared > 400 && by_capacity > 200 && largest == 14);
}

#[test]
fn importance_and_cut_sets_are_what_all_states_say() {
    let mut random = Random::new(21, 0, 0);
    let options = ExactOptions { cut_set_order: 20, ..ExactOptions::default() };
    let (mut cuts_seen, mut parts) = (0, 0);
    for number in 0..200 {
        let d = random_diagram(&mut random, 9);
        let exact = analyse(&d, &options).unwrap();
        let e = enumerated(&d, Reading::Count);
        let n = e.works.len();
        let plant = d.blocks.len() - 1;
        let full = (1_u32 << n) - 1;
        let is_up: Vec<bool> = (0..1_u32 << n).map(|s| e.up(s)[plant]).collect();
        // Cuts as sets of failed events.
        let is_cut = |failed: u32| !is_up[(full & !failed) as usize];
        let minimal: Vec<u32> = (0..=full).filter(|f| is_cut(*f) && (0..n).all(|i| f >> i & 1 == 0 || !is_cut(f & !(1 << i)))).collect();
        let name = |i: usize| d.components.get(i).map_or("common cause cause".to_owned(), |c| c.id.clone());
        let mut expected: Vec<Vec<String>> = minimal.iter().map(|f| (0..n).filter(|i| f >> i & 1 == 1).map(name).collect()).collect();
        let mut found: Vec<Vec<String>> = exact.cut_sets.iter().map(|c| c.events.clone()).collect();
        expected.iter_mut().chain(&mut found).for_each(|s| s.sort());
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "diagram {number}");
        assert_eq!(exact.cut_set_order, 20);
        cuts_seen += found.len();
        let u: f64 = (0..=full).filter(|s| !is_up[*s as usize]).map(|s| e.probability(s)).sum();
        for i in 0..n {
            let given = |works: bool| -> f64 {
                let of = |s: &u32| (s >> i & 1 == 1) == works && !is_up[*s as usize];
                (0..=full).filter(of).map(|s| e.probability(s)).sum::<f64>() / if works { e.works[i] } else { 1.0 - e.works[i] }
            };
            let (u1, u0) = (given(false), given(true));
            // A part of a diagram that does not reach the plant has no event in it.
            let Some(told) = exact.importance.iter().find(|x| !x.is_block && x.id == name(i)) else { panic!("{}", name(i)) };
            let near = |a: f64, b: f64, what: &str| {
                assert!((a - b).abs() <= 1e-9 * b.abs() + 1e-12, "diagram {number} {}: {what} {a} for {b}", name(i))
            };
            near(told.birnbaum, u1 - u0, "Birnbaum");
            near(told.criticality.unwrap(), (u - u0) / u, "criticality");
            near(told.risk_achievement_worth.unwrap(), u1 / u, "risk achievement");
            let in_cut = |s: u32| minimal.iter().any(|c| c >> i & 1 == 1 && !s & full & c == *c);
            let fv: f64 = (0..=full).filter(|s| in_cut(*s)).map(|s| e.probability(s)).sum::<f64>() / u;
            near(told.fussell_vesely.unwrap(), fv, "Fussell-Vesely");
            parts += 1;
        }
        let itself = exact.importance.iter().find(|x| x.is_block && x.id == "plant").unwrap();
        assert!(
            (itself.birnbaum - 1.0).abs() < 1e-15
                && (itself.fussell_vesely.unwrap() - 1.0).abs() < 1e-12
                && itself.risk_reduction_worth.is_none()
        );
    }
    println!("{cuts_seen} cut sets and {parts} parts of 200 diagrams");
    assert!(cuts_seen > 500);
}
